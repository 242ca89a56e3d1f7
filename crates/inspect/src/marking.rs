//! Text that states a level: banners, labels, sentences, traffic lights, CUI, embargoes, front matter.
//!
//! A marking is known by its form, not by its word: `confidential` in a sentence about OAuth clients is none. Three
//! forms count: a banner (a line of its own), a label (`Classification: ...`), a sentence that speaks of its document.

use std::ops::Range;

use cordon_domain::{Confidence, Level, Severity, Today};

use crate::capability::{day, moment};
use crate::hints::{Hints, Syntax};

/// Which marking was found; the discriminant is the place in [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Confidential,
    Internal,
    Restricted,
    Draft,
    Embargo,
    TrafficLight,
    Cui,
    CuiInvalid,
    SensitivityLabel,
    FrontMatter,
    NonDisclosure,
}

/// Names and titles, in the order of [`Mark`].
pub(crate) const RULES: [(&str, &str); 11] = [
    ("marking-confidential", "marked confidential"),
    ("marking-internal", "marked for internal use"),
    ("marking-restricted", "marked restricted"),
    ("marking-draft", "marked as a draft"),
    ("marking-embargo", "under embargo"),
    ("marking-tlp", "marked with a Traffic Light Protocol label"),
    ("marking-cui", "marked as controlled unclassified information"),
    ("marking-cui-invalid", "marked as controlled unclassified information, with a mistake"),
    ("marking-sensitivity-label", "carries a Microsoft sensitivity label"),
    ("marking-front-matter", "page that is not meant to be published yet"),
    ("marking-nda", "under a non-disclosure agreement"),
];

/// Literals of which one stands on each line that can be a marking.
pub(crate) const ANCHORS: [&str; 26] = [
    "confidential",
    "confidence",
    "internal",
    "employees only",
    "not for ",
    "do not distribute",
    "do not share",
    "do not forward",
    "restricted",
    "top secret",
    "trade secret",
    "eyes only",
    "need to know",
    "need-to-know",
    "draft",
    "embargo",
    "tlp:",
    "cui",
    "controlled//",
    "msip_label_",
    "nda",
    "non-disclosure",
    "vertraulich",
    "confidentiel",
    "confidencial",
    "riservato",
];

/// A marking.
#[derive(Debug)]
pub(crate) struct Marking {
    pub(crate) mark: Mark,
    pub(crate) span: Range<usize>,
    pub(crate) level: Level,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) detail: Option<String>,
}

/// Bytes of a line before and behind a phrase that are looked at.
pub(crate) const LINE_BYTES_MAX: usize = 600;
const BANNER_CHARS_MAX: usize = 72;

/// Phrases with the marking they make; longer ones stand first where one holds another.
const PHRASES: [(&str, Mark); 37] = [
    ("under nda", Mark::NonDisclosure),
    ("nda only", Mark::NonDisclosure),
    ("covered by nda", Mark::NonDisclosure),
    ("subject to nda", Mark::NonDisclosure),
    ("nda required", Mark::NonDisclosure),
    ("non-disclosure agreement", Mark::NonDisclosure),
    ("top secret", Mark::Restricted),
    ("eyes only", Mark::Restricted),
    ("need to know", Mark::Restricted),
    ("need-to-know", Mark::Restricted),
    ("highly restricted", Mark::Restricted),
    ("strictly restricted", Mark::Restricted),
    ("restricted distribution", Mark::Restricted),
    ("restricted", Mark::Restricted),
    ("streng vertraulich", Mark::Confidential),
    ("vertraulich", Mark::Confidential),
    ("confidentiel", Mark::Confidential),
    ("confidencial", Mark::Confidential),
    ("riservato", Mark::Confidential),
    ("strictly confidential", Mark::Confidential),
    ("commercial in confidence", Mark::Confidential),
    ("trade secret", Mark::Confidential),
    ("confidential", Mark::Confidential),
    ("internal use only", Mark::Internal),
    ("internal only", Mark::Internal),
    ("internal use", Mark::Internal),
    ("internal distribution only", Mark::Internal),
    ("company internal", Mark::Internal),
    ("employees only", Mark::Internal),
    ("not for external", Mark::Internal),
    ("not for public", Mark::Internal),
    ("not for distribution", Mark::Internal),
    ("not for release", Mark::Internal),
    ("do not distribute", Mark::Internal),
    ("do not share outside", Mark::Internal),
    ("do not share externally", Mark::Internal),
    ("do not forward", Mark::Internal),
];
const LABEL_NAMES: [&str; 12] = [
    "classification",
    "sensitivity",
    "confidentiality",
    "security level",
    "security classification",
    "data class",
    "data classification",
    "information class",
    "document status",
    "handling",
    "distribution",
    "access level",
];
const THIS_THINGS: [&str; 17] = [
    "this document",
    "this memo",
    "this report",
    "this file",
    "this presentation",
    "this page",
    "this deck",
    "this message",
    "this email",
    "this e-mail",
    "this draft",
    "this material",
    "this information",
    "these materials",
    "these slides",
    "the contents of this",
    "the information in this",
];

