//! Requests without credentials: each acts as the publication that it names, and reaches nothing else.

use std::collections::BTreeSet;

use cordon_domain::{Action, Moment, PrincipalKind, Publication, PublicationId};
use cordon_gate::{Facts, Grounds, Verdict};

use crate::decide::denied;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// Returns the publications by which strangers read at a moment, as far as records tell: whether the version is there, and
    /// how it is labelled by now, is not among them.
    pub fn publications(&self, at: Moment) -> impl Iterator<Item = &Publication> {
        self.roster().publications.values().filter(move |one| one.counts_at(at) && !self.is_suspended(one, at))
    }

    /// Tells whether a project of it was closed, or an embargo is on it: that spares roles, and strangers have none.
    #[must_use]
    pub fn is_suspended(&self, publication: &Publication, at: Moment) -> bool {
        let closed = publication.label.projects.iter().any(|project| self.roster().closed.contains(project));
        closed || self.roster().is_embargoed(&publication.target(), &BTreeSet::new(), at)
    }

    /// Decides on a request that shows nothing: it reads what its publication names, as long as that counts, has the label that
    /// it had then, and belongs to no project that was closed since; and under no embargo.
    pub(crate) fn published(&self, facts: &Facts) -> Verdict {
        let nothing = || denied("a publication of exactly this, that counts", self.epoch);
        let id = PublicationId(facts.actor.principal.0);
        let Some(publication) = self.roster().publications.get(&id) else { return nothing() };
        let suspended = self.is_suspended(publication, facts.at);
        let same = facts.target == publication.target();
        let bare = facts.actor.kind == PrincipalKind::Stranger && facts.actor.credential.is_none();
        if !bare || facts.action != Action::ObjectRead || !same || suspended || !publication.counts_at(facts.at) {
            return nothing();
        }
        let policies = vec!["publication".to_owned()];
        Verdict::Allow(Grounds { policies, epoch: self.epoch, ..Grounds::default() })
    }
}

#[cfg(test)]
mod tests {
    use cordon_domain::{
        Actor, BucketId, Embargo, EmbargoId, Label, Level, PrincipalId, Record, RequestId, Role, Roster, Scope, Target,
        VersionId,
    };
    use cordon_gate::Epoch;

    use super::*;

    const ID: PublicationId = PublicationId([1; 16]);

    fn publication() -> Publication {
        Publication {
            id: ID,
            bucket: BucketId([2; 16]),
            version: VersionId([3; 16]),
            label: Label::of(Level::Confidential).with("atlas".parse().expect("a project")),
            key: "news.html".parse().expect("a name"),
            bytes: 7,
            starts: Some(Moment(10)),
            ends: Moment(20),
            by: PrincipalId([4; 16]),
            reason: "the launch".to_owned(),
        }
    }

    fn roster() -> Roster {
        let mut roster = Roster::default();
        roster.put(Record::Publication(Box::new(publication())));
        roster
    }

    fn facts() -> Facts {
        let facts = Facts::new(RequestId([0; 16]), Moment(10), Action::ObjectRead, Publication::stranger(ID));
        Facts { target: publication().target(), ..facts }
    }

    fn reads(roster: Roster, facts: &Facts) -> bool {
        match Snapshot::new(roster, Epoch(7)).expect("valid").verdict(facts) {
            Verdict::Allow(grounds) => {
                let own = Grounds { policies: vec!["publication".to_owned()], epoch: Epoch(7), ..Grounds::default() };
                assert_eq!(grounds, own);
                true
            }
            Verdict::Deny(..) => false,
        }
    }

