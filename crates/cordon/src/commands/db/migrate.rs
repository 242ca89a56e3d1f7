//! Bringing a database to the newest format.

use clap::Args;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Where, failure, runtime};

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
    let migrated = runtime()?.block_on(cordon_store::schema::migrate_places(&places));
    let (before, after) = migrated.map_err(failure)?;
    let database = places.database();
    if before == after {
        println!("{database} has format {after}, the newest");
    } else {
        println!("{database} had format {before}, and has {after} now");
    }
    Ok(Exit::Clean)
}
