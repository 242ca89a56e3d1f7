//! Credentials known by the name they are given: `db_password: hunter2`, `API_KEY="..."`, `--token ...`.
//!
//! One hand-written matcher for config, code and shell: from the keyword it widens to the identifier, steps over what
//! may stand between a name and its value in some twenty languages, takes the value, and judges both.

use std::ops::Range;

use cordon_domain::Confidence;

use crate::hints::{Hints, Syntax};
use crate::value::{self, Looks};

/// What a name speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Password,
    Secret,
    Token,
    Key,
    Salt,
}

/// The keywords that begin a look, with their topic.
pub(crate) const KEYWORDS: [(&str, Topic); 12] = [
    ("pass", Topic::Password),
    ("pwd", Topic::Password),
    ("psw", Topic::Password),
    ("secret", Topic::Secret),
    ("token", Topic::Token),
    ("key", Topic::Key),
    ("credential", Topic::Secret),
    ("auth", Topic::Token),
    ("salt", Topic::Salt),
    ("signature", Topic::Salt),
    ("contrase", Topic::Password),
    ("kennwort", Topic::Password),
];

/// A name with a value that may be a credential.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) topic: Topic,
    pub(crate) value: Range<usize>,
    pub(crate) confidence: Confidence,
}

/// Bytes before and behind a keyword that are looked at: the name and what leads its line, the value and what follows.
pub(crate) const WINDOW: (usize, usize) = (2 * NAME_BYTES_MAX + 8, NAME_BYTES_MAX + VALUE_BYTES_MAX + 256);

const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 512;
/// Bytes of the shortest value with only blanks between it and its name.
const LOOSE_BYTES_MIN: usize = 16;

/// Words in a name that make it the name of something beside the credential.
const BESIDE: [&str; 66] = [
    "name",
    "url",
    "uri",
    "path",
    "file",
    "filename",
    "type",
    "id",
    "ids",
    "field",
    "label",
    "hint",
    "policy",
    "length",
    "len",
    "min",
    "max",
    "count",
    "expiry",
    "expires",
    "expiration",
    "ttl",
    "timeout",
    "prefix",
    "suffix",
    "regex",
    "pattern",
    "validator",
    "reset",
    "forgot",
    "help",
    "text",
    "message",
    "placeholder",
    "error",
    "title",
    "param",
    "params",
    "selector",
    "column",
    "index",
    "size",
    "format",
    "algorithm",
    "provider",
    "manager",
    "store",
    "class",
    "endpoint",
    "version",
    "ref",
    "alias",
    "arn",
    "dir",
    "bits",
    "usage",
    "rotation",
    "enabled",
    "required",
    "strength",
    "confirm",
    "input",
    "prompt",
    "mode",
    "event",
    "code",
];
/// Words before `key` that make it a credential.
const KEY_KINDS: [&str; 34] = [
    "api",
    "apikey",
    "access",
    "secret",
    "private",
    "priv",
    "auth",
    "encryption",
    "encrypt",
    "encrypted",
    "signing",
    "sign",
    "account",
    "client",
    "app",
    "application",
    "service",
    "license",
    "master",
    "shared",
    "session",
    "storage",
    "ssh",
    "subscription",
    "consumer",
    "jwt",
    "hmac",
    "aes",
    "cipher",
    "crypto",
    "server",
    "admin",
    "deploy",
    "write",
];
/// Words that make a key public or an ordinary key of data.
const NOT_SECRET: [&str; 24] = [
    "public",
    "pub",
    "primary",
    "foreign",
    "partition",
    "sort",
    "cache",
    "unique",
    "row",
    "hash",
    "digest",
    "checksum",
    "fingerprint",
    "integrity",
    "thumbprint",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "commit",
    "etag",
    "csrf",
    "xsrf",
];
/// Words right before `token` that make it one of a page.
const PAGES: [&str; 6] = ["next", "page", "continuation", "pagination", "forward", "backward"];

