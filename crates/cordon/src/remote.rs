//! Asking a node that runs, as whoever signed in with `cordon login`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;
use cordon_domain::{Clock as _, Moment};
use cordon_identity::PublicUrl;
use cordon_identity::device::DeviceKey;
use cordon_scan::limits::HANDED_BYTES_MAX;
use cordon_server::peers::PeerAddress;
use cordon_server::tls::primitives;
use cordon_store::edge::SystemClock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use zeroize::Zeroizing;

use crate::error::{Failure, printed};
use crate::exit::Exit;
use crate::keys::config_folder;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_S, HANDED_ANSWER_S};

/// Where people reach Cordon.
#[derive(Args)]
pub(crate) struct Reached {
    /// Where people reach Cordon: https and a name, or http://localhost and a port.
    #[arg(long, value_name = "URL", env = "CORDON_PUBLIC_URL", default_value = "http://localhost:8700")]
    public_url: String,
}

impl Reached {
    pub(crate) fn url(&self) -> Result<PublicUrl, Failure> {
        PublicUrl::parse(&self.public_url).map_err(|error| {
            Failure::usage(error.to_string(), "give --public-url, for example https://cordon.example.org")
        })
    }
}

/// Reads what names an object: s3://BUCKET/KEY.
pub(crate) fn named(object: &str) -> Result<(&str, &str), Failure> {
    let named = object.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).filter(|(_, key)| !key.is_empty());
    named.ok_or_else(|| Failure::usage(format!("`{object}` names no object"), "give s3://BUCKET/KEY"))
}

/// Reads what names a bucket: s3://BUCKET.
pub(crate) fn bucket_named(text: &str) -> Result<&str, Failure> {
    let bucket = text.strip_prefix("s3://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let bucket = bucket.filter(|bucket| !bucket.is_empty() && !bucket.contains('/'));
    bucket.ok_or_else(|| Failure::usage(format!("`{text}` names no bucket"), "give s3://BUCKET"))
}

/// Says what a node answered, in words or as JSON; or that it waits for others.
pub(crate) fn told(
    mut answer: Value,
    schema: &str,
    json: bool,
    words: impl FnOnce(&Value) -> String,
) -> Result<Exit, Failure> {
    let asked = answer.get("asked").and_then(Value::as_str).map(str::to_owned);
    let text = match (json, &asked) {
        (true, _) => {
            if let Some(object) = answer.as_object_mut() {
                object.insert("schema".to_owned(), schema.into());
            }
            answer.to_string()
        }
        (false, Some(ask)) => ask.clone(),
        (false, None) => words(&answer),
    };
    printed(writeln!(std::io::stdout().lock(), "{text}"))?;
    if let Some(ask) = asked {
        another_person(&ask);
    }
    Ok(Exit::Clean)
}

/// Says what comes next when somebody else must approve.
pub(crate) fn another_person(ask: &str) {
    eprintln!("this takes another person: `cordon approve {ask}`; then run the same command again");
}

/// How a list is written.
#[derive(Args)]
#[group(skip)]
pub(crate) struct ListArguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl ListArguments {
    /// Writes each of a list that a node answered with, and returns it.
    pub(crate) fn write<'a>(
        &self,
        answer: &'a Value,
        name: &str,
        lines: impl Fn(&Value) -> String,
    ) -> Result<&'a [Value], Failure> {
        let all = answer.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut out = std::io::stdout().lock();
        for one in all {
            let text = if self.json { format!("{one}\n") } else { lines(one) };
            printed(out.write_all(text.as_bytes()))?;
        }
        Ok(all)
    }

    /// Asks a node for the whole of a list, and writes it.
    pub(crate) fn ask(&self, path: &str, name: &str, lines: impl Fn(&Value) -> String) -> Result<Exit, Failure> {
        let answer: Value = Login::read()?.ask(path, "{}")?;
        if self.write(&answer, name, lines)?.is_empty() {
            eprintln!("there are none that you may know of");
        }
        Ok(Exit::Clean)
    }
}

/// What a node says when it refuses.
#[derive(Default, Deserialize)]
struct Refusal {
    error: Option<String>,
    hint: Option<String>,
}

