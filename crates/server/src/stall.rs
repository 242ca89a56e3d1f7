//! Whoever stops keeps no place: connections that take nothing for too long are ended, and bodies of which nothing comes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection of which each write must go on within a time.
pub(crate) struct Stalls<S> {
    stream: S,
    limit: Duration,
    /// Runs while a write waits.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalls<S> {
    pub(crate) const fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, waits: None }
    }

    /// What a write gives; an error when it has waited for too long.
    fn within<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waits = None;
            return outcome;
        }
        let limit = self.limit;
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waits.as_mut().poll(context));
        // Whoever asks once more is told once more.
        waits.as_mut().reset(Instant::now());
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalls<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalls<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.within(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.within(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Encryption says its last before the connection ends.
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within(context, outcome)
    }
}

/// A body of which each piece comes within a time.
pub(crate) struct InTime<B> {
    body: B,
    limit: Duration,
    late: Pin<Box<Sleep>>,
    ended: Arc<AtomicBool>,
}

impl<B: Body> InTime<B> {
    pub(crate) fn new(body: B, limit: Duration) -> Self {
        let ended = Arc::new(AtomicBool::new(body.is_end_stream()));
        Self { body, limit, late: Box::pin(sleep(limit)), ended }
    }

    /// Whether all of it came.
    pub(crate) fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for InTime<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now() + self.limit;
            self.late.as_mut().reset(next);
            if frame.is_none() || self.body.is_end_stream() {
                self.ended.store(true, Ordering::Release);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        self.late.as_mut().poll(context).map(|()| Some(Err(io::ErrorKind::TimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn whoever_stops_reading_is_cut_off_and_whoever_reads_is_not() {
        let (here, mut there) = duplex(16);
        let mut stream = Stalls::new(here, Duration::from_secs(2));
        let writes = tokio::spawn(async move {
            let whole = stream.write_all(&[7; 64]).await;
            (whole.is_ok(), stream.write_all(&[7; 64]).await)
        });
        there.read_exact(&mut [0; 64]).await.expect("all of it");
        let (whole, ended) = writes.await.expect("it ran");
        assert!(whole);
        assert_eq!(ended.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_body_of_which_nothing_comes_is_ended_and_one_that_comes_slowly_is_not() {
        let pieces = stream::iter([b"a", b"b", b"c"]).then(async |piece| {
            sleep(Duration::from_millis(200)).await;
            Ok::<_, io::Error>(Bytes::from_static(piece))
        });
        let stops = pieces.chain(stream::pending());
        let body = InTime::new(axum::body::Body::from_stream(stops), Duration::from_millis(500));
        let ended = body.ended();
        let came: Vec<_> = axum::body::Body::new(body).into_data_stream().take(4).collect().await;
        assert!(came[..3].iter().all(Result::is_ok), "longer than the limit, all together");
        assert!(came[3].as_ref().is_err_and(|error| error.to_string().contains("timed out")), "{came:?}");
        assert!(!ended.load(Ordering::Acquire));
        let body = InTime::new(axum::body::Body::from("whole"), Duration::from_millis(100));
        let ended = body.ended();
        assert!(!ended.load(Ordering::Acquire));
        assert_eq!(axum::body::Body::new(body).into_data_stream().next().await.expect("it").expect("came"), "whole");
        assert!(ended.load(Ordering::Acquire));
    }

    #[tokio::test]
    async fn an_end_that_nobody_takes_waits_no_longer() {
        let (here, _there) = duplex(16);
        // What was kept back is sent when it ends, as a last word of encryption is.
        let mut kept = tokio::io::BufWriter::with_capacity(64, here);
        kept.write_all(&[7; 32]).await.expect("kept");
        let ended = Stalls::new(kept, Duration::from_millis(10)).shutdown().await;
        assert_eq!(ended.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
    }
}
