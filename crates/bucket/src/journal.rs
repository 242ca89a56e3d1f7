//! What was copied, one JSON object a line: so that a copy that broke off goes on, and whoever has the copy knows what it is.
//!
//! A line is written after what it tells is in its place. What breaks off in between is looked for before it is copied again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::answers::Version;
use crate::bucket::Keeps;
use crate::error::BucketError;
use crate::limits::LINE_BYTES_MAX;

/// The form of the file, in its first line.
const SCHEMA: &str = "cordon-copied-1";

/// What is copied where: the first line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Course {
    schema: String,
    /// From where: an origin and `s3://`.
    pub from: String,
    /// To where.
    pub to: String,
    /// What of each name.
    pub keeps: Keeps,
}

impl Course {
    /// Says what is copied where.
    #[must_use]
    pub fn new(from: String, to: String, keeps: Keeps) -> Self {
        Self { schema: SCHEMA.to_owned(), from, to, keeps }
    }
}

/// A version that was copied.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// The name.
    pub key: String,
    /// Which version it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What told its content from another; empty for a mark of a deletion.
    #[serde(default)]
    pub etag: String,
    /// Whether its name led to it.
    #[serde(default)]
    pub latest: bool,
    /// When it was written.
    #[serde(default)]
    pub modified: String,
    /// How many bytes.
    #[serde(default)]
    pub bytes: u64,
    /// SHA-256 of its bytes; empty for a mark.
    #[serde(default)]
    pub sha256: String,
    /// Its label, where the place that it came from tells one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where it is now: a version, or a file.
    pub to: String,
}

/// What stands for a text, in 128 bits: nobody gains by two that are the same.
pub(crate) type Short = [u8; 16];

/// The file, and what of it is asked again and again.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Whether an earlier run began it.
    pub(crate) is_resumed: bool,
}

struct Inner {
    file: File,
    /// How much of the file is whole; nothing once that cannot be told.
    whole: Option<u64>,
    done: Done,
}

impl Journal {
    /// Opens it, or begins it for `course`; nobody else writes to it meanwhile.
    ///
    /// # Errors
    ///
    /// [`BucketError::Journal`] for a file that is another, or is in use; [`BucketError::File`].
    pub fn open(path: &Path, course: &Course) -> Result<Self, BucketError> {
        let options = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = options.map_err(BucketError::file(path))?;
        let not = |why: Unread| why.of(path);
        file.try_lock().map_err(|_| not(Unread::Other("another copy writes to it".to_owned())))?;
        let mut inner = Inner { file, whole: None, done: Done::default() };
        let whole = inner.begin(course).map_err(not)?;
        Ok(Self { path: path.to_owned(), inner: Mutex::new(inner), is_resumed: whole > 0 })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A line is written whole or cut off at the next start.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether a version was copied.
    pub(crate) fn has(&self, version: &Version) -> bool {
        self.inner().done.has(&version.key, version.id.as_deref(), of_version(version))
    }

    /// Returns, of all that was copied and counts, what is there, each with what `there` says of it.
    pub(crate) fn which<T>(&self, there: impl Fn(&Copied) -> Option<T>) -> Result<HashMap<Short, T>, BucketError> {
        let mut inner = self.inner();
        let mut found = HashMap::new();
        let read = inner.each(|copied| {
            if let Some(what) = there(&copied) {
                found.insert(of_copied(&copied), (copied.key, copied.version, what));
            }
        });
        read.map_err(|why| why.of(&self.path))?;
        let counts = found.into_iter().filter(|(own, (key, id, _))| inner.done.has(key, id.as_deref(), *own));
        Ok(counts.map(|(own, (.., what))| (own, what)).collect())
    }

    /// Writes down what was copied.
    pub(crate) fn add(&self, copied: &Copied) -> Result<(), BucketError> {
        let mut inner = self.inner();
        inner.write(copied).map_err(BucketError::file(&self.path))?;
        inner.done.add(copied);
        Ok(())
    }

    /// Puts what was written on the disk.
    pub(crate) fn keep(&self) -> Result<(), BucketError> {
        self.inner().file.sync_all().map_err(BucketError::file(&self.path))
    }
}

/// What was copied.
#[derive(Default)]
struct Done {
    /// Versions that stay what they are.
    versions: HashSet<Short>,
    /// Of each name that has no such version, what was copied last: what it was before counts no more.
    names: HashMap<Short, Short>,
}

impl Done {
    fn add(&mut self, one: &Copied) {
        match stays(one.version.as_deref()) {
            true => drop(self.versions.insert(of_copied(one))),
            false => drop(self.names.insert(short(&[&one.key]), of_copied(one))),
        }
    }

