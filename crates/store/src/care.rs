//! Caring for keys, through the gate: rotation, rewrapping, shredding, erasing.
//!
//! Each step is decided and recorded; what spans two databases is done in an order that a crash cannot break: the key
//! store first holds what the database will refer to, and destroys only what the database refers to no more.

use std::path::Path;

use cordon_domain::{
    Action, Actor, AskId, BucketId, Clock, Level, Moment, Outcome, Personal, PrincipalId, RequestId, Target, VersionId,
};
use cordon_gate::act::{Backup, Certify, Erase, Rewrap, Rotate, Shred};
use cordon_gate::{Decide, Denial, Facts, Gate, Recorded, Request};
use cordon_keys::{KeyName, KeyRef};
use cordon_ledger::Hash;
use cordon_ledger::entry::open;

use crate::backup::{back_up_data, back_up_keys};
use crate::certificate::Certificate;
use crate::change::{BackupKind, Change};
use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::installation::Installation;
use crate::read::Search;
use crate::writer::Writer;

/// Why keys were not cared for.
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// The gate refused.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What shredding did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shredded {
    /// What it destroyed, and what could still open the version.
    pub certificate: Certificate,
    /// The event beside which the certificate stands.
    pub certified: Recorded,
}

/// Days after which a backup of the key store must be destroyed.
pub const KEY_BACKUP_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// Cares for the keys of an installation, for one actor.
pub struct Care<'a, D> {
    gate: &'a Gate<D, Writer>,
    installation: &'a Installation,
    clock: &'a dyn Clock,
    actor: Actor,
    personal: Personal,
}

/// Why something is done, and what others approved of it.
#[derive(Clone, Debug, Default)]
pub struct Why {
    /// The reason, as it was given to those who approved.
    pub reason: Option<String>,
    /// What they approved.
    pub approval: Option<AskId>,
}

impl<'a, D: Decide> Care<'a, D> {
    /// Acts as `actor`.
    pub const fn new(
        gate: &'a Gate<D, Writer>,
        installation: &'a Installation,
        clock: &'a dyn Clock,
        actor: Actor,
        personal: Personal,
    ) -> Self {
        Self { gate, installation, clock, actor, personal }
    }

    /// Gives a key a new version. Keys under it are wrapped anew at once; data keys by [`Care::rewrap`].
    ///
    /// # Errors
    ///
    /// [`CareError`] when it is refused or cannot be done.
    pub async fn rotate(&self, name: KeyName) -> Result<KeyRef, CareError> {
        let keys = self.installation.keys();
        let target = target_of(name);
        if let KeyName::Bucket(..) = name {
            let next = keys.prepare_version(name)?;
            let change = Change::Rotate { name, version: next.version };
            let _receipt = self.gate.change(self.request::<Rotate>(target), change).await?;
            return Ok(next);
        }
        let _alone = keys.store().rotate_alone()?;
        let newest = keys.store().newest(name)?.unwrap_or(0);
        let change = Change::Rotate { name, version: newest + 1 };
        let _receipt = self.gate.change(self.request::<Rotate>(target), change).await?;
        let next = keys.prepare_version(name)?;
        keys.rewrap_stored()?;
        // A level key wraps nothing but stored keys, and they have all moved. Other keys still open what they sealed.
        if matches!(name, KeyName::Level(_)) {
            keys.destroy_below(name, next.version)?;
        }
        Ok(next)
    }

    /// Wraps all data keys of a level in a bucket anew under the active version, a batch a transaction, and destroys
    /// the versions that wrap nothing more. Returns how many moved.
    ///
    /// # Errors
    ///
    /// [`CareError`] when it is refused or a wrap does not open; batches before it stand.
    pub async fn rewrap(&self, bucket: BucketId, level: Level) -> Result<u64, CareError> {
        let name = KeyName::Bucket(bucket, level);
        let (keys, reader) = (self.installation.keys(), self.installation.reader());
        let mut moved = 0;
        while let Some(active) = reader.active_key(keys, name).await? {
            let wraps = reader.wraps(&active).await?;
            if wraps.older == 0 && active.least == active.active {
                // A row whose level was changed beside Cordon is not among those that moved: found before its key goes.
                reader.check_rows(keys, bucket, active.least).await?;
                // Those left by a run that broke off among them.
                keys.destroy_below(name, active.least)?;
                break;
            }
            let request = self.request::<Rewrap>(target_of(name));
            let _receipt = self.gate.change(request, Change::Rewrap { bucket, level }).await?;
            moved += wraps.older.saturating_sub(reader.wraps(&active).await?.older);
        }
        Ok(moved)
    }

