//! Policies and a journal for tests of what stands behind the gate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use cordon_domain::egress::AtLimit;
use cordon_domain::{Action, Actor, Event, Label, Moment, Personal, PrincipalId, RequestId, Target, VersionId};
use cordon_gate::act::Changes;
use cordon_gate::{
    Decide, Described, Epoch, Facts, Gate, Grounds, Journal, JournalError, Permit, Recorded, Refusal, Request, Toll,
    Verdict,
};

/// A policy that is a function of the facts.
pub struct Deciding<F>(pub F);

/// A policy that gives one answer to all.
pub type Always = Deciding<fn(&Facts) -> Verdict>;

impl Always {
    /// Allows everything, in epoch 0.
    #[must_use]
    pub fn yes() -> Self {
        Self(|_| Verdict::Allow(Grounds { policies: vec!["test".to_owned()], ..Grounds::default() }))
    }

    /// Refuses everything.
    #[must_use]
    pub fn no() -> Self {
        Self(|_| {
            let missing = vec!["membership of the project".to_owned()];
            Verdict::Deny(Refusal { missing, ..Refusal::default() }, Grounds::default())
        })
    }
}

impl<F: Fn(&Facts) -> Verdict + Send + Sync> Decide for Deciding<F> {
    fn evaluate(&self, facts: &Facts) -> Verdict {
        (self.0)(facts)
    }
}

/// A change that does nothing but say what it is.
#[derive(Clone)]
pub struct NamedChange(pub Action, pub Target);

impl Described for NamedChange {
    fn action(&self) -> Action {
        self.0
    }

    fn concerns(&self, target: &Target) -> bool {
        self.1 == *target
    }
}

/// A journal in memory, which fails on command.
#[derive(Default)]
pub struct MemoryJournal {
    events: Mutex<Vec<Event>>,
    state: Mutex<(Epoch, Option<JournalError>)>,
    tolls: Mutex<Vec<Toll>>,
    is_full: AtomicBool,
}

impl MemoryJournal {
    /// Returns the events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().map(|events| events.clone()).unwrap_or_default()
    }

    /// Fails all that follows with `error`, or no more with `None`.
    pub fn fail(&self, error: Option<JournalError>) {
        if let Ok(mut state) = self.state.lock() {
            state.1 = error;
        }
    }

    /// Refuses what is taken from now on: what may leave is at its limit.
    pub fn fill(&self) {
        self.is_full.store(true, Ordering::Release);
    }

    /// Returns what was taken and given back.
    #[must_use]
    pub fn tolls(&self) -> Vec<Toll> {
        self.tolls.lock().map(|tolls| tolls.clone()).unwrap_or_default()
    }

    fn pay(&self, toll: Option<Toll>) -> Result<(), JournalError> {
        let refuses = matches!(&toll, Some(Toll::Take(charge)) if charge.at_limit != AtLimit::Count);
        if refuses && self.is_full.load(Ordering::Acquire) {
            return Err(JournalError::Limit { missing: "room".to_owned(), ask: Some("security".to_owned()) });
        }
        if let Ok(mut tolls) = self.tolls.lock() {
            tolls.extend(toll);
        }
        Ok(())
    }

    /// Begins a new revocation epoch.
    pub fn revoke(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.0.0 += 1;
        }
    }

    fn write(&self, event: Event, epoch: Epoch) -> Result<Recorded, JournalError> {
        let poisoned = |_| JournalError::Unavailable("a test panicked".to_owned());
        let state = self.state.lock().map_err(|_| JournalError::Unavailable("a test panicked".to_owned()))?;
        if let Some(error) = &state.1 {
            return Err(error.clone());
        }
        if epoch < state.0 {
            return Err(JournalError::Stale { seen: epoch });
        }
        let mut events = self.events.lock().map_err(poisoned)?;
        events.push(event);
        Ok(Recorded { position: Some(events.len() as u64 - 1), leaf_hash: [0; 32] })
    }
}

impl Journal for MemoryJournal {
    type Change = NamedChange;

    async fn record_with(&self, event: Event, epoch: Epoch, toll: Option<Toll>) -> Result<Recorded, JournalError> {
        self.pay(toll)?;
        self.write(event, epoch)
    }

    async fn take(&self, toll: Toll) -> Result<(), JournalError> {
        self.pay(Some(toll))
    }

    async fn commit<A: Changes>(
        &self,
        permit: Permit<A>,
        event: Event,
        epoch: Epoch,
        _change: NamedChange,
    ) -> Result<(Permit<A>, Recorded), JournalError> {
        self.write(event, epoch).map(|recorded| (permit, recorded))
    }

    async fn catch_up(&self) {}
}

/// A permit, as a journal gets it, for `target`.
///
/// # Panics
///
/// Never: the policies say yes and the journal hands the permit over.
pub async fn permit<A: Changes>(target: Target) -> Permit<A> {
    let keeping = Keeping(Mutex::new(None));
    let gate = Gate::new(Deciding::yes(), keeping, Actor::service(PrincipalId([2; 16])));
    let mut facts = facts(Label::of(cordon_domain::Level::Restricted));
    facts.target = target.clone();
    // The journal keeps the permit and fails, so that nothing else gets it.
    let _ = gate.change(Request::<A>::new(facts), NamedChange(A::ACTION, target)).await;
    let kept = gate.journal().0.lock().ok().and_then(|mut kept| kept.take());
    #[expect(clippy::expect_used, reason = "a test helper; the journal was given a permit of this type")]
    *kept.and_then(|any| any.downcast::<Permit<A>>().ok()).expect("the permit")
}

/// A journal that keeps the permit it is given.
struct Keeping(Mutex<Option<Box<dyn std::any::Any + Send>>>);

impl Journal for Keeping {
    type Change = NamedChange;

    async fn record_with(&self, _: Event, _: Epoch, _: Option<Toll>) -> Result<Recorded, JournalError> {
        Err(JournalError::Unavailable("kept".to_owned()))
    }

    async fn take(&self, _: Toll) -> Result<(), JournalError> {
        Err(JournalError::Unavailable("kept".to_owned()))
    }

    async fn commit<A: Changes>(
        &self,
        permit: Permit<A>,
        _: Event,
        _: Epoch,
        _: NamedChange,
    ) -> Result<(Permit<A>, Recorded), JournalError> {
        if let Ok(mut kept) = self.0.lock() {
            *kept = Some(Box::new(permit));
        }
        Err(JournalError::Unavailable("kept".to_owned()))
    }

    async fn catch_up(&self) {}
}

/// Facts of a request by one principal for one version with `label`.
#[must_use]
pub fn facts(label: Label) -> Facts {
    let actor = Actor::service(PrincipalId([2; 16]));
    Facts {
        target: Target { version: Some(VersionId([3; 16])), label: Some(label), ..Target::default() },
        personal: Personal { name: Some("Ada Marker".to_owned()), ..Personal::default() },
        ..Facts::new(RequestId([1; 16]), Moment(1_790_000_000_000), Action::ObjectRead, actor)
    }
}
