//! When grants were last used, written down now and then.

use std::collections::{BTreeMap, HashMap};

use cordon_domain::{GrantId, Moment};

use crate::error::StoreError;
use crate::limits::{GRANT_USE_MS, GRANT_USES_MAX};
use crate::sql::{Session, values};

/// Uses since they were last written down.
#[derive(Default)]
pub(crate) struct GrantUses {
    written: HashMap<GrantId, Moment>,
    /// In the order of their names, so that two nodes that write the same ones do not wait for each other.
    waiting: BTreeMap<GrantId, Moment>,
}

impl GrantUses {
    pub(crate) fn note(&mut self, grants: &[GrantId], at: Moment) {
        for grant in grants {
            let written = self.written.get(grant);
            if written.is_none_or(|written| at.since_ms(*written) >= GRANT_USE_MS) {
                self.waiting.insert(*grant, at);
            }
        }
    }

    /// Writes down what waits, in the transaction of the events.
    pub(crate) async fn put(&mut self, session: &mut Session) -> Result<(), StoreError> {
        let put = "INSERT INTO grant_uses VALUES (?1, ?2) ON CONFLICT (grant_id)
                   DO UPDATE SET last_at = excluded.last_at WHERE grant_uses.last_at < excluded.last_at";
        for (grant, at) in std::mem::take(&mut self.waiting) {
            session.execute(put, values![&grant.0, at.0]).await?;
            if self.written.len() >= GRANT_USES_MAX {
                self.written.clear();
            }
            self.written.insert(grant, at);
        }
        Ok(())
    }
}
