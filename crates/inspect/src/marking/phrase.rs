//! Phrases that mark a document, and the form in which a line says them.

use std::borrow::Cow;

use cordon_domain::Confidence;

use super::{Mark, Marking, SENTENCE_BYTES_MAX, marking};

const BANNER_CHARS_MAX: usize = 72;

/// Phrases with the marking they make; longer ones stand first where one holds another.
const PHRASES: [(&str, Mark); 104] = [
    ("in confidence", Mark::Confidential),
    ("staff only", Mark::Internal),
    ("unpublished proprietary", Mark::Confidential),
    ("law enforcement sensitive", Mark::Confidential),
    ("source selection information", Mark::Confidential),
    ("dienstgebrauch", Mark::Confidential),
    ("diffusion restreinte", Mark::Confidential),
    ("difusión limitada", Mark::Confidential),
    ("document confidentiel", Mark::Confidential),
    ("documento confidencial", Mark::Confidential),
    ("vertrauliche", Mark::Confidential),
    ("vertraulicher", Mark::Confidential),
    ("vertraulichen", Mark::Confidential),
    ("confidentielle", Mark::Confidential),
    ("confidentielles", Mark::Confidential),
    ("confidentiels", Mark::Confidential),
    ("confidenciales", Mark::Confidential),
    ("riservata", Mark::Confidential),
    ("ne pas diffuser", Mark::Internal),
    ("nicht weitergeben", Mark::Internal),
    ("no difundir", Mark::Internal),
    ("non divulgare", Mark::Internal),
    ("do not release", Mark::Internal),
    ("official-sensitive", Mark::Confidential),
    ("official sensitive", Mark::Confidential),
    ("official: sensitive", Mark::Confidential),
    ("official use only", Mark::Confidential),
    ("attorney work product", Mark::Confidential),
    ("confidentiality notice", Mark::Confidential),
    ("commercial-in-confidence", Mark::Confidential),
    ("terms of your non-disclosure agreement", Mark::NonDisclosure),
    ("internal document", Mark::Internal),
    ("internal information", Mark::Internal),
    ("not to be published", Mark::Internal),
    ("under the non-disclosure agreement", Mark::NonDisclosure),
    ("subject to the non-disclosure agreement", Mark::NonDisclosure),
    ("under the confidentiality agreement", Mark::NonDisclosure),
    ("nda material", Mark::NonDisclosure),
    ("limited distribution", Mark::Internal),
    ("restricted circulation", Mark::Internal),
    ("uso interno", Mark::Internal),
    ("usage interne", Mark::Internal),
    ("internen gebrauch", Mark::Internal),
    ("streng geheim", Mark::Restricted),
    ("company confidential", Mark::Confidential),
    ("confidential and proprietary", Mark::Confidential),
    ("proprietary and confidential", Mark::Confidential),
    ("confidential & proprietary", Mark::Confidential),
    ("personal and confidential", Mark::Confidential),
    ("private and confidential", Mark::Confidential),
    ("privileged and confidential", Mark::Confidential),
    ("privileged & confidential", Mark::Confidential),
    ("confidential and privileged", Mark::Confidential),
    ("attorney-client privileged", Mark::Confidential),
    ("attorney–client privileged", Mark::Confidential),
    ("attorney-client privilege", Mark::Confidential),
    ("terms of your nda", Mark::NonDisclosure),
    ("bound by nda", Mark::NonDisclosure),
    ("not for circulation", Mark::Internal),
    ("not for onward", Mark::Internal),
    ("not for publication", Mark::Internal),
    ("not to be disclosed", Mark::Internal),
    ("not to be distributed", Mark::Internal),
    ("not to be shared", Mark::Internal),
    ("do not redistribute", Mark::Internal),
    ("do not circulate", Mark::Internal),
    ("do not publish", Mark::Internal),
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
const LABEL_NAMES: [&str; 20] = [
    "audience",
    "information classification",
    "document classification",
    "confidentiality level",
    "confidentiality class",
    "sensitivity label",
    "protection level",
    "classified as",
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
const THIS_THINGS: [&str; 30] = [
    "dieses dokument",
    "diese e-mail",
    "diese nachricht",
    "dieser bericht",
    "ce document",
    "ce message",
    "cet e-mail",
    "ce courriel",
    "este documento",
    "este mensaje",
    "este correo",
    "questo documento",
    "questo messaggio",
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
/// First words of phrases that say all of a marking, in whatever line they stand.
const STRONG: [&str; 17] = [
    "terms of your non-disclosure agreement",
    "attorney work product",
    "confidentiality notice",
    "under the non-disclosure agreement",
    "subject to the non-disclosure agreement",
    "under the confidentiality agreement",
    "company confidential",
    "confidential and proprietary",
    "proprietary and confidential",
    "confidential & proprietary",
    "personal and confidential",
    "private and confidential",
    "privileged and confidential",
    "privileged & confidential",
    "confidential and privileged",
    "attorney-client privileged",
    "attorney–client privileged",
];
/// Ordinary words: they count loud, alone, or in a label.
const WEAK: [&str; 21] = [
    "in confidence",
    "vertrauliche",
    "vertraulicher",
    "vertraulichen",
    "confidentielle",
    "confidentielles",
    "confidentiels",
    "confidenciales",
    "riservata",
    "vertraulich",
    "confidentiel",
    "confidencial",
    "riservato",
    "restricted",
    "confidential",
    "internal use",
    "need to know",
    "need-to-know",
    "non-disclosure agreement",
    "top secret",
    "trade secret",
];

/// Where a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// By itself, or among sentences.
    Line,
    /// In a table: there, the name of a label makes a value a marking, or a sentence about the document.
    Row,
}

/// Judges a line: whole, and each part that stands by itself in it.
pub(super) fn phrase(core: &str, line: &str, setting: Setting) -> Option<Marking> {
    if is_enumeration(core) {
        return None;
    }
    let is_item = is_item(line);
    if setting == Setting::Row {
        let speaks = |form| matches!(form, Form::Label | Form::Sentence);
        return judge(core, is_item).filter(|_| speaks(Form::of(core, &core.to_lowercase())));
    }
    let quoted = line.trim_start().starts_with('>');
    let mut parts = parts(core);
    parts.retain(|part| part.len() < core.len());
    // Of a paragraph, each sentence speaks for itself.
    let whole = Some(core).filter(|core| core.len() <= SENTENCE_BYTES_MAX || parts.is_empty());
    let whole = whole.and_then(|core| judge(core, is_item));
    let whole = whole.filter(|_| !(quoted && says_this(&core.to_lowercase())));
    let found =
        parts.into_iter().filter_map(|part| judge(part, is_item)).chain(whole).max_by_key(|found| found.confidence)?;
    // An item of a list names another document; a heading within a text, a section.
    let listed = found.mark == Mark::Draft && is_listed(line);
    let lowered = u8::from(listed) + 2 * u8::from(is_heading(line));
    Some(Marking { confidence: found.confidence.lowered(lowered), ..found })
}

/// What parts a line of a header or footer, and sentences.
const BORDERS: [&str; 15] =
    ["  ", "\t", "|", ":: ", "—", "–", "·", "•", " - ", " -- ", ". ", "&mdash;", "&middot;", "&ndash;", "&bull;"];

/// The parts of a line that have letters.
fn parts(core: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(rest @ [first, ..]) = core.as_bytes().get(at..) {
        let may_begin = matches!(first, b' ' | b'\t' | b'|' | b':' | b'.' | b'&') || !first.is_ascii();
        // `Acme Inc. and others`: the end of no sentence.
        let goes_on = matches!(rest, [b'.', b' ', next, ..] if next.is_ascii_lowercase());
        let mut borders = BORDERS.iter().filter(|_| may_begin && !goes_on);
        match borders.find(|border| rest.starts_with(border.as_bytes())) {
            Some(border) => {
                parts.extend(core.get(start..at));
                at += border.len();
                start = at;
            }
            None => at += 1,
        }
    }
    parts.extend(core.get(start..));
    parts.into_iter().map(str::trim).filter(|part| part.contains(char::is_alphabetic)).collect()
}

/// The first two bytes of the words of a line, as a set: most phrases begin like none of them.
struct Heads([u64; 16]);

impl Heads {
    fn of(line: &str) -> Self {
        let mut heads = Self([0; 16]);
        let mut was_word = false;
        for pair in line.as_bytes().windows(2) {
            let [first, second] = pair else { break };
            if !was_word {
                let bit = Self::bit(*first, *second);
                if let Some(word) = heads.0.get_mut(bit >> 6) {
                    *word |= 1 << (bit & 63);
                }
            }
            was_word = first.is_ascii_alphanumeric();
        }
        heads
    }

    fn bit(first: u8, second: u8) -> usize {
        usize::from(first & 31) << 5 | usize::from(second & 31)
    }

    fn may_begin(&self, phrase: &str) -> bool {
        match phrase.as_bytes() {
            [first, second, ..] => {
                let bit = Self::bit(*first, *second);
                self.0.get(bit >> 6).is_some_and(|word| word >> (bit & 63) & 1 == 1)
            }
            _ => true,
        }
    }
}

fn judge(core: &str, is_item: bool) -> Option<Marking> {
    let core = &unspaced(core);
    let lower = core.to_lowercase();
    if is_agreed(&lower) {
        return Some(marking(Mark::NonDisclosure, Confidence::Medium, None));
    }
    if is_order(&lower) {
        return Some(marking(Mark::Internal, Confidence::Medium, None));
    }
    let heads = Heads::of(&lower);
    let known = PHRASES.iter().find(|(phrase, _)| heads.may_begin(phrase) && has_word(&lower, phrase));
    // What is judged without a phrase has one of these.
    if known.is_none() && !["internal", "draft", "secret", "confidential"].iter().any(|word| lower.contains(word)) {
        return None;
    }
    let form = Form::of(core, &lower);
    if let Some((phrase, mark)) = known {
        return Some(named(&Said { core, lower: &lower, form, is_item }, phrase, *mark));
    }
    if form == Form::Label {
        // Behind the name of a label, an ordinary word is a level.
        let mut values = lower.rsplit([':', '=', '|']).map(|value| value.trim_matches(|c: char| !c.is_alphanumeric()));
        let value = values.find(|value| !value.is_empty()).unwrap_or_default();
        let mut words = value.split(|c: char| !c.is_alphanumeric()).take(LABEL_WORDS_MAX);
        let mark = words.find_map(|word| match word {
            "not" | "non" => Some(None),
            "confidential" => Some(Some(Mark::Confidential)),
            "internal" => Some(Some(Mark::Internal)),
            "secret" => Some(Some(Mark::Restricted)),
            _ => None,
        });
        return mark.flatten().map(|mark| marking(mark, Confidence::High, None));
    }
    if form == Form::Sentence && has_word(lower.as_str(), "is internal") {
        return Some(marking(Mark::Internal, Confidence::Medium, None));
    }
    let words = lower.split_whitespace().count();
    if form == Form::Banner && words <= 5 && lower.starts_with("internal ") && lower.ends_with(" only") {
        return Some(marking(Mark::Internal, Confidence::Medium, None));
    }
    draft(core, &lower, form)
}

/// Words of the value of a label among which its level stands.
const LABEL_WORDS_MAX: usize = 4;

/// `C O N F I D E N T I A L` is a word.
fn unspaced(core: &str) -> Cow<'_, str> {
    let letters = core.split_whitespace().take_while(|word| word.chars().count() == 1).count();
    let only_letters = letters >= 5 && core.split_whitespace().nth(letters).is_none();
    if only_letters { Cow::Owned(core.replace(' ', "")) } else { Cow::Borrowed(core) }
}

/// `Under`, `covered by` or `subject to` an agreement not to disclose, of somebody.
fn is_agreed(lower: &str) -> bool {
    ["non-disclosure agreement", "nda"].iter().filter(|name| has_word(lower, name)).any(|name| {
        let head = lower.split(name).next().unwrap_or_default();
        let bound = |word: &str| matches!(word, "under" | "covered" | "subject" | "bound");
        head.split_whitespace().count() <= ORDER_WORDS_MAX
            && head.split_whitespace().rev().take(4).any(bound)
            && !head.split_whitespace().any(|word| matches!(word, "you" | "we" | "i" | "if" | "when"))
    })
}

/// An order to let something out to nobody: `do not copy outside the company`, `not to be given to anyone`.
fn is_order(lower: &str) -> bool {
    let orders = ["do not ", "not to be "];
    let Some(rest) = orders.iter().find_map(|order| lower.split_once(order)).map(|(_, rest)| rest) else {
        return false;
    };
    let mut words = rest.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words.next().is_some_and(|verb| ORDERED.contains(&verb))
        && rest.split_whitespace().count() <= ORDER_WORDS_MAX
        && words.clone().any(|word| OTHERS.contains(&word))
        && !words.any(|word| matches!(word, "your" | "key" | "keys" | "token" | "password" | "credentials" | "secret"))
}

/// Words of an order, and before the name of an agreement.
const ORDER_WORDS_MAX: usize = 16;
/// What a document is not to have done to it.
const ORDERED: [&str; 20] = [
    "copy",
    "share",
    "show",
    "send",
    "pass",
    "give",
    "forward",
    "post",
    "publish",
    "disclose",
    "circulate",
    "distribute",
    "copied",
    "shared",
    "shown",
    "sent",
    "passed",
    "given",
    "forwarded",
    "disclosed",
];
/// To whom.
const OTHERS: [&str; 11] = [
    "outside",
    "externally",
    "external",
    "anyone",
    "customers",
    "prospects",
    "partners",
    "suppliers",
    "press",
    "beyond",
    "third",
];

/// A line, or a part of one, and how it speaks.
struct Said<'a> {
    core: &'a str,
    lower: &'a str,
    form: Form,
    is_item: bool,
}

