//! Backups of data and keys, apart.

use std::path::PathBuf;

use clap::Args;
use cordon_store::care::{Care, KEY_BACKUP_DAYS};
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, careless};

/// Back the data up to one folder and, when it is given, the wrapped keys to another. Both are recorded.
///
/// A backup of the keys undoes shredding for as long as it exists: destroy it after 30 days.
///
/// Example: cordon db backup /backup/data --keys-to /elsewhere/keys
#[derive(Args)]
#[group(id = "db-backup-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The folder for the data: empty, or not there.
    to: PathBuf,
    /// The folder for the wrapped keys: empty, or not there, and not with the data.
    #[arg(long, value_name = "FOLDER")]
    keys_to: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    if let Some(keys) = &arguments.keys_to
        && (keys.starts_with(&arguments.to) || arguments.to.starts_with(keys))
    {
        return Err(Failure::usage("the keys would lie with the data", "give --keys-to a folder of its own"));
    }
    let operated = arguments.at.open()?;
    operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        care.back_up(&arguments.to, arguments.keys_to.as_deref()).await.map_err(careless)
    })?;
    println!("the data is in `{}`", arguments.to.display());
    match &arguments.keys_to {
        Some(keys) => println!(
            "the wrapped keys are in `{}`: destroy them after {KEY_BACKUP_DAYS} days, or shredding does not hold",
            keys.display()
        ),
        None => eprintln!("hint: the data is worth nothing without a backup of the wrapped keys: see --keys-to"),
    }
    Ok(Exit::Clean)
}
