//! Looking into what was written: who reads it before, what is found in it, what is held, and released.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_domain::{
    Action, Bucket, Found, Inspection, Kind, Knowledge, Label, Level, Looked, Origin, Outcome, PrincipalId, Prints,
    Seen, VersionId,
};
use cordon_gate::Facts;
use cordon_store::inspections::Wanted;
use cordon_vault::limits::LOOK_NOW_BYTES_MAX;
use cordon_vault::put::Behind;
use cordon_vault::{Inspector, LookFault, Looking, VaultError, Wants};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use crate::place::{ADA, BOB, CLEO, Place, at_least, name, read, whole, writing};

/// Finds the word SECRET, takes LOCKED for what cannot be read, and dies of DIES.
#[derive(Default)]
pub(crate) struct Words {
    /// Nobody is free to look at once.
    pub(crate) busy: AtomicBool,
    /// How often somebody looked into something as it came.
    beside: AtomicUsize,
    /// What was looked into, in its order.
    seen: Arc<Mutex<Vec<String>>>,
    died: Arc<AtomicUsize>,
}

fn looked(body: &[u8]) -> Looked {
    let has = |word: &[u8]| body.windows(word.len()).position(|window| window == word);
    let found = has(b"SECRET").map(|at| Found {
        kind: Kind::Secret,
        rule: "a-word".to_owned(),
        level: Level::Confidential,
        line: 1,
        column: at as u64 + 1,
        bytes: 6,
        depth: 0,
        of: None,
        named: None,
    });
    let mut looked = Looked { unread: u64::from(has(b"LOCKED").is_some()), ..Looked::default() };
    found.into_iter().for_each(|one| looked.add(one));
    looked
}

impl Inspector for Words {
    fn knows(&self, _: Arc<Knowledge>) {}

    fn look_now(&self, wants: &Wants, body: Bytes) -> Looking {
        match self.busy.load(Ordering::Relaxed) {
            true => Box::pin(std::future::ready(Err(LookFault::Worker("nobody is free".to_owned())))),
            false => self.look(wants, body.len() as u64, stream::iter([Ok(body)]).boxed()),
        }
    }

