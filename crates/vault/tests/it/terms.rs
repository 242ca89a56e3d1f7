//! What leaves beyond limits and what is not read before a date; what is observed; and of what copies are recognised no more.

use std::collections::BTreeSet;

use cordon_domain::egress::UNLIMITED;
use cordon_domain::{
    Action, Bucket, Egress, Embargo, Guarding, Label, Level, Levels, Mode, Moment, ObjectKey, Outcome, PrincipalId,
    Role, Versioning,
};
use cordon_gate::Facts;
use cordon_gate::act::{Allow, Changes};
use cordon_vault::{Asking, Bulk, Closed, Embargoed, Guard, VaultError, Writing};

use futures_util::StreamExt as _;

use crate::place::{ADA, BOB, CLEO, Place, name, read, whole, writing};

const HOUR_MS: i64 = 3_600_000;
const BLOCK: u64 = 8 << 20;

fn why(place: &Place, who: u8) -> Facts {
    Facts { reason: Some("training".to_owned()), ..place.asks(who) }
}

/// Has Dan approve it, and does it.
async fn with_another<A: Changes>(place: &Place, mut asking: Asking<A>) -> Result<(), VaultError> {
    asking.facts.approval = Some(place.approved(&asking.facts).await);
    place.vault.complete(asking).await
}

async fn allow(place: &Place, bucket: &Bucket, who: u8, bytes: u64) -> Result<Asking<Allow>, VaultError> {
    let bulk = Bulk { principal: PrincipalId([who; 16]), bytes, ends: place.now().plus_ms(24 * HOUR_MS) };
    place.vault.allow(&why(place, ADA), bucket, bulk).await
}

/// So many bytes a minute of what is internal, and one object.
async fn limited(place: &Place, bytes: u64) {
    let mut levels = Levels::DEFAULT;
    let egress = levels.egress(Level::Internal);
    let (bytes, objects) = ([bytes, UNLIMITED, UNLIMITED, UNLIMITED], [1, UNLIMITED, UNLIMITED, UNLIMITED]);
    let egress = Egress { bytes, objects, ..egress };
    (levels.internal.egress, levels.internal.egress_bytes_day) = (Some(egress), UNLIMITED);
    place.set_levels(levels).await;
}

