//! The S3 endpoint, as real clients use it.

use std::process::{Command, Stdio};

use crate::harness::Place;
use crate::node::{Browser, Up, login, run_as};
use crate::trust::ok;

/// Everything that a client of S3 takes from the environment.
pub(crate) fn environment(place: &Place, home: &str) -> Vec<(String, String)> {
    let printed = place.command(&["env"]).env("HOME", place.path().join(home)).output().expect("runs");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ").and_then(|line| line.split_once('=')).expect("a variable");
        (name.to_owned(), value.to_owned())
    };
    printed.lines().map(pair).collect()
}

/// Runs a program in Python, which must end well. Returns what it printed.
pub(crate) fn python(place: &Place, home: &str, script: &str, arguments: &[&str]) -> String {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let script = format!("{}/tests/s3/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg(script).args(arguments).env_clear().env("HOME", place.path());
    let done = command.envs(environment(place, home)).output().expect("python runs");
    let said = String::from_utf8_lossy(&done.stderr);
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{home} {arguments:?}: {printed}{said}");
    printed
}

/// What boto3 does, each step compared with what S3 documents: `tests/s3/clients.py`. Then what somebody gets who may know of
/// nothing, who shows no key, and whose key was revoked: `tests/s3/stranger.py`.
#[test]
fn python_programs_work_with_objects_as_far_as_they_may() {
    let place = Place::new();
    let keys = ["--bootstrap", "keys.json", "--bootstrap-for", "restricted=owner:everything"];
    let up = Up::begin(&place, &[&keys[..], &["--bootstrap-for", "internal"]].concat());
    bootstrapped(&place);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    python(&place, "home", "clients.py", &[]);
    commands(&place);
    by_process(&place);

    let table: Vec<&str> = cordon_server::s3::table::TABLE.iter().map(|row| row.operation).collect();
    let table = table.join(",");
    let invite = ["people", "invite", "bob@example.org", "--clearance", "internal", "--public-url", &up.origin];
    let invited = ok(place.run(&invite));
    let (bob_id, link) = invited.split_once('\n').expect("who it is, and a link");
    let mut bob = Browser::welcomed(&up.origin, link.trim());
    assert_eq!(login(&place, "bob", &mut bob).code, 0);
    python(&place, "bob", "stranger.py", &["person", &table]);
    python(&place, "bob", "stranger.py", &["unsigned", &table]);
    let decided: Vec<String> = cordon_server::s3::table::TABLE
        .iter()
        .map(|row| row.decides.iter().map(|action| action.as_str()).collect::<Vec<_>>().join("+"))
        .collect();
    python(&place, "home", "stranger.py", &["shelves", &table]);
    let bucket = |name: &str| {
        let shown = place.run(&["bucket", "show", &format!("s3://{name}"), "--json"]).lines();
        shown[0]["id"].as_str().expect("an id").to_owned()
    };
    for (role, of) in [("reader", "shelf"), ("owner", "other")] {
        ok(place.run(&["access", "grant", bob_id, role, &bucket(of), "--without-end", "--reason", "a test"]));
    }
    python(&place, "bob", "stranger.py", &["reader", &table, &decided.join(",")]);
    python(&place, "bob", "stranger.py", &["owner-elsewhere", &table]);
    ok(place.run(&["access", "revoke", bob_id, "--reason", "left"]));
    python(&place, "bob", "stranger.py", &["revoked", &table]);

    let events = |action: &str, outcome: &str| {
        let all = ok(place.run(&["audit", "search", "--action", action, "--json", "--limit", "10000"]));
        all.lines().filter(|line| line.contains(&format!("\"outcome\":\"{outcome}\""))).count()
    };
    assert!(events("object.write", "allowed") >= 10 && events("object.read", "allowed") >= 10);
    assert!(events("object.list", "denied") >= 10, "what was refused is on record");
    let data = crate::trust::data(&place);
    assert!(data.join("objects").is_dir());
    ok(place.run(&["db", "backup", "backup"]));
    up.end();
}

/// More than may be, in one request and at once: `tests/s3/bounds.py`.
#[test]
fn what_is_more_than_may_be_is_refused_and_everybody_else_is_answered() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    python(&place, "home", "bounds.py", &[]);
    up.end();
}

