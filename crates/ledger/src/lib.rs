//! The tamper-evident log, without I/O: events in; entries, tiles, checkpoints and proofs out.
//!
//! Invariants: an entry is exactly the bytes that were hashed; what the log publishes names no person, bucket, object or
//! project; whoever holds the log and its public key can verify all of it offline; nothing is signed that is shorter
//! than, or differs from, what was signed before.
//!
//! Map: [`hash`] and [`proof`] (RFC 6962), [`tile`] (C2SP tlog-tiles), [`note`] and [`checkpoint`] (signed-note,
//! tlog-checkpoint, tlog-cosignature), [`tlog_proof`], [`witness`]; [`entry`], [`payload`] and [`index`] (sealed events,
//! what stands beside them, blind indexes), [`publish`] (what to write and sign, in which order), [`audit`] (the walk),
//! [`ocsf`] (events for others).

pub mod audit;
pub mod checkpoint;
pub mod entry;
pub mod hash;
pub mod index;
pub mod limits;
pub mod note;
pub mod ocsf;
pub mod payload;
pub mod proof;
pub mod publish;
pub mod tile;
pub mod tlog_proof;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use entry::{EventKey, SubjectKey};
pub use hash::Hash;
pub use note::{Note, Signer, Verifier};
