//! Ways to sign in, and what signing in gives: authenticators and credentials in the database.
//!
//! An authenticator (a passkey, a password, an invitation) is sealed under the key of its person, bound to its id and
//! generation: whoever reads the database learns nothing of it, and with the person it is erased. Each use is a new
//! generation, put by compare-and-swap in the transaction of its event, so that a code or an invitation counts once, on
//! all nodes. Of a credential stands here what it says, with a MAC; what proves it stands nowhere.

use cordon_domain::{
    Action, Actor, Credential, CredentialId, CredentialKind, Moment, PrincipalId, PrincipalKind, Record, RecordKey,
    Target,
};
use cordon_gate::Permit;
use cordon_gate::act::Changes;

use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::keyring::{Keyring, Make};
use crate::limits::{AUTHENTICATOR_BYTES_MAX, AUTHENTICATORS_MAX, CREDENTIALS_KEPT_MS, CREDENTIALS_MAX, SIGN_INS_KEPT};
use crate::records::{live, record};
use crate::rows::encoded;
use crate::sql::{Row, Session, values};

/// A way to sign in, as its owner's key opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// Identifies it for ever.
    pub id: CredentialId,
    /// Whose it is.
    pub principal: PrincipalId,
    /// Counts its uses and changes, from 1.
    pub generation: u64,
    /// What it is; the store does not look into it.
    pub body: Vec<u8>,
}

/// What happens to a way to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticatorStep {
    /// It begins.
    Add(Authenticator),
    /// It was used, or becomes another: the generation before this one must be the present one.
    Replace(Authenticator),
    /// It ends; this generation must be the present one.
    Remove(Authenticator),
}

impl AuthenticatorStep {
    const fn authenticator(&self) -> &Authenticator {
        match self {
            Self::Add(one) | Self::Replace(one) | Self::Remove(one) => one,
        }
    }
}

/// Ways to sign in change, and credentials are issued, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The action.
    pub action: Action,
    /// Whose.
    pub principal: PrincipalId,
    /// What happens to ways to sign in.
    pub ways: Vec<AuthenticatorStep>,
    /// What is issued.
    pub issued: Vec<Credential>,
}

impl Access {
    /// The record that its event names.
    #[must_use]
    pub fn names(&self) -> Option<RecordKey> {
        let way = self.ways.last().map(|way| way.authenticator().id);
        self.issued.first().map(|credential| credential.id).or(way).map(RecordKey::Credential)
    }

    /// Tells whether it is about `target` and nothing else.
    pub(crate) fn concerns(&self, target: &Target) -> bool {
        let whose = self.ways.iter().map(|way| way.authenticator().principal);
        let mut all = whose.chain(self.issued.iter().map(|credential| credential.principal));
        let named = Target { principal: Some(self.principal), record: self.names(), ..Target::default() };
        all.all(|principal| principal == self.principal) && *target == named && target.record.is_some()
    }

    /// Tells whether its action does this and no more.
    fn fits(&self) -> bool {
        use AuthenticatorStep::{Add, Remove, Replace};
        let kinds = |kind: CredentialKind| self.issued.iter().all(|credential| credential.kind == kind);
        match (self.action, self.ways.as_slice()) {
            (Action::SignIn, [Replace(_)] | []) => self.issued.len() == 1 && kinds(CredentialKind::Session),
            (Action::InvitationAccept, [Remove(_) | Replace(_), Add(_) | Replace(_), rest @ ..]) => {
                self.issued.is_empty() && rest.iter().all(|way| matches!(way, Add(_)))
            }
            (Action::AuthenticatorEnrol, [_, ..]) => {
                self.issued.is_empty() && self.ways.iter().all(|way| matches!(way, Add(_) | Replace(_)))
            }
            (Action::SessionKeys, []) => self.issued.len() == 1 && kinds(CredentialKind::AccessKey),
            (Action::CredentialIssue, []) => self.issued.len() == 1 && kinds(CredentialKind::ServiceKey),
            (Action::CredentialIssue, [earlier @ .., Add(_)]) => {
                self.issued.is_empty() && earlier.iter().all(|way| matches!(way, Remove(_)))
            }
            _ => false,
        }
    }
}

