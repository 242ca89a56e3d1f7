//! Writing a version.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_domain::{Bucket, ContentDigest, Inspection, Label, Moment, ObjectKey, Record, Seen, VersionId};
use cordon_gate::act::Write;
use cordon_gate::{Denial, Facts, Request};
use cordon_keys::{Belongs, DataKey, KeyName, Manifest, Part};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::{Body, Entry, Said};
use cordon_store::found::Found;
use cordon_store::{Change, NewVersion, ObjectRow};
use futures_util::Stream;

use crate::error::VaultError;
use crate::inspect::Subject;
use crate::limits::{BODY_ROW_PLAIN_BYTES_MAX, HEADERS_BYTES_MAX, HEADERS_MAX, WRITE_TRIES_MAX};
use crate::seal::{Piece, Sealed, WHOLE, seal};
use crate::vault::{Vault, guarding_with, of_version};

/// What a name must lead to for a write to be made, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnlyIf {
    /// It must be this.
    pub is: Option<Content>,
    /// It must be nothing, or another.
    pub is_not: Option<Content>,
}

/// What a name leads to, as far as it can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Anything.
    Any,
    /// Content of this tag.
    Tag(String),
}

impl Content {
    pub(crate) fn is(&self, seen: Option<&Entry>) -> bool {
        seen.is_some_and(|entry| match self {
            Self::Any => true,
            Self::Tag(tag) => entry.said.tag == *tag,
        })
    }
}

/// Headers that a writer says behind the body, once that ended.
#[derive(Clone, Debug, Default)]
pub struct Behind(Arc<Mutex<Vec<(String, String)>>>);

impl Behind {
    /// Says them.
    pub fn say(&self, headers: Vec<(String, String)>) {
        if let Ok(mut said) = self.0.lock() {
            *said = headers;
        }
    }

