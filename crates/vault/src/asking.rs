//! What is decided as a whole, and takes other people: it is prepared, others approve exactly that, then it is done.

use std::marker::PhantomData;

use cordon_domain::{Record, Step, Steps, Target};
use cordon_gate::act::Changes;
use cordon_gate::{Facts, Request};
use cordon_store::Change;

use crate::error::VaultError;
use crate::vault::Vault;

/// A change of records that is yet to be made: an approval of exactly this can be asked for, or put to it.
pub struct Asking<A> {
    /// What is asked.
    pub facts: Facts,
    steps: Steps,
    _act: PhantomData<fn() -> A>,
}

impl<A: Changes> Asking<A> {
    pub(crate) fn new(asks: &Facts, target: Target, steps: Steps) -> Self {
        let target = Target { record: steps.0.first().map(Step::key), ..target };
        let facts = Facts { target, beside: steps.encoded(), action: A::ACTION, ..asks.clone() };
        Self { facts, steps, _act: PhantomData }
    }
}

impl Vault {
    /// Makes what was prepared.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing; [`VaultError::Conflict`] when what it is about is another by now.
    pub async fn complete<A: Changes>(&self, asking: Asking<A>) -> Result<(), VaultError> {
        let Asking { facts, steps, .. } = asking;
        let change = Change::records(A::ACTION, steps);
        drop(self.gate.change(Request::<A>::new(facts), change).await?.spend());
        Ok(())
    }

    /// Whoever could not do it with all approvals is refused here, on record.
    pub(crate) async fn lacks_approval_at_most<A: Changes>(&self, facts: &Facts) -> Result<(), VaultError> {
        if !self.snapshot()?.lacks_only_approval(facts) {
            self.gate.admit(&Request::<A>::new(facts.clone())).await?;
        }
        Ok(())
    }

    /// The record that whoever asks has asked others to let them make, if it is the same.
    pub(crate) fn asked_before<A: Changes, T>(
        &self,
        asks: &Facts,
        same: impl Fn(Record) -> Option<T>,
    ) -> Result<Option<T>, VaultError> {
        let snapshot = self.snapshot()?;
        let mut own =
            snapshot.roster().asks.values().filter(|asked| {
                asked.by == asks.actor.principal && asked.action == A::ACTION && asked.counts_at(asks.at)
            });
        Ok(own.find_map(|asked| match Steps::decoded(&asked.change)?.0.pop()? {
            Step::Put(record) => same(record),
            Step::End(_) => None,
        }))
    }
}
