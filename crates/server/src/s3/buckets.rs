//! Operations on buckets.

use cordon_domain::{Bucket, Versioning};
use cordon_vault::VaultError;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::lists::owner;
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{moment, read_label};
use super::{Asks, REGION};

/// The header with which a bucket is made at another level than confidential.
const LABEL_HEADER: &str = "x-cordon-label";

/// Buckets of one page, as S3 has it.
const BUCKETS_MAX: usize = 10_000;

impl Operations {
    pub(super) async fn show_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (prefix, after) = (input.prefix.unwrap_or_default(), input.continuation_token.unwrap_or_default());
        let most = input.max_buckets.map_or(Ok(BUCKETS_MAX), usize::try_from);
        let most = most.ok().filter(|most| (1..=BUCKETS_MAX).contains(most));
        let most = most.ok_or_else(|| s3_error!(InvalidArgument, "max-buckets is 1 to 10000"))?;
        let all = self.vault().buckets(&asks.facts).map_err(of_vault)?;
        // They are in the order of their names, and where a list goes on is the last name of the page before.
        let mut shown = all
            .into_iter()
            .filter(|bucket| bucket.name.as_str().starts_with(&prefix) && bucket.name.as_str() > after.as_str());
        let page: Vec<Bucket> = shown.by_ref().take(most).collect();
        let next = page.last().filter(|_| shown.next().is_some()).map(|bucket| bucket.name.to_string());
        let line = |bucket: Bucket| s3s::dto::Bucket {
            creation_date: Some(moment(bucket.made_at)),
            name: Some(bucket.name.to_string()),
            bucket_region: None,
        };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(page.into_iter().map(line).collect()),
            owner: Some(owner(asks.facts.actor.principal)),
            continuation_token: next,
            prefix: Some(prefix).filter(|prefix| !prefix.is_empty()),
        }))
    }

    pub(super) async fn make_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let asks = Self::asks(&request)?;
        let input = &request.input;
        let granted = input.grant_full_control.is_some()
            || input.grant_read.is_some()
            || input.grant_read_acp.is_some()
            || input.grant_write.is_some()
            || input.grant_write_acp.is_some();
        private(input.acl.as_ref().map(BucketCannedACL::as_str), granted)?;
        if input.object_lock_enabled_for_bucket == Some(true) {
            return Err(s3_error!(NotImplemented, "versions are not locked here"));
        }
        let place = input.create_bucket_configuration.as_ref().and_then(|all| all.location_constraint.as_ref());
        if place.is_some_and(|place| place.as_str() != REGION) {
            return Err(s3_error!(InvalidLocationConstraint, "the only region here is us-east-1"));
        }
        let label = request.headers.get(LABEL_HEADER).map(|value| value.to_str().unwrap_or_default());
        let label = label.map(read_label).transpose()?;
        match self.vault().make_bucket(&asks.facts, &input.bucket, label.clone()).await {
            Ok(bucket) => {
                let location = Some(format!("/{}", bucket.name));
                Ok(S3Response::new(CreateBucketOutput { location }))
            }
            Err(VaultError::Conflict(what)) => match self.known(&asks, &input.bucket).await {
                Ok(own) if own.made_by == asks.facts.actor.principal => {
                    // The region of this place answers so when what is asked for is there already, as it was asked for.
                    match label.is_none_or(|label| label == own.label) {
                        true => Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{}", own.name)) })),
                        false => Err(s3_error!(BucketAlreadyOwnedByYou, "{what}")),
                    }
                }
                _ => Err(s3_error!(BucketAlreadyExists, "a bucket of that name is there already")),
            },
            Err(error) => Err(of_vault(error)),
        }
    }

    pub(super) async fn remove_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let asks = Self::asks(&request)?;
        let bucket = self.bucket(&asks, &request.input.bucket).await?;
        match self.vault().remove_bucket(&asks.facts, &bucket).await {
            Ok(()) => Ok(S3Response::with_status(DeleteBucketOutput::default(), hyper::StatusCode::NO_CONTENT)),
            Err(VaultError::Conflict(what)) => Err(s3_error!(BucketNotEmpty, "{what}")),
            Err(VaultError::NoObject) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(of_vault(error)),
        }
    }

    /// Returns a bucket of which whoever asks may know; that they learnt of it is recorded.
    pub(super) async fn known(&self, asks: &Asks, name: &str) -> S3Result<Bucket> {
        let bucket = self.bucket(asks, name).await?;
        self.vault().look_at(&asks.facts, &bucket, &bucket.label).await.map_err(of_vault)?;
        Ok(bucket)
    }

    pub(super) async fn versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let asks = Self::asks(&request)?;
        let bucket = self.known(&asks, &request.input.bucket).await?;
        let status = (bucket.versioning == Versioning::On)
            .then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
    }

    pub(super) async fn set_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let asks = Self::asks(&request)?;
        let bucket = self.bucket(&asks, &request.input.bucket).await?;
        let status = request.input.versioning_configuration.status;
        let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::On,
            _ => return Err(s3_error!(NotImplemented, "a bucket that keeps earlier versions goes on keeping them")),
        };
        let changed = Bucket { versioning, ..bucket };
        match self.vault().change_bucket(&asks.facts, changed).await {
            Ok(()) => Ok(S3Response::new(PutBucketVersioningOutput::default())),
            Err(VaultError::NoObject) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(of_vault(error)),
        }
    }
}

/// Nothing is made public, or given to others, by a header: there is `cordon publish`, and `cordon access grant`.
pub(super) fn private(acl: Option<&str>, granted: bool) -> S3Result<()> {
    match granted || acl.is_some_and(|acl| acl != BucketCannedACL::PRIVATE) {
        true => Err(s3_error!(
            AccessDenied,
            "nothing becomes public, or another's, by a header; who may read is granted with `cordon access grant`"
        )),
        false => Ok(()),
    }
}
