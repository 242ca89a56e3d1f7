//! The published log: tiles, bundles and checkpoint in an object store, and the sequencer that writes them.
//!
//! Each step keeps the order of [`cordon_ledger::publish`]: durable entries, durable tiles, the signed state durable in
//! the key store by compare-and-swap, then the signature. A sequencer that was paused, and one that another has
//! replaced, fails at the swap and signs nothing.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use cordon_ledger::audit::Resources;
use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::hash::Hash;
use cordon_ledger::limits::RESOURCE_BYTES_MAX;
use cordon_ledger::note::{Note, Signer};
use cordon_ledger::publish::{Growth, LogState, PublishError, Signed, allows};
use cordon_ledger::tile::{Shelf, TileRef, TileWrite, TreeError, bundle_entries};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::error::StoreError;
use crate::events::Assigner;
use crate::keyring::Keyring;
use crate::limits::{PUBLISH_ENTRIES_MAX, WRITES_SIDE_BY_SIDE};
use crate::read::Reader;

/// A published log in a folder, to read.
pub struct LogFolder(pub PathBuf);

impl Resources for LogFolder {
    type Error = StoreError;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.0.join(path);
        let failed = |error| StoreError::File(path.display().to_string(), "read", error);
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(RESOURCE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }
}

/// Writes tiles and signs checkpoints.
pub struct Sequencer {
    log: Arc<dyn ObjectStore>,
    /// Gives positions first, where several nodes write.
    assigner: Option<Assigner>,
    reader: Reader,
    /// The position of the event that is the log's first entry.
    offset: u64,
    keys: Arc<Keyring>,
    signer: Signer,
    epoch: u64,
    state: LogState,
    signed: Option<Signed>,
    /// A checkpoint that is signed and may not be written yet.
    unwritten: Option<Note>,
}

impl Sequencer {
    /// Takes the log over: from now on any other sequencer of it signs nothing. `events` reads the database, where the
    /// log begins at a position.
    ///
    /// # Errors
    ///
    /// [`StoreError::Publish`] or [`StoreError::Integrity`] when what is stored is shorter than, or differs from, what
    /// was signed; [`StoreError::Conflict`] when the log has ended.
    pub(crate) async fn take_over(
        log: Arc<dyn ObjectStore>,
        assigner: Option<Assigner>,
        events: (Reader, u64),
        keys: Arc<Keyring>,
        signer: Signer,
    ) -> Result<Self, StoreError> {
        let origin = signer.verifier().name.to_string();
        let signed = keys.store().signed(&origin)?;
        let (reader, offset) = events;
        let state = LogState::default();
        let mut sequencer =
            Self { log, assigner, reader, offset, keys, signer, epoch: 1, state, signed: None, unwritten: None };
        let published = sequencer.read("checkpoint").await?;
        sequencer.published_is_signed(published.as_deref(), signed)?;
        if let Some(last) = signed {
            sequencer.state = sequencer.resume(last).await?;
            sequencer.agrees_with_database(last).await?;
            let next = Signed { epoch: last.epoch + 1, ..last };
            sequencer.keys.store().swap_signed(&origin, Some(last), next)?;
            (sequencer.epoch, sequencer.signed) = (next.epoch, Some(next));
            sequencer.sign_again(published.as_deref(), last).await?;
        }
        Ok(sequencer)
    }

