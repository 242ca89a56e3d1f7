//! The one writer of the database: a thread that takes what waits, commits it as one transaction, and then answers.
//!
//! The order is that of the ledger: an event has its position, and is durable (`synchronous=FULL`), before anyone is
//! told. When a commit fails, nothing of the batch happened, everyone in it is told so, and the connection is opened
//! anew, so that positions are read from what is durable.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use cordon_domain::{Action, Actor, Event, Moment, NodeId, Outcome, PrincipalId};
use cordon_gate::act::Changes;
use cordon_gate::{Epoch, Journal, JournalError, Permit, Recorded};
use cordon_ledger::entry::{EventKey, seal};
use cordon_ledger::hash::Hash;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use crate::change::{Change, Effect, apply, epoch, erased};
use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::keyring::{Keyring, Make};
use crate::limits::{BATCH_EVENTS_MAX, CLOCK_BACK_MS, QUEUE_JOBS_MAX};
use crate::rows::database;
use crate::schema;
use crate::segment::Filling;

type Work = Box<dyn FnOnce(&Transaction<'_>, &Keyring, u64) -> Result<Effect, StoreError> + Send>;
type Reply = oneshot::Sender<Result<Recorded, JournalError>>;

struct Job {
    event: Event,
    epoch: Epoch,
    work: Option<Work>,
    reply: Reply,
}

/// The handle to the writer. Copies lead to the same one; when the last is gone, it waits until the writer has ended.
#[derive(Clone)]
pub struct Writer(Arc<Running>);

struct Running {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A writer that panicked has closed its connection all the same.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Where the writer stands; read from the database when it opens.
struct Place {
    position: u64,
    sequence: u64,
    epoch: Epoch,
    last_at: Moment,
    filling: Filling,
}

struct Loop {
    path: PathBuf,
    opened: Option<(Connection, Place)>,
    keys: Arc<Keyring>,
    event_key: EventKey,
    node: NodeId,
    itself: PrincipalId,
    erased: HashSet<PrincipalId>,
}

impl Writer {
    /// Starts the writer of the database at `path`. `itself` is the service in whose name it records.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be opened.
    pub fn start(path: PathBuf, keys: Arc<Keyring>, itself: PrincipalId) -> Result<Self, StoreError> {
        let event_key = keys.event_key()?;
        let (node, erased) = (NodeId(itself.0), HashSet::new());
        let mut writing = Loop { path, opened: None, keys, event_key, node, itself, erased };
        writing.open()?;
        let (sender, receiver) = mpsc::channel(QUEUE_JOBS_MAX);
        let run = move || writing.run(receiver);
        let started = std::thread::Builder::new().name("cordon-writer".to_owned()).spawn(run);
        let thread = started.map_err(|error| StoreError::File("the writer".to_owned(), "started", error))?;
        Ok(Self(Arc::new(Running { jobs: Some(sender), thread: Some(thread) })))
    }

    async fn submit(&self, event: Event, epoch: Epoch, work: Option<Work>) -> Result<Recorded, JournalError> {
        let stopped = || JournalError::from(StoreError::Stopped);
        let jobs = self.0.jobs.as_ref().ok_or_else(stopped)?;
        let (reply, answer) = oneshot::channel();
        jobs.send(Job { event, epoch, work, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Journal for Writer {
    type Change = Change;

    async fn record(&self, event: Event, epoch: Epoch) -> Result<Recorded, JournalError> {
        self.submit(event, epoch, None).await
    }

    async fn commit<A: Changes>(
        &self,
        permit: Permit<A>,
        event: Event,
        epoch: Epoch,
        change: Change,
    ) -> Result<(Permit<A>, Recorded), JournalError> {
        let (give_back, permit_back) = oneshot::channel();
        let work: Work = Box::new(move |transaction, keys, position| {
            let effect = apply(transaction, keys, &permit, change, position)?;
            // Nobody waits any more: the change stands, as its event does.
            let _ = give_back.send(permit);
            Ok(effect)
        });
        let recorded = self.submit(event, epoch, Some(work)).await?;
        let permit = permit_back.await.map_err(|_| JournalError::from(StoreError::Stopped))?;
        Ok((permit, recorded))
    }
}

impl Loop {
    fn run(&mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        while jobs.blocking_recv_many(&mut batch, BATCH_EVENTS_MAX) > 0 {
            self.batch(std::mem::take(&mut batch));
        }
    }

    fn batch(&mut self, batch: Vec<Job>) {
        let (mut outcomes, mut replies) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        let committed = self.commit(batch, &mut outcomes, &mut replies);
        if let Err(error) = committed {
            // What is durable is known only to a fresh connection.
            self.opened = None;
            let error = JournalError::from(error);
            outcomes.clear();
            outcomes.resize_with(replies.len(), || Err(error.clone()));
        }
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // Whoever asked may have gone.
            let _ = reply.send(outcome);
        }
    }

    fn commit(
        &mut self,
        batch: Vec<Job>,
        outcomes: &mut Vec<Result<Recorded, JournalError>>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let mut batch = batch.into_iter();
        let opened = self.open();
        let begun = opened.and_then(|()| self.transact(&mut batch, outcomes, replies));
        // On failure the rest of the batch is told, too.
        replies.extend(batch.map(|job| job.reply));
        begun
    }

    fn transact(
        &mut self,
        batch: &mut std::vec::IntoIter<Job>,
        outcomes: &mut Vec<Result<Recorded, JournalError>>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let Some((mut connection, mut place)) = self.opened.take() else { return Err(StoreError::Stopped) };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(database)?;
        for job in batch {
            let Job { event, epoch, work, reply } = job;
            replies.push(reply);
            outcomes.push(self.one(&transaction, &mut place, event, epoch, work)?);
        }
        let (node, sequence) = (self.node.0, place.sequence as i64);
        let put = "INSERT INTO nodes VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET sequence = excluded.sequence";
        transaction.prepare_cached(put).and_then(|mut put| put.execute(params![node, sequence])).map_err(database)?;
        transaction.commit().map_err(database)?;
        self.opened = Some((connection, place));
        Ok(())
    }

    /// Carries one job out. The outer error fails the whole batch; the inner one is this job's own.
    fn one(
        &mut self,
        transaction: &Transaction<'_>,
        place: &mut Place,
        event: Event,
        epoch: Epoch,
        work: Option<Work>,
    ) -> Result<Result<Recorded, JournalError>, StoreError> {
        if epoch < place.epoch {
            return Ok(Err(JournalError::Stale { seen: epoch }));
        }
        if event.at.since_ms(place.last_at) < -CLOCK_BACK_MS {
            let back = self.clock_back(&event, place.last_at);
            self.insert(transaction, place, back)?;
        }
        let Some(work) = work else {
            return own(self.insert(transaction, place, event));
        };
        transaction.execute_batch("SAVEPOINT job").map_err(database)?;
        let (erases, subject) = (event.action == Action::PrincipalErase, event.target.principal);
        let done = work(transaction, &self.keys, place.position).and_then(|effect| {
            let mut event = event;
            event.amount = event.amount.or(Some(effect.rows));
            Ok((effect, self.insert(transaction, place, event)?))
        });
        match done {
            Ok((effect, recorded)) => {
                transaction.execute_batch("RELEASE job").map_err(database)?;
                place.epoch = effect.epoch.unwrap_or(place.epoch);
                self.erased.extend(subject.filter(|_| erases));
                Ok(Ok(recorded))
            }
            Err(error) => {
                transaction.execute_batch("ROLLBACK TO job; RELEASE job").map_err(database)?;
                own(Err(error))
            }
        }
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        place: &mut Place,
        mut event: Event,
    ) -> Result<Recorded, StoreError> {
        event.node = self.node;
        event.sequence = place.sequence + 1;
        let subject = event.actor.principal;
        let make = if self.erased.contains(&subject) { Make::Never } else { Make::IfMissing };
        let subject_key = if event.personal.is_empty() { None } else { self.keys.subject_key(subject, make)? };
        let entry = seal(&event, &self.event_key, subject_key.as_deref(), &mut SystemEntropy)?;
        let leaf_hash = Hash::leaf(&entry).0;
        let tokens = self.keys.index().tokens(&event);
        let insert = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let object = tokens.object.map(|token| token.0);
        let values =
            params![place.position as i64, entry, leaf_hash, event.at.0, tokens.actor.0, object, tokens.action.0];
        transaction.prepare_cached(insert).and_then(|mut insert| insert.execute(values)).map_err(database)?;
        place.filling.push(transaction, place.position, tokens, event.at.0)?;
        let recorded = Recorded { position: Some(place.position), leaf_hash };
        place.position += 1;
        place.sequence += 1;
        place.last_at = event.at;
        Ok(recorded)
    }

    fn clock_back(&self, next: &Event, last: Moment) -> Event {
        Event {
            outcome: Outcome::Failed,
            amount: Some(last.since_ms(next.at).max(0) as u64),
            reason: Some("the clock went back by this many milliseconds".to_owned()),
            ..Event::new(next.request, next.at, Action::ClockBack, Actor::service(self.itself))
        }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        if self.opened.is_some() {
            return Ok(());
        }
        let connection = Connection::open(&self.path).map_err(database)?;
        schema::prepare(&connection)?;
        let last: Option<(i64, i64)> = connection
            .query_row("SELECT position, at FROM events ORDER BY position DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(database)?;
        let sequence: Option<i64> = connection
            .query_row("SELECT sequence FROM nodes WHERE node = ?1", [self.node.0], |row| row.get(0))
            .optional()
            .map_err(database)?;
        let erased = erased(&connection, &self.keys)?;
        let position = last.map_or(0, |(position, _)| position as u64 + 1);
        let place = Place {
            position,
            filling: Filling::read(&connection, position)?,
            sequence: sequence.unwrap_or(0).max(0) as u64,
            epoch: epoch(&connection, &self.keys)?,
            last_at: Moment(last.map_or(i64::MIN / 2, |(_, at)| at)),
        };
        self.erased = erased;
        self.opened = Some((connection, place));
        Ok(())
    }
}

/// What the database says fails the whole batch; anything else is the job's own: its event, its keys, its change.
fn own(outcome: Result<Recorded, StoreError>) -> Result<Result<Recorded, JournalError>, StoreError> {
    match outcome {
        Err(StoreError::Database(file, error)) => Err(StoreError::Database(file, error)),
        outcome => Ok(outcome.map_err(JournalError::from)),
    }
}
