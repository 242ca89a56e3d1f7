//! What nobody reads before a date.

use std::collections::BTreeSet;

use cordon_domain::limits::STEPS_MAX;
use cordon_domain::{
    Action, Bucket, Embargo, EmbargoId, Moment, ObjectKey, Project, Record, RecordKey, Role, Scope, Step, Steps,
    Target, VersionId,
};
use cordon_gate::act::{LiftEmbargo, MakeEmbargo};
use cordon_gate::{Facts, Journal as _, Verdict};
use cordon_store::edge::SystemEntropy;

use crate::asking::Asking;
use crate::error::VaultError;
use crate::vault::{Vault, of_bucket, of_version};

/// On what an embargo is.
pub enum Embargoed<'a> {
    /// All that is of a project.
    Project(Project),
    /// All that is in a bucket.
    Bucket(&'a Bucket),
    /// A version: what a name leads to, or that version of it.
    Version(&'a Bucket, &'a ObjectKey, Option<VersionId>),
}

/// How long, and for whom not.
pub struct Closed {
    /// Until when.
    pub until: Moment,
    /// Roles that read it before.
    pub spares: BTreeSet<Role>,
}

impl Vault {
    /// Keeps something from being read before a date, at once. Those that have ended are cleared away.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing; [`VaultError::Conflict`] when it ends too early, or gives no reason.
    pub async fn embargo(&self, asks: &Facts, on: Embargoed<'_>, closed: Closed) -> Result<Embargo, VaultError> {
        let (scope, bucket, label) = match on {
            Embargoed::Project(project) => (Scope::Project(project), None, None),
            Embargoed::Bucket(bucket) => (Scope::Bucket(bucket.id), Some(bucket.id), Some(bucket.label.clone())),
            Embargoed::Version(bucket, key, version) => {
                let (entry, row) = self.found(bucket, key, version).await?;
                if !self.may_list(asks, bucket.id, &row.label) {
                    self.head(asks, bucket, key, version).await?;
                }
                (Scope::Version(entry.version), Some(bucket.id), Some(row.label))
            }
        };
        let embargo = Embargo {
            id: EmbargoId::draw(&mut SystemEntropy),
            scope,
            bucket,
            label,
            until: closed.until,
            spares: closed.spares,
            by: asks.actor.principal,
            reason: asks.reason.clone().unwrap_or_default(),
        };
        if !embargo.may_begin(asks.at) {
            let wrong = "an embargo has a reason, ends ahead, and spares nobody but roles that read";
            return Err(VaultError::Conflict(wrong.to_owned()));
        }
        self.gate.journal().catch_up().await;
        let snapshot = self.snapshot()?;
        let ended = snapshot.roster().embargoes.values().filter(|one| !one.counts_at(asks.at));
        let ended = ended.map(|one| Step::End(RecordKey::Embargo(one.id))).take(STEPS_MAX - 1);
        let steps = std::iter::once(Step::Put(Record::Embargo(Box::new(embargo.clone())))).chain(ended).collect();
        self.complete(Asking::<MakeEmbargo>::new(asks, embargo.target(), Steps(steps))).await?;
        Ok(embargo)
    }

    /// Prepares that an embargo is lifted before its date.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing
    /// beside approvals.
    pub async fn lift(&self, asks: &Facts, id: EmbargoId) -> Result<Asking<LiftEmbargo>, VaultError> {
        let snapshot = self.snapshot()?;
        let embargo = snapshot.roster().embargoes.get(&id).ok_or(VaultError::NoObject)?;
        let target = self.of_embargo(embargo).await?;
        let asking = Asking::new(asks, target, Steps(vec![Step::End(RecordKey::Embargo(id))]));
        self.lacks_approval_at_most::<LiftEmbargo>(&asking.facts).await?;
        Ok(asking)
    }

    /// What it is on, as that is labelled now.
    async fn of_embargo(&self, embargo: &Embargo) -> Result<Target, VaultError> {
        let snapshot = self.snapshot()?;
        Ok(match embargo.scope {
            Scope::Version(version) => match self.reader.version(&self.keys, version).await? {
                Some((entry, Some(row))) => of_version(entry.bucket, version, row.label),
                _ => embargo.target(),
            },
            Scope::Bucket(bucket) => snapshot.roster().buckets.get(bucket).map_or_else(|| embargo.target(), of_bucket),
            Scope::Project(_) | Scope::Installation => embargo.target(),
        })
    }

    /// Returns the embargoes on what whoever asks may list, or that they may make. That they learn of those is recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub async fn embargoes(&self, asks: &Facts) -> Result<Vec<Embargo>, VaultError> {
        let snapshot = self.snapshot()?;
        let own = snapshot.roster().principals.get(&asks.actor.principal);
        let mut seen = Vec::new();
        for embargo in snapshot.roster().embargoes.values() {
            let target = self.of_embargo(embargo).await?;
            // Whoever belongs to a project learns when it opens.
            let belongs = match &embargo.scope {
                Scope::Project(project) => {
                    own.is_some_and(|own| snapshot.roster().projects(own).any(|one| one == project))
                }
                _ => false,
            };
            let facts = Facts { target: target.clone(), action: Action::EmbargoMake, ..asks.clone() };
            if belongs || self.is_told(asks, &target).await? {
                seen.push(embargo.clone());
            } else if matches!(self.gate.evaluate(&facts), Verdict::Allow(_)) {
                self.tell_of(asks, target).await?;
                seen.push(embargo.clone());
            }
        }
        Ok(seen)
    }

    /// What is under an embargo of its own is not written over: its next version would be under none.
    pub(crate) fn may_be_followed(&self, version: VersionId, asks: &Facts) -> Result<(), VaultError> {
        let snapshot = self.snapshot()?;
        let mut all = snapshot.roster().embargoes.values();
        match all.find(|one| one.scope == Scope::Version(version) && one.counts_at(asks.at)) {
            Some(embargo) => Err(VaultError::Conflict(format!(
                "it is under the embargo {}, and what would take its place would not be: put its bucket or its project under one",
                embargo.id
            ))),
            None => Ok(()),
        }
    }
}
