//! Taking back what an event says was done.

use clap::Args;
use cordon_domain::{
    Action, Bucket, Event, Origin, Outcome, Policies, PublicationId, Record, RecordKey, Roster, Step, Target, VersionId,
};
use cordon_gate::act::{ChangeLevels, ChangePolicies};
use cordon_store::{Entry, ObjectRow};
use serde_json::{Value, json};

use crate::commands::audit::event;
use crate::commands::publications::observer::Observer;
use crate::commands::publications::withdraw::withdraw;
use crate::commands::quarantine::release::{Disputed, release};
use crate::commands::{classify, declassify};
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Consent, Operated, failure, say_asked};
use crate::remote::Login;

/// Take back what was done: a change of policies or of what levels demand, a publication, a label.
///
/// What an event changed is put back as it was before, when nothing changed it since. It is a change as any other, and is decided and
/// recorded as one: policies and levels take two people here, a label that becomes lower takes them where one signed in with
/// `cordon login`, and a publication is withdrawn at once. What other events did has a command that ends it, which is said.
///
/// Example: cordon undo 4711 --reason "the wrong file"
#[derive(Args)]
#[group(id = "undo-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The position of the event in the log: `cordon audit search` names it.
    event: u64,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    observer: Observer,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let done = operated.run(event(&operated, arguments.event, "cordon undo"))?;
    if done.outcome != Outcome::Allowed {
        let what = format!("event {} is something that was not done", arguments.event);
        return Err(Failure::usage(what, "there is nothing to take back"));
    }
    let records = matches!(done.action, Action::PolicyChange | Action::LevelsChange);
    if !records && (arguments.consent.ask || arguments.consent.approval.is_some()) {
        let what = "--ask and --approval are for policies and levels";
        return Err(Failure::usage(
            what,
            "give the same command without them: the node asks others where it takes them",
        ));
    }
    match (done.action, &done.target.record) {
        (Action::PolicyChange | Action::LevelsChange, _) => put_back(&operated, &done, arguments),
        (Action::PublicationMake, Some(RecordKey::Publication(id))) => take_back(&operated, *id, arguments),
        (Action::LabelRaise, _) if done.actor.principal == operated.installation.itself() => {
            dispute(&done, &arguments.reason)
        }
        (Action::LabelRaise | Action::LabelLower, _) => relabel(&operated, &done, &arguments.reason),
        (Action::ObjectWrite, _) => unlabel(&operated, &done, &arguments.reason),
        (action, _) => Err(otherwise(action, &done.target)),
    }
}

/// What a change of records put in the place of what was before.
fn put_back(operated: &Operated, done: &Event, arguments: &Arguments) -> Result<Exit, Failure> {
    let now = operated.snapshot()?;
    let asked = operated.run(async {
        let installation = &operated.installation;
        let changed = installation.reader().records_changed_by(installation.keys(), done.request).await;
        let (ended, began) = changed.map_err(failure)?;
        let steps = vec![Step::Put(earlier(done.action, &ended, &began, now.roster())?)];
        let (reason, consent) = (Some(arguments.reason.as_str()), &arguments.consent);
        match done.action {
            Action::PolicyChange => {
                operated.change_or_ask::<ChangePolicies>(Target::default(), steps, reason, consent).await
            }
            _ => operated.change_or_ask::<ChangeLevels>(Target::default(), steps, reason, consent).await,
        }
    })?;
    match asked {
        Some(id) => say_asked(id),
        None => println!("event {} is taken back", arguments.event),
    }
    Ok(Exit::Clean)
}

/// What was before a change, as the next record. What was changed since is not overwritten.
fn earlier(action: Action, ended: &[Record], began: &[Record], now: &Roster) -> Result<Record, Failure> {
    let nothing = Roster::default();
    let (record, lives) = match action {
        Action::PolicyChange => {
            let before = ended.iter().find_map(|one| if let Record::Policies(one) = one { Some(one) } else { None });
            let text = before.unwrap_or(&nothing.policies).text.clone();
            let version = now.policies.version + 1;
            (Record::Policies(Policies { version, text }), Record::Policies(now.policies.clone()))
        }
        _ => {
            let before = ended.iter().find_map(|one| if let Record::Levels(one) = one { Some(**one) } else { None });
            (Record::Levels(Box::new(before.unwrap_or(nothing.levels))), Record::Levels(Box::new(now.levels)))
        }
    };
    if !began.contains(&lives) {
        let hint = format!("take back what was done later first: `cordon audit search --action {action}`");
        return Err(Failure::usage("it was changed since", hint));
    }
    Ok(record)
}

fn take_back(operated: &Operated, id: PublicationId, arguments: &Arguments) -> Result<Exit, Failure> {
    if !operated.snapshot()?.roster().publications.contains_key(&id) {
        return Err(Failure::usage(format!("{id} is public no more"), "there is nothing to take back"));
    }
    withdraw(id, &arguments.reason, &arguments.observer, false)
}