/// Looks at the keyword at `at`; returns the assignment it belongs to, if the value could be a credential.
pub(crate) fn look(text: &[u8], at: Range<usize>, topic: Topic, hints: Hints) -> Option<Assignment> {
    let name = widen(text, at.clone())?;
    let (value, link) = value_after(text, name.clone())?;
    let bytes = text.get(value.clone())?;
    if link == Link::Loose && bytes.len() < LOOSE_BYTES_MIN {
        return None;
    }
    let standing = Words::of(text.get(name.clone())?).standing(topic)?;
    // A quote that closes one literal and a sign that joins it to the next: not a value.
    let joined =
        matches!(bytes.trim_ascii_start().first(), Some(b'+' | b',' | b')' | b'.' | b';' | b'&' | b'|' | b'?'));
    if bytes.len() < 4 || joined || same_words(bytes, text.get(name.clone())?) {
        return None;
    }
    let looks = value::judge(bytes);
    let mut confidence = base(topic, standing, looks, bytes.len(), link)?;
    if link == Link::Bare && !(hints.syntax == Syntax::Config || fills_line(text, &name, &value))
        || link == Link::Bare && hints.syntax == Syntax::Code
    {
        confidence = if looks == Looks::Random { confidence.lowered(1) } else { confidence.lowered(2) };
    }
    confidence = confidence.lowered(
        u8::from(hints.is_test || hints.is_lockfile)
            + 2 * u8::from(hints.is_binary)
            + 2 * u8::from(is_other(text, &name, bytes)),
    );
    Some(Assignment { topic, value, confidence })
}

/// `"Type::Key": ...` names a type, and `PASS: path/of/test` is the verdict of a test.
fn is_other(text: &[u8], name: &Range<usize>, value: &[u8]) -> bool {
    let before = text.get(..name.start).unwrap_or_default();
    let next = text.get(name.end);
    let typed = before.ends_with(b"::") && matches!(next, Some(b'"' | b'\'' | b':' | b'\\'));
    let opens = before.last().is_none_or(|byte| *byte == b'\n');
    let verdict = opens && text.get(name.clone()) == Some(b"PASS") && next == Some(&b':') && value.contains(&b'/');
    typed || verdict
}

/// How a name speaks for its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// `api_key`, `db_password`.
    Strong,
    /// `key`, `auth`: needs a value that speaks for itself.
    Weak,
    /// `token_url`, `password_field`, `public_key`.
    Beside,
}

/// How the value hangs on the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Quoted,
    Bare,
    /// Only blanks between.
    Loose,
    /// Compared, passed beside, or in an element.
    Distant,
}

fn base(topic: Topic, standing: Standing, looks: Looks, len: usize, link: Link) -> Option<Confidence> {
    use Confidence::{High, Low, Medium, Minimal};
    let found = match (topic, looks) {
        (_, Looks::Reference) => return None,
        (_, Looks::Placeholder) => Minimal,
        (Topic::Password, Looks::Random) => High,
        (Topic::Password, Looks::Password) => Medium,
        (Topic::Password, Looks::Regular | Looks::Uuid) => Low,
        (Topic::Password, Looks::Words) => {
            if link == Link::Quoted || link == Link::Bare {
                Low
            } else {
                Minimal
            }
        }
        (Topic::Salt, Looks::Random) => Medium,
        (Topic::Salt, _) => Minimal,
        (_, Looks::Random) => {
            if len >= 16 {
                High
            } else {
                Medium
            }
        }
        (_, Looks::Password) => match len {
            20.. => Medium,
            12..20 => Low,
            _ => Minimal,
        },
        (_, Looks::Regular | Looks::Uuid) => Low,
        (_, Looks::Words) => {
            if len >= 8 && matches!(topic, Topic::Secret) && link == Link::Quoted {
                Low
            } else {
                Minimal
            }
        }
    };
    let found = match standing {
        Standing::Strong => found,
        Standing::Weak if len >= 20 && found == Low => Low,
        Standing::Weak => found.lowered(1),
        Standing::Beside => Minimal,
    };
    Some(match link {
        Link::Quoted | Link::Bare => found,
        Link::Distant => found.lowered(1),
        Link::Loose => {
            if matches!(looks, Looks::Random | Looks::Regular | Looks::Uuid) && len >= LOOSE_BYTES_MIN {
                found.min(Low)
            } else {
                return None;
            }
        }
    })
}

