//! Where addresses and numbers stand that could be somebody's; what they are is judged over the whole text.
//!
//! Each candidate is decided by the bytes near it alone, so that those of a base can be carried over to what was made
//! from it.

use std::ops::Range;

use super::is_something;
use crate::change::Change;
use crate::limits::CANDIDATES_MAX;

/// The candidates of one text, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    /// E-mail addresses.
    pub(crate) addresses: Vec<Range<usize>>,
    /// First digits of groups that prove to be some number, whatever they mean.
    pub(crate) numbers: Vec<usize>,
    /// There were more than are kept.
    pub(crate) overflow: bool,
}

/// Bytes before and behind an address that decide over it.
const ADDRESS_BORDER: (usize, usize) = (1, 2);
/// Bytes before and behind its `@` within which it lies, with its border.
const ADDRESS_REACH: (usize, usize) = (67, 260);
/// Bytes before and behind the first digit that decide over a group.
const NUMBER_REACH: (usize, usize) = (48, 128);

impl Candidates {
    /// Finds the candidates of `text`; with the candidates of its base and the change, looks only at what is new.
    pub(crate) fn fill(&mut self, text: &[u8], base: Option<(&Self, &Change)>) {
        self.addresses.clear();
        self.numbers.clear();
        match base {
            None => {
                addresses_in(text, 0..text.len(), &mut self.addresses);
                numbers_in(text, 0..text.len(), &mut self.numbers);
            }
            Some((base, change)) => self.carry(text, base, change),
        }
        self.overflow = self.addresses.len() > CANDIDATES_MAX || self.numbers.len() > CANDIDATES_MAX;
        self.addresses.truncate(CANDIDATES_MAX);
        self.numbers.truncate(CANDIDATES_MAX);
    }

    fn carry(&mut self, text: &[u8], base: &Self, change: &Change) {
        let (before, after) = ADDRESS_BORDER;
        change.carry(
            &base.addresses,
            |address| address.start,
            |address, part| {
                if part.holds(address, before, after) {
                    self.addresses.push(part.moved(address.start)..part.moved(address.end));
                }
            },
        );
        let (before, after) = ADDRESS_REACH;
        for range in change.fresh(before, after, text.len()) {
            addresses_in(text, range, &mut self.addresses);
        }
        self.addresses.sort_unstable_by_key(|address| (address.start, address.end));
        self.addresses.dedup();
        let (before, after) = NUMBER_REACH;
        change.carry(
            &base.numbers,
            |start| *start,
            |start, part| {
                if part.holds(&(*start..*start), before, after) {
                    self.numbers.push(part.moved(*start));
                }
            },
        );
        for range in change.fresh(before, after, text.len()) {
            numbers_in(text, range, &mut self.numbers);
        }
        self.numbers.sort_unstable();
        self.numbers.dedup();
    }
}

/// Finds the addresses whose `@` stands in `range`.
fn addresses_in(text: &[u8], range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let at = memchr::memchr_iter(b'@', text.get(range.clone()).unwrap_or_default());
    found.extend(at.filter_map(|at| address_around(text, range.start + at)).take(CANDIDATES_MAX + 1));
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
pub(super) struct Group {
    pub(super) span: Range<usize>,
    /// The digits as they are written.
    pub(super) written: Range<usize>,
    pub(super) digits: Word,
    /// With the letters before and behind, upper case, separators left out.
    pub(super) full: Word,
}

/// A few letters and digits, held without allocating.
pub(super) struct Word {
    bytes: [u8; WORD_BYTES_MAX],
    len: usize,
}

/// The longest group, with what touches it on both sides.
const WORD_BYTES_MAX: usize = DIGITS_MAX + 2 * SIDE_BYTES_MAX;

impl Word {
    /// The letters and digits of `bytes`, upper case.
    fn of(bytes: &[u8]) -> Self {
        let mut word = Self { bytes: [0; WORD_BYTES_MAX], len: 0 };
        for byte in bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            let Some(slot) = word.bytes.get_mut(word.len) else { break };
            *slot = byte.to_ascii_uppercase();
            word.len += 1;
        }
        word
    }
}

