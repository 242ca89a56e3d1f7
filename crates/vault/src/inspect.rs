//! Looking into what was written and waits for it, and what comes of any look.
//!
//! Until it was looked into, a version is read by its writer alone. What is found raises its label, and never lowers it;
//! what cannot be read wholly is at least confidential.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cordon_domain::{
    Action, Actor, Bucket, BucketId, ContentDigest, Guarding, Inspected, Inspection, Knowledge, Label, Level, Looked,
    Moment, ObjectKey, PrincipalId, Prints, RequestId, Seen, Target, VersionId,
};
use cordon_gate::act::{Changes, Inspect, Raise};
use cordon_gate::{Facts, Request, Verdict};
use cordon_keys::{ContentKey, KeyName};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Entry;
use cordon_store::inspections::{Look, Wanted};
use cordon_store::{Change, ObjectRow};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::digests::Passing;
use crate::error::VaultError;
use crate::known::{Knowing, Raised, registers};
use crate::limits::{INSPECT_AGAIN_S, LEFT_ALONE_MAX, LEFT_ALONE_MS, LOOK_TRIES, PENDING_WAIT_MS, WRITE_TRIES_MAX};
use crate::vault::{Vault, of_version};

/// Why nobody could look.
#[derive(Debug, thiserror::Error)]
pub enum LookFault {
    /// The bytes could not be read.
    #[error(transparent)]
    Source(#[from] VaultError),
    /// Whoever looked gave up, or died.
    #[error("{0}")]
    Worker(String),
}

/// What is looked into, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// What it is called.
    pub name: String,
    /// Whether it is to be told by what copies of it are recognised.
    pub prints: bool,
}

/// A look that goes on.
pub type Looking = BoxFuture<'static, Result<Seen, LookFault>>;

/// Looks into bytes, in processes that hold no keys.
pub trait Inspector: Send + Sync {
    /// Is told what to recognise from now on.
    fn knows(&self, knowledge: Arc<Knowledge>);

    /// Looks into bytes that are in memory, for a writer who waits, as soon as somebody is free.
    fn look_now(&self, wanted: &Wants, body: Bytes) -> Looking;

    /// Looks into bytes that are being written, as they come, if somebody is free now.
    fn look_beside(&self, wants: &Wants, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Option<Looking>;

    /// Looks into so many bytes as they come, once somebody is free.
    fn look(&self, wanted: &Wants, bytes: u64, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Looking;

    /// Tells whether a version of so many bytes takes so long that shorter ones must not wait behind it.
    fn is_large(&self, bytes: u64) -> bool;
}

/// Who looks, in whose name, and what there is to tell each other.
pub(crate) struct Inspecting {
    pub(crate) inspector: Arc<dyn Inspector>,
    itself: Actor,
    /// Something waits: all who look are told.
    written: watch::Sender<()>,
    /// Something waits no more.
    settled: Notify,
    /// Versions that could not be opened: until when they are left alone.
    failed: Mutex<HashMap<VersionId, Moment>>,
    pub(crate) known: Knowing,
    pub(crate) content_key: OnceLock<ContentKey>,
}

/// A version that was looked into.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) target: &'a Target,
    /// Who wrote it.
    pub(crate) by: PrincipalId,
    pub(crate) headers: &'a [(String, String)],
    /// What its content is.
    pub(crate) content: Option<ContentDigest>,
}

/// Versions that are looked into in one turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Large,
    Other,
}

impl Size {
    fn is_of(self, own: &Inspecting, entry: &Entry) -> bool {
        own.inspector.is_large(entry.said.bytes) == (self == Self::Large)
    }
}

impl Inspecting {
    /// Looks into something with a label, once, or once more when it says of itself that copies of it are to be recognised.
    pub(crate) async fn look<F>(
        &self,
        key: &ObjectKey,
        (label, guarding): (&Label, &Guarding),
        look: impl Fn(Wants) -> F,
    ) -> Result<Seen, LookFault>
    where
        F: Future<Output = Result<Seen, LookFault>>,
    {
        let wants = |prints| Wants { name: key.as_str().to_owned(), prints };
        let prints = registers(label, guarding);
        let mut seen = look(wants(prints)).await?;
        let raised = self.known.raised(&seen.looked, label, guarding.inspection).and_then(|raised| raised.to);
        if !prints && raised.is_some_and(|raised| registers(&raised, guarding)) {
            seen = look(wants(true)).await?;
        }
        if !self.known.knows_all(&seen.looked) {
            return Err(VaultError::Unavailable("it is a copy of something that went".to_owned()).into());
        }
        Ok(seen)
    }

