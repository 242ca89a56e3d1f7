//! C2SP tlog-checkpoint and tlog-cosignature: what a log, and its witnesses, state of the tree.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::limits::TREE_SIZE_MAX;
use crate::note::{Algorithm, Note, NoteError, SignatureLine, Signer, Verifier, decode_base64, encode_base64};
use crate::tile::decimal;

/// Origin, size and root of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identifies the log.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Further lines, which mean nothing here.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Reads the checkpoint of a note, once the log's signature on it is verified.
    ///
    /// # Errors
    ///
    /// [`NoteError`] when the signature is missing or forged, or the text is no checkpoint.
    pub fn open(note: &Note, log: &Verifier) -> Result<Self, NoteError> {
        match log.algorithm {
            Algorithm::Ed25519 => {
                note.verify(log)?;
                note.text.parse()
            }
            Algorithm::CosignatureEd25519 | Algorithm::CosignatureMlDsa44 => {
                let checkpoint: Self = note.text.parse()?;
                checkpoint.cosigned_at(note, log)?;
                Ok(checkpoint)
            }
        }
    }

    /// Signs the checkpoint as the log.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> Note {
        Note::sign(self.to_string(), signer)
    }

    /// Signs the checkpoint as a witness that saw it at `unix_s`, and no larger one of this log before.
    ///
    /// # Errors
    ///
    /// [`NoteError::Key`] when the key is not for cosignatures.
    pub fn cosign(&self, signer: &Signer, unix_s: u64) -> Result<SignatureLine, NoteError> {
        if signer.verifier().algorithm != Algorithm::CosignatureEd25519 {
            return Err(NoteError::Key("this key signs texts, not checkpoints"));
        }
        let signature = signer.sign_raw(&self.ed25519_message(&self.to_string(), unix_s));
        Ok(signer.line([&unix_s.to_be_bytes(), signature.as_slice()].concat()))
    }

    /// Verifies a witness's signature and returns when it was made, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`NoteError`] when it is missing or forged.
    pub fn cosigned_at(&self, note: &Note, witness: &Verifier) -> Result<u64, NoteError> {
        let forged = || NoteError::Forged(witness.name.to_string());
        let stamped = witness.signature(note)?;
        let (time, signature) = stamped.split_first_chunk::<8>().ok_or_else(forged)?;
        let unix_s = u64::from_be_bytes(*time);
        if unix_s > i64::MAX as u64 {
            return Err(forged());
        }
        let message = match witness.algorithm {
            Algorithm::CosignatureEd25519 => self.ed25519_message(&note.text, unix_s),
            Algorithm::CosignatureMlDsa44 => self.ml_dsa_message(witness.name.as_str(), unix_s).ok_or_else(forged)?,
            Algorithm::Ed25519 => return Err(NoteError::Key("this key signs texts, not checkpoints")),
        };
        if witness.verifies(&message, signature) { Ok(unix_s) } else { Err(forged()) }
    }

    fn ed25519_message(&self, text: &str, unix_s: u64) -> Vec<u8> {
        format!("cosignature/v1\ntime {unix_s}\n{text}").into_bytes()
    }

    /// `None` when a name has not 1 to 255 bytes.
    fn ml_dsa_message(&self, witness: &str, unix_s: u64) -> Option<Vec<u8>> {
        let framed = |text: &str| {
            let length = u8::try_from(text.len()).ok().filter(|&length| length > 0)?;
            Some([&[length], text.as_bytes()].concat())
        };
        let parts: [&[u8]; 7] = [
            b"subtree/v1\n\0",
            &framed(witness)?,
            &unix_s.to_be_bytes(),
            &framed(&self.origin)?,
            &0u64.to_be_bytes(),
            &self.size.to_be_bytes(),
            &self.root.0,
        ];
        Some(parts.concat())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, encode_base64(&self.root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("its text is no checkpoint: origin, size, root");
        let lines = text.strip_suffix('\n').ok_or(malformed.clone())?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(malformed.clone())?;
        let size = lines.next().and_then(decimal).filter(|&size| size <= TREE_SIZE_MAX).ok_or(malformed.clone())?;
        let root = lines.next().and_then(decode_base64).and_then(|root| root.try_into().ok());
        let root = Hash(root.ok_or(malformed.clone())?);
        if size == 0 && root != Hash::of_empty_tree() {
            return Err(NoteError::Malformed("a tree without leaves has the root of nothing"));
        }
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(malformed);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}
