//! A node as whoever runs it sees it: numbers, readiness, and how it ends.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::Place;
use crate::node::Up;

fn free() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    free.to_string()
}

fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    stream
}

/// All that comes until the connection ends.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("ends");
    text
}

pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = connected(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asks");
    rest(stream)
}

#[test]
fn numbers_are_for_this_machine() {
    let place = Place::new();
    let refused = place.run(&["up", "--metrics", "0.0.0.0:0"]);
    assert!(refused.code == 2 && refused.stderr.contains("hint:"), "{}", refused.stderr);
    let at = free();
    let up = Up::begin(&place, &["--metrics", &at]);
    let pages = up.origin.trim_start_matches("http://").replace("localhost", "127.0.0.1");
    assert!(get(&pages, "/ready").ends_with("{\"ready\":true}"));
    assert!(get(&pages, "/nothing").starts_with("HTTP/1.1 404"));
    let page = get(&at, "/metrics");
    assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    let (_, page) = page.split_once("\r\n\r\n").expect("a head, and a page");
    for line in [
        "cordon_ready 1",
        "cordon_http_requests_total{door=\"pages\",status=\"2xx\"} 1",
        "cordon_http_requests_total{door=\"pages\",status=\"4xx\"} 1",
        "cordon_http_requests_total{door=\"s3\",status=\"2xx\"} 0",
        "cordon_http_requests_in_flight{door=\"pages\"} 0",
        "cordon_versions_pending 0",
        "cordon_publications 0",
    ] {
        assert!(page.lines().any(|own| own == line), "{line}: {page}");
    }
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| line.split(' ').next());
    for family in families.map(|family| family.expect("a name")) {
        assert!(page.lines().any(|line| line.starts_with(family)), "{family}: {page}");
    }
    assert!(get(&at, "/").starts_with("HTTP/1.1 404"));
    let mut rebound = connected(&at);
    write!(rebound, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").expect("asks");
    assert!(rest(rebound).starts_with("HTTP/1.1 403"));
    up.end();
}

/// What is under way when a node is told to end is answered, what waits for the next request is closed, and nothing new begins.
#[test]
fn requests_under_way_are_answered_before_a_node_ends() {
    let (place, numbers) = (Place::new(), free());
    let up = Up::begin(&place, &["--metrics", &numbers]);
    let address = up.origin.trim_start_matches("http://").replace("localhost", "127.0.0.1");
    let mut idle = connected(&address);
    write!(idle, "GET /alive HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("asks");
    let mut first = [0; 15];
    idle.read_exact(&mut first).expect("answers");
    let mut slow = connected(&address);
    let head = format!("POST /sign-in/passkey/begin HTTP/1.1\r\nHost: {address}\r\nOrigin: {}\r\n", up.origin);
    write!(slow, "{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{").expect("begins");
    let waited = Instant::now();
    while !get(&numbers, "/metrics").contains("in_flight{door=\"pages\"} 1") {
        assert!(waited.elapsed() < Duration::from_secs(10), "it has begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    let began = Instant::now();
    let ends = std::thread::spawn(move || up.end());
    assert!(rest(idle).ends_with("{\"alive\":true}"), "nothing else comes");
    assert!(began.elapsed() < Duration::from_secs(10), "it is closed at once");
    let refused = Instant::now();
    while TcpStream::connect(&address).is_ok() {
        assert!(refused.elapsed() < Duration::from_secs(10), "nobody new is let in");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!ends.is_finished(), "it waits for what is under way");
    slow.write_all(b"}").expect("goes on");
    let answer = rest(slow);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ends.join().expect("it ends well");
}
