//! Signing in by identity providers: one that says whatever a test wants, and a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use cordon_domain::{Action, Clock as _, Factor, Outcome, PrincipalId, Role, Scope};
use cordon_identity::ProviderSettings;
use cordon_identity::authenticator::Way;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::client::{Reply, Running};

const ADA: PrincipalId = PrincipalId([1; 16]);
const GROUPS: &str = "[groups]\nml = ['auditor:everything']\nwriters = ['contributor:project:gemini']\n";

fn settings(issuer: &str) -> ProviderSettings {
    let text = format!(
        "name = 'Example ID'\nissuer = '{issuer}'\nclient-id = 'cordon'\nclient-secret-file = 'x'\nscopes = ['groups']\n{GROUPS}"
    );
    ProviderSettings::read(&text, |_, _| Ok(Zeroizing::new("of-a-test".to_owned()))).ok().expect("read")
}

/// A key of the provider.
struct Key {
    pair: EcdsaKeyPair,
    id: &'static str,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.expect("made").as_ref());
        Self { pair: pair.expect("read"), id }
    }

    fn published(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |range| BASE64URL_NOPAD.encode(&point[range]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": part(1..33), "y": part(33..65)})
    }

    fn signs(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).expect("signed");
        format!("{text}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// What the false provider says.
struct Says {
    issuer: String,
    keys: Vec<Key>,
    /// Which of its keys signs, and how many it publishes.
    signs: usize,
    publishes: usize,
    /// What it was asked with the last code: the nonce and the challenge.
    nonce: String,
    challenge: String,
    claims: Value,
    header: Value,
    /// A token in place of the one that it would sign.
    token: Option<String>,
    metadata: Value,
    asked: usize,
}

/// A provider that says whatever a test wants.
#[derive(Clone)]
struct False(Arc<Mutex<Says>>);

impl False {
    async fn begin(now_s: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let claims = json!({
            "iss": issuer, "sub": "1234", "aud": "cordon", "exp": now_s + 300, "iat": now_s, "auth_time": now_s - 60,
            "acr": "phr", "groups": ["ml", "others"],
        });
        let metadata = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let says = Says {
            issuer,
            keys: vec![Key::new("first"), Key::new("second")],
            signs: 0,
            publishes: 1,
            nonce: String::new(),
            challenge: String::new(),
            claims,
            header: json!({"alg": "ES256", "kid": "first"}),
            token: None,
            metadata,
            asked: 0,
        };
        let itself = Self(Arc::new(Mutex::new(says)));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(Self::metadata))
            .route("/keys", get(Self::keys))
            .route("/token", post(Self::token))
            .with_state(itself.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        itself
    }

    fn with<T>(&self, work: impl FnOnce(&mut Says) -> T) -> T {
        work(&mut self.0.lock().expect("no panic"))
    }

    async fn metadata(State(itself): State<Self>) -> Json<Value> {
        Json(itself.with(|says| {
            says.asked += 1;
            says.metadata.clone()
        }))
    }

    async fn keys(State(itself): State<Self>) -> Json<Value> {
        let keys = itself.with(|says| says.keys.iter().take(says.publishes).map(Key::published).collect::<Vec<_>>());
        Json(json!({"keys": keys}))
    }

    async fn token(State(itself): State<Self>, Form(form): Form<Vec<(String, String)>>) -> Json<Value> {
        let field = |name: &str| form.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str());
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, field("code_verifier").as_bytes());
        itself.with(|says| {
            assert_eq!(BASE64URL_NOPAD.encode(hash.as_ref()), says.challenge, "the verifier of the challenge");
            let mut claims = says.claims.clone();
            claims["nonce"] = claims.get("nonce").cloned().unwrap_or_else(|| json!(says.nonce));
            let signed = says.keys[says.signs].signs(&says.header, &claims);
            let token = says.token.clone().unwrap_or(signed);
            Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": token}))
        })
    }

    /// What a browser brings that leaves to it: it is signed in there already.
    fn leads_back(&self, to: &str) -> Vec<(String, String)> {
        let to = url::Url::parse(to).expect("an address");
        let field = |name: &str| to.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
        self.with(|says| {
            says.nonce = field("nonce").expect("a nonce");
            says.challenge = field("code_challenge").expect("a challenge");
        });
        assert_eq!(field("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(field("max_age").as_deref(), Some("3600"));
        vec![("code".to_owned(), "a-code".to_owned()), ("state".to_owned(), field("state").expect("a state"))]
    }
}

/// A node, and the false provider that it knows.
struct Scene {
    running: Running,
    provider: False,
}

impl Scene {
    async fn begin() -> Self {
        let provider = False::begin(crate::office::NOW.0 / 1000).await;
        let issuer = provider.with(|says| says.issuer.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self { running: Running::at(listener, Some(settings(&issuer))).await, provider }
    }

    /// Leaves for the provider. Returns what the browser keeps, and what it brings back.
    async fn leaves(&self, path: &str, cookies: &str, what: Value) -> (String, Vec<(String, String)>) {
        let sent = self.running.post(path, cookies, &what).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        let to = sent.json()["to"].as_str().expect("an address").to_owned();
        (sent.cookies(), self.provider.leads_back(&to))
    }

    async fn comes_back(&self, kept: &str, brings: &[(String, String)]) -> Reply {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(brings).finish();
        self.running.get(&format!("/sign-in/provider?{query}"), kept).await
    }

    /// Sets the account by a link. Returns the cookies of the session that comes of it.
    async fn account_of(&self, number: u8) -> Reply {
        let link = self.running.office.link(number).await;
        let offer = self.running.post("/welcome/open", "", &json!({"link": link})).await.json();
        let (kept, brings) = self.leaves("/welcome/provider/begin", "", json!({"id": offer["id"]})).await;
        self.comes_back(&kept, &brings).await
    }

    async fn signs_in(&self) -> Reply {
        let (kept, brings) = self.leaves("/sign-in/provider/begin", "", json!({"next": "/approvals"})).await;
        self.comes_back(&kept, &brings).await
    }

    /// The roles that somebody has by groups.
    fn roles(&self) -> BTreeSet<(Role, Scope)> {
        roles(&self.running)
    }

    /// How often roles were given.
    async fn given(&self) -> usize {
        self.running.office.events(Action::GrantMake).await.len()
    }
}

fn roles(running: &Running) -> BTreeSet<(Role, Scope)> {
    let snapshot = running.node.identity().snapshot().expect("whole");
    let itself = running.office.installation.itself();
    let grants = snapshot.roster().grants.values().filter(|grant| grant.given_by == itself && grant.principal == ADA);
    grants.map(|grant| (grant.role, grant.scope.clone())).collect()
}

fn factor(running: &Running, entered: &Reply) -> Factor {
    let token = entered.cookies().split("; ").find_map(|one| one.strip_prefix("cordon-session=").map(str::to_owned));
    running.node.identity().session(&token.expect("a session")).expect("it counts").factor
}

#[tokio::test]
async fn an_account_is_set_by_a_link_and_signs_in_then() {
    let scene = Scene::begin().await;
    let unknown = scene.signs_in().await;
    assert_eq!(unknown.status, 401);
    assert!(unknown.body.contains("nobody&#39;s here"), "{}", unknown.body);
    let set = scene.account_of(1).await;
    assert_eq!((set.status, set.header("location")), (303, "/"), "{set:?}");
    assert_eq!(factor(&scene.running, &set), Factor::PhishingResistant);
    let page = scene.running.get("/", &set.cookies()).await;
    assert!(page.body.contains("a phishing-resistant factor") && page.body.contains("identity provider: http://"));
    let ways = scene.running.node.identity().ways(ADA).await.expect("reads");
    assert!(ways.iter().all(|(_, way)| !matches!(way, Way::Recovery(_))), "one recovers at the provider");
    let again = scene.signs_in().await;
    assert_eq!((again.status, again.header("location")), (303, "/approvals"), "{again:?}");
    let other = scene.account_of(2).await;
    assert_eq!(other.status, 401);
    assert!(other.body.contains("another person&#39;s"), "{}", other.body);
    // Its revocation is that of everything that came from it, and it is never set again.
    let way = ways[0].0.id;
    let revoked = cordon_domain::Revoked { credential: way, principal: ADA };
    let step = cordon_domain::Step::Put(cordon_domain::Record::Revoked(revoked));
    scene.running.office.revoke(Some(ADA), step).await;
    assert_eq!(scene.signs_in().await.status, 401);
    assert_ne!(scene.account_of(1).await.status, 303);
    scene.running.end().await;
}

#[tokio::test]
async fn roles_follow_groups_and_often_signing_in_fills_no_table() {
    let scene = Scene::begin().await;
    assert_eq!(scene.account_of(1).await.status, 303);
    let auditor = (Role::Auditor, Scope::Installation);
    assert_eq!(scene.roles(), BTreeSet::from([auditor.clone()]));
    let given = scene.given().await;
    assert_eq!(scene.signs_in().await.status, 303);
    assert_eq!(scene.given().await, given, "it lasts for as long as the session may");
    scene.provider.with(|says| says.claims["groups"] = json!(["writers"]));
    assert_eq!(scene.signs_in().await.status, 303);
    assert_eq!(scene.roles(), BTreeSet::from([(Role::Contributor, "project:gemini".parse().expect("a scope"))]));
    scene.provider.with(|says| says.claims["groups"] = json!("ml"));
    assert_eq!(scene.signs_in().await.status, 303);
    assert_eq!(scene.roles(), BTreeSet::from([auditor.clone()]));
    // Half a day later it is prolonged, and stays one grant.
    let given = scene.given().await;
    scene.running.office.clock.turn_ms(13 * 3_600_000);
    let now_s = scene.running.office.clock.now().0 / 1000;
    scene.provider.with(|says| {
        for (claim, at) in [("exp", now_s + 300), ("iat", now_s), ("auth_time", now_s)] {
            says.claims[claim] = json!(at);
        }
    });
    let entered = scene.signs_in().await;
    assert_eq!(entered.status, 303, "{entered:?}");
    assert_eq!(scene.given().await, given + 1);
    let snapshot = scene.running.node.identity().snapshot().expect("whole");
    let itself = scene.running.office.installation.itself();
    let own: Vec<_> = snapshot.roster().grants.values().filter(|grant| grant.given_by == itself).collect();
    assert_eq!(own.len(), 1);
    assert!(own[0].ends.is_some_and(|ends| ends.since_ms(scene.running.office.clock.now()) == 86_400_000));
    assert!(own[0].reason.contains("the group `ml` at http://localhost"));
    scene.provider.with(|says| drop(says.claims.as_object_mut().expect("claims").remove("groups")));
    assert_eq!(scene.signs_in().await.status, 303);
    assert!(scene.roles().is_empty());
    scene.running.end().await;
}

#[tokio::test]
async fn what_was_shown_there_counts_as_the_settings_say_and_as_old_as_it_is() {
    let scene = Scene::begin().await;
    assert_eq!(scene.account_of(1).await.status, 303);
    let shows = async |acr: Value, amr: Value| {
        scene.provider.with(|says| {
            says.claims["acr"] = acr;
            says.claims["amr"] = amr;
        });
        scene.signs_in().await
    };
    assert_eq!(factor(&scene.running, &shows(Value::Null, json!(["pwd", "mfa"])).await), Factor::Code);
    assert_eq!(factor(&scene.running, &shows(json!("x"), json!(["mfa", "phr"])).await), Factor::PhishingResistant);
    let weak = shows(json!("0"), json!(["pwd"])).await;
    assert_eq!(weak.status, 403, "{weak:?}");
    assert!(weak.body.contains("a sign-in with"), "{}", weak.body);
    assert_eq!(shows(Value::Null, json!(["otp"])).await.status, 403, "one method is no second one");
    // Who is not let in is given nothing, and nothing is prolonged for them.
    let given = scene.given().await;
    scene.provider.with(|says| says.claims["groups"] = json!(["writers"]));
    assert_eq!(shows(json!("0"), json!(["pwd"])).await.status, 403);
    assert_eq!((scene.given().await, scene.roles()), (given, BTreeSet::from([(Role::Auditor, Scope::Installation)])));
    scene.provider.with(|says| {
        says.claims["acr"] = json!("phr");
        says.claims["auth_time"] = json!(crate::office::NOW.0 / 1000 - 600);
    });
    let page = scene.running.get("/", &scene.signs_in().await.cookies()).await;
    assert!(page.body.contains("10 minutes ago"), "{}", page.body);
    scene.running.end().await;
}

#[tokio::test]
async fn tokens_that_do_not_hold_let_nobody_in() {
    let scene = Scene::begin().await;
    assert_eq!(scene.account_of(1).await.status, 303);
    let now_s = crate::office::NOW.0 / 1000;
    let (claims, header) = scene.provider.with(|says| (says.claims.clone(), says.header.clone()));
    let unsigned = |alg: &str| {
        let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({"alg": alg})), part(claims.clone()))
    };
    let many: Vec<String> = (0..3_000).map(|number| format!("group-{number}")).collect();
    type Change = Box<dyn Fn(&mut Says) + Send + Sync>;
    let claim = |name: &'static str, value: Value| -> Change {
        Box::new(move |says: &mut Says| says.claims[name] = value.clone())
    };
    let token = |text: String| -> Change { Box::new(move |says: &mut Says| says.token = Some(text.clone())) };
    let cases: Vec<(&str, Change, &str)> = vec![
        ("alg none", token(unsigned("none")), "signature"),
        ("a MAC with what is public", token(unsigned("HS256")), "algorithm"),
        ("torn", token("a.b".to_owned()), "answer"),
        ("no token", token(String::new()), "answer"),
        ("another audience", claim("aud", json!("other")), "audience"),
        ("two audiences", claim("aud", json!(["cordon", "other"])), "audience"),
        ("another issuer", claim("iss", json!("http://localhost:1")), "issuer"),
        ("another nonce", claim("nonce", json!("other")), "nonce"),
        ("no nonce", claim("nonce", Value::Null), "nonce"),
        ("ended", claim("exp", json!(now_s)), "xpired"),
        ("a future nbf", claim("nbf", json!(now_s + 3_600)), "nbf"),
        ("an nbf that is none", claim("nbf", json!("soon")), "nbf"),
        ("an nbf beyond all time", claim("nbf", json!(i64::MAX)), "nbf"),
        ("of tomorrow", claim("iat", json!(now_s + 86_400)), "moment"),
        ("of yesterday", claim("iat", json!(now_s - 86_400)), "moment"),
        ("without a time of sign-in", claim("auth_time", Value::Null), "auth_time"),
        ("signed in yesterday", claim("auth_time", json!(now_s - 86_400)), "auth_time"),
        ("signed in tomorrow", claim("auth_time", json!(now_s + 86_400)), "auth_time"),
        ("beyond all time", claim("auth_time", json!(1e300)), "answer"),
        ("for another program", claim("azp", json!("other")), "azp"),
        ("nobody", claim("sub", json!("")), "sub"),
        ("a name without end", claim("sub", json!("x".repeat(300))), "sub"),
        ("somebody else", claim("sub", json!("1235")), "nobody"),
        ("too many groups", claim("groups", json!(many)), "groups"),
        ("groups that are none", claim("groups", json!([1, 2])), "groups"),
        ("groups elsewhere", claim("_claim_names", json!({"groups": "src1"})), ""),
        ("too many methods", claim("amr", json!(vec!["x"; 100])), "amr"),
        ("a token without end", claim("x", json!("x".repeat(600_000))), "cannot be asked"),
        (
            "brackets without end",
            token(format!("{}.e30.e30", BASE64URL_NOPAD.encode("[".repeat(50_000).as_bytes()))),
            "answer",
        ),
        ("the name of a key, and another key", Box::new(|says| says.signs = 1), "ignature"),
        (
            "a key that is not published",
            Box::new(|says| {
                says.signs = 1;
                says.header = json!({"alg": "ES256", "kid": "second"});
            }),
            "ignature",
        ),
        ("a type that is none", Box::new(|says| says.header["typ"] = json!("application/evil")), "type"),
        ("what must be understood", Box::new(|says| says.header["crit"] = json!(["x"])), "critical"),
    ];
    for (what, change, why) in &cases {
        scene.provider.with(|says| {
            (says.claims, says.header, says.signs, says.token) = (claims.clone(), header.clone(), 0, None);
            if *what == "groups elsewhere" {
                says.claims.as_object_mut().expect("claims").remove("groups");
            }
            change(says);
        });
        let reply = scene.signs_in().await;
        assert!([401, 503].contains(&reply.status), "{what}: {reply:?}");
        assert!(reply.body.contains(why), "{what}: {}", reply.body);
        assert!(!reply.cookies().contains("cordon-session"), "{what}");
    }
    let refused = scene.running.office.events(Action::SignIn).await;
    let refused = refused.iter().filter(|(outcome, ..)| *outcome == Outcome::Denied).count();
    assert!(refused >= 10, "{refused} of {} are recorded, and the rest as a count", cases.len());
    scene.running.end().await;
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_learnt_and_answers_are_kept_for_a_while() {
    let scene = Scene::begin().await;
    assert_eq!(scene.account_of(1).await.status, 303);
    assert_eq!(scene.signs_in().await.status, 303);
    assert_eq!(scene.provider.with(|says| says.asked), 1, "it is not asked each time");
    scene.provider.with(|says| {
        (says.signs, says.publishes) = (1, 2);
        says.header["kid"] = json!("second");
    });
    assert_eq!(scene.signs_in().await.status, 401, "at once it is not asked again");
    scene.running.office.clock.turn_ms(20_000);
    assert_eq!(scene.signs_in().await.status, 303);
    assert_eq!(scene.provider.with(|says| says.asked), 2);
    scene.running.end().await;
}

#[tokio::test]
async fn a_browser_comes_back_once_from_where_it_left() {
    let scene = Scene::begin().await;
    assert_eq!(scene.account_of(1).await.status, 303);
    let sign_in = || scene.leaves("/sign-in/provider/begin", "", json!({"next": "//evil.example"}));
    let with = |brings: &[(String, String)], name: &str, value: &str| {
        let rest = brings.iter().filter(|(own, _)| own != name).cloned();
        rest.chain([(name.to_owned(), value.to_owned())]).collect::<Vec<_>>()
    };
    let (kept, brings) = sign_in().await;
    for other in ["", "cordon-leaving=", "cordon-leaving=another", &sign_in().await.0] {
        let (_, brings) = sign_in().await;
        let reply = scene.comes_back(other, &brings).await;
        assert_eq!(reply.status, 401, "the browser of somebody else: {other}");
    }
    let reply = scene.comes_back(&kept, &with(&brings, "state", "AAAAAAAAAAAAAAAAAAAAAA")).await;
    assert_eq!(reply.status, 401, "what was never begun");
    let (kept, brings) = sign_in().await;
    let entered = scene.comes_back(&kept, &brings).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"), "and nowhere else");
    assert_eq!(scene.comes_back(&kept, &brings).await.status, 401, "twice");
    let (kept, brings) = sign_in().await;
    let mixed = scene.comes_back(&kept, &with(&brings, "iss", "https://other.example")).await;
    assert!(mixed.status == 401 && mixed.body.contains("another provider"), "{mixed:?}");
    let (kept, brings) = sign_in().await;
    let brings: Vec<_> =
        with(&brings, "error", "access_denied<script>").into_iter().filter(|(name, _)| name != "code").collect();
    let refused = scene.comes_back(&kept, &brings).await;
    assert!(refused.status == 401 && refused.body.contains("access_deniedscript"), "{refused:?}");
    // A second tab keeps what the first one does.
    let (kept, _) = sign_in().await;
    let (same, _) = scene.leaves("/sign-in/provider/begin", &kept, json!({"next": "/"})).await;
    assert_eq!(kept, same);
    scene.running.end().await;
}

#[tokio::test]
async fn a_provider_that_leads_elsewhere_is_not_followed() {
    for (what, change) in [
        ("another issuer", json!({"issuer": "http://localhost:1"})),
        ("the credentials of a machine", json!({"jwks_uri": "http://169.254.169.254/latest/meta-data"})),
        ("a private host", json!({"jwks_uri": "http://10.0.0.1/keys"})),
        ("an unencrypted place for tokens", json!({"token_endpoint": "http://example.org/token"})),
        ("an unencrypted place to sign in", json!({"authorization_endpoint": "http://example.org/auth"})),
        ("a program", json!({"authorization_endpoint": "javascript:alert(1)"})),
        ("a program with a host", json!({"authorization_endpoint": "javascript://localhost/%0aalert(1)"})),
        ("no address", json!({"token_endpoint": 7})),
        ("more than anyone reads", json!({"x": "x".repeat(600_000)})),
    ] {
        let scene = Scene::begin().await;
        scene.provider.with(|says| {
            let all = says.metadata.as_object_mut().expect("an object");
            all.extend(change.as_object().expect("an object").clone());
        });
        let reply = scene.running.post("/sign-in/provider/begin", "", &json!({"next": "/"})).await;
        assert!([401, 503].contains(&reply.status), "{what}: {reply:?}");
        assert!(reply.json()["error"].as_str().is_some_and(|error| error.contains("provider")), "{what}: {reply:?}");
        scene.running.end().await;
    }
}

#[tokio::test]
async fn whoever_is_signed_in_sets_their_account_in_that_session_and_in_no_other() {
    let scene = Scene::begin().await;
    let cookies = scene.running.signed_in(1).await;
    assert!(scene.running.get("/", &cookies).await.body.contains("Add Example ID"));
    let adds = async || scene.running.post("/welcome/add", &cookies, &json!({})).await.json();
    let (kept, brings) = scene.leaves("/welcome/provider/begin", &cookies, json!({"id": adds().await["id"]})).await;
    let elsewhere = scene.comes_back(&kept, &brings).await;
    assert_eq!(elsewhere.status, 401, "without the session: {elsewhere:?}");
    let (kept, brings) = scene.leaves("/welcome/provider/begin", &cookies, json!({"id": adds().await["id"]})).await;
    let set = scene.comes_back(&format!("{cookies}; {kept}"), &brings).await;
    assert_eq!((set.status, set.header("location"), set.cookies().as_str()), (303, "/", ""), "{set:?}");
    assert!(scene.running.get("/", &cookies).await.body.contains("identity provider: http://"));
    assert_eq!(scene.signs_in().await.status, 303);
    scene.running.end().await;
}

#[tokio::test]
async fn a_provider_that_is_away_is_not_asked_again_at_once() {
    let scene = Scene::begin().await;
    let whole = scene.provider.with(|says| std::mem::replace(&mut says.metadata, json!({})));
    let begin = async || scene.running.post("/sign-in/provider/begin", "", &json!({"next": "/"})).await.status;
    assert_eq!((begin().await, begin().await), (503, 503));
    assert_eq!(scene.provider.with(|says| says.asked), 1);
    scene.provider.with(|says| says.metadata = whole);
    assert_eq!(begin().await, 503, "it may come back");
    scene.running.office.clock.turn_ms(6_000);
    assert_eq!(begin().await, 200);
    scene.running.end().await;
}

#[tokio::test]
async fn without_a_provider_there_is_none() {
    let running = Running::begin().await;
    assert_eq!(running.post("/sign-in/provider/begin", "", &json!({"next": "/"})).await.status, 404);
    assert_eq!(running.get("/sign-in/provider?code=a&state=b", "").await.status, 404);
    assert!(!running.get("/sign-in", "").await.body.contains("id=\"provider\""));
    running.end().await;
}

/// oidc-provider, in a process of its own.
struct Real {
    process: Child,
    /// It dies when nobody listens.
    _said: std::io::BufReader<std::process::ChildStdout>,
    issuer: String,
}

impl Real {
    fn begin(back: &str) -> Self {
        let wanted = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by `cargo xtask test`"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/provider.mjs");
        let mut process = Command::new(wanted("CORDON_TEST_NODE"))
            .args([script, back, &wanted("CORDON_TEST_OIDC")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node runs");
        let mut issuer = String::new();
        let mut said = std::io::BufReader::new(process.stdout.take().expect("piped"));
        said.read_line(&mut issuer).expect("it says where");
        Self { process, _said: said, issuer: issuer.trim().to_owned() }
    }

    /// Says who signs in next, and how.
    fn is(&self, who: &Value) {
        let config = ureq::Agent::config_builder().build().new_agent();
        config.post(format!("{}/be", self.issuer)).send(who.to_string()).expect("told");
    }

    /// A browser that is led about there, until it is led away. Returns the path that it comes back with.
    fn leads_back(&self, to: &str, back: &str) -> String {
        let agent = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().new_agent();
        let (mut next, mut cookies) = (to.to_owned(), BTreeMap::new());
        for _ in 0..10 {
            let kept: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = agent.get(&next).header("cookie", kept.join("; ")).call().expect("an answer");
            for set in answer.headers().get_all("set-cookie") {
                let pair = set.to_str().expect("a text").split(';').next().and_then(|pair| pair.split_once('='));
                let (name, value) = pair.expect("a cookie");
                match value {
                    "" => cookies.remove(name),
                    value => cookies.insert(name.to_owned(), value.to_owned()),
                };
            }
            let to = answer.headers().get("location").and_then(|value| value.to_str().ok());
            let to = to.unwrap_or_else(|| panic!("{next}: {answer:?}")).to_owned();
            if let Some(query) = to.strip_prefix(back) {
                return format!("/sign-in/provider{query}");
            }
            next = if to.starts_with('/') { format!("{}{to}", self.issuer) } else { to };
        }
        panic!("it leads about without end")
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        drop(self.process.stdin.take().map(|mut input| input.flush()));
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_real_provider_signs_people_in_with_their_groups() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let back = format!("http://localhost:{}/sign-in/provider", listener.local_addr().expect("an address").port());
    let led = back.clone();
    let real = Arc::new(tokio::task::spawn_blocking(move || Real::begin(&led)).await.expect("it runs"));
    let running = Running::at(listener, Some(settings(&real.issuer))).await;
    // Its clock is the machine's.
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis()).expect("not so late");
    running.office.clock.turn_ms(now - crate::office::NOW.0);
    let goes = async |path: &str, cookies: &str, what: Value, who: Value| {
        let sent = running.post(path, cookies, &what).await;
        assert_eq!(sent.status, 200, "{sent:?}");
        let to = sent.json()["to"].as_str().expect("an address").to_owned();
        let (real, back) = (Arc::clone(&real), back.clone());
        let led = tokio::task::spawn_blocking(move || {
            real.is(&who);
            real.leads_back(&to, &back)
        });
        let cookies = format!("{cookies}; {}", sent.cookies());
        running.get(&led.await.expect("led"), cookies.trim_start_matches("; ")).await
    };
    let ada =
        |acr: &str, groups: Value| json!({"sub": "ada-there", "groups": groups, "acr": acr, "amr": ["pwd", "mfa"]});
    let link = running.office.link(1).await;
    let offer = running.post("/welcome/open", "", &json!({"link": link})).await.json();
    let set = goes("/welcome/provider/begin", "", json!({"id": offer["id"]}), ada("phr", json!(["ml", "all"]))).await;
    assert_eq!((set.status, set.header("location")), (303, "/"), "{set:?}");
    assert_eq!(factor(&running, &set), Factor::PhishingResistant);
    assert_eq!(roles(&running), BTreeSet::from([(Role::Auditor, Scope::Installation)]));
    let next = json!({"next": "/approvals"});
    let entered = goes("/sign-in/provider/begin", "", next.clone(), ada("one", json!(["all"]))).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/approvals"), "{entered:?}");
    assert_eq!(factor(&running, &entered), Factor::Code);
    assert!(roles(&running).is_empty(), "they left the group");
    // Whoever is signed in shows it anew, in the same session.
    let session = entered.cookies();
    let again = goes("/sign-in/provider/begin", &session, next.clone(), ada("phr", json!([]))).await;
    assert_eq!(factor(&running, &again), Factor::PhishingResistant);
    let stranger = json!({"sub": "eve", "groups": ["ml"], "acr": "phr", "amr": []});
    let refused = goes("/sign-in/provider/begin", "", next, stranger).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    running.end().await;
}
