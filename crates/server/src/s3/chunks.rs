//! Bodies that come in chunks reach `s3s` in chunks of a bound: it keeps all of a chunk until it has its end. A chunk that is not signed
//! is passed on as chunks of what comes; one that is signed cannot be, and is refused where it is longer than that.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use cordon_identity::chunks::{ChunkFault, Chunked, Chunks, Step};
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame, SizeHint};

/// A body, whose chunks have a bound if it comes in any.
pub(crate) struct InChunks<B> {
    body: B,
    chunks: Option<(Chunked, Chunks)>,
    /// What is passed on next.
    ready: VecDeque<Bytes>,
}

impl<B> InChunks<B> {
    pub(crate) fn new(body: B, headers: &HeaderMap) -> Self {
        let said = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        let chunks = said.and_then(Chunked::of).map(|kind| (kind, Chunks::new(kind)));
        Self { body, chunks, ready: VecDeque::new() }
    }

    /// Reads a piece that came.
    fn take(&mut self, mut piece: Bytes) -> Result<(), ChunkFault> {
        let Some((kind, chunks)) = &mut self.chunks else {
            self.ready.push_back(piece);
            return Ok(());
        };
        if *kind == Chunked::Signed {
            self.ready.push_back(piece.clone());
        }
        while !piece.is_empty() {
            let (step, taken) = chunks.step(&piece)?;
            let these = piece.split_to(taken);
            if *kind == Chunked::Unsigned {
                self.ready.extend(passed_on(step, these));
            }
        }
        Ok(())
    }
}

/// What of a body of chunks that are not signed is passed on: content as a chunk of its own.
fn passed_on(step: Step, these: Bytes) -> impl Iterator<Item = Bytes> {
    let (before, these, behind) = match step {
        Step::Framing => (None, None, None),
        Step::Content => {
            (Some(format!("{:x}\r\n", these.len()).into()), Some(these), Some(Bytes::from_static(b"\r\n")))
        }
        Step::Last => (Some(Bytes::from_static(b"0\r\n")), None, None),
        Step::Rest => (None, Some(these), None),
    };
    [before, these, behind].into_iter().flatten()
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for InChunks<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(next))));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(frame) => frame.map_err(io::Error::other)?,
            };
            match frame.into_data() {
                Ok(piece) => self.take(piece).map_err(io::Error::other)?,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.chunks {
            None => self.body.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::*;

    /// What is passed on of a body that comes in these pieces.
    async fn passed(said: &str, pieces: &[&'static str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-content-sha256", said.parse().expect("a value"));
        let pieces =
            pieces.iter().map(|piece| Ok::<_, io::Error>(Bytes::from_static(piece.as_bytes()))).collect::<Vec<_>>();
        let body = InChunks::new(axum::body::Body::from_stream(stream::iter(pieces)), &headers);
        let mut stream = axum::body::Body::new(body).into_data_stream();
        let mut all = Vec::new();
        while let Some(piece) = stream.next().await {
            all.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        }
        Ok(String::from_utf8(all).expect("a text"))
    }

    #[tokio::test]
    async fn chunks_are_of_what_came_or_as_they_were() {
        let unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
        let long = ["fffffff", "f00\r\n", "hello", " world", "!"];
        assert_eq!(passed(unsigned, &long).await.expect("passed"), "5\r\nhello\r\n6\r\n world\r\n1\r\n!\r\n");
        let whole = ["5\r\nhe", "llo\r", "\n0\r\nx-amz-checksum-crc32:AAAA\r\n", "\r\n"];
        let expected = "2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(passed(unsigned, &whole).await.expect("passed"), expected);
        let signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
        assert_eq!(passed(signed, &whole).await.expect("passed"), whole.concat());
        let refused = passed(signed, &["400001;chunk-signature=00\r\n", "x"]).await.expect_err("refused");
        assert!(refused.contains("a signed chunk has at most 4194304 bytes"), "{refused}");
        assert_eq!(passed("UNSIGNED-PAYLOAD", &long).await.expect("as it is"), long.concat());
    }
}
