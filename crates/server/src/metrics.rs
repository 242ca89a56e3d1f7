//! Numbers of a node, for whoever watches it: a page in the text format of Prometheus, at a door of its own on this machine.
//!
//! Nothing of it names anybody, or anything that is kept.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};

use crate::node::Node;

/// The doors at which requests come, as numbers call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Pages,
    Objects,
}

const DOORS: [(At, &str); 2] = [(At::Pages, "pages"), (At::Objects, "s3")];
/// Answers by the first digit of their status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Bounds of how long answers took to begin, in milliseconds.
const BOUNDS_MS: [u64; 8] = [1, 5, 25, 100, 500, 2500, 10_000, 60_000];

/// What is counted at a door.
#[derive(Debug, Default)]
struct OfDoor {
    answers: [AtomicU64; CLASSES.len()],
    in_flight: AtomicU64,
    /// Answers that began within each bound, and those beyond.
    within: [AtomicU64; BOUNDS_MS.len() + 1],
    waited_us: AtomicU64,
    sent: AtomicU64,
}

/// What is counted while a node runs.
#[derive(Debug)]
pub(crate) struct Counts {
    began: Instant,
    doors: [Arc<OfDoor>; 2],
    /// What the database was asked last: a page that is asked for often asks it once a second.
    pending: Mutex<Option<(Instant, u64)>>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { began: Instant::now(), doors: Default::default(), pending: Mutex::default() }
    }
}

