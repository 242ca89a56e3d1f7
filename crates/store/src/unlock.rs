//! Asking the root key's provider, with a deadline: it may be slow, may fail, and may answer wrongly.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use cordon_keys::provider::{open_root, wrap_root};
use cordon_keys::{ProviderError, Root, RootProvider, WrappedRoot};

/// Asks a provider for the root. The answer is compared with what was wrapped.
///
/// # Errors
///
/// [`ProviderError::Unavailable`] when there is no answer in time; what the provider says otherwise.
pub fn ask(provider: &Arc<dyn RootProvider>, wrapped: WrappedRoot, deadline: Duration) -> Result<Root, ProviderError> {
    within(provider, deadline, move |provider| open_root(provider, &wrapped))
}

/// Has a provider wrap the root, and give it back as a proof.
///
/// # Errors
///
/// As [`ask`].
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
