//! What was done is taken back: as a change of its own, and never over what was done since.

use std::sync::Arc;

use cordon_bucket::{Bucket, Client, Key, Place as Endpoint, Plain, Said, Whose};
use cordon_store::edge::SystemClock;

use crate::harness::Place;
use crate::node::run_as;
use crate::trust::ok;

/// The position of the last event of an action.
pub(crate) fn last(place: &Place, action: &str) -> String {
    let found = place.run(&["audit", "search", "--action", action, "--json"]).lines();
    found.last().unwrap_or_else(|| panic!("no {action}"))["position"].to_string()
}

pub(crate) fn refused(place: &Place, event: &str, why: &str) {
    let report = place.run(&["undo", event, "--reason", "a mistake"]);
    assert!(report.code == 2 && report.stderr.contains(why), "{event}: {}", report.stderr);
}

#[test]
fn policies_and_levels_are_as_they_were_and_nothing_since_is_lost() {
    let place = Place::new();
    ok(place.run(&["db", "create"]));
    let first =
        "@id(\"first\")\nforbid (principal, action == Action::\"object.read\", resource) when { context.hour < 6 };\n";
    place.write("first.cedar", first);
    place.write("second.cedar", first.replace("first", "second"));
    let set = |name: &str| {
        ok(place.run(&["policy", "set", name, "--reason", "a test"]));
        last(&place, "policy.change")
    };
    let (one, two) = (set("in/first.cedar"), set("in/second.cedar"));
    refused(&place, &one, "it was changed since");
    assert_eq!(ok(place.run(&["undo", &two, "--reason", "the wrong file"])), format!("event {two} is taken back\n"));
    assert!(ok(place.run(&["policy", "show"])).contains("@id(\"first\")"));
    refused(&place, &two, "it was changed since");
    let three = last(&place, "policy.change");
    assert_ne!(three, two, "taking back is a change, and on record");
    assert!(ok(place.run(&["audit", "search", "--action", "policy.change"])).contains("(the wrong file)"));
    ok(place.run(&["undo", &three, "--reason", "it was right"]));
    assert!(ok(place.run(&["policy", "show"])).contains("@id(\"second\")"), "taking back is taken back");

    let cells = || ok(place.run(&["levels", "--json"]));
    let before = cells();
    ok(place.run(&["levels", "--set", "restricted.factor_age_s=600", "--reason", "a test"]));
    assert_ne!(cells(), before);
    ok(place.run(&["undo", &last(&place, "levels.change"), "--reason", "a mistake"]));
    assert_eq!(cells(), before);
}

#[test]
fn what_has_a_command_that_ends_it_is_said() {
    let place = Place::new();
    ok(place.run(&["db", "create"]));
    refused(&place, "4711", "there is no event 4711");
    refused(&place, "0", "is not taken back by this");
    let invited = ok(place.run(&["people", "invite", "ada", "--role", "reader:everything"]));
    let ada = invited.lines().next().expect("who it is");
    refused(&place, &last(&place, "principal.create"), &format!("cordon access revoke {ada} --reason WHY"));
    let asked = place.run(&["undo", &last(&place, "principal.create"), "--reason", "a mistake", "--ask"]);
    assert!(asked.code == 2 && asked.stderr.contains("are for policies and levels"), "{}", asked.stderr);
}

/// A bucket of the vault, for whoever signed in at home.
fn bucket(place: &Place, name: &str) -> Bucket {
    let variables = crate::s3::environment(place, "home");
    let of = |name: &str| variables.iter().find(|(own, _)| own == name).expect("given").1.clone();
    let (id, secret, token) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"), of("AWS_SESSION_TOKEN"));
    let key = Key { id, secret: secret.into(), token: token.into() };
    let endpoint = of("AWS_ENDPOINT_URL_S3");
    let endpoint = Endpoint::new(Some(&endpoint), "us-east-1", Some(key), Plain::Here).expect("an endpoint");
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let client = Client::new(config.build().into(), endpoint, Arc::new(SystemClock));
    Bucket::new(client, name, Whose::Vault).expect("a name")
}

