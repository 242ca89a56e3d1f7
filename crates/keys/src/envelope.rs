//! Data keys: one for each object version, wrapped under the key of its bucket and level.
//!
//! The wrap is bound to the bucket, the version, the level, the projects and the wrapping key: a row that claims
//! another label does not open. Opening takes a receipt by value; wrapping anew happens inside the transaction that
//! records it, under its permit.

use cordon_domain::{Action, BucketId, Entropy, Label, Target, VersionId};
use cordon_gate::act::{Changes, Read};
use cordon_gate::{Departure, Permit, Receipt};

use crate::error::KeyError;
use crate::manifest::{Manifest, Part};
use crate::name::{KeyName, KeyRef};
use crate::secret::Secret;
use crate::stream::{Header, Stream, StreamContext};
use crate::wrap::{Wrapped, WrappingKey, framed};

/// The key of one level in one bucket, open.
pub struct BucketKey {
    reference: KeyRef,
    key: WrappingKey,
}

/// What a data key belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Belongs<'a> {
    /// The bucket.
    pub bucket: BucketId,
    /// The object version.
    pub version: VersionId,
    /// Its label.
    pub label: &'a Label,
}

impl<'a> Belongs<'a> {
    /// Reads it off a target; `None` when the target is no labelled version in a bucket.
    #[must_use]
    pub fn of(target: &'a Target) -> Option<Self> {
        Some(Self { bucket: target.bucket?, version: target.version?, label: target.label.as_ref()? })
    }

    fn context(&self, key: KeyRef) -> Vec<u8> {
        let key_name = key.to_string();
        let mut parts: Vec<&[u8]> = vec![b"cordon/data-key/v1", &self.bucket.0, &self.version.0, key_name.as_bytes()];
        parts.push(self.label.level.as_str().as_bytes());
        parts.extend(self.label.projects.iter().map(|project| project.as_str().as_bytes()));
        framed(&parts)
    }
}

/// A data key, wrapped, as a row of the store holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// The bucket key and its version.
    pub under: KeyRef,
    /// The wrap.
    pub wrapped: Wrapped,
}

/// The key of one object version, open.
pub struct DataKey(Secret);

impl DataKey {
    /// Draws the key of a new version.
    #[must_use]
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::draw(entropy))
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.0
    }
}

/// An object version that may be read: its key and its proven manifest.
pub struct Opened {
    bucket: BucketId,
    key: DataKey,
    manifest: Manifest,
}

impl Opened {
    /// Returns label, parts and length, as written.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Opens the stream of the part at `place` in the manifest, by its header.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAuthentic`] when there is no such part; [`KeyError::Malformed`] for a bad header.
    pub fn part(&self, place: usize, header: &Header) -> Result<(Stream, Part), KeyError> {
        let part = *self.manifest.parts.get(place).ok_or(KeyError::NotAuthentic("the manifest has no such part"))?;
        let context = StreamContext { bucket: self.bucket, version: self.manifest.version, part: part.number };
        Ok((Stream::open(&self.key, &context.associated_data(), header)?, part))
    }
}

impl BucketKey {
    /// Prepares an opened key for use; `None` when `reference` names no bucket key.
    #[must_use]
    pub fn new(reference: KeyRef, secret: &Secret) -> Option<Self> {
        matches!(reference.name, KeyName::Bucket(..)).then(|| Self { reference, key: WrappingKey::new(secret) })
    }

    /// Returns the key's name and version.
    #[must_use]
    pub const fn reference(&self) -> KeyRef {
        self.reference
    }

    /// Wraps the data key of a new version.
    ///
    /// # Errors
    ///
    /// [`KeyError::OtherTarget`] when this is the key of another bucket or level.
    pub fn wrap(
        &self,
        key: &DataKey,
        belongs: Belongs<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<WrappedDataKey, KeyError> {
        self.must_be_of(belongs)?;
        let wrapped = self.key.wrap(&key.0, &belongs.context(self.reference), entropy);
        Ok(WrappedDataKey { under: self.reference, wrapped })
    }

    /// Opens an object version for reading. Uses the receipt up.
    ///
    /// # Errors
    ///
    /// [`KeyError::OtherTarget`] when the receipt is for something else; [`KeyError::WrapDoesNotOpen`] and
    /// [`KeyError::NotAuthentic`] when wrap, label or manifest are not what was written.
    pub fn open(
        &self,
        receipt: Receipt<Read>,
        wrap: &WrappedDataKey,
        manifest: &[u8],
    ) -> Result<(Opened, Departure), KeyError> {
        let belongs = Belongs::of(receipt.target()).ok_or(KeyError::OtherTarget)?;
        let key = self.unwrap(wrap, belongs)?;
        let manifest = Manifest::open(manifest, &key)?;
        if manifest.label != *belongs.label || manifest.version != belongs.version {
            return Err(KeyError::NotAuthentic("the manifest belongs to another label or version"));
        }
        Ok((Opened { bucket: belongs.bucket, key, manifest }, receipt.spend()))
    }

    /// Wraps a data key anew under `to`, for the same label or, inside a relabelling, for `label`. No plaintext of the
    /// object is touched; the manifest is made anew when the label differs. Only relabelling, rewrapping and shredding may.
    ///
    /// # Errors
    ///
    /// As [`BucketKey::open`].
    pub fn rewrap<A: Changes>(
        &self,
        permit: &Permit<A>,
        wrap: &WrappedDataKey,
        from: Belongs<'_>,
        to: (&Self, &Label),
        entropy: &mut dyn Entropy,
    ) -> Result<Rewrapped, KeyError> {
        let wraps = [Action::LabelRaise, Action::LabelLower, Action::KeyRewrap, Action::KeyShred];
        if permit.target().bucket != Some(from.bucket) || !wraps.contains(&permit.action()) {
            return Err(KeyError::OtherTarget);
        }
        let (target, label) = to;
        let relabels = [Action::LabelRaise, Action::LabelLower].contains(&permit.action());
        if label != from.label && !relabels {
            return Err(KeyError::OtherTarget);
        }
        let key = self.unwrap(wrap, from)?;
        let wrap = target.wrap(&key, Belongs { label, ..from }, entropy)?;
        Ok(Rewrapped { wrap, key })
    }

    fn unwrap(&self, wrap: &WrappedDataKey, belongs: Belongs<'_>) -> Result<DataKey, KeyError> {
        self.must_be_of(belongs)?;
        if wrap.under != self.reference {
            return Err(KeyError::Missing(wrap.under));
        }
        let what = || format!("the data key of {}", belongs.version);
        self.key.unwrap(&wrap.wrapped, &belongs.context(self.reference), what).map(DataKey)
    }

    fn must_be_of(&self, belongs: Belongs<'_>) -> Result<(), KeyError> {
        let fits = self.reference.name == KeyName::Bucket(belongs.bucket, belongs.label.level);
        if fits { Ok(()) } else { Err(KeyError::OtherTarget) }
    }
}

/// A data key under its new wrap.
pub struct Rewrapped {
    /// The new wrap.
    pub wrap: WrappedDataKey,
    key: DataKey,
}

impl Rewrapped {
    /// Makes the manifest anew for another label.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the old manifest is not what was written.
    pub fn relabel(&self, manifest: &[u8], label: &Label) -> Result<Vec<u8>, KeyError> {
        let mut open = Manifest::open(manifest, &self.key)?;
        open.label = label.clone();
        open.seal(&self.key)
    }
}
