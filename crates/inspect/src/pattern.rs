//! A rule's regular expression: what it asks of a text before it is worth compiling, and the compiled form.
//!
//! Most places where an anchor stands hold no match. What every match must have (bytes of a class at its head, a run of
//! bytes of a class anywhere in it) is read off the syntax tree once; a place without it is passed over in tens of
//! nanoseconds, and a pattern whose places all lack it is never compiled.

use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::limits::REGEX_BYTES_MAX;

/// A pattern, compiled when first needed.
#[derive(Debug)]
pub(crate) struct Pattern {
    hir: Hir,
    regex: OnceLock<Option<Regex>>,
    /// Bytes of its longest match, if there is a bound.
    pub(crate) bytes_max: Option<usize>,
    head: Run,
    run: Run,
}

/// So many bytes of a class, one behind the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    class: ByteSet,
    len: usize,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl Pattern {
    /// Reads a pattern over bytes, with ASCII classes.
    ///
    /// # Errors
    ///
    /// It is no regular expression of the supported syntax.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        let hir = parser.parse(pattern).map_err(|error| error.to_string())?;
        Ok(Self {
            bytes_max: hir.properties().maximum_len(),
            head: head(&hir),
            run: run(&hir),
            regex: OnceLock::new(),
            hir,
        })
    }

    /// Returns the compiled form; `None` if it is too large.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| self.compile().ok()).as_ref()
    }

    /// Compiles it, bounded in size.
    ///
    /// # Errors
    ///
    /// It is too large.
    pub(crate) fn compile(&self) -> Result<Regex, String> {
        let config =
            Regex::config().nfa_size_limit(Some(REGEX_BYTES_MAX)).utf8_empty(false).hybrid_cache_capacity(1 << 20);
        Regex::builder().configure(config).build_from_hir(&self.hir).map_err(|error| error.to_string())
    }

    /// Tells whether a match can begin at the first byte of `text`.
    pub(crate) fn may_begin(&self, text: &[u8]) -> bool {
        text.get(..self.head.len).is_some_and(|head| head.iter().all(|byte| self.head.class.has(*byte)))
    }

    /// Tells whether a match can lie in `text`.
    pub(crate) fn may_lie_in(&self, text: &[u8]) -> bool {
        has_run(text, self.run.len, |byte| self.run.class.has(byte))
    }
}

impl ByteSet {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        for byte in bytes {
            if let Some(word) = set.0.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
        }
        set
    }

    fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    fn join(self, other: Self) -> Self {
        let mut set = self;
        set.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        set
    }
}

impl Run {
    fn join(self, other: Self) -> Self {
        Self { class: self.class.join(other.class), len: self.len.saturating_add(other.len) }
    }

    /// How much it rules out, in bits: up to eight for each byte.
    fn weight(&self) -> u32 {
        let bits = 256u32.checked_div(self.class.count()).map_or(0, u32::ilog2);
        bits * self.len.min(1 << 20) as u32
    }
}

/// What every byte of every match belongs to, and how many bytes there are at least.
fn span(hir: &Hir) -> Run {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Run::default(),
        HirKind::Literal(literal) => Run { class: ByteSet::of(literal.0.iter().copied()), len: literal.0.len() },
        HirKind::Class(class) => Run { class: bytes_of(class), len: 1 },
        HirKind::Repetition(repetition) => {
            let sub = span(&repetition.sub);
            Run { len: sub.len.saturating_mul(repetition.min as usize), ..sub }
        }
        HirKind::Capture(capture) => span(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(span).fold(Run::default(), Run::join),
        HirKind::Alternation(parts) => {
            let joined = parts
                .iter()
                .map(span)
                .reduce(|one, other| Run { class: one.class.join(other.class), len: one.len.min(other.len) });
            joined.unwrap_or_default()
        }
    }
}

fn bytes_of(class: &Class) -> ByteSet {
    match class {
        Class::Bytes(class) => ByteSet::of(class.iter().flat_map(|range| range.start()..=range.end())),
        // Every byte of a character may stand in it.
        Class::Unicode(class) if !class.is_ascii() => ByteSet([u64::MAX; 4]),
        Class::Unicode(class) => {
            let range = |range: &regex_syntax::hir::ClassUnicodeRange| range.start() as u8..=range.end() as u8;
            ByteSet::of(class.iter().flat_map(range))
        }
    }
}

