//! A request: who it is, where it comes from, what it brings.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use cordon_domain::event::event_text;
use cordon_domain::id::hex;
use cordon_domain::{Action, Credential};
use cordon_identity::{IdentityError, Visit, signature};
use serde::de::DeserializeOwned;
use std::net::IpAddr;

use crate::limits::{BODY_BYTES_MAX, BROWSER_S, LEAVING_S};
use crate::node::Node;
use crate::peers::PROOF;
use crate::reply::Refused;
use crate::route::Who;

/// A request, once it is known who it is.
pub(crate) struct Asked {
    /// How it comes.
    pub(crate) visit: Visit,
    /// What a browser keeps that left for the identity provider.
    pub(crate) leaving: Option<String>,
    /// What it came with: a session, or an access key.
    pub(crate) who: Option<Credential>,
    /// The parameters of the query.
    pub(crate) query: Vec<(String, String)>,
    /// What the path names, where it names something.
    pub(crate) named: Option<String>,
    /// The body.
    pub(crate) body: Bytes,
    /// What of something is asked for, and what whoever asks has of it already.
    pub(crate) headers: HeaderMap,
}

const SESSION: &str = "cordon-session";
const BROWSER: &str = "cordon-browser";
const LEAVING: &str = "cordon-leaving";

impl Asked {
    /// Reads a request for a route that `who` may ask for.
    pub(crate) async fn read(node: &Node, who: Who, peer: IpAddr, parts: &Parts, body: Body) -> Result<Self, Refused> {
        let visit = visit(node, peer, &parts.headers);
        is_own_page(node, parts)?;
        let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| Refused::TooLarge)?;
        let query: Vec<_> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let known = match who {
            Who::Anyone => session(node, &parts.headers).and_then(Result::ok),
            Who::Person => match session(node, &parts.headers) {
                Some(Ok(session)) => Some(session),
                Some(Err(error)) => return Err(refused(node, &visit, error).await),
                None => return Err(Refused::SignIn),
            },
            Who::Key => {
                let mut known = key(node, parts, &body);
                if matches!(known, Err(IdentityError::Ended(_))) {
                    // Whose it is may have been brought in beside this node a moment ago.
                    node.follow().await;
                    known = key(node, parts, &body);
                }
                match known {
                    Ok(key) => Some(key),
                    Err(error) => return Err(refused(node, &visit, error).await),
                }
            }
            Who::Node => {
                peer_asks(node, &parts.headers, &body)?;
                None
            }
        };
        let named = parts.uri.path().rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
        let leaving = cookie(&parts.headers, &cookie_name(node, LEAVING)).map(str::to_owned);
        let wanted = [header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH];
        let wanted = wanted.into_iter().filter_map(|name| Some((name.clone(), parts.headers.get(&name)?.clone())));
        let headers = wanted.collect();
        Ok(Self { visit, leaving, who: known, query, named, body, headers })
    }

    /// Returns the session that it came with.
    pub(crate) fn session(&self) -> Result<&Credential, Refused> {
        self.who.as_ref().ok_or(Refused::SignIn)
    }

    /// Returns a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Reads the body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_slice(&self.body).map_err(|_| Refused::Unreadable("the body"))
    }

    /// Reads the body as a form.
    pub(crate) fn form(&self) -> Form {
        Form(
            url::form_urlencoded::parse(&self.body)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }
}

/// A form.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Takes a field out; one that is not there is empty.
    pub(crate) fn take(&mut self, name: &str) -> String {
        let field = self.0.iter_mut().find(|(own, _)| own == name);
        field.map(|(_, value)| std::mem::take(value)).unwrap_or_default()
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

fn text(headers: &HeaderMap, name: impl Into<HeaderName>) -> Option<&str> {
    headers.get(name.into()).and_then(|value| value.to_str().ok())
}

fn visit(node: &Node, peer: IpAddr, headers: &HeaderMap) -> Visit {
    Visit {
        address: node.address(peer, forwarded(headers).as_deref()),
        client: client_of(headers),
        browser: cookie(headers, &cookie_name(node, BROWSER)).map(str::to_owned),
    }
}

/// The program that asks, as it calls itself.
pub(crate) fn client_of(headers: &HeaderMap) -> Option<String> {
    text(headers, header::USER_AGENT).map(event_text)
}

/// What proxies say of where a request comes from. Each may add its word as a line of its own: all lines are one list.
pub(crate) fn forwarded(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(HeaderName::from_static("x-forwarded-for")).iter();
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("unreadable")).collect();
    Some(lines.join(",")).filter(|list| !list.is_empty())
}

