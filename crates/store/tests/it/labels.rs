//! Which label a version had: told as it was, from the tables and from the log.

use std::collections::BTreeMap;

use cordon_domain::id::hex;
use cordon_domain::{Action, Label, Level, Moment, RequestId, VersionId};
use cordon_gate::act::{Changes, Lower, Raise, Shred};
use cordon_gate::{Facts, Request};
use cordon_keys::KeyName;
use cordon_store::edge::SystemEntropy;
use cordon_store::{Change, Installation, StoreError, Versions};
use cordon_testkit::{Chance, fixture};

use crate::format::lasting_gate;
use crate::{BUCKET, Ground, NOW, facts, label, on_both, target, version, write_at};

/// Versions by their label, as policies tell them apart.
type Groups = BTreeMap<Level, u64>;

fn groups<'a>(labels: impl IntoIterator<Item = (&'a Label, u64)>) -> Groups {
    let mut groups = Groups::new();
    labels.into_iter().for_each(|(label, count)| *groups.entry(label.level).or_default() += count);
    groups
}

async fn counted(installation: &Installation, at: Option<Moment>) -> Result<Groups, StoreError> {
    let labels = installation.reader().label_groups(installation.keys(), BUCKET, at).await?;
    Ok(groups(labels.iter().map(|(label, count)| (label, *count))))
}

async fn change<A: Changes>(installation: &Installation, number: u64, level: Level, change: Change, at: Moment) {
    let (request, beside) = (RequestId::draw(&mut SystemEntropy), change.beside());
    let facts = Facts { request, at, beside, ..facts(target(number, level)) };
    let _receipt = lasting_gate(installation).change(Request::<A>::new(facts), change).await.expect("changed");
}

async fn relabel(installation: &Installation, number: u64, from: Level, to: Level, at: Moment) {
    let name = KeyName::Bucket(BUCKET, to);
    let active = installation.reader().active_key(installation.keys(), name).await.expect("reads");
    let key_version = match active {
        Some(active) => active.active,
        None => installation.keys().prepare_version(name).expect("made").version,
    };
    let action = if to > from { Action::LabelRaise } else { Action::LabelLower };
    let new =
        Change::Relabel { bucket: BUCKET, version: version(number), action, label: label(to), key_version, look: None };
    match action {
        Action::LabelRaise => change::<Raise>(installation, number, from, new, at).await,
        _ => change::<Lower>(installation, number, from, new, at).await,
    }
}

async fn shred(installation: &Installation, number: u64, level: Level, at: Moment) {
    let next_key = installation.keys().prepare_version(KeyName::Bucket(BUCKET, level)).expect("made").version;
    let shred = Change::Shred { bucket: BUCKET, version: version(number), next_key };
    change::<Shred>(installation, number, level, shred, at).await;
}

/// Writes a version, or does something to one that is there, and keeps track of which have which label.
async fn step(installation: &Installation, chance: &mut Chance, labels: &mut BTreeMap<u64, Level>, at: Moment) {
    let (number, level) = (chance.below(12), Level::ALL[chance.below(4) as usize]);
    match labels.get(&number).copied() {
        None => {
            let written = write_at(installation, number, level, at).await;
            // What was shredded does not come back under its name.
            assert_eq!(written.is_ok(), labels.keys().all(|known| *known != number + SHREDDED), "{written:?}");
            written.is_ok().then(|| labels.insert(number, level));
        }
        Some(old) if chance.below(6) == 0 => {
            shred(installation, number, old, at).await;
            labels.remove(&number);
            labels.insert(number + SHREDDED, old);
        }
        Some(old) if old != level => {
            relabel(installation, number, old, level, at).await;
            labels.insert(number, level);
        }
        Some(_) => {}
    }
}

/// What is added to the number of a version that was shredded.
const SHREDDED: u64 = 100;

async fn which_label_a_version_had_is_told_as_it_was(ground: Ground) {
    let (installation, _) = ground.create().await;
    let (mut labels, mut given) = (BTreeMap::new(), BTreeMap::new());
    let mut chance = Chance::new(1);
    let mut at = NOW;
    for _ in 0..80 {
        step(&installation, &mut chance, &mut labels, at).await;
        let one = installation.reader().object(installation.keys(), version(3)).await.expect("whole");
        given.insert(at, (counted(&installation, None).await.expect("whole"), one.map(|row| row.label)));
        at = at.plus_ms(chance.below(20) as i64);
    }
    ground.settle(&installation).await;
    for (at, (groups_then, one)) in given {
        assert_eq!(counted(&installation, Some(at)).await.expect("whole"), groups_then, "{at:?}");
        let told = installation.reader().label_at(installation.keys(), version(3), at).await.expect("whole");
        assert_eq!(told, one.clone().map(|label| (BUCKET, label)), "{at:?}");
        let rebuilt = installation.rebuild(at, Versions::Of(BUCKET)).await.expect("told");
        let told: Vec<(VersionId, &Label)> = rebuilt.labels().map(|(version, _, label)| (version, label)).collect();
        assert_eq!(groups(told.iter().map(|(_, label)| (*label, 1))), groups_then, "from the log, {at:?}");
        let rebuilt = installation.rebuild(at, Versions::One(version(3))).await.expect("told");
        assert_eq!(rebuilt.labels().next().map(|(_, _, label)| label.clone()), one, "from the log, {at:?}");
    }
    assert_eq!(counted(&installation, Some(NOW.plus_ms(-1))).await.expect("whole"), Groups::new());
    for (table, place) in [("objects", "began"), ("past_labels", "began"), ("past_labels", "ended")] {
        let placed = format!(
            "SELECT count(*) FROM {table} LEFT JOIN events ON events.position = {table}.{place}_position
             AND events.leaf = {table}.{place}_leaf WHERE events.position IS NULL"
        );
        assert_eq!(ground.count(&placed).await, 0, "{table} says at which position each label {place}");
    }
}

