//! Inclusion and consistency proofs: made from the nodes of a tree, verified with nothing but hashes.
//!
//! Sources: RFC 6962 section 2.1, and for subtrees draft-ietf-plants-merkle-tree-certs section 4. A proof of consistency
//! between two trees is that of a subtree which begins at 0.

use crate::hash::Hash;
use crate::limits::PROOF_HASHES_MAX;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Sizes, indexes or ranges that no tree has.
    #[error("the proof speaks of a tree that cannot be")]
    Range,
    /// Too few or too many hashes.
    #[error("the proof has a wrong number of hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Verifies that `leaf` stands at `index` in the tree of `size` leaves with `root`.
///
/// # Errors
///
/// [`ProofError`] when it does not, or the proof has a hash too many or too few.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = leaf;
    for &sibling in bounded(proof)? {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if place & 1 == 1 || place == last {
            hash = Hash::node(sibling, hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = Hash::node(hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root) }
}

/// Verifies that `leaf` stands at `index` in the subtree of leaves `start..end` with `root`.
///
/// # Errors
///
/// As [`verify_inclusion`]; [`ProofError::Range`] when no tree has such a subtree.
pub fn verify_subtree_inclusion(
    leaf: Hash,
    index: u64,
    range: std::ops::Range<u64>,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if !is_subtree(&range) || !range.contains(&index) {
        return Err(ProofError::Range);
    }
    verify_inclusion(leaf, index - range.start, range.end - range.start, proof, root)
}

/// Verifies that the tree of `old_size` leaves with `old_root` is the beginning of that of `size` leaves with `root`.
///
/// # Errors
///
/// [`ProofError`] when it is not. Between equal sizes the proof is empty. From the empty tree to a larger one there is
/// nothing to prove, and so no proof: [`ProofError::Range`].
pub fn verify_consistency(
    (old_size, old_root): (u64, Hash),
    (size, root): (u64, Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size == 0 && size != 0 {
        return Err(ProofError::Range);
    }
    if old_size == size && old_root != root {
        return Err(ProofError::Root);
    }
    verify_subtree_consistency((0..old_size, old_root), (size, root), proof)
}

/// Verifies that the leaves `range` with `subtree_root` are part of the tree of `size` leaves with `root`.
///
/// # Errors
///
/// [`ProofError`] when they are not, or no tree has such a subtree. An empty range is part of every tree that reaches to
/// it: its root is that of the empty tree, and its proof is empty.
pub fn verify_subtree_consistency(
    (range, subtree_root): (std::ops::Range<u64>, Hash),
    (size, root): (u64, Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if range.start == range.end && range.end <= size {
        let holds = subtree_root == Hash::of_empty_tree() && proof.is_empty();
        return if holds { Ok(()) } else { Err(ProofError::Root) };
    }
    if !is_subtree(&range) || range.end > size {
        return Err(ProofError::Range);
    }
    let (mut first, mut last_old, mut last) = (range.start, range.end - 1, size - 1);
    // Up to the highest complete subtree at the right edge of the range.
    while first != last_old && (last_old == last || last_old & 1 == 1) {
        (first, last_old, last) = (first >> 1, last_old >> 1, last >> 1);
    }
    let mut hashes = bounded(proof)?.iter().copied();
    let mut old = if first == last_old { subtree_root } else { hashes.next().ok_or(ProofError::Length)? };
    let mut new = old;
    for sibling in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if last_old & 1 == 1 || last_old == last {
            if first < last_old {
                old = Hash::node(sibling, old);
            }
            new = Hash::node(sibling, new);
            while last_old & 1 == 0 && last_old != 0 {
                (first, last_old, last) = (first >> 1, last_old >> 1, last >> 1);
            }
        } else {
            new = Hash::node(new, sibling);
        }
        (first, last_old, last) = (first >> 1, last_old >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == subtree_root && new == root { Ok(()) } else { Err(ProofError::Root) }
}

/// Tells whether a tree can have the leaves `range` as a subtree: not empty, and aligned to its size rounded up.
#[must_use]
pub fn is_subtree(range: &std::ops::Range<u64>) -> bool {
    let Some(width) = range.end.checked_sub(range.start).filter(|&width| width > 0) else { return false };
    width.checked_next_power_of_two().is_some_and(|rounded| range.start.is_multiple_of(rounded))
}

fn bounded(proof: &[Hash]) -> Result<&[Hash], ProofError> {
    if proof.len() > PROOF_HASHES_MAX { Err(ProofError::Length) } else { Ok(proof) }
}

/// Gives the hash of complete subtrees: of the `index`-th run of `2^height` leaves.
pub trait Nodes {
    /// Why a node cannot be given.
    type Error;

    /// Returns the hash of the leaves `index << height .. (index + 1) << height`, all of which exist.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Returns the root of the leaves `start..end`, where `start` is a multiple of the size rounded up to a power of two.
///
/// # Errors
///
/// When a node cannot be read.
pub fn root_of<N: Nodes>(nodes: &mut N, range: std::ops::Range<u64>) -> Result<Hash, N::Error> {
    let (mut at, end) = (range.start, range.end);
    let mut peaks = Vec::new();
    while at < end {
        let height = (end - at).ilog2().min(if at == 0 { 63 } else { at.trailing_zeros() });
        peaks.push(nodes.node(height, at >> height)?);
        at += 1 << height;
    }
    let root = peaks.into_iter().rev().reduce(|right, left| Hash::node(left, right));
    Ok(root.unwrap_or_else(Hash::of_empty_tree))
}

/// Makes the proof that leaf `index` is in the tree of `size` leaves.
///
/// # Errors
///
/// When a node cannot be read. An index beyond the tree gives an empty proof, which verifies nothing.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if index >= size {
        return Ok(Vec::new());
    }
    let mut siblings = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    siblings.into_iter().rev().map(|range| root_of(nodes, range)).collect()
}

/// Makes the proof that the tree of `old_size` leaves is the beginning of that of `size` leaves.
///
/// # Errors
///
/// When a node cannot be read.
pub fn consistency<N: Nodes>(nodes: &mut N, old_size: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    if old_size == 0 || old_size >= size {
        return Ok(Vec::new());
    }
    let mut siblings = Vec::new();
    let (mut start, mut end) = (0, size);
    while end != old_size {
        let middle = start + split(end - start);
        if old_size <= middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    if start != 0 {
        siblings.push(start..end);
    }
    siblings.into_iter().rev().map(|range| root_of(nodes, range)).collect()
}

/// The largest power of two below `width`, which is at least 2.
const fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}
