//! The policies in force.

use clap::Args;
use cordon_policy::words::{PACK, SCHEMA};

use crate::error::{Failure, printed};
use crate::exit::Exit;
use crate::installation::At;

/// Print the organisation's own policies; with --pack those that every installation has, with --schema what policies can speak of.
///
/// Example: cordon policy show --schema
#[derive(Args)]
#[group(id = "policy-show-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The policies that every installation has.
    #[arg(long, conflicts_with = "schema")]
    pack: bool,
    /// What policies can speak of.
    #[arg(long)]
    schema: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let text = match (arguments.pack, arguments.schema) {
        (true, _) => PACK.to_owned(),
        (_, true) => SCHEMA.to_owned(),
        _ => {
            let operated = arguments.at.open()?;
            let policies = operated.snapshot()?.roster().policies.clone();
            eprintln!("version {}", policies.version);
            policies.text
        }
    };
    printed(std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes()))?;
    Ok(Exit::Clean)
}
