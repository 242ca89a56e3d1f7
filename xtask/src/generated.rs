//! Files made from the code: the list of rules in the documentation.

use std::fmt::Write as _;

use cordon_domain::Today;
use cordon_inspect::{Config, Engine};

const PATH: &str = "docs/rules-list.md";

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
    std::fs::write(PATH, list()).map_err(|error| format!("{PATH}: {error}"))
}

/// Fails when a file is not what the code makes.
pub(crate) fn compare() -> Result<(), String> {
    if std::fs::read_to_string(PATH).is_ok_and(|text| text == list()) {
        Ok(())
    } else {
        Err(format!("{PATH} is stale; run `cargo xtask gen`"))
    }
}