/// Widens a keyword to the identifier it stands in; `None` where no identifier can be.
fn widen(text: &[u8], at: Range<usize>) -> Option<Range<usize>> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = text.get(..at.start)?.iter().rev().take(NAME_BYTES_MAX).take_while(|byte| part(byte)).count();
    let behind =
        text.get(at.end..)?.iter().take(NAME_BYTES_MAX).take_while(|byte| part(byte) && **byte != b'.').count();
    (before < NAME_BYTES_MAX && behind < NAME_BYTES_MAX).then(|| at.start - before..at.end + behind)
}

/// The words of an identifier, split at `_`, `-`, `.`, digits and humps; at most sixteen.
struct Words {
    lower: [u8; 2 * NAME_BYTES_MAX + 24],
    ends: [(u8, u8); 16],
    count: usize,
}

impl Words {
    fn of(name: &[u8]) -> Self {
        let mut words = Self { lower: [0; 2 * NAME_BYTES_MAX + 24], ends: [(0, 0); 16], count: 0 };
        let mut start = 0;
        let mut last = 0u8;
        for (at, &byte) in name.iter().enumerate().take(words.lower.len()) {
            if let Some(slot) = words.lower.get_mut(at) {
                *slot = byte.to_ascii_lowercase();
            }
            let hump = byte.is_ascii_uppercase() && !last.is_ascii_uppercase();
            if hump || !byte.is_ascii_alphabetic() {
                words.push(start, at);
                start = if byte.is_ascii_alphabetic() { at } else { at + 1 };
            }
            last = byte;
        }
        words.push(start, name.len());
        words
    }

    fn push(&mut self, start: usize, end: usize) {
        if start < end
            && let (Some(slot), Ok(start), Ok(end)) =
                (self.ends.get_mut(self.count), u8::try_from(start), u8::try_from(end))
        {
            *slot = (start, end);
            self.count += 1;
        }
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        let word = |&(start, end): &(u8, u8)| {
            self.lower.get(usize::from(start)..usize::from(end)).and_then(|word| str::from_utf8(word).ok())
        };
        self.ends.iter().take(self.count).filter_map(word)
    }

    /// Judges the name: `None` when the keyword is only part of another word (`passenger`, `keyboard`, `author`).
    fn standing(&self, topic: Topic) -> Option<Standing> {
        let names = |word: &str| match topic {
            Topic::Password => {
                word.contains("passw")
                    || word.ends_with("pass") && !matches!(word, "bypass" | "compass" | "overpass" | "trespass")
                    || word.contains("pwd")
                    || word.starts_with("psw")
                    || word.starts_with("passphrase")
                    || word.starts_with("passcode")
                    || word.starts_with("contrase")
                    || word.starts_with("kennwort")
            }
            Topic::Secret => word.contains("secret") && !word.starts_with("secretar") || word.starts_with("credential"),
            Topic::Token => {
                word.ends_with("token")
                    || word.starts_with("token") && !word.starts_with("tokeni") && word != "tokens"
                    || word == "auth"
                    || word.ends_with("auth") && word != "oauth"
            }
            Topic::Key => {
                word.ends_with("key")
                    && !matches!(word, "monkey" | "turkey" | "hotkey" | "whiskey" | "donkey" | "hockey" | "jockey")
            }
            Topic::Salt => matches!(word, "salt" | "signature"),
        };
        let position = self.iter().position(names)?;
        let behind = || self.iter().skip(position + 1);
        let paged = topic == Topic::Token
            && position.checked_sub(1).and_then(|at| self.iter().nth(at)).is_some_and(|word| PAGES.contains(&word));
        if paged || self.iter().any(|word| NOT_SECRET.contains(&word)) || behind().any(|word| BESIDE.contains(&word)) {
            return Some(Standing::Beside);
        }
        let word = self.iter().nth(position).unwrap_or_default();
        let strong = match topic {
            Topic::Password | Topic::Secret => true,
            Topic::Token => word.contains("token"),
            Topic::Key => word != "key" || self.iter().take(position).any(|word| KEY_KINDS.contains(&word)),
            Topic::Salt => false,
        };
        Some(if strong { Standing::Strong } else { Standing::Weak })
    }
}

