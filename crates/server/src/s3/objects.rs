//! Operations on objects.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use cordon_domain::{Bucket, Label, ObjectKey, VersionId, Versioning};
use cordon_store::entries::{Said, TAGGING};
use cordon_vault::put::OnlyIf;
use cordon_vault::remove::Removed;
use cordon_vault::{VaultError, Writing, Written};
use futures_util::Stream;
use hyper::{HeaderMap, StatusCode};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::Asks;
use super::buckets::private;
use super::checked::{Checked, Stated};
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{Headers, asked_label, header, moment, own, tag};
use super::tags::{Tags, count};
use crate::limits::S3_DELETE_MAX;

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

/// How a client asks for encryption: what is done anyway, or something that is not done here.
pub(super) fn encryption(asked: Option<&ServerSideEncryption>, own_key: bool) -> S3Result<()> {
    if own_key || asked.is_some_and(|asked| asked.as_str() != ServerSideEncryption::AES256) {
        return Err(s3_error!(NotImplemented, "objects are encrypted with keys of the vault, and no others"));
    }
    Ok(())
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

pub(super) fn only_if(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Option<OnlyIf>> {
    match (if_match, if_none_match) {
        (None, None) => Ok(None),
        (None, Some(condition)) if condition.is_any() => Ok(Some(OnlyIf::Missing)),
        (Some(condition), None) => match condition.as_etag() {
            Some(tag) => Ok(Some(OnlyIf::Tag(tag.value().to_owned()))),
            None => Err(s3_error!(NotImplemented, "If-Match names a tag")),
        },
        _ => Err(s3_error!(NotImplemented, "If-Match names a tag, and If-None-Match is `*`")),
    }
}

/// What a reader has already, or wants to have.
struct Conditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

impl Conditions<'_> {
    /// In the order of RFC 9110, section 13.2.2.
    fn hold(&self, said: &Said) -> S3Result<()> {
        let own = tag(said);
        let is = |condition: &ETagCondition| condition.as_etag().is_none_or(|asked| asked.weak_cmp(&own));
        // A header tells a moment in whole seconds.
        let at = moment(cordon_domain::Moment(said.at.0 / 1000 * 1000));
        let unmodified = || self.if_unmodified_since.is_none_or(|since| at <= *since);
        if !self.if_match.map_or_else(unmodified, is) {
            return Err(s3_error!(PreconditionFailed));
        }
        let modified = || self.if_modified_since.is_none_or(|since| at > *since);
        if self.if_none_match.map_or_else(modified, |condition| !is(condition)) {
            return Ok(());
        }
        let mut error = S3Error::new(S3ErrorCode::NotModified);
        let mut headers = HeaderMap::new();
        headers.extend(own.to_http_header().ok().map(|value| (hyper::header::ETAG, value)));
        error.set_headers(headers);
        Err(error)
    }
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
        let granted = input.grant_full_control.is_some()
            || input.grant_read.is_some()
            || input.grant_read_acp.is_some()
            || input.grant_write_acp.is_some();
        private(input.acl.as_ref().map(ObjectCannedACL::as_str), granted)?;
        encryption(input.server_side_encryption.as_ref(), input.sse_customer_algorithm.is_some())?;
        if input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some() {
            return Err(s3_error!(NotImplemented, "objects have no locks here"));
        }
        let tags = input.tagging.as_deref().map(Tags::read).transpose()?;
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let headers = Headers::default()
            .with("content-type", input.content_type)
            .with("cache-control", input.cache_control)
            .with("content-disposition", input.content_disposition)
            .with("content-encoding", input.content_encoding.filter(|kind| kind != "aws-chunked"))
            .with("content-language", input.content_language);
        let headers = headers.with(TAGGING, tags.as_ref().and_then(Tags::write));
        let (mut headers, label) = headers.with_own(input.metadata)?;
        let label = asked_label(label, tags.as_ref())?;
        self.may_be_presigned(&asks, &label.iter().fold(bucket.label.clone(), |own, other| own.join(other)))?;
        headers.0.extend(stated.kept());
        let only_if = only_if(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let new = Writing { key: key_of(&input.key)?, label, headers: headers.0, only_if };
        let (body, outcome) = Checked::new(input.body, stated);
        let written = self.vault().put(&asks.facts, &bucket, new, body).await;
        let written = written.map_err(|error| match error {
            VaultError::Sent(_) => outcome.refusal().unwrap_or_else(|| of_vault(error)),
            error => of_vault(error),
        })?;
        Ok(S3Response::new(output(&bucket, &written)))
    }

    pub(super) async fn read(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        encryption(None, input.sse_customer_algorithm.is_some())?;
        if input.part_number.is_some_and(|part| part != 1) {
            return Err(s3_error!(InvalidArgument, "an object that was written at once has one part"));
        }
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        self.presigned_as_stored(&asks, &bucket, &key, version).await?;
        let conditions = Conditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
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
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(sent.end - sent.start).ok(),
            content_range: range
                .as_ref()
                .map(|range| format!("bytes {}-{}/{all}", range.start, range.end.saturating_sub(1))),
            content_type: input.response_content_type.or_else(|| header(said, "content-type")),
            cache_control: input.response_cache_control.or_else(|| header(said, "cache-control")),
            content_disposition: input.response_content_disposition.or_else(|| header(said, "content-disposition")),
            content_encoding: input.response_content_encoding.or_else(|| header(said, "content-encoding")),
            content_language: input.response_content_language.or_else(|| header(said, "content-language")),
            e_tag: Some(tag(said)),
            last_modified: Some(moment(said.at)),
            metadata: Some(own(said, &got.label)),
            server_side_encryption: Some(encrypted()),
            version_id: shown(&bucket, entry.version),
            tag_count: count(said),
            checksum_crc32: whole(said, input.checksum_mode.as_ref(), &range, "x-amz-checksum-crc32"),
            checksum_crc32c: whole(said, input.checksum_mode.as_ref(), &range, "x-amz-checksum-crc32c"),
            checksum_crc64nvme: whole(said, input.checksum_mode.as_ref(), &range, "x-amz-checksum-crc64nvme"),
            checksum_sha1: whole(said, input.checksum_mode.as_ref(), &range, "x-amz-checksum-sha1"),
            checksum_sha256: whole(said, input.checksum_mode.as_ref(), &range, "x-amz-checksum-sha256"),
            body: Some(StreamingBlob::wrap(Shared(Mutex::new(Box::pin(got.bytes(sent)))))),
            ..Default::default()
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

    pub(super) async fn look(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        let (entry, label) = self.vault().head(&asks.facts, &bucket, &key, version).await.map_err(of_vault)?;
        self.may_be_presigned(&asks, &label)?;
        let said = &entry.said;
        let conditions = Conditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.hold(said)?;
        let tags = count(said);
        let mut response = S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(said.bytes).ok(),
            content_type: header(said, "content-type"),
            cache_control: header(said, "cache-control"),
            content_disposition: header(said, "content-disposition"),
            content_encoding: header(said, "content-encoding"),
            content_language: header(said, "content-language"),
            e_tag: Some(tag(said)),
            last_modified: Some(moment(said.at)),
            metadata: Some(own(said, &label)),
            server_side_encryption: Some(encrypted()),
            version_id: shown(&bucket, entry.version),
            checksum_crc32: whole(said, input.checksum_mode.as_ref(), &None, "x-amz-checksum-crc32"),
            checksum_crc32c: whole(said, input.checksum_mode.as_ref(), &None, "x-amz-checksum-crc32c"),
            checksum_crc64nvme: whole(said, input.checksum_mode.as_ref(), &None, "x-amz-checksum-crc64nvme"),
            checksum_sha1: whole(said, input.checksum_mode.as_ref(), &None, "x-amz-checksum-sha1"),
            checksum_sha256: whole(said, input.checksum_mode.as_ref(), &None, "x-amz-checksum-sha256"),
            ..Default::default()
        });
        if let Some(count) = tags {
            response.headers.insert("x-amz-tagging-count", count.into());
        }
        Ok(response)
    }

    /// Reads a version and writes what it says under another name: both are decided, and the label goes along.
    pub(super) async fn copy(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        private(input.acl.as_ref().map(ObjectCannedACL::as_str), false)?;
        let own_key = input.sse_customer_algorithm.is_some() || input.copy_source_sse_customer_algorithm.is_some();
        encryption(input.server_side_encryption.as_ref(), own_key)?;
        let CopySource::Bucket { bucket: source, key, version_id } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "what is copied is in a bucket"));
        };
        let (source, key, version) = self.named(&asks, source, key, version_id.as_deref()).await?;
        let target = self.bucket(&asks, &input.bucket).await?;
        self.presigned_as_stored(&asks, &source, &key, version).await?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            if_modified_since: input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        };
        let hold = |said: &Said| {
            conditions.hold(said).map_err(|error| match error.code() {
                S3ErrorCode::NotModified => s3_error!(PreconditionFailed),
                _ => error,
            })
        };
        let to_send = |said: &Said| hold(said).map_or(0, |()| said.bytes);
        let got = self.vault().get(&asks.facts, &source, (&key, version), to_send).await.map_err(of_vault)?;
        hold(&got.entry.said)?;
        let replaces =
            input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let same = source.id == target.id && key.as_str() == input.key && version.is_none();
        if same && !replaces {
            return Err(s3_error!(
                InvalidRequest,
                "an object is not copied onto itself unless something said of it changes"
            ));
        }
        let (mut headers, label) = if replaces {
            let headers = Headers::default()
                .with("content-type", input.content_type)
                .with("cache-control", input.cache_control)
                .with("content-disposition", input.content_disposition)
                .with("content-encoding", input.content_encoding)
                .with("content-language", input.content_language);
            let (headers, label) = headers.with_own(input.metadata)?;
            (headers.0, label)
        } else {
            (got.entry.said.headers.clone(), None)
        };
        let tags = input.tagging_directive.as_ref().filter(|one| one.as_str() == TaggingDirective::REPLACE);
        let tags = tags.map(|_| Tags::read(input.tagging.as_deref().unwrap_or_default())).transpose()?;
        headers.retain(|(name, _)| name != TAGGING);
        let tagging = match &tags {
            Some(tags) => tags.write(),
            None => header(&got.entry.said, TAGGING),
        };
        headers.extend(tagging.map(|tagging| (TAGGING.to_owned(), tagging)));
        let label = asked_label(label, tags.as_ref())?;
        let label = label.map_or_else(|| got.label.clone(), |label| label.join(&got.label));
        let new = Writing { key: key_of(&input.key)?, label: Some(label), headers, only_if: None };
        let all = 0..got.entry.said.bytes;
        let read = got.entry.version;
        let written = self.vault().put(&asks.facts, &target, new, got.bytes(all)).await.map_err(of_vault)?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(written.tag.clone())),
            last_modified: Some(moment(asks.facts.at)),
            ..Default::default()
        };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            version_id: shown(&target, written.version),
            copy_source_version_id: shown(&source, read),
            server_side_encryption: Some(encrypted()),
            ..Default::default()
        }))
    }

    pub(super) async fn remove(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let asks = Self::asks(&request)?;
        let (bucket, key, version) =
            self.named(&asks, &request.input.bucket, &request.input.key, request.input.version_id.as_deref()).await?;
        let removed = self.removed(&asks, &bucket, &key, version).await?;
        let output = DeleteObjectOutput {
            delete_marker: removed.1.then_some(true),
            version_id: removed.0.and_then(|version| shown(&bucket, version)),
            ..Default::default()
        };
        Ok(S3Response::with_status(output, StatusCode::NO_CONTENT))
    }

    /// The version that was named or made, and whether it is a mark. What is not there, or may not be known of, is gone
    /// already.
    async fn removed(
        &self,
        asks: &Asks,
        bucket: &Bucket,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> S3Result<(Option<VersionId>, bool)> {
        match self.vault().remove(&asks.facts, bucket, key, version).await {
            Ok(Removed::Nothing) | Err(VaultError::NoObject) => Ok((version, false)),
            Ok(Removed::Hidden(mark) | Removed::Shown(mark)) => Ok((Some(mark), true)),
            Ok(Removed::Deleted(version)) => Ok((Some(version), false)),
            Err(error) => Err(of_vault(error)),
        }
    }

    pub(super) async fn remove_many(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        if input.delete.objects.len() > S3_DELETE_MAX {
            return Err(s3_error!(MalformedXML, "at most a thousand objects are deleted at once"));
        }
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ObjectIdentifier { key: name, version_id, .. } in input.delete.objects {
            let one = async {
                let (key, version) = (key_of(&name)?, version_of(&bucket, version_id.as_deref())?);
                self.removed(&asks, &bucket, &key, version).await
            };
            match one.await {
                Ok((version, mark)) => deleted.push(DeletedObject {
                    key: Some(name),
                    version_id: version_id.clone(),
                    delete_marker: mark.then_some(true),
                    delete_marker_version_id: version.filter(|_| mark).and_then(|version| shown(&bucket, version)),
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(name),
                    message: error.message().map(str::to_owned),
                    version_id,
                }),
            }
        }
        let deleted = Some(deleted).filter(|_| input.delete.quiet != Some(true));
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() }))
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

/// A checksum of the whole, for whoever asks for it and gets the whole.
fn whole(said: &Said, mode: Option<&ChecksumMode>, range: &Option<std::ops::Range<u64>>, name: &str) -> Option<String> {
    let asked = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) && range.is_none();
    asked.then(|| header(said, name)).flatten()
}
