//! Having a witness cosign the checkpoint of this log.

use std::time::Duration;

use clap::Args;
use cordon_ledger::audit::nodes;
use cordon_ledger::note::Note;
use cordon_ledger::proof::consistency;
use cordon_ledger::witness::AddCheckpoint;

use super::log_key;
use super::resources::{opened_checkpoint, unread};
use super::verify::sources;
use crate::error::{Failure, write_named};
use crate::exit::Exit;
use crate::installation::Where;
use crate::limits::ANSWER_S;
use crate::remote::encryption;

/// Have a witness (C2SP tlog-witness) cosign the present checkpoint, and write it with the cosignature.
///
/// Example: cordon audit cosign --witness https://witness.example --witness-key witness.vkey --output seen.checkpoint
#[derive(Args)]
#[group(id = "audit-cosign-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    /// The address of the witness.
    #[arg(long, value_name = "URL")]
    witness: String,
    /// The witness's public key, or a file that holds it.
    #[arg(long, value_name = "KEY|FILE")]
    witness_key: String,
    /// The folder or address of the log [default: that of the installation].
    #[arg(long, value_name = "FOLDER|URL")]
    log: Option<String>,
    /// The log's public key, or a file that holds it [default: log.vkey of the installation].
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Where to write the checkpoint with its cosignature.
    #[arg(long, value_name = "FILE")]
    output: std::path::PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (mut log, key) = sources(&arguments.place, arguments.log.as_deref(), arguments.key.as_deref())?;
    let witness = log_key(&arguments.witness_key)?;
    let (note, checkpoint) = opened_checkpoint(&mut log, &key)?;

    let mut old_size = 0;
    // The first answer tells which size the witness saw last; the second is the cosignature.
    for _ in 0..2 {
        let proof = consistency(&mut nodes(&mut log, checkpoint.size), old_size, checkpoint.size).map_err(unread)?;
        let request = AddCheckpoint { old_size, proof, checkpoint: note.clone() };
        match ask(&arguments.witness, &request.body())? {
            (200, body) => {
                let joined: Result<Note, _> = format!("{note}{body}").parse();
                let cosigned = joined.and_then(|joined| Ok((checkpoint.cosigned_at(&joined, &witness)?, joined)));
                let (unix_s, joined) = cosigned.map_err(|error| {
                    Failure::integrity(
                        format!("the witness's answer: {error}"),
                        "see that --witness-key is that of the witness",
                    )
                })?;
                write_named(&arguments.output, joined.to_string().as_bytes())?;
                println!(
                    "`{}` cosigned {} entries of `{}` at {}",
                    witness.name,
                    checkpoint.size,
                    checkpoint.origin,
                    jiff::Timestamp::from_second(i64::try_from(unix_s).unwrap_or(0)).unwrap_or_default()
                );
                return Ok(Exit::Clean);
            }
            (409, body) => {
                old_size = body.trim().parse().map_err(|_| refused(409, &body))?;
                if old_size > checkpoint.size {
                    return Err(Failure::integrity(
                        format!("rollback: the witness saw {old_size} entries, and the log has {}", checkpoint.size),
                        "keep a copy of the folder, then see docs/ledger.md, \"When something is wrong\"",
                    ));
                }
            }
            (422, _) => {
                return Err(Failure::integrity(
                    format!("fork: the log is not a continuation of the {old_size} entries that the witness saw"),
                    "keep a copy of the folder, then see docs/ledger.md, \"When something is wrong\"",
                ));
            }
            (status, body) => return Err(refused(status, &body)),
        }
    }
    Err(refused(409, "it names another size each time"))
}

fn ask(witness: &str, body: &str) -> Result<(u16, String), Failure> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(ANSWER_S)))
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(encryption())
        .build()
        .into();
    let address = format!("{}/add-checkpoint", witness.trim_end_matches('/'));
    let unreachable = |error: ureq::Error| {
        Failure::usage(
            format!("`{address}` does not answer: {error}"),
            "see that the address is right and can be reached",
        )
    };
    let mut answer = agent.post(&address).send(body).map_err(unreachable)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(64 * 1024).read_to_string().map_err(unreachable)?;
    Ok((status, body))
}

fn refused(status: u16, body: &str) -> Failure {
    let printable: String = body.chars().filter(|letter| !letter.is_control()).take(200).collect();
    Failure::denied(format!("the witness refuses: {status} {printable}"), "see that it knows the key of this log")
}
