//! What was begun and waits for its answer: each is answered once, within five minutes, at the node that began it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use cordon_domain::{Entropy as _, Moment};
use cordon_store::edge::SystemEntropy;
use data_encoding::BASE64URL_NOPAD;

use crate::limits::{CEREMONIES_BY_ADDRESS_MAX, CEREMONIES_MAX, CEREMONY_MS};

/// Names something that waits: 128 random bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CeremonyId(String);

impl CeremonyId {
    /// Takes the text that came back.
    #[must_use]
    pub fn given(text: &str) -> Self {
        Self(text.chars().take(32).collect())
    }

    /// Returns the text to send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What waits for its answer.
pub(crate) struct Ceremonies<T>(Mutex<BTreeMap<CeremonyId, Waiting<T>>>);

struct Waiting<T> {
    since: Moment,
    from: IpAddr,
    what: T,
}

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Ceremonies<T> {
    /// Keeps something until it is answered. When there is no room, the oldest of the same address is forgotten, then the
    /// oldest of all: whoever asks for many crowds out their own.
    pub(crate) fn begin(&self, what: T, from: IpAddr, now: Moment) -> CeremonyId {
        let mut bytes = [0; 16];
        SystemEntropy.fill(&mut bytes);
        let id = CeremonyId(BASE64URL_NOPAD.encode(&bytes));
        if let Ok(mut waiting) = self.0.lock() {
            let own = |one: &Waiting<T>| one.from == from;
            if waiting.values().filter(|one| own(one)).count() >= CEREMONIES_BY_ADDRESS_MAX {
                forget_oldest(&mut waiting, own);
            }
            if waiting.len() >= CEREMONIES_MAX {
                waiting.retain(|_, one| waits(one.since, now));
            }
            if waiting.len() >= CEREMONIES_MAX {
                forget_oldest(&mut waiting, |_| true);
            }
            waiting.insert(id.clone(), Waiting { since: now, from, what });
        }
        id
    }

    /// Takes what waits, for its one answer.
    pub(crate) fn take(&self, id: &CeremonyId, now: Moment) -> Option<T> {
        let Waiting { since, what, .. } = self.0.lock().ok()?.remove(id)?;
        waits(since, now).then_some(what)
    }

    /// Looks at what waits, and leaves it.
    pub(crate) fn with<R>(&self, id: &CeremonyId, now: Moment, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut waiting = self.0.lock().ok()?;
        let Waiting { since, what, .. } = waiting.get_mut(id)?;
        waits(*since, now).then(|| look(what))
    }
}

fn forget_oldest<T>(waiting: &mut BTreeMap<CeremonyId, Waiting<T>>, of: impl Fn(&Waiting<T>) -> bool) {
    let oldest = waiting.iter().filter(|(_, one)| of(one)).min_by_key(|(_, one)| one.since).map(|(id, _)| id.clone());
    oldest.map(|oldest| waiting.remove(&oldest));
}

fn waits(since: Moment, now: Moment) -> bool {
    (0..CEREMONY_MS).contains(&now.since_ms(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn each_is_answered_once_and_in_time() {
        let ceremonies = Ceremonies::default();
        let id = ceremonies.begin("a", from(1), Moment(0));
        assert_eq!(ceremonies.with(&id, Moment(1), |what| *what), Some("a"));
        assert_eq!(ceremonies.take(&id, Moment(1)), Some("a"));
        assert_eq!(ceremonies.take(&id, Moment(1)), None, "it was answered");
        let late = ceremonies.begin("b", from(1), Moment(0));
        assert_eq!(ceremonies.take(&late, Moment(CEREMONY_MS)), None);
        assert_eq!(ceremonies.take(&CeremonyId::given(&"x".repeat(100)), Moment(0)), None);
    }

    #[test]
    fn whoever_asks_for_many_crowds_out_their_own() {
        let ceremonies = Ceremonies::default();
        let others = ceremonies.begin(0, from(1), Moment(0));
        let many: Vec<_> = (1..=100).map(|n| ceremonies.begin(n, from(2), Moment(n))).collect();
        assert_eq!(ceremonies.take(&others, Moment(100)), Some(0));
        assert_eq!(ceremonies.take(&many[35], Moment(100)), None, "the oldest of the same address");
        assert_eq!(ceremonies.take(&many[36], Moment(100)), Some(37));
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_is_no_room() {
        let ceremonies = Ceremonies::default();
        let all = 0..=CEREMONIES_MAX as u32;
        let ids: Vec<_> = all.map(|n| ceremonies.begin(n, from(n / 32), Moment(i64::from(n)))).collect();
        let now = Moment(CEREMONIES_MAX as i64);
        assert_eq!((ceremonies.take(&ids[0], now), ceremonies.take(&ids[1], now)), (None, Some(1)));
    }
}
