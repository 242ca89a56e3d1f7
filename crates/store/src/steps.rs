//! Changes of records, carried out: what must hold of the state for each, beyond what the policies decided.

mod terms;

use cordon_domain::limits::APPROVALS_MAX;
use cordon_domain::{
    Action, Actor, Asked, AskedHash, Bucket, Device, Emergency, Event, Grant, Guarding, Level, Moment, Policies,
    Principal, PrincipalId, PrincipalKind, Record, RecordKey, Revoked, Role, Scope, Step, Steps, Target, VersionId,
    Versioning,
};
use cordon_gate::Permit;
use cordon_gate::act::Changes;

use crate::entries;
use crate::error::StoreError;
use crate::identities::{authenticator, credential, forget};
use crate::keyring::Keyring;
use crate::limits::{ASK_MS_MAX, ASKS_OPEN_MAX, EMERGENCY_MS_MAX};
use crate::records::{all, buckets, devices_with, end, live, moment, put, record};
use crate::rows::{Stamp, encoded};
use crate::sql::{Session, values};
use crate::state::object;

/// Whom a step is about, if anyone.
fn subject(action: Action, step: &Step) -> Option<PrincipalId> {
    match step {
        // Whoever makes a bucket owns it: that is checked against who acts.
        Step::Put(Record::Grant(_)) if action == Action::BucketCreate => None,
        Step::Put(Record::Principal(principal)) => Some(principal.id),
        Step::Put(Record::Device(device)) => Some(device.owner),
        Step::Put(Record::Grant(grant)) => Some(grant.principal),
        Step::Put(Record::Allowance(allowance)) => Some(allowance.principal),
        Step::Put(Record::Emergency(emergency)) => Some(emergency.principal),
        Step::Put(Record::Ask(asked)) => Some(asked.by),
        Step::Put(Record::Revoked(revoked)) => Some(revoked.principal),
        Step::End(RecordKey::Principal(id)) => Some(*id),
        Step::Put(
            Record::Vendor(_)
            | Record::Closed(_)
            | Record::Levels(_)
            | Record::Policies(_)
            | Record::Bucket(_)
            | Record::Publication(_)
            | Record::Embargo(_)
            | Record::Codename(_),
        )
        | Step::End(_) => None,
    }
}

/// Tells whether steps are about `target` and nothing else: the decision was about what they do.
pub(crate) fn concern(action: Action, steps: &Steps, target: &Target) -> bool {
    let about = |step: &Step| {
        let subject = subject(action, step).is_none_or(|subject| target.principal == Some(subject));
        let asks_oneself = asks(action);
        let within = match step {
            Step::Put(Record::Grant(grant)) if action == Action::BucketCreate => {
                matches!(steps.0.first(), Some(Step::Put(Record::Bucket(new))) if grant.scope == Scope::Bucket(new.id))
            }
            Step::Put(Record::Grant(grant)) => is_within(&grant.scope, target),
            Step::Put(Record::Bucket(bucket)) if action != Action::BucketCreate => target.bucket == Some(bucket.id),
            Step::End(RecordKey::Bucket(id)) => target.bucket == Some(*id),
            Step::Put(Record::Publication(publication)) => {
                Target { record: None, ..target.clone() } == publication.target()
            }
            Step::Put(Record::Allowance(allowance)) => Target { record: None, ..target.clone() } == allowance.target(),
            Step::Put(Record::Embargo(embargo)) => Target { record: None, ..target.clone() } == embargo.target(),
            // Whose it is, is checked against what is stored.
            Step::End(RecordKey::Publication(_)) => target.version.is_some(),
            Step::End(RecordKey::Allowance(_) | RecordKey::Embargo(_)) => true,
            Step::End(RecordKey::Ask(_)) if action == Action::PublicationWithdraw => target.version.is_some(),
            Step::Put(Record::Ask(asked)) => is_about(asked, target),
            // Everything else is decided on the installation, whatever bucket somebody owns.
            _ => target.bucket.is_none() && target.version.is_none(),
        };
        (subject || asks_oneself) && within
    };
    // Roles come with the person who is brought in, and with nobody else.
    let brings_in = action != Action::PrincipalCreate
        || matches!(steps.0.first(), Some(Step::Put(Record::Principal(new))) if target.principal == Some(new.id));
    let distinct =
        steps.0.iter().enumerate().all(|(place, step)| steps.0.iter().take(place).all(|one| one.key() != step.key()));
    let named = steps.0.first().is_some_and(|step| target.record == Some(step.key()));
    steps.fit(action) && named && distinct && brings_in && steps.0.iter().all(about)
}

