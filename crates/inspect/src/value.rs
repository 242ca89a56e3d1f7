//! Judges a value that stands where a credential could stand: random, a word, a placeholder, a reference, a hash.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Drawn at random: what keys and tokens look like.
    Random,
    /// Chosen by a person as a password: several classes of character, no plain word.
    Password,
    /// Regular or sequential, yet of the shape of a key.
    Regular,
    /// A word, a name, a sentence.
    Words,
    /// Stands for a value to be filled in.
    Placeholder,
    /// Names the place the value comes from: a variable, a call, a path.
    Reference,
    /// A UUID: sometimes a key, mostly an identifier.
    Uuid,
}

/// Words that stand in values that people write instead of a credential.
const PLACEHOLDER_WORDS: &[&[u8]] = &[
    b"example",
    b"sample",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"change_this",
    b"changethis",
    b"your",
    b"dummy",
    b"fake",
    b"redact",
    b"insert",
    b"replace",
    b"todo",
    b"fixme",
    b"xxxx",
    b"****",
    b"....",
    b"secret_here",
    b"key_here",
    b"token_here",
    b"-here",
    b"_here",
    b"goes-here",
    b"undefined",
    b"invalid",
    b"not-set",
    b"notset",
    b"not_set",
    b"removed",
    b"hidden",
    b"masked",
    b"foobar",
    b"foo_bar",
    b"lorem",
    b"dont-use",
    b"mock",
    b"none",
    b"null",
    b"deadbeef",
    b"template",
    b"unused",
];

/// Words whose neighbouring letters make up the pairs that English and identifiers are written in.
const COMMON_WORDS: &str = "the of and to in is was for that with as his on be at by this had not are but from or have an they which one \
you were her all she there would their we him been has when who will more no if out so said what up its about \
into than them can only other new some could time these two may then do first any my now such like our over \
man me even most made after also did many before must through back years where much your way well down should \
because each just those people how too little state good very make world still own see men work long get here \
between both life being under never day same another know while last might us great old year off come since \
against go came right used take three number service password user secret token client access server data \
config system value name string field list object table file path account admin login manager default public \
private type index order model image group message content create update delete return print button label \
error handler context request response session cache store parameter component module function method class \
test example sample current option select column change section window document version program package \
library license address internal external network database application development production environment \
variable parse render build deploy release schedule process thread event queue signal buffer stream read write \
open close start stop copy move size length count total average minimum maximum random generate encrypt \
decrypt signature certificate verify valid check register profile setting language country region city street \
phone email company project product price payment customer invoice";

/// Tells whether `a`, `b` is one of the common pairs; both are letters in any case.
fn is_common(a: u8, b: u8) -> bool {
    static TABLE: std::sync::OnceLock<[u32; 26]> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table = [0u32; 26];
        for pair in COMMON_WORDS.as_bytes().windows(2) {
            let [a, b] = *pair else { continue };
            if let Some(row) = table.get_mut(usize::from(a.wrapping_sub(b'a'))).filter(|_| b.is_ascii_lowercase()) {
                *row |= 1 << (b - b'a');
            }
        }
        table
    });
    let (a, b) = (a.to_ascii_lowercase().wrapping_sub(b'a'), b.to_ascii_lowercase().wrapping_sub(b'a'));
    table.get(usize::from(a)).is_some_and(|row| row >> (b & 31) & 1 == 1)
}

/// Tells whether the text before a value, in small letters, makes it a digest, a commit or a file by its hash.
pub(crate) fn speaks_of_digest(before: &[u8]) -> bool {
    [
        &b"sha"[..],
        b"commit",
        b"hash",
        b"digest",
        b"http",
        b"integrity",
        b"etag",
        b"rev=",
        b"rev:",
        b"git+",
        b"checksum",
        b"@",
    ]
    .iter()
    .any(|word| memchr::memmem::find(before, word).is_some())
}

