//! Folders: every file, what git tracks first; nothing is skipped unless the user's configuration says so.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::limits::FOLDER_DEPTH_MAX;
use crate::tally::Tally;

/// Which files of a folder are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All, tracked ones first.
    All,
    /// Only those that git tracks.
    Tracked,
}

/// A file to read: where it is, and what reports call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The path to open.
    pub path: PathBuf,
    /// The path in reports.
    pub name: Vec<u8>,
}

/// The files of a folder: what git tracks, then the rest, each in order of name.
#[must_use]
pub fn list(root: &Path, which: Which, excluded: &dyn Fn(&[u8]) -> bool, tally: &Tally) -> (Vec<Item>, Vec<Item>) {
    let prefix = match root.as_os_str().as_bytes() {
        b"." | b"./" => Vec::new(),
        name => [name.strip_suffix(b"/").unwrap_or(name), b"/"].concat(),
    };
    let named = |relative: &[u8]| [prefix.as_slice(), relative].concat();
    let tracked = crate::git::tracked(root, tally);
    let mut first = Vec::with_capacity(tracked.len());
    let mut known = HashSet::with_capacity(tracked.len());
    for relative in tracked {
        let path = root.join(OsString::from_vec(relative.clone()));
        // What git tracks can lie behind a link that leaves the folder: such a path is not followed.
        let inside = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) && !passes_link(root, &relative);
        if inside && known.insert(relative.clone()) {
            if excluded(&relative) {
                Tally::add(&tally.excluded, 1);
            } else {
                first.push(Item { path, name: named(&relative) });
            }
        }
    }
    let mut rest = Vec::new();
    if which == Which::All {
        walk(
            root,
            &mut |relative, path| {
                if known.contains(relative) {
                    return;
                }
                if excluded(relative) {
                    Tally::add(&tally.excluded, 1);
                } else {
                    rest.push(Item { path, name: named(relative) });
                }
            },
            tally,
        );
    }
    (first, rest)
}

fn passes_link(root: &Path, relative: &[u8]) -> bool {
    let mut path = root.to_owned();
    let mut parts = relative.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        if part == b".." {
            return true;
        }
        path.push(std::ffi::OsStr::from_bytes(part));
        if parts.peek().is_some() && fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
            return true;
        }
    }
    false
}

/// Walks a folder without following links; packed and loose objects of git are left to the history scan.
fn walk(root: &Path, each: &mut dyn FnMut(&[u8], PathBuf), tally: &Tally) {
    let mut folders = vec![(root.to_owned(), Vec::new(), 0usize, false)];
    while let Some((folder, relative, depth, in_store)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                tally.skip(folder.as_os_str().as_bytes(), error.to_string());
                continue;
            }
        };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut inner = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let path = entry.path();
            let relative = if relative.is_empty() {
                name.as_bytes().to_vec()
            } else {
                [&relative, &b"/"[..], name.as_bytes()].concat()
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !in_store && is_object_store(&path) => {
                    if !is_own_store(root, &path) {
                        tally.skip(
                            &relative,
                            "objects of a repository inside this folder; scan it by itself with --history",
                        );
                    }
                    inner.push((path, relative, depth + 1, true));
                }
                Ok(kind) if kind.is_file() && in_store && is_object_name(&relative) => {}
                Ok(kind) if kind.is_dir() && depth >= FOLDER_DEPTH_MAX => {
                    tally.skip(&relative, format!("more than {FOLDER_DEPTH_MAX} folders deep"))
                }
                Ok(kind) if kind.is_dir() => inner.push((path, relative, depth + 1, in_store)),
                Ok(kind) if kind.is_file() => each(&relative, path),
                // A link's target is scanned where it lies; sockets, pipes and devices hold no bytes.
                Ok(_) => {}
                Err(error) => tally.skip(&relative, error.to_string()),
            }
        }
        folders.extend(inner.into_iter().rev());
    }
}

/// The `objects` folder of a repository: packed data, read by the history scan.
fn is_object_store(path: &Path) -> bool {
    let repository = path.parent();
    path.file_name().is_some_and(|name| name == "objects")
        && path.join("pack").is_dir()
        && repository.is_some_and(|parent| parent.join("HEAD").is_file() && parent.join("refs").is_dir())
}

/// The store of the folder's own repository, which the history scan reads when it is asked for.
fn is_own_store(root: &Path, path: &Path) -> bool {
    path == root.join(".git/objects") || path == root.join("objects")
}

/// A name that git gives to packed and loose objects; anything else in an object store is a file like others.
fn is_object_name(relative: &[u8]) -> bool {
    let mut parts = relative.rsplit(|byte| *byte == b'/');
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    let hex = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit);
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    folder.len() == 2 && hex(folder) && name.len() >= 38 && hex(name)
        || stem.strip_prefix(b"pack-").is_some_and(|id| id.len() >= 40 && hex(id))
        || stem == b"multi-pack-index"
}
