//! A question as one part of the policies sees it, and what that part said when it was last asked.
//!
//! Principals, resources and circumstances that the policies of a part cannot tell apart look alike to it: it is asked
//! about them once, as far as it is remembered. Within a snapshot an answer never changes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression as Value};
use cordon_domain::{
    Action, BucketId, Level, Moment, Network, PrincipalId, Project, Role, Vendor, VendorId, VersionId,
};

use crate::Map;
use crate::book::Part;
use crate::circumstances::{Circumstances, Opened};
use crate::limits::{KEPT_ANSWERS_MAX, KEPT_SIGHTS_MAX};
use crate::snapshot::{Question, Said};
use crate::words::{Attribute, Named, What, Who, action_entity, principal_uid, project_uid, rank, uid};

/// What the roster says of a principal on a target, beyond who they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Standing {
    pub(crate) roles: BTreeSet<Role>,
    pub(crate) opened: Opened,
    pub(crate) active: bool,
    pub(crate) trained: bool,
    pub(crate) concerns_self: bool,
    pub(crate) embargoed: bool,
}

/// A question as one part of the policies sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sight {
    part: usize,
    action: Action,
    who: Who,
    /// Nobody in particular, unless the part could tell.
    id: PrincipalId,
    clearance: Level,
    /// Of the projects only those that the part could ask about.
    projects: Vec<Project>,
    vendor: Option<VendorId>,
    standing: Standing,
    what: What,
    bucket: Option<BucketId>,
    version: Option<VersionId>,
    level: Level,
    labelled: BTreeSet<Project>,
}

/// What Cedar needs of a sight.
pub(crate) struct Prepared {
    pub(crate) principal: EntityUid,
    pub(crate) action: EntityUid,
    pub(crate) resource: EntityUid,
    pub(crate) entities: Entities,
}

/// What is known of sights.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Map<Arc<Sight>, Arc<Seen>>>);

/// A sight, and what is known of it.
pub(crate) struct Seen {
    sight: Arc<Sight>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    prepared: Option<Arc<Prepared>>,
    answers: Map<Circumstances, Arc<Said>>,
}

impl Memory {
    /// Returns what is known of a sight. A thread that died over the memory leaves the others without one.
    pub(crate) fn seen(&self, sight: Sight) -> Arc<Seen> {
        let Ok(mut all) = self.0.lock() else { return Arc::new(Seen::of(Arc::new(sight))) };
        if let Some(seen) = all.get(&sight) {
            return Arc::clone(seen);
        }
        if all.len() >= KEPT_SIGHTS_MAX {
            all.clear();
        }
        let sight = Arc::new(sight);
        Arc::clone(all.entry(Arc::clone(&sight)).or_insert_with(|| Arc::new(Seen::of(sight))))
    }
}

impl Seen {
    fn of(sight: Arc<Sight>) -> Self {
        Self { sight, known: Mutex::default() }
    }

    pub(crate) fn said(&self, circumstances: &Circumstances) -> Option<Arc<Said>> {
        self.known.lock().ok()?.answers.get(circumstances).cloned()
    }

    pub(crate) fn keep(&self, circumstances: Circumstances, said: Arc<Said>) {
        let Ok(mut known) = self.known.lock() else { return };
        if known.answers.len() >= KEPT_ANSWERS_MAX {
            known.answers.clear();
        }
        known.answers.insert(circumstances, said);
    }

    /// Returns what Cedar needs; makes it the first time.
    pub(crate) fn prepared(&self, question: &Question<'_>) -> Result<Arc<Prepared>, String> {
        let kept = || self.known.lock().ok()?.prepared.clone();
        if let Some(prepared) = kept() {
            return Ok(prepared);
        }
        let prepared = Arc::new(self.sight.prepare(question.contract)?);
        if let Ok(mut known) = self.known.lock() {
            known.prepared = Some(Arc::clone(&prepared));
        }
        Ok(prepared)
    }
}