/// Asks for the label that a version had before it was inspected. The name that leads to it is known where one signed in.
fn dispute(done: &Event, reason: &str) -> Result<Exit, Failure> {
    let version = done.target.version.map(|version| version.to_string()).unwrap_or_default();
    let answer: Value = Login::read()?.ask("/quarantine", &json!({}).to_string())?;
    let held = answer.get("held").and_then(Value::as_array).into_iter().flatten();
    let of = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = held.map(|one| (of(one, "version"), of(one, "bucket"), of(one, "key"))).find(|one| one.0 == version);
    let Some((version, bucket, key)) = found else {
        let more = answer.get("more").and_then(Value::as_bool).unwrap_or_default();
        return Err(match more {
            true => Failure::denied(
                format!("{version} is not among the first that are held"),
                format!("give its name: `cordon quarantine release s3://BUCKET/KEY --version {version}`"),
            ),
            false => Failure::denied(
                format!("nothing that you may know of is held since {version} was inspected"),
                "`cordon quarantine list` shows what is; its owner takes it back",
            ),
        });
    };
    release(&Disputed { bucket: &bucket, key: &key, version: Some(&version) }, reason)
}

/// The version of an event, its name, and the bucket that it is in, as they are now.
fn now(operated: &Operated, done: &Event) -> Result<(Entry, ObjectRow, Bucket), Failure> {
    let gone = || Failure::usage("the version is not there any more", "there is nothing to take back");
    let version = done.target.version.ok_or_else(gone)?;
    let installation = &operated.installation;
    let found =
        operated.run(async { installation.reader().version(installation.keys(), version).await.map_err(failure) })?;
    let (entry, row) = found.ok_or_else(gone)?;
    let bucket = operated.snapshot()?.roster().buckets.get(entry.bucket).cloned().ok_or_else(gone)?;
    Ok((entry, row.ok_or_else(gone)?, bucket))
}

fn changed_since(version: VersionId) -> Failure {
    let hint = format!("see `cordon audit search --object {version}`, `cordon classify` and `cordon declassify`");
    Failure::usage("its label was changed since", hint)
}

/// Asks for the label of its bucket, for a version that was written with a higher one, and has it still.
fn unlabel(operated: &Operated, done: &Event, reason: &str) -> Result<Exit, Failure> {
    let (entry, row, bucket) = now(operated, done)?;
    if done.target.label.as_ref() != Some(&row.label) {
        return Err(changed_since(row.version));
    }
    if !bucket.label.is_lower_than(&row.label) {
        let what = format!("{} has the label of its bucket: this write set none", row.version);
        return Err(Failure::usage(what, "a version is deleted, or written anew, with a client of S3"));
    }
    let version = row.version.to_string();
    let written = Disputed { bucket: bucket.name.as_str(), key: entry.key.as_str(), version: Some(&version) };
    declassify::lower(&written, &bucket.label, reason)
}

/// Asks for the label that a version had before somebody gave it the one that it has.
fn relabel(operated: &Operated, done: &Event, reason: &str) -> Result<Exit, Failure> {
    let (entry, row, bucket) = now(operated, done)?;
    let before = done.target.label.as_ref().filter(|_| row.since.is_some_and(|since| since.request == done.request));
    let before = before.ok_or_else(|| changed_since(row.version))?;
    if done.action == Action::LabelLower && before.origin == Origin::Inferred {
        // Set by a person, it would make an original of what is a copy.
        let what = format!("{before} came from what was found in it, and two people released that");
        return Err(Failure::usage(
            what,
            "`cordon classify` sets a label of your own, or write it anew to have it inspected",
        ));
    }
    let version = row.version.to_string();
    let relabelled = Disputed { bucket: bucket.name.as_str(), key: entry.key.as_str(), version: Some(&version) };
    match done.action {
        Action::LabelLower => classify::raise(&relabelled, before, reason),
        _ => declassify::lower(&relabelled, before, reason),
    }
}

/// What ends other things that were done.
fn otherwise(action: Action, target: &Target) -> Failure {
    let named = target.record.as_ref().map(|key| key.to_string());
    let of = |command: &str| format!("run `cordon {command} {} --reason WHY`", named.as_deref().unwrap_or("ID"));
    let hint = match action {
        Action::EmbargoMake => of("embargo lift"),
        Action::AllowanceMake => of("allowance end"),
        Action::CodenameMake => of("codename remove"),
        Action::GrantMake | Action::PrincipalCreate | Action::DeviceEnrol => of("access revoke"),
        Action::BucketChange | Action::BucketLoosen => "see `cordon bucket set`".to_owned(),
        Action::ObjectHide => {
            "delete the marker, or read the version before: `aws s3api list-object-versions`".to_owned()
        }
        Action::ObjectTag => "set the tags anew: `aws s3api put-object-tagging`".to_owned(),
        _ => "policies, levels, publications and labels are taken back".to_owned(),
    };
    Failure::usage(format!("`{action}` is not taken back by this"), hint)
}
