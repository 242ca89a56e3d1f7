//! Lists: what names lead to, each with its label; and all versions of each name.

use cordon_domain::{BucketId, Label, VersionId};

use crate::entries::{Body, Entry};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::labels::readable;
use crate::limits::LIST_ROWS_MAX;
use crate::read::Reader;
use crate::rows::ObjectRow;
use crate::sql::{Cell, Row, Session, values};
use crate::state::NOT_SHREDDED;

/// Which names are listed.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Those that begin with this.
    pub prefix: String,
    /// From this one on.
    pub start: String,
}

impl Reader {
    /// Returns what names lead to now, in their order, each with its label; those that are hidden are passed over. At most
    /// [`LIST_ROWS_MAX`] names are looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn list(&self, keys: &Keyring, bucket: BucketId, listing: &Listing) -> Result<Looked, StoreError> {
        let mut session = self.session().await?;
        // Without it, SQLite walks through earlier versions, too.
        let by = if session.is_postgres() { "" } else { "INDEXED BY entries_latest" };
        let select = format!(
            "SELECT {}, {} FROM (
                 SELECT {} FROM entries {by} WHERE bucket = ?1 AND latest = 1 AND key >= ?2 ORDER BY key LIMIT {LIST_ROWS_MAX}
             ) AS entries LEFT JOIN objects ON objects.version = entries.version AND {NOT_SHREDDED}
             ORDER BY entries.key",
            columns("entries", Entry::COLUMNS),
            columns("objects", ObjectRow::COLUMNS),
            Entry::COLUMNS,
        );
        let start = listing.start.as_str().max(&listing.prefix);
        let rows = session.query(&select, values![&bucket.0, start]).await?;
        let mut looked = Looked { found: Vec::with_capacity(rows.len()), names: rows.len(), next: None };
        let mut last = None;
        for mut row in rows {
            let object = Row(row.0.split_off(ENTRY_COLUMNS));
            let entry = Entry::read(&row, keys.rows())?;
            if !entry.key.as_str().starts_with(&listing.prefix) {
                return Ok(looked);
            }
            last = Some(behind(entry.key.as_str()));
            if entry.said.body != Body::None && !matches!(object.0.first(), Some(Cell::Null)) {
                let label = readable(entry.version, ObjectRow::label(&object, keys.rows())?.0)?;
                looked.found.push((entry, label));
            }
        }
        looked.next = last.filter(|_| looked.names as u64 == LIST_ROWS_MAX);
        Ok(looked)
    }

    /// Returns versions of names, in the order of the names and the newest of each first, each with its label; of the first name
    /// only those below a number, if one is given. A mark has the label of the version that it hides, if that is there. At most
    /// [`LIST_ROWS_MAX`] versions are looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn list_versions(
        &self,
        keys: &Keyring,
        bucket: BucketId,
        (listing, mut below): (&Listing, Option<u64>),
    ) -> Result<LookedVersions, StoreError> {
        let mut session = self.session().await?;
        let mut looked = LookedVersions { found: Vec::new(), rows: 0, next: None };
        let by = if session.is_postgres() { "" } else { "INDEXED BY entries_latest" };
        // Each name leads somewhere now, if only to a mark.
        let select = format!(
            "SELECT key FROM entries {by} WHERE bucket = ?1 AND latest = 1 AND key >= ?2 ORDER BY key LIMIT {LIST_ROWS_MAX}"
        );
        let start = listing.start.as_str().max(&listing.prefix);
        let names = session.query(&select, values![&bucket.0, start]).await?;
        let full = names.len() as u64 == LIST_ROWS_MAX;
        for row in names {
            let name = row.text(0)?.to_owned();
            if !name.starts_with(&listing.prefix) {
                return Ok(looked);
            }
            let below = if name == listing.start { below.take() } else { None };
            let room = LIST_ROWS_MAX - looked.rows;
            let (found, rows, last) = versions_of(&mut session, keys, (bucket, &name), (below, room)).await?;
            looked.found.extend(found);
            looked.rows += rows;
            if rows == room {
                looked.next = Some((name, last));
                return Ok(looked);
            }
            looked.next = full.then(|| (behind(&name), None));
        }
        Ok(looked)
    }
}

