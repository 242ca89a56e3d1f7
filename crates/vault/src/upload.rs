//! Writing a version in parts.
//!
//! The key of the version is drawn when the upload begins and stays in the memory of the node that began it: it is stored
//! only when the version is, wrapped. An upload does not outlive its node; what is left of its parts opens for nobody.
//! Each part, also one that is sent again, is sealed under a number of its own.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_domain::{Bucket, BucketId, Label, Moment, ObjectKey, PrincipalId, VersionId};
use cordon_gate::act::Write;
use cordon_gate::{Facts, Request};
use cordon_keys::{DataKey, Part};
use cordon_store::edge::SystemEntropy;
use futures_util::Stream;

use crate::digests::Digests;
use crate::error::{PartsFault, VaultError};
use crate::get::Got;
use crate::limits::{
    PART_BYTES_MIN, PART_NUMBER_MAX, UPLOAD_MS_MAX, UPLOAD_PARTS_MAX, UPLOADS_MAX, UPLOADS_OF_ONE_MAX,
};
use crate::put::{Behind, Made, OnlyIf, Writing, Written};
use crate::seal::{Piece, Sealed, seal};
use crate::vault::{Vault, of_version};

/// Uploads that have begun here.
#[derive(Default)]
pub(crate) struct Uploads {
    going: Mutex<HashMap<VersionId, Arc<Upload>>>,
    /// The last ones of which a version was made, each with that: whoever did not hear it asks again.
    made: Mutex<VecDeque<(VersionId, VersionId)>>,
}

struct Upload {
    bucket: BucketId,
    version: VersionId,
    data_key: Arc<DataKey>,
    by: PrincipalId,
    begun_at: Moment,
    writing: Writing,
    sent: Mutex<Sent>,
}

/// What was sent so far.
#[derive(Default)]
struct Sent {
    /// How many parts were begun: each is sealed under a number of its own.
    begun: u32,
    /// Parts by the numbers that the client gives them.
    parts: BTreeMap<u32, SentPart>,
    /// The label of all that parts were copied from.
    label: Option<Label>,
    /// How often a version was begun to be made of it of which it is not known that none came to be: whoever asked may have
    /// gone before the answer. Meanwhile nothing more is taken, and nothing of it removed here: what is left is swept.
    in_doubt: u32,
}

/// The parts of a version, in their order.
struct Chosen {
    parts: Vec<Part>,
    digests: Vec<Digests>,
    /// The label of all that parts were copied from.
    label: Option<Label>,
}

/// A part that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPart {
    /// What tells it from another.
    pub tag: String,
    /// When it came.
    pub at: Moment,
    /// Headers that came behind it.
    pub said: Vec<(String, String)>,
    /// What it is sealed as, and its length.
    pub(crate) part: Part,
    /// What was hashed of it.
    pub(crate) digests: Digests,
}

impl SentPart {
    /// Bytes of plaintext.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.part.bytes
    }
}

/// An upload that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// Identifies it.
    pub upload: VersionId,
    /// The name that it is for.
    pub key: ObjectKey,
    /// When it began.
    pub begun_at: Moment,
}

impl Uploads {
    fn keep(&self, upload: Upload) -> Result<VersionId, VaultError> {
        let id = VersionId::draw(&mut SystemEntropy);
        let mut all = self.going.lock().map_err(|_| VaultError::NoUpload)?;
        let own = all.values().filter(|one| one.by == upload.by).count();
        if all.len() >= UPLOADS_MAX || own >= UPLOADS_OF_ONE_MAX {
            return Err(VaultError::Unavailable("too many uploads go on here".to_owned()));
        }
        all.insert(id, Arc::new(upload));
        Ok(id)
    }

    /// Takes those out that took too long.
    fn late(&self, now: Moment) -> Vec<Arc<Upload>> {
        let Ok(mut all) = self.going.lock() else { return Vec::new() };
        let late: Vec<VersionId> =
            all.iter().filter(|(_, one)| now.since_ms(one.begun_at) > UPLOAD_MS_MAX).map(|(id, _)| *id).collect();
        late.iter().filter_map(|id| all.remove(id)).collect()
    }

