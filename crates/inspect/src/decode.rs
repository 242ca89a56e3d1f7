//! Undoes encodings that hide text from a search: UTF-16, base64, hex, percent, escapes.
//!
//! Runs are found by eight bytes of every sixteen and decoded only as far as it takes to see whether text comes out.

use std::ops::Range;

use crate::checks::decode_base64;
use crate::limits::{DECODED_BYTES_MAX, ENCODED_RUN_BYTES_MIN};

/// What a decoded run turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Text: to be inspected in turn.
    Text(Vec<u8>),
    /// A file of a known format: to be extracted.
    File(Vec<u8>),
}

/// How a run hides what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    /// Base64, in one line or wrapped, or hexadecimal.
    Packed,
    /// `%XX` in URLs.
    Percent,
    /// `\xXX` and `\u00XX` in sources.
    Escapes,
}

/// Where a run stands that could be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) scheme: Scheme,
    pub(crate) span: Range<usize>,
}

/// Which byte of a UTF-16 unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The higher one.
    Big,
    /// The lower one.
    Little,
}

impl Order {
    /// Tells whether a text that begins with `head` is UTF-16; a byte order mark or a regular pattern of zero bytes
    /// decides.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = head.get(..head.len().min(ORDER_BYTES))?;
        if head.len() < 4 {
            return None;
        }
        let zeros = |start: usize| head.iter().skip(start).step_by(2).filter(|byte| **byte == 0).count() * 2;
        match head {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ if zeros(1) * 10 >= head.len() * 8 && zeros(0) * 10 <= head.len() => Some(Self::Little),
            _ if zeros(0) * 10 >= head.len() * 8 && zeros(1) * 10 <= head.len() => Some(Self::Big),
            _ => None,
        }
    }

    /// The units of `text`; an odd byte at its end is left out.
    pub fn units(self, text: &[u8]) -> impl Iterator<Item = u16> + '_ {
        text.as_chunks::<2>().0.iter().map(move |pair| match self {
            Self::Big => u16::from_be_bytes(*pair),
            Self::Little => u16::from_le_bytes(*pair),
        })
    }
}

/// Bytes of a text that tell whether it is UTF-16.
pub const ORDER_BYTES: usize = 512;

/// Returns `text` as UTF-8 if it is UTF-16.
#[must_use]
pub fn utf16(text: &[u8]) -> Option<Vec<u8>> {
    let units = Order::of(text)?.units(text);
    let decoded: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(decoded.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// Pulls runs of UTF-16 text of at least eight characters out of binary data, each on a line of its own.
#[must_use]
pub fn utf16_runs(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 16 <= data.len() {
        let wide = |at: usize| matches!(data.get(at..at + 2), Some([0x20..=0x7e | b'\n' | b'\t' | b'\r', 0]));
        if !wide(at) {
            at += 1;
            continue;
        }
        let start = at;
        while wide(at) {
            at += 2;
        }
        if at - start >= 16 {
            out.extend(data.get(start..at).unwrap_or_default().iter().step_by(2));
            out.push(b'\n');
        }
    }
    out
}

/// Tells whether bytes read as text: hardly any control characters, mostly ASCII or valid UTF-8.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(64)).unwrap_or(bytes);
    let printable = head.iter().filter(|byte| matches!(byte, 0x20..=0x7e | b'\n' | b'\r' | b'\t')).count();
    !head.is_empty() && printable * 20 >= head.len() * 19
}

fn is_file(bytes: &[u8]) -> bool {
    [
        &b"PK\x03\x04"[..],
        b"\x1f\x8b\x08",
        b"%PDF-",
        b"7z\xbc\xaf\x27\x1c",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"SQLite format 3\0",
    ]
    .iter()
    .any(|magic| bytes.starts_with(magic))
}

fn classify(decoded: Vec<u8>) -> Option<Decoded> {
    if is_file(&decoded) && decoded.len() > 64 {
        return Some(Decoded::File(decoded));
    }
    if is_text(&decoded) {
        return Some(Decoded::Text(decoded));
    }
    utf16(&decoded).filter(|text| is_text(text)).map(Decoded::Text)
}

const HEX: u8 = 1;
const BASE64: u8 = 2;

/// One entry a byte: which alphabets it belongs to.
#[expect(clippy::indexing_slicing, reason = "a constant: out of bounds would not compile")]
static ALPHABET: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_hexdigit() {
            table[byte] |= HEX;
        }
        if b.is_ascii_alphanumeric() || b == b'+' || b == b'/' || b == b'-' || b == b'_' {
            table[byte] |= BASE64;
        }
        byte += 1;
    }
    table
};

