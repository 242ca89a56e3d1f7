//! Ways to sign in, as they are kept: sealed by the store under the key of their person.

use cordon_domain::Moment;
use cordon_store::Authenticator;
use minicbor::{Decode, Encode};

use crate::error::IdentityError;
use crate::password::Hashed;

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Way {
    /// A passkey.
    #[n(0)]
    Passkey(#[n(0)] Passkey),
    /// A password, with one-time codes.
    #[n(1)]
    Password(#[n(0)] PasswordAndCode),
    /// Recovery codes.
    #[n(2)]
    Recovery(#[n(0)] Recovery),
    /// An invitation: a link that sets a first way to sign in.
    #[n(3)]
    Invitation(#[n(0)] Invitation),
    /// An account of an identity provider.
    #[n(4)]
    Provider(#[n(0)] ProviderAccount),
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Passkey {
    /// What its owner calls it.
    #[n(0)]
    pub name: String,
    /// The public key and its counter, as the library writes them (JSON).
    #[n(1)]
    pub public: String,
    /// When it was added.
    #[n(2)]
    pub added_at: Moment,
}

/// A password, with one-time codes.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct PasswordAndCode {
    /// The password, hashed.
    #[n(0)]
    pub password: Hashed,
    /// The secret of the codes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub secret: Vec<u8>,
    /// The last step whose code was used: neither it nor an earlier one counts again.
    #[n(2)]
    pub last_step: u64,
}

impl std::fmt::Debug for PasswordAndCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordAndCode(hidden)")
    }
}

/// Recovery codes that were not used, hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Recovery {
    /// SHA-256 of each; they are 80 random bits.
    #[n(0)]
    pub left: Vec<minicbor::bytes::ByteArray<32>>,
}

/// An account of an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProviderAccount {
    /// The provider.
    #[n(0)]
    pub issuer: String,
    /// Its name for the account.
    #[n(1)]
    pub subject: String,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Invitation {
    /// SHA-256 of its secret, 256 random bits.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub secret_hash: [u8; 32],
    /// When it ends.
    #[n(1)]
    pub ends: Moment,
}

impl Way {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Unreadable`].
    pub fn read(kept: &Authenticator) -> Result<Self, IdentityError> {
        minicbor::decode(&kept.body).map_err(|_| IdentityError::Unreadable(kept.id))
    }

    /// Writes it in the place of what was kept, as its next generation.
    pub(crate) fn after(&self, kept: &Authenticator) -> Authenticator {
        Authenticator { generation: kept.generation + 1, body: self.bytes(), ..kept.clone() }
    }

    /// Writes it as a new one.
    pub(crate) fn begin(
        &self,
        id: cordon_domain::CredentialId,
        principal: cordon_domain::PrincipalId,
    ) -> Authenticator {
        Authenticator { id, principal, generation: 1, body: self.bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        // Writing to memory does not fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// Returns what kind it is, in words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Passkey(_) => "passkey",
            Self::Password(_) => "password with codes",
            Self::Recovery(_) => "recovery codes",
            Self::Invitation(_) => "invitation",
            Self::Provider(_) => "identity provider",
        }
    }
}
