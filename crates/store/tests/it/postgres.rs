//! What only a server does: several nodes, one that publishes, a server that is killed, a wire that is cut.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cordon_domain::{Action, Actor, Level, NodeId, Personal, PrincipalId};
use cordon_gate::{Epoch, Journal as _, JournalError};
use cordon_keys::KeyName;
use cordon_ledger::audit::walk;
use cordon_ledger::entry::{self, Identity};
use cordon_store::backup::{Source, restore};
use cordon_store::care::Care;
use cordon_store::keyring::Make;
use cordon_store::limits::{ANSWER_S, SEQUENCER_IDLE_S};
use cordon_store::log::LogFolder;
use cordon_store::{Address, Installation, Places, StoreError};
use cordon_testkit::postgres::{Cluster, Wire, new_database};
use cordon_testkit::{Chance, seeds};
use futures_util::future::{Either, select};
use object_store::ObjectStore;

use crate::faults::{Files, Promised, check, files, work};
use crate::ground::{Ground, count_at};
use crate::{BUCKET, clock, event, gate, provider, revocation, version, write};

fn opened(installation: &Installation, entry: &[u8]) -> entry::OpenEvent {
    let key = installation.keys().event_key().expect("a key");
    entry::open(entry, &key, |subject| installation.keys().subject_key(subject, Make::Never).expect("reads"))
        .expect("opens")
}

/// Takes the session away from whoever holds an advisory lock: the sequencer.
const CUT_SEQUENCER: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn nodes_write_side_by_side_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    let mut promised = Vec::new();
    for round in 0..10 {
        let on_first = (0..20).map(|_| first.writer().record(event(&first, Action::SignIn, round), Epoch::ANY));
        let on_second = (0..20).map(|_| second.writer().record(event(&second, Action::ObjectRead, round), Epoch::ANY));
        let both = futures_util::future::join(
            futures_util::future::join_all(on_first),
            futures_util::future::join_all(on_second),
        );
        let (on_first, on_second) = both.await;
        promised.extend(on_first.into_iter().chain(on_second).map(|outcome| outcome.expect("recorded").leaf_hash));
        if round == 5 {
            ground.settle(&second).await;
        }
    }
    ground.settle(&first).await;
    let entries = first.reader().entries(0, 1000).await.expect("no gap");
    assert_eq!(entries.len(), 401);
    let leaves: Vec<[u8; 32]> = entries.iter().map(|entry| cordon_ledger::Hash::leaf(entry).0).collect();
    assert!(promised.iter().all(|leaf| leaves.contains(leaf)));
    let events: Vec<_> = entries.iter().map(|entry| opened(&first, entry).event).collect();
    let nodes: std::collections::BTreeSet<NodeId> = events.iter().map(|event| event.node).collect();
    assert_eq!(nodes.len(), 2);
    for node in nodes {
        let sequences: Vec<u64> =
            events.iter().filter(|event| event.node == node).map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "each node counts by itself, in order");
    }
    let key = first.log_key().expect("a key");
    assert_eq!(walk(&mut LogFolder(first.places().log()), &key, &[], |_, _, _| {}).expect("readable").faults, []);
}

#[tokio::test]
async fn what_one_node_revokes_holds_on_the_other_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    revoke_on(&first).await;
    let stale = second.writer().record(event(&second, Action::ObjectRead, 1), Epoch(0)).await;
    assert_eq!(stale, Err(JournalError::Stale { seen: Epoch(0) }), "at once, without a word between the nodes");
    second.writer().record(event(&second, Action::ObjectRead, 1), Epoch(1)).await.expect("recorded");
}

#[tokio::test]
async fn whom_one_node_erases_the_other_names_no_more_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    second.writer().record(event(&second, Action::SignIn, 3), Epoch::ANY).await.expect("recorded, with a name");
    let first_gate = gate(&first);
    let clock = clock();
    let care = Care::new(&first_gate, &first, &*clock, Actor::service(first.itself()), Personal::default());
    care.erase(PrincipalId([3; 16]), "a test").await.expect("erased");
    second.writer().record(event(&second, Action::SignIn, 3), Epoch::ANY).await.expect("recorded");
    ground.settle(&second).await;
    let entries = second.reader().entries(0, 100).await.expect("reads");
    let identities: Vec<Identity> = entries.iter().map(|entry| opened(&second, entry).identity).collect();
    assert_eq!(identities[1], Identity::Sealed(PrincipalId([3; 16])), "neither in what was recorded before");
    assert_eq!(identities.last(), Some(&Identity::None), "nor in what comes after");
}

