//! Walks a whole log and says what is wrong, with nothing but the log's public key.
//!
//! Every entry is hashed, every tile is made anew and compared, and the root is compared with the signed one. If they
//! differ, tiles that still lead to the signed root tell which entry is the first bad one, and what was done to it.

use std::ops::Range;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::limits::FAULTS_MAX;
use crate::note::{Note, NoteError, Verifier};
use crate::proof::{Nodes, root_of};
use crate::tile::{
    Shelf, TILE_WIDTH, TileNodes, TileRef, TileWrite, Tree, TreeError, bundle_entries, push_entry, tile_hashes,
};

/// Gives the resources of a log, by path: from a folder, over HTTP.
pub trait Resources {
    /// Why a resource could not be read, other than that it does not exist.
    type Error;

    /// Returns the bytes of a resource, or `None` when there is none at this path.
    ///
    /// # Errors
    ///
    /// When it cannot be told.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Reads a tile or bundle. One that was partial when its size was signed may have become full since, and the partial one
/// swept: then its beginning is what is asked for.
///
/// # Errors
///
/// What `log` says.
pub fn read_tile<R: Resources>(log: &mut R, tile: TileRef) -> Result<Option<Vec<u8>>, R::Error> {
    if let Some(bytes) = log.read(&tile.to_string())? {
        return Ok(Some(bytes));
    }
    if tile.is_full() {
        return Ok(None);
    }
    let full = TileRef { width: TILE_WIDTH as u16, ..tile };
    let Some(bytes) = log.read(&full.to_string())? else { return Ok(None) };
    let width = usize::from(tile.width);
    let bytes = match tile.shelf {
        Shelf::Hashes(_) => bytes.get(..width * 32).map(<[u8]>::to_vec),
        Shelf::Entries => bundle_entries(&bytes).0.get(..width).and_then(|entries| {
            let mut bundle = Vec::new();
            entries.iter().try_for_each(|entry| push_entry(&mut bundle, entry))?;
            Some(bundle)
        }),
    };
    Ok(bytes)
}

/// Why a tile is of no use.
#[derive(Debug)]
pub enum TileFault<E> {
    /// It could not be read.
    Read(E),
    /// It is not there, or is cut.
    Missing(TileRef),
}

impl<E> From<TreeError> for TileFault<E> {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Edge(tile, _) => Self::Missing(tile),
            // Only a tree that grows can be full.
            TreeError::Full => Self::Missing(TileRef { shelf: Shelf::Hashes(0), index: 0, width: 0 }),
        }
    }
}

/// Returns the nodes of the tree of `size` leaves, to make proofs from.
pub fn nodes<R: Resources>(log: &mut R, size: u64) -> impl Nodes<Error = TileFault<R::Error>> {
    TileNodes::new(size, move |tile| read_tile(log, tile).map_err(TileFault::Read)?.ok_or(TileFault::Missing(tile)))
}

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The checkpoint is missing.
    NoCheckpoint,
    /// The checkpoint is not signed by the log.
    Checkpoint(NoteError),
    /// The checkpoint names another log.
    Origin(String),
    /// The log is shorter than a checkpoint that is known: a rollback.
    RolledBack {
        /// Entries now.
        size: u64,
        /// Entries that the known checkpoint states.
        known: u64,
    },
    /// The log has another root, at the size of a checkpoint that is known: history was rewritten, or there are two.
    Forked {
        /// The size of both.
        size: u64,
    },
    /// An entry differs from what the tiles, which lead to the signed root, say.
    Entry {
        /// Its index.
        index: u64,
        /// What was done.
        what: Tampering,
    },
    /// A bundle or a tile cannot be read to its end.
    Missing {
        /// Its path.
        path: String,
        /// The first entry that it concerns.
        index: u64,
    },
    /// A tile has other hashes than its entries; the entries themselves lead to the signed root.
    Tile {
        /// Its path.
        path: String,
        /// The first entry below the first hash that differs.
        index: u64,
    },
    /// Entries and tiles both lead to other roots than the signed one.
    Lost {
        /// The entries among which the first bad one is.
        among: Range<u64>,
    },
}

