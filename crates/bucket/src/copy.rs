//! Copying a bucket: into another one, or into a folder.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use cordon_domain::id::hex;

use crate::answers::Version;
use crate::bucket::{Bucket, Bytes, Keeps, LABEL, Said, Whose};
use crate::client::again;
use crate::error::BucketError;
use crate::folder::{Filing, Folder};
use crate::journal::{Copied, Journal, Short, of_version, short};
use crate::limits::{
    AT_ONCE, FAILED_IN_A_ROW_MAX, NAMED_MAX, OBJECT_BYTES_MAX, OWN_BYTES_MAX, PIECE_BYTES, PIECES_MAX,
    VERSION_TRIES_MAX, WAITING_MAX,
};
use crate::names::Name;
use crate::put::Putting;

/// Under this name a copy says which version it is of.
const VERSION: &str = "copied-version";
/// Under this name a copy says when it was first written.
const MODIFIED: &str = "copied-modified";

/// What takes objects.
pub enum Sink {
    /// Another bucket.
    Bucket(Bucket),
    /// A folder.
    Folder(Folder),
}

/// A copy of a bucket.
pub struct Copy<'a> {
    /// From where.
    pub from: &'a Bucket,
    /// Names that begin so.
    pub prefix: &'a str,
    /// What of each name.
    pub keeps: Keeps,
    /// To where.
    pub to: &'a Sink,
    /// Where it is written down.
    pub journal: &'a Journal,
    /// Who is told how it goes.
    pub tells: &'a (dyn Fn(Told<'_>) + Sync),
}

/// How it goes.
pub enum Told<'a> {
    /// A version is in its place.
    Copied(&'a Version),
    /// It was there before.
    Before(&'a Version),
    /// It cannot be copied, and nor can what came after it under this name.
    Failed(&'a Version, &'a BucketError),
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Versions that were copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Versions that were there before.
    pub before: u64,
    /// Marks of deletions that hide nothing: nothing was there, or another mark.
    pub bare_marks: u64,
    /// Versions that could not be copied, later ones of their names among them.
    pub failed: u64,
    /// Whether it ended because [`FAILED_IN_A_ROW_MAX`] names failed one after the other.
    pub is_given_up: bool,
}

impl Tally {
    fn join(&mut self, other: &Self) {
        let Self { copied, bytes, before, bare_marks, failed, is_given_up } = other;
        self.copied += copied;
        self.bytes += bytes;
        self.before += before;
        self.bare_marks += bare_marks;
        self.failed += failed;
        self.is_given_up |= is_given_up;
    }
}

/// How a copy differs from what it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Versions that are there, as long as they were.
    pub same: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Versions that are not there, or not as long, up to [`NAMED_MAX`] of them.
    pub missing: Vec<String>,
    /// How many that are in all.
    pub missing_count: u64,
}

/// What goes on while names are copied.
#[derive(Default)]
struct State {
    /// Names that failed one after the other.
    failed_in_a_row: AtomicUsize,
    ended: AtomicBool,
}

