//! Connections, and what runs beside them: the log is published, decisions are kept up, counts are written down.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{BoxError, Extension, Router};
use cordon_domain::RequestId;
use cordon_store::StoreError;
use cordon_store::edge::SystemEntropy;
use cordon_store::limits::PUBLISH_ENTRIES_MAX;
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::limits::{
    CONNECTIONS_BY_ADDRESS_MAX, CONNECTIONS_MAX, DRAIN_S, FOLLOW_MS, HEAD_BYTES_MAX, HEAD_S, HEADERS_MAX, HEARTBEAT_S,
    PRESENT_S, PUBLISH_MS, S3_BUFFER_BYTES, SWEEP_S, WRITE_STALL_S,
};
use crate::metrics;
use crate::node::Node;
use crate::route::router;
use crate::s3::Endpoint;
use crate::stall::Stalls;

/// Where a node listens: for people and nodes, and for clients of S3.
pub struct Doors {
    /// Pages, and what programs of Cordon ask.
    pub pages: TcpListener,
    /// S3.
    pub objects: TcpListener,
    /// Numbers, for whoever watches: on this machine alone, and never encrypted.
    pub numbers: Option<TcpListener>,
}

/// What answers at a door.
#[derive(Clone)]
enum Door {
    Pages(Router),
    Objects(Box<Endpoint>),
    Numbers(Arc<Node>),
}

/// Answers until `until` says so; then takes no more, gives requests under way some time to end, publishes what was recorded, and
/// returns.
///
/// # Errors
///
/// [`StoreError`] when the log cannot be published any more: nothing is answered that is not on record.
pub async fn serve(node: Arc<Node>, doors: Doors, until: watch::Receiver<bool>) -> Result<(), StoreError> {
    let (pages, objects) = (Door::Pages(router(&node)), Door::Objects(Box::new(Endpoint::new(Arc::clone(&node))?)));
    let mut beside = JoinSet::new();
    beside.spawn(following(Arc::clone(&node)));
    beside.spawn(counting(Arc::clone(&node)));
    beside.spawn(renewing(Arc::clone(&node)));
    let looks = node.vault.clone();
    beside.spawn(async move { looks.inspect().await });
    // What ends late is recorded, and published, too.
    let (end, drained) = watch::channel(false);
    let mut published = publisher(Arc::clone(&node), drained)?;
    let numbers = async {
        if let Some(listener) = doors.numbers {
            accept(&node, listener, Door::Numbers(Arc::clone(&node)), until.clone()).await;
        }
    };
    let all = async {
        let others =
            (accept(&node, doors.pages, pages, until.clone()), accept(&node, doors.objects, objects, until.clone()));
        tokio::join!(others.0, others.1, numbers)
    };
    let published = tokio::select! {
        published = &mut published => published,
        ((), (), ()) = all => {
            end.send_replace(true);
            published.await
        }
    };
    beside.shutdown().await;
    // Another node may already answer in its place.
    let _ = node.installation.answers_no_more().await;
    published.unwrap_or(Err(StoreError::Stopped))
}

async fn ended(until: &mut watch::Receiver<bool>) {
    // Whoever could say so may be gone: that says it, too.
    drop(until.wait_for(|ended| *ended).await);
}

async fn accept(node: &Arc<Node>, listener: TcpListener, door: Door, mut until: watch::Receiver<bool>) {
    let Ok(at) = listener.local_addr() else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let places = Arc::new(Places::default());
    let mut open = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut until) => break,
        };
        let Ok((stream, peer)) = accepted else {
            // No more files, most likely: some connections must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !node.may_connect(at.ip(), peer.ip()) || !places.take(peer.ip()) {
            continue;
        }
        let (door, left, mut until) = (door.clone(), Arc::clone(&places), until.clone());
        let tls = node.settings.tls.clone().filter(|_| !matches!(door, Door::Numbers(_)));
        open.spawn(async move {
            let _place = place;
            match tls {
                None => connection(stream, peer, door, until).await,
                Some(tls) => {
                    let shaken = tokio::select! {
                        shaken = tls.accept(stream) => shaken,
                        () = ended(&mut until) => None,
                    };
                    if let Some(stream) = shaken {
                        connection(stream, peer, door, until).await;
                    }
                }
            }
            left.leave(peer.ip());
        });
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// How many connections each address has, so that none takes all.
#[derive(Default)]
struct Places(Mutex<HashMap<IpAddr, usize>>);

impl Places {
    fn take(&self, address: IpAddr) -> bool {
        let Ok(mut all) = self.0.lock() else { return false };
        let own = all.entry(address).or_default();
        let room = *own < CONNECTIONS_BY_ADDRESS_MAX;
        *own += usize::from(room);
        room
    }

    fn leave(&self, address: IpAddr) {
        let Ok(mut all) = self.0.lock() else { return };
        if let Some(own) = all.get_mut(&address) {
            *own = own.saturating_sub(1);
        }
        all.retain(|_, own| *own > 0);
    }
}

