//! An installation: one data folder, one folder of keys apart from it, opened by the processes of one machine.
//!
//! ```text
//! data/  cordon.db    events, objects, settings, unless they are in PostgreSQL
//!        node         which node this is, where several write
//!        log/         what is published: checkpoint, tiles, bundles; may be given to anyone
//!        log.vkey     the log's public key
//!        previous/    logs that were lost and followed by this one, each with its key
//!        lock         held while the installation is open: by several that share it, or by one that restores or migrates
//!        publisher    held by the process that publishes the log
//!        node.lock    held by the process that is the node
//! keys/  keys.db      wrapped keys, and what was signed last
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordon_domain::{Action, Actor, Clock, Event, NodeId, PrincipalId, RequestId};
use cordon_gate::{Epoch, Journal as _};
use cordon_keys::local::HeldKey;
use cordon_keys::recovery::{Share, cut};
use cordon_keys::{KeyName, RootProvider, Secret, Unlocked};
use cordon_ledger::note::{Note, Verifier};
use cordon_ledger::publish::PublishError;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::direct::DirectFiles;
use crate::edge::SystemEntropy;
use crate::error::StoreError;
use crate::events::Assigner;
use crate::identities::{Server, put_server, remove_server};
use crate::keyring::Keyring;
use crate::keystore::KeyStore;
use crate::limits::LOCK_WAIT_MS;
use crate::log::Sequencer;
use crate::read::Reader;
use crate::schema;
use crate::sql::{Address, Database};
use crate::state::{EPOCH, erased, put_setting};
use crate::unlock::{DEADLINE, entrust, unlock};
use crate::writer::Writer;

const DATABASE: &str = "cordon.db";
const LOG: &str = "log";
const LOG_KEY: &str = "log.vkey";
const PREVIOUS: &str = "previous";
const LOCK: &str = "lock";
const PUBLISHER: &str = "publisher";
const NODE: &str = "node";
const NODE_LOCK: &str = "node.lock";

/// Where an installation lies.
#[derive(Clone, Debug)]
pub struct Places {
    /// The data folder.
    pub data: PathBuf,
    /// The folder of keys. Neither may lie in the other.
    pub keys: PathBuf,
    /// A database of PostgreSQL, instead of a file in the data folder.
    pub server: Option<Address>,
}

/// How many shares a recovery kit has, and how many are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KitShape {
    /// Needed.
    pub need: u8,
    /// In all.
    pub of: u8,
}

/// What a new installation is to be.
pub struct New<'a> {
    /// Names its log.
    pub origin: &'a str,
    /// The recovery kit.
    pub kit: KitShape,
    /// Keeps the shares, durably: without them a root that is lost is data that is lost.
    pub keep_kit: &'a mut dyn FnMut(&[Share]) -> Result<(), StoreError>,
}

/// An open installation.
pub struct Installation {
    places: Places,
    keys: Arc<Keyring>,
    writer: Writer,
    reader: Reader,
    origin: String,
    signing_version: u32,
    offset: u64,
    itself: PrincipalId,
    node: NodeId,
    _as_node: Option<File>,
    _lock: File,
}

