//! What can be changed, each in one transaction with the event that says so.

use std::collections::HashSet;

use cordon_domain::label::LABEL_PROJECTS_MAX;
use cordon_domain::{Action, BucketId, Label, Level, PrincipalId, Target, VersionId};
use cordon_gate::act::Changes;
use cordon_gate::{Described, Epoch, Permit};
use cordon_keys::{Belongs, KeyName};
use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::REWRAP_BATCH_MAX;
use crate::rows::{ActiveKey, ObjectRow, database, encoded};

/// What the name of a setting begins with that says that a person was erased.
const ERASED: &str = "erased/";

/// A change of state.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new version of an object.
    Write(Box<ObjectRow>),
    /// Another label for a version, higher or lower; the data key is wrapped anew.
    Relabel {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// The action: raising or lowering.
        action: Action,
        /// The new label.
        label: Label,
        /// The version of the new level's bucket key, prepared.
        key_version: u32,
    },
    /// Everything a principal holds ends; the revocation epoch grows.
    Revoke(PrincipalId),
    /// A prepared version of a bucket key comes into use; of any other key, only the event.
    Rotate {
        /// The key.
        name: KeyName,
        /// The version, prepared.
        version: u32,
    },
    /// Data keys under older versions are wrapped anew under the active one: a bounded number.
    Rewrap {
        /// The bucket.
        bucket: BucketId,
        /// The level.
        level: Level,
    },
    /// The wrap of a version is deleted, and its bucket key gets the prepared version.
    Shred {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// The next version of the bucket key, prepared.
        next_key: u32,
    },
    /// A backup is made: of the data, or of the keys.
    Backup {
        /// When.
        at: cordon_domain::Moment,
        /// Of what.
        kind: BackupKind,
    },
    /// What identifies a person is to be forgotten: the key is destroyed once this is durable.
    Erase(PrincipalId),
}

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// Log and database.
    Data,
    /// Wrapped keys.
    Keys,
}

impl BackupKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }
}

impl Described for Change {
    fn action(&self) -> Action {
        match self {
            Self::Write(_) => Action::ObjectWrite,
            Self::Relabel { action, .. } => *action,
            Self::Revoke(_) => Action::Revoke,
            Self::Rotate { .. } => Action::KeyRotate,
            Self::Rewrap { .. } => Action::KeyRewrap,
            Self::Shred { .. } => Action::KeyShred,
            Self::Erase(_) => Action::PrincipalErase,
            Self::Backup { .. } => Action::BackupMake,
        }
    }

    fn concerns(&self, target: &Target) -> bool {
        let versioned = |bucket, version| target.bucket == Some(bucket) && target.version == Some(version);
        match self {
            Self::Write(row) => versioned(row.bucket, row.version) && target.label.as_ref() == Some(&row.label),
            Self::Relabel { bucket, version, action, label, .. } => {
                let fits = |old: &Label| match action {
                    Action::LabelRaise => !label.is_lower_than(old),
                    Action::LabelLower => label.is_lower_than(old),
                    _ => false,
                };
                versioned(*bucket, *version) && target.label.as_ref().is_some_and(fits)
            }
            Self::Shred { bucket, version, .. } => versioned(*bucket, *version),
            Self::Revoke(principal) | Self::Erase(principal) => target.principal == Some(*principal),
            Self::Rotate { name: KeyName::Bucket(bucket, level), .. } | Self::Rewrap { bucket, level } => {
                target.bucket == Some(*bucket) && target.label.as_ref().is_some_and(|label| label.level == *level)
            }
            Self::Rotate { name: KeyName::Level(level), .. } => {
                target.label.as_ref().is_some_and(|label| label.level == *level)
            }
            Self::Rotate { name: KeyName::Subject(subject), .. } => target.principal == Some(*subject),
            Self::Rotate { name: KeyName::Purpose(_), .. } | Self::Backup { .. } => *target == Target::default(),
        }
    }
}

/// What a change did beyond its own row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The revocation epoch afterwards, when it grew.
    pub(crate) epoch: Option<Epoch>,
    /// Rows that were touched.
    pub(crate) rows: u64,
}