/// What worked on other object stores: `tests/s3/attacks.py`, by somebody who writes to one bucket and may know of no other.
#[test]
fn what_worked_on_other_stores_gives_nothing_here() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    let list = place.run(&["people", "list", "--json"]).lines();
    let ada_id = list[0]["principal"].as_str().expect("an id").to_owned();
    ok(place.run(&["people", "set", &ada_id, "--join", "atlas", "--reason", "she works on it"]));
    ada.sign_in();
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let versions = python(&place, "home", "attacks.py", &["prepare"]);
    let id_of = |name: &str| {
        let shown = place.run(&["bucket", "show", &format!("s3://{name}"), "--json"]).lines();
        shown[0]["id"].as_str().expect("an id").to_owned()
    };
    let (bucket, shared) = (id_of("own"), id_of("shared"));
    let invite = ["people", "invite", "eve@example.org", "--clearance", "restricted", "--trained-until", "2999-01-01"];
    let invited = ok(place.run(&[&invite[..], &["--public-url", &up.origin]].concat()));
    let (eve_id, link) = invited.trim().split_once('\n').expect("who it is, and a link");
    for (role, of) in [("contributor", &bucket), ("reader", &shared)] {
        ok(place.run(&["access", "grant", eve_id, role, of, "--without-end", "--reason", "a test"]));
    }
    let mut eve = Browser::welcomed(&up.origin, link);
    assert_eq!(login(&place, "eve", &mut eve).code, 0);
    let attacks = python(&place, "eve", "attacks.py", &["attack", versions.trim(), &up.origin]);
    assert_eq!(attacks.trim(), "19");
    python(&place, "home", "attacks.py", &["unharmed"]);
    // Without a receipt no key opens, and each receipt is an event: nothing behind the door was reached but what is hers.
    let all = ok(place.run(&["audit", "search", "--actor", eve_id, "--json", "--limit", "10000"]));
    let events = all.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let (own, others): (Vec<_>, Vec<_>) = events
        .filter(|event| event["outcome"] == "allowed" && event["bucket"].is_string())
        .partition(|event| event["bucket"] == bucket || event["bucket"] == shared && event["action"] == "object.list");
    assert!(others.is_empty() && own.len() >= 20, "{} {others:?}", own.len());
    up.end();
}

/// Keys that are given without a sign-in: for one user's eyes, for an hour; each may what was said, and is on record as what
/// it is. What they may read is limited as everybody's is.
fn bootstrapped(place: &Place) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = place.path().join("keys.json");
    assert_eq!(std::fs::metadata(&file).expect("written").permissions().mode() & 0o777, 0o600);
    let keys: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).expect("reads")).expect("JSON");
    let principals = keys["principals"].as_array().expect("a list");
    assert_eq!(principals.len(), 2);
    assert_eq!(keys["access_key_id"], principals[0]["access_key_id"]);
    for one in principals.iter().chain([&keys]) {
        let until: jiff::Timestamp = one["expires"].as_str().expect("a moment").parse().expect("RFC 3339");
        let seconds = until.duration_since(jiff::Timestamp::now()).as_secs();
        assert!((3_000..=3_600).contains(&seconds), "an hour: {seconds}");
    }
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let script = format!("{}/tests/s3/thief.py", env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python).arg(script).arg(keys.to_string()).env_clear().output().expect("python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let brought_in = ok(place.run(&["audit", "search", "--action", "principal.create", "--json"]));
    assert_eq!(brought_in.matches("bootstrap: first keys for scripts").count(), 2);
    let refused = ok(place.run(&["audit", "search", "--action", "object.read", "--json"]));
    assert!(refused.contains("room in what may leave"), "{refused}");
}

