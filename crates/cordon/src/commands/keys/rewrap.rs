//! Wrapping data keys anew.

use clap::Args;
use cordon_keys::KeyName;
use cordon_store::care::Care;
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, careless, failure};

/// Wrap all data keys that lie under older versions anew, and destroy the versions that wrap nothing more. No object is
/// touched.
///
/// Example: cordon keys rewrap
#[derive(Args)]
#[group(id = "keys-rewrap-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let installation = &operated.installation;
    let (keys, reader) = (installation.keys(), installation.reader());
    let moved = operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, installation, &SystemClock, actor, personal);
        let mut moved = 0;
        for active in reader.active_keys(keys).await.map_err(failure)? {
            if let KeyName::Bucket(bucket, level) = active.name {
                moved += care.rewrap(bucket, level).await.map_err(careless)?;
            }
        }
        Ok(moved)
    })?;
    println!("{moved} data keys were wrapped anew");
    Ok(Exit::Clean)
}
