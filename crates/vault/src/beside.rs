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
use crate::known::{Raised, registers};
use crate::limits::{
    BESIDE_BYTES_PER_S_MIN, BESIDE_BYTES_WAITING_MAX, BESIDE_STARTS_S, LOOK_NOW_BYTES_MAX, LOOK_NOW_MS,
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
    pieces: UnboundedSender<Option<Bytes>>,
    queue: Arc<Queue>,
    bytes: u64,
    began: Instant,
    looking: JoinHandle<Result<Seen, LookFault>>,
}

/// What lies between the two.
#[derive(Default)]
struct Queue {
    bytes: AtomicUsize,
    is_given_up: AtomicBool,
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
            && !feed.hand_on(piece)
        {
            *self = Self::Closed;
        }
    }
}

impl Feed {
    /// Begins to look, if somebody is free.
    fn begin(own: &Inspecting, wants: &Wants) -> Option<Self> {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::new(Queue::default());
        let looking = own.inspector.look_beside(wants, Queue::pieces(Arc::clone(&queue), received))?;
        Some(Self { pieces, queue, bytes: 0, began: Instant::now(), looking: tokio::spawn(looking) })
    }

    /// Hands a piece on. Returns whether it goes on: who sends slowly does not keep somebody who could look into something else,
    /// and who sends faster than anybody looks does not wait.
    fn hand_on(&mut self, piece: &Bytes) -> bool {
        if self.pieces.is_closed() {
            // Whoever looked has seen enough.
            return true;
        }
        self.bytes += piece.len() as u64;
        let due_s = self.began.elapsed().as_secs().saturating_sub(BESIDE_STARTS_S);
        let waiting = self.queue.bytes.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        let goes_on = self.bytes >= due_s * BESIDE_BYTES_PER_S_MIN && waiting <= BESIDE_BYTES_WAITING_MAX;
        if goes_on {
            // What nobody takes any more is seen by the next one.
            let _ = self.pieces.send(Some(piece.clone()));
        }
        goes_on
    }

    /// All came: what was seen, as soon as that is known.
    async fn ended(mut self) -> Option<Seen> {
        let _ = self.pieces.send(None);
        timeout(Duration::from_millis(LOOK_NOW_MS), &mut self.looking).await.ok()?.ok()?.ok()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.queue.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Queue {
    /// What comes out: an end only where all came.
    fn pieces(
        self: Arc<Self>,
        received: UnboundedReceiver<Option<Bytes>>,
    ) -> BoxStream<'static, Result<Bytes, VaultError>> {
        let next = |(queue, received): (Arc<Self>, Option<UnboundedReceiver<Option<Bytes>>>)| async move {
            let mut received = received?;
            let piece = received.recv().await;
            match piece.filter(|_| !queue.is_given_up.load(Ordering::Relaxed)) {
                Some(piece) => {
                    let piece = piece?;
                    queue.bytes.fetch_sub(piece.len(), Ordering::Relaxed);
                    Some((Ok(piece), (queue, Some(received))))
                }
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
            Eyes::Open(feed) => feed.ended().await.filter(|seen| own.known.knows_all(&seen.looked))?,
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

    /// Whoever looks tells how many bytes came, once all did.
    fn feed(takes: impl Future<Output = ()> + Send + 'static) -> (Feed, Arc<Queue>) {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::new(Queue::default());
        let mut body = Queue::pieces(Arc::clone(&queue), received);
        let looking = tokio::spawn(async move {
            takes.await;
            let mut unread = 0;
            while let Some(piece) = body.next().await {
                unread += piece?.len() as u64;
            }
            Ok(cordon_domain::Looked { unread, ..Default::default() }.into())
        });
        (Feed { pieces, queue: Arc::clone(&queue), bytes: 0, began: Instant::now(), looking }, queue)
    }

    fn piece(bytes: usize) -> Bytes {
        Bytes::from(vec![1; bytes])
    }

    #[tokio::test]
    async fn what_is_handed_on_is_seen_once_all_came() {
        let (mut feed, queue) = feed(async {});
        assert!((0..100).all(|_| feed.hand_on(&piece(10_000))));
        assert_eq!(feed.ended().await.map(|seen| seen.looked.unread), Some(1_000_000));
        assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_sends_slowly_keeps_nobody() {
        let (due_s, least) = (5, BESIDE_BYTES_PER_S_MIN * 5);
        for (sent, goes_on) in [(least - 1, false), (least, true)] {
            let (mut feed, _) = feed(async {});
            feed.began -= Duration::from_secs(BESIDE_STARTS_S + due_s);
            assert_eq!(feed.hand_on(&piece(usize::try_from(sent).expect("fits"))), goes_on, "{sent}");
        }
    }

    #[tokio::test]
    async fn who_sends_faster_than_anybody_looks_does_not_wait() {
        let (mut feed, queue) = feed(std::future::pending());
        let mut sent = 0;
        while feed.hand_on(&piece(1 << 20)) {
            sent += 1 << 20;
        }
        assert_eq!(sent, BESIDE_BYTES_WAITING_MAX);
        drop(feed);
        assert!(queue.is_given_up.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn what_breaks_off_is_not_taken_for_all() {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::new(Queue::default());
        let mut body = Queue::pieces(Arc::clone(&queue), received);
        pieces.send(Some(piece(1))).expect("taken");
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
        pieces.send(Some(piece(1))).expect("taken");
        queue.is_given_up.store(true, Ordering::Relaxed);
        assert!(body.next().await.is_some_and(|piece| piece.is_err()), "though a piece lies there");
    }

    #[tokio::test]
    async fn who_has_seen_enough_is_sent_nothing_more() {
        let (pieces, received) = unbounded_channel();
        let queue = Arc::<Queue>::default();
        let looking = tokio::spawn(async move {
            drop(received);
            Ok(cordon_domain::Looked::default().into())
        });
        let mut feed = Feed { pieces, queue: Arc::clone(&queue), bytes: 0, began: Instant::now(), looking };
        tokio::task::yield_now().await;
        assert!((0..100).all(|_| feed.hand_on(&piece(1 << 20))));
        assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
        assert!(feed.ended().await.is_some());
    }
}
