//! An entry of the log: the salted commitment and the ciphertext of an event.
//!
//! ```text
//! byte  0        kind: 1 event, 2 succession
//! bytes 1..5     version of the event key, big-endian
//! bytes 5..17    nonce
//! bytes 17..49   commitment: SHA-256("cordon/event-commitment/v1" || salt || body)
//! bytes 49..     AES-256-GCM-SIV of salt (16) || body, bound to bytes 0..49
//! ```
//!
//! The body is the length of the event (16 bits), the event in CBOR, what identifies a person (under that person's key)
//! and zeros up to a multiple of 64 bytes, so that lengths say little. Who holds the log but no key learns the number,
//! the order and the rough length of events. Salt and body, given to someone, prove an event without any key.
//!
//! GCM-SIV (RFC 8452) because nonces are drawn at random and there are billions of events under one key.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use cordon_domain::limits::PAYLOAD_BYTES_MAX;
use cordon_domain::{Entropy, Event, Personal, PrincipalId};
use cordon_keys::Secret;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::limits::ENTRY_BYTES_MAX;

const KIND_EVENT: u8 = 1;
const KIND_SUCCESSION: u8 = 2;
pub(crate) const NONCE_BYTES: usize = 12;
const COMMITMENT_BYTES: usize = 32;
const HEAD_BYTES: usize = 1 + 4 + NONCE_BYTES + COMMITMENT_BYTES;
pub(crate) const SALT_BYTES: usize = 16;
pub(crate) const TAG_BYTES: usize = 16;
const PADDING_BYTES: usize = 64;
/// The personal part of an entry is bound to the person alone.
const PERSONAL: &[u8] = b"";
const COMMITMENT_CONTEXT: &[u8] = b"cordon/event-commitment/v1";

/// Why an entry cannot be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The event is too large for an entry.
    #[error("the event has {0} bytes; an entry holds at most {ENTRY_BYTES_MAX}")]
    TooLarge(usize),
    /// What is to stand beside the event is too large.
    #[error("what stands beside the event has {0} bytes; there may be {PAYLOAD_BYTES_MAX}")]
    PayloadTooLarge(usize),
    /// A newer kind.
    #[error("the entry is of kind {0}, which this program does not know")]
    Newer(u8),
    /// It was sealed under another key.
    #[error("the entry is sealed under version {0} of the event key, which is not here")]
    OtherKey(u32),
    /// It is not what was sealed.
    #[error("the entry does not open: it was changed, or the key is another")]
    NotAuthentic,
    /// It cannot be read.
    #[error("the entry cannot be read")]
    Malformed,
}

/// The key of events, in one version.
pub struct EventKey {
    version: u32,
    key: LessSafeKey,
}

/// The key of what identifies one person.
pub struct SubjectKey {
    subject: PrincipalId,
    key: LessSafeKey,
}

impl EventKey {
    /// Prepares a version of the key.
    #[must_use]
    pub fn new(version: u32, secret: &Secret) -> Self {
        Self { version, key: siv(secret) }
    }

    /// Returns the version.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    pub(crate) const fn key(&self) -> &LessSafeKey {
        &self.key
    }
}

impl SubjectKey {
    /// Prepares the key of `subject`.
    #[must_use]
    pub fn new(subject: PrincipalId, secret: &Secret) -> Self {
        Self { subject, key: siv(secret) }
    }

    /// Seals what identifies the person: nonce, ciphertext, tag; bound to the person and `context`.
    ///
    /// # Errors
    ///
    /// [`EntryError`] when the cipher fails.
    pub fn seal(&self, context: &[u8], plain: &[u8], entropy: &mut dyn Entropy) -> Result<Vec<u8>, EntryError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        let tag = seal_in_place(&self.key, &nonce, &self.bound(context), &mut sealed)?;
        Ok([&nonce, sealed.as_slice(), &tag].concat())
    }

    /// Opens what was sealed with the same context.
    ///
    /// # Errors
    ///
    /// [`EntryError::NotAuthentic`] when it is anything else.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, EntryError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(EntryError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EntryError::Malformed)?;
        let mut ciphertext = ciphertext.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(self.bound(context)), &mut ciphertext);
        Ok(opened.map_err(|_| EntryError::NotAuthentic)?.to_vec())
    }

    /// The person, and what it is.
    fn bound(&self, context: &[u8]) -> Vec<u8> {
        [&self.subject.0, context].concat()
    }
}

