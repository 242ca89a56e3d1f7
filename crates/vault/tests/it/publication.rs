//! What is public: who reads it, what ends that, and what never becomes so.

use cordon_domain::{Action, Bucket, Level, Moment, Outcome, Publication, PublicationId, VersionId, Versioning};
use cordon_gate::Facts;
use cordon_vault::remove::Removed;
use cordon_vault::{Standing, Terms, VaultError, Writing};
use futures_util::StreamExt as _;

use crate::inspection::Words;
use crate::place::{ADA, BOB, CLEO, Place, name, read, writing};

const HOUR_MS: i64 = 3_600_000;

async fn place(busy: bool) -> (Place, Bucket) {
    let place = Place::open().await;
    let bucket = place.bucket("news", Level::Internal).await;
    let words = std::sync::Arc::new(Words::default());
    words.busy.store(busy, std::sync::atomic::Ordering::Relaxed);
    (place.inspected_by(words), bucket)
}

fn for_an_hour(place: &Place) -> Terms {
    Terms { starts: None, ends: place.now().plus_ms(HOUR_MS) }
}

async fn publish(place: &Place, who: u8, bucket: &Bucket, key: &str, terms: Terms) -> Result<Publication, VaultError> {
    let asks = Facts { reason: Some("the launch".to_owned()), ..place.asks(who) };
    let mut publishing = place.vault.publish(&asks, bucket, (&name(key), None), terms).await?;
    if who == ADA {
        publishing.facts.approval = Some(place.approved(&publishing.facts).await);
    }
    place.vault.make_public(publishing).await
}

/// What somebody gets who has an address, and nothing else.
async fn stranger(place: &Place, id: PublicationId) -> Result<Vec<u8>, VaultError> {
    let asks = Facts { actor: Publication::stranger(id), ..place.asks(ADA) };
    let got = place.vault.published(&asks, id).await?;
    let bytes = got.entry.said.bytes;
    read(got, 0..bytes).await
}

async fn standing(place: &Place) -> Standing {
    place.vault.publications(&place.asks(ADA)).await.expect("reads")[0].1
}

#[tokio::test]
async fn a_stranger_reads_what_two_people_published_and_nothing_else() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    assert!(matches!(publish(&place, BOB, &bucket, "news", for_an_hour(&place)).await, Err(VaultError::Refused(_))));
    assert!(matches!(publish(&place, CLEO, &bucket, "news", for_an_hour(&place)).await, Err(VaultError::Refused(_))));
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    assert_eq!(stranger(&place, made.id).await.expect("read"), b"hello");
    assert_eq!(standing(&place).await, Standing::Public);
    assert!(matches!(stranger(&place, PublicationId([7; 16])).await, Err(VaultError::NoObject)));
    let reads = place.events(Action::ObjectRead).await;
    let read = reads.iter().find(|event| event.actor == Publication::stranger(made.id)).expect("on record");
    assert_eq!((read.outcome, read.policies.as_slice()), (Outcome::Allowed, &["publication".to_owned()][..]));
    // What a stranger shows opens nothing by other ways.
    let asks = Facts { actor: Publication::stranger(made.id), ..place.asks(ADA) };
    let listed = place.vault.head(&asks, &bucket, &name("news"), None).await;
    assert!(matches!(listed, Err(VaultError::NoObject)), "{listed:?}");
    assert!(matches!(place.vault.bucket_for(&asks, "news").await, Err(VaultError::NoBucket)));
    assert!(place.vault.publications(&asks).await.expect("reads").is_empty());
}

#[tokio::test]
async fn a_publication_begins_and_ends_when_it_says() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let now = place.now();
    let terms = Terms { starts: Some(now.plus_ms(HOUR_MS)), ends: now.plus_ms(2 * HOUR_MS) };
    let made = publish(&place, ADA, &bucket, "news", terms).await.expect("made");
    for (pause, expected) in [
        (0, Standing::Planned),
        (HOUR_MS - 1, Standing::Planned),
        (1, Standing::Public),
        (HOUR_MS - 1, Standing::Public),
        (1, Standing::Ended),
    ] {
        place.clock.turn_ms(pause);
        let gets = stranger(&place, made.id).await;
        assert_eq!(gets.is_ok(), expected == Standing::Public, "{expected:?}: {gets:?}");
        assert_eq!(standing(&place).await, expected);
    }
}

