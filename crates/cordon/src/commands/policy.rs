//! Policies: what every installation has, and an organisation's own.

mod set;
mod show;
mod test;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;

/// Look at the policies, test an organisation's own, bring them into force.
#[derive(Subcommand)]
pub(crate) enum Command {
    Show(Box<show::Arguments>),
    Test(test::Arguments),
    Set(Box<set::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(arguments) => show::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Set(arguments) => set::run(&arguments),
    }
}
