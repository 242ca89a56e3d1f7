//! The table of operations: one that has no row is not answered.

use std::sync::atomic::Ordering;

use cordon_domain::Action;
use cordon_vault::limits::OBJECT_BYTES_MAX;
use hyper::HeaderMap;
use s3s::access::{S3Access, S3AccessContext};
use s3s::{S3Result, s3_error};

use super::Asks;
use crate::limits::S3_XML_BYTES_MAX;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The operation, as S3 calls it.
    pub operation: &'static str,
    /// What is decided for it: all of these, each on what it touches.
    pub decides: &'static [Action],
}

const fn row(operation: &'static str, decides: &'static [Action]) -> Row {
    Row { operation, decides }
}

/// All that is answered, and only to whoever signs with a key that counts.
pub const TABLE: [Row; 29] = [
    // Shows the buckets of which one may know, each decided for itself.
    row("ListBuckets", &[Action::ObjectList]),
    row("CreateBucket", &[Action::BucketCreate]),
    row("HeadBucket", &[Action::ObjectList]),
    row("DeleteBucket", &[Action::BucketDelete]),
    row("GetBucketLocation", &[Action::ObjectList]),
    row("GetBucketVersioning", &[Action::ObjectList]),
    row("PutBucketVersioning", &[Action::BucketChange]),
    row("GetBucketTagging", &[Action::ObjectList]),
    row("PutBucketTagging", &[Action::BucketChange]),
    row("DeleteBucketTagging", &[Action::BucketChange]),
    row("ListObjects", &[Action::ObjectList]),
    row("ListObjectsV2", &[Action::ObjectList]),
    row("ListObjectVersions", &[Action::ObjectList]),
    row("PutObject", &[Action::ObjectWrite]),
    row("GetObject", &[Action::ObjectRead]),
    row("HeadObject", &[Action::ObjectList]),
    row("GetObjectTagging", &[Action::ObjectList]),
    row("PutObjectTagging", &[Action::ObjectTag]),
    row("DeleteObjectTagging", &[Action::ObjectTag]),
    row("CopyObject", &[Action::ObjectRead, Action::ObjectWrite]),
    row("CreateMultipartUpload", &[Action::ObjectWrite]),
    row("UploadPart", &[Action::ObjectWrite]),
    row("UploadPartCopy", &[Action::ObjectRead, Action::ObjectWrite]),
    row("CompleteMultipartUpload", &[Action::ObjectWrite]),
    // One's own uploads, and nobody else's.
    row("AbortMultipartUpload", &[]),
    row("ListParts", &[]),
    row("ListMultipartUploads", &[Action::ObjectList]),
    row("DeleteObject", &[Action::ObjectHide, Action::ObjectDelete]),
    row("DeleteObjects", &[Action::ObjectHide, Action::ObjectDelete]),
];

/// Lets an operation through that has a row, for somebody who is known.
pub(crate) struct Table;

/// Operations whose body is content; that of all others is XML.
const CONTENT: [&str; 2] = ["PutObject", "UploadPart"];

/// What says that it is too long is not waited for.
fn bounded(operation: &str, headers: &HeaderMap) -> S3Result<()> {
    let said = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let length = said("x-amz-decoded-content-length").or_else(|| said("content-length")).unwrap_or(0);
    match CONTENT.contains(&operation) {
        true if length > OBJECT_BYTES_MAX => Err(s3_error!(EntityTooLarge, "an object has at most 5 TiB")),
        false if length > S3_XML_BYTES_MAX as u64 => {
            Err(s3_error!(MaxMessageLengthExceeded, "a body of this has at most 2 MiB"))
        }
        _ => Ok(()),
    }
}

#[async_trait::async_trait]
impl S3Access for Table {
    async fn check(&self, asked: &mut S3AccessContext<'_>) -> S3Result<()> {
        let name = asked.s3_op().name();
        if !TABLE.iter().any(|row| row.operation == name) {
            return Err(s3_error!(NotImplemented, "this is not answered here"));
        }
        bounded(name, asked.headers())?;
        match asked.credentials() {
            Some(_) => {
                if let Some(asks) = asked.extensions_mut().get::<Asks>() {
                    asks.is_signed.store(true, Ordering::Release);
                }
                Ok(())
            }
            None => Err(s3_error!(AccessDenied, "there is no access without a signature")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is implemented has a row, and what has a row is implemented.
    #[test]
    fn the_table_is_what_is_implemented() {
        let (_, implemented) = include_str!("operations.rs").split_once("impl S3 for").expect("they are there");
        let names = implemented.split("    async fn ").skip(1).filter_map(|rest| rest.split('(').next());
        let capital = |word: &str| {
            let (first, rest) = word.split_at_checked(1)?;
            Some(first.to_uppercase() + rest)
        };
        let written = names.map(|name| name.split('_').filter_map(capital).collect::<String>());
        let rows = TABLE.iter().map(|row| row.operation.to_owned());
        assert_eq!(written.collect::<BTreeSet<_>>(), rows.collect());
    }
}
