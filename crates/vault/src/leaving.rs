//! What leaves: it is counted before it does, and what did is said afterwards.

use std::sync::Arc;

use cordon_domain::egress::AtLimit;
use cordon_domain::{Charge, Clock, Level, PrincipalKind, Target};
use cordon_gate::{Departure, Epoch, Facts, Gate, JournalError};
use cordon_policy::Policies;
use cordon_store::Writer;
use cordon_store::entries::Said;

use crate::error::VaultError;
use crate::limits::{EGRESS_BLOCK_BYTES, HOLDS_MS};
use crate::vault::Vault;

/// Counts what leaves of one read. Says how much did, once: when all did, or when whoever took it went.
pub(crate) struct Leaving {
    gate: Arc<Gate<Arc<Policies>, Writer>>,
    departure: Option<Departure>,
    clock: Arc<dyn Clock>,
    /// What the last bytes were taken as; `None` when nothing limits them.
    charge: Option<Charge>,
    /// Bytes that were taken from what may leave.
    taken: u64,
    /// Bytes that left.
    left: u64,
    /// What was decided, and the revocation epoch up to which that is known to hold.
    facts: Facts,
    holds_at: Epoch,
}

impl Vault {
    /// What a read of `bytes` begins by taking from what may leave: the first block, if there is room for all.
    pub(crate) fn charge(
        &self,
        asks: &Facts,
        (target, said): (&Target, &Said),
        bytes: u64,
    ) -> Result<Option<Charge>, VaultError> {
        let snapshot = self.snapshot()?;
        let roster = snapshot.roster();
        // Of whom nothing is known, the policies know nothing either.
        let Some(principal) = roster.principals.get(&asks.actor.principal) else { return Ok(None) };
        let is_service = principal.kind == PrincipalKind::Service;
        let proved_age_s = (!is_service).then(|| asks.actor.mfa_age_s.unwrap_or(u32::MAX));
        let weights = said.is_weights().then_some(said.bytes);
        let charge = Charge::of((target, weights), principal, roster, asks.at);
        let first = bytes.min(EGRESS_BLOCK_BYTES);
        Ok(charge.map(|charge| Charge { bytes: first, ahead: bytes - first, proved_age_s, ..charge }))
    }
}

impl Leaving {
    /// Begins with what was taken when the read was recorded, with nothing when it could not be; and with what was decided, no
    /// earlier than at an epoch.
    pub(crate) fn begin(
        vault: &Vault,
        departure: Departure,
        (facts, holds_at): (Facts, Epoch),
        charge: Option<Charge>,
    ) -> Self {
        let taken = charge.as_ref().map_or(0, |charge| charge.bytes);
        let (gate, clock) = (Arc::clone(&vault.gate), Arc::clone(&vault.clock));
        Self { gate, departure: Some(departure), clock, charge, taken, left: 0, facts, holds_at }
    }

    /// Decides once more what was decided when the read began, when something was revoked or changed since (a grant, a project, what a
    /// level demands), and now and then: a grant or a contract may have ended. How old the sign-in is stays as it was.
    async fn still_holds(&mut self) -> Result<(), VaultError> {
        let epoch = self.gate.decider().snapshot().map_err(VaultError::Integrity)?.epoch;
        let now = self.clock.now();
        // A publication ends to the moment, and asking about it costs nothing.
        let holds_ms = if self.facts.actor.kind == PrincipalKind::Stranger { 0 } else { HOLDS_MS };
        let known = epoch == self.holds_at && now.since_ms(self.facts.at) < holds_ms;
        let (Some(departure), false) = (&self.departure, known) else { return Ok(()) };
        self.facts.at = now.max(self.facts.at);
        self.gate.still(departure, &self.facts).await?;
        self.holds_at = epoch;
        self.count_anew()
    }

    /// For whom it is counted, and what is done at a limit, as it is now: an allowance may have ended, or a bucket may enforce again.
    fn count_anew(&mut self) -> Result<(), VaultError> {
        let snapshot = self.gate.decider().snapshot().map_err(VaultError::Integrity)?;
        let principal = snapshot.roster().principals.get(&self.facts.actor.principal);
        let (Some(charge), Some(principal)) = (&mut self.charge, principal) else { return Ok(()) };
        let target = (&self.facts.target, charge.weights);
        if let Some(now) = Charge::of(target, principal, snapshot.roster(), self.facts.at) {
            // That it is beyond a limit which only observes is on record once.
            let counted = (now.at_limit, charge.at_limit) == (AtLimit::Record, AtLimit::Count);
            let at_limit = if counted { AtLimit::Count } else { now.at_limit };
            (charge.payers, charge.level, charge.at_limit) = (now.payers, now.level, at_limit);
        }
        Ok(())
    }

    /// Takes what is missing for `bytes` to leave, of `rest` that are to; they are as good as gone.
    pub(crate) async fn take(&mut self, bytes: u64, rest: u64) -> Result<(), VaultError> {
        self.still_holds().await?;
        let (end, needed) = (self.left + rest, self.left + bytes);
        while let (Some(charge), Some(departure)) = (&mut self.charge, &self.departure)
            && self.taken < needed
        {
            let at = self.clock.now().max(charge.at);
            let later_s = u32::try_from(at.since_ms(charge.at) / 1000).unwrap_or(u32::MAX);
            let proved_age_s = charge.proved_age_s.map(|age| age.saturating_add(later_s));
            let bytes = (end - self.taken).min(EGRESS_BLOCK_BYTES);
            let block = Charge { at, bytes, ahead: 0, proved_age_s, ..charge.clone() };
            match self.gate.take_more(departure, block.clone()).await {
                Ok(at_limit) => (self.taken, *charge) = (self.taken + block.bytes, Charge { at_limit, ..block }),
                // As reads of these levels do, it goes on when nothing can be counted; then nothing is given back either.
                Err(JournalError::Unavailable(_)) if block.level <= Level::Internal => self.charge = None,
                Err(error) => return Err(error.into()),
            }
        }
        self.left = needed;
        Ok(())
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let (Some(departure), Ok(here)) = (self.departure.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (gate, at, left) = (Arc::clone(&self.gate), self.clock.now(), self.left);
        let unsent = self.taken - self.left.min(self.taken);
        let back = self.charge.take().filter(|_| unsent > 0 || left == 0);
        let back = back.map(|charge| Charge { bytes: unsent, ..charge });
        // One that cannot be written is counted by the gate.
        here.spawn(async move { drop(gate.departed(departure, (at, left), back).await) });
    }
}
