//! Streaming encryption: Tink's AES256-GCM-HKDF-1MB, byte for byte.
//!
//! A stream is a header of 40 bytes (its own length, a salt of 32, a nonce prefix of 7) and segments of 1 MiB of
//! ciphertext, the first of them shorter by the header, the last as short as it comes. The key of a stream is
//! HKDF-SHA256 of the data key with the salt and the associated data; the nonce of a segment is the prefix, its number
//! (32 bits, big-endian) and 1 for the last segment, else 0. Segments are opened in any order; a stream that was cut,
//! spliced or reordered does not open.
//!
//! Source: <https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming>.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use cordon_domain::{BucketId, Entropy, VersionId};
use zeroize::Zeroize as _;

use crate::envelope::DataKey;
use crate::error::KeyError;
use crate::limits::SEGMENTS_MAX;
use crate::secret::{KEY_BYTES, derive_into};
use crate::wrap::framed;

/// Bytes of ciphertext in a segment, tag and, in the first, header included.
pub const SEGMENT_BYTES: usize = 1 << 20;
/// Bytes of a stream's header.
pub const HEADER_BYTES: usize = 1 + SALT_BYTES + PREFIX_BYTES;
/// Bytes of a segment's tag.
pub const TAG_BYTES: usize = 16;
/// Plaintext bytes of the first segment.
pub const FIRST_BYTES: usize = SEGMENT_BYTES - HEADER_BYTES - TAG_BYTES;
/// Plaintext bytes of every other full segment.
pub const REST_BYTES: usize = SEGMENT_BYTES - TAG_BYTES;
const SALT_BYTES: usize = 32;
const PREFIX_BYTES: usize = 7;

/// A stream's header, as stored before its first segment.
pub type Header = [u8; HEADER_BYTES];

/// Whether a segment is the last of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Another follows.
    More,
    /// The stream ends with it.
    Last,
}

/// What a stream is bound to. Drawn when the upload begins, and never changed: not by relabelling, not by rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamContext {
    /// The bucket.
    pub bucket: BucketId,
    /// The object version.
    pub version: VersionId,
    /// The part.
    pub part: u32,
}

impl StreamContext {
    /// Returns the associated data: `cordon/stream/v1`, bucket, version and part, each preceded by its length.
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        framed(&[b"cordon/stream/v1", &self.bucket.0, &self.version.0, &self.part.to_be_bytes()])
    }
}

/// Seals and opens the segments of one stream.
pub struct Stream {
    key: LessSafeKey,
    prefix: [u8; PREFIX_BYTES],
}

impl Stream {
    /// Begins a new stream.
    #[must_use]
    pub fn begin(key: &DataKey, associated_data: &[u8], entropy: &mut dyn Entropy) -> (Self, Header) {
        let mut header = [0; HEADER_BYTES];
        entropy.fill(&mut header);
        if let Some(length) = header.first_mut() {
            *length = HEADER_BYTES as u8;
        }
        (Self::of(key, associated_data, &header), header)
    }

    /// Opens a stream by its header. Whether key and associated data are right shows with the first segment.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`] when the header does not state its own length.
    pub fn open(key: &DataKey, associated_data: &[u8], header: &Header) -> Result<Self, KeyError> {
        if header.first().copied() != Some(HEADER_BYTES as u8) {
            return Err(KeyError::Malformed("the header of a stream"));
        }
        Ok(Self::of(key, associated_data, header))
    }

