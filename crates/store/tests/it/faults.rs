//! Faults: the machine dies at any step, writes are torn, the disk is full, read-only, lies.
//!
//! After each, what was acknowledged is there, nothing half-done is visible, and the log verifies against every
//! checkpoint that was handed out. `CORDON_FAULT_SEEDS` sets how many seeds are played, `CORDON_FAULT_SEED` plays one.

use std::sync::Arc;

use cordon_domain::{Action, Level};
use cordon_gate::{Epoch, Journal as _, JournalError, Recorded};
use cordon_ledger::Checkpoint;
use cordon_ledger::audit::walk;
use cordon_ledger::hash::Hash;
use cordon_store::Installation;
use cordon_store::log::LogFolder;
use cordon_testkit::{Chance, Disk, FaultyFiles, Plan, each_seed, fixture, seeds};
use object_store::local::LocalFileSystem;

use crate::{Ground, event, version, write};

/// What was promised while the machine worked.
#[derive(Default)]
pub(crate) struct Promised {
    events: Vec<Recorded>,
    pub(crate) objects: Vec<u64>,
    checkpoints: Vec<Checkpoint>,
}

pub(crate) type Files = Arc<FaultyFiles<LocalFileSystem>>;

pub(crate) fn files(installation: &Installation) -> Files {
    let files = LocalFileSystem::new_with_prefix(installation.places().log()).expect("a folder");
    Arc::new(FaultyFiles::new(files.with_fsync(true)))
}

fn keep(promised: &mut Promised, outcome: Result<Recorded, JournalError>) {
    promised.events.extend(outcome);
}

/// Records, writes objects and publishes until everything is done, whether or not it works.
pub(crate) async fn work(installation: &Installation, log: &Files, seed: u64, promised: &mut Promised) {
    let mut chance = Chance::new(seed);
    let sequencer = installation.sequencer_over(Arc::clone(log) as Arc<dyn object_store::ObjectStore>).await;
    let mut sequencer = sequencer.ok();
    for round in 0..6u64 {
        let burst = (0..=chance.below(8)).map(|_| {
            let event = event(installation, Action::SignIn, 1);
            installation.writer().record(event, Epoch::ANY)
        });
        futures_util::future::join_all(burst).await.into_iter().for_each(|outcome| keep(promised, outcome));
        let number = seed.wrapping_mul(100) + round;
        if write(installation, number, Level::Restricted).await.is_ok() {
            promised.objects.push(number);
        }
        let published = match &mut sequencer {
            Some(sequencer) => sequencer.publish().await.ok().flatten(),
            None => None,
        };
        if let Some(note) = published {
            let key = installation.log_key().expect("unlocked");
            promised.checkpoints.push(Checkpoint::open(&note, &key).expect("our own"));
        }
    }
}

/// Opens again and looks whether every promise was kept.
pub(crate) async fn check(ground: &Ground, promised: &Promised) {
    let installation = ground.open().await.expect("opens again");
    let mut sequencer = installation.sequencer().await.expect("the log goes on");
    while sequencer.publish().await.expect("published").is_some() {}
    let size = installation.reader().size().await.expect("reads");
    let entries = installation.reader().entries(0, usize::MAX >> 1).await.expect("no gap, nothing changed");
    assert_eq!(entries.len() as u64, size);
    let leaves: Vec<[u8; 32]> = entries.iter().map(|entry| Hash::leaf(entry).0).collect();
    for recorded in &promised.events {
        let place = leaves.iter().position(|leaf| *leaf == recorded.leaf_hash);
        let place = place.unwrap_or_else(|| panic!("an event was acknowledged, and is not here: {recorded:?}"));
        assert!(recorded.position.is_none_or(|position| position == place as u64), "{recorded:?} is at {place}");
    }
    for &number in &promised.objects {
        let row = installation.reader().object(installation.keys(), version(number)).await.expect("whole");
        let row = row.unwrap_or_else(|| panic!("object {number} was acknowledged"));
        installation.keys().bucket_key(row.wrap().under).expect("its key is there");
    }
    let key = installation.keys().event_key().expect("unlocked");
    let opened = |entry: &Vec<u8>| cordon_ledger::entry::open(entry, &key, |_| None).expect("opens").event;
    let written = entries.iter().filter(|entry| opened(entry).action == Action::ObjectWrite).count();
    let rows = ground.count("SELECT count(*) FROM objects").await;
    assert_eq!(written as i64, rows, "each object has its event, and each event its object");
    let sequences: Vec<u64> = entries.iter().map(|entry| opened(entry).sequence).collect();
    assert_eq!(sequences, (1..=size).collect::<Vec<u64>>(), "no event is half there");

    installation.writer().record(event(&installation, Action::SignIn, 2), Epoch::ANY).await.expect("recorded");
    sequencer.publish().await.expect("published").expect("something new");
    let log_key = installation.log_key().expect("unlocked");
    let mut log = LogFolder(installation.places().log());
    let walked = walk(&mut log, &log_key, &promised.checkpoints, |_, _, _| {}).expect("readable");
    assert_eq!(walked.faults, [], "against every checkpoint that was handed out");
    assert_eq!(walked.entries, size + 1);
}