/// The bounds of the line around `at`, at most [`LINE_BYTES_MAX`] long on either side.
pub(crate) fn line_around(text: &[u8], at: usize) -> Range<usize> {
    let low = at.saturating_sub(LINE_BYTES_MAX);
    let high = text.len().min(at + LINE_BYTES_MAX);
    let start =
        text.get(low..at).and_then(|head| memchr::memrchr(b'\n', head)).map_or(low, |newline| low + newline + 1);
    let end = text.get(at..high).and_then(|tail| memchr::memchr(b'\n', tail)).map_or(high, |newline| at + newline);
    start..end
}

/// Judges the line `line` of `text`.
pub(crate) fn judge_line(text: &[u8], line: &Range<usize>, hints: Hints, today: Today) -> Option<Marking> {
    let raw = text.get(line.clone())?;
    let whole = str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw).into_owned(), str::to_owned);
    let core = strip_tags(&whole);
    let lower = core.to_lowercase();
    let found = traffic_light(&core)
        .or_else(|| cui(&core))
        .or_else(|| embargo(&core, &lower, today))
        .or_else(|| sensitivity_label(&core))
        .or_else(|| phrase(&core, &lower, is_item(&whole)))?;
    let start = raw.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let end = raw.trim_ascii_end().len();
    let quoted = hints.syntax == Syntax::Code && !is_comment(&whole);
    // In a comment, `internal only` speaks of an interface, not of the file, unless it is loud.
    let spoken = matches!(hints.syntax, Syntax::Code | Syntax::Config)
        && found.mark == Mark::Internal
        && !core.contains("INTERNAL");
    let confidence = found.confidence.lowered(u8::from(quoted) * 2 + u8::from(spoken) + u8::from(hints.is_test));
    Some(Marking { span: line.start + start..line.start + end.max(start), confidence, ..found })
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", "/*", "*", "--", ";", "%", "<!--", "\"\"\"", "'''"].iter().any(|mark| line.starts_with(mark))
        || line.contains("// ")
        || line.contains(" # ")
}

fn strip_tags(line: &str) -> String {
    let trim =
        |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | ':' | '(')).to_owned();
    if !line.contains('<') {
        return trim(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut inside = false;
    for c in line.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    trim(&out)
}

fn marking(mark: Mark, confidence: Confidence, detail: Option<String>) -> Marking {
    let (level, severity) = match mark {
        Mark::Restricted | Mark::Embargo => (Level::Restricted, Severity::High),
        Mark::Confidential
        | Mark::Cui
        | Mark::CuiInvalid
        | Mark::TrafficLight
        | Mark::SensitivityLabel
        | Mark::NonDisclosure => (Level::Confidential, Severity::High),
        Mark::Internal | Mark::FrontMatter => (Level::Internal, Severity::Medium),
        Mark::Draft => (Level::Internal, Severity::Low),
    };
    Marking { mark, span: 0..0, level, severity, confidence, detail }
}

/// One word behind the mark of a list.
fn is_item(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with(' '));
    rest.is_some_and(|rest| rest.split_whitespace().count() == 1)
}

fn phrase(core: &str, lower: &str, is_item: bool) -> Option<Marking> {
    let form = Form::of(core, lower)?;
    if let Some((phrase, mark)) = PHRASES.iter().find(|(phrase, _)| has_word(lower, phrase)) {
        let loud = has_word(core, &phrase.to_uppercase());
        // `restricted`, `internal use` and `confidential` are ordinary words: they count loud, alone, or in a label.
        let weak = matches!(
            *phrase,
            "restricted"
                | "confidential"
                | "internal use"
                | "need to know"
                | "need-to-know"
                | "non-disclosure agreement"
                | "top secret"
                | "trade secret"
        );
        let alone = lower.chars().filter(|c| c.is_alphabetic()).count() <= phrase.len() + 12;
        let confidence = match form {
            Form::Label => Confidence::High,
            // `- RESTRICTED` alone is one of a list of values.
            Form::Banner if loud && weak && is_item => Confidence::Low,
            Form::Banner if loud => Confidence::High,
            Form::Banner if !weak || alone && is_title(core) => Confidence::Medium,
            Form::Sentence => {
                if weak && *mark == Mark::Restricted {
                    Confidence::Low
                } else {
                    Confidence::Medium
                }
            }
            Form::Text if loud && !weak => Confidence::Medium,
            Form::Banner | Form::Text => {
                if loud || !weak {
                    Confidence::Low
                } else {
                    Confidence::Minimal
                }
            }
        };
        return Some(marking(*mark, confidence, None));
    }
    let loud = has_word(core, "DRAFT");
    // `draft: true` is a field: it counts in front matter only.
    let is_field =
        lower.strip_prefix("draft:").is_some_and(|value| matches!(value.trim(), "true" | "false" | "yes" | "no"));
    if is_field || !has_word(lower, "draft") {
        return None;
    }
    let confidence = match form {
        Form::Label => Confidence::Medium,
        Form::Banner if loud => Confidence::Medium,
        Form::Sentence
            if lower.contains("is a draft") || lower.contains("working draft") || lower.contains("draft only") =>
        {
            Confidence::Medium
        }
        Form::Banner
            if is_title(core) && (lower == "draft" || lower.starts_with("draft:") || lower.starts_with("draft -")) =>
        {
            Confidence::Medium
        }
        Form::Banner | Form::Sentence | Form::Text => return None,
    };
    Some(marking(Mark::Draft, confidence, None))
}

/// Every word begins with a capital, as in a heading or a stamp.
fn is_title(core: &str) -> bool {
    core.split_whitespace().all(|word| !word.starts_with(char::is_lowercase))
}

/// The form in which a line speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Label,
    Banner,
    Sentence,
    Text,
}

impl Form {
    fn of(core: &str, lower: &str) -> Option<Self> {
        let label = lower.split_once(':').or_else(|| lower.split_once('=')).or_else(|| lower.split_once('|'));
        if label.is_some_and(|(name, rest)| {
            LABEL_NAMES.contains(&name.trim_matches(|c: char| !c.is_alphabetic())) && rest.trim().chars().count() <= 60
        }) {
            return Some(Self::Label);
        }
        if THIS_THINGS.iter().any(|thing| lower.contains(thing)) {
            return Some(Self::Sentence);
        }
        let words = core.split_whitespace().count();
        let code = core.contains(['(', '{', ';', '=', '`', '$', '\''])
            || core.contains("->")
            || core.contains("::")
            || core.ends_with('?');
        let calm = !core.ends_with('.') || words <= 4;
        Some(if core.chars().count() <= BANNER_CHARS_MAX && words <= 12 && !code && calm {
            Self::Banner
        } else {
            Self::Text
        })
    }
}

/// Tells whether `phrase` stands in `text` between word boundaries, and not as part of a compound (`non-confidential`).
fn has_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let behind = text.get(at + phrase.len()..).and_then(|tail| tail.chars().next());
        let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        edge(before)
            && edge(behind)
            && before != Some('-')
            && before != Some('.')
            && !text
                .get(..at)
                .is_some_and(|head| head.to_lowercase().ends_with("not ") || head.to_lowercase().ends_with("non "))
    })
}

/// FIRST's Traffic Light Protocol 2.0: RED, AMBER+STRICT, AMBER, GREEN, CLEAR, in capitals, without blanks.
fn traffic_light(core: &str) -> Option<Marking> {
    let upper = core.to_ascii_uppercase();
    if upper.matches("TLP:").count() != 1 {
        return None;
    }
    let at = upper.find("TLP:")?;
    let rest = upper.get(at + 4..)?.trim_start();
    let (colour, level) = [
        ("AMBER+STRICT", Level::Confidential),
        ("AMBER", Level::Confidential),
        ("RED", Level::Restricted),
        ("GREEN", Level::Internal),
        ("CLEAR", Level::Public),
        ("WHITE", Level::Public),
    ]
    .into_iter()
    .find(|(colour, _)| {
        rest.strip_prefix(colour).is_some_and(|tail| !tail.starts_with(|c: char| c.is_alphanumeric()))
    })?;
    let exact = core.contains(&format!("TLP:{colour}"));
    let short = core.chars().count() <= BANNER_CHARS_MAX;
    let confidence = match (exact, short) {
        (true, true) => Confidence::High,
        (false, true) | (true, false) => Confidence::Medium,
        (false, false) => Confidence::Low,
    };
    let note =
        if colour == "WHITE" { "TLP:WHITE, the older name of TLP:CLEAR".to_owned() } else { format!("TLP:{colour}") };
    let found = marking(Mark::TrafficLight, confidence, Some(note));
    let severity = match level {
        Level::Restricted => Severity::Critical,
        Level::Confidential => Severity::High,
        Level::Internal => Severity::Medium,
        Level::Public => Severity::Low,
    };
    let confidence = if level == Level::Public { Confidence::Low } else { found.confidence };
    Some(Marking { level, severity, confidence, ..found })
}

/// Dissemination controls of the CUI registry.
const CUI_CONTROLS: [&str; 11] = [
    "NOFORN",
    "FED ONLY",
    "FEDCON",
    "NOCON",
    "DL ONLY",
    "RELIDO",
    "REL TO",
    "DISPLAY ONLY",
    "ATTORNEY-CLIENT",
    "ATTORNEY-WP",
    "DELIBERATIVE",
];

/// NARA's banner: `CUI` or `CONTROLLED`, then `//` categories (specified ones, `SP-`, first, each group in alphabetical
/// order, separated by `/`), then `//` dissemination controls.
fn cui(core: &str) -> Option<Marking> {
    let banner = core.strip_prefix("(U) ").unwrap_or(core);
    let rest = banner.strip_prefix("CONTROLLED").or_else(|| banner.strip_prefix("CUI"))?;
    if rest.is_empty() {
        return (banner == "CUI").then(|| marking(Mark::Cui, Confidence::Medium, None));
    }
    let rest = rest.strip_prefix("//")?;
    if rest.chars().any(|c| c.is_lowercase()) || rest.len() > 120 {
        return None;
    }
    match cui_mistake(rest) {
        None => Some(marking(Mark::Cui, Confidence::High, Some(format!("CUI//{rest}")))),
        Some(mistake) => Some(marking(Mark::CuiInvalid, Confidence::Medium, Some(mistake))),
    }
}

fn cui_mistake(rest: &str) -> Option<String> {
    let is_control = |text: &str| {
        CUI_CONTROLS.iter().any(|control| {
            text == *control || matches!(*control, "REL TO" | "DISPLAY ONLY") && text.starts_with(control)
        })
    };
    let groups: Vec<&str> = rest.split("//").collect();
    if groups.len() > 2 {
        return Some("more than two groups behind CUI".to_owned());
    }
    for (index, group) in groups.iter().enumerate() {
        let parts: Vec<&str> = group.split('/').collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            return Some("an empty part".to_owned());
        }
        let controls = parts.iter().filter(|part| is_control(part)).count();
        if controls == parts.len() {
            continue;
        }
        if controls > 0 || index > 0 {
            let unknown = parts.iter().find(|part| !is_control(part)).copied().unwrap_or_default();
            return Some(format!("`{unknown}` is no dissemination control"));
        }
        if let Some(bad) = parts
            .iter()
            .find(|part| !part.trim_start_matches("SP-").chars().all(|c| c.is_ascii_uppercase()) || part.len() > 11)
        {
            return Some(format!("`{bad}` is no category"));
        }
        let key = |part: &&str| (!part.starts_with("SP-"), part.trim_start_matches("SP-").to_owned());
        if !parts.is_sorted_by_key(key) {
            return Some("categories out of order: SP- first, then alphabetical".to_owned());
        }
    }
    None
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads the first day in `text`: `2027-03-12`, `12 March 2027`, `March 12, 2027`.
pub(crate) fn first_day(text: &str) -> Option<i64> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '"'))
        .filter(|word| !word.is_empty())
        .take(24)
        .collect();
    for (at, word) in words.iter().enumerate() {
        if word.len() >= 10
            && word.as_bytes().get(4) == Some(&b'-')
            && let Some(found) = moment(word)
        {
            return Some(found);
        }
        let Some(month) =
            word.get(..3).map(str::to_lowercase).and_then(|head| MONTHS.iter().position(|month| *month == head))
        else {
            continue;
        };
        let number = |offset: Option<usize>| {
            offset
                .and_then(|at| words.get(at))
                .and_then(|word| word.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok())
        };
        let pairs = [(number(at.checked_sub(1)), number(Some(at + 1))), (number(Some(at + 1)), number(Some(at + 2)))];
        let found = pairs.into_iter().find_map(|(day, year)| match (day, year) {
            (Some(day @ 1..=31), Some(year @ 1990..=2199)) => moment(&format!("{year}-{:02}-{day:02}", month + 1)),
            _ => None,
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

fn embargo(core: &str, lower: &str, today: Today) -> Option<Marking> {
    let at = [
        "embargoed until",
        "embargoed till",
        "embargo until",
        "embargo lifts",
        "under embargo",
        "embargo:",
        "embargo date",
        "embargoed:",
        "embargoed for release",
        "embargo ends",
        "embargoed",
    ]
    .iter()
    .find_map(|phrase| lower.find(phrase))?;
    let until = lower.get(at..).and_then(first_day);
    let loud = core.get(at..at + 7).is_some_and(|word| word.chars().all(char::is_uppercase));
    let past = until.is_some_and(|until| !today.is_before(until));
    let detail = until.map(|until| format!("until {}{}", day(until), if past { " (past)" } else { "" }));
    let confidence = match (until.is_some(), loud) {
        (true, _) => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    };
    let found = marking(Mark::Embargo, confidence, detail);
    Some(if past { Marking { level: Level::Internal, severity: Severity::Low, ..found } } else { found })
}

/// `MSIP_Label_<GUID>_Name`, as Office writes it into document properties and mail headers.
fn sensitivity_label(core: &str) -> Option<Marking> {
    let (_, rest) = core.split_once("MSIP_Label_")?;
    let (_, rest) = rest.split_at_checked(36).filter(|(guid, _)| crate::value::is_uuid(guid.as_bytes()))?;
    let value = rest.strip_prefix("_Name")?;
    let name: String = value
        .trim_start_matches(|c: char| !c.is_alphabetic())
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '\\' | '/'))
        .take(60)
        .collect();
    let lower = name.to_lowercase();
    let level = if lower.contains("public") || lower.contains("personal") {
        Level::Public
    } else if lower.contains("highly") || lower.contains("restricted") || lower.contains("secret") {
        Level::Restricted
    } else if lower.contains("general") || lower.contains("internal") {
        Level::Internal
    } else {
        Level::Confidential
    };
    let found = marking(Mark::SensitivityLabel, Confidence::High, Some(format!("label `{}`", name.trim())));
    let severity = if level == Level::Public { Severity::Low } else { found.severity };
    let confidence = if level == Level::Public { Confidence::Low } else { found.confidence };
    Some(Marking { level, severity, confidence, ..found })
}

/// Judges the front matter (between `---` or `+++` lines) at the start of a text.
pub(crate) fn front_matter(text: &[u8], today: Today) -> Option<Marking> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let fence: &[u8] = if text.starts_with(b"---\n") || text.starts_with(b"---\r\n") {
        b"\n---"
    } else if text.starts_with(b"+++\n") {
        b"\n+++"
    } else {
        return None;
    };
    let head = text.get(..text.len().min(4096))?;
    let end = memchr::memmem::find(head.get(3..)?, fence)? + 3;
    let mut at = 0;
    for line in head.get(..end)?.split_inclusive(|byte| *byte == b'\n') {
        let span = at..at + line.trim_ascii_end().len();
        at += line.len();
        let Ok(line) = str::from_utf8(line) else { continue };
        let Some((name, value)) = line.split_once(':').or_else(|| line.split_once('=')) else { continue };
        let value = value.trim().trim_matches(['"', '\'']).to_lowercase();
        let name = name.trim().to_lowercase().replace(['-', '_'], "");
        let future = || moment(&value).filter(|moment| today.is_before(*moment));
        let note = match (name.as_str(), value.as_str()) {
            ("draft", "true" | "yes") | ("published" | "public", "false" | "no") => format!("{name}: {value}"),
            ("visibility" | "access" | "audience", "private" | "internal" | "restricted" | "confidential") => {
                format!("{name}: {value}")
            }
            ("status", "draft" | "unpublished" | "embargoed") => format!("{name}: {value}"),
            (
                "date" | "publishdate" | "publishedat" | "publishon" | "pubdate" | "releasedate" | "embargo"
                | "scheduled",
                _,
            ) => match future() {
                Some(moment) => format!("not before {}", day(moment)),
                None => continue,
            },
            _ => continue,
        };
        let found = marking(Mark::FrontMatter, Confidence::High, Some(note));
        return Some(Marking { span, ..found });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Today = Today(1_790_000_000);

    fn judge(line: &str) -> Option<Marking> {
        judge_line(line.as_bytes(), &(0..line.len()), Hints::default(), TODAY)
    }

    #[track_caller]
    fn check(line: &str, mark: Mark, at_least: Confidence) {
        let found = judge(line);
        assert!(
            found.as_ref().is_some_and(|found| found.mark == mark && found.confidence >= at_least),
            "{line}: {found:?}"
        );
    }

    #[track_caller]
    fn quiet(line: &str) {
        let found = judge(line);
        assert!(found.as_ref().is_none_or(|found| found.confidence < Confidence::Medium), "{line}: {found:?}");
    }

    #[test]
    fn banners_labels_and_sentences() {
        check("# CONFIDENTIAL", Mark::Confidential, Confidence::High);
        check("<b>Company Confidential</b>", Mark::Confidential, Confidence::Medium);
        check("Acme Corp - INTERNAL USE ONLY - do not forward", Mark::Internal, Confidence::High);
        check("Classification: Restricted", Mark::Restricted, Confidence::High);
        check("This document is confidential and may not be shared.", Mark::Confidential, Confidence::Medium);
        check("*** DRAFT v0.3 ***", Mark::Draft, Confidence::Medium);
        check("Streng vertraulich", Mark::Confidential, Confidence::Medium);
        check("Shared under NDA with partners", Mark::NonDisclosure, Confidence::Medium);
        check(
            "MSIP_Label_f42aa342-8706-4288-bd11-ebb85995028c_Name: Highly Confidential",
            Mark::SensitivityLabel,
            Confidence::High,
        );
    }

    #[test]
    fn ordinary_prose_is_no_marking() {
        quiet("A confidential client can keep its secret, as RFC 6749 says in section 2.1.");
        quiet("Access to the internal use of this function is restricted by the borrow checker, which is stricter.");
        quiet("We drafted a plan and drew a draft of the letter yesterday afternoon, then went home.");
        quiet("non-confidential");
        quiet("- draft");
        quiet("  - RESTRICTED");
        quiet("description: top secret share");
        quiet("fn restricted(level: Level) -> bool {");
    }

    #[test]
    fn traffic_lights_and_cui() {
        check("TLP:AMBER+STRICT", Mark::TrafficLight, Confidence::High);
        assert_eq!(judge("TLP:RED").map(|found| found.level), Some(Level::Restricted));
        quiet("TLP:RED, TLP:AMBER, TLP:GREEN and TLP:CLEAR are the four labels");
        check("CUI//SP-CTI/SP-EXPT/PRVCY//NOFORN", Mark::Cui, Confidence::High);
        check("CUI//PRVCY/SP-CTI", Mark::CuiInvalid, Confidence::Medium);
        check("CONTROLLED//NOFORN", Mark::Cui, Confidence::High);
        check("CUI//PRVCY//EVERYONE", Mark::CuiInvalid, Confidence::Medium);
    }

    #[test]
    fn embargoes_have_a_day() {
        let found = judge("EMBARGOED UNTIL 12 March 2027, 09:00 PT").expect("a marking");
        assert_eq!((found.mark, found.detail.as_deref()), (Mark::Embargo, Some("until 2027-03-12")));
        assert_eq!(judge("Embargoed until March 3, 2021").map(|found| found.severity), Some(Severity::Low));
    }

    #[test]
    fn front_matter_speaks_for_the_page() {
        let note = |text: &str| front_matter(text.as_bytes(), TODAY).and_then(|found| found.detail);
        assert_eq!(note("---\ntitle: x\ndraft: true\n---\n").as_deref(), Some("draft: true"));
        assert_eq!(note("---\npublish_date: 2031-01-01\n---\n").as_deref(), Some("not before 2031-01-01"));
        assert_eq!(note("---\ndate: 2020-01-01\ndraft: false\n---\n"), None);
        assert_eq!(note("title: x\ndraft: true\n"), None);
    }
}
