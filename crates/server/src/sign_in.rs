//! Signing in and out, in a browser.

use askama::Template;
use cordon_domain::CredentialId;
use cordon_identity::{CeremonyId, Password, SignedIn};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::asked::{Asked, Cookies};
use crate::node::Node;
use crate::reply::{Answer, Refused, html, json, lead_to};

#[derive(Template)]
#[template(path = "sign-in.html")]
pub(crate) struct SignInPage<'a> {
    next: &'a str,
    again: bool,
    fault: Option<String>,
    provider: Option<&'a str>,
}

impl<'a> SignInPage<'a> {
    pub(crate) fn new(node: &'a Node, next: &'a str, again: bool, fault: Option<String>) -> Self {
        let provider = node.identity.provider().map(cordon_identity::Provider::name);
        Self { next, again, fault, provider }
    }
}

/// Where one may be led after signing in: a path of this node, and nothing that a browser reads as another address.
pub(crate) fn path_of(text: &str) -> &str {
    let plain = text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '\r', '\n', '\t']);
    if plain { text } else { "/" }
}

/// The page to sign in.
pub(crate) async fn page(node: &Node, asked: Asked) -> Answer {
    let next = path_of(asked.parameter("next").unwrap_or("/"));
    html(node, &SignInPage::new(node, next, asked.who.is_some(), None))
}

/// Signs in with a password and a code.
pub(crate) async fn password(node: &Node, asked: Asked) -> Answer {
    let mut form = asked.form();
    let (name, password, code) = (form.take("name"), Password::given(form.take("password")), form.take("code"));
    let next = form.take("next");
    let entered = node.identity.sign_in_with_password(&name, password, &code, &asked.visit, asked.who.as_ref()).await;
    match entered {
        Ok(entered) => {
            let mut response = lead_to(path_of(&next))?;
            cookies(node, &entered, &mut response)?;
            Ok(response)
        }
        Err(error) if error.is_refusal() => {
            let page = SignInPage::new(node, path_of(&next), asked.who.is_some(), Some(error.to_string()));
            let mut response = html(node, &page)?;
            *response.status_mut() = axum::http::StatusCode::UNAUTHORIZED;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Begins a sign-in with a passkey.
pub(crate) async fn begin_passkey(node: &Node, asked: Asked) -> Answer {
    let (id, options) = node.identity.begin_sign_in(&asked.visit)?;
    json(&object!({"id": id.as_str(), "options": options}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    id: String,
    answer: Value,
    next: String,
}

/// Signs in with a passkey.
pub(crate) async fn passkey(node: &Node, asked: Asked) -> Answer {
    let Answered { id, answer, next } = asked.json()?;
    let (id, answer) = (CeremonyId::given(&id), answer.to_string());
    let entered = node.identity.sign_in_with_passkey(&id, &answer, &asked.visit, asked.who.as_ref()).await?;
    let mut response = json(&object!({"next": path_of(&next)}))?;
    cookies(node, &entered, &mut response)?;
    Ok(response)
}

/// Puts the cookies of a session on an answer.
pub(crate) fn cookies(node: &Node, entered: &SignedIn, response: &mut axum::response::Response) -> Result<(), Refused> {
    let age_s = entered.session.expires_at.since_ms(node.identity.now()) / 1000;
    Cookies { session: &entered.token, age_s, browser: Some(&entered.browser) }.put(node, response)
}

/// Ends the session of this browser.
pub(crate) async fn sign_out(node: &Node, asked: Asked) -> Answer {
    node.identity.sign_out(asked.session()?, asked.session()?.id, &asked.visit).await?;
    let mut response = lead_to("/sign-in")?;
    Cookies { session: "", age_s: 0, browser: None }.put(node, &mut response)?;
    Ok(response)
}

/// Ends another session, or an access key, of whoever is signed in.
pub(crate) async fn end(node: &Node, asked: Asked) -> Answer {
    let id: CredentialId = asked.form().take("id").parse().map_err(|_| Refused::Unreadable("the name of a session"))?;
    node.identity.sign_out(asked.session()?, id, &asked.visit).await?;
    lead_to("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_place() {
        for path in ["/", "/approvals", "/login?port=4000&state=a"] {
            assert_eq!(path_of(path), path);
        }
        for text in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example"]
        {
            assert_eq!(path_of(text), "/", "{text}");
        }
    }
}
