//! The gate: decide, record, and only then a receipt.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use cordon_domain::egress::AtLimit;
use cordon_domain::event::event_text;
use cordon_domain::{Action, Actor, Charge, Event, Level, Moment, Outcome, RequestId};

use crate::act::{Changes, Reads, States};
use crate::journal::{Journal, JournalError, Left, Recorded, Toll, is_permitted};
use crate::limits::STALE_RETRIES_MAX;
use crate::permit::{Departure, Permit, Receipt};
use crate::refusals::{Admission, Refusals};
use crate::request::{Facts, Request};
use crate::verdict::{Decide, Epoch, Grounds, Refusal, Verdict};

/// Why there is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The policies refuse it.
    #[error("refused: {}", .0.missing.join("; "))]
    Refused(Refusal),
    /// The change is not the one that was asked for.
    #[error("the change is not what was asked for")]
    OtherChange,
    /// It was allowed, but could not be recorded, and so did not happen.
    #[error(transparent)]
    NotRecorded(#[from] JournalError),
}

/// The one way to an access.
pub struct Gate<D, J> {
    decide: D,
    journal: J,
    itself: Actor,
    unrecorded: AtomicU64,
    refusals: Mutex<Refusals>,
}

/// A count that was taken to be recorded. It goes back when it is dropped before it was.
struct Gap<'a> {
    count: u64,
    unrecorded: &'a AtomicU64,
}

impl Drop for Gap<'_> {
    fn drop(&mut self) {
        self.unrecorded.fetch_add(self.count, Ordering::AcqRel);
    }
}

/// A count of refusals whose minute is over. It goes back when it is dropped before it was recorded.
struct Over<'a> {
    count: u64,
    refusals: &'a Mutex<Refusals>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if let Ok(mut refusals) = self.refusals.lock() {
            refusals.put_back(self.count);
        }
    }
}

/// Tells whether it is on record only that a read is beyond a limit.
fn is_recorded(charge: &Charge) -> bool {
    charge.at_limit == AtLimit::Record
}

/// What is on record of a read beyond a limit that refuses nothing.
fn beyond(missing: &str) -> String {
    format!("observed, and not refused: {missing}")
}

/// Tells whether it is to be decided again.
const fn is_stale<T>(outcome: &Result<T, Denial>) -> bool {
    matches!(outcome, Err(Denial::NotRecorded(JournalError::Stale { .. })))
}

impl<D: Decide, J: Journal> Gate<D, J> {
    /// Puts the gate before a journal. `itself` is the service in whose name the gate counts what went unrecorded.
    pub fn new(decide: D, journal: J, itself: Actor) -> Self {
        let (unrecorded, refusals) = (AtomicU64::new(0), Mutex::default());
        Self { decide, journal, itself, unrecorded, refusals }
    }

    /// Answers a question. Records nothing and opens nothing.
    pub fn evaluate(&self, facts: &Facts) -> Verdict {
        self.decide.evaluate(facts)
    }

    /// Returns what decides, to ask it more.
    pub const fn decider(&self) -> &D {
        &self.decide
    }

    /// Returns the journal, to read from.
    pub const fn journal(&self) -> &J {
        &self.journal
    }

