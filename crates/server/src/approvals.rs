//! What others asked for, and whoever may approve it.

use askama::Template;
use cordon_domain::{
    Action, AskId, Asked as Wanted, Bucket, Inspection, Label, Record, RecordKey, Step, Steps, Target,
};
use serde::Deserialize;
use serde_json::json as object;

use crate::asked::Asked;
use crate::embargoes;
use crate::emergencies::{Alert, alerts};
use crate::limits::ASKS_SHOWN_MAX;
use crate::node::Node;
use crate::pages::{ago, name_of, utc};
use crate::reply::{Answer, Refused, html, json, lead_to};

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    alerts: Vec<Alert>,
    asks: Vec<Line>,
}

/// One thing that waits.
struct Line {
    id: AskId,
    action: Action,
    what: String,
    change: String,
    by: String,
    reason: String,
    when: String,
    approved: usize,
    missing: Vec<String>,
}

/// What waits for an approval that whoever is signed in could give, if not now, then after what is missing.
pub(crate) async fn page(node: &Node, asked: Asked) -> Answer {
    let waiting = node.identity.waiting(asked.session()?, &asked.visit).await?;
    let mut asks = Vec::new();
    for one in waiting.into_iter().take(ASKS_SHOWN_MAX) {
        let wanted = one.asked;
        asks.push(Line {
            id: wanted.id,
            action: wanted.action,
            what: described(node, &wanted.target).await?,
            change: changed(node, &wanted).await?,
            by: name_of(node, wanted.by).await?,
            when: ago(wanted.at, node.identity.now()),
            approved: wanted.approvals.len(),
            reason: wanted.reason,
            missing: one.missing,
        });
    }
    html(node, &ApprovalsPage { alerts: alerts(node, &asked).await?, asks })
}

/// What it is about; of a version its name, and what was found in it.
async fn described(node: &Node, target: &Target) -> Result<String, Refused> {
    let found = match target.version {
        Some(version) => node.installation.reader().version(node.installation.keys(), version).await?,
        None => None,
    };
    let entry = found.map(|(entry, _)| entry);
    let inspected = match entry.as_ref().and_then(|entry| entry.said.inspection.as_ref()) {
        Some(Inspection::Done(done)) if !done.looked.is_clean() => Some(format!("in it: {}", done.looked)),
        _ => None,
    };
    // What browsers make of it.
    let headers = entry.iter().flat_map(|entry| &entry.said.headers);
    let kinds = headers.filter(|(name, _)| ["content-type", "content-encoding"].contains(&name.as_str()));
    let kind = kinds.map(|(_, value)| value.clone()).reduce(|one, other| format!("{one} in {other}"));
    let snapshot = node.identity.snapshot()?;
    let bucket = target.bucket.and_then(|id| Some(snapshot.roster().buckets.get(id)?.name.as_str()));
    let named = [
        entry.map(|entry| format!("s3://{}/{}", bucket.unwrap_or_default(), entry.key.as_str())),
        target.version.map(|version| version.to_string()),
        target.bucket.map(|id| bucket.map_or_else(|| id.to_string(), |name| format!("bucket {name}"))),
        target.record.as_ref().map(ToString::to_string),
        target.label.as_ref().map(ToString::to_string),
        kind,
        inspected,
    ];
    let named: Vec<String> = named.into_iter().flatten().collect();
    Ok(if named.is_empty() { "the installation".to_owned() } else { named.join(", ") })
}

/// The change itself, so that nobody approves what they do not see.
async fn changed(node: &Node, wanted: &Wanted) -> Result<String, Refused> {
    if let (Action::LabelLower, Ok(label)) = (wanted.action, minicbor::decode::<Label>(&wanted.change)) {
        return Ok(format!("its label becomes {label}"));
    }
    let steps = Steps::decoded(&wanted.change).unwrap_or_default();
    let mut shown = Vec::with_capacity(steps.0.len());
    for step in &steps.0 {
        shown.push(shown_step(node, step).await?);
    }
    Ok(shown.join("\n"))
}

async fn shown_step(node: &Node, step: &Step) -> Result<String, Refused> {
    let snapshot = node.identity.snapshot()?;
    Ok(match step {
        Step::Put(Record::Policies(policies)) => format!("version {}\n\n{}", policies.version, policies.text),
        Step::Put(Record::Publication(publication)) => {
            let from = publication.starts.map_or_else(|| "at once".to_owned(), |at| format!("from {}", utc(at)));
            let until = utc(publication.ends);
            format!("anyone reads it, {from}, until {until}; {} bytes", publication.bytes)
        }
        Step::Put(Record::Allowance(one)) => {
            let (who, until) = (name_of(node, one.principal).await?, utc(one.ends));
            format!("{who} ({}) reads {} bytes of it beyond limits, until {until}", one.principal, one.bytes)
        }
        Step::Put(Record::Bucket(bucket)) => {
            let now = snapshot.roster().buckets.get(bucket.id).map(Bucket::guarding).unwrap_or_default();
            let new = bucket.guarding();
            format!(
                "limits: {} to {}\ninspection: {} to {}\ncopies are recognised from: {} to {}",
                now.limits, new.limits, now.inspection, new.inspection, now.registers, new.registers
            )
        }
        Step::End(RecordKey::Embargo(id)) => match snapshot.roster().embargoes.get(id) {
            Some(embargo) => {
                let spares: Vec<&str> = embargo.spares.iter().map(|role| role.as_str()).collect();
                let spares = if spares.is_empty() { "nobody".to_owned() } else { spares.join(", ") };
                let (on, until) = (embargoes::on(node, embargo).await?, utc(embargo.until));
                format!("{on} is read from now on, and not from {until} on; it spared {spares}: {}", embargo.reason)
            }
            None => format!("{id}, which is no more"),
        },
        step => format!("{step:#?}"),
    })
}

/// Approves something, on a page.
pub(crate) async fn approve(node: &Node, asked: Asked) -> Answer {
    let id = asked.named.as_deref().and_then(|text| text.parse().ok()).ok_or(Refused::NotFound)?;
    approved(node, &asked, id).await?;
    lead_to("/approvals")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approving {
    ask: String,
}

/// Approves something, for a program.
pub(crate) async fn approve_as_program(node: &Node, asked: Asked) -> Answer {
    let Approving { ask } = asked.json()?;
    let id = ask.parse().map_err(|_| Refused::NotFound)?;
    approved(node, &asked, id).await?;
    json(&object!({"approved": ask}))
}

async fn approved(node: &Node, asked: &Asked, id: AskId) -> Result<(), Refused> {
    node.identity.approve(asked.session()?, id, &asked.visit).await.map_err(Refused::of_unknown)
}