/// Carries a change out inside the transaction that records it.
pub(crate) fn apply<A: Changes>(
    transaction: &Transaction<'_>,
    keys: &Keyring,
    permit: &Permit<A>,
    change: Change,
    position: u64,
) -> Result<Effect, StoreError> {
    match change {
        Change::Write(row) => write(transaction, keys, &row),
        Change::Relabel { version, label, key_version, .. } => {
            relabel(transaction, keys, permit, version, (label, key_version))
        }
        Change::Revoke(principal) => revoke(transaction, keys, principal, position),
        Change::Rotate { name: name @ KeyName::Bucket(..), version } => activate(transaction, keys, name, version),
        Change::Rotate { .. } => Ok(Effect::default()),
        Change::Rewrap { bucket, level } => rewrap(transaction, keys, permit, bucket, level),
        Change::Shred { version, next_key, .. } => shred(transaction, keys, version, next_key),
        Change::Backup { at, kind } => {
            let keep = "INSERT INTO backups VALUES (?1, ?2, ?3)";
            let values = params![at.0, kind.as_str(), position as i64];
            let rows = transaction.execute(keep, values).map_err(database)?;
            Ok(Effect { rows: rows as u64, epoch: None })
        }
        Change::Erase(subject) => {
            put_setting(transaction, keys, &format!("{ERASED}{subject}"), &[])?;
            Ok(Effect { rows: 1, epoch: None })
        }
    }
}

fn write(transaction: &Transaction<'_>, keys: &Keyring, row: &ObjectRow) -> Result<Effect, StoreError> {
    let name = row.key_name();
    bounded(&row.label)?;
    use_active(transaction, keys, name, row.key_version)?;
    let insert = "INSERT INTO objects (version, bucket, level, label, key_version, wrapped, manifest, mac)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let values = params![
        row.version.0,
        row.bucket.0,
        row.label.level.number(),
        row.label_bytes(),
        row.key_version,
        row.wrapped,
        row.manifest,
        row.mac(keys.rows())
    ];
    let rows = transaction.prepare_cached(insert).and_then(|mut insert| insert.execute(values)).map_err(database)?;
    if rows == 0 {
        return Err(StoreError::Conflict(format!("{} exists already", row.version)));
    }
    Ok(Effect { rows: 1, epoch: None })
}

fn bounded(label: &Label) -> Result<(), StoreError> {
    if label.projects.len() <= LABEL_PROJECTS_MAX {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("a label has at most {LABEL_PROJECTS_MAX} projects")))
}

/// Checks that `version` is the one that wraps now; the first one that wraps becomes so.
fn use_active(transaction: &Transaction<'_>, keys: &Keyring, name: KeyName, version: u32) -> Result<(), StoreError> {
    match active_key(transaction, keys, name)? {
        Some(active) if active.active == version => Ok(()),
        Some(_) => Err(StoreError::Conflict(format!("{name} was rotated meanwhile: wrap the data key anew"))),
        None => put_active(transaction, keys, ActiveKey { name, active: version, least: version }),
    }
}

fn relabel<A: Changes>(
    transaction: &Transaction<'_>,
    keys: &Keyring,
    permit: &Permit<A>,
    version: VersionId,
    (label, key_version): (Label, u32),
) -> Result<Effect, StoreError> {
    let old = object(transaction, keys, version)?.ok_or_else(|| unknown(version))?;
    if permit.target().label.as_ref() != Some(&old.label) || permit.target().bucket != Some(old.bucket) {
        return Err(StoreError::Conflict(format!("{version} has another label than the one that was decided on")));
    }
    bounded(&label)?;
    let mut new = ObjectRow { label, key_version, ..old.clone() };
    let from = keys.bucket_key(old.wrap().under)?;
    let to = keys.wrapping_key(Some(key_version), new.key_name(), 1)?;
    let belongs = Belongs { bucket: old.bucket, version, label: &old.label };
    let rewrapped = from.rewrap(permit, &old.wrap(), belongs, (&to, &new.label), &mut SystemEntropy)?;
    new.wrapped = rewrapped.wrap.wrapped;
    new.manifest = rewrapped.relabel(&old.manifest, &new.label)?;
    use_active(transaction, keys, new.key_name(), key_version)?;
    update(transaction, keys, &new)?;
    Ok(Effect { rows: 1, epoch: None })
}

