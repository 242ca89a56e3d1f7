//! Findings kept from one run for the next: an input whose bytes did not change is not read again.
//!
//! A git object is known by its id; a file by its path, size, times, inode and device, and only once its times are two
//! seconds old, so that a change in the same tick of the clock is not missed. Inputs that were not read whole are not
//! kept. Secrets stand here as in reports: identifiers and masked excerpts. Everything that decides over findings
//! (program, rules, names, known documents, key, floor) goes into one digest; under another digest nothing is known.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use cordon_domain::{Finding, FindingId, Kind, Location, Space};
use cordon_inspect::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::limits::{KEPT_BYTES_MAX, RACY_S};

/// Identifies an input with its content.
pub type Key = [u8; 16];

/// What one input gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Bytes read.
    pub bytes: u64,
    /// Containers opened.
    pub containers: u32,
    /// Matches below the floor.
    pub below_floor: u32,
    /// Matches that a comment in the text accepts.
    pub excluded: u32,
    /// The day it was read, counted from 1970-01-01 UTC.
    day: i32,
    findings: Vec<Stored>,
}

/// A finding without what its rule says and where its input lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    id: String,
    rule: String,
    severity: String,
    confidence: String,
    detail: Option<String>,
    level: Option<String>,
    excerpt: String,
    /// The names behind the first: entries of containers.
    within: Vec<Vec<u8>>,
    line: u64,
    column: u64,
    byte_start: u64,
    byte_end: u64,
    space: String,
}

/// Findings of the last run, and of this one.
#[derive(Debug)]
pub struct Kept {
    digest: [u8; 32],
    day: i32,
    old: HashMap<Key, Record>,
    new: Mutex<HashMap<Key, Record>>,
    recalled: AtomicU64,
}

const MAGIC: &[u8] = b"cordon kept findings 1\n";
const RECORD_BYTES: usize = 16 + 8 + 4 + 4 + 4 + 4 + 4;

/// Names a git object.
#[must_use]
pub fn object_key(id: &gix_hash::oid) -> Key {
    let mut key = [0; 16];
    key.iter_mut().zip(id.as_bytes()).for_each(|(slot, byte)| *slot = *byte);
    key
}

