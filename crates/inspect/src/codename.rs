//! Names of what is not announced, however they are written: case, spacing, diacritics, look-alike letters, leetspeak,
//! inside identifiers. Letters that look like no Latin one stand for themselves, in lower case.

use std::ops::Range;

use cordon_domain::{Confidence, Level};
use unicode_normalization::UnicodeNormalization as _;

use crate::anchor::{AnchorSet, Follow};

/// A name to watch for.
#[derive(Clone, Debug)]
pub struct Codename {
    /// The name as its owners write it.
    pub name: String,
    /// The project it belongs to.
    pub project: String,
    /// The level its mention implies.
    pub level: Level,
    /// Words of which one must stand near, when the name is a common word. Empty: the name speaks for itself.
    pub near: Vec<String>,
}

/// Bytes on either side in which a word must stand that makes a common name mean the project.
const NEAR_BYTES: usize = 300;

/// Folded bytes of the shortest name.
const NAME_BYTES_MIN: usize = 3;

#[derive(Debug)]
pub(crate) struct Watchlist {
    names: Vec<Codename>,
    /// The folded name, and where its own words end.
    folded: Vec<(Vec<u8>, Vec<usize>)>,
    anchors: AnchorSet<u32>,
}

#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) name: usize,
    pub(crate) span: Range<usize>,
    pub(crate) confidence: Confidence,
}

/// Text reduced to what a name consists of, with the place each byte came from.
#[derive(Debug, Default)]
pub(crate) struct Skeleton {
    bytes: Vec<u8>,
    places: Vec<u32>,
}

/// Folds one character: base letter, lower case, look-alikes and leetspeak undone. `l`, `1` and `i` fold together.
fn fold_char(c: char) -> Option<u8> {
    let base = match c {
        '0' => 'o',
        '1' | '!' | '|' | 'l' | 'L' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        'а' | 'А' | 'α' | 'Α' => 'a',
        'в' | 'В' | 'β' | 'Β' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'е' | 'Е' | 'ε' | 'Ε' | 'э' => 'e',
        'н' | 'Н' | 'Η' => 'h',
        'і' | 'І' | 'ι' | 'Ι' | 'ł' | 'Ł' => 'i',
        'ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'м' | 'М' | 'Μ' => 'm',
        'Ν' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'ø' | 'Ø' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' => 'u',
        'ν' => 'v',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'Υ' => 'y',
        'Ζ' => 'z',
        _ => return None,
    };
    base.is_ascii_alphanumeric().then_some(base as u8)
}

fn fold(text: &[u8], into: &mut Skeleton) {
    into.bytes.clear();
    into.places.clear();
    let mut buffer = [0; 4];
    let mut push = |c: char, at: usize| {
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        if let Some(byte) = fold_char(c) {
            into.bytes.push(byte);
            into.places.push(place);
        } else if !c.is_ascii() && c.is_alphabetic() {
            // The sigma that ends a word is a sigma.
            for lower in c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c }) {
                let bytes = lower.encode_utf8(&mut buffer).as_bytes();
                into.bytes.extend_from_slice(bytes);
                into.places.extend(std::iter::repeat_n(place, bytes.len()));
            }
        }
    };
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_ascii() || fold_char(c).is_some() {
                push(c, at);
            } else {
                // The decomposition of a letter with marks begins with the letter.
                c.nfkd().take(4).for_each(|part| push(part, at));
            }
            at += c.len_utf8();
        }
        at += chunk.invalid().len();
    }
}

impl Codename {
    /// Tells whether the name is long enough to be told from other text: three letters, or one that takes three bytes.
    #[must_use]
    pub fn is_long_enough(&self) -> bool {
        let mut skeleton = Skeleton::default();
        fold(self.name.as_bytes(), &mut skeleton);
        skeleton.bytes.len() >= NAME_BYTES_MIN
    }
}

impl Watchlist {
    pub(crate) fn new(names: Vec<Codename>) -> Self {
        let mut skeleton = Skeleton::default();
        let mut folded = Vec::new();
        for codename in &names {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            for word in split_words(&codename.name) {
                fold(word.as_bytes(), &mut skeleton);
                bytes.extend_from_slice(&skeleton.bytes);
                ends.push(bytes.len());
            }
            folded.push((bytes, ends));
        }
        let anchors = folded
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| name.len() >= NAME_BYTES_MIN)
            .map(|(index, (name, _))| (name.clone(), Follow::Token, u32::try_from(index).unwrap_or(u32::MAX)));
        let anchors = AnchorSet::new(anchors);
        Self { names, folded, anchors }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Codename> {
        self.names.get(index)
    }

