//! Signature Version 4 of AWS: who signed a request, and with what secret.
//!
//! Documented in the AWS reference for IAM ("Signature Version 4 signing process") and for S3 ("Authenticating requests
//! (AWS Signature Version 4)"). The path is taken as it came, as S3 does: it is encoded once. Only HMAC-SHA-256; the older
//! version 2 is refused. What is not signed does not count: the host, every `x-amz-` header and the date must be.

use std::borrow::Cow;

use aws_lc_rs::{constant_time, digest, hmac};
use cordon_domain::Moment;
use cordon_domain::id::hex;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::limits::{SIGNED_HEADERS_MAX, SKEW_MS};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What of a request is signed.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, as it came.
    pub path: &'a str,
    /// The query, as it came, without the question mark.
    pub query: &'a str,
    /// Headers: names in lower case, with their values.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body, in hexadecimal, where all of it is here.
    pub body_sha256: Option<&'a str>,
    /// The service that is asked; only `s3` lets a client leave its body out.
    pub service: &'a str,
}

/// A signature that does not count, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It cannot be read.
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    /// Another algorithm.
    #[error("only {ALGORITHM} counts")]
    Algorithm,
    /// Something that must be signed is not.
    #[error("the signature does not cover {0}")]
    Uncovered(&'static str),
    /// It was made at another time.
    #[error("the signature was made at another time than now: the clocks differ by more than 15 minutes")]
    Skewed,
    /// It is of another request, or with another secret.
    #[error("the signature is not of this request with this key")]
    Wrong,
}

/// What an `Authorization` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The id of the access key.
    pub access_key: &'a str,
    /// The region that it is for.
    pub region: &'a str,
    day: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: [u8; 32],
    stamp: &'a str,
    body: &'a str,
}

impl<'a> Signed<'a> {
    /// Reads what a request says of its signature, and that it covers what it must.
    ///
    /// # Errors
    ///
    /// [`SignatureError`]; nothing was compared yet.
    pub fn read(asked: &Asked<'a>) -> Result<Self, SignatureError> {
        let header = one(asked, "authorization")?.ok_or(SignatureError::Malformed("there is none"))?;
        let fields = header.strip_prefix(ALGORITHM).ok_or(SignatureError::Algorithm)?;
        let field = |name: &'static str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            found.next().filter(|_| found.next().is_none()).ok_or(SignatureError::Malformed(name))
        };
        let mut scope = field("Credential")?.split('/');
        let mut next = || scope.next().filter(|part| !part.is_empty()).ok_or(SignatureError::Malformed("Credential"));
        let (access_key, day, region, service, end) = (next()?, next()?, next()?, next()?, next()?);
        if end != "aws4_request" || scope.next().is_some() || service != asked.service {
            return Err(SignatureError::Malformed("Credential"));
        }
        let headers: Vec<&str> = field("SignedHeaders")?.split(';').take(SIGNED_HEADERS_MAX + 1).collect();
        let sorted = headers.windows(2).all(|pair| pair.first() < pair.last());
        if headers.len() > SIGNED_HEADERS_MAX || !sorted {
            return Err(SignatureError::Malformed("SignedHeaders"));
        }
        let signature =
            cordon_domain::id::parse_hex(field("Signature")?).ok_or(SignatureError::Malformed("Signature"))?;
        let stamp = one(asked, "x-amz-date")?.ok_or(SignatureError::Uncovered("the date"))?;
        let body = match (one(asked, "x-amz-content-sha256")?, asked.body_sha256) {
            (Some(UNSIGNED), _) if asked.service != "s3" => return Err(SignatureError::Uncovered("the body")),
            (Some(stated), Some(own)) if stated != own && stated != UNSIGNED => return Err(SignatureError::Wrong),
            (stated, own) => stated.or(own).ok_or(SignatureError::Uncovered("the body"))?,
        };
        let signed = Self { access_key, day, region, service, headers, signature, stamp, body };
        signed.covers(asked)?;
        Ok(signed)
    }

    /// Whatever an intermediary could add and Cordon would believe is signed.
    fn covers(&self, asked: &Asked<'_>) -> Result<(), SignatureError> {
        let is_covered = |name: &str| self.headers.contains(&name);
        if !is_covered("host") {
            return Err(SignatureError::Uncovered("the host"));
        }
        match asked.headers.iter().map(|(name, _)| *name).filter(believed).all(is_covered) {
            true => Ok(()),
            false => Err(SignatureError::Uncovered("every x-amz- header")),
        }
    }

    /// Compares the signature with the one that `secret` makes of this request, now.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Skewed`], [`SignatureError::Wrong`].
    pub fn check(&self, asked: &Asked<'_>, secret: &str, now: Moment) -> Result<(), SignatureError> {
        let made = moment(self.stamp).ok_or(SignatureError::Malformed("x-amz-date"))?;
        if !self.stamp.starts_with(self.day) || made.since_ms(now).abs() > SKEW_MS {
            return Err(SignatureError::Skewed);
        }
        let own = self.signature_with(asked, secret);
        constant_time::verify_slices_are_equal(&own, &self.signature).map_err(|_| SignatureError::Wrong)
    }

    fn signature_with(&self, asked: &Asked<'_>, secret: &str) -> [u8; 32] {
        let request = digest::digest(&digest::SHA256, self.canonical(asked).as_bytes());
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.stamp, hex(request.as_ref()));
        let first = hmac_of(format!("AWS4{secret}").as_bytes(), self.day.as_bytes());
        let key = [self.region, self.service, "aws4_request"];
        let key = key.iter().fold(first, |key, part| hmac_of(&key, part.as_bytes()));
        hmac_of(&key, text.as_bytes())
    }

    fn canonical(&self, asked: &Asked<'_>) -> String {
        let mut text = format!("{}\n{}\n{}\n", asked.method, asked.path, canonical_query(asked.query));
        for name in &self.headers {
            let values = asked.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| squeezed(value));
            text.push_str(&format!("{name}:{}\n", values.collect::<Vec<_>>().join(",")));
        }
        text.push_str(&format!("\n{}\n{}", self.headers.join(";"), self.body));
        text
    }
}

