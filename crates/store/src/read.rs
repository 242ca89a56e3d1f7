//! Reading: a few sessions that only read, beside the writer.

use std::collections::HashMap;

use cordon_domain::{
    BucketId, Credential, CredentialId, GrantId, Moment, Payload, PrincipalId, Record, RequestId, VersionId,
};
use cordon_gate::Epoch;
use cordon_keys::KeyName;
use cordon_ledger::index::Token;
use cordon_ledger::payload;

use crate::error::StoreError;
use crate::identities::{self, Authenticator, Server};
use crate::keyring::Keyring;
use crate::limits::{READ_TRIES, SEARCH_EVENTS_MAX};
use crate::log::is_whole;
use crate::records::{self, Records};
use crate::rows::{ActiveKey, ObjectRow, ShreddedRow};
use crate::segment::{Field, SEGMENT_EVENTS, positions};
use crate::sql::{Database, Lease, Pool, Session, values};
use crate::state::{NOT_SHREDDED, active_key, epoch, object, setting};

/// The setting that says at which position the log begins; 0 when there is none.
pub(crate) const LOG_OFFSET: &str = "log.offset";

/// Reads the database. Copies share sessions.
#[derive(Clone)]
pub struct Reader(Pool);

/// What to search for. All that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Who acted.
    pub actor: Option<Token>,
    /// What was acted on.
    pub object: Option<Token>,
    /// What was done.
    pub action: Option<Token>,
    /// Not before.
    pub from: Option<Moment>,
    /// Before.
    pub until: Option<Moment>,
    /// From this position on.
    pub start: u64,
    /// At most so many; 0 means as many as a search returns.
    pub limit: usize,
}

/// How many data keys a level has, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wraps {
    /// Under the active version of their bucket key.
    pub current: u64,
    /// Under an older one.
    pub older: u64,
    /// Put back beside Cordon: shredded, or under a version that may unwrap no more. They open for nobody.
    pub locked: u64,
}

impl Reader {
    /// Reads a database, which exists.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] when sessions of the server cannot be kept.
    pub fn new(database: &Database) -> Result<Self, StoreError> {
        Ok(Self(Pool::new(database)?))
    }

    /// Reads the file at `path` over one session, which is already open.
    pub(crate) fn over(path: std::path::PathBuf, session: Session) -> Self {
        Self(Pool::over(path, session))
    }

