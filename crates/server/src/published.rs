//! What is public: anyone reads it at its address, and nothing else; and the signed list of all that is.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use cordon_domain::id::{hex, parse_hex};
use cordon_domain::{Action, Publication, PublicationId};
use cordon_gate::Epoch;
use cordon_store::entries::Said;
use cordon_vault::{Got, VaultError};
use futures_util::StreamExt as _;
use s3s::dto::Range;

use crate::asked::Asked;
use crate::limits::{MANIFEST_KEPT_S, MANIFEST_S};
use crate::node::Node;
use crate::reply::{Answer, Refused, write};

/// Where a publication is read.
pub(crate) fn address(node: &Node, id: PublicationId) -> String {
    format!("{}/p/{}", node.settings.public_url.origin(), hex(&id.0))
}

/// Gives what a publication names to whoever asks. Whoever asks for one that does not count is told that there is nothing.
pub(crate) async fn read(node: &Node, asked: Asked) -> Answer {
    if !node.is_confirmed() {
        return Err(Refused::Unconfirmed);
    }
    let Some(answered) = node.strangers.begin(asked.visit.address, node.identity.now()) else {
        return Err(Refused::Busy);
    };
    let got = match named(&asked) {
        Some(id) => {
            let facts = node.identity.facts(Action::ObjectRead, Publication::stranger(id), &asked.visit);
            node.vault.published(&facts, id).await
        }
        None => Err(VaultError::NoObject),
    };
    match got {
        Ok(got) => {
            let flight = node.flights.begin(None).ok_or(Refused::Cut("this node is ending"))?;
            let response = answer(got, &asked.headers);
            Ok(response.map(|body| flight.carry(while_answered(body, answered))))
        }
        Err(VaultError::NoObject) => {
            node.identity.refuse(Action::ObjectRead, None, &asked.visit, "there is no publication that counts").await;
            Err(Refused::NotFound)
        }
        Err(error) => Err(error.into()),
    }
}

/// The publication that an address names. Each has one address: whoever keeps copies keeps one.
fn named(asked: &Asked) -> Option<PublicationId> {
    let text = asked.named.as_deref().filter(|_| asked.query.is_empty())?;
    parse_hex(text).filter(|id| hex(id) == text).map(PublicationId)
}

/// Holds the place among those who are answered for as long as the body goes on.
fn while_answered(body: Body, answered: crate::strangers::Answered) -> Body {
    Body::from_stream(body.into_data_stream().inspect(move |_| {
        let _ = &answered;
    }))
}

/// The bytes, or the range of them that was asked for; none where whoever asks has them.
fn answer(got: Got, asked: &HeaderMap) -> Response {
    let said = got.entry.said.clone();
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let tag = format!("\"{}\"", said.tag);
    let has = |list: &str| list.split(',').any(|one| one.trim() == tag || one.trim() == "*");
    if text(header::IF_NONE_MATCH).is_some_and(has) {
        return described(StatusCode::NOT_MODIFIED, &said, &tag, Body::empty());
    }
    let all = 0..said.bytes;
    // A range that cannot be read is none (RFC 9110, section 14.2).
    let range = text(header::RANGE).and_then(|range| Range::parse(range).ok());
    let range = range.filter(|_| text(header::IF_RANGE).is_none_or(|since| since == tag));
    let (status, range) = match range.map(|range| range.check(said.bytes)) {
        None => (StatusCode::OK, all),
        Some(Ok(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Err(_)) => {
            let mut refused = described(StatusCode::RANGE_NOT_SATISFIABLE, &said, &tag, Body::empty());
            put(&mut refused, header::CONTENT_RANGE, &format!("bytes */{}", said.bytes));
            return refused;
        }
    };
    let length = range.end - range.start;
    let place = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), said.bytes);
    let mut response = described(status, &said, &tag, Body::from_stream(got.bytes(range)));
    put(&mut response, header::CONTENT_LENGTH, &length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        put(&mut response, header::CONTENT_RANGE, &place);
    }
    response
}

