//! What is recognised in what is written, and what is registered for that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_domain::{
    Action, Bucket, Found, Guarding, Inspection, Kind, Knowledge, Label, Level, Looked, Mode, Origin, Outcome, Prints,
    Seen, VersionId,
};
use cordon_gate::Facts;
use cordon_store::entries::RECOGNISE;
use cordon_store::inspections::Wanted;
use cordon_vault::limits::LOOK_NOW_BYTES_MAX;
use cordon_vault::{Guard, Inspector, Looking, VaultError, Wants, Writing};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use crate::place::{ADA, BOB, CLEO, Place, at_least, name, writing};

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
        let found = |kind, level, of| Found {
            kind,
            rule: "it".to_owned(),
            level,
            line: 1,
            column: 1,
            bytes: 1,
            depth: 0,
            of,
            named: None,
        };
        let mut looked = Looked::default();
        for one in known.documents.iter().filter(|one| one.prints.iter().any(|(hash, _)| own.contains(&hash))) {
            looked.add(found(Kind::Copy, one.level, Some(one.version)));
        }
        let said = String::from_utf8_lossy(body);
        for one in known.names.iter().filter(|one| said.contains(&one.name)) {
            looked.add(Found { named: Some(one.id), ..found(Kind::Codename, one.label.level, None) });
        }
        if body.starts_with(b"MARKED") {
            looked.add(found(Kind::Marking, Level::Restricted, None));
        }
        Seen { looked, prints: wanted.then(|| prints(body)), is_common: false }
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

    fn look_beside(&self, wants: &Wants, body: BoxStream<'static, Result<Bytes, VaultError>>) -> Option<Looking> {
        Some(self.look(wants, 0, body))
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
    let held = place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0;
    assert_eq!(held.iter().map(|one| one.entry.version).collect::<Vec<_>>(), [copy]);
    // Written again, or copied with its label, it is as inferred as it was.
    let (_, again) = put(&place, &bucket, writing("mail"), "they say something else now").await;
    let copied = Writing { label: Some(raised), ..writing("copied") };
    let (_, copied) = put(&place, &bucket, copied, "they say that heron leaves").await;
    assert_eq!((again.level, again.origin), (Level::Restricted, Origin::Inferred));
    assert_eq!((copied.level, copied.origin), (Level::Restricted, Origin::Inferred));
    assert_eq!(known(&recalls), [original]);
}

