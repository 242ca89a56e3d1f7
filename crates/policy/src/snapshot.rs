//! Roster and policies at one moment, and how a question is put to them.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

#[cfg(test)]
use cedar_policy::Decision;
use cedar_policy::{Authorizer, Context, Effect, Request, RestrictedExpression as Value};
use cordon_domain::{
    Action, Demand, Factor, Grant, GrantId, Level, Moment, Network, Principal, PrincipalId, Project, RecordKey, Role,
    Roster, Scope, Target, Vendor, VersionId,
};
use cordon_gate::{Epoch, Facts};

use crate::Map;
use crate::book::{Book, Cut, Part, Slice};
use crate::circumstances::{Circumstances, Opened};
use crate::rule::PolicyError;
use crate::sight::{Memory, Prepared, Seen, Sight, Standing, seen};
use crate::words::{Attribute, What, Who};

/// Roster and policies at one moment.
pub struct Snapshot {
    /// The revocation epoch at which they held.
    pub epoch: Epoch,
    roster: Roster,
    book: Arc<Book>,
    grants: Map<PrincipalId, Vec<GrantId>>,
    memory: Memory,
    locked: Vec<RecordKey>,
}

/// A resource as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) what: What,
    pub(crate) level: Level,
    pub(crate) projects: BTreeSet<Project>,
}

/// One who asks, for something, on something; and what the roster says of them there.
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) action: Action,
    pub(crate) target: &'a Target,
    pub(crate) grants: Vec<&'a Grant>,
    pub(crate) contract: Option<&'a Vendor>,
    pub(crate) who: Who,
    /// The projects of the principal that are open.
    pub(crate) projects: Vec<&'a Project>,
    pub(crate) resource: Resource,
    pub(crate) standing: Standing,
    demand: Demand,
    pub(crate) slice: Slice<'a>,
    /// What is known of it, by part.
    seen: OnceCell<Vec<Arc<Seen>>>,
    memory: &'a Memory,
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) allowed: bool,
    /// The policies that decided, by name, in order.
    pub(crate) rules: Vec<String>,
    /// What went wrong; it is denied then.
    pub(crate) errors: Vec<String>,
}

/// What one part of the policies says: all of them that hold, and what went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    permits: Vec<String>,
    forbids: Vec<String>,
    errors: Vec<String>,
}

impl Said {
    /// A part that could not be asked: whatever others say, it is denied.
    fn failed(error: String) -> Self {
        Self { errors: vec![error], ..Self::default() }
    }
}

impl Snapshot {
    /// Takes a roster, and reads the organisation's policies in it.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when they do not fit the schema.
    pub fn new(roster: Roster, epoch: Epoch) -> Result<Self, PolicyError> {
        let book = Arc::new(Book::read(&roster.policies.text)?);
        Ok(Self::with(roster, epoch, book))
    }

    /// Takes another roster; the policies are read again only when they are others.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when they do not fit the schema.
    pub fn next(&self, roster: Roster, epoch: Epoch) -> Result<Self, PolicyError> {
        if roster.policies == self.roster.policies {
            return Ok(Self::with(roster, epoch, Arc::clone(&self.book)));
        }
        Self::new(roster, epoch)
    }

    /// The same policies on another roster, to ask what would be.
    pub(crate) fn supposing(&self, roster: Roster) -> Self {
        Self::with(roster, self.epoch, Arc::clone(&self.book))
    }

    fn with(roster: Roster, epoch: Epoch, book: Arc<Book>) -> Self {
        let mut grants: Map<PrincipalId, Vec<GrantId>> = Map::default();
        for grant in roster.grants.values() {
            grants.entry(grant.principal).or_default().push(grant.id);
        }
        Self { epoch, roster, book, grants, memory: Memory::default(), locked: Vec::new() }
    }

    /// Says which records are locked, because their rows were changed beside Cordon.
    #[must_use]
    pub fn with_locked(self, locked: Vec<RecordKey>) -> Self {
        Self { locked, ..self }
    }

    /// Returns which records are locked.
    #[must_use]
    pub fn locked(&self) -> &[RecordKey] {
        &self.locked
    }

