//! Sealed events: who opens what, and what an erased person leaves.

use std::sync::Arc;

use cordon_domain::{Action, PrincipalId};
use cordon_keys::Secret;
use cordon_ledger::entry::{
    EntryError, EventKey, Identity, SubjectKey, Succession, key_version, open, open_disclosed, seal,
};
use cordon_ledger::index::IndexKey;
use cordon_ledger::payload;
use cordon_testkit::Chance;
use proptest::prelude::*;

use crate::{NAME, event};

fn key(version: u32) -> EventKey {
    EventKey::new(version, &Secret::draw(&mut Chance::new(u64::from(version))))
}

fn subject() -> Arc<SubjectKey> {
    Arc::new(SubjectKey::new(PrincipalId([2; 16]), &Secret::draw(&mut Chance::new(77))))
}

#[test]
fn an_entry_names_nobody_and_the_keys_open_it() {
    let sealed = event(Action::ObjectRead);
    let entry = seal(&sealed, &key(1), Some(&subject()), &mut Chance::new(5)).expect("short");
    let plain = minicbor::to_vec(&sealed).expect("encodes");
    for window in [NAME.as_bytes(), b"ada@example.org", b"atlas", b"aws-cli", &[5; 16], &[3; 16], &[2; 16]] {
        assert!(!entry.windows(window.len()).any(|bytes| bytes == window), "{window:?}");
    }
    assert_eq!((entry.len() - 49 - 16 - 16) % 64, 0, "lengths say little");
    assert!(entry.len() < plain.len() + 300, "{} bytes for {}", entry.len(), plain.len());

    let opened = open(&entry, &key(1), |id| (id == PrincipalId([2; 16])).then(subject)).expect("opens");
    assert_eq!(opened.identity, Identity::Open(sealed.personal.clone()));
    let mut expected = sealed;
    expected.personal = cordon_domain::Personal::default();
    assert_eq!(opened.event, expected);

    let erased = open(&entry, &key(1), |_| None).expect("opens without the person's key");
    assert_eq!(erased.identity, Identity::Sealed(PrincipalId([2; 16])));
    assert_eq!(open(&entry, &key(2), |_| None), Err(EntryError::OtherKey(1)));
    assert_eq!(key_version(&entry), Some(1));
    let imposter = EventKey::new(1, &Secret::draw(&mut Chance::new(9)));
    assert_eq!(open(&entry, &imposter, |_| None), Err(EntryError::NotAuthentic));
}

#[test]
fn what_stands_beside_an_event_is_what_it_states() {
    let plain = vec![7; 100_000];
    let (stated, sealed) = payload::seal(&plain, &key(1), &mut Chance::new(5)).expect("small");
    assert_eq!((stated.bytes, payload::key_version(&sealed)), (100_000, Some(1)));
    assert_eq!(payload::open(&stated, &sealed, &key(1)).expect("opens"), plain);
    assert!(!sealed.windows(64).any(|bytes| bytes == [7; 64]));
    assert_eq!(payload::open(&stated, &sealed, &key(2)), Err(EntryError::OtherKey(1)));
    for place in (0..40).chain(sealed.len() - 20..sealed.len()) {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(payload::open(&stated, &changed, &key(1)).is_err(), "byte {place}");
        assert!(payload::open(&stated, &sealed[..place], &key(1)).is_err(), "cut at {place}");
    }
    let (other, _) = payload::seal(b"other", &key(1), &mut Chance::new(6)).expect("small");
    assert!(payload::open(&other, &sealed, &key(1)).is_err(), "beside another event");
}

#[test]
fn a_changed_entry_does_not_open() {
    let entry = seal(&event(Action::Revoke), &key(1), Some(&subject()), &mut Chance::new(5)).expect("short");
    for place in 0..entry.len() {
        let mut changed = entry.clone();
        changed[place] ^= 1;
        assert!(open(&changed, &key(1), |_| Some(subject())).is_err(), "byte {place}");
        assert!(open(&entry[..place], &key(1), |_| None).is_err(), "cut at {place}");
    }
}

#[test]
fn one_event_can_be_disclosed_without_a_key() {
    let entry = seal(&event(Action::KeyShred), &key(1), None, &mut Chance::new(5)).expect("short");
    let opened = open(&entry, &key(1), |_| None).expect("opens");
    assert_eq!(opened.identity, Identity::None);
    // The body is what the key opens, without the salt: made anew here from the event.
    let event_bytes = minicbor::to_vec(&opened.event).expect("encodes");
    let mut body = (event_bytes.len() as u16).to_be_bytes().to_vec();
    body.extend(event_bytes);
    body.resize(body.len().next_multiple_of(64), 0);
    assert_eq!(open_disclosed(&entry, &opened.salt, &body).expect("fits the commitment").event, opened.event);
    assert_eq!(open_disclosed(&entry, &[0; 16], &body), Err(EntryError::NotAuthentic));
}

#[test]
fn an_event_too_large_for_an_entry_is_refused() {
    let mut large = event(Action::ObjectRead);
    large.policies = vec!["p".repeat(40_000), "p".repeat(30_000)];
    assert!(matches!(seal(&large, &key(1), None, &mut Chance::new(5)), Err(EntryError::TooLarge(_))));
}

#[test]
fn a_succession_is_readable_by_anyone() {
    let succession = Succession { old_checkpoint: "o\n1\nx\n".to_owned(), kept: 40 };
    let entry = succession.entry().expect("short");
    assert_eq!(Succession::read(&entry), Some(succession));
    let sealed = seal(&event(Action::LogSucceed), &key(1), None, &mut Chance::new(5)).expect("short");
    assert_eq!(Succession::read(&sealed), None);
    assert!(matches!(open(&entry, &key(1), |_| None), Err(EntryError::Newer(2))));
}

#[test]
fn tokens_tell_fields_apart_and_need_the_key() {
    let index = IndexKey::new(&Secret::draw(&mut Chance::new(1)));
    let other = IndexKey::new(&Secret::draw(&mut Chance::new(2)));
    let id = PrincipalId([2; 16]);
    assert_eq!(index.actor(id), index.actor(id));
    assert_ne!(index.actor(id), index.subject(id));
    assert_ne!(index.actor(id), other.actor(id));
    let tokens = index.tokens(&event(Action::ObjectRead));
    assert_eq!(
        (tokens.actor, tokens.object),
        (index.actor(id), Some(index.version(cordon_domain::VersionId([3; 16]))))
    );
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&bytes, &key(1), |_| Some(subject()));
        let _ = open_disclosed(&bytes, &[0; 16], &bytes);
        let _ = Succession::read(&bytes);
        let mut framed = vec![2];
        framed.extend(&bytes);
        let _ = Succession::read(&framed);
    }
}
