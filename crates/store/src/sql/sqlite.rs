//! SQLite: durable commits, overwritten deletions, bounded memory.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, ToSql, params_from_iter};

use crate::error::StoreError;
use crate::limits::{STATEMENTS_KEPT_MAX, WAL_PAGES};
use crate::sql::{Cell, Row, Value};

/// Opens a database to write.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(failed)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Opens a database that exists, to read. It may still recover what a process that died has left.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&connection)?;
    connection.execute_batch("PRAGMA query_only=ON").map_err(failed)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    let set = format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;
         PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768; PRAGMA busy_timeout=10000;
         PRAGMA wal_autocheckpoint={WAL_PAGES}; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"
    );
    connection.execute_batch(&set).map_err(failed)
}

pub(super) fn execute(db: &Connection, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    Ok(statement.execute(params_from_iter(values)).map_err(failed)? as u64)
}

pub(super) fn execute_each(db: &Connection, sql: &str, rows: &[Row]) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    for row in rows {
        statement.execute(params_from_iter(row.0.iter().map(Cell::value))).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn query(db: &Connection, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    rows(&mut statement, values).map_err(failed)
}

pub(super) fn run(db: &Connection, sql: &str) -> Result<(), StoreError> {
    db.execute_batch(sql).map_err(failed)
}

/// Shows the rows one after the other, each in the place of the one before it.
pub(super) fn visit(
    db: &Connection,
    sql: &str,
    values: &[Value<'_>],
    each: &mut dyn FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut shown = Row(vec![Cell::Null; statement.column_count()]);
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        for (column, shown) in shown.0.iter_mut().enumerate() {
            match (row.get_ref(column).map_err(failed)?, shown) {
                (ValueRef::Blob(bytes), Cell::Bytes(kept)) => {
                    kept.clear();
                    kept.extend_from_slice(bytes);
                }
                (value, shown) => *shown = cell(value),
            }
        }
        each(&shown)?;
    }
    Ok(())
}

fn rows(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<Vec<Row>> {
    let columns = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|column| Ok(cell(row.get_ref(column)?)));
        found.push(Row(cells.collect::<rusqlite::Result<_>>()?));
    }
    Ok(found)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        // Neither stands in a STRICT table of ours: whoever reads it finds another type than it wants.
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Real(value) => Cell::Text(value.to_string()),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::Database("cordon.db", error)
}
