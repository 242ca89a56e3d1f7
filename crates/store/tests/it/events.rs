//! Events: positions, sequences, search, revocation, rows that were changed beside Cordon.

use cordon_domain::id::hex;
use cordon_domain::{Action, BucketId, Level, Moment, Outcome, PrincipalId, Target};
use cordon_gate::act::{Raise, Read};
use cordon_gate::{Denial, Epoch, Facts, Journal as _, JournalError, Request};
use cordon_ledger::entry::{self, Identity};
use cordon_store::keyring::Make;
use cordon_store::limits::COPY_ROWS;
use cordon_store::{Change, Installation, Search, StoreError};

use crate::{BUCKET, Ground, NOW, event, facts, gate, label, on_both, revocation, target, version, write};

fn opened(installation: &Installation, entry: &[u8]) -> entry::OpenEvent {
    let key = installation.keys().event_key().expect("a key");
    entry::open(entry, &key, |_| None).expect("opens")
}

async fn positions_and_sequences_have_no_gap_even_over_a_restart(ground: Ground) {
    let (installation, _) = ground.create().await;
    let record = |installation: &Installation, actor| {
        let (writer, event) = (installation.writer().clone(), event(installation, Action::SignIn, actor));
        async move { writer.record(event, Epoch::ANY).await.expect("recorded") }
    };
    let tasks = (0..50).map(|actor| record(&installation, actor));
    let mut recorded = futures_util::future::join_all(tasks).await;
    drop(installation);
    let again = ground.open().await.expect("opens");
    recorded.push(record(&again, 1).await);
    ground.settle(&again).await;
    let entries = again.reader().entries(0, 100).await.expect("reads");
    let sequences: Vec<u64> = entries.iter().map(|entry| opened(&again, entry).event.sequence).collect();
    assert_eq!(sequences, (1..=52).collect::<Vec<u64>>());
    let leaves: Vec<[u8; 32]> = entries.iter().map(|entry| cordon_ledger::Hash::leaf(entry).0).collect();
    for recorded in recorded {
        let place = leaves.iter().position(|leaf| *leaf == recorded.leaf_hash).expect("acknowledged, and there");
        assert!(recorded.position.is_none_or(|position| position == place as u64), "where it was said to be");
    }
}

async fn a_search_finds_what_a_scan_finds(ground: Ground) {
    let (installation, _) = ground.create().await;
    // More than a segment, so that the index and the tail behind it both answer.
    let mut chance = cordon_testkit::Chance::new(3);
    let mut jobs = Vec::new();
    for number in 0..5000u64 {
        let action = [Action::ObjectRead, Action::ObjectWrite, Action::SignIn][chance.below(3) as usize];
        let mut event = event(&installation, action, chance.below(20) as u8);
        event.target = Target { version: Some(version(chance.below(300))), ..Target::default() };
        event.at = NOW.plus_ms(number as i64);
        jobs.push((event, Epoch::ANY));
    }
    let recorded = jobs.into_iter().map(|(event, epoch)| installation.writer().record(event, epoch));
    for outcome in futures_util::future::join_all(recorded).await {
        outcome.expect("recorded");
    }
    ground.settle(&installation).await;
    let everything: Vec<_> = installation.reader().entries(0, 10_000).await.expect("reads");
    let everything: Vec<_> = everything.iter().map(|entry| opened(&installation, entry).event).collect();
    let index = installation.keys().index();
    for round in 0..40u64 {
        let (actor, object) = (PrincipalId([chance.below(20) as u8; 16]), version(chance.below(300)));
        let action = [Action::ObjectRead, Action::ObjectWrite, Action::SignIn][chance.below(3) as usize];
        let from = NOW.plus_ms(chance.below(4000) as i64);
        let until = from.plus_ms(chance.below(2000) as i64);
        let uses = |bit: u64| round >> bit & 1 == 1;
        let search = Search {
            actor: uses(0).then(|| index.actor(actor)),
            object: uses(1).then(|| index.version(object)),
            action: uses(2).then(|| index.action(action)),
            from: uses(3).then_some(from),
            until: uses(3).then_some(until),
            start: if uses(4) { 700 } else { 0 },
            limit: 0,
        };
        let found = installation.reader().search(&search).await.expect("searches");
        let found: Vec<u64> = found.into_iter().map(|(position, _)| position).collect();
        let wanted = everything.iter().enumerate().filter(|(position, event)| {
            (!uses(0) || event.actor.principal == actor)
                && (!uses(1) || event.target.version == Some(object))
                && (!uses(2) || event.action == action)
                && (!uses(3) || (event.at >= from && event.at < until))
                && *position as u64 >= search.start
        });
        assert_eq!(found, wanted.map(|(position, _)| position as u64).collect::<Vec<_>>(), "round {round}");
    }
    drop(installation);
    let again = ground.open().await.expect("opens");
    let limited = Search { action: Some(again.keys().index().action(Action::SignIn)), limit: 7, ..Search::default() };
    assert_eq!(again.reader().search(&limited).await.expect("searches").len(), 7);
}

