//! Objects: written, read, hidden, deleted; whole or not at all.

use bytes::Bytes;
use cordon_domain::{Action, Bucket, Level, Outcome, Versioning};
use cordon_testkit::Chance;
use cordon_vault::put::{Behind, Content, OnlyIf};
use cordon_vault::remove::{Removal, Removed};
use cordon_vault::{VaultError, Writing};
use futures_util::{StreamExt as _, stream};

use crate::place::{ADA, BOB, CLEO, Place, at_least, name, read, whole, writing};

fn text(length: usize, seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let mut bytes = vec![0; length];
    cordon_domain::Entropy::fill(&mut chance, &mut bytes);
    bytes
}

/// Around each border: of a row, of the first segment, of a segment, of what is read at once, of a piece.
const LENGTHS: [usize; 12] = [
    0,
    1,
    65_536,
    65_537,
    (1 << 20) - 56,
    (1 << 20) - 55,
    (2 << 20) - 72,
    (2 << 20) - 71,
    (4 << 20) + 7,
    (8 << 20) - 1,
    8 << 20,
    (17 << 20) + 3,
];

#[tokio::test]
async fn what_was_written_is_read_whole_and_in_any_range() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let mut chance = Chance::new(7);
    for (number, length) in LENGTHS.into_iter().enumerate() {
        let (key, body) = (format!("of {length}"), text(length, number as u64));
        place.put(ADA, &bucket, writing(&key), body.clone()).await.expect("written");
        assert!(place.get(BOB, &bucket, &key).await.expect("read") == body, "{length}");
        for _ in 0..6 {
            let start = chance.below(length as u64 + 1);
            let end = start + chance.below(length as u64 - start + 1);
            let got = place.vault.get(&place.asks(BOB), &bucket, (&name(&key), None), whole).await.expect("allowed");
            let part = read(got, start..end).await.expect("read");
            assert!(part == body[start as usize..end as usize], "{start} to {end} of {length}");
        }
    }
    let in_files = LENGTHS.iter().filter(|length| **length > 65_536).count();
    assert_eq!(place.blobs().len(), in_files, "short ones stand in the database");
}

#[tokio::test]
async fn no_plaintext_reaches_the_disk() {
    let place = Place::open().await;
    let marker = b"MARKER-cd41-orange-zeppelin".repeat(40);
    for level in Level::ALL {
        let bucket = place.bucket(&format!("b-{level}"), level).await;
        place.put(ADA, &bucket, writing("short"), marker.clone()).await.expect("written");
        place.put(ADA, &bucket, writing("long"), marker.repeat(2000)).await.expect("written");
        let broken = [Ok(Bytes::from(marker.repeat(9000))), Err("the client went")];
        let broken = place.vault.put(&place.asks(ADA), &bucket, writing("broken"), stream::iter(broken)).await;
        assert!(matches!(broken, Err(VaultError::Sent(_))), "{broken:?}");
        assert!(place.get(ADA, &bucket, "long").await.expect("read") == marker.repeat(2000));
    }
    for file in place.files() {
        let bytes = std::fs::read(&file).expect("reads");
        let found = bytes.windows(27).any(|window| window == &marker[..27]);
        assert!(!found, "{} holds what was written", file.display());
    }
    assert_eq!(place.blobs().len(), 4, "of what broke off nothing is left");
}

