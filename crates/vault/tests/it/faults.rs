//! Faults: the machine dies at any step of a write, in the database or among the files; a disk is full, and then is not.
//!
//! Files that were written are not taken back: that they are synced is `object_store`'s. After each, what was acknowledged is read whole, a name leads to what was acknowledged last or to something that was on its
//! way then, and the vault goes on. `CORDON_FAULT_SEEDS` sets how many seeds are played, `CORDON_FAULT_SEED` plays one.

use std::collections::{BTreeMap, BTreeSet};

use cordon_domain::{Action, Bucket, Level, Outcome};
use cordon_testkit::{Chance, Disk, Plan, each_seed};
use cordon_vault::VaultError;

use crate::place::{ADA, Files, Place, name, writing};

/// What each name led to when that was acknowledged last, and what was written since without an answer.
#[derive(Default)]
struct Promised(BTreeMap<String, (Found, Vec<Found>)>);

/// What a name leads to.
type Found = Option<Vec<u8>>;

/// Bytes for the database, or for files: of one part, or of some.
fn body(chance: &mut Chance) -> Vec<u8> {
    let length = [10, 60_000, 70_000, 9 << 20][chance.below(4) as usize] + chance.below(1_000);
    let first = chance.below(256) as u8;
    (0..length).map(|at| first.wrapping_add((at % 251) as u8)).collect()
}

/// Writes, writes over and removes, whether or not it works.
async fn work(place: &Place, bucket: &Bucket, seed: u64, promised: &mut Promised) {
    let mut chance = Chance::new(seed);
    for _ in 0..8 {
        let key = format!("k{}", chance.below(4));
        let (last, since) = promised.0.entry(key.clone()).or_default();
        let (body, done) = match chance.below(4) {
            0 => (None, place.vault.remove(&place.asks(ADA), bucket, &name(&key), None).await.map(drop)),
            _ => {
                let body = body(&mut chance);
                let written = place.put(ADA, bucket, writing(&key), body.clone()).await;
                (Some(body), written.map(drop))
            }
        };
        match done {
            Ok(()) => (*last, *since) = (body, Vec::new()),
            Err(_) => since.push(body),
        }
    }
}

/// Looks whether every promise was kept.
async fn check(place: &Place, bucket: &Bucket, promised: &Promised) {
    for (key, (last, since)) in &promised.0 {
        let found = match place.get(ADA, bucket, key).await {
            Ok(found) => Some(found),
            Err(VaultError::NoObject) => None,
            Err(error) => panic!("{key}: {error}"),
        };
        let expected = found == *last || since.contains(&found);
        assert!(expected, "{key} has {:?} bytes", found.map(|found| found.len()));
    }
    let body = b"it goes on".to_vec();
    place.put(ADA, bucket, writing("after"), body.clone()).await.expect("written");
    assert_eq!(place.get(ADA, bucket, "after").await.expect("read"), body);
}

async fn play(seed: u64, plan: impl Fn(&mut Chance, u64, &Disk, &Files)) {
    let (place, disk) = Place::on_disk().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    let (place, files) = place.on_faulty_files();
    let mut promised = Promised::default();
    disk.plan(Plan::Sound);
    work(&place, &bucket, seed, &mut promised).await;
    let steps = disk.steps();
    plan(&mut Chance::new(seed), steps, &disk, &files);
    work(&place, &bucket, seed.wrapping_add(1), &mut promised).await;
    // A dead machine closes nothing in order.
    disk.plan(Plan::DeadAt(0));
    let place = place.after_a_power_loss(&disk, seed).await;
    check(&place, &bucket, &promised).await;
}

async fn play_all(what: &str, many: u64, plan: impl Fn(&mut Chance, u64, &Disk, &Files) + Copy) {
    each_seed(what, many, async |seed| play(seed, plan).await).await;
}

#[tokio::test]
async fn the_machine_dies_at_any_step_of_the_database() {
    play_all("dead", 12, |chance, steps, disk, _| disk.plan(Plan::DeadAt(chance.below(steps)))).await;
}

#[tokio::test]
async fn a_write_of_the_database_is_torn() {
    play_all("torn", 8, |chance, steps, disk, _| disk.plan(Plan::TornAt(chance.below(steps)))).await;
}

#[tokio::test]
async fn the_machine_dies_while_files_are_written() {
    play_all("files", 12, |chance, _, _, files| files.dead_at(chance.below(14))).await;
}

