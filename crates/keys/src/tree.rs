//! The key tree: root, levels, buckets, and Cordon's own keys.
//!
//! The store keeps [`StoredKey`]s, which are useless without the root. [`Unlocked`] is made once at start from the root
//! and the stored keys; from then on no provider is asked. A key is rotated by adding a version; what hangs on an older
//! version is wrapped anew, never rewritten.

use std::collections::BTreeMap;

use cordon_domain::{Entropy, Level, Moment};
use minicbor::{Decode, Encode};

use crate::error::KeyError;
use crate::name::{KeyName, KeyRef, Purpose};
use crate::secret::Secret;
use crate::wrap::{WRAPPED_BYTES, Wrapped, WrappingKey, framed};

/// A key as the key store keeps it: under its parent, bound to its name and version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredKey {
    /// The key and its version.
    #[n(0)]
    pub reference: KeyRef,
    /// The version of the parent under which it lies.
    #[n(1)]
    pub parent_version: u32,
    /// The wrapped key.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub wrapped: [u8; WRAPPED_BYTES],
    /// When it was made.
    #[n(3)]
    pub created_at: Moment,
}

/// The root key and its generation, as a provider gives it.
pub struct Root {
    /// Counts roots from 1.
    pub generation: u32,
    /// The key.
    pub secret: Secret,
}

/// The keys that are open from start to end: the root, the levels, Cordon's own.
pub struct Unlocked {
    root: Root,
    open: BTreeMap<KeyRef, Secret>,
}

impl Unlocked {
    /// Makes a new tree: a root, a key for each level, Cordon's own keys. Returns what to store.
    #[must_use]
    pub fn create(entropy: &mut dyn Entropy, now: Moment) -> (Self, Vec<StoredKey>) {
        let root = Root { generation: 1, secret: Secret::draw(entropy) };
        let mut unlocked = Self { root, open: BTreeMap::new() };
        let levels = Level::ALL.into_iter().map(KeyName::Level);
        let names = levels.chain(Purpose::ALL.into_iter().map(KeyName::Purpose));
        let stored = names.filter_map(|name| unlocked.add_version(name, entropy, now).ok()).collect();
        (unlocked, stored)
    }

