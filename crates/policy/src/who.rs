//! Who may do something to something, by which path, on which conditions.
//!
//! Everyone is asked about; the policies answer once for all whom they cannot tell apart.

use cordon_domain::{Action, GrantId, Moment, PrincipalId, Target};

use crate::possible::{Conditions, Possible};
use crate::snapshot::Snapshot;

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

impl Snapshot {
    /// Gives everyone who may, in some circumstances that may be at that moment, do `action` to `target` to `each`.
    pub fn who(&self, action: Action, target: &Target, at: Moment, each: &mut dyn FnMut(May)) {
        for principal in self.roster().principals.values() {
            let Some(question) = self.question(principal, action, target, at) else { continue };
            let (policies, conditions) = match self.possible(&question, at) {
                Possible::Never => continue,
                Possible::Unknown => (Vec::new(), None),
                Possible::In(circumstances) => {
                    let policies = self.answer(&question, &circumstances).rules;
                    (policies, Some(self.conditions(&question, circumstances)))
                }
            };
            let grants = question.grants_behind(&policies, self.book());
            each(May { principal: principal.id, policies, grants, conditions });
        }
    }
}
