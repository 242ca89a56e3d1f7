//! Requests in flight: each is ended when what it came with counts no more, also while its answer is on its way.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use cordon_domain::Credential;
use futures_util::Stream;
use tokio::sync::watch;

/// All requests in flight that came with a credential, and the reads of strangers.
#[derive(Default)]
pub struct Flights {
    all: Arc<Mutex<HashMap<u64, Flying>>>,
    begun: AtomicU64,
    ended: AtomicU64,
}

struct Flying {
    /// What it came with; strangers come with nothing.
    credential: Option<Credential>,
    cut: watch::Sender<bool>,
}

/// One request in flight. It is no more when this is dropped.
pub struct Flight {
    all: Arc<Mutex<HashMap<u64, Flying>>>,
    number: u64,
    cut: watch::Receiver<bool>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Ok(mut all) = self.all.lock() {
            all.remove(&self.number);
        }
    }
}

impl Flights {
    /// Begins a request that came with a credential, or one of a stranger.
    pub fn begin(&self, credential: Option<Credential>) -> Option<Flight> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let mut all = self.all.lock().ok()?;
        let (sender, receiver) = watch::channel(false);
        all.insert(number, Flying { credential, cut: sender });
        Some(Flight { all: Arc::clone(&self.all), number, cut: receiver })
    }

    /// Ends all that do not count, by what they came with.
    pub fn cut(&self, counts: impl Fn(Option<&Credential>) -> bool) {
        let Ok(all) = self.all.lock() else { return };
        for flying in all.values().filter(|flying| !counts(flying.credential.as_ref())) {
            if !flying.cut.send_replace(true) {
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns how many were ended so far.
    #[must_use]
    pub fn were_cut(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns how many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.lock().map_or(0, |all| all.len())
    }
}

impl Flight {
    /// Waits for an answer, unless the request is ended before.
    pub async fn answer<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        let mut cut = self.cut.clone();
        tokio::select! {
            biased;
            _ = cut.wait_for(|cut| *cut) => None,
            answer = answer => Some(answer),
        }
    }

    /// Lets a body go on for as long as the request may.
    pub fn carry(self, body: Body) -> Body {
        let mut cut = self.cut.clone();
        let ended: Ended = Box::pin(async move { drop(cut.wait_for(|cut| *cut).await) });
        Body::from_stream(Carried { stream: body.into_data_stream(), ended, _flight: self })
    }
}

type Ended = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Carried {
    stream: BodyDataStream,
    ended: Ended,
    _flight: Flight,
}

/// A body that was ended must not look whole.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("what the request came with was revoked")]
    Revoked,
    #[error(transparent)]
    Body(#[from] axum::Error),
}

impl Stream for Carried {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Broken::Revoked)));
        }
        Pin::new(&mut self.stream).poll_next(context).map(|next| next.map(|chunk| chunk.map_err(Broken::from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{CredentialId, CredentialKind, Factor, Moment, PrincipalId, PrincipalKind};
    use futures_util::{StreamExt as _, stream};

    fn credential(id: u8) -> Credential {
        Credential {
            id: CredentialId([id; 16]),
            kind: CredentialKind::Session,
            principal: PrincipalId([1; 16]),
            principal_kind: PrincipalKind::Person,
            device: None,
            factor: Factor::Code,
            factor_at: Moment(0),
            issued_at: Moment(0),
            expires_at: Moment(1),
            way: None,
            parent: None,
        }
    }

    #[tokio::test]
    async fn a_request_is_ended_before_and_while_its_answer_is_on_its_way() {
        let flights = Flights::default();
        let mut waiting = flights.begin(Some(credential(1))).expect("begun");
        let other = flights.begin(None).expect("begun");
        let endless = stream::iter([Ok::<_, Broken>(Bytes::from_static(b"first"))]).chain(stream::pending());
        let mut body =
            flights.begin(Some(credential(1))).expect("begun").carry(Body::from_stream(endless)).into_data_stream();
        assert_eq!(body.next().await.expect("a chunk").expect("whole"), "first");
        assert_eq!(flights.count(), 3);
        assert_eq!(waiting.answer(async { 7 }).await, Some(7));
        flights.cut(|credential| credential.is_none_or(|one| one.id != CredentialId([1; 16])));
        assert_eq!(waiting.answer(std::future::pending::<()>()).await, None);
        assert!(body.next().await.expect("it ends").is_err(), "and does not look whole");
        drop((waiting, body));
        assert_eq!(flights.count(), 1);
        let mut stranger = flights.begin(None).expect("begun");
        flights.cut(|_| false);
        assert_eq!(stranger.answer(std::future::pending::<()>()).await, None, "a node that knows nothing ends all");
        let other = {
            drop((other, stranger));
            flights.begin(None).expect("begun")
        };
        let whole = other.carry(Body::from("all of it")).into_data_stream().next().await;
        assert_eq!(whole.expect("a chunk").expect("whole"), "all of it");
    }
}
