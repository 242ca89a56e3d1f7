//! The words of Cordon in Cedar's: names of types, actions, entities.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, Schema};
use cordon_domain::{Action, BucketId, Level, PrincipalId, PrincipalKind, Project, VendorId, VersionId};

/// The schema of all policies.
pub const SCHEMA: &str = include_str!("../policies/schema.cedarschema");

/// The policies that every installation has.
pub const PACK: &str = include_str!("../policies/pack.cedar");

/// What kind of principal a policy sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Who {
    Person,
    Service,
    VendorPerson,
}

/// What kind of resource a policy sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    Installation,
    Bucket,
    Object,
}

/// Something that the scope of a policy names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Named {
    Principal(PrincipalId),
    Vendor(VendorId),
    Project(Project),
    Bucket(BucketId),
    Version(VersionId),
}

macro_rules! attributes {
    ($($name:ident $text:literal;)+) => {
        /// An attribute of the context.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Attribute { $($name,)+ }

        impl Attribute {
            pub(crate) const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            pub(crate) const fn bit(self) -> u32 {
                1 << self as u32
            }
        }
    };
}

attributes! {
    Now "now";
    Hour "hour";
    Weekday "weekday";
    Roles "roles";
    Factor "factor";
    FactorAge "factor_age_s";
    KnownDevice "known_device";
    Address "address";
    ContractNetwork "contract_network";
    Trained "trained";
    Active "active";
    ConcernsSelf "concerns_self";
    Approvals "approvals";
    Emergency "emergency";
    Pending "pending";
    Embargoed "embargoed";
    RequiredFactor "required_factor";
    RequiredFactorAge "required_factor_age_s";
    RequiredDevice "required_device";
    RequiredTraining "required_training";
    RequiredApprovals "required_approvals";
}

/// Those that say what is demanded.
pub(crate) const DEMANDED: [Attribute; 5] = [
    Attribute::RequiredFactor,
    Attribute::RequiredFactorAge,
    Attribute::RequiredDevice,
    Attribute::RequiredTraining,
    Attribute::RequiredApprovals,
];

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Person, Self::Service, Self::VendorPerson];

    /// Devices and strangers are no principals of policies.
    pub(crate) const fn of(kind: PrincipalKind) -> Option<Self> {
        match kind {
            PrincipalKind::Person => Some(Self::Person),
            PrincipalKind::Service => Some(Self::Service),
            PrincipalKind::Vendor => Some(Self::VendorPerson),
            PrincipalKind::Device | PrincipalKind::Stranger => None,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Service => "Service",
            Self::VendorPerson => "VendorPerson",
        }
    }
}

impl What {
    pub(crate) const ALL: [Self; 3] = [Self::Installation, Self::Bucket, Self::Object];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "Installation",
            Self::Bucket => "Bucket",
            Self::Object => "Object",
        }
    }
}

/// The schema, read once.
pub(crate) static PARSED_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the text is part of the program, and a test reads it")]
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("the schema is valid");
    schema
});

/// The entities of actions that policies decide on, each with the groups it is in.
pub(crate) static ACTIONS: LazyLock<Vec<(Action, Entity)>> = LazyLock::new(|| {
    let Ok(entities) = PARSED_SCHEMA.action_entities() else { return Vec::new() };
    let known = |uid: &EntityUid| uid.id().unescaped().parse::<Action>().ok();
    entities
        .iter()
        .filter_map(|entity| {
            let uid = entity.uid();
            let groups: HashSet<EntityUid> = entities.ancestors(&uid)?.cloned().collect();
            Some((known(&uid)?, Entity::new_no_attrs(uid, groups)))
        })
        .collect()
});

/// Tells whether policies decide on an action.
#[must_use]
pub fn is_decided(action: Action) -> bool {
    ACTIONS.iter().any(|(known, _)| *known == action)
}

/// Tells whether an action is of one's own alone.
pub(crate) fn is_own(action: Action) -> bool {
    let own = EntityId::new("own");
    let entity = PARSED_SCHEMA.action_entities().ok().zip(action_entity(action));
    let groups = entity.and_then(|(all, entity)| Some(all.ancestors(&entity.uid())?.any(|group| group.id() == &own)));
    groups.unwrap_or(false)
}

