//! Anchors to hits: each place where a rule could match is judged by the bytes around it.
//!
//! What is judged sees a window of the text, as wide as its kind of rule may reach, and nothing else: so a hit, or that
//! there is none, can be carried over from a base to a text made from it. Rules whose matches have no bound see the
//! whole text, and are tried in every text anew.

use std::ops::Range;

use cordon_domain::{Confidence, Severity};
use regex_automata::{Anchored, Input};

use crate::assign::{self, Topic};
use crate::change::Change;
use crate::decode::Run;
use crate::engine::{Engine, Target};
use crate::hints::Hints;
use crate::hit::{Hit, Rank};
use crate::limits::{HITS_PER_PIECE_MAX, MATCH_BYTES_MAX, MATCHES_PER_PIECE_MAX, WINDOW_BYTES_MAX};
use crate::pattern::Pattern;
use crate::personal::Candidates;
use crate::rule::{Check, Named, Reach, Rule};
use crate::{checks, marking, named, rules, value};

/// What an inspection learnt of a text, for texts that are made from it.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub(crate) hints: Hints,
    spots: Vec<Spot>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) people: Candidates,
    pub(crate) runs: Vec<Run>,
    /// Hits that were not kept: such a text is no base.
    pub(crate) overflow: u64,
}

impl Trace {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.spots.len() * size_of::<Spot>()
            + self.hits.len() * 2 * size_of::<Hit>()
            + (self.people.numbers.len() + 2 * self.people.addresses.len()) * size_of::<usize>()
            + self.runs.len() * size_of::<Run>()
    }
}

/// A text that was inspected, and how the one at hand was made from it.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// What was learnt of it.
    pub trace: &'a Trace,
    /// What stayed.
    pub change: &'a Change,
}

/// Where an anchor stands, what came of it, and what that depended on.
#[derive(Clone, Copy, Debug)]
struct Spot {
    start: u32,
    anchor: u32,
    outcome: Outcome,
    /// Bytes before and behind the start that were looked at.
    before: u16,
    after: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    /// The index of a hit.
    Hit(u32),
    /// Not judged yet, or to be judged in every text anew.
    Open,
}

/// Where the last match of each rule without bound ended.
type Done = Vec<(u32, usize)>;

/// How much of the text around an anchor is looked at.
enum Window {
    /// Bytes before its start and behind its end.
    Near(usize, usize),
    /// As much as there is.
    Whole,
}

/// Bytes beyond a match that tell whether it is cut out of something longer.
const BORDER_BYTES: usize = 32;

impl Engine {
    /// Finds the anchors of `text` and judges them; fills all of `trace` but candidates and runs.
    pub(crate) fn search(&self, text: &[u8], hints: Hints, base: Option<Base<'_>>, trace: &mut Trace) {
        trace.hints = hints;
        trace.hits.clear();
        trace.spots.clear();
        trace.overflow = 0;
        match base {
            Some(base) => self.carry_spots(text, base, trace),
            None => self.anchors.scan(text, |start, anchor| trace.spots.push(Spot::open(start, anchor))),
        }
        // What was carried over and found again stands once, as it was.
        trace.spots.sort_by_key(|spot| (spot.start, spot.anchor));
        trace.spots.dedup_by_key(|spot| (spot.start, spot.anchor));
        let mut done = Vec::new();
        for spot in &mut trace.spots {
            if spot.outcome == Outcome::Open
                && let Some((hit, window)) = self.judge_spot(text, *spot, hints, &mut done)
            {
                let outcome = match hit {
                    Some(_) if trace.hits.len() >= HITS_PER_PIECE_MAX => {
                        trace.overflow += 1;
                        Outcome::Nothing
                    }
                    Some(hit) => {
                        trace.hits.push(hit);
                        Outcome::Hit(trace.hits.len() as u32 - 1)
                    }
                    None => Outcome::Nothing,
                };
                if let Window::Near(before, after) = window
                    && let (Ok(before), Ok(after)) = (u16::try_from(before), u16::try_from(after))
                {
                    *spot = Spot { outcome, before, after, ..*spot };
                }
            }
        }
    }

