//! What people and programs do at the edge, from end to end.

use std::time::{Duration, Instant};

use cordon_domain::{Action, CredentialKind, Outcome, PrincipalId, Record, Revoked, Step};
use cordon_identity::CeremonyId;
use cordon_identity::device::DeviceKey;
use cordon_identity::limits::WRONG_BY_ADDRESS;
use cordon_identity::login::{LoginRequest, redeemed};
use cordon_identity::session::access_key;
use cordon_identity::signature::{Covers, Signer, Unsigned};
use cordon_server::peers::{CHECK, PROOF, PeerKey};
use serde_json::{Value, json};

use crate::client::{Reply, Running};

const ADA: PrincipalId = PrincipalId([1; 16]);

#[tokio::test]
async fn somebody_sets_a_passkey_signs_in_looks_and_signs_out() {
    let running = Running::begin().await;
    let mut passkey = running.with_passkey(1).await;
    let entered = running.signs_in(&mut passkey, "").await;
    assert_eq!((entered.status, &entered.json()["next"]), (200, &json!("/approvals")));
    let set = entered.header("set-cookie");
    assert!(set.starts_with("cordon-session=cordon_s_") && set.contains("; HttpOnly; SameSite=Lax; "), "{set}");
    let cookies = entered.cookies();
    let home = running.get("/", &cookies).await;
    assert!(home.body.contains("<h1>ada@example.org</h1>") && home.body.contains("passkey: laptop"), "{}", home.body);
    assert!(home.body.contains("recovery codes: 10 left"), "{}", home.body);
    let me = running.get("/me", &cookies).await.json();
    assert_eq!((&me["principal"], &me["shown"]), (&json!(ADA.to_string()), &json!("a phishing-resistant factor")));
    let out = running.form("/sign-out", &cookies, &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert_eq!(running.get("/", &cookies).await.status, 303, "the cookie counts no more");
    running.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_the_same_whoever_it_is() {
    let running = Running::begin().await;
    running.with_passkey(1).await;
    let enter = async |name: &str| {
        let fields = [("name", name), ("password", "a guess of mine"), ("code", "123456"), ("next", "//evil.example")];
        running.form("/sign-in/password", "", &fields).await
    };
    let (known, unknown) = (enter("ada@example.org").await, enter("nobody@example.org").await);
    assert_eq!((known.status, unknown.status), (401, 401));
    assert_eq!(known.body, unknown.body, "nobody learns who exists");
    assert!(known.body.contains("this does not match what is known") && !known.body.contains("evil"));
    let recovering = async |name: &str| {
        running.post("/welcome/recover", "", &json!({"name": name, "code": "abcd-efgh-jkmn-pqrs"})).await.body
    };
    assert_eq!(recovering("ada@example.org").await, recovering("nobody@example.org").await);
    let events = running.office.events(Action::SignIn).await;
    assert_eq!(events.iter().filter(|event| event.0 == Outcome::Denied).count(), 2);
    running.end().await;
}

/// A header says nothing of where a request comes from: whoever guesses is one address, whatever they write into it.
#[tokio::test]
async fn a_forged_address_is_counted_as_the_one_that_it_comes_from() {
    let running = Running::begin().await;
    let origin = running.origin.clone();
    let guess = async |number: u32| {
        let forwarded = format!("203.0.113.{number}");
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [("origin", origin.as_str()), kind, ("x-forwarded-for", &forwarded)];
        let body = format!("name=nobody{number}%40example.org&password=a+guess+of+mine&code=123456&next=%2F");
        running.send("POST", "/sign-in/password", &headers, &body).await.body.contains("too many wrong attempts")
    };
    for number in 0..WRONG_BY_ADDRESS {
        assert!(!guess(number).await, "{number}");
    }
    assert!(guess(WRONG_BY_ADDRESS).await, "another name, and another forged address");
    running.end().await;
}

fn query(fields: &[(&str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Signs a request of STS, as clients of S3 do.
async fn caller(running: &Running, key: &Value) -> Reply {
    let text = |name: &str| key[name].as_str().expect("a text");
    let signer = Signer {
        access_key: text("id"),
        secret: text("secret"),
        token: text("token"),
        region: "us-east-1",
        service: "sts",
    };
    signed(running, &signer).await
}

async fn signed(running: &Running, signer: &Signer<'_>) -> Reply {
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let request = Unsigned::plain("POST", &running.listens, "/");
    let headers = signer.sign(&request, Covers::Body(body.as_bytes()), running.node.identity().now());
    let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("host", &running.listens));
    running.send("POST", "/", &all, body).await
}

#[tokio::test]
async fn a_program_signs_in_through_the_browser_and_its_keys_say_whose_they_are() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    let device = DeviceKey::draw().expect("a key");
    let (request, verifier) = LoginRequest::begin(40_000, "ada's <laptop>".to_owned());
    let proof = device.show(&request.text(), running.node.identity().now()).write();
    let fields = [
        ("port", "40000".to_owned()),
        ("challenge", request.challenge.clone()),
        ("state", request.state.clone()),
        ("claimed", request.claimed.clone()),
        ("proof", proof),
    ];
    let address = format!("/login?{}", query(&fields));
    assert_eq!(running.get(&address, "").await.status, 303, "somebody signs in first");
    let page = running.get(&address, &cookies).await;
    assert!(
        page.body.contains("ada&#39;s &#60;laptop&#62;") && page.body.contains("Enrol this computer"),
        "{}",
        page.body
    );
    let mut form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("enrol", "yes"));
    let allowed = running.form("/login", &cookies, &form).await;
    assert_eq!(allowed.status, 303, "{allowed:?}");
    let led = url::Url::parse(allowed.header("location")).expect("an address");
    assert_eq!((led.host_str(), led.port()), (Some("127.0.0.1"), Some(40_000)));
    let code = led.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    let given = CeremonyId::given(&code);
    let proof = device.show(&redeemed(&given), running.node.identity().now()).write();
    let redeem = json!({"code": code, "verifier": verifier.as_str(), "proof": proof});
    let login = running.send("POST", "/login/redeem", &[], &redeem.to_string()).await;
    assert_eq!(login.status, 200, "{login:?}");
    let login = login.json();
    assert!(login["device"].as_str().is_some_and(|device| device.starts_with("dv_")), "{login}");
    let again = running.send("POST", "/login/redeem", &[], &redeem.to_string()).await;
    assert_eq!(again.status, 401, "once");
    let who = caller(&running, &login["key"]).await;
    assert!(who.status == 200 && who.body.contains(&format!("<Account>{ADA}</Account>")), "{who:?}");
    let bind = format!("/login/bind?code={}", login["bind"].as_str().expect("a code"));
    let home = async |cookies: &str| running.get("/", cookies).await.body;
    assert!(home(&cookies).await.contains("on a device that is not enrolled"));
    let bound = running.get(&bind, &cookies).await;
    assert_eq!((bound.status, bound.header("location")), (303, "/"), "{bound:?}");
    assert!(home(&bound.cookies()).await.contains("on the enrolled device"), "the browser is on the same machine");
    assert_eq!(running.get(&bind, &cookies).await.status, 401, "once");
    let bearer = format!("Bearer {}", login["session"].as_str().expect("a session"));
    let me = running.send("GET", "/me", &[("authorization", &bearer)], "").await.json();
    assert_eq!(me["device"], login["device"]);
    let mut torn = login["key"].clone();
    torn["secret"] = json!("another");
    assert_eq!(caller(&running, &torn).await.status, 401);
    running.end().await;
}

/// The person at the machine revokes, in another process; the node refuses within a second, and says so.
#[tokio::test]
async fn what_is_revoked_beside_a_node_is_refused_there_within_a_second() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    let key = running.post("/keys", &cookies, &json!({})).await.json();
    assert_eq!(caller(&running, &key).await.status, 200);
    let (reader, keys) = (running.office.installation.reader(), running.office.installation.keys());
    let now = running.node.identity().now();
    let issued = reader.credentials(keys, ADA, now).await.expect("reads");
    let session = issued.iter().find(|one| one.kind == CredentialKind::Session).expect("a session");
    let check = async || {
        let body = json!({"credential": session.id.to_string()}).to_string();
        let proof = PeerKey::new(keys).expect("a key").prove(
            running.node.installation().node(),
            &body,
            running.node.identity().now(),
        );
        let headers = [(PROOF, proof.as_str()), ("host", running.listens.as_str())];
        running.send("POST", CHECK, &headers, &body).await.json()["refusal"].clone()
    };
    assert_eq!(check().await, Value::Null);
    let revoked = Revoked { credential: session.id, principal: ADA };
    running.office.revoke(Some(ADA), Step::Put(Record::Revoked(revoked))).await;
    let begun = Instant::now();
    while check().await == Value::Null {
        assert!(begun.elapsed() < Duration::from_secs(1), "it still counts after a second");
    }
    assert_eq!(check().await, "it was revoked");
    assert_eq!(running.get("/me", &cookies).await.status, 401);
    assert_eq!(
        caller(&running, &key).await.status,
        200,
        "the key was not revoked; the command revokes what came from it"
    );
    running.office.revoke(Some(ADA), Step::End(cordon_domain::RecordKey::Principal(ADA))).await;
    let begun = Instant::now();
    let credential = issued.iter().find(|one| one.kind == CredentialKind::AccessKey).expect("a key");
    let again = access_key(keys, *credential).expect("keys").expect("made again");
    let signer = Signer {
        access_key: &again.id,
        secret: &again.secret,
        token: &again.token,
        region: "us-east-1",
        service: "sts",
    };
    while signed(&running, &signer).await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(1), "it still counts after a second");
    }
    let refused = signed(&running, &signer).await;
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("<Code>ExpiredToken</Code><Message>whose it is was revoked<"), "{refused:?}");
    running.end().await;
}

