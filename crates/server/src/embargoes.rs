//! Embargoes: what nobody reads before a date, but for the roles that are spared.

use std::collections::BTreeSet;

use cordon_domain::{Action, Embargo, EmbargoId, Moment, ObjectKey, Project, Role, Scope, VersionId};
use cordon_vault::{Closed, Embargoed};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::consent::asked_of_others;
use crate::held::{facts, facts_because};
use crate::node::Node;
use crate::reply::{Answer, Refused, json};

/// Lists embargoes on what whoever asks may know of.
pub(crate) async fn list(node: &Node, asked: Asked) -> Answer {
    let facts = facts(node, &asked, Action::ObjectList)?;
    node.follow().await;
    let all = node.vault.embargoes(&facts).await?;
    let mut lines = Vec::with_capacity(all.len());
    for one in &all {
        lines.push(line(node, one).await?);
    }
    json(&object!({"embargoes": lines}))
}

/// On what an embargo is, as people call it.
pub(crate) async fn on(node: &Node, one: &Embargo) -> Result<String, Refused> {
    let bucket = one.bucket.map(|bucket| node.bucket_name(bucket)).transpose()?.unwrap_or_default();
    Ok(match &one.scope {
        Scope::Bucket(_) => format!("s3://{bucket}"),
        Scope::Version(version) => {
            let found = node.installation.reader().version(node.installation.keys(), *version).await?;
            let key = found.map(|(entry, _)| entry.key.as_str().to_owned());
            key.map_or_else(|| version.to_string(), |key| format!("s3://{bucket}/{key} ({version})"))
        }
        scope => scope.to_string(),
    })
}

async fn line(node: &Node, one: &Embargo) -> Result<Value, Refused> {
    let on = on(node, one).await?;
    Ok(object!({
        "schema": "cordon-embargo-1",
        "embargo": one.id.to_string(),
        "on": on,
        "until": one.until.0,
        "counts": one.counts_at(node.identity.now()),
        "spares": one.spares.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "by": one.by.to_string(),
        "reason": one.reason,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    project: Option<String>,
    bucket: Option<String>,
    key: Option<String>,
    version: Option<String>,
    until: i64,
    spares: Vec<String>,
    reason: String,
}

/// Keeps something from being read before a date.
pub(crate) async fn make(node: &Node, asked: Asked) -> Answer {
    let Making { project, bucket, key, version, until, spares, reason } = asked.json()?;
    let spares: Result<BTreeSet<Role>, _> = spares.iter().map(|role| role.parse()).collect();
    let spares = spares.map_err(|_| Refused::Unreadable("a role"))?;
    let key: Option<ObjectKey> = key.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::EmbargoMake, reason)?;
    node.follow().await;
    let closed = Closed { until: Moment(until), spares };
    let bucket = match &bucket {
        Some(name) => Some(node.vault.bucket_for(&facts, name).await?),
        None => None,
    };
    let on = match (project, &bucket, &key) {
        (_, _, None) if version.is_some() => return Err(Refused::Unreadable("a version without a name")),
        (Some(project), None, None) => {
            let project: Project = project.parse().map_err(|_| Refused::Unreadable("a project"))?;
            Embargoed::Project(project)
        }
        (None, Some(bucket), None) => Embargoed::Bucket(bucket),
        (None, Some(bucket), Some(key)) => Embargoed::Version(bucket, key, version),
        _ => return Err(Refused::Unreadable("what it is on")),
    };
    let made = node.vault.embargo(&facts, on, closed).await?;
    node.follow().await;
    json(&object!({"embargo": made.id.to_string(), "until": made.until.0}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lifting {
    embargo: String,
    reason: String,
}

/// Lifts an embargo before its date; or asks others to approve that.
pub(crate) async fn lift(node: &Node, asked: Asked) -> Answer {
    let Lifting { embargo, reason } = asked.json()?;
    let id: EmbargoId = embargo.parse().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::EmbargoLift, reason)?;
    node.follow().await;
    let mut asking = node.vault.lift(&facts, id).await?;
    if let Some(asked) = asked_of_others(node, &mut asking.facts).await? {
        return json(&object!({"asked": asked.to_string()}));
    }
    node.vault.complete(asking).await?;
    json(&object!({"lifted": embargo}))
}
