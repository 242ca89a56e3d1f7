//! Decisions, from the facts of a request to what is allowed, or missing: what each fact changes.

use std::collections::BTreeSet;

use cordon_domain::{
    Action, Actor, Approval, AskId, Asked, BucketId, CredentialId, Device, DeviceId, Embargo, EmbargoId, Emergency,
    EmergencyId, Factor, Grant, GrantId, Label, Level, Levels, Moment, Policies as Own, Principal, PrincipalId,
    PrincipalKind, Record, RecordKey, RequestId, Revoked, Role, Roster, Scope, Target, Vendor, VendorId, VersionId,
};
use cordon_gate::{Decide as _, Epoch, Facts, Refusal, Verdict};

use crate::decide::{Policies, Unlisted, duration};
use crate::operator::LocalOperator;
use crate::proofs::NOW;
use crate::snapshot::Snapshot;

const ADA: u8 = 1;
const BOB: u8 = 2;
const CLEO: u8 = 3;
const DAN: u8 = 4;
const EVE: u8 = 5;
const OPERATOR: u8 = 99;
const EPOCH: Epoch = Epoch(7);

fn id(number: u8) -> PrincipalId {
    PrincipalId([number; 16])
}

fn person(number: u8) -> Principal {
    Principal {
        id: id(number),
        kind: PrincipalKind::Person,
        owner: id(number),
        clearance: Level::Restricted,
        projects: BTreeSet::new(),
        vendor: None,
        purpose: None,
        until: None,
        trained_until: Some(NOW.plus_ms(1)),
    }
}

fn grant(number: u8, role: Role) -> Grant {
    Grant {
        id: GrantId([10 * number + role as u8; 16]),
        principal: id(number),
        role,
        scope: Scope::Installation,
        starts: Moment(0),
        ends: None,
        reason: "a test".to_owned(),
        given_by: id(OPERATOR),
    }
}

fn device(number: u8) -> Record {
    Record::Device(Device {
        id: DeviceId([number; 16]),
        owner: id(number),
        key: [number; 32],
        claimed: "a laptop".to_owned(),
    })
}

/// Ada owns things, Bob approves, Cleo is Ada once more, Dan has no role, Eve is of a vendor. All have devices.
fn roster() -> Roster {
    let mut roster = Roster::default();
    for number in [ADA, BOB, DAN] {
        roster.put(Record::Principal(person(number)));
    }
    roster.put(Record::Principal(Principal { owner: id(ADA), ..person(CLEO) }));
    let of_vendor = Principal { kind: PrincipalKind::Vendor, vendor: Some(VendorId([1; 16])), ..person(EVE) };
    roster.put(Record::Principal(of_vendor));
    roster.put(Record::Vendor(Vendor {
        id: VendorId([1; 16]),
        name: "Example".to_owned(),
        starts: Moment(0),
        ends: NOW.plus_ms(1),
        level: Level::Restricted,
        projects: BTreeSet::new(),
        networks: vec!["10.0.0.0/8".parse().expect("a network")],
    }));
    for (number, role) in [(ADA, Role::Owner), (BOB, Role::Approver), (CLEO, Role::Approver), (EVE, Role::Reader)] {
        roster.put(Record::Grant(grant(number, role)));
    }
    for number in [ADA, BOB, CLEO, DAN, EVE] {
        roster.put(device(number));
    }
    roster
}

fn snapshot(roster: Roster) -> Snapshot {
    Snapshot::new(roster, EPOCH).expect("valid")
}

fn object(level: Level) -> Target {
    let (bucket, version) = (Some(BucketId([1; 16])), Some(VersionId([1; 16])));
    Target { bucket, version, label: Some(Label::of(level)), ..Target::default() }
}

/// Somebody who has just shown a passkey, on their device.
fn facts(number: u8, action: Action, target: Target) -> Facts {
    let kind = if number == EVE { PrincipalKind::Vendor } else { PrincipalKind::Person };
    let actor = Actor {
        kind,
        factor: Some(Factor::PhishingResistant),
        mfa_age_s: Some(10),
        device: Some(DeviceId([number; 16])),
        ..Actor::service(id(number))
    };
    Facts { target, ..Facts::new(RequestId([0; 16]), NOW, action, actor) }
}

fn reads(number: u8) -> Facts {
    facts(number, Action::ObjectRead, object(Level::Confidential))
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Deny(refusal, _) => refusal,
        Verdict::Allow(grounds) => panic!("allowed by {:?}", grounds.policies),
    }
}

fn missing(roster: Roster, facts: &Facts) -> Vec<String> {
    refusal(snapshot(roster).verdict(facts)).missing
}

fn allows(roster: Roster, facts: &Facts) -> bool {
    matches!(snapshot(roster).verdict(facts), Verdict::Allow(_))
}

