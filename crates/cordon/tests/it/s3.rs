//! The S3 endpoint, as real clients use it.

use std::process::Command;

use crate::harness::Place;
use crate::node::{Browser, Up, login};
use crate::trust::ok;

/// Everything that a client of S3 takes from the environment.
fn environment(place: &Place, home: &str) -> Vec<(String, String)> {
    let printed = place.command(&["env"]).env("HOME", place.path().join(home)).output().expect("runs");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ").and_then(|line| line.split_once('=')).expect("a variable");
        (name.to_owned(), value.to_owned())
    };
    printed.lines().map(pair).collect()
}

/// What boto3 does, each step compared with what S3 documents: `tests/s3/clients.py`.
#[test]
fn a_python_program_works_with_objects() {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    ok(place.run(&["people", "invite", "bob@example.org", "--clearance", "internal"]));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/s3/clients.py");
    let mut command = Command::new(python);
    command.arg(script).env_clear().env("HOME", place.path());
    let done = command.envs(environment(&place, "home")).output().expect("python runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}{said}", String::from_utf8_lossy(&done.stdout));
    let events = ok(place.run(&["audit", "search", "--action", "object.write", "--json"]));
    assert!(events.lines().count() >= 10, "{events}");
    up.end();
}