fn missing(outcome: Result<Vec<u8>, VaultError>) -> String {
    match outcome {
        Err(VaultError::Refused(refusal)) => refusal.missing.join("; "),
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
}

#[tokio::test]
async fn an_allowance_is_read_by_its_reader_from_its_bucket_until_its_bytes_are_used() {
    let place = Place::open().await;
    let (corpus, other) = (place.bucket("corpus", Level::Internal).await, place.bucket("other", Level::Internal).await);
    for (bucket, key) in [(&corpus, "a"), (&corpus, "b"), (&corpus, "c"), (&other, "a"), (&other, "b")] {
        place.put(ADA, bucket, writing(key), vec![7; BLOCK as usize]).await.expect("written");
    }
    limited(&place, BLOCK).await;
    let asking = allow(&place, &corpus, BOB, 2 * BLOCK + 5).await.expect("prepared");
    assert!(matches!(place.vault.complete(asking).await, Err(VaultError::Refused(_))), "two people");
    let asking = allow(&place, &corpus, BOB, 2 * BLOCK + 5).await.expect("prepared");
    with_another(&place, asking).await.expect("made");
    let get = async |who, bucket, key| place.get(who, bucket, key).await;
    assert!(get(BOB, &corpus, "a").await.is_ok() && get(BOB, &corpus, "b").await.is_ok(), "beyond objects and bytes");
    let told = missing(get(BOB, &corpus, "c").await);
    assert!(told.starts_with("room in the allowance al_") && told.ends_with(" and they are used"), "{told}");
    let key = name("c");
    let few = place.vault.get(&place.asks(BOB), &corpus, (&key, None), |_| 5).await.expect("room for five");
    assert_eq!(read(few, 0..5).await.expect("read").len(), 5);
    assert!(get(BOB, &other, "a").await.is_ok(), "what was read by it counts against no limit");
    assert!(missing(get(BOB, &other, "b").await).contains("what may leave"), "another bucket");
    assert!(get(CLEO, &corpus, "a").await.is_ok());
    assert!(missing(get(CLEO, &corpus, "b").await).contains("what may leave"), "somebody else");
    let twice = allow(&place, &corpus, BOB, BLOCK).await.err();
    assert!(matches!(twice, Some(VaultError::Conflict(_))), "one at a time: {twice:?}");

    let listed = place.vault.allowances(&place.asks(BOB)).await.expect("reads");
    assert_eq!(listed.iter().map(|one| (one.bytes, one.bucket)).collect::<Vec<_>>(), [(2 * BLOCK + 5, corpus.id)]);
    let refused = place.vault.end_allowance(&why(&place, BOB), listed[0].id).await;
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    place.vault.end_allowance(&why(&place, ADA), listed[0].id).await.expect("ended");
    place.clock.turn_ms(2 * 60_000 + 1);
    assert!(get(BOB, &corpus, "c").await.is_ok(), "as ever, a minute later");
    assert!(missing(get(BOB, &corpus, "a").await).contains("you may read"), "as ever");
    assert!(place.vault.allowances(&place.asks(BOB)).await.expect("reads").is_empty());
}

#[tokio::test]
async fn an_allowance_ends_when_it_says_and_is_not_for_what_is_higher_than_its_bucket() {
    let place = Place::open().await;
    let corpus = place.bucket("corpus", Level::Internal).await;
    let higher = Writing { label: Some(Label::of(Level::Confidential)), ..writing("higher") };
    place.put(ADA, &corpus, higher, vec![7; 100]).await.expect("written");
    for key in ["a", "b"] {
        place.put(ADA, &corpus, writing(key), vec![7; 100]).await.expect("written");
    }
    let mut levels = Levels::DEFAULT;
    levels.confidential.egress = Some(Egress { bytes: [99; 4], ..levels.egress(Level::Confidential) });
    levels.confidential.egress_bytes_day = 99;
    levels.internal.egress = Some(Egress { bytes: [99; 4], ..levels.egress(Level::Internal) });
    levels.internal.egress_bytes_day = 99;
    place.set_levels(levels).await;
    let asking = allow(&place, &corpus, CLEO, 1_000).await.expect("prepared");
    with_another(&place, asking).await.expect("made");
    assert!(place.get(CLEO, &corpus, "a").await.is_ok());
    assert!(missing(place.get(CLEO, &corpus, "higher").await).contains("what may leave"));
    place.clock.turn_ms(24 * HOUR_MS - 1);
    assert!(place.get(CLEO, &corpus, "b").await.is_ok(), "the last millisecond");
    place.clock.turn_ms(1);
    assert!(missing(place.get(CLEO, &corpus, "b").await).contains("what may leave"), "it has ended");
    for (bytes, ends) in [(0, 1), (1, 0), (1, 31 * 24 * HOUR_MS)] {
        let bulk = Bulk { principal: PrincipalId([BOB; 16]), bytes, ends: place.now().plus_ms(ends) };
        let wrong = place.vault.allow(&why(&place, ADA), &corpus, bulk).await.err();
        assert!(matches!(wrong, Some(VaultError::Conflict(_))), "{bytes}, {ends}: {wrong:?}");
    }
    let bulk = Bulk { principal: PrincipalId([77; 16]), bytes: 1, ends: place.now().plus_ms(1_000) };
    let nobody = place.vault.allow(&why(&place, ADA), &corpus, bulk).await.expect("prepared");
    assert!(with_another(&place, nobody).await.is_err(), "there is nobody of that name");
}

/// 2026-11-25T14:00:00+01:00 in the other words for it.
#[tokio::test]
async fn before_its_date_nobody_reads_what_is_under_an_embargo_but_whoever_is_spared() {
    let place = Place::open().await;
    let bucket = place.bucket("news", Level::Internal).await;
    let heron = Writing { label: Some("internal/heron".parse().expect("a label")), ..writing("heron") };
    place.put(ADA, &bucket, heron, b"it flies".to_vec()).await.expect("written");
    place.put(ADA, &bucket, writing("plain"), b"hello".to_vec()).await.expect("written");
    let until = place.now().plus_ms(HOUR_MS);
    let embargo = async |who, on: Embargoed<'_>, spares: &[Role]| {
        let closed = Closed { until, spares: spares.iter().copied().collect::<BTreeSet<_>>() };
        place.vault.embargo(&why(&place, who), on, closed).await
    };
    let project = || Embargoed::Project("heron".parse().expect("a project"));
    let refused = embargo(CLEO, project(), &[Role::Owner]).await;
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    let made = embargo(ADA, project(), &[Role::Owner]).await.expect("made");
    let told = missing(place.get(BOB, &bucket, "heron").await);
    assert_eq!(told, format!("the end of its embargo, {until}"));
    assert!(until.to_string().ends_with('Z'), "in UTC, and it says so: {until}");
    assert!(missing(place.get(CLEO, &bucket, "heron").await).contains("embargo"), "a contributor");
    assert!(place.get(ADA, &bucket, "heron").await.is_ok(), "an owner is spared");
    assert!(place.get(BOB, &bucket, "plain").await.is_ok());
    let (_, label) = place.vault.head(&place.asks(BOB), &bucket, &name("heron"), None).await.expect("it is known of");
    // A copy is of its project, wherever it is.
    let elsewhere = place.bucket("elsewhere", Level::Internal).await;
    place
        .put(ADA, &elsewhere, Writing { label: Some(label), ..writing("copy") }, b"it flies".to_vec())
        .await
        .expect("written");
    assert!(missing(place.get(BOB, &elsewhere, "copy").await).contains("embargo"));

    place.clock.turn_ms(HOUR_MS - 1);
    assert!(place.get(BOB, &bucket, "heron").await.is_err(), "a millisecond before");
    place.clock.turn_ms(1);
    assert!(place.get(BOB, &bucket, "heron").await.is_ok(), "to the millisecond");
    let all = place.vault.embargoes(&place.asks(BOB)).await.expect("reads");
    assert_eq!(all.iter().map(|one| (one.id, one.counts_at(place.now()))).collect::<Vec<_>>(), [(made.id, false)]);
}

