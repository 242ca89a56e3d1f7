//! What the names in a bucket lead to: each name to its versions, newest first.
//!
//! A row says which version a name leads to, how long it is, what was said of it when it was written, and its label, so that
//! lists need no other; what opens the version stands in the row of the object, with the label that decides. A mark that hides a
//! name is a row without an object.

use cordon_domain::{
    BucketId, ContentDigest, Inspection, Label, Level, Moment, ObjectKey, Original, PrincipalId, Record, VersionId,
    Versioning,
};
use minicbor::{Decode, Encode};

use crate::error::StoreError;
use crate::inspections::column;
use crate::keyring::Keyring;
use crate::labels::keep_past;
use crate::limits::BODY_ROW_BYTES_MAX;
use crate::prints;
use crate::rows::{MAC_BYTES, ObjectRow, RowKey, Stamp, encoded};
use crate::sql::{Cell, Row, Session, values};
use crate::state::object;

/// Where the sealed bytes of a version are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Body {
    /// There are none: the row hides what was before.
    #[n(0)]
    None,
    /// In the database, in the transaction that wrote the version.
    #[n(1)]
    Row,
    /// In the object store, a file a part.
    #[n(2)]
    Files,
}

/// What a mark keeps: the label of what it hides, by which it may be known of.
const HIDES: &str = "cordon-hides";

/// The header under which the tags of a version are kept, as S3 writes them.
pub const TAGGING: &str = "x-amz-tagging";

/// The header under which it is kept that whoever wrote a version asked that copies of it are recognised.
pub const RECOGNISE: &str = "cordon-recognise";

/// Tells whether that was asked.
#[must_use]
pub fn asks_to_recognise(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == RECOGNISE)
}

/// What is said of a version beside its label.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Said {
    /// Where its bytes are.
    #[n(0)]
    pub body: Body,
    /// Bytes of plaintext.
    #[n(1)]
    pub bytes: u64,
    /// What tells this content from another, to clients: nothing can be learnt from it.
    #[n(2)]
    pub tag: String,
    /// When it was written.
    #[n(3)]
    pub at: Moment,
    /// Who wrote it.
    #[n(4)]
    pub by: PrincipalId,
    /// Headers that are given back, and what the writer says of it: names in lower case, with their values.
    #[n(5)]
    pub headers: Vec<(String, String)>,
    /// The highest number of a file of it; 0 when there is none.
    #[n(6)]
    pub files: u32,
    /// What is known of it by looking into it; nothing where nobody looks.
    #[n(7)]
    pub inspection: Option<Inspection>,
    /// What its content is, veiled for this version; not where nobody looks, nor of short ones.
    #[n(8)]
    pub content: Option<ContentDigest>,
    /// It is known to hold model weights; that stays when it is to be looked into once more.
    #[cbor(n(9), default)]
    pub weights: bool,
}

impl Said {
    /// Tells whether it is known to hold model weights.
    #[must_use]
    pub fn is_weights(&self) -> bool {
        self.weights || self.inspection.as_ref().is_some_and(Inspection::found_weights)
    }

    /// Tells whether nobody has looked into it yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.inspection == Some(Inspection::Pending)
    }
}

/// A name, and one version that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bucket.
    pub bucket: BucketId,
    /// The name.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// Counts the versions of a name, from 1.
    pub number: u64,
    /// It is what the name leads to now.
    pub latest: bool,
    /// What is said of it.
    pub said: Said,
    /// Its label. Not known of versions that were stored in a format before the eleventh, nor of marks.
    pub label: Option<Label>,
}

/// A version to be written: its row, what is said of it, and its sealed bytes when they are short.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// What opens it.
    pub row: ObjectRow,
    /// The name.
    pub key: ObjectKey,
    /// What is said of it.
    pub said: Said,
    /// Its sealed bytes, when they stand in the database.
    pub sealed: Option<Vec<u8>>,
    /// What the name led to when this was decided on.
    pub before: Option<VersionId>,
    /// Whether the version before stays.
    pub versioning: Versioning,
    /// Records as they were when this was decided on, its bucket among them: they still are.
    pub from: Vec<Record>,
    /// By what copies of it are recognised from then on, if they are to be.
    pub original: Option<Original>,
}

