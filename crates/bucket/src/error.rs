//! Why a bucket was not read, written or copied.

use std::io;

/// Why a bucket was not read, written or copied.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// What names a place or an object is none.
    #[error("{0}")]
    Named(String),
    /// Nobody answered.
    #[error("`{origin}` cannot be reached: {why}")]
    Unreachable {
        /// Who was asked.
        origin: String,
        /// Why.
        why: String,
    },
    /// Who answered refuses.
    #[error("{what}: {code} ({status}): {message}")]
    Refused {
        /// What was asked.
        what: String,
        /// The status of HTTP.
        status: u16,
        /// The code of S3; the status in words where there is none.
        code: String,
        /// What the store says, in its own words.
        message: String,
    },
    /// An answer is not what S3 has.
    #[error("{what}: the answer cannot be used: {why}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An object is not what the list told.
    #[error("`{0}` has changed since it was listed")]
    Changed(String),
    /// A file cannot be read or written.
    #[error("`{path}`: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A list of what was copied is not one, or belongs to another copy.
    #[error("`{path}`: {why}")]
    Journal {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
}

impl BucketError {
    /// Says which file it was.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File { path: path.display().to_string(), error }
    }

    /// Tells whether something is not there.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Tells whether another try may end otherwise.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { status: 429 | 500 | 502 | 503 | 504, .. })
    }
}
