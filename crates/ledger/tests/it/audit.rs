//! The walk over a whole log: everything that can be done to one, and where it is found.

use std::collections::BTreeMap;
use std::convert::Infallible;

use cordon_ledger::Checkpoint;
use cordon_ledger::audit::{Fault, Resources, Tampering, walk};
use cordon_ledger::note::{Algorithm, Signer};
use cordon_ledger::publish::LogState;
use cordon_ledger::tile::{bundle_entries, push_entry};

use crate::signer;

#[derive(Clone)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Resources for Folder {
    type Error = Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }
}

fn log_signer() -> Signer {
    signer("log.example/cordon", Algorithm::Ed25519, 3)
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index} {}", "x".repeat(index as usize % 7)).into_bytes()
}

/// A log of `size` entries, published in steps.
fn folder(size: u64) -> Folder {
    grown(size, entry)
}

fn grown(size: u64, entry: impl Fn(u64) -> Vec<u8>) -> Folder {
    let mut state = LogState::default();
    let mut folder = BTreeMap::new();
    while state.size() < size {
        let entries: Vec<Vec<u8>> = (state.size()..size.min(state.size() + 100)).map(&entry).collect();
        let growth = state.grow(entries.iter().map(Vec::as_slice)).expect("short");
        folder.extend(growth.resources.iter().map(|write| (write.tile.to_string(), write.bytes.clone())));
        folder.insert("checkpoint".to_owned(), growth.sign(&log_signer()).to_string().into_bytes());
        state = growth.state;
    }
    Folder(folder)
}

fn faults(folder: &Folder, known: &[Checkpoint]) -> Vec<Fault> {
    walk(&mut folder.clone(), log_signer().verifier(), known, |_, _, _| {}).expect("in memory").faults
}

fn checkpoint(folder: &Folder) -> Checkpoint {
    let note = String::from_utf8(folder.0["checkpoint"].clone()).expect("text").parse().expect("a note");
    Checkpoint::open(&note, log_signer().verifier()).expect("signed")
}

/// Rewrites the bundle that holds entry `index`.
fn edit(folder: &mut Folder, path: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut entries: Vec<Vec<u8>> = bundle_entries(&folder.0[path]).0.into_iter().map(<[u8]>::to_vec).collect();
    change(&mut entries);
    let mut bundle = Vec::new();
    entries.iter().for_each(|entry| push_entry(&mut bundle, entry).expect("short"));
    folder.0.insert(path.to_owned(), bundle);
}

fn only(faults: &[Fault]) -> &Fault {
    assert_eq!(faults.len(), 1, "{faults:?}");
    &faults[0]
}

#[test]
fn an_untouched_log_of_any_size_has_no_fault() {
    for size in [0u64, 1, 2, 255, 256, 257, 600, 70_000] {
        let folder = if size == 0 { empty() } else { folder(size) };
        let walk = walk(&mut folder.clone(), log_signer().verifier(), &[], |_, _, _| {}).expect("in memory");
        assert_eq!((walk.faults, walk.entries), (Vec::new(), size));
    }
}

fn empty() -> Folder {
    let growth = LogState::default().grow([]).expect("nothing");
    Folder(BTreeMap::from([("checkpoint".to_owned(), growth.sign(&log_signer()).to_string().into_bytes())]))
}

#[test]
fn what_was_done_to_an_entry_is_told_with_its_index() {
    for size in [700u64, 70_000] {
        let whole = folder(size);
        // (entry, bundle path, place in the bundle): first, middle, last of a bundle, in the partial bundle.
        let last_bundle = size / 256;
        let partial = format!("tile/entries/{last_bundle:03}.p/{}", size % 256);
        let cases = [
            (0, "tile/entries/000".to_owned(), 0),
            (300, "tile/entries/001".to_owned(), 44),
            (511, "tile/entries/001".to_owned(), 255),
            (last_bundle * 256 + 3, partial, 3),
        ];
        for (index, path, place) in cases {
            let mut changed = whole.clone();
            edit(&mut changed, &path, |entries| entries[place][0] ^= 1);
            let expected = Fault::Entry { index, what: Tampering::Changed };
            assert_eq!(only(&faults(&changed, &[])), &expected, "{size}: {path}");

            let mut removed = whole.clone();
            edit(&mut removed, &path, |entries| drop(entries.remove(place)));
            let expected = Fault::Entry { index, what: Tampering::Removed };
            assert_eq!(only(&faults(&removed, &[])), &expected, "{size}: {path}");

            let mut inserted = whole.clone();
            edit(&mut inserted, &path, |entries| entries.insert(place, b"one more".to_vec()));
            let expected = Fault::Entry { index, what: Tampering::Inserted };
            assert_eq!(only(&faults(&inserted, &[])), &expected, "{size}: {path}");

            if place + 2 < 256 {
                let mut swapped = whole.clone();
                edit(&mut swapped, &path, |entries| entries.swap(place, place + 2));
                let expected = Fault::Entry { index, what: Tampering::Reordered { with: index + 2 } };
                assert_eq!(only(&faults(&swapped, &[])), &expected, "{size}: {path}");
            }
        }
    }
}

