//! Installations as programs of earlier formats left them.

use std::io;
use std::path::{Path, PathBuf};

/// Copies the installation of a format, `data` and `keys`, into the folder `to`. One is added when a format is released,
/// and then never changes; its root key is drawn from `Chance::new(1)`.
///
/// # Errors
///
/// What the file system says; there is a fixture of every format.
pub fn installation(format: i64, to: &Path) -> io::Result<()> {
    copy_folder(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/format-{format}")), to)
}

/// Copies a folder and all that is in it.
///
/// # Errors
///
/// What the file system says.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
