//! What may leave: how many objects, and how many bytes, somebody may read over some time.
//!
//! What is read is counted for whoever reads, for their vendor, and for each project of what they read, each by the level
//! of it. An object counts once over a window, however often it is read.
//!
//! A file of weights has a budget of its own beside that: a part of its size, for whoever reads it and for all of their vendor.

use minicbor::{Decode, Encode};

use crate::event::Target;
use crate::guarding::Mode;
use crate::id::{AllowanceId, PrincipalId, VendorId, VersionId};
use crate::label::Project;
use crate::level::Level;
use crate::limits::EGRESS_OBJECTS_MAX;
use crate::principal::Principal;
use crate::roster::Roster;
use crate::time::Moment;

/// Over how long it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// Thirty days.
    Month,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// Returns how long it is, in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Month => 30 * 86_400_000,
        }
    }

    /// Returns it in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "a minute",
            Self::Hour => "an hour",
            Self::Day => "a day",
            Self::Month => "in thirty days",
        }
    }
}

/// Says how long something takes, in the largest unit of which it is some.
#[must_use]
pub fn lasting(ms: i64) -> String {
    let minutes = ms.div_euclid(Window::Minute.ms()).saturating_add(1);
    let (count, unit) = match minutes {
        ..120 => (minutes, "minutes"),
        120..2_880 => (minutes / 60, "hours"),
        _ => (minutes / 1_440, "days"),
    };
    format!("some {count} {unit}")
}

/// No limit.
pub const UNLIMITED: u64 = u64::MAX;

/// What one reader may read of a level, by windows: a minute, an hour, a day, thirty days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Egress {
    /// Distinct objects.
    #[n(0)]
    pub objects: [u64; 4],
    /// Bytes.
    #[n(1)]
    pub bytes: [u64; 4],
    /// The share of all objects of the level that thirty days may show, in percent; of few objects, [`SHARE_OBJECTS_MIN`].
    #[n(2)]
    pub share_percent: u32,
    /// The share of a file of weights that a day may show, in percent, and five times as much thirty days; where it is not said,
    /// what [`Levels::DEFAULT`](crate::demand::Levels::DEFAULT) says.
    #[n(3)]
    pub weights_percent: Option<u32>,
}

/// Distinct objects that a share never goes below.
pub const SHARE_OBJECTS_MIN: u64 = 50;

/// Bytes of a file of weights that a day may show at least. One of no more has no budget of its own.
pub const WEIGHTS_BYTES_MIN: u64 = 8 << 20;

/// Days of whose shares thirty days of reading one file of weights are made.
const WEIGHTS_DAYS: u64 = 5;

/// By how much more a project may be read by all together than by one reader.
pub const PROJECT_FACTOR: u64 = 10;

impl Egress {
    /// Anything.
    pub const ANY: Self =
        Self { objects: [UNLIMITED; 4], bytes: [UNLIMITED; 4], share_percent: 100, weights_percent: Some(100) };

    /// What may be read by an allowance of so many bytes, which lasts no longer than thirty days.
    #[must_use]
    pub const fn of_allowance(bytes: u64) -> Self {
        Self { bytes: [UNLIMITED, UNLIMITED, UNLIMITED, bytes], ..Self::ANY }
    }

    /// What may be read of one file of weights of so many bytes; `None` when that is not limited.
    #[must_use]
    pub fn of_weights(&self, bytes: u64) -> Option<Self> {
        let percent = self.weights_percent.filter(|percent| *percent < 100 && bytes > WEIGHTS_BYTES_MIN)?;
        let share = |days: u64| {
            let bytes = u128::from(bytes) * u128::from(percent) * u128::from(days) / 100;
            u64::try_from(bytes).unwrap_or(UNLIMITED).max(WEIGHTS_BYTES_MIN * days)
        };
        Some(Self { bytes: [UNLIMITED, UNLIMITED, share(1), share(WEIGHTS_DAYS)], ..Self::ANY })
    }

    /// What all readers of a project may read together.
    #[must_use]
    pub fn of_project(&self) -> Self {
        let more = |limit: u64| limit.saturating_mul(PROJECT_FACTOR);
        let objects = |limit: u64| if limit == UNLIMITED { limit } else { more(limit).min(EGRESS_OBJECTS_MAX) };
        let share_percent = self.share_percent.saturating_mul(PROJECT_FACTOR as u32).min(100);
        Self { objects: self.objects.map(objects), bytes: self.bytes.map(more), share_percent, ..*self }
    }

    /// The distinct objects that thirty days may show, when there are `all` of the level.
    #[must_use]
    pub fn share_of(&self, all: u64) -> u64 {
        match self.share_percent {
            percent if percent >= 100 => UNLIMITED,
            percent => (all.saturating_mul(percent.into()) / 100).max(SHARE_OBJECTS_MIN),
        }
    }

