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
    /// What a byte adds to the rolling hash, and what it takes away when it leaves.
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
            *leaves = enters.rotate_left(GRAM as u32 - 1);
        }
        Self { tables, seal: SipHasher24::new_with_key(&key) }
    }

    fn seal(&self, rolling: u64) -> u64 {
        self.seal.hash(&rolling.to_le_bytes())
    }

    /// The state of the rolling hash (Cohen's cyclic polynomial) before the last byte of the first gram.
    fn begin(&self, bytes: &[u8]) -> u64 {
        bytes.iter().take(GRAM - 1).fold(0u64, |hash, byte| hash.rotate_left(1) ^ self.tables.0[usize::from(*byte)])
    }

    /// Fills `hashes` with those of the grams that begin with each byte of `bytes`; gives the state behind the last.
    fn roll(&self, state: u64, bytes: &[u8], hashes: &mut [u64]) -> u64 {
        let enters = bytes.get(GRAM - 1..).unwrap_or_default();
        let mut state = state;
        for ((slot, enters), leaves) in hashes.iter_mut().zip(enters).zip(bytes) {
            let hash = state.rotate_left(1) ^ self.tables.0[usize::from(*enters)];
            state = hash ^ self.tables.1[usize::from(*leaves)];
            // Mixed, so that the order of hashes says nothing about the order of letters.
            *slot = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        state
    }

    /// Calls `each` with the fingerprints of `folded`, in order. A text shorter than a window gives its smallest one.
    pub fn prints(&self, folded: &Folded, mut each: impl FnMut(Print)) {
        let bytes = folded.bytes();
        let Some(grams) = (bytes.len() + 1).checked_sub(GRAM) else { return };
        let mut hashes = [0u64; BLOCK + WINDOW];
        let mut last = None;
        let mut start = 0;
        let mut state = self.begin(bytes);
        let mut filled = 0;
        loop {
            // The hashes behind the last window of a block are the first of the next one.
            let count = (BLOCK + WINDOW - 1).min(grams - start);
            let fresh = hashes.get_mut(filled..count).unwrap_or_default();
            state = self.roll(state, bytes.get(start + filled..).unwrap_or_default(), fresh);
            let block = hashes.get(..count).unwrap_or_default();
            select(block, &mut last, |at, hash| each(Print { hash: self.seal(hash), at: (start + at) as u32 }));
            if start + count == grams {
                return;
            }
            hashes.copy_within(BLOCK..count, 0);
            filled = count - BLOCK;
            start += BLOCK;
        }
    }
}

/// Calls `each` with place and hash of the smallest of every window of `hashes`, once for as long as it stays the
/// smallest. What is smaller is decided by the upper half; `last` is the smallest of the window before.
#[expect(clippy::indexing_slicing, reason = "both places lie in the array: its length bounds the loop")]
fn select(hashes: &[u64], last: &mut Option<i32>, mut each: impl FnMut(usize, u64)) {
    // The order of signed numbers is as good as any and has an instruction on every machine.
    let order = |hash: u64| (hash >> 32) as i32;
    let mut least = [i32::MAX; BLOCK + WINDOW];
    least.iter_mut().zip(hashes).for_each(|(slot, hash)| *slot = order(*hash));
    // The smallest of 2, 4, 8, 16, 32 neighbours, each from the ones before.
    for step in [1usize, 2, 4, 8, 16] {
        for at in 0..BLOCK + WINDOW - step {
            least[at] = least[at].min(least[at + step]);
        }
    }
    let windows = (hashes.len() + 1).saturating_sub(WINDOW).max(1);
    for (chunk, values) in least.chunks(8).enumerate().take(windows.div_ceil(8)) {
        if values.iter().all(|value| Some(*value) == *last) {
            continue;
        }
        for (at, &smallest) in (chunk * 8..windows).zip(values) {
            if *last == Some(smallest) {
                continue;
            }
            *last = Some(smallest);
            let window = hashes.get(at..hashes.len().min(at + WINDOW)).unwrap_or_default();
            if let Some(place) = window.iter().rposition(|hash| order(*hash) == smallest) {
                each(at + place, hashes[at + place]);
            }
        }
    }
}
