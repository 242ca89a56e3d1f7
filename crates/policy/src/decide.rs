//! The decision: the one place where a request meets the policies.

use std::sync::{Arc, RwLock};

use cedar_policy::Effect;
use cordon_domain::{Action, Factor, Moment, Principal, PrincipalId, PrincipalKind, Role, Target};
use cordon_gate::{Decide, Epoch, Facts, Grounds, Refusal, Verdict};

use crate::circumstances::Circumstances;
use crate::itself::Itself;
use crate::limits::KNOWING_MAX;
use crate::operator::LocalOperator;
use crate::possible::Possible;
use crate::rule::Rule;
use crate::snapshot::{Answer, Question, Snapshot, what_of};
use crate::words::What;

/// Who acts and stands in no roster: what they may do stands in the program.
#[derive(Clone, Debug)]
pub enum Unlisted {
    /// The person at the machine.
    Operator(LocalOperator),
    /// Cordon itself.
    Itself(Itself),
}

impl Unlisted {
    /// Decides, when it is they who act.
    fn decided(&self, facts: &Facts, snapshot: Option<&Snapshot>) -> Option<Verdict> {
        let principal = match self {
            Self::Operator(operator) => operator.principal,
            Self::Itself(itself) => itself.principal,
        };
        (principal == facts.actor.principal).then(|| match self {
            Self::Operator(operator) => operator.decided(facts, snapshot),
            Self::Itself(itself) => itself.decided(facts, snapshot),
        })
    }
}

impl From<LocalOperator> for Unlisted {
    fn from(operator: LocalOperator) -> Self {
        Self::Operator(operator)
    }
}

/// Decides on the roster and the policies as they are now.
pub struct Policies {
    unlisted: Option<Unlisted>,
    state: RwLock<State>,
}

enum State {
    Open(Arc<Snapshot>),
    /// What decisions rest on is not whole: everything is denied.
    Locked(String),
}

impl Policies {
    /// Begins with a snapshot, and with who acts beside those in it, if anyone does.
    #[must_use]
    pub fn new(snapshot: Snapshot, unlisted: Option<Unlisted>) -> Self {
        Self { unlisted, state: RwLock::new(State::Open(Arc::new(snapshot))) }
    }

    /// Begins locked.
    #[must_use]
    pub fn locked(reason: String, unlisted: Option<Unlisted>) -> Self {
        Self { unlisted, state: RwLock::new(State::Locked(reason)) }
    }

    /// Decides on another snapshot from now on, unless a newer one is here.
    pub fn replace(&self, snapshot: Snapshot) {
        let Ok(mut state) = self.state.write() else { return };
        if !matches!(&*state, State::Open(own) if own.epoch > snapshot.epoch) {
            *state = State::Open(Arc::new(snapshot));
        }
    }

    /// Denies everything from now on.
    pub fn lock(&self, reason: String) {
        if let Ok(mut state) = self.state.write() {
            *state = State::Locked(reason);
        }
    }

    /// Returns what decisions rest on now.
    ///
    /// # Errors
    ///
    /// Why everything is denied.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, String> {
        match self.state.read().as_deref() {
            Ok(State::Open(snapshot)) => Ok(Arc::clone(snapshot)),
            Ok(State::Locked(reason)) => Err(reason.clone()),
            Err(_) => Err("a thread died over the policies".to_owned()),
        }
    }
}

impl Decide for Policies {
    fn evaluate(&self, facts: &Facts) -> Verdict {
        let snapshot = self.snapshot();
        // A stranger names a publication, and nobody who acts, whatever its number.
        let unlisted = self.unlisted.as_ref().filter(|_| facts.actor.kind != PrincipalKind::Stranger);
        let unlisted = unlisted.and_then(|one| one.decided(facts, snapshot.as_deref().ok()));
        if let Some(verdict) = unlisted {
            return verdict;
        }
        match snapshot {
            Ok(snapshot) => snapshot.verdict(facts),
            Err(reason) => denied(&format!("what decisions rest on is locked: {reason}"), Epoch::ANY),
        }
    }
}

