//! The one way to an access: decide, record, and only then a receipt.
//!
//! Invariants: only [`Gate`] makes a [`Permit`] or a [`Receipt`]; neither is `Clone`; each is for one [`Act`] on one
//! target; a [`Verdict`] is no permit. A change and its event are one transaction of the [`Journal`]; a read's event is
//! durable before its receipt exists, except for internal and public bytes while events cannot be written: those are
//! counted, and the count becomes an event as soon as one can be written.
//!
//! Map: [`act`] (actions as types), [`request`] (what is asked), [`verdict`] (what is answered), [`permit`] (permits and
//! receipts), [`journal`] (where it is recorded), [`refusals`] (knocks before sign-in), [`gate`] (the order of it all).

pub mod act;
pub mod gate;
pub mod journal;
pub mod limits;
pub mod permit;
pub mod refusals;
pub mod request;
pub mod verdict;

pub use act::Act;
pub use gate::{Denial, Gate};
pub use journal::{Described, Journal, JournalError, Left, Recorded, Toll};
pub use permit::{Departure, Permit, Receipt};
pub use request::{Facts, Request};
pub use verdict::{Decide, Epoch, Grounds, Refusal, Verdict};