/// Headers on which something rests.
pub(crate) fn believed(name: &&str) -> bool {
    name.starts_with("x-amz-") || name.starts_with("x-cordon-") || *name == "content-md5"
}

/// What a client writes that leaves the body out of its signature.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The one header of a name; two of them mean two things.
fn one<'a>(asked: &Asked<'a>, name: &'static str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = asked.headers.iter().filter(|(own, _)| *own == name).map(|(_, value)| *value);
    let first = values.next();
    if values.next().is_some() { Err(SignatureError::Malformed(name)) } else { Ok(first) }
}

fn hmac_of(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = [0; 32];
    mac.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref());
    mac
}

/// A value without spaces around it, and with single ones within.
fn squeezed(value: &str) -> String {
    value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What RFC 3986 does not leave as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parameters by name and value, each encoded as RFC 3986 has it.
fn canonical_query(query: &str) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        [name, value].map(|text| percent_encode(&Cow::from(percent_decode_str(text)), RESERVED).to_string())
    };
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    pairs.sort_unstable();
    pairs.iter().map(|pair| pair.join("=")).collect::<Vec<_>>().join("&")
}

fn moment(stamp: &str) -> Option<Moment> {
    let time = strtime::parse("%Y%m%dT%H%M%SZ", stamp).ok()?.to_datetime().ok()?;
    TimeZone::UTC.to_timestamp(time).ok().map(|time| Moment(time.as_millisecond()))
}

/// How much of a body a signature covers.
#[derive(Clone, Copy, Debug)]
pub enum Covers<'a> {
    /// All of it: these bytes.
    Body(&'a [u8]),
    /// None of it.
    Nothing,
}

/// Whoever signs requests.
pub struct Signer<'a> {
    /// The id of the access key.
    pub access_key: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// Its session token; empty where a key has none.
    pub token: &'a str,
    /// The region that is asked.
    pub region: &'a str,
    /// The service that is asked: `s3`, `sts`.
    pub service: &'a str,
}

/// A request that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// The method.
    pub method: &'a str,
    /// Whom it is for, as the header `host` says.
    pub host: &'a str,
    /// The path, encoded as it is sent.
    pub path: &'a str,
    /// The query, encoded as it is sent, without the question mark.
    pub query: &'a str,
    /// Headers that are signed beside those of the signature: names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Unsigned<'a> {
    /// A request without a query and without headers of its own.
    #[must_use]
    pub const fn plain(method: &'a str, host: &'a str, path: &'a str) -> Self {
        Self { method, host, path, query: "", headers: &[] }
    }
}