async fn a_clock_that_goes_back_does_not_change_which_label_was(ground: Ground) {
    let (installation, _) = ground.create().await;
    write_at(&installation, 1, Level::Internal, NOW.plus_ms(100)).await.expect("written");
    relabel(&installation, 1, Level::Internal, Level::Restricted, NOW).await;
    ground.settle(&installation).await;
    for (ms, level) in [(99, None), (100, Some(Level::Restricted)), (101, Some(Level::Restricted))] {
        let at = NOW.plus_ms(ms);
        let told = installation.reader().label_at(installation.keys(), version(1), at).await.expect("whole");
        assert_eq!(told.map(|(_, label)| label.level), level, "{ms}");
        let rebuilt = installation.rebuild(at, Versions::One(version(1))).await.expect("told");
        assert_eq!(rebuilt.labels().next().map(|(_, _, label)| label.level), level, "{ms}");
    }
}

async fn a_label_of_the_past_that_was_changed_is_not_told(ground: Ground) {
    let (installation, _) = ground.create().await;
    write_at(&installation, 1, Level::Restricted, NOW).await.expect("written");
    relabel(&installation, 1, Level::Restricted, Level::Internal, NOW.plus_ms(10)).await;
    let told = async || {
        let one = installation.reader().label_at(installation.keys(), version(1), NOW).await.map(drop);
        (one, counted(&installation, Some(NOW)).await.map(drop))
    };
    assert!(matches!(told().await, (Ok(()), Ok(()))));
    for (table, column, value) in [
        ("past_labels", "ended_at", format!("{}", NOW.0 - 1)),
        ("past_labels", "began_at", format!("{}", NOW.0 + 1)),
        ("past_labels", "began_at", "NULL".to_owned()),
        ("past_labels", "label", format!("x'{}'", hex(&minicbor::to_vec(label(Level::Public)).expect("encodes")))),
        ("objects", "began_at", format!("{}", NOW.0)),
        ("objects", "began_at", "NULL".to_owned()),
    ] {
        let keep = format!("CREATE TABLE kept AS SELECT * FROM {table}");
        ground.beside(&keep).await;
        assert_eq!(ground.beside(&format!("UPDATE {table} SET {column} = {value}")).await, 1, "{column}");
        let (one, all) = told().await;
        assert!(matches!(one, Err(StoreError::Integrity(_))), "{table} {column} {one:?}");
        assert!(matches!(all, Err(StoreError::Integrity(_))), "{table} {column} {all:?}");
        ground.beside(&format!("DELETE FROM {table}")).await;
        ground.beside(&format!("INSERT INTO {table} SELECT * FROM kept")).await;
        ground.beside("DROP TABLE kept").await;
    }
    assert!(matches!(told().await, (Ok(()), Ok(()))));
}

/// A version that an older program stored says so, until its label changes.
#[tokio::test]
async fn since_when_an_older_version_has_its_label_is_not_known() {
    let ground = Ground::sqlite();
    fixture::installation(4, ground.path()).expect("there is one");
    let installation = ground.open().await.expect("opens");
    let at = |ms| {
        let (reader, keys, at) = (installation.reader(), installation.keys(), NOW.plus_ms(ms));
        async move { reader.label_at(keys, version(0), at).await }
    };
    assert!(matches!(at(0).await, Err(StoreError::Unknown(_))));
    assert!(matches!(counted(&installation, Some(NOW)).await, Err(StoreError::Unknown(_))));
    relabel(&installation, 0, Level::Internal, Level::Restricted, NOW.plus_ms(50)).await;
    assert!(matches!(at(49).await, Err(StoreError::Unknown(_))));
    assert_eq!(at(50).await.expect("known").map(|(_, label)| label.level), Some(Level::Restricted));
}

on_both!(
    which_label_a_version_had_is_told_as_it_was,
    a_clock_that_goes_back_does_not_change_which_label_was,
    a_label_of_the_past_that_was_changed_is_not_told,
);
