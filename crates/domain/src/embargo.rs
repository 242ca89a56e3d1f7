//! What nobody reads before a moment, but for the roles that it spares.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::event::Target;
use crate::grant::{Role, Scope};
use crate::id::{BucketId, EmbargoId, PrincipalId};
use crate::label::Label;
use crate::time::Moment;

/// That what a scope covers is not read before a moment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Embargo {
    /// Identifies it for ever.
    #[n(0)]
    pub id: EmbargoId,
    /// What it is on: a project, a bucket or a version.
    #[n(1)]
    pub scope: Scope,
    /// The bucket, where it is on a bucket or a version.
    #[n(2)]
    pub bucket: Option<BucketId>,
    /// The label that this had.
    #[n(3)]
    pub label: Option<Label>,
    /// Until when: from this moment on it is read as ever.
    #[n(4)]
    pub until: Moment,
    /// Whoever has one of these roles on it reads it before.
    #[n(5)]
    pub spares: BTreeSet<Role>,
    /// Who made it.
    #[n(6)]
    pub by: PrincipalId,
    /// Why.
    #[n(7)]
    pub reason: String,
}

/// Roles with which one reads.
pub const READING: [Role; 3] = [Role::Reader, Role::Contributor, Role::Owner];

impl Embargo {
    /// Tells whether it has not ended.
    #[must_use]
    pub const fn counts_at(&self, at: Moment) -> bool {
        at.0 < self.until.0
    }

    /// Tells whether it keeps whoever has these roles from reading something at a moment.
    #[must_use]
    pub fn keeps(&self, target: &Target, roles: &BTreeSet<Role>, at: Moment) -> bool {
        self.counts_at(at) && self.scope.covers(target) && self.spares.is_disjoint(roles)
    }

    /// Tells whether it is one that can be: on something that is not everything, ahead, with a reason, sparing roles that read.
    #[must_use]
    pub fn may_begin(&self, at: Moment) -> bool {
        let placed = match self.scope {
            Scope::Installation => false,
            Scope::Project(_) => self.bucket.is_none() && self.label.is_none(),
            Scope::Bucket(bucket) => self.bucket == Some(bucket) && self.label.is_some(),
            Scope::Version(_) => self.bucket.is_some() && self.label.is_some(),
        };
        let reading = self.spares.iter().all(|role| READING.contains(role));
        placed && reading && self.counts_at(at) && !self.reason.trim().is_empty()
    }

    /// Returns what it is decided on, when it is made.
    #[must_use]
    pub fn target(&self) -> Target {
        let version = match self.scope {
            Scope::Version(version) => Some(version),
            _ => None,
        };
        Target { bucket: self.bucket, version, label: self.label.clone(), ..Target::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VersionId;
    use crate::level::Level;

    fn embargo(scope: Scope, until: i64) -> Embargo {
        let bucket = (!matches!(scope, Scope::Project(_))).then_some(BucketId([2; 16]));
        Embargo {
            id: EmbargoId([1; 16]),
            scope,
            bucket,
            label: bucket.map(|_| Label::of(Level::Internal)),
            until: Moment(until),
            spares: [Role::Owner].into(),
            by: PrincipalId([4; 16]),
            reason: "the launch".to_owned(),
        }
    }

    #[test]
    fn it_keeps_all_whom_it_does_not_spare_to_the_millisecond() {
        let label = Label::of(Level::Internal).with("atlas".parse().expect("a project"));
        let (bucket, version) = (Some(BucketId([2; 16])), Some(VersionId([3; 16])));
        let target = Target { bucket, version, label: Some(label), ..Target::default() };
        let scopes = [
            Scope::Project("atlas".parse().expect("a project")),
            Scope::Bucket(BucketId([2; 16])),
            Scope::Version(VersionId([3; 16])),
        ];
        for scope in scopes {
            let one = embargo(scope, 20);
            let keeps = |roles: &[Role], at| one.keeps(&target, &roles.iter().copied().collect(), Moment(at));
            assert!(keeps(&[], 19) && keeps(&[Role::Reader, Role::Contributor], 19));
            assert!(!keeps(&[], 20), "it has ended");
            assert!(!keeps(&[Role::Reader, Role::Owner], 0), "spared");
            let other = Target { bucket: Some(BucketId([9; 16])), ..Target::default() };
            assert!(!one.keeps(&other, &BTreeSet::new(), Moment(0)));
        }
    }

    #[test]
    fn one_on_everything_or_that_has_ended_is_not_made() {
        let project = || Scope::Project("atlas".parse().expect("a project"));
        let may = |one: Embargo| one.may_begin(Moment(10));
        assert!(may(embargo(project(), 11)) && may(embargo(Scope::Bucket(BucketId([2; 16])), 11)));
        assert!(may(embargo(Scope::Version(VersionId([3; 16])), 11)));
        assert!(!may(embargo(Scope::Installation, 11)) && !may(embargo(project(), 10)));
        assert!(!may(embargo(Scope::Bucket(BucketId([9; 16])), 11)), "another bucket");
        assert!(!may(Embargo { label: None, ..embargo(Scope::Bucket(BucketId([2; 16])), 11) }));
        assert!(!may(Embargo { bucket: Some(BucketId([2; 16])), ..embargo(project(), 11) }));
        assert!(!may(Embargo { reason: String::new(), ..embargo(project(), 11) }));
        assert!(!may(Embargo { spares: [Role::Security].into(), ..embargo(project(), 11) }), "it reads nothing");
    }
}
