//! What the policies answer.

use cordon_domain::GrantId;

use crate::request::Facts;

/// The revocation epoch: it grows with each revocation. A decision taken under an old one is taken again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of events that rest on no decision in anyone's favour: never past.
    pub const ANY: Self = Self(u64::MAX);
}

/// What a decision rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// The policies that decided, by name.
    pub policies: Vec<String>,
    /// The grants that decided.
    pub grants: Vec<GrantId>,
    /// The revocation epoch that the decision saw.
    pub epoch: Epoch,
}

/// Why not, what is missing and whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The conditions that do not hold, in words for the one who asks.
    pub missing: Vec<String>,
    /// Whom to ask.
    pub ask: Option<String>,
    /// The one who asks may not know that the target exists: answer as if it did not.
    pub hidden: bool,
}

/// The answer to a question. It opens nothing: see [`crate::Permit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, on these grounds.
    Allow(Grounds),
    /// No.
    Deny(Refusal, Grounds),
}

/// Decides. Implemented by the policies; anything that goes wrong inside is a [`Verdict::Deny`].
pub trait Decide: Send + Sync {
    /// Answers whether `facts` may happen. Has no effect and never fails open.
    fn evaluate(&self, facts: &Facts) -> Verdict;
}

/// Several may hold what decides; it decides the same.
impl<D: Decide> Decide for std::sync::Arc<D> {
    fn evaluate(&self, facts: &Facts) -> Verdict {
        self.as_ref().evaluate(facts)
    }
}
