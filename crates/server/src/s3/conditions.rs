//! Conditions of requests: what whoever asks has already, or wants to be there.

use cordon_store::entries::Said;
use cordon_vault::put::{Content, OnlyIf};
use hyper::HeaderMap;
use hyper::header::HeaderName;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::said::{moment, tag};

/// What is asked to be there.
pub(super) fn content(condition: ETagCondition) -> Content {
    match condition {
        ETagCondition::Any => Content::Any,
        ETagCondition::ETag(tag) => Content::Tag(tag.into_value()),
    }
}

/// What a name must lead to for a write to be made.
pub(super) fn only_if(is: Option<ETagCondition>, is_not: Option<ETagCondition>) -> OnlyIf {
    OnlyIf { is: is.map(content), is_not: is_not.map(content) }
}

/// The same, of a request whose form has no fields for it.
pub(super) fn only_if_by(headers: &HeaderMap) -> S3Result<OnlyIf> {
    let read = |name: HeaderName| {
        let condition = headers.get(name).map(|value| ETagCondition::parse_http_header(value.as_bytes()));
        condition.transpose().map_err(|_| s3_error!(InvalidArgument, "a condition is a tag, or `*`"))
    };
    Ok(only_if(read(hyper::header::IF_MATCH)?, read(hyper::header::IF_NONE_MATCH)?))
}

/// What a reader has already, or wants to have.
pub(super) struct Conditions<'a> {
    pub(super) if_match: Option<&'a ETagCondition>,
    pub(super) if_none_match: Option<&'a ETagCondition>,
    pub(super) if_modified_since: Option<&'a Timestamp>,
    pub(super) if_unmodified_since: Option<&'a Timestamp>,
}

impl Conditions<'_> {
    /// In the order of RFC 9110, section 13.2.2.
    pub(super) fn hold(&self, said: &Said) -> S3Result<()> {
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
