//! Clients of S3 that others wrote, each as its users use it.

use std::process::Command;

use crate::harness::{Place, random};
use crate::node::{Browser, Up, login};
use crate::s3::{environment, python};
use crate::trust::ok;

fn signed_in(place: &Place) -> Up {
    let up = Up::begin(place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(place, "home", &mut ada).code, 0);
    up
}

/// `object_store` and a loader that streams a dataset: `tests/s3/loaders.py`.
#[test]
fn object_store_and_a_loader_that_streams_work_with_objects() {
    let place = Place::new();
    let up = signed_in(&place);
    python(&place, "home", "loaders.py", &[]);
    let reads = ok(place.run(&["audit", "search", "--action", "object.read", "--limit", "1000"]));
    assert!(reads.lines().count() >= 20, "each range is on record: {reads}");
    up.end();
}

#[test]
fn rclone_syncs_a_tree_there_and_back() {
    let place = Place::new();
    let up = signed_in(&place);
    let variables = environment(&place, "home");
    let endpoint = variables.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL_S3").expect("given").1.clone();
    let settings = [("TYPE", "s3"), ("PROVIDER", "Other"), ("ENV_AUTH", "true"), ("ENDPOINT", &endpoint)];
    let rclone = |arguments: &[&str]| {
        let mut command = Command::new("rclone");
        command.args(arguments).current_dir(place.path()).env_clear().env("HOME", place.path()).env("PATH", "/usr/bin");
        command.envs(variables.clone()).env("RCLONE_CONFIG", place.path().join("rclone.conf"));
        command.envs(settings.map(|(name, value)| (format!("RCLONE_CONFIG_VAULT_{name}"), value)));
        let done = command.output().expect("Debian's package rclone is there");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{arguments:?}: {said}");
        (String::from_utf8(done.stdout).expect("text"), said)
    };
    let large = random(1, 13 << 20);
    place.write("tree/a.txt", "a");
    place.write("tree/b/large.bin", &large);
    rclone(&["mkdir", "vault:tree"]);
    rclone(&["sync", "in/tree", "vault:tree/in", "--s3-upload-cutoff", "8M", "--s3-chunk-size", "5M"]);
    let (_, checked) = rclone(&["check", "in/tree", "vault:tree/in", "--download"]);
    assert!(checked.contains("0 differences found") && checked.contains("2 matching files"), "{checked}");
    let (_, again) = rclone(&["sync", "in/tree", "vault:tree/in", "-v"]);
    assert!(again.contains("nothing to transfer"), "{again}");
    rclone(&["moveto", "vault:tree/in/a.txt", "vault:tree/moved.txt"]);
    rclone(&["copy", "vault:tree", "back"]);
    let read = |path: &str| std::fs::read_to_string(place.path().join(path)).expect("it came back");
    assert!(read("back/moved.txt") == "a" && read("back/in/b/large.bin") == large);
    let (sizes, _) = rclone(&["size", "vault:tree", "--json"]);
    assert!(sizes.contains("\"count\":2"), "{sizes}");
    rclone(&["purge", "vault:tree"]);
    up.end();
}