    fn is_left_alone(&self, version: VersionId, now: Moment) -> bool {
        self.failed.lock().is_ok_and(|failed| failed.get(&version).is_some_and(|until| now < *until))
    }

    fn leave_alone(&self, version: VersionId, now: Moment) {
        let Ok(mut failed) = self.failed.lock() else { return };
        failed.retain(|_, until| now < *until);
        if failed.len() < LEFT_ALONE_MAX {
            failed.insert(version, now.plus_ms(LEFT_ALONE_MS));
        }
    }
}

impl Vault {
    /// Has everything looked into that is written from now on. `itself` is the service in whose name that is done.
    #[must_use]
    pub fn inspecting(mut self, inspector: Arc<dyn Inspector>, itself: Actor) -> Self {
        self.inspecting = Some(Arc::new(Inspecting {
            inspector,
            itself,
            written: watch::Sender::new(()),
            settled: Notify::new(),
            failed: Mutex::default(),
            known: Knowing::default(),
            content_key: OnceLock::new(),
        }));
        self
    }

    /// Those who look learn of what was registered.
    pub(crate) fn is_registered(&self, anything: bool) {
        if let Some(own) = self.inspecting.as_ref().filter(|_| anything) {
            own.known.is_told();
        }
    }

    /// Goes on with a version that was written, and is pending. Returns its label.
    pub(crate) async fn looked_into(&self, subject: Subject<'_>, seen: Option<&Seen>) -> Option<Label> {
        let own = self.inspecting.as_ref()?;
        if let Some(seen) = seen
            && let Ok(label) = self.settle(own, subject, seen).await
        {
            return Some(label);
        }
        self.look_again();
        None
    }

    /// Looks into what waits, for as long as it is polled; what is large does not hold up the rest.
    pub async fn inspect(&self) {
        let Some(own) = &self.inspecting else { return };
        // Whoever looks before knows nothing, and would take a copy for something else.
        while let Err(error) = self.learn().await {
            eprintln!("warning: it cannot be read what is to be recognised, and nothing is looked into: {error}");
            sleep(Duration::from_secs(1)).await;
        }
        let each = async |size: Size| {
            let mut written = own.written.subscribe();
            loop {
                written.mark_unchanged();
                if let Err(error) = self.inspect_sized(own, size).await {
                    eprintln!("warning: what waits to be looked into cannot be read: {error}");
                }
                // What another node left is found by looking again.
                let _ = timeout(Duration::from_secs(INSPECT_AGAIN_S), written.changed()).await;
            }
        };
        tokio::join!(each(Size::Large), each(Size::Other), self.learning(own));
    }

    /// Looks into all that waits now.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unavailable`] when it cannot be read what waits.
    pub async fn inspect_waiting(&self) -> Result<(), VaultError> {
        let Some(own) = &self.inspecting else { return Ok(()) };
        for size in [Size::Other, Size::Large] {
            self.inspect_sized(own, size).await?;
        }
        Ok(())
    }

    /// Each node begins elsewhere among what waits, and goes round, so that two seldom look into the same. What comes meanwhile is of
    /// the next turn: what waits longest is not left for it.
    async fn inspect_sized(&self, own: &Inspecting, size: Size) -> Result<(), VaultError> {
        let Some((first, last)) = self.reader.waiting().await? else { return Ok(()) };
        let begin = between(first, last);
        self.inspect_from(own, size, (Some(begin), last)).await?;
        self.inspect_from(own, size, (None, begin)).await
    }

