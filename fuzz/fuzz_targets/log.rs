//! Any bytes as what a log, a witness or a client sends: no panic, and what is read is written the same.
#![no_main]

use std::collections::BTreeMap;
use std::convert::Infallible;

use cordon_domain::Payload;
use cordon_keys::Secret;
use cordon_ledger::audit::{Resources, walk};
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::entry::{EventKey, Succession, open_disclosed};
use cordon_ledger::note::{Note, Verifier};
use cordon_ledger::payload;
use cordon_ledger::tile::{TileRef, bundle_entries, tile_hashes};
use cordon_ledger::tlog_proof::LogProof;
use cordon_ledger::witness::AddCheckpoint;
use libfuzzer_sys::fuzz_target;

struct Files(BTreeMap<String, Vec<u8>>);

impl Resources for Files {
    type Error = Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(note) = text.parse::<Note>() {
        assert_eq!(note.to_string().parse::<Note>().as_ref(), Ok(&note));
        if let Ok(checkpoint) = note.text.parse::<Checkpoint>() {
            assert_eq!(checkpoint.to_string(), note.text);
        }
    }
    if let Ok(key) = text.parse::<Verifier>() {
        assert_eq!(key.to_string().parse::<Verifier>().as_ref(), Ok(&key));
        let files = BTreeMap::from([("checkpoint".to_owned(), data.to_vec())]);
        let _ = walk(&mut Files(files), &key, &[], |_, _, _| {});
    }
    if let Ok(proof) = text.parse::<LogProof>() {
        assert_eq!(proof.to_string().parse::<LogProof>().as_ref(), Ok(&proof));
    }
    if let Ok(tile) = text.parse::<TileRef>() {
        assert_eq!(tile.to_string(), text);
    }
    let _ = AddCheckpoint::read(&text);
    let _ = bundle_entries(data);
    let _ = tile_hashes(data, 7);
    let _ = Succession::read(data);
    let _ = open_disclosed(data, &[0; 16], data);
    let key = EventKey::new(0, &Secret::from_slice(&[0; 32]).expect("32 bytes"));
    let _ = payload::open(&Payload { sha256: [0; 32], bytes: 0 }, data, &key);
});
