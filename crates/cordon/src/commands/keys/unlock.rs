//! Opening the keys: a trial that whoever holds the root can open this installation.

use clap::Args;
use cordon_gate::{Epoch, Journal as _};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where};

/// Open the keys with a key file, a passphrase or shares of the recovery kit, and say that they open. Records it.
///
/// Example: cordon keys unlock --share anna.txt --share ben.txt --share carla.txt
#[derive(Args)]
#[group(id = "keys-unlock-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    operated.run(async {
        let facts = operated.facts(None);
        let mut event = operated.installation.own_event(cordon_domain::Action::KeyUnlock, facts.at);
        event.actor = facts.actor;
        event.personal = facts.personal;
        let recorded = operated.installation.writer().record(event, Epoch::ANY).await;
        recorded.map(drop).map_err(|error| Failure::internal(error.to_string()))
    })?;
    println!("the keys of `{}` open", operated.installation.places().data.display());
    Ok(Exit::Clean)
}