    /// Takes over what stands in copied parts, and looks for anchors in the gaps.
    fn carry_spots(&self, text: &[u8], base: Base<'_>, trace: &mut Trace) {
        let Base { trace: old, change } = base;
        change.carry(
            &old.spots,
            |spot| spot.start as usize,
            |spot, part| {
                let at = spot.start as usize;
                let start = part.moved(at) as u32;
                if spot.outcome == Outcome::Open || !part.holds(&(at..at), spot.before.into(), spot.after.into()) {
                    // An anchor of three bytes is seen with the one behind it.
                    let len = self.anchors.anchor(spot.anchor).map_or(0, |(len, _)| len + 1);
                    if part.holds(&(at..at), 0, len) {
                        trace.spots.push(Spot::open(start as usize, spot.anchor));
                    }
                    return;
                }
                let hit = match spot.outcome {
                    Outcome::Hit(index) => old.hits.get(index as usize),
                    Outcome::Nothing | Outcome::Open => None,
                };
                let outcome = hit.map_or(Outcome::Nothing, |hit| {
                    if trace.hits.len() >= HITS_PER_PIECE_MAX {
                        trace.overflow += 1;
                        return Outcome::Nothing;
                    }
                    let span = part.moved(hit.span.start)..part.moved(hit.span.end);
                    trace.hits.push(Hit { span, ..hit.clone() });
                    Outcome::Hit(trace.hits.len() as u32 - 1)
                });
                trace.spots.push(Spot { start, outcome, ..*spot });
            },
        );
        let reach = self.anchors.longest() + 1;
        for range in change.fresh(0, reach, text.len()) {
            let end = text.len().min(range.end + reach);
            self.anchors.scan(text.get(range.start..end).unwrap_or_default(), |start, anchor| {
                if start < range.len() {
                    trace.spots.push(Spot::open(range.start + start, anchor));
                }
            });
        }
    }

    /// What `target` may look at: never more than it says here.
    fn window(&self, target: &Target) -> Window {
        match *target {
            Target::Rule(index) => self.rule_window(index),
            Target::Named(_) => Window::Near(named::WINDOW.0, named::WINDOW.1),
            Target::Assign(_) => Window::Near(assign::WINDOW.0, assign::WINDOW.1),
            Target::Marking => Window::Near(marking::LINE_BYTES_MAX + 1, marking::LINE_BYTES_MAX + 1),
        }
    }

    fn rule_window(&self, index: u32) -> Window {
        let (Some(rule), Some(pattern)) = (self.rules.get(index as usize), self.pattern(index)) else {
            return Window::Near(0, 0);
        };
        match (rule.reach, pattern.bytes_max) {
            (Reach::Around(before, behind), _) => {
                Window::Near(usize::from(before) + BORDER_BYTES, usize::from(behind) + BORDER_BYTES)
            }
            (Reach::Begins, Some(bytes)) if bytes <= WINDOW_BYTES_MAX => {
                Window::Near(BORDER_BYTES, bytes.max(WORTH_BYTES) + BORDER_BYTES)
            }
            (Reach::Begins, _) => Window::Whole,
        }
    }

    /// Judges an anchor; tells how much it looked at, measured from the anchor's start.
    fn judge_spot(&self, text: &[u8], spot: Spot, hints: Hints, done: &mut Done) -> Option<(Option<Hit>, Window)> {
        let (len, target) = self.anchors.anchor(spot.anchor)?;
        let at = spot.start as usize;
        let Window::Near(before, after) = self.window(target) else {
            let Target::Rule(index) = *target else { return None };
            return Some((self.try_whole(text, at..at + len, index, hints, done), Window::Whole));
        };
        let low = at.saturating_sub(before);
        let window = text.get(low..text.len().min(at + len + after))?;
        let anchor = at - low..at - low + len;
        if continues_run(window, &anchor) {
            return Some((None, Window::Near(before, len + after)));
        }
        let hit = match *target {
            Target::Rule(index) => self.try_rule(window, anchor, index, hints).and_then(|(_, hit)| hit),
            Target::Named(service) => self.try_named(window, anchor, service, hints),
            Target::Assign(topic) => self.try_assign(window, anchor, topic, hints),
            Target::Marking => self.try_marking(window, anchor, hints),
        };
        let hit = hit.map(|hit| Hit { span: hit.span.start + low..hit.span.end + low, ..hit });
        Some((hit, Window::Near(before, len + after)))
    }