/// Steps from a name to its value.
fn value_after(text: &[u8], name: Range<usize>) -> Option<(Range<usize>, Link)> {
    let mut at = name.end;
    let peek = |at: usize| text.get(at).copied();
    let blanks = |mut at: usize| {
        while matches!(peek(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    // The end of a quoted, indexed or called name.
    let mut closed = false;
    let mut called = false;
    for _ in 0..4 {
        match peek(at) {
            Some(b'"' | b'\'' | b'`' | b']' | b'*') => {
                at += 1;
                closed = true;
            }
            Some(b'\\') if matches!(peek(at + 1), Some(b'"' | b'\'')) => {
                at += 2;
                closed = true;
            }
            Some(b')') if closed => at += 1,
            Some(b'(') => {
                at += 1;
                called = true;
                break;
            }
            Some(b'?' | b'!') if peek(at + 1) == Some(b':') => at += 1,
            _ => break,
        }
    }
    let after_name = at;
    at = blanks(at);
    let link = match (peek(at), peek(at + 1)) {
        (Some(b'=' | b'!'), Some(b'=')) => {
            at += if peek(at + 2) == Some(b'=') { 3 } else { 2 };
            Link::Distant
        }
        (Some(b':'), Some(b'='))
        | (Some(b'='), Some(b'>'))
        | (Some(b'?'), Some(b'='))
        | (Some(b'|'), Some(b'|'))
        | (Some(b'+'), Some(b'=')) => {
            at += 2;
            Link::Bare
        }
        (Some(b'='), _) => {
            at += 1;
            Link::Bare
        }
        (Some(b':'), _) => {
            at += 1;
            at = step_over_type(text, at);
            Link::Bare
        }
        (Some(b','), _) if closed => {
            at += 1;
            Link::Distant
        }
        (Some(b'>'), _) if !closed => {
            at += 1;
            Link::Distant
        }
        (Some(b'"' | b'\'' | b'`'), _) if called => Link::Distant,
        (Some(_), _) if at > after_name => match step_over_go_type(text, at) {
            Some(value) => {
                at = value;
                Link::Bare
            }
            None => Link::Loose,
        },
        (Some(b'"'), _) => Link::Loose,
        _ => return None,
    };
    let blank_end = blanks(at);
    // A literal may stand on the next line; a bare value may not.
    let next_line = blanks(blank_end + 1);
    at = if peek(blank_end) == Some(b'\n') && link == Link::Bare && matches!(peek(next_line), Some(b'"' | b'\'')) {
        next_line
    } else {
        blank_end
    };
    take_value(text, at, link)
}

/// Steps over `: String =` and the like; stays where the colon itself is the link.
fn step_over_type(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..at + 48.min(text.len().saturating_sub(at))).unwrap_or_default();
    let Some(equal) = memchr::memchr(b'=', rest) else { return at };
    let kind = rest.get(..equal).unwrap_or_default();
    let is_type = !kind.is_empty()
        && kind.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b' ' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'_' | b'|' | b'?' | b'.')
        })
        && !kind.iter().any(u8::is_ascii_digit);
    if is_type && rest.get(equal + 1) != Some(&b'=') { at + equal + 1 } else { at }
}

/// Steps over the type in `var name string = ...`.
fn step_over_go_type(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let kind = rest
        .iter()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'[' | b']' | b'.' | b'_'))
        .count();
    let link = rest.get(kind..)?.trim_ascii_start();
    let found = kind > 0 && link.first() == Some(&b'=') && link.get(1) != Some(&b'=');
    found.then(|| text.len() - link.len() + 1)
}

