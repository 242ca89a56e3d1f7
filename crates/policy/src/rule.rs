//! One policy, and what can be known of it without evaluating it: its scope, what it looks at, what it says.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint,
    ResourceConstraint, ValidationMode, Validator,
};
use cordon_domain::limits::POLICY_TEXT_BYTES_MAX;
use cordon_domain::{Action, Role, VersionId};
use serde_json::Value;

use crate::limits::{NESTING_MAX, POLICIES_MAX};
use crate::words::{ACTIONS, Attribute, Named, PARSED_SCHEMA, What, Who, named, named_by};

/// What the name of an organisation's own policy begins with.
pub const OWN: &str = "org/";

/// Why a text of policies is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is too large.
    #[error("the policies have {0}; there may be {1}")]
    TooLarge(String, String),
    /// It cannot be read.
    #[error("the policies cannot be read: {0}")]
    Unreadable(String),
    /// One of them does not fit the schema.
    #[error("policy `{policy}`: {fault}")]
    Invalid {
        /// Its name.
        policy: String,
        /// What is wrong.
        fault: String,
    },
}

/// Which of something a scope covers, as far as its kind says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope<K> {
    /// The kind it must be of; `None`: any.
    kind: Option<K>,
    /// What it must be, or be in; `None`: anything.
    pub(crate) named: Option<Named>,
}

impl<K: Copy + PartialEq> Scope<K> {
    pub(crate) fn may_cover(&self, kind: K) -> bool {
        self.kind.is_none_or(|own| own == kind)
    }
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    pub(crate) effect: Effect,
    pub(crate) principal: Scope<Who>,
    pub(crate) actions: BTreeSet<Action>,
    pub(crate) resource: Scope<What>,
    pub(crate) mentions: Mentions,
    /// Roles that it speaks of.
    pub(crate) roles: BTreeSet<Role>,
    /// What it says is missing, where it forbids.
    pub(crate) missing: Option<String>,
    pub(crate) ask: Option<String>,
}

/// Which attributes of the context a policy looks at, and the addresses and numbers it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    attributes: u32,
    /// Those of them that it does more with than compare them with a number.
    beyond: u32,
    pub(crate) addresses: BTreeSet<String>,
    /// Numbers that an attribute is compared with.
    compared: BTreeSet<(u32, i64)>,
    /// Numbers that stand elsewhere.
    numbers: BTreeSet<i64>,
    /// Versions that conditions name.
    pub(crate) versions: BTreeSet<VersionId>,
    /// Whether conditions look at the projects of a resource, and at its level.
    pub(crate) resource_projects: bool,
    pub(crate) resource_level: bool,
    /// Whether conditions look at more of a principal than its rank, clearance and contract.
    pub(crate) principal: bool,
    /// Whether conditions look at more of a resource than its rank, level and projects.
    pub(crate) resource: bool,
    /// Whether conditions look at the action.
    pub(crate) action: bool,
}

impl Mentions {
    pub(crate) const fn has(&self, attribute: Attribute) -> bool {
        self.attributes & attribute.bit() != 0
    }

    /// The attributes as bits.
    pub(crate) const fn attributes(&self) -> u32 {
        self.attributes
    }

    /// Tells whether they do more with an attribute than compare it with a number.
    pub(crate) const fn go_beyond(&self, attribute: Attribute) -> bool {
        self.beyond & attribute.bit() != 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.attributes |= other.attributes;
        self.beyond |= other.beyond;
        self.addresses.extend(other.addresses.iter().cloned());
        self.compared.extend(&other.compared);
        self.numbers.extend(&other.numbers);
        self.versions.extend(&other.versions);
        self.resource_projects |= other.resource_projects;
        self.resource_level |= other.resource_level;
        self.principal |= other.principal;
        self.resource |= other.resource;
        self.action |= other.action;
    }

    /// Tells whether they look at anything that may be otherwise a minute later.
    pub(crate) fn vary(&self) -> bool {
        CIRCUMSTANCES.into_iter().any(|attribute| self.has(attribute))
    }

