//! Drives the parts over a text and turns hits into matches.

use std::ops::Range;
use std::sync::OnceLock;

use cordon_domain::{Confidence, FindingId, IdKey, Level, Severity, Today};

use crate::anchor::{AnchorSet, Follow};
use crate::assign::{self, Topic};
use crate::catalogue::{Bases, Info, infos};
use crate::codename::{Codename, Skeleton, Watchlist};
use crate::copy::Index;
use crate::decode::{self, Decoded, Run, Scheme};
use crate::excerpt::Show;
use crate::fold::Folded;
use crate::hints::Hints;
use crate::hit::{Hit, Rank};
use crate::limits::DECODE_DEPTH_MAX;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::search::{Base, Trace};
use crate::settle::place;
use crate::winnow::Printer;
use crate::{marking, personal, rules};

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// Rules beside the built-in ones.
    pub rules: Vec<Rule>,
    /// Names to watch for.
    pub codenames: Vec<Codename>,
    /// Known documents, and the key under which they were fingerprinted.
    pub copies: Vec<(Index, Printer)>,
    /// Keys the identifiers of secrets.
    pub id_key: IdKey,
    /// The present moment.
    pub today: Today,
    /// Matches below it are counted and dropped.
    pub floor: Confidence,
}

impl Config {
    /// The built-in rules and nothing else, under a key that everyone knows: for tests and measurements, where
    /// identifiers mean nothing. Everything is reported.
    #[must_use]
    pub fn plain(today: Today) -> Self {
        Self {
            rules: Vec::new(),
            codenames: Vec::new(),
            copies: Vec::new(),
            id_key: IdKey::new([0; 32]),
            today,
            floor: Confidence::Minimal,
        }
    }
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
    /// What it was made from, if that was inspected.
    pub base: Option<Base<'a>>,
}

impl<'a> Piece<'a> {
    /// A text that is all there is.
    #[must_use]
    pub fn whole(text: &'a [u8], hints: Hints) -> Self {
        Self { text, hints, accept: 0..text.len().max(1), first: true, base: None }
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Hits of what looks at a text as a whole.
    pub(crate) hits: Vec<Hit>,
    /// What excerpts must not show, also where nothing is reported.
    pub(crate) masks: Vec<(Range<usize>, Show)>,
    pub(crate) folded: Folded,
    skeleton: Skeleton,
    /// What was learnt of the last text.
    pub trace: Trace,
    /// Files of a known format found inside an encoding; the caller extracts them.
    pub embedded: Vec<(Range<usize>, Vec<u8>)>,
    /// Matches dropped because they were below the floor.
    pub below_floor: u64,
    /// Matches dropped because a text had too many.
    pub over_limit: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Rule(u32),
    Named(u32),
    Assign(Topic),
    Marking,
}

/// Finds what would leak in texts.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: Config,
    infos: Vec<Info>,
    pub(crate) rules: Vec<Rule>,
    patterns: Vec<OnceLock<Option<Pattern>>>,
    unanchored: Vec<u32>,
    pub(crate) anchors: AnchorSet<Target>,
    watchlist: Watchlist,
    pub(crate) base: Bases,
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
        let patterns = rules.iter().map(|_| OnceLock::new()).collect();
        let watchlist = Watchlist::new(config.codenames.clone());
        Self { anchors: AnchorSet::new(anchors), watchlist, infos, rules, patterns, unanchored, base, config }
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

