//! Properties over random rosters, policies and circumstances.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cordon_domain::{
    Action, Actor, BucketId, Embargo, EmbargoId, Emergency, EmergencyId, Factor, Grant, GrantId, Label, Level, Moment,
    Principal, PrincipalId, PrincipalKind, Project, Record, RequestId, Role, Roster, Scope, Target, Vendor, VendorId,
    VersionId,
};
use cordon_gate::{Epoch, Facts};
use cordon_testkit::Chance;

use crate::circumstances::Circumstances;
use crate::explain::{Gift, decided_actions, supposed_grant};
use crate::possible::Possible;
use crate::snapshot::Snapshot;

/// 2026-11-25 14:00 UTC, a Wednesday.
pub(crate) const NOW: Moment = Moment(1_795_615_200_000);

fn one<T: Clone>(chance: &mut Chance, of: &[T]) -> T {
    of[chance.below(of.len() as u64) as usize].clone()
}

fn projects(chance: &mut Chance) -> BTreeSet<Project> {
    ["atlas", "gemini"].iter().filter(|_| chance.below(3) == 0).map(|name| name.parse().expect("a project")).collect()
}

fn principal(chance: &mut Chance, number: u8) -> Principal {
    let kind =
        one(chance, &[PrincipalKind::Person, PrincipalKind::Person, PrincipalKind::Service, PrincipalKind::Vendor]);
    Principal {
        id: PrincipalId([number; 16]),
        kind,
        owner: PrincipalId([one(chance, &[number, 1]); 16]),
        clearance: one(chance, &[Level::Restricted, Level::Restricted, Level::Confidential, Level::Public]),
        projects: projects(chance),
        vendor: (kind == PrincipalKind::Vendor).then_some(VendorId([one(chance, &[1, 1, 1, 9]); 16])),
        purpose: None,
        until: one(chance, &[None, None, None, None, Some(NOW)]),
        trained_until: one(chance, &[Some(NOW.plus_ms(1)), Some(NOW.plus_ms(1)), Some(NOW.plus_ms(9)), Some(NOW)]),
    }
}

/// Anyone.
pub(crate) fn someone() -> Principal {
    principal(&mut Chance::new(1), 1)
}

fn grant(chance: &mut Chance, number: u8, principals: u8) -> Grant {
    let scopes = [
        Scope::Installation,
        Scope::Installation,
        Scope::Installation,
        Scope::Project("atlas".parse().expect("a project")),
        Scope::Bucket(BucketId([1; 16])),
        Scope::Bucket(BucketId([2; 16])),
        Scope::Version(VersionId([1; 16])),
    ];
    Grant {
        id: GrantId([number; 16]),
        principal: PrincipalId([1 + chance.below(principals.into()) as u8; 16]),
        role: one(chance, &Role::ALL),
        scope: one(chance, &scopes),
        starts: one(chance, &[Moment(0), Moment(0), NOW.plus_ms(1)]),
        ends: one(chance, &[None, None, Some(NOW.plus_ms(5)), Some(NOW)]),
        reason: String::new(),
        given_by: PrincipalId([1; 16]),
    }
}

/// Scopes, and conditions that look at what an organisation might.
const PRINCIPALS: [&str; 7] = [
    "principal",
    "principal is Person",
    "principal is VendorPerson",
    "principal == Person::\"pr_01010101010101010101010101010101\"",
    "principal in Project::\"atlas\"",
    "principal in Vendor::\"vn_01010101010101010101010101010101\"",
    "principal is Person in Project::\"gemini\"",
];
const ACTIONS: [&str; 4] = [
    "action",
    "action == Action::\"object.read\"",
    "action in Action::\"reading\"",
    "action in [Action::\"keeping\", Action::\"two-people\"]",
];
const RESOURCES: [&str; 6] = [
    "resource",
    "resource is Object",
    "resource == Object::\"ov_01010101010101010101010101010101\"",
    "resource in Bucket::\"bk_01010101010101010101010101010101\"",
    "resource in Project::\"gemini\"",
    "resource == Bucket::\"bk_02020202020202020202020202020202\"",
];
const CONDITIONS: [&str; 28] = [
    "context.embargoed",
    "resource.rank >= 2",
    "resource.level == \"internal\"",
    "resource.projects.contains(\"gemini\")",
    "context.roles.contains(\"reader\")",
    "context.trained",
    "context.hour + context.weekday == 17",
    "context.hour * 2 > 20 && context.hour < 21",
    "context.factor < context.required_factor",
    "context.required_device && context.required_approvals == 0",
    "action == Action::\"object.read\" || action == Action::\"principal.create\"",
    "{ Var: principal == Person::\"pr_02020202020202020202020202020202\" }.Var",
    "principal in Project::\"atlas\" || resource in Bucket::\"bk_01010101010101010101010101010101\"",
    "context has address && context.address.isInRange(ip(\"10.0.0.0/8\")) && !context.address.isInRange(ip(\"10.0.0.0/10\"))",
    "true",
    "context.hour >= 8 && context.hour < 18",
    "context.weekday > 5",
    "context.factor == 1",
    "context.factor_age_s > 60",
    "!context.known_device",
    "context.pending",
    "!context.pending",
    "context.approvals == 1",
    "context has address && context.address.isInRange(ip(\"10.0.0.0/8\"))",
    "context.roles.contains(\"owner\") && context.hour != 14",
    "principal.rank < 2",
    "principal.projects.contains(\"atlas\")",
    // Errs: no number is that large.
    "context.now + 9223372036854775807 > 0",
];

