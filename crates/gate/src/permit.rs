//! Permits and receipts: allowed actions as values that move.

use std::marker::PhantomData;

use cordon_domain::{Action, Actor, RequestId, Target};

use crate::act::Act;
use crate::journal::Recorded;
use crate::request::Request;

/// Says that the action `A` was decided in favour of the asker and is not yet recorded.
///
/// Only the gate makes one; it goes by value into the journal's transaction.
#[must_use = "a permit that is dropped allowed nothing"]
#[derive(Debug)]
pub struct Permit<A> {
    request: RequestId,
    actor: Actor,
    target: Target,
    act: PhantomData<fn() -> A>,
}

impl<A: Act> Permit<A> {
    pub(crate) fn new(request: &Request<A>) -> Self {
        let facts = request.facts();
        Self { request: facts.request, actor: facts.actor.clone(), target: facts.target.clone(), act: PhantomData }
    }

    /// Returns what may be acted on.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Returns who may act.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns the action.
    #[must_use]
    pub const fn action(&self) -> Action {
        A::ACTION
    }

    pub(crate) fn receipt(self, recorded: Option<Recorded>) -> Receipt<A> {
        let Self { request, actor, target, act } = self;
        Receipt { request, actor, target, recorded, act }
    }
}

/// Says that the action `A` was decided and recorded. What it opens takes it by value.
#[must_use = "a receipt that is dropped opened nothing"]
#[derive(Debug)]
pub struct Receipt<A> {
    request: RequestId,
    actor: Actor,
    target: Target,
    recorded: Option<Recorded>,
    act: PhantomData<fn() -> A>,
}

impl<A: Act> Receipt<A> {
    /// Returns what may be acted on, and nothing else.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Returns where the event stands; `None` when it was counted because events could not be written.
    #[must_use]
    pub const fn recorded(&self) -> Option<&Recorded> {
        self.recorded.as_ref()
    }

    /// Uses the receipt up. What left is said with [`crate::Gate::departed`].
    pub fn spend(self) -> Departure {
        Departure { request: self.request, actor: self.actor, target: self.target }
    }
}

/// What is left of a receipt that was used: who took what, to say afterwards how much left.
#[must_use = "say what left"]
#[derive(Debug)]
pub struct Departure {
    pub(crate) request: RequestId,
    pub(crate) actor: Actor,
    pub(crate) target: Target,
}
