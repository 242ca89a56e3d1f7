//! Every command runs with known secrets at hand; none of them may stand in what it prints, writes or keeps.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::harness::{Place, random, token};
use crate::node::{Browser, Up, login, provider_of};

/// What must not be seen, by what it is.
struct Markers(Vec<(&'static str, Vec<u8>)>);

impl Markers {
    /// Adds a secret: as it is, in hexadecimal, in base64.
    fn add(&mut self, name: &'static str, secret: &[u8]) {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let forms = [secret.to_vec(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()];
        let coded = [STANDARD.encode(secret), STANDARD_NO_PAD.encode(secret)].map(String::into_bytes);
        self.0.extend(forms.into_iter().chain(coded).map(|form| (name, form)));
    }

    fn in_bytes(&self, bytes: &[u8]) -> Option<&'static str> {
        let stands = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        self.0.iter().find(|(_, form)| stands(form)).map(|(name, _)| *name)
    }

    fn assert_absent(&self, bytes: &[u8], place: &str) {
        assert_eq!(self.in_bytes(bytes), None, "in {place}");
    }
}

/// A place where secrets lie about, and what was run there.
struct Stage {
    place: Place,
    markers: Markers,
    ran: BTreeSet<String>,
    /// What was printed, and by what: some secrets are known only later.
    printed: Vec<(String, String)>,
}

impl Stage {
    /// Runs a command that ends with `code`.
    fn run(&mut self, code: i32, arguments: &[&str]) {
        let report = self.place.run(arguments);
        let line = arguments.join(" ");
        assert_eq!(report.code, code, "`{line}`: {}{}", report.stdout, report.stderr);
        self.note(arguments);
        self.printed.push((line, report.stdout + &report.stderr));
    }

    fn note(&mut self, arguments: &[&str]) {
        let words =
            arguments.iter().take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'));
        let words: Vec<&str> = words.copied().take_while(|word| !word.starts_with('-')).collect();
        self.ran.extend((1..=words.len()).map(|count| words[..count].join(" ")));
    }

    /// Looks through all that was printed, and every file that commands may have written.
    fn look_through(&self) {
        for (line, text) in &self.printed {
            self.markers.assert_absent(text.as_bytes(), &format!("what `{line}` printed"));
        }
        self.look_through_folder(self.place.path());
    }

    fn look_through_folder(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(self.place.path()).expect("inside").to_string_lossy().into_owned();
            if path.is_dir() {
                self.look_through_folder(&path);
            } else if path.is_file() && !GIVEN.iter().any(|(given, _)| *given == name) {
                self.markers.assert_absent(&std::fs::read(&path).expect("read"), &name);
            }
        }
    }
}

/// Where each secret is meant to stand.
const GIVEN: [(&str, &str); 9] = [
    ("home/.config/cordon/device.key", "key of the device"),
    ("home/.config/cordon/login.json", "session"),
    ("given/root.key", "root key"),
    ("given/kit.txt", "share of the kit"),
    ("given/phrase", "passphrase"),
    ("given/pin", "PIN"),
    ("given/oidc.secret", "secret for the identity provider"),
    ("in/secret-plan.txt", "text of the document"),
    ("in/code/settings.py", "token in the code"),
];

/// All commands that the program names in its help, to the last word.
fn commands(place: &Place, before: &[&str]) -> Vec<String> {
    let help = place.run(&[before, &["--help"]].concat()).stdout;
    let Some(list) = help.split("Commands:\n").nth(1) else { return vec![before.join(" ")] };
    let list = list.split("\n\n").next().expect("a list");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.flat_map(|name| commands(place, &[before, &[name]].concat())).collect()
}

