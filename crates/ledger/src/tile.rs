//! C2SP tlog-tiles: coordinates, paths, entry bundles, and a tree that grows by tiles.
//!
//! A tile holds up to 256 hashes; those of level 0 are leaves, those above are roots of full tiles below. Once full a
//! tile never changes; a partial one is written for every size that a checkpoint states.

use std::fmt;
use std::str::FromStr;

use crate::hash::{HASH_BYTES, Hash};
use crate::limits::{ENTRY_BYTES_MAX, TREE_SIZE_MAX};
use crate::proof::Nodes;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
const TILE_HEIGHT: u32 = 8;
/// Levels of tiles in the largest tree.
pub const TILE_LEVELS: u8 = 8;

/// What a resource of a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Hashes of a level.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// Names a tile or an entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRef {
    /// What it holds.
    pub shelf: Shelf,
    /// Its place on the shelf.
    pub index: u64,
    /// How many hashes or entries it holds: 1 to 256.
    pub width: u16,
}

impl TileRef {
    /// Tells whether it will not change any more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width as u64 == TILE_WIDTH
    }

    /// Returns the tiles and bundles of a tree of `size` leaves on `shelf`, in order.
    pub fn of(shelf: Shelf, size: u64) -> impl Iterator<Item = Self> {
        let level = match shelf {
            Shelf::Hashes(level) => u32::from(level),
            Shelf::Entries => 0,
        };
        let hashes = size.checked_shr(TILE_HEIGHT * level).unwrap_or(0);
        (0..hashes.div_ceil(TILE_WIDTH)).map(move |index| {
            let width = (hashes - index * TILE_WIDTH).min(TILE_WIDTH) as u16;
            Self { shelf, index, width }
        })
    }
}

impl fmt::Display for TileRef {
    /// Writes the path below the log's prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shelf {
            Shelf::Hashes(level) => write!(f, "tile/{level}/")?,
            Shelf::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place == 0 { write!(f, "{group:03}")? } else { write!(f, "x{group:03}/")? }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Reports a path that names no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path names no tile")]
pub struct NotATile;

impl FromStr for TileRef {
    type Err = NotATile;

    fn from_str(path: &str) -> Result<Self, NotATile> {
        let rest = path.strip_prefix("tile/").ok_or(NotATile)?;
        let (shelf, rest) = rest.split_once('/').ok_or(NotATile)?;
        let shelf = match shelf {
            "entries" => Shelf::Entries,
            level => Shelf::Hashes(decimal(level).filter(|&level| level < 64).ok_or(NotATile)? as u8),
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => {
                (groups, decimal(width).filter(|width| (1..TILE_WIDTH).contains(width)).ok_or(NotATile)?)
            }
            None => (rest, TILE_WIDTH),
        };
        let tile = Self { shelf, index: index_of(groups).ok_or(NotATile)?, width: width as u16 };
        // One written form for each tile: no leading groups of zeros.
        if tile.to_string() == path { Ok(tile) } else { Err(NotATile) }
    }
}

fn index_of(groups: &str) -> Option<u64> {
    let mut index = 0u64;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

/// Reads a decimal number without leading zeros, sign or anything else.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|digit| digit.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

/// Reads the hashes of a tile; `None` unless there are exactly `width`.
#[must_use]
pub fn tile_hashes(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    (rest.is_empty() && hashes.len() == usize::from(width)).then(|| hashes.iter().copied().map(Hash).collect())
}

/// Appends an entry to a bundle, framed by its length.
///
/// Returns `None`, and appends nothing, when it is longer than 65,535 bytes.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// Reads the entries of a bundle.
///
/// Returns those before the first that is cut, and whether the bundle ended where its last entry did.
#[must_use]
pub fn bundle_entries(bundle: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let Some((entry, next)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return (entries, false);
        };
        entries.push(entry);
        rest = next;
    }
    (entries, rest.is_empty())
}

/// A tree that grows. It keeps the partial tile of each level, which is all that more leaves need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    edges: Vec<Vec<Hash>>,
}

/// A tile to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWrite {
    /// Which.
    pub tile: TileRef,
    /// Its hashes, joined.
    pub bytes: Vec<u8>,
}

/// Why a tree cannot go on from what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The tree is as large as it can be.
    #[error("a log has at most 2^62 entries")]
    Full,
    /// A tile at the edge has not the hashes that its size asks for.
    #[error("tile `{0}` does not fit a tree of {1} leaves")]
    Edge(TileRef, u64),
}

