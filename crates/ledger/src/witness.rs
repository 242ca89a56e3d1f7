//! C2SP tlog-witness, without the network: what a client sends, and what a witness answers.
//!
//! A witness keeps, for each log it knows, the largest checkpoint that it cosigned. [`Witness::consider`] says what to
//! answer; when it says [`Answer::Cosign`] the caller makes the new checkpoint durable, and only if the stored one is
//! still that which was considered, before it answers.

use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::limits::{PROOF_HASHES_MAX, REQUEST_BYTES_MAX};
use crate::note::{Note, NoteError, SignatureLine, Signer, Verifier, decode_base64, encode_base64};
use crate::proof::verify_consistency;
use crate::tile::decimal;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness cosigned last, as the client knows.
    pub old_size: u64,
    /// Proof from that size.
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub checkpoint: Note,
}

impl AddCheckpoint {
    /// Writes the body of the request.
    #[must_use]
    pub fn body(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| format!("{}\n", encode_base64(&hash.0))).collect();
        format!("old {}\n{proof}\n{}", self.old_size, self.checkpoint)
    }

    /// Reads the body of a request; `None` when it has not the form.
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        if body.len() > REQUEST_BYTES_MAX {
            return None;
        }
        let (head, checkpoint) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old_size = lines.next()?.strip_prefix("old ").and_then(decimal)?;
        let hashes = lines.map(|line| decode_base64(line)?.try_into().ok().map(Hash));
        let proof = hashes.take(PROOF_HASHES_MAX + 1).collect::<Option<Vec<_>>>()?;
        (proof.len() <= PROOF_HASHES_MAX).then_some(())?;
        Some(Self { old_size, proof, checkpoint: checkpoint.parse().ok()? })
    }
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: make `checkpoint` durable, then send `line`.
    Cosign {
        /// The checkpoint to keep.
        checkpoint: Checkpoint,
        /// The size it replaces: the stored one must still have it.
        old_size: u64,
        /// The body of the answer.
        line: SignatureLine,
        /// What to keep and to serve: the text, the log's signatures that were verified, and the cosignature.
        note: Note,
    },
    /// Anything else: HTTP status, and for 409 the size that was cosigned last.
    Refuse {
        /// 400, 403, 404, 409 or 422.
        status: u16,
        /// The size, for 409; sent as `text/x.tlog.size`.
        size: Option<u64>,
    },
}

/// A witness: its key, and the logs that it knows.
pub struct Witness {
    signer: Signer,
    logs: BTreeMap<String, Vec<Verifier>>,
}

impl Witness {
    /// Knows the logs `logs`, by the name of their keys, which is their origin.
    #[must_use]
    pub fn new(signer: Signer, logs: impl IntoIterator<Item = Verifier>) -> Self {
        let mut known: BTreeMap<String, Vec<Verifier>> = BTreeMap::new();
        for log in logs {
            known.entry(log.name.to_string()).or_default().push(log);
        }
        Self { signer, logs: known }
    }

    /// Returns the public half of the witness's key.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        self.signer.verifier()
    }

    /// Considers a request. `latest` gives the checkpoint that was cosigned last for an origin.
    pub fn consider(&self, body: &str, latest: impl Fn(&str) -> Option<Checkpoint>, unix_s: u64) -> Answer {
        let refuse = |status| Answer::Refuse { status, size: None };
        let Some(request) = AddCheckpoint::read(body) else { return refuse(400) };
        let Some(origin) = request.checkpoint.text.split('\n').next() else { return refuse(400) };
        let Some(keys) = self.logs.get(origin) else { return refuse(404) };
        let checkpoint = match signed(&request.checkpoint, keys) {
            Ok(checkpoint) => checkpoint,
            Err(NoteError::Malformed(_)) => return refuse(400),
            Err(_) => return refuse(403),
        };
        if request.old_size > checkpoint.size {
            return refuse(400);
        }
        let latest = latest(origin);
        let latest_size = latest.as_ref().map_or(0, |latest| latest.size);
        if request.old_size != latest_size {
            return Answer::Refuse { status: 409, size: Some(latest_size) };
        }
        let consistent = match latest.filter(|latest| latest.size > 0) {
            Some(latest) => {
                let old = (latest.size, latest.root);
                verify_consistency(old, (checkpoint.size, checkpoint.root), &request.proof).is_ok()
            }
            None => request.proof.is_empty(),
        };
        if !consistent {
            return refuse(422);
        }
        match checkpoint.cosign(&self.signer, unix_s) {
            Ok(line) => {
                let of_log = |line: &&SignatureLine| keys.iter().any(|key| key.is_named_by(line));
                let mut signatures: Vec<SignatureLine> =
                    request.checkpoint.signatures.iter().filter(of_log).take(keys.len()).cloned().collect();
                signatures.push(line.clone());
                let note = Note { text: request.checkpoint.text, signatures };
                Answer::Cosign { checkpoint, old_size: latest_size, line, note }
            }
            Err(_) => refuse(403),
        }
    }
}

/// Opens a checkpoint that at least one known key signed, and none of them forged.
fn signed(note: &Note, keys: &[Verifier]) -> Result<Checkpoint, NoteError> {
    let mut opened = Err(NoteError::Unsigned(String::new()));
    for key in keys {
        match Checkpoint::open(note, key) {
            Ok(checkpoint) => opened = Ok(checkpoint),
            Err(NoteError::Unsigned(_)) => {}
            Err(error) => return Err(error),
        }
    }
    opened
}
