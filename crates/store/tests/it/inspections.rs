//! What is known of versions by looking into them: found by what waits, written with the label, and with nothing but that.

use cordon_domain::{Action, ContentDigest, Inspected, Inspection, Label, Level, Looked, Original, Prints, VersionId};
use cordon_gate::act::{Changes, Delete, ForgetPrints, Inspect, Raise, Write};
use cordon_gate::{Denial, Facts, JournalError, Request};
use cordon_keys::KeyName;
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Said;
use cordon_store::inspections::{Look, Wanted};
use cordon_store::limits::{INSPECTIONS_ROWS, LIST_ROWS_MAX};
use cordon_store::listing::Listing;
use cordon_store::prints::Rank;
use cordon_store::{Change, Installation, ObjectRow};

use crate::{BUCKET, Ground, NOW, facts, gate, label, named, on_both, row, target, version};

on_both!(
    what_waits_is_found_until_it_was_looked_into,
    a_label_and_what_was_found_are_written_together_or_not_at_all,
    many_that_wait_are_found_in_turns,
    by_what_copies_are_recognised_comes_and_goes_with_its_version,
);

async fn change<A: Changes>(
    installation: &Installation,
    number: u64,
    level: Level,
    change: Change,
) -> Result<(), Denial> {
    let request = cordon_domain::RequestId::draw(&mut SystemEntropy);
    let facts = Facts { request, beside: change.beside(), ..facts(target(number, level)) };
    gate(installation).change(Request::<A>::new(facts), change).await.map(drop)
}

async fn write(installation: &Installation, number: u64, inspection: Option<Inspection>) {
    let mut new = named(row(installation, number, Level::Internal).await.expect("made"), &format!("{number}"));
    new.said.inspection = inspection;
    change::<Write>(installation, number, Level::Internal, Change::Write(Box::new(new))).await.expect("written");
}

async fn waiting(installation: &Installation, wanted: Wanted) -> Vec<VersionId> {
    let page = installation.reader().inspections(installation.keys(), wanted, None).await.expect("reads");
    assert_eq!(page.next, None);
    page.found.iter().map(|(entry, _)| entry.version).collect()
}

fn done(looked: Looked, before: Option<Label>) -> Inspection {
    Inspection::Done(Box::new(Inspected { before, ..Inspected::at(NOW, looked) }))
}

fn look(from: Inspection, to: Inspection) -> Box<Look> {
    Box::new(Look { from, to, original: None, content: None })
}

