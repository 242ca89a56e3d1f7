//! What takes two people, and emergencies: real policies on real records.

use std::sync::Arc;

use cordon_domain::{
    Action, Actor, Approval, AskId, Asked, AskedHash, Device, DeviceId, Emergency, EmergencyId, Factor, Grant, GrantId,
    Label, Level, Moment, Personal, Policies, Principal, PrincipalId, PrincipalKind, Record, RecordKey, RequestId,
    Role, Scope, Step, Steps, Target,
};
use cordon_gate::act::{
    Alter, Approve, Ask, ChangePolicies, Changes, Enrol, OpenEmergency, Read, Review, Revoke, Write,
};
use cordon_gate::{Decide as _, Denial, Facts, Gate, Request, Verdict};
use cordon_policy::{LocalOperator, Policies as Deciding};
use cordon_store::edge::SystemEntropy;
use cordon_store::{Change, Follower, Installation, Writer};

use crate::records::principal;
use crate::{Ground, NOW, on_both, target};

/// Security, an approver, another approver, a second account of security's that is an approver, and a reader of nothing.
const SECURITY: u8 = 1;
const APPROVER: u8 = 2;
const OTHER: u8 = 3;
const SECOND_ACCOUNT: u8 = 4;
const OPERATOR: u8 = 99;

struct Office {
    _installation: Installation,
    gate: Gate<Arc<Deciding>, Writer>,
    policies: Arc<Deciding>,
}

fn id(number: u8) -> PrincipalId {
    PrincipalId([number; 16])
}

/// Who asks, signed in with a fresh passkey on an own device.
fn actor(number: u8) -> Actor {
    Actor {
        kind: PrincipalKind::Person,
        factor: Some(Factor::PhishingResistant),
        mfa_age_s: Some(0),
        device: Some(DeviceId([number; 16])),
        ..Actor::service(id(number))
    }
}

impl Office {
    /// The person at the machine brings everybody in.
    async fn open(ground: &Ground) -> Self {
        let (installation, _) = ground.create().await;
        let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
        let operator = LocalOperator { principal: id(OPERATOR) };
        let follower = Follower::begin(reader, keys, Some(operator.into())).await.expect("begins");
        installation.writer().follow(follower.clone());
        let policies = Arc::clone(follower.policies());
        let gate =
            Gate::new(Arc::clone(&policies), installation.writer().clone(), Actor::service(installation.itself()));
        let office = Self { _installation: installation, gate, policies };
        let people = [
            (SECURITY, SECURITY, Role::Security),
            (APPROVER, APPROVER, Role::Approver),
            (OTHER, OTHER, Role::Approver),
            (SECOND_ACCOUNT, SECURITY, Role::Approver),
        ];
        for (number, owner, role) in people {
            office.bring_in(number, owner, role).await;
        }
        office
    }

    async fn bring_in(&self, number: u8, owner: u8, role: Role) {
        let person = Principal { owner: id(owner), projects: std::collections::BTreeSet::new(), ..principal(number) };
        let grant = Grant {
            id: GrantId([number; 16]),
            principal: id(number),
            role,
            scope: Scope::Installation,
            starts: Moment(0),
            ends: None,
            reason: "a test".to_owned(),
            given_by: id(OPERATOR),
        };
        let steps = vec![Step::Put(Record::Principal(person)), Step::Put(Record::Grant(grant))];
        self.change::<cordon_gate::act::Invite>(OPERATOR, Some(number), steps).await.expect("invited");
        let device =
            Device { id: DeviceId([number; 16]), owner: id(number), key: [number; 32], claimed: "laptop".to_owned() };
        let (target, change) = changing::<Enrol>(Some(number), vec![Step::Put(Record::Device(device))]);
        let facts = self.facts(number, target, change.beside());
        let facts = Facts { actor: Actor { device: None, ..actor(number) }, ..facts };
        let enrolled = self.gate.change(Request::<Enrol>::new(facts), change).await;
        enrolled.map(drop).expect("enrolled by its owner, from no enrolled device");
    }

