//! The table of routes, asked by those who are signed in and may not: who has no role, who reads and nothing else, who owns something
//! else, and whoever may do everything and whose proof of a sign-in is too old. A route that has no row here fails.

use std::collections::BTreeSet;
use std::time::Duration;

use cordon_server::route::{Reader, Who, table};
use serde_json::{Value, json};

use crate::harness::Place;
use crate::node::{Browser, login, run_as};
use crate::publish::{days_ahead, two_browsers};
use crate::s3::python;
use crate::terms::with_another;
use crate::trust::ok;

/// What a route gives, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    /// What is about whoever asks.
    Own,
    /// A list of what one may know of.
    List,
    /// Something of an object to whoever may list it.
    Look,
    /// A change, or what is for security alone.
    Guarded,
}

/// What others made, by its identifiers.
struct Made {
    ask: String,
    publication: String,
    allowance: String,
    embargo: String,
    codename: String,
}

/// Each route for programs of people, and what is asked of it: of what others have.
fn asked(made: &Made) -> Vec<(&'static str, Gives, Value)> {
    let of = |more: Value| {
        let mut all = json!({"bucket": "shelf", "key": "plan"});
        let (own, more) = (all.as_object_mut().expect("an object"), more.as_object().cloned().expect("an object"));
        own.extend(more);
        all
    };
    let week = jiff::SignedDuration::from_hours(24 * 7);
    let until = (jiff::Timestamp::now() + week).as_millisecond();
    let because = json!({"reason": "a test"});
    let ended = |name: &str, id: &str| json!({name: id, "reason": "a test"});
    let emergency = "em_00000000000000000000000000000001";
    vec![
        ("/welcome/add", Gives::Own, json!({})),
        ("/keys", Gives::Own, json!({})),
        ("/me", Gives::Own, json!({})),
        ("/knowledge", Gives::Own, json!({})),
        ("/quarantine", Gives::List, json!({})),
        ("/publications", Gives::List, json!({})),
        ("/allowances", Gives::List, json!({})),
        ("/embargoes", Gives::List, json!({})),
        ("/bucket", Gives::Look, json!({"bucket": "shelf"})),
        ("/allowances/pace", Gives::Look, of(json!({}))),
        ("/approve", Gives::Guarded, json!({"ask": made.ask})),
        ("/quarantine/release", Gives::Guarded, json!({"bucket": "news", "key": "held.md", "reason": "a test"})),
        ("/label/lower", Gives::Guarded, of(json!({"label": "internal", "reason": "a test"}))),
        ("/label/raise", Gives::Guarded, of(json!({"label": "restricted", "reason": "a test"}))),
        ("/publications/make", Gives::Guarded, of(json!({"ends": until, "reason": "a test"}))),
        ("/publications/withdraw", Gives::Guarded, ended("publication", &made.publication)),
        (
            "/allowances/make",
            Gives::Guarded,
            json!({"who": "eve@example.org", "bucket": "shelf", "bytes": 1, "ends": until, "reason": "a test"}),
        ),
        ("/allowances/end", Gives::Guarded, ended("allowance", &made.allowance)),
        (
            "/embargoes/make",
            Gives::Guarded,
            json!({"bucket": "shelf", "until": until, "spares": ["owner"], "reason": "a test"}),
        ),
        ("/embargoes/lift", Gives::Guarded, ended("embargo", &made.embargo)),
        ("/bucket/make", Gives::Guarded, json!({"bucket": "another", "label": "internal"})),
        ("/bucket/set", Gives::Guarded, json!({"bucket": "shelf", "etags": "md5", "reason": "a test"})),
        ("/prints/forget", Gives::Guarded, of(because)),
        ("/codenames", Gives::Guarded, json!({})),
        ("/codenames/make", Gives::Guarded, json!({"name": "Heron", "label": "restricted", "reason": "a test"})),
        ("/codenames/end", Gives::Guarded, ended("codename", &made.codename)),
        // Whoever is in need asks; others open it, and one more reviews it.
        ("/emergency/ask", Gives::Own, json!({"reason": "a test", "writes": false})),
        ("/emergency/open", Gives::Guarded, json!({"ask": made.ask})),
        ("/emergency/review", Gives::Guarded, ended("emergency", emergency)),
    ]
}

fn ask(browser: &mut Browser, path: &str, what: &Value) -> (u16, String) {
    let all = table();
    let route = all.iter().find(|route| route.path == path).expect("a route");
    browser.ask(route.method.as_str(), path, what)
}

/// Asks each route, and checks the answer: whether the bucket and the object are known to whoever asks, and whether they may do
/// nothing at all because their sign-in is too old.
fn ask_all(who: &str, browser: &mut Browser, made: &Made, (knows, stale): (bool, bool)) {
    for (path, gives, what) in asked(made) {
        let (status, body) = ask(browser, path, &what);
        let expected: &[u16] = match gives {
            Gives::Own if stale => &[200, 403],
            Gives::Own | Gives::List => &[200],
            Gives::Look if knows && !stale => &[200],
            Gives::Look | Gives::Guarded => &[403, 404],
        };
        assert!(expected.contains(&status), "{who} at {path}: {status} {body}");
        let tells = body.contains("shelf") || made.told().iter().any(|told| body.contains(told));
        assert!(!tells || knows, "{who} at {path}: {body}");
    }
}