#[test]
fn who_is_not_known_is_denied_and_learns_nothing() {
    let verdict = snapshot(roster()).verdict(&reads(ADA));
    let Verdict::Allow(grounds) = verdict else { panic!("{verdict:?}") };
    assert_eq!((grounds.epoch, grounds.grants), (EPOCH, vec![grant(ADA, Role::Owner).id]));
    assert_eq!(grounds.policies, ["readers"]);
    let credential = CredentialId([8; 16]);
    let mut revoked = roster();
    revoked.put(Record::Revoked(Revoked { credential, principal: id(ADA) }));
    let with = |change: fn(&mut Actor)| {
        let mut facts = reads(ADA);
        change(&mut facts.actor);
        facts
    };
    for (roster, facts, expected) in [
        (roster(), reads(42), "an account: this one is not there"),
        (roster(), with(|actor| actor.kind = PrincipalKind::Service), "an account of this kind"),
        (roster(), with(|actor| actor.device = Some(DeviceId([BOB; 16]))), "a device that is enrolled"),
        (revoked.clone(), with(|actor| actor.credential = Some(CredentialId([8; 16]))), "a credential that counts"),
        (roster(), facts(ADA, Action::Heartbeat, Target::default()), "a policy that decides on `node.heartbeat`"),
    ] {
        let Verdict::Deny(refusal, grounds) = snapshot(roster).verdict(&facts) else { panic!("{expected}") };
        assert!(refusal.missing[0].starts_with(expected), "{refusal:?}");
        assert!(refusal.hidden && refusal.ask.is_none() && grounds.epoch == EPOCH, "{expected}");
    }
    assert!(allows(revoked, &with(|actor| actor.credential = Some(CredentialId([9; 16])))), "another credential");
}

#[test]
fn each_circumstance_reaches_the_policies() {
    let with = |number: u8, change: &dyn Fn(&mut Facts)| {
        let mut facts = reads(number);
        change(&mut facts);
        facts
    };
    assert!(allows(roster(), &reads(ADA)));
    assert!(allows(roster(), &with(ADA, &|facts| facts.actor.factor = Some(Factor::Code))));
    for (change, expected) in [
        (&|facts: &mut Facts| facts.actor.factor = None, "a sign-in with a passkey, or a password and a code"),
        (&|facts: &mut Facts| facts.actor.mfa_age_s = Some(3_601), "a sign-in not older than 60 minutes"),
        (&|facts: &mut Facts| facts.actor.mfa_age_s = None, "a sign-in not older than 60 minutes"),
        (&|facts: &mut Facts| facts.actor.device = None, "an enrolled device"),
    ] as [(&dyn Fn(&mut Facts), &str); 4]
    {
        let refused = refusal(snapshot(roster()).verdict(&with(ADA, change)));
        assert_eq!(refused.missing, [expected]);
        assert!(!refused.hidden, "they could read it otherwise");
    }
    let at = |address: &str| with(EVE, &|facts| facts.address = Some(address.parse().expect("an address")));
    assert!(allows(roster(), &at("10.1.2.3")) && allows(roster(), &at("::ffff:10.1.2.3")));
    assert_eq!(missing(roster(), &at("192.0.2.1")), ["a network of the contract"]);
    assert_eq!(missing(roster(), &reads(EVE)), ["a network of the contract"], "from nowhere");
    let restricted = facts(ADA, Action::ObjectRead, object(Level::Restricted));
    let old = Facts { actor: Actor { mfa_age_s: Some(301), ..restricted.actor.clone() }, ..restricted.clone() };
    let weak = Facts { actor: Actor { factor: Some(Factor::Code), ..restricted.actor.clone() }, ..restricted };
    assert_eq!(missing(roster(), &old), ["a sign-in not older than 5 minutes"]);
    assert_eq!(missing(roster(), &weak), ["a sign-in with a passkey"]);
}

