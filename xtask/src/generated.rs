//! Files made from the code: the list of rules in the documentation, and what the policies come to.

use std::fmt::Write as _;

use cordon_domain::Today;
use cordon_inspect::{Config, Engine};

const RULES: &str = "docs/rules-list.md";
const MATRIX: &str = "docs/access-matrix.txt";

fn files() -> Result<[(&'static str, String); 2], String> {
    Ok([(RULES, list()), (MATRIX, cordon_policy::matrix::text().map_err(|error| error.to_string())?)])
}

fn list() -> String {
    let engine = Engine::new(Config::plain(Today(0)));
    let mut rows: Vec<_> =
        engine.infos().iter().map(|info| (info.kind, info.id.clone(), info.severity, info.title.clone())).collect();
    rows.sort();
    let mut out = format!(
        "# Rules\n\n{} rules, made from the code by `cargo xtask gen`.\n\n| rule | kind | severity | finds |\n|---|---|---|---|\n",
        rows.len()
    );
    for (kind, id, severity, title) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| `{id}` | {kind} | {severity} | {title} |");
    }
    out
}

/// Writes the files.
pub(crate) fn write() -> Result<(), String> {
    for (path, text) in files()? {
        std::fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

/// Fails when a file is not what the code makes.
pub(crate) fn compare() -> Result<(), String> {
    for (path, text) in files()? {
        if !std::fs::read_to_string(path).is_ok_and(|kept| kept == text) {
            return Err(format!("{path} is stale; run `cargo xtask gen`, and review what changed"));
        }
    }
    Ok(())
}
