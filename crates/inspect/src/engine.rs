//! Drives the parts over a text and turns hits into matches.

use std::ops::Range;
use std::sync::OnceLock;

use cordon_domain::{Confidence, FindingId, IdKey, Kind, Level, Severity, Today};
use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use crate::anchor::{AnchorSet, Follow};
use crate::assign::{self, Topic};
use crate::catalogue::{Bases, Info, infos};
use crate::checks;
use crate::codename::{Codename, Skeleton, Watchlist};
use crate::copy::{Folded, Index, Printer};
use crate::decode::{self, Decoded};
use crate::excerpt::{Show, excerpt};
use crate::hints::Hints;
use crate::hit::{Hit, Rank};
use crate::limits::{DECODE_DEPTH_MAX, MASKS_PER_PIECE_MAX, MATCH_BYTES_MAX, MATCHES_PER_PIECE_MAX, REGEX_BYTES_MAX};
use crate::rule::{Check, Named, Reach, Rule};
use crate::{marking, named, personal, rules, value};

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// Rules beside the built-in ones.
    pub rules: Vec<Rule>,
    /// Names to watch for.
    pub codenames: Vec<Codename>,
    /// Known documents, and the key under which they were fingerprinted.
    pub copies: Option<(Index, Printer)>,
    /// Keys the identifiers of secrets.
    pub id_key: IdKey,
    /// The present moment.
    pub today: Today,
    /// Matches below it are counted and dropped.
    pub floor: Confidence,
}

/// A text to inspect, whole or in pieces.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// The bytes.
    pub text: &'a [u8],
    /// What the path tells.
    pub hints: Hints,
    /// Where a match must begin to be reported: pieces overlap, matches do not repeat.
    pub accept: Range<usize>,
    /// The text begins here, and not in an earlier piece.
    pub first: bool,
}

impl<'a> Piece<'a> {
    /// A text that is all there is.
    #[must_use]
    pub fn whole(text: &'a [u8], hints: Hints) -> Self {
        Self { text, hints, accept: 0..text.len().max(1), first: true }
    }
}

/// What makes a match the same match elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The secret: one finding wherever it stands.
    Secret(FindingId),
    /// The known document (by name) and the path.
    Copy(String),
    /// The rule and the path.
    Path,
}

/// Something found in a text.
#[derive(Clone, Debug)]
pub struct Match {
    /// Index of the rule; see [`Engine::info`].
    pub rule: u32,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What the content says of itself.
    pub detail: Option<String>,
    /// The level it states or implies.
    pub level: Option<Level>,
    /// Where, in bytes of the piece.
    pub span: Range<usize>,
    /// Lines before it in the piece.
    pub line: u64,
    /// Characters before it on its line.
    pub column: u64,
    /// The line, masked.
    pub excerpt: String,
    /// What makes it the same elsewhere.
    pub identity: Identity,
}

/// Buffers that a thread keeps between texts, and what could not be shown.
#[derive(Debug, Default)]
pub struct Scratch {
    hits: Vec<Hit>,
    /// What excerpts must not show, also where nothing is reported.
    masks: Vec<(Range<usize>, Show)>,
    tried: Vec<usize>,
    folded: Folded,
    skeleton: Skeleton,
    /// Files of a known format found inside an encoding; the caller extracts them.
    pub embedded: Vec<(Range<usize>, Vec<u8>)>,
    /// Matches dropped because they were below the floor.
    pub below_floor: u64,
    /// Matches dropped because a text had too many.
    pub over_limit: u64,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Rule(u32),
    Named(u32),
    Assign(Topic),
    Marking,
}

/// Finds what would leak in texts.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    infos: Vec<Info>,
    rules: Vec<Rule>,
    regexes: Vec<OnceLock<Option<Regex>>>,
    unanchored: Vec<u32>,
    anchors: AnchorSet<Target>,
    watchlist: Watchlist,
    base: Bases,
}