    fn of(key: &DataKey, associated_data: &[u8], header: &Header) -> Self {
        let (_, rest) = header.split_at(1);
        let (salt, tail) = rest.split_at(SALT_BYTES);
        let mut prefix = [0; PREFIX_BYTES];
        prefix.copy_from_slice(tail);
        let mut derived = [0; KEY_BYTES];
        derive_into(key.secret(), salt, &[associated_data], &mut derived);
        #[expect(clippy::expect_used, reason = "fails only for a key that is not 32 bytes long")]
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived).expect("32 bytes"));
        derived.zeroize();
        Self { key, prefix }
    }

    /// Encrypts one segment in place and returns its tag, which is stored behind it.
    ///
    /// Each segment of a stream is sealed once: sealing two texts as the same segment would give both away.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when the segment is longer than its place allows, or its number too high.
    pub fn seal(&self, segment: u64, place: Place, bytes: &mut [u8]) -> Result<[u8; TAG_BYTES], KeyError> {
        check_length(segment, place, bytes.len())?;
        let nonce = self.nonce(segment, place)?;
        let sealed = self.key.seal_in_place_separate_tag(nonce, Aad::empty(), bytes);
        let sealed = sealed.map_err(|_| KeyError::Bound("a segment is too long"))?;
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(sealed.as_ref());
        Ok(tag)
    }

    /// Decrypts one segment (ciphertext and tag) in place and returns its plaintext.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAuthentic`] when segment, number, place, key or associated data are not those of the writer.
    pub fn unseal<'a>(&self, segment: u64, place: Place, bytes: &'a mut [u8]) -> Result<&'a mut [u8], KeyError> {
        let refuse = || KeyError::NotAuthentic("a segment was changed, moved or cut, or belongs to another key");
        let length = bytes.len().checked_sub(TAG_BYTES).ok_or_else(refuse)?;
        check_length(segment, place, length).map_err(|_| refuse())?;
        let nonce = self.nonce(segment, place)?;
        let (body, tag) = bytes.split_at_mut(length);
        self.key.open_in_place_separate_tag(nonce, Aad::empty(), tag, body).map_err(|_| refuse())
    }

    fn nonce(&self, segment: u64, place: Place) -> Result<Nonce, KeyError> {
        if segment >= SEGMENTS_MAX {
            return Err(KeyError::Bound("a stream has at most 2^32 - 1 segments"));
        }
        let mut nonce = [0; 12];
        let (prefix, rest) = nonce.split_at_mut(PREFIX_BYTES);
        prefix.copy_from_slice(&self.prefix);
        let (number, last) = rest.split_at_mut(4);
        number.copy_from_slice(&(segment as u32).to_be_bytes());
        last.fill(u8::from(place == Place::Last));
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

fn check_length(segment: u64, place: Place, length: usize) -> Result<(), KeyError> {
    let full = if segment == 0 { FIRST_BYTES } else { REST_BYTES };
    match place {
        Place::More if length == full => Ok(()),
        Place::Last if length <= full && (segment == 0 || length > 0) => Ok(()),
        Place::More | Place::Last => Err(KeyError::Bound("a segment is full, and only the last may be shorter")),
    }
}

/// Returns the length of the stored stream (header, segments, tags) of `plain` bytes.
#[must_use]
pub const fn stored_bytes(plain: u64) -> u64 {
    plain + HEADER_BYTES as u64 + segments(plain) * TAG_BYTES as u64
}

/// Returns how many segments hold `plain` bytes; an empty text has one.
#[must_use]
pub const fn segments(plain: u64) -> u64 {
    match plain.checked_sub(FIRST_BYTES as u64) {
        None | Some(0) => 1,
        Some(rest) => 1 + rest.div_ceil(REST_BYTES as u64),
    }
}

/// Where one segment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// Whether it is the last.
    pub place: Place,
    /// Where its plaintext begins in the plaintext of the stream.
    pub plain_start: u64,
    /// Bytes of plaintext.
    pub plain_bytes: u64,
    /// Where its ciphertext begins in the stored stream.
    pub stored_start: u64,
}

impl Segment {
    /// Returns the segment that holds the plaintext byte at `offset` of a stream of `plain` bytes.
    #[must_use]
    pub fn holding(offset: u64, plain: u64) -> Option<Self> {
        let first = FIRST_BYTES as u64;
        let rest = REST_BYTES as u64;
        let number = match offset.checked_sub(first) {
            _ if offset >= plain && (offset, plain) != (0, 0) => return None,
            None => 0,
            Some(beyond) => 1 + beyond / rest,
        };
        let last = number + 1 == segments(plain);
        let plain_start = if number == 0 { 0 } else { first + (number - 1) * rest };
        let full = if number == 0 { first } else { rest };
        Some(Self {
            number,
            place: if last { Place::Last } else { Place::More },
            plain_start,
            plain_bytes: full.min(plain - plain_start),
            stored_start: if number == 0 { HEADER_BYTES as u64 } else { number * SEGMENT_BYTES as u64 },
        })
    }
}

/// Encrypts a text that comes in pieces of any length.
pub struct Encryptor {
    stream: Stream,
    pending: Vec<u8>,
    segment: u64,
}

impl Encryptor {
    /// Begins a stream and appends its header to `out`.
    #[must_use]
    pub fn begin(key: &DataKey, associated_data: &[u8], entropy: &mut dyn Entropy, out: &mut Vec<u8>) -> Self {
        let (stream, header) = Stream::begin(key, associated_data, entropy);
        out.extend_from_slice(&header);
        Self { stream, pending: Vec::new(), segment: 0 }
    }

    /// Takes a piece of the text; appends to `out` what can be sealed. At most one segment is held back.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when the stream is too long.
    pub fn update(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        while !piece.is_empty() {
            let full = if self.segment == 0 { FIRST_BYTES } else { REST_BYTES };
            if self.pending.len() == full {
                self.flush(Place::More, out)?;
                continue;
            }
            let (now, later) = piece.split_at(piece.len().min(full - self.pending.len()));
            self.pending.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    /// Seals what is left as the last segment.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when the stream is too long.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), KeyError> {
        self.flush(Place::Last, out)
    }

    fn flush(&mut self, place: Place, out: &mut Vec<u8>) -> Result<(), KeyError> {
        let tag = self.stream.seal(self.segment, place, &mut self.pending)?;
        out.extend_from_slice(&self.pending);
        out.extend_from_slice(&tag);
        self.pending.clear();
        self.segment += 1;
        Ok(())
    }
}

impl Drop for Encryptor {
    fn drop(&mut self) {
        self.pending.zeroize();
    }
}