/// What a sealed authenticator is bound to, beside its person.
fn context(id: CredentialId, generation: u64) -> Vec<u8> {
    [b"cordon/authenticator/v1".as_slice(), &id.0, &generation.to_be_bytes()].concat()
}

fn seal(keys: &Keyring, one: &Authenticator) -> Result<Vec<u8>, StoreError> {
    if one.body.len() > AUTHENTICATOR_BYTES_MAX {
        return conflict(format!("a way to sign in takes at most {AUTHENTICATOR_BYTES_MAX} bytes"));
    }
    let key = keys.subject_key(one.principal, Make::IfMissing)?;
    let key = key.ok_or_else(|| StoreError::Conflict(format!("{} was erased", one.principal)))?;
    Ok(key.seal(&context(one.id, one.generation), &one.body, &mut SystemEntropy)?)
}

/// Opens a row; `None` when its person was erased.
fn open(keys: &Keyring, row: &Row) -> Result<Option<Authenticator>, StoreError> {
    let (id, principal, generation) = (CredentialId(row.array(0)?), PrincipalId(row.array(1)?), row.count(2)?);
    let Some(key) = keys.subject_key(principal, Make::Never)? else { return Ok(None) };
    let changed = |_| StoreError::Integrity(format!("the row of {id} was changed beside Cordon: it is locked"));
    let body = key.open(&context(id, generation), row.bytes(3)?).map_err(changed)?;
    Ok(Some(Authenticator { id, principal, generation, body }))
}

const COLUMNS: &str = "id, principal, generation, sealed";

/// Reads the ways to sign in of one person. One that was changed beside Cordon is an error: the others do not stand in.
pub(crate) async fn authenticators(
    session: &mut Session,
    keys: &Keyring,
    principal: PrincipalId,
) -> Result<Vec<Authenticator>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM authenticators WHERE principal = ?1 ORDER BY id");
    let rows = session.query(&select, values![&principal.0]).await?;
    rows.iter().filter_map(|row| open(keys, row).transpose()).collect()
}

/// Reads one way to sign in.
pub(crate) async fn authenticator(
    session: &mut Session,
    keys: &Keyring,
    id: CredentialId,
) -> Result<Option<Authenticator>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM authenticators WHERE id = ?1");
    let row = session.first(&select, values![&id.0]).await?;
    Ok(row.map(|row| open(keys, &row)).transpose()?.flatten())
}

/// Reads credentials of one principal that have not ended.
pub(crate) async fn credentials(
    session: &mut Session,
    keys: &Keyring,
    principal: PrincipalId,
    at: Moment,
) -> Result<Vec<Credential>, StoreError> {
    let select = "SELECT body, mac FROM credentials WHERE principal = ?1 AND expires_at > ?2 ORDER BY id";
    let rows = session.query(select, values![&principal.0, at.0]).await?;
    rows.iter().map(|row| read(keys, row)).collect()
}

/// Reads one credential.
pub(crate) async fn credential(
    session: &mut Session,
    keys: &Keyring,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    let row = session.first("SELECT body, mac FROM credentials WHERE id = ?1", values![&id.0]).await?;
    row.map(|row| read(keys, &row)).transpose()
}

fn read(keys: &Keyring, row: &Row) -> Result<Credential, StoreError> {
    let unreadable = |_| StoreError::Integrity("a credential cannot be read".to_owned());
    let credential: Credential = minicbor::decode(row.bytes(0)?).map_err(unreadable)?;
    keys.rows().check(&[b"credentials/v1", row.bytes(0)?], row.bytes(1)?, || credential.id.to_string())?;
    Ok(credential)
}

/// Ends whatever was revoked: a way to sign in that nobody may use any more need not be kept.
pub(crate) async fn forget(session: &mut Session, key: &RecordKey) -> Result<(), StoreError> {
    let (column, id) = match key {
        RecordKey::Credential(id) => ("id", id.0),
        RecordKey::Principal(id) => ("principal", id.0),
        _ => return Ok(()),
    };
    let delete = format!("DELETE FROM authenticators WHERE {column} = ?1");
    session.execute(&delete, values![&id]).await.map(drop)
}

