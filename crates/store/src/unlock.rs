//! Asking the root key's provider, with a deadline: it may be slow, may fail, and may answer wrongly.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use cordon_domain::Clock;
use cordon_keys::provider::{open_root, wrap_root};
use cordon_keys::{ProviderError, Root, RootProvider, Unlocked, WrappedRoot};

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::keystore::KeyStore;
use crate::limits::PROVIDER_S;

/// How long a provider may take.
pub const DEADLINE: Duration = Duration::from_secs(PROVIDER_S);

/// Asks a provider for the root. The answer is compared with what was wrapped.
fn ask(provider: &Arc<dyn RootProvider>, wrapped: WrappedRoot, deadline: Duration) -> Result<Root, ProviderError> {
    within(provider, deadline, move |provider| open_root(provider, &wrapped))
}

/// Unlocks a key store with the root that `provider` gives back.
///
/// # Errors
///
/// [`StoreError::Place`] when the root is held by another kind of provider, [`StoreError::Provider`] when it is not
/// given, [`StoreError::Key`] when a stored key was changed.
pub fn unlock(store: KeyStore, provider: &Arc<dyn RootProvider>, clock: Arc<dyn Clock>) -> Result<Keyring, StoreError> {
    let wrapped = store.roots()?.into_iter().find(|root| root.provider == provider.kind());
    let wrapped = wrapped.ok_or_else(|| {
        StoreError::Place(format!("the root key of this installation is not held by a `{}`", provider.kind()))
    })?;
    let root = ask(provider, wrapped, DEADLINE)?;
    let unlocked = Unlocked::open(root, store.keys()?.iter())?;
    Keyring::new(unlocked, store, clock)
}

/// Has a provider wrap the root, and give it back as a proof.
///
/// # Errors
///
/// [`ProviderError::Unavailable`] when there is no answer in time; what the provider says otherwise.
pub fn entrust(
    provider: &Arc<dyn RootProvider>,
    root: &Root,
    deadline: Duration,
) -> Result<WrappedRoot, ProviderError> {
    let secret = cordon_keys::Secret::from_slice(root.secret.expose());
    let secret = secret.ok_or(cordon_keys::KeyError::Malformed("a root key"))?;
    let root = Root { generation: root.generation, secret };
    within(provider, deadline, move |provider| wrap_root(provider, &root))
}

fn within<T: Send + 'static>(
    provider: &Arc<dyn RootProvider>,
    deadline: Duration,
    call: impl FnOnce(&dyn RootProvider) -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    let silent =
        |reason: &str| ProviderError::Unavailable { provider: provider.kind().to_owned(), reason: reason.to_owned() };
    let (sender, receiver) = channel();
    let asked = Arc::clone(provider);
    // A call that never returns keeps its thread and nothing else.
    let run = move || drop(sender.send(call(asked.as_ref())));
    std::thread::Builder::new()
        .name("cordon-root".to_owned())
        .spawn(run)
        .map_err(|error| silent(&error.to_string()))?;
    receiver.recv_timeout(deadline).map_err(|error| match error {
        RecvTimeoutError::Timeout => silent(&format!("no answer within {} s", deadline.as_secs_f32())),
        RecvTimeoutError::Disconnected => silent("the call broke off"),
    })?
}
