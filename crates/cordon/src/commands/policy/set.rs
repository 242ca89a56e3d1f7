//! Bringing an organisation's own policies into force.

use std::path::PathBuf;

use clap::Args;
use cordon_domain::{Policies, Record, Step, Target};
use cordon_gate::act::ChangePolicies;

use crate::error::{Failure, read_named_text};
use crate::exit::Exit;
use crate::installation::{At, Consent, say_asked};

/// Bring an organisation's own policies into force, in place of those before. Takes two people once there is an approver.
///
/// Example: cordon policy set own.cedar --reason "the vendor reads until Friday"
#[derive(Args)]
#[group(id = "policy-set-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The policies, in Cedar.
    file: PathBuf,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let text = read_named_text(&arguments.file)?;
    super::test::check(&arguments.file, &text)?;
    let operated = arguments.at.open()?;
    let version = operated.snapshot()?.roster().policies.version + 1;
    let asked = operated.run(async {
        let steps = vec![Step::Put(Record::Policies(Policies { version, text }))];
        let (reason, consent) = (Some(arguments.reason.as_str()), &arguments.consent);
        operated.change_or_ask::<ChangePolicies>(Target::default(), steps, reason, consent).await
    })?;
    match asked {
        Some(id) => say_asked(id),
        None => println!("version {version} is in force"),
    }
    Ok(Exit::Clean)
}
