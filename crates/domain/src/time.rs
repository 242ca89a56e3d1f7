//! Moments, and the clock as an argument.

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
