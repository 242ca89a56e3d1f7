//! Text taken from a known document, recognised without keeping the document.
//!
//! Winnowing (Schleimer, Wilkerson and Aiken, 2003) over text folded by NFKC and case to letters and digits: of every
//! [`WINDOW`] neighbouring [`GRAM`]-character hashes the smallest is kept, so any shared run of `GRAM + WINDOW - 1` = 55
//! folded characters shares a fingerprint. What is stored is SipHash-2-4 of the rolling hash, both under the
//! installation's key: without the key the index tells nothing; who holds index and key can test guesses.

use std::collections::HashMap;
use std::ops::Range;

use cordon_domain::{Level, Severity};

use crate::fold::Folded;
use crate::winnow::{GRAM, Printer, WINDOW};

/// Fingerprints in order from which a copy is certain.
const CERTAIN: usize = 3;
/// Documents in which a fingerprint stands before it is boilerplate.
const BOILERPLATE_DOCUMENTS: usize = 3;
/// Share of fingerprints from which two documents count as versions of one another.
const RELATED_SHARE: f64 = 0.3;

/// Shared fingerprints of one text and one document that are looked at.
const PAIRS_MAX: usize = 100_000;

/// A document that scans recognise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What reports call it.
    pub name: String,
    /// The level a copy implies.
    pub level: Level,
    /// The project it belongs to.
    pub project: String,
    /// Its fingerprints, in order.
    pub prints: Vec<(u64, u32)>,
}

/// Known documents, ready to recognise copies.
#[derive(Debug, Default)]
pub struct Index {
    documents: Vec<Known>,
    /// Fingerprints of each document after boilerplate is dropped.
    sizes: Vec<u32>,
    /// Sorted by hash.
    entries: Vec<(u64, u32, u32)>,
    filter: Vec<u64>,
    /// Starts of the entries by their topmost bits.
    starts: Vec<u32>,
    start_shift: u32,
}

/// A copy found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyFound {
    /// Index of the document.
    pub document: usize,
    /// Share of the document's fingerprints that stand in the text, 0 to 1.
    pub share: f64,
    /// Three fingerprints or more stand in the document's order, or many and half of it in any.
    pub certain: bool,
    /// The first to the last shared passage, in folded bytes.
    pub span: Range<usize>,
    /// Shared passages.
    pub passages: usize,
}

impl CopyFound {
    /// Names the tier of the share.
    #[must_use]
    pub fn tier(&self) -> &'static str {
        match self.share {
            share if share >= 0.9 => "whole",
            share if share >= 0.7 => "most",
            share if share >= 0.5 => "half",
            _ => "excerpt",
        }
    }

    /// Weighs the share and the level of the document.
    #[must_use]
    pub fn severity(&self, level: Level) -> Severity {
        match (level, self.share >= 0.5) {
            (Level::Restricted, true) => Severity::Critical,
            (Level::Restricted, false) | (Level::Confidential, true) => Severity::High,
            (Level::Confidential, false) | (Level::Internal, true) => Severity::Medium,
            (Level::Internal, false) | (Level::Public, _) => Severity::Low,
        }
    }
}