    /// How many other humans must approve this.
    pub(crate) fn approvals_demanded(&self, facts: &Facts) -> usize {
        let what = what_of(&facts.target);
        let demand = self.demand(facts.action, what, resource(what, &facts.target).level);
        usize::try_from(demand.approvals).unwrap_or(usize::MAX)
    }

    /// Returns the roster.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// Puts a question; `None` when policies do not decide on the action, or the principal is none of theirs.
    pub(crate) fn question<'a>(
        &'a self,
        principal: &'a Principal,
        action: Action,
        target: &'a Target,
        at: Moment,
    ) -> Option<Question<'a>> {
        self.question_with(&self.memory, principal, action, target, at)
    }

    /// The same, whose answers are kept in another memory.
    pub(crate) fn question_with<'a>(
        &'a self,
        memory: &'a Memory,
        principal: &'a Principal,
        action: Action,
        target: &'a Target,
        at: Moment,
    ) -> Option<Question<'a>> {
        let who = Who::of(principal.kind)?;
        let what = what_of(target);
        let slice = self.book.slice(Cut { action, who, what }, principal, self.roster.projects(principal), target)?;
        let resource = resource(what, target);
        let grants: Vec<&Grant> = self.grants_on(principal.id, target, at).collect();
        Some(Question {
            standing: self.standing(principal, target, &grants, at),
            grants,
            contract: self.roster.contract(principal),
            demand: self.demand(action, what, resource.level),
            projects: self.roster.projects(principal).collect(),
            resource,
            principal,
            who,
            action,
            target,
            slice,
            seen: OnceCell::new(),
            memory,
        })
    }

    /// What the roster says of a principal on a target, beyond who they are.
    fn standing(&self, principal: &Principal, target: &Target, grants: &[&Grant], at: Moment) -> Standing {
        let concerned = target.principal.is_some_and(|other| {
            let owner = self.roster.principals.get(&other).map_or(other, |other| other.owner);
            owner == principal.owner || other == principal.id
        });
        let roles = grants.iter().map(|grant| grant.role).collect();
        Standing {
            embargoed: self.roster.is_embargoed(target, &roles, at),
            roles,
            opened: self.opened(principal.id, at),
            active: self.roster.is_active(principal, at),
            trained: principal.trained_until.is_some_and(|until| at < until),
            concerns_self: concerned,
        }
    }

    /// What is demanded here: of the level, and of an installation what restricted demands, but no training.
    fn demand(&self, action: Action, what: What, level: Level) -> Demand {
        match what {
            What::Installation => self.demand_of_installation(action),
            What::Bucket | What::Object => *self.roster.levels.of(level),
        }
    }

    /// Whoever signs in has shown what internal demands, or sees nothing; whoever adds a way to sign in, or a device, has
    /// just shown what restricted does, on any device; an invitation shows itself.
    fn demand_of_installation(&self, action: Action) -> Demand {
        let levels = &self.roster.levels;
        let whole = Demand { training: false, ..levels.restricted };
        let own = Demand { known_device: false, ..whole };
        match action {
            Action::SignOut | Action::InvitationAccept => Demand { factor: Factor::None, ..own },
            Action::SignIn => {
                Demand { factor_age_s: levels.internal.factor_age_s, factor: levels.internal.factor, ..own }
            }
            Action::SessionKeys | Action::KnowledgeTake => Demand { factor: levels.internal.factor, ..own },
            Action::AuthenticatorEnrol | Action::DeviceEnrol => own,
            Action::EmergencyOpen => Demand { approvals: levels.emergency_approvals, ..whole },
            _ => whole,
        }
    }

    fn opened(&self, principal: PrincipalId, at: Moment) -> Opened {
        let open = self.roster.emergencies.values().filter(|one| one.principal == principal && one.is_open(at));
        open.map(|one| if one.writes { Opened::Writes } else { Opened::Reads }).max().unwrap_or_default()
    }

    /// Returns the versions that a policy, or a grant, publication or embargo that counts, names: among those with their label they are apart.
    #[must_use]
    pub fn versions_named(&self, at: Moment) -> BTreeSet<VersionId> {
        let granted = self.roster.grants.values().filter(|grant| grant.counts_at(at));
        let granted = granted.filter_map(|grant| match grant.scope {
            Scope::Version(version) => Some(version),
            _ => None,
        });
        let published = self.roster.publications.values().filter(|one| one.counts_at(at)).map(|one| one.version);
        let embargoed = self.roster.embargoes.values().filter(|one| one.counts_at(at));
        let embargoed = embargoed.filter_map(|one| one.target().version);
        granted.chain(self.book.versions()).chain(published).chain(embargoed).collect()
    }

    /// Returns the grants of a principal, those that have ended among them.
    pub fn grants_of(&self, principal: PrincipalId) -> impl Iterator<Item = &Grant> {
        let ids = self.grants.get(&principal).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.roster.grants.get(id))
    }

    pub(crate) fn grants_on<'a>(
        &'a self,
        principal: PrincipalId,
        target: &'a Target,
        at: Moment,
    ) -> impl Iterator<Item = &'a Grant> {
        self.grants_of(principal).filter(move |grant| grant.counts_at(at) && grant.scope.covers(target))
    }

    /// Answers with all policies, uncut, and remembers nothing.
    #[cfg(test)]
    pub(crate) fn answer_whole(&self, question: &Question<'_>, circumstances: &Circumstances) -> Answer {
        let prepared = Memory::default().seen(Sight::whole(question)).prepared(question).expect("prepared");
        let request = question.request(circumstances, u32::MAX, &prepared).expect("a request");
        let response = Authorizer::new().is_authorized(&request, &self.book.whole(), &prepared.entities);
        let mut rules: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let mut errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        rules.sort_unstable();
        errors.sort_unstable();
        Answer { allowed: response.decision() == Decision::Allow && errors.is_empty(), rules, errors }
    }
}

