//! Signing in, as people do it.

use cordon_domain::{Action, Factor, Outcome, PrincipalId};
use cordon_gate::Denial;
use cordon_identity::{IdentityError, Password, Visit};
use cordon_testkit::SoftPasskey;
use totp_rs::{Algorithm, Builder};

use crate::office::{ORIGIN, Office, visit};

const ADA: PrincipalId = PrincipalId([1; 16]);
const NAME: &str = "ada@example.org";

fn password(text: &str) -> Password {
    Password::given(text.to_owned())
}

fn good() -> Password {
    password("correct horse battery")
}

/// The code of an authenticator app that has read an address.
fn code(address: &str, office: &Office) -> String {
    use cordon_domain::Clock as _;
    let secret = address.split("secret=").nth(1).expect("a secret");
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let app = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret).build_noncompliant();
    app.generate(office.clock.now().unix_s() as u64).to_string()
}

#[tokio::test]
async fn a_link_sets_a_passkey_once_and_the_passkey_signs_in() {
    let office = Office::open().await;
    let link = office.link(1).await;
    let offer = office.identity.open_link(&link, &visit()).await.ok().expect("it counts");
    let again = office.identity.open_link(&link, &visit()).await;
    assert!(again.is_ok(), "looking does not use it up: mail programs look");
    assert_eq!(offer.name, NAME);
    let mut passkey = SoftPasskey::new(ORIGIN);
    let options = office.identity.begin_passkey(&offer.id).await.expect("begun");
    let answer = passkey.register(&options).to_string();
    let welcome = office.identity.set_passkey(&offer.id, &answer, "laptop", &visit()).await.ok().expect("set");
    assert_eq!(welcome.recovery.len(), 10);
    assert!(matches!(office.identity.open_link(&link, &visit()).await, Err(IdentityError::Link)), "it was used");
    let entered = office.signed_in(&mut passkey).await;
    assert_eq!((entered.session.principal, entered.session.factor), (ADA, Factor::PhishingResistant));
    let session = office.identity.session(&entered.token).expect("it counts");
    assert_eq!(session, entered.session);
    let ways = office.identity.ways(ADA).await.expect("reads");
    let way = ways.iter().find(|(_, way)| way.kind() == "passkey").expect("the one").0.id;
    let events = office.events(Action::SignIn).await;
    assert!(events.contains(&(Outcome::Allowed, Some(ADA), Some(way))), "{events:?}");
}

#[tokio::test]
async fn two_who_have_one_link_set_one_way() {
    let office = Office::open().await;
    let link = office.link(1).await;
    let open = async || office.identity.open_link(&link, &visit()).await.ok().expect("it counts");
    let (first, second) = (open().await, open().await);
    for (offer, sets) in [(first, true), (second, false)] {
        let mut passkey = SoftPasskey::new(ORIGIN);
        let options = office.identity.begin_passkey(&offer.id).await.expect("begun");
        let answer = passkey.register(&options).to_string();
        let set = office.identity.set_passkey(&offer.id, &answer, "", &visit()).await;
        assert_eq!(set.is_ok(), sets);
    }
    office.clock.turn_ms(cordon_identity::limits::INVITATION_MS);
    assert!(office.identity.open_link(&office.link(2).await, &visit()).await.is_ok());
}

#[tokio::test]
async fn a_password_with_a_code_signs_in_and_each_code_once() {
    let office = Office::open().await;
    let offer = office.offer(1).await;
    let identity = &office.identity;
    let weak = identity.set_password(&offer.id, password("short"), "000000", &visit()).await;
    assert!(matches!(weak, Err(IdentityError::Weak(_))));
    let wrong = identity.set_password(&offer.id, good(), "000000", &visit()).await;
    assert!(matches!(wrong, Err(IdentityError::Wrong)), "the app does not have the secret yet");
    let first = code(&offer.codes, &office);
    let welcome = identity.set_password(&offer.id, good(), &first, &visit()).await.ok().expect("set");
    let enter = async |name: &str, password, code: &str| {
        identity.sign_in_with_password(name, password, code, &visit(), None).await.map(|entered| entered.session)
    };
    assert!(enter(NAME, good(), &first).await.is_err(), "the code that set it");
    office.clock.turn_ms(30_000);
    let next = code(&offer.codes, &office);
    let session = enter(NAME, good(), &next).await.expect("signed in");
    assert_eq!((session.principal, session.factor), (ADA, Factor::Code));
    for (name, password, code) in [
        (NAME, good(), next.as_str()),
        (NAME, password("correct horse batterz"), "123456"),
        ("nobody@example.org", good(), "123456"),
        ("\u{430}da@example.org", good(), "123456"),
        ("", good(), ""),
    ] {
        assert!(matches!(enter(name, password, code).await, Err(IdentityError::Wrong)), "{name} {code}");
    }
    let recovery = welcome.recovery[0].as_str();
    assert!(enter(NAME, good(), recovery).await.is_ok(), "a recovery code in its place");
    assert!(matches!(enter(NAME, good(), recovery).await, Err(IdentityError::Wrong)), "once");
    let refused = office.events(Action::SignIn).await;
    let refused: Vec<_> = refused.iter().filter(|event| event.0 == Outcome::Denied).map(|event| event.1).collect();
    assert_eq!(
        refused,
        [Some(ADA), Some(ADA), Some(ADA), None, None, None, Some(ADA)],
        "each is recorded, about whom is known"
    );
}

