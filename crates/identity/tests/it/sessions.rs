//! Sessions and access keys: what they give, and when they end.

use cordon_domain::{
    Action, Credential, CredentialKind, Moment, Outcome, PrincipalId, PrincipalKind, Record, RecordKey, Revoked, Step,
    VendorId,
};
use cordon_gate::Denial;
use cordon_gate::act::Issue;
use cordon_gate::{Facts, Request};
use cordon_identity::device::DeviceKey;
use cordon_identity::login::{Enrol, LoginRequest, Redeemed, redeemed};
use cordon_identity::session::{access_key, service_key};
use cordon_identity::signature::{Asked, Covers, SignatureError, Signer, Unsigned};
use cordon_identity::{AccessKey, IdentityError, SignedIn};
use cordon_store::Change;

use crate::office::{NOW, Office, principal, visit};

const ADA: PrincipalId = PrincipalId([1; 16]);
const HOST: &str = "localhost:8700";

/// A request that is signed with a key, as a client of S3 sends it.
fn signed(office: &Office, key: &AccessKey) -> Result<(), String> {
    let signer =
        Signer { access_key: &key.id, secret: &key.secret, token: &key.token, region: "us-east-1", service: "s3" };
    let headers = signer.sign(&Unsigned::plain("GET", HOST, "/bucket/key"), Covers::Body(b""), office.identity.now());
    let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("host", HOST));
    let asked =
        Asked { method: "GET", path: "/bucket/key", query: "", headers: &headers, body_sha256: None, service: "s3" };
    office.identity.signed(&asked).map(|credential| assert_eq!(credential, key.credential)).map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_when_signed_out() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let other = office.signed_in(&mut passkey).await;
    let take = async |session| office.identity.take_keys(session, &visit()).await.ok().expect("fresh");
    let (key, others) = (take(&entered.session).await, take(&other.session).await);
    office.identity.sign_out(&entered.session, entered.session.id, &visit()).await.expect("signed out");
    assert_eq!(signed(&office, &key), Err("it was revoked".to_owned()), "the key that came from it");
    assert_eq!(signed(&office, &others), Ok(()), "and no other");
    let ended = |token: &str| office.identity.session(token).err().map(|error| error.to_string());
    assert_eq!(ended(&entered.token), Some("it was revoked".to_owned()));
    assert_eq!(ended(&other.token), None, "another session goes on");
    office.clock.turn_ms(CredentialKind::Session.life_ms_max());
    assert_eq!(ended(&other.token), Some("it has ended: sign in again".to_owned()));
}

#[tokio::test]
async fn a_session_is_proved_anew_and_stays_the_same_one() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    office.clock.turn_ms(600_000);
    let (id, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = passkey.sign_in(&options).to_string();
    let again = office
        .identity
        .sign_in_with_passkey(&id, &answer, &visit(), Some(&entered.session))
        .await
        .ok()
        .expect("proved");
    assert_eq!(again.session.id, entered.session.id);
    assert_eq!(again.session.actor(office.identity.now()).mfa_age_s, Some(0));
    assert_eq!(entered.session.actor(office.identity.now()).mfa_age_s, Some(600));
}

#[tokio::test]
async fn an_access_key_says_how_it_was_proved_and_lives_no_longer() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    office.clock.turn_ms(120_000);
    let key = office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh enough");
    assert_eq!(key.credential.issued_at, NOW.plus_ms(120_000));
    assert_eq!(key.credential.factor_at, NOW, "when the passkey was shown, not when the key was taken");
    assert_eq!(key.credential.expires_at, NOW.plus_ms(CredentialKind::AccessKey.life_ms_max()));
    assert_eq!(signed(&office, &key), Ok(()));
    let longer = Credential { expires_at: entered.session.expires_at.plus_ms(1), ..entered.session };
    let other = office.identity.take_keys(&longer, &visit()).await.ok().expect("fresh enough");
    assert_eq!(other.credential.expires_at, key.credential.expires_at, "whatever the session does");
    office.clock.turn_ms(300_000);
    let late = office.identity.take_keys(&entered.session, &visit()).await.err().expect("refused");
    assert!(matches!(late, IdentityError::Denied(Denial::Refused(_))), "{late}");
    office.clock.turn_ms(CredentialKind::AccessKey.life_ms_max() - 420_001);
    assert_eq!(signed(&office, &key), Ok(()), "its last moment");
    office.clock.turn_ms(1);
    assert_eq!(signed(&office, &key), Err("it has ended: sign in again".to_owned()));
}

