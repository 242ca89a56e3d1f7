//! Rotation, rewrapping and shredding: what opens afterwards, and what does not.

use std::ops::RangeInclusive;

use cordon_domain::id::hex;
use cordon_domain::limits::PAYLOAD_BYTES_MAX;
use cordon_domain::{Actor, Level, Moment, Payload, Personal};
use cordon_gate::act::{Read, Shred};
use cordon_gate::{Denial, Gate, JournalError, Request};
use cordon_keys::{KeyName, KeyRef};
use cordon_store::care::{Care, Why};
use cordon_store::limits::COPY_PAYLOADS;
use cordon_store::{Change, Installation, StoreError, Writer};
use cordon_testkit::SetClock;
use cordon_testkit::trust::Always;

use crate::{BUCKET, Ground, clock, facts, gate, on_both, target, version, write};

async fn opens(installation: &Installation, number: u64, level: Level) -> bool {
    let Ok(Some(row)) = installation.reader().object(installation.keys(), version(number)).await else { return false };
    let receipt = gate(installation).read(Request::<Read>::new(facts(target(number, level)))).await.expect("allowed");
    let key = installation.keys().bucket_key(row.wrap().under);
    key.is_ok_and(|key| key.open(receipt, &row.wrap(), &row.manifest).is_ok())
}

fn care<'a>(gate: &'a Gate<Always, Writer>, installation: &'a Installation, clock: &'a SetClock) -> Care<'a, Always> {
    Care::new(gate, installation, clock, Actor::service(installation.itself()), Personal::default())
}

async fn with_restricted(ground: &Ground, numbers: RangeInclusive<u64>) -> Installation {
    let (installation, _) = ground.create().await;
    for number in numbers {
        write(&installation, number, Level::Restricted).await.expect("written");
    }
    installation
}

async fn rotation_and_rewrapping_touch_no_object_and_old_versions_go(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in 0..30 {
        write(&installation, number, Level::Confidential).await.expect("written");
    }
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    let name = KeyName::Bucket(BUCKET, Level::Confidential);
    let uses = installation.keys().store().uses(KeyRef { name, version: 1 }).expect("reads");
    assert!((30..=1024).contains(&uses), "{uses}: counted ahead, in blocks");
    let next = care.rotate(name).await.expect("rotated");
    assert_eq!(next.version, 2);
    assert!(opens(&installation, 3, Level::Confidential).await, "old wraps still open");
    write(&installation, 100, Level::Confidential).await.expect("written under the new version");
    assert_eq!(care.rewrap(BUCKET, Level::Confidential).await.expect("rewrapped"), 30);
    let active = installation.reader().active_key(installation.keys(), name).await.expect("reads").expect("there");
    assert_eq!((active.active, active.least), (2, 2));
    assert_eq!(installation.keys().store().key(KeyRef { name, version: 1 }).expect("reads"), None, "destroyed");
    for number in (0..30).chain([100]) {
        assert!(opens(&installation, number, Level::Confidential).await, "{number}");
    }
    // A level key: buckets move at once, and the old version goes.
    let level = care.rotate(KeyName::Level(Level::Confidential)).await.expect("rotated");
    assert_eq!(level.version, 2);
    let bucket = installation.keys().store().key(KeyRef { name, version: 2 }).expect("reads").expect("there");
    assert_eq!(bucket.parent_version, 2);
    drop(gate);
    drop(installation);
    let again = ground.open().await.expect("opens");
    assert!(opens(&again, 3, Level::Confidential).await, "over a restart, too");
}