    /// Numbers at which they may change their mind about an attribute.
    pub(crate) fn numbers_of(&self, attribute: Attribute) -> impl Iterator<Item = i64> {
        let compared = self.compared.iter().filter(move |(bit, _)| *bit == attribute.bit()).map(|(_, number)| *number);
        compared.chain(self.numbers.iter().copied())
    }
}

const CIRCUMSTANCES: [Attribute; 9] = [
    Attribute::Hour,
    Attribute::Weekday,
    Attribute::Factor,
    Attribute::FactorAge,
    Attribute::KnownDevice,
    Attribute::Address,
    Attribute::ContractNetwork,
    Attribute::Approvals,
    Attribute::Pending,
];

/// Checks an organisation's own policies.
///
/// # Errors
///
/// [`PolicyError`] for the first thing that is wrong.
pub fn check(text: &str) -> Result<(), PolicyError> {
    rules(text, OWN).map(drop)
}

/// Reads policies and validates them strictly. The names of an organisation's own begin with `org/`.
pub(crate) fn rules(text: &str, prefix: &str) -> Result<Vec<Rule>, PolicyError> {
    if text.len() > POLICY_TEXT_BYTES_MAX {
        let (is, may) = (format!("{} bytes", text.len()), format!("{POLICY_TEXT_BYTES_MAX}"));
        return Err(PolicyError::TooLarge(is, may));
    }
    if nesting(text) > NESTING_MAX {
        return Err(PolicyError::Unreadable(format!("brackets stand in one another more than {NESTING_MAX} deep")));
    }
    let set = PolicySet::from_str(text).map_err(|error| PolicyError::Unreadable(plain(&error)))?;
    if set.templates().next().is_some() {
        return Err(PolicyError::Unreadable("it has a template; grants say who holds what".to_owned()));
    }
    if set.policies().count() > POLICIES_MAX {
        let (is, may) = (format!("{} policies", set.policies().count()), POLICIES_MAX.to_string());
        return Err(PolicyError::TooLarge(is, may));
    }
    validate(&set)?;
    let mut rules: Vec<Rule> = set.policies().map(|policy| rule(policy, prefix)).collect::<Result<_, _>>()?;
    rules.sort_by(|one, other| one.name.cmp(&other.name));
    let twice = rules.windows(2).find(|pair| matches!(pair, [one, other] if one.name == other.name));
    match twice.and_then(|pair| pair.first()) {
        Some(rule) => Err(invalid(&rule.name, "the name stands twice: give each its own `@id(\"...\")`")),
        None => Ok(rules),
    }
}

/// How deep brackets stand in one another, those in texts and comments counted, too.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The message with what it stems from, on one line.
fn plain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

fn validate(set: &PolicySet) -> Result<(), PolicyError> {
    let result = Validator::new(PARSED_SCHEMA.clone()).validate(set, ValidationMode::Strict);
    match result.validation_errors().next() {
        None => Ok(()),
        Some(error) => {
            let id = error.policy_id();
            let name = set.policy(id).map_or_else(|| id.to_string(), |policy| name_of(policy, ""));
            Err(PolicyError::Invalid { policy: name, fault: plain(error) })
        }
    }
}

fn invalid(policy: &str, fault: impl Into<String>) -> PolicyError {
    PolicyError::Invalid { policy: policy.to_owned(), fault: fault.into() }
}

fn name_of(policy: &Policy, prefix: &str) -> String {
    let own = policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned);
    format!("{prefix}{own}")
}

fn rule(policy: &Policy, prefix: &str) -> Result<Rule, PolicyError> {
    let name = name_of(policy, prefix);
    let json = policy.to_json().map_err(|error| invalid(&name, plain(&error)))?;
    let mut seen = Seen { mentions: Mentions::default(), roles: BTreeSet::new(), wrong: Vec::new() };
    json.get("conditions").into_iter().for_each(|conditions| seen.look(conditions));
    if let Some(wrong) = seen.wrong.first() {
        return Err(nobody(&name, wrong));
    }
    let text = |key: &str| policy.annotation(key).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Rule {
        effect: policy.effect(),
        principal: principal_scope(policy, &name)?,
        actions: actions(policy),
        resource: resource_scope(policy, &name)?,
        mentions: seen.mentions,
        roles: seen.roles,
        missing: text("missing"),
        ask: text("ask"),
        policy: policy.new_id(PolicyId::new(&name)),
        name,
    })
}

