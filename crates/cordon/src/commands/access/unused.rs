//! Grants that nobody uses.

use clap::Args;
use cordon_domain::{Clock as _, Grant, Moment};
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::{At, failure};
use crate::moment::written;

/// List grants that are older than so many days and were not used in that time. The question is itself an event.
///
/// Example: cordon access unused --days 90
#[derive(Args)]
#[group(id = "access-unused-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// How many days.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let (snapshot, uses) = operated.run(async {
        let snapshot = operated.ask("cordon access unused").await?;
        Ok((snapshot, operated.installation.reader().grant_uses().await.map_err(failure)?))
    })?;
    let since = SystemClock.now().plus_ms(-i64::from(arguments.days) * 86_400_000);
    let is_idle = |grant: &&Grant| grant.starts <= since && uses.get(&grant.id).is_none_or(|used| *used < since);
    let idle: Vec<&Grant> = snapshot.roster().grants.values().filter(is_idle).collect();
    print_lines(idle.iter().map(|grant| {
        let used = uses.get(&grant.id).copied();
        if arguments.json { object(grant, used).to_string() } else { line(grant, used) }
    }))?;
    let count = idle.len();
    eprintln!("{count} grant{} unused for {} days", if count == 1 { "" } else { "s" }, arguments.days);
    Ok(Exit::Clean)
}

fn line(grant: &Grant, used: Option<Moment>) -> String {
    let used = used.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", written(at)));
    let Grant { id, principal, role, scope, reason, .. } = grant;
    let reason: String = reason.chars().filter(|letter| !letter.is_control()).collect();
    format!("{id}  {principal}  {role} on {scope}  {used}  since {}  {reason}", written(grant.starts))
}

fn object(grant: &Grant, used: Option<Moment>) -> serde_json::Value {
    json!({
        "schema": "cordon-grant-1",
        "grant": grant.id.to_string(),
        "principal": grant.principal.to_string(),
        "role": grant.role.as_str(),
        "scope": grant.scope.to_string(),
        "since": written(grant.starts),
        "until": grant.ends.map(written),
        "used": used.map(written),
        "reason": grant.reason,
    })
}
