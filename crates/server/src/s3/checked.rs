//! Bodies that are what they say: what a client states of a body is compared with it before it counts.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use cordon_vault::put::Behind;
use data_encoding::BASE64;
use futures_util::Stream;
use hyper::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Result, StdError, TrailingHeaders, s3_error};

/// One checksum of all.
type Of = fn(&Checksum) -> &Option<String>;

/// The headers that state a checksum, each with where it stands among them.
const KINDS: [(&str, Of); 5] = [
    ("x-amz-checksum-crc32", |all| &all.checksum_crc32),
    ("x-amz-checksum-crc32c", |all| &all.checksum_crc32c),
    ("x-amz-checksum-crc64nvme", |all| &all.checksum_crc64nvme),
    ("x-amz-checksum-sha1", |all| &all.checksum_sha1),
    ("x-amz-checksum-sha256", |all| &all.checksum_sha256),
];

/// What a client states of a body.
pub(super) struct Stated {
    /// MD5, in base64.
    md5: Option<String>,
    /// Checksums, in base64, by the names of their headers.
    checksums: Vec<(&'static str, String)>,
    /// The names of those that come behind the body.
    announced: Vec<&'static str>,
    behind: Option<TrailingHeaders>,
    /// How long the body is that comes in signed pieces: that the last one came is not told otherwise.
    bytes: Option<u64>,
}

impl Stated {
    /// Reads what the headers of a request state.
    pub(super) fn read(headers: &HeaderMap, behind: Option<TrailingHeaders>) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let checksums = KINDS.iter().filter_map(|(name, _)| Some((*name, text(name)?.to_owned()))).collect();
        let listed = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
        let listed: Vec<String> =
            listed.flat_map(|line| line.split(',')).map(|name| name.trim().to_lowercase()).collect();
        let announced = KINDS.iter().map(|(name, _)| *name).filter(|name| listed.iter().any(|own| own == name));
        let md5 = text("content-md5").map(str::to_owned);
        if md5.as_ref().is_some_and(|md5| BASE64.decode(md5.as_bytes()).map_or(0, |digest| digest.len()) != 16) {
            return Err(s3_error!(InvalidDigest, "Content-MD5 is no MD5 in base64"));
        }
        let bytes = text("x-amz-decoded-content-length").map(|length| {
            length.parse().map_err(|_| s3_error!(InvalidArgument, "x-amz-decoded-content-length is no number"))
        });
        Ok(Self { md5, checksums, announced: announced.collect(), behind, bytes: bytes.transpose()? })
    }

    fn hasher(&self) -> ChecksumHasher {
        let asked = |name: &str| self.checksums.iter().any(|(own, _)| *own == name) || self.announced.contains(&name);
        ChecksumHasher {
            crc32: asked("x-amz-checksum-crc32").then(Crc32::new),
            crc32c: asked("x-amz-checksum-crc32c").then(Crc32c::new),
            crc64nvme: asked("x-amz-checksum-crc64nvme").then(Crc64Nvme::new),
            sha1: asked("x-amz-checksum-sha1").then(Sha1::new),
            sha256: asked("x-amz-checksum-sha256").then(Sha256::new),
        }
    }

    /// Compares what was stated, before the body and behind it. Returns the checksums, as they are kept.
    fn compare(mut self, md5: Option<Md5>, own: &Checksum, bytes: u64) -> S3Result<Vec<(String, String)>> {
        if self.bytes.is_some_and(|stated| stated != bytes) {
            return Err(s3_error!(IncompleteBody, "the body is not as long as was said"));
        }
        if let (Some(md5), Some(stated)) = (md5, &self.md5)
            && BASE64.encode(md5.finalize().as_ref()) != *stated
        {
            return Err(s3_error!(BadDigest, "the body is not what Content-MD5 says"));
        }
        let behind = self.behind.take().and_then(|behind| behind.take()).unwrap_or_default();
        for name in &self.announced {
            let value = behind.get(*name).and_then(|value| value.to_str().ok());
            let value = value.ok_or_else(|| s3_error!(IncompleteBody, "a checksum that was announced did not come"))?;
            self.checksums.push((name, value.to_owned()));
        }
        let of = |wanted: &str| KINDS.iter().find(|(name, _)| *name == wanted).and_then(|(_, of)| of(own).as_deref());
        match self.checksums.iter().all(|(name, stated)| of(name) == Some(stated)) {
            true => Ok(self.checksums.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            false => Err(s3_error!(BadDigest, "the body is not what its checksum says")),
        }
    }
}

/// Why a body was refused, if it was.
#[derive(Clone, Default)]
pub(super) struct Outcome(Arc<Mutex<Option<S3Error>>>);

impl Outcome {
    /// Returns it, once.
    pub(super) fn refusal(&self) -> Option<S3Error> {
        self.0.lock().ok()?.take()
    }
}

/// A body that is compared with what was stated of it, and breaks off when it is another.
pub(super) struct Checked {
    body: Option<StreamingBlob>,
    hasher: ChecksumHasher,
    md5: Option<Md5>,
    stated: Option<Stated>,
    outcome: Outcome,
    /// The checksums, once the body was compared with them.
    behind: Behind,
    bytes: u64,
}

impl Checked {
    pub(super) fn new(body: Option<StreamingBlob>, stated: Stated) -> (Self, Outcome) {
        let outcome = Outcome::default();
        let (hasher, md5) = (stated.hasher(), stated.md5.is_some().then(Md5::new));
        let behind = Behind::default();
        (Self { body, hasher, md5, stated: Some(stated), outcome: outcome.clone(), behind, bytes: 0 }, outcome)
    }

    /// What says the checksums once all of the body came.
    pub(super) fn behind(&self) -> Behind {
        self.behind.clone()
    }

    fn end(&mut self) -> Option<Result<Bytes, StdError>> {
        let stated = self.stated.take()?;
        let own = std::mem::take(&mut self.hasher).finalize();
        let error = match stated.compare(self.md5.take(), &own, self.bytes) {
            Ok(checksums) => {
                self.behind.say(checksums);
                return None;
            }
            Err(error) => error,
        };
        let text = error.message().unwrap_or_default().to_owned();
        if let Ok(mut outcome) = self.outcome.0.lock() {
            *outcome = Some(error);
        }
        Some(Err(text.into()))
    }
}

impl Stream for Checked {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(self.end()) };
        match std::task::ready!(Pin::new(body).poll_next(context)) {
            Some(Ok(piece)) => {
                self.bytes += piece.len() as u64;
                self.hasher.update(&piece);
                if let Some(md5) = &mut self.md5 {
                    md5.update(&piece);
                }
                Poll::Ready(Some(Ok(piece)))
            }
            Some(Err(error)) => {
                // What broke off is compared with nothing.
                self.stated = None;
                self.body = None;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.body = None;
                Poll::Ready(self.end())
            }
        }
    }
}
