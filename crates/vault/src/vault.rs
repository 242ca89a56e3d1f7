//! What the vault rests on, and its buckets.

use std::sync::Arc;

use cordon_domain::{
    Action, Bucket, BucketId, BucketName, Clock, Entropy as _, Grant, GrantId, Guarding, Label, Level, Record,
    RecordKey, Role, Scope, Step, Steps, Target, VersionId, Versioning,
};
use cordon_gate::act::{ChangeBucket, Changes, List, LoosenBucket, MakeBucket, RemoveBucket};
use cordon_gate::{Facts, Gate, Journal as _, Request, Verdict};
use cordon_policy::{Policies, Snapshot};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::asks_to_recognise;
use cordon_store::keyring::Keyring;
use cordon_store::{Change, Reader, Writer};
use object_store::ObjectStore;

use crate::asking::Asking;
use crate::blobs::Blobs;
use crate::error::VaultError;
use crate::inspect::Inspecting;
use crate::upload::Uploads;

/// The guarded place.
#[derive(Clone)]
pub struct Vault {
    pub(crate) gate: Arc<Gate<Arc<Policies>, Writer>>,
    pub(crate) reader: Reader,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) blobs: Blobs,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who looks into what is written, if anyone does.
    pub(crate) inspecting: Option<Arc<Inspecting>>,
}

/// How a bucket is to be guarded from now on.
pub enum Guard {
    /// Its owner says so: see [`Vault::change_bucket`].
    Stricter(Box<Bucket>),
    /// It takes other people.
    Looser(Box<Asking<LoosenBucket>>),
}

/// The target of something about a version.
pub(crate) fn of_version(bucket: BucketId, version: VersionId, label: Label) -> Target {
    Target { bucket: Some(bucket), version: Some(version), label: Some(label), ..Target::default() }
}

/// The target of something about a bucket.
pub(crate) fn of_bucket(bucket: &Bucket) -> Target {
    Target { bucket: Some(bucket.id), label: Some(bucket.label.clone()), ..Target::default() }
}

/// How a version with these headers is guarded in a bucket that is guarded so.
pub(crate) fn guarding_with(guarding: Guarding, headers: &[(String, String)]) -> Guarding {
    if asks_to_recognise(headers) { guarding.recognising() } else { guarding }
}

impl Vault {
    /// Puts the vault behind a gate. `objects` keeps sealed bytes.
    #[must_use]
    pub fn new(
        gate: Arc<Gate<Arc<Policies>, Writer>>,
        reader: Reader,
        keys: Arc<Keyring>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { gate, reader, keys, blobs: Blobs::new(objects), uploads: Arc::default(), clock, inspecting: None }
    }

    /// The same request, now: what it brings may have taken a while to come, and the sign-in is older by as much.
    pub(crate) fn now(&self, asks: &Facts) -> Facts {
        let at = self.clock.now().max(asks.at);
        let later_s = u32::try_from(at.since_ms(asks.at) / 1000).unwrap_or(u32::MAX);
        let mut asks = Facts { at, ..asks.clone() };
        asks.actor.mfa_age_s = asks.actor.mfa_age_s.map(|age| age.saturating_add(later_s));
        asks
    }

    /// Returns a bucket as it is now, to decide once more.
    pub(crate) async fn again(&self, bucket: &Bucket) -> Result<Bucket, VaultError> {
        self.gate.journal().catch_up().await;
        self.snapshot()?.roster().buckets.get(bucket.id).cloned().ok_or(VaultError::NoBucket)
    }

    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, VaultError> {
        self.gate.decider().snapshot().map_err(|error| VaultError::Integrity(error.to_string()))
    }

    /// Returns a bucket by its name. Whether the one who asks may know of it is decided with what they ask.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoBucket`] when there is none.
    pub fn bucket(&self, name: &str) -> Result<Bucket, VaultError> {
        let name: BucketName = name.parse().map_err(|_| VaultError::NoBucket)?;
        let snapshot = self.snapshot()?;
        snapshot.roster().buckets.named(&name).cloned().ok_or(VaultError::NoBucket)
    }

    /// Returns a bucket of which whoever asks may know: they may list it, or were granted something that may be in it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoBucket`] when there is none that they may know of; [`VaultError::Refused`] with what is missing. Either is
    /// recorded.
    pub async fn bucket_for(&self, asks: &Facts, name: &str) -> Result<Bucket, VaultError> {
        let bucket = self.bucket(name)?;
        if self.may_list(asks, bucket.id, &bucket.label) || self.is_granted(asks, bucket.id)? {
            return Ok(bucket);
        }
        self.look_at(asks, &bucket, &bucket.label).await?;
        Ok(bucket)
    }

    fn is_granted(&self, asks: &Facts, bucket: BucketId) -> Result<bool, VaultError> {
        let snapshot = self.snapshot()?;
        let within = |scope: &Scope| match scope {
            Scope::Bucket(own) => *own == bucket,
            Scope::Version(_) => true,
            Scope::Installation | Scope::Project(_) => false,
        };
        Ok(snapshot.grants_of(asks.actor.principal).any(|grant| grant.counts_at(asks.at) && within(&grant.scope)))
    }