impl NewVersion {
    /// The version that goes when this is written.
    #[must_use]
    pub const fn replaces(&self) -> Option<VersionId> {
        match self.versioning {
            Versioning::Off => self.before,
            Versioning::On => None,
        }
    }
}

impl Entry {
    /// The label by which a mark may be known of: that of what it hid. One that does not say is as a restricted one.
    #[must_use]
    pub fn hidden_label(&self) -> Label {
        let kept = self.said.headers.iter().find(|(name, _)| name == HIDES);
        kept.and_then(|(_, text)| text.parse().ok()).unwrap_or_else(|| Label::of(Level::Restricted))
    }

    /// The columns of a row, as [`Entry::read`] wants them.
    pub(crate) const COLUMNS: &str = "bucket, key, number, version, latest, said, mac, label";

    fn with_parts<T>(&self, said: &[u8], label: Option<&[u8]>, work: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (key, number, latest) = (self.key.as_str().as_bytes(), self.number.to_be_bytes(), [u8::from(self.latest)]);
        match label {
            Some(label) => work(&[b"entries/v2", &self.bucket.0, key, &number, &self.version.0, &latest, said, label]),
            None => work(&[b"entries/v1", &self.bucket.0, key, &number, &self.version.0, &latest, said]),
        }
    }

    /// What is said, the label, and the MAC, as they are stored.
    fn written(&self, key: &RowKey) -> (Vec<u8>, Option<Vec<u8>>, [u8; MAC_BYTES]) {
        let (said, label) = (encoded(&self.said), self.label.as_ref().map(encoded));
        let mac = self.with_parts(&said, label.as_deref(), |parts| key.mac(parts));
        (said, label, mac)
    }

    fn row(&self, key: &RowKey) -> Row {
        let (said, label, mac) = self.written(key);
        Row(vec![
            Cell::Bytes(self.bucket.0.to_vec()),
            Cell::Text(self.key.as_str().to_owned()),
            Cell::Int(self.number as i64),
            Cell::Bytes(self.version.0.to_vec()),
            Cell::Int(i64::from(self.latest)),
            Cell::Bytes(said),
            Cell::Bytes(mac.to_vec()),
            label.map_or(Cell::Null, Cell::Bytes),
            Cell::Int(column(self.said.inspection.as_ref())),
        ])
    }

    /// Reads a row and checks its MAC.
    pub(crate) fn read(row: &Row, key: &RowKey) -> Result<Self, StoreError> {
        let version = VersionId(row.array(3)?);
        let unreadable = || StoreError::Integrity(format!("what leads to {version} cannot be read"));
        let label = row.maybe_bytes(7)?;
        let read = Self {
            bucket: BucketId(row.array(0)?),
            key: row.text(1)?.parse().map_err(|_| unreadable())?,
            number: row.count(2)?,
            version,
            latest: row.int(4)? == 1,
            said: minicbor::decode(row.bytes(5)?).map_err(|_| unreadable())?,
            label: label.map(minicbor::decode).transpose().map_err(|_| unreadable())?,
        };
        let check = |parts: &[&[u8]]| key.check(parts, row.bytes(6)?, || format!("the name of {version}"));
        read.with_parts(row.bytes(5)?, label, check)?;
        Ok(read)
    }
}

/// Tells whether no name of a bucket leads anywhere.
pub(crate) async fn is_empty(session: &mut Session, bucket: BucketId) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM entries WHERE bucket = ?1 LIMIT 1";
    Ok(session.first(select, values![&bucket.0]).await?.is_none())
}

/// Reads what a name leads to now.
async fn latest(
    session: &mut Session,
    keys: &Keyring,
    bucket: BucketId,
    key: &ObjectKey,
) -> Result<Option<Entry>, StoreError> {
    let select = format!("SELECT {} FROM entries WHERE bucket = ?1 AND key = ?2 AND latest = 1", Entry::COLUMNS);
    let row = session.first(&select, values![&bucket.0, key.as_str()]).await?;
    row.map(|row| Entry::read(&row, keys.rows())).transpose()
}

