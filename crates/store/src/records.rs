//! Records in the database: who is there, who may do what, what was asked, what the levels demand, the policies.
//!
//! A row lives from the event that began it to the one that ended it; what is ended stays, to answer for the past. Each has
//! a MAC; a row that was changed locks what it is about. Of all rows that live a second hash of the MAC, which stands
//! nowhere, is kept added up (XOR) in a setting with a MAC of its own, for one epoch: a row that was removed, or put back,
//! beside Cordon is noticed, also when the setting was put back with it, and then nothing is decided any more.

use cordon_domain::id::ID_BYTES;
use cordon_domain::{Bucket, BucketId, DeviceId, Moment, Record, RecordKey, RequestId, Roster};
use cordon_gate::Epoch;

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::rows::{MAC_BYTES, Stamp, encoded};
use crate::sql::{Row, Session, values};
use crate::state::{epoch, put_setting, setting};

/// The setting that adds up the MACs of rows that live.
const SUM: &str = "records.sum";

/// A row of a record.
#[derive(Clone, Debug)]
pub(crate) struct RecordRow {
    key: RecordKey,
    body: Vec<u8>,
    began: RequestId,
    began_at: Moment,
    ended: Option<(RequestId, Moment)>,
    mac: [u8; MAC_BYTES],
}

const COLUMNS: &str = "key, body, began, began_at, ended, ended_at, mac";

impl RecordRow {
    fn begin(key: RecordKey, body: Vec<u8>, stamp: Stamp, keys: &Keyring) -> Self {
        let row = Self { key, body, began: stamp.request, began_at: stamp.at, ended: None, mac: [0; MAC_BYTES] };
        Self { mac: row.with_parts(|parts| keys.rows().mac(parts)), ..row }
    }

    fn end(&self, stamp: Stamp, keys: &Keyring) -> Self {
        let row = Self { ended: Some((stamp.request, stamp.at)), ..self.clone() };
        Self { mac: row.with_parts(|parts| keys.rows().mac(parts)), ..row }
    }

    /// What the MAC is of.
    fn with_parts<T>(&self, work: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (key, at, ended) = (encoded(&self.key), self.began_at.0.to_be_bytes(), encoded(&self.ended));
        work(&[b"records/v1", &key, &self.body, &self.began.0, &at, &ended])
    }

    /// Reads a row as it stands; whether it is whole is another question.
    fn read(row: &Row) -> Result<Self, StoreError> {
        let key = minicbor::decode(row.bytes(0)?)
            .map_err(|_| StoreError::Integrity("a record has no name that can be read".to_owned()))?;
        let ended = match row.maybe_int(5)? {
            Some(at) => Some((RequestId(row.array::<ID_BYTES>(4)?), Moment(at))),
            None => None,
        };
        Ok(Self {
            key,
            body: row.bytes(1)?.to_vec(),
            began: RequestId(row.array::<ID_BYTES>(2)?),
            began_at: Moment(row.int(3)?),
            ended,
            mac: row.array::<MAC_BYTES>(6)?,
        })
    }

    /// The record, if the row is whole.
    pub(crate) fn record(&self, keys: &Keyring) -> Result<Record, StoreError> {
        self.with_parts(|parts| keys.rows().check(parts, &self.mac, || self.key.to_string()))?;
        let record: Record = minicbor::decode(&self.body)
            .map_err(|_| StoreError::Integrity(format!("the record {} cannot be read", self.key)))?;
        match record.key() == self.key {
            true => Ok(record),
            false => Err(StoreError::Integrity(format!("the record {} is another's", self.key))),
        }
    }
}

/// What was read of all records.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Those that are whole.
    pub roster: Roster,
    /// Those that are locked: their rows were changed beside Cordon.
    pub locked: Vec<RecordKey>,
}

/// Reads the row of a record that lives.
pub(crate) async fn live(session: &mut Session, key: &RecordKey) -> Result<Option<RecordRow>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM records WHERE key = ?1 AND ended_at IS NULL");
    let row = session.first(&select, values![&encoded(key)]).await?;
    row.map(|row| RecordRow::read(&row)).transpose()
}

/// Reads a record that lives.
pub(crate) async fn record(
    session: &mut Session,
    keys: &Keyring,
    key: &RecordKey,
) -> Result<Option<Record>, StoreError> {
    live(session, key).await?.map(|row| row.record(keys)).transpose()
}