async fn lift(place: &Place, embargo: &Embargo) -> Result<(), VaultError> {
    let asking = place.vault.lift(&why(place, ADA), embargo.id).await?;
    with_another(place, asking).await
}

#[tokio::test]
async fn an_embargo_is_lifted_by_two_people_and_spares_whom_it_says() {
    let place = Place::open().await;
    let bucket = place.bucket("news", Level::Internal).await;
    for key in ["a", "b"] {
        place.put(ADA, &bucket, writing(key), b"hello".to_vec()).await.expect("written");
    }
    let closed =
        |spares: &[Role]| Closed { until: place.now().plus_ms(HOUR_MS), spares: spares.iter().copied().collect() };
    let key: ObjectKey = name("a");
    let on = Embargoed::Version(&bucket, &key, None);
    let one = place.vault.embargo(&why(&place, ADA), on, closed(&[Role::Contributor])).await.expect("made");
    let reads = async |who, key| place.get(who, &bucket, key).await.is_ok();
    assert_eq!((reads(BOB, "a").await, reads(CLEO, "a").await, reads(ADA, "a").await), (false, true, false));
    assert!(reads(BOB, "b").await, "another version");
    let over = place.put(CLEO, &bucket, writing("a"), b"another".to_vec()).await;
    assert!(matches!(&over, Err(VaultError::Conflict(why)) if why.contains("embargo")), "{over:?}");
    let kept = Bucket { versioning: Versioning::On, ..bucket.clone() };
    place.vault.change_bucket(&place.asks(ADA), kept.clone()).await.expect("kept");
    let hidden = place.vault.remove(&place.asks(CLEO), &kept, &key, None).await;
    assert!(matches!(&hidden, Err(VaultError::Conflict(why)) if why.contains("embargo")), "{hidden:?}");
    let bucket = kept;
    let reads = async |who, key| place.get(who, &bucket, key).await.is_ok();
    let all = place.vault.embargo(&why(&place, ADA), Embargoed::Bucket(&bucket), closed(&[])).await.expect("made");
    assert_eq!((reads(BOB, "b").await, reads(CLEO, "a").await, reads(ADA, "b").await), (false, false, false));

    let alone = place.vault.lift(&why(&place, ADA), all.id).await.expect("prepared");
    assert!(matches!(place.vault.complete(alone).await, Err(VaultError::Refused(_))), "two people");
    let reader = place.vault.lift(&why(&place, BOB), all.id).await.err();
    assert!(matches!(reader, Some(VaultError::Refused(_))), "{reader:?}");
    lift(&place, &all).await.expect("lifted");
    assert_eq!((reads(BOB, "b").await, reads(BOB, "a").await, reads(CLEO, "a").await), (true, false, true));
    // What has ended is cleared away by whoever makes another.
    place.clock.turn_ms(HOUR_MS);
    place.put(CLEO, &bucket, writing("a"), b"another".to_vec()).await.expect("it has ended");
    place.vault.embargo(&why(&place, ADA), Embargoed::Bucket(&bucket), closed(&[Role::Reader])).await.expect("made");
    let listed = place.vault.embargoes(&place.asks(ADA)).await.expect("reads");
    assert!(listed.len() == 1 && listed[0].id != one.id, "{listed:?}");
    for (wrong, spares) in [(0, vec![]), (HOUR_MS, vec![Role::Security])] {
        let closed = Closed { until: place.now().plus_ms(wrong), spares: spares.into_iter().collect() };
        let made = place.vault.embargo(&why(&place, ADA), Embargoed::Bucket(&bucket), closed).await;
        assert!(matches!(made, Err(VaultError::Conflict(_))), "{made:?}");
    }
}

