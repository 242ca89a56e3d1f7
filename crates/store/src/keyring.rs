//! Keys in use: what was unlocked at the start, and what is opened on the way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};

use cordon_domain::{Clock, CodenameId, Level, PrincipalId, UserName};
use cordon_keys::limits::KEY_USES_MAX;
use cordon_keys::{BucketKey, KeyError, KeyName, KeyRef, Purpose, Secret, StoredKey, Unlocked};
use cordon_ledger::entry::{EventKey, SubjectKey};
use cordon_ledger::index::IndexKey;
use cordon_ledger::note::{Algorithm, KeyName as LogName, Signer};

use crate::change::NewName;
use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::keystore::KeyStore;
use crate::limits::{KEYS_KEPT_MAX, USES_BLOCK};
use crate::rows::RowKey;

/// What sealed names are bound to.
const NAME: &[u8] = b"cordon/name/v1";

/// What sealed codenames are bound to.
const CODENAME: &[u8] = b"cordon/codename/v1";

/// Keys in use. Made once at the start, from the unlocked root.
pub struct Keyring {
    unlocked: RwLock<Unlocked>,
    store: KeyStore,
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<KeyRef, Arc<BucketKey>>>,
    subjects: Mutex<HashMap<PrincipalId, Option<Arc<SubjectKey>>>>,
    reserved: Mutex<HashMap<KeyRef, u64>>,
    rows: RowKey,
    index: IndexKey,
}

impl Keyring {
    /// Takes unlocked keys and the store they came from.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when one of Cordon's own keys is not there.
    pub fn new(unlocked: Unlocked, store: KeyStore, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let rows = RowKey::new(unlocked.own(Purpose::Rows, 1)?);
        let index = IndexKey::new(unlocked.own(Purpose::Index, 1)?);
        let (buckets, subjects, reserved) = (Mutex::default(), Mutex::default(), Mutex::default());
        Ok(Self { unlocked: RwLock::new(unlocked), store, clock, buckets, subjects, reserved, rows, index })
    }

    /// Returns the key store.
    #[must_use]
    pub const fn store(&self) -> &KeyStore {
        &self.store
    }

    /// Returns the key of blind indexes.
    #[must_use]
    pub const fn index(&self) -> &IndexKey {
        &self.index
    }

    pub(crate) const fn rows(&self) -> &RowKey {
        &self.rows
    }

    /// Returns the newest version of the event key, to seal with.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is not there.
    pub fn event_key(&self) -> Result<EventKey, StoreError> {
        self.with(|unlocked| {
            let newest = unlocked.own_versions(Purpose::Events).last();
            Ok(newest.map(|(version, secret)| EventKey::new(version, secret)))
        })?
        .ok_or_else(|| missing(KeyName::Purpose(Purpose::Events), 1))
    }

    /// Returns all versions of the event key, to open with.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`].
    pub fn event_keys(&self) -> Result<Vec<EventKey>, StoreError> {
        self.with(|unlocked| {
            let versions = unlocked.own_versions(Purpose::Events);
            Ok(versions.map(|(version, secret)| EventKey::new(version, secret)).collect())
        })
    }

    /// Returns the signer of the log named `name`, with version `version` of the signing key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that key is not there.
    pub fn signer(&self, name: &LogName, version: u32) -> Result<Signer, StoreError> {
        self.with(|unlocked| {
            let seed = unlocked.own(Purpose::LogSigning, version)?;
            Ok(Signer::new(name.clone(), Algorithm::Ed25519, seed)?)
        })
    }