impl Signer<'_> {
    /// Signs a request. Returns the headers to send beside its own and `host`.
    #[must_use]
    pub fn sign(&self, request: &Unsigned<'_>, covers: Covers<'_>, now: Moment) -> Vec<(&'static str, String)> {
        let body = match covers {
            Covers::Body(bytes) => hex(digest::digest(&digest::SHA256, bytes).as_ref()),
            Covers::Nothing => UNSIGNED.to_owned(),
        };
        let stamp = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = stamp.get(..8).unwrap_or_default();
        let mut added = vec![("x-amz-content-sha256", body.clone()), ("x-amz-date", stamp.clone())];
        if !self.token.is_empty() {
            added.push(("x-amz-security-token", self.token.to_owned()));
        }
        let own = added.iter().map(|(name, value)| (*name, value.as_str()));
        let mut headers: Vec<(&str, &str)> = request.headers.iter().copied().chain(own).collect();
        headers.push(("host", request.host));
        headers.sort_unstable();
        let Unsigned { method, path, query, .. } = *request;
        let asked = Asked { method, path, query, headers: &headers, body_sha256: None, service: self.service };
        let signed = Signed {
            access_key: self.access_key,
            day,
            region: self.region,
            service: self.service,
            headers: headers.iter().map(|(name, _)| *name).collect(),
            signature: [0; 32],
            stamp: &stamp,
            body: &body,
        };
        let signature = hex(&signed.signature_with(&asked, self.secret));
        let scope = format!("{}/{day}/{}/{}/aws4_request", self.access_key, self.region, self.service);
        let names = signed.headers.join(";");
        added.push((
            "authorization",
            format!("{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={signature}"),
        ));
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// SHA-256 of nothing.
    const NO_BODY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    // The example `get-vanilla-query-order-key-case` of the documentation: its key is no secret.
    const KEY: &str = "AKIDEXAMPLE";
    const STAMP: &str = "20150830T123600Z";

    fn secret() -> String {
        ["wJalrXUtnFEMI/K7MDENG", "+bPxRfiCYEXAMPLEKEY"].concat()
    }

    fn header(signature: &str) -> String {
        format!(
            "{ALGORITHM} Credential={KEY}/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        )
    }

    fn check(query: &str, signature: &str, now: Moment) -> Result<(), SignatureError> {
        let authorization = header(signature);
        let headers =
            [("host", "example.amazonaws.com"), ("x-amz-date", STAMP), ("authorization", authorization.as_str())];
        let asked = Asked {
            method: "GET",
            path: "/",
            query,
            headers: &headers,
            body_sha256: Some(NO_BODY),
            service: "service",
        };
        let signed = Signed::read(&asked)?;
        assert_eq!(signed.access_key, KEY);
        signed.check(&asked, &secret(), now)
    }

    #[test]
    fn the_documented_examples_are_signed_as_documented() {
        let now = moment(STAMP).expect("a time");
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let query = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(check("", vanilla, now), Ok(()));
        assert_eq!(check("Param2=value2&Param1=value1", query, now), Ok(()));
        assert_eq!(check("Param1=value1", query, now), Err(SignatureError::Wrong));
        assert_eq!(check("", vanilla, now.plus_ms(SKEW_MS)), Ok(()));
        assert_eq!(check("", vanilla, now.plus_ms(SKEW_MS + 1)), Err(SignatureError::Skewed));
        assert_eq!(check("", vanilla, now.plus_ms(-SKEW_MS - 1)), Err(SignatureError::Skewed));
    }

    #[test]
    fn what_is_signed_is_checked_and_every_change_is_noticed() {
        let now = Moment(1_795_608_000_000);
        let signer = Signer { access_key: "CORDTEST", secret: "s", token: "t", region: "us-east-1", service: "s3" };
        let request = Unsigned::plain("GET", "localhost:8700", "/a%20b");
        let signed = signer.sign(&request, Covers::Body(b""), now);
        let mut headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("host", "localhost:8700"));
        let check = |method: &str, path: &str, headers: &[(&str, &str)], secret: &str| {
            let asked = Asked { method, path, query: "", headers, body_sha256: None, service: "s3" };
            Signed::read(&asked)?.check(&asked, secret, now)
        };
        assert_eq!(check("GET", "/a%20b", &headers, "s"), Ok(()));
        assert_eq!(check("PUT", "/a%20b", &headers, "s"), Err(SignatureError::Wrong));
        assert_eq!(check("GET", "/a b", &headers, "s"), Err(SignatureError::Wrong));
        assert_eq!(check("GET", "/a%20b", &headers, "other"), Err(SignatureError::Wrong));
        let with = |more: (&'static str, &'static str)| [headers.clone(), vec![more]].concat();
        let added = with(("x-amz-acl", "public-read"));
        assert_eq!(
            check("GET", "/a%20b", &added, "s"),
            Err(SignatureError::Uncovered("every x-amz- header")),
            "added on the way"
        );
        let twice = with(("x-amz-date", STAMP));
        assert_eq!(check("GET", "/a%20b", &twice, "s"), Err(SignatureError::Malformed("x-amz-date")));
        let asked = Asked {
            method: "GET",
            path: "/a%20b",
            query: "",
            headers: &headers,
            body_sha256: Some(STAMP),
            service: "s3",
        };
        assert_eq!(Signed::read(&asked).err(), Some(SignatureError::Wrong), "another body than it states");
        let otherwise: Vec<_> = headers.iter().filter(|(name, _)| *name != "host").copied().collect();
        assert_eq!(check("GET", "/a%20b", &otherwise, "s"), Err(SignatureError::Wrong), "another host");
    }

    proptest! {
        /// Whatever is asked, with whatever headers, is signed as it is checked.
        #[test]
        fn what_is_signed_counts(
            path in "/[!-~]{0,40}", query in "([a-z%]{1,8}=[!-%'-~]{0,12}&?){0,4}", value in "[ -~]{0,40}",
            region in "[a-z0-9-]{1,12}", token in "[A-Za-z0-9]{0,20}"
        ) {
            let now = Moment(1_795_608_000_000);
            let headers = [("x-amz-meta-a", value.as_str()), ("content-type", "text/plain")];
            let signer = Signer { access_key: "K", secret: "s", token: &token, region: &region, service: "s3" };
            let request = Unsigned { method: "PUT", host: "h:1", path: &path, query: &query, headers: &headers };
            let added = signer.sign(&request, Covers::Nothing, now);
            let mut sent: Vec<(&str, &str)> = added.iter().map(|(name, value)| (*name, value.as_str())).collect();
            sent.extend(headers);
            sent.push(("host", "h:1"));
            let asked =
                Asked { method: "PUT", path: &path, query: &query, headers: &sent, body_sha256: None, service: "s3" };
            let signed = Signed::read(&asked).expect("it reads");
            prop_assert_eq!(signed.check(&asked, "s", now), Ok(()));
            prop_assert_eq!(signed.region, region.as_str());
            prop_assert_eq!(token.is_empty(), !sent.iter().any(|(name, _)| *name == "x-amz-security-token"));
        }
    }

    #[test]
    fn the_older_version_and_torn_headers_are_refused() {
        let read = |authorization: &str| {
            let headers = [("host", "h"), ("x-amz-date", STAMP), ("authorization", authorization)];
            let asked = Asked {
                method: "GET",
                path: "/",
                query: "",
                headers: &headers,
                body_sha256: Some(NO_BODY),
                service: "service",
            };
            Signed::read(&asked).map(|_| ())
        };
        assert_eq!(read("AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg="), Err(SignatureError::Algorithm));
        assert_eq!(read(""), Err(SignatureError::Algorithm));
        let whole = header(&"0".repeat(64));
        assert_eq!(read(&whole), Ok(()));
        for (from, to) in [
            ("/aws4_request", "/aws5_request"),
            ("/aws4_request", "/aws4_request/more"),
            ("/service", "/"),
            ("/service", "/s3"),
            ("host;x-amz-date", "x-amz-date;host"),
            ("host;x-amz-date", "x-amz-date"),
            ("host;x-amz-date", "host"),
            ("Signature=0", "Signature="),
            ("Credential=", "Credential=x, Credential="),
        ] {
            assert!(read(&whole.replace(from, to)).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            text in "(AWS4-HMAC-SHA256 )?[ -~]{0,200}", query in "[ -~]{0,60}", stamp in "[0-9TZ]{0,20}"
        ) {
            let headers = [("host", "h"), ("x-amz-date", stamp.as_str()), ("authorization", text.as_str())];
            let asked =
                Asked { method: "GET", path: "/", query: &query, headers: &headers, body_sha256: Some(NO_BODY), service: "s3" };
            if let Ok(signed) = Signed::read(&asked) {
                prop_assert!(signed.check(&asked, "s", Moment(0)).is_err());
            }
        }
    }
}
