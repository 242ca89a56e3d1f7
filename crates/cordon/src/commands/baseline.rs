//! Accept what stands now, so that scans report what is new.

use std::path::PathBuf;

use clap::Args;
use cordon_scan::baseline::Baseline;

use super::scan;
use crate::error::{Failure, write_named};
use crate::exit::Exit;

/// Write a baseline: what a scan finds now is accepted, and later scans with --baseline report what is new.
///
/// Example: cordon baseline . --output cordon-baseline.json
#[derive(Args)]
#[group(id = "baseline-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    scan: scan::Arguments,
    /// Where to write the baseline.
    #[arg(long, value_name = "FILE", default_value = "cordon-baseline.json")]
    output: PathBuf,
    /// Accept an input that cannot be read, with the reason why: PATH=REASON.
    #[arg(long, value_name = "PATH=REASON")]
    accept_unreadable: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let outcome = scan::gather(&arguments.scan, &|_| ())?;
    let mut baseline = Baseline::of(&outcome.found, &outcome.key);
    for entry in &arguments.accept_unreadable {
        let Some((path, reason)) = entry.split_once('=').filter(|(_, reason)| !reason.trim().is_empty()) else {
            return Err(Failure::usage(format!("`{entry}` gives no reason"), "write PATH=REASON"));
        };
        baseline = baseline.with_unreadable(path, reason);
    }
    write_named(&arguments.output, baseline.write().as_bytes())?;
    eprintln!("{} findings accepted in `{}`", outcome.found.len(), arguments.output.display());
    if outcome.summary.is_partial() {
        eprintln!(
            "note: {} inputs could not be read and are not accepted; --accept-unreadable PATH=REASON accepts one",
            outcome.summary.skipped
        );
    }
    Ok(Exit::Clean)
}
