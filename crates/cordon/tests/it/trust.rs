//! The log and the keys from the command line.

use std::path::PathBuf;

use crate::harness::{Place, Report};

pub(crate) fn installed() -> (Place, String) {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("home")).expect("a home");
    let made = place.run(&["db", "create", "--kit", "2-of-3", "--kit-file", "kit.txt"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let key = made.stdout.trim().to_owned();
    (place, key)
}

pub(crate) fn data(place: &Place) -> PathBuf {
    place.path().join("home/.local/share/cordon")
}

pub(crate) fn ok(report: Report) -> String {
    assert_eq!(report.code, 0, "{}{}", report.stdout, report.stderr);
    report.stdout
}

#[test]
fn a_new_installation_verifies_and_its_kit_opens_it() {
    let (place, key) = installed();
    assert!(key.starts_with("cordon.local/log+"), "{key}");
    assert!(ok(place.run(&["audit", "verify", "--key", &key])).starts_with("verified: 1 entries"));
    ok(place.run(&["keys", "unlock", "--share", "kit.txt"]));
    std::fs::remove_file(place.path().join("home/.config/cordon/root.key")).expect("lost");
    let lost = place.run(&["keys", "status"]);
    assert_eq!(lost.code, 70, "{}", lost.stderr);
    ok(place.run(&["keys", "unlock", "--share", "kit.txt"]));
    use std::os::unix::fs::PermissionsExt as _;
    let kit = std::fs::metadata(place.path().join("kit.txt")).expect("written");
    assert_eq!(kit.permissions().mode() & 0o777, 0o600);
    let database = std::fs::metadata(data(&place).join("cordon.db")).expect("made");
    assert_eq!(database.permissions().mode() & 0o077, 0, "for its user alone");
    let twice = place.run(&["db", "create", "--kit-file", "other.txt", "--root-key", "other.key"]);
    assert_eq!(twice.code, 2);
    assert!(twice.stderr.contains("an installation is already in"), "{}", twice.stderr);
}

#[test]
fn what_is_done_is_found_proved_and_exported() {
    let (place, key) = installed();
    assert_eq!(ok(place.run(&["keys", "rotate", "--level", "restricted"])), "level/restricted version 2 is in use\n");
    let found = place.run(&["audit", "search", "--action", "key.rotate", "--json"]);
    let events = found.lines();
    assert_eq!((events.len(), events[0]["level"].as_str()), (1, Some("restricted")));
    assert_eq!(events[0]["policies"][0], "local-operator");
    let by_actor = place.run(&["audit", "search", "--actor", events[0]["actor"].as_str().expect("an actor")]);
    assert_eq!(ok(by_actor).lines().count(), 3, "the rotation, the search before, and this one");
    let cut = place.run(&["audit", "search", "--limit", "1"]);
    assert!(cut.stderr.contains("these are the first 1 events"), "{}", cut.stderr);
    let exported = place.run(&["audit", "export", "--format", "ocsf"]);
    assert_eq!(exported.lines()[1]["class_uid"], 6003);
    let position = events[0]["position"].as_u64().expect("a position").to_string();
    ok(place.run(&["audit", "prove", &position, "--output", "proof"]));
    let verified = ok(place.run(&["audit", "verify-proof", "proof", "--key", &key]));
    assert!(verified.starts_with(&format!("verified: entry {position} ")), "{verified}");
    let text = std::fs::read_to_string(place.path().join("proof")).expect("a proof");
    let forged = text.replace(&format!("index {position}"), "index 0");
    std::fs::write(place.path().join("forged"), forged).expect("written");
    let refused = place.run(&["audit", "verify-proof", "forged", "--key", &key]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("proves nothing"), "{}", refused.stderr);
    let beyond = place.run(&["audit", "prove", "99"]);
    assert_eq!(beyond.code, 2);
    let status = place.run(&["keys", "status", "--json"]).lines();
    let restricted = status.iter().find(|line| line["key"] == "level/restricted").expect("the key");
    assert_eq!(
        (restricted["version"].as_u64(), restricted["locked"].as_u64(), restricted["older"].as_u64()),
        (Some(2), Some(0), Some(0))
    );
}

/// An installation as an earlier program left it: what stands beside its events comes out, or is told.
#[test]
fn what_stands_beside_an_event_comes_out_if_it_is_what_the_event_states() {
    let place = Place::new();
    cordon_testkit::fixture::installation(1, place.path()).expect("there is one");
    let root = cordon_keys::Secret::draw(&mut cordon_testkit::Chance::new(1));
    let hex: String = root.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    let root = place.write("root.key", format!("cordon-root-key-1 {hex}\n"));
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o600)).expect("set");
    let run = |arguments: &[&str]| {
        let places = ["--data", "data", "--keys", "keys", "--root-key", "in/root.key"];
        place.run(&[arguments, &places].concat())
    };
    let found = run(&["audit", "search", "--action", "key.certify", "--json"]).lines();
    let position = found[0]["position"].as_u64().expect("a position").to_string();
    let certificate: serde_json::Value =
        serde_json::from_str(&ok(run(&["audit", "payload", &position]))).expect("a certificate");
    assert_eq!(certificate["schema"], "cordon-shred-1");
    assert_eq!(found[0]["payload"]["bytes"].as_u64(), Some(certificate.to_string().len() as u64));
    assert!(ok(run(&["audit", "search", "--action", "key.certify"])).contains("(more: cordon audit payload)"));
    let nothing = run(&["audit", "payload", "0"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
    assert!(nothing.stderr.contains("nothing stands beside event 0"), "{}", nothing.stderr);
    assert_eq!(run(&["audit", "payload", "999"]).code, 2);
    for command in [&["audit", "payload", &position][..], &["audit", "search"], &["audit", "export"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let places = ["--data", "data", "--keys", "keys", "--root-key", "in/root.key"];
        let output = place.command(&[command, &places].concat()).stdout(full).output().expect("the binary runs");
        let report = Report::of(&output);
        assert_eq!(report.code, 2, "no success over what was not written: {}", report.stderr);
        assert!(report.stderr.contains("standard output cannot be written"), "{}", report.stderr);
    }
    let database = rusqlite::Connection::open(place.path().join("data/cordon.db")).expect("opens");
    database.execute("UPDATE payloads SET sealed = zeroblob(length(sealed))", []).expect("changed");
    let changed = run(&["audit", "payload", &position, "--output", "certificate.json"]);
    assert_eq!(changed.code, 4, "{}", changed.stderr);
    assert!(!place.path().join("certificate.json").exists());
}

#[test]
fn a_changed_log_is_told_with_its_entry() {
    let (place, key) = installed();
    for _ in 0..3 {
        ok(place.run(&["keys", "unlock"]));
    }
    ok(place.run(&["audit", "verify", "--keep", "seen"]));
    let bundle = data(&place).join("log/tile/entries/000.p/4");
    let whole = std::fs::read(&bundle).expect("a bundle");
    let mut changed = whole.clone();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    std::fs::write(&bundle, &changed).expect("changed");
    let report = place.run(&["audit", "verify", "--key", &key, "--json"]);
    assert_eq!(report.code, 4);
    let verdict = &report.lines()[0];
    assert_eq!((verdict["verified"].as_bool(), verdict["faults"][0]["index"].as_u64()), (Some(false), Some(3)));
    assert_eq!(verdict["faults"][0]["text"], "entry 3 was changed");
    std::fs::write(&bundle, &whole).expect("put back");
    ok(place.run(&["keys", "unlock"]));
    ok(place.run(&["audit", "verify", "--known", "seen"]));
    let other = place.run(&[
        "audit",
        "verify",
        "--key",
        "cordon.local/log+57c59b68+Adw2FL6oTXPdHh4GnuBnp23+oEMpPBoLLtzUeSSHLsIN",
    ]);
    assert_eq!(other.code, 4, "{}", other.stdout);
}

#[test]
fn a_log_verifies_over_plain_http() {
    use std::io::{Read as _, Write as _};
    let (place, key) = installed();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let folder = data(&place).join("log");
    // Any server of files will do: this one answers GET, and nothing else.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let (status, body) = match std::fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    let verified = ok(place.run(&["audit", "verify", "--log", &address, "--key", &key]));
    assert!(verified.starts_with("verified: 1 entries"), "{verified}");
    let unreachable = place.run(&["audit", "verify", "--log", "http://127.0.0.1:1", "--key", &key]);
    assert_eq!(unreachable.code, 2, "{}", unreachable.stderr);
}

#[test]
fn a_passphrase_holds_the_root_and_another_does_not() {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("home")).expect("a home");
    std::fs::write(place.path().join("phrase"), "seven tall ships at dawn\n").expect("written");
    std::fs::write(place.path().join("other"), "seven tall ships at dusk\n").expect("written");
    ok(place.run(&["db", "create", "--passphrase-file", "phrase", "--kit-file", "kit.txt"]));
    ok(place.run(&["keys", "unlock", "--passphrase-file", "phrase"]));
    let refused = place.run(&["keys", "unlock", "--passphrase-file", "other"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the passphrase is wrong"), "{}", refused.stderr);
}

/// The worked example of docs/ledger.md, with a shell, `openssl` and `sha256sum`, and without our program.
#[test]
fn the_example_of_the_documentation_leads_to_the_root() {
    let place = Place::new();
    let text = include_str!("../../../../docs/ledger.md");
    let example =
        text.split("## Verify it yourself").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("there");
    let blocks = example.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let script: String = blocks.collect();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_cordon")).parent().expect("a folder");
    std::fs::create_dir_all(place.path().join("home")).expect("a home");
    let output = std::process::Command::new("/bin/sh")
        .args(["-e", "-c", &script])
        .current_dir(place.path())
        .env("HOME", place.path().join("home"))
        .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
        .output()
        .expect("a shell");
    let report = Report::of(&output);
    assert_eq!(report.code, 0, "{}{}", report.stdout, report.stderr);
    let lines: Vec<&str> = report.stdout.lines().collect();
    assert_eq!(lines[1], "Signature Verified Successfully", "{}", report.stdout);
    let hash = lines[2].split(' ').next().expect("a hash");
    let root: String = lines[3..].join("").split_whitespace().collect();
    assert_eq!(hash, root);
}

#[test]
fn a_backup_goes_on_with_its_log_while_the_key_store_lives() {
    let (place, key) = installed();
    ok(place.run(&["keys", "unlock"]));
    ok(place.run(&["db", "backup", "backup", "--keys-to", "backup-keys"]));
    let together = place.run(&["db", "backup", "b2", "--keys-to", "b2/keys"]);
    assert_eq!(together.code, 2, "{}", together.stderr);
    std::fs::remove_dir_all(data(&place)).expect("lost");
    // All that was signed is in the backup, and the key store knows it: the same log goes on.
    ok(place.run(&["db", "restore", "backup"]));
    ok(place.run(&["audit", "verify", "--key", &key]));
    std::fs::remove_dir_all(data(&place)).expect("lost again");
    // Now what was signed after the backup is lost: going on would be a fork.
    let refused = place.run(&["db", "restore", "backup"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("a new log must begin"), "{}", refused.stderr);
    let restored = place.run(&["db", "restore", "backup", "--new-log", "cordon.local/log-2", "--share", "kit.txt"]);
    assert!(ok(restored).contains("the log `cordon.local/log` has ended"));
    let verified = place.run(&["audit", "verify"]);
    let text = ok(verified);
    assert!(text.contains("`cordon.local/log` signed") && text.contains("`cordon.local/log-2` signed"), "{text}");
    assert_eq!(place.run(&["audit", "verify", "--key", &key]).code, 4, "the old key is not that of the new log");
    let report = place.run(&["audit", "verify", "--json"]).lines();
    assert_eq!((report.len(), report[0]["complete"].as_bool()), (1, Some(true)));
    assert_eq!(report[0]["predecessors"][0]["origin"], "cordon.local/log");
    // A second succession: both logs before it are walked.
    ok(place.run(&["db", "backup", "second"]));
    ok(place.run(&["keys", "unlock"]));
    std::fs::remove_dir_all(data(&place)).expect("lost once more");
    ok(place.run(&["db", "restore", "second", "--new-log", "cordon.local/log-3", "--share", "kit.txt"]));
    let report = place.run(&["audit", "verify", "--json"]).lines();
    assert_eq!(report[0]["predecessors"].as_array().map(Vec::len), Some(2), "{}", report[0]);
    std::fs::remove_dir_all(data(&place).join("previous")).expect("lost");
    assert_eq!(place.run(&["audit", "verify"]).code, 3, "what is not here was not verified");
    let found = ok(place.run(&["audit", "search"]));
    assert!(found.contains("log.start") && found.contains("follows a log that was lost"), "{found}");
    ok(place.run(&["audit", "prove", "0", "--output", "proof"]));
}

/// A bare machine: a kit, a backup of the data, one of the keys. Timed.
#[test]
fn kit_and_backups_restore_everything_on_a_bare_machine() {
    let (place, _) = installed();
    ok(place.run(&["keys", "rotate", "--level", "internal"]));
    ok(place.run(&["db", "backup", "backup", "--keys-to", "backup-keys"]));
    std::fs::remove_dir_all(place.path().join("home")).expect("burnt");
    // Without a new log it is refused, however often it is tried: the copied keys do not know what was signed since.
    for _ in 0..2 {
        let refused = place.run(&["db", "restore", "backup", "--keys-from", "backup-keys", "--share", "kit.txt"]);
        assert_eq!(refused.code, 2, "{}", refused.stdout);
        assert!(refused.stderr.contains("a new log must begin"), "{}", refused.stderr);
    }
    let begun = std::time::Instant::now();
    let arguments = ["db", "restore", "backup", "--keys-from", "backup-keys", "--new-log", "cordon.local/after"];
    let restored = place.run(&[&arguments[..], &["--share", "kit.txt"]].concat());
    ok(restored);
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    ok(place.run(&["audit", "verify"]));
    let status = ok(place.run(&["keys", "status", "--share", "kit.txt"]));
    assert!(status.contains("level/internal version 2"), "{status}");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let (place, _) = installed();
    ok(place.run(&["db", "backup", "backup"]));
    let bundle = place.path().join("backup/log/tile/entries/000.p/1");
    let mut bytes = std::fs::read(&bundle).expect("there");
    bytes[30] ^= 1;
    std::fs::write(&bundle, bytes).expect("damaged");
    std::fs::remove_dir_all(data(&place)).expect("lost");
    let refused = place.run(&["db", "restore", "backup"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(!data(&place).join("cordon.db").exists());
}

#[test]
fn a_witness_cosigns_what_goes_on_and_nothing_that_forks() {
    use std::io::{BufRead as _, BufReader};
    let (place, key) = installed();
    let log = data(&place).join("log.vkey");
    let arguments =
        ["audit", "witness", "--name", "witness.example/w", "--state", "witness", "--listen", "127.0.0.1:0"];
    let mut child = place
        .command(&[&arguments[..], &["--log-key", &log.to_string_lossy()]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a key");
    let witness_key = line.trim().to_owned();
    line.clear();
    let mut talk = BufReader::new(child.stderr.take().expect("piped"));
    talk.read_line(&mut line).expect("an address");
    let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    let cosign = |output: &str| {
        let common = ["audit", "cosign", "--witness", &address, "--witness-key", &witness_key, "--output", output];
        place.run(&common)
    };
    assert!(ok(cosign("first")).contains("cosigned 1 entries"));
    ok(place.run(&["keys", "unlock"]));
    assert!(ok(cosign("second")).contains("cosigned 2 entries"));
    ok(place.run(&["audit", "verify", "--known", "second"]));
    let proof = place.run(&["audit", "cosign", "--witness", &address, "--witness-key", &key, "--output", "third"]);
    assert_eq!(proof.code, 4, "a key that is not the witness's: {}", proof.stderr);
    // A log that was put back to before its second entry.
    let checkpoint = data(&place).join("log/checkpoint");
    let newer = std::fs::read(&checkpoint).expect("there");
    let older = std::fs::read_to_string(place.path().join("first")).expect("there");
    std::fs::write(&checkpoint, older).expect("put back");
    let rolled_back = cosign("fourth");
    assert_eq!(rolled_back.code, 4);
    assert!(rolled_back.stderr.contains("rollback: the witness saw 2 entries"), "{}", rolled_back.stderr);
    std::fs::write(&checkpoint, newer).expect("put back");
    child.kill().expect("stopped");
    child.wait().expect("ended");
}

/// The same commands on a server; the backup is a file, and goes on as one.
#[test]
fn an_installation_lives_on_a_server_and_leaves_it_on_postgres() {
    let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
    let database = cordon_testkit::postgres::new_database(std::path::Path::new(&socket)).expect("a database");
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("home")).expect("a home");
    let run = |arguments: &[&str]| place.run(&[arguments, &["--database", &database]].concat());
    let key = ok(run(&["db", "create", "--kit", "2-of-3", "--kit-file", "kit.txt"])).trim().to_owned();
    let twice = run(&["db", "create", "--kit-file", "other.txt", "--data", "other", "--keys", "other-keys"]);
    assert_eq!(twice.code, 2);
    assert!(twice.stderr.contains("an installation is already in"), "{}", twice.stderr);
    ok(run(&["keys", "rotate", "--level", "restricted"]));
    let found = run(&["audit", "search", "--action", "key.rotate", "--json"]).lines();
    assert_eq!((found.len(), found[0]["level"].as_str()), (1, Some("restricted")));
    let position = found[0]["position"].as_u64().expect("a position").to_string();
    ok(place.run(&["audit", "prove", &position, "--output", "proof"]));
    ok(place.run(&["audit", "verify-proof", "proof", "--key", &key]));
    assert!(ok(run(&["db", "migrate"])).contains("the PostgreSQL database"));
    ok(run(&["db", "backup", "backup"]));
    let elsewhere = place.run(&["keys", "status", "--database", "postgres://db.example.org/cordon"]);
    assert_eq!(elsewhere.code, 2);
    assert!(elsewhere.stderr.contains("not on this machine"), "{}", elsewhere.stderr);
    let silent = place.run(&["keys", "status", "--database", "host=/nowhere dbname=cordon user=cordon"]);
    assert_eq!(silent.code, 2);
    assert!(silent.stderr.contains("see that the server runs"), "{}", silent.stderr);

    std::fs::remove_dir_all(data(&place)).expect("gone");
    ok(place.run(&["db", "restore", "backup"]));
    ok(place.run(&["audit", "verify", "--key", &key]));
    assert!(ok(place.run(&["keys", "status"])).contains("level/restricted version 2"));
}
