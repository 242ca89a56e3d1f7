//! What the words around a number say it is: `NHSNumber`, `num_secu`, `N.I.E.`, `Tarjeta de crédito`.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization as _;

use super::numbers::IDS;

/// What a text speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Topics(u32);

/// Words that make a number a payment card's.
pub(super) const OF_CARDS: Topics = Topics(1 << IDS.len());
/// Words that make numbers telephone numbers.
pub(super) const OF_PHONES: Topics = Topics(2 << IDS.len());
/// Words that say that numbers are made up.
pub(super) const OF_INVENTION: Topics = Topics(4 << IDS.len());

impl Topics {
    /// The topic of an identifier, by its place in [`IDS`].
    pub(super) fn of_id(scheme: usize) -> Self {
        Self(1 << scheme)
    }

    /// Hears what `text` speaks of: whole words, or their beginning where a term ends in `*`. A word run together with
    /// what follows in capitals (`NHSNumber`) counts.
    pub(super) fn heard(text: &[u8]) -> Self {
        static VOCABULARY: OnceLock<Vec<Vec<Term>>> = OnceLock::new();
        let vocabulary = VOCABULARY.get_or_init(vocabulary);
        let spoken = spoken(text);
        let mut heard = Self::default();
        for blank in memchr::memchr_iter(b' ', &spoken) {
            let words = spoken.get(blank + 1..).unwrap_or_default();
            let terms = slot(words).and_then(|slot| vocabulary.get(slot));
            for term in terms.into_iter().flatten() {
                if heard.0 & term.topic.0 == 0 && term.begins(words) {
                    heard.0 |= term.topic.0;
                }
            }
        }
        heard
    }

    /// Tells whether `topic` is among them.
    pub(super) fn has(self, topic: Self) -> bool {
        self.0 & topic.0 != 0
    }
}

/// A word or phrase, and what it speaks of.
struct Term {
    stem: &'static [u8],
    is_open: bool,
    topic: Topics,
}

impl Term {
    fn begins(&self, words: &[u8]) -> bool {
        words.strip_prefix(self.stem).is_some_and(|behind| {
            self.is_open || behind.starts_with(b" ") || GLUED.iter().any(|tail| behind.starts_with(tail.as_bytes()))
        })
    }
}

/// Where terms that begin like `words` stand in the vocabulary: five bits of each of the first two bytes tell nearly
/// all beginnings apart.
fn slot(words: &[u8]) -> Option<usize> {
    let [first, second, ..] = words else { return None };
    Some(usize::from(first & 31) << 5 | usize::from(second & 31))
}

/// All terms, by how they begin.
fn vocabulary() -> Vec<Vec<Term>> {
    let mut terms: Vec<Vec<Term>> = (0..1 << 10).map(|_| Vec::new()).collect();
    let ids = IDS.iter().enumerate().map(|(scheme, id)| (Topics::of_id(scheme), id.words));
    let others = [(OF_CARDS, &CARD[..]), (OF_PHONES, &PHONE[..]), (OF_INVENTION, &MADE_UP[..])];
    for (topic, words) in ids.chain(others) {
        for word in words {
            let (stem, is_open) = word.strip_suffix('*').map_or((*word, false), |stem| (stem, true));
            let stem = stem.as_bytes();
            if let Some(terms) = slot(stem).and_then(|slot| terms.get_mut(slot)) {
                terms.push(Term { stem, is_open, topic });
            }
        }
    }
    terms
}

/// Text as it is spoken: lower case, without marks, words of identifiers parted, letters of abbreviations joined, one
/// blank before each word and behind the last.
fn spoken(text: &[u8]) -> Vec<u8> {
    let mut speaker = Speaker { words: Vec::with_capacity(text.len() * 2 + 2), was_lower: false, letters: 0 };
    speaker.words.push(b' ');
    if text.is_ascii() {
        text.iter().for_each(|byte| speaker.hear_ascii(*byte));
    } else {
        let text = String::from_utf8_lossy(text);
        text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc().for_each(|c| speaker.hear(c));
    }
    speaker.words.push(b' ');
    speaker.words
}

