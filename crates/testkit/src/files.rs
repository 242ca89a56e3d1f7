//! An object store that fails on command: dead from some step on, by a seed with or without that step done.

use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Hands everything on to another store until it is told to fail.
#[derive(Debug)]
pub struct FaultyFiles<S> {
    inner: S,
    held: AtomicBool,
    gone: AtomicBool,
    steps: Arc<Steps>,
}

/// Steps that were done, and from which one on nothing is done any more.
#[derive(Debug)]
struct Steps {
    dead_at: AtomicU64,
    done: AtomicU64,
}

impl Steps {
    /// Whether the next step is done, and whether its success is told.
    fn step(&self) -> (bool, bool) {
        let step = self.done.fetch_add(1, Ordering::SeqCst);
        let dead_at = self.dead_at.load(Ordering::SeqCst);
        (step < dead_at || (step == dead_at && step.is_multiple_of(2)), step < dead_at)
    }
}

/// A file that is written in parts: each is a step, and so is its end.
#[derive(Debug)]
struct FaultyParts {
    inner: Box<dyn MultipartUpload>,
    steps: Arc<Steps>,
}

#[async_trait::async_trait]
impl MultipartUpload for FaultyParts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match self.steps.step() {
            (true, true) => self.inner.put_part(data),
            _ => Box::pin(async { Err(dead()) }),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.steps.step() {
            (true, true) => self.inner.complete().await,
            (true, false) => self.inner.complete().await.and(Err(dead())),
            (false, _) => Err(dead()),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        match self.steps.step() {
            (true, true) => self.inner.abort().await,
            _ => Err(dead()),
        }
    }
}

impl<S> FaultyFiles<S> {
    /// Stands before `inner`.
    pub fn new(inner: S) -> Self {
        let steps = Steps { dead_at: AtomicU64::new(u64::MAX), done: AtomicU64::new(0) };
        Self { inner, held: AtomicBool::new(false), gone: AtomicBool::new(false), steps: Arc::new(steps) }
    }

    /// From this step on (puts, parts and deletions, counted from now) nothing is done any more; an even step is done and its
    /// success not told.
    pub fn dead_at(&self, step: u64) {
        self.steps.done.store(0, Ordering::SeqCst);
        self.steps.dead_at.store(step, Ordering::SeqCst);
    }

    /// Takes and gives nothing from now on.
    pub fn go_away(&self) {
        self.dead_at(1);
        // An even step would be done even so.
        self.steps.done.store(1, Ordering::SeqCst);
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Takes and gives again.
    pub fn come_back(&self) {
        self.dead_at(u64::MAX);
        self.gone.store(false, Ordering::SeqCst);
    }

    fn gives(&self) -> Result<()> {
        if self.gone.load(Ordering::SeqCst) { Err(dead()) } else { Ok(()) }
    }

    /// Holds every put from now on, as a node does that is paused, until told to go on.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    /// Waits while puts are held.
    async fn held(&self) {
        poll_fn(|context| match self.held.load(Ordering::SeqCst) {
            true => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
    }

    /// Returns the steps since [`FaultyFiles::dead_at`].
    pub fn steps(&self) -> u64 {
        self.steps.done.load(Ordering::SeqCst)
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic { store: "FaultyFiles", source: "the machine is dead".into() }
}

impl<S: fmt::Debug> fmt::Display for FaultyFiles<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[async_trait::async_trait]
impl<S: ObjectStore> ObjectStore for FaultyFiles<S> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let step = self.steps.step();
        self.held().await;
        match step {
            (true, true) => self.inner.put_opts(location, payload, opts).await,
            (true, false) => self.inner.put_opts(location, payload, opts).await.and(Err(dead())),
            (false, _) => Err(dead()),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.gives()?;
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(FaultyParts { inner, steps: Arc::clone(&self.steps) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gives()?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.gives()?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.steps.step() {
            (true, true) => self.inner.delete_stream(locations),
            _ => stream::once(async { Err(dead()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
