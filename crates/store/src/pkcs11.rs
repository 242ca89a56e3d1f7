//! A PKCS#11 token as the holder of the root: an HSM, a smart card, SoftHSM.
//!
//! The token keeps an AES-256 key that never leaves it (`CKA_EXTRACTABLE` false) and wraps the root with AES-GCM. Stored
//! form: nonce (12 bytes), ciphertext, tag (16 bytes). The associated data is [`ROOT_CONTEXT`].

use std::path::PathBuf;
use std::sync::Mutex;

use cordon_domain::Entropy as _;
use cordon_keys::provider::ROOT_CONTEXT;
use cordon_keys::{KeyError, ProviderError, RootProvider, Secret};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::{Zeroize as _, Zeroizing};

use crate::edge::SystemEntropy;

const KIND: &str = "pkcs11";
const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;

/// Where a token is, and how it opens.
pub struct TokenPlace {
    /// The PKCS#11 module of its maker.
    pub module: PathBuf,
    /// Its label.
    pub token: String,
    /// The label of the key in it.
    pub key: String,
    /// The user's PIN.
    pub pin: Zeroizing<String>,
}

/// A token. The module is loaded at the first call and stays loaded.
pub struct Token {
    place: TokenPlace,
    module: Mutex<Option<Pkcs11>>,
}

/// Whether a key is made when the token has none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Make {
    IfMissing,
    Never,
}

impl Token {
    /// Names a token. Nothing is loaded yet.
    #[must_use]
    pub const fn new(place: TokenPlace) -> Self {
        Self { place, module: Mutex::new(None) }
    }

    fn with<T>(
        &self,
        make: Make,
        work: impl FnOnce(&Session, ObjectHandle) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        let mut module = self.module.lock().map_err(|_| unavailable("an earlier call did not end"))?;
        let loaded = match module.take() {
            Some(loaded) => loaded,
            None => load(&self.place)?,
        };
        let loaded = module.insert(loaded);
        let session = self.session(loaded)?;
        let key = self.key(&session, make)?;
        work(&session, key)
    }

    fn session(&self, module: &Pkcs11) -> Result<Session, ProviderError> {
        let slots = module.get_slots_with_token().map_err(|error| unavailable(&error.to_string()))?;
        let labelled = |slot: &cryptoki::slot::Slot| {
            module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == self.place.token)
        };
        let slot = slots.into_iter().find(labelled);
        let slot = slot.ok_or_else(|| unavailable(&format!("no token is labelled `{}`", self.place.token)))?;
        let session = module.open_rw_session(slot).map_err(|error| unavailable(&error.to_string()))?;
        let pin = AuthPin::new(self.place.pin.as_str().into());
        session.login(UserType::User, Some(&pin)).map_err(|error| refused(&error.to_string()))?;
        Ok(session)
    }

    fn key(&self, session: &Session, make: Make) -> Result<ObjectHandle, ProviderError> {
        let label = Attribute::Label(self.place.key.clone().into_bytes());
        let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), label.clone()];
        let found = session.find_objects(&template).map_err(|error| unavailable(&error.to_string()))?;
        match (found.as_slice(), make) {
            ([key], _) => Ok(*key),
            ([], Make::IfMissing) => {
                let template = [
                    label,
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::ValueLen(32.into()),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                ];
                let made = session.generate_key(&Mechanism::AesKeyGen, &template);
                made.map_err(|error| refused(&format!("it makes no key: {error}")))
            }
            ([], Make::Never) => Err(refused(&format!("it has no key labelled `{}`", self.place.key))),
            _ => Err(refused(&format!("it has several keys labelled `{}`", self.place.key))),
        }
    }
}

impl RootProvider for Token {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn wrap(&self, root: &Secret) -> Result<Vec<u8>, ProviderError> {
        let mut nonce = [0; NONCE_BYTES];
        SystemEntropy.fill(&mut nonce);
        let mut stored = nonce.to_vec();
        let sealed = self.with(Make::IfMissing, |session, key| {
            let params = GcmParams::new(&mut nonce, ROOT_CONTEXT, TAG_BITS.into());
            let params = params.map_err(|error| refused(&error.to_string()))?;
            let sealed = session.encrypt(&Mechanism::AesGcm(params), key, root.expose());
            sealed.map_err(|error| refused(&error.to_string()))
        })?;
        stored.extend_from_slice(&sealed);
        Ok(stored)
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, ProviderError> {
        let malformed = || ProviderError::Stored(KeyError::Malformed("a root key in a token"));
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or_else(malformed)?;
        let mut nonce = *nonce;
        let mut plain = self.with(Make::Never, |session, key| {
            let params = GcmParams::new(&mut nonce, ROOT_CONTEXT, TAG_BITS.into());
            let params = params.map_err(|error| refused(&error.to_string()))?;
            let opened = session.decrypt(&Mechanism::AesGcm(params), key, sealed);
            opened.map_err(|error| refused(&format!("it does not open the root: {error}")))
        })?;
        let secret = Secret::from_slice(&plain).ok_or_else(malformed);
        plain.zeroize();
        secret
    }
}

fn load(place: &TokenPlace) -> Result<Pkcs11, ProviderError> {
    let failed = |error: Error| unavailable(&format!("`{}`: {error}", place.module.display()));
    let module = Pkcs11::new(&place.module).map_err(failed)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok(module),
        // Another token of the same maker has loaded it already.
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(failed(error)),
    }
}

fn unavailable(reason: &str) -> ProviderError {
    ProviderError::Unavailable { provider: KIND.to_owned(), reason: reason.to_owned() }
}

fn refused(reason: &str) -> ProviderError {
    ProviderError::Refused { provider: KIND.to_owned(), reason: reason.to_owned() }
}
