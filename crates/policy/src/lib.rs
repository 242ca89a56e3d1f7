//! Who may do what, why, and what would change it.
//!
//! Invariants: what no policy allows is denied; what a policy forbids is denied whatever allows it; a policy that errs
//! denies; a slice of the policies decides as all of them do; who asks for something that they could list in no
//! circumstances does not learn that it exists.
//!
//! Map: [`decide`] (the decision, and what is missing), [`snapshot`] (roster and policies at one moment), [`rule`] and
//! `book` (policies, and the slice a question needs), `sight` (what they see of it), [`words`] (schema and pack), [`circumstances`] (how it is asked),
//! [`possible`] (in which circumstances it would be allowed), [`explain`] (what would change it), [`who`] (who may), [`cases`] (tests of policies), [`matrix`]
//! (what the pack comes to),
//! [`operator`] (the person at the machine), [`itself`] (Cordon itself), `groups` (roles of an organisation's groups), `published` (requests
//! without credentials).

mod book;
pub mod cases;
pub mod circumstances;
pub mod decide;
#[cfg(test)]
mod decisions;
pub mod explain;
mod groups;
pub mod itself;
pub mod limits;
pub mod matrix;
pub mod operator;
pub mod possible;
#[cfg(test)]
mod proofs;
mod published;
pub mod rule;
mod sight;
pub mod snapshot;
pub mod who;
pub mod words;

pub use circumstances::Circumstances;
pub use decide::{Policies, Unlisted, duration};
pub use explain::Explanation;
pub use itself::Itself;
pub use operator::LocalOperator;
pub use possible::Conditions;
pub use rule::{PolicyError, check};
pub use snapshot::Snapshot;
pub use who::{Census, May};

/// A map by identifiers and by what they look like to policies, none of which a stranger chooses.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
