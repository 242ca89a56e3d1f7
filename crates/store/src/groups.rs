//! How a bucket is grouped by what policies can see of its versions: each row is checked, those of a large bucket by
//! several workers, each with a share of the versions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cordon_domain::{BucketId, Label, Moment, VersionId};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::labels::{PastLabel, began};
use crate::limits::{COPY_ROWS, READ_TRIES, READERS_MAX};
use crate::read::Reader;
use crate::rows::{ObjectRow, Stamp};
use crate::sql::{Row, Session, values};
use crate::state::NOT_SHREDDED;

/// Labels by how they are written, each with how many versions have it.
#[derive(Default)]
struct Groups(HashMap<Vec<u8>, (Label, u64)>);

/// What of a bucket: the labels that its versions have, or of these those that they had at a moment.
#[derive(Clone, Copy)]
struct Within {
    bucket: BucketId,
    at: Option<Moment>,
}

/// Versions behind one (`None`: all), up to another.
#[derive(Clone, Copy)]
struct Share {
    behind: Option<VersionId>,
    last: VersionId,
}

const LAST: VersionId = VersionId([0xff; 16]);

impl Reader {
    /// Returns the labels in a bucket, now or at a moment before, each with how many versions have it, once their rows are
    /// whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon; [`StoreError::Unknown`] when it is not known since when
    /// a version has its label; [`StoreError::Conflict`] when labels change all the time.
    pub async fn label_groups(
        &self,
        keys: &Arc<Keyring>,
        bucket: BucketId,
        at: Option<Moment>,
    ) -> Result<Vec<(Label, u64)>, StoreError> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let within = Within { bucket, at };
        let Some(at) = at else { return Ok(self.groups_by(workers, keys, within).await?.labels()) };
        for _ in 0..READ_TRIES {
            // A label that ends while this is read would be counted where it is and where it was.
            let before = self.past_count(bucket).await?;
            let mut groups = self.groups_by(workers, keys, within).await?;
            groups.add_past(&mut *self.session().await?, keys, bucket, at).await?;
            if self.past_count(bucket).await? == before {
                return Ok(groups.labels());
            }
        }
        Err(StoreError::Conflict(format!("labels in {bucket} change all the time: ask again")))
    }

    /// Counts labels that ended.
    async fn past_count(&self, bucket: BucketId) -> Result<u64, StoreError> {
        let count = "SELECT count(*) FROM past_labels WHERE bucket = ?1";
        Ok(self.session().await?.one(count, values![&bucket.0]).await?.count(0)?)
    }

    /// The labels now, by so many workers, of whom there are at most as there may be sessions.
    #[doc(hidden)]
    pub async fn label_groups_by(
        &self,
        workers: usize,
        keys: &Arc<Keyring>,
        bucket: BucketId,
    ) -> Result<Vec<(Label, u64)>, StoreError> {
        Ok(self.groups_by(workers, keys, Within { bucket, at: None }).await?.labels())
    }

    async fn groups_by(&self, workers: usize, keys: &Arc<Keyring>, within: Within) -> Result<Groups, StoreError> {
        let mut groups = Groups::default();
        let all = Share { behind: None, last: LAST };
        let first = groups.add(&mut *self.session().await?, keys, within, all).await?;
        if let Some(behind) = first {
            let last = last_version(&mut *self.session().await?, within.bucket).await?;
            let (here, stop) = (Handle::current(), Stop::default());
            let counted = shares(behind, last, workers.min(READERS_MAX)).map(|share| {
                let (reader, keys, here, stopped) = (self.clone(), Arc::clone(keys), here.clone(), Arc::clone(&stop.0));
                spawn_blocking(move || here.block_on(counted(&reader, &keys, within, share, &stopped)))
            });
            for counted in counted.collect::<Vec<_>>() {
                groups.merge(counted.await.map_err(|_| StoreError::Stopped)??);
            }
        }
        Ok(groups)
    }
}

