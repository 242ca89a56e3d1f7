//! Bulk work that is said beforehand, and by two people.

use cordon_domain::{
    Action, Allowance, AllowanceId, Bucket, Egress, Label, Moment, ObjectKey, Payer, PrincipalId, Record, RecordKey,
    Step, Steps, Target, VersionId,
};
use cordon_gate::act::{Allow, EndAllowance};
use cordon_gate::{Facts, Verdict};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Entry;

use crate::asking::Asking;
use crate::error::VaultError;
use crate::vault::{Vault, of_bucket, of_version};

/// What somebody is to read beyond limits.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// Who.
    pub principal: PrincipalId,
    /// How many bytes.
    pub bytes: u64,
    /// Until when.
    pub ends: Moment,
}

/// How fast a version may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The version.
    pub version: VersionId,
    /// Its bytes.
    pub bytes: u64,
    /// Its label.
    pub label: Label,
    /// Whether it holds model weights.
    pub is_weights: bool,
    /// For whom it is counted, and what each may read; nothing when nothing limits it.
    pub limits: Vec<(Payer, Egress)>,
}

impl Pace {
    /// Returns how long all of it takes, in milliseconds, when nothing else is read.
    #[must_use]
    pub fn ms(&self) -> i64 {
        self.limits.iter().map(|(_, limits)| limits.pace_ms(self.bytes)).max().unwrap_or(0)
    }
}

impl Vault {
    /// How fast a version may leave for whoever asks, who may know of it.
    ///
    /// # Errors
    ///
    /// As [`Vault::head`].
    pub async fn pace(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<Pace, VaultError> {
        let (Entry { version, said, .. }, label) = self.head(asks, bucket, key, version).await?;
        let target = of_version(bucket.id, version, label.clone());
        let charge = self.charge(asks, (&target, &said), said.bytes)?;
        let limits = charge.map(|charge| charge.payers).unwrap_or_default();
        Ok(Pace { version, bytes: said.bytes, label, is_weights: said.is_weights(), limits })
    }

    /// Decides whether whoever asks could let anybody read more of a bucket, with approvals. Whoever could not is refused, on
    /// record, and learns nothing of who there is.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing beside approvals.
    pub async fn may_allow(&self, asks: &Facts, bucket: &Bucket) -> Result<(), VaultError> {
        let facts = Facts { target: of_bucket(bucket), action: Action::AllowanceMake, ..asks.clone() };
        self.lacks_approval_at_most::<Allow>(&facts).await
    }

    /// Prepares that somebody may read more of a bucket than limits allow.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing beside approvals; [`VaultError::Conflict`] when it is for nothing, or too
    /// long, or they have one already.
    pub async fn allow(&self, asks: &Facts, bucket: &Bucket, bulk: Bulk) -> Result<Asking<Allow>, VaultError> {
        let wanted = Allowance {
            id: AllowanceId::draw(&mut SystemEntropy),
            principal: bulk.principal,
            bucket: bucket.id,
            label: bucket.label.clone(),
            bytes: bulk.bytes,
            since: asks.at,
            ends: bulk.ends,
            by: asks.actor.principal,
            reason: asks.reason.clone().unwrap_or_default(),
        };
        let same = |record| match record {
            Record::Allowance(one) => {
                let (id, since) = (wanted.id, wanted.since);
                (Allowance { id, since, ..Allowance::clone(&one) } == wanted).then_some(*one)
            }
            _ => None,
        };
        let allowance = self.asked_before::<Allow, _>(asks, same)?.unwrap_or_else(|| wanted.clone());
        if !allowance.may_begin(asks.at) {
            let wrong = "an allowance is of some bytes, has a reason, and ends ahead, within thirty days";
            return Err(VaultError::Conflict(wrong.to_owned()));
        }
        let target = allowance.target();
        let steps = Steps(vec![Step::Put(Record::Allowance(Box::new(allowance.clone())))]);
        let asking = Asking::new(asks, target, steps);
        self.lacks_approval_at_most::<Allow>(&asking.facts).await?;
        let snapshot = self.snapshot()?;
        let same = |one: &&Allowance| (one.principal, one.bucket) == (allowance.principal, allowance.bucket);
        match snapshot.roster().allowances.values().filter(same).find(|one| one.counts_at(asks.at)) {
            Some(other) => Err(VaultError::Conflict(format!("they have one of it: {}; end that first", other.id))),
            None => Ok(asking),
        }
    }

    /// Ends an allowance: from then on what is read counts as it ever did.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing.
    pub async fn end_allowance(&self, asks: &Facts, id: AllowanceId) -> Result<Allowance, VaultError> {
        let snapshot = self.snapshot()?;
        let allowance = snapshot.roster().allowances.get(&id).cloned().ok_or(VaultError::NoObject)?;
        let target = self.of_allowance(&allowance)?;
        let steps = Steps(vec![Step::End(RecordKey::Allowance(id))]);
        self.complete(Asking::<EndAllowance>::new(asks, target, steps)).await?;
        Ok(allowance)
    }

    /// An allowance is shown, and ended, as its bucket is labelled now.
    fn of_allowance(&self, allowance: &Allowance) -> Result<Target, VaultError> {
        let snapshot = self.snapshot()?;
        let bucket = snapshot.roster().buckets.get(allowance.bucket);
        Ok(bucket.map_or_else(|| Target { principal: None, ..allowance.target() }, of_bucket))
    }

    /// Returns the allowances that are of whoever asks, or of buckets that they may list, or that they may end. That they learn of
    /// those of buckets is recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Integrity`] when what decides is not whole.
    pub async fn allowances(&self, asks: &Facts) -> Result<Vec<Allowance>, VaultError> {
        let snapshot = self.snapshot()?;
        let mut seen = Vec::new();
        for allowance in snapshot.roster().allowances.values() {
            let target = self.of_allowance(allowance)?;
            let facts = Facts { target: target.clone(), action: Action::AllowanceEnd, ..asks.clone() };
            let own = allowance.principal == asks.actor.principal;
            if self.is_told(asks, &target).await? {
                seen.push(allowance.clone());
            } else if own || matches!(self.gate.evaluate(&facts), Verdict::Allow(_)) {
                if !own {
                    self.tell_of(asks, target).await?;
                }
                seen.push(allowance.clone());
            }
        }
        Ok(seen)
    }
}
