//! What is recognised in what is written: codenames, and text of versions that somebody, or a marking, said to be restricted (or
//! confidential, where their bucket or their writer asks for that).
//!
//! A label that inspection inferred registers nothing, or levels would creep from copy to copy. What is registered goes with its
//! version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cordon_domain::inspection::Found;
use cordon_domain::limits::{COPIED_MAX, PRINTS_MIN};
use cordon_domain::{
    Action, Bucket, BucketId, CodenameId, Codeword, ContentDigest, Guarding, Knowledge, Known, KnownName, Label, Level,
    Looked, Mode, ObjectKey, Origin, Original, PrincipalId, Prints, Seen, Target, VersionId,
};
use cordon_gate::act::{ForgetPrints, TakeKnowledge};
use cordon_gate::{Facts, Request, Verdict};
use cordon_keys::Purpose;
use cordon_store::entries::{Entry, Said};
use cordon_store::prints::{AllPrints, Printed, Rank};
use cordon_store::{Change, ObjectRow, StoreError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::error::VaultError;
use crate::inspect::Inspecting;
use crate::limits::{KNOWN_MAX, KNOWN_PRINTS_MAX, LABELS_KEPT_MAX, LEARN_AGAIN_MS, LEARN_APART_MS, UNRELATED_MIN};
use crate::vault::{Vault, of_version};

/// What is known here.
#[derive(Default)]
pub(crate) struct Knowing {
    state: Mutex<State>,
    /// Something was registered here.
    registered: Notify,
    /// How often whoever looks was told anew.
    learnt_times: AtomicU64,
}

type Codenames = BTreeMap<CodenameId, KnownName>;
type Registers = BTreeMap<BucketId, Level>;

#[derive(Default)]
struct State {
    /// How often what is known had changed when it was read.
    changes: Option<u64>,
    /// Codenames as they were then, and of what buckets asked for.
    codenames: Codenames,
    registers: Registers,
    /// What is known, and what was: a look that began before goes by that.
    labels: Arc<Labels>,
}

/// Labels of what is recognised.
#[derive(Clone, Default)]
struct Labels {
    versions: HashMap<VersionId, Label>,
    names: HashMap<CodenameId, Label>,
}

impl Labels {
    /// Tells whether it is known of what something holds copies, and what it mentions.
    fn knows_all(&self, looked: &Looked) -> bool {
        looked.copied().all(|version| self.versions.contains_key(version))
            && looked.named().all(|name| self.names.contains_key(name))
    }

    /// Those of what something holds.
    fn of<'a>(&'a self, looked: &'a Looked) -> impl Iterator<Item = &'a Label> {
        let versions = looked.copied().filter_map(|version| self.versions.get(version));
        versions.chain(looked.named().filter_map(|name| self.names.get(name)))
    }
}

/// What becomes of a label because of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// What it is raised to.
    pub(crate) to: Option<Label>,
    /// What it would be raised to, where that is only observed.
    pub(crate) would: Option<Label>,
}

impl Knowing {
    fn labels(&self) -> Arc<Labels> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.labels)
    }

    /// Tells whether it is known whose projects what was found is of.
    pub(crate) fn knows_all(&self, looked: &Looked) -> bool {
        self.labels().knows_all(looked)
    }

    /// The label that a version gets in which something was found, if its own is too low; `None` when it is not known any more
    /// what that is of. What is restricted is raised to that wherever it is.
    pub(crate) fn raised(&self, looked: &Looked, label: &Label, mode: Mode) -> Option<Raised> {
        let known = self.labels();
        if !known.knows_all(looked) {
            return None;
        }
        let raised = looked.raised(label, known.of(looked));
        Some(match mode {
            Mode::Observe if raised.as_ref().is_some_and(|raised| raised.level < Level::Restricted) => {
                Raised { would: raised, ..Raised::default() }
            }
            _ => Raised { to: raised, ..Raised::default() },
        })
    }

    /// Keeps what was learnt, beside what was known before.
    fn learnt(&self, changes: u64, (codenames, registers): (Codenames, Registers), all: &[Printed]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut labels = Labels::clone(&state.labels);
        if labels.versions.len() >= LABELS_KEPT_MAX {
            labels.versions.clear();
        }
        if labels.names.len() >= LABELS_KEPT_MAX {
            labels.names.clear();
        }
        labels.versions.extend(all.iter().map(|(version, label, _)| (*version, label.clone())));
        labels.names.extend(codenames.values().map(|known| (known.id, known.label.clone())));
        *state = State { changes: Some(changes), codenames, registers, labels: Arc::new(labels) };
    }

    /// Keeps the label of a version that something has all of the content of.
    fn learnt_of(&self, version: VersionId, label: &Label) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.labels.versions.get(&version) == Some(label) {
            return;
        }
        let known = &mut Arc::make_mut(&mut state.labels).versions;
        // A look that goes by one that is forgotten begins anew.
        if known.len() >= LABELS_KEPT_MAX {
            known.clear();
        }
        known.insert(version, label.clone());
    }

    /// How often whoever looks was told anew: a look goes by what was known when it began.
    pub(crate) fn learnt_times(&self) -> u64 {
        self.learnt_times.load(Ordering::Acquire)
    }

    /// Something was registered.
    pub(crate) fn is_told(&self) {
        self.registered.notify_one();
    }
}