fn policies(chance: &mut Chance) -> String {
    let mut text = String::new();
    for number in 0..chance.below(5) {
        let (effect, word) = one(chance, &[("permit", "when"), ("forbid", "when"), ("forbid", "unless")]);
        let scope = [one(chance, &PRINCIPALS), one(chance, &ACTIONS), one(chance, &RESOURCES)].join(", ");
        let condition = one(chance, &CONDITIONS);
        writeln!(text, "@id(\"{number}\") {effect} ({scope}) {word} {{ {condition} }};").expect("written");
    }
    text
}

/// Policies that are valid, read once.
fn books(chance: &mut Chance) -> Vec<Snapshot> {
    let mut books = vec![Snapshot::new(Roster::default(), Epoch(0)).expect("valid")];
    while books.len() < 60 {
        // Some combinations no action applies to; strict validation refuses them.
        books.extend(Snapshot::new(roster_with(policies(chance)), Epoch(0)));
    }
    books
}

/// A roster of three under some of these policies.
fn snapshot(chance: &mut Chance, books: &[Snapshot]) -> Snapshot {
    let book = &books[chance.below(books.len() as u64) as usize];
    let roster = Roster { policies: book.roster().policies.clone(), ..roster(chance, 3) };
    book.next(roster, Epoch(0)).expect("valid")
}

fn roster_with(text: String) -> Roster {
    let policies = cordon_domain::Policies { version: 1, text };
    Roster { policies, ..Roster::default() }
}

pub(crate) fn roster(chance: &mut Chance, principals: u8) -> Roster {
    let mut roster = Roster::default();
    for number in 1..=principals {
        roster.put(Record::Principal(principal(chance, number)));
    }
    for number in 1..4 + chance.below(8) as u8 {
        roster.put(Record::Grant(grant(chance, number, principals)));
    }
    roster.put(Record::Vendor(Vendor {
        id: VendorId([1; 16]),
        name: "Example".to_owned(),
        starts: one(chance, &[Moment(0), NOW.plus_ms(1)]),
        ends: one(chance, &[NOW, NOW.plus_ms(1), Moment(i64::MAX)]),
        level: one(chance, &Level::ALL),
        projects: projects(chance),
        networks: one(chance, &[Vec::new(), vec!["192.0.2.0/24".parse().expect("a network")]]),
    }));
    if chance.below(4) == 0 {
        roster.put(Record::Closed("atlas".parse().expect("a project")));
    }
    if chance.below(8) == 0 {
        roster.put(Record::Embargo(Box::new(embargo(chance))));
    }
    if chance.below(4) == 0 {
        roster.put(Record::Emergency(Emergency {
            id: EmergencyId([1; 16]),
            principal: PrincipalId([1; 16]),
            since: Moment(0),
            until: one(chance, &[NOW, NOW.plus_ms(1)]),
            reason: String::new(),
            writes: chance.below(2) == 0,
            owner: PrincipalId([1; 16]),
        }));
    }
    roster
}

fn embargo(chance: &mut Chance) -> Embargo {
    let scopes = [
        Scope::Project("atlas".parse().expect("a project")),
        Scope::Bucket(BucketId([1; 16])),
        Scope::Version(VersionId([1; 16])),
    ];
    Embargo {
        id: EmbargoId([1; 16]),
        scope: one(chance, &scopes),
        bucket: Some(BucketId([1; 16])),
        label: None,
        until: one(chance, &[NOW, NOW.plus_ms(1), NOW.plus_ms(1)]),
        spares: [Role::Reader, Role::Owner].into_iter().filter(|_| chance.below(2) == 0).collect(),
        by: PrincipalId([1; 16]),
        reason: String::new(),
    }
}

