//! One-time codes of RFC 6238 (six digits, SHA-1, 30 seconds, as every authenticator app has them), and recovery codes.

use cordon_domain::{Entropy as _, Moment};
use cordon_store::edge::SystemEntropy;
use data_encoding::{BASE32_NOPAD, Specification};
use minicbor::bytes::ByteArray;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::authenticator::Recovery;
use crate::limits::RECOVERY_CODES;
use crate::secret_hash;

const SECRET_BYTES: usize = 20;
const STEP_S: u64 = 30;
/// Steps before and after the present one whose code counts: clocks of telephones differ.
const SKEW: u16 = 1;
const RECOVERY_BYTES: usize = 10;

/// Draws the secret of one-time codes.
pub(crate) fn draw_secret() -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
    SystemEntropy.fill(&mut secret);
    secret
}

fn totp(secret: &[u8]) -> Totp {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(SKEW);
    builder.with_step_duration(STEP_S).with_secret(secret.to_vec()).build_noncompliant()
}

/// Tells which step a code is of, if it is one of now and later than `last_step`.
pub(crate) fn step_of(secret: &[u8], code: &str, last_step: u64, now: Moment) -> Option<u64> {
    let code: String = code.chars().filter(|sign| *sign != ' ').collect();
    let digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    let now_s = u64::try_from(now.unix_s()).ok().filter(|_| digits)?;
    totp(secret).check(&code, now_s).filter(|step| *step > last_step)
}

/// Returns the code of a moment, of a secret as authenticator apps are given it (base 32).
#[must_use]
pub fn one_time_code(secret: &str, at: Moment) -> Option<String> {
    let secret = Zeroizing::new(BASE32_NOPAD.decode(secret.as_bytes()).ok()?);
    Some(totp(&secret).generate(u64::try_from(at.unix_s()).ok()?).to_string())
}

/// The address that an authenticator app reads from a picture.
pub(crate) fn address(secret: &[u8], organisation: &str, name: &str) -> Zeroizing<String> {
    let mut url = Zeroizing::new("otpauth://totp/".to_owned());
    let plain =
        |text: &str| text.chars().filter(|sign| sign.is_ascii_alphanumeric() || "-._@".contains(*sign)).collect();
    let (organisation, name): (String, String) = (plain(organisation), plain(name));
    url.push_str(&format!("{organisation}:{name}?issuer={organisation}&secret="));
    url.push_str(&BASE32_NOPAD.encode(secret));
    url
}

/// Letters and digits that are not mistaken for one another.
fn letters() -> Option<data_encoding::Encoding> {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghjkmnpqrstuvwxyz023456789");
    specification.encoding().ok()
}

/// Draws recovery codes. Returns them as they are shown, once, and as they are kept.
pub(crate) fn draw_recovery() -> (Vec<Zeroizing<String>>, Recovery) {
    let mut recovery = Recovery::default();
    let mut shown = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        SystemEntropy.fill(&mut *bytes);
        let text = Zeroizing::new(letters().map_or_else(String::new, |letters| letters.encode(&*bytes)));
        recovery.left.push(ByteArray::from(secret_hash(b"cordon/recovery/v1", text.as_bytes())));
        let parts = [text.get(..4), text.get(4..8), text.get(8..12), text.get(12..)].map(Option::unwrap_or_default);
        shown.push(Zeroizing::new(parts.join("-")));
    }
    (shown, recovery)
}

/// Uses a recovery code up. Returns what is left, or `None` when it is none of them.
pub(crate) fn use_recovery(recovery: &Recovery, code: &str) -> Option<Recovery> {
    let plain: Zeroizing<String> = Zeroizing::new(
        code.chars().filter(char::is_ascii_alphanumeric).map(|sign| sign.to_ascii_lowercase()).collect(),
    );
    let hash = secret_hash(b"cordon/recovery/v1", plain.as_bytes());
    let is = |kept: &ByteArray<32>| aws_lc_rs::constant_time::verify_slices_are_equal(kept.as_slice(), &hash).is_ok();
    let place = recovery.left.iter().position(is)?;
    let mut left = recovery.clone();
    left.left.remove(place);
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc_and_count_once() {
        // RFC 6238, appendix B: the secret is ASCII, the code at 59 s is 94287082, of which these are the last six digits.
        let secret = b"12345678901234567890";
        let at = |seconds: i64| Moment(seconds * 1000);
        assert_eq!(step_of(secret, "287082", 0, at(59)), Some(1));
        assert_eq!(step_of(secret, "081804", 0, at(1_111_111_109)), Some(37_037_036));
        assert_eq!(one_time_code(&BASE32_NOPAD.encode(secret), at(59)).as_deref(), Some("287082"));
        assert_eq!(one_time_code("not base 32", at(59)), None);
        assert_eq!(step_of(secret, "287082", 1, at(59)), None, "it was used");
        assert_eq!(step_of(secret, "287 082", 0, at(89)), Some(1), "the step before");
        assert_eq!(step_of(secret, "287082", 0, at(90)), None, "too old");
        for code in ["", "28708", "2870822", "28708a", "\u{0662}87082"] {
            assert_eq!(step_of(secret, code, 0, at(59)), None, "{code}");
        }
        assert_eq!(step_of(secret, "287082", 0, Moment(-1)), None);
    }

    #[test]
    fn the_address_is_read_by_apps_and_holds_no_signs_of_its_own() {
        let url = address(b"12345678901234567890", "Example Lab", "ada@example.org&issuer=x");
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        let head = "otpauth://totp/ExampleLab:ada@example.orgissuerx?issuer=ExampleLab&secret=";
        assert_eq!(url.as_str(), format!("{head}{secret}"));
    }

    #[test]
    fn a_recovery_code_counts_once_however_it_is_written() {
        let (shown, kept) = draw_recovery();
        assert_eq!((shown.len(), kept.left.len()), (RECOVERY_CODES, RECOVERY_CODES));
        let left = use_recovery(&kept, &shown[3].to_uppercase().replace('-', " ")).expect("one of them");
        assert_eq!(left.left.len(), RECOVERY_CODES - 1);
        assert_eq!(use_recovery(&left, &shown[3]), None);
        assert!(use_recovery(&left, &shown[4]).is_some() && use_recovery(&left, "").is_none());
    }
}
