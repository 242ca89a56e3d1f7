//! Git: histories, staged changes, ranges; made with the `git` program, read without it.

use std::process::Command;

use crate::harness::{Place, random, token};

fn git(place: &Place, arguments: &[&str]) {
    let folder = place.path().join("in");
    std::fs::create_dir_all(&folder).expect("a folder");
    let identity =
        ["-c", "user.name=Ada", "-c", "user.email=ada@acme.org", "-c", "init.defaultBranch=main", "-c", "gc.auto=0"];
    let status = Command::new("git")
        .args(identity)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", place.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
}

fn commit(place: &Place, name: &str, text: &str) {
    place.write(name, text);
    git(place, &["add", "-A"]);
    git(place, &["commit", "-q", "-m", "change"]);
}

/// A repository in which one key was removed, one is dangling, one is stashed, one is in a message.
fn repository(place: &Place) {
    git(place, &["init", "-q"]);
    let body: String = (0..300).map(|line| format!("line {line} of a file that deltas well\n")).collect();
    commit(place, "config/app.env", &format!("{body}KEY={}\n", token(10)));
    commit(place, "config/app.env", &format!("{body}KEY=gone\n"));
    commit(place, "other.txt", &token(11));
    git(place, &["reset", "-q", "--hard", "HEAD~1"]);
    place.write("config/app.env", format!("{body}KEY={}\n", token(12)));
    git(place, &["stash", "-q"]);
    git(place, &["commit", "-q", "--allow-empty", "-m", &format!("uses {}", token(13))]);
}

fn rules(place: &Place, arguments: &[&str]) -> Vec<serde_json::Value> {
    // Git keeps the last message in a file of its own, which is scanned like any other.
    let outside = |finding: &serde_json::Value| {
        finding["locations"].as_array().is_some_and(|places| {
            places.iter().any(|place| !place["path"].as_str().is_some_and(|path| path.starts_with("in/.git/")))
        })
    };
    let found = place.run(arguments).findings();
    found.into_iter().filter(|finding| finding["rule"] == "xai-api-key" && outside(finding)).collect()
}

#[test]
fn history_holds_removed_dangling_stashed_and_spoken_keys() {
    for packed in [false, true] {
        let place = Place::new();
        repository(&place);
        if packed {
            git(&place, &["repack", "-q", "-a", "-d", "-k"]);
        }
        assert_eq!(rules(&place, &["scan", "in", "--json"]).len(), 0, "the work tree is clean");
        let found = rules(&place, &["scan", "in", "--json", "--history"]);
        assert_eq!(found.len(), 4, "packed: {packed}: {found:?}");
        let removed = found.iter().find(|finding| {
            finding["location"]["path"] == "config/app.env"
                && finding["location"]["commit"]["author"] == "Ada <ada@acme.org>"
        });
        assert!(removed.is_some(), "{found:?}");
        assert!(found.iter().all(|finding| finding["location"]["blob"].is_string()));
    }
}

/// A line from a seed: keys, passwords, encodings, addresses, markings, and plain words.
fn line(seed: u64) -> String {
    use base64::Engine as _;
    match seed % 9 {
        0 => format!("key = {}\n", token(seed)),
        1 => format!("db_password: \"{}\"\n", random(seed, 12)),
        2 => format!("{}\n", base64::engine::general_purpose::STANDARD.encode(format!("token: {}", token(seed)))),
        3 => format!("{}@{}.org\n", random(seed, 6), random(seed + 1, 8)),
        4 => ["STRICTLY CONFI", "DENTIAL\n"].concat(),
        _ => format!("{} {} {}\n", random(seed, 5), random(seed + 1, 9), random(seed + 2, 30)),
    }
}

/// What is found through deltas is what is found in whole objects: the same history, loose and packed.
#[test]
fn a_packed_history_says_what_a_loose_one_says() {
    for seed in 0..4u64 {
        let place = Place::new();
        git(&place, &["init", "-q"]);
        let mut lines: Vec<String> = (0..150).map(|at| line(seed * 1_000_003 + at * 7919)).collect();
        for step in 0..25u64 {
            let number = |salt: u64, below: usize| {
                usize::from_str_radix(&format!("{:x}", seed * 31 + step * 17 + salt), 16).unwrap_or(0) * 7919 % below
            };
            let at = number(1, lines.len());
            match step % 4 {
                0 => lines.insert(at, line(seed * 77 + step * 1009)),
                1 => drop(lines.remove(at)),
                2 => lines[at] = line(seed * 99 + step * 2003),
                _ => lines.swap(at, number(2, 100)),
            }
            commit(&place, "notes/a.txt", &format!("{}step {step}\n", lines.concat()));
        }
        let scan = || {
            let report = place.run(&["scan", "in", "--json", "--history", "--confidence", "minimal"]);
            assert_eq!(report.summary()["partial"], false, "{}", report.stdout);
            report.findings()
        };
        let loose = scan();
        git(&place, &["repack", "-q", "-a", "-d", "-f", "--depth=40", "--window=40"]);
        let deltas = Command::new("git")
            .args(["cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(deltabase)"])
            .current_dir(place.path().join("in"))
            .output()
            .expect("git runs");
        let deltas = String::from_utf8_lossy(&deltas.stdout);
        let count = deltas.lines().filter(|line| line.starts_with("blob") && !line.ends_with(&"0".repeat(40))).count();
        assert!(count >= 15, "the pack holds too few deltas to prove anything: {count}");
        assert!(loose.len() > 20, "seed {seed}: {}", loose.len());
        assert_eq!(scan(), loose, "seed {seed}");
    }
}

