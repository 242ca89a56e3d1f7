//! The person at the machine: whoever can unlock the root key there.

use cordon_domain::{Action, PrincipalId};
use cordon_gate::{Decide, Epoch, Facts, Grounds, Refusal, Verdict};

use crate::snapshot::Snapshot;

/// Allows one principal to care for keys, to look into the log, and to bring people in; nothing else.
///
/// Someone who can unlock the root key at the machine can read everything with other means; the policy makes that
/// what they do through Cordon is decided in one place and recorded. What takes two people takes them here, too, as soon
/// as there is somebody who could approve.
#[derive(Clone, Copy, Debug)]
pub struct LocalOperator {
    /// Who that is.
    pub principal: PrincipalId,
}

/// What the person at the machine may do.
const CARES: [Action; 20] = [
    Action::KeyUnlock,
    Action::KeyRotate,
    Action::KeyRewrap,
    Action::KeyShred,
    Action::KeyCertify,
    Action::LogSearch,
    Action::PrincipalErase,
    Action::BackupMake,
    Action::BackupRestore,
    Action::PrincipalCreate,
    Action::PrincipalChange,
    Action::GrantMake,
    Action::Revoke,
    Action::VendorChange,
    Action::DeviceEnrol,
    Action::CredentialIssue,
    Action::AccessQuery,
    Action::ApprovalAsk,
    Action::PolicyChange,
    Action::LevelsChange,
];

/// What of it takes two people. A restore takes shares of the kit instead: before it there is nobody.
const TWO_PEOPLE: [Action; 3] = [Action::KeyShred, Action::PolicyChange, Action::LevelsChange];

impl LocalOperator {
    /// Decides. Without a snapshot, nothing that rests on it can be changed.
    pub(crate) fn decided(self, facts: &Facts, snapshot: Option<&Snapshot>) -> Verdict {
        if !CARES.contains(&facts.action) || facts.actor.principal != self.principal {
            return refused(format!("`{}` is not among what the person at the machine may do", facts.action), None);
        }
        let rests_on_records = facts.action.changes_records() || TWO_PEOPLE.contains(&facts.action);
        if rests_on_records && snapshot.is_none() {
            return refused("records that are whole".to_owned(), None);
        }
        let needs = |snapshot: &&Snapshot| {
            TWO_PEOPLE.contains(&facts.action)
                && snapshot.has_approver(facts, self.principal)
                && snapshot.approvals(facts, self.principal) < snapshot.approvals_demanded(facts)
        };
        if snapshot.filter(needs).is_some() {
            let ask = Some("an approver".to_owned());
            return refused("the approval of another person, of exactly this".to_owned(), ask);
        }
        // Holding the root key is taken away by no revocation; what was approved may be.
        let epoch = match snapshot {
            Some(snapshot) if TWO_PEOPLE.contains(&facts.action) => snapshot.epoch,
            _ => Epoch::ANY,
        };
        Verdict::Allow(Grounds { policies: vec!["local-operator".to_owned()], epoch, ..Grounds::default() })
    }
}

/// A denial that says what is missing.
pub(crate) fn refused(missing: String, ask: Option<String>) -> Verdict {
    Verdict::Deny(Refusal { missing: vec![missing], ask, hidden: false }, Grounds::default())
}

/// Without people and policies: what stands before there are any.
impl Decide for LocalOperator {
    fn evaluate(&self, facts: &Facts) -> Verdict {
        self.decided(facts, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{Actor, Moment, RequestId};

    fn allows(action: Action, principal: u8) -> bool {
        let actor = Actor::service(PrincipalId([principal; 16]));
        let facts = Facts::new(RequestId([0; 16]), Moment(0), action, actor);
        let policy = LocalOperator { principal: PrincipalId([1; 16]) };
        matches!(policy.evaluate(&facts), Verdict::Allow(_))
    }

    #[test]
    fn the_operator_cares_for_keys_and_reads_no_object() {
        assert!(allows(Action::KeyRotate, 1) && allows(Action::LogSearch, 1));
        assert!(!allows(Action::KeyRotate, 2), "someone else");
        assert!(!allows(Action::PrincipalCreate, 1), "records that are not known to be whole");
        for action in [Action::ObjectRead, Action::PublicationMake, Action::LabelLower, Action::Approve] {
            assert!(!allows(action, 1), "{action}");
        }
    }
}
