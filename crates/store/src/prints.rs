//! By what copies of versions are recognised, as long as these are there: passages in a row a version, and whole contents in
//! another, where each write looks for its own.
//!
//! A number that is under a MAC grows whenever passages that are to be recognised may be others: a row came or went, or a version that
//! has one got another label. A row of a content only finds versions: what a version says of itself, under its MAC, decides.

use std::collections::BTreeMap;

use cordon_domain::{ContentDigest, Label, Original, Prints, VersionId};

use crate::entries::Said;
use crate::error::StoreError;
use crate::inspections::found;
use crate::keyring::Keyring;
use crate::read::Reader;
use crate::rows::ObjectRow;
use crate::sql::{Session, values};
use crate::state::{put_setting, setting};

/// The setting that counts changes.
const CHANGES: &str = "prints_changes";

/// A version, the label that it has, and by what it is recognised.
pub type Printed = (VersionId, Label, Prints);

/// What comes first where there is not room for all that is to be recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// What is restricted.
    Restricted,
    /// What its bucket has recognised.
    Bucket,
    /// What its writer asks for alone: it takes no place from the others.
    Asked,
}

/// By what versions are recognised.
pub struct AllPrints {
    /// How often it changed.
    pub changes: u64,
    /// Each version, by rank, and then in their order.
    pub all: Vec<Printed>,
    /// There are more than were asked for.
    pub more: bool,
}

fn parts<'a>(version: &'a VersionId, prints: &'a [u8]) -> [&'a [u8]; 3] {
    [b"prints/v1", &version.0, prints]
}

/// Keeps by what a version is recognised.
pub(crate) async fn keep(
    session: &mut Session,
    keys: &Keyring,
    version: VersionId,
    Original { prints, content }: &Original,
) -> Result<(), StoreError> {
    forget_content(session, version).await?;
    if let Some(content) = content {
        let put = "INSERT INTO contents VALUES (?1, ?2)";
        session.execute(put, values![&version.0, &content.0]).await?;
    }
    if prints.is_empty() {
        return Ok(());
    }
    let mac = keys.rows().mac(&parts(&version, prints.bytes()));
    let put = "INSERT INTO prints VALUES (?1, ?2, ?3)
               ON CONFLICT (version) DO UPDATE SET prints = excluded.prints, mac = excluded.mac";
    session.execute(put, values![&version.0, prints.bytes(), &mac]).await?;
    changed(session, keys).await
}

/// Forgets which content a version has.
pub(crate) async fn forget_content(session: &mut Session, version: VersionId) -> Result<(), StoreError> {
    session.execute("DELETE FROM contents WHERE version = ?1", values![&version.0]).await.map(drop)
}

/// Forgets it. Tells whether there was something to forget.
pub(crate) async fn forget(session: &mut Session, keys: &Keyring, version: VersionId) -> Result<bool, StoreError> {
    let contents = session.execute("DELETE FROM contents WHERE version = ?1", values![&version.0]).await?;
    let prints = session.execute("DELETE FROM prints WHERE version = ?1", values![&version.0]).await?;
    if prints > 0 {
        changed(session, keys).await?;
    }
    Ok(contents + prints > 0)
}

/// Says that a version has another label, if copies of it are recognised.
pub(crate) async fn relabelled(session: &mut Session, keys: &Keyring, version: VersionId) -> Result<(), StoreError> {
    match session.first("SELECT 1 FROM prints WHERE version = ?1", values![&version.0]).await? {
        None => Ok(()),
        Some(_) => changed(session, keys).await,
    }
}

async fn changes(session: &mut Session, keys: &Keyring) -> Result<u64, StoreError> {
    let Some(value) = setting(session, keys, CHANGES).await? else { return Ok(0) };
    let number = value.try_into().map_err(|_| StoreError::Integrity("a count of changes that is none".to_owned()))?;
    Ok(u64::from_be_bytes(number))
}

async fn changed(session: &mut Session, keys: &Keyring) -> Result<(), StoreError> {
    let next = changes(session, keys).await?.saturating_add(1);
    put_setting(session, keys, CHANGES, &next.to_be_bytes()).await
}

/// What there is room for: the first by rank, and then by version, up to the first that has none.
struct Room {
    kept: BTreeMap<(Rank, VersionId), (Label, Prints)>,
    hashes: usize,
    most: (usize, usize),
    /// What has no room.
    end: Option<(Rank, VersionId)>,
}

impl Room {
    const fn new(most: (usize, usize)) -> Self {
        Self { kept: BTreeMap::new(), hashes: 0, most, end: None }
    }

    fn take(&mut self, rank: Rank, (version, label, prints): Printed) {
        if self.end.is_some_and(|end| (rank, version) > end) {
            return;
        }
        self.hashes += prints.len();
        self.kept.insert((rank, version), (label, prints));
        while (self.kept.len() > self.most.0 || self.hashes > self.most.1)
            && let Some((last, (_, prints))) = self.kept.pop_last()
        {
            self.hashes -= prints.len();
            self.end = Some(last);
        }
    }

    fn all(self, changes: u64) -> AllPrints {
        let all = self.kept.into_iter().map(|((_, version), (label, prints))| (version, label, prints));
        AllPrints { changes, all: all.collect(), more: self.end.is_some() }
    }
}

impl Reader {
    /// Returns versions that may have a content, of those of which copies are recognised; at most so many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn with_content(&self, content: ContentDigest, most: usize) -> Result<Vec<VersionId>, StoreError> {
        let select = "SELECT version FROM contents WHERE content = ?1 ORDER BY version LIMIT ?2";
        let mut session = self.session().await?;
        let rows = session.query(select, values![&content.0, most as i64]).await?;
        rows.iter().map(|row| Ok(VersionId(row.array(0)?))).collect()
    }

    /// Returns by what versions are recognised that are `wanted`, and how often that changed; nothing when it has not
    /// changed since `known`. It is at most so many versions with so many hashes, those of a higher rank first; that there are more
    /// is said. A row that was changed beside Cordon is passed over, as if it had been removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn prints(
        &self,
        keys: &Keyring,
        known: Option<u64>,
        wanted: impl Fn(&Said, &ObjectRow) -> Option<Rank>,
        most: (usize, usize),
    ) -> Result<Option<AllPrints>, StoreError> {
        let mut session = self.session().await?;
        let changes = changes(&mut session, keys).await?;
        if known == Some(changes) {
            return Ok(None);
        }
        let (mut room, mut after) = (Room::new(most), Vec::new());
        loop {
            let select = "SELECT version, prints, mac FROM prints WHERE version > ?1 ORDER BY version LIMIT 100";
            let rows = session.query(select, values![&after]).await?;
            let Some(last) = rows.last() else { return Ok(Some(room.all(changes))) };
            after = last.bytes(0)?.to_vec();
            for row in rows {
                let version = VersionId(row.array(0)?);
                let (prints, mac) = (row.bytes(1)?, row.bytes(2)?);
                let whole =
                    keys.rows().check(&parts(&version, prints), mac, || format!("what {version} is recognised by"));
                let read = whole.ok().and_then(|()| Prints::read(prints.to_vec()));
                let found = match found(&mut session, keys, version).await {
                    Err(StoreError::Integrity(_)) => None,
                    found => found?,
                };
                let ranked = found.and_then(|(entry, row)| row.and_then(|row| Some((wanted(&entry.said, &row)?, row))));
                let (Some(prints), Some((rank, row))) = (read, ranked) else { continue };
                room.take(rank, (version, row.label, prints));
            }
        }
    }
}
