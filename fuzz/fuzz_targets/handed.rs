//! Any bytes as what a vault handed out to scans: no panic, and nothing that was not signed is used.
#![no_main]

use std::sync::LazyLock;

use cordon_domain::{Knowledge, Moment};
use cordon_keys::Secret;
use cordon_ledger::note::{Algorithm, Signer, Verifier};
use cordon_scan::handed::Handed;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<Verifier> = LazyLock::new(|| {
    let secret = Secret::draw(&mut |bytes: &mut [u8]| bytes.fill(7));
    let signer = Signer::new("log.example".parse().expect("a name"), Algorithm::Ed25519, &secret).expect("a key");
    signer.verifier().to_string().parse().expect("a key")
});

fuzz_target!(|data: &[u8]| {
    assert!(Handed::read(data, &KEY, Moment(0)).is_err());
    // What is inside is read after it was verified, and bears any bytes all the same.
    if let Ok(knowledge) = minicbor::decode::<Knowledge>(data) {
        let bytes = minicbor::to_vec(&knowledge).expect("memory");
        assert!(minicbor::decode(&bytes).is_ok_and(|again: Knowledge| again == knowledge));
    }
});
