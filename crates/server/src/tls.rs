//! TLS of a node's own, where no proxy encrypts before it: version 1.3 alone. Keys are agreed with X25519MLKEM768 wherever the
//! client can, so that what somebody records today is not opened by a quantum computer later; else with elliptic curves.
//!
//! A certificate that is renewed counts without a restart; one that cannot be used leaves the one before in its place.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use cordon_domain::{Clock, Moment};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_DAYS_LEFT, CERTIFICATES_MAX, HEAD_S};

/// The primitives that both ends use: the newest way of agreeing on keys comes first.
#[must_use]
pub fn primitives() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Where a certificate lies.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate, and those that lead from it to an authority: PEM.
    pub certificate: PathBuf,
    /// Its private key: PEM, for one user's eyes.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    /// Others may read the key.
    #[error("others may read the private key `{0}`: chmod 600 it")]
    Shown(String),
    /// A file is not what it should be.
    #[error("`{0}` holds no {1} in PEM")]
    Shape(String, &'static str),
    /// Key and certificate do not belong together, or are of no use for TLS.
    #[error("`{0}` and `{1}` make no certificate of a server: {2}")]
    Pair(String, String, rustls::Error),
    /// The certificate is for another name.
    #[error("the certificate `{0}` is not for `{1}`, where it is reached")]
    Name(String, String),
    /// It does not count now.
    #[error("the certificate `{0}` does not count {1}")]
    Time(String, &'static str),
}

/// What a node speaks TLS with.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.certificates.files).finish()
    }
}

impl Tls {
    /// Reads a certificate that is for all of these names now.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when clients would not take it.
    pub fn read(files: CertificateFiles, names: Vec<String>, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let shown = Shown::read(&files, &names, clock.now())?;
        let certificates = Arc::new(Certificates { files, names, clock, shown: RwLock::new(Arc::new(shown)) });
        let begun = ServerConfig::builder_with_provider(primitives()).with_protocol_versions(&[&version::TLS13]);
        let of_no_use = |error| certificates.files.pair(error);
        let mut config = begun.map_err(of_no_use)?.with_no_client_auth().with_cert_resolver(certificates.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificates })
    }

    /// Shakes hands within some time; nothing when that fails.
    pub(crate) async fn accept<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.accept_within(stream, Duration::from_secs(HEAD_S)).await
    }

    async fn accept_within<S>(&self, stream: S, limit: Duration) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(limit, self.acceptor.accept(stream)).await.ok()?.ok()
    }

    /// Takes a certificate that was renewed. Returns what is wrong with it, or that it ends soon.
    pub(crate) fn renew(&self) -> Option<String> {
        self.certificates.renew()
    }

    /// Returns the name that its certificate is for, where it is reached.
    pub(crate) fn name(&self) -> &str {
        self.certificates.names.first().map_or("", String::as_str)
    }
}

/// The certificate that is shown, and where the next one will lie.
struct Certificates {
    files: CertificateFiles,
    names: Vec<String>,
    clock: Arc<dyn Clock>,
    shown: RwLock<Arc<Shown>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.files.fmt(f)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.now().map(|shown| Arc::clone(&shown.key))
    }
}

impl Certificates {
    fn now(&self) -> Option<Arc<Shown>> {
        self.shown.read().ok().map(|shown| Arc::clone(&shown))
    }

    fn renew(&self) -> Option<String> {
        let before = self.now()?;
        if self.files.chain().is_ok_and(|chain| chain == before.key.cert) {
            return self.ending();
        }
        match Shown::read(&self.files, &self.names, self.clock.now()) {
            Ok(next) => {
                if let Ok(mut shown) = self.shown.write() {
                    *shown = Arc::new(next);
                }
                self.ending()
            }
            // Both files may be on their way.
            Err(error) => {
                let ending = self.ending().map_or_else(String::new, |ending| format!("; {ending}"));
                Some(format!("the certificate was not renewed: {error}{ending}"))
            }
        }
    }

    fn ending(&self) -> Option<String> {
        let left_ms = self.now()?.ends.since_ms(self.clock.now());
        match left_ms / 86_400_000 {
            _ if left_ms <= 0 => Some("the certificate has ended, and nobody takes it".to_owned()),
            days if days < CERTIFICATE_DAYS_LEFT => Some(format!("the certificate ends in {days} days")),
            _ => None,
        }
    }
}

/// A certificate, as it was read.
struct Shown {
    key: Arc<CertifiedKey>,
    ends: Moment,
}

impl Shown {
    fn read(files: &CertificateFiles, names: &[String], now: Moment) -> Result<Self, TlsError> {
        let chain = files.chain()?;
        let ends = files.counts(chain.first(), now)?;
        let key = CertifiedKey::from_der(chain, files.private_key()?, &primitives());
        let key = key.map_err(|error| files.pair(error))?;
        let parsed = key.end_entity_cert().and_then(ParsedCertificate::try_from).map_err(|error| files.pair(error))?;
        for name in names {
            let is_named = ServerName::try_from(name.as_str())
                .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok());
            if !is_named {
                return Err(TlsError::Name(shown(&files.certificate), name.clone()));
            }
        }
        Ok(Self { key: Arc::new(key), ends })
    }
}