/// What was done to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// Its bytes were changed.
    Changed,
    /// It was taken out; the following ones moved up.
    Removed,
    /// One was put in before it.
    Inserted,
    /// It changed places with another.
    Reordered {
        /// Where it stands now.
        with: u64,
    },
}

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The checkpoint, when it could be opened.
    pub checkpoint: Option<Checkpoint>,
    /// Entries that were hashed.
    pub entries: u64,
    /// Bytes of entries that were hashed.
    pub bytes: u64,
    /// What is wrong, by index.
    pub faults: Vec<Fault>,
}

/// Walks a log. `known` are checkpoints of the same log that were seen before, with their signatures verified.
///
/// `seen` is called with the number of entries so far and in all, and with each entry.
///
/// # Errors
///
/// What `log` says when a resource cannot be read for a reason other than that it does not exist.
pub fn walk<R: Resources>(
    log: &mut R,
    key: &Verifier,
    known: &[Checkpoint],
    mut seen: impl FnMut(u64, u64, &[u8]),
) -> Result<Walk, R::Error> {
    let mut walk = Walk { checkpoint: None, entries: 0, bytes: 0, faults: Vec::new() };
    let checkpoint = match open_checkpoint(log, key)? {
        Ok(checkpoint) => checkpoint,
        Err(fault) => {
            walk.faults.push(fault);
            return Ok(walk);
        }
    };
    if let Some(known) = known.iter().find(|known| known.size > checkpoint.size) {
        walk.faults.push(Fault::RolledBack { size: checkpoint.size, known: known.size });
    }
    let mut rebuilt = Rebuilt { tree: Tree::default(), known, forks: Vec::new(), tiles: Vec::new() };
    for bundle in TileRef::of(Shelf::Entries, checkpoint.size) {
        let start = bundle.index * TILE_WIDTH;
        let Some(bytes) = read_tile(log, bundle)? else {
            walk.faults.push(Fault::Missing { path: bundle.to_string(), index: start });
            return Ok(finished(walk, checkpoint));
        };
        let (entries, is_whole) = bundle_entries(&bytes);
        for entry in &entries {
            rebuilt.push(Hash::leaf(entry));
            walk.entries += 1;
            walk.bytes += entry.len() as u64;
            seen(walk.entries, checkpoint.size, entry);
        }
        let tiles = std::mem::take(&mut rebuilt.tiles);
        for tile in tiles {
            compare(log, tile, &mut walk.faults)?;
        }
        if entries.len() != usize::from(bundle.width) || !is_whole {
            let index = start + entries.len() as u64;
            let first_bad = first_differing(&walk.faults).unwrap_or(start).min(start);
            locate(log, &checkpoint, first_bad / TILE_WIDTH, &mut walk)?;
            if walk.faults.iter().all(|fault| !matches!(fault, Fault::Entry { .. })) {
                walk.faults.push(Fault::Missing { path: bundle.to_string(), index });
            }
            return Ok(finished(walk, checkpoint));
        }
    }
    for partial in rebuilt.tree.partial().collect::<Vec<_>>() {
        compare(log, partial, &mut walk.faults)?;
    }
    walk.faults.extend(rebuilt.forks.iter().map(|&size| Fault::Forked { size }));
    if rebuilt.tree.root() != checkpoint.root {
        match first_differing(&walk.faults) {
            Some(index) => locate(log, &checkpoint, index / TILE_WIDTH, &mut walk)?,
            None => walk.faults.push(Fault::Lost { among: 0..checkpoint.size }),
        }
    }
    Ok(finished(walk, checkpoint))
}

