//! Text folded to letters and digits: what is left when case, marks, spacing and layout are taken away.

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

/// Folded text. Where each of its bytes came from is worked out when it is asked for, from the nearest of some places
/// that are kept.
#[derive(Debug, Default)]
pub struct Folded {
    bytes: Vec<u8>,
    /// Offsets in the folded bytes and in the text, at least every [`MARK_BYTES`] of the text.
    marks: Vec<(u32, u32)>,
}

/// Bytes of text between two places that are kept.
const MARK_BYTES: usize = 1024;
/// Bytes that one character can fold to: eighteen characters (U+FDFA) of four bytes at most.
const CHAR_BYTES_MAX: usize = 72;

/// Lower case of ASCII letters, digits as they are, zero for the rest.
#[expect(clippy::indexing_slicing, reason = "a constant: out of bounds would not compile")]
static FOLD: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0usize;
    while byte < 128 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            table[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

impl Folded {
    /// Folds `text`, reusing the buffers. Bytes that are no UTF-8 are left out.
    pub fn fill(&mut self, text: &[u8]) {
        self.bytes.clear();
        self.bytes.resize(text.len() + MARK_BYTES + CHAR_BYTES_MAX, 0);
        self.marks.clear();
        let (mut at, mut len) = (0, 0);
        while at < text.len() {
            self.marks.push((len as u32, at as u32));
            let end = text.len().min(at + MARK_BYTES);
            if self.bytes.len() < len + MARK_BYTES + CHAR_BYTES_MAX {
                self.bytes.resize(2 * self.bytes.len() + MARK_BYTES + CHAR_BYTES_MAX, 0);
            }
            while at < end {
                let rest = text.get(at..end).unwrap_or_default();
                let ascii =
                    if rest.is_ascii() { rest.len() } else { rest.iter().take_while(|byte| byte.is_ascii()).count() };
                len = self.ascii(rest.get(..ascii).unwrap_or_default(), len);
                at += ascii;
                if at < end {
                    let (read, written) = self.character(text.get(at..).unwrap_or_default(), len);
                    at += read;
                    len += written;
                }
            }
        }
        self.bytes.truncate(len);
    }

    /// Writes every byte and steps on only behind those that count.
    fn ascii(&mut self, text: &[u8], from: usize) -> usize {
        if self.bytes.len() < from + text.len() {
            self.bytes.resize(2 * (from + text.len()), 0);
        }
        let Some(out) = self.bytes.get_mut(from..from + text.len()) else { return from };
        let mut len = 0;
        for &byte in text {
            let folded = FOLD.get(usize::from(byte)).copied().unwrap_or(0);
            if let Some(slot) = out.get_mut(len) {
                *slot = folded;
            }
            len += usize::from(folded != 0);
        }
        from + len
    }

    /// Folds one character that is not ASCII; tells how many bytes were read and written.
    fn character(&mut self, text: &[u8], from: usize) -> (usize, usize) {
        if self.bytes.len() < from + CHAR_BYTES_MAX {
            self.bytes.resize(2 * from + CHAR_BYTES_MAX, 0);
        }
        let Some(out) = self.bytes.get_mut(from..) else { return (text.len(), 0) };
        let mut len = 0;
        let read = fold_first(text, |byte| {
            if let Some(slot) = out.get_mut(len) {
                *slot = byte;
                len += 1;
            }
        });
        (read, len)
    }

    /// The folded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where in `text`, from which this was folded, the folded byte at `at` came from.
    pub(crate) fn place(&self, text: &[u8], at: usize) -> usize {
        let next = self.marks.partition_point(|(folded, _)| *folded as usize <= at);
        let (folded, from) = next.checked_sub(1).and_then(|mark| self.marks.get(mark)).copied().unwrap_or_default();
        let (mut left, mut place) = (at - folded as usize, from as usize);
        while let Some(rest) = text.get(place..).filter(|rest| !rest.is_empty()) {
            let mut count = 0;
            let read = fold_first(rest, |_| count += 1);
            if count > left {
                return place;
            }
            left -= count;
            place += read;
        }
        place
    }
}

/// Folds the first character of `text`, or passes over bytes that are none; tells how many bytes that takes.
fn fold_first(text: &[u8], mut each: impl FnMut(u8)) -> usize {
    let window = text.get(..text.len().min(4)).unwrap_or_default();
    let Some(chunk) = window.utf8_chunks().next() else { return 1 };
    let Some(c) = chunk.valid().chars().next() else { return chunk.invalid().len().max(1) };
    let mut buffer = [0; 4];
    let mut push = |c: char| {
        if c.is_alphanumeric() {
            c.encode_utf8(&mut buffer).bytes().for_each(&mut each);
        }
    };
    if c.is_ascii() || is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes {
        c.to_lowercase().for_each(&mut push);
    } else {
        std::iter::once(c).nfkc().flat_map(char::to_lowercase).for_each(&mut push);
    }
    c.len_utf8()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(text: &str) -> String {
        let mut folded = Folded::default();
        folded.fill(text.as_bytes());
        String::from_utf8_lossy(folded.bytes()).into_owned()
    }

    #[test]
    fn letters_and_digits_remain_in_any_script() {
        assert_eq!(fold("Hello,  WORLD\n\t42!"), "helloworld42");
        assert_eq!(fold("Ｆｕｌｌ ﬁve ÄÖ ₂"), "fullfiveäö2");
        assert_eq!(fold("Москва 東京"), "москва東京");
    }

    proptest! {
        #[test]
        fn every_folded_byte_knows_its_place(text in "([a-zA-Z ]{0,30}|[a-z]{600,900}|[äÖ東ﬁﷺ,.]{0,90}){0,5}") {
            let mut folded = Folded::default();
            folded.fill(text.as_bytes());
            let (mut expect, mut bytes) = (Vec::new(), Vec::new());
            for (at, c) in text.char_indices() {
                let mut count = 0;
                fold_first(c.to_string().as_bytes(), |byte| {
                    bytes.push(byte);
                    count += 1;
                });
                expect.extend(std::iter::repeat_n(at, count));
            }
            prop_assert_eq!(folded.bytes(), bytes);
            let places: Vec<usize> = (0..folded.bytes().len()).map(|at| folded.place(text.as_bytes(), at)).collect();
            prop_assert_eq!(places, expect);
        }

        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            Folded::default().fill(&bytes);
        }
    }
}
