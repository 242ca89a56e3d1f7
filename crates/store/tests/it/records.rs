//! Records: what decisions rest on, as of now and of any moment before.

use std::collections::BTreeMap;

use cordon_domain::{
    Action, Actor, Approval, AskId, Asked, AskedHash, Bucket, BucketId, Emergency, EmergencyId, Factor, Grant, GrantId,
    Guarding, Label, Level, Levels, Mode, Moment, Policies, Principal, PrincipalId, PrincipalKind, Project, Record,
    RecordKey, Role, Roster, Scope, Step, Target, Vendor, VendorId, Versioning,
};
use cordon_gate::act::{
    Alter, Approve, Ask, ChangeBucket, ChangeLevels, ChangePolicies, ChangeVendor, Changes, Enrol, Give, Invite,
    LoosenBucket, MakeBucket, OpenEmergency, RemoveBucket, Review, Revoke,
};
use cordon_gate::{Decide as _, Denial, Facts, JournalError, Request, Verdict};
use cordon_policy::{LocalOperator, May, Snapshot};
use cordon_store::{Change, Follower, Installation, StoreError, Versions};
use cordon_testkit::Chance;

use crate::format::lasting_gate;
use crate::{BUCKET, Ground, NOW, on_both, records, revocation, target};

pub(crate) fn principal(number: u8) -> Principal {
    let id = PrincipalId([number; 16]);
    Principal {
        id,
        kind: PrincipalKind::Person,
        owner: id,
        clearance: Level::Restricted,
        projects: ["atlas".parse::<Project>().expect("a project")].into(),
        vendor: None,
        purpose: None,
        until: None,
        trained_until: Some(Moment(i64::MAX)),
    }
}

/// The request that adds a person, and the change.
pub(crate) fn person(number: u8) -> (Request<Invite>, Change) {
    let principal = principal(number);
    records(Some(principal.id), vec![Step::Put(Record::Principal(principal))])
}

/// Whoever acts in these tests.
pub(crate) fn actor() -> Actor {
    crate::facts(Target::default()).actor
}

pub(crate) fn grant(number: u8, to: u8, role: Role) -> Grant {
    Grant {
        id: GrantId([number; 16]),
        principal: PrincipalId([to; 16]),
        role,
        scope: Scope::Installation,
        starts: Moment(0),
        ends: None,
        reason: "a test".to_owned(),
        given_by: actor().principal,
    }
}

fn granted(grant: Grant) -> (Request<Give>, Change) {
    records(Some(grant.principal), vec![Step::Put(Record::Grant(grant))])
}

/// Makes a change at a moment. The decision is always yes, in whatever epoch.
pub(crate) async fn make<A: Changes>(
    installation: &Installation,
    (request, change): (Request<A>, Change),
    at: Moment,
) -> Result<(), Denial> {
    let facts = Facts { at, ..request.facts().clone() };
    let facts = Facts { request: cordon_domain::RequestId::draw(&mut cordon_store::edge::SystemEntropy), ..facts };
    lasting_gate(installation).change(Request::<A>::new(facts), change).await.map(drop)
}

fn refused(outcome: Result<(), Denial>, with: &str) {
    match outcome {
        Err(Denial::NotRecorded(JournalError::Conflict(what))) => assert!(what.contains(with), "{what}, not {with}"),
        Err(Denial::OtherChange) => assert_eq!(with, "other change"),
        other => panic!("{with}: {other:?}"),
    }
}

async fn roster(installation: &Installation) -> Roster {
    installation.reader().records(installation.keys()).await.expect("whole").0.roster
}

/// One change of a random history: of people and grants as often as of all else.
async fn change(installation: &Installation, chance: &mut Chance, at: Moment) {
    // Some are refused, as what they need is not there, or was revoked: that changes nothing.
    let _ = match chance.below(2) {
        0 => change_someone(installation, chance, at).await,
        _ => change_something(installation, chance, at).await,
    };
}

fn some(chance: &mut Chance, keys: Vec<[u8; 16]>) -> Option<[u8; 16]> {
    keys.get(chance.below(keys.len().max(1) as u64) as usize).copied()
}

