//! Moments, as people write and read them.

use cordon_domain::Moment;

/// Reads a time such as 2026-11-25T08:00:00Z, or a day.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok();
    let time = text.parse::<jiff::Timestamp>().ok().or_else(day);
    time.map(|time| Moment(time.as_millisecond()))
        .ok_or_else(|| "write it as 2026-11-25T08:00:00Z, or as a day: 2026-11-25 (UTC)".to_owned())
}

/// Writes a moment in UTC, to the millisecond.
pub(crate) fn written(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |time| format!("{time:.3}"))
}
