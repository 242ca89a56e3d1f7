//! Signing in by an organisation's identity provider: leaving for it, and coming back with what it says.

use std::collections::BTreeSet;

use cordon_domain::limits::SESSION_MS_MAX;
use cordon_domain::{
    Action, Actor, Credential, CredentialId, Grant, GrantId, Moment, Principal, PrincipalId, Record, RecordKey, Role,
    Scope, Step, Target,
};
use cordon_gate::act::{Give, Revoke};
use cordon_gate::{Denial, Facts, JournalError};
use cordon_policy::limits::GROUP_ROLE_MS_MAX;
use cordon_store::edge::SystemEntropy;
use zeroize::Zeroizing;

use crate::authenticator::{ProviderAccount, Way};
use crate::ceremony::CeremonyId;
use crate::entry::Entry;
use crate::error::IdentityError;
use crate::identity::{Identity, Visit};
use crate::limits::BROWSER_CHARS_MAX;
use crate::login::drawn;
use crate::provider::{Left, Place, Provider, Told};
use crate::secret_hash;
use crate::sign_in::{Shown, SignedIn};
use crate::throttle::network;

/// Why somebody leaves for the provider.
pub enum Leaving {
    /// To sign in, and to be led to a path then.
    SignIn(String),
    /// To set it as a way to sign in, by a ceremony that waits for that.
    Set(CeremonyId),
}

/// Somebody who left, and may come back.
pub(crate) struct Away {
    why: Leaving,
    /// The hash of what their browser keeps meanwhile: nobody is led back into another's sign-in.
    browser: [u8; 32],
    left: Option<Left>,
}

/// Whether somebody is signed in.
#[derive(PartialEq, Eq)]
enum Signed {
    In,
    Out,
}

/// Where to send a browser, and what it keeps until it comes back.
pub struct Sent {
    /// The address.
    pub to: String,
    /// What it keeps.
    pub keeps: Zeroizing<String>,
}

/// What a browser comes back with.
pub struct Back<'a> {
    /// The state: the name under which it left.
    pub state: CeremonyId,
    /// The code, or why the provider gives none.
    pub code: Result<String, String>,
    /// The issuer, where the provider names itself (RFC 9207).
    pub issuer: Option<&'a str>,
    /// What it kept.
    pub kept: &'a str,
}

/// What becomes of whoever came back.
pub struct Returned {
    /// A session; none when they had one and set a further way to sign in.
    pub entered: Option<SignedIn>,
    /// Where they are led.
    pub next: String,
}

fn kept_hash(text: &str) -> [u8; 32] {
    secret_hash(b"cordon/leaving/v1", text.as_bytes())
}

impl Identity {
    /// Returns the identity provider, if there is one.
    #[must_use]
    pub const fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    fn some_provider(&self) -> Result<&Provider, IdentityError> {
        self.provider().ok_or(IdentityError::Unknown("this installation has no identity provider"))
    }

    /// Sends a browser to the provider. `again`: they show anew who they are; `keeps` is what the browser keeps from
    /// another time that it left.
    ///
    /// # Errors
    ///
    /// [`IdentityError::ProviderAway`], [`IdentityError::Busy`].
    pub async fn leave(
        &self,
        why: Leaving,
        again: bool,
        keeps: Option<&str>,
        visit: &Visit,
    ) -> Result<Sent, IdentityError> {
        let provider = self.some_provider()?;
        let place = provider.place(network(visit.address))?;
        // Whoever is signed in there already must not give that away with one click on somebody else's link.
        let again = again || matches!(why, Leaving::Set(_));
        let known = keeps.filter(|text| (32..=BROWSER_CHARS_MAX).contains(&text.len()));
        let keeps = known.map_or_else(drawn, |text| Zeroizing::new(text.to_owned()));
        let away = Away { why, browser: kept_hash(&keeps), left: None };
        let id = self.away.begin(away, network(visit.address), self.now());
        let (to, left) = provider.send(place, id.as_str(), again, self.now()).await?;
        let waits = self.away.with(&id, self.now(), |away| away.left = Some(left));
        waits.ok_or(IdentityError::Ceremony)?;
        Ok(Sent { to, keeps })
    }

