//! Accounts for all that was given: what was read, what was skipped and why.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::SKIPS_NAMED_MAX;

/// An input that was not read, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// The path, with entries of containers behind `!`.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Counters that threads share.
#[derive(Debug, Default)]
pub struct Tally {
    /// Files read.
    pub files: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Containers and documents opened.
    pub containers: AtomicU64,
    /// Git objects read.
    pub blobs: AtomicU64,
    /// Addresses asked.
    pub addresses: AtomicU64,
    /// Matches below the confidence that was asked for.
    pub below_floor: AtomicU64,
    /// Inputs left out because the user's own configuration says so.
    pub excluded: AtomicU64,
    /// Inputs not read, or not wholly.
    pub skipped: AtomicU64,
    named: Mutex<Vec<Skip>>,
}

impl Tally {
    /// Adds `count` to a counter.
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Reads a counter.
    #[must_use]
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Records an input that was not read, or not wholly.
    pub fn skip(&self, path: &[u8], reason: impl Into<String>) {
        Self::add(&self.skipped, 1);
        if let Ok(mut named) = self.named.lock()
            && named.len() < SKIPS_NAMED_MAX
        {
            named.push(Skip { path: String::from_utf8_lossy(path).into_owned(), reason: reason.into() });
        }
    }

    /// Adds all that `other` counted and leaves it empty.
    pub fn absorb(&self, other: &mut Self) {
        for (sum, part) in [
            (&self.files, &mut other.files),
            (&self.bytes, &mut other.bytes),
            (&self.containers, &mut other.containers),
            (&self.blobs, &mut other.blobs),
            (&self.addresses, &mut other.addresses),
            (&self.below_floor, &mut other.below_floor),
            (&self.excluded, &mut other.excluded),
            (&self.skipped, &mut other.skipped),
        ] {
            Self::add(sum, std::mem::take(part.get_mut()));
        }
        let others = other.named.get_mut().map(std::mem::take).unwrap_or_default();
        if let Ok(mut named) = self.named.lock() {
            let room = SKIPS_NAMED_MAX.saturating_sub(named.len());
            named.extend(others.into_iter().take(room));
        }
    }

    /// Returns the skipped inputs that were named, in order.
    #[must_use]
    pub fn skips(&self) -> Vec<Skip> {
        let mut skips = self.named.lock().map(|named| named.clone()).unwrap_or_default();
        skips.sort();
        skips
    }
}
