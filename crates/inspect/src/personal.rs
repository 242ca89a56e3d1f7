//! Data about people, judged by density, checksum and context: one address in a README is not a finding.

mod candidates;
mod context;
mod numbers;

use std::collections::BTreeSet;
use std::ops::Range;

use cordon_domain::{Confidence, Severity};

pub(crate) use self::candidates::Candidates;
use self::candidates::{Group, group};
use self::context::{OF_CARDS, OF_INVENTION, OF_PHONES, Topics};
use self::numbers::{IDS, Id, iban_end, is_card, is_test_card};

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
/// Bytes before the first card in which a text can say that its numbers are made up.
const LEAD_BYTES: usize = 400;
/// Bytes of a text whose words can speak for its numbers.
const SPOKEN_BYTES_MAX: usize = 64 << 10;

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
        if !made_up && !is_machine(&lower) && seen.insert(lower) {
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

/// Hosts of a private network, files with an `@` in their name, identifiers of messages and of algorithms.
fn is_machine(address: &[u8]) -> bool {
    let (local, domain) = address.split_at_checked(memchr::memchr(b'@', address).unwrap_or(0)).unwrap_or_default();
    let top = domain.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let private = [&b"internal"[..], b"local", b"localdomain", b"lan", b"intranet", b"corp", b"home", b"arpa"];
    let file = [
        &b"png"[..],
        b"jpg",
        b"jpeg",
        b"gif",
        b"svg",
        b"webp",
        b"ico",
        b"css",
        b"js",
        b"map",
        b"html",
        b"pdf",
        b"woff",
        b"ttf",
        b"mp4",
        b"webm",
        b"zip",
        b"json",
        b"yaml",
        b"yml",
    ];
    // `name-of-an-algorithm-v01@vendor.com` (RFC 4251, section 6).
    let version = local.rsplit(|byte| *byte == b'-').next().and_then(|tail| tail.strip_prefix(b"v"));
    let versioned = version.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let digits = local.iter().filter(|byte| byte.is_ascii_digit()).count();
    private.contains(&top) || file.contains(&top) || versioned || digits >= 8
}

/// Tells whether a group is a number of a known form, by itself.
fn is_something(text: &[u8], group: &Group) -> bool {
    is_card_number(group)
        || Phone::of(text, group).is_some()
        || iban_end(text, group.span.start).is_some()
        || IDS.iter().any(|id| id.fits(text, group))
}

fn is_card_number(group: &Group) -> bool {
    (13..=19).contains(&group.digits.len()) && is_card(&group.digits)
}

/// How sure a group is a telephone number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phone {
    /// Written with the sign of a country code.
    Strong,
    /// Grouped as one: the text must speak of telephones.
    Loose,
}

impl Phone {
    fn of(text: &[u8], group: &Group) -> Option<Self> {
        let before = text.get(group.written.start.saturating_sub(8)..group.written.start).unwrap_or_default();
        let written = text.get(group.written.clone()).unwrap_or_default();
        // A group has eight gaps at most.
        let mut lens = [0; 9];
        let parts = written.split(|byte| !byte.is_ascii_digit()).zip(&mut lens);
        let parts = parts.map(|(part, len)| *len = part.len()).count();
        let lens = lens.get(..parts).unwrap_or_default();
        let count = group.digits.len();
        if before.last() == Some(&b'+') {
            // Latitude and longitude (ISO 6709) begin with a sign too.
            let coordinates = matches!(lens, [4, 5] | [6, 7]);
            return ((8..=15).contains(&count) && !coordinates).then_some(Self::Strong);
        }
        let in_brackets =
            before.iter().rposition(|byte| *byte == b'(').is_some() && matches!(before, [.., b')'] | [.., b')', b' ']);
        let dated = matches!(lens, [4, 1..=2, 1..=2, ..] | [1..=2, 1..=2, 4, ..]);
        let dots = written.iter().filter(|byte| **byte == b'.').count();
        let thousands = dots > 0 && dots + 1 == parts && lens.iter().skip(1).all(|len| *len == 3);
        let fraction = dots == 1 && parts == 2;
        let address = dots == 3 && lens.iter().all(|len| *len <= 3);
        let slashes = written.iter().filter(|byte| **byte == b'/').count();
        let grouped = in_brackets && (6..=12).contains(&count)
            || (8..=15).contains(&count)
                && matches!(parts, 2..=6)
                && lens.iter().all(|len| *len >= 2 || count > 10)
                && slashes <= 1;
        (grouped && !dated && !thousands && !fraction && !address && before.last() != Some(&b'('))
            .then_some(Self::Loose)
    }
}

