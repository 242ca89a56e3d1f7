//! The same content, written again: it gets the label of the original, whatever it is, however it is cut, and wherever it goes.

use std::sync::Arc;

use bytes::Bytes;
use cordon_domain::{Action, Bucket, Etags, Guarding, Inspection, Label, Level, Mode, Origin, Prints, Role, Seen};
use cordon_gate::Facts;
use cordon_testkit::Chance;
use cordon_vault::put::Behind;
use cordon_vault::{Guard, VaultError, Writing};
use futures_util::stream;

use crate::place::{ADA, BOB, Judges, Place, at_least, name, writing};

/// Finds nothing, as in an image; what begins with COMMON is a licence.
fn finds_nothing(body: &[u8]) -> Seen {
    Seen { prints: Some(Prints::default()), is_common: body.starts_with(b"COMMON"), ..Seen::default() }
}

async fn place() -> (Place, Bucket) {
    let place = Place::open().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    (place.inspected_by(Arc::new(Judges(finds_nothing))), bucket)
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    (0..bytes).map(|_| chance.below(256) as u8).collect()
}

async fn label_of(place: &Place, bucket: &Bucket, key: &str) -> Label {
    place.vault.inspect_waiting().await.expect("looked into");
    place.vault.head(&place.asks(ADA), bucket, &name(key), None).await.expect("there").1
}

/// Writes a body in parts.
async fn in_parts(place: &Place, bucket: &Bucket, key: &str, parts: &[&[u8]]) -> String {
    let (asks, new, key) = (place.asks(ADA), writing(key), name(key));
    let upload = place.vault.begin_upload(&asks, bucket, new).await.expect("begun");
    let mut named = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let body = stream::iter([Ok::<_, VaultError>(Bytes::copy_from_slice(part))]);
        let sent = place
            .vault
            .send_part(&asks, (bucket, &key, upload), (number, &Behind::default()), body)
            .await
            .expect("sent");
        named.push((number, sent.tag));
    }
    let to = (bucket, &key, upload);
    place.vault.finish_upload(&asks, to, &named, Default::default()).await.expect("finished").tag
}

#[tokio::test]
async fn the_same_content_gets_the_label_of_the_original() {
    let (place, bucket) = place().await;
    let label = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
    for (number, bytes) in [64, 5_000, 200_000, 3 << 20].into_iter().enumerate() {
        let body = noise(number as u64, bytes);
        let original = Writing { label: Some(label.clone()), ..writing(&format!("original-{number}")) };
        let original = place.put(ADA, &bucket, original, body.clone()).await.expect("written").version;
        place.vault.inspect_waiting().await.expect("looked into");
        let (copy, other) = (format!("copy-{number}"), format!("other-{number}"));
        place.put(ADA, &bucket, writing(&copy), body.clone()).await.expect("written");
        let raised = label_of(&place, &bucket, &copy).await;
        assert_eq!((raised.level, &raised.projects), (label.level, &label.projects), "{bytes} bytes");
        assert_eq!(raised.origin, Origin::Inferred);
        let (entry, _) = place.vault.head(&place.asks(ADA), &bucket, &name(&copy), None).await.expect("there");
        let Some(Inspection::Done(done)) = entry.said.inspection else { panic!("looked into") };
        assert_eq!((done.looked.found[0].rule.as_str(), done.looked.found[0].of), ("same-content", Some(original)));
        place.put(ADA, &bucket, writing(&other), [body.as_slice(), b"."].concat()).await.expect("written");
        assert_eq!(label_of(&place, &bucket, &other).await.level, Level::Internal, "another content");
    }
}

#[tokio::test]
async fn parts_of_any_common_size_are_the_same_content() {
    let (place, bucket) = place().await;
    let body = noise(7, (11 << 20) + 5);
    let original = at_least("original", Level::Restricted);
    place.put(ADA, &bucket, original, body.clone()).await.expect("written");
    place.vault.inspect_waiting().await.expect("looked into");
    for size in [5 << 20, 8 << 20, (5 << 20) + 1] {
        let key = format!("in-parts-of-{size}");
        let parts: Vec<&[u8]> = body.chunks(size).collect();
        let tag = in_parts(&place, &bucket, &key, &parts).await;
        assert!(tag.ends_with(&format!("-{}", parts.len())), "{tag}");
        assert_eq!(label_of(&place, &bucket, &key).await.level, Level::Restricted, "{size}");
    }
}