/// What a part says, which is asked when it is not known.
fn said_by(question: &Question<'_>, part: &Part, known: &Seen, circumstances: &Circumstances) -> Arc<Said> {
    let circumstances = seen(question, part, circumstances);
    if let Some(said) = known.said(&circumstances) {
        return said;
    }
    let said = Arc::new(asked(question, &circumstances, part, known).unwrap_or_else(Said::failed));
    known.keep(circumstances, Arc::clone(&said));
    said
}

/// Puts a question to a part. Cedar names what permits only where nothing forbids: each kind is asked for itself.
fn asked(question: &Question<'_>, circumstances: &Circumstances, part: &Part, known: &Seen) -> Result<Said, String> {
    let prepared = known.prepared(question)?;
    let request = question.request(circumstances, part.attributes(), &prepared)?;
    let mut said = Said::default();
    for (policies, holds) in [(&part.permits, &mut said.permits), (&part.forbids, &mut said.forbids)] {
        if !policies.is_empty() {
            let response = Authorizer::new().is_authorized(&request, policies, &prepared.entities);
            holds.extend(response.diagnostics().reason().map(ToString::to_string));
            said.errors.extend(response.diagnostics().errors().map(ToString::to_string));
        }
    }
    Ok(said)
}

/// What one set of all the policies would say: what any part forbids is denied, what any permits is allowed then, and what
/// none speaks of is denied. Cedar passes over a policy that errs, and one that forbids would open the door: here it
/// denies.
fn combined(parts: impl Iterator<Item = Arc<Said>>) -> Answer {
    let mut all = Said::default();
    for said in parts {
        all.permits.extend_from_slice(&said.permits);
        all.forbids.extend_from_slice(&said.forbids);
        all.errors.extend_from_slice(&said.errors);
    }
    let allowed = all.forbids.is_empty() && !all.permits.is_empty() && all.errors.is_empty();
    let mut rules = if all.forbids.is_empty() { all.permits } else { all.forbids };
    rules.sort_unstable();
    all.errors.sort_unstable();
    Answer { allowed, rules, errors: all.errors }
}