/// What the numbers of a text turn out to be.
#[derive(Default)]
struct Numbers {
    /// Of what the first line speaks, once that is asked for.
    header: Option<Topics>,
    cards: Vec<Range<usize>>,
    test_cards: usize,
    ibans: Vec<Range<usize>>,
    phones: BTreeSet<Vec<u8>>,
    phone_span: Option<Range<usize>>,
    loose_phones: BTreeSet<Vec<u8>>,
    loose_span: Option<Range<usize>>,
    /// Identifiers, by scheme, and whether words near them say so.
    ids: Vec<(usize, Range<usize>, bool)>,
}

fn numbers(text: &[u8], starts: &[usize], found: &mut Vec<Personal>, masks: &mut Vec<Range<usize>>) {
    let mut numbers = Numbers::default();
    for group in starts.iter().filter_map(|start| group(text, *start)) {
        numbers.take(text, &group);
    }
    // Lists of telephone numbers, and several of one scheme, can be explained by the words of the whole text.
    let head = text.get(..text.len().min(SPOKEN_BYTES_MAX)).unwrap_or_default();
    let several =
        |(index, id): (usize, &Id)| numbers.ids.iter().filter(|(scheme, ..)| *scheme == index).count() >= id.several;
    let asks = numbers.loose_phones.len() >= PHONES_MIN || IDS.iter().enumerate().any(several);
    let whole = if asks { Topics::heard(head) } else { Topics::default() };
    if whole.has(OF_PHONES) {
        numbers.phones.append(&mut numbers.loose_phones);
        let loose = numbers.loose_span.take();
        numbers.phone_span = match (numbers.phone_span.take(), loose) {
            (Some(one), Some(other)) => Some(one.start.min(other.start)..one.end.max(other.end)),
            (one, other) => one.or(other),
        };
    }
    masks.extend(numbers.cards.iter().chain(&numbers.ibans).cloned());
    report_cards(text, &mut numbers, found);
    report_ibans(&numbers.ibans, found);
    report_phones(&numbers, found);
    report_ids(&numbers.ids, whole, found, masks);
}

impl Numbers {
    fn take(&mut self, text: &[u8], group: &Group) {
        if is_card_number(group) {
            if is_test_card(&group.digits) { self.test_cards += 1 } else { self.cards.push(group.span.clone()) }
        }
        if let Some(end) = iban_end(text, group.span.start) {
            self.ibans.push(group.span.start..end);
            return;
        }
        let widen = |span: &mut Option<Range<usize>>| {
            *span = Some(span.take().map_or(group.span.start, |span| span.start)..group.span.end);
        };
        match Phone::of(text, group) {
            Some(Phone::Strong) => {
                self.phones.insert(group.digits.to_vec());
                widen(&mut self.phone_span);
            }
            Some(Phone::Loose) => {
                self.loose_phones.insert(group.digits.to_vec());
                widen(&mut self.loose_span);
            }
            None => {}
        }
        let fits = |id: &Id| id.fits(text, group);
        if !IDS.iter().any(fits) {
            return;
        }
        let near = near(text, group.span.start);
        let header = self.header(text);
        let spoken = |scheme: usize| [near, header].iter().any(|topics| topics.has(Topics::of_id(scheme)));
        let named = IDS.iter().enumerate().position(|(scheme, id)| spoken(scheme) && fits(id));
        if let Some(scheme) = named.or_else(|| IDS.iter().position(fits)) {
            self.ids.push((scheme, group.span.clone(), named.is_some()));
        }
    }

    fn header(&mut self, text: &[u8]) -> Topics {
        *self.header.get_or_insert_with(|| Topics::heard(header(text)))
    }
}

