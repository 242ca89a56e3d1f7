//! What may leave: a thief gets little, however fast or patient; ranges, copies and half-read objects do not get round it.

use cordon_domain::egress::UNLIMITED;
use cordon_domain::{Action, Egress, Level, Levels, Outcome};
use cordon_gate::Facts;
use cordon_vault::VaultError;
use futures_util::future::join_all;

use crate::place::{ADA, BOB, Place, name, read, whole, writing};

const BLOCK: u64 = 8 << 20;

fn is_limit(error: &VaultError) -> bool {
    matches!(error, VaultError::Refused(refusal) if refusal.missing.iter().any(|what| what.contains("what may leave")))
}

async fn full(count: usize) -> (Place, cordon_domain::Bucket) {
    let place = Place::open().await;
    let bucket = place.bucket("secrets", Level::Restricted).await;
    for number in 0..count {
        place.put(ADA, &bucket, writing(&format!("{number:04}")), b"a draft".to_vec()).await.expect("written");
    }
    (place, bucket)
}

/// What somebody reads who asks for one object after the other, and waits `pause_ms` after each.
async fn stolen(place: &Place, bucket: &cordon_domain::Bucket, of: std::ops::Range<usize>, pause_ms: i64) -> usize {
    let mut stolen = 0;
    for number in of {
        match place.get(ADA, bucket, &format!("{number:04}")).await {
            Ok(_) => stolen += 1,
            Err(error) => assert!(is_limit(&error), "{error}"),
        }
        place.clock.turn_ms(pause_ms);
    }
    stolen
}

/// Of 1,000 restricted objects, whoever reads as fast as the machine allows gets at most 50, and so does whoever waits.
#[tokio::test]
async fn a_thief_gets_at_most_fifty_of_a_thousand() {
    let (place, bucket) = full(1_000).await;
    assert_eq!(stolen(&place, &bucket, 0..1_000, 0).await, 20, "in a minute");
    place.clock.turn_ms(3_600_000);
    let in_an_hour = stolen(&place, &bucket, 20..300, 10_000).await;
    assert_eq!(20 + in_an_hour, 50, "the share of all");
    let patient = stolen(&place, &bucket, 300..1_000, 3_600_000).await;
    assert_eq!(patient, 0, "over twenty-nine days");
    assert!(place.get(ADA, &bucket, "0000").await.is_ok(), "what was read already is not more");
    let refused = place.events(Action::ObjectRead).await;
    let refused = refused.iter().filter(|event| event.outcome == Outcome::Denied);
    assert!(refused.count() > 1_000, "each refusal is on record");
}

async fn limited(place: &Place, bytes_minute: u64) {
    let mut levels = Levels::DEFAULT;
    let egress = levels.egress(Level::Internal);
    let bytes = [bytes_minute, UNLIMITED, UNLIMITED, UNLIMITED];
    (levels.internal.egress, levels.internal.egress_bytes_day) = (Some(Egress { bytes, ..egress }), UNLIMITED);
    place.set_levels(levels).await;
}

/// However many read at once, and whichever ranges: what leaves is at most the limit.
#[tokio::test]
async fn parallel_ranges_do_not_get_round_the_limit() {
    let place = Place::open().await;
    let bucket = place.bucket("models", Level::Internal).await;
    let body = vec![7; 3 * BLOCK as usize];
    place.put(ADA, &bucket, writing("weights"), body).await.expect("written");
    limited(&place, 10 * BLOCK).await;
    let key = name("weights");
    let readers = (0..64).map(|number| {
        let (place, bucket, key) = (&place, &bucket, &key);
        async move {
            let got = place.vault.get(&place.asks(BOB), bucket, (key, None), |_| BLOCK + 5).await?;
            let start = number % 3 * BLOCK;
            read(got, start..start + BLOCK + 5).await.map(|bytes| bytes.len() as u64)
        }
    });
    let ended = join_all(readers).await;
    let left: u64 = ended.iter().filter_map(|one| one.as_ref().ok()).sum();
    assert!(left <= 10 * BLOCK && left > 0, "{left}");
    assert!(ended.iter().filter_map(|one| one.as_ref().err()).all(is_limit));
    place.clock.turn_ms(120_001);
    assert!(place.get(BOB, &bucket, "weights").await.is_ok(), "two minutes later");
}

