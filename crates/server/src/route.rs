//! The table of all that can be asked for, and who may: a request reaches a handler through a row of it, or not at all.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use cordon_identity::IdentityError;

use crate::asked::Asked;
use crate::limits::ANSWER_S;
use crate::metrics::At;
use crate::node::Node;
use crate::reply::{Answer, Refused, guard, lead_to};
use crate::{
    allowances, approvals, embargoes, emergencies, guarded, held, keys, login, pages, peers, provider, publications,
    published, sign_in, welcome,
};

/// Who may ask. What they may do then is decided by the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anyone: to sign in, and what pages are made of.
    Anyone,
    /// Whoever has a session that counts.
    Person,
    /// Whoever signs with an access key that counts.
    Key,
    /// Another node.
    Node,
}

/// Whom an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person: refusals are pages, and whoever is not signed in is led there.
    Person,
    /// A program: refusals are JSON.
    Program,
    /// A client of AWS: refusals are its XML.
    Client,
}

type Does = for<'a> fn(&'a Node, Asked) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A row of the table.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; a part in braces stands for anything.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// Whom the answer is for.
    pub reader: Reader,
    does: Does,
}

macro_rules! routes {
    ($($method:ident $path:literal $who:ident $reader:ident $does:path;)+) => {
        [$(Route {
            method: Method::$method,
            path: $path,
            who: Who::$who,
            reader: Reader::$reader,
            does: |node, asked| Box::pin($does(node, asked)),
        }),+]
    };
}

/// The table.
#[must_use]
pub fn table() -> Vec<Route> {
    routes! {
        GET  "/alive"                  Anyone Program pages::alive;
        GET  "/ready"                  Anyone Program pages::ready;
        GET  "/log.vkey"               Anyone Program pages::log_key;
        GET  "/static/{name}"          Anyone Person  pages::part;
        GET  "/"                       Person Person  pages::home;
        POST "/sign-out"               Person Person  sign_in::sign_out;
        POST "/end"                    Person Person  sign_in::end;
        GET  "/sign-in"                Anyone Person  sign_in::page;
        POST "/sign-in/password"       Anyone Person  sign_in::password;
        POST "/sign-in/passkey/begin"  Anyone Program sign_in::begin_passkey;
        POST "/sign-in/passkey"        Anyone Program sign_in::passkey;
        POST "/sign-in/provider/begin" Anyone Program provider::begin;
        GET  "/sign-in/provider"       Anyone Person  provider::back;
        GET  "/welcome"                Anyone Person  welcome::page;
        POST "/welcome/open"           Anyone Program welcome::open;
        POST "/welcome/recover"        Anyone Program welcome::recover;
        POST "/welcome/add"            Person Program welcome::add;
        POST "/welcome/passkey/begin"  Anyone Program welcome::begin_passkey;
        POST "/welcome/passkey"        Anyone Program welcome::passkey;
        POST "/welcome/password"       Anyone Program welcome::password;
        POST "/welcome/provider/begin" Anyone Program provider::begin_setting;
        GET  "/login"                  Person Person  login::page;
        POST "/login"                  Person Person  login::allow;
        POST "/login/redeem"           Anyone Program login::redeem;
        GET  "/login/bind"             Person Person  login::bind;
        POST "/keys"                   Person Program keys::take;
        GET  "/me"                     Person Program keys::me;
        POST "/"                       Key    Client  keys::caller;
        GET  "/approvals"              Person Person  approvals::page;
        POST "/approvals/{ask}"        Person Person  approvals::approve;
        POST "/approve"                Person Program approvals::approve_as_program;
        POST "/quarantine"             Person Program held::list;
        POST "/quarantine/release"     Person Program held::release;
        POST "/label/lower"            Person Program held::lower;
        POST "/label/raise"            Person Program held::raise;
        POST "/publications"           Person Program publications::list;
        POST "/publications/make"      Person Program publications::make;
        POST "/publications/withdraw"  Person Program publications::withdraw;
        POST "/allowances"             Person Program allowances::list;
        POST "/allowances/make"        Person Program allowances::make;
        POST "/allowances/pace"        Person Program allowances::pace;
        POST "/allowances/end"         Person Program allowances::end;
        POST "/embargoes"              Person Program embargoes::list;
        POST "/embargoes/make"         Person Program embargoes::make;
        POST "/embargoes/lift"         Person Program embargoes::lift;
        POST "/bucket"                 Person Program guarded::show;
        POST "/bucket/make"            Person Program guarded::make;
        POST "/bucket/set"             Person Program guarded::set;
        POST "/prints/forget"          Person Program guarded::forget;
        POST "/knowledge"              Person Program guarded::knowledge;
        POST "/knowledge/key"          Key    Program guarded::knowledge;
        POST "/codenames"              Person Program guarded::codenames;
        POST "/codenames/make"         Person Program guarded::make_codename;
        POST "/codenames/end"          Person Program guarded::end_codename;
        GET  "/p/{publication}"        Anyone Program published::read;
        GET  "/manifest"               Anyone Program published::manifest;
        GET  "/emergencies"            Person Person  emergencies::page;
        POST "/emergencies/ask"        Person Person  emergencies::ask;
        POST "/emergencies/open"       Person Person  emergencies::open;
        POST "/emergencies/review"     Person Person  emergencies::review;
        POST "/emergency/ask"          Person Program emergencies::ask_as_program;
        POST "/emergency/open"         Person Program emergencies::open_as_program;
        POST "/emergency/review"       Person Program emergencies::review_as_program;
        POST "/node/check"             Node   Program peers::check;
    }
    .into()
}

