//! What is public: by two people, until a date, seen in one place, and taken back at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::harness::Place;
use crate::node::{Browser, Up, login, run_as};
use crate::s3::python;
use crate::trust::ok;

/// Somebody who has an address, and nothing else.
struct Stranger {
    agent: ureq::Agent,
    host: String,
}

struct Got {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("plain")).unwrap_or_default()
    }
}

impl Stranger {
    fn of(origin: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        Self { agent: config.build().into(), host: origin.trim_start_matches("http://").to_owned() }
    }

    fn asks(&self, method: &str, address: &str, headers: &[(&str, &str)]) -> Got {
        let mut request = ureq::http::Request::builder().method(method).uri(address.replace("localhost", "127.0.0.1"));
        for (name, value) in [("host", self.host.as_str())].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let answer = self.agent.run(request.body(()).expect("a request")).expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        answer.into_body().into_reader().read_to_end(&mut body).expect("reads");
        Got { status, headers, body }
    }

    fn gets(&self, address: &str) -> Got {
        self.asks("GET", address, &[])
    }
}

/// What a content network's hook hears: one body a request.
fn hook() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/purge", listener.local_addr().expect("an address"));
    let (heard, hears) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).expect("a line") > 2 {
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a number");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("a body");
            stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").expect("answers");
            heard.send(String::from_utf8(body).expect("text")).expect("heard");
        }
    });
    (address, hears)
}

/// Two people, an internal bucket, and a node that tells a hook.
pub(crate) fn two_people(place: &Place, hook: &str) -> (Up, Browser) {
    let (up, _, bob) = two_browsers(place, hook);
    (up, bob)
}

/// The same, with the browser of the first, too.
pub(crate) fn two_browsers(place: &Place, hook: &str) -> (Up, Browser, Browser) {
    let up = Up::begin(place, &["--purge-hook", hook]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(place, "home", &mut ada).code, 0);
    python(place, "home", "publish.py", &["write"]);
    let invite = ["people", "invite", "bob@example.org", "--clearance", "restricted", "--role", "approver:everything"];
    let more = ["--trained-until", "2999-01-01", "--public-url", &up.origin];
    let invited = ok(place.run(&[&invite[..], &more].concat()));
    let mut bob = Browser::welcomed(&up.origin, invited.lines().nth(1).expect("a link"));
    assert_eq!(login(place, "bob", &mut bob).code, 0);
    (up, ada, bob)
}

