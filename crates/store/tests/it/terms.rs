//! What lasts until a date, or until somebody takes it back, in both databases.

use cordon_domain::{
    Allowance, AllowanceId, Bucket, BucketId, CodenameId, Embargo, EmbargoId, Grant, KnownName, Label, Level, Moment,
    PrincipalId, Record, RecordKey, Role, Scope, Step, Target, Versioning,
};
use cordon_gate::act::{Allow, EndAllowance, LiftEmbargo, MakeBucket, MakeCodename, MakeEmbargo};
use cordon_gate::{Facts, Request};
use cordon_store::keyring::Keyring;
use cordon_store::{Change, StoreError};

use crate::records::{actor, grant, make, person};
use crate::{Ground, NOW, on_both, records};

/// An embargo on a project, and a codename: they stand for themselves.
pub(crate) fn embargo_and_codename(keys: &Keyring) -> [Record; 2] {
    let (by, id) = (actor().principal, CodenameId([1; 16]));
    let embargo = Embargo {
        id: EmbargoId([9; 16]),
        scope: Scope::Project("atlas".parse().expect("a project")),
        bucket: None,
        label: None,
        until: NOW.plus_ms(1_000),
        spares: [Role::Owner].into(),
        by,
        reason: "the launch".to_owned(),
    };
    let sealed = keys.seal_codename(id, "Glass Heron").expect("sealed");
    let codename = KnownName { id, sealed, label: Label::of(Level::Internal), by, at: NOW };
    [Record::Embargo(Box::new(embargo)), Record::Codename(Box::new(codename))]
}

