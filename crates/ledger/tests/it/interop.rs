//! Proof files, and another client reading our tiles.

use std::collections::BTreeMap;

use cordon_ledger::note::Algorithm;
use cordon_ledger::proof::inclusion;
use cordon_ledger::publish::LogState;
use cordon_ledger::tile::{TileNodes, TileRef, TreeError};
use cordon_ledger::tlog_proof::{LogProof, LogProofError};

use crate::signer;

fn log(size: u64) -> (LogState, BTreeMap<TileRef, Vec<u8>>, LogProof) {
    let entries: Vec<Vec<u8>> = (0..size).map(|index| vec![index as u8; 300]).collect();
    let growth = LogState::default().grow(entries.iter().map(Vec::as_slice)).expect("short");
    let checkpoint = growth.sign(&signer("log.example/cordon", Algorithm::Ed25519, 3));
    let tiles: BTreeMap<_, _> = growth.resources.into_iter().map(|write| (write.tile, write.bytes)).collect();
    let mut nodes = TileNodes::new(size, |tile: TileRef| tiles.get(&tile).cloned().ok_or(TreeError::Full));
    let hashes = inclusion(&mut nodes, size / 3, size).expect("all tiles");
    let entry = Some(entries[(size / 3) as usize].clone());
    (growth.state, tiles.clone(), LogProof { entry, index: size / 3, hashes, checkpoint })
}

#[test]
fn a_proof_file_stands_alone() {
    let (_, _, proof) = log(1000);
    let text = proof.to_string();
    let read: LogProof = text.parse().expect("a proof");
    assert_eq!(read, proof);
    let key = signer("log.example/cordon", Algorithm::Ed25519, 3);
    let (entry, checkpoint) = read.verify(key.verifier()).expect("holds");
    assert_eq!((entry.len(), checkpoint.size), (300, 1000));
    let without_entry =
        text.lines().filter(|line| !line.starts_with("extra ")).map(|line| line.len() + 1).sum::<usize>();
    assert!(without_entry <= 2048, "{without_entry} bytes");

    let check = |text: &str| text.parse::<LogProof>().and_then(|proof| proof.verify(key.verifier()).map(|_| ()));
    let wrong_index = text.replace("index 333", "index 334");
    assert!(matches!(check(&wrong_index), Err(LogProofError::Inclusion(_))));
    let cut: String = text.lines().filter(|line| !line.starts_with("extra")).map(|line| format!("{line}\n")).collect();
    assert_eq!(check(&cut), Err(LogProofError::NoEntry));
    assert!(matches!(check(&text.replace("\n1000\n", "\n1001\n")), Err(LogProofError::Checkpoint(_))));
    assert!(matches!(check(&text.replace("@v1", "@v2")), Err(LogProofError::Malformed(_))));
    let stranger = signer("log.example/cordon", Algorithm::Ed25519, 4);
    assert!(matches!(read.verify(stranger.verifier()), Err(LogProofError::Checkpoint(_))));
}

/// Our tiles through the reader of the crate `tlog_tiles`, which proves each hash it hands out.
#[test]
fn another_client_reads_our_tiles() {
    struct Reader(BTreeMap<TileRef, Vec<u8>>);
    impl tlog_tiles::TileReader for Reader {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
            let read = tiles.iter().map(|tile| self.0[&path(tile).parse::<TileRef>().expect("our path")].clone());
            Ok(read.collect())
        }
        fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
    }
    for size in [1u64, 255, 256, 257, 1000, 70_000] {
        let (state, tiles, ours) = log(size);
        let reader = Reader(tiles);
        let root = tlog_tiles::Hash(state.root().0);
        let hashes = tlog_tiles::TileHashReader::new(size, root, &reader);
        assert_eq!(tlog_tiles::tlog::tree_hash(size, &hashes).expect("reads").0, state.root().0, "{size}");
        let theirs = tlog_tiles::tlog::prove_record(size, size / 3, &hashes).expect("proves");
        let theirs: Vec<[u8; 32]> = theirs.iter().map(|hash| hash.0).collect();
        assert_eq!(theirs, ours.hashes.iter().map(|hash| hash.0).collect::<Vec<_>>(), "{size}");
    }
}