/// Who reads a body that is signed piece by piece knows whose key it is first, and what the signature is for.
#[tokio::test]
async fn whose_key_a_request_names_is_told_with_what_its_signature_is_for() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let key = office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh");
    let recognised = |query: &str, headers: &[(&str, &str)]| {
        let headers = [&[("host", HOST)], headers].concat();
        let asked = Asked { method: "GET", path: "/b/k", query, headers: &headers, body_sha256: None, service: "s3" };
        let known = office.identity.recognise(&asked).ok().expect("known");
        assert_eq!((known.credential, known.secret.as_str()), (key.credential, key.secret.as_str()));
        (known.presigned_s, known.region)
    };
    let scope = format!("{}/20261125/eu-west-9/s3/aws4_request", key.id);
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date=20261125T120000Z&X-Amz-Expires=3600\
         &X-Amz-SignedHeaders=host&X-Amz-Security-Token={}&X-Amz-Signature=00",
        key.token.as_str()
    );
    assert_eq!(recognised(&query, &[]), (Some(3_600), "eu-west-9".to_owned()));
    let signer =
        Signer { access_key: &key.id, secret: &key.secret, token: &key.token, region: "us-east-1", service: "s3" };
    let headers = signer.sign(&Unsigned::plain("GET", HOST, "/b/k"), Covers::Body(b""), office.identity.now());
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(recognised("", &headers), (None, "us-east-1".to_owned()));
}

/// To show that a key is refused, it is made again.
#[tokio::test]
async fn a_key_that_is_made_again_is_the_one_that_was_taken() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let key = office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh");
    let again = access_key(office.installation.keys(), key.credential).expect("the keys are there").expect("made");
    assert_eq!((&again.id, again.secret.as_str()), (&key.id, key.secret.as_str()));
    assert_eq!(signed(&office, &again), Ok(()));
}

#[tokio::test]
async fn what_is_signed_with_anything_else_is_refused() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let take = async || office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh");
    let (one, two) = (take().await, take().await);
    let mixed = |id: &AccessKey, secret: &AccessKey, token: &AccessKey| {
        let copy = |key: &AccessKey| key.secret.clone();
        signed(
            &office,
            &AccessKey {
                credential: token.credential,
                id: id.id.clone(),
                secret: copy(secret),
                token: token.token.clone(),
            },
        )
    };
    assert_eq!(mixed(&one, &one, &one), Ok(()));
    assert_eq!(mixed(&one, &two, &one), Err(SignatureError::Wrong.to_string()));
    assert_eq!(mixed(&two, &two, &one), Err("the session token is of another access key".to_owned()));
    let session =
        AccessKey { credential: one.credential, id: one.id.clone(), secret: one.secret.clone(), token: entered.token };
    assert_eq!(
        signed(&office, &session),
        Err("this is no access key of this installation".to_owned()),
        "a session is none"
    );
    assert!(office.identity.session(&one.token).is_err(), "nor is a key a session");
}

#[tokio::test]
async fn everything_dies_with_whose_it_is() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let device = DeviceKey::draw().expect("a key");
    let (session, key) = logged_in(&office, &entered.session, &device).await;
    let id = key.credential.device.expect("issued on it");
    assert_eq!(office.identity.device_with(ADA, &device.public()).ok(), Some(Some(id)));
    assert_eq!(office.identity.device_with(PrincipalId([2; 16]), &device.public()).ok(), Some(None), "nobody else's");
    let (kept, kept_key) = (
        office.signed_in(&mut passkey).await,
        office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh"),
    );
    let state = |token: &str, key: &AccessKey| (office.identity.session(token).is_ok(), signed(&office, key).is_ok());
    assert_eq!(state(&session.token, &key), (true, true));
    let revoked = Revoked { credential: key.credential.id, principal: ADA };
    office.revoke(Some(ADA), Step::Put(Record::Revoked(revoked))).await;
    assert_eq!(state(&session.token, &key), (true, false), "the key alone");
    office.revoke(None, Step::End(RecordKey::Device(id))).await;
    assert_eq!(state(&session.token, &key), (false, false), "what was issued on the device");
    assert_eq!(state(&kept.token, &kept_key), (true, true), "and nothing else");
    office.revoke(Some(ADA), Step::End(RecordKey::Principal(ADA))).await;
    assert_eq!(state(&kept.token, &kept_key), (false, false));
    let (ceremony, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = passkey.sign_in(&options).to_string();
    let back = office.identity.sign_in_with_passkey(&ceremony, &answer, &visit(), None).await;
    assert!(matches!(back, Err(IdentityError::Wrong)), "she is not there");
}

