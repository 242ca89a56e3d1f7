//! What a destruction of keys leaves: a certificate, kept beside an event of the ledger.

use cordon_domain::id::hex;
use cordon_domain::{Moment, VersionId};
use cordon_gate::Recorded;
use cordon_keys::KeyRef;
use serde_json::{Value, json};

use crate::limits::CERTIFICATE_BACKUPS_MAX;

/// States what the shredding of one version destroyed, and what could still open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The version.
    pub version: VersionId,
    /// The version of the key that wrapped its data key, which is destroyed.
    pub destroyed: KeyRef,
    /// The event that deleted the wrap; `None` when an earlier run recorded it and no node has published it yet.
    pub recorded: Option<Recorded>,
    /// Other data keys that this run wrapped anew.
    pub rewrapped: u64,
    /// Data backups that may still hold the wrap, by when they were made. Worth nothing without the destroyed key.
    pub data_backups: Vec<Moment>,
    /// Until when a backup of the key store that holds the destroyed key may still exist; `None` when there is none.
    pub could_be_opened_until: Option<Moment>,
}

impl Certificate {
    /// Writes the certificate as it stands beside its event: JSON, schema `cordon-shred-1`, times in UTC.
    #[must_use]
    pub fn json(&self) -> Value {
        let time = |at: &Moment| jiff::Timestamp::from_millisecond(at.0).map(|time| time.to_string()).ok();
        let newest = self.data_backups.iter().rev().take(CERTIFICATE_BACKUPS_MAX);
        json!({
            "schema": "cordon-shred-1",
            "version": self.version.to_string(),
            "destroyed": self.destroyed.to_string(),
            "event": self.recorded.and_then(|recorded| recorded.position),
            "leaf": self.recorded.map(|recorded| hex(&recorded.leaf_hash)),
            "rewrapped": self.rewrapped,
            "data_backups": self.data_backups.len(),
            "newest_data_backups": newest.filter_map(time).collect::<Vec<_>>(),
            "could_be_opened_until": self.could_be_opened_until.as_ref().and_then(time),
        })
    }
}
