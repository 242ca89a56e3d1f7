//! The order of decision, record and receipt.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts what it compares with"
)]

use cordon_domain::egress::AtLimit;
use cordon_domain::{Action, Actor, Charge, Label, Level, Outcome, PrincipalId};
use cordon_gate::act::{Certify, Raise, Read, Revoke};
use cordon_gate::{Decide as _, Denial, Epoch, Facts, Gate, Grounds, JournalError, Left, Request, Toll, Verdict};
use cordon_testkit::trust::Always;
use cordon_testkit::trust::{NamedChange, facts};
use cordon_testkit::{Deciding, MemoryJournal};

fn gate<F: Fn(&Facts) -> Verdict + Send + Sync>(decide: Deciding<F>) -> Gate<Deciding<F>, MemoryJournal> {
    Gate::new(decide, MemoryJournal::default(), Actor::service(PrincipalId([9; 16])))
}

fn broken() -> Option<JournalError> {
    Some(JournalError::Unavailable("the disk is full".to_owned()))
}

fn actions(gate: &Gate<impl cordon_gate::Decide, MemoryJournal>) -> Vec<(Action, Outcome)> {
    gate.journal().events().iter().map(|event| (event.action, event.outcome)).collect()
}

#[tokio::test]
async fn a_read_is_recorded_before_its_receipt_and_what_left_after() {
    let gate = gate(Deciding::yes());
    let receipt = gate.read(Request::<Read>::new(facts(Label::of(Level::Restricted)))).await.expect("allowed");
    assert_eq!(receipt.recorded().map(|recorded| recorded.position), Some(Some(0)));
    let at = facts(Label::of(Level::Restricted)).at;
    gate.departed(receipt.spend(), (at, 4096), None).await.expect("recorded");
    let events = gate.journal().events();
    assert_eq!(actions(&gate), [(Action::ObjectRead, Outcome::Allowed), (Action::ObjectSent, Outcome::Allowed)]);
    assert_eq!(events[1].amount, Some(4096));
    assert_eq!((events[0].request, &events[0].target), (events[1].request, &events[1].target));
    assert_eq!(events[0].policies, ["test"]);
}

/// Whether a change would be allowed is told beforehand: a refusal is on record, and what would be allowed is not yet.
#[tokio::test]
async fn what_would_be_refused_is_refused_beforehand() {
    let request = || Request::<Raise>::new(facts(Label::of(Level::Internal)));
    let refusing = gate(Deciding::no());
    assert!(matches!(refusing.admit(&request()).await, Err(Denial::Refused(_))));
    assert_eq!(actions(&refusing), [(Action::LabelRaise, Outcome::Denied)]);
    let allowing = gate(Deciding::yes());
    assert_eq!(allowing.admit(&request()).await, Ok(()));
    assert_eq!(actions(&allowing), []);
}

fn charge(bytes: u64) -> Charge {
    let asked = facts(Label::of(Level::Restricted));
    let version = asked.target.version.expect("named");
    Charge {
        version,
        level: Level::Restricted,
        at: asked.at,
        bytes,
        ahead: 0,
        weights: None,
        payers: Vec::new(),
        proved_age_s: None,
        at_limit: AtLimit::Refuse,
    }
}

/// What leaves is taken with the event that allows it, and on; what did not leave is given back with what says so.
#[tokio::test]
async fn what_leaves_is_taken_before_and_given_back_when_it_did_not() {
    let gate = gate(Deciding::yes());
    let asked = Facts { charge: Some(charge(10)), ..facts(Label::of(Level::Restricted)) };
    let departure = gate.read(Request::<Read>::new(asked.clone())).await.expect("allowed").spend();
    gate.take_more(&departure, charge(20)).await.expect("room");
    gate.departed(departure, (asked.at, 25), Some(charge(5))).await.expect("recorded");
    let departure = gate.read(Request::<Read>::new(asked.clone())).await.expect("allowed").spend();
    gate.departed(departure, (asked.at, 0), Some(charge(10))).await.expect("recorded");
    let back = |bytes, left| Toll::GiveBack(charge(bytes), left);
    let taken = [10, 20, 10].map(|bytes| Toll::Take(charge(bytes)));
    let [first, more, again] = taken;
    assert_eq!(gate.journal().tolls(), [first, more, back(5, Left::Some), again, back(10, Left::Nothing)]);
}

/// Whoever is at their limit is refused as by a policy: it is recorded, and says what is missing.
#[tokio::test]
async fn at_the_limit_a_read_is_refused_and_recorded() {
    let gate = gate(Deciding::yes());
    let asked = Facts { charge: Some(charge(10)), ..facts(Label::of(Level::Internal)) };
    let departure = gate.read(Request::<Read>::new(asked.clone())).await.expect("allowed").spend();
    gate.journal().fill();
    let more = gate.take_more(&departure, charge(20)).await;
    assert!(matches!(more, Err(JournalError::Limit { .. })), "{more:?}");
    let Err(Denial::Refused(refusal)) = gate.read(Request::<Read>::new(asked)).await else { panic!("full") };
    assert_eq!(
        (refusal.missing, refusal.ask.as_deref(), refusal.hidden),
        (vec!["room".to_owned()], Some("security"), false)
    );
    let (allowed, denied) = ((Action::ObjectRead, Outcome::Allowed), (Action::ObjectRead, Outcome::Denied));
    assert_eq!(actions(&gate), [allowed, denied, denied]);
    let events = gate.journal().events();
    assert!(events[1..].iter().all(|event| event.reason.as_deref() == Some("room")));
    assert_eq!((events[1].request, &events[1].target), (events[0].request, &events[0].target));
}

