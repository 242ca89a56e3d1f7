//! Secrets in files, and the provider of the root that needs one: a key file apart from the data.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use cordon_keys::Secret;
use cordon_keys::local::HeldKey;
use zeroize::Zeroizing;

use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::limits::SECRET_FILE_BYTES_MAX;

const HEAD: &str = "cordon-root-key-1 ";

/// How far a key file is from the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// On another file system.
    Far,
    /// On the same file system: whoever takes the disk takes both.
    SameFileSystem,
}

/// Makes a key file that only its owner can read.
///
/// # Errors
///
/// [`StoreError::File`] when it exists or cannot be written; [`StoreError::Place`] when it would lie with the data.
pub fn make_key_file(path: &Path, data: &Path) -> Result<Apart, StoreError> {
    let apart = apart(path, data)?;
    write_secret(path, HEAD, &Secret::draw(&mut SystemEntropy))?;
    Ok(apart)
}

/// Opens a key file as a provider of the root.
///
/// # Errors
///
/// [`StoreError::Place`] when it lies with the data, others can read it, or it is no key file.
pub fn key_file(path: &Path, data: &Path) -> Result<(HeldKey<SystemEntropy>, Apart), StoreError> {
    let apart = apart(path, data)?;
    Ok((HeldKey::new("key-file", &read_secret(path, HEAD)?, SystemEntropy), apart))
}

/// Writes a secret to a new file that only its owner can read, durably: `head`, 64 hexadecimal digits, a line end.
///
/// # Errors
///
/// [`StoreError::File`] when it exists or cannot be written.
pub fn write_secret(path: &Path, head: &str, secret: &Secret) -> Result<(), StoreError> {
    let digits = Zeroizing::new(cordon_domain::id::hex(secret.expose()));
    let text = Zeroizing::new([head, &digits, "\n"].concat());
    let failed = |error| StoreError::File(path.display().to_string(), "written", error);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Reads a secret from a file that [`write_secret`] wrote.
///
/// # Errors
///
/// [`StoreError::File`] when it cannot be read; [`StoreError::Place`] when others can read it, or it is another file.
pub fn read_secret(path: &Path, head: &str) -> Result<Secret, StoreError> {
    let failed = |error| StoreError::File(path.display().to_string(), "read", error);
    let file = fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::Place(format!("the key file `{}` can be read by others", path.display())));
    }
    let mut text = Zeroizing::new(String::new());
    (&file).take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let bytes = text.trim_end().strip_prefix(head).and_then(cordon_domain::id::parse_hex::<32>).map(Zeroizing::new);
    let secret = bytes.and_then(|bytes| Secret::from_slice(bytes.as_slice()));
    secret.ok_or_else(|| StoreError::Place(format!("`{}` is no key file", path.display())))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Keys never lie where the data lies.
fn apart(path: &Path, data: &Path) -> Result<Apart, StoreError> {
    let resolved =
        |path: &Path| path.canonicalize().map_err(|error| StoreError::File(path.display().to_string(), "found", error));
    let (folder, data) = (resolved(folder_of(path))?, resolved(data)?);
    if folder.starts_with(&data) {
        return Err(StoreError::Place(format!(
            "the key file `{}` lies with the data in `{}`",
            path.display(),
            data.display()
        )));
    }
    let device = |path: &Path| {
        fs::metadata(path)
            .map(|meta| meta.dev())
            .map_err(|error| StoreError::File(path.display().to_string(), "read", error))
    };
    Ok(if device(&folder)? == device(&data)? { Apart::SameFileSystem } else { Apart::Far })
}
