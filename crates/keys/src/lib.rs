//! The key tree, the envelope, the stream, and who holds the root.
//!
//! ```text
//! root -> one key per level, versioned -> one per (bucket, level), versioned -> one data key per object version
//!      -> Cordon's own keys (rows, events, index, log signing), subjects -> one per person
//! ```
//!
//! Invariants: a secret is never printed, copied or encoded, and is wiped when dropped; what is wrapped is bound to what
//! it is for; a data key of a stored object opens only against a receipt; rotation, relabelling and shredding wrap keys
//! anew and touch no object; every stored form begins with a version. Random bytes come in as arguments; files, tokens
//! and clocks are the edge's.
//!
//! Map: [`secret`], [`name`], [`wrap`], [`tree`], [`rotation`], [`envelope`] (data keys), [`content`] (what equal contents are known by), [`manifest`], [`stream`]
//! (Tink streaming AEAD), [`provider`] (the root's holder) with [`local`] and [`recovery`].

pub mod content;
pub mod envelope;
pub mod error;
pub mod limits;
pub mod local;
pub mod manifest;
pub mod name;
pub mod provider;
pub mod recovery;
pub mod rotation;
pub mod secret;
pub mod stream;
pub mod tree;
pub mod wrap;

pub use content::{ContentHasher, ContentKey, ContentSum};
pub use envelope::{Belongs, BucketKey, DataKey, Opened, Rewrapped, WrappedDataKey};
pub use error::KeyError;
pub use manifest::{Manifest, Part};
pub use name::{KeyName, KeyRef, Purpose};
pub use provider::{ProviderError, RootProvider, WrappedRoot};
pub use rotation::Due;
pub use secret::Secret;
pub use tree::{Root, StoredKey, Unlocked};
