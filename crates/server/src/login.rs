//! Signing in on the command line: the page that allows it, and what the program is given.

use askama::Template;
use cordon_domain::DeviceId;
use cordon_identity::device::Proof;
use cordon_identity::login::{Enrol, LoginRequest, Redeemed};
use cordon_identity::{CeremonyId, IdentityError};
use serde::Deserialize;
use serde_json::json as object;

use crate::asked::Asked;
use crate::keys::key_object;
use crate::node::Node;
use crate::pages::ago;
use crate::reply::{Answer, Refused, html, json, lead_to};

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    name: String,
    claimed: &'a str,
    device: Option<DeviceId>,
    missing: Vec<String>,
    age: String,
    again: String,
    fields: Vec<(&'static str, &'a str)>,
}

/// What a program asks for, as an address or a form carries it.
fn request(field: impl Fn(&str) -> String) -> Result<(LoginRequest, Proof), Refused> {
    let port = field("port").parse().map_err(|_| Refused::Unreadable("the port"))?;
    let proof = Proof::read(&field("proof")).ok_or(Refused::Unreadable("the device's proof"))?;
    let (challenge, state, claimed) = (field("challenge"), field("state"), field("claimed"));
    Ok((LoginRequest { port, challenge, state, claimed }, proof))
}

const FIELDS: [&str; 5] = ["port", "challenge", "state", "claimed", "proof"];

/// Asks whoever is signed in whether a program may have a session and keys.
pub(crate) async fn page(node: &Node, asked: Asked) -> Answer {
    let session = asked.session()?;
    let field = |name: &str| asked.parameter(name).unwrap_or_default().to_owned();
    let (request, proof) = request(field)?;
    let device = node.identity.login_from(session, &request, &proof)?;
    let fields = FIELDS.map(|name| (name, asked.parameter(name).unwrap_or_default()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let now = node.identity.now();
    html(
        node,
        &LoginPage {
            name: node.identity.name(session.principal).await?.unwrap_or_default(),
            claimed: &request.claimed,
            device,
            missing: node.identity.missing_for_keys(session, &asked.visit)?,
            age: ago(session.factor_at, now),
            again: crate::route::to_sign_in(&format!("/login?{query}")),
            fields: fields.to_vec(),
        },
    )
}

/// Allows it: the browser hands a code to the program on this machine.
pub(crate) async fn allow(node: &Node, asked: Asked) -> Answer {
    let mut form = asked.form();
    let fields = FIELDS.map(|name| (name, form.take(name)));
    let field = |name: &str| fields.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
    let (request, proof) = request(|name| field(name).unwrap_or_default())?;
    let enrol = if form.take("enrol") == "yes" { Enrol::Yes } else { Enrol::No };
    let code = node.identity.allow_login(asked.session()?, &request, (&proof, enrol), &asked.visit)?;
    lead_to(&format!("http://127.0.0.1:{}/?code={}&state={}", request.port, code.as_str(), request.state))
}

/// Binds the session of this browser to the device of a program that led here.
pub(crate) async fn bind(node: &Node, asked: Asked) -> Answer {
    let code = CeremonyId::given(asked.parameter("code").unwrap_or_default());
    let bound = node.identity.bind_browser(asked.session()?, &code, &asked.visit).await?;
    let mut response = lead_to("/")?;
    crate::sign_in::cookies(node, &bound, &mut response)?;
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeeming {
    code: String,
    verifier: String,
    proof: String,
}

/// Gives the program what was allowed.
pub(crate) async fn redeem(node: &Node, asked: Asked) -> Answer {
    let Redeeming { code, verifier, proof } = asked.json()?;
    let proof = Proof::read(&proof).ok_or(Refused::Unreadable("the device's proof"))?;
    let redeemed = node.identity.redeem_login(&CeremonyId::given(&code), &verifier, &proof, &asked.visit).await;
    let Redeemed { entered, key, bind } = match redeemed {
        Err(error @ IdentityError::Ceremony) => {
            let about = cordon_domain::Action::SessionKeys;
            node.identity.refuse(about, None, &asked.visit, "a code of a login that does not count").await;
            return Err(error.into());
        }
        other => other?,
    };
    json(&object!({
        "session": entered.token.as_str(),
        "expires": entered.session.expires_at.0,
        "principal": entered.session.principal.to_string(),
        "name": node.identity.name(entered.session.principal).await?,
        "device": entered.session.device.map(|device| device.to_string()),
        "key": key_object(node, &key),
        "bind": bind.as_ref().map(CeremonyId::as_str),
    }))
}
