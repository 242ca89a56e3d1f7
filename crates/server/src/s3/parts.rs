//! Operations of uploads in parts.

use std::collections::BTreeSet;

use cordon_domain::VersionId;
use cordon_store::entries::{Said, TAGGING};
use cordon_vault::limits::UPLOAD_PARTS_MAX;
use cordon_vault::put::{Behind, OnlyIf};
use cordon_vault::upload::SentPart;
use cordon_vault::{VaultError, Writing};
use hyper::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::checked::{Checked, Stated};
use super::conditions::{conditions, only_if};
use super::objects::{encrypted, key_of, plain, shown, summed};
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{asked_label, given, moment};
use super::sums::of_all;
use super::tags::Tags;

fn upload_of(text: &str) -> S3Result<VersionId> {
    text.parse().map_err(|_| s3_error!(NoSuchUpload))
}

fn number_of(number: i32) -> u32 {
    // None of these is a number that a part may have.
    u32::try_from(number).unwrap_or(0)
}

fn part_tag(part: &SentPart) -> ETag {
    ETag::Strong(part.tag.clone())
}

impl Operations {
    pub(super) async fn begin(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        plain!(input);
        let tags = input.tagging.as_deref().map(Tags::read).transpose()?;
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let headers = given!(input).with(TAGGING, tags.as_ref().and_then(Tags::write));
        let (headers, label) = headers.asked_by(tags.as_ref())?.with_own(input.metadata)?;
        let label = asked_label(label, tags.as_ref())?;
        self.may_be_presigned(&asks, &label.iter().fold(bucket.label.clone(), |own, other| own.join(other)))?;
        let (key, headers) = (key_of(&input.key)?, headers.0);
        let writing = Writing { key, label, headers, behind: Behind::default(), only_if: OnlyIf::default() };
        let upload = self.vault().begin_upload(&asks.facts, &bucket, writing).await.map_err(of_vault)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload.to_string()),
            server_side_encryption: Some(encrypted()),
            ..Default::default()
        }))
    }

    pub(super) async fn send(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let asks = Self::asks(&request)?;
        let stated = Stated::read(&request.headers, request.trailing_headers)?;
        let input = request.input;
        let (bucket, key, upload) =
            (self.bucket(&asks, &input.bucket).await?, key_of(&input.key)?, upload_of(&input.upload_id)?);
        self.presigned_over(&asks, &bucket, &key, None).await?;
        let (body, outcome) = Checked::new(input.body, stated);
        let (number, behind) = (number_of(input.part_number), body.behind());
        let sent = self.vault().send_part(&asks.facts, (&bucket, &key, upload), (number, &behind), body).await;
        let sent = sent.map_err(|error| match error {
            VaultError::Sent(_) => outcome.refusal().unwrap_or_else(|| of_vault(error)),
            error => of_vault(error),
        })?;
        let (e_tag, server_side_encryption) = (Some(part_tag(&sent)), Some(encrypted()));
        let output = UploadPartOutput { e_tag, server_side_encryption, ..Default::default() };
        Ok(S3Response::new(summed!(output, sent.said)))
    }

    /// A part that is read from another version: that is decided as a read, and its label goes along.
    pub(super) async fn copy_part(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let CopySource::Bucket { bucket: source, key: from, version_id } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "what is copied is in a bucket"));
        };
        let (source, from, version) = self.named(&asks.of_source(), source, from, version_id.as_deref()).await?;
        let (bucket, key, upload) =
            (self.bucket(&asks, &input.bucket).await?, key_of(&input.key)?, upload_of(&input.upload_id)?);
        self.presigned_as_stored(&asks, &source, &from, version).await?;
        let conditions = conditions!(input: copy_source_if_match, copy_source_if_none_match,
            copy_source_if_modified_since, copy_source_if_unmodified_since);
        let asked = |said: &Said| {
            conditions.hold_of_source(said)?;
            match input.copy_source_range.as_deref() {
                None => Ok(0..said.bytes),
                Some(text) => exact_range(text, said.bytes),
            }
        };
        let to_send = |said: &Said| asked(said).map_or(0, |range| range.end - range.start);
        let got = self.vault().get(&asks.facts, &source, (&from, version), to_send).await.map_err(of_vault)?;
        let range = asked(&got.entry.said)?;
        let (number, read) = (number_of(input.part_number), got.entry.version);
        let sent = self.vault().copy_part(&asks.facts, (&bucket, &key, upload), number, (got, range)).await;
        let sent = sent.map_err(of_vault)?;
        let result =
            CopyPartResult { e_tag: Some(part_tag(&sent)), last_modified: Some(moment(sent.at)), ..Default::default() };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            copy_source_version_id: shown(&source, read),
            server_side_encryption: Some(encrypted()),
            ..Default::default()
        }))
    }

    pub(super) async fn finish(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let asks = Self::asks(&request)?;
        let mut input = request.input;
        let (bucket, key, upload) =
            (self.bucket(&asks, &input.bucket).await?, key_of(&input.key)?, upload_of(&input.upload_id)?);
        self.presigned_over(&asks, &bucket, &key, None).await?;
        let parts = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
        let parts: Vec<(u32, CompletedPart)> =
            parts.into_iter().map(|part| (number_of(part.part_number.unwrap_or(0)), part)).collect();
        let tag = |part: &CompletedPart| part.e_tag.clone().map(ETag::into_value).unwrap_or_default();
        let named: Vec<(u32, String)> = parts.iter().map(|(number, part)| (*number, tag(part))).collect();
        if named.is_empty() || named.len() > UPLOAD_PARTS_MAX as usize {
            return Err(s3_error!(MalformedXML, "no part is named, or more than can have been sent"));
        }
        // One that is finished has none any more.
        let sent = self.vault().sent_parts(&asks.facts, (&bucket, &key, upload));
        let sums = sent.as_ref().map_or(Ok(Vec::new()), |sent| of_all(&input, &parts, sent))?;
        if let Some(bytes) = input.mpu_object_size {
            let sent = sent.map_err(of_vault)?;
            let numbers: BTreeSet<u32> = named.iter().map(|(number, _)| *number).collect();
            let parts = sent.iter().filter(|(number, _)| numbers.contains(number));
            if u64::try_from(bytes) != Ok(parts.map(|(_, part)| part.bytes()).sum()) {
                return Err(s3_error!(InvalidRequest, "the parts are not as long together as was said"));
            }
        }
        let only_if = only_if(input.if_match, input.if_none_match)?;
        let (to, said) = ((&bucket, &key, upload), (only_if, sums.clone()));
        let written = self.vault().finish_upload(&asks.facts, to, &named, said).await.map_err(of_vault)?;
        let output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(written.tag.clone())),
            version_id: shown(&bucket, written.version),
            server_side_encryption: Some(encrypted()),
            ..Default::default()
        };
        Ok(S3Response::new(summed!(output, sums)))
    }

    pub(super) async fn abort(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, upload) =
            (self.bucket(&asks, &input.bucket).await?, key_of(&input.key)?, upload_of(&input.upload_id)?);
        self.vault().abort_upload(&asks.facts, (&bucket, &key, upload)).await.map_err(of_vault)?;
        Ok(S3Response::with_status(AbortMultipartUploadOutput::default(), StatusCode::NO_CONTENT))
    }

    pub(super) async fn show_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, upload) =
            (self.bucket(&asks, &input.bucket).await?, key_of(&input.key)?, upload_of(&input.upload_id)?);
        let sent = self.vault().sent_parts(&asks.facts, (&bucket, &key, upload)).map_err(of_vault)?;
        let most = usize::try_from(input.max_parts.unwrap_or(1000)).unwrap_or(0).min(1000);
        let after = input.part_number_marker.unwrap_or(0);
        let behind = sent.iter().filter(|(number, _)| i64::from(*number) > i64::from(after));
        let page: Vec<_> = behind.clone().take(most).collect();
        let more = behind.count() > page.len();
        let part = |(number, part): &&(u32, SentPart)| Part {
            part_number: i32::try_from(*number).ok(),
            e_tag: Some(part_tag(part)),
            last_modified: Some(moment(part.at)),
            size: i64::try_from(part.bytes()).ok(),
            ..Default::default()
        };
        let last = page.last().and_then(|(number, _)| i32::try_from(*number).ok());
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: i32::try_from(most).ok(),
            part_number_marker: Some(after),
            next_part_number_marker: last.filter(|_| more),
            is_truncated: Some(more),
            parts: Some(page.iter().map(part).collect()),
            ..Default::default()
        }))
    }

    pub(super) async fn show_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let bucket = self.known(&asks, &input.bucket).await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let going = self.vault().uploads(&asks.facts, &bucket);
        let uploads =
            going.into_iter().filter(|going| going.key.as_str().starts_with(&prefix)).map(|going| MultipartUpload {
                key: Some(going.key.as_str().to_owned()),
                upload_id: Some(going.upload.to_string()),
                initiated: Some(moment(going.begun_at)),
                ..Default::default()
            });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(false),
            uploads: Some(uploads.collect()),
            ..Default::default()
        }))
    }
}

/// What is copied is a range that is there, both of whose ends are named.
fn exact_range(text: &str, all: u64) -> S3Result<std::ops::Range<u64>> {
    let wrong = || s3_error!(InvalidArgument, "a range to copy is bytes=FIRST-LAST");
    let (first, last) = text.strip_prefix("bytes=").and_then(|rest| rest.split_once('-')).ok_or_else(wrong)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    match first <= last && last < all {
        true => Ok(first..last + 1),
        false => Err(s3_error!(InvalidRange)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_to_copy_is_there_whole() {
        assert_eq!(exact_range("bytes=0-4", 5).ok(), Some(0..5));
        for text in ["bytes=0-5", "bytes=4-3", "bytes=-5", "bytes=0-", "0-4", "bytes=0-18446744073709551615", ""] {
            assert!(exact_range(text, 5).is_err(), "{text}");
        }
    }
}