fn revoke(
    transaction: &Transaction<'_>,
    keys: &Keyring,
    principal: PrincipalId,
    position: u64,
) -> Result<Effect, StoreError> {
    let position = position as i64;
    let mac = keys.rows().mac(&[b"revocations/v1", &principal.0, &position.to_be_bytes()]);
    let insert = "INSERT INTO revocations VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let rows = transaction.execute(insert, params![principal.0, position, mac]).map_err(database)?;
    let epoch = Epoch(epoch(transaction, keys)?.0 + 1);
    put_setting(transaction, keys, "epoch", &epoch.0.to_be_bytes())?;
    Ok(Effect { rows: rows as u64, epoch: Some(epoch) })
}

fn activate(transaction: &Transaction<'_>, keys: &Keyring, name: KeyName, version: u32) -> Result<Effect, StoreError> {
    let active = active_key(transaction, keys, name)?;
    if active.is_some_and(|active| active.active >= version) {
        return Err(StoreError::Conflict(format!("{name} was rotated meanwhile: ask again")));
    }
    let least = active.map_or(version, |active| active.least);
    put_active(transaction, keys, ActiveKey { name, active: version, least })?;
    Ok(Effect { rows: 1, epoch: None })
}

fn rewrap<A: Changes>(
    transaction: &Transaction<'_>,
    keys: &Keyring,
    permit: &Permit<A>,
    bucket: BucketId,
    level: Level,
) -> Result<Effect, StoreError> {
    let name = KeyName::Bucket(bucket, level);
    let active = active_key(transaction, keys, name)?;
    let active = active.ok_or_else(|| StoreError::Conflict(format!("{name} wraps nothing")))?;
    let select = "SELECT * FROM objects WHERE bucket = ?1 AND level = ?2 AND key_version < ?3 LIMIT ?4";
    let old: Vec<ObjectRow> = {
        let mut query = transaction.prepare_cached(select).map_err(database)?;
        let values = params![bucket.0, level.number(), active.active, REWRAP_BATCH_MAX as i64];
        let mut found = query.query(values).map_err(database)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(database)? {
            rows.push(ObjectRow::read(row, keys.rows())?);
        }
        rows
    };
    let to = keys.wrapping_key(Some(active.active), name, old.len() as u64)?;
    for row in &old {
        let from = keys.bucket_key(row.wrap().under)?;
        let belongs = Belongs { bucket, version: row.version, label: &row.label };
        let moved = from.rewrap(permit, &row.wrap(), belongs, (&to, &row.label), &mut SystemEntropy)?;
        let new = ObjectRow { key_version: active.active, wrapped: moved.wrap.wrapped, ..row.clone() };
        update(transaction, keys, &new)?;
    }
    if old.len() < REWRAP_BATCH_MAX {
        put_active(transaction, keys, ActiveKey { least: active.active, ..active })?;
    }
    Ok(Effect { rows: old.len() as u64, epoch: None })
}

fn shred(
    transaction: &Transaction<'_>,
    keys: &Keyring,
    version: VersionId,
    next_key: u32,
) -> Result<Effect, StoreError> {
    let row = object(transaction, keys, version)?.ok_or_else(|| unknown(version))?;
    let keep = "INSERT INTO shredded (version, bucket, level, key_version) VALUES (?1, ?2, ?3, ?4)";
    let values = params![version.0, row.bucket.0, row.label.level.number(), row.key_version];
    transaction.execute(keep, values).map_err(database)?;
    transaction.execute("DELETE FROM objects WHERE version = ?1", [version.0]).map_err(database)?;
    activate(transaction, keys, row.key_name(), next_key)
}

fn update(transaction: &Transaction<'_>, keys: &Keyring, row: &ObjectRow) -> Result<(), StoreError> {
    let update = "UPDATE objects SET level = ?2, label = ?3, key_version = ?4, wrapped = ?5, manifest = ?6, mac = ?7
                  WHERE version = ?1";
    let mut update = transaction.prepare_cached(update).map_err(database)?;
    let level = row.label.level.number();
    let mac = row.mac(keys.rows());
    let values = params![row.version.0, level, row.label_bytes(), row.key_version, row.wrapped, row.manifest, mac];
    update.execute(values).map_err(database).map(drop)
}

