//! What tests stand on: everything that is random or may fail comes from a seed or a command.
//!
//! Map: [`time`] (a clock that is set), [`chance`] (a seeded random source), [`trust`] (policies and a journal for the
//! gate).

pub mod chance;
pub mod time;
pub mod trust;

pub use chance::Chance;
pub use time::SetClock;
pub use trust::{Deciding, MemoryJournal};