/// A node is paused at ever later bytes of a write, while another rotates the key, rewraps, and destroys the old version:
/// an object that is acknowledged afterwards lies under a key that is here.
#[tokio::test]
async fn writes_and_rewrapping_do_not_lose_each_other_on_postgres() {
    let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
    let Pair { first, second, wire, .. } = &paired(&socket).await;
    write(first, 0, Level::Restricted).await.expect("written");
    let (clock, second_gate) = (clock(), gate(second));
    let care = Care::new(&second_gate, second, &*clock, Actor::service(second.itself()), Personal::default());
    let mut written = vec![0];
    for number in 1.. {
        wire.stall_after(number * 300);
        let mut writing = Box::pin(write(first, number, Level::Restricted));
        let outcome = match select(&mut writing, Box::pin(stalled(wire))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                care.rotate(KeyName::Bucket(BUCKET, Level::Restricted)).await.expect("rotated");
                care.rewrap(BUCKET, Level::Restricted).await.expect("rewrapped");
                wire.stall(false);
                let _ = writing.await.inspect(|()| written.push(number));
                continue;
            }
        };
        outcome.expect("a whole write passed without a pause");
        written.push(number);
        break;
    }
    wire.stall(false);
    for number in written {
        let row = second.reader().object(second.keys(), version(number)).await.expect("reads").expect("acknowledged");
        let stored = second.keys().store().key(row.wrap().under).expect("reads");
        assert!(stored.is_some(), "{number} lies under a key that was destroyed");
    }
}

async fn stalled(wire: &Wire) {
    while !wire.is_stalled() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A node whose level key another has rotated reads what lies under the new version, and puts nothing under the old.
#[tokio::test]
async fn a_level_key_that_one_node_rotates_is_learnt_by_the_other_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    write(&first, 1, Level::Restricted).await.expect("written");
    let (clock, first_gate) = (clock(), gate(&first));
    let care = Care::new(&first_gate, &first, &*clock, Actor::service(first.itself()), Personal::default());
    care.rotate(KeyName::Level(Level::Restricted)).await.expect("rotated");
    let other = KeyName::Bucket(cordon_domain::BucketId([6; 16]), Level::Restricted);
    let made = second.keys().prepare_version(other).expect("made");
    let stored = second.keys().store().key(made).expect("reads").expect("stored");
    assert_eq!(stored.parent_version, 2);
    write(&second, 2, Level::Restricted).await.expect("written");
    for number in [1, 2] {
        let row = second.reader().object(second.keys(), version(number)).await.expect("reads").expect("there");
        assert!(second.keys().bucket_key(row.wrap().under).is_ok());
    }
    let late =
        cordon_keys::StoredKey { reference: cordon_keys::KeyRef { version: 9, ..made }, parent_version: 1, ..stored };
    assert!(!second.keys().store().add(&late).expect("asked"), "nothing is put under a version that is about to go");
}

#[tokio::test]
async fn one_node_publishes_and_another_takes_over_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    let mut publishing = first.sequencer().await.expect("takes over");
    publishing.publish().await.expect("published").expect("the first event");
    assert!(matches!(second.sequencer().await, Err(StoreError::Locked(_))), "one at a time");
    assert!(ground.count(CUT_SEQUENCER).await >= 1, "the server loses sight of it");
    let mut after = second.sequencer().await.expect("takes over");
    second.writer().record(event(&second, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    after.publish().await.expect("published").expect("something new");
    assert!(publishing.publish().await.is_err(), "the first has no session any more");
}

/// A sequencer that says nothing loses its session, and with it the lock.
#[tokio::test]
async fn a_silent_sequencer_is_replaced_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    let _silent = first.sequencer().await.expect("takes over");
    tokio::time::sleep(Duration::from_secs(SEQUENCER_IDLE_S - 3)).await;
    assert!(matches!(second.sequencer().await, Err(StoreError::Locked(_))), "not yet");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(second.sequencer().await.is_ok(), "after {SEQUENCER_IDLE_S} seconds");
}

