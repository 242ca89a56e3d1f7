//! The installation itself: making, migrating, backing up, restoring.

mod backup;
pub(crate) mod create;
mod migrate;
mod restore;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

/// Make, migrate, back up and restore an installation.
#[derive(Subcommand)]
pub(crate) enum Command {
    Create(Box<create::Arguments>),
    Migrate(Box<migrate::Arguments>),
    Backup(Box<backup::Arguments>),
    Restore(Box<restore::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(arguments) => create::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
    }
}
