//! Asking others to approve something, and approving what others asked for: as whoever is signed in, in the words in which it was asked.

use cordon_domain::{Action, Approval, AskId, Asked, Credential, Record, Step, Steps, Target};
use cordon_gate::act::{Approve, Ask};
use cordon_gate::{Decide as _, Facts, Verdict};
use cordon_store::edge::SystemEntropy;
use cordon_store::limits::ASK_MS_MAX;

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

    /// Returns what whoever asks had others approve, when it is exactly this, and counts.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Ended`] when what is stored is not whole.
    pub fn asked_for(&self, facts: &Facts) -> Result<Option<AskId>, IdentityError> {
        let (snapshot, hash) = (self.snapshot()?, facts.asked_hash());
        let own = |asked: &&Asked| asked.by == facts.actor.principal && asked.hash == hash && asked.counts_at(facts.at);
        Ok(snapshot.roster().asks.values().find(own).map(|asked| asked.id))
    }

    /// Asks others to approve exactly this.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Denied`] with what is missing.
    pub async fn ask(&self, facts: &Facts) -> Result<AskId, IdentityError> {
        let (snapshot, id) = (self.snapshot()?, AskId::draw(&mut SystemEntropy));
        let by = facts.actor.principal;
        let own = snapshot.roster().principals.get(&by).ok_or(IdentityError::Wrong)?;
        let asked = Asked {
            id,
            action: facts.action,
            target: facts.target.clone(),
            hash: facts.asked_hash(),
            by,
            owner: own.owner,
            reason: facts.reason.clone().unwrap_or_default(),
            at: facts.at,
            ends: facts.at.plus_ms(ASK_MS_MAX),
            approvals: Vec::new(),
            change: facts.beside.clone(),
        };
        let Target { bucket, version, label, .. } = facts.target.clone();
        let step = Step::Put(Record::Ask(Box::new(asked)));
        let target = Target { bucket, version, label, principal: Some(by), record: Some(step.key()) };
        self.change_records::<Ask>(Facts { target, beside: Vec::new(), ..facts.clone() }, vec![step]).await?;
        Ok(id)
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