    /// Returns an upload of whoever asks, for a name in a bucket.
    fn of(&self, asks: &Facts, (bucket, key): (&Bucket, &ObjectKey), id: VersionId) -> Result<Arc<Upload>, VaultError> {
        let all = self.going.lock().map_err(|_| VaultError::NoUpload)?;
        let own = all.get(&id).filter(|upload| {
            let own = upload.bucket == bucket.id && upload.writing.key == *key && upload.by == asks.actor.principal;
            own && asks.at.since_ms(upload.begun_at) <= UPLOAD_MS_MAX
        });
        own.cloned().ok_or(VaultError::NoUpload)
    }

    /// Ends one of which a version was made.
    fn end_with(&self, id: VersionId, version: VersionId) {
        self.end(id);
        if let Ok(mut made) = self.made.lock() {
            made.truncate(UPLOADS_MAX - 1);
            made.push_front((id, version));
        }
    }

    fn made_of(&self, id: VersionId) -> Option<VersionId> {
        let made = self.made.lock().ok()?;
        made.iter().find(|(own, _)| *own == id).map(|(_, version)| *version)
    }

    fn end(&self, id: VersionId) {
        if let Ok(mut all) = self.going.lock() {
            all.remove(&id);
        }
    }
}

impl Upload {
    /// The number of the next part. A part that is sent again is another.
    fn next_number(&self) -> Result<u32, VaultError> {
        let mut sent = self.sent.lock().map_err(|_| VaultError::NoUpload)?;
        if sent.in_doubt > 0 {
            return Err(VaultError::NoUpload);
        }
        if sent.begun >= UPLOAD_PARTS_MAX {
            return Err(VaultError::Bound("an upload has at most 10,000 parts, each sent once more"));
        }
        sent.begun += 1;
        Ok(sent.begun)
    }

    /// Keeps a part, in the place of an earlier one of its number.
    fn keep(&self, number: u32, part: SentPart, label: Option<&Label>) -> Result<(), VaultError> {
        let mut sent = self.sent.lock().map_err(|_| VaultError::NoUpload)?;
        if sent.in_doubt > 0 {
            return Err(VaultError::NoUpload);
        }
        if let Some(label) = label {
            sent.label = Some(sent.label.as_ref().map_or_else(|| label.clone(), |own| own.join(label)));
        }
        sent.parts.insert(number, part);
        Ok(())
    }

    /// The parts of a version, as they are named. From here on nothing more is taken.
    fn chosen(&self, named: &[(u32, String)]) -> Result<Chosen, VaultError> {
        let mut sent = self.sent.lock().map_err(|_| VaultError::NoUpload)?;
        if !named.is_sorted_by_key(|(number, _)| number) {
            return Err(VaultError::Parts(PartsFault::Order));
        }
        // Whoever sent a part again may name both: the last counts.
        let last = named.chunk_by(|(one, _), (other, _)| one == other).filter_map(<[_]>::last);
        let chosen = last.map(|(number, tag)| {
            let kept = sent.parts.get(number).filter(|kept| kept.tag == *tag);
            kept.map(|kept| (kept.part, kept.digests)).ok_or(VaultError::Parts(PartsFault::Missing))
        });
        let (parts, digests): (Vec<Part>, Vec<Digests>) = chosen.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let Some((_, before)) = parts.split_last() else { return Err(VaultError::Parts(PartsFault::Missing)) };
        if !before.iter().all(|part| part.bytes >= PART_BYTES_MIN) {
            return Err(VaultError::Parts(PartsFault::Small));
        }
        sent.in_doubt += 1;
        Ok(Chosen { parts, digests, label: sent.label.clone() })
    }

    /// An attempt that was begun made no version.
    fn made_none(&self) {
        if let Ok(mut sent) = self.sent.lock() {
            sent.in_doubt = sent.in_doubt.saturating_sub(1);
        }
    }

    /// Ends it. Returns how many parts may be removed: none once a version was being made of it.
    fn end(&self) -> u32 {
        let Ok(mut sent) = self.sent.lock() else { return 0 };
        let left = if sent.in_doubt > 0 { 0 } else { sent.begun };
        // A part that is under way is not kept any more.
        sent.in_doubt += 1;
        left
    }
}