#[test]
fn what_the_roster_says_of_somebody_reaches_the_policies() {
    let mut untrained = roster();
    untrained.put(Record::Principal(Principal { trained_until: Some(NOW), ..person(ADA) }));
    assert!(!refusal(snapshot(untrained.clone()).verdict(&reads(ADA))).hidden, "whoever lacks nothing else is told");
    assert_eq!(missing(untrained, &reads(ADA)), ["a training that counts"], "it ends now");
    let mut ended = roster();
    ended.put(Record::Principal(Principal { until: Some(NOW), ..person(ADA) }));
    assert_eq!(missing(ended, &reads(ADA)), ["the account, or whoever answers for it, has ended"]);
    for wrong in [
        Grant { ends: Some(NOW), ..grant(ADA, Role::Owner) },
        Grant { starts: NOW.plus_ms(1), ..grant(ADA, Role::Owner) },
        Grant { scope: Scope::Bucket(BucketId([2; 16])), ..grant(ADA, Role::Owner) },
        Grant { principal: id(DAN), ..grant(ADA, Role::Owner) },
    ] {
        let mut roster = roster();
        roster.put(Record::Grant(wrong.clone()));
        assert_eq!(missing(roster, &reads(ADA)), ["a role that allows `object.read` here"], "{wrong:?}");
    }
    let gives = |to: u8| facts(ADA, Action::GrantMake, Target { principal: Some(id(to)), ..object(Level::Internal) });
    assert!(allows(roster(), &gives(BOB)));
    for own in [ADA, CLEO] {
        assert_eq!(missing(roster(), &gives(own)), ["somebody else to do it: it is about the one who asks"]);
    }
    assert!(allows(roster(), &gives(42)), "somebody who is not there is somebody else");
    // Cleo is Ada once more; and who is of a person that is gone is still that person.
    let mut alone = roster();
    alone.put(Record::Principal(Principal { owner: id(42), ..person(CLEO) }));
    alone.put(Record::Grant(grant(CLEO, Role::Owner)));
    let to_owner = facts(CLEO, Action::GrantMake, Target { principal: Some(id(42)), ..object(Level::Internal) });
    assert_eq!(missing(alone, &to_owner), ["somebody else to do it: it is about the one who asks"]);
}

#[test]
fn an_emergency_opens_what_it_says_to_whom_it_says_while_it_is_open() {
    let emergency = |principal: u8, until: Moment, writes: bool| {
        let (since, reason) = (Moment(0), "a test".to_owned());
        Record::Emergency(Emergency {
            id: EmergencyId([1; 16]),
            principal: id(principal),
            since,
            until,
            reason,
            writes,
            owner: id(principal),
        })
    };
    let writes = facts(DAN, Action::ObjectWrite, object(Level::Confidential));
    let in_state = |record: Record, facts: &Facts| {
        let mut roster = roster();
        roster.put(record);
        allows(roster, facts)
    };
    let later = NOW.plus_ms(1);
    assert!(!allows(roster(), &reads(DAN)));
    assert!(in_state(emergency(DAN, later, false), &reads(DAN)));
    assert!(!in_state(emergency(DAN, later, false), &writes));
    assert!(in_state(emergency(DAN, later, true), &writes));
    assert!(!in_state(emergency(DAN, NOW, true), &reads(DAN)), "it is over");
    assert!(!in_state(emergency(BOB, later, true), &reads(DAN)), "it is another's");
}

#[test]
fn what_is_demanded_of_oneself_is_less_than_of_those_who_keep_an_installation() {
    let own = |action: Action, change: fn(&mut Actor)| {
        let mut facts = facts(DAN, action, Target { principal: Some(id(DAN)), ..Target::default() });
        facts.actor.device = None;
        change(&mut facts.actor);
        facts
    };
    let mut untrained = roster();
    untrained.put(Record::Principal(Principal { trained_until: None, ..person(DAN) }));
    let allowed = |action, change| allows(untrained.clone(), &own(action, change));
    let none: fn(&mut Actor) = |actor| (actor.factor, actor.mfa_age_s) = (None, None);
    let code: fn(&mut Actor) = |actor| actor.factor = Some(Factor::Code);
    let hours: fn(&mut Actor) = |actor| (actor.factor, actor.mfa_age_s) = (Some(Factor::Code), Some(12 * 3_600));
    let later: fn(&mut Actor) = |actor| (actor.factor, actor.mfa_age_s) = (Some(Factor::Code), Some(12 * 3_600 + 1));
    let minutes: fn(&mut Actor) = |actor| (actor.factor, actor.mfa_age_s) = (Some(Factor::Code), Some(301));
    let strong: fn(&mut Actor) = |_| {};
    assert!(allowed(Action::SignOut, none) && allowed(Action::InvitationAccept, none));
    assert!(!allowed(Action::SignIn, none) && allowed(Action::SignIn, code));
    assert!(allowed(Action::SignIn, hours) && !allowed(Action::SignIn, later));
    assert!(allowed(Action::SessionKeys, code) && !allowed(Action::SessionKeys, minutes));
    for action in [Action::AuthenticatorEnrol, Action::DeviceEnrol] {
        assert!(!allowed(action, code) && allowed(action, strong), "{action}");
    }
    // What is not one's own takes an enrolled device, and no training.
    let mut keeper = untrained.clone();
    keeper.put(Record::Grant(grant(DAN, Role::Security)));
    let cares = |device: Option<DeviceId>| {
        let mut facts = facts(DAN, Action::AccessQuery, Target::default());
        facts.actor.device = device;
        facts
    };
    assert!(allows(keeper.clone(), &cares(Some(DeviceId([DAN; 16])))));
    assert_eq!(missing(keeper, &cares(None)), ["an enrolled device"]);
}