/// A denial that reveals nothing.
pub(crate) fn denied(missing: &str, epoch: Epoch) -> Verdict {
    let refusal = Refusal { missing: vec![missing.to_owned()], ask: None, hidden: true };
    Verdict::Deny(refusal, Grounds { epoch, ..Grounds::default() })
}

impl Snapshot {
    /// Decides.
    #[must_use]
    pub fn verdict(&self, facts: &Facts) -> Verdict {
        if facts.actor.kind == PrincipalKind::Stranger {
            return self.published(facts);
        }
        let Some(principal) = self.roster().principals.get(&facts.actor.principal) else {
            return denied("an account: this one is not there, or was revoked", self.epoch);
        };
        if let Some(missing) = self.not_shown(facts, principal) {
            return denied(missing, self.epoch);
        }
        let Some(question) = self.question(principal, facts.action, &facts.target, facts.at) else {
            return denied(&format!("a policy that decides on `{}`", facts.action), self.epoch);
        };
        let circumstances = self.circumstances(facts, principal.owner);
        let answer = question.answer(&circumstances);
        let grants = question.grants_behind(&answer.rules, self.book());
        let grounds = Grounds { policies: answer.rules.clone(), grants, epoch: self.epoch };
        if answer.allowed {
            return Verdict::Allow(grounds);
        }
        Verdict::Deny(self.refusal(&question, &circumstances, &answer), grounds)
    }