    fn look_beside(&self, wants: &Wants, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Option<Looking> {
        self.beside.fetch_add(1, Ordering::Relaxed);
        (!self.busy.load(Ordering::Relaxed)).then(|| self.look(wants, 0, body))
    }

    fn is_large(&self, bytes: u64) -> bool {
        bytes > 2 << 20
    }

    fn look(&self, wants: &Wants, _: u64, mut body: BoxStream<'static, Result<Bytes, VaultError>>) -> Looking {
        let prints = wants.prints.then(Prints::default);
        let (name, seen, died) = (wants.name.clone(), Arc::clone(&self.seen), Arc::clone(&self.died));
        Box::pin(async move {
            let mut all = Vec::new();
            while let Some(piece) = body.next().await {
                all.extend_from_slice(&piece?);
            }
            if all.starts_with(b"DIES") {
                died.fetch_add(1, Ordering::Relaxed);
                return Err(LookFault::Worker("it died".to_owned()));
            }
            seen.lock().expect("whole").push(name);
            Ok(Seen { prints, ..looked(&all).into() })
        })
    }
}

async fn place(busy: bool) -> (Place, Bucket, Arc<Words>) {
    let words = Arc::new(Words { busy: AtomicBool::new(busy), ..Words::default() });
    let place = Place::open().await;
    let bucket = place.bucket("notes", Level::Internal).await;
    (place.inspected_by(Arc::clone(&words) as _), bucket, words)
}

async fn inspection(place: &Place, bucket: &Bucket, key: &str) -> Option<Inspection> {
    let (entry, _) = place.vault.head(&place.asks(ADA), bucket, &name(key), None).await.expect("there");
    entry.said.inspection
}

#[tokio::test]
async fn what_is_short_and_clean_is_looked_into_before_its_name_leads_to_it() {
    let (place, bucket, _) = place(false).await;
    let written = place.put(CLEO, &bucket, writing("plan"), b"nothing".to_vec()).await.expect("written");
    assert_eq!(written.label.level, Level::Internal);
    assert!(
        matches!(inspection(&place, &bucket, "plan").await, Some(Inspection::Done(done)) if done.looked.is_clean())
    );
    assert_eq!(place.get(BOB, &bucket, "plan").await.expect("read"), b"nothing");
    assert_eq!(place.events(Action::ObjectInspect).await, [], "the event of the write says all");
    assert_eq!(place.events(Action::ObjectWrite).await[0].reason.as_deref(), Some("nothing was found"));
}

#[tokio::test]
async fn what_was_not_looked_into_is_read_by_its_writer_alone() {
    let (place, bucket, words) = place(true).await;
    place.put(CLEO, &bucket, writing("plan"), b"nothing".to_vec()).await.expect("written");
    assert_eq!(inspection(&place, &bucket, "plan").await, Some(Inspection::Pending));
    assert_eq!(place.get(CLEO, &bucket, "plan").await.expect("its writer"), b"nothing");
    // An owner is somebody else, too.
    for other in [BOB, ADA] {
        let refused = place.get(other, &bucket, "plan").await;
        assert!(matches!(refused, Err(VaultError::Pending)), "{refused:?}");
    }
    let denied: Vec<_> = place.events(Action::ObjectRead).await;
    let denied = denied.iter().filter(|event| event.outcome == Outcome::Denied);
    assert!(denied.clone().all(|event| event.policies == ["pending"]) && denied.count() == 2);
    assert_eq!(words.seen.lock().expect("whole").len(), 0);
    place.vault.inspect_waiting().await.expect("looked");
    assert_eq!(place.get(BOB, &bucket, "plan").await.expect("read"), b"nothing");
    let looks = place.events(Action::ObjectInspect).await;
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0].actor.principal, place.installation.itself());
    assert_eq!(looks[0].reason.as_deref(), Some("nothing was found"));
}

/// Whoever waits for a look is answered as soon as it was taken.
#[tokio::test]
async fn a_reader_waits_a_little_for_the_look() {
    let (place, bucket, _) = place(true).await;
    place.put(CLEO, &bucket, writing("plan"), b"nothing".to_vec()).await.expect("written");
    let (got, looked) = tokio::join!(place.get(BOB, &bucket, "plan"), place.vault.inspect_waiting());
    looked.expect("looked");
    assert_eq!(got.expect("read"), b"nothing");
}

