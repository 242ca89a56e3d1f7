//! The machine's clock and random source.

use std::time::{SystemTime, UNIX_EPOCH};

use cordon_domain::{Clock, Entropy, Moment};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Moment(ms)
    }
}

/// The generator of AWS-LC, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without random bytes nothing may be encrypted: stop")]
        aws_lc_rs::rand::fill(bytes).expect("the machine gives random bytes");
    }
}
