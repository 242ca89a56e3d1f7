//! A seeded random source (SplitMix64): repeatable, and no secret.

use cordon_domain::Entropy;

/// Yields the same numbers for the same seed.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`, which is at least 1.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Returns the seeds that a test of what may fail plays: `many`, as many as `CORDON_FAULT_SEEDS` says, or `CORDON_FAULT_SEED`.
#[must_use]
pub fn seeds(many: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CORDON_FAULT_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("CORDON_FAULT_SEEDS").unwrap_or(many)).collect(),
    }
}

/// Plays each seed, and prints it: the one that fails can be played again.
pub async fn each_seed(what: &str, many: u64, play: impl AsyncFn(u64)) {
    for seed in seeds(many) {
        println!("{what}: seed {seed}");
        play(seed).await;
    }
}

impl Entropy for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.iter_mut().zip(number).for_each(|(slot, byte)| *slot = byte);
        }
    }
}
