//! What was done is taken back: as a change of its own, and never over what was done since.

use crate::harness::Place;
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
