//! Access keys, and who somebody is.

use cordon_domain::Credential;
use cordon_identity::AccessKey;
use serde_json::{Value, json as object};

use crate::asked::Asked;
use crate::node::Node;
use crate::pages::shown_by;
use crate::reply::{Answer, Refused, json, write};

/// Turns a session into an access key.
pub(crate) async fn take(node: &Node, asked: Asked) -> Answer {
    let key = node.identity.take_keys(asked.session()?, &asked.visit).await?;
    json(&key_object(node, &key))
}

/// An access key, as programs are given it, and where it is of use; the end in milliseconds since 1970.
pub(crate) fn key_object(node: &Node, key: &AccessKey) -> Value {
    object!({
        "endpoint": node.settings.objects_url,
        "id": key.id,
        "secret": key.secret.as_str(),
        "token": key.token.as_str(),
        "expires": key.credential.expires_at.0,
    })
}

/// Who is signed in.
pub(crate) async fn me(node: &Node, asked: Asked) -> Answer {
    let session = asked.session()?;
    let name = node.identity.name(session.principal).await?;
    json(&object!({
        "principal": session.principal.to_string(),
        "name": name,
        "credential": session.id.to_string(),
        "kind": session.kind.as_str(),
        "shown": shown_by(session.factor),
        "shown_at": session.factor_at.0,
        "device": session.device.map(|device| device.to_string()),
        "expires": session.expires_at.0,
    }))
}

/// Answers `GetCallerIdentity` of STS, by which clients of S3 show whose keys they have.
pub(crate) async fn caller(_: &Node, asked: Asked) -> Answer {
    let mut form = asked.form();
    if form.take("Action") != "GetCallerIdentity" {
        return Err(Refused::Unreadable("the action: only GetCallerIdentity is answered here, and it"));
    }
    let Credential { principal, id, .. } = asked.session()?;
    let text = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:cordon:sts:::{principal}/{id}</Arn><UserId>{id}</UserId><Account>{principal}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    );
    Ok(write(&text, "text/xml"))
}
