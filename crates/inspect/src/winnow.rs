//! Winnowing: which of the hashes of a text are kept as its fingerprints.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use crate::fold::Folded;

/// Folded characters under one hash.
pub const GRAM: usize = 24;
/// Hashes of which the smallest is kept.
pub const WINDOW: usize = 32;
/// Windows that are looked at in one go: their hashes stay in the first-level cache.
const BLOCK: usize = 1024;

/// Hashes text under one installation's key.
#[derive(Clone)]
pub struct Printer {
    /// What a byte adds to the rolling hash, and what it takes away when the next one enters.
    tables: Box<([u64; 256], [u64; 256])>,
    seal: SipHasher24,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Printer(redacted)")
    }
}

/// One fingerprint of a text, and the folded character at which its gram begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// The keyed hash.
    pub hash: u64,
    /// Offset in folded bytes.
    pub at: u32,
}

#[expect(clippy::indexing_slicing, reason = "a byte indexes 256 entries")]
impl Printer {
    /// Derives the tables from a key.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        let mut tables = Box::new(([0u64; 256], [0u64; 256]));
        for (index, (enters, leaves)) in tables.0.iter_mut().zip(&mut tables.1).enumerate() {
            let mut hasher = SipHasher24::new_with_key(&key);
            hasher.write(b"cordon rolling table");
            hasher.write_usize(index);
            *enters = hasher.finish();
            *leaves = enters.rotate_left(GRAM as u32);
        }
        Self { tables, seal: SipHasher24::new_with_key(&key) }
    }

    fn seal(&self, rolling: u64) -> u64 {
        self.seal.hash(&rolling.to_le_bytes())
    }

    /// The rolling hash (Cohen's cyclic polynomial) of the first gram.
    fn begin(&self, bytes: &[u8]) -> u64 {
        bytes.iter().take(GRAM).fold(0u64, |hash, byte| hash.rotate_left(1) ^ self.tables.0[usize::from(*byte)])
    }

    /// Fills `hashes` with those of the grams that begin with each byte of `bytes`, of which the first has the rolling
    /// hash `state`; gives that of the gram behind the last.
    fn roll(&self, state: u64, bytes: &[u8], hashes: &mut [u64]) -> u64 {
        let (enters, leaves) = &*self.tables;
        let mut state = state;
        for (at, slot) in hashes.iter_mut().enumerate() {
            // Mixed, so that the order of hashes says nothing about the order of letters.
            *slot = state.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let change = match bytes.get(at..at + GRAM + 1) {
                Some([first, .., last]) => leaves[usize::from(*first)] ^ enters[usize::from(*last)],
                _ => 0,
            };
            state = state.rotate_left(1) ^ change;
        }
        state
    }

    /// Calls `each` with the fingerprints of `folded`, in order. A text shorter than a window gives its smallest one.
    pub fn prints(&self, folded: &Folded, mut each: impl FnMut(Print)) {
        let bytes = folded.bytes();
        let Some(grams) = (bytes.len() + 1).checked_sub(GRAM) else { return };
        let mut hashes = [0u64; BLOCK + WINDOW];
        let mut least = None;
        let mut start = 0;
        let mut state = self.begin(bytes);
        let mut filled = 0;
        loop {
            // The hashes behind the last window of a block are the first of the next one.
            let count = (BLOCK + WINDOW - 1).min(grams - start);
            let fresh = hashes.get_mut(filled..count).unwrap_or_default();
            state = self.roll(state, bytes.get(start + filled..).unwrap_or_default(), fresh);
            let block = hashes.get(..count).unwrap_or_default();
            select(block, &mut least, |at, hash| each(Print { hash: self.seal(hash), at: (start + at) as u32 }));
            if start + count == grams {
                return;
            }
            hashes.copy_within(BLOCK..count, 0);
            least = least.map(|Least { at, order }| Least { at: at - BLOCK as isize, order });
            filled = count - BLOCK;
            start += BLOCK;
        }
    }
}

/// The smallest hash of a window.
#[derive(Clone, Copy)]
struct Least {
    /// Where it stands in the block; before its first, where the window of the block before ended.
    at: isize,
    order: i64,
}

/// Calls `each` with place and hash of the smallest of every window of `hashes`, of equal ones the last, once for as long
/// as it stays the smallest. `least` is that of the window before.
fn select(hashes: &[u64], least: &mut Option<Least>, mut each: impl FnMut(usize, u64)) {
    // Signed: as good an order as any, and the one in which indexes were made.
    let order = |hash: &u64| *hash as i64;
    let smallest = |window: &[u64], from: usize| {
        let (mut at, mut least) = (0, i64::MAX);
        for (place, hash) in window.iter().enumerate() {
            if order(hash) <= least {
                (at, least) = (place, order(hash));
            }
        }
        Least { at: (from + at) as isize, order: least }
    };
    let mut take = |found: Least, was: Option<Least>| {
        let place = usize::try_from(found.at).ok().filter(|_| was.is_none_or(|was| was.order != found.order));
        if let Some((at, hash)) = place.and_then(|at| Some((at, hashes.get(at)?))) {
            each(at, *hash);
        }
        found
    };
    let first = || smallest(hashes.get(..hashes.len().min(WINDOW)).unwrap_or_default(), 0);
    let from = if least.is_some() { WINDOW - 1 } else { WINDOW };
    let mut now = least.unwrap_or_else(|| take(first(), None));
    for (at, hash) in hashes.iter().enumerate().skip(from) {
        if order(hash) <= now.order {
            now = take(Least { at: at as isize, order: order(hash) }, Some(now));
        } else if now.at + (WINDOW as isize) <= at as isize {
            let from = at + 1 - WINDOW;
            now = take(smallest(hashes.get(from..=at).unwrap_or_default(), from), Some(now));
        }
    }
    *least = Some(now);
}
