//! Every command runs with known secrets at hand; none of them may stand in what it prints, writes or keeps.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::harness::{Place, random, token};

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
}

impl Stage {
    fn run(&mut self, arguments: &[&str]) -> String {
        let report = self.place.run(arguments);
        let line = arguments.join(" ");
        assert_ne!(report.code, 101, "`{line}` panicked: {}", report.stderr);
        self.markers.assert_absent(report.stdout.as_bytes(), &format!("the output of `{line}`"));
        self.markers.assert_absent(report.stderr.as_bytes(), &format!("the talk of `{line}`"));
        self.note(arguments);
        report.stdout
    }

    fn note(&mut self, arguments: &[&str]) {
        let words =
            arguments.iter().take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'));
        let words: Vec<&str> = words.copied().take_while(|word| !word.starts_with('-')).collect();
        self.ran.extend((1..=words.len()).map(|count| words[..count].join(" ")));
    }

    /// Looks through every file that commands may have written.
    fn look_through(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "in" && name != "given") {
                self.look_through(&path);
            } else if path.is_file() {
                self.markers.assert_absent(&std::fs::read(&path).expect("read"), &path.display().to_string());
            }
        }
    }
}

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
    Stage { place, markers, ran: BTreeSet::new() }
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
        stage.run(&["scan", "in", "--history", "--confidence", "minimal", "--format", format]);
    }
    stage.run(&["scan", "in/code", "--incremental"]);
    stage.run(&["baseline", "in", "--output", "baseline.json"]);
    stage.run(&["fingerprint", "add", "in/secret-plan.txt", "--level", "restricted", "--project", "heron"]);
    stage.run(&["fingerprint", "list"]);
    stage.run(&["fingerprint", "export", "index"]);
    stage.run(&["fingerprint", "import", "index"]);
    stage.run(&["scan", "in", "--json"]);
    stage.run(&["fingerprint", "remove", "in/secret-plan.txt"]);
    stage.run(&["rules", "list"]);
    stage.run(&["rules", "explain", "xai-api-key"]);
    stage.run(&["rules", "test", "in/rules.toml"]);
    stage.run(&["hook", "install", "pre-commit", "--repository", "in/code"]);
    stage.run(&["completions", "bash"]);
    std::fs::create_dir(stage.place.path().join("man")).expect("made");
    stage.run(&["man", "man"]);
}

const ROOT: [&str; 2] = ["--root-key", "given/root.key"];

fn keeping(stage: &mut Stage) {
    stage.run(&["db", "create", "--kit", "2-of-3", "--kit-file", "given/kit.txt", ROOT[0], ROOT[1]]);
    learn_secrets(stage);
    let with_root = |arguments: &[&'static str]| [arguments, &ROOT].concat();
    let bucket = "bk_00000000000000000000000000000005";
    let version = "ov_00000000000000000000000000000005";
    stage.run(&with_root(&["db", "migrate"])[..2]);
    stage.run(&with_root(&["keys", "rotate", "--level", "restricted"]));
    stage.run(&with_root(&["keys", "rewrap"]));
    stage.run(&with_root(&["keys", "status", "--json"]));
    stage.run(&[&["keys", "shred", "--bucket", bucket, "--version", version][..], &ROOT].concat());
    stage.run(&["keys", "unlock", "--share", "given/kit.txt"]);
    stage.run(&["keys", "unlock", "--passphrase-file", "given/phrase"]);
    let module = ["--pkcs11-module", "given/none.so", "--pin-file", "given/pin"];
    stage.run(&[&["keys", "unlock", "--token", "none"][..], &module].concat());
    let url = format!("postgres://cordon:{}@127.0.0.1:1/cordon", random(7, 20));
    stage.run(&[&["keys", "status", "--database"][..], &[&url], &ROOT].concat());
    stage.run(&[&["keys", "status", "--database"][..], &[&url.replace("127.0.0.1", "db.example.org")], &ROOT].concat());
    for arguments in [&["audit", "search"][..], &["audit", "search", "--json"], &["audit", "export"]] {
        stage.run(&with_root(arguments));
    }
    stage.run(&with_root(&["audit", "payload", "1"]));
    stage.run(&["audit", "verify"]);
    stage.run(&["audit", "prove", "1", "--output", "proof"]);
    stage.run(&["audit", "verify-proof", "proof", "--key", "home/.local/share/cordon/log.vkey"]);
    stage.run(&["audit", "cosign", "--witness", "http://127.0.0.1:1", "--witness-key", "none+0+0", "--output", "c"]);
    witness(stage);
    stage.run(&with_root(&["db", "backup", "backup", "--keys-to", "backup-keys"]));
    let restored = ["--data", "restored", "--keys", "restored-keys", "--new-log", "cordon.local/after"];
    let from = ["db", "restore", "backup", "--keys-from", "backup-keys", "--share", "given/kit.txt"];
    stage.run(&[&from[..], &restored].concat());
    assert!(stage.place.path().join("restored/cordon.db").exists(), "the restore was no mere refusal");
}

/// A witness serves until it is stopped.
fn witness(stage: &mut Stage) {
    let arguments =
        ["audit", "witness", "--name", "witness.example/w", "--state", "witness", "--listen", "127.0.0.1:0"];
    let log = ["--log-key", "home/.local/share/cordon/log.vkey"];
    let mut command = stage.place.command(&[&arguments[..], &log].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a key");
    child.kill().expect("stopped");
    child.wait().expect("ended");
    stage.markers.assert_absent(line.as_bytes(), "the output of the witness");
    stage.note(&arguments);
}

#[test]
fn no_command_shows_or_keeps_a_secret() {
    let mut stage = stage();
    scanning(&mut stage);
    keeping(&mut stage);
    let known: Vec<String> = commands(&stage.place, &[]);
    assert!(known.len() > 20, "{known:?}");
    let missed: Vec<&String> = known.iter().filter(|command| !stage.ran.contains(*command)).collect();
    assert!(missed.is_empty(), "commands that this test does not run: {missed:?}");
    let place: PathBuf = stage.place.path().to_owned();
    stage.look_through(&place);
    // The search is one that finds: what was given holds what must not be seen elsewhere.
    for (file, name) in [
        ("given/root.key", "root key"),
        ("given/kit.txt", "share of the kit"),
        ("given/phrase", "passphrase"),
        ("given/pin", "PIN"),
        ("in/secret-plan.txt", "text of the document"),
        ("in/code/settings.py", "token in the code"),
    ] {
        assert_eq!(stage.markers.in_bytes(&std::fs::read(place.join(file)).expect("there")), Some(name));
    }
}