/// A client that has begun to read, and waits.
fn reading(place: &Place, home: &str, arguments: &[&str]) -> std::process::Child {
    use std::io::BufRead as _;
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let script = format!("{}/tests/s3/inflight.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg(script).args(arguments).env_clear().env("HOME", place.path()).envs(environment(place, home));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("python runs");
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "reading\n");
    child
}

/// A node, and somebody who wrote something large that is of a project.
fn written_for_atlas(place: &Place) -> Up {
    let up = Up::begin(place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    let list = place.run(&["people", "list", "--json"]).lines();
    let ada_id = list[0]["principal"].as_str().expect("an id").to_owned();
    ok(place.run(&["people", "set", &ada_id, "--join", "atlas", "--reason", "she works on it"]));
    ada.sign_in();
    assert_eq!(login(place, "home", &mut ada).code, 0);
    python(place, "home", "inflight.py", &["write", "atlas"]);
    up
}

/// A node that is ended lets what it is sending arrive, and takes nothing more.
#[test]
fn what_is_under_way_arrives_when_a_node_is_ended() {
    let place = Place::new();
    let up = written_for_atlas(&place);
    let mut child = reading(&place, "home", &["atlas", "all"]);
    let pages = up.pages();
    let ends = std::thread::spawn(move || up.end());
    while std::net::TcpStream::connect(&pages).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!ends.is_finished(), "it waits for what is under way");
    drop(child.stdin.take());
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    ends.join().expect("it ended as it should");
}

/// It goes on, and does not get all.
fn breaks_off(mut child: std::process::Child) {
    drop(child.stdin.take());
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_read_in_flight_ends_with_its_key_and_with_its_project() {
    let place = Place::new();
    let up = written_for_atlas(&place);
    let child = reading(&place, "home", &["atlas"]);
    ok(place.run(&["access", "revoke", "project:atlas", "--reason", "it has ended"]));
    breaks_off(child);

    let invite = ["people", "invite", "bob@example.org", "--clearance", "restricted", "--role", "owner:everything"];
    let more = ["--trained-until", "2999-01-01", "--project", "hermes", "--public-url", &up.origin];
    let invited = ok(place.run(&[&invite[..], &more].concat()));
    let (bob_id, link) = invited.split_once('\n').expect("who it is, and a link");
    let mut bob = Browser::welcomed(&up.origin, link.trim());
    assert_eq!(login(&place, "bob", &mut bob).code, 0);
    python(&place, "bob", "inflight.py", &["write", "hermes"]);
    let child = reading(&place, "bob", &["hermes"]);
    ok(place.run(&["access", "revoke", bob_id, "--reason", "left"]));
    breaks_off(child);
    up.end();
}

/// How many processes look into what is written: each has no way to new privileges, and a filter of system calls.
fn locked_in(up: &Up) -> usize {
    let read = |process: &str, file: &str| std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").expect("reads").flatten();
    let processes = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let mut count = 0;
    for process in processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        let status = String::from_utf8_lossy(&read(&process, "status")).into_owned();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let looks = String::from_utf8_lossy(&read(&process, "cmdline")).contains(cordon_scan::looking::LOOKER_ARGUMENT);
        if looks && line("PPid:") == Some(&up.id().to_string()) {
            assert_eq!((line("NoNewPrivs:"), line("Seccomp:")), (Some("1"), Some("2")), "{status}");
            count += 1;
        }
    }
    count
}