    /// A rule without bound: an anchor within its last match is not tried again.
    fn try_whole(&self, text: &[u8], anchor: Range<usize>, index: u32, hints: Hints, done: &mut Done) -> Option<Hit> {
        let known = done.iter().position(|(rule, _)| *rule == index);
        if known.and_then(|at| done.get(at)).is_some_and(|(_, end)| anchor.start < *end) {
            return None;
        }
        let (end, hit) = self.try_rule(text, anchor, index, hints)?;
        match known.and_then(|at| done.get_mut(at)) {
            Some(slot) => slot.1 = end,
            None => done.push((index, end)),
        }
        hit
    }

    /// Tries a rule at an anchor; where its pattern matches, tells where the match ends, and the hit if there is one.
    fn try_rule(&self, text: &[u8], anchor: Range<usize>, index: u32, hints: Hints) -> Option<(usize, Option<Hit>)> {
        let rule = self.rules.get(index as usize)?;
        if !is_worth(rule, text, &anchor) || rule.reach == Reach::Begins && is_cut(text, anchor.start) {
            return None;
        }
        let pattern = self.pattern(index)?;
        let (span, anchored) = match rule.reach {
            Reach::Begins => (anchor.start..text.len().min(anchor.start + MATCH_BYTES_MAX), Anchored::Yes),
            Reach::Around(before, behind) => (
                anchor.start.saturating_sub(before.into())..text.len().min(anchor.end + usize::from(behind)),
                Anchored::No,
            ),
        };
        let place = text.get(span.clone())?;
        if rule.reach == Reach::Begins && !pattern.may_begin(place) || !pattern.may_lie_in(place) {
            return None;
        }
        let regex = pattern.regex()?;
        let mut from = span.start;
        for _ in 0..8 {
            let mut captures = regex.create_captures();
            regex.search_captures(&Input::new(text).span(from..span.end).anchored(anchored), &mut captures);
            let whole = captures.get_match()?;
            if whole.end() <= anchor.start && whole.end() > from {
                from = whole.end();
                continue;
            }
            let secret = captures.iter().skip(1).flatten().next().map_or(whole.range(), |group| group.range());
            let bounded = matches!(rule.reach, Reach::Around(..)) || is_bounded(text, &whole.range(), rule);
            return bounded.then(|| (whole.end(), self.prove(text, index, whole.range(), secret, hints)));
        }
        None
    }

    /// Tries a rule without an anchor.
    pub(crate) fn try_everywhere(&self, text: &[u8], index: u32, hints: Hints, hits: &mut Vec<Hit>) {
        let Some(regex) = self.pattern(index).and_then(Pattern::regex) else { return };
        let spans = regex.captures_iter(text).take(MATCHES_PER_PIECE_MAX).filter_map(|captures| {
            let whole = captures.get_match()?.range();
            Some((captures.iter().skip(1).flatten().next().map_or(whole.clone(), |group| group.range()), whole))
        });
        hits.extend(spans.filter_map(|(secret, whole)| self.prove(text, index, whole, secret, hints)));
    }

