//! Providers that need nothing but what they are given: a key, a passphrase.

use std::sync::Mutex;

use argon2::{Algorithm, Argon2, Params, Version};
use cordon_domain::Entropy;
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::provider::{ProviderError, ROOT_CONTEXT, RootProvider};
use crate::secret::{KEY_BYTES, Secret};
use crate::wrap::{WRAPPED_BYTES, WrappingKey};

const SALT_BYTES: usize = 16;

/// Wraps the root under a key that the edge holds: from a key file, or joined from shares.
pub struct HeldKey<E> {
    kind: &'static str,
    key: WrappingKey,
    entropy: Mutex<E>,
}

impl<E: Entropy + Send> HeldKey<E> {
    /// Takes the key; `kind` is how the provider is stored.
    pub fn new(kind: &'static str, key: &Secret, entropy: E) -> Self {
        Self { kind, key: WrappingKey::new(key), entropy: Mutex::new(entropy) }
    }
}

impl<E: Entropy + Send> RootProvider for HeldKey<E> {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn wrap(&self, root: &Secret) -> Result<Vec<u8>, ProviderError> {
        let mut entropy = self.entropy.lock().map_err(|_| broken(self.kind))?;
        Ok(self.key.wrap(root, ROOT_CONTEXT, &mut *entropy).to_vec())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, ProviderError> {
        open(&self.key, self.kind, wrapped, "its key is not the one under which the root was wrapped")
    }
}

/// Memory and time of argon2id. Stored with the wrap, so that they can be raised later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

impl Cost {
    /// 256 MiB, three passes: about a second on one core.
    pub const DEFAULT: Self = Self { memory_kib: 256 * 1024, passes: 3 };
    /// The most a stored wrap may ask for: 4 GiB, 64 passes.
    const MAX: Self = Self { memory_kib: 4 * 1024 * 1024, passes: 64 };
}

/// Wraps the root under a passphrase (argon2id, RFC 9106, one lane).
///
/// Stored form: salt (16 bytes), memory in KiB and passes (32 bits each, big-endian), wrap.
pub struct Passphrase<E> {
    phrase: Zeroizing<String>,
    cost: Cost,
    entropy: Mutex<E>,
}

impl<E: Entropy + Send> Passphrase<E> {
    /// Takes the passphrase; `cost` is used for wrapping, the stored one for unwrapping.
    pub const fn new(phrase: Zeroizing<String>, cost: Cost, entropy: E) -> Self {
        Self { phrase, cost, entropy: Mutex::new(entropy) }
    }

    fn key(&self, salt: &[u8], cost: Cost) -> Result<WrappingKey, ProviderError> {
        let refuse = || ProviderError::Stored(KeyError::Malformed("the cost of a passphrase"));
        if cost.memory_kib > Cost::MAX.memory_kib || cost.passes > Cost::MAX.passes {
            return Err(refuse());
        }
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY_BYTES)).map_err(|_| refuse())?;
        let mut derived = Zeroizing::new([0u8; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.phrase.as_bytes(), salt, derived.as_mut_slice())
            .map_err(|_| refuse())?;
        let secret = Secret::from_slice(derived.as_slice()).ok_or_else(refuse)?;
        Ok(WrappingKey::new(&secret))
    }
}

impl<E: Entropy + Send> RootProvider for Passphrase<E> {
    fn kind(&self) -> &'static str {
        "passphrase"
    }

    fn wrap(&self, root: &Secret) -> Result<Vec<u8>, ProviderError> {
        let mut entropy = self.entropy.lock().map_err(|_| broken("passphrase"))?;
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let key = self.key(&salt, self.cost)?;
        let wrapped = key.wrap(root, ROOT_CONTEXT, &mut *entropy);
        let parts: [&[u8]; 4] = [&salt, &self.cost.memory_kib.to_be_bytes(), &self.cost.passes.to_be_bytes(), &wrapped];
        Ok(parts.concat())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, ProviderError> {
        let malformed = || ProviderError::Stored(KeyError::Malformed("a root key under a passphrase"));
        let (salt, rest) = wrapped.split_first_chunk::<SALT_BYTES>().ok_or_else(malformed)?;
        let (memory, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let (passes, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let cost = Cost { memory_kib: u32::from_be_bytes(*memory), passes: u32::from_be_bytes(*passes) };
        open(&self.key(salt, cost)?, "passphrase", rest, "the passphrase is wrong")
    }
}

fn open(key: &WrappingKey, kind: &str, wrapped: &[u8], otherwise: &str) -> Result<Secret, ProviderError> {
    if wrapped.len() != WRAPPED_BYTES {
        return Err(ProviderError::Stored(KeyError::Malformed("a wrapped root key")));
    }
    key.unwrap(wrapped, ROOT_CONTEXT, String::new)
        .map_err(|_| ProviderError::Refused { provider: kind.to_owned(), reason: otherwise.to_owned() })
}

fn broken(kind: &str) -> ProviderError {
    ProviderError::Unavailable { provider: kind.to_owned(), reason: "an earlier call did not end".to_owned() }
}
