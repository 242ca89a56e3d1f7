//! How a bucket is grouped by what policies can see of its versions: each row is checked, those of a large bucket by
//! several workers, each with a share of the versions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cordon_domain::{BucketId, Label, VersionId};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::{COPY_ROWS, READERS_MAX};
use crate::read::Reader;
use crate::rows::ObjectRow;
use crate::sql::{Row, Session, values};
use crate::state::NOT_SHREDDED;

/// Labels by how they are written, each with how many versions have it.
#[derive(Default)]
struct Groups(HashMap<Vec<u8>, (Label, u64)>);

/// Versions behind one (`None`: all), up to another.
#[derive(Clone, Copy)]
struct Share {
    behind: Option<VersionId>,
    last: VersionId,
}

const LAST: VersionId = VersionId([0xff; 16]);

impl Reader {
    /// Returns the labels in a bucket, each with how many versions have it, once their rows are whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn label_groups(&self, keys: &Arc<Keyring>, bucket: BucketId) -> Result<Vec<(Label, u64)>, StoreError> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.label_groups_by(workers, keys, bucket).await
    }

    /// The same by so many workers, of whom there are at most as there may be sessions.
    #[doc(hidden)]
    pub async fn label_groups_by(
        &self,
        workers: usize,
        keys: &Arc<Keyring>,
        bucket: BucketId,
    ) -> Result<Vec<(Label, u64)>, StoreError> {
        let mut groups = Groups::default();
        let all = Share { behind: None, last: LAST };
        let first = groups.add(&mut *self.session().await?, keys, bucket, all).await?;
        if let Some(behind) = first {
            let last = last_version(&mut *self.session().await?, bucket).await?;
            let (here, stop) = (Handle::current(), Stop::default());
            let counted = shares(behind, last, workers.min(READERS_MAX)).map(|share| {
                let (reader, keys, here, stopped) = (self.clone(), Arc::clone(keys), here.clone(), Arc::clone(&stop.0));
                spawn_blocking(move || here.block_on(counted(&reader, &keys, bucket, share, &stopped)))
            });
            for counted in counted.collect::<Vec<_>>() {
                groups.merge(counted.await.map_err(|_| StoreError::Stopped)??);
            }
        }
        Ok(groups.0.into_values().collect())
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
        bucket: BucketId,
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
            self.add_row(row, keys, bucket)
        };
        session.visit(&select, values![&bucket.0, &behind, &share.last.0], &mut each).await?;
        Ok((count == COPY_ROWS).then_some(last))
    }

    fn add_row(&mut self, row: &Row, keys: &Keyring, bucket: BucketId) -> Result<(), StoreError> {
        let (written, level) = ObjectRow::label(row, keys.rows())?;
        let changed = || StoreError::Integrity(format!("a label in {bucket} was changed beside Cordon"));
        if !self.0.contains_key(written) {
            let label = minicbor::decode(written).map_err(|_| changed())?;
            self.0.insert(written.to_vec(), (label, 0));
        }
        // The column that rows are selected by is not under the MAC, but what it repeats is.
        let known = self.0.get_mut(written).filter(|(label, _)| i64::from(label.level.number()) == level);
        known.ok_or_else(changed)?.1 += 1;
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (written, (label, count)) in other.0 {
            self.0.entry(written).or_insert((label, 0)).1 += count;
        }
    }
}

/// Cuts what lies behind one version into as many shares as there are workers, alike in breadth: identifiers are random.
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
    bucket: BucketId,
    mut share: Share,
    stopped: &AtomicBool,
) -> Result<Groups, StoreError> {
    let mut groups = Groups::default();
    while !stopped.load(Ordering::Relaxed) {
        let last = groups.add(&mut *reader.session().await?, keys, bucket, share).await?;
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
