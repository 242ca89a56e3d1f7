//! This repository holds nothing that would leak: examples are made from seeds.

use crate::harness::Place;

#[test]
fn a_scan_of_this_repository_finds_nothing() {
    let place = Place::new();
    let config =
        place.write("config.toml", "exclude = [\"target/**\", \".git/**\", \"fuzz/target/**\", \"fuzz/corpus/**\"]\n");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let command = place.command(&["scan", ".", "--config", config.to_str().expect("UTF-8")]).current_dir(root).output();
    let report = crate::harness::Report::of(&command.expect("the binary runs"));
    assert_eq!(report.code, 0, "{}", report.stdout);
}
