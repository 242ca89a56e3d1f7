//! Sessions and access keys: whether they count, what they give, how they end.

use cordon_domain::{
    Action, Credential, CredentialId, CredentialKind, Device, DeviceId, Factor, Moment, Principal, PrincipalId, Record,
    Revoked, Step,
};
use cordon_gate::Verdict;
use cordon_gate::act::{Enrol, SignOut, TakeKeys};
use cordon_store::edge::SystemEntropy;
use cordon_store::keyring::Keyring;
use cordon_store::{Access, StoreError};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::device::Proof;
use crate::error::IdentityError;
use crate::identity::{Identity, Visit};
use crate::limits::CLAIMED_CHARS_MAX;
use crate::presigned::Presigned;
use crate::signature::{Asked, Signed};
use crate::token::TokenKeys;

const KEY_PREFIX: &str = "CORD";

/// An access key of S3: an id, a secret, and the token that says what it is.
pub struct AccessKey {
    /// What it says.
    pub credential: Credential,
    /// The id, as clients of S3 call it.
    pub id: String,
    /// The secret access key.
    pub secret: Zeroizing<String>,
    /// The session token.
    pub token: Zeroizing<String>,
}

/// An access key that a request names, and that counts. Its signature is still to be compared.
pub struct Recognised {
    /// What it says.
    pub credential: Credential,
    /// The secret that the signature is made with.
    pub secret: Zeroizing<String>,
    /// Seconds that an address lives that was signed beforehand, when it was.
    pub presigned_s: Option<u32>,
    /// The region that the signature is for.
    pub region: String,
}

/// The one session token of a request.
fn token_of<'a>(asked: &Asked<'a>) -> Result<&'a str, IdentityError> {
    let mut tokens = asked.headers.iter().filter(|(name, _)| *name == "x-amz-security-token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token),
        _ => Err(IdentityError::Unknown("an access key comes with its session token")),
    }
}

/// The id of an access key, as clients of S3 write it.
#[must_use]
pub fn key_id(id: CredentialId) -> String {
    format!("{KEY_PREFIX}{}", BASE32_NOPAD.encode(&id.0))
}

impl TokenKeys {
    /// The secret of an access key is made from its id, by a key that serves for nothing else: it stands nowhere.
    fn secret(&self, id: CredentialId, version: u32) -> Option<Zeroizing<String>> {
        let mac = self.access.mac(version, &[b"cordon/access-secret/v1", &id.0])?;
        Some(Zeroizing::new(data_encoding::BASE64URL_NOPAD.encode(&mac)))
    }

    fn access_key(&self, credential: Credential) -> Option<AccessKey> {
        let secret = self.secret(credential.id, self.access.newest())?;
        Some(AccessKey { credential, id: key_id(credential.id), secret, token: self.write(&credential) })
    }
}

/// Makes again what proves an access key, to show that it is refused.
///
/// # Errors
///
/// [`StoreError`] when the keys are not there.
pub fn access_key(keys: &Keyring, credential: Credential) -> Result<Option<AccessKey>, StoreError> {
    Ok(TokenKeys::new(keys)?.access_key(credential))
}

impl Identity {
    /// Tells who acts with a session.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] with why it counts no more.
    pub fn session(&self, token: &str) -> Result<Credential, IdentityError> {
        let read = self.tokens.read(&[CredentialKind::Session], token);
        let (credential, _) = read.ok_or(IdentityError::Unknown("this is no session of this installation"))?;
        self.counts(&credential)?;
        Ok(credential)
    }

    /// Tells who signed a request with an access key.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Signature`] when it is not signed as it must be; [`IdentityError::Ended`] when the key counts no
    /// more.
    pub fn signed(&self, asked: &Asked<'_>) -> Result<Credential, IdentityError> {
        let signed = Signed::read(asked)?;
        let known = self.recognised(signed.access_key, token_of(asked)?)?;
        signed.check(asked, &known.secret, self.now())?;
        self.counts(&known.credential)?;
        Ok(known.credential)
    }

    /// Tells whose access key a request names, before its signature is compared: by whoever reads its body, which may be
    /// signed piece by piece. What must be signed is; the key counts.
    ///
    /// # Errors
    ///
    /// As [`Identity::signed`].
    pub fn recognise(&self, asked: &Asked<'_>) -> Result<Recognised, IdentityError> {
        let known = match Presigned::read(asked)? {
            Some(presigned) => {
                let known = self.recognised(&presigned.access_key, &presigned.token)?;
                Recognised { presigned_s: Some(presigned.expires_s), region: presigned.region.into(), ..known }
            }
            None => {
                let signed = Signed::read(asked)?;
                let known = self.recognised(signed.access_key, token_of(asked)?)?;
                Recognised { region: signed.region.to_owned(), ..known }
            }
        };
        self.counts(&known.credential)?;
        Ok(known)
    }

    fn recognised(&self, access_key: &str, token: &str) -> Result<Recognised, IdentityError> {
        let kinds = [CredentialKind::AccessKey, CredentialKind::ServiceKey];
        let unknown = IdentityError::Unknown("this is no access key of this installation");
        let Some((credential, version)) = self.tokens.read(&kinds, token) else { return Err(unknown) };
        if access_key != key_id(credential.id) {
            return Err(IdentityError::Unknown("the session token is of another access key"));
        }
        let Some(secret) = self.tokens.secret(credential.id, version) else { return Err(unknown) };
        Ok(Recognised { credential, secret, presigned_s: None, region: String::new() })
    }