/// What a name leads to now, which is what was decided on.
async fn before(
    session: &mut Session,
    keys: &Keyring,
    (bucket, key): (BucketId, &ObjectKey),
    known: Option<VersionId>,
) -> Result<Option<Entry>, StoreError> {
    let now = latest(session, keys, bucket, key).await?;
    if now.as_ref().map(|entry| entry.version) != known {
        return Err(StoreError::Conflict("the name leads to another version meanwhile".to_owned()));
    }
    Ok(now)
}

/// Leads a name to a version that is written in this transaction.
pub(crate) async fn lead(
    session: &mut Session,
    keys: &Keyring,
    new: &NewVersion,
    stamp: Stamp,
) -> Result<(), StoreError> {
    let bucket = new.row.bucket;
    let before = before(session, keys, (bucket, &new.key), new.before).await?;
    let number = before.as_ref().map_or(0, |before| before.number) + 1;
    if let Some(before) = &before {
        let lower =
            object(session, keys, before.version).await?.is_some_and(|old| new.row.label.is_lower_than(&old.label));
        if lower {
            return Err(StoreError::Conflict("what the name led to has a higher label meanwhile".to_owned()));
        }
    }
    match (before, new.versioning) {
        (Some(before), Versioning::On) => set_latest(session, keys, &Entry { latest: false, ..before }).await?,
        (Some(before), Versioning::Off) => remove(session, keys, &before, stamp).await?,
        (None, _) => {}
    }
    if let Some(sealed) = &new.sealed {
        if sealed.len() > BODY_ROW_BYTES_MAX {
            return Err(StoreError::Conflict(format!("a body in the database has at most {BODY_ROW_BYTES_MAX} bytes")));
        }
        session.execute("INSERT INTO bodies VALUES (?1, ?2)", values![&new.row.version.0, sealed]).await?;
    }
    if let Some(known) = &new.original {
        prints::keep(session, keys, new.row.version, known).await?;
    }
    let (key, version, said) = (new.key.clone(), new.row.version, new.said.clone());
    let label = Some(new.row.label.clone());
    put(session, keys, &Entry { bucket, key, version, number, latest: true, said, label }).await
}

/// Hides what a name leads to behind a mark.
pub(crate) async fn hide(
    session: &mut Session,
    keys: &Keyring,
    (bucket, key): (BucketId, &ObjectKey),
    (hidden, mark): (VersionId, Mark),
) -> Result<(), StoreError> {
    let known = before(session, keys, (bucket, key), Some(hidden)).await?;
    let known = known.ok_or_else(|| StoreError::Conflict(format!("there is no {hidden}")))?;
    let (number, key) = (known.number + 1, known.key.clone());
    let label = object(session, keys, hidden).await?.map(|row| (HIDES.to_owned(), row.label.to_string()));
    set_latest(session, keys, &Entry { latest: false, ..known }).await?;
    let said = Said {
        body: Body::None,
        bytes: 0,
        tag: String::new(),
        at: mark.at,
        by: mark.by,
        headers: label.into_iter().collect(),
        files: 0,
        inspection: None,
        content: None,
        weights: false,
    };
    let entry = Entry { bucket, key, version: mark.version, number, latest: true, said, label: None };
    put(session, keys, &entry).await
}

/// Takes a version away, for ever: its name leads to the one before.
pub(crate) async fn take_away(
    session: &mut Session,
    keys: &Keyring,
    (bucket, version): (BucketId, VersionId),
    stamp: Stamp,
) -> Result<(), StoreError> {
    let entry = by_version(session, keys, version).await?.filter(|entry| entry.bucket == bucket);
    let entry = entry.ok_or_else(|| StoreError::Conflict(format!("there is no {version}")))?;
    remove(session, keys, &entry, stamp).await?;
    if !entry.latest {
        return Ok(());
    }
    let select =
        format!("SELECT {} FROM entries WHERE bucket = ?1 AND key = ?2 ORDER BY number DESC LIMIT 1", Entry::COLUMNS);
    match session.first(&select, values![&bucket.0, entry.key.as_str()]).await? {
        Some(row) => set_latest(session, keys, &Entry { latest: true, ..Entry::read(&row, keys.rows())? }).await,
        None => Ok(()),
    }
}