#[tokio::test]
async fn what_is_short_or_common_or_withdrawn_is_recognised_by_nothing() {
    let (place, bucket) = place().await;
    let short = noise(1, 63);
    let common = [b"COMMON".as_slice(), &noise(2, 400)].concat();
    let withdrawn = noise(3, 400);
    for (key, body) in [("short", &short), ("common", &common), ("withdrawn", &withdrawn)] {
        let original = at_least(key, Level::Restricted);
        place.put(ADA, &bucket, original, body.clone()).await.expect("written");
    }
    let because = Facts { reason: Some("it was announced".to_owned()), ..place.asks(ADA) };
    place.vault.forget_prints(&because, &bucket, (&name("withdrawn"), None)).await.expect("withdrawn");
    let again = place.vault.forget_prints(&because, &bucket, (&name("common"), None)).await;
    assert!(matches!(again, Err(VaultError::Conflict(_))), "it was recognised by nothing");
    for (key, body) in [("short-2", short), ("common-2", common), ("withdrawn-2", withdrawn)] {
        place.put(ADA, &bucket, writing(key), body).await.expect("written");
        assert_eq!(label_of(&place, &bucket, key).await.level, Level::Internal, "{key}");
    }
}

/// What was copied does not make a copy of it an original; and it goes with its version.
#[tokio::test]
async fn a_copy_registers_nothing_and_what_is_gone_is_not_recognised() {
    let (place, bucket) = place().await;
    let body = noise(1, 300);
    let original = at_least("original", Level::Restricted);
    place.put(ADA, &bucket, original, body.clone()).await.expect("written");
    place.put(ADA, &bucket, writing("copy"), body.clone()).await.expect("written");
    assert_eq!(label_of(&place, &bucket, "copy").await.level, Level::Restricted);
    place.vault.remove(&place.asks(ADA), &bucket, &name("original"), None).await.expect("deleted");
    place.put(ADA, &bucket, writing("later"), body).await.expect("written");
    assert_eq!(label_of(&place, &bucket, "later").await.level, Level::Internal);
}

/// What is released, and is restricted still because somebody said so, stays an original.
#[tokio::test]
async fn an_original_that_is_released_is_one_still() {
    let (place, bucket) = place().await;
    let body = noise(8, 300);
    let heron = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
    let first = Writing { label: Some(heron.clone()), ..writing("first") };
    place.put(ADA, &bucket, first, body.clone()).await.expect("written");
    place.put(ADA, &bucket, at_least("second", Level::Restricted), body.clone()).await.expect("written");
    assert_eq!(label_of(&place, &bucket, "second").await, heron, "it is of the project, too");
    let asks = Facts { reason: Some("it is not of that".to_owned()), ..place.asks(ADA) };
    let release = place.vault.release(&asks, &bucket, (&name("second"), None)).await;
    let mut release = release.expect("nothing else is missing");
    release.facts.approval = Some(place.approved(&release.facts).await);
    place.vault.carry_out(release).await.expect("released");
    assert_eq!(label_of(&place, &bucket, "second").await, Label::of(Level::Restricted));
    place.vault.remove(&place.asks(ADA), &bucket, &name("first"), None).await.expect("deleted");
    place.put(ADA, &bucket, writing("copy"), body).await.expect("written");
    assert_eq!(label_of(&place, &bucket, "copy").await.level, Level::Restricted);
}

/// Rows of equal contents do not show that they are equal.
#[tokio::test]
async fn what_is_stored_of_equal_contents_differs() {
    let (place, bucket) = place().await;
    for key in ["one", "two"] {
        place.put(ADA, &bucket, writing(key), noise(1, 300)).await.expect("written");
    }
    let content = async |key: &str| {
        let (entry, _) = place.vault.head(&place.asks(ADA), &bucket, &name(key), None).await.expect("there");
        entry.said.content.expect("known")
    };
    assert_ne!(content("one").await.0, content("two").await.0);
}

