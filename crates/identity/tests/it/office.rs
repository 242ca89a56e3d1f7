//! An office: an installation, people in it, and somebody at its door.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use cordon_domain::{
    Action, Actor, Clock as _, CredentialId, Grant, GrantId, Level, Moment, Principal, PrincipalId, PrincipalKind,
    Record, RequestId, Role, Scope, Step, Steps, Target, Vendor, VendorId,
};
use cordon_gate::act::{ChangeVendor, Changes, Invite, Issue, Revoke};
use cordon_gate::{Facts, Gate, Request};
use cordon_identity::entry::Offer;
use cordon_identity::{Identity, PublicUrl, SignedIn, Visit, Welcome, invitation};
use cordon_keys::local::HeldKey;
use cordon_keys::{RootProvider, Secret};
use cordon_ledger::entry::open;
use cordon_policy::{LocalOperator, Policies};
use cordon_store::edge::SystemEntropy;
use cordon_store::keyring::Make;
use cordon_store::{Change, Follower, Installation, KitShape, New, NewName, Places, Writer};
use cordon_testkit::{Chance, SoftPasskey, TurnedClock};

pub(crate) const NOW: Moment = Moment(1_795_608_000_000);
pub(crate) const ORIGIN: &str = "http://localhost:8700";
const OPERATOR: PrincipalId = PrincipalId([99; 16]);

pub(crate) struct Office {
    pub(crate) installation: Installation,
    pub(crate) gate: Arc<Gate<Arc<Policies>, Writer>>,
    pub(crate) identity: Identity,
    pub(crate) clock: TurnedClock,
    folder: tempfile::TempDir,
}

fn places(folder: &Path) -> Places {
    Places { data: folder.join("data"), keys: folder.join("keys"), server: None }
}

fn provider() -> Arc<dyn RootProvider> {
    Arc::new(HeldKey::new("key-file", &Secret::draw(&mut Chance::new(1)), SystemEntropy))
}

pub(crate) fn visit() -> Visit {
    Visit::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
}

pub(crate) fn principal(number: u8, kind: PrincipalKind) -> Principal {
    let id = PrincipalId([number; 16]);
    let vendor = (kind == PrincipalKind::Vendor).then_some(VendorId([1; 16]));
    Principal {
        id,
        kind,
        owner: if kind == PrincipalKind::Service { PrincipalId([1; 16]) } else { id },
        clearance: Level::Restricted,
        projects: std::collections::BTreeSet::new(),
        vendor,
        purpose: None,
        until: None,
        trained_until: None,
    }
}

