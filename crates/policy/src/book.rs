//! All policies, and the slice of them that a question needs.
//!
//! A slice is cut by scopes alone: the action, the kinds of principal and resource, and what a scope names. A policy whose
//! scope names nobody stands in the slices of all. Conditions are never looked at, so no policy that could decide is left
//! out. A slice has parts: what everybody's has, and what names this principal or this resource. Each part is evaluated as
//! it is kept; nothing is put together for a question.

use std::collections::BTreeSet;

use cedar_policy::{Effect, PolicySet};
use cordon_domain::{Action, BucketId, Principal, PrincipalId, Project, Target, VendorId, VersionId};

use crate::Map;
use crate::rule::{Mentions, OWN, PolicyError, Rule, rules};
use crate::words::{ACTIONS, Attribute, DEMANDED, Named, PACK, What, Who, resources_of};

/// Policies that are kept together, and what they look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) permits: PolicySet,
    pub(crate) forbids: PolicySet,
    mentions: Mentions,
    own_mentions: Mentions,
    own_permits_vary: bool,
    /// Its policies, by number.
    members: Vec<u32>,
    /// Tells parts apart that could answer differently.
    index: usize,
    /// The action that its questions are put with: of actions that have the same policies, none of which asks for the
    /// action, one stands for all.
    asks: Option<Action>,
    /// What the scopes of all its policies name.
    named: Option<Named>,
    /// What other than that they name.
    others: BTreeSet<Named>,
}

/// Policies that a question needs.
#[derive(Clone, Debug)]
pub(crate) struct Slice<'a> {
    pub(crate) parts: Vec<&'a Part>,
}

/// All policies.
#[derive(Debug)]
pub(crate) struct Book {
    rules: Map<String, Rule>,
    common: Map<Cut, Part>,
    principals: Map<PrincipalId, Map<Cut, Part>>,
    vendors: Map<VendorId, Map<Cut, Part>>,
    projects: Map<Project, Map<Cut, Part>>,
    buckets: Map<BucketId, Map<Cut, Part>>,
    versions: Map<VersionId, Map<Cut, Part>>,
}

/// A question as far as slices depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cut {
    pub(crate) action: Action,
    pub(crate) who: Who,
    pub(crate) what: What,
}

impl Part {
    fn add(&mut self, rule: &Rule, number: u32) {
        let policies = if rule.effect == Effect::Permit { &mut self.permits } else { &mut self.forbids };
        // Names are told apart when they are read: adding one does not fail. One that is there already is not added again.
        if policies.add(rule.policy.clone()).is_err() {
            return;
        }
        self.mentions.add(&rule.mentions);
        if rule.name.starts_with(OWN) {
            self.own_mentions.add(&rule.mentions);
            self.own_permits_vary |= rule.effect == Effect::Permit && rule.mentions.vary();
        }
        self.members.push(number);
        self.others.extend(rule.principal.named.iter().chain(&rule.resource.named).cloned());
    }

    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    /// The action that it is asked about, when the question is about another that looks the same to it.
    pub(crate) fn asks(&self, action: Action) -> Action {
        self.asks.unwrap_or(action)
    }

    pub(crate) const fn named(&self) -> Option<&Named> {
        self.named.as_ref()
    }

    /// Tells whether one of their scopes names this.
    pub(crate) fn names(&self, named: &Named) -> bool {
        self.others.contains(named)
    }

    pub(crate) const fn attributes(&self) -> u32 {
        self.mentions.attributes()
    }

    /// Tells whether they look at what is demanded.
    pub(crate) fn looks_at_demand(&self) -> bool {
        DEMANDED.into_iter().any(|attribute| self.mentions.has(attribute))
    }

    pub(crate) const fn mentions(&self) -> &Mentions {
        &self.mentions
    }

    pub(crate) const fn own_mentions(&self) -> &Mentions {
        &self.own_mentions
    }
}