/// Reads all records that live.
///
/// # Errors
///
/// [`StoreError::Integrity`] when rows were removed or put back, or one was changed that everything rests on.
pub(crate) async fn all(session: &mut Session, keys: &Keyring) -> Result<Records, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM records WHERE ended_at IS NULL");
    let mut records = Records::default();
    let mut sum = [0; MAC_BYTES];
    for row in session.query(&select, &[]).await? {
        let row = RecordRow::read(&row)?;
        add(&mut sum, &hidden(keys, &row.mac));
        match row.record(keys) {
            Ok(record) => records.roster.put(record),
            // Without these, others would be able to do more.
            Err(error)
                if matches!(
                    row.key,
                    RecordKey::Levels
                        | RecordKey::Policies
                        | RecordKey::Closed(_)
                        | RecordKey::Credential(_)
                        | RecordKey::Embargo(_)
                        | RecordKey::Codename(_)
                ) =>
            {
                return Err(error);
            }
            Err(_) => records.locked.push(row.key),
        }
    }
    let now = epoch(session, keys).await?;
    if sum != kept_sum(session, keys, now).await? {
        let what = "records were removed from the database, or put back, beside Cordon: nothing is decided on them";
        return Err(StoreError::Integrity(what.to_owned()));
    }
    Ok(records)
}

/// Reads the records that lived at a moment, whole or not.
pub(crate) async fn as_of(session: &mut Session, keys: &Keyring, at: Moment) -> Result<Records, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM records WHERE began_at <= ?1 AND (ended_at IS NULL OR ended_at > ?1)");
    let mut records = Records::default();
    for row in session.query(&select, values![at.0]).await? {
        let row = RecordRow::read(&row)?;
        match row.record(keys) {
            Ok(record) => records.roster.put(record),
            Err(_) => records.locked.push(row.key),
        }
    }
    Ok(records)
}

/// Reads what a request changed: the records that it ended, and those that it began.
pub(crate) async fn changed_by(
    session: &mut Session,
    keys: &Keyring,
    request: RequestId,
) -> Result<(Vec<Record>, Vec<Record>), StoreError> {
    let select = format!("SELECT {COLUMNS} FROM records WHERE began = ?1 OR ended = ?1");
    let (mut ended, mut began) = (Vec::new(), Vec::new());
    for row in session.query(&select, values![&request.0]).await? {
        let row = RecordRow::read(&row)?;
        let side = if row.began == request { &mut began } else { &mut ended };
        side.push(row.record(keys)?);
    }
    Ok((ended, began))
}

/// Begins a record, or ends the one of its name and begins another. The caller has checked that it may.
pub(crate) async fn put(
    session: &mut Session,
    keys: &Keyring,
    stamp: Stamp,
    record: &Record,
) -> Result<(), StoreError> {
    let key = record.key();
    if live(session, &key).await?.is_some() {
        end(session, keys, stamp, &key).await?;
    }
    let row = RecordRow::begin(key, encoded(record), stamp, keys);
    let insert = "INSERT INTO records (key, body, began, began_at, mac) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (key, began) = (encoded(&row.key), row.began.0);
    session.execute(insert, values![&key, &row.body, &began, row.began_at.0, &row.mac]).await?;
    add_to_sum(session, keys, &row.mac).await
}

/// Ends a record that lives.
pub(crate) async fn end(
    session: &mut Session,
    keys: &Keyring,
    stamp: Stamp,
    key: &RecordKey,
) -> Result<(), StoreError> {
    let row = live(session, key).await?.ok_or_else(|| StoreError::Conflict(format!("there is no {key}")))?;
    // A row that was changed must not become whole by ending.
    row.record(keys)?;
    let ended = row.end(stamp, keys);
    let update = "UPDATE records SET ended = ?2, ended_at = ?3, mac = ?4 WHERE key = ?1 AND ended_at IS NULL";
    if session.execute(update, values![&encoded(key), &stamp.request.0, stamp.at.0, &ended.mac]).await? != 1 {
        return Err(StoreError::Conflict(format!("{key} was ended meanwhile")));
    }
    add_to_sum(session, keys, &row.mac).await
}