/// The parts of a match, in order, as far as there are several.
fn parts(hir: &Hir) -> Vec<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Concat(inner) => inner.iter().flat_map(parts).collect(),
        _ => vec![hir],
    }
}

/// The bytes at the head of every match that rule out most.
fn head(hir: &Hir) -> Run {
    let runs = parts(hir).into_iter().map(span).scan(Run::default(), |sum, part| {
        *sum = sum.join(part);
        Some(*sum)
    });
    runs.max_by_key(Run::weight).unwrap_or_default()
}

/// The bytes, one behind the other in every match, that rule out most.
fn run(hir: &Hir) -> Run {
    let spans: Vec<Run> = parts(hir).into_iter().map(span).collect();
    let tails = (0..spans.len()).filter_map(|start| spans.get(start..));
    let runs = tails.flat_map(|tail| {
        tail.iter().scan(Run::default(), |sum, part| {
            *sum = sum.join(*part);
            Some(*sum)
        })
    });
    runs.max_by_key(Run::weight).unwrap_or_default()
}

/// Tells whether `len` bytes that belong stand one behind the other. Looks from each `len`th byte backwards: all before
/// what breaks a run is stepped over.
pub(crate) fn has_run(text: &[u8], len: usize, belongs: impl Fn(u8) -> bool) -> bool {
    let mut from = 0usize;
    while let Some(window) = text.get(from..from.saturating_add(len)) {
        match window.iter().rposition(|byte| !belongs(*byte)) {
            Some(at) => from += at + 1,
            None => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads(pattern: &str) -> (usize, usize) {
        let pattern = Pattern::parse(pattern).unwrap();
        (pattern.head.len, pattern.run.len)
    }

    #[test]
    fn what_every_match_has_is_read_off_the_pattern() {
        assert_eq!(heads(r"(?:AKIA|ASIA)[A-Z2-7]{16}"), (20, 20));
        assert_eq!(heads(r"(?i)aws[^\n]{0,60}?[^A-Za-z0-9/+]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"), (3, 40));
        assert_eq!(heads(r"key_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}"), (27, 27));
        assert_eq!(heads(r".*"), (0, 0));
    }

    /// Patterns, and what some of their matches look like.
    const PATTERNS: [(&str, &str); 6] = [
        (r"a[0-3]{4,}", r"a[0-3]{4,9}"),
        (r"(?:ab|ba)-?([0-3]{2}x?){3}=", r"(ab|ba)-?([0-3]{2}x?){3}="),
        (r"(?i)AB[^0-3]{0,9}[0-3]{6}", r"(aB|ab)[ax-]{0,9}[0-3]{6}"),
        (r"[ab]+(?:x|=|$)", r"[ab]{1,5}(x|=)"),
        (r"x\s{0,3}(=|-)\s*(a[ab]{3}|[0-3]{5})", r"x {0,3}(=|-) {0,3}(a[ab]{3}|[0-3]{5})"),
        (r"\b0*(1|2){3}\b", r" 0{0,3}(1|2){3} "),
    ];

    fn matching() -> impl Strategy<Value = (usize, String)> {
        let text = |at: usize| format!("[ab0-3x= -]{{0,20}}{}[ab0-3x= -]{{0,20}}", PATTERNS[at].1);
        (0..PATTERNS.len()).prop_flat_map(move |at| {
            (Just(at), proptest::string::string_regex(&text(at)).expect("a pattern that proptest takes"))
        })
    }

    proptest! {
        /// No match is passed over.
        #[test]
        fn a_match_has_what_is_asked((at, text) in matching()) {
            let pattern = Pattern::parse(PATTERNS[at].0).unwrap();
            let found: Vec<_> = pattern.regex().unwrap().find_iter(text.as_bytes()).collect();
            prop_assert!(!found.is_empty(), "{text}");
            for found in found {
                prop_assert!(pattern.may_begin(&text.as_bytes()[found.start()..]));
                prop_assert!(pattern.may_lie_in(&text.as_bytes()[found.range()]));
                prop_assert!(pattern.may_lie_in(text.as_bytes()));
            }
        }
    }
}