fn named(said: &Said<'_>, phrase: &str, mark: Mark) -> Marking {
    let Said { core, lower, form, is_item } = *said;
    let loud = has_word(core, &phrase.to_uppercase());
    let weak = WEAK.contains(&phrase);
    let alone = lower.chars().filter(|c| c.is_alphabetic()).count() <= phrase.len() + 12;
    // `Confidential. For the platform group`: the phrase opens the line and is a sentence of its own.
    let opens =
        lower.trim_start_matches('(').strip_prefix(phrase).is_some_and(|rest| match rest.trim_start().chars().next() {
            None => !weak || is_title(core),
            Some('.' | '\\' | '/') => true,
            Some(':' | ',' | ';' | '!') => !weak,
            Some(_) => false,
        });
    let strong = STRONG.contains(&phrase) && core.split_whitespace().count() <= 16;
    // A loud word in the middle of a calm line is spoken of.
    let stamped = loud && (opens || lower_words(core) <= 2);
    let confidence = match form {
        Form::Label => Confidence::High,
        // `- RESTRICTED` alone is one of a list of values.
        Form::Banner if loud && weak && is_item => Confidence::Low,
        Form::Banner if stamped => Confidence::High,
        Form::Text if stamped && !weak && !is_code(core) => Confidence::Medium,
        Form::Banner | Form::Text if loud && !strong => Confidence::Low,
        // `Reports are treated as strictly confidential`: a line that states something else.
        Form::Banner if !opens && !strong && follows_verb(lower, phrase) => Confidence::Low,
        Form::Banner if alone && is_title(core) => Confidence::Medium,
        // An order stands anywhere in a short line; a quality must end it or be written as a title.
        Form::Banner
            if !weak
                && (matches!(mark, Mark::Internal | Mark::NonDisclosure)
                    || lower.ends_with(phrase)
                    || is_title(core)) =>
        {
            Confidence::Medium
        }
        Form::Sentence if weak && mark == Mark::Restricted => Confidence::Low,
        Form::Sentence => Confidence::Medium,
        Form::Banner | Form::Text if opens && !is_item || strong => Confidence::Medium,
        Form::Banner | Form::Text if loud || !weak => Confidence::Low,
        Form::Banner | Form::Text => Confidence::Minimal,
    };
    marking(mark, confidence, None)
}

