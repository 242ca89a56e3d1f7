//! Why nobody was let in.

use cordon_domain::CredentialId;
use cordon_gate::{Denial, JournalError};
use cordon_store::StoreError;

/// Why nobody was let in. What a stranger is told does not depend on who exists.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Name, password or code is wrong, or the passkey is not known: which of these is not told.
    #[error("this does not match what is known")]
    Wrong,
    /// The link was used, has ended, or never was.
    #[error("this link was used, has ended, or never was")]
    Link,
    /// The challenge was answered already, is too old, or is another's.
    #[error("this attempt was finished already, or took longer than five minutes")]
    Ceremony,
    /// The answer of an authenticator does not hold.
    #[error("the passkey's answer does not hold: {0}")]
    Passkey(String),
    /// What the identity provider says does not hold.
    #[error("the identity provider's answer does not hold: {0}")]
    Provider(String),
    /// The identity provider cannot be asked.
    #[error("the identity provider cannot be asked: {0}")]
    ProviderAway(String),
    /// The settings of an identity provider cannot be used.
    #[error("the settings of the identity provider cannot be used: {0}")]
    Settings(String),
    /// Too many wrong passwords.
    #[error("too many wrong attempts: wait {0} minutes, or use a passkey")]
    Throttled(i64),
    /// Too many passwords are being checked, or too much is asked of the identity provider.
    #[error("too many people sign in at this moment")]
    Busy,
    /// A password that is not good enough.
    #[error("{0}")]
    Weak(&'static str),
    /// What was shown is nothing that this installation has issued.
    #[error("{0}")]
    Unknown(&'static str),
    /// What was shown proves nothing any more, and why.
    #[error("{0}")]
    Ended(&'static str),
    /// A request is not signed as it must be.
    #[error(transparent)]
    Signature(#[from] crate::signature::SignatureError),
    /// A way to sign in cannot be read.
    #[error("the way to sign in {0} cannot be read")]
    Unreadable(CredentialId),
    /// The gate refuses, or could not record it.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The database or the keys cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address that people reach Cordon at is none that passkeys work with.
    #[error("`{0}` cannot be the public address: {1}")]
    PublicUrl(String, &'static str),
}

impl IdentityError {
    /// Tells whether it lies with whoever asked, rather than with Cordon.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Denied(Denial::NotRecorded(error)) => matches!(error, JournalError::Conflict(_)),
            Self::Store(_) | Self::Unreadable(_) | Self::PublicUrl(..) | Self::Settings(_) | Self::ProviderAway(_) => {
                false
            }
            _ => true,
        }
    }
}
