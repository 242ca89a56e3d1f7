//! What is found in a text through what was learnt of its base is what is found in it whole.

use base64::Engine as _;
use cordon_inspect::{Base, Change, Copied, Engine, Hints, Match, Piece, Scratch, Trace};

use crate::generate::{Seed, expand};
use crate::rules::engine;

/// Pieces that texts are made of: what is found, what is nearly found, and what joins them.
fn fragment(engine: &Engine, seed: &mut Seed) -> String {
    let rules = engine.rules();
    let word = |seed: &mut Seed| expand("[a-z]{1,9}", seed);
    match seed.below(20) {
        0..=3 => expand(&rules[seed.below(rules.len())].pattern, seed),
        4 => format!("{}_password = \"{}\"\n", word(seed), expand("[A-Za-z0-9!]{9}", seed)),
        5 => format!("api_key: {}\n", expand("[A-Za-z0-9]{32}", seed)),
        6 => ["CONFI", "DENTIAL\n"].concat(),
        7 => format!("{}@{}.org, ", word(seed), word(seed)),
        8 => format!("card 45~39 1488 0343 64~67 {}\n", word(seed)).replace('~', ""),
        9 => expand("[0-9]{1,4}[ -./][0-9]{2,6}[ -][0-9]{3,7}", seed),
        10 => {
            base64::engine::general_purpose::STANDARD.encode(format!("token = {}", expand("gsk_[A-Za-z0-9]{52}", seed)))
        }
        11 => expand("gsk_[A-Za-z0-9]{52}", seed).bytes().map(|byte| format!("%{byte:02x}")).collect(),
        12 => expand("gsk_[A-Za-z0-9]{52}", seed).bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        13 => {
            let body: String = (0..seed.below(30)).map(|_| expand("[A-Za-z0-9+/]{64}\n", seed)).collect();
            format!("-----BEGIN {0}-----\n{body}-----END {0}-----\n", ["RSA", "PRIVATE", "KEY"].join(" "))
        }
        14 => format!("secret_token = \"{}\"\n", expand("[A-Za-z0-9]{40}", seed)),
        15 => format!("\n{}", " ".repeat(seed.below(300))),
        16 => expand("[A-Za-z0-9+/]{20,40}", seed),
        _ => (0..seed.below(40)).map(|_| word(seed) + " ").collect(),
    }
}

fn text(engine: &Engine, seed: &mut Seed) -> Vec<u8> {
    (0..seed.below(40)).map(|_| fragment(engine, seed)).collect::<String>().into_bytes()
}

/// Makes a text out of parts of `base` and new fragments, cut anywhere.
fn version(engine: &Engine, base: &[u8], seed: &mut Seed) -> (Vec<u8>, Vec<Copied>) {
    let mut out = Vec::new();
    let mut copied = Vec::new();
    let mut at = 0;
    for _ in 0..=seed.below(6) {
        let from = if seed.below(4) == 0 { seed.below(base.len() + 1) } else { at };
        let left = base.len() - from.min(base.len());
        let len = if seed.below(3) == 0 { left } else { seed.below(left + 1) };
        copied.push(Copied { from, to: out.len(), len });
        out.extend_from_slice(&base[from..from + len]);
        at = (from + len + seed.below(20)).min(base.len());
        match seed.below(5) {
            0 => {}
            1 => out.extend_from_slice(&expand("[a-zA-Z0-9 ]{1,3}", seed).into_bytes()),
            _ => {
                let new = fragment(engine, seed).into_bytes();
                let from = seed.below(new.len() + 1);
                out.extend_from_slice(&new[if seed.below(2) == 0 { from } else { 0 }..]);
            }
        }
    }
    (out, copied)
}

/// Texts that versions are made of; thousands were compared when this was written.
const ROUNDS: u64 = 600;

fn look(engine: &Engine, text: &[u8], base: Option<Base<'_>>) -> (Vec<Match>, u64, usize, Trace) {
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    engine.inspect(&Piece { base, ..Piece::whole(text, Hints::default()) }, &mut scratch, &mut found);
    (found, scratch.below_floor, scratch.embedded.len(), scratch.trace)
}

#[test]
fn findings_through_a_base_are_those_of_the_whole_text() {
    let engine = engine(Vec::new());
    let mut compared = 0;
    for round in 0..ROUNDS {
        let mut seed = Seed(round);
        let mut base = text(&engine, &mut seed);
        let mut trace = look(&engine, &base, None).3;
        for step in 0..4 {
            let (next, copied) = version(&engine, &base, &mut seed);
            let mut change = Change::default();
            change.fill(&copied, base.len(), next.len());
            let through = look(&engine, &next, Some(Base { trace: &trace, change: &change }));
            let whole = look(&engine, &next, None);
            compared += whole.0.len();
            let show = || String::from_utf8_lossy(&next).into_owned();
            assert_eq!(through.0, whole.0, "seed {round}, step {step}, {copied:?}: {}", show());
            assert_eq!((through.1, through.2), (whole.1, whole.2), "seed {round}, step {step}: {}", show());
            (base, trace) = (next, through.3);
        }
    }
    assert!(compared as u64 > ROUNDS * 4, "the texts are too empty to prove anything: {compared}");
}
