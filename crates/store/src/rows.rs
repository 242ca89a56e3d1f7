//! Rows that decide, each with a MAC under the key tree: a row that was changed beside Cordon locks what it is about.

use aws_lc_rs::hmac;
use cordon_domain::id::ID_BYTES;
use cordon_domain::{BucketId, Label, Level, Moment, RequestId, VersionId};
use cordon_keys::wrap::{WRAPPED_BYTES, Wrapped, framed};
use cordon_keys::{KeyName, KeyRef, Secret, WrappedDataKey};

use crate::error::StoreError;
use crate::sql::{Cell, Row};

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

/// The event of a change, as its rows name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The request that the event answers.
    pub request: RequestId,
    /// When it was.
    pub at: Moment,
}

impl Stamp {
    /// As a MAC covers it.
    pub(crate) fn bytes(&self) -> [u8; ID_BYTES + 8] {
        let mut bytes = [0; ID_BYTES + 8];
        let (request, at) = bytes.split_at_mut(ID_BYTES);
        request.copy_from_slice(&self.request.0);
        at.copy_from_slice(&self.at.0.to_be_bytes());
        bytes
    }

    /// Reads two columns, from `column` on.
    pub(crate) fn read(row: &Row, column: usize) -> Result<Option<Self>, StoreError> {
        let Some(at) = row.maybe_int(column + 1)? else { return Ok(None) };
        Ok(Some(Self { request: RequestId(row.array(column)?), at: Moment(at) }))
    }

    /// Writes two columns.
    pub(crate) fn cells(stamp: Option<Self>) -> [Cell; 2] {
        stamp.map_or([Cell::Null, Cell::Null], |stamp| [Cell::Bytes(stamp.request.0.to_vec()), Cell::Int(stamp.at.0)])
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
    /// The event that gave it this label, once it is stored. Not known of versions that were stored in a format before the
    /// fifth.
    pub since: Option<Stamp>,
}

/// What the MAC of an object's row is over: its columns, but for the level, which the label repeats.
fn with_parts<T>(
    [version, bucket, label, key_version, wrapped, manifest]: [&[u8]; 6],
    since: Option<Stamp>,
    work: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    match since {
        Some(since) => work(&[b"objects/v2", version, bucket, label, key_version, wrapped, manifest, &since.bytes()]),
        None => work(&[b"objects/v1", version, bucket, label, key_version, wrapped, manifest]),
    }
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

    fn with_parts<T>(&self, label: &[u8], work: impl FnOnce(&[&[u8]]) -> T) -> T {
        let number = self.key_version.to_be_bytes();
        with_parts([&self.version.0, &self.bucket.0, label, &number, &self.wrapped, &self.manifest], self.since, work)
    }

    /// The columns of a row, as [`ObjectRow::read`] wants them.
    pub(crate) const COLUMNS: &str =
        "version, bucket, level, label, key_version, wrapped, manifest, mac, began, began_at";

    /// Writes a row, with its MAC.
    pub(crate) fn row(&self, key: &RowKey) -> Row {
        let label = encoded(&self.label);
        let mac = self.with_parts(&label, |parts| key.mac(parts));
        let [began, began_at] = Stamp::cells(self.since);
        Row(vec![
            Cell::Bytes(self.version.0.to_vec()),
            Cell::Bytes(self.bucket.0.to_vec()),
            Cell::Int(i64::from(self.label.level.number())),
            Cell::Bytes(label),
            Cell::Int(i64::from(self.key_version)),
            Cell::Bytes(self.wrapped.to_vec()),
            Cell::Bytes(self.manifest.clone()),
            Cell::Bytes(mac.to_vec()),
            began,
            began_at,
        ])
    }

    /// Checks a row, and returns its label and the level of its column as they are stored: who only counts keeps no more.
    pub(crate) fn label<'a>(row: &'a Row, key: &RowKey) -> Result<(&'a [u8], i64), StoreError> {
        let (version, number) = (row.bytes(0)?, row.small(4)?.to_be_bytes());
        let (bucket, label, wrapped, manifest) = (row.bytes(1)?, row.bytes(3)?, row.bytes(5)?, row.bytes(6)?);
        let (mac, since) = (row.bytes(7)?, Stamp::read(row, 8)?);
        with_parts([version, bucket, label, &number, wrapped, manifest], since, |parts| {
            key.check(parts, mac, || VersionId(row.array(0).unwrap_or_default()).to_string())
        })?;
        Ok((label, row.int(2)?))
    }

