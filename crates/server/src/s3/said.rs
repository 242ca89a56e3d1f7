//! What is said of an object beside its bytes: headers that are given back, and what its writer says.

use cordon_domain::{Label, Level, Moment, Project};
use cordon_store::entries::Said;
use s3s::dto::{ETag, Metadata, Timestamp};
use s3s::{S3Result, s3_error};

/// Under this name a writer asks for a label, and a reader is told it: `restricted/atlas`.
pub(super) const LABEL: &str = "cordon-label";
/// Before what a writer says of an object.
const OWN: &str = "x-amz-meta-";

/// Headers of an object, as they are kept.
#[derive(Default)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    /// Adds a header, if it was given.
    pub(super) fn with(mut self, name: &str, value: Option<impl Into<String>>) -> Self {
        self.0.extend(value.map(|value| (name.to_owned(), value.into())));
        self
    }

    /// Adds what a writer says. What asks for a label is taken out.
    pub(super) fn with_own(mut self, own: Option<Metadata>) -> S3Result<(Self, Option<Label>)> {
        let mut label = None;
        let mut own: Vec<_> = own.into_iter().flatten().collect();
        own.sort_unstable();
        for (name, value) in own {
            match name.eq_ignore_ascii_case(LABEL) {
                true => label = Some(read_label(&value)?),
                false => self.0.push((format!("{OWN}{name}"), value)),
            }
        }
        Ok((self, label))
    }
}

/// Reads a label as it is written: a level, and projects behind slashes.
pub(super) fn read_label(text: &str) -> S3Result<Label> {
    let wrong = || s3_error!(InvalidArgument, "a label is a level and projects: internal, restricted/atlas");
    let mut parts = text.split('/');
    let level: Level = parts.next().unwrap_or_default().parse().map_err(|_| wrong())?;
    let projects: Result<_, _> = parts.map(str::parse::<Project>).collect();
    Ok(Label { projects: projects.map_err(|_| wrong())?, ..Label::of(level) })
}

fn written(label: &Label) -> String {
    let projects = label.projects.iter().map(Project::as_str);
    std::iter::once(label.level.as_str()).chain(projects).collect::<Vec<_>>().join("/")
}

/// Returns a header that was kept.
pub(super) fn header(said: &Said, name: &str) -> Option<String> {
    said.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
}

/// What the writer said, and the label.
pub(super) fn own(said: &Said, label: &Label) -> Metadata {
    let own = said.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(OWN)?, value)));
    let own = own.map(|(name, value)| (name.to_owned(), value.clone()));
    own.chain([(LABEL.to_owned(), written(label))]).collect()
}

/// What tells its content from another.
pub(super) fn tag(said: &Said) -> ETag {
    ETag::Strong(said.tag.clone())
}

/// A moment, as S3 writes one: a header tells it in whole seconds.
pub(super) fn moment(at: Moment) -> Timestamp {
    let since = std::time::Duration::from_millis(at.0.max(0) as u64);
    Timestamp::from(std::time::SystemTime::UNIX_EPOCH + since)
}
