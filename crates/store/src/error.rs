//! What can go wrong with stored state.

use cordon_gate::JournalError;
use cordon_keys::{KeyError, ProviderError};
use cordon_ledger::entry::EntryError;
use cordon_ledger::note::NoteError;
use cordon_ledger::publish::PublishError;

/// Why state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not do what it is asked.
    #[error("the database `{0}` cannot be used: {1}")]
    Database(&'static str, rusqlite::Error),
    /// The database server does not do what it is asked, or cannot be asked.
    #[error("the database server cannot be used: {0}")]
    Server(crate::sql::ServerError),
    /// Files cannot be read or written.
    #[error("`{0}` cannot be {1}: {2}")]
    File(String, &'static str, std::io::Error),
    /// Files of the log cannot be read or written.
    #[error("the log cannot be {0}: {1}")]
    Log(&'static str, object_store::Error),
    /// What is stored contradicts itself, or what was signed.
    #[error("{0}")]
    Integrity(String),
    /// The state is not what the change was made for.
    #[error("{0}")]
    Conflict(String),
    /// It was not kept.
    #[error("{0}")]
    Unknown(String),
    /// Another process uses this data.
    #[error("another process uses `{0}`")]
    Locked(String),
    /// The stored format is newer than this program.
    #[error("`{what}` has format {found}; this program reads up to {known}")]
    Newer {
        /// What was opened.
        what: &'static str,
        /// The format found.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// Nothing is here yet, or something is here already.
    #[error("{0}")]
    Place(String),
    /// A key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The root key's provider does not answer, or answers wrongly.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// An entry could not be made or read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Nothing may be signed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A note or a key of notes.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The writer has stopped.
    #[error("the writer of the database has stopped")]
    Stopped,
}

impl StoreError {
    /// Tells whether stored bytes are damaged: nothing is signed or opened over that.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Integrity(_) | Self::Publish(_) => true,
            Self::Database(_, error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ),
            _ => false,
        }
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(what) => Self::Conflict(what),
            // This event can never be recorded: nothing goes on without it, at any level.
            StoreError::Entry(error) => Self::Conflict(error.to_string()),
            error if error.is_integrity() => Self::Integrity(error.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}
