//! What was read of late, for whom, of which level: what the limits of reading are compared with.
//!
//! It is counted in the transaction that records the read. What is counted stands in the database; the writer keeps the
//! sums of those who read of late, and reads them anew where another node has counted since. The row that heads a
//! reader's counts carries their sums and a MAC.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cordon_domain::egress::{AtLimit, UNLIMITED, lasting};
use cordon_domain::{Charge, Egress, Level, Moment, Payer, VersionId, Window};
use cordon_gate::{JournalError, Left, Toll};

use crate::error::StoreError;
use crate::keyring::Keyring;
use crate::limits::{EGRESS_KNOWN_MAX, EGRESS_KNOWN_ROWS_MAX, LEVEL_COUNT_MS, STEP_UP_AGE_S};
use crate::rows::RowKey;
use crate::sql::{Session, values};

const WINDOWS: usize = Window::ALL.len();
const MINUTE_MS: i64 = Window::Minute.ms();

/// Whose counts, and of which level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name(Vec<u8>);

impl Name {
    fn of(payer: &Payer, level: Level) -> Self {
        let (kind, id): (u8, &[u8]) = match payer {
            Payer::Principal(id) => (0, &id.0),
            Payer::Vendor(id) => (1, &id.0),
            Payer::Project(project) => (2, project.as_str().as_bytes()),
            // These are of no level: what is read by an allowance counts together, and a file that is raised has no budget anew.
            Payer::Weights(id, version) => return Self([&[4, 0], id.0.as_slice(), &version.0].concat()),
            Payer::VendorWeights(id, version) => return Self([&[5, 0], id.0.as_slice(), &version.0].concat()),
            Payer::Allowance(id) => return Self([&[3, 0], id.0.as_slice()].concat()),
        };
        Self([&[kind, level as u8], id].concat())
    }
}

/// Amounts by time, and their sums over each window up to now.
#[derive(Clone, Debug)]
struct Sums {
    by_time: BTreeMap<i64, u64>,
    /// What lies after an edge is within its window.
    edges: [i64; WINDOWS],
    sums: [u64; WINDOWS],
}

impl Sums {
    const fn new() -> Self {
        Self { by_time: BTreeMap::new(), edges: [i64::MIN; WINDOWS], sums: [0; WINDOWS] }
    }

    /// Moves the windows on. A clock that goes back moves none.
    fn advance(&mut self, now: i64) {
        for ((window, edge), sum) in Window::ALL.iter().zip(&mut self.edges).zip(&mut self.sums) {
            let next = now.saturating_sub(window.ms());
            if next > *edge {
                let left: u64 = self.by_time.range(edge.saturating_add(1)..=next).map(|(_, amount)| amount).sum();
                *sum = sum.saturating_sub(left);
                *edge = next;
            }
        }
        let oldest = self.edges.iter().copied().min().unwrap_or(i64::MIN);
        self.by_time = self.by_time.split_off(&oldest.saturating_add(1));
    }

    fn add(&mut self, at: i64, amount: u64) {
        let there = self.by_time.entry(at).or_default();
        *there = there.saturating_add(amount);
        for (edge, sum) in self.edges.iter().zip(&mut self.sums) {
            *sum = if at > *edge { sum.saturating_add(amount) } else { *sum };
        }
    }

    fn take_away(&mut self, at: i64, amount: u64) {
        let Some(there) = self.by_time.get_mut(&at) else { return };
        let amount = amount.min(*there);
        *there -= amount;
        if *there == 0 {
            self.by_time.remove(&at);
        }
        for (edge, sum) in self.edges.iter().zip(&mut self.sums) {
            *sum = if at > *edge { sum.saturating_sub(amount) } else { *sum };
        }
    }
}

/// How often the counts of a reader were written down, by any node, and a keyed sum over all their rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    changes: u64,
    sum: u128,
}

/// A row of counts, as it goes into the sum.
#[derive(Clone, Copy)]
enum Counted {
    Object(VersionId, i64),
    Minute(i64, u64),
}

