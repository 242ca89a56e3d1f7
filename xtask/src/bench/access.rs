//! Measures decisions, and the question who may: 10,000 principals, 500 buckets, 2,000 policies.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use cordon_domain::{
    Action, Actor, BucketId, Device, DeviceId, Factor, Grant, GrantId, Label, Level, Moment, Policies, Principal,
    PrincipalId, PrincipalKind, Project, Record, RequestId, Role, Roster, Scope, Target, VersionId,
};
use cordon_gate::{Epoch, Facts, Verdict};
use cordon_policy::Snapshot;
use cordon_testkit::Chance;

const PRINCIPALS: u64 = 10_000;
const BUCKETS: u64 = 500;
const PROJECTS: u64 = 50;
/// Policies that name one person, one bucket, one project, and nobody: 2,000 in all.
const POLICIES: [u64; 4] = [1_500, 300, 195, 5];
const DECISIONS: usize = 100_000;
const NOW: Moment = Moment(1_795_615_200_000);

/// Builds in release mode and measures there.
pub(crate) fn run() -> Result<(), String> {
    crate::run("cargo", &["run", "--release", "--quiet", "--package", "xtask", "--", "bench", "access-measured"])
}

/// Measures in this process.
pub(crate) fn measured() -> Result<(), String> {
    let mut chance = Chance::new(7);
    let started = Instant::now();
    let snapshot = Snapshot::new(roster(&mut chance), Epoch(1)).map_err(|error| error.to_string())?;
    println!("| what | measured |\n|---|---|");
    println!("| reading 2,000 policies and 10,000 principals | {:.0} ms |", ms(started.elapsed()));
    let started = Instant::now();
    let next = snapshot.next(snapshot.roster().clone(), Epoch(2)).map_err(|error| error.to_string())?;
    println!("| the same policies on another roster | {:.1} ms |", ms(started.elapsed()));
    decisions(&next, &mut chance);
    who(&next, &mut chance)?;
    super::groups::measured(next.roster().clone())?;
    super::sign_in::measured()
}

fn decisions(snapshot: &Snapshot, chance: &mut Chance) {
    let started = Instant::now();
    (0..DECISIONS).for_each(|_| drop(snapshot.verdict(&facts(chance))));
    println!(
        "| {DECISIONS} decisions while nothing is known yet, one after the other | {:.0} ms |",
        ms(started.elapsed())
    );
    let mut times = Vec::with_capacity(DECISIONS);
    let mut allowed = 0;
    for _ in 0..DECISIONS {
        let facts = facts(chance);
        let started = Instant::now();
        let verdict = snapshot.verdict(&facts);
        times.push(started.elapsed());
        allowed += usize::from(matches!(verdict, Verdict::Allow(_)));
    }
    let share = 100.0 * allowed as f64 / DECISIONS as f64;
    print_times(&format!("a decision, of anyone on anything ({share:.0} % allowed)"), times);
    let mut few = Chance::new(9);
    let asked: Vec<Facts> = (0..2_000)
        .map(|_| facts(&mut few))
        .filter(|facts| matches!(snapshot.verdict(facts), Verdict::Allow(_)))
        .collect();
    let mut times = Vec::with_capacity(DECISIONS);
    for facts in asked.iter().cycle().take(DECISIONS) {
        let started = Instant::now();
        let verdict = snapshot.verdict(facts);
        times.push(started.elapsed());
        assert!(matches!(verdict, Verdict::Allow(_)));
    }
    print_times("a decision that allows, of those who were here before", times);
    on_all_cores(snapshot);
}

/// Decides on all cores at once: what they remember, they share.
fn on_all_cores(snapshot: &Snapshot) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let decide = |seed| {
        let mut chance = Chance::new(seed);
        let decide = |_| {
            let facts = facts(&mut chance);
            let started = Instant::now();
            drop(snapshot.verdict(&facts));
            started.elapsed()
        };
        (0..DECISIONS).map(decide).collect::<Vec<Duration>>()
    };
    let times = std::thread::scope(|scope| {
        let deciding: Vec<_> = (0..cores as u64).map(|core| scope.spawn(move || decide(100 + core))).collect();
        deciding.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
    });
    print_times(&format!("a decision, of anyone on anything, on {cores} cores at once"), times);
}

pub(super) fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at =
        |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64() * 1e6;
    println!("| {what} | p50 {:.1} us, p99 {:.1} us |", at(0.5), at(0.99));
}

fn who(snapshot: &Snapshot, chance: &mut Chance) -> Result<(), String> {
    let one = facts(chance).target;
    let started = Instant::now();
    let found = everyone(snapshot, &[one])?;
    println!("| who may read one object ({found} may) | {:.0} ms |", ms(started.elapsed()));
    let started = Instant::now();
    let groups: Vec<Target> = (0..20)
        .map(|group| Target {
            bucket: Some(bucket(3)),
            version: Some(VersionId([9; 16])),
            label: Some(label(&mut Chance::new(group))),
            ..Target::default()
        })
        .collect();
    let found = everyone(snapshot, &groups)?;
    println!("| who may read a bucket of 20 groups ({found} lines) | {:.0} ms |", ms(started.elapsed()));
    Ok(())
}

