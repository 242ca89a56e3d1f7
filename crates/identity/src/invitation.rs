//! Invitations: links that set a first way to sign in, once.

use cordon_domain::{Action, CredentialId, Entropy as _, Moment, PrincipalId};
use cordon_store::edge::SystemEntropy;
use cordon_store::{Access, Authenticator, AuthenticatorStep};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::authenticator::{Invitation, Way};
use crate::limits::{INVITATION_MS, TOKEN_CHARS_MAX};
use crate::secret_hash;

const PREFIX: &str = "cordon_i_";
const PURPOSE: &[u8] = b"cordon/invitation/v1";

/// Draws an invitation for somebody of whom these ways to sign in are known: an earlier invitation ends. Returns the change
/// that keeps it, hashed, and the text that proves it.
#[must_use]
pub fn invite(principal: PrincipalId, known: &[(Authenticator, Way)], now: Moment) -> (Access, Zeroizing<String>) {
    let id = CredentialId::draw(&mut SystemEntropy);
    let mut secret = Zeroizing::new([0; 32]);
    SystemEntropy.fill(&mut *secret);
    let invitation = Invitation { secret_hash: secret_hash(PURPOSE, &*secret), ends: now.plus_ms(INVITATION_MS) };
    let earlier = known.iter().filter(|(_, way)| matches!(way, Way::Invitation(_)));
    let mut ways: Vec<_> = earlier.map(|(kept, _)| AuthenticatorStep::Remove(kept.clone())).collect();
    ways.push(AuthenticatorStep::Add(Way::Invitation(invitation).begin(id, principal)));
    let access = Access { action: Action::CredentialIssue, principal, ways, issued: Vec::new() };
    let bytes = Zeroizing::new([&id.0[..], &*secret].concat());
    (access, Zeroizing::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))))
}

/// An invitation as it comes back.
pub(crate) struct Shown {
    pub(crate) id: CredentialId,
    secret: Zeroizing<[u8; 32]>,
}

impl Shown {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX).filter(|_| text.len() <= TOKEN_CHARS_MAX)?;
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(body.as_bytes()).ok()?);
        let (id, secret) = bytes.split_first_chunk()?;
        Some(Self { id: CredentialId(*id), secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    /// Tells whether it is the one that is kept, and has not ended.
    pub(crate) fn is(&self, kept: &Authenticator, now: Moment) -> bool {
        let Ok(Way::Invitation(invitation)) = Way::read(kept) else { return false };
        let hash = secret_hash(PURPOSE, &*self.secret);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(&hash, &invitation.secret_hash).is_ok();
        same && now < invitation.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::string_slice, reason = "the text is ASCII")]
    fn an_invitation_is_proved_by_its_own_text_until_it_ends() {
        let now = Moment(1_790_000_000_000);
        let (access, text) = invite(PrincipalId([1; 16]), &[], now);
        let [AuthenticatorStep::Add(kept)] = access.ways.as_slice() else { panic!("one way begins") };
        let shown = Shown::read(&text).expect("reads back");
        assert_eq!(shown.id, kept.id);
        assert!(shown.is(kept, now) && !shown.is(kept, now.plus_ms(INVITATION_MS)));
        let earlier = [(kept.clone(), Way::read(kept).expect("reads"))];
        let (next, other) = invite(PrincipalId([1; 16]), &earlier, now);
        assert_eq!(next.ways.first(), Some(&AuthenticatorStep::Remove(kept.clone())), "the earlier one ends");
        assert!(!Shown::read(&other).expect("reads back").is(kept, now));
        for wrong in [
            "",
            PREFIX,
            &text[..text.len() - 1],
            &text[1..],
            &format!("{}A", text.as_str()),
            &text.replace("_i_", "_s_"),
        ] {
            assert!(Shown::read(wrong).is_none_or(|shown| !shown.is(kept, now)), "{wrong}");
        }
    }
}
