//! Tags of objects: pairs of texts that whoever writes an object, or may write it, says of it.
//!
//! Bounds and rules are those of "Categorizing your objects using tags" in the user guide of S3.

use std::collections::BTreeMap;

use cordon_domain::limits::BUCKET_TAGGING_BYTES_MAX;
use cordon_domain::{Bucket, Label};
use cordon_store::entries::{RECOGNISE, Said, TAGGING, asks_to_recognise};
use cordon_vault::VaultError;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::Asks;
use super::objects::shown;
use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{LABEL, header, read_label};
use crate::limits::{S3_BUCKET_TAGS_MAX, S3_TAG_NAME_CHARS_MAX, S3_TAG_VALUE_CHARS_MAX, S3_TAGS_MAX};

/// Tags that are within bounds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tags(Vec<(String, String)>);

impl Tags {
    /// Checks that they are few and short, each has another name, and none has a name that AWS keeps for itself.
    fn new(pairs: Vec<(String, String)>, most: usize) -> S3Result<Self> {
        if pairs.len() > most {
            return Err(s3_error!(InvalidTag, "an object has at most ten tags, and a bucket fifty"));
        }
        let fits = |(name, value): &(String, String)| {
            let (name_chars, value_chars) = (name.chars().count(), value.chars().count());
            (1..=S3_TAG_NAME_CHARS_MAX).contains(&name_chars) && value_chars <= S3_TAG_VALUE_CHARS_MAX
        };
        if !pairs.iter().all(fits) || pairs.iter().any(|(name, _)| name.starts_with("aws:")) {
            return Err(s3_error!(
                InvalidTag,
                "a tag has a name of 1 to 128 signs, not of AWS, and a value of at most 256"
            ));
        }
        // Whoever compares what they wrote with what they read finds tags in the order of their names.
        let count = pairs.len();
        let pairs: BTreeMap<String, String> = pairs.into_iter().collect();
        match pairs.len() == count {
            true => Ok(Self(pairs.into_iter().collect())),
            false => Err(s3_error!(InvalidTag, "two tags have one name")),
        }
    }

    /// Reads the header that comes with an object: names and values as in a query.
    pub(super) fn read(text: &str) -> S3Result<Self> {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Self::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(), S3_TAGS_MAX)
    }

    /// Takes them out of a body.
    fn of(tagging: Tagging, most: usize) -> S3Result<Self> {
        let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
        let pairs: Option<Vec<_>> = tagging.tag_set.into_iter().map(pair).collect();
        Self::new(pairs.ok_or_else(|| s3_error!(InvalidTag, "a tag has a name"))?, most)
    }

    /// As they are kept; nothing when there are none. What asks for something is not kept among them: it is told
    /// with the object.
    pub(super) fn write(&self) -> Option<String> {
        let asks = |name: &str| name.eq_ignore_ascii_case(LABEL) || name.eq_ignore_ascii_case(RECOGNISE);
        let kept = self.0.iter().filter(|(name, _)| !asks(name));
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        Some(text).filter(|text| !text.is_empty())
    }

    /// What one of them says of whether copies are to be recognised.
    pub(super) fn recognise(&self) -> S3Result<Option<&str>> {
        self.asking(RECOGNISE)
    }

    /// The label that one of them asks for.
    pub(super) fn label(&self) -> S3Result<Option<Label>> {
        self.asking(LABEL)?.map(read_label).transpose()
    }

    /// What a tag says that asks for something, however its name is written.
    fn asking(&self, what: &str) -> S3Result<Option<&str>> {
        let mut asked = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(what));
        match (asked.next(), asked.next()) {
            (_, Some(_)) => Err(s3_error!(InvalidTag, "two tags are called {what}")),
            (one, None) => Ok(one.map(|(_, value)| value.as_str())),
        }
    }
}

/// The tags that are kept.
fn kept(said: &Said) -> Vec<(String, String)> {
    pairs(&header(said, TAGGING).unwrap_or_default())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// How many there are; nothing when there are none.
pub(super) fn count(said: &Said) -> Option<i32> {
    i32::try_from(kept(said).len()).ok().filter(|count| *count > 0)
}

impl Operations {
    pub(super) async fn tags(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        let (entry, label) = self.vault().head(&asks.facts, &bucket, &key, version).await.map_err(of_vault)?;
        self.may_be_presigned(&asks, &label)?;
        let tag_set = kept(&entry.said).into_iter().map(tag).collect();
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: shown(&bucket, entry.version) }))
    }

    pub(super) async fn set_tags(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        self.presigned_as_stored(&asks, &bucket, &key, version).await?;
        let tags = Tags::of(input.tagging, S3_TAGS_MAX)?;
        if tags.recognise()?.is_some() {
            let (entry, _) = self.vault().head(&asks.facts, &bucket, &key, version).await.map_err(of_vault)?;
            if !asks_to_recognise(&entry.said.headers) {
                return Err(s3_error!(InvalidTag, "{RECOGNISE} is said when an object is written"));
            }
        }
        if let Some(asked) = tags.label()? {
            let (_, label) = self.vault().head(&asks.facts, &bucket, &key, version).await.map_err(of_vault)?;
            if asked.to_string() != label.to_string() {
                return Err(s3_error!(InvalidTag, "an object gets its label when it is written: write it anew"));
            }
        }
        let tagged = self.vault().tag(&asks.facts, &bucket, (&key, version), tags.write()).await.map_err(of_vault)?;
        Ok(S3Response::new(PutObjectTaggingOutput { version_id: shown(&bucket, tagged) }))
    }

    pub(super) async fn remove_tags(
        &self,
        request: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (bucket, key, version) = self.named(&asks, &input.bucket, &input.key, input.version_id.as_deref()).await?;
        self.presigned_as_stored(&asks, &bucket, &key, version).await?;
        let tagged = self.vault().tag(&asks.facts, &bucket, (&key, version), None).await.map_err(of_vault)?;
        let output = DeleteObjectTaggingOutput { version_id: shown(&bucket, tagged) };
        Ok(S3Response::with_status(output, hyper::StatusCode::NO_CONTENT))
    }
}