#[tokio::test]
async fn what_is_withdrawn_is_cut_and_not_begun_again() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), vec![7; 30 << 20]).await.expect("written");
    place.vault.inspect_waiting().await.expect("looked");
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    let asks = Facts { actor: Publication::stranger(made.id), ..place.asks(ADA) };
    let got = place.vault.published(&asks, made.id).await.expect("allowed");
    let mut pieces = std::pin::pin!(got.bytes(0..30 << 20));
    pieces.next().await.expect("more").expect("read");
    let refused = place.vault.withdraw(&place.asks(BOB), made.id).await;
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    place.vault.withdraw(&place.asks(ADA), made.id).await.expect("withdrawn");
    assert!(pieces.next().await.expect("it breaks off before its end").is_err());
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)));
    assert!(matches!(place.vault.withdraw(&place.asks(ADA), made.id).await, Err(VaultError::NoObject)));
    assert!(place.vault.publications(&place.asks(ADA)).await.expect("reads").is_empty());
}

#[tokio::test]
async fn what_gets_another_label_is_read_by_nobody() {
    let (place, bucket) = place(false).await;
    let written = place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    place.raise(ADA, &bucket, written.version, &written.label).await;
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)));
    assert_eq!(standing(&place).await, Standing::Suspended);
    assert!(place.vault.public(place.now()).await.expect("reads").is_empty(), "nor is it on the list");
}

#[tokio::test]
async fn what_is_hidden_or_deleted_is_read_by_nobody() {
    let (place, bucket) = place(false).await;
    let bucket = Bucket { versioning: Versioning::On, ..bucket };
    place.vault.change_bucket(&place.asks(ADA), bucket.clone()).await.expect("changed");
    let written = place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    place.put(CLEO, &bucket, writing("news"), b"another".to_vec()).await.expect("written");
    assert_eq!(stranger(&place, made.id).await.expect("it is of a version"), b"hello");
    let remove = async |version| place.vault.remove(&place.asks(ADA), &bucket, &name("news"), version).await;
    let Removed::Hidden(mark) = remove(None).await.expect("hidden") else { panic!("it was not hidden") };
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)));
    assert_eq!(standing(&place).await, Standing::Suspended);
    place.put(CLEO, &bucket, writing("news"), b"a new beginning".to_vec()).await.expect("written");
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)), "whoever writes shows nothing again");
    assert_eq!(standing(&place).await, Standing::Suspended);
    remove(Some(mark)).await.expect("shown");
    assert_eq!(stranger(&place, made.id).await.expect("it is shown again"), b"hello");
    remove(Some(written.version)).await.expect("deleted");
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)));
    assert_eq!(standing(&place).await, Standing::Gone);
}

#[tokio::test]
async fn a_version_has_one_address_at_a_time() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    let asks = Facts { reason: Some("once more".to_owned()), ..place.asks(ADA) };
    let again = place.vault.publish(&asks, &bucket, (&name("news"), None), for_an_hour(&place)).await.map(drop);
    assert!(matches!(&again, Err(VaultError::Conflict(what)) if what.contains(&made.id.to_string())), "{again:?}");
    place.clock.turn_ms(HOUR_MS);
    let asks = Facts { reason: Some("once more".to_owned()), ..place.asks(ADA) };
    place.vault.publish(&asks, &bucket, (&name("news"), None), for_an_hour(&place)).await.map(drop).expect("it ended");
}

