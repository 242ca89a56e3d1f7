//! Moments, and the clock as an argument.

use std::fmt;

use minicbor::{Decode, Encode};

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Moment(#[n(0)] pub i64);

impl Moment {
    /// Returns the moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns the whole seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the milliseconds since `earlier`, negative when it lies ahead.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Days from 0000-03-01 to 1970-01-01: a year that begins in March ends with its leap day.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Days of 400 years: after these the calendar repeats itself.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// Year, month and day of a day that is counted from 1970-01-01, in the Gregorian calendar.
const fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + DAYS_BEFORE_1970;
    let (rounds, day) = (day.div_euclid(DAYS_OF_400_YEARS), day.rem_euclid(DAYS_OF_400_YEARS));
    // Centuries have 36,524 days, but for the last, which has one more; four years have 1,461, but for the last of a century.
    let century = if day == DAYS_OF_400_YEARS - 1 { 3 } else { day / 36_524 };
    let day = day - century * 36_524;
    let fours = day / 1_461;
    let day = day - fours * 1_461;
    let year = if day == 1_460 { 3 } else { day / 365 };
    let day = day - year * 365;
    // From March on, five months have 153 days, in this order: 31, 30, 31, 30, 31.
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (rounds * 400 + century * 100 + fours * 4 + year + later, month, of_month)
}

/// In UTC, as RFC 3339 has it; with milliseconds where there are any.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0.div_euclid(1_000), self.0.rem_euclid(1_000));
        let ((year, month, day), second) = (civil(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400));
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ms > 0 {
            write!(f, ".{ms:03}")?;
        }
        f.write_str("Z")
    }
}

/// Tells the time. Implemented at the edge and by simulations.
pub trait Clock: Send + Sync {
    /// Returns the present moment. It may go backwards, as clocks of machines do.
    fn now(&self) -> Moment;
}

/// Fills bytes at random. Implemented at the edge with the operating system's generator, and by simulations.
pub trait Entropy {
    /// Overwrites all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Entropy for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        let written = |ms: i64| Moment(ms).to_string();
        assert_eq!(written(0), "1970-01-01T00:00:00Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(written(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(written(1_795_608_000_000), "2026-11-25T12:00:00Z");
        assert_eq!(written(4_107_542_400_000), "2100-03-01T00:00:00Z", "no leap year");
        assert_eq!(written(-2_203_891_200_000), "1900-03-01T00:00:00Z", "nor this");
        assert_eq!(written(-62_167_219_200_000), "0000-01-01T00:00:00Z");
    }

    /// Each day follows the one before, as months and leap years have it.
    #[test]
    fn days_follow_each_other() {
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1600, 1, 1);
        for number in -135_140..100_000 {
            assert_eq!(civil(number), (year, month, day), "{number}");
            let last = match month {
                2 => 28 + i64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (month, day) if day == last => (year, month + 1, 1),
                (month, day) => (year, month, day + 1),
            };
        }
    }
}