/// Reads one object version and checks its MAC.
pub(crate) fn object(
    connection: &rusqlite::Connection,
    keys: &Keyring,
    version: VersionId,
) -> Result<Option<ObjectRow>, StoreError> {
    let mut query = connection.prepare_cached("SELECT * FROM objects WHERE version = ?1").map_err(database)?;
    let mut rows = query.query([version.0]).map_err(database)?;
    rows.next().map_err(database)?.map(|row| ObjectRow::read(row, keys.rows())).transpose()
}

/// Reads which versions of a key are in use, and checks the row's MAC.
pub(crate) fn active_key(
    connection: &rusqlite::Connection,
    keys: &Keyring,
    name: KeyName,
) -> Result<Option<ActiveKey>, StoreError> {
    let mut query = connection.prepare_cached("SELECT * FROM active_keys WHERE name = ?1").map_err(database)?;
    let mut rows = query.query([encoded(&name)]).map_err(database)?;
    rows.next().map_err(database)?.map(|row| ActiveKey::read(row, keys.rows())).transpose()
}

fn put_active(transaction: &Transaction<'_>, keys: &Keyring, active: ActiveKey) -> Result<(), StoreError> {
    let name = encoded(&active.name);
    let mac = keys.rows().mac(&ActiveKey::parts(&name, &active.versions()));
    let put = "INSERT OR REPLACE INTO active_keys VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(put, params![name, active.active, active.least, mac]).map_err(database).map(drop)
}

/// Reads the revocation epoch, and checks its MAC.
pub(crate) fn epoch(connection: &rusqlite::Connection, keys: &Keyring) -> Result<Epoch, StoreError> {
    let value = setting(connection, keys, "epoch")?;
    let bytes = value.and_then(|value| <[u8; 8]>::try_from(value.as_slice()).ok());
    let bytes = bytes.ok_or_else(|| StoreError::Integrity("the revocation epoch is missing".to_owned()))?;
    Ok(Epoch(u64::from_be_bytes(bytes)))
}

/// Reads who was erased, and checks the MACs: who can write the database cannot have anyone forgotten.
pub(crate) fn erased(connection: &rusqlite::Connection, keys: &Keyring) -> Result<HashSet<PrincipalId>, StoreError> {
    let select = "SELECT name FROM settings WHERE name >= 'erased/' AND name < 'erased0'";
    let mut query = connection.prepare_cached(select).map_err(database)?;
    let names: Vec<String> =
        query.query_map([], |row| row.get(0)).and_then(Iterator::collect::<rusqlite::Result<_>>).map_err(database)?;
    let mut subjects = HashSet::new();
    for name in names {
        setting(connection, keys, &name)?;
        let subject = name.strip_prefix(ERASED).and_then(|subject| subject.parse().ok());
        subjects.insert(subject.ok_or_else(|| StoreError::Integrity(format!("the setting `{name}` cannot be read")))?);
    }
    Ok(subjects)
}

/// Reads a setting, and checks its MAC.
pub(crate) fn setting(
    connection: &rusqlite::Connection,
    keys: &Keyring,
    name: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>, Vec<u8>)> = connection
        .query_row("SELECT value, mac FROM settings WHERE name = ?1", [name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(database)?;
    let Some((value, mac)) = row else { return Ok(None) };
    keys.rows().check(&[b"settings/v1", name.as_bytes(), &value], &mac, || format!("the setting `{name}`"))?;
    Ok(Some(value))
}

/// Writes a setting with its MAC.
pub(crate) fn put_setting(
    connection: &rusqlite::Connection,
    keys: &Keyring,
    name: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    let mac = keys.rows().mac(&[b"settings/v1", name.as_bytes(), value]);
    let put = "INSERT OR REPLACE INTO settings VALUES (?1, ?2, ?3)";
    connection.execute(put, params![name, value, mac]).map_err(database).map(drop)
}

fn unknown(version: VersionId) -> StoreError {
    StoreError::Conflict(format!("there is no {version}"))
}
