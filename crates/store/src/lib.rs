//! Where state lives: events and objects in SQLite or PostgreSQL, wrapped keys apart, the published log in files.
//!
//! Invariants: an event, and the change that it records, are durable before anyone is told, or neither is there; a row
//! that decides carries a MAC, and one that was changed beside Cordon locks what it is about; nothing is signed that is
//! shorter than, or differs from, what was signed before; keys lie in a folder of their own, wrapped.
//!
//! Map: [`installation`] (folders, creation, opening), [`writer`] (the journal: one thread, group commit), `events` (who
//! gives them positions), [`change`] (what can be changed), [`read`] and `segment` (search), [`log`] (tiles and
//! checkpoints), [`keystore`] and [`keyring`] (wrapped keys, open keys), [`care`] and [`certificate`] (rotation,
//! rewrapping, shredding, erasing), [`backup`] and `copy`, [`witness`] (for logs of others), [`unlock`], [`providers`] and
//! [`pkcs11`] (the root), [`rows`], [`records`], [`entries`], [`inspections`], `labels`, `steps` and `state` (rows that decide), [`identities`] (ways to sign in, and
//! what it gives), [`follow`] (what decisions rest on, kept up), [`rebuild`] (the same from the
//! log), [`schema`], [`sql`] (both databases).

pub mod backup;
pub mod care;
pub mod certificate;
pub mod change;
mod copy;
pub mod direct;
pub mod edge;
mod egress;
pub mod entries;
pub mod error;
mod events;
pub mod follow;
pub mod found;
mod gather;
mod groups;
pub mod identities;
pub mod inspections;
pub mod installation;
pub mod keyring;
pub mod keystore;
mod labels;
pub mod limits;
pub mod listing;
pub mod log;
pub mod pkcs11;
pub mod prints;
pub mod providers;
pub mod read;
pub mod rebuild;
pub mod records;
pub mod rows;
pub mod schema;
mod segment;
pub mod sql;
mod state;
mod steps;
pub mod unlock;
mod uses;
pub mod witness;
pub mod writer;

pub use change::{Change, NewName};
pub use entries::{Entry, NewVersion};
pub use error::StoreError;
pub use follow::Follower;
pub use identities::{Access, Authenticator, AuthenticatorStep, Server};
pub use installation::{Installation, KitShape, New, Places};
pub use log::Sequencer;
pub use read::{Reader, Search};
pub use rebuild::Versions;
pub use records::Records;
pub use rows::{ObjectRow, Stamp};
pub use sql::{Address, Database};
pub use writer::Writer;
