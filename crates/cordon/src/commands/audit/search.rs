//! Searching events, with the keys that open them.

use clap::Args;
use cordon_domain::id::hex;
use cordon_domain::{Action, BucketId, Moment, PrincipalId, VersionId};
use cordon_gate::Request;
use cordon_gate::act::Search as SearchAct;
use cordon_ledger::entry::{Identity, OpenEvent, Succession, key_version, open};
use cordon_store::keyring::Make;
use cordon_store::limits::SEARCH_EVENTS_MAX;
use cordon_store::{Installation, Search};
use serde_json::{Value, json};

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::{At, Operated, denied, failure};
use crate::moment::{moment, written};

/// What to search for.
#[derive(Args)]
pub(super) struct Filter {
    /// Who acted: pr_ and 32 hexadecimal digits.
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<PrincipalId>,
    /// What was acted on: an object version (ov_...), a bucket (bk_...) or a principal (pr_...).
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// What was done, for example object.read.
    #[arg(long, value_name = "ACTION")]
    action: Option<Action>,
    /// Not before: a time such as 2026-11-25T08:00:00Z, or a day.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Moment>,
    /// Before: a time or a day.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// At most so many events, and never more than 10000.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

/// Search events by actor, object, action and time. The search is itself an event.
///
/// Example: cordon audit search --action key.rotate --from 2026-11-01
#[derive(Args)]
#[group(id = "audit-search-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    filter: Filter,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let found = found(&operated, &arguments.filter, "cordon audit search")?;
    let lines =
        found.iter().map(
            |(position, opened)| {
                if arguments.json { json_of(*position, opened).to_string() } else { line(*position, opened) }
            },
        );
    print_lines(lines)?;
    Ok(Exit::Clean)
}

/// An entry that was opened.
pub(crate) enum Opened {
    Event(Box<OpenEvent>),
    Succession(Succession),
}

/// Finds and opens events. What does not open is a fault, and stops.
pub(super) fn found(operated: &Operated, filter: &Filter, what: &str) -> Result<Vec<(u64, Opened)>, Failure> {
    let found = page(operated, &search_of(&operated.installation, filter)?, what)?;
    if found.len() == SEARCH_EVENTS_MAX || found.len() == filter.limit {
        eprintln!("hint: these are the first {} events; for others give --from, or a higher --limit", found.len());
    }
    Ok(found)
}

/// The same of one search, of as many as it returns.
pub(crate) fn page(operated: &Operated, search: &Search, what: &str) -> Result<Vec<(u64, Opened)>, Failure> {
    let installation = &operated.installation;
    operated.run(async {
        let request = Request::<SearchAct>::new(operated.facts(Some(what.to_owned())));
        let receipt = operated.gate.read(request).await.map_err(denied)?;
        let found = installation.reader().search(search).await.map_err(failure)?;
        drop(receipt.spend());
        found.into_iter().map(|(position, entry)| Ok((position, opened(installation, position, &entry)?))).collect()
    })
}

/// Finds and opens one event, with what the log keeps of it.
pub(super) async fn one(operated: &Operated, position: u64, what: &str) -> Result<(Vec<u8>, Opened), Failure> {
    let installation = &operated.installation;
    let request = Request::<SearchAct>::new(operated.facts(Some(format!("{what} {position}"))));
    let receipt = operated.gate.read(request).await.map_err(denied)?;
    let entry = installation.reader().entries(position, 1).await.map_err(failure)?.pop();
    drop(receipt.spend());
    let entry = entry.ok_or_else(|| {
        Failure::usage(format!("there is no event {position}"), "`cordon audit search` names positions")
    })?;
    let opened = opened(installation, position, &entry)?;
    Ok((entry, opened))
}

fn search_of(installation: &Installation, filter: &Filter) -> Result<Search, Failure> {
    let index = installation.keys().index();
    let object = filter.object.as_deref().map(|text| {
        let version = text.parse::<VersionId>().ok().map(|id| index.version(id));
        let bucket = || text.parse::<BucketId>().ok().map(|id| index.bucket(id));
        let principal = || text.parse::<PrincipalId>().ok().map(|id| index.subject(id));
        version.or_else(bucket).or_else(principal).ok_or_else(|| {
            Failure::usage(format!("`{text}` is no identifier"), "give ov_, bk_ or pr_ and 32 hexadecimal digits")
        })
    });
    Ok(Search {
        actor: filter.actor.map(|actor| index.actor(actor)),
        object: object.transpose()?,
        action: filter.action.map(|action| index.action(action)),
        from: filter.from,
        until: filter.until,
        start: 0,
        limit: filter.limit,
    })
}

