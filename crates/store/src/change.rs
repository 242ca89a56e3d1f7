//! What can be changed, each in one transaction with the event that says so.

use cordon_domain::limits::LABEL_PROJECTS_MAX;
use cordon_domain::{
    Action, BucketId, Label, Level, ObjectKey, PrincipalId, Record, RecordKey, Step, Steps, Target, VersionId,
};
use cordon_gate::act::Changes;
use cordon_gate::{Described, Epoch, Permit};
use cordon_keys::{Belongs, KeyName};

use crate::edge::SystemEntropy;
use crate::entries::{self, Mark, NewVersion, hide, lead, tag, take_away, take_away_if_named};
use crate::error::StoreError;
use crate::identities::{self, Access};
use crate::inspections::{self, Look};
use crate::keyring::Keyring;
use crate::labels::{keep_past, stamp_after};
use crate::limits::REWRAP_BATCH_MAX;
use crate::prints;
use crate::records;
use crate::rows::{ActiveKey, ObjectRow, ShreddedRow, Stamp, encoded};
use crate::sql::{Cell, Session, values};
use crate::state::{EPOCH, ERASED, NOT_SHREDDED, active_key, epoch, object, put_setting};
use crate::steps::{carry_out, concern, still_are};

/// A change of state.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new version of an object, to which its name leads from then on.
    Write(Box<NewVersion>),
    /// What a name leads to is hidden behind a mark; it can be shown again.
    Hide {
        /// The bucket.
        bucket: BucketId,
        /// The name.
        key: ObjectKey,
        /// The version that it leads to.
        version: VersionId,
        /// The mark.
        mark: Mark,
        /// Records as they were when this was decided on: they still are.
        from: Vec<Record>,
    },
    /// A version, or a mark, is deleted for ever.
    Delete {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// Records as they were when this was decided on: they still are.
        from: Vec<Record>,
    },
    /// Another label for a version, higher or lower; the data key is wrapped anew.
    Relabel {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// The action: raising or lowering.
        action: Action,
        /// The new label.
        label: Label,
        /// The version of the new level's bucket key, prepared.
        key_version: u32,
        /// What is known of it from then on, where a look into it is why.
        look: Option<Box<Look>>,
    },
    /// Other tags for a version; its bytes and its label stay.
    Tag {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// Tags as S3 writes them in a header; none.
        tagging: Option<String>,
    },
    /// Copies of a version are recognised no more; it stays as it is.
    ForgetPrints {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
    },
    /// A version was looked into, and keeps its label.
    Inspect {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// What is known of it from then on.
        look: Box<Look>,
    },
    /// Records begin, become others, or end; the revocation epoch grows, so that no decision rests on what was.
    Records {
        /// The action.
        action: Action,
        /// What is done. Its event keeps the same beside it.
        steps: Steps,
        /// Names of people, sealed under keys of their own.
        names: Vec<NewName>,
        /// Records as they were when this was planned: they still are.
        from: Vec<Record>,
    },
    /// Ways to sign in change, and credentials are issued.
    Access(Box<Access>),
    /// A prepared version of a bucket key comes into use; of any other key, only the event.
    Rotate {
        /// The key.
        name: KeyName,
        /// The version, prepared.
        version: u32,
    },
    /// Data keys under older versions are wrapped anew under the active one: a bounded number.
    Rewrap {
        /// The bucket.
        bucket: BucketId,
        /// The level.
        level: Level,
    },
    /// The wrap of a version is deleted, and its bucket key gets the prepared version.
    Shred {
        /// The bucket.
        bucket: BucketId,
        /// The version.
        version: VersionId,
        /// The next version of the bucket key, prepared.
        next_key: u32,
    },
    /// A backup is made: of the data, or of the keys.
    Backup {
        /// When.
        at: cordon_domain::Moment,
        /// Of what.
        kind: BackupKind,
    },
    /// What identifies a person is to be forgotten: the key is destroyed once this is durable.
    Erase(PrincipalId),
}

/// The name of a person, to be found by a token and read with that person's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    /// Whose.
    pub principal: PrincipalId,
    /// What it is found by.
    pub token: [u8; 32],
    /// The name, sealed.
    pub sealed: Vec<u8>,
}

impl Change {
    /// The end of a record, for ever.
    #[must_use]
    pub fn revoke(key: RecordKey) -> Self {
        Self::records(Action::Revoke, Steps(vec![Step::End(key)]))
    }

