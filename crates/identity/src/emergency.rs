//! Emergencies: whoever needs access that no policy gives asks for it, opens it when others agreed, and somebody else
//! reviews it.

use cordon_domain::limits::RECORD_TEXT_BYTES_MAX;
use cordon_domain::{
    Action, AskId, Asked, AskedHash, Credential, Emergency, EmergencyId, Record, RecordKey, Step, Steps, Target,
};
use cordon_gate::Facts;
use cordon_gate::act::{AskEmergency, OpenEmergency, Review};
use cordon_store::edge::SystemEntropy;
use cordon_store::limits::EMERGENCY_MS_MAX;

use crate::error::IdentityError;
use crate::identity::{Identity, Visit};

/// What people say of an emergency is read by everybody, in terminals and logs, too: one line, within the bound of records.
fn plain(reason: &str) -> Result<String, IdentityError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > RECORD_TEXT_BYTES_MAX || reason.chars().any(char::is_control) {
        return Err(IdentityError::Weak("say why, in one line of at most 1024 bytes"));
    }
    Ok(reason.to_owned())
}

impl Identity {
    /// Asks others to open an emergency for whoever is signed in, from now on for an hour.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Denied`] with what is missing.
    pub async fn ask_emergency(
        &self,
        session: &Credential,
        (reason, writes): (&str, bool),
        visit: &Visit,
    ) -> Result<AskId, IdentityError> {
        self.catch_up().await;
        let (now, principal) = (self.now(), session.principal);
        let owner = self.active(principal)?.owner;
        let (until, reason) = (now.plus_ms(EMERGENCY_MS_MAX), plain(reason)?);
        let id = EmergencyId::draw(&mut SystemEntropy);
        let emergency = Emergency { id, principal, since: now, until, reason: reason.clone(), writes, owner };
        let change = Steps(vec![Step::Put(Record::Emergency(emergency))]).encoded();
        let record = Some(RecordKey::Emergency(id));
        let target = Target { principal: Some(principal), record, ..Target::default() };
        let asked = Asked {
            id: AskId::draw(&mut SystemEntropy),
            action: Action::EmergencyOpen,
            hash: AskedHash::of(Action::EmergencyOpen, &target, &change, &reason),
            target,
            by: principal,
            owner,
            reason: reason.clone(),
            at: now,
            ends: until,
            approvals: Vec::new(),
            change,
        };
        let id = asked.id;
        let facts = self.facts_of(Action::EmergencyAsk, session, principal, visit);
        let facts = Facts { reason: Some(reason), ..facts };
        self.change_records::<AskEmergency>(facts, vec![Step::Put(Record::Ask(Box::new(asked)))]).await?;
        Ok(id)
    }

    /// Opens an emergency that others agreed to.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`] when whoever is signed in asked for none under this name; [`IdentityError::Denied`] with
    /// what is missing.
    pub async fn open_emergency(
        &self,
        session: &Credential,
        ask: AskId,
        visit: &Visit,
    ) -> Result<Emergency, IdentityError> {
        self.catch_up().await;
        let snapshot = self.snapshot()?;
        let own = |asked: &&Asked| asked.by == session.principal && asked.action == Action::EmergencyOpen;
        let asked = snapshot.roster().asks.get(&ask).filter(own).ok_or(IdentityError::Wrong)?;
        let steps = Steps::decoded(&asked.change).unwrap_or_default();
        let [Step::Put(Record::Emergency(emergency))] = steps.0.as_slice() else { return Err(IdentityError::Wrong) };
        let emergency = emergency.clone();
        let facts = self.facts_of(Action::EmergencyOpen, session, session.principal, visit);
        let facts = Facts { reason: Some(asked.reason.clone()), approval: Some(ask), ..facts };
        self.change_records::<OpenEmergency>(facts, steps.0).await?;
        Ok(emergency)
    }

    /// Closes an emergency of somebody else after looking into it.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Wrong`] when there is none; [`IdentityError::Denied`] with what is missing.
    pub async fn review_emergency(
        &self,
        session: &Credential,
        id: EmergencyId,
        reason: &str,
        visit: &Visit,
    ) -> Result<(), IdentityError> {
        self.catch_up().await;
        let reason = plain(reason)?;
        let snapshot = self.snapshot()?;
        let emergency = snapshot.roster().emergencies.get(&id).ok_or(IdentityError::Wrong)?;
        let facts = self.facts_of(Action::EmergencyReview, session, emergency.principal, visit);
        let facts = Facts { reason: Some(reason), ..facts };
        self.change_records::<Review>(facts, vec![Step::End(RecordKey::Emergency(id))]).await
    }
}
