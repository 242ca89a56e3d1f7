//! Reading a version.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use cordon_domain::{Bucket, Label, ObjectKey, VersionId};
use cordon_gate::act::{List, Read};
use cordon_gate::{Facts, Request};
use cordon_keys::stream::{HEADER_BYTES, Header, Segment, Stream as Sealing, TAG_BYTES};
use cordon_keys::{Opened, Part};
use cordon_store::ObjectRow;
use cordon_store::entries::{Body, Entry, Said};
use futures_util::stream::{self, Stream};
use tokio::task::JoinHandle;

use crate::blobs::{Blobs, Held};
use crate::error::VaultError;
use crate::leaving::Leaving;
use crate::limits::{READ_TRIES_MAX, SEGMENTS_AT_ONCE};
use crate::vault::{Vault, of_version};

/// A version that may be read.
pub struct Got {
    /// Its name, and what is said of it.
    pub entry: Entry,
    /// Its label.
    pub label: Label,
    opened: Opened,
    leaving: Leaving,
    /// Its sealed bytes, when they stand in the database.
    row: Option<Vec<u8>>,
    blobs: Blobs,
    /// Its sealed bytes stay meanwhile.
    _held: Option<Held>,
}

impl Vault {
    /// Returns what a name leads to, or a version of it.
    pub(crate) async fn found(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<(Entry, ObjectRow), VaultError> {
        match self.reader.entry(&self.keys, (bucket.id, key), version).await? {
            Some((entry, Some(row))) => Ok((entry, row)),
            Some((_, None)) | None => Err(VaultError::NoObject),
        }
    }

    /// Decides and records a read of a version, and opens it. `to_send` tells how many bytes are to leave, of what is said of it: of what
    /// may leave there must be room for all.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoObject`] when there is none that the one who asks may know of; [`VaultError::Refused`] with what is
    /// missing; [`VaultError::Pending`] when that is a look into it; [`VaultError::Integrity`] when what is stored was changed.
    pub async fn get(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
        to_send: impl Fn(&Said) -> u64 + Send,
    ) -> Result<Got, VaultError> {
        let mut outcome = Err(VaultError::NoObject);
        for _ in 0..READ_TRIES_MAX {
            outcome = self.get_once(asks, bucket, (key, version), &to_send).await;
            // Another took its place before its bytes were at hand.
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
        }
        outcome
    }

    async fn get_once(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        (key, version): (&ObjectKey, Option<VersionId>),
        to_send: &(impl Fn(&Said) -> u64 + Send),
    ) -> Result<Got, VaultError> {
        let (entry, row, pending) = self.found_settled(asks, bucket, (key, version)).await?;
        let target = of_version(bucket.id, entry.version, row.label.clone());
        let charge = self.charge(asks, (&target, &entry.said), to_send(&entry.said))?;
        let waits = pending && self.may_read_later(asks, &entry, &row);
        let facts = Facts { target, charge, pending, ..asks.clone() };
        match self.open(facts, entry, row).await {
            Err(VaultError::Refused(_)) if waits => Err(VaultError::Pending),
            outcome => outcome,
        }
    }

    /// Decides and records a read of a version that was found, and opens it; [`VaultError::Conflict`] when it went meanwhile.
    pub(crate) async fn open(&self, facts: Facts, entry: Entry, row: ObjectRow) -> Result<Got, VaultError> {
        let held = (entry.said.body == Body::Files).then(|| self.blobs.hold(entry.version));
        let charge = facts.charge.clone();
        let request = Request::<Read>::new(facts);
        let decided = (request.facts().clone(), self.snapshot()?.epoch);
        let receipt = self.gate.read(request).await?;
        let charge = charge.filter(|_| receipt.recorded().is_some());
        let key = self.keys.bucket_key(row.wrap().under)?;
        let (opened, departure) = key.open(receipt, &row.wrap(), &row.manifest)?;
        let leaving = Leaving::begin(self, departure, decided, charge);
        if opened.manifest().bytes != entry.said.bytes {
            return Err(VaultError::Integrity(format!("the length of {} was changed beside Cordon", entry.version)));
        }
        let sealed = match entry.said.body {
            Body::Row => self.reader.body(entry.version).await?,
            Body::Files | Body::None => None,
        };
        if sealed.is_none() && !self.reader.is_led_to(entry.version).await? {
            return Err(VaultError::Conflict(format!("{} went while it was read", entry.version)));
        }
        Ok(Got { entry, label: row.label, opened, leaving, row: sealed, blobs: self.blobs.clone(), _held: held })
    }

    /// Decides and records that whoever asks learns what is said of a version, without its bytes.
    ///
    /// # Errors
    ///
    /// As [`Vault::get`].
    pub async fn head(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<(Entry, Label), VaultError> {
        let (entry, row) = self.found(bucket, key, version).await?;
        let target = of_version(bucket.id, entry.version, row.label.clone());
        let receipt = self.gate.read(Request::<List>::new(Facts { target, ..asks.clone() })).await?;
        drop(receipt.spend());
        Ok((entry, row.label))
    }
}

/// Where reading stands.
struct Reading {
    got: Got,
    /// Parts in their order, each with where its plaintext begins in that of the version.
    parts: Vec<(usize, Part, u64)>,
    /// The stream of the part that is being read.
    stream: Option<(usize, Sealing)>,
    /// Plaintext that is at hand, from where reading stands on.
    opened: VecDeque<Bytes>,
    /// Sealed bytes that are read while others leave.
    ahead: Option<Ahead>,
    at: u64,
    end: u64,
}

/// Some segments of a part, one after the other.
#[derive(Clone, PartialEq, Eq)]
struct Run {
    /// The number of the file.
    part: u32,
    segments: Vec<Segment>,
}

/// Sealed bytes on their way. Nobody reads for a reader who went.
struct Ahead {
    run: Run,
    reading: JoinHandle<Result<BytesMut, VaultError>>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Got {
    /// Returns the plaintext of a range, in pieces. What left is said when it ends, or is dropped.
    pub fn bytes(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, VaultError>> + Send {
        let mut start = 0;
        let parts = self.opened.manifest().parts.iter().enumerate().map(|(place, part)| {
            let begun = start;
            start += part.bytes;
            (place, *part, begun)
        });
        let parts: Vec<_> = parts.collect();
        let (at, end) = (range.start, range.end.min(start));
        let reading = Reading { got: self, parts, stream: None, opened: VecDeque::new(), ahead: None, at, end };
        stream::unfold(Some(reading), |reading| async {
            let mut reading = reading.filter(|reading| reading.at < reading.end)?;
            match reading.next().await {
                Ok(piece) => Some((Ok(piece), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl Run {
    /// Where its sealed bytes stand in the file.
    fn stored(&self) -> Range<u64> {
        let start = self.segments.first().map_or(0, |segment| segment.stored_start);
        let end = self.segments.last().map_or(0, |last| last.stored_start + last.plain_bytes + TAG_BYTES as u64);
        start..end
    }
}

impl Reading {
    /// The next piece that leaves.
    async fn next(&mut self) -> Result<Bytes, VaultError> {
        if self.opened.is_empty() {
            self.open_more().await?;
        }
        let piece = self.opened.pop_front().filter(|piece| !piece.is_empty());
        let piece = piece.ok_or_else(|| integrity("the parts of a version do not fit its length"))?;
        self.got.leaving.take(piece.len() as u64, self.end - self.at).await?;
        self.at += piece.len() as u64;
        Ok(piece)
    }

    /// Opens some segments from where reading stands, each in its place, and leaves out what was not asked for.
    async fn open_more(&mut self) -> Result<(), VaultError> {
        let (place, part, begun, run) = self.run_at(self.at)?;
        self.begin(place, &part).await?;
        let mut sealed = self.sealed(&run).await?;
        self.read_ahead(&run, begun)?;
        let (_, stream) = self.stream.as_ref().ok_or_else(|| integrity("a part of a version is missing"))?;
        for segment in &run.segments {
            let mut bytes = sealed.split_to((segment.plain_bytes as usize + TAG_BYTES).min(sealed.len()));
            let length = stream.unseal(segment.number, segment.place, &mut bytes)?.len();
            let starts = begun + segment.plain_start;
            let (from, to) = (self.at.saturating_sub(starts) as usize, (self.end - starts).min(length as u64) as usize);
            if from >= to {
                return Err(integrity("a segment of a version is not as long as it says"));
            }
            self.opened.push_back(bytes.freeze().slice(from..to));
        }
        Ok(())
    }

    /// The part in which a byte of the version stands, where that begins, and the segments that are read together from there on.
    fn run_at(&self, at: u64) -> Result<(usize, Part, u64, Run), VaultError> {
        let lost = || integrity("the parts of a version do not fit its length");
        let holding = self.parts.iter().find(|(_, part, begun)| (*begun..begun + part.bytes).contains(&at));
        let (place, part, begun) = *holding.ok_or_else(lost)?;
        let end = (self.end - begun).min(part.bytes);
        let mut segments = vec![Segment::holding(at - begun, part.bytes).ok_or_else(lost)?];
        while let Some(segment) = segments.last().filter(|_| segments.len() < SEGMENTS_AT_ONCE)
            && segment.plain_start + segment.plain_bytes < end
        {
            let next = segment.plain_start + segment.plain_bytes;
            segments.push(Segment::holding(next, part.bytes).ok_or_else(lost)?);
        }
        Ok((place, part, begun, Run { part: part.number, segments }))
    }

    async fn begin(&mut self, place: usize, part: &Part) -> Result<(), VaultError> {
        if self.stream.as_ref().is_some_and(|(own, _)| *own == place) {
            return Ok(());
        }
        let header = self.stored(part.number, 0..HEADER_BYTES as u64).await?;
        let header: Header =
            header.as_ref().try_into().map_err(|_| integrity("the beginning of a version is missing"))?;
        self.stream = Some((place, self.got.opened.part(place, &header)?.0));
        Ok(())
    }

    /// The sealed bytes of a run: those that were read ahead, if it is theirs.
    async fn sealed(&mut self, run: &Run) -> Result<BytesMut, VaultError> {
        match self.ahead.take().filter(|ahead| ahead.run == *run) {
            Some(mut ahead) => {
                let read = (&mut ahead.reading).await;
                read.unwrap_or_else(|ended| Err(VaultError::Unavailable(ended.to_string())))
            }
            None => self.stored(run.part, run.stored()).await,
        }
    }

    /// Has what comes behind a run read meanwhile, if that is to leave and stands in a file.
    fn read_ahead(&mut self, run: &Run, begun: u64) -> Result<(), VaultError> {
        let next = run.segments.last().map_or(self.end, |last| begun + last.plain_start + last.plain_bytes);
        if next < self.end && self.got.entry.said.body == Body::Files {
            let (_, _, _, run) = self.run_at(next)?;
            let (blobs, version, part, range) =
                (self.got.blobs.clone(), self.got.entry.version, run.part, run.stored());
            let reading = tokio::spawn(async move { blobs.read(version, part, range).await });
            self.ahead = Some(Ahead { run, reading });
        }
        Ok(())
    }

    async fn stored(&self, part: u32, range: Range<u64>) -> Result<BytesMut, VaultError> {
        if self.got.entry.said.body == Body::Files {
            return self.got.blobs.read(self.got.entry.version, part, range).await;
        }
        let row = self.got.row.as_deref().and_then(|row| row.get(range.start as usize..range.end as usize));
        row.map(BytesMut::from).ok_or_else(|| integrity("bytes of a version are missing"))
    }
}

fn integrity(what: &str) -> VaultError {
    VaultError::Integrity(what.to_owned())
}