#[tokio::test]
async fn what_is_found_raises_the_label_and_tells_why() {
    for busy in [false, true] {
        let (place, bucket, _) = place(busy).await;
        let written = place.put(CLEO, &bucket, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
        let expected = if busy { Level::Internal } else { Level::Confidential };
        assert_eq!(written.label.level, expected, "a writer is told what is known");
        place.vault.inspect_waiting().await.expect("looked");
        let (_, label) = place.vault.head(&place.asks(ADA), &bucket, &name("plan"), None).await.expect("there");
        assert_eq!((label.level, label.origin), (Level::Confidential, Origin::Inferred));
        let refused = place.get(BOB, &bucket, "plan").await;
        assert!(matches!(refused, Err(VaultError::NoObject)), "{refused:?}");
        assert_eq!(place.get(CLEO, &bucket, "plan").await.expect("read"), b"a SECRET");
        let raised = place.events(Action::LabelRaise).await;
        assert_eq!(raised.len(), 1);
        assert_eq!(raised[0].reason.as_deref(), Some("a-word at 1:3"));
        assert_eq!(raised[0].policies, ["inspection"]);
    }
}

#[tokio::test]
async fn a_writer_need_not_be_cleared_for_what_is_found() {
    let (place, bucket, _) = place(false).await;
    let restricted = place.bucket("plans", Level::Confidential).await;
    let found = place.put(CLEO, &restricted, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
    assert_eq!(found.label.level, Level::Confidential, "as high as it is already");
    assert!(place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0.is_empty());
    // Bob is cleared for internal, and may write here from now on.
    place.may_write(BOB, &bucket).await;
    let written = place.put(BOB, &bucket, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
    assert_eq!(written.label.level, Level::Confidential);
    assert!(matches!(place.get(BOB, &bucket, "plan").await, Err(VaultError::NoObject)));
}

#[tokio::test]
async fn a_label_is_never_lowered_by_a_look() {
    let (place, bucket, _) = place(true).await;
    place.put(ADA, &bucket, at_least("plan", Level::Restricted), b"a SECRET".to_vec()).await.expect("written");
    place.vault.inspect_waiting().await.expect("looked");
    let (entry, label) = place.vault.head(&place.asks(ADA), &bucket, &name("plan"), None).await.expect("there");
    assert_eq!(label, Label::of(Level::Restricted));
    assert!(matches!(entry.said.inspection, Some(Inspection::Done(done)) if done.before.is_none() && !done.is_held()));
}

#[tokio::test]
async fn what_cannot_be_read_stays_at_least_confidential_and_says_so() {
    for (body, tries) in [(b"LOCKED".as_slice(), 0), (b"DIES", 2)] {
        let (place, bucket, words) = place(true).await;
        place.put(CLEO, &bucket, writing("box"), body.to_vec()).await.expect("written");
        place.vault.inspect_waiting().await.expect("looked");
        assert_eq!(words.died.load(Ordering::Relaxed), tries, "it is tried once more");
        let held = place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0;
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].label.level, held[0].inspected.looked.unread), (Level::Confidential, 1));
    }
}

fn long_secret() -> Vec<u8> {
    [vec![b'x'; 3 << 20], b"SECRET".to_vec()].concat()
}

#[tokio::test]
async fn what_is_long_is_looked_into_as_it_comes() {
    let (place, bucket, words) = place(false).await;
    let clean = vec![b'x'; 3 << 20];
    place.put(CLEO, &bucket, writing("clean"), clean.clone()).await.expect("written");
    assert_eq!(place.get(BOB, &bucket, "clean").await.expect("at once"), clean);
    assert_eq!(place.events(Action::ObjectInspect).await, [], "the event of the write says all");
    let written = place.put(CLEO, &bucket, writing("long"), long_secret()).await.expect("written");
    assert_eq!(written.label.level, Level::Confidential, "a writer is told what is known");
    assert_eq!(*words.seen.lock().expect("whole"), ["clean", "long"]);
    assert_eq!(place.get(ADA, &bucket, "long").await.expect("opens"), long_secret());
}

/// What is short is kept to its end; what is longer is looked into from its beginning, once.
#[tokio::test]
async fn what_is_long_is_not_kept() {
    for (pieces, beside) in [
        (vec![LOOK_NOW_BYTES_MAX], 0),
        (vec![LOOK_NOW_BYTES_MAX - 1, 1], 0),
        (vec![LOOK_NOW_BYTES_MAX, 1], 1),
        (vec![LOOK_NOW_BYTES_MAX + 1, 5, 5], 1),
    ] {
        for busy in [false, true] {
            let (place, bucket, words) = place(busy).await;
            let body = pieces.iter().map(|length| Ok::<_, String>(Bytes::from(vec![b'x'; *length])));
            let asks = place.asks(CLEO);
            place
                .vault
                .put(&asks, &bucket, writing("a"), stream::iter(body.collect::<Vec<_>>()))
                .await
                .expect("written");
            assert_eq!(words.beside.load(Ordering::Relaxed), beside, "{pieces:?}: it does not begin anew");
            assert_eq!(words.seen.lock().expect("whole").len(), usize::from(!busy), "{pieces:?}");
        }
    }
}

