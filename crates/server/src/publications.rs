//! Publications: two people make something public, all of it is seen in one place, and anyone who may keeps it takes it back.

use cordon_domain::{Action, Moment, ObjectKey, Publication, PublicationId, VersionId};
use cordon_vault::{Standing, Terms};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::consent::asked_of_others;
use crate::held::{facts, facts_because};
use crate::node::Node;
use crate::published::address;
use crate::reply::{Answer, Refused, json};

/// Lists the publications of which whoever asks may know.
pub(crate) async fn list(node: &Node, asked: Asked) -> Answer {
    let facts = facts(node, &asked, Action::ObjectList)?;
    node.follow().await;
    let all = node.vault.publications(&facts).await?;
    let line = |(publication, standing): &(Publication, Standing)| {
        let bucket = node.bucket_name(publication.bucket)?;
        Ok::<_, Refused>(line(node, publication, (&bucket, *standing)))
    };
    json(&object!({"publications": all.iter().map(line).collect::<Result<Vec<_>, _>>()?}))
}

fn line(node: &Node, publication: &Publication, (bucket, standing): (&str, Standing)) -> Value {
    object!({
        "schema": "cordon-publication-1",
        "publication": publication.id.to_string(),
        "address": address(node, publication.id),
        "standing": standing.as_str(),
        "bucket": bucket,
        "key": publication.key.as_str(),
        "version": publication.version.to_string(),
        "label": publication.label.to_string(),
        "bytes": publication.bytes,
        "starts": publication.starts.map(|at| at.0),
        "ends": publication.ends.0,
        "by": publication.by.to_string(),
        "reason": publication.reason,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    bucket: String,
    key: String,
    version: Option<String>,
    starts: Option<i64>,
    ends: i64,
    reason: String,
}

/// Makes a version public; or asks others to approve that.
pub(crate) async fn make(node: &Node, asked: Asked) -> Answer {
    let Making { bucket, key, version, starts, ends, reason } = asked.json()?;
    let key: ObjectKey = key.parse().map_err(|_| Refused::NotFound)?;
    let version: Option<VersionId> = version.map(|text| text.parse()).transpose().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::PublicationMake, reason)?;
    node.follow().await;
    let bucket = node.vault.bucket_for(&facts, &bucket).await?;
    let terms = Terms { starts: starts.map(Moment), ends: Moment(ends) };
    let mut publishing = node.vault.publish(&facts, &bucket, (&key, version), terms).await?;
    if let Some(asked) = asked_of_others(node, &mut publishing.facts).await? {
        return json(&object!({"asked": asked.to_string()}));
    }
    let made = node.vault.make_public(publishing).await?;
    let planned = !made.counts_at(node.identity.now());
    json(&object!({"publication": made.id.to_string(), "address": address(node, made.id), "planned": planned}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawing {
    publication: String,
    reason: String,
}

/// Takes a publication back, and tells whatever keeps copies of it.
pub(crate) async fn withdraw(node: &Node, asked: Asked) -> Answer {
    let Withdrawing { publication, reason } = asked.json()?;
    let id: PublicationId = publication.parse().map_err(|_| Refused::NotFound)?;
    let facts = facts_because(node, &asked, Action::PublicationWithdraw, reason)?;
    let withdrawn = node.vault.withdraw(&facts, id).await?;
    node.follow().await;
    let address = address(node, withdrawn.id);
    let purged = match &node.settings.purge {
        Some(hook) => Some(hook.tell(address.clone()).await),
        None => None,
    };
    json(&object!({"withdrawn": address, "purged": purged}))
}
