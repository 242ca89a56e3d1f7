//! Keyed blind indexes: what lets events be searched without saying whom they are about.
//!
//! A token is the first 8 bytes of HMAC-SHA256 over a field's name and its value. Without the key it says nothing; with
//! it, one searches for a value one already knows. Two given values share a token once in 2^64.

use aws_lc_rs::hmac;
use cordon_domain::{Action, BucketId, Event, PrincipalId, RecordKey, VersionId};
use cordon_keys::Secret;

/// A token, as a database stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub i64);

/// Makes tokens.
pub struct IndexKey(hmac::Key);

/// The tokens of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Of the principal who acted.
    pub actor: Token,
    /// Of what was acted on: the version, else the bucket, else the principal, else the record.
    pub object: Option<Token>,
    /// Of the action.
    pub action: Token,
}

impl IndexKey {
    /// Prepares the key.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// Returns the token of a principal who acts.
    #[must_use]
    pub fn actor(&self, principal: PrincipalId) -> Token {
        self.token(1, &principal.0)
    }

    /// Returns the token of an action.
    #[must_use]
    pub fn action(&self, action: Action) -> Token {
        self.token(2, action.as_str().as_bytes())
    }

    /// Returns the token of an object version.
    #[must_use]
    pub fn version(&self, version: VersionId) -> Token {
        self.token(3, &version.0)
    }

    /// Returns the token of a bucket that was itself acted on.
    #[must_use]
    pub fn bucket(&self, bucket: BucketId) -> Token {
        self.token(4, &bucket.0)
    }

    /// Returns the token of a principal who was acted on.
    #[must_use]
    pub fn subject(&self, principal: PrincipalId) -> Token {
        self.token(5, &principal.0)
    }

    /// Returns the token of a record that was acted on.
    #[must_use]
    pub fn record(&self, record: &RecordKey) -> Token {
        self.token(6, record.to_string().as_bytes())
    }

    /// Returns the tokens of an event.
    #[must_use]
    pub fn tokens(&self, event: &Event) -> Tokens {
        let target = &event.target;
        let object = target.version.map(|version| self.version(version));
        let object = object.or_else(|| target.bucket.map(|bucket| self.bucket(bucket)));
        let object = object.or_else(|| target.principal.map(|principal| self.subject(principal)));
        let object = object.or_else(|| target.record.as_ref().map(|record| self.record(record)));
        Tokens { actor: self.actor(event.actor.principal), object, action: self.action(event.action) }
    }

    fn token(&self, field: u8, value: &[u8]) -> Token {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[field]);
        context.update(value);
        let tag = context.sign();
        Token(tag.as_ref().first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes)))
    }
}
