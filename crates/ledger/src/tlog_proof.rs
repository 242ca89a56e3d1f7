//! C2SP tlog-proof: one entry, its place, the way to the root, the signed checkpoint, in one file.
//!
//! The entry itself stands in the `extra` line, so that the file needs nothing beside it but the log's key.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::limits::{ENTRY_BYTES_MAX, PROOF_FILE_BYTES_MAX, PROOF_HASHES_MAX};
use crate::note::{Note, NoteError, Verifier, decode_base64, encode_base64};
use crate::proof::{ProofError, verify_inclusion};
use crate::tile::decimal;

const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// A proof as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// The entry.
    pub entry: Option<Vec<u8>>,
    /// Its index.
    pub index: u64,
    /// The hashes from its sibling up to a child of the root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a proof file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// It has not the form.
    #[error("this is no tlog-proof: {0}")]
    Malformed(&'static str),
    /// It holds no entry.
    #[error("the proof holds no entry in its `extra` line")]
    NoEntry,
    /// The checkpoint is not that of the log.
    #[error(transparent)]
    Checkpoint(#[from] NoteError),
    /// The checkpoint is that of another log.
    #[error("the proof is of the log `{0}`, and the key is not its own")]
    OtherLog(String),
    /// The hashes do not lead from the entry to the root.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

impl LogProof {
    /// Verifies that the entry in the file is in the log whose key is `log`.
    ///
    /// # Errors
    ///
    /// [`LogProofError`] saying what does not hold.
    pub fn verify(&self, log: &Verifier) -> Result<(&[u8], Checkpoint), LogProofError> {
        let entry = self.entry.as_deref().ok_or(LogProofError::NoEntry)?;
        let checkpoint = Checkpoint::open(&self.checkpoint, log)?;
        // A witness signs checkpoints of many logs: its key says nothing of which one was asked for.
        if checkpoint.origin != log.name.as_str() {
            return Err(LogProofError::OtherLog(checkpoint.origin));
        }
        verify_inclusion(Hash::leaf(entry), self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok((entry, checkpoint))
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        if let Some(entry) = &self.entry {
            writeln!(f, "extra {}", encode_base64(entry))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", encode_base64(&hash.0)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    fn from_str(text: &str) -> Result<Self, LogProofError> {
        let malformed = LogProofError::Malformed;
        if text.len() > PROOF_FILE_BYTES_MAX {
            return Err(malformed("it is too large"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("no empty line stands before its checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEAD) {
            return Err(malformed("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let entry = match extra.and_then(|line| line.strip_prefix("extra ")) {
            Some(encoded) => {
                let bytes = decode_base64(encoded).filter(|bytes| bytes.len() <= ENTRY_BYTES_MAX);
                Some(bytes.ok_or(malformed("its extra line is not base64 of at most 65,535 bytes"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(malformed("its index line is missing"))?;
        let hashes = lines.map(|line| decode_base64(line).and_then(|bytes| bytes.try_into().ok()).map(Hash));
        let hashes = hashes.take(PROOF_HASHES_MAX + 1).collect::<Option<Vec<_>>>();
        let hashes = hashes.filter(|hashes| hashes.len() <= PROOF_HASHES_MAX);
        let hashes = hashes.ok_or(malformed("its hashes are not at most 63 of 32 bytes"))?;
        Ok(Self { entry, index, hashes, checkpoint: checkpoint.parse()? })
    }
}
