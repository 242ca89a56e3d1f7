//! Bulk work that was said beforehand: somebody may read so many bytes of one bucket, until a date, beyond what may leave.

use minicbor::{Decode, Encode};

use crate::event::Target;
use crate::id::{AllowanceId, BucketId, PrincipalId};
use crate::label::Label;
use crate::limits::ALLOWANCE_MS_MAX;
use crate::time::Moment;

/// That somebody may read more of a bucket than limits allow.
///
/// What they read by it counts against it, for whoever they are and whatever project it is of, and against no limit. What is
/// in the bucket and of a higher level than the bucket was is not read by it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Allowance {
    /// Identifies it for ever.
    #[n(0)]
    pub id: AllowanceId,
    /// Who may.
    #[n(1)]
    pub principal: PrincipalId,
    /// The bucket.
    #[n(2)]
    pub bucket: BucketId,
    /// The label that the bucket had: what is higher is not read by it.
    #[n(3)]
    pub label: Label,
    /// How many bytes, in all.
    #[n(4)]
    pub bytes: u64,
    /// When it was asked for.
    #[n(5)]
    pub since: Moment,
    /// When it ends.
    #[n(6)]
    pub ends: Moment,
    /// Who made it. Who approved is on record.
    #[n(7)]
    pub by: PrincipalId,
    /// Why.
    #[n(8)]
    pub reason: String,
}

impl Allowance {
    /// Tells whether it has not ended.
    #[must_use]
    pub const fn counts_at(&self, at: Moment) -> bool {
        at.0 < self.ends.0
    }

    /// Tells whether somebody may make it at a moment: it is of some bytes, has a reason, and ends ahead, within a bound. What
    /// is counted against it is kept for as long.
    #[must_use]
    pub fn may_begin(&self, at: Moment) -> bool {
        let within = self.since <= at && at < self.ends && self.ends.since_ms(self.since) <= ALLOWANCE_MS_MAX;
        within && self.bytes > 0 && !self.reason.trim().is_empty()
    }

    /// Tells whether a read is one that it is for.
    #[must_use]
    pub fn covers(&self, principal: PrincipalId, target: &Target, at: Moment) -> bool {
        let label = target.label.as_ref();
        self.principal == principal
            && target.bucket == Some(self.bucket)
            && label.is_some_and(|label| label.level <= self.label.level)
            && self.counts_at(at)
    }

    /// Returns what it is decided on.
    #[must_use]
    pub fn target(&self) -> Target {
        let (bucket, label, principal) = (Some(self.bucket), Some(self.label.clone()), Some(self.principal));
        Target { bucket, label, principal, ..Target::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VersionId;
    use crate::level::Level;

    const WHO: PrincipalId = PrincipalId([2; 16]);

    fn allowance(since: i64, ends: i64) -> Allowance {
        Allowance {
            id: AllowanceId([1; 16]),
            principal: WHO,
            bucket: BucketId([3; 16]),
            label: Label::of(Level::Confidential),
            bytes: 10,
            since: Moment(since),
            ends: Moment(ends),
            by: PrincipalId([4; 16]),
            reason: "training".to_owned(),
        }
    }

    #[test]
    fn it_covers_its_bucket_up_to_the_level_of_that_until_it_ends() {
        let one = allowance(0, 20);
        let target = |bucket: u8, level| Target {
            bucket: Some(BucketId([bucket; 16])),
            version: Some(VersionId([9; 16])),
            label: Some(Label::of(level)),
            ..Target::default()
        };
        let covers = |bucket, level, at| one.covers(WHO, &target(bucket, level), Moment(at));
        assert!(covers(3, Level::Confidential, 19) && covers(3, Level::Public, 0));
        assert!(!covers(3, Level::Confidential, 20), "it has ended");
        assert!(!covers(3, Level::Restricted, 0), "what was raised");
        assert!(!covers(4, Level::Public, 0), "another bucket");
        assert!(!one.covers(PrincipalId([5; 16]), &target(3, Level::Public), Moment(0)), "somebody else");
        let unlabelled = Target { label: None, ..target(3, Level::Public) };
        assert!(!one.covers(WHO, &unlabelled, Moment(0)));
    }

    #[test]
    fn one_that_is_too_long_or_says_nothing_is_not_made() {
        let may = |one: &Allowance| one.may_begin(Moment(10));
        assert!(may(&allowance(10, 11)) && may(&allowance(5, 5 + ALLOWANCE_MS_MAX)));
        assert!(!may(&allowance(10, 10)) && !may(&allowance(11, 12)) && !may(&allowance(5, 6 + ALLOWANCE_MS_MAX)));
        assert!(!may(&Allowance { bytes: 0, ..allowance(10, 11) }));
        assert!(!may(&Allowance { reason: "\t".to_owned(), ..allowance(10, 11) }));
    }
}
