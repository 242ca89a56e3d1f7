//! How much strangers are answered: a few at once, so that connections are left for whoever signs in, and so often a minute,
//! as each read is an event.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use cordon_domain::Moment;

use crate::limits::{
    STRANGERS_AT_ONCE_MAX, STRANGERS_BY_ADDRESS_AT_ONCE_MAX, STRANGERS_BY_ADDRESS_MINUTE_MAX, STRANGERS_MINUTE_MAX,
};

const MINUTE_MS: i64 = 60_000;

/// Those who are answered, and how many were in this minute.
#[derive(Clone, Default)]
pub(crate) struct Strangers(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    minute: i64,
    asked: usize,
    by_address: HashMap<IpAddr, Own>,
    answered: usize,
}

#[derive(Default)]
struct Own {
    asked: usize,
    answered: usize,
}

/// One answer, for as long as it goes on.
pub(crate) struct Answered {
    strangers: Strangers,
    address: IpAddr,
}

impl Strangers {
    /// Begins an answer, where there is room for one.
    pub(crate) fn begin(&self, address: IpAddr, now: Moment) -> Option<Answered> {
        let address = network(address);
        let mut counts = self.0.lock().ok()?;
        counts.turn(now);
        if counts.asked >= STRANGERS_MINUTE_MAX || counts.answered >= STRANGERS_AT_ONCE_MAX {
            return None;
        }
        // Whoever is not answered is not kept, but was answered before.
        let own = counts.by_address.entry(address).or_default();
        if own.asked >= STRANGERS_BY_ADDRESS_MINUTE_MAX || own.answered >= STRANGERS_BY_ADDRESS_AT_ONCE_MAX {
            return None;
        }
        own.asked += 1;
        own.answered += 1;
        counts.asked += 1;
        counts.answered += 1;
        Some(Answered { strangers: self.clone(), address })
    }
}

/// Whoever has one address of IPv6 has the 2^64 beside it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(std::net::Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

impl Counts {
    /// Begins a minute. Addresses are at most as many as were answered in one.
    fn turn(&mut self, now: Moment) {
        let minute = now.0.div_euclid(MINUTE_MS);
        if minute != self.minute {
            (self.minute, self.asked) = (minute, 0);
            self.by_address.retain(|_, own| own.answered > 0);
            self.by_address.values_mut().for_each(|own| own.asked = 0);
        }
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        let Ok(mut counts) = self.strangers.0.lock() else { return };
        counts.answered = counts.answered.saturating_sub(1);
        if let Some(own) = counts.by_address.get_mut(&self.address) {
            own.answered = own.answered.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn a_few_are_answered_at_once_and_none_takes_all() {
        let strangers = Strangers::default();
        let begin = |number| strangers.begin(address(number), Moment(0));
        let mut own: Vec<_> = (0..STRANGERS_BY_ADDRESS_AT_ONCE_MAX).map(|_| begin(1).expect("room")).collect();
        assert!(begin(1).is_none() && begin(2).is_some(), "others have room");
        own.pop();
        own.push(begin(1).expect("one has ended"));
        let mapped = "::ffff:0.0.0.1".parse().expect("an address");
        assert!(strangers.begin(mapped, Moment(0)).is_none(), "the same, written otherwise");
        let beside = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(beside("2001:db8::1"), beside("2001:db8::ffff:2"));
        assert_ne!(beside("2001:db8::1"), beside("2001:db8:0:1::1"));
        let others: Vec<_> = (2..).map_while(begin).collect();
        assert_eq!(own.len() + others.len(), STRANGERS_AT_ONCE_MAX);
        drop(others);
        assert!(begin(3).is_some());
    }

    #[test]
    fn a_minute_has_so_many_answers() {
        let strangers = Strangers::default();
        let asked = |number, ms| strangers.begin(address(number), Moment(ms)).is_some();
        let of_one = (0..STRANGERS_BY_ADDRESS_MINUTE_MAX + 5).filter(|_| asked(1, 0)).count();
        assert_eq!(of_one, STRANGERS_BY_ADDRESS_MINUTE_MAX);
        assert!(!asked(1, MINUTE_MS - 1) && asked(1, MINUTE_MS));
        let of_all = (0..20_000).filter(|number| asked(10 + number, 2 * MINUTE_MS)).count();
        assert_eq!(of_all, STRANGERS_MINUTE_MAX);
        assert!(strangers.0.lock().expect("whole").by_address.len() <= STRANGERS_MINUTE_MAX);
        assert!(asked(9, 3 * MINUTE_MS));
        assert_eq!(strangers.0.lock().expect("whole").by_address.len(), 1, "nobody is kept for longer");
    }
}
