//! Offline proofs: checksums, structure, and what a credential says of its own reach.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cordon_domain::{Confidence, Severity, Today};

use crate::rule::Check;
use crate::value::{self, Looks};

/// What a check makes of a match.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) detail: Option<String>,
}

/// Checks `secret`, found within `whole`.
pub(crate) fn prove(
    check: Check,
    whole: &[u8],
    secret: &[u8],
    severity: Severity,
    confidence: Confidence,
    today: Today,
) -> Option<Proof> {
    let plain = Proof { severity, confidence, detail: None };
    let proof = match check {
        Check::None => plain,
        Check::Random => Proof { confidence: judged(secret, confidence), ..plain },
        Check::Mixed
            if secret.iter().all(u8::is_ascii_hexdigit) || secret.contains(&b'/') && !value::is_random(secret) =>
        {
            Proof { confidence: Confidence::Minimal, ..plain }
        }
        Check::Mixed => Proof { confidence: judged(secret, confidence), ..plain },
        Check::Crc32Base62 => crc32_base62(secret, plain),
        Check::AwsKeyId => aws_key_id(secret, plain),
        Check::GrafanaKey => grafana_key(secret, plain)?,
        Check::Jwt => jwt(secret, today, plain)?,
        Check::PrivateKey => private_key(whole, plain)?,
        Check::AzureSas => crate::capability::azure_sas(whole, today, plain)?,
        Check::Presigned => crate::capability::presigned(whole, today, plain),
        Check::UrlCredentials => url_credentials(whole, secret, plain)?,
        Check::Basic => basic(secret, plain)?,
        Check::Bearer => Proof { confidence: judged(secret, confidence), ..plain },
        Check::PasswordHash => plain,
        Check::Password => Proof { confidence: password(secret, confidence), ..plain },
    };
    let placeholder = !matches!(
        check,
        Check::PrivateKey
            | Check::AzureSas
            | Check::Presigned
            | Check::UrlCredentials
            | Check::PasswordHash
            | Check::Basic
    ) && value::is_placeholder(secret);
    Some(if placeholder { Proof { confidence: Confidence::Minimal, ..proof } } else { proof })
}

/// Lowers confidence in a value that does not look drawn at random.
fn judged(secret: &[u8], confidence: Confidence) -> Confidence {
    // A prefix of words (`sk-proj-`) would count against the random part behind it.
    let body = secret
        .iter()
        .rposition(|byte| matches!(byte, b'_' | b'-' | b'.' | b':'))
        .and_then(|at| secret.get(at + 1..))
        .filter(|tail| tail.len() >= 16)
        .unwrap_or(secret);
    if value::is_random(body) || value::is_random(secret) {
        return confidence;
    }
    match value::judge(body) {
        Looks::Regular | Looks::Uuid => confidence.lowered(1).min(Confidence::Low),
        Looks::Random | Looks::Password => confidence.lowered(1),
        Looks::Words | Looks::Reference if body.iter().any(u8::is_ascii_digit) => {
            confidence.lowered(1).min(Confidence::Low)
        }
        Looks::Words | Looks::Placeholder | Looks::Reference => Confidence::Minimal,
    }
}

fn password(secret: &[u8], confidence: Confidence) -> Confidence {
    let secret = memchr::memchr(b':', secret)
        .and_then(|colon| secret.get(colon + 1..))
        .filter(|rest| rest.len() >= 3)
        .unwrap_or(secret);
    if is_template(secret) || value::is_name_of_secret(secret) {
        return Confidence::Minimal;
    }
    match value::judge(secret) {
        Looks::Random | Looks::Password => confidence.max(Confidence::Medium),
        Looks::Regular | Looks::Uuid => confidence,
        Looks::Words => confidence.min(Confidence::Low),
        Looks::Placeholder | Looks::Reference => Confidence::Minimal,
    }
}

/// `{name}`, alone or within something.
fn is_template(secret: &[u8]) -> bool {
    let inner = memchr::memchr(b'{', secret).and_then(|at| secret.get(at + 1..)).unwrap_or_default();
    let name = inner.split(|byte| *byte == b'}').next().unwrap_or_default();
    !name.is_empty() && name.len() < inner.len() && name.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
}

