//! Names, and the versions that they lead to: as a model of them says, whatever is done.

use std::collections::BTreeMap;

use cordon_domain::{BucketId, Level, Moment, ObjectKey, PrincipalId, RequestId, VersionId, Versioning};
use cordon_gate::act::{Changes, Delete, Hide, Shred, Write};
use cordon_gate::{Denial, Facts, JournalError, Request};
use cordon_store::edge::SystemEntropy;
use cordon_store::entries::{Mark, NewVersion};
use cordon_store::limits::LIST_ROWS_MAX;
use cordon_store::listing::Listing;
use cordon_store::{Change, Installation, StoreError, Versions};
use cordon_testkit::Chance;

use crate::format::lasting_gate;
use crate::{BUCKET, Ground, NOW, facts, label, named, on_both, row, target, version};

/// What a name leads to, the newest last: a version with its level, or a mark without.
type Model = BTreeMap<String, Vec<(u64, Option<Level>)>>;

async fn change<A: Changes>(
    installation: &Installation,
    (number, level): (u64, Level),
    change: Change,
    at: Moment,
) -> Result<(), Denial> {
    let (request, beside) = (RequestId::draw(&mut SystemEntropy), change.beside());
    let facts = Facts { request, at, beside, ..facts(target(number, level)) };
    lasting_gate(installation).change(Request::<A>::new(facts), change).await.map(drop)
}

fn key(name: &str) -> ObjectKey {
    name.parse().expect("a name")
}

async fn put(
    installation: &Installation,
    (name, before): (&str, Option<u64>),
    (number, level): (u64, Level),
    versioning: Versioning,
    at: Moment,
) -> Result<(), Denial> {
    let row = row(installation, number, level).await?;
    let new = NewVersion { before: before.map(version), versioning, ..named(row, name) };
    change::<Write>(installation, (number, level), Change::Write(Box::new(new)), at).await
}

/// Does something to a name, and to the model.
async fn step(installation: &Installation, chance: &mut Chance, model: &mut Model, number: u64, at: Moment) {
    let name = ["a", "a/b", "b", "é"][chance.below(4) as usize];
    let level = Level::ALL[chance.below(4) as usize];
    let versions = model.entry(name.to_owned()).or_default();
    let last = versions.last().copied();
    // What a name leads to is never lowered by what takes its place.
    let level = level.max(last.and_then(|(_, level)| level).unwrap_or(Level::Public));
    match (chance.below(4), last) {
        (0, Some((hidden, Some(level)))) => {
            let mark = Mark { version: version(number), at, by: PrincipalId([2; 16]) };
            let hide =
                Change::Hide { bucket: BUCKET, key: key(name), version: version(hidden), mark, from: Vec::new() };
            change::<Hide>(installation, (hidden, level), hide, at).await.expect("hidden");
            versions.push((number, None));
        }
        (1, Some(_)) => {
            let place = chance.below(versions.len() as u64) as usize;
            let (gone, level) = versions.remove(place);
            let delete = Change::Delete { bucket: BUCKET, version: version(gone), from: Vec::new() };
            let level = level.unwrap_or(Level::Confidential);
            change::<Delete>(installation, (gone, level), delete, at).await.expect("deleted");
        }
        (kind, last) => {
            let versioning = if kind == 2 { Versioning::Off } else { Versioning::On };
            let before = last.map(|(number, _)| number);
            put(installation, (name, before), (number, level), versioning, at).await.expect("written");
            if versioning == Versioning::Off {
                versions.pop();
            }
            versions.push((number, Some(level)));
        }
    }
}

