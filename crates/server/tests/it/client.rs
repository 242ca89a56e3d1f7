//! A node that runs, and a client of it.

use std::sync::Arc;

use cordon_identity::{ProviderSettings, PublicUrl};
use cordon_server::{Doors, Node, Settings, serve};
use cordon_testkit::SoftPasskey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::office::Office;

/// A node that runs beside the person at the machine.
pub(crate) struct Running {
    pub(crate) office: Office,
    pub(crate) node: Arc<Node>,
    pub(crate) listens: String,
    pub(crate) origin: String,
    end: watch::Sender<bool>,
    served: tokio::task::JoinHandle<Result<(), cordon_store::StoreError>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The cookies that it sets, as they are sent back.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.map(|(_, value)| value.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("; ")
    }
}

impl Running {
    pub(crate) async fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::at(listener, None).await
    }

    /// Begins at a port that is known already, with an identity provider.
    pub(crate) async fn at(listener: TcpListener, provider: Option<ProviderSettings>) -> Self {
        let office = Office::open().await;
        let objects = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let listens = listener.local_addr().expect("an address");
        let origin = format!("http://localhost:{}", listens.port());
        let public_url = PublicUrl::parse(&origin).expect("an address");
        let settings = Settings {
            public_url,
            listens,
            proxies: Vec::new(),
            objects_url: format!("http://{}", objects.local_addr().expect("an address")),
            inspector: None,
            purge: None,
            banner: Some("tests & more".to_owned()),
            tls: None,
        };
        let node = Node::begin(office.beside().await, settings, provider, Arc::new(office.clock.clone())).await;
        let node = Arc::new(node.expect("begins"));
        let (end, until) = watch::channel(false);
        let served = tokio::spawn(serve(Arc::clone(&node), Doors { pages: listener, objects, numbers: None }, until));
        Self { office, node, listens: listens.to_string(), origin, end, served }
    }

    pub(crate) async fn end(self) -> Office {
        self.end.send(true).expect("it runs");
        self.served.await.expect("no panic").expect("published");
        self.office
    }

    /// Sends a request as it is, with a host of the node's own unless another is given.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("http://{}{path}", self.listens);
        let host = self.origin.trim_start_matches("http://");
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        let asked = move || {
            let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
            let agent = config.allow_non_standard_methods(true).build().new_agent();
            let mut answer = agent.run(request).expect("an answer");
            let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let status = answer.status().as_u16();
            Reply { status, headers, body: answer.body_mut().read_to_string().unwrap_or_default() }
        };
        tokio::task::spawn_blocking(asked).await.expect("asked")
    }

    pub(crate) async fn get(&self, path: &str, cookies: &str) -> Reply {
        self.send("GET", path, &[("cookie", cookies)], "").await
    }

    /// Sends JSON, as a page of the node does.
    pub(crate) async fn post(&self, path: &str, cookies: &str, what: &Value) -> Reply {
        let headers = [("cookie", cookies), ("origin", &self.origin), ("content-type", "application/json")];
        self.send("POST", path, &headers, &what.to_string()).await
    }

    /// Sends a form, as a page of the node does.
    pub(crate) async fn form(&self, path: &str, cookies: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[("cookie", cookies), ("origin", &self.origin), kind], &body).await
    }

    /// Somebody sets a passkey by a link, in a browser.
    pub(crate) async fn with_passkey(&self, number: u8) -> SoftPasskey {
        let offer = self.post("/welcome/open", "", &json!({"link": self.office.link(number).await})).await.json();
        let id = offer["id"].as_str().expect("a ceremony");
        let begun = self.post("/welcome/passkey/begin", "", &json!({"id": id})).await.json();
        let mut passkey = SoftPasskey::new(&self.origin);
        let answer = passkey.register(&begun["options"]);
        let set = self.post("/welcome/passkey", "", &json!({"id": id, "answer": answer, "name": "laptop"})).await;
        assert_eq!(set.status, 200, "{set:?}");
        passkey
    }

    /// Signs in. Returns the answer.
    pub(crate) async fn signs_in(&self, passkey: &mut SoftPasskey, cookies: &str) -> Reply {
        let begun = self.post("/sign-in/passkey/begin", cookies, &json!({})).await.json();
        let answer = passkey.sign_in(&begun["options"]);
        self.post("/sign-in/passkey", cookies, &json!({"id": begun["id"], "answer": answer, "next": "/approvals"}))
            .await
    }

    /// Somebody is signed in. Returns their cookies.
    pub(crate) async fn signed_in(&self, number: u8) -> String {
        let mut passkey = self.with_passkey(number).await;
        let entered = self.signs_in(&mut passkey, "").await;
        assert_eq!(entered.status, 200, "{entered:?}");
        entered.cookies()
    }
}
