//! Containers and documents to texts, within bounds.
//!
//! Invariants: pure (readers and bytes come in, parts go out); nothing found in a file is executed or unpickled; every
//! loop over foreign data has a bound in [`limits`]; what could not be read is an error that names the format, never
//! an empty success.
//!
//! Map: [`detect`] knows formats by content, and [`encrypted`] what nobody reads; [`stream`] undoes compression; [`archive`] lists entries; [`document`]
//! takes text out of documents, by [`office`], [`pdf`], [`mail`], [`markup`], [`notebook`], [`sqlite`], [`model`].

#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by panicking"))]

pub mod archive;
pub mod detect;
pub mod document;
mod encrypted;
pub mod limits;
mod mail;
mod markup;
mod model;
mod notebook;
mod office;
mod pdf;
mod sqlite;
pub mod stream;

pub use archive::{Entry, ReadSeek};
pub use detect::{Format, detect};
pub use document::{Document, document};
pub use encrypted::encrypted;

/// Tells why a container or document gave less than all it holds.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The bytes are not what their beginning says.
    #[error("{format} is damaged: {cause}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// What the parser says.
        cause: String,
    },
    /// The content is encrypted.
    #[error("{0} is encrypted")]
    Encrypted(&'static str),
    /// A bound of [`limits`] was reached.
    #[error("{0}")]
    Limit(String),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Read(#[from] std::io::Error),
}

impl ExtractError {
    pub(crate) fn damaged(format: &'static str, cause: impl ToString) -> Self {
        Self::Damaged { format, cause: cause.to_string() }
    }
}
