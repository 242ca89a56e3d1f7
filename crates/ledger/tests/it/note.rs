//! Notes: the example of the specification, another implementation, everything that is no note.

use cordon_ledger::Checkpoint;
use cordon_ledger::hash::Hash;
use cordon_ledger::note::{Algorithm, Note, NoteError, Verifier};
use proptest::prelude::*;
use signed_note::{StandardVerifier, Verifier as _, VerifierList};

use crate::signer;

const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

#[test]
fn the_example_of_the_specification_verifies() {
    let key: Verifier = SPEC_KEY.parse().expect("a vkey");
    let note: Note = SPEC_NOTE.parse().expect("a note");
    assert_eq!(note.verify(&key), Ok(()));
    assert_eq!((key.to_string(), note.to_string()), (SPEC_KEY.to_owned(), SPEC_NOTE.to_owned()));
    let forged: Note = SPEC_NOTE.replace("example message", "other message").parse().expect("a note");
    assert_eq!(forged.verify(&key), Err(NoteError::Forged("example.com/foo".to_owned())));
    let other = signer("example.com/foo", Algorithm::Ed25519, 1);
    assert_eq!(note.verify(other.verifier()), Err(NoteError::Unsigned("example.com/foo".to_owned())));
}

#[test]
fn another_implementation_accepts_our_checkpoints() {
    let signer = signer("log.example/cordon", Algorithm::Ed25519, 3);
    let checkpoint =
        Checkpoint { origin: "log.example/cordon".to_owned(), size: 7, root: Hash::leaf(b"x"), extensions: Vec::new() };
    let text = checkpoint.sign(&signer).to_string();
    let theirs = StandardVerifier::new(&signer.verifier().to_string()).expect("they read our vkey");
    assert_eq!(theirs.name(), "log.example/cordon");
    let note = signed_note::Note::from_bytes(text.as_bytes()).expect("they read our note");
    let (verified, _) = note.verify(&VerifierList::new(vec![Box::new(theirs)])).expect("they verify it");
    assert_eq!(verified.len(), 1);
    assert_eq!(tlog_tiles::Checkpoint::from_bytes(note.text()).expect("they read it").size(), 7);
}

