//! Where findings are kept between runs, and under which circumstances they hold.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cordon_domain::IdKey;
use cordon_inspect::Engine;

use crate::error::Failure;
use crate::keys::user_folder;

/// The file of a target: in `$XDG_CACHE_HOME/cordon`, else `~/.cache/cordon`, under a keyed name.
pub(crate) fn file(target: &Path, key: &IdKey) -> Result<PathBuf, Failure> {
    let folder = user_folder("XDG_CACHE_HOME", ".cache").ok_or_else(|| {
        Failure::usage("no cache folder is known", "set HOME or XDG_CACHE_HOME, or leave out --incremental")
    })?;
    let target = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    Ok(folder.join(key.identify(&[b"kept", target.as_os_str().as_encoded_bytes()]).0))
}

/// Digests all that decides over findings beside the input: the program, its rules, names, known documents and options.
pub(crate) fn digest(engine: &Engine, key: &IdKey, options: &str) -> [u8; 32] {
    let program = std::env::current_exe()
        .and_then(|path| path.metadata())
        .map(|meta| format!("{} {} {} {} {}", meta.len(), meta.ino(), meta.mtime(), meta.ctime(), meta.ctime_nsec()));
    let program = program.unwrap_or_default();
    let parts = [program.as_bytes(), env!("CARGO_PKG_VERSION").as_bytes(), options.as_bytes()];
    let circumstances = engine.circumstances();
    let digest = key.identify(&[parts.concat().as_slice(), circumstances.as_bytes()]).0;
    let mut out = [0; 32];
    out.iter_mut().zip(digest.bytes()).for_each(|(slot, byte)| *slot = byte);
    out
}
