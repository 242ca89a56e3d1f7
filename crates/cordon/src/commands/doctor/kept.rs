//! What is kept: folders, keys, the installation, its log, and who could approve.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cordon_domain::{Clock as _, Principal, Role};
use cordon_store::Places;
use cordon_store::edge::SystemClock;
use cordon_store::log::LogFolder;

use super::Found;
use crate::commands::audit::resources::{LogSource, opened_checkpoint};
use crate::commands::db::create::KIT_FILE;
use crate::error::Failure;
use crate::installation::{At, Operated, failure, locks_memory};
use crate::limits::{FREE_BYTES_MIN, UNPUBLISHED_MAX};

pub(super) fn looked_at(at: &At) -> Vec<Found> {
    let places = match at.place.places() {
        Ok(places) => places,
        Err(error) => return vec![Found::failure("data", &error)],
    };
    let mut all = vec![folder("data", &places.data), folder("keys", &places.keys), apart(&places), kit(&places)];
    if !places.keys.join("keys.db").exists() {
        let what = format!("`{}` holds no keys of an installation", places.keys.display());
        all.push(Found::bad("installation", what, "give --data and --keys, or make one with `cordon db create`"));
        return all;
    }
    match at.open() {
        Err(error) => all.push(Found::failure("installation", &error)),
        Ok(operated) => {
            let told = opened(&operated);
            all.extend(told.unwrap_or_else(|error| vec![Found::failure("installation", &error)]));
        }
    }
    all
}

/// A folder that is for one user's eyes, with room in it.
fn folder(about: &'static str, path: &Path) -> Found {
    let shown = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => meta,
        Ok(_) => return Found::bad(about, format!("`{shown}` is no folder"), format!("give another --{about}")),
        Err(error) => {
            let hint = format!("give --{about}, or make an installation with `cordon up`");
            return Found::bad(about, format!("`{shown}` cannot be looked into: {error}"), hint);
        }
    };
    if meta.permissions().mode() & 0o077 != 0 {
        return Found::mind(about, format!("others may look into `{shown}`"), format!("run: chmod 700 {shown}"));
    }
    match free(path) {
        Some(bytes) if bytes < FREE_BYTES_MIN => Found::mind(
            about,
            format!("`{shown}` has room for {} MiB: without room, nothing is read or written", bytes >> 20),
            "make room, or move it",
        ),
        Some(bytes) => Found::good(about, format!("`{shown}` has room for {} GiB", bytes >> 30)),
        None => Found::mind(about, format!("how much room `{shown}` has is not known"), "see `df`"),
    }
}

fn free(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

/// Whoever takes the disk should not take both.
fn apart(places: &Places) -> Found {
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    match device(&places.data).zip(device(&places.keys)) {
        None => Found::mind("apart", "whether data and keys are apart is not known", "see what is said of the two"),
        Some((data, keys)) if data == keys => Found::mind(
            "apart",
            "data and keys are on the same file system: whoever takes the disk takes both",
            "move the keys to another disk and give --keys, or let a token hold the root key (docs/keys.md)",
        ),
        Some(_) => Found::good("apart", "data and keys are on file systems of their own"),
    }
}

/// The kit belongs on paper, with several people.
fn kit(places: &Places) -> Found {
    let near = [PathBuf::from(KIT_FILE), places.data.join(KIT_FILE), places.keys.join(KIT_FILE)];
    match near.iter().find(|path| path.exists()) {
        Some(path) => Found::mind(
            "recovery",
            format!("the recovery kit lies at `{}`: whoever reads it has the root key", path.display()),
            "print it, give each share to another person, and delete the file",
        ),
        None => Found::good("recovery", "no recovery kit lies about here"),
    }
}

fn opened(operated: &Operated) -> Result<Vec<Found>, Failure> {
    let snapshot = operated.snapshot()?;
    let locked: Vec<String> = snapshot.locked().iter().map(ToString::to_string).collect();
    let rows = match locked.as_slice() {
        [] => Found::good("installation", "it opens, and what decides in it is as it was written"),
        all => Found::bad(
            "installation",
            format!("{} rows were changed beside Cordon, and are locked: {}", all.len(), all.join(", ")),
            "keep a copy of the database, and restore a backup with `cordon db restore`",
        ),
    };
    let roster = snapshot.roster();
    let now = SystemClock.now();
    let approvers = roster.grants.values().filter(|grant| grant.role == Role::Approver && grant.counts_at(now));
    let people = approvers.filter_map(|grant| roster.principals.get(&grant.principal));
    let active: Vec<&Principal> = people.filter(|one| roster.is_active(one, now)).collect();
    let has_device = |one: &&&Principal| roster.devices.values().any(|device| device.owner == one.id);
    let ready: BTreeSet<_> = active.iter().filter(has_device).map(|one| one.owner).collect();
    let people = match (active.len(), ready.len()) {
        (0, _) => Found::mind(
            "approvers",
            "nobody can approve: what takes two people is done by the person at this machine alone, or not at all",
            "bring one in: `cordon people invite NAME --role approver:everything`",
        ),
        (_, 0) => Found::mind(
            "approvers",
            "whoever has the role of an approver has enrolled no device, and cannot approve",
            "they run `cordon login`, which enrols it",
        ),
        (_, 1) => Found::good("approvers", "one person with a device is an approver; of what they ask for, nobody is"),
        (_, many) => Found::good("approvers", format!("{many} people with a device are approvers")),
    };
    Ok(vec![rows, memory(operated), log(operated)?, people])
}

/// What is swapped lies on a disk.
fn memory(operated: &Operated) -> Found {
    match locks_memory(&operated.installation) {
        true => Found::good("memory", "keys are kept from being swapped"),
        false => Found::mind(
            "memory",
            "keys cannot be kept from being swapped",
            "raise `ulimit -l`, or LimitMEMLOCK= of the service; or encrypt what is swapped to",
        ),
    }
}

/// What was recorded is signed and published, within a second while a node runs.
fn log(operated: &Operated) -> Result<Found, Failure> {
    let key = operated.installation.log_key().map_err(failure)?;
    let mut folder = LogSource::Folder(LogFolder(operated.installation.places().log()));
    let size = match opened_checkpoint(&mut folder, &key) {
        Ok((_, checkpoint)) => checkpoint.size,
        Err(error) => return Ok(Found::failure("log", &error)),
    };
    // Later than the checkpoint: what is recorded meanwhile waits, and is not missing.
    let recorded = operated.wait(async {
        let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
        let all = reader.size().await.map_err(failure)?;
        Ok(all.saturating_sub(reader.log_offset(keys).await.map_err(failure)?))
    })?;
    Ok(match recorded.checked_sub(size) {
        None => Found::bad(
            "log",
            format!("{size} events were signed, and the database has {recorded}"),
            "nothing is signed over it; keep a copy, then see docs/ledger.md, \"When something is wrong\"",
        ),
        Some(waiting) if waiting > UNPUBLISHED_MAX => Found::mind(
            "log",
            format!("{waiting} events wait to be signed"),
            "see that a node runs, and what it says on its standard error",
        ),
        Some(_) => Found::good("log", format!("{size} events are signed; `cordon audit verify` walks them all")),
    })
}