fn tag((name, value): (String, String)) -> Tag {
    Tag { key: Some(name), value: Some(value) }
}

/// Tags of buckets: what whoever owns one says of it, for people and programs; nothing is decided by them.
impl Operations {
    pub(super) async fn bucket_tags(
        &self,
        request: S3Request<GetBucketTaggingInput>,
    ) -> S3Result<S3Response<GetBucketTaggingOutput>> {
        let asks = Self::asks(&request)?;
        let bucket = self.known(&asks, &request.input.bucket).await?;
        let tagging = bucket.tagging.ok_or_else(|| s3_error!(NoSuchTagSet, "this bucket has no tags"))?;
        Ok(S3Response::new(GetBucketTaggingOutput { tag_set: pairs(&tagging).into_iter().map(tag).collect() }))
    }

    pub(super) async fn set_bucket_tags(
        &self,
        request: S3Request<PutBucketTaggingInput>,
    ) -> S3Result<S3Response<PutBucketTaggingOutput>> {
        let asks = Self::asks(&request)?;
        let tags = Tags::of(request.input.tagging.clone(), S3_BUCKET_TAGS_MAX)?;
        if tags.label()?.is_some() {
            return Err(s3_error!(InvalidTag, "a bucket gets its label when it is made, by the header x-cordon-label"));
        }
        if tags.recognise()?.is_some() {
            return Err(s3_error!(InvalidTag, "a bucket has copies recognised by `cordon bucket set --recognise`"));
        }
        let tagging = tags.write();
        if tagging.as_ref().is_some_and(|text| text.len() > BUCKET_TAGGING_BYTES_MAX) {
            return Err(s3_error!(InvalidTag, "the tags of a bucket have at most 8 KiB"));
        }
        self.tag_bucket(&asks, &request.input.bucket, tagging).await?;
        Ok(S3Response::with_status(PutBucketTaggingOutput {}, hyper::StatusCode::NO_CONTENT))
    }

    pub(super) async fn remove_bucket_tags(
        &self,
        request: S3Request<DeleteBucketTaggingInput>,
    ) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
        let asks = Self::asks(&request)?;
        self.tag_bucket(&asks, &request.input.bucket, None).await?;
        Ok(S3Response::with_status(DeleteBucketTaggingOutput {}, hyper::StatusCode::NO_CONTENT))
    }

    async fn tag_bucket(&self, asks: &Asks, name: &str, tagging: Option<String>) -> S3Result<()> {
        let bucket = self.bucket(asks, name).await?;
        match self.vault().change_bucket(&asks.facts, Bucket { tagging, ..bucket }).await {
            Err(VaultError::NoObject) => Err(s3_error!(NoSuchBucket)),
            outcome => outcome.map_err(of_vault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_are_written() {
        let read = |text: &str| Tags::read(text).map(|tags| tags.0);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("team=atlas&stage=a%20b%2Bc&empty=").expect("read"),
            [pair("empty", ""), pair("stage", "a b+c"), pair("team", "atlas")]
        );
        for text in ["team=atlas&x=%C3%A4%26", "a=b"] {
            let tags = Tags::read(text).expect("read");
            assert_eq!(Tags::read(&tags.write().expect("some")).expect("read"), tags);
        }
        assert_eq!(Tags::read("").expect("none").write(), None);
        let label = |text: &str| Tags::read(text).and_then(|tags| tags.label());
        assert_eq!(
            label("cordon-label=restricted%2Fatlas").expect("read").map(|one| one.to_string()).as_deref(),
            Some("restricted/atlas")
        );
        assert_eq!(
            label("Cordon-Label=internal").expect("read").map(|one| one.to_string()).as_deref(),
            Some("internal")
        );
        assert_eq!(Tags::read("cordon-label=internal&a=b").expect("read").write().as_deref(), Some("a=b"));
        assert!(label("Cordon-Label=internal&cordon-label=public").is_err());
        assert!(label("cordon-label=secret").is_err() && label("team=atlas").expect("read").is_none());
    }

    #[test]
    fn tags_are_few_and_short_and_each_has_another_name() {
        let many = |count: usize| (0..count).map(|number| format!("n{number}=v")).collect::<Vec<_>>().join("&");
        assert!(Tags::read(&many(10)).is_ok() && Tags::read(&many(11)).is_err());
        let long = |name: usize, value: usize| Tags::read(&format!("{}={}", "n".repeat(name), "v".repeat(value)));
        assert!(long(128, 256).is_ok() && long(129, 1).is_err() && long(1, 257).is_err());
        for wrong in ["=v", "a=1&a=2", "aws:x=1"] {
            assert!(Tags::read(wrong).is_err(), "{wrong}");
        }
    }
}