/// Plays one seed: a plan, a moment, a loss of power.
async fn play(seed: u64, plan: impl Fn(&mut Chance, u64, &Disk, &Files)) {
    let ground = Ground::sqlite();
    let mut promised = Promised::default();
    let disk = Disk::under(ground.path());
    {
        let (installation, _) = ground.create().await;
        let log = files(&installation);
        // A first round without faults tells how many steps there are.
        disk.plan(Plan::Sound);
        work(&installation, &log, seed, &mut promised).await;
        let steps = disk.steps();
        plan(&mut Chance::new(seed), steps, &disk, &log);
        work(&installation, &log, seed.wrapping_add(1), &mut promised).await;
        // A dead machine closes nothing in order.
        disk.plan(Plan::DeadAt(0));
    }
    disk.lose_power(seed).expect("the files are there");
    check(&ground, &promised).await;
}

async fn play_all(what: &str, many: u64, plan: impl Fn(&mut Chance, u64, &Disk, &Files) + Copy) {
    each_seed(what, many, async |seed| play(seed, plan).await).await;
}

#[tokio::test]
async fn dead_at_any_step() {
    play_all("dead", 100, |chance, steps, disk, _| disk.plan(Plan::DeadAt(chance.below(steps)))).await;
}

#[tokio::test]
async fn a_write_is_torn() {
    play_all("torn", 40, |chance, steps, disk, _| disk.plan(Plan::TornAt(chance.below(steps)))).await;
}

#[tokio::test]
async fn the_log_dies_while_it_is_published() {
    play_all("files", 40, |chance, _, _, log| log.dead_at(chance.below(30))).await;
}

#[tokio::test]
async fn the_disk_is_full_or_read_only_and_then_is_not() {
    for plan in [Plan::FullAt(0), Plan::ReadOnlyAt(0)] {
        let ground = Ground::sqlite();
        let disk = Disk::under(ground.path());
        let mut promised = Promised::default();
        let (installation, _) = ground.create().await;
        let log = files(&installation);
        work(&installation, &log, 1, &mut promised).await;
        disk.plan(plan);
        let refused = installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await;
        assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{plan:?}: {refused:?}");
        assert!(write(&installation, 7777, Level::Restricted).await.is_err(), "{plan:?}: changes stop");
        disk.plan(Plan::Sound);
        // Without a restart, it goes on.
        let recorded = installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await;
        keep(&mut promised, recorded);
        work(&installation, &log, 2, &mut promised).await;
        assert!(promised.objects.len() >= 12, "{plan:?}");
        drop(installation);
        check(&ground, &promised).await;
    }
}

