//! Backups: consistent while the system runs, data and keys apart; and restores, which verify the ledger first.
//!
//! A backup of the data holds the published log, the database (as of one moment, not before that of the log), and no key.
//! A restore goes on with the log only if the key store that signed it is still here and knows of nothing more: else
//! entries that were signed may be lost, and signing their positions again would be a fork. Then a new log begins: a new
//! origin, a new key, and as its first entry the last checkpoint that is known of the old one. The old origin never signs
//! again. That takes shares of the recovery kit: more than one person.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cordon_domain::{Clock, Moment};
use cordon_keys::{KeyName, Purpose, RootProvider};
use cordon_ledger::audit::{Resources, Walk, read_tile, walk};
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::entry::Succession;
use cordon_ledger::hash::Hash;
use cordon_ledger::note::{Note, Verifier};
use cordon_ledger::tile::{Shelf, TILE_LEVELS, TileRef};
use rusqlite::{Connection, params};

use crate::change::{put_setting, setting};
use crate::error::StoreError;
use crate::installation::{Installation, Places};
use crate::keyring::Keyring;
use crate::keystore::KeyStore;
use crate::limits::PROVIDER_S;
use crate::log::LogFolder;
use crate::read::Reader;
use crate::rows::database;
use crate::schema;
use crate::unlock::ask;

const KEYS: &str = "keys.db";
const RESTORING: &str = "cordon.db.restoring";

/// What a restore found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Events in the restored database.
    pub events: u64,
    /// Entries of the restored log that were verified.
    pub verified: u64,
    /// The origin of the new log, when one begins.
    pub successor: Option<String>,
    /// The last checkpoint that is known of the old log.
    pub last_known: Option<Checkpoint>,
}

/// What a restore starts from.
pub struct Source<'a> {
    /// The folder of the data backup.
    pub data: &'a Path,
    /// The folder of the key backup; `None` when the key store is still here.
    pub keys: Option<&'a Path>,
    /// The old log's public key.
    pub log_key: &'a Verifier,
    /// Checkpoints of the old log that are known from elsewhere.
    pub known: &'a [Note],
    /// The origin of the new log, if one must begin.
    pub new_origin: Option<&'a str>,
}

/// Copies the data to `to`, which does not exist yet, while the installation runs. The event that says so is recorded
/// before.
///
/// # Errors
///
/// [`StoreError`]; the copy is then not complete, and has no database.
pub fn back_up_data(installation: &Installation, to: &Path) -> Result<(), StoreError> {
    let places = Places { data: to.to_owned(), keys: PathBuf::new() };
    make(&places.log())?;
    let mut log = LogFolder(installation.places().log());
    if let Some(bytes) = log.read("checkpoint")? {
        let note = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<Note>().ok());
        let checkpoint = note.and_then(|note| note.text.parse::<Checkpoint>().ok());
        let checkpoint = checkpoint.ok_or_else(|| StoreError::Integrity("the checkpoint cannot be read".to_owned()))?;
        for tile in tiles(checkpoint.size) {
            let path = tile.to_string();
            let bytes = read_tile(&mut log, tile)?;
            let bytes = bytes.ok_or_else(|| StoreError::Integrity(format!("`{tile}` of the log is missing")))?;
            write_synced(&places.log().join(path), &bytes)?;
        }
        write_synced(&places.log().join("checkpoint"), &bytes)?;
    }
    write_synced(&places.log_key_file(), format!("{}\n", installation.log_key()?).as_bytes())?;
    copy_folder(&installation.places().data.join("previous"), &to.join("previous"))?;
    // A reader's connection may not even write elsewhere.
    let connection = Connection::open(installation.places().database()).map_err(database)?;
    connection.execute("VACUUM INTO ?1", [places.database().to_string_lossy()]).map_err(database)?;
    let copy = fs::File::open(places.database()).and_then(|file| file.sync_all());
    copy.map_err(|error| StoreError::File(places.database().display().to_string(), "written", error))
}

/// Copies the wrapped keys to the folder `to`, apart from the data. It must be destroyed after
/// [`crate::care::KEY_BACKUP_DAYS`].
///
/// # Errors
///
/// [`StoreError`]; the copy is then not complete.
pub fn back_up_keys(installation: &Installation, to: &Path) -> Result<(), StoreError> {
    make(to)?;
    installation.keys().store().backup_to(&to.join(KEYS))
}

fn tiles(size: u64) -> impl Iterator<Item = TileRef> {
    let shelves = (0..TILE_LEVELS).map(Shelf::Hashes).chain([Shelf::Entries]);
    shelves.flat_map(move |shelf| TileRef::of(shelf, size))
}

