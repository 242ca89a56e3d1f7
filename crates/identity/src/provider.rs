//! An organisation's identity provider, by OpenID Connect: the code flow with PKCE, and what its ID token says.
//!
//! The provider is named by a setting and by nothing else. Its word counts when it is signed by a key that it publishes,
//! is for this installation, answers the nonce of this attempt, and is of this moment. What it publishes is
//! asked for again after ten minutes, or when it signs with another key.

mod claims;
mod settings;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use cordon_domain::{Factor, Moment, PrincipalId, Role, Scope};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthenticationContextClass, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IdTokenVerifier, IssuerUrl,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope as Wanted, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse,
};

use crate::error::IdentityError;
use crate::limits::{
    PROVIDER_AGE_S, PROVIDER_AT_ONCE, PROVIDER_AWAY_MS, PROVIDER_BY_ADDRESS, PROVIDER_KEYS_MS_MIN, PROVIDER_KNOWN_MS,
};
use crate::passkey::PublicUrl;
use claims::Rest;
pub use settings::{Beside, ProviderSettings};
use wire::Wire;

type Fields = IdTokenFields<
    Rest,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Speaker = Client<
    Rest,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Signatures that count: those with a public key, none of them with SHA-1.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Where the provider leads people back to.
pub const BACK: &str = "/sign-in/provider";

/// An identity provider.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    itself: PrincipalId,
    settings: ProviderSettings,
    back: RedirectUrl,
    wire: Wire,
    known: Mutex<Known>,
    room: Mutex<HashMap<IpAddr, usize>>,
}

/// What the provider said of itself, or why it said nothing, and when.
#[derive(Default)]
struct Known {
    said: Option<(CoreProviderMetadata, Moment)>,
    away: Option<(String, Moment)>,
}

/// A place among those who ask at once.
pub(crate) struct Place {
    inner: Arc<Inner>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut room = self.inner.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = room.get_mut(&self.address) {
            *own = own.saturating_sub(1);
        }
        room.retain(|_, own| *own > 0);
    }
}

/// What somebody who leaves for the provider leaves here.
pub(crate) struct Left {
    verifier: PkceCodeVerifier,
    nonce: Nonce,
}

/// What the provider says of somebody.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its name for them, which never changes.
    pub(crate) subject: String,
    /// How they proved who they are.
    pub(crate) factor: Factor,
    /// When.
    pub(crate) at: Moment,
    /// The roles that their groups have, each with such a group.
    pub(crate) roles: BTreeMap<(Role, Scope), String>,
}

impl Provider {
    /// Prepares to ask. Nothing is asked yet: the provider may be away when a node begins. `itself` is in whose name the roles
    /// of groups are given.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Settings`] when people cannot be led back.
    pub fn new(settings: ProviderSettings, public_url: &PublicUrl, itself: PrincipalId) -> Result<Self, IdentityError> {
        let back = RedirectUrl::new(format!("{}{BACK}", public_url.origin()));
        let back = back.map_err(|error| IdentityError::Settings(error.to_string()))?;
        let wire = Wire::new(settings.reach, settings.authorities.as_deref());
        let (known, room) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { itself, settings, back, wire, known, room })))
    }

    /// Returns what people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Returns the issuer: its own name, for ever.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.settings.issuer.as_str()
    }

    /// Returns in whose name the roles of groups are given.
    pub(crate) fn itself(&self) -> PrincipalId {
        self.0.itself
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> &ProviderSettings {
        &self.0.settings
    }

    /// Takes a place among those who ask at once: one address takes few.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Place, IdentityError> {
        let mut room = self.0.room.lock().unwrap_or_else(PoisonError::into_inner);
        let own = room.get(&address).copied().unwrap_or(0);
        if own >= PROVIDER_BY_ADDRESS || room.values().sum::<usize>() >= PROVIDER_AT_ONCE {
            return Err(IdentityError::Busy);
        }
        room.insert(address, own + 1);
        Ok(Place { inner: Arc::clone(&self.0), address })
    }

    /// Sends somebody away. `again`: they show anew who they are. Returns where to, and what stays here.
    pub(crate) async fn send(
        &self,
        place: Place,
        state: &str,
        again: bool,
        now: Moment,
    ) -> Result<(String, Left), IdentityError> {
        let state = state.to_owned();
        beside(place, move |inner| inner.address(state, again, now)).await
    }

    /// Asks what it says of somebody who came back with a code.
    pub(crate) async fn told(place: Place, code: String, left: Left, now: Moment) -> Result<Told, IdentityError> {
        beside(place, move |inner| inner.told(code, left, now)).await
    }
}

