//! The table of routes: each is asked by those who may not, and what anyone may ask for is named here.

use cordon_server::route::{Reader, Who, table};
use serde_json::json;

use crate::client::Running;

/// A path that a route answers to.
fn path(route: &str) -> String {
    route.replace("{name}", "style.css").replace("{ask}", "as_00000000000000000000000000000001")
}

#[tokio::test]
async fn every_route_refuses_whoever_may_not() {
    let running = Running::begin().await;
    let token = running.signed_in(1).await;
    let forged = token.replacen("cordon_s_", "cordon_s_A", 1);
    for route in table().iter().filter(|route| route.who != Who::Anyone) {
        let (method, path) = (route.method.as_str(), path(route.path));
        let asked = async |cookies: &str, more: &[(&str, &str)]| {
            let origin = ("origin", running.origin.as_str());
            running.send(method, &path, &[&[origin, ("cookie", cookies)], more].concat(), "{}").await
        };
        let unsigned = [("authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sts/aws4_request")];
        let bearer = [("authorization", "Bearer cordon_s_AAAA")];
        let proof = [("cordon-node-proof", "0.00")];
        for reply in [
            asked("", &[]).await,
            asked(&forged, &[]).await,
            asked("cordon-session=", &[]).await,
            asked("", &bearer).await,
            asked("", &unsigned).await,
            asked("", &proof).await,
        ] {
            match (route.who, route.reader, method) {
                (Who::Person, Reader::Person, "GET") => {
                    assert_eq!(reply.status, 303, "{path}");
                    assert!(reply.header("location").starts_with("/sign-in?next="), "{path}");
                }
                (Who::Node, ..) => assert_eq!(reply.status, 404, "{path}"),
                _ => assert_eq!(reply.status, 401, "{path}: {}", reply.body),
            }
        }
        if matches!(route.who, Who::Key | Who::Node) {
            let reply = asked(&token, &[]).await;
            assert!([401, 404].contains(&reply.status), "a session is no key, and no node: {path}");
        }
    }
    running.end().await;
}

/// What anyone may ask for is a matter of review: whoever adds a row changes this list.
#[test]
fn what_anyone_may_ask_for_is_this_and_nothing_else() {
    let all = table();
    let mut open: Vec<String> = all
        .iter()
        .filter(|route| route.who == Who::Anyone)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    open.sort();
    assert_eq!(
        open,
        [
            "GET /alive",
            "GET /log.vkey",
            "GET /manifest",
            "GET /p/{publication}",
            "GET /ready",
            "GET /sign-in",
            "GET /sign-in/provider",
            "GET /static/{name}",
            "GET /welcome",
            "POST /login/redeem",
            "POST /sign-in/passkey",
            "POST /sign-in/passkey/begin",
            "POST /sign-in/password",
            "POST /sign-in/provider/begin",
            "POST /welcome/open",
            "POST /welcome/passkey",
            "POST /welcome/passkey/begin",
            "POST /welcome/password",
            "POST /welcome/provider/begin",
            "POST /welcome/recover",
        ]
    );
}

#[tokio::test]
async fn another_page_another_name_and_another_method_are_refused() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    let post = async |headers: &[(&str, &str)]| {
        let own = [("cookie", cookies.as_str()), ("content-type", "application/json")];
        running.send("POST", "/keys", &[&own, headers].concat(), "{}").await.status
    };
    let origin = running.origin.clone();
    assert_eq!(post(&[("origin", &origin)]).await, 200);
    assert_eq!(post(&[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(post(&[]).await, 403, "a browser says from where");
    for other in ["http://evil.example", "null", "http://localhost:1", ""] {
        assert_eq!(post(&[("origin", other)]).await, 403, "{other}");
    }
    assert_eq!(post(&[("origin", &origin), ("sec-fetch-site", "cross-site")]).await, 403);
    for host in ["evil.example", "127.0.0.1", "localhost", "localhost:1"] {
        let reply = running.send("GET", "/", &[("cookie", &cookies), ("host", host)], "").await;
        assert_eq!(reply.status, 421, "a name that leads here: {host}");
    }
    assert_eq!(running.send("DELETE", "/keys", &[], "").await.status, 405);
    assert_eq!(running.get("/nothing", "").await.status, 404);
    assert_eq!(running.get("/static/..%2fhome.html", "").await.status, 404);
    let large = running.post("/sign-in/passkey", "", &json!({"id": "x".repeat(200_000)})).await;
    assert_eq!(large.status, 413);
    let torn = running.send("POST", "/welcome/open", &[("origin", &origin)], "{\"link\": \"").await;
    assert_eq!(torn.status, 400);
    let more = running.post("/welcome/open", "", &json!({"link": "", "admin": true})).await;
    assert_eq!(more.status, 400, "a field that nobody knows");
    running.end().await;
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_what_they_need_not() {
    let running = Running::begin().await;
    let cookies = running.signed_in(1).await;
    for path in ["/", "/sign-in", "/welcome", "/approvals", "/alive", "/static/passkey.js", "/nothing", "/login"] {
        let reply = running.get(path, &cookies).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}");
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"), ("x-frame-options", "DENY")]
        {
            assert_eq!(reply.header(name), value, "{path}");
        }
        assert!(!reply.body.contains("<style") && !reply.body.contains(" style=") && !reply.body.contains(" onclick="));
        assert!(!reply.body.contains("<script>"), "{path}: nothing inline");
        if !path.starts_with("/static") {
            assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        }
    }
    running.end().await;
}
