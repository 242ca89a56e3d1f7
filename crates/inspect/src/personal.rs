//! Data about people, judged by density, checksum and context: one address in a README is not a finding.

use std::collections::BTreeSet;
use std::ops::Range;

use cordon_domain::{Confidence, Severity};

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
const CANDIDATES_MAX: usize = 50_000;
const CONTEXT_BYTES: usize = 80;

/// National identifiers with the words that must stand near, and their check.
type Id = (&'static str, &'static [&'static str], fn(&[u8], &[u8]) -> bool);
const IDS: [Id; 12] = [
    ("US SSN", &["ssn", "social security", "social-security", "tax id", "taxpayer"], us_ssn),
    ("UK NHS", &["nhs"], uk_nhs),
    ("UK NINO", &["nino", "national insurance", "ni number", "insurance number"], uk_nino),
    ("DE Steuer-ID", &["steuer", "idnr", "tax id", "steueridentifikation"], de_tax),
    ("FR NIR", &["nir", "sécurité sociale", "securite sociale", "insee", "numéro de sécu", "social security"], fr_nir),
    ("ES DNI or NIE", &["dni", "nie", "nif", "documento"], es_dni),
    ("IT codice fiscale", &["codice fiscale", "codice_fiscale", "cod. fisc", "fiscal code", "cf"], it_cf),
    ("IN Aadhaar", &["aadhaar", "aadhar", "uidai", "uid"], in_aadhaar),
    ("BR CPF", &["cpf"], br_cpf),
    ("SG NRIC", &["nric", "fin", "identity card"], sg_nric),
    ("KR RRN", &["rrn", "resident registration", "주민", "jumin"], kr_rrn),
    ("IN PAN", &["pan ", "pan:", "pan_", "pan,", "permanent account"], in_pan),
];

/// Tells whether some sixteen bytes in a row hold six digits: a cheap sign that numbers are worth a look.
fn has_numbers(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<8>();
    let count = |block: &[u8]| block.iter().map(|byte| u8::from(byte.wrapping_sub(b'0') < 10)).sum::<u8>();
    let mut before = 0;
    blocks.iter().map(|block| count(block)).chain([count(rest)]).any(|digits| {
        let dense = before + digits >= 6;
        before = digits;
        dense
    })
}

/// Looks at a whole piece of text.
pub(crate) fn look(text: &[u8], found: &mut Vec<Personal>, masks: &mut Vec<Range<usize>>) {
    emails(text, found);
    if has_numbers(text) {
        numbers(text, found, masks);
    }
}

fn emails(text: &[u8], found: &mut Vec<Personal>) {
    if memchr::memchr_iter(b'@', text).take(EMAILS_MIN).count() < EMAILS_MIN {
        return;
    }
    let mut seen = BTreeSet::new();
    let mut span: Option<Range<usize>> = None;
    for at in memchr::memchr_iter(b'@', text).take(CANDIDATES_MAX) {
        let Some(address) = address_around(text, at) else { continue };
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

fn address_around(text: &[u8], at: usize) -> Option<Range<usize>> {
    let local = text
        .get(..at)?
        .iter()
        .rev()
        .take(65)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'%'))
        .count();
    let domain = text
        .get(at + 1..)?
        .iter()
        .take(254)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        .count();
    let name = text.get(at + 1..at + 1 + domain)?;
    let top = name.split(|byte| *byte == b'.').next_back()?;
    let trimmed = if top.is_empty() { domain.saturating_sub(1) } else { domain };
    let valid = (1..=64).contains(&local)
        && memchr::memchr(b'.', name).is_some()
        && (top.is_empty() || (2..=24).contains(&top.len()) && top.iter().all(u8::is_ascii_alphabetic));
    valid.then(|| at - local..at + 1 + trimmed)
}

/// A group of digits joined by single separators, with the letters that touch it.
struct Group {
    span: Range<usize>,
    digits: Vec<u8>,
    /// With the letters before and behind, upper case, separators left out.
    full: Vec<u8>,
}

/// Where a group lies, before anything is copied out of it.
struct Extent {
    start: usize,
    end: usize,
    digits: usize,
    /// Letters and digits that touch it.
    before: usize,
    behind: usize,
}

impl Extent {
    /// Cards, accounts, telephone numbers and identifiers have seven digits at least, or letters and the length of one.
    fn is_worth(&self) -> bool {
        let touched = self.before + self.behind > 0;
        let whole = self.before + self.digits + self.behind;
        (7..=40).contains(&self.digits) && self.before <= 4
            || touched && self.before <= 6 && matches!(whole, 9 | 10 | 16)
    }

    fn group(&self, text: &[u8]) -> Option<Group> {
        let copy = |range: Range<usize>| {
            let bytes = text.get(range)?.iter();
            Some(bytes.filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect::<Vec<u8>>())
        };
        let digits = copy(self.start..self.end)?;
        let full = copy(self.start - self.before..self.end + self.behind)?;
        let digits = if self.before > 1 { Vec::new() } else { digits };
        Some(Group { span: self.start - self.before..self.end + self.behind, digits, full })
    }
}

fn numbers(text: &[u8], found: &mut Vec<Personal>, masks: &mut Vec<Range<usize>>) {
    let mut cards: Vec<Range<usize>> = Vec::new();
    let mut tests = 0;
    let mut ibans: Vec<Range<usize>> = Vec::new();
    let mut phones: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut phone_span: Option<Range<usize>> = None;
    let mut ids: Vec<(usize, Range<usize>)> = Vec::new();
    let header = header_words(text);
    let mut at = 0;
    let mut looked = 0;
    while let Some(group) = next_group(text, &mut at) {
        looked += 1;
        if looked > CANDIDATES_MAX {
            break;
        }
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

fn next_group(text: &[u8], from: &mut usize) -> Option<Group> {
    loop {
        let start = next_digit(text, *from)?;
        let extent = extent(text, start)?;
        *from = extent.end;
        if extent.is_worth() || extent.before == 2 && iban_end(text, extent.start - 2).is_some() {
            return extent.group(text);
        }
    }
}

/// The next digit that has three others within sixteen bytes: what has fewer is no number that is looked for.
fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(Ok(window)) = text.get(at..at + 16).map(<[u8; 16]>::try_from) {
        if window.map(|byte| u8::from(byte.wrapping_sub(b'0') < 10)).iter().sum::<u8>() >= 4 {
            break;
        }
        at += 8;
    }
    Some(at + text.get(at..)?.iter().position(u8::is_ascii_digit)?)
}

fn extent(text: &[u8], start: usize) -> Option<Extent> {
    let mut end = start;
    let mut digits = 0;
    let mut gaps = 0;
    while let Some(&byte) = text.get(end).filter(|_| digits <= 40) {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if matches!(byte, b' ' | b'-' | b'.' | b'/')
            && text.get(end + 1).is_some_and(u8::is_ascii_digit)
            && gaps < 8
        {
            gaps += 1;
        } else {
            break;
        }
        end += 1;
    }
    let letters = |byte: &&u8| byte.is_ascii_alphanumeric();
    let before = text.get(..start)?.iter().rev().take(20).take_while(letters).count();
    let behind = text.get(end..)?.iter().take(20).take_while(letters).count();
    Some(Extent { start, end, digits, before, behind })
}

fn values(digits: &[u8]) -> impl DoubleEndedIterator<Item = u32> + '_ {
    digits.iter().map(|byte| u32::from(byte.wrapping_sub(b'0')))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = values(digits)
        .rev()
        .enumerate()
        .map(|(at, value)| if at % 2 == 1 { value * 2 / 10 + value * 2 % 10 } else { value })
        .sum();
    sum.is_multiple_of(10)
}

fn number(digits: &[u8]) -> u64 {
    values(digits).fold(0, |number, value| number * 10 + u64::from(value))
}

/// Issuer ranges of the large schemes (ISO/IEC 7812) and the check digit.
fn is_card(digits: &[u8]) -> bool {
    let prefix = |len: usize| number(digits.get(..len).unwrap_or_default());
    let scheme = match digits.len() {
        13 | 19 => prefix(1) == 4 || (digits.len() == 19 && prefix(2) == 62),
        14 => matches!(prefix(2), 36 | 38 | 39) || (300..=305).contains(&prefix(3)),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || (51..=55).contains(&prefix(2))
                || (2221..=2720).contains(&prefix(4))
                || prefix(4) == 6011
                || prefix(2) == 65
                || prefix(2) == 62
                || (3528..=3589).contains(&prefix(4))
        }
        _ => false,
    };
    let varied = digits.iter().collect::<BTreeSet<_>>().len() >= 4;
    scheme && varied && luhn(digits)
}

/// Numbers that payment services publish for tests: long runs of one digit or of a count.
fn is_test_card(digits: &[u8]) -> bool {
    let same = digits.windows(2).filter(|pair| matches!(pair, [a, b] if a == b)).count();
    let pairs = digits.windows(4).filter(|run| matches!(run, [a, b, c, d] if a == c && b == d)).count();
    same * 2 > digits.len() || pairs * 2 > digits.len()
}

/// ISO 13616: country, two check digits, account; the remainder by 97 is 1. Written in capitals, in one or in groups
/// of four, and no part of a longer word.
fn iban_end(text: &[u8], start: usize) -> Option<usize> {
    const LENGTHS: [(&[u8; 2], usize); 36] = [
        (b"AT", 20),
        (b"BE", 16),
        (b"BG", 22),
        (b"CH", 21),
        (b"CY", 28),
        (b"CZ", 24),
        (b"DE", 22),
        (b"DK", 18),
        (b"EE", 20),
        (b"ES", 24),
        (b"FI", 18),
        (b"FR", 27),
        (b"GB", 22),
        (b"GR", 27),
        (b"HR", 21),
        (b"HU", 28),
        (b"IE", 22),
        (b"IS", 26),
        (b"IT", 27),
        (b"LI", 21),
        (b"LT", 20),
        (b"LU", 20),
        (b"LV", 21),
        (b"MT", 31),
        (b"NL", 18),
        (b"NO", 15),
        (b"PL", 28),
        (b"PT", 25),
        (b"RO", 24),
        (b"SE", 24),
        (b"SI", 19),
        (b"SK", 24),
        (b"AE", 23),
        (b"SA", 24),
        (b"TR", 26),
        (b"BR", 29),
    ];
    let rest = text.get(start..text.len().min(start + 48)).unwrap_or_default();
    let length = LENGTHS.iter().find(|(country, _)| rest.starts_with(&country[..])).map(|(_, length)| *length)?;
    let mut iban = Vec::with_capacity(length);
    let mut at = 0;
    while iban.len() < length {
        match rest.get(at) {
            Some(byte @ (b'A'..=b'Z' | b'0'..=b'9')) => iban.push(*byte),
            Some(b' ') if iban.len() % 4 == 0 => {}
            _ => return None,
        }
        at += 1;
    }
    let (head, tail) = iban.split_at_checked(4).unwrap_or((&[], &[]));
    let rest_97 = tail.iter().chain(head).try_fold(0u32, |rest, byte| {
        let value = (*byte as char).to_digit(36)?;
        Some(if value > 9 { (rest * 100 + value) % 97 } else { (rest * 10 + value) % 97 })
    });
    let whole = rest_97 == Some(1)
        && head.iter().skip(2).all(u8::is_ascii_digit)
        && !rest.get(at).is_some_and(u8::is_ascii_alphanumeric);
    whole.then_some(start + at)
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

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    values(digits).zip(weights).map(|(value, weight)| value * weight).sum()
}

fn last(digits: &[u8]) -> u32 {
    values(digits).next_back().unwrap_or(99)
}

fn us_ssn(digits: &[u8], _: &[u8]) -> bool {
    let [area, group, serial] = [0..3, 3..5, 5..9].map(|range| number(digits.get(range).unwrap_or_default()));
    digits.len() == 9
        && area != 0
        && area != 666
        && area < 900
        && group != 0
        && serial != 0
        && number(digits) != 123_456_789
        && number(digits) != 78_051_120
}

fn uk_nhs(digits: &[u8], _: &[u8]) -> bool {
    digits.len() == 10 && (11 - weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 == last(digits)
}

fn uk_nino(_: &[u8], full: &[u8]) -> bool {
    matches!(full, [a, b, digits @ .., z] if digits.len() == 6 && digits.iter().all(u8::is_ascii_digit) && matches!(z, b'A'..=b'D')
        && a.is_ascii_uppercase() && b.is_ascii_uppercase() && !b"DFIQUV".contains(a) && !b"DFIQUVO".contains(b) && !matches!(&[*a, *b], b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT" | b"ZZ"))
}

/// ISO 7064, MOD 11,10.
fn de_tax(digits: &[u8], _: &[u8]) -> bool {
    let product = values(digits).take(10).fold(10, |product, value| {
        let sum = (product + value) % 10;
        if sum == 0 { 10 * 2 % 11 } else { sum * 2 % 11 }
    });
    digits.len() == 11 && digits.first() != Some(&b'0') && (11 - product) % 10 == last(digits)
}

fn fr_nir(digits: &[u8], _: &[u8]) -> bool {
    digits.len() == 15
        && matches!(digits.first(), Some(b'1' | b'2'))
        && 97 - number(digits.get(..13).unwrap_or_default()) % 97 == number(digits.get(13..).unwrap_or_default())
}

fn es_dni(_: &[u8], full: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let (body, letter) = match full {
        [a @ b'X'..=b'Z', digits @ .., letter] if digits.len() == 7 => {
            ([&[a - b'X' + b'0'][..], digits].concat(), letter)
        }
        [digits @ .., letter] if digits.len() == 8 => (digits.to_vec(), letter),
        _ => return false,
    };
    body.iter().all(u8::is_ascii_digit) && LETTERS.get((number(&body) % 23) as usize) == Some(letter)
}

fn it_cf(_: &[u8], full: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let value = |byte: u8| u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') });
    let shape = full.len() == 16
        && full.iter().enumerate().all(|(at, byte)| match at {
            6 | 7 | 9 | 10 | 12..=14 => byte.is_ascii_alphanumeric(),
            _ => byte.is_ascii_uppercase(),
        });
    let sum: u32 = full
        .iter()
        .take(15)
        .enumerate()
        .map(|(at, byte)| if at % 2 == 0 { ODD.get(value(*byte) as usize).copied().unwrap_or(0) } else { value(*byte) })
        .sum();
    shape && full.last().is_some_and(|byte| u32::from(byte.wrapping_sub(b'A')) == sum % 26)
}

/// Verhoeff's scheme over the dihedral group of ten elements.
fn in_aadhaar(digits: &[u8], _: &[u8]) -> bool {
    fn multiply(a: u32, b: u32) -> u32 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b - 5) % 5,
            (false, true) => 5 + (a - 5 + 5 - b) % 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    const STEP: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permute = |mut value: u32, times: usize| {
        for _ in 0..times % 8 {
            value = STEP.get(value as usize).copied().unwrap_or(0);
        }
        value
    };
    digits.len() == 12
        && matches!(digits.first(), Some(b'2'..=b'9'))
        && values(digits).rev().enumerate().fold(0, |check, (at, value)| multiply(check, permute(value, at))) == 0
}

fn br_cpf(digits: &[u8], _: &[u8]) -> bool {
    let check = |len: u32| {
        let sum: u32 =
            values(digits).take(len as usize).enumerate().map(|(at, value)| value * (len + 1 - at as u32)).sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11
        && digits.iter().any(|byte| Some(byte) != digits.first())
        && values(digits).nth(9) == Some(check(9))
        && values(digits).nth(10) == Some(check(10))
}

fn sg_nric(_: &[u8], full: &[u8]) -> bool {
    let [kind, digits @ .., letter] = full else { return false };
    if digits.len() != 7 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = weighted(digits, &[2, 7, 6, 5, 4, 3, 2])
        + match kind {
            b'T' | b'G' => 4,
            b'M' => 3,
            _ => 0,
        };
    let letters: &[u8; 11] = match kind {
        b'S' | b'T' => b"JZIHGFEDCBA",
        b'F' | b'G' => b"XWUTRQPNMLK",
        b'M' => b"XWUTRQPNJLK",
        _ => return false,
    };
    let place = if *kind == b'M' { 10 - sum % 11 } else { sum % 11 };
    letters.get(place as usize) == Some(letter)
}

fn kr_rrn(digits: &[u8], _: &[u8]) -> bool {
    let month = number(digits.get(2..4).unwrap_or_default());
    let day = number(digits.get(4..6).unwrap_or_default());
    digits.len() == 13
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (11 - weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10 == last(digits)
}

fn in_pan(_: &[u8], full: &[u8]) -> bool {
    full.len() == 10
        && full
            .iter()
            .enumerate()
            .all(|(at, byte)| if (5..9).contains(&at) { byte.is_ascii_digit() } else { byte.is_ascii_uppercase() })
        && full.get(3).is_some_and(|byte| b"ABCFGHLJPT".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `~` is taken out first: written whole, the numbers would be findings in this file.
    fn found(text: &str) -> Vec<(Datum, Confidence)> {
        let text = text.replace('~', "");
        let mut found = Vec::new();
        look(text.as_bytes(), &mut found, &mut Vec::new());
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
