//! The network edge: pages and JSON to sign in, to take keys and to approve, and what nodes ask each other.
//!
//! Invariants: a request reaches a handler through the table of [`route`] alone, which says who may come; what identifies a
//! request's origin (address, host, scheme) is the connection and the settings, never a header of a stranger; everything
//! is bounded; a request in flight ends when what it came with counts no more; answers carry one strict policy for
//! browsers.
//!
//! Map: [`node`] (what a running node has), [`serve`] (connections, and what runs beside them), [`route`] (the table),
//! [`asked`] (a request, and who it is), [`reply`] (answers and refusals), [`flights`] (requests in flight), `pages`,
//! `sign_in`, `welcome`, `login`, `keys`, `approvals`, `held`, `publications` (handlers), `published` (what anyone reads), `strangers` (how much of it), `consent` (what takes other
//! people), [`purge`] (who removes copies), `metrics` (numbers for whoever watches), `stall` (whoever stops reading), [`tls`] (the way to it is encrypted), `inspectors` (worker processes that look into what is written), [`peers`] (nodes that ask each other).

mod allowances;
mod approvals;
pub mod asked;
mod consent;
mod embargoes;
mod emergencies;
pub mod flights;
mod guarded;
mod held;
mod inspectors;
mod keys;
pub mod limits;
mod login;
mod metrics;
pub mod node;
mod pages;
pub mod peers;
mod provider;
mod publications;
mod published;
pub mod purge;
pub mod reply;
pub mod route;
pub mod s3;
pub mod serve;
mod sign_in;
mod stall;
mod strangers;
pub mod tls;
mod welcome;

pub use node::{Node, Settings};
pub use purge::PurgeHook;
pub use serve::{Doors, serve};
pub use tls::{CertificateFiles, Tls};
