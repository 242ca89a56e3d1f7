//! The sequencer: what it publishes, and when it must not sign.

use cordon_domain::Action;
use cordon_gate::{Epoch, Journal as _};
use cordon_ledger::audit::{Walk, walk};
use cordon_store::log::LogFolder;
use cordon_store::{Installation, StoreError};

use crate::{Ground, event, on_both};

fn walked(installation: &Installation) -> Walk {
    let key = installation.log_key().expect("a key");
    walk(&mut LogFolder(installation.places().log()), &key, &[], |_, _, _| {}).expect("readable")
}

async fn record(installation: &Installation, count: usize) {
    let recorded = (0..count).map(|_| installation.writer().record(event(installation, Action::SignIn, 1), Epoch::ANY));
    for outcome in futures_util::future::join_all(recorded).await {
        outcome.expect("recorded");
    }
}

async fn what_is_recorded_is_published_and_verifies(ground: Ground) {
    let (installation, _) = ground.create().await;
    let mut sequencer = installation.sequencer().await.expect("takes over");
    for count in [1, 300, 5, 700] {
        record(&installation, count).await;
        sequencer.publish().await.expect("published").expect("something new");
        let walk = walked(&installation);
        assert_eq!((walk.faults, walk.entries), (Vec::new(), installation.reader().size().await.expect("reads")));
    }
    assert!(sequencer.publish().await.expect("nothing to do").is_none());
    let partial = installation.places().log().join("tile/0/000.p");
    let left = std::fs::read_dir(&partial).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0, "partial tiles go once the full one is there");
    drop(sequencer);
    drop(installation);
    let again = ground.open().await.expect("opens");
    record(&again, 10).await;
    again.sequencer().await.expect("takes over").publish().await.expect("published").expect("something new");
    assert_eq!(walked(&again).faults, []);
}

#[tokio::test]
async fn of_two_sequencers_the_older_signs_nothing() {
    let ground = Ground::sqlite();
    let (installation, _) = ground.create().await;
    let mut first = installation.sequencer().await.expect("takes over");
    record(&installation, 10).await;
    first.publish().await.expect("published").expect("something new");
    record(&installation, 10).await;
    // The first is paused; a second takes over, publishes; the first wakes.
    let mut second = installation.sequencer().await.expect("takes over");
    let refused = first.publish().await.expect_err("refused");
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    second.publish().await.expect("published").expect("something new");
    record(&installation, 10).await;
    assert!(first.publish().await.is_err(), "and never again");
    second.publish().await.expect("published").expect("something new");
    assert_eq!(walked(&installation).faults, []);
}

async fn a_shorter_database_is_not_signed_over(ground: Ground) {
    let (installation, _) = ground.create().await;
    record(&installation, 20).await;
    installation.sequencer().await.expect("takes over").publish().await.expect("published");
    drop(installation);
    ground.beside("DELETE FROM events WHERE position > 10").await;
    let refused = ground.open().await.err().expect("refused");
    assert_eq!(refused.to_string(), "the log has 11 entries, and a checkpoint for 21 was signed: entries are lost");
}

async fn a_database_that_was_put_back_and_grew_again_is_not_signed_over(ground: Ground) {
    let (installation, _) = ground.create().await;
    record(&installation, 20).await;
    installation.sequencer().await.expect("takes over").publish().await.expect("published");
    ground.beside("DELETE FROM events WHERE position > 10").await;
    let refill = "INSERT INTO events SELECT position + 10, entry, leaf, at, actor, object, action FROM events
                  WHERE position BETWEEN 1 AND 10";
    ground.beside(refill).await;
    let refused = installation.sequencer().await.err().expect("refused");
    assert_eq!(refused.to_string(), "event 11 in the database is not the one that was signed");
}

/// The same at a border of bundles, where no partial bundle is left to compare.
async fn a_database_that_was_put_back_is_noticed_at_a_full_bundle_too(ground: Ground) {
    let (installation, _) = ground.create().await;
    record(&installation, 255).await;
    installation.sequencer().await.expect("takes over").publish().await.expect("published");
    ground.beside("DELETE FROM events WHERE position > 250").await;
    let refill = "INSERT INTO events SELECT position + 10, entry, leaf, at, actor, object, action FROM events
                  WHERE position BETWEEN 241 AND 250";
    ground.beside(refill).await;
    let refused = installation.sequencer().await.err().expect("refused");
    assert_eq!(refused.to_string(), "event 251 in the database is not the one that was signed");
}

async fn damaged_tiles_are_made_anew_from_the_entries_and_damaged_entries_stop_the_log(ground: Ground) {
    let (installation, _) = ground.create().await;
    record(&installation, 299).await;
    installation.sequencer().await.expect("takes over").publish().await.expect("published");
    let tile = installation.places().log().join("tile/0/001.p/44");
    let mut bytes = std::fs::read(&tile).expect("there");
    bytes[40] ^= 1;
    std::fs::write(&tile, bytes).expect("damaged");
    let mut sequencer = installation.sequencer().await.expect("takes over, from the entries");
    record(&installation, 1).await;
    sequencer.publish().await.expect("published").expect("something new");
    assert_eq!(walked(&installation).faults, []);
    record(&installation, 5).await;
    let flip = "SET entry = CAST(substr(entry, 1, 60) || x'00000000' || substr(entry, 65) AS BLOB)";
    if ground.beside(&format!("UPDATE events {flip} WHERE position = 303")).await == 0 {
        // It has no position yet.
        let third = "id = (SELECT id FROM incoming ORDER BY id LIMIT 1 OFFSET 2)";
        assert_eq!(ground.beside(&format!("UPDATE incoming {flip} WHERE {third}")).await, 1);
    }
    let refused = sequencer.publish().await.expect_err("refused");
    assert_eq!(refused.to_string(), "event 303 was changed in the database");
    assert_eq!(walked(&installation).checkpoint.expect("signed").size, 301, "nothing is signed over it");
}

on_both! {
    what_is_recorded_is_published_and_verifies,
    a_shorter_database_is_not_signed_over,
    a_database_that_was_put_back_and_grew_again_is_not_signed_over,
    a_database_that_was_put_back_is_noticed_at_a_full_bundle_too,
    damaged_tiles_are_made_anew_from_the_entries_and_damaged_entries_stop_the_log,
}
