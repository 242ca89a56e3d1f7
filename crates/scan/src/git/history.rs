//! The whole history: every object once, reachable or not, then commit, author and path of those with findings.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use cordon_domain::finding::Commit;
use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::Kind;

use super::store::{Store, read_loose};
use super::walk::Plan;
use crate::reader::{Origin, Reader};
use crate::tally::Tally;

/// A commit met on the way, kept for looking up where a blob came from.
#[derive(Clone, Debug)]
struct Met {
    id: ObjectId,
    tree: ObjectId,
    time_unix_s: i64,
}

/// What the scan of a history leaves for looking up origins.
pub struct History {
    store: Store,
    commits: Vec<Met>,
}

/// Inspects every blob, commit message and tag of the repository at `folder`, on `threads` threads.
pub fn scan<'a>(folder: &Path, threads: usize, tally: &Tally, reader: &(dyn Fn() -> Reader<'a> + Sync)) -> History {
    let store = Store::open(folder, tally);
    let commits = Mutex::new(Vec::new());
    let seen = Mutex::new(HashSet::new());
    let several = store.packs.len() > 1;
    for pack in &store.packs {
        let plan = Plan::new(pack);
        plan.broken.iter().for_each(|id| {
            tally.skip(id.to_hex().to_string().as_bytes(), "its base is missing or its header is broken")
        });
        let queue = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut reader = reader();
                    let mut met = Vec::new();
                    plan.run(pack, &queue, &[Kind::Blob, Kind::Commit, Kind::Tag], &mut |id, kind, data| {
                        if several && !seen.lock().is_ok_and(|mut seen| seen.insert(*id)) {
                            return;
                        }
                        object(&mut reader, id, kind, data, &mut met, tally);
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
    for (id, path) in store.loose_paths() {
        if store.packs.iter().any(|pack| pack.index.lookup(id).is_some()) {
            continue;
        }
        match read_loose(&path) {
            Some((Kind::Tree, _)) => {}
            Some((kind, data)) => object(&mut reader, &id, kind, Ok(&data), &mut met, tally),
            None => tally.skip(path.as_os_str().as_encoded_bytes(), "a loose object that does not decode"),
        }
    }
    let mut commits = commits.into_inner().unwrap_or_default();
    commits.append(&mut met);
    commits.sort_by_key(|commit| (commit.time_unix_s, commit.id));
    History { store, commits }
}

fn object(
    reader: &mut Reader<'_>,
    id: &ObjectId,
    kind: Kind,
    data: Result<&[u8], String>,
    met: &mut Vec<Met>,
    tally: &Tally,
) {
    let hex = || id.to_hex().to_string();
    let data = match data {
        Ok(data) => data,
        Err(reason) => return tally.skip(hex().as_bytes(), reason),
    };
    Tally::add(&tally.blobs, 1);
    let path = match kind {
        Kind::Blob => Vec::new(),
        Kind::Commit => {
            met.extend(commit(id, data));
            vec![format!("commit {}", hex()).into_bytes()]
        }
        Kind::Tag | Kind::Tree => vec![format!("tag {}", hex()).into_bytes()],
    };
    reader.blob(&Origin { path, blob: Some(hex()), exposed: false }, data);
}

fn commit(id: &ObjectId, data: &[u8]) -> Option<Met> {
    let commit = gix_object::CommitRef::from_bytes(data, HashKind::Sha1).ok()?;
    Some(Met { id: *id, tree: commit.tree(), time_unix_s: commit.time().ok()?.seconds })
}

impl History {
    /// Looks up the first commit that holds each of `blobs`, and the path it has there. A blob that no commit holds is
    /// not in the result.
    #[must_use]
    pub fn origins(&mut self, blobs: &HashSet<String>) -> HashMap<String, (Vec<u8>, Commit)> {
        let mut wanted: HashSet<ObjectId> =
            blobs.iter().filter_map(|hex| ObjectId::from_hex(hex.as_bytes()).ok()).collect();
        let mut found = HashMap::new();
        let mut seen = HashSet::new();
        for commit in std::mem::take(&mut self.commits) {
            if wanted.is_empty() {
                break;
            }
            let mut here = Vec::new();
            super::changes::tree_files(&mut self.store, &commit.tree, &mut Vec::new(), &mut seen, &mut |path, id| {
                if wanted.remove(&id) {
                    here.push((path, id));
                }
            });
            if here.is_empty() {
                continue;
            }
            let author = self.author(&commit.id);
            for (path, id) in here {
                let origin = Commit {
                    id: commit.id.to_hex().to_string(),
                    author: author.clone(),
                    time_unix_s: commit.time_unix_s,
                };
                found.insert(id.to_hex().to_string(), (path, origin));
            }
        }
        found
    }

    fn author(&mut self, id: &ObjectId) -> String {
        let Some((_, data)) = self.store.find(id) else { return String::new() };
        let author = gix_object::CommitRef::from_bytes(&data, HashKind::Sha1)
            .ok()
            .and_then(|commit| commit.author().ok().map(|author| format!("{} <{}>", author.name, author.email)));
        author.unwrap_or_default()
    }
}
