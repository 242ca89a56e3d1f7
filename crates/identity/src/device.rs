//! Keys of devices: what shows that a request comes from a device that was enrolled.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use cordon_domain::{Entropy as _, Moment};
use cordon_store::edge::SystemEntropy;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::limits::{DEVICE_SKEW_MS, PROOF_CHARS_MAX};

const CONTEXT: &[u8] = b"cordon/device-proof/v1";

/// The key of a device: Ed25519, kept where only its user reads.
pub struct DeviceKey {
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
}

impl DeviceKey {
    /// Draws a key.
    #[must_use]
    pub fn draw() -> Option<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemEntropy.fill(&mut *seed);
        Self::from_seed(seed)
    }

    fn from_seed(seed: Zeroizing<[u8; 32]>) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(&*seed).ok().map(|pair| Self { pair, seed })
    }

    /// Reads a key as it is kept.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.trim().as_bytes()).ok()?);
        Self::from_seed(Zeroizing::new(bytes.as_slice().try_into().ok()?))
    }

    /// Writes it as it is kept.
    #[must_use]
    pub fn write(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&*self.seed))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        public
    }

    /// Shows the key for something, at a moment.
    #[must_use]
    pub fn show(&self, what: &str, at: Moment) -> Proof {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(&message(what, at)).as_ref());
        Proof { public: self.public(), at, signature }
    }
}

/// Shows that whoever asks holds the key of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The public key.
    pub public: [u8; 32],
    at: Moment,
    signature: [u8; 64],
}

impl Proof {
    /// Writes it as text.
    #[must_use]
    pub fn write(&self) -> String {
        BASE64URL_NOPAD.encode(&[&self.public[..], &self.at.0.to_be_bytes(), &self.signature].concat())
    }

    /// Reads one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > PROOF_CHARS_MAX {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (public, rest) = bytes.split_first_chunk()?;
        let (at, signature) = rest.split_first_chunk()?;
        let at = Moment(i64::from_be_bytes(*at));
        Some(Self { public: *public, at, signature: signature.try_into().ok()? })
    }

    /// Tells whether it is for `what`, and not older than `age_ms`, however the clocks differ.
    #[must_use]
    pub fn is_for(&self, what: &str, now: Moment, age_ms: i64) -> bool {
        let fresh = (-DEVICE_SKEW_MS..=age_ms + DEVICE_SKEW_MS).contains(&now.since_ms(self.at));
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        fresh && key.verify(&message(what, self.at), &self.signature).is_ok()
    }
}

fn message(what: &str, at: Moment) -> Vec<u8> {
    [CONTEXT, &at.0.to_be_bytes(), what.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::string_slice, reason = "the text is ASCII")]
    fn a_proof_is_for_one_thing_at_one_time_of_one_key() {
        let key = DeviceKey::draw().expect("a key");
        let again = DeviceKey::read(&key.write()).expect("reads back");
        assert_eq!(again.public(), key.public());
        let now = Moment(1_790_000_000_000);
        let proof = Proof::read(&key.show("this", now).write()).expect("reads back");
        let is_for = |what: &str, ms| proof.is_for(what, now.plus_ms(ms), 1_000);
        assert!(is_for("this", 0) && is_for("this", DEVICE_SKEW_MS + 1_000) && is_for("this", -DEVICE_SKEW_MS));
        assert!(!is_for("that", 0) && !is_for("this", DEVICE_SKEW_MS + 1_001) && !is_for("this", -DEVICE_SKEW_MS - 1));
        let other = DeviceKey::draw().expect("a key");
        assert!(!Proof { public: other.public(), ..proof }.is_for("this", now, 1_000));
        assert!(!Proof { at: now.plus_ms(1), ..proof }.is_for("this", now, 1_000), "the time is signed");
        for text in ["", "AAAA", &"A".repeat(1000), &proof.write()[1..]] {
            assert!(Proof::read(text).is_none_or(|proof| !proof.is_for("this", now, 1_000)), "{text}");
        }
    }
}
