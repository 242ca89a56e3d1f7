//! Services and their keys.

use clap::{Args, Subcommand};
use cordon_domain::{
    Clock as _, Level, Moment, Principal, PrincipalId, PrincipalKind, Project, Record, Role, Scope, Step, Target,
};
use cordon_gate::act::{Invite, Issue};
use cordon_gate::{Facts, Request};
use cordon_identity::session::service_key;
use cordon_store::Change;
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::json;

use crate::commands::people::invite::{grant, role};
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, denied, failure};
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

fn add(arguments: &AddArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let id = PrincipalId::draw(&mut SystemEntropy);
    let service = Principal {
        id,
        kind: PrincipalKind::Service,
        owner: arguments.owner,
        clearance: arguments.clearance,
        projects: arguments.project.iter().cloned().collect(),
        vendor: None,
        purpose: Some(arguments.purpose.clone()),
        until: Some(arguments.until),
        trained_until: None,
    };
    let reason = arguments.purpose.as_str();
    let grants = arguments.role.iter().map(|role| grant(&operated, id, role, reason)).map(Record::Grant);
    let steps = std::iter::once(Record::Principal(service)).chain(grants).map(Step::Put).collect();
    let target = Target { principal: Some(id), ..Target::default() };
    operated.run(operated.change::<Invite>(target, steps, Vec::new(), Some(reason)))?;
    println!("{id}");
    Ok(Exit::Clean)
}

fn key(arguments: &KeyArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let snapshot = operated.snapshot()?;
    let known = snapshot.roster().principals.get(&arguments.service);
    let service = known.filter(|one| one.kind == PrincipalKind::Service).ok_or_else(|| {
        Failure::usage(format!("there is no service {}", arguments.service), "see `cordon people list`")
    })?;
    let made = service_key(operated.installation.keys(), service, SystemClock.now(), arguments.until);
    let (access, key) = made.map_err(failure)?;
    let key = key.ok_or_else(|| Failure::internal("the keys of keys are not there"))?;
    operated.run(async {
        let target = Target { principal: Some(service.id), record: access.names(), ..Target::default() };
        let facts = Facts { target, ..operated.facts(service.purpose.clone()) };
        let issued = operated.gate.change(Request::<Issue>::new(facts), Change::Access(Box::new(access))).await;
        issued.map(|receipt| drop(receipt.spend())).map_err(denied)
    })?;
    println!(
        "{}",
        json!({
            "schema": "cordon-service-key-1",
            "credential": key.credential.id.to_string(),
            "access_key_id": key.id,
            "secret_access_key": key.secret.as_str(),
            "session_token": key.token.as_str(),
            "expires": written(key.credential.expires_at),
        })
    );
    Ok(Exit::Clean)
}