    /// Returns how long it takes at least to read so many bytes, in milliseconds: each window is used up at once, and is over before
    /// the next begins.
    #[must_use]
    pub fn pace_ms(&self, bytes: u64) -> i64 {
        let (mut left, mut together, mut slowest) = (bytes, 0_u128, 0_u128);
        for (window, limit) in Window::ALL.into_iter().zip(self.bytes).rev().filter(|(_, limit)| *limit < UNLIMITED) {
            if limit == 0 {
                return i64::MAX;
            }
            let over = |bytes: u64| u128::from(bytes.saturating_sub(1) / limit) * window.ms() as u128;
            slowest = slowest.max(over(bytes));
            together += over(left);
            left -= left.saturating_sub(1) / limit * limit;
        }
        i64::try_from(together.max(slowest)).unwrap_or(i64::MAX)
    }

    /// Tells whether objects are limited.
    #[must_use]
    pub fn limits_objects(&self) -> bool {
        self.share_percent < 100 || self.objects.iter().any(|limit| *limit < UNLIMITED)
    }

    /// Tells whether anything is limited.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.limits_objects() || self.bytes.iter().any(|limit| *limit < UNLIMITED)
    }
}

/// For whom it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// Whoever reads.
    Principal(PrincipalId),
    /// Everybody of their vendor.
    Vendor(VendorId),
    /// Everybody who reads what is of a project.
    Project(Project),
    /// Whoever reads a file of weights.
    Weights(PrincipalId, VersionId),
    /// Everybody of a vendor who reads a file of weights.
    VendorWeights(VendorId, VersionId),
    /// Whoever reads by an allowance: it is counted against that, and against nothing else.
    Allowance(AllowanceId),
}

impl Payer {
    /// Returns it in words, for whoever is at its limit.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Principal(_) | Self::Weights(..) => "you",
            Self::Vendor(_) | Self::VendorWeights(..) => "everybody of your vendor together",
            Self::Project(_) => "everybody who reads a project of it together",
            Self::Allowance(_) => "you, by an allowance,",
        }
    }
}

/// What a read takes from limits, before its bytes leave; or gives back, when they did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What is read.
    pub version: VersionId,
    /// Its level.
    pub level: Level,
    /// When.
    pub at: Moment,
    /// How many bytes.
    pub bytes: u64,
    /// How many are to follow: they are taken later, and nothing is taken when there is no room for them either.
    pub ahead: u64,
    /// How many bytes it has in all, when it is a file of weights.
    pub weights: Option<u64>,
    /// For whom it is counted, and what each may read.
    pub payers: Vec<(Payer, Egress)>,
    /// How old the proof of the sign-in is, in seconds; none of a service, which cannot step up.
    pub proved_age_s: Option<u32>,
    /// Whether it is refused at a limit.
    pub at_limit: AtLimit,
}

/// What is done with a read at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtLimit {
    /// It is refused.
    #[default]
    Refuse,
    /// It is not, and it is on record that it would have been.
    Record,
    /// It is counted, whatever the limit.
    Count,
}

