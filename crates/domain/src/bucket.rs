//! Buckets: what a new version in one gets for a label, and whether earlier versions are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::guarding::Guarding;
use crate::id::{BucketId, PrincipalId};
use crate::label::Label;
use crate::limits::{BUCKET_NAME_BYTES_MAX, BUCKET_NAME_BYTES_MIN, OBJECT_KEY_BYTES_MAX};
use crate::time::Moment;

/// What a bucket is called: a name as S3 has it, of which an address can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct BucketName(#[n(0)] String);

impl BucketName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reports a text that names no bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotABucketName;

impl fmt::Display for NotABucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a bucket's name is {BUCKET_NAME_BYTES_MIN} to {BUCKET_NAME_BYTES_MAX} of a-z, 0-9, `-` and single `.`, begins \
             and ends with a letter or digit, and is no address of a network"
        )
    }
}

impl std::error::Error for NotABucketName {}

impl FromStr for BucketName {
    type Err = NotABucketName;

    /// Source: "General purpose bucket naming rules" of the Amazon S3 user guide.
    fn from_str(text: &str) -> Result<Self, NotABucketName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let length = (BUCKET_NAME_BYTES_MIN..=BUCKET_NAME_BYTES_MAX).contains(&text.len());
        let ends = [text.bytes().next(), text.bytes().next_back()].into_iter().all(|byte| byte.is_some_and(plain));
        let inner = text.bytes().all(|byte| plain(byte) || b"-.".contains(&byte)) && !text.contains("..");
        let address = text.parse::<std::net::Ipv4Addr>().is_ok();
        if length && ends && inner && !address { Ok(Self(text.to_owned())) } else { Err(NotABucketName) }
    }
}

impl<'b, C> Decode<'b, C> for BucketName {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decoder.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

/// What an object of a bucket is called: any text of at most 1,024 bytes. Nothing of it becomes a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct ObjectKey(#[n(0)] String);

impl ObjectKey {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reports a text that names no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnObjectKey;

impl fmt::Display for NotAnObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object's name has 1 to {OBJECT_KEY_BYTES_MAX} bytes, none of them 0")
    }
}

impl std::error::Error for NotAnObjectKey {}

impl FromStr for ObjectKey {
    type Err = NotAnObjectKey;

    fn from_str(text: &str) -> Result<Self, NotAnObjectKey> {
        // PostgreSQL keeps no text with a zero in it.
        let fits = (1..=OBJECT_KEY_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnObjectKey) }
    }
}

impl<'b, C> Decode<'b, C> for ObjectKey {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decoder.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

/// Whether earlier versions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Versioning {
    /// A new version takes the place of the one before.
    #[default]
    #[n(0)]
    Off,
    /// Earlier versions are kept; deleting hides.
    #[n(1)]
    On,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Bucket {
    /// Identifies it for ever.
    #[n(0)]
    pub id: BucketId,
    /// What it is called, while it is there.
    #[n(1)]
    pub name: BucketName,
    /// The label of what is written to it, unless that is given a higher one.
    #[n(2)]
    pub label: Label,
    /// Who made it.
    #[n(3)]
    pub made_by: PrincipalId,
    /// When it was made.
    #[n(4)]
    pub made_at: Moment,
    /// Whether earlier versions are kept.
    #[n(5)]
    pub versioning: Versioning,
    /// How it is guarded, where somebody said so.
    #[n(6)]
    pub guarding: Option<Guarding>,
    /// Tags, as S3 writes them in a header.
    #[n(7)]
    pub tagging: Option<String>,
}

impl Bucket {
    /// Returns how it is guarded.
    #[must_use]
    pub fn guarding(&self) -> Guarding {
        self.guarding.unwrap_or_default()
    }
}

/// Buckets, found by what they are and by what they are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    all: BTreeMap<BucketId, Bucket>,
    names: BTreeMap<BucketName, BucketId>,
}

impl Buckets {
    /// Returns a bucket.
    #[must_use]
    pub fn get(&self, id: BucketId) -> Option<&Bucket> {
        self.all.get(&id)
    }

    /// Returns the bucket of a name.
    #[must_use]
    pub fn named(&self, name: &BucketName) -> Option<&Bucket> {
        self.all.get(self.names.get(name)?)
    }

    /// Returns all, by their names.
    pub fn by_name(&self) -> impl Iterator<Item = &Bucket> {
        self.names.values().filter_map(|id| self.all.get(id))
    }

    pub(crate) fn put(&mut self, bucket: Bucket) {
        self.names.insert(bucket.name.clone(), bucket.id);
        self.all.insert(bucket.id, bucket);
    }

    pub(crate) fn end(&mut self, id: BucketId) {
        if let Some(bucket) = self.all.remove(&id) {
            self.names.remove(&bucket.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_s3_takes() {
        let long = "a".repeat(63);
        for name in ["abc", "a-b.c", "0ab", long.as_str(), "a--b", "192.168.5"] {
            assert_eq!(name.parse::<BucketName>().expect("a name").as_str(), name);
        }
        let longer = "a".repeat(64);
        for name in ["ab", "", "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.5.4", "a/b", "äbc", longer.as_str()]
        {
            assert!(name.parse::<BucketName>().is_err(), "{name}");
        }
    }

    #[test]
    fn any_text_within_bounds_names_an_object() {
        let longest = "k".repeat(1024);
        for key in ["a", "../../etc/passwd", "ä/漢字 \n", "/", longest.as_str()] {
            assert_eq!(key.parse::<ObjectKey>().expect("a key").as_str(), key);
        }
        for key in ["", "a\0b", &"k".repeat(1025)] {
            assert!(key.parse::<ObjectKey>().is_err());
        }
    }
}
