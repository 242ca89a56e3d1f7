//! Setting ways to sign in: a first one by invitation, another after recovery, further ones when signed in.

use cordon_domain::{Action, Actor, Credential, CredentialId, Factor, Moment, PrincipalId, PrincipalKind, UserName};
use cordon_gate::act::{Accept, AddAuthenticator};
use cordon_store::edge::SystemEntropy;
use cordon_store::{Access, Authenticator, AuthenticatorStep};
use serde_json::Value;
use webauthn_rs::prelude::{Passkey, PasskeyRegistration};
use zeroize::Zeroizing;

use crate::authenticator::{self, PasswordAndCode, Way};
use crate::ceremony::CeremonyId;
use crate::code;
use crate::error::IdentityError;
use crate::identity::{Identity, Visit};
use crate::invitation::Shown;
use crate::limits::PASSKEY_NAME_CHARS_MAX;
use crate::password::Password;
use crate::throttle::{For, Guess, network};

/// Someone who may set a way to sign in.
pub(crate) struct Entry {
    principal: PrincipalId,
    kind: PrincipalKind,
    name: String,
    /// What is used up by it; nothing when they are signed in.
    uses: Option<AuthenticatorStep>,
    /// As whom they set it, when they are signed in.
    session: Option<Credential>,
    passkey: Option<PasskeyRegistration>,
    secret: Zeroizing<Vec<u8>>,
}

/// What somebody who may set a way to sign in is shown.
pub struct Offer {
    /// Names the ceremony.
    pub id: CeremonyId,
    /// Who it is for.
    pub name: String,
    /// What an authenticator app reads: an address with the secret of the codes.
    pub codes: Zeroizing<String>,
}

/// A way to sign in was set.
pub struct Welcome {
    /// Recovery codes, shown once; none when there are some already.
    pub recovery: Vec<Zeroizing<String>>,
}

impl Identity {
    /// Looks at a link. It is not used up by that.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Link`] when it does not count.
    pub async fn open_link(&self, text: &str, visit: &Visit) -> Result<Offer, IdentityError> {
        self.catch_up().await;
        let found = match Shown::read(text) {
            Some(shown) => {
                let kept = self.reader.authenticator(&self.keys, shown.id).await?;
                kept.filter(|kept| shown.is(kept, self.now()) && self.active(kept.principal).is_ok())
            }
            None => None,
        };
        let Some(kept) = found else {
            self.refuse(Action::InvitationAccept, None, visit, "an invitation that does not count").await;
            return Err(IdentityError::Link);
        };
        self.offer(kept.principal, Some(AuthenticatorStep::Remove(kept)), None, visit).await
    }

    /// Lets somebody set a way to sign in who has a recovery code and nothing else. It is used up when they do.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`], [`IdentityError::Throttled`].
    pub async fn recover(&self, name: &str, code: &str, visit: &Visit) -> Result<Offer, IdentityError> {
        let (principal, guess) = self.guess(Action::InvitationAccept, name, visit).await?;
        let ways = self.ways_or_none(principal).await?;
        match (principal, recovered(&ways, code)) {
            (Some(principal), Some(used)) => {
                self.offer(principal, Some(AuthenticatorStep::Replace(used)), None, visit).await
            }
            _ => Err(self.wrong(Action::InvitationAccept, principal, guess, visit).await),
        }
    }

    /// Lets somebody who is signed in set a further way to sign in.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`] when they may not act any more.
    pub async fn add_way(&self, session: &Credential, visit: &Visit) -> Result<Offer, IdentityError> {
        self.offer(session.principal, None, Some(*session), visit).await
    }

    async fn offer(
        &self,
        principal: PrincipalId,
        uses: Option<AuthenticatorStep>,
        session: Option<Credential>,
        visit: &Visit,
    ) -> Result<Offer, IdentityError> {
        let kind = self.active(principal)?.kind;
        let name = self.name(principal).await?.ok_or(IdentityError::Wrong)?;
        let secret = code::draw_secret();
        let codes = code::address(&secret, "Cordon", &name);
        let entry = Entry { principal, kind, name: name.clone(), uses, session, passkey: None, secret };
        let id = self.entries.begin(entry, network(visit.address), self.now());
        Ok(Offer { id, name, codes })
    }