/// The newest versions of a name that are below a number, each with its label; how many were looked at, and the number of the
/// last.
async fn versions_of(
    session: &mut Session,
    keys: &Keyring,
    (bucket, name): (BucketId, &str),
    (below, most): (Option<u64>, u64),
) -> Result<(Vec<(Entry, Option<Label>)>, u64, Option<u64>), StoreError> {
    let below = below.map_or(i64::MAX, |below| below as i64);
    let select = format!(
        "SELECT {}, {} FROM (
             SELECT {} FROM entries WHERE bucket = ?1 AND key = ?2 AND number < ?3 ORDER BY number DESC LIMIT {most}
         ) AS entries LEFT JOIN objects ON objects.version = entries.version AND {NOT_SHREDDED}
         ORDER BY entries.number DESC",
        columns("entries", Entry::COLUMNS),
        columns("objects", ObjectRow::COLUMNS),
        Entry::COLUMNS,
    );
    let mut found: Vec<(Entry, Option<Label>)> = Vec::new();
    let rows = session.query(&select, values![&bucket.0, name, below]).await?;
    let (count, mut last) = (rows.len() as u64, None);
    for mut row in rows {
        let object = Row(row.0.split_off(ENTRY_COLUMNS));
        let entry = Entry::read(&row, keys.rows())?;
        last = Some(entry.number);
        if entry.said.body == Body::None {
            found.push((entry, None));
        } else if !matches!(object.0.first(), Some(Cell::Null)) {
            let label = readable(entry.version, ObjectRow::label(&object, keys.rows())?.0)?;
            hides(&mut found, &label);
            found.push((entry, Some(label)));
        }
    }
    // What the last marks hide may be behind the end of what was looked at.
    if let (Some(number), true) = (last, count == most)
        && let Some(label) = newest_label(session, keys, (bucket, name), number).await?
    {
        hides(&mut found, &label);
    }
    Ok((found, count, last))
}

/// Gives the last marks the label of what they hide.
fn hides(found: &mut [(Entry, Option<Label>)], label: &Label) {
    let marks = found.iter_mut().rev().take_while(|(_, label)| label.is_none());
    marks.for_each(|(_, hidden)| *hidden = Some(label.clone()));
}

/// The label of the newest version of a name that is below a number.
async fn newest_label(
    session: &mut Session,
    keys: &Keyring,
    (bucket, name): (BucketId, &str),
    below: u64,
) -> Result<Option<Label>, StoreError> {
    let select = format!(
        "SELECT {} FROM entries JOIN objects ON objects.version = entries.version AND {NOT_SHREDDED}
         WHERE entries.bucket = ?1 AND key = ?2 AND number < ?3 ORDER BY number DESC LIMIT 1",
        columns("objects", ObjectRow::COLUMNS),
    );
    let Some(row) = session.first(&select, values![&bucket.0, name, below as i64]).await? else { return Ok(None) };
    readable(VersionId(row.array(0)?), ObjectRow::label(&row, keys.rows())?.0).map(Some)
}

/// The columns of a table, each with its name.
fn columns(table: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}

/// What a look at versions found.
#[derive(Clone, Debug)]
pub struct LookedVersions {
    /// Versions, each with its label; a mark with that of what it hides.
    pub found: Vec<(Entry, Option<Label>)>,
    /// How many were looked at.
    pub rows: u64,
    /// The name to go on from, and below which number of it, when there may be more.
    pub next: Option<(String, Option<u64>)>,
}

/// What a look at names found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What they lead to, each with its label.
    pub found: Vec<(Entry, Label)>,
    /// How many were looked at.
    pub names: usize,
    /// The name to go on from, when there may be more.
    pub next: Option<String>,
}

/// Columns that [`Entry::read`] wants.
const ENTRY_COLUMNS: usize = 7;

/// The least name behind another: no name has a zero in it.
#[must_use]
pub fn behind(name: &str) -> String {
    format!("{name}\u{1}")
}
