//! The person at the machine: whoever can unlock the root key there.

use cordon_domain::Action;
use cordon_gate::{Decide, Epoch, Facts, Grounds, Refusal, Verdict};

/// Allows one principal to care for keys and to look into the log, and nothing else.
///
/// Someone who can unlock the root key at the machine can read everything with other means; the policy makes that
/// what they do through Cordon is decided in one place and recorded.
#[derive(Clone, Copy, Debug)]
pub struct LocalOperator {
    /// Who that is.
    pub principal: cordon_domain::PrincipalId,
}

impl Decide for LocalOperator {
    fn evaluate(&self, facts: &Facts) -> Verdict {
        let cares = matches!(
            facts.action,
            Action::KeyUnlock
                | Action::KeyRotate
                | Action::KeyRewrap
                | Action::KeyShred
                | Action::KeyCertify
                | Action::LogSearch
                | Action::PrincipalErase
                | Action::BackupMake
                | Action::BackupRestore
        );
        if cares && facts.actor.principal == self.principal {
            // It rests on holding the root key, which no revocation takes away.
            let policies = vec!["local-operator".to_owned()];
            return Verdict::Allow(Grounds { policies, epoch: Epoch::ANY, ..Grounds::default() });
        }
        let missing = vec![format!("`{}` is not among what the person at the machine may do", facts.action)];
        Verdict::Deny(Refusal { missing, ..Refusal::default() }, Grounds::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{Actor, Moment, Personal, PrincipalId, RequestId, Target};

    fn allows(action: Action, principal: u8) -> bool {
        let facts = Facts {
            request: RequestId([0; 16]),
            at: Moment(0),
            action,
            actor: Actor::service(PrincipalId([principal; 16])),
            target: Target::default(),
            personal: Personal::default(),
            reason: None,
            client: None,
            beside: Vec::new(),
        };
        let policy = LocalOperator { principal: PrincipalId([1; 16]) };
        matches!(policy.evaluate(&facts), Verdict::Allow(_))
    }

    #[test]
    fn the_operator_cares_for_keys_and_reads_no_object() {
        assert!(allows(Action::KeyRotate, 1) && allows(Action::LogSearch, 1));
        assert!(!allows(Action::KeyRotate, 2), "someone else");
        for action in [Action::ObjectRead, Action::PublicationMake, Action::LabelLower, Action::GrantMake] {
            assert!(!allows(action, 1), "{action}");
        }
    }
}