#[tokio::test]
async fn reads_stop_with_events_as_their_level_demands() {
    use cordon_gate::Request;
    use cordon_gate::act::Read;
    let ground = Ground::sqlite();
    let disk = Disk::under(ground.path());
    let (installation, _) = ground.create().await;
    let gate = crate::gate(&installation);
    let read = |level| gate.read(Request::<Read>::new(crate::facts(crate::target(1, level))));
    disk.plan(Plan::FullAt(0));
    assert!(read(Level::Restricted).await.is_err() && read(Level::Confidential).await.is_err());
    assert!(read(Level::Internal).await.is_ok() && read(Level::Public).await.is_ok());
    assert_eq!(gate.unrecorded(), 2);
    disk.plan(Plan::Sound);
    assert!(read(Level::Restricted).await.is_ok());
    let key = installation.keys().event_key().expect("unlocked");
    let entries = installation.reader().entries(1, 10).await.expect("reads");
    let events: Vec<_> =
        entries.iter().map(|entry| cordon_ledger::entry::open(entry, &key, |_| None).expect("opens").event).collect();
    assert_eq!((events[0].action, events[0].amount), (Action::LogGap, Some(2)));
    assert_eq!(events[1].action, Action::ObjectRead);
}

#[tokio::test]
async fn syncs_that_lie_are_noticed_and_not_signed_over() {
    let mut noticed = 0;
    for seed in seeds(30) {
        println!("lying: seed {seed}");
        let ground = Ground::sqlite();
        let disk = Disk::under(ground.path());
        let mut promised = Promised::default();
        {
            let (installation, _) = ground.create().await;
            let log = files(&installation);
            disk.plan(Plan::LyingSync);
            work(&installation, &log, seed, &mut promised).await;
            disk.plan(Plan::DeadAt(0));
        }
        disk.lose_power(seed).expect("the files are there");
        let Ok(installation) = ground.open().await else {
            noticed += 1;
            continue;
        };
        let Ok(mut sequencer) = installation.sequencer().await else {
            noticed += 1;
            continue;
        };
        // It opened: then all that was signed is there, and what is signed now goes on from it.
        let recorded = installation.writer().record(event(&installation, Action::SignIn, 2), Epoch::ANY).await;
        if recorded.is_err() || sequencer.publish().await.is_err() {
            noticed += 1;
            continue;
        }
        let key = installation.log_key().expect("unlocked");
        let mut log = LogFolder(installation.places().log());
        let walked = walk(&mut log, &key, &promised.checkpoints, |_, _, _| {}).expect("readable");
        assert_eq!(walked.faults, [], "seed {seed}");
    }
    assert!(noticed > 0 || seeds(30).len() < 30, "of thirty losses at least one took something that was signed");
}

/// Every length to which the tail of the write-ahead log can be cut.
#[tokio::test]
async fn a_write_ahead_log_cut_at_any_byte_of_its_tail_keeps_what_was_committed_before() {
    let ground = Ground::sqlite();
    let disk = Disk::under(ground.path());
    let database = ground.places().database_file();
    let wal = database.with_file_name("cordon.db-wal");
    let (before, after) = {
        let (installation, _) = ground.create().await;
        for _ in 0..3 {
            installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
        }
        let before = std::fs::read(&wal).expect("a log").len();
        installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
        disk.plan(Plan::DeadAt(0));
        (before, std::fs::read(&wal).expect("a log"))
    };
    disk.plan(Plan::Sound);
    let image = std::fs::read(&database).expect("a database");
    let place = tempfile::tempdir().expect("a folder");
    let copy = place.path().join("cordon.db");
    let mut committed = 4;
    for cut in before..=after.len() {
        std::fs::write(&copy, &image).expect("written");
        std::fs::write(place.path().join("cordon.db-wal"), &after[..cut]).expect("written");
        let connection = rusqlite::Connection::open(&copy).expect("opens");
        let events: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).expect("reads");
        // The last transaction is there as soon as its last frame is whole; what follows is padding to the sector.
        assert!(events == committed || events == 5, "cut at byte {cut} of {}: {events} events", after.len());
        committed = events;
        drop(connection);
    }
    assert_eq!(committed, 5);
}

