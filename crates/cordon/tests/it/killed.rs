//! A node that is killed while it is written to: nothing that was acknowledged is lost, and it goes on by itself.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::Place;
use crate::node::Up;

/// Rounds, each of which ends with a kill, once so many objects were written and acknowledged.
const ACKNOWLEDGED: [usize; 3] = [7, 25, 44];

fn client(place: &Place, arguments: &[&str]) -> Child {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let script = format!("{}/tests/s3/killed.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg(script).args(arguments).env_clear().current_dir(place.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("python runs")
}

/// Writes until it is killed, side by side, short objects and long ones, over each other and in parts; then all that was
/// acknowledged is read: `tests/s3/killed.py`. When it is killed is left to the machine.
#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let place = Place::new();
    for (round, count) in ACKNOWLEDGED.into_iter().enumerate() {
        let round = round.to_string();
        let keys = ["--bootstrap", "keys.json", "--bootstrap-for", "confidential=owner:everything"];
        let up = Up::begin(&place, &keys);
        let mut writes = client(&place, &["write", &round]);
        let mut told = BufReader::new(writes.stdout.take().expect("piped"));
        let mut line = String::new();
        for _ in 0..count {
            line.clear();
            assert!(told.read_line(&mut line).expect("a line") > 0, "it ended early");
        }
        up.kill();
        let ended = writes.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let up = Up::begin(&place, &keys);
        let read = client(&place, &["read", &round]).wait_with_output().expect("it ends");
        assert!(read.status.success(), "round {round}: {}", String::from_utf8_lossy(&read.stderr));
        up.end();
    }
    let verified = place.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
