//! Tags: what somebody says of a version that is there.

use cordon_domain::{Action, Bucket, ObjectKey, VersionId};
use cordon_gate::act::Tag;
use cordon_gate::{Facts, Request};
use cordon_store::Change;
use cordon_store::entries::TAGGING;

use crate::error::VaultError;
use crate::limits::HEADERS_BYTES_MAX;
use crate::vault::{Vault, of_version};

impl Vault {
    /// Gives what a name leads to, or a version of it, other tags: as S3 writes them in a header, or none. Returns the version.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing.
    pub async fn tag(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
        tagging: Option<String>,
    ) -> Result<VersionId, VaultError> {
        let (entry, row) = self.found(bucket, key, version).await?;
        let others = entry.said.headers.iter().filter(|(name, _)| name != TAGGING);
        let said: usize = others.map(|(name, value)| name.len() + value.len()).sum();
        if said + tagging.as_ref().map_or(0, |tagging| TAGGING.len() + tagging.len()) > HEADERS_BYTES_MAX {
            return Err(VaultError::Bound("what is said beside an object has at most 8 KiB"));
        }
        let target = of_version(bucket.id, entry.version, row.label);
        let change = Change::Tag { bucket: bucket.id, version: entry.version, tagging };
        let facts = Facts { target, beside: change.beside(), action: Action::ObjectTag, ..asks.clone() };
        drop(self.gate.change(Request::<Tag>::new(facts), change).await?.spend());
        Ok(entry.version)
    }
}
