//! What those send who are not let in: refused with a reason, recorded, and nothing breaks.

use cordon_domain::{Action, Outcome, PrincipalId};
use cordon_identity::{CeremonyId, IdentityError};
use cordon_testkit::SoftPasskey;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::office::{ORIGIN, Office, visit};

const ADA: PrincipalId = PrincipalId([1; 16]);

/// A sign-in that an attacker shaped: what the passkey is asked, and what becomes of its answer.
async fn entered(office: &Office, passkey: &mut SoftPasskey, shape: impl Fn(&mut Value)) -> Result<(), String> {
    let (id, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let mut answer = passkey.sign_in(&options);
    shape(&mut answer);
    let entered = office.identity.sign_in_with_passkey(&id, &answer.to_string(), &visit(), None).await;
    entered.map(drop).map_err(|error| error.to_string())
}

fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    let text = answer.pointer(&format!("/response/{field}")).and_then(Value::as_str).expect("a field");
    BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url")
}

fn put(answer: &mut Value, field: &str, bytes: &[u8]) {
    answer["response"][field] = BASE64URL_NOPAD.encode(bytes).into();
}

#[tokio::test]
async fn answers_to_other_challenges_pages_and_people_are_refused() {
    let office = Office::open().await;
    let (mut ada, _) = office.with_passkey(1).await;
    let (mut bob, _) = office.with_passkey(2).await;
    assert_eq!(entered(&office, &mut ada, |_| {}).await, Ok(()));

    let (id, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = ada.sign_in(&options).to_string();
    let enter = async |id: &CeremonyId| office.identity.sign_in_with_passkey(id, &answer, &visit(), None).await;
    assert!(enter(&id).await.is_ok());
    assert!(matches!(enter(&id).await, Err(IdentityError::Ceremony)), "the same answer again");
    let (other, _) = office.identity.begin_sign_in(&visit()).expect("begun");
    assert!(matches!(enter(&other).await, Err(IdentityError::Passkey(_))), "to another challenge");
    assert!(matches!(enter(&CeremonyId::given("never")).await, Err(IdentityError::Ceremony)));
    let (late, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = ada.sign_in(&options).to_string();
    office.clock.turn_ms(cordon_identity::limits::CEREMONY_MS);
    let late = office.identity.sign_in_with_passkey(&late, &answer, &visit(), None).await;
    assert!(matches!(late, Err(IdentityError::Ceremony)), "too late");

    for origin in [
        "http://localhost:8701",
        "https://localhost:8700",
        "http://localhost.evil.example:8700",
        "http://evil.example",
        "",
    ] {
        ada.origin = origin.to_owned();
        assert!(entered(&office, &mut ada, |_| {}).await.is_err(), "{origin}");
    }
    ada.origin = ORIGIN.to_owned();
    ada.verifies = false;
    assert!(entered(&office, &mut ada, |_| {}).await.is_err(), "whoever held it was not verified");
    ada.verifies = true;
    let counter = ada.counter;
    ada.counter = 0;
    assert!(entered(&office, &mut ada, |_| {}).await.is_err(), "a copy of the passkey: its counter is behind");
    ada.counter = counter;
    let claims_ada = |answer: &mut Value| put(answer, "userHandle", &ADA.0);
    assert!(entered(&office, &mut bob, claims_ada).await.is_err(), "Bob as Ada");
    let nobody = |answer: &mut Value| put(answer, "userHandle", &[77; 16]);
    assert!(entered(&office, &mut bob, nobody).await.is_err());
    let without = |answer: &mut Value| answer["response"]["userHandle"] = Value::Null;
    assert!(entered(&office, &mut bob, without).await.is_err());
    for field in ["signature", "authenticatorData", "clientDataJSON"] {
        for place in [0, 33, 40] {
            let flip = |answer: &mut Value| {
                let mut bytes = bytes(answer, field);
                let last = bytes.len() - 1;
                bytes[place.min(last)] ^= 1;
                put(answer, field, &bytes);
            };
            assert!(entered(&office, &mut ada, flip).await.is_err(), "{field} {place}");
        }
        assert!(entered(&office, &mut ada, |answer| put(answer, field, &[])).await.is_err(), "{field} empty");
    }
    assert_eq!(entered(&office, &mut ada, |_| {}).await, Ok(()), "she herself, still");
    let refused = office.events(Action::SignIn).await.iter().filter(|event| event.0 == Outcome::Denied).count();
    assert!(refused >= 10, "recorded up to the bound of a minute: {refused}");
}

/// Sets a passkey with an attestation of some shape.
async fn is_set(office: &Office, passkey: &mut SoftPasskey, shape: &[u8]) -> bool {
    let id = office.offer(1).await.id;
    let options = office.identity.begin_passkey(&id).await.expect("begun");
    let mut answer = passkey.register(&options);
    put(&mut answer, "attestationObject", shape);
    office.identity.set_passkey(&id, &answer.to_string(), "x", &visit()).await.is_ok()
}

#[tokio::test]
async fn malformed_attestations_are_refused_and_never_a_panic() {
    let office = Office::open().await;
    let mut passkey = SoftPasskey::new(ORIGIN);
    let base =
        passkey.register(&json!({"publicKey": {"rp": {"id": "localhost"}, "user": {"id": "AQ"}, "challenge": "AA"}}));
    let object = bytes(&base, "attestationObject");
    let torn: Vec<Vec<u8>> = (0..object.len()).step_by(7).map(|end| object[..end].to_vec()).collect();
    // Arrays within arrays, a map that says it is larger than memory, a string without end.
    let nested = vec![0x81; 20_000];
    let endless = vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let chunked = [&[0x5f][..], &[0x41, 0x00].repeat(5_000)].concat();
    for shape in torn.into_iter().chain([nested, endless, chunked]) {
        assert!(!is_set(&office, &mut passkey, &shape).await, "{shape:x?}");
    }
    for place in (0..object.len()).step_by(3) {
        let office = Office::open().await;
        for with in [0x00, 0x1b, 0x5b, 0x7f, 0x9b, 0xbb, 0xdb, 0xff] {
            let mut other = object.clone();
            other[place] = with;
            // What it says of its make, and its counter, are not signed: such a change may stand.
            let _ = is_set(&office, &mut passkey, &other).await;
        }
    }
    for text in ["", "null", "{}", "[[[[", &"[".repeat(60_000), &"x".repeat(70_000)] {
        let id = office.offer(2).await.id;
        office.identity.begin_passkey(&id).await.expect("begun");
        let set = office.identity.set_passkey(&id, text, "x", &visit()).await;
        assert!(matches!(set, Err(IdentityError::Passkey(_))), "{}", text.len());
    }
}

#[tokio::test]
async fn links_that_never_were_are_refused_and_recorded() {
    let office = Office::open().await;
    let link = office.link(1).await;
    let other = format!("{}{}", &link[..link.len() - 2], if link.ends_with("AA") { "BA" } else { "AA" });
    for text in ["", "cordon_i_", &other, &link[1..], &"A".repeat(5_000), "cordon_i_\u{430}"] {
        assert!(matches!(office.identity.open_link(text, &visit()).await, Err(IdentityError::Link)), "{text}");
    }
    office.clock.turn_ms(cordon_identity::limits::INVITATION_MS);
    assert!(matches!(office.identity.open_link(&link, &visit()).await, Err(IdentityError::Link)), "it has ended");
    let refused = office.events(Action::InvitationAccept).await;
    assert_eq!(refused.len(), 7);
    assert!(refused.iter().all(|event| event.0 == Outcome::Denied && event.1.is_none()));
}
