//! Testing policies before they are in force.

use std::path::{Path, PathBuf};

use clap::Args;
use cordon_policy::cases;

use crate::error::{Failure, read_named_text};
use crate::exit::Exit;

/// Check policies, and play cases against them: who asks for what, how, and what the answer should be. Nothing is opened and nothing recorded.
///
/// Example: cordon policy test own.cedar --cases own-cases.toml
#[derive(Args)]
#[group(id = "policy-test-arguments")]
pub(crate) struct Arguments {
    /// The policies, in Cedar.
    file: PathBuf,
    /// The cases, in TOML; see docs/policy.md.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

/// Says what is wrong with policies.
pub(super) fn check(file: &Path, text: &str) -> Result<(), Failure> {
    cordon_policy::check(text).map_err(|error| {
        let what = format!("`{}`: {error}", file.display());
        Failure::usage(what, "`cordon policy show --schema` prints what policies can speak of")
    })
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let policies = read_named_text(&arguments.file)?;
    check(&arguments.file, &policies)?;
    let Some(path) = &arguments.cases else {
        println!("the policies are valid");
        return Ok(Exit::Clean);
    };
    let text = read_named_text(path)?;
    let outcomes = cases::play(&policies, &text).map_err(|error| {
        Failure::usage(format!("`{}`: {error}", path.display()), "docs/policy.md shows what a case looks like")
    })?;
    let mut failed = 0;
    for outcome in &outcomes {
        match &outcome.fault {
            None => println!("ok      {}", outcome.name),
            Some(fault) => {
                failed += 1;
                println!("FAILED  {}: {fault}", outcome.name);
            }
        }
    }
    println!("{} of {} cases are as expected", outcomes.len() - failed, outcomes.len());
    Ok(if failed == 0 { Exit::Clean } else { Exit::Findings })
}
