//! What must hold of what lasts until a date, or until somebody takes it back: publications, allowances, embargoes, codenames.

use cordon_domain::{Action, Allowance, Embargo, KnownName, Level, Publication, Record, RecordKey, Scope, Target};
use cordon_gate::act::Changes;

use super::{Guard, conflict, holds};
use crate::entries::{Entry, by_version};
use crate::error::StoreError;
use crate::limits::{ALLOWANCES_MAX, CODENAMES_MAX, EMBARGOES_MAX, PUBLICATIONS_MAX};
use crate::records::all;
use crate::state::object;

impl<A: Changes> Guard<'_, A> {
    /// What becomes public is as it was decided on, was looked into, and ends.
    pub(super) async fn publication(&mut self, new: &Publication) -> Result<(), StoreError> {
        self.is_as_stored(new.version).await?;
        let entry = by_version(self.session, self.keys, new.version).await?;
        let same = |entry: &Entry| (entry.bucket, &entry.key, entry.said.bytes) == (new.bucket, &new.key, new.bytes);
        let entry = entry.filter(same).ok_or_else(|| StoreError::Conflict(format!("there is no {}", new.version)))?;
        let clean = entry.said.inspection.is_some_and(|inspection| inspection.may_be_public());
        holds(clean, "it was not looked into, or what was found in it was not released")?;
        let own = new.by == self.permit.actor().principal && new.may_begin(self.at);
        holds(own, "a publication names who makes it, a reason, and an end ahead, within 366 days")?;
        let all = all(self.session, self.keys).await?.roster.publications;
        holds(all.len() < PUBLICATIONS_MAX, "there are too many publications: withdraw those that have ended")?;
        let other = all.values().find(|other| other.version == new.version && other.ends > self.at);
        if let Some(other) = other {
            return conflict(format!("{} is of the same version: withdraw that first", other.id));
        }
        self.is_new(RecordKey::Publication(new.id)).await
    }

    /// A publication is taken back as it was decided on.
    pub(super) async fn withdrawn(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(Record::Publication(old)) = self.record(key).await? else {
            return conflict(format!("there is no {key}: it was withdrawn"));
        };
        let own = Target { record: None, ..self.permit.target().clone() } == old.target();
        holds(own, "the publication is of something else")
    }

    /// With a publication goes what was asked for of the same version.
    pub(super) async fn asked_no_more(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(Record::Ask(old)) = self.record(key).await? else { return conflict(format!("there is no {key}")) };
        let same = old.action == Action::PublicationMake && old.target.version == self.permit.target().version;
        holds(same, "what was asked for is something else")
    }

    /// The bucket, as it is now, is what was decided on.
    async fn is_bucket_decided_on(&mut self) -> Result<(), StoreError> {
        let bucket = self.permit.target().bucket;
        let bucket = bucket.ok_or_else(|| StoreError::Conflict("there is no bucket in it".to_owned()))?;
        match self.record(&RecordKey::Bucket(bucket)).await? {
            Some(Record::Bucket(bucket)) => self.decided_on(&bucket),
            _ => conflict(format!("there is no {bucket}")),
        }
    }

    /// Who may read more is there, of a bucket as it was decided on, until an end; and has one allowance of it.
    pub(super) async fn allowance(&mut self, new: &Allowance) -> Result<(), StoreError> {
        self.is_bucket_decided_on().await?;
        self.is_there(new.principal).await?;
        let own = new.by == self.permit.actor().principal && new.may_begin(self.at);
        holds(own, "an allowance names who makes it, bytes, a reason, and an end ahead, within thirty days")?;
        let all = all(self.session, self.keys).await?.roster.allowances;
        let counting = all.values().filter(|one| one.counts_at(self.at)).count();
        holds(counting < ALLOWANCES_MAX, "there are too many allowances: end some")?;
        let same = |one: &&Allowance| (one.principal, one.bucket) == (new.principal, new.bucket);
        if let Some(other) = all.values().find(|one| same(one) && one.counts_at(self.at)) {
            return conflict(format!("{} is of the same reader and bucket: end that first", other.id));
        }
        self.is_new(RecordKey::Allowance(new.id)).await
    }

    /// An allowance is ended as it was decided on.
    pub(super) async fn ended(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(Record::Allowance(old)) = self.record(key).await? else {
            return conflict(format!("there is no {key}"));
        };
        holds(self.permit.target().bucket == Some(old.bucket), "the allowance is of another bucket")?;
        match self.record(&RecordKey::Bucket(old.bucket)).await? {
            Some(Record::Bucket(bucket)) => self.decided_on(&bucket),
            _ => Ok(()),
        }
    }

    /// What is not to be read is as it was decided on.
    pub(super) async fn embargo(&mut self, new: &Embargo) -> Result<(), StoreError> {
        match new.scope {
            Scope::Version(version) => self.is_as_stored(version).await?,
            Scope::Bucket(_) => self.is_bucket_decided_on().await?,
            Scope::Project(_) | Scope::Installation => {}
        }
        let own = new.by == self.permit.actor().principal && new.may_begin(self.at);
        holds(
            own,
            "an embargo is on a project, a bucket or a version, names who makes it, a reason, and an end ahead",
        )?;
        let all = all(self.session, self.keys).await?.roster.embargoes;
        let counting = || all.values().filter(|one| one.counts_at(self.at));
        holds(counting().count() < EMBARGOES_MAX, "there are too many embargoes: lift those of what is gone")?;
        let same = |one: &&Embargo| one.scope == new.scope && one.spares == new.spares && one.until >= new.until;
        if let Some(other) = counting().find(same) {
            return conflict(format!("{} holds already, and lasts as long", other.id));
        }
        self.is_new(RecordKey::Embargo(new.id)).await
    }

    /// An embargo is lifted as it was decided on: on what it is on, as that is labelled now. Of what is gone nothing is decided but
    /// where it was.
    pub(super) async fn lifted(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(Record::Embargo(old)) = self.record(key).await? else { return conflict(format!("there is no {key}")) };
        if self.permit.action() == Action::EmbargoMake {
            return holds(!old.counts_at(self.at), "an embargo that counts is lifted by itself");
        }
        let Target { bucket, version, .. } = old.target();
        let target = self.permit.target();
        let same = (target.bucket, target.version) == (bucket, version);
        holds(same, "the embargo is on something else")?;
        match old.scope {
            Scope::Version(version) if object(self.session, self.keys, version).await?.is_some() => {
                self.is_as_stored(version).await
            }
            Scope::Bucket(bucket) if self.record(&RecordKey::Bucket(bucket)).await?.is_some() => {
                self.is_bucket_decided_on().await
            }
            _ => Ok(()),
        }
    }

    /// A codename says who made it known, and of something that it is not public.
    pub(super) async fn codename(&mut self, new: &KnownName) -> Result<(), StoreError> {
        let own = new.by == self.permit.actor().principal && new.label.level > Level::Public;
        holds(own, "a codename names who makes it known, and a level above public")?;
        let all = all(self.session, self.keys).await?.roster.codenames;
        holds(all.len() < CODENAMES_MAX, "there are too many codenames: forget some")?;
        self.is_new(RecordKey::Codename(new.id)).await
    }
}
