//! Lowering a label that somebody set too high.

use clap::Args;
use cordon_domain::Label;
use serde_json::json;

use crate::commands::quarantine::release::Disputed;
use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{Login, named, told};

/// Lower the label of a version, to that of its bucket or above. Its owner asks, as whoever signed in with `cordon login`; somebody
/// else approves with `cordon approve`; the same command then does it. What was found in it is released first
/// (`cordon quarantine release`).
///
/// Example: cordon declassify s3://notes/plan.md --to internal --reason "it was announced"
#[derive(Args)]
#[group(id = "declassify-arguments")]
pub(crate) struct Arguments {
    /// The object: s3://BUCKET/KEY.
    object: String,
    /// The label that it gets: a level, and projects behind slashes.
    #[arg(long, value_name = "LABEL")]
    to: Label,
    /// A version of it, if not the one that the name leads to.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (bucket, key) = named(&arguments.object)?;
    let version = arguments.version.as_deref();
    lower(&Disputed { bucket, key, version }, &arguments.to, &arguments.reason)
}

/// Lowers the label of a version, or asks others to approve that.
pub(crate) fn lower(
    Disputed { bucket, key, version }: &Disputed<'_>,
    to: &Label,
    reason: &str,
) -> Result<Exit, Failure> {
    let body = json!({"bucket": bucket, "key": key, "version": version, "label": to.to_string(), "reason": reason});
    let answer = Login::read()?.ask("/label/lower", &body.to_string())?;
    told(answer, "cordon-declassified-1", false, |_| format!("s3://{bucket}/{key} is {to} from now on"))
}
