//! A node that runs, people in their browsers, and the command line beside it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordon_testkit::SoftPasskey;
use serde_json::{Value, json};

use crate::harness::{Place, Report};
use crate::trust::ok;

/// A node that runs until this is dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) origin: String,
    /// What it said until it answered.
    pub(crate) said: String,
    /// What it says after that.
    says: Arc<Mutex<String>>,
    hears: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    pub(crate) fn begin(place: &Place, more: &[&str]) -> Self {
        Self::begin_at(place, "http", more)
    }

    /// Begins where people come by `http` or by `https`.
    pub(crate) fn begin_at(place: &Place, scheme: &str, more: &[&str]) -> Self {
        std::fs::create_dir_all(place.path().join("home")).expect("a home");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let (listen, origin) = (free.to_string(), format!("{scheme}://localhost:{}", free.port()));
        let arguments =
            ["up", "--listen", &listen, "--s3", "127.0.0.1:0", "--public-url", &origin, "--name", "ada@example.org"];
        let mut command = place.command(&[&arguments[..], more].concat());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary runs");
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("piped"));
        while !said.contains("answering at") {
            assert!(lines.read_line(&mut said).expect("readable") > 0, "it ended: {said}");
        }
        // What it says later would fill the pipe.
        let says = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&says);
        let hears = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                heard.lock().expect("no panic").push_str(&format!("{line}\n"));
            }
        });
        Self { child, origin, said, says, hears: Some(hears) }
    }

    /// The link that was printed.
    pub(crate) fn link(&self) -> &str {
        let link = self.said.split_whitespace().find(|word| word.contains("/welcome#"));
        link.unwrap_or_else(|| panic!("no link: {}", self.said))
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it answers.
    pub(crate) fn pages(&self) -> String {
        self.origin.trim_start_matches("http://").replace("localhost", "127.0.0.1")
    }

    /// Waits until it says with that status whether it is ready: it notices within a second.
    pub(crate) fn becomes_ready(&self, status: &str) {
        let mut answer = String::new();
        for _ in 0..100 {
            answer = crate::watched::get(&self.pages(), "/ready");
            if answer.split(' ').nth(1) == Some(status) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{status}: {answer}");
    }

    /// How often it has said something since it answers.
    fn has_said(&self, what: &str) -> usize {
        self.says.lock().expect("no panic").matches(what).count()
    }

    /// Ends it as a crash of its process does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("ended");
    }

    /// Ends it as a service manager does. Returns all that it said.
    pub(crate) fn end(mut self) -> String {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(ended.expect("kill runs").success());
        assert!(self.child.wait().expect("ended").success());
        self.hears.take().expect("it hears").join().expect("no panic");
        format!("{}{}", self.said, self.says.lock().expect("no panic"))
    }
}

