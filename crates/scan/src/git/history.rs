//! The whole history: every object once, reachable or not.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use cordon_inspect::{Base, Change, Trace};
use gix_hash::{Kind as HashKind, ObjectId, oid};
use gix_object::Kind;

use super::store::{Store, read_loose};
use super::walk::{Content, Object, Plan, Walk};
use crate::kept::{Kept, object_key};
use crate::reader::{Origin, Reader};
use crate::tally::Tally;

/// A commit met on the way, kept for looking up where a blob came from.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) time_unix_s: i64,
}

/// What the scan of a history leaves for looking up origins.
pub struct History {
    pub(crate) store: Store,
    /// The order of each pack of the store.
    pub(crate) plans: Vec<Plan>,
    /// By time.
    pub(crate) commits: Vec<Met>,
}

/// What a scan of a history needs.
pub struct Scan<'a> {
    /// How many threads read.
    pub threads: usize,
    /// Accounts for what was read.
    pub tally: &'a Tally,
    /// Findings of the last run.
    pub kept: Option<&'a Kept>,
}

/// Inspects every blob, commit message and tag of the repository at `folder`.
pub fn scan<'a>(folder: &Path, scan: &Scan<'_>, reader: &(dyn Fn() -> Reader<'a> + Sync)) -> History {
    let tally = scan.tally;
    let store = Store::open(folder, tally);
    let commits = Mutex::new(Vec::new());
    let seen = Mutex::new(HashSet::new());
    let several = store.packs.len() > 1;
    let plans: Vec<Plan> = store.packs.iter().map(Plan::new).collect();
    for (pack, plan) in store.packs.iter().zip(&plans) {
        plan.broken.iter().for_each(|id| {
            tally.skip(id.to_hex().to_string().as_bytes(), "its base is missing or its header is broken")
        });
        let passed = |id: &oid| scan.kept.is_some_and(|kept| kept.knows(&object_key(id)));
        let wanted = [Kind::Blob, Kind::Commit, Kind::Tag];
        let walk = Walk { plan, pack, queue: AtomicUsize::new(0), wanted: &wanted, passed: &passed };
        std::thread::scope(|scope| {
            for _ in 0..scan.threads {
                scope.spawn(|| {
                    let mut reader = reader();
                    let mut met = Vec::new();
                    let mut change = Change::default();
                    walk.run(&mut |object| {
                        let lost = matches!(object.content, Content::Lost(_));
                        if several && !lost && !seen.lock().is_ok_and(|mut seen| seen.insert(object.id)) {
                            return None;
                        }
                        read(&mut reader, &object, &mut change, &mut met, tally)
                    });
                    if let Ok(mut commits) = commits.lock() {
                        commits.append(&mut met);
                    }
                });
            }
        });
    }
    let mut reader = reader();
    let mut met = Vec::new();
    for (id, path) in store.loose_paths(tally) {
        if store.packs.iter().any(|pack| pack.index.lookup(id).is_some()) {
            continue;
        }
        match read_loose(&path) {
            Some((Kind::Tree, _)) => {}
            Some((kind, data)) => {
                let object = Object { id, position: 0, kind, content: Content::Bytes(&data), base: None };
                read(&mut reader, &object, &mut Change::default(), &mut met, tally);
            }
            None => tally.skip(path.as_os_str().as_encoded_bytes(), "a loose object that does not decode"),
        }
    }
    let mut commits = commits.into_inner().unwrap_or_default();
    commits.append(&mut met);
    commits.sort_by_key(|commit| (commit.time_unix_s, commit.id));
    History { store, plans, commits }
}

/// Inspects an object; gives what was learnt of it for those that stand on it.
fn read(
    reader: &mut Reader<'_>,
    object: &Object<'_, Trace>,
    change: &mut Change,
    met: &mut Vec<Met>,
    tally: &Tally,
) -> Option<Trace> {
    let id = object.id;
    let hex = id.to_hex().to_string();
    let data = match &object.content {
        Content::Bytes(data) => *data,
        Content::Passed => &[],
        Content::Lost(reason) => {
            tally.skip(hex.as_bytes(), reason.clone());
            return None;
        }
    };
    Tally::add(&tally.blobs, 1);
    let path = match object.kind {
        Kind::Blob => Vec::new(),
        Kind::Commit => {
            met.extend(commit(&id, data));
            vec![format!("commit {hex}").into_bytes()]
        }
        Kind::Tag | Kind::Tree => vec![format!("tag {hex}").into_bytes()],
    };
    let origin = Origin { path, blob: Some(hex), exposed: false };
    if reader.recall(Some(object_key(&id)), &origin) {
        return None;
    }
    if matches!(object.content, Content::Passed) {
        tally.skip(origin.blob.unwrap_or_default().as_bytes(), "what was kept of it does not read");
        return None;
    }
    let base = object.base.as_ref().map(|under| {
        change.fill(under.copied, under.len, data.len());
        Base { trace: under.learnt, change }
    });
    reader.version(&origin, data, base)
}

fn commit(id: &ObjectId, data: &[u8]) -> Option<Met> {
    let commit = gix_object::CommitRef::from_bytes(data, HashKind::Sha1).ok()?;
    Some(Met { id: *id, tree: commit.tree(), time_unix_s: commit.time().ok()?.seconds })
}
