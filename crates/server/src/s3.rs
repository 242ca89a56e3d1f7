//! The S3 endpoint: who asks is known, and what they ask stands in a table, before anything is done.
//!
//! `s3s` knows the forms of S3: routes, XML, signatures of requests and of the pieces of a body. What it leaves to whoever
//! uses it is done here: the session token that comes with a key, that what is believed is signed, how long an address may
//! live, the older signatures (refused), who may have how many requests in flight, that a request ends with its key.
//!
//! Map: [`table`] (what is answered), `refusal` (errors), `said` (headers of objects), `checked` (bodies that are what they
//! say), `conditions` and `encryption` (of requests), `buckets`, `objects`, `copies`, `parts`, `removals`, `lists`, `versions`, `tags`
//! (operations), `operations` (the trait of `s3s`).

mod buckets;
mod checked;
mod chunks;
mod conditions;
mod copies;
mod encryption;
mod lists;
mod objects;
mod operations;
mod parts;
mod refusal;
mod removals;
mod said;
mod sums;
pub mod table;
mod tags;
mod versions;

pub(crate) use said::moment;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use cordon_domain::{Action, Credential};
use cordon_gate::Facts;
use cordon_identity::{IdentityError, Recognised, Visit, signature};
use cordon_store::StoreError;
use futures_util::StreamExt as _;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request};
use percent_encoding::percent_decode_str;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3Result, s3_error};
use tokio::sync::Semaphore;

use crate::asked::{client_of, forwarded};
use crate::limits::{S3_IN_FLIGHT_MAX, S3_STALL_S, S3_XML_BYTES_MAX};
use crate::metrics::At;
use crate::node::Node;
use crate::stall::InTime;
use chunks::InChunks;
use lists::Tokens;
use operations::Operations;
use table::Table;

/// The only region there is.
pub const REGION: &str = "us-east-1";

/// Answers requests of S3.
#[derive(Clone)]
pub struct Endpoint {
    node: Arc<Node>,
    service: S3Service,
    room: Arc<Semaphore>,
}

/// Who asks, and how, as operations find it with their request.
#[derive(Clone)]
pub(crate) struct Asks {
    /// What is known of the request.
    pub(crate) facts: Facts,
    /// Seconds that the address lives, when it was signed beforehand.
    pub(crate) presigned_s: Option<u32>,
    /// Its signature was compared, and holds.
    pub(crate) is_signed: Arc<AtomicBool>,
    /// Whose the bucket must be that is asked for, and the one that is copied from.
    expected: Arc<[Option<String>; 2]>,
}

impl Asks {
    /// The same one, who expects what is copied from to be somebody's.
    pub(crate) fn of_source(&self) -> Self {
        let [_, source] = &*self.expected;
        Self { expected: Arc::new([source.clone(), None]), ..self.clone() }
    }

    /// A bucket of that name may be another's than whoever asks takes it for.
    fn expects(&self, owner: &str) -> bool {
        let [expected, _] = &*self.expected;
        expected.as_ref().is_none_or(|expected| expected == owner)
    }
}

/// Whose buckets must be: headers that are signed as all of their kind.
const EXPECTED: [&str; 2] = ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"];

tokio::task_local! {
    /// The key that the request at hand names, and its secret.
    static NAMED: (String, SecretKey);
}

/// Gives the secret of the key that the request at hand names; of no other.
struct Named;

#[async_trait::async_trait]
impl S3Auth for Named {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = NAMED.try_with(|(id, secret)| (id == access_key).then(|| secret.clone()));
        secret.ok().flatten().ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

impl Endpoint {
    /// Puts the endpoint before the vault of a node.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the key is not there that seals where lists go on.
    pub fn new(node: Arc<Node>) -> Result<Self, StoreError> {
        let tokens = Tokens::of(node.installation.keys())?;
        let mut builder = S3ServiceBuilder::new(Operations { node: Arc::clone(&node), tokens });
        builder.set_auth(Named);
        builder.set_access(Table);
        let mut config = s3s::config::S3Config::default();
        config.xml_max_body_size = S3_XML_BYTES_MAX;
        // Forms are refused before: nothing of one is kept.
        config.post_object_max_file_size = 0;
        (config.form_max_field_size, config.form_max_fields_size, config.form_max_parts) = (0, 0, 0);
        builder.set_config(Arc::new(s3s::config::StaticConfigProvider::new(Arc::new(config))));
        Ok(Self { node, service: builder.build(), room: Arc::new(Semaphore::new(S3_IN_FLIGHT_MAX)) })
    }