/// What a contract says of time, level, projects and networks, each alone, to the millisecond and the address.
#[test]
fn a_contract_holds_in_each_of_its_words() {
    let reads = |address: Option<&str>| {
        let address = address.map(|text| text.parse().expect("an address"));
        Facts { address, ..facts(EVE, Action::ObjectRead, object(Level::Confidential)) }
    };
    let within = reads(Some("10.1.2.3"));
    let with = |change: &dyn Fn(&mut Vendor)| {
        let mut roster = roster();
        let mut vendor = roster.vendors[&VendorId([1; 16])].clone();
        change(&mut vendor);
        roster.put(Record::Vendor(vendor));
        roster
    };
    let atlas = || BTreeSet::from(["atlas".parse().expect("a project")]);
    assert!(allows(roster(), &within), "{:?}", missing(roster(), &within));
    assert!(allows(with(&|vendor| vendor.starts = NOW), &within), "from its first moment on");
    assert!(allows(with(&|vendor| vendor.level = Level::Confidential), &within));
    let term = ["a contract that runs"];
    assert_eq!(missing(with(&|vendor| vendor.starts = NOW.plus_ms(1)), &within), term);
    assert_eq!(missing(with(&|vendor| vendor.ends = NOW), &within), term);
    let scope = ["a contract that covers its level and projects"];
    assert_eq!(missing(with(&|vendor| vendor.level = Level::Internal), &within), scope);
    assert_eq!(missing(with(&|vendor| vendor.projects = atlas()), &within), scope, "what is of no project");
    let network = ["a network of the contract"];
    assert_eq!(missing(roster(), &reads(Some("11.0.0.1"))), network);
    assert_eq!(missing(roster(), &reads(None)), network);
}

/// Others are asked where they are all that is missing, also by a policy of an organisation's own that takes more of them.
#[test]
fn what_lacks_nothing_but_approvals_is_known_whatever_demands_them() {
    let publishes = |number| facts(number, Action::PublicationMake, object(Level::Confidential));
    let two = "forbid (principal, action == Action::\"publication.make\", resource) unless { context.approvals >= 2 };";
    let never = "forbid (principal, action == Action::\"publication.make\", resource);";
    let lacks = |policies: &str, facts: &Facts| {
        let mut roster = roster();
        roster.put(Record::Policies(Own { version: 1, text: policies.to_owned() }));
        snapshot(roster).lacks_only_approval(facts)
    };
    assert!(lacks("", &publishes(ADA)) && lacks(two, &publishes(ADA)));
    assert!(!lacks(never, &publishes(ADA)));
    assert!(!lacks("", &publishes(DAN)), "no role");
    assert!(!lacks("", &reads(ADA)), "it is allowed");
    let old = Actor { mfa_age_s: Some(86_400), ..publishes(ADA).actor };
    assert!(!lacks("", &Facts { actor: old, ..publishes(ADA) }), "a fresh sign-in, too");
    let other = Actor { device: Some(DeviceId([BOB; 16])), ..publishes(ADA).actor };
    assert!(!lacks("", &Facts { actor: other, ..publishes(ADA) }), "another's device");
}

/// Ada asks for something, and Bob approves.
fn asked(facts: &Facts) -> Asked {
    Asked {
        id: AskId([1; 16]),
        action: facts.action,
        target: facts.target.clone(),
        hash: facts.asked_hash(),
        by: facts.actor.principal,
        owner: facts.actor.principal,
        reason: "a test".to_owned(),
        at: Moment(0),
        ends: NOW.plus_ms(1),
        approvals: vec![Approval { by: id(BOB), owner: id(BOB), at: Moment(1) }],
        change: Vec::new(),
    }
}

fn lowers() -> Facts {
    let facts = facts(ADA, Action::LabelLower, object(Level::Confidential));
    Facts { reason: Some("a test".to_owned()), approval: Some(AskId([1; 16])), ..facts }
}

