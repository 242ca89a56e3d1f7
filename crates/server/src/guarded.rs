//! How buckets are guarded, and what is recognised in what is written to them.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use cordon_domain::{Action, Bucket, CodenameId, Guarding, KnownName, Label, Mode, ObjectKey, VersionId};
use cordon_scan::handed::{self, Handed};
use cordon_vault::Guard;
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::consent::asked_of_others;
use crate::held::{facts, facts_because};
use crate::node::Node;
use crate::reply::{Answer, Refused, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Naming {
    bucket: String,
}

/// Shows a bucket.
pub(crate) async fn show(node: &Node, asked: Asked) -> Answer {
    let Naming { bucket } = asked.json()?;
    let facts = facts(node, &asked, Action::ObjectList)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    node.vault.look_at(&facts, &bucket, &bucket.label).await?;
    json(&line(&bucket))
}

fn line(bucket: &Bucket) -> Value {
    let Guarding { limits, inspection, registers, etags } = bucket.guarding();
    object!({
        "schema": "cordon-bucket-1",
        "bucket": bucket.name.as_str(),
        "id": bucket.id.to_string(),
        "label": bucket.label.to_string(),
        "made_by": bucket.made_by.to_string(),
        "made": bucket.made_at.0,
        "limits": limits.as_str(),
        "inspection": inspection.as_str(),
        "registers": registers.as_str(),
        "etags": etags.as_str(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    bucket: String,
    label: Option<String>,
}

/// Makes a bucket, of which whoever asks is the owner; confidential, unless a label is said.
pub(crate) async fn make(node: &Node, asked: Asked) -> Answer {
    let Making { bucket, label } = asked.json()?;
    let label: Option<Label> =
        label.map(|text| text.parse()).transpose().map_err(|_| Refused::Unreadable("a label"))?;
    let facts = facts(node, &asked, Action::BucketCreate)?;
    node.follow().await;
    json(&line(&node.vault.make_bucket(&facts, &bucket, label).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    bucket: String,
    limits: Option<String>,
    inspection: Option<String>,
    registers: Option<String>,
    etags: Option<String>,
    reason: String,
}

/// Guards a bucket otherwise; or asks others to approve that, where it is less.
pub(crate) async fn set(node: &Node, asked: Asked) -> Answer {
    let Setting { bucket, limits, inspection, registers, etags, reason } = asked.json()?;
    let mode = |word: Option<String>, now: Mode| word.map_or(Ok(now), |word| word.parse());
    let facts = facts_because(node, &asked, Action::BucketChange, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    let now = bucket.guarding();
    let unreadable = |_| Refused::Unreadable("what is asked for");
    let guarding = Guarding {
        limits: mode(limits, now.limits).map_err(unreadable)?,
        inspection: mode(inspection, now.inspection).map_err(unreadable)?,
        registers: match registers {
            Some(word) => word.parse().map_err(|_| Refused::Unreadable("a level"))?,
            None => now.registers,
        },
        etags: etags.map_or(Ok(now.etags), |word| word.parse()).map_err(unreadable)?,
    };
    if !guarding.can_be() {
        return Err(Refused::Unreadable("from which level on copies are recognised"));
    }
    match node.vault.guard(&facts, &bucket, guarding).await? {
        Guard::Stricter(changed) => node.vault.change_bucket(&facts, *changed).await?,
        Guard::Looser(mut asking) => {
            if let Some(asked) = asked_of_others(node, &mut asking.facts).await? {
                return json(&object!({"asked": asked.to_string()}));
            }
            node.vault.complete(*asking).await?;
        }
    }
    json(&line(&Bucket { guarding: Some(guarding), ..bucket }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgetting {
    bucket: String,
    key: String,
    version: Option<String>,
    reason: String,
}

/// Has copies of a version recognised no more.
pub(crate) async fn forget(node: &Node, asked: Asked) -> Answer {
    let Forgetting { bucket, key, version, reason } = asked.json()?;
    let key: ObjectKey = key.parse().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::PrintsForget, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    let version = node.vault.forget_prints(&facts, &bucket, (&key, version)).await?;
    json(&object!({"forgotten": version.to_string()}))
}

/// Hands out what the scans of whoever asks are to recognise, as far as they may know of it.
pub(crate) async fn knowledge(node: &Node, asked: Asked) -> Answer {
    let facts = facts(node, &asked, Action::KnowledgeTake)?;
    node.follow().await;
    // All that is known is read for each: one after the other.
    let _place = node.handing.acquire().await.map_err(|_| Refused::Cut("this node is ending"))?;
    let knowledge = node.vault.knowledge_for(&facts).await?;
    let whose = (facts.actor.principal, facts.at);
    let sign = |text: &str| node.installation.signed_note(handed::KIND, text);
    let out = Handed::out(&knowledge, whose, sign)?;
    let mut response = Response::new(Body::from(out));
    let kind = HeaderValue::from_static("application/cbor");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Lists codenames, for whoever may make them known.
pub(crate) async fn codenames(node: &Node, asked: Asked) -> Answer {
    let facts = facts(node, &asked, Action::CodenameList)?;
    node.follow().await;
    let all = node.vault.codenames(&facts).await?;
    let line = |(known, name): &(KnownName, String)| {
        object!({
            "schema": "cordon-codename-1",
            "codename": known.id.to_string(),
            "name": name,
            "label": known.label.to_string(),
            "by": known.by.to_string(),
            "at": known.at.0,
        })
    };
    json(&object!({"codenames": all.iter().map(line).collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coining {
    name: String,
    label: String,
    reason: String,
}

/// Makes a codename known.
pub(crate) async fn make_codename(node: &Node, asked: Asked) -> Answer {
    let Coining { name, label, reason } = asked.json()?;
    let label: Label = label.parse().map_err(|_| Refused::Unreadable("a label"))?;
    let facts = facts_because(node, &asked, Action::CodenameMake, reason)?;
    node.follow().await;
    let id = node.vault.make_codename(&facts, &name, label).await?;
    json(&object!({"codename": id.to_string()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retiring {
    codename: String,
    reason: String,
}

/// Forgets a codename.
pub(crate) async fn end_codename(node: &Node, asked: Asked) -> Answer {
    let Retiring { codename, reason } = asked.json()?;
    let id: CodenameId = codename.parse().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::CodenameEnd, reason)?;
    node.follow().await;
    node.vault.end_codename(&facts, id).await?;
    json(&object!({"ended": codename}))
}
