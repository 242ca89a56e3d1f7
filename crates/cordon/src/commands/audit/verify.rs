//! Walking a whole log: every entry, every tile, the signature.

use std::io::IsTerminal as _;

use clap::Args;
use cordon_ledger::audit::{Fault, Tampering, Walk, walk};
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::entry::Succession;
use cordon_ledger::note::{Note, Verifier};
use serde_json::{Value, json};

use super::log_key;
use super::resources::LogSource;
use crate::error::{Failure, read_named_text, write_named};
use crate::exit::Exit;
use crate::installation::Where;

/// Verify a log from its first entry to its last. Needs the log's public key, and no secret.
///
/// A checkpoint that was kept from an earlier time (--known) shows a rollback or a rewritten history; --keep writes the
/// present one for the next time.
///
/// Examples:
///   cordon audit verify
///   cordon audit verify --log https://audit.example/log --key log.vkey --known last.checkpoint --keep last.checkpoint
#[derive(Args)]
#[group(id = "audit-verify-arguments")]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    /// The folder or address of the log [default: that of the installation].
    #[arg(long, value_name = "FOLDER|URL")]
    log: Option<String>,
    /// The log's public key, or a file that holds it [default: log.vkey of the installation].
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// A checkpoint of this log from an earlier time; may be given several times.
    #[arg(long, value_name = "FILE")]
    known: Vec<std::path::PathBuf>,
    /// Write the checkpoint, once it is verified, to this file.
    #[arg(long, value_name = "FILE")]
    keep: Option<std::path::PathBuf>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (mut log, key) = sources(&arguments.place, arguments.log.as_deref(), arguments.key.as_deref())?;
    let known = arguments.known.iter().map(|path| known(path, &key)).collect::<Result<Vec<_>, _>>()?;
    let mut walks = vec![walked(&mut log, key, &known)?];
    // Logs that this one follows, the youngest first.
    let mut complete = true;
    while let Some(succession) = walks.last().and_then(|last| last.succession.clone()) {
        match predecessor(arguments, &succession)? {
            Some(walk) => walks.push(walk),
            None => {
                complete = false;
                break;
            }
        }
    }
    if arguments.json {
        println!("{}", report(&walks, complete));
    } else {
        walks.iter().rev().for_each(tell);
    }
    if walks.iter().any(|walk| !walk.faults().is_empty()) {
        return Ok(Exit::Integrity);
    }
    if let Some(path) = &arguments.keep {
        let bytes = cordon_ledger::audit::Resources::read(&mut log, "checkpoint")?.unwrap_or_default();
        write_named(path, &bytes)?;
    }
    Ok(if complete { Exit::Clean } else { Exit::Partial })
}

/// One log that was walked, and what its first entry says of the log before it.
struct Walked {
    key: Verifier,
    walk: Walk,
    succession: Option<Succession>,
}

impl Walked {
    fn faults(&self) -> &[Fault] {
        &self.walk.faults
    }
}

fn walked(log: &mut LogSource, key: Verifier, known: &[Checkpoint]) -> Result<Walked, Failure> {
    let bar = if std::io::stderr().is_terminal() { indicatif::ProgressBar::new(0) } else { hidden() };
    let mut succession = None;
    let walk = walk(log, &key, known, |entry, of, bytes| {
        if entry == 1 {
            succession = Succession::read(bytes);
        }
        if entry % 1024 == 0 {
            bar.set_length(of);
            bar.set_position(entry);
        }
    })?;
    bar.finish_and_clear();
    Ok(Walked { key, walk, succession })
}

/// Walks the log that another follows, when it is here. What is lost of it is known; what is kept must be what was signed.
fn predecessor(arguments: &Arguments, succession: &Succession) -> Result<Option<Walked>, Failure> {
    let note: Result<Note, _> = succession.old_checkpoint.parse();
    let stated = note.as_ref().ok().and_then(|note| note.text.parse::<Checkpoint>().ok());
    let origin = stated.as_ref().map_or("a log of which no checkpoint is known", |stated| stated.origin.as_str());
    let size = stated.as_ref().map_or(0, |stated| stated.size);
    eprintln!("note: this log follows `{origin}`, of which {} entries are kept; {size} were signed", succession.kept);
    let previous = arguments.place.places()?.previous_logs();
    let keys = if arguments.log.is_some() { Vec::new() } else { key_files(&previous) };
    for file in keys {
        let key = log_key(&file.to_string_lossy())?;
        if key.name.as_str() != origin {
            continue;
        }
        let mut log = LogSource::of(&file.with_extension("").to_string_lossy())?;
        let stated = note.clone().and_then(|note| Checkpoint::open(&note, &key));
        // A checkpoint beyond what is kept states entries that are lost, which is why another log follows.
        let comparable = stated.as_ref().ok().filter(|stated| stated.size <= succession.kept).cloned();
        let mut walked = walked(&mut log, key, comparable.as_slice())?;
        walked.walk.faults.extend(stated.err().map(Fault::Checkpoint));
        return Ok(Some(walked));
    }
    eprintln!("note: `{origin}` is not here, and was not verified");
    Ok(None)
}

fn key_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "vkey")).collect()
}

