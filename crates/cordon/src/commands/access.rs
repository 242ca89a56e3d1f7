//! Access: who may do what; giving it, taking it back, finding what nobody uses.

mod grant;
mod revoke;
pub(crate) mod target;
mod unused;
mod who;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

/// See who may do what, give access, take it back.
#[derive(Subcommand)]
pub(crate) enum Command {
    Who(Box<who::Arguments>),
    Grant(Box<grant::Arguments>),
    Revoke(Box<revoke::Arguments>),
    Unused(Box<unused::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Who(arguments) => who::run(&arguments),
        Command::Grant(arguments) => grant::run(&arguments),
        Command::Revoke(arguments) => revoke::run(&arguments),
        Command::Unused(arguments) => unused::run(&arguments),
    }
}
