//! The guarded place: buckets, objects, their versions and labels.
//!
//! Invariants: nothing is read, written, hidden or deleted without the gate; plaintext is sealed in memory and reaches no
//! disk; a label is at least that of the bucket, and of what the name led to before; lists show what the one who asks may
//! know of, and nothing else; everything is bounded.
//!
//! Map: [`vault`] (what it rests on, and buckets), `seal` (bytes that come), `digests` (what is hashed of them), [`put`] (writing a version), [`upload`] (writing one in parts), [`get`] (reading
//! one), [`list`], [`remove`] (hiding and deleting), `tags`, [`inspect`] (looking into what was written), `known` (what is recognised in it), [`held`] (what was found in it), [`publish`] (what
//! is public), [`allowances`] (what leaves beyond limits), [`embargoes`] (what is not read before a date), `codenames`, `asking` (what takes other people), `blobs` (sealed bytes in an object store).

pub mod allowances;
mod asking;
mod beside;
mod blobs;
mod codenames;
mod digests;
pub mod embargoes;
pub mod error;
pub mod get;
pub mod held;
pub mod inspect;
mod known;
mod leaving;
pub mod limits;
pub mod list;
pub mod publish;
pub mod put;
pub mod remove;
mod seal;
mod tags;
pub mod upload;
pub mod vault;

pub use allowances::{Bulk, Pace};
pub use asking::Asking;
pub use embargoes::{Closed, Embargoed};
pub use error::VaultError;
pub use get::Got;
pub use held::{Held, Release};
pub use inspect::{Inspector, LookFault, Looking, Wants};
pub use list::{Listed, Page};
pub use publish::{Publishing, Standing, Terms};
pub use put::{Writing, Written};
pub use vault::{Guard, Vault};