impl Engine {
    /// Builds an engine. Patterns are compiled when first needed; one that does not compile matches nothing, and
    /// [`crate::custom`] refuses it before it gets here.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut rules: Vec<Rule> = rules::specs().map(crate::rule::Spec::rule).collect();
        rules.extend(config.rules.iter().cloned());
        let mut anchors: Vec<(Vec<u8>, Follow, Target)> = Vec::with_capacity(2048);
        let mut unanchored = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let index = index as u32;
            if rule.anchors.is_empty() {
                unanchored.push(index);
            }
            anchors.extend(
                rule.anchors
                    .iter()
                    .map(|anchor| (anchor.as_bytes().to_vec(), follow(rule, anchor), Target::Rule(index))),
            );
        }
        for (index, service) in rules::named::NAMED.iter().enumerate() {
            anchors.extend(
                service.words.iter().map(|word| (word.as_bytes().to_vec(), Follow::Any, Target::Named(index as u32))),
            );
        }
        anchors.extend(
            assign::KEYWORDS
                .iter()
                .map(|(word, topic)| (word.as_bytes().to_vec(), Follow::Word, Target::Assign(*topic))),
        );
        anchors.extend(marking::ANCHORS.iter().map(|word| (word.as_bytes().to_vec(), Follow::Word, Target::Marking)));
        let (infos, base) = infos(&rules);
        let regexes = rules.iter().map(|_| OnceLock::new()).collect();
        let watchlist = Watchlist::new(config.codenames.clone());
        Self { anchors: AnchorSet::new(anchors), watchlist, infos, rules, regexes, unanchored, base, config }
    }

    /// Returns what a reader may know of rule `rule`.
    #[must_use]
    pub fn info(&self, rule: u32) -> Option<&Info> {
        self.infos.get(rule as usize)
    }

    /// Returns all rules, built in and added.
    #[must_use]
    pub fn infos(&self) -> &[Info] {
        &self.infos
    }

    /// Returns the rules that have a pattern, built in and added.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the rule for weight files.
    #[must_use]
    pub fn weights_rule(&self) -> u32 {
        self.base.weights
    }

    /// Returns the rule for addresses that answer and should not.
    #[must_use]
    pub fn exposure_rule(&self) -> u32 {
        self.base.exposure
    }

    /// Returns the key that identifies findings.
    #[must_use]
    pub fn id_key(&self) -> &IdKey {
        &self.config.id_key
    }

    /// Returns the least confidence that is reported.
    #[must_use]
    pub fn floor(&self) -> Confidence {
        self.config.floor
    }

    /// Inspects `piece` and appends what it finds to `out`, in order of position.
    pub fn inspect(&self, piece: &Piece<'_>, scratch: &mut Scratch, out: &mut Vec<Match>) {
        let from = out.len();
        scratch.embedded.clear();
        self.search(piece.text, piece.hints, scratch);
        if piece.first
            && let Some(found) = marking::front_matter(piece.text, self.config.today)
        {
            self.push_marking(found, scratch);
        }
        self.search_whole(piece, scratch);
        let mut runs: Vec<(Range<usize>, Decoded)> = Vec::new();
        decode::runs(piece.text, &mut |run| runs.push((run.span, run.decoded)));
        scratch.masks.extend(runs.iter().map(|(span, _)| (span.clone(), Show::Head)));
        self.settle(piece.text, &piece.accept, scratch, out);
        if out.iter().skip(from).any(|found| matches!(found.identity, Identity::Copy(_))) {
            out.get_mut(from..).unwrap_or_default().sort_by_key(|found| found.span.start);
        }
        self.encoded(runs, piece, 0, scratch, out, None);
        place(piece.text, out.get_mut(from..).unwrap_or_default());
    }

    /// Anchors, and rules without any.
    fn search(&self, text: &[u8], hints: Hints, scratch: &mut Scratch) {
        scratch.tried.clear();
        scratch.tried.resize(self.rules.len() + 1, 0);
        let marking_slot = self.rules.len();
        let mut tried = std::mem::take(&mut scratch.tried);
        self.anchors.scan(text, |start, end, target| match *target {
            Target::Rule(rule) => self.try_rule(text, start..end, rule, hints, &mut tried, scratch),
            Target::Named(service) => self.try_named(text, start..end, service, hints, scratch),
            Target::Assign(topic) => self.try_assign(text, start..end, topic, hints, scratch),
            Target::Marking => {
                if let Some(slot) = tried.get_mut(marking_slot) {
                    self.try_marking(text, start..end, hints, slot, scratch);
                }
            }
        });
        scratch.tried = tried;
        for &rule in &self.unanchored {
            self.try_everywhere(text, rule, hints, scratch);
        }
    }

    /// What looks at the text as a whole: personal data, names, copies.
    fn search_whole(&self, piece: &Piece<'_>, scratch: &mut Scratch) {
        let mut people = Vec::new();
        let mut others = Vec::new();
        personal::look(piece.text, &mut people, &mut others);
        scratch.masks.extend(others.into_iter().map(|span| (span, Show::Nothing)));
        for found in people {
            let confidence = found.confidence.lowered(u8::from(piece.hints.is_test) + u8::from(piece.hints.is_credits));
            self.push(
                Hit {
                    rule: self.base.personal + found.datum as u32,
                    span: found.span,
                    severity: found.severity,
                    confidence,
                    detail: Some(found.detail),
                    level: Some(Level::Confidential),
                    rank: Rank::Open,
                },
                scratch,
            );
        }
        if !self.watchlist.is_empty() {
            let mut skeleton = std::mem::take(&mut scratch.skeleton);
            for mention in self.watchlist.scan(piece.text, &mut skeleton) {
                let Some(codename) = self.watchlist.get(mention.name) else { continue };
                let severity = if codename.level >= Level::Restricted { Severity::High } else { Severity::Medium };
                let detail = Some(format!("names project {}", codename.project));
                self.push(
                    Hit {
                        rule: self.base.codename,
                        span: mention.span,
                        severity,
                        confidence: mention.confidence,
                        detail,
                        level: Some(codename.level),
                        rank: Rank::Open,
                    },
                    scratch,
                );
            }
            scratch.skeleton = skeleton;
        }
    }

    /// Keeps a hit, or counts it; its bytes are masked in every excerpt either way.
    fn push(&self, hit: Hit, scratch: &mut Scratch) {
        let show = self.show(hit.rule);
        if show != Show::All && scratch.masks.len() < MASKS_PER_PIECE_MAX {
            scratch.masks.push((hit.span.clone(), show));
        }
        if hit.confidence < self.config.floor {
            scratch.below_floor += 1;
        } else if scratch.hits.len() >= MATCHES_PER_PIECE_MAX {
            scratch.over_limit += 1;
        } else {
            scratch.hits.push(hit);
        }
    }

    fn push_marking(&self, found: marking::Marking, scratch: &mut Scratch) {
        self.push(
            Hit {
                rule: self.base.marking + found.mark as u32,
                span: found.span,
                severity: found.severity,
                confidence: found.confidence,
                detail: found.detail,
                level: Some(found.level),
                rank: Rank::Open,
            },
            scratch,
        );
    }

    fn regex(&self, rule: u32) -> Option<&Regex> {
        let slot = self.regexes.get(rule as usize)?;
        slot.get_or_init(|| compile(&self.rules.get(rule as usize)?.pattern).ok()).as_ref()
    }

    fn try_rule(
        &self,
        text: &[u8],
        anchor: Range<usize>,
        index: u32,
        hints: Hints,
        tried: &mut [usize],
        scratch: &mut Scratch,
    ) {
        let Some(rule) = self.rules.get(index as usize) else { return };
        let Some(done) = tried.get_mut(index as usize) else { return };
        if anchor.start < *done || !is_worth(rule, text, &anchor) {
            return;
        }
        let Some(regex) = self.regex(index) else { return };
        let (span, anchored) = match rule.reach {
            Reach::Begins => (anchor.start..text.len().min(anchor.start + MATCH_BYTES_MAX), Anchored::Yes),
            Reach::Around(before, behind) => (
                anchor.start.saturating_sub(before.into())..text.len().min(anchor.end + usize::from(behind)),
                Anchored::No,
            ),
        };
        let mut from = span.start;
        for _ in 0..8 {
            let mut captures = regex.create_captures();
            regex.search_captures(&Input::new(text).span(from..span.end).anchored(anchored), &mut captures);
            let Some(whole) = captures.get_match() else {
                // Anchors that overlap (a run of one letter) are tried once.
                *done = (*done).max(anchor.end);
                return;
            };
            if whole.end() <= anchor.start && whole.end() > from {
                from = whole.end();
                continue;
            }
            let secret = captures.iter().skip(1).flatten().next().map_or(whole.range(), |group| group.range());
            if matches!(rule.reach, Reach::Around(..)) || is_bounded(text, &whole.range(), rule) {
                *done = whole.end();
                self.judge(text, rule, index, whole.range(), secret, hints, scratch);
            }
            return;
        }
    }

    fn try_everywhere(&self, text: &[u8], index: u32, hints: Hints, scratch: &mut Scratch) {
        let (Some(rule), Some(regex)) = (self.rules.get(index as usize), self.regex(index)) else { return };
        let spans: Vec<_> = regex
            .captures_iter(text)
            .take(MATCHES_PER_PIECE_MAX)
            .filter_map(|captures| {
                let whole = captures.get_match()?.range();
                Some((captures.iter().skip(1).flatten().next().map_or(whole.clone(), |group| group.range()), whole))
            })
            .collect();
        for (secret, whole) in spans {
            self.judge(text, rule, index, whole, secret, hints, scratch);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one place where a rule meets a text")]
    fn judge(
        &self,
        text: &[u8],
        rule: &Rule,
        index: u32,
        whole: Range<usize>,
        secret: Range<usize>,
        hints: Hints,
        scratch: &mut Scratch,
    ) {
        let (Some(whole_text), Some(secret_text)) = (text.get(whole.clone()), text.get(secret.clone())) else { return };
        let Some(proof) =
            checks::prove(rule.check, whole_text, secret_text, rule.severity, rule.confidence, self.config.today)
        else {
            return;
        };
        let rank = match rule.check {
            Check::UrlCredentials | Check::Basic | Check::Bearer | Check::Password | Check::Jwt => Rank::Open,
            _ => Rank::Owned,
        };
        // A format that proves itself is what it is, in a test too.
        let loose = rank == Rank::Open || rule.confidence < Confidence::High;
        let confidence = proof.confidence.lowered(
            u8::from(hints.is_test && loose) + u8::from(hints.is_binary && (loose || rule.check == Check::Random)),
        );
        let span = match rule.check {
            Check::PrivateKey => whole,
            // Of a URL that grants access, the signature is the secret: the rest says what it opens.
            Check::AzureSas | Check::Presigned => {
                signature_of(whole_text).map_or(whole.clone(), |part| whole.start + part.start..whole.start + part.end)
            }
            _ => secret,
        };
        self.push(
            Hit { rule: index, span, severity: proof.severity, confidence, detail: proof.detail, level: None, rank },
            scratch,
        );
    }

    fn try_named(&self, text: &[u8], anchor: Range<usize>, service: u32, hints: Hints, scratch: &mut Scratch) {
        let Some(named): Option<&Named> = rules::named::NAMED.get(service as usize) else { return };
        if let Some((span, confidence)) = named::look(text, &anchor, named, hints) {
            self.push(
                Hit {
                    rule: self.base.named + service,
                    span,
                    severity: Severity::High,
                    confidence,
                    detail: None,
                    level: None,
                    rank: Rank::Named,
                },
                scratch,
            );
        }
    }

    fn try_assign(&self, text: &[u8], anchor: Range<usize>, topic: Topic, hints: Hints, scratch: &mut Scratch) {
        if let Some(found) = assign::look(text, anchor, topic, hints) {
            let severity = if topic == Topic::Salt { Severity::Low } else { Severity::High };
            self.push(
                Hit {
                    rule: self.base.assign + found.topic as u32,
                    span: found.value,
                    severity,
                    confidence: found.confidence,
                    detail: None,
                    level: None,
                    rank: Rank::Generic,
                },
                scratch,
            );
        }
    }

    fn try_marking(&self, text: &[u8], anchor: Range<usize>, hints: Hints, done: &mut usize, scratch: &mut Scratch) {
        let letter = |at: Option<usize>| {
            at.and_then(|at| text.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let ends_open =
            text.get(anchor.end.saturating_sub(1)).is_some_and(|byte| !byte.is_ascii_alphabetic()) || anchor.len() == 7;
        if anchor.start < *done || letter(anchor.start.checked_sub(1)) || !ends_open && letter(Some(anchor.end)) {
            return;
        }
        let line = marking::line_around(text, anchor.start);
        *done = line.end;
        if let Some(found) = marking::judge_line(text, &line, hints, self.config.today) {
            self.push_marking(found, scratch);
        }
    }

    /// Orders the hits, drops the less particular of those that overlap, and makes matches of the rest.
    fn settle(&self, text: &[u8], accept: &Range<usize>, scratch: &mut Scratch, out: &mut Vec<Match>) {
        let mut hits = std::mem::take(&mut scratch.hits);
        self.find_copies(text, scratch, out);
        hits.sort_by(|left, right| {
            right
                .rank
                .cmp(&left.rank)
                .then(right.confidence.cmp(&left.confidence))
                .then(left.span.start.cmp(&right.span.start))
                .then(right.span.end.cmp(&left.span.end))
        });
        let mut kept: Vec<Hit> = Vec::with_capacity(hits.len().min(64));
        let mut taken: Vec<Range<usize>> = Vec::new();
        for hit in hits.drain(..) {
            let secret = self.kind(hit.rule) == Kind::Secret;
            let clash = if secret {
                taken.iter().rev().take(256).any(|span| span.start < hit.span.end && hit.span.start < span.end)
            } else {
                kept.iter().rev().take(64).any(|known| known.rule == hit.rule && known.span == hit.span)
            };
            if clash {
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
        scratch.hits = hits;
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
        let Some((index, printer)) = &self.config.copies else { return };
        if index.is_empty() {
            return;
        }
        scratch.folded.fill(text);
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
                span: found.span,
                line: 0,
                column: 0,
                excerpt,
                identity: Identity::Copy(document.name.clone()),
            });
        }
    }

    /// Undoes encodings, nested within a bound; what is found inside is reported at the place of the outermost run.
    fn encoded(
        &self,
        runs: Vec<(Range<usize>, Decoded)>,
        piece: &Piece<'_>,
        depth: u8,
        scratch: &mut Scratch,
        out: &mut Vec<Match>,
        place: Option<Range<usize>>,
    ) {
        for (span, decoded) in runs {
            let at = place.clone().unwrap_or(span);
            if !piece.accept.contains(&at.start) {
                continue;
            }
            match decoded {
                Decoded::File(bytes) => scratch.embedded.push((at, bytes)),
                Decoded::Text(decoded) => {
                    let from = out.len();
                    let mut inner: Vec<(Range<usize>, Decoded)> = Vec::new();
                    decode::runs(&decoded, &mut |run| inner.push((run.span, run.decoded)));
                    self.search(&decoded, piece.hints, scratch);
                    self.search_whole(&Piece::whole(&decoded, piece.hints), scratch);
                    scratch.masks.extend(inner.iter().map(|(span, _)| (span.clone(), Show::Head)));
                    self.settle(&decoded, &(0..decoded.len()), scratch, out);
                    for found in out.iter_mut().skip(from) {
                        found.span = at.clone();
                    }
                    if depth + 1 < DECODE_DEPTH_MAX {
                        self.encoded(inner, piece, depth + 1, scratch, out, Some(at));
                    }
                }
            }
        }
    }
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

/// The value of `sig=`, `Signature=` and the like in a URL.
fn signature_of(url: &[u8]) -> Option<Range<usize>> {
    let start =
        [&b"Signature="[..], b"sig="].iter().find_map(|name| Some(memchr::memmem::rfind(url, name)? + name.len()))?;
    let len = url.get(start..)?.iter().take_while(|byte| !matches!(byte, b'&' | b'"' | b' ')).count();
    Some(start..start + len)
}

/// A prefix in a fixed case begins a token; a word in any case, or punctuation, can stand before anything.
fn follow(rule: &Rule, anchor: &str) -> Follow {
    let prefix = anchor.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !rule.pattern.starts_with("(?i)");
    if prefix { Follow::Token } else { Follow::Any }
}

/// Compiles a pattern over bytes, ASCII classes, bounded in size.
///
/// # Errors
///
/// The pattern is no regular expression of the supported syntax, or too large.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let syntax = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    let config = Regex::config().nfa_size_limit(Some(REGEX_BYTES_MAX)).utf8_empty(false).hybrid_cache_capacity(1 << 20);
    Regex::builder().syntax(syntax).configure(config).build(pattern).map_err(|error| error.to_string())
}

/// Cheap signs that a pattern cannot match here.
fn is_worth(rule: &Rule, text: &[u8], anchor: &Range<usize>) -> bool {
    let rest = || text.get(anchor.end..text.len().min(anchor.end + 400)).unwrap_or_default();
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
        Check::Bearer | Check::Basic => !matches!(rest().first(), Some(b'"' | b'\'' | b'{' | b'<')),
        _ => true,
    }
}

/// A token is not cut out of a longer word. Patterns that begin or end in punctuation bound themselves.
fn is_bounded(text: &[u8], whole: &Range<usize>, rule: &Rule) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let starts_word = word(Some(whole.start));
    let ends_word = word(whole.end.checked_sub(1));
    let escaped =
        whole.start >= 2 && matches!(text.get(whole.start - 2..whole.start), Some([b'\\', b'n' | b't' | b'r']));
    if is_inside_run(text, whole.start) {
        return false;
    }
    let prose =
        matches!(rule.check, Check::Jwt | Check::UrlCredentials | Check::Bearer | Check::Basic | Check::Password);
    !(starts_word && word(whole.start.checked_sub(1)) && !escaped) && (prose || !(ends_word && word(Some(whole.end))))
}

/// A token behind `+` or `/` that stands in the middle of random base64 is a part of it.
fn is_inside_run(text: &[u8], start: usize) -> bool {
    let before = text.get(start.saturating_sub(24)..start).unwrap_or_default();
    matches!(before.last(), Some(b'+' | b'/'))
        && before.len() == 24
        && before.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && value::is_random(before)
}

/// Fills in lines and columns; `found` is in order of position but for what stands inside encodings.
fn place(text: &[u8], found: &mut [Match]) {
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