    fn facts(&self, who: u8, target: Target, beside: Vec<u8>) -> Facts {
        let facts = Facts::new(RequestId::draw(&mut SystemEntropy), NOW, Action::AccessQuery, actor(who));
        Facts { target, beside, personal: Personal::default(), reason: Some("a test".to_owned()), ..facts }
    }

    async fn change<A: Changes>(&self, who: u8, about: Option<u8>, steps: Vec<Step>) -> Result<(), Denial> {
        self.change_with::<A>(who, about, steps, None).await
    }

    async fn change_with<A: Changes>(
        &self,
        who: u8,
        about: Option<u8>,
        steps: Vec<Step>,
        approval: Option<AskId>,
    ) -> Result<(), Denial> {
        let (target, change) = changing::<A>(about, steps);
        let facts = Facts { approval, ..self.facts(who, target, change.beside()) };
        self.gate.change(Request::<A>::new(facts), change).await.map(drop)
    }

    /// Asks for the approval of a change.
    async fn ask<A: Changes>(&self, who: u8, number: u8, about: Option<u8>, steps: Vec<Step>) -> Asked {
        let (target, change) = changing::<A>(about, steps);
        let asked = Asked {
            id: AskId([number; 16]),
            action: A::ACTION,
            hash: AskedHash::of(A::ACTION, &target, &change.beside(), "a test"),
            change: change.beside(),
            target,
            by: id(who),
            owner: id(if who == SECOND_ACCOUNT { SECURITY } else { who }),
            reason: "a test".to_owned(),
            at: NOW,
            ends: NOW.plus_ms(3_600_000),
            approvals: Vec::new(),
        };
        self.change::<Ask>(who, None, vec![Step::Put(Record::Ask(Box::new(asked.clone())))]).await.expect("asked");
        asked
    }

    /// Approves. Returns what stands then.
    async fn approve(&self, who: u8, asked: &Asked) -> Result<Asked, Denial> {
        let owner = id(if who == SECOND_ACCOUNT { SECURITY } else { who });
        let mut approved = asked.clone();
        approved.approvals.push(Approval { by: id(who), owner, at: NOW });
        let steps = vec![Step::Put(Record::Ask(Box::new(approved.clone())))];
        self.change::<Approve>(who, Some(asked.by.0[0]), steps).await.map(|()| approved)
    }
}

fn changing<A: Changes>(about: Option<u8>, steps: Vec<Step>) -> (Target, Change) {
    let steps = Steps(steps);
    let target = Target { principal: about.map(id), record: steps.0.first().map(Step::key), ..Target::default() };
    (target, Change::records(A::ACTION, steps))
}

fn text(version: u32, text: &str) -> Vec<Step> {
    vec![Step::Put(Record::Policies(Policies { version, text: text.to_owned() }))]
}

fn missing(outcome: Result<impl Sized, Denial>) -> String {
    match outcome {
        Err(Denial::Refused(refusal)) => refusal.missing.join("; "),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("allowed"),
    }
}

const PLAIN: &str = "@id(\"a\") forbid (principal, action, resource is Object) when { context.hour < 1 };";

async fn of_two_who_change_a_record_at_once_the_second_looks_again(ground: Ground) {
    let office = Office::open(&ground).await;
    let known = Record::Principal(Principal { projects: std::collections::BTreeSet::new(), ..principal(OTHER) });
    let with = |clearance| Record::Principal(Principal { clearance, ..as_principal(&known) });
    let change = async |to: Record| {
        let (target, change) = changing::<Alter>(Some(OTHER), vec![Step::Put(to)]);
        let Change::Records { action, steps, names, .. } = change else { panic!("of records") };
        let change = Change::Records { action, steps, names, from: vec![known.clone()] };
        let facts = office.facts(OPERATOR, target, change.beside());
        office.gate.change(Request::<Alter>::new(facts), change).await.map(drop)
    };
    change(with(Level::Internal)).await.expect("as it was");
    let late = change(with(Level::Public)).await.expect_err("it is another now").to_string();
    assert!(late.contains("was changed meanwhile"), "{late}");
}

fn as_principal(record: &Record) -> Principal {
    match record {
        Record::Principal(principal) => principal.clone(),
        other => panic!("{other:?}"),
    }
}

