//! When a key is due for a new version.

use cordon_domain::{Level, Moment};

use crate::limits::KEY_USES_MAX;

const DAY_MS: i64 = 86_400_000;

/// Ages, in days, after which keys of each level get a new version; and uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Days by level, public first.
    pub age_days: [u32; 4],
    /// Data keys that one version may wrap.
    pub uses: u64,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { age_days: [365, 180, 90, 30], uses: KEY_USES_MAX }
    }
}

/// Why a key is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is older than its level allows.
    Age,
    /// It wrapped as many keys as it may.
    Uses,
}

impl Rotation {
    /// Tells whether a key of `level` is due. A clock that went back makes nothing due.
    #[must_use]
    pub fn due(&self, level: Level, created_at: Moment, uses: u64, now: Moment) -> Option<Due> {
        if uses >= self.uses.min(KEY_USES_MAX) {
            return Some(Due::Uses);
        }
        (now.since_ms(created_at) >= i64::from(self.age_days(level)).saturating_mul(DAY_MS)).then_some(Due::Age)
    }

    /// Returns the age in days after which keys of `level` are due.
    #[must_use]
    pub fn age_days(&self, level: Level) -> u32 {
        self.age_days.get(usize::from(level.number())).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_due_by_age_and_by_uses() {
        let rotation = Rotation::default();
        let made = Moment(0);
        for (level, days) in
            [(Level::Restricted, 30), (Level::Confidential, 90), (Level::Internal, 180), (Level::Public, 365)]
        {
            assert_eq!(rotation.due(level, made, 0, Moment(days * DAY_MS - 1)), None);
            assert_eq!(rotation.due(level, made, 0, Moment(days * DAY_MS)), Some(Due::Age));
        }
        assert_eq!(rotation.due(Level::Public, made, KEY_USES_MAX, made), Some(Due::Uses));
        assert_eq!(rotation.due(Level::Restricted, Moment(DAY_MS), 0, made), None);
    }
}
