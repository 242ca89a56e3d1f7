//! Approving what others asked for: as whoever is signed in, in the words in which it was asked.

use cordon_domain::{Action, Approval, AskId, Asked, Credential, Record, Step, Steps, Target};
use cordon_gate::act::Approve;
use cordon_gate::{Decide as _, Facts, Verdict};

use crate::error::IdentityError;
use crate::identity::{Identity, Visit};

/// Something that waits for an approval.
pub struct Waiting {
    /// What was asked.
    pub asked: Asked,
    /// What is missing before it can be approved by whoever looks: nothing, or a fresher sign-in.
    pub missing: Vec<String>,
}

impl Identity {
    /// Returns what whoever is signed in could approve, in some circumstances. Others are told nothing of it.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when what is stored is not whole.
    pub async fn waiting(&self, session: &Credential, visit: &Visit) -> Result<Vec<Waiting>, IdentityError> {
        self.catch_up().await;
        let (snapshot, now) = (self.snapshot()?, self.now());
        let mut waiting = Vec::new();
        for asked in snapshot.roster().asks.values().filter(|asked| asked.counts_at(now)) {
            let (facts, steps) = self.approving(session, asked, visit)?;
            let facts = Facts { beside: Steps(steps).encoded(), ..facts };
            if !snapshot.could(session.principal, Action::Approve, &facts.target, now) {
                continue;
            }
            let missing = match self.gate.decider().evaluate(&facts) {
                Verdict::Allow(_) => Vec::new(),
                Verdict::Deny(refusal, _) => refusal.missing,
            };
            waiting.push(Waiting { asked: asked.clone(), missing });
        }
        Ok(waiting)
    }

    /// Approves something.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`] when it is not there, or whoever asks may not know of it; [`IdentityError::Denied`] with
    /// what is missing.
    pub async fn approve(&self, session: &Credential, id: AskId, visit: &Visit) -> Result<(), IdentityError> {
        self.catch_up().await;
        let snapshot = self.snapshot()?;
        let asked = snapshot.roster().asks.get(&id).ok_or(IdentityError::Wrong)?;
        let (facts, steps) = self.approving(session, asked, visit)?;
        self.change_records::<Approve>(facts, steps).await
    }

    /// Who adds their own approval, and nothing else, to what was asked; and that change.
    fn approving(
        &self,
        session: &Credential,
        asked: &Asked,
        visit: &Visit,
    ) -> Result<(Facts, Vec<Step>), IdentityError> {
        let (snapshot, now) = (self.snapshot()?, self.now());
        let own = snapshot.roster().principals.get(&session.principal).ok_or(IdentityError::Wrong)?;
        let mut approved = asked.clone();
        approved.approvals.push(Approval { by: own.id, owner: own.owner, at: now });
        let step = Step::Put(Record::Ask(Box::new(approved)));
        let Target { bucket, version, label, .. } = asked.target.clone();
        let target = Target { bucket, version, label, principal: Some(asked.by), record: Some(step.key()) };
        let facts = self.facts(Action::Approve, session.actor(now), visit);
        Ok((Facts { target, ..facts }, vec![step]))
    }
}
