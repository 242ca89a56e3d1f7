//! Where a log is read from: a folder, or plain HTTP.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use cordon_ledger::audit::{Resources, TileFault};
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::limits::RESOURCE_BYTES_MAX;
use cordon_ledger::note::{Note, Verifier};
use cordon_store::log::LogFolder;

use crate::error::Failure;
use crate::limits::ANSWER_S;
use crate::remote::encryption;

/// A log in a folder, or behind an address.
pub(crate) enum LogSource {
    Folder(LogFolder),
    Address(String, ureq::Agent),
}

impl LogSource {
    /// Reads `place`: an address when it begins with `http://` or `https://`, else a folder.
    pub(crate) fn of(place: &str) -> Result<Self, Failure> {
        if place.starts_with("http://") || place.starts_with("https://") {
            let timeout = Some(Duration::from_secs(ANSWER_S));
            let agent = ureq::Agent::config_builder().timeout_global(timeout).max_redirects(0);
            let agent = agent.tls_config(encryption()).build().into();
            return Ok(Self::Address(place.trim_end_matches('/').to_owned(), agent));
        }
        let folder = PathBuf::from(place);
        if folder.is_dir() {
            return Ok(Self::Folder(LogFolder(folder)));
        }
        Err(Failure::usage(format!("`{place}` is no folder"), "give the folder of a log, or its address"))
    }
}

impl Resources for LogSource {
    type Error = Failure;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Folder(folder) => {
                folder.read(path).map_err(|error| Failure::usage(error.to_string(), "give a folder that you may read"))
            }
            Self::Address(prefix, agent) => {
                let address = format!("{prefix}/{path}");
                match agent.get(&address).call() {
                    Ok(answer) => {
                        let mut bytes = Vec::new();
                        let read = answer.into_body().into_reader().take(RESOURCE_BYTES_MAX).read_to_end(&mut bytes);
                        read.map_err(|error| unreachable_at(&address, &error.to_string()))?;
                        Ok(Some(bytes))
                    }
                    Err(ureq::Error::StatusCode(404)) => Ok(None),
                    Err(error) => Err(unreachable_at(&address, &error.to_string())),
                }
            }
        }
    }
}

fn unreachable_at(address: &str, why: &str) -> Failure {
    Failure::usage(format!("`{address}` cannot be read: {why}"), "see that the address is right and can be reached")
}

/// Reads the checkpoint of a log, once its signature is verified.
pub(crate) fn opened_checkpoint(log: &mut LogSource, key: &Verifier) -> Result<(Note, Checkpoint), Failure> {
    let text = log.read("checkpoint")?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let opened = text.parse::<Note>().and_then(|note| Ok((Checkpoint::open(&note, key)?, note)));
    opened.map(|(checkpoint, note)| (note, checkpoint)).map_err(|error| damaged(format!("the checkpoint: {error}")))
}

/// Says that a log is not whole.
pub(super) fn damaged(what: String) -> Failure {
    Failure::integrity(what, "run `cordon audit verify` to learn what is wrong")
}

/// Says that a tile is of no use.
pub(super) fn unread(fault: TileFault<Failure>) -> Failure {
    match fault {
        TileFault::Read(failure) => failure,
        TileFault::Missing(tile) => damaged(format!("`{tile}` is missing or cut")),
    }
}
