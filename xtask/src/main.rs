//! The project's own tasks: `check` (what CI runs), `test`, `tidy`, `bench`, `eval`, `gen`.

mod bench;
mod eval;
mod generated;
mod tidy;

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask TASK

check                 all that CI runs: format, lints, tidy, tests
test [--without python] [--without softhsm]
                      the tests, and those that compare with other projects
tidy                  the rules of the repository that no other tool holds
gen [--check]         write, or compare, what is made from the code: docs/rules-list.md
eval rules FILE       recall and false alarms on labelled texts (JSON lines, gzip)
eval labelled FOLDER KIND
                      precision and recall of a kind of finding on labelled files (see labels.jsonl there)
eval copies KNOWN FOREIGN
                      copies of fifty texts of one folder, made in eight ways, and false alarms in the other
eval merkle FOLDER    Merkle proof vectors with wantErr
eval codenames FOLDER fifty disguises of five names, and false alarms in ordinary text
bench scan FOLDER     time a scan of FOLDER against its peers, in turns
bench history FOLDER  the same for a git history
bench trust           the ledger and the keys: events, checkpoints, proofs, encryption, rewrapping";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check(),
        ["test"] => test(&[]),
        ["test", "--without", part] => test(&[part]),
        ["test", "--without", first, "--without", second] => test(&[first, second]),
        ["tidy"] => tidy::tidy(),
        ["gen"] => generated::write(),
        ["gen", "--check"] => generated::compare(),
        ["eval", "rules", file] => eval::rules::run(file),
        ["eval", "labelled", folder, kind] => eval::labelled::run(folder, kind),
        ["eval", "copies", known, foreign] => eval::copies::run(known, foreign),
        ["eval", "codenames", folder] => eval::codenames::run(folder),
        ["eval", "merkle", folder] => eval::merkle::run(folder),
        ["bench", "scan", folder] => bench::run(folder, bench::What::Tree),
        ["bench", "history", folder] => bench::run(folder, bench::What::History),
        ["bench", "trust"] => bench::trust::run(),
        ["bench", "trust-measured"] => bench::trust::measured(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a program and fails with its name when it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(program).args(arguments).status().map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {}` failed", arguments.join(" "))) }
}

/// Parts of other projects that some tests stand on, from PyPI.
const TEST_ENVIRONMENT: &str = "target/test-python";
const TEST_PACKAGES: [&str; 3] = ["tink==1.16.1", "ocsf-json-schema==1.2.0", "jsonschema==4.26.0"];

/// Where Debian's package softhsm2 puts its module.
const SOFTHSM_MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Runs the tests, then those that stand on other projects. `without` names parts that cannot be had here.
fn test(without: &[&str]) -> Result<(), String> {
    run("cargo", &["test", "--workspace", "--quiet"])?;
    if without.contains(&"python") {
        println!("NOT TESTED: streams against Tink, events against the OCSF schema (--without python)");
    } else {
        let python = test_python().map_err(|why| {
            format!("{why}\nhint: these tests need python3 with venv, and PyPI; leave them out with `--without python`")
        })?;
        ignored(&["cordon-keys", "cordon-ledger"], &[("CORDON_TEST_PYTHON", &python.display().to_string())])?;
    }
    if without.contains(&"softhsm") {
        println!("NOT TESTED: the root key in a PKCS#11 token (--without softhsm)");
        return Ok(());
    }
    let configuration = test_token().map_err(|why| {
        format!("{why}\nhint: install Debian's package softhsm2, or leave the test out with `--without softhsm`")
    })?;
    ignored(&["cordon-store"], &[("CORDON_TEST_SOFTHSM", SOFTHSM_MODULE), ("SOFTHSM2_CONF", &configuration)])
}

/// Runs the tests of `packages` that are left out otherwise.
fn ignored(packages: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet"]).args(packages).args(["--", "--ignored"]).envs(variables.iter().copied());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("tests that stand on other projects failed".to_owned()),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// Makes a token in a folder of its own. Returns the path of its configuration.
fn test_token() -> Result<String, String> {
    if !std::path::Path::new(SOFTHSM_MODULE).exists() {
        return Err(format!("`{SOFTHSM_MODULE}` is not there"));
    }
    let folder = std::env::current_dir().map_err(|error| error.to_string())?.join("target/test-token");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    let tokens = folder.join("tokens");
    std::fs::create_dir_all(&tokens).map_err(|error| error.to_string())?;
    let configuration = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&configuration, text).map_err(|error| error.to_string())?;
    let arguments = ["--init-token", "--free", "--label", "cordon", "--so-pin", "123456", "--pin", "1234"];
    let made = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", &configuration).output();
    match made {
        Ok(output) if output.status.success() => Ok(configuration.display().to_string()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("softhsm2-util: {error}")),
    }
}

fn test_python() -> Result<std::path::PathBuf, String> {
    let environment = std::env::current_dir().map_err(|error| error.to_string())?.join(TEST_ENVIRONMENT);
    let python = environment.join("bin/python");
    let ready = environment.join(TEST_PACKAGES.join("+"));
    if !ready.exists() {
        run("python3", &["-m", "venv", TEST_ENVIRONMENT])?;
        let pip = environment.join("bin/pip").display().to_string();
        run(&pip, &[&["install", "--quiet", "--disable-pip-version-check"][..], &TEST_PACKAGES].concat())?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn check() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    tidy::tidy()?;
    generated::compare()?;
    test(&[])
}
