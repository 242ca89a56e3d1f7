//! Addresses that were signed beforehand: whoever has one acts with it until it ends.
//!
//! Documented in the AWS reference for S3 ("Authenticating requests: using query parameters"). The signature is compared by
//! whoever reads the body. What an intermediary could add is not believed unless it is signed, as with a header.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::limits::{PRESIGNED_S_MAX, SIGNED_HEADERS_MAX};
use crate::signature::{ALGORITHM, Asked, SignatureError, believed};

/// What such an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigned<'a> {
    /// The id of the access key.
    pub access_key: Cow<'a, str>,
    /// The region that it is for.
    pub region: Cow<'a, str>,
    /// Its session token.
    pub token: Cow<'a, str>,
    /// Seconds that it lives.
    pub expires_s: u32,
}

impl<'a> Presigned<'a> {
    /// Reads an address; `None` when it was not signed beforehand.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] when it says something twice, or lacks something; nothing was compared yet.
    pub fn read(asked: &Asked<'a>) -> Result<Option<Self>, SignatureError> {
        let pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = pairs(asked.query);
        if !pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("X-Amz-Signature")) {
            return Ok(None);
        }
        let one = |wanted: &'static str| {
            let mut found = pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            let (first, second) = (found.next(), found.next());
            let exact = first.filter(|(name, _)| second.is_none() && name == wanted);
            exact.map(|(_, value)| value.clone()).ok_or(SignatureError::Malformed(wanted))
        };
        if asked.headers.iter().any(|(name, _)| *name == "authorization") {
            return Err(SignatureError::Malformed("it is signed twice"));
        }
        if one("X-Amz-Algorithm")? != ALGORITHM {
            return Err(SignatureError::Algorithm);
        }
        one("X-Amz-Date")?;
        one("X-Amz-Signature")?;
        let credential = one("X-Amz-Credential")?;
        let scope: Vec<&str> = credential.split('/').take(6).collect();
        let [access_key, _, region, "s3", "aws4_request"] = scope[..] else {
            return Err(SignatureError::Malformed("X-Amz-Credential"));
        };
        let (access_key, region) = (access_key.to_owned().into(), region.to_owned().into());
        let expires = one("X-Amz-Expires")?;
        let expires_s = expires.parse().ok().filter(|seconds| (1..=PRESIGNED_S_MAX).contains(seconds));
        let expires_s = expires_s.ok_or(SignatureError::Malformed("X-Amz-Expires"))?;
        covers(asked, &one("X-Amz-SignedHeaders")?)?;
        Ok(Some(Self { access_key, region, token: one("X-Amz-Security-Token")?, expires_s }))
    }
}

fn pairs(query: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    let pair = |pair| {
        let (name, value) = str::split_once(pair, '=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn covers(asked: &Asked<'_>, signed: &str) -> Result<(), SignatureError> {
    let signed: Vec<&str> = signed.split(';').take(SIGNED_HEADERS_MAX + 1).collect();
    if signed.len() > SIGNED_HEADERS_MAX {
        return Err(SignatureError::Malformed("X-Amz-SignedHeaders"));
    }
    if !signed.contains(&"host") {
        return Err(SignatureError::Uncovered("the host"));
    }
    // The hash of a body is compared with the body, and says nothing else.
    let names = asked.headers.iter().map(|(name, _)| *name).filter(|name| *name != "x-amz-content-sha256");
    match names.filter(believed).all(|name| signed.contains(&name)) {
        true => Ok(()),
        false => Err(SignatureError::Uncovered("every x-amz- header")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=CORDA%2F20261125%2Fus-east-1%2Fs3%2Faws4_request\
                        &X-Amz-Date=20261125T120000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host\
                        &X-Amz-Security-Token=cordon_a_x&X-Amz-Signature=00";

    fn read(query: &str, headers: &[(&str, &str)]) -> Result<Option<u32>, SignatureError> {
        let asked = Asked { method: "GET", path: "/", query, headers, body_sha256: None, service: "s3" };
        Presigned::read(&asked).map(|presigned| presigned.map(|presigned| presigned.expires_s))
    }

    #[test]
    fn an_address_says_everything_once_and_signs_what_is_believed() {
        let host = [("host", "h")];
        assert_eq!(read(GOOD, &host), Ok(Some(3600)));
        assert_eq!(read("list-type=2", &host), Ok(None));
        let asked = Asked { method: "GET", path: "/", query: GOOD, headers: &host, body_sha256: None, service: "s3" };
        let presigned = Presigned::read(&asked).expect("reads").expect("signed");
        assert_eq!((&*presigned.access_key, &*presigned.token), ("CORDA", "cordon_a_x"));
        for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token"] {
            let lacks = GOOD.replace(&format!("X-Amz-{name}="), "other=");
            assert!(read(&lacks, &host).is_err(), "without {name}");
            assert!(read(&format!("{GOOD}&X-Amz-{name}=x"), &host).is_err(), "{name} twice");
            let small = GOOD.replace(&format!("X-Amz-{name}"), &format!("x-amz-{}", name.to_lowercase()));
            assert!(read(&small, &host).is_err(), "{name} in small letters");
        }
        for seconds in ["0", "604801", "-1", "1e3", ""] {
            assert!(read(&GOOD.replace("3600", seconds), &host).is_err(), "{seconds}");
        }
        let unsigned = [("host", "h"), ("x-amz-copy-source", "/b/k")];
        assert_eq!(read(GOOD, &unsigned), Err(SignatureError::Uncovered("every x-amz- header")));
        assert!(read(GOOD, &[("host", "h"), ("authorization", "AWS4-HMAC-SHA256 x")]).is_err());
        assert!(read(&GOOD.replace("=host", "=range"), &host).is_err());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(query in "([A-Za-z%&=-]|X-Amz-Signature=|%2F){0,40}", value in "\\PC{0,20}") {
            let _ = read(&query, &[("host", &value)]);
            let _ = read(&format!("{GOOD}&{query}"), &[("host", &value)]);
        }
    }
}
