//! Keeps what decisions rest on up with the database.

use std::sync::Arc;

use cordon_domain::Moment;
use cordon_gate::Epoch;
use cordon_policy::{Policies, Snapshot, Unlisted};

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::read::Reader;

/// Keeps [`Policies`] up with the database.
#[derive(Clone)]
pub struct Follower {
    reader: Reader,
    keys: Arc<Keyring>,
    policies: Arc<Policies>,
}

impl Follower {
    /// Reads what decisions rest on. What is not whole is no error: then everything is denied, but what the person at the
    /// machine does to mend it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn begin(reader: Reader, keys: Arc<Keyring>, unlisted: Option<Unlisted>) -> Result<Self, StoreError> {
        let policies = match snapshot(&reader, &keys, None).await {
            Ok(snapshot) => Policies::new(snapshot, unlisted),
            Err(StoreError::Integrity(reason)) => Policies::locked(reason, unlisted),
            Err(error) => return Err(error),
        };
        Ok(Self { reader, keys, policies: Arc::new(policies) })
    }

    /// Returns what decides.
    #[must_use]
    pub const fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// Brings it up to the present epoch. When that cannot be read, decisions go on and are refused where they are
    /// recorded: the epoch is checked there. Tells whether it is up to date, or nothing is decided any more.
    pub async fn catch_up(&self) -> bool {
        let Ok(epoch) = self.reader.epoch(&self.keys).await else { return false };
        let known = self.policies.snapshot().ok();
        if known.as_ref().is_some_and(|known| known.epoch >= epoch) {
            return true;
        }
        match snapshot(&self.reader, &self.keys, known.as_deref()).await {
            Ok(snapshot) => self.policies.replace(snapshot),
            Err(StoreError::Integrity(reason)) => self.policies.lock(reason),
            Err(_) => return false,
        }
        true
    }

    /// Returns what decisions rested on at a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row of that time was changed beside Cordon, or its policies cannot be read.
    pub async fn as_of(&self, at: Moment) -> Result<Snapshot, StoreError> {
        let records = self.reader.records_as_of(&self.keys, at).await?;
        if let Some(key) = records.locked.first() {
            return Err(StoreError::Integrity(format!(
                "the row of {key} was changed beside Cordon: what was then is not known"
            )));
        }
        Snapshot::new(records.roster, Epoch::ANY).map_err(unreadable)
    }
}

async fn snapshot(reader: &Reader, keys: &Keyring, known: Option<&Snapshot>) -> Result<Snapshot, StoreError> {
    let (records, epoch) = reader.records(keys).await?;
    let snapshot = match known {
        Some(known) => known.next(records.roster, epoch),
        None => Snapshot::new(records.roster, epoch),
    };
    Ok(snapshot.map_err(unreadable)?.with_locked(records.locked))
}

fn unreadable(error: cordon_policy::PolicyError) -> StoreError {
    StoreError::Integrity(format!("the organisation's policies cannot be used: {error}"))
}
