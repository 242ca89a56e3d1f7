//! Creation, opening, and where what lies.

use std::path::Path;

use cordon_domain::{Action, Level};
use cordon_gate::{Epoch, Journal as _, JournalError};
use cordon_keys::RootProvider;
use cordon_keys::local::HeldKey;
use cordon_keys::recovery::join;
use cordon_store::edge::SystemEntropy;
use cordon_store::providers::{Apart, key_file, make_key_file};
use cordon_store::{Installation, KitShape, New, Places, StoreError};
use std::sync::Arc;

use crate::{Ground, NAME, clock, create_in, event, gate, on_both, provider, revocation, write};

async fn an_installation_opens_again_and_is_never_made_over_another(ground: Ground) {
    let (installation, _) = ground.create().await;
    installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    let held = create_in(ground.places(), &provider(1), &mut Vec::new()).await;
    assert!(matches!(held.err(), Some(StoreError::Locked(_))), "it is open");
    let key = installation.log_key().expect("a key").to_string();
    drop(installation);
    let again = ground.open().await.expect("opens");
    ground.settle(&again).await;
    assert_eq!(again.reader().size().await.expect("reads"), 2, "the log's first event, and one");
    assert_eq!(again.log_key().expect("a key").to_string(), key);
    drop(again);
    let twice = create_in(ground.places(), &provider(1), &mut Vec::new()).await;
    assert!(matches!(twice.err(), Some(StoreError::Place(_))), "never over another");
}

async fn another_root_opens_nothing(ground: Ground) {
    drop(ground.create().await);
    let refused = Installation::open(ground.places(), &provider(2), clock()).await.err().expect("refused");
    assert!(matches!(refused, StoreError::Provider(_)), "{refused}");
    let unknown: Arc<dyn RootProvider> =
        Arc::new(HeldKey::new("pkcs11", &cordon_keys::Secret::draw(&mut SystemEntropy), SystemEntropy));
    let refused = Installation::open(ground.places(), &unknown, clock()).await.err().expect("refused");
    assert!(refused.to_string().contains("not held by a `pkcs11`"), "{refused}");
}

async fn the_recovery_kit_opens_what_its_provider_lost(ground: Ground) {
    let (installation, shares) = ground.create().await;
    write(&installation, 1, Level::Restricted).await.expect("written");
    drop(installation);
    let key = join(&shares[1..]).expect("two of three");
    let kit: Arc<dyn RootProvider> = Arc::new(HeldKey::new("shares", &key, SystemEntropy));
    let again = Installation::open(ground.places(), &kit, clock()).await.expect("opens with the kit");
    let row = again.reader().object(again.keys(), crate::version(1)).await.expect("reads").expect("there");
    assert!(again.keys().bucket_key(row.wrap().under).is_ok());
}

#[tokio::test]
async fn without_a_kit_that_is_kept_there_is_no_installation() {
    let ground = Ground::sqlite();
    let mut refuse = |_: &[_]| Err(StoreError::Place("the printer is out of paper".to_owned()));
    let shape = KitShape { need: 2, of: 3 };
    let new = New { origin: "log.example/cordon", kit: shape, keep_kit: &mut refuse };
    let refused = Installation::create(ground.places(), new, &provider(1), clock()).await;
    assert!(refused.err().expect("refused").to_string().contains("out of paper"));
    drop(ground.create().await);
}

#[tokio::test]
async fn keys_do_not_lie_with_the_data() {
    let ground = Ground::sqlite();
    let inside = Places { data: ground.path().join("data"), keys: ground.path().join("data/keys"), server: None };
    let refused = create_in(inside, &provider(1), &mut Vec::new()).await;
    assert!(matches!(refused.err(), Some(StoreError::Place(_))));
    let data = ground.path().join("data");
    assert!(matches!(make_key_file(&data.join("root.key"), &data), Err(StoreError::Place(_))));
    std::fs::create_dir_all(data.join("deep")).expect("made");
    assert!(matches!(make_key_file(&data.join("deep/root.key"), &data), Err(StoreError::Place(_))));
    let outside = ground.path().join("root.key");
    assert_eq!(make_key_file(&outside, &data).expect("made"), Apart::SameFileSystem);
    assert!(make_key_file(&outside, &data).is_err(), "never over another");
    assert!(key_file(&outside, &data).is_ok());
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o644)).expect("set");
    let refused = key_file(&outside, &data).err().expect("refused").to_string();
    assert!(refused.contains("can be read by others"), "{refused}");
}

