//! Verifying a proof file.

use std::path::PathBuf;

use clap::Args;
use cordon_ledger::tlog_proof::LogProof;

use super::log_key;
use crate::error::{Failure, read_named_text};
use crate::exit::Exit;

/// Verify a C2SP tlog-proof: offline, with the log's public key.
///
/// Example: cordon audit verify-proof 4711.tlog-proof --key log.vkey
#[derive(Args)]
#[group(id = "audit-verify-proof-arguments")]
pub(crate) struct Arguments {
    /// The proof.
    file: PathBuf,
    /// The log's public key, or a file that holds it.
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let key = log_key(&arguments.key)?;
    let proof: Result<LogProof, _> = read_named_text(&arguments.file)?.parse();
    let verified = proof.and_then(|proof| {
        let index = proof.index;
        proof.verify(&key).map(|(entry, checkpoint)| (index, entry.len(), checkpoint))
    });
    match verified {
        Ok((index, bytes, checkpoint)) => {
            println!(
                "verified: entry {index} ({bytes} bytes) is in the log `{}` of {} entries\nroot {}",
                checkpoint.origin, checkpoint.size, checkpoint.root
            );
            Ok(Exit::Clean)
        }
        Err(error) => Err(Failure::integrity(
            format!("`{}` proves nothing: {error}", arguments.file.display()),
            "ask for the proof again, and see that the key is that of the log",
        )),
    }
}
