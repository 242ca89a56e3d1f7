//! An installation with a vault, people who ask it, and what lies on its disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cordon_domain::{
    Action, Actor, Approval, AskId, Asked, Bucket, Clock as _, Device, DeviceId, Event, Factor, Grant, GrantId,
    Knowledge, Label, Level, Moment, ObjectKey, Outcome, Principal, PrincipalId, PrincipalKind, Record, RecordKey,
    RequestId, Role, Scope, Seen, Step, Steps, Target, Vendor, VendorId, VersionId,
};
use cordon_gate::act::{Approve, Ask, ChangeLevels, ChangeVendor, Changes, Enrol, Give, Invite, Raise, Revoke};
use cordon_gate::{Facts, Gate, Request};
use cordon_keys::local::HeldKey;
use cordon_keys::{KeyName, RootProvider, Secret};
use cordon_policy::{Itself, LocalOperator, Policies, Unlisted};
use cordon_store::backup::{Source, back_up_data, restore};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::Said;
use cordon_store::{Change, Follower, Installation, KitShape, New, Places, Writer};
use cordon_testkit::{Chance, Disk, FaultyFiles, TurnedClock};
use cordon_vault::get::Got;
use cordon_vault::list::Wanted;
use cordon_vault::put::{Behind, OnlyIf};
use cordon_vault::{Inspector, Listed, Looking, Vault, VaultError, Wants, Writing, Written};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use object_store::ObjectStore;

/// Files that fail on command.
pub(crate) type Files = Arc<FaultyFiles<Arc<dyn ObjectStore>>>;

const NOW: Moment = Moment(1_795_608_000_000);
const OPERATOR: PrincipalId = PrincipalId([99; 16]);
/// Owns everything, and may know everything.
pub(crate) const ADA: u8 = 1;
/// Are of a vendor, once they were brought in.
pub(crate) const OF_VENDOR: [u8; 2] = [7, 8];
/// Reads everything that is at most internal.
pub(crate) const BOB: u8 = 2;
/// Writes everywhere, and is cleared for confidential.
pub(crate) const CLEO: u8 = 3;
/// Approves what others ask for, once he is brought in.
const DAN: u8 = 4;

pub(crate) struct Place {
    pub(crate) installation: Installation,
    pub(crate) vault: Vault,
    pub(crate) clock: TurnedClock,
    /// What decides on what the person at the machine does, and what the vault rests on.
    operating: (Follower, Gate<Arc<Policies>, Writer>),
    follower: Follower,
    gate: Arc<Gate<Arc<Policies>, Writer>>,
    requests: AtomicU64,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn open() -> Self {
        Self::made(tempfile::tempdir().expect("a folder")).await
    }

    /// On a disk that fails on command.
    pub(crate) async fn on_disk() -> (Self, Disk) {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::under(folder.path());
        (Self::made(folder).await, disk)
    }

    async fn made(folder: tempfile::TempDir) -> Self {
        let (clock, provider) = (TurnedClock::at(NOW), provider());
        let mut keep_kit = |_: &[cordon_keys::recovery::Share]| Ok(());
        let new = New { origin: "log.example", kit: KitShape { need: 2, of: 3 }, keep_kit: &mut keep_kit };
        let made = Installation::create(places(&folder), new, &provider, Arc::new(clock.clone())).await;
        let place = Self::over(made.expect("made"), clock, folder).await;
        place.bring_in(ADA, Level::Restricted, Role::Owner).await;
        place.bring_in(BOB, Level::Internal, Role::Reader).await;
        place.bring_in(CLEO, Level::Confidential, Role::Contributor).await;
        place
    }

