//! Taking access back, and showing that it is gone.

use std::time::{Duration, Instant};

use clap::Args;
use cordon_domain::{
    Clock as _, Credential, CredentialId, CredentialKind, PrincipalId, Record, RecordKey, Revoked, Roster, Step, Target,
};
use cordon_gate::act::Revoke;
use cordon_identity::session::access_key;
use cordon_identity::signature::{Covers, Signer, Unsigned};
use cordon_server::limits::PRESENT_MS;
use cordon_server::peers::{CHECK, Checked, PROOF, PeerAddress, PeerKey};
use cordon_server::reply::ENDED;
use cordon_server::s3::REGION;
use cordon_store::Server;
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};
use crate::limits::REVOKED_MS;
use crate::remote::exchange_with;

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
    at: At,
    /// What: pr_..., vn_..., dv_..., cr_..., gr_... or project:NAME.
    what: RecordKey,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let snapshot = operated.snapshot()?;
    let issued = operated.wait(dying(&operated, &arguments.what, snapshot.roster()))?;
    let (about, steps) = match &arguments.what {
        RecordKey::Principal(id) => (Some(*id), vec![Step::End(arguments.what.clone())]),
        RecordKey::Closed(project) => (None, vec![Step::Put(Record::Closed(project.clone()))]),
        RecordKey::Credential(id) => {
            let principal = operated.wait(whose(&operated, *id))?;
            let derived = issued.iter().map(|one| one.id).filter(|one| one != id);
            let all = std::iter::once(*id).chain(derived);
            (Some(principal), all.map(|credential| ended(credential, principal)).collect())
        }
        what => (None, vec![Step::End(what.clone())]),
    };
    let target = Target { principal: about, ..Target::default() };
    operated.run(operated.change::<Revoke>(target, steps, Vec::new(), Some(&arguments.reason)))?;
    println!("{} is revoked", arguments.what);
    shown(&operated, &issued)
}

const fn ended(credential: CredentialId, principal: PrincipalId) -> Step {
    Step::Put(Record::Revoked(Revoked { credential, principal }))
}

/// What was issued that dies with it: what rests on a way to sign in or a session, on a device, on whose it is.
async fn dying(operated: &Operated, what: &RecordKey, roster: &Roster) -> Result<Vec<Credential>, Failure> {
    let (reader, keys, now) = (operated.installation.reader(), operated.installation.keys(), SystemClock.now());
    let whose: Vec<PrincipalId> = match what {
        RecordKey::Principal(id) => {
            roster.principals.values().filter(|one| one.id == *id || one.owner == *id).map(|one| one.id).collect()
        }
        RecordKey::Vendor(id) => {
            roster.principals.values().filter(|one| one.vendor == Some(*id)).map(|one| one.id).collect()
        }
        RecordKey::Device(id) => roster.devices.get(id).map(|device| device.owner).into_iter().collect(),
        RecordKey::Credential(id) => vec![whose(operated, *id).await?],
        _ => Vec::new(),
    };
    let dies = |one: &Credential| match what {
        RecordKey::Device(id) => one.device == Some(*id),
        RecordKey::Credential(id) => one.rests_on(*id),
        _ => true,
    };
    let mut issued = Vec::new();
    for principal in whose {
        let all = reader.credentials(keys, principal, now).await.map_err(failure)?;
        issued.extend(all.into_iter().filter(|one| dies(one) && !roster.revoked.contains(&one.id)));
    }
    Ok(issued)
}

/// Whose credential it is: issued, or a way to sign in.
async fn whose(operated: &Operated, id: CredentialId) -> Result<PrincipalId, Failure> {
    let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
    let issued = reader.credential(keys, id).await.map_err(failure)?.map(|one| one.principal);
    let way = reader.authenticator(keys, id).await.map_err(failure)?.map(|way| way.principal);
    issued.or(way).ok_or_else(|| Failure::usage(format!("there is no {id}"), "see the account's page, or the log"))
}

