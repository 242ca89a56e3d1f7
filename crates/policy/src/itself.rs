//! Cordon itself: what it does of its own accord.

use std::collections::BTreeSet;

use cordon_domain::{Action, PrincipalId, Role, Scope};
use cordon_gate::{Facts, Grounds, Verdict};

use crate::groups::GroupRoles;
use crate::operator::refused;
use crate::snapshot::Snapshot;

/// Lets Cordon look into what nobody has looked into yet, and give the roles that groups have; and nothing else.
#[derive(Clone, Debug)]
pub struct Itself {
    /// The service in whose name it acts.
    pub principal: PrincipalId,
    /// The roles that groups of the organisation's identity provider have.
    pub roles: BTreeSet<(Role, Scope)>,
}

impl Itself {
    /// Decides.
    pub(crate) fn decided(&self, facts: &Facts, snapshot: Option<&Snapshot>) -> Verdict {
        let Some(snapshot) = snapshot else { return refused("records that are whole".to_owned(), None) };
        if !matches!(facts.action, Action::ObjectRead | Action::ObjectInspect | Action::LabelRaise) {
            return GroupRoles { principal: self.principal, roles: &self.roles }.decided(facts, snapshot);
        }
        if !facts.pending {
            return refused("a version that nobody has looked into yet".to_owned(), None);
        }
        let policies = vec!["inspection".to_owned()];
        Verdict::Allow(Grounds { policies, epoch: snapshot.epoch, ..Grounds::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{Actor, Moment, RequestId, Roster};
    use cordon_gate::Epoch;

    #[test]
    fn it_looks_into_what_is_pending_and_into_nothing_else() {
        let snapshot = Snapshot::new(Roster::default(), Epoch(7)).expect("valid");
        let itself = Itself { principal: PrincipalId([9; 16]), roles: BTreeSet::new() };
        let allows = |action, pending| {
            let facts = Facts::new(RequestId([0; 16]), Moment(0), action, Actor::service(itself.principal));
            let facts = Facts { pending, ..facts };
            assert!(matches!(itself.decided(&facts, None), Verdict::Deny(..)), "records that are not whole");
            matches!(itself.decided(&facts, Some(&snapshot)), Verdict::Allow(_))
        };
        for action in Action::ALL {
            let looks = matches!(action, Action::ObjectRead | Action::ObjectInspect | Action::LabelRaise);
            assert_eq!(allows(action, true), looks, "{action}");
            assert!(!allows(action, false), "{action}");
        }
    }
}