    async fn over(installation: Installation, clock: TurnedClock, folder: tempfile::TempDir) -> Self {
        let (reader, keys) = (installation.reader().clone(), Arc::clone(installation.keys()));
        let begin = async |unlisted| {
            let follower = Follower::begin(reader.clone(), Arc::clone(&keys), Some(unlisted)).await.expect("begins");
            let itself = Actor::service(installation.itself());
            let gate = Gate::new(Arc::clone(follower.policies()), installation.writer().clone(), itself);
            (follower, gate)
        };
        let operating = begin(LocalOperator { principal: OPERATOR }.into()).await;
        let own = Itself { principal: installation.itself(), roles: std::collections::BTreeSet::new() };
        let (follower, gate) = begin(Unlisted::Itself(own)).await;
        installation.writer().follow(follower.clone());
        let objects = installation.objects().expect("opens");
        let (gate, requests) = (Arc::new(gate), AtomicU64::new(1));
        let at = Arc::new(clock.clone());
        let vault = Vault::new(Arc::clone(&gate), reader.clone(), Arc::clone(&keys), objects, at);
        Self { installation, vault, clock, operating, follower, gate, requests, folder }
    }

    /// The same, whose files fail on command.
    pub(crate) fn on_faulty_files(mut self) -> (Self, Files) {
        let objects = self.installation.objects().expect("opens");
        let files = Arc::new(FaultyFiles::new(objects));
        let (reader, keys) = (self.installation.reader().clone(), Arc::clone(self.installation.keys()));
        let at = Arc::new(self.clock.clone());
        self.vault = Vault::new(Arc::clone(&self.gate), reader, keys, Arc::clone(&files) as _, at);
        (self, files)
    }

    /// What a machine finds that lost power, and begins again.
    pub(crate) async fn after_a_power_loss(self, disk: &Disk, seed: u64) -> Self {
        let requests = self.requests.load(Ordering::Relaxed);
        let (folder, clock) = self.gone();
        disk.lose_power(seed).expect("the files are there");
        let opened = Installation::open(places(&folder), &provider(), Arc::new(clock.clone())).await;
        let place = Self::over(opened.expect("opens again"), clock, folder).await;
        place.requests.store(requests, Ordering::Relaxed);
        place
    }

    /// Closes everything: nobody has a file open any more.
    fn gone(self) -> (tempfile::TempDir, TurnedClock) {
        (self.folder, self.clock)
    }

    pub(crate) async fn bring_in(&self, number: u8, clearance: Level, role: Role) {
        self.bring_in_of(None, number, clearance, role).await;
    }

    /// Brings in those who read what is internal, of a vendor that works on a project.
    pub(crate) async fn bring_in_vendor(&self) {
        let operator = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let vendor = Vendor {
            id: VendorId([1; 16]),
            name: "Example Annotation".to_owned(),
            starts: Moment(0),
            ends: Moment(i64::MAX),
            level: Level::Internal,
            projects: ["heron".parse().expect("a project")].into(),
            networks: Vec::new(),
        };
        let steps = vec![Step::Put(Record::Vendor(vendor))];
        let target = Target { record: steps.first().map(Step::key), ..Target::default() };
        self.change::<ChangeVendor>(operator, target, steps).await;
        for number in OF_VENDOR {
            self.bring_in_of(Some(VendorId([1; 16])), number, Level::Internal, Role::Reader).await;
        }
    }

    async fn bring_in_of(&self, vendor: Option<VendorId>, number: u8, clearance: Level, role: Role) {
        let id = PrincipalId([number; 16]);
        let someone = Principal {
            id,
            kind: if vendor.is_some() { PrincipalKind::Vendor } else { PrincipalKind::Person },
            owner: id,
            clearance,
            projects: ["heron".parse().expect("a project")].into(),
            vendor,
            purpose: None,
            until: None,
            trained_until: Some(Moment(i64::MAX)),
        };
        let grant = Grant {
            id: GrantId(id.0),
            principal: id,
            role,
            scope: Scope::Installation,
            starts: Moment(0),
            ends: None,
            reason: "a test".to_owned(),
            given_by: OPERATOR,
        };
        let operator = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let steps = vec![Step::Put(Record::Principal(someone)), Step::Put(Record::Grant(grant))];
        self.records::<Invite>(operator, id, steps).await;
        let device = Device { id: DeviceId(id.0), owner: id, key: [number; 32], claimed: "laptop".to_owned() };
        self.records::<Enrol>(
            Actor { device: None, ..self.asks(number).actor },
            id,
            vec![Step::Put(Record::Device(device))],
        )
        .await;
    }

