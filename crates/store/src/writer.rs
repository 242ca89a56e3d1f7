//! The writer of a node: a thread that takes what waits, commits it as one transaction, and then answers.
//!
//! The order is that of the ledger: an event is durable before anyone is told. In SQLite the writer gives events their
//! positions, alone while its transaction lasts, and looks whether another process has written since the last one; in
//! PostgreSQL several nodes write, each with a writer, and positions come later (`events`).
//! When a commit fails, nothing of the batch is answered with success, everyone in it is told so, and the session is
//! opened anew, so that what is known is read from what is durable.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use cordon_domain::limits::PAYLOAD_BYTES_MAX;
use cordon_domain::{Action, Actor, Event, Moment, NodeId, Outcome, PrincipalId};
use cordon_gate::act::Changes;
use cordon_gate::{Epoch, Journal, JournalError, Left, Permit, Recorded, Toll};
use cordon_ledger::entry::{EntryError, EventKey, seal};
use cordon_ledger::hash::Hash;
use cordon_ledger::payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::change::{Change, Effect, apply, is_exclusive, next_epoch};
use crate::edge::SystemEntropy;
use crate::egress::Counts;
use crate::error::StoreError;
use crate::events::{COMMIT_LOCK, Positions, Sealed, put_incoming, put_payloads};
use crate::follow::Follower;
use crate::gather::gather;
use crate::keyring::{Keyring, Make};
use crate::labels;
use crate::limits::{CLOCK_BACK_MS, LINGER_US, PAYLOADS_WAITING_BYTES, QUEUE_JOBS_MAX};
use crate::records;
use crate::rows::Stamp;
use crate::sql::{Database, Session, values};
use crate::state::{epoch, erased};
use crate::steps::use_up;
use crate::uses::GrantUses;

type Done<'a> = Pin<Box<dyn Future<Output = Result<Effect, StoreError>> + Send + 'a>>;
type Work = Box<dyn for<'a> FnOnce(&'a mut Session, &'a Keyring, Stamp) -> Done<'a> + Send>;
type Answer = Result<Option<Recorded>, JournalError>;
type Reply = oneshot::Sender<Answer>;

/// What is asked of the writer: an event, with what happens in its transaction.
struct Asked {
    /// None when only a toll is taken.
    event: Option<Event>,
    epoch: Epoch,
    work: Option<Work>,
    toll: Option<Toll>,
}

struct Job {
    asked: Asked,
    reply: Reply,
    /// What is to stand beside events is bounded until it is written.
    _waiting: Option<OwnedSemaphorePermit>,
}

/// The handle to the writer. Copies lead to the same one; when the last is gone, it waits until the writer has ended.
#[derive(Clone)]
pub struct Writer(Arc<Running>);

