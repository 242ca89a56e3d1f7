//! The present day, handed in by the edge: pure crates have no clock.

/// The present moment as seconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Today(pub i64);

impl Today {
    /// Tells whether `unix_s`, in seconds since 1970-01-01 UTC, lies after this moment.
    #[must_use]
    pub const fn is_before(self, unix_s: i64) -> bool {
        self.0 < unix_s
    }
}