fn stage() -> Stage {
    let place = Place::new();
    let mut markers = Markers(Vec::new());
    let leak = token(71);
    let text: String = (0..200).map(|word| format!("{} ", random(word, 7))).collect();
    place.write("code/settings.py", format!("key = \"{leak}\"\n"));
    place.write("secret-plan.txt", format!("RESTRICTED\n{text}\n"));
    place.write("rules.toml", "");
    for folder in ["home", "given"] {
        std::fs::create_dir_all(place.path().join(folder)).expect("made");
    }
    let phrase = random(5, 24);
    std::fs::write(place.path().join("given/phrase"), &phrase).expect("written");
    std::fs::write(place.path().join("given/pin"), random(6, 12)).expect("written");
    markers.add("token in the code", leak.as_bytes());
    markers.add("text of the document", &text.as_bytes()[200..300]);
    markers.add("passphrase", phrase.as_bytes());
    markers.add("PIN", random(6, 12).as_bytes());
    markers.add("password of the database", random(7, 20).as_bytes());
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(arguments).current_dir(place.path().join("in/code")).env("HOME", place.path()).stdout(Stdio::null());
        assert!(git.status().expect("git runs").success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first"]);
    Stage { place, markers, ran: BTreeSet::new(), printed: Vec::new() }
}

/// The secrets of an installation, once it is made: the root key and the shares of its kit.
fn learn_secrets(stage: &mut Stage) {
    let root = std::fs::read_to_string(stage.place.path().join("given/root.key")).expect("made");
    let letters = root.split_whitespace().last().expect("letters");
    let bytes: Vec<u8> = (0..letters.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&letters[place..place + 2], 16).expect("hexadecimal"))
        .collect();
    assert_eq!(bytes.len(), 32);
    stage.markers.add("root key", &bytes);
    let kit = std::fs::read_to_string(stage.place.path().join("given/kit.txt")).expect("made");
    let shares: Vec<String> = kit
        .split("\n\n")
        .filter(|paragraph| paragraph.starts_with("cordon-share-"))
        .map(|share| share.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shares.len(), 3, "{kit}");
    for share in shares {
        let middle = share.len() / 2;
        stage.markers.add("share of the kit", &share.as_bytes()[middle - 12..middle + 12]);
    }
}

fn scanning(stage: &mut Stage) {
    for format in ["text", "jsonl", "sarif"] {
        stage.run(1, &["scan", "in", "--history", "--confidence", "minimal", "--format", format]);
    }
    stage.run(1, &["scan", "in/code", "--incremental"]);
    stage.run(0, &["baseline", "in", "--output", "baseline.json"]);
    stage.run(0, &["fingerprint", "add", "in/secret-plan.txt", "--level", "restricted", "--project", "heron"]);
    stage.run(0, &["fingerprint", "list"]);
    stage.run(0, &["fingerprint", "export", "index"]);
    stage.run(0, &["fingerprint", "import", "index"]);
    stage.run(1, &["scan", "in", "--json"]);
    stage.run(0, &["fingerprint", "remove", "in/secret-plan.txt"]);
    stage.run(0, &["rules", "list"]);
    stage.run(0, &["rules", "explain", "xai-api-key"]);
    stage.run(0, &["rules", "test", "in/rules.toml"]);
    stage.run(0, &["hook", "install", "pre-commit", "--repository", "in/code"]);
    stage.run(0, &["completions", "bash"]);
    std::fs::create_dir(stage.place.path().join("man")).expect("made");
    stage.run(0, &["man", "man"]);
}

const ROOT: [&str; 2] = ["--root-key", "given/root.key"];

