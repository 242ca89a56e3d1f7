//! URLs that are credentials: what they open, and until when.

use cordon_domain::{Confidence, Severity, Today};

use crate::checks::Proof;
use crate::value;

/// Writes seconds since 1970 as a day.
pub(crate) fn day(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).map_or_else(
        |_| "a day out of range".to_owned(),
        |time| jiff::tz::TimeZone::UTC.to_datetime(time).date().to_string(),
    )
}

/// Reads an ISO 8601 day or moment (`2051-10-06`, `2051-10-06T07:00:00Z`, `20511006T070000Z`) as seconds since 1970.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let digits: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '-' | 'T' | 't' | ':' | '.'))
        .filter(char::is_ascii_digit)
        .collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|text| text.parse::<i8>().ok());
    let year = digits.get(0..4)?.parse::<i16>().ok()?;
    let date = jiff::civil::Date::new(year, part(4..6)?, part(6..8)?).ok()?;
    let time = date.at(part(8..10).unwrap_or(0), part(10..12).unwrap_or(0), part(12..14).unwrap_or(0).min(59), 0);
    jiff::tz::Offset::UTC.to_timestamp(time).ok().map(|time| time.as_second())
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('%') {
        out.push_str(head);
        match tail.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

struct Query(Vec<(String, String)>);

impl Query {
    fn of(url: &str) -> Self {
        let query = url.replace("&amp;", "&").replace("\\u0026", "&").replace("%26", "&");
        let query = query.split_once('?').map_or(query.as_str(), |(_, query)| query);
        let pairs = query.split(['&', ' ', '"', '\'']).filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.trim_start_matches(['?', '"', '\'']).to_ascii_lowercase(), unescape(value)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a shared access signature (Microsoft's "Create an account SAS" and "Create a service SAS").
pub(crate) fn azure_sas(whole: &[u8], today: Today, proof: Proof) -> Option<Proof> {
    let text = String::from_utf8_lossy(whole);
    let query = Query::of(&text);
    query.get("sv").or(query.get("sr"))?;
    let signature = query.get("sig")?;
    let permissions = query.get("sp").unwrap_or_default();
    let (scope, wide) = if query.get("ss").is_some() || query.get("srt").is_some() {
        ("the whole storage account", true)
    } else {
        match query.get("sr") {
            Some("c") => ("a container", true),
            Some("d") => ("a directory", true),
            Some("b" | "bv" | "bs") => ("one blob", false),
            Some("f") => ("one file", false),
            Some("s") => ("a file share", true),
            Some(_) => ("an entity", false),
            None => ("a table or queue", true),
        }
    };
    let can = |letter: char| permissions.contains(letter);
    let changes = can('w') || can('d') || can('c') || can('a') || can('u');
    let right = match (can('r') || can('l'), changes) {
        (true, true) if can('d') && (can('w') || can('c')) => "full control".to_owned(),
        (true, true) => "read and write".to_owned(),
        (true, false) => "read".to_owned(),
        (false, true) => "write".to_owned(),
        (false, false) if query.get("si").is_some() => "what its stored policy allows, use".to_owned(),
        (false, false) => format!("permissions `{permissions}`"),
    };
    let expiry = query.get("se").and_then(moment);
    let expired = expiry.is_some_and(|end| !today.is_before(end));
    let until = match expiry {
        Some(end) if expired => format!("until {} (past)", day(end)),
        Some(end) => format!("until {}", day(end)),
        None => "with no end of its own".to_owned(),
    };
    let severity = match (expired, changes || wide) {
        (true, _) => Severity::Low,
        (false, true) => Severity::Critical,
        (false, false) => Severity::High,
    };
    let made_up = value::is_placeholder(signature.as_bytes());
    let confidence = if made_up { Confidence::Minimal } else { proof.confidence };
    Some(Proof { severity, confidence, detail: Some(format!("{right} of {scope} {until}")) })
}

/// Reads a presigned URL of S3 (signature versions 2 and 4) or Google Cloud Storage.
pub(crate) fn presigned(whole: &[u8], today: Today, proof: Proof) -> Proof {
    let text = String::from_utf8_lossy(whole);
    let query = Query::of(&text);
    let host = text.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default().to_owned();
    let signed = query.get("x-amz-date").or(query.get("x-goog-date")).and_then(moment);
    let life_s = query.get("x-amz-expires").or(query.get("x-goog-expires")).and_then(|text| text.parse::<i64>().ok());
    let end = match (signed, life_s) {
        (Some(start), Some(life_s)) => start.checked_add(life_s),
        _ => query.get("expires").and_then(|text| text.parse().ok()),
    };
    let expired = end.is_some_and(|end| !today.is_before(end));
    let until = match end {
        Some(end) => format!("until {}{}", day(end), if expired { " (past)" } else { "" }),
        None => "with no end that the URL states".to_owned(),
    };
    let severity = if expired { Severity::Low } else { proof.severity };
    Proof { severity, detail: Some(format!("access to one object at {host} {until}")), ..proof }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sas(query: &str) -> Option<(Severity, String)> {
        let proof = Proof { severity: Severity::Critical, confidence: Confidence::High, detail: None };
        azure_sas(query.as_bytes(), Today(1_790_000_000), proof)
            .map(|proof| (proof.severity, proof.detail.unwrap_or_default()))
    }

    #[test]
    fn a_shared_access_signature_says_what_it_opens() {
        let sig = "kT9vQ2mZ7xLpR4wBkT9vQ2mZ7xLpR4wBkT9vQ2mZ7xL%3D";
        let account = format!(
            "https://acct.blob.core.windows.net/x?sv=2020-08-04&ss=bfqt&srt=sco&sp=rwdlacupitfx&se=2051-10-06T07:00:00Z&sig={sig}"
        );
        assert_eq!(
            sas(&account),
            Some((Severity::Critical, "full control of the whole storage account until 2051-10-06".to_owned()))
        );
        let blob = format!("?sv=2020-08-04&sr=b&sp=r&se=2021-10-06&sig={sig}");
        assert_eq!(sas(&blob), Some((Severity::Low, "read of one blob until 2021-10-06 (past)".to_owned())));
        assert_eq!(sas("?a=b&sig=x"), None);
    }

    #[test]
    fn a_presigned_url_says_when_it_ends() {
        let url = b"https://b.s3.amazonaws.com/k?X-Amz-Date=20270101T000000Z&X-Amz-Expires=86400&X-Amz-Signature=00";
        let proof = Proof { severity: Severity::High, confidence: Confidence::High, detail: None };
        let found = presigned(url, Today(1_790_000_000), proof);
        assert_eq!(found.detail.as_deref(), Some("access to one object at b.s3.amazonaws.com until 2027-01-02"));
    }
}