fn target(chance: &mut Chance) -> Target {
    let bucket = BucketId([1 + chance.below(2) as u8; 16]);
    let open = chance.below(2) == 0;
    let projects = if open { BTreeSet::new() } else { projects(chance) };
    let label = Label { projects, ..Label::of(one(chance, &Level::ALL)) };
    let label = one(chance, &[Some(label.clone()), Some(label), None]);
    let version = one(chance, &[None, Some(VersionId([1; 16])), Some(VersionId([2; 16]))]);
    let principal = one(chance, &[None, None, Some(PrincipalId([1; 16])), Some(PrincipalId([2; 16]))]);
    let thing = Target { bucket: Some(bucket), version, label, ..Target::default() };
    Target { principal, ..one(chance, &[thing.clone(), thing, Target::default()]) }
}

const COMMON: [Action; 4] = [Action::ObjectRead, Action::ObjectList, Action::ObjectWrite, Action::AccessQuery];

/// All circumstances that matter to the policies above.
fn grid() -> Vec<Circumstances> {
    let best = Circumstances::best(NOW);
    let mut all = vec![best];
    let mut vary =
        |values: &dyn Fn(Circumstances) -> Vec<Circumstances>| all = all.drain(..).flat_map(values).collect();
    vary(&|one| Factor::ALL.into_iter().rev().map(|factor| Circumstances { factor, ..one }).collect());
    vary(&|one| [0, 61].map(|factor_age_s| Circumstances { factor_age_s, ..one }).to_vec());
    vary(&|one| [true, false].map(|known_device| Circumstances { known_device, ..one }).to_vec());
    let addresses = [None, Some("192.0.2.7"), Some("10.1.1.1"), Some("10.200.1.1")]
        .map(|text| text.map(|text| text.parse().expect("one")));
    vary(&|one| addresses.map(|address| Circumstances { address, ..one }).to_vec());
    vary(&|one| [255, 1, 0].map(|approvals| Circumstances { approvals, ..one }).to_vec());
    vary(&|one| [14, 9, 20].map(|hour| Circumstances { hour, ..one }).to_vec());
    vary(&|one| [3, 6].map(|weekday| Circumstances { weekday, ..one }).to_vec());
    vary(&|one| [false, true].map(|pending| Circumstances { pending, ..one }).to_vec());
    all
}

#[test]
fn a_slice_decides_as_all_policies_do() {
    let (mut chance, grid) = (Chance::new(41), grid());
    let books = books(&mut chance);
    let mut named = 0;
    for round in 0..1_000 {
        let snapshot = snapshot(&mut chance, &books);
        let targets: Vec<Target> = (0..3).map(|_| target(&mut chance)).collect();
        let actions = [&decided_actions()[..], &decided_actions(), &COMMON].map(|all| one(&mut chance, all));
        // What is known of one question is asked for by the others.
        let each = targets.iter().flat_map(|target| actions.map(|action| (target, action)));
        for ((target, action), principal) in
            each.flat_map(|one| snapshot.roster().principals.values().map(move |principal| (one, principal)))
        {
            let Some(question) = snapshot.question(principal, action, target, NOW) else { continue };
            named += u32::from(question.slice.count() != snapshot.book().count());
            for circumstances in [one(&mut chance, &grid), one(&mut chance, &grid), Circumstances::best(NOW)] {
                let (sliced, whole) =
                    (question.answer(&circumstances), snapshot.answer_whole(&question, &circumstances));
                assert_eq!(sliced, whole, "round {round}, {action}, {target:?}, {}", snapshot.roster().policies.text);
            }
        }
    }
    assert!(named > 1_000, "slices are slices");
}

#[test]
fn without_policies_of_its_own_nobody_may_less_in_better_circumstances() {
    let (mut chance, grid) = (Chance::new(42), grid());
    let books = books(&mut chance);
    for _ in 0..300 {
        let snapshot = snapshot(&mut chance, &books[..1]);
        let (target, action) = (target(&mut chance), one(&mut chance, &decided_actions()));
        for principal in snapshot.roster().principals.values() {
            let Some(question) = snapshot.question(principal, action, &target, NOW) else { continue };
            for circumstances in (0..10).map(|_| one(&mut chance, &grid)) {
                if question.answer(&circumstances).allowed {
                    let best = Circumstances { address: circumstances.address, ..Circumstances::best(NOW) };
                    assert!(question.answer(&best).allowed, "{action}, {circumstances:?}");
                }
            }
        }
    }
}