impl Counted {
    /// Its part of the sum: whoever adds it twice takes it away.
    fn part(self, key: &RowKey, name: &Name) -> u128 {
        let (kind, id, value) = match self {
            Self::Object(version, at) => (0, u128::from_be_bytes(version.0), at as u64),
            Self::Minute(at, bytes) => (1, at as u128, bytes),
        };
        let mac = key.mac(&[b"egress-row/v1", &name.0, &[kind], &id.to_be_bytes(), &value.to_be_bytes()]);
        mac.first_chunk().map_or(0, |first| u128::from_be_bytes(*first))
    }
}

/// What the parts of a sum are made with: a key, and whose counts they are.
#[derive(Clone, Copy)]
struct Seal<'a>(&'a RowKey, &'a Name);

/// What one reader read of one level.
#[derive(Clone, Debug)]
struct Known {
    /// When it was read from the database: what lies before all windows is left out then.
    read_at: i64,
    /// What the row says that heads it.
    head: Head,
    /// When each object was read last.
    read: HashMap<VersionId, i64>,
    /// Those that one read alone has taken.
    first: HashSet<VersionId>,
    objects: Sums,
    /// Bytes, by the minute in which they left.
    bytes: Sums,
    changed_objects: BTreeSet<VersionId>,
    changed_minutes: BTreeSet<i64>,
    /// Rows went when it was read.
    is_shorter: bool,
    /// The latest moment that was counted: a clock that goes back opens no window.
    latest: i64,
}

/// The counts of all who read of late.
#[derive(Default)]
pub(crate) struct Counts {
    known: HashMap<Name, Known>,
    /// At least as many as the rows that these have.
    rows: usize,
    /// Those that the transaction at hand counts for.
    open: BTreeSet<Name>,
    /// How many objects of a level there are, and when that was counted.
    all: HashMap<Level, (Moment, u64)>,
}

impl Known {
    fn new(read_at: i64) -> Self {
        Self {
            read_at,
            head: Head::default(),
            read: HashMap::new(),
            first: HashSet::new(),
            objects: Sums::new(),
            bytes: Sums::new(),
            changed_objects: BTreeSet::new(),
            changed_minutes: BTreeSet::new(),
            is_shorter: false,
            latest: i64::MIN,
        }
    }

    /// Moves the windows on. Returns what moment it counts as.
    fn advance(&mut self, now: i64) -> i64 {
        self.latest = self.latest.max(now);
        self.objects.advance(self.latest);
        // A minute counts until all of it is past.
        self.bytes.advance(self.latest.saturating_sub(MINUTE_MS));
        self.latest
    }

    /// Tells whether an object was not read over a window.
    fn is_new(&self, version: VersionId, window: usize) -> bool {
        let edge = self.objects.edges.get(window).copied().unwrap_or(i64::MIN);
        self.read.get(&version).is_none_or(|at| *at <= edge)
    }

    fn turn(&mut self, seal: Seal<'_>, row: Counted) {
        self.head.sum ^= row.part(seal.0, seal.1);
    }

    /// Makes the bytes of a minute others, and says so in the sum.
    fn change_minute(&mut self, seal: Seal<'_>, at: i64, change: impl FnOnce(&mut Sums)) {
        let of = |sums: &Sums| sums.by_time.get(&at).copied();
        if let Some(bytes) = of(&self.bytes) {
            self.turn(seal, Counted::Minute(at, bytes));
        }
        change(&mut self.bytes);
        if let Some(bytes) = of(&self.bytes) {
            self.turn(seal, Counted::Minute(at, bytes));
        }
        self.changed_minutes.insert(at);
    }

    fn take(&mut self, seal: Seal<'_>, charge: &Charge, limits: &Egress) {
        let (at, version) = (self.latest, charge.version);
        if limits.limits_objects() {
            match self.read.insert(version, at) {
                Some(before) => {
                    self.objects.take_away(before, 1);
                    self.turn(seal, Counted::Object(version, before));
                    self.first.remove(&version);
                }
                None => drop(self.first.insert(version)),
            }
            self.objects.add(at, 1);
            self.turn(seal, Counted::Object(version, at));
            self.changed_objects.insert(version);
        }
        self.change_minute(seal, minute(at), |bytes| bytes.add(minute(at), charge.bytes));
    }