async fn change_someone(installation: &Installation, chance: &mut Chance, at: Moment) -> Result<(), Denial> {
    let now = roster(installation).await;
    let someone = some(chance, now.principals.keys().map(|id| id.0).collect()).map(PrincipalId);
    let vendor = some(chance, now.vendors.keys().map(|id| id.0).collect()).map(VendorId);
    let number = 1 + chance.below(200) as u8;
    match (chance.below(7), someone) {
        (0 | 1, _) => make(installation, person(number), at).await,
        (2 | 3, Some(someone)) => {
            let role = Role::ALL[chance.below(6) as usize];
            let ends = [None, Some(at.plus_ms(40))][chance.below(2) as usize];
            let grant = Grant { principal: someone, ends, starts: at, ..grant(number, 0, role) };
            make(installation, granted(grant), at).await
        }
        (4, Some(someone)) => {
            let old = &now.principals[&someone];
            let new = Principal { clearance: Level::ALL[chance.below(4) as usize], ..old.clone() };
            let steps = vec![Step::Put(Record::Principal(new))];
            make(installation, records::<Alter>(Some(someone), steps), at).await
        }
        (5, Some(someone)) => {
            let steps = vec![Step::End(RecordKey::Principal(someone))];
            make(installation, records::<Revoke>(Some(someone), steps), at).await
        }
        _ => {
            let kind = if vendor.is_some() { PrincipalKind::Vendor } else { PrincipalKind::Person };
            let new = Principal { kind, vendor, ..principal(number) };
            let steps = vec![Step::Put(Record::Principal(new.clone()))];
            make(installation, records::<Invite>(Some(new.id), steps), at).await
        }
    }
}

async fn change_something(installation: &Installation, chance: &mut Chance, at: Moment) -> Result<(), Denial> {
    let now = roster(installation).await;
    let atlas: Project = "atlas".parse().expect("a project");
    let revoke = async |key| make(installation, records::<Revoke>(None, vec![Step::End(key)]), at).await;
    match chance.below(8) {
        0 => match some(chance, now.grants.keys().map(|id| id.0).collect()) {
            Some(id) => revoke(RecordKey::Grant(GrantId(id))).await,
            None => Ok(()),
        },
        1 => match now.closed.contains(&atlas) {
            true => make(installation, records::<Give>(None, vec![Step::End(RecordKey::Closed(atlas))]), at).await,
            false => make(installation, records::<Revoke>(None, vec![Step::Put(Record::Closed(atlas))]), at).await,
        },
        2 => {
            let texts = ["", "forbid (principal, action, resource) when { principal.rank < 2 };", ANYONE];
            let (version, text) = (now.policies.version + 1, texts[chance.below(3) as usize].to_owned());
            let steps = vec![Step::Put(Record::Policies(Policies { version, text }))];
            make(installation, records::<ChangePolicies>(None, steps), at).await
        }
        3 => {
            let mut levels = now.levels;
            levels.of_mut(Level::Confidential).factor = Factor::ALL[chance.below(3) as usize];
            make(installation, records::<ChangeLevels>(None, vec![Step::Put(Record::Levels(Box::new(levels)))]), at)
                .await
        }
        4 => match some(chance, now.vendors.keys().map(|id| id.0).collect()) {
            Some(id) => revoke(RecordKey::Vendor(VendorId(id))).await,
            None => Ok(()),
        },
        5 => {
            let id = VendorId([1 + chance.below(4) as u8; 16]);
            let level = Level::ALL[chance.below(4) as usize];
            let steps = vec![Step::Put(Record::Vendor(vendor(id, level, (at, at.plus_ms(200)))))];
            make(installation, records::<ChangeVendor>(None, steps), at).await
        }
        6 => {
            let (id, until) = (EmergencyId([1 + chance.below(200) as u8; 16]), at.plus_ms(100));
            let (me, reason) = (actor().principal, "a fire".to_owned());
            let emergency = Emergency { id, principal: me, since: at, until, reason, writes: false, owner: me };
            make(installation, records::<OpenEmergency>(Some(me), vec![Step::Put(Record::Emergency(emergency))]), at)
                .await
        }
        _ => match some(chance, now.emergencies.keys().map(|id| id.0).collect()) {
            Some(id) => {
                let (key, number) = (RecordKey::Emergency(EmergencyId(id)), reviewer(&now));
                let review = records::<Review>(Some(actor().principal), vec![Step::End(key)]);
                make(installation, by(review, number), at).await
            }
            None => Ok(()),
        },
    }
}