fn resource(what: What, target: &Target) -> Resource {
    // What has no label is restricted; an installation has no level of its own.
    let label = target.label.as_ref().filter(|_| what != What::Installation);
    let none = if what == What::Installation { Level::Public } else { Level::Restricted };
    Resource {
        what,
        level: label.map_or(none, |label| label.level),
        projects: label.map_or_else(BTreeSet::new, |label| label.projects.clone()),
    }
}

impl Question<'_> {
    /// What is demanded here.
    pub(crate) const fn demand(&self) -> &Demand {
        &self.demand
    }

    /// What is known of it, by part.
    pub(crate) fn seen(&self) -> &[Arc<Seen>] {
        let all = || self.slice.parts.iter().map(|part| self.memory.seen(Sight::of(self, part)));
        self.seen.get_or_init(|| all().collect())
    }

    fn said(&self, circumstances: &Circumstances) -> impl Iterator<Item = Arc<Said>> {
        let parts = self.slice.parts.iter().zip(self.seen());
        parts.map(move |(part, seen)| said_by(self, part, seen, circumstances))
    }

    /// Answers a question in circumstances.
    pub(crate) fn answer(&self, circumstances: &Circumstances) -> Answer {
        combined(self.said(circumstances))
    }

    /// Tells whether a question is answered with yes.
    pub(crate) fn allows(&self, circumstances: &Circumstances) -> bool {
        let mut permitted = false;
        let denied = self.said(circumstances).any(|said| {
            permitted |= !said.permits.is_empty();
            !said.forbids.is_empty() || !said.errors.is_empty()
        });
        permitted && !denied
    }

    /// Tells whether a policy permits, whatever others forbid.
    pub(crate) fn is_permitted(&self, circumstances: &Circumstances) -> bool {
        self.said(circumstances).any(|said| !said.permits.is_empty())
    }

    /// Networks of the contract, if it names any.
    pub(crate) fn networks(&self) -> &[Network] {
        self.contract.map_or(&[], |contract| contract.networks.as_slice())
    }

    pub(crate) fn in_contract_network(&self, address: Option<IpAddr>) -> bool {
        let holds = |address| self.networks().iter().any(|network| network.holds(address));
        self.networks().is_empty() || address.is_some_and(holds)
    }

    fn request(&self, circumstances: &Circumstances, attributes: u32, prepared: &Prepared) -> Result<Request, String> {
        let context = self.context(circumstances, attributes)?;
        let Prepared { principal, action, resource, .. } = prepared;
        let request = Request::new(principal.clone(), action.clone(), resource.clone(), context, None);
        request.map_err(|error| error.to_string())
    }

    /// Only what the policies look at is made.
    fn context(&self, circumstances: &Circumstances, attributes: u32) -> Result<Context, String> {
        let Demand { factor, factor_age_s, known_device, training, approvals, .. } = self.demand;
        let long = |number: i64| Value::new_long(number);
        let flag = Value::new_bool;
        let count = |number: usize| Value::new_long(i64::try_from(number).unwrap_or(i64::MAX));
        let roles =
            || Value::new_set(self.standing.roles.iter().map(|role| Value::new_string(role.as_str().to_owned())));
        let mut pairs = Vec::with_capacity(20);
        let mut give = |attribute: Attribute, value: &dyn Fn() -> Value| {
            if attributes & attribute.bit() != 0 {
                pairs.push((attribute.as_str().to_owned(), value()));
            }
        };
        give(Attribute::Now, &|| long(circumstances.at.0));
        give(Attribute::Hour, &|| long(circumstances.hour.into()));
        give(Attribute::Weekday, &|| long(circumstances.weekday.into()));
        give(Attribute::Roles, &roles);
        give(Attribute::Factor, &|| long(circumstances.factor.number().into()));
        give(Attribute::FactorAge, &|| long(circumstances.factor_age_s.into()));
        give(Attribute::KnownDevice, &|| flag(circumstances.known_device));
        give(Attribute::ContractNetwork, &|| flag(self.in_contract_network(circumstances.address)));
        give(Attribute::Trained, &|| flag(self.standing.trained));
        give(Attribute::Active, &|| flag(self.standing.active));
        give(Attribute::ConcernsSelf, &|| flag(self.standing.concerns_self));
        give(Attribute::Approvals, &|| count(circumstances.approvals));
        give(Attribute::Emergency, &|| Value::new_string(self.standing.opened.as_str().to_owned()));
        give(Attribute::Pending, &|| flag(circumstances.pending));
        give(Attribute::Embargoed, &|| flag(self.standing.embargoed));
        give(Attribute::RequiredFactor, &|| long(factor.number().into()));
        give(Attribute::RequiredFactorAge, &|| long(factor_age_s.into()));
        give(Attribute::RequiredDevice, &|| flag(known_device));
        give(Attribute::RequiredTraining, &|| flag(training));
        give(Attribute::RequiredApprovals, &|| long(approvals.into()));
        if let Some(address) = circumstances.address {
            give(Attribute::Address, &|| Value::new_ip(address.to_canonical().to_string()));
        }
        Context::from_pairs(pairs).map_err(|error| error.to_string())
    }

    /// The grants on which a decision by `rules` rests.
    pub(crate) fn grants_behind(&self, rules: &[String], book: &Book) -> Vec<GrantId> {
        let permits = rules.iter().filter_map(|name| book.rule(name)).filter(|rule| rule.effect == Effect::Permit);
        let roles: BTreeSet<Role> = permits.flat_map(|rule| rule.roles.iter().copied()).collect();
        self.grants.iter().filter(|grant| roles.contains(&grant.role)).map(|grant| grant.id).collect()
    }
}