async fn what_waits_is_found_until_it_was_looked_into(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, None).await;
    write(&installation, 2, Some(Inspection::Pending)).await;
    write(&installation, 3, Some(Inspection::Pending)).await;
    write(&installation, 4, Some(done(Looked::default(), None))).await;
    assert_eq!(waiting(&installation, Wanted::Pending).await, [version(2), version(3)]);
    assert_eq!(waiting(&installation, Wanted::Held).await, []);
    let clean = done(Looked::default(), None);
    let inspect = |number, from: Inspection, to: Inspection| Change::Inspect {
        bucket: BUCKET,
        version: version(number),
        look: look(from, to),
    };
    let looked = inspect(2, Inspection::Pending, clean.clone());
    change::<Inspect>(&installation, 2, Level::Internal, looked.clone()).await.expect("looked");
    assert_eq!(waiting(&installation, Wanted::Pending).await, [version(3)]);
    let again = change::<Inspect>(&installation, 2, Level::Internal, looked).await;
    assert!(matches!(again, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "{again:?}");
    let unreadable = inspect(3, Inspection::Pending, done(Looked::unreadable(), Some(label(Level::Public))));
    let other = change::<Inspect>(&installation, 3, Level::Restricted, unreadable.clone()).await;
    assert!(matches!(other, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "another label: {other:?}");
    change::<Inspect>(&installation, 3, Level::Internal, unreadable).await.expect("looked");
    assert_eq!(waiting(&installation, Wanted::Held).await, [version(3)]);
    drop(installation);
    let again = ground.open().await.expect("opens");
    assert_eq!(waiting(&again, Wanted::Held).await, [version(3)]);
    let (entry, _) = again.reader().version(again.keys(), version(2)).await.expect("reads").expect("there");
    assert_eq!(entry.said.inspection, Some(clean));
}

async fn a_label_and_what_was_found_are_written_together_or_not_at_all(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, Some(Inspection::Pending)).await;
    let key = installation.keys().prepare_version(KeyName::Bucket(BUCKET, Level::Confidential)).expect("made");
    let raise = |from, key_version| Change::Relabel {
        bucket: BUCKET,
        version: version(1),
        action: Action::LabelRaise,
        label: label(Level::Confidential),
        key_version,
        look: Some(look(from, done(Looked::unreadable(), Some(label(Level::Internal))))),
    };
    let state = async || {
        let (entry, row) =
            installation.reader().version(installation.keys(), version(1)).await.expect("reads").expect("there");
        (entry.said.is_pending(), row.expect("there").label.level)
    };
    let moved = raise(done(Looked::default(), None), key.version);
    let refused = change::<Raise>(&installation, 1, Level::Internal, moved).await;
    assert!(matches!(refused, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "{refused:?}");
    assert_eq!(state().await, (true, Level::Internal));
    let no_key = raise(Inspection::Pending, key.version + 1);
    change::<Raise>(&installation, 1, Level::Internal, no_key).await.expect_err("there is no such key");
    assert_eq!(state().await, (true, Level::Internal), "neither");
    change::<Raise>(&installation, 1, Level::Internal, raise(Inspection::Pending, key.version)).await.expect("raised");
    assert_eq!(state().await, (false, Level::Confidential), "both");
}

async fn many_that_wait_are_found_in_turns(ground: Ground) {
    let (installation, _) = ground.create().await;
    let count = INSPECTIONS_ROWS + 3;
    for number in 1..=count {
        write(&installation, number, Some(Inspection::Pending)).await;
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = installation.reader().inspections(installation.keys(), Wanted::Pending, after).await.expect("reads");
        all.extend(page.found.iter().map(|(entry, _)| entry.version));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(all, (1..=count).map(version).collect::<Vec<_>>());
    let waits = installation.reader().waiting().await.expect("reads");
    assert_eq!(waits, Some((version(1), version(count))));
}

/// Recognised by so many passages, and by a content of that byte.
fn original(count: u8) -> Option<Original> {
    let mut prints = Prints::default();
    (0..count.into()).for_each(|number| prints.push(u64::from(number) << 33, number));
    Some(Original { prints, content: Some(ContentDigest([count; 16])) })
}

async fn by_what_copies_are_recognised_comes_and_goes_with_its_version(ground: Ground) {
    let (installation, _) = ground.create().await;
    let read = async |known: Option<u64>, most| {
        let all = installation
            .reader()
            .prints(installation.keys(), known, |_, _| Some(Rank::Restricted), most)
            .await
            .expect("reads")?;
        let lines = all.all.into_iter().map(|(version, label, prints)| (version, label.level, prints.len()));
        Some((all.changes, lines.collect::<Vec<_>>(), all.more))
    };
    let everything = (100, 1000);
    assert_eq!(read(None, everything).await, Some((0, Vec::new(), false)));
    assert_eq!(read(Some(0), everything).await, None, "nothing changed");
    let mut first = named(row(&installation, 1, Level::Internal).await.expect("made"), "1");
    first.original = original(5);
    change::<Write>(&installation, 1, Level::Internal, Change::Write(Box::new(first))).await.expect("written");
    write(&installation, 2, Some(Inspection::Pending)).await;
    write(&installation, 3, None).await;
    let of = async |content| installation.reader().with_content(ContentDigest(content), 9).await.expect("reads");
    assert_eq!(of([5; 16]).await, [version(1)]);
    let looked = Look { original: original(7), ..*look(Inspection::Pending, done(Looked::default(), None)) };
    let inspect = Change::Inspect { bucket: BUCKET, version: version(2), look: Box::new(looked) };
    change::<Inspect>(&installation, 2, Level::Internal, inspect).await.expect("looked");
    let both = vec![(version(1), Level::Internal, 5), (version(2), Level::Internal, 7)];
    assert_eq!(read(Some(0), everything).await, Some((2, both.clone(), false)));
    assert_eq!(read(None, (1, 1000)).await, Some((2, both[..1].to_vec(), true)), "one version");
    assert_eq!(read(None, (100, 11)).await, Some((2, both[..1].to_vec(), true)), "not so many");
    let rank = |_: &Said, row: &ObjectRow| Some(if row.version == version(1) { Rank::Asked } else { Rank::Bucket });
    for (most, expected) in [((1, 1000), vec![version(2)]), (everything, vec![version(2), version(1)])] {
        let all = installation.reader().prints(installation.keys(), None, rank, most).await.expect("reads");
        let all = all.expect("something");
        let more = expected.len() < 2;
        assert_eq!((all.all.iter().map(|one| one.0).collect::<Vec<_>>(), all.more), (expected, more));
    }
    let waits = installation.reader().waiting().await.expect("reads");
    assert_eq!(waits, None, "nobody waits any more");
    let key = installation.keys().prepare_version(KeyName::Bucket(BUCKET, Level::Confidential)).expect("made");
    let raise = Change::Relabel {
        bucket: BUCKET,
        version: version(1),
        action: Action::LabelRaise,
        label: label(Level::Confidential),
        key_version: key.version,
        look: None,
    };
    change::<Raise>(&installation, 1, Level::Internal, raise).await.expect("raised");
    let listed = installation
        .reader()
        .list(installation.keys(), BUCKET, &Listing::default(), LIST_ROWS_MAX)
        .await
        .expect("whole")
        .found;
    let label_of =
        |number| listed.iter().find(|(entry, _)| entry.version == version(number)).map(|(_, label)| label.level);
    assert_eq!((label_of(1), label_of(2)), (Some(Level::Confidential), Some(Level::Internal)), "lists know, too");
    let raised = vec![(version(1), Level::Confidential, 5), both[1]];
    assert_eq!(read(Some(2), everything).await, Some((3, raised.clone(), false)));
    assert_eq!(of([7; 16]).await, [version(2)]);
    let delete = |number| Change::Delete { bucket: BUCKET, version: version(number), from: Vec::new() };
    change::<Delete>(&installation, 3, Level::Internal, delete(3)).await.expect("deleted");
    assert_eq!(read(Some(3), everything).await, None, "it was not recognised");
    change::<Delete>(&installation, 2, Level::Internal, delete(2)).await.expect("deleted");
    assert_eq!(read(Some(3), everything).await, Some((4, raised[..1].to_vec(), false)));
    assert_eq!((of([5; 16]).await, of([7; 16]).await), (vec![version(1)], Vec::new()));
    let forget = || Change::ForgetPrints { bucket: BUCKET, version: version(1) };
    change::<ForgetPrints>(&installation, 1, Level::Confidential, forget()).await.expect("forgotten");
    assert_eq!(of([5; 16]).await, Vec::new());
    let again = change::<ForgetPrints>(&installation, 1, Level::Confidential, forget()).await;
    assert!(again.is_err(), "there is nothing to forget");
}