    fn has(&self, key: &str, id: Option<&str>, own: Short) -> bool {
        match stays(id) {
            true => self.versions.contains(&own),
            false => self.names.get(&short(&[key])) == Some(&own),
        }
    }
}

/// Tells whether a version is never written over.
fn stays(id: Option<&str>) -> bool {
    id.is_some_and(|id| !id.is_empty() && id != "null")
}

enum Unread {
    File(std::io::Error),
    Other(String),
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl Unread {
    fn of(self, path: &Path) -> BucketError {
        match self {
            Self::File(error) => BucketError::file(path)(error),
            Self::Other(why) => BucketError::Journal { path: path.display().to_string(), why },
        }
    }
}

impl Inner {
    /// Reads what an earlier run wrote, or begins. Returns how many bytes were whole.
    fn begin(&mut self, course: &Course) -> Result<u64, Unread> {
        let mut done = Done::default();
        let whole = self.lines(|line, at| {
            if at == 0 {
                return is_of(line, course);
            }
            done.add(&read(line, at)?);
            Ok(())
        })?;
        self.done = done;
        if whole == 0 && !self.is_begun(course)? {
            return Err(Unread::Other("it is there already, and no list of what was copied".to_owned()));
        }
        // A line that broke off tells nothing.
        self.file.set_len(whole)?;
        self.whole = Some(whole);
        if whole == 0 {
            self.write(course)?;
        }
        Ok(whole)
    }

    /// Tells whether there is nothing but a beginning of the first line.
    fn is_begun(&mut self, course: &Course) -> Result<bool, Unread> {
        let mut there = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(LINE_BYTES_MAX).read_to_end(&mut there)?;
        Ok(serde_json::to_vec(course).map_err(std::io::Error::from)?.starts_with(&there))
    }

    /// Goes through all that was copied.
    fn each(&mut self, mut take: impl FnMut(Copied)) -> Result<(), Unread> {
        self.lines(|line, at| if at == 0 { Ok(()) } else { read(line, at).map(&mut take) }).map(|_| ())
    }

    /// Goes through all lines that are whole. Returns how many bytes they have.
    fn lines(&mut self, mut take: impl FnMut(&[u8], u64) -> Result<(), Unread>) -> Result<u64, Unread> {
        self.file.seek(SeekFrom::Start(0))?;
        let (mut lines, mut line, mut whole) = (BufReader::new(&self.file), Vec::new(), 0_u64);
        loop {
            line.clear();
            let read = (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            if line.last() != Some(&b'\n') {
                let is_long = read == LINE_BYTES_MAX;
                return if is_long { Err(Unread::Other("one of its lines is too long".to_owned())) } else { Ok(whole) };
            }
            take(&line, whole)?;
            whole += read;
        }
    }

    /// Writes a line, behind all others.
    fn write(&mut self, what: &impl Serialize) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        let whole = self.whole.ok_or_else(|| std::io::Error::other("an earlier line could not be written"))?;
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(std::io::Error::other("what is said of an object is too long to be written down"));
        }
        match self.file.write_all(&line) {
            Ok(()) => self.whole = Some(whole + line.len() as u64),
            Err(error) => {
                // What is there of the line is taken back, so that no other is written behind it.
                self.whole = self.file.set_len(whole).ok().map(|()| whole);
                return Err(error);
            }
        }
        Ok(())
    }
}

fn read(line: &[u8], at: u64) -> Result<Copied, Unread> {
    let not = |_| Unread::Other(format!("what stands at byte {at} is no line of a list of what was copied"));
    serde_json::from_slice(line).map_err(not)
}

/// The first line says what is copied where.
fn is_of(line: &[u8], course: &Course) -> Result<(), Unread> {
    let found: Course = serde_json::from_slice(line)
        .map_err(|_| Unread::Other("it is there already, and no list of what was copied".to_owned()))?;
    match found {
        found if found == *course => Ok(()),
        Course { schema, .. } if schema != SCHEMA => {
            Err(Unread::Other(format!("it is of the form `{schema}`; this program knows `{SCHEMA}`")))
        }
        Course { from, to, keeps, .. } => {
            let what = if keeps == Keeps::Latest { "what names lead to" } else { "all versions" };
            Err(Unread::Other(format!("it is of another copy: of {what}, from {from} to {to}")))
        }
    }
}

/// A version where it was.
pub(crate) fn of_version(version: &Version) -> Short {
    short(&[&version.key, version.id.as_deref().unwrap_or_default(), &version.tag])
}

fn of_copied(copied: &Copied) -> Short {
    short(&[&copied.key, copied.version.as_deref().unwrap_or_default(), &copied.etag])
}

/// Texts, each apart from the next.
pub(crate) fn short(parts: &[&str]) -> Short {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut out = [0; 16];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(slot, byte)| *slot = *byte);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn course() -> Course {
        Course::new("https://a/s3://old".to_owned(), "s3://new".to_owned(), Keeps::Versions)
    }