    /// Returns how many accesses went unrecorded since the last event was written.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Acquire)
    }

    /// Decides a read and records it.
    ///
    /// # Errors
    ///
    /// [`Denial::Refused`] when the policies refuse; [`Denial::NotRecorded`] when the bytes are confidential,
    /// restricted or of unknown level and the event cannot be made durable.
    pub async fn read<A: Reads>(&self, request: Request<A>) -> Result<Receipt<A>, Denial> {
        match self.decided(request.facts()).await {
            Ok(recorded) => Ok(Permit::new(&request).receipt(Some(recorded))),
            Err(Denial::NotRecorded(JournalError::Unavailable(_))) if request.facts().level() <= Level::Internal => {
                self.unrecorded.fetch_add(1, Ordering::AcqRel);
                Ok(Permit::new(&request).receipt(None))
            }
            Err(denial) => Err(denial),
        }
    }

    /// Decides a statement and records it: whether or not it is refused, it opens nothing.
    ///
    /// # Errors
    ///
    /// [`Denial::Refused`] when the policies refuse; [`Denial::NotRecorded`] when it cannot be made durable.
    pub async fn attest<A: States>(&self, request: Request<A>) -> Result<Recorded, Denial> {
        self.decided(request.facts()).await
    }

    /// Decides and records, again when something was revoked in between.
    async fn decided(&self, facts: &Facts) -> Result<Recorded, Denial> {
        let mut outcome = Err(Denial::NotRecorded(JournalError::Stale { seen: Epoch::default() }));
        for _ in 0..STALE_RETRIES_MAX {
            let grounds = self.decide(facts).await?;
            let event = facts.event(Outcome::Allowed, &grounds, None);
            let toll = facts.charge.clone().map(Toll::Take);
            outcome = match self.record_with(event, grounds.epoch, toll).await {
                Err(JournalError::Limit { missing, .. }) if facts.charge.as_ref().is_some_and(is_recorded) => {
                    self.recorded_beyond(facts, &grounds, &missing).await
                }
                Err(JournalError::Limit { missing, ask }) => {
                    let refusal = Refusal { missing: vec![missing], ask, hidden: false };
                    return Err(self.refused(facts, &grounds, refusal).await);
                }
                recorded => recorded.map_err(Denial::from),
            };
            if !is_stale(&outcome) {
                break;
            }
            self.journal.catch_up().await;
        }
        outcome
    }

    /// Records a read that is beyond a limit which refuses nothing, and says so.
    async fn recorded_beyond(&self, facts: &Facts, grounds: &Grounds, missing: &str) -> Result<Recorded, Denial> {
        let event = facts.event(Outcome::Allowed, grounds, Some(event_text(&beyond(missing))));
        let toll = facts.charge.clone().map(|charge| Toll::Take(Charge { at_limit: AtLimit::Count, ..charge }));
        Ok(self.record_with(event, grounds.epoch, toll).await?)
    }

    /// Decides beforehand whether a change would be allowed, so that nobody sends what is refused. A refusal is recorded;
    /// nothing is allowed by it.
    ///
    /// # Errors
    ///
    /// [`Denial::Refused`] when the policies refuse.
    pub async fn admit<A: Changes>(&self, request: &Request<A>) -> Result<(), Denial> {
        self.decide(request.facts()).await.map(drop)
    }

    /// Decides a change, and makes it in the transaction that records it.
    ///
    /// # Errors
    ///
    /// [`Denial::Refused`] when the policies refuse; [`Denial::OtherChange`] when `change` is not what `request` asks;
    /// [`Denial::NotRecorded`] when nothing was changed because the event could not be made durable.
    pub async fn change<A: Changes>(&self, request: Request<A>, change: J::Change) -> Result<Receipt<A>, Denial> {
        let mut outcome = Err(Denial::NotRecorded(JournalError::Stale { seen: Epoch::default() }));
        for _ in 0..STALE_RETRIES_MAX {
            outcome = self.changed(&request, change.clone()).await;
            if !is_stale(&outcome) {
                break;
            }
            self.journal.catch_up().await;
        }
        outcome
    }

    async fn changed<A: Changes>(&self, request: &Request<A>, change: J::Change) -> Result<Receipt<A>, Denial> {
        let grounds = self.decide(request.facts()).await?;
        let event = request.facts().event(Outcome::Allowed, &grounds, None);
        self.report_gap(&event).await?;
        let permit = Permit::new(request);
        if !is_permitted(&permit, &change) {
            return Err(Denial::OtherChange);
        }
        let (permit, recorded) = self.journal.commit(permit, event, grounds.epoch, change).await?;
        Ok(permit.receipt(Some(recorded)))
    }

    /// Takes more from what may leave, for a read that goes on. That it is at its limit is recorded. Returns what is done with what
    /// follows of it at a limit: what is on record once is counted from then on.
    ///
    /// # Errors
    ///
    /// [`JournalError::Limit`] when no more may leave; [`JournalError::Unavailable`] when it cannot be counted.
    pub async fn take_more(&self, departure: &Departure, charge: Charge) -> Result<AtLimit, JournalError> {
        let counted = is_recorded(&charge).then(|| Charge { at_limit: AtLimit::Count, ..charge.clone() });
        let (at, at_limit) = (charge.at, charge.at_limit);
        let outcome = self.journal.take(Toll::Take(charge)).await;
        match (outcome, counted) {
            (Err(JournalError::Limit { missing, .. }), Some(counted)) => {
                self.going_on(departure, (at, Outcome::Allowed), &beyond(&missing)).await;
                self.journal.take(Toll::Take(counted)).await.map(|()| AtLimit::Count)
            }
            (Err(error), _) => {
                if let JournalError::Limit { missing, .. } = &error {
                    self.broken_off(departure, at, missing).await;
                }
                Err(error)
            }
            (Ok(()), _) => Ok(at_limit),
        }
    }

    /// Decides once more on a read that goes on, as it is asked now. A refusal is recorded.
    ///
    /// # Errors
    ///
    /// [`Denial::Refused`] when the policies refuse it by now.
    pub async fn still(&self, departure: &Departure, facts: &Facts) -> Result<(), Denial> {
        let Verdict::Deny(refusal, _) = self.decide.evaluate(facts) else { return Ok(()) };
        self.broken_off(departure, facts.at, &refusal.missing.join("; ")).await;
        Err(Denial::Refused(refusal))
    }

    async fn broken_off(&self, departure: &Departure, at: Moment, missing: &str) {
        self.going_on(departure, (at, Outcome::Denied), missing).await;
    }

    /// Records what becomes of a read that goes on.
    async fn going_on(
        &self,
        Departure { request, actor, target }: &Departure,
        (at, outcome): (Moment, Outcome),
        reason: &str,
    ) {
        let event = Event {
            target: target.clone(),
            outcome,
            reason: Some(event_text(reason)),
            ..Event::new(*request, at, Action::ObjectRead, actor.clone())
        };
        self.record_or_count(event).await;
    }

    /// Says how many bytes of a read left, and gives back what was taken for more.
    ///
    /// # Errors
    ///
    /// [`JournalError`] when the event cannot be made durable; it is then counted as unrecorded.
    pub async fn departed(
        &self,
        departure: Departure,
        (at, bytes): (Moment, u64),
        back: Option<Charge>,
    ) -> Result<Recorded, JournalError> {
        let Departure { request, actor, target } = departure;
        let event = Event { target, amount: Some(bytes), ..Event::new(request, at, Action::ObjectSent, actor) };
        let left = if bytes == 0 { Left::Nothing } else { Left::Some };
        let back = back.map(|charge| Toll::GiveBack(charge, left));
        let outcome = self.record_with(event, Epoch::ANY, back).await;
        if outcome.is_err() {
            self.unrecorded.fetch_add(1, Ordering::AcqRel);
        }
        outcome
    }

    /// Records that someone was refused before they signed in: singly up to a bound for each address and minute, then as
    /// a count. `address` is where they came from.
    pub async fn refused_before_sign_in(&self, facts: &Facts, address: &str, reason: &str) {
        let Some((admission, over)) = self.admitted(address, facts.at) else { return };
        let mut event = facts.event(Outcome::Denied, &Grounds::default(), Some(reason.to_owned()));
        self.report_refusals(&event, over).await;
        if admission == Admission::Single {
            event.personal.network = Some(address.to_owned());
            self.record_or_count(event).await;
        }
    }

    fn admitted(&self, address: &str, at: Moment) -> Option<(Admission, Option<u64>)> {
        Some(self.refusals.lock().ok()?.admit(address, at))
    }

    /// Records what is only counted, once its minute is over. To be called now and then: nobody may ask for a while.
    pub async fn tick(&self, next: RequestId, at: Moment) {
        let over = self.refusals.lock().ok().and_then(|mut refusals| refusals.turn(at));
        let event = Event::new(next, at, Action::LogRefusals, self.itself.clone());
        self.report_refusals(&event, over).await;
        // A count that cannot be written now is written later.
        let _ = self.report_gap(&event).await;
    }

    /// Writes the count of a minute that is over before `next` is written. One that cannot be written is kept.
    async fn report_refusals(&self, next: &Event, over: Option<u64>) {
        let mut over = Over { count: over.unwrap_or(0), refusals: &self.refusals };
        if over.count == 0 {
            return;
        }
        let reason = "refusals before sign-in beyond the bound";
        let counted = self.about(next, Action::LogRefusals, over.count, reason);
        if self.record(counted, Epoch::ANY).await.is_ok() {
            over.count = 0;
        }
    }

    async fn record_or_count(&self, event: Event) {
        if self.record(event, Epoch::ANY).await.is_err() {
            self.unrecorded.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// An event of the gate itself that states a count, beside `next`.
    fn about(&self, next: &Event, action: Action, count: u64, reason: &str) -> Event {
        Event {
            outcome: Outcome::Failed,
            amount: Some(count),
            reason: Some(reason.to_owned()),
            ..Event::new(next.request, next.at, action, self.itself.clone())
        }
    }

    async fn decide(&self, facts: &Facts) -> Result<Grounds, Denial> {
        match self.decide.evaluate(facts) {
            Verdict::Allow(grounds) => Ok(grounds),
            Verdict::Deny(refusal, grounds) => Err(self.refused(facts, &grounds, refusal).await),
        }
    }

    /// Records a refusal. It stands whether or not it can be recorded; one that cannot is counted.
    async fn refused(&self, facts: &Facts, grounds: &Grounds, refusal: Refusal) -> Denial {
        self.record_or_count(facts.event(Outcome::Denied, grounds, Some(refusal.missing.join("; ")))).await;
        Denial::Refused(refusal)
    }

    async fn record(&self, event: Event, epoch: Epoch) -> Result<Recorded, JournalError> {
        self.record_with(event, epoch, None).await
    }

    async fn record_with(&self, event: Event, epoch: Epoch, toll: Option<Toll>) -> Result<Recorded, JournalError> {
        self.report_gap(&event).await?;
        self.journal.record_with(event, epoch, toll).await
    }

    /// Writes the count of what went unrecorded before `next` is written.
    async fn report_gap(&self, next: &Event) -> Result<(), JournalError> {
        let mut gap = Gap { count: self.unrecorded.swap(0, Ordering::AcqRel), unrecorded: &self.unrecorded };
        if gap.count == 0 {
            return Ok(());
        }
        let event =
            self.about(next, Action::LogGap, gap.count, "accesses before this event that could not be recorded");
        self.journal.record(event, Epoch::ANY).await?;
        gap.count = 0;
        Ok(())
    }
}
