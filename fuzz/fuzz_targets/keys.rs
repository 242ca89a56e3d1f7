//! Any bytes as stored keys, manifests, shares and streams: no panic, nothing opens.
#![no_main]

use cordon_keys::provider::WrappedRoot;
use cordon_keys::recovery::Share;
use cordon_keys::stream::{Place, Stream};
use cordon_keys::{DataKey, Manifest, StoredKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let key = DataKey::draw(&mut |bytes: &mut [u8]| bytes.fill(7));
    assert!(Manifest::open(data, &key).is_err());
    if let Ok(root) = WrappedRoot::decode(data) {
        assert_eq!(WrappedRoot::decode(&root.encode().expect("short")).as_ref(), Ok(&root));
    }
    let _ = minicbor::decode::<StoredKey>(data);
    let _ = Share::read(&String::from_utf8_lossy(data));
    if let Some((header, rest)) = data.split_first_chunk() {
        if let Ok(stream) = Stream::open(&key, b"fuzz", header) {
            assert!(stream.unseal(0, Place::Last, &mut rest.to_vec()).is_err());
        }
    }
});
