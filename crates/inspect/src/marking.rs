//! Text that states a level: banners, labels, sentences, traffic lights, CUI, embargoes, front matter.
//!
//! A marking is known by its form, not by its word: `confidential` in a sentence about OAuth clients is none. Three
//! forms count: a banner (a line of its own), a label (`Classification: ...`), a sentence that speaks of its document.

mod phrase;

use std::borrow::Cow;
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
pub(crate) const ANCHORS: [&str; 69] = [
    "privileged",
    "confidentiality",
    "staff only",
    "do not copy",
    "company secret",
    "controlled unclassified",
    "diffusion restreinte",
    "ne pas diffuser",
    "limitada",
    "no difundir",
    "vertrauliche",
    "vertraulicher",
    "vertraulichen",
    "confidentielle",
    "confidentielles",
    "confidentiels",
    "confidenciales",
    "unpublished",
    "law enforcement",
    "source selection",
    "dienstgebrauch",
    "weitergeben",
    "divulgare",
    "do not release",
    "distribution statement",
    "secret//",
    "riservata",
    "official",
    "attorney work",
    "classification",
    "-in-confidence",
    "c o n f i d e n",
    "i n t e r n a l",
    "uso interno",
    "usage interne",
    "internen gebrauch",
    "streng geheim",
    "privilege",
    "not to be ",
    "do not redistribute",
    "do not circulate",
    "do not publish",
    "classified as",
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
/// Lines with text at the head and at the foot of a document where a marking speaks for all of it.
const HEAD_LINES: usize = 10;
const FOOT_LINES: usize = 8;

/// The part of a text between its head and its foot: there, a marking is mostly an example, a heading, or speaks of
/// something else.
pub(crate) fn middle(text: &[u8]) -> Range<usize> {
    let blank = |line: &[u8]| line.trim_ascii().is_empty();
    let after = |lines: &mut dyn Iterator<Item = &[u8]>, count: usize| {
        let mut left = count;
        let mut bytes = 0;
        for line in lines {
            if left == 0 {
                break;
            }
            bytes += line.len() + 1;
            left -= usize::from(!blank(line));
        }
        bytes
    };
    let head = after(&mut text.split(|byte| *byte == b'\n'), HEAD_LINES);
    let foot = after(&mut text.rsplit(|byte| *byte == b'\n'), FOOT_LINES);
    head.min(text.len())..text.len().saturating_sub(foot)
}

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
    // What is struck out holds no more.
    if memchr::memmem::find(raw, b"~~").is_some() {
        return None;
    }
    let whole = String::from_utf8_lossy(raw);
    let core = strip_tags(without_commands(&whole));
    let lower = core.to_lowercase();
    let format = labels(&core)
        .or_else(|| cui(&core))
        .or_else(|| embargo(&core, &lower, today))
        .or_else(|| sensitivity_label(&core))
        .or_else(|| government(&core));
    let (sure, unsure) = match format {
        Some(found) if found.confidence > Confidence::Low => (Some(found), None),
        other => (None, other),
    };
    let around = [text.get(..line.start.saturating_sub(1)), text.get(line.end + 1..)].map(Option::unwrap_or_default);
    let [above, below] = [around[0].rsplit(is_newline).next(), around[1].split(is_newline).next()]
        .map(|line| String::from_utf8_lossy(line.unwrap_or_default()));
    let setting = phrase::setting(&whole, [&above, &below]);
    let found = sure.or_else(|| phrase::phrase(&core, &whole, setting)).or(unsure)?;
    let start = raw.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    let end = raw.trim_ascii_end().len();
    let quoted = hints.syntax == Syntax::Code && !is_comment(&whole);
    // In a comment, `internal only` speaks of an interface, not of the file, unless it is loud.
    let spoken = (hints.syntax == Syntax::Code || hints.syntax == Syntax::Config && is_comment(&whole))
        && found.mark == Mark::Internal
        && found.confidence < Confidence::High
        && !core.contains("INTERNAL")
        && !phrase::says_this(&lower);
    let confidence = found.confidence.lowered(u8::from(quoted) * 2 + u8::from(spoken) + u8::from(hints.is_test));
    Some(Marking { span: line.start + start..line.start + end.max(start), confidence, ..found })
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", "/*", "*", "--", ";", "%", "<!--", "\"\"\"", "'''"].iter().any(|mark| line.starts_with(mark))
        || line.contains("// ")
        || line.contains(" # ")
}

/// What TeX prints of a line of commands.
fn without_commands(line: &str) -> Cow<'_, str> {
    if !line.trim_start().starts_with('\\') {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((text, command)) = rest.split_once('\\') {
        out.push_str(text);
        rest = command.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        rest = rest.strip_prefix('[').and_then(|option| option.split_once(']')).map_or(rest, |(_, rest)| rest);
    }
    out.push_str(rest);
    Cow::Owned(out.replace(['{', '}'], "  ").replace("---", " — "))
}

fn strip_tags(line: Cow<'_, str>) -> Cow<'_, str> {
    let line = if line.contains(['<', '>']) { Cow::Owned(without_tags(&line)) } else { line };
    let edge = |c: char| !c.is_alphanumeric() && !matches!(c, '+' | ':' | '(');
    match line {
        Cow::Borrowed(line) => Cow::Borrowed(line.trim_matches(edge)),
        Cow::Owned(line) => Cow::Owned(line.trim_matches(edge).to_owned()),
    }
}

fn without_tags(line: &str) -> String {
    // A comment is said to whoever reads the source.
    let line = line.replace("<!--", " ").replace("-->", " ").replace("<code>", "`").replace("</code>", "`");
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
    out
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

/// The label of a line that has one, or the same one at both ends.
fn labels(core: &str) -> Option<Marking> {
    if !core.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"TLP:")) {
        return None;
    }
    let mut parts = core.split("  ").map(str::trim).filter(|part| part.starts_with("TLP:"));
    let first = parts.next().filter(|first| parts.all(|other| other == *first));
    traffic_light(first.unwrap_or(core))
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
    // A label stands by itself, or behind its name; in the middle of a line it is spoken of.
    let name = core.get(..at).unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let led = name.is_empty() || TLP_NAMES.iter().any(|known| name.ends_with(known)) && name.len() <= 40;
    let short = core.split_whitespace().count() <= 12;
    let confidence = match (exact, led && short) {
        (true, true) => Confidence::High,
        (false, true) => Confidence::Medium,
        (_, false) => Confidence::Low,
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

/// Words that introduce a label.
const TLP_NAMES: [&str; 9] = [
    "label",
    "traffic light protocol",
    "traffic light",
    "tlp",
    "classification",
    "marking",
    "sharing",
    "distribution",
    "handling",
];

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
    let banner = match banner.strip_prefix("CONTROLLED UNCLASSIFIED INFORMATION") {
        Some("") => "CUI",
        Some(rest) => rest.trim_matches(|c: char| !c.is_alphanumeric()),
        None => banner,
    };
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

/// Bytes of a line that says one thing.
const SENTENCE_BYTES_MAX: usize = 240;

fn embargo(core: &str, lower: &str, today: Today) -> Option<Marking> {
    // Each of the phrases has one of these.
    if !lower.contains("embargo") && !lower.contains("release") && !lower.contains("publication") {
        return None;
    }
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
        "not for publication before",
        "not for release before",
        "hold for release",
        "embargo_until",
        "embargo ends",
        "embargoed",
    ]
    .iter()
    .find_map(|phrase| lower.find(phrase))
    .or_else(|| core.find("EMBARGO").filter(|at| core.get(*at..).and_then(first_day).is_some()))?;
    let until = lower.get(at..).and_then(first_day);
    let loud = core.get(at..at + 7).is_some_and(|word| !word.chars().any(char::is_lowercase));
    let quoted = core.get(..at).is_some_and(|head| head.ends_with(['"', '“', '`', '\'']));
    let said = core.len() <= SENTENCE_BYTES_MAX && phrase::says_this(lower);
    let past = until.is_some_and(|until| !today.is_before(until));
    let detail = until.map(|until| format!("until {}{}", day(until), if past { " (past)" } else { "" }));
    let confidence = match (until.is_some(), loud || said) {
        _ if past || quoted => Confidence::Low,
        (true, _) => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    };
    let found = marking(Mark::Embargo, confidence, detail);
    Some(if past { Marking { level: Level::Internal, severity: Severity::Low, ..found } } else { found })
}

/// `MSIP_Label_<GUID>_Name`, as Office writes it into document properties and mail headers.
fn sensitivity_label(core: &str) -> Option<Marking> {
    let value = core.split("MSIP_Label_").skip(1).find_map(|rest| {
        let (_, rest) = rest.split_at_checked(36).filter(|(guid, _)| crate::value::is_uuid(guid.as_bytes()))?;
        rest.strip_prefix("_Name")
    })?;
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

/// Banners of governments: a level with its controls (`SECRET//NOFORN`, as the ISOO's marking booklet writes it), and
/// distribution statements B to F (DoD Instruction 5230.24; A is public).
fn government(core: &str) -> Option<Marking> {
    let (level, controls) = core.split_once("//").unwrap_or((core, ""));
    let banner = matches!(level, "CONFIDENTIAL" | "SECRET" | "TOP SECRET")
        && !controls.is_empty()
        && controls.len() <= 60
        && !controls.contains(char::is_lowercase);
    if banner {
        let mark = if level == "CONFIDENTIAL" { Mark::Confidential } else { Mark::Restricted };
        return Some(marking(mark, Confidence::High, Some(core.to_owned())));
    }
    let rest = core.strip_prefix("DISTRIBUTION STATEMENT ").or_else(|| core.strip_prefix("Distribution Statement "))?;
    let limited = rest.starts_with(['B', 'C', 'D', 'E', 'F']) && !rest.chars().nth(1).is_some_and(char::is_alphabetic);
    limited.then(|| {
        marking(Mark::Confidential, Confidence::High, rest.get(..1).map(|s| format!("distribution statement {s}")))
    })
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
        let Some((name, value)) = line.split_once([':', '=']) else { continue };
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
        check("- DRAFT -", Mark::Draft, Confidence::Medium);
        check("Streng vertraulich", Mark::Confidential, Confidence::Medium);
        check("Shared under NDA with partners", Mark::NonDisclosure, Confidence::Medium);
        check("Covered by the mutual non-disclosure agreement of May", Mark::NonDisclosure, Confidence::Medium);
        check("C O N F I D E N T I A L        Human resources", Mark::Confidential, Confidence::High);
        check("security_classification: company secret", Mark::Restricted, Confidence::High);
        check(
            "Do not show these figures to anyone outside the company, and do not copy them",
            Mark::Internal,
            Confidence::Medium,
        );
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
        quiet("Do not share your password with anyone outside the team");
        quiet("If you are bound by a non-disclosure agreement, ask first");
        quiet("- Draft - Compact denial of existence");
        quiet("  - RESTRICTED");
        quiet("description: top secret share");
        quiet("fn restricted(level: Level) -> bool {");
    }

    #[test]
    fn what_stands_around_a_line_decides_over_rows_only() {
        let of = |text: &str| {
            let end = text.find('\n').unwrap_or(text.len());
            judge_line(text.as_bytes(), &(0..end), Hints::default(), TODAY).map(|found| found.confidence)
        };
        for text in [
            "This document is confidential, proprietary, and not to be copied.\nIt was written by Ann, Bob, and Carl.",
            "This memo is confidential.  Keep it with you.\nWe met on Monday.  All agreed.",
            "Acme Corp      CONFIDENTIAL\nQ3 report      page 1",
            "======== CONFIDENTIAL ========",
            "## COMPANY CONFIDENTIAL - DO NOT DISTRIBUTE",
            "CANON CONFIDENTIAL",
            "This message of Acme Inc. and any files sent with it are confidential",
        ] {
            assert!(of(text) >= Some(Confidence::Medium), "{text}: {:?}", of(text));
        }
        for text in ["7,Eyes Only,bottle,5.00\n8,Old Ale,cask,4.20", "=== Confidential ===", "formerly CONFIDENTIAL"] {
            assert!(of(text) < Some(Confidence::Medium), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn traffic_lights_and_cui() {
        check("TLP:AMBER+STRICT", Mark::TrafficLight, Confidence::High);
        assert_eq!(judge("TLP:RED").map(|found| found.level), Some(Level::Restricted));
        quiet("TLP:RED, TLP:AMBER, TLP:GREEN and TLP:CLEAR are the four labels");
        check("CUI//SP-CTI/SP-EXPT/PRVCY//NOFORN", Mark::Cui, Confidence::High);
        check("CUI//PRVCY/SP-CTI", Mark::CuiInvalid, Confidence::Medium);
        check("CONTROLLED//NOFORN", Mark::Cui, Confidence::High);
        check("CONTROLLED UNCLASSIFIED INFORMATION (CUI//PRVCY)", Mark::Cui, Confidence::High);
        check("SECRET//NOFORN", Mark::Restricted, Confidence::High);
        check(
            "DISTRIBUTION STATEMENT D. Distribution authorized to contractors only",
            Mark::Confidential,
            Confidence::High,
        );
        quiet("DISTRIBUTION STATEMENT A. Approved for public release");
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
        let toml = "+++\ndate = 2020-01-01T09:00:00Z\npublishDate = 2031-03-09T08:00:00Z\n+++\n";
        assert_eq!(note(toml).as_deref(), Some("not before 2031-03-09"));
    }
}
