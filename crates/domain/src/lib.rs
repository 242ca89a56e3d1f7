//! The words of Cordon as types.
//!
//! Invariants: an unknown [`Level`] is [`Level::Restricted`]; a [`FindingId`] is a keyed hash, so a report never lets
//! a reader test guesses at a secret without the key; nothing here reads a file, a clock or the environment.
//!
//! Map: [`level`] (levels), [`finding`] (kinds, severities, confidences, findings, locations), [`identity`] (finding
//! identifiers and the key that makes them), [`civil`] (the day, as an argument).

pub mod civil;
pub mod finding;
pub mod identity;
pub mod level;

pub use civil::Today;
pub use finding::{Confidence, Finding, Kind, Location, Severity, Space};
pub use identity::{FindingId, IdKey, KeyName};
pub use level::Level;