    /// Opens every level key and own key among `stored`; other keys are opened when they are used.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrapDoesNotOpen`] when the root is another, or a stored key was changed.
    pub fn open<'a>(root: Root, stored: impl Iterator<Item = &'a StoredKey>) -> Result<Self, KeyError> {
        let mut unlocked = Self { root, open: BTreeMap::new() };
        for key in stored.filter(|key| key.reference.name.parent().is_none()) {
            let secret = unlocked.secret_of(key)?;
            unlocked.open.insert(key.reference, secret);
        }
        Ok(unlocked)
    }

    /// Adds a version to `name`, under the newest version of its parent.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when the parent is not here; [`KeyError::Bound`] after 2^32 versions.
    pub fn add_version(
        &mut self,
        name: KeyName,
        entropy: &mut dyn Entropy,
        now: Moment,
    ) -> Result<StoredKey, KeyError> {
        let version = match self.newest(name) {
            Some(newest) => newest.checked_add(1).ok_or(KeyError::Bound("a key has at most 2^32 versions"))?,
            None => 1,
        };
        let (stored, secret) = self.make(KeyRef { name, version }, entropy, now)?;
        if name.parent().is_none() {
            self.open.insert(stored.reference, secret);
        }
        Ok(stored)
    }

    /// Makes one version of a key that is opened when it is used (of a bucket, of a person).
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when its parent is not here.
    pub fn make(
        &self,
        reference: KeyRef,
        entropy: &mut dyn Entropy,
        now: Moment,
    ) -> Result<(StoredKey, Secret), KeyError> {
        let secret = Secret::draw(entropy);
        let (parent_version, wrapped) = self.wrap_newest(reference, &secret, entropy)?;
        Ok((StoredKey { reference, parent_version, wrapped, created_at: now }, secret))
    }

    /// Opens a stored key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when its parent is not here; [`KeyError::WrapDoesNotOpen`] when it was changed.
    pub fn secret_of(&self, stored: &StoredKey) -> Result<Secret, KeyError> {
        let context = context(stored.reference, stored.parent_version);
        let parent = self.parent(stored.reference, stored.parent_version)?;
        WrappingKey::new(parent).unwrap(&stored.wrapped, &context, || stored.reference.to_string())
    }

    /// Wraps a stored key anew, under the newest version of its parent. Returns `None` when it lies there already.
    ///
    /// # Errors
    ///
    /// As [`Unlocked::secret_of`].
    pub fn rewrapped(&self, stored: &StoredKey, entropy: &mut dyn Entropy) -> Result<Option<StoredKey>, KeyError> {
        let newest = stored.reference.name.parent().and_then(|parent| self.newest(parent));
        if newest.unwrap_or(self.root.generation) == stored.parent_version {
            return Ok(None);
        }
        let secret = self.secret_of(stored)?;
        let (parent_version, wrapped) = self.wrap_newest(stored.reference, &secret, entropy)?;
        Ok(Some(StoredKey { parent_version, wrapped, ..stored.clone() }))
    }

    /// Opens a level key or own key that another process has made since, and keeps it open.
    ///
    /// # Errors
    ///
    /// As [`Unlocked::secret_of`].
    pub fn learn(&mut self, stored: &StoredKey) -> Result<(), KeyError> {
        if stored.reference.name.parent().is_none() && !self.open.contains_key(&stored.reference) {
            let secret = self.secret_of(stored)?;
            self.open.insert(stored.reference, secret);
        }
        Ok(())
    }

    /// Forgets a version that must not be used any more.
    pub fn forget(&mut self, reference: KeyRef) {
        self.open.remove(&reference);
    }

    /// Returns the root, for a provider to wrap.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the newest version of a level key or own key.
    #[must_use]
    pub fn newest(&self, name: KeyName) -> Option<u32> {
        let all = KeyRef { name, version: 0 }..=KeyRef { name, version: u32::MAX };
        self.open.range(all).next_back().map(|(reference, _)| reference.version)
    }

    /// Returns one of Cordon's own keys, by version.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when that version is not here.
    pub fn own(&self, purpose: Purpose, version: u32) -> Result<&Secret, KeyError> {
        let reference = KeyRef { name: KeyName::Purpose(purpose), version };
        self.open.get(&reference).ok_or(KeyError::Missing(reference))
    }

    /// Returns all versions of one of Cordon's own keys, oldest first.
    pub fn own_versions(&self, purpose: Purpose) -> impl Iterator<Item = (u32, &Secret)> {
        let name = KeyName::Purpose(purpose);
        let all = KeyRef { name, version: 0 }..=KeyRef { name, version: u32::MAX };
        self.open.range(all).map(|(reference, secret)| (reference.version, secret))
    }

    /// Returns where the open keys lie, for the edge to lock them in memory.
    pub fn memory(&self) -> impl Iterator<Item = (*const u8, usize)> {
        std::iter::once(self.root.secret.memory()).chain(self.open.values().map(Secret::memory))
    }

    fn wrap_newest(
        &self,
        reference: KeyRef,
        secret: &Secret,
        entropy: &mut dyn Entropy,
    ) -> Result<(u32, Wrapped), KeyError> {
        let newest = reference.name.parent().and_then(|parent| self.newest(parent));
        let parent_version = newest.unwrap_or(self.root.generation);
        let parent = WrappingKey::new(self.parent(reference, parent_version)?);
        Ok((parent_version, parent.wrap(secret, &context(reference, parent_version), entropy)))
    }

    fn parent(&self, child: KeyRef, version: u32) -> Result<&Secret, KeyError> {
        match child.name.parent() {
            Some(name) => {
                let reference = KeyRef { name, version };
                self.open.get(&reference).ok_or(KeyError::Missing(reference))
            }
            None if version == self.root.generation => Ok(&self.root.secret),
            None => Err(KeyError::WrapDoesNotOpen(format!("{child} under root generation {version}"))),
        }
    }
}

/// What a wrapped key is bound to: its name, its version and that of its parent.
fn context(reference: KeyRef, parent_version: u32) -> Vec<u8> {
    let name = reference.name.to_string();
    let parts: [&[u8]; 4] =
        [b"cordon/key/v1", name.as_bytes(), &reference.version.to_be_bytes(), &parent_version.to_be_bytes()];
    framed(&parts)
}