    /// Publishes what was recorded since the last step. Returns the new checkpoint, or `None` when nothing was recorded.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then nothing was signed, or what was signed is durable and its checkpoint follows. When the server
    /// ended the session ([`StoreError::Server`]), another node may have taken over: take over again.
    pub async fn publish(&mut self) -> Result<Option<Note>, StoreError> {
        if let Some(assigner) = &mut self.assigner {
            assigner.assign().await?;
        }
        if let Some(note) = self.unwritten.clone() {
            // Not over that of another, who took over meanwhile.
            if self.keys.store().signed(self.signer.verifier().name.as_str())? != self.signed {
                return Err(StoreError::Conflict("another sequencer took over".to_owned()));
            }
            self.put("checkpoint".to_owned(), note.to_string().into_bytes()).await?;
            self.unwritten = None;
        }
        let entries = self.reader.entries(self.offset + self.state.size(), PUBLISH_ENTRIES_MAX).await?;
        if entries.is_empty() {
            return Ok(None);
        }
        let growth = self.state.grow(entries.iter().map(Vec::as_slice))?;
        self.write(&growth.resources).await?;
        let origin = self.signer.verifier().name.to_string();
        let next = match self.signed {
            Some(last) => growth.to_sign(last, &self.state, self.epoch)?,
            None => Signed { epoch: self.epoch, size: growth.state.size(), root: growth.state.root() },
        };
        self.keys.store().swap_signed(&origin, self.signed, next)?;
        let note = growth.sign(&self.signer);
        (self.signed, self.unwritten) = (Some(next), Some(note.clone()));
        self.state = growth.state.clone();
        self.put("checkpoint".to_owned(), note.to_string().into_bytes()).await?;
        self.unwritten = None;
        self.sweep(&growth).await?;
        Ok(Some(note))
    }

