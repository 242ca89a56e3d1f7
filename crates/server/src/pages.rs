//! Pages that are not of one matter: the first one, what pages are made of, and whether the node answers.

use askama::Template;
use axum::http::{HeaderValue, header};
use cordon_domain::{Credential, Factor, Moment, PrincipalId};
use cordon_identity::authenticator::Way;
use cordon_policy::duration;
use s3s::dto::TimestampFormat;

use crate::asked::Asked;
use crate::emergencies::{Alert, alerts};
use crate::node::Node;
use crate::reply::{Answer, Refused, html, write};
use crate::s3::moment;

const STYLE: &str = include_str!("../static/style.css");
const SCRIPT: &str = include_str!("../static/passkey.js");

/// Says that the node answers, and nothing else.
pub(crate) async fn alive(_: &Node, _: Asked) -> Answer {
    Ok(write("{\"alive\":true}", "application/json"))
}

/// Tells the key with which the log, the list of what is public and what is handed out are verified.
pub(crate) async fn log_key(node: &Node, _: Asked) -> Answer {
    Ok(write(&format!("{}\n", node.installation.log_key()?), "text/plain"))
}

/// Says whether the node answers requests now: for what spreads requests over several.
pub(crate) async fn ready(node: &Node, _: Asked) -> Answer {
    match node.is_ready() {
        true => Ok(write("{\"ready\":true}", "application/json")),
        false => Err(Refused::Unconfirmed),
    }
}

/// What pages are made of: nothing in it is anyone's.
pub(crate) async fn part(_: &Node, asked: Asked) -> Answer {
    let (text, kind) = match asked.named.as_deref() {
        Some("style.css") => (STYLE, "text/css; charset=utf-8"),
        Some("passkey.js") => (SCRIPT, "text/javascript; charset=utf-8"),
        _ => return Err(Refused::NotFound),
    };
    let mut response = write(text, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    Ok(response)
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    provider: Option<String>,
    alerts: Vec<Alert>,
    name: String,
    factor: &'static str,
    age: String,
    device: Option<String>,
    ways: Vec<Shown>,
    devices: Vec<Shown>,
    credentials: Vec<Shown>,
}

/// One line of a table.
struct Shown {
    id: String,
    what: String,
    when: String,
    this: bool,
}

/// Who is signed in, how, and what is theirs.
pub(crate) async fn home(node: &Node, asked: Asked) -> Answer {
    let session = *asked.session()?;
    let (identity, now) = (&node.identity, node.identity.now());
    let snapshot = identity.snapshot()?;
    let ways = identity.ways(session.principal).await?;
    let ways = ways.iter().map(|(kept, way)| Shown {
        id: kept.id.to_string(),
        what: named(way),
        when: added(way, now),
        this: false,
    });
    let devices = snapshot.roster().devices.values().filter(|device| device.owner == session.principal);
    let devices = devices.map(|device| Shown {
        id: device.id.to_string(),
        what: device.claimed.clone(),
        when: String::new(),
        this: session.device == Some(device.id),
    });
    let reader = node.installation.reader();
    let issued = reader.credentials(node.installation.keys(), session.principal, now).await?;
    let issued = issued.into_iter().filter(|one| identity.counts(one).is_ok());
    html(
        node,
        &Home {
            provider: identity.provider().map(|provider| provider.name().to_owned()),
            alerts: alerts(node, &asked).await?,
            name: identity.name(session.principal).await?.unwrap_or_default(),
            factor: shown_by(session.factor),
            age: ago(session.factor_at, now),
            device: session.device.map(|device| device.to_string()),
            ways: ways.collect(),
            devices: devices.collect(),
            credentials: issued.map(|one| line(&one, &session, now)).collect(),
        },
    )
}

fn line(one: &Credential, session: &Credential, now: Moment) -> Shown {
    Shown {
        id: one.id.to_string(),
        what: one.kind.as_str().to_owned(),
        when: format!("from {}, ends in {}", ago(one.issued_at, now), span(one.expires_at.since_ms(now))),
        this: one.id == session.id,
    }
}

fn named(way: &Way) -> String {
    match way {
        Way::Passkey(passkey) => format!("{}: {}", way.kind(), passkey.name),
        Way::Recovery(recovery) => format!("{}: {} left", way.kind(), recovery.left.len()),
        Way::Provider(account) => format!("{}: {}", way.kind(), account.issuer),
        Way::Password(_) | Way::Invitation(_) => way.kind().to_owned(),
    }
}

fn added(way: &Way, now: Moment) -> String {
    match way {
        Way::Passkey(passkey) => format!("added {}", ago(passkey.added_at, now)),
        _ => String::new(),
    }
}

/// Somebody's name, or, where it is no principal, whoever is at the machine.
pub(crate) async fn name_of(node: &Node, id: PrincipalId) -> Result<String, Refused> {
    if let Some(name) = node.identity.name(id).await? {
        return Ok(name);
    }
    let known = node.identity.snapshot()?.roster().principals.contains_key(&id);
    Ok(if known { id.to_string() } else { format!("the person at the machine ({id})") })
}

/// What was shown, in words.
pub(crate) const fn shown_by(factor: Factor) -> &'static str {
    match factor {
        Factor::None => "no second factor",
        Factor::Code => "a second factor",
        Factor::PhishingResistant => "a phishing-resistant factor",
    }
}

/// How long ago something was.
pub(crate) fn ago(then: Moment, now: Moment) -> String {
    let ms = now.since_ms(then);
    if ms < 60_000 { "just now".to_owned() } else { format!("{} ago", span(ms)) }
}

/// A moment in UTC, as machines and people read it (RFC 3339).
pub(crate) fn utc(at: Moment) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = moment(at).format(TimestampFormat::DateTime, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn span(ms: i64) -> String {
    duration(u32::try_from(ms.max(0) / 1000).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = |seconds: i64| ago(Moment(0), Moment(seconds * 1000));
        assert_eq!([said(5), said(120), said(7_200)], ["just now", "2 minutes ago", "2 hours ago"]);
        assert_eq!(span(-5), "0 seconds");
        assert_eq!(utc(Moment(1_795_615_200_000)), "2026-11-25T14:00:00.000Z");
    }
}
