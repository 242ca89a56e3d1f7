//! What every byte carries: a level, the projects one must belong to, and where that came from.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::level::Level;
use crate::limits::{LABEL_PROJECTS_MAX, PROJECT_CHARS_MAX};

/// Names a project: who belongs to it has a need to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
#[cbor(transparent)]
pub struct Project(#[n(0)] String);

impl Project {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reports a text that cannot name a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAProject;

impl fmt::Display for NotAProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a project is 1 to {PROJECT_CHARS_MAX} lower-case letters, digits, `-`, `_` or `.`")
    }
}

impl std::error::Error for NotAProject {}

impl FromStr for Project {
    type Err = NotAProject;

    fn from_str(text: &str) -> Result<Self, NotAProject> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > PROJECT_CHARS_MAX || !text.bytes().all(fits) {
            return Err(NotAProject);
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'b, C> Decode<'b, C> for Project {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        decoder.str()?.parse().map_err(minicbor::decode::Error::custom)
    }
}

/// Where a label came from; of two labels of one level that join, the later kind wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// Inspection raised it.
    #[n(0)]
    Inferred,
    /// It came with what the bytes were made from.
    #[n(1)]
    Inherited,
    /// The text states it.
    #[n(2)]
    Marked,
    /// A principal set it.
    #[n(3)]
    Set,
}

/// A level, the projects that a reader must all belong to, and the label's origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Label {
    /// The level.
    #[n(0)]
    pub level: Level,
    /// The projects.
    #[n(1)]
    pub projects: BTreeSet<Project>,
    /// Where it came from.
    #[n(2)]
    pub origin: Origin,
}

impl Label {
    /// Makes a label that a principal set, without projects.
    #[must_use]
    pub const fn of(level: Level) -> Self {
        Self { level, projects: BTreeSet::new(), origin: Origin::Set }
    }

    /// Adds a project.
    #[must_use]
    pub fn with(mut self, project: Project) -> Self {
        self.projects.insert(project);
        self
    }

    /// Returns the label of a copy of both: the higher level, with where that came from, and all projects.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let (level, origin) = (self.level, self.origin).max((other.level, other.origin));
        Self { level, projects: self.projects.union(&other.projects).cloned().collect(), origin }
    }

    /// Tells whether this label lets more people read than `other`: its level is lower, or it lacks a project.
    #[must_use]
    pub fn is_lower_than(&self, other: &Self) -> bool {
        self.level < other.level || !self.projects.is_superset(&other.projects)
    }
}

/// In one word: a level, and projects behind slashes. Where it came from is not told.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level.as_str())?;
        self.projects.iter().try_for_each(|project| write!(f, "/{project}"))
    }
}

/// Reports a text that is no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotALabel;

impl fmt::Display for NotALabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a label is a level and at most {LABEL_PROJECTS_MAX} projects: internal, restricted/atlas")
    }
}

impl std::error::Error for NotALabel {}

/// Reads what [`Label`] is displayed as; whoever wrote it set it.
impl FromStr for Label {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        let mut parts = text.split('/');
        let level = parts.next().unwrap_or_default().parse().map_err(|_| NotALabel)?;
        let projects: BTreeSet<_> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| NotALabel)?;
        let fits = projects.len() <= LABEL_PROJECTS_MAX;
        if fits { Ok(Self { projects, ..Self::of(level) }) } else { Err(NotALabel) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_written_and_read_in_one_word() {
        let label = Label::of(Level::Restricted).with("b".parse().expect("one")).with("a".parse().expect("one"));
        assert_eq!(label.to_string(), "restricted/a/b");
        assert_eq!("restricted/b/a".parse(), Ok(label));
        assert_eq!("internal".parse(), Ok(Label::of(Level::Internal)));
        for wrong in ["", "/", "secret", "internal/", "internal//a", "internal/A", "Internal"] {
            assert_eq!(wrong.parse::<Label>(), Err(NotALabel), "{wrong}");
        }
        let of = |count: usize| (0..count).map(|number| format!("/p{number}")).collect::<String>();
        assert!(format!("public{}", of(LABEL_PROJECTS_MAX)).parse::<Label>().is_ok());
        assert!(format!("public{}", of(LABEL_PROJECTS_MAX + 1)).parse::<Label>().is_err());
    }

    #[test]
    fn a_join_is_never_lower() {
        let claude = Label::of(Level::Internal).with("claude".parse().expect("a project"));
        let plain = Label::of(Level::Restricted);
        let both = claude.join(&plain);
        assert!(!both.is_lower_than(&claude) && !both.is_lower_than(&plain));
        assert!(plain.is_lower_than(&claude), "it lacks a project");
        assert!(claude.is_lower_than(&plain), "its level is lower");
        assert!("Claude".parse::<Project>().is_err() && "".parse::<Project>().is_err());
    }

    #[test]
    fn a_label_reads_back() {
        let label = Label::of(Level::Confidential).with("a.b".parse().expect("a project"));
        let bytes = minicbor::to_vec(&label).expect("encodes");
        assert_eq!(minicbor::decode::<Label>(&bytes).expect("decodes"), label);
    }
}
