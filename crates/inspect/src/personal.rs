//! Data about people, judged by density, checksum and context: one address in a README is not a finding.

mod candidates;
mod numbers;

use std::collections::BTreeSet;
use std::ops::Range;

use cordon_domain::{Confidence, Severity};

pub(crate) use self::candidates::Candidates;
use self::candidates::{Group, group};
use self::numbers::{IDS, iban_end, is_card, is_test_card};

/// What was found; the discriminant is the place in [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Datum {
    Emails,
    Phones,
    Card,
    Iban,
    NationalId,
}

/// Names and titles, in the order of [`Datum`].
pub(crate) const RULES: [(&str, &str); 5] = [
    ("personal-emails", "list of e-mail addresses"),
    ("personal-phones", "list of telephone numbers"),
    ("personal-card", "payment card numbers"),
    ("personal-iban", "bank account numbers"),
    ("personal-national-id", "national identification numbers"),
];

#[derive(Debug)]
pub(crate) struct Personal {
    pub(crate) datum: Datum,
    pub(crate) span: Range<usize>,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) detail: String,
}

const EMAILS_MIN: usize = 10;
const PHONES_MIN: usize = 10;
const CONTEXT_BYTES: usize = 80;

/// Judges the candidates of a whole piece of text.
pub(crate) fn judge(text: &[u8], candidates: &Candidates, found: &mut Vec<Personal>, masks: &mut Vec<Range<usize>>) {
    if candidates.addresses.len() >= EMAILS_MIN {
        emails(text, &candidates.addresses, found);
    }
    if !candidates.numbers.is_empty() {
        numbers(text, &candidates.numbers, found, masks);
    }
}

fn emails(text: &[u8], addresses: &[Range<usize>], found: &mut Vec<Personal>) {
    let mut seen = BTreeSet::new();
    let mut span: Option<Range<usize>> = None;
    for address in addresses {
        let Some(bytes) = text.get(address.clone()) else { continue };
        let lower = bytes.to_ascii_lowercase();
        let made_up = [
            &b"example."[..],
            b"noreply",
            b"no-reply",
            b"@test.",
            b"@localhost",
            b".test",
            b".invalid",
            b"@domain.",
            b"@foo.",
            b"@bar.",
            b"@git",
            b"users.noreply",
        ]
        .iter()
        .any(|part| memchr::memmem::find(&lower, part).is_some());
        if !made_up && seen.insert(lower) {
            span = Some(span.map_or(address.start, |span| span.start)..address.end);
        }
    }
    let (Some(span), count) = (span, seen.len()) else { return };
    let dense = span.len() / count.max(1) <= 400;
    if count < EMAILS_MIN || !dense {
        return;
    }
    let domains: BTreeSet<_> =
        seen.iter().filter_map(|address| address.split(|byte| *byte == b'@').next_back()).collect();
    let severity = if count >= 1000 {
        Severity::Critical
    } else if count >= 100 {
        Severity::High
    } else {
        Severity::Medium
    };
    found.push(Personal {
        datum: Datum::Emails,
        span,
        severity,
        confidence: Confidence::Medium,
        detail: format!("{count} addresses at {} domains", domains.len()),
    });
}

/// Tells whether a group is a number of a known form, by itself.
fn is_something(text: &[u8], group: &Group) -> bool {
    (13..=19).contains(&group.digits.len()) && is_card(&group.digits)
        || is_phone(text, group)
        || iban_end(text, group.span.start).is_some()
        || IDS.iter().any(|(.., check)| check(&group.digits, &group.full))
}