/// The same of a version that may have no name, as before the fifth format. Tells whether it had one.
pub(crate) async fn take_away_if_named(
    session: &mut Session,
    keys: &Keyring,
    (bucket, version): (BucketId, VersionId),
    stamp: Stamp,
) -> Result<bool, StoreError> {
    let named = by_version(session, keys, version).await?.is_some();
    if named {
        take_away(session, keys, (bucket, version), stamp).await?;
    }
    Ok(named)
}

/// Gives a version other tags.
pub(crate) async fn tag(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
    tagging: Option<String>,
) -> Result<(), StoreError> {
    let entry = by_version(session, keys, version).await?;
    let mut entry = entry.ok_or_else(|| StoreError::Conflict(format!("there is no {version}")))?;
    entry.said.headers.retain(|(name, _)| name != TAGGING);
    entry.said.headers.extend(tagging.map(|tagging| (TAGGING.to_owned(), tagging)));
    set_said(session, keys, &entry).await
}

/// Says beside the name, too, which label a version has from now on. One from before the fifth format may have no name.
pub(crate) async fn relabelled(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
    label: &Label,
) -> Result<(), StoreError> {
    match by_version(session, keys, version).await? {
        Some(entry) => set_said(session, keys, &Entry { label: Some(label.clone()), ..entry }).await,
        None => Ok(()),
    }
}

/// Writes down what is said of a version by now.
pub(crate) async fn set_said(session: &mut Session, keys: &Keyring, entry: &Entry) -> Result<(), StoreError> {
    let set = "UPDATE entries SET said = ?2, label = ?3, mac = ?4, inspection = ?5 WHERE version = ?1";
    let ((said, label, mac), column) = (entry.written(keys.rows()), column(entry.said.inspection.as_ref()));
    session.execute(set, values![&entry.version.0, &said, label.as_ref(), &mac, column]).await.map(drop)
}

/// Removes a version: its name, its key, its bytes. The label that it had is kept.
async fn remove(session: &mut Session, keys: &Keyring, entry: &Entry, stamp: Stamp) -> Result<(), StoreError> {
    if let Some(old) = object(session, keys, entry.version).await? {
        keep_past(session, keys, &old, stamp).await?;
    }
    for table in ["entries", "objects", "bodies"] {
        session.execute(&format!("DELETE FROM {table} WHERE version = ?1"), values![&entry.version.0]).await?;
    }
    prints::forget(session, keys, entry.version).await.map(drop)
}

async fn put(session: &mut Session, keys: &Keyring, entry: &Entry) -> Result<(), StoreError> {
    let put =
        format!("INSERT INTO entries ({}, inspection) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", Entry::COLUMNS);
    let row = entry.row(keys.rows());
    let values: Vec<_> = row.0.iter().map(Cell::value).collect();
    session.execute(&put, &values).await.map(drop)
}

/// Says whether a name leads to a version now.
async fn set_latest(session: &mut Session, keys: &Keyring, entry: &Entry) -> Result<(), StoreError> {
    let set = "UPDATE entries SET latest = ?2, mac = ?3 WHERE version = ?1";
    let (_, _, mac) = entry.written(keys.rows());
    session.execute(set, values![&entry.version.0, i64::from(entry.latest), &mac]).await.map(drop)
}

pub(crate) async fn by_version(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
) -> Result<Option<Entry>, StoreError> {
    let select = format!("SELECT {} FROM entries WHERE version = ?1", Entry::COLUMNS);
    let row = session.first(&select, values![&version.0]).await?;
    row.map(|row| Entry::read(&row, keys.rows())).transpose()
}

/// A mark that hides a name.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Identifies it, as a version.
    pub version: VersionId,
    /// When it was set.
    pub at: Moment,
    /// By whom.
    pub by: PrincipalId,
}
