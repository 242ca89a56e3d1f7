//! Where buckets lie, and with which key one comes there.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

use crate::error::BucketError;

/// An access key.
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Zeroizing<String>,
    /// Its session token; empty where it has none.
    pub token: Zeroizing<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An endpoint of S3, and who asks there.
#[derive(Debug)]
pub struct Place {
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) region: String,
    /// Nobody, where a stranger asks.
    pub(crate) key: Option<Key>,
}

impl Place {
    /// Reads an endpoint: a scheme, a name and a port, and nothing behind. Without one it is that of AWS in the region.
    ///
    /// Over plain HTTP a body can be read and changed on its way, so it is for this machine alone unless `plain` allows it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(endpoint: Option<&str>, region: &str, key: Option<Key>, plain: Plain) -> Result<Self, BucketError> {
        let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_region {
            return Err(BucketError::Named(format!("`{region}` names no region")));
        }
        let endpoint = endpoint.map_or_else(|| format!("https://s3.{region}.amazonaws.com"), str::to_owned);
        let wrong = |why: &str| BucketError::Named(format!("`{endpoint}` is no endpoint: {why}"));
        let url = Url::parse(&endpoint).map_err(|error| wrong(&error.to_string()))?;
        let name = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let name = name.ok_or_else(|| wrong("it is no address of HTTP"))?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it has more than a scheme, a name and a port"));
        }
        if url.scheme() == "http" && plain == Plain::Here && !is_here(name) {
            return Err(wrong("plain HTTP to another machine can be read, and changed, on its way"));
        }
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { origin: format!("{}://{host}", url.scheme()), host, region: region.to_owned(), key })
    }

    /// The same place, asked by a stranger.
    pub(crate) fn as_stranger(&self) -> Self {
        Self { origin: self.origin.clone(), host: self.host.clone(), region: self.region.clone(), key: None }
    }

    /// The scheme, the name and the port.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// Where plain HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// On this machine.
    Here,
    /// Anywhere: somebody said so.
    Anywhere,
}

fn is_here(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: Option<&str>, expected: Result<&str, &str>) {
        let place = Place::new(endpoint, "eu-west-1", None, Plain::Here);
        match (place, expected) {
            (Ok(place), Ok(origin)) => assert_eq!(place.origin, origin),
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (place, _) => panic!("{endpoint:?}: {place:?}"),
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_a_name_and_a_port() {
        check(None, Ok("https://s3.eu-west-1.amazonaws.com"));
        check(Some("https://minio.example.org:9000/"), Ok("https://minio.example.org:9000"));
        check(Some("https://minio.example.org:443"), Ok("https://minio.example.org"));
        check(Some("http://127.0.0.1:8701"), Ok("http://127.0.0.1:8701"));
        check(Some("http://[::1]:8701"), Ok("http://[::1]:8701"));
        check(Some("http://minio.example.org"), Err("plain HTTP"));
        check(Some("http://localhost.example.org"), Err("plain HTTP"));
        check(Some("https://a:b@minio.example.org"), Err("more than"));
        check(Some("https://minio.example.org/bucket"), Err("more than"));
        check(Some("https://minio.example.org?x"), Err("more than"));
        check(Some("file:///etc"), Err("no address of HTTP"));
        check(Some("minio"), Err("is no endpoint"));
        let anywhere = Place::new(Some("http://minio:9000"), "r", None, Plain::Anywhere);
        assert_eq!(anywhere.expect("said").origin(), "http://minio:9000");
        assert!(Place::new(None, "eu west", None, Plain::Here).is_err(), "a region goes into a name");
    }

    #[test]
    fn a_key_is_shown_without_its_secret() {
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let key = Key { id: "AKIA".to_owned(), secret: secret("marker-1"), token: secret("marker-2") };
        assert!(!format!("{key:?}").contains("marker"));
    }
}
