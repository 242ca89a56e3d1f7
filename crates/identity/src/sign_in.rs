//! Signing in: with a passkey, or with a password and a code. What was shown counts once, and gives a session.

use cordon_domain::{
    Action, Actor, Credential, CredentialId, CredentialKind, DeviceId, Factor, Moment, Principal, PrincipalId,
    PrincipalKind,
};
use cordon_gate::act::SignIn;
use cordon_gate::{Denial, JournalError};
use cordon_store::edge::SystemEntropy;
use cordon_store::{Access, AuthenticatorStep};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::authenticator::{self, PasswordAndCode, Way};
use crate::ceremony::CeremonyId;
use crate::code;
use crate::entry::{public, recovered, written};
use crate::error::IdentityError;
use crate::identity::{Identity, Visit};
use crate::password::Password;
use crate::throttle::network;

/// Somebody is signed in.
pub struct SignedIn {
    /// What proves the session.
    pub token: Zeroizing<String>,
    /// The session.
    pub session: Credential,
    /// What the browser keeps, so that a stranger's wrong passwords do not lock it out.
    pub browser: String,
}

/// What was shown.
pub(crate) struct Shown {
    /// The way to sign in that was used, and what becomes of it.
    pub(crate) way: CredentialId,
    /// The session that was shown instead of it.
    pub(crate) parent: Option<CredentialId>,
    pub(crate) step: Option<AuthenticatorStep>,
    pub(crate) factor: Factor,
    /// When.
    pub(crate) at: Moment,
    /// The enrolled device that showed its key.
    pub(crate) device: Option<DeviceId>,
}

impl Shown {
    /// A way to sign in, just now, on whatever device the session is.
    pub(crate) fn now(way: CredentialId, step: Option<AuthenticatorStep>, factor: Factor, at: Moment) -> Self {
        Self { way, parent: None, step, factor, at, device: None }
    }

    /// What was shown for a session, once more, with a device.
    pub(crate) fn again(session: &Credential, parent: Option<CredentialId>, device: Option<DeviceId>) -> Self {
        let way = session.way.unwrap_or(session.id);
        Self { way, parent, step: None, factor: session.factor, at: session.factor_at, device }
    }
}

impl Identity {
    /// Begins a sign-in with a passkey. Returns what the browser is given.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Passkey`].
    pub fn begin_sign_in(&self, visit: &Visit) -> Result<(CeremonyId, Value), IdentityError> {
        let (options, state) = self.passkeys.begin()?;
        Ok((self.arrivals.begin(state, network(visit.address), self.now()), options))
    }