/// Tells whether a password is no more than a word for one, as in `user:pass`.
pub(crate) fn is_name_of_secret(value: &[u8]) -> bool {
    [
        &b"pass"[..],
        b"password",
        b"passwd",
        b"pwd",
        b"secret",
        b"token",
        b"test",
        b"user",
        b"username",
        b"apikey",
        b"api_key",
        b"key",
        b"foo",
        b"bar",
        b"admin",
    ]
    .iter()
    .any(|word| value.eq_ignore_ascii_case(word))
}

/// Counts over the bytes of a value.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    lower: usize,
    upper: usize,
    digit: usize,
    hex: usize,
    symbol: usize,
    blank: usize,
    distinct: u32,
    /// Steps of 0 or 1 from one byte to the next.
    steady: usize,
    /// Changes between letter and digit, and from lower to upper case.
    changes: usize,
    pairs: usize,
    common: usize,
    longest_same: usize,
}

fn count(value: &[u8]) -> Counts {
    let mut counts = Counts::default();
    let mut seen = [0u64; 4];
    let mut same = 1;
    let mut before: Option<u8> = None;
    for &byte in value {
        match byte {
            b'a'..=b'z' => counts.lower += 1,
            b'A'..=b'Z' => counts.upper += 1,
            b'0'..=b'9' => counts.digit += 1,
            b' ' | b'\t' => counts.blank += 1,
            _ => counts.symbol += 1,
        }
        counts.hex += usize::from(byte.is_ascii_hexdigit());
        if let Some(word) = seen.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
        if let Some(last) = before {
            same = if last == byte { same + 1 } else { 1 };
            counts.steady += usize::from(matches!(byte.wrapping_sub(last), 0 | 1 | 255));
            counts.changes += usize::from(is_change(last, byte));
            // From one hump of an identifier to the next is no pair of a word.
            if last.is_ascii_alphabetic()
                && byte.is_ascii_alphabetic()
                && !(last.is_ascii_lowercase() && byte.is_ascii_uppercase())
            {
                counts.pairs += 1;
                counts.common += usize::from(is_common(last, byte));
            }
        }
        counts.longest_same = counts.longest_same.max(same);
        before = Some(byte);
    }
    counts.distinct = seen.iter().map(|word| word.count_ones()).sum();
    counts
}

fn is_change(last: u8, byte: u8) -> bool {
    (last.is_ascii_digit() && byte.is_ascii_alphabetic())
        || (last.is_ascii_alphabetic() && byte.is_ascii_digit())
        || (last.is_ascii_lowercase() && byte.is_ascii_uppercase())
}

/// Tells whether `value` is a UUID in its usual form.
pub(crate) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Tells whether `value` holds a word that people write instead of a credential, or hardly varies.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let counts = count(value);
    let monotone = value.len() >= 8
        && (counts.distinct <= 3
            || counts.distinct as usize * 8 <= value.len().min(64)
            || counts.longest_same * 3 > value.len());
    let named = PLACEHOLDER_WORDS.iter().any(|word| memchr::memmem::find(&lower, word).is_some());
    monotone || (named && !(value.len() >= 40 && counts.common * 2 < counts.pairs))
}

/// Tells whether a value of key length was drawn at random. `value` has no blanks.
pub(crate) fn is_random(value: &[u8]) -> bool {
    let counts = count(value);
    random(value.len(), counts)
}

fn random(len: usize, counts: Counts) -> bool {
    if len < 8 || counts.blank > 0 || counts.steady * 3 > len {
        return false;
    }
    let letters = counts.lower + counts.upper;
    if counts.hex == len && len >= 16 {
        return counts.distinct >= 8 && counts.digit > 0 && letters > 0;
    }
    let distinct_enough = counts.distinct as usize * 10 >= len.min(36) * 4;
    // Words keep to common pairs (nine in ten); letters drawn at random hit them less than four times in ten.
    let worded = counts.pairs >= 4 && counts.common * 100 > counts.pairs * 68;
    let mixed = counts.digit > 0 && letters > 0 || (counts.lower > 2 && counts.upper > 2);
    let jumps = counts.changes * 8 >= len || counts.pairs >= 12 && counts.common * 100 <= counts.pairs * 50;
    distinct_enough && mixed && !worded && jumps
}