#[tokio::test]
async fn a_vendors_person_signs_in_while_the_contract_runs() {
    let office = Office::open().await;
    office.vendor(NOW.plus_ms(3_600_000)).await;
    office.bring_in(principal(5, PrincipalKind::Vendor), Some("eve@vendor.example")).await;
    let (mut passkey, _) = office.with_passkey(5).await;
    let entered = office.signed_in(&mut passkey).await;
    let key = office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh");
    assert_eq!(signed(&office, &key), Ok(()));
    assert_eq!(key.credential.expires_at, NOW.plus_ms(3_600_000), "no longer than the contract, as it was then");
    office.vendor(NOW.plus_ms(60_000)).await;
    office.clock.turn_ms(59_999);
    assert_eq!(signed(&office, &key), Ok(()), "its last moment");
    office.clock.turn_ms(1);
    let ended = "the contract that it rests on does not run";
    assert_eq!(signed(&office, &key), Err(ended.to_owned()));
    assert_eq!(office.identity.session(&entered.token).expect_err("ended").to_string(), ended);
    let (ceremony, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = passkey.sign_in(&options).to_string();
    let late = office.identity.sign_in_with_passkey(&ceremony, &answer, &visit(), None).await.err().expect("refused");
    assert!(late.to_string().contains("a contract that runs"), "{late}");
}

#[tokio::test]
async fn what_a_vendors_people_have_ends_with_their_vendor() {
    let office = Office::open().await;
    office.vendor(NOW.plus_ms(3_600_000)).await;
    office.bring_in(principal(5, PrincipalKind::Vendor), Some("eve@vendor.example")).await;
    let (mut passkey, _) = office.with_passkey(5).await;
    let entered = office.signed_in(&mut passkey).await;
    let key = office.identity.take_keys(&entered.session, &visit()).await.ok().expect("fresh");
    assert!(office.identity.session(&entered.token).is_ok());
    assert_eq!(signed(&office, &key), Ok(()));
    office.revoke(None, Step::End(RecordKey::Vendor(VendorId([1; 16])))).await;
    assert!(office.identity.session(&entered.token).is_err() && signed(&office, &key).is_err());
    let (ceremony, options) = office.identity.begin_sign_in(&visit()).expect("begun");
    let answer = passkey.sign_in(&options).to_string();
    assert!(office.identity.sign_in_with_passkey(&ceremony, &answer, &visit(), None).await.is_err());
}

#[tokio::test]
async fn a_service_has_keys_while_its_owner_is_there() {
    let office = Office::open().await;
    let service = principal(6, PrincipalKind::Service);
    office.bring_in(service.clone(), None).await;
    let until = NOW.plus_ms(86_400_000);
    let (access, key) = service_key(office.installation.keys(), &service, NOW, until).expect("keys");
    let key = key.expect("a key");
    let target = cordon_domain::Target { principal: Some(service.id), record: access.names(), ..Default::default() };
    let actor =
        cordon_domain::Actor { kind: PrincipalKind::Person, ..cordon_domain::Actor::service(PrincipalId([99; 16])) };
    let facts = Facts { target, ..office.identity.facts(Action::CredentialIssue, actor, &visit()) };
    let issued =
        office.gate.change(Request::<Issue>::new(facts), Change::Access(Box::new(access))).await.expect("issued");
    drop(issued.spend());
    assert_eq!(signed(&office, &key), Ok(()));
    office.revoke(Some(ADA), Step::End(RecordKey::Principal(ADA))).await;
    assert_eq!(signed(&office, &key), Err("whose it is, or whoever answers for them, has ended".to_owned()));
    let long = Moment(NOW.0 + CredentialKind::ServiceKey.life_ms_max() + 1);
    let (long, _) = service_key(office.installation.keys(), &service, NOW, long).expect("keys");
    assert!(!long.issued[0].is_bounded());
}

/// Somebody is signed in on the command line of a device, which that enrols.
async fn logged_in(office: &Office, session: &Credential, device: &DeviceKey) -> (SignedIn, AccessKey) {
    let (request, verifier) = LoginRequest::begin(40_000, "ada's laptop".to_owned());
    let proof = device.show(&request.text(), office.identity.now());
    let code = office.identity.allow_login(session, &request, (&proof, Enrol::Yes), &visit()).ok().expect("allowed");
    let proof = device.show(&redeemed(&code), office.identity.now());
    let given = office.identity.redeem_login(&code, &verifier, &proof, &visit()).await.ok().expect("given");
    (given.entered, given.key)
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_kept_as_one_short_line() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let session = office.signed_in(&mut passkey).await.session;
    let proof = DeviceKey::draw().expect("a key").show("a login", office.identity.now());
    let claimed = format!("ada's\t\u{1b}[31m lap\ntop{}", "p".repeat(200));
    let id = office.identity.enrol_device(&session, &proof, &claimed, &visit()).await.ok().expect("enrolled");
    let snapshot = office.identity.snapshot().expect("whole");
    let kept = &snapshot.roster().devices[&id].claimed;
    assert_eq!(*kept, format!("ada's[31m laptop{}", "p".repeat(112)));
}

#[tokio::test]
async fn a_program_on_the_same_machine_gets_what_was_allowed_once() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let session = office.signed_in(&mut passkey).await.session;
    let device = DeviceKey::draw().expect("a key");
    let (request, verifier) = LoginRequest::begin(40_000, "ada's laptop".to_owned());
    let verifier = verifier.as_str();
    let proof = device.show(&request.text(), office.identity.now());
    assert_eq!(office.identity.login_from(&session, &request, &proof).ok(), Some(None), "it is not enrolled");
    let code = office.identity.allow_login(&session, &request, (&proof, Enrol::Yes), &visit()).ok().expect("allowed");
    let redeem = async |code, verifier: &str, device: &DeviceKey| {
        let proof = device.show(&redeemed(code), office.identity.now());
        office.identity.redeem_login(code, verifier, &proof, &visit()).await
    };
    let Redeemed { entered, key, bind } = redeem(&code, verifier, &device).await.ok().expect("given");
    let bind = bind.expect("it is enrolled now");
    let other = office.signed_in(&mut passkey).await.session;
    assert!(office.identity.bind_browser(&other, &bind, &visit()).await.is_err(), "another browser");
    assert!(office.identity.bind_browser(&session, &bind, &visit()).await.is_err(), "and then nobody");
    assert!(entered.session.device.is_some() && key.credential.device == entered.session.device, "on its device");
    assert_eq!(entered.session.factor_at, session.factor_at, "as fresh as the sign-in in the browser");
    assert_eq!(signed(&office, &key), Ok(()));
    assert!(redeem(&code, verifier, &device).await.is_err(), "once");
    let again =
        async || office.identity.allow_login(&session, &request, (&proof, Enrol::No), &visit()).ok().expect("allowed");
    let code = again().await;
    assert!(redeem(&code, "another verifier", &device).await.is_err(), "another program");
    let other = DeviceKey::draw().expect("a key");
    let code = again().await;
    assert!(redeem(&code, verifier, &other).await.is_err(), "another device");
    let late = again().await;
    office.clock.turn_ms(301_000);
    assert!(redeem(&late, verifier, &device).await.is_err(), "the code is too old");
    let late = again().await;
    let issued = async || {
        let keys = office.installation.keys();
        office.installation.reader().credentials(keys, ADA, office.identity.now()).await.expect("reads").len()
    };
    let before = issued().await;
    assert!(redeem(&late, verifier, &device).await.is_err(), "the sign-in is too old");
    assert_eq!(issued().await, before, "nothing was issued that nobody was given");
    let refused = office.events(Action::SessionKeys).await;
    assert_eq!(refused.last().map(|(outcome, about, _)| (*outcome, *about)), Some((Outcome::Denied, Some(ADA))));
    office.clock.turn_ms(600_000);
    assert!(office.identity.login_from(&session, &request, &proof).is_err(), "the request is too old");
    for wrong in [
        LoginRequest { port: 80, ..request.clone() },
        LoginRequest { challenge: "x".to_owned(), ..request.clone() },
        LoginRequest { state: "a b&c=d\"><".to_owned(), ..request.clone() },
        LoginRequest { claimed: "x".repeat(500), ..request.clone() },
    ] {
        let proof = device.show(&wrong.text(), office.identity.now());
        assert!(office.identity.login_from(&session, &wrong, &proof).is_err(), "{wrong:?}");
    }
}
