//! Conditions of requests: what whoever asks has already, or wants to be there.

use cordon_store::entries::Said;
use cordon_vault::put::{Content, OnlyIf};
use hyper::HeaderMap;
use hyper::header::HeaderName;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::said::{moment, tag};

/// The conditions of a request that has fields for them.
macro_rules! conditions {
    ($input:ident: $is:ident, $is_not:ident, $since:ident, $not_since:ident) => {
        $crate::s3::conditions::Conditions {
            if_match: $input.$is.as_ref(),
            if_none_match: $input.$is_not.as_ref(),
            if_modified_since: $input.$since.as_ref(),
            if_unmodified_since: $input.$not_since.as_ref(),
        }
    };
}
pub(super) use conditions;

/// What is asked to be there: one tag, or anything. A list of tags would be read as one that nothing has.
pub(super) fn content(condition: ETagCondition) -> S3Result<Content> {
    match condition {
        ETagCondition::Any => Ok(Content::Any),
        ETagCondition::ETag(tag) if tag.value().contains('"') => {
            Err(s3_error!(InvalidArgument, "a condition of a write names one tag"))
        }
        ETagCondition::ETag(tag) => Ok(Content::Tag(tag.into_value())),
    }
}

/// What a name must lead to for a write to be made.
pub(super) fn only_if(is: Option<ETagCondition>, is_not: Option<ETagCondition>) -> S3Result<OnlyIf> {
    Ok(OnlyIf { is: is.map(content).transpose()?, is_not: is_not.map(content).transpose()? })
}

/// The same, of a request whose form has no fields for it.
pub(super) fn only_if_by(headers: &HeaderMap) -> S3Result<OnlyIf> {
    let wrong = || s3_error!(InvalidArgument, "a condition is one tag, or `*`");
    let read = |name: HeaderName| {
        let mut lines = headers.get_all(name).iter();
        let condition = lines.next().map(|value| ETagCondition::parse_http_header(value.as_bytes()));
        match lines.next() {
            None => condition.transpose().map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    };
    only_if(read(hyper::header::IF_MATCH)?, read(hyper::header::IF_NONE_MATCH)?)
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

    /// The same for what is copied, of which nobody has anything yet.
    pub(super) fn hold_of_source(&self, said: &Said) -> S3Result<()> {
        self.hold(said).map_err(|error| match error.code() {
            S3ErrorCode::NotModified => s3_error!(PreconditionFailed),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_of_a_write_is_one_tag() {
        let by = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(hyper::header::IF_NONE_MATCH, line.parse().expect("a value"));
            }
            only_if_by(&headers).map(|only_if| only_if.is_not)
        };
        assert_eq!(by(&[]).expect("none"), None);
        assert_eq!(by(&["*"]).expect("any"), Some(Content::Any));
        assert_eq!(by(&["\"a-1\""]).expect("a tag"), Some(Content::Tag("a-1".to_owned())));
        assert!(by(&["\"a\", \"b\""]).is_err() && by(&["\"a\"", "\"b\""]).is_err());
    }
}
