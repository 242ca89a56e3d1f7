//! Bad input: never a panic, never a hang, never a clean result over something unread.

use std::io::Write as _;
use std::os::unix::fs::symlink;

use crate::harness::{Place, random, token};

fn gzip_of_zeros(megabytes: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    (0..megabytes).for_each(|_| packer.write_all(&block).expect("memory"));
    packer.finish().expect("memory")
}

/// Each format cut at several places, and with bytes turned over.
#[test]
fn broken_containers_are_partial_and_still_searched() {
    let place = Place::new();
    let key = token(3);
    let heads: [(&str, &[u8]); 9] = [
        ("a.zip", b"PK\x03\x04"),
        ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("a.xz", b"\xfd7zXZ\0"),
        ("a.zst", b"\x28\xb5\x2f\xfd"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c"),
        ("a.pdf", b"%PDF-1.7\n"),
        ("a.db", b"SQLite format 3\0"),
        ("a.gguf", b"GGUF\x09\0\0\0"),
        ("a.docx", b"PK\x03\x04 word/"),
    ];
    for (name, head) in heads {
        place.write(name, [head, random(9, 200).as_bytes(), b"\n", key.as_bytes(), b"\n"].concat());
    }
    let report = place.run(&["scan", "in", "--json"]);
    let places = report.places("xai-api-key");
    for (name, _) in heads {
        assert!(places.contains(&format!("in/{name}")), "{name} is searched as it is: {places:?}");
    }
    assert_eq!(report.summary()["partial"], true);
    assert!(report.summary()["skipped"].as_u64().expect("a number") >= 8, "{}", report.summary());
}

/// Beyond the pieces in which a long file is read, too, names and numbers meet by chance in what is no text.
#[test]
fn a_long_binary_file_is_binary_to_its_end() {
    let place = Place::new();
    let loose = format!("\napi_key: {}\nssn: 536-90-{}\n", random(21, 24), 4399);
    for (name, head) in [("code.bin", [0; 16]), ("notes.txt", [b'.'; 16])] {
        place.write(name, [&head[..], &b"line\n".repeat(2 << 20), loose.as_bytes()].concat());
    }
    let report = place.run(&["scan", "in", "--json"]);
    for rule in ["generic-api-key", "personal-national-id"] {
        assert_eq!(report.places(rule), ["in/notes.txt"], "{rule}");
    }
}

#[test]
fn nothing_found_but_something_unread_is_its_own_exit_code() {
    let place = Place::new();
    place.write("a.zip", b"PK\x03\x04 this is no archive");
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!((report.code, report.findings().len()), (3, 0));
    place.write("a.zip", "plain");
    assert_eq!(place.run(&["scan", "in"]).code, 0);
}

#[test]
fn a_bomb_stops_at_its_bound() {
    let place = Place::new();
    place.write("bomb.gz", gzip_of_zeros(300));
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.code, 3);
    assert!(report.stdout.contains("times what it holds"), "{}", report.stdout);
}

#[test]
fn links_loops_and_unreadable_files_do_not_stop_a_scan() {
    let place = Place::new();
    place.write("folder/a.txt", token(4));
    symlink("..", place.path().join("in/folder/loop")).expect("a link");
    symlink("/etc/passwd", place.path().join("in/outside")).expect("a link");
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.places("xai-api-key"), ["in/folder/a.txt"]);
    assert_eq!(report.summary()["files"], 1);
}

#[test]
fn one_long_line_is_read_in_pieces() {
    let place = Place::new();
    let key = token(5);
    let mut line = "a,".repeat(5 << 20).into_bytes();
    line.extend(key.as_bytes());
    line.extend(",b".repeat(1 << 20).into_bytes());
    place.write("long.txt", &line);
    let report = place.run(&["scan", "in", "--json"]);
    let finding = report.findings().into_iter().find(|finding| finding["rule"] == "xai-api-key").expect("the key");
    assert_eq!(finding["location"]["line"], 1);
    assert_eq!(finding["location"]["column"], (10 << 20) + 1);
    assert_eq!(finding["location"]["byte_start"], 10 << 20);
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    place.write("x", "");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    std::fs::write(place.path().join("in").join(name), token(6)).expect("a file");
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.findings()[0]["location"]["path_base64"], "aW4vY2Fm6S50eHQ=");
}

#[test]
fn configuration_inside_the_scanned_folder_is_not_used() {
    let place = Place::new();
    place.write("cordon.toml", "exclude = [\"**\"]\n");
    place.write("a.txt", format!("{} # cordon:allow xai-api-key because", token(7)));
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.places("xai-api-key"), ["in/a.txt"]);
    assert!(report.summary()["notes"][0].as_str().expect("a note").contains("not used"));
    assert_eq!(place.run(&["scan", "in", "--json", "--allow-inline"]).code, 0);
}

/// Each layer is a file inside an encoding inside a file: the bounds hold over all of them together.
#[test]
fn files_in_encodings_in_files_end_at_the_depth() {
    use base64::Engine as _;
    let place = Place::new();
    let mut bytes = token(8).into_bytes();
    for _ in 0..24 {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&bytes).expect("memory");
        bytes = base64::engine::general_purpose::STANDARD.encode(packer.finish().expect("memory")).into_bytes();
    }
    place.write("deep.txt", &bytes);
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.code, 3, "{}{}", report.stdout, report.stderr);
    assert!(report.summary()["skipped"].as_u64().is_some_and(|count| count >= 1));
}

/// Markup that opens an element again and again costs no more than its length.
#[test]
fn markup_is_read_in_linear_time() {
    let place = Place::new();
    place.write("a.html", "<script></script>".repeat(200_000));
    assert_eq!(place.run(&["scan", "in"]).code, 0);
}

#[test]
fn a_file_that_plays_object_store_is_still_read() {
    let place = Place::new();
    place.write("x/HEAD", "ref: refs/heads/main");
    place.write("x/refs/.keep", "");
    place.write("x/objects/pack/.keep", "");
    place.write("x/objects/secrets.env", token(9));
    let report = place.run(&["scan", "in", "--json"]);
    assert_eq!(report.places("xai-api-key"), ["in/x/objects/secrets.env"]);
    assert_eq!(report.summary()["partial"], true, "the objects themselves were not read");
}
