//! Moments, as people write and read them.

use cordon_domain::Moment;

/// Reads a time such as 2026-11-25T08:00:00Z, or a day.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok();
    let time = text.parse::<jiff::Timestamp>().ok().or_else(day);
    time.map(|time| Moment(time.as_millisecond()))
        .ok_or_else(|| "write it as 2026-11-25T08:00:00Z, or as a day: 2026-11-25 (UTC)".to_owned())
}

/// The same, or the next of a day of the week: friday, fri.
pub(crate) fn until(text: &str) -> Result<Moment, String> {
    until_from(text, jiff::Timestamp::now())
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn until_from(text: &str, now: jiff::Timestamp) -> Result<Moment, String> {
    let wanted = text.to_lowercase();
    let Some(place) = DAYS.iter().position(|day| *day == wanted || day.get(..3) == Some(&wanted)) else {
        return moment(text).map_err(|hint| format!("{hint}, or as the next day of the week: friday"));
    };
    let today = jiff::tz::Offset::UTC.to_datetime(now).date();
    // Never today: until a day that has begun would be until a moment that is past.
    let ahead = (place as i64 - i64::from(today.weekday().to_monday_zero_offset()) + 6) % 7 + 1;
    let day = today.checked_add(jiff::Span::new().days(ahead)).map_err(|error| error.to_string())?;
    moment(&day.to_string())
}

/// Writes a moment in UTC, to the millisecond.
pub(crate) fn written(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_the_week_is_the_next_one() {
        // A Saturday.
        let now = "2026-11-28T14:00:00Z".parse().expect("a time");
        for (text, day) in [
            ("FRIDAY", "2026-12-04"),
            ("sun", "2026-11-29"),
            ("Saturday", "2026-12-05"),
            ("mon", "2026-11-30"),
            ("2026-12-04", "2026-12-04"),
            ("2026-12-04T01:00:00+01:00", "2026-12-04"),
        ] {
            assert_eq!(until_from(text, now), moment(day), "{text}");
        }
        assert!(until_from("someday", now).is_err() && until_from("f", now).is_err());
    }
}
