//! Who may do something to something, by which path, on which conditions.
//!
//! Everyone is asked about; the policies answer once for all whom they cannot tell apart, to each worker for its own.

use std::ops::Range;
use std::sync::Arc;

use cordon_domain::{Action, GrantId, Moment, PrincipalId, Target};

use crate::Map;
use crate::limits::WORKERS_MAX;
use crate::possible::{Conditions, Possible};
use crate::sight::{Memory, Seen};
use crate::snapshot::{Question, Snapshot};

/// Someone who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct May {
    /// Who.
    pub principal: PrincipalId,
    /// The policies that allow it.
    pub policies: Vec<String>,
    /// The grants on which that rests.
    pub grants: Vec<GrantId>,
    /// What it takes; `None`: the policies look at so much that not all circumstances were tried.
    pub conditions: Option<Conditions>,
}

/// What is known of those who look alike to all parts of the policies.
enum Known {
    Never,
    In(Vec<String>, Conditions),
    Unknown,
}

/// Asks about some of the people, about one thing after another. It remembers beside the snapshot: several workers, each
/// with one of its own, do not wait for each other, and decisions forget nothing over it.
pub struct Census<'a> {
    snapshot: &'a Snapshot,
    places: Range<usize>,
    memory: Memory,
}

impl Snapshot {
    /// Shares the people out, in the order of their identifiers, among so many workers, of whom there are at most
    /// [`WORKERS_MAX`].
    pub fn censuses(&self, workers: usize) -> impl Iterator<Item = Census<'_>> {
        let (people, workers) = (self.roster().principals.len(), workers.clamp(1, WORKERS_MAX));
        let place = move |number| people * number / workers;
        (0..workers).map(move |number| Census {
            snapshot: self,
            places: place(number)..place(number + 1),
            memory: Memory::default(),
        })
    }

    /// Gives everyone who may, in some circumstances that may be at that moment, do `action` to `target` to `each`.
    pub fn who(&self, action: Action, target: &Target, at: Moment, each: &mut dyn FnMut(May)) {
        self.censuses(1).for_each(|census| census.who(action, target, at, each));
    }

    fn known(&self, question: &Question<'_>, at: Moment) -> Known {
        match self.possible(question, at) {
            Possible::Never => Known::Never,
            Possible::Unknown => Known::Unknown,
            Possible::In(circumstances) => {
                let policies = question.answer(&circumstances).rules;
                Known::In(policies, self.conditions(question, circumstances))
            }
        }
    }
}

impl Census<'_> {
    /// Gives everyone of these who may, in some circumstances that may be at that moment, do `action` to `target` to `each`.
    pub fn who(&self, action: Action, target: &Target, at: Moment, each: &mut dyn FnMut(May)) {
        let Self { snapshot, places, memory } = self;
        // Whose questions look alike to each part, share what is known of them: that lives as long as this does.
        let mut all: Map<Vec<*const Seen>, (Vec<Arc<Seen>>, Known)> = Map::default();
        for principal in snapshot.roster().principals.values().skip(places.start).take(places.len()) {
            let Some(question) = snapshot.question_with(memory, principal, action, target, at) else { continue };
            let seen = question.seen();
            let alike = seen.iter().map(Arc::as_ptr).collect();
            let (_, known) = all.entry(alike).or_insert_with(|| (seen.to_vec(), snapshot.known(&question, at)));
            let (policies, conditions) = match known {
                Known::Never => continue,
                Known::In(policies, conditions) => (policies.clone(), Some(conditions.clone())),
                Known::Unknown => (Vec::new(), None),
            };
            let grants = question.grants_behind(&policies, snapshot.book());
            each(May { principal: principal.id, policies, grants, conditions });
        }
    }
}
