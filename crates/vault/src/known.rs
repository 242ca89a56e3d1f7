//! What is recognised in what is written: text of versions that somebody, or a marking, said to be restricted.
//!
//! A label that inspection inferred registers nothing, or levels would creep from copy to copy. What is registered goes with its
//! version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cordon_domain::limits::PRINTS_MIN;
use cordon_domain::{Knowledge, Known, Label, Level, Looked, Origin, PrincipalId, Prints, Seen, VersionId};
use cordon_keys::Purpose;
use cordon_store::prints::AllPrints;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::error::VaultError;
use crate::inspect::Inspecting;
use crate::limits::{KNOWN_MAX, KNOWN_PRINTS_MAX, LABELS_KEPT_MAX, LEARN_AGAIN_MS, LEARN_APART_MS};
use crate::vault::Vault;

/// What is known here.
#[derive(Default)]
pub(crate) struct Knowing {
    state: Mutex<State>,
    /// Something was registered here.
    registered: Notify,
}

#[derive(Default)]
struct State {
    /// How often what is known had changed when it was read.
    changes: Option<u64>,
    /// Labels of what is known, and of what was: a look that began before goes by that.
    labels: Arc<HashMap<VersionId, Label>>,
}

impl Knowing {
    fn labels(&self) -> Arc<HashMap<VersionId, Label>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.labels)
    }

    /// Tells whether it is known of what something holds copies.
    pub(crate) fn knows_all(&self, looked: &Looked) -> bool {
        let known = self.labels();
        looked.copied().all(|version| known.contains_key(version))
    }

    /// The label that a version gets in which something was found, if its own is too low.
    pub(crate) fn raised(&self, looked: &Looked, label: &Label) -> Option<Label> {
        let known = self.labels();
        looked.raised(label, looked.copied().filter_map(|version| known.get(version)))
    }

    /// Something was registered.
    pub(crate) fn is_told(&self) {
        self.registered.notify_one();
    }
}

/// Tells whether copies of a version with that label are to be recognised.
pub(crate) fn registers(label: &Label) -> bool {
    label.level == Level::Restricted && label.origin != Origin::Inferred
}

impl Vault {
    /// Learns what is to be recognised, if that has changed, and tells whoever looks.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unavailable`] when it cannot be read; what was known before is still recognised.
    pub async fn learn(&self) -> Result<(), VaultError> {
        let Some(own) = &self.inspecting else { return Ok(()) };
        let before = own.known.state.lock().unwrap_or_else(PoisonError::into_inner).changes;
        let most = (KNOWN_MAX, KNOWN_PRINTS_MAX);
        let Some(AllPrints { changes, all, more }) = self.reader.prints(&self.keys, before, registers, most).await?
        else {
            return Ok(());
        };
        if more {
            eprintln!("warning: more is restricted than can be recognised: copies of some of it will not be");
        }
        {
            let mut state = own.known.state.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = state.labels.iter().filter(|_| state.labels.len() < LABELS_KEPT_MAX);
            let now = all.iter().map(|(version, label, _)| (*version, label.clone()));
            let labels = kept.map(|(version, label)| (*version, label.clone())).chain(now).collect();
            *state = State { changes: Some(changes), labels: Arc::new(labels) };
        }
        let document =
            |(version, label, prints): (VersionId, Label, Prints)| Known { version, level: label.level, prints };
        let documents = all.into_iter().map(document).collect();
        own.inspector.knows(Arc::new(Knowledge { key: self.prints_key()?, documents }));
        Ok(())
    }

    /// By what copies of a version are recognised from now on, if they are to be: its writer may be bound by what a marking says,
    /// and is not heard by it on what is restricted unless they are cleared for that.
    pub(crate) fn registered(&self, seen: &Seen, label: &Label, by: PrincipalId) -> Option<Prints> {
        let prints = seen.prints.as_ref().filter(|prints| registers(label) && prints.len() >= PRINTS_MIN)?;
        let cleared = || {
            let snapshot = self.snapshot().ok()?;
            Some(snapshot.roster().principals.get(&by)?.clearance >= label.level)
        };
        (label.origin != Origin::Marked || cleared() == Some(true)).then(|| prints.clone())
    }

    /// Learns whenever there is something to learn, for as long as it is polled.
    pub(crate) async fn learning(&self, own: &Inspecting) {
        loop {
            if let Err(error) = self.learn().await {
                eprintln!("warning: it cannot be read what is to be recognised: {error}");
            }
            sleep(Duration::from_millis(LEARN_APART_MS)).await;
            // What another node registered is found by looking again.
            let again = Duration::from_millis(LEARN_AGAIN_MS - LEARN_APART_MS);
            let _ = timeout(again, own.known.registered.notified()).await;
        }
    }

    /// The key under which passages are hashed. It stays: what was hashed under another would be recognised no more.
    fn prints_key(&self) -> Result<[u8; 16], VaultError> {
        let secret = self.keys.with(|unlocked| Ok(unlocked.own(Purpose::Index, 1)?.derive("cordon/prints/v1")))?;
        let (key, _) = secret
            .expose()
            .split_first_chunk::<16>()
            .ok_or_else(|| VaultError::Integrity("a key that is short".to_owned()))?;
        Ok(*key)
    }
}
