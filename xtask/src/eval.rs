//! Measures against labelled data that is not in the repository.

pub(crate) mod codenames;
pub(crate) mod copies;
pub(crate) mod labelled;
pub(crate) mod merkle;
pub(crate) mod rules;
pub(crate) mod s3;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The program that is measured.
const PROGRAM: &str = "target/release/cordon";

/// Makes an empty folder for what a measurement needs.
fn empty(name: &str) -> Result<String, String> {
    let folder = format!("target/eval-{name}");
    if Path::new(&folder).exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| format!("{folder}: {error}"))?;
    Ok(folder)
}

/// Builds the program and makes an empty folder with a key.
fn prepare(name: &str) -> Result<String, String> {
    crate::run("cargo", &["build", "--release", "--package", "cordon"])?;
    let folder = empty(name)?;
    std::fs::write(format!("{folder}/key"), "a key for measurements, no secret").map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Runs a scan; gives the findings of `kind` as the path of each place and the finding.
fn scan(arguments: &[&str], kind: &str) -> Result<Vec<(String, Value)>, String> {
    let output =
        Command::new(PROGRAM).arg("scan").args(arguments).arg("--json").output().map_err(|error| error.to_string())?;
    if !matches!(output.status.code(), Some(0 | 1 | 3)) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let finding: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if finding.get("kind").and_then(Value::as_str) != Some(kind) {
            continue;
        }
        for place in finding.get("locations").and_then(Value::as_array).into_iter().flatten() {
            let path = place.get("path").and_then(Value::as_str).unwrap_or_default();
            found.push((path.to_owned(), finding.clone()));
        }
    }
    Ok(found)
}