async fn a_change_and_its_event_are_one(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, Level::Internal).await.expect("written");
    ground.settle(&installation).await;
    let size = installation.reader().size().await.expect("reads");
    let again = write(&installation, 1, Level::Internal).await.expect_err("it exists");
    assert!(matches!(again, Denial::NotRecorded(JournalError::Conflict(_))), "{again}");
    ground.settle(&installation).await;
    assert_eq!(
        installation.reader().size().await.expect("reads"),
        size,
        "a change that fails leaves no event of success"
    );

    let raised = label(Level::Restricted);
    let keys = installation.keys();
    let key = keys.prepare_version(cordon_keys::KeyName::Bucket(BUCKET, Level::Restricted)).expect("made");
    let change = Change::Relabel {
        bucket: BUCKET,
        version: version(1),
        action: Action::LabelRaise,
        label: raised.clone(),
        key_version: key.version,
        look: None,
    };
    let gate = gate(&installation);
    let request = Request::<Raise>::new(Facts { beside: change.beside(), ..facts(target(1, Level::Internal)) });
    let _receipt = gate.change(request, change).await.expect("raised");
    let row = installation.reader().object(keys, version(1)).await.expect("reads").expect("there");
    assert_eq!(row.label, raised);
    let receipt = gate.read(Request::<Read>::new(facts(target(1, Level::Restricted)))).await.expect("allowed");
    let (opened, _departure) =
        keys.bucket_key(row.wrap().under).expect("opens").open(receipt, &row.wrap(), &row.manifest).expect("opens");
    assert_eq!(opened.manifest().label, raised);
}

async fn a_lowering_cannot_pass_for_a_raising(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, Level::Restricted).await.expect("written");
    let change = Change::Relabel {
        bucket: BUCKET,
        version: version(1),
        action: Action::LabelRaise,
        label: label(Level::Public),
        key_version: 1,
        look: None,
    };
    let request = Request::<Raise>::new(facts(target(1, Level::Restricted)));
    assert_eq!(gate(&installation).change(request, change).await.expect_err("refused"), Denial::OtherChange);
}

async fn a_revocation_makes_older_decisions_stale(ground: Ground) {
    let (installation, _) = ground.create().await;
    let (request, change) = revocation(7);
    let _receipt = gate(&installation).change(request, change).await.expect("revoked");
    let stale = installation.writer().record(event(&installation, Action::ObjectRead, 1), Epoch(0)).await;
    assert_eq!(stale, Err(JournalError::Stale { seen: Epoch(0) }));
    drop(installation);
    let again = ground.open().await.expect("opens");
    let stale = again.writer().record(event(&again, Action::ObjectRead, 1), Epoch(0)).await;
    assert_eq!(stale, Err(JournalError::Stale { seen: Epoch(0) }), "over a restart, too");
    assert!(again.writer().record(event(&again, Action::ObjectRead, 1), Epoch(1)).await.is_ok());
}

async fn a_row_that_was_changed_beside_cordon_locks_its_object(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in 1..=3 {
        write(&installation, number, Level::Restricted).await.expect("written");
    }
    let lowered = hex(&minicbor::to_vec(label(Level::Public)).expect("encodes"));
    let set = format!("UPDATE objects SET label = x'{lowered}' WHERE version = x'{}'", hex(&version(1).0));
    assert_eq!(ground.beside(&set).await, 1);
    let (other, second) = (hex(&BucketId([6; 16]).0), hex(&version(2).0));
    let swap = format!("UPDATE objects SET bucket = x'{other}' WHERE version = x'{second}'");
    assert_eq!(ground.beside(&swap).await, 1);
    for number in [1, 2] {
        let refused = installation.reader().object(installation.keys(), version(number)).await.expect_err("locked");
        assert!(matches!(refused, StoreError::Integrity(_)), "{refused}");
    }
    assert!(installation.reader().object(installation.keys(), version(3)).await.expect("reads").is_some());
    ground.beside("UPDATE active_keys SET active = 1, least = 0").await;
    let name = cordon_keys::KeyName::Bucket(BUCKET, Level::Restricted);
    assert!(installation.reader().active_key(installation.keys(), name).await.is_err());
    assert_eq!(ground.beside("UPDATE settings SET value = x'0000' WHERE name = 'log.origin'").await, 1);
    drop(installation);
    assert!(matches!(ground.open().await, Err(StoreError::Integrity(_))));
}

