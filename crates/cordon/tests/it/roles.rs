//! The table of routes, asked by those who are signed in and may not: who has no role, who reads and nothing else, who owns something
//! else, and whoever may do everything and whose proof of a sign-in is too old. A route that has no row here fails.

use std::collections::BTreeSet;
use std::time::Duration;

use cordon_server::route::{Reader, Who, table};
use serde_json::{Value, json};

use crate::harness::Place;
use crate::node::{Browser, Up, login, run_as};
use crate::publish::days_ahead;
use crate::s3::python;
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

/// Each route for programs of people, and what is asked of it: `OBJECT` stands for what others have.
fn asked() -> Vec<(&'static str, Gives, Value)> {
    let id = |prefix: &str| format!("{prefix}_00000000000000000000000000000001");
    let of = |more: Value| {
        let mut all = json!({"bucket": "shelf", "key": "plan"});
        let (own, more) = (all.as_object_mut().expect("an object"), more.as_object().cloned().expect("an object"));
        own.extend(more);
        all
    };
    let week = jiff::SignedDuration::from_hours(24 * 7);
    let until = (jiff::Timestamp::now() + week).as_millisecond();
    let because = json!({"reason": "a test"});
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
        ("/approve", Gives::Guarded, json!({"ask": id("as")})),
        ("/quarantine/release", Gives::Guarded, of(because.clone())),
        ("/label/lower", Gives::Guarded, of(json!({"label": "internal", "reason": "a test"}))),
        ("/label/raise", Gives::Guarded, of(json!({"label": "restricted", "reason": "a test"}))),
        ("/publications/make", Gives::Guarded, of(json!({"ends": until, "reason": "a test"}))),
        ("/publications/withdraw", Gives::Guarded, json!({"publication": id("pb"), "reason": "a test"})),
        (
            "/allowances/make",
            Gives::Guarded,
            json!({"who": "bob@example.org", "bucket": "shelf", "bytes": 1, "ends": until, "reason": "a test"}),
        ),
        ("/allowances/end", Gives::Guarded, json!({"allowance": id("al"), "reason": "a test"})),
        (
            "/embargoes/make",
            Gives::Guarded,
            json!({"bucket": "shelf", "until": until, "spares": ["owner"], "reason": "a test"}),
        ),
        ("/embargoes/lift", Gives::Guarded, json!({"embargo": id("eb"), "reason": "a test"})),
        ("/bucket/set", Gives::Guarded, json!({"bucket": "shelf", "etags": "md5", "reason": "a test"})),
        ("/prints/forget", Gives::Guarded, of(because)),
        ("/codenames", Gives::Guarded, json!({})),
        ("/codenames/make", Gives::Guarded, json!({"name": "Heron", "label": "restricted", "reason": "a test"})),
        ("/codenames/end", Gives::Guarded, json!({"codename": id("cn"), "reason": "a test"})),
        // Whoever is in need asks; others open it, and one more reviews it.
        ("/emergency/ask", Gives::Own, json!({"reason": "a test", "writes": false})),
        ("/emergency/open", Gives::Guarded, json!({"ask": id("as")})),
        ("/emergency/review", Gives::Guarded, json!({"emergency": id("em"), "reason": "a test"})),
    ]
}

/// Asks each route, and checks the answer: whether the bucket and the object are known to whoever asks, and whether they may do
/// nothing at all because their sign-in is too old.
fn ask_all(who: &str, browser: &mut Browser, (knows, stale): (bool, bool)) {
    let all = table();
    for (path, gives, what) in asked() {
        let route = all.iter().find(|route| route.path == path).expect("a route");
        let (status, body) = browser.ask(route.method.as_str(), path, &what);
        let expected: &[u16] = match gives {
            Gives::Own if stale => &[200, 401, 403],
            Gives::Own | Gives::List => &[200],
            Gives::Look if knows && !stale => &[200],
            Gives::Look | Gives::Guarded => &[403, 404],
        };
        assert!(expected.contains(&status), "{who} at {path}: {status} {body}");
        let tells = body.contains("\"plan\"") || body.contains("\"shelf\"") || body.contains("shelf ");
        assert!(!tells || knows, "{who} at {path}: {body}");
    }
}

#[test]
fn every_route_for_programs_of_people_has_a_row_here() {
    let rows: Vec<&str> = asked().iter().map(|(path, ..)| *path).collect();
    let all = table();
    let routes = all.iter().filter(|route| route.who == Who::Person && route.reader == Reader::Program);
    assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), routes.map(|route| route.path).collect());
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
}

#[test]
fn every_route_and_operation_refuses_who_has_no_role_or_another_or_an_old_sign_in() {
    let place = Place::new();
    let up = Up::begin(&place, &[]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    let operations: Vec<&str> = cordon_server::s3::table::TABLE.iter().map(|row| row.operation).collect();
    let operations = operations.join(",");
    python(&place, "home", "stranger.py", &["confidential", &operations]);
    let invite =
        ["people", "invite", "bob@example.org", "--clearance", "confidential", "--trained-until", "2999-01-01"];
    let invited = ok(place.run(&[&invite[..], &["--public-url", &up.origin]].concat()));
    let (bob_id, link) = invited.trim().split_once('\n').expect("who it is, and a link");
    let mut bob = Browser::welcomed(&up.origin, link);
    assert_eq!(login(&place, "bob", &mut bob).code, 0);
    ask_all("a stranger", &mut bob, (false, false));
    let id_of = |name: &str| {
        let shown = place.run(&["bucket", "show", &format!("s3://{name}"), "--json"]).lines();
        shown[0]["id"].as_str().expect("an id").to_owned()
    };
    let grant = |role: &str, scope: &str| {
        ok(place.run(&["access", "grant", bob_id, role, scope, "--until", &days_ahead(1), "--reason", "a test"]))
    };
    grant("owner", &id_of("other"));
    ask_all("an owner of something else", &mut bob, (false, false));
    grant("reader", &id_of("shelf"));
    ask_all("a reader", &mut bob, (true, false));

    // From here on a sign-in proves nothing for longer than a second.
    grant("approver", "everything");
    let set = ["levels", "--set", "restricted.factor_age_s=1", "--set", "confidential.factor_age_s=1"];
    let set = [&set[..], &["--reason", "a test"]].concat();
    let asked = ok(place.run(&[&set[..], &["--ask"]].concat()));
    ok(run_as(&place, "bob", &["approve", asked.trim()]));
    ok(place.run(&[&set[..], &["--approval", asked.trim()]].concat()));
    std::thread::sleep(Duration::from_secs(2));
    ask_all("an owner of everything with an old sign-in", &mut ada, (true, true));
    let decided: Vec<String> = cordon_server::s3::table::TABLE
        .iter()
        .map(|row| row.decides.iter().map(|action| action.as_str()).collect::<Vec<_>>().join("+"))
        .collect();
    python(&place, "home", "stranger.py", &["stale", &operations, &decided.join(",")]);
    up.end();
}
