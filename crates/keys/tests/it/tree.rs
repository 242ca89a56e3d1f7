//! The key tree: rotation, rewrapping, providers that lie.

use cordon_domain::{Level, Moment};
use cordon_keys::local::{Cost, HeldKey, Passphrase};
use cordon_keys::provider::{open_root, wrap_root};
use cordon_keys::{
    KeyError, KeyName, KeyRef, ProviderError, Purpose, Root, RootProvider, Secret, Unlocked, WrappedRoot,
};
use cordon_testkit::Chance;
use zeroize::Zeroizing;

use crate::{BUCKET, tree};

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

fn reopened(unlocked: &Unlocked, stored: &[cordon_keys::StoredKey]) -> Result<Unlocked, KeyError> {
    let secret = Secret::from_slice(unlocked.root().secret.expose()).expect("32 bytes");
    Unlocked::open(Root { generation: unlocked.root().generation, secret }, stored.iter())
}

#[test]
fn a_tree_opens_again_from_what_was_stored() {
    let (unlocked, stored, _) = tree(1);
    assert_eq!(stored.len(), Level::ALL.len() + Purpose::ALL.len());
    let again = reopened(&unlocked, &stored).expect("opens");
    for purpose in Purpose::ALL {
        assert!(again.own(purpose, 1).expect("here").equals(unlocked.own(purpose, 1).expect("here")));
    }
    let other_root = Root { generation: 1, secret: Secret::draw(&mut Chance::new(99)) };
    assert!(matches!(Unlocked::open(other_root, stored.iter()), Err(KeyError::WrapDoesNotOpen(_))));
    let mut renamed = stored.clone();
    renamed[0].reference.name = KeyName::Level(Level::Restricted);
    assert!(reopened(&unlocked, &renamed).is_err(), "a public key in the place of a restricted one");
}

#[test]
fn a_rotated_level_wraps_its_buckets_anew() {
    let (mut unlocked, _, mut chance) = tree(1);
    let reference = KeyRef { name: KeyName::Bucket(BUCKET, Level::Internal), version: 1 };
    let (bucket, secret) = unlocked.make(reference, &mut chance, Moment(0)).expect("made");
    assert_eq!(unlocked.rewrapped(&bucket, &mut chance).expect("opens"), None, "it lies under the newest");
    let newer = unlocked.add_version(KeyName::Level(Level::Internal), &mut chance, Moment(1)).expect("rotates");
    assert_eq!(newer.reference.version, 2);
    let moved = unlocked.rewrapped(&bucket, &mut chance).expect("opens").expect("moves");
    assert_eq!((moved.parent_version, moved.reference), (2, bucket.reference));
    assert!(unlocked.secret_of(&moved).expect("opens").equals(&secret), "the same key, under another");
    unlocked.forget(KeyRef { name: KeyName::Level(Level::Internal), version: 1 });
    assert!(matches!(unlocked.secret_of(&bucket), Err(KeyError::Missing(_))), "the old wrap is worth nothing");
    assert!(unlocked.secret_of(&moved).is_ok());
}

#[test]
fn providers_give_the_root_back_and_a_liar_is_noticed() {
    let (unlocked, _, _) = tree(1);
    let file_key = Secret::draw(&mut Chance::new(5));
    let held = HeldKey::new("key-file", &file_key, Chance::new(6));
    let phrase = |text: &str| Passphrase::new(Zeroizing::new(text.to_owned()), CHEAP, Chance::new(7));
    for provider in [&held as &dyn RootProvider, &phrase("correct horse")] {
        let wrapped = wrap_root(provider, unlocked.root()).expect("wraps");
        let wrapped = WrappedRoot::decode(&wrapped.encode().expect("short")).expect("reads back");
        let root = open_root(provider, &wrapped).expect("opens");
        assert!(root.secret.equals(&unlocked.root().secret));
    }
    let wrapped = wrap_root(&phrase("correct horse"), unlocked.root()).expect("wraps");
    let wrong = open_root(&phrase("wrong horse"), &wrapped).err().expect("refused");
    assert_eq!(wrong.to_string(), "the key provider `passphrase` refuses: the passphrase is wrong");

    struct Liar;
    impl RootProvider for Liar {
        fn kind(&self) -> &'static str {
            "pkcs11"
        }
        fn wrap(&self, _: &Secret) -> Result<Vec<u8>, ProviderError> {
            Ok(vec![1])
        }
        fn unwrap(&self, _: &[u8]) -> Result<Secret, ProviderError> {
            Ok(Secret::draw(&mut Chance::new(999)))
        }
    }
    assert!(matches!(wrap_root(&Liar, unlocked.root()), Err(ProviderError::WrongKey { .. })), "noticed at once");
    let honest = wrap_root(&held, unlocked.root()).expect("wraps");
    assert!(matches!(open_root(&Liar, &honest), Err(ProviderError::WrongKey { .. })), "and later");
}

#[test]
fn a_stored_cost_cannot_ask_for_all_memory() {
    let provider = Passphrase::new(Zeroizing::new("x".to_owned()), CHEAP, Chance::new(7));
    let hostile = [&[0u8; 16][..], &u32::MAX.to_be_bytes(), &1u32.to_be_bytes(), &[0; 60]].concat();
    assert!(matches!(provider.unwrap(&hostile), Err(ProviderError::Stored(_))));
    assert!(matches!(provider.unwrap(&[]), Err(ProviderError::Stored(_))));
    assert!(WrappedRoot::decode(&[9, 0]).expect_err("newer").to_string().contains("format 9"));
}
