//! A node that is killed while it is written to: nothing that was acknowledged is lost, and it goes on by itself.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use cordon_testkit::postgres::{Cluster, new_database};

use crate::harness::Place;
use crate::node::{Browser, Up, login};
use crate::s3::environment;

/// Rounds, each of which ends with a kill, once so many objects were written and acknowledged.
const ACKNOWLEDGED: [usize; 3] = [7, 25, 44];

/// A client with the keys of a node that gave some, or else of whoever signed in.
fn client(place: &Place, arguments: &[&str]) -> Child {
    let python = std::env::var("CORDON_TEST_PYTHON").expect("run `cargo xtask test`, which sets Python up");
    let script = format!("{}/tests/s3/killed.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg(script).args(arguments).env_clear().current_dir(place.path());
    if !place.path().join("keys.json").exists() {
        command.env("HOME", place.path()).envs(environment(place, "home"));
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("python runs")
}

fn succeeds(client: Child) {
    let ended = client.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Has objects written until so many were acknowledged, and something happens that ends it.
fn written_until(place: &Place, (round, count): (&str, usize), happens: impl FnOnce()) {
    let mut writes = client(place, &["write", round]);
    let mut told = BufReader::new(writes.stdout.take().expect("piped"));
    let mut line = String::new();
    for _ in 0..count {
        line.clear();
        assert!(told.read_line(&mut line).expect("a line") > 0, "it ended early");
    }
    happens();
    succeeds(writes);
}

/// The server of the database is killed under a node that is written to: nothing that was acknowledged is lost, nothing is read or
/// written while it is gone, and the node goes on by itself.
#[test]
fn nothing_is_read_while_the_database_is_gone_and_all_is_there_when_it_is_back_on_postgres() {
    let cluster = Cluster::start().expect("a server");
    let database = new_database(cluster.socket()).expect("a database");
    let place = Place::new();
    let up = Up::begin(&place, &["--database", &database]);
    let mut ada = Browser::welcomed(&up.origin, up.link());
    assert_eq!(login(&place, "home", &mut ada).code, 0);
    for (round, count) in ACKNOWLEDGED.into_iter().enumerate() {
        let round = round.to_string();
        written_until(&place, (&round, count), || cluster.kill().expect("killed"));
        succeeds(client(&place, &["refused", &round]));
        up.becomes_ready("503");
        cluster.start_again().expect("recovered");
        succeeds(client(&place, &["read", &round]));
        up.becomes_ready("200");
    }
    up.end();
    let verified = place.run(&["audit", "verify", "--database", &database]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}

/// Writes until it is killed, side by side, short objects and long ones, over each other and in parts; then all that was
/// acknowledged is read: `tests/s3/killed.py`. When it is killed is left to the machine.
#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let place = Place::new();
    for (round, count) in ACKNOWLEDGED.into_iter().enumerate() {
        let round = round.to_string();
        let keys = ["--bootstrap", "keys.json", "--bootstrap-for", "restricted=owner:everything"];
        let up = Up::begin(&place, &keys);
        written_until(&place, (&round, count), || up.kill());
        let up = Up::begin(&place, &keys);
        succeeds(client(&place, &["read", &round]));
        up.end();
    }
    let verified = place.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
