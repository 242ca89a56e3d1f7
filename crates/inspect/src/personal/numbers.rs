//! Numbers that prove themselves: payment cards, bank accounts, national identifiers with checksums.

use std::collections::BTreeSet;

use super::candidates::Group;

/// A national identifier.
pub(super) struct Id {
    pub(super) name: &'static str,
    /// Words that must stand near.
    pub(super) words: &'static [&'static str],
    /// Checks the digits, or the digits with the letters around them.
    check: fn(&[u8], &[u8]) -> bool,
    /// How many must be there for words elsewhere in the text to speak for them: the less the check proves, the more.
    pub(super) several: usize,
    /// Digits between separators, where there is one way to write them.
    parts: &'static [usize],
}

impl Id {
    pub(super) fn fits(&self, text: &[u8], group: &Group) -> bool {
        let written = text.get(group.written.clone()).unwrap_or_default();
        let parts = || written.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len);
        (self.parts.is_empty() || parts().count() == 1 || parts().eq(self.parts.iter().copied()))
            && (self.check)(&group.digits, &group.full)
    }

    const fn written(self, parts: &'static [usize]) -> Self {
        Self { parts, ..self }
    }
}

const fn id(name: &'static str, words: &'static [&'static str], check: fn(&[u8], &[u8]) -> bool, several: usize) -> Id {
    Id { name, words, check, several, parts: &[] }
}

pub(super) const IDS: [Id; 12] = [
    id("US SSN", &["ssn", "social security", "tax id", "taxpayer*", "tin"], us_ssn, 4).written(&[3, 2, 4]),
    id("UK NHS", &["nhs"], uk_nhs, 3),
    id(
        "UK NINO",
        &["nino", "national insurance", "ni number", "ni no", "ni nr", "insurance number", "insurance no"],
        uk_nino,
        2,
    ),
    id("DE Steuer-ID", &["steuer*", "idnr", "id nr", "tax id", "tin"], de_tax, 3),
    id(
        "FR NIR",
        &["nir", "securite sociale", "secu", "insee", "nss", "social security", "inscription au repertoire"],
        fr_nir,
        2,
    ),
    id("ES DNI or NIE", &["dni", "nie", "nif", "documento*", "identidad"], es_dni, 2),
    id(
        "IT codice fiscale",
        &["codice fiscale", "codicefiscale", "cod fisc", "codfisc", "fiscal code", "tax code", "cf"],
        it_cf,
        2,
    ),
    id("IN Aadhaar", &["aadhaar*", "aadhar*", "adhaar*", "uidai", "uid"], in_aadhaar, 3),
    id("BR CPF", &["cpf"], br_cpf, 2),
    id("SG NRIC", &["nric*", "fin", "identity card*", "ic no"], sg_nric, 2),
    id("KR RRN", &["rrn", "resident registration*", "주민*", "jumin*"], kr_rrn, 3),
    id("IN PAN", &["pan", "permanent account*"], in_pan, 2),
];

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
pub(super) fn is_card(digits: &[u8]) -> bool {
    let prefix = |len: usize| number(digits.get(..len).unwrap_or_default());
    let scheme = match digits.len() {
        13 | 19 => prefix(1) == 4 || (digits.len() == 19 && prefix(2) == 62),
        14 => matches!(prefix(2), 36 | 38 | 39) || (300..=305).contains(&prefix(3)),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            matches!(prefix(4), 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
                || prefix(1) == 4
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
pub(super) fn is_test_card(digits: &[u8]) -> bool {
    let same = digits.windows(2).filter(|pair| matches!(pair, [a, b] if a == b)).count();
    let pairs = digits.windows(4).filter(|run| matches!(run, [a, b, c, d] if a == c && b == d)).count();
    same * 2 > digits.len() || pairs * 2 > digits.len()
}

/// ISO 13616: country, two check digits, account; the remainder by 97 is 1. Written in capitals, in one or in groups
/// of four, and no part of a longer word.
pub(super) fn iban_end(text: &[u8], start: usize) -> Option<usize> {
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

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    values(digits).zip(weights).map(|(value, weight)| value * weight).sum()
}

fn last(digits: &[u8]) -> u32 {
    values(digits).next_back().unwrap_or(99)
}

fn us_ssn(digits: &[u8], _: &[u8]) -> bool {
    let [area, group, serial] = [0..3, 3..5, 5..9].map(|range| number(digits.get(range).unwrap_or_default()));
    // `111-22-3333`: each group one digit repeated.
    let same =
        |range| digits.get(range).is_some_and(|part: &[u8]| part.iter().all(|digit| Some(digit) == part.first()));
    let made_up = same(0..3) && same(3..5) && same(5..9);
    digits.len() == 9
        && area != 0
        && area != 666
        && area < 900
        && group != 0
        && serial != 0
        && !matches!(number(digits), 123_456_789 | 78_051_120)
        && !made_up
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
