//! Ways to sign in and what signing in gives: each use counts once, and each change does what its action may.

use cordon_domain::{
    Action, Actor, Credential, CredentialId, CredentialKind, Device, DeviceId, Factor, Moment, PrincipalId,
    PrincipalKind, Record, RecordKey, Revoked, Step, Target,
};
use cordon_gate::act::{Accept, AddAuthenticator, Changes, Enrol, Issue, Revoke, SignIn, SignOut, TakeKeys};
use cordon_gate::{Denial, Facts, JournalError, Request};
use cordon_store::limits::{CREDENTIALS_MAX, SIGN_INS_KEPT};
use cordon_store::{Access, Authenticator, AuthenticatorStep, Change, Installation};

use crate::format::lasting_gate;
use crate::records::person;
use crate::{Ground, NOW, facts, on_both, records};

const ADA: PrincipalId = PrincipalId([1; 16]);
const BOB: PrincipalId = PrincipalId([2; 16]);

/// A way to sign in.
pub(crate) fn way(principal: PrincipalId, id: u8, generation: u64) -> Authenticator {
    Authenticator { id: CredentialId([id; 16]), principal, generation, body: b"a way".to_vec() }
}

/// A credential of a person who showed a passkey just now.
pub(crate) fn credential(principal: PrincipalId, kind: CredentialKind, id: u8) -> Credential {
    Credential {
        id: CredentialId([id; 16]),
        kind,
        principal,
        principal_kind: PrincipalKind::Person,
        device: None,
        factor: Factor::PhishingResistant,
        factor_at: NOW,
        issued_at: NOW,
        expires_at: NOW.plus_ms(3_600_000),
        way: None,
        parent: None,
    }
}

/// The request for a change of ways to sign in by one who showed a passkey just now, and the change.
pub(crate) fn access<A: Changes>(
    principal: PrincipalId,
    ways: Vec<AuthenticatorStep>,
    issued: Vec<Credential>,
) -> (Request<A>, Change) {
    let actor = credential(principal, CredentialKind::Session, 99).actor(NOW);
    by(actor, Access { action: A::ACTION, principal, ways, issued })
}

fn by<A: Changes>(actor: Actor, access: Access) -> (Request<A>, Change) {
    let target = Target { principal: Some(access.principal), record: access.names(), ..Target::default() };
    (Request::new(Facts { actor, ..facts(target) }), Change::Access(Box::new(access)))
}

async fn office(ground: &Ground) -> Installation {
    let (installation, _) = ground.create().await;
    for number in [1, 2] {
        let (request, change) = person(number);
        let _receipt = lasting_gate(&installation).change(request, change).await.expect("added");
    }
    installation
}

async fn makes<A: Changes>(installation: &Installation, (request, change): (Request<A>, Change)) -> Result<(), String> {
    match lasting_gate(installation).change(request, change).await {
        Ok(receipt) => {
            drop(receipt.spend());
            Ok(())
        }
        Err(Denial::NotRecorded(JournalError::Conflict(why))) => Err(why),
        Err(other) => Err(format!("otherwise: {other:?}")),
    }
}

fn session(principal: PrincipalId, id: u8) -> Credential {
    credential(principal, CredentialKind::Session, id)
}