    /// Returns entries from position `start` on, in order, without a gap.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] naming the first position that is missing or whose bytes were changed.
    pub async fn entries(&self, start: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let select = "SELECT position, entry, leaf FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2";
        let rows = self.session().await?.query(select, values![start, limit as u64]).await?;
        let mut entries: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
        for mut row in rows {
            let expected = start + entries.len() as u64;
            if row.count(0)? != expected {
                return Err(StoreError::Integrity(format!("event {expected} is missing from the database")));
            }
            let entry = row.take_bytes(1)?;
            if !is_whole(&entry, row.bytes(2)?) {
                return Err(StoreError::Integrity(format!("event {expected} was changed in the database")));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Returns what stands beside the event whose entry has this leaf hash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it is missing, or is not what the event states.
    pub async fn payload(&self, keys: &Keyring, leaf: [u8; 32], stated: &Payload) -> Result<Vec<u8>, StoreError> {
        let fault = |what: &str| StoreError::Integrity(format!("what stands beside the event {what}"));
        let select = "SELECT sealed FROM payloads WHERE leaf = ?1 AND length(sealed) = CAST(?2 AS BIGINT)";
        let length = payload::sealed_bytes(stated).ok_or_else(|| fault("is larger than it may be"))?;
        let row = self.session().await?.first(select, values![&leaf, length]).await?;
        let sealed = row.ok_or_else(|| fault("is missing, or its length was changed"))?.take_bytes(0)?;
        let version = payload::key_version(&sealed);
        let key = keys.event_keys()?.into_iter().find(|key| Some(key.version()) == version);
        let key = key.ok_or_else(|| fault("was changed, or its key is not here"))?;
        payload::open(stated, &sealed, &key).map_err(|_| fault("is not what it states"))
    }

    /// Returns positions and entries that a search finds, in order. Events that have no position yet, because no node has
    /// published since, are not found.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn search(&self, search: &Search) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let limit = if search.limit == 0 { SEARCH_EVENTS_MAX } else { search.limit.min(SEARCH_EVENTS_MAX) };
        let mut session = self.session().await?;
        let size = size(&mut session).await?;
        let mut found = Vec::new();
        let mut segment = search.start / SEGMENT_EVENTS;
        while found.len() < limit && segment * SEGMENT_EVENTS < size {
            let range = segment * SEGMENT_EVENTS..(segment + 1) * SEGMENT_EVENTS;
            let shared = if range.end > size { None } else { candidates(&mut session, search, segment).await? };
            match shared {
                Some(positions) => pick(&mut session, search, &positions, &mut found, limit).await?,
                None => scan(&mut session, search, range, &mut found, limit).await?,
            }
            segment += 1;
        }
        Ok(found)
    }

    /// Returns the number of events that have a position.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn size(&self) -> Result<u64, StoreError> {
        size(&mut *self.session().await?).await
    }

    /// Returns an object version; its row's MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the row was changed beside Cordon.
    pub async fn object(&self, keys: &Keyring, version: VersionId) -> Result<Option<ObjectRow>, StoreError> {
        object(&mut *self.session().await?, keys, version).await
    }

    /// Returns which versions of a key are in use; the row's MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the row was changed beside Cordon.
    pub async fn active_key(&self, keys: &Keyring, name: KeyName) -> Result<Option<ActiveKey>, StoreError> {
        active_key(&mut *self.session().await?, keys, name).await
    }

    /// Returns all keys in use.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when a row was changed beside Cordon.
    pub async fn active_keys(&self, keys: &Keyring) -> Result<Vec<ActiveKey>, StoreError> {
        let select = format!("SELECT {} FROM active_keys ORDER BY name", ActiveKey::COLUMNS);
        let rows = self.session().await?.query(&select, &[]).await?;
        rows.iter().map(|row| ActiveKey::read(row, keys.rows())).collect()
    }

    /// Counts data keys under a bucket key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn wraps(&self, active: &ActiveKey) -> Result<Wraps, StoreError> {
        let KeyName::Bucket(bucket, level) = active.name else { return Ok(Wraps::default()) };
        let count = format!(
            "SELECT count(*) FILTER (WHERE key_version >= ?4 AND {NOT_SHREDDED}),
                    count(*) FILTER (WHERE key_version >= ?3 AND key_version < ?4 AND {NOT_SHREDDED}),
                    count(*) FILTER (WHERE key_version < ?3 OR NOT ({NOT_SHREDDED}))
             FROM objects WHERE bucket = ?1 AND level = ?2"
        );
        let values = values![&bucket.0, level.number(), active.least, active.active];
        let row = self.session().await?.one(&count, values).await?;
        Ok(Wraps { current: row.count(0)?, older: row.count(1)?, locked: row.count(2)? })
    }

    /// Reads all rows of a bucket under key versions below `least`, and checks them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] for the first that was changed beside Cordon.
    pub async fn check_rows(&self, keys: &Keyring, bucket: BucketId, least: u32) -> Result<(), StoreError> {
        let select = format!("SELECT {} FROM objects WHERE bucket = ?1 AND key_version < ?2", ObjectRow::COLUMNS);
        let rows = self.session().await?.query(&select, values![&bucket.0, least]).await?;
        rows.into_iter().try_for_each(|row| ObjectRow::read(row, keys.rows()).map(drop))
    }

    /// Returns what is kept of a version whose shredding began.
    pub(crate) async fn shredded(&self, keys: &Keyring, version: VersionId) -> Result<Option<ShreddedRow>, StoreError> {
        let select = format!("SELECT {} FROM shredded WHERE version = ?1", ShreddedRow::COLUMNS);
        let row = self.session().await?.first(&select, values![&version.0]).await?;
        row.map(|row| ShreddedRow::read(&row, keys.rows())).transpose()
    }

    /// Returns when backups were made of what, oldest first.
    pub(crate) async fn backups(&self) -> Result<Vec<(Moment, String)>, StoreError> {
        let rows = self.session().await?.query("SELECT made_at, kind FROM backups ORDER BY made_at", &[]).await?;
        rows.iter().map(|row| Ok((Moment(row.int(0)?), row.text(1)?.to_owned()))).collect()
    }

