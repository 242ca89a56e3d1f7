//! Documents: what a reader would see, what is hidden from them, and the files inside.

use serde::{Deserialize, Serialize};

use crate::limits::{PARTS_MAX, TEXT_BYTES_MAX};
use crate::{ExtractError, Format, mail, markup, model, notebook, office, pdf, sqlite};

/// What a document holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Texts by the part they come from; an empty name is the body.
    pub texts: Vec<(String, String)>,
    /// Files inside, by name.
    pub files: Vec<(Vec<u8>, Vec<u8>)>,
    /// What was left out, and why.
    pub skipped: Vec<String>,
}

impl Document {
    pub(crate) fn text(&mut self, name: impl Into<String>, text: String) {
        let used: usize = self.texts.iter().map(|(_, text)| text.len()).sum();
        if text.trim().is_empty() {
            return;
        }
        if used + text.len() > TEXT_BYTES_MAX || self.texts.len() >= PARTS_MAX {
            self.skipped.push(format!("text beyond {TEXT_BYTES_MAX} bytes"));
        } else {
            self.texts.push((name.into(), text));
        }
    }

    pub(crate) fn file(&mut self, name: impl Into<Vec<u8>>, bytes: Vec<u8>) {
        if self.files.len() >= PARTS_MAX {
            self.skipped.push(format!("files beyond {PARTS_MAX}"));
        } else if !bytes.is_empty() {
            self.files.push((name.into(), bytes));
        }
    }
}

/// Takes the text and the files out of a document.
///
/// # Errors
///
/// The document is damaged, encrypted or beyond a bound; or `format` is no document.
pub fn document(format: Format, bytes: &[u8]) -> Result<Document, ExtractError> {
    let mut document = Document::default();
    match format {
        Format::Office => office::office(bytes, &mut document)?,
        Format::OpenDocument => office::open_document(bytes, &mut document)?,
        Format::Pdf => pdf::pdf(bytes, &mut document)?,
        Format::Mail => mail::mail(bytes, &mut document)?,
        Format::Mbox => mail::mbox(bytes, &mut document)?,
        Format::Html => document.text("", markup::html_text(&String::from_utf8_lossy(bytes))),
        Format::Notebook => notebook::notebook(bytes, &mut document)?,
        Format::SourceMap => notebook::source_map(bytes, &mut document)?,
        Format::Sqlite => sqlite::sqlite(bytes, &mut document)?,
        Format::Pyc => document.text("strings", model::marshal_strings(bytes)),
        Format::Pickle => document.text("strings", model::pickle_strings(bytes)),
        Format::Safetensors => document.text("metadata", model::safetensors_metadata(bytes)?),
        Format::Gguf => document.text("metadata", model::gguf_metadata(bytes)?),
        Format::SevenZip => seven(bytes, &mut document)?,
        Format::Zip | Format::Tar | Format::Gzip | Format::Bzip2 | Format::Xz | Format::Zstd => {
            return Err(ExtractError::damaged(format.as_str(), "no document"));
        }
    }
    Ok(document)
}

/// 7z is unpacked whole, for it runs in a worker whose memory is bounded.
fn seven(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    use std::io::Read as _;
    let mut total = 0usize;
    crate::archive::entries(Format::SevenZip, &mut std::io::Cursor::new(bytes), &mut |entry| {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let Ok(reader) = entry.content else { return true };
        let mut content = Vec::new();
        match reader.take((TEXT_BYTES_MAX - total.min(TEXT_BYTES_MAX)) as u64 + 1).read_to_end(&mut content) {
            Ok(_) if total + content.len() <= TEXT_BYTES_MAX => {
                total += content.len();
                document.file(entry.name, content);
                true
            }
            Ok(_) => {
                document.skipped.push(format!("`{name}`: more than {TEXT_BYTES_MAX} bytes in all"));
                false
            }
            Err(error) => {
                document.skipped.push(format!("`{name}`: {error}"));
                true
            }
        }
    })
}