/// A moment some days ahead, as it is typed.
pub(crate) fn days_ahead(days: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

fn published(place: &Place, bob: &mut Browser, arguments: &[&str]) -> (String, String) {
    let publish = [&["publish"], arguments].concat();
    let asked = ok(place.run(&publish)).trim().to_owned();
    assert!(asked.starts_with("as_"), "{asked}");
    assert_eq!(ok(place.run(&publish)).trim(), asked, "it still waits, and is the same");
    let page = bob.get("/approvals");
    assert!(page.contains("anyone reads it, "), "{page}");
    ok(run_as(place, "bob", &["approve", &asked]));
    let made = place.run(&publish);
    assert_eq!(made.code, 0, "{}", made.stderr);
    (made.stdout.trim().to_owned(), made.stderr)
}

#[test]
fn nothing_is_public_but_what_two_people_said_until_they_take_it_back() {
    let place = Place::new();
    let (hook, hears) = hook();
    let (up, mut bob) = two_people(&place, &hook);
    let stranger = Stranger::of(&up.origin);
    // A quarter to six in Nepal is midnight in UTC.
    let day = &days_ahead(3)[..10];
    let until = format!("{day}T05:45:00+05:45");
    let (address, said) =
        published(&place, &mut bob, &["s3://news/launch.txt", "--until", &until, "--reason", "the launch"]);
    assert!(said.contains("checked: a stranger gets it"), "{said}");
    let (start, number) = address.rsplit_once('/').expect("an address");
    assert_eq!(start, format!("{}/p", up.origin));
    assert!(number.len() == 32 && number.bytes().all(|digit| digit.is_ascii_hexdigit()), "128 bits: {number}");

    let got = stranger.gets(&address);
    assert!(got.status == 200 && got.body == b"0123456789".repeat(100_000), "{}", got.status);
    assert_eq!(got.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!((got.header("cache-control"), got.header("content-disposition")), ("no-cache", "inline"));
    assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert!(!got.headers.iter().any(|(_, value)| value.to_str().is_ok_and(|text| text.contains("launch"))), "no name");
    let part = stranger.asks("GET", &address, &[("range", "bytes=5-14")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &b"5678901234"[..]));
    assert_eq!(part.header("content-range"), "bytes 5-14/1000000");
    assert_eq!(stranger.asks("GET", &address, &[("range", "bytes=-3")]).body, b"789");
    assert_eq!(stranger.asks("GET", &address, &[("range", "bytes=2000000-")]).status, 416);
    let kept = stranger.asks("GET", &address, &[("if-none-match", got.header("etag"))]);
    assert!(kept.status == 304 && kept.body.is_empty());
    let head = stranger.asks("HEAD", &address, &[]);
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "1000000", 0));
    assert_eq!(stranger.asks("POST", &address, &[("content-length", "0")]).status, 405);
    let others = [number.to_uppercase(), format!("{number}?x=1")].into_iter().filter(|other| other != number);
    for wrong in ["0".repeat(32), number[1..].to_owned(), format!("{number}0"), "..%2f..%2fetc".to_owned()]
        .into_iter()
        .chain(others)
    {
        assert_eq!(stranger.gets(&format!("{start}/{wrong}")).status, 404, "{wrong}");
    }
    assert_eq!(stranger.gets(&format!("{}/publications", up.origin)).status, 405);

    let listed = place.run(&["publications", "list", "--json"]).lines();
    assert_eq!(
        (listed.len(), listed[0]["standing"].as_str(), listed[0]["key"].as_str()),
        (1, Some("public"), Some("launch.txt"))
    );
    let ends: jiff::Timestamp = format!("{day}T00:00:00Z").parse().expect("a time");
    assert_eq!(listed[0]["ends"], ends.as_millisecond(), "whatever the zone that it was said in");
    let id = listed[0]["publication"].as_str().expect("an identifier").to_owned();
    assert!(manifest(&place, &stranger, &up.origin).contains(&format!("\n{address} 1000000 ")));
    let version = listed[0]["version"].as_str().expect("a version").to_owned();
    let who = |more: &[&str]| place.run(&[&["access", "who", &version, "--json"], more].concat()).lines();
    let anyone = |lines: Vec<serde_json::Value>| lines.iter().filter(|line| line["name"] == "(anyone)").count();
    assert_eq!((anyone(who(&[])), anyone(who(&["--action", "object.write"]))), (1, 0), "{:?}", who(&[]));

    let then = jiff::Timestamp::now().to_string();
    // Said once, it counts for each command that asks.
    let settings = format!("observer = \"{} publications check\"\n", env!("CARGO_BIN_EXE_cordon"));
    std::fs::write(place.path().join("home/.config/cordon/cordon.toml"), settings).expect("written");
    let seen = ok(place.run(&["publications", "check", &address, "--json"]));
    assert!(seen.contains("\"stranger\":\"given\""), "{seen}");
    let withdraw = ["publications", "withdraw", &id, "--reason", "the launch moved"];
    let withdrawn = place.run(&withdraw);
    assert_eq!(withdrawn.code, 0, "{}", withdrawn.stderr);
    for by in ["checked", "checked by the observer"] {
        assert!(withdrawn.stderr.contains(&format!("{by}: a stranger gets nothing there\n")), "{}", withdrawn.stderr);
    }
    assert_eq!(ok(place.run(&["publications", "check", &address])), "refused\n");
    assert_eq!(stranger.gets(&address).status, 404);
    assert_eq!(stranger.asks("GET", &address, &[("if-none-match", got.header("etag"))]).status, 404);
    assert!(hears.recv().expect("told").contains(&address));
    assert!(!manifest(&place, &stranger, &up.origin).contains(number));
    assert_eq!(anyone(who(&[])), 0);
    assert_eq!(anyone(who(&["--as-of", &then, "--verify"])), 1, "it was, then");
    let again = place.run(&["publications", "withdraw", &id, "--reason", "once more"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    let log = ok(place.run(&["audit", "search", "--json", "--limit", "10000"]));
    let count = |action: &str, outcome: &str| {
        let (action, outcome) = (format!("\"action\":\"{action}\""), format!("\"outcome\":\"{outcome}\""));
        log.lines().filter(|line| line.contains(&action) && line.contains(&outcome)).count()
    };
    assert_eq!((count("publication.make", "allowed"), count("publication.withdraw", "allowed")), (1, 1));
    let by_strangers = log.lines().filter(|line| line.contains("\"policies\":[\"publication\"]")).count();
    // Of those above, and those with which commands check.
    assert_eq!(by_strangers, 8, "each read of a stranger is on record");
    assert!(log.contains("there is no publication that counts"), "{log}");
    up.end();
}

/// Fetches the list of all that is public, and verifies its signature with the key of the log.
fn manifest(place: &Place, stranger: &Stranger, origin: &str) -> String {
    let got = stranger.gets(&format!("{origin}/manifest"));
    let note: cordon_ledger::Note = String::from_utf8(got.body).expect("text").parse().expect("a note");
    let key = std::fs::read_to_string(crate::trust::data(place).join("log.vkey")).expect("a key");
    note.verify(&key.parse().expect("a key")).expect("signed");
    let mut lines = note.text.lines();
    assert!(lines.next().is_some_and(|line| line.ends_with("/publications")), "{}", note.text);
    assert!(lines.next().is_some_and(|line| line.starts_with("made ")), "{}", note.text);
    note.text
}

#[test]
fn what_was_not_looked_into_or_found_clean_does_not_become_public_and_what_changes_is_public_no_more() {
    let place = Place::new();
    let (up, mut bob) = two_people(&place, "http://127.0.0.1:9/");
    let stranger = Stranger::of(&up.origin);
    let until = days_ahead(30);
    let publish =
        |object: &str, more: &[&str]| place.run(&[&["publish", object, "--reason", "the launch"], more].concat());
    let found = publish("s3://news/draft.md", &["--until", &until]);
    assert!(found.code == 1 && found.stderr.contains("this was found in it: "), "{}", found.stderr);
    assert!(!found.stderr.contains("distribute"), "{}", found.stderr);
    for (what, arguments) in [
        ("an end behind", vec!["--until", "2020-01-01"]),
        ("an end too far ahead", vec!["--until", "2999-01-01"]),
        ("an end before it begins", vec!["--until", &until, "--from", "2999-01-01"]),
    ] {
        let refused = publish("s3://news/launch.txt", &arguments);
        assert!(refused.code == 1 && refused.stderr.contains("ends ahead"), "{what}: {}", refused.stderr);
    }
    assert_eq!(publish("s3://news/none", &["--until", &until]).code, 1);
    assert_eq!(publish("s3://none/launch.txt", &["--until", &until]).code, 1);
    assert_eq!(publish("news/launch.txt", &["--until", &until]).code, 2);
    assert_eq!(publish("s3://news/launch.txt", &["--until", "soon"]).code, 2);
    let offset = days_ahead(20).replace('Z', "+01:00");
    assert_eq!(publish("s3://news/launch.txt", &["--until", &offset]).code, 0, "a time with an offset is read");

    let from = days_ahead(1);
    let later = ["s3://news/later.html", "--until", &until, "--from", &from, "--reason", "the launch"];
    let (planned, said) = published(&place, &mut bob, &later);
    assert!(said.contains("nobody gets it before then"), "{said}");
    assert_eq!(stranger.gets(&planned).status, 404);
    let page = ["s3://news/page.html", "--until", &until, "--reason", "the launch"];
    let (page, _) = published(&place, &mut bob, &page);
    let got = stranger.gets(&page);
    let kind = (got.header("content-type"), got.header("content-disposition"));
    assert_eq!(kind, ("application/octet-stream", "attachment"), "no browser runs it");
    assert_eq!(got.header("cross-origin-resource-policy"), "cross-origin");
    let copied = ["--json", "--observer", "printf given"];
    let withdrawn = place.run(&[&["publications", "withdraw", &page, "--reason", "a mistake"], &copied[..]].concat());
    assert!(withdrawn.code == 1 && withdrawn.stdout.contains("\"purged\":false"), "{}", withdrawn.stderr);
    assert!(withdrawn.stderr.contains("checked by the observer: a stranger still gets it"), "{}", withdrawn.stderr);
    assert!(withdrawn.stderr.contains("did not take it, and is told again"), "{}", withdrawn.stderr);
    let (empty, _) = published(&place, &mut bob, &["s3://news/empty", "--until", &until, "--reason", "nothing"]);
    let got = stranger.gets(&empty);
    assert_eq!((got.status, got.body.len(), got.header("content-disposition")), (200, 0, "attachment"));

    let (address, _) =
        published(&place, &mut bob, &["s3://news/launch.txt", "--until", &until, "--reason", "the launch"]);
    assert_eq!(stranger.gets(&address).status, 200);
    python(&place, "home", "publish.py", &["again"]);
    assert_eq!(stranger.gets(&address).status, 404, "what is written later is not public");
    let listed = ok(place.run(&["publications", "list"]));
    let standing = |name: &str| {
        let place = listed.lines().position(|line| line.contains(name)).expect("it is listed");
        listed.lines().nth(place - 1).expect("a line").split_whitespace().nth(1).expect("a word").to_owned()
    };
    assert_eq!(["launch.txt", "later.html", "empty"].map(standing), ["gone", "planned", "public"], "{listed}");

    let all = place.run(&["publications", "list", "--json"]).lines();
    let version = all.iter().find(|one| one["key"] == "empty").expect("listed")["version"].as_str().expect("one");
    let made = place.run(&["audit", "search", "--action", "publication.make", "--object", version, "--json"]).lines();
    let undo = ["undo", &made[0]["position"].to_string(), "--reason", "a mistake"];
    let undone = place.run(&undo);
    assert!(undone.code == 0 && undone.stdout.contains("is withdrawn"), "{}{}", undone.stdout, undone.stderr);
    assert_eq!(stranger.gets(&empty).status, 404);
    let twice = place.run(&undo);
    assert!(twice.code == 2 && twice.stderr.contains("is public no more"), "{}", twice.stderr);
    up.end();
}