/// Where to look first: what the tile nearest to the leaves points at. `None` when no tile differs from its entries.
fn first_differing(faults: &[Fault]) -> Option<u64> {
    let places = faults.iter().filter_map(|fault| match fault {
        Fault::Tile { path, index } | Fault::Missing { path, index } => {
            let level = path.parse::<TileRef>().ok().map(|tile| match tile.shelf {
                Shelf::Entries => 0,
                Shelf::Hashes(level) => level,
            });
            Some((level, *index))
        }
        _ => None,
    });
    places.min().map(|(_, index)| index)
}

fn finished(mut walk: Walk, checkpoint: Checkpoint) -> Walk {
    // Tiles differ because entries do: once the entry is found, the tiles that show it are no faults of their own.
    if walk.faults.iter().any(|fault| matches!(fault, Fault::Entry { .. })) {
        walk.faults.retain(|fault| !matches!(fault, Fault::Tile { .. } | Fault::Lost { .. }));
    }
    walk.faults.truncate(FAULTS_MAX);
    walk.checkpoint = Some(checkpoint);
    walk
}

struct Rebuilt<'a> {
    tree: Tree,
    known: &'a [Checkpoint],
    forks: Vec<u64>,
    tiles: Vec<TileWrite>,
}

impl Rebuilt<'_> {
    fn push(&mut self, leaf: Hash) {
        // The checkpoint's size is bounded, so the tree has room.
        let _ = self.tree.push(leaf, &mut self.tiles);
        let size = self.tree.size();
        if self.known.iter().any(|known| known.size == size && known.root != self.tree.root()) {
            self.forks.push(size);
        }
    }
}

fn open_checkpoint<R: Resources>(log: &mut R, key: &Verifier) -> Result<Result<Checkpoint, Fault>, R::Error> {
    let Some(bytes) = log.read("checkpoint")? else { return Ok(Err(Fault::NoCheckpoint)) };
    let text = String::from_utf8(bytes).map_err(|_| NoteError::Malformed("it is not UTF-8"));
    let note = text.and_then(|text| text.parse::<Note>());
    Ok(match note.and_then(|note| Checkpoint::open(&note, key)) {
        Ok(checkpoint) if checkpoint.origin == key.name.as_str() => Ok(checkpoint),
        Ok(checkpoint) => Err(Fault::Origin(checkpoint.origin)),
        Err(error) => Err(Fault::Checkpoint(error)),
    })
}

/// Compares a tile that was made from the entries with the stored one.
fn compare<R: Resources>(log: &mut R, made: TileWrite, faults: &mut Vec<Fault>) -> Result<(), R::Error> {
    if faults.len() >= FAULTS_MAX {
        return Ok(());
    }
    let Shelf::Hashes(level) = made.tile.shelf else { return Ok(()) };
    let path = made.tile.to_string();
    let below = 1u64 << (8 * u32::from(level));
    let Some(stored) = read_tile(log, made.tile)? else {
        faults.push(Fault::Missing { path, index: made.tile.index * TILE_WIDTH * below });
        return Ok(());
    };
    if stored == made.bytes {
        return Ok(());
    }
    let same = stored.chunks(32).zip(made.bytes.chunks(32)).take_while(|(stored, made)| stored == made).count();
    faults.push(Fault::Tile { path, index: (made.tile.index * TILE_WIDTH + same as u64) * below });
    Ok(())
}