/// Carries a change out. Returns how many rows it touched.
pub(crate) async fn apply<A: Changes>(
    session: &mut Session,
    keys: &Keyring,
    permit: &Permit<A>,
    access: &Access,
    at: Moment,
) -> Result<u64, StoreError> {
    let fits = access.fits() && access.issued.iter().all(Credential::is_bounded);
    holds(fits, "what signing in gives is bounded, and each action gives its own")?;
    let others = access.action == Action::CredentialIssue;
    holds(others || permit.actor().principal == access.principal, "one signs in as oneself")?;
    let Some(Record::Principal(principal)) = record(session, keys, &RecordKey::Principal(access.principal)).await?
    else {
        return conflict(format!("there is no {}", access.principal));
    };
    for way in &access.ways {
        put_way(session, keys, way).await?;
    }
    for credential in &access.issued {
        let service = principal.kind == PrincipalKind::Service;
        let of_kind = service == (credential.kind == CredentialKind::ServiceKey);
        let ends = principal.until.is_none_or(|until| credential.expires_at <= until);
        holds(of_kind && credential.principal_kind == principal.kind, "persons have sessions, services have keys")?;
        holds(ends, "no credential outlives whose it is")?;
        is_backed(session, keys, (permit.actor(), at), credential).await?;
        issue(session, keys, credential, at).await?;
    }
    Ok((access.ways.len() + access.issued.len()) as u64)
}

/// What a credential says of factor and device is what its principal has just shown, and the device is theirs.
async fn is_backed(
    session: &mut Session,
    keys: &Keyring,
    (actor, at): (&Actor, Moment),
    credential: &Credential,
) -> Result<(), StoreError> {
    if credential.kind == CredentialKind::ServiceKey {
        let none = credential.device.is_none() && credential.factor == cordon_domain::Factor::None;
        return holds(none, "a service shows no factor and no device");
    }
    let proved = at.plus_ms(-1000 * i64::from(actor.mfa_age_s.unwrap_or(0)));
    let fresh = credential.factor_at <= proved && credential.issued_at <= at;
    let shown = actor.factor == Some(credential.factor) && actor.device == credential.device && fresh;
    holds(shown, "a credential says what was shown when it was issued")?;
    let Some(device) = credential.device else { return Ok(()) };
    let known = record(session, keys, &RecordKey::Device(device)).await?;
    let theirs = matches!(known, Some(Record::Device(device)) if device.owner == credential.principal);
    holds(theirs, &format!("there is no {device} of this person"))
}

async fn put_way(session: &mut Session, keys: &Keyring, way: &AuthenticatorStep) -> Result<(), StoreError> {
    let one = way.authenticator();
    let (id, generation) = (one.id.0, one.generation);
    let revoked = live(session, &RecordKey::Credential(one.id)).await?.is_some();
    holds(!revoked, &format!("{} was revoked, and does not come back", one.id))?;
    let touched = match way {
        AuthenticatorStep::Add(_) => {
            let select = "SELECT count(*) FROM authenticators WHERE principal = ?1";
            let count = session.one(select, values![&one.principal.0]).await?.count(0)?;
            holds(count < AUTHENTICATORS_MAX, "one person has so many ways to sign in already: revoke one")?;
            let insert = "INSERT INTO authenticators VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
            let sealed = seal(keys, one)?;
            session.execute(insert, values![&id, &one.principal.0, generation, &sealed]).await?
        }
        AuthenticatorStep::Replace(_) => {
            let update = "UPDATE authenticators SET generation = ?3, sealed = ?4
                          WHERE id = ?1 AND principal = ?2 AND generation + 1 = ?3";
            let sealed = seal(keys, one)?;
            session.execute(update, values![&id, &one.principal.0, generation, &sealed]).await?
        }
        AuthenticatorStep::Remove(_) => {
            let delete = "DELETE FROM authenticators WHERE id = ?1 AND principal = ?2 AND generation = ?3";
            session.execute(delete, values![&id, &one.principal.0, generation]).await?
        }
    };
    holds(touched == 1, &format!("{} was used or changed meanwhile: sign in again", one.id))
}