#[tokio::test]
async fn what_leaves_is_on_record_before_and_after() {
    let place = Place::open().await;
    let bucket = place.bucket("plans", Level::Restricted).await;
    place.put(ADA, &bucket, writing("next"), text(3 << 20, 1)).await.expect("written");
    let got = place.vault.get(&place.asks(ADA), &bucket, (&name("next"), None), whole).await.expect("allowed");
    assert_eq!(place.events(Action::ObjectRead).await.len(), 1, "before a byte leaves");
    read(got, 100..2_000_100).await.expect("read");
    let got = place.vault.get(&place.asks(ADA), &bucket, (&name("next"), None), whole).await.expect("allowed");
    drop(got);
    let mut sent = Vec::new();
    for _ in 0..200 {
        sent = place.events(Action::ObjectSent).await;
        if sent.len() == 2 {
            break;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut amounts: Vec<_> = sent.iter().map(|event| event.amount).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [Some(0), Some(2_000_000)]);
}

/// A read that goes on is decided anew once something was revoked: what was to come does not leave.
#[tokio::test]
async fn a_read_breaks_off_when_what_it_rests_on_is_taken_back() {
    use futures_util::StreamExt as _;
    let place = Place::open().await;
    let bucket = place.bucket("plans", Level::Confidential).await;
    place.put(ADA, &bucket, writing("next"), text(30 << 20, 1)).await.expect("written");
    let got = place.vault.get(&place.asks(CLEO), &bucket, (&name("next"), None), whole).await.expect("allowed");
    let other = place.vault.get(&place.asks(ADA), &bucket, (&name("next"), None), whole).await.expect("allowed");
    let mut pieces = std::pin::pin!(got.bytes(0..30 << 20));
    let first = pieces.next().await.expect("more").expect("read");
    place.takes_back(CLEO).await;
    let mut left = first.len();
    let ended = loop {
        match pieces.next().await.expect("it breaks off before its end") {
            Ok(piece) => left += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(ended, VaultError::NoObject | VaultError::Refused(_)), "{ended:?}");
    assert_eq!(left, first.len(), "not a byte after it was revoked");
    assert_eq!(read(other, 0..30 << 20).await.expect("hers holds").len(), 30 << 20);
}

#[tokio::test]
async fn whoever_may_not_sends_nothing_and_learns_nothing() {
    let place = Place::open().await;
    let bucket = place.bucket("plans", Level::Restricted).await;
    place.put(ADA, &bucket, writing("next"), text(10, 1)).await.expect("written");
    for who in [BOB, CLEO] {
        let got = place.get(who, &bucket, "next").await.map(drop);
        assert!(matches!(got, Err(VaultError::NoObject)), "{got:?}");
        let missing = place.get(who, &bucket, "none").await.map(drop);
        assert!(matches!(missing, Err(VaultError::NoObject)), "{missing:?}");
        let asked = std::sync::atomic::AtomicBool::new(false);
        let body = stream::poll_fn(|_| {
            asked.store(true, std::sync::atomic::Ordering::Relaxed);
            std::task::Poll::Ready(Some(Err::<Bytes, _>("it was asked for")))
        });
        let put = place.vault.put(&place.asks(who), &bucket, writing("next"), body).await;
        assert!(matches!(put, Err(VaultError::NoObject | VaultError::Refused(_))), "{put:?}");
        assert!(!asked.into_inner(), "the body was asked for");
        let removed = place.vault.remove(&place.asks(who), &bucket, &name("next"), None).await;
        assert!(matches!(removed, Err(VaultError::NoObject | VaultError::Refused(_))), "{removed:?}");
        assert!(place.list(who, &bucket, all()).await.is_err());
        assert_eq!(place.vault.buckets(&place.asks(who)).expect("whole"), []);
    }
    let denied = place.events(Action::ObjectRead).await;
    assert!(denied.iter().all(|event| event.outcome == Outcome::Denied) && denied.len() == 2, "each is on record");
    assert_eq!(place.get(ADA, &bucket, "next").await.expect("read"), text(10, 1));
}

pub(crate) fn all() -> cordon_vault::list::Wanted {
    cordon_vault::list::Wanted { most: 1000, ..Default::default() }
}

async fn kept(place: &Place, bucket: &Bucket) -> Bucket {
    let kept = Bucket { versioning: Versioning::On, ..bucket.clone() };
    place.vault.change_bucket(&place.asks(ADA), kept.clone()).await.expect("changed");
    kept
}

#[tokio::test]
async fn a_label_is_at_least_that_of_the_bucket_and_of_what_was_there() {
    let place = Place::open().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    let level = |written: Result<cordon_vault::Written, VaultError>| written.expect("written").label.level;
    assert_eq!(level(place.put(CLEO, &bucket, at_least("a", Level::Public), vec![1]).await), Level::Internal);
    assert_eq!(level(place.put(CLEO, &bucket, at_least("a", Level::Confidential), vec![2]).await), Level::Confidential);
    assert_eq!(level(place.put(CLEO, &bucket, writing("a"), vec![3]).await), Level::Confidential, "as it was");
    assert!(matches!(place.get(BOB, &bucket, "a").await, Err(VaultError::NoObject)));
    let higher = place.put(CLEO, &bucket, at_least("b", Level::Restricted), vec![4]).await;
    let told = |error: &VaultError| matches!(error, VaultError::Refused(what) if what.missing.iter().any(|one| one.contains("clearance")));
    assert!(higher.as_ref().is_err_and(told), "what one asks for oneself is no secret: {higher:?}");
    assert_eq!(level(place.put(ADA, &bucket, at_least("c", Level::Restricted), vec![5]).await), Level::Restricted);
    let over = place.put(CLEO, &bucket, writing("c"), vec![6]).await;
    assert!(matches!(over, Err(VaultError::NoObject)), "not over what one may not know: {over:?}");
    let over = place.put(CLEO, &bucket, at_least("c", Level::Restricted), vec![6]).await;
    assert!(matches!(over, Err(VaultError::NoObject)), "nor does asking for a label tell of it: {over:?}");
    let lower = Bucket { label: cordon_domain::Label::of(Level::Public), ..bucket.clone() };
    assert!(place.vault.change_bucket(&place.asks(ADA), lower).await.is_err());
}

#[tokio::test]
async fn a_name_leads_to_the_newest_and_where_they_are_kept_to_earlier_ones() {
    let place = Place::open().await;
    let off = place.bucket("off", Level::Internal).await;
    let long = |seed| text(100_000, seed);
    let first = place.put(ADA, &off, writing("a"), long(1)).await.expect("written");
    place.put(ADA, &off, writing("a"), long(2)).await.expect("written");
    assert_eq!(place.blobs().len(), 1, "the one before is gone");
    let gone = place.vault.get(&place.asks(ADA), &off, (&name("a"), Some(first.version)), whole).await.map(drop);
    assert!(matches!(gone, Err(VaultError::NoObject)));
    assert!(place.get(ADA, &off, "a").await.expect("read") == long(2));
    let deleted = place.vault.remove(&place.asks(ADA), &off, &name("a"), None).await.expect("deleted");
    assert!(matches!(deleted, Removed::Deleted(_)) && place.blobs().is_empty());

    let bucket = kept(&place, &place.bucket("kept", Level::Internal).await).await;
    let first = place.put(CLEO, &bucket, writing("a"), long(3)).await.expect("written");
    let second = place.put(CLEO, &bucket, writing("a"), long(4)).await.expect("written");
    let old = place.vault.get(&place.asks(ADA), &bucket, (&name("a"), Some(first.version)), whole).await.expect("kept");
    assert!(read(old, 0..100_000).await.expect("read") == long(3));
    let other = place.vault.get(&place.asks(ADA), &bucket, (&name("b"), Some(first.version)), whole).await.map(drop);
    assert!(matches!(other, Err(VaultError::NoObject)), "it is a version of another name");
    let Removed::Hidden(mark) = place.vault.remove(&place.asks(CLEO), &bucket, &name("a"), None).await.expect("hidden")
    else {
        panic!("it was not hidden")
    };
    assert!(matches!(place.get(ADA, &bucket, "a").await, Err(VaultError::NoObject)));
    assert_eq!(place.list(ADA, &bucket, all()).await.expect("listed"), Vec::<String>::new());
    let again = place.vault.remove(&place.asks(CLEO), &bucket, &name("a"), None).await.expect("hidden already");
    assert_eq!(again, Removed::Hidden(mark));
    let by_cleo = place.vault.remove(&place.asks(CLEO), &bucket, &name("a"), Some(second.version)).await;
    assert!(matches!(by_cleo, Err(VaultError::Refused(_))), "for ever is for owners: {by_cleo:?}");
    let shown = place.vault.remove(&place.asks(ADA), &bucket, &name("a"), Some(mark)).await.expect("shown");
    assert_eq!(shown, Removed::Shown(mark));
    assert!(place.get(ADA, &bucket, "a").await.expect("read") == long(4));
    let gone = place.vault.remove(&place.asks(ADA), &bucket, &name("a"), Some(second.version)).await.expect("deleted");
    assert_eq!(gone, Removed::Deleted(second.version));
    assert!(place.get(ADA, &bucket, "a").await.expect("read") == long(3), "the name leads to the one before");
    assert_eq!(place.blobs().len(), 1);
    let none = place.vault.remove(&place.asks(ADA), &bucket, &name("zzz"), None).await.expect("nothing");
    assert_eq!(none, Removed::Nothing);
    let taken = place.vault.remove_bucket(&place.asks(ADA), &bucket).await;
    assert!(matches!(taken, Err(VaultError::Conflict(_))), "it is not empty: {taken:?}");
    place.vault.remove_bucket(&place.asks(ADA), &off).await.expect("it is empty");
    assert!(matches!(place.vault.bucket("off"), Err(VaultError::NoBucket)));
}

#[tokio::test]
async fn tags_are_changed_by_whoever_may_write_and_change_nothing_else() {
    let place = Place::open().await;
    let bucket = kept(&place, &place.bucket("notes", Level::Confidential).await).await;
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    let new = Writing { headers: headers.clone(), ..writing("a") };
    let written = place.put(CLEO, &bucket, new, b"1".to_vec()).await.expect("written");
    let tag = async |who, tagging: Option<&str>| {
        place.vault.tag(&place.asks(who), &bucket, (&name("a"), None), tagging.map(str::to_owned)).await
    };
    let said = async || place.vault.head(&place.asks(ADA), &bucket, &name("a"), None).await.expect("there");
    assert!(matches!(tag(BOB, Some("a=b")).await, Err(VaultError::NoObject)), "he may not know of it");
    let before = said().await;
    assert_eq!(tag(CLEO, Some("a=b")).await.expect("tagged"), written.version);
    let tagged = vec![headers[0].clone(), ("x-amz-tagging".to_owned(), "a=b".to_owned())];
    let after = said().await;
    assert_eq!(after.0.said.headers, tagged);
    assert_eq!(cordon_store::entries::Said { headers, ..after.0.said }, before.0.said);
    assert_eq!((after.1, place.get(ADA, &bucket, "a").await.expect("read")), (before.1, b"1".to_vec()));
    tag(CLEO, None).await.expect("taken away");
    assert_eq!(said().await.0, before.0, "its row is whole");
    let long = "n".repeat(cordon_vault::limits::HEADERS_BYTES_MAX);
    assert!(matches!(tag(CLEO, Some(&long)).await, Err(VaultError::Bound(_))));
    place.vault.remove(&place.asks(CLEO), &bucket, &name("a"), None).await.expect("hidden");
    assert!(matches!(tag(CLEO, Some("a=b")).await, Err(VaultError::NoObject)), "a mark has no tags");
    let events = place.events(Action::ObjectTag).await;
    assert_eq!(events.iter().filter(|event| event.outcome == Outcome::Allowed).count(), 2);
}

#[tokio::test]
async fn a_write_is_made_only_if_what_was_asked_holds_however_many_ask() {
    let place = Place::open().await;
    let bucket = place.bucket("locks", Level::Internal).await;
    let only = |only_if| Writing { only_if, ..writing("lock") };
    let tag = |tag: &str| Some(Content::Tag(tag.to_owned()));
    let is = |is| only(OnlyIf { is, is_not: None });
    let is_not = |is_not| only(OnlyIf { is: None, is_not });
    let missing = |outcome: &Result<_, VaultError>| matches!(outcome, Err(VaultError::NoObject));
    for content in [Some(Content::Any), tag("x-1")] {
        assert!(missing(&place.put(ADA, &bucket, is(content), vec![0]).await), "there is none yet");
    }
    let many = (0..8u8).map(|number| place.put(ADA, &bucket, is_not(Some(Content::Any)), vec![number]));
    let outcomes = futures_util::future::join_all(many).await;
    let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    let lost = |outcome: &Result<_, VaultError>| matches!(outcome, Err(VaultError::Precondition(_)));
    assert_eq!(outcomes.iter().filter(|outcome| lost(outcome)).count(), 7);
    let first = won[0].tag.clone();
    assert!(lost(&place.put(ADA, &bucket, is_not(tag(&first)), vec![8]).await));
    let second = place.put(ADA, &bucket, is(tag(&first)), vec![9]).await.expect("it is that").tag;
    assert!(lost(&place.put(ADA, &bucket, is(tag(&first)), vec![10]).await));
    place.put(ADA, &bucket, is_not(tag(&first)), vec![11]).await.expect("it is another");
    let both = OnlyIf { is: Some(Content::Any), is_not: tag(&second) };
    place.put(ADA, &bucket, only(both.clone()), vec![12]).await.expect("there is one, and it is another");
    let third = place.put(ADA, &bucket, is(Some(Content::Any)), vec![13]).await.expect("there is one").tag;
    assert!(lost(&place.put(ADA, &bucket, only(OnlyIf { is_not: tag(&third), ..both }), vec![14]).await));
    let many = (0..8u8).map(|number| place.put(ADA, &bucket, writing("lock"), vec![number]));
    let all: Result<Vec<_>, _> = futures_util::future::join_all(many).await.into_iter().collect();
    all.expect("each is written");
    assert_eq!(place.list(ADA, &bucket, crate::objects::all()).await.expect("listed"), ["lock"]);
}

#[tokio::test]
async fn a_deletion_is_made_only_if_it_is_what_was_asked_and_others_learn_nothing() {
    let place = Place::open().await;
    let bucket = place.bucket("locks", Level::Internal).await;
    let written = place.put(ADA, &bucket, writing("lock"), vec![1, 2, 3]).await.expect("written");
    let at_s = place.asks(ADA).at.0.div_euclid(1000);
    let tag = |tag: &str| Some(Content::Tag(tag.to_owned()));
    let remove =
        async |who, removal: Removal| place.vault.remove(&place.asks(who), &bucket, &name("lock"), removal).await;
    let wrong = [
        Removal { is: tag("another-1"), ..Removal::default() },
        Removal { at_s: Some(at_s - 1), ..Removal::default() },
        Removal { bytes: Some(4), ..Removal::default() },
        Removal { is: Some(Content::Any), at_s: Some(at_s), bytes: Some(4), ..Removal::default() },
    ];
    for removal in wrong {
        let refused = remove(ADA, removal.clone()).await;
        assert!(matches!(refused, Err(VaultError::Precondition(_))), "{removal:?}: {refused:?}");
        let unknown = remove(BOB, removal.clone()).await;
        assert!(matches!(unknown, Err(VaultError::Refused(_))), "whoever may not delete is not told: {unknown:?}");
    }
    let right = Removal { is: tag(&written.tag), at_s: Some(at_s), bytes: Some(3), version: Some(written.version) };
    assert_eq!(remove(ADA, right.clone()).await.expect("it is that"), Removed::Deleted(written.version));
    assert_eq!(remove(ADA, right).await.expect("gone already"), Removed::Nothing);
}

#[tokio::test]
async fn whoever_reads_what_another_takes_the_place_of_reads_it_to_its_end() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let (before, after) = (text(12 << 20, 1), text(12 << 20, 2));
    place.put(ADA, &bucket, writing("long"), before.clone()).await.expect("written");
    let key = name("long");
    let get = async || place.vault.get(&place.asks(ADA), &bucket, (&key, None), |said| said.bytes).await;
    let (got, unread) = (get().await.expect("allowed"), get().await.expect("allowed"));
    let mut pieces = Box::pin(got.bytes(0..before.len() as u64));
    let mut all = pieces.next().await.expect("a piece").expect("read").to_vec();
    place.put(ADA, &bucket, writing("long"), after.clone()).await.expect("written");
    drop(unread);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(place.blobs().len(), 2);
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece.expect("read"));
    }
    assert!(all == before);
    assert!(place.get(ADA, &bucket, "long").await.expect("read") == after);
    drop(pieces);
    let begun = std::time::Instant::now();
    while place.blobs().len() > 1 {
        assert!(begun.elapsed().as_secs() < 10, "the last reader removes it");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(place.get(ADA, &bucket, "long").await.expect("read") == after);
}

