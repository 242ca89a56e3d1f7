//! First keys, for scripts and tests, that nobody needs to sign in for.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use cordon_domain::{Clock as _, Level, PrincipalId, PrincipalKind, Role, Roster, Scope};
use cordon_server::Node;
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::commands::people::invite::role;
use crate::commands::services::{Service, issue, shown};
use crate::error::Failure;
use crate::installation::At;
use crate::limits::BOOTSTRAP_MS;

const PURPOSE: &str = "bootstrap: first keys for scripts, for one hour";

/// What is asked for.
#[derive(Args)]
#[group(id = "up-bootstrap")]
pub(super) struct Options {
    /// Write access keys of new services into this file, for scripts and tests: as JSON, for your eyes alone. They end after an
    /// hour, and are only given where nobody reaches the node from another machine.
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// A service to make such a key for: the highest level it may know, and its role; may be given several times.
    #[arg(
        long,
        value_name = "LEVEL[=ROLE:SCOPE]",
        requires = "bootstrap",
        default_value = "restricted=owner:everything"
    )]
    bootstrap_for: Vec<Whom>,
}

/// A service that a key is made for.
#[derive(Clone, Debug)]
struct Whom {
    clearance: Level,
    role: Option<(Role, Scope)>,
}

impl FromStr for Whom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (level, may) = text.split_once('=').map_or((text, None), |(level, may)| (level, Some(may)));
        let clearance = level.parse().map_err(|error: cordon_domain::level::UnknownLevel| error.to_string())?;
        Ok(Self { clearance, role: may.map(role).transpose()? })
    }
}

impl Options {
    /// Refuses where somebody else could use what is written: through a proxy, or at another node of the same database.
    pub(super) fn check(&self, up: &super::Arguments) -> Result<(), Failure> {
        if self.bootstrap.is_none() {
            return Ok(());
        }
        let how = match up.ways.open() {
            Some(address) => format!("{address} is reached from other machines"),
            None if up.ways.is_proxied() => "this node is reached through a proxy".to_owned(),
            None if up.at.place.places()?.server.is_some() => "other nodes may use this database".to_owned(),
            None => return Ok(()),
        };
        Err(Failure::usage(
            format!("{how}, and --bootstrap gives keys without a sign-in"),
            "use it for a node of its own, on 127.0.0.1; elsewhere sign in with `cordon login`",
        ))
    }

    /// Brings the services in, and writes their keys. It is done beside the node, as every command is.
    pub(super) fn write(&self, at: &At, node: &Node) -> Result<(), Failure> {
        let Some(path) = &self.bootstrap else { return Ok(()) };
        let beside = Beside::begin(path)?;
        let operated = at.open()?;
        let owner = answers(operated.snapshot()?.roster(), operated.actor.principal)?;
        let until = SystemClock.now().plus_ms(BOOTSTRAP_MS);
        let mut all = Vec::new();
        for whom in &self.bootstrap_for {
            let (clearance, roles) = (whom.clearance, whom.role.iter().cloned().collect());
            let purpose = PURPOSE.to_owned();
            let service = Service { owner, purpose, until, clearance, projects: Vec::new(), roles };
            let key = operated.run(async {
                let service = service.bring_in(&operated).await?;
                issue(&operated, &service, until).await
            })?;
            let mut one = shown(&key);
            one.insert("principal".to_owned(), json!(key.credential.principal.to_string()));
            one.insert("clearance".to_owned(), json!(clearance.as_str()));
            all.push(one);
        }
        let text = Zeroizing::new(format!("{:#}\n", document(node, all)));
        beside.finish(text.as_bytes())?;
        eprintln!("keys for scripts are in `{}`; they end in an hour", path.display());
        Ok(())
    }
}

/// The first one's fields stand at the top, too.
fn document(node: &Node, all: Vec<Map<String, Value>>) -> Value {
    let mut document = all.first().cloned().unwrap_or_default();
    document.insert("schema".to_owned(), json!("cordon-bootstrap-1"));
    document.insert("endpoint".to_owned(), json!(node.objects_url()));
    document.insert("region".to_owned(), json!(cordon_server::s3::REGION));
    document.insert("principals".to_owned(), json!(all));
    Value::Object(document)
}

/// Who answers for the services: the person at the machine, by the account that is theirs.
fn answers(roster: &Roster, operator: PrincipalId) -> Result<PrincipalId, Failure> {
    let now = SystemClock.now();
    let own = |kind, owner| kind == PrincipalKind::Person && owner == operator;
    let person = roster.principals.values().find(|one| own(one.kind, one.owner) && roster.is_active(one, now));
    person.map(|person| person.id).ok_or_else(|| {
        Failure::usage(
            "nobody here is the person at this machine, so nobody answers for the keys of --bootstrap",
            "bring yourself in with `cordon people invite NAME --me`",
        )
    })
}

/// A file that nobody else may read, on its way to its place.
struct Beside<'a> {
    file: File,
    path: PathBuf,
    place: &'a Path,
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // It is gone already when it is in its place.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl<'a> Beside<'a> {
    /// Begins it before anything is made that would have to stand in it.
    fn begin(place: &'a Path) -> Result<Self, Failure> {
        let mut name = place.as_os_str().to_owned();
        name.push(format!(".{}", cordon_domain::CredentialId::draw(&mut SystemEntropy)));
        let path = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        Ok(Self { file: file.map_err(|error| unwritable(place, &error))?, path, place })
    }

    /// Puts it in its place, whole or not at all.
    fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes).and_then(|()| std::fs::rename(&self.path, self.place));
        written.map_err(|error| unwritable(self.place, &error))
    }
}

fn unwritable(place: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("`{}` cannot be written: {error}", place.display()), "give another --bootstrap")
}