    /// Tells whether a credential counts now: its time, its revocation, whose it is, its device.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] with why not.
    pub fn counts(&self, credential: &Credential) -> Result<(), IdentityError> {
        let now = self.now();
        let snapshot = self.snapshot()?;
        let roster = snapshot.roster();
        let ended = |why| Err(IdentityError::Ended(why));
        if !credential.counts_at(now) {
            return ended("it has ended: sign in again");
        }
        if roster.revoked.contains(&credential.id) {
            return ended("it was revoked");
        }
        let principal = roster.principals.get(&credential.principal);
        match principal.filter(|principal| principal.kind == credential.principal_kind) {
            None => return ended("whose it is was revoked"),
            Some(principal) if !roster.is_active(principal, now) => {
                return ended("whose it is, or whoever answers for them, has ended");
            }
            Some(principal) if roster.contract(principal).is_some_and(|contract| !contract.runs_at(now)) => {
                return ended("the contract that it rests on does not run");
            }
            Some(_) => {}
        }
        match credential.device {
            Some(device) if roster.device_of(device, credential.principal).is_none() => {
                ended("the device that it was issued on was revoked")
            }
            _ => Ok(()),
        }
    }

    /// Turns a session into an access key, that lives no longer than the session may and is as good as it was proved.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Denied`] when the sign-in is too old.
    pub async fn take_keys(&self, session: &Credential, visit: &Visit) -> Result<AccessKey, IdentityError> {
        let now = self.now();
        let expires = session.factor_at.plus_ms(CredentialKind::AccessKey.life_ms_max());
        let credential = Credential {
            id: CredentialId::draw(&mut SystemEntropy),
            kind: CredentialKind::AccessKey,
            issued_at: now,
            expires_at: expires.min(session.expires_at),
            parent: Some(session.id),
            ..*session
        };
        let access = issuing(Action::SessionKeys, credential);
        self.change::<TakeKeys>(access, session.actor(now), visit).await?;
        self.tokens.access_key(credential).ok_or(IdentityError::Ended("the keys are not there"))
    }

    /// Returns what is missing before a session is turned into an access key: nothing, or a fresher sign-in.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when what is stored is not whole.
    pub fn missing_for_keys(&self, session: &Credential, visit: &Visit) -> Result<Vec<String>, IdentityError> {
        let facts = self.facts_of(Action::SessionKeys, session, session.principal, visit);
        match self.snapshot()?.verdict(&facts) {
            Verdict::Allow(_) => Ok(Vec::new()),
            Verdict::Deny(refusal, _) => Ok(refusal.missing),
        }
    }

    /// Ends a session or an access key of whoever is signed in, for ever, on every node, and what came from it.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Denied`] when it is another's, or that cannot be recorded.
    pub async fn sign_out(
        &self,
        session: &Credential,
        credential: CredentialId,
        visit: &Visit,
    ) -> Result<(), IdentityError> {
        let principal = session.principal;
        let issued = self.reader.credentials(&self.keys, principal, self.now()).await?;
        let roster = self.snapshot()?;
        let alive = |one: &&Credential| !roster.roster().revoked.contains(&one.id);
        let rest = issued.iter().filter(|one| one.id != credential && one.rests_on(credential)).filter(alive);
        let all = std::iter::once(credential).chain(rest.map(|one| one.id));
        let revoked = all.map(|credential| Step::Put(Record::Revoked(Revoked { credential, principal })));
        let facts = self.facts_of(Action::SignOut, session, principal, visit);
        self.change_records::<SignOut>(facts, revoked.collect()).await
    }

    /// Enrols the device that shows its key, for whoever is signed in.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Denied`] when the sign-in is too old or not by passkey.
    pub async fn enrol_device(
        &self,
        session: &Credential,
        proof: &Proof,
        claimed: &str,
        visit: &Visit,
    ) -> Result<DeviceId, IdentityError> {
        let claimed = claimed.chars().filter(|sign| !sign.is_control()).take(CLAIMED_CHARS_MAX).collect();
        let id = DeviceId::draw(&mut SystemEntropy);
        let device = Device { id, owner: session.principal, key: proof.public, claimed };
        let facts = self.facts_of(Action::DeviceEnrol, session, session.principal, visit);
        self.change_records::<Enrol>(facts, vec![Step::Put(Record::Device(device))]).await?;
        Ok(id)
    }

    /// Returns the enrolled device of a person that has a key.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when what is stored is not whole.
    pub fn device_with(&self, principal: PrincipalId, key: &[u8; 32]) -> Result<Option<DeviceId>, IdentityError> {
        let snapshot = self.snapshot()?;
        let mut devices = snapshot.roster().devices.values();
        Ok(devices.find(|device| device.owner == principal && device.key == *key).map(|device| device.id))
    }
}

/// A change that issues one credential.
fn issuing(action: Action, credential: Credential) -> Access {
    Access { action, principal: credential.principal, ways: Vec::new(), issued: vec![credential] }
}

/// The key of a service: whoever cares for services issues it. Returns the change, and what proves the key once that is
/// durable.
///
/// # Errors
///
/// [`StoreError`] when the keys are not there.
pub fn service_key(
    keys: &Keyring,
    service: &Principal,
    now: Moment,
    expires_at: Moment,
) -> Result<(Access, Option<AccessKey>), StoreError> {
    let credential = Credential {
        id: CredentialId::draw(&mut SystemEntropy),
        kind: CredentialKind::ServiceKey,
        principal: service.id,
        principal_kind: service.kind,
        device: None,
        factor: Factor::None,
        factor_at: now,
        issued_at: now,
        expires_at,
        way: None,
        parent: None,
    };
    Ok((issuing(Action::CredentialIssue, credential), TokenKeys::new(keys)?.access_key(credential)))
}