impl Copy<'_> {
    /// Copies what is not there yet.
    ///
    /// # Errors
    ///
    /// [`BucketError`] when the list breaks off, or nothing can be written down. A name that fails is told, and counted.
    pub fn run(&self) -> Result<Tally, BucketError> {
        let state = &State::default();
        let (send, queue) = sync_channel::<Name>(WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let mut tally = Tally::default();
        std::thread::scope(|scope| {
            let begin = |_| {
                let queue = Arc::clone(&queue);
                scope.spawn(move || self.work(&queue, state))
            };
            let workers: Vec<_> = (0..AT_ONCE).map(begin).collect();
            // Once no worker is there any more, nobody takes a name, and it is told so.
            drop(queue);
            let mut listed = Ok(true);
            for name in self.from.names(self.keeps, self.prefix) {
                listed = name.map(|name| send.send(name).is_ok());
                if !matches!(listed, Ok(true)) || state.ended.load(Ordering::Relaxed) {
                    break;
                }
            }
            drop(send);
            for worker in workers {
                match worker.join() {
                    Ok(done) => tally.join(&done?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            listed.map(|_| ())
        })?;
        self.journal.keep()?;
        tally.is_given_up = state.ended.load(Ordering::Relaxed);
        Ok(tally)
    }

    /// Takes names until there are none; once all of it has ended, none is copied.
    fn work(&self, queue: &Mutex<Receiver<Name>>, state: &State) -> Result<Tally, BucketError> {
        let (mut tally, mut fault) = (Tally::default(), None);
        loop {
            let name = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(name) = name else { return fault.map_or(Ok(tally), Err) };
            if state.ended.load(Ordering::Relaxed) {
                continue;
            }
            match self.name(&name, &mut tally) {
                Ok(Went::Well) => state.failed_in_a_row.store(0, Ordering::Relaxed),
                Ok(Went::Wrong) => {
                    let failed = state.failed_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                    state.ended.fetch_or(failed >= FAILED_IN_A_ROW_MAX, Ordering::Relaxed);
                }
                Err(error) => {
                    fault = Some(error);
                    state.ended.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Copies the versions of a name, in their order. Fails when it cannot be written down.
    fn name(&self, name: &Name, tally: &mut Tally) -> Result<Went, BucketError> {
        // What broke off before it was written down is the first that is not.
        let mut looks = self.journal.is_resumed;
        let mut is_bare = true;
        for (at, version) in name.iter().enumerate() {
            if self.journal.has(version) {
                (tally.before, is_bare) = (tally.before + 1, version.is_mark);
                (self.tells)(Told::Before(version));
                continue;
            }
            if version.is_mark && is_bare {
                tally.bare_marks += 1;
                continue;
            }
            let mut looks_now = std::mem::replace(&mut looks, false);
            // Whoever tries again looks first: the answer alone may have been lost.
            match again(VERSION_TRIES_MAX, || self.version(version, std::mem::replace(&mut looks_now, true))) {
                Ok(copied) => {
                    self.journal.add(&copied)?;
                    // Only the first version that is not written down may be in its place.
                    if at + 1 < name.len() {
                        self.journal.keep()?;
                    }
                }
                Err(error) => {
                    tally.failed += (name.len() - at) as u64;
                    (self.tells)(Told::Failed(version, &error));
                    return Ok(Went::Wrong);
                }
            }
            is_bare = version.is_mark;
            (tally.copied, tally.bytes) = (tally.copied + 1, tally.bytes + version.bytes);
            (self.tells)(Told::Copied(version));
        }
        Ok(Went::Well)
    }

    fn version(&self, version: &Version, looks: bool) -> Result<Copied, BucketError> {
        let there = if looks { self.to.there(version)? } else { None };
        let mut copied = Copied {
            key: version.key.clone(),
            version: version.id.clone(),
            etag: version.tag.clone(),
            latest: version.is_latest,
            modified: version.modified.clone(),
            bytes: version.bytes,
            ..Copied::default()
        };
        if version.is_mark {
            copied.to = there.map_or_else(|| self.to.hide(version), Ok)?;
            return Ok(copied);
        }
        let (piece, mut said, read) = self.from.read(version, bytes_of(version, 0)?)?;
        // A vault tells what was stored of caches without the bytes alone.
        if self.from.whose == Whose::Vault {
            said = self.from.said(&read)?;
        }
        said.tags = self.from.tags(&read)?;
        copied.label = said.own(LABEL).map(str::to_owned);
        (copied.headers, copied.tags) = (said.headers.clone(), said.tags.clone());
        say_origin(&mut said, version);
        let mut taking = match there {
            Some(there) => Taking::There(there),
            None => self.to.begin(version, &said)?,
        };
        copied.sha256 = self.rest(version, piece, &mut taking)?;
        copied.to = taking.end(version)?;
        Ok(copied)
    }

    /// Passes all pieces on, of which the first is here. Returns their digest.
    fn rest(&self, version: &Version, first: Vec<u8>, taking: &mut Taking<'_>) -> Result<String, BucketError> {
        let (mut piece, mut read, mut context) = (first, 0, Context::new(&SHA256));
        loop {
            read += piece.len() as u64;
            context.update(&piece);
            taking.take(&piece, read == version.bytes)?;
            if read == version.bytes {
                return Ok(hex(context.finish().as_ref()));
            }
            // Two pieces are never held at once.
            drop(std::mem::take(&mut piece));
            (piece, ..) = self.from.read(version, bytes_of(version, read)?)?;
        }
    }

    /// Compares what is there with what was to be copied.
    ///
    /// # Errors
    ///
    /// [`BucketError`], when one of the lists breaks off.
    pub fn compare(&self) -> Result<Compared, BucketError> {
        let right = self.right()?;
        let mut compared = Compared::default();
        for name in self.from.names(self.keeps, self.prefix) {
            let name = name?;
            for version in &name {
                match (right.has(version), version.is_mark) {
                    (true, true) => {}
                    (true, false) => {
                        (compared.same, compared.bytes) = (compared.same + 1, compared.bytes + version.bytes);
                    }
                    (false, _) => compared.miss(version),
                }
            }
        }
        Ok(compared)
    }

    /// What of all that was copied is right where it is.
    fn right(&self) -> Result<Right, BucketError> {
        match self.to {
            Sink::Folder(folder) => {
                let there = |one: &Copied| (folder.bytes_of(&one.to) == Some(one.bytes)).then_some(true);
                Ok(Right { versions: self.journal.which(there)?, leading: HashSet::new() })
            }
            Sink::Bucket(bucket) => {
                let (there, leading) = listed(bucket, self.prefix)?;
                let found = |one: &Copied| {
                    let (bytes, leads) = *there.get(&short(&[&one.key, &one.to]))?;
                    (bytes == one.bytes).then_some(leads)
                };
                Ok(Right { versions: self.journal.which(found)?, leading })
            }
        }
    }
}

/// What is right where it is.
struct Right {
    /// Versions that are there, as long as they were, and whether their names lead to them.
    versions: HashMap<Short, bool>,
    /// Names that lead to something.
    leading: HashSet<Short>,
}

impl Right {
    /// What a name leads to is what it leads to there; earlier marks are told by nothing that could be read.
    fn has(&self, version: &Version) -> bool {
        match version.is_mark {
            true => !version.is_latest || !self.leading.contains(&short(&[&version.key])),
            false => self.versions.get(&of_version(version)).is_some_and(|leads| *leads || !version.is_latest),
        }
    }
}

impl Compared {
    fn miss(&mut self, version: &Version) {
        self.missing_count += 1;
        if self.missing.len() < NAMED_MAX {
            self.missing.push(version.shown());
        }
    }
}

/// How it went with a name.
enum Went {
    Well,
    Wrong,
}

impl Sink {
    /// Looks whether a version is there already.
    fn there(&self, version: &Version) -> Result<Option<String>, BucketError> {
        let Self::Bucket(bucket) = self else { return Ok(None) };
        if version.is_mark {
            return bucket.mark(&version.key);
        }
        let own = origin(version);
        let found = bucket.look(&version.key)?;
        Ok(found.filter(|(said, _)| said.own(VERSION) == Some(&own)).map(|(_, version)| version))
    }

    fn hide(&self, version: &Version) -> Result<String, BucketError> {
        match self {
            Self::Bucket(bucket) => bucket.hide(&version.key),
            // In a folder earlier versions lie elsewhere.
            Self::Folder(_) => Ok(String::new()),
        }
    }

    fn begin<'a>(&'a self, version: &'a Version, said: &'a Said) -> Result<Taking<'a>, BucketError> {
        Ok(match self {
            Self::Bucket(bucket) => Taking::Bucket(Putting::begin(bucket, &version.key, said)),
            Self::Folder(folder) => Taking::Folder(folder.begin()?),
        })
    }
}

/// What takes one object.
enum Taking<'a> {
    Bucket(Putting<'a>),
    Folder(Filing<'a>),
    /// It is there; its bytes are read once more for their digest.
    There(String),
}

impl Taking<'_> {
    fn take(&mut self, piece: &[u8], is_last: bool) -> Result<(), BucketError> {
        match self {
            Self::Bucket(putting) => putting.take(piece, is_last),
            Self::Folder(filing) => filing.take(piece),
            Self::There(_) => Ok(()),
        }
    }

    fn end(self, version: &Version) -> Result<String, BucketError> {
        match self {
            Self::Bucket(putting) => putting.end(),
            Self::Folder(filing) => filing.end(version),
            Self::There(there) => Ok(there),
        }
    }
}

/// The piece of a version that begins there: as long as may be held, and that there are no more of them than S3 has.
fn bytes_of(version: &Version, first: u64) -> Result<Bytes, BucketError> {
    if version.bytes > OBJECT_BYTES_MAX {
        return Err(BucketError::Answer { what: version.shown(), why: "S3 has no object of that length" });
    }
    let piece = PIECE_BYTES.max(version.bytes.div_ceil(PIECES_MAX));
    Ok(match version.bytes <= piece {
        true => Bytes::All,
        false => Bytes::From(first, piece.min(version.bytes.saturating_sub(first))),
    })
}

/// What tells a version from others of its name: where versions are not kept, one has the identifier of another.
fn origin(version: &Version) -> String {
    match &version.id {
        Some(id) => format!("{id} {}", version.tag),
        None => version.tag.clone(),
    }
}

/// Says of a copy what it is of, where there is room for it.
fn say_origin(said: &mut Said, version: &Version) {
    let first = said.own(MODIFIED).unwrap_or(&version.modified).to_owned();
    let own = said.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
    let own: usize = own.map(|(name, value)| name.len() + value.len()).sum();
    let origin = origin(version);
    if own + VERSION.len() + MODIFIED.len() + origin.len() + first.len() <= OWN_BYTES_MAX {
        said.say(VERSION, origin);
        said.say(MODIFIED, first);
    }
}

/// How long a version is, and whether its name leads to it.
type There = HashMap<Short, (u64, bool)>;

/// Everything in a bucket, and the names that lead to something.
fn listed(bucket: &Bucket, prefix: &str) -> Result<(There, HashSet<Short>), BucketError> {
    let (mut there, mut leading) = (HashMap::new(), HashSet::new());
    for name in bucket.names(bucket.versioning()?.keeps(), prefix) {
        for one in name?.into_iter().filter(|version| !version.is_mark) {
            if one.is_latest {
                leading.insert(short(&[&one.key]));
            }
            there.insert(short(&[&one.key, one.id.as_deref().unwrap_or_default()]), (one.bytes, one.is_latest));
        }
    }
    Ok((there, leading))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(bytes: u64) -> Version {
        let (key, id, tag) = ("k".to_owned(), Some("v1".to_owned()), "t".to_owned());
        Version { key, id, tag, bytes, modified: "then".to_owned(), is_latest: true, is_mark: false }
    }

    #[test]
    fn pieces_cover_an_object_and_are_no_more_than_there_may_be() {
        let check = |bytes: u64, pieces: u64| {
            let (mut read, mut many) = (0, 0);
            while read < bytes {
                match bytes_of(&version(bytes), read).expect("an object") {
                    Bytes::All => read = bytes,
                    Bytes::From(first, more) => {
                        assert_eq!(first, read);
                        read += more;
                    }
                }
                many += 1;
            }
            assert_eq!((read, many), (bytes, pieces));
        };
        check(1, 1);
        check(PIECE_BYTES, 1);
        check(PIECE_BYTES + 1, 2);
        check(OBJECT_BYTES_MAX, PIECES_MAX);
        assert!(matches!(bytes_of(&version(0), 0), Ok(Bytes::All)));
        assert!(bytes_of(&version(OBJECT_BYTES_MAX + 1), 0).is_err());
    }

    #[test]
    fn a_copy_says_what_it_is_of_where_there_is_room() {
        let mut said = Said::default();
        say_origin(&mut said, &version(1));
        assert_eq!((said.own(VERSION), said.own(MODIFIED)), (Some("v1 t"), Some("then")));
        let copied_again = Version { id: Some("v2".to_owned()), modified: "now".to_owned(), ..version(1) };
        say_origin(&mut said, &copied_again);
        assert_eq!((said.own(VERSION), said.own(MODIFIED)), (Some("v2 t"), Some("then")), "when it was first written");
        let mut full = Said::default();
        full.say("a", "x".repeat(OWN_BYTES_MAX - 20));
        say_origin(&mut full, &version(1));
        assert_eq!(full.headers.len(), 1);
    }
}
