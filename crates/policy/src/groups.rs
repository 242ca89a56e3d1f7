//! Roles that people have by the groups of their organisation, as its identity provider tells at each sign-in.

use std::collections::BTreeSet;

use cordon_domain::{Action, Grant, Moment, PrincipalId, PrincipalKind, Record, RecordKey, Role, Scope, Step, Steps};
use cordon_gate::{Facts, Grounds, Verdict};

use crate::limits::GROUP_ROLE_MS_MAX;
use crate::operator::refused;
use crate::snapshot::Snapshot;

/// Lets Cordon itself give people the roles that an organisation says its groups have, for a day, and take back what it
/// gave; and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRoles<'a> {
    /// The service in whose name Cordon itself acts.
    pub(crate) principal: PrincipalId,
    /// The roles that groups have.
    pub(crate) roles: &'a BTreeSet<(Role, Scope)>,
}

impl GroupRoles<'_> {
    /// Decides.
    pub(crate) fn decided(self, facts: &Facts, snapshot: &Snapshot) -> Verdict {
        let steps = Steps::decoded(&facts.beside).unwrap_or_default();
        let of = facts.target.principal.filter(|id| is_person(snapshot, *id));
        let fits = of.is_some_and(|of| match facts.action {
            Action::GrantMake => steps.0.iter().all(|step| self.gives(step, of, facts.at)),
            Action::Revoke => steps.0.iter().all(|step| self.takes(step, of, snapshot)),
            _ => false,
        });
        if !fits || steps.0.is_empty() {
            return refused("a role that a group of the identity provider has".to_owned(), None);
        }
        let policies = vec!["group-roles".to_owned()];
        Verdict::Allow(Grounds { policies, epoch: snapshot.epoch, ..Grounds::default() })
    }

    fn gives(self, step: &Step, of: PrincipalId, at: Moment) -> bool {
        let Step::Put(Record::Grant(grant)) = step else { return false };
        let known = self.roles.contains(&(grant.role, grant.scope.clone()));
        let ends = grant.ends.is_some_and(|ends| ends.since_ms(at) <= GROUP_ROLE_MS_MAX);
        known && ends && self.is_own(grant, of)
    }

    fn takes(self, step: &Step, of: PrincipalId, snapshot: &Snapshot) -> bool {
        let Step::End(RecordKey::Grant(id)) = step else { return false };
        snapshot.roster().grants.get(id).is_some_and(|grant| self.is_own(grant, of))
    }

    fn is_own(self, grant: &Grant, of: PrincipalId) -> bool {
        grant.given_by == self.principal && grant.principal == of
    }
}

fn is_person(snapshot: &Snapshot, id: PrincipalId) -> bool {
    snapshot.roster().principals.get(&id).is_some_and(|principal| principal.kind != PrincipalKind::Service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{Actor, GrantId, Level, Principal, RequestId, Roster, Target};
    use cordon_gate::Epoch;

    const ITSELF: PrincipalId = PrincipalId([9; 16]);
    const ADA: PrincipalId = PrincipalId([1; 16]);
    const ROBOT: PrincipalId = PrincipalId([2; 16]);

    fn principal(id: PrincipalId, kind: PrincipalKind) -> Principal {
        Principal {
            id,
            kind,
            owner: ADA,
            clearance: Level::Internal,
            projects: BTreeSet::new(),
            vendor: None,
            purpose: None,
            until: None,
            trained_until: None,
        }
    }

    fn grant() -> Grant {
        Grant {
            id: GrantId([3; 16]),
            principal: ADA,
            role: Role::Reader,
            scope: Scope::Installation,
            starts: Moment(0),
            ends: Some(Moment(GROUP_ROLE_MS_MAX)),
            reason: "group".to_owned(),
            given_by: ITSELF,
        }
    }

    fn snapshot() -> Snapshot {
        let mut roster = Roster::default();
        roster.put(Record::Principal(principal(ADA, PrincipalKind::Person)));
        roster.put(Record::Principal(principal(ROBOT, PrincipalKind::Service)));
        roster.put(Record::Grant(grant()));
        roster.put(Record::Grant(Grant { id: GrantId([4; 16]), given_by: ADA, ..grant() }));
        Snapshot::new(roster, Epoch(7)).expect("valid")
    }

    fn allows(action: Action, of: PrincipalId, steps: Vec<Step>) -> bool {
        let roles = BTreeSet::from([(Role::Reader, Scope::Installation)]);
        let groups = GroupRoles { principal: ITSELF, roles: &roles };
        let target = Target { principal: Some(of), ..Target::default() };
        let asked = Facts::new(RequestId([0; 16]), Moment(0), action, Actor::service(ITSELF));
        let facts = Facts { target, beside: Steps(steps).encoded(), ..asked };
        match groups.decided(&facts, &snapshot()) {
            Verdict::Allow(grounds) => {
                assert_eq!((grounds.policies, grounds.epoch), (vec!["group-roles".to_owned()], Epoch(7)));
                true
            }
            Verdict::Deny(..) => false,
        }
    }

    #[test]
    fn what_groups_have_is_given_for_a_day_and_nothing_else() {
        let gives = |grant: Grant| allows(Action::GrantMake, ADA, vec![Step::Put(Record::Grant(grant))]);
        assert!(gives(grant()));
        assert!(!gives(Grant { role: Role::Owner, ..grant() }), "a role that no group has");
        assert!(!gives(Grant { scope: "project:gemini".parse().expect("a scope"), ..grant() }), "on something else");
        assert!(!gives(Grant { ends: None, ..grant() }), "for ever");
        assert!(!gives(Grant { ends: Some(Moment(GROUP_ROLE_MS_MAX + 1)), ..grant() }), "for longer");
        assert!(!gives(Grant { given_by: ADA, ..grant() }), "in another's name");
        assert!(!gives(Grant { principal: ROBOT, ..grant() }), "to another");
        assert!(!allows(Action::GrantMake, ADA, Vec::new()), "nothing");
        let to_robot = Grant { principal: ROBOT, ..grant() };
        assert!(!allows(Action::GrantMake, ROBOT, vec![Step::Put(Record::Grant(to_robot))]), "to a service");
        let both = vec![
            Step::Put(Record::Grant(grant())),
            Step::Put(Record::Principal(principal(ADA, PrincipalKind::Person))),
        ];
        assert!(!allows(Action::GrantMake, ADA, both), "something beside it");
        assert!(!allows(Action::PrincipalCreate, ADA, vec![Step::Put(Record::Grant(grant()))]), "another action");
    }

    #[test]
    fn what_was_given_so_is_taken_back_and_nothing_else() {
        let takes = |action, of, id| allows(action, of, vec![Step::End(RecordKey::Grant(GrantId([id; 16])))]);
        assert!(takes(Action::Revoke, ADA, 3));
        assert!(!takes(Action::Revoke, ADA, 4), "what somebody else gave");
        assert!(!takes(Action::Revoke, ADA, 5), "what is not there");
        assert!(!takes(Action::Revoke, ROBOT, 3), "another's");
        assert!(!takes(Action::EmergencyReview, ADA, 3), "another action");
        assert!(!allows(Action::Revoke, ADA, vec![Step::End(RecordKey::Principal(ADA))]), "a person");
    }
}