/// Asks a node; what it refuses is said in its own words.
pub(crate) fn ask<T: DeserializeOwned>(url: &str, headers: &[(&str, &str)], body: &str) -> Result<T, Failure> {
    let (status, text) = exchange(url, headers, body)?;
    if (200..300).contains(&status) {
        let unreadable = |_| Failure::usage(format!("`{url}` answers what cordon does not"), "see --public-url");
        return serde_json::from_str(&text).map_err(unreadable);
    }
    Err(refused(status, &text))
}

/// What a node refuses, in its own words.
pub(crate) fn refused(status: u16, text: &str) -> Failure {
    let Refusal { error, hint } = serde_json::from_str(text).unwrap_or_default();
    let what = error.unwrap_or_else(|| format!("the node answers {status}"));
    let otherwise = match status {
        404 => "see that the name is right, and that you may know of it",
        _ => "sign in again with `cordon login`, or ask the security team",
    };
    Failure::denied(what, hint.unwrap_or_else(|| otherwise.into()))
}

/// Sends a request and reads the answer, whatever it is.
pub(crate) fn exchange(url: &str, headers: &[(&str, &str)], body: &str) -> Result<(u16, String), Failure> {
    let (status, bytes) = exchange_bytes(url, headers, body, Most::SAID)?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// How much an answer may be, and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    bytes: u64,
    seconds: u64,
}

impl Most {
    /// Of what a node says.
    const SAID: Self = Self { bytes: ANSWER_BYTES_MAX, seconds: ANSWER_S };
    /// Of what a vault hands out.
    pub(crate) const HANDED: Self = Self { bytes: HANDED_BYTES_MAX as u64, seconds: HANDED_ANSWER_S };
}

/// The same, of an answer that is no text.
pub(crate) fn exchange_bytes(
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
    most: Most,
) -> Result<(u16, Vec<u8>), Failure> {
    post(&agent(url, most.seconds), url, headers, body, most)
}

/// Asks a node where it says that it answers.
pub(crate) fn exchange_with(
    node: &PeerAddress,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(u16, String), Failure> {
    let Some(name) = &node.name else { return exchange(&format!("{node}{path}"), headers, body) };
    let url = format!("https://{name}:{}{path}", node.listens.port());
    let agent = ureq::Agent::with_parts(config(&url, ANSWER_S), DefaultConnector::default(), There(node.listens));
    let listens = node.listens.to_string();
    let headers = [&[("host", listens.as_str())], headers].concat();
    let (status, bytes) = post(&agent, &url, &headers, body, Most::SAID)?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// One place, whatever the name: who answers there shows a certificate for the name.
#[derive(Debug)]
struct There(SocketAddr);

impl Resolver for There {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        found.push(self.0);
        Ok(found)
    }
}

fn post(
    agent: &ureq::Agent,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
    most: Most,
) -> Result<(u16, Vec<u8>), Failure> {
    let unreachable = unreachable(url);
    let mut request = agent.post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).map_err(&unreachable)?;
    let status = answer.status().as_u16();
    Ok((status, answer.body_mut().with_config().limit(most.bytes).read_to_vec().map_err(&unreachable)?))
}

/// Asks for what anyone is told.
pub(crate) fn exchange_get(url: &str) -> Result<(u16, String), Failure> {
    let mut answer = agent(url, ANSWER_S).get(url).call().map_err(unreachable(url))?;
    let status = answer.status().as_u16();
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    Ok((status, text.map_err(unreachable(url))?))
}

fn unreachable(url: &str) -> impl Fn(ureq::Error) -> Failure {
    move |error| {
        Failure::usage(
            format!("`{url}` cannot be reached: {error}"),
            "see that `cordon up` runs there, and --public-url",
        )
    }
}

/// Whom to ask at an address.
pub(crate) fn agent(url: &str, seconds: u64) -> ureq::Agent {
    config(url, seconds).into()
}

fn config(url: &str, seconds: u64) -> Config {
    let timeout = Some(Duration::from_secs(seconds));
    let config = ureq::Agent::config_builder().timeout_global(timeout).max_redirects(0).http_status_as_error(false);
    // A session goes to the node and to nobody else, whatever the environment says.
    let config = config.proxy(None);
    if url.starts_with("https://") { config.tls_config(encryption()).build() } else { config.build() }
}