impl Places {
    /// Returns the folder of the published log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data.join(LOG)
    }

    /// Returns the file of the log's public key.
    #[must_use]
    pub fn log_key_file(&self) -> PathBuf {
        self.data.join(LOG_KEY)
    }

    /// Returns the folder of logs that were lost and followed by others.
    #[must_use]
    pub fn previous_logs(&self) -> PathBuf {
        self.data.join(PREVIOUS)
    }

    /// Returns the folder of one of them.
    #[must_use]
    pub fn previous_log(&self, key: &Verifier) -> PathBuf {
        let text = key.to_string();
        self.previous_logs().join(text.split('+').nth(1).unwrap_or("log"))
    }

    /// Returns where sealed bytes of objects are.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.data.join("objects")
    }

    /// Returns where the database is.
    #[must_use]
    pub fn database(&self) -> Database {
        match &self.server {
            Some(address) => Database::Postgres(address.clone()),
            None => Database::Sqlite(self.database_file()),
        }
    }

    /// Returns the file of a database that is not on a server, and of every backup.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.data.join(DATABASE)
    }

    /// Tells which node this is. While another process of this folder is that node, this one is a node of its own.
    fn node(&self) -> Result<(NodeId, Option<File>), StoreError> {
        match self.locked(NODE_LOCK, Hold::Alone) {
            Ok(held) => Ok((self.kept_node()?, Some(held))),
            Err(StoreError::Locked(_)) => Ok((NodeId::draw(&mut SystemEntropy), None)),
            Err(error) => Err(error),
        }
    }

    /// Reads which node this is; the first time, decides it.
    fn kept_node(&self) -> Result<NodeId, StoreError> {
        let path = self.data.join(NODE);
        let failed = |error| StoreError::File(path.display().to_string(), "read", error);
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(failed)?;
            let node = text.trim_end().parse();
            return node.map_err(|_| StoreError::Integrity(format!("`{}` names no node", path.display())));
        }
        let node = NodeId::draw(&mut SystemEntropy);
        fs::write(&path, format!("{node}\n")).and_then(|()| File::open(&path)?.sync_all()).map_err(failed)?;
        Ok(node)
    }

    /// Tells whether an installation is here.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] when a server cannot be asked.
    pub async fn holds_installation(&self) -> Result<bool, StoreError> {
        self.database().is_taken().await
    }

    pub(crate) fn make(&self) -> Result<(), StoreError> {
        use std::os::unix::fs::DirBuilderExt as _;
        for folder in [&self.data, &self.keys, &self.log()] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| StoreError::File(folder.display().to_string(), "made", error))?;
        }
        let resolved = |path: &Path| {
            path.canonicalize().map_err(|error| StoreError::File(path.display().to_string(), "found", error))
        };
        let (data, keys) = (resolved(&self.data)?, resolved(&self.keys)?);
        if data.starts_with(&keys) || keys.starts_with(&data) {
            let what = format!("the keys in `{}` lie with the data in `{}`", keys.display(), data.display());
            return Err(StoreError::Place(what));
        }
        Ok(())
    }

    /// Holds the installation alone, or beside others.
    pub(crate) fn lock(&self, hold: Hold) -> Result<File, StoreError> {
        if self.server.is_some() && self.database_file().exists() {
            let (file, server) = (self.database_file(), self.database());
            return Err(StoreError::Place(format!("both `{}` and {server} would be the database", file.display())));
        }
        let until = Instant::now() + Duration::from_millis(LOCK_WAIT_MS);
        loop {
            match self.locked(LOCK, hold) {
                // A process that was started here has our files until it runs its own program: that is over in a moment.
                Err(StoreError::Locked(_)) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                outcome => return outcome,
            }
        }
    }

    fn locked(&self, name: &str, hold: Hold) -> Result<File, StoreError> {
        let path = self.data.join(name);
        let failed = |error| StoreError::File(path.display().to_string(), "opened", error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let locked = match hold {
            Hold::Alone => file.try_lock(),
            Hold::Beside => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked(self.data.display().to_string())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Holds the installation beside others; where its database has an older format, migrates it first, alone.
    async fn hold(&self) -> Result<File, StoreError> {
        let beside = self.lock(Hold::Beside)?;
        if schema::is_newest(&mut self.database().open().await?).await? {
            return Ok(beside);
        }
        drop(beside);
        let alone = self.lock(Hold::Alone)?;
        schema::migrate(&mut self.database().open().await?).await?;
        drop(alone);
        self.lock(Hold::Beside)
    }
}

/// How an installation is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// By one process, that makes, migrates or restores it.
    Alone,
    /// By several, that work on it.
    Beside,
}

impl Installation {
    /// Makes a new installation: folders, databases, keys, the log's first event. The recovery kit is kept before the
    /// keys are stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Place`] when there is one already, or keys would lie with the data; what `new.keep_kit` says.
    pub async fn create(
        places: Places,
        new: New<'_>,
        provider: &Arc<dyn RootProvider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let name: cordon_ledger::note::KeyName = new.origin.parse()?;
        places.make()?;
        let alone = places.lock(Hold::Alone)?;
        let store = KeyStore::open(&places.keys)?;
        if !store.is_empty()? || places.holds_installation().await? {
            let what = format!("an installation is already in `{}`", places.data.display());
            return Err(StoreError::Place(what));
        }
        let (unlocked, stored) = Unlocked::create(&mut SystemEntropy, clock.now());
        let recovery = Secret::draw(&mut SystemEntropy);
        let held: Arc<dyn RootProvider> = Arc::new(HeldKey::new("shares", &recovery, SystemEntropy));
        let roots = [entrust(provider, unlocked.root(), DEADLINE)?, entrust(&held, unlocked.root(), DEADLINE)?];
        let shares = cut(&recovery, new.kit.need, new.kit.of, &mut SystemEntropy);
        (new.keep_kit)(&shares.map_err(|error| StoreError::Place(error.to_string()))?)?;
        store.put(&stored, &roots)?;

        let mut session = places.database().open().await?;
        let keys = Arc::new(Keyring::new(unlocked, store, Arc::clone(&clock))?);
        session.begin().await?;
        schema::begin_installation(&mut session).await?;
        put_setting(&mut session, &keys, "log.origin", name.as_str().as_bytes()).await?;
        put_setting(&mut session, &keys, "log.signing-version", &1u32.to_be_bytes()).await?;
        put_setting(&mut session, &keys, EPOCH, &0u64.to_be_bytes()).await?;
        put_setting(&mut session, &keys, "itself", &PrincipalId::draw(&mut SystemEntropy).0).await?;
        session.commit().await?;
        drop((session, alone));
        let lock = places.lock(Hold::Beside)?;
        let installation = Self::assemble(places, keys, lock).await?;
        let started = installation.own_event(Action::LogStart, clock.now());
        installation.writer.record(started, Epoch::ANY).await.map_err(|error| StoreError::Place(error.to_string()))?;
        let file = installation.places.log_key_file();
        fs::write(&file, format!("{}\n", installation.log_key()?))
            .map_err(|error| StoreError::File(file.display().to_string(), "written", error))?;
        Ok(installation)
    }

    /// Opens an installation with the root key that `provider` gives back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another process restores or migrates it; [`StoreError::Provider`] when the root is not
    /// given;
    /// [`StoreError::Integrity`] when what is stored was changed beside Cordon.
    pub async fn open(
        places: Places,
        provider: &Arc<dyn RootProvider>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        if !places.holds_installation().await? {
            return Err(StoreError::Place(format!("no installation is in `{}`", places.data.display())));
        }
        let lock = places.hold().await?;
        let store = KeyStore::open(&places.keys)?;
        if store.is_copy()? {
            let what = "the key store is a copy from a backup: what was signed since is not known";
            return Err(StoreError::Place(format!("{what}; `cordon db restore` begins a new log")));
        }
        let keys = Arc::new(unlock(store, provider, clock)?);
        keys.complete()?;
        let installation = Self::assemble(places, keys, lock).await?;
        let signed = installation.keys.store().signed(&installation.origin)?.map_or(0, |signed| signed.size);
        let here = installation.reader.size().await?.saturating_sub(installation.offset);
        if here < signed {
            return Err(PublishError::Shorter { here, signed }.into());
        }
        installation.finish_erasures().await?;
        Ok(installation)
    }

    async fn assemble(places: Places, keys: Arc<Keyring>, lock: File) -> Result<Self, StoreError> {
        let database = places.database();
        let reader = Reader::new(&database)?;
        let text = async |name: &'static str| {
            let value = reader.setting(&keys, name).await?;
            value.ok_or_else(|| StoreError::Integrity(format!("the setting `{name}` is missing")))
        };
        let unreadable = |name: &str| StoreError::Integrity(format!("the setting `{name}` cannot be read"));
        let origin = String::from_utf8(text("log.origin").await?).map_err(|_| unreadable("log.origin"))?;
        let version = text("log.signing-version").await?;
        let version = version.try_into().map_err(|_| unreadable("log.signing-version"))?;
        let offset = reader.log_offset(&keys).await?;
        let itself = PrincipalId(text("itself").await?.try_into().map_err(|_| unreadable("itself"))?);
        // Where one process writes, it is the installation itself.
        let (node, as_node) = match places.server {
            Some(_) => places.node()?,
            None => (NodeId(itself.0), None),
        };
        let writer = Writer::start(database, Arc::clone(&keys), node, itself).await?;
        let signing_version = u32::from_be_bytes(version);
        Ok(Self {
            places,
            keys,
            writer,
            reader,
            origin,
            signing_version,
            offset,
            itself,
            node,
            _as_node: as_node,
            _lock: lock,
        })
    }

    /// Destroys keys of persons whose erasure was recorded and not carried out when the process ended.
    async fn finish_erasures(&self) -> Result<(), StoreError> {
        for subject in erased(&mut *self.reader.session().await?, &self.keys).await? {
            let reference = cordon_keys::KeyRef { name: KeyName::Subject(subject), version: 1 };
            if self.keys.store().key(reference)?.is_some() {
                self.keys.erase_subject(subject)?;
            }
        }
        Ok(())
    }

    /// Returns the writer, which is the journal.
    #[must_use]
    pub const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Returns the reader.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the keys.
    #[must_use]
    pub const fn keys(&self) -> &Arc<Keyring> {
        &self.keys
    }

    /// Returns where it lies.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Returns the service in whose name Cordon itself acts.
    #[must_use]
    pub const fn itself(&self) -> PrincipalId {
        self.itself
    }

    /// Returns the principal of a user of the machine, by its number: the same each time, and telling nothing.
    #[must_use]
    pub fn operator(&self, user: u32) -> PrincipalId {
        let mac = self.keys.rows().mac(&[b"local-operator/v1", &user.to_be_bytes()]);
        PrincipalId(mac.first_chunk().copied().unwrap_or_default())
    }

    /// Returns the log's public key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the signing key is not there.
    pub fn log_key(&self) -> Result<Verifier, StoreError> {
        Ok(self.keys.signer(&self.origin.parse()?, self.signing_version)?.verifier().clone())
    }

    /// Signs a text with the log's key. It begins with a line that no checkpoint begins with: the log's name, and `kind`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the signing key is not there.
    pub fn signed_note(&self, kind: &str, text: &str) -> Result<Note, StoreError> {
        let signer = self.keys.signer(&self.origin.parse()?, self.signing_version)?;
        Ok(Note::sign(format!("{}/{kind}\n{text}", self.origin), &signer))
    }

    /// Takes the log over, over local files that are synced.
    ///
    /// # Errors
    ///
    /// As [`Sequencer::take_over`].
    pub async fn sequencer(&self) -> Result<Sequencer, StoreError> {
        let files = LocalFileSystem::new_with_prefix(self.places.log());
        let files = files.map_err(|error| StoreError::Log("opened", error))?.with_fsync(true);
        self.sequencer_over(Arc::new(files)).await
    }

    /// Returns where sealed bytes of objects lie: local files that are synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] when their folder cannot be made.
    pub fn objects(&self) -> Result<Arc<dyn ObjectStore>, StoreError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let folder = self.places.objects();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| StoreError::File(folder.display().to_string(), "made", error))?;
        Ok(Arc::new(DirectFiles::new(folder).map_err(|error| StoreError::Log("opened", error))?))
    }

    /// Takes the log over, over any object store.
    ///
    /// # Errors
    ///
    /// As [`Sequencer::take_over`].
    pub async fn sequencer_over(&self, log: Arc<dyn ObjectStore>) -> Result<Sequencer, StoreError> {
        let signer = self.keys.signer(&self.origin.parse()?, self.signing_version)?;
        let database = self.places.database();
        let assigner = match database {
            Database::Postgres(_) => Some(Assigner::take(database.open().await?).await?),
            Database::Sqlite(_) => None,
        };
        let events = (self.reader.clone(), self.offset);
        Sequencer::take_over(log, assigner, events, Arc::clone(&self.keys), signer).await
    }

    /// Makes this process the one of this machine that publishes, as long as the result is kept. On a server of databases
    /// the sequencer's own lock does that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another process does.
    pub fn publishes(&self) -> Result<File, StoreError> {
        self.places.locked(PUBLISHER, Hold::Alone)
    }

    /// Returns which node this is.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Says where this node answers; to be said again now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn answers_at(&self, address: &str, at: cordon_domain::Moment) -> Result<(), StoreError> {
        let server = Server { node: self.node, address: address.to_owned(), seen_at: at };
        put_server(&mut self.places.database().open().await?, &self.keys, &server).await
    }

    /// Says that this node answers no more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub async fn answers_no_more(&self) -> Result<(), StoreError> {
        remove_server(&mut self.places.database().open().await?, self.node).await
    }

    /// Makes an event of Cordon itself.
    #[must_use]
    pub fn own_event(&self, action: Action, at: cordon_domain::Moment) -> Event {
        Event::new(RequestId::draw(&mut SystemEntropy), at, action, Actor::service(self.itself))
    }
}