impl Office {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = TurnedClock::at(NOW);
        let (places, provider) = (places(folder.path()), provider());
        let mut keep_kit = |_: &[cordon_keys::recovery::Share]| Ok(());
        let new = New { origin: "log.example", kit: KitShape { need: 2, of: 3 }, keep_kit: &mut keep_kit };
        let made = Installation::create(places, new, &provider, Arc::new(clock.clone())).await;
        let installation = made.expect("made");
        let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
        let operator = LocalOperator { principal: OPERATOR };
        let follower = Follower::begin(reader.clone(), Arc::clone(&keys), Some(operator.into())).await.expect("begins");
        installation.writer().follow(follower.clone());
        let itself = Actor::service(installation.itself());
        let gate = Arc::new(Gate::new(Arc::clone(follower.policies()), installation.writer().clone(), itself));
        let url = PublicUrl::parse(ORIGIN).expect("an address");
        let identity =
            Identity::new(Arc::clone(&gate), reader, keys, Arc::new(clock.clone()), &url, None).expect("begins");
        let office = Self { installation, gate, identity, clock, folder };
        office.bring_in(principal(1, PrincipalKind::Person), Some("ada@example.org")).await;
        office.bring_in(principal(2, PrincipalKind::Person), Some("bob@example.org")).await;
        office
    }

    /// Opens it once more, as another process of the machine does.
    pub(crate) async fn beside(&self) -> Installation {
        let opened = Installation::open(places(self.folder.path()), &provider(), Arc::new(self.clock.clone())).await;
        opened.expect("opens")
    }

    /// The person at the machine makes a change of records.
    pub(crate) async fn operator<A: Changes>(&self, about: Option<PrincipalId>, steps: Vec<Step>, names: Vec<NewName>) {
        let steps = Steps(steps);
        let target = Target { principal: about, record: steps.0.first().map(Step::key), ..Target::default() };
        let change = Change::Records { action: A::ACTION, steps, names, from: Vec::new() };
        let facts = Facts { target, beside: change.beside(), ..self.facts(A::ACTION) };
        let receipt = self.gate.change(Request::<A>::new(facts), change).await.expect("allowed");
        drop(receipt.spend());
    }

    fn facts(&self, action: Action) -> Facts {
        let actor = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let reason = Some("a test".to_owned());
        Facts { reason, ..Facts::new(RequestId::draw(&mut SystemEntropy), self.clock.now(), action, actor) }
    }

    pub(crate) async fn bring_in(&self, new: Principal, name: Option<&str>) {
        let seal = |name: &str| self.installation.keys().seal_name(new.id, &name.parse().expect("a name"));
        let names = name.map(|name| seal(name).expect("sealed")).into_iter().collect();
        let role = Grant {
            id: GrantId(new.id.0),
            principal: new.id,
            role: Role::Reader,
            scope: Scope::Installation,
            starts: Moment(0),
            ends: None,
            reason: "a test".to_owned(),
            given_by: OPERATOR,
        };
        let steps = vec![Step::Put(Record::Principal(new.clone())), Step::Put(Record::Grant(role))];
        self.operator::<Invite>(Some(new.id), steps, names).await;
    }

    pub(crate) async fn vendor(&self, ends: Moment) {
        let vendor = Vendor {
            id: VendorId([1; 16]),
            name: "Example Annotation".to_owned(),
            starts: Moment(0),
            ends,
            level: Level::Internal,
            projects: std::collections::BTreeSet::new(),
            networks: Vec::new(),
        };
        self.operator::<ChangeVendor>(None, vec![Step::Put(Record::Vendor(vendor))], Vec::new()).await;
    }

    pub(crate) async fn revoke(&self, about: Option<PrincipalId>, step: Step) {
        self.operator::<Revoke>(about, vec![step], Vec::new()).await;
    }

    /// A link for somebody.
    pub(crate) async fn link(&self, number: u8) -> String {
        let principal = PrincipalId([number; 16]);
        let known = self.identity.ways(principal).await.expect("reads");
        let (access, text) = invitation::invite(principal, &known, self.clock.now());
        let target = Target { principal: Some(access.principal), record: access.names(), ..Target::default() };
        let facts = Facts { target, ..self.facts(Action::CredentialIssue) };
        let change = Change::Access(Box::new(access));
        drop(self.gate.change(Request::<Issue>::new(facts), change).await.expect("allowed").spend());
        text.to_string()
    }

    pub(crate) async fn offer(&self, number: u8) -> Offer {
        let link = self.link(number).await;
        self.identity.open_link(&link, &visit()).await.ok().expect("it counts")
    }

    /// Somebody sets a passkey by a link.
    pub(crate) async fn with_passkey(&self, number: u8) -> (SoftPasskey, Welcome) {
        let offer = self.offer(number).await;
        let mut passkey = SoftPasskey::new(ORIGIN);
        let options = self.identity.begin_passkey(&offer.id).await.expect("begun");
        let answer = passkey.register(&options).to_string();
        let set = self.identity.set_passkey(&offer.id, &answer, "laptop", &visit()).await;
        (passkey, set.ok().expect("set"))
    }

    pub(crate) async fn signed_in(&self, passkey: &mut SoftPasskey) -> SignedIn {
        let (id, options) = self.identity.begin_sign_in(&visit()).expect("begun");
        let answer = passkey.sign_in(&options).to_string();
        let entered = self.identity.sign_in_with_passkey(&id, &answer, &visit(), None).await;
        entered.map_err(|error| error.to_string()).expect("signed in")
    }

    /// Events of an action: how each ended, and about whom.
    pub(crate) async fn events(
        &self,
        action: Action,
    ) -> Vec<(cordon_domain::Outcome, Option<PrincipalId>, Option<CredentialId>)> {
        let entries = self.installation.reader().entries(0, 10_000).await.expect("reads");
        let keys = self.installation.keys();
        let key = keys.event_key().expect("a key");
        let opened = entries.iter().map(|entry| {
            open(entry, &key, |subject| keys.subject_key(subject, Make::Never).expect("reads")).expect("opens").event
        });
        opened
            .filter(|event| event.action == action)
            .map(|event| (event.outcome, event.target.principal, event.actor.credential))
            .collect()
    }
}