/// A second run says the same without reading again; what changed is read.
#[test]
fn what_did_not_change_is_not_read_again() {
    let place = Place::new();
    repository(&place);
    git(&place, &["repack", "-q", "-a", "-d", "-k"]);
    let old = place.write("old.txt", token(17));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(&old).and_then(|file| file.set_modified(long_ago)).expect("a time");
    let scan = |more: &[&str]| place.run(&[&["scan", "in", "--json", "--history", "--incremental"], more].concat());
    let known = |report: &crate::harness::Report| {
        let notes = report.summary()["notes"].to_string();
        let (before, _) = notes.split_once(" inputs had not changed").expect("a note");
        before.rsplit('"').next().expect("a number").parse::<u64>().expect("a number")
    };
    let sums = |report: &crate::harness::Report| {
        let mut summary = report.summary();
        summary.as_object_mut().expect("an object").remove("notes");
        (report.findings(), summary)
    };
    let first = scan(&[]);
    assert_eq!(known(&first), 0);
    let second = scan(&[]);
    assert_eq!(sums(&second), sums(&first));
    assert!(known(&second) > 5, "{}", second.stdout);
    assert_eq!(known(&scan(&["--confidence", "low"])), 0, "another floor is another question");
    let again = scan(&[]);
    assert_eq!(known(&again), 0, "what is kept answers one question");
    place.write("old.txt", "harmless");
    let third = scan(&[]);
    assert_eq!(third.findings().len() + 1, first.findings().len());
    for file in std::fs::read_dir(place.path().join("home/.cache/cordon")).expect("a folder") {
        let bytes = std::fs::read(file.expect("an entry").path()).expect("a file");
        assert!(!String::from_utf8_lossy(&bytes).contains(&token(10)), "a secret is kept");
    }
}

#[test]
fn staged_and_range_see_what_is_new() {
    let place = Place::new();
    git(&place, &["init", "-q"]);
    commit(&place, "a.txt", &token(14));
    commit(&place, "b.txt", "harmless");
    place.write("c.txt", token(15));
    git(&place, &["add", "c.txt"]);
    let staged = rules(&place, &["scan", "in", "--json", "--staged"]);
    assert_eq!(staged.len(), 1);
    assert_eq!(staged[0]["location"]["path"], "c.txt");
    assert_eq!(rules(&place, &["scan", "in", "--json", "--range", "HEAD~1..HEAD"]).len(), 0);
    assert_eq!(rules(&place, &["scan", "in", "--json", "--range", "HEAD"]).len(), 1);
    let wrong = place.run(&["scan", "in", "--range", "nowhere..HEAD"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("hint:"), "{}", wrong.stderr);
}

#[test]
fn tracked_files_come_alone_when_asked() {
    let place = Place::new();
    git(&place, &["init", "-q"]);
    place.write(".gitignore", "*.env\n");
    commit(&place, "a.txt", "harmless");
    place.write("secret.env", token(16));
    assert_eq!(rules(&place, &["scan", "in", "--json"]).len(), 1, "what git ignores still leaks");
    assert_eq!(rules(&place, &["scan", "in", "--json", "--tracked"]).len(), 0);
}

#[test]
fn a_bare_repository_and_a_broken_pack() {
    let place = Place::new();
    repository(&place);
    git(&place, &["repack", "-q", "-a", "-d", "-k"]);
    git(&place, &["clone", "-q", "--bare", ".", "../bare"]);
    assert!(!rules(&place, &["scan", "bare", "--json"]).is_empty());
    let folder = place.path().join("in/.git/objects/pack");
    let pack = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .expect("a pack");
    let mut bytes = std::fs::read(&pack).expect("a pack");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0);
    std::fs::remove_file(&pack).expect("a pack");
    std::fs::write(&pack, bytes).expect("a pack");
    let report = place.run(&["scan", "in", "--json", "--history"]);
    assert_eq!(report.summary()["partial"], true, "{}", report.stdout);
}

#[test]
fn a_hook_stops_a_commit() {
    let place = Place::new();
    git(&place, &["init", "-q"]);
    let report = place.run(&["hook", "install", "pre-commit", "--repository", "in"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    let hook = std::fs::read_to_string(place.path().join("in/.git/hooks/pre-commit")).expect("a hook");
    assert!(hook.contains("cordon scan --staged"));
    std::fs::write(place.path().join("in/.git/hooks/pre-push"), "#!/bin/sh\ntrue\n").expect("a hook");
    assert_eq!(place.run(&["hook", "install", "pre-push", "--repository", "in"]).code, 2);
}

/// What git tracks is told first, whatever is worse in the rest; a place in the rest is told where it is new.
#[test]
fn tracked_findings_are_told_first() {
    let place = Place::new();
    git(&place, &["init", "-q"]);
    place.write(".gitignore", "*.env\n");
    commit(&place, "a.txt", &format!("token: {}\n", random(18, 32)));
    place.write("z.env", format!("{}\ntoken: {}\n", token(19), random(18, 32)));
    let text = place.run(&["scan", "in"]).stdout;
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("in/a.txt:1") < at("xai-api-key"), "{text}");
    assert!(at("told above, stands at 1 place more") > at("in/a.txt:1"), "{text}");
    assert_eq!(text.matches("generic-token").count(), 2, "{text}");
    assert!(text.contains("2 findings"), "{text}");
}
