//! The OCSF export, against the schema.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cordon_domain::{Action, Outcome};
use cordon_ledger::entry::Identity;
use cordon_ledger::ocsf::export;

use crate::event;

fn all() -> Vec<serde_json::Value> {
    let mut events = Vec::new();
    for (place, action) in Action::ALL.into_iter().enumerate() {
        for outcome in [Outcome::Allowed, Outcome::Denied, Outcome::Failed] {
            let mut full = event(action);
            full.outcome = outcome;
            let identity = Identity::Open(full.personal.clone());
            events.push(export(&full, &identity, place as u64));
            let mut bare = event(action);
            bare.target = cordon_domain::Target::default();
            (bare.reason, bare.client, bare.amount) = (None, None, None);
            events.push(export(&bare, &Identity::Sealed(bare.actor.principal), place as u64));
        }
    }
    events
}

#[test]
fn a_sealed_person_is_not_named() {
    let read = event(Action::ObjectRead);
    let sealed = export(&read, &Identity::Sealed(read.actor.principal), 1).to_string();
    assert!(!sealed.contains(crate::NAME) && !sealed.contains("192.0.2.7"));
    let open = export(&read, &Identity::Open(read.personal.clone()), 1);
    assert_eq!(open["actor"]["user"]["name"], crate::NAME);
    assert_eq!((open["class_uid"].as_u64(), open["type_uid"].as_u64()), (Some(6006), Some(600_602)));
}

#[test]
fn every_action_validates() {
    let python = std::env::var("CORDON_TEST_PYTHON")
        .expect("run `cargo xtask test`, which installs what this test compares with");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ocsf_peer.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).spawn().expect("python runs");
    let mut input = child.stdin.take().expect("piped");
    for event in all() {
        writeln!(input, "{event}").expect("python reads");
    }
    drop(input);
    assert!(child.wait().expect("ends").success(), "the schema refuses an event");
}
