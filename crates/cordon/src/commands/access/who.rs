//! Who may do something to something.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};

use clap::Args;
use cordon_domain::{Action, Clock as _, Moment, PrincipalId, Publication};
use cordon_policy::{May, Snapshot};
use cordon_store::edge::SystemClock;
use serde_json::json;

use super::target::{Asked, Group, When, group_text, label_text};
use crate::commands::people;
use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};
use crate::moment::{moment, written};

/// List who may do something to something, by which path, on which conditions; now, or at any moment before.
///
/// TARGET is an object version (ov_...), a bucket (bk_...), a label such as restricted/atlas (bk_.../restricted/atlas in a bucket), or `everything`.
/// A version that a policy or a grant names, or that is public, stands for itself in its bucket; of a label it is left out.
///
/// Example: cordon access who restricted/atlas --as-of 2026-11-01 --verify
#[derive(Args)]
#[group(id = "access-who-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// What it is about.
    target: Asked,
    /// What would be done.
    #[arg(long, default_value = "object.read")]
    action: Action,
    /// At this moment instead of now: a time such as 2026-11-25T08:00:00Z, or a day.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<Moment>,
    /// Build the answer again from nothing but the log, and compare.
    #[arg(long)]
    verify: bool,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    super::super::explain::decided(arguments.action)?;
    let operated = arguments.at.open()?;
    let now = SystemClock.now();
    // What the log tells is of a moment.
    let when = match arguments.as_of {
        Some(at) => When::Then(at),
        None if arguments.verify => When::Then(now),
        None => When::Now(now),
    };
    let at = when.moment();
    let (snapshot, names, mut groups) = operated.run(async {
        let present = operated.ask("cordon access who").await?;
        let names = people::names(&operated).await?;
        let asked = match arguments.as_of {
            Some(at) => std::sync::Arc::new(operated.follower.as_of(at).await.map_err(failure)?),
            None => present,
        };
        let groups = arguments.target.groups(&operated, &asked, when).await?;
        Ok((asked, names, groups))
    })?;
    if arguments.verify && !is_told(&operated, &arguments.target, &snapshot, (&groups, at))? {
        // What was written while both were read is in one of them.
        let again = arguments.target.groups(&operated, &snapshot, when);
        groups = operated.wait(again)?;
        if !is_told(&operated, &arguments.target, &snapshot, (&groups, at))? {
            return Err(Failure::integrity(
                "the tables tell another state than the log does",
                "keep a copy of the database; `cordon audit verify` tells whether the log is whole",
            ));
        }
    }
    if let (Asked::Version(version), []) = (&arguments.target, groups.as_slice()) {
        return Err(Failure::usage(format!("there is no {version}"), "give a version that is stored, or was then"));
    }
    let told = Told { arguments, snapshot: &snapshot, groups: groups.len(), at, names: &names };
    answers(arguments.action, &snapshot, &groups, at, |group, may| told.print(group, may))?;
    eprintln!("{} group{} of what policies can tell apart", groups.len(), if groups.len() == 1 { "" } else { "s" });
    Ok(Exit::Clean)
}

/// Compares with what the log tells.
fn is_told(
    operated: &Operated,
    target: &Asked,
    snapshot: &Snapshot,
    (groups, at): (&[Group], Moment),
) -> Result<bool, Failure> {
    let rebuild = operated.installation.rebuild(at, target.versions());
    let rebuilt = operated.wait(async { rebuild.await.map_err(failure) })?;
    let told = target.rebuilt(&rebuilt, snapshot, at);
    let same = told.is_none_or(|told| told.len() == groups.len() && told.iter().all(|group| groups.contains(group)));
    let same = same && rebuilt.roster == *snapshot.roster();
    if same {
        eprintln!("verified: {} changes in {} entries of the log tell the same", rebuilt.changes, rebuilt.entries);
    }
    Ok(same)
}

/// Asks about one group after the other, with a worker for each core, and hands each answer on as soon as it is whole.
fn answers(
    action: Action,
    snapshot: &Snapshot,
    groups: &[Group],
    at: Moment,
    mut each: impl FnMut(&Group, &[May]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let parts = snapshot.censuses(workers).map(|census| {
            // A worker is an answer or two ahead, not many.
            let (sender, receiver) = sync_channel(1);
            let worker = scope.spawn(move || {
                for group in groups {
                    let mut may = Vec::new();
                    census.who(action, &group.target, at, &mut |one| may.push(one));
                    if sender.send(may).is_err() {
                        break;
                    }
                }
            });
            (worker, receiver)
        });
        let (workers, parts): (Vec<_>, Vec<_>) = parts.unzip();
        let answered = groups.iter().try_for_each(|group| {
            let answered: Result<Vec<Vec<May>>, _> = parts.iter().map(Receiver::recv).collect();
            let answered =
                answered.map_err(|_| Failure::internal("a worker ended before it had asked about everyone"))?;
            let answered: Vec<May> = answered.into_iter().flatten().collect();
            each(group, &answered)
        });
        // Whoever waits to hand something on is told that nobody takes it. What broke in a worker was said above.
        drop(parts);
        workers.into_iter().for_each(|worker| drop(worker.join()));
        answered
    })
}