    /// Makes a bucket, for whoever asks: they own it. A label is confidential unless it is said.
    ///
    /// # Errors
    ///
    /// [`VaultError::Conflict`] when one of that name is there.
    pub async fn make_bucket(&self, asks: &Facts, name: &str, label: Option<Label>) -> Result<Bucket, VaultError> {
        let mut id = [0; 16];
        SystemEntropy.fill(&mut id);
        let (made_by, made_at) = (asks.actor.principal, asks.at);
        let label = label.unwrap_or_else(|| Label::of(Level::Confidential));
        let versioning = Versioning::Off;
        let (id, name) = (BucketId(id), name.parse()?);
        let bucket = Bucket { id, name, label, made_by, made_at, versioning, guarding: None, tagging: None };
        let grant = Grant {
            id: GrantId::draw(&mut SystemEntropy),
            principal: made_by,
            role: Role::Owner,
            scope: Scope::Bucket(bucket.id),
            starts: made_at,
            ends: None,
            reason: "made the bucket".to_owned(),
            given_by: made_by,
        };
        let steps = vec![Step::Put(Record::Bucket(Box::new(bucket.clone()))), Step::Put(Record::Grant(grant))];
        self.change_records::<MakeBucket>(asks, Target::default(), steps).await?;
        Ok(bucket)
    }

    /// Changes label and versioning of a bucket.
    ///
    /// # Errors
    ///
    /// [`VaultError::Conflict`] when its label would be lower, or earlier versions would no longer be kept.
    pub async fn change_bucket(&self, asks: &Facts, bucket: Bucket) -> Result<(), VaultError> {
        let target = of_bucket(&bucket);
        let steps = vec![Step::Put(Record::Bucket(Box::new(bucket)))];
        self.change_records::<ChangeBucket>(asks, target, steps).await
    }

    /// Prepares that a bucket is guarded otherwise. Where it observes what it enforced, or recognises copies of less, that takes
    /// other people.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing beside approvals.
    pub async fn guard(&self, asks: &Facts, bucket: &Bucket, guarding: Guarding) -> Result<Guard, VaultError> {
        let looser = guarding.is_looser_than(&bucket.guarding());
        let changed = Bucket { guarding: Some(guarding), ..bucket.clone() };
        if !looser {
            return Ok(Guard::Stricter(Box::new(changed)));
        }
        let target = of_bucket(bucket);
        let asking = Asking::new(asks, target, Steps(vec![Step::Put(Record::Bucket(Box::new(changed)))]));
        self.lacks_approval_at_most::<LoosenBucket>(&asking.facts).await?;
        Ok(Guard::Looser(Box::new(asking)))
    }

    /// How a version with these headers is guarded in a bucket; in one that is gone, as in any.
    pub(crate) fn guarding_of(&self, bucket: BucketId, headers: &[(String, String)]) -> Guarding {
        let snapshot = self.snapshot().ok();
        let bucket = snapshot.as_ref().and_then(|snapshot| snapshot.roster().buckets.get(bucket));
        guarding_with(bucket.map(Bucket::guarding).unwrap_or_default(), headers)
    }

    /// Removes a bucket to which nothing leads any more.
    ///
    /// # Errors
    ///
    /// [`VaultError::Conflict`] when it is not empty.
    pub async fn remove_bucket(&self, asks: &Facts, bucket: &Bucket) -> Result<(), VaultError> {
        self.change_records::<RemoveBucket>(asks, of_bucket(bucket), vec![Step::End(RecordKey::Bucket(bucket.id))])
            .await
    }

    async fn change_records<A: Changes>(
        &self,
        asks: &Facts,
        target: Target,
        steps: Vec<Step>,
    ) -> Result<(), VaultError> {
        let target = Target { record: steps.first().map(Step::key), ..target };
        let change = Change::records(A::ACTION, Steps(steps));
        let facts = Facts { target, beside: change.beside(), ..asks.clone() };
        drop(self.gate.change(Request::<A>::new(facts), change).await?.spend());
        Ok(())
    }

    /// Tells whether whoever asks may know which objects of a label there are in a bucket. A question, which is not recorded.
    pub(crate) fn may_list(&self, asks: &Facts, bucket: BucketId, label: &Label) -> bool {
        let target = Target { bucket: Some(bucket), label: Some(label.clone()), ..Target::default() };
        let facts = Facts { target, action: Action::ObjectList, ..asks.clone() };
        matches!(self.gate.evaluate(&facts), Verdict::Allow(_))
    }

    /// Returns the buckets that whoever asks may know of, by their names.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub fn buckets(&self, asks: &Facts) -> Result<Vec<Bucket>, VaultError> {
        let snapshot = self.snapshot()?;
        let seen = snapshot.roster().buckets.by_name().filter(|bucket| self.may_list(asks, bucket.id, &bucket.label));
        Ok(seen.cloned().collect())
    }

    /// Decides and records that whoever asks learns of a bucket.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoBucket`] when they may not know that it is there.
    pub async fn look_at(&self, asks: &Facts, bucket: &Bucket, label: &Label) -> Result<(), VaultError> {
        let target = Target { bucket: Some(bucket.id), label: Some(label.clone()), ..Target::default() };
        let receipt = self.gate.read(Request::<List>::new(Facts { target, ..asks.clone() })).await;
        match receipt.map_err(VaultError::from) {
            Ok(receipt) => {
                drop(receipt.spend());
                Ok(())
            }
            Err(VaultError::NoObject) => Err(VaultError::NoBucket),
            Err(error) => Err(error),
        }
    }
}
