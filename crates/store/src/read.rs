//! Reading: a few connections that only read, beside the writer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cordon_domain::{BucketId, Moment, VersionId};
use cordon_keys::KeyName;
use cordon_ledger::index::Token;
use rusqlite::{Connection, OpenFlags, params};

use crate::change::{active_key, object, setting};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::SEARCH_EVENTS_MAX;
use crate::log::is_whole;
use crate::rows::{ActiveKey, ObjectRow, database};
use crate::schema;
use crate::segment::{Field, SEGMENT_EVENTS, positions};

/// Connections that are kept open.
const IDLE_MAX: usize = 4;

/// The setting that says at which position the log begins; 0 when there is none.
pub(crate) const LOG_OFFSET: &str = "log.offset";

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
                let (entry, leaf): (Vec<u8>, Vec<u8>) = (row.get(1).map_err(database)?, row.get(2).map_err(database)?);
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
        let limit = if search.limit == 0 { SEARCH_EVENTS_MAX } else { search.limit.min(SEARCH_EVENTS_MAX) };
        let size = self.size()?;
        self.with(|db| {
            let mut found = Vec::new();
            let mut segment = search.start / SEGMENT_EVENTS;
            while found.len() < limit && segment * SEGMENT_EVENTS < size {
                let range = segment * SEGMENT_EVENTS..(segment + 1) * SEGMENT_EVENTS;
                let shared = if range.end > size { None } else { candidates(db, search, segment)? };
                match shared {
                    Some(positions) => pick(db, search, &positions, &mut found, limit)?,
                    None => scan(db, search, range, &mut found, limit)?,
                }
                segment += 1;
            }
            Ok(found)
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

    /// Reads all rows of a bucket under key versions below `least`, and checks them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] for the first that was changed beside Cordon.
    pub fn check_rows(&self, keys: &Keyring, bucket: BucketId, least: u32) -> Result<(), StoreError> {
        self.with(|db| {
            let select = "SELECT * FROM objects WHERE bucket = ?1 AND key_version < ?2";
            let mut query = db.prepare_cached(select).map_err(database)?;
            let mut rows = query.query(params![bucket.0, least]).map_err(database)?;
            while let Some(row) = rows.next().map_err(database)? {
                ObjectRow::read(row, keys.rows())?;
            }
            Ok(())
        })
    }

    /// Reads a setting; its MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub fn setting(&self, keys: &Keyring, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|db| setting(db, keys, name))
    }

    /// Returns the position of the event that is the first entry of the log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the setting was changed beside Cordon.
    pub fn log_offset(&self, keys: &Keyring) -> Result<u64, StoreError> {
        let Some(value) = self.setting(keys, LOG_OFFSET)? else { return Ok(0) };
        let bytes = value.try_into().map_err(|_| StoreError::Integrity(format!("`{LOG_OFFSET}` cannot be read")))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Reads over one connection, which is already open.
    pub(crate) fn over(connection: Connection) -> Self {
        let path = connection.path().map(PathBuf::from).unwrap_or_default();
        Self { path: Arc::new(path), idle: Arc::new(Mutex::new(vec![connection])) }
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

type Found = Vec<(u64, Vec<u8>)>;

/// The positions in a full segment that all given tokens share; `None` when no token is given and all are candidates.
fn candidates(db: &Connection, search: &Search, segment: u64) -> Result<Option<Vec<u64>>, StoreError> {
    let times = "SELECT first_at, last_at FROM segments WHERE segment = ?1";
    let (first, last): (i64, i64) = db
        .prepare_cached(times)
        .and_then(|mut query| query.query_row([segment as i64], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(database)?;
    let too_late = search.until.is_some_and(|until| first >= until.0);
    if too_late || search.from.is_some_and(|from| last < from.0) {
        return Ok(Some(Vec::new()));
    }
    let tokens = [(Field::Object, search.object), (Field::Actor, search.actor), (Field::Action, search.action)];
    let mut shared: Option<Vec<u64>> = None;
    for (field, token) in tokens.into_iter().filter_map(|(field, token)| Some((field, token?))) {
        let with_token = positions(db, segment, field, token)?;
        shared = Some(match shared {
            Some(mut shared) => {
                shared.retain(|position| with_token.binary_search(position).is_ok());
                shared
            }
            None => with_token,
        });
    }
    Ok(shared)
}

fn pick(
    db: &Connection,
    search: &Search,
    positions: &[u64],
    found: &mut Found,
    limit: usize,
) -> Result<(), StoreError> {
    let mut query = db.prepare_cached("SELECT entry, at FROM events WHERE position = ?1").map_err(database)?;
    for &position in positions.iter().filter(|&&position| position >= search.start) {
        if found.len() == limit {
            break;
        }
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?));
        let (entry, at) = query.query_row([position as i64], read).map_err(database)?;
        if search.from.is_none_or(|from| at >= from.0) && search.until.is_none_or(|until| at < until.0) {
            found.push((position, entry));
        }
    }
    Ok(())
}

/// Finds by columns: among the events behind the last full segment, or where only a time is given.
fn scan(
    db: &Connection,
    search: &Search,
    range: std::ops::Range<u64>,
    found: &mut Found,
    limit: usize,
) -> Result<(), StoreError> {
    let select = "SELECT position, entry FROM events WHERE position >= ?1 AND position < ?2
                  AND (?3 IS NULL OR actor = ?3) AND (?4 IS NULL OR object = ?4) AND (?5 IS NULL OR action = ?5)
                  AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7) ORDER BY position LIMIT ?8";
    let token = |token: Option<Token>| token.map(|token| token.0);
    let time = |moment: Option<Moment>| moment.map(|moment| moment.0);
    let values = params![
        range.start.max(search.start) as i64,
        range.end as i64,
        token(search.actor),
        token(search.object),
        token(search.action),
        time(search.from),
        time(search.until),
        (limit - found.len()) as i64
    ];
    let mut query = db.prepare_cached(select).map_err(database)?;
    let rows = query.query_map(values, |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))).map_err(database)?;
    for row in rows {
        found.push(row.map_err(database)?);
    }
    Ok(())
}