    #[test]
    fn what_is_listed_is_what_counts_and_belongs_to_no_closed_project() {
        let listed = |roster: Roster, at| {
            let snapshot = Snapshot::new(roster, Epoch(7)).expect("valid");
            snapshot.publications(Moment(at)).map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!([9, 10, 19, 20].map(|at| listed(roster(), at).len()), [0, 1, 1, 0]);
        assert_eq!(listed(roster(), 10), [ID]);
        let mut closed = roster();
        closed.put(Record::Closed("atlas".parse().expect("a project")));
        assert_eq!([9, 10].map(|at| listed(closed.clone(), at).len()), [0, 0]);
    }

    #[test]
    fn a_stranger_reads_what_was_published_while_that_counts() {
        let at = |at| reads(roster(), &Facts { at: Moment(at), ..facts() });
        assert_eq!([9, 10, 19, 20].map(at), [false, true, true, false]);
        assert!(!reads(Roster::default(), &facts()), "it was withdrawn");
    }

    #[test]
    fn a_stranger_reaches_nothing_else() {
        for action in Action::ALL {
            assert_eq!(reads(roster(), &Facts { action, ..facts() }), action == Action::ObjectRead, "{action}");
        }
        let on = |change: &dyn Fn(&mut Target)| {
            let mut facts = facts();
            change(&mut facts.target);
            reads(roster(), &facts)
        };
        assert!(!on(&|target| target.version = Some(VersionId([9; 16]))), "another version");
        assert!(!on(&|target| target.bucket = Some(BucketId([9; 16]))), "in another bucket");
        assert!(!on(&|target| target.label = Some(Label::of(Level::Confidential))), "labelled otherwise since");
        assert!(!on(&|target| target.label = None), "of which the label is not known");
        assert!(!on(&|target| target.principal = Some(PrincipalId([1; 16]))), "about a person");
        let other = Facts { actor: Publication::stranger(PublicationId([9; 16])), ..facts() };
        assert!(!reads(roster(), &other), "by an address that is nobody's");
    }

    #[test]
    fn a_project_that_is_closed_takes_its_publications_along() {
        let mut closed = roster();
        closed.put(Record::Closed("atlas".parse().expect("a project")));
        assert!(!reads(closed, &facts()));
        let mut other = roster();
        other.put(Record::Closed("gemini".parse().expect("a project")));
        assert!(reads(other, &facts()));
    }

    /// An embargo spares roles, and a stranger has none.
    #[test]
    fn an_embargo_keeps_strangers_until_it_ends() {
        let embargoed = |scope: Scope, spares: &[Role]| {
            let mut roster = roster();
            roster.put(Record::Embargo(Box::new(Embargo {
                id: EmbargoId([5; 16]),
                scope,
                bucket: Some(BucketId([2; 16])),
                label: None,
                until: Moment(15),
                spares: spares.iter().copied().collect(),
                by: PrincipalId([4; 16]),
                reason: "the launch".to_owned(),
            })));
            [14, 15].map(|at| {
                let snapshot = Snapshot::new(roster.clone(), Epoch(7)).expect("valid");
                assert_eq!(snapshot.publications(Moment(at)).count() > 0, at == 15);
                reads(roster.clone(), &Facts { at: Moment(at), ..facts() })
            })
        };
        for scope in [
            Scope::Project("atlas".parse().expect("a project")),
            Scope::Bucket(BucketId([2; 16])),
            Scope::Version(VersionId([3; 16])),
        ] {
            assert_eq!(embargoed(scope, &[Role::Reader, Role::Owner]), [false, true]);
        }
    }

    /// Whoever has a publication's number for an identifier is not that publication.
    #[test]
    fn nobody_else_acts_as_a_publication() {
        let kinds = [PrincipalKind::Person, PrincipalKind::Service, PrincipalKind::Vendor, PrincipalKind::Device];
        for kind in kinds {
            let actor = Actor { kind, ..Publication::stranger(ID) };
            assert!(!reads(roster(), &Facts { actor, ..facts() }), "{kind:?}");
        }
        let operator = crate::LocalOperator { principal: PrincipalId(ID.0) };
        let policies = crate::Policies::new(Snapshot::new(roster(), Epoch(7)).expect("valid"), Some(operator.into()));
        use cordon_gate::Decide as _;
        let lists = Facts { action: Action::PolicyChange, target: Target::default(), ..facts() };
        assert!(
            matches!(policies.evaluate(&lists), Verdict::Deny(..)),
            "nor is a publication the person at the machine"
        );
        let credential = Some(cordon_domain::CredentialId([1; 16]));
        let actor = Actor { credential, ..Publication::stranger(ID) };
        assert!(!reads(roster(), &Facts { actor, ..facts() }));
    }
}