async fn a_way_is_used_once_by_whoever_is_first(ground: Ground) {
    let installation = office(&ground).await;
    let (reader, keys) = (installation.reader(), installation.keys());
    use AuthenticatorStep::{Add, Remove, Replace};
    let invited = access::<Issue>(ADA, vec![Add(way(ADA, 1, 1))], Vec::new());
    assert_eq!(makes(&installation, invited).await, Ok(()));
    let accept = || access::<Accept>(ADA, vec![Remove(way(ADA, 1, 1)), Add(way(ADA, 2, 1))], Vec::new());
    assert_eq!(makes(&installation, accept()).await, Ok(()));
    let again = makes(&installation, accept()).await;
    assert!(again.as_ref().is_err_and(|why| why.contains("used or changed meanwhile")), "{again:?}");
    let enter = |generation| access::<SignIn>(ADA, vec![Replace(way(ADA, 2, generation))], vec![session(ADA, 3)]);
    assert_eq!(makes(&installation, enter(2)).await, Ok(()));
    let replayed = makes(&installation, enter(2)).await;
    assert!(replayed.as_ref().is_err_and(|why| why.contains("used or changed meanwhile")), "{replayed:?}");
    assert!(makes(&installation, enter(4)).await.is_err(), "one in between is missing");
    assert_eq!(reader.authenticators(keys, ADA).await.expect("opens"), [way(ADA, 2, 2)]);
    assert_eq!(reader.authenticators(keys, BOB).await.expect("opens"), []);
    assert_eq!(reader.credentials(keys, ADA, NOW).await.expect("whole"), [session(ADA, 3)]);
    assert_eq!(reader.credentials(keys, ADA, NOW.plus_ms(3_600_000)).await.expect("whole"), []);
}

async fn each_action_gives_its_own_to_its_own(ground: Ground) {
    let installation = office(&ground).await;
    use AuthenticatorStep::{Add, Remove};
    let key = credential(ADA, CredentialKind::AccessKey, 4);
    for (what, refused) in [
        ("a key at sign-in", makes(&installation, access::<SignIn>(ADA, Vec::new(), vec![key])).await),
        (
            "a session for a session",
            makes(&installation, access::<TakeKeys>(ADA, Vec::new(), vec![session(ADA, 4)])).await,
        ),
        (
            "an invitation of one's own",
            makes(&installation, access::<Accept>(ADA, vec![Add(way(ADA, 5, 1))], Vec::new())).await,
        ),
        (
            "a removal by adding",
            makes(&installation, access::<AddAuthenticator>(ADA, vec![Remove(way(ADA, 5, 1))], Vec::new())).await,
        ),
        ("a session without end", {
            let long = Credential { expires_at: Moment(i64::MAX), ..session(ADA, 4) };
            makes(&installation, access::<SignIn>(ADA, Vec::new(), vec![long])).await
        }),
        ("a factor that was not shown", {
            let actor = Actor { factor: Some(Factor::Code), ..session(ADA, 99).actor(NOW) };
            let access =
                Access { action: Action::SignIn, principal: ADA, ways: Vec::new(), issued: vec![session(ADA, 4)] };
            makes(&installation, by::<SignIn>(actor, access)).await
        }),
        ("a fresher proof than there was", {
            let actor = Actor { mfa_age_s: Some(60), ..session(ADA, 99).actor(NOW) };
            let access = Access { action: Action::SessionKeys, principal: ADA, ways: Vec::new(), issued: vec![key] };
            makes(&installation, by::<TakeKeys>(actor, access)).await
        }),
        ("someone else's session", {
            let access =
                Access { action: Action::SignIn, principal: ADA, ways: Vec::new(), issued: vec![session(ADA, 4)] };
            makes(&installation, by::<SignIn>(session(BOB, 99).actor(NOW), access)).await
        }),
        ("a device of nobody", {
            let on = Credential { device: Some(DeviceId([9; 16])), ..session(ADA, 4) };
            let access = Access { action: Action::SignIn, principal: ADA, ways: Vec::new(), issued: vec![on] };
            makes(&installation, by::<SignIn>(on.actor(NOW), access)).await
        }),
        ("a person's service key", {
            let kind = CredentialKind::ServiceKey;
            let service = Credential { factor: Factor::None, ..credential(ADA, kind, 4) };
            makes(&installation, access::<Issue>(ADA, Vec::new(), vec![service])).await
        }),
    ] {
        assert!(refused.is_err_and(|why| !why.starts_with("otherwise")), "{what}");
    }
    let mut other = access::<SignIn>(ADA, Vec::new(), vec![session(ADA, 4)]);
    other.1 = access::<SignIn>(BOB, Vec::new(), vec![session(BOB, 4)]).1;
    assert!(makes(&installation, other).await.is_err_and(|why| why.contains("OtherChange")));
    assert_eq!(makes(&installation, access::<TakeKeys>(ADA, Vec::new(), vec![key])).await, Ok(()));
    let bobs = Credential { principal: BOB, ..key };
    let stolen = makes(&installation, access::<TakeKeys>(BOB, Vec::new(), vec![bobs])).await;
    assert!(stolen.is_err_and(|why| why.contains("another's")), "an id is one credential's");
}

