//! Hits to matches: the less particular of those that overlap are dropped, the rest masked, identified and placed.

use std::collections::BTreeSet;
use std::ops::Range;

use cordon_domain::{Confidence, Kind};

use crate::engine::{Engine, Identity, Match, Scratch};
use crate::excerpt::{Show, excerpt};
use crate::hit::Hit;
use crate::limits::MATCHES_PER_PIECE_MAX;
use crate::marking::{self, Mark};
use crate::rule::Check;
use crate::search::Trace;
use crate::{Index, Printer};

/// Levels named in one text from which on it explains them.
const LEVELS_EXPLAINED: usize = 3;

impl Engine {
    /// Orders the hits of `trace` and `scratch`, drops the less particular of those that overlap, and makes matches of
    /// the rest.
    pub(crate) fn settle(
        &self,
        text: &[u8],
        accept: &Range<usize>,
        trace: &Trace,
        scratch: &mut Scratch,
        out: &mut Vec<Match>,
    ) {
        let mut hits = self.reportable(text, trace, scratch);
        self.find_copies(text, scratch, out);
        hits.sort_by(|left, right| {
            right
                .rank
                .cmp(&left.rank)
                .then(right.confidence.cmp(&left.confidence))
                .then(left.span.start.cmp(&right.span.start))
                .then(right.span.end.cmp(&left.span.end))
                .then(left.rule.cmp(&right.rule))
                .then_with(|| left.detail.cmp(&right.detail))
        });
        let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
        let mut taken: Vec<Range<usize>> = Vec::new();
        for hit in hits {
            let secret = self.kind(hit.rule) == Kind::Secret;
            let clash = if secret {
                taken.iter().rev().take(256).any(|span| overlap(span, &hit.span))
            } else {
                let again = |known: &&Hit| known.rule == hit.rule && overlap(&known.span, &hit.span);
                kept.iter().rev().take(64).find(again).is_some()
            };
            if clash {
                continue;
            }
            if kept.len() >= MATCHES_PER_PIECE_MAX {
                scratch.over_limit += 1;
                continue;
            }
            if secret {
                taken.push(hit.span.clone());
            }
            kept.push(hit);
        }
        kept.sort_by_key(|hit| hit.span.start);
        let spans = merged(std::mem::take(&mut scratch.masks));
        for hit in kept {
            if accept.contains(&hit.span.start) {
                let first = spans.partition_point(|(span, _)| span.end + NEAR_BYTES <= hit.span.start);
                let rest = spans.get(first..).unwrap_or_default();
                let near = rest.partition_point(|(span, _)| span.start < hit.span.end + NEAR_BYTES);
                let near = rest.get(..near).unwrap_or_default();
                out.push(self.finish(text, hit, near));
            }
        }
    }

    /// A phrase or a label speaks for a document at its head or foot; front matter and the labels of Office stand where
    /// their format puts them.
    fn depends_on_place(&self, rule: u32) -> bool {
        let fixed = [Mark::FrontMatter, Mark::SensitivityLabel].map(|mark| self.base.marking + mark as u32);
        self.kind(rule) == Kind::Marking && !fixed.contains(&rule)
    }

    /// How far a marking is lowered by the company it keeps: a document has one level, and a text that names three
    /// explains them.
    fn explained(&self, trace: &Trace) -> impl Fn(&Hit) -> u8 + use<> {
        let rule = |mark: Mark| self.base.marking + mark as u32;
        let (lights, passing) = (rule(Mark::TrafficLight), [rule(Mark::Draft), rule(Mark::Embargo)]);
        let several = |of_lights: bool| {
            let counts = |hit: &&Hit| {
                self.depends_on_place(hit.rule)
                    && (hit.rule == lights) == of_lights
                    && (of_lights || hit.confidence >= Confidence::Medium && !passing.contains(&hit.rule))
            };
            let levels = trace.hits.iter().filter(counts).filter_map(|hit| hit.level);
            levels.collect::<BTreeSet<_>>().len() >= LEVELS_EXPLAINED
        };
        let (phrases, lit) = (several(false), several(true));
        move |hit| if hit.rule == lights { 2 * u8::from(lit) } else { u8::from(phrases) }
    }