async fn issue(session: &mut Session, keys: &Keyring, credential: &Credential, at: Moment) -> Result<(), StoreError> {
    let old = at.plus_ms(-CREDENTIALS_KEPT_MS).0;
    session.execute("DELETE FROM credentials WHERE expires_at < ?1", values![old]).await?;
    let count = "SELECT count(*) FROM credentials WHERE principal = ?1 AND expires_at > ?2 AND id <> ?3";
    let whose = values![&credential.principal.0, at.0, &credential.id.0];
    let others = session.one(count, whose).await?.count(0)?;
    // Whoever has stolen a session must not keep its owner from signing in.
    let most = if credential.parent.is_some() { CREDENTIALS_MAX - SIGN_INS_KEPT } else { CREDENTIALS_MAX };
    holds(others < most, "so many sessions and keys of one person have not ended: use one of them, or wait")?;
    let body = encoded(credential);
    let mac = keys.rows().mac(&[b"credentials/v1", &body]);
    // A session that is proved anew stays the same one.
    let put = "INSERT INTO credentials VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE
               SET body = excluded.body, expires_at = excluded.expires_at, mac = excluded.mac
               WHERE credentials.principal = excluded.principal";
    let (id, principal) = (credential.id.0, credential.principal.0);
    let revoked = live(session, &RecordKey::Credential(credential.id)).await?.is_some();
    holds(!revoked, &format!("{} was revoked, and does not come back", credential.id))?;
    let put = session.execute(put, values![&id, &principal, credential.expires_at.0, &body, &mac]).await?;
    holds(put == 1, &format!("{} is another's", credential.id))
}

fn conflict<T>(what: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Conflict(what.into()))
}

fn holds(condition: bool, what: &str) -> Result<(), StoreError> {
    if condition { Ok(()) } else { conflict(what) }
}

/// A node that answers, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The node.
    pub node: cordon_domain::NodeId,
    /// Where it answers: scheme, host and port.
    pub address: String,
    /// When it last said so.
    pub seen_at: Moment,
}

fn with_parts<T>(server: &Server, work: impl FnOnce(&[&[u8]]) -> T) -> T {
    let at = server.seen_at.0.to_be_bytes();
    work(&[b"servers/v1", &server.node.0, server.address.as_bytes(), &at])
}

/// Says that a node answers.
pub(crate) async fn put_server(session: &mut Session, keys: &Keyring, server: &Server) -> Result<(), StoreError> {
    let mac = with_parts(server, |parts| keys.rows().mac(parts));
    let put = "INSERT INTO servers VALUES (?1, ?2, ?3, ?4) ON CONFLICT (node) DO UPDATE
               SET address = excluded.address, seen_at = excluded.seen_at, mac = excluded.mac";
    session.execute(put, values![&server.node.0, server.address.as_str(), server.seen_at.0, &mac]).await.map(drop)
}

/// Says that a node answers no more.
pub(crate) async fn remove_server(session: &mut Session, node: cordon_domain::NodeId) -> Result<(), StoreError> {
    session.execute("DELETE FROM servers WHERE node = ?1", values![&node.0]).await.map(drop)
}

/// Reads which nodes have said since `since` that they answer.
pub(crate) async fn servers(session: &mut Session, keys: &Keyring, since: Moment) -> Result<Vec<Server>, StoreError> {
    let select = "SELECT node, address, seen_at, mac FROM servers WHERE seen_at >= ?1 ORDER BY node";
    let rows = session.query(select, values![since.0]).await?;
    let read = |row: &Row| {
        let node = cordon_domain::NodeId(row.array(0)?);
        let server = Server { node, address: row.text(1)?.to_owned(), seen_at: Moment(row.int(2)?) };
        with_parts(&server, |parts| keys.rows().check(parts, row.bytes(3)?, || format!("the address of {node}")))?;
        Ok(server)
    };
    rows.iter().map(read).collect()
}
