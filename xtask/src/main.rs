//! The project's own tasks: `check` (what CI runs), `test`, `tidy`, `bench`, `eval`, `gen`.

mod bench;
mod eval;
mod generated;
mod node;
mod suite;
mod tidy;

use std::process::{Command, ExitCode};

pub(crate) const USAGE: &str = "usage: cargo xtask TASK

check                 all that CI runs: format, lints, tidy, tests
test [--without PART...]
                      the tests; parts that they stand on: postgres, python (with PyPI), oidc (with PyPI and npm), softhsm
mutants               change the files that decide, one thing at a time: each change must fail a test (cargo-mutants; hours)
tidy                  the rules of the repository that no other tool holds
gen [--check]         write, or compare, what is made from the code: docs/rules-list.md
eval rules FILE       recall and false alarms on labelled texts (JSON lines, gzip)
eval labelled FOLDER KIND
                      precision and recall of a kind of finding on labelled files (see labels.jsonl there)
eval copies KNOWN FOREIGN
                      copies of fifty texts of one folder, made in eight ways, and false alarms in the other
eval merkle FOLDER    Merkle proof vectors with wantErr
eval s3 FOLDER        functions of ceph/s3-tests, on a checkout of it (PyPI)
eval codenames FOLDER fifty disguises of five names, and false alarms in ordinary text
bench scan FOLDER     time a scan of FOLDER against its peers, in turns
bench history FOLDER  the same for a git history
bench access          decisions, who may, and checks of sessions and signatures
bench trust           the ledger and the keys: events, checkpoints, proofs, encryption, rewrapping
bench vault [NAME]    objects behind the S3 endpoint, against two other stores in turns (PyPI, crates.io), or only one
bench lists           a first page of a list, of a thousand objects and of a million (about ten minutes)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check(),
        ["test"] => suite::run(&[]),
        ["test", "--without", parts @ ..] => suite::run(parts),
        ["mutants"] => mutants(),
        ["tidy"] => tidy::tidy(),
        ["gen"] => generated::write(),
        ["gen", "--check"] => generated::compare(),
        ["eval", "rules", file] => eval::rules::run(file),
        ["eval", "labelled", folder, kind] => eval::labelled::run(folder, kind),
        ["eval", "copies", known, foreign] => eval::copies::run(known, foreign),
        ["eval", "codenames", folder] => eval::codenames::run(folder),
        ["eval", "s3", folder] => eval::s3::run(folder),
        ["eval", "merkle", folder] => eval::merkle::run(folder),
        ["bench", "scan", folder] => bench::run(folder, bench::What::Tree),
        ["bench", "history", folder] => bench::run(folder, bench::What::History),
        ["bench", "access"] => bench::access::run(),
        ["bench", "access-measured"] => bench::access::measured(),
        ["bench", "trust"] => bench::trust::run(),
        ["bench", "trust-measured"] => bench::trust::measured(),
        ["bench", "lists"] => bench::vault::lists::run(),
        ["bench", "vault"] => bench::vault::run(""),
        ["bench", "vault", only] => bench::vault::run(only),
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

/// The files that decide, with the crate whose tests must notice.
const DECIDING: [(&str, &str); 15] = [
    ("cordon-gate", "crates/gate/src/gate.rs"),
    ("cordon-policy", "crates/policy/src/decide.rs"),
    ("cordon-policy", "crates/policy/src/snapshot.rs"),
    ("cordon-policy", "crates/policy/src/book.rs"),
    ("cordon-policy", "crates/policy/src/sight.rs"),
    ("cordon-policy", "crates/policy/src/circumstances.rs"),
    ("cordon-policy", "crates/policy/src/operator.rs"),
    ("cordon-policy", "crates/policy/src/groups.rs"),
    ("cordon-policy", "crates/policy/src/published.rs"),
    ("cordon-policy", "crates/policy/src/possible.rs"),
    ("cordon-policy", "crates/policy/src/rule.rs"),
    ("cordon-policy", "crates/policy/src/who.rs"),
    ("cordon-policy", "crates/policy/src/explain.rs"),
    ("cordon-domain", "crates/domain/src/asked.rs"),
    ("cordon-identity", "crates/identity/src/session.rs"),
];

/// Changes after which more is tried, or told apart, than need be, and every answer is the same.
const SAME: [&str; 13] = [
    "replace >= with < in Memory::seen",
    "replace >= with < in Seen::keep",
    "replace Seen::said -> .* with None",
    "Seen::keep with ()",
    "replace && with .. in is_of_both",
    "is_of_both -> bool with true",
    "Part::looks_at_demand -> bool with true",
    "replace && with .. in Book::number",
    r"replace & with \| in (Sight::of|seen)$",
    "Part::names -> bool with true",
    "Slice.*::own_look_at -> bool with true",
    "Slice.*::own_permits_vary -> bool with true",
    "replace && with .. in Part::add",
];

/// Runs cargo-mutants on each of them; it fails when a change survives.
fn mutants() -> Result<(), String> {
    for (package, file) in DECIDING {
        let out = format!("target/mutants/{}", file.replace('/', "-"));
        // It is compiled once for each change: that takes longer than its tests do without optimisation.
        let plain = format!("--config=profile.dev.package.{package}.opt-level=0");
        let mut arguments = vec!["mutants", "--package", package, "--file", file, "--timeout", "120", "--output", &out];
        arguments.extend(["--cargo-arg", &plain]);
        arguments.extend(SAME.iter().flat_map(|same| ["--exclude-re", same]));
        run("cargo", &arguments)?;
    }
    Ok(())
}

fn check() -> Result<(), String> {
    run("cargo", &["fmt", "--all", "--check"])?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    tidy::tidy()?;
    generated::compare()?;
    suite::run(&[])
}