#[test]
fn an_approval_counts_for_exactly_what_was_asked_and_only_while_its_giver_is_an_approver() {
    let needed = "the approval of another person, of exactly this";
    let with = |asked: Asked, change: &dyn Fn(&mut Roster)| {
        let mut roster = roster();
        roster.put(Record::Ask(Box::new(asked)));
        change(&mut roster);
        roster
    };
    let plain = |_: &mut Roster| {};
    assert!(allows(with(asked(&lowers()), &plain), &lowers()));
    type Changed<T> = (&'static str, fn(&mut T));
    let asks: [Changed<Asked>; 8] = [
        ("another's", |asked| asked.by = id(DAN)),
        ("another human's", |asked| asked.owner = id(DAN)),
        ("of something else", |asked| asked.hash.0[0] ^= 1),
        ("on something else", |asked| asked.target = object(Level::Internal)),
        ("lapsed", |asked| asked.ends = NOW),
        ("not begun", |asked| asked.at = NOW.plus_ms(1)),
        ("by nobody", |asked| asked.approvals.clear()),
        ("by the one who asks", |asked| asked.approvals[0] = Approval { by: id(CLEO), owner: id(ADA), at: Moment(1) }),
    ];
    for (what, change) in asks {
        let mut changed = asked(&lowers());
        change(&mut changed);
        let refused = refusal(snapshot(with(changed, &plain)).verdict(&lowers()));
        assert_eq!((refused.missing, refused.ask.as_deref()), (vec![needed.to_owned()], Some("an approver")), "{what}");
    }
    let states: [Changed<Roster>; 4] = [
        ("the giver is another human by now", |roster| {
            roster.put(Record::Principal(Principal { owner: id(ADA), ..person(BOB) }));
        }),
        ("the giver has ended", |roster| {
            roster.put(Record::Principal(Principal { until: Some(NOW), ..person(BOB) }));
        }),
        ("the giver is gone", |roster| roster.apply(cordon_domain::Step::End(RecordKey::Principal(id(BOB))))),
        ("the giver is no approver", |roster| {
            roster.put(Record::Grant(Grant { role: Role::Reader, ..grant(BOB, Role::Approver) }))
        }),
    ];
    for (what, change) in states {
        assert_eq!(missing(with(asked(&lowers()), &change), &lowers()), [needed], "{what}");
    }
    for other in [
        Facts { approval: None, ..lowers() },
        Facts { approval: Some(AskId([2; 16])), ..lowers() },
        Facts { reason: Some("another".to_owned()), ..lowers() },
        Facts { beside: vec![1], ..lowers() },
    ] {
        assert_eq!(missing(with(asked(&lowers()), &plain), &other), [needed], "{other:?}");
    }
    let two = |roster: &mut Roster| {
        let mut levels = Levels::DEFAULT;
        levels.confidential.approvals = 2;
        roster.put(Record::Levels(Box::new(levels)));
    };
    let expected = "the approval of 2 other people, of exactly this";
    assert_eq!(missing(with(asked(&lowers()), &two), &lowers()), [expected]);
}

#[test]
fn an_emergency_takes_as_many_as_the_levels_say() {
    let opens = Target { principal: Some(id(ADA)), ..Target::default() };
    let opens = Facts { approval: Some(AskId([1; 16])), ..facts(ADA, Action::EmergencyOpen, opens) };
    let mut one = roster();
    one.put(Record::Ask(Box::new(asked(&opens))));
    assert_eq!(missing(one.clone(), &opens), ["the approval of 2 other people, of exactly this"]);
    one.put(Record::Principal(person(EVE + 1)));
    one.put(Record::Grant(grant(EVE + 1, Role::Approver)));
    let mut both = asked(&opens);
    both.approvals.push(Approval { by: id(EVE + 1), owner: id(EVE + 1), at: Moment(1) });
    one.put(Record::Ask(Box::new(both)));
    assert!(allows(one, &opens));
}

#[test]
fn who_could_not_list_a_thing_does_not_learn_that_it_is_there() {
    let refused = refusal(snapshot(roster()).verdict(&reads(DAN)));
    assert!(refused.hidden, "{refused:?}");
    assert_eq!(refused.missing, ["a role that allows `object.read` here"]);
    assert_eq!(refused.ask.as_deref(), Some("an owner of it, or the security team"));
    let inside = refusal(snapshot(roster()).verdict(&facts(DAN, Action::ObjectWrite, object(Level::Internal))));
    assert!(!inside.hidden, "what is internal anyone inside may list");
    let whole = refusal(snapshot(roster()).verdict(&facts(DAN, Action::KeyRotate, Target::default())));
    assert!(!whole.hidden, "that there is an installation is no secret");
    let mut low = roster();
    low.put(Record::Principal(Principal { clearance: Level::Internal, ..person(ADA) }));
    let refused = refusal(snapshot(low).verdict(&reads(ADA)));
    assert!(refused.hidden && refused.missing == ["clearance for confidential"], "{refused:?}");
    // Where several things are missing, all are said, and whom to ask for the first of them that says so.
    let mut facts = facts(DAN, Action::ObjectRead, Target { label: None, ..object(Level::Internal) });
    facts.actor.device = None;
    let refused = refusal(snapshot(roster()).verdict(&facts));
    assert_eq!(refused.missing, ["an enrolled device", "a role that allows `object.read` here"]);
    assert_eq!(refused.ask.as_deref(), Some("an owner of it, or the security team"));
}

#[test]
fn whoever_waits_for_embargoes_learns_when_the_last_of_them_ends() {
    let embargo = |number: u8, bucket: u8, minutes: i64, spares: &[Role]| {
        let bucket = BucketId([bucket; 16]);
        Record::Embargo(Box::new(Embargo {
            id: EmbargoId([number; 16]),
            scope: Scope::Bucket(bucket),
            bucket: Some(bucket),
            label: None,
            until: NOW.plus_ms(60_000 * minutes),
            spares: spares.iter().copied().collect(),
            by: id(BOB),
            reason: "the launch".to_owned(),
        }))
    };
    let mut embargoed = roster();
    let spares_owners = embargo(2, 1, 20, &[Role::Owner]);
    for one in [embargo(1, 1, 10, &[]), spares_owners, embargo(3, 2, 30, &[]), embargo(4, 1, 5, &[])] {
        embargoed.put(one);
    }
    let ends = |minutes: i64| vec![format!("the end of its embargo, {}", NOW.plus_ms(60_000 * minutes))];
    assert_eq!(missing(embargoed.clone(), &reads(ADA)), ends(10));
    embargoed.put(embargo(2, 1, 20, &[Role::Reader]));
    assert_eq!(missing(embargoed, &reads(ADA)), ends(20));
}

#[test]
fn what_an_organisation_forbids_or_gets_wrong_is_said() {
    let with = |text: &str| {
        let mut roster = roster();
        roster.put(Record::Policies(Own { version: 1, text: text.to_owned() }));
        roster
    };
    let silent = "@id(\"no-bob\") forbid (principal, action, resource) when { principal.rank == 3 };";
    assert_eq!(missing(with(silent), &reads(ADA)), ["what `org/no-bob` forbids is not done"]);
    let wrong =
        "@id(\"wrong\") permit (principal, action, resource) when { 9223372036854775807 + context.factor > 0 };";
    let refused = missing(with(wrong), &reads(ADA));
    assert!(refused.len() == 1 && refused[0].starts_with("policies that can be evaluated: "), "{refused:?}");
    let both = format!("{wrong}\n{silent}");
    let refused = missing(with(&both), &reads(ADA));
    assert_eq!(refused.len(), 2, "{refused:?}");
    // Other policies, with the next roster; the same ones are not read again.
    let first = snapshot(roster());
    let next = first.next(with(silent), EPOCH).expect("valid");
    assert!(matches!(next.verdict(&reads(ADA)), Verdict::Deny(..)));
    let same = next.next(with(silent), EPOCH).expect("valid");
    assert!(std::ptr::eq(same.book(), next.book()) && !std::ptr::eq(same.book(), first.book()));
}

/// What one part of the policies said of somebody is not what another says, though both see the same of them.
#[test]
fn parts_that_see_the_same_are_asked_each_for_itself() {
    let dan = format!("Person::\"{}\"", id(DAN));
    let reads = "action == Action::\"object.read\"";
    let known = format!(
        "@id(\"known\") permit (principal is Person, {reads}, resource) when {{ [principal].contains({dan}) }};"
    );
    let never = format!("@id(\"never\") forbid (principal == {dan}, {reads}, resource) when {{ context.active }};");
    // Nothing was shown, and nothing is demanded: to each part these circumstances are the same.
    let asked = facts(DAN, Action::ObjectRead, object(Level::Public));
    let actor = Actor { factor: None, mfa_age_s: None, device: None, ..asked.actor.clone() };
    let asked = Facts { actor, ..asked };
    let with = |text: &str| {
        let mut roster = roster();
        roster.put(Record::Principal(Principal { trained_until: None, ..person(DAN) }));
        roster.put(Record::Policies(Own { version: 1, text: text.to_owned() }));
        roster
    };
    assert!(allows(with(&known), &asked));
    assert_eq!(missing(with(&format!("{known}\n{never}")), &asked), ["what `org/never` forbids is not done"]);
}

/// What a policy that looks at what is demanded says at one level is not what it says at another, whichever came first.
#[test]
fn what_is_demanded_at_one_level_is_not_what_is_at_another() {
    let scope = format!("principal == Person::\"{}\", action == Action::\"object.read\", resource", id(ADA));
    let mut roster = roster();
    let text = format!("@id(\"strict\") forbid ({scope}) when {{ context.required_device }};");
    roster.put(Record::Policies(Own { version: 1, text }));
    let (open, closed) = (Level::Public, Level::Restricted);
    for order in [[open, closed], [closed, open]] {
        let snapshot = snapshot(roster.clone());
        let allowed = |level| {
            let verdict = snapshot.verdict(&facts(ADA, Action::ObjectRead, object(level)));
            matches!(verdict, Verdict::Allow(_))
        };
        assert!(order.map(|level| (level, allowed(level))).contains(&(open, true)));
        assert!(order.map(|level| (level, allowed(level))).contains(&(closed, false)));
    }
}

/// A part that looks at one thing alone is not answered with what it said of somebody who differs in just that.
#[test]
fn what_held_of_one_person_is_not_what_holds_of_another() {
    let scope = format!("principal, action == Action::\"object.read\", resource in Bucket::\"{}\"", BucketId([1; 16]));
    let mut roster = roster();
    roster.put(Record::Principal(Principal { trained_until: None, ..person(DAN) }));
    roster.put(Record::Grant(grant(DAN, Role::Owner)));
    let text = format!("@id(\"trained\") forbid ({scope}) unless {{ context.trained }};");
    roster.put(Record::Policies(Own { version: 1, text }));
    for order in [[ADA, DAN], [DAN, ADA]] {
        let snapshot = snapshot(roster.clone());
        let allowed = |number| {
            let verdict = snapshot.verdict(&facts(number, Action::ObjectRead, object(Level::Public)));
            (number, matches!(verdict, Verdict::Allow(_)))
        };
        let told = order.map(allowed);
        assert!(told.contains(&(ADA, true)) && told.contains(&(DAN, false)), "{told:?}");
    }
}

/// However many share the question, everyone is asked about once.
#[test]
fn whoever_shares_the_question_finds_the_same() {
    let snapshot = snapshot(roster());
    let target = object(Level::Internal);
    let mut alone = Vec::new();
    snapshot.who(Action::ObjectRead, &target, NOW, &mut |may| alone.push(may));
    assert!(alone.len() > 1);
    for workers in 0..9 {
        let mut shared = Vec::new();
        let each = snapshot.censuses(workers);
        each.for_each(|census| census.who(Action::ObjectRead, &target, NOW, &mut |may| shared.push(may)));
        assert_eq!(shared, alone, "{workers}");
    }
    for census in snapshot.censuses(2) {
        let mut half = 0;
        census.who(Action::ObjectRead, &target, NOW, &mut |_| half += 1);
        assert!(half < alone.len(), "nobody asks about everyone");
    }
}

#[test]
fn hours_and_days_that_it_takes_are_told() {
    let text = "@id(\"office\") forbid (principal, action == Action::\"object.read\", resource)
        unless { context.hour >= 8 && context.hour < 10 && context.weekday <= 2 };";
    let mut roster = roster();
    roster.put(Record::Policies(Own { version: 1, text: text.to_owned() }));
    let mut all = Vec::new();
    snapshot(roster).who(Action::ObjectRead, &object(Level::Confidential), NOW, &mut |may| all.push(may));
    let ada = all.into_iter().find(|may| may.principal == id(ADA)).expect("she may");
    let conditions = ada.conditions.expect("known");
    assert_eq!((conditions.hours, conditions.weekdays), (vec![8, 9], vec![1, 2]));
}

#[test]
fn a_snapshot_is_replaced_by_no_older_one_and_what_is_not_whole_denies() {
    let allowed = |policies: &Policies| matches!(policies.evaluate(&reads(ADA)), Verdict::Allow(_));
    let policies = Policies::new(snapshot(roster()), None);
    assert!(allowed(&policies));
    policies.replace(Snapshot::new(Roster::default(), Epoch(6)).expect("valid"));
    assert!(allowed(&policies), "an older one");
    policies.replace(Snapshot::new(Roster::default(), EPOCH).expect("valid"));
    assert!(!allowed(&policies), "one as new");
    policies.replace(snapshot(roster()));
    assert!(allowed(&policies));
    policies.lock("torn".to_owned());
    let refused = refusal(policies.evaluate(&reads(ADA)));
    assert!(refused.hidden && refused.missing == ["what decisions rest on is locked: torn"]);
    assert_eq!(policies.snapshot().err().as_deref(), Some("torn"));
    policies.replace(snapshot(roster()));
    assert!(allowed(&policies), "once it is whole again");
    assert!(!allowed(&Policies::locked("torn".to_owned(), None)));
}

fn operator() -> LocalOperator {
    LocalOperator { principal: id(OPERATOR) }
}

fn by_operator(action: Action) -> Facts {
    Facts {
        actor: Actor { kind: PrincipalKind::Person, ..Actor::service(id(OPERATOR)) },
        ..facts(ADA, action, Target::default())
    }
}

fn operated(snapshot: Snapshot, facts: &Facts) -> Verdict {
    Policies::new(snapshot, Some(operator().into())).evaluate(facts)
}

#[test]
fn the_person_at_the_machine_needs_another_as_soon_as_there_is_one() {
    let changes = by_operator(Action::PolicyChange);
    let needed = "the approval of another person, of exactly this";
    let refused = refusal(operated(snapshot(roster()), &changes));
    assert_eq!((refused.missing, refused.ask.as_deref()), (vec![needed.to_owned()], Some("an approver")));
    let without = |change: &dyn Fn(&mut Roster)| {
        let mut roster = roster();
        change(&mut roster);
        roster.apply(cordon_domain::Step::End(RecordKey::Grant(grant(CLEO, Role::Approver).id)));
        snapshot(roster)
    };
    let allowed = |snapshot: Snapshot, facts: &Facts| match operated(snapshot, facts) {
        Verdict::Allow(grounds) => {
            assert_eq!(grounds.policies, ["local-operator"]);
            Some(grounds.epoch)
        }
        Verdict::Deny(..) => None,
    };
    let nobody =
        |roster: &mut Roster| roster.apply(cordon_domain::Step::End(RecordKey::Grant(grant(BOB, Role::Approver).id)));
    assert_eq!(allowed(without(&nobody), &changes), Some(EPOCH), "there is no approver");
    assert_eq!(
        allowed(without(&nobody).with_locked(vec![RecordKey::Levels]), &changes),
        None,
        "there may have been one"
    );
    assert_eq!(without(&nobody).with_locked(vec![RecordKey::Levels]).locked(), [RecordKey::Levels]);
    let no_device =
        |roster: &mut Roster| roster.apply(cordon_domain::Step::End(RecordKey::Device(DeviceId([BOB; 16]))));
    assert_eq!(allowed(without(&no_device), &changes), Some(EPOCH), "they cannot approve without a device");
    let none_needed = |roster: &mut Roster| {
        no_device(roster);
        let mut levels = Levels::DEFAULT;
        levels.restricted.known_device = false;
        roster.put(Record::Levels(Box::new(levels)));
    };
    assert_eq!(allowed(without(&none_needed), &changes), None, "where none is needed, they can");
    let oneself = |roster: &mut Roster| roster.put(Record::Principal(Principal { owner: id(OPERATOR), ..person(BOB) }));
    assert_eq!(allowed(without(&oneself), &changes), Some(EPOCH), "they are the one at the machine");
    let ended = |roster: &mut Roster| roster.put(Record::Principal(Principal { until: Some(NOW), ..person(BOB) }));
    assert_eq!(allowed(without(&ended), &changes), Some(EPOCH), "they have ended");
    // What takes one person takes one, and holds whatever is revoked.
    assert_eq!(allowed(snapshot(roster()), &by_operator(Action::KeyRotate)), Some(Epoch::ANY));
    let about_bob = Target { principal: Some(id(BOB)), ..Target::default() };
    let shreds = Facts { target: about_bob, ..by_operator(Action::KeyShred) };
    assert_eq!(allowed(without(&|_| {}), &shreds), None, "whom it is about may approve it");
    let another = Facts { actor: Actor::service(id(98)), ..by_operator(Action::KeyRotate) };
    assert_eq!(allowed(snapshot(roster()), &another), None, "somebody else");
    assert!(matches!(operated(snapshot(roster()), &reads(ADA)), Verdict::Allow(_)), "others are decided on as ever");
}

#[test]
fn an_approval_lets_the_person_at_the_machine_do_what_takes_two() {
    let changes = Facts { approval: Some(AskId([1; 16])), ..by_operator(Action::LevelsChange) };
    let with = |approvals: u32, count: u8| {
        let mut roster = roster();
        let mut levels = Levels::DEFAULT;
        levels.restricted.approvals = approvals;
        roster.put(Record::Levels(Box::new(levels)));
        let mut asked = asked(&changes);
        asked.approvals.clear();
        for number in [BOB, CLEO].into_iter().take(usize::from(count)) {
            let owner = roster.principals[&id(number)].owner;
            asked.approvals.push(Approval { by: id(number), owner, at: Moment(1) });
        }
        roster.put(Record::Ask(Box::new(asked)));
        matches!(operated(snapshot(roster), &changes), Verdict::Allow(_))
    };
    assert!(!with(1, 0) && with(1, 1) && with(1, 2));
    assert!(!with(2, 1) && with(2, 2) && !with(3, 2));
    let locked = Policies::locked("torn".to_owned(), Some(Unlisted::Operator(operator())));
    assert!(matches!(locked.evaluate(&changes), Verdict::Deny(..)), "without records that are whole");
    assert!(matches!(locked.evaluate(&by_operator(Action::KeyShred)), Verdict::Deny(..)));
    assert!(matches!(locked.evaluate(&by_operator(Action::LogSearch)), Verdict::Allow(_)), "to see what is wrong");
}

#[test]
fn lengths_of_time_are_said_as_people_say_them() {
    let said = [0, 1, 2, 119, 120, 7_199, 7_200, 172_799, 172_800, 864_000].map(duration);
    let expected = [
        "0 seconds",
        "1 second",
        "2 seconds",
        "119 seconds",
        "2 minutes",
        "119 minutes",
        "2 hours",
        "47 hours",
        "2 days",
        "10 days",
    ];
    assert_eq!(said, expected);
}
