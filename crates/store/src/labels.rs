//! Which label a version had: rows of labels that ended, each with the events that began and ended it.
//!
//! The label that a version has stands in its own row, with the event that began it. A row of a label that ended has a
//! MAC, too; that one was removed beside Cordon is told by the log alone.

use cordon_domain::{BucketId, Label, Moment, RequestId, VersionId};

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::read::Reader;
use crate::rows::{MAC_BYTES, ObjectRow, RowKey, Stamp, encoded};
use crate::sql::{Cell, Row, Session, values};
use crate::state::object;

/// A label that ended.
pub(crate) struct PastLabel {
    version: VersionId,
    bucket: BucketId,
    /// As it is written.
    label: Vec<u8>,
    since: Option<Stamp>,
    until: Stamp,
}

impl PastLabel {
    /// The columns of a row, as [`PastLabel::read`] wants them.
    pub(crate) const COLUMNS: &str = "version, ended, bucket, label, began, began_at, ended_at, mac";

    fn mac(&self, key: &RowKey) -> [u8; MAC_BYTES] {
        self.with_parts(|parts| key.mac(parts))
    }

    fn with_parts<T>(&self, work: impl FnOnce(&[&[u8]]) -> T) -> T {
        let since = self.since.map(|since| since.bytes());
        let since = since.as_ref().map_or(&[][..], |since| since);
        work(&[b"past-labels/v1", &self.version.0, &self.bucket.0, &self.label, since, &self.until.bytes()])
    }

    fn row(&self, key: &RowKey) -> Row {
        let ([began, began_at], [ended, ended_at]) = (Stamp::cells(self.since), Stamp::cells(Some(self.until)));
        let (version, bucket) = (Cell::Bytes(self.version.0.to_vec()), Cell::Bytes(self.bucket.0.to_vec()));
        let (label, mac) = (Cell::Bytes(self.label.clone()), Cell::Bytes(self.mac(key).to_vec()));
        Row(vec![version, ended, bucket, label, began, began_at, ended_at, mac])
    }

    /// Reads a row and checks its MAC.
    pub(crate) fn read(row: &Row, key: &RowKey) -> Result<Self, StoreError> {
        let version = VersionId(row.array(0)?);
        let until = Stamp { request: RequestId(row.array(1)?), at: Moment(row.int(6)?) };
        let (bucket, label, since) = (BucketId(row.array(2)?), row.bytes(3)?.to_vec(), Stamp::read(row, 4)?);
        let read = Self { version, bucket, label, since, until };
        let mac = row.bytes(7)?;
        read.with_parts(|parts| key.check(parts, mac, || format!("a label that {version} had")))?;
        Ok(read)
    }

    /// The label, as it is written, when the version had it at `at`.
    pub(crate) fn at(&self, at: Moment) -> Result<Option<&[u8]>, StoreError> {
        let held = at < self.until.at && began(self.version, self.since)? <= at;
        Ok(held.then_some(&self.label))
    }
}

/// The moment from which on a version has had a label.
pub(crate) fn began(version: VersionId, since: Option<Stamp>) -> Result<Moment, StoreError> {
    let unknown = || {
        let stored = "it was stored by a program that did not keep that";
        StoreError::Unknown(format!("which label {version} had then is not known: {stored}"))
    };
    since.map(|since| since.at).ok_or_else(unknown)
}

/// The moment of a change of a label: never before that of the one before it, so that what was is told by moments alone.
pub(crate) fn stamp_after(stamp: Stamp, since: Option<Stamp>) -> Stamp {
    Stamp { at: since.map_or(stamp.at, |since| since.at.max(stamp.at)), ..stamp }
}

/// Keeps the label that a version has had until now.
pub(crate) async fn keep_past(
    session: &mut Session,
    keys: &Keyring,
    old: &ObjectRow,
    until: Stamp,
) -> Result<(), StoreError> {
    let past = PastLabel {
        version: old.version,
        bucket: old.bucket,
        label: encoded(&old.label),
        since: old.since,
        until: stamp_after(until, old.since),
    };
    let insert = format!(
        "INSERT INTO past_labels ({}, began_leaf, began_position)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, began_leaf, began_position FROM objects WHERE version = ?1",
        PastLabel::COLUMNS
    );
    let row = past.row(keys.rows());
    let values: Vec<_> = row.0.iter().map(Cell::value).collect();
    session.execute(&insert, &values).await.map(drop)
}

/// Writes into the rows of a change which entry of the log it is.
pub(crate) async fn place(
    session: &mut Session,
    version: VersionId,
    stamp: Stamp,
    (leaf, position): (&[u8; 32], Option<u64>),
) -> Result<(), StoreError> {
    let position = position.map(|position| position as i64);
    for (table, place) in [("objects", "began"), ("past_labels", "ended")] {
        let update =
            format!("UPDATE {table} SET {place}_leaf = ?3, {place}_position = ?4 WHERE version = ?1 AND {place} = ?2");
        session.execute(&update, values![&version.0, &stamp.request.0, leaf, position]).await?;
    }
    Ok(())
}

impl Reader {
    /// Returns the bucket of a version, and the label that it had at a moment; nothing when it was not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon; [`StoreError::Unknown`] when it was stored by a program
    /// that did not keep since when a label holds.
    pub async fn label_at(
        &self,
        keys: &Keyring,
        version: VersionId,
        at: Moment,
    ) -> Result<Option<(BucketId, Label)>, StoreError> {
        let mut session = self.session().await?;
        if let Some(row) = object(&mut session, keys, version).await?
            && began(version, row.since)? <= at
        {
            return Ok(Some((row.bucket, row.label)));
        }
        let select = format!("SELECT {} FROM past_labels WHERE version = ?1", PastLabel::COLUMNS);
        for row in session.query(&select, values![&version.0]).await? {
            let past = PastLabel::read(&row, keys.rows())?;
            if let Some(label) = past.at(at)? {
                return Ok(Some((past.bucket, readable(version, label)?)));
            }
        }
        Ok(None)
    }
}

/// Reads a label as it is written.
pub(crate) fn readable(version: VersionId, label: &[u8]) -> Result<Label, StoreError> {
    minicbor::decode(label).map_err(|_| StoreError::Integrity(format!("the label of {version} cannot be read")))
}
