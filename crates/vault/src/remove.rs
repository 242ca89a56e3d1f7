//! Hiding an object, and deleting a version for ever.

use cordon_domain::{Bucket, Moment, ObjectKey, Record, VersionId, Versioning};
use cordon_gate::act::{Changes, Delete, Hide};
use cordon_gate::{Facts, Request};
use cordon_store::Change;
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::{Body, Entry, Mark};
use futures_util::StreamExt as _;

use crate::error::VaultError;
use crate::limits::{LEFT_MS, WRITE_TRIES_MAX};
use crate::put::Content;
use crate::vault::{Vault, of_version};

/// What came of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// There was nothing.
    Nothing,
    /// The name is hidden behind this mark.
    Hidden(VersionId),
    /// This version is gone, for ever.
    Deleted(VersionId),
    /// This mark is gone: what it hid is seen again.
    Shown(VersionId),
}

/// What is to be removed, and what it must be for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// The version; otherwise what the name leads to.
    pub version: Option<VersionId>,
    /// What it must be.
    pub is: Option<Content>,
    /// The second in which it must have been written.
    pub at_s: Option<i64>,
    /// How long it must be.
    pub bytes: Option<u64>,
}

impl From<Option<VersionId>> for Removal {
    fn from(version: Option<VersionId>) -> Self {
        Self { version, ..Self::default() }
    }
}

impl Removal {
    fn is_conditional(&self) -> bool {
        self.is.is_some() || self.at_s.is_some() || self.bytes.is_some()
    }

    fn holds(&self, entry: &Entry) -> Result<(), VaultError> {
        let is = self.is.as_ref().is_none_or(|content| content.is(Some(entry)));
        let at = self.at_s.is_none_or(|at| at == entry.said.at.0.div_euclid(1000));
        match is && at && self.bytes.is_none_or(|bytes| bytes == entry.said.bytes) {
            true => Ok(()),
            false => Err(VaultError::Precondition("the object is another than was asked to be removed")),
        }
    }
}

impl Vault {
    /// Hides what a name leads to, or deletes it where earlier versions are not kept; or deletes a version that is named.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing; [`VaultError::Precondition`] when it is another than it must be, to
    /// whoever may remove it.
    pub async fn remove(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        key: &ObjectKey,
        removal: impl Into<Removal>,
    ) -> Result<Removed, VaultError> {
        let (mut bucket, removal) = (bucket.clone(), removal.into());
        let mut outcome = Err(VaultError::Conflict("the name leads elsewhere all the time".to_owned()));
        for _ in 0..WRITE_TRIES_MAX {
            outcome = self.remove_once(asks, &bucket, key, &removal).await;
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
            bucket = self.again(&bucket).await?;
        }
        outcome
    }

    async fn remove_once(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        key: &ObjectKey,
        removal: &Removal,
    ) -> Result<Removed, VaultError> {
        let Some((entry, row)) = self.reader.entry(&self.keys, (bucket.id, key), removal.version).await? else {
            return Ok(Removed::Nothing);
        };
        let is_mark = row.is_none();
        let label = row.map_or_else(|| entry.hidden_label().join(&bucket.label), |row| row.label);
        let facts = Facts { target: of_version(bucket.id, entry.version, label), ..asks.clone() };
        let (bucket_id, gone, from) = (bucket.id, entry.version, vec![Record::Bucket(Box::new(bucket.clone()))]);
        match (removal.version, bucket.versioning) {
            (None, Versioning::On) if is_mark => {
                // Whether it is hidden already is said to whoever may hide it.
                self.gate.admit(&Request::<Hide>::new(facts)).await?;
                removal.holds(&entry).map(|()| Removed::Hidden(gone))
            }
            (None, Versioning::On) => {
                // What is written behind a mark begins anew, under no embargo.
                self.may_be_followed(entry.version, asks)?;
                let mark = Mark {
                    version: VersionId::drawn_at(asks.at, &mut SystemEntropy),
                    at: asks.at,
                    by: asks.actor.principal,
                };
                let change = Change::Hide { bucket: bucket_id, key: key.clone(), version: gone, mark, from };
                self.change::<Hide>(facts, (removal, &entry), change).await?;
                Ok(Removed::Hidden(mark.version))
            }
            (Some(_), _) | (None, Versioning::Off) => {
                let change = Change::Delete { bucket: bucket_id, version: gone, from };
                self.change::<Delete>(facts, (removal, &entry), change).await?;
                self.forget(&entry).await;
                Ok(if is_mark { Removed::Shown(gone) } else { Removed::Deleted(gone) })
            }
        }
    }

    /// Removes sealed bytes to which nothing leads, because whoever wrote them ended before a name did. Returns how many files.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unavailable`] when they cannot be listed or removed.
    pub async fn sweep(&self, now: Moment) -> Result<u64, VaultError> {
        self.end_late_uploads(now).await;
        let mut removed = 0;
        let mut older = self.blobs.older(now.plus_ms(-LEFT_MS));
        while let Some(file) = older.next().await {
            let (version, path) = file?;
            if !self.blobs.is_read(version) && !self.reader.is_led_to(version).await? {
                self.blobs.remove_file(&path).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// That it is another than it must be is said to whoever may remove it, and to nobody else.
    async fn change<A: Changes>(
        &self,
        facts: Facts,
        (removal, entry): (&Removal, &Entry),
        change: Change,
    ) -> Result<(), VaultError> {
        let request = Request::<A>::new(facts);
        if removal.is_conditional() {
            self.gate.admit(&request).await?;
            removal.holds(entry)?;
        }
        drop(self.gate.change(request, change).await?.spend());
        Ok(())
    }

    /// Removes the bytes of a version that is gone.
    async fn forget(&self, entry: &Entry) {
        if entry.said.body == Body::Files {
            self.blobs.remove_all(entry.version, entry.said.files).await;
        }
    }

    /// Removes the bytes of a version that another took the place of. Whoever reads it reads it to its end.
    pub(crate) async fn forget_replaced(&self, bucket: &Bucket, entry: &Entry) {
        if bucket.versioning == Versioning::Off && entry.said.body == Body::Files {
            self.blobs.remove_unread(entry.version, entry.said.files).await;
        }
    }
}
