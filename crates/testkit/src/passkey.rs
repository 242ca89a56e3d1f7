//! A passkey in memory: answers what a browser is asked, as WebAuthn Level 3 writes it; or answers wrongly on command.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

/// A passkey in memory.
pub struct SoftPasskey {
    pair: EcdsaKeyPair,
    id: [u8; 16],
    user: String,
    /// Counts signatures.
    pub counter: u32,
    /// The page that it believes to be on.
    pub origin: String,
    /// Whether it verifies its user.
    pub verifies: bool,
}

fn base64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn text<'a>(options: &'a Value, pointer: &str) -> &'a str {
    options.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl SoftPasskey {
    /// Makes one, for a page.
    ///
    /// # Panics
    ///
    /// Never: a key is generated.
    #[must_use]
    #[expect(clippy::expect_used, reason = "for tests: the machine gives random bytes")]
    pub fn new(origin: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let mut id = [0; 16];
        aws_lc_rs::rand::fill(&mut id).expect("random bytes");
        Self { pair, id, user: String::new(), counter: 0, origin: origin.to_owned(), verifies: true }
    }

    /// Answers a request to make a passkey.
    pub fn register(&mut self, options: &Value) -> Value {
        text(options, "/publicKey/user/id").clone_into(&mut self.user);
        let client = self.client_data("webauthn.create", text(options, "/publicKey/challenge"));
        let mut data = self.head(text(options, "/publicKey/rp/id"), WITH_KEY);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&(self.id.len() as u16).to_be_bytes());
        data.extend_from_slice(&self.id);
        data.extend_from_slice(&self.public_key());
        // A map of three: the format `none`, an empty statement, the data.
        let mut object =
            [&[0xa3, 0x63], &b"fmt"[..], &[0x64], b"none", &[0x67], b"attStmt", &[0xa0, 0x68], b"authData"].concat();
        object.extend_from_slice(&[0x59]);
        object.extend_from_slice(&(data.len() as u16).to_be_bytes());
        object.extend_from_slice(&data);
        json!({
            "id": base64(&self.id), "rawId": base64(&self.id), "type": "public-key", "extensions": {},
            "response": {"attestationObject": base64(&object), "clientDataJSON": base64(client.as_bytes())},
        })
    }

    /// Answers a request to sign in.
    ///
    /// # Panics
    ///
    /// Never: the key signs.
    #[expect(clippy::expect_used, reason = "for tests: the key is whole")]
    pub fn sign_in(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client = self.client_data("webauthn.get", text(options, "/publicKey/challenge"));
        let data = self.head(text(options, "/publicKey/rpId"), 0);
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("signs");
        json!({
            "id": base64(&self.id), "rawId": base64(&self.id), "type": "public-key", "extensions": {},
            "response": {
                "authenticatorData": base64(&data), "clientDataJSON": base64(client.as_bytes()),
                "signature": base64(signature.as_ref()), "userHandle": self.user,
            },
        })
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string()
    }

    fn head(&self, page: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = digest(&SHA256, page.as_bytes()).as_ref().to_vec();
        data.push(PRESENT | verified | flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// The public key in COSE: a map of type EC2, algorithm ES256, curve P-256, and the two coordinates.
    fn public_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y].concat()
    }
}
