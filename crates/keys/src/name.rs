//! Names of keys in the tree.

use std::fmt;

use cordon_domain::{BucketId, Level, PrincipalId};
use minicbor::{Decode, Encode};

/// What a key that hangs on the root alone is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// MACs of rows that decide.
    #[n(0)]
    Rows,
    /// Events of the ledger.
    #[n(1)]
    Events,
    /// Blind indexes over events.
    #[n(2)]
    Index,
    /// Parent of the keys of persons.
    #[n(3)]
    Subjects,
    /// Signs checkpoints of the ledger.
    #[n(4)]
    LogSigning,
    /// Signs sessions.
    #[n(5)]
    Sessions,
    /// Signs access keys, and makes their secrets.
    #[n(6)]
    AccessKeys,
    /// Signs what nodes ask each other.
    #[n(7)]
    Nodes,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 8] = [
        Self::Rows,
        Self::Events,
        Self::Index,
        Self::Subjects,
        Self::LogSigning,
        Self::Sessions,
        Self::AccessKeys,
        Self::Nodes,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Events => "events",
            Self::Index => "index",
            Self::Subjects => "subjects",
            Self::LogSigning => "log-signing",
            Self::Sessions => "sessions",
            Self::AccessKeys => "access-keys",
            Self::Nodes => "nodes",
        }
    }
}

/// Names a key; its versions are the same key at different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum KeyName {
    /// The key of a level. Hangs on the root.
    #[n(0)]
    Level(#[n(0)] Level),
    /// The key of one level in one bucket. Hangs on the key of the level.
    #[n(1)]
    Bucket(#[n(0)] BucketId, #[n(1)] Level),
    /// A key of Cordon's own. Hangs on the root.
    #[n(2)]
    Purpose(#[n(0)] Purpose),
    /// The key of what identifies a person. Hangs on [`Purpose::Subjects`].
    #[n(3)]
    Subject(#[n(0)] PrincipalId),
}

impl KeyName {
    /// Returns the key that wraps this one; `None` means the root.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Level(_) | Self::Purpose(_) => None,
            Self::Bucket(_, level) => Some(Self::Level(level)),
            Self::Subject(_) => Some(Self::Purpose(Purpose::Subjects)),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => write!(f, "level/{level}"),
            Self::Bucket(bucket, level) => write!(f, "bucket/{bucket}/{level}"),
            Self::Purpose(purpose) => write!(f, "own/{}", purpose.as_str()),
            Self::Subject(subject) => write!(f, "subject/{subject}"),
        }
    }
}

/// One version of a key. Versions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct KeyRef {
    /// The key.
    #[n(0)]
    pub name: KeyName,
    /// The version.
    #[n(1)]
    pub version: u32,
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}
