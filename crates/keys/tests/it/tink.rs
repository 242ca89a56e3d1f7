//! The package `tink` from PyPI opens what we write, and the other way round.

use std::process::Command;

use cordon_keys::stream::{Encryptor, HEADER_BYTES, Segment, Stream, TAG_BYTES};
use cordon_testkit::Chance;

use crate::{BUCKET, VERSION};

const KEY: [u8; 32] = [0x42; 32];

fn python(folder: &std::path::Path, verb: &str) {
    let python = std::env::var("CORDON_TEST_PYTHON")
        .expect("run `cargo xtask test`, which installs what this test compares with");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tink_peer.py");
    let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    let status = Command::new(python).args([script, verb, &hex]).arg(folder).status().expect("python runs");
    assert!(status.success(), "tink refused");
}

#[test]
fn streams_are_those_of_tink() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = cordon_keys::stream::StreamContext { bucket: BUCKET, version: VERSION, part: 7 };
    let ad = context.associated_data();
    let mut entropy = Chance::new(1);
    let key = cordon_keys::DataKey::draw(&mut |bytes: &mut [u8]| bytes.copy_from_slice(&KEY));
    std::fs::write(folder.path().join("ad"), &ad).expect("written");
    let lengths = [0usize, 1, 1_048_519, 1_048_520, 1_048_521, 3_000_000];
    for length in lengths {
        let plain: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
        let mut stored = Vec::new();
        let mut encryptor = Encryptor::begin(&key, &ad, &mut entropy, &mut stored);
        encryptor.update(&plain, &mut stored).expect("short");
        encryptor.finish(&mut stored).expect("short");
        std::fs::write(folder.path().join(format!("{length}.plain")), plain).expect("written");
        std::fs::write(folder.path().join(format!("{length}.ours")), stored).expect("written");
    }
    python(folder.path(), "check");
    python(folder.path(), "make");
    for length in lengths {
        let plain = std::fs::read(folder.path().join(format!("{length}.plain"))).expect("there");
        let stored = std::fs::read(folder.path().join(format!("{length}.tink"))).expect("made by tink");
        let stream = Stream::open(&key, &ad, stored.first_chunk::<HEADER_BYTES>().expect("a header")).expect("opens");
        let mut got = Vec::new();
        while let Some(segment) = Segment::holding(got.len() as u64, length as u64) {
            let start = segment.stored_start as usize;
            let mut bytes = stored[start..start + segment.plain_bytes as usize + TAG_BYTES].to_vec();
            got.extend_from_slice(stream.unseal(segment.number, segment.place, &mut bytes).expect("authentic"));
            if got.len() == length {
                break;
            }
        }
        assert_eq!(got, plain, "{length}");
    }
}