/// A store of files that is away gives and takes nothing; what is short needs none. It is all there when the store is.
#[tokio::test]
async fn files_that_are_away_are_neither_read_nor_written_and_lose_nothing() {
    let (place, _) = Place::on_disk().await;
    let bucket = place.bucket("notes", Level::Restricted).await;
    let (place, files) = place.on_faulty_files();
    let (long, short) = (vec![7; 200_000], vec![8; 1_000]);
    for (name, bytes) in [("long", &long), ("short", &short)] {
        place.put(ADA, &bucket, writing(name), bytes.clone()).await.expect("written");
    }
    files.go_away();
    let read = place.get(ADA, &bucket, "long").await;
    assert!(matches!(read, Err(VaultError::Unavailable(_))), "{read:?}");
    let written = place.put(ADA, &bucket, writing("another"), long.clone()).await;
    assert!(matches!(written, Err(VaultError::Unavailable(_))), "{written:?}");
    assert_eq!(place.get(ADA, &bucket, "short").await.expect("it needs no file"), short);
    files.come_back();
    assert_eq!(place.get(ADA, &bucket, "long").await.expect("it is back"), long);
    assert!(matches!(place.get(ADA, &bucket, "another").await, Err(VaultError::NoObject)));
    place.put(ADA, &bucket, writing("another"), long).await.expect("it goes on");
}

/// Without room for files long objects are refused and short ones go on; without room for the database nothing is written, and
/// what is confidential is not read. Nothing need be done afterwards.
#[tokio::test]
async fn what_has_no_room_is_refused_and_goes_on_when_there_is() {
    let (place, disk) = Place::on_disk().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    let guarded = place.bucket("guarded", Level::Confidential).await;
    let (place, files) = place.on_faulty_files();
    let (long, short) = (vec![7; 200_000], vec![8; 1_000]);
    for bucket in [&bucket, &guarded] {
        place.put(ADA, bucket, writing("before"), long.clone()).await.expect("written");
    }
    files.dead_at(0);
    let refused = place.put(ADA, &bucket, writing("long"), long.clone()).await;
    assert!(matches!(refused, Err(VaultError::Unavailable(_))), "{refused:?}");
    assert!(matches!(place.get(ADA, &bucket, "long").await, Err(VaultError::NoObject)));
    place.put(ADA, &bucket, writing("short"), short.clone()).await.expect("it needs no file");
    assert_eq!(place.get(ADA, &bucket, "before").await.expect("read"), long);
    files.dead_at(u64::MAX);
    place.put(ADA, &bucket, writing("long"), long.clone()).await.expect("there is room again");

    disk.plan(Plan::FullAt(0));
    assert!(place.put(ADA, &bucket, writing("full"), short.clone()).await.is_err());
    assert!(place.put(ADA, &bucket, writing("before"), short.clone()).await.is_err(), "nor over what is there");
    assert!(place.get(ADA, &guarded, "before").await.is_err(), "it could not be recorded");
    assert_eq!(place.get(ADA, &bucket, "before").await.expect("internal reads go on"), long);
    disk.plan(Plan::Sound);
    assert_eq!(place.get(ADA, &guarded, "before").await.expect("read"), long);
    assert_eq!(place.get(ADA, &bucket, "before").await.expect("read"), long);
    assert!(matches!(place.get(ADA, &bucket, "full").await, Err(VaultError::NoObject)));
    place.put(ADA, &bucket, writing("full"), short).await.expect("there is room again");
    let gaps = place.events(Action::LogGap).await;
    assert!(gaps.iter().any(|event| event.amount.is_some_and(|count| count >= 1)), "what went unrecorded is counted");
}

/// A read is counted by the transaction that records it: whenever the machine dies, as many are counted as are on record, and none was
/// read that is not.
#[tokio::test]
async fn as_many_reads_are_counted_as_are_on_record() {
    const A_MINUTE: usize = 20;
    each_seed("counted", 12, async |seed| {
        let (place, disk) = Place::on_disk().await;
        let bucket = place.bucket("secrets", Level::Restricted).await;
        for number in 0..40 {
            place.put(ADA, &bucket, writing(&format!("{number}")), b"a draft".to_vec()).await.expect("written");
        }
        let reads = async |place: &Place, of: std::ops::Range<usize>| {
            let mut read = 0;
            for number in of {
                read += usize::from(place.get(ADA, &bucket, &format!("{number}")).await.is_ok());
            }
            read
        };
        disk.plan(Plan::Sound);
        let before = reads(&place, 0..3).await;
        disk.plan(Plan::DeadAt(Chance::new(seed).below(4 * disk.steps())));
        let read = before + reads(&place, 3..15).await;
        disk.plan(Plan::DeadAt(0));
        let place = place.after_a_power_loss(&disk, seed).await;
        let events = place.events(Action::ObjectRead).await.into_iter();
        let allowed = events.filter(|event| event.outcome == Outcome::Allowed);
        let told: BTreeSet<_> = allowed.filter_map(|event| event.target.version).collect();
        assert!((read..=15).contains(&told.len()), "{read} were read, and {} are on record", told.len());
        assert_eq!(reads(&place, 15..40).await, A_MINUTE - told.len(), "what is left of a minute");
    })
    .await;
}
