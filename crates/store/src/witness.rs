//! What a witness keeps: for each log the largest checkpoint that it cosigned, durable before it answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::hash::Hash;
use cordon_ledger::note::Note;
use cordon_ledger::witness::{AddCheckpoint, Answer, Witness};

use crate::error::StoreError;

/// A witness with its memory in a folder: one file a log, named by the hash of its origin.
pub struct WitnessFolder {
    witness: Witness,
    folder: PathBuf,
    one_at_a_time: Mutex<()>,
    _lock: fs::File,
}

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Reply {
    fn text(status: u16, body: String) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}

impl WitnessFolder {
    /// Opens, or begins, the memory of a witness.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] when the folder cannot be made; [`StoreError::Locked`] when another process remembers there.
    pub fn open(witness: Witness, folder: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&folder).map_err(|error| StoreError::File(folder.display().to_string(), "made", error))?;
        let path = folder.join("lock");
        let failed = |error| StoreError::File(path.display().to_string(), "opened", error);
        let lock = fs::File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { witness, folder, one_at_a_time: Mutex::new(()), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked(folder.display().to_string())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Answers `POST /add-checkpoint`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the memory cannot be read or made durable: then nothing is cosigned.
    pub fn add_checkpoint(&self, body: &str, unix_s: u64) -> Result<Reply, StoreError> {
        let _alone = self.one_at_a_time.lock().map_err(|_| StoreError::Stopped)?;
        let origin =
            AddCheckpoint::read(body).and_then(|request| request.checkpoint.text.split('\n').next().map(str::to_owned));
        let latest = match &origin {
            Some(origin) => self.latest(origin)?,
            None => None,
        };
        match self.witness.consider(body, |_| latest.clone(), unix_s) {
            Answer::Cosign { checkpoint, line, note, .. } => {
                self.keep(&checkpoint, &note)?;
                Ok(Reply::text(200, line.to_string()))
            }
            Answer::Refuse { status: 409, size } => {
                Ok(Reply { status: 409, content_type: "text/x.tlog.size", body: format!("{}\n", size.unwrap_or(0)) })
            }
            Answer::Refuse { status, .. } => Ok(Reply::text(status, String::new())),
        }
    }

    /// Answers `GET /<origin hash>/checkpoint`.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] when the memory cannot be read.
    pub fn checkpoint(&self, origin_hash: &str) -> Result<Reply, StoreError> {
        let named = origin_hash.len() == 64 && origin_hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        match if named { read(&self.folder.join(origin_hash))? } else { None } {
            Some(note) => Ok(Reply::text(200, note)),
            None => Ok(Reply::text(404, String::new())),
        }
    }

    /// The checkpoint that was cosigned last. One that cannot be read stops the witness: it is not forgotten.
    fn latest(&self, origin: &str) -> Result<Option<Checkpoint>, StoreError> {
        let path = self.folder.join(file_name(origin));
        let Some(text) = read(&path)? else { return Ok(None) };
        let note: Result<Note, _> = text.parse();
        let checkpoint = note.and_then(|note| note.text.parse::<Checkpoint>());
        checkpoint.map(Some).map_err(|error| StoreError::Integrity(format!("`{}`: {error}", path.display())))
    }

    fn keep(&self, checkpoint: &Checkpoint, note: &Note) -> Result<(), StoreError> {
        let path = self.folder.join(file_name(&checkpoint.origin));
        let partial = path.with_extension("partial");
        let failed = |error| StoreError::File(path.display().to_string(), "written", error);
        fs::write(&partial, note.to_string()).map_err(failed)?;
        fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&partial, &path).map_err(failed)?;
        fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

/// SHA-256 of the origin, in hexadecimal, as the specification names it.
fn file_name(origin: &str) -> String {
    Hash::plain(origin.as_bytes()).to_string()
}

fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::File(path.display().to_string(), "read", error)),
    }
}