/// What policies see of a target.
pub(crate) const fn what_of(target: &Target) -> What {
    match (&target.version, &target.bucket) {
        (Some(_), _) => What::Object,
        (None, Some(_)) => What::Bucket,
        (None, None) => What::Installation,
    }
}

#[cfg(test)]
mod tests {
    use cordon_domain::{Policies, Record};

    use super::*;

    #[test]
    fn a_part_that_could_not_be_asked_denies_what_others_permit() {
        let permits = || Arc::new(Said { permits: vec!["readers".to_owned()], ..Said::default() });
        assert!(combined([permits()].into_iter()).allowed);
        let failed = combined([permits(), Arc::new(Said::failed("torn".to_owned()))].into_iter());
        assert!(!failed.allowed);
        assert_eq!(failed.errors, ["torn"]);
    }

    #[test]
    fn versions_that_a_grant_a_scope_or_a_condition_names_are_told() {
        let id = |number: u8| VersionId([number; 16]);
        let text = format!(
            "permit (principal, action == Action::\"object.read\", resource == Object::\"{}\");
             forbid (principal, action == Action::\"object.read\", resource is Object) when {{ resource == Object::\"{}\" }};",
            id(1),
            id(2)
        );
        let mut roster = Roster { policies: Policies { version: 1, text }, ..Roster::default() };
        let grant = |number: u8, scope| {
            Record::Grant(Grant {
                id: GrantId([number; 16]),
                principal: PrincipalId([1; 16]),
                role: Role::Reader,
                scope,
                starts: Moment(0),
                ends: None,
                reason: String::new(),
                given_by: PrincipalId([1; 16]),
            })
        };
        roster.put(grant(1, Scope::Version(id(3))));
        roster.put(grant(2, Scope::Installation));
        let Record::Grant(ended) = grant(3, Scope::Version(id(4))) else { return };
        roster.put(Record::Grant(Grant { ends: Some(Moment(1)), ..ended }));
        let snapshot = Snapshot::new(roster, Epoch::ANY).expect("valid");
        assert_eq!(snapshot.versions_named(Moment(1)), [1, 2, 3].map(id).into());
    }

    #[test]
    fn of_circumstances_only_what_is_looked_at_is_made() {
        let mut roster = Roster::default();
        let someone = crate::proofs::someone();
        roster.put(Record::Principal(someone.clone()));
        let snapshot = Snapshot::new(roster, Epoch::ANY).expect("valid");
        let target = Target::default();
        let question = snapshot.question(&someone, Action::SignOut, &target, Moment(0)).expect("decided");
        let context = question.context(&Circumstances::worst(Moment(0)), Attribute::Factor.bit()).expect("made");
        let names: Vec<String> = context.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["factor"]);
    }
}
