//! What one person asks and others approve, and what was opened in an emergency.

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::action::Action;
use crate::event::Target;
use crate::id::{AskId, EmergencyId, PrincipalId};
use crate::time::Moment;

/// Binds an approval to what was asked: SHA-256 over action, target with its label, change and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct AskedHash(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl AskedHash {
    /// Hashes what is asked. `change` is the change as it is recorded; empty where action and target say all.
    #[must_use]
    pub fn of(action: Action, target: &Target, change: &[u8], reason: &str) -> Self {
        let mut encoded = Vec::new();
        // Writing to memory does not fail.
        let _ = minicbor::encode(target, &mut encoded);
        let mut hash = Sha256::new();
        for part in [b"cordon/asked/v1".as_slice(), action.as_str().as_bytes(), &encoded, change, reason.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Something for which another human's consent is needed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Asked {
    /// Identifies it for ever.
    #[n(0)]
    pub id: AskId,
    /// What is to be done.
    #[n(1)]
    pub action: Action,
    /// On what, with the label that it had.
    #[n(2)]
    pub target: Target,
    /// Exactly what: an approval counts for nothing else.
    #[n(3)]
    pub hash: AskedHash,
    /// Who asks.
    #[n(4)]
    pub by: PrincipalId,
    /// The human who asks.
    #[n(5)]
    pub owner: PrincipalId,
    /// Why.
    #[n(6)]
    pub reason: String,
    /// When it was asked.
    #[n(7)]
    pub at: Moment,
    /// When it lapses.
    #[n(8)]
    pub ends: Moment,
    /// Who approved.
    #[n(9)]
    pub approvals: Vec<Approval>,
    /// The change itself, for whoever approves it to see; empty where action and target say all.
    #[n(10)]
    #[cbor(with = "minicbor::bytes")]
    pub change: Vec<u8>,
}

/// One consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Approval {
    /// Who.
    #[n(0)]
    pub by: PrincipalId,
    /// The human.
    #[n(1)]
    pub owner: PrincipalId,
    /// When.
    #[n(2)]
    pub at: Moment,
}

impl Asked {
    /// Counts the humans who approved, other than the one who asked and those that `counts` leaves out.
    #[must_use]
    pub fn approved(&self, counts: impl Fn(&Approval) -> bool) -> usize {
        let others = self.approvals.iter().filter(|approval| approval.owner != self.owner && counts(approval));
        others.map(|approval| approval.owner).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Tells whether it has not lapsed.
    #[must_use]
    pub fn counts_at(&self, at: Moment) -> bool {
        self.at <= at && at < self.ends
    }
}

/// Access that no policy gives, opened for an hour by several people, and looked into afterwards by someone else.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Emergency {
    /// Identifies it for ever.
    #[n(0)]
    pub id: EmergencyId,
    /// For whom.
    #[n(1)]
    pub principal: PrincipalId,
    /// Since when.
    #[n(2)]
    pub since: Moment,
    /// Until when. The record stays until it was reviewed.
    #[n(3)]
    pub until: Moment,
    /// Why.
    #[n(4)]
    pub reason: String,
    /// Whether writing is open, too.
    #[n(5)]
    pub writes: bool,
    /// The human for whom it is: they review none of their own, by whatever account.
    #[n(6)]
    pub owner: PrincipalId,
}

impl Emergency {
    /// Tells whether it is open.
    #[must_use]
    pub fn is_open(&self, at: Moment) -> bool {
        self.since <= at && at < self.until
    }

    /// What everybody is told of it, as long as it was not reviewed.
    #[must_use]
    pub fn alert(&self, at: Moment) -> String {
        let does = if self.writes { "reads and writes" } else { "reads" };
        // Whoever reads it does so in a terminal or a log.
        let reason: String = self.reason.chars().filter(|sign| !sign.is_control()).collect();
        let (whose, id) = (self.principal, self.id);
        match self.is_open(at) {
            true => format!("an emergency is open: {whose} {does} what no policy gives ({id}): {reason}"),
            false => format!("an emergency of {whose} waits for its review ({id}): {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(approvals: &[(u8, u8)]) -> Asked {
        let target = Target::default();
        Asked {
            id: AskId([0; 16]),
            action: Action::KeyShred,
            hash: AskedHash::of(Action::KeyShred, &target, b"", "why"),
            target,
            by: PrincipalId([1; 16]),
            owner: PrincipalId([1; 16]),
            reason: "why".to_owned(),
            at: Moment(0),
            ends: Moment(10),
            change: Vec::new(),
            approvals: approvals
                .iter()
                .map(|(by, owner)| Approval {
                    by: PrincipalId([*by; 16]),
                    owner: PrincipalId([*owner; 16]),
                    at: Moment(1),
                })
                .collect(),
        }
    }

    #[test]
    fn an_alert_says_what_is_open_and_nothing_hides_it() {
        let emergency = Emergency {
            id: EmergencyId([1; 16]),
            principal: PrincipalId([1; 16]),
            since: Moment(0),
            until: Moment(10),
            reason: "a fire\r\u{1b}[2K\nALERT: none".to_owned(),
            writes: true,
            owner: PrincipalId([1; 16]),
        };
        let open = emergency.alert(Moment(9));
        assert!(open.starts_with("an emergency is open: pr_01") && open.contains(" reads and writes "), "{open}");
        assert!(open.ends_with("a fire[2KALERT: none"), "{open}");
        assert!(emergency.alert(Moment(10)).contains("waits for its review"));
        assert!(Emergency { writes: false, ..emergency }.alert(Moment(9)).contains(" reads what no policy gives "));
    }

    #[test]
    fn humans_are_counted_and_never_the_one_who_asks() {
        let count = |approvals: &[(u8, u8)]| asked(approvals).approved(|_| true);
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[(1, 1)]), 0, "the one who asks");
        assert_eq!(count(&[(9, 1)]), 0, "a second account of the one who asks");
        assert_eq!(count(&[(2, 2), (2, 2), (8, 2)]), 1, "one human, thrice");
        assert_eq!(count(&[(2, 2), (3, 3)]), 2);
        assert_eq!(asked(&[(2, 2), (3, 3)]).approved(|approval| approval.by != PrincipalId([2; 16])), 1);
        assert!(
            asked(&[]).counts_at(Moment(0)) && asked(&[]).counts_at(Moment(9)) && !asked(&[]).counts_at(Moment(10))
        );
    }

    #[test]
    fn the_hash_is_of_all_that_was_asked() {
        let target = |level| Target { label: Some(crate::Label::of(level)), ..Target::default() };
        let hash = |action, level, change: &[u8], reason| AskedHash::of(action, &target(level), change, reason);
        let one = hash(Action::KeyShred, crate::Level::Internal, b"x", "why");
        assert_eq!(one, hash(Action::KeyShred, crate::Level::Internal, b"x", "why"));
        for other in [
            hash(Action::KeyRotate, crate::Level::Internal, b"x", "why"),
            hash(Action::KeyShred, crate::Level::Restricted, b"x", "why"),
            hash(Action::KeyShred, crate::Level::Internal, b"y", "why"),
            hash(Action::KeyShred, crate::Level::Internal, b"xw", "hy"),
        ] {
            assert_ne!(one, other);
        }
    }
}