fn numbers(text: &[u8], starts: &[usize], found: &mut Vec<Personal>, masks: &mut Vec<Range<usize>>) {
    let mut cards: Vec<Range<usize>> = Vec::new();
    let mut tests = 0;
    let mut ibans: Vec<Range<usize>> = Vec::new();
    let mut phones: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut phone_span: Option<Range<usize>> = None;
    let mut ids: Vec<(usize, Range<usize>)> = Vec::new();
    let header = header_words(text);
    for group in starts.iter().filter_map(|start| group(text, *start)) {
        if (13..=19).contains(&group.digits.len()) && is_card(&group.digits) {
            if is_test_card(&group.digits) { tests += 1 } else { cards.push(group.span.clone()) }
        }
        if let Some(end) = iban_end(text, group.span.start) {
            ibans.push(group.span.start..end);
        } else if is_phone(text, &group) {
            phones.insert(group.digits.clone());
            phone_span = Some(phone_span.map_or(group.span.start, |span| span.start)..group.span.end);
        }
        if let Some(id) = IDS.iter().position(|(_, words, check)| {
            check(&group.digits, &group.full) && {
                let context = context_before(text, group.span.start);
                words.iter().any(|word| has_word(&context, word) || has_word(&header, word))
            }
        }) {
            ids.push((id, group.span.clone()));
        }
    }
    masks.extend(cards.iter().chain(&ibans).chain(ids.iter().map(|(_, span)| span)).cloned());
    report_cards(text, cards, tests, found);
    if let (Some(first), count) = (ibans.first(), ibans.len()) {
        found.push(Personal {
            datum: Datum::Iban,
            span: first.clone(),
            severity: if count >= 10 { Severity::Critical } else { Severity::High },
            confidence: Confidence::High,
            detail: format!("{count} with a valid checksum"),
        });
    }
    if let Some(span) = phone_span.filter(|span| phones.len() >= PHONES_MIN && span.len() / phones.len() <= 300) {
        found.push(Personal {
            datum: Datum::Phones,
            span,
            severity: if phones.len() >= 100 { Severity::High } else { Severity::Medium },
            confidence: Confidence::Medium,
            detail: format!("{} numbers", phones.len()),
        });
    }
    for (index, (name, ..)) in IDS.iter().enumerate() {
        let places: Vec<_> = ids.iter().filter(|(id, _)| *id == index).collect();
        if let Some((_, first)) = places.first() {
            let severity = if places.len() >= 10 { Severity::Critical } else { Severity::High };
            found.push(Personal {
                datum: Datum::NationalId,
                span: first.clone(),
                severity,
                confidence: Confidence::High,
                detail: format!("{} {name}", places.len()),
            });
        }
    }
}

fn report_cards(text: &[u8], cards: Vec<Range<usize>>, tests: usize, found: &mut Vec<Personal>) {
    let Some(first) = cards.first().cloned() else { return };
    let spoken = cards.iter().any(|span| {
        let context = context_before(text, span.start);
        ["card", "visa", "mastercard", "amex", "credit", "debit", "payment", "pan", "cvv", "cc_", "ccnum"]
            .iter()
            .any(|word| memchr::memmem::find(&context, word.as_bytes()).is_some())
    });
    let grouped = cards
        .iter()
        .any(|span| text.get(span.clone()).is_some_and(|text| text.iter().any(|byte| matches!(byte, b' ' | b'-'))));
    // Of numbers without meaning one in ten passes Luhn, and one in six begins like a card.
    let confidence = match (spoken, grouped, cards.len()) {
        (true, _, _) => Confidence::High,
        (false, true, 3..) => Confidence::Medium,
        (false, true, _) => Confidence::Low,
        (false, false, _) => Confidence::Minimal,
    };
    let severity = if cards.len() >= 10 { Severity::Critical } else { Severity::High };
    let note = if tests > 0 { format!(", beside {tests} known test numbers") } else { String::new() };
    found.push(Personal {
        datum: Datum::Card,
        span: first,
        severity,
        confidence,
        detail: format!("{} with a valid check digit{note}", cards.len()),
    });
}