    /// Returns what decides over findings beside the text, as a text that differs when any of it does.
    #[must_use]
    pub fn circumstances(&self) -> String {
        let documents = self.config.copies.iter().flat_map(|(index, _)| index.documents());
        let copies: Vec<_> = documents
            .map(|known| {
                let sum = known.prints.iter().fold(0u64, |sum, (hash, _)| sum.wrapping_add(*hash));
                (&known.name, known.level, &known.project, known.prints.len(), sum)
            })
            .collect();
        format!("{:?}\n{:?}\n{copies:?}\n{}", self.rules, self.config.codenames, self.config.floor)
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

    /// Inspects `piece` and appends what it finds to `out`, in order of position. What was learnt stays in
    /// [`Scratch::trace`].
    pub fn inspect(&self, piece: &Piece<'_>, scratch: &mut Scratch, out: &mut Vec<Match>) {
        let from = out.len();
        scratch.embedded.clear();
        let mut trace = std::mem::take(&mut scratch.trace);
        // What the path tells weighs in every hit: another path is another text.
        let base = piece
            .base
            .filter(|base| base.trace.hints == piece.hints && base.trace.overflow == 0 && !base.trace.people.overflow);
        self.learn(piece.text, piece.hints, base, &mut trace);
        let mut decoded = find_runs(piece.text, base, &mut trace.runs);
        self.search_whole(piece, &trace, scratch);
        if piece.first
            && let Some(found) = marking::front_matter(piece.text, self.config.today)
        {
            scratch.hits.push(self.marking_hit(found));
        }
        scratch.masks.extend(decoded.iter().map(|(span, _)| (span.clone(), Show::Head)));
        self.settle(piece.text, &piece.accept, &trace, scratch, out);
        if out.iter().skip(from).any(|found| matches!(found.identity, Identity::Copy(_))) {
            out.get_mut(from..).unwrap_or_default().sort_by_key(|found| found.span.start);
        }
        decoded.retain(|(span, _)| piece.accept.contains(&span.start));
        self.encoded(decoded, piece.hints, 0, scratch, out, None);
        place(piece.text, out.get_mut(from..).unwrap_or_default());
        scratch.trace = trace;
    }

    /// Anchors, rules without any, and candidates.
    fn learn(&self, text: &[u8], hints: Hints, base: Option<Base<'_>>, trace: &mut Trace) {
        self.search(text, hints, base, trace);
        trace.people.fill(text, base.map(|base| (&base.trace.people, base.change)));
    }

    /// What looks at the text as a whole: rules without an anchor, personal data, names.
    fn search_whole(&self, piece: &Piece<'_>, trace: &Trace, scratch: &mut Scratch) {
        for &rule in &self.unanchored {
            self.try_everywhere(piece.text, rule, piece.hints, &mut scratch.hits);
        }
        let mut people = Vec::new();
        let mut others = Vec::new();
        personal::judge(piece.text, &trace.people, &mut people, &mut others);
        scratch.over_limit += u64::from(trace.people.overflow);
        scratch.masks.extend(others.into_iter().map(|span| (span, Show::Nothing)));
        // In machine code and tables, numbers pass their checks by chance.
        let hints = piece.hints;
        let lowered = u8::from(hints.is_test) + u8::from(hints.is_credits) + 2 * u8::from(hints.is_binary);
        scratch.hits.extend(people.into_iter().map(|found| Hit {
            rule: self.base.personal + found.datum as u32,
            span: found.span,
            severity: found.severity,
            confidence: found.confidence.lowered(lowered),
            detail: Some(found.detail),
            level: Some(Level::Confidential),
            rank: Rank::Open,
        }));
        if !self.watchlist.is_empty() {
            let mut skeleton = std::mem::take(&mut scratch.skeleton);
            let mentions = self.watchlist.scan(piece.text, &mut skeleton);
            scratch.hits.extend(mentions.into_iter().filter_map(|mention| {
                let codename = self.watchlist.get(mention.name)?;
                Some(Hit {
                    rule: self.base.codename,
                    span: mention.span,
                    severity: if codename.level >= Level::Restricted { Severity::High } else { Severity::Medium },
                    confidence: mention.confidence,
                    detail: Some(format!("names project {}", codename.project)),
                    level: Some(codename.level),
                    rank: Rank::Open,
                })
            }));
            scratch.skeleton = skeleton;
        }
    }

    pub(crate) fn pattern(&self, rule: u32) -> Option<&Pattern> {
        let slot = self.patterns.get(rule as usize)?;
        slot.get_or_init(|| Pattern::parse(&self.rules.get(rule as usize)?.pattern).ok()).as_ref()
    }

    /// Undoes encodings, nested within a bound; what is found inside is reported at the place of the outermost run.
    fn encoded(
        &self,
        runs: Vec<(Range<usize>, Decoded)>,
        hints: Hints,
        depth: u8,
        scratch: &mut Scratch,
        out: &mut Vec<Match>,
        place: Option<Range<usize>>,
    ) {
        for (span, decoded) in runs {
            let at = place.clone().unwrap_or(span);
            let text = match decoded {
                Decoded::File(bytes) => {
                    scratch.embedded.push((at, bytes));
                    continue;
                }
                Decoded::Text(text) => text,
            };
            let from = out.len();
            let mut trace = Trace::default();
            self.learn(&text, hints, None, &mut trace);
            let inner = find_runs(&text, None, &mut trace.runs);
            self.search_whole(&Piece::whole(&text, hints), &trace, scratch);
            scratch.masks.extend(inner.iter().map(|(span, _)| (span.clone(), Show::Head)));
            self.settle(&text, &(0..text.len()), &trace, scratch, out);
            for found in out.iter_mut().skip(from) {
                found.span = at.clone();
            }
            if depth + 1 < DECODE_DEPTH_MAX {
                self.encoded(inner, hints, depth + 1, scratch, out, Some(at));
            }
        }
    }
}

/// Finds what is encoded in `text` and undoes it; `kept` is left with the runs that gave something.
fn find_runs(text: &[u8], base: Option<Base<'_>>, kept: &mut Vec<Run>) -> Vec<(Range<usize>, Decoded)> {
    kept.clear();
    match base {
        None => Scheme::ALL.into_iter().for_each(|scheme| scheme.find(text, 0..text.len(), kept)),
        Some(base) => carry_runs(text, base, kept),
    }
    let mut decoded = Vec::new();
    kept.retain(|run| {
        let found = decode::undo(text, run);
        let is_some = found.is_some();
        decoded.extend(found);
        is_some
    });
    decoded
}

/// Takes over the runs that stand in copied parts, and finds those that touch a gap.
fn carry_runs(text: &[u8], base: Base<'_>, runs: &mut Vec<Run>) {
    for scheme in Scheme::ALL {
        let regions = base.change.widened(text, |byte| scheme.belongs(byte));
        let of_scheme = base.trace.runs.iter().position(|run| run.scheme == scheme).unwrap_or(0);
        let of_scheme = base.trace.runs.get(of_scheme..).unwrap_or_default();
        let count = of_scheme.iter().take_while(|run| run.scheme == scheme).count();
        base.change.carry(
            of_scheme.get(..count).unwrap_or_default(),
            |run| run.span.start,
            |run, part| {
                let span = || part.moved(run.span.start)..part.moved(run.span.end);
                let searched = |span: &Range<usize>| {
                    let next = regions.partition_point(|region| region.end < span.start);
                    regions.get(next).is_some_and(|region| region.start <= span.end)
                };
                if part.holds(&run.span, 1, 1) && !searched(&span()) {
                    runs.push(Run { scheme, span: span() });
                }
            },
        );
        for region in regions {
            scheme.find(text, region, runs);
        }
    }
    runs.sort_unstable_by_key(|run| (run.scheme, run.span.start));
}

/// A prefix in a fixed case begins a token; a word in any case, or punctuation, can stand before anything.
fn follow(rule: &Rule, anchor: &str) -> Follow {
    let prefix = anchor.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !rule.pattern.starts_with("(?i)");
    if prefix { Follow::Token } else { Follow::Any }
}
