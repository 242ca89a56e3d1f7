//! Opening the keys: a trial that whoever holds the root can open this installation.

use clap::Args;
use cordon_gate::Request;
use cordon_gate::act::Unlock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, denied};

/// Open the keys with a key file, a passphrase or shares of the recovery kit, and say that they open. Records it.
///
/// Example: cordon keys unlock --share anna.txt --share ben.txt --share carla.txt
#[derive(Args)]
#[group(id = "keys-unlock-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    operated.run(async {
        let request = Request::<Unlock>::new(operated.facts(None));
        operated.gate.attest(request).await.map_err(denied)
    })?;
    println!("the keys of `{}` open", operated.installation.places().data.display());
    Ok(Exit::Clean)
}
