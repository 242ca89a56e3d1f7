//! Wrong passwords are counted, by address, and by account where the device is not known to it.
//!
//! A guess is counted before it is checked, so that guesses side by side are counted, too; it is taken back unless it was
//! wrong. A device that is known to an account has a count of its own, and no other: a stranger locks nobody out, also not
//! one who comes from the same address. Passkeys, and recovery codes, are not counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;

use cordon_domain::{CredentialId, Moment, UserName};

use crate::limits::{WRONG_BY_ACCOUNT, WRONG_BY_ADDRESS, WRONG_BY_DEVICE, WRONG_KEPT_MAX, WRONG_WINDOW_MS};

/// Wrong passwords of one kind of thing (addresses, accounts, devices), each with its own room: who makes up many of one
/// kind crowds out none of another.
struct Counts<K> {
    kept: HashMap<K, (Moment, u32)>,
    /// All that came when there was no more room.
    others: (Moment, u32),
    most: u32,
    /// When what was over was last forgotten.
    swept_at: Moment,
}

/// Counts wrong passwords.
pub(crate) struct Throttle {
    addresses: Mutex<Counts<IpAddr>>,
    accounts: Mutex<Counts<String>>,
    devices: Mutex<Counts<CredentialId>>,
}

/// For whom a guess is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum For<'a> {
    /// An account, from a device that is not known to it.
    Account(&'a UserName),
    /// An account, on a device that is known to it.
    Device(CredentialId),
    /// An account, with a secret that nobody guesses: it must not be kept from whoever has it.
    Nobody,
}

/// A guess that was counted. It is taken back when this is dropped, unless it was wrong.
pub(crate) struct Guess<'a> {
    throttle: &'a Throttle,
    address: Option<IpAddr>,
    account: Option<String>,
    device: Option<CredentialId>,
    wrong: bool,
}

impl Guess<'_> {
    /// Lets it stand.
    pub(crate) fn was_wrong(mut self) {
        self.wrong = true;
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        if self.wrong {
            return;
        }
        self.address.iter().for_each(|address| take_back(&self.throttle.addresses, address));
        self.account.iter().for_each(|account| take_back(&self.throttle.accounts, account));
        self.device.iter().for_each(|device| take_back(&self.throttle.devices, device));
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            addresses: Mutex::new(Counts::new(WRONG_BY_ADDRESS)),
            accounts: Mutex::new(Counts::new(WRONG_BY_ACCOUNT)),
            devices: Mutex::new(Counts::new(WRONG_BY_DEVICE)),
        }
    }
}

impl Throttle {
    /// Counts a guess.
    ///
    /// # Errors
    ///
    /// The minutes to wait.
    pub(crate) fn guess(&self, address: IpAddr, whom: For<'_>, now: Moment) -> Result<Guess<'_>, i64> {
        let mut guess = Guess { throttle: self, address: None, account: None, device: None, wrong: false };
        match whom {
            For::Account(name) => {
                let address = network(address);
                count(&self.addresses, address, now)?;
                // Where the account has no more room, the address is not to blame: it is taken back.
                guess.address = Some(address);
                count(&self.accounts, name.as_str().to_owned(), now)?;
                guess.account = Some(name.as_str().to_owned());
            }
            For::Device(device) => {
                count(&self.devices, device, now)?;
                guess.device = Some(device);
            }
            For::Nobody => {}
        }
        Ok(guess)
    }
}

fn count<K: Eq + Hash>(counts: &Mutex<Counts<K>>, what: K, now: Moment) -> Result<(), i64> {
    let Ok(mut counts) = counts.lock() else { return Err(WRONG_WINDOW_MS / 60_000) };
    let most = counts.most;
    let (since, count) = counts.entry(what, now);
    if *count >= most {
        return Err((WRONG_WINDOW_MS - now.since_ms(*since)) / 60_000 + 1);
    }
    *count += 1;
    Ok(())
}

fn take_back<K: Eq + Hash>(counts: &Mutex<Counts<K>>, what: &K) {
    let Ok(mut counts) = counts.lock() else { return };
    if let Some((_, count)) = counts.kept.get_mut(what) {
        *count = count.saturating_sub(1);
    }
}

fn is_over((since, _): &(Moment, u32), now: Moment) -> bool {
    now.since_ms(*since) >= WRONG_WINDOW_MS || now < *since
}

impl<K: Eq + Hash> Counts<K> {
    fn new(most: u32) -> Self {
        Self { kept: HashMap::new(), others: (Moment(0), 0), most, swept_at: Moment(0) }
    }

