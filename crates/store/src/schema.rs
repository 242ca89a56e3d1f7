//! The database: its tables, and the steps from each format to the next, for both kinds of database.

use crate::error::StoreError;
use crate::installation::Hold;
use crate::limits::{COPY_PAYLOADS, COPY_ROWS};
use crate::sql::{Session, values};

/// The newest format that this program reads and writes.
pub const FORMAT: i64 = 12;

/// Steps from format n to n + 1, as SQLite writes types. A step never changes once it was released.
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
CREATE TABLE payloads (leaf BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE segments (segment INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
CREATE TABLE event_index (
    field INTEGER NOT NULL, segment INTEGER NOT NULL, first BLOB NOT NULL, rows BLOB NOT NULL,
    PRIMARY KEY (field, segment, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE nodes (node BLOB PRIMARY KEY, sequence INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
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
CREATE TABLE revocations (principal BLOB PRIMARY KEY, mac BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL, mac BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE shredded (
    version BLOB PRIMARY KEY, bucket BLOB NOT NULL, level INTEGER NOT NULL, key_version INTEGER NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE backups (made_at INTEGER NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (made_at, kind)) STRICT;
", "
ALTER TABLE revocations RENAME COLUMN principal TO id;
CREATE TABLE records (
    key BLOB NOT NULL,
    began BLOB NOT NULL,
    body BLOB NOT NULL,
    began_at INTEGER NOT NULL,
    began_leaf BLOB,
    began_position INTEGER,
    ended BLOB,
    ended_at INTEGER,
    ended_leaf BLOB,
    ended_position INTEGER,
    mac BLOB NOT NULL,
    PRIMARY KEY (key, began)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_began ON records (began);
CREATE INDEX records_ended ON records (ended);
CREATE INDEX records_began_at ON records (began_at);
CREATE INDEX records_ended_at ON records (ended_at);
CREATE TABLE names (principal BLOB PRIMARY KEY, token BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE grant_uses (grant_id BLOB PRIMARY KEY, last_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
", "
CREATE TABLE authenticators (
    id BLOB PRIMARY KEY, principal BLOB NOT NULL, generation INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX authenticators_principal ON authenticators (principal);
CREATE TABLE credentials (
    id BLOB PRIMARY KEY, principal BLOB NOT NULL, expires_at INTEGER NOT NULL, body BLOB NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_principal ON credentials (principal);
CREATE INDEX credentials_expires_at ON credentials (expires_at);
CREATE TABLE servers (
    node BLOB PRIMARY KEY, address TEXT NOT NULL, seen_at INTEGER NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
",
    // There are accounts of identity providers among the ways to sign in, and people ask for emergencies.
    "
CREATE INDEX objects_bucket ON objects (bucket, version);
",
    // Of versions that were stored before it is not known since when they have their label.
    "
ALTER TABLE objects ADD COLUMN began BLOB;
ALTER TABLE objects ADD COLUMN began_at INTEGER;
ALTER TABLE objects ADD COLUMN began_leaf BLOB;
ALTER TABLE objects ADD COLUMN began_position INTEGER;
CREATE TABLE past_labels (
    version BLOB NOT NULL,
    ended BLOB NOT NULL,
    bucket BLOB NOT NULL,
    label BLOB NOT NULL,
    began BLOB,
    began_at INTEGER,
    began_leaf BLOB,
    began_position INTEGER,
    ended_at INTEGER NOT NULL,
    ended_leaf BLOB,
    ended_position INTEGER,
    mac BLOB NOT NULL,
    PRIMARY KEY (version, ended)
) STRICT, WITHOUT ROWID;
CREATE INDEX past_labels_bucket ON past_labels (bucket, version);
CREATE TABLE entries (
    bucket BLOB NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    version BLOB NOT NULL UNIQUE,
    latest INTEGER NOT NULL,
    said BLOB NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (bucket, key, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entries_latest ON entries (bucket, key) WHERE latest = 1;
CREATE TABLE bodies (version BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
",
    "
CREATE INDEX objects_level ON objects (level);
CREATE TABLE egress_heads (
    payer BLOB PRIMARY KEY, changes INTEGER NOT NULL, sum BLOB NOT NULL, mac BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE egress_objects (
    payer BLOB NOT NULL, version BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (payer, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE egress_bytes (
    payer BLOB NOT NULL, minute INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (payer, minute)
) STRICT, WITHOUT ROWID;
",
    // What inspection has to say is found by this column; what it says, and that decides, is under the MAC.
    "
ALTER TABLE entries ADD COLUMN inspection INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entries_inspection ON entries (inspection, version) WHERE inspection > 0;
", "
-- Records may be publications: a program that does not know them does not decide beside one that does.
",
    // By what copies of a version are recognised.
    "
CREATE TABLE prints (version BLOB PRIMARY KEY, prints BLOB NOT NULL, mac BLOB NOT NULL) STRICT;
",
    "
-- Records may be allowances, embargoes and codenames, and buckets say how they are guarded: a program that does not know these
-- does not decide beside one that does.
",
    // Labels stand beside names, too, for lists: those of a page are on as few pages as the names, however large a bucket is.
    "
ALTER TABLE entries ADD COLUMN label BLOB;
",
    // By what whole contents are recognised: each write looks for its own. What the version says, under its MAC, decides.
    "
CREATE TABLE contents (version BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX contents_content ON contents (content, version);
",
];

/// What PostgreSQL has besides: events that have no position yet.
const STEPS_POSTGRES: [&str; FORMAT as usize] = [
    "
CREATE TABLE incoming (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry BYTEA NOT NULL, leaf BYTEA NOT NULL, at BIGINT NOT NULL,
    actor BIGINT NOT NULL, object BIGINT, action BIGINT NOT NULL
);
",
    "
CREATE INDEX records_unplaced ON records (began_leaf) WHERE began_position IS NULL;
CREATE INDEX records_end_unplaced ON records (ended_leaf) WHERE ended_position IS NULL AND ended_leaf IS NOT NULL;
",
    "",
    "",
    "
CREATE INDEX objects_unplaced ON objects (began_leaf) WHERE began_position IS NULL AND began_leaf IS NOT NULL;
CREATE INDEX past_labels_unplaced ON past_labels (began_leaf) WHERE began_position IS NULL AND began_leaf IS NOT NULL;
CREATE INDEX past_labels_end_unplaced ON past_labels (ended_leaf) WHERE ended_position IS NULL AND ended_leaf IS NOT NULL;
",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
];

/// A table, as it is copied from one database to another.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// How many of the columns, from the first on, tell rows apart.
    pub(crate) key: usize,
    pub(crate) columns: &'static [&'static str],
    /// Rows that are copied at once.
    pub(crate) rows: u64,
}

/// All tables that both kinds of database have.
pub(crate) const TABLES: [Table; 25] = [
    Table {
        name: "events",
        key: 1,
        columns: &["position", "entry", "leaf", "at", "actor", "object", "action"],
        rows: COPY_ROWS,
    },
    Table { name: "payloads", key: 1, columns: &["leaf", "sealed"], rows: COPY_PAYLOADS },
    Table { name: "segments", key: 1, columns: &["segment", "first_at", "last_at"], rows: COPY_ROWS },
    Table { name: "event_index", key: 3, columns: &["field", "segment", "first", "rows"], rows: COPY_ROWS },
    Table { name: "nodes", key: 1, columns: &["node", "sequence", "last_at"], rows: COPY_ROWS },
    Table {
        name: "objects",
        key: 1,
        columns: &[
            "version",
            "bucket",
            "level",
            "label",
            "key_version",
            "wrapped",
            "manifest",
            "mac",
            "began",
            "began_at",
            "began_leaf",
            "began_position",
        ],
        rows: COPY_ROWS,
    },
    Table {
        name: "entries",
        key: 3,
        columns: &["bucket", "key", "number", "version", "latest", "said", "mac", "inspection", "label"],
        rows: COPY_ROWS,
    },
    Table { name: "bodies", key: 1, columns: &["version", "sealed"], rows: COPY_PAYLOADS },
    Table {
        name: "past_labels",
        key: 2,
        columns: &[
            "version",
            "ended",
            "bucket",
            "label",
            "began",
            "began_at",
            "began_leaf",
            "began_position",
            "ended_at",
            "ended_leaf",
            "ended_position",
            "mac",
        ],
        rows: COPY_ROWS,
    },
    Table { name: "egress_heads", key: 1, columns: &["payer", "changes", "sum", "mac"], rows: COPY_ROWS },
    Table { name: "egress_objects", key: 2, columns: &["payer", "version", "at"], rows: COPY_ROWS },
    Table { name: "egress_bytes", key: 2, columns: &["payer", "minute", "bytes"], rows: COPY_ROWS },
    Table { name: "active_keys", key: 1, columns: &["name", "active", "least", "mac"], rows: COPY_ROWS },
    Table { name: "revocations", key: 1, columns: &["id", "mac"], rows: COPY_ROWS },
    Table { name: "settings", key: 1, columns: &["name", "value", "mac"], rows: COPY_ROWS },
    Table { name: "shredded", key: 1, columns: &["version", "bucket", "level", "key_version", "mac"], rows: COPY_ROWS },
    Table {
        name: "records",
        key: 2,
        columns: &[
            "key",
            "began",
            "body",
            "began_at",
            "began_leaf",
            "began_position",
            "ended",
            "ended_at",
            "ended_leaf",
            "ended_position",
            "mac",
        ],
        rows: COPY_PAYLOADS,
    },
    Table { name: "prints", key: 1, columns: &["version", "prints", "mac"], rows: COPY_PAYLOADS },
    Table { name: "contents", key: 1, columns: &["version", "content"], rows: COPY_ROWS },
    Table { name: "names", key: 1, columns: &["principal", "token", "sealed"], rows: COPY_ROWS },
    Table { name: "grant_uses", key: 1, columns: &["grant_id", "last_at"], rows: COPY_ROWS },
    Table {
        name: "authenticators",
        key: 1,
        columns: &["id", "principal", "generation", "sealed"],
        rows: COPY_PAYLOADS,
    },
    Table { name: "credentials", key: 1, columns: &["id", "principal", "expires_at", "body", "mac"], rows: COPY_ROWS },
    Table { name: "servers", key: 1, columns: &["node", "address", "seen_at", "mac"], rows: COPY_ROWS },
    Table { name: "backups", key: 2, columns: &["made_at", "kind"], rows: COPY_ROWS },
];

/// Only one node migrates at a time.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"cordon m");

/// Brings the database of an installation that nobody has open to the newest format. Returns the formats before and
/// after.
///
/// # Errors
///
/// [`StoreError::Locked`] when a process has it open; [`StoreError::Newer`] when its format is not known here.
pub async fn migrate_places(places: &crate::Places) -> Result<(i64, i64), StoreError> {
    if !places.holds_installation().await? {
        return Err(StoreError::Place(format!("no installation is in `{}`", places.data.display())));
    }
    let _lock = places.lock(Hold::Alone)?;
    migrate(&mut places.database().open().await?).await
}

/// Tells whether a database has the newest format.
///
/// # Errors
///
/// [`StoreError::Newer`] when its format is not known here.
pub(crate) async fn is_newest(session: &mut Session) -> Result<bool, StoreError> {
    session.begin().await?;
    let found = format(session).await?;
    session.commit().await?;
    Ok(found == FORMAT)
}

/// Brings a database to the newest format, in one transaction. Returns the formats before and after.
pub(crate) async fn migrate(session: &mut Session) -> Result<(i64, i64), StoreError> {
    session.begin().await?;
    let formats = migrate_within(session).await?;
    session.commit().await?;
    Ok(formats)
}

/// Makes the tables of an installation in the transaction that fills them, unless one is here.
pub(crate) async fn begin_installation(session: &mut Session) -> Result<(), StoreError> {
    migrate_within(session).await?;
    match is_taken(session).await? {
        true => Err(StoreError::Place("an installation is already in this database".to_owned())),
        false => Ok(()),
    }
}

/// Tells whether an installation is in a database that has its tables.
pub(crate) async fn is_taken(session: &mut Session) -> Result<bool, StoreError> {
    let taken = session.one("SELECT count(*) FROM settings", &[]).await?.count(0)?;
    Ok(taken > 0)
}

async fn migrate_within(session: &mut Session) -> Result<(i64, i64), StoreError> {
    let before = format(session).await?;
    for (both, postgres) in STEPS.iter().zip(STEPS_POSTGRES).skip(before.max(0) as usize) {
        if session.is_postgres() {
            session.run(&in_postgres(both)).await?;
            session.run(postgres).await?;
        } else {
            session.run(both).await?;
        }
    }
    if before < FORMAT {
        set_format(session).await?;
    }
    Ok((before, FORMAT))
}

/// Returns the format of a database, 0 for an empty one.
async fn format(session: &mut Session) -> Result<i64, StoreError> {
    let found = if session.is_postgres() {
        session.query("SELECT pg_advisory_xact_lock(?1)::text", values![MIGRATION_LOCK]).await?;
        if session.one("SELECT to_regclass('format') IS NULL", &[]).await?.int(0)? == 1 {
            session.run("CREATE TABLE format (format BIGINT PRIMARY KEY)").await?;
        }
        session.one("SELECT coalesce(max(format), 0) FROM format", &[]).await?.int(0)?
    } else {
        session.one("PRAGMA user_version", &[]).await?.int(0)?
    };
    if found > FORMAT {
        return Err(StoreError::Newer { what: "the database", found, known: FORMAT });
    }
    Ok(found)
}

async fn set_format(session: &mut Session) -> Result<(), StoreError> {
    if session.is_postgres() {
        session.run("DELETE FROM format").await?;
        return session.execute("INSERT INTO format VALUES (?1)", values![FORMAT]).await.map(drop);
    }
    session.run(&format!("PRAGMA user_version={FORMAT}")).await
}

/// The same tables, as PostgreSQL writes types. Text is compared by its bytes, as SQLite does.
fn in_postgres(step: &str) -> String {
    let plain = step.replace(") STRICT, WITHOUT ROWID", ")").replace(") STRICT", ")");
    plain.replace("INTEGER", "BIGINT").replace("BLOB", "BYTEA").replace("TEXT", "TEXT COLLATE \"C\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table, or a column, that is not named for copying would be left out of backups from a server.
    #[test]
    fn every_table_and_column_is_copied() {
        let database = rusqlite::Connection::open_in_memory().expect("opens");
        STEPS.iter().for_each(|step| database.execute_batch(step).expect("runs"));
        let list = |sql: &str| {
            let mut query = database.prepare(sql).expect("reads");
            let rows = query.query_map([], |row| row.get::<_, String>(0)).expect("reads");
            rows.map(|row| row.expect("a name")).collect::<Vec<_>>()
        };
        let mut named: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        named.sort_unstable();
        assert_eq!(list("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"), named);
        for Table { name, key, columns, .. } in TABLES {
            assert_eq!(list(&format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid")), columns, "{name}");
            let keys = list(&format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk"));
            assert_eq!(keys, columns[..key], "{name}");
        }
    }
}