    /// Records that begin, become others, or end, whatever they were.
    #[must_use]
    pub const fn records(action: Action, steps: Steps) -> Self {
        Self::Records { action, steps, names: Vec::new(), from: Vec::new() }
    }

    /// What its event keeps beside it.
    #[must_use]
    pub fn beside(&self) -> Vec<u8> {
        match self {
            Self::Records { steps, .. } => steps.encoded(),
            Self::Relabel { label, .. } => encoded(label),
            Self::Tag { tagging, .. } => encoded(tagging),
            Self::Write(new) => new.replaces().map(|old| encoded(&old)).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// Log and database.
    Data,
    /// Wrapped keys.
    Keys,
}

impl BackupKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }
}

impl Described for Change {
    fn action(&self) -> Action {
        match self {
            Self::Write(_) => Action::ObjectWrite,
            Self::Hide { .. } => Action::ObjectHide,
            Self::Delete { .. } => Action::ObjectDelete,
            Self::Relabel { action, .. } | Self::Records { action, .. } => *action,
            Self::Inspect { .. } => Action::ObjectInspect,
            Self::Tag { .. } => Action::ObjectTag,
            Self::ForgetPrints { .. } => Action::PrintsForget,
            Self::Access(access) => access.action,
            Self::Rotate { .. } => Action::KeyRotate,
            Self::Rewrap { .. } => Action::KeyRewrap,
            Self::Shred { .. } => Action::KeyShred,
            Self::Erase(_) => Action::PrincipalErase,
            Self::Backup { .. } => Action::BackupMake,
        }
    }

    fn concerns(&self, target: &Target) -> bool {
        let versioned = |bucket, version| target.bucket == Some(bucket) && target.version == Some(version);
        match self {
            Self::Write(new) => {
                versioned(new.row.bucket, new.row.version) && target.label.as_ref() == Some(&new.row.label)
            }
            Self::Hide { bucket, version, .. } | Self::Delete { bucket, version, .. } => versioned(*bucket, *version),
            Self::Relabel { bucket, version, action, label, .. } => {
                let fits = |old: &Label| match action {
                    Action::LabelRaise => !label.is_lower_than(old),
                    Action::LabelLower => label.is_lower_than(old),
                    _ => false,
                };
                versioned(*bucket, *version) && target.label.as_ref().is_some_and(fits)
            }
            Self::Shred { bucket, version, .. }
            | Self::Inspect { bucket, version, .. }
            | Self::ForgetPrints { bucket, version }
            | Self::Tag { bucket, version, .. } => versioned(*bucket, *version),
            Self::Records { action, steps, .. } => concern(*action, steps, target),
            Self::Access(access) => access.concerns(target),
            Self::Erase(principal) => target.principal == Some(*principal),
            Self::Rotate { name: KeyName::Bucket(bucket, level), .. } | Self::Rewrap { bucket, level } => {
                target.bucket == Some(*bucket) && target.label.as_ref().is_some_and(|label| label.level == *level)
            }
            Self::Rotate { name: KeyName::Level(level), .. } => {
                target.label.as_ref().is_some_and(|label| label.level == *level)
            }
            Self::Rotate { name: KeyName::Subject(subject), .. } => target.principal == Some(*subject),
            Self::Rotate { name: KeyName::Purpose(_), .. } | Self::Backup { .. } => *target == Target::default(),
        }
    }
}

/// What a change did beyond its own row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The revocation epoch afterwards, when it grew.
    pub(crate) epoch: Option<Epoch>,
    /// Rows that were touched.
    pub(crate) rows: u64,
    /// A version that another took the place of.
    pub(crate) replaced: Option<VersionId>,
}

/// Tells whether a change that carries out `action` must be alone: while others commit, what it reads could change.
pub(crate) const fn is_exclusive(action: Action) -> bool {
    !matches!(action, Action::BackupMake)
}

