//! Who might read what is stored, as of when it had which label.

use std::sync::Arc;

use cordon_domain::{Action, Actor, BucketId, Label, Level, Moment, RequestId, Target, VersionId, Versioning};
use cordon_gate::act::{Changes, Lower, Write};
use cordon_gate::{Epoch, Facts, Gate, Grounds, Request, Verdict};
use cordon_keys::envelope::DataKey;
use cordon_keys::{Belongs, KeyName, Manifest, Part, RootProvider};
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::entries::{Body, NewVersion, Said};
use cordon_store::providers::key_file;
use cordon_store::{Change, Installation, ObjectRow, Places};
use cordon_testkit::Deciding;

use crate::harness::Place;
use crate::trust::{data, installed, ok};

const BUCKET: BucketId = BucketId([9; 16]);
const FIRST: &str = "2026-01-01";
const THEN: &str = "2026-02-01";

fn at(day: &str) -> Moment {
    let day: jiff::Timestamp = format!("{day}T00:00:00Z").parse().expect("a day");
    Moment(day.as_millisecond())
}

async fn open(place: &Place) -> Installation {
    let keys = place.path().join("home/.config/cordon/keys");
    let places = Places { data: data(place), keys, server: None };
    let (held, _) = key_file(&place.path().join("home/.config/cordon/root.key"), &places.data).expect("there");
    let provider: Arc<dyn RootProvider> = Arc::new(held);
    Installation::open(places, &provider, Arc::new(SystemClock)).await.expect("opens")
}

async fn change<A: Changes>(installation: &Installation, target: Target, change: Change, at: Moment) {
    let decide = Deciding(|_: &Facts| Verdict::Allow(Grounds { epoch: Epoch::ANY, ..Grounds::default() }));
    let itself = Actor::service(installation.itself());
    let request = RequestId::draw(&mut SystemEntropy);
    let facts = Facts { target, beside: change.beside(), ..Facts::new(request, at, A::ACTION, itself.clone()) };
    let gate = Gate::new(decide, installation.writer().clone(), itself);
    let _receipt = gate.change(Request::<A>::new(facts), change).await.expect("changed");
}

fn target(number: u8, level: Level) -> Target {
    let (version, label) = (Some(VersionId([number; 16])), Some(Label::of(level)));
    Target { bucket: Some(BUCKET), version, label, ..Target::default() }
}

async fn write(installation: &Installation, number: u8, level: Level) {
    let (keys, version, label) = (installation.keys(), VersionId([number; 16]), Label::of(level));
    let name = KeyName::Bucket(BUCKET, level);
    let active = installation.reader().active_key(keys, name).await.expect("reads").map(|active| active.active);
    let (key, data_key) = (keys.wrapping_key(active, name, 1).expect("made"), DataKey::draw(&mut SystemEntropy));
    let belongs = Belongs { bucket: BUCKET, version, label: &label };
    let wrap = key.wrap(&data_key, belongs, &mut SystemEntropy).expect("its level");
    let manifest = Manifest::new(version, label.clone(), vec![Part { number: 1, bytes: 1 }], &data_key).expect("short");
    let manifest = manifest.seal(&data_key).expect("short");
    let (key_version, wrapped) = (wrap.under.version, wrap.wrapped);
    let row = ObjectRow { version, bucket: BUCKET, label, key_version, wrapped, manifest, since: None };
    let (key, by, tag) = (format!("{number}").parse().expect("a name"), installation.itself(), "t-1".to_owned());
    let said = Said {
        body: Body::Files,
        bytes: 1,
        tag,
        at: at(FIRST),
        by,
        headers: Vec::new(),
        files: 1,
        inspection: None,
        content: None,
        weights: false,
    };
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
    change::<Write>(installation, target(number, level), Change::Write(Box::new(new)), at(FIRST)).await;
}

async fn lower(installation: &Installation, number: u8, from: Level, to: Level) {
    let (version, label, action) = (VersionId([number; 16]), Label::of(to), Action::LabelLower);
    let key_version = installation.keys().prepare_version(KeyName::Bucket(BUCKET, to)).expect("made").version;
    let new = Change::Relabel { bucket: BUCKET, version, action, label, key_version, look: None };
    change::<Lower>(installation, target(number, from), new, at(THEN)).await;
}

#[test]
fn who_might_read_what_is_told_by_the_label_that_it_had() {
    let (place, _) = installed();
    ok(place.run(&["people", "invite", "ada@example.org", "--clearance", "internal", "--trained-until", "2999-01-01"]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (bucket, version) = (BUCKET.to_string(), VersionId([1; 16]).to_string());
    runtime.block_on(async {
        let installation = open(&place).await;
        for (number, level) in [(1, Level::Confidential), (2, Level::Confidential), (3, Level::Restricted)] {
            write(&installation, number, level).await;
        }
        lower(&installation, 1, Level::Confidential, Level::Internal).await;
    });
    let who = |target: &str, day: &str| place.run(&["access", "who", target, "--as-of", day, "--verify"]);
    let lines = |text: String| {
        let mut lines: Vec<_> = text.lines().filter(|line| line.contains(" may ")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let here = |labels: [&str; 2]| labels.map(|label| format!("{label} may object.read"));
    assert_eq!(ok(who(&bucket, "2025-12-31")), "", "nothing was there");
    let first = ["confidential, 2 versions: 0", "restricted: 0"];
    assert_eq!(lines(ok(who(&bucket, "2026-01-02"))), here(first));
    let since = lines(ok(who(&bucket, "2999-01-01")));
    assert_eq!(
        since,
        ["confidential: 0", "internal: 1", "restricted: 0"].map(|label| format!("{label} may object.read"))
    );
    assert_eq!(
        ok(who(&version, "2026-01-31")),
        "confidential: 0 may object.read\n".replace("confidential", &format!("confidential {version}"))
    );
    assert!(ok(who(&version, "2998-01-01")).starts_with(&format!("internal {version}: 1 may object.read\n")));
    let before = who(&version, "2025-12-31");
    assert_eq!((before.code, before.stderr.contains("there is no ov_")), (2, true), "{}", before.stderr);
    // A label of the past that is taken away is missed by the log.
    let database = rusqlite::Connection::open(data(&place).join("cordon.db")).expect("opens");
    assert_eq!(database.execute("DELETE FROM past_labels", []).expect("deleted"), 1);
    drop(database);
    let missed = who(&bucket, "2026-01-02");
    assert_eq!(missed.code, 4, "{}{}", missed.stdout, missed.stderr);
    assert!(missed.stderr.contains("tell another state than the log"), "{}", missed.stderr);
}