/// Asking others is about oneself, whatever is asked.
const fn asks(action: Action) -> bool {
    matches!(action, Action::ApprovalAsk | Action::EmergencyAsk)
}

/// A grant is decided on what it covers: whoever owns a bucket grants on that bucket.
fn is_within(scope: &Scope, target: &Target) -> bool {
    match scope {
        Scope::Installation | Scope::Project(_) => target.bucket.is_none() && target.version.is_none(),
        Scope::Bucket(bucket) => target.bucket == Some(*bucket) && target.version.is_none(),
        Scope::Version(version) => target.version == Some(*version),
    }
}

/// What is asked is decided on what it is about, as is its approval.
fn is_about(asked: &Asked, target: &Target) -> bool {
    let Target { bucket, version, label, .. } = target;
    (bucket, version, label) == (&asked.target.bucket, &asked.target.version, &asked.target.label)
}

/// Two who change a record at once do not undo what the other did: the second looks again.
pub(crate) async fn still_are(session: &mut Session, keys: &Keyring, from: &[Record]) -> Result<(), StoreError> {
    for known in from {
        let now = record(session, keys, &known.key()).await?;
        holds(now.as_ref() == Some(known), &format!("{} was changed meanwhile: look at it again", known.key()))?;
    }
    Ok(())
}

/// Carries steps out. Returns how many.
pub(crate) async fn carry_out<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    steps: &Steps,
    stamp: Stamp,
) -> Result<u64, StoreError> {
    let at = stamp.at;
    let stamp = Stamp { at: moment(session, at).await?, ..stamp };
    for step in &steps.0 {
        Guard { session, keys, permit, at }.check(step).await?;
        match step {
            Step::Put(record) => put(session, keys, stamp, record).await?,
            Step::End(key) => finish(session, keys, permit.action(), stamp, key).await?,
        }
        if matches!(step, Step::Put(Record::Revoked(_)) | Step::End(_)) {
            forget(session, &step.key()).await?;
        }
    }
    Ok(steps.0.len() as u64)
}

/// Uses an approval up, by whoever asked, for what they asked: it counts once.
pub(crate) async fn use_up(
    session: &mut Session,
    keys: &Keyring,
    event: &Event,
    approval: cordon_domain::AskId,
) -> Result<(), StoreError> {
    let key = RecordKey::Ask(approval);
    let Some(Record::Ask(asked)) = record(session, keys, &key).await? else {
        return conflict(format!("there is no {key}: it was used, or taken back"));
    };
    let own = asked.by == event.actor.principal && asked.action == event.action && asked.target == event.target;
    holds(own, "what was approved is something else, or someone else's")?;
    let stamp = Stamp { request: event.request, at: moment(session, event.at).await? };
    end(session, keys, stamp, &key).await
}

/// Ends a record; what is revoked never comes back.
async fn finish(
    session: &mut Session,
    keys: &Keyring,
    action: Action,
    stamp: Stamp,
    key: &RecordKey,
) -> Result<(), StoreError> {
    if action == Action::Revoke {
        revoke(session, keys, key).await?;
    }
    end(session, keys, stamp, key).await
}

async fn revoke(session: &mut Session, keys: &Keyring, key: &RecordKey) -> Result<(), StoreError> {
    let id = revoked_id(key);
    let mac = keys.rows().mac(&[b"revocations/v1", &id]);
    session
        .execute("INSERT INTO revocations VALUES (?1, ?2) ON CONFLICT DO NOTHING", values![&id, &mac])
        .await
        .map(drop)
}