/// Carries a change out inside the transaction that records it.
pub(crate) async fn apply<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    change: Change,
    stamp: Stamp,
) -> Result<Effect, StoreError> {
    match change {
        Change::Write(new) => {
            still_are(session, keys, &new.from).await?;
            by_actor(permit, new.said.by)?;
            write(session, keys, *new, stamp).await
        }
        Change::Hide { bucket, key, version, mark, from } => {
            still_are(session, keys, &from).await?;
            by_actor(permit, mark.by)?;
            as_decided(session, keys, permit, version).await?;
            hide(session, keys, (bucket, &key), (version, mark)).await?;
            Ok(Effect { rows: 1, ..Effect::default() })
        }
        Change::Delete { bucket, version, from } => {
            still_are(session, keys, &from).await?;
            as_decided(session, keys, permit, version).await?;
            take_away(session, keys, (bucket, version), stamp).await?;
            Ok(Effect { rows: 1, ..Effect::default() })
        }
        Change::Relabel { version, label, key_version, look, .. } => {
            if let Some(look) = look {
                inspections::look(session, keys, version, *look).await?;
            }
            let new = Relabelled { version, label, key_version, stamp };
            relabel(session, keys, permit, new).await
        }
        Change::Tag { version, tagging, .. } => {
            as_decided(session, keys, permit, version).await?;
            tag(session, keys, version, tagging).await?;
            Ok(Effect { rows: 1, ..Effect::default() })
        }
        Change::ForgetPrints { version, .. } => {
            as_decided(session, keys, permit, version).await?;
            match prints::forget(session, keys, version).await? {
                true => Ok(Effect { rows: 1, ..Effect::default() }),
                false => Err(StoreError::Conflict(format!("copies of {version} are not recognised"))),
            }
        }
        Change::Inspect { version, look, .. } => {
            as_decided(session, keys, permit, version).await?;
            inspections::look(session, keys, version, *look).await?;
            Ok(Effect { rows: 1, ..Effect::default() })
        }
        Change::Records { steps, names, from, .. } => {
            still_are(session, keys, &from).await?;
            let rows = carry_out(session, keys, permit, &steps, stamp).await?;
            put_names(session, &steps, &names).await?;
            Ok(Effect { rows, epoch: Some(next_epoch(session, keys).await?), ..Effect::default() })
        }
        Change::Access(access) => {
            let rows = identities::apply(session, keys, permit, &access, stamp.at).await?;
            Ok(Effect { rows, ..Effect::default() })
        }
        Change::Rotate { name: name @ KeyName::Bucket(..), version } => activate(session, keys, name, version).await,
        Change::Rotate { .. } => Ok(Effect::default()),
        Change::Rewrap { bucket, level } => rewrap(session, keys, permit, bucket, level).await,
        Change::Shred { version, next_key, .. } => shred(session, keys, permit, (version, next_key, stamp)).await,
        Change::Backup { at, kind } => {
            let keep = "INSERT INTO backups VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let rows = session.execute(keep, values![at.0, kind.as_str()]).await?;
            Ok(Effect { rows, ..Effect::default() })
        }
        Change::Erase(subject) => {
            put_setting(session, keys, &format!("{ERASED}{subject}"), &[]).await?;
            session.execute("DELETE FROM names WHERE principal = ?1", values![&subject.0]).await?;
            // Other nodes learn of it as they learn of a revocation.
            Ok(Effect { rows: 1, epoch: Some(next_epoch(session, keys).await?), ..Effect::default() })
        }
    }
}

/// Whoever it is said of did it.
fn by_actor<A: Changes>(permit: &Permit<A>, by: PrincipalId) -> Result<(), StoreError> {
    match permit.actor().principal == by {
        true => Ok(()),
        false => Err(StoreError::Conflict("a version says of another that they wrote it".to_owned())),
    }
}

/// A version is deleted, or hidden, as it was decided on: with the label that it has.
async fn as_decided<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    version: VersionId,
) -> Result<(), StoreError> {
    match object(session, keys, version).await? {
        Some(row) if permit.target().label.as_ref() != Some(&row.label) => {
            Err(StoreError::Conflict(format!("{version} has another label than the one that was decided on")))
        }
        _ => Ok(()),
    }
}