impl Made {
    /// Two people make something of everything.
    fn by(place: &Place, bob: &mut Browser) -> Self {
        let until = days_ahead(7);
        let allow = |bucket| {
            let add = ["allowance", "add", "bob@example.org", bucket, "--bytes", "1GB", "--until", &until];
            [&add[..], &["--reason", "a run"]].concat()
        };
        let first = |text: String| text.split([' ', ':']).next().unwrap_or_default().trim().to_owned();
        let publish = ["publish", "s3://news/launch.txt", "--until", &until, "--reason", "the launch"];
        with_another(place, bob, "anyone reads it", &publish);
        let publications = place.run(&["publications", "list", "--json"]).lines();
        let named = ["codename", "add", "Glass Heron", "--label", "confidential", "--reason", "the next model"];
        let closed = ["embargo", "add", "s3://shelf", "--until", &until, "--reason", "the launch"];
        Self {
            allowance: first(with_another(place, bob, "beyond limits", &allow("s3://shelf"))),
            publication: publications[0]["publication"].as_str().expect("an id").to_owned(),
            ask: ok(place.run(&allow("s3://news"))).trim().to_owned(),
            codename: first(ok(place.run(&named))),
            embargo: first(ok(place.run(&closed))),
        }
    }

    /// What is told to nobody who may not know of it, each by a list. What is public is internal, which everybody may know of.
    fn told(&self) -> [&str; 3] {
        ["held.md", &self.allowance, &self.embargo]
    }
}

#[test]
fn every_route_for_programs_of_people_has_a_row_here() {
    let none = String::new;
    let made = Made { ask: none(), publication: none(), allowance: none(), embargo: none(), codename: none() };
    let rows: Vec<&str> = asked(&made).iter().map(|(path, ..)| *path).collect();
    let all = table();
    let routes = all.iter().filter(|route| route.who == Who::Person && route.reader == Reader::Program);
    assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), routes.map(|route| route.path).collect());
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
}

#[test]
fn every_route_and_operation_refuses_who_has_no_role_or_another_or_an_old_sign_in() {
    let place = Place::new();
    let (up, mut ada, mut bob) = two_browsers(&place, "http://127.0.0.1:9/");
    let operations: Vec<&str> = cordon_server::s3::table::TABLE.iter().map(|row| row.operation).collect();
    let operations = operations.join(",");
    python(&place, "home", "stranger.py", &["confidential", &operations]);
    let made = Made::by(&place, &mut bob);
    let invite =
        ["people", "invite", "eve@example.org", "--clearance", "confidential", "--trained-until", "2999-01-01"];
    let invited = ok(place.run(&[&invite[..], &["--public-url", &up.origin]].concat()));
    let (eve_id, link) = invited.trim().split_once('\n').expect("who it is, and a link");
    let mut eve = Browser::welcomed(&up.origin, link);
    assert_eq!(login(&place, "eve", &mut eve).code, 0);
    ask_all("a stranger", &mut eve, &made, (false, false));
    let id_of = |name: &str| {
        let shown = place.run(&["bucket", "show", &format!("s3://{name}"), "--json"]).lines();
        shown[0]["id"].as_str().expect("an id").to_owned()
    };
    let grant = |role: &str, scope: &str| {
        ok(place.run(&["access", "grant", eve_id, role, scope, "--until", &days_ahead(1), "--reason", "a test"]))
    };
    grant("owner", &id_of("other"));
    ask_all("an owner of something else", &mut eve, &made, (false, false));
    grant("reader", &id_of("shelf"));
    ask_all("a reader", &mut eve, &made, (true, false));
    let lists = ["quarantine", "allowance", "embargo"];
    for (list, told) in lists.into_iter().zip(made.told()) {
        let shown = ok(place.run(&[list, "list"]));
        assert!(shown.contains(told), "an owner sees what is there: {list}: {shown}");
    }

    // From here on a sign-in proves nothing for longer than a second.
    let cells = ["restricted", "confidential", "internal"].map(|level| format!("{level}.factor_age_s=1"));
    let mut set = vec!["levels", "--reason", "a test"];
    set.extend(cells.iter().flat_map(|cell| ["--set", cell]));
    let asked = ok(place.run(&[&set[..], &["--ask"]].concat()));
    ok(run_as(&place, "bob", &["approve", asked.trim()]));
    ok(place.run(&[&set[..], &["--approval", asked.trim()]].concat()));
    std::thread::sleep(Duration::from_secs(2));
    let decided: Vec<String> = cordon_server::s3::table::TABLE
        .iter()
        .map(|row| row.decides.iter().map(|action| action.as_str()).collect::<Vec<_>>().join("+"))
        .collect();
    python(&place, "home", "stranger.py", &["stale", &operations, &decided.join(",")]);
    ask_all("an owner of everything with an old sign-in", &mut ada, &made, (true, true));
    up.end();
}