/// Principals stand there by their bytes alone, as they did in the first format.
fn revoked_id(key: &RecordKey) -> Vec<u8> {
    match key {
        RecordKey::Principal(id) => id.0.to_vec(),
        key => encoded(key),
    }
}

/// Tells whether something was revoked. A row without a MAC that fits says so, too.
pub(crate) async fn is_revoked(session: &mut Session, key: &RecordKey) -> Result<bool, StoreError> {
    let id = revoked_id(key);
    Ok(session.first("SELECT 1 FROM revocations WHERE id = ?1", values![&id]).await?.is_some())
}

struct Guard<'a, A> {
    session: &'a mut Session,
    keys: &'a Keyring,
    permit: &'a Permit<A>,
    at: Moment,
}

fn conflict<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Conflict(what.into()))
}

fn holds(condition: bool, what: &str) -> Result<(), StoreError> {
    if condition { Ok(()) } else { conflict(what) }
}

impl<A: Changes> Guard<'_, A> {
    async fn check(&mut self, step: &Step) -> Result<(), StoreError> {
        match step {
            Step::Put(Record::Principal(principal)) => self.principal(principal).await,
            Step::Put(Record::Device(device)) => self.device(device).await,
            Step::Put(Record::Grant(grant)) => self.grant(grant).await,
            Step::Put(Record::Ask(asked)) if asks(self.permit.action()) => self.ask(asked).await,
            Step::Put(Record::Ask(asked)) => self.approve(asked).await,
            Step::Put(Record::Emergency(emergency)) => self.emergency(emergency).await,
            Step::Put(Record::Policies(policies)) => self.policies(policies).await,
            Step::Put(Record::Vendor(vendor)) => self.never_revoked(&RecordKey::Vendor(vendor.id)).await,
            Step::Put(Record::Levels(levels)) => {
                let met = |count: u32| (1..=APPROVALS_MAX as u32).contains(&count);
                let all = Level::ALL.into_iter().all(|level| met(levels.of(level).approvals));
                holds(all && met(levels.emergency_approvals), "what takes two people takes from 1 to 16 approvals")
            }
            Step::Put(Record::Closed(_)) => Ok(()),
            Step::Put(Record::Bucket(bucket)) if self.permit.action() == Action::BucketCreate => {
                self.new_bucket(bucket).await
            }
            Step::Put(Record::Bucket(bucket)) => self.bucket(bucket).await,
            Step::Put(Record::Revoked(revoked)) => self.revoked(revoked).await,
            Step::Put(Record::Publication(publication)) => self.publication(publication).await,
            Step::Put(Record::Allowance(allowance)) => self.allowance(allowance).await,
            Step::Put(Record::Embargo(embargo)) => self.embargo(embargo).await,
            Step::Put(Record::Codename(codename)) => self.codename(codename).await,
            Step::End(key @ RecordKey::Publication(_)) => self.withdrawn(key).await,
            Step::End(key @ RecordKey::Allowance(_)) => self.ended(key).await,
            Step::End(key @ RecordKey::Embargo(_)) => self.lifted(key).await,
            Step::End(key @ RecordKey::Ask(_)) if self.permit.action() == Action::PublicationWithdraw => {
                self.asked_no_more(key).await
            }
            Step::End(RecordKey::Emergency(id)) => self.review(&RecordKey::Emergency(*id)).await,
            Step::End(key @ RecordKey::Bucket(id)) => {
                if let Some(Record::Bucket(old)) = self.record(key).await? {
                    self.decided_on(&old)?;
                }
                holds(entries::is_empty(self.session, *id).await?, &format!("{id} is not empty"))
            }
            Step::End(_) => Ok(()),
        }
    }

    /// A name leads to one bucket.
    async fn new_bucket(&mut self, new: &Bucket) -> Result<(), StoreError> {
        holds(new.made_by == self.permit.actor().principal, "a bucket says who makes it")?;
        let looser = new.guarding().is_looser_than(&Guarding::DEFAULT);
        holds(!looser, "a bucket begins with everything enforced")?;
        let taken = buckets(self.session, self.keys).await?.iter().any(|bucket| bucket.name == new.name);
        holds(!taken, &format!("a bucket `{}` is there already", new.name))?;
        self.is_new(RecordKey::Bucket(new.id)).await
    }

    /// A bucket is changed, or removed, as it was decided on.
    fn decided_on(&self, bucket: &Bucket) -> Result<(), StoreError> {
        let own = self.permit.target().label.as_ref() == Some(&bucket.label);
        holds(own, "the bucket has another label than the one that was decided on")
    }

    /// What is written to a bucket later is no more open than what was written before.
    async fn bucket(&mut self, new: &Bucket) -> Result<(), StoreError> {
        let Some(Record::Bucket(old)) = self.record(&RecordKey::Bucket(new.id)).await? else {
            return conflict(format!("there is no {}", new.id));
        };
        let Bucket { label, versioning, guarding, tagging, .. } = new.clone();
        let same = Bucket { label, versioning, guarding, tagging, ..(*old).clone() } == *new;
        holds(same, "name and maker of a bucket do not change: make another")?;
        self.decided_on(new)?;
        holds(!new.label.is_lower_than(&old.label), "the label of a bucket is raised, and not lowered")?;
        let kept = old.versioning == Versioning::Off || new.versioning == Versioning::On;
        holds(kept, "a bucket that keeps earlier versions goes on keeping them")?;
        let looser = new.guarding().is_looser_than(&old.guarding());
        let only = Bucket { guarding: new.guarding, ..(*old).clone() } == *new;
        match self.permit.action() {
            Action::BucketLoosen => holds(only, "whoever loosens how a bucket is guarded changes nothing else"),
            _ => holds(!looser, "a bucket that observes what it enforced is loosened, which takes two people"),
        }
    }

    async fn record(&mut self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        record(self.session, self.keys, key).await
    }

    async fn never_revoked(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        holds(!is_revoked(self.session, key).await?, &format!("{key} was revoked, and does not come back"))
    }

    /// A name that is used for the first time.
    async fn is_new(&mut self, key: RecordKey) -> Result<(), StoreError> {
        self.never_revoked(&key).await?;
        holds(live(self.session, &key).await?.is_none(), &format!("{key} is there already"))
    }

    async fn principal_of(&mut self, id: PrincipalId) -> Result<Option<Principal>, StoreError> {
        match self.record(&RecordKey::Principal(id)).await? {
            Some(Record::Principal(principal)) => Ok(Some(principal)),
            _ => Ok(None),
        }
    }

    async fn is_there(&mut self, id: PrincipalId) -> Result<(), StoreError> {
        holds(self.principal_of(id).await?.is_some(), &format!("there is no {id}"))
    }

    /// The human behind whoever acts; the person at the machine is their own.
    async fn human(&mut self, actor: &Actor) -> Result<PrincipalId, StoreError> {
        Ok(self.principal_of(actor.principal).await?.map_or(actor.principal, |principal| principal.owner))
    }

    async fn principal(&mut self, new: &Principal) -> Result<(), StoreError> {
        self.owner(new).await?;
        if let Some(vendor) = new.vendor {
            let there = self.record(&RecordKey::Vendor(vendor)).await?.is_some();
            holds(there, &format!("there is no {vendor}"))?;
        }
        let kinds = [PrincipalKind::Person, PrincipalKind::Service, PrincipalKind::Vendor];
        let shaped = kinds.contains(&new.kind) && (new.kind == PrincipalKind::Vendor) == new.vendor.is_some();
        holds(shaped, "a vendor's person names the vendor, and nobody else does")?;
        if self.permit.action() == Action::PrincipalCreate {
            return self.is_new(RecordKey::Principal(new.id)).await;
        }
        let Some(old) = self.principal_of(new.id).await? else { return conflict(format!("there is no {}", new.id)) };
        let same = (old.kind, old.owner, old.vendor) == (new.kind, new.owner, new.vendor);
        holds(same, "kind, owner and vendor of a principal do not change: add another")
    }

    /// A service is answered for by a person who is there. A person's second account names the first, which is its own; and
    /// only the person at the machine, who is no principal, says that somebody is they themselves.
    async fn owner(&mut self, new: &Principal) -> Result<(), StoreError> {
        if new.owner == new.id {
            return holds(new.kind != PrincipalKind::Service, "somebody answers for a service");
        }
        match self.principal_of(new.owner).await? {
            Some(owner) => {
                let person = owner.kind == PrincipalKind::Person && new.kind != PrincipalKind::Vendor;
                let first = new.kind == PrincipalKind::Service || owner.owner == owner.id;
                let actor = self.permit.actor().clone();
                let other = new.kind == PrincipalKind::Service
                    || self.permit.action() != Action::PrincipalCreate
                    || self.human(&actor).await? != owner.owner;
                holds(person && first, "an owner is a person, and of two accounts the first")?;
                holds(other, "somebody else brings a second account of one's own in")
            }
            None => holds(
                new.owner == self.permit.actor().principal && new.kind == PrincipalKind::Person
                    || self.permit.action() == Action::PrincipalChange,
                &format!("there is no {}", new.owner),
            ),
        }
    }

    /// What is revoked is there, and whose it is said to be; whoever signs out ends what was issued to them.
    async fn revoked(&mut self, new: &Revoked) -> Result<(), StoreError> {
        let id = new.credential;
        let issued = credential(self.session, self.keys, id).await?.map(|credential| credential.principal);
        let way = authenticator(self.session, self.keys, id).await?.map(|way| way.principal);
        holds(issued.or(way) == Some(new.principal), &format!("there is no {id}, or it is another's"))?;
        let own = issued == Some(self.permit.actor().principal);
        holds(own || self.permit.action() == Action::Revoke, "whoever signs out ends their own sessions and keys")?;
        holds(live(self.session, &RecordKey::Credential(id)).await?.is_none(), &format!("{id} was revoked already"))
    }

    async fn device(&mut self, device: &Device) -> Result<(), StoreError> {
        self.is_there(device.owner).await?;
        let known = devices_with(self.session, self.keys, &device.key).await?;
        holds(
            !known,
            "the key of this device was enrolled before, and what is revoked does not come back: give it another key",
        )?;
        self.is_new(RecordKey::Device(device.id)).await
    }

    async fn grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.is_there(grant.principal).await?;
        let own = grant.principal == self.permit.actor().principal && grant.role == Role::Owner;
        holds(own || self.permit.action() != Action::BucketCreate, "whoever makes a bucket owns it, and nobody else")?;
        let given = grant.given_by == self.permit.actor().principal && grant.ends.is_none_or(|ends| ends > self.at);
        holds(given && !grant.reason.trim().is_empty(), "a grant names who gives it, an end ahead, and a reason")?;
        if let Scope::Version(version) = grant.scope {
            self.is_as_stored(version).await?;
        }
        let key = RecordKey::Grant(grant.id);
        match self.record(&key).await? {
            Some(Record::Grant(old)) => {
                let prolonged = Grant { ends: grant.ends, ..old };
                holds(prolonged == *grant, "whoever gave a grant may prolong it, and change nothing else")
            }
            _ => self.is_new(key).await,
        }
    }

    /// A version is decided on as it is stored: in its bucket, with its label.
    async fn is_as_stored(&mut self, version: VersionId) -> Result<(), StoreError> {
        let row = object(self.session, self.keys, version).await?;
        let target = self.permit.target();
        let same =
            row.is_some_and(|row| target.bucket == Some(row.bucket) && target.label.as_ref() == Some(&row.label));
        holds(same, &format!("{version} is not where it was decided on, or has another label"))
    }

    async fn ask(&mut self, asked: &Asked) -> Result<(), StoreError> {
        if let Some(version) = asked.target.version {
            self.is_as_stored(version).await?;
        }
        let emergency = self.permit.action() != Action::EmergencyAsk || asked.action == Action::EmergencyOpen;
        holds(emergency, "what is asked for is no emergency")?;
        let hash = AskedHash::of(asked.action, &asked.target, &asked.change, &asked.reason);
        holds(hash == asked.hash, "what is asked for is not what the approval would be bound to")?;
        let actor = self.permit.actor().clone();
        let own = asked.by == actor.principal && asked.owner == self.human(&actor).await? && asked.approvals.is_empty();
        let lapses = asked.ends > asked.at && asked.ends.since_ms(asked.at) <= ASK_MS_MAX;
        holds(own && lapses && !asked.reason.trim().is_empty(), "who asks names themselves, a reason, and an end")?;
        let all = all(self.session, self.keys).await?.roster.asks;
        let open = all.values().filter(|other| other.owner == asked.owner && other.ends > self.at).count();
        holds(open < ASKS_OPEN_MAX, "too much that this person asked for waits: let others answer first")?;
        self.is_new(RecordKey::Ask(asked.id)).await
    }

    /// Exactly one approval is added, by whoever acts; nothing else becomes another.
    async fn approve(&mut self, new: &Asked) -> Result<(), StoreError> {
        let Some(Record::Ask(old)) = self.record(&RecordKey::Ask(new.id)).await? else {
            return conflict(format!("there is no {}: it was used, or taken back", new.id));
        };
        let actor = self.permit.actor().clone();
        let human = self.human(&actor).await?;
        let Some((last, before)) = new.approvals.split_last() else { return conflict("there is no approval in it") };
        let own = last.by == actor.principal && last.owner == human;
        let once = !before.iter().any(|approval| approval.owner == human);
        let same =
            before == old.approvals.as_slice() && Asked { approvals: old.approvals.clone(), ..new.clone() } == *old;
        holds(own && same, "an approval adds the name of whoever gives it, and changes nothing else")?;
        holds(once, "this person has approved it already")?;
        holds(old.counts_at(self.at), "what was asked has lapsed: ask again")
    }

    async fn emergency(&mut self, new: &Emergency) -> Result<(), StoreError> {
        let actor = self.permit.actor().clone();
        let own = new.principal == actor.principal && new.owner == self.human(&actor).await?;
        let length = new.until.since_ms(new.since);
        let short = (1..=EMERGENCY_MS_MAX).contains(&length) && new.since <= self.at && self.at < new.until;
        holds(
            own && short && !new.reason.trim().is_empty(),
            "an emergency is one's own, has a reason, and ends within the hour",
        )?;
        let others = all(self.session, self.keys).await?.roster.emergencies;
        let open = others.values().any(|other| other.owner == new.owner);
        holds(!open, "an earlier emergency of the same person waits for its review")?;
        self.is_new(RecordKey::Emergency(new.id)).await
    }

    /// It was decided about the person whose emergency it is.
    async fn review(&mut self, key: &RecordKey) -> Result<(), StoreError> {
        let Some(Record::Emergency(emergency)) = self.record(key).await? else {
            return conflict(format!("there is no {key}"));
        };
        holds(self.permit.target().principal == Some(emergency.principal), "the emergency is another person's")?;
        // The account may be gone by now, and with it what told that it was theirs.
        let actor = self.permit.actor().clone();
        let reviewer = self.human(&actor).await?;
        holds(reviewer != emergency.owner, "an emergency is reviewed by somebody else than whose it was")
    }

    async fn policies(&mut self, new: &Policies) -> Result<(), StoreError> {
        let old = match self.record(&RecordKey::Policies).await? {
            Some(Record::Policies(old)) => old,
            _ => Policies::default(),
        };
        holds(new.version == old.version + 1, "the policies were changed meanwhile: look at them and ask again")?;
        cordon_policy::check(&new.text).map_err(|error| StoreError::Conflict(error.to_string()))
    }
}
