//! Who may do what, from the command line.

use crate::harness::Place;
use crate::trust::{data, installed, ok};

/// A person who is cleared for all and reads one project.
fn invited(place: &Place) -> String {
    let arguments = ["people", "invite", "ada@example.org", "--clearance", "restricted", "--project", "atlas"];
    let more = ["--role", "reader:project:atlas", "--trained-until", "2999-01-01"];
    let invited = ok(place.run(&[&arguments[..], &more].concat()));
    let (id, link) = invited.split_once('\n').expect("who it is, and a link");
    assert!(link.starts_with("http://localhost:8700/welcome#cordon_i_"), "{link}");
    id.to_owned()
}

#[test]
fn a_person_is_brought_in_and_named_until_erased() {
    let (place, _) = installed();
    let ada = invited(&place);
    let twice = place.run(&["people", "invite", "ada@example.org"]);
    assert_eq!(twice.code, 2);
    assert!(twice.stderr.contains("somebody of that name is there already"), "{}", twice.stderr);
    let alike = place.run(&["people", "invite", "\u{430}da@example.org"]);
    assert_eq!(alike.code, 2, "a Cyrillic letter");
    let list = ok(place.run(&["people", "list"]));
    let line = "  ada@example.org  person  cleared for restricted  projects atlas  reader:project:atlas\n";
    assert_eq!(list, format!("{ada}{line}"));
    let name = b"ada@example.org";
    for file in ["cordon.db", "cordon.db-wal"] {
        let bytes = std::fs::read(data(&place).join(file)).unwrap_or_default();
        assert!(!bytes.windows(name.len()).any(|window| window == name), "{file} names her");
    }
    let early = place.run(&["people", "erase", &ada, "--reason", "asked to be forgotten"]);
    assert!(early.code == 2 && early.stderr.contains("has an account"), "{}", early.stderr);
    let before = jiff::Timestamp::now().to_string();
    let revoked = place.run(&["access", "revoke", &ada, "--reason", "left"]);
    assert_eq!(ok(revoked), format!("{ada} is revoked\n"));
    assert_eq!(ok(place.run(&["people", "list"])), "");
    let who = || ok(place.run(&["access", "who", "restricted/atlas", "--as-of", &before]));
    assert!(who().contains(&format!("{ada}  ada@example.org  by")), "{}", who());
    assert_eq!(
        ok(place.run(&["people", "erase", &ada, "--reason", "asked to be forgotten"])),
        format!("{ada} is erased\n")
    );
    assert!(who().contains(&format!("{ada}  (erased)  by")) && !who().contains("ada@"), "{}", who());
    let events = place.run(&["audit", "search", "--action", "principal.erase", "--json"]).lines();
    assert_eq!(events[0]["reason"], "asked to be forgotten");
    let again = place.run(&["access", "revoke", &ada, "--reason", "left"]);
    assert_eq!((again.code, again.stderr.contains("there is no")), (2, true), "{}", again.stderr);
}

#[test]
fn what_somebody_may_know_changes_and_who_they_are_does_not() {
    let (place, _) = installed();
    let ada = invited(&place);
    let set = |more: &[&str]| place.run(&[&["people", "set", &ada, "--reason", "moved"][..], more].concat());
    assert!(ok(place.run(&["access", "who", "restricted/atlas"])).starts_with("restricted/atlas: 1 may"));
    ok(set(&["--clearance", "confidential", "--leave", "atlas", "--join", "gemini", "--until", "2999-01-01"]));
    let list = place.run(&["people", "list", "--json"]).lines();
    assert_eq!((&list[0]["clearance"], &list[0]["projects"]), (&"confidential".into(), &serde_json::json!(["gemini"])));
    assert_eq!(list[0]["trained_until"], "2999-01-01T00:00:00.000Z", "what is not named stays");
    assert_eq!(list[0]["until"], "2999-01-01T00:00:00.000Z");
    let who = ok(place.run(&["access", "who", "restricted/atlas", "--verify"]));
    assert_eq!(who, "restricted/atlas: 0 may object.read\n");
    let same = set(&["--join", "gemini"]);
    assert!(same.stderr.contains("is so already"), "{}", same.stderr);
    assert_eq!(set(&[]).code, 2, "nothing is named");
    let nobody = place.run(&["people", "set", &ada.replace("pr_", "pr_0")[..35], "--join", "x", "--reason", "none"]);
    assert_eq!((nobody.code, nobody.stderr.contains("there is no")), (2, true), "{}", nobody.stderr);
}