/// A sequencer that is paused after it has given positions, and wakes when another has signed: it signs nothing.
#[tokio::test]
async fn a_paused_sequencer_that_wakes_signs_nothing_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    let log: Files = files(&first);
    let mut paused = first.sequencer_over(Arc::clone(&log) as Arc<dyn ObjectStore>).await.expect("takes over");
    paused.publish().await.expect("published").expect("the first event");
    first.writer().record(event(&first, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    log.dead_at(u64::MAX);
    log.hold(true);
    let meanwhile = async {
        while log.steps() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ground.count(CUT_SEQUENCER).await;
        let mut other = second.sequencer().await.expect("takes over");
        second.writer().record(event(&second, Action::SignIn, 2), Epoch::ANY).await.expect("recorded");
        let published = other.publish().await.expect("published").expect("something new");
        log.hold(false);
        published
    };
    let (woken, note) = futures_util::future::join(paused.publish(), meanwhile).await;
    let refused = woken.expect_err("it signs nothing");
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    let key = first.log_key().expect("a key");
    let known = cordon_ledger::Checkpoint::open(&note, &key).expect("ours");
    let walked = walk(&mut LogFolder(first.places().log()), &key, &[known], |_, _, _| {}).expect("readable");
    assert_eq!((walked.faults, walked.entries), (Vec::new(), 3));
}

/// Every process of the server is killed when some number of bytes has gone over the wire: in a statement, in a commit.
#[tokio::test]
async fn the_server_is_killed_mid_transaction_on_postgres() {
    let _started = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which says what is missing");
    let cluster = Arc::new(Cluster::start().expect("a server"));
    for seed in seeds(6) {
        println!("killed: seed {seed}");
        let (ground, wire, _folder) = wired(cluster.socket());
        let (installation, _) = ground.create().await;
        let (log, mut promised) = (files(&installation), Promised::default());
        wire.carries(1 << 40);
        work(&installation, &log, seed, &mut promised).await;
        let carried = (1 << 40) - wire.left();
        wire.carries(Chance::new(seed).below(carried * 9 / 10));
        let (dying, watched) = (Arc::clone(&cluster), wire.clone());
        let killer = std::thread::spawn(move || {
            while watched.left() > 0 {
                std::thread::sleep(Duration::from_micros(50));
            }
            dying.kill()
        });
        work(&installation, &log, seed + 1000, &mut promised).await;
        killer.join().expect("ends").expect("killed");
        wire.carries(u64::MAX);
        let refused = installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await;
        assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
        cluster.start_again().expect("recovers");
        // Without a restart of ours, it goes on.
        let before = promised.objects.len();
        work(&installation, &log, seed + 2000, &mut promised).await;
        assert_eq!(promised.objects.len(), before + 6);
        drop(installation);
        check(&ground, &promised).await;
    }
    let ground = Ground::on(new_database(cluster.socket()).expect("a database"));
    ground.beside("ALTER SYSTEM SET fsync = off").await;
    ground.count("SELECT pg_reload_conf()::int::bigint").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = crate::create_in(ground.places(), &provider(1), &mut Vec::new()).await.err().expect("refused");
    assert!(refused.to_string().contains("loses what it commits"), "{refused}");
}

/// A database that is reached over a wire.
fn wired(socket: &Path) -> (Ground, Wire, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let wire = Wire::lay(folder.path(), socket).expect("listens");
    let database = new_database(socket).expect("a database");
    let ground = database.replace(&socket.display().to_string(), &wire.socket().display().to_string());
    (Ground::on(ground), wire, folder)
}

/// A node on a wire, and one that is on the server itself.
struct Pair {
    first: Installation,
    second: Installation,
    wire: Wire,
    /// The address of the database without the wire.
    direct: String,
    _ground: (Ground, tempfile::TempDir),
}

async fn paired(socket: &str) -> Pair {
    let (ground, wire, folder) = wired(Path::new(socket));
    let (first, _) = ground.create().await;
    let direct = ground.address().replace(&wire.socket().display().to_string(), socket);
    let second = ground.node_at(Some(Address::parse(&direct).expect("near"))).await;
    Pair { first, second, wire, direct, _ground: (ground, folder) }
}

/// A server, or a way to it, that is still there and says nothing: events are refused, and afterwards it goes on.
#[tokio::test]
async fn a_wire_that_stalls_is_given_up_on_postgres() {
    let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
    let (ground, wire, _folder) = wired(Path::new(&socket));
    let (installation, _) = ground.create().await;
    wire.stall(true);
    let asked = installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY);
    let refused =
        tokio::time::timeout(Duration::from_secs(2 * ANSWER_S), asked).await.expect("not waited for for ever");
    assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
    wire.stall(false);
    installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
}

