//! Buckets of another store that come into the vault, and leave it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Place, Report};
use crate::node::{Browser, Up, login};
use crate::s3::python;
use crate::trust::ok;

/// A store that is none of Cordon's: `tests/s3/elsewhere.py`.
struct Elsewhere {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    endpoint: String,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Elsewhere {
    fn begin(place: &Place) -> Self {
        let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
        let script = format!("{}/tests/s3/elsewhere.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(python);
        command.arg(script).arg("serve").env_clear().env("HOME", place.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let (asks, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut store = Self { child, asks, answers: BufReader::new(answers), endpoint: String::new() };
        store.endpoint = format!("http://127.0.0.1:{}", store.line().trim());
        store
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.answers.read_line(&mut line).expect("readable") > 0, "it ended");
        line
    }

    fn ask(&mut self, what: &Value) -> Value {
        writeln!(self.asks, "{what}").expect("it listens");
        serde_json::from_str(&self.line()).expect("JSON")
    }

    fn story(&mut self, bucket: &str) -> Value {
        self.ask(&json!({"what": "story", "bucket": bucket}))
    }

    /// Runs the binary with the key of this store in its environment.
    fn command(&self, place: &Place, arguments: &[&str]) -> Command {
        let mut command = place.command(&[arguments, &["--endpoint", &self.endpoint]].concat());
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    fn run(&self, place: &Place, arguments: &[&str]) -> Report {
        Report::of(&self.command(place, arguments).output().expect("the binary runs"))
    }
}

fn told(report: &Report) -> Value {
    assert_eq!(report.code, 0, "{}{}", report.stdout, report.stderr);
    serde_json::from_str(&report.stdout).expect("JSON")
}

#[test]
fn a_bucket_comes_with_its_versions_goes_on_where_it_broke_off_and_leaves_with_labels_and_log() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let mut store = Elsewhere::begin(&place);

    let survey = ok(store.run(&place, &["import", "s3://old", "--dry-run"]));
    assert!(
        survey.contains("1107 names, 1109 versions, 35 MB\n") && survey.contains("marks of deletions: 2"),
        "{survey}"
    );
    assert!(survey.contains("LEAK: a stranger gets 1 of the first 100 objects"), "{survey}");
    assert!(ok(place.run(&["audit", "search", "--action", "bucket.create"])).is_empty(), "nothing was brought");
    refused(&place, &store);

    come(&place, &mut store);
    let had = store.story("old");
    let has: Value = serde_json::from_str(&python(&place, "home", "elsewhere.py", &["vault", "new"])).expect("JSON");
    differ(&had, &has);
    leave_to_folder(&place);
    leave_to_bucket(&place, &mut store);
    up.end();
}

/// Says where two stories differ, and not all of both.
fn differ(one: &Value, other: &Value) {
    let (one, other) = (one.as_object().expect("names"), other.as_object().expect("names"));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, versions) in one {
        assert_eq!(Some(versions), other.get(name), "{name}");
    }
}

fn refused(place: &Place, store: &Elsewhere) {
    let none = place.run(&["import", "s3://old", "--endpoint", &store.endpoint]);
    assert!(none.code == 2 && none.stderr.contains("no key of the other store"), "{}", none.stderr);
    let own: Vec<(String, String)> = crate::s3::environment(place, "home");
    let own = place.command(&["import", "s3://old"]).envs(own).output().expect("runs");
    let own = Report::of(&own);
    assert!(own.code == 2 && own.stderr.contains("the other store is the vault itself"), "{}", own.stderr);
    let missing = store.run(place, &["import", "s3://nowhere"]);
    assert!(missing.code == 1 && missing.stderr.contains("NoSuchBucket (404)"), "{}", missing.stderr);
    let far = place.command(&["import", "s3://old", "--endpoint", "http://192.0.2.1"]);
    let mut far = far;
    let far = Report::of(&far.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b").output().expect("runs"));
    assert!(far.code == 2 && far.stderr.contains("plain HTTP to another machine"), "{}", far.stderr);
}

/// Brings the bucket in, broken off again and again by a kill.
fn come(place: &Place, store: &mut Elsewhere) {
    let arguments = ["import", "s3://old", "--to", "s3://new", "--record", "came.jsonl", "--json"];
    let lines = || std::fs::read_to_string(place.path().join("came.jsonl")).unwrap_or_default().lines().count();
    for most in [10, 200, 600] {
        let mut command = store.command(place, &[&arguments[..], &["--label", "internal"]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        while lines() < most && child.try_wait().expect("it runs").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("it runs");
        child.wait().expect("ended");
        assert!(lines() >= most, "it ended too early");
    }
    let before = lines() as u64 - 1;
    let rest = told(&store.run(place, &arguments));
    let all = 1109 + 2;
    assert_eq!((rest["copied"].as_u64(), &rest["failed"]), (Some(all - before), &json!(0)), "{rest}");
    assert_eq!((&rest["compared"]["same"], &rest["compared"]["missing_count"]), (&json!(1109), &json!(0)), "{rest}");
    let again = told(&store.run(place, &arguments));
    assert_eq!((&again["copied"], &again["before"]), (&json!(0), &json!(all)), "{again}");
    let labelled = store.run(place, &[&arguments[..], &["--label", "public"]].concat());
    assert!(labelled.code == 2 && labelled.stderr.contains("is there already"), "{}", labelled.stderr);
    store.ask(&json!({"what": "put", "bucket": "old", "key": "plans/heron.md", "body": "third\n"}));
    let third = told(&store.run(place, &arguments));
    assert_eq!((&third["copied"], &third["before"]), (&json!(1), &json!(all)), "what came meanwhile: {third}");
}

fn leave_to_folder(place: &Place) {
    let arguments = ["eject", "s3://new", "--to", "left", "--versions", "--json"];
    let left = told(&place.run(&arguments));
    assert_eq!((&left["compared"]["same"], &left["failed"]), (&json!(1110), &json!(0)), "{left}");
    let folder = place.path().join("left");
    let read =
        |path: &str| std::fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(read("objects/many/0007") == "7" && read("objects/empty/%empty").is_empty());
    assert_eq!(read("objects/%2E%2E/odd %252F+nameé?&.txt"), "odd");
    let lines: Vec<Value> =
        read("objects.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |key: &str| lines.iter().filter(|line| line["key"] == key).collect::<Vec<_>>();
    let heron = of("plans/heron.md");
    assert_eq!(heron.len(), 3);
    assert_eq!(heron[1]["tags"], json!({"team": "atlas", "q": "a b"}));
    assert!(heron.iter().all(|line| line["label"] == "internal"), "{heron:?}");
    let texts: BTreeMap<_, _> =
        heron.iter().map(|line| (line["modified"].as_str(), read(line["to"].as_str().expect("a path")))).collect();
    assert_eq!(texts.values().collect::<Vec<_>>(), ["first\n", "second\n", "third\n"]);
    let plans = of("plans")[0]["to"].as_str().expect("a path");
    assert_eq!(read(plans), "a name that is a folder, too");

    let again = told(&place.run(&arguments));
    assert_eq!(again["copied"], json!(0), "{again}");
    std::fs::write(folder.join("objects/back.txt"), "changed").expect("written");
    let changed = place.run(&arguments);
    assert!(changed.code == 1 && changed.stdout.contains("\"missing\":[\"back.txt"), "{}", changed.stdout);

    let verified = place.run(&["audit", "verify", "--log", "left/log/published", "--key", "left/log/log.vkey"]);
    assert!(ok(verified).starts_with("verified: "));
    let events = read("log/events.jsonl");
    let events =
        |action: &str| events.lines().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).count();
    assert!(events("bucket.create") == 1 && events("object.write") >= 1110, "{}", events("object.write"));
    let elsewhere = place.run(&["eject", "s3://new", "--to", "other", "--data", "nowhere"]);
    assert!(elsewhere.code == 2 && elsewhere.stderr.contains("the log cannot be read here"), "{}", elsewhere.stderr);
}

fn leave_to_bucket(place: &Place, store: &mut Elsewhere) {
    let arguments = ["eject", "s3://new", "--to", "s3://plain", "--versions", "--json"];
    let unsaid = store.run(place, &arguments);
    assert!(unsaid.code == 2 && unsaid.stderr.contains("give --log-to FOLDER, or --without-log"), "{}", unsaid.stderr);
    let left = told(&store.run(place, &[&arguments[..], &["--without-log"]].concat()));
    assert_eq!((&left["compared"]["same"], &left["failed"]), (&json!(1110), &json!(0)), "{left}");
    let again = told(&store.run(place, &[&arguments[..], &["--log-to", "leaving"]].concat()));
    assert_eq!(again["copied"], json!(0), "{again}");
    let events = std::fs::read_to_string(place.path().join("leaving/events.jsonl")).expect("the log");
    assert!(events.lines().any(|line| line.contains("\"action\":\"object.read\"")));
    let verified = place.run(&["audit", "verify", "--log", "leaving/published", "--key", "leaving/log.vkey"]);
    assert!(ok(verified).starts_with("verified: "));
    let said = store.ask(&json!({"what": "head", "bucket": "plain", "key": "plans/heron.md"}));
    assert_eq!(said["cordon-label"], "internal");
    let (mut old, plain) = (store.story("old"), store.story("plain"));
    assert_eq!(old["weights.bin"][0]["cache"], "no-cache");
    // The other store passes over what is said of caches where an object comes in parts; the vault did not.
    old["weights.bin"][0]["cache"] = Value::Null;
    differ(&old, &plain);
}
