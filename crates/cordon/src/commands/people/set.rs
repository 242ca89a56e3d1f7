//! Changing what somebody may know, and until when.

use clap::Args;
use cordon_domain::{Level, Moment, Principal, PrincipalId, Project, Record, Target};
use cordon_gate::act::Alter;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::At;
use crate::moment::moment;

/// Change what a person, a service or a vendor's person may know, and until when. What is not named stays as it is. It counts at
/// once, everywhere; roles are given with `cordon access grant` and taken with `cordon access revoke`.
///
/// Example: cordon people set pr_... --clearance confidential --leave atlas --reason "moved to another team"
#[derive(Args)]
#[group(id = "people-set-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Who: pr_ and 32 hexadecimal digits.
    principal: PrincipalId,
    #[command(flatten)]
    change: Changes,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// The highest level that they may know.
    #[arg(long, value_name = "LEVEL")]
    clearance: Option<Level>,
    /// A project that they belong to from now on; may be given several times.
    #[arg(long, value_name = "PROJECT")]
    join: Vec<Project>,
    /// A project that they belong to no more; may be given several times.
    #[arg(long, value_name = "PROJECT")]
    leave: Vec<Project>,
    /// Until when their training counts.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    trained_until: Option<Moment>,
    /// When the account ends.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Option<Moment>,
}

impl Changes {
    fn of(&self, old: &Principal) -> Principal {
        let mut new = old.clone();
        new.projects.extend(self.join.iter().cloned());
        new.projects.retain(|project| !self.leave.contains(project));
        Principal {
            clearance: self.clearance.unwrap_or(old.clearance),
            trained_until: self.trained_until.or(old.trained_until),
            until: self.until.or(old.until),
            ..new
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let id = arguments.principal;
    let old = operated.snapshot()?.roster().principals.get(&id).cloned();
    let old = old.ok_or_else(|| Failure::usage(format!("there is no {id}"), "see `cordon people list`"))?;
    let new = arguments.change.of(&old);
    if new == old {
        eprintln!("{id} is so already");
        return Ok(Exit::Clean);
    }
    let target = Target { principal: Some(id), ..Target::default() };
    let records = (Record::Principal(old), Record::Principal(new));
    operated.run(operated.replace::<Alter>(target, records, &arguments.reason))?;
    Ok(Exit::Clean)
}
