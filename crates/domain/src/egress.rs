//! What may leave: how many objects, and how many bytes, somebody may read over some time.
//!
//! What is read is counted for whoever reads, for their vendor, and for each project of what they read, each by the level
//! of it. An object counts once over a window, however often it is read.

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
            Self::Month => "thirty days",
        }
    }
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
}

/// Distinct objects that a share never goes below.
pub const SHARE_OBJECTS_MIN: u64 = 50;

/// By how much more a project may be read by all together than by one reader.
pub const PROJECT_FACTOR: u64 = 10;

impl Egress {
    /// What may be read by an allowance of so many bytes, which lasts no longer than thirty days.
    #[must_use]
    pub const fn of_allowance(bytes: u64) -> Self {
        Self { objects: [UNLIMITED; 4], bytes: [UNLIMITED, UNLIMITED, UNLIMITED, bytes], share_percent: 100 }
    }

    /// What all readers of a project may read together.
    #[must_use]
    pub fn of_project(&self) -> Self {
        let more = |limit: u64| limit.saturating_mul(PROJECT_FACTOR);
        let objects = |limit: u64| if limit == UNLIMITED { limit } else { more(limit).min(EGRESS_OBJECTS_MAX) };
        let share_percent = self.share_percent.saturating_mul(PROJECT_FACTOR as u32).min(100);
        Self { objects: self.objects.map(objects), bytes: self.bytes.map(more), share_percent }
    }

    /// The distinct objects that thirty days may show, when there are `all` of the level.
    #[must_use]
    pub fn share_of(&self, all: u64) -> u64 {
        match self.share_percent {
            percent if percent >= 100 => UNLIMITED,
            percent => (all.saturating_mul(percent.into()) / 100).max(SHARE_OBJECTS_MIN),
        }
    }

    /// Returns how long it takes to read so many bytes, in milliseconds: as long as the slowest window lets them leave.
    #[must_use]
    pub fn pace_ms(&self, bytes: u64) -> i64 {
        let of = |(window, limit): (Window, u64)| match limit {
            UNLIMITED => 0,
            limit => u128::from(bytes) * window.ms() as u128 / u128::from(limit.max(1)),
        };
        let slowest = Window::ALL.into_iter().zip(self.bytes).map(of).max().unwrap_or(0);
        i64::try_from(slowest).unwrap_or(i64::MAX)
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
    /// Whoever reads by an allowance: it is counted against that, and against nothing else.
    Allowance(AllowanceId),
}

impl Payer {
    /// Returns it in words, for whoever is at its limit.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Principal(_) => "you",
            Self::Vendor(_) => "everybody of your vendor together",
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
    /// What a read of `target` by `principal` at a moment is counted as; `None` when nothing limits it.
    #[must_use]
    pub fn of(target: &Target, principal: &Principal, roster: &Roster, at: Moment) -> Option<Self> {
        let (version, label) = (target.version?, target.label.as_ref()?);
        let own = roster.levels.egress(label.level);
        if !own.limits() {
            return None;
        }
        let charge = |payers, at_limit| {
            let level = label.level;
            Self { version, level, at, bytes: 0, ahead: 0, payers, proved_age_s: None, at_limit }
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
        let vendor = principal.vendor.map(|vendor| (Payer::Vendor(vendor), own));
        let projects = label.projects.iter().map(|project| (Payer::Project(project.clone()), own.of_project()));
        let payers = std::iter::once((Payer::Principal(principal.id), own)).chain(vendor).chain(projects).collect();
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
    fn what_is_large_takes_as_long_as_its_slowest_window() {
        let day = Window::Day.ms();
        let egress = Egress { bytes: [UNLIMITED, 100, 200, 3_000], objects: [UNLIMITED; 4], share_percent: 100 };
        assert_eq!(egress.pace_ms(200), 2 * day, "thirty days let a hundred leave each day");
        assert_eq!(
            Egress { bytes: [1, 100, 2_000, UNLIMITED], ..egress }.pace_ms(60),
            Window::Hour.ms(),
            "a minute does"
        );
        assert_eq!(Egress { bytes: [UNLIMITED; 4], ..egress }.pace_ms(u64::MAX), 0);
        assert_eq!(Egress { bytes: [0; 4], ..egress }.pace_ms(u64::MAX), i64::MAX);
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
            assert!(higher.share_percent <= lower.share_percent);
        }
    }
}
