//! Backups: consistent while the system runs, data and keys apart; and restores, which verify the ledger first.
//!
//! A backup of the data holds the published log, the database (as of one moment, not before that of the log), the sealed
//! bytes that the database leads to, and no key. Sealed bytes are copied before the database and, those that came meanwhile,
//! after it; what is deleted while the copy is made may have its bytes missing there.
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
use rusqlite::Connection;

use crate::copy;
use crate::error::StoreError;
use crate::installation::{Hold, Installation, Places};
use crate::keyring::Keyring;
use crate::keystore::KeyStore;
use crate::limits::PUBLISH_ENTRIES_MAX;
use crate::log::LogFolder;
use crate::read::{LOG_OFFSET, Reader};
use crate::schema;
use crate::sql::sqlite::failed;
use crate::sql::{Database, Session, values};
use crate::state::put_setting;
use crate::unlock::unlock;

const KEYS: &str = "keys.db";
const RESTORING: &str = "cordon.db.restoring";
const PARTIAL: &str = "cordon.db.partial";

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
pub async fn back_up_data(installation: &Installation, to: &Path) -> Result<(), StoreError> {
    let places = Places { data: to.to_owned(), keys: PathBuf::new(), server: None };
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
    copy_folder(&installation.places().previous_logs(), &places.previous_logs())?;
    copy_objects(&installation.places().objects(), &places.objects())?;
    let partial = places.data.join(PARTIAL);
    match installation.places().database() {
        Database::Sqlite(file) => {
            // A reader's connection may not even write elsewhere.
            let connection = Connection::open(file).map_err(failed)?;
            connection.execute("VACUUM INTO ?1", [partial.to_string_lossy()]).map_err(failed)?;
        }
        server @ Database::Postgres(_) => copy::to_file(&server, &Database::Sqlite(partial.clone())).await?,
    }
    copy_objects(&installation.places().objects(), &places.objects())?;
    fs::File::open(&partial)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&partial, places.database_file()))
        .and_then(|()| fs::File::open(to)?.sync_all())
        .map_err(|error| StoreError::File(places.database_file().display().to_string(), "written", error))
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
pub async fn restore(
    source: &Source<'_>,
    places: &Places,
    provider: &Arc<dyn RootProvider>,
    clock: Arc<dyn Clock>,
) -> Result<Restored, StoreError> {
    if places.holds_installation().await? {
        return Err(StoreError::Place(format!("an installation is already in `{}`", places.data.display())));
    }
    let mut leaves = Vec::new();
    let mut log = LogFolder(source.data.join("log"));
    let walked = walk(&mut log, source.log_key, &[], |_, _, entry| leaves.push(Hash::leaf(entry)))?;
    if let Some(fault) = walked.faults.first() {
        return Err(StoreError::Integrity(format!("the log of the backup does not verify: {fault:?}")));
    }
    places.make()?;
    let _lock = places.lock(Hold::Alone)?;
    // The copy is what is looked at, so that it cannot be another one afterwards.
    let partial = places.data.join(RESTORING);
    copy_synced(&source.data.join("cordon.db"), &partial)?;
    let reader = readable(&partial).await?;
    let key_file = places.keys.join(KEYS);
    if !key_file.exists() {
        let from = source.keys.ok_or_else(|| {
            StoreError::Place(format!("no key store is in `{}`: give a backup of the keys", places.keys.display()))
        })?;
        copy_synced(&from.join(KEYS), &key_file)?;
    }
    let store = KeyStore::open(&places.keys)?;
    let is_copy = store.is_copy()?;
    let keys = unlock(store, provider, Arc::clone(&clock))?;
    let offset = reader.log_offset(&keys).await?;
    holds(&reader, offset, &leaves).await?;
    let events = reader.size().await?;
    drop(reader);

    let last_known = last_known(source, &walked)?;
    let goes_on = !is_copy && {
        // A log that has ended says so here: it is never gone on with.
        let signed = keys.store().signed(source.log_key.name.as_str())?.map_or(0, |signed| signed.size);
        last_known.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size).max(signed) <= events - offset
    };
    let backup = Places { data: source.data.to_owned(), keys: PathBuf::new(), server: None };
    copy_folder(&backup.previous_logs(), &places.previous_logs())?;
    copy_objects(&backup.objects(), &places.objects())?;
    match (goes_on, source.new_origin) {
        (true, None) => {
            copy_folder(&source.data.join("log"), &places.log())?;
            write_synced(&places.log_key_file(), format!("{}\n", source.log_key).as_bytes())?;
        }
        (true, Some(_)) => {
            return Err(StoreError::Conflict("nothing is lost, and the log goes on: ask for no new one".to_owned()));
        }
        (false, Some(origin)) if provider.kind() == "shares" => {
            let succession = Succession {
                old_checkpoint: last_known.as_ref().map(|(_, note)| note.to_string()).unwrap_or_default(),
                kept: events - offset,
            };
            let first = First { origin, position: events, at: clock.now(), succession };
            succeed(places, &keys, source, &first).await?;
        }
        (false, _) => {
            return Err(StoreError::Conflict(
                "entries that were signed may be lost: a new log must begin, with an origin of its own and with shares of \
                 the recovery kit"
                    .to_owned(),
            ));
        }
    }
    put_in_place(&partial, places).await?;
    keys.store().adopt()?;
    if partial.exists() {
        fs::remove_file(&partial).map_err(|error| StoreError::File(partial.display().to_string(), "removed", error))?;
    }
    Ok(Restored {
        events,
        verified: walked.entries,
        successor: source.new_origin.filter(|_| !goes_on).map(str::to_owned),
        last_known: last_known.map(|(checkpoint, _)| checkpoint),
    })
}

