//! Any bytes as a document of any format: no panic, no hang.
#![no_main]

use cordon_extract::{Format, document, encrypted};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 13] = [
    Format::Office, Format::OpenDocument, Format::Pdf, Format::Mail, Format::Mbox, Format::Html, Format::Notebook, Format::SourceMap,
    Format::Sqlite, Format::Pyc, Format::Pickle, Format::Safetensors, Format::Gguf,
];

fuzz_target!(|data: &[u8]| {
    if let Some((kind, bytes)) = data.split_first() {
        let _ = encrypted(bytes);
        let _ = document(FORMATS[usize::from(*kind) % FORMATS.len()], bytes);
    }
});