/// What breaks off is not taken for all of it, and whoever looks dies of it in peace.
#[tokio::test]
async fn what_breaks_off_or_is_died_of_is_not_seen() {
    let (place, bucket, words) = place(false).await;
    let pieces = [Ok(Bytes::from(vec![b'x'; 3 << 20])), Err("gone")];
    let broken = place.vault.put(&place.asks(CLEO), &bucket, writing("broken"), stream::iter(pieces)).await;
    assert!(matches!(broken, Err(VaultError::Sent(_))), "{broken:?}");
    let dies = [b"DIES".to_vec(), vec![b'x'; 3 << 20]].concat();
    place.put(CLEO, &bucket, writing("dies"), dies).await.expect("written");
    assert_eq!(words.died.load(Ordering::Relaxed), 1);
    assert_eq!(inspection(&place, &bucket, "dies").await, Some(Inspection::Pending));
    assert!(words.seen.lock().expect("whole").is_empty());
}

#[tokio::test]
async fn what_is_long_and_what_came_in_parts_is_looked_into_afterwards() {
    let (place, bucket, words) = place(true).await;
    place.put(CLEO, &bucket, writing("long"), long_secret()).await.expect("written");
    assert_eq!(inspection(&place, &bucket, "long").await, Some(Inspection::Pending));
    let upload = place.vault.begin_upload(&place.asks(CLEO), &bucket, writing("parts")).await.expect("begun");
    let of = (&bucket, &name("parts"), upload);
    let body = stream::iter([Ok::<_, String>(Bytes::from_static(b"a SECRET"))]);
    let part = place.vault.send_part(&place.asks(CLEO), of, (1, &Behind::default()), body).await.expect("sent");
    place.vault.finish_upload(&place.asks(CLEO), of, &[(1, part.tag)], Default::default()).await.expect("finished");
    place.vault.inspect_waiting().await.expect("looked");
    let mut seen = words.seen.lock().expect("whole").clone();
    seen.sort();
    assert_eq!(seen, ["long", "parts"]);
    for key in ["long", "parts"] {
        let (_, label) = place.vault.head(&place.asks(ADA), &bucket, &name(key), None).await.expect("there");
        assert_eq!(label.level, Level::Confidential, "{key}");
    }
    assert_eq!(place.get(ADA, &bucket, "long").await.expect("still opens"), long_secret());
}

