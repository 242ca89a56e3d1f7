//! Destroying what opens one version of an object.

use clap::Args;
use cordon_domain::{BucketId, VersionId};
use cordon_store::care::Care;
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where, careless};

/// Destroy the keys of one version of an object. This cannot be undone.
///
/// Prints a certificate, which goes into the log: what was destroyed, and what could still open the object, until when.
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
    let shredded = operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        care.shred(arguments.bucket, arguments.version).await.map_err(careless)
    })?;
    println!("{}", shredded.certificate.json());
    match shredded.certified.position {
        Some(position) => eprintln!("the certificate stands in the log: `cordon audit payload {position}`"),
        None => eprintln!("the certificate stands in the log: `cordon audit search --action key.certify`"),
    }
    Ok(Exit::Clean)
}
