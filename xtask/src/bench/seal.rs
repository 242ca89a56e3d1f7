//! Measures what needs no database: the walk over a large log, proofs, encryption against the raw cipher.

use std::path::Path;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use cordon_domain::Entropy as _;
use cordon_keys::stream::{Place, REST_BYTES, Stream};
use cordon_keys::{DataKey, Secret};
use cordon_ledger::audit::{nodes, walk};
use cordon_ledger::hash::Hash;
use cordon_ledger::note::{Algorithm, Signer};
use cordon_ledger::proof::{inclusion, verify_inclusion};
use cordon_ledger::publish::LogState;
use cordon_store::edge::SystemEntropy;
use cordon_store::log::LogFolder;

const ENTRIES: u64 = 1_000_000;
const ENTRY_BYTES: usize = 470;
const PROOFS: u64 = 2000;
/// Bytes that are encrypted: more than any cache holds.
const DATA_BYTES: usize = 256 * REST_BYTES;
const ROUNDS: usize = 7;

/// Walks a log of a million entries, and proves some of them.
pub(crate) fn log(folder: &Path) -> Result<(), String> {
    let seed = Secret::draw(&mut SystemEntropy);
    let name = "bench.example/log".parse().map_err(|error| format!("{error}"))?;
    let signer = Signer::new(name, Algorithm::Ed25519, &seed).map_err(|error| error.to_string())?;
    let state = written(folder, &signer).map_err(|error| error.to_string())?;
    let mut log = LogFolder(folder.to_owned());
    let begun = Instant::now();
    let walked = walk(&mut log, signer.verifier(), &[], |_, _, _| {});
    let walked = walked.map_err(|error| error.to_string())?;
    if walked.entries != ENTRIES || !walked.faults.is_empty() {
        return Err(format!("{:?}", walked.faults));
    }
    println!("| verify a log of {ENTRIES} events of {ENTRY_BYTES} bytes | {:.2} s |", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut hashes = 0;
    for number in 0..PROOFS {
        let index = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % ENTRIES;
        // Nothing is kept between two proofs.
        let proof = inclusion(&mut nodes(&mut log, ENTRIES), index, ENTRIES).map_err(|fault| format!("{fault:?}"))?;
        let verdict = verify_inclusion(Hash::leaf(&entry(index)), index, ENTRIES, &proof, state.root());
        verdict.map_err(|error| error.to_string())?;
        hashes = hashes.max(proof.len());
    }
    let each = begun.elapsed().as_secs_f64() * 1e3 / PROOFS as f64;
    println!("| inclusion proof in it, tiles read anew each time | {each:.3} ms; at most {hashes} hashes |");
    Ok(())
}

fn entry(index: u64) -> Vec<u8> {
    let mut entry = vec![0x5a; ENTRY_BYTES];
    entry.iter_mut().zip(index.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    entry
}

fn written(folder: &Path, signer: &Signer) -> std::io::Result<LogState> {
    let mut state = LogState::default();
    while state.size() < ENTRIES {
        let entries: Vec<Vec<u8>> = (state.size()..(state.size() + 25_600).min(ENTRIES)).map(entry).collect();
        let growth = state.grow(entries.iter().map(Vec::as_slice)).map_err(std::io::Error::other)?;
        for write in &growth.resources {
            let path = folder.join(write.tile.to_string());
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, &write.bytes)?;
        }
        std::fs::write(folder.join("checkpoint"), growth.sign(signer).to_string())?;
        state = growth.state;
    }
    Ok(state)
}

/// Encrypts and decrypts in place, in turns with the raw cipher.
pub(crate) fn streams() -> Result<(), String> {
    let mut data = vec![0u8; DATA_BYTES];
    SystemEntropy.fill(&mut data);
    let raw = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| "no key")?);
    let (stream, _) = Stream::begin(&DataKey::draw(&mut SystemEntropy), b"bench", &mut SystemEntropy);
    let (mut seal, mut unseal, mut bare) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for (number, segment) in data.chunks_exact_mut(REST_BYTES).enumerate() {
            let mut nonce = [0; 12];
            nonce.iter_mut().zip(number.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
            let nonce = Nonce::assume_unique_for_key(nonce);
            let _tag = raw.seal_in_place_separate_tag(nonce, Aad::empty(), segment).map_err(|_| "not sealed")?;
        }
        bare = bare.min(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let mut tags = Vec::with_capacity(data.len() / REST_BYTES);
        for (number, segment) in data.chunks_exact_mut(REST_BYTES).enumerate() {
            tags.push(stream.seal(number as u64 + 1, Place::More, segment).map_err(|error| error.to_string())?);
        }
        seal = seal.min(begun.elapsed().as_secs_f64());
        let mut whole: Vec<Vec<u8>> =
            data.chunks_exact(REST_BYTES).zip(&tags).map(|(segment, tag)| [segment, tag].concat()).collect();
        let begun = Instant::now();
        for (number, segment) in whole.iter_mut().enumerate() {
            stream.unseal(number as u64 + 1, Place::More, segment).map_err(|error| error.to_string())?;
        }
        unseal = unseal.min(begun.elapsed().as_secs_f64());
    }
    let speed = |took: f64| DATA_BYTES as f64 / took / 1e9;
    println!(
        "| encrypt / decrypt in place, {} MiB, one core, best of {ROUNDS} in turns | {:.2} / {:.2} GB/s; raw AES-256-GCM \
         of aws-lc-rs {:.2} GB/s; ratio {:.2} / {:.2} |",
        DATA_BYTES >> 20,
        speed(seal),
        speed(unseal),
        speed(bare),
        bare / seal,
        bare / unseal
    );
    Ok(())
}
