//! Events for other programs.

use clap::{Args, ValueEnum};
use cordon_ledger::ocsf;

use super::search::{Filter, Opened, found, json_of};
use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::At;

/// Export events, one JSON object a line. The export is itself an event.
///
/// Example: cordon audit export --format ocsf --from 2026-11-01 --limit 10000
#[derive(Args)]
#[group(id = "audit-export-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    filter: Filter,
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Ocsf)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// OCSF 1.8.0.
    Ocsf,
    /// All that is recorded, as this program names it.
    Jsonl,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let found = found(&operated, &arguments.filter, "cordon audit export")?;
    let lines = found.iter().filter_map(|(position, opened)| match (opened, arguments.format) {
        (Opened::Event(event), Format::Ocsf) => {
            Some(ocsf::export(&event.event, &event.identity, *position).to_string())
        }
        // A succession is no event of anyone; it has a form here only.
        (Opened::Succession(_), Format::Ocsf) => None,
        (_, Format::Jsonl) => Some(json_of(*position, opened).to_string()),
    });
    print_lines(lines)?;
    Ok(Exit::Clean)
}
