//! From durable entries to a signed checkpoint, without I/O: what to write, in which order, and what to sign.
//!
//! The order that the caller keeps, so that no checkpoint ever states a size that could be lost:
//!
//! 1. entries are durable in the database, and have their positions;
//! 2. [`Growth::resources`] (bundles, tiles) are written and synced, with their folders;
//! 3. the state to be signed (epoch, size, root) replaces [`Signed`] in a second place, durably, by compare-and-swap;
//! 4. only then [`Growth::sign`] is called, and the checkpoint is written, synced, renamed into place.

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::{Note, Signer};
use crate::tile::{Shelf, TILE_WIDTH, TileRef, TileWrite, Tree, TreeError, push_entry};

/// What was signed last, as the second place keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Counts who may sign: grows when another sequencer takes over.
    pub epoch: u64,
    /// Leaves.
    pub size: u64,
    /// Root.
    pub root: Hash,
}

/// Why nothing may be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The tree cannot grow.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An entry is too long for a bundle.
    #[error("entry {0} is longer than 65,535 bytes")]
    Entry(u64),
    /// What is stored is shorter than what was signed.
    #[error("the log has {here} entries, and a checkpoint for {signed} was signed: entries are lost")]
    Shorter {
        /// Entries that are here.
        here: u64,
        /// Entries that were signed.
        signed: u64,
    },
    /// What is stored has another root than what was signed.
    #[error("the first {0} entries have another root than the one that was signed: an entry was changed")]
    Forked(u64),
    /// Another sequencer has taken over.
    #[error("another sequencer signs in epoch {0}")]
    Superseded(u64),
}

/// A log as it stands in storage: its tree, and the entries of its last, partial bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    tree: Tree,
    bundle: Vec<u8>,
}

/// A log after more entries, and what must be written before it may be signed.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The state afterwards.
    pub state: LogState,
    /// Bundles and tiles to write.
    pub resources: Vec<TileWrite>,
}

impl LogState {
    /// Goes on from a stored log of `size` entries.
    ///
    /// # Errors
    ///
    /// What `read` says, or [`TreeError::Edge`] when a tile does not fit.
    pub fn resume<E: From<TreeError>>(
        size: u64,
        mut read: impl FnMut(TileRef) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let edge = TileRef::of(Shelf::Entries, size).last().filter(|edge| !edge.is_full());
        let bundle = edge.map(&mut read).transpose()?.unwrap_or_default();
        Ok(Self { tree: Tree::resume(size, read)?, bundle })
    }

    /// Returns the number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Returns the entries behind the last full bundle, framed.
    #[must_use]
    pub fn last_bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// Adds entries, in order, and says what to write.
    ///
    /// # Errors
    ///
    /// [`PublishError::Entry`] for an entry that no bundle can hold, [`PublishError::Tree`] at 2^62 entries.
    pub fn grow<'a>(&self, entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Growth, PublishError> {
        let mut state = self.clone();
        let mut resources = Vec::new();
        for entry in entries {
            let index = state.size();
            push_entry(&mut state.bundle, entry).ok_or(PublishError::Entry(index))?;
            state.tree.push(Hash::leaf(entry), &mut resources)?;
            if state.size().is_multiple_of(TILE_WIDTH) {
                let tile = TileRef { shelf: Shelf::Entries, index: index / TILE_WIDTH, width: TILE_WIDTH as u16 };
                resources.push(TileWrite { tile, bytes: std::mem::take(&mut state.bundle) });
            }
        }
        if !state.bundle.is_empty() {
            let width = (state.size() % TILE_WIDTH) as u16;
            let tile = TileRef { shelf: Shelf::Entries, index: state.size() / TILE_WIDTH, width };
            resources.push(TileWrite { tile, bytes: state.bundle.clone() });
        }
        resources.extend(state.tree.partial());
        Ok(Growth { state, resources })
    }
}

impl Growth {
    /// Returns the state that must be durable in the second place before signing.
    ///
    /// # Errors
    ///
    /// [`PublishError::Superseded`], [`PublishError::Shorter`] or [`PublishError::Forked`] when `last` forbids it.
    pub fn to_sign(&self, last: Signed, before: &LogState, epoch: u64) -> Result<Signed, PublishError> {
        if last.epoch > epoch {
            return Err(PublishError::Superseded(last.epoch));
        }
        allows(last, before)?;
        Ok(Signed { epoch, size: self.state.size(), root: self.state.root() })
    }

    /// Signs the checkpoint. The state to be signed must be durable in the second place.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> Note {
        let origin = signer.verifier().name.to_string();
        let checkpoint =
            Checkpoint { origin, size: self.state.size(), root: self.state.root(), extensions: Vec::new() };
        checkpoint.sign(signer)
    }
}

/// Tells whether a log that stands at `state` may grow beyond what was signed last. `state` is either what was signed,
/// or a little more: entries that were durable and not yet signed when the process ended.
///
/// # Errors
///
/// [`PublishError::Shorter`] or [`PublishError::Forked`].
pub fn allows(last: Signed, state: &LogState) -> Result<(), PublishError> {
    if state.size() < last.size {
        return Err(PublishError::Shorter { here: state.size(), signed: last.size });
    }
    if state.size() == last.size && state.root() != last.root {
        return Err(PublishError::Forked(last.size));
    }
    Ok(())
}
