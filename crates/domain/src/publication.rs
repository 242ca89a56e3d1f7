//! A publication: what says, until a date, that anyone may read one version of one object.

use minicbor::{Decode, Encode};

use crate::bucket::ObjectKey;
use crate::event::{Actor, PrincipalKind, Target};
use crate::id::{BucketId, PrincipalId, PublicationId, VersionId};
use crate::label::Label;
use crate::limits::PUBLICATION_MS_MAX;
use crate::time::Moment;

/// That anyone may read one version, until a date.
///
/// It is of a version, as it was labelled then: what is written under the same name later is not public, and nobody reads by
/// it while the version has another label.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Publication {
    /// Identifies it for ever. Its public address carries these 128 bits, and nothing else.
    #[n(0)]
    pub id: PublicationId,
    /// The bucket.
    #[n(1)]
    pub bucket: BucketId,
    /// The version.
    #[n(2)]
    pub version: VersionId,
    /// The label that it had.
    #[n(3)]
    pub label: Label,
    /// The name that led to it.
    #[n(4)]
    pub key: ObjectKey,
    /// How long it is, in bytes.
    #[n(5)]
    pub bytes: u64,
    /// When it begins; `None`: as soon as it is made.
    #[n(6)]
    pub starts: Option<Moment>,
    /// When it ends.
    #[n(7)]
    pub ends: Moment,
    /// Who made it. Who approved is on record.
    #[n(8)]
    pub by: PrincipalId,
    /// Why.
    #[n(9)]
    pub reason: String,
}

impl Publication {
    /// Tells whether it has begun and has not ended.
    #[must_use]
    pub fn counts_at(&self, at: Moment) -> bool {
        self.starts.is_none_or(|starts| starts <= at) && at < self.ends
    }

    /// Tells whether somebody may make it at a moment: it ends, ahead, within a bound, and not before it begins.
    #[must_use]
    pub fn may_begin(&self, at: Moment) -> bool {
        let begins = self.starts.map_or(at, |starts| starts.max(at));
        begins < self.ends && self.ends.since_ms(at) <= PUBLICATION_MS_MAX && !self.reason.trim().is_empty()
    }

    /// Returns what it is decided on.
    #[must_use]
    pub fn target(&self) -> Target {
        let (bucket, version, label) = (Some(self.bucket), Some(self.version), Some(self.label.clone()));
        Target { bucket, version, label, ..Target::default() }
    }

    /// Whoever reads by a publication and shows nothing: they act as it, and as nobody else.
    #[must_use]
    pub const fn stranger(id: PublicationId) -> Actor {
        Actor { kind: PrincipalKind::Stranger, ..Actor::service(PrincipalId(id.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    const DAY_MS: i64 = 86_400_000;

    fn publication(starts: Option<i64>, ends: i64) -> Publication {
        Publication {
            id: PublicationId([1; 16]),
            bucket: BucketId([2; 16]),
            version: VersionId([3; 16]),
            label: Label::of(Level::Internal),
            key: "news.html".parse().expect("a name"),
            bytes: 7,
            starts: starts.map(Moment),
            ends: Moment(ends),
            by: PrincipalId([4; 16]),
            reason: "the launch".to_owned(),
        }
    }

    #[test]
    fn it_counts_from_when_it_begins_to_when_it_ends() {
        let counts = |one: Publication| [0, 9, 10, 19, 20].map(|at| one.counts_at(Moment(at)));
        assert_eq!(counts(publication(None, 20)), [true, true, true, true, false]);
        assert_eq!(counts(publication(Some(10), 20)), [false, false, true, true, false]);
    }

    #[test]
    fn one_without_an_end_ahead_is_not_made() {
        let may = |starts, ends| publication(starts, ends).may_begin(Moment(10));
        assert!(may(None, 11) && may(Some(5), 11) && may(Some(11), 12));
        assert!(!may(None, 10) && !may(Some(11), 11) && !may(Some(12), 11));
        assert!(may(None, 10 + 366 * DAY_MS) && !may(None, 11 + 366 * DAY_MS));
        assert!(!Publication { reason: " ".to_owned(), ..publication(None, 11) }.may_begin(Moment(10)));
    }
}
