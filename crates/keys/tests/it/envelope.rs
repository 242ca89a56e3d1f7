//! Data keys and manifests: what opens, and what does not.

use cordon_domain::{Actor, Label, Level, PrincipalId, Target};
use cordon_gate::act::{Raise, Read, Rewrap};
use cordon_gate::{Gate, Receipt, Request};
use cordon_keys::{Belongs, BucketKey, DataKey, KeyError, Manifest, Part, WrappedDataKey};
use cordon_testkit::trust::facts;
use cordon_testkit::{Chance, Deciding, MemoryJournal};

use crate::{BUCKET, VERSION, bucket_key, label, tree};

struct Stored {
    key: BucketKey,
    label: Label,
    wrap: WrappedDataKey,
    manifest: Vec<u8>,
}

fn stored(level: Level) -> Stored {
    let (unlocked, _, mut chance) = tree(1);
    let key = bucket_key(&unlocked, level, 1, &mut chance);
    let data_key = DataKey::draw(&mut chance);
    let label = label(level);
    let belongs = Belongs { bucket: BUCKET, version: VERSION, label: &label };
    let wrap = key.wrap(&data_key, belongs, &mut chance).expect("its own level");
    let parts = vec![Part { number: 1, bytes: 10 }, Part { number: 2, bytes: 20 }];
    let manifest = Manifest::new(VERSION, label.clone(), parts, &data_key).expect("few parts");
    let manifest = manifest.seal(&data_key).expect("short");
    Stored { key, label, wrap, manifest }
}

fn target(label: &Label) -> Target {
    Target { bucket: Some(BUCKET), version: Some(VERSION), label: Some(label.clone()), ..Target::default() }
}

async fn receipt(target: Target) -> Receipt<Read> {
    let gate = Gate::new(Deciding::yes(), MemoryJournal::default(), Actor::service(PrincipalId([9; 16])));
    let mut facts = facts(Label::of(Level::Public));
    facts.target = target;
    gate.read(Request::new(facts)).await.expect("allowed")
}

#[tokio::test]
async fn a_receipt_opens_its_version_and_no_other() {
    let stored = stored(Level::Restricted);
    let right = receipt(target(&stored.label)).await;
    let (opened, _departure) = stored.key.open(right, &stored.wrap, &stored.manifest).expect("opens");
    assert_eq!(opened.manifest().bytes, 30);

    let mut other_version = target(&stored.label);
    other_version.version = Some(cordon_domain::VersionId([4; 16]));
    let mut other_bucket = target(&stored.label);
    other_bucket.bucket = Some(cordon_domain::BucketId([6; 16]));
    let mut lower = target(&stored.label);
    lower.label = Some(label(Level::Internal));
    let mut fewer_projects = target(&stored.label);
    fewer_projects.label = Some(Label::of(Level::Restricted));
    let mut unlabelled = target(&stored.label);
    unlabelled.label = None;
    for other in [other_version, other_bucket, lower, fewer_projects, unlabelled] {
        let receipt = receipt(other.clone()).await;
        assert!(stored.key.open(receipt, &stored.wrap, &stored.manifest).is_err(), "{other:?}");
    }
}

#[tokio::test]
async fn a_changed_manifest_or_wrap_does_not_open() {
    let stored = stored(Level::Confidential);
    for place in 0..stored.manifest.len() {
        let mut manifest = stored.manifest.clone();
        manifest[place] ^= 1;
        let receipt = receipt(target(&stored.label)).await;
        let error = stored.key.open(receipt, &stored.wrap, &manifest).err().expect("refused");
        assert!(!matches!(error, KeyError::WrapDoesNotOpen(_)), "byte {place}: {error}");
    }
    for place in 0..stored.wrap.wrapped.len() {
        let mut wrap = stored.wrap;
        wrap.wrapped[place] ^= 1;
        let receipt = receipt(target(&stored.label)).await;
        assert!(stored.key.open(receipt, &wrap, &stored.manifest).is_err(), "byte {place}");
    }
}

#[test]
fn a_manifest_refuses_parts_left_out_swapped_repeated_or_cut() {
    let key = DataKey::draw(&mut Chance::new(1));
    let parts = |numbers: &[u32]| numbers.iter().map(|&number| Part { number, bytes: 10 }).collect::<Vec<_>>();
    let make = |numbers: &[u32]| Manifest::new(VERSION, label(Level::Internal), parts(numbers), &key);
    assert!(matches!(make(&[1, 2, 1]), Err(KeyError::NotAuthentic(_))));
    let mut total = make(&[1, 2, 3]).expect("few");
    total.parts.pop();
    let sealed = total.seal(&key).expect("short");
    assert!(Manifest::open(&sealed, &key).is_err(), "a part less than the total says");
    let whole = make(&[1, 2, 3]).expect("few").seal(&key).expect("short");
    assert_eq!(Manifest::open(&whole, &key).expect("opens").parts, parts(&[1, 2, 3]));
    assert!(Manifest::open(&whole, &DataKey::draw(&mut Chance::new(2))).is_err(), "another key");
    let newer = [&[2], &whole[1..]].concat();
    assert_eq!(
        Manifest::open(&newer, &key).expect_err("newer").to_string(),
        "a manifest has format 2; this program reads up to 1"
    );
}

#[tokio::test]
async fn relabelling_wraps_anew_and_touches_no_object() {
    let old = stored(Level::Internal);
    let (unlocked, _, mut chance) = tree(1);
    let higher = bucket_key(&unlocked, Level::Restricted, 1, &mut chance);
    let new_label = label(Level::Restricted);
    let from = Belongs { bucket: BUCKET, version: VERSION, label: &old.label };

    let (rewrapped, manifest) = {
        let journal = Relabelling { old: &old, higher: &higher, label: &new_label, from };
        journal.run().await
    };
    let receipt = receipt(target(&new_label)).await;
    let (opened, _departure) = higher.open(receipt, &rewrapped, &manifest).expect("opens at its new level");
    assert_eq!(opened.manifest().label, new_label);
    let stale = crate::envelope::receipt(target(&old.label)).await;
    assert!(old.key.open(stale, &rewrapped, &old.manifest).is_err(), "the old label opens nothing");
}

/// A journal whose change wraps anew inside its transaction, as the store does.
struct Relabelling<'a> {
    old: &'a Stored,
    higher: &'a BucketKey,
    label: &'a Label,
    from: Belongs<'a>,
}

impl Relabelling<'_> {
    async fn run(&self) -> (WrappedDataKey, Vec<u8>) {
        let permit = cordon_testkit::trust::permit::<Raise>(target(&self.old.label)).await;
        let mut chance = Chance::new(3);
        let to = (self.higher, self.label);
        let rewrapped = self.old.key.rewrap(&permit, &self.old.wrap, self.from, to, &mut chance).expect("allowed");
        let manifest = rewrapped.relabel(&self.old.manifest, self.label).expect("opens");
        let elsewhere = cordon_testkit::trust::permit::<Rewrap>(Target::default()).await;
        let refused = self.old.key.rewrap(&elsewhere, &self.old.wrap, self.from, to, &mut chance);
        assert!(matches!(refused, Err(KeyError::OtherTarget)), "a permit for another bucket");
        (rewrapped.wrap, manifest)
    }
}