/// Tells whether copies of a version with that label are to be recognised, in a bucket that is guarded so.
pub(crate) fn registers(label: &Label, guarding: &Guarding) -> bool {
    label.level >= guarding.registers && label.origin != Origin::Inferred
}

impl Vault {
    /// Learns what is to be recognised, if that has changed, and tells whoever looks.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unavailable`] when it cannot be read; what was known before is still recognised.
    pub async fn learn(&self) -> Result<(), VaultError> {
        let Some(own) = &self.inspecting else { return Ok(()) };
        let snapshot = self.snapshot()?;
        let codenames = snapshot.roster().codenames.clone();
        let buckets = snapshot.roster().buckets.by_name().map(|bucket| (bucket.id, bucket.guarding().registers));
        let registers_now: Registers = buckets.collect();
        let before = {
            let state = own.known.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.changes.filter(|_| state.codenames == codenames && state.registers == registers_now)
        };
        let most = (KNOWN_MAX, KNOWN_PRINTS_MAX);
        let wanted = |said: &Said, row: &ObjectRow| self.rank(said, row);
        let Some(AllPrints { changes, all, more }) = self.reader.prints(&self.keys, before, wanted, most).await? else {
            return Ok(());
        };
        if more {
            eprintln!("warning: more is guarded than can be recognised: copies of some of it will not be");
        }
        let names = self.known_names()?.into_iter();
        let names: Vec<Codeword> =
            names.map(|(known, name)| Codeword { id: known.id, name, label: known.label }).collect();
        own.known.learnt(changes, (codenames, registers_now), &all);
        let document =
            |(version, label, prints): (VersionId, Label, Prints)| Known { version, level: label.level, prints };
        let documents = all.into_iter().map(document).collect();
        own.inspector.knows(Arc::new(Knowledge { key: self.prints_key()?, documents, names }));
        own.known.learnt_times.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// What somebody's scans are to recognise: documents that they may read, codenames of what they may list, and nothing else. That they take it is
    /// recorded.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] with what is missing; [`VaultError::Unavailable`] when it cannot be read.
    pub async fn knowledge_for(&self, asks: &Facts) -> Result<Knowledge, VaultError> {
        let target = Target { principal: Some(asks.actor.principal), ..Target::default() };
        let facts = Facts { target, action: Action::KnowledgeTake, ..asks.clone() };
        drop(self.gate.read(Request::<TakeKnowledge>::new(facts)).await?.spend());
        let wanted = |said: &Said, row: &ObjectRow| self.rank(said, row).filter(|_| self.may_read(asks, row));
        let found = self.reader.prints(&self.keys, None, wanted, (KNOWN_MAX, KNOWN_PRINTS_MAX)).await?;
        let document =
            |(version, label, prints): (VersionId, Label, Prints)| Known { version, level: label.level, prints };
        if found.as_ref().is_some_and(|found| found.more) {
            eprintln!("warning: more is guarded than can be recognised: scans elsewhere do not know all of it");
        }
        let documents: Vec<Known> = found.into_iter().flat_map(|found| found.all).map(document).collect();
        let names = self.known_names()?.into_iter().filter(|(known, _)| self.may_list_somewhere(asks, &known.label));
        let names = names.map(|(known, name)| Codeword { id: known.id, name, label: known.label }).collect();
        // Whoever recognises no passage has no use for the key of their hashes.
        let key = if documents.is_empty() { [0; 16] } else { self.prints_key()? };
        Ok(Knowledge { key, documents, names })
    }

    /// Why copies of a version are to be recognised, if they are.
    fn rank(&self, said: &Said, row: &ObjectRow) -> Option<Rank> {
        let (own, asked) = (self.guarding_of(row.bucket, &[]), self.guarding_of(row.bucket, &said.headers));
        match row.label.level {
            _ if !registers(&row.label, &asked) => None,
            Level::Restricted => Some(Rank::Restricted),
            _ if registers(&row.label, &own) => Some(Rank::Bucket),
            _ => Some(Rank::Asked),
        }
    }

    /// Tells whether whoever asks may read a version, here and now. A question, which is not recorded.
    fn may_read(&self, asks: &Facts, row: &ObjectRow) -> bool {
        let target = of_version(row.bucket, row.version, row.label.clone());
        let facts = Facts { target, action: Action::ObjectRead, pending: false, ..asks.clone() };
        matches!(self.gate.evaluate(&facts), Verdict::Allow(_))
    }

    /// Tells whether whoever asks may list what has a label, in some bucket: as policies decide, here and now.
    fn may_list_somewhere(&self, asks: &Facts, label: &Label) -> bool {
        let Ok(snapshot) = self.snapshot() else { return false };
        snapshot.roster().buckets.by_name().any(|bucket| self.may_list(asks, bucket.id, label))
    }

    /// Has copies of a version recognised no more. What got its label because it holds one keeps that.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that whoever asks may know of; [`VaultError::Refused`] with what is missing;
    /// [`VaultError::Conflict`] when copies of it are not recognised.
    pub async fn forget_prints(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<VersionId, VaultError> {
        let (entry, row) = self.found(bucket, key, version).await?;
        let (bucket, version) = (bucket.id, entry.version);
        let facts = Facts { target: of_version(bucket, version, row.label), ..asks.clone() };
        let facts = Facts { action: Action::PrintsForget, ..facts };
        let change = Change::ForgetPrints { bucket, version };
        drop(self.gate.change(Request::<ForgetPrints>::new(facts), change).await?.spend());
        self.is_registered(true);
        Ok(version)
    }

    /// By what copies of a version are recognised from now on, if they are to be: its writer may be bound by what a marking says,
    /// and is not heard by it on what is restricted unless they are cleared for that.
    pub(crate) fn registered(
        &self,
        (seen, content): (&Seen, Option<ContentDigest>),
        (label, guarding): (&Label, &Guarding),
        by: PrincipalId,
    ) -> Option<Original> {
        let prints = seen.prints.as_ref().filter(|_| registers(label, guarding))?;
        let prints = if prints.len() >= PRINTS_MIN { prints.clone() } else { Prints::default() };
        let content = content.filter(|_| !seen.is_common);
        if prints.is_empty() && content.is_none() {
            return None;
        }
        let cleared = || {
            let snapshot = self.snapshot().ok()?;
            Some(snapshot.roster().principals.get(&by)?.clearance >= label.level)
        };
        (label.origin != Origin::Marked || cleared() == Some(true)).then_some(Original { prints, content })
    }

    /// By what copies of a version are recognised before anybody looked into it: its content, where its label says so already.
    pub(crate) fn registered_before(
        &self,
        content: Option<ContentDigest>,
        (label, guarding): (&Label, &Guarding),
    ) -> Option<Original> {
        let content = content.filter(|_| registers(label, guarding) && label.origin == Origin::Set)?;
        Some(Original { content: Some(content), ..Original::default() })
    }

    /// Adds to what was found in what is called so those that have the same content, if copies of them are recognised. Versions of the
    /// same name do not count: a label is at least that of what it takes the place of.
    pub(crate) async fn recognised(
        &self,
        own: &Inspecting,
        mut seen: Seen,
        ((bucket, key), content): ((BucketId, &ObjectKey), Option<ContentDigest>),
    ) -> Result<Seen, VaultError> {
        let Some(content) = content else { return Ok(seen) };
        let mut originals = self.originals(content).await?;
        originals.retain(|(entry, _)| (entry.bucket, &entry.key) != (bucket, key));
        for (entry, row) in originals {
            own.known.learnt_of(entry.version, &row.label);
            seen.looked.add(Found::same_content(entry.version, row.label.level));
        }
        Ok(seen)
    }

    /// Versions with a content of which copies are recognised. What three people wrote into three buckets stands everywhere, and is
    /// recognised by nobody.
    async fn originals(&self, content: ContentDigest) -> Result<Vec<(Entry, ObjectRow)>, VaultError> {
        let mut originals = Vec::new();
        for version in self.reader.with_content(content, COPIED_MAX).await? {
            let found = match self.reader.version(&self.keys, version).await {
                Err(StoreError::Integrity(_)) => continue,
                found => found?,
            };
            // The row finds; what the version says of itself decides.
            if let Some((entry, Some(row))) = found
                && entry.said.content == self.veiled(Some(content), version)?
                && self.rank(&entry.said, &row).is_some()
            {
                originals.push((entry, row));
            }
        }
        let buckets: BTreeSet<_> = originals.iter().map(|(entry, _)| entry.bucket).collect();
        let writers: BTreeSet<_> = originals.iter().map(|(entry, _)| entry.said.by).collect();
        let is_everywhere = buckets.len().min(writers.len()) >= UNRELATED_MIN;
        Ok(if is_everywhere { Vec::new() } else { originals })
    }

    /// Learns whenever there is something to learn, for as long as it is polled.
    pub(crate) async fn learning(&self, own: &Inspecting) {
        loop {
            if let Err(error) = self.learn().await {
                eprintln!("warning: it cannot be read what is to be recognised: {error}");
            }
            sleep(Duration::from_millis(LEARN_APART_MS)).await;
            // What another node registered is found by looking again.
            let again = Duration::from_millis(LEARN_AGAIN_MS - LEARN_APART_MS);
            let _ = timeout(again, own.known.registered.notified()).await;
        }
    }

    /// The key under which passages are hashed. It stays: what was hashed under another would be recognised no more.
    fn prints_key(&self) -> Result<[u8; 16], VaultError> {
        let secret = self.keys.with(|unlocked| Ok(unlocked.own(Purpose::Index, 1)?.derive("cordon/prints/v1")))?;
        let (key, _) = secret
            .expose()
            .split_first_chunk::<16>()
            .ok_or_else(|| VaultError::Integrity("a key that is short".to_owned()))?;
        Ok(*key)
    }
}
