//! A new version of a key.

use clap::Args;
use cordon_domain::{BucketId, Level};
use cordon_keys::KeyName;
use cordon_store::care::Care;
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, careless};

/// Give the key of a level, or of a level in one bucket, a new version. No object is touched.
///
/// Example: cordon keys rotate --level restricted
#[derive(Args)]
#[group(id = "keys-rotate-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The level.
    #[arg(long, value_parser = super::level)]
    level: Level,
    /// Only the key of this bucket: bk_ and 32 hexadecimal digits.
    #[arg(long, value_name = "BUCKET", value_parser = super::bucket)]
    bucket: Option<BucketId>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let name = match arguments.bucket {
        Some(bucket) => KeyName::Bucket(bucket, arguments.level),
        None => KeyName::Level(arguments.level),
    };
    let next = operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        care.rotate(name).await.map_err(careless)
    })?;
    println!("{next} is in use");
    if arguments.bucket.is_some() {
        eprintln!("hint: `cordon keys rewrap` wraps the data keys under older versions anew");
    }
    Ok(Exit::Clean)
}
