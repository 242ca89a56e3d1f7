//! What is public: anyone who has an address reads it, and nothing else; and the signed list of all that is meant to be.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use cordon_domain::id::{hex, parse_hex};
use cordon_domain::{Action, Publication, PublicationId};
use cordon_store::entries::Said;
use cordon_vault::{Got, VaultError};
use s3s::dto::Range;

use crate::asked::Asked;
use crate::limits::MANIFEST_S;
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
    let id = asked.named.as_deref().and_then(parse_hex).map(PublicationId);
    let got = match id {
        Some(id) => {
            let facts = node.identity.facts(Action::ObjectRead, Publication::stranger(id), &asked.visit);
            node.vault.published(&facts, id).await
        }
        None => Err(VaultError::NoObject),
    };
    match got {
        Ok(got) => Ok(answer(got, &asked.headers)),
        Err(VaultError::NoObject) => {
            node.identity.refuse(Action::ObjectRead, None, &asked.visit, "there is no publication that counts").await;
            Err(Refused::NotFound)
        }
        Err(error) => Err(error.into()),
    }
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
    let kind = kept("content-type").unwrap_or("application/octet-stream");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, if is_shown(kind) { "inline" } else { "attachment" }),
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

/// What a browser shows, and does not run: anything else is kept as a file.
fn is_shown(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let pictures = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
    kind == "text/plain"
        || pictures.contains(&kind.as_str())
        || kind.starts_with("audio/")
        || kind.starts_with("video/")
}

/// Puts a header on an answer. What a writer said and no header can hold is left out.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// All that is meant to be public now, signed with the key of the log: addresses, lengths, and until when; no names.
pub(crate) async fn manifest(node: &Node, _: Asked) -> Answer {
    if !node.is_confirmed() {
        return Err(Refused::Unconfirmed);
    }
    let (snapshot, now) = (node.identity.snapshot()?, node.identity.now());
    let mut text = format!("made {}\nexpires {}\n", now.unix_s(), now.unix_s() + MANIFEST_S);
    for publication in snapshot.publications(now) {
        // Writing to a String cannot fail.
        let Publication { id, bytes, ends, .. } = publication;
        let _ = writeln!(text, "{} {bytes} {}", address(node, *id), ends.unix_s());
    }
    let note = node.installation.signed_note("publications", &text)?;
    Ok(write(&note.to_string(), "text/plain; charset=utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_run_is_kept_as_a_file() {
        let shown = ["text/plain", "text/plain; charset=utf-8", "IMAGE/PNG", "video/mp4"];
        let kept =
            ["text/html", "image/svg+xml", "application/pdf", "text/javascript", "", "text/plain+html", "text/xml"];
        assert!(shown.into_iter().all(is_shown));
        assert!(!kept.into_iter().any(is_shown));
    }
}
