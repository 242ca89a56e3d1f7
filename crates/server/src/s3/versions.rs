//! Lists of versions: all that names lead to, or led to, and the marks that hide them.

use cordon_domain::Bucket;
use cordon_store::entries::{Body, Entry};
use cordon_vault::Listed;
use cordon_vault::list::{Next, Wanted};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::lists::{Names, most, owner, same_list};
use super::objects::{shown, version_of};
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{moment, tag};

/// Names of versions where earlier ones are not kept.
const ONLY: &str = "null";

impl Operations {
    pub(super) async fn list_all_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (names, (most, asked)) = (Names::of(input.encoding_type.as_ref())?, most(input.max_keys)?);
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let given = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        let (after, marker) = (given(input.key_marker.as_ref()), given(input.version_id_marker.as_ref()));
        if after.is_none() && marker.is_some() {
            return Err(s3_error!(InvalidArgument, "a version-id-marker comes with a key-marker"));
        }
        let version = version_of(&bucket, marker.as_deref())?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let list = [&same_list(&bucket, &asks.facts, &prefix)[..], b"versions"].concat();
        let from = after.as_deref().and_then(|after| self.tokens.read(after, &list));
        let wanted = Wanted {
            prefix,
            delimiter: given(input.delimiter.as_ref()),
            after: after.filter(|_| from.is_none()),
            from,
            most,
            looked_at_max: None,
        };
        let page = self.vault().list_versions(&asks.facts, &bucket, (&wanted, version)).await.map_err(of_vault)?;
        let entries = || page.lines.iter().filter_map(entry);
        let (next_key, next_version) = match (&page.next, page.lines.last()) {
            // No line of this page leads on.
            (Some(Next::Hidden(start)), _) => (self.tokens.write(start, &list), None),
            (Some(Next::Line(_)), Some(line)) => {
                (Some(names.write(line.name())), entry(line).map(|entry| version_id(&bucket, entry)))
            }
            (Some(Next::Line(_)), None) | (None, _) => (None, None),
        };
        let marks = entries().filter(|entry| entry.said.body == Body::None);
        let versions = entries().filter(|entry| entry.said.body != Body::None);
        Ok(S3Response::new(ListObjectVersionsOutput {
            name: Some(input.bucket),
            max_keys: Some(asked),
            is_truncated: Some(page.next.is_some()),
            key_marker: Some(input.key_marker.as_deref().map(|name| names.write(name)).unwrap_or_default()),
            version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
            next_key_marker: next_key,
            next_version_id_marker: next_version,
            versions: Some(versions.map(|entry| version_line(names, &bucket, entry)).collect()),
            delete_markers: Some(marks.map(|entry| mark_line(names, &bucket, entry)).collect()),
            common_prefixes: Some(names.beginnings(&page)),
            prefix: Some(names.write(&wanted.prefix)),
            delimiter: wanted.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            encoding_type: names.kind(),
            ..Default::default()
        }))
    }
}

fn entry(line: &Listed) -> Option<&Entry> {
    match line {
        Listed::Object(entry) => Some(entry),
        Listed::Beginning(_) => None,
    }
}

fn version_id(bucket: &Bucket, entry: &Entry) -> String {
    shown(bucket, entry.version).unwrap_or_else(|| ONLY.to_owned())
}

fn version_line(names: Names, bucket: &Bucket, entry: &Entry) -> ObjectVersion {
    ObjectVersion {
        key: Some(names.write(entry.key.as_str())),
        version_id: Some(version_id(bucket, entry)),
        is_latest: Some(entry.latest),
        e_tag: Some(tag(&entry.said)),
        last_modified: Some(moment(entry.said.at)),
        size: i64::try_from(entry.said.bytes).ok(),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        owner: Some(owner(entry.said.by)),
        ..Default::default()
    }
}

fn mark_line(names: Names, bucket: &Bucket, entry: &Entry) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        key: Some(names.write(entry.key.as_str())),
        version_id: Some(version_id(bucket, entry)),
        is_latest: Some(entry.latest),
        last_modified: Some(moment(entry.said.at)),
        owner: Some(owner(entry.said.by)),
    }
}
