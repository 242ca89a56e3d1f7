//! Tokens: a credential as text, with a MAC of a key that serves for nothing else.
//!
//! `cordon_` + a letter for the kind + `_` + base64url of: a format byte, the key's version, the credential in CBOR, and
//! HMAC-SHA-256 over the kind's name and all before it. A token says no secret but itself; whoever holds it acts with it.

use aws_lc_rs::hmac;
use cordon_domain::{Credential, CredentialKind};
use cordon_keys::Purpose;
use cordon_store::{StoreError, keyring::Keyring};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::limits::TOKEN_CHARS_MAX;

const FORMAT: u8 = 1;
const TAG_BYTES: usize = 32;
const HEAD_BYTES: usize = 5;

/// All versions of a key that makes MACs, newest last.
pub(crate) struct MacKey(Vec<(u32, hmac::Key)>);

impl MacKey {
    /// Takes all versions of one of Cordon's own keys.
    pub(crate) fn of(keys: &Keyring, purpose: Purpose) -> Result<Self, StoreError> {
        let key = |(version, secret): (u32, &cordon_keys::Secret)| {
            (version, hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
        };
        keys.with(|unlocked| Ok(Self(unlocked.own_versions(purpose).map(key).collect())))
    }

    /// Returns the newest version's number.
    pub(crate) fn newest(&self) -> u32 {
        self.0.last().map_or(0, |(version, _)| *version)
    }

    /// Makes the MAC of parts, each with its length before it, under a version.
    pub(crate) fn mac(&self, version: u32, parts: &[&[u8]]) -> Option<[u8; TAG_BYTES]> {
        let mut mac = [0; TAG_BYTES];
        mac.copy_from_slice(Self::context(self.version(version)?, parts).sign().as_ref());
        Some(mac)
    }

    /// Compares a MAC, in a time that does not tell where it differs.
    pub(crate) fn is_mac(&self, version: u32, parts: &[&[u8]], mac: &[u8]) -> bool {
        let own = self.mac(version, parts);
        own.is_some_and(|own| aws_lc_rs::constant_time::verify_slices_are_equal(&own, mac).is_ok())
    }

    fn version(&self, version: u32) -> Option<&hmac::Key> {
        self.0.iter().rev().find(|(own, _)| *own == version).map(|(_, key)| key)
    }

    fn context(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Context {
        let mut context = hmac::Context::with_key(key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context
    }
}

/// The keys of sessions and of access keys: each signs its own kind.
pub(crate) struct TokenKeys {
    pub(crate) sessions: MacKey,
    pub(crate) access: MacKey,
}

impl TokenKeys {
    pub(crate) fn new(keys: &Keyring) -> Result<Self, StoreError> {
        Ok(Self { sessions: MacKey::of(keys, Purpose::Sessions)?, access: MacKey::of(keys, Purpose::AccessKeys)? })
    }

    const fn key(&self, kind: CredentialKind) -> &MacKey {
        match kind {
            CredentialKind::Session => &self.sessions,
            CredentialKind::AccessKey | CredentialKind::ServiceKey => &self.access,
        }
    }

    /// Writes a credential as the text that proves it.
    pub(crate) fn write(&self, credential: &Credential) -> Zeroizing<String> {
        let key = self.key(credential.kind);
        let version = key.newest();
        let mut bytes = Zeroizing::new(vec![FORMAT]);
        bytes.extend_from_slice(&version.to_be_bytes());
        // Writing to memory does not fail.
        let _ = minicbor::encode(credential, &mut *bytes);
        let mac = key.mac(version, &[name(credential.kind), &bytes]).unwrap_or_default();
        bytes.extend_from_slice(&mac);
        Zeroizing::new(format!("{}{}", prefix(credential.kind), BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads a token, if it is one of ours; with the version of the key that signed it.
    pub(crate) fn read(&self, kinds: &[CredentialKind], text: &str) -> Option<(Credential, u32)> {
        let kind = kinds.iter().copied().find(|kind| text.starts_with(prefix(*kind)))?;
        let body = text.get(prefix(kind).len()..).filter(|_| text.len() <= TOKEN_CHARS_MAX)?;
        let bytes = BASE64URL_NOPAD.decode(body.as_bytes()).ok()?;
        let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        let (head, claims) = signed.split_at_checked(HEAD_BYTES)?;
        let version = u32::from_be_bytes(*head.last_chunk()?);
        if head.first() != Some(&FORMAT) || !self.key(kind).is_mac(version, &[name(kind), signed], mac) {
            return None;
        }
        let credential: Credential = minicbor::decode(claims).ok()?;
        (credential.kind == kind).then_some((credential, version))
    }
}

const fn prefix(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Session => "cordon_s_",
        CredentialKind::AccessKey => "cordon_a_",
        CredentialKind::ServiceKey => "cordon_v_",
    }
}

const fn name(kind: CredentialKind) -> &'static [u8] {
    match kind {
        CredentialKind::Session => b"cordon/session/v1",
        CredentialKind::AccessKey => b"cordon/access-key/v1",
        CredentialKind::ServiceKey => b"cordon/service-key/v1",
    }
}

#[cfg(test)]
impl MacKey {
    pub(crate) fn fixed(byte: u8) -> Self {
        Self((1..=2).map(|version| (version, hmac::Key::new(hmac::HMAC_SHA256, &[byte + version as u8; 32]))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{CredentialId, Factor, Moment, PrincipalId, PrincipalKind};
    use proptest::prelude::*;

    const ALL: [CredentialKind; 3] = [CredentialKind::Session, CredentialKind::AccessKey, CredentialKind::ServiceKey];

    fn keys() -> TokenKeys {
        TokenKeys { sessions: MacKey::fixed(1), access: MacKey::fixed(50) }
    }

    fn credential(kind: CredentialKind) -> Credential {
        Credential {
            id: CredentialId([7; 16]),
            kind,
            principal: PrincipalId([8; 16]),
            principal_kind: PrincipalKind::Person,
            device: None,
            factor: Factor::Code,
            factor_at: Moment(1),
            issued_at: Moment(2),
            expires_at: Moment(3),
            way: None,
            parent: None,
        }
    }

    #[test]
    fn a_token_reads_back_as_its_own_kind_and_no_other() {
        let keys = keys();
        for kind in ALL {
            let text = keys.write(&credential(kind));
            assert_eq!(keys.read(&ALL, &text), Some((credential(kind), 2)));
            for other in ALL.into_iter().filter(|other| *other != kind) {
                assert_eq!(keys.read(&[other], &text), None);
                let renamed = text.replacen(prefix(kind), prefix(other), 1);
                assert_eq!(keys.read(&ALL, &renamed), None, "{kind:?} as {other:?}");
            }
        }
        let others = TokenKeys { sessions: MacKey::fixed(2), access: MacKey::fixed(51) };
        assert_eq!(others.read(&ALL, &keys.write(&credential(CredentialKind::Session))), None);
    }

    #[test]
    #[expect(clippy::string_slice, reason = "the text is ASCII")]
    fn every_changed_character_is_noticed() {
        let keys = keys();
        let text = keys.write(&credential(CredentialKind::Session)).to_string();
        for place in 0..text.len() {
            for with in ["A", "B", "-", "=", ""] {
                let changed = format!("{}{with}{}", &text[..place], &text[place + 1..]);
                assert!(changed == text || keys.read(&ALL, &changed).is_none(), "{place} {with}");
            }
        }
        assert!(keys.read(&ALL, &format!("{text}{}", "A".repeat(TOKEN_CHARS_MAX))).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_no_token(text in "(cordon_[sav]_)?[A-Za-z0-9_=-]{0,200}") {
            prop_assert!(keys().read(&ALL, &text).is_none());
        }
    }
}