/// Judges `value`, which stood between quotes or up to the end of its token.
pub(crate) fn judge(value: &[u8]) -> Looks {
    if is_reference(value) {
        return Looks::Reference;
    }
    if is_version(value) {
        return Looks::Words;
    }
    if is_placeholder(value) {
        return Looks::Placeholder;
    }
    if is_uuid(value) {
        return Looks::Uuid;
    }
    let counts = count(value);
    if value.len() >= 12 && random(value.len(), counts) {
        return Looks::Random;
    }
    if counts.blank > 0 {
        return Looks::Words;
    }
    let classes = [counts.lower, counts.upper, counts.digit, counts.symbol].iter().filter(|&&n| n > 0).count();
    if value.len() >= 16 && counts.digit * 4 >= value.len() && counts.symbol * 4 < value.len() {
        return Looks::Regular;
    }
    let letters_only = counts.symbol + counts.digit == 0;
    let worded = counts.pairs >= 3 && counts.common * 100 > counts.pairs * 55;
    if (5..=64).contains(&value.len())
        && (classes >= 3 || classes == 2 && !letters_only && counts.digit + counts.symbol >= 2)
        && !is_identifier(value, counts)
    {
        return Looks::Password;
    }
    if letters_only && !worded && value.len() >= 8 && counts.pairs >= 6 && counts.common * 100 < counts.pairs * 40 {
        return Looks::Password;
    }
    Looks::Words
}

/// `1.2.3`, `^4.0`, `2027-03-12`, `10:30`: a version, a date, a number.
fn is_version(value: &[u8]) -> bool {
    let core = value.trim_ascii_start().strip_prefix(b"v").unwrap_or(value);
    core.len() <= 24
        && core.iter().any(|byte| matches!(byte, b'.' | b'-' | b':'))
        && core.iter().all(|byte| {
            byte.is_ascii_digit()
                || matches!(byte, b'.' | b'-' | b':' | b'^' | b'~' | b'<' | b'>' | b'=' | b' ' | b'*' | b'x')
        })
}

/// Words joined by `_`, `-`, `.` and the like: the name of something.
fn is_identifier(value: &[u8], counts: Counts) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b'#'))
        && (!value.contains(&b'#') || value.iter().any(|byte| matches!(byte, b'.' | b'/')))
        && counts.digit * 4 < value.len().max(1)
        && counts.symbol > 0
        && (counts.pairs < 3 || counts.common * 2 >= counts.pairs)
}

/// A variable, a call, a template, a path or a URL rather than the value itself.
fn is_reference(value: &[u8]) -> bool {
    let starts = |prefix: &[u8]| value.starts_with(prefix);
    let has = |needle: &[u8]| memchr::memmem::find(value, needle).is_some();
    let calls = |value: &[u8]| {
        let Some(open) = memchr::memchr(b'(', value) else { return false };
        let (name, rest) = value.split_at(open);
        !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'>' | b'-'))
            && (memchr::memchr(b')', rest).is_some() || rest.len() == 1)
    };
    starts(b"${")
        || starts(b"$(")
        || starts(b"{{")
        || starts(b"{") && value.ends_with(b"}")
        || starts(b"%(")
        || has(b"${")
        || has(b"{{")
        || has(b"}}")
        || has(b"$(")
        || has(b"#{")
        || has(b"%{")
        || has(b"<%")
        || (starts(b"<") && value.ends_with(b">"))
        || (starts(b"[") && value.ends_with(b"]"))
        || value.strip_prefix(b"$").is_some_and(is_variable)
        || has(b"%s")
        || has(b"%d")
        || has(b"%r")
        || has(b"{}")
        || has(b"{0}")
        || starts(b"@") && value.iter().skip(1).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.'))
        || starts(b"./")
        || starts(b"../")
        || starts(b"~/")
        || starts(b"file:")
        || starts(b"http://")
        || starts(b"https://")
        || starts(b"arn:")
        || starts(b"projects/")
        || starts(b"!")
        || starts(b"&") && !value.iter().any(u8::is_ascii_digit)
        || starts(b"/") && value.iter().filter(|byte| **byte == b'/').count() > 1 && !is_random(value)
        || calls(value)
        || is_host(value)
        || is_path(value)
        || matches!(value, [b'\'' | b'"', b'$' | b'+', ..])
        || is_member(value)
}

