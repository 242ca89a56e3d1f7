//! Clocks that stand, and that are turned by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cordon_domain::{Clock, Moment};

/// A clock that stands.
#[derive(Clone, Copy, Debug)]
pub struct SetClock(Moment);

impl SetClock {
    /// Stands at `moment`.
    #[must_use]
    pub const fn at(moment: Moment) -> Self {
        Self(moment)
    }
}

/// A clock that is turned by hand. Copies are the same one.
#[derive(Clone, Debug)]
pub struct TurnedClock(Arc<AtomicI64>);

impl TurnedClock {
    /// Stands at `moment` until it is turned.
    #[must_use]
    pub fn at(moment: Moment) -> Self {
        Self(Arc::new(AtomicI64::new(moment.0)))
    }

    /// Turns it on.
    pub fn turn_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::AcqRel);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }
}

impl Clock for SetClock {
    fn now(&self) -> Moment {
        self.0
    }
}
