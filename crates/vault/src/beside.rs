//! Looking into a version while it is written: into a short one once all of it came, into a longer one as it comes, as long as
//! somebody is free and keeps up. All others are looked into afterwards: see [`crate::inspect`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cordon_domain::{
    BucketId, ContentDigest, Guarding, Inspected, Inspection, Label, Moment, ObjectKey, Original, PrincipalId, Seen,
};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::error::VaultError;
use crate::inspect::{Inspecting, LookFault, Wants, is_whole};
use crate::known::{Knowing, Raised, registers};
use crate::limits::{
    BESIDE_BYTES_PER_S_MIN, BESIDE_BYTES_WAITING_MAX, BESIDE_PIECE_BYTES, BESIDE_WINDOW_S, LOOK_NOW_BYTES_MAX,
    LOOK_NOW_MS,
};
use crate::vault::Vault;

/// How a version is looked into that is being written.
pub(crate) struct Beside(Eyes);

enum Eyes {
    /// All that came is kept: it is little.
    Kept { own: Arc<Inspecting>, wants: Wants, kept: BytesMut },
    /// Somebody looks.
    Open(Feed),
    /// It is looked into afterwards.
    Closed,
}

/// What hands bytes to whoever looks. Dropped before all came, it has them give up.
struct Feed {
    pieces: UnboundedSender<Piece>,
    queue: Arc<Queue>,
    /// What is handed on next: many small pieces would take more memory than they have bytes.
    gathered: BytesMut,
    /// When bytes were counted last, and how many came since.
    window: (Instant, u64),
    /// What was known when it began.
    knew: u64,
    looking: JoinHandle<Result<Seen, LookFault>>,
}

/// What comes through.
enum Piece {
    Bytes(Bytes),
    /// All came.
    End,
}

/// What lies between the two.
#[derive(Default)]
struct Queue {
    bytes: AtomicUsize,
    is_given_up: AtomicBool,
}

/// How a look goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    On,
    /// It comes too slowly, or too fast.
    No,
}

impl Beside {
    /// Hands on what comes, and shows it to whoever looks.
    pub(crate) fn watches<S, E>(&mut self, body: S) -> impl Stream<Item = Result<Bytes, E>> + Send
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
    {
        body.inspect(|piece| {
            if let Ok(piece) = piece {
                self.0.see(piece);
            }
        })
    }
}

impl Eyes {
    fn see(&mut self, piece: &Bytes) {
        match self {
            Self::Kept { kept, .. } if kept.len() + piece.len() <= LOOK_NOW_BYTES_MAX => kept.extend_from_slice(piece),
            Self::Kept { own, wants, kept } => {
                let before = std::mem::take(kept).freeze();
                let feed = Feed::begin(own, wants);
                *self = feed.map_or(Self::Closed, Self::Open);
                [&before, piece].into_iter().for_each(|piece| self.see_beside(piece));
            }
            Self::Open(_) | Self::Closed => self.see_beside(piece),
        }
    }

    fn see_beside(&mut self, piece: &Bytes) {
        if let Self::Open(feed) = self
            && feed.take(piece) == Goes::No
        {
            *self = Self::Closed;
        }
    }
}

impl Feed {
    /// Begins to look, if somebody is free.
    fn begin(own: &Inspecting, wants: &Wants) -> Option<Self> {
        let (pieces, received) = unbounded_channel();
        let (queue, knew) = (Arc::new(Queue::default()), own.known.learnt_times());
        let looking = own.inspector.look_beside(wants, Queue::pieces(Arc::clone(&queue), received))?;
        let (gathered, window) = (BytesMut::new(), (Instant::now(), 0));
        Some(Self { pieces, queue, gathered, window, knew, looking: tokio::spawn(looking) })
    }

    /// Takes a piece: who sends slowly does not keep somebody who could look into something else, and who sends faster than anybody
    /// looks does not wait.
    fn take(&mut self, piece: &Bytes) -> Goes {
        if self.pieces.is_closed() {
            // Whoever looked has seen enough.
            return Goes::On;
        }
        if !self.is_fast_enough(piece.len() as u64) {
            return Goes::No;
        }
        if self.gathered.is_empty() && piece.len() >= BESIDE_PIECE_BYTES {
            return self.hand_on(piece.clone());
        }
        self.gathered.extend_from_slice(piece);
        match self.gathered.len() >= BESIDE_PIECE_BYTES {
            true => self.hand_on_gathered(),
            false => Goes::On,
        }
    }