fn opened(installation: &Installation, position: u64, entry: &[u8]) -> Result<Opened, Failure> {
    if let Some(succession) = Succession::read(entry) {
        return Ok(Opened::Succession(succession));
    }
    let keys = installation.keys();
    let all = keys.event_keys().map_err(failure)?;
    let damaged = |why: String| {
        Failure::integrity(format!("event {position}: {why}"), "run `cordon audit verify` to learn what is wrong")
    };
    let key = all.iter().find(|key| Some(key.version()) == key_version(entry));
    let key = key.ok_or_else(|| damaged("its key is not here".to_owned()))?;
    // A key that is there and does not open is not one that was destroyed.
    let mut broken = None;
    let subject_key = |subject| match keys.subject_key(subject, Make::Never) {
        Ok(key) => key,
        Err(error) => {
            broken = Some(error);
            None
        }
    };
    let opened = open(entry, key, subject_key).map_err(|error| damaged(error.to_string()))?;
    broken.map_or(Ok(Opened::Event(Box::new(opened))), |error| Err(failure(error)))
}

fn line(position: u64, opened: &Opened) -> String {
    let opened = match opened {
        Opened::Event(opened) => opened,
        Opened::Succession(succession) => {
            return format!("{position}  follows a log that was lost after {} entries", succession.kept);
        }
    };
    let event = &opened.event;
    let outcome = match event.outcome {
        cordon_domain::Outcome::Allowed => "allowed",
        cordon_domain::Outcome::Denied => "denied",
        cordon_domain::Outcome::Failed => "failed",
    };
    let who = match &opened.identity {
        Identity::Open(personal) => personal.name.clone().unwrap_or_default(),
        Identity::Sealed(_) => "(erased)".to_owned(),
        Identity::None => String::new(),
    };
    let target = &event.target;
    let object = target.version.map(|id| id.to_string());
    let object = object.or_else(|| target.bucket.map(|id| id.to_string()));
    let object = object.or_else(|| target.principal.map(|id| id.to_string())).unwrap_or_default();
    let amount = event.amount.map(|amount| format!(" {amount}")).unwrap_or_default();
    let reason = event.reason.as_deref().map(|reason| format!("  ({reason})")).unwrap_or_default();
    let payload = if event.payload.is_some() { "  (more: cordon audit payload)" } else { "" };
    let text = format!(
        "{position}  {}  {}{amount}  {outcome}  {} {who}  {object}{reason}{payload}",
        written(event.at),
        event.action,
        event.actor.principal
    );
    text.chars().filter(|letter| !letter.is_control()).collect::<String>().trim_end().to_owned()
}

/// An event as the JSON of this program.
pub(crate) fn json_of(position: u64, opened: &Opened) -> Value {
    let opened = match opened {
        Opened::Event(opened) => opened,
        Opened::Succession(succession) => {
            return json!({
                "schema": "cordon-event-1",
                "position": position,
                "action": "log.succeed",
                "kept": succession.kept,
                "old_checkpoint": succession.old_checkpoint,
            });
        }
    };
    let event = &opened.event;
    let personal = match &opened.identity {
        Identity::Open(personal) => json!({
            "name": personal.name, "address": personal.address, "device": personal.device, "network": personal.network
        }),
        Identity::Sealed(_) => json!("erased"),
        Identity::None => Value::Null,
    };
    json!({
        "schema": "cordon-event-1",
        "position": position,
        "time": written(event.at),
        "action": event.action.as_str(),
        "outcome": match event.outcome {
            cordon_domain::Outcome::Allowed => "allowed",
            cordon_domain::Outcome::Denied => "denied",
            cordon_domain::Outcome::Failed => "failed",
        },
        "request": event.request.to_string(),
        "actor": event.actor.principal.to_string(),
        "credential": event.actor.credential.map(|id| id.to_string()),
        "on_behalf_of": event.actor.on_behalf_of.map(|id| id.to_string()),
        "mfa_age_s": event.actor.mfa_age_s,
        "device": event.actor.device.map(|id| id.to_string()),
        "bucket": event.target.bucket.map(|id| id.to_string()),
        "version": event.target.version.map(|id| id.to_string()),
        "principal": event.target.principal.map(|id| id.to_string()),
        "level": event.target.label.as_ref().map(|label| label.level.as_str()),
        "projects": event.target.label.as_ref().map(|label| {
            label.projects.iter().map(|project| project.as_str()).collect::<Vec<_>>()
        }),
        "amount": event.amount,
        "reason": event.reason,
        "policies": event.policies,
        "grants": event.grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "client": event.client,
        "node": event.node.to_string(),
        "sequence": event.sequence,
        "payload": event.payload.map(|payload| json!({"sha256": hex(&payload.sha256), "bytes": payload.bytes})),
        "approval": event.approval.map(|approval| approval.to_string()),
        "personal": personal,
    })
}