/// The last six characters are the CRC-32 of those between the prefix and them, in base 62 (GitHub, npm).
fn crc32_base62(secret: &[u8], proof: Proof) -> Proof {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = memchr::memchr(b'_', secret).and_then(|at| secret.get(at + 1..)).unwrap_or_default();
    let Some((random, sum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else { return proof };
    let mut crc = crc32fast::hash(random);
    let mut expect = [b'0'; 6];
    for slot in expect.iter_mut().rev() {
        *slot = DIGITS.get((crc % 62) as usize).copied().unwrap_or(b'0');
        crc /= 62;
    }
    if sum == expect {
        return Proof { detail: Some("the checksum is right: this token was issued".to_owned()), ..proof };
    }
    let confidence = judged(secret, proof.confidence).lowered(1);
    Proof { confidence, detail: Some("the checksum is wrong: mistyped or made up".to_owned()), ..proof }
}

/// The account number stands in the first 48 bits behind the prefix, base 32, shifted by 7.
fn aws_key_id(secret: &[u8], proof: Proof) -> Proof {
    let mut bits = 0u64;
    for byte in secret.iter().skip(4).take(10) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return proof,
        };
        bits = bits << 5 | u64::from(digit);
    }
    // Fifty bits were read; the account is the 40 bits below the first of the first 48.
    let account = (bits >> 2 & 0x7fff_ffff_ff80) >> 7;
    if secret.ends_with(b"EXAMPLE") {
        return Proof {
            confidence: Confidence::Minimal,
            detail: Some("the key of the provider's documentation".to_owned()),
            ..proof
        };
    }
    let temporary = if secret.starts_with(b"ASIA") { "temporary key" } else { "long-lived key" };
    let detail =
        if account > 999_999_999_999 { temporary.to_owned() } else { format!("{temporary} of account {account:012}") };
    Proof { detail: Some(detail), confidence: judged(secret, proof.confidence), ..proof }
}

/// Decodes base64 of either alphabet, padded or not.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let body = text.get(..end)?;
    let body = if body.len() % 4 == 1 { body.get(..body.len() - 1)? } else { body };
    STANDARD_NO_PAD.decode(body).or_else(|_| URL_SAFE_NO_PAD.decode(body)).ok()
}

/// Reads the string or number behind `"name":` in JSON, without building a tree.
pub(crate) fn json_member(json: &str, name: &str) -> Option<String> {
    let rest = json.split_once(&format!("\"{name}\""))?.1.trim_start().strip_prefix(':')?.trim_start();
    Some(match rest.strip_prefix('"') {
        Some(text) => text.split('"').next().unwrap_or_default().to_owned(),
        None => rest.split([',', '}', ']', ' ']).next().unwrap_or_default().to_owned(),
    })
}

fn grafana_key(secret: &[u8], proof: Proof) -> Option<Proof> {
    let text = String::from_utf8(decode_base64(secret)?).ok()?;
    let name = json_member(&text, "n")?;
    let key = json_member(&text, "k")?;
    json_member(&text, "id")?;
    let confidence = if value::is_placeholder(key.as_bytes()) { Confidence::Minimal } else { proof.confidence };
    Some(Proof { confidence, detail: Some(format!("key named {name}")), ..proof })
}

fn jwt(secret: &[u8], today: Today, proof: Proof) -> Option<Proof> {
    let mut parts = secret.split(|byte| *byte == b'.');
    let header = String::from_utf8(decode_base64(parts.next()?)?).ok()?;
    if !header.starts_with('{')
        || !header.contains("\"alg\"") && !header.contains("\"typ\"") && !header.contains("\"enc\"")
    {
        return None;
    }
    let payload = parts
        .next()
        .and_then(decode_base64)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let mut notes = Vec::new();
    if let Some(issuer) = json_member(&payload, "iss").filter(|issuer| issuer.len() <= 80) {
        notes.push(format!("issued by {issuer}"));
    }
    let role = json_member(&payload, "role");
    if let Some(role) = role.as_ref().filter(|role| role.len() <= 40) {
        notes.push(format!("role {role}"));
    }
    let mut severity = match role.as_deref() {
        Some("anon") => Severity::Low,
        Some("service_role") => Severity::Critical,
        _ => proof.severity,
    };
    if let Some(expiry) = json_member(&payload, "exp").and_then(|text| text.parse::<i64>().ok()) {
        let expired = !today.is_before(expiry);
        notes.push(format!("{} {}", if expired { "expired" } else { "valid until" }, crate::capability::day(expiry)));
        severity = if expired { Severity::Low } else { severity };
    } else {
        notes.push("never expires".to_owned());
    }
    let confidence = if payload.contains("1234567890") { Confidence::Minimal } else { proof.confidence };
    Some(Proof { severity, confidence, detail: Some(notes.join(", ")) })
}

fn private_key(whole: &[u8], proof: Proof) -> Option<Proof> {
    let has = |needle: &[u8]| memchr::memmem::find(whole, needle).is_some();
    if whole.starts_with(b"{") {
        return json_private(whole, proof);
    }
    let body = whole.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    let placeholder = has(b"...")
        || has(b"PRIVATE KEY HERE")
        || has(b"<") && !has(b"<P")
        || has(b"${")
        || has(b"xxxx")
        || has(b"XXXX")
        || has(b"REDACTED");
    let blocks = whole
        .split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')))
        .filter(|run| run.len() >= 24 && !value::is_placeholder(run))
        .count();
    if body < 64 || blocks == 0 {
        return Some(Proof { confidence: Confidence::Minimal, ..proof });
    }
    let encrypted = has(b"ENCRYPTED") || has(b"bcrypt");
    let severity = if encrypted { Severity::Medium } else { proof.severity };
    let detail = encrypted.then(|| "encrypted with a passphrase: as strong as that".to_owned());
    Some(Proof { severity, confidence: if placeholder { Confidence::Minimal } else { proof.confidence }, detail })
}