async fn names_lead_where_a_model_says(ground: Ground) {
    let (installation, _) = ground.create().await;
    let (reader, keys) = (installation.reader(), installation.keys());
    let mut model = Model::new();
    let mut chance = Chance::new(5);
    let mut held: BTreeMap<Moment, BTreeMap<VersionId, Level>> = BTreeMap::new();
    for number in 1..120 {
        let at = NOW.plus_ms(number as i64);
        step(&installation, &mut chance, &mut model, number, at).await;
        let all = model.values().flatten().filter_map(|(number, level)| Some((version(*number), (*level)?)));
        held.insert(at, all.collect());
        for (name, versions) in &model {
            let found = reader.entry(keys, (BUCKET, &key(name)), None).await.expect("whole");
            let found = found.map(|(entry, row)| (entry.version, row.map(|row| row.label)));
            let last = versions.last().map(|(number, level)| (version(*number), level.map(label)));
            assert_eq!(found, last, "{name}");
            for (number, level) in versions {
                let found = reader.entry(keys, (BUCKET, &key(name)), Some(version(*number))).await.expect("whole");
                assert_eq!(found.map(|(_, row)| row.map(|row| row.label)), Some(level.map(label)), "{name}");
            }
        }
        let looked = reader.list(keys, BUCKET, &Listing::default(), LIST_ROWS_MAX).await.expect("whole");
        let listed: Vec<_> =
            looked.found.iter().map(|(entry, label)| (entry.key.as_str().to_owned(), label.clone())).collect();
        let seen = model.iter().filter_map(|(name, all)| Some((name.clone(), label(all.last()?.1?))));
        assert_eq!((listed, looked.next), (seen.collect(), None));
    }
    ground.settle(&installation).await;
    for (at, expected) in held.into_iter().step_by(7) {
        let rebuilt = installation.rebuild(at, Versions::Of(BUCKET)).await.expect("told");
        let told: BTreeMap<_, _> = rebuilt.labels().map(|(version, _, label)| (version, label.level)).collect();
        assert_eq!(told, expected, "from the log, {at:?}");
        for (version, level) in expected {
            let then = reader.label_at(keys, version, at).await.expect("whole");
            assert_eq!(then.map(|(_, label)| label.level), Some(level));
            let one = installation.rebuild(at, Versions::One(version)).await.expect("told");
            assert_eq!(one.labels().count(), 1);
        }
    }
    for (table, place) in [("objects", "began"), ("past_labels", "began"), ("past_labels", "ended")] {
        let placed = format!(
            "SELECT count(*) FROM {table} LEFT JOIN events ON events.position = {table}.{place}_position
             AND events.leaf = {table}.{place}_leaf WHERE events.position IS NULL"
        );
        assert_eq!(ground.count(&placed).await, 0, "{table} says at which position each label {place}");
    }
    let loose = "SELECT count(*) FROM objects WHERE version NOT IN (SELECT version FROM entries)";
    assert_eq!(ground.count(loose).await, 0, "no version is without a name");
}