    /// Where something is counted. When all is full, what is over is looked for once a second: whoever fills it must not make
    /// each guess slow.
    fn entry(&mut self, what: K, now: Moment) -> &mut (Moment, u32) {
        let full = self.kept.len() >= WRONG_KEPT_MAX && !self.kept.contains_key(&what);
        if full && now.since_ms(self.swept_at).abs() >= 1_000 {
            self.kept.retain(|_, entry| !is_over(entry, now));
            self.swept_at = now;
        }
        let full = self.kept.len() >= WRONG_KEPT_MAX && !self.kept.contains_key(&what);
        let entry = if full { &mut self.others } else { self.kept.entry(what).or_insert((now, 0)) };
        if is_over(entry, now) {
            *entry = (now, 0);
        }
        entry
    }
}

/// What is counted as one address: of IPv6 its network of 64 bits, which one host may have to itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
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

    /// Guesses wrongly; tells whether there was room.
    fn wrong(throttle: &Throttle, from: IpAddr, whom: For<'_>, now: Moment) -> Result<(), i64> {
        throttle.guess(from, whom, now).map(Guess::was_wrong)
    }

    #[test]
    fn a_stranger_locks_out_other_strangers_and_no_known_device() {
        let (throttle, ada, bob) = (Throttle::default(), name("ada"), name("bob"));
        let guess = |n: u32, whom, now| wrong(&throttle, address(&format!("192.0.2.{n}")), whom, now);
        for n in 0..WRONG_BY_ACCOUNT {
            assert_eq!(guess(n, For::Account(&ada), NOW), Ok(()), "{n}");
        }
        assert!(guess(99, For::Account(&ada), NOW).is_err(), "from any address");
        assert_eq!(guess(98, For::Device(CredentialId([1; 16])), NOW), Ok(()), "a device that is known");
        assert_eq!(guess(97, For::Account(&bob), NOW), Ok(()), "another account");
        assert_eq!(guess(96, For::Nobody, NOW), Ok(()), "a recovery code");
        assert_eq!(guess(99, For::Account(&ada), NOW), Err(16));
        assert_eq!(guess(99, For::Account(&ada), NOW.plus_ms(WRONG_WINDOW_MS)), Ok(()), "it is over");
    }

    /// Behind one address there may be a whole office, and one who guesses.
    #[test]
    fn a_stranger_at_the_same_address_locks_out_no_known_device() {
        let (throttle, office) = (Throttle::default(), address("192.0.2.1"));
        for n in 0..WRONG_BY_ADDRESS {
            let _ = wrong(&throttle, office, For::Account(&name(&format!("u{n}"))), NOW);
        }
        assert!(wrong(&throttle, office, For::Account(&name("ada")), NOW).is_err());
        let device = For::Device(CredentialId([1; 16]));
        for _ in 0..WRONG_BY_DEVICE {
            assert_eq!(wrong(&throttle, office, device, NOW), Ok(()), "a device that is known");
        }
        assert!(wrong(&throttle, office, device, NOW).is_err(), "it has a bound of its own");
        assert_eq!(wrong(&throttle, office, For::Nobody, NOW), Ok(()), "a recovery code");
    }

    #[test]
    fn one_address_guesses_a_bounded_number_over_all_accounts() {
        let throttle = Throttle::default();
        let guess = |n: u32, from: &str| wrong(&throttle, address(from), For::Account(&name(&format!("u{n}"))), NOW);
        let allowed = (0..100).filter(|n| guess(*n, &format!("2001:db8::{n}")).is_ok()).count();
        assert_eq!(allowed, WRONG_BY_ADDRESS as usize, "one network of 64 bits is one address");
        assert_eq!(guess(200, "2001:db8:0:1::1"), Ok(()));
    }

    #[test]
    fn an_address_is_not_to_blame_for_an_account_that_others_have_locked() {
        let (throttle, ada, bob) = (Throttle::default(), name("ada"), name("bob"));
        for n in 0..WRONG_BY_ACCOUNT {
            assert_eq!(wrong(&throttle, IpAddr::V4(n.into()), For::Account(&ada), NOW), Ok(()));
        }
        let home = address("192.0.2.1");
        for _ in 0..2 * WRONG_BY_ADDRESS {
            assert!(wrong(&throttle, home, For::Account(&ada), NOW).is_err());
        }
        assert_eq!(wrong(&throttle, home, For::Account(&bob), NOW), Ok(()));
    }

    #[test]
    fn what_was_not_wrong_is_taken_back_and_the_memory_is_bounded() {
        let (throttle, ada) = (Throttle::default(), name("ada"));
        for _ in 0..1000 {
            assert!(throttle.guess(address("192.0.2.1"), For::Account(&ada), NOW).is_ok());
        }
        for n in 0..WRONG_KEPT_MAX as u32 + 100 {
            let _ = wrong(&throttle, IpAddr::V4(n.into()), For::Account(&name(&format!("x{n}"))), NOW);
        }
        assert_eq!(throttle.accounts.lock().expect("whole").kept.len(), WRONG_KEPT_MAX);
        let known = wrong(&throttle, address("192.0.2.1"), For::Device(CredentialId([1; 16])), NOW);
        assert_eq!(known, Ok(()), "who makes up names crowds out no device");
    }
}