    /// Takes somebody in who comes back from the provider. A session that is there already is proved anew.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Provider`] when its word does not hold, [`IdentityError::Ceremony`] when this browser never left;
    /// recorded.
    pub async fn come_back(
        &self,
        back: Back<'_>,
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<Returned, IdentityError> {
        let returned = self.returned(back, visit, session).await;
        if let Err(error) = &returned
            && error.is_refusal()
            && !matches!(error, IdentityError::Denied(_))
        {
            self.refuse(Action::SignIn, None, visit, &error.to_string()).await;
        }
        returned
    }

    async fn returned(
        &self,
        back: Back<'_>,
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<Returned, IdentityError> {
        let provider = self.some_provider()?;
        // Before anything is used up: who finds no room comes back with the same.
        let place = provider.place(network(visit.address))?;
        let (why, told) = self.told(provider, place, back).await?;
        let id = self.account(provider, &told.subject);
        let next = match why {
            Leaving::SignIn(next) => next,
            Leaving::Set(entry) => {
                if self.set_account(provider, &entry, (id, &told), visit, session).await? == Signed::In {
                    return Ok(Returned { entered: None, next: "/".to_owned() });
                }
                "/".to_owned()
            }
        };
        let principal = self.whose(provider, id, &told).await?;
        let entered = self.enter(&principal, Shown::now(id, None, told.factor, told.at), visit, session).await?;
        // Nobody is handed a session whose roles are not those of now.
        self.give_roles(provider, &principal, &told, visit).await?;
        Ok(Returned { entered: Some(entered), next })
    }

    /// What the provider says of whoever this browser left with.
    async fn told(&self, provider: &Provider, place: Place, back: Back<'_>) -> Result<(Leaving, Told), IdentityError> {
        let away = self.away.take(&back.state, self.now()).ok_or(IdentityError::Ceremony)?;
        let hash = kept_hash(back.kept);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(&hash, &away.browser).is_ok();
        let left = away.left.filter(|_| same).ok_or(IdentityError::Ceremony)?;
        if back.issuer.is_some_and(|issuer| issuer != provider.issuer()) {
            return Err(IdentityError::Provider("it is another provider that answers".to_owned()));
        }
        let code = back.code.map_err(IdentityError::Provider)?;
        Ok((away.why, Provider::told(place, code, left, self.now()).await?))
    }

    /// Sets an account as a way to sign in, for whoever holds a ceremony for that. Tells whether they are signed in already.
    async fn set_account(
        &self,
        provider: &Provider,
        entry: &CeremonyId,
        (id, told): (CredentialId, &Told),
        visit: &Visit,
        session: Option<&Credential>,
    ) -> Result<Signed, IdentityError> {
        let entry = self.entries.take(entry, self.now()).ok_or(IdentityError::Ceremony)?;
        self.is_free(id, &entry).await?;
        let signed = match entry.session() {
            // It was begun in this session, and in no other.
            Some(own) if session.is_none_or(|session| session.id != own.id) => return Err(IdentityError::Ceremony),
            Some(_) => Signed::In,
            None => Signed::Out,
        };
        let account = ProviderAccount { issuer: provider.issuer().to_owned(), subject: told.subject.clone() };
        self.set(entry, (Some(id), Way::Provider(account)), visit).await?;
        Ok(signed)
    }

    /// The name of the way to sign in that an account is: found by whoever knows the account, and telling nothing of it.
    fn account(&self, provider: &Provider, subject: &str) -> CredentialId {
        let token = self.keys.account_token(provider.issuer(), subject);
        CredentialId(token.first_chunk().copied().unwrap_or_default())
    }

    /// One account of the provider is one person's.
    async fn is_free(&self, id: CredentialId, entry: &Entry) -> Result<(), IdentityError> {
        let kept = self.reader.authenticator(&self.keys, id).await?;
        if kept.is_some_and(|kept| kept.principal != entry.principal()) {
            return Err(IdentityError::Unknown("this account of the identity provider is another person's here"));
        }
        Ok(())
    }

    async fn whose(&self, provider: &Provider, id: CredentialId, told: &Told) -> Result<Principal, IdentityError> {
        self.catch_up().await;
        let kept = self.reader.authenticator(&self.keys, id).await?;
        let kept = kept.map(|kept| Way::read(&kept).map(|way| (kept.principal, way))).transpose()?;
        match kept {
            Some((principal, Way::Provider(account)))
                if account.issuer == provider.issuer() && account.subject == told.subject =>
            {
                self.active(principal)
            }
            _ => Err(IdentityError::Unknown(
                "this account is nobody's here: ask for a link, and choose this provider there",
            )),
        }
    }

    /// Gives somebody the roles that their groups have now, and takes back those that others had. Where another sign-in of
    /// theirs was quicker, it is looked at once more.
    async fn give_roles(
        &self,
        provider: &Provider,
        to: &Principal,
        told: &Told,
        visit: &Visit,
    ) -> Result<(), IdentityError> {
        match self.change_to(provider, to, told, visit).await {
            Err(IdentityError::Denied(Denial::NotRecorded(JournalError::Conflict(_)))) => {
                self.catch_up().await;
                self.change_to(provider, to, told, visit).await
            }
            changed => changed,
        }
    }

    async fn change_to(
        &self,
        provider: &Provider,
        to: &Principal,
        told: &Told,
        visit: &Visit,
    ) -> Result<(), IdentityError> {
        let snapshot = self.snapshot()?;
        let own = snapshot.grants_of(to.id).filter(|grant| grant.given_by == provider.itself());
        let planned = planned(own, told, (provider, to.id), self.now());
        let facts = |action, bucket| {
            let target = Target { principal: Some(to.id), bucket, ..Target::default() };
            Facts { target, ..self.facts(action, Actor::service(provider.itself()), visit) }
        };
        if !planned.gone.is_empty() {
            self.change_records::<Revoke>(facts(Action::Revoke, None), planned.gone).await?;
        }
        for grant in planned.given {
            let bucket = if let Scope::Bucket(bucket) = grant.scope { Some(bucket) } else { None };
            let step = Step::Put(Record::Grant(grant));
            self.change_records::<Give>(facts(Action::GrantMake, bucket), vec![step]).await?;
        }
        Ok(())
    }
}

impl Provider {
    /// Returns the roles that groups have.
    #[must_use]
    pub fn group_roles(&self) -> BTreeSet<(Role, Scope)> {
        self.settings().roles()
    }
}

/// What is to be done so that somebody has the roles that their groups have.
struct Planned {
    gone: Vec<Step>,
    given: Vec<Grant>,
}

/// Compares what somebody has with what was told. What lasts for as long as the session may is left alone: one who signs
/// in often fills no table.
fn planned<'a>(
    own: impl Iterator<Item = &'a Grant>,
    told: &Told,
    (provider, to): (&Provider, PrincipalId),
    now: Moment,
) -> Planned {
    let mut open: Vec<(&(Role, Scope), &String)> = told.roles.iter().collect();
    let mut planned = Planned { gone: Vec::new(), given: Vec::new() };
    let ends = Some(now.plus_ms(GROUP_ROLE_MS_MAX));
    for grant in own {
        let place = open.iter().position(|((role, scope), _)| *role == grant.role && *scope == grant.scope);
        match place {
            None => planned.gone.push(Step::End(RecordKey::Grant(grant.id))),
            Some(place) => {
                open.swap_remove(place);
                if grant.ends.is_some_and(|ends| ends < told.at.plus_ms(SESSION_MS_MAX)) {
                    planned.given.push(Grant { ends, ..grant.clone() });
                }
            }
        }
    }
    planned.given.extend(open.into_iter().map(|((role, scope), group)| Grant {
        id: GrantId::draw(&mut SystemEntropy),
        principal: to,
        role: *role,
        scope: scope.clone(),
        starts: now,
        ends,
        reason: format!("the group `{group}` at {}", provider.issuer()),
        given_by: provider.itself(),
    }));
    planned
}