/// `... are treated as strictly confidential`.
fn follows_verb(lower: &str, phrase: &str) -> bool {
    let head = lower.split(phrase).next().unwrap_or_default();
    head.split_whitespace().any(|word| matches!(word, "is" | "are" | "be" | "been"))
}

fn draft(core: &str, lower: &str, form: Form) -> Option<Marking> {
    let loud = has_word(core, "DRAFT");
    // `draft: true` is a field: it counts in front matter only. What is out for public comment is public.
    let is_field =
        lower.strip_prefix("draft:").is_some_and(|value| matches!(value.trim(), "true" | "false" | "yes" | "no"));
    if is_field || core.contains("\":") || !has_word(lower, "draft") || lower.contains("public") {
        return None;
    }
    let numbered = || {
        lower.trim_start_matches("working ").strip_prefix("draft ").is_some_and(|rest| {
            rest.trim_start_matches(['v', 'r']).starts_with(|c: char| c.is_ascii_digit())
                || ["for comment", "for review", "for discussion"].iter().any(|purpose| rest.starts_with(purpose))
        })
    };
    let titled = || is_title(core) && (lower == "draft" || lower.starts_with("draft:") || lower.starts_with("draft -"));
    let said = || ["is a draft", "working draft", "draft only"].iter().any(|words| lower.contains(words));
    let found = match form {
        Form::Label => true,
        Form::Banner => loud && (lower_words(core) <= 2 || lower.starts_with("draft")) || titled() || numbered(),
        Form::Sentence => said(),
        Form::Text => false,
    };
    found.then(|| marking(Mark::Draft, Confidence::Medium, None))
}

