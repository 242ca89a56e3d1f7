//! Why nothing was read, written or found.

use cordon_domain::bucket::{NotABucketName, NotAnObjectKey};
use cordon_gate::{Denial, JournalError, Refusal};
use cordon_keys::KeyError;
use cordon_store::StoreError;

/// Why nothing was read, written or found.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such bucket, or none that the one who asks may know of.
    #[error("there is no such bucket")]
    NoBucket,
    /// There is no such object, or none that the one who asks may know of.
    #[error("there is no such object")]
    NoObject,
    /// There is no such upload: it was finished or given up, took too long, is another's, or its node has ended.
    #[error("there is no such upload: it has ended, or is another's")]
    NoUpload,
    /// Parts do not make an object.
    #[error("{0}")]
    Parts(PartsFault),
    /// The policies refuse it.
    #[error("refused: {}", .0.missing.join("; "))]
    Refused(Refusal),
    /// Nobody has looked into it yet; they could read it then.
    #[error("it was written a moment ago, and is still being inspected")]
    Pending,
    /// What was asked to hold does not.
    #[error("{0}")]
    Precondition(&'static str),
    /// Something else happened meanwhile.
    #[error("{0}")]
    Conflict(String),
    /// It is larger, longer or more than may be.
    #[error("{0}")]
    Bound(&'static str),
    /// What was sent broke off, or is not what it said.
    #[error("what was sent cannot be taken: {0}")]
    Sent(String),
    /// Events, or bytes, cannot be written or read now.
    #[error("this cannot be done now: {0}")]
    Unavailable(String),
    /// What is stored was changed beside Cordon.
    #[error("{0}")]
    Integrity(String),
    /// A bucket's name.
    #[error(transparent)]
    BucketName(#[from] NotABucketName),
    /// An object's name.
    #[error(transparent)]
    Key(#[from] NotAnObjectKey),
}

impl VaultError {
    /// Tells whether nothing was done: of a commit that did not answer that is not known.
    pub(crate) const fn says_no(&self) -> bool {
        !matches!(self, Self::Unavailable(_) | Self::Integrity(_))
    }
}

/// Why parts do not make an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartsFault {
    /// One is not there, or is another than is said.
    #[error("a part is not there, or is another")]
    Missing,
    /// Their numbers do not grow.
    #[error("the numbers of parts grow")]
    Order,
    /// One that is not the last is too short.
    #[error("a part that is not the last has at least 5 MiB")]
    Small,
    /// A number is none that a part may have.
    #[error("parts are numbered from 1 to 10,000")]
    Number,
}

impl From<Denial> for VaultError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Refused(refusal) if refusal.hidden => Self::NoObject,
            Denial::Refused(refusal) => Self::Refused(refusal),
            Denial::NotRecorded(JournalError::Conflict(what)) => Self::Conflict(what),
            Denial::NotRecorded(JournalError::Integrity(what)) => Self::Integrity(what),
            denial @ (Denial::OtherChange | Denial::NotRecorded(_)) => Self::Unavailable(denial.to_string()),
        }
    }
}

impl From<JournalError> for VaultError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Limit { missing, ask } => {
                Self::Refused(Refusal { missing: vec![missing], ask, hidden: false })
            }
            error => Denial::NotRecorded(error).into(),
        }
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Self::Conflict(what),
            error if error.is_integrity() => Self::Integrity(error.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Bound(what) => Self::Bound(what),
            error => Self::Integrity(error.to_string()),
        }
    }
}

impl From<object_store::Error> for VaultError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Integrity("bytes of a version are missing".to_owned()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}