/// The first line, for tables whose columns are named there.
fn header_words(text: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b'\n', text).unwrap_or(0).min(2048);
    text.get(..end)
        .filter(|line| line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|')))
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn context_before(text: &[u8], at: usize) -> Vec<u8> {
    text.get(at.saturating_sub(CONTEXT_BYTES)..at).unwrap_or_default().to_ascii_lowercase()
}

fn has_word(context: &[u8], word: &str) -> bool {
    memchr::memmem::find_iter(context, word.as_bytes()).any(|at| {
        let edge = |byte: Option<&u8>| !byte.is_some_and(|byte| byte.is_ascii_lowercase());
        edge(at.checked_sub(1).and_then(|at| context.get(at))) && edge(context.get(at + word.len()))
    })
}

fn is_phone(text: &[u8], group: &Group) -> bool {
    let before = group.span.start.checked_sub(1).and_then(|at| text.get(at));
    let written = text.get(group.span.clone()).unwrap_or_default();
    let separated = written.iter().filter(|byte| matches!(byte, b' ' | b'-' | b'.')).count();
    let dated = written.get(4) == Some(&b'-') || written.contains(&b'/') || separated > 5;
    match before {
        Some(b'+') => (8..=15).contains(&group.digits.len()),
        Some(b'(') => false,
        _ => {
            group.digits.len() == 10
                && separated >= 2
                && !dated
                && written.get(3).is_some_and(|byte| matches!(byte, b'-' | b'.' | b' '))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `~` is taken out first: written whole, the numbers would be findings in this file.
    fn found(text: &str) -> Vec<(Datum, Confidence)> {
        let text = text.replace('~', "");
        let (mut found, mut candidates) = (Vec::new(), Candidates::default());
        candidates.fill(text.as_bytes(), None);
        judge(text.as_bytes(), &candidates, &mut found, &mut Vec::new());
        found.into_iter().map(|found| (found.datum, found.confidence)).collect()
    }

    #[track_caller]
    fn check(text: &str, datum: Datum) {
        assert!(
            found(text).iter().any(|(kind, confidence)| *kind == datum && *confidence >= Confidence::Medium),
            "{text}: {:?}",
            found(text)
        );
    }

    #[track_caller]
    fn quiet(text: &str) {
        assert!(
            found(text).iter().all(|(_, confidence)| *confidence < Confidence::Medium),
            "{text}: {:?}",
            found(text)
        );
    }

    /// Numbers from the public descriptions of each scheme, or made by its checksum.
    #[test]
    fn identifiers_with_checksums() {
        for text in [
            "ssn: 53~6-90-43~99",
            "NHS number 94~3 476 59~19",
            "NINO: AB~12345~6C",
            "Steuer-ID: 86~0957427~19",
            "NIR: 2 ~55 08 14 168 025 ~38",
            "DNI 12~34567~8Z",
            "codice fiscale RS~SMRA85T10A56~2S",
            "Aadhaar: 23~41 2341 23~46",
            "CPF: 52~9.982.247-~25",
            "NRIC: S1~23456~7D",
            "resident registration 90~0101-12345~68",
        ] {
            check(text, Datum::NationalId);
        }
        for text in [
            "ssn: 00~0-12-34~56",
            "NHS number 94~3 476 59~18",
            "DNI 12~34567~8A",
            "CPF: 52~9.982.247-~26",
            "Aadhaar: 23~41 2341 23~47",
            "order 53~6-90-43~99",
        ] {
            quiet(text);
        }
    }

    #[test]
    fn cards_and_accounts() {
        check("card: 45~39 1488 0343 64~67", Datum::Card);
        quiet("card: 45~39 1488 0343 64~68");
        quiet("card: 41~11 1111 1111 11~11");
        quiet("id 45~391488034364~67");
        check("IBAN DE~89 3704 0044 0532 0130 ~00", Datum::Iban);
        check("GB~29NWBK601613319268~19", Datum::Iban);
        quiet("DE~89 3704 0044 0532 0130 ~01");
    }

    #[test]
    fn lists_count_and_single_addresses_do_not() {
        quiet("write to security@acme.org");
        let list: String =
            (0..30).map(|n| format!("person{n},p{n}@mail{}.org,+49 30 1234{:04}\n", n % 5, n * 37)).collect();
        check(&list, Datum::Emails);
        check(&list, Datum::Phones);
    }
}
