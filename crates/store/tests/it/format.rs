//! Stored formats: an installation that an earlier program made opens, is whole, and goes on.

use std::path::PathBuf;

use cordon_domain::{
    Action, Actor, Charge, CredentialKind, Egress, Inspected, Inspection, Level, Looked, Payer, Personal, PrincipalId,
    RecordKey, Step,
};
use cordon_gate::act::{Issue, MakeCodename, MakeEmbargo, Read, Revoke, SignIn, Write};
use cordon_gate::{Denial, Epoch, Facts, Gate, Grounds, Journal as _, JournalError, Request, Toll, Verdict};
use cordon_keys::KeyName;
use cordon_ledger::Hash;
use cordon_ledger::audit::walk;
use cordon_ledger::entry::{Identity, open};
use cordon_store::care::{Care, Why};
use cordon_store::inspections::Wanted;
use cordon_store::keyring::Make;
use cordon_store::limits::LIST_ROWS_MAX;
use cordon_store::listing::Listing;
use cordon_store::log::LogFolder;
use cordon_store::schema::FORMAT;
use cordon_store::{AuthenticatorStep, Change, Installation, StoreError, Writer};
use cordon_testkit::trust::Always;
use cordon_testkit::{Deciding, fixture};

use crate::identities::{access, credential, way};
use crate::publications;
use crate::records::person;
use crate::terms::embargo_and_codename;
use crate::{
    BUCKET, Ground, NAME, NOW, clock, event, facts, gate, named, records, revocation, row, target, version, write,
};

const PERSON_1: PrincipalId = PrincipalId([1; 16]);
const PERSON_2: PrincipalId = PrincipalId([2; 16]);
const ERASED: PrincipalId = PrincipalId([8; 16]);

/// Its decisions outlast revocations.
pub(crate) fn lasting_gate(installation: &Installation) -> Gate<Always, Writer> {
    let decide: fn(&Facts) -> Verdict = |_| Verdict::Allow(Grounds { epoch: Epoch::ANY, ..Grounds::default() });
    Gate::new(Deciding(decide), installation.writer().clone(), Actor::service(installation.itself()))
}

/// A read of one byte, of which one object a day is allowed.
fn charge(number: u64) -> Charge {
    let limits = Egress { objects: [1; 4], bytes: [10; 4], ..Egress::ANY };
    let payers = vec![(Payer::Principal(PERSON_1), limits)];
    let (version, level) = (version(number), Level::Restricted);
    Charge {
        version,
        level,
        at: NOW,
        bytes: 1,
        ahead: 0,
        weights: None,
        payers,
        proved_age_s: None,
        at_limit: cordon_domain::egress::AtLimit::Refuse,
    }
}

/// Something of each kind that is stored.
async fn fill(installation: &Installation) {
    for (number, level) in [Level::Internal, Level::Confidential, Level::Restricted].into_iter().enumerate() {
        write(installation, number as u64, level).await.expect("written");
    }
    let mut pending = named(row(installation, 4, Level::Internal).await.expect("made"), "pending");
    pending.said.inspection = Some(Inspection::Pending);
    let request = Request::<Write>::new(facts(target(4, Level::Internal)));
    let change = Change::Write(Box::new(pending));
    let _receipt = gate(installation).change(request, change).await.expect("written");
    let gate = lasting_gate(installation);
    let clock = clock();
    let care = Care::new(&gate, installation, &*clock, Actor::service(installation.itself()), Personal::default());
    care.rotate(KeyName::Level(Level::Internal)).await.expect("rotated");
    care.rotate(KeyName::Bucket(BUCKET, Level::Confidential)).await.expect("rotated");
    write(installation, 3, Level::Restricted).await.expect("written");
    care.shred(BUCKET, version(3), Why::default()).await.expect("shredded");
    let (request, change) = revocation(7);
    let _receipt = gate.change(request, change).await.expect("revoked");
    for (request, change) in [person(1), person(2)] {
        let _receipt = gate.change(request, change).await.expect("added");
    }
    let (request, change) = access::<Issue>(PERSON_1, vec![AuthenticatorStep::Add(way(PERSON_1, 1, 1))], Vec::new());
    let _receipt = gate.change(request, change).await.expect("kept");
    let session = credential(PERSON_1, CredentialKind::Session, 2);
    let (request, change) = access::<SignIn>(PERSON_1, Vec::new(), vec![session]);
    let _receipt = gate.change(request, change).await.expect("signed in");
    let (request, change) = records::<Revoke>(Some(PERSON_2), vec![Step::End(RecordKey::Principal(PERSON_2))]);
    let _receipt = gate.change(request, change).await.expect("revoked");
    for actor in [1, 8] {
        installation.writer().record(event(installation, Action::SignIn, actor), Epoch::ANY).await.expect("recorded");
    }
    care.erase(ERASED, "a test").await.expect("erased");
    publications::write(installation, 5, Some(Inspection::Done(Box::new(Inspected::at(NOW, Looked::default()))))).await;
    let (request, change) = publications::making(&publications::publication(5, 1));
    let _receipt = gate.change(request, change).await.expect("made public");
    let [embargo, codename] = embargo_and_codename(installation.keys());
    let (request, change) = records::<MakeEmbargo>(None, vec![Step::Put(embargo)]);
    let _receipt = gate.change(request, change).await.expect("made");
    let (request, change) = records::<MakeCodename>(None, vec![Step::Put(codename)]);
    let _receipt = gate.change(request, change).await.expect("made");
    let beside = Facts { beside: vec![9; 70_000], charge: Some(charge(2)), ..facts(target(2, Level::Restricted)) };
    let _receipt = gate.read(Request::<Read>::new(beside)).await.expect("allowed");
}