fn name_in(rule: &str, uid: &EntityUid) -> Result<Option<Named>, PolicyError> {
    match named(uid) {
        Some(named) => Ok(Some(named)),
        None if uid.type_name().to_string() == "Installation" => Ok(None),
        None => Err(nobody(rule, &uid.to_string())),
    }
}

fn nobody(rule: &str, entity: &str) -> PolicyError {
    let form = "give the identifier, in lower case (pr_..., vn_..., bk_..., ov_...)";
    invalid(rule, format!("{entity} names nothing: {form}"))
}

fn kind_of<K: Copy>(all: &[K], name: impl Fn(K) -> &'static str, wanted: &EntityTypeName) -> Option<K> {
    let wanted = wanted.to_string();
    all.iter().copied().find(|kind| name(*kind) == wanted)
}

fn principal_scope(policy: &Policy, rule: &str) -> Result<Scope<Who>, PolicyError> {
    let kind = |name: &EntityTypeName| kind_of(&Who::ALL, Who::as_str, name);
    Ok(match policy.principal_constraint() {
        PrincipalConstraint::Any => Scope { kind: None, named: None },
        PrincipalConstraint::Is(name) => Scope { kind: kind(&name), named: None },
        PrincipalConstraint::Eq(uid) => Scope { kind: kind(uid.type_name()), named: name_in(rule, &uid)? },
        PrincipalConstraint::In(uid) => Scope { kind: None, named: name_in(rule, &uid)? },
        PrincipalConstraint::IsIn(name, uid) => Scope { kind: kind(&name), named: name_in(rule, &uid)? },
    })
}

fn resource_scope(policy: &Policy, rule: &str) -> Result<Scope<What>, PolicyError> {
    let kind = |name: &EntityTypeName| kind_of(&What::ALL, What::as_str, name);
    Ok(match policy.resource_constraint() {
        ResourceConstraint::Any => Scope { kind: None, named: None },
        ResourceConstraint::Is(name) => Scope { kind: kind(&name), named: None },
        ResourceConstraint::Eq(uid) => Scope { kind: kind(uid.type_name()), named: name_in(rule, &uid)? },
        ResourceConstraint::In(uid) => Scope { kind: None, named: name_in(rule, &uid)? },
        ResourceConstraint::IsIn(name, uid) => Scope { kind: kind(&name), named: name_in(rule, &uid)? },
    })
}

fn actions(policy: &Policy) -> BTreeSet<Action> {
    let constraint = policy.action_constraint();
    let covered = |uid: &EntityUid, wanted: &EntityUid| uid == wanted || is_in(uid, wanted);
    let actions = ACTIONS.iter().filter(|(_, entity)| match &constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(wanted) => entity.uid() == *wanted,
        ActionConstraint::In(wanted) => wanted.iter().any(|wanted| covered(&entity.uid(), wanted)),
    });
    actions.map(|(action, _)| *action).collect()
}

fn is_in(action: &EntityUid, group: &EntityUid) -> bool {
    PARSED_SCHEMA.action_entities().is_ok_and(|entities| entities.is_ancestor_of(group, action))
}

/// What a walk through a policy's conditions saw.
struct Seen {
    mentions: Mentions,
    roles: BTreeSet<Role>,
    /// Entities that there cannot be.
    wrong: Vec<String>,
}