/// One word behind the mark of a list, a heading, or a quotation.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.strip_prefix(['-', '*', '+', '>']).or_else(|| line.strip_prefix("##"));
    let rest = rest.map(|rest| rest.trim_start_matches('#'));
    rest.filter(|rest| rest.starts_with(' ')).is_some_and(|rest| rest.split_whitespace().count() == 1)
}

/// `- ...`, and not `- DRAFT -`.
fn is_listed(line: &str) -> bool {
    let line = line.trim();
    line.strip_prefix(['-', '*', '+']).is_some_and(|rest| rest.starts_with(' ')) && !line.ends_with(['-', '*', '+'])
}

/// A list of words, of which a marking may be one: they are choices.
fn is_enumeration(core: &str) -> bool {
    let items = core.rsplit(':').next().unwrap_or_default();
    items.matches(", ").count() >= 3 && items.split(", ").all(|item| item.split_whitespace().count() <= 2)
}

/// A short heading below the first level: `## ...`, `=== ... ===`, `<h2>`; no frame drawn around a banner.
fn is_heading(line: &str) -> bool {
    let line = line.trim();
    let marks = |mark: char| line.len() - line.trim_start_matches(mark).len();
    let marked = (2..=6).contains(&marks('=')) || (2..=6).contains(&marks('#')) && !line.ends_with('#');
    let tagged = line.strip_prefix("<h").is_some_and(|rest| rest.starts_with(|c| matches!(c, '2'..='6')));
    let words = line.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
    (marked || tagged) && words <= HEADING_WORDS_MAX && !line.contains(':')
}

