//! Measures the check of a session, of a signed request, and of a password: on a real installation with one person in it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordon_domain::{
    Action, Actor, Clock as _, Level, Principal, PrincipalId, PrincipalKind, Record, RequestId, Step, Steps, Target,
};
use cordon_gate::act::{Changes, Invite, Issue};
use cordon_gate::{Facts, Gate, Request};
use cordon_identity::signature::{Asked, Covers, Signer, Unsigned};
use cordon_identity::{Identity, Password, PublicUrl, Visit, invitation};
use cordon_policy::{LocalOperator, Policies};
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::{Change, Follower, Installation, Writer};
use cordon_testkit::SoftPasskey;

use super::access::print_times;

const CHECKS: usize = 100_000;
const ORIGIN: &str = "http://localhost:8700";
const OPERATOR: PrincipalId = PrincipalId([99; 16]);
const ADA: PrincipalId = PrincipalId([1; 16]);

/// Prints what the checks cost.
pub(super) fn measured() -> Result<(), String> {
    super::within("bench-sign-in", checks)
}

struct Office {
    gate: Arc<Gate<Arc<Policies>, Writer>>,
    identity: Identity,
    installation: Installation,
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn office(folder: &Path) -> Result<Office, String> {
    let (installation, _) = super::trust::installation(folder, None).await.map_err(said)?;
    let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
    let operator = Some(LocalOperator { principal: OPERATOR });
    let follower = Follower::begin(reader.clone(), Arc::clone(&keys), operator.map(Into::into)).await.map_err(said)?;
    installation.writer().follow(follower.clone());
    let itself = Actor::service(installation.itself());
    let gate = Arc::new(Gate::new(Arc::clone(follower.policies()), installation.writer().clone(), itself));
    let url = PublicUrl::parse(ORIGIN).map_err(said)?;
    let identity = Identity::new(Arc::clone(&gate), reader, keys, Arc::new(SystemClock), &url, None).map_err(said)?;
    Ok(Office { gate, identity, installation })
}

impl Office {
    async fn operated<A: Changes>(&self, target: Target, change: Change) -> Result<(), String> {
        let actor = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let request = RequestId::draw(&mut SystemEntropy);
        let facts = Facts::new(request, SystemClock.now(), A::ACTION, actor);
        let facts = Facts { target, beside: change.beside(), reason: Some("a bench".to_owned()), ..facts };
        drop(self.gate.change(Request::<A>::new(facts), change).await.map_err(said)?.spend());
        Ok(())
    }

    async fn bring_in(&self) -> Result<String, String> {
        let ada = Principal {
            id: ADA,
            kind: PrincipalKind::Person,
            owner: ADA,
            clearance: Level::Restricted,
            projects: std::collections::BTreeSet::new(),
            vendor: None,
            purpose: None,
            until: None,
            trained_until: None,
        };
        let steps = Steps(vec![Step::Put(Record::Principal(ada))]);
        let target = Target { principal: Some(ADA), record: steps.0.first().map(Step::key), ..Target::default() };
        let keys = self.installation.keys();
        let name = keys.seal_name(ADA, &"ada".parse().map_err(said)?).map_err(said)?;
        let change = Change::Records { action: Action::PrincipalCreate, steps, names: vec![name], from: Vec::new() };
        self.operated::<Invite>(target, change).await?;
        let (access, link) = invitation::invite(ADA, &[], SystemClock.now());
        let target = Target { principal: Some(ADA), record: access.names(), ..Target::default() };
        self.operated::<Issue>(target, Change::Access(Box::new(access))).await?;
        Ok(link.to_string())
    }
}

async fn checks(folder: PathBuf) -> Result<(), String> {
    let office = office(&folder).await?;
    let (identity, visit) = (&office.identity, Visit::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let link = office.bring_in().await?;
    let offer = identity.open_link(&link, &visit).await.map_err(said)?;
    let mut passkey = SoftPasskey::new(ORIGIN);
    let answer = passkey.register(&identity.begin_passkey(&offer.id).await.map_err(said)?).to_string();
    identity.set_passkey(&offer.id, &answer, "bench", &visit).await.map_err(said)?;
    let (id, options) = identity.begin_sign_in(&visit).map_err(said)?;
    let answer = passkey.sign_in(&options).to_string();
    let entered = identity.sign_in_with_passkey(&id, &answer, &visit, None).await.map_err(said)?;
    let key = identity.take_keys(&entered.session, &visit).await.map_err(said)?;

    let session = times(CHECKS, || identity.session(&entered.token).is_ok())?;
    print_times("the check of a session: its MAC, its time, whose it is, what was revoked", session);
    let (access_key, secret, token) = (key.id.as_str(), key.secret.as_str(), key.token.as_str());
    let signer = Signer { access_key, secret, token, region: "us-east-1", service: "s3" };
    let path = "/bucket/models/step-1000.safetensors";
    let request = Unsigned::plain("GET", "localhost:8700", path);
    let signed = signer.sign(&request, Covers::Body(b""), SystemClock.now());
    let mut headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend([("host", "localhost:8700"), ("user-agent", "aws-cli/2.0"), ("accept-encoding", "identity")]);
    let asked = Asked { method: "GET", path, query: "", headers: &headers, body_sha256: None, service: "s3" };
    let signature = times(CHECKS, || identity.signed(&asked).is_ok())?;
    print_times("the check of a request signed with an access key: its signature, and all of the above", signature);
    let started = Instant::now();
    let wrong = Password::given("a password that is wrong".to_owned());
    let refused = identity.sign_in_with_password("nobody", wrong, "000000", &visit, None).await;
    if refused.is_ok() {
        return Err("nobody was let in".to_owned());
    }
    println!(
        "| a wrong password (argon2id: 46 MiB, one pass), and its event | {:.0} ms |",
        started.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

fn times(count: usize, check: impl Fn() -> bool) -> Result<Vec<Duration>, String> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let holds = check();
        times.push(started.elapsed());
        if !holds {
            return Err("what counts was refused".to_owned());
        }
    }
    Ok(times)
}