/// Finds the first bad entry of the bundle `bundle` or one of its neighbours, by tiles that lead to the signed root.
fn locate<R: Resources>(log: &mut R, checkpoint: &Checkpoint, bundle: u64, walk: &mut Walk) -> Result<(), R::Error> {
    let start = bundle * TILE_WIDTH;
    let among = start..(start + TILE_WIDTH).min(checkpoint.size);
    let Some(trusted) = trusted_leaves(log, checkpoint, bundle)? else {
        walk.faults.push(Fault::Lost { among });
        return Ok(());
    };
    let mut found = leaves(log, checkpoint.size, bundle)?;
    let next = bundle + 1;
    let following = if next * TILE_WIDTH < checkpoint.size { leaves(log, checkpoint.size, next)? } else { Vec::new() };
    let mut wanted = trusted.clone();
    if !following.is_empty() {
        wanted.extend(trusted_leaves(log, checkpoint, next)?.unwrap_or_default());
    }
    found.extend(following);
    let Some(place) = (0..trusted.len()).find(|&place| trusted.get(place) != found.get(place)) else {
        walk.faults.push(Fault::Lost { among });
        return Ok(());
    };
    let what = tampering(&wanted, &found, place, start);
    walk.faults.push(Fault::Entry { index: start + place as u64, what });
    Ok(())
}

fn tampering(wanted: &[Hash], found: &[Hash], place: usize, start: u64) -> Tampering {
    let same = |wanted_at: usize, found_at: usize| match (wanted.get(wanted_at), found.get(found_at)) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => false,
    };
    let other = wanted.get(place).and_then(|hash| found.iter().skip(place + 1).position(|found| found == hash));
    let other = other.map(|distance| place + 1 + distance);
    if let Some(other) = other.filter(|&other| same(other, place)) {
        return Tampering::Reordered { with: start + other as u64 };
    }
    let ends_early = found.len() < wanted.len() && place >= found.len();
    if same(place + 1, place) || ends_early {
        Tampering::Removed
    } else if same(place, place + 1) {
        Tampering::Inserted
    } else {
        Tampering::Changed
    }
}

/// The leaf hashes of the entries in a bundle, as stored.
fn leaves<R: Resources>(log: &mut R, size: u64, bundle: u64) -> Result<Vec<Hash>, R::Error> {
    let width = (size - bundle * TILE_WIDTH).min(TILE_WIDTH) as u16;
    let tile = TileRef { shelf: Shelf::Entries, index: bundle, width };
    let bytes = read_tile(log, tile)?.unwrap_or_default();
    Ok(bundle_entries(&bytes).0.into_iter().map(Hash::leaf).collect())
}

/// The leaf hashes of a tile that leads to the signed root through the stored tiles; `None` when it does not.
fn trusted_leaves<R: Resources>(
    log: &mut R,
    checkpoint: &Checkpoint,
    bundle: u64,
) -> Result<Option<Vec<Hash>>, R::Error> {
    let size = checkpoint.size;
    let width = (size - bundle * TILE_WIDTH).min(TILE_WIDTH) as u16;
    let tile = TileRef { shelf: Shelf::Hashes(0), index: bundle, width };
    let Some(hashes) = read_tile(log, tile)?.and_then(|bytes| tile_hashes(&bytes, width)) else {
        return Ok(None);
    };
    match leads_to_root(&mut nodes(log, size), checkpoint, tile) {
        Ok(true) => Ok(Some(hashes)),
        Ok(false) | Err(TileFault::Missing(_)) => Ok(None),
        Err(TileFault::Read(error)) => Err(error),
    }
}

/// Tells whether each tile on the way from `tile` up is what the tile above says, and the topmost what was signed.
fn leads_to_root<N: Nodes>(nodes: &mut N, checkpoint: &Checkpoint, tile: TileRef) -> Result<bool, N::Error> {
    let mut index = tile.index;
    for level in 1..=crate::tile::TILE_LEVELS {
        let height = 8 * u32::from(level);
        // A full tile is one hash of the tile above it; a partial one enters the root directly.
        if (index + 1).checked_shl(height).is_none_or(|end| end > checkpoint.size) || height >= 64 {
            break;
        }
        let children = nodes.node(height - 1, index * 2)?;
        let joined = Hash::node(children, nodes.node(height - 1, index * 2 + 1)?);
        if joined != nodes.node(height, index)? {
            return Ok(false);
        }
        index /= TILE_WIDTH;
    }
    Ok(root_of(nodes, 0..checkpoint.size)? == checkpoint.root)
}