impl CertificateFiles {
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let shape = || TlsError::Shape(shown(&self.certificate), "certificate");
        let text = bytes(&self.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&text).take(CERTIFICATES_MAX).collect::<Result<Vec<_>, _>>();
        chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(shape)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let meta = fs::metadata(&self.key).map_err(|error| TlsError::Unreadable(shown(&self.key), error))?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(TlsError::Shown(shown(&self.key)));
        }
        let text = bytes(&self.key)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::Shape(shown(&self.key), "private key"))
    }

    /// Until when a certificate counts that counts now.
    fn counts(&self, certificate: Option<&CertificateDer<'_>>, now: Moment) -> Result<Moment, TlsError> {
        let read = certificate.and_then(|der| Certificate::from_der(der).ok());
        let read = read.ok_or_else(|| TlsError::Shape(shown(&self.certificate), "certificate"))?;
        let validity = read.tbs_certificate().validity();
        let moment = |time: x509_cert::time::Time| {
            Moment(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
        };
        let when = |when| Err(TlsError::Time(shown(&self.certificate), when));
        match (moment(validity.not_before), moment(validity.not_after)) {
            (begins, _) if begins > now => when("yet"),
            (_, ends) if ends <= now => when("any more"),
            (_, ends) => Ok(ends),
        }
    }

    fn pair(&self, error: rustls::Error) -> TlsError {
        TlsError::Pair(shown(&self.certificate), shown(&self.key), error)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn bytes(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsError> {
    use std::io::Read as _;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(CERTIFICATE_BYTES_MAX as u64).read_to_end(&mut bytes));
    read.map_err(|error| TlsError::Unreadable(shown(path), error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cordon_testkit::TurnedClock;
    use rustls::client::ClientConfig;
    use rustls::{NamedGroup, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
    use tokio::io::duplex;
    use tokio_rustls::TlsConnector;

    use super::*;

    /// A folder with a certificate of an authority.
    struct Issued {
        folder: tempfile::TempDir,
        authority: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    }

    fn key_pair() -> rcgen::KeyPair {
        rcgen::KeyPair::generate().expect("a key")
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    impl Issued {
        fn new() -> Self {
            let mut params = rcgen::CertificateParams::new(vec!["authority.example".to_owned()]).expect("a name");
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let authority = rcgen::CertifiedIssuer::self_signed(params, key_pair()).expect("signed");
            let issued = Self { folder: tempfile::tempdir().expect("a folder"), authority };
            issued.issue("cordon.example.org", 2030);
            issued
        }

        fn files(&self) -> CertificateFiles {
            let at = |name: &str| self.folder.path().join(name);
            CertificateFiles { certificate: at("tls.pem"), key: at("tls.key") }
        }

        /// Issues another in its place, which begins in 2020. Returns it.
        fn issue(&self, name: &str, ends: i32) -> CertificateDer<'static> {
            let (mut params, key) = (rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name"), key_pair());
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(ends, 1, 1);
            let certificate = params.signed_by(&key, &self.authority).expect("signed");
            write(&self.files().certificate, &certificate.pem(), 0o644);
            write(&self.files().key, &key.serialize_pem(), 0o600);
            certificate.der().clone()
        }

        fn read(&self, now: Moment) -> Result<Tls, TlsError> {
            Tls::read(self.files(), vec!["cordon.example.org".to_owned()], Arc::new(TurnedClock::at(now)))
        }

        /// A client that trusts the authority.
        fn client(&self, groups: &[NamedGroup], version: &'static SupportedProtocolVersion) -> ClientConfig {
            let mut provider = aws_lc_rs::default_provider();
            provider.kx_groups.retain(|group| groups.is_empty() || groups.contains(&group.name()));
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).expect("one")).expect("trusted");
            let begun = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]);
            begun.expect("a version").with_root_certificates(roots).with_no_client_auth()
        }
    }

    const IN_2026: Moment = Moment(1_790_000_000_000);

    /// What both agree on: version, group, certificate.
    type Agreed = (Option<ProtocolVersion>, Option<NamedGroup>, Option<CertificateDer<'static>>);

    async fn shake(tls: &Tls, client: ClientConfig) -> Option<Agreed> {
        let (here, there) = duplex(64 * 1024);
        let name = ServerName::try_from("cordon.example.org").expect("a name");
        let connector = TlsConnector::from(Arc::new(client));
        let (server, client) = tokio::join!(tls.accept(here), connector.connect(name, there));
        let (_server, client) = server.zip(client.ok())?;
        let session = client.get_ref().1;
        let group = session.negotiated_key_exchange_group().map(|group| group.name());
        let first = session.peer_certificates().and_then(|chain| chain.first()).map(|one| one.clone().into_owned());
        Some((session.protocol_version(), group, first))
    }

    #[tokio::test]
    async fn keys_are_agreed_so_that_no_later_computer_finds_them_wherever_the_client_can() {
        let issued = Issued::new();
        let tls = issued.read(IN_2026).expect("read");
        let agreed = async |groups: &[NamedGroup]| {
            let agreed = shake(&tls, issued.client(groups, &version::TLS13)).await;
            agreed.map(|(version, group, _)| (version.expect("a version"), group.expect("a group")))
        };
        let of = |group| Some((ProtocolVersion::TLSv1_3, group));
        assert_eq!(agreed(&[]).await, of(NamedGroup::X25519MLKEM768));
        assert_eq!(agreed(&[NamedGroup::X25519, NamedGroup::X25519MLKEM768]).await, of(NamedGroup::X25519MLKEM768));
        assert_eq!(agreed(&[NamedGroup::X25519]).await, of(NamedGroup::X25519), "clients of today");
        assert_eq!(agreed(&[NamedGroup::secp256r1]).await, of(NamedGroup::secp256r1));
        assert!(shake(&tls, issued.client(&[], &version::TLS12)).await.is_none(), "an older version");
    }

    #[tokio::test]
    async fn whoever_does_not_shake_hands_is_let_go() {
        let tls = Issued::new().read(IN_2026).expect("read");
        let (here, mut there) = duplex(1024);
        let asked = async {
            use tokio::io::AsyncWriteExt as _;
            there.write_all(b"GET / HTTP/1.1\r\nhost: cordon.example.org\r\n\r\n").await.expect("sent");
        };
        assert!(tokio::join!(tls.accept(here), asked).0.is_none());
        let (here, _silent) = duplex(1024);
        assert!(tls.accept_within(here, Duration::from_millis(10)).await.is_none());
    }

    #[tokio::test]
    async fn a_certificate_that_is_renewed_is_shown_and_a_wrong_one_is_told_of_and_not_shown() {
        let issued = Issued::new();
        let clock = TurnedClock::at(IN_2026);
        let tls = Tls::read(issued.files(), vec!["cordon.example.org".to_owned()], Arc::new(clock.clone()));
        let tls = tls.expect("read");
        let shown = async || shake(&tls, issued.client(&[], &version::TLS13)).await.and_then(|agreed| agreed.2);
        let first = shown().await;
        assert!(first.is_some() && tls.renew().is_none());
        let second = issued.issue("cordon.example.org", 2031);
        assert_eq!(tls.renew(), None);
        assert_eq!(shown().await, Some(second.clone()));
        issued.issue("elsewhere.example.org", 2032);
        let told = tls.renew().expect("told");
        assert!(told.contains("is not for `cordon.example.org`"), "{told}");
        fs::remove_file(issued.files().key).expect("removed");
        assert!(tls.renew().is_some_and(|told| told.contains("cannot be read")));
        assert_eq!(shown().await, Some(second), "the one before");
        let third = issued.issue("cordon.example.org", 2033);
        assert_eq!(tls.renew(), None);
        assert_eq!(shown().await, Some(third));
        let ends = tls.certificates.now().expect("one").ends;
        clock.turn_ms(ends.since_ms(IN_2026) - 2 * 86_400_000);
        assert_eq!(tls.renew().as_deref(), Some("the certificate ends in 2 days"));
        write(&issued.files().certificate, "what is this", 0o644);
        let told = tls.renew().expect("told");
        assert!(told.contains("was not renewed") && told.ends_with("; the certificate ends in 2 days"), "{told}");
        clock.turn_ms(2 * 86_400_000);
        assert!(tls.renew().is_some_and(|told| told.ends_with("; the certificate has ended, and nobody takes it")));
    }

    #[test]
    fn what_clients_would_not_take_is_refused_with_its_reason() {
        let issued = Issued::new();
        let refused = |now| issued.read(now).expect_err("refused").to_string();
        issued.issue("cordon.example.org", 2025);
        assert!(refused(IN_2026).ends_with("does not count any more"));
        assert!(refused(Moment(0)).ends_with("does not count yet"));
        issued.issue("elsewhere.example.org", 2030);
        assert!(refused(IN_2026).ends_with("is not for `cordon.example.org`, where it is reached"));
        issued.issue("*.example.org", 2030);
        assert!(issued.read(IN_2026).is_ok(), "of all names there");
        write(&issued.files().key, &key_pair().serialize_pem(), 0o600);
        assert!(refused(IN_2026).contains("make no certificate of a server"), "{}", refused(IN_2026));
        write(&issued.files().key, "what is this", 0o600);
        assert!(refused(IN_2026).ends_with("holds no private key in PEM"));
        write(&issued.files().key, &key_pair().serialize_pem(), 0o640);
        assert!(refused(IN_2026).contains("others may read"));
        write(&issued.files().certificate, &key_pair().serialize_pem(), 0o600);
        assert!(refused(IN_2026).ends_with("holds no certificate in PEM"));
        write(&issued.files().certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o600);
        assert!(refused(IN_2026).ends_with("holds no certificate in PEM"));
    }
}