/// A request that is under way: it is counted as long as this is there.
pub(crate) struct Request {
    door: Arc<OfDoor>,
    began: Instant,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.door.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(counter: Option<&AtomicU64>, count: u64) {
    if let Some(counter) = counter {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

impl Counts {
    fn door(&self, at: At) -> &Arc<OfDoor> {
        let [pages, objects] = &self.doors;
        match at {
            At::Pages => pages,
            At::Objects => objects,
        }
    }

    /// Begins to count a request.
    pub(crate) fn request(&self, at: At) -> Request {
        let door = Arc::clone(self.door(at));
        door.in_flight.fetch_add(1, Ordering::Relaxed);
        Request { door, began: Instant::now() }
    }
}

impl Request {
    /// Counts an answer that begins now, and each piece of its body as it leaves; the request ends with it.
    pub(crate) fn answered(self, response: Response) -> Response {
        let waited = self.began.elapsed();
        let class = usize::from(response.status().as_u16() / 100).saturating_sub(1);
        add(self.door.answers.get(class), 1);
        let bound = BOUNDS_MS.iter().position(|bound| waited <= Duration::from_millis(*bound));
        add(self.door.within.get(bound.unwrap_or(BOUNDS_MS.len())), 1);
        add(Some(&self.door.waited_us), u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        response.map(|body| Body::new(Counted { body, request: self }))
    }
}

/// A body whose bytes are counted.
struct Counted {
    body: Body,
    request: Request,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(std::pin::Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.request.door.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        std::task::Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// The page, as it is written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A text takes whatever is written to it.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.line(name, "", value);
    }
}

fn of_doors(page: &mut Page, counts: &Counts) {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    page.family("cordon_http_requests_total", "counter", "Requests that were answered.");
    for (at, name) in DOORS {
        for (class, count) in CLASSES.iter().zip(&counts.door(at).answers) {
            page.line("cordon_http_requests_total", &format!("{{door=\"{name}\",status=\"{class}\"}}"), load(count));
        }
    }
    page.family(
        "cordon_http_requests_in_flight",
        "gauge",
        "Requests under way, answers that are being sent among them.",
    );
    for (at, name) in DOORS {
        page.line("cordon_http_requests_in_flight", &format!("{{door=\"{name}\"}}"), load(&counts.door(at).in_flight));
    }
    page.family("cordon_http_response_bytes_total", "counter", "Bytes of answers that were sent.");
    for (at, name) in DOORS {
        page.line("cordon_http_response_bytes_total", &format!("{{door=\"{name}\"}}"), load(&counts.door(at).sent));
    }
    let waits = "cordon_http_response_begin_seconds";
    page.family(waits, "histogram", "Time from the head of a request to that of its answer.");
    for (at, name) in DOORS {
        let door = counts.door(at);
        let mut sum = 0;
        for (bound, count) in BOUNDS_MS.iter().map(|bound| *bound as f64 / 1e3).chain([f64::INFINITY]).zip(&door.within)
        {
            sum += load(count);
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            page.line(&format!("{waits}_bucket"), &format!("{{door=\"{name}\",le=\"{bound}\"}}"), sum);
        }
        page.line(&format!("{waits}_sum"), &format!("{{door=\"{name}\"}}"), load(&door.waited_us) as f64 / 1e6);
        page.line(&format!("{waits}_count"), &format!("{{door=\"{name}\"}}"), sum);
    }
}

async fn pending(node: &Node) -> Option<u64> {
    let known = *node.counts.pending.lock().ok()?;
    if let Some((at, count)) = known
        && at.elapsed().as_secs() < 1
    {
        return Some(count);
    }
    let count = node.installation.reader().pending().await.ok()?;
    *node.counts.pending.lock().ok()? = Some((Instant::now(), count));
    Some(count)
}

/// Writes the page.
pub(crate) async fn page(node: &Node) -> Response {
    let mut page = Page::default();
    page.family("cordon_build_info", "gauge", "The program.");
    page.line("cordon_build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
    page.one("cordon_uptime_seconds", "gauge", "Since this node began.", node.counts.began.elapsed().as_secs());
    page.one("cordon_ready", "gauge", "Whether this node answers requests.", u8::from(node.is_ready()));
    of_doors(&mut page, &node.counts);
    let cut = "Requests that were ended because what they came with counts no more, or could not be confirmed.";
    page.one("cordon_requests_cut_total", "counter", cut, node.flights.were_cut());
    if let Some(count) = pending(node).await {
        page.one("cordon_versions_pending", "gauge", "Versions that nobody has inspected yet.", count);
    }
    if let Ok(snapshot) = node.identity.snapshot() {
        page.one("cordon_epoch", "gauge", "Changes of what decisions rest on.", snapshot.epoch.0);
        page.one("cordon_publications", "gauge", "Publications on record.", snapshot.roster().publications.len());
    }
    let mut response = Response::new(Body::from(page.0));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

/// Answers at the door of numbers: one page, and nothing else, to who calls this machine by its own name. A page of another
/// site, whose name was led here, does not.
pub(crate) async fn answer<B>(node: &Node, request: &hyper::Request<B>) -> Response {
    let host = request.headers().get(hyper::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut response = match request.uri().path() {
        _ if !is_this_machine(host) || request.method() != Method::GET => said(StatusCode::FORBIDDEN),
        "/metrics" => page(node).await,
        _ => said(StatusCode::NOT_FOUND),
    };
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn said(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from("GET /metrics is answered here, to this machine\n"));
    *response.status_mut() = status;
    response
}

fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_is_not_this_machine() {
        for host in ["localhost:8702", "127.0.0.1:8702", "[::1]:8702", "127.0.0.1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["evil.example:8702", "10.0.0.1:8702", "", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[tokio::test]
    async fn answers_are_counted_with_their_bytes_and_end_with_them() {
        let counts = Counts::default();
        let request = counts.request(At::Objects);
        let mut response = Response::new(Body::from("twelve bytes"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        let response = request.answered(response);
        let text = |counts: &Counts| {
            let mut page = Page::default();
            of_doors(&mut page, counts);
            page.0
        };
        assert!(text(&counts).contains("cordon_http_requests_in_flight{door=\"s3\"} 1\n"));
        let body = axum::body::to_bytes(response.into_body(), 100).await.expect("read");
        assert_eq!(body.len(), 12);
        let after = text(&counts);
        for line in [
            "cordon_http_requests_in_flight{door=\"s3\"} 0",
            "cordon_http_requests_total{door=\"s3\",status=\"4xx\"} 1",
            "cordon_http_requests_total{door=\"pages\",status=\"4xx\"} 0",
            "cordon_http_response_bytes_total{door=\"s3\"} 12",
            "cordon_http_response_begin_seconds_bucket{door=\"s3\",le=\"+Inf\"} 1",
            "cordon_http_response_begin_seconds_count{door=\"s3\"} 1",
        ] {
            assert!(after.lines().any(|own| own == line), "{line}: {after}");
        }
    }
}
