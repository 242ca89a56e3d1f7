//! What is known of a version by looking into it.
//!
//! Nothing of the content itself stands here: which rule found something, and where, but neither the text nor the names of
//! what a container holds.

use std::collections::BTreeSet;
use std::fmt;

use minicbor::{Decode, Encode};

use crate::finding::Kind;
use crate::id::{CodenameId, PrincipalId, VersionId};
use crate::label::{Label, Origin};
use crate::level::Level;
use crate::limits::{COPIED_MAX, FOUND_MAX, LABEL_PROJECTS_MAX, NAMED_MAX, RULE_NAME_BYTES_MAX};
use crate::time::Moment;

/// Something that was found in a version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Found {
    /// What sort of thing it is.
    #[n(0)]
    pub kind: Kind,
    /// The rule that found it.
    #[n(1)]
    pub rule: String,
    /// The level that what holds it has at least.
    #[n(2)]
    pub level: Level,
    /// The line, from 1.
    #[n(3)]
    pub line: u64,
    /// The column, from 1, in characters.
    #[n(4)]
    pub column: u64,
    /// How long it is, in bytes.
    #[n(5)]
    pub bytes: u64,
    /// In how many containers within one another it lies: 0 for the version itself.
    #[n(6)]
    pub depth: u8,
    /// The known version that it is a copy of.
    #[n(7)]
    pub of: Option<VersionId>,
    /// The codename that it mentions.
    #[n(8)]
    pub named: Option<CodenameId>,
}

impl Found {
    /// That all of a version is the content of a known one.
    #[must_use]
    pub fn same_content(of: VersionId, level: Level) -> Self {
        let rule = "same-content".to_owned();
        Self { kind: Kind::Copy, rule, level, line: 1, column: 1, bytes: 0, depth: 0, of: Some(of), named: None }
    }
}

/// What a look into all of a version gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Looked {
    /// What was found, the highest level first; at most [`FOUND_MAX`].
    #[n(0)]
    pub found: Vec<Found>,
    /// What was found beyond that.
    #[n(1)]
    pub more: u64,
    /// Parts that could not be read: encrypted, damaged, beyond a bound.
    #[n(2)]
    pub unread: u64,
    /// All known versions that it holds copies of, in their order; at most [`COPIED_MAX`].
    #[n(3)]
    pub of: Option<BTreeSet<VersionId>>,
    /// All codenames that it mentions, in their order; at most [`NAMED_MAX`].
    #[n(4)]
    pub named: Option<BTreeSet<CodenameId>>,
    /// It holds model weights, itself or in what it contains; that is told though it be crowded out of what was found.
    #[cbor(n(5), default)]
    pub weights: bool,
}

/// The least level of what could not be read wholly.
const UNREAD_LEVEL: Level = Level::Confidential;

impl Looked {
    /// Adds something that was found: the most important is kept, the rest counted.
    pub fn add(&mut self, found: Found) {
        if let Some(version) = found.of {
            self.of.get_or_insert_default().insert(version);
        }
        self.weights |= found.kind == Kind::Weights;
        if let Some(codename) = found.named {
            self.named.get_or_insert_default().insert(codename);
        }
        // What holds more than can be told apart is not wholly read.
        let dropped = drop_beyond(&mut self.of, COPIED_MAX) + drop_beyond(&mut self.named, NAMED_MAX);
        self.unread = self.unread.saturating_add(dropped);
        let rank = |one: &Found| (std::cmp::Reverse(one.level), one.line, one.column);
        let place = self.found.partition_point(|kept| rank(kept) <= rank(&found));
        self.found.insert(place, found);
        if self.found.len() > FOUND_MAX {
            self.found.truncate(FOUND_MAX);
            self.more = self.more.saturating_add(1);
        }
    }

    /// Returns the known versions that it holds copies of.
    pub fn copied(&self) -> impl Iterator<Item = &VersionId> {
        self.of.iter().flatten()
    }

