//! What the words around a number say it is: `NHSNumber`, `num_secu`, `N.I.E.`, `Tarjeta de crédito`.

use unicode_normalization::UnicodeNormalization as _;

/// Text as it is spoken: lower case, without marks, words of identifiers parted, letters of abbreviations joined, one
/// blank before each word and behind the last.
pub(super) struct Spoken(String);

impl Spoken {
    pub(super) fn of(text: &[u8]) -> Self {
        let mut spoken = Speaker::default();
        spoken.words.reserve(text.len() + 8);
        spoken.words.push(' ');
        if text.is_ascii() {
            text.iter().for_each(|byte| spoken.hear(char::from(*byte)));
        } else {
            let text = String::from_utf8_lossy(text);
            text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc().for_each(|c| spoken.hear(c));
        }
        spoken.words.push(' ');
        Self(spoken.words)
    }

    /// Tells whether one of `terms` is spoken: whole words, or their beginning where a term ends in `*`. A word run
    /// together with what follows in capitals (`NHSNumber`) counts.
    pub(super) fn says(&self, terms: &[&str]) -> bool {
        terms.iter().any(|term| {
            let (stem, open) = term.strip_suffix('*').map_or((*term, false), |stem| (stem, true));
            memchr::memmem::find_iter(self.0.as_bytes(), stem).any(|at| {
                let behind = self.0.get(at + stem.len()..).unwrap_or_default();
                let ends = open || behind.starts_with(' ') || GLUED.iter().any(|tail| behind.starts_with(tail));
                self.0.get(..at).is_some_and(|before| before.ends_with(' ')) && ends
            })
        })
    }
}

/// Text on its way to be spoken.
#[derive(Default)]
struct Speaker {
    words: String,
    last: char,
    /// Characters of the word at hand.
    letters: usize,
}

impl Speaker {
    fn hear(&mut self, c: char) {
        let hump = c.is_uppercase() && self.last.is_lowercase();
        if !c.is_alphanumeric() || hump {
            // A single letter before a dot waits for the next one.
            let abbreviated = c == '.' && self.letters == 1;
            if !abbreviated && !self.words.ends_with(' ') {
                self.words.push(' ');
            }
            self.letters = 0;
        }
        if c.is_alphanumeric() {
            self.letters += 1;
            self.words.extend(c.to_lowercase());
        }
        self.last = c;
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
pub(super) const PHONE: [&str; 24] = [
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
    "cell",
    "handy*",
    "msisdn*",
    "fax",
    "ring",
    "dial",
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
