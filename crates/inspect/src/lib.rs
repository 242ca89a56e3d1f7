//! Texts and bytes to findings, in one pass.
//!
//! Invariants: pure (no file, clock, network, environment); nothing is allocated per byte; a secret leaves only as a
//! keyed identifier and a masked excerpt; a filter lowers confidence, it does not drop.
//!
//! Map: [`engine`] drives over the rules of `catalogue`; [`anchor`] finds where rules could match, [`search`] judges
//! those places, [`settle`] makes matches of them; [`change`] says what a text shares with the one it was made from;
//! [`rule`], [`rules`] and [`named`] hold what providers issue, [`pattern`] how it is matched; [`assign`] reads names with values and [`value`] judges
//! them; [`checks`] and [`capability`] prove and explain; [`marking`], [`codename`], [`copy`] (on [`fold`] and
//! [`winnow`]), [`personal`] and [`weights`] find the rest; [`decode`] undoes encodings; [`excerpt`] masks; [`custom`]
//! reads users' rules; bounds stand in [`limits`].

#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by panicking"))]

mod anchor;
mod assign;
mod capability;
mod catalogue;
pub mod change;
mod checks;
pub mod codename;
pub mod copy;
pub mod custom;
pub mod decode;
pub mod engine;
mod excerpt;
pub mod fold;
pub mod hints;
mod hit;
pub mod limits;
mod marking;
mod named;
mod pattern;
mod personal;
pub mod rule;
mod rules;
pub mod search;
mod settle;
mod value;
pub mod weights;
pub mod winnow;

pub use catalogue::Info;
pub use change::{Change, Copied, Part};
pub use codename::Codename;
pub use copy::{Index, Known};
pub use engine::{Config, Engine, Identity, Match, Piece, Scratch};
pub use fold::Folded;
pub use hints::{Hints, Syntax};
pub use search::{Base, Trace};
pub use weights::weights_format;
pub use winnow::Printer;