async fn what_leads_elsewhere_meanwhile_is_not_written_over(ground: Ground) {
    let (installation, _) = ground.create().await;
    let level = Level::Internal;
    put(&installation, ("a", None), (1, level), Versioning::Off, NOW).await.expect("written");
    for before in [None, Some(7)] {
        let late = put(&installation, ("a", before), (2, level), Versioning::Off, NOW).await;
        assert!(matches!(late, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "{late:?}");
    }
    let mark = Mark { version: version(9), at: NOW, by: PrincipalId([2; 16]) };
    let hide = Change::Hide { bucket: BUCKET, key: key("b"), version: version(1), mark, from: Vec::new() };
    assert!(change::<Hide>(&installation, (1, level), hide, NOW).await.is_err(), "it is another name's");
    let delete = || Change::Delete { bucket: BUCKET, version: version(1), from: Vec::new() };
    let other = change::<Delete>(&installation, (1, Level::Public), delete(), NOW).await;
    assert!(matches!(other, Err(Denial::NotRecorded(JournalError::Conflict(_)))), "decided on another label");
    assert!(
        change::<Delete>(
            &installation,
            (5, level),
            Change::Delete { bucket: BUCKET, version: version(5), from: Vec::new() },
            NOW
        )
        .await
        .is_err()
    );
    change::<Delete>(&installation, (1, level), delete(), NOW).await.expect("deleted");
    assert!(change::<Delete>(&installation, (1, level), delete(), NOW).await.is_err(), "it is gone");
}

async fn a_version_is_found_by_its_own_name_alone(ground: Ground) {
    let (installation, _) = ground.create().await;
    put(&installation, ("a", None), (1, Level::Restricted), Versioning::On, NOW).await.expect("written");
    let other = BucketId([7; 16]);
    for (bucket, name, there) in [(BUCKET, "a", true), (BUCKET, "b", false), (other, "a", false), (other, "b", false)] {
        let found = installation.reader().entry(installation.keys(), (bucket, &key(name)), Some(version(1))).await;
        assert_eq!(found.expect("whole").is_some(), there, "{bucket} {name}");
    }
}

async fn the_name_of_what_was_shredded_can_be_used_again(ground: Ground) {
    let (installation, _) = ground.create().await;
    let level = Level::Internal;
    for (number, before) in [(1, None), (2, Some(1))] {
        put(&installation, ("a", before), (number, level), Versioning::On, NOW).await.expect("written");
    }
    let shred = async |number| {
        let name = cordon_keys::KeyName::Bucket(BUCKET, level);
        let next_key = installation.keys().prepare_version(name).expect("made").version;
        let shred = Change::Shred { bucket: BUCKET, version: version(number), next_key };
        change::<Shred>(&installation, (number, level), shred, NOW).await.expect("shredded");
    };
    let leads_to = async || {
        let found = installation.reader().entry(installation.keys(), (BUCKET, &key("a")), None).await.expect("whole");
        found.map(|(entry, _)| entry.version)
    };
    ground.beside("CREATE TABLE kept AS SELECT * FROM entries").await;
    shred(2).await;
    assert_eq!(leads_to().await, Some(version(1)), "to the one before");
    shred(1).await;
    assert_eq!(leads_to().await, None);
    assert_eq!(ground.beside("INSERT INTO entries SELECT * FROM kept").await, 2);
    let looked = installation
        .reader()
        .list(installation.keys(), BUCKET, &Listing::default(), LIST_ROWS_MAX)
        .await
        .expect("whole");
    assert_eq!((looked.found, looked.names), (Vec::new(), 1), "put back beside Cordon");
    let all = installation.reader().list_versions(installation.keys(), BUCKET, (&Listing::default(), None), 9).await;
    assert_eq!(all.expect("whole").found, []);
    assert_eq!(ground.beside("DELETE FROM entries").await, 2);
    let again = put(&installation, ("a", None), (1, level), Versioning::On, NOW).await;
    assert!(again.is_err(), "what was shredded does not come back");
    put(&installation, ("a", None), (3, level), Versioning::On, NOW).await.expect("another may");
}

async fn a_name_that_was_changed_beside_cordon_leads_nowhere(ground: Ground) {
    let (installation, _) = ground.create().await;
    for (number, name) in [(1, "a"), (2, "b")] {
        put(&installation, (name, None), (number, Level::Internal), Versioning::On, NOW).await.expect("written");
    }
    let found = async |name: &str| installation.reader().entry(installation.keys(), (BUCKET, &key(name)), None).await;
    put(&installation, ("d", None), (3, Level::Restricted), Versioning::On, NOW).await.expect("written");
    let lists =
        async || installation.reader().list(installation.keys(), BUCKET, &Listing::default(), LIST_ROWS_MAX).await;
    assert_eq!(lists().await.expect("whole").found.len(), 3);
    for change in [
        "UPDATE entries SET label = NULL",
        "UPDATE entries SET label = (SELECT label FROM objects WHERE level = 1 LIMIT 1)",
    ] {
        ground.beside("CREATE TABLE kept AS SELECT * FROM entries").await;
        assert_eq!(ground.beside(&format!("{change} WHERE key = 'd'")).await, 1);
        assert!(matches!(lists().await, Err(StoreError::Integrity(_))), "{change}");
        assert_eq!(
            ground
                .beside("UPDATE entries SET label = (SELECT label FROM kept WHERE kept.key = 'd') WHERE key = 'd'")
                .await,
            1
        );
        ground.beside("DROP TABLE kept").await;
        assert_eq!(lists().await.expect("whole").found.len(), 3);
    }
    let swap = ["UPDATE entries SET key = 'c' WHERE key = 'a'", "UPDATE entries SET key = 'a' WHERE key = 'b'"];
    for change in swap {
        assert_eq!(ground.beside(change).await, 1);
    }
    assert!(matches!(found("a").await, Err(StoreError::Integrity(_))), "a name that leads to another's version");
    assert!(matches!(found("c").await, Err(StoreError::Integrity(_))));
    assert!(matches!(lists().await, Err(StoreError::Integrity(_))));
}

on_both!(
    names_lead_where_a_model_says,
    what_leads_elsewhere_meanwhile_is_not_written_over,
    a_version_is_found_by_its_own_name_alone,
    the_name_of_what_was_shredded_can_be_used_again,
    a_name_that_was_changed_beside_cordon_leads_nowhere,
);