    fn give_back(&mut self, seal: Seal<'_>, charge: &Charge, left: Left) {
        let version = charge.version;
        // What nobody has read before nor since was not read.
        if left == Left::Nothing
            && self.first.remove(&version)
            && let Some(at) = self.read.remove(&version)
        {
            self.objects.take_away(at, 1);
            self.turn(seal, Counted::Object(version, at));
            self.changed_objects.insert(version);
        }
        let at = minute(charge.at.0);
        if charge.bytes > 0 && self.bytes.by_time.contains_key(&at) {
            self.change_minute(seal, at, |bytes| {
                bytes.take_away(at, charge.bytes);
            });
        }
    }
}

const fn minute(at: i64) -> i64 {
    at - at.rem_euclid(MINUTE_MS)
}

/// How long it takes to read what does not fit at once: of weights, all of the file.
fn slowly(limits: &Egress, charge: &Charge) -> String {
    let (all, how) = match charge.weights {
        Some(bytes) => (bytes, "at this rate"),
        None => (charge.bytes.saturating_add(charge.ahead), "in ranges,"),
    };
    format!("; {how} all {all} bytes of it take {}", lasting(limits.pace_ms(all)))
}

/// Why no more may leave, if so: the limit that it goes over, or half of which is used when the sign-in is not fresh.
fn over(known: &Known, charge: &Charge, (payer, limits): &(Payer, Egress), all: u64) -> Option<JournalError> {
    let share = limits.share_of(all);
    let allowance = match payer {
        Payer::Allowance(id) => Some(id),
        _ => None,
    };
    let of_weights = matches!(payer, Payer::Weights(..) | Payer::VendorWeights(..));
    // An allowance was thought about by two people; and what is observed is the limit, not the way to it.
    let refuses = charge.at_limit == AtLimit::Refuse;
    let step_up = allowance.is_none() && refuses && charge.proved_age_s.is_some_and(|age| age > STEP_UP_AGE_S);
    let mut fresher = None;
    for (place, window) in Window::ALL.into_iter().enumerate() {
        let of = |all: &[u64; WINDOWS]| all.get(place).copied().unwrap_or(0);
        let limit = of(&limits.objects);
        let limit = if window == Window::Month { limit.min(share) } else { limit };
        let bytes_max = of(&limits.bytes);
        // What was read already is no further object.
        let objects = if known.is_new(charge.version, place) { of(&known.objects.sums) + 1 } else { 0 };
        let now = of(&known.bytes.sums).saturating_add(charge.bytes);
        let bytes = if charge.bytes == 0 { 0 } else { now.saturating_add(charge.ahead) };
        for (used, limit, what) in [(objects, limit, "objects"), (bytes, bytes_max, "bytes of objects")] {
            let allowed = || match of_weights {
                true => format!("{limit} bytes of this file of weights {}", window.as_str()),
                false => format!("{limit} {what} that are {} {}", charge.level, window.as_str()),
            };
            if let Some(id) = allowance.filter(|_| used > limit) {
                let missing = format!("room in the allowance {id}: it is for {limit} bytes, and they are used");
                return Some(JournalError::Limit { missing, ask: Some("an owner of the bucket".to_owned()) });
            }
            if used > limit {
                let fits = used == bytes && now <= limit;
                let all = if of_weights || fits { slowly(limits, charge) } else { String::new() };
                let missing = format!("room in what may leave: {} may read {}{all}", payer.as_str(), allowed());
                let ask = if of_weights { "an owner of the bucket, for an allowance" } else { "the security team" };
                return Some(JournalError::Limit { missing, ask: Some(ask.to_owned()) });
            }
            if step_up && used > limit / 2 && limit < UNLIMITED {
                let missing = format!(
                    "a sign-in not older than {STEP_UP_AGE_S} seconds (`cordon login`): half is used of what {} may read, {}",
                    payer.as_str(),
                    allowed()
                );
                fresher = fresher.or(Some(JournalError::Limit { missing, ask: None }));
            }
        }
    }
    fresher
}