    /// Changes what levels demand; nobody may approve here, so nobody must.
    pub(crate) async fn set_levels(&self, levels: cordon_domain::Levels) {
        let operator = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let steps = vec![Step::Put(Record::Levels(Box::new(levels)))];
        let target = Target { record: steps.first().map(Step::key), ..Target::default() };
        self.change::<ChangeLevels>(operator, target, steps).await;
    }

    /// Waits until what was begun is on record: as many events of an action as reads that were allowed.
    pub(crate) async fn settled(&self, action: Action) {
        let allowed = |events: Vec<Event>| events.iter().filter(|one| one.outcome == Outcome::Allowed).count();
        while allowed(self.events(action).await) < allowed(self.events(Action::ObjectRead).await) {
            tokio::task::yield_now().await;
        }
    }

    async fn records<A: Changes>(&self, actor: Actor, about: PrincipalId, steps: Vec<Step>) {
        let target = Target { principal: Some(about), record: steps.first().map(Step::key), ..Target::default() };
        self.change::<A>(actor, target, steps).await;
    }

    async fn change<A: Changes>(&self, actor: Actor, target: Target, steps: Vec<Step>) {
        let change = Change::records(A::ACTION, Steps(steps));
        let facts = Facts::new(RequestId::draw(&mut SystemEntropy), self.clock.now(), A::ACTION, actor);
        let facts = Facts { target, beside: change.beside(), reason: Some("a test".to_owned()), ..facts };
        let (follower, gate) = &self.operating;
        assert!(follower.catch_up().await);
        drop(gate.change(Request::<A>::new(facts), change).await.expect("allowed").spend());
        assert!(self.follower.catch_up().await);
    }

    /// Takes the role back with which somebody was brought in.
    pub(crate) async fn takes_back(&self, number: u8) {
        let operator = Actor { kind: PrincipalKind::Person, ..Actor::service(OPERATOR) };
        let steps = vec![Step::End(RecordKey::Grant(GrantId([number; 16])))];
        let target = Target { record: steps.first().map(Step::key), ..Target::default() };
        self.change::<Revoke>(operator, target, steps).await;
    }

    /// Lets somebody write to a bucket.
    pub(crate) async fn may_write(&self, number: u8, bucket: &Bucket) {
        let id = PrincipalId([number; 16]);
        let grant = Grant {
            id: GrantId([100 + number; 16]),
            principal: id,
            role: Role::Contributor,
            scope: Scope::Bucket(bucket.id),
            starts: Moment(0),
            ends: None,
            reason: "a test".to_owned(),
            given_by: PrincipalId([ADA; 16]),
        };
        let steps = vec![Step::Put(Record::Grant(grant))];
        let record = steps.first().map(Step::key);
        let target = Target { bucket: Some(bucket.id), principal: Some(id), record, ..Target::default() };
        let target = Target { label: Some(bucket.label.clone()), ..target };
        self.asked::<Give>(self.asks(ADA), target, steps).await;
    }

    /// Sets a version to restricted, as a person.
    pub(crate) async fn raise(&self, number: u8, bucket: &Bucket, version: VersionId, from: &Label) {
        let keys = self.installation.keys();
        let key = keys.prepare_version(KeyName::Bucket(bucket.id, Level::Restricted)).expect("made");
        let change = Change::Relabel {
            bucket: bucket.id,
            version,
            action: Action::LabelRaise,
            label: Label::of(Level::Restricted),
            key_version: key.version,
            look: None,
        };
        let target =
            Target { bucket: Some(bucket.id), version: Some(version), label: Some(from.clone()), ..Target::default() };
        let facts = Facts { target, beside: change.beside(), ..self.asks(number) };
        drop(self.gate.change(Request::<Raise>::new(facts), change).await.expect("raised").spend());
    }