    /// Finds mentions in `text`.
    pub(crate) fn scan(&self, text: &[u8], skeleton: &mut Skeleton) -> Vec<Mention> {
        fold(text, skeleton);
        // The scan reads eight bytes at a time and a short name expands to four.
        skeleton.bytes.extend_from_slice(b"----");
        let mut found = Vec::new();
        self.anchors.scan(&skeleton.bytes, |start, anchor| {
            let Some((len, name)) = self.anchors.anchor(anchor) else { return };
            found.extend(self.mention(text, skeleton, start..start + len, *name as usize));
        });
        found
    }

    fn mention(&self, text: &[u8], skeleton: &Skeleton, at: Range<usize>, name: usize) -> Option<Mention> {
        let places = skeleton.places.get(at.clone())?;
        let first = *places.first()? as usize;
        let last = *places.last()? as usize;
        let end = last
            + text
                .get(last..)?
                .utf8_chunks()
                .next()
                .and_then(|chunk| chunk.valid().chars().next())
                .map_or(1, char::len_utf8);
        let span = first..end;
        if !is_edge_before(text, span.start) || !is_edge_behind(text, span.end) {
            return None;
        }
        let ends = &self.folded.get(name)?.1;
        let gaps = Gaps::of(text, places, ends);
        let codename = self.names.get(name)?;
        let confidence = gaps.confidence(places.len(), text.get(span.clone())?)?;
        let near = codename.near.is_empty() || is_near(text, &span, &codename.near);
        Some(Mention { name, span, confidence: if near { confidence } else { Confidence::Minimal } })
    }
}

fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in name.chars() {
        if c.is_whitespace() || matches!(c, '-' | '_' | '.') || c.is_uppercase() && last.is_lowercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
        last = c;
    }
    words
}

/// What stands between the letters of a mention.
#[derive(Debug, Default)]
struct Gaps {
    blank: usize,
    joined: usize,
    own: usize,
    wide: bool,
}

impl Gaps {
    fn of(text: &[u8], places: &[u32], ends: &[usize]) -> Self {
        let mut gaps = Self::default();
        for (index, pair) in places.windows(2).enumerate() {
            let [a, b] = *pair else { continue };
            let between = text.get(a as usize..b as usize).map(String::from_utf8_lossy).unwrap_or_default();
            let between: String = between.chars().skip(1).collect();
            if between.is_empty() {
                continue;
            }
            if ends.contains(&(index + 1)) {
                gaps.own += 1;
                gaps.wide |= between.chars().count() > 3;
            } else if between.chars().all(
                |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{ad}' | '\u{feff}' | '\u{2060}' | '\u{300}'..='\u{36f}'),
            ) {
                continue;
            } else if between.chars().count() == 1
                && matches!(between.chars().next(), Some('-' | '_' | '.' | '*' | '·' | '/' | '+'))
            {
                gaps.joined += 1;
            } else if between.trim().is_empty() && between.chars().count() <= 2 {
                gaps.blank += 1;
            } else {
                gaps.wide = true;
            }
        }
        gaps
    }

    fn confidence(&self, letters: usize, written: &[u8]) -> Option<Confidence> {
        let every = self.blank + self.joined + self.own + 1 >= letters;
        if self.wide || self.blank > 0 && !every {
            return None;
        }
        let odd = written.iter().any(|byte| matches!(byte, b'!' | b'|' | b'$' | b'@'));
        let mostly_digits = written.iter().filter(|byte| byte.is_ascii_digit()).count() * 2 >= letters;
        Some(if mostly_digits {
            Confidence::Low
        } else if self.joined > 0 || self.blank > 0 || odd {
            Confidence::Medium
        } else {
            Confidence::High
        })
    }
}

fn is_edge_before(text: &[u8], at: usize) -> bool {
    let Some(before) = text.get(..at).and_then(last_char) else { return true };
    let Some(first) = text.get(at..).and_then(first_char) else { return true };
    !before.is_alphanumeric()
        || is_unspaced(first)
        || before.is_ascii_digit() != first.is_ascii_digit() && first.is_alphabetic()
        || first.is_uppercase() && before.is_lowercase()
}

