//! What a sign-in gives: sessions and keys, each of which carries who signed in, how, when and on which device.

use minicbor::{Decode, Encode};

use crate::event::{Actor, PrincipalKind};
use crate::id::{CredentialId, DeviceId, PrincipalId};
use crate::limits::{ACCESS_KEY_MS_MAX, CLOCK_SKEW_MS, SERVICE_KEY_MS_MAX, SESSION_MS_MAX};
use crate::principal::Factor;
use crate::time::Moment;

/// What kind of credential it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum CredentialKind {
    /// A session of a person, in a browser or on the command line.
    #[n(0)]
    Session,
    /// An access key of S3, from a session of a person.
    #[n(1)]
    AccessKey,
    /// An access key of S3, of a service.
    #[n(2)]
    ServiceKey,
}

impl CredentialKind {
    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::AccessKey => "access key",
            Self::ServiceKey => "service key",
        }
    }

    /// Returns how long it may live, in milliseconds.
    #[must_use]
    pub const fn life_ms_max(self) -> i64 {
        match self {
            Self::Session => SESSION_MS_MAX,
            Self::AccessKey => ACCESS_KEY_MS_MAX,
            Self::ServiceKey => SERVICE_KEY_MS_MAX,
        }
    }
}

/// A session or a key, without what proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Credential {
    /// Identifies it for ever.
    #[n(0)]
    pub id: CredentialId,
    /// Its kind.
    #[n(1)]
    pub kind: CredentialKind,
    /// Whose it is. It dies with them.
    #[n(2)]
    pub principal: PrincipalId,
    /// What kind of principal that is.
    #[n(3)]
    pub principal_kind: PrincipalKind,
    /// The device that showed its key when it was issued. It dies with that device.
    #[n(4)]
    pub device: Option<DeviceId>,
    /// How they had proved who they are.
    #[n(5)]
    pub factor: Factor,
    /// When they had.
    #[n(6)]
    pub factor_at: Moment,
    /// When it was issued.
    #[n(7)]
    pub issued_at: Moment,
    /// When it ends.
    #[n(8)]
    pub expires_at: Moment,
    /// The way to sign in that was used; none for a service.
    #[n(9)]
    pub way: Option<CredentialId>,
    /// The session that it came from.
    #[n(10)]
    pub parent: Option<CredentialId>,
}

impl Credential {
    /// Tells whether it is within the bounds of its kind.
    #[must_use]
    pub const fn is_bounded(&self) -> bool {
        let life = self.expires_at.since_ms(self.issued_at);
        life > 0 && life <= self.kind.life_ms_max() && self.factor_at.since_ms(self.issued_at) <= 0
    }

    /// Tells whether its time is now. Another node may have issued it, whose clock is a little ahead.
    #[must_use]
    pub fn counts_at(&self, at: Moment) -> bool {
        self.issued_at <= at.plus_ms(CLOCK_SKEW_MS) && at < self.expires_at
    }

    /// Tells whether it rests on a credential: it is that one, or came from it.
    #[must_use]
    pub fn rests_on(&self, id: CredentialId) -> bool {
        self.id == id || self.way == Some(id) || self.parent == Some(id)
    }

    /// Returns who acts with it at a moment.
    #[must_use]
    pub fn actor(&self, at: Moment) -> Actor {
        let age_s = at.since_ms(self.factor_at).max(0) / 1000;
        Actor {
            kind: self.principal_kind,
            credential: Some(self.id),
            mfa_age_s: (self.factor > Factor::None).then_some(u32::try_from(age_s).unwrap_or(u32::MAX)),
            device: self.device,
            factor: Some(self.factor),
            ..Actor::service(self.principal)
        }
    }
}

/// A credential that counts no more: a session, a key, a way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Revoked {
    /// The credential.
    #[n(0)]
    pub credential: CredentialId,
    /// Whose it was.
    #[n(1)]
    pub principal: PrincipalId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(kind: CredentialKind, life_ms: i64) -> Credential {
        let (factor, factor_at) = (Factor::PhishingResistant, Moment(0));
        Credential {
            id: CredentialId([1; 16]),
            kind,
            principal: PrincipalId([2; 16]),
            principal_kind: PrincipalKind::Person,
            device: None,
            factor,
            factor_at,
            issued_at: Moment(1_000),
            expires_at: Moment(1_000 + life_ms),
            way: Some(CredentialId([8; 16])),
            parent: None,
        }
    }

    #[test]
    fn a_credential_lives_no_longer_than_its_kind_may() {
        for kind in [CredentialKind::Session, CredentialKind::AccessKey, CredentialKind::ServiceKey] {
            let max = kind.life_ms_max();
            assert!(credential(kind, max).is_bounded() && !credential(kind, max + 1).is_bounded(), "{kind:?}");
            assert!(!credential(kind, 0).is_bounded(), "{kind:?}");
            let late = Credential { factor_at: Moment(1_001), ..credential(kind, 1) };
            assert!(!late.is_bounded(), "proved after it was issued");
        }
        assert_eq!(CredentialKind::AccessKey.life_ms_max(), 12 * 3_600_000);
    }

    #[test]
    fn the_age_of_the_proof_grows_with_time_and_never_below_nothing() {
        let session = credential(CredentialKind::Session, 10);
        assert_eq!(session.actor(Moment(61_999)).mfa_age_s, Some(61));
        assert_eq!(session.actor(Moment(-5_000)).mfa_age_s, Some(0));
        assert_eq!(session.actor(Moment(i64::MAX)).mfa_age_s, Some(u32::MAX));
        assert_eq!(Credential { factor: Factor::None, ..session }.actor(Moment(0)).mfa_age_s, None);
        let counts = |ms| session.counts_at(Moment(ms));
        assert!(counts(1_000) && !counts(1_010) && counts(1_000 - CLOCK_SKEW_MS) && !counts(999 - CLOCK_SKEW_MS));
        assert!(session.rests_on(session.id) && session.rests_on(CredentialId([8; 16])));
        assert!(!session.rests_on(CredentialId([9; 16])));
    }
}