/// Certificates are of authorities that this machine trusts, an organisation's own among them. They are read once.
pub(crate) fn encryption() -> TlsConfig {
    static READ: LazyLock<TlsConfig> = LazyLock::new(trusting);
    READ.clone()
}

fn trusting() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs();
    let trusted: Vec<_> = found.certs.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    // Whoever says whom to trust means nobody else, also when that cannot be read.
    let is_said = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some());
    if is_said {
        found.errors.iter().for_each(|error| eprintln!("warning: authorities cannot be read: {error}"));
    }
    let bundled = trusted.is_empty() && !is_said;
    let trusted = if bundled { RootCerts::WebPki } else { RootCerts::new_with_certs(&trusted) };
    TlsConfig::builder().root_certs(trusted).unversioned_rustls_crypto_provider(primitives()).build()
}

/// What a node gives at the end of a login, and `cordon login` keeps for one user's eyes.
#[derive(Deserialize, Serialize)]
pub(crate) struct Login {
    /// Where.
    #[serde(default)]
    url: String,
    session: Zeroizing<String>,
    /// Whose it is.
    pub(crate) principal: String,
    /// What they are called.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The access key.
    pub(crate) key: Key,
    /// With what the browser binds its own session to this device.
    #[serde(default, skip_serializing)]
    pub(crate) bind: Option<String>,
}

/// An access key.
#[derive(Deserialize, Serialize)]
pub(crate) struct Key {
    /// Where clients of S3 use it.
    #[serde(default)]
    pub(crate) endpoint: String,
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    pub(crate) token: Zeroizing<String>,
    expires: i64,
}

impl Key {
    /// When it ends.
    pub(crate) const fn expires(&self) -> Moment {
        Moment(self.expires)
    }
}

impl Login {
    fn path() -> Result<PathBuf, Failure> {
        Ok(config_folder()?.join("login.json"))
    }

    /// Keeps what a node gave.
    pub(crate) fn keep(self, url: &PublicUrl) -> Result<Self, Failure> {
        let kept = Self { url: url.origin(), ..self };
        let text = serde_json::to_string(&kept).map_err(|error| Failure::internal(error.to_string()))?;
        write_secret(&Self::path()?, Zeroizing::new(text).as_bytes())?;
        Ok(kept)
    }

    /// Reads what is kept, while it counts.
    pub(crate) fn read() -> Result<Self, Failure> {
        let path = Self::path()?;
        let none = || Failure::denied("nobody is signed in here", "run `cordon login`");
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(|_| none())?);
        let login: Self = serde_json::from_str(&text).map_err(|_| none())?;
        if login.key.expires() <= SystemClock.now() {
            return Err(Failure::denied("the login has ended", "run `cordon login` again"));
        }
        Ok(login)
    }

    /// Where one signed in.
    pub(crate) fn origin(&self) -> &str {
        &self.url
    }

    /// With what one shows the session.
    pub(crate) fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.session.as_str()))
    }

    /// Asks the node where one signed in, with the session.
    pub(crate) fn ask<T: DeserializeOwned>(&self, path: &str, body: &str) -> Result<T, Failure> {
        let bearer = self.bearer();
        ask(&format!("{}{path}", self.url), &[("authorization", &bearer)], body)
    }
}

/// The key of this device, made when it is first needed.
pub(crate) fn device_key() -> Result<DeviceKey, Failure> {
    let path = config_folder()?.join("device.key");
    let damaged = || {
        Failure::integrity(
            format!("`{}` holds no device key", path.display()),
            "restore it, or remove it and enrol anew",
        )
    };
    if path.exists() {
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(|_| damaged())?);
        return DeviceKey::read(&text).ok_or_else(damaged);
    }
    let key = DeviceKey::draw().ok_or_else(|| Failure::internal("no device key can be drawn"))?;
    write_secret(&path, key.write().as_bytes())?;
    Ok(key)
}

/// Writes a file that only its user may read, in the place of an earlier one.
pub(crate) fn write_secret(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("`{}` cannot be written: {error}", path.display()), "see that you may write there")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = path.with_extension("new");
    // What an earlier attempt left may have been open to others.
    let _ = std::fs::remove_file(&beside);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(text.as_ref()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
