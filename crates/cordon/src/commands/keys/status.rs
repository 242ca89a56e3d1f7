//! Which keys there are, how old, how much used, and what is due.

use clap::Args;
use cordon_domain::{Clock as _, Level};
use cordon_keys::{Due, KeyName, StoredKey};
use cordon_store::edge::SystemClock;
use cordon_store::read::Wraps;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};

/// Show each key in use: its version, age and uses, what is due, and how many data keys wait to be wrapped anew.
///
/// Exits with 1 when a key is due.
///
/// Example: cordon keys status
#[derive(Args)]
#[group(id = "keys-status-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

struct Line {
    key: StoredKey,
    age_days: i64,
    uses: u64,
    due: Option<Due>,
    older: u64,
    locked: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    arguments.at.holder.warn_if_near(&operated)?;
    let lines = operated.wait(lines(&operated))?;
    for line in &lines {
        if arguments.json {
            println!("{}", object(line));
        } else {
            println!("{}", text(line));
        }
    }
    let due = lines.iter().filter(|line| line.due.is_some()).count();
    if !arguments.json {
        println!("{} keys, {due} due", lines.len());
    }
    Ok(if due == 0 { Exit::Clean } else { Exit::Findings })
}

async fn lines(operated: &Operated) -> Result<Vec<Line>, Failure> {
    let installation = &operated.installation;
    let (keys, reader) = (installation.keys(), installation.reader());
    let now = SystemClock.now();
    let stored = keys.store().keys().map_err(failure)?;
    let levels = operated.snapshot()?.roster().levels;
    let mut lines = Vec::new();
    for (place, key) in stored.iter().enumerate() {
        let superseded = stored.get(place + 1).is_some_and(|next| next.reference.name == key.reference.name);
        let level = match key.reference.name {
            KeyName::Level(level) | KeyName::Bucket(_, level) => level,
            // Cordon's own keys open everything that names a person or decides: they age as the highest level does.
            KeyName::Purpose(_) => Level::Restricted,
            KeyName::Subject(_) => continue,
        };
        if superseded {
            continue;
        }
        let uses = keys.store().uses(key.reference).map_err(failure)?;
        let rotates = !matches!(key.reference.name, KeyName::Purpose(_));
        let due = Due::of(levels.of(level).key_age_days, key.created_at, uses, now).filter(|_| rotates);
        let wraps = match reader.active_key(keys, key.reference.name).await.map_err(failure)? {
            Some(active) => reader.wraps(&active).await.map_err(failure)?,
            None => Wraps::default(),
        };
        let age_days = now.since_ms(key.created_at) / 86_400_000;
        lines.push(Line { key: key.clone(), age_days, uses, due, older: wraps.older, locked: wraps.locked });
    }
    Ok(lines)
}

const fn reason(due: Due) -> &'static str {
    match due {
        Due::Age => "age",
        Due::Uses => "uses",
    }
}

fn text(line: &Line) -> String {
    let due = line.due.map(|due| format!("  due by {}", reason(due))).unwrap_or_default();
    let older =
        if line.older == 0 { String::new() } else { format!("  {} data keys under older versions", line.older) };
    let locked =
        if line.locked == 0 { String::new() } else { format!("  {} rows put back beside Cordon: locked", line.locked) };
    format!("{}  {} days  {} uses{due}{older}{locked}", line.key.reference, line.age_days, line.uses)
}

fn object(line: &Line) -> serde_json::Value {
    json!({
        "schema": "cordon-key-1",
        "key": line.key.reference.name.to_string(),
        "version": line.key.reference.version,
        "age_days": line.age_days,
        "uses": line.uses,
        "due": line.due.map(reason),
        "older": line.older,
        "locked": line.locked,
    })
}
