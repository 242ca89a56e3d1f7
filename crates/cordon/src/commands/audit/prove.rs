//! Proving one entry, in a file that stands alone.

use std::path::PathBuf;

use clap::Args;
use cordon_ledger::audit::{nodes, read_tile};
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::note::Note;
use cordon_ledger::proof::inclusion;
use cordon_ledger::tile::{Shelf, TILE_WIDTH, TileRef, bundle_entries};
use cordon_ledger::tlog_proof::LogProof;

use super::resources::{LogSource, damaged, opened_checkpoint, unread};
use super::verify::sources;
use crate::error::{Failure, write_named};
use crate::exit::Exit;
use crate::installation::Where;

/// Prove that an entry is in the log: writes a C2SP tlog-proof, which needs nothing but the log's public key.
///
/// Example: cordon audit prove 4711 --output 4711.tlog-proof
#[derive(Args)]
#[group(id = "audit-prove-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    /// The index of the entry in the log.
    index: u64,
    /// The folder or address of the log [default: that of the installation].
    #[arg(long, value_name = "FOLDER|URL")]
    log: Option<String>,
    /// The log's public key, or a file that holds it [default: log.vkey of the installation].
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Where to write the proof [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (mut log, key) = sources(&arguments.place, arguments.log.as_deref(), arguments.key.as_deref())?;
    let (note, checkpoint) = opened_checkpoint(&mut log, &key)?;
    if arguments.index >= checkpoint.size {
        let what = format!("the log has {} entries, and none at index {}", checkpoint.size, arguments.index);
        return Err(Failure::usage(what, "give an index below the size; new events are in it within a second"));
    }
    let proof = prove(&mut log, arguments.index, &checkpoint, note)?;
    proof.verify(&key).map_err(|error| damaged(format!("entry {}: {error}", arguments.index)))?;
    match &arguments.output {
        Some(path) => {
            write_named(path, proof.to_string().as_bytes())?;
            eprintln!("entry {} of {} is proved in `{}`", arguments.index, checkpoint.size, path.display());
        }
        None => print!("{proof}"),
    }
    Ok(Exit::Clean)
}

fn prove(log: &mut LogSource, index: u64, checkpoint: &Checkpoint, note: Note) -> Result<LogProof, Failure> {
    let place = index / TILE_WIDTH;
    let width = (checkpoint.size - place * TILE_WIDTH).min(TILE_WIDTH) as u16;
    let bundle = TileRef { shelf: Shelf::Entries, index: place, width };
    let bytes = read_tile(log, bundle)?.ok_or_else(|| damaged(format!("`{bundle}` is missing")))?;
    let (entries, _) = bundle_entries(&bytes);
    let entry = entries.get((index % TILE_WIDTH) as usize).map(|entry| entry.to_vec());
    let entry = entry.ok_or_else(|| damaged(format!("`{bundle}` is cut before entry {index}")))?;
    let hashes = inclusion(&mut nodes(log, checkpoint.size), index, checkpoint.size).map_err(unread)?;
    Ok(LogProof { entry: Some(entry), index, hashes, checkpoint: note })
}