impl Seen {
    /// Walks the policy as Cedar writes it in JSON.
    fn look(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    let of = inner.pointer("/left/Var").and_then(Value::as_str);
                    match (key.as_str(), inner.get("attr").and_then(Value::as_str)) {
                        ("." | "has", Some(attribute)) if of == Some("context") => self.mention(attribute),
                        (".", Some("rank" | "clearance" | "contract")) if of == Some("principal") => {}
                        (".", Some("projects")) if of == Some("resource") => self.mentions.resource_projects = true,
                        (".", Some("rank" | "level")) if of == Some("resource") => self.mentions.resource_level = true,
                        ("Var", _) => self.whole(inner.as_str()),
                        ("Value", _) => self.literal(inner),
                        ("ip", _) => self.address(inner),
                        // Its keys are names that the policy gives.
                        ("Record", _) => {
                            inner.as_object().into_iter().flat_map(|one| one.values()).for_each(|v| self.look(v))
                        }
                        ("<" | "<=" | ">" | ">=" | "==" | "!=", _) if self.compare(inner) => {}
                        _ => self.look(inner),
                    }
                }
            }
            Value::Array(all) => all.iter().for_each(|inner| self.look(inner)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn whole(&mut self, variable: Option<&str>) {
        match variable {
            Some("context") => self.look_at(u32::MAX),
            Some("principal") => self.mentions.principal = true,
            Some("resource") => self.mentions.resource = true,
            Some("action") => self.mentions.action = true,
            _ => {}
        }
    }

    fn mention(&mut self, attribute: &str) {
        // The schema knows each.
        let known = Attribute::ALL.into_iter().find(|known| known.as_str() == attribute);
        self.look_at(known.map_or(u32::MAX, Attribute::bit));
    }

    fn look_at(&mut self, attributes: u32) {
        self.mentions.attributes |= attributes;
        self.mentions.beyond |= attributes;
    }

    /// Takes a comparison of an attribute with a number; others are walked.
    fn compare(&mut self, sides: &Value) -> bool {
        let attribute = |side: &str| {
            let access = sides.pointer(&format!("/{side}/."))?;
            (access.pointer("/left/Var")?.as_str()? == "context").then_some(())?;
            let name = access.get("attr")?.as_str()?;
            Attribute::ALL.into_iter().find(|known| known.as_str() == name)
        };
        let number = |side: &str| sides.pointer(&format!("/{side}/Value"))?.as_i64();
        let pair = |one, other| Some((attribute(one)?, number(other)?));
        let Some((attribute, number)) = pair("left", "right").or_else(|| pair("right", "left")) else { return false };
        self.mentions.attributes |= attribute.bit();
        self.mentions.compared.insert((attribute.bit(), number));
        true
    }

    fn literal(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.roles.extend(text.parse::<Role>()),
            Value::Number(number) => self.mentions.numbers.extend(number.as_i64()),
            Value::Array(all) => all.iter().for_each(|inner| self.literal(inner)),
            Value::Object(object) => match object.get("__entity") {
                Some(entity) => self.entity(entity),
                None => object.values().for_each(|inner| self.literal(inner)),
            },
            other => self.look(other),
        }
    }

    /// An entity that a condition names must be one that there can be.
    fn entity(&mut self, entity: &Value) {
        let text = |key: &str| entity.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, id) = (text("type"), text("id"));
        match named_by(kind, id) {
            Some(Named::Version(version)) => drop(self.mentions.versions.insert(version)),
            Some(_) => {}
            None if matches!(kind, "Action" | "Installation") => {}
            None => self.wrong.push(format!("{kind}::\"{id}\"")),
        }
    }

    fn address(&mut self, arguments: &Value) {
        match arguments.pointer("/0/Value").and_then(Value::as_str) {
            Some(text) => drop(self.mentions.addresses.insert(text.to_owned())),
            None => self.look(arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::PACK;

    #[test]
    fn the_pack_is_valid_and_says_what_is_missing() {
        let rules = rules(PACK, "").expect("valid");
        for rule in &rules {
            assert_eq!(rule.missing.is_some(), rule.effect == Effect::Forbid, "{}", rule.name);
            assert!(!rule.actions.is_empty(), "{}", rule.name);
            // What is told of them looks at an organisation's own policies alone.
            assert!(!rule.mentions.has(Attribute::Hour) && !rule.mentions.has(Attribute::Weekday), "{}", rule.name);
            assert_ne!(rule.mentions.attributes, u32::MAX, "{}", rule.name);
        }
        let readers = rules.iter().find(|rule| rule.name == "readers").expect("there");
        assert_eq!(readers.roles, [Role::Reader, Role::Contributor, Role::Owner].into());
        assert!(readers.mentions.has(Attribute::Roles) && !readers.mentions.has(Attribute::Factor));
        assert_eq!(readers.actions, [Action::ObjectRead, Action::ObjectList].into());
    }

    /// What is refused here is stored nowhere.
    #[test]
    fn what_is_not_valid_or_too_much_is_refused() {
        let one = "permit (principal, action, resource) when { context.trained };";
        assert_eq!(check(one).map_err(|error| error.to_string()), Ok(()));
        for wrong in ["permit (principal, action, resource) when { context.shoes };", "permit", "@id(\"a\") permit"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        let padded = |bytes: usize| format!("{one}{}", " ".repeat(bytes - one.len()));
        assert!(check(&padded(POLICY_TEXT_BYTES_MAX)).is_ok());
        assert!(matches!(check(&padded(POLICY_TEXT_BYTES_MAX + 1)), Err(PolicyError::TooLarge(..))));
    }

    #[test]
    fn what_policies_look_at_is_seen() {
        let text = r#"permit (principal in Project::"x", action, resource is Object)
            when { context has address && context.address.isInRange(ip("192.0.2.0/24")) && context.hour > 17 };"#;
        let rules = rules(text, OWN).expect("valid");
        let rule = &rules[0];
        assert_eq!(rule.name, "org/policy0");
        assert!(rule.mentions.go_beyond(Attribute::Address) && !rule.mentions.go_beyond(Attribute::Hour));
        assert!(rule.mentions.has(Attribute::Address) && rule.mentions.has(Attribute::Hour));
        assert!(!rule.mentions.has(Attribute::Now));
        assert_eq!(rule.mentions.addresses, ["192.0.2.0/24".to_owned()].into());
        assert_eq!(rule.mentions.numbers_of(Attribute::Hour).collect::<Vec<_>>(), [17]);
        assert_eq!(rule.mentions.numbers_of(Attribute::Factor).count(), 0);
        assert_eq!(rule.principal.named, Some(Named::Project("x".parse().expect("a project"))));
        assert!(rule.resource.may_cover(What::Object) && !rule.resource.may_cover(What::Bucket));
    }

    fn mentions(condition: &str) -> Mentions {
        let text = format!("permit (principal, action == Action::\"object.read\", resource) when {{ {condition} }};");
        let rules = rules(&text, OWN).unwrap_or_else(|error| panic!("{condition}: {error}"));
        rules[0].mentions.clone()
    }

    /// What a condition looks at beside the context: principal, resource, its projects, its level, action.
    #[test]
    fn what_conditions_look_at_beside_the_context_is_seen() {
        let check = |condition: &str, expect: &str| {
            let seen = mentions(condition);
            let all = [
                (seen.principal, "principal"),
                (seen.resource, "resource"),
                (seen.resource_projects, "projects"),
                (seen.resource_level, "level"),
                (seen.action, "action"),
            ];
            let seen: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
            assert_eq!(seen.join(" "), expect, "{condition}");
        };
        check("true", "");
        check("principal.rank > 1 && principal.clearance == \"restricted\"", "");
        check("principal is VendorPerson && principal.contract.rank > 1", "principal");
        check("principal.projects.contains(\"x\")", "principal");
        check("principal in Project::\"x\"", "principal");
        check("resource.projects.contains(\"x\")", "projects");
        check("resource.rank > 1", "level");
        check("resource.level == \"internal\"", "level");
        check("resource in Project::\"x\"", "resource");
        check("action == Action::\"object.read\"", "action");
        check("{ Var: true, resource: true }.Var", "");
        check("{ a: principal in Project::\"x\" }.a", "principal");
    }

    #[test]
    fn what_may_be_otherwise_a_minute_later_is_told() {
        for condition in [
            "context.hour > 1",
            "context.weekday == 1",
            "context.factor > 0",
            "context.factor_age_s < 60",
            "context.known_device",
            "context has address",
            "context.contract_network",
            "context.approvals > 0",
            "context.pending",
            "context == context",
            "{ Var: context.hour > 1 }.Var",
        ] {
            assert!(mentions(condition).vary(), "{condition}");
        }
        for condition in ["true", "context.trained", "context.roles.contains(\"owner\")", "resource.rank > 1"] {
            assert!(!mentions(condition).vary(), "{condition}");
        }
        let mut both = mentions("context.hour > 1");
        both.add(&mentions("context.approvals > 2 && resource.rank > 1"));
        assert!(both.has(Attribute::Hour) && both.has(Attribute::Approvals) && both.resource_level);
        assert_eq!(
            both.numbers_of(Attribute::Approvals).collect::<Vec<_>>(),
            [2, 1],
            "that it is compared with, and others"
        );
    }

    #[test]
    fn what_several_look_at_is_what_each_looks_at() {
        let conditions = [
            "context.hour > 17",
            "[\"10.0.0.0/8\"].contains(\"x\") && context.hour == context.weekday",
            "context has address && context.address.isInRange(ip(\"192.0.2.0/24\"))",
            "resource.projects.contains(\"x\")",
            "resource.level == \"internal\"",
            "principal in Project::\"x\"",
            "resource in Project::\"x\"",
            "resource == Object::\"ov_00000000000000000000000000000001\"",
            "action == Action::\"object.read\"",
        ];
        for one in conditions {
            for other in conditions {
                let mut both = mentions(one);
                both.add(&mentions(other));
                assert_eq!(both, mentions(&format!("({one}) && ({other})")));
            }
        }
    }

    #[test]
    fn bounds_are_what_they_say() {
        let policy = "permit (principal, action, resource is Object);";
        rules(&" ".repeat(POLICY_TEXT_BYTES_MAX), OWN).expect("as long as may be");
        let nested = |depth: usize| {
            let (open, close) = ("(".repeat(depth - 1), ")".repeat(depth - 1));
            rules(&format!("permit (principal, action, resource) when {{ {open}true{close} }};"), OWN)
        };
        nested(NESTING_MAX).expect("as deep as may be");
        nested(NESTING_MAX + 1).expect_err("deeper");
        assert_eq!(rules(&policy.repeat(POLICIES_MAX), OWN).expect("as many as may be").len(), POLICIES_MAX);
        let many = rules(&policy.repeat(POLICIES_MAX + 1), OWN).expect_err("one more").to_string();
        assert!(many.contains(&format!("{} policies", POLICIES_MAX + 1)), "{many}");
        check(policy).expect("valid");
        check("permit (principal, action, resource) when { context.colour };").expect_err("no such attribute");
        rules("permit (principal, action, resource == Installation::\"x\");", OWN).expect("the installation");
    }

    #[test]
    fn an_error_is_told_with_what_it_stems_from_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Fault(&'static str, #[source] Option<Box<Self>>);
        let chain = Fault("cannot be read", Some(Box::new(Fault("at line 3", Some(Box::new(Fault("line 3", None)))))));
        assert_eq!(plain(&chain), "cannot be read: at line 3");
        assert_eq!(plain(&Fault("alone", None)), "alone");
    }

    #[test]
    fn what_is_not_valid_is_refused_with_its_name() {
        let fails = |text: &str, with: &str| {
            let error = rules(text, OWN).expect_err(text).to_string();
            assert!(error.contains(with), "{text}: {error}");
        };
        fails("permit (principal, action", "cannot be read");
        fails(r#"@id("mine") permit (principal, action, resource) when { context.colour == 1 };"#, "mine");
        fails(r#"permit (principal == ?principal, action, resource);"#, "template");
        fails(r#"permit (principal == Person::"alice", action, resource);"#, "pr_");
        fails(
            &format!("permit (principal, action, resource) when {{ {}true{} }};", "(".repeat(100), ")".repeat(100)),
            "deep",
        );
        fails(
            r#"permit (principal == Person::"pr_0000000000000000000000000000000D", action, resource);"#,
            "lower case",
        );
        fails(r#"permit (principal, action, resource) when { principal == Person::"alice" };"#, "names nothing");
        let twice = r#"@id("a") permit (principal, action, resource is Object);"#;
        fails(&[twice, twice].concat(), "twice");
        fails(&" ".repeat(POLICY_TEXT_BYTES_MAX + 1), "bytes");
    }
}
