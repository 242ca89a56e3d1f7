//! State through its public doors.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod care;
mod compile_fail;
mod egress;
mod entries;
mod events;
mod faults;
mod format;
mod ground;
mod identities;
mod inspections;
mod installation;
mod labels;
mod people;
mod pkcs11;
mod postgres;
mod publications;
mod records;
mod sequencer;
mod terms;

use std::path::Path;
use std::sync::Arc;

use cordon_domain::{
    Action, BucketId, Event, Label, Level, Moment, Personal, PrincipalId, Record, Step, Steps, Target, VersionId,
    Versioning,
};
use cordon_gate::act::{Changes, Write};
use cordon_gate::{Facts, Gate, Request};
use cordon_keys::local::HeldKey;
use cordon_keys::recovery::Share;
use cordon_keys::{Belongs, DataKey, KeyName, Manifest, Part, RootProvider, Secret};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::{Body, NewVersion, Said};
use cordon_store::{Change, Installation, KitShape, New, ObjectRow, Places, StoreError, Writer};
use cordon_testkit::trust::Always;
use cordon_testkit::{Chance, Deciding, SetClock};

use ground::{Ground, on_both};

const NOW: Moment = Moment(1_790_000_000_000);
const NAME: &str = "Ada Marker";
const BUCKET: BucketId = BucketId([5; 16]);

fn provider(seed: u64) -> Arc<dyn RootProvider> {
    Arc::new(HeldKey::new("key-file", &Secret::draw(&mut Chance::new(seed)), SystemEntropy))
}

fn places(folder: &Path) -> Places {
    Places { data: folder.join("data"), keys: folder.join("keys"), server: None }
}

/// Makes an installation, and reads its kit back as it is printed.
async fn create_in(
    places: Places,
    provider: &Arc<dyn RootProvider>,
    kit: &mut Vec<Share>,
) -> Result<Installation, StoreError> {
    let mut keep_kit = |shares: &[Share]| {
        kit.extend(shares.iter().map(|share| Share::read(&share.write()).expect("reads back")));
        Ok(())
    };
    let shape = KitShape { need: 2, of: 3 };
    let new = New { origin: "log.example/cordon", kit: shape, keep_kit: &mut keep_kit };
    Installation::create(places, new, provider, clock()).await
}

fn clock() -> Arc<SetClock> {
    Arc::new(SetClock::at(NOW))
}

fn gate(installation: &Installation) -> Gate<Always, Writer> {
    let itself = cordon_domain::Actor::service(installation.itself());
    Gate::new(Deciding::yes(), installation.writer().clone(), itself)
}

fn event(installation: &Installation, action: Action, actor: u8) -> Event {
    let mut event = installation.own_event(action, NOW);
    event.actor.principal = PrincipalId([actor; 16]);
    event.personal = Personal { name: Some(NAME.to_owned()), ..Personal::default() };
    event
}

fn version(number: u64) -> VersionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    VersionId(bytes)
}

fn label(level: Level) -> Label {
    Label::of(level).with("atlas".parse().expect("a project"))
}

fn target(number: u64, level: Level) -> Target {
    Target { bucket: Some(BUCKET), version: Some(version(number)), label: Some(label(level)), ..Target::default() }
}

fn facts(target: Target) -> Facts {
    let mut facts = cordon_testkit::trust::facts(Label::of(Level::Public));
    facts.target = target;
    facts.at = NOW;
    facts
}

/// The request for a change of records about someone, and the change.
fn records<A: Changes>(about: Option<PrincipalId>, steps: Vec<Step>) -> (Request<A>, Change) {
    let steps = Steps(steps);
    let target = Target { principal: about, record: steps.0.first().map(Step::key), ..Target::default() };
    let beside = steps.encoded();
    let facts = Facts { beside, personal: Personal::default(), ..facts(target) };
    (Request::new(facts), Change::records(A::ACTION, steps))
}

/// The request for a revocation, and the revocation.
fn revocation(id: u8) -> (Request<cordon_gate::act::Revoke>, Change) {
    let project = format!("p{id}").parse().expect("a project");
    records(None, vec![Step::Put(Record::Closed(project))])
}

/// Writes an object version through the gate, as the vault will.
async fn write(installation: &Installation, number: u64, level: Level) -> Result<(), cordon_gate::Denial> {
    write_at(installation, number, level, NOW).await
}

async fn write_at(
    installation: &Installation,
    number: u64,
    level: Level,
    at: Moment,
) -> Result<(), cordon_gate::Denial> {
    let row = row(installation, number, level).await?;
    let request = Request::<Write>::new(Facts { at, ..facts(target(number, level)) });
    let change = Change::Write(Box::new(named(row, &format!("{number}"))));
    gate(installation).change(request, change).await.map(drop)
}

/// The row of a version, as the vault makes it.
async fn row(installation: &Installation, number: u64, level: Level) -> Result<ObjectRow, cordon_gate::Denial> {
    let (keys, name) = (installation.keys(), KeyName::Bucket(BUCKET, level));
    let unavailable = |error| cordon_gate::Denial::NotRecorded(cordon_gate::JournalError::from(error));
    let active = installation.reader().active_key(keys, name).await.map_err(unavailable)?.map(|active| active.active);
    let bucket_key = keys.wrapping_key(active, name, 1).map_err(unavailable)?;
    let (data_key, label) = (DataKey::draw(&mut SystemEntropy), label(level));
    let belongs = Belongs { bucket: BUCKET, version: version(number), label: &label };
    let wrap = bucket_key.wrap(&data_key, belongs, &mut SystemEntropy).expect("its level");
    let parts = vec![Part { number: 1, bytes: number }];
    let manifest = Manifest::new(version(number), label.clone(), parts, &data_key).expect("few parts");
    let manifest = manifest.seal(&data_key).expect("short");
    Ok(ObjectRow {
        version: version(number),
        bucket: BUCKET,
        label,
        key_version: wrap.under.version,
        wrapped: wrap.wrapped,
        manifest,
        since: None,
    })
}

/// A version of a name that led to nothing, whose bytes are elsewhere.
fn named(row: ObjectRow, key: &str) -> NewVersion {
    let said = Said {
        body: Body::Files,
        bytes: 1,
        tag: "t-1".to_owned(),
        at: NOW,
        by: PrincipalId([2; 16]),
        headers: Vec::new(),
        files: 1,
        inspection: None,
        content: None,
        weights: false,
    };
    NewVersion {
        row,
        key: key.parse().expect("a name"),
        said,
        sealed: None,
        before: None,
        versioning: Versioning::On,
        from: Vec::new(),
        original: None,
    }
}
