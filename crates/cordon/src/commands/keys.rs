//! Keys: their state, rotation, rewrapping, shredding, unlocking.

mod rewrap;
mod rotate;
mod shred;
mod status;
mod unlock;

use clap::Subcommand;
use cordon_domain::{BucketId, Level};

use crate::error::Failure;
use crate::exit::Exit;

/// Look after keys: what is due, new versions, wrapping anew, destroying, opening.
#[derive(Subcommand)]
pub(crate) enum Command {
    Status(Box<status::Arguments>),
    Rotate(Box<rotate::Arguments>),
    Rewrap(Box<rewrap::Arguments>),
    Shred(Box<shred::Arguments>),
    Unlock(Box<unlock::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Status(arguments) => status::run(&arguments),
        Command::Rotate(arguments) => rotate::run(&arguments),
        Command::Rewrap(arguments) => rewrap::run(&arguments),
        Command::Shred(arguments) => shred::run(&arguments),
        Command::Unlock(arguments) => unlock::run(&arguments),
    }
}

fn bucket(text: &str) -> Result<BucketId, String> {
    text.parse().map_err(|error: cordon_domain::id::NotAnId| error.to_string())
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|error: cordon_domain::level::UnknownLevel| error.to_string())
}