/// Whoever, but the one who acts.
fn reviewer(now: &Roster) -> u8 {
    now.principals.keys().map(|id| id.0[0]).find(|number| *number != actor().principal.0[0]).unwrap_or_default()
}

const ANYONE: &str = "permit (principal is Person, action == Action::\"object.read\", resource is Object);";

fn vendor(id: VendorId, level: Level, (starts, ends): (Moment, Moment)) -> Vendor {
    let (projects, networks) = (std::collections::BTreeSet::new(), Vec::new());
    Vendor { id, name: "Example".to_owned(), starts, ends, level, projects, networks }
}

fn who(snapshot: &Snapshot, at: Moment) -> Vec<May> {
    let mut may = Vec::new();
    snapshot.who(Action::ObjectRead, &target(1, Level::Confidential), at, &mut |one| may.push(one));
    may
}

async fn what_was_is_told_as_it_was(ground: Ground) {
    let (installation, _) = ground.create().await;
    let (reader, keys) = (installation.reader().clone(), std::sync::Arc::clone(installation.keys()));
    let follower = Follower::begin(reader, keys, None).await.expect("begins");
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..4 {
        println!("seed {seed}");
        let mut chance = Chance::new(seed);
        let mut given: BTreeMap<Moment, (Roster, Vec<May>)> = BTreeMap::new();
        let begun = NOW.plus_ms(10_000 * seed as i64);
        let mut at = begun;
        for _ in 0..60 {
            change(&installation, &mut chance, at).await;
            follower.catch_up().await;
            let snapshot = follower.policies().snapshot().expect("whole");
            let now = snapshot.roster();
            seen.extend([
                (!now.vendors.is_empty(), "a vendor"),
                (!now.emergencies.is_empty(), "an emergency"),
                (now.levels != Levels::DEFAULT, "levels"),
                (!now.policies.text.is_empty(), "policies"),
                (now.principals.values().any(|one| one.vendor.is_some()), "a vendor's person"),
            ]);
            given.insert(at, (now.clone(), who(&snapshot, at)));
            at = at.plus_ms(chance.below(20) as i64);
        }
        ground.settle(&installation).await;
        for (at, (roster, may)) in given {
            let then = follower.as_of(at).await.expect("whole");
            assert_eq!(*then.roster(), roster, "{at:?}");
            assert_eq!(who(&then, at), may, "{at:?}");
            let rebuilt = installation.rebuild(at, Versions::None).await.expect("told");
            assert_eq!(rebuilt.roster, roster, "from the log, {at:?}");
        }
    }
    assert_eq!(seen.len(), 10, "each was there at some moment, and at another was not: {seen:?}");
    let places =
        "SELECT count(*) FROM records WHERE began_position IS NULL OR (ended IS NOT NULL AND ended_position IS NULL)";
    assert_eq!(ground.count(places).await, 0, "every row says at which positions it began and ended");
    let wrong = "SELECT count(*) FROM records JOIN events ON events.position = records.began_position
                 WHERE events.leaf <> records.began_leaf";
    assert_eq!(ground.count(wrong).await, 0);
}

async fn a_clock_that_goes_back_does_not_change_what_was(ground: Ground) {
    let (installation, _) = ground.create().await;
    make(&installation, person(1), NOW.plus_ms(100)).await.expect("added");
    make(&installation, person(2), NOW).await.expect("added");
    ground.settle(&installation).await;
    let at = |ms| {
        let (reader, keys, moment) = (installation.reader(), installation.keys(), NOW.plus_ms(ms));
        async move { reader.records_as_of(keys, moment).await.expect("reads").roster.principals.len() }
    };
    assert_eq!((at(99).await, at(100).await), (0, 2));
    assert_eq!(installation.rebuild(NOW.plus_ms(99), Versions::None).await.expect("told").roster.principals.len(), 0);
    assert_eq!(installation.rebuild(NOW.plus_ms(100), Versions::None).await.expect("told").roster.principals.len(), 2);
}

async fn a_record_that_was_changed_is_locked_alone(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in [1, 2] {
        make(&installation, person(number), NOW.plus_ms(number.into())).await.expect("added");
    }
    let changed =
        ground.beside("UPDATE records SET body = x'00' WHERE began_at = (SELECT min(began_at) FROM records)").await;
    assert_eq!(changed, 1);
    let records = installation.reader().records(installation.keys()).await.expect("the others are whole").0;
    assert_eq!(records.locked, [RecordKey::Principal(PrincipalId([1; 16]))]);
    assert_eq!(records.roster.principals.len(), 1);
    // It cannot be ended, and so become whole.
    let (request, change) = records_of::<Revoke>(Some(1), vec![Step::End(RecordKey::Principal(PrincipalId([1; 16])))]);
    let outcome = make(&installation, (request, change), NOW).await;
    assert!(matches!(outcome, Err(Denial::NotRecorded(JournalError::Integrity(_)))), "{outcome:?}");
}

