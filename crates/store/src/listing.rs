//! Lists: what names lead to, each with its label; and all versions of each name.

use cordon_domain::{BucketId, Label};

use crate::entries::{Body, Entry};
use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::labels::readable;
use crate::limits::LIST_ROWS_MAX;
use crate::read::Reader;
use crate::rows::ObjectRow;
use crate::sql::{Row, Session, values};

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
    /// `names_max` names are looked at, and no more than [`LIST_ROWS_MAX`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn list(
        &self,
        keys: &Keyring,
        bucket: BucketId,
        listing: &Listing,
        names_max: u64,
    ) -> Result<Looked, StoreError> {
        let names_max = names_max.min(LIST_ROWS_MAX);
        let mut session = self.session().await?;
        // Without it, SQLite walks through earlier versions, too.
        let by = if session.is_postgres() { "" } else { "INDEXED BY entries_latest" };
        let select = format!(
            "SELECT {}, {SHREDDED} FROM entries {by} WHERE bucket = ?1 AND latest = 1 AND key >= ?2
             ORDER BY key LIMIT ?3",
            Entry::COLUMNS,
        );
        let start = listing.start.as_str().max(&listing.prefix);
        let rows = session.query(&select, values![&bucket.0, start, names_max]).await?;
        let mut looked = Looked { found: Vec::with_capacity(rows.len()), names: rows.len(), next: None };
        let mut last = None;
        for row in rows {
            let entry = Entry::read(&row, keys.rows())?;
            if !entry.key.as_str().starts_with(&listing.prefix) {
                return Ok(looked);
            }
            last = Some(behind(entry.key.as_str()));
            if entry.said.body != Body::None
                && let Some(label) = label_of(&mut session, keys, (&row, &entry)).await?
            {
                looked.found.push((entry, label));
            }
        }
        looked.next = last.filter(|_| looked.names as u64 == names_max);
        Ok(looked)
    }

    /// Returns versions of names, in the order of the names and the newest of each first, each with its label; of the first name
    /// only those below a number, if one is given. A mark has the label of the version that it hid. At most [`LIST_ROWS_MAX`]
    /// versions are looked at, of at most `names_max` names.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn list_versions(
        &self,
        keys: &Keyring,
        bucket: BucketId,
        (listing, mut below): (&Listing, Option<u64>),
        names_max: u64,
    ) -> Result<LookedVersions, StoreError> {
        let mut session = self.session().await?;
        let mut looked = LookedVersions { found: Vec::new(), rows: 0, next: None };
        let by = if session.is_postgres() { "" } else { "INDEXED BY entries_latest" };
        // Each name leads somewhere now, if only to a mark.
        let select = format!(
            "SELECT key FROM entries {by} WHERE bucket = ?1 AND latest = 1 AND key >= ?2 ORDER BY key LIMIT ?3"
        );
        let start = listing.start.as_str().max(&listing.prefix);
        let names = session.query(&select, values![&bucket.0, start, names_max]).await?;
        let full = names.len() as u64 == names_max;
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

impl Reader {
    /// Tells whether a mark was put on a name after a version was written, whatever was written since.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn is_behind_mark(&self, keys: &Keyring, version: &Entry) -> Result<bool, StoreError> {
        let mut session = self.session().await?;
        let select = format!(
            "SELECT {} FROM entries WHERE bucket = ?1 AND key = ?2 AND number > ?3 ORDER BY number LIMIT {LIST_ROWS_MAX}",
            Entry::COLUMNS
        );
        let rows =
            session.query(&select, values![&version.bucket.0, version.key.as_str(), version.number as i64]).await?;
        // So many later versions that not all were looked at: better it counts as hidden.
        let many = rows.len() as u64 == LIST_ROWS_MAX;
        for row in rows {
            if Entry::read(&row, keys.rows())?.said.body == Body::None {
                return Ok(true);
            }
        }
        Ok(many)
    }
}

/// The newest versions of a name that are below a number, each with its label; how many were looked at, and the number of the
/// last.
async fn versions_of(
    session: &mut Session,
    keys: &Keyring,
    (bucket, name): (BucketId, &str),
    (below, most): (Option<u64>, u64),
) -> Result<(Vec<(Entry, Label)>, u64, Option<u64>), StoreError> {
    let below = below.map_or(i64::MAX, |below| below as i64);
    let select = format!(
        "SELECT {}, {SHREDDED} FROM entries WHERE bucket = ?1 AND key = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4",
        Entry::COLUMNS,
    );
    let rows = session.query(&select, values![&bucket.0, name, below, most]).await?;
    let (count, mut last, mut found) = (rows.len() as u64, None, Vec::with_capacity(rows.len()));
    for row in rows {
        let entry = Entry::read(&row, keys.rows())?;
        last = Some(entry.number);
        let label = match entry.said.body {
            Body::None => Some(entry.hidden_label()),
            Body::Row | Body::Files => label_of(session, keys, (&row, &entry)).await?,
        };
        found.extend(label.map(|label| (entry, label)));
    }
    Ok((found, count, last))
}

/// The label of a version that has bytes, unless it was shredded. In rows from before the eleventh format it does not stand.
async fn label_of(
    session: &mut Session,
    keys: &Keyring,
    (row, entry): (&Row, &Entry),
) -> Result<Option<Label>, StoreError> {
    match &entry.label {
        _ if row.int(SHREDDED_COLUMN)? > 0 => Ok(None),
        Some(label) => Ok(Some(label.clone())),
        None => {
            let select = format!("SELECT {} FROM objects WHERE version = ?1", ObjectRow::COLUMNS);
            let Some(row) = session.first(&select, values![&entry.version.0]).await? else { return Ok(None) };
            readable(entry.version, ObjectRow::label(&row, keys.rows())?.0).map(Some)
        }
    }
}

/// Behind the columns of an entry: what is shredded stays so, whatever row stands there again.
const SHREDDED: &str = "(SELECT count(*) FROM shredded WHERE shredded.version = entries.version)";
const SHREDDED_COLUMN: usize = 8;

/// What a look at versions found.
#[derive(Clone, Debug)]
pub struct LookedVersions {
    /// Versions, each with its label; a mark with that of what it hid.
    pub found: Vec<(Entry, Label)>,
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

/// The least name behind another: no name has a zero in it.
#[must_use]
pub fn behind(name: &str) -> String {
    format!("{name}\u{1}")
}