#[test]
fn a_label_that_somebody_set_is_taken_back_by_two_people_and_never_below_its_bucket_or_what_was_found() {
    let place = Place::new();
    let (up, _) = crate::publish::two_people(&place, "http://127.0.0.1:9/purge");
    let drafts = bucket(&place, "drafts");
    drafts.make(&[("x-cordon-label", "internal".to_owned())]).expect("made");
    let put = |key: &str, text: &str, label: &str| {
        let mut said = Said::default();
        said.say("cordon-label", label.to_owned());
        drafts.put(key, text.as_bytes(), &said).expect("written");
        last(&place, "object.write")
    };
    let shown = |key: &str| {
        let list = ok(place.run(&["audit", "search", "--action", "label.lower", "--json"]));
        (list.lines().count(), drafts.fetch(key).expect("its writer reads it"))
    };
    let plain = put("plain.md", "nothing was set", "internal");
    refused(&place, &plain, "has the label of its bucket");
    let event = put("plan.md", "the plan", "confidential");
    let declassify = |object: &str, to: &str| place.run(&["declassify", object, "--to", to, "--reason", "a mistake"]);
    for (to, why) in [
        ("confidential", "it is confidential, and confidential is not lower"),
        ("restricted/atlas", "is not lower"),
        ("internal/atlas", "is not lower"),
        ("public", "at least the label of its bucket, internal"),
    ] {
        let report = declassify("s3://drafts/plan.md", to);
        assert!(report.code == 1 && report.stderr.contains(why), "{to}: {}", report.stderr);
    }
    let undo = ["undo", &event, "--reason", "the wrong label"];
    let ask = ok(place.run(&undo)).trim().to_owned();
    assert!(ask.starts_with("as_") && shown("plan.md").0 == 0, "{ask}");
    ok(run_as(&place, "bob", &["approve", &ask]));
    assert_eq!(ok(place.run(&undo)), "s3://drafts/plan.md is internal from now on\n");
    assert_eq!(shown("plan.md"), (1, b"the plan".to_vec()));
    refused(&place, &event, "its label was changed since");

    // That it was lowered is taken back at once; that it was raised, by two people again.
    let lowered = last(&place, "label.lower");
    let back = ok(place.run(&["undo", &lowered, "--reason", "it was right"]));
    assert_eq!(back, "s3://drafts/plan.md is confidential from now on\n");
    refused(&place, &lowered, "its label was changed since");
    let raised = last(&place, "label.raise");
    let ask = ok(place.run(&["undo", &raised, "--reason", "it was wrong"])).trim().to_owned();
    assert!(ask.starts_with("as_"), "{ask}");
    ok(run_as(&place, "bob", &["approve", &ask]));
    let undone = ok(place.run(&["undo", &raised, "--reason", "it was wrong"]));
    assert_eq!(undone, "s3://drafts/plan.md is internal from now on\n");
    let classify =
        |to: &str| place.run(&["classify", "s3://drafts/plan.md", "--to", to, "--reason", "it is worth more"]);
    for to in ["internal", "public"] {
        let report = classify(to);
        assert!(report.code == 1 && report.stderr.contains("is not higher"), "{to}: {}", report.stderr);
    }
    let by_bob = run_as(&place, "bob", &["classify", "s3://drafts/plan.md", "--to", "restricted", "--reason", "x"]);
    assert_eq!(by_bob.code, 1, "{}", by_bob.stderr);
    let unknown = classify("restricted/atlas");
    assert_eq!(unknown.code, 1, "she is not of that project: {}", unknown.stderr);
    let raises = place.run(&["audit", "search", "--action", "label.raise", "--json"]).lines();
    assert!(raises.iter().filter(|event| event["outcome"] == "denied").count() >= 1, "{raises:?}");
    assert_eq!(ok(classify("restricted")), "s3://drafts/plan.md is restricted from now on\n");

    let key = format!("key: {}\n", crate::harness::token(3));
    put("held.md", &key, "internal");
    let held = declassify("s3://drafts/held.md", "internal");
    assert!(held.code == 1 && held.stderr.contains("xai-api-key at 1:6; have it released first"), "{}", held.stderr);
    put("set.md", &key, "restricted");
    for to in ["confidential", "internal"] {
        let ask = ok(declassify("s3://drafts/set.md", to)).trim().to_owned();
        ok(run_as(&place, "bob", &["approve", &ask]));
        ok(declassify("s3://drafts/set.md", to));
    }
    let refusal = run_as(&place, "bob", &["declassify", "s3://drafts/held.md", "--to", "internal", "--reason", "x"]);
    assert!(
        refusal.code == 1 && !refusal.stderr.contains("xai"),
        "who may not lower it is not told: {}",
        refusal.stderr
    );
    assert!(ok(place.run(&["audit", "verify"])).starts_with("verified: "));
    up.end();
}
