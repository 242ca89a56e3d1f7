//! What tests stand on: everything that is random or may fail comes from a seed or a command.
//!
//! Map: [`time`] (clocks that are set), [`chance`] (a seeded random source), [`trust`] (policies and a journal for the
//! gate), [`disk`] (a disk under SQLite that fails), [`files`] (an object store that fails), [`fixture`] (installations
//! that earlier programs left), [`postgres`] (a server that is killed, a wire that is cut), [`passkey`] (an
//! authenticator in memory).

pub mod chance;
pub mod disk;
pub mod files;
pub mod fixture;
pub mod passkey;
pub mod postgres;
pub mod time;
pub mod trust;

pub use chance::{Chance, each_seed, seeds};
pub use disk::{Disk, Plan};
pub use files::FaultyFiles;
pub use passkey::SoftPasskey;
pub use time::{SetClock, TurnedClock};
pub use trust::{Deciding, MemoryJournal};
