//! The key of finding identifiers: given, or made on first use in the user's configuration folder.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cordon_domain::IdKey;

use crate::error::{Failure, read_named};

/// A folder of the user's: `cordon` in where a variable of the XDG base directories leads, else in this folder of their home.
pub(crate) fn user_folder(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let base = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(otherwise));
    base.or_else(home).map(|base| base.join("cordon"))
}

/// The folder of the user's configuration: `$XDG_CONFIG_HOME/cordon`, else `~/.config/cordon`.
pub(crate) fn config_folder() -> Result<PathBuf, Failure> {
    user_folder("XDG_CONFIG_HOME", ".config").ok_or_else(|| {
        Failure::usage("no configuration folder is known", "set HOME or XDG_CONFIG_HOME, or give --id-key")
    })
}

/// Takes the key from `file`, else from `CORDON_ID_KEY`, else from the user's folder, where it is made on first use.
pub(crate) fn id_key(file: Option<&Path>) -> Result<IdKey, Failure> {
    if let Some(path) = file {
        let bytes = read_named(path)?;
        return key_of(bytes.trim_ascii(), &format!("`{}`", path.display()));
    }
    if let Some(text) = std::env::var_os("CORDON_ID_KEY") {
        return key_of(text.as_encoded_bytes().trim_ascii(), "CORDON_ID_KEY");
    }
    let path = config_folder()?.join("id-key");
    match fs::read(&path) {
        Ok(bytes) => {
            let open_to_others = fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
            if open_to_others {
                return Err(Failure::usage(
                    format!("`{}` can be read by others", path.display()),
                    format!("run: chmod 600 {}", path.display()),
                ));
            }
            key_of(bytes.trim_ascii(), &format!("`{}`", path.display()))
        }
        Err(_) => make(&path),
    }
}

fn key_of(text: &[u8], from: &str) -> Result<IdKey, Failure> {
    if text.len() < 16 {
        return Err(Failure::usage(
            format!("the key in {from} is shorter than 16 characters"),
            "make one with: head -c 32 /dev/urandom | base64",
        ));
    }
    Ok(IdKey::derive(text))
}

fn make(path: &Path) -> Result<IdKey, Failure> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::internal(format!("no random bytes: {error}")))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let failed = |error: std::io::Error| {
        Failure::usage(
            format!("the key of finding identifiers cannot be kept at `{}`: {error}", path.display()),
            "give a key with --id-key FILE or CORDON_ID_KEY",
        )
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(failed)?,
        // Another run was quicker: its key is the key.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return id_key(None),
        Err(error) => return Err(failed(error)),
    }
    Ok(IdKey::derive(text.as_bytes()))
}