fn class(byte: u8) -> u8 {
    ALPHABET.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Tells whether eight bytes could all stand in a run, without a branch: of each byte, the highest bit tells of a
/// comparison. `+` to `9` takes in `,` and `.`, which the exact look afterwards puts out again.
fn is_dense(bytes: &[u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let value = u64::from_le_bytes(*bytes);
    // Of values below 0x80: whether each is at least `low`.
    let least = |value: u64, low: u8| value + ONES * u64::from(0x80 - low);
    let within = |value: u64, low: u8, high: u8| least(value, low) & !least(value, high + 1);
    let ascii = value & (ONES * 0x7f);
    let marks = within(ascii | (ONES * 0x20), b'a', b'z') | within(ascii, b'+', b'9') | within(ascii, b'_', b'_');
    marks & !value & (ONES * 0x80) == ONES * 0x80
}

/// Base64 of text mixes capitals, small letters and digits from its first bytes on; hex has digits. Identifiers, paths
/// and words mostly lack one of the three.
fn could_be_encoded(run: &[u8]) -> bool {
    let head = run.get(..run.len().min(64)).unwrap_or(run);
    let any = |is: fn(&u8) -> bool| head.iter().any(is);
    any(u8::is_ascii_digit)
        && (any(u8::is_ascii_uppercase) && any(u8::is_ascii_lowercase) || head.iter().all(u8::is_ascii_hexdigit))
}

impl Scheme {
    pub(crate) const ALL: [Self; 3] = [Self::Packed, Self::Percent, Self::Escapes];

    /// Tells whether a byte can stand within a run or join two: what does not, parts the text into places that can be
    /// searched by themselves.
    pub(crate) fn belongs(self, byte: u8) -> bool {
        match self {
            Self::Packed => class(byte) & BASE64 != 0 || matches!(byte, b'\n' | b'\r' | b'\\' | b'='),
            Self::Percent => is_url_part(&byte),
            Self::Escapes => is_quotable(&byte),
        }
    }

    /// Appends the runs in `region` of `text` to `out`, in order. A region begins and ends at the borders of the text
    /// or at bytes that do not belong.
    pub(crate) fn find(self, text: &[u8], region: Range<usize>, out: &mut Vec<Run>) {
        let mut push = |span: Range<usize>| out.push(Run { scheme: self, span });
        match self {
            Self::Packed => packed(text, region, &mut push),
            Self::Percent => percent(text, region, &mut push),
            Self::Escapes => escapes(text, region, &mut push),
        }
    }
}

/// Undoes a run; `None` where nothing sensible comes out. The range is what of it was encoded.
pub(crate) fn undo(text: &[u8], run: &Run) -> Option<(Range<usize>, Decoded)> {
    let bytes = text.get(run.span.clone())?;
    match run.scheme {
        Scheme::Packed => {
            let (skip, decoded) = unpack(bytes)?;
            Some((run.span.start + skip..run.span.end, decoded))
        }
        Scheme::Percent => {
            let decoded = unescape(bytes, b"%", 1);
            is_text(&decoded).then(|| (run.span.clone(), Decoded::Text(decoded)))
        }
        Scheme::Escapes => {
            let decoded = unescape(&unescape(bytes, b"\\u00", 4), b"\\x", 2);
            let shorter = decoded.len() < bytes.len() && decoded.len() >= 8;
            (shorter && is_text(&decoded)).then(|| (run.span.clone(), Decoded::Text(decoded)))
        }
    }
}

/// Runs of base64 or hexadecimal. The shortest holds eight bytes in a row that begin at a multiple of sixteen, and eight
/// more before or behind them.
fn packed(text: &[u8], region: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    const { assert!(ENCODED_RUN_BYTES_MIN >= 24) };
    let mut next = region.start;
    let (blocks, rest) = text.get(region.clone()).unwrap_or_default().as_chunks::<16>();
    let mut last = [0; 16];
    last.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
    let mut before = &[0; 8];
    for (index, block) in blocks.iter().chain([&last]).enumerate() {
        let at = region.start + index * 16;
        let ([first, second], _) = block.as_chunks::<8>() else { continue };
        let dense = is_dense(first) && (is_dense(before) || is_dense(second));
        before = second;
        if !dense || at + 8 <= next {
            continue;
        }
        let head = text.get(next..at + 8).unwrap_or_default();
        let start = at + 8 - head.iter().rev().take_while(|byte| class(**byte) & BASE64 != 0).count();
        let end = run_end(text, start, at + 8);
        next = end.max(at + 8);
        if end - start >= ENCODED_RUN_BYTES_MIN && text.get(start..end).is_some_and(could_be_encoded) {
            push(start..end);
        }
    }
}

/// The end of the run that begins at `start` and holds `from`; it may be wrapped over lines.
fn run_end(text: &[u8], start: usize, from: usize) -> usize {
    let mut at = from;
    loop {
        at += text.get(at..).unwrap_or_default().iter().take_while(|byte| class(**byte) & BASE64 != 0).count();
        let wrap = match text.get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [b'\\', b'n', ..] => 2,
            _ => return at,
        };
        let line = text.get(at + wrap..).unwrap_or_default();
        let rest = line.iter().take_while(|byte| class(**byte) & BASE64 != 0).count();
        let closed = matches!(line.get(rest), None | Some(b'\n' | b'\r' | b'=' | b'\\'));
        let before = at.saturating_sub(48).max(start);
        let filled = text
            .get(before..at)
            .is_some_and(|tail| tail.len() >= 32 && tail.iter().all(|byte| class(*byte) & BASE64 != 0));
        if rest == 0 || !closed || !filled {
            return at;
        }
        at += wrap;
    }
}

/// Decodes a run of base64 or hexadecimal; tells how many bytes before it are something else.
fn unpack(run: &[u8]) -> Option<(usize, Decoded)> {
    if run.iter().all(|byte| class(*byte) & HEX != 0) {
        return classify(unhex(run)).map(|decoded| (0, decoded));
    }
    // Four characters carry three bytes: a run may begin with up to three characters of something else, or with a
    // path whose last `/` is the border.
    let slash = memchr::memrchr(b'/', run.get(..run.len().min(200)).unwrap_or(run)).map(|at| at + 1);
    [0, 1, 2, 3].into_iter().chain(slash).find_map(|skip| {
        let body = run.get(skip..)?;
        let head = decode_base64(body.get(..body.len().min(24)).unwrap_or(body))?;
        if head.len() < 12 || !(is_text(&head) || is_file(&head) || utf16(&head).is_some()) {
            return None;
        }
        let clean: Vec<u8> = if memchr::memchr3(b'\n', b'\r', b'\\', body).is_some() {
            String::from_utf8_lossy(body)
                .replace("\\n", "")
                .bytes()
                .filter(|byte| class(*byte) & BASE64 != 0)
                .take(DECODED_BYTES_MAX / 3 * 4)
                .collect()
        } else {
            body.iter().copied().take(DECODED_BYTES_MAX / 3 * 4).collect()
        };
        decode_base64(&clean).and_then(classify).map(|decoded| (skip, decoded))
    })
}

fn unhex(run: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    run.as_chunks::<2>().0.iter().take(DECODED_BYTES_MAX).map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

fn hex_pair(bytes: Option<&[u8]>) -> Option<u8> {
    let [high, low] = bytes? else { return None };
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn is_url_part(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"%-_.~+=&/:@?,;!*".contains(byte)
}

fn is_quotable(byte: &u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`') || *byte == b' '
}

/// The run of bytes that `is_part` around `at`, begun no earlier than `floor`.
fn around(text: &[u8], at: usize, floor: usize, is_part: fn(&u8) -> bool) -> Range<usize> {
    let head = text.get(floor..at).unwrap_or_default();
    let back = head.iter().rev().take(4096).take_while(|byte| is_part(byte)).count();
    let tail = text.get(at..).unwrap_or_default();
    at - back..at + tail.iter().take(1 << 16).take_while(|byte| is_part(byte)).count()
}

/// Percent-encoded words: at least two `%XX` within a run of URL characters.
fn percent(text: &[u8], region: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    let mut next = region.start;
    for at in memchr::memchr_iter(b'%', text.get(region.clone()).unwrap_or_default()) {
        let at = region.start + at;
        if at < next || hex_pair(text.get(at + 1..at + 3)).is_none() {
            continue;
        }
        let span = around(text, at, next, is_url_part);
        next = span.end;
        let run = text.get(span.clone()).unwrap_or_default();
        if run.len() >= 12 && memchr::memchr_iter(b'%', run).take(2).count() == 2 {
            push(span);
        }
    }
}

/// JSON and source escapes: runs in which `\u00XX` or `\xXX` stand for ASCII.
fn escapes(text: &[u8], region: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    let mut next = region.start;
    for at in memchr::memchr_iter(b'\\', text.get(region.clone()).unwrap_or_default()) {
        let at = region.start + at;
        let marked = matches!(text.get(at + 1..), Some([b'x', ..] | [b'u', b'0', b'0', ..]));
        if marked && at >= next {
            let span = around(text, at, next, is_quotable);
            next = span.end;
            push(span);
        }
    }
}

fn unescape(run: &[u8], mark: &[u8], mark_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len());
    let mut at = 0;
    while let Some(&byte) = run.get(at) {
        let rest = run.get(at..).unwrap_or_default();
        match rest.starts_with(mark).then(|| hex_pair(rest.get(mark_bytes..mark_bytes + 2))).flatten() {
            Some(value) => {
                out.push(value);
                at += mark_bytes + 2;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &[u8]) -> Vec<String> {
        let mut runs = Vec::new();
        Scheme::ALL.into_iter().for_each(|scheme| scheme.find(text, 0..text.len(), &mut runs));
        let decoded = runs.iter().filter_map(|run| match undo(text, run)?.1 {
            Decoded::Text(text) => Some(String::from_utf8_lossy(&text).into_owned()),
            Decoded::File(_) => None,
        });
        decoded.collect()
    }

    const PLAIN: &str = "password = correct horse battery staple 42";

    #[test]
    fn encodings_are_undone() {
        let base64 = base64::engine::general_purpose::STANDARD.encode(PLAIN);
        let hex: String = PLAIN.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = PLAIN.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped: String = PLAIN.bytes().map(|byte| format!("\\u00{byte:02x}")).collect();
        for encoded in [
            format!("x = '{base64}'"),
            format!("data:;base64,{base64}"),
            format!("h={hex};"),
            percent,
            format!("\"{escaped}\""),
        ] {
            assert!(texts(encoded.as_bytes()).iter().any(|text| text.contains(PLAIN)), "{encoded}");
        }
        let wrapped: String = base64::engine::general_purpose::STANDARD
            .encode(PLAIN.repeat(4))
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
            .collect();
        assert!(texts(wrapped.as_bytes()).iter().any(|text| text.contains(&PLAIN.repeat(4))), "{wrapped}");
    }

    #[test]
    fn utf16_in_both_orders() {
        let little: Vec<u8> = PLAIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = PLAIN.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(utf16(&little).as_deref(), Some(PLAIN.as_bytes()));
        assert_eq!(utf16(&big).as_deref(), Some(PLAIN.as_bytes()));
        assert_eq!(utf16(PLAIN.as_bytes()), None);
        let mut binary = vec![1, 2, 3, 255];
        binary.extend(&little);
        assert!(String::from_utf8_lossy(&utf16_runs(&binary)).contains(PLAIN));
    }

    proptest! {
        #[test]
        fn dense_bytes_are_those_of_the_alphabet(bytes in any::<[u8; 8]>(), at in 0usize..8) {
            let belongs = |byte: u8| class(byte) & BASE64 != 0 || matches!(byte, b',' | b'.');
            prop_assert_eq!(is_dense(&bytes), bytes.iter().all(|byte| belongs(*byte)));
            let mut most = *b"aZ09+/-_";
            most[at] = bytes[0];
            prop_assert_eq!(is_dense(&most), belongs(bytes[0]));
        }

        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = texts(&bytes);
            let _ = utf16(&bytes);
            let _ = utf16_runs(&bytes);
        }
    }
}
