//! What was begun and waits for its answer: each is answered once, within five minutes, at the node that began it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cordon_domain::{Entropy as _, Moment};
use cordon_store::edge::SystemEntropy;
use data_encoding::BASE64URL_NOPAD;

use crate::limits::{CEREMONIES_MAX, CEREMONY_MS};

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
pub(crate) struct Ceremonies<T>(Mutex<BTreeMap<CeremonyId, (Moment, T)>>);

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Ceremonies<T> {
    /// Keeps something until it is answered. When there is no room, the oldest is forgotten.
    pub(crate) fn begin(&self, what: T, now: Moment) -> CeremonyId {
        let mut bytes = [0; 16];
        SystemEntropy.fill(&mut bytes);
        let id = CeremonyId(BASE64URL_NOPAD.encode(&bytes));
        if let Ok(mut waiting) = self.0.lock() {
            if waiting.len() >= CEREMONIES_MAX {
                waiting.retain(|_, (since, _)| waits(*since, now));
            }
            let oldest = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest.filter(|_| waiting.len() >= CEREMONIES_MAX) {
                waiting.remove(&oldest);
            }
            waiting.insert(id.clone(), (now, what));
        }
        id
    }

    /// Takes what waits, for its one answer.
    pub(crate) fn take(&self, id: &CeremonyId, now: Moment) -> Option<T> {
        let (since, what) = self.0.lock().ok()?.remove(id)?;
        waits(since, now).then_some(what)
    }

    /// Looks at what waits, and leaves it.
    pub(crate) fn with<R>(&self, id: &CeremonyId, now: Moment, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut waiting = self.0.lock().ok()?;
        let (since, what) = waiting.get_mut(id)?;
        waits(*since, now).then(|| look(what))
    }
}

fn waits(since: Moment, now: Moment) -> bool {
    (0..CEREMONY_MS).contains(&now.since_ms(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_answered_once_and_in_time() {
        let ceremonies = Ceremonies::default();
        let id = ceremonies.begin("a", Moment(0));
        assert_eq!(ceremonies.with(&id, Moment(1), |what| *what), Some("a"));
        assert_eq!(ceremonies.take(&id, Moment(1)), Some("a"));
        assert_eq!(ceremonies.take(&id, Moment(1)), None, "it was answered");
        let late = ceremonies.begin("b", Moment(0));
        assert_eq!(ceremonies.take(&late, Moment(CEREMONY_MS)), None);
        assert_eq!(ceremonies.take(&CeremonyId::given(&"x".repeat(100)), Moment(0)), None);
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_is_no_room() {
        let ceremonies = Ceremonies::default();
        let ids: Vec<_> = (0..=CEREMONIES_MAX).map(|n| ceremonies.begin(n, Moment(n as i64))).collect();
        assert_eq!(ceremonies.take(&ids[0], Moment(CEREMONIES_MAX as i64)), None);
        assert_eq!(ceremonies.take(&ids[1], Moment(CEREMONIES_MAX as i64)), Some(1));
    }
}
