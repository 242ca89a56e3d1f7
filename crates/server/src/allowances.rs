//! Allowances: two people let somebody read more of a bucket than limits allow, until a date.

use cordon_domain::egress::UNLIMITED;
use cordon_domain::{
    Action, Allowance, AllowanceId, Moment, ObjectKey, Payer, PrincipalId, UserName, VersionId, Window,
};
use cordon_vault::{Bulk, VaultError};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::consent::asked_of_others;
use crate::held::{facts, facts_because};
use crate::node::Node;
use crate::reply::{Answer, Refused, json};

/// Lists allowances that are of whoever asks, or of what they may list.
pub(crate) async fn list(node: &Node, asked: Asked) -> Answer {
    let facts = facts(node, &asked, Action::ObjectList)?;
    node.follow().await;
    let all = node.vault.allowances(&facts).await?;
    json(&object!({"allowances": all.iter().map(|one| line(node, one)).collect::<Result<Vec<_>, _>>()?}))
}

fn line(node: &Node, one: &Allowance) -> Result<Value, Refused> {
    Ok(object!({
        "schema": "cordon-allowance-1",
        "allowance": one.id.to_string(),
        "principal": one.principal.to_string(),
        "bucket": node.bucket_name(one.bucket)?,
        "label": one.label.to_string(),
        "bytes": one.bytes,
        "since": one.since.0,
        "ends": one.ends.0,
        "counts": one.counts_at(node.identity.now()),
        "by": one.by.to_string(),
        "reason": one.reason,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    who: String,
    bucket: String,
    bytes: u64,
    ends: i64,
    reason: String,
}

/// Lets somebody read more; or asks others to approve that.
pub(crate) async fn make(node: &Node, asked: Asked) -> Answer {
    let Making { who, bucket, bytes, ends, reason } = asked.json()?;
    let facts = facts_because(node, &asked, Action::AllowanceMake, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    node.vault.may_allow(&facts, &bucket).await?;
    let principal = reader(node, &who).await?;
    let mut asking = node.vault.allow(&facts, &bucket, Bulk { principal, bytes, ends: Moment(ends) }).await?;
    if let Some(asked) = asked_of_others(node, &mut asking.facts).await? {
        return json(&object!({"asked": asked.to_string()}));
    }
    let made = asking.facts.target.record.clone();
    node.vault.complete(asking).await?;
    json(&object!({"allowance": made.map(|made| made.to_string())}))
}

/// Who goes by a name, or is it; or the one service with a purpose.
async fn reader(node: &Node, who: &str) -> Result<PrincipalId, Refused> {
    if let Ok(id) = who.parse() {
        return Ok(id);
    }
    if let Some(purpose) = who.strip_prefix("svc/") {
        let now = node.identity.snapshot()?;
        let mut all = now.roster().principals.values().filter(|one| one.purpose.as_deref() == Some(purpose));
        return match (all.next(), all.next()) {
            (Some(one), None) => Ok(one.id),
            (Some(_), Some(_)) => {
                let several = format!("several services are for {purpose}: give the identifier of one");
                Err(VaultError::Conflict(several).into())
            }
            (None, _) => Err(Refused::NotFound),
        };
    }
    let name: UserName = who.parse().map_err(|_| Refused::NotFound)?;
    node.identity.named(&name).await?.ok_or(Refused::NotFound)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pacing {
    bucket: String,
    key: String,
    version: Option<String>,
}

/// How fast a version may leave for whoever asks.
pub(crate) async fn pace(node: &Node, asked: Asked) -> Answer {
    let Pacing { bucket, key, version } = asked.json()?;
    let key: ObjectKey = key.parse().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts(node, &asked, Action::ObjectList)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    let pace = node.vault.pace(&facts, &bucket, (&key, version)).await?;
    let limits = pace.limits.iter().map(|(payer, limits)| {
        let bytes = Window::ALL.into_iter().zip(limits.bytes).filter(|(_, bytes)| *bytes != UNLIMITED);
        let bytes = bytes.map(|(window, bytes)| object!({"over": window.as_str(), "bytes": bytes}));
        let of_file = matches!(payer, Payer::Weights(..) | Payer::VendorWeights(..));
        object!({"who": payer.as_str(), "of_this_file": of_file, "may_read": bytes.collect::<Vec<_>>()})
    });
    json(&object!({
        "bucket": bucket.name.as_str(),
        "key": key.as_str(),
        "version": pace.version.to_string(),
        "bytes": pace.bytes,
        "label": pace.label.to_string(),
        "weights": pace.is_weights,
        "limits": limits.collect::<Vec<_>>(),
        "seconds": pace.ms() / 1_000,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    allowance: String,
    reason: String,
}

/// Ends an allowance.
pub(crate) async fn end(node: &Node, asked: Asked) -> Answer {
    let Ending { allowance, reason } = asked.json()?;
    let id: AllowanceId = allowance.parse().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::AllowanceEnd, reason)?;
    node.follow().await;
    let ended = node.vault.end_allowance(&facts, id).await?;
    json(&object!({"ended": ended.id.to_string()}))
}
