//! Measures rewrapping: the whole way, through the gate, with its events, durable.

use std::path::Path;
use std::time::Instant;

use cordon_domain::{Actor, BucketId, Clock as _, Label, Level, Personal, RequestId, Target, VersionId, Versioning};
use cordon_gate::act::Write;
use cordon_gate::{Facts, Gate, Request};
use cordon_keys::{Belongs, DataKey, KeyName, Manifest, Part};
use cordon_store::care::Care;
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::entries::{Body, NewVersion, Said};
use cordon_store::{Change, Installation, ObjectRow};
use cordon_testkit::Deciding;

const OBJECTS: u64 = 60_000;
pub(super) const BUCKET: BucketId = BucketId([1; 16]);

pub(crate) async fn rewrap(folder: &Path) -> Result<(), String> {
    let (installation, _) = super::trust::installation(folder, None).await.map_err(|error| error.to_string())?;
    let actor = Actor::service(installation.itself());
    let gate = Gate::new(Deciding::yes(), installation.writer().clone(), actor.clone());
    let mut writes = Vec::new();
    for number in 0..OBJECTS {
        writes.push(write(&installation, &gate, (number, Label::of(Level::Restricted))));
        if writes.len() == 1000 {
            for outcome in futures_util::future::join_all(writes.drain(..)).await {
                outcome?;
            }
        }
    }
    let care = Care::new(&gate, &installation, &SystemClock, actor, Personal::default());
    let failed = |error: cordon_store::care::CareError| error.to_string();
    care.rotate(KeyName::Bucket(BUCKET, Level::Restricted)).await.map_err(failed)?;
    let begun = Instant::now();
    let moved = care.rewrap(BUCKET, Level::Restricted).await.map_err(failed)?;
    let rate = moved as f64 / begun.elapsed().as_secs_f64();
    println!("| rewrap data keys: {moved}, a batch a transaction, durable, with events | {rate:.0}/s |");
    Ok(())
}

/// Writes a version with a label of level restricted.
pub(super) async fn write(
    installation: &Installation,
    gate: &Gate<cordon_testkit::trust::Always, cordon_store::Writer>,
    (number, label): (u64, Label),
) -> Result<(), String> {
    let keys = installation.keys();
    let name = KeyName::Bucket(BUCKET, Level::Restricted);
    let active = installation.reader().active_key(keys, name).await.map_err(|error| error.to_string())?;
    let key = keys.wrapping_key(active.map(|active| active.active), name, 1).map_err(|error| error.to_string())?;
    let mut id = [0; 16];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    let version = VersionId(id);
    let data_key = DataKey::draw(&mut SystemEntropy);
    let belongs = Belongs { bucket: BUCKET, version, label: &label };
    let wrap = key.wrap(&data_key, belongs, &mut SystemEntropy).map_err(|error| error.to_string())?;
    let manifest = Manifest::new(version, label.clone(), vec![Part { number: 1, bytes: 1 << 20 }], &data_key);
    let manifest = manifest.and_then(|manifest| manifest.seal(&data_key)).map_err(|error| error.to_string())?;
    let row = ObjectRow {
        version,
        bucket: BUCKET,
        label: label.clone(),
        key_version: wrap.under.version,
        wrapped: wrap.wrapped,
        manifest,
        since: None,
    };
    let target = Target { bucket: Some(BUCKET), version: Some(version), label: Some(label), ..Target::default() };
    let (action, actor) = (cordon_domain::Action::ObjectWrite, Actor::service(installation.itself()));
    let facts = Facts { target, ..Facts::new(RequestId(id), SystemClock.now(), action, actor) };
    let (key, by, at) = (format!("{number}").parse(), installation.itself(), SystemClock.now());
    let (tag, headers) = (String::new(), Vec::new());
    let said = Said {
        body: Body::Files,
        bytes: 1 << 20,
        tag,
        at,
        by,
        headers,
        files: 1,
        inspection: None,
        content: None,
        weights: false,
    };
    let key = key.map_err(|_| "no name".to_owned())?;
    let new = NewVersion {
        row,
        key,
        said,
        sealed: None,
        before: None,
        versioning: Versioning::On,
        from: Vec::new(),
        original: None,
    };
    let change = Change::Write(Box::new(new));
    gate.change(Request::<Write>::new(facts), change).await.map(drop).map_err(|error| error.to_string())
}
