//! A match inside one text, before it becomes a finding.

use std::ops::Range;

use cordon_domain::{Confidence, Level, Severity};

/// How far a hit's rule is particular: of two hits on the same bytes the more particular one stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// A name beside a value.
    Generic,
    /// A service's name beside a value of its shape.
    Named,
    /// An open format: a bearer token, a header, a URL.
    Open,
    /// A format that one provider owns.
    Owned,
}

/// A match.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// Index into the engine's table of rules.
    pub(crate) rule: u32,
    /// The secret, or what stands for the finding, in bytes of the text.
    pub(crate) span: Range<usize>,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) detail: Option<String>,
    pub(crate) level: Option<Level>,
    pub(crate) rank: Rank,
}