    /// Proves a match by what it says.
    fn prove(&self, text: &[u8], index: u32, whole: Range<usize>, secret: Range<usize>, hints: Hints) -> Option<Hit> {
        let rule = self.rules.get(index as usize)?;
        let whole_text = text.get(whole.clone())?;
        let secret_text = text.get(secret.clone())?;
        let proof =
            checks::prove(rule.check, whole_text, secret_text, rule.severity, rule.confidence, self.config.today)?;
        let rank = match rule.check {
            Check::UrlCredentials | Check::Basic | Check::Bearer | Check::Password | Check::Jwt => Rank::Open,
            _ => Rank::Owned,
        };
        // A format that proves itself is what it is, in a test too.
        let loose = rank == Rank::Open || rule.confidence < Confidence::High;
        // What is called is the name of a function, and what stands behind `sha256=` a digest.
        let before = text.get(secret.start.saturating_sub(DIGEST_BYTES).max(whole.start)..secret.start);
        let lead = before.unwrap_or_default().to_ascii_lowercase();
        let other = matches!(rule.check, Check::Random | Check::Mixed)
            && (text.get(secret.end) == Some(&b'(') || value::speaks_of_digest(&lead));
        let confidence = proof.confidence.lowered(
            2 * u8::from(other)
                + u8::from(hints.is_test && loose)
                + u8::from(hints.is_binary && (loose || rule.check == Check::Random)),
        );
        let span = match rule.check {
            Check::PrivateKey => whole,
            // Of a URL that grants access, the signature is the secret: the rest says what it opens.
            Check::AzureSas | Check::Presigned => {
                signature_of(whole_text).map_or(whole.clone(), |part| whole.start + part.start..whole.start + part.end)
            }
            _ => secret,
        };
        let (severity, detail) = (proof.severity, proof.detail);
        Some(Hit { rule: index, span, severity, confidence, detail, level: None, rank })
    }

    fn try_named(&self, text: &[u8], anchor: Range<usize>, service: u32, hints: Hints) -> Option<Hit> {
        let named: &Named = rules::named::NAMED.get(service as usize)?;
        let (span, confidence) = named::look(text, &anchor, named, hints)?;
        Some(Hit {
            rule: self.base.named + service,
            span,
            severity: Severity::High,
            confidence,
            detail: None,
            level: None,
            rank: Rank::Named,
        })
    }

    fn try_assign(&self, text: &[u8], anchor: Range<usize>, topic: Topic, hints: Hints) -> Option<Hit> {
        let found = assign::look(text, anchor, topic, hints)?;
        Some(Hit {
            rule: self.base.assign + found.topic as u32,
            span: found.value,
            severity: if topic == Topic::Salt { Severity::Low } else { Severity::High },
            confidence: found.confidence,
            detail: None,
            level: None,
            rank: Rank::Generic,
        })
    }

    fn try_marking(&self, text: &[u8], anchor: Range<usize>, hints: Hints) -> Option<Hit> {
        // `_Internal only_` is emphasis, `is_internal` a name.
        let byte = |at: Option<usize>| at.and_then(|at| text.get(at)).copied();
        let alphanumeric = |at: Option<usize>| byte(at).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let underscore = |at: Option<usize>| byte(at) == Some(b'_');
        let before = anchor.start.checked_sub(1);
        let named = underscore(before) && alphanumeric(anchor.start.checked_sub(2));
        let continued = underscore(Some(anchor.end)) && alphanumeric(Some(anchor.end + 1));
        let ends_open =
            text.get(anchor.end.saturating_sub(1)).is_some_and(|byte| !byte.is_ascii_alphabetic()) || anchor.len() == 7;
        if alphanumeric(before) || named || !ends_open && (alphanumeric(Some(anchor.end)) || continued) {
            return None;
        }
        // `github.com/acme/internal/store`: a folder or a host, not a word.
        let folder = alphanumeric(anchor.start.checked_sub(2))
            && matches!(byte(before), Some(b'/' | b'.'))
            && matches!(byte(Some(anchor.end)), Some(b'/' | b'.' | b'"' | b'\'' | b'`' | b')' | b'>'));
        if folder {
            return None;
        }
        let line = marking::line_around(text, anchor.start);
        marking::judge_line(text, &line, hints, self.config.today).map(|found| self.marking_hit(found))
    }

