//! Taking access back, and showing that it is gone.

use std::time::{Duration, Instant};

use clap::Args;
use cordon_domain::{
    Clock as _, Credential, CredentialKind, PrincipalId, Record, RecordKey, Revoked, Roster, Step, Target,
};
use cordon_gate::act::Revoke;
use cordon_identity::session::access_key;
use cordon_identity::signature::Signer;
use cordon_server::limits::PRESENT_MS;
use cordon_server::peers::{CHECK, Checked, PROOF, PeerKey};
use cordon_store::Server;
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where, failure};
use crate::limits::REVOKED_MS;
use crate::remote::exchange;

/// Revoke a principal, vendor, device, session, key, passkey, grant, or a whole project, for ever, on every node; and show it.
///
/// What is revoked never comes back; a project that is closed has no members until it is granted anew. Then each node that
/// runs is asked: access keys are replayed as signed requests, of every other credential the node checks the name.
///
/// Example: cordon access revoke pr_... --reason "left the team"
#[derive(Args)]
#[group(id = "access-revoke-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
    /// What: pr_..., vn_..., dv_..., cr_..., gr_... or project:NAME.
    what: RecordKey,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    let snapshot = operated.snapshot()?;
    let (issued, servers) = operated.wait(known(&operated, &arguments.what, snapshot.roster()))?;
    let (about, step) = match &arguments.what {
        RecordKey::Principal(id) => (Some(*id), Step::End(arguments.what.clone())),
        RecordKey::Closed(project) => (None, Step::Put(Record::Closed(project.clone()))),
        RecordKey::Credential(id) => {
            let principal = operated.wait(whose(&operated, arguments, &issued))?;
            (Some(principal), Step::Put(Record::Revoked(Revoked { credential: *id, principal })))
        }
        what => (None, Step::End(what.clone())),
    };
    let target = Target { principal: about, ..Target::default() };
    operated.run(operated.change::<Revoke>(target, vec![step], Vec::new(), Some(&arguments.reason)))?;
    println!("{} is revoked", arguments.what);
    shown(&operated, &issued, &servers)
}

/// What was issued that dies with it, and who can be asked.
async fn known(
    operated: &Operated,
    what: &RecordKey,
    roster: &Roster,
) -> Result<(Vec<Credential>, Vec<Server>), Failure> {
    let (reader, keys, now) = (operated.installation.reader(), operated.installation.keys(), SystemClock.now());
    let issued = reader.credentials(keys, None, now).await.map_err(failure)?;
    let principal = |id: &PrincipalId| roster.principals.get(id);
    let dies = |one: &Credential| match what {
        RecordKey::Principal(id) => {
            one.principal == *id || principal(&one.principal).is_some_and(|one| one.owner == *id)
        }
        RecordKey::Vendor(id) => principal(&one.principal).is_some_and(|one| one.vendor == Some(*id)),
        RecordKey::Device(id) => one.device == Some(*id),
        RecordKey::Credential(id) => one.id == *id,
        _ => false,
    };
    let alive = |one: &Credential| !roster.revoked.contains(&one.id);
    let servers = reader.servers(keys, now.plus_ms(-PRESENT_MS)).await.map_err(failure)?;
    Ok((issued.into_iter().filter(|one| dies(one) && alive(one)).collect(), servers))
}

/// Whose credential it is: issued, or a way to sign in.
async fn whose(operated: &Operated, arguments: &Arguments, issued: &[Credential]) -> Result<PrincipalId, Failure> {
    let none = || Failure::usage(format!("there is no {}", arguments.what), "see the account's page, or the log");
    if let Some(one) = issued.first() {
        return Ok(one.principal);
    }
    let RecordKey::Credential(id) = arguments.what else { return Err(none()) };
    let way = operated.installation.reader().authenticator(operated.installation.keys(), id).await.map_err(failure)?;
    way.map(|way| way.principal).ok_or_else(none)
}

/// Asks each node about each credential until it refuses.
fn shown(operated: &Operated, issued: &[Credential], servers: &[Server]) -> Result<Exit, Failure> {
    if issued.is_empty() {
        return Ok(Exit::Clean);
    }
    if servers.is_empty() {
        eprintln!("no node runs: {} sessions and keys are refused by whichever begins", issued.len());
        return Ok(Exit::Clean);
    }
    let mut exit = Exit::Clean;
    let begun = Instant::now();
    for server in servers {
        for one in issued {
            let refusal = refused(operated, server, one, begun)?;
            let (id, kind, node) = (one.id, one.kind.as_str(), server.node);
            match refusal {
                Some(why) => println!("{id}  {kind}  refused by {node}: {why}"),
                None => {
                    exit = Exit::Integrity;
                    println!("{id}  {kind}  STILL COUNTS at {node}");
                }
            }
        }
    }
    if exit == Exit::Clean {
        eprintln!("shown at {} nodes within {} ms", servers.len(), begun.elapsed().as_millis());
    } else {
        eprintln!("hint: stop the nodes where it still counts, and run `cordon audit verify`");
    }
    Ok(exit)
}

fn refused(operated: &Operated, server: &Server, one: &Credential, begun: Instant) -> Result<Option<String>, Failure> {
    loop {
        let refusal = match one.kind {
            CredentialKind::AccessKey | CredentialKind::ServiceKey => replayed(operated, server, one)?,
            CredentialKind::Session => checked(operated, server, one)?,
        };
        if refusal.is_some() || begun.elapsed() > Duration::from_millis(REVOKED_MS) {
            return Ok(refusal);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Replays an access key as a signed request of STS.
fn replayed(operated: &Operated, server: &Server, one: &Credential) -> Result<Option<String>, Failure> {
    let key = access_key(operated.installation.keys(), *one).map_err(failure)?;
    let key = key.ok_or_else(|| Failure::internal("the keys of keys are not there"))?;
    let signer = Signer { access_key: &key.id, secret: &key.secret, token: &key.token, service: "sts" };
    let (host, body) = (server.address.trim_start_matches("http://"), "Action=GetCallerIdentity&Version=2011-06-15");
    let headers = signer.sign(("POST", "/"), host, body, SystemClock.now());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, text) = exchange(&format!("{}/", server.address), &headers, body)?;
    let said = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    Ok((status == 401).then(|| said.map_or("refused", |(why, _)| why).to_owned()))
}

/// Has a node run its own verification on a credential's name.
fn checked(operated: &Operated, server: &Server, one: &Credential) -> Result<Option<String>, Failure> {
    let body = json!({"credential": one.id.to_string()}).to_string();
    let key = PeerKey::new(operated.installation.keys()).map_err(failure)?;
    let proof = key.prove(&server.address, &body, SystemClock.now());
    let (status, text) = exchange(&format!("{}{CHECK}", server.address), &[(PROOF, &proof)], &body)?;
    match serde_json::from_str::<Checked>(&text) {
        Ok(Checked { refusal }) if status == 200 => Ok(refusal),
        _ => Err(Failure::internal(format!("{} answers {status} to another node", server.address))),
    }
}