    fn version(key: &str, id: &str) -> Version {
        let (key, id, tag) = (key.to_owned(), Some(id.to_owned()), "t".to_owned());
        Version { key, id, tag, bytes: 7, modified: String::new(), is_latest: true, is_mark: false }
    }

    fn copied(key: &str, id: &str) -> Copied {
        let (key, etag, to) = (key.to_owned(), "t".to_owned(), format!("ov_{id}"));
        Copied { key, version: Some(id.to_owned()), etag, bytes: 7, to, ..Copied::default() }
    }

    #[test]
    fn what_was_written_down_is_known_and_a_line_that_broke_off_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("copied.jsonl");
        let journal = Journal::open(&path, &course()).expect("new");
        assert!(!journal.is_resumed);
        journal.add(&copied("a", "1")).expect("written");
        journal.add(&copied("a", "2")).expect("written");
        assert!(matches!(Journal::open(&path, &course()), Err(BucketError::Journal { .. })), "in use");
        drop(journal);
        let text = fs::read(&path).expect("reads");
        for cut in 0..text.len() {
            fs::write(&path, &text[..cut]).expect("written");
            let journal = Journal::open(&path, &course()).expect("a beginning is one");
            let lines = text[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!((journal.is_resumed, journal.has(&version("a", "1"))), (lines > 0, lines > 1), "{cut}");
            journal.add(&copied("a", "2")).expect("it goes on");
            drop(journal);
            let journal = Journal::open(&path, &course()).expect("whole again");
            let right = journal.which(|copied| (copied.to == "ov_2").then_some(copied.bytes)).expect("reads");
            assert_eq!(right, HashMap::from([(of_version(&version("a", "2")), 7)]));
        }
    }

    #[test]
    fn another_file_is_neither_taken_nor_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("copied.jsonl");
        let other = Course::new("x".to_owned(), "y".to_owned(), Keeps::Versions);
        let other = serde_json::to_string(&other).expect("JSON");
        let latest = serde_json::to_string(&Course { keeps: Keeps::Latest, ..course() }).expect("JSON");
        let newer = other.replace(SCHEMA, "cordon-copied-2");
        let damaged = format!("{}\n{{}}\n", serde_json::to_string(&course()).expect("JSON"));
        let long = "x".repeat(70_000);
        for (text, why) in [
            ("my diary\n", "no list of what was copied"),
            ("my diary", "no list of what was copied"),
            ("{\"a\": 1}", "no list of what was copied"),
            (&format!("{other}\n"), "it is of another copy: of all versions, from x to y"),
            (&format!("{latest}\n"), "it is of another copy: of what names lead to"),
            (&format!("{newer}\n"), "it is of the form `cordon-copied-2`"),
            (&damaged, "is no line of a list"),
            (&long, "too long"),
        ] {
            fs::write(&path, text).expect("written");
            let error = Journal::open(&path, &course()).err().expect("refused").to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("reads"), text);
        }
    }

    /// A name without versions that goes from one content to another and back is copied each time.
    #[test]
    fn of_a_name_without_versions_what_was_copied_last_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("copied.jsonl");
        let tagged = |tag: &str| Version { id: None, tag: tag.to_owned(), ..version("a", "") };
        let line = |tag: &str| Copied { version: None, etag: tag.to_owned(), ..copied("a", "x") };
        let journal = Journal::open(&path, &course()).expect("new");
        let has = |journal: &Journal| ["A", "B"].map(|tag| journal.has(&tagged(tag)));
        journal.add(&line("A")).expect("written");
        assert_eq!(has(&journal), [true, false]);
        journal.add(&line("B")).expect("written");
        assert_eq!(has(&journal), [false, true]);
        drop(journal);
        let journal = Journal::open(&path, &course()).expect("again");
        assert_eq!(has(&journal), [false, true]);
        assert_eq!(journal.which(|_| Some(())).expect("reads").len(), 1);
        journal.add(&line("A")).expect("written");
        assert_eq!(has(&journal), [true, false]);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("copied.jsonl");
        let journal = Journal::open(&path, &course()).expect("new");
        let long = Copied { label: Some("x".repeat(LINE_BYTES_MAX as usize)), ..copied("a", "1") };
        assert!(journal.add(&long).is_err());
        journal.add(&copied("a", "2")).expect("others are");
        drop(journal);
        assert!(Journal::open(&path, &course()).expect("it reads").has(&version("a", "2")));
    }
}