/// A JWK is private when it has `d` (RSA, EC, OKP) or, being symmetric, `k` (RFC 7518, section 6).
fn json_private(whole: &[u8], proof: Proof) -> Option<Proof> {
    let text = String::from_utf8_lossy(whole);
    let member = json_member(&text, "d").or_else(|| json_member(&text, "k").filter(|_| text.contains("\"oct\"")))?;
    (member.len() >= 16 && value::is_random(member.as_bytes())).then_some(proof)
}

fn url_credentials(whole: &[u8], secret: &[u8], proof: Proof) -> Option<Proof> {
    let text = String::from_utf8_lossy(whole);
    let (scheme, rest) = text.split_once("://")?;
    let (userinfo, host) = rest.rsplit_once('@')?;
    let user = userinfo.split(':').next().unwrap_or_default();
    let host_name = host.split([':', '/']).next().unwrap_or_default();
    let looks = value::judge(secret);
    let template = |text: &str| text.contains(['$', '{', '<', '%']) && text.contains(['{', '<', '(', '$']);
    let confidence = if template(userinfo)
        || userinfo.starts_with('[')
        || matches!(looks, Looks::Placeholder | Looks::Reference)
        || value::is_name_of_secret(secret)
    {
        Confidence::Minimal
    } else {
        let base = if matches!(looks, Looks::Words) { Confidence::Low } else { proof.confidence };
        let local = host_name == "localhost"
            || host_name.starts_with("127.")
            || host_name.contains("example.")
            || !host_name.contains('.');
        base.lowered(u8::from(local))
    };
    let user = Some(user).filter(|user| is_plain_user(user)).map(|user| format!(" as {user}")).unwrap_or_default();
    let detail = Some(format!("{scheme}{user} at {host_name}"));
    Some(Proof { confidence, detail, ..proof })
}

/// A short name that was not drawn at random: what stands before the colon is often a key as well.
fn is_plain_user(user: &str) -> bool {
    !user.is_empty()
        && user.len() <= 40
        && !value::is_random(user.as_bytes())
        && user.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+'))
}

fn basic(secret: &[u8], proof: Proof) -> Option<Proof> {
    let decoded = decode_base64(secret)?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    if text.chars().any(char::is_control) || user.len() > 120 || user.starts_with(['{', '[']) {
        return None;
    }
    let confidence = match value::judge(password.as_bytes()) {
        Looks::Random | Looks::Password => Confidence::High,
        Looks::Regular | Looks::Uuid => Confidence::Medium,
        Looks::Words => Confidence::Low,
        Looks::Placeholder | Looks::Reference => Confidence::Minimal,
    };
    Some(Proof {
        confidence: confidence.min(Confidence::High),
        detail: is_plain_user(user).then(|| format!("user {user}")),
        ..proof
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Proof {
        Proof { severity: Severity::High, confidence: Confidence::High, detail: None }
    }

    #[test]
    fn checksum_of_a_token_is_proved_and_disproved() {
        let random = "kT9vQ2mZ7xLpR4wBkT9vQ2mZ7xLpR4";
        let mut crc = crc32fast::hash(random.as_bytes());
        let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
        let mut sum: Vec<char> = (0..6)
            .map(|_| {
                let d = digits[(crc % 62) as usize];
                crc /= 62;
                d
            })
            .collect();
        sum.reverse();
        let good = format!("ghp_{random}{}", sum.iter().collect::<String>());
        assert_eq!(crc32_base62(good.as_bytes(), plain()).confidence, Confidence::High);
        assert!(crc32_base62(format!("ghp_{random}AAAAAA").as_bytes(), plain()).confidence < Confidence::High);
    }

    /// The key and account of a published description of the encoding.
    #[test]
    fn account_is_read_from_the_key() {
        let key = ["ASIA", "QNZGKIQY", "56JQ7WML"].concat();
        assert_eq!(
            aws_key_id(key.as_bytes(), plain()).detail.as_deref(),
            Some("temporary key of account 029608264753")
        );
    }

    #[test]
    fn basic_needs_a_colon_and_text() {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        assert!(basic(encode("alice:Tr0ub4dor&3").as_bytes(), plain()).is_some());
        assert!(basic(encode("no colon here").as_bytes(), plain()).is_none());
    }
}
