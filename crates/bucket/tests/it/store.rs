//! A store of one bucket, in memory, that keeps versions and fails at requests that it is told of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use cordon_bucket::{Bucket, Client, Place, Plain, Whose};
use cordon_domain::{Clock, Moment};

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is answered so, and nothing is done.
    Answers(u16),
    /// It is done, and nobody hears so.
    Lost,
}

/// A version: `None` is a mark.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) body: Option<Vec<u8>>,
    own: Vec<(String, String)>,
}

#[derive(Default)]
struct Inner {
    names: BTreeMap<String, Vec<Kept>>,
    faults: Vec<(String, usize, Fault)>,
    count: u64,
}

/// The store.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Mutex<Inner>>,
    origin: String,
}

struct Then;

impl Clock for Then {
    fn now(&self) -> Moment {
        Moment(1_795_608_000_000)
    }
}

struct Request {
    method: String,
    key: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Store {
    pub(crate) fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let store = Self { inner: Arc::default(), origin };
        let own = store.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || own.serve(stream));
            }
        });
        store
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let place = Place::new(Some(&self.origin), "here", None, Plain::Here).expect("a place");
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        Bucket::new(Client::new(config.build().into(), place, Arc::new(Then)), "bucket", Whose::Other).expect("a name")
    }

    /// Lets the requests fail that begin so, from the `nth` on as often as it is said.
    pub(crate) fn fails(&self, request: &str, times: usize, fault: Fault) {
        self.inner.lock().expect("no panic").faults.push((request.to_owned(), times, fault));
    }

    pub(crate) fn put(&self, key: &str, body: Option<&[u8]>, id: Option<&str>) {
        let mut inner = self.inner.lock().expect("no panic");
        inner.add(key, body.map(<[u8]>::to_vec), Vec::new(), id);
    }

    /// What a name led to, the oldest first.
    pub(crate) fn story(&self, key: &str) -> Vec<Option<String>> {
        let inner = self.inner.lock().expect("no panic");
        let text = |kept: &Kept| kept.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
        inner.names.get(key).into_iter().flatten().map(text).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read(&mut reader) {
            let line = format!("{} {}?{}", request.method, request.key, request.query);
            let fault = self.inner.lock().expect("no panic").fault(&line);
            let (status, headers, body) = match fault {
                Some(Fault::Answers(status)) => (status, String::new(), Vec::new()),
                _ => self.inner.lock().expect("no panic").answer(&request),
            };
            if matches!(fault, Some(Fault::Lost)) {
                return;
            }
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n");
            let body = if request.method == "HEAD" { Vec::new() } else { body };
            if reader.get_mut().write_all(&[head.into_bytes(), body].concat()).is_err() {
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let key = path.trim_start_matches("/bucket").trim_start_matches('/').to_owned();
    let (mut headers, query) = (Vec::new(), query.to_owned());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, key, query, headers, body })
}

impl Inner {
    fn fault(&mut self, line: &str) -> Option<Fault> {
        let found =
            self.faults.iter_mut().find(|(request, times, _)| *times > 0 && line.starts_with(request.as_str()))?;
        found.1 -= 1;
        Some(found.2)
    }

    fn add(&mut self, key: &str, body: Option<Vec<u8>>, own: Vec<(String, String)>, id: Option<&str>) -> String {
        self.count += 1;
        let id = id.map_or_else(|| format!("v{}", self.count), str::to_owned);
        let kept = self.names.entry(key.to_owned()).or_default();
        kept.retain(|kept| kept.id != id);
        kept.push(Kept { id: id.clone(), body, own });
        id
    }

    fn answer(&mut self, request: &Request) -> (u16, String, Vec<u8>) {
        let Request { method, key, query, headers, body } = request;
        match (method.as_str(), key.as_str()) {
            ("GET", "") if query.contains("versioning") => {
                (200, String::new(), b"<A><Status>Enabled</Status></A>".to_vec())
            }
            ("GET", "") => (200, String::new(), self.list().into_bytes()),
            ("GET", _) if query.contains("tagging") => (200, String::new(), b"<Tagging><TagSet/></Tagging>".to_vec()),
            ("GET" | "HEAD", _) => self.get(request),
            ("PUT", _) => {
                let own = headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-")).cloned().collect();
                let id = self.add(key, Some(body.clone()), own, None);
                (200, format!("x-amz-version-id: {id}\r\n"), Vec::new())
            }
            ("DELETE", _) => {
                let id = self.add(key, None, Vec::new(), None);
                (204, format!("x-amz-version-id: {id}\r\nx-amz-delete-marker: true\r\n"), Vec::new())
            }
            _ => (501, String::new(), Vec::new()),
        }
    }

    fn get(&self, request: &Request) -> (u16, String, Vec<u8>) {
        let kept = self.names.get(&request.key).map_or(&[][..], Vec::as_slice);
        let wanted = request.query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
        let found = kept.iter().rev().find(|kept| wanted.is_none_or(|id| id == kept.id));
        let Some((kept, body)) = found.and_then(|kept| Some((kept, kept.body.clone()?))) else {
            return (404, String::new(), Vec::new());
        };
        if request.headers.iter().any(|(name, value)| name == "if-match" && *value != tag(&body)) {
            return (412, String::new(), Vec::new());
        }
        let mut headers = format!("x-amz-version-id: {}\r\netag: {}\r\n", kept.id, tag(&body));
        kept.own.iter().for_each(|(name, value)| write!(headers, "{name}: {value}\r\n").expect("memory"));
        (200, headers, body)
    }

    /// Versions first, and marks behind them, as some stores have it.
    fn list(&self) -> String {
        let mut lines = [String::new(), String::new()];
        let mut second = 0;
        for (key, all) in &self.names {
            for (place, kept) in all.iter().enumerate() {
                second += 1;
                let latest = place + 1 == all.len();
                let told = format!(
                    "<Key>{key}</Key><VersionId>{}</VersionId><IsLatest>{latest}</IsLatest>\
                     <LastModified>2026-01-01T00:{:02}:{:02}Z</LastModified>",
                    kept.id,
                    second / 60,
                    second % 60
                );
                match &kept.body {
                    Some(body) => {
                        let (tag, bytes) = (tag(body), body.len());
                        lines[0] += &format!("<Version>{told}<ETag>{tag}</ETag><Size>{bytes}</Size></Version>");
                    }
                    None => lines[1] += &format!("<DeleteMarker>{told}</DeleteMarker>"),
                }
            }
        }
        format!("<L>{}{}</L>", lines[0], lines[1])
    }
}

fn tag(body: &[u8]) -> String {
    let sum = body.iter().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    format!("{sum:08x}-{}", body.len())
}