fn records_of<A: Changes>(about: Option<u8>, steps: Vec<Step>) -> (Request<A>, Change) {
    records(about.map(|number| PrincipalId([number; 16])), steps)
}

async fn a_record_that_was_removed_or_put_back_stops_all_decisions(ground: Ground) {
    let (installation, _) = ground.create().await;
    make(&installation, person(1), NOW).await.expect("added");
    make(&installation, granted(grant(1, 1, Role::Reader)), NOW).await.expect("granted");
    let follower = Follower::begin(
        installation.reader().clone(),
        std::sync::Arc::clone(installation.keys()),
        Some(operator().into()),
    )
    .await
    .expect("begins");
    ground.beside("CREATE TABLE kept AS SELECT * FROM records").await;
    ground.beside("CREATE TABLE kept_settings AS SELECT * FROM settings").await;
    let steps = vec![Step::End(RecordKey::Grant(GrantId([1; 16])))];
    make(&installation, records::<Revoke>(None, steps), NOW).await.expect("revoked");
    let integrity = async |what: &str| {
        let outcome = installation.reader().records(installation.keys()).await;
        assert!(matches!(outcome, Err(StoreError::Integrity(_))), "{what}: {outcome:?}");
    };
    let live = "SELECT count(*) FROM records WHERE ended IS NULL";
    assert_eq!(ground.count(live).await, 1);
    ground.beside("DELETE FROM records WHERE ended IS NOT NULL").await;
    installation.reader().records(installation.keys()).await.expect("only what lives decides");
    // The grant, as it was before it was revoked.
    ground.beside("INSERT INTO records SELECT * FROM kept WHERE key NOT IN (SELECT key FROM records)").await;
    integrity("put back").await;
    follower.catch_up().await;
    let facts = Facts {
        actor: Actor { kind: PrincipalKind::Person, ..Actor::service(PrincipalId([1; 16])) },
        ..crate::facts(target(1, Level::Internal))
    };
    assert!(matches!(follower.policies().evaluate(&facts), Verdict::Deny(..)), "locked");
    ground.beside("DELETE FROM settings WHERE name = 'records.sum'").await;
    ground.beside("INSERT INTO settings SELECT * FROM kept_settings WHERE name = 'records.sum'").await;
    integrity("put back with the sum").await;
    ground.beside("DELETE FROM records").await;
    integrity("removed").await;
}

fn operator() -> LocalOperator {
    LocalOperator { principal: PrincipalId([99; 16]) }
}

