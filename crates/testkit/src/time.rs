//! A clock that stands until it is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cordon_domain::{Clock, Moment};

/// A clock that stands until it is set; copies show the same time.
#[derive(Clone, Debug)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// Starts at `moment`.
    #[must_use]
    pub fn at(moment: Moment) -> Self {
        Self(Arc::new(AtomicI64::new(moment.0)))
    }

    /// Moves on by `ms` milliseconds; backwards when negative.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}