    /// Returns the revocation epoch.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub async fn epoch(&self, keys: &Keyring) -> Result<Epoch, StoreError> {
        epoch(&mut *self.session().await?, keys).await
    }

    /// Returns all records that live, and the epoch at which they did.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when rows were removed or put back beside Cordon, or one was changed on which everything
    /// rests.
    pub async fn records(&self, keys: &Keyring) -> Result<(Records, Epoch), StoreError> {
        let mut session = self.session().await?;
        // Each change of records grows the epoch: between the two, none was made.
        for _ in 0..READ_TRIES {
            let before = epoch(&mut session, keys).await?;
            let records = records::all(&mut session, keys).await;
            if before == epoch(&mut session, keys).await? {
                return Ok((records?, before));
            }
        }
        Err(StoreError::Conflict("records change all the time: ask again".to_owned()))
    }

    /// Returns the records that lived at a moment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn records_as_of(&self, keys: &Keyring, at: Moment) -> Result<Records, StoreError> {
        records::as_of(&mut *self.session().await?, keys, at).await
    }

    /// Returns the records that a request ended, and those that it began, whatever became of them since.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when one was changed beside Cordon.
    pub async fn records_changed_by(
        &self,
        keys: &Keyring,
        request: RequestId,
    ) -> Result<(Vec<Record>, Vec<Record>), StoreError> {
        records::changed_by(&mut *self.session().await?, keys, request).await
    }

    /// Returns all sealed names of people.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn names(&self) -> Result<Vec<(PrincipalId, Vec<u8>)>, StoreError> {
        let mut rows = self.session().await?.query("SELECT principal, sealed FROM names", &[]).await?;
        rows.iter_mut().map(|row| Ok((PrincipalId(row.array(0)?), row.take_bytes(1)?))).collect()
    }

    /// Returns who goes by a name, by the token of the name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn named(&self, token: &[u8; 32]) -> Result<Option<PrincipalId>, StoreError> {
        let select = "SELECT principal FROM names WHERE token = ?1";
        let row = self.session().await?.first(select, values![token]).await?;
        Ok(row.map(|row| row.array(0)).transpose()?.map(PrincipalId))
    }

    /// Returns the sealed name of a person.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn name_of(&self, principal: PrincipalId) -> Result<Option<Vec<u8>>, StoreError> {
        let select = "SELECT sealed FROM names WHERE principal = ?1";
        let row = self.session().await?.first(select, values![&principal.0]).await?;
        Ok(row.map(|mut row| row.take_bytes(0)).transpose()?)
    }

    /// Returns the ways to sign in of a person; none when they were erased.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when one was changed beside Cordon.
    pub async fn authenticators(
        &self,
        keys: &Keyring,
        principal: PrincipalId,
    ) -> Result<Vec<Authenticator>, StoreError> {
        identities::authenticators(&mut *self.session().await?, keys, principal).await
    }

    /// Returns one way to sign in.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub async fn authenticator(&self, keys: &Keyring, id: CredentialId) -> Result<Option<Authenticator>, StoreError> {
        identities::authenticator(&mut *self.session().await?, keys, id).await
    }

    /// Returns credentials of a principal whose time has not ended, revoked ones among them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when one was changed beside Cordon.
    pub async fn credentials(
        &self,
        keys: &Keyring,
        principal: PrincipalId,
        at: Moment,
    ) -> Result<Vec<Credential>, StoreError> {
        identities::credentials(&mut *self.session().await?, keys, principal, at).await
    }

    /// Returns one credential.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub async fn credential(&self, keys: &Keyring, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        identities::credential(&mut *self.session().await?, keys, id).await
    }

    /// Returns which nodes have said since `since` that they answer.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when an address was changed beside Cordon.
    pub async fn servers(&self, keys: &Keyring, since: Moment) -> Result<Vec<Server>, StoreError> {
        identities::servers(&mut *self.session().await?, keys, since).await
    }

    /// Returns when grants were last used.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn grant_uses(&self) -> Result<HashMap<GrantId, Moment>, StoreError> {
        let rows = self.session().await?.query("SELECT grant_id, last_at FROM grant_uses", &[]).await?;
        rows.iter().map(|row| Ok((GrantId(row.array(0)?), Moment(row.int(1)?)))).collect()
    }

    /// Reads a setting; its MAC is checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub async fn setting(&self, keys: &Keyring, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        setting(&mut *self.session().await?, keys, name).await
    }

    /// Returns the position of the event that is the first entry of the log.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when the setting was changed beside Cordon.
    pub async fn log_offset(&self, keys: &Keyring) -> Result<u64, StoreError> {
        let Some(value) = self.setting(keys, LOG_OFFSET).await? else { return Ok(0) };
        let bytes = value.try_into().map_err(|_| StoreError::Integrity(format!("`{LOG_OFFSET}` cannot be read")))?;
        Ok(u64::from_be_bytes(bytes))
    }

    pub(crate) async fn session(&self) -> Result<Lease, StoreError> {
        self.0.get().await
    }
}