/// Tells whether a device had a key, now or ever.
pub(crate) async fn devices_with(session: &mut Session, keys: &Keyring, key: &[u8; 32]) -> Result<bool, StoreError> {
    // The encoded names of devices lie between those of the least and of the last.
    let [least, last] = [0, 0xff].map(|byte| encoded(&RecordKey::Device(DeviceId([byte; ID_BYTES]))));
    let select = format!("SELECT {COLUMNS} FROM records WHERE key BETWEEN ?1 AND ?2");
    for row in session.query(&select, values![&least, &last]).await? {
        if matches!(RecordRow::read(&row)?.record(keys)?, Record::Device(device) if device.key == *key) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads the buckets that are there.
pub(crate) async fn buckets(session: &mut Session, keys: &Keyring) -> Result<Vec<Bucket>, StoreError> {
    let [least, last] = [0, 0xff].map(|byte| encoded(&RecordKey::Bucket(BucketId([byte; ID_BYTES]))));
    let select = format!("SELECT {COLUMNS} FROM records WHERE key BETWEEN ?1 AND ?2 AND ended_at IS NULL");
    let mut buckets = Vec::new();
    for row in session.query(&select, values![&least, &last]).await? {
        if let Record::Bucket(bucket) = RecordRow::read(&row)?.record(keys)? {
            buckets.push(*bucket);
        }
    }
    Ok(buckets)
}

/// The moment of a change of records: never before that of an earlier one, so that what was is told by moments alone.
pub(crate) async fn moment(session: &mut Session, at: Moment) -> Result<Moment, StoreError> {
    let select = "SELECT coalesce(max(began_at), ?1), coalesce(max(ended_at), ?1) FROM records";
    let last = session.one(select, values![i64::MIN]).await?;
    Ok(Moment(at.0.max(last.int(0)?).max(last.int(1)?)))
}

/// Writes into the rows of a change which entry of the log it is.
pub(crate) async fn place(
    session: &mut Session,
    request: RequestId,
    leaf: &[u8; 32],
    position: Option<u64>,
) -> Result<(), StoreError> {
    let position = position.map(|position| position as i64);
    for place in ["began", "ended"] {
        let update = format!("UPDATE records SET {place}_leaf = ?2, {place}_position = ?3 WHERE {place} = ?1");
        session.execute(&update, values![&request.0, leaf, position]).await?;
    }
    Ok(())
}

fn add(sum: &mut [u8; MAC_BYTES], mac: &[u8; MAC_BYTES]) {
    sum.iter_mut().zip(mac).for_each(|(own, other)| *own ^= other);
}

/// What is added up of a row: nobody who reads the database knows it.
fn hidden(keys: &Keyring, mac: &[u8; MAC_BYTES]) -> [u8; MAC_BYTES] {
    keys.rows().mac(&[b"records-sum/v1", mac])
}

/// The sum is kept with the epoch at which it held.
async fn kept_sum(session: &mut Session, keys: &Keyring, now: Epoch) -> Result<[u8; MAC_BYTES], StoreError> {
    let Some(kept) = setting(session, keys, SUM).await? else { return Ok([0; MAC_BYTES]) };
    let sum = kept.split_last_chunk::<8>().filter(|(_, epoch)| u64::from_be_bytes(**epoch) == now.0);
    let sum = sum.and_then(|(sum, _)| sum.try_into().ok());
    sum.ok_or_else(|| StoreError::Integrity(format!("the setting `{SUM}` was put back: it is of another epoch")))
}

async fn put_sum(session: &mut Session, keys: &Keyring, sum: [u8; MAC_BYTES], at: Epoch) -> Result<(), StoreError> {
    put_setting(session, keys, SUM, &[sum.as_slice(), &at.0.to_be_bytes()].concat()).await
}

/// Adds a row that begins; of one that ends, takes it out again.
async fn add_to_sum(session: &mut Session, keys: &Keyring, mac: &[u8; MAC_BYTES]) -> Result<(), StoreError> {
    let now = epoch(session, keys).await?;
    let mut sum = kept_sum(session, keys, now).await?;
    add(&mut sum, &hidden(keys, mac));
    put_sum(session, keys, sum, now).await
}

/// Carries the sum over to the next epoch.
pub(crate) async fn carry_sum(
    session: &mut Session,
    keys: &Keyring,
    now: Epoch,
    next: Epoch,
) -> Result<(), StoreError> {
    let sum = kept_sum(session, keys, now).await?;
    put_sum(session, keys, sum, next).await
}