impl<'a> Slice<'a> {
    /// What an organisation's own policies among them look at.
    pub(crate) fn own_mentions(&self) -> impl Iterator<Item = &'a Mentions> + Clone {
        self.parts.iter().map(|part| &part.own_mentions)
    }

    /// Tells whether an organisation's own policies among them look at an attribute.
    pub(crate) fn own_look_at(&self, attribute: Attribute) -> bool {
        self.own_mentions().any(|mentions| mentions.has(attribute))
    }

    /// Whether one of those that permits looks at circumstances.
    pub(crate) fn own_permits_vary(&self) -> bool {
        self.parts.iter().any(|part| part.own_permits_vary)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.members.len()).sum()
    }
}

/// All questions that the schema knows, as far as slices depend on them. Others have no slice, and are denied.
fn cuts() -> impl Iterator<Item = Cut> {
    let kinds = |whats: Vec<What>| {
        Who::ALL.into_iter().flat_map(move |who| whats.clone().into_iter().map(move |what| (who, what)))
    };
    ACTIONS.iter().flat_map(move |(action, entity)| {
        kinds(resources_of(&entity.uid())).map(|(who, what)| Cut { action: *action, who, what })
    })
}

impl Book {
    /// Reads the organisation's own policies, beside those that every installation has.
    pub(crate) fn read(own: &str) -> Result<Self, PolicyError> {
        let mut book = Self {
            rules: Map::default(),
            common: Map::default(),
            principals: Map::default(),
            vendors: Map::default(),
            projects: Map::default(),
            buckets: Map::default(),
            versions: Map::default(),
        };
        let mut all = rules(PACK, "")?;
        all.extend(rules(own, OWN)?);
        for (number, rule) in (0..).zip(all) {
            book.enter(&rule, number);
            book.rules.insert(rule.name.clone(), rule);
        }
        book.number();
        Ok(book)
    }

    /// Numbers the parts: those that cannot answer differently have one number, and are asked about the first action.
    fn number(&mut self) {
        let named = self.principals.values_mut().chain(self.vendors.values_mut()).chain(self.projects.values_mut());
        let named = named.chain(self.buckets.values_mut()).chain(self.versions.values_mut());
        let mut parts: Vec<(Cut, &mut Part)> =
            named.chain([&mut self.common]).flatten().map(|(cut, part)| (*cut, part)).collect();
        parts.sort_by(|(cut, part), (other_cut, other)| (&part.members, cut).cmp(&(&other.members, other_cut)));
        let mut numbers = Map::default();
        for (cut, part) in parts {
            // What is demanded of an installation depends on the action.
            let of_action = part.mentions.action || (cut.what == What::Installation && part.looks_at_demand());
            let alike = (part.members.clone(), cut.who, cut.what, of_action.then_some(cut.action));
            let next = numbers.len();
            let (index, action) = *numbers.entry(alike).or_insert((next, cut.action));
            (part.index, part.asks) = (index, Some(action));
        }
    }

    /// Enters a policy where questions look for it.
    fn enter(&mut self, rule: &Rule, number: u32) {
        let parts = match rule.named() {
            None => &mut self.common,
            Some(Named::Principal(id)) => self.principals.entry(*id).or_default(),
            Some(Named::Vendor(id)) => self.vendors.entry(*id).or_default(),
            Some(Named::Project(project)) => self.projects.entry(project.clone()).or_default(),
            Some(Named::Bucket(id)) => self.buckets.entry(*id).or_default(),
            Some(Named::Version(id)) => self.versions.entry(*id).or_default(),
        };
        for cut in cuts().filter(|cut| rule.may_cover(*cut)) {
            let part = parts.entry(cut).or_insert_with(|| Part { named: rule.named().cloned(), ..Part::default() });
            part.add(rule, number);
        }
    }