#[tokio::test]
async fn what_was_changed_on_the_disk_is_not_read() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    place.put(ADA, &bucket, writing("long"), text(3 << 20, 1)).await.expect("written");
    place.put(ADA, &bucket, writing("short"), text(100, 2)).await.expect("written");
    let blob = place.blobs().remove(0);
    let whole = std::fs::read(&blob).expect("reads");
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[2 << 20] ^= 1,
        |bytes| bytes.truncate(2 << 20),
        |bytes| bytes[3] ^= 1,
        |bytes| {
            let (first, second) = (bytes[1 << 20..2 << 20].to_vec(), bytes[2 << 20..3 << 20].to_vec());
            bytes[1 << 20..2 << 20].copy_from_slice(&second);
            bytes[2 << 20..3 << 20].copy_from_slice(&first);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut bytes = whole.clone();
        change(&mut bytes);
        std::fs::write(&blob, bytes).expect("written");
        let read = place.get(BOB, &bucket, "long").await.map(drop);
        assert!(matches!(read, Err(VaultError::Integrity(_))), "{number}: {read:?}");
    }
    std::fs::write(&blob, &whole).expect("written");
    place.get(BOB, &bucket, "long").await.expect("whole again");
    let database = rusqlite::Connection::open(place.database()).expect("opens");
    for (change, back) in [
        ("UPDATE entries SET key = 'zzz' WHERE key = 'short'", "UPDATE entries SET key = 'short' WHERE key = 'zzz'"),
        ("UPDATE entries SET number = 9 WHERE key = 'short'", "UPDATE entries SET number = 1 WHERE key = 'short'"),
        (
            "UPDATE bodies SET version = randomblob(16)",
            "UPDATE bodies SET version = (SELECT version FROM entries WHERE key = 'short')",
        ),
    ] {
        assert_eq!(database.execute(change, []).expect("changed"), 1, "{change}");
        let key = if change.contains("'zzz'") { "zzz" } else { "short" };
        let read = place.get(BOB, &bucket, key).await.map(drop);
        assert!(matches!(read, Err(VaultError::Integrity(_))), "{change}: {read:?}");
        assert_eq!(database.execute(back, []).expect("changed"), 1, "{back}");
    }
    assert_eq!(place.get(BOB, &bucket, "short").await.expect("whole"), text(100, 2));
    let mut sealed: Vec<u8> = database.query_row("SELECT sealed FROM bodies", [], |row| row.get(0)).expect("reads");
    sealed[50] ^= 1;
    assert_eq!(database.execute("UPDATE bodies SET sealed = ?1", [sealed]).expect("changed"), 1);
    let read = place.get(BOB, &bucket, "short").await.map(drop);
    assert!(matches!(read, Err(VaultError::Integrity(_))), "{read:?}");
}

