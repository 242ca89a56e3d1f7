//! Records as the log tells them: what the tables say can be checked against it.

use cordon_domain::{Moment, RecordKey, Roster, Step, Steps};
use cordon_ledger::entry::{EventKey, Succession, key_version, open};
use cordon_ledger::hash::Hash;

use crate::error::StoreError;
use crate::installation::Installation;
use crate::limits::REBUILD_ENTRIES;

/// What the log tells.
#[derive(Clone, Debug, Default)]
pub struct Rebuilt {
    /// The records at that moment.
    pub roster: Roster,
    /// Entries that were read.
    pub entries: u64,
    /// Of them, those that changed records.
    pub changes: u64,
    /// The latest moment of a change so far.
    last: Option<Moment>,
}

impl Installation {
    /// Builds the records of a moment again, from nothing but the log. Events that have no position yet are not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when an event, or what stands beside it, is not what it was.
    pub async fn rebuild(&self, at: Moment) -> Result<Rebuilt, StoreError> {
        let (mut rebuilt, keys) = (Rebuilt::default(), self.keys().event_keys()?);
        loop {
            let entries = self.reader().entries(rebuilt.entries, REBUILD_ENTRIES).await?;
            for entry in &entries {
                self.fold(&mut rebuilt, &keys, entry, at).await?;
                rebuilt.entries += 1;
            }
            if entries.len() < REBUILD_ENTRIES {
                return Ok(rebuilt);
            }
        }
    }

    async fn fold(&self, rebuilt: &mut Rebuilt, keys: &[EventKey], entry: &[u8], at: Moment) -> Result<(), StoreError> {
        if Succession::read(entry).is_some() {
            return Ok(());
        }
        let key = keys.iter().find(|key| Some(key.version()) == key_version(entry));
        let key = key.ok_or_else(|| StoreError::Integrity("the key of an event is not here".to_owned()))?;
        let event = open(entry, key, |_| None)?.event;
        if !event.changes_records() {
            return Ok(());
        }
        // As the tables tell moments: never before that of an earlier change.
        let moment = rebuilt.last.map_or(event.at, |last| event.at.max(last));
        rebuilt.last = Some(moment);
        if moment > at {
            return Ok(());
        }
        rebuilt.changes += 1;
        if event.action.changes_records() {
            let stated = event.payload.as_ref();
            let stated =
                stated.ok_or_else(|| StoreError::Integrity("an event does not say what it changed".to_owned()))?;
            let beside = self.reader().payload(self.keys(), Hash::leaf(entry).0, stated).await?;
            let unreadable = || StoreError::Integrity("what an event says of records cannot be read".to_owned());
            let steps = Steps::decoded(&beside).ok_or_else(unreadable)?;
            steps.0.into_iter().for_each(|step| rebuilt.roster.apply(step));
        }
        if let Some(approval) = event.approval {
            rebuilt.roster.apply(Step::End(RecordKey::Ask(approval)));
        }
        Ok(())
    }
}
