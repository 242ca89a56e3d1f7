//! What is asked of the gate.

use std::marker::PhantomData;
use std::net::IpAddr;

use cordon_domain::event::event_text;
use cordon_domain::limits::EVENT_NAMES_MAX;
use cordon_domain::{
    Action, Actor, AskId, AskedHash, Charge, Event, Level, Moment, Outcome, Personal, RequestId, Target,
};

use crate::act::Act;
use crate::verdict::Grounds;

/// All that is known of a request before it is decided.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Identifies the request; its events carry it.
    pub request: RequestId,
    /// When it came, by the clock of the node.
    pub at: Moment,
    /// What is asked.
    pub action: Action,
    /// Who asks.
    pub actor: Actor,
    /// On what.
    pub target: Target,
    /// What identifies the person behind it.
    pub personal: Personal,
    /// Why, in the words of the actor.
    pub reason: Option<String>,
    /// The program that asks, as it calls itself.
    pub client: Option<String>,
    /// What is to be kept beside its event: the change, where the target does not say all of it.
    pub beside: Vec<u8>,
    /// The address it came from, as the edge saw it.
    pub address: Option<IpAddr>,
    /// What others approved, on which it rests.
    pub approval: Option<AskId>,
    /// What a read takes from what may leave.
    pub charge: Option<Charge>,
    /// Nobody has looked yet into the version that it is about, and somebody else wrote it.
    pub pending: bool,
}

impl Facts {
    /// Asks, at a moment, of someone for something; all else is empty.
    #[must_use]
    pub fn new(request: RequestId, at: Moment, action: Action, actor: Actor) -> Self {
        Self {
            request,
            at,
            action,
            actor,
            target: Target::default(),
            personal: Personal::default(),
            reason: None,
            client: None,
            beside: Vec::new(),
            address: None,
            approval: None,
            charge: None,
            pending: false,
        }
    }

    /// Returns what an approval of it must be bound to.
    #[must_use]
    pub fn asked_hash(&self) -> AskedHash {
        AskedHash::of(self.action, &self.target, &self.beside, self.reason.as_deref().unwrap_or_default())
    }

    /// Returns the level of the target; one that is not known counts as restricted.
    #[must_use]
    pub fn level(&self) -> Level {
        self.target.label.as_ref().map_or(Level::Restricted, |label| label.level)
    }

    /// Makes the event that records the outcome.
    pub(crate) fn event(&self, outcome: Outcome, grounds: &Grounds, reason: Option<String>) -> Event {
        Event {
            target: self.target.clone(),
            outcome,
            reason: reason.as_deref().or(self.reason.as_deref()).map(event_text),
            policies: grounds.policies.iter().take(EVENT_NAMES_MAX).cloned().collect(),
            grants: grounds.grants.iter().take(EVENT_NAMES_MAX).copied().collect(),
            client: self.client.as_deref().map(event_text),
            beside: if outcome == Outcome::Allowed { self.beside.clone() } else { Vec::new() },
            personal: cut(&self.personal),
            approval: self.approval,
            ..Event::new(self.request, self.at, self.action, self.actor.clone())
        }
    }
}

/// What others say of themselves has no bound of its own.
fn cut(personal: &Personal) -> Personal {
    let cut = |text: &Option<String>| text.as_deref().map(event_text);
    Personal {
        name: cut(&personal.name),
        address: cut(&personal.address),
        device: cut(&personal.device),
        network: cut(&personal.network),
    }
}

/// A request for the action `A`.
#[derive(Debug)]
pub struct Request<A> {
    facts: Facts,
    act: PhantomData<fn() -> A>,
}

impl<A: Act> Request<A> {
    /// Asks for `A`; the action named in `facts` is replaced by that of `A`.
    #[must_use]
    pub fn new(mut facts: Facts) -> Self {
        facts.action = A::ACTION;
        Self { facts, act: PhantomData }
    }

    /// Returns what is known of the request.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
}
