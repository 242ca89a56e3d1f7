//! The demo: a story of commands that end as it says, in a folder that one command removes.

use crate::harness::Place;
use crate::trust::ok;

#[test]
fn the_demo_tells_its_story_keeps_it_and_leaves_nothing() {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("home")).expect("a home");
    let story = ok(place.run(&["demo", "--once"]));
    for told in [
        "secret [xai-api-key] at 4:24",
        "error: this was found in it: marking-confidential at 1:1, xai-api-key at 4:24",
        "ben$ cordon approve as_",
        "# a stranger gets it: 200 Our next model is here.",
        "# a stranger does not get it any more: 404",
        "reads everything: 20 documents, then 40 refusals",
        "thief: missing: room in what may leave",
        "service key  refused by nd_",
        "ada$ cordon audit verify\nverified: ",
    ] {
        assert!(story.contains(told), "no `{told}` in: {story}");
    }
    let home = std::fs::read_dir(place.path().join("home")).expect("a home").count();
    assert_eq!(home, 0, "nothing is made but in its folder");
    assert_eq!(ok(place.run(&["demo", "--once"])), "", "it is told once");
    let code = ok(place.run(&["demo", "--code", "ben"]));
    let lines: Vec<&str> = code.lines().collect();
    assert_eq!((lines[0], lines[2].len()), ("name: ben@demo.example", "code: 123456".len()));
    let nobody = place.run(&["demo", "--code", "eve"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("give ada or ben"), "{}", nobody.stderr);

    let own = place.path().join("cordon-demo/own.txt");
    std::fs::write(&own, "mine").expect("written");
    let not_empty = place.run(&["demo", "--remove"]);
    assert!(not_empty.code == 2 && own.exists(), "{}", not_empty.stderr);
    assert_eq!(std::fs::read_dir(own.parent().expect("a folder")).expect("reads").count(), 1, "all else is gone");
    let taken = place.run(&["demo", "--once"]);
    assert!(taken.code == 2 && taken.stderr.contains("is there, and not of the demo"), "{}", taken.stderr);
    let other = place.run(&["demo", "--remove", "--folder", "home"]);
    assert!(other.code == 2 && other.stderr.contains("no folder of the demo"), "{}", other.stderr);
}