type Found = Vec<(u64, Vec<u8>)>;

/// The number of events that have a position.
pub(crate) async fn size(session: &mut Session) -> Result<u64, StoreError> {
    Ok(session.one("SELECT coalesce(max(position) + 1, 0) FROM events", &[]).await?.count(0)?)
}

/// The positions in a full segment that all given tokens share; `None` when no token is given and all are candidates.
async fn candidates(session: &mut Session, search: &Search, segment: u64) -> Result<Option<Vec<u64>>, StoreError> {
    let times = session.one("SELECT first_at, last_at FROM segments WHERE segment = ?1", values![segment]).await?;
    let (first, last) = (times.int(0)?, times.int(1)?);
    let too_late = search.until.is_some_and(|until| first >= until.0);
    if too_late || search.from.is_some_and(|from| last < from.0) {
        return Ok(Some(Vec::new()));
    }
    let tokens = [(Field::Object, search.object), (Field::Actor, search.actor), (Field::Action, search.action)];
    let mut shared: Option<Vec<u64>> = None;
    for (field, token) in tokens.into_iter().filter_map(|(field, token)| Some((field, token?))) {
        let with_token = positions(session, segment, field, token).await?;
        shared = Some(match shared {
            Some(mut shared) => {
                shared.retain(|position| with_token.binary_search(position).is_ok());
                shared
            }
            None => with_token,
        });
    }
    Ok(shared)
}

async fn pick(
    session: &mut Session,
    search: &Search,
    positions: &[u64],
    found: &mut Found,
    limit: usize,
) -> Result<(), StoreError> {
    for &position in positions.iter().filter(|&&position| position >= search.start) {
        if found.len() == limit {
            break;
        }
        let mut row = session.one("SELECT entry, at FROM events WHERE position = ?1", values![position]).await?;
        let at = row.int(1)?;
        if search.from.is_none_or(|from| at >= from.0) && search.until.is_none_or(|until| at < until.0) {
            found.push((position, row.take_bytes(0)?));
        }
    }
    Ok(())
}

/// Finds by columns: among the events behind the last full segment, or where only a time is given.
async fn scan(
    session: &mut Session,
    search: &Search,
    range: std::ops::Range<u64>,
    found: &mut Found,
    limit: usize,
) -> Result<(), StoreError> {
    let select = "SELECT position, entry FROM events WHERE position >= ?1 AND position < ?2
                  AND (CAST(?3 AS BIGINT) IS NULL OR actor = ?3) AND (CAST(?4 AS BIGINT) IS NULL OR object = ?4)
                  AND (CAST(?5 AS BIGINT) IS NULL OR action = ?5) AND (CAST(?6 AS BIGINT) IS NULL OR at >= ?6)
                  AND (CAST(?7 AS BIGINT) IS NULL OR at < ?7) ORDER BY position LIMIT ?8";
    let time = |moment: Option<Moment>| moment.map(|moment| moment.0);
    let values = values![
        range.start.max(search.start),
        range.end,
        search.actor,
        search.object,
        search.action,
        time(search.from),
        time(search.until),
        (limit - found.len()) as u64
    ];
    for mut row in session.query(select, values).await? {
        found.push((row.count(0)?, row.take_bytes(1)?));
    }
    Ok(())
}
