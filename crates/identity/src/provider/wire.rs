//! How the provider is asked: within bounds, without redirects, and only where it may be.

use std::io::Read as _;
use std::time::Duration;

use cordon_domain::Reach;
use openidconnect::http::{Method, Uri};
use openidconnect::{HttpRequest, HttpResponse};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::limits::{PROVIDER_ANSWER_BYTES_MAX, PROVIDER_S};

/// Asks.
pub(super) struct Wire(ureq::Agent);

/// Resolves names; who is connected to is who was looked at, so a name that comes to mean another host gains nothing.
#[derive(Debug)]
struct Guarded<R> {
    inner: R,
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

impl<R: Resolver> Resolver for Guarded<R> {
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
    /// `authorities` are those that a certificate may be of, instead of those the program brings.
    pub(super) fn new(reach: Reach, authorities: Option<&[Certificate<'static>]>) -> Self {
        Self::resolving(DefaultResolver::default(), reach, authorities)
    }

    fn resolving(inner: impl Resolver, reach: Reach, authorities: Option<&[Certificate<'static>]>) -> Self {
        let roots = authorities.map_or(RootCerts::WebPki, RootCerts::new_with_certs);
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(PROVIDER_S)))
            .max_redirects(0)
            // A proxy would resolve names itself, past the guard.
            .proxy(None)
            .https_only(reach != Reach::Loopback)
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Self(ureq::Agent::with_parts(config, DefaultConnector::default(), Guarded { inner, reach }))
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
    use std::io::Write as _;

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

    /// A host at `localhost` whose certificate is of an authority of its own; it answers `asked` times.
    fn at_home(asked: usize) -> (u16, String, std::thread::JoinHandle<usize>) {
        let named = |name: &str| rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let (root_key, key) = (rcgen::KeyPair::generate().expect("a key"), rcgen::KeyPair::generate().expect("a key"));
        let mut root = named("authority.example");
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = rcgen::CertifiedIssuer::self_signed(root, root_key).expect("signed");
        let certificate = named("localhost").signed_by(&key, &root).expect("signed");
        let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth();
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = config.with_single_cert(vec![certificate.der().clone()], private).expect("a pair");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answered = std::thread::spawn(move || {
            let config = std::sync::Arc::new(config);
            let answers = (0..asked).filter(|_| {
                let (tcp, _) = listener.accept().expect("someone");
                let session = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).expect("a session");
                let mut stream = rustls::StreamOwned::new(session, tcp);
                let mut head = [0; 1024];
                let is_asked = stream.read(&mut head).is_ok_and(|count| count > 0);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
                is_asked && stream.write_all(answer).is_ok() && stream.flush().is_ok()
            });
            answers.count()
        });
        (port, root.pem(), answered)
    }

    #[test]
    fn a_certificate_is_of_an_authority_that_is_known_or_there_is_no_answer() {
        let (port, pem, answered) = at_home(3);
        let (_, other, _) = at_home(0);
        let ask = |host: &str, pem: Option<&str>| {
            let known = pem.map(|pem| vec![Certificate::from_pem(pem.as_bytes()).expect("one")]);
            let request = openidconnect::http::Request::get(format!("https://{host}:{port}/")).body(Vec::new());
            Wire::new(Reach::Loopback, known.as_deref()).ask(request.expect("a request"))
        };
        assert!(ask("localhost", None).is_err(), "of nobody the program knows");
        assert!(ask("localhost", Some(&other)).is_err(), "of another authority");
        assert_eq!(ask("localhost", Some(&pem)).expect("an answer").body(), b"hi");
        assert_eq!(answered.join().expect("it ran"), 1);
    }

    /// A name that means one address after the other.
    #[derive(Debug)]
    struct Rebinds(std::sync::Mutex<Vec<std::net::SocketAddr>>);

    impl Resolver for Rebinds {
        fn resolve(
            &self,
            _: &Uri,
            _: &ureq::config::Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut found = self.empty();
            found.push(self.0.lock().expect("whole").pop().expect("it is asked once a request"));
            Ok(found)
        }
    }

    /// The name is looked up once a request, by the guard, and nothing else is connected to. It listens at both ports:
    /// what the name means next is there, and would answer.
    #[test]
    fn a_name_that_comes_to_mean_another_host_is_refused_then() {
        let listen = |address: &str| std::net::TcpListener::bind(address).expect("a port");
        let (provider, other) = (listen("127.0.0.1:0"), listen("0.0.0.0:0"));
        let home = provider.local_addr().expect("an address");
        let inside = std::net::SocketAddr::new("169.254.169.254".parse().expect("one"), home.port());
        let nowhere =
            std::net::SocketAddr::new("0.0.0.0".parse().expect("one"), other.local_addr().expect("one").port());
        let answered = std::thread::spawn(move || {
            let (mut stream, _) = provider.accept().expect("someone");
            let mut head = [0; 1024];
            assert!(stream.read(&mut head).expect("a request") > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi").expect("answers");
        });
        let wire = Wire::resolving(Rebinds(vec![nowhere, inside, home].into()), Reach::Loopback, None);
        let ask = || {
            let request = openidconnect::http::Request::get(format!("http://idp.example:{}/", home.port()));
            wire.ask(request.body(Vec::new()).expect("a request")).map(|answer| answer.body().clone())
        };
        assert_eq!(ask().expect("an answer"), b"hi");
        answered.join().expect("it ran");
        for what in ["what a cloud keeps for machines", "every address of this machine"] {
            let refused = ask().expect_err(what).to_string();
            assert!(refused.contains("`idp.example` is unknown, or has an address"), "{what}: {refused}");
        }
        other.set_nonblocking(true).expect("set");
        assert!(other.accept().is_err(), "nobody came");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_connected_to() {
        let ask = |reach, uri: &str| {
            let request = openidconnect::http::Request::get(uri).body(Vec::new()).expect("a request");
            Wire::new(reach, None).ask(request).expect_err("refused").to_string()
        };
        for host in ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"] {
            let refused = ask(Reach::Public, &format!("https://{host}:9/"));
            assert!(refused.contains("cannot have"), "{host}: {refused}");
        }
        assert!(ask(Reach::Public, "http://example.org/").contains("https"), "it is not encrypted");
    }
}