fn report_cards(text: &[u8], numbers: &mut Numbers, found: &mut Vec<Personal>) {
    let Some(first) = numbers.cards.first().cloned() else { return };
    let header = numbers.header(text);
    let cards = &numbers.cards;
    let spoken = header.has(OF_CARDS) || cards.iter().any(|span| near(text, span.start).has(OF_CARDS));
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
    let lead = text.get(first.start.saturating_sub(LEAD_BYTES)..first.start).unwrap_or_default();
    let made_up = Topics::heard(lead).has(OF_INVENTION);
    let severity = if cards.len() >= 10 { Severity::Critical } else { Severity::High };
    let tests = numbers.test_cards;
    let note = if tests > 0 { format!(", beside {tests} known test numbers") } else { String::new() };
    found.push(Personal {
        datum: Datum::Card,
        span: first,
        severity,
        confidence: confidence.lowered(2 * u8::from(made_up)),
        detail: format!("{} with a valid check digit{note}", cards.len()),
    });
}

fn report_ibans(ibans: &[Range<usize>], found: &mut Vec<Personal>) {
    let Some(first) = ibans.first() else { return };
    found.push(Personal {
        datum: Datum::Iban,
        span: first.clone(),
        severity: if ibans.len() >= 10 { Severity::Critical } else { Severity::High },
        confidence: Confidence::High,
        detail: format!("{} with a valid checksum", ibans.len()),
    });
}

fn report_phones(numbers: &Numbers, found: &mut Vec<Personal>) {
    let count = numbers.phones.len();
    let span = numbers.phone_span.clone().filter(|span| count >= PHONES_MIN && span.len() / count <= 300);
    let Some(span) = span else { return };
    found.push(Personal {
        datum: Datum::Phones,
        span,
        severity: if count >= 100 { Severity::High } else { Severity::Medium },
        confidence: Confidence::Medium,
        detail: format!("{count} numbers"),
    });
}

fn report_ids(
    ids: &[(usize, Range<usize>, bool)],
    whole: Topics,
    found: &mut Vec<Personal>,
    masks: &mut Vec<Range<usize>>,
) {
    for (index, id) in IDS.iter().enumerate() {
        let places: Vec<_> = ids.iter().filter(|(scheme, ..)| *scheme == index).collect();
        let near = places.iter().any(|(.., near)| *near);
        let told = near || places.len() >= id.several && whole.has(Topics::of_id(index));
        let Some((_, first, _)) = places.iter().find(|(.., is_near)| *is_near || !near).filter(|_| told) else {
            continue;
        };
        masks.extend(places.iter().map(|(_, span, _)| span.clone()));
        found.push(Personal {
            datum: Datum::NationalId,
            span: first.clone(),
            severity: if places.len() >= 10 { Severity::Critical } else { Severity::High },
            confidence: Confidence::High,
            detail: format!("{} {}", places.len(), id.name),
        });
    }
}

/// The first line that names columns: of a table, or of a file that begins with one.
fn header(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', text).unwrap_or(0).min(2048);
    let line = text.get(..end).unwrap_or_default();
    if line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|')) || line.len() <= 64 { line } else { b"" }
}

/// The words before a number; in a table of numbers there are none.
fn near(text: &[u8], at: usize) -> Topics {
    let before = text.get(at.saturating_sub(CONTEXT_BYTES)..at).unwrap_or_default();
    let worded = before.windows(2).any(|pair| pair.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80));
    if worded { Topics::heard(before) } else { Topics::default() }
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
            "PAN: BNZ~PM2501~F",
            "{\"arn\":\"arn:aws:s3:::b\",\"ssn\":\"53~6-90-43~99\"}",
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
            "ssn: 53~69-04-3~99",
            "ssn: 11~1-22-33~33",
            "Aadhaar of arn:aws:iam::23~41234123~46:user",
            "CPF: 52~998224725~@acme.org",
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
        quiet(&(0..30).map(|n| format!("\"ecdsa-sha2-nistp{n}-cert-v01@acme.org\",\n")).collect::<String>());
        check(&list, Datum::Phones);
    }
}
