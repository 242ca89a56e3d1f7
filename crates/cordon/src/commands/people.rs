//! People: who is there.

mod erase;
pub(crate) mod invite;
pub(crate) mod link;
mod list;
mod set;

use std::collections::BTreeMap;

use clap::Subcommand;
use cordon_domain::PrincipalId;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Operated, failure};

/// Bring people in, change what they may know, and see who is there.
#[derive(Subcommand)]
pub(crate) enum Command {
    Invite(Box<invite::Arguments>),
    Link(Box<link::Arguments>),
    List(Box<list::Arguments>),
    Set(Box<set::Arguments>),
    Erase(Box<erase::Arguments>),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Invite(arguments) => invite::run(&arguments),
        Command::Link(arguments) => link::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Set(arguments) => set::run(&arguments),
        Command::Erase(arguments) => erase::run(&arguments),
    }
}

/// The names of all people who were not erased.
pub(crate) async fn names(operated: &Operated) -> Result<BTreeMap<PrincipalId, String>, Failure> {
    let installation = &operated.installation;
    let sealed = installation.reader().names().await.map_err(failure)?;
    let open = |(principal, sealed): (PrincipalId, Vec<u8>)| {
        let name = installation.keys().open_name(principal, &sealed).map_err(failure)?;
        Ok(name.map(|name| (principal, name)))
    };
    sealed.into_iter().filter_map(|one| open(one).transpose()).collect()
}
