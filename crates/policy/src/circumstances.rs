//! How something is asked: what holds now and may be otherwise a minute later.

use std::net::IpAddr;

use cordon_domain::{Factor, Moment};

/// What an emergency opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opened {
    /// Nothing.
    #[default]
    Nothing,
    /// Reading.
    Reads,
    /// Reading and writing.
    Writes,
}

/// How something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Circumstances {
    /// When.
    pub at: Moment,
    /// The hour in UTC, 0 to 23.
    pub hour: u8,
    /// The day of the week in UTC, 1 for Monday to 7.
    pub weekday: u8,
    /// What kind of proof the sign-in rests on.
    pub factor: Factor,
    /// How old that proof is, in seconds.
    pub factor_age_s: u32,
    /// Whether the device is enrolled.
    pub known_device: bool,
    /// The address it came from.
    pub address: Option<IpAddr>,
    /// How many other humans approved exactly this.
    pub approvals: usize,
    /// Whether nobody has looked yet into the version, and somebody else wrote it.
    pub pending: bool,
}

const DAY_MS: i64 = 86_400_000;

impl Circumstances {
    /// The best there can be at a moment, from no address.
    #[must_use]
    pub fn best(at: Moment) -> Self {
        let (factor, known_device, approvals) = (Factor::PhishingResistant, true, usize::from(u8::MAX));
        Self { factor, factor_age_s: 0, known_device, approvals, pending: false, ..Self::worst(at) }
    }

    /// The worst there can be at a moment.
    #[must_use]
    pub fn worst(at: Moment) -> Self {
        // 1970-01-01 was a Thursday, the fourth day.
        let weekday = (at.0.div_euclid(DAY_MS) + 3).rem_euclid(7) + 1;
        Self {
            at,
            hour: (at.0.rem_euclid(DAY_MS) / 3_600_000) as u8,
            weekday: weekday as u8,
            factor: Factor::None,
            factor_age_s: u32::MAX,
            known_device: false,
            address: None,
            approvals: 0,
            pending: true,
        }
    }
}

impl Opened {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Reads => "read",
            Self::Writes => "write",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_are_those_of_utc() {
        let of = |ms| {
            let circumstances = Circumstances::worst(Moment(ms));
            (circumstances.weekday, circumstances.hour)
        };
        assert_eq!(of(0), (4, 0), "a Thursday");
        assert_eq!(of(-1), (3, 23));
        // 2026-11-25 14:44:30 UTC, a Wednesday.
        assert_eq!(of(1_795_617_870_000), (3, 14));
        assert_eq!(of(3 * DAY_MS), (7, 0));
        assert_eq!(of(4 * DAY_MS), (1, 0));
    }
}