async fn changes_that_do_not_fit_the_state_are_refused(ground: Ground) {
    let (installation, _) = ground.create().await;
    let made = &installation;
    make(made, person(1), NOW).await.expect("added");
    make(made, granted(grant(1, 1, Role::Reader)), NOW).await.expect("granted");
    refused(make(made, person(1), NOW).await, "there already");
    refused(make(made, granted(grant(1, 1, Role::Owner)), NOW).await, "may prolong it, and change nothing else");
    let for_longer = Grant { ends: Some(NOW.plus_ms(9)), ..grant(1, 1, Role::Reader) };
    make(made, granted(for_longer.clone()), NOW).await.expect("prolonged");
    let kept = made.reader().records(made.keys()).await.expect("whole").0;
    assert_eq!(kept.roster.grants.into_values().collect::<Vec<_>>(), [for_longer], "it stays one");
    refused(make(made, granted(grant(2, 9, Role::Owner)), NOW).await, "there is no");
    refused(make(made, granted(Grant { reason: " ".to_owned(), ..grant(2, 1, Role::Owner) }), NOW).await, "reason");
    refused(make(made, granted(Grant { ends: Some(NOW), ..grant(2, 1, Role::Owner) }), NOW).await, "an end ahead");
    let other = Grant { given_by: PrincipalId([1; 16]), ..grant(2, 1, Role::Owner) };
    refused(make(made, granted(other), NOW).await, "who gives it");
    // Decided about one, made for another; decided on everything, made for a bucket.
    let grant_to_1 = Step::Put(Record::Grant(grant(2, 1, Role::Owner)));
    refused(make(made, records_of::<Give>(Some(2), vec![grant_to_1.clone()]), NOW).await, "other change");
    refused(make(made, records_of::<Revoke>(Some(1), vec![grant_to_1.clone()]), NOW).await, "other change");
    let on_bucket = Step::Put(Record::Grant(Grant { scope: Scope::Bucket(BUCKET), ..grant(2, 1, Role::Owner) }));
    refused(make(made, records_of::<Give>(Some(1), vec![on_bucket]), NOW).await, "other change");
    refused(make(made, records_of::<Give>(Some(1), vec![grant_to_1.clone(), grant_to_1]), NOW).await, "other change");
    let bare = Step::Put(Record::Grant(grant(2, 1, Role::Owner)));
    refused(make(made, records_of::<Invite>(Some(1), vec![bare]), NOW).await, "other change");
    let (request, change) =
        records::<Give>(None, vec![Step::End(RecordKey::Closed("atlas".parse().expect("a project")))]);
    let on_bucket = Target { bucket: Some(BUCKET), ..request.facts().target.clone() };
    let request = Request::<Give>::new(Facts { target: on_bucket, ..request.facts().clone() });
    refused(make(made, (request, change), NOW).await, "other change");
    let second = |owner: u8| {
        let new = Principal { id: PrincipalId([5; 16]), owner: PrincipalId([owner; 16]), ..principal(1) };
        records_of::<Invite>(Some(5), vec![Step::Put(Record::Principal(new))])
    };
    refused(make(made, second(9), NOW).await, "there is no");
    let alter = |change: &dyn Fn(&mut Principal)| {
        let mut new = principal(1);
        change(&mut new);
        records_of::<Alter>(Some(1), vec![Step::Put(Record::Principal(new))])
    };
    refused(make(made, alter(&|new| new.owner = PrincipalId([5; 16])), NOW).await, "do not change");
    refused(make(made, alter(&|new| new.kind = PrincipalKind::Service), NOW).await, "somebody answers for a service");
    refused(make(made, alter(&|new| new.kind = PrincipalKind::Device), NOW).await, "names the vendor");
    refused(make(made, alter(&|new| new.vendor = Some(VendorId([1; 16]))), NOW).await, "there is no");
    let device = cordon_domain::Device {
        id: cordon_domain::DeviceId([1; 16]),
        owner: PrincipalId([9; 16]),
        key: [0; 32],
        claimed: "laptop".to_owned(),
    };
    refused(
        make(made, records_of::<Enrol>(Some(9), vec![Step::Put(Record::Device(device))]), NOW).await,
        "there is no",
    );
    let policies = |version, text: &str| {
        let text = text.to_owned();
        records::<ChangePolicies>(None, vec![Step::Put(Record::Policies(Policies { version, text }))])
    };
    refused(make(made, policies(2, ""), NOW).await, "meanwhile");
    refused(make(made, policies(1, "permit (principal, action, resource) when { context.x };"), NOW).await, "context");
    make(made, policies(1, ""), NOW).await.expect("changed");
    refused(make(made, policies(1, ""), NOW).await, "meanwhile");
    make(made, records::<ChangeLevels>(None, vec![Step::Put(Record::Levels(Box::new(Levels::DEFAULT)))]), NOW)
        .await
        .expect("changed");
    // What was revoked never comes back.
    let end = vec![Step::End(RecordKey::Principal(PrincipalId([1; 16])))];
    make(made, records_of::<Revoke>(Some(1), end.clone()), NOW).await.expect("revoked");
    refused(make(made, person(1), NOW).await, "does not come back");
    refused(make(made, records_of::<Revoke>(Some(1), end), NOW).await, "there is no");
    let vendor = || {
        let contract = vendor(VendorId([1; 16]), Level::Internal, (NOW, NOW.plus_ms(1)));
        records::<ChangeVendor>(None, vec![Step::Put(Record::Vendor(contract))])
    };
    make(made, vendor(), NOW).await.expect("added");
    make(made, vendor(), NOW).await.expect("changed");
    let end = vec![Step::End(RecordKey::Vendor(VendorId([1; 16])))];
    make(made, records::<Revoke>(None, end), NOW).await.expect("revoked");
    refused(make(made, vendor(), NOW).await, "does not come back");
    let (request, _) = revocation(1);
    let (_, other) = revocation(2);
    assert_eq!(lasting_gate(made).change(request, other).await.map(drop), Err(Denial::OtherChange));
}

