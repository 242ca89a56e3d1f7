//! What is recognised in what is written: text of versions that somebody, or a marking, said to be restricted.
//!
//! A label that inspection inferred registers nothing, or levels would creep from copy to copy. What is registered goes with its
//! version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordon_domain::{Knowledge, Known, Label, Level, Looked, Origin, Prints, Seen, VersionId};
use cordon_keys::Purpose;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::error::VaultError;
use crate::inspect::Inspecting;
use crate::limits::{KNOWN_PRINTS_MAX, LEARN_AGAIN_MS, LEARN_APART_MS};
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
    labels: Arc<HashMap<VersionId, Label>>,
}

impl Knowing {
    fn labels(&self) -> Arc<HashMap<VersionId, Label>> {
        self.state.lock().map_or_else(|_| Arc::default(), |state| Arc::clone(&state.labels))
    }

    /// The label that a version gets in which something was found, if its own is too low.
    pub(crate) fn raised(&self, looked: &Looked, label: &Label) -> Option<Label> {
        let known = self.labels();
        looked.raised(label, looked.found.iter().filter_map(|found| known.get(&found.of?)))
    }

    /// By what copies of a version are recognised from now on, if they are to be.
    pub(crate) fn registered(&self, seen: &Seen, label: &Label) -> Option<Prints> {
        let prints = Some(&seen.prints).filter(|prints| registers(label) && !prints.is_empty())?;
        self.registered.notify_one();
        Some(prints.clone())
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
        let before = own.known.state.lock().ok().and_then(|state| state.changes);
        let Some((changes, read)) = self.reader.prints(&self.keys, before, KNOWN_PRINTS_MAX).await? else {
            return Ok(());
        };
        let known: Vec<_> = read.into_iter().filter(|(_, label, _)| registers(label)).collect();
        let labels = known.iter().map(|(version, label, _)| (*version, label.clone())).collect();
        let document =
            |(version, label, prints): (VersionId, Label, Prints)| Known { version, level: label.level, prints };
        let documents = known.into_iter().map(document).collect();
        own.inspector.knows(Arc::new(Knowledge { key: self.prints_key()?, documents }));
        if let Ok(mut state) = own.known.state.lock() {
            *state = State { changes: Some(changes), labels: Arc::new(labels) };
        }
        Ok(())
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