/// Stops the workers when nobody waits for them any more.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Groups {
    /// Adds a page of a share. Returns the last version of it, when there may be more.
    async fn add(
        &mut self,
        session: &mut Session,
        keys: &Keyring,
        within: Within,
        share: Share,
    ) -> Result<Option<VersionId>, StoreError> {
        let select = format!(
            "SELECT {} FROM objects WHERE bucket = ?1 AND version > ?2 AND version <= ?3 AND {NOT_SHREDDED}
             ORDER BY version LIMIT {COPY_ROWS}",
            ObjectRow::COLUMNS
        );
        let behind = share.behind.map_or_else(Vec::new, |behind| behind.0.to_vec());
        let (mut count, mut last) = (0, LAST);
        let mut each = |row: &Row| {
            (count, last) = (count + 1, VersionId(row.array(0)?));
            self.add_row(row, keys, within)
        };
        session.visit(&select, values![&within.bucket.0, &behind, &share.last.0], &mut each).await?;
        Ok((count == COPY_ROWS).then_some(last))
    }

    fn add_row(&mut self, row: &Row, keys: &Keyring, Within { bucket, at }: Within) -> Result<(), StoreError> {
        let (written, level) = ObjectRow::label(row, keys.rows())?;
        if let Some(at) = at
            && began(VersionId(row.array(0)?), Stamp::read(row, 8)?)? > at
        {
            return Ok(());
        }
        let changed = || StoreError::Integrity(format!("a label in {bucket} was changed beside Cordon"));
        // The column that rows are selected by is not under the MAC, but what it repeats is.
        let own = |label: &Label| i64::from(label.level.number()) == level;
        self.count(written).filter(|label| own(label)).map(drop).ok_or_else(changed)
    }

    /// Counts one more, and returns its label, if it can be read.
    fn count(&mut self, written: &[u8]) -> Option<&Label> {
        if !self.0.contains_key(written) {
            self.0.insert(written.to_vec(), (minicbor::decode(written).ok()?, 0));
        }
        let (label, count) = self.0.get_mut(written)?;
        *count += 1;
        Some(label)
    }

    /// Adds the labels that versions had at a moment, and have no more.
    async fn add_past(
        &mut self,
        session: &mut Session,
        keys: &Keyring,
        bucket: BucketId,
        at: Moment,
    ) -> Result<(), StoreError> {
        let select = format!(
            "SELECT {} FROM past_labels WHERE bucket = ?1 AND (version, ended) > (?2, ?3)
             ORDER BY version, ended LIMIT {COPY_ROWS}",
            PastLabel::COLUMNS
        );
        let mut behind = (Vec::new(), Vec::new());
        loop {
            let rows = session.query(&select, values![&bucket.0, &behind.0, &behind.1]).await?;
            for row in &rows {
                let past = PastLabel::read(row, keys.rows())?;
                if let Some(label) = past.at(at)? {
                    let unreadable = || StoreError::Integrity(format!("a label in {bucket} cannot be read"));
                    self.count(label).ok_or_else(unreadable)?;
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() as u64 == COPY_ROWS) else { return Ok(()) };
            behind = (last.bytes(0)?.to_vec(), last.bytes(1)?.to_vec());
        }
    }

    fn labels(self) -> Vec<(Label, u64)> {
        self.0.into_values().collect()
    }

    fn merge(&mut self, other: Self) {
        for (written, (label, count)) in other.0 {
            self.0.entry(written).or_insert((label, 0)).1 += count;
        }
    }
}

/// Cuts what lies behind one version into as many shares as there are workers, alike in breadth: as identifiers begin with a time, each
/// has the versions of a time as long.
fn shares(behind: VersionId, last: VersionId, workers: usize) -> impl Iterator<Item = Share> {
    let (from, to) = (u128::from_be_bytes(behind.0), u128::from_be_bytes(last.0));
    let breadth = to.saturating_sub(from) / workers.max(1) as u128;
    let cut = move |number: usize| VersionId((from + breadth * number as u128).to_be_bytes());
    (0..workers).map(move |number| Share {
        behind: Some(cut(number)),
        last: if number + 1 == workers { LAST } else { cut(number + 1) },
    })
}

async fn counted(
    reader: &Reader,
    keys: &Keyring,
    within: Within,
    mut share: Share,
    stopped: &AtomicBool,
) -> Result<Groups, StoreError> {
    let mut groups = Groups::default();
    while !stopped.load(Ordering::Relaxed) {
        let last = groups.add(&mut *reader.session().await?, keys, within, share).await?;
        let Some(last) = last else { return Ok(groups) };
        share.behind = Some(last);
    }
    Err(StoreError::Stopped)
}

async fn last_version(session: &mut Session, bucket: BucketId) -> Result<VersionId, StoreError> {
    let select = "SELECT version FROM objects WHERE bucket = ?1 ORDER BY version DESC LIMIT 1";
    let found = session.first(select, values![&bucket.0]).await?;
    found.map_or(Ok(LAST), |row| Ok(VersionId(row.array(0)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_nothing_out_and_share_nothing() {
        let id = |number: u128| VersionId(number.to_be_bytes());
        for (behind, last) in [(0, u128::MAX), (5, 5), (5, 6), (u128::MAX - 1, u128::MAX), (7, 3), (1 << 90, 1 << 100)]
        {
            for workers in 1..=5 {
                let shares: Vec<Share> = shares(id(behind), id(last), workers).collect();
                assert_eq!(shares.len(), workers);
                assert_eq!(shares[0].behind, Some(id(behind)));
                assert_eq!(shares[workers - 1].last, LAST);
                let follows = |pair: &[Share]| pair[1].behind == Some(pair[0].last) && pair[0].last < LAST;
                assert!(shares.windows(2).all(follows), "{behind} {last} {workers}");
            }
        }
    }
}
