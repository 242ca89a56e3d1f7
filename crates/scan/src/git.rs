//! Git repositories, read with gitoxide's plumbing and no configuration at all: neither the user's, the system's nor the
//! repository's acts, hooks do not run, and what lies outside the target (alternates, worktrees, gitdirs) is skipped
//! and counted.
//!
//! Map: [`store`] finds and decodes objects; [`walk`] decodes every object of a pack once, bases first; [`history`]
//! inspects them; [`origins`] looks up commit, author and path of those with findings; [`changes`] lists what is staged
//! or lies between two commits.

pub mod changes;
pub mod history;
mod origins;
pub mod store;
mod walk;

use std::path::{Path, PathBuf};

use crate::tally::Tally;

pub use store::Store;

/// Finds the git folder of `root`: `root/.git`, or `root` itself when it is bare.
#[must_use]
pub fn git_folder(root: &Path, tally: &Tally) -> Option<PathBuf> {
    let dot = root.join(".git");
    if dot.is_symlink() {
        tally.skip(dot.as_os_str().as_encoded_bytes(), "the git folder is a link, which is not followed");
        return None;
    }
    if dot.is_dir() {
        return Some(dot);
    }
    if dot.is_file() {
        let text = std::fs::read_to_string(&dot).unwrap_or_default();
        let target = text.trim().strip_prefix("gitdir:").map(str::trim).map(|path| root.join(path));
        let inside = target
            .as_ref()
            .and_then(|path| path.canonicalize().ok())
            .zip(root.canonicalize().ok())
            .is_some_and(|(path, root)| path.starts_with(root));
        if inside {
            return target;
        }
        tally.skip(dot.as_os_str().as_encoded_bytes(), "the git folder lies outside the target");
        return None;
    }
    (root.join("HEAD").is_file() && root.join("objects").is_dir() && root.join("refs").is_dir())
        .then(|| root.to_owned())
}

/// The paths that git tracks in the work tree at `root`, in order of name.
#[must_use]
pub fn tracked(root: &Path, tally: &Tally) -> Vec<Vec<u8>> {
    let Some(folder) = git_folder(root, tally) else { return Vec::new() };
    match changes::index(&folder) {
        Ok(entries) => entries.into_iter().map(|(path, _)| path).collect(),
        Err(reason) => {
            tally.skip(folder.join("index").as_os_str().as_encoded_bytes(), reason);
            Vec::new()
        }
    }
}
