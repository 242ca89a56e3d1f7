//! Copies.

use cordon_store::entries::{Said, TAGGING};
use cordon_vault::Writing;
use cordon_vault::put::Behind;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::conditions::{conditions, only_if_by};
use super::objects::{encrypted, key_of, plain, shown};
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{Headers, asked_label, given, header, moment};
use super::tags::Tags;

impl Operations {
    /// Reads a version and writes what it says under another name: both are decided, and the label goes along.
    pub(super) async fn copy(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let (asks, only_if) = (Self::asks(&request)?, only_if_by(&request.headers)?);
        let input = request.input;
        plain!(input);
        let CopySource::Bucket { bucket: source, key, version_id } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "what is copied is in a bucket"));
        };
        let (source, key, version) = self.named(&asks.of_source(), source, key, version_id.as_deref()).await?;
        let target = self.bucket(&asks, &input.bucket).await?;
        self.presigned_as_stored(&asks, &source, &key, version).await?;
        self.presigned_over(&asks, &target, &key_of(&input.key)?, None).await?;
        let conditions = conditions!(input: copy_source_if_match, copy_source_if_none_match,
            copy_source_if_modified_since, copy_source_if_unmodified_since);
        let hold = |said: &Said| conditions.hold_of_source(said);
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
        let (headers, label) = match replaces {
            true => given!(input).with_own(input.metadata)?,
            false => (Headers(got.entry.said.headers.clone()), None),
        };
        let tags = input.tagging_directive.as_ref().filter(|one| one.as_str() == TaggingDirective::REPLACE);
        let tags = tags.map(|_| Tags::read(input.tagging.as_deref().unwrap_or_default())).transpose()?;
        let headers = match &tags {
            Some(_) => headers.asked_by(tags.as_ref())?,
            None => headers.asked_before(&got.entry.said)?,
        };
        let mut headers = headers.0;
        headers.retain(|(name, _)| name != TAGGING);
        let tagging = match &tags {
            Some(tags) => tags.write(),
            None => header(&got.entry.said, TAGGING),
        };
        headers.extend(tagging.map(|tagging| (TAGGING.to_owned(), tagging)));
        let label = asked_label(label, tags.as_ref())?;
        let label = label.map_or_else(|| got.label.clone(), |label| label.join(&got.label));
        self.may_be_presigned(&asks, &label)?;
        let behind = Behind::default();
        let new = Writing { key: key_of(&input.key)?, label: Some(label), headers, behind, only_if };
        let all = 0..got.entry.said.bytes;
        let read = got.entry.version;
        let written = self.vault().put(&asks.facts, &target, new, got.bytes(all)).await.map_err(of_vault)?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(written.tag.clone())),
            last_modified: Some(moment(written.at)),
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
}