/// A node that is paused inside a transaction does not hold up a revocation for longer than the server lets it.
#[tokio::test]
async fn a_node_that_is_paused_holds_no_revocation_up_on_postgres() {
    let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
    let Pair { first, second, wire, direct, .. } = &paired(&socket).await;
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    // Stopped ever later in the commit, until the lock that commits share is held.
    for bytes in (0..).step_by(50) {
        wire.stall_after(bytes);
        let mut recorded = Box::pin(first.writer().record(event(first, Action::SignIn, 1), Epoch::ANY));
        if let Either::Left(_) = select(&mut recorded, Box::pin(stalled(wire))).await {
            panic!("a whole commit passed, and the lock was never seen");
        }
        let held = count_at(direct, locks).await > 0;
        let took = if held { Some(revoke_on(second).await) } else { None };
        wire.stall(false);
        // A commit that was paused for too long is refused; its session was ended.
        let _ = recorded.await;
        if let Some(took) = took {
            assert!(took < Duration::from_secs(3), "{took:?}");
            return;
        }
    }
}

/// Revokes someone. Returns how long that took.
async fn revoke_on(node: &Installation) -> Duration {
    let begun = std::time::Instant::now();
    let (request, change) = revocation(7);
    let _receipt = gate(node).change(request, change).await.expect("revoked");
    begun.elapsed()
}

/// Two processes that call themselves one node number nothing twice.
#[tokio::test]
async fn two_processes_that_are_one_node_number_nothing_twice_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let twin = ground.places().data.with_file_name("node-0");
    std::fs::create_dir(&twin).expect("made");
    std::fs::copy(first.places().data.join("node"), twin.join("node")).expect("copied");
    let second = ground.node().await;
    let mut refused = 0;
    for round in 0..10 {
        for node in [&first, &second] {
            let outcome = node.writer().record(event(node, Action::SignIn, round), Epoch::ANY).await;
            refused += usize::from(matches!(outcome, Err(JournalError::Unavailable(_))));
        }
    }
    assert!(refused > 0, "each finds that the other has written");
    ground.settle(&first).await;
    let entries = first.reader().entries(0, 100).await.expect("reads");
    let sequences: Vec<u64> = entries.iter().map(|entry| opened(&first, entry).event.sequence).collect();
    assert_eq!(sequences, (1..=entries.len() as u64).collect::<Vec<_>>());
}

/// The connection breaks after any number of bytes: of a statement, of an answer, of a commit.
#[tokio::test]
async fn the_connection_is_cut_at_any_byte_on_postgres() {
    let socket = std::env::var("CORDON_TEST_POSTGRES").expect("run `cargo xtask test`, which starts a server");
    let socket = Path::new(&socket);
    for seed in seeds(40) {
        println!("cut: seed {seed}");
        let (ground, wire, _folder) = wired(socket);
        let (installation, _) = ground.create().await;
        let (log, mut promised) = (files(&installation), Promised::default());
        wire.carries(1 << 40);
        work(&installation, &log, seed, &mut promised).await;
        let carried = (1 << 40) - wire.left();
        wire.carries(Chance::new(seed).below(carried));
        work(&installation, &log, seed + 1000, &mut promised).await;
        wire.carries(u64::MAX);
        let before = promised.objects.len();
        work(&installation, &log, seed + 2000, &mut promised).await;
        assert_eq!(promised.objects.len(), before + 6, "without a restart, it goes on");
        drop(installation);
        check(&ground, &promised).await;
    }
}