fn take_value(text: &[u8], at: usize, link: Link) -> Option<(Range<usize>, Link)> {
    let mut at = at;
    // A prefix of a string literal, a constructor, or an escaped quote.
    let rest = text.get(at..)?;
    if let [b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'$', b'"' | b'\'', ..] = rest {
        at += 1;
    }
    let escaped = matches!(rest, [b'\\', b'"' | b'\'', ..]);
    if escaped {
        at += 1;
    }
    let quote = text.get(at).copied()?;
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return bare_value(text, at).map(|value| (value, link));
    }
    let mut start = at + 1;
    if text.get(start) == Some(&quote) && text.get(start + 1) == Some(&quote) {
        start += 2;
    }
    let body = text.get(start..)?;
    let mut end = 0;
    while end < VALUE_BYTES_MAX {
        match body.get(end)? {
            b'\n' => return None,
            b'\\' if escaped && body.get(end + 1) == Some(&quote) => break,
            b'\\' => end += 2,
            byte if *byte == quote => break,
            _ => end += 1,
        }
    }
    // A concatenation or a format call makes the literal a part of something else.
    let link = if link == Link::Bare { Link::Quoted } else { link };
    (end > 0 && end < VALUE_BYTES_MAX && start + end <= text.len()).then(|| (start..start + end, link))
}

fn bare_value(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let stop = |byte: &&u8| {
        !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'<' | b',' | b';' | b'\\' | b'|' | 0)
    };
    let mut len = rest.iter().take(VALUE_BYTES_MAX).take_while(stop).count();
    while len > 0 && matches!(rest.get(len - 1), Some(b')' | b']' | b'}' | b'.' | b':')) {
        len -= 1;
    }
    let first = *rest.first()?;
    (len > 0
        && len < VALUE_BYTES_MAX
        && !matches!(first, b'{' | b'[' | b'(' | b'<' | b'#' | b'/' | b'-' | b'*' | b'&' | b'=' | b'>'))
    .then(|| at..at + len)
}

/// A name at the start of its line and a value that ends it: the form of environment and configuration files.
fn fills_line(text: &[u8], name: &Range<usize>, value: &Range<usize>) -> bool {
    let head = text.get(name.start.saturating_sub(NAME_BYTES_MAX)..name.start).unwrap_or_default();
    let head = memchr::memrchr(b'\n', head).map_or(head, |newline| head.get(newline + 1..).unwrap_or_default());
    let head = head.trim_ascii().strip_prefix(b"export").unwrap_or(head.trim_ascii());
    let clean_head = head.len() <= 12
        && head.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'#' | b'"' | b'\'' | b'$' | b'/' | b'*'))
        || head == b"set"
        || head == b"ENV"
        || head == b"ARG";
    let tail = text.get(value.end..text.len().min(value.end + VALUE_BYTES_MAX)).unwrap_or_default();
    let tail = memchr::memchr(b'\n', tail).map_or(tail, |newline| tail.get(..newline).unwrap_or_default()).trim_ascii();
    clean_head && (tail.is_empty() || tail.starts_with(b"#") || tail.starts_with(b"//"))
}