    /// Returns the number of published entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.state.size()
    }

    /// The state at what was signed last: from the tiles, or, when they are damaged, from the entries themselves.
    async fn resume(&self, last: Signed) -> Result<LogState, StoreError> {
        match self.state_of_tiles(last).await {
            Ok(state) if allows(last, &state).is_ok() => Ok(state),
            Ok(_) | Err(StoreError::Integrity(_)) => self.state_of_entries(last).await,
            Err(error) => Err(error),
        }
    }

    async fn state_of_tiles(&self, last: Signed) -> Result<LogState, StoreError> {
        let mut edges = std::collections::BTreeMap::new();
        let shelves = (0..cordon_ledger::tile::TILE_LEVELS).map(Shelf::Hashes).chain([Shelf::Entries]);
        for edge in shelves.filter_map(|shelf| TileRef::of(shelf, last.size).last()).filter(|edge| !edge.is_full()) {
            let bytes = self.bytes(edge).await?;
            edges.insert(edge, bytes);
        }
        LogState::resume(last.size, |tile| edges.get(&tile).cloned().ok_or_else(|| Edge(damaged(&tile))))
            .map_err(|Edge(error)| error)
    }

    /// Computes what was signed from the entries first, and makes the tiles anew only when it is the same.
    async fn state_of_entries(&self, last: Signed) -> Result<LogState, StoreError> {
        self.regrown(last, Rewrite::Nothing).await?;
        self.regrown(last, Rewrite::Tiles).await
    }

    async fn regrown(&self, last: Signed, rewrite: Rewrite) -> Result<LogState, StoreError> {
        let mut state = LogState::default();
        while state.size() < last.size {
            let want = (last.size - state.size()).min(PUBLISH_ENTRIES_MAX as u64) as usize;
            let entries = self.reader.entries(self.offset + state.size(), want).await?;
            if entries.is_empty() {
                return Err(PublishError::Shorter { here: state.size(), signed: last.size }.into());
            }
            let growth = state.grow(entries.iter().map(Vec::as_slice))?;
            if rewrite == Rewrite::Tiles {
                self.write(&growth.resources).await?;
            }
            state = growth.state;
        }
        allows(last, &state)?;
        Ok(state)
    }

    /// What was signed is durable before its checkpoint is: a checkpoint that states more shows that the key store lost
    /// what it had been told was durable.
    fn published_is_signed(&self, published: Option<&[u8]>, signed: Option<Signed>) -> Result<(), StoreError> {
        let text = published.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let note = text.and_then(|text| text.parse::<Note>().ok());
        let checkpoint = note.and_then(|note| Checkpoint::open(&note, self.signer.verifier()).ok());
        // One that does not open is damaged, and is written anew.
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        let (size, root) = signed.map_or((0, Hash::of_empty_tree()), |signed| (signed.size, signed.root));
        if checkpoint.size > size || (checkpoint.size == size && checkpoint.root != root) {
            return Err(StoreError::Integrity(format!(
                "the log's checkpoint states {} entries, and the key store knows of {size}: it was put back, or lost writes",
                checkpoint.size
            )));
        }
        Ok(())
    }

    /// A database that was put back to an older state, and has grown since, has other entries at the end of what was
    /// signed.
    async fn agrees_with_database(&self, last: Signed) -> Result<(), StoreError> {
        let here = self.reader.size().await?.saturating_sub(self.offset);
        if here < last.size {
            return Err(PublishError::Shorter { here, signed: last.size }.into());
        }
        let Some(edge) = TileRef::of(Shelf::Entries, last.size).last() else { return Ok(()) };
        let bundle = if edge.is_full() { self.full_bundle(edge).await? } else { self.state.last_bundle().to_vec() };
        let (published, _) = bundle_entries(&bundle);
        let start = self.offset + last.size - published.len() as u64;
        let stored = self.reader.entries(start, published.len()).await?;
        let differs = published.iter().zip(&stored).position(|(published, stored)| *published != stored.as_slice());
        match differs {
            Some(place) => {
                let index = start + place as u64;
                Err(StoreError::Integrity(format!("event {index} in the database is not the one that was signed")))
            }
            None => Ok(()),
        }
    }

    /// The last full bundle, proved by its tile, which leads to what was signed.
    async fn full_bundle(&self, edge: TileRef) -> Result<Vec<u8>, StoreError> {
        let tile = TileRef { shelf: Shelf::Hashes(0), ..edge };
        let (bundle, hashes) = (self.bytes(edge).await?, self.bytes(tile).await?);
        let leaves: Vec<u8> = bundle_entries(&bundle).0.into_iter().flat_map(|entry| Hash::leaf(entry).0).collect();
        if leaves == hashes { Ok(bundle) } else { Err(damaged(&edge)) }
    }

    async fn bytes(&self, tile: TileRef) -> Result<Vec<u8>, StoreError> {
        self.read(&tile.to_string()).await?.ok_or_else(|| damaged(&tile))
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.log.get(&Path::from(name)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(|error| StoreError::Log("read", error))?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::Log("read", error)),
        }
    }

    /// Writes the checkpoint of what was signed last, if the process ended between the swap and the file.
    async fn sign_again(&self, published: Option<&[u8]>, last: Signed) -> Result<(), StoreError> {
        let origin = self.signer.verifier().name.to_string();
        let checkpoint = Checkpoint { origin, size: last.size, root: last.root, extensions: Vec::new() };
        let note = checkpoint.sign(&self.signer).to_string().into_bytes();
        if published == Some(note.as_slice()) { Ok(()) } else { self.put("checkpoint".to_owned(), note).await }
    }

    async fn write(&self, resources: &[TileWrite]) -> Result<(), StoreError> {
        stream::iter(resources)
            .map(|write| self.put(write.tile.to_string(), write.bytes.clone()))
            .buffer_unordered(WRITES_SIDE_BY_SIDE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    async fn put(&self, name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.log.put(&Path::from(name), PutPayload::from(bytes)).await;
        put.map(drop).map_err(|error| StoreError::Log("written", error))
    }

    /// Deletes partial tiles whose full tile is there.
    async fn sweep(&self, growth: &Growth) -> Result<(), StoreError> {
        for full in growth.resources.iter().filter(|write| write.tile.is_full()) {
            let partial: Vec<_> = self
                .log
                .list(Some(&Path::from(format!("{}.p", full.tile))))
                .try_collect()
                .await
                .map_err(|error| StoreError::Log("listed", error))?;
            for old in partial {
                self.log.delete(&old.location).await.map_err(|error| StoreError::Log("swept", error))?;
            }
        }
        Ok(())
    }
}

/// Whether tiles are written on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rewrite {
    Nothing,
    Tiles,
}

struct Edge(StoreError);

impl From<TreeError> for Edge {
    fn from(error: TreeError) -> Self {
        Self(StoreError::Integrity(error.to_string()))
    }
}

fn damaged(tile: &TileRef) -> StoreError {
    StoreError::Integrity(format!("`{tile}` of the log is missing or damaged"))
}

/// Compares an entry with the hash that was stored beside it.
pub(crate) fn is_whole(entry: &[u8], leaf: &[u8]) -> bool {
    Hash::leaf(entry).0.as_slice() == leaf
}