/// `name`, `env:NAME`, `payload.name`, `this->name`: what stands behind the sign of a variable.
fn is_variable(name: &[u8]) -> bool {
    let plain = name.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':'));
    !name.is_empty() && plain || is_member(name)
}

/// `sm02915.int.acme.org`: labels of a host name, the last one all letters.
fn is_host(value: &[u8]) -> bool {
    let labels: Vec<&[u8]> = value.split(|byte| *byte == b'.').collect();
    let label = |label: &&[u8]| {
        !label.is_empty()
            && label.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    labels.len() >= 3
        && labels.iter().all(label)
        && labels.last().is_some_and(|top| (2..=10).contains(&top.len()) && top.iter().all(u8::is_ascii_alphabetic))
        && labels.iter().all(|label| label.len() < 20)
}

/// Words joined by `/`: a path or a route.
fn is_path(value: &[u8]) -> bool {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    let worded = |part: &&[u8]| {
        let counts = count(part);
        counts.pairs >= 2 && counts.common * 3 >= counts.pairs * 2 && counts.digit * 3 < part.len()
    };
    parts.len() >= 2 && value.len() >= 6 && parts.iter().filter(|part| worded(part)).count() * 2 > parts.len()
}

/// `settings.DB_PASSWORD`, `process.env.TOKEN`, `self.key`, `config["key"]`, `obj->field`, `Type::CONST`.
fn is_member(value: &[u8]) -> bool {
    let joins = memchr::memmem::find(value, b"->").is_some()
        || memchr::memmem::find(value, b"::").is_some()
        || value.iter().skip(1).any(|byte| *byte == b'.') && !value.ends_with(b".");
    let clean = value.iter().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'.' | b'-' | b'>' | b':' | b'[' | b']' | b'"' | b'\'' | b'?')
    });
    let counts = count(value);
    joins
        && clean
        && value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && counts.digit * 4 <= value.len()
        && (counts.pairs < 3 || counts.common * 2 >= counts.pairs || counts.upper == 0 && counts.pairs < 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expect: Looks) {
        assert_eq!(judge(value.as_bytes()), expect, "{value}");
    }

    #[test]
    fn judges_values() {
        check("9f86d081884c7d659a2feaa0c55ad015", Looks::Random);
        check("kT9vQ2mZx7LpR4wB", Looks::Random);
        check("eduf0pezfibcmvlvdtbpf5s8bjbkxqpw", Looks::Random);
        check("DkWLqcP3ace3wHuJ7fiw", Looks::Random);
        check("correct-horse-battery", Looks::Words);
        check("getUserPasswordFromStore", Looks::Words);
        check("Tr0ub4dor&3", Looks::Password);
        check("${DB_PASSWORD}", Looks::Reference);
        check("process.env.API_KEY", Looks::Reference);
        check("$payload.become_password", Looks::Reference);
        check("vendor.api#httpApiKeyAuth", Looks::Words);
        check("Sunshine#1", Looks::Password);
        check("get_secret('db')", Looks::Reference);
        check("your-api-key", Looks::Placeholder);
        check("xxxxxxxxxxxxxxxx", Looks::Placeholder);
        check("f4aeb6bc-2a25-458a-8111-9be9e502c0e7", Looks::Uuid);
        check("1234567890abcdef1234567890abcdef", Looks::Regular);
        check("Enter your password", Looks::Placeholder);
        check("The password is wrong", Looks::Words);
    }
}
