//! When a key is due for a new version.

use cordon_domain::Moment;

use crate::limits::KEY_USES_MAX;

const DAY_MS: i64 = 86_400_000;

/// Why a key is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is older than its level allows.
    Age,
    /// It wrapped as many keys as it may.
    Uses,
}

impl Due {
    /// Tells whether a key is due that may become `age_days` old. A clock that went back makes nothing due.
    #[must_use]
    pub fn of(age_days: u32, created_at: Moment, uses: u64, now: Moment) -> Option<Self> {
        if uses >= KEY_USES_MAX {
            return Some(Self::Uses);
        }
        (now.since_ms(created_at) >= i64::from(age_days).saturating_mul(DAY_MS)).then_some(Self::Age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_due_by_age_and_by_uses() {
        let made = Moment(0);
        assert_eq!(Due::of(90, made, 0, Moment(90 * DAY_MS - 1)), None);
        assert_eq!(Due::of(90, made, 0, Moment(90 * DAY_MS)), Some(Due::Age));
        assert_eq!(Due::of(0, made, 0, made), Some(Due::Age));
        assert_eq!(Due::of(365, made, KEY_USES_MAX, made), Some(Due::Uses));
        assert_eq!(Due::of(365, made, KEY_USES_MAX - 1, made), None);
        assert_eq!(Due::of(1, Moment(DAY_MS), 0, made), None);
    }
}