/// Who reads by a publication.
const ANYONE: &str = "(anyone)";

/// What all lines of an answer have in common.
struct Told<'a> {
    arguments: &'a Arguments,
    snapshot: &'a Snapshot,
    groups: usize,
    at: Moment,
    names: &'a BTreeMap<PrincipalId, String>,
}

impl Told<'_> {
    fn print(&self, group: &Group, may: &[May]) -> Result<(), Failure> {
        if !self.arguments.json {
            let versions = match group.versions {
                0 | 1 => String::new(),
                count => format!(", {count} versions"),
            };
            let anyone = if self.public(group).next().is_some() { ", and anyone" } else { "" };
            println!("{}{versions}: {} may {}{anyone}", group_text(group), may.len(), self.arguments.action);
        }
        print_lines(may.iter().map(|one| {
            let name = called(self.snapshot, one.principal, self.names);
            match self.arguments.json {
                true => self.object(group, one, &name).to_string(),
                false => line(self.snapshot, one, &name),
            }
        }))?;
        print_lines(self.public(group).map(|one| {
            let until = format!("before {}", written(one.ends));
            match self.arguments.json {
                true => self.public_object(group, one, &until).to_string(),
                false => format!("  {}  {ANYONE}  by publication  {until}", one.id),
            }
        }))
    }

    /// Publications by which strangers read what is in a group: it is one version then.
    fn public<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Publication> {
        let all = self.snapshot.publications(self.at).filter(|_| self.arguments.action == Action::ObjectRead);
        all.filter(|one| group.target.version == Some(one.version) && group.target.label.as_ref() == Some(&one.label))
    }

    fn object(&self, group: &Group, one: &May, name: &str) -> serde_json::Value {
        let Self { arguments, groups, at, .. } = self;
        json!({
            "schema": "cordon-may-1",
            "at": written(*at),
            "action": arguments.action.as_str(),
            "groups": groups,
            "label": label_text(&group.target),
            "versions": group.versions,
            "version": group.version().map(|version| version.to_string()),
            "principal": one.principal.to_string(),
            "name": name,
            "policies": one.policies,
            "grants": one.grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "conditions": conditions(one),
        })
    }

    fn public_object(&self, group: &Group, one: &Publication, until: &str) -> serde_json::Value {
        json!({
            "schema": "cordon-may-anyone-1",
            "at": written(self.at),
            "action": self.arguments.action.as_str(),
            "groups": self.groups,
            "label": label_text(&group.target),
            "version": one.version.to_string(),
            "publication": one.id.to_string(),
            "name": ANYONE,
            "conditions": [until],
        })
    }
}

/// A person's name, or a service's purpose; of whoever was erased it is known that they were.
fn called(snapshot: &Snapshot, id: PrincipalId, names: &BTreeMap<PrincipalId, String>) -> String {
    let purpose =
        || snapshot.roster().principals.get(&id)?.purpose.as_ref().map(|purpose| format!("service: {purpose}"));
    names.get(&id).cloned().or_else(purpose).unwrap_or_else(|| "(erased)".to_owned())
}

fn conditions(one: &May) -> Vec<String> {
    match &one.conditions {
        Some(conditions) => conditions.words(),
        None => vec!["conditions too many to try all".to_owned()],
    }
}

fn line(snapshot: &Snapshot, one: &May, name: &str) -> String {
    let grants = one.grants.iter().filter_map(|id| snapshot.roster().grants.get(id));
    let grants: Vec<String> = grants.map(|grant| format!("{} on {} ({})", grant.role, grant.scope, grant.id)).collect();
    let by = one.policies.join(", ");
    let path = if grants.is_empty() { by } else { format!("{by}: {}", grants.join(", ")) };
    let conditions = conditions(one);
    let with = if conditions.is_empty() { String::new() } else { format!("  with {}", conditions.join(", ")) };
    format!("  {}  {name}  by {path}{with}", one.principal)
}