    async fn inspect_from(
        &self,
        own: &Inspecting,
        size: Size,
        (mut after, last): (Option<VersionId>, VersionId),
    ) -> Result<(), VaultError> {
        loop {
            let page = self.reader.inspections(&self.keys, Wanted::Pending, after).await?;
            for (entry, _) in page.found.into_iter().filter(|(entry, _)| entry.version <= last) {
                if size.is_of(own, &entry) && !own.is_left_alone(entry.version, self.clock.now()) {
                    self.inspect_or_leave(own, entry.version).await;
                }
            }
            match page.next.filter(|next| *next < last) {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Looks into a version. One that cannot be opened now stays pending, and is left alone for a while.
    async fn inspect_or_leave(&self, own: &Inspecting, version: VersionId) {
        match self.inspect_one(own, version).await {
            Ok(()) | Err(VaultError::Conflict(_)) => {}
            Err(error) => {
                eprintln!("warning: {version} cannot be looked into, and is read by its writer alone: {error}");
                own.leave_alone(version, self.clock.now());
            }
        }
    }

    async fn inspect_one(&self, own: &Inspecting, version: VersionId) -> Result<(), VaultError> {
        // Since it was found to wait, it may have been overwritten or shredded, or somebody looked.
        let found = self.reader.version(&self.keys, version).await?;
        let Some((entry, Some(row))) = found.filter(|(entry, _)| entry.said.is_pending()) else { return Ok(()) };
        let target = of_version(entry.bucket, version, row.label.clone());
        let guarding = self.guarding_of(entry.bucket, &entry.said.headers);
        let mut seen = None;
        let (_held, passing) = (self.blobs.hold(version), Passing::default());
        for _ in 0..LOOK_TRIES {
            let (row, entry, passing) = (&row, &entry, &passing);
            let look = async |wants: Wants| {
                let facts = self.own_facts(own, Action::ObjectRead, &target);
                let got = self.open(facts, entry.clone(), row.clone()).await?;
                let (bytes, passing) = (entry.said.bytes, passing.clone());
                self.hash_passing(&entry.said, &passing)?;
                let body = got.bytes(0..bytes).inspect_ok(move |piece| passing.update(piece));
                own.inspector.look(&wants, bytes, body.boxed()).await
            };
            match own.look(&entry.key, (&row.label, &guarding), look).await {
                Ok(found) => {
                    seen = Some(found);
                    break;
                }
                Err(LookFault::Source(error)) => return Err(error),
                Err(LookFault::Worker(_)) => {}
            }
        }
        // What nobody can read without dying of it is not read.
        let seen = seen.unwrap_or_else(|| Seen { prints: Some(Prints::default()), ..Looked::unreadable().into() });
        let content = self.content_passed((version, &entry.said), &passing)?;
        let seen = self.recognised(own, seen, ((entry.bucket, &entry.key), content)).await?;
        let subject = Subject { target: &target, by: entry.said.by, headers: &entry.said.headers, content };
        self.settle(own, subject, &seen).await.map(drop)
    }

    fn own_facts(&self, own: &Inspecting, action: Action, target: &Target) -> Facts {
        let (request, at) = (RequestId::draw(&mut SystemEntropy), self.clock.now());
        let facts = Facts::new(request, at, action, own.itself.clone());
        Facts { target: target.clone(), pending: true, ..facts }
    }

    /// Writes down what was found in a version that is pending, and raises its label if that is too low. Returns the label.
    async fn settle(&self, own: &Inspecting, subject: Subject<'_>, seen: &Seen) -> Result<Label, VaultError> {
        let target = subject.target;
        let mut outcome = Err(VaultError::Conflict("the key of the bucket moves all the time".to_owned()));
        for _ in 0..WRITE_TRIES_MAX {
            outcome = self.settle_once(own, subject, seen).await;
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
            let is_still = |entry: &Entry| entry.said.is_pending();
            let now = self.reader.version(&self.keys, named(target)?.1).await?;
            if !now.is_some_and(|(entry, row)| is_still(&entry) && row.map(|row| row.label) == target.label) {
                break;
            }
        }
        own.settled.notify_waiters();
        outcome
    }

    async fn settle_once(
        &self,
        own: &Inspecting,
        Subject { target, by, headers, content }: Subject<'_>,
        seen: &Seen,
    ) -> Result<Label, VaultError> {
        let ((bucket, version), at, looked) = (named(target)?, self.clock.now(), &seen.looked);
        let label = target.label.clone().unwrap_or_else(|| Label::of(Level::Restricted));
        let guarding = self.guarding_of(bucket, headers);
        let raised = own.known.raised(looked, &label, guarding.inspection);
        let gone = || VaultError::Unavailable("it is a copy of something that went".to_owned());
        let Raised { to: raised, would } = raised.ok_or_else(gone)?;
        let inspected = Inspected { would, ..Inspected::at(at, looked.clone()) };
        let gets = (raised.as_ref().unwrap_or(&label), &guarding);
        if !is_whole(seen, gets) {
            return Err(VaultError::Unavailable("it was not asked by what copies of it are recognised".to_owned()));
        }
        let original = self.registered((seen, content), gets, by);
        let (registers, is_registered) = (registers(gets.0, gets.1), original.is_some());
        let told = Told { found: inspected.to_string(), registers, is_registered };
        let content = self.veiled(content, version)?;
        let look = |inspected| {
            let to = Inspection::Done(Box::new(inspected));
            Box::new(Look { from: Inspection::Pending, to, original, content })
        };
        let Some(raised) = raised else {
            let change = Change::Inspect { bucket, version, look: look(inspected) };
            self.change_itself::<Inspect>(own, target, &told, change).await?;
            return Ok(label);
        };
        let look = look(Inspected { before: Some(label), got: Some(raised.clone()), ..inspected });
        let change = self.relabel((bucket, version), Action::LabelRaise, raised.clone(), Some(look)).await?;
        self.change_itself::<Raise>(own, target, &told, change).await?;
        Ok(raised)
    }

    async fn change_itself<A: Changes>(
        &self,
        own: &Inspecting,
        target: &Target,
        told: &Told,
        change: Change,
    ) -> Result<(), VaultError> {
        let facts = self.own_facts(own, A::ACTION, target);
        let facts = Facts { beside: change.beside(), reason: Some(told.to_string()), ..facts };
        drop(self.gate.change(Request::<A>::new(facts), change).await?.spend());
        self.is_registered(told.is_registered);
        Ok(())
    }

    /// Has it known that something waits to be looked into.
    pub(crate) fn look_again(&self) {
        if let Some(own) = &self.inspecting {
            own.written.send_replace(());
        }
    }

    /// Another label for a version, under the key that wraps at its level now.
    pub(crate) async fn relabel(
        &self,
        (bucket, version): (BucketId, VersionId),
        action: Action,
        label: Label,
        look: Option<Box<Look>>,
    ) -> Result<Change, VaultError> {
        let name = KeyName::Bucket(bucket, label.level);
        let active = self.reader.active_key(&self.keys, name).await?.map(|active| active.active);
        let key_version = self.keys.wrapping_key(active, name, 1)?.reference().version;
        Ok(Change::Relabel { bucket, version, action, label, key_version, look })
    }

    /// Returns what a name leads to; waits a little for a look into it that whoever asks needs, and may read it then.
    pub(crate) async fn found_settled(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
    ) -> Result<(Entry, ObjectRow, bool), VaultError> {
        let look = async || {
            let (entry, row) = self.found(bucket, key, version).await?;
            let pending = entry.said.is_pending() && entry.said.by != asks.actor.principal;
            Ok::<_, VaultError>((entry, row, pending))
        };
        let found = look().await?;
        let Some(own) = self.inspecting.as_ref().filter(|_| found.2 && self.may_read_later(asks, &found.0, &found.1))
        else {
            return Ok(found);
        };
        let mut latest = found;
        let until = Instant::now() + Duration::from_millis(PENDING_WAIT_MS);
        while latest.2 && Instant::now() < until {
            // Another node may look into it: that is not told here.
            let _ = timeout(Duration::from_millis(PENDING_WAIT_MS / 8), own.settled.notified()).await;
            latest = look().await?;
        }
        Ok(latest)
    }

    /// Whether whoever asks lacks nothing but a look into it. A question, which is not recorded.
    pub(crate) fn may_read_later(&self, asks: &Facts, entry: &Entry, row: &ObjectRow) -> bool {
        let target = of_version(entry.bucket, entry.version, row.label.clone());
        let facts = Facts { target, action: Action::ObjectRead, pending: false, ..asks.clone() };
        matches!(self.gate.evaluate(&facts), Verdict::Allow(_))
    }
}

/// What a look gave, as its event says it.
struct Told {
    found: String,
    registers: bool,
    is_registered: bool,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)?;
        match (self.registers, self.is_registered) {
            (true, true) => f.write_str("; copies of it are recognised"),
            (true, false) => f.write_str("; copies of it are not recognised"),
            (false, _) => Ok(()),
        }
    }
}

/// Draws an identifier that stands between two.
fn between(low: VersionId, high: VersionId) -> VersionId {
    let [low, high, drawn] = [low, high, VersionId::draw(&mut SystemEntropy)].map(|id| u128::from_be_bytes(id.0));
    VersionId((low + drawn % high.saturating_sub(low).max(1)).to_be_bytes())
}

/// Tells whether a look gave all that a version with that label needs.
pub(crate) fn is_whole(seen: &Seen, (label, guarding): (&Label, &Guarding)) -> bool {
    seen.prints.is_some() || !registers(label, guarding)
}

fn named(target: &Target) -> Result<(BucketId, VersionId), VaultError> {
    target.bucket.zip(target.version).ok_or(VaultError::NoObject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_begins_somewhere_among_what_waits() {
        let id = |number: u128| VersionId(number.to_be_bytes());
        for (low, high) in [(5, 9), (0, u128::MAX), (7, 7), (9, 5)] {
            let begin = between(id(low), id(high));
            assert!(begin >= id(low) && begin <= id(high.max(low)), "{low} to {high}: {begin}");
        }
        assert_ne!(between(id(0), id(u128::MAX)), between(id(0), id(u128::MAX)));
    }
}
