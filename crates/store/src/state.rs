//! Rows that decide, as a session reads and writes them: objects, keys in use, revocations, erasures, settings.

use std::collections::HashSet;

use cordon_domain::{PrincipalId, VersionId};
use cordon_gate::Epoch;
use cordon_keys::KeyName;

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::READ_TRIES;
use crate::rows::{ActiveKey, ObjectRow, encoded};
use crate::sql::{Session, values};

/// What the name of a setting begins with that says that a person was erased.
pub(crate) const ERASED: &str = "erased/";
/// The setting that counts revocations.
pub(crate) const EPOCH: &str = "epoch";

/// Reads one object version, unless it was shredded. Its MAC is checked, and that its key may still unwrap: a row that was
/// put back from an older copy has a MAC that fits.
pub(crate) async fn object(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
) -> Result<Option<ObjectRow>, StoreError> {
    let select = format!("SELECT {} FROM objects WHERE version = ?1 AND {NOT_SHREDDED}", ObjectRow::COLUMNS);
    // Between the two questions it may have been wrapped anew, relabelled or deleted.
    for _ in 0..READ_TRIES {
        let Some(row) = session.first(&select, values![&version.0]).await? else { return Ok(None) };
        let row = ObjectRow::read(row, keys.rows())?;
        let active = active_key(session, keys, row.key_name()).await?;
        if active.is_some_and(|active| row.key_version >= active.least) {
            return Ok(Some(row));
        }
    }
    Err(put_back(version))
}

pub(crate) fn put_back(version: VersionId) -> StoreError {
    StoreError::Integrity(format!("the row of {version} was put back: its key may unwrap no more, and it is locked"))
}

/// What is shredded stays so, whatever row stands there again.
pub(crate) const NOT_SHREDDED: &str = "NOT EXISTS (SELECT 1 FROM shredded WHERE shredded.version = objects.version)";

/// Reads which versions of a key are in use, and checks the row's MAC.
pub(crate) async fn active_key(
    session: &mut Session,
    keys: &Keyring,
    name: KeyName,
) -> Result<Option<ActiveKey>, StoreError> {
    let select = format!("SELECT {} FROM active_keys WHERE name = ?1", ActiveKey::COLUMNS);
    let row = session.first(&select, values![&encoded(&name)]).await?;
    row.map(|row| ActiveKey::read(&row, keys.rows())).transpose()
}

/// Reads the revocation epoch, and checks its MAC.
pub(crate) async fn epoch(session: &mut Session, keys: &Keyring) -> Result<Epoch, StoreError> {
    let value = setting(session, keys, EPOCH).await?;
    let bytes = value.and_then(|value| <[u8; 8]>::try_from(value.as_slice()).ok());
    let bytes = bytes.ok_or_else(|| StoreError::Integrity("the revocation epoch is missing".to_owned()))?;
    Ok(Epoch(u64::from_be_bytes(bytes)))
}

/// Reads who was erased, and checks the MACs: who can write the database cannot have anyone forgotten.
pub(crate) async fn erased(session: &mut Session, keys: &Keyring) -> Result<HashSet<PrincipalId>, StoreError> {
    let select = "SELECT name FROM settings WHERE name >= 'erased/' AND name < 'erased0'";
    let mut subjects = HashSet::new();
    for row in session.query(select, &[]).await? {
        let name = row.text(0)?;
        setting(session, keys, name).await?;
        let subject = name.strip_prefix(ERASED).and_then(|subject| subject.parse().ok());
        subjects.insert(subject.ok_or_else(|| StoreError::Integrity(format!("the setting `{name}` cannot be read")))?);
    }
    Ok(subjects)
}

/// Reads a setting, and checks its MAC.
pub(crate) async fn setting(session: &mut Session, keys: &Keyring, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = session.first("SELECT value, mac FROM settings WHERE name = ?1", values![name]).await?;
    let Some(mut row) = row else { return Ok(None) };
    let value = row.take_bytes(0)?;
    let parts: [&[u8]; 3] = [b"settings/v1", name.as_bytes(), &value];
    keys.rows().check(&parts, row.bytes(1)?, || format!("the setting `{name}`"))?;
    Ok(Some(value))
}

/// Writes a setting with its MAC.
pub(crate) async fn put_setting(
    session: &mut Session,
    keys: &Keyring,
    name: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    let mac = keys.rows().mac(&[b"settings/v1", name.as_bytes(), value]);
    let put = "INSERT INTO settings VALUES (?1, ?2, ?3)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value, mac = excluded.mac";
    session.execute(put, values![name, value, &mac]).await.map(drop)
}
