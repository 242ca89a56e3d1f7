//! The database: its tables, and the steps from each format to the next.

use rusqlite::Connection;

use crate::error::StoreError;
use crate::rows::database;

/// The newest format that this program reads and writes.
pub const FORMAT: i64 = 1;

/// Steps from format n to n + 1. A step never changes once it was released.
const STEPS: [&str; FORMAT as usize] = ["
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    entry BLOB NOT NULL,
    leaf BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    object INTEGER,
    action INTEGER NOT NULL
) STRICT;
CREATE TABLE segments (segment INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
CREATE TABLE event_index (
    field INTEGER NOT NULL, segment INTEGER NOT NULL, first BLOB NOT NULL, rows BLOB NOT NULL,
    PRIMARY KEY (field, segment, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE nodes (node BLOB PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE objects (
    version BLOB PRIMARY KEY,
    bucket BLOB NOT NULL,
    level INTEGER NOT NULL,
    label BLOB NOT NULL,
    key_version INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    manifest BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX objects_key ON objects (bucket, level, key_version);
CREATE TABLE active_keys (
    name BLOB PRIMARY KEY, active INTEGER NOT NULL, least INTEGER NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revocations (
    principal BLOB PRIMARY KEY, position INTEGER NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL, mac BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE shredded (
    version BLOB PRIMARY KEY, bucket BLOB NOT NULL, level INTEGER NOT NULL, key_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE backups (
    made_at INTEGER NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (made_at, kind)
) STRICT;
"];

/// Brings the database of an installation that nobody has open to the newest format. Returns the formats before and
/// after.
///
/// # Errors
///
/// [`StoreError::Locked`] when a process has it open; [`StoreError::Newer`] when its format is not known here.
pub fn migrate_file(places: &crate::Places) -> Result<(i64, i64), StoreError> {
    if !places.database().exists() {
        return Err(StoreError::Place(format!("no installation is in `{}`", places.data.display())));
    }
    let _lock = places.lock()?;
    let mut connection = Connection::open(places.database()).map_err(database)?;
    prepare(&connection)?;
    migrate(&mut connection)
}

/// Sets a connection up: durable commits, overwritten deletions, bounded memory.
pub(crate) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;
             PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768; PRAGMA busy_timeout=10000;
             PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;",
        )
        .map_err(database)
}

/// Returns the format of a database, 0 for an empty one.
pub(crate) fn format(connection: &Connection) -> Result<i64, StoreError> {
    let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(database)?;
    if found > FORMAT {
        return Err(StoreError::Newer { what: "cordon.db", found, known: FORMAT });
    }
    Ok(found)
}

/// Brings a database to the newest format, each step in a transaction of its own. Returns the formats before and after.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(i64, i64), StoreError> {
    let before = format(connection)?;
    for (place, step) in STEPS.iter().enumerate().skip(before.max(0) as usize) {
        let transaction = connection.transaction().map_err(database)?;
        transaction.execute_batch(step).map_err(database)?;
        transaction.pragma_update(None, "user_version", place as i64 + 1).map_err(database)?;
        transaction.commit().map_err(database)?;
    }
    Ok((before, FORMAT))
}
