//! What tests stand on: everything that is random or may fail comes from a seed or a command.
//!
//! Map: [`time`] (a clock that is set), [`chance`] (a seeded random source), [`trust`] (policies and a journal for the
//! gate), [`disk`] (a disk under SQLite that fails), [`files`] (an object store that fails), [`fixture`] (installations
//! that earlier programs left), [`postgres`] (a server that is killed, a wire that is cut).

pub mod chance;
pub mod disk;
pub mod files;
pub mod fixture;
pub mod postgres;
pub mod time;
pub mod trust;

pub use chance::Chance;
pub use disk::{Disk, Plan};
pub use files::FaultyFiles;
pub use time::SetClock;
pub use trust::{Deciding, MemoryJournal};
