//! What a vault knows, for scans on this machine: fetched by whoever signed in, or by a service with a key; kept for one user's
//! eyes, with the key of the log that signs it, until it ends.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cordon_domain::{Clock as _, Knowledge, Moment};
use cordon_identity::signature::{Covers, Signer, Unsigned};
use cordon_inspect::{Codename, Index, Known, Printer};
use cordon_ledger::note::Verifier;
use cordon_scan::handed::{Handed, HandedError};
use cordon_scan::limits::HANDED_BYTES_MAX;
use cordon_server::s3::REGION;
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::Failure;
use crate::keys::config_folder;
use crate::limits::KEY_BYTES_MAX;
use crate::moment::written;
use crate::remote::{Login, Most, exchange_bytes, exchange_get, refused, write_secret};

/// Where clients of S3 have the name of their key.
pub(crate) const KEY_VARIABLE: &str = "AWS_ACCESS_KEY_ID";

/// What was fetched.
pub(crate) struct Fetched {
    pub(crate) knowledge: Knowledge,
    pub(crate) until: Moment,
}

fn file() -> Result<PathBuf, Failure> {
    Ok(config_folder()?.join("knowledge"))
}

/// With what it is verified.
fn key_file() -> Result<PathBuf, Failure> {
    Ok(config_folder()?.join("knowledge.vkey"))
}

/// The key of the log of a node, as it was when it was first met there.
fn met_file(origin: &str) -> Result<PathBuf, Failure> {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() || sign == '.' { sign } else { '-' };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    Ok(config_folder()?.join(format!("log-{}.vkey", host.chars().map(plain).collect::<String>())))
}

/// Fetches it with a session.
pub(crate) fn fetch(login: &Login) -> Result<Fetched, Failure> {
    let bearer = login.bearer();
    let url = format!("{}/knowledge", login.origin());
    take(login.origin(), exchange_bytes(&url, &[("authorization", &bearer)], "{}", Most::HANDED)?)
}

/// Fetches it with the key of a service, as clients of S3 have it in their environment.
pub(crate) fn fetch_with_key(origin: &str) -> Result<Fetched, Failure> {
    let variable = |name: &str| {
        std::env::var(name).map_err(|_| {
            let hint = "give the whole key of a service in the environment, as `cordon services key` prints it";
            Failure::usage(format!("{name} is not set"), hint)
        })
    };
    let (id, secret) = (variable(KEY_VARIABLE)?, variable("AWS_SECRET_ACCESS_KEY")?);
    let token = variable("AWS_SESSION_TOKEN")?;
    let signer = Signer { access_key: &id, secret: &secret, token: &token, region: REGION, service: "sts" };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let request = Unsigned::plain("POST", host, "/knowledge/key");
    let headers = signer.sign(&request, Covers::Body(b"{}"), SystemClock.now());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    take(origin, exchange_bytes(&format!("{origin}/knowledge/key"), &headers, "{}", Most::HANDED)?)
}

/// Keeps what a node handed out, once it is what its log signs. The key of the log is kept when it is first met. Whoever is
/// refused does not go on with what they, or others, had before.
fn take(origin: &str, (status, bytes): (u16, Vec<u8>)) -> Result<Fetched, Failure> {
    if (400..500).contains(&status) {
        forget()?;
    }
    if status != 200 {
        return Err(refused(status, &String::from_utf8_lossy(&bytes)));
    }
    let met = met_file(origin)?;
    let (key, is_new) = match kept_key(&met)? {
        Some(key) => (key, false),
        None => (told_key(origin)?, true),
    };
    let (knowledge, until) = Handed::read(&bytes, &key, SystemClock.now()).map_err(|error| {
        let hint = match error {
            HandedError::Ended(_) => "see that the clocks of this machine and of the node are right".to_owned(),
            HandedError::Other => format!(
                "if the installation there was made anew, remove `{}`; otherwise ask whoever runs it",
                met.display()
            ),
        };
        Failure::integrity(format!("what `{origin}` hands out cannot be used: {error}"), hint)
    })?;
    if is_new {
        write_secret(&met, key.to_string())?;
    }
    write_secret(&key_file()?, key.to_string())?;
    write_secret(&file()?, bytes)?;
    Ok(Fetched { knowledge, until })
}