impl std::ops::Deref for Word {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Bytes within which a group has four digits: no number that is looked for has fewer.
const DENSE_BYTES: u32 = 24;
const DENSE_DIGITS: u32 = 4;
/// Digits of the shortest number that no letter touches.
const DIGITS_MIN: usize = 6;
/// Bytes before a number in which the name of a resource begins; no more than a candidate looks at.
const FIELD_BYTES: usize = NUMBER_REACH.0;
/// Letters that stand before the first digit of an identifier.
const LETTERS_MAX: usize = 6;
/// Digits and single separators of the longest group; a longer one is a table, not a number.
const DIGITS_MAX: usize = 40;
const GAPS_MAX: usize = 8;
/// Bytes on one side of a group that can belong to it.
const SIDE_BYTES_MAX: usize = 20;

/// Finds groups whose first digit stands in `range`.
fn numbers_in(text: &[u8], range: Range<usize>, found: &mut Vec<usize>) {
    let (blocks, rest) = text.get(range.start..).unwrap_or_default().as_chunks::<STEP_BYTES>();
    let mut last = [0; STEP_BYTES];
    last.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
    let mut masks = blocks.iter().chain([&last, &[0; STEP_BYTES]]).map(digits_of);
    let mut here = masks.next().unwrap_or(0);
    // What begins in a block ends in the next.
    for (at, next) in (range.start..range.end).step_by(STEP_BYTES).zip(masks) {
        let digits = next << STEP_BYTES | here;
        let heads = here & !(here << 1);
        here = next;
        if heads == 0 || digits.count_ones() < DENSE_DIGITS || found.len() > CANDIDATES_MAX {
            continue;
        }
        found.extend(ones(heads).filter_map(|head| {
            let dense = (digits >> head & ((1 << DENSE_BYTES) - 1)).count_ones() >= DENSE_DIGITS;
            let start = at + head as usize;
            (dense && start < range.end && begins_number(text, start)).then_some(start)
        }));
    }
}

/// Bytes of a block in which a group begins.
const STEP_BYTES: usize = 32;

/// One bit for each byte: whether it is a digit. Eight bytes at a time: a byte less `0` is below ten if neither it nor
/// its sum with 0x76 has the highest bit; a multiplication brings the eight bits together.
fn digits_of(block: &[u8; STEP_BYTES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Most text has none.
    if block.map(|byte| u8::from(byte.wrapping_sub(b'0') < 10)).iter().sum::<u8>() == 0 {
        return 0;
    }
    block.as_chunks::<8>().0.iter().rev().fold(0, |mask, chunk| {
        let value = u64::from_le_bytes(*chunk) ^ (ONES * 0x30);
        let others = ((value & (ONES * 0x7f)) + ONES * 0x76) | value;
        let bits = (!others >> 7 & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask << 8 | bits
    })
}

/// The places of the bits that are set, lowest first.
fn ones(mask: u64) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(mask), |mask| Some(mask & mask.wrapping_sub(1)))
        .take_while(|mask| *mask != 0)
        .map(u64::trailing_zeros)
}

fn begins_number(text: &[u8], start: usize) -> bool {
    let digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    let joined =
        || start.checked_sub(1).and_then(|at| text.get(at)).is_some_and(is_separator) && digit(start.checked_sub(2));
    !digit(start.checked_sub(1))
        && !joined()
        && !is_inside_word(text, start)
        && group(text, start).is_some_and(|group| is_something(text, &group) && !is_field(text, &group.written))
}

/// A part of an e-mail address, or of the name of a resource (`arn:aws:...`), names a mailbox or an account.
fn is_field(text: &[u8], written: &Range<usize>) -> bool {
    let before = text.get(written.start.saturating_sub(FIELD_BYTES)..written.start).unwrap_or_default();
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b';' | b'>' | b'(' | b'[');
    let token = before.rsplit(ends).next().unwrap_or_default();
    token.starts_with(b"arn:")
        || matches!(text.get(written.end..), Some([b'@', ..]) | Some([b'+', b'a'..=b'z' | b'A'..=b'Z', ..]))
}

/// More letters and digits before it than any number has: a digest, an encoded run.
fn is_inside_word(text: &[u8], start: usize) -> bool {
    let before = start.checked_sub(LETTERS_MAX + 1).and_then(|from| text.get(from..start));
    before.is_some_and(|before| before.iter().all(u8::is_ascii_alphanumeric))
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/')
}

