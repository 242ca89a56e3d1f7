//! Reading: a few connections that only read, beside the writer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cordon_domain::{Moment, VersionId};
use cordon_keys::KeyName;
use cordon_ledger::index::Token;
use rusqlite::{Connection, OpenFlags, ToSql, params};

use crate::change::{active_key, object, setting};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::SEARCH_EVENTS_MAX;
use crate::log::is_whole;
use crate::rows::{ActiveKey, ObjectRow, database};
use crate::schema;

/// Connections that are kept open.
const IDLE_MAX: usize = 4;

/// Reads the database. Copies share connections.
#[derive(Clone)]
pub struct Reader {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// What to search for. All that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Who acted.
    pub actor: Option<Token>,
    /// What was acted on.
    pub object: Option<Token>,
    /// What was done.
    pub action: Option<Token>,
    /// Not before.
    pub from: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
    /// From this position on.
    pub start: u64,
    /// At most so many; 0 means as many as a search returns.
    pub limit: usize,
}

/// How many data keys a level has, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wraps {
    /// Under the active version of their bucket key.
    pub current: u64,
    /// Under an older one.
    pub older: u64,
}

impl Reader {
    /// Reads the database at `path`, which exists.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), idle: Arc::default() }
    }

    /// Returns entries from position `start` on, in order, without a gap.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] naming the first position that is missing or whose bytes were changed.
    pub fn entries(&self, start: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let select = "SELECT position, entry, leaf FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2";
        self.with(|db| {
            let mut query = db.prepare_cached(select).map_err(database)?;
            let mut rows = query.query(params![start as i64, limit as i64]).map_err(database)?;
            let mut entries: Vec<Vec<u8>> = Vec::new();
            while let Some(row) = rows.next().map_err(database)? {
                let position: i64 = row.get(0).map_err(database)?;
                let (entry, leaf): (Vec<u8>, Vec<u8>) =
                    (row.get(1).map_err(database)?, row.get(2).map_err(database)?);
                let expected = start + entries.len() as u64;
                if position != expected as i64 {
                    return Err(StoreError::Integrity(format!("event {expected} is missing from the database")));
                }
                if !is_whole(&entry, &leaf) {
                    return Err(StoreError::Integrity(format!("event {expected} was changed in the database")));
                }
                entries.push(entry);
            }
            Ok(entries)
        })
    }

    /// Returns positions and entries that a search finds, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn search(&self, search: &Search) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let limit = if search.limit == 0 { SEARCH_EVENTS_MAX } else { search.limit.min(SEARCH_EVENTS_MAX) } as i64;
        let start = search.start as i64;
        let (actor, object) = (search.actor.map(|token| token.0), search.object.map(|token| token.0));
        let action = search.action.map(|token| token.0);
        let (from, until) = (search.from.map(|moment| moment.0), search.until.map(|moment| moment.0));
        let mut select = "SELECT position, entry FROM events WHERE position >= ?".to_owned();
        let mut values: Vec<&dyn ToSql> = vec![&start];
        let conditions: [(&str, &Option<i64>); 5] = [
            (" AND actor = ?", &actor),
            (" AND object = ?", &object),
            (" AND action = ?", &action),
            (" AND at >= ?", &from),
            (" AND at < ?", &until),
        ];
        for (condition, value) in conditions {
            if let Some(value) = value {
                select.push_str(condition);
                values.push(value);
            }
        }
        select.push_str(" ORDER BY position LIMIT ?");
        values.push(&limit);
        self.with(|db| {
            let mut query = db.prepare_cached(&select).map_err(database)?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
            let rows = query.query_map(values.as_slice(), read).map_err(database)?;
            rows.collect::<rusqlite::Result<_>>().map_err(database)
        })
    }

    /// Returns the number of events.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn size(&self) -> Result<u64, StoreError> {
        let size = "SELECT coalesce(max(position) + 1, 0) FROM events";
        let size: i64 = self.with(|db| db.query_row(size, [], |row| row.get(0)).map_err(database))?;
        Ok(size as u64)
    }

    /// Returns an object version; its row's MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the row was changed beside Cordon.
    pub fn object(&self, keys: &Keyring, version: VersionId) -> Result<Option<ObjectRow>, StoreError> {
        self.with(|db| object(db, keys, version))
    }

    /// Returns which versions of a key are in use; the row's MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the row was changed beside Cordon.
    pub fn active_key(&self, keys: &Keyring, name: KeyName) -> Result<Option<ActiveKey>, StoreError> {
        self.with(|db| active_key(db, keys, name))
    }

    /// Returns all keys in use.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub fn active_keys(&self, keys: &Keyring) -> Result<Vec<ActiveKey>, StoreError> {
        self.with(|db| {
            let mut query = db.prepare_cached("SELECT * FROM active_keys ORDER BY name").map_err(database)?;
            let mut rows = query.query([]).map_err(database)?;
            let mut keys_in_use = Vec::new();
            while let Some(row) = rows.next().map_err(database)? {
                keys_in_use.push(ActiveKey::read(row, keys.rows())?);
            }
            Ok(keys_in_use)
        })
    }

    /// Counts data keys under a bucket key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    pub fn wraps(&self, active: &ActiveKey) -> Result<Wraps, StoreError> {
        let KeyName::Bucket(bucket, level) = active.name else { return Ok(Wraps::default()) };
        let count = "SELECT count(*) FILTER (WHERE key_version >= ?3), count(*) FILTER (WHERE key_version < ?3)
                     FROM objects WHERE bucket = ?1 AND level = ?2";
        let values = params![bucket.0, level.number(), active.active];
        let (current, older): (i64, i64) =
            self.with(|db| db.query_row(count, values, |row| Ok((row.get(0)?, row.get(1)?))).map_err(database))?;
        Ok(Wraps { current: current as u64, older: older as u64 })
    }

    /// Reads a setting; its MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub fn setting(&self, keys: &Keyring, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|db| setting(db, keys, name))
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().map_err(|_| StoreError::Stopped)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let outcome = work(&connection)?;
        let mut idle = self.idle.lock().map_err(|_| StoreError::Stopped)?;
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(outcome)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path.as_path(), flags).map_err(database)?;
        schema::prepare(&connection)?;
        connection.execute_batch("PRAGMA query_only=ON").map_err(database)?;
        Ok(connection)
    }
}
