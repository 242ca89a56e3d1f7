//! What is held because of what was found in it: who owns it disputes that here.

use cordon_domain::limits::RECORD_TEXT_BYTES_MAX;
use cordon_domain::{Action, Bucket, Label, ObjectKey, VersionId};
use cordon_gate::{Denial, Facts, JournalError};
use cordon_store::inspections::Wanted;
use cordon_vault::{Held, Release, VaultError};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::consent::asked_of_others;
use crate::node::Node;
use crate::reply::{Answer, Refused, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    observed: bool,
}

/// Lists what is held, or would be where that is observed, and whoever asks may know of.
pub(crate) async fn list(node: &Node, asked: Asked) -> Answer {
    let Listing { observed } = asked.json()?;
    let facts = facts(node, &asked, Action::ObjectList)?;
    let wanted = if observed { Wanted::Observed } else { Wanted::Held };
    let (held, more) = node.vault.held(&facts, wanted).await?;
    let snapshot = node.identity.snapshot()?;
    let line = |held: &Held| {
        let bucket = snapshot.roster().buckets.get(held.entry.bucket)?;
        Some(line(bucket.name.as_str(), held))
    };
    json(&object!({"held": held.iter().filter_map(line).collect::<Vec<_>>(), "more": more}))
}

fn line(bucket: &str, held: &Held) -> Value {
    let Held { entry, label, inspected } = held;
    let found = inspected.looked.found.iter().map(|one| {
        object!({
            "kind": one.kind.as_str(),
            "rule": one.rule,
            "level": one.level.as_str(),
            "line": one.line,
            "column": one.column,
            "bytes": one.bytes,
            "depth": one.depth,
            "of": one.of.map(|version| version.to_string()),
            "named": one.named.map(|codename| codename.to_string()),
        })
    });
    object!({
        "schema": "cordon-held-1",
        "bucket": bucket,
        "key": entry.key.as_str(),
        "version": entry.version.to_string(),
        "label": label.to_string(),
        "before": inspected.before.as_ref().map(ToString::to_string),
        "would": inspected.would.as_ref().map(ToString::to_string),
        "found": found.collect::<Vec<_>>(),
        "more": inspected.looked.more,
        "unread": inspected.looked.unread,
        "inspected": inspected.at.0,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Releasing {
    bucket: String,
    key: String,
    version: Option<String>,
    reason: String,
}

/// Gives a version the label back that it had before it was looked into; or asks others to approve that, where it takes them.
pub(crate) async fn release(node: &Node, asked: Asked) -> Answer {
    let Releasing { bucket, key, version, reason } = asked.json()?;
    let key: ObjectKey = key.parse().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::LabelLower, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    let release = node.vault.release(&facts, &bucket, (&key, version)).await?;
    lowered(node, release, "released").await
}

/// Lowers a label, as it was prepared; or asks others to approve that, where it takes them.
async fn lowered(node: &Node, mut prepared: Release, name: &str) -> Answer {
    if let Some(asked) = asked_of_others(node, &mut prepared.facts).await? {
        return json(&object!({"asked": asked.to_string()}));
    }
    let label = node.vault.carry_out(prepared).await?;
    json(&object!({name: label.to_string()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Relabelling {
    bucket: String,
    key: String,
    version: Option<String>,
    label: String,
    reason: String,
}

/// Gives a version a lower label; or asks others to approve that, where it takes them.
pub(crate) async fn lower(node: &Node, asked: Asked) -> Answer {
    let (facts, bucket, (key, version), label) = relabelling(node, &asked, Action::LabelLower).await?;
    let lowering = node.vault.lower(&facts, &bucket, (&key, version), label).await?;
    lowered(node, lowering, "label").await
}

/// Gives a version a higher label.
pub(crate) async fn raise(node: &Node, asked: Asked) -> Answer {
    let (facts, bucket, (key, version), label) = relabelling(node, &asked, Action::LabelRaise).await?;
    let label = node.vault.raise(&facts, &bucket, (&key, version), label).await?;
    json(&object!({"label": label.to_string()}))
}

/// Who asks, where, for which version, and the label that it is to get.
async fn relabelling(
    node: &Node,
    asked: &Asked,
    action: Action,
) -> Result<(Facts, Bucket, (ObjectKey, Option<VersionId>), Label), Refused> {
    let Relabelling { bucket, key, version, label, reason } = asked.json()?;
    let label: Label = label.parse().map_err(|_| Refused::Unreadable("the label"))?;
    let key: ObjectKey = key.parse().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, asked, action, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    Ok((facts, bucket, (key, version), label))
}

/// The same, for a reason, which is as short as records keep it.
pub(crate) fn facts_because(node: &Node, asked: &Asked, action: Action, reason: String) -> Result<Facts, Refused> {
    if reason.len() > RECORD_TEXT_BYTES_MAX {
        return Err(Refused::Unreadable("a reason of more than 1,024 bytes"));
    }
    Ok(Facts { reason: Some(reason), ..facts(node, asked, action)? })
}

/// What a person asks, on a route of programs.
pub(crate) fn facts(node: &Node, asked: &Asked, action: Action) -> Result<Facts, Refused> {
    let session = asked.session()?;
    Ok(node.identity.facts(action, session.actor(node.identity.now()), &asked.visit))
}

impl From<VaultError> for Refused {
    fn from(error: VaultError) -> Self {
        let not_recorded = |error| Self::Denied(Denial::NotRecorded(error));
        match error {
            VaultError::NoBucket | VaultError::NoObject => Self::NotFound,
            VaultError::Refused(refusal) => Self::Denied(Denial::Refused(refusal)),
            VaultError::Conflict(what) => not_recorded(JournalError::Conflict(what)),
            error => not_recorded(JournalError::Unavailable(error.to_string())),
        }
    }
}
