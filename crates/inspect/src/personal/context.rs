//! What the words around a number say it is: `NHSNumber`, `num_secu`, `N.I.E.`, `Tarjeta de crédito`.

use unicode_normalization::UnicodeNormalization as _;

/// Text as it is spoken: lower case, without marks, words of identifiers parted, letters of abbreviations joined, one
/// blank before each word and behind the last.
pub(super) struct Spoken(Vec<u8>);

impl Spoken {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut speaker = Speaker::default();
        speaker.words.reserve(text.len() + 8);
        speaker.words.push(b' ');
        if text.is_ascii() {
            text.iter().for_each(|byte| speaker.hear_ascii(*byte));
        } else {
            let text = String::from_utf8_lossy(text);
            text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc().for_each(|c| speaker.hear(c));
        }
        speaker.words.push(b' ');
        Self(speaker.words)
    }

    /// Tells whether one of `terms` is spoken: whole words, or their beginning where a term ends in `*`. A word run
    /// together with what follows in capitals (`NHSNumber`) counts.
    pub(super) fn says(&self, terms: &[&str]) -> bool {
        memchr::memchr_iter(b' ', &self.0).any(|blank| {
            let words = self.0.get(blank + 1..).unwrap_or_default();
            let first = words.first();
            terms.iter().filter(|term| term.as_bytes().first() == first).any(|term| {
                let (stem, open) = term.strip_suffix('*').map_or((*term, false), |stem| (stem, true));
                words.strip_prefix(stem.as_bytes()).is_some_and(|behind| {
                    open || behind.starts_with(b" ") || GLUED.iter().any(|tail| behind.starts_with(tail.as_bytes()))
                })
            })
        })
    }
}

/// Text on its way to be spoken.
#[derive(Default)]
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
        self.part(c.is_alphanumeric(), c.is_uppercase(), false);
        if c.is_alphanumeric() {
            let mut buffer = [0; 4];
            c.to_lowercase().for_each(|c| self.words.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()));
        }
        self.was_lower = c.is_lowercase();
    }

    fn hear_ascii(&mut self, byte: u8) {
        self.part(byte.is_ascii_alphanumeric(), byte.is_ascii_uppercase(), byte == b'.');
        if byte.is_ascii_alphanumeric() {
            self.words.push(byte.to_ascii_lowercase());
        }
        self.was_lower = byte.is_ascii_lowercase();
    }

    /// Parts words at what is no letter or digit, and at humps; a single letter before a dot waits for the next one.
    fn part(&mut self, is_word: bool, is_upper: bool, is_dot: bool) {
        if !is_word || is_upper && self.was_lower {
            if !(is_dot && self.letters == 1) && self.words.last() != Some(&b' ') {
                self.words.push(b' ');
            }
            self.letters = 0;
        }
        self.letters += usize::from(is_word);
    }
}

/// What names of columns put behind the name of a number.
const GLUED: [&str; 6] = ["number", "no ", "nr ", "num ", "id ", "code"];

/// Words that make a number a payment card's, in the languages of the large schemes.
pub(super) const CARD: [&str; 24] = [
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
/// Words that make numbers telephone numbers.
pub(super) const PHONE: [&str; 21] = [
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
/// Words that say that numbers are made up.
pub(super) const MADE_UP: [&str; 6] = ["test*", "sandbox", "dummy", "fake", "mock*", "fictitious"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_heard_however_they_are_written() {
        let says = |text: &str, term: &str| Spoken::of(text.as_bytes()).says(&[term]);
        for (text, term) in [
            ("<NHSNumber>", "nhs"),
            ("niNumber\t", "ni number"),
            ("NI No.", "ni no"),
            ("N.I.E.: ", "nie"),
            ("numero_securite_sociale", "securite sociale"),
            ("Sécurité Sociale", "securite sociale"),
            ("steueridentnr:", "steuer*"),
            ("PAN of the employee", "pan"),
            ("주민등록번호", "주민*"),
        ] {
            assert!(says(text, term), "{text} {term}");
        }
        for (text, term) in [("japan", "pan"), ("panel", "pan"), ("finance", "fin"), ("denied", "nie")] {
            assert!(!says(text, term), "{text} {term}");
        }
    }
}