fn asked() -> Asked {
    let (actor, target) = (actor(), Target::default());
    Asked {
        id: AskId([1; 16]),
        action: Action::KeyShred,
        hash: AskedHash::of(Action::KeyShred, &target, b"", "a test"),
        target,
        by: actor.principal,
        owner: actor.principal,
        reason: "a test".to_owned(),
        at: NOW,
        ends: NOW.plus_ms(1_000),
        approvals: Vec::new(),
        change: Vec::new(),
    }
}

fn asking<A: Changes>(asked: &Asked) -> (Request<A>, Change) {
    let (request, change) = records::<A>(Some(asked.by), vec![Step::Put(Record::Ask(Box::new(asked.clone())))]);
    let about = &asked.target;
    let target = Target {
        bucket: about.bucket,
        version: about.version,
        label: about.label.clone(),
        ..request.facts().target.clone()
    };
    (Request::new(Facts { target, ..request.facts().clone() }), change)
}

async fn an_approval_is_added_by_its_giver_and_changes_nothing_else(ground: Ground) {
    let (installation, _) = ground.create().await;
    let made = &installation;
    let asked = asked();
    let other = Asked { reason: "another".to_owned(), ..asked.clone() };
    refused(make(made, asking::<Ask>(&other), NOW).await, "is not what the approval would be bound to");
    let unknown = Target { label: Some(Label::of(Level::Internal)), ..target(1, Level::Internal) };
    let hash = AskedHash::of(Action::KeyShred, &unknown, b"", "a test");
    let unknown = Asked { target: unknown, hash, ..asked.clone() };
    refused(make(made, asking::<Ask>(&unknown), NOW).await, "is not where it was decided on");
    refused(make(made, asking::<Approve>(&asked), NOW).await, "there is no");
    let lapsed = Asked { ends: NOW, ..asked.clone() };
    refused(make(made, asking::<Ask>(&lapsed), NOW).await, "an end");
    let own = Approval { by: actor().principal, owner: actor().principal, at: NOW };
    let approved = Asked { approvals: vec![own], ..asked.clone() };
    refused(make(made, asking::<Ask>(&approved), NOW).await, "names themselves");
    refused(
        make(made, asking::<Ask>(&Asked { by: PrincipalId([3; 16]), ..asked.clone() }), NOW).await,
        "names themselves",
    );
    make(made, asking::<Ask>(&asked), NOW).await.expect("asked");
    let forged = Approval { by: PrincipalId([3; 16]), owner: PrincipalId([3; 16]), at: NOW };
    for wrong in [
        asked.clone(),
        Asked { approvals: vec![forged], ..asked.clone() },
        Asked { approvals: vec![forged, own], ..asked.clone() },
        Asked { reason: "another".to_owned(), approvals: vec![own], ..asked.clone() },
        Asked { hash: AskedHash([2; 32]), approvals: vec![own], ..asked.clone() },
        Asked { ends: NOW.plus_ms(9_000), approvals: vec![own], ..asked.clone() },
    ] {
        let outcome = make(made, asking::<Approve>(&wrong), NOW).await;
        assert!(matches!(outcome, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "{wrong:?}: {outcome:?}");
    }
    refused(make(made, asking::<Approve>(&approved), NOW.plus_ms(1_000)).await, "lapsed");
    make(made, asking::<Approve>(&approved), NOW.plus_ms(999)).await.expect("approved");
    let twice = Asked { approvals: vec![own, own], ..asked };
    refused(make(made, asking::<Approve>(&twice), NOW.plus_ms(999)).await, "already");
}

/// The same, by another.
fn by<A: Changes>((request, change): (Request<A>, Change), number: u8) -> (Request<A>, Change) {
    let facts = request.facts().clone();
    let actor = Actor { principal: PrincipalId([number; 16]), ..facts.actor.clone() };
    (Request::new(Facts { actor, ..facts }), change)
}

/// A bucket is made by whoever owns it then, under a name of its own, and becomes neither more open nor another's.
async fn a_bucket_is_its_makers_and_becomes_no_more_open(ground: Ground) {
    let (installation, _) = ground.create().await;
    make(&installation, person(actor().principal.0[0]), NOW).await.expect("added");
    make(&installation, person(7), NOW).await.expect("added");
    let bucket = |number: u8, name: &str| Bucket {
        id: BucketId([number; 16]),
        name: name.parse().expect("a name"),
        label: Label::of(Level::Internal),
        made_by: actor().principal,
        made_at: NOW,
        versioning: Versioning::Off,
        guarding: None,
        tagging: None,
    };
    let put = |bucket: Bucket| Step::Put(Record::Bucket(Box::new(bucket)));
    let owner = |to: u8, number: u8, role| {
        let scope = Scope::Bucket(BucketId([number; 16]));
        Step::Put(Record::Grant(Grant { scope, ..grant(number, to, role) }))
    };
    let own = actor().principal.0[0];
    let make_bucket = async |steps| {
        let (request, change) = records::<MakeBucket>(None, steps);
        make(&installation, (request, change), NOW).await
    };
    make_bucket(vec![put(bucket(1, "one")), owner(own, 1, Role::Owner)]).await.expect("made");
    for (what, steps) in [
        ("a name that is taken", vec![put(bucket(2, "one"))]),
        ("one that is there", vec![put(bucket(1, "two"))]),
        ("another's", vec![put(Bucket { made_by: PrincipalId([7; 16]), ..bucket(2, "two") })]),
        ("owned by another", vec![put(bucket(2, "two")), owner(7, 2, Role::Owner)]),
        ("with another role", vec![put(bucket(2, "two")), owner(own, 2, Role::Approver)]),
        ("with another bucket's grant", vec![put(bucket(2, "two")), owner(own, 1, Role::Owner)]),
        ("a grant alone", vec![owner(own, 1, Role::Owner)]),
    ] {
        assert!(make_bucket(steps).await.is_err(), "{what}");
    }
    let change_bucket = async |label: Level, new: Bucket| {
        let (mut request, change) = records::<ChangeBucket>(None, vec![put(new)]);
        let (bucket, label) = (Some(BucketId([1; 16])), Some(Label::of(label)));
        let target = Target { bucket, label, ..request.facts().target.clone() };
        request = Request::new(Facts { target, ..request.facts().clone() });
        make(&installation, (request, change), NOW).await
    };
    let now = bucket(1, "one");
    let raised = Bucket { label: Label::of(Level::Restricted), versioning: Versioning::On, ..now.clone() };
    assert!(change_bucket(Level::Public, raised.clone()).await.is_err(), "decided on another label");
    change_bucket(Level::Restricted, raised.clone()).await.expect("raised");
    for (what, new) in [
        ("lower", Bucket { label: Label::of(Level::Internal), ..raised.clone() }),
        ("another name", Bucket { name: "other".parse().expect("a name"), ..raised.clone() }),
        ("another maker", Bucket { made_by: PrincipalId([7; 16]), ..raised.clone() }),
        ("forgetting", Bucket { versioning: Versioning::Off, ..raised.clone() }),
    ] {
        assert!(change_bucket(new.label.level, new).await.is_err(), "{what}");
    }
    let observing = Guarding { limits: Mode::Observe, ..Guarding::DEFAULT };
    let looser = Bucket { guarding: Some(observing), ..raised.clone() };
    assert!(change_bucket(Level::Restricted, looser.clone()).await.is_err(), "that takes two people");
    let loosen = async |new: Bucket| {
        let (request, change) = records::<LoosenBucket>(None, vec![put(new)]);
        let (bucket, label) = (Some(BucketId([1; 16])), Some(Label::of(Level::Restricted)));
        let target = Target { bucket, label, ..request.facts().target.clone() };
        make(&installation, (Request::<LoosenBucket>::new(Facts { target, ..request.facts().clone() }), change), NOW)
            .await
    };
    let tagged = Bucket { tagging: Some("a=b".to_owned()), ..looser.clone() };
    assert!(loosen(tagged.clone()).await.is_err(), "it changes nothing else");
    loosen(looser).await.expect("loosened");
    change_bucket(Level::Restricted, tagged).await.expect("tagged");
    change_bucket(Level::Restricted, raised.clone()).await.expect("enforced again");
    let many = Bucket { tagging: Some("x".repeat(9_000)), ..raised.clone() };
    assert!(change_bucket(Level::Restricted, many).await.is_err(), "too many tags");
    let end = async |label: Level| {
        let (request, change) = records::<RemoveBucket>(None, vec![Step::End(RecordKey::Bucket(BucketId([1; 16])))]);
        let (bucket, label) = (Some(BucketId([1; 16])), Some(Label::of(label)));
        let target = Target { bucket, label, ..request.facts().target.clone() };
        make(&installation, (Request::<RemoveBucket>::new(Facts { target, ..request.facts().clone() }), change), NOW)
            .await
    };
    assert!(end(Level::Internal).await.is_err(), "decided on another label");
    end(Level::Restricted).await.expect("it is empty");
    make_bucket(vec![put(bucket(3, "one"))]).await.expect("the name is free again");
}

async fn an_emergency_is_short_ones_own_and_waits_for_its_review(ground: Ground) {
    let (installation, _) = ground.create().await;
    let made = &installation;
    let me = actor().principal;
    let emergency = |number: u8, until: i64| Emergency {
        id: EmergencyId([number; 16]),
        principal: me,
        since: NOW,
        until: NOW.plus_ms(until),
        reason: "a fire".to_owned(),
        writes: false,
        owner: me,
    };
    let open = |emergency: Emergency| {
        records::<OpenEmergency>(Some(emergency.principal), vec![Step::Put(Record::Emergency(emergency))])
    };
    refused(make(made, open(emergency(1, 3_600_001)), NOW).await, "within the hour");
    refused(make(made, open(emergency(1, 0)), NOW).await, "within the hour");
    refused(
        make(made, open(Emergency { principal: PrincipalId([9; 16]), ..emergency(1, 1_000) }), NOW).await,
        "one's own",
    );
    make(made, open(emergency(1, 3_600_000)), NOW).await.expect("opened");
    refused(make(made, open(Emergency { owner: PrincipalId([9; 16]), ..emergency(2, 1_000) }), NOW).await, "one's own");
    let later = Emergency { since: NOW.plus_ms(7_200_000), ..emergency(2, 7_201_000) };
    refused(make(made, open(later), NOW.plus_ms(7_200_000)).await, "waits for its review");
    // Their second account is they.
    let second = Principal { owner: me, ..principal(4) };
    make(made, records::<Invite>(Some(second.id), vec![Step::Put(Record::Principal(second))]), NOW)
        .await
        .expect("added");
    let of_second = Emergency { principal: PrincipalId([4; 16]), ..emergency(3, 1_000) };
    refused(make(made, by(open(of_second), 4), NOW).await, "waits for its review");
    let end = || vec![Step::End(RecordKey::Emergency(EmergencyId([1; 16])))];
    refused(make(made, records::<Review>(Some(PrincipalId([9; 16])), end()), NOW).await, "another person's");
    refused(make(made, records::<Review>(Some(me), end()), NOW).await, "by somebody else");
    refused(make(made, by(records::<Review>(Some(me), end()), 4), NOW).await, "by somebody else");
    make(made, person(3), NOW).await.expect("added");
    make(made, by(records::<Review>(Some(me), end()), 3), NOW).await.expect("reviewed");
}

async fn the_use_of_a_grant_is_written_down(ground: Ground) {
    let (installation, _) = ground.create().await;
    for (grant, at) in [(1, 0), (1, 60_000), (2, 0), (1, 3_600_000)] {
        let mut event = crate::event(&installation, Action::ObjectRead, 1);
        (event.grants, event.at) = (vec![GrantId([grant; 16])], NOW.plus_ms(at));
        use cordon_gate::Journal as _;
        installation.writer().record(event, cordon_gate::Epoch::ANY).await.expect("recorded");
    }
    let uses = installation.reader().grant_uses().await.expect("reads");
    assert_eq!(uses[&GrantId([1; 16])], NOW.plus_ms(3_600_000));
    assert_eq!(uses[&GrantId([2; 16])], NOW);
}

on_both!(
    what_was_is_told_as_it_was,
    a_clock_that_goes_back_does_not_change_what_was,
    a_record_that_was_changed_is_locked_alone,
    a_record_that_was_removed_or_put_back_stops_all_decisions,
    changes_that_do_not_fit_the_state_are_refused,
    an_approval_is_added_by_its_giver_and_changes_nothing_else,
    a_bucket_is_its_makers_and_becomes_no_more_open,
    an_emergency_is_short_ones_own_and_waits_for_its_review,
    the_use_of_a_grant_is_written_down,
);
