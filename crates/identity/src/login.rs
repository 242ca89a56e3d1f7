//! Signing in on the command line: the browser of the same machine allows it, and only a program there learns the code.
//!
//! As RFC 8252 has it for native programs: the program listens on a port of the loopback address and gives the hash of a
//! verifier (RFC 7636); whoever is signed in allows it in the browser, which hands a code to that port; the program gives
//! code and verifier for a session and an access key. Both ends are tied to the key of the device.

use cordon_domain::{Action, Credential, DeviceId, Entropy as _};
use cordon_gate::{Denial, Refusal};
use cordon_store::edge::SystemEntropy;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::ceremony::CeremonyId;
use crate::device::Proof;
use crate::error::IdentityError;
use crate::identity::{Identity, Visit};
use crate::limits::{CLAIMED_CHARS_MAX, LOGIN_MS};
use crate::session::AccessKey;
use crate::sign_in::{Shown, SignedIn};
use crate::throttle::network;

/// What a program asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRequest {
    /// The port at which it listens.
    pub port: u16,
    /// SHA-256 of its verifier, in base64url.
    pub challenge: String,
    /// What it wants back with the code.
    pub state: String,
    /// What the device says of itself.
    pub claimed: String,
}

impl LoginRequest {
    /// Begins to ask. Returns the verifier, too, which the program keeps to itself.
    #[must_use]
    pub fn begin(port: u16, claimed: String) -> (Self, Zeroizing<String>) {
        let (verifier, state) = (drawn(), drawn().to_string());
        (Self { port, challenge: challenge_of(&verifier), state, claimed }, verifier)
    }

    /// What the device shows its key for.
    #[must_use]
    pub fn text(&self) -> String {
        format!("login {} {} {} {}", self.port, self.challenge, self.state, self.claimed)
    }

    fn is_well_formed(&self) -> bool {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let sized = self.challenge.len() == 43 && (8..=64).contains(&self.state.len());
        self.port >= 1024
            && sized
            && plain(&self.challenge)
            && plain(&self.state)
            && self.claimed.chars().count() <= CLAIMED_CHARS_MAX
    }
}

/// A login that was allowed, and waits for its program.
pub(crate) struct Allowed {
    session: Credential,
    challenge: String,
    device: Option<DeviceId>,
    enrol: Enrol,
    claimed: String,
    key: [u8; 32],
}

impl Identity {
    /// Tells on which of a person's devices a program asks; `None` when it is not enrolled.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when the request does not hold.
    pub fn login_from(
        &self,
        session: &Credential,
        request: &LoginRequest,
        proof: &Proof,
    ) -> Result<Option<DeviceId>, IdentityError> {
        if !request.is_well_formed() || !proof.is_for(&request.text(), self.now(), LOGIN_MS) {
            return Err(IdentityError::Ended(
                "this is no login that a program on this machine asks for, or it is too old",
            ));
        }
        self.device_with(session.principal, &proof.public)
    }

    /// Allows a login. Its device is enrolled, when `enrol` says so, once the program shows that it is there. Returns the code
    /// for the program.
    ///
    /// # Errors
    ///
    /// As [`Identity::login_from`].
    pub fn allow_login(
        &self,
        session: &Credential,
        request: &LoginRequest,
        (proof, enrol): (&Proof, Enrol),
        visit: &Visit,
    ) -> Result<CeremonyId, IdentityError> {
        let device = self.login_from(session, request, proof)?;
        let (challenge, claimed) = (request.challenge.clone(), request.claimed.clone());
        let allowed = Allowed { session: *session, challenge, device, enrol, claimed, key: proof.public };
        Ok(self.logins.begin(allowed, network(visit.address), self.now()))
    }

    /// Says that a session in the browser is on a device: it was led there by a program that showed the device's key.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ceremony`] when the code was used, or is of another session.
    pub async fn bind_browser(
        &self,
        session: &Credential,
        code: &CeremonyId,
        visit: &Visit,
    ) -> Result<SignedIn, IdentityError> {
        let (of, device) = self.bindings.take(code, self.now()).ok_or(IdentityError::Ceremony)?;
        if of != session.id {
            return Err(IdentityError::Ceremony);
        }
        let shown = Shown::again(session, session.parent, Some(device));
        self.enter(&self.active(session.principal)?, shown, visit, Some(session)).await
    }

    /// Gives a program what was allowed: a session on its device, an access key, and a code with which the browser's own
    /// session is bound to the device.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ceremony`] when the code was given already, or is not for this program; [`IdentityError::Denied`]
    /// when the sign-in is too old.
    pub async fn redeem_login(
        &self,
        code: &CeremonyId,
        verifier: &str,
        proof: &Proof,
        visit: &Visit,
    ) -> Result<Redeemed, IdentityError> {
        let allowed = self.logins.take(code, self.now()).ok_or(IdentityError::Ceremony)?;
        let same = challenge_of(verifier) == allowed.challenge && proof.public == allowed.key;
        if !same || !proof.is_for(&redeemed(code), self.now(), 0) {
            return Err(IdentityError::Ceremony);
        }
        self.counts(&allowed.session)?;
        // Before anything is issued that nobody would be given.
        let missing = self.missing_for_keys(&allowed.session, visit)?;
        if !missing.is_empty() {
            self.refuse(Action::SessionKeys, Some(allowed.session.principal), visit, &missing.join(", and ")).await;
            let refusal = Refusal { missing, ask: None, hidden: false };
            return Err(IdentityError::Denied(Denial::Refused(refusal)));
        }
        let device = match (allowed.device, allowed.enrol) {
            (None, Enrol::Yes) => Some(self.enrol_device(&allowed.session, proof, &allowed.claimed, visit).await?),
            (known, _) => known,
        };
        let shown = Shown::again(&allowed.session, Some(allowed.session.id), device);
        let entered = self.enter(&self.active(allowed.session.principal)?, shown, visit, None).await?;
        let key = self.take_keys(&entered.session, visit).await?;
        let bind =
            device.map(|device| self.bindings.begin((allowed.session.id, device), network(visit.address), self.now()));
        Ok(Redeemed { entered, key, bind })
    }
}

/// What a program is given.
pub struct Redeemed {
    /// A session, on its device.
    pub entered: SignedIn,
    /// An access key.
    pub key: AccessKey,
    /// With what the browser binds its own session to the device; nothing where the device is not enrolled.
    pub bind: Option<CeremonyId>,
}

/// Whether a device that is not enrolled is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrol {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What a device shows its key for when it gives a code.
#[must_use]
pub fn redeemed(code: &CeremonyId) -> String {
    format!("redeem {}", code.as_str())
}

/// Draws 256 bits, as text.
pub(crate) fn drawn() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemEntropy.fill(&mut *bytes);
    Zeroizing::new(BASE64URL_NOPAD.encode(&*bytes))
}

/// The hash of a verifier, by which its program is known again (RFC 7636, S256).
fn challenge_of(verifier: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    BASE64URL_NOPAD.encode(hash.as_ref())
}