/// Removes what was fetched.
fn forget() -> Result<(), Failure> {
    let path = file()?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::usage(format!("`{}` cannot be removed: {error}", path.display()), "remove it yourself"))
        }
        _ => Ok(()),
    }
}

/// Reads a file of ours; nothing only where there is none.
fn kept(path: &Path, most: usize) -> Result<Option<Vec<u8>>, Failure> {
    let unreadable = |why: String| {
        Failure::usage(
            format!("`{}` cannot be read: {why}", path.display()),
            "see whose it is, or remove it and fetch anew",
        )
    };
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| unreadable(error.to_string()))?,
    };
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() <= most { Ok(Some(bytes)) } else { Err(unreadable("it is too long".to_owned())) }
}

fn kept_key(path: &Path) -> Result<Option<Verifier>, Failure> {
    let Some(bytes) = kept(path, KEY_BYTES_MAX)? else { return Ok(None) };
    let key = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    let damaged =
        || Failure::integrity(format!("`{}` holds no key of a log", path.display()), "remove it and fetch anew");
    key.map(Some).ok_or_else(damaged)
}

fn told_key(origin: &str) -> Result<Verifier, Failure> {
    let (status, text) = exchange_get(&format!("{origin}/log.vkey"))?;
    let key = text.trim().parse::<Verifier>().ok().filter(|_| status == 200);
    key.ok_or_else(|| Failure::usage(format!("`{origin}` tells no key of its log"), "see --public-url"))
}

/// What scans here recognise beside what is given to them: nothing where nothing was fetched; what has ended is removed, and
/// noted.
pub(crate) fn recognised() -> Result<(Option<Fetched>, Option<String>), Failure> {
    let path = file()?;
    let Some(bytes) = kept(&path, HANDED_BYTES_MAX)? else { return Ok((None, None)) };
    let changed = || {
        let what = format!("`{}` cannot be used: {}", path.display(), HandedError::Other);
        Failure::integrity(what, "fetch it anew with `cordon fingerprint fetch`, or leave it out with --without-vault")
    };
    let key = kept_key(&key_file()?)?.ok_or_else(changed)?;
    match Handed::read(&bytes, &key, SystemClock.now()) {
        Ok((knowledge, until)) => Ok((Some(Fetched { knowledge, until }), None)),
        Err(HandedError::Ended(at)) => {
            forget()?;
            let at = written(at);
            let note = format!(
                "what the vault knows lasted until {at}, and is gone: `cordon fingerprint fetch` fetches it anew"
            );
            Ok((None, Some(note)))
        }
        Err(HandedError::Other) => Err(changed()),
    }
}

impl Fetched {
    /// As a scan takes it: codenames, and documents with the key of their passages.
    pub(crate) fn split(self) -> (Vec<Codename>, (Index, Printer)) {
        let Knowledge { key, documents, names } = self.knowledge;
        let names = names.into_iter().map(|word| {
            let projects: Vec<&str> = word.label.projects.iter().map(cordon_domain::Project::as_str).collect();
            let project = if projects.is_empty() { word.id.to_string() } else { projects.join(", ") };
            Codename { name: word.name, project, level: word.label.level, near: Vec::new() }
        });
        let documents = documents.into_iter().map(|known| Known {
            name: known.version.to_string(),
            level: known.level,
            project: String::new(),
            prints: known.prints.iter().collect(),
        });
        (names.collect(), (Index::new(documents.collect()), Printer::new(key)))
    }

    /// What was fetched, for programs.
    pub(crate) fn object(&self) -> serde_json::Value {
        let (documents, codenames) = (self.knowledge.documents.len(), self.knowledge.names.len());
        json!({"schema": "cordon-fetched-1", "documents": documents, "codenames": codenames, "until": self.until.0})
    }

    /// What was fetched, in words.
    pub(crate) fn told(&self) -> String {
        let (documents, names) = (self.knowledge.documents.len(), self.knowledge.names.len());
        format!(
            "scans here recognise {documents} documents and {names} codenames of the vault until {}",
            written(self.until)
        )
    }
}