#[tokio::test]
async fn what_is_overwritten_or_deleted_meanwhile_is_looked_into_by_nobody() {
    let (place, bucket, words) = place(true).await;
    place.put(CLEO, &bucket, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
    place.put(CLEO, &bucket, writing("plan"), b"nothing".to_vec()).await.expect("written over");
    place.put(CLEO, &bucket, writing("gone"), b"a SECRET".to_vec()).await.expect("written");
    place.vault.remove(&place.asks(ADA), &bucket, &name("gone"), None).await.expect("removed");
    place.vault.inspect_waiting().await.expect("looked");
    assert_eq!(*words.seen.lock().expect("whole"), ["plan"]);
    assert_eq!(place.events(Action::LabelRaise).await, []);
}

#[tokio::test]
async fn a_copy_of_what_is_pending_is_pending() {
    let (place, bucket, _) = place(true).await;
    place.put(CLEO, &bucket, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
    let got = place.vault.get(&place.asks(CLEO), &bucket, (&name("plan"), None), whole).await.expect("its writer");
    let label = got.label.clone();
    let body = read(got, 0..8).await.expect("read");
    let copy = cordon_vault::Writing { label: Some(label), ..writing("copy") };
    place.put(CLEO, &bucket, copy, body).await.expect("copied");
    assert!(matches!(place.get(BOB, &bucket, "copy").await, Err(VaultError::Pending)));
    place.vault.inspect_waiting().await.expect("looked");
    assert!(matches!(place.get(BOB, &bucket, "copy").await, Err(VaultError::NoObject)));
}

/// A row that was changed beside Cordon is locked; what waits behind it is looked into.
#[tokio::test]
async fn a_row_that_was_changed_holds_up_nothing_else() {
    let (place, bucket, _) = place(true).await;
    for key in ["a", "b", "c"] {
        place.put(CLEO, &bucket, writing(key), b"nothing".to_vec()).await.expect("written");
    }
    let database = rusqlite::Connection::open(place.database()).expect("opens");
    // Said to be looked into: the column is not what decides.
    database.execute("UPDATE entries SET inspection = 0 WHERE key = 'a'", []).expect("changed");
    database.execute("UPDATE entries SET latest = 1, number = 9 WHERE key = 'b'", []).expect("changed");
    place.vault.inspect_waiting().await.expect("looked");
    assert!(matches!(place.get(BOB, &bucket, "a").await, Err(VaultError::Pending)), "it stays as it was");
    assert!(matches!(place.get(BOB, &bucket, "b").await, Err(VaultError::Integrity(_))));
    assert_eq!(place.get(BOB, &bucket, "c").await.expect("read"), b"nothing");
}

#[tokio::test]
async fn what_is_held_is_listed_for_whoever_may_know_and_released_by_two() {
    let (place, bucket, _) = place(false).await;
    let written = place.put(CLEO, &bucket, writing("plan"), b"a SECRET".to_vec()).await.expect("written");
    place.put(CLEO, &bucket, writing("other"), b"nothing".to_vec()).await.expect("written");
    let held = place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0;
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].entry.version, &held[0].label), (written.version, &written.label));
    assert_eq!(held[0].inspected.before, Some(Label::of(Level::Internal)));
    assert_eq!(held[0].inspected.looked.found[0].rule, "a-word");
    assert!(
        place.vault.held(&place.asks(BOB), Wanted::Held).await.expect("reads").0.is_empty(),
        "he may not know of it"
    );
    let release = async |who: u8, key: &str, version: Option<VersionId>| {
        let asks = Facts { reason: Some("made up".to_owned()), ..place.asks(who) };
        let release = place.vault.release(&asks, &bucket, (&name(key), version)).await?;
        place.vault.carry_out(release).await
    };
    assert!(matches!(release(BOB, "plan", None).await, Err(VaultError::NoObject)));
    assert!(matches!(release(CLEO, "plan", None).await, Err(VaultError::Refused(_))), "no owner");
    assert!(matches!(release(ADA, "other", None).await, Err(VaultError::Conflict(_))), "it is not held");
    let kept = place.put(CLEO, &bucket, writing("set"), b"a SECRET".to_vec()).await.expect("written");
    assert_eq!(kept.label.level, Level::Confidential);
    place.raise(ADA, &bucket, kept.version, &kept.label).await;
    assert!(matches!(release(ADA, "set", None).await, Err(VaultError::Conflict(_))), "somebody set a higher one since");
    let alone = release(ADA, "plan", None).await;
    let missing = |error: &VaultError| matches!(error, VaultError::Refused(one) if one.missing[0].contains("approval"));
    assert!(alone.as_ref().is_err_and(missing), "{alone:?}");
    let asks = Facts { reason: Some("made up".to_owned()), ..place.asks(ADA) };
    let mut planned = place.vault.release(&asks, &bucket, (&name("plan"), None)).await.expect("planned");
    planned.facts.approval = Some(place.approved(&planned.facts).await);
    let label = place.vault.carry_out(planned).await.expect("released");
    assert_eq!(label, Label::of(Level::Internal));
    assert_eq!(place.get(BOB, &bucket, "plan").await.expect("read"), b"a SECRET");
    let held = place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0;
    assert_eq!(held.iter().map(|one| one.entry.key.as_str()).collect::<Vec<_>>(), ["set"]);
    let released = inspection(&place, &bucket, "plan").await;
    let by = |done: &cordon_domain::Inspected| done.released.map(|released| released.by);
    assert!(matches!(released, Some(Inspection::Done(done)) if by(&done) == Some(PrincipalId([ADA; 16]))));
}