    /// The hits that reach the floor; the rest is counted, once for each place. The bytes of all are masked in every
    /// excerpt.
    fn reportable(&self, text: &[u8], trace: &Trace, scratch: &mut Scratch) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut below = Vec::new();
        let mut middle = None;
        let others = std::mem::take(&mut scratch.hits);
        let explained = self.explained(trace);
        for hit in trace.hits.iter().chain(&others) {
            let show = self.show(hit.rule);
            if show != Show::All {
                scratch.masks.push((hit.span.clone(), show));
            }
            let confidence = if self.depends_on_place(hit.rule) {
                let middle = middle.get_or_insert_with(|| marking::middle(text));
                let lowered = 2 * u8::from(middle.contains(&hit.span.start)) + explained(hit);
                hit.confidence.lowered(lowered)
            } else {
                hit.confidence
            };
            if confidence < self.config.floor {
                below.push((hit.rule, hit.span.start));
            } else {
                hits.push(Hit { confidence, ..hit.clone() });
            }
        }
        below.sort_unstable();
        below.dedup();
        scratch.below_floor += below.len() as u64;
        scratch.over_limit += trace.overflow;
        hits
    }

    fn finish(&self, text: &[u8], hit: Hit, spans: &[(Range<usize>, Show)]) -> Match {
        let secret = text.get(hit.span.clone()).unwrap_or_default();
        let identity = if self.kind(hit.rule) == Kind::Secret {
            Identity::Secret(self.config.id_key.identify(&[b"secret", self.family(hit.rule).as_bytes(), secret]))
        } else {
            Identity::Path
        };
        Match {
            rule: hit.rule,
            severity: hit.severity,
            confidence: hit.confidence,
            detail: hit.detail,
            level: hit.level,
            excerpt: excerpt(text, &hit.span, spans),
            span: hit.span,
            line: 0,
            column: 0,
            identity,
        }
    }

    /// Generic rules are one family: the same password under two names is one secret.
    fn family(&self, rule: u32) -> &str {
        if (self.base.assign..self.base.marking).contains(&rule) {
            return "generic";
        }
        self.info(rule).map_or("", |info| &info.id)
    }

    fn kind(&self, rule: u32) -> Kind {
        self.info(rule).map_or(Kind::Secret, |info| info.kind)
    }

    fn show(&self, rule: u32) -> Show {
        match self.kind(rule) {
            Kind::Secret => match self.rules.get(rule as usize).map(|rule| rule.check) {
                Some(
                    Check::UrlCredentials | Check::Basic | Check::Password | Check::PasswordHash | Check::PrivateKey,
                ) => Show::Nothing,
                Some(_) => Show::Head,
                None if rule == self.base.assign => Show::Nothing,
                None => Show::Head,
            },
            Kind::PersonalData => Show::Nothing,
            Kind::Marking | Kind::Codename | Kind::Copy | Kind::Weights | Kind::Exposure => Show::All,
        }
    }

    fn find_copies(&self, text: &[u8], scratch: &mut Scratch, out: &mut Vec<Match>) {
        let known = self.config.copies.iter().filter(|(index, _)| !index.is_empty());
        for (place, (index, printer)) in known.enumerate() {
            if place == 0 {
                scratch.folded.fill(text);
            }
            self.find_copies_of(index, printer, text, scratch, out);
        }
    }

    fn find_copies_of(
        &self,
        index: &Index,
        printer: &Printer,
        text: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<Match>,
    ) {
        for found in index.find(printer, &scratch.folded) {
            let Some(document) = index.documents().get(found.document) else { continue };
            let confidence = match (found.certain, found.share >= 0.5) {
                (true, true) => Confidence::High,
                (true, false) => Confidence::Medium,
                (false, _) => Confidence::Low,
            };
            if confidence < self.config.floor {
                scratch.below_floor += 1;
                continue;
            }
            let passages =
                if found.passages == 1 { "1 passage".to_owned() } else { format!("{} passages", found.passages) };
            let detail =
                format!("{} of `{}`: {:.0} % of it, in {passages}", found.tier(), document.name, found.share * 100.0);
            let excerpt = format!("text of `{}`, level {}", document.name, document.level);
            out.push(Match {
                rule: self.base.copy,
                severity: found.severity(document.level),
                confidence,
                detail: Some(detail),
                level: Some(document.level),
                span: scratch.folded.place(text, found.span.start)..scratch.folded.place(text, found.span.end - 1) + 1,
                line: 0,
                column: 0,
                excerpt,
                identity: Identity::Copy(document.name.clone()),
            });
        }
    }
}

fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}

/// Bytes around a hit within which an excerpt can reach.
const NEAR_BYTES: usize = 1024;

/// Sorts spans and joins those that overlap; the stricter of two wins.
fn merged(mut spans: Vec<(Range<usize>, Show)>) -> Vec<(Range<usize>, Show)> {
    spans.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out: Vec<(Range<usize>, Show)> = Vec::with_capacity(spans.len());
    for (span, show) in spans {
        match out.last_mut() {
            Some((last, kept)) if span.start < last.end => {
                last.end = last.end.max(span.end);
                *kept = (*kept).max(show);
            }
            _ => out.push((span, show)),
        }
    }
    out
}

/// Fills in lines and columns; `found` is in order of position but for what stands inside encodings.
pub(crate) fn place(text: &[u8], found: &mut [Match]) {
    found.sort_by_key(|found| found.span.start);
    let (mut at, mut line, mut line_start) = (0usize, 0u64, 0usize);
    for found in found {
        let between = text.get(at..found.span.start).unwrap_or_default();
        line += memchr::memchr_iter(b'\n', between).count() as u64;
        if let Some(newline) = memchr::memrchr(b'\n', between) {
            line_start = at + newline + 1;
        }
        at = found.span.start;
        found.line = line;
        let head = text.get(line_start..at).unwrap_or_default();
        found.column = head.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
    }
}