impl Charge {
    /// What a read of `target` by `principal` at a moment is counted as; `None` when nothing limits it. Of a file of weights,
    /// `weights` says how many bytes it has.
    #[must_use]
    pub fn of(
        (target, weights): (&Target, Option<u64>),
        principal: &Principal,
        roster: &Roster,
        at: Moment,
    ) -> Option<Self> {
        let (version, label) = (target.version?, target.label.as_ref()?);
        let own = roster.levels.egress(label.level);
        let of_weights = weights.and_then(|bytes| own.of_weights(bytes));
        if !own.limits() && of_weights.is_none() {
            return None;
        }
        let charge = |payers, at_limit| {
            let level = label.level;
            Self { version, level, at, bytes: 0, ahead: 0, weights, payers, proved_age_s: None, at_limit }
        };
        let allowed = roster.allowances.values().filter(|one| one.covers(principal.id, target, at));
        if let Some(allowance) = allowed.max_by_key(|one| one.ends) {
            return Some(charge(
                vec![(Payer::Allowance(allowance.id), Egress::of_allowance(allowance.bytes))],
                AtLimit::Refuse,
            ));
        }
        let bucket = target.bucket.and_then(|bucket| roster.buckets.get(bucket));
        let at_limit = match bucket.map_or(Mode::Enforce, |bucket| bucket.guarding().limits_of(label.level)) {
            Mode::Enforce => AtLimit::Refuse,
            Mode::Observe => AtLimit::Record,
        };
        let mut payers = vec![(Payer::Principal(principal.id), own)];
        payers.extend(principal.vendor.map(|vendor| (Payer::Vendor(vendor), own)));
        payers.extend(label.projects.iter().map(|project| (Payer::Project(project.clone()), own.of_project())));
        if let Some(limits) = of_weights {
            payers.push((Payer::Weights(principal.id, version), limits));
            payers.extend(principal.vendor.map(|vendor| (Payer::VendorWeights(vendor, version), limits)));
        }
        Some(charge(payers, at_limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Levels;

    #[test]
    fn a_share_is_of_all_there_is_and_never_of_a_handful() {
        let egress = Levels::DEFAULT.egress(Level::Restricted);
        assert_eq!(egress.share_of(1_000), 50);
        assert_eq!(egress.share_of(10), SHARE_OBJECTS_MIN);
        assert_eq!(egress.share_of(100_000), 100_000 * u64::from(egress.share_percent) / 100);
        assert_eq!(Egress { share_percent: 100, ..egress }.share_of(10), UNLIMITED);
    }

    #[test]
    fn what_is_large_takes_as_long_as_its_windows_let_it() {
        let (minute, hour, day, month) = (Window::Minute.ms(), Window::Hour.ms(), Window::Day.ms(), Window::Month.ms());
        let egress = Egress { bytes: [UNLIMITED, 100, 200, 3_000], ..Egress::ANY };
        let all = [0, 1, 100, 101, 200, 201, 3_000, 3_001, 3_400].map(|bytes| egress.pace_ms(bytes));
        assert_eq!(all, [0, 0, 0, hour, hour, day, 14 * day + hour, month, month + day + hour]);
        let slow = Egress { bytes: [1, 100, 2_000, UNLIMITED], ..egress };
        assert_eq!((slow.pace_ms(60), slow.pace_ms(150)), (59 * minute, 149 * minute), "a minute does");
        assert_eq!(Egress { bytes: [UNLIMITED; 4], ..egress }.pace_ms(u64::MAX), 0);
        assert_eq!(Egress { bytes: [0; 4], ..egress }.pace_ms(u64::MAX), i64::MAX);
    }

    #[test]
    fn how_long_it_takes_is_said_in_its_largest_unit() {
        let all = [0, 59_999, 3 * Window::Hour.ms(), 60 * Window::Day.ms(), i64::MAX].map(lasting);
        let years = "some 106751991167 days";
        assert_eq!(all, ["some 1 minutes", "some 1 minutes", "some 3 hours", "some 60 days", years]);
    }

    #[test]
    fn of_weights_a_day_shows_a_part_and_thirty_days_never_all() {
        let egress = Levels::DEFAULT.egress(Level::Restricted);
        let of = |bytes| egress.of_weights(bytes).map(|limits| limits.bytes);
        assert_eq!(of(140_000_000_000), Some([UNLIMITED, UNLIMITED, 14_000_000_000, 70_000_000_000]));
        assert_eq!(of(WEIGHTS_BYTES_MIN), None, "a small one is read");
        let small = Some([UNLIMITED, UNLIMITED, WEIGHTS_BYTES_MIN, 5 * WEIGHTS_BYTES_MIN]);
        assert_eq!(of(WEIGHTS_BYTES_MIN + 1), small);
        let days = egress.of_weights(140_000_000_000).map(|limits| limits.pace_ms(140_000_000_000) / Window::Day.ms());
        assert_eq!(days, Some(34), "five days, and five more when thirty are over");
        assert_eq!(Levels::DEFAULT.egress(Level::Internal).of_weights(1 << 40), None);
        assert_eq!(Egress { weights_percent: Some(100), ..egress }.of_weights(1 << 40), None);
        assert!(egress.of_weights(u64::MAX).is_some_and(|limits| limits.bytes[2] < limits.bytes[3]));
    }

    #[test]
    fn longer_windows_and_lower_levels_allow_no_less() {
        for level in Level::ALL {
            let egress = Levels::DEFAULT.egress(level);
            assert!(egress.objects.is_sorted() && egress.bytes.is_sorted(), "{level}");
        }
        for pair in Level::ALL.windows(2) {
            let (lower, higher) = (Levels::DEFAULT.egress(pair[0]), Levels::DEFAULT.egress(pair[1]));
            for window in 0..4 {
                assert!(higher.objects[window] <= lower.objects[window], "{} {window}", pair[1]);
                assert!(higher.bytes[window] <= lower.bytes[window], "{} {window}", pair[1]);
            }
            assert!(higher.share_percent <= lower.share_percent && higher.weights_percent <= lower.weights_percent);
        }
    }
}