async fn what_is_revoked_stays_so_and_takes_the_way_with_it(ground: Ground) {
    let installation = office(&ground).await;
    let (reader, keys) = (installation.reader(), installation.keys());
    use AuthenticatorStep::Add;
    for id in [1, 2] {
        let added = access::<AddAuthenticator>(ADA, vec![Add(way(ADA, id, 1))], Vec::new());
        assert_eq!(makes(&installation, added).await, Ok(()));
    }
    let entered = access::<SignIn>(ADA, Vec::new(), vec![session(ADA, 3)]);
    assert_eq!(makes(&installation, entered).await, Ok(()));
    let revoked = |credential, principal| {
        Step::Put(Record::Revoked(Revoked { credential: CredentialId([credential; 16]), principal }))
    };
    let revoke = |id, principal| records::<Revoke>(Some(principal), vec![revoked(id, principal)]);
    assert!(makes(&installation, revoke(8, ADA)).await.is_err_and(|why| why.contains("there is no")));
    assert!(makes(&installation, revoke(1, BOB)).await.is_err_and(|why| why.contains("another's")));
    assert_eq!(makes(&installation, revoke(1, ADA)).await, Ok(()));
    assert_eq!(reader.authenticators(keys, ADA).await.expect("opens"), [way(ADA, 2, 1)]);
    let back = access::<AddAuthenticator>(ADA, vec![Add(way(ADA, 1, 1))], Vec::new());
    assert!(makes(&installation, back).await.is_err_and(|why| why.contains("does not come back")));
    let sign_out = |id: u8, with: u8| {
        let steps = vec![revoked(id, ADA)];
        let (_, change) = records::<SignOut>(Some(ADA), steps.clone());
        let target = Target { principal: Some(ADA), record: Some(steps[0].key()), ..Target::default() };
        let facts = Facts { actor: session(ADA, with).actor(NOW), beside: change.beside(), ..facts(target) };
        (Request::<SignOut>::new(facts), change)
    };
    assert!(makes(&installation, sign_out(2, 3)).await.is_err_and(|why| why.contains("their own sessions")));
    assert_eq!(makes(&installation, sign_out(3, 3)).await, Ok(()));
    let anew = access::<SignIn>(ADA, Vec::new(), vec![session(ADA, 3)]);
    assert!(makes(&installation, anew).await.is_err_and(|why| why.contains("does not come back")));
    let roster = reader.records(keys).await.expect("whole").0.roster;
    assert_eq!(roster.revoked, [CredentialId([1; 16]), CredentialId([3; 16])].into());
    assert_eq!(
        makes(&installation, records::<Revoke>(Some(ADA), vec![Step::End(RecordKey::Principal(ADA))])).await,
        Ok(())
    );
    assert_eq!(reader.authenticators(keys, ADA).await.expect("opens"), []);
}