impl Sight {
    /// What `part` sees of a question.
    pub(crate) fn of(question: &Question<'_>, part: &Part) -> Self {
        let Question { principal, target, resource, standing, .. } = question;
        let mentions = part.own_mentions();
        let (own, named) = (mentions.principal, part.named());
        let is_named = |project: &Project| matches!(named, Some(Named::Project(named)) if named == project);
        let asked_about = |project: &&&Project| own || is_of_both(part, question, project) || is_named(project);
        let all = part.mentions();
        let in_question =
            |project: &Project| all.resource_projects || part.names(&Named::Project(Project::clone(project)));
        let is_known = own || named == Some(&Named::Principal(principal.id));
        // What is demanded depends on the level.
        let sees_level = all.resource || all.resource_level || part.looks_at_demand();
        let looks = |attribute: Attribute| part.attributes() & attribute.bit() != 0;
        Self {
            part: part.index(),
            action: part.asks(question.action),
            who: question.who,
            id: if is_known { principal.id } else { PrincipalId([0; 16]) },
            clearance: principal.clearance,
            projects: question.projects.iter().filter(asked_about).copied().cloned().collect(),
            vendor: principal.vendor,
            standing: Standing {
                roles: if looks(Attribute::Roles) { standing.roles.clone() } else { BTreeSet::new() },
                opened: if looks(Attribute::Emergency) { standing.opened } else { Opened::Nothing },
                active: standing.active && looks(Attribute::Active),
                trained: standing.trained && looks(Attribute::Trained),
                concerns_self: standing.concerns_self && looks(Attribute::ConcernsSelf),
                embargoed: standing.embargoed && looks(Attribute::Embargoed),
            },
            what: resource.what,
            bucket: target.bucket.filter(|bucket| mentions.resource || part.names(&Named::Bucket(*bucket))),
            version: target.version.filter(|version| mentions.resource || part.names(&Named::Version(*version))),
            level: if sees_level { resource.level } else { Level::Public },
            labelled: resource
                .projects
                .iter()
                .filter(|project| all.resource || in_question(project))
                .cloned()
                .collect(),
        }
    }

    /// What all policies together see.
    #[cfg(test)]
    pub(crate) fn whole(question: &Question<'_>) -> Self {
        let Question { principal, target, .. } = question;
        let projects = question.projects.iter().copied().cloned().collect();
        let (bucket, version, standing) = (target.bucket, target.version, question.standing.clone());
        let (level, labelled) = (question.resource.level, question.resource.projects.clone());
        let none = Self::of(question, &Part::default());
        Self { id: principal.id, projects, bucket, version, standing, level, labelled, ..none }
    }

    fn prepare(&self, contract: Option<&Vendor>) -> Result<Prepared, String> {
        let action = action_entity(self.action).ok_or("the action is not decided by policies")?;
        let (principal, resource) = (self.principal(contract)?, self.resource()?);
        let (principal_uid, resource_uid) = (principal.uid(), resource.uid());
        let entities = Entities::from_entities([principal, action.clone(), resource], None);
        let entities = entities.map_err(|error| error.to_string())?;
        Ok(Prepared { principal: principal_uid, action: action.uid(), resource: resource_uid, entities })
    }

    fn principal(&self, contract: Option<&Vendor>) -> Result<Entity, String> {
        let mut attributes = labelled(self.clearance, "clearance", self.projects.iter());
        let mut parents: HashSet<EntityUid> = self.projects.iter().map(project_uid).collect();
        if self.who == Who::VendorPerson {
            // Without a contract none runs.
            let (starts, ends) = contract.map_or((i64::MAX, i64::MIN), |one| (one.starts.0, one.ends.0));
            let level = contract.map_or(Level::Public, |contract| contract.level);
            let values = [
                ("starts".to_owned(), Value::new_long(starts)),
                ("ends".to_owned(), Value::new_long(ends)),
                ("rank".to_owned(), Value::new_long(rank(level))),
                ("projects".to_owned(), names_of(contract.iter().flat_map(|contract| &contract.projects))),
            ];
            let record = Value::new_record(values).map_err(|error| error.to_string())?;
            attributes.insert("contract".to_owned(), record);
            parents.extend(contract.map(|contract| uid("Vendor", &contract.id.to_string())));
        }
        Entity::new(principal_uid(self.who, self.id), attributes, parents).map_err(|error| error.to_string())
    }