    fn is_fast_enough(&mut self, came: u64) -> bool {
        let (since, bytes) = &mut self.window;
        *bytes += came;
        let passed_s = since.elapsed().as_secs();
        if passed_s < BESIDE_WINDOW_S {
            return true;
        }
        let is_enough = *bytes >= passed_s * BESIDE_BYTES_PER_S_MIN;
        self.window = (Instant::now(), 0);
        is_enough
    }

    fn hand_on_gathered(&mut self) -> Goes {
        let gathered = std::mem::take(&mut self.gathered).freeze();
        self.hand_on(gathered)
    }

    fn hand_on(&self, piece: Bytes) -> Goes {
        let waiting = self.queue.bytes.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if waiting > BESIDE_BYTES_WAITING_MAX {
            return Goes::No;
        }
        // What nobody takes any more is seen by the next one.
        let _ = self.pieces.send(Piece::Bytes(piece));
        Goes::On
    }

    /// All came: what was seen, as soon as that is known. What was learnt meanwhile was not looked for.
    async fn ended(mut self, known: &Knowing) -> Option<Seen> {
        if self.hand_on_gathered() == Goes::No {
            return None;
        }
        let _ = self.pieces.send(Piece::End);
        let seen = timeout(Duration::from_millis(LOOK_NOW_MS), &mut self.looking).await.ok()?.ok()?.ok()?;
        (known.learnt_times() == self.knew && known.knows_all(&seen.looked)).then_some(seen)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.queue.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Queue {
    /// What comes out: an end only where all came. Whoever looks does not wait for one who sends nothing.
    fn pieces(self: Arc<Self>, received: UnboundedReceiver<Piece>) -> BoxStream<'static, Result<Bytes, VaultError>> {
        let next = |(queue, received): (Arc<Self>, Option<UnboundedReceiver<Piece>>)| async move {
            let mut received = received?;
            let piece = timeout(Duration::from_secs(BESIDE_WINDOW_S), received.recv()).await.ok().flatten();
            match piece.filter(|_| !queue.is_given_up.load(Ordering::Relaxed)) {
                Some(Piece::Bytes(piece)) => {
                    queue.bytes.fetch_sub(piece.len(), Ordering::Relaxed);
                    Some((Ok(piece), (queue, Some(received))))
                }
                Some(Piece::End) => None,
                None => Some((Err(VaultError::Sent("not all of it is looked into now".to_owned())), (queue, None))),
            }
        };
        stream::unfold((self, Some(received)), next).boxed()
    }
}

impl Vault {
    /// Begins to look into a version that is being written with a label.
    pub(crate) fn beside(&self, key: &ObjectKey, (label, guarding): (&Label, &Guarding)) -> Beside {
        let kept = |own: &Arc<Inspecting>| {
            let wants = Wants { name: key.as_str().to_owned(), prints: registers(label, guarding) };
            Eyes::Kept { own: Arc::clone(own), wants, kept: BytesMut::new() }
        };
        Beside(self.inspecting.as_ref().map_or(Eyes::Closed, kept))
    }

    /// What is seen in a version of which all came, and which is about to be written with a label. `None`: later.
    pub(crate) async fn seen_beside(
        &self,
        (bucket, key, content): (BucketId, &ObjectKey, Option<ContentDigest>),
        beside: Beside,
        (label, guarding): (&Label, &Guarding),
    ) -> Option<Seen> {
        let own = self.inspecting.as_ref()?;
        let seen = match beside.0 {
            Eyes::Kept { kept, .. } => {
                let body = kept.freeze();
                let looking = own.look(key, (label, guarding), |wants| own.inspector.look_now(&wants, body.clone()));
                timeout(Duration::from_millis(LOOK_NOW_MS), looking).await.ok()?.ok()?
            }
            Eyes::Open(feed) => feed.ended(&own.known).await?,
            Eyes::Closed => return None,
        };
        self.recognised(own, seen, ((bucket, key), content)).await.ok()
    }

