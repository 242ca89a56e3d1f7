//! The witness: every status that the specification names.

use cordon_ledger::checkpoint::Checkpoint;
use cordon_ledger::hash::Hash;
use cordon_ledger::note::{Algorithm, Note};
use cordon_ledger::proof::consistency;
use cordon_ledger::publish::LogState;
use cordon_ledger::tile::{TileNodes, TileRef, TreeError};
use cordon_ledger::witness::{AddCheckpoint, Answer, Witness};
use std::collections::BTreeMap;

use crate::signer;

const ORIGIN: &str = "log.example/cordon";

struct Log {
    state: LogState,
    tiles: BTreeMap<TileRef, Vec<u8>>,
}

impl Log {
    fn of(size: u64, salt: &str) -> Self {
        let entries: Vec<String> = (0..size).map(|index| format!("{salt}{index}")).collect();
        let growth = LogState::default().grow(entries.iter().map(String::as_bytes)).expect("short");
        Self {
            tiles: growth.resources.into_iter().map(|write| (write.tile, write.bytes)).collect(),
            state: growth.state,
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        let (size, root) = (self.state.size(), self.state.root());
        Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }
    }

    fn note(&self) -> Note {
        self.checkpoint().sign(&signer(ORIGIN, Algorithm::Ed25519, 3))
    }

    fn proof(&self, old: u64) -> Vec<Hash> {
        let read = |tile: TileRef| self.tiles.get(&tile).cloned().ok_or(TreeError::Full);
        consistency(&mut TileNodes::new(self.state.size(), read), old, self.state.size()).expect("all tiles")
    }
}

fn witness() -> Witness {
    let log = signer(ORIGIN, Algorithm::Ed25519, 3);
    Witness::new(signer("witness.example/w", Algorithm::CosignatureEd25519, 4), [log.verifier().clone()])
}

fn status(request: &AddCheckpoint, latest: Option<Checkpoint>) -> u16 {
    status_of(&request.body(), latest)
}

fn status_of(body: &str, latest: Option<Checkpoint>) -> u16 {
    match witness().consider(body, |_| latest.clone(), 1_790_000_000) {
        Answer::Cosign { .. } => 200,
        Answer::Refuse { status, .. } => status,
    }
}

#[test]
fn each_case_has_its_status() {
    let (old, new) = (Log::of(100, ""), Log::of(700, ""));
    let request = AddCheckpoint { old_size: 100, proof: new.proof(100), checkpoint: new.note() };
    let known = || Some(old.checkpoint());
    assert_eq!(status(&request, known()), 200);
    assert_eq!(AddCheckpoint::read(&request.body()).as_ref(), Some(&request));

    let first = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: new.note() };
    assert_eq!(status(&first, None), 200);
    let conflict = witness().consider(&first.body(), |_| known(), 1);
    assert_eq!(conflict, Answer::Refuse { status: 409, size: Some(100) });
    assert_eq!(status(&AddCheckpoint { proof: vec![Hash::leaf(b"")], ..first.clone() }, None), 422);
    assert_eq!(status(&AddCheckpoint { old_size: 701, ..first.clone() }, known()), 400);
    assert_eq!(status(&AddCheckpoint { proof: Vec::new(), ..request.clone() }, known()), 422);
    let forked = Log::of(700, "other ");
    let fork = AddCheckpoint { old_size: 700, proof: Vec::new(), checkpoint: forked.note() };
    assert_eq!(status(&fork, Some(new.checkpoint())), 422, "the same size with another root");
    let same = AddCheckpoint { checkpoint: new.note(), ..fork };
    assert_eq!(status(&same, Some(new.checkpoint())), 200, "the same checkpoint again");

    let stranger = new.checkpoint().sign(&signer(ORIGIN, Algorithm::Ed25519, 9));
    assert_eq!(status(&AddCheckpoint { checkpoint: stranger, ..request.clone() }, known()), 403);
    let mut forged = request.clone();
    forged.checkpoint.signatures[0].signature[5] ^= 1;
    assert_eq!(status(&forged, known()), 403);
    let elsewhere = Checkpoint { origin: "other.example".to_owned(), ..new.checkpoint() };
    let elsewhere = elsewhere.sign(&signer("other.example", Algorithm::Ed25519, 3));
    assert_eq!(status(&AddCheckpoint { checkpoint: elsewhere, ..request.clone() }, known()), 404);
    for bad in ["", "old 1\n", "old 01\n\n", "old -1\n\nx\n", &request.body().replace("old ", "new ")] {
        assert_eq!(status_of(bad, known()), 400, "{bad:?}");
    }
}

#[test]
fn the_cosignature_verifies_on_the_checkpoint() {
    let new = Log::of(700, "");
    let request = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: new.note() };
    let Answer::Cosign { checkpoint, old_size, line, note } =
        witness().consider(&request.body(), |_| None, 1_790_000_000)
    else {
        panic!("refused");
    };
    assert_eq!((checkpoint.size, old_size), (700, 0));
    assert_eq!(note.signatures.len(), 2, "the log's and the witness's");
    // As the specification has it: the answer, appended to the checkpoint, is a note.
    let joined: Note = format!("{}{line}", request.checkpoint).parse().expect("a note");
    assert_eq!(checkpoint.cosigned_at(&joined, witness().verifier()), Ok(1_790_000_000));
}
