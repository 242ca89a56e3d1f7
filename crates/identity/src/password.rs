//! Passwords: argon2id, a bounded number at once, beside the threads that answer.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use cordon_domain::Entropy as _;
use cordon_store::edge::SystemEntropy;
use minicbor::{Decode, Encode};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::IdentityError;
use crate::limits::{HASHES_AT_ONCE, HASHES_WAITING_MAX, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// The first of the parameters that OWASP's cheat sheet on storing passwords recommends: 46 MiB, one pass, one lane.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;
const LANES: u32 = 1;

/// A password, hashed with argon2id.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hashed {
    /// Memory in KiB, passes, lanes.
    #[n(0)]
    cost: (u32, u32, u32),
    /// Sixteen random bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    salt: [u8; 16],
    /// The hash.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    hash: [u8; 32],
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashed(hidden)")
    }
}

/// A password, wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password as it was given.
    #[must_use]
    pub fn given(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Tells whether it may become one, for somebody of a name.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Weak`] with what it lacks.
    pub fn is_good(&self, name: &str) -> Result<(), IdentityError> {
        let text = self.0.as_str();
        let distinct: std::collections::BTreeSet<char> = text.chars().collect();
        let lower = text.to_lowercase();
        if text.chars().count() < PASSWORD_CHARS_MIN {
            return Err(IdentityError::Weak("a password has at least 12 characters"));
        }
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(IdentityError::Weak("a password has at most 512 bytes"));
        }
        if distinct.len() < 5 || name.len() > 3 && lower.contains(name) {
            return Err(IdentityError::Weak("a password is not the user name, nor a few characters again and again"));
        }
        Ok(())
    }
}

/// Hashes passwords, a bounded number at once.
#[derive(Clone)]
pub(crate) struct Hasher {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING_MAX)),
        }
    }
}

impl Hasher {
    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: Password) -> Result<Hashed, IdentityError> {
        let mut salt = [0; 16];
        SystemEntropy.fill(&mut salt);
        let cost = (MEMORY_KIB, PASSES, LANES);
        let hash = self.run(password, cost, salt).await?;
        Ok(Hashed { cost, salt, hash })
    }

    /// Compares a password with what is kept. For nobody it takes as long, and is false.
    pub(crate) async fn is(&self, password: Password, kept: Option<Hashed>) -> Result<bool, IdentityError> {
        let known = kept.is_some();
        let Hashed { cost, salt, hash } =
            kept.unwrap_or(Hashed { cost: (MEMORY_KIB, PASSES, LANES), salt: [0; 16], hash: [0; 32] });
        let own = self.run(password, cost, salt).await?;
        Ok(verify_slices_are_equal(&own, &hash).is_ok() && known)
    }

    async fn run(&self, password: Password, cost: (u32, u32, u32), salt: [u8; 16]) -> Result<[u8; 32], IdentityError> {
        if password.0.len() > PASSWORD_BYTES_MAX {
            return Err(IdentityError::Wrong);
        }
        let _waits = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| IdentityError::Busy)?;
        let runs = Arc::clone(&self.running).acquire_owned().await.map_err(|_| IdentityError::Busy)?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _runs = runs;
            let params = Params::new(cost.0, cost.1, cost.2, Some(32)).map_err(|_| IdentityError::Wrong)?;
            let mut hash = [0; 32];
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hashed = argon.hash_password_into(password.0.as_bytes(), &salt, &mut hash);
            hashed.map(|()| hash).map_err(|_| IdentityError::Wrong)
        });
        hashed.await.map_err(|_| IdentityError::Busy)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::given(text.to_owned())
    }

    /// The parameters are those of OWASP's cheat sheet, and what is asked meanwhile is answered meanwhile.
    #[tokio::test]
    async fn a_hash_costs_what_owasp_says_and_holds_up_nobody() {
        let hasher = Hasher::default();
        let hashing = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.hash(Password::given("a long enough passphrase".to_owned())).await }
        });
        let mut turns = 0u64;
        while !hashing.is_finished() {
            tokio::task::yield_now().await;
            turns += 1;
        }
        assert!(turns > 100, "on a thread of its own: {turns}");
        let hashed = hashing.await.expect("no panic").expect("hashed");
        assert_eq!(hashed.cost, (47_104, 1, 1));
        let again = hasher.hash(Password::given("a long enough passphrase".to_owned())).await.expect("hashed");
        assert!(hashed.salt != again.salt && hashed.hash != again.hash, "a salt of its own");
    }

    #[tokio::test]
    async fn a_password_is_itself_and_no_other_and_nobodys() {
        let hasher = Hasher::default();
        let kept = hasher.hash(password("correct horse battery")).await.expect("hashed");
        assert!(hasher.is(password("correct horse battery"), Some(kept.clone())).await.expect("compared"));
        assert!(!hasher.is(password("correct horse batterz"), Some(kept.clone())).await.expect("compared"));
        assert!(!hasher.is(password("correct horse battery"), None).await.expect("compared"));
        assert!(!format!("{kept:?}").contains("hash:"), "{kept:?}");
        let other = hasher.hash(password("correct horse battery")).await.expect("hashed");
        assert_ne!(kept, other, "salted");
    }

    #[tokio::test]
    async fn no_more_wait_than_the_bound_says() {
        let hasher = Hasher::default();
        let all = (0..HASHES_AT_ONCE + HASHES_WAITING_MAX).map(|_| Arc::clone(&hasher.waiting).try_acquire_owned());
        let held: Vec<_> = all.collect::<Result<_, _>>().expect("room");
        let late = hasher.is(password("correct horse battery"), None).await;
        assert!(matches!(late, Err(IdentityError::Busy)));
        drop(held);
        assert!(hasher.is(password("correct horse battery"), None).await.is_ok());
    }

    #[test]
    fn weak_passwords_are_told_why() {
        for text in ["", "short", "aaaaaaaaaaaaaaaa", "abababababababab", "ada@example.org1", &"x1y2z".repeat(200)] {
            assert!(matches!(password(text).is_good("ada@example.org"), Err(IdentityError::Weak(_))), "{text}");
        }
        assert!(password("correct horse battery").is_good("ada@example.org").is_ok());
    }
}
