//! Buckets of other stores, by their S3 endpoint: read, written, and copied whole.
//!
//! An organisation comes with buckets, and may leave with them. This crate asks an endpoint ([`Client`], [`Place`]), reads what
//! is in a bucket ([`Bucket`], [`Names`]), and copies it ([`Copy`]) into another one or into a [`Folder`], written down in a
//! [`Journal`] so that it goes on where it broke off.
//!
//! Invariants: a version is copied as its list told it (its length, its tag) or not at all; versions of a name are copied in
//! their order; what is written down is in its place; a file lies within its folder, whatever its object is called.

pub mod answers;
mod bucket;
mod client;
mod copy;
mod error;
mod folder;
mod journal;
pub mod limits;
mod names;
mod place;
mod put;
mod survey;

pub use crate::answers::Version;
pub use crate::bucket::{Bucket, Gets, Keeps, Said, Strangers, Versioning, Whose};
pub use crate::client::Client;
pub use crate::copy::{Compared, Copy, Sink, Tally, Told};
pub use crate::error::BucketError;
pub use crate::folder::Folder;
pub use crate::journal::{Copied, Course, Journal};
pub use crate::names::{Name, Names};
pub use crate::place::{Key, Place, Plain};
pub use crate::survey::Survey;
