//! Grants that nobody uses.

use std::collections::HashMap;

use clap::Args;
use cordon_domain::{Clock as _, Grant, GrantId, Moment};
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
    let grants = snapshot.roster().grants.values();
    let idle: Vec<&Grant> = idle(grants, &uses, (arguments.days, SystemClock.now())).collect();
    print_lines(idle.iter().map(|grant| {
        let used = uses.get(&grant.id).copied();
        if arguments.json { object(grant, used).to_string() } else { line(grant, used) }
    }))?;
    let count = idle.len();
    eprintln!("{count} grant{} unused for {} days", if count == 1 { "" } else { "s" }, arguments.days);
    Ok(Exit::Clean)
}

/// Of these grants those that are older than so many days, and were not used in that time.
fn idle<'a>(
    grants: impl Iterator<Item = &'a Grant>,
    uses: &HashMap<GrantId, Moment>,
    (days, now): (u32, Moment),
) -> impl Iterator<Item = &'a Grant> {
    let since = now.plus_ms(-i64::from(days) * 86_400_000);
    grants.filter(move |grant| grant.starts <= since && uses.get(&grant.id).is_none_or(|used| *used < since))
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

#[cfg(test)]
mod tests {
    use cordon_domain::{PrincipalId, Role, Scope};

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    /// Grants of the first day: of 1 there is no use, 2 was used on day 10, 3 was given on day 80.
    #[test]
    fn a_grant_is_idle_from_so_many_days_after_its_last_use() {
        let grant = |number: u8, day: i64| Grant {
            id: GrantId([number; 16]),
            principal: PrincipalId([1; 16]),
            role: Role::Reader,
            scope: Scope::Installation,
            starts: Moment(day * DAY_MS),
            ends: None,
            reason: "a test".to_owned(),
            given_by: PrincipalId([1; 16]),
        };
        let grants = [grant(1, 0), grant(2, 0), grant(3, 80)];
        let uses = HashMap::from([(GrantId([2; 16]), Moment(10 * DAY_MS))]);
        let on_day = |day: i64| {
            let idle = idle(grants.iter(), &uses, (90, Moment(day * DAY_MS)));
            idle.map(|grant| grant.id.0[0]).collect::<Vec<_>>()
        };
        assert!(on_day(89).is_empty());
        assert_eq!(on_day(90), [1]);
        assert_eq!(on_day(100), [1], "used 90 days ago to the millisecond");
        assert_eq!(on_day(101), [1, 2]);
        assert_eq!(on_day(170), [1, 2, 3]);
    }
}