    /// Begins to set a passkey. Returns what the browser is given.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ceremony`] when nobody may, any more.
    pub async fn begin_passkey(&self, id: &CeremonyId) -> Result<Value, IdentityError> {
        let known = self.entries.with(id, self.now(), |entry| (entry.principal, entry.name.clone()));
        let (principal, name) = known.ok_or(IdentityError::Ceremony)?;
        let ways = self.ways(principal).await?;
        let ids = ways.iter().filter_map(|(_, way)| match way {
            Way::Passkey(passkey) => public(passkey).map(|passkey| passkey.cred_id().clone()),
            _ => None,
        });
        let (options, state) = self.passkeys.begin_adding(principal, &name, ids.collect())?;
        self.entries.with(id, self.now(), |entry| entry.passkey = Some(state)).ok_or(IdentityError::Ceremony)?;
        Ok(options)
    }

    /// Sets a passkey, by the answer of an authenticator.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Passkey`] when the answer does not hold; [`IdentityError::Denied`] when the policies refuse, or
    /// the link was used meanwhile.
    pub async fn set_passkey(
        &self,
        id: &CeremonyId,
        answer: &str,
        called: &str,
        visit: &Visit,
    ) -> Result<Welcome, IdentityError> {
        let mut entry = self.entries.take(id, self.now()).ok_or(IdentityError::Ceremony)?;
        let state = entry.passkey.take().ok_or(IdentityError::Ceremony)?;
        let passkey = match self.passkeys.finish_adding(answer, &state) {
            Ok(passkey) => passkey,
            Err(error) => {
                self.refuse(entry.action(), Some(entry.principal), visit, &error.to_string()).await;
                return Err(error);
            }
        };
        let name: String = called.chars().filter(|sign| !sign.is_control()).take(PASSKEY_NAME_CHARS_MAX).collect();
        let name = if name.trim().is_empty() { "passkey".to_owned() } else { name };
        let kept = authenticator::Passkey { name, public: written(&passkey), added_at: self.now() };
        self.set(entry, (None, Way::Passkey(kept)), visit).await
    }

    /// Sets a password with one-time codes; the first code shows that the app has the secret.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Weak`] when the password is not good enough, and [`IdentityError::Wrong`] when the code is not
    /// one: both may be tried again. Else as [`Identity::set_passkey`].
    pub async fn set_password(
        &self,
        id: &CeremonyId,
        password: Password,
        code: &str,
        visit: &Visit,
    ) -> Result<Welcome, IdentityError> {
        let now = self.now();
        let known = self.entries.with(id, now, |entry| (entry.name.clone(), entry.secret.clone()));
        let (name, secret) = known.ok_or(IdentityError::Ceremony)?;
        password.is_good(&name)?;
        let last_step = code::step_of(&secret, code, 0, now).ok_or(IdentityError::Wrong)?;
        let hashed = self.hasher.hash(password).await?;
        let entry = self.entries.take(id, now).ok_or(IdentityError::Ceremony)?;
        let way = Way::Password(PasswordAndCode { password: hashed, secret: secret.to_vec(), last_step });
        self.set(entry, (None, way), visit).await
    }

    /// Sets a way to sign in, under a name of its own where it has one.
    pub(crate) async fn set(
        &self,
        entry: Entry,
        (id, way): (Option<CredentialId>, Way),
        visit: &Visit,
    ) -> Result<Welcome, IdentityError> {
        if let Some(session) = &entry.session {
            self.counts(session)?;
        }
        let principal = entry.principal;
        let known = self.ways(principal).await?;
        let by_provider = matches!(way, Way::Provider(_));
        let earlier = known
            .iter()
            .find(|(kept, known)| Some(kept.id) == id || matches!((known, &way), (Way::Password(_), Way::Password(_))));
        let mut ways: Vec<AuthenticatorStep> = entry.uses.iter().cloned().collect();
        ways.push(match earlier {
            Some((kept, _)) => AuthenticatorStep::Replace(way.after(kept)),
            None => {
                let id = id.unwrap_or_else(|| CredentialId::draw(&mut SystemEntropy));
                AuthenticatorStep::Add(way.begin(id, principal))
            }
        });
        let mut recovery = Vec::new();
        let codes = known.iter().find(|(_, way)| matches!(way, Way::Recovery(_)));
        // Whoever comes by a provider recovers there. Where all were used, there are new ones.
        if !by_provider && codes.is_none_or(|(_, way)| matches!(way, Way::Recovery(codes) if codes.left.is_empty())) {
            let (shown, kept) = code::draw_recovery();
            recovery = shown;
            ways.push(match codes {
                Some((used, _)) => AuthenticatorStep::Replace(Way::Recovery(kept).after(used)),
                None => {
                    let id = CredentialId::draw(&mut SystemEntropy);
                    AuthenticatorStep::Add(Way::Recovery(kept).begin(id, principal))
                }
            });
        }
        let access = Access { action: entry.action(), principal, ways, issued: Vec::new() };
        let actor = entry.actor(self.now());
        match entry.uses {
            Some(_) => self.change::<Accept>(access, actor, visit).await?,
            None => self.change::<AddAuthenticator>(access, actor, visit).await?,
        }
        Ok(Welcome { recovery })
    }