impl Index {
    /// Builds the index. Fingerprints that stand in three documents that are not versions of one another are dropped.
    #[must_use]
    pub fn new(documents: Vec<Known>) -> Self {
        let mut entries: Vec<(u64, u32, u32)> = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            entries.extend(document.prints.iter().map(|&(hash, at)| (hash, index as u32, at)));
        }
        entries.sort_unstable();
        let related = related(&entries, &documents);
        let mut kept = Vec::with_capacity(entries.len());
        for group in entries.chunk_by(|left, right| left.0 == right.0) {
            let mut families: Vec<u32> =
                group.iter().map(|entry| related.get(entry.1 as usize).copied().unwrap_or(entry.1)).collect();
            families.sort_unstable();
            families.dedup();
            if families.len() < BOILERPLATE_DOCUMENTS {
                kept.extend_from_slice(group);
            }
        }
        let mut sizes = vec![0u32; documents.len()];
        for entry in &kept {
            if let Some(size) = sizes.get_mut(entry.1 as usize) {
                *size += 1;
            }
        }
        Self::finish(documents, sizes, kept)
    }

    fn finish(documents: Vec<Known>, sizes: Vec<u32>, entries: Vec<(u64, u32, u32)>) -> Self {
        let bits = (entries.len() * 16).next_power_of_two().max(1 << 12);
        let mut filter = vec![0u64; bits / 64];
        let mask = filter.len() - 1;
        for entry in &entries {
            if let Some(word) = filter.get_mut((entry.0 >> 6) as usize & mask) {
                *word |= 1 << (entry.0 & 63);
            }
        }
        let start_bits = (entries.len().max(2)).ilog2();
        let mut starts = vec![0u32; (1 << start_bits) + 2];
        let start_shift = 64 - start_bits;
        for entry in &entries {
            if let Some(start) = starts.get_mut((entry.0 >> start_shift) as usize + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { documents, sizes, entries, filter, starts, start_shift }
    }

    /// Tells whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the known documents.
    #[must_use]
    pub fn documents(&self) -> &[Known] {
        &self.documents
    }

    fn may_know(&self, hash: u64) -> bool {
        let mask = self.filter.len().wrapping_sub(1);
        self.filter.get((hash >> 6) as usize & mask).is_some_and(|word| word >> (hash & 63) & 1 == 1)
    }

    fn lookup(&self, hash: u64) -> &[(u64, u32, u32)] {
        let slot = (hash >> self.start_shift) as usize;
        let (start, end) = (
            self.starts.get(slot).copied().unwrap_or(0) as usize,
            self.starts.get(slot + 1).copied().unwrap_or(0) as usize,
        );
        let bucket = self.entries.get(start..end).unwrap_or_default();
        let low = bucket.partition_point(|entry| entry.0 < hash);
        let run = bucket.get(low..).unwrap_or_default();
        let len = run.iter().take_while(|entry| entry.0 == hash).count();
        run.get(..len).unwrap_or_default()
    }

    /// Finds copies in the text that `folded` was made from.
    #[must_use]
    pub fn find(&self, printer: &Printer, folded: &Folded) -> Vec<CopyFound> {
        let mut seen: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        // First all, then those that pass the filter: its words are far apart, and so fetched many at a time.
        let mut prints = Vec::with_capacity(folded.bytes().len() / 12);
        printer.prints(folded, |print| prints.push(print));
        prints.retain(|print| self.may_know(print.hash));
        for print in prints {
            for &(_, document, at) in self.lookup(print.hash) {
                let pairs = seen.entry(document).or_default();
                if pairs.len() < PAIRS_MAX {
                    pairs.push((print.at, at));
                }
            }
        }
        let mut found: Vec<_> =
            seen.into_iter().filter_map(|(document, pairs)| self.judge(document as usize, &pairs)).collect();
        found.sort_by(|left, right| right.share.total_cmp(&left.share).then(left.document.cmp(&right.document)));
        found
    }

    fn judge(&self, document: usize, pairs: &[(u32, u32)]) -> Option<CopyFound> {
        let size = *self.sizes.get(document)?;
        // What is left of a form when its boilerplate is dropped is not all of it.
        let all = self.documents.get(document)?.prints.len().max(1);
        let mut places: Vec<u32> = pairs.iter().map(|pair| pair.1).collect();
        places.sort_unstable();
        places.dedup();
        let share = places.len() as f64 / f64::from(size.max(1));
        let first = pairs.first()?.0 as usize;
        let last = pairs.last()?.0 as usize;
        let passages = 1 + pairs
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if b.0 - a.0 > 2 * (GRAM + WINDOW) as u32))
            .count();
        Some(CopyFound {
            document,
            share: share.min(1.0),
            certain: longest_rising(pairs) >= CERTAIN.min(all) || (share >= 0.5 && places.len() >= 2 * CERTAIN),
            span: first..last + GRAM,
            passages,
        })
    }
}

/// The most fingerprints that stand in the document's order (longest strictly rising subsequence).
fn longest_rising(pairs: &[(u32, u32)]) -> usize {
    let mut tails: Vec<u32> = Vec::new();
    for &(_, at) in pairs {
        let slot = tails.partition_point(|tail| *tail < at);
        match tails.get_mut(slot) {
            Some(tail) => *tail = at,
            None => tails.push(at),
        }
    }
    tails.len()
}

/// Documents that one fingerprint has in common, of which each is compared with each.
const COMPARED_MAX: usize = 16;

/// Groups documents that share so much that they are versions of one another; gives each the number of its group.
fn related(entries: &[(u64, u32, u32)], documents: &[Known]) -> Vec<u32> {
    let mut shared: HashMap<(u32, u32), u32> = HashMap::new();
    for group in entries.chunk_by(|left, right| left.0 == right.0) {
        let mut within: Vec<u32> = group.iter().map(|entry| entry.1).collect();
        within.dedup();
        // Of many, neighbours: versions of one another all have them in common, and so make a chain.
        let reach = if within.len() <= COMPARED_MAX { COMPARED_MAX } else { 1 };
        for (index, left) in within.iter().enumerate() {
            for right in within.iter().skip(index + 1).take(reach) {
                *shared.entry((*left, *right)).or_default() += 1;
            }
        }
    }
    let size = |index: u32| documents.get(index as usize).map_or(1, |document| document.prints.len().max(1));
    let mut families = Families((0..documents.len() as u32).collect());
    for ((left, right), count) in shared {
        if f64::from(count) >= RELATED_SHARE * size(left).min(size(right)) as f64 {
            families.join(left, right);
        }
    }
    (0..documents.len() as u32).map(|document| families.of(document)).collect()
}

