//! Putting an object into a bucket: at once, or in parts.

use std::fmt::Write as _;

use crate::answers::Element;
use crate::bucket::{Bucket, Said, tagging, version_of};
use crate::client::Asked;
use crate::error::BucketError;

/// An object on its way into a bucket. What is not ended is given up.
pub(crate) struct Putting<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    said: &'a Said,
    /// An upload in parts, once there is more than one.
    upload: Option<String>,
    parts: Vec<String>,
    version: Option<String>,
}

impl<'a> Putting<'a> {
    pub(crate) const fn begin(bucket: &'a Bucket, key: &'a str, said: &'a Said) -> Self {
        Self { bucket, key, said, upload: None, parts: Vec::new(), version: None }
    }

    /// Takes the next piece; of all but the last, more follow.
    pub(crate) fn take(&mut self, piece: &[u8], is_last: bool) -> Result<(), BucketError> {
        if is_last && self.parts.is_empty() {
            let asked = Asked { headers: self.headers(), body: piece, ..self.bucket.asked("PUT", self.key) };
            // What nobody answered, or not well, may have been taken: whoever tries again looks first.
            self.version = Some(version_of(&self.bucket.client.once(&asked)?).unwrap_or_default());
            return Ok(());
        }
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => self.begin_parts()?,
        };
        let number = self.parts.len() + 1;
        let query = vec![("partNumber", number.to_string()), ("uploadId", upload)];
        let answer = self.bucket.client.ask(&Asked { query, body: piece, ..self.bucket.asked("PUT", self.key) })?;
        let tag = answer.header("etag").map(str::to_owned);
        let what = format!("part {number} of `{}`", self.key);
        self.parts.push(tag.ok_or(BucketError::Answer { what, why: "it has no tag" })?);
        Ok(())
    }

    /// Ends it. Returns the version that it is.
    pub(crate) fn end(mut self) -> Result<String, BucketError> {
        let Some(upload) = self.upload.clone() else { return Ok(self.version.take().unwrap_or_default()) };
        let body = self.completion();
        let query = vec![("uploadId", upload)];
        let asked = Asked { query, body: body.as_bytes(), ..self.bucket.asked("POST", self.key) };
        let answer = self.bucket.client.once(&asked)?;
        let version = version_of(&answer).unwrap_or_default();
        let answer = answer.words(Element::read)?;
        // S3 may begin to answer before it is done, and then tell of a fault in an answer that began well.
        if answer.text("ETag").is_empty() {
            let what = format!("the end of `{}`", self.key);
            return Err(BucketError::Answer { what, why: "it does not say that the object is there" });
        }
        self.upload = None;
        Ok(version)
    }

    fn begin_parts(&mut self) -> Result<String, BucketError> {
        let query = vec![("uploads", String::new())];
        let asked = Asked { query, headers: self.headers(), ..self.bucket.asked("POST", self.key) };
        let answer = self.bucket.client.once(&asked)?.words(Element::read)?;
        let upload = answer.text("UploadId").to_owned();
        if upload.is_empty() {
            let what = format!("an upload of `{}`", self.key);
            return Err(BucketError::Answer { what, why: "it has no name" });
        }
        self.upload = Some(upload.clone());
        Ok(upload)
    }

    fn headers(&self) -> Vec<(&'a str, String)> {
        let own = self.said.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
        own.chain(tagging(&self.said.tags).map(|tags| ("x-amz-tagging", tags))).collect()
    }

    fn completion(&self) -> String {
        let mut body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
        for (index, tag) in self.parts.iter().enumerate() {
            let (number, tag) = (index + 1, quick_xml::escape::escape(tag.as_str()));
            // Writing into a text does not fail.
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        body + "</CompleteMultipartUpload>"
    }
}

impl Drop for Putting<'_> {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            let query = vec![("uploadId", upload)];
            // What is left is told by the store's own list of uploads, and takes room there until somebody ends it.
            let _ = self.bucket.client.once(&Asked { query, ..self.bucket.asked("DELETE", self.key) });
        }
    }
}