    /// Counts a guess of somebody who gives a name. A name that cannot be one is nobody's.
    pub(crate) async fn guess(
        &self,
        action: Action,
        name: &str,
        visit: &Visit,
    ) -> Result<(Option<PrincipalId>, Guess<'_>), IdentityError> {
        let Ok(name) = name.trim().parse::<UserName>() else {
            self.refuse(action, None, visit, "a user name that cannot be one").await;
            return Err(IdentityError::Wrong);
        };
        let principal = self.named(&name).await?;
        let whom = match (action, self.known_browser(visit, principal)) {
            (Action::InvitationAccept, _) => For::Nobody,
            (_, Some(browser)) => For::Device(browser),
            (_, None) => For::Account(&name),
        };
        match self.throttle.guess(visit.address, whom, self.now()) {
            Ok(guess) => Ok((principal, guess)),
            Err(minutes) => {
                self.refuse(action, principal, visit, "too many wrong attempts").await;
                Err(IdentityError::Throttled(minutes))
            }
        }
    }

    /// Lets a guess stand that was wrong, and records it.
    pub(crate) async fn wrong(
        &self,
        action: Action,
        principal: Option<PrincipalId>,
        guess: Guess<'_>,
        visit: &Visit,
    ) -> IdentityError {
        guess.was_wrong();
        let why = if principal.is_some() { "a wrong password or code" } else { "a name that is not known" };
        self.refuse(action, principal, visit, why).await;
        IdentityError::Wrong
    }
}

impl Entry {
    /// Whoever is signed in, as fresh as that is by now; or somebody who was given a link, which proves that and no factor.
    fn actor(&self, now: Moment) -> Actor {
        use AuthenticatorStep::{Add, Remove, Replace};
        let used = self.uses.as_ref().map(|(Add(used) | Replace(used) | Remove(used))| used.id);
        let invited =
            Actor { kind: self.kind, credential: used, factor: Some(Factor::None), ..Actor::service(self.principal) };
        self.session.map_or(invited, |session| session.actor(now))
    }

    /// Who it is.
    pub(crate) const fn principal(&self) -> PrincipalId {
        self.principal
    }

    /// As whom they set it, when they are signed in.
    pub(crate) const fn session(&self) -> Option<&Credential> {
        self.session.as_ref()
    }

    const fn action(&self) -> Action {
        if self.uses.is_some() { Action::InvitationAccept } else { Action::AuthenticatorEnrol }
    }
}

/// Uses up a recovery code, if it is one that is left.
pub(crate) fn recovered(ways: &[(Authenticator, Way)], code: &str) -> Option<Authenticator> {
    ways.iter().find_map(|(kept, way)| match way {
        Way::Recovery(recovery) => Some(Way::Recovery(code::use_recovery(recovery, code)?).after(kept)),
        _ => None,
    })
}

/// The public key of a passkey, as the library reads it.
pub(crate) fn public(passkey: &authenticator::Passkey) -> Option<Passkey> {
    serde_json::from_str(&passkey.public).ok()
}

/// The public key of a passkey, as the library writes it.
pub(crate) fn written(passkey: &Passkey) -> String {
    serde_json::to_string(passkey).unwrap_or_default()
}