#[tokio::test]
async fn what_an_upload_left_that_broke_off_is_removed_and_nothing_else() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    place.put(ADA, &bucket, writing("a"), text(100_000, 1)).await.expect("written");
    let led_to = place.blobs().remove(0);
    let folder = led_to.parent().expect("a folder");
    let (old, new) =
        (folder.join(format!("ov_{}.1", "ab".repeat(16))), folder.join(format!("ov_{}.2", "cd".repeat(16))));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for (path, left) in [(&old, true), (&new, false)] {
        std::fs::write(path, b"sealed").expect("written");
        if left {
            std::fs::File::options().write(true).open(path).and_then(|file| file.set_modified(long_ago)).expect("set");
        }
    }
    std::fs::File::options().write(true).open(&led_to).and_then(|file| file.set_modified(long_ago)).expect("set");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after it").as_millis();
    assert_eq!(place.vault.sweep(cordon_domain::Moment(now as i64)).await.expect("swept"), 1);
    assert!(!old.exists() && new.exists());
    assert!(place.get(BOB, &bucket, "a").await.expect("read") == text(100_000, 1));
}

#[tokio::test]
async fn a_backup_holds_what_the_database_leads_to() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let body = text(3 << 20, 1);
    place.put(ADA, &bucket, writing("long"), body.clone()).await.expect("written");
    place.put(ADA, &bucket, writing("short"), text(10, 2)).await.expect("written");
    let restored = place.restored().await;
    for (key, expected) in [("long", body), ("short", text(10, 2))] {
        let got = restored.get(&place.asks(BOB), &bucket, (&name(key), None), whole).await.expect("allowed");
        let all = 0..got.entry.said.bytes;
        assert!(read(got, all).await.expect("read") == expected, "{key}");
    }
}