#[tokio::test]
async fn a_node_publishes_the_log_and_says_where_it_answers() {
    let running = Running::begin().await;
    running.signed_in(1).await;
    let installation = &running.office.installation;
    let size = installation.reader().size().await.expect("reads");
    let checkpoint = installation.places().log().join("checkpoint");
    let begun = Instant::now();
    let published = || -> u64 {
        let text = std::fs::read_to_string(&checkpoint).unwrap_or_default();
        text.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
    };
    while published() < size {
        assert!(begun.elapsed() < Duration::from_secs(2), "{} of {size}", published());
        tokio::task::yield_now().await;
    }
    let now = running.node.identity().now();
    let servers = installation.reader().servers(installation.keys(), now.plus_ms(-1_000)).await.expect("reads");
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].address, format!("http://{}", running.listens));
    assert_eq!(running.office.events(Action::Heartbeat).await.len(), 1);
    let office = running.end().await;
    let servers = office.installation.reader().servers(office.installation.keys(), now).await.expect("reads");
    assert_eq!(servers, [], "it answers no more");
}

/// The revocation epoch cannot be read any more: who knows what was revoked since?
#[tokio::test]
async fn a_node_that_cannot_see_revocations_answers_nobody_who_is_signed_in() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    assert_eq!(running.get("/me", &cookies).await.status, 200);
    let file = running.office.installation.places().database_file();
    let database = rusqlite::Connection::open(file).expect("opens");
    database.execute("UPDATE settings SET mac = x'00' WHERE name = 'epoch'", []).expect("changed");
    let begun = Instant::now();
    while running.get("/me", &cookies).await.status != 503 {
        assert!(begun.elapsed() < Duration::from_secs(3), "it goes on without knowing");
    }
    assert!(begun.elapsed() > Duration::from_millis(500), "a moment's silence is none");
    assert_eq!(running.get("/sign-in", "").await.status, 200);
}

#[tokio::test]
async fn every_page_says_what_this_node_is() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    for (path, cookies) in [("/sign-in", ""), ("/", &cookies), ("/approvals", &cookies), ("/welcome", "")] {
        let page = running.get(path, cookies).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("<p class=\"banner\">tests &#38; more</p>"), "{path}: {}", page.body);
    }
    let refused = running.send("GET", "/nothing-here", &[("accept", "text/html")], "").await;
    assert!(refused.status == 404 && refused.body.contains("tests &#38; more"), "{}", refused.body);
}
