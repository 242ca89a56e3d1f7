//! Somebody of the demo, at a browser of their own: they have a password and one-time codes, as this program has no passkey.

use std::fs;

use cordon_domain::{Clock as _, CredentialId, Moment};
use cordon_identity::one_time_code;
use cordon_store::edge::{SystemClock, SystemEntropy};
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use super::stage::Stage;
use crate::error::Failure;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_S};
use crate::remote::{agent, write_secret};

/// How long a one-time code counts.
const STEP_MS: i64 = 30_000;

/// Somebody of the demo.
pub(super) struct Person {
    name: &'static str,
    password: String,
    secret: String,
}

/// Their browser.
struct Browser {
    agent: Agent,
    origin: String,
    cookies: String,
}

impl Person {
    /// What they sign in as.
    pub(super) fn called(&self) -> String {
        format!("{}@demo.example", self.name)
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// The code that counts now.
    pub(super) fn code_now(&self) -> Result<String, Failure> {
        self.code(SystemClock.now())
    }

    fn code(&self, at: Moment) -> Result<String, Failure> {
        one_time_code(&self.secret, at).ok_or_else(|| Failure::internal("the node gave no secret of one-time codes"))
    }

    /// Reads how somebody signs in.
    pub(super) fn read(stage: &Stage, name: &str) -> Result<Self, Failure> {
        let known = ["ada", "ben"].into_iter().find(|known| *known == name);
        let none = || Failure::usage(format!("nobody of the demo is called `{name}`"), "give ada or ben");
        let name = known.ok_or_else(none)?;
        let text = fs::read_to_string(stage.path(name).join("sign-in")).map_err(|_| none())?;
        let (password, secret) = text.trim().split_once(' ').ok_or_else(none)?;
        Ok(Self { name, password: password.to_owned(), secret: secret.to_owned() })
    }

    /// Sets a way to sign in by a link, and signs in on the command line.
    pub(super) fn welcomed(stage: &Stage, name: &'static str, link: &str) -> Result<(), Failure> {
        let mut browser = Browser::new(stage);
        let link = link.split('#').nth(1).unwrap_or_default();
        let offer = browser.json("/welcome/open", &json!({"link": link}))?;
        let secret = offer.get("secret").and_then(Value::as_str).unwrap_or_default().to_owned();
        let password = CredentialId::draw(&mut SystemEntropy).to_string();
        let person = Self { name, password, secret };
        // A code counts once; the one before the present one is still taken.
        let code = person.code(SystemClock.now().plus_ms(-STEP_MS))?;
        browser
            .json("/welcome/password", &json!({"id": offer.get("id"), "password": person.password, "code": code}))?;
        let kept = format!("{} {}\n", person.password, person.secret);
        write_secret(&stage.path(name).join("sign-in"), kept)?;
        browser.sign_in(&person)?;
        let (mut program, address) = stage.login(name)?;
        let allowed = browser.allow(&address);
        if allowed.is_err() {
            // It waits for a browser that will not come.
            let _ = program.kill();
        }
        let ended = program.wait().map_err(|error| Failure::internal(error.to_string()))?;
        allowed?;
        if ended.success() { Ok(()) } else { Err(Failure::internal(format!("{name} cannot sign in"))) }
    }
}

impl Browser {
    fn new(stage: &Stage) -> Self {
        let origin = stage.origin();
        Self { agent: agent(&origin, ANSWER_S), origin, cookies: String::new() }
    }

    fn json(&mut self, path: &str, what: &Value) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.origin);
        let mut answer = self.send("POST", &url, "application/json", &what.to_string())?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(|error| Failure::internal(error.to_string()))?;
        match answer.status().as_u16() {
            200 => serde_json::from_str(&text).map_err(|error| Failure::internal(error.to_string())),
            status => Err(Failure::internal(format!("the node answers {status} at {path}: {text}"))),
        }
    }

    fn sign_in(&mut self, person: &Person) -> Result<(), Failure> {
        let (name, password, code) = (person.called(), person.password.clone(), person.code_now()?);
        // None of these holds a sign that a form would have to encode, but for the one in a name.
        let form = format!("name={}&password={password}&code={code}&next=/", name.replace('@', "%40"));
        let url = format!("{}/sign-in/password", self.origin);
        self.led(&url, &form).map(|_| ())
    }

    /// Allows a program on this machine to sign in, and goes where that leads. A device is enrolled with a passkey alone, and stays
    /// without.
    fn allow(&mut self, address: &str) -> Result<(), Failure> {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let to_program = self.led(&format!("{}/login", self.origin), query)?;
        // The program leads back where the session of this browser is bound to its device, and else says that it is done.
        match self.go(&to_program)? {
            Some(back) => self.go(&back).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Sends a form. Returns the address that the answer leads to.
    fn led(&mut self, url: &str, form: &str) -> Result<String, Failure> {
        let led = leads(&self.send("POST", url, "application/x-www-form-urlencoded", form)?)?;
        led.ok_or_else(|| Failure::internal(format!("`{url}` was to lead on")))
    }

    fn go(&mut self, url: &str) -> Result<Option<String>, Failure> {
        leads(&self.send("GET", url, "text/plain", "")?)
    }

    fn send(&mut self, method: &str, url: &str, kind: &str, body: &str) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(url).header("origin", &self.origin);
        if url.starts_with(&self.origin) {
            request = request.header("cookie", &self.cookies);
        }
        let sent = match method {
            "GET" => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
            _ => {
                let request = request.header("content-type", kind).body(body.to_owned());
                request.map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
            }
        };
        let answer = sent.map_err(|error| Failure::internal(format!("`{url}` cannot be reached: {error}")))?;
        let set = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let set: Vec<&str> = set.filter_map(|line| line.split(';').next()).collect();
        if !set.is_empty() {
            self.cookies = set.join("; ");
        }
        Ok(answer)
    }
}

/// Where an answer leads, if it does.
fn leads(answer: &Response<Body>) -> Result<Option<String>, Failure> {
    let to = answer.headers().get("location").and_then(|value| value.to_str().ok());
    match (answer.status().as_u16(), to) {
        (303, Some(to)) => Ok(Some(to.to_owned())),
        (200, _) => Ok(None),
        (status, _) => Err(Failure::internal(format!("the node answers {status} to somebody of the demo"))),
    }
}