    /// Reads a row and checks its MAC.
    pub(crate) fn read(mut row: Row, key: &RowKey) -> Result<Self, StoreError> {
        let version = VersionId(row.array(0)?);
        let changed = || format!("the row of {version} was changed beside Cordon: it is locked");
        let label = row.take_bytes(3)?;
        let read = Self {
            version,
            bucket: BucketId(row.array(1)?),
            label: minicbor::decode(&label)
                .map_err(|_| StoreError::Integrity(format!("the label of {version} cannot be read")))?,
            key_version: row.small(4)?,
            wrapped: row.array::<WRAPPED_BYTES>(5)?,
            manifest: row.take_bytes(6)?,
            since: Stamp::read(&row, 8)?,
        };
        let mac = row.bytes(7)?;
        read.with_parts(&label, |parts| key.check(parts, mac, || version.to_string()))?;
        // The column that rows are selected by is not under the MAC, but what it repeats is.
        if row.int(2)? != i64::from(read.label.level.number()) {
            return Err(StoreError::Integrity(changed()));
        }
        Ok(read)
    }
}

/// A version that was shredded, and the key that wrapped its data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShreddedRow {
    pub(crate) version: VersionId,
    pub(crate) bucket: BucketId,
    pub(crate) level: Level,
    pub(crate) key_version: u32,
}

impl ShreddedRow {
    /// The columns of a row, as [`ShreddedRow::read`] wants them.
    pub(crate) const COLUMNS: &str = "version, bucket, level, key_version, mac";

    fn parts<'a>(&'a self, level: &'a [u8; 1], key_version: &'a [u8; 4]) -> [&'a [u8]; 5] {
        [b"shredded/v1", &self.version.0, &self.bucket.0, level, key_version]
    }

    fn numbers(&self) -> ([u8; 1], [u8; 4]) {
        ([self.level.number()], self.key_version.to_be_bytes())
    }

    /// The key version that wrapped the data key.
    pub(crate) const fn under(&self) -> KeyRef {
        KeyRef { name: KeyName::Bucket(self.bucket, self.level), version: self.key_version }
    }

    /// Writes a row, with its MAC.
    pub(crate) fn row(&self, key: &RowKey) -> Row {
        let (level, key_version) = self.numbers();
        Row(vec![
            Cell::Bytes(self.version.0.to_vec()),
            Cell::Bytes(self.bucket.0.to_vec()),
            Cell::Int(i64::from(self.level.number())),
            Cell::Int(i64::from(self.key_version)),
            Cell::Bytes(key.mac(&self.parts(&level, &key_version)).to_vec()),
        ])
    }

    /// Reads a row and checks its MAC.
    pub(crate) fn read(row: &Row, key: &RowKey) -> Result<Self, StoreError> {
        let (version, number) = (VersionId(row.array(0)?), row.int(2)?);
        let level = Level::ALL.into_iter().find(|known| i64::from(known.number()) == number);
        let level = level.ok_or_else(|| StoreError::Integrity(format!("{version} was shredded at no known level")))?;
        let read = Self { version, bucket: BucketId(row.array(1)?), level, key_version: row.small(3)? };
        let (level, key_version) = read.numbers();
        key.check(&read.parts(&level, &key_version), row.bytes(4)?, || format!("{version}, which was shredded,"))?;
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

    /// The columns of a row, as [`ActiveKey::read`] wants them.
    pub(crate) const COLUMNS: &str = "name, active, least, mac";

    /// Reads a row and checks its MAC.
    pub(crate) fn read(row: &Row, key: &RowKey) -> Result<Self, StoreError> {
        let name: KeyName = minicbor::decode(row.bytes(0)?)
            .map_err(|_| StoreError::Integrity("a row of active keys has no name that can be read".to_owned()))?;
        let read = Self { name, active: row.small(1)?, least: row.small(2)? };
        key.check(&Self::parts(row.bytes(0)?, &read.versions()), row.bytes(3)?, || name.to_string())?;
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