/// Words of a heading that names a section.
const HEADING_WORDS_MAX: usize = 4;

/// Tells whether `line` is a row of a table: it has columns, and so has a neighbour, or the rule beneath a head.
pub(super) fn setting(line: &str, neighbours: [&str; 2]) -> Setting {
    // Cells of a file of values follow one another without a blank; commas of a sentence do not.
    let cells = |line: &str, border: &str| border != "," || !line.contains(", ");
    let columns = |border: &str| line.split(border).filter(|part| part.contains(char::is_alphanumeric)).count();
    let beside = |other: &str, border: &str| other.split(border).filter(|part| !part.trim().is_empty()).count();
    let is_row = line.trim().starts_with('|') && columns("|") >= 2
        || [("|", 2), ("  ", 3), ("\t", 2), (",", 3)].iter().any(|(border, least)| {
            cells(line, border)
                && columns(border) >= *least
                && neighbours.iter().any(|other| cells(other, border) && beside(other, border) >= *least)
        });
    if is_row { Setting::Row } else { Setting::Line }
}

/// Tells whether a line speaks of the document it stands in.
pub(super) fn says_this(lower: &str) -> bool {
    // How these words begin in the languages they are written in.
    if !["this", "these", "diese", "ce ", "cet ", "este ", "questo "].iter().any(|word| lower.contains(word)) {
        return false;
    }
    THIS_THINGS.iter().any(|thing| lower.contains(thing))
        || ["this ", "these "].iter().any(|this| {
            let said = lower.find(this).and_then(|at| lower.get(at + this.len()..)).unwrap_or_default();
            let mut words = said.split_whitespace().take(4);
            let thing = words.next().unwrap_or_default();
            !CODE_THINGS.contains(&thing) && words.any(|word| STATES.contains(&word))
        })
}