    /// What somebody must be, and show, whatever they ask.
    fn not_shown(&self, facts: &Facts, principal: &Principal) -> Option<&'static str> {
        if principal.kind != facts.actor.kind {
            return Some("an account of this kind");
        }
        if facts.actor.device.is_some_and(|device| self.roster().device_of(device, principal.id).is_none()) {
            return Some("a device that is enrolled: this one is not, or was revoked");
        }
        let revoked = facts.actor.credential.is_some_and(|id| self.roster().revoked.contains(&id));
        revoked.then_some("a credential that counts: this one was revoked")
    }

    /// Tells whether a request that is refused would be allowed if enough others approved it.
    #[must_use]
    pub fn lacks_only_approval(&self, facts: &Facts) -> bool {
        let Some(principal) = self.roster().principals.get(&facts.actor.principal) else { return false };
        if !matches!(self.verdict(facts), Verdict::Deny(..)) {
            return false;
        }
        let approved = Circumstances { approvals: usize::MAX, ..self.circumstances(facts, principal.owner) };
        let question = self.question(principal, facts.action, &facts.target, facts.at);
        self.not_shown(facts, principal).is_none()
            && question.is_some_and(|question| question.answer(&approved).allowed)
    }

    /// The circumstances of a request.
    pub(crate) fn circumstances(&self, facts: &Facts, owner: PrincipalId) -> Circumstances {
        let actor = &facts.actor;
        let known = actor.device.and_then(|device| self.roster().device_of(device, actor.principal));
        Circumstances {
            factor: actor.factor.unwrap_or(Factor::None),
            factor_age_s: actor.mfa_age_s.unwrap_or(u32::MAX),
            known_device: known.is_some(),
            address: facts.address,
            approvals: self.approvals(facts, owner),
            pending: facts.pending,
            ..Circumstances::worst(facts.at)
        }
    }

    /// Counts the humans whose approval of exactly this counts now: they are other ones, are active, and still are
    /// approvers of it.
    pub(crate) fn approvals(&self, facts: &Facts, owner: PrincipalId) -> usize {
        let asked = facts.approval.and_then(|id| self.roster().asks.get(&id));
        let Some(asked) = asked.filter(|asked| asked.by == facts.actor.principal && asked.owner == owner) else {
            return 0;
        };
        let same = asked.hash == facts.asked_hash() && asked.action == facts.action && asked.target == facts.target;
        if !same || !asked.counts_at(facts.at) {
            return 0;
        }
        asked.approved(|approval| {
            let approver = self.roster().principals.get(&approval.by);
            approver.is_some_and(|approver| {
                approver.owner == approval.owner
                    && self.roster().is_active(approver, facts.at)
                    && self.has_role(approver.id, Role::Approver, facts)
            })
        })
    }

    fn has_role(&self, principal: PrincipalId, role: Role, facts: &Facts) -> bool {
        self.grants_on(principal, &facts.target, facts.at).any(|grant| grant.role == role)
    }

    /// Tells whether anyone other than the human `owner` could approve something like this: an approver who may, in some
    /// circumstances, and has a device where one is needed. A record that is locked may have been theirs.
    pub(crate) fn has_approver(&self, facts: &Facts, owner: PrincipalId) -> bool {
        let target = Target { principal: Some(facts.actor.principal), ..facts.target.clone() };
        let has_device = |id| self.roster().devices.values().any(|device| device.owner == id);
        let mut others = self.roster().principals.values().filter(|other| other.owner != owner);
        others.any(|other| {
            let question = self.question(other, Action::Approve, &target, facts.at);
            question.is_some_and(|question| {
                (!question.demand().known_device || has_device(other.id))
                    && self.possible_within(&question, facts.at, KNOWING_MAX) != Possible::Never
            })
        }) || !self.locked().is_empty()
    }

    /// Says what is missing, and whom to ask; and whether even that says too much.
    pub(crate) fn refusal(&self, question: &Question<'_>, circumstances: &Circumstances, answer: &Answer) -> Refusal {
        let rules = answer.rules.iter().filter_map(|name| self.book().rule(name));
        // Where a policy errs, it is denied though others permit it.
        let rules: Vec<&Rule> = rules.filter(|rule| rule.effect == Effect::Forbid).collect();
        let said = |rule: &&Rule| match &rule.missing {
            Some(text) => question.filled(text).replace("{embargo}", &self.embargo_ends(question, circumstances.at)),
            None => format!("what `{}` forbids is not done", rule.name),
        };
        let mut missing: Vec<String> = rules.iter().map(said).collect();
        let mut ask = rules.iter().find_map(|rule| rule.ask.clone());
        if !answer.errors.is_empty() {
            missing.push(format!("policies that can be evaluated: {}", answer.errors.join("; ")));
        }
        let silent = answer.rules.is_empty() && answer.errors.is_empty();
        if silent || !question.is_permitted(circumstances) {
            missing.push(format!("a role that allows `{}` here", question.action));
            ask = Some("an owner of it, or the security team".to_owned());
        }
        Refusal { missing, ask, hidden: self.is_hidden(question, circumstances) }
    }

    /// When the last embargo ends that keeps whoever asks from it, in UTC.
    fn embargo_ends(&self, question: &Question<'_>, at: Moment) -> String {
        let roles = &question.standing.roles;
        let keeping = self.roster().embargoes.values().filter(|one| one.keeps(question.target, roles, at));
        keeping.map(|one| one.until).max().map_or_else(String::new, |until| until.to_string())
    }

    /// Whoever could list a thing in no circumstances may not know that it exists. Whoever lacks nothing but a training is told.
    fn is_hidden(&self, question: &Question<'_>, circumstances: &Circumstances) -> bool {
        if what_of(question.target) == What::Installation {
            return false;
        }
        let trained = Principal { trained_until: Some(Moment(i64::MAX)), ..question.principal.clone() };
        let list = self.question(&trained, Action::ObjectList, question.target, circumstances.at);
        let knows = |list| matches!(self.possible_within(&list, circumstances.at, KNOWING_MAX), Possible::In(_));
        !list.is_some_and(knows)
    }
}

impl Question<'_> {
    /// Fills in what a policy leaves open in its text.
    fn filled(&self, text: &str) -> String {
        let demand = self.demand();
        let level = self.target.label.as_ref().map_or("restricted", |label| label.level.as_str());
        let factor = match demand.factor {
            Factor::PhishingResistant => "a passkey",
            Factor::Code => "a passkey, or a password and a code",
            Factor::None => "anything",
        };
        let approvals = match demand.approvals {
            1 => "another person".to_owned(),
            count => format!("{count} other people"),
        };
        let parts = [("{level}", level), ("{factor}", factor), ("{approvals}", &approvals)];
        let filled = parts.iter().fold(text.to_owned(), |text, (key, value)| text.replace(key, value));
        filled.replace("{age}", &duration(demand.factor_age_s))
    }
}

/// Returns a length of time as people say it.
#[must_use]
pub fn duration(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
