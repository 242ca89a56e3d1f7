//! Where decisions are recorded.

use std::future::Future;

use cordon_domain::{Action, Charge, Event, Target};

use crate::act::{Act, Changes};
use crate::permit::Permit;
use crate::verdict::Epoch;

/// Says that an event is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its position in the log, where the journal assigns it at once.
    pub position: Option<u64>,
    /// RFC 6962 leaf hash of its entry, by which a proof can be asked for.
    pub leaf_hash: [u8; 32],
}

/// Why an event could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Something was revoked after the decision: decide again.
    #[error("the decision rests on revocation epoch {seen:?}, which is past")]
    Stale {
        /// The epoch that the decision saw.
        seen: Epoch,
    },
    /// The state is no longer what the change was made for; nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// Events cannot be written.
    #[error("events cannot be written: {0}")]
    Unavailable(String),
    /// What may leave is at its limit.
    #[error("{missing}")]
    Limit {
        /// What is missing.
        missing: String,
        /// Whom to ask.
        ask: Option<String>,
    },
    /// The stored state contradicts itself; nothing more is signed or opened.
    #[error("the stored state is damaged: {0}")]
    Integrity(String),
}

/// What is taken from what may leave, with an event or for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toll {
    /// These bytes are to leave: they are taken, or it is refused.
    Take(Charge),
    /// These bytes were taken, and did not leave.
    GiveBack(Charge, Left),
}

/// Whether some of what was taken left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Some did: the object was read.
    Some,
    /// Nothing did.
    Nothing,
}

impl Toll {
    /// Returns what is taken, or given back.
    #[must_use]
    pub const fn charge(&self) -> &Charge {
        match self {
            Self::Take(charge) | Self::GiveBack(charge, _) => charge,
        }
    }
}

/// Says what a change is, so that the gate can compare it with what was asked.
pub trait Described {
    /// Returns the action that the change carries out.
    fn action(&self) -> Action;
    /// Tells whether the change touches `target` and nothing else.
    fn concerns(&self, target: &Target) -> bool;
}

/// Records events, and carries out changes in the same transaction. Implemented by the store.
pub trait Journal: Send + Sync {
    /// What can be changed.
    type Change: Described + Clone + Send;

    /// Makes `event` durable, if nothing was revoked since `epoch`.
    fn record(&self, event: Event, epoch: Epoch) -> impl Future<Output = Result<Recorded, JournalError>> + Send {
        self.record_with(event, epoch, None)
    }

    /// Does that, and takes `toll` in the same transaction; or neither.
    fn record_with(
        &self,
        event: Event,
        epoch: Epoch,
        toll: Option<Toll>,
    ) -> impl Future<Output = Result<Recorded, JournalError>> + Send;

    /// Takes `toll` for a read that is on record and goes on.
    fn take(&self, toll: Toll) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Makes `event` and `change` durable in one transaction, or neither. Gives the permit back for the receipt.
    fn commit<A: Changes>(
        &self,
        permit: Permit<A>,
        event: Event,
        epoch: Epoch,
        change: Self::Change,
    ) -> impl Future<Output = Result<(Permit<A>, Recorded), JournalError>> + Send;

    /// Brings what decisions rest on up to the present epoch; called when one rested on a past one. Where it cannot be
    /// brought up, the next decision is past, too.
    fn catch_up(&self) -> impl Future<Output = ()> + Send;
}

/// Tells whether `change` is what `permit` allows.
pub(crate) fn is_permitted<A: Act>(permit: &Permit<A>, change: &impl Described) -> bool {
    change.action() == permit.action() && change.concerns(permit.target())
}