#[tokio::test]
async fn a_bucket_that_asks_has_tags_that_are_md5s() {
    let (place, bucket) = place().await;
    let drawn = place.put(ADA, &bucket, writing("drawn"), b"abc".to_vec()).await.expect("written").tag;
    assert!(drawn.ends_with("-1") && drawn.len() == 34, "{drawn}");
    let guarding = Guarding { etags: Etags::Md5, ..Guarding::DEFAULT };
    let asks = Facts { reason: Some("a client that compares".to_owned()), ..place.asks(ADA) };
    let Guard::Stricter(changed) = place.vault.guard(&asks, &bucket, guarding).await.expect("prepared") else {
        panic!("it takes no other people")
    };
    place.vault.change_bucket(&asks, *changed).await.expect("changed");
    let bucket = place.vault.bucket("notes").expect("there");
    assert_eq!(bucket.guarding().limits, Mode::Enforce);
    let tag = place.put(ADA, &bucket, writing("abc"), b"abc".to_vec()).await.expect("written").tag;
    assert_eq!(tag, "900150983cd24fb0d6963f7d28e17f72", "RFC 1321, section A.5");
    let part = vec![0; 5 << 20];
    let tag = in_parts(&place, &bucket, "parts", &[&part, b"abc"]).await;
    // MD5 of five mebibytes of zeros, and that of `abc`, hashed together.
    assert_eq!(tag, "6f6da174a7cb6de11e28d4dd2f9bcfe9-2");
}

#[tokio::test]
async fn another_reader_s_original_counts_for_everybody() {
    let (place, bucket) = place().await;
    let body = noise(4, 300);
    let original = at_least("original", Level::Restricted);
    place.put(ADA, &bucket, original, body.clone()).await.expect("written");
    place.may_write(BOB, &bucket).await;
    place.put(BOB, &bucket, writing("copy"), body).await.expect("written");
    assert_eq!(label_of(&place, &bucket, "copy").await.level, Level::Restricted);
    assert_eq!(place.events(Action::LabelRaise).await.len(), 1);
}

/// What two people made less is no original any more, and what three people keep in three places is nobody's.
#[tokio::test]
async fn what_was_lowered_or_stands_everywhere_is_nobodys() {
    let (place, bucket) = place().await;
    let (lowered, everywhere) = (noise(5, 300), noise(6, 300));
    place.put(ADA, &bucket, at_least("lowered", Level::Restricted), lowered.clone()).await.expect("written");
    let asks = Facts { reason: Some("announced".to_owned()), ..place.asks(ADA) };
    let to = Label::of(Level::Internal);
    let mut lowering =
        place.vault.lower(&asks, &bucket, (&name("lowered"), None), to).await.expect("nothing else is missing");
    lowering.facts.approval = Some(place.approved(&lowering.facts).await);
    place.vault.carry_out(lowering).await.expect("lowered");
    place.put(ADA, &bucket, writing("lowered-2"), lowered).await.expect("written");
    let (entry, label) = place.vault.head(&place.asks(ADA), &bucket, &name("lowered-2"), None).await.expect("there");
    assert_eq!(label.level, Level::Internal);
    assert!(entry.said.inspection.is_some_and(|inspection| inspection.may_be_public()), "it is clean");

    for (count, who) in [ADA, 31, 32].into_iter().enumerate() {
        if who != ADA {
            place.bring_in(who, Level::Restricted, Role::Owner).await;
        }
        let own = place.bucket(&format!("of-{who}"), Level::Restricted).await;
        place.put(who, &own, writing("logo"), everywhere.clone()).await.expect("written");
        let copy = format!("copy-{count}");
        place.put(ADA, &bucket, writing(&copy), everywhere.clone()).await.expect("written");
        let expected = if count < 2 { Level::Restricted } else { Level::Internal };
        assert_eq!(label_of(&place, &bucket, &copy).await.level, expected, "{copy}");
    }
}