    /// Signs in with a passkey, by the answer of an authenticator. A session that is there already is proved anew.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ceremony`], [`IdentityError::Passkey`] or [`IdentityError::Wrong`]; recorded.
    pub async fn sign_in_with_passkey(
        &self,
        id: &CeremonyId,
        answer: &str,
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<SignedIn, IdentityError> {
        let known = self.passkey_of(id, answer).await;
        let (principal, shown) = match known {
            Ok(known) => known,
            Err((principal, error)) => {
                if error.is_refusal() {
                    self.refuse(Action::SignIn, principal, visit, &error.to_string()).await;
                }
                return Err(error);
            }
        };
        self.enter(&principal, shown, visit, session).await
    }

    /// Whose passkey it is that answered; or, as far as is known, whose it was not.
    async fn passkey_of(
        &self,
        id: &CeremonyId,
        answer: &str,
    ) -> Result<(Principal, Shown), (Option<PrincipalId>, IdentityError)> {
        let state = self.arrivals.take(id, self.now()).ok_or((None, IdentityError::Ceremony))?;
        let (answer, principal) = self.passkeys.whose(answer).map_err(|error| (None, error))?;
        let active = self.active(principal).map_err(|error| (None, error))?;
        let about = |error| (Some(principal), error);
        let ways = self.ways(principal).await.map_err(about)?;
        let asked = answer.raw_id.as_slice();
        let found = ways.iter().find_map(|(kept, way)| match way {
            Way::Passkey(passkey) => {
                public(passkey).filter(|key| key.cred_id().as_slice() == asked).map(|key| (kept, passkey, key))
            }
            _ => None,
        });
        let (kept, passkey, mut key) = found.ok_or_else(|| about(IdentityError::Wrong))?;
        let result = self.passkeys.finish(&answer, state, &key).map_err(about)?;
        let step = (key.update_credential(&result) == Some(true)).then(|| {
            let moved = authenticator::Passkey { public: written(&key), ..passkey.clone() };
            AuthenticatorStep::Replace(Way::Passkey(moved).after(kept))
        });
        Ok((active, Shown::now(kept.id, step, Factor::PhishingResistant, self.now())))
    }

    /// Signs in with a password and a code, or a recovery code in its place.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`] whatever of it was wrong; [`IdentityError::Throttled`], [`IdentityError::Busy`].
    pub async fn sign_in_with_password(
        &self,
        name: &str,
        password: Password,
        code: &str,
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<SignedIn, IdentityError> {
        let (principal, guess) = self.guess(Action::SignIn, name, visit).await?;
        let ways = self.ways_or_none(principal).await?;
        let kept = ways.iter().find_map(|(kept, way)| match way {
            Way::Password(known) => Some((kept, known)),
            _ => None,
        });
        // For nobody it takes as long.
        let same = self.hasher.is(password, kept.map(|(_, known)| known.password.clone())).await?;
        let shown = kept.filter(|_| same).and_then(|(kept, known)| {
            let next = code::step_of(&known.secret, code, known.last_step, self.now());
            let used = |last_step| Way::Password(PasswordAndCode { last_step, ..known.clone() }).after(kept);
            next.map(used).or_else(|| recovered(&ways, code))
        });
        let (Some(principal), Some(used)) = (principal, shown) else {
            return Err(self.wrong(Action::SignIn, principal, guess, visit).await);
        };
        let shown = Shown::now(used.id, Some(AuthenticatorStep::Replace(used)), Factor::Code, self.now());
        let entered = self.enter(&self.active(principal)?, shown, visit, session).await;
        // Somebody else was quicker with the same code. Anything else is no guess: there was no room, or the policies refuse.
        if matches!(entered, Err(IdentityError::Wrong)) {
            guess.was_wrong();
        }
        entered
    }

    /// Gives a session for what was shown, in the transaction in which that counts once.
    pub(crate) async fn enter(
        &self,
        principal: &Principal,
        shown: Shown,
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<SignedIn, IdentityError> {
        if principal.kind == PrincipalKind::Service {
            return Err(IdentityError::Wrong);
        }
        let now = self.now();
        let session = session.filter(|session| session.principal == principal.id);
        let expires = shown.at.plus_ms(CredentialKind::Session.life_ms_max());
        let contract = self.snapshot()?.roster().contract(principal).map(|contract| contract.ends);
        let ends = [principal.until, contract].into_iter();
        let credential = Credential {
            id: session.map_or_else(|| CredentialId::draw(&mut SystemEntropy), |session| session.id),
            kind: CredentialKind::Session,
            principal: principal.id,
            principal_kind: principal.kind,
            device: shown.device.or_else(|| session?.device),
            factor: shown.factor,
            factor_at: shown.at,
            issued_at: now,
            expires_at: ends.flatten().fold(expires, Moment::min),
            way: Some(shown.way),
            parent: shown.parent,
        };
        let access = Access {
            action: Action::SignIn,
            principal: principal.id,
            ways: shown.step.into_iter().collect(),
            issued: vec![credential],
        };
        // The event names the way to sign in that was used.
        let actor = Actor { credential: Some(shown.way), ..credential.actor(now) };
        match self.change::<SignIn>(access, actor, visit).await {
            Ok(()) => {}
            Err(IdentityError::Denied(Denial::NotRecorded(JournalError::Conflict(why)))) => {
                self.refuse(Action::SignIn, Some(principal.id), visit, &why).await;
                return Err(IdentityError::Wrong);
            }
            Err(error) => return Err(error),
        }
        let browser = self.browser(principal.id);
        Ok(SignedIn { token: self.tokens.write(&credential), session: credential, browser })
    }
}