    fn resource(&self) -> Result<Entity, String> {
        let bucket = self.bucket.map(|bucket| bucket.to_string()).unwrap_or_default();
        let (id, within) = match self.what {
            What::Installation => (String::new(), None),
            What::Bucket => (bucket, None),
            What::Object => {
                let id = self.version.map(|version| version.to_string()).unwrap_or_default();
                (id, self.bucket.map(|_| uid("Bucket", &bucket)))
            }
        };
        let attributes = labelled(self.level, "level", self.labelled.iter());
        let parents = self.labelled.iter().map(project_uid).chain(within).collect();
        Entity::new(uid(self.what.as_str(), &id), attributes, parents).map_err(|error| error.to_string())
    }
}

fn labelled<'a>(level: Level, name: &str, projects: impl Iterator<Item = &'a Project>) -> HashMap<String, Value> {
    HashMap::from([
        (name.to_owned(), Value::new_string(level.as_str().to_owned())),
        ("rank".to_owned(), Value::new_long(rank(level))),
        ("projects".to_owned(), names_of(projects)),
    ])
}

fn names_of<'a>(projects: impl Iterator<Item = &'a Project>) -> Value {
    Value::new_set(projects.map(|project| Value::new_string(project.as_str().to_owned())))
}

/// Tells whether a part may ask a resource for a project of the principal.
fn is_of_both(part: &Part, question: &Question<'_>, project: &Project) -> bool {
    part.mentions().resource_projects && question.resource.projects.contains(project)
}

/// Circumstances as a part sees them. The policies of the pack ask only whether a demand is met; an organisation's own may
/// ask for more.
pub(crate) fn seen(question: &Question<'_>, part: &Part, circumstances: &Circumstances) -> Circumstances {
    let looked_at = |attribute: Attribute| part.attributes() & attribute.bit() != 0;
    let own = |attribute| part.own_mentions().has(attribute);
    let none = Circumstances::worst(Moment(0));
    let fresh = circumstances.factor_age_s <= question.demand().factor_age_s;
    let within = question.in_contract_network(circumstances.address);
    let runs = |contract: &&Vendor| contract.starts <= circumstances.at && circumstances.at < contract.ends;
    let required = usize::try_from(question.demand().approvals).unwrap_or(usize::MAX);
    Circumstances {
        at: match (own(Attribute::Now), looked_at(Attribute::Now)) {
            (true, _) => circumstances.at,
            // Of a contract that does not run: its end, when it runs no more.
            (false, true) => question.contract.map_or(Moment(0), |contract| match runs(&contract) {
                true => contract.starts,
                false => contract.ends,
            }),
            (false, false) => none.at,
        },
        hour: if looked_at(Attribute::Hour) { circumstances.hour } else { none.hour },
        weekday: if looked_at(Attribute::Weekday) { circumstances.weekday } else { none.weekday },
        factor: if looked_at(Attribute::Factor) { circumstances.factor } else { none.factor },
        factor_age_s: match (own(Attribute::FactorAge), looked_at(Attribute::FactorAge) && fresh) {
            (true, _) => circumstances.factor_age_s,
            (false, true) => 0,
            (false, false) => none.factor_age_s,
        },
        known_device: circumstances.known_device && looked_at(Attribute::KnownDevice),
        address: match (
            own(Attribute::Address) || own(Attribute::ContractNetwork),
            looked_at(Attribute::ContractNetwork),
        ) {
            (true, _) => circumstances.address,
            (false, true) => question.networks().first().filter(|_| within).map(Network::first),
            (false, false) => None,
        },
        approvals: match (own(Attribute::Approvals), looked_at(Attribute::Approvals)) {
            (true, _) => circumstances.approvals,
            (false, true) => circumstances.approvals.min(required),
            (false, false) => 0,
        },
        pending: circumstances.pending && looked_at(Attribute::Pending),
    }
}
