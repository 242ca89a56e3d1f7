//! What can go wrong with keys. No variant holds a secret.

use crate::name::KeyRef;

/// Why a key could not be made, opened or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The wrap does not open: it was made with another key, for another thing, or was changed.
    #[error("the wrap of {0} does not open: it is damaged, or belongs to another key")]
    WrapDoesNotOpen(String),
    /// The key, or its parent, is not here.
    #[error("{0} is not in the key store")]
    Missing(KeyRef),
    /// The receipt allows another target.
    #[error("the receipt is for another version than this wrap")]
    OtherTarget,
    /// The bytes are not what was written: a segment, part, length or label was changed.
    #[error("{0}")]
    NotAuthentic(&'static str),
    /// A stored form is newer than this program.
    #[error("{what} has format {found}; this program reads up to {known}")]
    Newer {
        /// What was read.
        what: &'static str,
        /// The format found.
        found: u8,
        /// The newest format known.
        known: u8,
    },
    /// A stored form cannot be read.
    #[error("{0} cannot be read")]
    Malformed(&'static str),
    /// A bound was reached.
    #[error("{0}")]
    Bound(&'static str),
}
