//! Services and their keys.

use clap::{Args, Subcommand};
use cordon_domain::{
    Clock as _, Level, Moment, Principal, PrincipalId, PrincipalKind, Project, Record, Role, Scope, Step, Target,
};
use cordon_gate::act::{Invite, Issue};
use cordon_gate::{Facts, Request};
use cordon_identity::AccessKey;
use cordon_identity::session::service_key;
use cordon_store::Change;
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::{Map, Value, json};

use crate::commands::people::invite::{grant, role};
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, denied, failure};
use crate::moment::{moment, written};

/// Bring services in, and issue their keys. `cordon people list` lists them; `cordon access revoke` ends them.
#[derive(Subcommand)]
pub(crate) enum Command {
    Add(Box<AddArguments>),
    Key(Box<KeyArguments>),
}

/// Bring a service in: who answers for it, what it is for, until when, and what it may.
///
/// Example: cordon services add --owner pr_... --purpose "nightly evaluation" --until 2027-03-31 --role reader:project:atlas --project atlas
#[derive(Args)]
#[group(id = "services-add-arguments")]
pub(crate) struct AddArguments {
    #[command(flatten)]
    at: At,
    /// The person who answers for it: it ends with them.
    #[arg(long, value_name = "PERSON")]
    owner: PrincipalId,
    /// What it is for.
    #[arg(long)]
    purpose: String,
    /// When it ends.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Moment,
    /// The highest level that it may know.
    #[arg(long, value_name = "LEVEL", default_value = "internal")]
    clearance: Level,
    /// A project that it belongs to; may be given several times.
    #[arg(long, value_name = "PROJECT")]
    project: Vec<Project>,
    /// A role, and on what; may be given several times.
    #[arg(long, value_name = "ROLE:SCOPE", value_parser = role)]
    role: Vec<(Role, Scope)>,
}

/// Issue a key of a service. It is printed once: an id, a secret and a session token for clients of S3, as JSON.
///
/// Example: cordon services key pr_... --until 2027-01-31 > key.json
#[derive(Args)]
#[group(id = "services-key-arguments")]
pub(crate) struct KeyArguments {
    #[command(flatten)]
    at: At,
    /// The service.
    service: PrincipalId,
    /// When the key ends: at most 366 days ahead, and not after the service.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Moment,
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(arguments) => add(&arguments),
        Command::Key(arguments) => key(&arguments),
    }
}

/// A service to be brought in.
pub(crate) struct Service {
    pub(crate) owner: PrincipalId,
    pub(crate) purpose: String,
    pub(crate) until: Moment,
    pub(crate) clearance: Level,
    pub(crate) projects: Vec<Project>,
    pub(crate) roles: Vec<(Role, Scope)>,
}

impl Service {
    fn principal(&self) -> Principal {
        Principal {
            id: PrincipalId::draw(&mut SystemEntropy),
            kind: PrincipalKind::Service,
            owner: self.owner,
            clearance: self.clearance,
            projects: self.projects.iter().cloned().collect(),
            vendor: None,
            purpose: Some(self.purpose.clone()),
            until: Some(self.until),
            trained_until: None,
        }
    }

    /// Brings it in, with what it may.
    pub(crate) async fn bring_in(&self, operated: &Operated) -> Result<Principal, Failure> {
        let (service, reason) = (self.principal(), self.purpose.as_str());
        let grants = self.roles.iter().map(|role| grant(operated, service.id, role, reason)).map(Record::Grant);
        let steps = std::iter::once(Record::Principal(service.clone())).chain(grants).map(Step::Put).collect();
        let target = Target { principal: Some(service.id), ..Target::default() };
        operated.change::<Invite>(target, steps, Vec::new(), Some(reason)).await?;
        Ok(service)
    }
}

/// Issues a key of a service.
pub(crate) async fn issue(operated: &Operated, service: &Principal, until: Moment) -> Result<AccessKey, Failure> {
    let made = service_key(operated.installation.keys(), service, SystemClock.now(), until);
    let (access, key) = made.map_err(failure)?;
    let key = key.ok_or_else(|| Failure::internal("the keys of keys are not there"))?;
    let target = Target { principal: Some(service.id), record: access.names(), ..Target::default() };
    let facts = Facts { target, ..operated.facts(service.purpose.clone()) };
    let issued = operated.gate.change(Request::<Issue>::new(facts), Change::Access(Box::new(access))).await;
    issued.map(|receipt| drop(receipt.spend())).map_err(denied)?;
    Ok(key)
}

/// A key as programs read it.
pub(crate) fn shown(key: &AccessKey) -> Map<String, Value> {
    let fields = [
        ("credential", key.credential.id.to_string()),
        ("access_key_id", key.id.clone()),
        ("secret_access_key", key.secret.to_string()),
        ("session_token", key.token.to_string()),
        ("expires", written(key.credential.expires_at)),
    ];
    fields.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect()
}

fn add(arguments: &AddArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let service = Service {
        owner: arguments.owner,
        purpose: arguments.purpose.clone(),
        until: arguments.until,
        clearance: arguments.clearance,
        projects: arguments.project.clone(),
        roles: arguments.role.clone(),
    };
    let service = operated.run(service.bring_in(&operated))?;
    println!("{}", service.id);
    Ok(Exit::Clean)
}

fn key(arguments: &KeyArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let snapshot = operated.snapshot()?;
    let known = snapshot.roster().principals.get(&arguments.service);
    let service = known.filter(|one| one.kind == PrincipalKind::Service).ok_or_else(|| {
        Failure::usage(format!("there is no service {}", arguments.service), "see `cordon people list`")
    })?;
    let key = operated.run(issue(&operated, service, arguments.until))?;
    let mut shown = shown(&key);
    shown.insert("schema".to_owned(), json!("cordon-service-key-1"));
    println!("{}", Value::Object(shown));
    Ok(Exit::Clean)
}