async fn a_shredded_version_opens_for_nobody_even_from_a_backup_of_the_data(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in 0..5 {
        write(&installation, number, Level::Restricted).await.expect("written");
    }
    let kept = installation.reader().object(installation.keys(), version(2)).await.expect("reads").expect("there");
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    let shredded = care.shred(BUCKET, version(2), Why::default()).await.expect("shredded");
    let certificate = shredded.certificate;
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    assert_eq!(certificate.destroyed, KeyRef { name, version: 1 });
    assert_eq!((certificate.rewrapped, certificate.could_be_opened_until), (4, None::<Moment>));
    let leaf = certificate.recorded.expect("by this run").leaf_hash;
    ground.settle(&installation).await;
    let entries = installation.reader().entries(0, 100).await.expect("reads");
    assert!(entries.iter().any(|entry| cordon_ledger::Hash::leaf(entry).0 == leaf), "its event is in the log");
    let certified = shredded.certified.leaf_hash;
    let (kept_beside, stated) = beside(&installation, certified).await;
    assert_eq!(kept_beside.expect("kept"), certificate.json().to_string().into_bytes());
    ground
        .beside(&format!(
            "UPDATE payloads SET sealed = CAST(x'00000001' || sealed AS BLOB) WHERE leaf = x'{}'",
            hex(&certified)
        ))
        .await;
    assert!(matches!(beside(&installation, certified).await.0, Err(StoreError::Integrity(_))), "{stated:?}");
    ground.beside("DELETE FROM payloads").await;
    assert!(matches!(beside(&installation, certified).await.0, Err(StoreError::Integrity(_))), "it is missed");
    assert!(!opens(&installation, 2, Level::Restricted).await);
    for number in [0, 1, 3, 4] {
        assert!(opens(&installation, number, Level::Restricted).await, "{number}");
    }
    // The row from a backup of the data: its wrap is whole, and the key that made it is gone.
    assert!(installation.keys().bucket_key(kept.wrap().under).is_err());
    let again = care.shred(BUCKET, version(2), Why::default()).await.expect("goes on where it stopped");
    assert_eq!(again.certified.leaf_hash, certified, "one certificate, however often it is asked for");
    let again = again.certificate;
    assert_eq!((again.destroyed, again.rewrapped), (certificate.destroyed, 0), "nothing was left to do");
    assert_eq!(again.recorded.expect("found in the log").leaf_hash, leaf);
    assert!(care.shred(BUCKET, version(9), Why::default()).await.is_err(), "there is no such version");
}

/// What stands beside the event with this leaf hash, and what the event states of it.
async fn beside(installation: &Installation, leaf: [u8; 32]) -> (Result<Vec<u8>, StoreError>, Payload) {
    let entries = installation.reader().entries(0, 100).await.expect("reads");
    let entry = entries.iter().find(|entry| cordon_ledger::Hash::leaf(entry).0 == leaf).expect("in the log");
    let stated = cordon_ledger::entry::open(entry, &installation.keys().event_key().expect("a key"), |_| None);
    let stated = stated.expect("opens").event.payload.expect("something stands beside it");
    (installation.reader().payload(installation.keys(), leaf, &stated).await, stated)
}