/// Makes the table answer.
pub fn router(node: &Arc<Node>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let (method, path, node, route) = (filter(&route.method), route.path, Arc::clone(node), Arc::new(route));
        let answer = move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
            let (node, route) = (Arc::clone(&node), Arc::clone(&route));
            async move {
                let counted = node.counts.request(At::Pages);
                counted.answered(answered(&node, &route, peer, request).await)
            }
        };
        router = router.route(path, on(method, answer));
    }
    let (unknown, other) = (Arc::clone(node), Arc::clone(node));
    router
        .fallback(move |request: Request| refused(Arc::clone(&unknown), request, Refused::NotFound))
        .method_not_allowed_fallback(move |request: Request| refused(Arc::clone(&other), request, Refused::Method))
}

fn filter(method: &Method) -> MethodFilter {
    if *method == Method::POST { MethodFilter::POST } else { MethodFilter::GET }
}

async fn refused(node: Arc<Node>, request: Request, refused: Refused) -> Response {
    let wants_page = request.headers().get("accept").is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    let reader = if wants_page { Reader::Person } else { Reader::Program };
    node.counts.request(At::Pages).answered(finished(&node, refused.response(&node, reader)))
}

fn finished(node: &Node, mut response: Response) -> Response {
    guard(&mut response, &node.settings.public_url);
    response
}

async fn answered(node: &Node, route: &Route, peer: SocketAddr, request: Request) -> Response {
    let target = request.uri().path_and_query().map(ToString::to_string);
    let answer = tried(node, route, peer, request).await;
    let answer = answer.or_else(|refused| match leads(route, &refused) {
        true => lead_to(&to_sign_in(target.as_deref().unwrap_or("/"))),
        false => Err(refused),
    });
    finished(node, answer.unwrap_or_else(|refused| refused.response(node, route.reader)))
}

/// Whoever looks at a page and is not signed in is led to where they can.
fn leads(route: &Route, refused: &Refused) -> bool {
    let page = route.reader == Reader::Person && route.method == Method::GET && route.who == Who::Person;
    page && matches!(refused, Refused::SignIn | Refused::Identity(IdentityError::Ended(_) | IdentityError::Unknown(_)))
}

/// The page to sign in, that leads back to a path of this node.
pub(crate) fn to_sign_in(path: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

async fn tried(node: &Node, route: &Route, peer: SocketAddr, request: Request) -> Answer {
    if route.who != Who::Anyone && !node.is_confirmed() {
        return Err(Refused::Unconfirmed);
    }
    let (parts, body) = request.into_parts();
    let limit = Duration::from_secs(ANSWER_S);
    let late = |_| Refused::Cut("this took too long");
    let asked =
        tokio::time::timeout(limit, Asked::read(node, route.who, peer.ip(), &parts, body)).await.map_err(late)??;
    let credential = asked.who.filter(|_| route.who != Who::Anyone);
    let answer = tokio::time::timeout(limit, (route.does)(node, asked));
    let Some(credential) = credential else { return answer.await.map_err(late)? };
    let mut flight = node.flights.begin(Some(credential)).ok_or(Refused::Cut("this node is ending"))?;
    // It may have been revoked between the look at it and now.
    node.identity.counts(&credential)?;
    match flight.answer(answer).await {
        Some(answer) => answer.map_err(late)?.map(|response| response.map(|body| flight.carry(body))),
        None => Err(Refused::Cut("what this came with was revoked meanwhile")),
    }
}
