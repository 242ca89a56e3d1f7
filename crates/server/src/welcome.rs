//! Setting a way to sign in, in a browser. The link's secret stands behind a `#`, which browsers send to nobody.

use askama::Template;
use cordon_identity::entry::Offer;
use cordon_identity::{CeremonyId, Password, Welcome};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use serde_json::{Value, json as object};
use zeroize::Zeroizing;

use crate::asked::Asked;
use crate::node::Node;
use crate::reply::{Answer, Refused, html, json};

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    provider: Option<&'a str>,
}

/// The page.
pub(crate) async fn page(node: &Node, _: Asked) -> Answer {
    html(node, &WelcomePage { provider: node.identity.provider().map(cordon_identity::Provider::name) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    link: String,
}

/// Looks at a link.
pub(crate) async fn open(node: &Node, asked: Asked) -> Answer {
    let Link { link } = asked.json()?;
    offered(&node.identity.open_link(&link, &asked.visit).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recovering {
    name: String,
    code: String,
}

/// Lets somebody set another way to sign in who has a recovery code.
pub(crate) async fn recover(node: &Node, asked: Asked) -> Answer {
    let Recovering { name, code } = asked.json()?;
    offered(&node.identity.recover(&name, &code, &asked.visit).await?)
}

/// Lets somebody who is signed in set a further way.
pub(crate) async fn add(node: &Node, asked: Asked) -> Answer {
    offered(&node.identity.add_way(asked.session()?, &asked.visit).await?)
}

fn offered(offer: &Offer) -> Answer {
    let picture = picture(&offer.codes).ok_or(Refused::Unreadable("the picture"))?;
    let secret = offer.codes.split("secret=").nth(1).unwrap_or_default();
    json(&object!({"id": offer.id.as_str(), "name": offer.name, "secret": secret, "picture": picture.as_str()}))
}

/// A picture that authenticator apps read, as an address of data.
fn picture(address: &str) -> Option<Zeroizing<String>> {
    let code = QrCode::with_error_correction_level(address.as_bytes(), EcLevel::M).ok()?;
    let drawn = Zeroizing::new(code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build());
    let encoded: String = url::form_urlencoded::byte_serialize(drawn.as_bytes()).collect();
    Some(Zeroizing::new(format!("data:image/svg+xml,{}", encoded.replace('+', "%20"))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    id: String,
}

/// Begins to set a passkey.
pub(crate) async fn begin_passkey(node: &Node, asked: Asked) -> Answer {
    let Begun { id } = asked.json()?;
    json(&object!({"options": node.identity.begin_passkey(&CeremonyId::given(&id)).await?}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeySet {
    id: String,
    answer: Value,
    name: String,
}

/// Sets a passkey.
pub(crate) async fn passkey(node: &Node, asked: Asked) -> Answer {
    let PasskeySet { id, answer, name } = asked.json()?;
    let (id, answer) = (CeremonyId::given(&id), answer.to_string());
    welcomed(node.identity.set_passkey(&id, &answer, &name, &asked.visit).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordSet {
    id: String,
    password: String,
    code: String,
}

/// Sets a password with one-time codes.
pub(crate) async fn password(node: &Node, asked: Asked) -> Answer {
    let PasswordSet { id, password, code } = asked.json()?;
    let (id, password) = (CeremonyId::given(&id), Password::given(password));
    welcomed(node.identity.set_password(&id, password, &code, &asked.visit).await?)
}

fn welcomed(welcome: Welcome) -> Answer {
    let codes: Vec<&str> = welcome.recovery.iter().map(|code| code.as_str()).collect();
    json(&object!({"recovery": codes}))
}
