//! What an object version consists of, authenticated under its data key.
//!
//! Each part is a stream of its own; the manifest says which parts there are, in which order and how long. Without it a
//! part could be left out, swapped, repeated or cut unnoticed.
//!
//! Form: version byte 1, HMAC-SHA256 (32 bytes) under a key derived from the data key, CBOR.

use aws_lc_rs::hmac;
use cordon_domain::{Label, VersionId};
use minicbor::{Decode, Encode};

use crate::envelope::DataKey;
use crate::error::KeyError;
use crate::limits::{MANIFEST_BYTES_MAX, PARTS_MAX};
use crate::secret::KEY_BYTES;

const FORMAT: u8 = 1;
const MAC_BYTES: usize = 32;

/// One part: its number as drawn when the upload began, and the length of its plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    /// The part number, which the part's stream is bound to.
    #[n(0)]
    pub number: u32,
    /// Bytes of plaintext.
    #[n(1)]
    pub bytes: u64,
}

/// Label, parts in order, and what commits to the key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The object version.
    #[n(0)]
    pub version: VersionId,
    /// The label.
    #[n(1)]
    pub label: Label,
    /// The parts, in the order in which they make the object.
    #[n(2)]
    pub parts: Vec<Part>,
    /// Bytes of plaintext in all.
    #[n(3)]
    pub bytes: u64,
    /// Commits to the data key: no second key opens the same bytes.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub commitment: [u8; KEY_BYTES],
}

impl Manifest {
    /// Describes an object version of these parts under `key`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] above 10,000 parts or 2^64 bytes; [`KeyError::NotAuthentic`] when a part number repeats.
    pub fn new(version: VersionId, label: Label, parts: Vec<Part>, key: &DataKey) -> Result<Self, KeyError> {
        let bytes = check(&parts)?;
        Ok(Self { version, label, parts, bytes, commitment: key.secret().commitment() })
    }

    /// Encodes and authenticates the manifest.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when it is larger than 1 MiB.
    pub fn seal(&self, key: &DataKey) -> Result<Vec<u8>, KeyError> {
        let body = minicbor::to_vec(self).map_err(|_| KeyError::Malformed("a manifest"))?;
        if body.len() > MANIFEST_BYTES_MAX {
            return Err(KeyError::Bound("a manifest has at most 1 MiB"));
        }
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(hmac::sign(&mac_key(key), &body).as_ref());
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Reads a manifest and proves that it was made under `key`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAuthentic`] when anything was changed; [`KeyError::Newer`] for a later format.
    pub fn open(sealed: &[u8], key: &DataKey) -> Result<Self, KeyError> {
        let (&format, rest) = sealed.split_first().ok_or(KeyError::Malformed("a manifest"))?;
        if format != FORMAT {
            return Err(KeyError::Newer { what: "a manifest", found: format, known: FORMAT });
        }
        if rest.len() > MANIFEST_BYTES_MAX + MAC_BYTES {
            return Err(KeyError::Bound("a manifest has at most 1 MiB"));
        }
        let (mac, body) = rest.split_at_checked(MAC_BYTES).ok_or(KeyError::Malformed("a manifest"))?;
        hmac::verify(&mac_key(key), body, mac)
            .map_err(|_| KeyError::NotAuthentic("the manifest was changed, or belongs to another key"))?;
        let manifest: Self = minicbor::decode(body).map_err(|_| KeyError::Malformed("a manifest"))?;
        if check(&manifest.parts)? != manifest.bytes || manifest.commitment != key.secret().commitment() {
            return Err(KeyError::NotAuthentic("the manifest contradicts itself"));
        }
        Ok(manifest)
    }
}

fn check(parts: &[Part]) -> Result<u64, KeyError> {
    if parts.len() > PARTS_MAX {
        return Err(KeyError::Bound("an object version has at most 10,000 parts"));
    }
    let mut numbers: Vec<u32> = parts.iter().map(|part| part.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.len() != parts.len() {
        return Err(KeyError::NotAuthentic("a part number repeats"));
    }
    let total = parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.bytes));
    total.ok_or(KeyError::Bound("an object version has fewer than 2^64 bytes"))
}

fn mac_key(key: &DataKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.secret().derive("cordon/manifest/v1").expose())
}