    /// Has somebody ask for exactly this, and Dan, who approves everything, approve it.
    pub(crate) async fn approved(&self, facts: &Facts) -> AskId {
        let dan = PrincipalId([DAN; 16]);
        let known = self.follower.policies().snapshot().expect("whole").roster().principals.contains_key(&dan);
        if !known {
            self.bring_in(DAN, Level::Restricted, Role::Approver).await;
        }
        let (id, by) = (AskId::draw(&mut SystemEntropy), facts.actor.principal);
        let mut asked = Asked {
            id,
            action: facts.action,
            target: facts.target.clone(),
            hash: facts.asked_hash(),
            by,
            owner: by,
            reason: facts.reason.clone().unwrap_or_default(),
            at: facts.at,
            ends: facts.at.plus_ms(60_000),
            approvals: Vec::new(),
            change: facts.beside.clone(),
        };
        let record = Some(RecordKey::Ask(id));
        let target = Target { principal: Some(by), record, ..facts.target.clone() };
        let step = |asked: &Asked| vec![Step::Put(Record::Ask(Box::new(asked.clone())))];
        let asks = Facts { reason: facts.reason.clone(), ..self.asks(by.0[0]) };
        self.asked::<Ask>(asks, target.clone(), step(&asked)).await;
        asked.approvals.push(Approval { by: dan, owner: dan, at: facts.at });
        self.asked::<Approve>(self.asks(DAN), target, step(&asked)).await;
        id
    }

    async fn asked<A: Changes>(&self, asks: Facts, target: Target, steps: Vec<Step>) {
        let change = Change::records(A::ACTION, Steps(steps));
        let facts = Facts { target, beside: change.beside(), ..asks };
        drop(self.gate.change(Request::<A>::new(facts), change).await.expect("allowed").spend());
    }

    /// Has what is written looked into from now on.
    pub(crate) fn inspected_by(mut self, inspector: Arc<dyn Inspector>) -> Self {
        let itself = Actor::service(self.installation.itself());
        self.vault = self.vault.inspecting(inspector, itself);
        self
    }

    /// What is known of a request of somebody, who has just signed in with a passkey on an enrolled device.
    pub(crate) fn asks(&self, number: u8) -> Facts {
        let is_vendor = OF_VENDOR.contains(&number);
        let actor = Actor {
            kind: if is_vendor { PrincipalKind::Vendor } else { PrincipalKind::Person },
            mfa_age_s: Some(0),
            device: Some(DeviceId([number; 16])),
            factor: Some(Factor::PhishingResistant),
            ..Actor::service(PrincipalId([number; 16]))
        };
        let mut request = [0; 16];
        request[..8].copy_from_slice(&self.requests.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Facts::new(RequestId(request), self.clock.now(), Action::ObjectRead, actor)
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(crate) async fn bucket(&self, name: &str, level: Level) -> Bucket {
        self.vault.make_bucket(&self.asks(ADA), name, Some(Label::of(level))).await.expect("made")
    }

    pub(crate) async fn put(
        &self,
        who: u8,
        bucket: &Bucket,
        new: Writing,
        body: Vec<u8>,
    ) -> Result<Written, VaultError> {
        let pieces: Vec<Result<Bytes, String>> =
            body.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        self.vault.put(&self.asks(who), bucket, new, stream::iter(pieces)).await
    }

    pub(crate) async fn get(&self, who: u8, bucket: &Bucket, key: &str) -> Result<Vec<u8>, VaultError> {
        let got = self.vault.get(&self.asks(who), bucket, (&name(key), None), whole).await?;
        let all = 0..got.entry.said.bytes;
        read(got, all).await
    }

    pub(crate) async fn list(&self, who: u8, bucket: &Bucket, wanted: Wanted) -> Result<Vec<String>, VaultError> {
        let page = self.vault.list(&self.asks(who), bucket, &wanted).await?;
        Ok(lines(&page.lines))
    }

    /// Events of an action.
    pub(crate) async fn events(&self, action: Action) -> Vec<Event> {
        let entries = self.installation.reader().entries(0, 10_000).await.expect("reads");
        let key = self.installation.keys().event_key().expect("a key");
        let events =
            entries.iter().map(|entry| cordon_ledger::entry::open(entry, &key, |_| None).expect("opens").event);
        events.filter(|event| event.action == action).collect()
    }

    /// A vault on an installation that was restored from a backup of the data, with the key store that is still here.
    pub(crate) async fn restored(&self) -> Vault {
        self.installation.sequencer().await.expect("takes over").publish().await.expect("published");
        let data = self.folder.path().join("backup");
        back_up_data(&self.installation, &data).await.expect("copied");
        let keys = self.folder.path().join("restored-keys");
        std::fs::create_dir(&keys).expect("made");
        for file in std::fs::read_dir(self.folder.path().join("keys")).expect("reads") {
            let file = file.expect("reads").path();
            std::fs::copy(&file, keys.join(file.file_name().expect("a name"))).expect("copied");
        }
        let places = Places { data: self.folder.path().join("restored"), keys, server: None };
        let log_key = self.installation.log_key().expect("a key");
        let source = Source { data: &data, keys: None, log_key: &log_key, known: &[], new_origin: None };
        let clock = Arc::new(self.clock.clone());
        restore(&source, &places, &provider(), Arc::clone(&clock) as _).await.expect("restored");
        let opened = Installation::open(places, &provider(), Arc::clone(&clock) as _).await.expect("opens");
        let (reader, keys) = (opened.reader().clone(), Arc::clone(opened.keys()));
        let follower = Follower::begin(reader.clone(), Arc::clone(&keys), None).await.expect("begins");
        let itself = Actor::service(opened.itself());
        let gate = Arc::new(Gate::new(Arc::clone(follower.policies()), opened.writer().clone(), itself));
        Vault::new(gate, reader, keys, opened.objects().expect("opens"), clock)
    }

    /// Files of sealed bytes.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        files(&self.folder.path().join("data/objects"))
    }

    /// Every file on its disk.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(self.folder.path())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.installation.places().database_file()
    }
}