/// Whoever looks as it comes goes by what was known when it began.
#[tokio::test]
async fn what_is_registered_while_a_copy_comes_is_recognised_in_it() {
    let (place, bucket, _) = place().await;
    let begins = stream::once(async { Ok::<_, String>(Bytes::from(vec![b'x'; 2 << 20])) });
    let ends = stream::once(async {
        put(&place, &bucket, at_least("plan", Level::Restricted), "heron flies in june").await;
        Ok(Bytes::from_static(b" they say that heron leaves"))
    });
    let asks = place.asks(CLEO);
    place.vault.put(&asks, &bucket, writing("mail"), begins.chain(ends)).await.expect("written");
    place.vault.inspect_waiting().await.expect("looked");
    let (_, label) = place.vault.head(&place.asks(ADA), &bucket, &name("mail"), None).await.expect("there");
    assert_eq!(label.level, Level::Restricted);
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

/// Somebody sees that what was written is worth more: from then on copies of it are recognised. Who may not write it so may not.
#[tokio::test]
async fn what_is_raised_to_restricted_is_an_original_from_then_on() {
    let (place, bucket, recalls) = place().await;
    let (original, _) = put(&place, &bucket, writing("plan"), "heron flies in june").await;
    assert_eq!(known(&recalls), []);
    let raise =
        async |who: u8, to: Label| place.vault.raise(&place.asks(who), &bucket, (&name("plan"), None), to).await;
    let restricted = Label::of(Level::Restricted);
    for (who, to) in
        [(CLEO, restricted.clone()), (BOB, Label::of(Level::Confidential)), (BOB, Label::of(Level::Public))]
    {
        let refused = raise(who, to).await;
        assert!(matches!(refused, Err(VaultError::Refused(_))), "{who}: {refused:?}");
    }
    let denied = place.events(Action::LabelRaise).await;
    assert!(denied.len() == 3 && denied.iter().all(|event| event.outcome == Outcome::Denied), "{denied:?}");
    assert!(matches!(raise(ADA, Label::of(Level::Internal)).await, Err(VaultError::Conflict(_))));
    assert_eq!(raise(ADA, restricted.clone()).await.expect("raised"), restricted);
    let (entry, now) = place.vault.head(&place.asks(ADA), &bucket, &name("plan"), None).await.expect("there");
    assert!(entry.said.is_pending() && now == restricted, "{entry:?}");
    place.vault.inspect_waiting().await.expect("looked");
    place.vault.learn().await.expect("learnt");
    assert_eq!(known(&recalls), [original]);
    let (_, copy) = put(&place, &bucket, writing("mail"), "they say that heron leaves").await;
    assert_eq!((copy.level, copy.origin), (Level::Restricted, Origin::Inferred));
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

#[tokio::test]
async fn what_mentions_a_codename_gets_its_label_and_projects() {
    let (place, bucket, recalls) = place().await;
    let asks = |who| Facts { reason: Some("the next model".to_owned()), ..place.asks(who) };
    let label: Label = "confidential/heron".parse().expect("a label");
    let refused = place.vault.make_codename(&asks(CLEO), "Glass Heron", label.clone()).await;
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    let id = place.vault.make_codename(&asks(ADA), " Glass Heron ", label.clone()).await.expect("made");
    let (_, got) = put(&place, &bucket, writing("before"), "Glass Heron flies").await;
    assert_eq!(got.level, Level::Internal, "what is written before anybody learns of it");
    let (_, got) = put(&place, &bucket, writing("mail"), "Glass Heron flies").await;
    assert_eq!((got.level, &got.projects, got.origin), (Level::Confidential, &label.projects, Origin::Inferred));
    let held = place.vault.held(&place.asks(ADA), Wanted::Held).await.expect("reads").0;
    assert_eq!(held[0].inspected.looked.found[0].named, Some(id));
    for wrong in [
        "",
        "ab",
        "a b",
        "\u{967}\u{968}\u{969}\u{96a}",
        "R2D23",
        "GPT-5000",
        "\u{1b}[31mred",
        "glass HERON",
        &"x".repeat(257),
    ] {
        let made = place.vault.make_codename(&asks(ADA), wrong, label.clone()).await;
        assert!(matches!(made, Err(VaultError::Conflict(_))), "{wrong:?}: {made:?}");
    }
    let public = place.vault.make_codename(&asks(ADA), "Other", Label::of(Level::Public)).await;
    assert!(public.is_err(), "a mention of what is public says nothing");

    let listed = place.vault.codenames(&place.asks(ADA)).await.expect("reads");
    assert_eq!(listed.iter().map(|(one, name)| (one.id, name.as_str())).collect::<Vec<_>>(), [(id, "Glass Heron")]);
    assert!(matches!(place.vault.codenames(&place.asks(CLEO)).await, Err(VaultError::Refused(_))));
    assert!(matches!(place.vault.end_codename(&asks(CLEO), id).await, Err(VaultError::Refused(_))));
    assert!(!listed[0].0.sealed.windows(5).any(|window| window == b"Heron"), "it is sealed");
    place.vault.end_codename(&asks(ADA), id).await.expect("ended");
    assert!(matches!(place.vault.end_codename(&asks(ADA), id).await, Err(VaultError::NoObject)));
    let told = recalls.told.load(Ordering::Relaxed);
    place.vault.learn().await.expect("learnt");
    assert_eq!(recalls.told.load(Ordering::Relaxed), told + 1);
    let (_, got) = put(&place, &bucket, writing("later"), "Glass Heron flies").await;
    assert_eq!(got.level, Level::Internal, "it was announced");
}

async fn guarded(place: &Place, bucket: &Bucket, guarding: Guarding) -> Bucket {
    let asks = Facts { reason: Some("a test".to_owned()), ..place.asks(ADA) };
    match place.vault.guard(&asks, bucket, guarding).await.expect("prepared") {
        Guard::Stricter(changed) => place.vault.change_bucket(&asks, *changed).await.expect("changed"),
        Guard::Looser(mut asking) => {
            asking.facts.approval = Some(place.approved(&asking.facts).await);
            place.vault.complete(*asking).await.expect("changed");
        }
    }
    place.vault.bucket(bucket.name.as_str()).expect("there")
}

/// What would be raised is told, and is not, below restricted.
#[tokio::test]
async fn where_inspection_is_observed_labels_stay_and_it_is_told_what_they_would_be() {
    let (place, bucket, _) = place().await;
    let asks = Facts { reason: Some("the next model".to_owned()), ..place.asks(ADA) };
    let label: Label = "confidential/heron".parse().expect("a label");
    place.vault.make_codename(&asks, "Glass Heron", label.clone()).await.expect("made");
    place.vault.learn().await.expect("learnt");
    let bucket = guarded(&place, &bucket, Guarding { inspection: Mode::Observe, ..Guarding::DEFAULT }).await;
    let (version, got) = put(&place, &bucket, writing("mail"), "Glass Heron flies").await;
    assert_eq!(got, bucket.label);
    let written = place.events(Action::ObjectWrite).await;
    assert_eq!(
        written[0].reason.as_deref(),
        Some("it at 1:1; observed, and not raised to confidential/heron"),
        "{written:?}"
    );
    let held = async |wanted| place.vault.held(&place.asks(ADA), wanted).await.expect("reads").0;
    assert!(held(Wanted::Held).await.is_empty());
    let observed = held(Wanted::Observed).await;
    let would = observed[0].inspected.would.as_ref().map(ToString::to_string);
    assert_eq!((observed[0].entry.version, would.as_deref()), (version, Some("confidential/heron")));
    let (_, got) = put(&place, &bucket, writing("footer"), "MARKED best regards to all").await;
    assert_eq!(got.level, Level::Restricted, "what says of itself that it is restricted");
    let bucket = guarded(&place, &bucket, Guarding::DEFAULT).await;
    let (_, got) = put(&place, &bucket, writing("again"), "Glass Heron flies").await;
    assert_eq!(got.level, Level::Confidential);
}

/// Copies of what is confidential are recognised where its bucket asks for that; and of nothing that its owner withdrew.
#[tokio::test]
async fn a_bucket_asks_that_copies_of_what_is_confidential_are_recognised_and_an_owner_that_they_are_not() {
    let (place, bucket, recalls) = place().await;
    let plan = || Writing { label: Some("confidential/heron".parse().expect("a label")), ..writing("plan") };
    put(&place, &bucket, plan(), "one two three").await;
    assert_eq!(known(&recalls), [], "nobody asks for it");
    let bucket = guarded(&place, &bucket, Guarding { registers: Level::Confidential, ..Guarding::DEFAULT }).await;
    let (original, _) = put(&place, &bucket, plan(), "heron flies in june").await;
    assert_eq!(known(&recalls), [original]);
    let (_, got) = put(&place, &bucket, writing("mail"), "they say that heron leaves").await;
    assert_eq!(got.to_string(), "confidential/heron");
    assert_eq!(known(&recalls), [original], "what was inferred registers nothing");

    let asks = |who| Facts { reason: Some("it was announced".to_owned()), ..place.asks(who) };
    let plan = name("plan");
    let refused = place.vault.forget_prints(&asks(CLEO), &bucket, (&plan, None)).await;
    assert!(matches!(refused, Err(VaultError::Refused(_))), "{refused:?}");
    assert_eq!(place.vault.forget_prints(&asks(ADA), &bucket, (&plan, None)).await.expect("forgotten"), original);
    place.vault.learn().await.expect("learnt");
    assert_eq!(known(&recalls), []);
    let (_, got) = put(&place, &bucket, writing("other"), "they say that heron leaves").await;
    assert_eq!(got.level, Level::Internal);
    let twice = place.vault.forget_prints(&asks(ADA), &bucket, (&plan, None)).await;
    assert!(matches!(twice, Err(VaultError::Conflict(_))), "{twice:?}");
    assert_eq!(place.events(Action::PrintsForget).await.len(), 2, "one refused, and one done");
}

/// Copies of what is confidential are recognised where its writer asks for that, whatever its bucket does, and whenever it is
/// looked into.
#[tokio::test]
async fn a_writer_asks_that_copies_of_what_they_write_are_recognised() {
    let (place, bucket, recalls) = place().await;
    let asks = || vec![(RECOGNISE.to_owned(), "yes".to_owned())];
    let plan = |name| Writing { headers: asks(), ..at_least(name, Level::Confidential) };
    let (short, _) = put(&place, &bucket, plan("short"), "heron flies in june").await;
    assert_eq!(known(&recalls), [short]);
    let long = format!("egret {}", "word ".repeat(LOOK_NOW_BYTES_MAX / 4));
    let (long, _) = put(&place, &bucket, plan("long"), &long).await;
    place.vault.inspect_waiting().await.expect("looked into");
    place.vault.learn().await.expect("learnt");
    let both = [short.min(long), short.max(long)];
    assert_eq!(known(&recalls), both);
    let (_, got) = put(&place, &bucket, writing("mail"), "they say that heron leaves").await;
    assert_eq!(got.level, Level::Confidential);
    put(&place, &bucket, Writing { headers: asks(), ..writing("open") }, "stork stays").await;
    assert_eq!(known(&recalls), both, "what is internal is anybody's");
}

/// Whoever scans elsewhere is told what they may know of, and that they were is on record.
#[tokio::test]
async fn what_scans_elsewhere_recognise_is_what_their_user_may_know_of() {
    let (place, bucket, _) = place().await;
    let heron = Writing { label: Some("restricted/heron".parse().expect("a label")), ..writing("plan") };
    let (version, _) = put(&place, &bucket, heron, "heron flies in june").await;
    let asks = Facts { reason: Some("the next model".to_owned()), ..place.asks(ADA) };
    for (name, label) in [("Glass Heron", "restricted/heron"), ("Opal", "internal"), ("Basalt", "internal/atlas")] {
        place.vault.make_codename(&asks, name, label.parse().expect("a label")).await.expect("made");
    }
    let knows = async |who| {
        let knowledge = place.vault.knowledge_for(&place.asks(who)).await.expect("given");
        let mut names: Vec<String> = knowledge.names.into_iter().map(|word| word.name).collect();
        names.sort();
        (knowledge.documents.iter().map(|one| one.version).collect::<Vec<_>>(), names)
    };
    let (documents, names) = knows(ADA).await;
    assert_eq!(
        (documents, names),
        (vec![version], vec!["Glass Heron".to_owned(), "Opal".to_owned()]),
        "she is not in atlas"
    );
    let (documents, names) = knows(CLEO).await;
    assert_eq!((documents, names), (vec![], vec!["Opal".to_owned()]), "she is cleared for confidential");
    // With a code, on no device, she shows too little for what is restricted.
    let weak =
        cordon_domain::Actor { device: None, factor: Some(cordon_domain::Factor::Code), ..place.asks(ADA).actor };
    let knowledge = place.vault.knowledge_for(&Facts { actor: weak, ..place.asks(ADA) }).await.expect("given");
    assert!(knowledge.documents.is_empty() && knowledge.key == [0; 16] && knowledge.names.len() == 1, "{knowledge:?}");
    // Nor is a document told by its passages before its embargo ends.
    let closed = cordon_vault::Closed { until: place.now().plus_ms(1_000), spares: std::collections::BTreeSet::new() };
    place.vault.embargo(&asks, cordon_vault::Embargoed::Bucket(&bucket), closed).await.expect("made");
    assert_eq!(knows(ADA).await.0, []);
    assert_eq!(place.events(Action::KnowledgeTake).await.len(), 4);
    let stranger =
        Facts { actor: cordon_domain::Actor::service(cordon_domain::PrincipalId([9; 16])), ..place.asks(ADA) };
    assert!(place.vault.knowledge_for(&stranger).await.is_err());
}
