//! Bringing a database to the newest format.

use clap::Args;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Where, failure};

/// Bring the database to the newest format that this program knows. Opening an installation does the same.
///
/// Example: cordon db migrate
#[derive(Args)]
#[group(id = "db-migrate-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = arguments.place.places()?;
    let (before, after) = cordon_store::schema::migrate_file(&places).map_err(failure)?;
    if before == after {
        println!("`{}` has format {after}, the newest", places.database().display());
    } else {
        println!("`{}` had format {before}, and has {after} now", places.database().display());
    }
    Ok(Exit::Clean)
}