impl Head {
    fn mac(self, key: &RowKey, name: &Name) -> Vec<u8> {
        key.mac(&[b"egress/v1", &name.0, &self.changes.to_be_bytes(), &self.sum.to_be_bytes()]).to_vec()
    }

    async fn put(self, session: &mut Session, keys: &Keyring, name: &Name) -> Result<(), StoreError> {
        let put = "INSERT INTO egress_heads VALUES (?1, ?2, ?3, ?4) ON CONFLICT (payer) DO UPDATE
                   SET changes = excluded.changes, sum = excluded.sum, mac = excluded.mac";
        let (sum, mac) = (self.sum.to_be_bytes(), self.mac(keys.rows(), name));
        session.execute(put, values![&name.0, self.changes, &sum, &mac]).await.map(drop)
    }
}

impl Counts {
    /// Reads what the tolls of a batch are counted against, in the order of their names, so that nodes that count for the
    /// same do not wait for each other.
    pub(crate) async fn begin<'a>(
        &mut self,
        session: &mut Session,
        keys: &Keyring,
        tolls: impl Iterator<Item = &'a Toll>,
    ) -> Result<(), StoreError> {
        let mut latest = Moment(i64::MIN);
        for toll in tolls {
            let charge = toll.charge();
            latest = latest.max(charge.at);
            self.open.extend(charge.payers.iter().map(|(payer, _)| Name::of(payer, charge.level)));
            let shared = charge.payers.iter().any(|(_, limits)| limits.share_percent < 100);
            if shared && matches!(toll, Toll::Take(_)) {
                self.count_all(session, charge).await?;
            }
        }
        // Those that are counted for now stay.
        if self.known.len() > EGRESS_KNOWN_MAX || self.rows > EGRESS_KNOWN_ROWS_MAX {
            self.known.retain(|name, _| self.open.contains(name));
            self.rows = self.known.values().map(|known| known.read.len() + known.bytes.by_time.len()).sum();
        }
        for name in self.open.clone() {
            match self.read(session, keys, &name, latest).await {
                // Whoever it is of reads nothing; others do.
                Err(error) if error.is_integrity() => {
                    self.known.remove(&name);
                    self.open.remove(&name);
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn count_all(&mut self, session: &mut Session, charge: &Charge) -> Result<(), StoreError> {
        let counted = self.all.get(&charge.level);
        if counted.is_some_and(|(at, _)| charge.at.since_ms(*at).abs() < LEVEL_COUNT_MS) {
            return Ok(());
        }
        let count = "SELECT count(*) FROM objects WHERE level = ?1";
        let all = session.one(count, values![charge.level as u8]).await?.count(0)?;
        self.all.insert(charge.level, (charge.at, all));
        Ok(())
    }

    /// Reads the counts of one, where they are not known or another node has counted since.
    async fn read(
        &mut self,
        session: &mut Session,
        keys: &Keyring,
        name: &Name,
        now: Moment,
    ) -> Result<(), StoreError> {
        let head = head(session, keys, name).await?;
        let known = self.known.get(name);
        if known.is_some_and(|known| head.changes < known.head.changes) {
            return Err(changed_beside());
        }
        let is_fresh = |known: &Known| now.0.saturating_sub(known.read_at) < Window::Day.ms();
        if known.is_some_and(|known| known.head.changes == head.changes && is_fresh(known)) {
            return Ok(());
        }
        let mut known = Known { head, ..Known::new(now.0) };
        let seal = Seal(keys.rows(), name);
        known.fill(session, seal).await?;
        known.forget(session, seal, now).await?;
        self.rows += known.read.len() + known.bytes.by_time.len();
        self.known.insert(name.clone(), known);
        Ok(())
    }

    /// Takes a toll, or says why not: then nothing is taken.
    pub(crate) fn pay(&mut self, key: &RowKey, toll: &Toll) -> Result<(), JournalError> {
        let charge = toll.charge();
        let all = self.all.get(&charge.level).map_or(0, |(_, all)| *all);
        let names = charge.payers.iter().map(|payer| (Name::of(&payer.0, charge.level), payer));
        for (name, payer) in names.clone() {
            let known = self.known.get_mut(&name).ok_or_else(|| JournalError::from(changed_beside()))?;
            known.advance(charge.at.0);
            let refuses = matches!(toll, Toll::Take(_)) && charge.at_limit != AtLimit::Count;
            if let (true, Some(over)) = (refuses, over(known, charge, payer, all)) {
                return Err(over);
            }
        }
        for (name, payer) in names {
            let seal = Seal(key, &name);
            match (toll, self.known.get_mut(&name)) {
                (Toll::Take(_), Some(known)) => {
                    known.take(seal, charge, &payer.1);
                    // An object, and a minute.
                    self.rows += 2;
                }
                (Toll::GiveBack(_, left), Some(known)) => known.give_back(seal, charge, *left),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Writes down what the transaction at hand counted.
    pub(crate) async fn put(&mut self, session: &mut Session, keys: &Keyring) -> Result<(), StoreError> {
        for name in std::mem::take(&mut self.open) {
            if let Some(known) = self.known.get_mut(&name) {
                known.put(session, keys, &name).await?;
            }
        }
        Ok(())
    }
}

/// Reads the row that heads the counts of one; keeps other nodes from it until the transaction ends.
async fn head(session: &mut Session, keys: &Keyring, name: &Name) -> Result<Head, StoreError> {
    let select = "SELECT changes, sum, mac FROM egress_heads WHERE payer = ?1";
    let row = if session.is_postgres() {
        let put = "INSERT INTO egress_heads VALUES (?1, 0, ?2, ?3) ON CONFLICT (payer) DO NOTHING";
        let mac = Head::default().mac(keys.rows(), name);
        session.execute(put, values![&name.0, &[0; 16], &mac]).await?;
        session.first(&format!("{select} FOR UPDATE"), values![&name.0]).await?
    } else {
        session.first(select, values![&name.0]).await?
    };
    let Some(row) = row else { return Ok(Head::default()) };
    let head = Head { changes: row.count(0)?, sum: u128::from_be_bytes(row.array(1)?) };
    if head.mac(keys.rows(), name) == row.bytes(2)? { Ok(head) } else { Err(changed_beside()) }
}

fn changed_beside() -> StoreError {
    StoreError::Integrity("what was read of late was changed beside Cordon: see docs/vault.md".to_owned())
}

impl Known {
    /// Reads its rows, which are what their head says.
    async fn fill(&mut self, session: &mut Session, seal: Seal<'_>) -> Result<(), StoreError> {
        let payer = &seal.1.0;
        let objects = session.query("SELECT version, at FROM egress_objects WHERE payer = ?1", values![payer]).await?;
        let minutes = session.query("SELECT minute, bytes FROM egress_bytes WHERE payer = ?1", values![payer]).await?;
        let mut left = self.head.sum;
        for row in &objects {
            let (version, at) = (VersionId(row.array(0)?), row.int(1)?);
            left ^= Counted::Object(version, at).part(seal.0, seal.1);
            self.read.insert(version, at);
            self.objects.add(at, 1);
            self.latest = self.latest.max(at);
        }
        for row in &minutes {
            let (at, bytes) = (row.int(0)?, row.count(1)?);
            left ^= Counted::Minute(at, bytes).part(seal.0, seal.1);
            self.bytes.add(at, bytes);
            self.latest = self.latest.max(at);
        }
        if left == 0 { Ok(()) } else { Err(changed_beside()) }
    }

    /// Leaves out what lies before all windows.
    async fn forget(&mut self, session: &mut Session, seal: Seal<'_>, now: Moment) -> Result<(), StoreError> {
        let minutes = self.bytes.by_time.clone();
        self.advance(now.0);
        let oldest = |sums: &Sums| sums.edges.iter().copied().min().unwrap_or(i64::MIN);
        let (last_object, last_minute) = (oldest(&self.objects), oldest(&self.bytes));
        let gone: Vec<_> = self.read.extract_if(|_, at| *at <= last_object).collect();
        let objects = gone.into_iter().map(|(version, at)| Counted::Object(version, at));
        let gone = minutes.range(..=last_minute).map(|(at, bytes)| Counted::Minute(*at, *bytes));
        for row in objects.chain(gone) {
            self.turn(seal, row);
            self.is_shorter = true;
        }
        let payer = &seal.1.0;
        let gone = "DELETE FROM egress_objects WHERE payer = ?1 AND at <= ?2";
        session.execute(gone, values![payer, last_object]).await?;
        let gone = "DELETE FROM egress_bytes WHERE payer = ?1 AND minute <= ?2";
        session.execute(gone, values![payer, last_minute]).await.map(drop)
    }

    async fn put(&mut self, session: &mut Session, keys: &Keyring, name: &Name) -> Result<(), StoreError> {
        if self.changed_objects.is_empty() && self.changed_minutes.is_empty() && !self.is_shorter {
            return Ok(());
        }
        self.is_shorter = false;
        let object = "INSERT INTO egress_objects VALUES (?1, ?2, ?3) ON CONFLICT (payer, version)
                      DO UPDATE SET at = excluded.at";
        for version in std::mem::take(&mut self.changed_objects) {
            match self.read.get(&version) {
                Some(at) => session.execute(object, values![&name.0, &version.0, *at]).await?,
                None => {
                    let gone = "DELETE FROM egress_objects WHERE payer = ?1 AND version = ?2";
                    session.execute(gone, values![&name.0, &version.0]).await?
                }
            };
        }
        let minute = "INSERT INTO egress_bytes VALUES (?1, ?2, ?3) ON CONFLICT (payer, minute)
                      DO UPDATE SET bytes = excluded.bytes";
        for at in std::mem::take(&mut self.changed_minutes) {
            match self.bytes.by_time.get(&at) {
                Some(bytes) => session.execute(minute, values![&name.0, at, *bytes]).await?,
                None => {
                    let gone = "DELETE FROM egress_bytes WHERE payer = ?1 AND minute = ?2";
                    session.execute(gone, values![&name.0, at]).await?
                }
            };
        }
        self.head.changes += 1;
        self.head.put(session, keys, name).await
    }
}

#[cfg(test)]
mod tests {
    use cordon_domain::PrincipalId;
    use cordon_keys::Secret;
    use cordon_testkit::Chance;

    use super::*;

    const LIMITS: Egress = Egress { objects: [4, 7, 12, 20], bytes: [900, 2_000, 5_000, 9_000], ..Egress::ANY };

    fn charge(version: u64, at: i64, bytes: u64) -> Charge {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&version.to_be_bytes());
        Charge {
            version: VersionId(id),
            level: Level::Restricted,
            at: Moment(at),
            bytes,
            ahead: 0,
            weights: None,
            payers: vec![(Payer::Principal(PrincipalId([1; 16])), LIMITS)],
            proved_age_s: None,
            at_limit: AtLimit::Refuse,
        }
    }

    fn rows() -> RowKey {
        RowKey::new(&Secret::draw(&mut Chance::new(7)))
    }

    fn counts() -> Counts {
        let name = Name::of(&charge(0, 0, 0).payers[0].0, Level::Restricted);
        Counts { known: [(name, Known::new(0))].into(), ..Counts::default() }
    }

    /// What was allowed, in the order in which it was.
    type Allowed = Vec<(i64, u64, u64)>;

    /// What a charge would come to, counted one by one: an object at its last read, bytes by their minutes.
    fn brute_force(allowed: &Allowed, at: i64, version: u64, bytes: u64) -> bool {
        Window::ALL.into_iter().enumerate().all(|(place, window)| {
            let within = |time: i64, edge: i64| time > at - edge;
            let read: BTreeSet<u64> =
                allowed.iter().filter(|one| within(one.0, window.ms())).map(|one| one.1).collect();
            let distinct = if read.contains(&version) { 0 } else { read.len() as u64 + 1 };
            let minutes = allowed.iter().filter(|one| within(minute(one.0), window.ms() + MINUTE_MS)).map(|one| one.2);
            distinct <= LIMITS.objects[place] && (bytes == 0 || minutes.sum::<u64>() + bytes <= LIMITS.bytes[place])
        })
    }

    #[test]
    fn what_is_allowed_is_what_counting_one_by_one_allows() {
        for seed in 0..200 {
            let (mut chance, mut counts) = (Chance::new(seed), counts());
            let (mut allowed, mut at, mut latest) = (Allowed::new(), 1_790_000_000_000, 0);
            for _ in 0..400 {
                let pause = [1, 9_000, 70_000, 4_000_000, 90_000_000][chance.below(5) as usize];
                at += chance.below(pause) as i64;
                // Now and then a clock goes back: it counts as the latest there was.
                let told = if chance.below(9) == 0 { at - chance.below(7_200_000) as i64 } else { at };
                latest = told.max(latest);
                let (version, bytes) = (chance.below(30), chance.below(300));
                let expect = brute_force(&allowed, latest, version, bytes);
                let taken = counts.pay(&rows(), &Toll::Take(charge(version, told, bytes))).is_ok();
                assert_eq!(taken, expect, "seed {seed}, at {at}");
                if taken && chance.below(4) == 0 {
                    let back = chance.below(bytes + 1);
                    counts
                        .pay(&rows(), &Toll::GiveBack(charge(version, latest, back), Left::Some))
                        .expect("given back");
                    allowed.push((latest, version, bytes - back));
                } else if taken {
                    allowed.push((latest, version, bytes));
                }
            }
            assert!(allowed.len() > 20, "seed {seed}");
        }
    }

    /// Whoever asks for nothing but whether something changed has read nothing; and cannot undo a read by that.
    #[test]
    fn what_nothing_left_of_was_not_read_unless_it_was_before_or_since() {
        let read = |tolls: &[Toll]| {
            let mut counts = counts();
            tolls.iter().for_each(|toll| counts.pay(&rows(), toll).expect("within the limit"));
            counts.known.values().map(|known| (known.read.len(), known.objects.sums[3] as usize)).next()
        };
        let take = |at| Toll::Take(charge(1, at, 0));
        let nothing = |at| Toll::GiveBack(charge(1, at, 0), Left::Nothing);
        assert_eq!(read(&[take(5), nothing(5)]), Some((0, 0)));
        assert_eq!(read(&[take(5), take(6), nothing(6)]), Some((1, 1)), "before");
        assert_eq!(read(&[take(5), take(5), nothing(5)]), Some((1, 1)), "since, in the same millisecond");
        assert_eq!(read(&[take(5), take(5), nothing(5), nothing(5)]), Some((1, 1)));
        assert_eq!(read(&[take(5), nothing(5), nothing(5)]), Some((0, 0)), "once");
    }

    #[test]
    fn a_sign_in_that_is_not_fresh_reaches_half_and_a_fresh_one_the_limit() {
        let mut counts = counts();
        let asked =
            |version, age| Toll::Take(Charge { proved_age_s: Some(age), ..charge(version, 1_790_000_000_000, 1) });
        assert!((0..2).all(|version| counts.pay(&rows(), &asked(version, STEP_UP_AGE_S + 1)).is_ok()));
        let Err(JournalError::Limit { missing, .. }) = counts.pay(&rows(), &asked(2, STEP_UP_AGE_S + 1)) else {
            panic!("half is used")
        };
        assert!(missing.starts_with("a sign-in not older than 60 seconds"), "{missing}");
        assert!((2..4).all(|version| counts.pay(&rows(), &asked(version, STEP_UP_AGE_S)).is_ok()));
        let Err(JournalError::Limit { missing, ask }) = counts.pay(&rows(), &asked(4, 0)) else {
            panic!("all is used")
        };
        assert_eq!(missing, "room in what may leave: you may read 4 objects that are restricted a minute");
        assert_eq!(ask.as_deref(), Some("the security team"));
        assert!(counts.pay(&rows(), &asked(3, 0)).is_ok(), "what was read may be read again");
    }
}