/// Asks on a thread that may wait. What breaks there breaks nothing here.
async fn beside<T: Send + 'static>(
    place: Place,
    work: impl FnOnce(&Inner) -> Result<T, IdentityError> + Send + 'static,
) -> Result<T, IdentityError> {
    let asked = tokio::task::spawn_blocking(move || work(&place.inner));
    asked.await.unwrap_or_else(|_| Err(refused("its answer cannot be read")))
}

fn refused(why: impl Into<String>) -> IdentityError {
    IdentityError::Provider(why.into())
}

impl Inner {
    /// What the provider says of itself, and its keys; asked again when that is old.
    fn known(&self, younger_than_ms: i64, now: Moment) -> Result<CoreProviderMetadata, IdentityError> {
        // Whoever comes while it is asked waits for the same answer.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((metadata, since)) = &known.said
            && (0..younger_than_ms).contains(&now.since_ms(*since))
        {
            return Ok(metadata.clone());
        }
        if let Some((why, since)) = &known.away
            && (0..PROVIDER_AWAY_MS).contains(&now.since_ms(*since))
        {
            return Err(IdentityError::ProviderAway(why.clone()));
        }
        let issuer = self.settings.issuer.clone();
        let metadata = CoreProviderMetadata::discover(&issuer, &|request| self.wire.ask(request));
        let metadata = metadata.map_err(|error| {
            let why = explained(&error);
            known.away = Some((why.clone(), now));
            IdentityError::ProviderAway(why)
        })?;
        let endpoints = [Some(metadata.authorization_endpoint().url()), metadata.token_endpoint().map(|url| url.url())];
        if let Some(wrong) = endpoints.into_iter().flatten().find(|url| !self.settings.may_ask(url)) {
            return Err(refused(format!("it names `{wrong}`, which is not encrypted")));
        }
        *known = Known { said: Some((metadata.clone(), now)), away: None };
        Ok(metadata)
    }

    fn speaker(&self, metadata: CoreProviderMetadata) -> Speaker {
        let secret = self.settings.secret.as_ref().map(|secret| ClientSecret::new(secret.to_string()));
        let client = ClientId::new(self.settings.client_id.clone());
        Client::from_provider_metadata(metadata, client, secret).set_redirect_uri(self.back.clone())
    }

    fn address(&self, state: String, again: bool, now: Moment) -> Result<(String, Left), IdentityError> {
        let speaker = self.speaker(self.known(PROVIDER_KNOWN_MS, now)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let asked = speaker.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            Nonce::new_random,
        );
        let asked = asked
            .set_pkce_challenge(challenge)
            .set_max_age(std::time::Duration::from_secs(PROVIDER_AGE_S))
            .add_scopes(self.settings.scopes.iter().cloned().map(Wanted::new));
        let classes = self.settings.classes.iter().cloned().map(AuthenticationContextClass::new);
        let asked = classes.fold(asked, openidconnect::AuthorizationRequest::add_auth_context_value);
        let asked = if again { asked.add_prompt(CoreAuthPrompt::Login) } else { asked };
        let (address, _, nonce) = asked.url();
        Ok((address.to_string(), Left { verifier, nonce }))
    }

    fn told(&self, code: String, left: Left, now: Moment) -> Result<Told, IdentityError> {
        let metadata = self.known(PROVIDER_KNOWN_MS, now)?;
        let speaker = self.speaker(metadata.clone());
        let asked = speaker
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| refused("it names no place for tokens"))?
            .set_pkce_verifier(left.verifier);
        let answer = asked.request(&|request| self.wire.ask(request)).map_err(|error| match error {
            openidconnect::RequestTokenError::Request(_) => IdentityError::ProviderAway(explained(&error)),
            other => refused(explained(&other)),
        })?;
        let token = openidconnect::TokenResponse::id_token(&answer).ok_or_else(|| refused("it gives no ID token"))?;
        let verified = token.claims(&self.verifier(&metadata, now), &left.nonce);
        let claims = match verified {
            // It may have begun to sign with another key.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.known(PROVIDER_KEYS_MS_MIN, now)?;
                token.claims(&self.verifier(&metadata, now), &left.nonce)
            }
            verified => verified,
        };
        let claims = claims.map_err(|error| refused(explained(&error)))?;
        self.settings.told(claims, now)
    }

    fn verifier(&self, metadata: &CoreProviderMetadata, now: Moment) -> IdTokenVerifier<'static, CoreJsonWebKey> {
        let client = ClientId::new(self.settings.client_id.clone());
        let issuer: IssuerUrl = self.settings.issuer.clone();
        IdTokenVerifier::new_public_client(client, issuer, metadata.jwks().clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || DateTime::<Utc>::from_timestamp_millis(now.0).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// An error with all that is behind it.
fn explained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    cordon_domain::event::event_text(&text)
}
