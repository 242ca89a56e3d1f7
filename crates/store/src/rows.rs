//! Rows that decide, each with a MAC under the key tree: a row that was changed beside Cordon locks what it is about.

use aws_lc_rs::hmac;
use cordon_domain::{BucketId, Label, VersionId};
use cordon_keys::wrap::{WRAPPED_BYTES, Wrapped, framed};
use cordon_keys::{KeyName, KeyRef, Secret, WrappedDataKey};

use crate::error::StoreError;

/// Bytes of a row's MAC.
pub(crate) const MAC_BYTES: usize = 32;

/// Makes and checks MACs of rows.
pub(crate) struct RowKey(hmac::Key);

impl RowKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        let tag = hmac::sign(&self.0, &framed(parts));
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(tag.as_ref());
        mac
    }

    pub(crate) fn check(&self, parts: &[&[u8]], mac: &[u8], what: impl FnOnce() -> String) -> Result<(), StoreError> {
        hmac::verify(&self.0, &framed(parts), mac).map_err(|_| {
            StoreError::Integrity(format!("the row of {} was changed beside Cordon: it is locked", what()))
        })
    }
}

/// One object version: its label, its wrapped data key, its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// The version.
    pub version: VersionId,
    /// Its bucket.
    pub bucket: BucketId,
    /// Its label.
    pub label: Label,
    /// The version of the bucket key that wraps its data key.
    pub key_version: u32,
    /// The wrapped data key.
    pub wrapped: Wrapped,
    /// The manifest, sealed under the data key.
    pub manifest: Vec<u8>,
}

impl ObjectRow {
    /// Returns the name of the key that wraps the data key.
    #[must_use]
    pub const fn key_name(&self) -> KeyName {
        KeyName::Bucket(self.bucket, self.label.level)
    }

    /// Returns the wrapped data key with the key that opens it.
    #[must_use]
    pub const fn wrap(&self) -> WrappedDataKey {
        WrappedDataKey { under: KeyRef { name: self.key_name(), version: self.key_version }, wrapped: self.wrapped }
    }

    pub(crate) fn label_bytes(&self) -> Vec<u8> {
        encoded(&self.label)
    }

    pub(crate) fn mac(&self, key: &RowKey) -> [u8; MAC_BYTES] {
        let label = self.label_bytes();
        key.mac(&self.parts(&label, &self.key_version.to_be_bytes()))
    }

    fn parts<'a>(&'a self, label: &'a [u8], key_version: &'a [u8; 4]) -> [&'a [u8]; 7] {
        [b"objects/v1", &self.version.0, &self.bucket.0, label, key_version, &self.wrapped, &self.manifest]
    }

    pub(crate) fn read(row: &rusqlite::Row<'_>, key: &RowKey) -> Result<Self, StoreError> {
        let label: Vec<u8> = row.get("label").map_err(database)?;
        let wrapped: [u8; WRAPPED_BYTES] = row.get("wrapped").map_err(database)?;
        let version = VersionId(row.get("version").map_err(database)?);
        let what = || version.to_string();
        let read = Self {
            version,
            bucket: BucketId(row.get("bucket").map_err(database)?),
            label: minicbor::decode(&label)
                .map_err(|_| StoreError::Integrity(format!("the label of {} cannot be read", what())))?,
            key_version: row.get("key_version").map_err(database)?,
            wrapped,
            manifest: row.get("manifest").map_err(database)?,
        };
        let mac: Vec<u8> = row.get("mac").map_err(database)?;
        key.check(&read.parts(&label, &read.key_version.to_be_bytes()), &mac, what)?;
        // The column that rows are selected by is not under the MAC, but what it repeats is.
        if row.get::<_, u8>("level").map_err(database)? != read.label.level.number() {
            return Err(StoreError::Integrity(format!(
                "the row of {} was changed beside Cordon: it is locked",
                what()
            )));
        }
        Ok(read)
    }
}

/// Which versions of a key are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveKey {
    /// The key.
    pub name: KeyName,
    /// The version that wraps.
    pub active: u32,
    /// The least version that may still unwrap (`min_decryption_version`).
    pub least: u32,
}

impl ActiveKey {
    pub(crate) fn parts<'a>(name: &'a [u8], versions: &'a [u8; 8]) -> [&'a [u8]; 3] {
        [b"active_keys/v1", name, versions]
    }

    pub(crate) fn versions(&self) -> [u8; 8] {
        let mut versions = [0; 8];
        let (active, least) = versions.split_at_mut(4);
        active.copy_from_slice(&self.active.to_be_bytes());
        least.copy_from_slice(&self.least.to_be_bytes());
        versions
    }

    pub(crate) fn read(row: &rusqlite::Row<'_>, key: &RowKey) -> Result<Self, StoreError> {
        let name_bytes: Vec<u8> = row.get("name").map_err(database)?;
        let name: KeyName = minicbor::decode(&name_bytes)
            .map_err(|_| StoreError::Integrity("a row of active keys has no name that can be read".to_owned()))?;
        let read =
            Self { name, active: row.get("active").map_err(database)?, least: row.get("least").map_err(database)? };
        let mac: Vec<u8> = row.get("mac").map_err(database)?;
        key.check(&Self::parts(&name_bytes, &read.versions()), &mac, || name.to_string())?;
        Ok(read)
    }
}

/// Encodes a value whose encoding cannot fail: it is written to memory.
pub(crate) fn encoded(value: &impl minicbor::Encode<()>) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "writing to memory does not fail, and these types have no encoder of their own"
    )]
    minicbor::to_vec(value).expect("memory takes it")
}

pub(crate) fn database(error: rusqlite::Error) -> StoreError {
    StoreError::Database("cordon.db", error)
}
