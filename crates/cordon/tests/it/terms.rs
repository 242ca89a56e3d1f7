//! What leaves beyond limits, what is not read before a date, how a bucket is guarded, and which names are looked for: as people
//! say it on the command line, and as clients of S3 meet it.

use crate::harness::Place;
use crate::node::{Browser, run_as};
use crate::publish::{days_ahead, two_people};
use crate::s3::python;
use crate::trust::ok;

/// What takes another person: asked for, seen on the page, approved, and done by the same command.
pub(crate) fn with_another(place: &Place, bob: &mut Browser, shown: &str, command: &[&str]) -> String {
    let asked = ok(place.run(command)).trim().to_owned();
    assert!(asked.starts_with("as_"), "{asked}");
    assert_eq!(ok(place.run(command)).trim(), asked, "it still waits, and is the same");
    let page = bob.get("/approvals");
    assert!(page.contains(shown), "{shown}: {page}");
    ok(run_as(place, "bob", &["approve", &asked]));
    ok(place.run(command))
}

fn first_word(text: &str) -> String {
    text.split([' ', ':']).next().unwrap_or_default().to_owned()
}

#[test]
fn bulk_work_and_embargoes_are_said_beforehand_and_by_two_people() {
    let place = Place::new();
    let (up, mut bob) = two_people(&place, "http://127.0.0.1:9/");
    let until = days_ahead(7);
    let add =
        ["allowance", "add", "bob@example.org", "s3://news", "--bytes", "40TB", "--until", &until, "--reason", "a run"];
    let made = with_another(&place, &mut bob, "bob@example.org (", &add);
    let page = bob.get("/approvals");
    assert!(!page.contains("beyond limits"), "it was used: {page}");
    assert!(made.starts_with("al_") && made.contains(": 40 TB of s3://news until "), "{made}");
    let allowance = first_word(&made);
    for home in ["home", "bob"] {
        let listed = ok(run_as(&place, home, &["allowance", "list"]));
        assert!(
            listed.starts_with(&allowance) && listed.contains("reads 40 TB of s3://news (internal)"),
            "{home}: {listed}"
        );
    }
    let again = place.run(&add);
    assert!(again.code == 1 && again.stderr.contains("they have one of it"), "{}", again.stderr);
    let refused = run_as(&place, "bob", &["allowance", "end", &allowance, "--reason", "none"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let ended = place.run(&["allowance", "end", &allowance, "--reason", "the run is over", "--json"]);
    assert_eq!((ended.code, ended.lines()[0]["schema"].as_str()), (0, Some("cordon-allowance-ended-1")));
    for wrong in [
        ["allowance", "add", "bob@example.org", "news", "--bytes", "1GB", "--until", &until, "--reason", "x"],
        ["allowance", "add", "bob@example.org", "s3://news", "--bytes", "much", "--until", &until, "--reason", "x"],
    ] {
        assert_eq!(place.run(&wrong).code, 2, "{wrong:?}");
    }
    let nobody =
        ["allowance", "add", "eve@example.org", "s3://news", "--bytes", "1GB", "--until", &until, "--reason", "x"];
    assert_eq!(place.run(&nobody).code, 1);
    // A service goes by what it is for, while one alone is for that; a day of the week is the next one.
    let people = place.run(&["people", "list", "--json"]).lines();
    let ada = people.iter().find(|one| one["name"] == "ada@example.org").expect("she is there");
    let owner = ada["principal"].as_str().expect("an id");
    let service = ["services", "add", "--owner", owner, "--purpose", "train-17", "--until", &until];
    ok(place.run(&service));
    let of_service = ["allowance", "add", "svc/train-17", "s3://news", "--bytes", "40TB", "--until", "FRIDAY"];
    let of_service = [&of_service[..], &["--reason", "a run"]].concat();
    let made = with_another(&place, &mut bob, "beyond limits", &of_service);
    assert!(made.starts_with("al_") && made.contains(": 40 TB of s3://news until "), "{made}");
    ok(place.run(&service));
    let which = place.run(&of_service);
    assert!(which.code != 0 && which.stderr.contains("several services are for train-17"), "{}", which.stderr);

    // Half past midnight in India is an evening in UTC.
    let embargo = ["embargo", "add", "s3://news", "--until", "2999-12-02T00:30:00+05:30", "--reason", "the launch"];
    python(&place, "bob", "terms.py", &["reads", "launch.txt"]);
    let made = ok(place.run(&embargo));
    assert!(made.contains(": s3://news is not read before 2999-12-01T19:00:00.000Z"), "{made}");
    python(&place, "bob", "terms.py", &["refused", "launch.txt", "the end of its embargo, 2999-12-01T19:00:00Z"]);
    python(&place, "home", "terms.py", &["reads", "launch.txt"]);
    let listed = ok(run_as(&place, "bob", &["embargo", "list"]));
    let expected = "  s3://news until 2999-12-01T19:00:00.000Z, but for owner\n";
    assert!(listed.starts_with("eb_") && listed.contains(expected), "{listed}");
    let id = first_word(&made);
    let lift = ["embargo", "lift", &id, "--reason", "the launch is today"];
    let lifted = with_another(&place, &mut bob, "s3://news is read from now on, and not from ", &lift);
    assert_eq!(lifted, format!("{id} is lifted\n"));
    python(&place, "bob", "terms.py", &["reads", "launch.txt"]);
    for wrong in [
        ["embargo", "add", "news", "--until", &until, "--reason", "x"],
        ["embargo", "add", "s3://news", "--until", "noon", "--reason", "x"],
    ] {
        assert_eq!(place.run(&wrong).code, 2, "{wrong:?}");
    }
    let past = place.run(&["embargo", "add", "s3://news", "--until", "2020-01-01", "--reason", "x"]);
    assert!(past.code == 1 && past.stderr.contains("ends ahead"), "{}", past.stderr);
    up.end();
}

#[test]
fn a_bucket_observes_by_two_people_and_codenames_are_found_in_what_is_written() {
    let place = Place::new();
    let (up, mut bob) = two_people(&place, "http://127.0.0.1:9/");
    let make = ["bucket", "make", "s3://drafts", "--label", "internal"];
    let made = ok(place.run(&make));
    assert!(made.starts_with("s3://drafts  bk_") && made.contains("  internal, made by pr_"), "{made}");
    let again = place.run(&make);
    assert!(again.code == 1 && again.stderr.contains("hint: "), "{}", again.stderr);
    assert!(ok(place.run(&["bucket", "make", "s3://plans"])).contains("  confidential, made by pr_"));
    let observe = ["bucket", "set", "s3://news", "--inspection", "observe", "--reason", "we learn what it finds"];
    let shown = with_another(&place, &mut bob, "inspection: enforce to observe", &observe);
    assert!(shown.contains("labels that inspection raises: observe"), "{shown}");
    let name = ["codename", "add", "Glass Heron", "--label", "confidential", "--reason", "the next model"];
    let codename = ok(place.run(&name)).trim().to_owned();
    assert!(codename.starts_with("cn_"), "{codename}");
    assert!(ok(place.run(&["codename", "list"])).contains("  Glass Heron  at least confidential, by pr_"));
    assert_eq!(run_as(&place, "bob", &["codename", "list"]).code, 1);
    assert_eq!(place.run(&["codename", "add", "x", "--label", "nowhere", "--reason", "x"]).code, 2);

    python(&place, "home", "terms.py", &["observed"]);
    assert!(place.run(&["quarantine", "list"]).stdout.lines().all(|line| !line.contains("seen")), "nothing is held");
    let observed = ok(place.run(&["quarantine", "list", "--observed"]));
    let expected = format!("  codename of {codename} [codename] at 1:5, 11 bytes: at least confidential\n");
    assert!(observed.contains("  internal, would be confidential\n") && observed.contains(&expected), "{observed}");
    let enforce = ["bucket", "set", "s3://news", "--inspection", "enforce", "--reason", "we have learnt", "--json"];
    let set = place.run(&enforce).lines();
    assert_eq!(
        (set[0]["inspection"].as_str(), set[0]["schema"].as_str()),
        (Some("enforce"), Some("cordon-bucket-set-1"))
    );
    python(&place, "home", "terms.py", &["held"]);
    assert!(ok(place.run(&["quarantine", "list"])).contains("  confidential, was internal\n"));
    ok(place.run(&["codename", "remove", &codename, "--reason", "announced"]));
    assert!(ok(place.run(&["codename", "list"])).is_empty());
    assert!(
        ok(place.run(&["bucket", "show", "s3://news"]))
            .contains("copies are recognised of what somebody said to be: restricted")
    );
    assert_eq!(place.run(&["bucket", "set", "s3://news", "--reason", "x"]).code, 2);

    // The database, its write-ahead log, the log of events, sealed bytes: nothing names it.
    let named = |path: &std::path::Path| {
        let bytes = std::fs::read(path).expect("reads").to_ascii_lowercase();
        [&b"glass heron"[..], b"glass_heron"].iter().any(|name| bytes.windows(name.len()).any(|window| window == *name))
    };
    let mut folders = vec![crate::trust::data(&place)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("reads") {
            let path = entry.expect("reads").path();
            match path.is_dir() {
                true => folders.push(path),
                false => assert!(!named(&path), "{}", path.display()),
            }
        }
    }
    let set = ["bucket", "set", "s3://news", "--etags", "md5", "--reason", "a client compares by it"];
    assert!(ok(place.run(&set)).contains("contents are told apart by: their MD5"));
    python(&place, "home", "terms.py", &["md5"]);
    python(&place, "home", "terms.py", &["original"]);
    let withdraw = ["fingerprint", "withdraw", "s3://news/plan.md", "--reason", "announced"];
    assert_eq!(ok(place.run(&withdraw)), "copies of s3://news/plan.md are recognised no more\n");
    let twice = place.run(&withdraw);
    assert!(twice.code == 1 && twice.stderr.contains("are not recognised"), "{}", twice.stderr);
    up.end();
}

/// Of a file of weights little leaves in a day, in ranges, too; and it is told beforehand how long all of it takes.
#[test]
fn weights_leave_slowly_and_it_is_told_how_slowly() {
    let place = Place::new();
    let (up, _) = two_people(&place, "http://127.0.0.1:9/");
    python(&place, "home", "terms.py", &["weights"]);
    let pace = ["allowance", "pace", "s3://news/step-9000.safetensors"];
    let told = ok(place.run(&pace));
    assert!(told.starts_with("s3://news/step-9000.safetensors  20 MB of weights, confidential\n"), "{told}");
    assert!(told.contains("  you may read of this file: 8388 kB a day, 41 MB in thirty days\n"), "{told}");
    assert!(told.ends_with("  at this rate this checkpoint takes some 2 days\n"), "{told}");
    let told = place.run(&[&pace[..], &["--json"]].concat()).lines();
    assert_eq!((told[0]["schema"].as_str(), told[0]["weights"].as_bool()), (Some("cordon-pace-1"), Some(true)));
    assert_eq!(place.run(&["allowance", "pace", "s3://news/none"]).code, 1);
    assert_eq!(place.run(&["allowance", "pace", "news"]).code, 2);
    up.end();
}

/// Text of the document that `terms.py` writes.
fn plan(words: std::ops::Range<u32>) -> String {
    words.map(|number| format!("w{:04x}", number * 7919 % 65_536)).collect::<Vec<_>>().join(" ")
}

/// What the vault knows is recognised by scans of whoever may know of it: on laptops after a login, on runners with a key.
#[test]
fn what_the_vault_knows_is_recognised_by_scans_elsewhere() {
    let place = Place::new();
    let (up, _) = two_people(&place, "http://127.0.0.1:9/");
    ok(place.run(&["codename", "add", "Glass Heron", "--label", "restricted", "--reason", "the next model"]));
    python(&place, "home", "terms.py", &["original"]);
    let notes = place.path().join("notes");
    std::fs::create_dir_all(&notes).expect("made");
    std::fs::write(notes.join("mail.txt"), format!("They say:\n{}\n", plan(40..180))).expect("written");
    std::fs::write(notes.join("run.py"), "start_glass_her0n()\n").expect("written");
    let scan = |home: &str, more: &[&str]| run_as(&place, home, &[&["scan", "notes", "--json"], more].concat());
    assert_eq!(scan("home", &[]).code, 0, "nothing was fetched since");
    let fetched = place.run(&["fingerprint", "fetch"]);
    assert!(
        fetched.stdout.contains("scans here recognise 1 documents and 1 codenames of the vault until 2"),
        "{}",
        fetched.stderr
    );
    let found = scan("home", &[]);
    let kinds: Vec<_> = found.lines().iter().filter_map(|line| line["kind"].as_str().map(str::to_owned)).collect();
    assert_eq!((found.code, kinds.len()), (1, 2), "{}", found.stdout);
    assert!(kinds.contains(&"copy".to_owned()) && kinds.contains(&"codename".to_owned()), "{kinds:?}");
    assert_eq!(scan("home", &["--without-vault"]).code, 0);

    let invite = ["people", "invite", "carl@example.org", "--clearance", "internal", "--public-url", &up.origin];
    let invited = ok(place.run(&invite));
    let mut carl = Browser::welcomed(&up.origin, invited.lines().nth(1).expect("a link"));
    let login = crate::node::login(&place, "carl", &mut carl);
    assert!(
        login.stderr.contains("recognise 0 documents and 0 codenames"),
        "what he may not know of: {}",
        login.stderr
    );
    assert_eq!(scan("carl", &[]).code, 0);

    let people = place.run(&["people", "list", "--json"]).lines();
    let ada = people.iter().find(|one| one["name"] == "ada@example.org").expect("there")["principal"].clone();
    let until = days_ahead(2);
    let owner = ada.as_str().expect("an id");
    let add = ["services", "add", "--owner", owner, "--purpose", "scans of what is pushed", "--until", &until];
    let service = ok(place.run(&[&add[..], &["--clearance", "restricted", "--role", "reader:everything"]].concat()));
    let key = ok(place.run(&["services", "key", service.trim(), "--until", &until]));
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    let with_key = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("HOME", place.path().join("runner")).env("CORDON_PUBLIC_URL", &up.origin);
        for (name, field) in [
            ("AWS_ACCESS_KEY_ID", "access_key_id"),
            ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
            ("AWS_SESSION_TOKEN", "session_token"),
        ] {
            command.env(name, key[field].as_str().expect("text"));
        }
        command.output().expect("it runs")
    };
    let fetched = with_key(&["fingerprint", "fetch"]);
    let said = String::from_utf8_lossy(&fetched.stdout).into_owned();
    assert!(
        said.contains("recognise 1 documents and 1 codenames"),
        "{said}{}",
        String::from_utf8_lossy(&fetched.stderr)
    );
    assert_eq!(with_key(&["scan", "notes"]).status.code(), Some(1));
    ok(place.run(&["access", "revoke", service.trim(), "--reason", "the runner was lost"]));
    let refused = with_key(&["fingerprint", "fetch"]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(with_key(&["scan", "notes"]).status.code(), Some(0), "whoever is refused goes on with nothing");

    use std::os::unix::fs::PermissionsExt as _;
    let kept = place.path().join("home/.config/cordon/knowledge");
    assert_eq!(std::fs::metadata(&kept).expect("kept").permissions().mode() & 0o777, 0o600);
    let mut bytes = std::fs::read(&kept).expect("kept");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&kept, bytes).expect("changed");
    let changed = scan("home", &[]);
    assert!(changed.code == 4 && changed.stderr.contains("it is not what the vault handed out"), "{}", changed.stderr);
    std::fs::remove_file(&kept).expect("removed");
    std::fs::create_dir(&kept).expect("made");
    assert_eq!(scan("home", &[]).code, 2, "what cannot be read is not passed over");
    let met = format!("log-{}.vkey", up.origin.trim_start_matches("http://").replace(':', "-"));
    let met = place.path().join("home/.config/cordon").join(met);
    std::fs::write(&met, "nonsense").expect("changed");
    assert_eq!(place.run(&["fingerprint", "fetch"]).code, 4, "nor is a key that was changed taken for none");
    up.end();
}