    /// Answers one request.
    pub async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        let counted = self.node.counts.request(At::Objects);
        let (body, tells) = (InTime::new(body, Duration::from_secs(S3_STALL_S)), parts.method == hyper::Method::HEAD);
        let ended = body.ended();
        let mut response = match self.answered(peer, parts, body).await {
            Ok(response) => response,
            Err(error) => refusal::response(&error),
        };
        guard(response.headers_mut(), tells);
        if !ended.load(Ordering::Acquire) {
            // Whoever waits to be asked for the rest would send another request where it is still expected.
            response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
        }
        counted.answered(response)
    }

    async fn answered(&self, peer: SocketAddr, parts: Parts, body: InTime<Incoming>) -> S3Result<Response> {
        if !self.node.is_confirmed() {
            return Err(s3_error!(ServiceUnavailable, "this node cannot confirm now what was revoked"));
        }
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return Err(s3_error!(SlowDown, "too many requests at once"));
        };
        let visit = self.visit(peer, &parts);
        let known = match self.known(&parts) {
            Ok(known) => known,
            Err(error) => return Err(self.refused(&visit, error).await),
        };
        let answer = self.carried_out(parts, body, visit, known).await?;
        // An answer that is on its way is a request in flight.
        Ok(answer.map(|body| {
            Body::from_stream(body.into_data_stream().map(move |piece| {
                let _place = &place;
                piece
            }))
        }))
    }

    fn visit(&self, peer: SocketAddr, parts: &Parts) -> Visit {
        let address = self.node.address(peer.ip(), forwarded(&parts.headers).as_deref());
        Visit { client: client_of(&parts.headers), ..Visit::from(address) }
    }

    fn known<'a>(&self, parts: &'a Parts) -> Result<Recognised, IdentityError> {
        // What cannot be read is there all the same, and is not what was signed.
        let readable = |value: &'a HeaderValue| value.to_str().unwrap_or("\u{0}");
        let headers: Vec<(&str, &str)> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), readable(value))).collect();
        if is_older(parts.uri.query().unwrap_or_default()) || is_form(&parts.headers) {
            return Err(signature::SignatureError::Algorithm.into());
        }
        self.node.identity.recognise(&signature::Asked {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &headers,
            body_sha256: None,
            service: "s3",
        })
    }

    async fn refused(&self, visit: &Visit, error: IdentityError) -> S3Error {
        if error.is_refusal() {
            self.node.identity.refuse(Action::SignIn, None, visit, &error.to_string()).await;
        }
        refusal::of_identity(&error)
    }

    async fn carried_out(
        &self,
        mut parts: Parts,
        body: InTime<Incoming>,
        visit: Visit,
        known: Recognised,
    ) -> S3Result<Response> {
        let Recognised { credential, secret, presigned_s, region } = known;
        if presigned_s.is_some() {
            hoisted(&mut parts)?;
        }
        encryption::check(&parts.method, &parts.headers)?;
        if region != REGION {
            return Err(s3_error!(AuthorizationHeaderMalformed, "the only region here is us-east-1"));
        }
        let mut flight = self.node.flights.begin(Some(credential)).ok_or_else(|| s3_error!(ServiceUnavailable))?;
        // It may have been revoked between the look at it and now.
        self.node.identity.counts(&credential).map_err(|error| refusal::of_identity(&error))?;
        let facts = self.facts(&credential, &visit);
        // What cannot be read is nobody.
        let expected = EXPECTED.map(|name| Some(parts.headers.get(name)?.to_str().unwrap_or_default().to_owned()));
        let body = InChunks::new(body, &parts.headers);
        let mut request = Request::from_parts(parts, s3s::Body::http_body_unsync(body));
        let named = (named_key(&credential), SecretKey::from(secret.as_str()));
        let is_signed = Arc::new(AtomicBool::new(false));
        request.extensions_mut().insert(Asks {
            facts,
            presigned_s,
            is_signed: Arc::clone(&is_signed),
            expected: Arc::new(expected),
        });
        let answer = NAMED.scope(named, self.service.call(request));
        let Some(answer) = flight.answer(answer).await else {
            return Err(s3_error!(AccessDenied, "the key was revoked meanwhile"));
        };
        let answer = answer.map_err(|_| s3_error!(InternalError))?;
        if answer.status() == hyper::StatusCode::FORBIDDEN && !is_signed.load(Ordering::Acquire) {
            let why = "the signature is not of this request with this key";
            self.node.identity.refuse(Action::SignIn, Some(credential.principal), &visit, why).await;
        }
        Ok(answer.map(|body| flight.carry(Body::new(body))))
    }

    fn facts(&self, credential: &Credential, visit: &Visit) -> Facts {
        let identity = &self.node.identity;
        identity.facts(Action::ObjectRead, credential.actor(identity.now()), visit)
    }
}