/// Writes down an identity provider, and a secret for it that nobody else reads.
pub(crate) fn provider_of(place: &Place, name: &str, secret: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let (file, beside) = (place.path().join(format!("{name}.toml")), place.path().join(format!("{name}.secret")));
    let known = beside.file_name().expect("a name").to_string_lossy();
    let text = format!(
        "name = 'Example ID'\nissuer = 'http://localhost:9'\nclient-id = 'cordon'\nclient-secret-file = '{known}'\n\
         [groups]\nml = ['reader:everything']\n"
    );
    std::fs::write(file, text).expect("written");
    std::fs::write(&beside, secret).expect("written");
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// Somebody in a browser, with a passkey.
pub(crate) struct Browser {
    origin: String,
    cookies: String,
    passkey: SoftPasskey,
    /// Recovery codes, as they were shown.
    pub(crate) recovery: Vec<String>,
}

impl Browser {
    /// Sets a passkey by a link, and signs in.
    pub(crate) fn welcomed(origin: &str, link: &str) -> Self {
        let (passkey, recovery) = (SoftPasskey::new(origin), Vec::new());
        let mut browser = Self { origin: origin.to_owned(), cookies: String::new(), passkey, recovery };
        let text = link.split('#').nth(1).expect("a link");
        let offer = browser.json("/welcome/open", &json!({"link": text}));
        let begun = browser.json("/welcome/passkey/begin", &json!({"id": offer["id"]}));
        let answer = browser.passkey.register(&begun["options"]);
        let set = browser.json("/welcome/passkey", &json!({"id": offer["id"], "answer": answer, "name": "laptop"}));
        let codes = set["recovery"].as_array().expect("codes").iter();
        browser.recovery = codes.map(|code| code.as_str().expect("a text").to_owned()).collect();
        browser.sign_in();
        browser
    }

    pub(crate) fn sign_in(&mut self) {
        let begun = self.json("/sign-in/passkey/begin", &json!({}));
        let answer = self.passkey.sign_in(&begun["options"]);
        self.json("/sign-in/passkey", &json!({"id": begun["id"], "answer": answer, "next": "/"}));
    }

    fn json(&mut self, path: &str, what: &Value) -> Value {
        let (status, body) = self.ask("POST", path, what);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Asks for something as a page of the node does. Returns status and body.
    pub(crate) fn ask(&mut self, method: &str, path: &str, what: &Value) -> (u16, String) {
        let url = format!("{}{path}", self.origin);
        let (status, _, body) = self.send(method, &url, "application/json", &what.to_string());
        (status, body)
    }

    pub(crate) fn get(&mut self, path: &str) -> String {
        self.send("GET", &format!("{}{path}", self.origin), "text/plain", "").2
    }

    pub(crate) fn post(&mut self, path: &str) -> (u16, String) {
        let (status, _, body) = self.send("POST", &format!("{}{path}", self.origin), "text/plain", "");
        (status, body)
    }

    /// Sends a request; keeps the cookies of the answer. Returns status, address that it leads to, body.
    fn send(&mut self, method: &str, url: &str, kind: &str, body: &str) -> (u16, String, String) {
        let own = url.starts_with(&self.origin);
        let mut request = ureq::http::Request::builder().method(method).uri(url.replace("localhost", "127.0.0.1"));
        if own {
            request = request.header("host", self.origin.trim_start_matches("http://")).header("cookie", &self.cookies);
        }
        let request = request.header("origin", &self.origin).header("content-type", kind).body(body.to_owned());
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent: ureq::Agent = config.allow_non_standard_methods(true).build().into();
        let mut answer = agent.run(request.expect("a request")).expect("an answer");
        let text = |value: &ureq::http::HeaderValue| value.to_str().expect("plain").to_owned();
        let set = answer.headers().get_all("set-cookie").iter().map(text);
        let set: Vec<String> = set.map(|line| line.split(';').next().expect("a pair").to_owned()).collect();
        if !set.is_empty() {
            self.cookies = set.join("; ");
        }
        let led = answer.headers().get("location").map(text).unwrap_or_default();
        (answer.status().as_u16(), led, answer.body_mut().read_to_string().unwrap_or_default())
    }

    /// Allows a program that `cordon login` is, and goes where that leads.
    pub(crate) fn allow(&mut self, address: &str) {
        let (status, _, page) = self.send("GET", address, "text/plain", "");
        assert!(status == 200 && page.contains("A program on this computer"), "{page}");
        let query = address.split_once('?').expect("fields").1;
        let kind = "application/x-www-form-urlencoded";
        let (status, led, body) =
            self.send("POST", &format!("{}/login", self.origin), kind, &format!("{query}&enrol=yes"));
        assert!(status == 303 && led.starts_with("http://127.0.0.1:"), "{status} {led} {body}");
        let (status, led, body) = self.send("GET", &led, "text/plain", "");
        assert!(status == 303 && led.starts_with(&format!("{}/login/bind?", self.origin)), "{status} {led} {body}");
        assert_eq!(self.send("GET", &led, "text/plain", "").0, 303);
    }
}

/// Runs `cordon login` in a home, allowed in a browser.
pub(crate) fn login(place: &Place, home: &str, browser: &mut Browser) -> Report {
    let arguments = ["login", "--no-browser", "--public-url", &browser.origin];
    let mut command = place.command(&arguments);
    command.env("HOME", place.path().join(home)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut address = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut address).expect("an address");
    browser.allow(address.trim());
    let mut report = Report::of(&child.wait_with_output().expect("it ends"));
    report.stdout = address;
    report
}

pub(crate) fn run_as(place: &Place, home: &str, arguments: &[&str]) -> Report {
    Report::of(&place.command(arguments).env("HOME", place.path().join(home)).output().expect("the binary runs"))
}

#[test]
fn one_machine_from_the_first_run_to_two_people_and_a_revocation() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    assert!(up.said.contains("recovery kit: 5 shares") && up.said.contains("you are `ada@example.org`"), "{}", up.said);
    assert!(up.said.contains("\n  cordon login\n  eval \"$(cordon env)\"\n  aws s3 mb s3://notes\n"), "{}", up.said);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", up.child.id())).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    let bounds: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(bounds, ["0", "0"], "no core is dumped");
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert!(ada.get("/").contains("<h1>ada@example.org</h1>"));
    let signed = login(&place, "home", &mut ada);
    assert!(signed.code == 0 && signed.stderr.contains("signed in as ada@example.org (pr_"), "{}", signed.stderr);
    assert!(ada.get("/").contains("on the enrolled device"), "the browser is on it, too");
    let keys: Value = serde_json::from_str(&ok(place.run(&["credentials"]))).expect("JSON");
    assert_eq!((keys["Version"].as_u64(), keys["AccessKeyId"].as_str().map(str::len)), (Some(1), Some(30)));

    let invite = ["people", "invite", "bob@example.org", "--clearance", "restricted", "--role", "approver:everything"];
    let invited = ok(place.run(&[&invite[..], &["--public-url", &up.origin]].concat()));
    let (bob_id, link) = invited.split_once('\n').expect("who it is, and a link");
    let mut bob = Browser::welcomed(&up.origin, link.trim());
    assert_eq!(login(&place, "bob", &mut bob).code, 0);

    let change = ["levels", "--set", "restricted.factor_age_s=600", "--reason", "a drill"];
    let alone = place.run(&change);
    assert!(alone.code == 1 && alone.stderr.contains("give --ask and a reason"), "{}", alone.stderr);
    crate::undo::refused(&place, &crate::undo::last(&place, "levels.change"), "is something that was not done");
    let ask = ok(place.run(&[&change[..], &["--ask"]].concat())).trim().to_owned();
    assert!(ask.starts_with("as_"), "{ask}");
    let early = place.run(&[&change[..], &["--approval", &ask]].concat());
    assert_eq!(early.code, 1, "nobody has approved: {}", early.stderr);
    assert!(bob.get("/approvals").contains("restricted") && bob.get("/approvals").contains("a drill"));
    assert!(ada.get("/approvals").contains("Nothing waits for you"), "she has no such role");
    assert_eq!(ada.post(&format!("/approvals/{ask}")).0, 403);
    assert_eq!(ok(run_as(&place, "bob", &["approve", &ask])), format!("{ask} is approved\n"));
    let other = ["levels", "--set", "restricted.factor_age_s=6000", "--reason", "a drill", "--approval", &ask];
    assert_eq!(place.run(&other).code, 1, "something else than what was approved");
    ok(place.run(&[&change[..], &["--approval", &ask]].concat()));
    assert_eq!(place.run(&[&change[..], &["--approval", &ask]].concat()).code, 1, "it counts once");

    let revoked = place.run(&["access", "revoke", bob_id, "--reason", "left"]);
    assert_eq!(revoked.stdout.matches("refused by nd_").count(), 3, "two sessions and a key: {}", revoked.stdout);
    assert!(revoked.stdout.contains("access key  refused by nd_"), "{}", revoked.stdout);
    ok(revoked);
    assert_eq!(run_as(&place, "bob", &["approve", &ask]).code, 1);
    up.end();
    let verified = ok(place.run(&["audit", "verify"]));
    assert!(verified.starts_with("verified: "), "{verified}");
    let again = Up::begin(&place, &[]);
    assert!(!again.said.contains("/welcome#"), "somebody is there: {}", again.said);
}

/// A node that was killed has not said that it answers no more.
#[test]
fn a_revocation_that_cannot_be_shown_is_said_to_stand_and_not_to_be_shown() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let list = place.run(&["people", "list", "--json"]).lines();
    let ada = list[0]["principal"].as_str().expect("an id");
    drop(up);
    let revoked = place.run(&["access", "revoke", ada, "--reason", "left"]);
    assert_eq!(revoked.code, 1, "{}{}", revoked.stdout, revoked.stderr);
    assert_eq!(revoked.stdout.matches("could not be shown at nd_").count(), 3, "{}", revoked.stdout);
    assert!(revoked.stdout.starts_with(&format!("{ada} is revoked\n")) && !revoked.stdout.contains("refused by"));
    assert!(revoked.stderr.contains("hint: it is revoked"), "{}", revoked.stderr);
    assert_eq!(ok(place.run(&["people", "list"])), "");
}