/// Brute force asks about everyone in all circumstances.
#[test]
fn who_may_is_whom_brute_force_finds() {
    let (mut chance, grid) = (Chance::new(43), grid());
    let books = books(&mut chance);
    let (mut found, mut conditional) = (0, 0);
    for round in 0..1_500 {
        let snapshot = snapshot(&mut chance, &books);
        let actions = if round % 4 == 0 { &decided_actions()[..] } else { &COMMON[..] };
        let (target, action) = (target(&mut chance), one(&mut chance, actions));
        let mut may = Vec::new();
        snapshot.who(action, &target, NOW, &mut |one| may.push(one));
        for principal in snapshot.roster().principals.values() {
            let Some(question) = snapshot.question(principal, action, &target, NOW) else { continue };
            let brute = grid.iter().any(|circumstances| question.answer(circumstances).allowed);
            let one = may.iter().find(|one| one.principal == principal.id);
            let state = (&snapshot.roster().policies.text, &target, principal);
            assert_eq!(one.is_some(), brute, "round {round}, {action}, {state:?}");
            found += u32::from(brute);
            let Some(conditions) = one.and_then(|one| one.conditions.clone()) else { continue };
            conditional += u32::from(conditions != crate::Conditions::default());
        }
    }
    assert!(found > 150 && conditional > 100, "{found}, {conditional}");
}

/// What `explain` says would help, helps.
#[test]
fn what_it_takes_is_what_it_takes() {
    let mut chance = Chance::new(44);
    let books = books(&mut chance);
    for round in 0..1_000 {
        let snapshot = snapshot(&mut chance, &books);
        let actions = if round % 4 == 0 { &decided_actions()[..] } else { &COMMON[..] };
        let (target, action) = (target(&mut chance), one(&mut chance, actions));
        for principal in snapshot.roster().principals.values() {
            let Some(question) = snapshot.question(principal, action, &target, NOW) else { continue };
            let Possible::In(circumstances) = snapshot.possible(&question, NOW) else { continue };
            let conditions = snapshot.conditions(&question, circumstances);
            let worse = Circumstances {
                factor: conditions.factor.map_or(Factor::None, |factor| factor.parse().expect("a factor")),
                ..circumstances
            };
            assert!(question.answer(&worse).allowed, "{action}: {conditions:?}");
            let none = Circumstances { factor: Factor::None, ..circumstances };
            assert_eq!(question.answer(&none).allowed, conditions.factor.is_none());
            let stranger = Circumstances { known_device: false, ..circumstances };
            assert_eq!(question.answer(&stranger).allowed, !conditions.known_device);
            let aged = |factor_age_s| question.answer(&Circumstances { factor_age_s, ..circumstances }).allowed;
            match conditions.factor_age_s {
                Some(age) => assert!(aged(age) && !aged(age + 1), "{action}: {conditions:?}"),
                None => assert!(aged(u32::MAX), "{action}: {conditions:?}"),
            }
            let approved = |approvals| question.answer(&Circumstances { approvals, ..circumstances }).allowed;
            let fewer = conditions.approvals.checked_sub(1);
            assert!(approved(conditions.approvals) && fewer.is_none_or(|fewer| !approved(fewer)), "{conditions:?}");
            assert!(conditions.unmet(&circumstances).is_empty(), "{:?}", conditions.unmet(&circumstances));
            let at_hour = |hour| question.answer(&Circumstances { hour, ..circumstances }).allowed;
            let on_day = |weekday| question.answer(&Circumstances { weekday, ..circumstances }).allowed;
            let hours: Vec<u8> = (0..24).filter(|hour| at_hour(*hour)).collect();
            let days: Vec<u8> = (1..8).filter(|day| on_day(*day)).collect();
            assert_eq!(conditions.hours, if hours.len() == 24 { Vec::new() } else { hours }, "{action}");
            assert_eq!(conditions.weekdays, if days.len() == 7 { Vec::new() } else { days }, "{action}");
            let elsewhere = Circumstances { address: Some("203.0.113.77".parse().expect("one")), ..circumstances };
            let anywhere = conditions.networks.is_empty();
            assert_eq!(question.answer(&elsewhere).allowed, anywhere, "{action}: {conditions:?}");
            for network in &conditions.networks {
                let first = network.parse::<cordon_domain::Network>().expect("a network").first();
                let there = Circumstances { address: Some(first), ..circumstances };
                assert!(question.answer(&there).allowed, "{action}: {conditions:?}");
            }
        }
    }
}

