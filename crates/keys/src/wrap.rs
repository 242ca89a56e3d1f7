//! Wrapping one key under another: AES-256-GCM with a random nonce, bound to what the key is.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use cordon_domain::Entropy;
use zeroize::Zeroize as _;

use crate::error::KeyError;
use crate::secret::{KEY_BYTES, Secret};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Bytes of a wrapped key: nonce, ciphertext, tag.
pub const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// A key under another: useless without that one and without the words it was bound to.
pub type Wrapped = [u8; WRAPPED_BYTES];

/// A key that wraps keys.
pub struct WrappingKey(LessSafeKey);

impl WrappingKey {
    /// Prepares `secret` for wrapping.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        #[expect(clippy::expect_used, reason = "fails only for a key that is not 32 bytes long")]
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.expose()).expect("32 bytes")))
    }

    /// Wraps `secret`, bound to `context`.
    #[must_use]
    pub fn wrap(&self, secret: &Secret, context: &[u8], entropy: &mut dyn Entropy) -> Wrapped {
        let mut wrapped = [0; WRAPPED_BYTES];
        let (nonce, rest) = wrapped.split_at_mut(NONCE_BYTES);
        entropy.fill(nonce);
        let (body, tag_place) = rest.split_at_mut(KEY_BYTES);
        body.copy_from_slice(secret.expose());
        #[expect(clippy::expect_used, reason = "the nonce has its length; sealing 32 bytes does not fail")]
        let tag = Nonce::try_assume_unique_for_key(nonce)
            .and_then(|nonce| self.0.seal_in_place_separate_tag(nonce, Aad::from(context), body))
            .expect("a nonce of 12 bytes");
        tag_place.copy_from_slice(tag.as_ref());
        wrapped
    }

    /// Opens a wrap that was bound to `context`.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrapDoesNotOpen`] naming `what`, when anything differs.
    pub fn unwrap(&self, wrapped: &[u8], context: &[u8], what: impl Fn() -> String) -> Result<Secret, KeyError> {
        let refuse = || KeyError::WrapDoesNotOpen(what());
        let (nonce, sealed) = wrapped.split_at_checked(NONCE_BYTES).ok_or_else(refuse)?;
        let mut body = [0u8; KEY_BYTES + TAG_BYTES];
        if sealed.len() != body.len() {
            return Err(refuse());
        }
        body.copy_from_slice(sealed);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refuse())?;
        let opened = self.0.open_in_place(nonce, Aad::from(context), &mut body).map_err(|_| refuse());
        let secret = opened.and_then(|plain| Secret::from_slice(plain).ok_or_else(refuse));
        body.zeroize();
        secret
    }
}

/// Joins parts so that no two lists of parts give the same bytes: each is preceded by its length.
#[must_use]
pub fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy() -> impl FnMut(&mut [u8]) {
        let mut count = 0u8;
        move |bytes: &mut [u8]| {
            for byte in bytes {
                count = count.wrapping_add(1);
                *byte = count;
            }
        }
    }

    #[test]
    fn a_wrap_opens_only_whole_and_in_its_context() {
        let parent = WrappingKey::new(&Secret::from_slice(&[1; 32]).expect("32"));
        let secret = Secret::from_slice(&[2; 32]).expect("32");
        let wrapped = parent.wrap(&secret, b"context", &mut entropy());
        let open = |bytes: &[u8], context: &[u8]| parent.unwrap(bytes, context, || "x".to_owned()).is_ok();
        assert!(parent.unwrap(&wrapped, b"context", || "x".to_owned()).expect("opens").equals(&secret));
        assert!(!open(&wrapped, b"contexT"));
        for place in 0..wrapped.len() {
            let mut changed = wrapped;
            changed[place] ^= 1;
            assert!(!open(&changed, b"context"), "byte {place}");
            assert!(!open(&wrapped[..place], b"context"), "cut at {place}");
        }
        let other = WrappingKey::new(&secret);
        assert!(other.unwrap(&wrapped, b"context", || "x".to_owned()).is_err());
    }

    #[test]
    fn framing_tells_lists_apart() {
        assert_ne!(framed(&[b"ab", b"c"]), framed(&[b"a", b"bc"]));
        assert_ne!(framed(&[b"a"]), framed(&[b"a", b""]));
    }
}
