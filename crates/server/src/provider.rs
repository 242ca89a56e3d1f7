//! Signing in by an identity provider: leaving for it, and coming back.

use cordon_identity::federated::{Back, Leaving};
use cordon_identity::{CeremonyId, IdentityError};
use serde::Deserialize;
use serde_json::json as object;

use crate::asked::{Asked, put_leaving};
use crate::limits::PROVIDER_ERROR_CHARS_MAX;
use crate::node::Node;
use crate::reply::{Answer, Refused, html, json, lead_to};
use crate::sign_in::{SignInPage, cookies, path_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    next: String,
}

/// Sends a browser to the provider, to sign in.
pub(crate) async fn begin(node: &Node, asked: Asked) -> Answer {
    let Next { next } = asked.json()?;
    leave(node, &asked, Leaving::SignIn(path_of(&next).to_owned()), asked.who.is_some()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    id: String,
}

/// Sends a browser to the provider, to set it as a way to sign in.
pub(crate) async fn begin_setting(node: &Node, asked: Asked) -> Answer {
    let Begun { id } = asked.json()?;
    leave(node, &asked, Leaving::Set(CeremonyId::given(&id)), false).await
}

async fn leave(node: &Node, asked: &Asked, why: Leaving, again: bool) -> Answer {
    node.identity.provider().ok_or(Refused::NotFound)?;
    let sent = node.identity.leave(why, again, asked.leaving.as_deref(), &asked.visit).await;
    let sent = sent.inspect_err(|error| {
        // Strangers could make it say more than that.
        if !error.is_refusal() {
            eprintln!("warning: {error}");
        }
    })?;
    let mut response = json(&object!({"to": sent.to}))?;
    put_leaving(node, &sent.keeps, &mut response)?;
    Ok(response)
}

/// Takes a browser in that comes back.
pub(crate) async fn back(node: &Node, asked: Asked) -> Answer {
    node.identity.provider().ok_or(Refused::NotFound)?;
    let code = match (asked.parameter("code"), asked.parameter("error")) {
        (Some(code), None) => Ok(code.to_owned()),
        (_, said) => Err(format!("it says `{}`", plain(said.unwrap_or("nothing")))),
    };
    let back = Back {
        state: CeremonyId::given(asked.parameter("state").unwrap_or_default()),
        code,
        issuer: asked.parameter("iss"),
        kept: asked.leaving.as_deref().unwrap_or_default(),
    };
    match node.identity.come_back(back, &asked.visit, asked.who.as_ref()).await {
        Ok(returned) => {
            let mut response = lead_to(path_of(&returned.next))?;
            if let Some(entered) = &returned.entered {
                cookies(node, entered, &mut response)?;
            }
            Ok(response)
        }
        Err(error @ (IdentityError::Denied(_) | IdentityError::Store(_))) => Err(error.into()),
        Err(error) => {
            if !error.is_refusal() {
                eprintln!("warning: {error}");
            }
            let refused = Refused::from(error);
            let mut response = html(node, &SignInPage::new(node, "/", false, Some(refused.said().0)))?;
            *response.status_mut() = refused.status();
            Ok(response)
        }
    }
}

/// What a provider says, or whoever made the address up: plain signs, and few of them.
fn plain(text: &str) -> String {
    text.chars().filter(|sign| sign.is_ascii_alphanumeric() || *sign == '_').take(PROVIDER_ERROR_CHARS_MAX).collect()
}
