//! The words of Cordon as types.
//!
//! Invariants: an unknown [`Level`] is [`Level::Restricted`]; a [`FindingId`] is a keyed hash, so a report never lets
//! a reader test guesses at a secret without the key; an [`Event`] names people only in its [`Personal`] part; nothing
//! here reads a file, a clock, random bytes or the environment.
//!
//! Map: [`level`] and [`label`] (what a byte carries), [`demand`] (what a level demands), [`principal`], [`network`] and
//! [`reach`] (where addresses are), [`grant`], [`asked`] (who may do what), [`publication`], [`allowance`], [`embargo`] (what leaves beyond that,
//! and what does not before a date), [`bucket`] and [`guarding`] (where things are, and how strictly they are kept), [`codename`], [`record`] and [`roster`] (what decisions rest on), [`finding`] (kinds,
//! severities, confidences, findings, locations), [`inspection`] (what is known of a version by looking into it), [`known`] (by what copies of it are recognised), [`identity`] (finding identifiers and the key that makes them), [`id`]
//! (identifiers of everything else), [`action`] and [`event`] (what happens and how it is recorded), [`time`] (moments;
//! clock and entropy as arguments), [`civil`] (the day, as an argument).

pub mod action;
pub mod allowance;
pub mod asked;
pub mod bucket;
pub mod civil;
pub mod codename;
pub mod credential;
pub mod demand;
pub mod egress;
pub mod embargo;
pub mod event;
pub mod finding;
pub mod grant;
pub mod guarding;
pub mod id;
pub mod identity;
pub mod inspection;
pub mod known;
pub mod label;
pub mod level;
pub mod limits;
pub mod network;
pub mod principal;
pub mod publication;
pub mod reach;
pub mod record;
pub mod roster;
pub mod time;

pub use action::Action;
pub use allowance::Allowance;
pub use asked::{Approval, Asked, AskedHash, Emergency};
pub use bucket::{Bucket, BucketName, Buckets, ObjectKey, Versioning};
pub use civil::Today;
pub use codename::{Codeword, KnownName};
pub use credential::{Credential, CredentialKind, Revoked};
pub use demand::{Demand, Levels};
pub use egress::{Charge, Egress, Payer, Window};
pub use embargo::Embargo;
pub use event::{Actor, Event, Outcome, Payload, Personal, PrincipalKind, Target};
pub use finding::{Confidence, Finding, Kind, Location, Severity, Space};
pub use grant::{Grant, Role, Scope};
pub use guarding::{Etags, Guarding, Mode};
pub use id::{
    AllowanceId, AskId, BucketId, CodenameId, CredentialId, DeviceId, EmbargoId, EmergencyId, GrantId, NodeId,
    PrincipalId, PublicationId, RequestId, VendorId, VersionId,
};
pub use identity::{FindingId, IdKey, KeyName};
pub use inspection::{Found, Inspected, Inspection, Looked, Released};
pub use known::{ContentDigest, Knowledge, Known, Original, Prints, Seen};
pub use label::{Label, Origin, Project};
pub use level::Level;
pub use network::Network;
pub use principal::{Device, Factor, Principal, UserName, Vendor};
pub use publication::Publication;
pub use reach::Reach;
pub use record::{Policies, Record, RecordKey, Step, Steps};
pub use roster::Roster;
pub use time::{Clock, Entropy, Moment};