async fn connection<S>(stream: S, peer: SocketAddr, door: Door, until: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEAD_S));
    builder.max_headers(HEADERS_MAX).half_close(false);
    let stream = TokioIo::new(Stalls::new(stream, Duration::from_secs(WRITE_STALL_S)));
    match door {
        Door::Pages(router) => {
            // Each request says from where its connection comes.
            let answers = TowerToHyperService::new(router.layer(Extension(ConnectInfo(peer))));
            builder.max_buf_size(HEAD_BYTES_MAX);
            drained(builder.serve_connection(stream, answers), until).await;
        }
        Door::Objects(endpoint) => {
            let answers = service_fn(move |request| {
                let endpoint = endpoint.clone();
                async move { Ok::<_, Infallible>(endpoint.answer(peer, request).await) }
            });
            builder.max_buf_size(S3_BUFFER_BYTES);
            drained(builder.serve_connection(stream, answers), until).await;
        }
        Door::Numbers(node) => {
            let answers = service_fn(move |request: Request<Incoming>| {
                let node = Arc::clone(&node);
                async move { Ok::<_, Infallible>(metrics::answer(&node, &request).await) }
            });
            builder.max_buf_size(HEAD_BYTES_MAX);
            drained(builder.serve_connection(stream, answers), until).await;
        }
    }
}

/// Answers on a connection until it ends, or until nothing more is taken: then the request at hand has some time to end.
async fn drained<I, S, B>(connection: http1::Connection<I, S>, mut until: watch::Receiver<bool>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Whoever asked may have gone, or may never have asked.
        _ = connection.as_mut() => return,
        () = ended(&mut until) => connection.as_mut().graceful_shutdown(),
    }
    let _ = timeout(Duration::from_secs(DRAIN_S), connection).await;
}

/// Keeps what decisions rest on up, and ends requests that came with what counts no more.
async fn following(node: Arc<Node>) {
    let mut turns = every(Duration::from_millis(FOLLOW_MS));
    loop {
        turns.tick().await;
        node.follow().await;
    }
}

/// Writes down what is only counted, and that the node lives.
async fn counting(node: Arc<Node>) {
    let mut turns = every(Duration::from_secs(PRESENT_S));
    let per_beat = (HEARTBEAT_S / PRESENT_S).max(1);
    for turn in 0u64.. {
        turns.tick().await;
        let next = RequestId::draw(&mut SystemEntropy);
        node.identity.gate().tick(next, node.identity.now()).await;
        if turn % per_beat == 0
            && let Err(error) = node.beat().await
        {
            eprintln!("warning: this node's heartbeat is not recorded: {error}");
        }
        if turn % (SWEEP_S / PRESENT_S).max(1) == 1
            && let Err(error) = node.vault.sweep(node.identity.now()).await
        {
            eprintln!("warning: what uploads left that broke off cannot be removed: {error}");
        }
    }
}

/// Takes certificates that were renewed, and says once what is wrong with one.
async fn renewing(node: Arc<Node>) {
    let Some(tls) = node.settings.tls.clone() else { return };
    let (mut turns, mut said) = (every(Duration::from_secs(PRESENT_S)), None);
    loop {
        turns.tick().await;
        let wrong = tls.renew();
        if let Some(wrong) = wrong.as_ref().filter(|_| wrong != said) {
            eprintln!("warning: {wrong}");
        }
        said = wrong;
    }
}

/// Says where this node answers, so that others can ask it.
async fn presenting(node: &Node) {
    let address = node.settings.address();
    let mut turns = every(Duration::from_secs(PRESENT_S));
    loop {
        turns.tick().await;
        if let Err(error) = node.installation.answers_at(&address, node.identity.now()).await {
            eprintln!("warning: other nodes cannot find this one: {error}");
        }
    }
}

/// Publishes the log, and says where the node answers, on a thread of its own: both wait for disks.
fn publisher(
    node: Arc<Node>,
    until: watch::Receiver<bool>,
) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
    let failed = |error| StoreError::File("the publisher".to_owned(), "started", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (say, published) = oneshot::channel();
    // Whoever waits for it may be gone.
    let run = move || {
        let published = runtime.block_on(async {
            tokio::select! {
                published = publishing(Arc::clone(&node), until) => published,
                () = presenting(&node) => Ok(()),
            }
        });
        drop(say.send(published));
    };
    std::thread::Builder::new().name("cordon-publisher".to_owned()).spawn(run).map_err(failed)?;
    Ok(published)
}

/// Publishes the log for as long as this node is the one that does.
async fn publishing(node: Arc<Node>, mut until: watch::Receiver<bool>) -> Result<(), StoreError> {
    let mut turns = every(Duration::from_millis(PUBLISH_MS));
    let mut held = None;
    loop {
        let last = tokio::select! {
            _ = turns.tick() => false,
            () = ended(&mut until) => true,
        };
        match publish(&node, &mut held, if last { Until::All } else { Until::Turn }).await {
            Ok(()) => {}
            // Another process does, or the server of databases ended the session: try again.
            Err(StoreError::Locked(_) | StoreError::Conflict(_) | StoreError::Server(_)) => held = None,
            Err(error) => return Err(error),
        }
        if last {
            return Ok(());
        }
    }
}

type Held = Option<(std::fs::File, cordon_store::Sequencer)>;

/// How much is published at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// What is there at this turn. Under load there is more each time, and each checkpoint waits for the disk: what comes
    /// meanwhile is for the next turn.
    Turn,
    /// All there is.
    All,
}

async fn publish(node: &Node, held: &mut Held, until: Until) -> Result<(), StoreError> {
    if held.is_none() {
        let alone = node.installation.publishes()?;
        *held = Some((alone, node.installation.sequencer().await?));
    }
    if let Some((_, sequencer)) = held {
        let mut before = sequencer.size();
        while sequencer.publish().await?.is_some() {
            let published = sequencer.size() - before;
            before += published;
            if until == Until::Turn && published < PUBLISH_ENTRIES_MAX as u64 {
                break;
            }
        }
    }
    Ok(())
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut turns = interval(period);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}
