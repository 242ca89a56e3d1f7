//! What is recognised in what is written, and what is registered for that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_domain::{
    Action, Bucket, Found, Inspection, Kind, Knowledge, Label, Level, Looked, Origin, Prints, Seen, VersionId,
};
use cordon_gate::Facts;
use cordon_vault::{Inspector, Looking, VaultError, Wants, Writing};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::place::{ADA, CLEO, Place, at_least, name, writing};

/// Takes each word for a passage: what shares one with a known version is a copy of it. MARKED is a marking.
#[derive(Default)]
struct Recalls {
    known: Mutex<Arc<Knowledge>>,
    told: AtomicUsize,
}

fn prints(body: &[u8]) -> Prints {
    let mut prints = Prints::default();
    for (at, word) in body.split(|byte| *byte == b' ').enumerate() {
        let hash = word.iter().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        prints.push(hash, at as u32);
    }
    prints
}

impl Recalls {
    fn seen(known: &Knowledge, body: &[u8], wanted: bool) -> Seen {
        let own: Vec<u64> = prints(body).iter().map(|(hash, _)| hash).collect();
        let found =
            |kind, level, of| Found { kind, rule: "it".to_owned(), level, line: 1, column: 1, bytes: 1, depth: 0, of };
        let mut looked = Looked::default();
        for one in known.documents.iter().filter(|one| one.prints.iter().any(|(hash, _)| own.contains(&hash))) {
            looked.add(found(Kind::Copy, one.level, Some(one.version)));
        }
        if body.starts_with(b"MARKED") {
            looked.add(found(Kind::Marking, Level::Restricted, None));
        }
        Seen { looked, prints: wanted.then(|| prints(body)) }
    }
}

impl Inspector for Recalls {
    fn knows(&self, knowledge: Arc<Knowledge>) {
        self.told.fetch_add(1, Ordering::Relaxed);
        *self.known.lock().expect("whole") = knowledge;
    }

    fn look_now(&self, wants: &Wants, body: Bytes) -> Looking {
        let seen = Self::seen(&self.known.lock().expect("whole"), &body, wants.prints);
        Box::pin(std::future::ready(Ok(seen)))
    }

    fn look(&self, wants: &Wants, _: u64, mut body: BoxStream<'static, Result<Bytes, VaultError>>) -> Looking {
        let (known, wanted) = (Arc::clone(&self.known.lock().expect("whole")), wants.prints);
        Box::pin(async move {
            let mut all = Vec::new();
            while let Some(piece) = body.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(Self::seen(&known, &all, wanted))
        })
    }

    fn is_large(&self, _: u64) -> bool {
        false
    }
}

async fn place() -> (Place, Bucket, Arc<Recalls>) {
    let recalls = Arc::new(Recalls::default());
    let place = Place::open().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    (place.inspected_by(Arc::clone(&recalls) as _), bucket, recalls)
}

async fn put(place: &Place, bucket: &Bucket, new: Writing, body: &str) -> (VersionId, Label) {
    let written = place.put(ADA, bucket, new, body.as_bytes().to_vec()).await.expect("written");
    place.vault.learn().await.expect("learnt");
    (written.version, written.label)
}

fn known(recalls: &Recalls) -> Vec<VersionId> {
    let mut known: Vec<_> = recalls.known.lock().expect("whole").documents.iter().map(|one| one.version).collect();
    known.sort();
    known
}

#[tokio::test]
async fn a_copy_of_what_is_restricted_is_restricted_and_of_its_projects() {
    let (place, bucket, recalls) = place().await;
    let label = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
    let plan = Writing { label: Some(label.clone()), ..writing("plan") };
    let (original, _) = put(&place, &bucket, plan, "heron flies in june").await;
    assert_eq!(known(&recalls), [original]);
    let (copy, raised) = put(&place, &bucket, writing("mail"), "they say that heron leaves").await;
    assert_eq!((raised.level, &raised.projects, raised.origin), (Level::Restricted, &label.projects, Origin::Inferred));
    let (entry, _) = place.vault.head(&place.asks(ADA), &bucket, &name("mail"), None).await.expect("there");
    let Some(Inspection::Done(done)) = entry.said.inspection else { panic!("looked into") };
    assert_eq!(done.looked.found[0].of, Some(original));
    assert_eq!(done.got.as_ref(), Some(&raised));
    assert_eq!(place.events(Action::LabelRaise).await.len(), 1);
    assert_eq!(known(&recalls), [original], "what was inferred registers nothing");
    let (_, other) = put(&place, &bucket, writing("other"), "they say nothing else").await;
    assert_eq!(other.level, Level::Internal, "it shares words with the copy alone");
    let held = place.vault.held(&place.asks(ADA)).await.expect("reads").0;
    assert_eq!(held.iter().map(|one| one.entry.version).collect::<Vec<_>>(), [copy]);
    // Written again, or copied with its label, it is as inferred as it was.
    let (_, again) = put(&place, &bucket, writing("mail"), "they say something else now").await;
    let copied = Writing { label: Some(raised), ..writing("copied") };
    let (_, copied) = put(&place, &bucket, copied, "they say that heron leaves").await;
    assert_eq!((again.level, again.origin), (Level::Restricted, Origin::Inferred));
    assert_eq!((copied.level, copied.origin), (Level::Restricted, Origin::Inferred));
    assert_eq!(known(&recalls), [original]);
}

