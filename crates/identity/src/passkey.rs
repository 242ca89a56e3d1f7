//! Passkeys, by webauthn-rs: user verification is required, the key is found by the authenticator itself, and origins come
//! from the setting of the public address alone.

use cordon_domain::PrincipalId;
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::error::IdentityError;
use crate::limits::ANSWER_BYTES_MAX;

/// The address at which people reach Cordon: what passkeys are bound to, and what links begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Reads an address: `https://` with a name, or `http://localhost` with a port.
    ///
    /// # Errors
    ///
    /// [`IdentityError::PublicUrl`] when passkeys do not work there.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let wrong = |why| IdentityError::PublicUrl(text.to_owned(), why);
        let url = Url::parse(text).map_err(|_| wrong("it is no address"))?;
        let Some(Host::Domain(name)) = url.host() else {
            return Err(wrong("passkeys need a name; for this machine write http://localhost and a port"));
        };
        let local = name == "localhost" || name.ends_with(".localhost");
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(wrong("passkeys need https, except on localhost")),
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if bare { Ok(Self(url)) } else { Err(wrong("leave path, query and user out")) }
    }

    /// Returns the origin, as browsers write it: scheme, host, and the port when it is not the usual one.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the name of the host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns host and port, as a request names them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.host();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Tells whether the way to it is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Ceremonies of passkeys for one public address.
pub(crate) struct Passkeys(Webauthn);

impl Passkeys {
    pub(crate) fn new(url: &PublicUrl) -> Result<Self, IdentityError> {
        let unusable = |_| IdentityError::PublicUrl(url.origin(), "passkeys cannot be bound to it");
        let builder = WebauthnBuilder::new(url.host(), &url.0).map_err(unusable)?;
        builder.rp_name("Cordon").build().map(Self).map_err(unusable)
    }

    /// Begins to add a passkey. Returns what the browser is given.
    pub(crate) fn begin_adding(
        &self,
        principal: PrincipalId,
        name: &str,
        known: Vec<CredentialID>,
    ) -> Result<(Value, PasskeyRegistration), IdentityError> {
        let user = Uuid::from_bytes(principal.0);
        let (options, state) = self.0.start_passkey_registration(user, name, name, Some(known)).map_err(refused)?;
        let mut options = serde_json::to_value(options).unwrap_or_default();
        // So that nobody has to give a name first, which would tell who is there.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut)
        {
            selection.insert("residentKey".to_owned(), "required".into());
            selection.insert("requireResidentKey".to_owned(), true.into());
        }
        Ok((options, state))
    }

    pub(crate) fn finish_adding(&self, answer: &str, state: &PasskeyRegistration) -> Result<Passkey, IdentityError> {
        let answer: RegisterPublicKeyCredential = read(answer)?;
        self.0.finish_passkey_registration(&answer, state).map_err(refused)
    }

    /// Begins a sign-in of whoever has a passkey.
    pub(crate) fn begin(&self) -> Result<(Value, DiscoverableAuthentication), IdentityError> {
        let (options, state) = self.0.start_discoverable_authentication().map_err(refused)?;
        let mut options = serde_json::to_value(options).unwrap_or_default();
        // The browser asks at once, rather than beside a field.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        Ok((options, state))
    }

    /// Reads an answer, and whose it says it is.
    pub(crate) fn whose(&self, answer: &str) -> Result<(PublicKeyCredential, PrincipalId), IdentityError> {
        let answer: PublicKeyCredential = read(answer)?;
        let (user, _) = self.0.identify_discoverable_authentication(&answer).map_err(refused)?;
        Ok((answer, PrincipalId(user.into_bytes())))
    }

    pub(crate) fn finish(
        &self,
        answer: &PublicKeyCredential,
        state: DiscoverableAuthentication,
        passkey: &Passkey,
    ) -> Result<AuthenticationResult, IdentityError> {
        let key = DiscoverableKey::from(passkey);
        let result = self.0.finish_discoverable_authentication_v2(answer, state, key).map_err(refused)?;
        match result.user_verified() {
            true => Ok(result),
            false => Err(IdentityError::Passkey("the authenticator did not verify its user".to_owned())),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, IdentityError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(IdentityError::Passkey("it is larger than an answer is".to_owned()));
    }
    serde_json::from_str(answer).map_err(|_| IdentityError::Passkey("it is no answer of an authenticator".to_owned()))
}

fn refused(error: WebauthnError) -> IdentityError {
    IdentityError::Passkey(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_name_that_is_reached_safely() {
        let origin = |text: &str| PublicUrl::parse(text).ok().map(|url| url.origin());
        assert_eq!(origin("https://cordon.example.org"), Some("https://cordon.example.org".to_owned()));
        assert_eq!(origin("http://localhost:8700/"), Some("http://localhost:8700".to_owned()));
        assert_eq!(origin("https://cordon.example.org:443"), Some("https://cordon.example.org".to_owned()));
        for text in [
            "http://cordon.example.org",
            "http://127.0.0.1:8700",
            "https://[::1]",
            "https://cordon.example.org/path",
            "https://ada@cordon.example.org",
            "ftp://localhost",
            "localhost",
            "",
        ] {
            assert!(origin(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_the_browser_is_asked_demands_user_verification_and_a_key_that_is_found() {
        let passkeys = Passkeys::new(&PublicUrl::parse("http://localhost:8700").expect("an address")).expect("usable");
        let (adding, _) = passkeys.begin_adding(PrincipalId([1; 16]), "ada", Vec::new()).expect("begun");
        let selection = &adding["publicKey"]["authenticatorSelection"];
        assert_eq!(
            (&selection["userVerification"], &selection["residentKey"]),
            (&"required".into(), &"required".into())
        );
        assert_eq!(adding["publicKey"]["rp"]["id"], "localhost");
        let (asking, _) = passkeys.begin().expect("begun");
        assert_eq!(asking["publicKey"]["userVerification"], "required");
        assert_eq!(asking["publicKey"]["allowCredentials"], serde_json::json!([]));
    }
}