/// A row that is changed in the database, or put back as it was before it was used.
async fn what_was_changed_beside_cordon_opens_nothing(ground: Ground) {
    let installation = office(&ground).await;
    let (reader, keys) = (installation.reader(), installation.keys());
    use AuthenticatorStep::Add;
    for (principal, id) in [(ADA, 1), (BOB, 2)] {
        let added = access::<AddAuthenticator>(principal, vec![Add(way(principal, id, 1))], Vec::new());
        assert_eq!(makes(&installation, added).await, Ok(()));
    }
    let device = Device { id: DeviceId([5; 16]), owner: ADA, key: [1; 32], claimed: String::new() };
    let enrol = records::<Enrol>(Some(ADA), vec![Step::Put(Record::Device(device))]);
    assert_eq!(makes(&installation, enrol).await, Ok(()));
    let on = Credential { device: Some(DeviceId([5; 16])), ..session(ADA, 3) };
    let access = Access { action: Action::SignIn, principal: ADA, ways: Vec::new(), issued: vec![on] };
    assert_eq!(makes(&installation, by::<SignIn>(on.actor(NOW), access)).await, Ok(()));
    // Bob's way, as Ada's: it is bound to its person.
    ground.beside("UPDATE authenticators SET principal = x'01010101010101010101010101010101'").await;
    assert!(reader.authenticators(keys, ADA).await.is_err());
    ground.beside("UPDATE authenticators SET generation = 7").await;
    assert!(reader.authenticator(keys, CredentialId([1; 16])).await.is_err());
    ground.beside("UPDATE credentials SET body = mac").await;
    assert!(reader.credentials(keys, ADA, NOW).await.is_err());
    let body = b"a way";
    let file = installation.places().database_file();
    let files = [file.clone(), file.with_extension("db-wal")].map(|file| std::fs::read(file).unwrap_or_default());
    let stands = |name: &[u8]| files.iter().any(|bytes| bytes.windows(name.len()).any(|window| window == name));
    assert!(!stands(body), "it stands there in the open");
    let there = files.iter().all(Vec::is_empty) || stands(b"authenticators");
    assert!(there, "these are the files that would hold it");
}

/// A device's key is one device's, for ever; and nobody has more sessions than the bound says.
async fn a_device_that_was_revoked_does_not_come_back_and_sessions_are_bounded(ground: Ground) {
    let installation = office(&ground).await;
    let enrol = |id: u8, owner: PrincipalId, key: u8| {
        let device = Device { id: DeviceId([id; 16]), owner, key: [key; 32], claimed: String::new() };
        records::<Enrol>(Some(owner), vec![Step::Put(Record::Device(device))])
    };
    assert_eq!(makes(&installation, enrol(1, ADA, 7)).await, Ok(()));
    let others = makes(&installation, enrol(2, BOB, 7)).await;
    assert!(others.is_err_and(|why| why.contains("enrolled before")), "another's");
    let gone = records::<Revoke>(None, vec![Step::End(RecordKey::Device(DeviceId([1; 16])))]);
    assert_eq!(makes(&installation, gone).await, Ok(()));
    let again = makes(&installation, enrol(3, ADA, 7)).await;
    assert!(again.is_err_and(|why| why.contains("enrolled before")), "under another name");
    assert_eq!(makes(&installation, enrol(3, ADA, 8)).await, Ok(()));
    let derived = |id: u8| Credential { parent: Some(CredentialId([0; 16])), ..session(ADA, id) };
    let kept = (CREDENTIALS_MAX - SIGN_INS_KEPT) as u8;
    for id in 0..kept {
        assert_eq!(makes(&installation, access::<SignIn>(ADA, Vec::new(), vec![derived(id)])).await, Ok(()));
    }
    let from_a_session = access::<SignIn>(ADA, Vec::new(), vec![derived(150)]);
    assert!(makes(&installation, from_a_session).await.is_err_and(|why| why.contains("have not ended")));
    for id in kept..CREDENTIALS_MAX as u8 {
        assert_eq!(makes(&installation, access::<SignIn>(ADA, Vec::new(), vec![session(ADA, id)])).await, Ok(()));
    }
    let more = makes(&installation, access::<SignIn>(ADA, Vec::new(), vec![session(ADA, 200)])).await;
    assert!(more.is_err_and(|why| why.contains("have not ended")));
    let proved_anew = access::<SignIn>(ADA, Vec::new(), vec![session(ADA, 0)]);
    assert_eq!(makes(&installation, proved_anew).await, Ok(()), "one that is there already");
    assert_eq!(makes(&installation, access::<SignIn>(BOB, Vec::new(), vec![session(BOB, 201)])).await, Ok(()));
}

on_both! {
    a_device_that_was_revoked_does_not_come_back_and_sessions_are_bounded,
    a_way_is_used_once_by_whoever_is_first,
    each_action_gives_its_own_to_its_own,
    what_is_revoked_stays_so_and_takes_the_way_with_it,
    what_was_changed_beside_cordon_opens_nothing,
}
