//! What a whole content is, under a key: equal for equal contents, however they were cut into parts.
//!
//! The content is cut into blocks of [`BLOCK_BYTES`], each is hashed with keyed BLAKE3, and the hashes are added up modulo
//! 2^128 (a multiset hash, as AdHash). So parts that are hashed by themselves, in any order, add up to the whole, as long as all
//! but the last are made of whole blocks: those of common clients are. The sum and the length are hashed once more: what is
//! stored is a pseudo-random function of the content, and says nothing to whoever lacks the key.

use std::ops::Add;

use cordon_domain::{ContentDigest, VersionId};
use zeroize::Zeroize as _;

use crate::secret::Secret;

/// Bytes of a block: what common sizes of parts are multiples of.
pub const BLOCK_BYTES: u64 = 1 << 20;

/// Under which contents are hashed; it serves for nothing else.
pub struct ContentKey {
    blocks: Secret,
    wholes: Secret,
    veils: Secret,
}

/// What blocks add up to, and how many bytes they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentSum {
    bytes: u64,
    sum: u128,
}

impl ContentSum {
    /// Returns how many bytes it is of.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Takes content as it comes.
pub struct ContentHasher {
    hasher: blake3::Hasher,
    /// Bytes of the block at hand.
    begun: u64,
    sum: ContentSum,
}

impl ContentKey {
    /// Derives the key from that of an index.
    #[must_use]
    pub fn of(index: &Secret) -> Self {
        let derive = |purpose| index.derive(purpose);
        Self {
            blocks: derive("cordon/content-block/v1"),
            wholes: derive("cordon/content/v1"),
            veils: derive("cordon/content-veil/v1"),
        }
    }

    /// Begins a content, or a part of one.
    #[must_use]
    pub fn hasher(&self) -> ContentHasher {
        ContentHasher { hasher: blake3::Hasher::new_keyed(self.blocks.expose()), begun: 0, sum: ContentSum::default() }
    }

    /// What a content is that is made of parts, in their order; `None` when a part before the last is not made of whole blocks.
    #[must_use]
    pub fn digest(&self, parts: &[ContentSum]) -> Option<ContentDigest> {
        let (_, before) = parts.split_last()?;
        if !before.iter().all(|part| part.bytes.is_multiple_of(BLOCK_BYTES)) {
            return None;
        }
        let whole = parts.iter().fold(ContentSum::default(), |sum, part| sum + *part);
        let mut hasher = blake3::Hasher::new_keyed(self.wholes.expose());
        hasher.update(&whole.bytes.to_be_bytes()).update(&whole.sum.to_be_bytes());
        Some(ContentDigest(first(&hasher.finalize())))
    }

    /// Hides what a content is behind the version that it is of, so that rows of equal contents are not seen to be of such; takes
    /// that away again.
    #[must_use]
    pub fn veiled(&self, content: ContentDigest, version: VersionId) -> ContentDigest {
        let veil = first(&blake3::keyed_hash(self.veils.expose(), &version.0));
        let (content, veil) = (u128::from_be_bytes(content.0), u128::from_be_bytes(veil));
        ContentDigest((content ^ veil).to_be_bytes())
    }
}

impl Add for ContentSum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), sum: self.sum.wrapping_add(other.sum) }
    }
}

impl ContentHasher {
    /// Takes what comes next.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK_BYTES - self.begun).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.hasher.update(now);
            self.begun += now.len() as u64;
            if self.begun == BLOCK_BYTES {
                self.end_block();
            }
            bytes = rest;
        }
    }

    fn end_block(&mut self) {
        let sum = u128::from_be_bytes(first(&self.hasher.finalize()));
        self.sum = self.sum + ContentSum { bytes: self.begun, sum };
        self.hasher.reset();
        self.begun = 0;
    }

    /// Returns what all that came adds up to.
    #[must_use]
    pub fn finish(mut self) -> ContentSum {
        if self.begun > 0 {
            self.end_block();
        }
        self.sum
    }
}

impl Drop for ContentHasher {
    fn drop(&mut self) {
        self.hasher.zeroize();
    }
}

fn first(hash: &blake3::Hash) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *hash.as_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use cordon_domain::Entropy as _;
    use cordon_testkit::Chance;

    use super::*;

    fn key(seed: u64) -> ContentKey {
        ContentKey::of(&Secret::draw(&mut Chance::new(seed)))
    }

    fn sum(key: &ContentKey, bytes: &[u8], pieces: usize) -> ContentSum {
        let mut hasher = key.hasher();
        bytes.chunks(pieces).for_each(|piece| hasher.update(piece));
        hasher.finish()
    }

    fn content(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Chance::new(9).fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_content_is_the_same_however_it_comes_and_in_whatever_parts() {
        let (key, bytes) = (key(1), content((7 << 20) + 12_345));
        let whole = key.digest(&[sum(&key, &bytes, 64 << 10)]);
        assert!(whole.is_some());
        for (cut, pieces) in [(5 << 20, 1 << 20), (1 << 20, 999), (2 << 20, 8 << 20), (3 << 20, 1_500_000)] {
            let parts: Vec<_> = bytes.chunks(cut).map(|part| sum(&key, part, pieces)).collect();
            assert_eq!(key.digest(&parts), whole, "{cut} {pieces}");
        }
        assert_eq!(key.digest(&[sum(&key, &bytes[..1000], 64), sum(&key, &bytes[1000..], 64)]), None, "half a block");
        assert_eq!(key.digest(&[]), None);
    }

    #[test]
    fn another_byte_length_or_key_is_another_content() {
        let (own, bytes) = (key(1), content(3 << 20));
        let of = |key: &ContentKey, bytes: &[u8]| key.digest(&[sum(key, bytes, 64 << 10)]);
        let mut other = bytes.clone();
        other[2 << 20] ^= 1;
        let all = [
            of(&own, &bytes),
            of(&own, &other),
            of(&own, &bytes[..(3 << 20) - 1]),
            of(&own, &[bytes.as_slice(), &[0]].concat()),
            of(&key(2), &bytes),
            of(&own, b""),
            of(&own, &[0; 2 << 20]),
            of(&own, &[0; 4 << 20]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().flatten().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_veil_hides_equal_contents_and_comes_off() {
        let (key, content) = (key(1), ContentDigest([7; 16]));
        let (one, other) = (VersionId([1; 16]), VersionId([2; 16]));
        assert_ne!(key.veiled(content, one), key.veiled(content, other));
        assert_eq!(key.veiled(key.veiled(content, one), one), content);
        assert_eq!(format!("{content:?}"), "ContentDigest");
    }
}