/// Makes the copy the database: only now is there an installation.
async fn put_in_place(partial: &Path, places: &Places) -> Result<(), StoreError> {
    let failed = |error| StoreError::File(partial.display().to_string(), "put in place", error);
    match places.database() {
        Database::Sqlite(file) => {
            fs::rename(partial, file).and_then(|()| fs::File::open(&places.data)?.sync_all()).map_err(failed)
        }
        server @ Database::Postgres(_) => copy::to_server(&Database::Sqlite(partial.to_owned()), &server).await,
    }
}

/// Opens a copied database, once it is whole and of a known format.
async fn readable(file: &Path) -> Result<Reader, StoreError> {
    let connection = Connection::open(file).map_err(failed)?;
    // One file, without a write-ahead log beside it: it is moved into place as it is.
    connection.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;").map_err(failed)?;
    let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if check != "ok" {
        return Err(StoreError::Integrity(format!("the database of the backup is damaged: {check}")));
    }
    let mut session = Session::Sqlite(connection);
    schema::migrate(&mut session).await?;
    Ok(Reader::over(file.to_owned(), session))
}

/// Verifies that the database holds the entries of the log, from `offset` on.
async fn holds(reader: &Reader, offset: u64, leaves: &[Hash]) -> Result<(), StoreError> {
    let mut at = offset;
    for chunk in leaves.chunks(PUBLISH_ENTRIES_MAX) {
        let stored = reader.entries(at, chunk.len()).await?;
        let same = stored.iter().zip(chunk).take_while(|(stored, leaf)| Hash::leaf(stored) == **leaf).count();
        at += same as u64;
        if same != chunk.len() {
            let what = format!("event {at} in the database of the backup is missing, or not the one that was signed");
            return Err(StoreError::Integrity(what));
        }
    }
    Ok(())
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

/// The first entry of a log that follows another.
struct First<'a> {
    origin: &'a str,
    position: u64,
    at: Moment,
    succession: Succession,
}

/// Begins a log that follows another, in the database that is being restored.
async fn succeed(places: &Places, keys: &Keyring, source: &Source<'_>, first: &First<'_>) -> Result<(), StoreError> {
    let name: cordon_ledger::note::KeyName = first.origin.parse()?;
    if name == source.log_key.name {
        return Err(StoreError::Conflict(format!("`{name}` is the old log: it never signs again")));
    }
    // First of all the old log ends: whatever happens now, it signs nothing more.
    keys.store().end_log(source.log_key.name.as_str())?;
    let previous = places.previous_log(source.log_key);
    copy_folder(&source.data.join("log"), &previous)?;
    write_synced(&previous.with_extension("vkey"), format!("{}\n", source.log_key).as_bytes())?;
    let key = keys.prepare_version(KeyName::Purpose(Purpose::LogSigning))?;
    let signer = keys.signer(&name, key.version)?;
    write_synced(&places.log_key_file(), format!("{}\n", signer.verifier()).as_bytes())?;

    let entry = first.succession.entry()?;
    let connection = Connection::open(places.data.join(RESTORING)).map_err(failed)?;
    connection.execute_batch("PRAGMA synchronous=FULL").map_err(failed)?;
    let mut session = Session::Sqlite(connection);
    session.begin().await?;
    put_setting(&mut session, keys, "log.origin", name.as_str().as_bytes()).await?;
    put_setting(&mut session, keys, "log.signing-version", &key.version.to_be_bytes()).await?;
    put_setting(&mut session, keys, LOG_OFFSET, &first.position.to_be_bytes()).await?;
    let insert =
        "INSERT INTO events (position, entry, leaf, at, actor, object, action) VALUES (?1, ?2, ?3, ?4, 0, NULL, 0)";
    let leaf = Hash::leaf(&entry).0;
    session.execute(insert, values![first.position, &entry, &leaf, first.at.0]).await?;
    session.commit().await
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

/// Copies sealed bytes that are not there yet. A file is whole once it has its name, and never changes; one that is removed
/// meanwhile is passed over.
fn copy_objects(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::File(from.display().to_string(), "copied", error);
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default();
        let target = to.join(name);
        if path.is_dir() {
            copy_objects(&path, &target)?;
        } else if !target.exists() && !name.to_string_lossy().contains('#') {
            // A copy that broke off has another name, and is made again.
            let partial = to.join(format!("{}#", name.to_string_lossy()));
            match copy_synced(&path, &partial) {
                Err(StoreError::File(_, _, error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => copied.and_then(|()| fs::rename(&partial, &target).map_err(failed))?,
            }
        }
    }
    fs::File::open(to).and_then(|folder| folder.sync_all()).map_err(failed)
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