#[test]
fn a_node_is_not_open_to_other_machines_and_has_no_account_of_its_own() {
    let place = Place::new();
    let open = place.run(&["up", "--listen", "0.0.0.0:0", "--s3", "127.0.0.1:0"]);
    assert!(open.code == 2 && open.stderr.contains("plain HTTP"), "{}", open.stderr);
    let address = place.run(&["up", "--public-url", "http://192.0.2.1:8700"]);
    assert!(address.code == 2 && address.stderr.contains("passkeys need a name"), "{}", address.stderr);
    let up = Up::begin(&place, &[]);
    let events = place.run(&["audit", "search", "--action", "session.sign-in", "--json"]);
    assert_eq!(ok(events), "", "nobody has signed in, and nobody can without the link");
    let list = place.run(&["people", "list", "--json"]).lines();
    assert_eq!((list.len(), &list[0]["name"]), (1, &json!("ada@example.org")));
    let nobody = place.run(&["credentials"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("run `cordon login`"), "{}", nobody.stderr);
    drop(up);
}

#[test]
fn vendors_services_and_devices_are_kept() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let devices = place.run(&["devices", "list", "--json"]).lines();
    assert_eq!((devices.len(), &devices[0]["name"]), (1, &json!("ada@example.org")));
    let contract =
        ["--until", "2999-01-01", "--level", "confidential", "--project", "atlas", "--network", "192.0.2.0/24"];
    let set = [&["vendors", "set", "Example Annotation", "--reason", "contract 17"][..], &contract].concat();
    let vendor = ok(place.run(&set)).trim().to_owned();
    let eve = ["people", "invite", "eve@vendor.example", "--vendor", &vendor];
    ok(place.run(&eve));
    let vendors = place.run(&["vendors", "list", "--json"]).lines();
    assert_eq!((&vendors[0]["vendor"], &vendors[0]["people"]), (&json!(vendor), &json!(1)));
    assert_eq!(vendors[0]["networks"], json!(["192.0.2.0/24"]));
    let wrong = place.run(&["vendors", "set", "x", "--until", "2000-01-01", "--reason", "x"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("ends before it begins"), "{}", wrong.stderr);

    let list = place.run(&["people", "list", "--json"]).lines();
    let ada_id = list.iter().find(|one| one["name"] == "ada@example.org").expect("she is there")["principal"].clone();
    let add = ["services", "add", "--owner", ada_id.as_str().expect("an id"), "--purpose", "nightly evaluation"];
    let service = ok(place.run(&[&add[..], &["--until", "2999-01-01", "--role", "reader:everything"]].concat()));
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
    let until = until.to_string();
    let key = place.run(&["services", "key", service.trim(), "--until", &until]);
    let key: Value = serde_json::from_str(&ok(key)).expect("JSON");
    let long = place.run(&["services", "key", service.trim(), "--until", "2998-01-01"]);
    assert!(long.code == 2 && long.stderr.contains("bounded"), "{}", long.stderr);
    let revoke = place.run(&["access", "revoke", key["credential"].as_str().expect("an id"), "--reason", "rotated"]);
    assert!(ok(revoke).contains("service key  refused by nd_"));
    let device = devices[0]["device"].as_str().expect("an id").to_owned();
    let gone = ok(place.run(&["access", "revoke", &device, "--reason", "lost on a train"]));
    assert!(gone.contains("access key  refused by") && gone.contains("the device that it was issued on"), "{gone}");
}

#[test]
fn an_identity_provider_is_named_by_a_file_that_is_read_strictly() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    provider_of(&place, "oidc", "a-secret");
    let up = Up::begin(&place, &["--oidc", "oidc.toml"]);
    let mut browser = Browser::welcomed(&up.origin, up.link());
    assert!(browser.get("/sign-in").contains("Use Example ID"));
    up.end();
    let refused = |what: &str| {
        let report = place.run(&["up", "--listen", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--oidc", "oidc.toml"]);
        assert_eq!(report.code, 2, "{what}: {}", report.stderr);
        assert!(
            report.stderr.contains(what) && report.stderr.contains("hint: see docs/identity.md"),
            "{}",
            report.stderr
        );
    };
    let beside = place.path().join("oidc.secret");
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    refused("others may read");
    std::fs::remove_file(&beside).expect("gone");
    refused("cannot be read");
    std::fs::write(place.path().join("oidc.toml"), "name = 'x'\nissuer = 'http://id.example.org'\nclient-id = 'c'\n")
        .expect("written");
    refused("is not encrypted");
    std::fs::remove_file(place.path().join("oidc.toml")).expect("gone");
    refused("`oidc.toml` cannot be read");
}

#[test]
fn an_emergency_is_agreed_to_told_to_everybody_and_reviewed_by_somebody_else() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let mut others = ["bob", "cleo"].map(|name| {
        let invite = ["people", "invite", name, "--clearance", "restricted", "--role", "approver:everything"];
        let more = ["--role", "security:everything", "--public-url", &up.origin];
        let invited = ok(place.run(&[&invite[..], &more].concat()));
        let mut browser = Browser::welcomed(&up.origin, invited.lines().nth(1).expect("a link"));
        assert_eq!(login(&place, name, &mut browser).code, 0);
        browser
    });
    let ask = ok(place.run(&["emergency", "ask", "--reason", "the disk is full"])).trim().to_owned();
    let early = place.run(&["emergency", "open", &ask]);
    assert!(early.code == 1 && early.stderr.contains("2 other people"), "{}", early.stderr);
    let stolen = run_as(&place, "bob", &["emergency", "open", &ask]);
    assert_eq!(stolen.code, 1, "it is not his: {}", stolen.stderr);
    for name in ["bob", "cleo"] {
        assert!(!others[0].get("/").contains("An emergency"), "not yet");
        ok(run_as(&place, name, &["approve", &ask]));
    }
    assert!(ada.get("/emergencies").contains("Approved by 2 so far"));
    let emergency = ok(place.run(&["emergency", "open", &ask])).trim().to_owned();
    assert!(emergency.starts_with("em_"), "{emergency}");
    for browser in &mut others {
        let told = browser.get("/");
        assert!(told.contains("<strong>An emergency is open</strong>: ada@example.org may read"), "{told}");
        assert!(browser.get("/approvals").contains("the disk is full"));
    }
    // It looks five times a second.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(up.has_said("ALERT: an emergency is open: pr_"), 1, "once");
    let listed = place.run(&["emergency", "list"]);
    assert!(listed.stdout.contains("ada@example.org  open, until"), "{}", listed.stdout);
    assert!(listed.stderr.contains("ALERT: an emergency is open: pr_"), "whoever is at the machine is told, too");
    let own = place.run(&["emergency", "review", &emergency, "--reason", "all is well"]);
    assert!(own.code == 1 && own.stderr.contains("somebody else"), "{}", own.stderr);
    let empty = run_as(&place, "bob", &["emergency", "review", &emergency, "--reason", " "]);
    assert!(empty.code == 1 && empty.stderr.contains("say why, in one line"), "{}", empty.stderr);
    ok(run_as(&place, "bob", &["emergency", "review", &emergency, "--reason", "two reads, both in the ticket"]));
    assert_eq!(ok(place.run(&["emergency", "list"])), "");
    assert!(!others[1].get("/").contains("An emergency"));
    let events = ok(place.run(&["audit", "search", "--action", "emergency.review"]));
    assert!(events.contains("two reads, both in the ticket"), "{events}");
}
