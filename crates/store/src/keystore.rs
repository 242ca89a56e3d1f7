//! The key store: wrapped keys, apart from the data, in a small database of its own.
//!
//! It holds the root as its providers wrap it, every other key under its parent, and what was signed last (the second
//! place that keeps a log from signing a shorter or other history). It is not part of data backups. Deleted keys are
//! overwritten (`secure_delete`), and the write-ahead log is emptied after each deletion.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use cordon_keys::{KeyName, KeyRef, StoredKey, WrappedRoot};
use cordon_ledger::Hash;
use cordon_ledger::publish::Signed;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::StoreError;
use crate::limits::LOG_TRIES_MAX;
use crate::rows::encoded;

const FORMAT: i64 = 1;
const FILE: &str = "keys.db";
/// Held while a key that has children is rotated.
const ROTATION_LOCK: &str = "rotation.lock";
/// Between two tries to empty the write-ahead log.
const LOG_PAUSE: Duration = Duration::from_millis(20);
/// The application id of a copy.
const COPY: i64 = 0x636f_7079;

const SCHEMA: &str = "
CREATE TABLE roots (provider TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE keys (
    name BLOB NOT NULL, version INTEGER NOT NULL, stored BLOB NOT NULL, uses INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE signed (
    origin TEXT PRIMARY KEY, epoch INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0
) STRICT;
";

/// The key store.
pub struct KeyStore {
    connection: Mutex<Connection>,
    folder: PathBuf,
}

impl KeyStore {
    /// Opens the key store in `folder`, making it when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be opened, is damaged, or is newer than this program.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(folder.join(FILE)).map_err(failed)?;
        let set = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;";
        connection.execute_batch(set).map_err(failed)?;
        let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        match format {
            0 => {
                let make = format!("BEGIN;{SCHEMA}PRAGMA user_version={FORMAT};COMMIT;");
                connection.execute_batch(&make).map_err(failed)?;
            }
            FORMAT => {
                let check: String =
                    connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
                if check != "ok" {
                    return Err(StoreError::Integrity(format!("`{FILE}` is damaged: {check}")));
                }
            }
            found => return Err(StoreError::Newer { what: FILE, found, known: FORMAT }),
        }
        Ok(Self { connection: Mutex::new(connection), folder: folder.to_owned() })
    }

    /// Tells whether a root was ever stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.with(|db| db.query_row("SELECT NOT EXISTS (SELECT 1 FROM roots)", [], |row| row.get(0)))
    }

    /// Returns the root as each provider wraps it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a row cannot be read.
    pub fn roots(&self) -> Result<Vec<WrappedRoot>, StoreError> {
        let rows: Vec<Vec<u8>> = self.with(|db| {
            let mut query = db.prepare("SELECT wrapped FROM roots ORDER BY provider")?;
            query.query_map([], |row| row.get(0))?.collect()
        })?;
        rows.iter().map(|row| WrappedRoot::decode(row).map_err(StoreError::from)).collect()
    }

    /// Returns all wrapped keys.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a row cannot be read.
    pub fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows: Vec<Vec<u8>> = self.with(|db| {
            let mut query = db.prepare("SELECT stored FROM keys ORDER BY name, version")?;
            query.query_map([], |row| row.get(0))?.collect()
        })?;
        rows.iter().map(|row| read_key(row)).collect()
    }

    /// Returns one wrapped key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the row cannot be read.
    pub fn key(&self, reference: KeyRef) -> Result<Option<StoredKey>, StoreError> {
        let row: Option<Vec<u8>> = self.with(|db| {
            let mut query = db.prepare_cached("SELECT stored FROM keys WHERE name = ?1 AND version = ?2")?;
            query.query_row(params![encoded(&reference.name), reference.version], |row| row.get(0)).optional()
        })?;
        row.map(|row| read_key(&row)).transpose()
    }

    /// Returns the newest version of a key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn newest(&self, name: KeyName) -> Result<Option<u32>, StoreError> {
        let newest = "SELECT max(version) FROM keys WHERE name = ?1";
        self.with(|db| db.prepare_cached(newest)?.query_row([encoded(&name)], |row| row.get(0)))
    }

    /// Stores a version of a key that is newer than all others. Returns false when it is not, or when another process has
    /// made a newer version of its parent, under which it does not lie: then nothing was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; then nothing was stored.
    pub fn add(&self, key: &StoredKey) -> Result<bool, StoreError> {
        let add = "INSERT INTO keys (name, version, stored) SELECT ?1, ?2, ?3
                   WHERE (?4 IS NULL OR ?5 = (SELECT max(version) FROM keys WHERE name = ?4))
                   AND NOT EXISTS (SELECT 1 FROM keys WHERE name = ?1 AND version >= ?2)";
        let (name, stored) = (encoded(&key.reference.name), encoded(key));
        let parent = key.reference.name.parent().map(|parent| encoded(&parent));
        let values = params![name, key.reference.version, stored, parent, key.parent_version];
        self.with(|db| db.prepare_cached(add)?.execute(values).map(|added| added == 1))
    }

    /// Returns all versions of a key, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a row cannot be read.
    pub fn versions(&self, name: KeyName) -> Result<Vec<StoredKey>, StoreError> {
        let rows: Vec<Vec<u8>> = self.with(|db| {
            let mut query = db.prepare_cached("SELECT stored FROM keys WHERE name = ?1 ORDER BY version")?;
            query.query_map([encoded(&name)], |row| row.get(0))?.collect()
        })?;
        rows.iter().map(|row| read_key(row)).collect()
    }

    /// Stores keys, and roots, in one transaction. What has a name and version already is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; then nothing was stored.
    pub fn put(&self, keys: &[StoredKey], roots: &[WrappedRoot]) -> Result<(), StoreError> {
        let roots = roots.iter().map(|root| Ok((root.provider.as_str(), root.encode()?)));
        let roots = roots.collect::<Result<Vec<_>, StoreError>>()?;
        self.with(|db| {
            let transaction = db.transaction()?;
            for key in keys {
                transaction
                    .prepare_cached(
                        "INSERT INTO keys (name, version, stored) VALUES (?1, ?2, ?3)
                     ON CONFLICT (name, version) DO UPDATE SET stored = excluded.stored",
                    )?
                    .execute(params![encoded(&key.reference.name), key.reference.version, encoded(key)])?;
            }
            for (provider, wrapped) in roots {
                transaction.execute("INSERT OR REPLACE INTO roots VALUES (?1, ?2)", params![provider, wrapped])?;
            }
            transaction.commit()
        })
    }

    /// Lets no other process rotate a key that has children: what lies under its versions is read, wrapped anew and
    /// destroyed in several steps. Others are let in when what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another process rotates such a key.
    pub fn rotate_alone(&self) -> Result<File, StoreError> {
        let path = self.folder.join(ROTATION_LOCK);
        let failed = |error| StoreError::File(path.display().to_string(), "opened", error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Conflict("another process rotates a key".to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Deletes versions of keys, and overwrites where they were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; then nothing was deleted. [`StoreError::Conflict`] when another process does not let go of
    /// the write-ahead log, in which they still are.
    pub fn destroy(&self, references: &[KeyRef]) -> Result<(), StoreError> {
        self.with(|db| {
            let transaction = db.transaction()?;
            for reference in references {
                let name = encoded(&reference.name);
                transaction
                    .execute("DELETE FROM keys WHERE name = ?1 AND version = ?2", params![name, reference.version])?;
            }
            transaction.commit()
        })?;
        self.empty_log()
    }

    /// Empties the write-ahead log. A reader in another process holds it up for the length of a query.
    fn empty_log(&self) -> Result<(), StoreError> {
        for _ in 0..LOG_TRIES_MAX {
            let busy: i64 = self.with(|db| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)))?;
            if busy == 0 {
                return Ok(());
            }
            std::thread::sleep(LOG_PAUSE);
        }
        Err(StoreError::Conflict(format!(
            "another process holds the write-ahead log of `{FILE}`, with the deleted keys"
        )))
    }

    /// Counts data keys that a version wrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn add_uses(&self, reference: KeyRef, uses: u64) -> Result<(), StoreError> {
        let add = "UPDATE keys SET uses = uses + ?3 WHERE name = ?1 AND version = ?2";
        let name = encoded(&reference.name);
        self.with(|db| db.prepare_cached(add)?.execute(params![name, reference.version, uses as i64]).map(drop))
    }

    /// Returns how many data keys a version wrapped, at least.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn uses(&self, reference: KeyRef) -> Result<u64, StoreError> {
        let uses = "SELECT uses FROM keys WHERE name = ?1 AND version = ?2";
        let name = encoded(&reference.name);
        let found: Option<i64> =
            self.with(|db| db.query_row(uses, params![name, reference.version], |row| row.get(0)).optional())?;
        Ok(found.unwrap_or(0).max(0) as u64)
    }

    /// Returns what was signed last for a log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when that log has ended: it never signs again.
    pub fn signed(&self, origin: &str) -> Result<Option<Signed>, StoreError> {
        let read = "SELECT epoch, size, root, ended FROM signed WHERE origin = ?1";
        let row = self.with(|db| {
            db.query_row(read, [origin], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, [u8; 32]>(2)?, row.get::<_, bool>(3)?))
            })
            .optional()
        })?;
        match row {
            Some((_, _, _, true)) => {
                Err(StoreError::Conflict(format!("the log `{origin}` has ended and signs no more")))
            }
            Some((epoch, size, root, false)) => {
                Ok(Some(Signed { epoch: epoch.max(0) as u64, size: size.max(0) as u64, root: Hash(root) }))
            }
            None => Ok(None),
        }
    }

    /// Replaces what was signed last, if it still is `last`: compare and swap.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another sequencer was quicker.
    pub fn swap_signed(&self, origin: &str, last: Option<Signed>, next: Signed) -> Result<(), StoreError> {
        let (epoch, size) = (next.epoch as i64, next.size as i64);
        let changed = self.with(|db| match last {
            None => db.execute(
                "INSERT INTO signed (origin, epoch, size, root) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![origin, epoch, size, next.root.0],
            ),
            Some(last) => db
                .prepare_cached(
                    "UPDATE signed SET epoch = ?2, size = ?3, root = ?4
                     WHERE origin = ?1 AND epoch = ?5 AND size = ?6 AND root = ?7 AND ended = 0",
                )?
                .execute(params![origin, epoch, size, next.root.0, last.epoch as i64, last.size as i64, last.root.0]),
        })?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Conflict(format!("another sequencer signs `{origin}`"))) }
    }

    /// Ends a log: its origin signs no more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn end_log(&self, origin: &str) -> Result<(), StoreError> {
        let end = "INSERT INTO signed (origin, epoch, size, root, ended) VALUES (?1, 0, 0, zeroblob(32), 1)
                   ON CONFLICT (origin) DO UPDATE SET ended = 1";
        self.with(|db| db.execute(end, [origin]).map(drop))
    }

    /// Copies the key store, consistently, to a file that does not exist yet. The copy says that it is one: it does not
    /// know what was signed afterwards.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        self.with(|db| db.execute("VACUUM INTO ?1", [file.to_string_lossy()]).map(drop))?;
        let copy = Connection::open(file).map_err(failed)?;
        copy.pragma_update(None, "application_id", COPY).map_err(failed)
    }

    /// Tells whether this is a copy from a backup.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn is_copy(&self) -> Result<bool, StoreError> {
        let id: i64 = self.with(|db| db.query_row("PRAGMA application_id", [], |row| row.get(0)))?;
        Ok(id == COPY)
    }

    /// Makes a copy the key store, once a new log has begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn adopt(&self) -> Result<(), StoreError> {
        self.with(|db| db.pragma_update(None, "application_id", 0))
    }

    /// Replaces wrapped keys that are still here; those that were destroyed meanwhile stay so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]; then none was replaced.
    pub fn replace(&self, keys: &[StoredKey]) -> Result<(), StoreError> {
        self.with(|db| {
            let transaction = db.transaction()?;
            for key in keys {
                let replace = "UPDATE keys SET stored = ?3 WHERE name = ?1 AND version = ?2";
                let values = params![encoded(&key.reference.name), key.reference.version, encoded(key)];
                transaction.prepare_cached(replace)?.execute(values)?;
            }
            transaction.commit()
        })
    }

    /// Returns the versions of a key below `least`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn below(&self, name: KeyName, least: u32) -> Result<Vec<KeyRef>, StoreError> {
        let select = "SELECT version FROM keys WHERE name = ?1 AND version < ?2 ORDER BY version";
        self.with(|db| {
            let mut query = db.prepare_cached(select)?;
            let rows = query.query_map(params![encoded(&name), least], |row| row.get(0))?;
            rows.map(|version| Ok(KeyRef { name, version: version? })).collect()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut connection = self.connection.lock().map_err(|_| StoreError::Stopped)?;
        work(&mut connection).map_err(failed)
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Database(FILE, error)
}

fn read_key(row: &[u8]) -> Result<StoredKey, StoreError> {
    minicbor::decode(row).map_err(|_| StoreError::Integrity("a key in `keys.db` cannot be read".to_owned()))
}