fn named_key(credential: &Credential) -> String {
    cordon_identity::session::key_id(credential.id)
}

/// The older signatures, of which no part is compared here; a name counts however it is written.
fn is_older(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let decoded = |name| percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    names.map(decoded).any(|name| ["awsaccesskeyid", "signature"].contains(&name.as_str()))
}

/// A form, whose signature stands among its fields: all of it would have to be read first.
fn is_form(headers: &HeaderMap) -> bool {
    let kinds = headers.get_all(hyper::header::CONTENT_TYPE).iter();
    kinds
        .into_iter()
        .any(|kind| kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().contains("multipart/form-data")))
}

/// What of a query belongs to its signature.
const SIGNATURE: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Whoever signs an address may have put headers into its query, where the signature covers them: they are read as headers, and
/// none of them is passed over.
fn hoisted(parts: &mut Parts) -> S3Result<()> {
    let wrong = || s3_error!(InvalidArgument, "what an address says beforehand is said once, and as in a header");
    let query = parts.uri.query().unwrap_or_default().to_owned();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let name = name.to_ascii_lowercase();
        let is_own = name.starts_with("x-amz-") || name.starts_with("x-cordon-");
        if !is_own || SIGNATURE.contains(&name.as_str()) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
        if parts.headers.insert(name, value).is_some() {
            return Err(wrong());
        }
    }
    Ok(())
}

/// A browser that is led to an object shows nothing of it as a page of this place, and nobody keeps a copy of what comes along.
/// An answer without a body may tell what its writer said of caches.
fn guard(headers: &mut HeaderMap, tells: bool) {
    if tells && headers.contains_key(hyper::header::CACHE_CONTROL) {
        // Told, and kept by nobody: no request is like another.
        headers.insert(hyper::header::VARY, HeaderValue::from_static("*"));
    } else {
        headers.insert(hyper::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let all = [
        ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn older_signatures_are_known_however_they_are_written() {
        for query in ["AWSAccessKeyId=x", "a=b&Signature=y", "%53ignature=y", "a&%41WSAccessKeyId", "SIGNATURE"] {
            assert!(super::is_older(query), "{query}");
        }
        assert!(!super::is_older("X-Amz-Signature=00&prefix=Signature"));
    }

    #[test]
    fn what_an_address_says_is_read_as_headers() {
        let parts = |query: &str, header: Option<&str>| {
            let mut request = hyper::Request::builder().uri(format!("/b/k?{query}"));
            if let Some(value) = header {
                request = request.header("x-amz-meta-cordon-label", value);
            }
            let mut parts = request.body(()).expect("a request").into_parts().0;
            super::hoisted(&mut parts).map(|()| parts.headers)
        };
        let signed = "X-Amz-Algorithm=a&X-Amz-Expires=9&X-Amz-Signature=s&partNumber=1";
        assert!(parts(signed, None).expect("plain").is_empty());
        let label = format!("{signed}&x-amz-meta-cordon-label=restricted%2Fatlas&X-Amz-Expected-Bucket-Owner=me");
        let headers = parts(&label, None).expect("read");
        assert_eq!(headers["x-amz-meta-cordon-label"], "restricted/atlas");
        assert_eq!(headers["x-amz-expected-bucket-owner"], "me");
        assert!(parts(&label, Some("internal")).is_err(), "said in two ways");
        assert!(parts("x-amz-acl=a&x-amz-acl=b", None).is_err() && parts("x-amz-acl=%0A", None).is_err());
    }

    /// At debug, `s3s` says what signature it expected: that is not compiled in, whatever the environment asks for.
    #[test]
    fn what_a_library_says_while_it_debugs_is_not_compiled() {
        assert!(tracing::level_filters::STATIC_MAX_LEVEL <= tracing::level_filters::LevelFilter::INFO);
    }
}