/// What is written is looked into by worker processes: `tests/s3/inspection.py`. What is held is listed, and released by two.
#[test]
fn what_is_written_is_looked_into_and_what_is_held_is_released_by_two() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let versions = python(&place, "home", "inspection.py", &[]);
    let workers = locked_in(&up);
    assert!(workers > 0, "somebody looked");
    // What is looked into as it comes has no event beside that it was written.
    let versions: Vec<String> = serde_json::from_str(versions.trim()).expect("versions");
    let later = ok(place.run(&["audit", "search", "--action", "object.inspect", "--json", "--limit", "10000"]));
    assert!(later.contains("\"version\":\"ov_"), "what comes in parts has one: {later}");
    let beside = versions.iter().filter(|version| !later.contains(version.as_str())).count();
    assert!(beside > 0, "of {} none: {later}", versions.len());

    let listed = ok(place.run(&["quarantine", "list"]));
    let line =
        |name: &str| listed.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {listed}"));
    assert!(line("s3://notes/long.md").contains("  confidential, was internal"), "{listed}");
    assert!(!listed.contains("plain.md") && !listed.contains("distribute"), "{listed}");
    assert!(listed.contains("  marking [") && listed.contains(" at 60001:1, "), "{listed}");
    assert!(listed.contains("in what it contains") && listed.contains("cannot be read"), "{listed}");
    let lines = place.run(&["quarantine", "list", "--json"]).lines();
    assert!(listed.contains("  copy of ov_") && !listed.contains("original.md"), "{listed}");
    let tuned = listed.split("s3://").find(|held| held.starts_with("notes/tuned.safetensors")).expect("held");
    assert!(tuned.contains("  secret of ") || tuned.contains("  secret ["), "what weights say of themselves: {tuned}");
    assert!(lines.len() == 8 && lines.iter().all(|line| line["schema"] == "cordon-held-1"), "{listed}");

    let release = ["quarantine", "release", "s3://notes/long.md", "--reason", "an example"];
    let unknown = place.run(&["quarantine", "release", "s3://notes/none", "--reason", "an example"]);
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
    let clean = place.run(&["quarantine", "release", "s3://notes/plain.md", "--reason", "an example"]);
    assert!(clean.code == 1 && clean.stderr.contains("nothing that was found in it"), "{}", clean.stderr);
    let asked = ok(place.run(&release)).trim().to_owned();
    assert!(asked.starts_with("as_"), "{asked}");
    assert_eq!(ok(place.run(&release)).trim(), asked, "it still waits");
    let version = lines.iter().find(|line| line["key"] == "long.md").expect("held")["version"].as_str().expect("one");
    let looked = place.run(&["audit", "search", "--action", "label.raise", "--object", version, "--json"]).lines();
    let undo = ["undo", &looked[0]["position"].to_string(), "--reason", "an example"];
    assert_eq!(ok(place.run(&undo)).trim(), asked, "the same in other words");
    let invite = ["people", "invite", "bob@example.org", "--clearance", "restricted", "--role", "approver:everything"];
    let more = ["--trained-until", "2999-01-01", "--public-url", &up.origin];
    let invited = ok(place.run(&[&invite[..], &more].concat()));
    let mut bob = Browser::welcomed(&up.origin, invited.lines().nth(1).expect("a link"));
    assert_eq!(login(&place, "bob", &mut bob).code, 0);
    assert!(bob.get("/approvals").contains("its label becomes internal"));
    ok(run_as(&place, "bob", &["approve", &asked]));
    assert_eq!(ok(place.run(&release)), "s3://notes/long.md is internal again\n");
    assert!(!ok(place.run(&["quarantine", "list"])).contains("long.md"));
    let log = ok(place.run(&["audit", "search", "--action", "label.lower", "--json"]));
    assert!(log.contains("an example") && log.contains(&asked), "{log}");
    up.end();
}

#[test]
fn keys_without_a_sign_in_are_given_on_this_machine_alone() {
    let place = Place::new();
    let open = |door| vec![door, "0.0.0.0:0", "--proxy", "10.0.0.0/8"];
    let (proxied, elsewhere) = (vec!["--proxy", "127.0.0.0/8"], vec!["--s3-url", "https://s3.example.org"]);
    let shared = vec!["--database", "postgres:///cordon?host=/nowhere"];
    for open in [open("--listen"), open("--s3"), proxied, elsewhere, shared] {
        let refused = place.run(&[&["up", "--bootstrap", "keys.json"][..], &open].concat());
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("gives keys without a sign-in"), "{}", refused.stderr);
    }
    assert!(!place.path().join("keys.json").exists());
}

