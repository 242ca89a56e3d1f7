//! What stands beside an event, sealed: the event states its length and SHA-256(salt || payload), and so the log commits
//! to it. The salt keeps whoever is shown the event from testing guesses at the payload.
//!
//! ```text
//! bytes 0..4     version of the event key, big-endian
//! bytes 4..16    nonce
//! bytes 16..     AES-256-GCM-SIV of salt (16 bytes) || payload, bound to "cordon/payload/v1", the hash and bytes 0..16
//! ```

use aws_lc_rs::aead::{Aad, Nonce};
use cordon_domain::limits::PAYLOAD_BYTES_MAX;
use cordon_domain::{Entropy, Payload};
use sha2::{Digest as _, Sha256};

use crate::entry::{EntryError, EventKey, NONCE_BYTES, SALT_BYTES, TAG_BYTES, seal_in_place};

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
    let mut random = [0; NONCE_BYTES + SALT_BYTES];
    entropy.fill(&mut random);
    let (nonce, salt) = random.split_at(NONCE_BYTES);
    let sha256 = Sha256::new_with_prefix(salt).chain_update(plain).finalize().into();
    let payload = Payload { sha256, bytes: plain.len() as u64 };
    let mut sealed = Vec::with_capacity(HEAD_BYTES + SALT_BYTES + plain.len() + TAG_BYTES);
    sealed.extend_from_slice(&key.version().to_be_bytes());
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(salt);
    sealed.extend_from_slice(plain);
    let (head, body) = sealed.split_at_mut(HEAD_BYTES);
    let tag = seal_in_place(key.key(), nonce, &context(&payload, head), body)?;
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
    if sealed_bytes(payload) != Some(sealed.len() as u64) {
        return Err(EntryError::NotAuthentic);
    }
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
    if Sha256::digest(&body).as_slice() != payload.sha256 {
        return Err(EntryError::NotAuthentic);
    }
    Ok(body.split_off(SALT_BYTES))
}

/// Returns how long the sealed form of a payload is; `None` when it is larger than may stand beside an event.
#[must_use]
pub fn sealed_bytes(payload: &Payload) -> Option<u64> {
    let within = payload.bytes <= PAYLOAD_BYTES_MAX as u64;
    within.then_some(payload.bytes + (HEAD_BYTES + SALT_BYTES + TAG_BYTES) as u64)
}

fn context(payload: &Payload, head: &[u8]) -> Vec<u8> {
    [CONTEXT, &payload.sha256, head].concat()
}
