//! Publications: made of what is stored as it was decided on, and taken back.

use cordon_domain::{
    Inspected, Inspection, Label, Level, Looked, Publication, PublicationId, Record, RecordKey, Step, Steps, Target,
};
use cordon_gate::act::{Changes, Publish, Revoke, Withdraw, Write};
use cordon_gate::{Denial, Facts, JournalError, Request};
use cordon_store::edge::SystemEntropy;
use cordon_store::{Change, Installation, Versions};

use crate::format::lasting_gate;
use crate::{BUCKET, Ground, NOW, facts, label, named, on_both, row, target, version};

on_both!(
    a_publication_is_of_what_is_stored_as_it_was_decided_on,
    a_publication_is_taken_back_as_it_was_decided_on,
    what_was_asked_for_goes_with_a_publication,
    what_was_public_is_told_of_any_moment,
);

fn clean() -> Inspection {
    Inspection::Done(Box::new(Inspected::at(NOW, Looked::default())))
}

/// Writes version `number`, as it was looked into.
pub(crate) async fn write(installation: &Installation, number: u64, inspection: Option<Inspection>) {
    let mut new = named(row(installation, number, Level::Internal).await.expect("made"), &format!("{number}"));
    new.said.inspection = inspection;
    let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
    let facts = Facts { request, ..facts(target(number, Level::Internal)) };
    let change = Change::Write(Box::new(new));
    lasting_gate(installation).change(Request::<Write>::new(facts), change).await.map(drop).expect("written");
}

pub(crate) fn publication(number: u64, id: u8) -> Publication {
    Publication {
        id: PublicationId([id; 16]),
        bucket: BUCKET,
        version: version(number),
        label: label(Level::Internal),
        key: format!("{number}").parse().expect("a name"),
        bytes: 1,
        starts: None,
        ends: NOW.plus_ms(1_000),
        by: facts(Target::default()).actor.principal,
        reason: "the launch".to_owned(),
    }
}

/// The request for a step on what a publication is of, and the change.
fn step<A: Changes>(of: &Publication, step: Step) -> (Request<A>, Change) {
    let target = Target { record: Some(step.key()), ..of.target() };
    let steps = Steps(vec![step]);
    let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
    let facts = Facts { request, beside: steps.encoded(), ..facts(target) };
    (Request::new(facts), Change::records(A::ACTION, steps))
}

pub(crate) fn making(of: &Publication) -> (Request<Publish>, Change) {
    step(of, Step::Put(Record::Publication(Box::new(of.clone()))))
}

async fn make<A: Changes>(installation: &Installation, (request, change): (Request<A>, Change)) -> Result<(), Denial> {
    lasting_gate(installation).change(request, change).await.map(drop)
}

fn refused(outcome: Result<(), Denial>, with: &str) {
    match outcome {
        Err(Denial::NotRecorded(JournalError::Conflict(what))) => assert!(what.contains(with), "{what}, not {with}"),
        Err(Denial::OtherChange) => assert_eq!(with, "other change"),
        other => panic!("{with}: {other:?}"),
    }
}

async fn a_publication_is_of_what_is_stored_as_it_was_decided_on(ground: Ground) {
    let (installation, _) = ground.create().await;
    let publish = async |one: Publication| make(&installation, making(&one)).await;
    let good = publication(1, 1);
    refused(publish(good.clone()).await, "is not where it was decided on");
    write(&installation, 1, Some(clean())).await;
    let other_label = Publication { label: Label::of(Level::Public), ..good.clone() };
    refused(publish(other_label).await, "has another label");
    let key = "another".parse().expect("a name");
    refused(publish(Publication { key, ..good.clone() }).await, "there is no");
    refused(publish(Publication { bytes: 2, ..good.clone() }).await, "there is no");
    let by = cordon_domain::PrincipalId([9; 16]);
    refused(publish(Publication { by, ..good.clone() }).await, "names who makes it");
    refused(publish(Publication { reason: String::new(), ..good.clone() }).await, "a reason");
    refused(publish(Publication { ends: NOW, ..good.clone() }).await, "an end ahead");
    refused(publish(Publication { starts: Some(good.ends), ..good.clone() }).await, "an end ahead");
    refused(publish(Publication { ends: NOW.plus_ms(367 * 86_400_000), ..good.clone() }).await, "366 days");
    // Decided on one, made for another.
    let (request, _) = making(&good);
    let (_, change) = making(&Publication { version: version(2), ..good.clone() });
    refused(make(&installation, (request, change)).await, "other change");
    let (_, change) = making(&good);
    let (request, _) = step::<Revoke>(&good, Step::End(RecordKey::Publication(good.id)));
    refused(make(&installation, (request, change)).await, "other change");
    let found = Looked::unreadable();
    for (number, inspection) in
        [(2, None), (3, Some(Inspection::Pending)), (4, Some(Inspection::Done(Box::new(Inspected::at(NOW, found)))))]
    {
        write(&installation, number, inspection).await;
        refused(publish(publication(number, 1)).await, "it was not looked into");
    }
    publish(good.clone()).await.expect("made");
    refused(publish(publication(1, 2)).await, "withdraw that first");
    let after = |(request, change): (Request<Publish>, Change)| {
        (Request::<Publish>::new(Facts { at: good.ends, ..request.facts().clone() }), change)
    };
    let longer = |id| Publication { ends: good.ends.plus_ms(1), ..publication(1, id) };
    make(&installation, after(making(&longer(2)))).await.expect("the first has ended");
    refused(make(&installation, after(making(&longer(1)))).await, "withdraw that first");
}