/// A client of AWS that asks `cordon credentials` for its keys, as its configuration says.
fn by_process(place: &Place) {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let home = place.path().join("home");
    let config = place
        .write("aws.ini", format!("[default]\ncredential_process = {} credentials\n", env!("CARGO_BIN_EXE_cordon")));
    let endpoint =
        environment(place, "home").into_iter().find(|(name, _)| name == "AWS_ENDPOINT_URL_S3").expect("given").1;
    let script = "import boto3; print([one['Name'] for one in boto3.client('s3', region_name='us-east-1').list_buckets()['Buckets']])";
    let mut command = Command::new(python);
    command.args(["-c", script]).env_clear().env("HOME", home).env("AWS_CONFIG_FILE", config);
    let done = command.env("AWS_ENDPOINT_URL_S3", endpoint).output().expect("python runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("corpus"), "{said}");
}

/// What people type: the command line of AWS, and s3cmd.
fn commands(place: &Place) {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let programs = std::path::Path::new(&python).parent().expect("a folder");
    let variables = environment(place, "home");
    let of =
        |name: &str| variables.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).expect("given");
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("tree/a.txt", "a");
    write("tree/b/large.bin", &"0123456789abcdef".repeat(1 << 20));
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(programs.join(program));
        command.current_dir(place.path()).args(arguments).env_clear().env("HOME", place.path());
        let done = command.env("PATH", programs).envs(variables.clone()).output().expect("it runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(done.stdout).expect("text")
    };
    run("aws", &["s3", "mb", "s3://tree"]);
    run("aws", &["s3", "sync", "tree", "s3://tree/in", "--no-progress"]);
    let listed = run("aws", &["s3", "ls", "s3://tree/in/", "--recursive"]);
    assert!(listed.contains(" 1 in/a.txt") && listed.contains(" 16777216 in/b/large.bin"), "{listed}");
    assert!(run("aws", &["s3", "ls", "s3://tree/in/"]).contains("PRE b/"));
    run("aws", &["s3", "cp", "s3://tree/in/b/large.bin", "back.bin", "--no-progress"]);
    let same = |name: &str| {
        let (here, there) = (place.path().join("tree/b/large.bin"), place.path().join(name));
        std::fs::read(here).expect("reads") == std::fs::read(there).expect("reads")
    };
    assert!(same("back.bin"));
    run("aws", &["s3", "mv", "s3://tree/in/a.txt", "s3://tree/moved.txt"]);

    let host = of("AWS_ENDPOINT_URL_S3").trim_start_matches("http://").to_owned();
    let settings = format!(
        "[default]\naccess_key = {}\nsecret_key = {}\naccess_token = {}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\n",
        of("AWS_ACCESS_KEY_ID"),
        of("AWS_SECRET_ACCESS_KEY"),
        of("AWS_SESSION_TOKEN")
    );
    write(".s3cfg", &settings);
    run("s3cmd", &["put", "--quiet", "tree/b/large.bin", "s3://tree/by-s3cmd"]);
    run("s3cmd", &["get", "--quiet", "s3://tree/by-s3cmd", "again.bin"]);
    assert!(same("again.bin"));
    let listed = run("s3cmd", &["ls", "--recursive", "s3://tree"]);
    assert!(["by-s3cmd", "in/b/large.bin", "moved.txt"].iter().all(|name| listed.contains(name)), "{listed}");
    run("s3cmd", &["del", "--quiet", "s3://tree/by-s3cmd"]);
    run("aws", &["s3", "rb", "s3://tree", "--force"]);
}