async fn a_row_put_back_from_an_older_copy_is_locked(ground: Ground) {
    let installation = with_restricted(&ground, 1..=2).await;
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    ground.beside("CREATE TABLE older AS SELECT * FROM objects").await;
    care.rotate(KeyName::Bucket(BUCKET, Level::Restricted)).await.expect("rotated");
    assert!(opens(&installation, 1, Level::Restricted).await, "older versions unwrap until all has moved");
    care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped");
    let one = format!("version = x'{}'", hex(&version(1).0));
    ground.beside(&format!("DELETE FROM objects WHERE {one}")).await;
    ground.beside(&format!("INSERT INTO objects SELECT * FROM older WHERE {one}")).await;
    let refused = installation.reader().object(installation.keys(), version(1)).await.expect_err("put back");
    assert!(refused.to_string().contains("was put back"), "{refused}");
    assert_eq!(care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped"), 0, "it is left where it is");
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    let active = installation.reader().active_key(installation.keys(), name).await.expect("reads").expect("there");
    assert_eq!(installation.reader().wraps(&active).await.expect("counts").locked, 1);
    assert!(opens(&installation, 2, Level::Restricted).await, "others are not locked");
    care.shred(BUCKET, version(2), Why::default()).await.expect("and can be shredded");
}

/// The row is put back in the transaction that deletes it, so that it is there before anything is wrapped anew.
#[tokio::test]
async fn a_version_that_was_shredded_stays_so_whatever_row_stands_there_again() {
    let ground = Ground::sqlite();
    let installation = with_restricted(&ground, 1..=3).await;
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    let columns = "version, bucket, level, label, key_version, wrapped, manifest, mac, began, began_at";
    let old = columns.split(", ").map(|column| format!("old.{column}")).collect::<Vec<_>>().join(", ");
    let trigger = format!(
        "CREATE TRIGGER back AFTER DELETE ON objects BEGIN INSERT INTO objects ({columns}) VALUES ({old}); END"
    );
    ground.beside(&trigger).await;
    care.shred(BUCKET, version(2), Why::default()).await.expect("shredded");
    assert_eq!(ground.count("SELECT count(*) FROM objects").await, 3, "it is there again");
    assert!(!opens(&installation, 2, Level::Restricted).await);
    let stands = "SELECT key_version FROM objects WHERE version IN (SELECT version FROM shredded)";
    assert_eq!(ground.count(stands).await, 1, "and was not wrapped anew");
    assert!(opens(&installation, 1, Level::Restricted).await && opens(&installation, 3, Level::Restricted).await);
    assert_eq!(ground.beside("UPDATE shredded SET key_version = 7").await, 1);
    assert!(care.shred(BUCKET, version(2), Why::default()).await.is_err(), "what says so carries a MAC");
}

async fn what_a_broken_off_shredding_left_undone_is_done_and_certified(ground: Ground) {
    let installation = with_restricted(&ground, 1..=2).await;
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    // The transaction, as if the process had ended after it; and another run that rewraps meanwhile.
    let next_key = installation.keys().prepare_version(name).expect("made").version;
    let change = Change::Shred { bucket: BUCKET, version: version(1), next_key };
    let receipt = gate.change(Request::<Shred>::new(facts(target(1, Level::Restricted))), change).await.expect("begun");
    let begun = receipt.recorded().expect("recorded").leaf_hash;
    ground.settle(&installation).await;
    care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped");
    let shredded = care.shred(BUCKET, version(1), Why::default()).await.expect("goes on");
    assert_eq!(shredded.certificate.destroyed, KeyRef { name, version: 1 });
    assert_eq!(shredded.certificate.recorded.expect("found in the log").leaf_hash, begun);
    ground.settle(&installation).await;
    let (kept, _) = beside(&installation, shredded.certified.leaf_hash).await;
    assert_eq!(kept.expect("kept"), shredded.certificate.json().to_string().into_bytes());
}

async fn an_event_with_too_much_beside_it_is_refused_alone(ground: Ground) {
    let (installation, _) = ground.create().await;
    let gate = gate(&installation);
    let read = |beside: Vec<u8>| {
        let facts = cordon_gate::Facts { beside, ..facts(target(1, Level::Public)) };
        gate.read(Request::<Read>::new(facts))
    };
    let (large, small) = tokio::join!(read(vec![7; PAYLOAD_BYTES_MAX + 1]), read(vec![7; PAYLOAD_BYTES_MAX]));
    assert!(matches!(large.expect_err("too large"), Denial::NotRecorded(JournalError::Conflict(_))));
    assert!(small.is_ok());
    ground.settle(&installation).await;
    let leaf = small.expect("recorded").recorded().expect("recorded").leaf_hash;
    assert_eq!(beside(&installation, leaf).await.0.expect("kept").len(), PAYLOAD_BYTES_MAX);
}

async fn what_stands_beside_events_is_in_a_backup(ground: Ground) {
    let (installation, _) = ground.create().await;
    let (gate, clock) = (gate(&installation), clock());
    for number in 0..=COPY_PAYLOADS as u8 {
        let facts = cordon_gate::Facts { beside: vec![number; 100], ..facts(target(1, Level::Public)) };
        let _receipt = gate.read(Request::<Read>::new(facts)).await.expect("allowed");
    }
    ground.settle(&installation).await;
    let care = care(&gate, &installation, &clock);
    care.back_up(&ground.path().join("backup"), None).await.expect("backed up");
    let file = rusqlite::Connection::open(ground.path().join("backup/cordon.db")).expect("opens");
    let mut query = file.prepare("SELECT leaf, sealed FROM payloads ORDER BY leaf").expect("reads");
    let copied = query.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))).expect("reads");
    let copied: Vec<_> = copied.map(|row| row.expect("a row")).collect();
    assert_eq!(copied.len() as u64, COPY_PAYLOADS + 1, "more than are copied at once");
    let entries = installation.reader().entries(0, 200).await.expect("reads");
    let key = installation.keys().event_key().expect("a key");
    for (leaf, sealed) in copied {
        let entry =
            entries.iter().find(|entry| cordon_ledger::Hash::leaf(entry).0.as_slice() == leaf).expect("its event");
        let stated = cordon_ledger::entry::open(entry, &key, |_| None).expect("opens").event.payload.expect("stated");
        assert_eq!(cordon_ledger::payload::open(&stated, &sealed, &key).expect("whole").len(), 100);
    }
}

async fn a_version_that_a_broken_off_run_left_is_destroyed_by_the_next(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, Level::Restricted).await.expect("written");
    let (gate, clock) = (gate(&installation), clock());
    let care = care(&gate, &installation, &clock);
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    let old = installation.keys().store().key(KeyRef { name, version: 1 }).expect("reads").expect("there");
    care.rotate(name).await.expect("rotated");
    care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped");
    // As if the process had ended between the last batch and the deletion.
    installation.keys().store().put(&[old], &[]).expect("put back");
    care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped");
    assert_eq!(installation.keys().store().key(KeyRef { name, version: 1 }).expect("reads"), None);
}

on_both! {
    rotation_and_rewrapping_touch_no_object_and_old_versions_go,
    a_shredded_version_opens_for_nobody_even_from_a_backup_of_the_data,
    a_version_that_a_broken_off_run_left_is_destroyed_by_the_next,
    a_row_put_back_from_an_older_copy_is_locked,
    what_a_broken_off_shredding_left_undone_is_done_and_certified,
    an_event_with_too_much_beside_it_is_refused_alone,
    what_stands_beside_events_is_in_a_backup,
}
