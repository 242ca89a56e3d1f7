//! Any bytes as a body that comes in chunks, in any pieces: no panic, it goes on, and no more content than bytes.
#![no_main]

use cordon_identity::chunks::{Chunked, Chunks, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u8, &[u8])| {
    let (size, body) = data;
    for kind in [Chunked::Signed, Chunked::Unsigned] {
        let (mut chunks, mut content) = (Chunks::new(kind), 0);
        for mut bytes in body.chunks(usize::from(size).max(1)) {
            while let (false, Ok((step, taken))) = (bytes.is_empty(), chunks.step(bytes)) {
                assert!(taken > 0 && taken <= bytes.len());
                content += if step == Step::Content { taken } else { 0 };
                bytes = &bytes[taken..];
            }
        }
        assert!(content <= body.len());
    }
});
