//! Destroying what opens one version of an object.

use clap::Args;
use cordon_domain::{Action, AskId, BucketId, Target, VersionId};
use cordon_store::care::{Care, Why};
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Consent, Operated, careless, failure, say_asked};

/// Destroy the keys of one version of an object. This cannot be undone.
///
/// Prints a certificate, which goes into the log: what was destroyed, and what could still open the object, until when.
///
/// Takes two people once there is an approver.
///
/// Example: cordon keys shred --bucket bk_... --version ov_... --reason "the customer asked"
#[derive(Args)]
#[group(id = "keys-shred-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The bucket.
    #[arg(long, value_name = "BUCKET", value_parser = super::bucket)]
    bucket: BucketId,
    /// The version.
    #[arg(long, value_name = "VERSION")]
    version: VersionId,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    if arguments.consent.ask {
        let reason = arguments.reason.as_deref().unwrap_or_default();
        say_asked(operated.run(ask(arguments, &operated, reason))?);
        return Ok(Exit::Clean);
    }
    let shredded = operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        let why = Why { reason: arguments.reason.clone(), approval: arguments.consent.approval };
        care.shred(arguments.bucket, arguments.version, why).await.map_err(careless)
    })?;
    println!("{}", shredded.certificate.json());
    match shredded.certified.position {
        Some(position) => eprintln!("the certificate stands in the log: `cordon audit payload {position}`"),
        None => eprintln!("the certificate stands in the log: `cordon audit search --action key.certify`"),
    }
    Ok(Exit::Clean)
}

/// Asks others to approve exactly this: the version, with the label that it has now.
async fn ask(arguments: &Arguments, operated: &Operated, reason: &str) -> Result<AskId, Failure> {
    let (bucket, version) = (Some(arguments.bucket), Some(arguments.version));
    let (reader, keys) = (operated.installation.reader(), operated.installation.keys());
    let row = reader.object(keys, arguments.version).await.map_err(failure)?;
    let row = row.filter(|row| row.bucket == arguments.bucket).ok_or_else(|| {
        Failure::usage(
            format!("there is no {} in {}", arguments.version, arguments.bucket),
            "give a version that is stored",
        )
    })?;
    let target = Target { bucket, version, label: Some(row.label), ..Target::default() };
    operated.ask_others((Action::KeyShred, target), Vec::new(), reason).await
}
