//! Rotation, rewrapping and shredding: what opens afterwards, and what does not.

use cordon_domain::{Actor, Level, Moment, Personal};
use cordon_gate::Request;
use cordon_gate::act::Read;
use cordon_keys::{KeyName, KeyRef};
use cordon_store::Installation;
use cordon_store::care::Care;

use crate::{BUCKET, Ground, clock, facts, gate, on_both, target, version, write};

async fn opens(installation: &Installation, number: u64, level: Level) -> bool {
    let Ok(Some(row)) = installation.reader().object(installation.keys(), version(number)).await else { return false };
    let receipt = gate(installation).read(Request::<Read>::new(facts(target(number, level)))).await.expect("allowed");
    let key = installation.keys().bucket_key(row.wrap().under);
    key.is_ok_and(|key| key.open(receipt, &row.wrap(), &row.manifest).is_ok())
}

async fn rotation_and_rewrapping_touch_no_object_and_old_versions_go(ground: Ground) {
    let (installation, _) = ground.create().await;
    for number in 0..30 {
        write(&installation, number, Level::Confidential).await.expect("written");
    }
    let gate = gate(&installation);
    let clock = clock();
    let care = Care::new(&gate, &installation, &*clock, Actor::service(installation.itself()), Personal::default());
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
    let gate = gate(&installation);
    let clock = clock();
    let care = Care::new(&gate, &installation, &*clock, Actor::service(installation.itself()), Personal::default());
    let certificate = care.shred(BUCKET, version(2)).await.expect("shredded");
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    assert_eq!(certificate.destroyed, [KeyRef { name, version: 1 }]);
    assert_eq!((certificate.rewrapped, certificate.could_be_opened_until), (4, None::<Moment>));
    let leaf = certificate.recorded.expect("by this run").leaf_hash;
    ground.settle(&installation).await;
    let entries = installation.reader().entries(0, 100).await.expect("reads");
    assert!(entries.iter().any(|entry| cordon_ledger::Hash::leaf(entry).0 == leaf), "its event is in the log");
    assert!(!opens(&installation, 2, Level::Restricted).await);
    for number in [0, 1, 3, 4] {
        assert!(opens(&installation, number, Level::Restricted).await, "{number}");
    }
    // The row from a backup of the data: its wrap is whole, and the key that made it is gone.
    assert!(installation.keys().bucket_key(kept.wrap().under).is_err());
    let again = care.shred(BUCKET, version(2)).await.expect("goes on where it stopped");
    assert_eq!((again.destroyed, again.rewrapped, again.recorded), (Vec::new(), 0, None), "nothing was left to do");
    assert!(care.shred(BUCKET, version(9)).await.is_err(), "there is no such version");
}

async fn a_version_that_a_broken_off_run_left_is_destroyed_by_the_next(ground: Ground) {
    let (installation, _) = ground.create().await;
    write(&installation, 1, Level::Restricted).await.expect("written");
    let gate = gate(&installation);
    let clock = clock();
    let care = Care::new(&gate, &installation, &*clock, Actor::service(installation.itself()), Personal::default());
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
}