struct Running {
    jobs: Option<mpsc::Sender<Job>>,
    beside: Arc<Semaphore>,
    follower: OnceLock<Follower>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A writer that panicked has closed its session all the same.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Where the writer stands; read from the database when it opens.
struct Place {
    /// Where events go; `None` when another gives positions.
    positions: Option<Positions>,
    sequence: u64,
    epoch: Epoch,
    last_at: Moment,
    /// Changes when another process writes the same file; 0 on a server.
    version: i64,
    /// Events of this batch, to be put at its end.
    sealed: Vec<Sealed>,
}

struct Loop {
    database: Database,
    opened: Option<(Session, Place)>,
    keys: Arc<Keyring>,
    event_key: EventKey,
    node: NodeId,
    itself: PrincipalId,
    erased: HashSet<PrincipalId>,
    uses: GrantUses,
    counts: Counts,
    /// What was taken for those who did not wait for the answer.
    unheard: Vec<Toll>,
}

impl Writer {
    /// Starts the writer of `node`. `itself` is the service in whose name it records.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be opened.
    pub async fn start(
        database: Database,
        keys: Arc<Keyring>,
        node: NodeId,
        itself: PrincipalId,
    ) -> Result<Self, StoreError> {
        let event_key = keys.event_key()?;
        let (erased, uses, counts) = (HashSet::new(), GrantUses::default(), Counts::default());
        let mut writing =
            Loop { database, opened: None, keys, event_key, node, itself, erased, uses, counts, unheard: Vec::new() };
        let (sender, receiver) = mpsc::channel(QUEUE_JOBS_MAX);
        let (say, opened) = oneshot::channel();
        let failed = |error| StoreError::File("the writer".to_owned(), "started", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            runtime.block_on(async {
                let outcome = writing.open().await;
                let goes_on = outcome.is_ok();
                // Whoever started it may have gone.
                let _ = say.send(outcome);
                if goes_on {
                    writing.run(receiver).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("cordon-writer".to_owned()).spawn(run).map_err(failed)?;
        let writer = Self(Arc::new(Running {
            jobs: Some(sender),
            beside: Arc::new(Semaphore::new(PAYLOADS_WAITING_BYTES)),
            follower: OnceLock::new(),
            thread: Some(thread),
        }));
        opened.await.map_err(|_| StoreError::Stopped)??;
        Ok(writer)
    }

    /// Brings what `follower` keeps up to date whenever a decision was past. The first one stays.
    pub fn follow(&self, follower: Follower) {
        let _ = self.0.follower.set(follower);
    }

    async fn submit(&self, asked: Asked) -> Answer {
        let stopped = || JournalError::from(StoreError::Stopped);
        let jobs = self.0.jobs.as_ref().ok_or_else(stopped)?;
        let _waiting = self.room_for(asked.event.as_ref().map_or(0, |event| event.beside.len())).await?;
        let (reply, answer) = oneshot::channel();
        jobs.send(Job { asked, reply, _waiting }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Waits until so many bytes may wait to be kept beside events.
    async fn room_for(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, JournalError> {
        if bytes == 0 {
            return Ok(None);
        }
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(StoreError::Entry(EntryError::PayloadTooLarge(bytes)).into());
        }
        let room = Arc::clone(&self.0.beside).acquire_many_owned(bytes as u32).await;
        room.map(Some).map_err(|_| StoreError::Stopped.into())
    }
}

impl Journal for Writer {
    type Change = Change;

    async fn record_with(&self, event: Event, epoch: Epoch, toll: Option<Toll>) -> Result<Recorded, JournalError> {
        let recorded = self.submit(Asked { event: Some(event), epoch, work: None, toll }).await?;
        recorded.ok_or_else(|| StoreError::Stopped.into())
    }

    async fn take(&self, toll: Toll) -> Result<(), JournalError> {
        self.submit(Asked { event: None, epoch: Epoch::ANY, work: None, toll: Some(toll) }).await.map(drop)
    }

    async fn commit<A: Changes>(
        &self,
        permit: Permit<A>,
        event: Event,
        epoch: Epoch,
        change: Change,
    ) -> Result<(Permit<A>, Recorded), JournalError> {
        if change.beside() != event.beside {
            return Err(JournalError::Conflict("the change is not the one that was decided on".to_owned()));
        }
        let (give_back, permit_back) = oneshot::channel();
        let work: Work = Box::new(move |session, keys, stamp| {
            Box::pin(async move {
                let effect = apply(session, keys, &permit, change, stamp).await?;
                // Nobody waits any more: the change stands, as its event does.
                let _ = give_back.send(permit);
                Ok(effect)
            })
        });
        let changes_records = event.changes_records();
        let recorded = self.submit(Asked { event: Some(event), epoch, work: Some(work), toll: None }).await?;
        let recorded = recorded.ok_or_else(|| JournalError::from(StoreError::Stopped))?;
        let permit = permit_back.await.map_err(|_| JournalError::from(StoreError::Stopped))?;
        if changes_records {
            // Who made a change decides on it from then on.
            self.catch_up().await;
        }
        Ok((permit, recorded))
    }

    async fn catch_up(&self) {
        if let Some(follower) = self.0.follower.get() {
            // Where it could not be, the next decision is past, too.
            let _ = follower.catch_up().await;
        }
    }
}

impl Loop {
    async fn run(&mut self, mut jobs: mpsc::Receiver<Job>) {
        let (mut batch, mut before) = (Vec::new(), 0);
        // Nothing else runs on this thread.
        let linger = || std::thread::sleep(Duration::from_micros(LINGER_US));
        while gather(&mut jobs, &mut batch, before, linger).await {
            before = batch.len();
            self.batch(std::mem::take(&mut batch)).await;
        }
    }

    async fn batch(&mut self, batch: Vec<Job>) {
        let (mut outcomes, mut replies) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let tolls: Vec<Option<Toll>> = batch.iter().map(|job| job.asked.toll.clone()).collect();
        let committed = self.commit(batch, &mut outcomes, &mut replies).await;
        if let Err(error) = committed {
            // What is durable is known only to a fresh session.
            self.opened = None;
            (self.uses, self.counts) = (GrantUses::default(), Counts::default());
            self.unheard.clear();
            let error = JournalError::from(error);
            outcomes.clear();
            outcomes.resize_with(replies.len(), || Err(error.clone()));
        }
        for ((reply, outcome), toll) in replies.into_iter().zip(outcomes).zip(tolls) {
            // Whoever asked may have gone: what was taken for them does not leave.
            if let (Err(Ok(_)), Some(Toll::Take(charge))) = (reply.send(outcome), toll) {
                self.unheard.push(Toll::GiveBack(charge, Left::Nothing));
            }
        }
    }

    async fn commit(
        &mut self,
        batch: Vec<Job>,
        outcomes: &mut Vec<Answer>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let alone = |job: &Job| {
            let Asked { event, work, .. } = &job.asked;
            event
                .as_ref()
                .is_some_and(|event| event.approval.is_some() || (work.is_some() && is_exclusive(event.action)))
        };
        let alone = batch.iter().any(alone);
        let mut batch = batch.into_iter();
        let begun = match self.open().await {
            Ok(()) => self.transact(&mut batch, alone, outcomes, replies).await,
            Err(error) => Err(error),
        };
        // On failure the rest of the batch is told, too.
        replies.extend(batch.map(|job| job.reply));
        begun
    }

    async fn transact(
        &mut self,
        batch: &mut std::vec::IntoIter<Job>,
        alone: bool,
        outcomes: &mut Vec<Answer>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let Some((mut session, mut place)) = self.opened.take() else { return Err(StoreError::Stopped) };
        session.begin().await?;
        if session.is_postgres() {
            self.join(&mut session, &mut place, alone).await?;
        } else {
            self.look(&mut session, &mut place).await?;
        }
        let durable = place.sequence;
        let tolls = batch.as_slice().iter().filter_map(|job| job.asked.toll.as_ref());
        self.counts.begin(&mut session, &self.keys, tolls.chain(&self.unheard)).await?;
        for toll in self.unheard.drain(..) {
            // One whose counts were changed beside Cordon has nothing to be given back.
            let _ = self.counts.pay(self.keys.rows(), &toll);
        }
        for job in batch {
            let Job { asked, reply, _waiting } = job;
            replies.push(reply);
            outcomes.push(self.one(&mut session, &mut place, asked).await?);
        }
        let sealed = std::mem::take(&mut place.sealed);
        put_payloads(&mut session, &sealed).await?;
        match &mut place.positions {
            Some(positions) => positions.put(&mut session, &sealed).await?,
            None => put_incoming(&mut session, &sealed).await?,
        }
        self.keep_place(&mut session, &place, durable).await?;
        self.uses.put(&mut session).await?;
        self.counts.put(&mut session, &self.keys).await?;
        session.commit().await?;
        self.opened = Some((session, place));
        Ok(())
    }

    /// Waits for nodes that must be alone, or for all others, and learns what they revoked and whom they erased. The lock
    /// is that of the transaction: what is read under it holds until the commit.
    async fn join(&mut self, session: &mut Session, place: &mut Place, alone: bool) -> Result<(), StoreError> {
        let lock = if alone { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" };
        session.query(&format!("SELECT {lock}(?1)::text"), values![COMMIT_LOCK]).await?;
        let now = epoch(session, &self.keys).await?;
        if now < place.epoch {
            return Err(StoreError::Integrity("the revocation epoch was put back: revocations are missing".to_owned()));
        }
        if now > place.epoch {
            self.erased.extend(erased(session, &self.keys).await?);
            self.keys.forget_subjects(&self.erased)?;
            place.epoch = now;
        }
        Ok(())
    }

    /// Reads again where the writer stands when another process of the machine has written since: the transaction keeps it
    /// out from here on.
    async fn look(&mut self, session: &mut Session, place: &mut Place) -> Result<(), StoreError> {
        let version = session.one("PRAGMA data_version", &[]).await?.int(0)?;
        if version == place.version {
            return Ok(());
        }
        let now = self.place(session).await?;
        if now.epoch < place.epoch {
            return Err(StoreError::Integrity("the revocation epoch was put back: revocations are missing".to_owned()));
        }
        self.keys.forget_subjects(&self.erased)?;
        *place = now;
        Ok(())
    }

    /// Moves the node's sequence on from `durable`. Where it is another, a process that calls itself this node has written
    /// since: then nothing is.
    async fn keep_place(&self, session: &mut Session, place: &Place, durable: u64) -> Result<(), StoreError> {
        let put = "INSERT INTO nodes VALUES (?1, ?2, ?3) ON CONFLICT (node)
                   DO UPDATE SET sequence = excluded.sequence, last_at = excluded.last_at WHERE nodes.sequence = ?4";
        let values = values![&self.node.0, place.sequence, place.last_at.0, durable];
        if session.execute(put, values).await? == 1 {
            return Ok(());
        }
        Err(StoreError::Locked(format!("the node {}", self.node)))
    }

    /// Carries one job out. The outer error fails the whole batch; the inner one is this job's own.
    async fn one(&mut self, session: &mut Session, place: &mut Place, asked: Asked) -> Result<Answer, StoreError> {
        let Asked { event, epoch, work, toll } = asked;
        if epoch < place.epoch {
            return Ok(Err(JournalError::Stale { seen: epoch }));
        }
        let paid = toll.as_ref().map(|toll| (toll, self.counts.pay(self.keys.rows(), toll)));
        // What left is on record, whether or not the rest is given back.
        if let Some((Toll::Take(_), Err(error))) = paid {
            return Ok(Err(error));
        }
        let Some(event) = event else { return Ok(Ok(None)) };
        let recorded = self.recorded(session, place, event, work).await?;
        if let (Err(_), Some(Toll::Take(charge))) = (&recorded, toll) {
            // Nothing leaves without its event. It was just taken: its counts are at hand.
            let _ = self.counts.pay(self.keys.rows(), &Toll::GiveBack(charge, Left::Nothing));
        }
        Ok(recorded)
    }

    /// Records an event, with its work.
    async fn recorded(
        &mut self,
        session: &mut Session,
        place: &mut Place,
        event: Event,
        work: Option<Work>,
    ) -> Result<Answer, StoreError> {
        if event.at.since_ms(place.last_at) < -CLOCK_BACK_MS {
            let back = self.clock_back(&event, place.last_at);
            self.seal(place, back)?;
        }
        let uses_approval = event.outcome == Outcome::Allowed && event.approval.is_some();
        let work = match work {
            Some(work) => work,
            // What was approved is used up by whatever it allows.
            None if uses_approval => nothing(),
            None => return own(self.seal(place, event)),
        };
        session.execute("SAVEPOINT job", &[]).await?;
        match self.change(session, place, event, work).await {
            Ok((recorded, grown)) => {
                session.execute("RELEASE SAVEPOINT job", &[]).await?;
                place.epoch = grown.unwrap_or(place.epoch);
                Ok(Ok(Some(recorded)))
            }
            Err(error) => {
                let outcome = own(Err(error))?;
                session.run("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job").await?;
                Ok(outcome)
            }
        }
    }

    async fn change(
        &mut self,
        session: &mut Session,
        place: &mut Place,
        mut event: Event,
        work: Work,
    ) -> Result<(Recorded, Option<Epoch>), StoreError> {
        let erases = event.target.principal.filter(|_| event.action == Action::PrincipalErase);
        let stamp = Stamp { request: event.request, at: event.at };
        let mut effect = work(session, &self.keys, stamp).await?;
        if let Some(approval) = event.approval {
            use_up(session, &self.keys, &event, approval).await?;
            effect.epoch = Some(next_epoch(session, &self.keys).await?);
        }
        let counts = effect.rows > 0 || event.approval.is_none();
        event.amount = event.amount.or(counts.then_some(effect.rows));
        let (changes_records, labelled) = (event.changes_records(), event.changes_label());
        let recorded = self.seal(place, event)?;
        if changes_records {
            records::place(session, stamp.request, &recorded.leaf_hash, recorded.position).await?;
        }
        for version in labelled.into_iter().chain(effect.replaced) {
            labels::place(session, version, stamp, (&recorded.leaf_hash, recorded.position)).await?;
        }
        self.erased.extend(erases);
        Ok((recorded, effect.epoch))
    }

    /// Seals an event as the next of this node; it is put with the batch.
    fn seal(&mut self, place: &mut Place, mut event: Event) -> Result<Recorded, StoreError> {
        event.node = self.node;
        event.sequence = place.sequence + 1;
        if event.outcome == Outcome::Allowed {
            self.uses.note(&event.grants, event.at);
        }
        let subject = event.actor.principal;
        let make = if self.erased.contains(&subject) { Make::Never } else { Make::IfMissing };
        let subject_key = if event.personal.is_empty() { None } else { self.keys.subject_key(subject, make)? };
        let beside = std::mem::take(&mut event.beside);
        let payload = match beside.is_empty() {
            true => None,
            false => Some(payload::seal(&beside, &self.event_key, &mut SystemEntropy)?),
        };
        event.payload = payload.as_ref().map(|(stated, _)| *stated);
        let entry = seal(&event, &self.event_key, subject_key.as_deref(), &mut SystemEntropy)?;
        let leaf = Hash::leaf(&entry).0;
        let position = place.positions.as_ref().map(|positions| positions.next + place.sealed.len() as u64);
        let (tokens, payload) = (self.keys.index().tokens(&event), payload.map(|(_, sealed)| sealed));
        place.sealed.push(Sealed { entry, leaf, at: event.at.0, tokens, payload });
        place.sequence += 1;
        place.last_at = event.at;
        Ok(Recorded { position, leaf_hash: leaf })
    }

    fn clock_back(&self, next: &Event, last: Moment) -> Event {
        Event {
            outcome: Outcome::Failed,
            amount: Some(last.since_ms(next.at).max(0) as u64),
            reason: Some("the clock went back by this many milliseconds".to_owned()),
            ..Event::new(next.request, next.at, Action::ClockBack, Actor::service(self.itself))
        }
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        if self.opened.is_some() {
            return Ok(());
        }
        let mut session = self.database.open().await?;
        let place = self.place(&mut session).await?;
        self.opened = Some((session, place));
        Ok(())
    }

    /// Reads where the writer stands.
    async fn place(&mut self, session: &mut Session) -> Result<Place, StoreError> {
        let version = match session.is_postgres() {
            true => 0,
            false => session.one("PRAGMA data_version", &[]).await?.int(0)?,
        };
        let last = session.first("SELECT sequence, last_at FROM nodes WHERE node = ?1", values![&self.node.0]).await?;
        let (sequence, last_at) = match last {
            Some(last) => (last.count(0)?, Moment(last.int(1)?)),
            None => (0, Moment(i64::MIN / 2)),
        };
        let positions = match session.is_postgres() {
            true => None,
            false => Some(Positions::read(session).await?),
        };
        let epoch = epoch(session, &self.keys).await?;
        self.erased = erased(session, &self.keys).await?;
        Ok(Place { positions, sequence, epoch, last_at, version, sealed: Vec::new() })
    }
}

/// Work that changes nothing but what the event itself does.
fn nothing() -> Work {
    Box::new(|_, _, _| Box::pin(async { Ok(Effect::default()) }))
}

/// What the database says fails the whole batch; anything else is the job's own: its event, its keys, its change.
fn own(outcome: Result<Recorded, StoreError>) -> Result<Answer, StoreError> {
    match outcome {
        Err(error @ (StoreError::Database(..) | StoreError::Server(_))) => Err(error),
        outcome => Ok(outcome.map(Some).map_err(JournalError::from)),
    }
}
