//! How the provider is asked: within bounds, without redirects, and only where it may be.

use std::io::Read as _;
use std::time::Duration;

use cordon_domain::Reach;
use openidconnect::http::{Method, Uri};
use openidconnect::{HttpRequest, HttpResponse};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::limits::{PROVIDER_ANSWER_BYTES_MAX, PROVIDER_S};

/// Asks.
pub(super) struct Wire(ureq::Agent);

/// Resolves names; who is connected to is who was looked at, so a name that comes to mean another host gains nothing.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    reach: Reach,
}

/// Where a provider is, others are not asked: of a public one nothing private, and never what a cloud keeps for machines.
const fn may_reach(of: Reach, address: Reach) -> bool {
    match address {
        Reach::Public => matches!(of, Reach::Public | Reach::Private),
        Reach::Private => matches!(of, Reach::Private),
        Reach::Loopback => matches!(of, Reach::Loopback),
        Reach::Nowhere => false,
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if found.iter().any(|address| !may_reach(self.reach, Reach::of(address.ip()))) {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(found)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("`{0}` is unknown, or has an address that a provider there cannot have")]
    Host(String),
    #[error(transparent)]
    Wire(#[from] ureq::Error),
    #[error(transparent)]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Shape(#[from] openidconnect::http::Error),
    #[error("it answers with more than {PROVIDER_ANSWER_BYTES_MAX} bytes")]
    Large,
}

impl Wire {
    pub(super) fn new(reach: Reach) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(PROVIDER_S)))
            .max_redirects(0)
            // A proxy would resolve names itself, past the guard.
            .proxy(None)
            .https_only(reach != Reach::Loopback)
            .http_status_as_error(false)
            .build();
        let guarded = Guarded { inner: DefaultResolver::default(), reach };
        Self(ureq::Agent::with_parts(config, DefaultConnector::default(), guarded))
    }

    pub(super) fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = match *request.method() {
            Method::GET => self.0.run(request.map(|_| ())),
            _ => self.0.run(request),
        };
        let answer = answer.map_err(|error| match error {
            ureq::Error::HostNotFound => NoAnswer::Host(host),
            other => other.into(),
        })?;
        let (parts, body) = answer.into_parts();
        let mut bytes = Vec::new();
        body.into_reader().take(PROVIDER_ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > PROVIDER_ANSWER_BYTES_MAX {
            return Err(NoAnswer::Large);
        }
        Ok(HttpResponse::from_parts(parts, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_where_it_can_be_and_nowhere_else() {
        let allowed = |of, address: &str| may_reach(of, Reach::of(address.parse().expect("an address")));
        let all = ["93.184.216.34", "10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1", "::1"];
        let cases = [
            (Reach::Public, [true, false, false, false, false, false]),
            (Reach::Private, [true, true, false, false, true, false]),
            (Reach::Loopback, [false, false, true, false, false, true]),
        ];
        for (of, expected) in cases {
            assert_eq!(all.map(|address| allowed(of, address)), expected, "{of:?}");
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_connected_to() {
        let ask = |reach, uri: &str| {
            let request = openidconnect::http::Request::get(uri).body(Vec::new()).expect("a request");
            Wire::new(reach).ask(request).expect_err("refused").to_string()
        };
        for host in ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"] {
            let refused = ask(Reach::Public, &format!("https://{host}:9/"));
            assert!(refused.contains("cannot have"), "{host}: {refused}");
        }
        assert!(ask(Reach::Public, "http://example.org/").contains("https"), "it is not encrypted");
    }
}
