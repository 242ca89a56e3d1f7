//! Answers, and refusals: as a page for people, as JSON for programs. A refusal says what is missing and whom to ask, and
//! nothing of what one may not know.

use std::any::Any;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use cordon_gate::{Denial, JournalError};
use cordon_identity::{IdentityError, PublicUrl};
use cordon_store::StoreError;
use serde::Serialize;
use serde_json::json as object;

use crate::node::Node;
use crate::route::Reader;

/// What a handler gives.
pub(crate) type Answer = Result<Response, Refused>;

/// Why a request is not answered as it asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// Nobody is signed in.
    #[error("sign in first")]
    SignIn,
    /// It comes from another page.
    #[error("this request comes from another page")]
    OtherPage,
    /// Another name of this node.
    #[error("this node goes by another name")]
    OtherName,
    /// There is nothing here, or nothing that this one may know of.
    #[error("there is nothing here")]
    NotFound,
    /// The method is another.
    #[error("this is asked with another method")]
    Method,
    /// Something of it cannot be read.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// It is larger than it may be.
    #[error("the request is larger than it may be")]
    TooLarge,
    /// This node does not know what was revoked: it answers nobody until it does.
    #[error("this node has not looked at revocations for too long")]
    Unconfirmed,
    /// As many as may be are answered now.
    #[error("too many ask for what is public: try again in a minute")]
    Busy,
    /// It took too long, or what it came with was revoked meanwhile.
    #[error("{0}")]
    Cut(&'static str),
    /// Whoever asks is not who they must be, or may not.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The policies refuse.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// What is stored cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    /// What was named is not there, or is not for whoever asks.
    pub(crate) fn of_unknown(error: IdentityError) -> Self {
        match error {
            IdentityError::Wrong => Self::NotFound,
            other => other.into(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::OtherPage => StatusCode::FORBIDDEN,
            Self::OtherName => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Cut(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Identity(IdentityError::Denied(denial)) | Self::Denied(denial) => of_denial(denial),
            Self::Busy | Self::Identity(IdentityError::Throttled(_) | IdentityError::Busy) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Identity(IdentityError::Weak(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Identity(error) if error.is_refusal() => StatusCode::UNAUTHORIZED,
            Self::Identity(_) | Self::Store(_) | Self::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is said, and what to do. What is wrong inside is for the log of the node, not for whoever asks.
    pub(crate) fn said(&self) -> (String, Option<String>) {
        match self {
            Self::Identity(IdentityError::Denied(Denial::Refused(refusal)))
            | Self::Denied(Denial::Refused(refusal)) => {
                if refusal.hidden {
                    return (Self::NotFound.to_string(), None);
                }
                let ask = refusal.ask.clone().unwrap_or_else(|| "the security team".to_owned());
                (format!("this takes {}", refusal.missing.join(", and ")), Some(format!("ask {ask}")))
            }
            Self::Identity(IdentityError::Denied(Denial::NotRecorded(JournalError::Conflict(why))))
            | Self::Denied(Denial::NotRecorded(JournalError::Conflict(why))) => {
                (why.clone(), Some("look at the present state and ask again".to_owned()))
            }
            Self::Identity(IdentityError::ProviderAway(_)) => (
                "the identity provider cannot be asked now".to_owned(),
                Some("try again, or sign in another way".to_owned()),
            ),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => (
                "this node cannot answer now".to_owned(),
                Some("try again; if it stays so, ask whoever runs it".to_owned()),
            ),
            other => (other.to_string(), None),
        }
    }

    /// Writes it, for whoever reads it.
    pub(crate) fn response(&self, node: &Node, reader: Reader) -> Response {
        let status = self.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            eprintln!("error: a request could not be answered: {self}");
        }
        let (what, hint) = self.said();
        let page = Fault { what: &what, hint: hint.as_deref() };
        let mut response = match reader {
            Reader::Program => write(&object!({"error": what, "hint": hint}).to_string(), "application/json"),
            Reader::Person => html(node, &page).unwrap_or_else(|_| write(&what, "text/plain; charset=utf-8")),
            Reader::Client => xml(&Xml { code: of_client(self, status), what: &what }),
        };
        *response.status_mut() = status;
        response
    }
}

fn of_denial(denial: &Denial) -> StatusCode {
    match denial {
        Denial::Refused(refusal) if refusal.hidden => StatusCode::NOT_FOUND,
        Denial::Refused(_) => StatusCode::FORBIDDEN,
        Denial::NotRecorded(JournalError::Conflict(_)) => StatusCode::CONFLICT,
        Denial::OtherChange | Denial::NotRecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct Fault<'a> {
    what: &'a str,
    hint: Option<&'a str>,
}

/// What counts no more: whoever asks whether something was revoked knows it by this.
pub const ENDED: &str = "ExpiredToken";

/// The code that clients of AWS know a refusal by.
fn of_client(refused: &Refused, status: StatusCode) -> &'static str {
    match (refused, status) {
        (Refused::Identity(IdentityError::Ended(_)), _) => ENDED,
        (Refused::Identity(IdentityError::Signature(_)), _) => "SignatureDoesNotMatch",
        (_, StatusCode::UNAUTHORIZED) => "InvalidClientTokenId",
        (_, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => "AccessDenied",
        (_, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE) => "ValidationError",
        (_, StatusCode::TOO_MANY_REQUESTS) => "Throttling",
        _ => "ServiceUnavailable",
    }
}

#[derive(Template)]
#[template(path = "fault.xml")]
struct Xml<'a> {
    code: &'static str,
    what: &'a str,
}

fn xml(page: &Xml<'_>) -> Response {
    write(&page.render().unwrap_or_default(), "text/xml")
}

/// What every page of a node says, as pages ask for it.
struct Above<'a>(Option<&'a String>);

impl askama::Values for Above<'_> {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        self.0.filter(|_| key == "banner").map(|text| text as &dyn Any)
    }
}

/// Writes a page, below what every page of this node says.
pub(crate) fn html(node: &Node, page: &impl Template) -> Answer {
    let above = Above(node.settings.banner.as_ref());
    let text = page.render_with_values(&above).map_err(|_| Refused::Unreadable("the page"))?;
    Ok(write(&text, "text/html; charset=utf-8"))
}

/// Writes JSON.
pub(crate) fn json(what: &impl Serialize) -> Answer {
    let text = serde_json::to_string(what).map_err(|_| Refused::Unreadable("the answer"))?;
    Ok(write(&text, "application/json"))
}

/// Writes a text of a type.
pub(crate) fn write(text: &str, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Leads a browser on. `to` is an address that this node made, or a path of its own.
pub(crate) fn lead_to(to: &str) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::from_str(to).map_err(|_| Refused::Unreadable("the address"))?;
    response.headers_mut().insert(header::LOCATION, to);
    Ok(response)
}

/// What every answer says to browsers: nothing from elsewhere, nothing inline, no frames, nothing kept.
pub(crate) fn guard(response: &mut Response, url: &PublicUrl) {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // A form says from where it comes only under a policy that lets it.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "publickey-credentials-get=(self), publickey-credentials-create=(self)",
        ),
    ];
    for (name, value) in headers {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if url.is_https() {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}

/// The policy for browsers. Forms may lead to a program of the same machine, which is how a login ends.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self' http://127.0.0.1:*; base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use cordon_gate::Refusal;

    use super::*;

    #[test]
    fn whoever_is_refused_is_told_what_is_missing_and_whom_to_ask_unless_that_says_too_much() {
        let missing = vec!["a sign-in with a passkey".to_owned(), "an enrolled device".to_owned()];
        let refused = |hidden, ask: Option<&str>| {
            let refusal = Refusal { missing: missing.clone(), ask: ask.map(str::to_owned), hidden };
            Refused::Denied(Denial::Refused(refusal))
        };
        let told = refused(false, Some("an approver"));
        let what = "this takes a sign-in with a passkey, and an enrolled device";
        assert_eq!(told.said(), (what.to_owned(), Some("ask an approver".to_owned())));
        assert_eq!(told.status(), StatusCode::FORBIDDEN);
        assert_eq!(refused(false, None).said().1.as_deref(), Some("ask the security team"));
        let hidden = refused(true, Some("an approver"));
        assert_eq!((hidden.status(), hidden.said()), (StatusCode::NOT_FOUND, (Refused::NotFound.to_string(), None)));
    }
}
