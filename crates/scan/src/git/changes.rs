//! What is staged, what lies between two commits, and the names by which commits are called.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::Path;

use gix_hash::{Kind as HashKind, ObjectId, oid};
use gix_object::Kind;

use super::store::Store;
use crate::limits::CONFIG_BYTES_MAX;

/// Reads the index: path and object of each file that is tracked. A repository without one tracks nothing yet.
pub(crate) fn index(folder: &Path) -> Result<Vec<(Vec<u8>, ObjectId)>, String> {
    let path = folder.join("index");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = gix_index::File::at(path, HashKind::Sha1, true, gix_index::decode::Options::default())
        .map_err(|error| format!("the index of the repository does not read: {error}"))?;
    let files = file.entries().iter().filter(|entry| entry.mode.contains(gix_index::entry::Mode::FILE));
    Ok(files.map(|entry| (entry.path(&file).to_vec(), entry.id)).collect())
}

/// Lists staged files that differ from the last commit.
///
/// # Errors
///
/// The index is there and does not read.
pub fn staged(store: &mut Store) -> Result<Vec<(Vec<u8>, ObjectId)>, String> {
    let mut head = HashSet::new();
    if let Some((_, tree)) = resolve(store, "HEAD").and_then(|commit| Some((commit, commit_tree(store, &commit)?))) {
        tree_files(store, &tree, &mut Vec::new(), &mut HashSet::new(), &mut |path, id| {
            head.insert((path, id));
        });
    }
    Ok(index(&store.folder)?.into_iter().filter(|entry| !head.contains(entry)).collect())
}

/// Lists the blobs that came in between two commits, each once: those of `A..B`, or of all that `B` reaches.
///
/// # Errors
///
/// A name is none of a commit here.
pub fn between(store: &mut Store, range: &str) -> Result<Vec<(Vec<u8>, ObjectId)>, String> {
    let (from, to) = match range.split_once("..") {
        Some((from, to)) => (Some(from), to.trim_start_matches('.')),
        None => (None, range),
    };
    let mut find = |name: &str| {
        resolve(store, if name.is_empty() { "HEAD" } else { name })
            .ok_or_else(|| format!("`{name}` names no commit of this repository"))
    };
    let from = from.map(&mut find).transpose()?;
    let to = find(to)?;
    let old = from.map(|from| ancestors(store, from, &HashSet::new())).unwrap_or_default();
    let mut seen_trees = HashSet::new();
    let mut known = HashSet::new();
    for commit in from.iter() {
        if let Some(tree) = commit_tree(store, commit) {
            tree_files(store, &tree, &mut Vec::new(), &mut seen_trees, &mut |_, id| {
                known.insert(id);
            });
        }
    }
    let mut found = Vec::new();
    for commit in ancestors(store, to, &old) {
        if let Some(tree) = commit_tree(store, &commit) {
            tree_files(store, &tree, &mut Vec::new(), &mut seen_trees, &mut |path, id| {
                if known.insert(id) {
                    found.push((path, id));
                }
            });
        }
    }
    Ok(found)
}

fn ancestors(store: &mut Store, from: ObjectId, except: &HashSet<ObjectId>) -> HashSet<ObjectId> {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if except.contains(&id) || !seen.insert(id) {
            continue;
        }
        if let Some((Kind::Commit, data)) = store.find(&id)
            && let Ok(commit) = gix_object::CommitRef::from_bytes(&data, HashKind::Sha1)
        {
            open.extend(commit.parents());
        }
    }
    seen
}

pub(crate) fn commit_tree(store: &mut Store, id: &oid) -> Option<ObjectId> {
    let (kind, data) = store.find(id)?;
    (kind == Kind::Commit)
        .then(|| gix_object::CommitRef::from_bytes(&data, HashKind::Sha1).ok().map(|commit| commit.tree()))?
}

/// Calls `each` with path and id of every file below `tree`; trees seen before are passed over.
pub(crate) fn tree_files(
    store: &mut Store,
    tree: &oid,
    prefix: &mut Vec<u8>,
    seen: &mut HashSet<ObjectId>,
    each: &mut dyn FnMut(Vec<u8>, ObjectId),
) {
    if prefix.iter().filter(|byte| **byte == b'/').count() > crate::limits::FOLDER_DEPTH_MAX
        || !seen.insert(tree.to_owned())
    {
        return;
    }
    let Some((Kind::Tree, data)) = store.find(tree) else { return };
    for entry in gix_object::TreeRefIter::from_bytes(&data, HashKind::Sha1).filter_map(Result::ok) {
        let len = prefix.len();
        prefix.extend_from_slice(entry.filename);
        if entry.mode.is_tree() {
            prefix.push(b'/');
            tree_files(store, entry.oid, prefix, seen, each);
        } else if entry.mode.is_blob() {
            each(prefix.clone(), entry.oid.to_owned());
        }
        prefix.truncate(len);
    }
}

/// Finds the commit that a name stands for: an id, a branch, a tag, `HEAD`; a tag object is followed to its commit.
pub(crate) fn resolve(store: &mut Store, name: &str) -> Option<ObjectId> {
    let id = ObjectId::from_hex(name.as_bytes()).ok().or_else(|| reference(&store.folder, name, 0))?;
    let mut id = id;
    for _ in 0..8 {
        match store.find(&id)? {
            (Kind::Commit, _) => return Some(id),
            (Kind::Tag, data) => id = gix_object::TagRef::from_bytes(&data, HashKind::Sha1).ok()?.target(),
            _ => return None,
        }
    }
    None
}

fn reference(folder: &Path, name: &str, depth: u8) -> Option<ObjectId> {
    if depth > 8 || name.contains("..") || name.starts_with('/') {
        return None;
    }
    for prefix in ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"] {
        let full = format!("{prefix}{name}");
        if let Some(text) = read_bounded(&folder.join(&full)) {
            let text = text.trim();
            return match text.strip_prefix("ref:") {
                Some(target) => reference(folder, target.trim(), depth + 1),
                None => ObjectId::from_hex(text.as_bytes()).ok(),
            };
        }
        let packed = read_bounded(&folder.join("packed-refs")).unwrap_or_default();
        let line = packed.lines().find_map(|line| line.split_once(' ').filter(|(_, name)| *name == full));
        if let Some((hex, _)) = line {
            return ObjectId::from_hex(hex.as_bytes()).ok();
        }
    }
    None
}

/// Reads a file of references; one that is larger than any should be is not read.
fn read_bounded(path: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= CONFIG_BYTES_MAX).then_some(text)
}
