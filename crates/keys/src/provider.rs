//! Who holds the root key.
//!
//! A provider wraps the root key and gives it back: a key file apart from the data, a passphrase, shares of a recovery
//! kit, a PKCS#11 token. It may be slow, may fail, and may answer wrongly; the edge gives it a deadline, and
//! [`open_root`] checks that what it gave back is the root that was wrapped.
//!
//! Stored form of a wrapped root: version byte 1, then CBOR.

use minicbor::{Decode, Encode};

use crate::error::KeyError;
use crate::limits::ROOT_WRAP_BYTES_MAX;
use crate::secret::{KEY_BYTES, Secret};
use crate::tree::Root;

/// What a wrapped root key is bound to, by providers that can bind it.
pub const ROOT_CONTEXT: &[u8] = b"cordon root key, form 1";

const FORMAT: u8 = 1;

/// Why a provider did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be reached, or did not answer in time.
    #[error("the key provider `{provider}` does not answer: {reason}")]
    Unavailable {
        /// Its name.
        provider: String,
        /// What it or the system said.
        reason: String,
    },
    /// It answered that it cannot: a wrong passphrase, too few shares, no such key.
    #[error("the key provider `{provider}` refuses: {reason}")]
    Refused {
        /// Its name.
        provider: String,
        /// What it said.
        reason: String,
    },
    /// It answered with another key than the one that was wrapped.
    #[error("the key provider `{provider}` gave back another key than the one it was given")]
    WrongKey {
        /// Its name.
        provider: String,
    },
    /// What is stored cannot be read.
    #[error(transparent)]
    Stored(#[from] KeyError),
}

/// Wraps and unwraps the root key. Calls may block; the edge runs them on a thread with a deadline.
pub trait RootProvider: Send + Sync {
    /// Returns the kind, as it is stored: `key-file`, `passphrase`, `shares`, `pkcs11`.
    fn kind(&self) -> &'static str;

    /// Wraps the root.
    ///
    /// # Errors
    ///
    /// [`ProviderError`] when it cannot.
    fn wrap(&self, root: &Secret) -> Result<Vec<u8>, ProviderError>;

    /// Gives the root back.
    ///
    /// # Errors
    ///
    /// [`ProviderError`] when it cannot. The answer is not believed: see [`open_root`].
    fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, ProviderError>;
}

/// A root key as one provider wraps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct WrappedRoot {
    /// Counts roots from 1.
    #[n(0)]
    pub generation: u32,
    /// The kind of provider.
    #[n(1)]
    pub provider: String,
    /// What the provider needs to give the root back.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Commits to the root, so that another key is noticed.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub commitment: [u8; KEY_BYTES],
}

impl WrappedRoot {
    /// Encodes it, with its version in front.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when it is larger than 4 KiB.
    pub fn encode(&self) -> Result<Vec<u8>, KeyError> {
        let body = minicbor::to_vec(self).map_err(|_| KeyError::Malformed("a wrapped root key"))?;
        if body.len() > ROOT_WRAP_BYTES_MAX {
            return Err(KeyError::Bound("a wrapped root key has at most 4 KiB"));
        }
        Ok([&[FORMAT], body.as_slice()].concat())
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Newer`] for a later format, [`KeyError::Malformed`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes.split_first() {
            Some((&FORMAT, body)) if body.len() <= ROOT_WRAP_BYTES_MAX => {
                minicbor::decode(body).map_err(|_| KeyError::Malformed("a wrapped root key"))
            }
            Some((&found, _)) if found > FORMAT => {
                Err(KeyError::Newer { what: "a wrapped root key", found, known: FORMAT })
            }
            _ => Err(KeyError::Malformed("a wrapped root key")),
        }
    }
}

/// Has a provider wrap the root, and checks at once that it gives it back.
///
/// # Errors
///
/// [`ProviderError`] when it does not.
pub fn wrap_root(provider: &dyn RootProvider, root: &Root) -> Result<WrappedRoot, ProviderError> {
    let wrapped = WrappedRoot {
        generation: root.generation,
        provider: provider.kind().to_owned(),
        wrapped: provider.wrap(&root.secret)?,
        commitment: root.secret.commitment(),
    };
    open_root(provider, &wrapped)?;
    Ok(wrapped)
}

/// Asks a provider for the root, and checks that it is the one that was wrapped.
///
/// # Errors
///
/// [`ProviderError::WrongKey`] when the provider gives back another key.
pub fn open_root(provider: &dyn RootProvider, wrapped: &WrappedRoot) -> Result<Root, ProviderError> {
    let secret = provider.unwrap(&wrapped.wrapped)?;
    if secret.commitment() != wrapped.commitment {
        return Err(ProviderError::WrongKey { provider: provider.kind().to_owned() });
    }
    Ok(Root { generation: wrapped.generation, secret })
}
