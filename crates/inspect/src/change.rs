//! How one text was made from another, so that what is known of the first need not be looked for again.
//!
//! A delta in a pack copies most of its base. What stands in a copied part, with as many bytes around it as the look
//! at it may read, is what it was; only what lies in the gaps between the parts, or near them, is new.

use std::ops::Range;

/// A part of a text that stands unchanged in the base it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it stands in the base.
    pub from: usize,
    /// Where it stands in the text.
    pub to: usize,
    /// Its bytes.
    pub len: usize,
}

/// How a text was made from its base.
#[derive(Clone, Debug, Default)]
pub struct Change {
    parts: Vec<Part>,
    gaps: Vec<Range<usize>>,
}

/// A copied part, and whether it begins or ends both texts.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    copied: Copied,
    opens: bool,
    closes: bool,
}

/// Copies shorter than this count as new: looking them up costs more than reading them.
pub const COPIED_BYTES_MIN: usize = 128;

impl Change {
    /// Takes the copied parts of a text of `len` bytes, in order, that was made from a base of `base_len` bytes.
    /// Neighbours in both are joined.
    pub fn fill(&mut self, copied: &[Copied], base_len: usize, len: usize) {
        self.parts.clear();
        self.gaps.clear();
        let joined =
            copied.chunk_by(|left, right| left.from + left.len == right.from && left.to + left.len == right.to);
        for run in joined {
            let Some(first) = run.first() else { continue };
            let copied = Copied { len: run.iter().map(|part| part.len).sum(), ..*first };
            if copied.len >= COPIED_BYTES_MIN {
                self.parts.push(Part {
                    copied,
                    opens: copied.from == 0 && copied.to == 0,
                    closes: copied.from + copied.len == base_len && copied.to + copied.len == len,
                });
            }
        }
        let mut at = 0;
        let mut open = true;
        for part in &self.parts {
            if !(open && part.opens) {
                self.gaps.push(at..part.copied.to);
            }
            open = false;
            at = part.copied.to + part.copied.len;
        }
        if !self.parts.last().is_some_and(|part| part.closes) {
            self.gaps.push(at..len);
        }
    }

    /// Calls `each` with every item of the base that begins in a copied part, and the part. Items are in order of
    /// where they begin, which `start` tells.
    pub fn carry<T>(&self, items: &[T], start: impl Fn(&T) -> usize, mut each: impl FnMut(&T, &Part)) {
        for part in &self.parts {
            let end = part.copied.from + part.copied.len;
            let first = items.partition_point(|item| start(item) < part.copied.from);
            let rest = items.get(first..).unwrap_or_default();
            rest.iter().take_while(|item| start(item) < end).for_each(|item| each(item, part));
        }
    }

    /// Where an item that reads `before` bytes before its first byte and `after` behind it can begin and be new: in a
    /// gap, or so near to one that it reads of it. In order, without overlaps.
    pub(crate) fn fresh(&self, before: usize, after: usize, len: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut done = 0;
        self.gaps.iter().filter_map(move |gap| {
            let range = gap.start.saturating_sub(after).max(done)..len.min(gap.end + before);
            done = done.max(range.end);
            (!range.is_empty()).then_some(range)
        })
    }

    /// The gaps, each widened over neighbours that belong to it, joined where they meet.
    pub(crate) fn widened(&self, text: &[u8], belongs: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
        let mut out: Vec<Range<usize>> = Vec::with_capacity(self.gaps.len());
        for gap in &self.gaps {
            let floor = out.last().map_or(0, |last| last.end);
            if gap.end < floor {
                continue;
            }
            let head = text.get(floor..gap.start.max(floor)).unwrap_or_default();
            let back = head.iter().rev().take_while(|byte| belongs(**byte)).count();
            let tail = text.get(gap.end..).unwrap_or_default();
            let end = gap.end + tail.iter().take_while(|byte| belongs(**byte)).count();
            let start = gap.start.max(floor) - back;
            match out.last_mut() {
                Some(last) if start <= last.end => last.end = end,
                _ => out.push(start..end),
            }
        }
        out
    }
}

impl Part {
    /// Tells whether `span` of the base stands here with all the bytes that a look at it reads.
    #[must_use]
    pub fn holds(&self, span: &Range<usize>, before: usize, after: usize) -> bool {
        let Copied { from, len, .. } = self.copied;
        (self.opens || span.start >= from + before) && (self.closes || span.end + after <= from + len)
    }

    /// Moves a place of the base to where it stands now.
    #[must_use]
    pub fn moved(&self, at: usize) -> usize {
        at - self.copied.from + self.copied.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(copied: &[(usize, usize, usize)], base_len: usize, len: usize) -> Change {
        let mut change = Change::default();
        let copied: Vec<_> = copied.iter().map(|&(from, to, len)| Copied { from, to, len }).collect();
        change.fill(&copied, base_len, len);
        change
    }

    fn pairs(ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<(usize, usize)> {
        ranges.into_iter().map(|range| (range.start, range.end)).collect()
    }

    fn gaps(change: &Change) -> Vec<(usize, usize)> {
        pairs(change.gaps.iter().cloned())
    }

    #[test]
    fn gaps_lie_between_parts_and_ends_count_only_when_they_moved() {
        assert_eq!(gaps(&change(&[(0, 0, 200), (200, 210, 200)], 400, 410)), [(200, 210)]);
        assert!(change(&[(0, 0, 100), (100, 100, 100)], 200, 200).gaps.is_empty());
        assert_eq!(gaps(&change(&[(10, 0, 200)], 210, 200)), [(0, 0)]);
        assert_eq!(gaps(&change(&[(0, 0, 200)], 210, 200)), [(200, 200)]);
        assert_eq!(gaps(&change(&[(0, 0, 200), (220, 200, 180)], 400, 380)), [(200, 200)]);
        assert_eq!(gaps(&change(&[(0, 5, 10)], 10, 20)), [(0, 20)]);
    }

    #[test]
    fn fresh_ranges_and_widened_gaps_do_not_overlap() {
        let change = change(&[(0, 0, 200), (200, 201, 160), (360, 363, 200)], 560, 563);
        assert_eq!(pairs(change.fresh(10, 20, 563)), [(180, 211), (341, 373)]);
        assert_eq!(pairs(change.fresh(90, 90, 563)), [(110, 291), (291, 453)]);
        let text = [b"x".repeat(190), b" ".to_vec(), b"x".repeat(372)].concat();
        assert_eq!(pairs(change.widened(&text, |byte| byte == b'x')), [(191, 563)]);
    }
}
