//! What is public, and how it becomes so and ceases to be: a publication of one version, by two people, until a date.

use cordon_domain::limits::STEPS_MAX;
use cordon_domain::{
    Action, Bucket, BucketId, Inspection, Label, Moment, ObjectKey, Publication, PublicationId, Record, RecordKey,
    Step, Steps, Target, VersionId,
};
use cordon_gate::act::{Publish, Withdraw};
use cordon_gate::{Facts, Journal as _, Request, Verdict};
use cordon_store::Change;
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Said;

use crate::error::VaultError;
use crate::get::Got;
use crate::limits::WRITE_TRIES_MAX;
use crate::vault::{Vault, of_version};

/// For how long something is to be public.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// From when on; `None`: from when it is made.
    pub starts: Option<Moment>,
    /// Until when.
    pub ends: Moment,
}

/// A publication that is yet to be made: what is asked, and what it changes.
pub struct Publishing {
    /// What is asked.
    pub facts: Facts,
    publication: Publication,
}

/// How a publication stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not begun.
    Planned,
    /// Anyone reads it.
    Public,
    /// It has ended.
    Ended,
    /// Its version has another label by now, its name is hidden, or one of its projects is closed, or it is under an embargo:
    /// nobody reads it as long as that is so.
    Suspended,
    /// Its version is there no more.
    Gone,
}

impl Standing {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Public => "public",
            Self::Ended => "ended",
            Self::Suspended => "suspended",
            Self::Gone => "gone",
        }
    }
}

impl Vault {
    /// Prepares that a version becomes public: an approval of exactly this can be asked for, or put to it. What was asked for
    /// before, and is the same, is prepared once more. Whoever could not publish it with all approvals is refused here, on
    /// record, before they are told what was found in it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing
    /// beside approvals; [`VaultError::Conflict`] when nobody has looked into it, what was found in it was not released, or
    /// it is public already.
    pub async fn publish(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
        terms: Terms,
    ) -> Result<Publishing, VaultError> {
        let (entry, row) = self.found(bucket, key, version).await?;
        if !self.may_list(asks, bucket.id, &row.label) {
            // Decided and recorded as a look at it is.
            self.head(asks, bucket, key, version).await?;
        }
        let publication = Publication {
            id: PublicationId::draw(&mut SystemEntropy),
            bucket: bucket.id,
            version: entry.version,
            label: row.label,
            key: entry.key,
            bytes: entry.said.bytes,
            starts: terms.starts,
            ends: terms.ends,
            by: asks.actor.principal,
            reason: asks.reason.clone().unwrap_or_default(),
        };
        if !publication.may_begin(asks.at) {
            let wrong = "a publication has a reason, and ends ahead, after it begins, within 366 days";
            return Err(VaultError::Conflict(wrong.to_owned()));
        }
        let same = |record| match record {
            Record::Publication(one) => {
                (Publication { id: publication.id, ..*one.clone() } == publication).then_some(one.id)
            }
            _ => None,
        };
        let id = self.asked_before::<Publish, _>(asks, same)?.unwrap_or(publication.id);
        let publication = Publication { id, ..publication };
        let beside = made(&publication).encoded();
        let target = Target { record: Some(RecordKey::Publication(id)), ..publication.target() };
        let facts = Facts { target, beside, action: Action::PublicationMake, ..asks.clone() };
        self.lacks_approval_at_most::<Publish>(&facts).await?;
        self.is_single(&publication, asks.at)?;
        is_clean(&entry.said)?;
        Ok(Publishing { facts, publication })
    }

    /// A version has one address at a time: whoever withdraws it withdraws all of it.
    fn is_single(&self, publication: &Publication, at: Moment) -> Result<(), VaultError> {
        let snapshot = self.snapshot()?;
        let mut all = snapshot.roster().publications.values();
        match all.find(|other| other.version == publication.version && other.ends > at) {
            Some(other) => Err(VaultError::Conflict(format!("it is public already, or will be: {}", other.id))),
            None => Ok(()),
        }
    }

    /// Makes a publication.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing; [`VaultError::Conflict`] when the version is another by now.
    pub async fn make_public(&self, publishing: Publishing) -> Result<Publication, VaultError> {
        let Publishing { facts, publication } = publishing;
        let change = Change::records(Action::PublicationMake, made(&publication));
        drop(self.gate.change(Request::<Publish>::new(facts), change).await?.spend());
        Ok(publication)
    }

    /// Takes a publication back: from the moment this returns nobody begins to read by it, and who reads is cut.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing.
    pub async fn withdraw(&self, asks: &Facts, id: PublicationId) -> Result<Publication, VaultError> {
        let mut outcome = Err(VaultError::Conflict("it changes all the time".to_owned()));
        for _ in 0..WRITE_TRIES_MAX {
            outcome = self.withdraw_once(asks, id).await;
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
        }
        outcome
    }

    async fn withdraw_once(&self, asks: &Facts, id: PublicationId) -> Result<Publication, VaultError> {
        self.gate.journal().catch_up().await;
        let snapshot = self.snapshot()?;
        let publication = snapshot.roster().publications.get(&id).cloned().ok_or(VaultError::NoObject)?;
        let key = RecordKey::Publication(id);
        let target = Target { record: Some(key.clone()), ..publication.target() };
        // Nobody makes it public again by what was approved before.
        let lasts = publication.ends > asks.at;
        let asked = snapshot.roster().asks.values().filter(|asked| {
            let same = asked.action == Action::PublicationMake && asked.target.version == Some(publication.version);
            same && lasts && asked.counts_at(asks.at)
        });
        let asked = asked.map(|asked| RecordKey::Ask(asked.id)).take(STEPS_MAX - 1);
        let steps = std::iter::once(key).chain(asked).map(Step::End).collect();
        let change = Change::records(Action::PublicationWithdraw, Steps(steps));
        let action = Action::PublicationWithdraw;
        let facts = Facts { target, beside: change.beside(), action, ..asks.clone() };
        drop(self.gate.change(Request::<Withdraw>::new(facts), change).await?.spend());
        Ok(publication)
    }