fn keeping(stage: &mut Stage) {
    stage.run(0, &["db", "create", "--kit", "2-of-3", "--kit-file", "given/kit.txt", ROOT[0], ROOT[1]]);
    learn_secrets(stage);
    let with_root = |arguments: &[&'static str]| [arguments, &ROOT].concat();
    let bucket = "bk_00000000000000000000000000000005";
    let version = "ov_00000000000000000000000000000005";
    stage.run(0, &with_root(&["db", "migrate"])[..2]);
    stage.run(0, &with_root(&["keys", "rotate", "--level", "restricted"]));
    stage.run(0, &with_root(&["keys", "rewrap"]));
    stage.run(0, &with_root(&["keys", "status", "--json"]));
    stage.run(2, &[&["keys", "shred", "--bucket", bucket, "--version", version][..], &ROOT].concat());
    stage.run(0, &["keys", "unlock", "--share", "given/kit.txt"]);
    stage.run(2, &["keys", "unlock", "--passphrase-file", "given/phrase"]);
    let second = ["--data", "second", "--keys", "second-keys", "--passphrase-file", "given/phrase"];
    stage.run(0, &[&["db", "create", "--kit-file", "given/second-kit.txt"][..], &second].concat());
    stage.run(0, &[&["keys", "unlock"][..], &second].concat());
    let module = ["--pkcs11-module", "given/none.so", "--pin-file", "given/pin"];
    stage.run(2, &[&["keys", "unlock", "--token", "none"][..], &module].concat());
    let url = format!("postgres://cordon:{}@127.0.0.1:1/cordon", random(7, 20));
    stage.run(2, &[&["keys", "status", "--database"][..], &[&url], &ROOT].concat());
    stage.run(
        2,
        &[&["keys", "status", "--database"][..], &[&url.replace("127.0.0.1", "db.example.org")], &ROOT].concat(),
    );
    for arguments in [&["audit", "search"][..], &["audit", "search", "--json"], &["audit", "export"]] {
        stage.run(0, &with_root(arguments));
    }
    stage.run(2, &with_root(&["audit", "payload", "1"]));
    stage.run(0, &["audit", "verify"]);
    stage.run(0, &["audit", "prove", "1", "--output", "proof"]);
    stage.run(0, &["audit", "verify-proof", "proof", "--key", "home/.local/share/cordon/log.vkey"]);
    stage.run(2, &["audit", "cosign", "--witness", "http://127.0.0.1:1", "--witness-key", "none+0+0", "--output", "c"]);
    witness(stage);
    stage.run(0, &with_root(&["db", "backup", "backup", "--keys-to", "backup-keys"]));
    let restored = ["--data", "restored", "--keys", "restored-keys", "--new-log", "cordon.local/after"];
    let from = ["db", "restore", "backup", "--keys-from", "backup-keys", "--share", "given/kit.txt"];
    stage.run(0, &[&from[..], &restored].concat());
    assert!(stage.place.path().join("restored/cordon.db").exists(), "the restore was no mere refusal");
}

fn deciding(stage: &mut Stage) {
    let with_root = |arguments: &[&'static str]| [arguments, &ROOT].concat();
    let someone = "pr_00000000000000000000000000000005";
    stage.run(0, &with_root(&["people", "invite", "ada", "--role", "reader:everything"]));
    stage.run(0, &with_root(&["people", "list"]));
    stage.run(2, &[&["people", "set", someone, "--leave", "atlas", "--reason", "none"][..], &ROOT].concat());
    stage.run(0, &with_root(&["people", "erase", "pr_00000000000000000000000000000009", "--reason", "none"]));
    stage.run(
        2,
        &[&["access", "grant", someone, "reader", "everything", "--without-end", "--reason", "none"][..], &ROOT]
            .concat(),
    );
    stage.run(0, &with_root(&["access", "who", "restricted", "--verify"]));
    stage.run(0, &with_root(&["access", "unused"]));
    stage.run(0, &with_root(&["access", "revoke", "project:atlas", "--reason", "none"]));
    stage.run(2, &[&["explain", someone, "object.read", "internal"][..], &ROOT].concat());
    stage.run(0, &with_root(&["levels"]));
    stage.run(0, &["policy", "test", "in/rules.toml"]);
    stage.run(0, &with_root(&["policy", "set", "in/rules.toml", "--reason", "none"]));
    stage.run(0, &with_root(&["policy", "show"]));
    stage.run(2, &with_root(&["undo", "1", "--reason", "none"]));
    stage.run(1, &with_root(&["doctor", "--public-url", "http://localhost:1"]));
}

/// A witness serves until it is stopped.
fn witness(stage: &mut Stage) {
    let arguments =
        ["audit", "witness", "--name", "witness.example/w", "--state", "witness", "--listen", "127.0.0.1:0"];
    let log = ["--log-key", "home/.local/share/cordon/log.vkey"];
    let mut command = stage.place.command(&[&arguments[..], &log].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a key");
    child.kill().expect("stopped");
    let talk = child.wait_with_output().expect("ended").stderr;
    stage.note(&arguments);
    stage.printed.push(("audit witness".to_owned(), line + &String::from_utf8_lossy(&talk)));
}

/// A node runs; somebody signs in, on the command line, too. What proves it is printed by the commands that give it, and by
/// no other; it is kept in the two files that are meant to hold it.
fn signing_in(stage: &mut Stage) {
    let secret = random(8, 32);
    provider_of(&stage.place, "given/oidc", &secret);
    stage.markers.add("secret for the identity provider", secret.as_bytes());
    let up = Up::begin(&stage.place, &[&ROOT[..], &["--oidc", "given/oidc.toml"]].concat());
    stage.note(&["up"]);
    let with_root = |arguments: &[&str]| [arguments, &ROOT].concat().iter().map(|word| (*word).to_owned()).collect();
    let given = |stage: &mut Stage, arguments: Vec<String>| {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let report = stage.place.run(&words);
        assert_eq!(report.code, 0, "{words:?}: {}", report.stderr);
        stage.note(&words);
        report.stdout
    };
    let people = stage.place.run(&[&["people", "list", "--json"][..], &ROOT].concat()).lines();
    let ada = people[0]["principal"].as_str().expect("an id").to_owned();
    let link = given(stage, with_root(&["people", "link", &ada, "--public-url", &up.origin]));
    let mut browser = Browser::welcomed(&up.origin, link.trim());
    let login = login(&stage.place, "home", &mut browser);
    assert_eq!(login.code, 0, "{}", login.stderr);
    stage.note(&["login"]);
    let kept = |name: &str| std::fs::read_to_string(stage.place.path().join(name)).expect("kept");
    let device = kept("home/.config/cordon/device.key");
    let session: serde_json::Value = serde_json::from_str(&kept("home/.config/cordon/login.json")).expect("JSON");
    let end = |text: &str| text.as_bytes()[text.len() - 24..].to_vec();
    let (session, keys) = (session["session"].as_str().expect("a token").to_owned(), session["key"].clone());
    stage.markers.add("key of the device", device.trim().as_bytes());
    stage.markers.add("session", &end(&session));
    stage.markers.add("secret of an access key", &end(keys["secret"].as_str().expect("a secret")));
    stage.markers.add("link", &end(link.trim()));
    stage.markers.add("recovery code", browser.recovery[0].as_bytes());
    given(stage, vec!["credentials".to_owned()]);
    given(stage, vec!["env".to_owned()]);
    let until = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    let add = ["services", "add", "--owner", &ada, "--purpose", "nightly", "--until", &until];
    let service = given(stage, with_root(&add));
    let key = given(stage, with_root(&["services", "key", service.trim(), "--until", &until]));
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    stage.markers.add("secret of a service's key", &end(key["secret_access_key"].as_str().expect("a secret")));
    let with_root = |arguments: &[&'static str]| [arguments, &ROOT].concat();
    stage.run(1, &["approve", "as_00000000000000000000000000000005"]);
    stage.run(0, &["quarantine", "list"]);
    stage.run(1, &["quarantine", "release", "s3://b/k", "--reason", "x"]);
    stage.run(1, &["declassify", "s3://b/k", "--to", "internal", "--reason", "x"]);
    stage.run(1, &["classify", "s3://b/k", "--to", "restricted", "--reason", "x"]);
    stage.run(1, &["bucket", "show", "s3://b"]);
    stage.run(1, &["bucket", "make", "s3://made", "--label", "internal"]);
    stage.run(1, &["bucket", "set", "s3://b", "--limits", "observe", "--reason", "x"]);
    let bulk = ["allowance", "add", "pr_00000000000000000000000000000005", "s3://b", "--bytes", "1GB"];
    stage.run(1, &[&bulk[..], &["--until", "2999-01-01", "--reason", "x"]].concat());
    stage.run(0, &["allowance", "list"]);
    stage.run(1, &["allowance", "pace", "s3://b/k"]);
    stage.run(1, &["allowance", "end", "al_00000000000000000000000000000005", "--reason", "x"]);
    stage.run(1, &["embargo", "add", "s3://b", "--until", "2999-01-01", "--reason", "x"]);
    stage.run(0, &["embargo", "list"]);
    stage.run(1, &["embargo", "lift", "eb_00000000000000000000000000000005", "--reason", "x"]);
    stage.run(1, &["codename", "add", "Glass Heron", "--label", "internal", "--reason", "x"]);
    stage.run(1, &["codename", "list"]);
    stage.run(1, &["codename", "remove", "cn_00000000000000000000000000000005", "--reason", "x"]);
    stage.run(1, &["fingerprint", "withdraw", "s3://b/k", "--reason", "x"]);
    stage.run(0, &["fingerprint", "fetch"]);
    stage.run(1, &["publish", "s3://b/k", "--until", "2999-01-01", "--reason", "x"]);
    stage.run(0, &["publications", "list"]);
    stage.run(3, &["publications", "check", "http://127.0.0.1:1/p/00"]);
    stage.run(1, &["publications", "withdraw", "pb_00000000000000000000000000000005", "--reason", "x"]);
    stage.run(1, &with_root(&["eject", "s3://nowhere", "--to", "left"]));
    elsewhere(stage);
    stage.run(0, &["demo", "--once"]);
    stage.run(0, &["demo", "--remove"]);
    stage.run(0, &with_root(&["vendors", "set", "Example", "--until", "2999-01-01", "--reason", "none"]));
    stage.run(0, &with_root(&["vendors", "list"]));
    stage.run(0, &with_root(&["devices", "list"]));
    stage.run(0, &["emergency", "ask", "--reason", "none"]);
    stage.run(1, &["emergency", "open", "as_00000000000000000000000000000005"]);
    stage.run(1, &["emergency", "review", "em_00000000000000000000000000000005", "--reason", "none"]);
    stage.run(0, &with_root(&["emergency", "list"]));
    stage.run(0, &[&["access", "revoke", &ada, "--reason", "none"][..], &ROOT].concat());
    stage.printed.push(("up".to_owned(), up.end()));
}

/// A command that has the key of another store in its environment, which answers nobody.
fn elsewhere(stage: &mut Stage) {
    let (secret, token) = (random(8, 40), random(9, 80));
    stage.markers.add("secret of another store", secret.as_bytes());
    stage.markers.add("token of another store", token.as_bytes());
    let mut command = stage.place.command(&["import", "s3://old", "--dry-run", "--endpoint", "http://127.0.0.1:1"]);
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_SESSION_TOKEN", token);
    let report = crate::harness::Report::of(&command.output().expect("the binary runs"));
    assert!(report.code == 2 && report.stderr.contains("cannot be reached"), "{}", report.stderr);
    stage.note(&["import"]);
    stage.printed.push(("import".to_owned(), report.stdout + &report.stderr));
}

#[test]
fn no_command_shows_or_keeps_a_secret() {
    let mut stage = stage();
    scanning(&mut stage);
    keeping(&mut stage);
    deciding(&mut stage);
    signing_in(&mut stage);
    let known: Vec<String> = commands(&stage.place, &[]);
    assert!(known.len() > 20, "{known:?}");
    let missed: Vec<&String> = known.iter().filter(|command| !stage.ran.contains(*command)).collect();
    assert!(missed.is_empty(), "commands that this test does not run: {missed:?}");
    stage.look_through();
    // The search is one that finds: what was given holds what must not be seen elsewhere.
    for (file, name) in GIVEN {
        let bytes = std::fs::read(stage.place.path().join(file)).expect("there");
        assert_eq!(stage.markers.in_bytes(&bytes), Some(name));
    }
}