#[test]
fn what_is_no_note_is_refused() {
    for bad in [
        "",
        "text\n",
        "text\n\n",
        "text\n\nno dash\n",
        "text\n\n\u{2014} name\n",
        "text\n\n\u{2014} name !!!!\n",
        "text\n\n\u{2014} a+b AAAAAAAA\n",
        "te\u{7}xt\n\n\u{2014} name AAAAAAAA\n",
        "text\r\n\n\u{2014} name AAAAAAAA\n",
        "text\n\n\u{2014} name AAAAAAAA",
        "text\n\n\u{2014} name AAAA\n",
    ] {
        assert!(bad.parse::<Note>().is_err(), "{bad:?}");
    }
    let many = format!("text\n\n{}", "\u{2014} name AAAAAAAA\n".repeat(65));
    assert!(many.parse::<Note>().is_err(), "more signatures than are looked at");
    for bad in ["", "a", "a+b", "a+00000000+AQ==", "a+zz+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"] {
        assert!(bad.parse::<Verifier>().is_err(), "{bad:?}");
    }
    let wrong_id = SPEC_KEY.replace("530d903a", "530d903b");
    assert_eq!(wrong_id.parse::<Verifier>(), Err(NoteError::Key("its second part does not fit the key")));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let refused = |text: &str| assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    assert!(format!("o\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    assert_eq!(format!("o\n1\n{root}\nmore\n").parse::<Checkpoint>().expect("extended").extensions, ["more"]);
    for text in ["", "o\n1\n", "\n1\nx\n", &format!("o\n01\n{root}\n"), &format!("o\n-1\n{root}\n")] {
        refused(text);
    }
    refused(&format!("o\n1\n{root}"));
    refused(&format!("o\n1\n{root}\n\nmore\n"));
    refused(&format!("o\n1\n{}\n", root.trim_end_matches('=')));
    refused("o\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    refused(&format!("o\n99999999999999999999\n{root}\n"));
}

#[test]
fn cosignatures_name_their_time_and_their_tree() {
    let log = signer("log.example/cordon", Algorithm::Ed25519, 3);
    let witness = signer("witness.example/w", Algorithm::CosignatureEd25519, 4);
    let checkpoint =
        Checkpoint { origin: "log.example/cordon".to_owned(), size: 7, root: Hash::leaf(b"x"), extensions: Vec::new() };
    let mut note = checkpoint.sign(&log);
    note.signatures.push(checkpoint.cosign(&witness, 1_679_315_147).expect("a witness's key"));
    let note: Note = note.to_string().parse().expect("a note");
    assert_eq!(checkpoint.cosigned_at(&note, witness.verifier()), Ok(1_679_315_147));
    assert_eq!(Checkpoint::open(&note, log.verifier()).as_ref(), Ok(&checkpoint));
    let larger = Checkpoint { size: 8, ..checkpoint.clone() };
    assert!(larger.cosign(&log, 1).is_err(), "a log's key cosigns nothing");
    let mut moved = note.clone();
    if let Some(line) = moved.signatures.last_mut() {
        line.signature[7] ^= 1;
    }
    assert!(matches!(checkpoint.cosigned_at(&moved, witness.verifier()), Err(NoteError::Forged(_))), "another time");
    assert!(Checkpoint::open(&note, witness.verifier()).is_ok(), "a cosignature opens a checkpoint too");
}

/// ML-DSA-44 is verified and not issued: the test signs with the library directly.
#[test]
fn ml_dsa_44_cosignatures_verify() {
    use aws_lc_rs::signature::{KeyPair as _, ML_DSA_44_SIGNING, PqdsaKeyPair};
    let pair = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).expect("a key pair");
    let name = "witness.example/pq";
    let key = Verifier::new(name.parse().expect("a name"), Algorithm::CosignatureMlDsa44, pair.public_key().as_ref());
    let key = key.expect("1312 bytes");
    let origin = "log.example/cordon";
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: 9, root: Hash::leaf(b"y"), extensions: Vec::new() };
    let time = 1_790_000_000u64;
    let mut message = b"subtree/v1\n\0".to_vec();
    message.push(name.len() as u8);
    message.extend(name.as_bytes());
    message.extend(time.to_be_bytes());
    message.push(origin.len() as u8);
    message.extend(origin.as_bytes());
    message.extend(0u64.to_be_bytes());
    message.extend(9u64.to_be_bytes());
    message.extend(checkpoint.root.0);
    let mut signature = vec![0; 2420];
    let length = pair.sign(&message, &mut signature).expect("signs");
    assert_eq!(length, 2420);
    let stamped = [time.to_be_bytes().as_slice(), &signature].concat();
    let id = u32::from_str_radix(key.to_string().split('+').nth(1).expect("an id"), 16).expect("hex").to_be_bytes();
    let mut note = checkpoint.sign(&signer(origin, Algorithm::Ed25519, 3));
    note.signatures.push(cordon_ledger::note::SignatureLine { name: name.to_owned(), id, signature: stamped });
    assert_eq!(checkpoint.cosigned_at(&note, &key), Ok(time));
    assert!(Checkpoint { size: 10, ..checkpoint }.cosigned_at(&note, &key).is_err());
    assert_eq!(key.to_string().parse::<Verifier>().as_ref(), Ok(&key));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in "\\PC{0,200}", tail in "[\\PC\n]{0,200}") {
        let _ = text.parse::<Verifier>();
        let _ = format!("{text}\n\n\u{2014} {tail}\n").parse::<Note>();
        let _ = format!("{text}\n{tail}\n").parse::<Checkpoint>();
        let _ = format!("c2sp.org/tlog-proof@v1\n{text}\n\n{tail}").parse::<cordon_ledger::tlog_proof::LogProof>();
        let _ = cordon_ledger::witness::AddCheckpoint::read(&format!("old {text}\n\n{tail}"));
        let _ = text.parse::<cordon_ledger::tile::TileRef>();
    }
}