async fn what_takes_two_people_takes_two_people_and_exactly_that(ground: Ground) {
    let office = Office::open(&ground).await;
    let change = async |approval, steps| office.change_with::<ChangePolicies>(SECURITY, None, steps, approval).await;
    let needs = "the approval of another person, of exactly this";
    assert_eq!(missing(change(None, text(1, PLAIN)).await), needs);
    let asked = office.ask::<ChangePolicies>(SECURITY, 1, None, text(1, PLAIN)).await;
    let approval = Some(asked.id);
    assert_eq!(missing(change(approval, text(1, PLAIN)).await), needs, "nobody approved yet");
    assert!(missing(office.approve(SECURITY, &asked).await).contains("about the one who asks"));
    assert!(missing(office.approve(SECOND_ACCOUNT, &asked).await).contains("about the one who asks"), "the same human");
    office.approve(APPROVER, &asked).await.expect("approved");
    assert_eq!(missing(change(approval, text(1, "")).await), needs, "of another text");
    let others = office.change_with::<ChangePolicies>(OTHER, None, text(1, PLAIN), approval).await;
    assert!(missing(others).contains(needs), "of another's");
    change(approval, text(1, PLAIN)).await.expect("two people");
    assert_eq!(missing(change(approval, text(1, PLAIN)).await), needs, "it was used");
    // The person at the machine is under the same rule.
    let operator = office.change::<ChangePolicies>(OPERATOR, None, text(2, "")).await;
    assert_eq!(missing(operator), needs);
    let asked = office.ask::<ChangePolicies>(OPERATOR, 2, None, text(2, "")).await;
    office.approve(OTHER, &asked).await.expect("approved");
    office.change_with::<ChangePolicies>(OPERATOR, None, text(2, ""), Some(asked.id)).await.expect("two people");
}

async fn an_approval_falls_with_its_giver_and_with_time(ground: Ground) {
    let office = Office::open(&ground).await;
    let asked = office.ask::<ChangePolicies>(SECURITY, 1, None, text(1, PLAIN)).await;
    office.approve(APPROVER, &asked).await.expect("approved");
    let (target, change) = changing::<ChangePolicies>(None, text(1, PLAIN));
    let facts = Facts {
        action: Action::PolicyChange,
        approval: Some(asked.id),
        ..office.facts(SECURITY, target, change.beside())
    };
    let allowed = |facts: &Facts| matches!(office.policies.evaluate(facts), Verdict::Allow(_));
    assert!(allowed(&facts));
    assert!(!allowed(&Facts { at: NOW.plus_ms(3_600_000), ..facts.clone() }), "it lapsed");
    assert!(!allowed(&Facts { reason: Some("another".to_owned()), ..facts.clone() }), "for another reason");
    let end = vec![Step::End(RecordKey::Grant(GrantId([APPROVER; 16])))];
    office.change::<Revoke>(SECURITY, None, end).await.expect("revoked");
    assert!(!allowed(&facts), "whoever approved is no approver any more");
}

async fn an_emergency_opens_reading_for_an_hour_and_is_reviewed_by_someone_else(ground: Ground) {
    let office = Office::open(&ground).await;
    let emergency = Emergency {
        id: EmergencyId([1; 16]),
        principal: id(SECURITY),
        since: NOW,
        until: NOW.plus_ms(3_600_000),
        reason: "a fire".to_owned(),
        writes: false,
        owner: id(SECURITY),
    };
    let steps = || vec![Step::Put(Record::Emergency(emergency.clone()))];
    let open = async |approval| office.change_with::<OpenEmergency>(SECURITY, Some(SECURITY), steps(), approval).await;
    let asked = office.ask::<OpenEmergency>(SECURITY, 1, Some(SECURITY), steps()).await;
    let asked = office.approve(APPROVER, &asked).await.expect("approved");
    assert_eq!(missing(open(Some(asked.id)).await), "the approval of 2 other people, of exactly this");
    let asked = office.approve(OTHER, &asked).await.expect("approved");
    let object = || target(1, Level::Restricted);
    let read = async |at: Moment| {
        let facts = Facts { at, ..office.facts(SECURITY, object(), Vec::new()) };
        office.gate.read(Request::<Read>::new(facts)).await.map(|receipt| drop(receipt.spend()))
    };
    let hidden = read(NOW).await;
    assert!(matches!(&hidden, Err(Denial::Refused(refusal)) if refusal.hidden), "{hidden:?}");
    open(Some(asked.id)).await.expect("opened by two others");
    read(NOW).await.expect("open");
    read(NOW.plus_ms(3_599_999)).await.expect("open");
    assert!(missing(read(NOW.plus_ms(3_600_000)).await).contains("a role"), "over");
    let write = Facts { action: Action::ObjectWrite, ..office.facts(SECURITY, object(), Vec::new()) };
    let write = Request::<Write>::new(write);
    assert!(matches!(office.gate.evaluate(write.facts()), Verdict::Deny(..)), "reading only");
    let end = || vec![Step::End(RecordKey::Emergency(emergency.id))];
    assert!(missing(office.change::<Review>(SECURITY, Some(SECURITY), end()).await).contains("about the one who asks"));
    office.bring_in(5, 5, Role::Security).await;
    office.change::<Review>(5, Some(SECURITY), end()).await.expect("reviewed by someone else");
}

