//! Secret bytes: never printed, copied or serialised; wiped when dropped.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use cordon_domain::Entropy;
use zeroize::Zeroizing;

/// Bytes of every symmetric key here.
pub const KEY_BYTES: usize = 32;

/// Thirty-two secret bytes on the heap, at one address for life, wiped when dropped.
///
/// It has no `Debug`, `Display`, `Clone` or encoding. The edge keeps its pages from being swapped with
/// [`Secret::memory`].
pub struct Secret(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Secret {
    /// Draws a secret.
    #[must_use]
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        let mut secret = Self::blank();
        entropy.fill(secret.0.as_mut_slice());
        secret
    }

    /// Takes bytes that are already in memory; the caller wipes its own copy.
    ///
    /// Returns `None` unless there are exactly 32.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self::blank();
        if bytes.len() != KEY_BYTES {
            return None;
        }
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    /// Hands the bytes to a cipher. Whoever calls this answers for where they go.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Derives another secret for `purpose` (HKDF-SHA256, RFC 5869, empty salt).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let mut derived = Self::blank();
        derive_into(self, b"", &[purpose.as_bytes()], derived.0.as_mut_slice());
        derived
    }

    /// Returns what commits to this secret and does not reveal it (HKDF-SHA256 under a purpose of its own).
    #[must_use]
    pub fn commitment(&self) -> [u8; KEY_BYTES] {
        *self.derive("cordon/key-commitment/v1").expose()
    }

    /// Compares in constant time.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose(), other.expose()).is_ok()
    }

    /// Returns where the bytes lie, for the edge to lock them in memory.
    #[must_use]
    pub fn memory(&self) -> (*const u8, usize) {
        (self.0.as_ptr(), KEY_BYTES)
    }

    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([0; KEY_BYTES])))
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Fills `out` (at most 8,160 bytes) with HKDF-SHA256 of `secret`.
pub(crate) fn derive_into(secret: &Secret, salt: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let key = Salt::new(HKDF_SHA256, salt).extract(secret.expose());
    #[expect(clippy::expect_used, reason = "fails only beyond 255 times the digest length; callers ask for one")]
    key.expand(info, Length(out.len())).and_then(|okm| okm.fill(out)).expect("a short output");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivation_separates_purposes() {
        let secret = Secret::from_slice(&[7; KEY_BYTES]).expect("32 bytes");
        assert!(!secret.derive("a").equals(&secret.derive("b")));
        assert!(secret.derive("a").equals(&secret.derive("a")));
        assert!(Secret::from_slice(&[7; 31]).is_none());
    }

    /// RFC 5869, test case 1, cut to one block.
    #[test]
    fn hkdf_matches_the_published_vector() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let key = Salt::new(HKDF_SHA256, &salt).extract(&[0x0b; 22]);
        let mut out = [0; 4];
        key.expand(&[&info], Length(4)).and_then(|okm| okm.fill(&mut out)).expect("short");
        assert_eq!(out, [0x3c, 0xb2, 0x5f, 0x25]);
    }
}