/// What a comment in code speaks of, when it is not the file.
const CODE_THINGS: [&str; 16] = [
    "module",
    "function",
    "class",
    "method",
    "type",
    "struct",
    "interface",
    "api",
    "package",
    "crate",
    "library",
    "macro",
    "helper",
    "variable",
    "constant",
    "field",
];
/// Verbs by which a line states what it speaks of.
const STATES: [&str; 8] = ["is", "are", "contains", "contain", "remains", "remain", "may", "must"];

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
    fn of(core: &str, lower: &str) -> Self {
        // AsciiDoc writes `:classification: internal`.
        let lower = lower.trim_start_matches(':');
        let label = lower.split_once(':').or_else(|| lower.split_once('=')).or_else(|| lower.split_once('|'));
        let classified = lower.strip_prefix("classified as ").is_some_and(|rest| rest.split_whitespace().count() <= 8);
        if classified
            || label.is_some_and(|(name, rest)| {
                let name = name.trim_matches(|c: char| !c.is_alphabetic()).replace(['_', '-'], " ");
                LABEL_NAMES.contains(&name.as_str()) && rest.trim().chars().count() <= 60
            })
        {
            return Self::Label;
        }
        if says_this(lower) {
            return Self::Sentence;
        }
        let words = core.split_whitespace().count();
        let code = is_code(core) || core.ends_with('?');
        let calm = !core.ends_with('.') || words <= 4;
        let short = core.chars().count() <= BANNER_CHARS_MAX && words <= 12;
        if short && !code && calm { Self::Banner } else { Self::Text }
    }
}

/// Words in small letters.
fn lower_words(core: &str) -> usize {
    core.split_whitespace().filter(|word| word.starts_with(char::is_lowercase)).count()
}

/// Signs that prose does not have; an apostrophe between letters is none.
fn is_code(core: &str) -> bool {
    let quoted = core.split('\'').skip(1).any(|rest| !rest.starts_with(char::is_alphabetic));
    quoted || core.contains(['(', '{', ';', '=', '`', '$', '^']) || core.contains("->") || core.contains("::")
}

/// Words before a phrase by which it holds no more, or does not hold.
const DENIED: [&str; 8] = ["not", "non", "was", "were", "formerly", "previously", "once", "longer"];

/// Tells whether `phrase` stands in `text` between word boundaries, and not as part of a compound (`non-confidential`),
/// denied, or in quotation marks, where it is spoken of and not said.
fn has_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let head = text.get(..at).unwrap_or_default();
        let before = head.chars().next_back();
        let behind = text.get(at + phrase.len()..).and_then(|tail| tail.chars().next());
        let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let joined = before.is_some_and(|c| matches!(c, '-' | '.' | '\'' | '‘'));
        let last = || head.rsplit(char::is_whitespace).nth(1).unwrap_or_default();
        let denied = || before == Some(' ') && DENIED.iter().any(|word| last().eq_ignore_ascii_case(word));
        edge(before) && edge(behind) && !joined && !denied() && !is_quoted(head)
    })
}

/// Tells whether what follows `head` stands in quotation marks.
fn is_quoted(head: &str) -> bool {
    let count = |quote: char| head.matches(quote).count();
    count('"') % 2 == 1 || count('`') % 2 == 1 || count('“') + count('„') > count('”') || count('«') > count('»')
}
