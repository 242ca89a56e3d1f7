//! What is held because of what was found in it.

mod list;
pub(crate) mod release;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

/// See what is held because of what was found in it, and dispute it.
#[derive(Subcommand)]
pub(crate) enum Command {
    List(list::Arguments),
    Release(release::Arguments),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
    }
}