    /// Returns all publications that whoever asks may list, or take back, and how each stands. That they learn of them is recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub async fn publications(&self, asks: &Facts) -> Result<Vec<(Publication, Standing)>, VaultError> {
        let snapshot = self.snapshot()?;
        let all = snapshot.roster().publications.values();
        let may_see = |one: &&Publication| self.may_list(asks, one.bucket, &one.label) || self.may_withdraw(asks, one);
        let seen: Vec<_> = all.filter(may_see).collect();
        let listed = seen.iter().filter(|one| self.may_list(asks, one.bucket, &one.label));
        let told: Vec<(BucketId, &Label)> = listed.map(|one| (one.bucket, &one.label)).collect();
        self.tell(asks, told).await?;
        for one in seen.iter().filter(|one| !self.may_list(asks, one.bucket, &one.label)) {
            self.tell_of(asks, one.target()).await?;
        }
        let mut standing = Vec::with_capacity(seen.len());
        for publication in seen {
            standing.push((publication.clone(), self.standing(publication, asks.at).await?));
        }
        Ok(standing)
    }

    fn may_withdraw(&self, asks: &Facts, publication: &Publication) -> bool {
        let facts = Facts { target: publication.target(), action: Action::PublicationWithdraw, ..asks.clone() };
        matches!(self.gate.evaluate(&facts), Verdict::Allow(_))
    }

    /// Returns what strangers read at a moment.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub async fn public(&self, at: Moment) -> Result<Vec<Publication>, VaultError> {
        let snapshot = self.snapshot()?;
        let mut public = Vec::new();
        for publication in snapshot.publications(at) {
            if self.standing(publication, at).await? == Standing::Public {
                public.push(publication.clone());
            }
        }
        Ok(public)
    }

    async fn standing(&self, publication: &Publication, at: Moment) -> Result<Standing, VaultError> {
        if at >= publication.ends {
            return Ok(Standing::Ended);
        }
        let found = self.reader.version(&self.keys, publication.version).await?;
        let Some((entry, Some(row))) = found else { return Ok(Standing::Gone) };
        let suspended = self.snapshot()?.is_suspended(publication, at);
        // Whoever deletes a name where earlier versions are kept hides it: that is meant for strangers, too.
        if row.label != publication.label || suspended || self.reader.is_behind_mark(&self.keys, &entry).await? {
            return Ok(Standing::Suspended);
        }
        Ok(if publication.counts_at(at) { Standing::Public } else { Standing::Planned })
    }

    /// Opens what a publication names, for whoever has its address and shows nothing else. `asks` tells when, and from where.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that counts: that is not recorded, as whoever asks is nobody. Otherwise as
    /// [`Vault::get`].
    pub async fn published(&self, asks: &Facts, id: PublicationId) -> Result<Got, VaultError> {
        let publication = self.snapshot()?.roster().publications.get(&id).cloned().ok_or(VaultError::NoObject)?;
        let found = self.reader.version(&self.keys, publication.version).await?;
        let Some((entry, Some(row))) = found else { return Err(VaultError::NoObject) };
        if self.reader.is_behind_mark(&self.keys, &entry).await? {
            return Err(VaultError::NoObject);
        }
        let target = of_version(entry.bucket, entry.version, row.label.clone());
        let (actor, pending) = (Publication::stranger(id), entry.said.is_pending());
        let facts = Facts { target, actor, pending, action: Action::ObjectRead, ..asks.clone() };
        match self.gate.evaluate(&facts) {
            Verdict::Allow(_) => self.open(facts, entry, row).await,
            Verdict::Deny(..) => Err(VaultError::NoObject),
        }
    }
}

fn made(publication: &Publication) -> Steps {
    Steps(vec![Step::Put(Record::Publication(Box::new(publication.clone())))])
}

/// Codings that are undone when something is looked into.
const CODINGS: [&str; 3] = ["identity", "gzip", "zstd"];

/// What becomes public was looked into, as those who read it see it, and what was found in it was released.
fn is_clean(said: &Said) -> Result<(), VaultError> {
    let coding = said.headers.iter().find(|(name, _)| name == "content-encoding").map(|(_, value)| value.as_str());
    if coding.is_some_and(|coding| !CODINGS.contains(&coding)) {
        let what = "what it is coded in is not undone when it is inspected: write it as it is, or in gzip or zstd";
        return Err(VaultError::Conflict(what.to_owned()));
    }
    let found = match &said.inspection {
        Some(inspection) if inspection.may_be_public() => return Ok(()),
        Some(Inspection::Done(inspected)) => inspected.looked.to_string(),
        Some(Inspection::Pending) | None => {
            return Err(VaultError::Conflict(
                "nobody has looked into it yet: what becomes public was inspected".to_owned(),
            ));
        }
    };
    let what = "take that out, or, where it is not what it seems, have it released first";
    Err(VaultError::Conflict(format!("this was found in it: {found}; {what}")))
}