async fn what_is_asked_of_a_label_falls_when_the_label_changes(ground: Ground) {
    let office = Office::open(&ground).await;
    let label = |level| Some(Label::of(level));
    let facts = |level| {
        let target = Target { label: label(level), ..target(1, Level::Internal) };
        Facts { action: Action::KeyShred, ..office.facts(SECURITY, target, Vec::new()) }
    };
    let hash = |level| facts(level).asked_hash();
    assert_ne!(hash(Level::Internal), hash(Level::Confidential));
    let asked = Asked {
        id: AskId([1; 16]),
        action: Action::KeyShred,
        target: facts(Level::Internal).target,
        hash: hash(Level::Internal),
        by: id(SECURITY),
        owner: id(SECURITY),
        reason: "a test".to_owned(),
        at: NOW,
        ends: NOW.plus_ms(1_000),
        approvals: vec![Approval { by: id(APPROVER), owner: id(APPROVER), at: NOW }],
        change: Vec::new(),
    };
    let snapshot = office.policies.snapshot().expect("whole");
    let mut roster = snapshot.roster().clone();
    roster.put(Record::Ask(Box::new(asked.clone())));
    let snapshot = snapshot.next(roster, snapshot.epoch).expect("valid");
    let allowed = |level| {
        let facts = Facts { approval: Some(asked.id), ..facts(level) };
        matches!(snapshot.verdict(&facts), Verdict::Allow(_))
    };
    assert!(allowed(Level::Internal) && !allowed(Level::Confidential) && !allowed(Level::Public));
}

/// What was revoked on one node is refused by another, whose decision rested on an earlier epoch.
#[tokio::test]
async fn a_revocation_holds_on_other_nodes_on_postgres() {
    let ground = Ground::postgres();
    let office = Office::open(&ground).await;
    let node = ground.node().await;
    let follower = Follower::begin(node.reader().clone(), Arc::clone(node.keys()), None).await.expect("begins");
    node.writer().follow(follower.clone());
    let gate = Gate::new(Arc::clone(follower.policies()), node.writer().clone(), Actor::service(node.itself()));
    let read = async || {
        let target = Target { label: Some(Label::of(Level::Internal)), ..target(1, Level::Internal) };
        let facts = office.facts(APPROVER, target, Vec::new());
        gate.read(Request::<Read>::new(facts)).await.map(|receipt| drop(receipt.spend()))
    };
    read().await.expect("allowed");
    let end = vec![Step::End(RecordKey::Principal(id(APPROVER)))];
    office.change::<Revoke>(SECURITY, Some(APPROVER), end).await.expect("revoked");
    assert!(missing(read().await).contains("was revoked"));
}

on_both!(
    of_two_who_change_a_record_at_once_the_second_looks_again,
    what_takes_two_people_takes_two_people_and_exactly_that,
    an_approval_falls_with_its_giver_and_with_time,
    an_emergency_opens_reading_for_an_hour_and_is_reviewed_by_someone_else,
    what_is_asked_of_a_label_falls_when_the_label_changes,
);