/// Whoever may not publish is told that, on record, and not what was found.
#[tokio::test]
async fn whoever_may_not_publish_learns_nothing_of_what_was_found() {
    let (place, bucket) = place(true).await;
    place.put(ADA, &bucket, writing("news"), b"a SECRET".to_vec()).await.expect("written");
    let asks = Facts { reason: Some("the launch".to_owned()), ..place.asks(BOB) };
    let refused = place.vault.publish(&asks, &bucket, (&name("news"), None), for_an_hour(&place)).await.map(drop);
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    let events = place.events(Action::PublicationMake).await;
    assert_eq!(events.iter().map(|event| event.outcome).collect::<Vec<_>>(), [Outcome::Denied]);
}

#[tokio::test]
async fn what_an_inspection_cannot_undo_does_not_become_public() {
    let (place, bucket) = place(false).await;
    let coded =
        |coding: &str| Writing { headers: vec![("content-encoding".to_owned(), coding.to_owned())], ..writing(coding) };
    for (coding, may) in [("gzip", true), ("zstd", true), ("br", false), ("deflate", false), ("gzip, br", false)] {
        place.put(CLEO, &bucket, coded(coding), b"hello".to_vec()).await.expect("written");
        let asks = Facts { reason: Some("the launch".to_owned()), ..place.asks(ADA) };
        let outcome = place.vault.publish(&asks, &bucket, (&name(coding), None), for_an_hour(&place)).await.map(drop);
        assert_eq!(outcome.is_ok(), may, "{coding}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_written_later_under_the_name_is_not_public() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let made = publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await.expect("made");
    place.put(CLEO, &bucket, writing("news"), b"another".to_vec()).await.expect("written");
    assert!(matches!(stranger(&place, made.id).await, Err(VaultError::NoObject)));
    assert_eq!(standing(&place).await, Standing::Gone);
}

#[tokio::test]
async fn what_was_not_looked_into_or_is_held_does_not_become_public() {
    let (place, bucket) = place(true).await;
    place.put(ADA, &bucket, writing("news"), b"a SECRET".to_vec()).await.expect("written");
    let why = async || match publish(&place, ADA, &bucket, "news", for_an_hour(&place)).await {
        Err(VaultError::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why().await.contains("nobody has looked into it"));
    place.vault.inspect_waiting().await.expect("looked");
    assert!(why().await.contains("this was found in it: a-word at 1:3"), "{}", why().await);
    let asks = Facts { reason: Some("made up".to_owned()), ..place.asks(ADA) };
    let mut planned = place.vault.release(&asks, &bucket, (&name("news"), None::<VersionId>)).await.expect("planned");
    planned.facts.approval = Some(place.approved(&planned.facts).await);
    place.vault.carry_out(planned).await.expect("released");
    // Whoever releases it and whoever publishes it are asked each for itself: the approval of the one is not that of the other.
    let asks = Facts { reason: Some("the launch".to_owned()), ..place.asks(ADA) };
    let publishing = place.vault.publish(&asks, &bucket, (&name("news"), None), for_an_hour(&place)).await;
    let refused = place.vault.make_public(publishing.expect("it may be, now")).await;
    let missing = |error: &VaultError| matches!(error, VaultError::Refused(one) if one.missing[0].contains("approval"));
    assert!(refused.as_ref().is_err_and(missing), "{refused:?}");
}

#[tokio::test]
async fn an_end_is_demanded_and_a_reason() {
    let (place, bucket) = place(false).await;
    place.put(CLEO, &bucket, writing("news"), b"hello".to_vec()).await.expect("written");
    let now = place.now();
    let day = 24 * HOUR_MS;
    let refused = async |starts: Option<Moment>, ends, reason: &str| {
        let asks = Facts { reason: Some(reason.to_owned()), ..place.asks(ADA) };
        let terms = Terms { starts, ends };
        let outcome = place.vault.publish(&asks, &bucket, (&name("news"), None), terms).await;
        matches!(outcome, Err(VaultError::Conflict(_)))
    };
    assert!(refused(None, now, "the launch").await);
    assert!(refused(None, now.plus_ms(367 * day), "the launch").await);
    assert!(refused(Some(now.plus_ms(day)), now.plus_ms(day), "the launch").await);
    assert!(refused(None, now.plus_ms(day), "").await);
    assert!(!refused(None, now.plus_ms(day), "the launch").await);
}