/// Where limits are observed nothing is refused: it is counted all the same, and on record once for a read.
#[tokio::test]
async fn where_limits_are_observed_what_is_beyond_them_is_recorded_and_counted() {
    let gate = gate(Deciding::yes());
    let observed = |bytes| Charge { at_limit: AtLimit::Record, ..charge(bytes) };
    let asked = Facts { charge: Some(observed(10)), ..facts(Label::of(Level::Internal)) };
    let departure = gate.read(Request::<Read>::new(asked.clone())).await.expect("allowed").spend();
    assert_eq!(gate.take_more(&departure, observed(20)).await, Ok(AtLimit::Record), "within it");
    gate.journal().fill();
    assert_eq!(gate.take_more(&departure, observed(30)).await, Ok(AtLimit::Count));
    let counted = |bytes| Charge { at_limit: AtLimit::Count, ..charge(bytes) };
    assert_eq!(gate.take_more(&departure, counted(40)).await, Ok(AtLimit::Count), "it is on record");
    drop(gate.read(Request::<Read>::new(asked)).await.expect("allowed").spend());
    let events = gate.journal().events();
    let told: Vec<_> = events.iter().map(|event| (event.outcome, event.reason.as_deref())).collect();
    let beyond = (Outcome::Allowed, Some("observed, and not refused: room"));
    assert_eq!(told, [(Outcome::Allowed, None), beyond, beyond]);
    let taken = [observed(10), observed(20), counted(30), counted(40), counted(10)].map(Toll::Take);
    assert_eq!(gate.journal().tolls(), taken);
}

/// A read that goes on is decided once more: that it is refused by now is on record, with what was asked when it began.
#[tokio::test]
async fn a_read_that_goes_on_ends_when_it_is_refused() {
    let allowed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let still = std::sync::Arc::clone(&allowed);
    let gate = gate(Deciding(move |asked: &Facts| match still.load(std::sync::atomic::Ordering::SeqCst) {
        true => Always::yes().evaluate(asked),
        false => Always::no().evaluate(asked),
    }));
    let asked = facts(Label::of(Level::Restricted));
    let departure = gate.read(Request::<Read>::new(asked.clone())).await.expect("allowed").spend();
    assert_eq!(gate.still(&departure, &asked).await, Ok(()));
    assert_eq!(gate.journal().events().len(), 1, "nothing has changed");
    allowed.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(gate.still(&departure, &asked).await, Err(Denial::Refused(_))));
    let events = gate.journal().events();
    assert_eq!((events[1].outcome, events[1].request), (Outcome::Denied, events[0].request));
    assert_eq!(events[1].reason.as_deref(), Some("membership of the project"));
}

#[tokio::test]
async fn a_refusal_is_recorded_on_the_same_path() {
    let gate = gate(Deciding::no());
    let asked = Facts { beside: vec![7; 100], ..facts(Label::of(Level::Public)) };
    let denial = gate.read(Request::<Read>::new(asked)).await.expect_err("refused");
    assert!(matches!(denial, Denial::Refused(_)));
    assert!(gate.journal().events()[0].beside.is_empty(), "who is refused has nothing kept");
    assert_eq!(actions(&gate), [(Action::ObjectRead, Outcome::Denied)]);
    assert_eq!(gate.journal().events()[0].reason.as_deref(), Some("membership of the project"));
}

#[tokio::test]
async fn without_a_journal_guarded_reads_and_changes_stop() {
    let gate = gate(Deciding::yes());
    gate.journal().fail(broken());
    for level in [Level::Confidential, Level::Restricted] {
        let denial = gate.read(Request::<Read>::new(facts(Label::of(level)))).await.expect_err("not recorded");
        assert!(matches!(denial, Denial::NotRecorded(_)));
    }
    let mut unlabelled = facts(Label::of(Level::Public));
    unlabelled.target.label = None;
    assert!(gate.read(Request::<Read>::new(unlabelled)).await.is_err(), "an unknown level is restricted");
    let public = facts(Label::of(Level::Public));
    let change = NamedChange(Action::Revoke, public.target.clone());
    assert!(gate.change(Request::<Revoke>::new(public), change).await.is_err());
    let statement = Request::<Certify>::new(facts(Label::of(Level::Public)));
    assert!(gate.attest(statement).await.is_err(), "what is stated is recorded at any level");
    assert_eq!(gate.unrecorded(), 0, "nothing was opened");
}

