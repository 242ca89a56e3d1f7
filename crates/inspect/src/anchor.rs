//! Finds where rules could match, at about a nanosecond a byte.
//!
//! Each rule names literals (anchors) of which one stands in every match. Four bytes of each anchor, folded to lower
//! case, are set in a bitmap of 1 Mi bits that stays in the second-level cache; the text is read once, four bytes at
//! every position, and only positions whose bit is set are compared with the anchors. Nothing is allocated while
//! scanning, and building takes microseconds, so there is no automaton to cache.

/// Bits of the filter: 128 KiB, less than half of a second-level cache. Ordinary text asks for few of its lines, which
/// stay in the first level; at 16 KiB two in three positions that passed were strangers, and each costs a misprediction.
const FILTER_BITS: u32 = 20;
/// The multiplier of Fibonacci hashing: 2^32 divided by the golden ratio.
const SPREAD: u32 = 0x9E37_79B1;
/// Folds ASCII letters to lower case; some punctuation folds together, which the comparison sorts out.
const FOLD: u32 = 0x2020_2020;

/// One literal and what to do where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Anchor<T> {
    text: Vec<u8>,
    gram_at: usize,
    target: T,
}

/// What may follow an anchor of three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Letters, digits, `_` and `-`: the anchor begins a token.
    Token,
    /// What ends a word, a digit, or an `s`: the anchor ends a name.
    Word,
    /// Anything printable: the anchor is punctuation.
    Any,
}

/// A set of anchors, ready to scan.
#[derive(Debug)]
pub(crate) struct AnchorSet<T> {
    filter: Box<[u64; 1 << (FILTER_BITS - 6)]>,
    slots: Box<[(u32, u32)]>,
    slot_shift: u32,
    /// Indexes into `anchors`, grouped by gram; a group ends with `u32::MAX`.
    groups: Vec<u32>,
    anchors: Vec<Anchor<T>>,
    longest: usize,
}

impl<T> AnchorSet<T> {
    /// Builds the set. An anchor has three bytes at least; one of three is expanded by what may follow it.
    pub(crate) fn new(anchors: impl IntoIterator<Item = (Vec<u8>, Follow, T)>) -> Self {
        let mut set = Self {
            filter: Box::new([0; 1 << (FILTER_BITS - 6)]),
            slots: Box::default(),
            slot_shift: 0,
            groups: Vec::new(),
            anchors: Vec::new(),
            longest: 0,
        };
        let mut grams: Vec<(u32, u32)> = Vec::new();
        for (text, follow, target) in anchors {
            assert!(text.len() >= 3, "an anchor of two bytes stands everywhere");
            let index = u32::try_from(set.anchors.len()).unwrap_or(u32::MAX);
            let text = text.to_ascii_lowercase();
            let gram_at = rarest_gram(&text);
            set.longest = set.longest.max(text.len());
            expand(&text, gram_at, follow, |gram| grams.push((gram, index)));
            set.anchors.push(Anchor { text, gram_at, target });
        }
        grams.sort_unstable();
        grams.dedup();
        set.fill(&grams);
        set
    }

    fn fill(&mut self, grams: &[(u32, u32)]) {
        let slot_bits = (grams.len() * 4).next_power_of_two().trailing_zeros().clamp(8, 24);
        self.slot_shift = 32 - slot_bits;
        self.slots = vec![(0, u32::MAX); 1 << slot_bits].into_boxed_slice();
        for group in grams.chunk_by(|left, right| left.0 == right.0) {
            let Some(&(gram, _)) = group.first() else { continue };
            let start = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            self.groups.extend(group.iter().map(|&(_, index)| index));
            self.groups.push(u32::MAX);
            let hash = gram.wrapping_mul(SPREAD);
            let bit = hash >> (32 - FILTER_BITS);
            if let Some(word) = self.filter.get_mut((bit >> 6) as usize) {
                *word |= 1 << (bit & 63);
            }
            let mask = self.slots.len() - 1;
            let mut at = (hash >> self.slot_shift) as usize;
            while let Some(slot) = self.slots.get_mut(at & mask) {
                if slot.1 == u32::MAX {
                    *slot = (gram, start);
                    break;
                }
                at += 1;
            }
        }
    }

    /// Bytes of the longest anchor.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The length of an anchor, and what the owner of the set wants to know where it stands.
    pub(crate) fn anchor(&self, index: u32) -> Option<(usize, &T)> {
        self.anchors.get(index as usize).map(|anchor| (anchor.text.len(), &anchor.target))
    }

