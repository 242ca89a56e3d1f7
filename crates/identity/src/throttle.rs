//! Wrong passwords are counted, by address, and by account where the device is not known to it.
//!
//! A guess is counted before it is checked, so that guesses side by side are counted, too; a right one is taken back. A
//! device that is known to an account has a count of its own: a stranger locks nobody out. Passkeys are not counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use cordon_domain::{CredentialId, Moment, UserName};

use crate::limits::{WRONG_BY_ACCOUNT, WRONG_BY_ADDRESS, WRONG_BY_DEVICE, WRONG_KEPT_MAX, WRONG_WINDOW_MS};

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    /// An address; of IPv6 its network of 64 bits, which one host may have to itself.
    Address(IpAddr),
    /// An account, from devices that are not known to it.
    Account(String),
    /// A device that is known to the account.
    Device(CredentialId),
    /// All that came when there was no more room.
    Others,
}

/// Counts wrong passwords.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    kept: HashMap<Counted, (Moment, u32)>,
    /// When what was over was last forgotten.
    swept_at: Moment,
}

/// A guess that was counted; a right one is taken back.
pub(crate) struct Guess(Vec<Counted>);

impl Throttle {
    /// Counts a guess.
    ///
    /// # Errors
    ///
    /// The minutes to wait.
    pub(crate) fn guess(
        &self,
        address: IpAddr,
        name: &UserName,
        device: Option<CredentialId>,
        now: Moment,
    ) -> Result<Guess, i64> {
        let Ok(mut counts) = self.0.lock() else { return Err(WRONG_WINDOW_MS / 60_000) };
        let who = device.map_or_else(|| Counted::Account(name.as_str().to_owned()), Counted::Device);
        let most = if device.is_some() { WRONG_BY_DEVICE } else { WRONG_BY_ACCOUNT };
        let kept = [(Counted::Address(network(address)), WRONG_BY_ADDRESS), (who, most)];
        let kept = kept.map(|(what, most)| (counts.room_for(what, now), most));
        for (what, most) in &kept {
            let (since, count) = counts.kept.get(what).copied().unwrap_or((now, 0));
            if count >= *most {
                return Err((WRONG_WINDOW_MS - now.since_ms(since)) / 60_000 + 1);
            }
        }
        for (what, _) in &kept {
            let entry = counts.kept.entry(what.clone()).or_insert((now, 0));
            entry.1 = entry.1.saturating_add(1);
        }
        Ok(Guess(kept.map(|(what, _)| what).to_vec()))
    }

    /// Takes a guess back that was right.
    pub(crate) fn right(&self, guess: Guess) {
        let Ok(mut counts) = self.0.lock() else { return };
        for what in guess.0 {
            if let Some(entry) = counts.kept.get_mut(&what) {
                entry.1 = entry.1.saturating_sub(1);
            }
        }
    }
}

impl Counts {
    /// Forgets what is over, and tells under which name something is counted. When all is full, what is over is looked for
    /// once a second: whoever fills it must not make each guess slow.
    fn room_for(&mut self, what: Counted, now: Moment) -> Counted {
        let over = |(since, _): &(Moment, u32)| now.since_ms(*since) >= WRONG_WINDOW_MS || now < *since;
        if self.kept.get(&what).is_some_and(over) {
            self.kept.remove(&what);
        }
        let is_full = |kept: &HashMap<Counted, _>| kept.len() >= WRONG_KEPT_MAX && !kept.contains_key(&what);
        if is_full(&self.kept) && now.since_ms(self.swept_at).abs() >= 1_000 {
            self.kept.retain(|_, entry| !over(entry));
            self.swept_at = now;
        }
        if is_full(&self.kept) { Counted::Others } else { what }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_790_000_000_000);

    fn name(text: &str) -> UserName {
        text.parse().expect("a name")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_stranger_locks_out_other_strangers_and_no_known_device() {
        let (throttle, ada) = (Throttle::default(), name("ada"));
        let known = Some(CredentialId([1; 16]));
        let stranger = |n: u32| address(&format!("192.0.2.{n}"));
        for n in 0..WRONG_BY_ACCOUNT {
            assert!(throttle.guess(stranger(n), &ada, None, NOW).is_ok(), "{n}");
        }
        assert!(throttle.guess(stranger(99), &ada, None, NOW).is_err(), "from any address");
        assert!(throttle.guess(stranger(98), &ada, known, NOW).is_ok(), "a device that is known");
        assert!(throttle.guess(stranger(97), &name("bob"), None, NOW).is_ok(), "another account");
        assert_eq!(throttle.guess(stranger(99), &ada, None, NOW).err(), Some(16));
        assert!(throttle.guess(stranger(99), &ada, None, NOW.plus_ms(WRONG_WINDOW_MS)).is_ok(), "it is over");
    }

    #[test]
    fn one_address_guesses_a_bounded_number_over_all_accounts() {
        let throttle = Throttle::default();
        let guess = |n: u32, from: &str| throttle.guess(address(from), &name(&format!("u{n}")), None, NOW);
        let allowed = (0..100).filter(|n| guess(*n, &format!("2001:db8::{n}")).is_ok()).count();
        assert_eq!(allowed, WRONG_BY_ADDRESS as usize, "one network of 64 bits is one address");
        assert!(guess(200, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn a_right_password_is_taken_back_and_the_memory_is_bounded() {
        let (throttle, ada) = (Throttle::default(), name("ada"));
        for _ in 0..1000 {
            let guess = throttle.guess(address("192.0.2.1"), &ada, None, NOW).expect("allowed");
            throttle.right(guess);
        }
        for n in 0..WRONG_KEPT_MAX as u32 + 100 {
            let from = IpAddr::V4(n.into());
            let _ = throttle.guess(from, &name(&format!("x{n}")), None, NOW);
        }
        assert!(throttle.0.lock().expect("whole").kept.len() <= WRONG_KEPT_MAX + 1);
    }
}