/// Asks each node about each credential until it refuses.
fn shown(operated: &Operated, issued: &[Credential]) -> Result<Exit, Failure> {
    if issued.is_empty() {
        return Ok(Exit::Clean);
    }
    let since = SystemClock.now().plus_ms(-PRESENT_MS);
    let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
    let servers = operated.wait(async { reader.servers(keys, since).await.map_err(failure) })?;
    if servers.is_empty() {
        eprintln!("no node runs: {} sessions and keys are refused by whichever begins", issued.len());
    }
    let (mut exit, begun) = (Exit::Clean, Instant::now());
    for (server, one) in servers.iter().flat_map(|server| issued.iter().map(move |one| (server, one))) {
        let (id, kind, node) = (one.id, one.kind.as_str(), server.node);
        match refused(operated, server, one, begun) {
            Ok(Some(why)) => println!("{id}  {kind}  refused by {node}: {why}"),
            Ok(None) => {
                exit = Exit::Integrity;
                println!("{id}  {kind}  STILL COUNTS at {node}");
            }
            Err(error) => {
                exit = if exit == Exit::Clean { Exit::Findings } else { exit };
                println!("{id}  {kind}  could not be shown at {node}: {error}");
            }
        }
    }
    match exit {
        Exit::Clean => eprintln!("shown at {} nodes within {} ms", servers.len(), begun.elapsed().as_millis()),
        Exit::Integrity => eprintln!("hint: stop the nodes where it still counts, and run `cordon audit verify`"),
        _ => eprintln!("hint: it is revoked; see that the nodes that could not be asked run, and ask again"),
    }
    Ok(exit)
}

fn refused(operated: &Operated, server: &Server, one: &Credential, begun: Instant) -> Result<Option<String>, String> {
    loop {
        // The node itself says so, whatever else answers at its address; of a key, the signed request must say so, too.
        let checked = checked(operated, server, one)?;
        let refusal = match one.kind {
            CredentialKind::Session => checked,
            CredentialKind::AccessKey | CredentialKind::ServiceKey => checked.and(replayed(operated, server, one)?),
        };
        if refusal.is_some() || begun.elapsed() > Duration::from_millis(REVOKED_MS) {
            return Ok(refusal);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Replays an access key as a signed request of STS.
fn replayed(operated: &Operated, server: &Server, one: &Credential) -> Result<Option<String>, String> {
    let key = access_key(operated.installation.keys(), *one).map_err(|error| error.to_string())?;
    let key = key.ok_or("the keys of keys are not there")?;
    let (access_key, secret, token) = (key.id.as_str(), key.secret.as_str(), key.token.as_str());
    let signer = Signer { access_key, secret, token, region: REGION, service: "sts" };
    let at: PeerAddress = server.address.parse()?;
    let (host, body) = (at.listens.to_string(), "Action=GetCallerIdentity&Version=2011-06-15");
    let request = Unsigned::plain("POST", &host, "/");
    let headers = signer.sign(&request, Covers::Body(body.as_bytes()), SystemClock.now());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, text) = exchange_with(&at, "/", &headers, body).map_err(|error| error.what().to_owned())?;
    let within = |name: &str| {
        let rest = text.split_once(&format!("<{name}>"))?.1;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned())
    };
    match (status, within("Code")) {
        (200, _) => Ok(None),
        (401, Some(code)) if code == ENDED => Ok(within("Message")),
        // Another reason shows nothing of the revocation.
        (status, code) => Err(format!("it answers {status} {}", code.unwrap_or_default())),
    }
}

/// Has a node run its own verification on a credential's name.
fn checked(operated: &Operated, server: &Server, one: &Credential) -> Result<Option<String>, String> {
    let body = json!({"credential": one.id.to_string()}).to_string();
    let key = PeerKey::new(operated.installation.keys()).map_err(|error| error.to_string())?;
    let proof = key.prove(server.node, &body, SystemClock.now());
    let exchanged = exchange_with(&server.address.parse()?, CHECK, &[(PROOF, &proof)], &body);
    let (status, text) = exchanged.map_err(|error| error.what().to_owned())?;
    match serde_json::from_str::<Checked>(&text) {
        Ok(said) if status == 200 && key.is_answer(&said, server.node, &body) => Ok(said.refusal),
        _ => Err(format!("`{}` does not answer as this node ({status})", server.address)),
    }
}
