//! What stands beside an event, sealed: the event states its SHA-256 and length, and so the log commits to it.
//!
//! ```text
//! bytes 0..4     version of the event key, big-endian
//! bytes 4..16    nonce
//! bytes 16..     AES-256-GCM-SIV of the payload, bound to "cordon/payload/v1", its SHA-256 and bytes 0..16
//! ```

use aws_lc_rs::aead::{Aad, Nonce};
use cordon_domain::limits::PAYLOAD_BYTES_MAX;
use cordon_domain::{Entropy, Payload};
use sha2::{Digest as _, Sha256};

use crate::entry::{EntryError, EventKey, NONCE_BYTES, TAG_BYTES, seal_in_place};

const HEAD_BYTES: usize = 4 + NONCE_BYTES;
const CONTEXT: &[u8] = b"cordon/payload/v1";

/// Seals a payload. Returns what the event states of it, and the sealed bytes.
///
/// # Errors
///
/// [`EntryError::PayloadTooLarge`] when it has more bytes than may stand beside an event.
pub fn seal(plain: &[u8], key: &EventKey, entropy: &mut dyn Entropy) -> Result<(Payload, Vec<u8>), EntryError> {
    if plain.len() > PAYLOAD_BYTES_MAX {
        return Err(EntryError::PayloadTooLarge(plain.len()));
    }
    let payload = Payload { sha256: Sha256::digest(plain).into(), bytes: plain.len() as u64 };
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(HEAD_BYTES + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&key.version().to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let (head, body) = sealed.split_at_mut(HEAD_BYTES);
    let tag = seal_in_place(key.key(), &nonce, &context(&payload, head), body)?;
    sealed.extend_from_slice(&tag);
    Ok((payload, sealed))
}

/// Tells which version of the event key a sealed payload needs.
#[must_use]
pub fn key_version(sealed: &[u8]) -> Option<u32> {
    sealed.first_chunk().map(|version| u32::from_be_bytes(*version))
}

/// Opens what stands beside an event that states `payload`.
///
/// # Errors
///
/// [`EntryError`] when it is not what the event states, or the key is another.
pub fn open(payload: &Payload, sealed: &[u8], key: &EventKey) -> Result<Vec<u8>, EntryError> {
    let version = key_version(sealed).ok_or(EntryError::Malformed)?;
    if version != key.version() {
        return Err(EntryError::OtherKey(version));
    }
    let (head, body) = sealed.split_at_checked(HEAD_BYTES).ok_or(EntryError::Malformed)?;
    let (_, nonce) = head.split_at_checked(4).ok_or(EntryError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EntryError::Malformed)?;
    let mut body = body.to_vec();
    let opened = key.key().open_in_place(nonce, Aad::from(context(payload, head)), &mut body);
    let length = opened.map_err(|_| EntryError::NotAuthentic)?.len();
    body.truncate(length);
    if Sha256::digest(&body).as_slice() != payload.sha256 || length as u64 != payload.bytes {
        return Err(EntryError::NotAuthentic);
    }
    Ok(body)
}

fn context(payload: &Payload, head: &[u8]) -> Vec<u8> {
    [CONTEXT, &payload.sha256, head].concat()
}
