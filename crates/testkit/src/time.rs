//! A clock that stands.

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

impl Clock for SetClock {
    fn now(&self) -> Moment {
        self.0
    }
}
