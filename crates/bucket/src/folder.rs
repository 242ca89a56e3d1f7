//! A folder that takes objects: each as a file, under a path that says its name as far as a path can.
//!
//! Parts of a name between slashes are parts of the path. What a path cannot hold is written as `%` and two hexadecimal
//! digits, `%` among it, so that a `%` before anything else is a sign of this module: `%empty` is a part without letters,
//! `%long-` begins one that is too long, `%d` ends a folder where a file has its name, `%2` and further numbers end a file
//! where another one is. Two names never share a file, and no name leads out of the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use cordon_domain::id::hex;

use crate::answers::Version;
use crate::bucket::digest;
use crate::error::BucketError;
use crate::limits::{PATH_PART_BYTES_MAX, SAME_NAME_MAX};

/// Where what names lead to lies.
const LATEST: &str = "objects";
/// Held while objects are taken.
const LOCK: &str = ".lock";
/// Where earlier versions lie.
const EARLIER: &str = "versions";

/// A folder that takes objects.
pub struct Folder {
    root: PathBuf,
    begun: AtomicU64,
    /// Held as long as this is there: nobody else takes objects into it.
    _alone: File,
}

/// An object on its way into a file. What is not ended is removed.
pub(crate) struct Filing<'a> {
    folder: &'a Folder,
    part: PathBuf,
    file: File,
    context: Context,
}

impl Folder {
    /// Opens a folder, or makes it, for one user's eyes.
    ///
    /// # Errors
    ///
    /// [`BucketError::File`], also where another copy takes objects into it.
    pub fn open(root: &Path) -> Result<Self, BucketError> {
        for folder in [root.to_owned(), root.join(LATEST)] {
            private().recursive(true).create(&folder).map_err(BucketError::file(&folder))?;
        }
        let lock = root.join(LOCK);
        let alone = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&lock);
        let alone = alone.map_err(BucketError::file(&lock))?;
        let taken = |_| BucketError::file(root)(std::io::Error::other("another copy takes objects into it"));
        alone.try_lock().map_err(taken)?;
        Ok(Self { root: root.to_owned(), begun: AtomicU64::new(0), _alone: alone })
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn begin(&self) -> Result<Filing<'_>, BucketError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let part = self.root.join(format!(".part-{number}"));
        // What an earlier run left is of nothing that was written down.
        let _ = fs::remove_file(&part);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let file = file.map_err(BucketError::file(&part))?;
        Ok(Filing { folder: self, part, file, context: Context::new(&SHA256) })
    }

    /// Tells how long a file is that was written.
    pub(crate) fn bytes_of(&self, path: &str) -> Option<u64> {
        let found = fs::symlink_metadata(self.root.join(path)).ok()?;
        found.is_file().then_some(found.len())
    }

    /// Makes the folders of a path. Where a file has the name of one, it is called otherwise.
    fn folders(&self, parts: &[String]) -> Result<PathBuf, BucketError> {
        let mut path = PathBuf::new();
        for part in parts {
            let named = [part.clone(), format!("{part}%d")];
            let made = named.iter().map(|name| path.join(name)).find(|path| {
                let whole = self.root.join(path);
                let made = private().create(&whole);
                made.is_ok() || fs::symlink_metadata(&whole).is_ok_and(|found| found.is_dir())
            });
            path = made.ok_or_else(|| {
                let error = std::io::Error::other("no folder can be made there");
                BucketError::file(&self.root.join(path.join(part)))(error)
            })?;
        }
        Ok(path)
    }
}

impl Filing<'_> {
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), BucketError> {
        self.context.update(piece);
        self.file.write_all(piece).map_err(BucketError::file(&self.part))
    }

    /// Puts it in its place. Returns the path, within the folder.
    pub(crate) fn end(self, version: &Version) -> Result<String, BucketError> {
        self.file.sync_all().map_err(BucketError::file(&self.part))?;
        let own = hex(self.context.clone().finish().as_ref());
        let (folders, name) = parts(version);
        let within = self.folder.folders(&folders)?;
        for number in 1..=SAME_NAME_MAX {
            let name = if number == 1 { name.clone() } else { format!("{name}%{number}") };
            let path = within.join(name);
            let whole = self.folder.root.join(&path);
            match fs::hard_link(&self.part, &whole) {
                Ok(()) => {}
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(BucketError::file(&whole)(error));
                }
                // Whoever broke off before it was written down left the same.
                Err(_) if content(&whole).is_some_and(|there| there == own) => {}
                Err(_) => continue,
            }
            // What is written down is there after a loss of power, too.
            File::open(self.folder.root.join(&within))
                .and_then(|folder| folder.sync_all())
                .map_err(BucketError::file(&whole))?;
            return Ok(path.to_string_lossy().into_owned());
        }
        let error = std::io::Error::other("too many files have this name");
        Err(BucketError::file(&self.folder.root.join(within).join(name))(error))
    }
}