/// The roster after an organisation gave what `explain` asks for: the changes themselves, made to all that is there.
fn given(roster: &Roster, principal: &Principal, gifts: &[Gift], target: &Target) -> Roster {
    let (mut roster, mut changed) = (roster.clone(), principal.clone());
    let label = target.label.clone().unwrap_or_else(|| Label::of(Level::Restricted));
    for gift in gifts {
        match gift {
            Gift::Account => changed.until = None,
            Gift::Role(role) => roster.put(Record::Grant(supposed_grant(principal, *role, target))),
            Gift::Clearance => changed.clearance = changed.clearance.max(label.level),
            Gift::Projects => changed.projects.extend(label.projects.iter().cloned()),
            Gift::Training => changed.trained_until = Some(Moment(i64::MAX)),
        }
    }
    if gifts.contains(&Gift::Account) && principal.owner != principal.id {
        let owner = roster.principals[&principal.owner].clone();
        roster.put(Record::Principal(Principal { until: None, ..owner }));
    }
    roster.put(Record::Principal(changed));
    roster
}

/// Whoever is given what `explain` names may, in some circumstances; with any of it left out they may not; and where it
/// names nothing, nothing that can be given helps.
#[test]
fn what_would_have_to_be_given_is_enough_and_no_more() {
    let mut chance = Chance::new(45);
    let books = books(&mut chance);
    let standing = [Gift::Account, Gift::Clearance, Gift::Projects, Gift::Training];
    let (mut helped, mut hopeless) = (0, 0);
    for round in 0..400 {
        let snapshot = snapshot(&mut chance, &books);
        let (target, action) = (target(&mut chance), one(&mut chance, &COMMON));
        for principal in snapshot.roster().principals.values() {
            let may = |gifts: &[Gift]| {
                let roster = given(snapshot.roster(), principal, gifts, &target);
                let next = snapshot.next(roster, Epoch(1)).expect("valid");
                let principal = &next.roster().principals[&principal.id];
                let question = next.question(principal, action, &target, NOW);
                question.is_some_and(|question| matches!(next.possible(&question, NOW), Possible::In(_)))
            };
            let actor = Actor { kind: principal.kind, ..Actor::service(principal.id) };
            let facts = Facts { target: target.clone(), ..Facts::new(RequestId([0; 16]), NOW, action, actor) };
            match snapshot.needed_gifts(principal, &facts) {
                Some(gifts) => {
                    assert!(may(&gifts), "round {round}: {action}, {target:?}, {principal:?}: {gifts:?}");
                    for left_out in &gifts {
                        let fewer: Vec<Gift> = gifts.iter().copied().filter(|gift| gift != left_out).collect();
                        assert!(!may(&fewer), "round {round}: {action}, {gifts:?} without {left_out:?}");
                    }
                    helped += u32::from(!gifts.is_empty());
                }
                None => {
                    let roles = Role::ALL.map(|role| [&[Gift::Role(role)], &standing[..]].concat());
                    assert!(
                        roles.iter().all(|gifts| !may(gifts)),
                        "round {round}: {action}, {target:?}, {principal:?}"
                    );
                    hopeless += 1;
                }
            }
        }
    }
    assert!(helped > 300 && hopeless > 100, "{helped}, {hopeless}");
}

#[test]
fn a_policy_that_errs_denies_whatever_it_would_have_said() {
    let mut roster = roster_with(
        r#"@id("errs") forbid (principal, action, resource is Object) when { context.now + 9223372036854775807 > 0 };"#
            .to_owned(),
    );
    let mut chance = Chance::new(1);
    let person = Principal {
        kind: PrincipalKind::Person,
        until: None,
        owner: PrincipalId([1; 16]),
        ..principal(&mut chance, 1)
    };
    roster.put(Record::Principal(person));
    let snapshot = Snapshot::new(roster, Epoch(0)).expect("valid");
    let person = &snapshot.roster().principals[&PrincipalId([1; 16])];
    let public =
        Target { label: Some(Label::of(Level::Public)), version: Some(VersionId([1; 16])), ..Target::default() };
    let question = snapshot.question(person, Action::ObjectRead, &public, NOW).expect("decided");
    let answer = question.answer(&Circumstances::best(NOW));
    assert!(!answer.allowed && answer.errors.len() == 1, "{answer:?}");
}