#[test]
fn who_may_is_told_with_path_and_conditions_and_checked_against_the_log() {
    let (place, _) = installed();
    let ada = invited(&place);
    let who = place.run(&["access", "who", "restricted/atlas", "--verify"]);
    assert!(who.stderr.contains("verified: 1 changes in"), "{}", who.stderr);
    let text = ok(who);
    assert!(text.starts_with("restricted/atlas: 1 may object.read\n"), "{text}");
    assert!(text.contains(&format!("  {ada}  ada@example.org  by readers: reader on project:atlas (gr_")), "{text}");
    let with = "with a sign-in with a passkey, a sign-in not older than 5 minutes, an enrolled device\n";
    assert!(text.ends_with(with), "{text}");
    let nobody = ok(place.run(&["access", "who", "restricted/gemini"]));
    assert_eq!(nobody, "restricted/gemini: 0 may object.read\n");
    let before = ok(place.run(&["access", "who", "restricted/atlas", "--as-of", "2020-01-01", "--verify"]));
    assert_eq!(before, "restricted/atlas: 0 may object.read\n");
    let now = place.run(&["access", "who", "internal", "--json"]).lines();
    assert_eq!(now[0]["principal"], ada.as_str());
    assert_eq!(now[0]["policies"][0], "inside");
    ok(place.run(&["access", "revoke", "project:atlas", "--reason", "the project ended"]));
    let closed = ok(place.run(&["access", "who", "restricted/atlas", "--verify"]));
    assert_eq!(closed, "restricted/atlas: 0 may object.read\n", "a closed project has no members");
    let asked = place.run(&["access", "who", "everything", "--action", "node.heartbeat"]);
    assert!(asked.code == 2 && asked.stderr.contains("policies do not decide"), "{}", asked.stderr);
    assert_eq!(place.run(&["access", "who", "secret"]).code, 2);
}

/// A row that is changed in the database, and one that is taken away.
#[test]
fn what_was_changed_beside_cordon_is_noticed() {
    let (place, _) = installed();
    let ada = invited(&place);
    let database = rusqlite::Connection::open(data(&place).join("cordon.db")).expect("opens");
    database.execute("DELETE FROM records WHERE body IN (SELECT body FROM records LIMIT 1)", []).expect("deleted");
    drop(database);
    let who = place.run(&["access", "who", "restricted/atlas"]);
    assert_eq!(who.code, 4, "{}{}", who.stdout, who.stderr);
    assert!(who.stderr.contains("removed from the database"), "{}", who.stderr);
    let change = place.run(&["access", "grant", &ada, "owner", "everything", "--without-end", "--reason", "x"]);
    assert_eq!(change.code, 1, "{}", change.stderr);
    ok(place.run(&["keys", "rotate", "--level", "restricted"]));
}

