//! Refusals before anyone signed in: each is an event, up to a bound for each address and minute, then they are counted.
//!
//! Whoever knocks from outside must not be able to fill the log.

use std::collections::HashMap;

use cordon_domain::Moment;

use crate::limits::{ADDRESSES_MAX, SINGLE_PER_MINUTE};

const MINUTE_MS: i64 = 60_000;

/// What to do with one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Record it as an event of its own.
    Single,
    /// It was counted; the count is recorded when its minute is over.
    Counted,
}

/// Counts refusals by address and minute.
#[derive(Debug, Default)]
pub struct Refusals {
    minute: i64,
    by_address: HashMap<String, u32>,
    others: u32,
    counted: u64,
}

impl Refusals {
    /// Admits a refusal. Returns with it the count of a minute that is over, to be recorded first.
    pub fn admit(&mut self, address: &str, now: Moment) -> (Admission, Option<u64>) {
        let over = self.turn(now);
        let known = self.by_address.len() < ADDRESSES_MAX || self.by_address.contains_key(address);
        let seen = if known { self.by_address.entry(address.to_owned()).or_default() } else { &mut self.others };
        *seen = seen.saturating_add(1);
        if *seen <= SINGLE_PER_MINUTE {
            return (Admission::Single, over);
        }
        self.counted += 1;
        (Admission::Counted, over)
    }

    /// Counts again what could not be recorded.
    pub fn put_back(&mut self, count: u64) {
        self.counted += count;
    }

    /// Returns the count of a minute that is over, and begins the next. A clock that goes back begins one, too.
    pub fn turn(&mut self, now: Moment) -> Option<u64> {
        let minute = now.0.div_euclid(MINUTE_MS);
        if minute == self.minute {
            return None;
        }
        self.minute = minute;
        self.by_address.clear();
        self.others = 0;
        Some(std::mem::take(&mut self.counted)).filter(|&count| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_bounded_number_of_events_and_one_count() {
        let mut refusals = Refusals::default();
        let at = Moment(1_790_000_000_000 - 1_790_000_000_000 % MINUTE_MS);
        let single = |admitted: &(Admission, Option<u64>)| admitted.0 == Admission::Single;
        let loud = (0..1000).map(|_| refusals.admit("192.0.2.1", at)).filter(single).count();
        assert_eq!(loud, 10);
        assert!(single(&refusals.admit("192.0.2.2", at)), "another address has a bound of its own");
        assert_eq!(refusals.admit("192.0.2.1", at.plus_ms(MINUTE_MS)), (Admission::Single, Some(990)));
        let many = (0..100_000).map(|n| refusals.admit(&format!("a{n}"), at.plus_ms(MINUTE_MS)));
        assert!(many.filter(single).count() <= ADDRESSES_MAX + 10, "addresses are cheap to make up");
        assert!(refusals.by_address.len() <= ADDRESSES_MAX);
        assert!(refusals.turn(at.plus_ms(2 * MINUTE_MS)).is_some_and(|count| count > 90_000));
    }
}