fn is_edge_behind(text: &[u8], at: usize) -> bool {
    let Some(behind) = text.get(at..).and_then(first_char) else { return true };
    let Some(last) = text.get(..at).and_then(last_char) else { return true };
    // `mythosV2`, `mythos2`: a hump or a number begins another word; a plural or a genitive is the same name.
    !behind.is_alphanumeric()
        || is_unspaced(last)
        || behind.is_ascii_digit()
        || behind.is_uppercase() && last.is_lowercase()
        || matches!(behind, 's') && !text.get(at + 1..).and_then(first_char).is_some_and(char::is_alphanumeric)
}

/// Letters of scripts that write words without blanks between them, or join particles to them.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn first_char(text: &[u8]) -> Option<char> {
    text.get(..text.len().min(8))?.utf8_chunks().next()?.valid().chars().next()
}

fn last_char(text: &[u8]) -> Option<char> {
    let start = (1..=4)
        .filter_map(|back| text.len().checked_sub(back))
        .find(|at| text.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80))?;
    str::from_utf8(text.get(start..)?).ok()?.chars().next()
}

fn is_near(text: &[u8], span: &Range<usize>, words: &[String]) -> bool {
    let around = text
        .get(span.start.saturating_sub(NEAR_BYTES)..text.len().min(span.end + NEAR_BYTES))
        .unwrap_or_default()
        .to_ascii_lowercase();
    words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        memchr::memmem::find_iter(&around, word.as_bytes()).any(|at| {
            let edge = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_alphanumeric);
            edge(at.checked_sub(1).and_then(|at| around.get(at))) && edge(around.get(at + word.len()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(near: &[&str]) -> Watchlist {
        let near = near.iter().map(|word| (*word).to_owned()).collect();
        Watchlist::new(vec![Codename {
            name: "Glass Heron".into(),
            project: "p".into(),
            level: Level::Restricted,
            near,
        }])
    }

    #[track_caller]
    fn check(text: &str, expect: bool) {
        let found = list(&[]).scan(text.as_bytes(), &mut Skeleton::default());
        assert_eq!(found.iter().any(|mention| mention.confidence >= Confidence::Medium), expect, "{text}: {found:?}");
    }

    #[test]
    fn disguises_are_seen_through() {
        for text in [
            "Glass Heron",
            "glassheron",
            "GLASS-HERON",
            "glass_heron_v2",
            "loadGlassHeronV2()",
            "gl4ss h3r0n",
            "Gläss Hérøn",
            "g l a s s h e r o n",
            "g-l-a-s-s-h-e-r-o-n",
            "Gla\u{200b}ss Her\u{ad}on",
            "glаss hеrоn",
            "ＧｌａｓｓＨｅｒｏｎ",
            "glass\nheron",
            "glass.heron2",
            "GlassHeron's",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn other_words_are_not() {
        for text in ["hourglass heronry", "a glass, then a long walk, and a heron", "eyeglassheronx"] {
            check(text, false);
        }
    }

    #[test]
    fn names_in_any_script() {
        let found = |name: &str, text: &str| {
            let codename =
                Codename { name: name.into(), project: "p".into(), level: Level::Restricted, near: Vec::new() };
            assert!(codename.is_long_enough(), "{name}");
            !Watchlist::new(vec![codename]).scan(text.as_bytes(), &mut Skeleton::default()).is_empty()
        };
        assert!(found("Жар-птица", "проект ЖАР ПТИЦА, весна"));
        assert!(!found("Жар-птица", "проект птица"));
        assert!(found("神話", "关于神話項目的计划"));
        assert!(!found("神話", "关于神仙的话"));
        assert!(found("신화", "신화는 아직 비밀이다"));
        assert!(found("Αίολος", "το έργο ΑΊΟΛΟΣ αύριο"));
        let short = Codename { name: "x1".into(), project: "p".into(), level: Level::Restricted, near: Vec::new() };
        assert!(!short.is_long_enough());
    }

    #[test]
    fn a_common_name_needs_company() {
        let near = list(&["model", "checkpoint"]);
        let best = |text: &str| {
            near.scan(text.as_bytes(), &mut Skeleton::default()).into_iter().map(|mention| mention.confidence).max()
        };
        assert_eq!(best("the glass heron model ships soon"), Some(Confidence::High));
        assert_eq!(best("a glass heron stands on the shelf"), Some(Confidence::Minimal));
    }
}
