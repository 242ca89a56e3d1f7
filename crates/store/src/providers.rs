//! Providers that need the machine: a key file apart from the data.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use cordon_keys::Secret;
use cordon_keys::local::HeldKey;
use zeroize::Zeroizing;

use crate::edge::SystemEntropy;
use crate::error::StoreError;

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
    let secret = Secret::draw(&mut SystemEntropy);
    let mut text = Zeroizing::new(HEAD.to_owned());
    for byte in secret.expose() {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('\n');
    let failed = |error| StoreError::File(path.display().to_string(), "written", error);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(apart)
}

/// Opens a key file as a provider of the root.
///
/// # Errors
///
/// [`StoreError::Place`] when it lies with the data, others can read it, or it is no key file.
pub fn key_file(path: &Path, data: &Path) -> Result<(HeldKey<SystemEntropy>, Apart), StoreError> {
    let apart = apart(path, data)?;
    let failed = |error| StoreError::File(path.display().to_string(), "read", error);
    let meta = fs::metadata(path).map_err(failed)?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(StoreError::Place(format!("the key file `{}` can be read by others", path.display())));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let bytes = text.trim_end().strip_prefix(HEAD).and_then(cordon_domain::id::parse_hex::<32>).map(Zeroizing::new);
    let secret = bytes.and_then(|bytes| Secret::from_slice(bytes.as_slice()));
    let secret = secret.ok_or_else(|| StoreError::Place(format!("`{}` is no key file", path.display())))?;
    Ok((HeldKey::new("key-file", &secret, SystemEntropy), apart))
}

/// Keys never lie where the data lies.
fn apart(path: &Path, data: &Path) -> Result<Apart, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let resolved =
        |path: &Path| path.canonicalize().map_err(|error| StoreError::File(path.display().to_string(), "found", error));
    let (folder, data) = (resolved(folder)?, resolved(data)?);
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