#[tokio::test]
async fn internal_reads_go_on_counted_and_the_gap_is_the_next_event() {
    let gate = gate(Deciding::yes());
    gate.journal().fail(broken());
    for level in [Level::Public, Level::Internal] {
        let receipt = gate.read(Request::<Read>::new(facts(Label::of(level)))).await.expect("goes on");
        assert!(receipt.recorded().is_none());
    }
    assert_eq!(gate.unrecorded(), 2);
    gate.journal().fail(None);
    let _receipt = gate.read(Request::<Read>::new(facts(Label::of(Level::Restricted)))).await.expect("allowed");
    assert_eq!(actions(&gate), [(Action::LogGap, Outcome::Failed), (Action::ObjectRead, Outcome::Allowed)]);
    let gap = &gate.journal().events()[0];
    assert_eq!((gap.amount, gap.actor.principal), (Some(2), PrincipalId([9; 16])));
    assert!(gap.personal.is_empty(), "a gap names nobody");
    assert!(gap.reason.is_some(), "it says what it counts");
    assert_eq!(gate.unrecorded(), 0);
}

#[tokio::test]
async fn a_change_must_be_the_one_that_was_asked_for() {
    let gate = gate(Deciding::yes());
    let asked = facts(Label::of(Level::Internal));
    let other_action = NamedChange(Action::LabelLower, asked.target.clone());
    let denial = gate.change(Request::<Raise>::new(asked.clone()), other_action).await.expect_err("another action");
    assert_eq!(denial, Denial::OtherChange);
    let other_target = NamedChange(Action::LabelRaise, facts(Label::of(Level::Restricted)).target);
    assert!(gate.change(Request::<Raise>::new(asked.clone()), other_target).await.is_err());
    assert!(gate.journal().events().is_empty());
    let change = NamedChange(Action::LabelRaise, asked.target.clone());
    let receipt = gate.change(Request::<Raise>::new(asked), change).await.expect("allowed");
    assert!(receipt.recorded().is_some());
    assert_eq!(actions(&gate), [(Action::LabelRaise, Outcome::Allowed)], "once");
}

#[tokio::test]
async fn a_revocation_between_decision_and_record_is_decided_again() {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = std::sync::Arc::clone(&seen);
    let gate = gate(Deciding(move |_: &Facts| {
        // The first decision sees epoch 0, later ones the true epoch.
        let epoch = Epoch(counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        Verdict::Allow(Grounds { epoch, ..Grounds::default() })
    }));
    gate.journal().revoke();
    let _receipt = gate.read(Request::<Read>::new(facts(Label::of(Level::Public)))).await.expect("decided again");
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(gate.journal().events().len(), 1);
    gate.journal().revoke();
    gate.journal().revoke();
    let asked = facts(Label::of(Level::Public));
    let change = NamedChange(Action::LabelRaise, asked.target.clone());
    let _receipt = gate.change(Request::<Raise>::new(asked), change).await.expect("decided again");
    assert_eq!((seen.load(std::sync::atomic::Ordering::SeqCst), gate.journal().events().len()), (4, 2));
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let gate = gate(Deciding::yes());
    let mut knock = facts(Label::of(Level::Public));
    for _ in 0..500 {
        gate.refused_before_sign_in(&knock, "192.0.2.1", "the password is wrong").await;
    }
    assert_eq!(gate.journal().events().len(), 10);
    knock.at = knock.at.plus_ms(60_000);
    gate.refused_before_sign_in(&knock, "192.0.2.1", "the password is wrong").await;
    let events = gate.journal().events();
    assert_eq!((events[10].action, events[10].amount), (Action::LogRefusals, Some(490)));
    assert_eq!(events[11].personal.network.as_deref(), Some("192.0.2.1"));
    for _ in 0..30 {
        gate.refused_before_sign_in(&knock, "192.0.2.1", "the password is wrong").await;
    }
    let before = gate.journal().events().len();
    gate.tick(knock.request, knock.at).await;
    assert_eq!(gate.journal().events().len(), before, "its minute is not over");
    gate.tick(knock.request, knock.at.plus_ms(60_000)).await;
    let counted = &gate.journal().events()[before];
    assert_eq!((counted.action, counted.amount), (Action::LogRefusals, Some(21)), "though nobody knocked again");
    for _ in 0..30 {
        knock.at = knock.at.plus_ms(2);
        gate.refused_before_sign_in(&knock, "192.0.2.9", "the password is wrong").await;
    }
    let before = gate.journal().events().len() - 1;
    gate.journal().fail(broken());
    gate.tick(knock.request, knock.at.plus_ms(120_000)).await;
    gate.journal().fail(None);
    gate.tick(knock.request, knock.at.plus_ms(180_000)).await;
    let events = gate.journal().events();
    let counts: Vec<_> = events[before + 1..].iter().map(|event| (event.action, event.amount)).collect();
    assert_eq!(counts, [(Action::LogRefusals, Some(20))], "a count that could not be written is kept");
    let before = before + 1;
    gate.tick(knock.request, knock.at.plus_ms(240_000)).await;
    assert_eq!(gate.journal().events().len(), before + 1, "nothing to count is no event");
}