/// Restores an installation into folders that hold none.
///
/// # Errors
///
/// [`StoreError::Integrity`] when log and database of the backup are not what was signed; [`StoreError::Conflict`] when a
/// new log must begin and no origin, or no shares of the recovery kit, are given.
pub fn restore(
    source: &Source<'_>,
    places: &Places,
    provider: &Arc<dyn RootProvider>,
    clock: Arc<dyn Clock>,
) -> Result<Restored, StoreError> {
    if places.database().exists() {
        return Err(StoreError::Place(format!("an installation is already in `{}`", places.data.display())));
    }
    let (walked, events) = verify(source)?;
    places.make()?;
    let _lock = places.lock()?;
    let key_file = places.keys.join(KEYS);
    if !key_file.exists() {
        let from = source.keys.ok_or_else(|| {
            StoreError::Place(format!("no key store is in `{}`: give a backup of the keys", places.keys.display()))
        })?;
        copy_synced(&from.join(KEYS), &key_file)?;
    }
    let store = KeyStore::open(&places.keys)?;
    let is_copy = store.is_copy()?;
    let wrapped = store.roots()?.into_iter().find(|root| root.provider == provider.kind());
    let wrapped = wrapped.ok_or_else(|| {
        StoreError::Place(format!("the root key of this installation is not held by a `{}`", provider.kind()))
    })?;
    let root = ask(provider, wrapped, std::time::Duration::from_secs(PROVIDER_S))?;
    let unlocked = cordon_keys::Unlocked::open(root, store.keys()?.iter())?;
    let keys = Arc::new(Keyring::new(unlocked, store, Arc::clone(&clock))?);

    let last_known = last_known(source, &walked)?;
    let offset = old_offset(source, &keys)?;
    let goes_on = !is_copy && {
        // A log that has ended says so here: it is never gone on with.
        let signed = keys.store().signed(source.log_key.name.as_str())?.map_or(0, |signed| signed.size);
        last_known.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size).max(signed) <= events - offset
    };
    let partial = places.data.join(RESTORING);
    copy_synced(&source.data.join("cordon.db"), &partial)?;
    copy_folder(&source.data.join("previous"), &places.data.join("previous"))?;
    match (goes_on, source.new_origin) {
        (true, None) => {
            copy_folder(&source.data.join("log"), &places.log())?;
            write_synced(&places.log_key_file(), format!("{}\n", source.log_key).as_bytes())?;
        }
        (true, Some(_)) => {
            return Err(StoreError::Conflict("nothing is lost, and the log goes on: ask for no new one".to_owned()));
        }
        (false, Some(origin)) if provider.kind() == "shares" => {
            succeed(places, &keys, source, (origin, events), last_known.as_ref(), clock.now())?;
        }
        (false, _) => {
            return Err(StoreError::Conflict(
                "entries that were signed may be lost: a new log must begin, with an origin of its own and with shares of \
                 the recovery kit"
                    .to_owned(),
            ));
        }
    }
    // Only now is there an installation.
    fs::rename(&partial, places.database())
        .and_then(|()| fs::File::open(&places.data)?.sync_all())
        .map_err(|error| StoreError::File(places.database().display().to_string(), "put in place", error))?;
    keys.store().adopt()?;
    Ok(Restored {
        events,
        verified: walked.entries,
        successor: source.new_origin.filter(|_| !goes_on).map(str::to_owned),
        last_known: last_known.map(|(checkpoint, _)| checkpoint),
    })
}