/// A bit flipped in ten places of each kind of file: found, located, and nothing signed over it.
#[tokio::test]
async fn a_flipped_bit_is_found_or_harmless_in_every_kind_of_file() {
    let whole = Ground::sqlite();
    {
        let (installation, _) = whole.create().await;
        for number in 0..5 {
            write(&installation, number, Level::Restricted).await.expect("written");
        }
        for _ in 0..400 {
            installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
        }
        installation.sequencer().await.expect("takes over").publish().await.expect("published");
    }
    let kinds = [
        ("data/cordon.db", "database"),
        ("keys/keys.db", "keys"),
        ("data/log/checkpoint", "checkpoint"),
        ("data/log/tile/entries/000", "bundle"),
        ("data/log/tile/0/000", "tile"),
        ("data/log/tile/1/000.p/1", "upper tile"),
    ];
    let mut chance = Chance::new(9);
    for (file, kind) in kinds {
        let mut found = 0;
        for _ in 0..10 {
            let ground = Ground::sqlite();
            fixture::copy_folder(whole.path(), ground.path()).expect("copied");
            let path = ground.path().join(file);
            let mut bytes = std::fs::read(&path).expect("there");
            let place = chance.below(bytes.len() as u64) as usize;
            bytes[place] ^= 1 << chance.below(8);
            std::fs::write(&path, bytes).expect("flipped");
            found += usize::from(outcome(&ground).await);
        }
        println!("{kind}: {found} of 10 flips were told; the others changed nothing that is used");
        if file.contains("log/tile") || file.contains("checkpoint") {
            assert_eq!(found, 10, "{kind}");
        }
    }
}

/// Tells whether a fault was told. Where none is told, everything must be as it was.
async fn outcome(ground: &Ground) -> bool {
    let folder = ground.path();
    let key: cordon_ledger::Verifier =
        std::fs::read_to_string(folder.join("data/log.vkey")).expect("there").parse().expect("a key");
    let log = walk(&mut LogFolder(folder.join("data/log")), &key, &[], |_, _, _| {}).expect("readable");
    if !log.faults.is_empty() {
        return true;
    }
    let Ok(installation) = ground.open().await else { return true };
    let Ok(size) = installation.reader().size().await else { return true };
    let Ok(entries) = installation.reader().entries(0, 10_000).await else { return true };
    for number in 0..5 {
        let object = installation.reader().object(installation.keys(), version(number)).await;
        let Ok(Some(row)) = object else { return true };
        if installation.keys().bucket_key(row.wrap().under).is_err() {
            return true;
        }
    }
    let Ok(mut sequencer) = installation.sequencer().await else { return true };
    let recorded = installation.writer().record(event(&installation, Action::SignIn, 2), Epoch::ANY).await;
    if recorded.is_err() || sequencer.publish().await.is_err() {
        return true;
    }
    assert_eq!((size, entries.len()), (406, 406), "nothing was told, and something is missing");
    let checkpoint = log.checkpoint.expect("verified");
    let walked = walk(&mut LogFolder(folder.join("data/log")), &key, &[checkpoint], |_, _, _| {}).expect("readable");
    assert_eq!(walked.faults, [], "signed over a fault");
    false
}

/// A provider of the root that does not answer, and one that answers late or wrongly.
#[tokio::test]
async fn a_provider_that_hangs_is_given_up() {
    use cordon_keys::{ProviderError, RootProvider, Secret};
    use std::time::Duration;
    struct Hanging;
    impl RootProvider for Hanging {
        fn kind(&self) -> &'static str {
            "key-file"
        }
        fn wrap(&self, _: &Secret) -> Result<Vec<u8>, ProviderError> {
            loop {
                std::thread::park();
            }
        }
        fn unwrap(&self, _: &[u8]) -> Result<Secret, ProviderError> {
            loop {
                std::thread::park();
            }
        }
    }
    let hanging: Arc<dyn RootProvider> = Arc::new(Hanging);
    let root = cordon_keys::Root { generation: 1, secret: Secret::draw(&mut Chance::new(1)) };
    let refused = cordon_store::unlock::entrust(&hanging, &root, Duration::from_millis(20)).expect_err("given up");
    assert!(matches!(refused, ProviderError::Unavailable { .. }), "{refused}");
}