/// A backup is a file, wherever the database was, and goes to either kind.
#[tokio::test]
async fn backups_go_from_one_kind_of_database_to_the_other_on_postgres() {
    let ground = Ground::postgres();
    let (installation, _) = ground.create().await;
    for number in 0..5 {
        write(&installation, number, Level::Restricted).await.expect("written");
    }
    ground.settle(&installation).await;
    // These have no position yet; the backup has them all the same.
    write(&installation, 5, Level::Restricted).await.expect("written");
    let (data, file) = (ground.path().join("first"), ground.path().join("in-a-file"));
    back_up(&installation, &data).await;
    let key = installation.log_key().expect("a key");
    drop(installation);

    let source = |data| Source { data, keys: None, log_key: &key, known: &[], new_origin: None };
    let in_file = Places { data: file.clone(), server: None, ..ground.places() };
    let restored = restore(&source(&data), &in_file, &provider(1), clock()).await.expect("restored");
    assert_eq!((restored.events, restored.verified), (8, 6));
    let installation = Installation::open(in_file, &provider(1), clock()).await.expect("opens");
    ground.settle(&installation).await;
    assert_eq!(objects(&installation).await, 6);
    let again = ground.path().join("second");
    back_up(&installation, &again).await;
    drop(installation);

    let refused = restore(&source(&again), &ground.places(), &provider(1), clock()).await.expect_err("one is there");
    assert!(matches!(refused, StoreError::Place(_)), "{refused}");
    let other = Ground::postgres();
    let on_server = Places { keys: ground.places().keys, ..other.places() };
    restore(&source(&again), &on_server, &provider(1), clock()).await.expect("restored");
    let installation = Installation::open(on_server, &provider(1), clock()).await.expect("opens");
    other.settle(&installation).await;
    assert_eq!((objects(&installation).await, installation.reader().size().await.expect("reads")), (6, 9));
    let walked = walk(&mut LogFolder(installation.places().log()), &key, &[], |_, _, _| {}).expect("readable");
    assert_eq!((walked.faults, walked.entries), (Vec::new(), 9));
}

/// While two nodes write and a third publishes: what the backup says of positions is what the log then says.
#[tokio::test]
async fn a_backup_is_of_one_moment_on_postgres() {
    let ground = Ground::postgres();
    let (first, _) = ground.create().await;
    let second = ground.node().await;
    ground.settle(&first).await;
    let mut publishing = first.sequencer().await.expect("takes over");
    let writing = async {
        for round in 0..40 {
            let on = |node: &Installation| {
                let (writer, event) = (node.writer().clone(), event(node, Action::SignIn, round));
                async move { writer.record(event, Epoch::ANY).await.expect("recorded") }
            };
            let burst = (0..20).map(|place| on(if place % 2 == 0 { &first } else { &second }));
            futures_util::future::join_all(burst).await;
            publishing.publish().await.expect("published");
        }
    };
    let copying = async {
        for number in 0..5 {
            back_up(&second, &ground.path().join(format!("backup-{number}"))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    futures_util::future::join(writing, copying).await;
    publishing.publish().await.expect("published");
    let entries = first.reader().entries(0, 10_000).await.expect("reads");
    for number in 0..5 {
        let file = ground.path().join(format!("backup-{number}/cordon.db"));
        let copy = rusqlite::Connection::open(file).expect("opens");
        let mut select = copy.prepare("SELECT entry FROM events ORDER BY position").expect("reads");
        let copied: Vec<Vec<u8>> =
            select.query_map([], |row| row.get(0)).expect("reads").map(|entry| entry.expect("reads")).collect();
        assert!(copied.len() > 1 && copied.len() <= entries.len());
        assert_eq!(copied, entries[..copied.len()], "backup {number}");
    }
}

async fn back_up(installation: &Installation, to: &Path) {
    let (gate, clock) = (gate(installation), clock());
    let care = Care::new(&gate, installation, &*clock, Actor::service(installation.itself()), Personal::default());
    care.back_up(to, None).await.expect("backed up");
}

async fn objects(installation: &Installation) -> usize {
    let mut whole = 0;
    for number in 0..10 {
        let row = installation.reader().object(installation.keys(), version(number)).await.expect("whole");
        whole += usize::from(row.is_some_and(|row| installation.keys().bucket_key(row.wrap().under).is_ok()));
    }
    whole
}

#[test]
fn an_address_shows_no_password_and_is_on_this_machine() {
    let secret = ["hunter", "22"].concat();
    let near = Address::parse(&format!("postgres://cordon:{secret}@localhost/ledger")).expect("near");
    assert!(!format!("{near} {near:?}").contains(&secret) && near.to_string().contains("ledger"));
    for far in ["postgres://db.example.org/ledger", "host=10.0.0.7 dbname=ledger", "dbname=ledger"] {
        assert!(matches!(Address::parse(far), Err(StoreError::Place(_))), "{far}");
    }
    let wrong = Address::parse(&format!("host=/tmp password={secret} nonsense")).expect_err("unreadable").to_string();
    assert!(!wrong.contains(&secret), "{wrong}");
}
