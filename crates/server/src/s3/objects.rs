//! Operations on objects.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use cordon_domain::{Bucket, Label, ObjectKey, VersionId, Versioning};
use cordon_store::entries::{Said, TAGGING};
use cordon_vault::{VaultError, Writing, Written};
use futures_util::Stream;
use hyper::StatusCode;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::Asks;
use super::checked::{Checked, Stated};
use super::conditions::{conditions, only_if};
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{asked_label, expiry, given, header, moment, own, tag};
use super::tags::{Tags, count};

/// A stream that is polled by one at a time, and may be looked at by several, as `s3s` wants it.
struct Shared<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> Stream for Shared<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        match self.0.get_mut() {
            Ok(stream) => stream.as_mut().poll_next(context),
            Err(_) => Poll::Ready(None),
        }
    }
}

/// Every version is encrypted, with a key of its own.
pub(super) fn encrypted() -> ServerSideEncryption {
    ServerSideEncryption::from_static(ServerSideEncryption::AES256)
}

pub(super) fn key_of(name: &str) -> S3Result<ObjectKey> {
    name.parse().map_err(|error: cordon_domain::bucket::NotAnObjectKey| of_vault(error.into()))
}

/// Versions have names where they are kept.
pub(super) fn version_of(bucket: &Bucket, named: Option<&str>) -> S3Result<Option<VersionId>> {
    match named {
        Some("null") if bucket.versioning == Versioning::Off => Ok(None),
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| s3_error!(InvalidArgument, "this names no version")),
    }
}

pub(super) fn shown(bucket: &Bucket, version: VersionId) -> Option<String> {
    (bucket.versioning == Versioning::On).then(|| version.to_string())
}

/// Refuses what an upload, or a copy, may ask for and is not done here: that others may read it, and locks.
macro_rules! plain {
    ($input:ident) => {
        let granted = [
            $input.grant_full_control.is_some(),
            $input.grant_read.is_some(),
            $input.grant_read_acp.is_some(),
            $input.grant_write_acp.is_some(),
        ];
        $crate::s3::buckets::private($input.acl.as_ref().map(ObjectCannedACL::as_str), granted.contains(&true))?;
        if $input.object_lock_mode.is_some()
            || $input.object_lock_legal_hold_status.is_some()
            || $input.object_lock_retain_until_date.is_some()
        {
            return Err(s3_error!(NotImplemented, "objects have no locks here"));
        }
    };
}
pub(super) use plain;

/// An answer, with checksums that were compared.
macro_rules! summed {
    ($output:expr, $said:expr) => {{
        let (mut output, said) = ($output, $said);
        let sum = |name: &str| said.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        output.checksum_crc32 = sum("x-amz-checksum-crc32");
        output.checksum_crc32c = sum("x-amz-checksum-crc32c");
        output.checksum_crc64nvme = sum("x-amz-checksum-crc64nvme");
        output.checksum_sha1 = sum("x-amz-checksum-sha1");
        output.checksum_sha256 = sum("x-amz-checksum-sha256");
        output
    }};
}
pub(super) use summed;

/// What an answer says of a version, whether its bytes come along or not. Checksums are those of the whole.
macro_rules! told {
    ($output:ident, ($bucket:expr, $entry:expr, $label:expr), $sums:expr) => {{
        let said = &$entry.said;
        let sums = if $sums { &said.headers[..] } else { &[] };
        summed!(
            $output {
                accept_ranges: Some("bytes".to_owned()),
                content_length: i64::try_from(said.bytes).ok(),
                content_type: header(said, "content-type"),
                cache_control: header(said, "cache-control"),
                content_disposition: header(said, "content-disposition"),
                content_encoding: header(said, "content-encoding"),
                content_language: header(said, "content-language"),
                expires: expiry(said),
                e_tag: Some(tag(said)),
                last_modified: Some(moment(said.at)),
                metadata: Some(own(said, $label)),
                server_side_encryption: Some(encrypted()),
                version_id: shown($bucket, $entry.version),
                ..Default::default()
            },
            sums
        )
    }};
}

/// Whoever reads asks for checksums.
fn sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

impl Operations {
    /// An address that was signed beforehand lives no longer than its level allows.
    pub(super) fn may_be_presigned(&self, asks: &Asks, label: &Label) -> S3Result<()> {
        let Some(seconds) = asks.presigned_s else { return Ok(()) };
        let snapshot = self.node.identity.snapshot().map_err(|_| s3_error!(ServiceUnavailable))?;
        let hours = snapshot.roster().levels.of(label.level).presign_hours;
        match u64::from(seconds) <= u64::from(hours) * 3600 {
            true => Ok(()),
            false => Err(S3Error::with_message(
                S3ErrorCode::AccessDenied,
                format!(
                    "an address for what is {} may live {hours} hours, and this one lives longer",
                    label.level.as_str()
                ),
            )),
        }
    }

