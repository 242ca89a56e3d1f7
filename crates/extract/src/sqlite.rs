//! SQLite databases: the texts of every row, read from the b-tree pages (the file format document of sqlite.org), also
//! where they run over into overflow pages. No SQL runs.

use crate::limits::{PAGES_MAX, TEXT_BYTES_MAX};
use crate::{Document, ExtractError};

struct Pages<'a> {
    bytes: &'a [u8],
    size: usize,
    usable: usize,
}

pub(crate) fn sqlite(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    let size = match u16_at(bytes, 16) {
        Some(1) => 65_536,
        Some(size) if size.is_power_of_two() && (512..=32_768).contains(&size) => size,
        _ => return Err(ExtractError::damaged("sqlite", "impossible page size")),
    };
    let reserved = bytes.get(20).copied().unwrap_or(0);
    let usable = size - usize::from(reserved);
    if usable < 480 {
        return Err(ExtractError::damaged("sqlite", "impossible reserved space"));
    }
    let pages = Pages { bytes, size, usable };
    let mut out = String::new();
    // Each page is a leaf or it is not: reading all leaves in file order meets freed rows too, and cannot loop.
    for number in 1..=(bytes.len().div_ceil(size)).min(PAGES_MAX) {
        pages.leaf_texts(number, &mut out);
        if out.len() > TEXT_BYTES_MAX {
            document.skipped.push("rows beyond the bound".to_owned());
            break;
        }
    }
    document.text("rows", out);
    Ok(())
}

impl Pages<'_> {
    fn page(&self, number: usize) -> Option<&[u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.size)?;
        self.bytes.get(start..(start + self.size).min(self.bytes.len()))
    }

    fn leaf_texts(&self, number: usize, out: &mut String) {
        let Some(page) = self.page(number) else { return };
        let head = if number == 1 { 100 } else { 0 };
        let is_table = match page.get(head) {
            Some(0x0d) => true,
            Some(0x0a) => false,
            _ => return,
        };
        let cells = u16_at(page, head + 3).unwrap_or(0);
        for index in 0..cells {
            let Some(at) = u16_at(page, head + 8 + 2 * index) else { return };
            if let Some(payload) = self.payload(page, at, is_table) {
                push_row(&payload, out);
            }
        }
    }

    fn payload(&self, page: &[u8], cell: usize, is_table: bool) -> Option<Vec<u8>> {
        let (len, mut at) = varint(page, cell)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= TEXT_BYTES_MAX)?;
        if is_table {
            at = varint(page, at)?.1;
        }
        let most = if is_table { self.usable - 35 } else { (self.usable - 12) * 64 / 255 - 23 };
        if len <= most {
            return page.get(at..at + len).map(<[u8]>::to_vec);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let kept = least + (len - least) % (self.usable - 4);
        let local = if kept <= most { kept } else { least };
        let mut out = page.get(at..at + local)?.to_vec();
        let mut next = u32_at(page, at + local)?;
        for _ in 0..PAGES_MAX {
            if next == 0 || out.len() >= len {
                break;
            }
            let overflow = self.page(next)?;
            next = u32_at(overflow, 0)?;
            let take = (len - out.len()).min(self.usable - 4);
            out.extend_from_slice(overflow.get(4..4 + take)?);
        }
        Some(out)
    }
}

fn push_row(payload: &[u8], out: &mut String) {
    let Some((header_len, mut at)) = varint(payload, 0) else { return };
    let header_end = usize::try_from(header_len).unwrap_or(usize::MAX).min(payload.len());
    let mut body = header_end;
    let mut first = true;
    while at < header_end {
        let Some((kind, next)) = varint(payload, at) else { return };
        at = next;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            _ => usize::try_from(kind.saturating_sub(12) / 2).unwrap_or(usize::MAX),
        };
        let Some(value) = body.checked_add(len).and_then(|end| payload.get(body..end)) else { return };
        body += len;
        if kind >= 12 && !value.is_empty() {
            if !first {
                out.push('\t');
            }
            out.push_str(&String::from_utf8_lossy(value));
            first = false;
        }
    }
    if !first {
        out.push('\n');
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 2)?.try_into().ok().map(|pair| usize::from(u16::from_be_bytes(pair)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 4)?.try_into().ok().map(|four| u32::from_be_bytes(four) as usize)
}

fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for index in 0..9 {
        let byte = *bytes.get(at + index)?;
        if index == 8 {
            return Some((value << 8 | u64::from(byte), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 0u8..4) {
            let mut file = b"SQLite format 3\0".to_vec();
            file.extend([size << 1, 0, 1, 1, 0]);
            file.extend(bytes);
            let _ = sqlite(&file, &mut Document::default());
        }
    }
}