/// Verifies the backup's log, and that its database holds the same entries. Returns the number of events.
fn verify(source: &Source<'_>) -> Result<(Walk, u64), StoreError> {
    let file = source.data.join("cordon.db");
    let connection =
        Connection::open_with_flags(&file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(database)?;
    schema::format(&connection)?;
    let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(database)?;
    if check != "ok" {
        return Err(StoreError::Integrity(format!("the database of the backup is damaged: {check}")));
    }
    drop(connection);
    let reader = Reader::new(file);
    let events = reader.size()?;
    let mut log = LogFolder(source.data.join("log"));
    let mut entries = Vec::new();
    let walked = walk(&mut log, source.log_key, &[], |_, _, entry| entries.push(Hash::leaf(entry)))?;
    if let Some(fault) = walked.faults.first() {
        return Err(StoreError::Integrity(format!("the log of the backup does not verify: {fault:?}")));
    }
    let offset = events
        .checked_sub(entries.len() as u64)
        .ok_or_else(|| StoreError::Integrity("the database of the backup has fewer events than its log".to_owned()))?;
    // Without keys the offset of a log that follows another is not known here: the log is where its first entry is.
    let start = match entries.first() {
        Some(first) => (0..=offset).find(|&at| {
            reader.entries(at, 1).is_ok_and(|found| found.first().is_some_and(|entry| Hash::leaf(entry) == *first))
        }),
        None => Some(0),
    };
    let start =
        start.ok_or_else(|| StoreError::Integrity("the log of the backup is not that of its database".to_owned()))?;
    let stored = reader.entries(start, entries.len())?;
    let differs = entries.iter().zip(&stored).position(|(signed, stored)| *signed != Hash::leaf(stored));
    if let Some(place) = differs {
        let at = start + place as u64;
        return Err(StoreError::Integrity(format!(
            "event {at} in the database of the backup is not the one that was signed"
        )));
    }
    Ok((walked, events))
}

/// The checkpoint with the largest size, of those that are known from elsewhere and that of the backup.
fn last_known(source: &Source<'_>, walked: &Walk) -> Result<Option<(Checkpoint, Note)>, StoreError> {
    let mut best = None;
    if let Some(checkpoint) = &walked.checkpoint {
        let bytes = LogFolder(source.data.join("log")).read("checkpoint")?.unwrap_or_default();
        let note = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<Note>().ok());
        best = note.map(|note| (checkpoint.clone(), note));
    }
    for note in source.known {
        let checkpoint = Checkpoint::open(note, source.log_key)?;
        if best.as_ref().is_none_or(|(best, _): &(Checkpoint, Note)| best.size < checkpoint.size) {
            best = Some((checkpoint, note.clone()));
        }
    }
    Ok(best)
}

/// Where the backup's log begins among its events.
fn old_offset(source: &Source<'_>, keys: &Keyring) -> Result<u64, StoreError> {
    let reader = Reader::new(source.data.join("cordon.db"));
    let value = reader.with(|db| setting(db, keys, "log.offset"))?;
    Ok(value.and_then(|value| value.try_into().ok()).map_or(0, u64::from_be_bytes))
}

/// Begins a log that follows another.
fn succeed(
    places: &Places,
    keys: &Keyring,
    source: &Source<'_>,
    (origin, events): (&str, u64),
    last_known: Option<&(Checkpoint, Note)>,
    now: Moment,
) -> Result<(), StoreError> {
    let name: cordon_ledger::note::KeyName = origin.parse()?;
    if name == source.log_key.name {
        return Err(StoreError::Conflict(format!("`{origin}` is the old log: it never signs again")));
    }
    let offset = old_offset(source, keys)?;
    // First of all the old log ends: whatever happens now, it signs nothing more.
    keys.store().end_log(source.log_key.name.as_str())?;
    copy_folder(&source.data.join("log"), &places.previous_log(source.log_key))?;
    let key = keys.prepare_version(KeyName::Purpose(Purpose::LogSigning))?;
    let old_checkpoint = last_known.map(|(_, note)| note.to_string()).unwrap_or_default();
    let entry = Succession { old_checkpoint, kept: events - offset }.entry()?;
    let mut connection = Connection::open(places.data.join(RESTORING)).map_err(database)?;
    connection.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;").map_err(database)?;
    schema::migrate(&mut connection)?;
    let transaction = connection.transaction().map_err(database)?;
    put_setting(&transaction, keys, "log.origin", origin.as_bytes())?;
    put_setting(&transaction, keys, "log.signing-version", &key.version.to_be_bytes())?;
    put_setting(&transaction, keys, "log.offset", &events.to_be_bytes())?;
    let insert =
        "INSERT INTO events (position, entry, leaf, at, actor, object, action) VALUES (?1, ?2, ?3, ?4, 0, NULL, 0)";
    transaction.execute(insert, params![events as i64, entry, Hash::leaf(&entry).0, now.0]).map_err(database)?;
    transaction.commit().map_err(database)?;
    drop(connection);
    let signer = keys.signer(&name, key.version)?;
    write_synced(&places.log_key_file(), format!("{}\n", signer.verifier()).as_bytes())?;
    let old_key = places.previous_log(source.log_key).with_extension("vkey");
    write_synced(&old_key, format!("{}\n", source.log_key).as_bytes())
}

fn make(folder: &Path) -> Result<(), StoreError> {
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(StoreError::Place(format!("`{}` is not empty", folder.display())));
    }
    fs::create_dir_all(folder).map_err(|error| StoreError::File(folder.display().to_string(), "made", error))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::File(path.display().to_string(), "written", error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)?;
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn copy_synced(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::File(from.display().to_string(), "copied", error);
    fs::copy(from, to).map_err(failed)?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::File(from.display().to_string(), "copied", error);
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() { copy_folder(&path, &target)? } else { copy_synced(&path, &target)? }
    }
    fs::File::open(to).and_then(|folder| folder.sync_all()).map_err(failed)
}
