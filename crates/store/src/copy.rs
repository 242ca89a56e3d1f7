//! Copying a database as of one moment, from either kind to either kind: a backup is always a file of SQLite.

use crate::error::StoreError;
use crate::events::{COMMIT_LOCK, move_into_copy};
use crate::limits::STATEMENT_S;
use crate::schema::{TABLES, Table, begin_installation, migrate};
use crate::sql::{Cell, Database, Session, values};

/// Copies what a server holds to a new file. Events that have no position yet get the one that the sequencer will give
/// them: while the moment is taken, no commit is under way.
pub(crate) async fn to_file(from: &Database, to: &Database) -> Result<(), StoreError> {
    let mut source = from.open().await?;
    let mut copy = to.open().await?;
    // One file, without a write-ahead log beside it.
    copy.run("PRAGMA journal_mode=DELETE").await?;
    migrate(&mut copy).await?;
    source.query("SELECT pg_advisory_lock(?1)::text", values![COMMIT_LOCK]).await?;
    source.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // Rows are written to the file meanwhile.
    source.run(&format!("SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_S}s'")).await?;
    // The first question fixes the moment.
    source.one("SELECT count(*) FROM format", &[]).await?;
    source.query("SELECT pg_advisory_unlock(?1)::text", values![COMMIT_LOCK]).await?;
    copy.begin().await?;
    tables(&mut source, &mut copy).await?;
    move_into_copy(&mut source, &mut copy).await?;
    copy.commit().await
}

/// Copies a file to a server that holds no installation, in one transaction.
pub(crate) async fn to_server(from: &Database, to: &Database) -> Result<(), StoreError> {
    let mut source = from.open().await?;
    let mut copy = to.open().await?;
    copy.begin().await?;
    begin_installation(&mut copy).await?;
    tables(&mut source, &mut copy).await?;
    copy.commit().await
}

async fn tables(source: &mut Session, copy: &mut Session) -> Result<(), StoreError> {
    for table in TABLES {
        rows(&table, source, copy).await?;
    }
    Ok(())
}

/// Copies a table in the order of its key, a bounded number of rows at a time.
async fn rows(table: &Table, source: &mut Session, copy: &mut Session) -> Result<(), StoreError> {
    let (columns, key) = (table.columns.join(", "), table.columns.get(..table.key).unwrap_or_default().join(", "));
    let places = |count: usize| (1..=count).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let first = format!("SELECT {columns} FROM {} ORDER BY {key} LIMIT {}", table.name, table.rows);
    let next = format!(
        "SELECT {columns} FROM {} WHERE ({key}) > ({}) ORDER BY {key} LIMIT {}",
        table.name,
        places(table.key),
        table.rows
    );
    let insert = format!("INSERT INTO {} ({columns}) VALUES ({})", table.name, places(table.columns.len()));
    let mut found = source.query(&first, &[]).await?;
    while let Some(last) = found.last().cloned() {
        copy.execute_each(&insert, &found).await?;
        let after: Vec<_> = last.0.iter().take(table.key).map(Cell::value).collect();
        found = source.query(&next, &after).await?;
    }
    Ok(())
}