async fn guarded(place: &Place, bucket: &Bucket, guarding: Guarding) -> Result<Bucket, VaultError> {
    match place.vault.guard(&why(place, ADA), bucket, guarding).await? {
        Guard::Stricter(changed) => place.vault.change_bucket(&why(place, ADA), *changed).await?,
        Guard::Looser(asking) => with_another(place, *asking).await?,
    }
    place.vault.bucket(bucket.name.as_str())
}

#[tokio::test]
async fn where_limits_are_observed_nothing_is_refused_and_it_is_on_record_that_it_would_have_been() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    for key in ["a", "b"] {
        place.put(ADA, &bucket, writing(key), vec![7; 3 * BLOCK as usize]).await.expect("written");
    }
    limited(&place, BLOCK).await;
    assert!(missing(place.get(BOB, &bucket, "a").await).contains("what may leave"));
    let observing = Guarding { limits: Mode::Observe, ..Guarding::DEFAULT };
    let Guard::Looser(alone) = place.vault.guard(&why(&place, ADA), &bucket, observing).await.expect("prepared") else {
        panic!("it takes two people")
    };
    assert!(matches!(place.vault.complete(*alone).await, Err(VaultError::Refused(_))));
    let bucket = guarded(&place, &bucket, observing).await.expect("observed");
    assert_eq!(place.get(BOB, &bucket, "a").await.expect("read").len(), 3 * BLOCK as usize);
    assert_eq!(place.get(BOB, &bucket, "b").await.expect("read").len(), 3 * BLOCK as usize);
    let reads = place.events(Action::ObjectRead).await;
    let observed = |event: &&cordon_domain::Event| {
        event.outcome == Outcome::Allowed
            && event.reason.as_deref().is_some_and(|why| why.starts_with("observed, and not refused: "))
    };
    assert_eq!(reads.iter().filter(observed).count(), 4, "as each begins, and once as it goes on: {reads:?}");
    let bucket = guarded(&place, &bucket, Guarding::DEFAULT).await.expect("enforced, by its owner");
    assert!(missing(place.get(BOB, &bucket, "a").await).contains("what may leave"), "what was observed was counted");
    place.clock.turn_ms(120_001);
    let few = place.vault.get(&place.asks(BOB), &bucket, (&name("a"), None), |_| 5).await;
    assert!(few.is_ok());
}

/// A version of a bucket that observes is guarded as ever when it is restricted.
#[tokio::test]
async fn what_is_restricted_is_limited_wherever_it_is() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let observing = Guarding { limits: Mode::Observe, ..Guarding::DEFAULT };
    let bucket = guarded(&place, &bucket, observing).await.expect("observed");
    for number in 0..21 {
        let new = Writing { label: Some(Label::of(Level::Restricted)), ..writing(&number.to_string()) };
        place.put(ADA, &bucket, new, b"a draft".to_vec()).await.expect("written");
    }
    let mut left = 0;
    for number in 0..21 {
        left += usize::from(place.get(ADA, &bucket, &number.to_string()).await.is_ok());
    }
    assert_eq!(left, 20);
    let got = place.vault.get(&place.asks(ADA), &bucket, (&name("20"), None), whole).await;
    assert!(matches!(got.err(), Some(VaultError::Refused(_))));
    assert_eq!(place.now(), Moment(1_795_608_000_000), "within a moment");
}

/// A read that goes on is counted as things are: not by an allowance that was ended since.
#[tokio::test]
async fn a_read_that_goes_on_is_counted_against_what_counts_then() {
    let place = Place::open().await;
    let corpus = place.bucket("corpus", Level::Internal).await;
    place.put(ADA, &corpus, writing("a"), vec![7; 5 * BLOCK as usize]).await.expect("written");
    limited(&place, BLOCK).await;
    let asking = allow(&place, &corpus, BOB, 100 * BLOCK).await.expect("prepared");
    with_another(&place, asking).await.expect("made");
    let got = place.vault.get(&place.asks(BOB), &corpus, (&name("a"), None), whole).await.expect("allowed");
    let mut pieces = std::pin::pin!(got.bytes(0..5 * BLOCK));
    pieces.next().await.expect("more").expect("read");
    let allowance = place.vault.allowances(&place.asks(ADA)).await.expect("reads")[0].id;
    place.vault.end_allowance(&why(&place, ADA), allowance).await.expect("ended");
    let mut left = 0;
    let ended = loop {
        match pieces.next().await.expect("it breaks off before its end") {
            Ok(piece) => left += piece.len() as u64,
            Err(error) => break error,
        }
    };
    assert!(matches!(ended, VaultError::Refused(_)) && left <= 2 * BLOCK, "{left}: {ended}");
}