    /// Returns what was said.
    #[must_use]
    pub fn said(&self) -> Vec<(String, String)> {
        self.0.lock().map(|said| said.clone()).unwrap_or_default()
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Writing {
    /// The name.
    pub key: ObjectKey,
    /// A label that it is to have at least.
    pub label: Option<Label>,
    /// Headers that are given back, and what the writer says beside: names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// Headers that come behind the body.
    pub behind: Behind,
    /// What the name must lead to.
    pub only_if: OnlyIf,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The version.
    pub version: VersionId,
    /// What tells its content from another.
    pub tag: String,
    /// Its label.
    pub label: Label,
    /// When.
    pub at: Moment,
}

/// What a version is made of, whatever label it gets.
pub(crate) struct Made {
    pub(crate) version: VersionId,
    pub(crate) data_key: Arc<DataKey>,
    pub(crate) parts: Vec<Part>,
    /// The sealed bytes, when they are to stand in the database.
    pub(crate) row: Option<Vec<u8>>,
    pub(crate) tag: String,
    /// What its content is.
    pub(crate) content: Option<ContentDigest>,
    /// What was found in it, when somebody looked already.
    pub(crate) seen: Option<Seen>,
}

impl Made {
    /// The highest number of its files.
    fn files(&self) -> u32 {
        let numbers = self.parts.iter().filter(|_| self.row.is_none()).map(|part| part.number);
        numbers.max().unwrap_or(0)
    }
}

impl Writing {
    pub(crate) fn check(&self) -> Result<(), VaultError> {
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        match self.headers.len() <= HEADERS_MAX && bytes <= HEADERS_BYTES_MAX {
            true => Ok(()),
            false => Err(VaultError::Bound("what is said beside an object has at most 8 KiB")),
        }
    }

    /// The label of a version: that of its bucket, of what was asked, and of what the name led to.
    pub(crate) fn label_over(&self, bucket: &Bucket, before: Option<&Found>) -> Label {
        let before = before.and_then(|(_, row)| Some(&row.as_ref()?.label));
        let asked = self.label.iter().chain(before);
        asked.fold(bucket.label.clone(), |label, other| label.join(other))
    }

    fn holds(&self, before: Option<&Entry>) -> Result<(), VaultError> {
        let seen = before.filter(|entry| entry.said.body != Body::None);
        let OnlyIf { is, is_not } = &self.only_if;
        if is.is_some() && seen.is_none() {
            return Err(VaultError::NoObject);
        }
        let holds =
            is.as_ref().is_none_or(|content| content.is(seen)) && !is_not.as_ref().is_some_and(|not| not.is(seen));
        if holds { Ok(()) } else { Err(VaultError::Precondition("the object is another than was asked to be there")) }
    }
}

impl Vault {
    /// Writes a version, to which its name leads once this returns. Who is refused need not send the body: it is decided
    /// before, and again when it is written.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; nothing was changed then, and of the bytes nothing is left that leads anywhere.
    pub async fn put<S, E>(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        mut new: Writing,
        body: S,
    ) -> Result<Written, VaultError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        new.check()?;
        let version = VersionId::drawn_at(asks.at, &mut SystemEntropy);
        let before = self.reader.entry(&self.keys, (bucket.id, &new.key), None).await?;
        self.admit_write(asks, bucket, &new, (version, before.as_ref())).await?;
        before.as_ref().map_or(Ok(()), |(entry, _)| self.may_be_followed(entry.version, asks))?;
        new.holds(before.as_ref().map(|(entry, _)| entry))?;
        let data_key = DataKey::draw(&mut SystemEntropy);
        let row_max = Some(BODY_ROW_PLAIN_BYTES_MAX);
        let piece = Piece { bucket: bucket.id, version, number: WHOLE, row_max };
        let label = new.label_over(bucket, before.as_ref());
        let mut beside = self.beside(&new.key, (&label, &guarding_with(bucket.guarding(), &new.headers)));
        let body = beside.watches(body);
        let hashing = self.hashing(bucket, &label)?;
        let Sealed { part, digests, row } = seal(&self.blobs, (&data_key, hashing), piece, body).await?;
        new.headers.extend(new.behind.said());
        let guarding = guarding_with(bucket.guarding(), &new.headers);
        let content = self.content_of(&[digests], part.bytes)?;
        let seen = self.seen_beside((bucket.id, &new.key, content), beside, (&label, &guarding)).await;
        let (data_key, tag) = (Arc::new(data_key), digests.tag());
        let made = Made { version, data_key, parts: vec![part], row, tag, content, seen };
        let written = self.lead(asks, (bucket, before), &new, &made).await;
        if written.as_ref().is_err_and(VaultError::says_no) {
            self.blobs.remove_all(version, made.files()).await;
        }
        written
    }

    /// Decides beforehand whether a write would be allowed. Whoever may know of what is there is told what the label lacks that
    /// they ask for themselves.
    pub(crate) async fn admit_write(
        &self,
        asks: &Facts,
        bucket: &Bucket,
        new: &Writing,
        (version, before): (VersionId, Option<&Found>),
    ) -> Result<(), VaultError> {
        let target = of_version(bucket.id, version, new.label_over(bucket, before));
        let admitted = self.gate.admit(&Request::<Write>::new(Facts { target, ..asks.clone() })).await;
        let unasked = Writing { label: None, ..new.clone() };
        match admitted {
            Err(Denial::Refused(refusal)) if self.may_list(asks, bucket.id, &unasked.label_over(bucket, before)) => {
                Err(VaultError::Refused(refusal))
            }
            admitted => Ok(admitted?),
        }
    }

    /// Leads the name to what was made; again, when the name or the key of the bucket moved meanwhile. `before` is what the
    /// name led to when that was looked up.
    pub(crate) async fn lead(
        &self,
        asks: &Facts,
        (bucket, mut before): (&Bucket, Option<Found>),
        new: &Writing,
        made: &Made,
    ) -> Result<Written, VaultError> {
        let (asks, mut bucket) = (self.now(asks), bucket.clone());
        let mut outcome = Err(VaultError::Conflict("the name leads elsewhere all the time".to_owned()));
        for _ in 0..WRITE_TRIES_MAX {
            outcome = self.lead_once(&asks, (&bucket, before), new, made).await;
            if !matches!(outcome, Err(VaultError::Conflict(_))) {
                break;
            }
            bucket = self.again(&bucket).await?;
            before = self.reader.entry(&self.keys, (bucket.id, &new.key), None).await?;
        }
        outcome
    }

    async fn lead_once(
        &self,
        asks: &Facts,
        (bucket, before): (&Bucket, Option<Found>),
        new: &Writing,
        made: &Made,
    ) -> Result<Written, VaultError> {
        new.holds(before.as_ref().map(|(entry, _)| entry))?;
        before.as_ref().map_or(Ok(()), |(entry, _)| self.may_be_followed(entry.version, asks))?;
        let label = new.label_over(bucket, before.as_ref());
        let row = self.row(bucket, made, label.clone()).await?;
        let by = asks.actor.principal;
        let guarding = guarding_with(bucket.guarding(), &new.headers);
        let seen = (made.seen.as_ref(), made.content);
        let (inspection, original) = self.inspection(seen, (&label, &guarding), (asks.at, by));
        let registers = original.is_some();
        let weights = inspection.as_ref().is_some_and(Inspection::found_weights);
        let said = Said {
            body: if made.row.is_some() { Body::Row } else { Body::Files },
            bytes: made.parts.iter().map(|part| part.bytes).sum(),
            tag: made.tag.clone(),
            at: asks.at,
            by,
            headers: new.headers.clone(),
            files: made.files(),
            inspection,
            content: self.veiled(made.content, made.version)?,
            weights,
        };
        let pending = said.is_pending();
        // What is pending has an event of its own that says what was found.
        let found = match &said.inspection {
            Some(Inspection::Done(inspected)) => Some(inspected.to_string()),
            Some(Inspection::Pending) | None => None,
        };
        let change = Change::Write(Box::new(NewVersion {
            row,
            key: new.key.clone(),
            said,
            sealed: made.row.clone(),
            before: before.as_ref().map(|(entry, _)| entry.version),
            versioning: bucket.versioning,
            from: vec![Record::Bucket(Box::new(bucket.clone()))],
            original,
        }));
        let target = of_version(bucket.id, made.version, label.clone());
        let reason = found.or_else(|| asks.reason.clone());
        let facts = Facts { target: target.clone(), beside: change.beside(), reason, ..asks.clone() };
        drop(self.gate.change(Request::<Write>::new(facts), change).await?.spend());
        self.is_registered(registers);
        let subject = Subject { target: &target, by, headers: &new.headers, content: made.content };
        let raised = if pending { self.looked_into(subject, made.seen.as_ref()).await } else { None };
        if let Some((before, _)) = before {
            self.forget_replaced(bucket, &before).await;
        }
        Ok(Written { version: made.version, tag: made.tag.clone(), label: raised.unwrap_or(label), at: asks.at })
    }

    /// Wraps the data key for a label.
    async fn row(&self, bucket: &Bucket, made: &Made, label: Label) -> Result<ObjectRow, VaultError> {
        let name = KeyName::Bucket(bucket.id, label.level);
        let active = self.reader.active_key(&self.keys, name).await?.map(|active| active.active);
        let key = self.keys.wrapping_key(active, name, 1)?;
        let belongs = Belongs { bucket: bucket.id, version: made.version, label: &label };
        let wrap = key.wrap(&made.data_key, belongs, &mut SystemEntropy)?;
        let manifest = Manifest::new(made.version, label.clone(), made.parts.clone(), &made.data_key)?;
        let manifest = manifest.seal(&made.data_key)?;
        let (bucket, version, key_version) = (bucket.id, made.version, wrap.under.version);
        Ok(ObjectRow { version, bucket, label, key_version, wrapped: wrap.wrapped, manifest, since: None })
    }
}
