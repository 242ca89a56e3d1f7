//! The log: verify it, prove from it, search it, export it.

mod cosign;
mod export;
mod payload;
mod prove;
pub(crate) mod resources;
pub(crate) mod search;
mod verify;
mod verify_proof;
mod witness;

use clap::Subcommand;
use cordon_domain::Event;
use cordon_ledger::note::Verifier;

use crate::error::{Failure, read_named_text};
use crate::exit::Exit;
use crate::installation::Operated;

/// Verify the log, prove what is in it, search it.
#[derive(Subcommand)]
pub(crate) enum Command {
    Verify(Box<verify::Arguments>),
    Prove(Box<prove::Arguments>),
    VerifyProof(Box<verify_proof::Arguments>),
    Search(Box<search::Arguments>),
    Export(Box<export::Arguments>),
    Payload(Box<payload::Arguments>),
    Cosign(Box<cosign::Arguments>),
    Witness(Box<witness::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::VerifyProof(arguments) => verify_proof::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Payload(arguments) => payload::run(&arguments),
        Command::Cosign(arguments) => cosign::run(&arguments),
        Command::Witness(arguments) => witness::run(&arguments),
    }
}

/// Opens an event, for a command that is not about the log.
pub(crate) async fn event(operated: &Operated, position: u64, what: &str) -> Result<Event, Failure> {
    match search::one(operated, position, what).await?.1 {
        search::Opened::Event(opened) => Ok(opened.event),
        search::Opened::Succession(_) => Err(Failure::usage(
            format!("event {position} follows a log that was lost"),
            "`cordon audit search` names others",
        )),
    }
}

/// Reads a verifier key: the text itself, or a file that holds it.
pub(crate) fn log_key(given: &str) -> Result<Verifier, Failure> {
    let text = if given.contains('+') { given.to_owned() } else { read_named_text(given.as_ref())? };
    text.trim().parse().map_err(|error| {
        Failure::usage(format!("`{}`: {error}", text.trim()), "give the key that `cordon db create` printed")
    })
}
