//! What nodes ask each other: whether a credential still counts there. A question is signed with a key that serves for
//! nothing else, for one node's name, at one time.

use aws_lc_rs::hmac;
use cordon_domain::{Credential, CredentialId, Moment};
use cordon_keys::Purpose;
use cordon_store::StoreError;
use cordon_store::keyring::Keyring;
use serde::{Deserialize, Serialize};

use crate::asked::Asked;
use crate::limits::NODE_SKEW_MS;
use crate::node::Node;
use crate::reply::{Answer, Refused, json};

/// Where a node is asked.
pub const CHECK: &str = "/node/check";
/// The header that proves who asks.
pub const PROOF: &str = "cordon-node-proof";

/// The key with which nodes ask each other.
pub struct PeerKey(hmac::Key);

impl PeerKey {
    /// Takes the newest version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is not there.
    pub fn new(keys: &Keyring) -> Result<Self, StoreError> {
        keys.with(|unlocked| {
            let newest = unlocked.newest(cordon_keys::KeyName::Purpose(Purpose::Nodes)).unwrap_or(1);
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, unlocked.own(Purpose::Nodes, newest)?.expose())))
        })
    }

    /// Proves a question to a node at an address.
    #[must_use]
    pub fn prove(&self, address: &str, body: &str, at: Moment) -> String {
        let tag = hmac::sign(&self.0, message(address, body, at).as_bytes());
        format!("{}.{}", at.0, cordon_domain::id::hex(tag.as_ref()))
    }

    /// Tells whether a question was asked by a node of this installation, to this one, just now.
    pub(crate) fn is_proved(&self, proof: &str, addresses: &[String], body: &str, now: Moment) -> bool {
        let Some((at, tag)) = proof.split_once('.') else { return false };
        let Some((at, tag)) = at.parse().ok().map(Moment).zip(cordon_domain::id::parse_hex::<32>(tag)) else {
            return false;
        };
        let is = |address: &String| hmac::verify(&self.0, message(address, body, at).as_bytes(), &tag).is_ok();
        at.since_ms(now).abs() <= NODE_SKEW_MS && addresses.iter().any(is)
    }
}

fn message(address: &str, body: &str, at: Moment) -> String {
    format!("cordon/node/v1\n{address}\n{}\n{body}", at.0)
}

/// The question.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which credential.
    pub credential: String,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Checked {
    /// Why it does not count; nothing when it does.
    pub refusal: Option<String>,
}

/// Runs this node's own verification on a credential.
pub(crate) async fn check(node: &Node, asked: Asked) -> Answer {
    let question: Check = asked.json()?;
    let id: CredentialId = question.credential.parse().map_err(|_| Refused::Unreadable("a credential's name"))?;
    let credential: Option<Credential> = node.installation.reader().credential(node.installation.keys(), id).await?;
    let refusal = match credential {
        Some(credential) => node.identity.counts(&credential).err().map(|error| error.to_string()),
        None => Some("there is no such session or key".to_owned()),
    };
    json(&Checked { refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_of_one_node_at_one_time() {
        let key = PeerKey(hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]));
        let now = Moment(1_790_000_000_000);
        let proof = key.prove("http://10.0.0.1:8700", "{}", now);
        let own = ["http://10.0.0.1:8700".to_owned()];
        assert!(key.is_proved(&proof, &own, "{}", now) && key.is_proved(&proof, &own, "{}", now.plus_ms(NODE_SKEW_MS)));
        assert!(!key.is_proved(&proof, &own, "{ }", now) && !key.is_proved(&proof, &own, "{}", now.plus_ms(60_001)));
        assert!(!key.is_proved(&proof, &["http://10.0.0.2:8700".to_owned()], "{}", now));
        let other = PeerKey(hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]));
        assert!(!other.is_proved(&proof, &own, "{}", now));
        for text in ["", ".", "1.", "x.y", proof.trim_start_matches(char::is_numeric), &format!("{proof}00")] {
            assert!(!key.is_proved(text, &own, "{}", now), "{text}");
        }
    }
}
