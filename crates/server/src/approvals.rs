//! What others asked for, and whoever may approve it.

use askama::Template;
use cordon_domain::{Action, AskId, Asked as Wanted, Guarding, Inspection, Label, Record, Step, Steps, Target};
use serde::Deserialize;
use serde_json::json as object;

use crate::asked::Asked;
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
            change: changed(&wanted),
            by: name_of(node, wanted.by).await?,
            when: ago(wanted.at, node.identity.now()),
            approved: wanted.approvals.len(),
            reason: wanted.reason,
            missing: one.missing,
        });
    }
    html(&ApprovalsPage { alerts: alerts(node, &asked).await?, asks })
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
fn changed(wanted: &Wanted) -> String {
    let shown = |step: &Step| match step {
        Step::Put(Record::Policies(policies)) => format!("version {}\n\n{}", policies.version, policies.text),
        Step::Put(Record::Publication(publication)) => {
            let from = publication.starts.map_or_else(|| "at once".to_owned(), |at| format!("from {}", utc(at)));
            let until = utc(publication.ends);
            format!("anyone reads it, {from}, until {until}; {} bytes", publication.bytes)
        }
        Step::Put(Record::Allowance(allowance)) => format!(
            "{} reads {} bytes of it beyond limits, until {}",
            allowance.principal,
            allowance.bytes,
            utc(allowance.ends)
        ),
        Step::Put(Record::Bucket(bucket)) => {
            let Guarding { limits, inspection, registers } = bucket.guarding();
            format!("limits: {limits}; inspection: {inspection}; copies are recognised of what is {registers}")
        }
        step => format!("{step:#?}"),
    };
    if let (Action::LabelLower, Ok(label)) = (wanted.action, minicbor::decode::<Label>(&wanted.change)) {
        return format!("its label becomes {label}");
    }
    let steps = Steps::decoded(&wanted.change).unwrap_or_default();
    steps.0.iter().map(shown).collect::<Vec<_>>().join("\n")
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