impl Vault {
    /// Begins an upload in parts.
    ///
    /// # Errors
    ///
    /// [`VaultError::Refused`] when the version could not be written then.
    pub async fn begin_upload(&self, asks: &Facts, bucket: &Bucket, writing: Writing) -> Result<VersionId, VaultError> {
        writing.check()?;
        self.end_late_uploads(asks.at).await;
        let version = VersionId::drawn_at(asks.at, &mut SystemEntropy);
        let before = self.reader.entry(&self.keys, (bucket.id, &writing.key), None).await?;
        self.admit_write(asks, bucket, &writing, (version, before.as_ref())).await?;
        let (by, begun_at, data_key) = (asks.actor.principal, asks.at, Arc::new(DataKey::draw(&mut SystemEntropy)));
        let sent = Mutex::default();
        self.uploads.keep(Upload { bucket: bucket.id, version, data_key, by, begun_at, writing, sent })
    }

    /// Gives up what took too long.
    pub(crate) async fn end_late_uploads(&self, now: Moment) {
        for late in self.uploads.late(now) {
            self.blobs.remove_all(late.version, late.end()).await;
        }
    }

    /// Takes a part, from a client or from another version: then its label counts for all.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoUpload`]; of a part that breaks off nothing is left.
    pub async fn send_part<S, E>(
        &self,
        asks: &Facts,
        (bucket, key, upload): (&Bucket, &ObjectKey, VersionId),
        (number, behind): (u32, &Behind),
        body: S,
    ) -> Result<SentPart, VaultError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let upload = self.uploads.of(asks, (bucket, key), upload)?;
        self.part(asks, bucket, &upload, (number, behind, None), body).await
    }

    /// Takes a part that is a range of another version, which whoever asks may read.
    ///
    /// # Errors
    ///
    /// As [`Vault::send_part`].
    pub async fn copy_part(
        &self,
        asks: &Facts,
        (bucket, key, upload): (&Bucket, &ObjectKey, VersionId),
        number: u32,
        (from, range): (Got, std::ops::Range<u64>),
    ) -> Result<SentPart, VaultError> {
        let upload = self.uploads.of(asks, (bucket, key), upload)?;
        let label = from.label.clone();
        self.part(asks, bucket, &upload, (number, &Behind::default(), Some(&label)), from.bytes(range)).await
    }

    async fn part<S, E>(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        upload: &Upload,
        (number, behind, label): (u32, &Behind, Option<&Label>),
        body: S,
    ) -> Result<SentPart, VaultError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(VaultError::Parts(PartsFault::Number));
        }
        let own = label.iter().fold(upload.writing.label_over(bucket, None), |own, other| own.join(other));
        let target = of_version(bucket.id, upload.version, own.clone());
        self.gate.admit(&Request::<Write>::new(Facts { target, ..asks.clone() })).await?;
        let (version, sealed_as) = (upload.version, upload.next_number()?);
        let piece = Piece { bucket: bucket.id, version, number: sealed_as, row_max: None };
        let hashing = self.hashing(bucket, &own)?;
        let Sealed { part, digests, .. } = seal(&self.blobs, (&upload.data_key, hashing), piece, body).await?;
        let sent = SentPart { tag: digests.tag(), at: asks.at, said: behind.said(), part, digests };
        upload.keep(number, sent.clone(), label)?;
        Ok(sent)
    }

    /// Makes a version of parts, in the order of their numbers, each named by what tells it from another; with headers beside those
    /// that were said when it began.
    ///
    /// # Errors
    ///
    /// [`VaultError::Parts`] when they do not make one; the upload goes on then.
    pub async fn finish_upload(
        &self,
        asks: &Facts,
        (bucket, key, id): (&Bucket, &ObjectKey, VersionId),
        named: &[(u32, String)],
        (only_if, headers): (OnlyIf, Vec<(String, String)>),
    ) -> Result<Written, VaultError> {
        let upload = match self.uploads.of(asks, (bucket, key), id) {
            Err(VaultError::NoUpload) => return self.finished_before(asks, (bucket, key), id).await,
            upload => upload?,
        };
        let before = self.reader.entry(&self.keys, (bucket.id, key), None).await?;
        let Chosen { parts, digests, label: copied } = upload.chosen(named)?;
        let label = match (&upload.writing.label, &copied) {
            (Some(own), Some(copied)) => Some(own.join(copied)),
            (own, copied) => own.clone().or_else(|| copied.clone()),
        };
        let headers = [upload.writing.headers.clone(), headers].concat();
        let new = Writing { label, only_if, headers, ..upload.writing.clone() };
        if let Err(error) = self.admit_write(asks, bucket, &new, (upload.version, before.as_ref())).await {
            upload.made_none();
            return Err(error);
        }
        let kept: Vec<u32> = parts.iter().map(|part| part.number).collect();
        let content = self.content_of(&digests, parts.iter().map(|part| part.bytes).sum());
        let (data_key, tag) = (Arc::clone(&upload.data_key), Digests::tag_of(&digests));
        let content = content.inspect_err(|_| upload.made_none())?;
        let made = Made { version: upload.version, data_key, parts, row: None, tag, content, seen: None };
        let written = self.lead(asks, (bucket, before), &new, &made).await;
        if written.as_ref().is_err_and(VaultError::says_no) {
            upload.made_none();
        }
        let written = match written {
            Ok(written) => written,
            // An earlier attempt may have made it, whose answer nobody heard.
            Err(error) => {
                let made = self.finished(bucket, key, upload.version).await?.ok_or(error)?;
                self.uploads.end_with(id, upload.version);
                return Ok(made);
            }
        };
        self.uploads.end_with(id, upload.version);
        // Parts that were sent again, or left out.
        let begun = upload.sent.lock().map_or(0, |sent| sent.begun);
        for left in (1..=begun).filter(|number| !kept.contains(number)) {
            self.blobs.remove(upload.version, left).await;
        }
        Ok(written)
    }

    /// Whoever did not hear the answer may ask again, as long as what they made is there.
    async fn finished_before(
        &self,
        asks: &Facts,
        (bucket, key): (&Bucket, &ObjectKey),
        id: VersionId,
    ) -> Result<Written, VaultError> {
        let version = self.uploads.made_of(id).ok_or(VaultError::NoUpload)?;
        let made = self.head(asks, bucket, key, Some(version)).await;
        let own = made.ok().filter(|(entry, _)| entry.said.by == asks.actor.principal);
        let (entry, label) = own.ok_or(VaultError::NoUpload)?;
        Ok(Written { version, tag: entry.said.tag, label, at: entry.said.at })
    }

    /// Returns the version that was made of an upload, if one was.
    async fn finished(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        version: VersionId,
    ) -> Result<Option<Written>, VaultError> {
        let found = self.reader.entry(&self.keys, (bucket.id, key), Some(version)).await?;
        Ok(found.and_then(|(entry, row)| {
            Some(Written { version, tag: entry.said.tag, label: row?.label, at: entry.said.at })
        }))
    }

    /// Gives an upload up. Of its parts nothing is left.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoUpload`].
    pub async fn abort_upload(
        &self,
        asks: &Facts,
        (bucket, key, id): (&Bucket, &ObjectKey, VersionId),
    ) -> Result<(), VaultError> {
        let upload = self.uploads.of(asks, (bucket, key), id)?;
        self.uploads.end(id);
        self.blobs.remove_all(upload.version, upload.end()).await;
        Ok(())
    }

    /// Returns the parts that were sent, by their numbers.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoUpload`].
    pub fn sent_parts(
        &self,
        asks: &Facts,
        (bucket, key, id): (&Bucket, &ObjectKey, VersionId),
    ) -> Result<Vec<(u32, SentPart)>, VaultError> {
        let upload = self.uploads.of(asks, (bucket, key), id)?;
        let sent = upload.sent.lock().map_err(|_| VaultError::NoUpload)?;
        Ok(sent.parts.iter().map(|(number, part)| (*number, part.clone())).collect())
    }

    /// Returns the uploads of whoever asks in a bucket, by their names.
    #[must_use]
    pub fn uploads(&self, asks: &Facts, bucket: &Bucket) -> Vec<Going> {
        let Ok(all) = self.uploads.going.lock() else { return Vec::new() };
        let own = all.iter().filter(|(_, one)| one.bucket == bucket.id && one.by == asks.actor.principal);
        let going = |(id, one): (&VersionId, &Arc<Upload>)| Going {
            upload: *id,
            key: one.writing.key.clone(),
            begun_at: one.begun_at,
        };
        let mut going: Vec<Going> = own.map(going).collect();
        going.sort_by(|one, other| {
            (&one.key, one.begun_at, one.upload).cmp(&(&other.key, other.begun_at, other.upload))
        });
        going
    }
}
