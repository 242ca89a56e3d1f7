//! The index of known documents on disk: a line of JSON that lists the documents, then their fingerprints as numbers.
//! The text of a document is not in it; who holds the index and the key can test guesses at the text.

use cordon_domain::{IdKey, KeyName, Level};
use cordon_extract::{Format, detect};
use cordon_inspect::{Folded, Known, Printer};
use serde::{Deserialize, Serialize};

/// The first bytes of an index.
const MAGIC: &[u8] = b"cordon-fingerprints 1\n";
/// What the key of fingerprints is derived for.
const PURPOSE: &str = "fingerprints";
const PRINT_BYTES: usize = 12;

#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    documents: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    level: String,
    project: String,
    prints: usize,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FingerprintError {
    /// The bytes are no index, or one of a newer version.
    #[error("is no index of fingerprints that this version knows: {0}")]
    Malformed(String),
    /// It was made with another key.
    #[error("was made with the key {theirs}, and this run has the key {ours}")]
    OtherKey {
        /// The key of the index.
        theirs: String,
        /// The key of this run.
        ours: String,
    },
    /// A document gave no text to fingerprint.
    #[error("`{0}` holds less than 24 letters and digits of text beyond licences")]
    NoText(String),
}

/// Makes fingerprints under `key`.
#[must_use]
pub fn printer(key: &IdKey) -> Printer {
    Printer::new(key.subkey(PURPOSE))
}

/// Fingerprints documents.
#[derive(Debug)]
pub struct Maker {
    printer: Printer,
    /// Fingerprints of text that stands in unrelated documents everywhere, sorted.
    boilerplate: Vec<u64>,
}

/// What else there was in a text.
pub(crate) struct Printed {
    /// How many folded bytes it has.
    pub(crate) bytes: usize,
    /// Fingerprints that are boilerplate.
    pub(crate) common: usize,
}

impl Maker {
    /// Makes fingerprints under `key`; the licences and source headers of the SPDX list are boilerplate.
    #[must_use]
    pub fn new(key: &IdKey) -> Self {
        Self::of(printer(key))
    }

    pub(crate) fn of(printer: Printer) -> Self {
        let mut folded = Folded::default();
        let mut boilerplate = Vec::new();
        for (_, text) in spdx::text::LICENSE_TEXTS {
            folded.fill(text.as_bytes());
            printer.prints(&folded, |print| boilerplate.push(print.hash));
        }
        boilerplate.sort_unstable();
        boilerplate.dedup();
        Self { printer, boilerplate }
    }

    /// Fingerprints a document: its text if it is a format that holds text, else its bytes as text.
    ///
    /// # Errors
    ///
    /// The document holds too little text of its own.
    pub fn fingerprint(
        &self,
        name: &str,
        bytes: &[u8],
        level: Level,
        project: &str,
    ) -> Result<Known, FingerprintError> {
        let mut prints = Vec::new();
        self.prints(&text_of(name, bytes), |hash, at| prints.push((hash, at)));
        if prints.is_empty() {
            return Err(FingerprintError::NoText(name.to_owned()));
        }
        Ok(Known { name: name.to_owned(), level, project: project.to_owned(), prints })
    }

    /// Calls `each` with the fingerprints of a text that are no boilerplate.
    pub(crate) fn prints(&self, text: &[u8], mut each: impl FnMut(u64, u32)) -> Printed {
        let (mut folded, mut common) = (Folded::default(), 0);
        folded.fill(text);
        self.printer.prints(&folded, |print| {
            if self.boilerplate.binary_search(&print.hash).is_err() {
                each(print.hash, print.at);
            } else {
                common += 1;
            }
        });
        Printed { bytes: folded.bytes().len(), common }
    }
}

/// Tells whether a part of a document is of its text. A PDF gives its pages, and then all strings again: the pages are the text.
pub(crate) fn is_own_text(part: &str) -> bool {
    part != "strings" && !part.ends_with(".rels") && !part.starts_with("docProps")
}

