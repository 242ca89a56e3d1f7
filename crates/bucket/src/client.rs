//! Asking a place: each request signed, tried again where that may help, its answer bounded.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use cordon_domain::Clock;
use cordon_identity::signature::{Covers, Signer, Unsigned};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

use crate::answers::Element;
use crate::error::BucketError;
use crate::limits::{ANSWER_BYTES_MAX, TRIES_MAX, WAIT_MS, WORDS_BYTES_MAX};
use crate::place::Place;

/// What RFC 3986 leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same in a path, whose parts stay apart.
const PATH: &AsciiSet = &PLAIN.remove(b'/');

/// Whoever asks a place.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'static str,
    /// A bucket, and a name in it; without either it is the place itself.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: &'a [u8],
}

impl Asked<'_> {
    fn query(&self) -> String {
        let pair = |(name, value): &(&str, String)| match value.is_empty() {
            true => (*name).to_owned(),
            false => format!("{name}={}", utf8_percent_encode(value, PLAIN)),
        };
        self.query.iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// What is asked, in talk.
    fn shown(&self) -> String {
        let what: Vec<_> = self.query.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| *name).collect();
        let what = if what.is_empty() { String::new() } else { format!("?{}", what.join("&")) };
        format!("{} `{}{what}`", self.method, self.path)
    }
}

/// An answer that is none of refusal.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    what: String,
}

impl Answer {
    /// Returns a header as text; nothing where there is none, or none that is plain.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads all of the body, of at most `most` bytes.
    pub(crate) fn bytes(mut self, most: u64) -> Result<Vec<u8>, BucketError> {
        let mut bytes = Vec::new();
        let broke =
            |error: std::io::Error| BucketError::Unreachable { origin: self.what.clone(), why: error.to_string() };
        self.body.as_reader().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(broke)?;
        match bytes.len() as u64 > most {
            true => Err(BucketError::Answer { what: self.what, why: "it is longer than it may be" }),
            false => Ok(bytes),
        }
    }

    /// What was asked.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Reads all of the body as one of S3's answers.
    pub(crate) fn read<T>(self, read: impl Fn(&[u8]) -> Result<T, &'static str>) -> Result<T, BucketError> {
        self.within(ANSWER_BYTES_MAX, read)
    }

    /// The same, of a short one.
    pub(crate) fn words<T>(self, read: impl Fn(&[u8]) -> Result<T, &'static str>) -> Result<T, BucketError> {
        self.within(WORDS_BYTES_MAX, read)
    }

    fn within<T>(self, most: u64, read: impl Fn(&[u8]) -> Result<T, &'static str>) -> Result<T, BucketError> {
        let what = self.what.clone();
        read(&self.bytes(most)?).map_err(|why| BucketError::Answer { what, why })
    }
}

impl Client {
    /// Asks a place through `agent`, which follows nobody elsewhere and takes a status of refusal for an answer.
    #[must_use]
    pub fn new(agent: Agent, place: Place, clock: Arc<dyn Clock>) -> Self {
        Self { agent, place: Arc::new(place), clock }
    }

    /// The same, as a stranger would ask.
    #[must_use]
    pub fn as_stranger(&self) -> Self {
        Self { place: Arc::new(self.place.as_stranger()), ..self.clone() }
    }

    /// The place that is asked.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Asks, and once more where that may help.
    pub(crate) fn ask(&self, asked: &Asked<'_>) -> Result<Answer, BucketError> {
        again(TRIES_MAX, || self.once(asked))
    }

    /// Asks once: for what must not be done twice.
    pub(crate) fn once(&self, asked: &Asked<'_>) -> Result<Answer, BucketError> {
        let answer = self
            .send(asked)
            .map_err(|why| BucketError::Unreachable { origin: self.place.origin.clone(), why: why.to_string() })?;
        let status = answer.status().as_u16();
        let (parts, body) = answer.into_parts();
        let answer = Answer { headers: parts.headers, body, what: asked.shown() };
        if (200..300).contains(&status) { Ok(answer) } else { Err(refused(status, answer)) }
    }

    fn send(&self, asked: &Asked<'_>) -> Result<Response<Body>, ureq::Error> {
        let path = format!("/{}", utf8_percent_encode(&asked.path, PATH));
        let query = asked.query();
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request =
            Request::builder().method(asked.method).uri(format!("{}{path}{mark}{query}", self.place.origin));
        for (name, value) in &asked.headers {
            request = request.header(*name, value);
        }
        for (name, value) in self.signed(asked, &path, &query) {
            request = request.header(name, value);
        }
        match asked.method {
            "GET" | "HEAD" | "DELETE" => self.agent.run(request.body(())?),
            _ => self.agent.run(request.body(asked.body)?),
        }
    }

    fn signed(&self, asked: &Asked<'_>, path: &str, query: &str) -> Vec<(&'static str, String)> {
        let Some(key) = &self.place.key else { return Vec::new() };
        let signer = Signer {
            access_key: &key.id,
            secret: &key.secret,
            token: &key.token,
            region: &self.place.region,
            service: "s3",
        };
        let headers: Vec<(&str, &str)> = asked.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Unsigned { method: asked.method, host: &self.place.host, path, query, headers: &headers };
        signer.sign(&request, Covers::Body(asked.body), self.clock.now())
    }
}

/// Does something until it is done, or will not be, at most so often.
pub(crate) fn again<T>(most: u32, mut act: impl FnMut() -> Result<T, BucketError>) -> Result<T, BucketError> {
    let mut tries = 1;
    loop {
        match act() {
            Err(error) if error.may_pass() && tries < most => {
                std::thread::sleep(Duration::from_millis(WAIT_MS << (tries - 1)));
                tries += 1;
            }
            done => return done,
        }
    }
}

/// What a store says when it refuses.
fn refused(status: u16, answer: Answer) -> BucketError {
    let what = answer.what.clone();
    let moved = answer.header("x-amz-bucket-region").map(|region| format!("its region is {region}"));
    let error = answer.bytes(WORDS_BYTES_MAX).ok().and_then(|body| Element::read(&body).ok()).unwrap_or_default();
    let said = |name: &str, otherwise: &str| match error.text(name) {
        "" => otherwise.to_owned(),
        text => text.chars().filter(|sign| !sign.is_control()).take(500).collect(),
    };
    let code = match status {
        403 => "AccessDenied",
        404 => "NotFound",
        301 | 307 | 308 => "Moved",
        _ => "Refused",
    };
    let message = said("Message", moved.as_deref().unwrap_or("it does not say why"));
    BucketError::Refused { what, status, code: said("Code", code), message }
}