/// Text on its way to be spoken.
struct Speaker {
    words: Vec<u8>,
    was_lower: bool,
    /// Characters of the word at hand.
    letters: usize,
}

impl Speaker {
    fn hear(&mut self, c: char) {
        if c.is_ascii() {
            return self.hear_ascii(c as u8);
        }
        if !c.is_alphanumeric() {
            return self.part(false);
        }
        if c.is_uppercase() && self.was_lower {
            self.part(false);
        }
        self.letters += 1;
        let mut buffer = [0; 4];
        c.to_lowercase().for_each(|c| self.words.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()));
        self.was_lower = c.is_lowercase();
    }

    #[inline]
    fn hear_ascii(&mut self, byte: u8) {
        match byte {
            b'a'..=b'z' => {
                self.letters += 1;
                self.was_lower = true;
                self.words.push(byte);
            }
            b'A'..=b'Z' => {
                if self.was_lower {
                    self.part(false);
                }
                self.letters += 1;
                self.words.push(byte | 0x20);
            }
            b'0'..=b'9' => {
                self.letters += 1;
                self.was_lower = false;
                self.words.push(byte);
            }
            _ => self.part(byte == b'.'),
        }
    }

    /// Ends a word; a single letter before a dot waits for the next one.
    fn part(&mut self, is_dot: bool) {
        if !(is_dot && self.letters == 1) && self.words.last() != Some(&b' ') {
            self.words.push(b' ');
        }
        self.letters = 0;
        self.was_lower = false;
    }
}

/// What names of columns put behind the name of a number.
const GLUED: [&str; 6] = ["number", "no ", "nr ", "num ", "id ", "code"];

/// Card, in the languages of the large schemes.
const CARD: [&str; 24] = [
    "card*",
    "visa",
    "mastercard",
    "maestro",
    "amex",
    "american express",
    "credit",
    "debit",
    "payment*",
    "pan",
    "cvv",
    "cvc",
    "cc",
    "ccnum*",
    "carte*",
    "tarjeta*",
    "karte*",
    "kreditkarte*",
    "cartao",
    "carta di credito",
    "kaart*",
    "karta",
    "カード",
    "卡*",
];
const PHONE: [&str; 21] = [
    "phone*",
    "telephone*",
    "tel",
    "tels",
    "telno",
    "telefon*",
    "telefone*",
    "mobile*",
    "mobil",
    "mobilnr",
    "movil*",
    "celular*",
    "cellphone*",
    "handy*",
    "msisdn*",
    "fax",
    "whatsapp",
    "contact no*",
    "contact number*",
    "전화*",
    "電話*",
];
const MADE_UP: [&str; 6] = ["test*", "sandbox", "dummy", "fake", "mock*", "fictitious"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let topics = Topics::heard(text.as_bytes());
        let heard = IDS.iter().enumerate().filter(|(scheme, _)| topics.has(Topics::of_id(*scheme)));
        assert_eq!(heard.map(|(_, id)| id.name).collect::<Vec<_>>(), expect, "{text}");
    }

    #[test]
    fn names_are_heard_however_they_are_written() {
        for (text, id) in [
            ("<NHSNumber>", "UK NHS"),
            ("niNumber\t", "UK NINO"),
            ("NI No.", "UK NINO"),
            ("N.I.E.: ", "ES DNI or NIE"),
            ("numero_securite_sociale", "FR NIR"),
            ("Sécurité Sociale", "FR NIR"),
            ("steueridentnr:", "DE Steuer-ID"),
            ("PAN of the employee", "IN PAN"),
            ("주민등록번호", "KR RRN"),
        ] {
            check(text, &[id]);
        }
        check("japan panel finance denied", &[]);
        check("national insurance, aadhaar_no", &["UK NINO", "IN Aadhaar"]);
        let topics = Topics::heard("Tarjeta de crédito; mobileNumber".as_bytes());
        assert!(topics.has(OF_CARDS) && topics.has(OF_PHONES) && !topics.has(OF_INVENTION));
    }
}
