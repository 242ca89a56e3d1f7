//! Documents of which copies are recognised, by keyed hashes of their passages.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::codename::Codeword;
use crate::id::VersionId;
use crate::inspection::Looked;
use crate::level::Level;
use crate::limits::PRINTS_MAX;

/// A hash, and where its passage stands.
const PRINT_BYTES: usize = 12;

/// Keyed hashes of passages of a text, in the order in which they stand; at most [`PRINTS_MAX`]. Without the key they tell
/// nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prints(Vec<u8>);

impl Prints {
    /// Adds the hash of a passage. What is beyond the bound is left out.
    pub fn push(&mut self, hash: u64, at: u32) {
        if self.len() < PRINTS_MAX {
            self.0.extend_from_slice(&hash.to_le_bytes());
            self.0.extend_from_slice(&at.to_le_bytes());
        }
    }

    /// Returns each hash with where its passage stands.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.0.as_chunks::<PRINT_BYTES>().0.iter().map(|print| {
            let [a, b, c, d, e, f, g, h, w, x, y, z] = *print;
            (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([w, x, y, z]))
        })
    }

    /// Returns how many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / PRINT_BYTES
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns them as they are written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads them; nothing when they are none, or too many.
    #[must_use]
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let fits = bytes.len().is_multiple_of(PRINT_BYTES) && bytes.len() / PRINT_BYTES <= PRINTS_MAX;
        fits.then_some(Self(bytes))
    }
}

/// How many there are: which ones is nobody's business.
impl fmt::Debug for Prints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prints({})", self.len())
    }
}

impl<C> Encode<C> for Prints {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Prints {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let read = Self::read(decoder.bytes()?.to_vec());
        read.ok_or_else(|| minicbor::decode::Error::message("hashes of passages that are none"))
    }
}

/// A keyed digest of a whole content: equal for equal contents. Without the key it tells nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ContentDigest(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

/// Which it is is nobody's business.
impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentDigest")
    }
}

/// By what copies of a version are recognised: passages of its text, all of its content, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Hashes of passages; none when it has too little text.
    pub prints: Prints,
    /// What its content is; not when it is too short, or the same as that of others everywhere.
    pub content: Option<ContentDigest>,
}

/// A version of which copies are recognised.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Known {
    /// Which.
    #[n(0)]
    pub version: VersionId,
    /// The level that what holds a copy has at least.
    #[n(1)]
    pub level: Level,
    /// What it is recognised by.
    #[n(2)]
    pub prints: Prints,
}

/// What whoever inspects is to recognise.
#[derive(Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Knowledge {
    /// The key under which passages are hashed; it serves for nothing else.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 16],
    /// Known versions.
    #[n(1)]
    pub documents: Vec<Known>,
    /// Codenames.
    #[n(2)]
    pub names: Vec<Codeword>,
}

impl fmt::Debug for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Knowledge({} documents, {} names)", self.documents.len(), self.names.len())
    }
}

/// What a look into a version gave: what was found, and what it is recognised by, if that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Seen {
    /// What was found.
    #[n(0)]
    pub looked: Looked,
    /// What it is recognised by, if that was asked for; no hashes in weights, or in too little text.
    #[n(1)]
    pub prints: Option<Prints>,
    /// It is all text that stands in unrelated documents everywhere, as a licence does. Told with what it is recognised by.
    #[cbor(n(2), default)]
    pub is_common: bool,
}

impl Seen {
    /// Reads what a worker says, which may be anything.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        minicbor::decode(bytes).ok().filter(|seen: &Self| seen.looked.is_bounded())
    }
}

impl From<Looked> for Seen {
    fn from(looked: Looked) -> Self {
        Self { looked, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_read_back_and_are_bounded() {
        let mut prints = Prints::default();
        for number in 0..PRINTS_MAX as u32 + 2 {
            prints.push(u64::from(number) << 40, number);
        }
        assert_eq!(
            (prints.len(), prints.iter().last()),
            (PRINTS_MAX, Some(((PRINTS_MAX as u64 - 1) << 40, PRINTS_MAX as u32 - 1)))
        );
        let known = Known { version: VersionId([1; 16]), level: Level::Restricted, prints };
        let knowledge = Knowledge { key: [7; 16], documents: vec![known.clone()], names: Vec::new() };
        let bytes = minicbor::to_vec(&knowledge).expect("encodes");
        assert_eq!(minicbor::decode::<Knowledge>(&bytes).expect("decodes"), knowledge);
        assert!(!format!("{knowledge:?}").contains('7'));
        let seen = Seen { prints: Some(known.prints.clone()), ..Looked::unreadable().into() };
        assert_eq!(Seen::read(&minicbor::to_vec(&seen).expect("encodes")), Some(seen));
        assert_eq!(Prints::read(vec![0; 13]), None);
        assert_eq!(Prints::read(vec![0; PRINT_BYTES * (PRINTS_MAX + 1)]), None);
    }
}
