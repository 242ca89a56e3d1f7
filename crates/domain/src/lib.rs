//! The words of Cordon as types.
//!
//! Invariants: an unknown [`Level`] is [`Level::Restricted`]; a [`FindingId`] is a keyed hash, so a report never lets
//! a reader test guesses at a secret without the key; an [`Event`] names people only in its [`Personal`] part; nothing
//! here reads a file, a clock, random bytes or the environment.
//!
//! Map: [`level`] and [`label`] (what a byte carries), [`finding`] (kinds, severities, confidences, findings,
//! locations), [`identity`] (finding identifiers and the key that makes them), [`id`] (identifiers of everything
//! else), [`action`] and [`event`] (what happens and how it is recorded), [`time`] (moments; clock and entropy as
//! arguments), [`civil`] (the day, as an argument).

pub mod action;
pub mod civil;
pub mod event;
pub mod finding;
pub mod id;
pub mod identity;
pub mod label;
pub mod level;
pub mod limits;
pub mod time;

pub use action::Action;
pub use civil::Today;
pub use event::{Actor, Event, Outcome, Payload, Personal, PrincipalKind, Target};
pub use finding::{Confidence, Finding, Kind, Location, Severity, Space};
pub use id::{BucketId, CredentialId, DeviceId, GrantId, NodeId, PrincipalId, RequestId, VersionId};
pub use identity::{FindingId, IdKey, KeyName};
pub use label::{Label, Origin, Project};
pub use level::Level;
pub use time::{Clock, Entropy, Moment};