#[tokio::test]
async fn an_original_that_quotes_another_is_one_and_of_both_projects() {
    let (place, bucket, recalls) = place().await;
    let label = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
    let (first, _) =
        put(&place, &bucket, Writing { label: Some(label.clone()), ..writing("a") }, "heron flies in june").await;
    let (second, both) = put(&place, &bucket, at_least("b", Level::Restricted), "as heron does we go").await;
    assert_eq!(both, label);
    let mut all = [first, second];
    all.sort();
    assert_eq!(known(&recalls), all);
}

/// Whoever may write to an open place does not decide what is restricted elsewhere.
#[tokio::test]
async fn a_marking_of_somebody_who_is_not_cleared_registers_nothing() {
    let (place, bucket, recalls) = place().await;
    let written =
        place.put(CLEO, &bucket, writing("footer"), b"MARKED best regards to all".to_vec()).await.expect("written");
    assert_eq!(written.label.level, Level::Restricted);
    place.vault.learn().await.expect("learnt");
    assert_eq!(known(&recalls), []);
    put(&place, &bucket, at_least("short", Level::Restricted), "two words").await;
    assert_eq!(known(&recalls), [], "too short to be told from anything else");
}

#[tokio::test]
async fn what_a_marking_says_is_registered_and_goes_with_its_version() {
    let (place, bucket, recalls) = place().await;
    let (marked, label) = put(&place, &bucket, writing("plan"), "MARKED heron flies").await;
    assert_eq!((label.level, label.origin), (Level::Restricted, Origin::Marked));
    assert_eq!(known(&recalls), [marked]);
    let (long, _) = put(&place, &bucket, at_least("long", Level::Restricted), &"osprey ".repeat(300_000)).await;
    assert_eq!(known(&recalls), [marked], "it is not looked into yet");
    place.vault.inspect_waiting().await.expect("looked");
    place.vault.learn().await.expect("learnt");
    let mut both = [marked, long];
    both.sort();
    assert_eq!(known(&recalls), both);
    let told = recalls.told.load(Ordering::Relaxed);
    place.vault.learn().await.expect("learnt");
    assert_eq!(recalls.told.load(Ordering::Relaxed), told, "nothing changed");
    let (confidential, _) = put(&place, &bucket, at_least("less", Level::Confidential), "stork flies too").await;
    assert!(!known(&recalls).contains(&confidential));
    // Another version takes its place.
    let (again, _) = put(&place, &bucket, writing("plan"), "nothing is here").await;
    let mut both = [again, long];
    both.sort();
    assert_eq!(known(&recalls), both, "a name that led to what is restricted goes on doing so");
    place.vault.remove(&place.asks(ADA), &bucket, &name("long"), None).await.expect("deleted");
    place.vault.learn().await.expect("learnt");
    assert_eq!(known(&recalls), [again]);
    let (_, free) = put(&place, &bucket, writing("mail"), "osprey heron").await;
    assert_eq!(free.level, Level::Internal);
}

#[tokio::test]
async fn a_copy_that_is_none_gets_its_label_back() {
    let (place, bucket, _) = place().await;
    let label = Label::of(Level::Restricted).with("heron".parse().expect("a project"));
    put(&place, &bucket, Writing { label: Some(label), ..writing("plan") }, "heron flies away").await;
    put(&place, &bucket, writing("birds"), "the heron is a bird").await;
    // What is known changes meanwhile.
    put(&place, &bucket, at_least("more", Level::Restricted), "what a bird").await;
    let asks = Facts { reason: Some("a bird".to_owned()), ..place.asks(ADA) };
    let mut release = place.vault.release(&asks, &bucket, (&name("birds"), None)).await.expect("is held");
    release.facts.approval = Some(place.approved(&release.facts).await);
    assert_eq!(place.vault.carry_out(release).await.expect("released"), Label::of(Level::Internal));
    assert_eq!(place.get(CLEO, &bucket, "birds").await.expect("read"), b"the heron is a bird");
}

#[tokio::test]
async fn what_was_changed_beside_cordon_is_not_recognised_and_hides_nothing_else() {
    let (place, bucket, recalls) = place().await;
    let (first, _) = put(&place, &bucket, at_least("a", Level::Restricted), "heron one two").await;
    let (second, _) = put(&place, &bucket, at_least("b", Level::Restricted), "osprey three four").await;
    let database = rusqlite::Connection::open(place.database()).expect("opens");
    let change = "UPDATE prints SET prints = (SELECT prints FROM prints WHERE version = ?2) WHERE version = ?1";
    assert_eq!(database.execute(change, (&first.0[..], &second.0[..])).expect("changed"), 1);
    let (third, _) = put(&place, &bucket, at_least("c", Level::Restricted), "stork five six").await;
    assert!(!known(&recalls).contains(&first) && known(&recalls).len() == 2);
    let change = "UPDATE objects SET level = 1, label = manifest WHERE version = ?1";
    assert_eq!(database.execute(change, [&second.0[..]]).expect("changed"), 1);
    let (fourth, _) = put(&place, &bucket, at_least("d", Level::Restricted), "gull seven eight").await;
    let mut left = [third, fourth];
    left.sort();
    assert_eq!(known(&recalls), left);
}
