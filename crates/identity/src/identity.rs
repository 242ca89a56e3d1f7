//! What knowing people rests on: the gate, what is kept, keys, a clock.

use std::net::IpAddr;
use std::sync::Arc;

use cordon_domain::{
    Action, Actor, Clock, Credential, CredentialId, DeviceId, Moment, Personal, Principal, PrincipalId, PrincipalKind,
    RequestId, Step, Steps, Target, UserName,
};
use cordon_gate::act::Changes;
use cordon_gate::{Facts, Gate, Journal as _, Request};
use cordon_policy::{Policies, Snapshot};
use cordon_store::edge::SystemEntropy;
use cordon_store::keyring::Keyring;
use cordon_store::{Access, Change, Reader, Writer};

use crate::authenticator::Way;
use crate::ceremony::Ceremonies;
use crate::entry::Entry;
use crate::error::IdentityError;
use crate::federated::Away;
use crate::limits::BROWSER_CHARS_MAX;
use crate::login::Allowed;
use crate::passkey::{Passkeys, PublicUrl};
use crate::password::Hasher;
use crate::provider::Provider;
use crate::throttle::Throttle;
use crate::token::TokenKeys;

/// How somebody comes: what the edge knows of a request. What they say of themselves is cut, and nothing rests on it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The address, as the edge saw it.
    pub address: IpAddr,
    /// The program, as it calls itself.
    pub client: Option<String>,
    /// What a browser shows that signed in before.
    pub browser: Option<String>,
}

impl Visit {
    /// Somebody of whom nothing is known but an address.
    #[must_use]
    pub const fn from(address: IpAddr) -> Self {
        Self { address, client: None, browser: None }
    }
}

/// Knows people, services and devices.
pub struct Identity {
    pub(crate) gate: Arc<Gate<Arc<Policies>, Writer>>,
    pub(crate) reader: Reader,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: TokenKeys,
    pub(crate) passkeys: Passkeys,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) entries: Ceremonies<Entry>,
    pub(crate) logins: Ceremonies<Allowed>,
    pub(crate) bindings: Ceremonies<(CredentialId, DeviceId)>,
    pub(crate) provider: Option<Provider>,
    pub(crate) away: Ceremonies<Away>,
    pub(crate) arrivals: Ceremonies<webauthn_rs::prelude::DiscoverableAuthentication>,
}

impl Identity {
    /// Begins. `public_url` is where people reach it: passkeys and links are bound to it. `provider` is the
    /// organisation's identity provider, if it has one.
    ///
    /// # Errors
    ///
    /// [`IdentityError::PublicUrl`] when passkeys cannot be; [`IdentityError::Store`] when the keys are not there.
    pub fn new(
        gate: Arc<Gate<Arc<Policies>, Writer>>,
        reader: Reader,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        public_url: &PublicUrl,
        provider: Option<Provider>,
    ) -> Result<Self, IdentityError> {
        Ok(Self {
            gate,
            reader,
            tokens: TokenKeys::new(&keys)?,
            keys,
            clock,
            passkeys: Passkeys::new(public_url)?,
            hasher: Hasher::default(),
            throttle: Throttle::default(),
            entries: Ceremonies::default(),
            logins: Ceremonies::default(),
            bindings: Ceremonies::default(),
            provider,
            away: Ceremonies::default(),
            arrivals: Ceremonies::default(),
        })
    }

    /// Returns the gate.
    #[must_use]
    pub const fn gate(&self) -> &Arc<Gate<Arc<Policies>, Writer>> {
        &self.gate
    }

