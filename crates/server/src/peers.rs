//! What nodes ask each other: whether a credential still counts there. A question is signed with a key that serves for
//! nothing else, for one node's name, at one time.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use aws_lc_rs::hmac;
use cordon_domain::id::{hex, parse_hex};
use cordon_domain::{Credential, CredentialId, Moment, NodeId};
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

/// Where a node is asked, as it says it: where it listens, and for which name its certificate is, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// Where it listens.
    pub listens: SocketAddr,
    /// The name; without one, it speaks plain HTTP.
    pub name: Option<String>,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "http://{}", self.listens),
            Some(name) => write!(f, "https://{}#{name}", self.listens),
        }
    }
}

impl FromStr for PeerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (listens, name) = match text.strip_prefix("https://").and_then(|rest| rest.split_once('#')) {
            Some((listens, name)) => (listens, Some(name.to_owned())),
            None => (text.strip_prefix("http://").unwrap_or_default(), None),
        };
        let listens = listens.parse().map_err(|_| format!("`{text}` is no address of a node"))?;
        Ok(Self { listens, name })
    }
}

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

    /// Proves a question to a node.
    #[must_use]
    pub fn prove(&self, node: NodeId, body: &str, at: Moment) -> String {
        let tag = hmac::sign(&self.0, message("question", node, body, at).as_bytes());
        format!("{}.{}", at.0, hex(tag.as_ref()))
    }

    /// Tells whether a question was asked by a node of this installation, of this one, just now.
    pub(crate) fn is_proved(&self, proof: &str, node: NodeId, body: &str, now: Moment) -> bool {
        let Some((at, tag)) = proof.split_once('.') else { return false };
        let Some((at, tag)) = at.parse().ok().map(Moment).zip(parse_hex::<32>(tag)) else { return false };
        let fresh = at.since_ms(now).unsigned_abs() <= NODE_SKEW_MS;
        fresh && hmac::verify(&self.0, message("question", node, body, at).as_bytes(), &tag).is_ok()
    }

    /// Proves an answer to a question.
    fn answer(&self, node: NodeId, question: &str, refusal: Option<&str>) -> String {
        let text = format!("{question}\n{}", refusal.map_or("counts", |refusal| refusal));
        hex(hmac::sign(&self.0, message("answer", node, &text, Moment(0)).as_bytes()).as_ref())
    }

    /// Tells whether an answer is that node's, to that question.
    #[must_use]
    pub fn is_answer(&self, checked: &Checked, node: NodeId, question: &str) -> bool {
        let text = format!("{question}\n{}", checked.refusal.as_deref().unwrap_or("counts"));
        let tag = parse_hex::<32>(&checked.proof).unwrap_or_default();
        hmac::verify(&self.0, message("answer", node, &text, Moment(0)).as_bytes(), &tag).is_ok()
    }
}

fn message(what: &str, node: NodeId, body: &str, at: Moment) -> String {
    format!("cordon/node-{what}/v1\n{node}\n{}\n{body}", at.0)
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
    /// Shows that the node that was asked says so.
    pub proof: String,
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
    let body = std::str::from_utf8(&asked.body).map_err(|_| Refused::Unreadable("the body"))?;
    let proof = node.peer_key.answer(node.installation.node(), body, refusal.as_deref());
    json(&Checked { refusal, proof })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: NodeId = NodeId([1; 16]);
    const THERE: NodeId = NodeId([2; 16]);

    #[test]
    fn where_a_node_is_asked_is_written_and_read() {
        let read = |text: &str| text.parse::<PeerAddress>();
        for text in ["http://127.0.0.1:8700", "http://[::1]:8700", "https://10.0.0.1:443#cordon.example.org"] {
            assert_eq!(read(text).expect("an address").to_string(), text);
        }
        for text in ["", "10.0.0.1:443", "https://10.0.0.1:443", "http://cordon.example.org", "ftp://10.0.0.1:1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_question_is_of_one_node_at_one_time() {
        let key = PeerKey(hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]));
        let now = Moment(1_790_000_000_000);
        let proof = key.prove(HERE, "{}", now);
        let is_proved = |proof: &str, node, body, ms| key.is_proved(proof, node, body, now.plus_ms(ms));
        assert!(is_proved(&proof, HERE, "{}", 0) && is_proved(&proof, HERE, "{}", 60_000));
        assert!(!is_proved(&proof, HERE, "{ }", 0) && !is_proved(&proof, HERE, "{}", 60_001));
        assert!(!is_proved(&proof, THERE, "{}", 0), "another node");
        let other = PeerKey(hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]));
        assert!(!other.is_proved(&proof, HERE, "{}", now));
        let least = format!("{}.{}", i64::MIN, "0".repeat(64));
        for text in ["", ".", "1.", "x.y", &least, proof.trim_start_matches(char::is_numeric), &format!("{proof}00")] {
            assert!(!is_proved(text, HERE, "{}", 0), "{text}");
        }
    }

    #[test]
    fn an_answer_is_of_the_node_that_was_asked_to_what_it_was_asked() {
        let key = PeerKey(hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]));
        let refusal = Some("it was revoked".to_owned());
        let said = Checked { proof: key.answer(HERE, "{1}", refusal.as_deref()), refusal };
        assert!(key.is_answer(&said, HERE, "{1}"));
        assert!(!key.is_answer(&said, THERE, "{1}") && !key.is_answer(&said, HERE, "{2}"));
        assert!(!key.is_answer(&Checked { refusal: None, ..said }, HERE, "{1}"), "another answer");
    }
}
