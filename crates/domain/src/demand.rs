//! What each level demands.

use minicbor::{Decode, Encode};

use crate::egress::{Egress, UNLIMITED};
use crate::level::Level;
use crate::principal::Factor;

/// What one level demands of those who handle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Demand {
    /// The least kind of proof that a person must have shown.
    #[n(0)]
    pub factor: Factor,
    /// How old that proof may be, in seconds.
    #[n(1)]
    pub factor_age_s: u32,
    /// Whether the device must be enrolled.
    #[n(2)]
    pub known_device: bool,
    /// Whether the person must have a training that counts.
    #[n(3)]
    pub training: bool,
    /// How old a key may become before it is rotated, in days.
    #[n(4)]
    pub key_age_days: u32,
    /// How long a presigned address may live, in hours; 0: there is none.
    #[n(5)]
    pub presign_hours: u32,
    /// How many bytes a principal may read a day.
    #[n(6)]
    pub egress_bytes_day: u64,
    /// How many other humans must approve what needs approval.
    #[n(7)]
    pub approvals: u32,
    /// How long a deleted version is kept, in days.
    #[n(8)]
    pub retention_days: u32,
    /// What else one reader may read; where it is not said, what [`Levels::DEFAULT`] says. The bytes of a day stand above.
    #[n(9)]
    pub egress: Option<Egress>,
}

/// What all levels demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Levels {
    /// Of public.
    #[n(0)]
    pub public: Demand,
    /// Of internal.
    #[n(1)]
    pub internal: Demand,
    /// Of confidential.
    #[n(2)]
    pub confidential: Demand,
    /// Of restricted, and of what has no level: keys, policies, the log.
    #[n(3)]
    pub restricted: Demand,
    /// How many humans open an emergency for another.
    #[n(4)]
    pub emergency_approvals: u32,
}

const GIB: u64 = 1 << 30;

impl Levels {
    /// What is demanded unless an organisation says otherwise.
    pub const DEFAULT: Self = Self {
        public: Demand {
            factor: Factor::None,
            factor_age_s: 30 * 86_400,
            known_device: false,
            training: false,
            key_age_days: 365,
            presign_hours: 168,
            egress_bytes_day: 10_240 * GIB,
            approvals: 1,
            retention_days: 30,
            egress: Some(Egress {
                objects: [UNLIMITED; 4],
                bytes: [10_240 * GIB, 10_240 * GIB, 10_240 * GIB, 102_400 * GIB],
                share_percent: 100,
                weights_percent: Some(100),
            }),
        },
        internal: Demand {
            factor: Factor::Code,
            factor_age_s: 12 * 3_600,
            known_device: false,
            training: false,
            key_age_days: 365,
            presign_hours: 12,
            egress_bytes_day: 1_024 * GIB,
            approvals: 1,
            retention_days: 90,
            egress: Some(Egress {
                objects: [UNLIMITED; 4],
                bytes: [1_024 * GIB, 1_024 * GIB, 1_024 * GIB, 10_240 * GIB],
                share_percent: 100,
                weights_percent: Some(100),
            }),
        },
        confidential: Demand {
            factor: Factor::Code,
            factor_age_s: 3_600,
            known_device: true,
            training: true,
            key_age_days: 180,
            presign_hours: 1,
            egress_bytes_day: 100 * GIB,
            approvals: 1,
            retention_days: 365,
            egress: Some(Egress {
                objects: [600, 5_000, 20_000, 100_000],
                bytes: [20 * GIB, 50 * GIB, 100 * GIB, 1_000 * GIB],
                share_percent: 100,
                weights_percent: Some(10),
            }),
        },
        restricted: Demand {
            factor: Factor::PhishingResistant,
            factor_age_s: 300,
            known_device: true,
            training: true,
            key_age_days: 90,
            presign_hours: 0,
            egress_bytes_day: 10 * GIB,
            approvals: 1,
            retention_days: 365,
            egress: Some(Egress {
                objects: [20, 50, 100, 300],
                bytes: [GIB, 4 * GIB, 10 * GIB, 100 * GIB],
                share_percent: 5,
                weights_percent: Some(10),
            }),
        },
        emergency_approvals: 2,
    };

    /// Returns what a level demands.
    #[must_use]
    pub const fn of(&self, level: Level) -> &Demand {
        match level {
            Level::Public => &self.public,
            Level::Internal => &self.internal,
            Level::Confidential => &self.confidential,
            Level::Restricted => &self.restricted,
        }
    }

    /// Returns what one reader may read of a level.
    #[must_use]
    pub const fn egress(&self, level: Level) -> Egress {
        let (own, default) = (self.of(level), Self::DEFAULT.of(level).egress);
        let mut egress = match (own.egress, default) {
            (Some(egress), _) | (None, Some(egress)) => egress,
            (None, None) => Egress::ANY,
        };
        egress.bytes[2] = own.egress_bytes_day;
        // Demands that were written down before there was such a budget do not say it.
        if let (None, Some(default)) = (egress.weights_percent, default) {
            egress.weights_percent = default.weights_percent;
        }
        egress
    }

    /// Returns what a level demands, to change it.
    pub const fn of_mut(&mut self, level: Level) -> &mut Demand {
        match level {
            Level::Public => &mut self.public,
            Level::Internal => &mut self.internal,
            Level::Confidential => &mut self.confidential,
            Level::Restricted => &mut self.restricted,
        }
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_level_never_demands_less() {
        for pair in Level::ALL.windows(2) {
            let (lower, higher) = (Levels::DEFAULT.of(pair[0]), Levels::DEFAULT.of(pair[1]));
            assert!(higher.factor >= lower.factor && higher.factor_age_s <= lower.factor_age_s, "{}", pair[1]);
            assert!(higher.known_device >= lower.known_device && higher.training >= lower.training, "{}", pair[1]);
            assert!(higher.key_age_days <= lower.key_age_days && higher.presign_hours <= lower.presign_hours);
            assert!(higher.egress_bytes_day <= lower.egress_bytes_day && higher.approvals >= lower.approvals);
            assert!(higher.retention_days >= lower.retention_days, "{}", pair[1]);
        }
        let restricted = Levels::DEFAULT.of(Level::Restricted);
        assert_eq!((restricted.factor, restricted.factor_age_s), (Factor::PhishingResistant, 300));
        assert!(Level::ALL.iter().all(|level| Levels::DEFAULT.of(*level).approvals > 0), "two people, always");
    }
}