#[tokio::test]
async fn an_upload_in_parts_is_whoever_began_its_and_leaves_nothing_when_given_up() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let (asks, key) = (place.asks(ADA), name("parts"));
    let upload = place.vault.begin_upload(&asks, &bucket, writing("parts")).await.expect("begun");
    let whole = |length, seed| stream::iter([Ok::<_, String>(Bytes::from(text(length, seed)))]);
    let at = (&bucket, &key, upload);
    let first = place.vault.send_part(&asks, at, (1, &Behind::default()), whole(5 << 20, 1)).await.expect("sent");
    let other = place.vault.send_part(&place.asks(CLEO), at, (2, &Behind::default()), whole(10, 2)).await.map(drop);
    assert!(matches!(other, Err(VaultError::NoUpload)), "{other:?}");
    let broken = stream::iter([Ok(Bytes::from(text(1000, 3))), Err("the client went")]);
    assert!(matches!(
        place.vault.send_part(&asks, at, (2, &Behind::default()), broken).await,
        Err(VaultError::Sent(_))
    ));
    assert_eq!(place.blobs().len(), 1, "of what broke off nothing is left");
    let second = place.vault.send_part(&asks, at, (2, &Behind::default()), whole(10, 2)).await.expect("sent");
    let again = place.vault.send_part(&asks, at, (2, &Behind::default()), whole(11, 4)).await.expect("sent");
    let stale = place
        .vault
        .finish_upload(&asks, at, &[(1, first.tag.clone()), (2, second.tag.clone())], Default::default())
        .await;
    assert!(matches!(stale, Err(VaultError::Parts(cordon_vault::error::PartsFault::Missing))), "{stale:?}");
    let made = place
        .vault
        .finish_upload(&asks, at, &[(1, first.tag), (2, second.tag), (2, again.tag)], Default::default())
        .await
        .expect("finished");
    let twice = place.vault.finish_upload(&asks, at, &[], Default::default()).await.expect("finished already");
    assert_eq!(twice, made, "whoever did not hear the answer may ask again");
    let other = place.vault.finish_upload(&place.asks(CLEO), at, &[], Default::default()).await;
    assert!(matches!(other, Err(VaultError::NoUpload)), "{other:?}");
    assert_eq!(place.blobs().len(), 2, "of one that was sent again the last is left");
    let late = place.vault.send_part(&asks, at, (1, &Behind::default()), whole(10, 2)).await.map(drop);
    assert!(matches!(late, Err(VaultError::NoUpload)), "{late:?}");
    assert!(matches!(place.vault.abort_upload(&asks, at).await, Err(VaultError::NoUpload)));
    let expected = [text(5 << 20, 1), text(11, 4)].concat();
    assert!(place.get(BOB, &bucket, "parts").await.expect("read") == expected);
    place.vault.remove(&place.asks(ADA), &bucket, &key, None).await.expect("deleted");
    assert_eq!(place.blobs().len(), 0);

    let upload = place.vault.begin_upload(&asks, &bucket, writing("parts")).await.expect("begun");
    let at = (&bucket, &key, upload);
    place.vault.send_part(&asks, at, (7, &Behind::default()), whole(10, 1)).await.expect("sent");
    assert_eq!(place.vault.uploads(&asks, &bucket).len(), 1);
    assert_eq!(place.vault.uploads(&place.asks(CLEO), &bucket), []);
    place.vault.abort_upload(&asks, at).await.expect("given up");
    assert!(place.blobs().is_empty() && place.vault.uploads(&asks, &bucket).is_empty());
    assert!(matches!(place.get(ADA, &bucket, "parts").await, Err(VaultError::NoObject)));
    let late = place.vault.begin_upload(&asks, &bucket, writing("late")).await.expect("begun");
    place
        .vault
        .send_part(&asks, (&bucket, &name("late"), late), (1, &Behind::default()), whole(10, 1))
        .await
        .expect("sent");
    place.clock.turn_ms(86_400_001);
    place.vault.begin_upload(&place.asks(ADA), &bucket, writing("next")).await.expect("begun");
    assert!(place.blobs().is_empty(), "an upload takes a day at most");
}