async fn write(session: &mut Session, keys: &Keyring, new: NewVersion, stamp: Stamp) -> Result<Effect, StoreError> {
    let new = NewVersion { row: ObjectRow { since: Some(stamp), ..new.row }, ..new };
    let row = &new.row;
    bounded(&row.label)?;
    let shredded = session.first("SELECT 1 FROM shredded WHERE version = ?1", values![&row.version.0]).await?;
    if shredded.is_some() {
        return Err(StoreError::Conflict(format!("{} was shredded, and does not come back", row.version)));
    }
    use_active(session, keys, row.key_name(), row.key_version).await?;
    let insert = format!(
        "INSERT INTO objects ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
        ObjectRow::COLUMNS
    );
    let cells = row.row(keys.rows());
    let values: Vec<_> = cells.0.iter().map(Cell::value).collect();
    if session.execute(&insert, &values).await? == 0 {
        return Err(StoreError::Conflict(format!("{} exists already", row.version)));
    }
    let replaced = new.replaces();
    lead(session, keys, &new, stamp).await?;
    Ok(Effect { rows: 1, replaced, ..Effect::default() })
}

fn bounded(label: &Label) -> Result<(), StoreError> {
    if label.projects.len() <= LABEL_PROJECTS_MAX {
        return Ok(());
    }
    Err(StoreError::Conflict(format!("a label has at most {LABEL_PROJECTS_MAX} projects")))
}

/// Checks that `version` is the one that wraps now; the first one that wraps becomes so.
async fn use_active(session: &mut Session, keys: &Keyring, name: KeyName, version: u32) -> Result<(), StoreError> {
    if active_key(session, keys, name).await?.is_none() {
        // Another node may be quicker.
        put_active(session, keys, ActiveKey { name, active: version, least: version }, "NOTHING").await?;
    }
    match active_key(session, keys, name).await? {
        Some(active) if active.active == version => Ok(()),
        _ => Err(StoreError::Conflict(format!("{name} was rotated meanwhile: wrap the data key anew"))),
    }
}

/// The label that a version gets, the version of its level's bucket key, and the event.
struct Relabelled {
    version: VersionId,
    label: Label,
    key_version: u32,
    stamp: Stamp,
}

async fn relabel<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    Relabelled { version, label, key_version, stamp }: Relabelled,
) -> Result<Effect, StoreError> {
    let old = object(session, keys, version).await?.ok_or_else(|| unknown(version))?;
    if permit.target().label.as_ref() != Some(&old.label) || permit.target().bucket != Some(old.bucket) {
        return Err(StoreError::Conflict(format!("{version} has another label than the one that was decided on")));
    }
    bounded(&label)?;
    let since = Some(stamp_after(stamp, old.since));
    let mut new = ObjectRow { label, key_version, since, ..old.clone() };
    let from = keys.bucket_key(old.wrap().under)?;
    let to = keys.wrapping_key(Some(key_version), new.key_name(), 1)?;
    let belongs = Belongs { bucket: old.bucket, version, label: &old.label };
    let rewrapped = from.rewrap(permit, &old.wrap(), belongs, (&to, &new.label), &mut SystemEntropy)?;
    new.wrapped = rewrapped.wrap.wrapped;
    new.manifest = rewrapped.relabel(&old.manifest, &new.label)?;
    use_active(session, keys, new.key_name(), key_version).await?;
    keep_past(session, keys, &old, stamp).await?;
    entries::relabelled(session, keys, version, &new.label).await?;
    update(session, keys, &[new]).await?;
    prints::relabelled(session, keys, version).await?;
    Ok(Effect { rows: 1, ..Effect::default() })
}

/// Keeps names of those whom the same change adds.
async fn put_names(session: &mut Session, steps: &Steps, names: &[NewName]) -> Result<(), StoreError> {
    for NewName { principal, token, sealed } in names {
        let added = steps.0.iter().any(|step| step.key() == RecordKey::Principal(*principal));
        let insert = "INSERT INTO names VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        if !added || session.execute(insert, values![&principal.0, token, sealed]).await? == 0 {
            return Err(StoreError::Conflict("somebody of that name is there already".to_owned()));
        }
    }
    Ok(())
}

pub(crate) async fn next_epoch(session: &mut Session, keys: &Keyring) -> Result<Epoch, StoreError> {
    let last = epoch(session, keys).await?;
    let next = Epoch(last.0 + 1);
    records::carry_sum(session, keys, last, next).await?;
    put_setting(session, keys, EPOCH, &next.0.to_be_bytes()).await?;
    Ok(next)
}

async fn activate(session: &mut Session, keys: &Keyring, name: KeyName, version: u32) -> Result<Effect, StoreError> {
    let active = active_key(session, keys, name).await?;
    if active.is_some_and(|active| active.active >= version) {
        return Err(StoreError::Conflict(format!("{name} was rotated meanwhile: ask again")));
    }
    let least = active.map_or(version, |active| active.least);
    replace_active(session, keys, ActiveKey { name, active: version, least }).await?;
    Ok(Effect { rows: 1, ..Effect::default() })
}

