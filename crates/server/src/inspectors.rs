//! Worker processes that look into what the vault takes in: some for what is short and waited for, some beside long uploads, one for
//! what waits, one for what is large of that.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes};
use cordon_domain::{Knowledge, Seen};
use cordon_scan::{Asked, LookError, Looker, Told};
use cordon_vault::{Inspector, LookFault, Looking, VaultError, Wants};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::limits::{BESIDE_LOOKERS, LARGE_LOOK_BYTES_MIN, SHORT_LOOKERS};

/// Workers that do the same, started when they are first needed.
struct Pool {
    idle: Mutex<Vec<Looker>>,
    room: Arc<Semaphore>,
}

/// A worker that is lent out: it comes back, whatever happens.
struct Lent {
    pool: Arc<Pool>,
    looker: Option<Looker>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Ok(mut idle), Some(looker)) = (self.pool.idle.lock(), self.looker.take()) {
            idle.push(looker);
        }
    }
}

impl Pool {
    fn new(program: &Path, count: usize) -> Arc<Self> {
        let idle = (0..count).map(|_| Looker::new(program.to_owned())).collect();
        Arc::new(Self { idle: Mutex::new(idle), room: Arc::new(Semaphore::new(count)) })
    }

    fn lend(self: Arc<Self>, place: OwnedSemaphorePermit) -> Lent {
        let looker = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        Lent { pool: self, looker, _place: place }
    }
}

impl Lent {
    /// Has it look, on a thread that may wait.
    async fn look<R>(mut self, wants: Wants, told: Arc<Told>, mut source: R, then: Then) -> Result<Seen, LookError>
    where
        R: Read + Send + 'static,
    {
        let work = move || {
            let none = || LookError::Start(io::Error::other("nobody is free"));
            let looker = self.looker.as_mut().ok_or_else(none)?;
            let asked = Asked { name: &wants.name, prints: wants.prints, told: &told };
            let seen = looker.look(asked, &mut source);
            if then == Then::Ends {
                looker.stop();
            }
            seen
        };
        let ended = |_| LookError::Start(io::Error::other("the thread ended"));
        tokio::task::spawn_blocking(work).await.map_err(ended)?
    }

    /// The same, of bytes that come; another worker takes its place afterwards.
    async fn look_as_it_comes(
        self,
        wants: Wants,
        told: Arc<Told>,
        body: BoxStream<'static, Result<Bytes, VaultError>>,
    ) -> Result<Seen, LookFault> {
        let failed = Arc::new(Mutex::new(None));
        let came = Coming { body, here: Handle::current(), piece: Bytes::new(), failed: Arc::clone(&failed) };
        self.look(wants, told, came, Then::Ends).await.map_err(|error| {
            let cause = failed.lock().ok().and_then(|mut failed| failed.take());
            cause.map_or_else(|| fault(error), LookFault::Source)
        })
    }
}

/// What a worker does afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It goes on: starting another would take longer than what it does.
    Goes,
    /// It ends: what one version made of it says nothing of the next.
    Ends,
}

fn fault(error: LookError) -> LookFault {
    match error {
        LookError::Worker(error) => LookFault::Worker(error.to_string()),
        LookError::Start(error) | LookError::Source(error) => VaultError::Unavailable(error.to_string()).into(),
    }
}

fn ending(_: AcquireError) -> LookFault {
    VaultError::Unavailable("this node is ending".to_owned()).into()
}

/// All workers of a node.
pub(crate) struct Inspectors {
    short: Arc<Pool>,
    beside: Arc<Pool>,
    long: Arc<Pool>,
    large: Arc<Pool>,
    /// What they are to recognise, once that is known: until then nobody looks.
    told: Mutex<Option<Arc<Told>>>,
}

impl Inspectors {
    /// Names the program that is started as a worker.
    pub(crate) fn new(program: &Path) -> Self {
        let pool = |count| Pool::new(program, count);
        let told = Mutex::default();
        Self { short: pool(SHORT_LOOKERS), beside: pool(BESIDE_LOOKERS), long: pool(1), large: pool(1), told }
    }

    fn told(&self) -> Result<Arc<Told>, LookFault> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        told.ok_or_else(|| VaultError::Unavailable("it is not known yet what to recognise".to_owned()).into())
    }
}

impl Inspector for Inspectors {
    fn knows(&self, knowledge: Arc<Knowledge>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Told::new(&knowledge));
    }

    fn look_now(&self, wants: &Wants, body: Bytes) -> Looking {
        let (pool, wants, told) = (Arc::clone(&self.short), wants.clone(), self.told());
        Box::pin(async move {
            let place = Arc::clone(&pool.room).acquire_owned().await.map_err(ending)?;
            pool.lend(place).look(wants, told?, body.reader(), Then::Goes).await.map_err(fault)
        })
    }

    fn look_beside(&self, wants: &Wants, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Option<Looking> {
        let told = self.told().ok()?;
        let place = Arc::clone(&self.beside.room).try_acquire_owned().ok()?;
        Some(Box::pin(Arc::clone(&self.beside).lend(place).look_as_it_comes(wants.clone(), told, body)))
    }

    fn look(&self, wants: &Wants, bytes: u64, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Looking {
        let pool = if bytes < LARGE_LOOK_BYTES_MIN { &self.long } else { &self.large };
        let (pool, wants, told) = (Arc::clone(pool), wants.clone(), self.told());
        Box::pin(async move {
            let place = Arc::clone(&pool.room).acquire_owned().await.map_err(ending)?;
            pool.lend(place).look_as_it_comes(wants, told?, body).await
        })
    }

    fn is_large(&self, bytes: u64) -> bool {
        bytes >= LARGE_LOOK_BYTES_MIN
    }
}

/// Pieces as they come.
struct Coming {
    body: BoxStream<'static, Result<Bytes, VaultError>>,
    here: Handle,
    piece: Bytes,
    /// Why no more came.
    failed: Arc<Mutex<Option<VaultError>>>,
}

impl Read for Coming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.here.block_on(self.body.next()) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    let text = error.to_string();
                    if let Ok(mut failed) = self.failed.lock() {
                        *failed = Some(error);
                    }
                    return Err(io::Error::other(text));
                }
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