    /// Calls `hit` with the offset of each anchor in `text` and the anchor's index, in no useful order. An anchor of
    /// three bytes is seen with the byte behind it.
    #[inline]
    pub(crate) fn scan(&self, text: &[u8], mut hit: impl FnMut(usize, u32)) {
        let mut at = 0;
        while let Some(Ok(bytes)) = text.get(at..at + 8).map(<[u8; 8]>::try_from) {
            let word = u64::from_le_bytes(bytes) | 0x2020_2020_2020_2020;
            // Truncation is meant: each gram is the four bytes from its position.
            let mut passed = (0..5).fold(0, |passed, step| passed << 1 | self.may((word >> (8 * (4 - step))) as u32));
            while passed != 0 {
                let step = passed.trailing_zeros();
                passed &= passed - 1;
                self.verify(text, at + step as usize, (word >> (8 * step)) as u32, &mut hit);
            }
            at += 5;
        }
        while let Some(Ok(bytes)) = text.get(at..at + 4).map(<[u8; 4]>::try_from) {
            let gram = u32::from_le_bytes(bytes) | FOLD;
            if self.may(gram) != 0 {
                self.verify(text, at, gram, &mut hit);
            }
            at += 1;
        }
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "20 hash bits index 16,384 words of 64 bits")]
    fn may(&self, gram: u32) -> u64 {
        let bit = gram.wrapping_mul(SPREAD) >> (32 - FILTER_BITS);
        (self.filter[(bit >> 6) as usize] >> (bit & 63)) & 1
    }

    #[inline(never)]
    fn verify(&self, text: &[u8], at: usize, gram: u32, hit: &mut impl FnMut(usize, u32)) {
        let mask = self.slots.len() - 1;
        let mut slot_at = (gram.wrapping_mul(SPREAD) >> self.slot_shift) as usize;
        let group = loop {
            match self.slots.get(slot_at & mask) {
                Some(&(known, start)) if start != u32::MAX => {
                    if known == gram {
                        break start as usize;
                    }
                    slot_at += 1;
                }
                _ => return,
            }
        };
        for &index in self.groups.get(group..).unwrap_or_default().iter().take_while(|&&index| index != u32::MAX) {
            let Some(anchor) = self.anchors.get(index as usize) else { continue };
            let Some(start) = at.checked_sub(anchor.gram_at) else { continue };
            let end = start + anchor.text.len();
            if text.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(&anchor.text)) {
                hit(start, index);
            }
        }
    }
}

fn fold(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | FOLD
}

fn expand(text: &[u8], gram_at: usize, follow: Follow, mut each: impl FnMut(u32)) {
    if let [a, b, c] = text {
        let follow: &[u8] = match follow {
            Follow::Token => b"abcdefghijklmnopqrstuvwxyz0123456789_-",
            Follow::Any => b"abcdefghijklmnopqrstuvwxyz0123456789_-.\"'=: \t]>)/,;`|&%+~*(<\\{[@$\n",
            Follow::Word => b"0123456789_-.\"'=: \t]>)/,;`|&%+~*(<\\{[@$s\n",
        };
        return follow.iter().for_each(|&d| each(fold([*a, *b, *c, d])));
    }
    if let Some(Ok(bytes)) = text.get(gram_at..gram_at + 4).map(<[u8; 4]>::try_from) {
        each(fold(bytes));
    }
}

/// Picks the four bytes that ordinary text has least: digits and punctuation are rare, `e`, `t`, `a` are not.
fn rarest_gram(text: &[u8]) -> usize {
    let cost = |byte: &u8| match byte.to_ascii_lowercase() {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 9,
        b'h' | b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b' ' => 7,
        b'f' | b'g' | b'y' | b'w' | b'b' | b'v' | b'k' | b'_' => 5,
        b'-' | b'.' | b'/' | b':' | b'=' | b'"' => 4,
        b'x' | b'j' | b'q' | b'z' => 1,
        _ => 2,
    };
    let score = |at: &usize| text.get(*at..at + 4).map_or(u32::MAX, |gram| gram.iter().map(cost).sum());
    (0..text.len().saturating_sub(3)).min_by_key(score).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hits(anchors: &[&str], text: &[u8]) -> Vec<(usize, usize)> {
        let set = AnchorSet::new(
            anchors.iter().enumerate().map(|(index, text)| (text.as_bytes().to_vec(), Follow::Token, index)),
        );
        let mut found = Vec::new();
        set.scan(text, |start, index| found.push((start, *set.anchor(index).unwrap().1)));
        found.sort_unstable();
        found
    }

    #[test]
    fn finds_short_long_and_overlapping_anchors_in_any_case() {
        assert_eq!(hits(&["hf_", "secret", "cret_key"], b"HF_a SECRET_KEY"), [(0, 0), (5, 1), (7, 2)]);
        assert_eq!(hits(&["secret"], b"secre"), []);
    }

    proptest! {
        #[test]
        fn equals_a_naive_search(text in "[a-dA-D_]{0,60}", anchors in proptest::collection::vec("[a-d_]{4,7}", 1..8)) {
            let names: Vec<&str> = anchors.iter().map(String::as_str).collect();
            let lower = text.to_ascii_lowercase();
            let mut naive = Vec::new();
            for (index, anchor) in names.iter().enumerate() {
                for at in 0..lower.len() {
                    if lower[at..].starts_with(anchor) { naive.push((at, index)); }
                }
            }
            naive.sort_unstable();
            prop_assert_eq!(hits(&names, text.as_bytes()), naive);
        }
    }
}
