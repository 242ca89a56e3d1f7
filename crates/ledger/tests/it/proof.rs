//! Proofs and tiles, against a naive tree and two other implementations.

use cordon_ledger::hash::Hash;
use cordon_ledger::proof::{Nodes, consistency, inclusion, root_of, verify_consistency, verify_inclusion};
use cordon_ledger::tile::{Shelf, TileNodes, TileRef, Tree, TreeError, bundle_entries, push_entry};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use std::collections::BTreeMap;

/// Leaves, and nodes by the definition of RFC 6962.
struct Naive(Vec<Hash>);

impl Naive {
    fn of(size: u64) -> Self {
        Self((0..size).map(|index| Hash::leaf(&index.to_be_bytes())).collect())
    }

    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of_empty_tree(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                Hash::node(Self::root(left), Self::root(right))
            }
        }
    }
}

impl Nodes for Naive {
    type Error = ();

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, ()> {
        let (start, width) = ((index << height) as usize, 1usize << height);
        Ok(Self::root(&self.0[start..start + width]))
    }
}

/// Tiles as a folder would hold them.
fn tiles(size: u64) -> (Tree, BTreeMap<TileRef, Vec<u8>>) {
    let mut tree = Tree::default();
    let mut full = Vec::new();
    for index in 0..size {
        tree.push(Hash::leaf(&index.to_be_bytes()), &mut full).expect("room");
    }
    let all = full.into_iter().chain(tree.partial().collect::<Vec<_>>());
    let all = all.map(|write| (write.tile, write.bytes)).collect();
    (tree, all)
}

#[test]
fn every_proof_of_small_trees_verifies_and_no_other() {
    for size in 0..70u64 {
        let mut naive = Naive::of(size);
        let root = Naive::root(&naive.0);
        assert_eq!(root_of(&mut naive, 0..size), Ok(root));
        for index in 0..size {
            let proof = inclusion(&mut naive, index, size).expect("in memory");
            let leaf = naive.0[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &proof, root), Ok(()), "{index} of {size}");
            for other in (0..size).filter(|&other| other != index) {
                assert!(verify_inclusion(leaf, other, size, &proof, root).is_err(), "{index} at {other} of {size}");
            }
            let longer = [proof.as_slice(), &[root]].concat();
            assert!(verify_inclusion(leaf, index, size, &longer, root).is_err());
        }
        for old in 1..=size {
            let old_root = Naive::root(&naive.0[..old as usize]);
            let proof = consistency(&mut naive, old, size).expect("in memory");
            assert_eq!(verify_consistency((old, old_root), (size, root), &proof), Ok(()), "{old} to {size}");
            assert!(verify_consistency((old, root), (size, old_root), &proof).is_err() || old == size);
        }
    }
}

#[test]
fn a_tree_grown_by_tiles_has_the_root_of_ct_merkle() {
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut ours = Tree::default();
    for index in 0..1100u64 {
        theirs.push(index.to_be_bytes());
        ours.push(Hash::leaf(&index.to_be_bytes()), &mut Vec::new()).expect("room");
        if index % 37 == 0 || (250..260).contains(&index) {
            assert_eq!(ours.root().0.as_slice(), theirs.root().as_bytes().as_slice(), "{index}");
        }
    }
    let mut naive = Naive::of(1100);
    let proof = inclusion(&mut naive, 700, 1100).expect("in memory");
    let bytes: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
    assert_eq!(theirs.prove_inclusion(700).as_bytes(), bytes);
    let proof = consistency(&mut naive, 300, 1100).expect("in memory");
    let bytes: Vec<u8> = proof.iter().flat_map(|hash| hash.0).collect();
    let mut old = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    (0..1100u64).for_each(|index| old.push(index.to_be_bytes()));
    assert_eq!(old.prove_consistency(800).as_bytes(), bytes);
}

#[test]
fn tiles_are_those_that_the_specification_names() {
    let widths = |shelf| TileRef::of(shelf, 70_000).map(|tile| tile.width).collect::<Vec<_>>();
    assert_eq!(widths(Shelf::Hashes(0)).len(), 274);
    assert_eq!(widths(Shelf::Hashes(0)).last(), Some(&112));
    assert_eq!(widths(Shelf::Hashes(1)), [256, 17]);
    assert_eq!(widths(Shelf::Hashes(2)), [1]);
    assert!(widths(Shelf::Hashes(3)).is_empty());
    let (tree, stored) = tiles(70_000);
    let named: Vec<TileRef> = (0..4).flat_map(|level| TileRef::of(Shelf::Hashes(level), 70_000)).collect();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), named);
    let (_, at_256) = tiles(256);
    assert_eq!(at_256.keys().map(ToString::to_string).collect::<Vec<_>>(), ["tile/0/000", "tile/1/000.p/1"]);
    let resumed = Tree::resume::<TreeError>(70_000, |tile| Ok(stored[&tile].clone())).expect("resumes");
    assert_eq!(resumed, tree);
}

#[test]
fn paths_are_written_one_way_only() {
    for (path, fits) in [
        ("tile/0/x001/x234/067", true),
        ("tile/entries/000.p/255", true),
        ("tile/63/999", true),
        ("tile/64/000", false),
        ("tile/00/000", false),
        ("tile/0/x000/001", false),
        ("tile/0/000.p/256", false),
        ("tile/0/000.p/0", false),
        ("tile/0/000.p/01", false),
        ("tile/0/1", false),
        ("tile/0/001/002", false),
        ("tile/0/../000", false),
        ("checkpoint", false),
    ] {
        let read = path.parse::<TileRef>();
        assert_eq!(read.is_ok(), fits, "{path}");
        if let Ok(tile) = read {
            assert_eq!(tile.to_string(), path);
            let theirs = path.replace("tile/entries", "tile/data").replacen("tile/", "tile/8/", 1);
            assert_eq!(tlog_tiles::Tile::from_path(&theirs).expect("they read it").level_index(), tile.index, "{path}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn proofs_from_tiles_are_those_of_the_tree(size in 1u64..70_000, at in 0.0f64..1.0, from in 0.0f64..1.0) {
        let (tree, stored) = tiles(size);
        let mut nodes = TileNodes::new(size, |tile: TileRef| stored.get(&tile).cloned().ok_or(TreeError::Full));
        let index = (at * size as f64) as u64;
        let proof = inclusion(&mut nodes, index, size).expect("all tiles are here");
        prop_assert_eq!(verify_inclusion(Hash::leaf(&index.to_be_bytes()), index, size, &proof, tree.root()), Ok(()));
        let old = 1 + (from * (size - 1) as f64) as u64;
        let proof = consistency(&mut nodes, old, size).expect("all tiles are here");
        prop_assert_eq!(verify_consistency((old, tiles(old).0.root()), (size, tree.root()), &proof), Ok(()));
    }

    #[test]
    fn bundles_read_back_and_cuts_are_seen(lengths in prop::collection::vec(0usize..300, 0..20), cut in 0usize..50) {
        let entries: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![7; length]).collect();
        let mut bundle = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut bundle, entry).expect("short"));
        prop_assert_eq!(bundle_entries(&bundle), (entries.iter().map(Vec::as_slice).collect(), true));
        if cut > 0 && cut < bundle.len() {
            let (read, _) = bundle_entries(&bundle[..bundle.len() - cut]);
            prop_assert!(read.len() < entries.len());
        }
    }
}
