//! Who may do something to something, by which path, on which conditions.
//!
//! Everyone is asked about; the policies answer once for all whom they cannot tell apart.

use std::collections::HashMap;
use std::sync::Arc;

use cordon_domain::{Action, GrantId, Moment, PrincipalId, Target};

use crate::possible::{Conditions, Possible};
use crate::sight::Seen;
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

impl Snapshot {
    /// Gives everyone who may, in some circumstances that may be at that moment, do `action` to `target` to `each`.
    pub fn who(&self, action: Action, target: &Target, at: Moment, each: &mut dyn FnMut(May)) {
        // Whose questions look alike to each part, share what is known of them: that lives as long as this does.
        let mut all: HashMap<Vec<*const Seen>, (Vec<Arc<Seen>>, Known)> = HashMap::new();
        for principal in self.roster().principals.values() {
            let Some(question) = self.question(principal, action, target, at) else { continue };
            let seen = self.seen(&question);
            let alike = seen.iter().map(Arc::as_ptr).collect();
            let (_, known) = all.entry(alike).or_insert_with(|| (seen.to_vec(), self.known(&question, at)));
            let (policies, conditions) = match known {
                Known::Never => continue,
                Known::In(policies, conditions) => (policies.clone(), Some(conditions.clone())),
                Known::Unknown => (Vec::new(), None),
            };
            let grants = question.grants_behind(&policies, self.book());
            each(May { principal: principal.id, policies, grants, conditions });
        }
    }

    fn known(&self, question: &Question<'_>, at: Moment) -> Known {
        match self.possible(question, at) {
            Possible::Never => Known::Never,
            Possible::Unknown => Known::Unknown,
            Possible::In(circumstances) => {
                let policies = self.answer(question, &circumstances).rules;
                Known::In(policies, self.conditions(question, circumstances))
            }
        }
    }
}