fn places(folder: &tempfile::TempDir) -> Places {
    Places { data: folder.path().join("data"), keys: folder.path().join("keys"), server: None }
}

fn provider() -> Arc<dyn RootProvider> {
    Arc::new(HeldKey::new("key-file", &Secret::draw(&mut Chance::new(1)), SystemEntropy))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("reads").map(|entry| entry.expect("reads").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

pub(crate) fn lines(lines: &[Listed]) -> Vec<String> {
    let text = |line: &Listed| match line {
        Listed::Object(entry) => entry.key.as_str().to_owned(),
        Listed::Beginning(beginning) => format!("{beginning}..."),
    };
    lines.iter().map(text).collect()
}

/// All of a version is to leave.
pub(crate) fn whole(said: &Said) -> u64 {
    said.bytes
}

pub(crate) fn name(key: &str) -> ObjectKey {
    key.parse().expect("a name")
}

pub(crate) fn writing(key: &str) -> Writing {
    Writing { key: name(key), label: None, headers: Vec::new(), behind: Behind::default(), only_if: OnlyIf::default() }
}

pub(crate) fn at_least(key: &str, level: Level) -> Writing {
    Writing { label: Some(Label::of(level)), ..writing(key) }
}

/// Reads a range, whatever it comes in.
pub(crate) async fn read(got: Got, range: std::ops::Range<u64>) -> Result<Vec<u8>, VaultError> {
    let mut pieces = std::pin::pin!(got.bytes(range));
    let mut all = Vec::new();
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// Judges a version by how it begins.
pub(crate) struct Judges(pub(crate) fn(&[u8]) -> Seen);

impl Inspector for Judges {
    fn knows(&self, _: Arc<Knowledge>) {}

    fn look_now(&self, _: &Wants, body: Bytes) -> Looking {
        Box::pin(std::future::ready(Ok(self.0(&body))))
    }

    fn look_beside(&self, _: &Wants, _: BoxStream<'static, Result<Bytes, VaultError>>) -> Option<Looking> {
        None
    }

    fn look(&self, _: &Wants, _: u64, mut body: BoxStream<'static, Result<Bytes, VaultError>>) -> Looking {
        let judge = self.0;
        Box::pin(async move {
            let first = body.next().await.transpose()?.unwrap_or_default();
            while body.next().await.transpose()?.is_some() {}
            Ok(judge(&first))
        })
    }

    fn is_large(&self, _: u64) -> bool {
        false
    }
}