    /// Destroys what opens one version: its wrap, and, once all others are wrapped anew, the key that made it. A
    /// certificate of it goes into the ledger.
    ///
    /// # Errors
    ///
    /// [`CareError`] when it is refused or cannot be done. Begun again, it goes on where it stopped.
    pub async fn shred(&self, bucket: BucketId, version: VersionId, why: Why) -> Result<Shredded, CareError> {
        let (keys, reader) = (self.installation.keys(), self.installation.reader());
        let row = reader.object(keys, version).await?.filter(|row| row.bucket == bucket);
        let mut recorded = None;
        if let Some(row) = row {
            let next_key = keys.prepare_version(row.key_name())?.version;
            let target =
                Target { bucket: Some(bucket), version: Some(version), label: Some(row.label), ..Target::default() };
            let change = Change::Shred { bucket, version, next_key };
            let Why { reason, approval } = why;
            let request = Request::<Shred>::new(Facts { reason, approval, ..self.facts(target) });
            recorded = self.gate.change(request, change).await?.recorded().copied();
        }
        let shredded = reader.shredded(keys, version).await?.filter(|row| row.bucket == bucket);
        let shredded = shredded.ok_or_else(|| StoreError::Conflict(format!("there is no {version} in {bucket}")))?;
        let rewrapped = self.rewrap(bucket, shredded.level).await?;
        let destroyed = shredded.under();
        if keys.store().key(destroyed)?.is_some() {
            return Err(StoreError::Conflict(format!("{destroyed} is still in use: ask again")).into());
        }
        // What an earlier run began, and may have ended, is in the log.
        let (recorded, earlier) = match recorded {
            Some(recorded) => (Some(recorded), None),
            None => (self.earlier(version, Action::KeyShred).await?, self.earlier(version, Action::KeyCertify).await?),
        };
        let (data_backups, key_backup) = self.backups().await?;
        let could_be_opened_until = key_backup.map(|made| made.plus_ms(KEY_BACKUP_DAYS * DAY_MS));
        let certificate = Certificate { version, destroyed, recorded, rewrapped, data_backups, could_be_opened_until };
        let certified = match earlier {
            Some(earlier) => earlier,
            None => self.certify(bucket, &certificate).await?,
        };
        Ok(Shredded { certificate, certified })
    }

    /// Finds the event of an earlier run, which may have broken off.
    async fn earlier(&self, version: VersionId, action: Action) -> Result<Option<Recorded>, StoreError> {
        let keys = self.installation.keys();
        let (object, action) = (Some(keys.index().version(version)), Some(keys.index().action(action)));
        let found = self.installation.reader().search(&Search { object, action, ..Search::default() }).await?;
        let event_keys = keys.event_keys()?;
        let allowed = |entry: &[u8]| {
            let mut opened = event_keys.iter().filter_map(|key| open(entry, key, |_| None).ok());
            opened.any(|opened| opened.event.outcome == Outcome::Allowed)
        };
        let first = found.into_iter().find(|(_, entry)| allowed(entry));
        Ok(first.map(|(position, entry)| Recorded { position: Some(position), leaf_hash: Hash::leaf(&entry).0 }))
    }

    /// Puts a certificate into the ledger.
    async fn certify(&self, bucket: BucketId, certificate: &Certificate) -> Result<Recorded, Denial> {
        let target = Target { bucket: Some(bucket), version: Some(certificate.version), ..Target::default() };
        let beside = certificate.json().to_string().into_bytes();
        let facts = Facts { beside, ..self.facts(target) };
        self.gate.attest(Request::<Certify>::new(facts)).await
    }

    /// Erases what identifies a person: what was recorded of them stays sealed for ever, and every proof still holds.
    ///
    /// # Errors
    ///
    /// [`CareError`] when it is refused or cannot be done.
    pub async fn erase(&self, subject: PrincipalId, reason: &str) -> Result<(), CareError> {
        let target = Target { principal: Some(subject), ..Target::default() };
        let request = Request::<Erase>::new(Facts { reason: Some(reason.to_owned()), ..self.facts(target) });
        let _receipt = self.gate.change(request, Change::Erase(subject)).await?;
        Ok(self.installation.keys().erase_subject(subject)?)
    }

    /// Backs the data up to `data`, and the wrapped keys to `keys` when it is given: each to a folder of its own, which is
    /// empty or not there.
    ///
    /// # Errors
    ///
    /// [`CareError`] when it is refused or cannot be done.
    pub async fn back_up(&self, data: &Path, keys: Option<&Path>) -> Result<(), CareError> {
        let places = keys.map(|keys| (keys, BackupKind::Keys)).into_iter().chain([(data, BackupKind::Data)]);
        for (folder, kind) in places {
            let change = Change::Backup { at: self.clock.now(), kind };
            let _receipt = self.gate.change(self.request::<Backup>(Target::default()), change).await?;
            match kind {
                BackupKind::Keys => back_up_keys(self.installation, folder)?,
                BackupKind::Data => back_up_data(self.installation, folder).await?,
            }
        }
        Ok(())
    }

    async fn backups(&self) -> Result<(Vec<Moment>, Option<Moment>), StoreError> {
        let made = self.installation.reader().backups().await?;
        let of = |kind: &str| made.iter().filter(|(_, found)| found == kind).map(|(at, _)| *at).collect::<Vec<_>>();
        Ok((of("data"), of("keys").last().copied()))
    }

    fn request<A: cordon_gate::Act>(&self, target: Target) -> Request<A> {
        Request::new(self.facts(target))
    }

    fn facts(&self, target: Target) -> Facts {
        let request = RequestId::draw(&mut SystemEntropy);
        Facts {
            target,
            personal: self.personal.clone(),
            ..Facts::new(request, self.clock.now(), Action::KeyRotate, self.actor.clone())
        }
    }
}

fn target_of(name: KeyName) -> Target {
    match name {
        KeyName::Bucket(bucket, level) => {
            Target { bucket: Some(bucket), label: Some(cordon_domain::Label::of(level)), ..Target::default() }
        }
        KeyName::Level(level) => Target { label: Some(cordon_domain::Label::of(level)), ..Target::default() },
        KeyName::Subject(subject) => Target { principal: Some(subject), ..Target::default() },
        KeyName::Purpose(_) => Target::default(),
    }
}