/// Counts who may, as many workers asking as there are cores.
pub(super) fn everyone(snapshot: &Snapshot, targets: &[Target]) -> Result<usize, String> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ask = |census: cordon_policy::Census<'_>| {
        let mut found = 0;
        targets.iter().for_each(|target| census.who(Action::ObjectRead, target, NOW, &mut |_| found += 1));
        found
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = snapshot.censuses(workers).map(|census| scope.spawn(move || ask(census))).collect();
        asked.into_iter().map(|one| one.join().map_err(|_| "a worker broke".to_owned())).sum()
    })
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn id(number: u64) -> [u8; 16] {
    (u128::from(number) + 1).to_be_bytes()
}

fn bucket(number: u64) -> BucketId {
    BucketId(id(number))
}

fn project(number: u64) -> Project {
    #[expect(clippy::expect_used, reason = "the name is one")]
    format!("project-{number}").parse().expect("a project")
}

fn label(chance: &mut Chance) -> Label {
    let level = match chance.below(10) {
        0 => Level::Public,
        1..=4 => Level::Internal,
        5..=8 => Level::Confidential,
        _ => Level::Restricted,
    };
    match chance.below(2) {
        0 => Label::of(level),
        _ => Label::of(level).with(project(chance.below(PROJECTS))),
    }
}

fn facts(chance: &mut Chance) -> Facts {
    let who = chance.below(PRINCIPALS);
    let actor = Actor {
        kind: PrincipalKind::Person,
        mfa_age_s: Some(60),
        factor: Some(Factor::PhishingResistant),
        device: Some(DeviceId(id(who))),
        ..Actor::service(PrincipalId(id(who)))
    };
    let bucket = bucket(chance.below(BUCKETS));
    let version = VersionId(id(chance.next()));
    let target =
        Target { bucket: Some(bucket), version: Some(version), label: Some(label(chance)), ..Target::default() };
    Facts { target, ..Facts::new(RequestId([0; 16]), NOW, Action::ObjectRead, actor) }
}

fn roster(chance: &mut Chance) -> Roster {
    let mut roster = Roster::default();
    for number in 0..PRINCIPALS {
        let principal = PrincipalId(id(number));
        roster.put(Record::Principal(Principal {
            id: principal,
            kind: PrincipalKind::Person,
            owner: principal,
            clearance: if chance.below(4) == 0 { Level::Internal } else { Level::Restricted },
            projects: (0..chance.below(4)).map(|_| project(chance.below(PROJECTS))).collect(),
            vendor: None,
            purpose: None,
            until: None,
            trained_until: Some(Moment(i64::MAX)),
        }));
        roster.put(Record::Device(Device {
            id: DeviceId(id(number)),
            owner: principal,
            key: [0; 32],
            claimed: String::new(),
        }));
        for grant in 0..3 {
            roster.put(Record::Grant(Grant {
                id: GrantId(id(number * 3 + grant)),
                principal,
                role: if grant == 0 { Role::Contributor } else { Role::Reader },
                scope: if grant == 0 {
                    Scope::Project(project(chance.below(PROJECTS)))
                } else {
                    Scope::Bucket(bucket(chance.below(BUCKETS)))
                },
                starts: Moment(0),
                ends: None,
                reason: "a bench".to_owned(),
                given_by: principal,
            }));
        }
    }
    roster.put(Record::Policies(Policies { version: 1, text: policies(chance) }));
    roster
}

fn policies(chance: &mut Chance) -> String {
    let mut text = String::new();
    let mut add = |effect: &str, principal: &str, resource: &str, condition: &str| {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{effect} ({principal}, action in Action::\"reading\", {resource}) when {{ {condition} }};");
    };
    let [people, buckets, projects, others] = POLICIES;
    for number in 0..people {
        let who = format!("principal == Person::\"{}\"", PrincipalId(id(number)));
        add("permit", &who, "resource is Object", "resource.rank <= 2 && context.hour >= 6");
    }
    for number in 0..buckets {
        let what = format!("resource in Bucket::\"{}\"", bucket(number));
        add("forbid", "principal", &what, "context.factor < 1");
    }
    for _ in 0..projects {
        let who = format!("principal in Project::\"{}\"", project(chance.below(PROJECTS)));
        add("forbid", &who, "resource is Object", "resource.rank == 3 && !context.known_device");
    }
    for number in 0..others {
        add("forbid", "principal", "resource", &format!("context.factor_age_s > {}", 100_000 + number));
    }
    text
}