/// What does not fit is refused before a byte leaves, and told how long it takes; a range that fits is read.
#[tokio::test]
async fn what_is_larger_than_what_may_leave_is_refused_before_it_begins() {
    let place = Place::open().await;
    let bucket = place.bucket("models", Level::Internal).await;
    place.put(ADA, &bucket, writing("weights"), vec![7; 5 * BLOCK as usize]).await.expect("written");
    limited(&place, 2 * BLOCK).await;
    let get = async |to_send: u64| {
        let key = name("weights");
        let got = place.vault.get(&place.asks(BOB), &bucket, (&key, None), |_| to_send).await?;
        read(got, 0..to_send).await.map(|bytes| bytes.len() as u64)
    };
    let refused = get(5 * BLOCK).await;
    assert!(refused.as_ref().is_err_and(is_limit), "{refused:?}");
    let told = refused.expect_err("refused").to_string();
    assert!(told.ends_with("; in ranges, all 41943040 bytes of it take some 3 minutes"), "{told}");
    assert_eq!(get(0).await.expect("nothing is to leave"), 0);
    assert_eq!(get(2 * BLOCK).await.expect("a range that fits, whole"), 2 * BLOCK, "the refusal took nothing");
    assert!(get(1).await.is_err_and(|error| is_limit(&error)), "that was all");
}

/// What was taken and did not leave is given back.
#[tokio::test]
async fn what_was_not_sent_is_not_counted() {
    let place = Place::open().await;
    let bucket = place.bucket("models", Level::Internal).await;
    place.put(ADA, &bucket, writing("weights"), vec![7; BLOCK as usize]).await.expect("written");
    limited(&place, BLOCK + 1_000).await;
    for _ in 0..20 {
        let got =
            place.vault.get(&place.asks(BOB), &bucket, (&name("weights"), None), whole).await.expect("room for it");
        assert_eq!(read(got, 0..40).await.expect("read").len(), 40);
        place.settled(Action::ObjectSent).await;
    }
    let got = place.vault.get(&place.asks(BOB), &bucket, (&name("weights"), None), whole).await.expect("room for it");
    drop(read(got, 0..BLOCK).await.expect("all of it"));
    let more = place.vault.get(&place.asks(BOB), &bucket, (&name("weights"), None), whole).await;
    assert!(more.is_err_and(|error| is_limit(&error)));
}

/// Half of it takes a sign-in that is fresh.
#[tokio::test]
async fn beyond_half_a_fresh_sign_in_is_asked_for() {
    let (place, bucket) = full(12).await;
    let old = |place: &Place| {
        let mut asks = place.asks(ADA);
        asks.actor.mfa_age_s = Some(200);
        asks
    };
    let read_as = |asks: Facts, number: usize| {
        let (place, bucket) = (&place, &bucket);
        async move { place.vault.get(&asks, bucket, (&name(&format!("{number:04}")), None), whole).await.map(drop) }
    };
    for number in 0..10 {
        let got =
            place.vault.get(&old(&place), &bucket, (&name(&format!("{number:04}")), None), whole).await.expect("half");
        drop(read(got, 0..7).await.expect("read"));
    }
    let Err(VaultError::Refused(refusal)) = read_as(old(&place), 10).await else { panic!("half is used") };
    assert!(refusal.missing[0].starts_with("a sign-in not older than 60 seconds"), "{refusal:?}");
    read_as(old(&place), 3).await.expect("what was read already is no further object");
    read_as(place.asks(ADA), 10).await.expect("a fresh one");
}

/// What was counted is counted after a restart, too.
#[tokio::test]
async fn counts_survive_a_restart() {
    let (place, bucket) = full(30).await;
    assert_eq!(stolen(&place, &bucket, 0..30, 0).await, 20);
    place.settled(Action::ObjectSent).await;
    let again = place.restored().await;
    let more = again.get(&place.asks(ADA), &bucket, (&name("0025"), None), whole).await;
    assert!(more.is_err_and(|error| is_limit(&error)));
    assert!(again.get(&place.asks(ADA), &bucket, (&name("0003"), None), whole).await.is_ok());
}

/// A row that was changed beside Cordon stops whoever it is of; others read on.
#[tokio::test]
async fn counts_that_were_changed_stop_their_reader() {
    let (place, bucket) = full(30).await;
    assert_eq!(stolen(&place, &bucket, 0..30, 0).await, 20);
    place.settled(Action::ObjectSent).await;
    let open = place.bucket("open", Level::Internal).await;
    place.put(ADA, &open, writing("a"), b"a".to_vec()).await.expect("written");
    let database = rusqlite::Connection::open(place.database()).expect("opens");
    assert!(database.execute("UPDATE egress_objects SET at = 0", []).expect("changed") >= 20);
    let again = place.restored().await;
    let refused = again.get(&place.asks(ADA), &bucket, (&name("0001"), None), whole).await.map(drop);
    assert!(matches!(refused, Err(VaultError::Integrity(_))), "{refused:?}");
    again.get(&place.asks(BOB), &open, (&name("a"), None), whole).await.map(drop).expect("somebody else");
}