/// However far a finish came that nobody waited for: asked again it is finished, given up afterwards it loses nothing.
#[tokio::test]
async fn a_finish_whose_answer_nobody_heard_loses_nothing() {
    let place = Place::open().await;
    let bucket = place.bucket("corpus", Level::Internal).await;
    let mut made_unheard = 0;
    for turns in 0..30 {
        let (asks, key) = (place.asks(ADA), name(&format!("parts {turns}")));
        let upload = place.vault.begin_upload(&asks, &bucket, writing(key.as_str())).await.expect("begun");
        let at = (&bucket, &key, upload);
        let body = stream::iter([Ok::<_, String>(Bytes::from(text(1000, turns)))]);
        let part = place.vault.send_part(&asks, at, (1, &Behind::default()), body).await.expect("sent");
        let named = [(1, part.tag)];
        {
            let mut first = Box::pin(place.vault.finish_upload(&asks, at, &named, Default::default()));
            for _ in 0..turns {
                if futures_util::poll!(first.as_mut()).is_ready() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_micros(200)).await;
            }
        }
        // What was asked for is carried out, or not, before anything else that is.
        place.put(ADA, &bucket, writing("other"), vec![1]).await.expect("written");
        made_unheard += u32::from(place.get(BOB, &bucket, key.as_str()).await.is_ok());
        let again = place.vault.finish_upload(&place.asks(ADA), at, &named, Default::default()).await.map(drop);
        assert!(matches!(again, Ok(()) | Err(VaultError::NoUpload)), "{turns}: {again:?}");
        let given_up = place.vault.abort_upload(&place.asks(ADA), at).await;
        assert!(matches!(given_up, Err(VaultError::NoUpload)), "{turns}: {given_up:?}");
        assert!(place.get(BOB, &bucket, key.as_str()).await.expect("whole") == text(1000, turns), "{turns}");
    }
    assert!((1..30).contains(&made_unheard), "some were made before they were given up on, some not: {made_unheard}");
}