/// What identified the person of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing was recorded.
    None,
    /// It is here.
    Open(Personal),
    /// It is sealed under the key of this subject, which was not given or was destroyed.
    Sealed(PrincipalId),
}

/// An event as read from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEvent {
    /// The event; its personal part is in `identity`.
    pub event: Event,
    /// Who that was.
    pub identity: Identity,
    /// The salt of the commitment, to disclose this event alone.
    pub salt: [u8; SALT_BYTES],
}

#[derive(Encode, Decode)]
struct SealedPersonal {
    #[n(0)]
    subject: PrincipalId,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

/// Seals an event. The personal part is sealed under `subject`, and left out when there is none.
///
/// # Errors
///
/// [`EntryError::TooLarge`] when the entry would be longer than 65,535 bytes.
pub fn seal(
    event: &Event,
    key: &EventKey,
    subject: Option<&SubjectKey>,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, EntryError> {
    let mut random = [0; NONCE_BYTES + SALT_BYTES];
    entropy.fill(&mut random);
    let (nonce, salt) = random.split_at(NONCE_BYTES);

    let mut entry = Vec::with_capacity(512);
    entry.push(KIND_EVENT);
    entry.extend_from_slice(&key.version.to_be_bytes());
    entry.extend_from_slice(nonce);
    entry.extend_from_slice(&[0; COMMITMENT_BYTES]);
    entry.extend_from_slice(salt);
    write_body(&mut entry, event, subject, entropy)?;
    if entry.len() + TAG_BYTES > ENTRY_BYTES_MAX {
        return Err(EntryError::TooLarge(entry.len() + TAG_BYTES));
    }
    let (head, sealed) = entry.split_at_mut(HEAD_BYTES);
    let commitment: [u8; COMMITMENT_BYTES] =
        Sha256::new_with_prefix(COMMITMENT_CONTEXT).chain_update(&*sealed).finalize().into();
    if let Some(place) = head.last_chunk_mut::<COMMITMENT_BYTES>() {
        *place = commitment;
    }
    let tag = seal_in_place(&key.key, nonce, head, sealed)?;
    entry.extend_from_slice(&tag);
    Ok(entry)
}

fn write_body(
    entry: &mut Vec<u8>,
    event: &Event,
    subject: Option<&SubjectKey>,
    entropy: &mut dyn Entropy,
) -> Result<(), EntryError> {
    let start = entry.len();
    entry.extend_from_slice(&[0; 2]);
    minicbor::encode(event, &mut *entry).map_err(|_| EntryError::Malformed)?;
    let event_bytes = entry.len() - start - 2;
    let length = u16::try_from(event_bytes).map_err(|_| EntryError::TooLarge(event_bytes))?;
    if let Some(place) = entry.get_mut(start..start + 2) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    if let Some(subject) = subject.filter(|_| !event.personal.is_empty()) {
        let plain = minicbor::to_vec(&event.personal).map_err(|_| EntryError::Malformed)?;
        let sealed = subject.seal(PERSONAL, &plain, entropy)?;
        let sealed = SealedPersonal { subject: subject.subject, sealed };
        minicbor::encode(&sealed, &mut *entry).map_err(|_| EntryError::Malformed)?;
    }
    let bytes = entry.len() - start;
    entry.resize(start + bytes.next_multiple_of(PADDING_BYTES), 0);
    Ok(())
}

pub(crate) fn seal_in_place(
    key: &LessSafeKey,
    nonce: &[u8],
    context: &[u8],
    plain: &mut [u8],
) -> Result<[u8; TAG_BYTES], EntryError> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EntryError::Malformed)?;
    let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(context), plain);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(sealed.map_err(|_| EntryError::Malformed)?.as_ref());
    Ok(tag)
}

/// Tells which version of the event key an entry needs; `None` when it is no event.
#[must_use]
pub fn key_version(entry: &[u8]) -> Option<u32> {
    let (&kind, rest) = entry.split_first()?;
    let version = rest.first_chunk::<4>()?;
    (kind == KIND_EVENT).then(|| u32::from_be_bytes(*version))
}

