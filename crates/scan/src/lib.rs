//! Sources to findings.
//!
//! Invariants: nothing that is scanned is trusted (no configuration, rule or exclusion is taken from it, nothing in it
//! runs); a report accounts for all it was given; raw secrets are never stored, printed or logged.
//!
//! Map: [`files`], [`git`] and [`web`] are sources; [`reader`] opens containers and inspects texts, with [`worker`] and
//! [`sandbox`] around parsers that are not ours; [`looking`] does the same for the vault, in a worker as a whole; [`report`] gathers; [`baseline`], [`config`],
//! [`fingerprints`] and [`kept`] are what stays between runs, [`handed`] is what a vault hands out to be recognised; bounds stand in [`limits`].

#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by panicking"))]

pub mod baseline;
pub mod config;
pub mod files;
pub mod fingerprints;
pub mod git;
pub mod handed;
pub mod kept;
pub mod limits;
pub mod looking;
pub mod reader;
pub mod report;
pub mod sandbox;
pub mod tally;
pub mod web;
mod wide;
pub mod worker;

pub use looking::{Asked, LookError, Looker, Told};
pub use reader::{Origin, Reader, Sink};
pub use report::{Collector, Reported, Summary};
pub use tally::Tally;
pub use worker::Worker;
