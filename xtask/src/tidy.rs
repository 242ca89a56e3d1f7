//! Rules of the repository: crates depend downwards, files are short, pure crates ban what they must not call, every
//! crate says what it guarantees.

use std::fs;
use std::path::{Path, PathBuf};

/// Crates by floor, lowest first; an edge within a floor stands in [`LEVEL_EDGES`].
const FLOORS: [(&str, u8); 15] = [
    ("cordon-domain", 0),
    ("cordon-inspect", 1),
    ("cordon-extract", 1),
    ("cordon-gate", 1),
    ("cordon-keys", 1),
    ("cordon-ledger", 1),
    ("cordon-policy", 1),
    ("cordon-store", 2),
    ("cordon-scan", 3),
    ("cordon-identity", 3),
    ("cordon-vault", 3),
    ("cordon-bucket", 3),
    ("cordon-server", 4),
    ("cordon", 5),
    ("cordon-testkit", 6),
];
/// Edges between crates of one floor.
const LEVEL_EDGES: [(&str, &str); 4] = [
    ("cordon-keys", "cordon-gate"),
    ("cordon-ledger", "cordon-keys"),
    ("cordon-policy", "cordon-gate"),
    ("cordon-bucket", "cordon-identity"),
];
/// Lines of a source file; tables of data may have more.
const LINES_MAX: usize = 800;
/// The traits of the gate, and the only crates that may implement them: elsewhere one could allow, or not record.
/// The gate itself lets several hold what decides.
const GATE_TRAITS: [(&str, &[&str]); 2] =
    [("Decide", &["gate", "policy", "testkit"]), ("Journal", &["store", "testkit"])];
const PURE: [&str; 7] = ["domain", "inspect", "extract", "gate", "keys", "ledger", "policy"];

/// Fails with all that is not tidy.
pub(crate) fn tidy() -> Result<(), String> {
    let mut faults = Vec::new();
    for folder in crates()? {
        faults.extend(edges(&folder)?);
        if !folder.join("README.md").exists() {
            faults.push(format!("{}: no README.md says what it guarantees", folder.display()));
        }
        for file in sources(&folder.join("src")) {
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            if !text.starts_with("//!") {
                faults.push(format!("{}: does not begin with its purpose", file.display()));
            }
            let is_table = file.components().any(|part| part.as_os_str() == "rules");
            if text.lines().count() > LINES_MAX && !is_table {
                faults.push(format!("{}: {} lines, of at most {LINES_MAX}", file.display(), text.lines().count()));
            }
            faults.extend(gate_traits(&folder, &file, &text));
            if file.file_name().is_some_and(|name| name == "mod.rs") {
                faults.push(format!("{}: name it after its module", file.display()));
            }
        }
    }
    for name in PURE {
        let path = Path::new("crates").join(name).join("clippy.toml");
        if !fs::read_to_string(&path).is_ok_and(|text| text.contains("disallowed-methods")) {
            faults.push(format!("{}: a pure crate bans what it must not call", path.display()));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("not tidy:\n{}", faults.join("\n"))) }
}

fn gate_traits(folder: &Path, file: &Path, text: &str) -> Vec<String> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let implements = |line: &str, of: &str| {
        let head = line.trim_start();
        head.starts_with("impl") && (head.contains(&format!(" {of} for ")) || head.contains(&format!("::{of} for ")))
    };
    GATE_TRAITS
        .iter()
        .filter(|(of, allowed)| !allowed.contains(&name) && text.lines().any(|line| implements(line, of)))
        .map(|(of, allowed)| format!("{}: `{of}` is implemented only in {}", file.display(), allowed.join(" and ")))
        .collect()
}

fn crates() -> Result<Vec<PathBuf>, String> {
    let mut folders: Vec<PathBuf> = fs::read_dir("crates")
        .map_err(|error| format!("run it at the top of the repository: {error}"))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    Ok(folders)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn edges(folder: &Path) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| error.to_string())?;
    let manifest: toml::Table = toml::from_str(&text).map_err(|error| error.to_string())?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let floor = |name: &str| FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor);
    let Some(own) = floor(&name) else { return Ok(vec![format!("{name}: stands on no floor of xtask's table")]) };
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let upward = dependencies.into_iter().flatten().map(|(name, _)| name).filter(|other| {
        floor(other).is_some_and(|floor| floor >= own) && !LEVEL_EDGES.contains(&(name.as_str(), other.as_str()))
    });
    Ok(upward.map(|other| format!("{name} depends on {other}, which does not stand below it")).collect())
}