    /// Returns the present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Returns what decisions rest on now.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when what is stored is not whole: then nobody is let in.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, IdentityError> {
        let locked = |_| IdentityError::Ended("what decisions rest on was changed beside Cordon: nobody is let in");
        self.gate.decider().snapshot().map_err(locked)
    }

    /// Brings what decisions rest on up: another process may have brought somebody in just now.
    pub(crate) async fn catch_up(&self) {
        self.gate.journal().catch_up().await;
    }

    /// Returns a principal that may act now.
    pub(crate) fn active(&self, id: PrincipalId) -> Result<Principal, IdentityError> {
        let snapshot = self.snapshot()?;
        let principal =
            snapshot.roster().principals.get(&id).filter(|one| snapshot.roster().is_active(one, self.now()));
        principal.cloned().ok_or(IdentityError::Wrong)
    }

    /// Returns the name of a person; nothing when they were erased.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Store`] when it cannot be read.
    pub async fn name(&self, id: PrincipalId) -> Result<Option<String>, IdentityError> {
        let Some(sealed) = self.reader.name_of(id).await? else { return Ok(None) };
        Ok(self.keys.open_name(id, &sealed)?)
    }

    /// Returns who goes by a name and may act.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Store`] when it cannot be read.
    pub async fn named(&self, name: &UserName) -> Result<Option<PrincipalId>, IdentityError> {
        let id = self.reader.named(&self.keys.name_token(name)).await?;
        Ok(id.filter(|id| self.active(*id).is_ok()))
    }

    /// Returns the ways to sign in of a person.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Store`] when one was changed beside Cordon.
    pub async fn ways(&self, id: PrincipalId) -> Result<Vec<(cordon_store::Authenticator, Way)>, IdentityError> {
        let kept = self.reader.authenticators(&self.keys, id).await?;
        kept.into_iter().map(|kept| Way::read(&kept).map(|way| (kept, way))).collect()
    }

    /// Returns the ways to sign in of somebody, who may be nobody: then as much is asked, and there is none.
    pub(crate) async fn ways_or_none(
        &self,
        id: Option<PrincipalId>,
    ) -> Result<Vec<(cordon_store::Authenticator, Way)>, IdentityError> {
        self.ways(id.unwrap_or(PrincipalId([0; 16]))).await
    }

    /// Changes ways to sign in, and issues what is issued, through the gate.
    pub(crate) async fn change<A: Changes>(
        &self,
        access: Access,
        actor: Actor,
        visit: &Visit,
    ) -> Result<(), IdentityError> {
        let target = Target { principal: Some(access.principal), record: access.names(), ..Target::default() };
        let facts = Facts { target, ..self.facts(A::ACTION, actor, visit) };
        let receipt = self.gate.change(Request::<A>::new(facts), Change::Access(Box::new(access))).await?;
        drop(receipt.spend());
        Ok(())
    }

    /// Changes records, through the gate. `facts` say who does it, and about what.
    pub(crate) async fn change_records<A: Changes>(&self, facts: Facts, steps: Vec<Step>) -> Result<(), IdentityError> {
        let target = Target { record: steps.first().map(Step::key), ..facts.target };
        let change = Change::records(A::ACTION, Steps(steps));
        let facts = Facts { target, beside: change.beside(), ..facts };
        drop(self.gate.change(Request::<A>::new(facts), change).await?.spend());
        Ok(())
    }

    /// The facts of what whoever is signed in does now, about somebody.
    pub(crate) fn facts_of(&self, action: Action, session: &Credential, about: PrincipalId, visit: &Visit) -> Facts {
        let target = Target { principal: Some(about), ..Target::default() };
        Facts { target, ..self.facts(action, session.actor(self.now()), visit) }
    }

    /// The facts of a request that comes now.
    #[must_use]
    pub fn facts(&self, action: Action, actor: Actor, visit: &Visit) -> Facts {
        let network = Some(visit.address.to_canonical().to_string());
        Facts {
            personal: Personal { network, ..Personal::default() },
            client: visit.client.clone(),
            address: Some(visit.address),
            ..Facts::new(RequestId::draw(&mut SystemEntropy), self.now(), action, actor)
        }
    }

    /// Records that somebody was refused before they were known: singly up to a bound, then as a count.
    pub async fn refuse(&self, action: Action, about: Option<PrincipalId>, visit: &Visit, why: &str) {
        let stranger = Actor { kind: PrincipalKind::Stranger, ..Actor::service(PrincipalId([0; 16])) };
        let target = Target { principal: about, ..Target::default() };
        let facts = Facts { target, ..self.facts(action, stranger, visit) };
        self.gate.refused_before_sign_in(&facts, &visit.address.to_canonical().to_string(), why).await;
    }

    /// The MAC of what a browser keeps that signed in: it is known to an account, and to no other.
    pub(crate) fn browser(&self, principal: PrincipalId) -> String {
        let id = CredentialId::draw(&mut SystemEntropy);
        let version = self.tokens.sessions.newest();
        let mac = self.tokens.sessions.mac(version, &[b"cordon/browser/v1", &id.0, &principal.0]).unwrap_or_default();
        let bytes = [&version.to_be_bytes()[..], &id.0, &mac].concat();
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }

    /// Tells which browser it is, if it signed in before as `principal`.
    pub(crate) fn known_browser(&self, visit: &Visit, principal: Option<PrincipalId>) -> Option<CredentialId> {
        let text = visit.browser.as_deref().filter(|text| text.len() <= BROWSER_CHARS_MAX)?;
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (version, rest) = bytes.split_first_chunk()?;
        let (id, mac) = rest.split_first_chunk::<16>()?;
        let parts: [&[u8]; 3] = [b"cordon/browser/v1", id, &principal?.0];
        let known = self.tokens.sessions.is_mac(u32::from_be_bytes(*version), &parts, mac);
        known.then_some(CredentialId(*id))
    }
}