impl Drop for Filing<'_> {
    fn drop(&mut self) {
        // It has another name by now, or is worth nothing.
        let _ = fs::remove_file(&self.part);
    }
}

/// What makes folders for one user's eyes.
fn private() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// The digest of a file.
fn content(path: &Path) -> Option<String> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let (mut file, mut context, mut piece) = (File::open(path).ok()?, Context::new(&SHA256), vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hex(context.finish().as_ref())),
            read => context.update(piece.get(..read)?),
        }
    }
}

/// The folders of a version's file, and its name.
fn parts(version: &Version) -> (Vec<String>, String) {
    let mut parts: Vec<String> = version.key.split('/').map(part).collect();
    let (top, name) = match &version.id {
        Some(id) if !version.is_latest => (EARLIER, part(id)),
        _ => (LATEST, parts.pop().unwrap_or_default()),
    };
    if top == EARLIER
        && let Some(last) = parts.last_mut()
    {
        // Beside it may lie what is in a folder of that name.
        last.push_str("%v");
    }
    parts.insert(0, top.to_owned());
    (parts, name)
}

/// A part of a name, as a part of a path.
fn part(text: &str) -> String {
    if text.is_empty() {
        return "%empty".to_owned();
    }
    let is_way = text.bytes().all(|byte| byte == b'.');
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '.' if is_way => out.push_str("%2E"),
            '%' => out.push_str("%25"),
            '/' => out.push_str("%2F"),
            sign if sign.is_ascii_control() => out.push_str(&format!("%{:02X}", u32::from(sign))),
            sign => out.push(sign),
        }
    }
    match out.len() > PATH_PART_BYTES_MAX {
        true => format!("%long-{}", digest(text.as_bytes())),
        false => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn version(key: &str, id: Option<&str>, is_latest: bool) -> Version {
        let (key, id) = (key.to_owned(), id.map(str::to_owned));
        Version { key, id, tag: "t".to_owned(), bytes: 0, modified: String::new(), is_latest, is_mark: false }
    }

    fn file(folder: &Folder, version: &Version, bytes: &[u8]) -> String {
        let mut filing = folder.begin().expect("a file");
        filing.take(bytes).expect("written");
        filing.end(version).expect("in its place")
    }

    #[test]
    fn a_file_says_the_name_of_its_object() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&root.path().join("out")).expect("made");
        let latest = |key: &str| file(&folder, &version(key, None, true), key.as_bytes());
        assert_eq!(latest("plans/q3/heron.md"), "objects/plans/q3/heron.md");
        assert_eq!(latest("a%b\n/../.."), "objects/a%25b%0A/%2E%2E/%2E%2E");
        assert_eq!(latest("/etc//passwd"), "objects/%empty/etc/%empty/passwd");
        assert_eq!(latest("folder/"), "objects/folder/%empty");
        assert_eq!(latest("a"), "objects/a");
        assert_eq!(latest("a/b"), "objects/a%d/b", "a file has the name of the folder");
        assert_eq!(latest("plans"), "objects/plans%2", "a folder has the name of the file");
        let earlier = |id: &str| file(&folder, &version("a", Some(id), false), id.as_bytes());
        assert_eq!(earlier("v1"), "versions/a%v/v1");
        assert_eq!(earlier("../v2"), "versions/a%v/..%2Fv2");
        assert!(latest(&"x".repeat(300)).starts_with("objects/%long-"));
        assert!(!root.path().join("out/.part-0").exists());
        assert_eq!(folder.bytes_of("objects/a"), Some(1));
        assert_eq!(folder.bytes_of("objects/plans"), None, "a folder is no file");
    }

    #[test]
    fn what_broke_off_is_found_again_and_what_is_another_stays() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(root.path()).expect("made");
        let a = version("a", None, true);
        assert_eq!(file(&folder, &a, b"one"), "objects/a");
        assert_eq!(file(&folder, &a, b"one"), "objects/a", "the same is there");
        assert_eq!(file(&folder, &a, b"two"), "objects/a%2");
        assert_eq!(fs::read(root.path().join("objects/a")).expect("reads"), b"one");
        std::os::unix::fs::symlink("/etc/hostname", root.path().join("objects/link")).expect("made");
        assert_eq!(file(&folder, &version("link", None, true), b"x"), "objects/link%2", "a link is not followed");
    }

    proptest! {
        #[test]
        fn names_stay_apart_and_within(keys in prop::collection::hash_set("[a-bA./%\\x01]{1,8}", 1..24)) {
            let root = tempfile::tempdir().expect("a folder");
            let folder = Folder::open(&root.path().join("in")).expect("made");
            let mut seen = HashMap::new();
            for key in keys {
                let path = file(&folder, &version(&key, None, true), key.as_bytes());
                prop_assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{}", path);
                prop_assert_eq!(fs::read(root.path().join("in").join(&path)).expect("reads"), key.as_bytes());
                prop_assert_eq!(seen.insert(path, key), None);
            }
            prop_assert_eq!(fs::read_dir(root.path()).expect("reads").count(), 1);
        }
    }
}