/// An allowance, an embargo and a codename say who made them, and are what was decided on.
async fn what_lasts_until_a_date_is_as_it_was_decided_on(ground: Ground) {
    let (installation, _) = ground.create().await;
    let me = actor().principal;
    make(&installation, person(me.0[0]), NOW).await.expect("added");
    let (id, label) = (BucketId([1; 16]), Label::of(Level::Internal));
    let bucket = Bucket {
        id,
        name: "corpus".parse().expect("a name"),
        label: label.clone(),
        made_by: me,
        made_at: NOW,
        versioning: Versioning::Off,
        guarding: None,
        tagging: None,
    };
    let owner = Step::Put(Record::Grant(Grant { scope: Scope::Bucket(id), ..grant(1, me.0[0], Role::Owner) }));
    let steps = vec![Step::Put(Record::Bucket(Box::new(bucket))), owner];
    make(&installation, records::<MakeBucket>(None, steps), NOW).await.expect("made");
    let allowance = Allowance {
        id: AllowanceId([1; 16]),
        principal: me,
        bucket: id,
        label: label.clone(),
        bytes: 10,
        since: NOW,
        ends: NOW.plus_ms(1_000),
        by: me,
        reason: "training".to_owned(),
    };
    let at = |target: Target, (request, change): (Request<Allow>, Change)| {
        let record = request.facts().target.record.clone();
        (Request::<Allow>::new(Facts { target: Target { record, ..target }, ..request.facts().clone() }), change)
    };
    let allow = async |one: &Allowance, target: Target| {
        let steps = vec![Step::Put(Record::Allowance(Box::new(one.clone())))];
        make(&installation, at(target, records::<Allow>(None, steps)), NOW).await
    };
    let target = allowance.target();
    let nobody = PrincipalId([77; 16]);
    for (what, one) in [
        ("another's", Allowance { by: nobody, ..allowance.clone() }),
        ("for nothing", Allowance { bytes: 0, ..allowance.clone() }),
        ("without an end", Allowance { ends: Moment(i64::MAX), ..allowance.clone() }),
        ("for nobody", Allowance { principal: nobody, ..allowance.clone() }),
        ("of a bucket that is none", Allowance { bucket: BucketId([9; 16]), ..allowance.clone() }),
        ("as the bucket is not labelled", Allowance { label: Label::of(Level::Public), ..allowance.clone() }),
    ] {
        assert!(allow(&one, one.target()).await.is_err(), "{what}");
    }
    assert!(allow(&allowance, Target { principal: None, ..target.clone() }).await.is_err(), "decided about nobody");
    allow(&allowance, target.clone()).await.expect("made");
    let second = Allowance { id: AllowanceId([2; 16]), ..allowance.clone() };
    assert!(allow(&second, target.clone()).await.is_err(), "one at a time");

    let embargo = Embargo {
        id: EmbargoId([1; 16]),
        scope: Scope::Bucket(id),
        bucket: Some(id),
        label: Some(label.clone()),
        until: NOW.plus_ms(1_000),
        spares: [Role::Owner].into(),
        by: me,
        reason: "the launch".to_owned(),
    };
    let close = async |one: &Embargo, target: Target| {
        let steps = vec![Step::Put(Record::Embargo(Box::new(one.clone())))];
        let (request, change) = records::<MakeEmbargo>(None, steps);
        let record = request.facts().target.record.clone();
        let facts = Facts { target: Target { record, ..target }, ..request.facts().clone() };
        make(&installation, (Request::<MakeEmbargo>::new(facts), change), NOW).await
    };
    for (what, one) in [
        ("on everything", Embargo { scope: Scope::Installation, bucket: None, label: None, ..embargo.clone() }),
        ("that has ended", Embargo { until: NOW, ..embargo.clone() }),
        ("another's", Embargo { by: nobody, ..embargo.clone() }),
        ("on a version that is none", Embargo { scope: Scope::Version(crate::version(9)), ..embargo.clone() }),
        ("as the bucket is not labelled", Embargo { label: Some(Label::of(Level::Public)), ..embargo.clone() }),
    ] {
        assert!(close(&one, one.target()).await.is_err(), "{what}");
    }
    close(&embargo, embargo.target()).await.expect("made");
    let lift = async |target: Target| {
        let (request, change) = records::<LiftEmbargo>(None, vec![Step::End(RecordKey::Embargo(embargo.id))]);
        let record = request.facts().target.record.clone();
        let facts = Facts { target: Target { record, ..target }, ..request.facts().clone() };
        make(&installation, (Request::<LiftEmbargo>::new(facts), change), NOW).await
    };
    let beside = Embargo { id: EmbargoId([2; 16]), spares: [Role::Reader].into(), ..embargo.clone() };
    let with_end =
        vec![Step::Put(Record::Embargo(Box::new(beside.clone()))), Step::End(RecordKey::Embargo(embargo.id))];
    let (request, change) = records::<MakeEmbargo>(None, with_end);
    let record = request.facts().target.record.clone();
    let facts = Facts { target: Target { record, ..beside.target() }, ..request.facts().clone() };
    let ended = make(&installation, (Request::<MakeEmbargo>::new(facts), change), NOW).await;
    assert!(ended.is_err(), "one that counts is not ended by making another");
    let again = Embargo { id: EmbargoId([3; 16]), ..embargo.clone() };
    assert!(close(&again, again.target()).await.is_err(), "it holds already");
    let other = Target { bucket: Some(BucketId([9; 16])), ..target.clone() };
    let (request, change) = records::<EndAllowance>(None, vec![Step::End(RecordKey::Allowance(allowance.id))]);
    let record = request.facts().target.record.clone();
    let facts = Facts { target: Target { record, principal: None, ..other }, ..request.facts().clone() };
    assert!(
        make(&installation, (Request::<EndAllowance>::new(facts), change), NOW).await.is_err(),
        "of another bucket"
    );
    assert!(lift(Target::default()).await.is_err(), "decided on the installation");
    assert!(lift(Target { label: Some(Label::of(Level::Public)), ..embargo.target() }).await.is_err(), "another label");
    lift(embargo.target()).await.expect("lifted");

    let known = KnownName { id: CodenameId([1; 16]), sealed: vec![7; 40], label, by: me, at: NOW };
    let coin = async |one: KnownName| {
        let steps = vec![Step::Put(Record::Codename(Box::new(one)))];
        make(&installation, records::<MakeCodename>(None, steps), NOW).await
    };
    assert!(coin(KnownName { by: nobody, ..known.clone() }).await.is_err());
    assert!(coin(KnownName { label: Label::of(Level::Public), ..known.clone() }).await.is_err());
    coin(known.clone()).await.expect("made");
    assert!(coin(known).await.is_err(), "it is there already");
    let records = installation.reader().records(installation.keys()).await.expect("reads").0.roster;
    assert_eq!((records.allowances.len(), records.embargoes.len(), records.codenames.len()), (1, 0, 1));
}

/// Without an embargo, or a codename, more would be read than may be: one that was changed stops all decisions.
async fn an_embargo_or_a_codename_that_was_changed_stops_decisions(ground: Ground) {
    let (installation, _) = ground.create().await;
    let [embargo, codename] = embargo_and_codename(installation.keys());
    let steps = |record| vec![Step::Put(record)];
    make(&installation, records::<MakeEmbargo>(None, steps(embargo)), NOW).await.expect("made");
    make(&installation, records::<MakeCodename>(None, steps(codename)), NOW.plus_ms(1)).await.expect("made");
    let reads = async || installation.reader().records(installation.keys()).await;
    for (which, by) in [("min", -1), ("max", 1)] {
        assert!(reads().await.is_ok());
        let moved = |by: i64| {
            let row = format!("began_at = (SELECT {which}(began_at) FROM records)");
            format!("UPDATE records SET began_at = began_at + ({by}) WHERE {row}")
        };
        assert_eq!(ground.beside(&moved(by)).await, 1);
        let locked = reads().await;
        assert!(matches!(locked, Err(StoreError::Integrity(_))), "{which}: {:?}", locked.err());
        assert_eq!(ground.beside(&moved(-by)).await, 1);
    }
}

on_both!(an_embargo_or_a_codename_that_was_changed_stops_decisions, what_lasts_until_a_date_is_as_it_was_decided_on,);