    pub(super) async fn write(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let asks = Self::asks(&request)?;
        let stated = Stated::read(&request.headers, request.trailing_headers)?;
        let input = request.input;
        plain!(input);
        let tags = input.tagging.as_deref().map(Tags::read).transpose()?;
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let headers = given!(input).with(TAGGING, tags.as_ref().and_then(Tags::write));
        let (headers, label) = headers.asked_by(tags.as_ref())?.with_own(input.metadata)?;
        let label = asked_label(label, tags.as_ref())?;
        self.may_be_presigned(&asks, &label.iter().fold(bucket.label.clone(), |own, other| own.join(other)))?;
        let only_if = only_if(input.if_match, input.if_none_match)?;
        let key = key_of(&input.key)?;
        self.presigned_over(&asks, &bucket, &key, None).await?;
        let (body, outcome) = Checked::new(input.body, stated);
        let new = Writing { key, label, headers: headers.0, behind: body.behind(), only_if };
        let behind = new.behind.clone();
        let written = self.vault().put(&asks.facts, &bucket, new, body).await;
        let written = written.map_err(|error| match error {
            VaultError::Sent(_) => outcome.refusal().unwrap_or_else(|| of_vault(error)),
            error => of_vault(error),
        })?;
        Ok(S3Response::new(summed!(output(&bucket, &written), behind.said())))
    }

    pub(super) async fn read(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        if input.part_number.is_some_and(|part| part != 1) {
            return Err(s3_error!(InvalidPart, "an object is read as one part: ask for a range"));
        }
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        self.presigned_as_stored(&asks, &bucket, &key, version).await?;
        let conditions = conditions!(input: if_match, if_none_match, if_modified_since, if_unmodified_since);
        let asked = |said: &Said| {
            conditions.hold(said)?;
            Ok::<_, S3Error>(input.range.as_ref().map(|range| range.check(said.bytes)).transpose()?)
        };
        let to_send =
            |said: &Said| asked(said).map_or(0, |range| range.map_or(said.bytes, |range| range.end - range.start));
        let got = self.vault().get(&asks.facts, &bucket, (&key, version), to_send).await.map_err(of_vault)?;
        let range = asked(&got.entry.said)?;
        let (entry, all) = (got.entry.clone(), got.entry.said.bytes);
        let said = &entry.said;
        let sent = range.clone().unwrap_or(0..all);
        let sums = range.is_none() && sums(input.checksum_mode.as_ref());
        let told = told!(GetObjectOutput, (&bucket, entry, &got.label), sums);
        let shown =
            |range: &std::ops::Range<u64>| format!("bytes {}-{}/{all}", range.start, range.end.saturating_sub(1));
        let output = GetObjectOutput {
            content_length: i64::try_from(sent.end - sent.start).ok(),
            content_range: range.as_ref().map(shown),
            content_type: input.response_content_type.or(told.content_type),
            cache_control: input.response_cache_control.or(told.cache_control),
            content_disposition: input.response_content_disposition.or(told.content_disposition),
            content_encoding: input.response_content_encoding.or(told.content_encoding),
            content_language: input.response_content_language.or(told.content_language),
            expires: input.response_expires.or(told.expires),
            tag_count: count(said),
            body: Some(StreamingBlob::wrap(Shared(Mutex::new(Box::pin(got.bytes(sent)))))),
            ..told
        };
        let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        Ok(S3Response::with_status(output, status))
    }

    /// The label of an object bounds how long an address for it may live; it is looked up before the read is decided.
    pub(super) async fn presigned_as_stored(
        &self,
        asks: &Asks,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> S3Result<()> {
        if asks.presigned_s.is_none() {
            return Ok(());
        }
        let (_, label) = self.vault().head(&asks.facts, bucket, key, version).await.map_err(of_vault)?;
        self.may_be_presigned(asks, &label)
    }

    /// What is written over, or removed, bounds an address as what is read does; where one may know of nothing, nothing does.
    pub(super) async fn presigned_over(
        &self,
        asks: &Asks,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> S3Result<()> {
        match self.presigned_as_stored(asks, bucket, key, version).await {
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => Ok(()),
            bounded => bounded,
        }
    }

    pub(super) async fn look(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        let (entry, label) = self.vault().head(&asks.facts, &bucket, &key, version).await.map_err(of_vault)?;
        self.may_be_presigned(&asks, &label)?;
        let said = &entry.said;
        let conditions = conditions!(input: if_match, if_none_match, if_modified_since, if_unmodified_since);
        conditions.hold(said)?;
        let tags = count(said);
        let told = told!(HeadObjectOutput, (&bucket, entry, &label), sums(input.checksum_mode.as_ref()));
        let mut response = S3Response::new(told);
        if let Some(count) = tags {
            response.headers.insert("x-amz-tagging-count", count.into());
        }
        Ok(response)
    }
}

fn output(bucket: &Bucket, written: &Written) -> PutObjectOutput {
    PutObjectOutput {
        e_tag: Some(ETag::Strong(written.tag.clone())),
        server_side_encryption: Some(encrypted()),
        version_id: shown(bucket, written.version),
        ..Default::default()
    }
}