fn described(status: StatusCode, said: &Said, tag: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kept = |name: &str| said.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let shown = kept("content-type").and_then(shown);
    let headers = [
        (header::CONTENT_TYPE, shown.unwrap_or(KEPT)),
        (header::CONTENT_DISPOSITION, if shown.is_some() { "inline" } else { "attachment" }),
        (header::ETAG, tag),
        (header::ACCEPT_RANGES, "bytes"),
        // What is kept is asked for again each time: what was withdrawn is not given from what somebody kept.
        (header::CACHE_CONTROL, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    headers.iter().for_each(|(name, value)| put(&mut response, name.clone(), value));
    if let Some(coding) = kept("content-encoding") {
        put(&mut response, header::CONTENT_ENCODING, coding);
    }
    response
}

/// What a browser keeps as a file.
const KEPT: &str = "application/octet-stream";

/// What a browser shows, and does not run.
const SHOWN: [&str; 12] = [
    "text/plain; charset=utf-8",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "video/mp4",
    "video/webm",
    "video/ogg",
];

/// The kind that is shown, where a writer's says exactly that: what says more, or something else, is kept as a file.
fn shown(kind: &str) -> Option<&'static str> {
    let kind = kind.trim().to_ascii_lowercase().replace("; ", ";");
    let plain = ["text/plain", "text/plain;charset=us-ascii"].contains(&kind.as_str());
    SHOWN.into_iter().find(|shown| shown.replace("; ", ";") == kind || plain && shown.starts_with("text/plain"))
}

/// Puts a header on an answer. What a writer said and no header can hold is left out.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The list of all that is public, as it was made a moment ago, in an epoch: what was withdrawn is not on it.
#[derive(Default)]
pub(crate) struct Manifest(tokio::sync::Mutex<Option<(Instant, Epoch, String)>>);

/// All that is public now, signed with the key of the log: addresses, lengths, and until when; no names.
pub(crate) async fn manifest(node: &Node, asked: Asked) -> Answer {
    if !node.is_confirmed() {
        return Err(Refused::Unconfirmed);
    }
    let answered = node.strangers.begin(asked.visit.address, node.identity.now());
    let _answered = answered.ok_or(Refused::Busy)?;
    let mut kept = node.manifest.0.lock().await;
    let epoch = node.identity.snapshot()?.epoch;
    let fresh = |(made, of, _): &&(Instant, Epoch, String)| {
        *of == epoch && made.elapsed() < Duration::from_secs(MANIFEST_KEPT_S)
    };
    let text = match kept.as_ref().filter(fresh) {
        Some((.., text)) => text.clone(),
        None => kept.insert((Instant::now(), epoch, made(node).await?)).2.clone(),
    };
    Ok(write(&text, "text/plain; charset=utf-8"))
}

async fn made(node: &Node) -> Result<String, Refused> {
    let now = node.identity.now();
    let mut text = format!("made {}\nexpires {}\n", now.unix_s(), now.unix_s() + MANIFEST_S);
    for Publication { id, bytes, ends, .. } in node.vault.public(now).await? {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {bytes} {}", address(node, id), ends.unix_s());
    }
    Ok(node.installation.signed_note("publications", &text)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_is_kept_as_a_file() {
        let check = |kind: &str, expect: Option<&str>| assert_eq!(shown(kind), expect, "{kind}");
        check("text/plain", Some("text/plain; charset=utf-8"));
        check("Text/Plain;charset=UTF-8", Some("text/plain; charset=utf-8"));
        check("IMAGE/PNG", Some("image/png"));
        for kept in [
            "text/html",
            "image/svg+xml",
            "application/pdf",
            "text/javascript",
            "text/css",
            "",
            "text/plain+html",
            "text/xml",
            // A browser may take the last of several.
            "text/plain;a, text/html",
            "text/plain, text/html",
            "image/png;charset=utf-7",
        ] {
            check(kept, None);
        }
    }
}