/// Groups that grow together (union and find): each names one that is nearer to its first.
struct Families(Vec<u32>);

impl Families {
    fn of(&mut self, document: u32) -> u32 {
        let mut at = document;
        while let Some(next) = self.0.get(at as usize).copied().filter(|next| *next != at) {
            let further = self.0.get(next as usize).copied().unwrap_or(next);
            if let Some(slot) = self.0.get_mut(at as usize) {
                *slot = further;
            }
            at = next;
        }
        at
    }

    /// The lower number names both.
    fn join(&mut self, left: u32, right: u32) {
        let (left, right) = (self.of(left), self.of(right));
        if let Some(slot) = self.0.get_mut(left.max(right) as usize) {
            *slot = left.min(right);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printer() -> Printer {
        Printer::new([9; 16])
    }

    fn known(name: &str, text: &str) -> Known {
        let mut folded = Folded::default();
        folded.fill(text.as_bytes());
        let mut prints = Vec::new();
        printer().prints(&folded, |print| prints.push((print.hash, print.at)));
        Known { name: name.into(), level: Level::Restricted, project: "p".into(), prints }
    }

    fn find(index: &Index, text: &str) -> Vec<CopyFound> {
        let mut folded = Folded::default();
        folded.fill(text.as_bytes());
        index.find(&printer(), &folded)
    }

    /// Words that no dictionary has, from a seed.
    fn words(seed: u64, count: usize) -> String {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                format!("w{:06x} ", state >> 40)
            })
            .collect()
    }

    #[test]
    fn whole_excerpt_and_reformatted_copies_are_found_and_others_not() {
        let text = words(1, 400);
        let index = Index::new(vec![known("plan", &text)]);
        let whole = find(&index, &text);
        assert!(whole[0].certain && whole[0].share > 0.99 && whole[0].tier() == "whole");
        let loud = text.to_uppercase().replace(' ', "\n\n * ");
        assert!(find(&index, &loud)[0].share > 0.99);
        let part = format!("{} {} {}", words(2, 300), &text[1000..1300], words(3, 300));
        let part = find(&index, &part);
        assert!(part[0].certain && part[0].tier() == "excerpt");
        assert!(find(&index, &words(4, 2000)).is_empty());
    }

    #[test]
    fn what_stands_in_three_unrelated_documents_is_boilerplate() {
        let header = words(10, 30);
        let documents = (11..14).map(|seed| known("d", &format!("{header}{}", words(seed, 300)))).collect();
        let index = Index::new(documents);
        assert!(find(&index, &header).iter().all(|found| !found.certain));
    }

    /// However often a document is saved, it stays one.
    #[test]
    fn many_versions_of_one_document_are_no_boilerplate() {
        let text = words(31, 300);
        for count in [2, 16, 17, 40] {
            let version = |number: u64| known("plan", &format!("{text}{}", words(100 + number, 20)));
            let mut documents: Vec<Known> = (0..count).map(version).collect();
            documents.push(known("other", &words(99, 300)));
            let found = find(&Index::new(documents), &text);
            assert_eq!(found.iter().filter(|found| found.certain && found.share > 0.5).count(), count as usize);
        }
    }

    #[test]
    fn half_of_a_document_is_known_in_any_order() {
        let parts: Vec<String> = (0..10).map(|seed| words(200 + seed, 40)).collect();
        let index = Index::new(vec![known("plan", &parts.concat())]);
        let reversed: String =
            parts.iter().rev().enumerate().map(|(at, part)| format!("{part}{}", words(300 + at as u64, 9))).collect();
        assert!(find(&index, &reversed)[0].certain);
    }

    #[test]
    fn what_is_left_of_a_form_does_not_stand_for_all_of_it() {
        let (form, own) = (words(41, 200), words(42, 8));
        let mut documents = vec![known("filled", &format!("{form}{own}"))];
        documents.extend((0..3u64).map(|seed| known("form", &format!("{form}{}", words(50 + seed, 600)))));
        let found = find(&Index::new(documents), &format!("{} {own} {}", words(60, 50), words(61, 50)));
        assert!(found.iter().all(|found| !found.certain), "{found:?}");
    }

    proptest! {
        #[test]
        fn any_shared_run_of_55_is_found(seed in 20u64..1000, start in 0usize..500) {
            let text: String = words(seed, 200).split_whitespace().collect();
            let index = Index::new(vec![known("d", &text)]);
            let run = &text[start..start + GRAM + WINDOW - 1];
            let host = format!("{}{run}{}", words(seed + 5000, 20), words(seed + 9000, 20));
            prop_assert!(!find(&index, &host).is_empty());
        }
    }
}