#[tokio::test]
async fn one_code_signs_in_once_however_many_come_with_it() {
    let office = Office::open().await;
    let offer = office.offer(1).await;
    let first = code(&offer.codes, &office);
    office.identity.set_password(&offer.id, good(), &first, &visit()).await.ok().expect("set");
    office.clock.turn_ms(60_000);
    let code = code(&offer.codes, &office);
    let enter = async || office.identity.sign_in_with_password(NAME, good(), &code, &visit(), None).await.is_ok();
    let (one, two, three) = tokio::join!(enter(), enter(), enter());
    assert_eq!([one, two, three].iter().filter(|entered| **entered).count(), 1);
}

#[tokio::test]
async fn a_stranger_locks_nobody_out_who_has_a_passkey_or_a_known_browser() {
    let office = Office::open().await;
    let offer = office.offer(1).await;
    let first = code(&offer.codes, &office);
    office.identity.set_password(&offer.id, good(), &first, &visit()).await.ok().expect("set");
    let (mut passkey, welcome) = office.with_passkey(1).await;
    assert!(welcome.recovery.is_empty(), "there are some already");
    office.clock.turn_ms(30_000);
    let next = code(&offer.codes, &office);
    let known =
        office.identity.sign_in_with_password(NAME, good(), &next, &visit(), None).await.ok().expect("signed in");
    let stranger = |n: u8| Visit::from([203, 0, 113, n].into());
    let mut told = 0;
    for n in 0..20 {
        let from = stranger(n);
        let guess = office.identity.sign_in_with_password(NAME, password("a guess of mine"), "1", &from, None);
        told += u32::from(matches!(guess.await, Err(IdentityError::Throttled(_))));
    }
    assert_eq!(told, 10, "ten are checked, ten are told to wait");
    office.clock.turn_ms(30_000);
    let right = code(&offer.codes, &office);
    let unknown = office.identity.sign_in_with_password(NAME, good(), &right, &stranger(99), None).await;
    assert!(matches!(unknown, Err(IdentityError::Throttled(_))), "a device that is not known waits, too");
    let forged = Visit { browser: Some("A".repeat(80)), ..stranger(99) };
    let forged = office.identity.sign_in_with_password(NAME, good(), &right, &forged, None).await;
    assert!(matches!(forged, Err(IdentityError::Throttled(_))));
    let browser = Visit { browser: Some(known.browser), ..visit() };
    assert!(office.identity.sign_in_with_password(NAME, good(), &right, &browser, None).await.is_ok());
    office.signed_in(&mut passkey).await;
}

#[tokio::test]
async fn a_recovery_code_sets_another_passkey_for_who_lost_theirs() {
    let office = Office::open().await;
    let (_lost, welcome) = office.with_passkey(1).await;
    let code = welcome.recovery[4].as_str();
    assert!(matches!(office.identity.recover("bob@example.org", code, &visit()).await, Err(IdentityError::Wrong)));
    let offer = office.identity.recover(NAME, code, &visit()).await.ok().expect("hers");
    let mut passkey = SoftPasskey::new(ORIGIN);
    let options = office.identity.begin_passkey(&offer.id).await.expect("begun");
    let answer = passkey.register(&options).to_string();
    office.identity.set_passkey(&offer.id, &answer, "another", &visit()).await.ok().expect("set");
    office.signed_in(&mut passkey).await;
    assert!(matches!(office.identity.recover(NAME, code, &visit()).await, Err(IdentityError::Wrong)), "it was used");
}

#[tokio::test]
async fn a_further_way_takes_a_fresh_passkey() {
    let office = Office::open().await;
    let (mut passkey, _) = office.with_passkey(1).await;
    let entered = office.signed_in(&mut passkey).await;
    let add = async || {
        let offer = office.identity.add_way(&entered.session, &visit()).await.ok().expect("may try");
        let mut second = SoftPasskey::new(ORIGIN);
        let options = office.identity.begin_passkey(&offer.id).await.expect("begun");
        let answer = second.register(&options).to_string();
        office.identity.set_passkey(&offer.id, &answer, "second", &visit()).await.map(|_| second)
    };
    let mut second = add().await.ok().expect("fresh");
    office.signed_in(&mut second).await;
    office.clock.turn_ms(301_000);
    let late = add().await.err().expect("refused");
    let IdentityError::Denied(Denial::Refused(refusal)) = late else { panic!("{late}") };
    assert_eq!(refusal.missing, ["a sign-in not older than 5 minutes"]);
}