    pub(crate) fn marking_hit(&self, found: marking::Marking) -> Hit {
        Hit {
            rule: self.base.marking + found.mark as u32,
            span: found.span,
            severity: found.severity,
            confidence: found.confidence,
            detail: found.detail,
            level: Some(found.level),
            rank: Rank::Open,
        }
    }
}

impl Spot {
    fn open(start: usize, anchor: u32) -> Self {
        Self { start: start as u32, anchor, outcome: Outcome::Open, before: 0, after: 0 }
    }
}

/// The value of `sig=`, `Signature=` and the like in a URL.
fn signature_of(url: &[u8]) -> Option<Range<usize>> {
    let start =
        [&b"Signature="[..], b"sig="].iter().find_map(|name| Some(memchr::memmem::rfind(url, name)? + name.len()))?;
    let len = url.get(start..)?.iter().take_while(|byte| !matches!(byte, b'&' | b'"' | b' ')).count();
    Some(start..start + len)
}

/// Bytes of the header of a JSON Web Token.
const JWT_HEADER_BYTES_MAX: usize = 2000;
/// Bytes behind an anchor in which a cheap sign must stand.
const WORTH_BYTES: usize = 400;

/// Bytes before a value in which a word for digests speaks of it.
const DIGEST_BYTES: usize = 12;

/// Cheap signs that a pattern cannot match here.
fn is_worth(rule: &Rule, text: &[u8], anchor: &Range<usize>) -> bool {
    let rest = || text.get(anchor.end..text.len().min(anchor.end + WORTH_BYTES)).unwrap_or_default();
    match rule.check {
        Check::UrlCredentials => {
            let authority = rest();
            let end = authority
                .iter()
                .position(|byte| matches!(byte, b'/' | b' ' | b'"' | b'\'' | b'\n' | b'<' | b'>' | b'\\' | b'`'))
                .unwrap_or(authority.len());
            authority.get(..end).is_some_and(|authority| {
                memchr::memchr(b'@', authority).is_some() && memchr::memchr(b':', authority).is_some()
            })
        }
        // The header ends in a dot.
        Check::Jwt => {
            let rest = text.get(anchor.end..).unwrap_or_default().iter().take(JWT_HEADER_BYTES_MAX);
            let end = rest.clone().position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-'));
            end.and_then(|end| text.get(anchor.end + end)) == Some(&b'.')
        }
        Check::Bearer | Check::Basic => !matches!(rest().first(), Some(b'"' | b'\'' | b'{' | b'<')),
        _ => true,
    }
}

/// Tells whether an anchor of one letter repeated stands within a longer run of it: the run is judged at its start.
fn continues_run(text: &[u8], anchor: &Range<usize>) -> bool {
    let same = |at: usize, byte: u8| text.get(at).is_some_and(|other| other.eq_ignore_ascii_case(&byte));
    match (anchor.start.checked_sub(1), text.get(anchor.start)) {
        (Some(before), Some(&first)) => same(before, first) && anchor.clone().all(|at| same(at, first)),
        _ => false,
    }
}

/// A token is not cut out of a longer word: patterns that begin in punctuation bound themselves.
fn is_cut(text: &[u8], start: usize) -> bool {
    let word = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let escaped = || start >= 2 && matches!(text.get(start - 2..start), Some([b'\\', b'n' | b't' | b'r']));
    word(start) && start > 0 && word(start - 1) && !escaped()
}

/// As [`is_cut`], at both ends.
fn is_bounded(text: &[u8], whole: &Range<usize>, rule: &Rule) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let prose =
        matches!(rule.check, Check::Jwt | Check::UrlCredentials | Check::Bearer | Check::Basic | Check::Password);
    let ends_cut = || word(whole.end.checked_sub(1)) && word(Some(whole.end));
    !is_inside_run(text, whole.start) && !is_cut(text, whole.start) && (prose || !ends_cut())
}

/// A token behind `+` or `/` that stands in the middle of random base64 is a part of it.
fn is_inside_run(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(24)..start).unwrap_or_default();
    matches!(before.last(), Some(b'+' | b'/'))
        && before.len() == 24
        && before.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && value::is_random(before)
}