/// The group whose first digit stands at `start`, if it has the length of some number that is looked for.
pub(super) fn group(text: &[u8], start: usize) -> Option<Group> {
    let extent = Extent::at(text, start)?;
    let led = matches!(start.checked_sub(1).and_then(|at| text.get(at)), Some(b'+' | b')'))
        || text.get(start.saturating_sub(2)..start) == Some(b") ");
    (extent.is_worth(led) && !is_date(text, start)).then(|| extent.group(text)).flatten()
}

/// `2024-05-31`, as numbers in logs and sources mostly are.
fn is_date(text: &[u8], start: usize) -> bool {
    let Some([y @ .., s1, _, _, s2, _, _]) = text.get(start..).and_then(|rest| rest.first_chunk::<10>()) else {
        return false;
    };
    matches!(y, [b'1', b'9', ..] | [b'2', b'0', ..]) && s1 == s2 && matches!(s1, b'-' | b'/' | b'.')
}

/// Where a group lies, before anything is copied out of it.
struct Extent {
    start: usize,
    end: usize,
    digits: usize,
    gaps: usize,
    /// Letters and digits that touch it, at most one blank or hyphen between.
    before: Side,
    behind: Side,
}

/// What touches a group on one side.
#[derive(Clone, Copy)]
struct Side {
    bytes: usize,
    letters: usize,
}

impl Extent {
    fn at(text: &[u8], start: usize) -> Option<Self> {
        let (mut end, mut digits, mut gaps) = (start, 0, 0);
        while let Some(byte) = text.get(end) {
            if byte.is_ascii_digit() {
                digits += 1;
            } else if is_separator(byte) && text.get(end + 1).is_some_and(u8::is_ascii_digit) {
                gaps += 1;
            } else {
                break;
            }
            if digits > DIGITS_MAX || gaps > GAPS_MAX {
                return None;
            }
            end += 1;
        }
        // Most numbers are short, and nothing touches them.
        let at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied().unwrap_or(0);
        let (last, next) = (at(start.checked_sub(1)), at(Some(end)));
        let apart = |gap: u8, letter: u8| matches!(gap, b' ' | b'-') && letter.is_ascii_uppercase();
        let touched = last.is_ascii_alphanumeric()
            || next.is_ascii_alphanumeric()
            || apart(last, at(start.checked_sub(2)))
            || apart(next, at(Some(end + 1)));
        if digits < DIGITS_MIN && !touched || gaps == 0 && digits < 9 && !touched && !matches!(last, b'+' | b')' | b' ')
        {
            return None;
        }
        let before = Side::of(text.get(..start)?.iter().rev().take(SIDE_BYTES_MAX));
        let behind = Side::of(text.get(end..)?.iter().take(SIDE_BYTES_MAX));
        Some(Self { start, end, digits, gaps, before, behind })
    }

    /// Cards, telephone numbers and identifiers of digits alone have eight at least; accounts begin with two letters;
    /// identifiers with letters have one of three lengths.
    fn is_worth(&self, led: bool) -> bool {
        let letters = self.before.letters + self.behind.letters;
        let whole = letters + self.digits;
        let least = if led { 6 } else { 8 };
        // Eight digits in a row are a date or a counter.
        let plain = (least..=19).contains(&self.digits) && (led || self.gaps > 0 || self.digits >= 9);
        self.before.letters <= 1 && plain
            || self.before.letters == 2
            || letters > 0 && self.before.letters <= LETTERS_MAX && matches!(whole, 9 | 10 | 16)
    }

    fn group(&self, text: &[u8]) -> Option<Group> {
        let span = self.start - self.before.bytes..self.end + self.behind.bytes;
        let full = Word::of(text.get(span.clone())?);
        let digits = Word::of(if self.before.letters > 1 { b"" } else { text.get(self.start..self.end)? });
        Some(Group { span, written: self.start..self.end, digits, full })
    }
}

impl Side {
    /// The letters and digits that come first; or, behind one blank or hyphen, one or two capitals that stand alone.
    fn of<'a>(bytes: impl Iterator<Item = &'a u8> + Clone) -> Self {
        let letters = bytes.clone().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let apart = bytes.clone().skip(1).take_while(|byte| byte.is_ascii_uppercase()).count();
        let joined = letters == 0
            && matches!(apart, 1 | 2)
            && bytes.clone().next().is_some_and(|byte| matches!(byte, b' ' | b'-'))
            && !bytes.clone().nth(1 + apart).is_some_and(u8::is_ascii_alphanumeric);
        if joined { Self { bytes: apart + 1, letters: apart } } else { Self { bytes: letters, letters } }
    }
}