async fn rewrap<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    bucket: BucketId,
    level: Level,
) -> Result<Effect, StoreError> {
    let name = KeyName::Bucket(bucket, level);
    let active = active_key(session, keys, name).await?;
    let active = active.ok_or_else(|| StoreError::Conflict(format!("{name} wraps nothing")))?;
    let select = format!(
        "SELECT {} FROM objects WHERE bucket = ?1 AND level = ?2 AND key_version >= ?3 AND key_version < ?4
         AND {NOT_SHREDDED} LIMIT {REWRAP_BATCH_MAX}",
        ObjectRow::COLUMNS
    );
    let old = session.query(&select, values![&bucket.0, level.number(), active.least, active.active]).await?;
    let to = keys.wrapping_key(Some(active.active), name, old.len() as u64)?;
    let mut moved = Vec::with_capacity(old.len());
    for row in old {
        let row = ObjectRow::read(row, keys.rows())?;
        let from = keys.bucket_key(row.wrap().under)?;
        let belongs = Belongs { bucket, version: row.version, label: &row.label };
        let wrap = from.rewrap(permit, &row.wrap(), belongs, (&to, &row.label), &mut SystemEntropy)?.wrap;
        moved.push(ObjectRow { key_version: active.active, wrapped: wrap.wrapped, ..row });
    }
    update(session, keys, &moved).await?;
    if moved.len() < REWRAP_BATCH_MAX {
        replace_active(session, keys, ActiveKey { least: active.active, ..active }).await?;
    }
    Ok(Effect { rows: moved.len() as u64, ..Effect::default() })
}

async fn shred<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    (version, next_key, stamp): (VersionId, u32, Stamp),
) -> Result<Effect, StoreError> {
    let row = object(session, keys, version).await?.ok_or_else(|| unknown(version))?;
    if permit.target().label.as_ref().is_some_and(|label| *label != row.label) {
        return Err(StoreError::Conflict(format!("{version} has another label than the one that was decided on")));
    }
    let shredded = ShreddedRow { version, bucket: row.bucket, level: row.label.level, key_version: row.key_version };
    let cells = shredded.row(keys.rows());
    let values: Vec<_> = cells.0.iter().map(Cell::value).collect();
    // Its name leads to the version before, or nowhere: it can be used again.
    if !take_away_if_named(session, keys, (row.bucket, version), stamp).await? {
        keep_past(session, keys, &row, stamp).await?;
        session.execute("DELETE FROM objects WHERE version = ?1", values![&version.0]).await?;
        prints::forget(session, keys, version).await?;
    }
    session.execute("INSERT INTO shredded VALUES (?1, ?2, ?3, ?4, ?5)", &values).await?;
    activate(session, keys, row.key_name(), next_key).await
}

async fn update(session: &mut Session, keys: &Keyring, rows: &[ObjectRow]) -> Result<(), StoreError> {
    let update =
        "UPDATE objects SET bucket = ?2, level = ?3, label = ?4, key_version = ?5, wrapped = ?6, manifest = ?7,
                  mac = ?8, began = ?9, began_at = ?10 WHERE version = ?1";
    let rows: Vec<_> = rows.iter().map(|row| row.row(keys.rows())).collect();
    session.execute_each(update, &rows).await
}

async fn replace_active(session: &mut Session, keys: &Keyring, active: ActiveKey) -> Result<(), StoreError> {
    let replace = "UPDATE SET active = excluded.active, least = excluded.least, mac = excluded.mac";
    put_active(session, keys, active, replace).await
}

async fn put_active(
    session: &mut Session,
    keys: &Keyring,
    active: ActiveKey,
    on_conflict: &str,
) -> Result<(), StoreError> {
    let name = encoded(&active.name);
    let mac = keys.rows().mac(&ActiveKey::parts(&name, &active.versions()));
    let put = format!("INSERT INTO active_keys VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO {on_conflict}");
    session.execute(&put, values![&name, active.active, active.least, &mac]).await.map(drop)
}

fn unknown(version: VersionId) -> StoreError {
    StoreError::Conflict(format!("there is no {version}"))
}