/// Opens an entry. `subject_key` gives the key of a person, or `None` when it was destroyed or is not to be used.
///
/// # Errors
///
/// [`EntryError`] when the entry is not an event under this key.
pub fn open(
    entry: &[u8],
    key: &EventKey,
    subject_key: impl FnOnce(PrincipalId) -> Option<Arc<SubjectKey>>,
) -> Result<OpenEvent, EntryError> {
    match entry.first() {
        Some(&KIND_EVENT) => {}
        Some(&kind) => return Err(EntryError::Newer(kind)),
        None => return Err(EntryError::Malformed),
    }
    let version = key_version(entry).ok_or(EntryError::Malformed)?;
    if version != key.version {
        return Err(EntryError::OtherKey(version));
    }
    let (head, sealed) = entry.split_at_checked(HEAD_BYTES).ok_or(EntryError::Malformed)?;
    let (_, nonce_and_commitment) = head.split_at_checked(5).ok_or(EntryError::Malformed)?;
    let (nonce, commitment) = nonce_and_commitment.split_at_checked(NONCE_BYTES).ok_or(EntryError::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EntryError::Malformed)?;
    let mut sealed = sealed.to_vec();
    let plain = key.key.open_in_place(nonce, Aad::from(head), &mut sealed).map_err(|_| EntryError::NotAuthentic)?;
    let expected = Sha256::new_with_prefix(COMMITMENT_CONTEXT).chain_update(&*plain).finalize();
    if expected.as_slice() != commitment {
        return Err(EntryError::NotAuthentic);
    }
    let (salt, body) = plain.split_first_chunk::<SALT_BYTES>().ok_or(EntryError::Malformed)?;
    read_body(body, *salt, subject_key)
}

/// Verifies that `salt` and `body` are what an entry commits to, and reads the event. Needs no key.
///
/// # Errors
///
/// [`EntryError::NotAuthentic`] when they are not.
pub fn open_disclosed(entry: &[u8], salt: &[u8; SALT_BYTES], body: &[u8]) -> Result<OpenEvent, EntryError> {
    let commitment = entry.get(HEAD_BYTES - COMMITMENT_BYTES..HEAD_BYTES).ok_or(EntryError::Malformed)?;
    let found = Sha256::new_with_prefix(COMMITMENT_CONTEXT).chain_update(salt).chain_update(body).finalize();
    if found.as_slice() != commitment {
        return Err(EntryError::NotAuthentic);
    }
    read_body(body, *salt, |_| None)
}

fn read_body(
    body: &[u8],
    salt: [u8; SALT_BYTES],
    subject_key: impl FnOnce(PrincipalId) -> Option<Arc<SubjectKey>>,
) -> Result<OpenEvent, EntryError> {
    let malformed = |_| EntryError::Malformed;
    let (length, rest) = body.split_first_chunk::<2>().ok_or(EntryError::Malformed)?;
    let (event, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(EntryError::Malformed)?;
    let event: Event = minicbor::decode(event).map_err(malformed)?;
    // Padding is zero; what stands before it begins with the head of a CBOR array.
    if rest.first().is_none_or(|&byte| byte == 0) {
        return Ok(OpenEvent { event, identity: Identity::None, salt });
    }
    let personal: SealedPersonal = minicbor::decode(rest).map_err(malformed)?;
    let sealed = Identity::Sealed(personal.subject);
    let Some(key) = subject_key(personal.subject) else { return Ok(OpenEvent { event, identity: sealed, salt }) };
    let plain = key.open(PERSONAL, &personal.sealed)?;
    let identity = Identity::Open(minicbor::decode(&plain).map_err(malformed)?);
    Ok(OpenEvent { event, identity, salt })
}

/// The first entry of a log that follows another: readable by anyone, names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Succession {
    /// The last checkpoint that is known of the old log, as a signed note.
    #[n(0)]
    pub old_checkpoint: String,
    /// How many entries of the old log are still here. Those up to the checkpoint's size are lost.
    #[n(1)]
    pub kept: u64,
}

impl Succession {
    /// Writes the entry.
    ///
    /// # Errors
    ///
    /// [`EntryError::TooLarge`] when the checkpoint has too many signatures.
    pub fn entry(&self) -> Result<Vec<u8>, EntryError> {
        let body = minicbor::to_vec(self).map_err(|_| EntryError::Malformed)?;
        if body.len() >= ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge(body.len() + 1));
        }
        Ok([&[KIND_SUCCESSION], body.as_slice()].concat())
    }

    /// Reads the entry; `None` when it is another kind.
    #[must_use]
    pub fn read(entry: &[u8]) -> Option<Self> {
        let (&kind, body) = entry.split_first()?;
        if kind == KIND_SUCCESSION { minicbor::decode(body).ok() } else { None }
    }
}

fn siv(secret: &Secret) -> LessSafeKey {
    #[expect(clippy::expect_used, reason = "fails only for a key that is not 32 bytes long")]
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, secret.expose()).expect("32 bytes"))
}