    /// Cuts the slice of a question. `projects` are those of the principal.
    pub(crate) fn slice<'a>(
        &'a self,
        cut: Cut,
        principal: &Principal,
        projects: impl Iterator<Item = &'a Project>,
        target: &'a Target,
    ) -> Option<Slice<'a>> {
        let labelled = target.label.iter().flat_map(|label| &label.projects);
        let named = [
            self.principals.get(&principal.id),
            principal.vendor.and_then(|vendor| self.vendors.get(&vendor)),
            target.bucket.and_then(|bucket| self.buckets.get(&bucket)),
            target.version.and_then(|version| self.versions.get(&version)),
        ];
        let mut parts = vec![self.common.get(&cut)?];
        parts.extend(named.into_iter().flatten().filter_map(|parts| parts.get(&cut)));
        if !self.projects.is_empty() {
            let mut seen: Vec<&Project> = projects.chain(labelled).collect();
            seen.sort_unstable();
            seen.dedup();
            let of_projects = seen.into_iter().filter_map(|project| self.projects.get(project));
            parts.extend(of_projects.filter_map(|parts| parts.get(&cut)));
        }
        Some(Slice { parts })
    }

    /// The versions that scopes and conditions name.
    pub(crate) fn versions(&self) -> impl Iterator<Item = VersionId> {
        self.rules.values().flat_map(|rule| {
            let scope = match rule.resource.named {
                Some(Named::Version(version)) => Some(version),
                _ => None,
            };
            scope.into_iter().chain(rule.mentions.versions.iter().copied())
        })
    }

    /// All policies, uncut.
    #[cfg(test)]
    pub(crate) fn whole(&self) -> PolicySet {
        let policies = self.rules.values().map(|rule| rule.policy.clone());
        PolicySet::from_policies(policies).expect("each has its name")
    }

    /// The number of all policies.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.rules.len()
    }

    pub(crate) fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.get(name)
    }
}

impl Rule {
    /// What its scope names, if anything: of two, the principal's.
    fn named(&self) -> Option<&Named> {
        self.principal.named.as_ref().or(self.resource.named.as_ref())
    }

    fn may_cover(&self, cut: Cut) -> bool {
        self.actions.contains(&cut.action) && self.principal.may_cover(cut.who) && self.resource.may_cover(cut.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PACK_SLICE_MAX;

    #[test]
    fn a_decision_on_the_pack_alone_evaluates_few() {
        let book = Book::read("").expect("valid");
        let largest = book.common.iter().max_by_key(|(_, part)| part.members.len()).expect("some");
        assert!(largest.1.members.len() <= PACK_SLICE_MAX, "{:?}: {}", largest.0, largest.1.members.len());
        assert!(book.common.values().all(|part| !part.members.is_empty()));
    }

    #[test]
    fn parts_have_one_number_only_where_they_cannot_answer_differently() {
        let number = |text: &str, action, what| {
            let scope = r#"principal == Person::"pr_01010101010101010101010101010101", action, resource"#;
            let book = Book::read(&format!("forbid ({scope}) when {{ {text} }};")).expect(text);
            let part = &book.principals[&PrincipalId([1; 16])][&Cut { action, who: Who::Person, what }];
            (part.index(), part.asks(action))
        };
        let (read, list) = (Action::ObjectRead, Action::ObjectList);
        let (open, create) = (Action::EmergencyOpen, Action::PrincipalCreate);
        let same = |text, one, other, what| number(text, one, what) == number(text, other, what);
        assert!(same("principal.rank < 2", read, list, What::Object));
        assert!(same("context.required_device", read, list, What::Object), "the level demands it");
        assert!(!same(r#"action == Action::"object.read""#, read, list, What::Object));
        assert!(same("principal.rank < 2", open, create, What::Installation));
        assert!(!same("context.required_device", open, create, What::Installation), "the action demands it");
    }

    #[test]
    fn a_policy_that_names_someone_is_in_no_slice_of_others() {
        let text =
            r#"@id("one") forbid (principal == Person::"pr_01010101010101010101010101010101", action, resource);"#;
        let book = Book::read(text).expect("valid");
        let count = |who| {
            let cut = Cut { action: Action::ObjectRead, who: Who::Person, what: What::Object };
            let principal = Principal { id: PrincipalId([who; 16]), ..crate::proofs::someone() };
            let target = Target::default();
            book.slice(cut, &principal, std::iter::empty(), &target).expect("decided").count()
        };
        assert_eq!(count(1), count(2) + 1);
    }
}
