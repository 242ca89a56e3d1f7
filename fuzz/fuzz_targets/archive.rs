//! Any bytes as an archive or a stream: no panic, and what comes out is bounded.
#![no_main]

use std::io::{Cursor, Read as _};

use cordon_extract::{Format, archive, stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 7 {
        0 => drop(archive::entries(Format::Zip, &mut Cursor::new(bytes), &mut read)),
        1 => drop(archive::entries(Format::Tar, &mut Cursor::new(bytes), &mut read)),
        2 => drop(archive::entries(Format::SevenZip, &mut Cursor::new(bytes), &mut read)),
        kind => {
            let format = [Format::Gzip, Format::Bzip2, Format::Xz, Format::Zstd][usize::from(kind - 3)];
            if let Ok(reader) = stream::open(format, bytes) {
                let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
            }
        }
    }
});

fn read(entry: cordon_extract::Entry<'_>) -> bool {
    if let Ok(content) = entry.content {
        let _ = content.take(1 << 16).read_to_end(&mut Vec::new());
    }
    true
}
