//! The log of an installation, in a folder that stands for itself: what anyone can verify, and what was recorded in the open.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use cordon_ledger::audit::walk;
use cordon_ledger::note::Verifier;
use cordon_store::Search;
use cordon_store::limits::SEARCH_EVENTS_MAX;
use cordon_store::log::LogFolder;

use crate::commands::audit::search::{json_of, page};
use crate::error::Failure;
use crate::installation::{At, Operated, failure};
use crate::limits::LOG_COPIES_MAX;

/// Refuses where the installation is not on this machine.
pub(super) fn is_here(at: &At) -> Result<(), Failure> {
    at.open().map(|_| ()).map_err(|error| {
        let what = format!("the log cannot be read here: {}", error.what());
        let hint = format!("run this where the installation is, or give --without-log; {}", error.hint());
        let mut failure = Failure::usage(what, hint);
        failure.exit = error.exit;
        failure
    })
}

/// Writes it: `published`, `log.vkey` and `events.jsonl`. What was copied of the log is verified as anyone would.
pub(super) fn write(at: &At, folder: &Path) -> Result<(), Failure> {
    let operated = at.open()?;
    make(folder)?;
    let events = events(&operated, &folder.join("events.jsonl"))?;
    let places = operated.installation.places();
    let key = operated.installation.log_key().map_err(failure)?;
    let signed = copied(&places.log(), &folder.join("published"), &key)?;
    let file = folder.join("log.vkey");
    fs::copy(places.log_key_file(), &file).map_err(failed(&file))?;
    eprintln!(
        "the log is in `{0}`: {events} events in the open, {signed} entries verified with the key beside them (`cordon audit verify --log \
         {0}/published --key {0}/log.vkey`)",
        folder.display()
    );
    Ok(())
}

/// Copies the published log until it is whole: a node that publishes takes away what fuller files take the place of. Returns how
/// many entries there are.
fn copied(from: &Path, to: &Path, key: &Verifier) -> Result<u64, Failure> {
    for _ in 0..LOG_COPIES_MAX {
        copy(from, to)?;
        let walked = walk(&mut LogFolder(to.to_owned()), key, &[], |_, _, _| {}).map_err(failure)?;
        if walked.faults.is_empty() {
            return Ok(walked.checkpoint.map_or(0, |checkpoint| checkpoint.size));
        }
    }
    Err(Failure::integrity(
        "the log that was copied cannot be verified",
        "run `cordon audit verify` to learn what is wrong",
    ))
}

/// Writes all events, as JSON. Returns how many there are.
fn events(operated: &Operated, path: &Path) -> Result<u64, Failure> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(failed(path))?;
    let (mut out, mut count) = (BufWriter::new(file), 0);
    // What is read here is recorded: without an end it would go on for ever.
    let end = operated.run(async { operated.installation.reader().size().await.map_err(failure) })?;
    let mut start = 0;
    while start < end {
        let search = Search { start, limit: SEARCH_EVENTS_MAX, ..Search::default() };
        let found = page(operated, &search, "cordon eject")?;
        let Some((last, _)) = found.last() else { break };
        start = last + 1;
        for (position, opened) in found.iter().filter(|(position, _)| *position < end) {
            writeln!(out, "{}", json_of(*position, opened)).map_err(failed(path))?;
            count += 1;
        }
    }
    let written = out.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    written.map_err(failed(path))?;
    Ok(count)
}

/// Copies a folder of plain files, as it is. The checkpoint comes first: what it signs is there by then, and what is added
/// meanwhile does no harm.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    make(to)?;
    let mut entries: Vec<_> = fs::read_dir(from).and_then(|all| all.collect::<Result<_, _>>()).map_err(failed(from))?;
    entries.sort_by_key(|entry| (entry.file_name() != "checkpoint", entry.file_name()));
    for entry in entries {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            copy(&path, &place)?;
        } else if kind.is_file() {
            let mut file = match File::open(&path) {
                // A fuller one is there by now.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                opened => opened.map_err(failed(&path))?,
            };
            let mut out = File::create(&place).map_err(failed(&place))?;
            std::io::copy(&mut file, &mut out).and_then(|_| out.sync_all()).map_err(failed(&place))?;
        }
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::usage(format!("`{path}`: {error}"), "see that there is room, and that you may write there")
}
