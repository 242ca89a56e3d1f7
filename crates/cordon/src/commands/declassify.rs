//! Lowering a label that somebody set too high; and what raising one shares with it.

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
    #[command(flatten)]
    relabelled: Relabelled,
}

/// Which version gets which label.
#[derive(Args)]
#[group(id = "relabelled-arguments")]
pub(crate) struct Relabelled {
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

impl Relabelled {
    /// Does what is asked with the version, its label and the reason.
    pub(crate) fn with(
        &self,
        work: impl FnOnce(&Disputed<'_>, &Label, &str) -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let (bucket, key) = named(&self.object)?;
        work(&Disputed { bucket, key, version: self.version.as_deref() }, &self.to, &self.reason)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.relabelled.with(lower)
}

/// Lowers the label of a version, or asks others to approve that.
pub(crate) fn lower(of: &Disputed<'_>, to: &Label, reason: &str) -> Result<Exit, Failure> {
    relabel(("/label/lower", "cordon-declassified-1"), of, to, reason)
}

/// Asks for another label on a route, and says what was answered.
pub(crate) fn relabel(
    (route, schema): (&str, &str),
    Disputed { bucket, key, version }: &Disputed<'_>,
    to: &Label,
    reason: &str,
) -> Result<Exit, Failure> {
    let body = json!({"bucket": bucket, "key": key, "version": version, "label": to.to_string(), "reason": reason});
    let answer = Login::read()?.ask(route, &body.to_string())?;
    told(answer, schema, false, |_| format!("s3://{bucket}/{key} is {to} from now on"))
}