/// `password: "password"`, `key: key`: the value repeats its name.
fn same_words(value: &[u8], name: &[u8]) -> bool {
    let fold = |bytes: &[u8]| {
        bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect::<Vec<_>>()
    };
    value.len() <= name.len() + 4 && {
        let (value, name) = (fold(value), fold(name));
        memchr::memmem::find(&name, &value).is_some()
            || value.len() > 3 && memchr::memmem::find(&value, &name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `~` is taken out first: written whole, the examples would be findings in this file.
    fn found(text: &str, hints: Hints) -> Vec<(String, Confidence)> {
        let text = &text.replace('~', "");
        let lower = text.to_ascii_lowercase();
        let mut all = Vec::new();
        for (word, topic) in KEYWORDS {
            for (at, _) in lower.match_indices(word) {
                if let Some(hit) = look(text.as_bytes(), at..at + word.len(), topic, hints) {
                    all.push((text[hit.value].to_owned(), hit.confidence));
                }
            }
        }
        all.sort();
        all.dedup();
        all
    }

    #[track_caller]
    fn check(text: &str, value: &str, at_least: Confidence) {
        let found = found(text, Hints::default());
        assert!(found.iter().any(|(found, confidence)| found == value && *confidence >= at_least), "{text}: {found:?}");
    }

    #[track_caller]
    fn quiet(text: &str) {
        let found = found(text, Hints { syntax: Syntax::Code, ..Hints::default() });
        assert!(found.iter().all(|(_, confidence)| *confidence < Confidence::Medium), "{text}: {found:?}");
    }

    #[test]
    fn reads_names_and_values_in_many_languages() {
        let value = "kT9vQ2mZ7xLpR4wB";
        for text in [
            "api_key = \"V\"",
            "apiKey: 'V',",
            "API_KEY=V\n",
            "export API_KEY=V",
            "\"api_key\": \"V\"",
            "let api_key: &str = \"V\";",
            "private static final String API_KEY = \"V\";",
            "const apiKey string = `V`",
            "$config['api_key'] = 'V';",
            ":api_key => 'V'",
            "{\\\"api_key\\\": \\\"V\\\"}",
            "  api_key: V",
            "api_key := \"V\"",
            "apiKey=b'V'",
            "ENV API_KEY V\nENV API_KEY=V",
        ] {
            check(&text.replace('V', value), value, Confidence::Medium);
        }
        for text in [
            "setApiKey(\"V\")",
            "<apiKey>V</apiKey>",
            "options.put(\"api_key\", \"V\")",
            "if token == \"V\"",
            "db token V",
        ] {
            check(&text.replace('V', value), value, Confidence::Low);
        }
    }

    #[test]
    fn names_of_pages_types_and_verdicts_are_told_from_names_of_secrets() {
        check("PAGE_ACCESS_TO~KEN = \"kT9vQ2mZ7xLpR4wB\"", "kT9vQ2mZ7xLpR4wB", Confidence::Medium);
        check("NEXT_AUTH_SEC~RET = \"kT9vQ2mZ7xLpR4wB\"", "kT9vQ2mZ7xLpR4wB", Confidence::Medium);
        check("const char* Db::pass~word = \"Vk9x!Q2mZ7x\";", "Vk9x!Q2mZ7x", Confidence::Medium);
        check("  PA~SS: Vk9x!Q2mZ7x\n", "Vk9x!Q2mZ7x", Confidence::Medium);
    }

    #[test]
    fn passwords_need_less() {
        check("db_pass~word = 'Tr0ub4dor&3'", "Tr0ub4dor&3", Confidence::Medium);
        check("password: hunter2!x\n", "hunter2!x", Confidence::Medium);
        check("password = 'thisismypassword'", "thisismypassword", Confidence::Low);
    }

    #[test]
    fn names_beside_and_references_stay_quiet() {
        for text in [
            "token_url = \"https://host/oauth/token\"",
            "password = os.environ[\"PASSWORD\"]",
            "password: ${DB_PASSWORD}",
            "let key = map.key;",
            "passenger = \"kT9vQ2mZ7xLpR4wB\"",
            "author: \"kT9vQ2mZ7xLpR4wB\"",
            "public_key = \"kT9vQ2mZ7xLpR4wB\"",
            "password=\"password\"",
            "tokenizer = Tokenizer::new(text)",
            "key: value",
            "password = get_password()",
            "\"password\": \"Enter your password\"",
            "\"next_page_token\": \"kT9vQ2mZ7xLpR4wB\"",
            "\"Acme::Kms::Key\": \"9f86d081884c7d659a2feaa0c55ad015\"",
            "PASS: gas/i386/x86-64-rep2",
        ] {
            quiet(text);
        }
    }
}