async fn a_bucket_is_grouped_by_labels_each_row_of_which_is_checked(ground: Ground) {
    let (installation, _) = ground.create().await;
    for (number, level) in [(1, Level::Restricted), (2, Level::Internal), (3, Level::Restricted)] {
        write(&installation, number, level).await.expect("written");
    }
    let groups = async || installation.reader().label_groups(installation.keys(), BUCKET, None).await;
    let mut found = groups().await.expect("whole");
    found.sort_by_key(|(label, _)| label.level);
    assert_eq!(found, [(label(Level::Internal), 1), (label(Level::Restricted), 2)]);
    let other = installation.reader().label_groups(installation.keys(), BucketId([6; 16]), None).await;
    assert_eq!(other.expect("whole"), []);
    // The column by which rows are selected is not under the MAC.
    let row = hex(&version(2).0);
    assert_eq!(ground.beside(&format!("UPDATE objects SET level = 0 WHERE version = x'{row}'")).await, 1);
    assert!(matches!(groups().await, Err(StoreError::Integrity(_))));
    ground.beside(&format!("UPDATE objects SET level = {} WHERE version = x'{row}'", Level::Internal.number())).await;
    assert_eq!(groups().await.expect("whole").len(), 2);
    ground.beside(&format!("UPDATE objects SET key_version = 9 WHERE version = x'{row}'")).await;
    assert!(matches!(groups().await, Err(StoreError::Integrity(_))));
}

async fn a_bucket_of_many_pages_is_grouped_by_several_and_no_version_is_missed(ground: Ground) {
    let (installation, _) = ground.create().await;
    let levels = [Level::Internal, Level::Restricted, Level::Restricted];
    let count = 2 * COPY_ROWS + 9;
    for begin in (0..count).step_by(1000) {
        let some =
            (begin..count.min(begin + 1000)).map(|number| write(&installation, number, levels[number as usize % 3]));
        futures_util::future::join_all(some).await.into_iter().for_each(|written| written.expect("written"));
    }
    let groups = async |workers| installation.reader().label_groups_by(workers, installation.keys(), BUCKET).await;
    let internal = (0..count).filter(|number| number % 3 == 0).count() as u64;
    for workers in [1, 2, 3, 100] {
        let mut found = groups(workers).await.expect("whole");
        found.sort_by_key(|(label, _)| label.level);
        assert_eq!(found, [(label(Level::Internal), internal), (label(Level::Restricted), count - internal)]);
    }
    let last = hex(&version(count - 1).0);
    assert_eq!(ground.beside(&format!("UPDATE objects SET key_version = 9 WHERE version = x'{last}'")).await, 1);
    assert!(matches!(groups(3).await, Err(StoreError::Integrity(_))));
}

async fn a_clock_that_goes_back_a_day_is_an_event_and_breaks_nothing(ground: Ground) {
    let (installation, _) = ground.create().await;
    let mut late = event(&installation, Action::SignIn, 1);
    late.at = Moment(NOW.0 - 86_400_000);
    installation.writer().record(late, Epoch::ANY).await.expect("recorded");
    ground.settle(&installation).await;
    let entries = installation.reader().entries(0, 10).await.expect("reads");
    let actions: Vec<(Action, Outcome)> = entries
        .iter()
        .map(|entry| opened(&installation, entry).event)
        .map(|event| (event.action, event.outcome))
        .collect();
    assert_eq!(actions[1], (Action::ClockBack, Outcome::Failed));
    assert_eq!(actions[2], (Action::SignIn, Outcome::Allowed));
    assert_eq!(opened(&installation, &entries[1]).event.amount, Some(86_400_000));
}

async fn a_person_can_be_named_until_erased(ground: Ground) {
    let (installation, _) = ground.create().await;
    installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    ground.settle(&installation).await;
    let entry = installation.reader().entries(1, 1).await.expect("reads").remove(0);
    let identity = |installation: &Installation| {
        let key = installation.keys().event_key().expect("a key");
        let subject_key = |subject| installation.keys().subject_key(subject, Make::Never).expect("reads");
        entry::open(&entry, &key, subject_key).expect("opens").identity
    };
    assert!(
        matches!(identity(&installation), Identity::Open(personal) if personal.name.as_deref() == Some(crate::NAME))
    );
    let gate = gate(&installation);
    let clock = crate::clock();
    let actor = cordon_domain::Actor::service(installation.itself());
    let care = cordon_store::care::Care::new(&gate, &installation, &*clock, actor, cordon_domain::Personal::default());
    care.erase(PrincipalId([1; 16]), "a test").await.expect("erased");
    assert_eq!(identity(&installation), Identity::Sealed(PrincipalId([1; 16])));
    // A later event of the erased person is recorded, and names them no more.
    installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    drop(gate);
    drop(installation);
    let again = ground.open().await.expect("opens");
    assert_eq!(identity(&again), Identity::Sealed(PrincipalId([1; 16])));
    ground.settle(&again).await;
    let last = again.reader().entries(3, 1).await.expect("reads").remove(0);
    assert_eq!(opened(&again, &last).identity, Identity::None);
}

on_both! {
    positions_and_sequences_have_no_gap_even_over_a_restart,
    a_search_finds_what_a_scan_finds,
    a_change_and_its_event_are_one,
    a_lowering_cannot_pass_for_a_raising,
    a_revocation_makes_older_decisions_stale,
    a_row_that_was_changed_beside_cordon_locks_its_object,
    a_bucket_is_grouped_by_labels_each_row_of_which_is_checked,
    a_bucket_of_many_pages_is_grouped_by_several_and_no_version_is_missed,
    a_clock_that_goes_back_a_day_is_an_event_and_breaks_nothing,
    a_person_can_be_named_until_erased,
}
