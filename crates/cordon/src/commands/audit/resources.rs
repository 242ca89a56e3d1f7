//! Where a log is read from: a folder, or plain HTTP.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use cordon_ledger::audit::Resources;

use crate::error::Failure;

/// Bytes of one resource: a bundle of 256 entries of 65,535 bytes.
const RESOURCE_BYTES_MAX: u64 = 256 * (65_535 + 2);
/// Seconds that a server may take to answer.
const ANSWER_S: u64 = 30;

/// A log in a folder, or behind an address.
pub(crate) enum LogSource {
    Folder(PathBuf),
    Address(String, ureq::Agent),
}

impl LogSource {
    /// Reads `place`: an address when it begins with `http://` or `https://`, else a folder.
    pub(crate) fn of(place: &str) -> Result<Self, Failure> {
        if place.starts_with("http://") || place.starts_with("https://") {
            let timeout = Some(Duration::from_secs(ANSWER_S));
            let agent = ureq::Agent::config_builder().timeout_global(timeout).max_redirects(0).build().into();
            return Ok(Self::Address(place.trim_end_matches('/').to_owned(), agent));
        }
        let folder = PathBuf::from(place);
        if folder.is_dir() {
            return Ok(Self::Folder(folder));
        }
        Err(Failure::usage(format!("`{place}` is no folder"), "give the folder of a log, or its address"))
    }
}

impl Resources for LogSource {
    type Error = Failure;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Folder(folder) => match std::fs::read(folder.join(path)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => {
                    let what = format!("`{}` cannot be read: {error}", folder.join(path).display());
                    Err(Failure::usage(what, "give a folder that you may read"))
                }
            },
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
