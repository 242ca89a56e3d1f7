//! Destroying what opens one version of an object.

use clap::Args;
use cordon_domain::id::hex;
use cordon_domain::{BucketId, Moment, VersionId};
use cordon_store::care::{Care, Certificate};
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where, careless};

/// Destroy the keys of one version of an object. This cannot be undone.
///
/// Prints a certificate: what was destroyed, and what could still open the object, until when.
///
/// Example: cordon keys shred --bucket bk_... --version ov_...
#[derive(Args)]
#[group(id = "keys-shred-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
    /// The bucket.
    #[arg(long, value_name = "BUCKET", value_parser = super::bucket)]
    bucket: BucketId,
    /// The version.
    #[arg(long, value_name = "VERSION")]
    version: VersionId,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    let certificate = operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        care.shred(arguments.bucket, arguments.version).await.map_err(careless)
    })?;
    println!("{}", object(&certificate));
    Ok(Exit::Clean)
}

fn object(certificate: &Certificate) -> serde_json::Value {
    let time = |at: &Moment| jiff::Timestamp::from_millisecond(at.0).map(|time| time.to_string()).ok();
    json!({
        "schema": "cordon-shred-1",
        "version": certificate.version.to_string(),
        "destroyed": certificate.destroyed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "event": certificate.recorded.and_then(|recorded| recorded.position),
        "leaf": certificate.recorded.map(|recorded| hex(&recorded.leaf_hash)),
        "rewrapped": certificate.rewrapped,
        "data_backups": certificate.data_backups.iter().filter_map(time).collect::<Vec<_>>(),
        "could_be_opened_until": certificate.could_be_opened_until.as_ref().and_then(time),
    })
}