    /// What is known of a version that is written now with a label, and by what copies of it are recognised.
    pub(crate) fn inspection(
        &self,
        (seen, content): (Option<&Seen>, Option<ContentDigest>),
        (label, guarding): (&Label, &Guarding),
        (at, by): (Moment, PrincipalId),
    ) -> (Option<Inspection>, Option<Original>) {
        let Some(own) = &self.inspecting else { return (None, None) };
        let pending = (Some(Inspection::Pending), self.registered_before(content, (label, guarding)));
        let Some(seen) = seen.filter(|seen| is_whole(seen, (label, guarding))) else { return pending };
        match own.known.raised(&seen.looked, label, guarding.inspection) {
            None | Some(Raised { to: Some(_), .. }) => pending,
            Some(Raised { to: None, would }) => {
                let inspected = Inspected { would, ..Inspected::at(at, seen.looked.clone()) };
                (Some(Inspection::Done(Box::new(inspected))), self.registered((seen, content), (label, guarding), by))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever looks tells how many bytes came, once all did; or never begins.
    fn feed(begins: impl Future<Output = ()> + Send + 'static) -> (Feed, Arc<Queue>) {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::new(Queue::default());
        let mut body = Queue::pieces(Arc::clone(&queue), received);
        let looking = tokio::spawn(async move {
            begins.await;
            let mut unread = 0;
            while let Some(piece) = body.next().await {
                unread += piece?.len() as u64;
            }
            Ok(cordon_domain::Looked { unread, ..Default::default() }.into())
        });
        let (gathered, window) = (BytesMut::new(), (Instant::now(), 0));
        (Feed { pieces, queue: Arc::clone(&queue), gathered, window, knew: 0, looking }, queue)
    }

    fn piece(bytes: usize) -> Bytes {
        Bytes::from(vec![1; bytes])
    }

    async fn ended(feed: Feed) -> Option<u64> {
        Some(feed.ended(&Knowing::default()).await?.looked.unread)
    }

    #[tokio::test]
    async fn what_comes_in_any_pieces_is_seen_once_all_came() {
        for (bytes, count) in [(1, 3_000_000), (10_000, 100), (1 << 20, 9), (BESIDE_PIECE_BYTES, 1)] {
            let (mut feed, queue) = feed(async {});
            for number in 0..count {
                assert_eq!(feed.take(&piece(bytes)), Goes::On);
                if number % 64 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(ended(feed).await, Some((bytes * count) as u64));
            assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn who_sends_slowly_keeps_nobody() {
        let least = BESIDE_BYTES_PER_S_MIN * BESIDE_WINDOW_S;
        for (sent, goes) in [(least - 1, Goes::No), (least, Goes::On)] {
            let (mut feed, _) = feed(async {});
            // Whatever came before.
            feed.take(&piece(8 << 20));
            feed.window = (Instant::now() - Duration::from_secs(BESIDE_WINDOW_S), 0);
            assert_eq!(feed.take(&piece(usize::try_from(sent).expect("fits"))), goes, "{sent}");
        }
    }

    #[tokio::test]
    async fn who_sends_faster_than_anybody_looks_does_not_wait() {
        let (mut feed, queue) = feed(std::future::pending());
        let mut sent = 0;
        while feed.take(&piece(1 << 20)) == Goes::On {
            sent += 1 << 20;
        }
        assert_eq!(sent, BESIDE_BYTES_WAITING_MAX);
        drop(feed);
        assert!(queue.is_given_up.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn what_was_learnt_meanwhile_was_not_looked_for() {
        let (mut feed, _) = feed(async {});
        feed.knew = 1;
        assert_eq!(ended(feed).await, None);
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_taken_for_all() {
        let (pieces, received) = unbounded_channel();
        let mut body = Queue::pieces(Arc::default(), received);
        pieces.send(Piece::Bytes(piece(1))).unwrap_or_else(|_| panic!("taken"));
        drop(pieces);
        assert!(body.next().await.is_some_and(|piece| piece.is_ok()));
        assert!(body.next().await.is_some_and(|piece| piece.is_err()));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn what_was_given_up_is_not_looked_into_to_its_end() {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::new(Queue::default());
        let mut body = Queue::pieces(Arc::clone(&queue), received);
        pieces.send(Piece::Bytes(piece(1))).unwrap_or_else(|_| panic!("taken"));
        queue.is_given_up.store(true, Ordering::Relaxed);
        assert!(body.next().await.is_some_and(|piece| piece.is_err()), "though a piece lies there");
    }

    #[tokio::test]
    async fn who_has_seen_enough_is_sent_nothing_more() {
        let (mut feed, queue) = feed(async {});
        let (pieces, received) = unbounded_channel();
        drop(received);
        feed.pieces = pieces;
        feed.looking = tokio::spawn(async { Ok(cordon_domain::Looked::default().into()) });
        assert!((0..100).all(|_| feed.take(&piece(1 << 20)) == Goes::On));
        assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(ended(feed).await, Some(0));
    }
}