#[test]
fn a_decision_is_explained() {
    let (place, _) = installed();
    let ada = invited(&place);
    let explain = |more: &[&str]| place.run(&[&["explain", ada.as_str(), "object.read"][..], more].concat());
    let denied = explain(&["restricted/atlas", "--factor", "code", "--factor-age", "7200"]);
    assert_eq!(denied.code, 1);
    assert_eq!(
        denied.stdout,
        "denied\nby\n  device\n  factor\n  factor-age\nmissing\n  an enrolled device\n  a sign-in with a passkey\n  \
         a sign-in not older than 5 minutes\nallowed with\n  a sign-in with a passkey\n  a sign-in not older than 5 minutes\n  \
         an enrolled device\n"
    );
    let hidden = explain(&["confidential/gemini", "--json"]).lines();
    assert_eq!((hidden[0]["allowed"].as_bool(), hidden[0]["hidden"].as_bool()), (Some(false), Some(true)));
    let with = hidden[0]["allowed_with"].to_string();
    assert!(with.contains("a grant of the role `reader`") && with.contains("membership of `gemini`"), "{with}");
    let allowed = explain(&["internal", "--factor", "code", "--factor-age", "60"]);
    assert_eq!(ok(allowed), "allowed\nby\n  inside\n");
    let unknown = place.run(&["explain", "pr_00000000000000000000000000000001", "object.read", "internal"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("there is no"), "{}", unknown.stderr);
}

#[test]
fn grants_are_given_listed_when_unused_and_taken_back() {
    let (place, _) = installed();
    let ada = invited(&place);
    let give = |role: &str| {
        let until = ["--until", "2999-01-01", "--reason", "the launch"];
        ok(place.run(&[&["access", "grant", ada.as_str(), role, "everything"][..], &until].concat())).trim().to_owned()
    };
    let grant = give("auditor");
    assert_eq!(place.run(&["access", "unused", "--days", "90", "--json"]).lines().len(), 0, "they are young");
    let unused = place.run(&["access", "unused", "--days", "0", "--json"]).lines();
    assert!(unused.iter().any(|line| line["grant"] == grant.as_str() && line["used"].is_null()), "{unused:?}");
    ok(place.run(&["access", "revoke", &grant, "--reason", "done"]));
    let left = place.run(&["access", "unused", "--days", "0", "--json"]).lines();
    assert!(left.iter().all(|line| line["grant"] != grant.as_str()), "{left:?}");
    let endless = place.run(&["access", "grant", &ada, "reader", "everything", "--reason", "x"]);
    assert!(endless.code == 2 && endless.stderr.contains("--without-end"), "{}", endless.stderr);
    let past = ["access", "grant", &ada, "reader", "everything", "--until", "2020-01-01", "--reason", "x"];
    let refused = place.run(&past);
    assert!(refused.code == 2 && refused.stderr.contains("an end ahead"), "{}", refused.stderr);
    let events = place.run(&["audit", "search", "--action", "access.grant", "--json"]).lines();
    assert_eq!(events.iter().filter(|event| event["outcome"] == "allowed").count(), 1, "{events:?}");
}

#[test]
fn levels_and_policies_are_changed_and_shown() {
    let (place, _) = installed();
    let table = ok(place.run(&["levels"]));
    assert!(table.lines().nth(1).is_some_and(|line| line.ends_with("code  phishing-resistant")), "{table}");
    let set = ["levels", "--set", "restricted.factor_age_s=600", "--reason", "a drill", "--json"];
    let changed = place.run(&set).lines();
    assert_eq!(changed[0]["levels"]["restricted"]["factor_age_s"], "600");
    let shown = place.run(&["levels", "--json"]).lines();
    assert_eq!(shown[0], changed[0]);
    let wrong = place.run(&["levels", "--set", "restricted.approvals=0", "--reason", "x"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("at least one approval"), "{}", wrong.stderr);

    place.write(
        "own.cedar",
        "@id(\"night\") forbid (principal, action, resource is Object) when { context.hour < 5 };\n",
    );
    let case = "[[case]]\nname = \"night\"\naction = \"object.read\"\non = { level = \"internal\" }\n";
    place.write("cases.toml", format!("{case}with = {{ hour = 3 }}\nexpect = \"deny\"\nby = \"org/night\"\n"));
    let played = place.run(&["policy", "test", "in/own.cedar", "--cases", "in/cases.toml"]);
    assert_eq!(ok(played), "ok      night\n1 of 1 cases are as expected\n");
    place.write("cases.toml", format!("{case}expect = \"deny\"\n"));
    let failed = place.run(&["policy", "test", "in/own.cedar", "--cases", "in/cases.toml"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stdout.starts_with("FAILED  night: deny was expected, by inside\n"), "{}", failed.stdout);
    let set = place.run(&["policy", "set", "in/own.cedar", "--reason", "sleep"]);
    assert_eq!(ok(set), "version 1 is in force\n");
    assert!(ok(place.run(&["policy", "show"])).contains("@id(\"night\")"));
    place.write("wrong.cedar", "permit (principal, action, resource) when { context.colour };\n");
    let refused = place.run(&["policy", "set", "in/wrong.cedar", "--reason", "x"]);
    assert!(refused.code == 2 && refused.stderr.contains("colour"), "{}", refused.stderr);
}
