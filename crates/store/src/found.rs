//! What a name leads to, as whoever reads it needs it: the entry, the object behind it and which keys still unwrap, in one question.

use std::sync::LazyLock;

use cordon_domain::{BucketId, Level, ObjectKey, VersionId};
use cordon_keys::KeyName;

use crate::entries::{Body, Entry};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::read::Reader;
use crate::rows::{ActiveKey, ObjectRow, encoded};
use crate::sql::{Cell, Row, Session, Value, values};
use crate::state::{NOT_SHREDDED, put_back};

/// An entry, and the object behind it; none behind a mark.
pub type Found = (Entry, Option<ObjectRow>);

/// The question, for the entry of which that holds. `?1` to `?4` are the names of the bucket's keys by level. What is shredded has
/// a name, and nothing behind it. The entry is found first: SQLite prepares a statement anew for each value where it could take it
/// for one that an index leaves out.
fn question(holds: &str) -> String {
    let of = |table: &str, columns: &str| {
        let columns = columns.split(", ").map(|column| format!("{table}.{column}"));
        columns.collect::<Vec<_>>().join(", ")
    };
    let (entry, object) = (of("entries", Entry::COLUMNS), of("objects", ObjectRow::COLUMNS));
    let key = of("active_keys", ActiveKey::COLUMNS);
    format!(
        "SELECT {entry}, {object}, {key} FROM (SELECT * FROM entries WHERE {holds} LIMIT 1) AS entries
         LEFT JOIN objects ON objects.version = entries.version AND {NOT_SHREDDED}
         LEFT JOIN active_keys ON active_keys.name = CASE objects.level
             WHEN 0 THEN ?1 WHEN 1 THEN ?2 WHEN 2 THEN ?3 WHEN 3 THEN ?4 ELSE objects.version END"
    )
}

static OF_NAME: LazyLock<String> = LazyLock::new(|| question("bucket = ?5 AND key = ?6 AND latest = 1"));

static OF_VERSION: LazyLock<String> = LazyLock::new(|| question("version = ?5"));

/// Parts a row in two: these columns, and what stands behind them.
fn parted(row: &mut Row, columns: &str) -> Row {
    Row(row.0.split_off(columns.split(", ").count().min(row.0.len())))
}

fn is_there(row: &Row) -> bool {
    !matches!(row.0.first(), None | Some(Cell::Null))
}

/// Asks once.
async fn row(
    session: &mut Session,
    (bucket, key): (BucketId, &ObjectKey),
    version: Option<VersionId>,
) -> Result<Option<Row>, StoreError> {
    let names = Level::ALL.map(|level| encoded(&KeyName::Bucket(bucket, level)));
    let [public, internal, confidential, restricted] = names.each_ref().map(Value::from);
    match version {
        None => {
            let values = values![public, internal, confidential, restricted, &bucket.0, key.as_str()];
            session.first(&OF_NAME, values).await
        }
        Some(version) => {
            let values = values![public, internal, confidential, restricted, &version.0];
            session.first(&OF_VERSION, values).await
        }
    }
}

/// Reads what came: entry, object and key in use each have a MAC. A row that was put back from an older copy has one that fits:
/// its key may unwrap no more.
fn read(mut row: Row, keys: &Keyring, (bucket, key): (BucketId, &ObjectKey)) -> Result<Option<Found>, StoreError> {
    let mut object = parted(&mut row, Entry::COLUMNS);
    let active = parted(&mut object, ObjectRow::COLUMNS);
    let entry = Entry::read(&row, keys.rows())?;
    // The key that was looked up is of the bucket that was asked for.
    if entry.bucket != bucket || entry.key != *key {
        return Ok(None);
    }
    if entry.said.body == Body::None {
        return Ok(Some((entry, None)));
    }
    if !is_there(&object) {
        return Ok(None);
    }
    let object = ObjectRow::read(object, keys.rows())?;
    let active = is_there(&active).then(|| ActiveKey::read(&active, keys.rows())).transpose()?;
    match active.is_some_and(|active| active.name == object.key_name() && object.key_version >= active.least) {
        true => Ok((object.bucket == bucket).then_some((entry, Some(object)))),
        false => Err(put_back(object.version)),
    }
}

impl Reader {
    /// Returns what a name leads to now, or the version of it that is asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn entry(
        &self,
        keys: &Keyring,
        (bucket, key): (BucketId, &ObjectKey),
        version: Option<VersionId>,
    ) -> Result<Option<Found>, StoreError> {
        let Some(row) = row(&mut *self.session().await?, (bucket, key), version).await? else { return Ok(None) };
        read(row, keys, (bucket, key))
    }

    /// Tells whether a name leads to a version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn is_led_to(&self, version: VersionId) -> Result<bool, StoreError> {
        let select = "SELECT 1 FROM entries WHERE version = ?1";
        Ok(self.session().await?.first(select, values![&version.0]).await?.is_some())
    }

    /// Returns the sealed bytes of a version that stand in the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn body(&self, version: VersionId) -> Result<Option<Vec<u8>>, StoreError> {
        let select = "SELECT sealed FROM bodies WHERE version = ?1";
        let row = self.session().await?.first(select, values![&version.0]).await?;
        Ok(row.map(|mut row| row.take_bytes(0)).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrate;
    use crate::sql::sqlite;

    async fn empty(folder: &tempfile::TempDir) -> Session {
        let mut session = Session::Sqlite(sqlite::open(&folder.path().join("some.db")).expect("opens"));
        migrate(&mut session).await.expect("made");
        session
    }

    #[tokio::test]
    async fn the_question_is_prepared_once() {
        let folder = tempfile::tempdir().expect("makes");
        let mut session = empty(&folder).await;
        let key: ObjectKey = "plan".parse().expect("a name");
        for bucket in [1, 2, 3] {
            let name = (BucketId([bucket; 16]), &key);
            row(&mut session, name, None).await.expect("asked");
            row(&mut session, name, Some(VersionId([bucket; 16]))).await.expect("asked");
        }
        let Session::Sqlite(database) = session else { panic!("a file") };
        for question in [&OF_NAME, &OF_VERSION] {
            let statement = database.prepare_cached(question).expect("prepared");
            assert_eq!(statement.get_status(rusqlite::StatementStatus::Run), 3);
            assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
        }
    }

    /// However much there is, a few rows are looked at.
    #[tokio::test]
    async fn nothing_is_searched_for_without_an_index() {
        let folder = tempfile::tempdir().expect("makes");
        let mut session = empty(&folder).await;
        for (question, values) in [(&OF_NAME, 6), (&OF_VERSION, 5)] {
            let explain = format!("EXPLAIN QUERY PLAN {}", **question);
            let rows = session.query(&explain, &vec![Value::Null; values]).await.expect("explained");
            let plan: Vec<&str> = rows.iter().map(|row| row.text(3).expect("a text")).collect();
            let searched = plan.iter().filter(|line| line.starts_with("SEARCH")).count();
            let scans = plan.iter().filter(|line| line.starts_with("SCAN") && **line != "SCAN entries");
            assert!(searched == 4 && scans.count() == 0, "but the one that was found first: {plan:#?}");
        }
    }
}
