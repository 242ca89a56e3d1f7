//! Records and labels as the log tells them: what the tables say can be checked against it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cordon_domain::{Action, BucketId, Event, Label, Moment, RecordKey, Roster, Step, Steps, Target, VersionId};
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
    /// The labels of versions at that moment.
    labels: HashMap<VersionId, Held>,
    /// Each label once.
    known: HashSet<Arc<Label>>,
}

/// A label that a version has; none once it is gone.
#[derive(Clone, Debug)]
struct Held {
    bucket: BucketId,
    label: Option<Arc<Label>>,
    since: Moment,
}

/// Of which versions the labels are told, beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Of none.
    None,
    /// Of one.
    One(VersionId),
    /// Of all in a bucket.
    Of(BucketId),
}

impl Versions {
    fn hold(self, target: &Target) -> bool {
        match self {
            Self::None => false,
            Self::One(version) => target.version == Some(version),
            Self::Of(bucket) => target.bucket == Some(bucket),
        }
    }
}

impl Rebuilt {
    /// Returns versions, each with its bucket and its label.
    pub fn labels(&self) -> impl Iterator<Item = (VersionId, BucketId, &Label)> {
        self.labels.iter().filter_map(|(version, held)| Some((*version, held.bucket, held.label.as_deref()?)))
    }

    /// Gives a version a label, or none, unless that came after `at`.
    fn hold(&mut self, (version, bucket): (VersionId, BucketId), label: Option<Label>, (since, at): (Moment, Moment)) {
        let label = label.map(|label| match self.known.get(&label) {
            Some(known) => Arc::clone(known),
            None => {
                let label = Arc::new(label);
                self.known.insert(Arc::clone(&label));
                label
            }
        });
        let held = self.labels.entry(version).or_insert(Held { bucket, label: None, since });
        // As the tables tell moments: never before that of the label before it.
        held.since = held.since.max(since);
        if held.since <= at {
            held.label = label;
        }
    }
}

impl Installation {
    /// Builds the records of a moment again, and the labels of versions, from nothing but the log. Events that have no
    /// position yet are not in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when an event, or what stands beside it, is not what it was.
    pub async fn rebuild(&self, at: Moment, versions: Versions) -> Result<Rebuilt, StoreError> {
        let (mut rebuilt, keys) = (Rebuilt::default(), self.keys().event_keys()?);
        loop {
            let entries = self.reader().entries(rebuilt.entries, REBUILD_ENTRIES).await?;
            for entry in &entries {
                self.fold(&mut rebuilt, &keys, entry, (at, versions)).await?;
                rebuilt.entries += 1;
            }
            if entries.len() < REBUILD_ENTRIES {
                return Ok(rebuilt);
            }
        }
    }

    async fn fold(
        &self,
        rebuilt: &mut Rebuilt,
        keys: &[EventKey],
        entry: &[u8],
        (at, versions): (Moment, Versions),
    ) -> Result<(), StoreError> {
        if Succession::read(entry).is_some() {
            return Ok(());
        }
        let key = keys.iter().find(|key| Some(key.version()) == key_version(entry));
        let key = key.ok_or_else(|| StoreError::Integrity("the key of an event is not here".to_owned()))?;
        let event = open(entry, key, |_| None)?.event;
        if let Some(version) = event.changes_label() {
            if versions.hold(&event.target) {
                self.fold_label(rebuilt, version, (entry, &event), at).await?;
            }
            self.fold_replaced(rebuilt, (entry, &event), (at, versions)).await?;
        }
        if event.changes_records() { self.fold_records(rebuilt, entry, &event, at).await } else { Ok(()) }
    }

    async fn fold_records(
        &self,
        rebuilt: &mut Rebuilt,
        entry: &[u8],
        event: &Event,
        at: Moment,
    ) -> Result<(), StoreError> {
        // As the tables tell moments: never before that of an earlier change.
        let moment = rebuilt.last.map_or(event.at, |last| event.at.max(last));
        rebuilt.last = Some(moment);
        if moment > at {
            return Ok(());
        }
        rebuilt.changes += 1;
        if event.action.changes_records() {
            let steps = Steps::decoded(&self.beside(entry, event).await?).ok_or_else(unreadable)?;
            steps.0.into_iter().for_each(|step| rebuilt.roster.apply(step));
        }
        if let Some(approval) = event.approval {
            rebuilt.roster.apply(Step::End(RecordKey::Ask(approval)));
        }
        Ok(())
    }

    async fn fold_label(
        &self,
        rebuilt: &mut Rebuilt,
        version: VersionId,
        (entry, event): (&[u8], &Event),
        at: Moment,
    ) -> Result<(), StoreError> {
        let label = match event.action {
            Action::ObjectWrite => Some(event.target.label.clone().ok_or_else(unreadable)?),
            Action::LabelRaise | Action::LabelLower => {
                Some(minicbor::decode(&self.beside(entry, event).await?).map_err(|_| unreadable())?)
            }
            _ => None,
        };
        let bucket = event.target.bucket.ok_or_else(unreadable)?;
        rebuilt.hold((version, bucket), label, (event.at, at));
        Ok(())
    }

    /// A version that another took the place of is gone.
    async fn fold_replaced(
        &self,
        rebuilt: &mut Rebuilt,
        (entry, event): (&[u8], &Event),
        (at, versions): (Moment, Versions),
    ) -> Result<(), StoreError> {
        let Some(bucket) = event.target.bucket else { return Ok(()) };
        let elsewhere = matches!(versions, Versions::None) || matches!(versions, Versions::Of(of) if of != bucket);
        if event.action != Action::ObjectWrite || event.payload.is_none() || elsewhere {
            return Ok(());
        }
        let replaced: VersionId = minicbor::decode(&self.beside(entry, event).await?).map_err(|_| unreadable())?;
        let target = Target { bucket: Some(bucket), version: Some(replaced), ..Target::default() };
        if versions.hold(&target) {
            rebuilt.hold((replaced, bucket), None, (event.at, at));
        }
        Ok(())
    }

    /// Reads what an event keeps beside it of its change.
    async fn beside(&self, entry: &[u8], event: &Event) -> Result<Vec<u8>, StoreError> {
        let stated = event.payload.as_ref();
        let stated = stated.ok_or_else(|| StoreError::Integrity("an event does not say what it changed".to_owned()))?;
        self.reader().payload(self.keys(), Hash::leaf(entry).0, stated).await
    }
}

fn unreadable() -> StoreError {
    StoreError::Integrity("what an event says of its change cannot be read".to_owned())
}
