//! Matches services known by their name beside a value of the shape they issue.

use std::ops::Range;

use cordon_domain::Confidence;

use crate::hints::Hints;
use crate::pattern::has_run;
use crate::rule::{Named, Shape};
use crate::value;

const REACH_BYTES: usize = 160;
/// Bytes before and behind a name that are looked at.
pub(crate) const WINDOW: (usize, usize) = (32, REACH_BYTES + 1);
const RUNS_MAX: usize = 10;
const CREDENTIAL_WORDS: [&[u8]; 9] =
    [b"key", b"token", b"secret", b"pass", b"auth", b"cred", b"api", b"license", b"private"];

/// Looks for a value of the service's shape behind its name at `at`, on the same line.
pub(crate) fn look(
    text: &[u8],
    at: &Range<usize>,
    service: &Named,
    hints: Hints,
) -> Option<(Range<usize>, Confidence)> {
    if !is_word(text, at) {
        return None;
    }
    let rest = text.get(at.end..text.len().min(at.end + REACH_BYTES))?;
    let line_end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    // A run cut by the reach is no value.
    let line = rest.get(..line_end)?;
    let shortest = service.shapes.iter().map(|shape| shape.bytes_min()).min()?;
    if !has_run(line, shortest, |byte| service.shapes.iter().any(|shape| is_part(byte, *shape))) {
        return None;
    }
    let cut = line_end == rest.len() && at.end + line_end < text.len();
    service.shapes.iter().find_map(|shape| {
        let run = runs(line, *shape, cut)
            .take(RUNS_MAX)
            .find(|run| line.get(run.clone()).is_some_and(|value| fits(value, *shape)))?;
        let value = line.get(run.clone())?;
        let before = text.get(at.start.saturating_sub(24)..at.end + run.start)?;
        let confidence = confidence(before, line.get(..run.start)?, value, *shape, hints)?;
        Some((at.end + run.start..at.end + run.end, confidence))
    })
}

/// The name stands as a word or a hump of an identifier, in one case: `ACME`, `acme`, `Acme`.
fn is_word(text: &[u8], at: &Range<usize>) -> bool {
    let Some(name) = text.get(at.clone()) else { return false };
    let letters = || name.iter().filter(|byte| byte.is_ascii_alphabetic());
    let lower_tail = letters().skip(1).all(u8::is_ascii_lowercase);
    let upper = letters().all(u8::is_ascii_uppercase);
    let humps = letters().any(u8::is_ascii_uppercase) && name.len() >= 8;
    let before = at.start.checked_sub(1).and_then(|before| text.get(before)).copied().unwrap_or(b' ');
    let first_upper = name.first().is_some_and(u8::is_ascii_uppercase);
    let starts = !before.is_ascii_alphabetic() || before.is_ascii_lowercase() && first_upper;
    starts && (lower_tail || upper || humps)
}

fn confidence(before: &[u8], between: &[u8], value: &[u8], shape: Shape, hints: Hints) -> Option<Confidence> {
    let before = before.to_ascii_lowercase();
    let named = CREDENTIAL_WORDS.iter().any(|word| memchr::memmem::find(&before, word).is_some());
    let linked =
        memchr::memchr3(b'=', b':', b'"', between).is_some() || memchr::memchr2(b'\'', b'>', between).is_some();
    if value::is_placeholder(value) {
        return Some(Confidence::Minimal);
    }
    let random = value::is_random(value) || shape == Shape::Uuid;
    let confidence = match (named, linked, random) {
        (true, true, true) => {
            if shape == Shape::Uuid {
                Confidence::Medium
            } else {
                Confidence::High
            }
        }
        (true, false, true) | (false, true, true) | (true, _, false) => Confidence::Low,
        (false, true, false) if value.iter().any(u8::is_ascii_digit) => Confidence::Low,
        _ => return None,
    };
    // A commit, a digest, a path: hexadecimal that is no key.
    let digest = value::speaks_of_digest(&before);
    Some(
        confidence.lowered(
            2 * u8::from(digest || hints.is_lockfile) + u8::from(hints.is_test) + 2 * u8::from(hints.is_binary),
        ),
    )
}

fn runs(line: &[u8], shape: Shape, cut: bool) -> impl Iterator<Item = Range<usize>> {
    let part = move |byte: u8| is_part(byte, shape);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + line.get(at..)?.iter().position(|byte| part(*byte) && *byte != b'=')?;
        let len = line.get(start..)?.iter().take_while(|byte| part(**byte)).count();
        at = start + len;
        Some(start..at)
    })
    .filter(move |run| !(cut && run.end == line.len()))
}

fn is_part(byte: u8, shape: Shape) -> bool {
    byte.is_ascii_alphanumeric()
        || match shape {
            Shape::Base64(..) => matches!(byte, b'+' | b'/' | b'='),
            Shape::Hex(_) | Shape::Alnum(_) | Shape::Url(..) | Shape::Uuid => matches!(byte, b'_' | b'-'),
        }
}

fn fits(value: &[u8], shape: Shape) -> bool {
    let long = |len: u16| value.len() == usize::from(len);
    let between = |low: u16, high: u16| (usize::from(low)..=usize::from(high)).contains(&value.len());
    let mixed = || {
        value.iter().any(u8::is_ascii_digit)
            || value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase)
            || value.len() >= 30 && value::is_random(value)
    };
    match shape {
        Shape::Hex(len) => {
            long(len)
                && value.iter().all(u8::is_ascii_hexdigit)
                && !(value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase))
        }
        Shape::Alnum(len) => long(len) && value.iter().all(u8::is_ascii_alphanumeric) && mixed(),
        Shape::Url(low, high) => between(low, high) && mixed(),
        Shape::Base64(low, high) => between(low, high) && mixed(),
        Shape::Uuid => value::is_uuid(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::named;

    const SERVICE: Named = named("x", "x", &["acme"], &[Shape::Hex(32)], "");

    fn found(text: &str) -> Option<Confidence> {
        let at = text.find("acme").expect("the name stands in the text");
        look(text.as_bytes(), &(at..at + 4), &SERVICE, Hints::default()).map(|(_, confidence)| confidence)
    }

    #[test]
    fn needs_the_shape_and_a_link() {
        let value = "9f86d081884c7d659a2feaa0c55ad015";
        assert_eq!(found(&format!("acme_api_key = \"{value}\"")), Some(Confidence::High));
        assert_eq!(found(&format!("acme KEY {value}")), Some(Confidence::Low));
        assert_eq!(found(&format!("acme_api_key = \"{value}0\"")), None);
        assert_eq!(found(&format!("acme sha256: {value}")), Some(Confidence::Minimal));
        assert_eq!(found(&format!("acme {value}")), None);
    }
}
