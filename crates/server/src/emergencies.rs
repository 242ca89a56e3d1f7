//! Emergencies: everybody sees those that are open or wait for their review; people ask, open and review.

use askama::Template;
use cordon_domain::{Action, AskId, Emergency, EmergencyId, PrincipalKind};
use serde::Deserialize;
use serde_json::json as object;

use crate::asked::Asked;
use crate::node::Node;
use crate::pages::{ago, name_of};
use crate::reply::{Answer, Refused, html, json, lead_to};

/// What everybody is told of an emergency.
pub(crate) struct Alert {
    pub(crate) id: EmergencyId,
    pub(crate) whose: String,
    pub(crate) writes: bool,
    pub(crate) is_open: bool,
    pub(crate) when: String,
    pub(crate) reason: String,
    pub(crate) own: bool,
}

/// What everybody of the organisation is told: each emergency that nobody reviewed yet.
pub(crate) async fn alerts(node: &Node, asked: &Asked) -> Result<Vec<Alert>, Refused> {
    let (snapshot, now) = (node.identity.snapshot()?, node.identity.now());
    let (own, kind) = (asked.session()?.principal, asked.session()?.principal_kind);
    let mut alerts = Vec::new();
    // What happens inside is nothing for people of vendors.
    let told = snapshot.roster().emergencies.values().filter(|_| kind == PrincipalKind::Person);
    for emergency in told {
        alerts.push(Alert {
            id: emergency.id,
            whose: name_of(node, emergency.principal).await?,
            writes: emergency.writes,
            is_open: emergency.is_open(now),
            when: ago(emergency.since, now),
            reason: emergency.reason.clone(),
            own: emergency.principal == own,
        });
    }
    Ok(alerts)
}

/// An emergency that whoever looks has asked for.
struct Waiting {
    id: AskId,
    reason: String,
    when: String,
    approved: usize,
}

#[derive(Template)]
#[template(path = "emergencies.html")]
struct EmergenciesPage {
    alerts: Vec<Alert>,
    waiting: Vec<Waiting>,
}

/// The page.
pub(crate) async fn page(node: &Node, asked: Asked) -> Answer {
    let (snapshot, now) = (node.identity.snapshot()?, node.identity.now());
    let own = asked.session()?.principal;
    let asks = snapshot.roster().asks.values();
    let asks = asks.filter(|one| one.by == own && one.action == Action::EmergencyOpen && one.counts_at(now));
    let waiting = asks.map(|one| Waiting {
        id: one.id,
        reason: one.reason.clone(),
        when: ago(one.at, now),
        approved: one.approved(|_| true),
    });
    html(node, &EmergenciesPage { alerts: alerts(node, &asked).await?, waiting: waiting.collect() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    reason: String,
    writes: bool,
}

/// Asks for one, for a program.
pub(crate) async fn ask_as_program(node: &Node, asked: Asked) -> Answer {
    let Asking { reason, writes } = asked.json()?;
    let id = node.identity.ask_emergency(asked.session()?, (&reason, writes), &asked.visit).await?;
    json(&object!({"ask": id.to_string()}))
}

/// Asks for one, on the page.
pub(crate) async fn ask(node: &Node, asked: Asked) -> Answer {
    let mut form = asked.form();
    let (reason, writes) = (form.take("reason"), form.take("writes") == "yes");
    node.identity.ask_emergency(asked.session()?, (&reason, writes), &asked.visit).await?;
    lead_to("/emergencies")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    ask: String,
}

/// Opens one, for a program.
pub(crate) async fn open_as_program(node: &Node, asked: Asked) -> Answer {
    let Opening { ask } = asked.json()?;
    let emergency = opened(node, &asked, &ask).await?;
    json(&object!({"emergency": emergency.id.to_string(), "until": emergency.until.0}))
}

/// Opens one, on the page.
pub(crate) async fn open(node: &Node, asked: Asked) -> Answer {
    let ask = asked.form().take("ask");
    opened(node, &asked, &ask).await?;
    lead_to("/emergencies")
}

async fn opened(node: &Node, asked: &Asked, ask: &str) -> Result<Emergency, Refused> {
    let ask = ask.parse().map_err(|_| Refused::NotFound)?;
    node.identity.open_emergency(asked.session()?, ask, &asked.visit).await.map_err(Refused::of_unknown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewing {
    emergency: String,
    reason: String,
}

/// Reviews one, for a program.
pub(crate) async fn review_as_program(node: &Node, asked: Asked) -> Answer {
    let Reviewing { emergency, reason } = asked.json()?;
    reviewed(node, &asked, &emergency, &reason).await?;
    json(&object!({"reviewed": emergency}))
}

/// Reviews one, on the page.
pub(crate) async fn review(node: &Node, asked: Asked) -> Answer {
    let mut form = asked.form();
    let (emergency, reason) = (form.take("emergency"), form.take("reason"));
    reviewed(node, &asked, &emergency, &reason).await?;
    lead_to("/emergencies")
}

async fn reviewed(node: &Node, asked: &Asked, emergency: &str, reason: &str) -> Result<(), Refused> {
    let id = emergency.parse().map_err(|_| Refused::NotFound)?;
    let reviewed = node.identity.review_emergency(asked.session()?, id, reason, &asked.visit).await;
    reviewed.map_err(Refused::of_unknown)
}