fn text_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let format = detect(head, name.as_bytes())
        .filter(|format| !matches!(format, Format::Zip | Format::Tar | Format::Sqlite) && !format.is_stream());
    let document = format.and_then(|format| cordon_extract::document(format, bytes).ok());
    match document {
        Some(document) => document
            .texts
            .iter()
            .filter(|(part, _)| is_own_text(part))
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
            .into_bytes(),
        None => cordon_inspect::decode::utf16(bytes).unwrap_or_else(|| bytes.to_vec()),
    }
}

/// Writes an index.
#[must_use]
pub fn write(documents: &[Known], key: &KeyName) -> Vec<u8> {
    let entries = documents.iter().map(|known| Entry {
        name: known.name.clone(),
        level: known.level.to_string(),
        project: known.project.clone(),
        prints: known.prints.len(),
    });
    let head = Head { key: key.0.clone(), documents: entries.collect() };
    let mut out = MAGIC.to_vec();
    out.extend(serde_json::to_vec(&head).unwrap_or_default());
    out.push(b'\n');
    for (hash, at) in documents.iter().flat_map(|known| &known.prints) {
        out.extend(hash.to_le_bytes());
        out.extend(at.to_le_bytes());
    }
    out
}

/// Reads an index.
///
/// # Errors
///
/// See [`FingerprintError`].
pub fn read(bytes: &[u8], key: &KeyName) -> Result<Vec<Known>, FingerprintError> {
    let malformed = |cause: &str| FingerprintError::Malformed(cause.to_owned());
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("its first line is another"))?;
    let end = memchr::memchr(b'\n', rest).ok_or_else(|| malformed("it ends early"))?;
    let (head, prints) = rest.split_at_checked(end).ok_or_else(|| malformed("it ends early"))?;
    let head: Head = serde_json::from_slice(head).map_err(|error| malformed(&error.to_string()))?;
    if head.key != key.0 {
        return Err(FingerprintError::OtherKey { theirs: head.key, ours: key.0.clone() });
    }
    let mut numbers = prints.get(1..).unwrap_or_default().as_chunks::<PRINT_BYTES>().0.iter().map(|print| {
        let [a, b, c, d, e, f, g, h, w, x, y, z] = *print;
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([w, x, y, z]))
    });
    let mut documents = Vec::new();
    for entry in head.documents {
        let level =
            entry.level.parse().map_err(|error: cordon_domain::level::UnknownLevel| malformed(&error.to_string()))?;
        let prints: Vec<_> = numbers.by_ref().take(entry.prints).collect();
        if prints.len() != entry.prints {
            return Err(malformed("it ends early"));
        }
        documents.push(Known { name: entry.name, level, project: entry.project, prints });
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_reads_back_and_refuses_another_key() {
        let key = IdKey::new([3; 32]);
        let text = "The quarterly plan names nine things that nobody outside should read before June. ".repeat(20);
        let maker = Maker::new(&key);
        let known = maker.fingerprint("plan.txt", text.as_bytes(), Level::Restricted, "heron").expect("enough text");
        let written = write(std::slice::from_ref(&known), &key.name());
        assert_eq!(read(&written, &key.name()).expect("our key"), [known]);
        assert!(matches!(read(&written, &IdKey::new([4; 32]).name()), Err(FingerprintError::OtherKey { .. })));
        assert!(read(&written[..written.len() - 1], &key.name()).is_err());
        assert!(!written.windows(9).any(|window| window == b"quarterly"));
        assert!(maker.fingerprint("x", b"too short", Level::Internal, "p").is_err());
    }

    #[test]
    fn licences_are_no_text_of_ones_own() {
        let maker = Maker::new(&IdKey::new([3; 32]));
        let licence = spdx::license_id("BSD-3-Clause").expect("a known licence").text();
        let commented: String = licence.lines().map(|line| format!(" * {line}\n")).collect();
        assert!(maker.fingerprint("x", commented.as_bytes(), Level::Internal, "p").is_err());
        let own = "Nobody outside may read which nine customers get the heron first. ".repeat(9);
        let known = maker.fingerprint("x", format!("{licence}{own}").as_bytes(), Level::Internal, "p").expect("text");
        assert!(known.prints.iter().all(|(_, at)| *at as usize > licence.len() / 2));
    }
}
