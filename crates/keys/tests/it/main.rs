//! Keys through their public doors.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts what it compares with"
)]

mod envelope;
mod recovery;
mod stream;
mod tink;
mod tree;

use cordon_domain::{BucketId, Label, Level, Moment, VersionId};
use cordon_keys::{BucketKey, KeyName, KeyRef, Unlocked};
use cordon_testkit::Chance;

const BUCKET: BucketId = BucketId([5; 16]);
const VERSION: VersionId = VersionId([3; 16]);

fn tree(seed: u64) -> (Unlocked, Vec<cordon_keys::StoredKey>, Chance) {
    let mut chance = Chance::new(seed);
    let (unlocked, stored) = Unlocked::create(&mut chance, Moment(0));
    (unlocked, stored, chance)
}

fn bucket_key(unlocked: &Unlocked, level: Level, version: u32, chance: &mut Chance) -> BucketKey {
    let reference = KeyRef { name: KeyName::Bucket(BUCKET, level), version };
    let (_, secret) = unlocked.make(reference, chance, Moment(0)).expect("the level key is here");
    BucketKey::new(reference, &secret).expect("a bucket key")
}

fn label(level: Level) -> Label {
    Label::of(level).with("atlas".parse().expect("a project"))
}
