//! What is held because of what was found in it, and its release.

use cordon_domain::{Action, Bucket, BucketId, Inspected, Inspection, Label, ObjectKey, Released, Target, VersionId};
use cordon_gate::act::{List, Lower, Query, Raise};
use cordon_gate::{Denial, Facts, Request};
use cordon_store::entries::Entry;
use cordon_store::found::Found;
use cordon_store::inspections::{Look, Wanted};
use cordon_store::{Change, ObjectRow};

use crate::error::VaultError;
use crate::known::registers;
use crate::limits::{HELD_LOOKED_AT_MAX, HELD_SHOWN_MAX, WRITE_TRIES_MAX};
use crate::vault::{Vault, of_version};

/// A version that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub entry: Entry,
    /// Its label.
    pub label: Label,
    /// What was found.
    pub inspected: Inspected,
}

/// A label that is yet to be lowered: what is asked, and what it changes.
pub struct Release {
    /// What is asked.
    pub facts: Facts,
    label: Label,
    change: Change,
}

impl Vault {
    /// Returns what is held, or would be where it is observed, and whoever asks may know of, and whether there may be more: at most [`HELD_SHOWN_MAX`] are shown, and
    /// [`HELD_LOOKED_AT_MAX`] looked at. That they learn of it is recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub async fn held(&self, asks: &Facts, wanted: Wanted) -> Result<(Vec<Held>, bool), VaultError> {
        let (mut held, mut after, mut looked_at) = (Vec::new(), None, 0);
        let more = loop {
            let page = self.reader.inspections(&self.keys, wanted, after).await?;
            looked_at += page.found.len();
            held.extend(page.found.into_iter().filter_map(|found| self.seen(asks, found)));
            match page.next {
                Some(_) if held.len() >= HELD_SHOWN_MAX || looked_at >= HELD_LOOKED_AT_MAX => break true,
                Some(next) => after = Some(next),
                None => break false,
            }
        };
        self.tell(asks, held.iter().map(|one| (one.entry.bucket, &one.label)).collect()).await?;
        Ok((held, more))
    }

    /// Records that whoever asks learns what there is of these labels in these buckets.
    pub(crate) async fn tell(&self, asks: &Facts, mut told: Vec<(BucketId, &Label)>) -> Result<(), VaultError> {
        told.sort_unstable_by_key(|(bucket, label)| (*bucket, label.level));
        told.dedup();
        for (bucket, label) in told {
            let target = Target { bucket: Some(bucket), label: Some(label.clone()), ..Target::default() };
            let facts = Facts { target, action: Action::ObjectList, ..asks.clone() };
            drop(self.gate.read(Request::<List>::new(facts)).await?.spend());
        }
        Ok(())
    }

    /// Tells whether whoever asks may list what something is of; that they learn of it is recorded then.
    pub(crate) async fn is_told(&self, asks: &Facts, target: &Target) -> Result<bool, VaultError> {
        let Some((bucket, label)) = target.bucket.zip(target.label.as_ref()) else { return Ok(false) };
        if !self.may_list(asks, bucket, label) {
            return Ok(false);
        }
        self.tell(asks, vec![(bucket, label)]).await.map(|()| true)
    }

    /// Records that whoever asks learns what is said of something, which they care for and may not list.
    pub(crate) async fn tell_of(&self, asks: &Facts, target: Target) -> Result<(), VaultError> {
        let facts = Facts { target, action: Action::AccessQuery, ..asks.clone() };
        drop(self.gate.read(Request::<Query>::new(facts)).await?.spend());
        Ok(())
    }

    fn seen(&self, asks: &Facts, (entry, row): Found) -> Option<Held> {
        let label = row?.label;
        let Some(Inspection::Done(inspected)) = &entry.said.inspection else { return None };
        let inspected = Inspected::clone(inspected);
        self.may_list(asks, entry.bucket, &label).then_some(Held { entry, label, inspected })
    }

    /// Prepares that a version gets back the label that it had before it was looked into. Nothing is decided yet: an approval of
    /// exactly this can be asked for, or put to it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Conflict`] when its label was not
    /// raised, or was changed since.
    pub async fn release(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<Release, VaultError> {
        let (entry, row) = self.lowerable(asks, bucket, (key, version)).await?;
        let not_held = || VaultError::Conflict("nothing that was found in it raised its label".to_owned());
        let from = entry.said.inspection.ok_or_else(not_held)?;
        let Inspection::Done(inspected) = &from else { return Err(not_held()) };
        let Some(before) = inspected.before.clone().filter(|_| inspected.is_held()) else { return Err(not_held()) };
        // What somebody set since is not taken back by this.
        let got = inspected.got.clone().or_else(|| inspected.looked.raised(&before, []));
        if got.as_ref() != Some(&row.label) {
            return Err(VaultError::Conflict("its label was changed since it was inspected".to_owned()));
        }
        let released = Some(Released { by: asks.actor.principal, at: asks.at });
        let to = Inspection::Done(Box::new(Inspected { released, ..Inspected::clone(inspected) }));
        let look = Box::new(Look { from, to, original: None, content: None });
        self.lowering(asks, (bucket.id, entry.version, row.label), before, Some(look)).await
    }

    /// Prepares that a version gets a lower label, one that somebody set too high. Nothing is decided yet, as of a release. What
    /// was found in it and raised nothing is released by the same: others see it before they approve.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] for who could not do it with
    /// all approvals; [`VaultError::Conflict`] when the label is not lower, is lower than that of the bucket, or was raised by what
    /// was found.
    pub async fn lower(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
        to: Label,
    ) -> Result<Release, VaultError> {
        let (entry, row) = self.lowerable(asks, bucket, (key, version)).await?;
        let not = |why: String| Err(VaultError::Conflict(why));
        let adds = to.level > row.label.level || !to.projects.is_subset(&row.label.projects);
        if adds || !to.is_lower_than(&row.label) {
            return not(format!("it is {}, and {to} is not lower", row.label));
        }
        if to.is_lower_than(&bucket.label) {
            return not(format!("a version has at least the label of its bucket, {}", bucket.label));
        }
        let look = match entry.said.inspection {
            Some(Inspection::Pending) => return not("it is still being inspected".to_owned()),
            Some(Inspection::Done(done)) if done.is_held() => {
                return not(format!("this was found in it: {}; have it released first", done.looked));
            }
            Some(Inspection::Done(done)) if done.released.is_none() && asks_more(&done, &to, &row.label) => {
                let released = Some(Released { by: asks.actor.principal, at: asks.at });
                let to = Inspection::Done(Box::new(Inspected { released, ..Inspected::clone(&done) }));
                Some(Box::new(Look { from: Inspection::Done(done), to, original: None, content: None }))
            }
            _ => None,
        };
        self.lowering(asks, (bucket.id, entry.version, row.label), to, look).await
    }

    /// Gives a version a higher label, at once: whoever may write there needs nobody else, and may write there with that label, too. Where
    /// copies of it are recognised from then on, it is inspected anew, and pending until then. Returns the label.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] for who may not;
    /// [`VaultError::Conflict`] when the label is not higher.
    pub async fn raise(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        named: (&ObjectKey, Option<VersionId>),
        to: Label,
    ) -> Result<Label, VaultError> {
        let mut outcome = Err(VaultError::Conflict("it changes all the time".to_owned()));
        for _ in 0..WRITE_TRIES_MAX {
            let found = self.raisable(asks, bucket, named, &to).await?;
            outcome = self.raise_found(asks, bucket, found, &to).await;
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
        }
        self.look_again();
        outcome.map(|()| to)
    }

    /// Returns a version that gets this label, once it is decided that whoever asks may give it. Who may not is refused on record,
    /// before anything is told of it.
    async fn raisable(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        named: (&ObjectKey, Option<VersionId>),
        to: &Label,
    ) -> Result<(Entry, ObjectRow), VaultError> {
        let (entry, row) = self.known_of(asks, bucket, named).await?;
        for label in [&row.label, to] {
            let target = of_version(bucket.id, entry.version, label.clone());
            let facts = Facts { target, action: Action::LabelRaise, ..asks.clone() };
            match self.gate.admit(&Request::<Raise>::new(facts)).await {
                Err(Denial::Refused(refusal)) => return Err(VaultError::Refused(refusal)),
                admitted => admitted?,
            }
        }
        if to.is_lower_than(&row.label) || !row.label.is_lower_than(to) {
            return Err(VaultError::Conflict(format!("it is {}, and {to} is not higher", row.label)));
        }
        Ok((entry, row))
    }

    async fn raise_found(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (entry, row): (Entry, ObjectRow),
        to: &Label,
    ) -> Result<(), VaultError> {
        let guarding = self.guarding_of(bucket.id, &entry.said.headers);
        let is_original = registers(to, &guarding) && !registers(&row.label, &guarding);
        let known = entry.said.inspection.filter(|_| is_original && self.inspecting.is_some());
        let look = known.map(|from| Box::new(Look { from, to: Inspection::Pending, original: None, content: None }));
        let change = self.relabel((bucket.id, entry.version), Action::LabelRaise, to.clone(), look).await?;
        let target = of_version(bucket.id, entry.version, row.label);
        let facts = Facts { target, beside: change.beside(), action: Action::LabelRaise, ..asks.clone() };
        drop(self.gate.change(Request::<Raise>::new(facts), change).await?.spend());
        Ok(())
    }

    /// Returns a version of which whoever asks may know. Who may not is refused as a look at it is, and on record.
    async fn known_of(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<(Entry, ObjectRow), VaultError> {
        let (entry, row) = self.found(bucket, key, version).await?;
        if !self.may_list(asks, bucket.id, &row.label) {
            self.head(asks, bucket, key, version).await?;
        }
        Ok((entry, row))
    }

    /// Returns a version of which whoever asks may know, and whose label they could lower with all approvals. Who could not is
    /// refused on record, before anything is told of it.
    async fn lowerable(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<(Entry, ObjectRow), VaultError> {
        let (entry, row) = self.known_of(asks, bucket, (key, version)).await?;
        let target = of_version(bucket.id, entry.version, row.label.clone());
        self.lacks_approval_at_most::<Lower>(&Facts { target, action: Action::LabelLower, ..asks.clone() }).await?;
        Ok((entry, row))
    }

    async fn lowering(
        &self,
        asks: &Facts,
        (bucket, version, from): (BucketId, VersionId, Label),
        to: Label,
        look: Option<Box<Look>>,
    ) -> Result<Release, VaultError> {
        let change = self.relabel((bucket, version), Action::LabelLower, to.clone(), look).await?;
        let target = of_version(bucket, version, from);
        let facts = Facts { target, beside: change.beside(), action: Action::LabelLower, ..asks.clone() };
        Ok(Release { facts, label: to, change })
    }

    /// Lowers a label, as it was prepared. Returns the label that the version has from then on.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing.
    pub async fn carry_out(&self, release: Release) -> Result<Label, VaultError> {
        let Release { facts, label, change } = release;
        drop(self.gate.change(Request::<Lower>::new(facts), change).await?.spend());
        Ok(label)
    }
}

/// Tells whether what was found in a version asks for a higher level than `to`, or for projects of which it would not be.
fn asks_more(done: &Inspected, to: &Label, now: &Label) -> bool {
    let names_others = done.looked.copied().next().is_some() || done.looked.named().next().is_some();
    done.looked.raised(to, []).is_some() || names_others && !to.projects.is_superset(&now.projects)
}
