//! Expands a pattern into a text that it matches, from a seed: no example of a credential stands in the repository.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A small generator of numbers (SplitMix64).
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Writes a text that `pattern` matches.
pub(crate) fn expand(pattern: &str, seed: &mut Seed) -> String {
    let hir =
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).expect("a valid pattern");
    let mut out = Vec::new();
    write(&hir, seed, &mut out);
    String::from_utf8(out).expect("patterns are ASCII")
}

fn write(hir: &Hir, seed: &mut Seed, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend(literal.0.iter()),
        HirKind::Class(class) => out.push(pick(class, seed)),
        HirKind::Repetition(repetition) => {
            // A lazy gap stays short; a length that may vary takes its least, or some more where it has none.
            let least = repetition.min;
            let count = if least == 0 && !repetition.greedy {
                0
            } else if repetition.max.is_none() {
                least + 8
            } else {
                least
            };
            (0..count).for_each(|_| write(&repetition.sub, seed, out));
        }
        HirKind::Capture(capture) => write(&capture.sub, seed, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, seed, out)),
        HirKind::Alternation(parts) => write(&parts[seed.below(parts.len())], seed, out),
    }
}

fn pick(class: &Class, seed: &mut Seed) -> u8 {
    let Class::Bytes(class) = class else { panic!("patterns are over bytes") };
    let bytes: Vec<u8> = class
        .ranges()
        .iter()
        .flat_map(|range| range.start()..=range.end())
        .filter(|byte| byte.is_ascii_graphic() || *byte == b' ')
        .collect();
    let words: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let from = if words.len() >= 2 { &words } else { &bytes };
    from.get(seed.below(from.len())).copied().unwrap_or(b'\n')
}