/// What this program makes passes, too. `CORDON_FIXTURE=FOLDER` keeps it, as the fixture of a format that is released.
#[tokio::test]
async fn an_installation_of_this_format_opens_is_whole_and_goes_on() {
    let ground = Ground::sqlite();
    let (installation, _) = ground.create().await;
    fill(&installation).await;
    ground.settle(&installation).await;
    drop(installation);
    if let Some(folder) = std::env::var_os("CORDON_FIXTURE").map(PathBuf::from) {
        let places = ground.places();
        fixture::copy_folder(&places.data, &folder.join("data")).expect("copied");
        fixture::copy_folder(&places.keys, &folder.join("keys")).expect("copied");
    }
    opens_is_whole_and_goes_on(&ground, FORMAT).await;
}

/// Every format has a fixture: a new one is not forgotten.
#[tokio::test]
async fn installations_of_every_format_open_are_whole_and_go_on() {
    for format in 1..=FORMAT {
        let ground = Ground::sqlite();
        fixture::installation(format, ground.path()).expect("there is one");
        opens_is_whole_and_goes_on(&ground, format).await;
    }
}

async fn opens_is_whole_and_goes_on(ground: &Ground, format: i64) {
    let installation = ground.open().await.expect("opens");
    let (reader, keys) = (installation.reader(), installation.keys());
    let entries = reader.entries(0, 100).await.expect("reads");
    let names = |identity: &Identity| match identity {
        Identity::Open(personal) => personal.name.clone(),
        Identity::Sealed(subject) => Some(format!("erased {subject}")),
        Identity::None => None,
    };
    let key = keys.event_key().expect("a key");
    let opened = entries.iter().map(|entry| {
        open(entry, &key, |subject| keys.subject_key(subject, Make::Never).expect("reads")).expect("opens")
    });
    let opened: Vec<_> = opened.collect();
    let sign_ins =
        opened.iter().filter(|opened| opened.event.action == Action::SignIn && opened.event.target.principal.is_none());
    let sign_ins: Vec<_> = sign_ins.map(|opened| names(&opened.identity)).collect();
    assert_eq!(sign_ins, [Some(NAME.to_owned()), Some(format!("erased {ERASED}"))]);

    let with_payload = opened.iter().zip(&entries).filter_map(|(opened, entry)| Some((opened.event.payload?, entry)));
    let mut lengths = Vec::new();
    for (stated, entry) in with_payload {
        lengths.push(reader.payload(keys, Hash::leaf(entry).0, &stated).await.expect("kept").len());
    }
    assert!(lengths.contains(&70_000) && lengths.len() >= 2, "a certificate, and one more: {lengths:?}");
    let records = reader.records(keys).await.expect("whole").0;
    assert_eq!(records.roster.principals.len(), usize::from(format > 1), "one was added, and one revoked since");
    assert_eq!(records.locked, []);
    // Since the eighth format it is kept what is public.
    assert_eq!(records.roster.publications.len(), usize::from(format > 7));

    // Since the tenth what nobody reads before a date, and which names are looked for.
    let known = &records.roster.codenames;
    let opened = known.values().map(|known| keys.open_codename(known.id, &known.sealed).expect("opens"));
    let lasting = (records.roster.embargoes.len(), opened.collect::<Vec<_>>());
    assert_eq!(lasting, if format > 9 { (1, vec!["Glass Heron".to_owned()]) } else { (0, Vec::new()) });

    for (number, level) in [(0, Level::Internal), (1, Level::Confidential), (2, Level::Restricted)] {
        let row = reader.object(keys, version(number)).await.expect("reads").expect("there");
        let request = || Request::<Read>::new(facts(target(number, level)));
        let stale = gate(&installation).read(request()).await.expect_err("decided before the revocation");
        assert!(matches!(stale, Denial::NotRecorded(JournalError::Stale { .. })), "{stale}");
        let receipt = lasting_gate(&installation).read(request()).await.expect("allowed");
        let key = keys.bucket_key(row.wrap().under).expect("opens");
        assert!(key.open(receipt, &row.wrap(), &row.manifest).is_ok(), "{number}");
    }
    // The second format kept a revoked credential there; since the third it is a record.
    assert_eq!(ground.count("SELECT count(*) FROM revocations").await, if format == 2 { 2 } else { 1 });
    let ways = reader.authenticators(keys, PERSON_1).await.expect("opens");
    let bodies: Vec<_> = ways.iter().map(|way| way.body.as_slice()).collect();
    assert_eq!(bodies, if format > 2 { vec![&b"a way"[..]] } else { Vec::new() });
    let issued = reader.credentials(keys, PERSON_1, NOW).await.expect("whole");
    assert_eq!(issued.len(), usize::from(format > 2));
    assert_eq!(reader.object(keys, version(3)).await.expect("reads"), None, "shredded");
    let label_at = async |number| reader.label_at(keys, version(number), NOW.plus_ms(-1)).await;
    match format {
        // The fifth format keeps since when a label holds; whatever stands in an older one is not made up.
        ..5 => assert!(matches!(label_at(0).await, Err(StoreError::Unknown(_)))),
        _ => assert_eq!((label_at(0).await.expect("whole"), label_at(3).await.expect("whole")), (None, None)),
    }

    // Since the seventh format it is known what nobody has looked into.
    let pending = reader.inspections(keys, Wanted::Pending, None).await.expect("reads").found;
    assert_eq!(pending.len(), usize::from(format > 6));

    // Since the fifth versions have names; since the eleventh a label stands beside each, and lists show those of older ones, too.
    let listed = reader.list(keys, BUCKET, &Listing::default(), LIST_ROWS_MAX).await.expect("whole").found;
    let levels: Vec<_> = listed.iter().map(|(_, label)| label.level).collect();
    let written = [Level::Internal, Level::Confidential, Level::Restricted, Level::Internal, Level::Internal];
    let count = match format {
        ..5 => 0,
        5 | 6 => 3,
        7 => 4,
        _ => 5,
    };
    assert_eq!(levels, written[..count]);
    assert!(listed.iter().all(|(entry, label)| entry.label.as_ref() == Some(label).filter(|_| format > 10)));

    // Since the sixth format it is kept who read what of late.
    let another = installation.writer().take(Toll::Take(charge(1))).await;
    assert_eq!(another.is_err(), format > 5, "{another:?}");

    installation.writer().record(event(&installation, Action::SignIn, 1), Epoch::ANY).await.expect("recorded");
    ground.settle(&installation).await;
    let log_key = std::fs::read_to_string(installation.places().log_key_file()).expect("there");
    let walked =
        walk(&mut LogFolder(installation.places().log()), &log_key.trim().parse().expect("a key"), &[], |_, _, _| {});
    let walked = walked.expect("reads");
    assert_eq!(walked.faults, []);
    assert_eq!(walked.checkpoint.expect("opens").size, entries.len() as u64 + 4);
}
