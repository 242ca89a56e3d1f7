//! What is said of an object beside its bytes: headers that are given back, and what its writer says.

use cordon_domain::label::NotALabel;
use cordon_domain::{Inspection, Label, Moment};
use cordon_store::entries::{RECOGNISE, Said, asks_to_recognise};
use s3s::dto::{ETag, Metadata, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

use super::tags::Tags;

/// Under this name a writer asks for a label, and a reader is told it: `restricted/atlas`.
pub(super) const LABEL: &str = "cordon-label";
/// Under this name a reader is told what is known of it by looking into it.
const INSPECTION: &str = "cordon-inspection";
/// How a writer asks that copies of an object are recognised.
const YES: &str = "yes";
/// Before what a writer says of an object.
const OWN: &str = "x-amz-meta-";
/// A body that comes in pieces, each signed.
const CHUNKED: &str = "aws-chunked";
const EXPIRES: &str = "expires";

/// The headers that are given back, of a request that has fields for them: uploads, at once or in parts, and copies.
macro_rules! given {
    ($input:ident) => {
        $crate::s3::said::Headers::default()
            .with("content-type", $input.content_type)
            .with("cache-control", $input.cache_control)
            .with("content-disposition", $input.content_disposition)
            .with_coding($input.content_encoding)
            .with("content-language", $input.content_language)
            .with_expiry($input.expires.as_ref())
    };
}
pub(super) use given;

/// Headers of an object, as they are kept.
#[derive(Default)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    /// Adds a header, if it was given.
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<String>>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value.into())));
        self
    }

    /// Adds how the content is coded. What a client does to a body for the way is no part of it.
    pub(super) fn with_coding(self, coding: Option<String>) -> Self {
        let codings = coding.iter().flat_map(|all| all.split(',')).map(str::trim);
        let kept: Vec<&str> = codings.filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case(CHUNKED)).collect();
        self.with("content-encoding", Some(kept.join(", ")).filter(|kept| !kept.is_empty()))
    }

    /// Adds until when a copy of it serves.
    pub(super) fn with_expiry(self, at: Option<&Timestamp>) -> Self {
        let mut text = Vec::new();
        let text = at.and_then(|at| at.format(TimestampFormat::HttpDate, &mut text).ok().map(|()| text));
        self.with(EXPIRES, text.and_then(|text| String::from_utf8(text).ok()))
    }

    /// Adds what a writer says. What asks for a label is taken out, and what they were told of an inspection.
    pub(super) fn with_own(mut self, own: Option<Metadata>) -> S3Result<(Self, Option<Label>)> {
        let mut label = None;
        let mut own: Vec<_> = own.into_iter().flatten().collect();
        own.sort_unstable();
        for (name, value) in own {
            match name.to_ascii_lowercase().as_str() {
                LABEL => label = Some(read_label(&value)?),
                INSPECTION => {}
                RECOGNISE => self = self.recognised(&value)?,
                _ => self.0.push((format!("{OWN}{name}"), value)),
            }
        }
        Ok((self, label))
    }

    /// Keeps that copies are to be recognised, if that is what tags say.
    pub(super) fn asked_by(self, tags: Option<&Tags>) -> S3Result<Self> {
        match tags.map(Tags::recognise).transpose()?.flatten() {
            Some(asked) => self.recognised(asked),
            None => Ok(self),
        }
    }

    /// Keeps it of what is copied with its tags.
    pub(super) fn asked_before(self, said: &Said) -> S3Result<Self> {
        if asks_to_recognise(&said.headers) { self.recognised(YES) } else { Ok(self) }
    }

    fn recognised(mut self, asked: &str) -> S3Result<Self> {
        if asked != YES {
            return Err(s3_error!(InvalidArgument, "{RECOGNISE} is {YES}, or is not said"));
        }
        self.0.retain(|(name, _)| name != RECOGNISE);
        Ok(self.with(RECOGNISE, Some(YES)))
    }
}

/// What asks for a label: what the writer says of the object, and its tags.
pub(super) fn asked_label(said: Option<Label>, tags: Option<&Tags>) -> S3Result<Option<Label>> {
    let tagged = tags.map(Tags::label).transpose()?.flatten();
    Ok(match (said, tagged) {
        (Some(said), Some(tagged)) => Some(said.join(&tagged)),
        (said, tagged) => said.or(tagged),
    })
}

/// Reads a label as it is written: a level, and projects behind slashes.
pub(super) fn read_label(text: &str) -> S3Result<Label> {
    text.parse().map_err(|error: NotALabel| s3_error!(InvalidArgument, "{error}"))
}

/// Returns a header that was kept.
pub(super) fn header(said: &Said, name: &str) -> Option<String> {
    said.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
}

/// Until when a copy of it serves.
pub(super) fn expiry(said: &Said) -> Option<Timestamp> {
    header(said, EXPIRES).and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok())
}

/// What is known by looking into it, in one word; nothing where nobody looks.
fn inspected(said: &Said) -> Option<&'static str> {
    Some(match said.inspection.as_ref()? {
        Inspection::Pending => "pending",
        Inspection::Done(done) if done.is_held() => "held",
        Inspection::Done(done) if done.is_observed() => "observed",
        Inspection::Done(done) if done.released.is_some() => "released",
        Inspection::Done(done) if done.looked.unread > 0 => "unread",
        Inspection::Done(_) => "done",
    })
}

/// What the writer said, the label, and what is known by looking into it.
pub(super) fn own(said: &Said, label: &Label) -> Metadata {
    let own = said.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(OWN)?, value)));
    let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
    let inspected = inspected(said).map(|word| (INSPECTION.to_owned(), word.to_owned()));
    let recognised = header(said, RECOGNISE).map(|yes| (RECOGNISE.to_owned(), yes));
    own.chain([(LABEL.to_owned(), label.to_string())]).chain(inspected).chain(recognised).collect()
}

/// What tells its content from another.
pub(super) fn tag(said: &Said) -> ETag {
    ETag::Strong(said.tag.clone())
}

/// A moment, as S3 writes one: a header tells it in whole seconds.
pub(crate) fn moment(at: Moment) -> Timestamp {
    let since = std::time::Duration::from_millis(at.0.max(0) as u64);
    Timestamp::from(std::time::SystemTime::UNIX_EPOCH + since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_does_for_the_way_is_no_part_of_an_object() {
        let kept =
            |coding: &str| Headers::default().with_coding(Some(coding.to_owned())).0.pop().map(|(_, value)| value);
        assert_eq!(kept("gzip, aws-chunked").as_deref(), Some("gzip"));
        assert_eq!(kept("AWS-chunked,deflate , gzip").as_deref(), Some("deflate, gzip"));
        assert_eq!(kept("aws-chunked, aws-chunked"), None);
        assert_eq!(kept(""), None);
    }
}
