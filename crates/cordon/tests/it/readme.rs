//! The example in the README is what the binary prints.

use crate::harness::{Place, random, token};

#[test]
fn the_example_is_real() {
    let place = Place::new();
    let url = format!(
        "https://acmeml.blob.core.windows.net/models?sv=2020-08-04&ss=bfqt&srt=sco&sp=rwdlacup&se=2051-10-06T07:00:00Z&sig={}%3D",
        random(40, 43)
    );
    place.write("leak/README.md", format!("Download the weights from\n{url}\n"));
    place.write("leak/deploy/.env", format!("XAI_API_KEY={}\nDB_PASSWORD=kT9vQ2mZ7xLp\n", token(30)));
    place.write("leak/plans/launch.md", "---\ntitle: Launch\ndraft: true\n---\nGlass Heron ships in spring.\n");
    let report =
        place.command(&["scan", "leak", "--codename", "Glass Heron"]).current_dir(place.path().join("in")).output();
    let report = crate::harness::Report::of(&report.expect("the binary runs"));
    let readme = include_str!("../../../../README.md");
    let block = readme
        .split("$ cordon scan leak --codename \"Glass Heron\"\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert_eq!(block, Some(report.stdout.as_str()), "put this into README.md:\n{}", report.stdout);
}