    /// Tells whether it holds model weights.
    #[must_use]
    pub fn has_weights(&self) -> bool {
        self.weights || self.found.iter().any(|found| found.kind == Kind::Weights)
    }

    /// Returns the codenames that it mentions.
    pub fn named(&self) -> impl Iterator<Item = &CodenameId> {
        self.named.iter().flatten()
    }

    /// What is known of something into which nobody could look.
    #[must_use]
    pub fn unreadable() -> Self {
        Self { unread: 1, ..Self::default() }
    }

    /// Tells whether it is as short as it must be, and names rules in few signs: nothing of what was looked into is told in such
    /// a name.
    pub(crate) fn is_bounded(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = |found: &Found| found.rule.len() <= RULE_NAME_BYTES_MAX && found.rule.bytes().all(plain);
        let few = self.copied().count() <= COPIED_MAX && self.named().count() <= NAMED_MAX;
        self.found.len() <= FOUND_MAX && few && self.found.iter().all(fits)
    }

    /// Tells whether there is anything to say.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.found.is_empty() && self.unread == 0
    }

    /// Returns the label that a version of `label` gets, if that is too low; what holds a copy of known versions, or mentions codenames, is
    /// of their projects, too, as many as a label may have: who belongs to all of those is nobody. A label is never lowered.
    #[must_use]
    pub fn raised<'a>(&self, label: &Label, known: impl IntoIterator<Item = &'a Label>) -> Option<Label> {
        let found = self.found.iter().map(|found| (found.level, found.kind == Kind::Marking));
        let unread = (self.unread > 0).then_some((UNREAD_LEVEL, false));
        let (least, marked) = found.chain(unread).max()?;
        let mut projects = label.projects.clone();
        for project in known.into_iter().flat_map(|known| &known.projects) {
            if projects.len() < LABEL_PROJECTS_MAX {
                projects.insert(project.clone());
            }
        }
        let origin = match (least > label.level, marked) {
            (false, _) => label.origin,
            (true, true) => Origin::Marked,
            (true, false) => Origin::Inferred,
        };
        let raised = Label { level: label.level.max(least), origin, projects };
        (raised != *label).then_some(raised)
    }
}

/// Leaves out the last of those that are too many, and says how many.
fn drop_beyond<T: Ord>(all: &mut Option<BTreeSet<T>>, most: usize) -> u64 {
    let Some(all) = all.as_mut().filter(|all| all.len() > most) else { return 0 };
    let before = all.len();
    while all.len() > most {
        all.pop_last();
    }
    (before - all.len()) as u64
}

/// Rules and places, and nothing of the content.
impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.iter().map(|one| format!("{} at {}:{}", one.rule, one.line, one.column));
        let more = (self.more > 0).then(|| format!("{} more", self.more));
        let unread = (self.unread > 0).then(|| format!("{} parts that cannot be read", self.unread));
        let all: Vec<String> = found.chain(more).chain(unread).collect();
        f.write_str(if all.is_empty() { "nothing was found" } else { "" })?;
        f.write_str(&all.join(", "))
    }
}

/// A version that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Inspected {
    /// When.
    #[n(0)]
    pub at: Moment,
    /// What it gave.
    #[n(1)]
    pub looked: Looked,
    /// The label that it had, when that was raised.
    #[n(2)]
    pub before: Option<Label>,
    /// Who said that it is not what it seems.
    #[n(3)]
    pub released: Option<Released>,
    /// The label that it got, when that was raised.
    #[n(4)]
    pub got: Option<Label>,
    /// The label that it would have got, where its bucket observes what is found.
    #[n(5)]
    pub would: Option<Label>,
}

/// What was found, and what that would have done.
impl fmt::Display for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.looked.fmt(f)?;
        match &self.would {
            Some(would) => write!(f, "; observed, and not raised to {would}"),
            None => Ok(()),
        }
    }
}

