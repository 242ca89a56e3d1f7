//! Finding identifiers: stable across machines that share a key, meaningless to those who lack it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of an identifier key.
pub const ID_KEY_BYTES: usize = 32;

/// Keys the identifiers of findings. Neither printed nor serialised.
pub struct IdKey([u8; ID_KEY_BYTES]);

/// Names a key without revealing it: the first eight bytes of a keyed hash, in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(pub String);

/// Identifies a finding: HMAC-SHA256 over the length-framed parts that define it, cut to 16 bytes, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub String);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(redacted)")
    }
}

impl IdKey {
    /// Takes 32 secret bytes as the key.
    #[must_use]
    pub const fn new(bytes: [u8; ID_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Derives a key from text of any length (for a key given through the environment).
    #[must_use]
    pub fn derive(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Returns the name by which a baseline refers to this key.
    #[must_use]
    pub fn name(&self) -> KeyName {
        KeyName(first_hex(&self.mac(&[b"cordon key name"]), 8))
    }

    /// Identifies the thing that `parts` describe. Parts are framed by length: `["ab","c"]` and `["a","bc"]` differ.
    #[must_use]
    pub fn identify(&self, parts: &[&[u8]]) -> FindingId {
        FindingId(first_hex(&self.mac(parts), 16))
    }

    /// Derives 16 bytes for another purpose, so that one installation needs one key file.
    #[must_use]
    pub fn subkey(&self, purpose: &str) -> [u8; 16] {
        let mac = self.mac(&[b"cordon subkey", purpose.as_bytes()]);
        std::array::from_fn(|index| mac.get(index).copied().unwrap_or(0))
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The first `take` bytes as hexadecimal digits.
fn first_hex(bytes: &[u8], take: usize) -> String {
    crate::id::hex(bytes.get(..take).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_framed_and_the_key_matters() {
        let key = IdKey::new([7; ID_KEY_BYTES]);
        assert_ne!(key.identify(&[b"ab", b"c"]), key.identify(&[b"a", b"bc"]));
        assert_eq!(key.identify(&[b"x"]), IdKey::new([7; ID_KEY_BYTES]).identify(&[b"x"]));
        assert_ne!(key.identify(&[b"x"]), IdKey::new([8; ID_KEY_BYTES]).identify(&[b"x"]));
        assert_ne!(key.name(), IdKey::derive(b"other").name());
        assert_eq!(format!("{key:?}"), "IdKey(redacted)");
    }

    /// RFC 4231, test case 2, through the same construction without framing.
    #[test]
    fn hmac_matches_the_published_vector() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any key length");
        mac.update(b"what do ya want for nothing?");
        assert_eq!(first_hex(&mac.finalize().into_bytes(), 8), "5bdcc146bf60754e");
    }
}