/// The action as an entity; `None` when policies do not decide on it.
pub(crate) fn action_entity(action: Action) -> Option<&'static Entity> {
    ACTIONS.iter().find(|(known, _)| *known == action).map(|(_, entity)| entity)
}

/// The types of entities, read once.
static TYPES: LazyLock<HashMap<&'static str, EntityTypeName>> = LazyLock::new(|| {
    let names = ["Person", "Service", "VendorPerson", "Installation", "Bucket", "Object", "Project", "Vendor"];
    names.into_iter().filter_map(|name| Some((name, EntityTypeName::from_str(name).ok()?))).collect()
});

pub(crate) fn uid(name: &str, id: &str) -> EntityUid {
    #[expect(clippy::expect_used, reason = "the names are those of this file and of the schema")]
    let name = TYPES.get(name).expect("a type").clone();
    EntityUid::from_type_name_and_id(name, EntityId::new(id))
}

/// The kinds of resource that an action is about.
pub(crate) fn resources_of(action: &EntityUid) -> Vec<What> {
    let names = PARSED_SCHEMA.resources_for_action(action).into_iter().flatten().map(ToString::to_string);
    let names: Vec<String> = names.collect();
    What::ALL.into_iter().filter(|what| names.iter().any(|name| name == what.as_str())).collect()
}

pub(crate) fn principal_uid(who: Who, id: PrincipalId) -> EntityUid {
    uid(who.as_str(), &id.to_string())
}

pub(crate) fn project_uid(project: &Project) -> EntityUid {
    uid("Project", project.as_str())
}

/// Reads what a scope names; `None` when it names nothing that can be.
pub(crate) fn named(uid: &EntityUid) -> Option<Named> {
    named_by(&uid.type_name().to_string(), uid.id().unescaped())
}

/// Reads a type and an identifier, which is written as identifiers are: another way to write it would match nobody.
pub(crate) fn named_by(kind: &str, id: &str) -> Option<Named> {
    fn exactly<T: std::str::FromStr + ToString>(id: &str) -> Option<T> {
        id.parse().ok().filter(|parsed: &T| parsed.to_string() == id)
    }
    match kind {
        "Person" | "Service" | "VendorPerson" => exactly(id).map(Named::Principal),
        "Vendor" => exactly(id).map(Named::Vendor),
        "Project" => exactly(id).map(Named::Project),
        "Bucket" => exactly(id).map(Named::Bucket),
        "Object" => exactly(id).map(Named::Version),
        _ => None,
    }
}

/// What policies call rank.
pub(crate) const fn rank(level: Level) -> i64 {
    level.number() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_actions_and_nothing_else() {
        let entities = PARSED_SCHEMA.action_entities().expect("actions");
        let groups = ["reading", "writing", "keeping", "caring", "looking", "own", "two-people", "of-others"];
        for entity in entities.iter() {
            let name = entity.uid().id().unescaped().to_owned();
            assert!(groups.contains(&name.as_str()) || name.parse::<Action>().is_ok(), "{name}");
        }
        assert!(is_decided(Action::ObjectRead) && !is_decided(Action::Heartbeat));
        assert_eq!(ACTIONS.len(), entities.iter().count() - groups.len());
    }

    #[test]
    fn attributes_are_those_of_the_schema() {
        let (fragment, _) = cedar_policy::SchemaFragment::from_cedarschema_str(SCHEMA).expect("a schema");
        let json = fragment.to_json_value().expect("a schema");
        let circumstances = json.pointer("//commonTypes/Circumstances/attributes").expect("the type");
        let mut named: Vec<&String> = circumstances.as_object().expect("a record").keys().collect();
        let mut known = Attribute::ALL.map(Attribute::as_str).to_vec();
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known);
    }

    #[test]
    fn a_name_is_read_or_refused() {
        let id = "pr_abababababababababababababababab";
        assert_eq!(named(&uid("Person", id)), Some(Named::Principal(PrincipalId([0xab; 16]))));
        assert_eq!(named(&uid("Person", "alice")), None, "people have identifiers, not names");
        assert_eq!(named(&uid("Installation", "this")), None);
    }
}