/// With a publication goes what was approved of the same version, and nothing else that was.
async fn what_was_asked_for_goes_with_a_publication(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in [1, 2] {
        write(&installation, number, Some(clean())).await;
    }
    let ask = async |id: u8, action, of: &Publication| {
        let (by, change) = (of.by, Vec::new());
        let hash = cordon_domain::AskedHash::of(action, &of.target(), &change, "why");
        let asked = cordon_domain::Asked {
            id: cordon_domain::AskId([id; 16]),
            action,
            target: of.target(),
            hash,
            by,
            owner: by,
            reason: "why".to_owned(),
            at: NOW,
            ends: NOW.plus_ms(1_000),
            approvals: Vec::new(),
            change,
        };
        let (step, key) = (Step::Put(Record::Ask(Box::new(asked))), RecordKey::Ask(cordon_domain::AskId([id; 16])));
        let target = Target { principal: Some(by), record: Some(key.clone()), ..of.target() };
        let steps = Steps(vec![step]);
        let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
        let facts = Facts { request, beside: steps.encoded(), ..facts(target) };
        let change = Change::records(cordon_domain::Action::ApprovalAsk, steps);
        make(&installation, (Request::<cordon_gate::act::Ask>::new(facts), change)).await.expect("asked");
        key
    };
    let good = publication(1, 1);
    let same = ask(1, cordon_domain::Action::PublicationMake, &good).await;
    let other_action = ask(2, cordon_domain::Action::LabelLower, &good).await;
    let other_version = ask(3, cordon_domain::Action::PublicationMake, &publication(2, 1)).await;
    make(&installation, making(&good)).await.expect("made");
    let withdraw = async |key: RecordKey| {
        let steps = Steps(vec![Step::End(RecordKey::Publication(good.id)), Step::End(key)]);
        let target = Target { record: Some(RecordKey::Publication(good.id)), ..good.target() };
        let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
        let facts = Facts { request, beside: steps.encoded(), ..facts(target) };
        let change = Change::records(cordon_domain::Action::PublicationWithdraw, steps);
        make(&installation, (Request::<Withdraw>::new(facts), change)).await
    };
    refused(withdraw(other_action).await, "something else");
    refused(withdraw(other_version).await, "something else");
    withdraw(same).await.expect("withdrawn");
    let asks = installation.reader().records(installation.keys()).await.expect("whole").0.roster.asks;
    assert_eq!(asks.keys().map(|id| id.0[0]).collect::<Vec<_>>(), [2, 3]);
}

async fn a_publication_is_taken_back_as_it_was_decided_on(ground: Ground) {
    let (installation, _) = ground.create().await;
    let good = publication(1, 1);
    let end = || Step::End(RecordKey::Publication(good.id));
    let withdraw = async |of: &Publication| make(&installation, step::<Withdraw>(of, end())).await;
    refused(withdraw(&good).await, "it was withdrawn");
    for number in [1, 2] {
        write(&installation, number, Some(clean())).await;
    }
    make(&installation, making(&good)).await.expect("made");
    refused(withdraw(&publication(2, 1)).await, "something else");
    refused(withdraw(&Publication { label: Label::of(Level::Public), ..good.clone() }).await, "something else");
    refused(make(&installation, step::<Revoke>(&good, end())).await, "other change");
    withdraw(&good).await.expect("withdrawn");
    refused(withdraw(&good).await, "it was withdrawn");
}

async fn what_was_public_is_told_of_any_moment(ground: Ground) {
    let (installation, _) = ground.create().await;
    let at = async |installation: &Installation, moment| {
        let records = installation.reader().records_as_of(installation.keys(), moment).await.expect("reads");
        let rebuilt = installation.rebuild(moment, Versions::None).await.expect("told");
        assert_eq!(rebuilt.roster.publications, records.roster.publications, "from the log");
        records.roster.publications.into_values().collect::<Vec<_>>()
    };
    write(&installation, 1, Some(clean())).await;
    let good = publication(1, 1);
    let later = |(request, change): (Request<Publish>, Change), ms| {
        let facts = Facts { at: NOW.plus_ms(ms), ..request.facts().clone() };
        (Request::<Publish>::new(facts), change)
    };
    make(&installation, later(making(&good), 10)).await.expect("made");
    let (request, change) = step::<Withdraw>(&good, Step::End(RecordKey::Publication(good.id)));
    let facts = Facts { at: NOW.plus_ms(20), ..request.facts().clone() };
    make(&installation, (Request::<Withdraw>::new(facts), change)).await.expect("withdrawn");
    ground.settle(&installation).await;
    for (ms, public) in [(9, false), (10, true), (19, true), (20, false)] {
        let expected = if public { vec![good.clone()] } else { Vec::new() };
        assert_eq!(at(&installation, NOW.plus_ms(ms)).await, expected, "{ms}");
    }
}