#[test]
fn a_removed_entry_whose_followers_moved_up_is_found() {
    let whole = folder(700);
    let mut moved = grown(699, |index| entry(if index >= 300 { index + 1 } else { index }));
    // Tiles and checkpoint are still the old ones; bundles were made anew without entry 300.
    for (path, bytes) in &whole.0 {
        if !path.starts_with("tile/entries/") {
            moved.0.insert(path.clone(), bytes.clone());
        }
    }
    let last = moved.0.remove("tile/entries/002.p/187").expect("made");
    moved.0.insert("tile/entries/002.p/188".to_owned(), last);
    assert_eq!(only(&faults(&moved, &[])), &Fault::Entry { index: 300, what: Tampering::Removed });
}

#[test]
fn any_flipped_bit_in_any_file_is_found_where_it_is() {
    let whole = folder(700);
    let mut chance = cordon_testkit::Chance::new(4);
    for (path, bytes) in &whole.0 {
        for _ in 0..6 {
            let place = chance.below(bytes.len() as u64) as usize;
            let mut changed = whole.clone();
            changed.0.get_mut(path).expect("there")[place] ^= 1 << chance.below(8);
            let found = faults(&changed, &[]);
            let stale = path.contains(".p/") && !path.ends_with(".p/188") && path != "tile/1/000.p/2";
            if stale {
                assert_eq!(found, [], "{path} is the partial tile of an older checkpoint");
                continue;
            }
            assert!(!found.is_empty(), "byte {place} of {path}");
            if path.starts_with("tile/entries/") {
                let start = 256 * path[13..16].parse::<u64>().expect("a number");
                let located = match &found[0] {
                    Fault::Entry { index, .. } | Fault::Missing { index, .. } => *index,
                    other => panic!("{path}: {other:?}"),
                };
                assert!((start..start + 256).contains(&located), "{path}: {found:?}");
            }
        }
    }
}

#[test]
fn a_rewritten_history_is_a_fork_or_a_rollback_for_who_saw_a_checkpoint() {
    let seen = checkpoint(&folder(500));
    let shorter = folder(400);
    assert_eq!(only(&faults(&shorter, std::slice::from_ref(&seen))), &Fault::RolledBack { size: 400, known: 500 });
    let rewritten = grown(700, |index| if index == 100 { b"another".to_vec() } else { entry(index) });
    assert_eq!(faults(&rewritten, &[]), [], "without a witness nobody can tell");
    assert_eq!(only(&faults(&rewritten, std::slice::from_ref(&seen))), &Fault::Forked { size: 500 });
    assert_eq!(faults(&folder(700), &[seen]), []);
}

#[test]
fn entries_and_tiles_changed_alike_lead_to_another_root() {
    let mut forged = grown(700, |index| if index == 100 { b"another".to_vec() } else { entry(index) });
    forged.0.insert("checkpoint".to_owned(), folder(700).0["checkpoint"].clone());
    assert_eq!(only(&faults(&forged, &[])), &Fault::Lost { among: 0..700 });
    let mut unsigned = folder(700);
    let text = String::from_utf8(unsigned.0["checkpoint"].clone()).expect("text").replace("\n700\n", "\n699\n");
    unsigned.0.insert("checkpoint".to_owned(), text.into_bytes());
    assert!(matches!(only(&faults(&unsigned, &[])), Fault::Checkpoint(_)));
    unsigned.0.remove("checkpoint");
    assert_eq!(only(&faults(&unsigned, &[])), &Fault::NoCheckpoint);
    let mut missing = folder(700);
    missing.0.remove("tile/entries/001");
    let gone = Fault::Missing { path: "tile/entries/001".to_owned(), index: 256 };
    assert_eq!(only(&faults(&missing, &[])), &gone);
    let mut tile = folder(700);
    tile.0.get_mut("tile/0/001").expect("there")[32 * 7] ^= 1;
    assert_eq!(only(&faults(&tile, &[])), &Fault::Tile { path: "tile/0/001".to_owned(), index: 263 });
}
