//! Merkle proof vectors, as public projects publish them: JSON files with `wantErr`.

use std::path::{Path, PathBuf};

use cordon_ledger::hash::Hash;
use cordon_ledger::proof::{
    verify_consistency, verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};
use serde_json::Value;

/// Runs every vector below `folder` and fails when one says something else than expected.
pub(crate) fn run(folder: &str) -> Result<(), String> {
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files).map_err(|error| format!("{folder}: {error}"))?;
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for file in &files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let vector: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let want_error =
            vector.get("wantErr").and_then(Value::as_bool).ok_or(format!("{}: no wantErr", file.display()))?;
        let holds = holds(file, &vector).unwrap_or(false);
        if holds == want_error {
            wrong.push(file.display().to_string());
        } else if holds {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    println!("{} vectors: {accepted} proofs hold, {refused} are refused, {} wrong", files.len(), wrong.len());
    if wrong.is_empty() && !files.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// `None` when the vector's hashes or numbers cannot even be read, which is a refusal.
fn holds(file: &Path, vector: &Value) -> Option<bool> {
    let number = |name: &str| vector.get(name).and_then(Value::as_u64);
    let hash = |name: &str| vector.get(name).and_then(Value::as_str).and_then(decode);
    let proof: Vec<Hash> = match vector.get("proof") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => list.as_array()?.iter().map(|hash| hash.as_str().and_then(decode)).collect::<Option<_>>()?,
    };
    let kind = file.components().rev().find_map(|part| {
        let name = part.as_os_str().to_str()?;
        ["inclusion", "consistency", "subtreeinclusion", "subtreeconsistency"].into_iter().find(|kind| *kind == name)
    })?;
    let outcome = match kind {
        "inclusion" => {
            verify_inclusion(hash("leafHash")?, number("leafIdx")?, number("treeSize")?, &proof, hash("root")?)
        }
        "subtreeinclusion" => {
            let range = number("start")?..number("end")?;
            verify_subtree_inclusion(hash("leafHash")?, number("leafIdx")?, range, &proof, hash("root")?)
        }
        "consistency" => {
            let old = (number("size1")?, hash("root1")?);
            verify_consistency(old, (number("size2")?, hash("root2")?), &proof)
        }
        _ => {
            let range = number("start")?..number("end")?;
            verify_subtree_consistency((range, hash("root1")?), (number("size")?, hash("root2")?), &proof)
        }
    };
    Some(outcome.is_ok())
}

/// Some vectors have short texts where roots stand, to compare and not to hash: their own hash stands for them. None is no hash.
fn decode(text: &str) -> Option<Hash> {
    let bytes = cordon_ledger::note::decode_base64(text).filter(|bytes| !bytes.is_empty())?;
    Some(<[u8; 32]>::try_from(bytes.as_slice()).map_or_else(|_| Hash::leaf(&bytes), Hash))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}