/// Names a file with its content; `None` while its times are too young to tell.
#[must_use]
pub fn file_key(path: &Path, meta: &Metadata, now_unix_s: i64) -> Option<Key> {
    if meta.mtime().max(meta.ctime()).saturating_add(RACY_S) > now_unix_s {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    let numbers = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
    [meta.size(), meta.ino(), meta.dev()].iter().for_each(|number| hash.update(number.to_le_bytes()));
    hash.finalize().first_chunk().copied()
}

impl Record {
    /// Makes a record; the names of the input itself are left out of the places of `findings`.
    #[must_use]
    pub fn new(bytes: u64, counts: [u64; 3], findings: &[Finding], outer: usize) -> Self {
        let [containers, below_floor, excluded] = counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let findings = findings.iter().map(|finding| Stored::of(finding, outer)).collect();
        Self { bytes, containers, below_floor, excluded, day: 0, findings }
    }

    /// Brings the findings back, in the input called `path`; `None` where one is of a rule that is no longer there.
    #[must_use]
    pub fn findings(&self, engine: &Engine, path: &[Vec<u8>], blob: Option<&str>) -> Option<Vec<Finding>> {
        self.findings.iter().map(|stored| stored.finding(engine, path, blob)).collect()
    }

    /// Markings and granting URLs speak of dates: what they say holds for a day.
    fn holds_for_a_day(&self, engine: &Engine) -> bool {
        self.findings.iter().any(|stored| {
            stored.detail.is_some()
                || engine.infos().iter().any(|info| info.id == stored.rule && info.kind == Kind::Marking)
        })
    }
}

impl Stored {
    fn of(finding: &Finding, outer: usize) -> Self {
        let place = &finding.location;
        Self {
            id: finding.id.0.clone(),
            rule: finding.rule.to_string(),
            severity: finding.severity.to_string(),
            confidence: finding.confidence.to_string(),
            detail: finding.detail.clone(),
            level: finding.level.map(|level| level.to_string()),
            excerpt: finding.excerpt.clone(),
            within: place.path.iter().skip(outer).cloned().collect(),
            line: place.line,
            column: place.column,
            byte_start: place.byte_start,
            byte_end: place.byte_end,
            space: place.space.to_string(),
        }
    }

    fn finding(&self, engine: &Engine, path: &[Vec<u8>], blob: Option<&str>) -> Option<Finding> {
        let info = engine.infos().iter().find(|info| info.id == self.rule)?;
        let location = Location {
            path: path.iter().chain(&self.within).cloned().collect(),
            line: self.line,
            column: self.column,
            byte_start: self.byte_start,
            byte_end: self.byte_end,
            space: self.space.parse::<Space>().ok()?,
            blob: blob.map(str::to_owned),
            commit: None,
        };
        Some(Finding {
            id: FindingId(self.id.clone()),
            rule: info.id.clone(),
            kind: info.kind,
            severity: self.severity.parse().ok()?,
            confidence: self.confidence.parse().ok()?,
            title: info.title.clone(),
            detail: self.detail.clone(),
            level: self.level.as_ref().map(|level| level.parse()).transpose().ok()?,
            excerpt: self.excerpt.clone(),
            fix: info.fix.clone(),
            location,
        })
    }
}

impl Kept {
    /// Reads what the last run kept at `path`; where there is nothing, or nothing under this digest, begins anew.
    #[must_use]
    pub fn open(path: &Path, digest: [u8; 32], engine: &Engine, now_unix_s: i64) -> Self {
        let small = fs::metadata(path).is_ok_and(|meta| meta.len() <= KEPT_BYTES_MAX);
        let bytes = if small { fs::read(path).unwrap_or_default() } else { Vec::new() };
        let day = i32::try_from(now_unix_s.div_euclid(86_400)).unwrap_or(0);
        let mut old = read(&bytes, &digest).unwrap_or_default();
        old.retain(|_, record| {
            (record.day == day || !record.holds_for_a_day(engine)) && record.findings(engine, &[], None).is_some()
        });
        Self { digest, day, old, new: Mutex::new(HashMap::new()), recalled: AtomicU64::new(0) }
    }

    /// Returns what is known of an input; it is kept for the next run too.
    #[must_use]
    pub fn recall(&self, key: &Key) -> Option<Record> {
        let record = self.old.get(key)?;
        self.recalled.fetch_add(1, Ordering::Relaxed);
        self.insert(*key, record.clone());
        Some(record.clone())
    }

    /// Tells whether something is known of an input.
    #[must_use]
    pub fn knows(&self, key: &Key) -> bool {
        self.old.contains_key(key)
    }

    /// Keeps what an input gave.
    pub fn remember(&self, key: Key, record: Record) {
        self.insert(key, Record { day: self.day, ..record });
    }

    /// Returns how many inputs were known.
    #[must_use]
    pub fn recalled(&self) -> u64 {
        self.recalled.load(Ordering::Relaxed)
    }

    fn insert(&self, key: Key, record: Record) {
        if let Ok(mut new) = self.new.lock() {
            new.insert(key, record);
        }
    }

    /// Writes what this run read or recalled, readable by its owner alone, in one step.
    ///
    /// # Errors
    ///
    /// The folder or the file cannot be written.
    pub fn write(self, path: &Path) -> io::Result<()> {
        let records = self.new.into_inner().unwrap_or_default();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        let written =
            write(&mut io::BufWriter::new(file), &self.digest, &records).and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }
}

fn write(out: &mut impl io::Write, digest: &[u8; 32], records: &HashMap<Key, Record>) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.write_all(digest)?;
    let mut bytes = 0;
    for (key, record) in records {
        let findings = if record.findings.is_empty() { Vec::new() } else { serde_json::to_vec(&record.findings)? };
        bytes += (RECORD_BYTES + findings.len()) as u64;
        if bytes >= KEPT_BYTES_MAX {
            return Err(io::Error::other(format!("more than {KEPT_BYTES_MAX} bytes")));
        }
        out.write_all(key)?;
        out.write_all(&record.bytes.to_le_bytes())?;
        for number in [record.containers, record.below_floor, record.excluded, record.day.cast_unsigned()] {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(&u32::try_from(findings.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        out.write_all(&findings)?;
    }
    out.flush()
}

/// Reads a file of kept findings; `None` where it is broken or of another digest.
fn read(bytes: &[u8], digest: &[u8; 32]) -> Option<HashMap<Key, Record>> {
    let mut rest = bytes.strip_prefix(MAGIC)?.strip_prefix(digest)?;
    let mut records = HashMap::new();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at_checked(RECORD_BYTES)?;
        let (key, head) = head.split_first_chunk::<16>()?;
        let (size, head) = head.split_first_chunk::<8>()?;
        let mut numbers = head.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number));
        let mut record = Record {
            bytes: u64::from_le_bytes(*size),
            containers: numbers.next()?,
            below_floor: numbers.next()?,
            excluded: numbers.next()?,
            day: numbers.next()?.cast_signed(),
            findings: Vec::new(),
        };
        let (findings, tail) = tail.split_at_checked(numbers.next()? as usize)?;
        if !findings.is_empty() {
            record.findings = serde_json::from_slice(findings).ok()?;
        }
        records.insert(*key, record);
        rest = tail;
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(word: &str) -> Stored {
        Stored {
            id: word.into(),
            rule: "codename".into(),
            severity: "high".into(),
            confidence: "medium".into(),
            detail: None,
            level: Some("restricted".into()),
            excerpt: word.into(),
            within: vec![word.as_bytes().to_vec()],
            line: 1,
            column: 2,
            byte_start: 3,
            byte_end: 4,
            space: "raw".into(),
        }
    }

    #[test]
    fn a_file_is_another_when_its_bytes_or_times_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = |later: i64| {
            let meta = fs::metadata(file.path()).unwrap();
            file_key(file.path(), &meta, meta.ctime() + later)
        };
        let first = key(10);
        assert!(first.is_some() && first == key(99));
        assert_eq!(key(1), None);
        fs::write(file.path(), "more").unwrap();
        assert!(key(10).is_some() && key(10) != first);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(words in proptest::collection::vec("[a-z]{0,9}", 0..20), cut in 0usize..60) {
            let records: HashMap<Key, Record> = words
                .iter()
                .enumerate()
                .map(|(at, word)| {
                    let findings = word.chars().take(2).map(|_| stored(word)).collect();
                    ([at as u8; 16], Record { bytes: at as u64, day: 7, findings, ..Record::default() })
                })
                .collect();
            let mut bytes = Vec::new();
            write(&mut bytes, &[3; 32], &records).unwrap();
            prop_assert_eq!(read(&bytes, &[3; 32]), Some(records));
            prop_assert_eq!(read(&bytes, &[4; 32]), None);
            let _ = read(&bytes[..bytes.len() - cut.min(bytes.len())], &[3; 32]);
        }

        #[test]
        fn never_panics_on_any_bytes(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[MAGIC, &[3; 32], &tail].concat(), &[3; 32]);
        }
    }
}
