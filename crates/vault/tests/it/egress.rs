//! What may leave: a thief gets little, however fast or patient; ranges, copies and half-read objects do not get round it.

use std::sync::Arc;

use cordon_domain::egress::UNLIMITED;
use cordon_domain::{
    Action, Bucket, Egress, Found, Kind, Label, Level, Levels, Looked, Outcome, Prints, Role, Seen, VersionId,
};
use cordon_gate::Facts;
use cordon_vault::VaultError;
use futures_util::future::join_all;

use crate::place::{ADA, BOB, Judges, OF_VENDOR, Place, name, read, whole, writing};

const BLOCK: u64 = 8 << 20;

fn is_limit(error: &VaultError) -> bool {
    matches!(error, VaultError::Refused(refusal) if refusal.missing.iter().any(|what| what.contains("what may leave")))
}

async fn full(count: usize) -> (Place, Bucket) {
    let place = Place::open().await;
    let bucket = place.bucket("secrets", Level::Restricted).await;
    for number in 0..count {
        place.put(ADA, &bucket, writing(&format!("{number:04}")), b"a draft".to_vec()).await.expect("written");
    }
    (place, bucket)
}

/// What somebody reads who asks for one object after the other, and waits `pause_ms` after each.
async fn stolen(place: &Place, bucket: &Bucket, of: std::ops::Range<usize>, pause_ms: i64) -> usize {
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

/// A bucket of a project with an object of a few blocks, of which one reader may read so many a minute.
async fn of_project(blocks: u64) -> (Place, Bucket) {
    let place = Place::open().await;
    let label = Label::of(Level::Internal).with("heron".parse().expect("a project"));
    let bucket = place.vault.make_bucket(&place.asks(ADA), "heron", Some(label)).await.expect("made");
    place.put(ADA, &bucket, writing("corpus"), vec![7; 6 * BLOCK as usize]).await.expect("written");
    limited(&place, blocks * BLOCK).await;
    (place, bucket)
}

async fn reads(place: &Place, bucket: &Bucket, who: u8, blocks: u64) -> Result<usize, VaultError> {
    let key = name("corpus");
    let got = place.vault.get(&place.asks(who), bucket, (&key, None), |_| blocks * BLOCK).await?;
    read(got, 0..blocks * BLOCK).await.map(|bytes| bytes.len())
}

#[tokio::test]
async fn people_of_one_vendor_read_together_what_one_reader_may() {
    let (place, bucket) = of_project(10).await;
    place.bring_in_vendor().await;
    let [one, other] = OF_VENDOR;
    reads(&place, &bucket, one, 6).await.expect("within the limit");
    let refused = reads(&place, &bucket, other, 6).await.expect_err("together it is beyond").to_string();
    assert!(refused.contains("everybody of your vendor together may read"), "{refused}");
    reads(&place, &bucket, other, 4).await.expect("what is left");
    reads(&place, &bucket, ADA, 6).await.expect("somebody else");
}

#[tokio::test]
async fn all_readers_of_a_project_read_together_ten_times_what_one_may() {
    let (place, bucket) = of_project(1).await;
    for number in 11..22 {
        place.bring_in(number, Level::Internal, Role::Reader).await;
    }
    for number in 11..21 {
        reads(&place, &bucket, number, 1).await.expect("within the limit");
    }
    let refused = reads(&place, &bucket, 21, 1).await.expect_err("together it is beyond").to_string();
    assert!(refused.contains("everybody who reads a project of it together may read"), "{refused}");
}

/// Finds nothing, but takes what begins with a W for weights.
fn weighs(body: &[u8]) -> Seen {
    let mut looked = Looked::default();
    if body.starts_with(b"W") {
        let found = Found::same_content(VersionId([0; 16]), Level::Confidential);
        looked.add(Found { kind: Kind::Weights, of: None, ..found });
    }
    Seen { looked, prints: Some(Prints::default()), is_common: false }
}

/// Of weights a day shows a tenth, in whichever ranges, by copies, too; the rest of the bucket is read as before; and an allowance lets
/// all of it leave.
#[tokio::test]
async fn of_weights_a_day_shows_a_tenth_and_thirty_days_half() {
    let place = Place::open().await.inspected_by(Arc::new(Judges(weighs)));
    let bucket = place.bucket("models", Level::Confidential).await;
    let (all, day) = (100 * BLOCK, 10 * BLOCK);
    for (name, first) in [("weights", b'W'), ("corpus", b'c')] {
        let mut body = vec![7; all as usize];
        body[0] = first;
        place.put(ADA, &bucket, writing(name), body).await.expect("written");
    }
    place.vault.inspect_waiting().await.expect("looked into");
    let get = async |what: &str, range: std::ops::Range<u64>| {
        let (key, bytes) = (name(what), range.end - range.start);
        let got = place.vault.get(&place.asks(ADA), &bucket, (&key, None), |_| bytes).await?;
        read(got, range).await.map(|bytes| bytes.len() as u64)
    };
    let told = get("weights", 0..all).await.expect_err("refused").to_string();
    let expected =
        format!("{day} bytes of this file of weights a day; at this rate all {all} bytes of it take some 34 days");
    assert!(told.ends_with(&expected), "{told}");
    let mut left = 0;
    for number in 0..12 {
        let range = get("weights", number * BLOCK..(number + 1) * BLOCK).await;
        left += range.unwrap_or_else(|error| if is_limit(&error) { 0 } else { panic!("{error}") });
    }
    assert_eq!(left, day, "range by range");
    let key = name("weights");
    let from = place.vault.get(&place.asks(ADA), &bucket, (&key, None), |said| said.bytes).await;
    assert!(from.is_err_and(|error| is_limit(&error)), "a copy is read");
    assert_eq!(get("corpus", 0..all).await.expect("no weights"), all);
    let (mut days, mut month) = (0, left);
    while days < 29 {
        place.clock.turn_ms(86_400_000 + 120_000);
        days += 1;
        month += get("weights", 0..day).await.unwrap_or(0);
    }
    assert_eq!(month, all / 2, "over thirty days");
}