fn hidden() -> indicatif::ProgressBar {
    indicatif::ProgressBar::hidden()
}

/// The log and its key, as given or as the installation has them.
pub(super) fn sources(place: &Where, log: Option<&str>, key: Option<&str>) -> Result<(LogSource, Verifier), Failure> {
    let places = place.places()?;
    let key = match (key, log) {
        (Some(key), _) => log_key(key)?,
        (None, None) => {
            let file = places.log_key_file();
            eprintln!("note: the key is taken from `{}`; whoever audits brings their own with --key", file.display());
            log_key(&file.to_string_lossy())?
        }
        (None, Some(_)) => return Err(Failure::usage("no key is given", "give the log's public key with --key")),
    };
    let log = match log {
        Some(log) => LogSource::of(log)?,
        None => LogSource::of(&places.log().to_string_lossy())?,
    };
    Ok((log, key))
}

fn known(path: &std::path::Path, key: &Verifier) -> Result<Checkpoint, Failure> {
    let note: Result<Note, _> = read_named_text(path)?.parse();
    note.and_then(|note| Checkpoint::open(&note, key)).map_err(|error| {
        Failure::usage(format!("`{}`: {error}", path.display()), "give a checkpoint of this log, signed with this key")
    })
}

fn tell(walked: &Walked) {
    let Walked { key, walk: walked, .. } = walked;
    for fault in &walked.faults {
        println!("fault: {}", words(fault));
    }
    match &walked.checkpoint {
        Some(checkpoint) if walked.faults.is_empty() => println!(
            "verified: {} entries ({} bytes) lead to the root that `{}` signed\nroot {}",
            walked.entries, walked.bytes, key.name, checkpoint.root
        ),
        Some(checkpoint) => println!("not verified: {} of {} entries were read", walked.entries, checkpoint.size),
        None => println!("not verified: there is no checkpoint to verify against"),
    }
}

fn words(fault: &Fault) -> String {
    match fault {
        Fault::NoCheckpoint => "the log has no checkpoint".to_owned(),
        Fault::Checkpoint(error) => format!("the checkpoint: {error}"),
        Fault::Origin(origin) => format!("the checkpoint is that of another log, `{origin}`"),
        Fault::RolledBack { size, known } => {
            format!("rollback: the log has {size} entries; the checkpoint that you hold states {known}")
        }
        Fault::Forked { size } => format!(
            "fork: the first {size} entries have another root than the checkpoint that you hold: history was rewritten \
             before entry {size}, or there are two logs"
        ),
        Fault::Entry { index, what } => match what {
            Tampering::Changed => format!("entry {index} was changed"),
            Tampering::Removed => format!("entry {index} was removed"),
            Tampering::Inserted => format!("an entry was inserted at {index}"),
            Tampering::Reordered { with } => format!("entry {index} changed places with entry {with}"),
        },
        Fault::Missing { path, index } => format!("`{path}` is missing or cut, from entry {index} on"),
        Fault::Tile { path, index } => {
            format!("`{path}` has another hash for entry {index} than the entry itself; the entries are whole")
        }
        Fault::Lost { among } => format!(
            "the entries lead to another root than the signed one, and no tile tells which: the first bad one is among \
             {} to {}",
            among.start,
            among.end.saturating_sub(1)
        ),
    }
}

fn report(walks: &[Walked], complete: bool) -> Value {
    let mut logs = walks.iter().map(log_report);
    let mut report = logs.next().unwrap_or(Value::Null);
    if let Some(report) = report.as_object_mut() {
        report.insert("predecessors".to_owned(), logs.collect());
        report.insert("complete".to_owned(), json!(complete));
    }
    report
}

fn log_report(walked: &Walked) -> Value {
    let Walked { key, walk: walked, .. } = walked;
    let faults = walked.faults.iter().map(|fault| {
        let (kind, index) = match fault {
            Fault::NoCheckpoint => ("no-checkpoint", None),
            Fault::Checkpoint(_) => ("checkpoint", None),
            Fault::Origin(_) => ("origin", None),
            Fault::RolledBack { .. } => ("rollback", None),
            Fault::Forked { .. } => ("fork", None),
            Fault::Entry { index, what } => {
                let kind = match what {
                    Tampering::Changed => "changed",
                    Tampering::Removed => "removed",
                    Tampering::Inserted => "inserted",
                    Tampering::Reordered { .. } => "reordered",
                };
                (kind, Some(*index))
            }
            Fault::Missing { index, .. } => ("missing", Some(*index)),
            Fault::Tile { index, .. } => ("tile", Some(*index)),
            Fault::Lost { among } => ("lost", Some(among.start)),
        };
        json!({"kind": kind, "index": index, "text": words(fault)})
    });
    json!({
        "schema": "cordon-audit-verify-1",
        "verified": walked.faults.is_empty(),
        "key": key.to_string(),
        "origin": key.name.as_str(),
        "entries": walked.entries,
        "bytes": walked.bytes,
        "size": walked.checkpoint.as_ref().map(|checkpoint| checkpoint.size),
        "root": walked.checkpoint.as_ref().map(|checkpoint| checkpoint.root.to_string()),
        "faults": faults.collect::<Vec<_>>(),
    })
}