#[tokio::test]
async fn no_name_and_no_key_reaches_the_disk() {
    let ground = Ground::sqlite();
    let (installation, _) = ground.create().await;
    for actor in 0..20 {
        installation.writer().record(event(&installation, Action::SignIn, actor), Epoch::ANY).await.expect("recorded");
    }
    write(&installation, 1, Level::Restricted).await.expect("written");
    installation.sequencer().await.expect("takes over").publish().await.expect("published");
    let root = installation.keys().with(|unlocked| Ok(*unlocked.root().secret.expose())).expect("unlocked");
    let own: Vec<[u8; 32]> = installation
        .keys()
        .with(|unlocked| Ok(cordon_keys::Purpose::ALL.map(|purpose| *unlocked.own(purpose, 1).expect("here").expose())))
        .expect("unlocked")
        .to_vec();
    let log = installation.places().log();
    let check = |installation: &str| {
        for (path, bytes) in files(ground.path()) {
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!holds(NAME.as_bytes()), "{installation}: a name in {}", path.display());
            assert!(!holds(&root) && own.iter().all(|key| !holds(key)), "{installation}: a key in {}", path.display());
            let published = path.starts_with(&log);
            assert!(!(published && (holds(b"atlas") || holds(&[5; 16]))), "a project or bucket in {}", path.display());
        }
    };
    check("open");
    drop(installation);
    check("closed");
}

fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            found.push((path, bytes));
        }
    }
    found
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let ground = Ground::sqlite();
    drop(ground.create().await);
    let database = ground.places().database_file();
    let connection = rusqlite::Connection::open(database).expect("opens");
    connection.pragma_update(None, "user_version", 99).expect("set");
    drop(connection);
    let refused = ground.open().await.err().expect("refused");
    assert_eq!(
        refused.to_string(),
        format!("`the database` has format 99; this program reads up to {}", cordon_store::schema::FORMAT)
    );
}

on_both! {
    an_installation_opens_again_and_is_never_made_over_another,
    another_root_opens_nothing,
    the_recovery_kit_opens_what_its_provider_lost,
    processes_of_one_machine_work_on_it_side_by_side,
}

/// A command beside a node that runs: both write, and each learns what the other did.
async fn processes_of_one_machine_work_on_it_side_by_side(ground: Ground) {
    let (one, _) = ground.create().await;
    let other = ground.open().await.expect("opens beside it");
    for round in 0..20 {
        for installation in [&one, &other] {
            let recorded = installation.writer().record(event(installation, Action::SignIn, round), Epoch::ANY).await;
            recorded.expect("recorded");
        }
    }
    let (request, change) = revocation(1);
    let _receipt = gate(&one).change(request, change).await.expect("revoked");
    let stale = other.writer().record(event(&other, Action::SignIn, 1), Epoch(0)).await;
    assert!(matches!(stale, Err(JournalError::Stale { .. })), "revoked by the other: {stale:?}");
    let publishes = one.publishes().expect("the first one");
    assert!(matches!(other.publishes(), Err(StoreError::Locked(_))), "one publishes");
    ground.settle(&one).await;
    drop(publishes);
    assert!(other.publishes().is_ok());
    let size = other.reader().size().await.expect("reads");
    assert_eq!(size, 42, "the first event, forty sign-ins, a revocation");
    let entries = other.reader().entries(0, 100).await.expect("no gap");
    assert_eq!(entries.len() as u64, size);
    let held = cordon_store::schema::migrate_places(&ground.places()).await;
    assert!(matches!(held, Err(StoreError::Locked(_))), "nothing is migrated under them");
}

/// Each key of Cordon's own is drawn, and none comes from the root: none is another's, nor one of another installation under
/// the same root.
#[tokio::test]
async fn every_key_of_its_own_is_its_own() {
    let mut secrets = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let (installation, _) = Ground::sqlite().create().await;
        let own = installation.keys().with(|unlocked| {
            Ok(cordon_keys::Purpose::ALL.map(|purpose| *unlocked.own(purpose, 1).expect("there").expose()))
        });
        for secret in own.expect("unlocked") {
            assert!(secrets.insert(secret), "two are the same");
        }
    }
    assert_eq!(secrets.len(), 2 * cordon_keys::Purpose::ALL.len());
}

/// A process that ends, or has our files for a moment, holds nobody up.
#[tokio::test]
async fn what_is_held_for_a_moment_is_waited_for() {
    let ground = Ground::sqlite();
    let (installation, _) = ground.create().await;
    drop(installation);
    let alone = std::fs::File::open(ground.path().join("data/lock")).expect("opens");
    alone.try_lock().expect("nobody holds it");
    let ends = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(alone);
    });
    ground.open().await.expect("opens");
    ends.join().expect("ended");
}
