//! The installation itself: making it, migrating it.

mod create;
mod migrate;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

/// Make, migrate, back up and restore an installation.
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Box<create::Arguments>),
    Migrate(Box<migrate::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(arguments) => create::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
    }
}
