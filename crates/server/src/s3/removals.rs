//! Hiding and deleting.

use cordon_domain::{Bucket, ObjectKey as Key, VersionId};
use cordon_vault::VaultError;
use cordon_vault::put::Content;
use cordon_vault::remove::{Removal, Removed};
use hyper::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::Asks;
use super::conditions::content;
use super::objects::{key_of, shown, version_of};
use super::operations::Operations;
use super::refusal::of_vault;
use crate::limits::S3_DELETE_MAX;

/// The second of a moment, since 1970.
fn second(at: &Timestamp) -> S3Result<i64> {
    let mut text = Vec::new();
    let written = at.format(TimestampFormat::EpochSeconds, &mut text).ok();
    let text = written.and_then(|()| String::from_utf8(text).ok()).unwrap_or_default();
    let whole = text.split('.').next().and_then(|whole| whole.parse().ok());
    whole.ok_or_else(|| s3_error!(InvalidArgument, "a moment that is none"))
}

/// When what is removed must have been written, in seconds, and how long it must be.
fn must_be(at: Option<Timestamp>, bytes: Option<i64>) -> S3Result<(Option<i64>, Option<u64>)> {
    let bytes =
        bytes.map(|bytes| u64::try_from(bytes).map_err(|_| s3_error!(InvalidArgument, "a length is not negative")));
    Ok((at.as_ref().map(second).transpose()?, bytes.transpose()?))
}

impl Operations {
    pub(super) async fn remove(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        let is = input.if_match.map(content).transpose()?;
        let (at_s, bytes) = must_be(input.if_match_last_modified_time, input.if_match_size)?;
        let removed = self.removed(&asks, &bucket, &key, Removal { version, is, at_s, bytes }).await?;
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
        key: &Key,
        removal: Removal,
    ) -> S3Result<(Option<VersionId>, bool)> {
        let version = removal.version;
        self.presigned_over(asks, bucket, key, version).await?;
        match self.vault().remove(&asks.facts, bucket, key, removal).await {
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
        for one in input.delete.objects {
            let ObjectIdentifier { key: name, version_id, e_tag, last_modified_time, size } = one;
            let one = async {
                let (key, version) = (key_of(&name)?, version_of(&bucket, version_id.as_deref())?);
                let is = e_tag.map(|tag| Content::Tag(tag.into_value()));
                let (at_s, bytes) = must_be(last_modified_time, size)?;
                self.removed(&asks, &bucket, &key, Removal { version, is, at_s, bytes }).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_compared_by_its_second() {
        let at = |text| second(&Timestamp::parse(TimestampFormat::DateTime, text).expect("a moment")).ok();
        assert_eq!(at("2026-03-01T10:00:00Z"), Some(1_772_359_200));
        assert_eq!(at("2026-03-01T11:00:00.999+01:00"), Some(1_772_359_200));
    }
}
