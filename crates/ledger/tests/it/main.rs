//! The log through its public doors.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and starts what it compares with"
)]

mod audit;
mod entry;
mod interop;
mod note;
mod ocsf;
mod proof;
mod witness;

use cordon_domain::{
    Action, Actor, Event, Label, Level, Moment, NodeId, Outcome, Personal, PrincipalId, RequestId, Target,
};
use cordon_domain::{BucketId, VersionId};
use cordon_keys::Secret;
use cordon_ledger::note::{Algorithm, Signer};
use cordon_testkit::Chance;

const NAME: &str = "Ada Marker";

fn signer(name: &str, algorithm: Algorithm, seed: u64) -> Signer {
    let seed = Secret::draw(&mut Chance::new(seed));
    Signer::new(name.parse().expect("a name"), algorithm, &seed).expect("a signer")
}

fn event(action: Action) -> Event {
    Event {
        request: RequestId([1; 16]),
        at: Moment(1_790_000_000_123),
        action,
        actor: Actor { mfa_age_s: Some(40), ..Actor::service(PrincipalId([2; 16])) },
        target: Target {
            bucket: Some(BucketId([5; 16])),
            version: Some(VersionId([3; 16])),
            label: Some(Label::of(Level::Restricted).with("atlas".parse().expect("a project"))),
            principal: None,
            record: None,
        },
        outcome: Outcome::Allowed,
        amount: Some(4096),
        reason: Some("nightly evaluation".to_owned()),
        policies: vec!["restricted-readers".to_owned()],
        grants: Vec::new(),
        client: Some("aws-cli/2".to_owned()),
        node: NodeId([8; 16]),
        sequence: 7,
        payload: Some(cordon_domain::Payload { sha256: [7; 32], bytes: 70_000 }),
        approval: None,
        beside: Vec::new(),
        personal: Personal {
            name: Some(NAME.to_owned()),
            address: Some("ada@example.org".to_owned()),
            device: Some("laptop-7".to_owned()),
            network: Some("192.0.2.7".to_owned()),
        },
    }
}