impl Tree {
    /// Goes on from a stored tree; `tile` returns the bytes of the partial tiles at its right edge.
    ///
    /// # Errors
    ///
    /// What `tile` says, or [`TreeError::Edge`] when a tile has another width.
    pub fn resume<E: From<TreeError>>(
        size: u64,
        mut tile: impl FnMut(TileRef) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let mut edges = Vec::new();
        for level in 0..TILE_LEVELS {
            let Some(edge) = TileRef::of(Shelf::Hashes(level), size).last() else { break };
            if edge.is_full() {
                edges.push(Vec::new());
                continue;
            }
            let bytes = tile(edge)?;
            edges.push(tile_hashes(&bytes, edge.width).ok_or(TreeError::Edge(edge, size))?);
        }
        Ok(Self { size, edges })
    }

    /// Returns the number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. Tiles that fill up are appended to `full`.
    ///
    /// # Errors
    ///
    /// [`TreeError::Full`] at 2^62 leaves.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<TileWrite>) -> Result<(), TreeError> {
        if self.size >= TREE_SIZE_MAX {
            return Err(TreeError::Full);
        }
        self.size += 1;
        let mut carried = Some(leaf);
        let mut level = 0u8;
        while let Some(hash) = carried.take() {
            if usize::from(level) == self.edges.len() {
                self.edges.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let Some(edge) = self.edges.get_mut(usize::from(level)) else { break };
            edge.push(hash);
            if edge.len() as u64 == TILE_WIDTH {
                let index = (self.size >> (TILE_HEIGHT * (u32::from(level) + 1))) - 1;
                full.push(write(level, index, edge));
                carried = Some(fold(edge));
                edge.clear();
                level += 1;
            }
        }
        Ok(())
    }

    /// Returns the partial tiles of the present size, which a checkpoint of that size needs.
    pub fn partial(&self) -> impl Iterator<Item = TileWrite> {
        self.edges.iter().enumerate().filter(|(_, edge)| !edge.is_empty()).map(|(level, edge)| {
            let index = self.size >> (TILE_HEIGHT * (level as u32 + 1));
            write(level as u8, index, edge)
        })
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root = None;
        for edge in self.edges.iter().filter(|edge| !edge.is_empty()) {
            root = Some(peaks_root(edge, root));
        }
        root.unwrap_or_else(Hash::of_empty_tree)
    }
}

/// Joins the complete subtrees of a partial tile, largest at the left, with what stands to the right of them.
fn peaks_root(edge: &[Hash], right: Option<Hash>) -> Hash {
    let mut rest = edge;
    let mut peaks = Vec::new();
    while !rest.is_empty() {
        let (peak, next) = rest.split_at(1 << rest.len().ilog2());
        peaks.push(fold(peak));
        rest = next;
    }
    let root = peaks.into_iter().rev().fold(right, |right, left| match right {
        Some(right) => Some(Hash::node(left, right)),
        None => Some(left),
    });
    root.unwrap_or_else(Hash::of_empty_tree)
}

/// Hashes a power of two of nodes up to one.
fn fold(nodes: &[Hash]) -> Hash {
    let mut row = nodes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| Hash::node(*left, *right)).collect();
    }
    row.first().copied().unwrap_or_else(Hash::of_empty_tree)
}

fn write(level: u8, index: u64, hashes: &[Hash]) -> TileWrite {
    let tile = TileRef { shelf: Shelf::Hashes(level), index, width: hashes.len() as u16 };
    TileWrite { tile, bytes: hashes.iter().flat_map(|hash| hash.0).collect() }
}

/// Nodes of a tree of `size` leaves, read from its tiles.
pub struct TileNodes<F> {
    size: u64,
    read: F,
    kept: std::collections::BTreeMap<TileRef, Vec<Hash>>,
}

impl<F> TileNodes<F> {
    /// Reads tiles through `read`; each is read once.
    pub const fn new(size: u64, read: F) -> Self {
        Self { size, read, kept: std::collections::BTreeMap::new() }
    }
}

impl<E: From<TreeError>, F: FnMut(TileRef) -> Result<Vec<u8>, E>> Nodes for TileNodes<F> {
    type Error = E;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, E> {
        let level = (height / TILE_HEIGHT) as u8;
        let inside = height % TILE_HEIGHT;
        let first = index << inside;
        let hashes = self.size >> (TILE_HEIGHT * u32::from(level));
        let tile_index = first / TILE_WIDTH;
        let width = hashes.saturating_sub(tile_index * TILE_WIDTH).min(TILE_WIDTH) as u16;
        let tile = TileRef { shelf: Shelf::Hashes(level), index: tile_index, width };
        let misfit = || E::from(TreeError::Edge(tile, self.size));
        if !self.kept.contains_key(&tile) {
            let bytes = (self.read)(tile)?;
            self.kept.insert(tile, tile_hashes(&bytes, width).ok_or_else(misfit)?);
        }
        let start = (first % TILE_WIDTH) as usize;
        let nodes = self.kept.get(&tile).and_then(|hashes| hashes.get(start..start + (1 << inside)));
        nodes.map(fold).ok_or_else(misfit)
    }
}

const _: () = assert!(ENTRY_BYTES_MAX == u16::MAX as usize, "a bundle frames entries with 16 bits");