    /// Returns the key of a person, making it when there is none and `make` says so. `None`: destroyed, or not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is there and does not open, or cannot be stored.
    pub fn subject_key(&self, subject: PrincipalId, make: Make) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        let mut kept = self.subjects.lock().map_err(|_| StoreError::Stopped)?;
        if let Some(known) = kept.get(&subject) {
            return Ok(known.clone());
        }
        let reference = KeyRef { name: KeyName::Subject(subject), version: 1 };
        let stored = match (self.store.key(reference)?, make) {
            (None, Make::IfMissing) => Some(self.made_by_someone(reference)?),
            (stored, _) => stored,
        };
        let Some(stored) = stored else { return Ok(None) };
        let secret = self.secret_of(&stored)?;
        let key = Some(Arc::new(SubjectKey::new(subject, &secret)));
        bounded(&mut kept);
        kept.insert(subject, key.clone());
        Ok(key)
    }

    /// Seals the name of a person for the table of names.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the key of the person cannot be made.
    pub fn seal_name(&self, principal: PrincipalId, name: &UserName) -> Result<NewName, StoreError> {
        let key = self.subject_key(principal, Make::IfMissing)?;
        let key = key.ok_or_else(|| StoreError::Conflict(format!("{principal} was erased")))?;
        let sealed = key.seal(NAME, name.as_str().as_bytes(), &mut SystemEntropy)?;
        Ok(NewName { principal, token: self.name_token(name), sealed })
    }

    /// Opens the name of a person; `None` when they were erased.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub fn open_name(&self, principal: PrincipalId, sealed: &[u8]) -> Result<Option<String>, StoreError> {
        let Some(key) = self.subject_key(principal, Make::Never)? else { return Ok(None) };
        let changed = || StoreError::Integrity(format!("the name of {principal} was changed beside Cordon"));
        let plain = key.open(NAME, sealed).map_err(|_| changed())?;
        String::from_utf8(plain).map(Some).map_err(|_| changed())
    }

    /// Seals a codename.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the cipher fails.
    pub fn seal_codename(&self, id: CodenameId, name: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.codename_key(id)?.seal(CODENAME, name.as_bytes(), &mut SystemEntropy)?)
    }

    /// Opens a codename.
    ///
    /// # Errors
    ///
    /// [`StoreError::Integrity`] when it was changed beside Cordon.
    pub fn open_codename(&self, id: CodenameId, sealed: &[u8]) -> Result<String, StoreError> {
        let changed = || StoreError::Integrity(format!("the codename {id} was changed beside Cordon"));
        let plain = self.codename_key(id)?.open(CODENAME, sealed).map_err(|_| changed())?;
        String::from_utf8(plain).map_err(|_| changed())
    }

    /// What is sealed is bound to the identifier.
    fn codename_key(&self, id: CodenameId) -> Result<SubjectKey, StoreError> {
        self.with(|unlocked| {
            let secret = unlocked.own(Purpose::Index, 1)?.derive("cordon/codenames/v1");
            Ok(SubjectKey::new(PrincipalId(id.0), &secret))
        })
    }

    /// Returns what a name is found by.
    #[must_use]
    pub fn name_token(&self, name: &UserName) -> [u8; 32] {
        self.rows.mac(&[b"names/v1", name.as_str().as_bytes()])
    }

    /// Returns what an account of an identity provider is found by.
    #[must_use]
    pub fn account_token(&self, issuer: &str, subject: &str) -> [u8; 32] {
        self.rows.mac(&[b"accounts/v1", issuer.as_bytes(), subject.as_bytes()])
    }

    /// Makes a key that must be there. Another process may be quicker: what is stored counts.
    fn made_by_someone(&self, reference: KeyRef) -> Result<StoredKey, StoreError> {
        self.learn()?;
        let made = self.with(|unlocked| Ok(unlocked.make(reference, &mut SystemEntropy, self.clock.now())?))?.0;
        self.store.add(&made)?;
        let stored = self.store.key(reference)?;
        stored
            .ok_or_else(|| StoreError::Conflict(format!("the parent of {reference} was rotated meanwhile: ask again")))
    }

    /// Forgets the keys of persons whom another process erased.
    pub(crate) fn forget_subjects(&self, erased: &HashSet<PrincipalId>) -> Result<(), StoreError> {
        let mut kept = self.subjects.lock().map_err(|_| StoreError::Stopped)?;
        // Those that are not kept are not there to be opened.
        kept.iter_mut().filter(|(subject, _)| erased.contains(subject)).for_each(|(_, key)| *key = None);
        Ok(())
    }

    /// Forgets and destroys the key of a person. What was recorded of them stays sealed for ever.
    pub(crate) fn erase_subject(&self, subject: PrincipalId) -> Result<(), StoreError> {
        let mut kept = self.subjects.lock().map_err(|_| StoreError::Stopped)?;
        kept.insert(subject, None);
        self.store.destroy(&[KeyRef { name: KeyName::Subject(subject), version: 1 }])
    }

    /// Opens one version of a bucket key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when it was destroyed or never made.
    pub fn bucket_key(&self, reference: KeyRef) -> Result<Arc<BucketKey>, StoreError> {
        let mut kept = self.buckets.lock().map_err(|_| StoreError::Stopped)?;
        if let Some(key) = kept.get(&reference) {
            return Ok(Arc::clone(key));
        }
        let stored = self.store.key(reference)?.ok_or(KeyError::Missing(reference))?;
        let secret = self.secret_of(&stored)?;
        let key = Arc::new(BucketKey::new(reference, &secret).ok_or(KeyError::OtherTarget)?);
        bounded(&mut kept);
        kept.insert(reference, Arc::clone(&key));
        Ok(key)
    }

    /// Returns the key that wraps the data keys of a level in a bucket now, making the first version when there is none,
    /// and counts `uses` of it. The count is kept ahead, in blocks, so that it is never less than what was wrapped.
    ///
    /// # Errors
    ///
    /// [`KeyError::Bound`] when the version has wrapped as many keys as it may: it must be rotated.
    pub fn wrapping_key(&self, active: Option<u32>, name: KeyName, uses: u64) -> Result<Arc<BucketKey>, StoreError> {
        let reference = match active {
            Some(version) => KeyRef { name, version },
            None => match self.store.newest(name)? {
                Some(version) => KeyRef { name, version },
                None => self.prepare_version(name)?,
            },
        };
        let mut reserved = self.reserved.lock().map_err(|_| StoreError::Stopped)?;
        let left = reserved.entry(reference).or_default();
        if *left < uses {
            let block = uses.max(USES_BLOCK);
            if self.store.uses(reference)? + block > KEY_USES_MAX {
                return Err(KeyError::Bound("the key has wrapped as many data keys as it may: rotate it").into());
            }
            self.store.add_uses(reference, block)?;
            *left += block;
        }
        *left -= uses;
        drop(reserved);
        self.bucket_key(reference)
    }

    /// Makes the next version of a key and stores it. It is not in use until the database says so.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when its parent is not there, or it cannot be stored; [`StoreError::Conflict`] when another process
    /// was quicker.
    pub fn prepare_version(&self, name: KeyName) -> Result<KeyRef, StoreError> {
        self.learn()?;
        let now = self.clock.now();
        let mut unlocked = self.unlocked.write().map_err(|_| StoreError::Stopped)?;
        let stored = if name.parent().is_none() {
            unlocked.add_version(name, &mut SystemEntropy, now)?
        } else {
            let version = self.store.newest(name)?.unwrap_or(0).checked_add(1);
            let version = version.ok_or(KeyError::Bound("a key has at most 2^32 versions"))?;
            unlocked.make(KeyRef { name, version }, &mut SystemEntropy, now)?.0
        };
        let added = self.store.add(&stored);
        if matches!(added, Ok(true)) {
            return Ok(stored.reference);
        }
        unlocked.forget(stored.reference);
        added?;
        Err(StoreError::Conflict(format!(
            "another process made {}, or rotated its parent: ask again",
            stored.reference
        )))
    }

    /// Makes the keys of Cordon's own that an installation of an earlier version does not have.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when one cannot be stored.
    pub fn complete(&self) -> Result<(), StoreError> {
        for name in Purpose::ALL.map(KeyName::Purpose) {
            if self.with(|unlocked| Ok(unlocked.newest(name)))?.is_none() {
                match self.prepare_version(name) {
                    // Another process was quicker.
                    Err(StoreError::Conflict(_)) => self.learn()?,
                    prepared => drop(prepared?),
                }
            }
        }
        Ok(())
    }

    /// Opens a stored key; its parent may have been rotated by another process.
    fn secret_of(&self, stored: &StoredKey) -> Result<Secret, StoreError> {
        match self.with(|unlocked| Ok(unlocked.secret_of(stored)?)) {
            Err(StoreError::Key(KeyError::Missing(_))) => {
                self.learn()?;
                self.with(|unlocked| Ok(unlocked.secret_of(stored)?))
            }
            outcome => outcome,
        }
    }

    /// Opens versions of keys of levels, and of Cordon's own, that another process has made.
    fn learn(&self) -> Result<(), StoreError> {
        let levels = Level::ALL.into_iter().map(KeyName::Level);
        for name in levels.chain(Purpose::ALL.into_iter().map(KeyName::Purpose)) {
            let versions = self.store.versions(name)?;
            let mut unlocked = self.unlocked.write().map_err(|_| StoreError::Stopped)?;
            versions.iter().try_for_each(|stored| unlocked.learn(stored))?;
        }
        Ok(())
    }

    /// Wraps stored keys anew under the newest versions of their parents. Returns how many moved.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when one does not open; then none moved.
    pub fn rewrap_stored(&self) -> Result<usize, StoreError> {
        self.learn()?;
        let stored = self.store.keys()?;
        let moved = self.with(|unlocked| {
            let moved = stored.iter().filter_map(|key| unlocked.rewrapped(key, &mut SystemEntropy).transpose());
            Ok(moved.collect::<Result<Vec<_>, _>>()?)
        })?;
        self.store.replace(&moved)?;
        Ok(moved.len())
    }

    /// Destroys versions of keys: after that what they wrapped is gone, here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be deleted.
    pub fn destroy(&self, references: &[KeyRef]) -> Result<(), StoreError> {
        let mut kept = self.buckets.lock().map_err(|_| StoreError::Stopped)?;
        references.iter().for_each(|reference| drop(kept.remove(reference)));
        let mut unlocked = self.unlocked.write().map_err(|_| StoreError::Stopped)?;
        references.iter().for_each(|reference| unlocked.forget(*reference));
        self.store.destroy(references)
    }

    /// Destroys all versions of a key below `least`. Returns which.
    ///
    /// # Errors
    ///
    /// As [`Keyring::destroy`].
    pub fn destroy_below(&self, name: KeyName, least: u32) -> Result<Vec<KeyRef>, StoreError> {
        let old = self.store.below(name, least)?;
        if !old.is_empty() {
            self.destroy(&old)?;
        }
        Ok(old)
    }

    /// Reads the unlocked keys.
    ///
    /// # Errors
    ///
    /// What `work` says.
    pub fn with<T>(&self, work: impl FnOnce(&Unlocked) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let unlocked = self.unlocked.read().map_err(|_| StoreError::Stopped)?;
        work(&unlocked)
    }
}

/// Whether a key is made when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// It is.
    IfMissing,
    /// It is not.
    Never,
}

fn missing(name: KeyName, version: u32) -> StoreError {
    StoreError::Key(KeyError::Missing(KeyRef { name, version }))
}

/// Keeps a cache bounded: a full one begins anew.
fn bounded<K, V>(kept: &mut HashMap<K, V>) {
    if kept.len() >= KEYS_KEPT_MAX {
        kept.clear();
    }
}