/// That a version is not what it seems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Released {
    /// Who said so. Why, and who approved, is on record.
    #[n(0)]
    pub by: PrincipalId,
    /// When.
    #[n(1)]
    pub at: Moment,
}

impl Inspected {
    /// What was looked into at a moment, and needs no other label.
    #[must_use]
    pub const fn at(at: Moment, looked: Looked) -> Self {
        Self { at, looked, before: None, released: None, got: None, would: None }
    }

    /// Tells whether it is held: what was found in it raised its label, and nobody released it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.released.is_none() && self.before.is_some()
    }

    /// Tells whether what was found in it would have raised its label.
    #[must_use]
    pub const fn is_observed(&self) -> bool {
        self.would.is_some()
    }
}

/// What is known of a version by looking into it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Inspection {
    /// Nothing yet: only its writer reads it.
    #[n(0)]
    Pending,
    /// It was looked into.
    #[n(1)]
    Done(#[n(0)] Box<Inspected>),
}

impl Inspection {
    /// Tells whether a look found model weights.
    #[must_use]
    pub fn found_weights(&self) -> bool {
        matches!(self, Self::Done(inspected) if inspected.looked.has_weights())
    }

    /// Tells whether a version may be made public: it was looked into, and nothing was found in it, or two people said that it
    /// is not what it seems.
    #[must_use]
    pub fn may_be_public(&self) -> bool {
        match self {
            Self::Pending => false,
            Self::Done(inspected) => inspected.looked.is_clean() || inspected.released.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Seen;

    fn looked(found: Vec<Found>) -> Looked {
        let mut looked = Looked::default();
        found.into_iter().for_each(|one| looked.add(one));
        looked
    }

    fn found(kind: Kind, level: Level) -> Found {
        Found { kind, rule: "a-rule".to_owned(), level, line: 1, column: 1, bytes: 1, depth: 0, of: None, named: None }
    }

    #[test]
    fn a_label_is_raised_to_what_was_found_and_never_lowered() {
        let label = |level| Label::of(level).with("atlas".parse().expect("a project"));
        let both = looked(vec![found(Kind::Marking, Level::Public), found(Kind::Secret, Level::Confidential)]);
        let raised = both.raised(&label(Level::Internal), []).expect("raised");
        assert_eq!(raised, Label { origin: Origin::Inferred, ..label(Level::Confidential) });
        assert_eq!(both.raised(&label(Level::Confidential), []), None);
        assert_eq!(both.raised(&label(Level::Restricted), []), None);
        let marked = looked(vec![found(Kind::Secret, Level::Confidential), found(Kind::Marking, Level::Confidential)]);
        assert_eq!(marked.raised(&label(Level::Public), []).expect("raised").origin, Origin::Marked);
        let unread = Looked::unreadable().raised(&label(Level::Internal), []).expect("raised");
        assert_eq!((unread.level, unread.origin), (Level::Confidential, Origin::Inferred));
        assert_eq!(Looked::default().raised(&label(Level::Public), []), None);
        let copied = looked(vec![found(Kind::Copy, Level::Restricted)]);
        let known = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
        let both = label(Level::Restricted).with("heron".parse().expect("a project"));
        let raised = copied.raised(&label(Level::Internal), [&known]).expect("raised");
        assert_eq!(raised, Label { origin: Origin::Inferred, ..both.clone() });
        let raised = copied.raised(&label(Level::Restricted), [&known]).expect("raised");
        assert_eq!((raised.origin, &raised), (Origin::Set, &both), "its level is what it was");
        assert_eq!(copied.raised(&both, [&known]), None);
        let many: Vec<Label> = (0..LABEL_PROJECTS_MAX + 9)
            .map(|number| Label::of(Level::Restricted).with(format!("p{number}").parse().expect("a project")))
            .collect();
        let raised = copied.raised(&label(Level::Internal), &many).expect("raised");
        assert_eq!(raised.projects.len(), LABEL_PROJECTS_MAX);
    }

    #[test]
    fn the_highest_are_kept_and_the_others_counted() {
        let mut all = vec![found(Kind::Secret, Level::Internal); FOUND_MAX + 2];
        all.push(found(Kind::Codename, Level::Restricted));
        let kept = looked(all);
        assert_eq!((kept.found.len(), kept.more), (FOUND_MAX, 3));
        assert_eq!(kept.found[0].level, Level::Restricted);
        assert!(kept.found.is_sorted_by_key(|one| std::cmp::Reverse(one.level)));
    }

    /// However much else is found, of all that was copied it is known what it was.
    #[test]
    fn every_known_version_is_told_up_to_a_bound() {
        let copy =
            |number: usize| Found { of: Some(VersionId([number as u8; 16])), ..found(Kind::Copy, Level::Restricted) };
        let many = looked((0..COPIED_MAX).chain(0..COPIED_MAX).map(copy).collect());
        assert_eq!((many.found.len(), many.copied().count(), many.unread), (FOUND_MAX, COPIED_MAX, 0));
        let more = looked((0..COPIED_MAX + 1).map(copy).collect());
        assert_eq!((more.copied().count(), more.unread), (COPIED_MAX, 1), "more than can be told apart");
        let name = |number: usize| Found {
            named: Some(CodenameId([number as u8; 16])),
            ..found(Kind::Codename, Level::Internal)
        };
        let many = looked((0..NAMED_MAX + 2).chain(0..2).map(name).collect());
        assert_eq!((many.named().count(), many.unread), (NAMED_MAX, 2));
        assert_eq!(many.named().next(), Some(&CodenameId([0; 16])));
    }

    #[test]
    fn what_a_worker_says_is_bounded() {
        let read = |bytes: &[u8]| Seen::read(bytes).map(|seen| seen.looked);
        let encoded = |looked: &Looked| minicbor::to_vec(Seen::from(looked.clone())).expect("encodes");
        let good = Looked { unread: 2, ..looked(vec![found(Kind::Copy, Level::Restricted)]) };
        assert_eq!(read(&encoded(&good)), Some(good));
        let telling = Found { rule: "The plan is to".to_owned(), ..found(Kind::Copy, Level::Public) };
        assert_eq!(read(&encoded(&looked(vec![telling]))), None);
        let many = Looked { found: vec![found(Kind::Copy, Level::Restricted); FOUND_MAX + 1], ..Looked::default() };
        assert_eq!(read(&encoded(&many)), None);
        let long = Found { rule: "r".repeat(RULE_NAME_BYTES_MAX + 1), ..found(Kind::Copy, Level::Public) };
        assert_eq!(read(&encoded(&Looked { found: vec![long], ..Looked::default() })), None);
        assert_eq!(read(b"nonsense"), None);
    }

    #[test]
    fn what_is_known_reads_back() {
        let inspected = Inspected {
            at: Moment(7),
            looked: Looked::unreadable(),
            before: Some(Label::of(Level::Internal)),
            released: Some(Released { by: PrincipalId([1; 16]), at: Moment(9) }),
            got: Some(Label::of(Level::Confidential)),
            would: None,
        };
        assert!(!inspected.is_observed());
        assert!(Inspected { would: Some(Label::of(Level::Restricted)), ..inspected.clone() }.is_observed());
        let held = Inspected { released: None, ..inspected.clone() };
        assert!(!inspected.is_held() && held.is_held());
        let public = |one: &Inspected| Inspection::Done(Box::new(one.clone())).may_be_public();
        assert!(public(&inspected) && !public(&held) && !Inspection::Pending.may_be_public());
        assert!(public(&Inspected::at(Moment(7), Looked::default())));
        assert!(!public(&Inspected { before: None, ..held }), "found, though its label was high enough");
        for inspection in [Inspection::Pending, Inspection::Done(Box::new(inspected))] {
            let bytes = minicbor::to_vec(&inspection).expect("encodes");
            assert_eq!(minicbor::decode::<Inspection>(&bytes).expect("decodes"), inspection);
        }
    }
}
