//! What is known of versions by looking into them: what waits for it, and what it holds.

use cordon_domain::{ContentDigest, Inspection, Original, VersionId};

use crate::entries::{Entry, by_version, set_said};
use crate::error::StoreError;
use crate::found::Found;
use crate::keyring::Keyring;
use crate::limits::INSPECTIONS_ROWS;
use crate::prints;
use crate::read::Reader;
use crate::sql::{Session, values};
use crate::state::object;

/// What was known of a version, and what is known from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// As it was decided on.
    pub from: Inspection,
    /// As it becomes.
    pub to: Inspection,
    /// By what copies of it are recognised from then on, if they are to be.
    pub original: Option<Original>,
    /// What its content is, veiled, where that was not known before.
    pub content: Option<ContentDigest>,
}

/// What versions are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that nobody has looked into yet.
    Pending = 1,
    /// Those that are held.
    Held = 2,
    /// Those that would be held, where their bucket observes what is found.
    Observed = 3,
}

/// Where [`Entry::COLUMNS`] names the version.
const VERSION_COLUMN: usize = 3;

/// The column by which rows are found.
pub(crate) fn column(inspection: Option<&Inspection>) -> i64 {
    match inspection {
        Some(Inspection::Pending) => Wanted::Pending as i64,
        Some(Inspection::Done(inspected)) if inspected.is_held() => Wanted::Held as i64,
        Some(Inspection::Done(inspected)) if inspected.is_observed() => Wanted::Observed as i64,
        Some(Inspection::Done(_)) | None => 0,
    }
}

/// Writes down what is known of a version.
pub(crate) async fn look(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
    look: Look,
) -> Result<(), StoreError> {
    let entry = by_version(session, keys, version).await?;
    let mut entry = entry
        .filter(|entry| entry.said.inspection.as_ref() == Some(&look.from))
        .ok_or_else(|| StoreError::Conflict(format!("{version} is gone, or somebody looked into it meanwhile")))?;
    entry.said.weights = entry.said.is_weights() || look.to.found_weights();
    entry.said.content = entry.said.content.or(look.content);
    let settles = look.from == Inspection::Pending;
    entry.said.inspection = Some(look.to);
    set_said(session, keys, &entry).await?;
    match look.original {
        Some(known) => prints::keep(session, keys, version, &known).await,
        // It was taken for an original before anybody looked, and is none.
        None if settles => prints::forget_content(session, version).await,
        None => Ok(()),
    }
}

/// Versions that were looked for.
pub struct Page {
    /// Those that could be read.
    pub found: Vec<Found>,
    /// From behind which one it goes on; nothing at the end.
    pub next: Option<VersionId>,
}

/// A version with its name.
pub(crate) async fn found(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
) -> Result<Option<Found>, StoreError> {
    let Some(entry) = by_version(session, keys, version).await? else { return Ok(None) };
    Ok(Some((entry, object(session, keys, version).await?)))
}

impl Reader {
    /// Returns versions that wait to be looked into, or are held, in the order of their identifiers from behind `after`; at most
    /// [`INSPECTIONS_ROWS`]. A row that was changed beside Cordon is passed over: what it is about is locked, and does not hold
    /// up the others.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn inspections(
        &self,
        keys: &Keyring,
        wanted: Wanted,
        after: Option<VersionId>,
    ) -> Result<Page, StoreError> {
        let mut session = self.session().await?;
        let select = format!(
            "SELECT {} FROM entries WHERE inspection > 0 AND inspection = ?1 AND version > ?2
             ORDER BY version LIMIT {INSPECTIONS_ROWS}",
            Entry::COLUMNS
        );
        let after = after.map_or(Vec::new(), |version| version.0.to_vec());
        let rows = session.query(&select, values![wanted as i64, &after]).await?;
        let last = rows.last().filter(|_| rows.len() as u64 == INSPECTIONS_ROWS);
        let next = last.map(|row| row.array(VERSION_COLUMN)).transpose()?.map(VersionId);
        let mut found = Vec::new();
        for row in rows {
            // The column is not under the MAC.
            let read = Entry::read(&row, keys.rows()).ok();
            let Some(entry) = read.filter(|entry| column(entry.said.inspection.as_ref()) == wanted as i64) else {
                continue;
            };
            match object(&mut session, keys, entry.version).await {
                Ok(row) => found.push((entry, row)),
                Err(StoreError::Integrity(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Page { found, next })
    }

    /// Counts versions that wait to be looked into. The column is not under a MAC: it is a number for whoever watches.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn pending(&self) -> Result<u64, StoreError> {
        let count = "SELECT count(*) FROM entries WHERE inspection > 0 AND inspection = ?1";
        Ok(self.session().await?.one(count, values![Wanted::Pending as i64]).await?.count(0)?)
    }

    /// Returns the first and the last version that nobody has looked into, in their order; nothing where none waits.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn waiting(&self) -> Result<Option<(VersionId, VersionId)>, StoreError> {
        let end = |order| {
            format!(
                "(SELECT version FROM entries WHERE inspection > 0 AND inspection = ?1 ORDER BY version {order} LIMIT 1)"
            )
        };
        let select = format!("SELECT {}, {}", end("ASC"), end("DESC"));
        let row = self.session().await?.one(&select, values![Wanted::Pending as i64]).await?;
        let end = |column| row.maybe_bytes(column).map(|end| end.map(|_| row.array(column)));
        Ok(end(0)?.transpose()?.map(VersionId).zip(end(1)?.transpose()?.map(VersionId)))
    }

    /// Returns a version with its name, whatever else that leads to.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn version(&self, keys: &Keyring, version: VersionId) -> Result<Option<Found>, StoreError> {
        found(&mut *self.session().await?, keys, version).await
    }
}