/// A page of this node, by a name of its own, asks: not another page in the same browser, nor one whose name leads here.
fn is_own_page(node: &Node, parts: &Parts) -> Result<(), Refused> {
    let host = text(&parts.headers, header::HOST).or_else(|| parts.uri.host());
    if !host.is_some_and(|host| node.is_own_name(host)) {
        return Err(Refused::OtherName);
    }
    let origin = text(&parts.headers, header::ORIGIN);
    let site = text(&parts.headers, HeaderName::from_static("sec-fetch-site"));
    let other = origin.is_some_and(|origin| origin != node.settings.public_url.origin())
        || site.is_some_and(|site| site != "same-origin" && site != "none");
    let proved = origin.is_some() || site.is_some() || cookie(&parts.headers, &cookie_name(node, SESSION)).is_none();
    if !parts.method.is_safe() && (other || !proved) { Err(Refused::OtherPage) } else { Ok(()) }
}

fn session(node: &Node, headers: &HeaderMap) -> Option<Result<Credential, IdentityError>> {
    let bearer = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let token = bearer.or_else(|| cookie(headers, &cookie_name(node, SESSION)))?;
    Some(node.identity.session(token))
}

fn key<'a>(node: &Node, parts: &'a Parts, body: &[u8]) -> Result<Credential, IdentityError> {
    // What cannot be read is there all the same, and is not what was signed.
    let readable = |value: &'a axum::http::HeaderValue| value.to_str().unwrap_or("\u{0}");
    let headers: Vec<(&str, &str)> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), readable(value))).collect();
    let digest = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body).as_ref());
    node.identity.signed(&signature::Asked {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body_sha256: Some(&digest),
        service: "sts",
    })
}

async fn refused(node: &Node, visit: &Visit, error: IdentityError) -> Refused {
    if error.is_refusal() {
        node.identity.refuse(Action::SignIn, None, visit, &error.to_string()).await;
    }
    error.into()
}

fn peer_asks(node: &Node, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let proof = text(headers, HeaderName::from_static(PROOF)).unwrap_or_default();
    let body = std::str::from_utf8(body).map_err(|_| Refused::Unreadable("the body"))?;
    match node.peer_key.is_proved(proof, node.installation.node(), body, node.identity.now()) {
        true => Ok(()),
        false => Err(Refused::NotFound),
    }
}

/// Where browsers honour it, a name that no other host, and no unencrypted page, can set.
fn cookie_name(node: &Node, name: &str) -> String {
    if node.settings.public_url.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// The cookies of somebody who signed in, or has signed out.
pub(crate) struct Cookies<'a> {
    /// The session, empty to end it.
    pub(crate) session: &'a str,
    /// How long it lives, in seconds.
    pub(crate) age_s: i64,
    /// What the browser keeps for longer.
    pub(crate) browser: Option<&'a str>,
}

impl Cookies<'_> {
    /// Puts them on an answer.
    pub(crate) fn put(&self, node: &Node, response: &mut axum::response::Response) -> Result<(), Refused> {
        let session = Some((SESSION, self.session, self.age_s));
        let browser = self.browser.map(|browser| (BROWSER, browser, BROWSER_S));
        for (name, value, age_s) in session.into_iter().chain(browser) {
            put_cookie(node, (name, value, age_s), response)?;
        }
        Ok(())
    }
}

/// Puts on an answer what a browser keeps that leaves for the identity provider.
pub(crate) fn put_leaving(node: &Node, keeps: &str, response: &mut axum::response::Response) -> Result<(), Refused> {
    put_cookie(node, (LEAVING, keeps, LEAVING_S), response)
}

fn put_cookie(
    node: &Node,
    (name, value, age_s): (&str, &str, i64),
    response: &mut axum::response::Response,
) -> Result<(), Refused> {
    let secure = if node.settings.public_url.is_https() { "; Secure" } else { "" };
    let name = cookie_name(node, name);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}");
    let value = axum::http::HeaderValue::from_str(&text).map_err(|_| Refused::Unreadable("a cookie"))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn what_a_proxy_adds_as_a_line_of_its_own_comes_last() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded(&headers), None);
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(&name, HeaderValue::from_static("192.0.2.5"));
        headers.append(&name, HeaderValue::from_static("203.0.113.9"));
        assert_eq!(forwarded(&headers).as_deref(), Some("192.0.2.5,203.0.113.9"));
        headers.append(&name, HeaderValue::from_bytes(&[0xff]).expect("a value"));
        assert_eq!(forwarded(&headers).as_deref(), Some("192.0.2.5,203.0.113.9,unreadable"));
    }
}
