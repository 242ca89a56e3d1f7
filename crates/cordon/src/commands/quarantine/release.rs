//! Disputing what was found.

use clap::Args;
use serde_json::{Value, json};

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{Login, named, told};
use crate::render::printable;

/// Say that a version is not what it seems: it gets back the level that it had before it was inspected. Its owner asks, as
/// whoever signed in with `cordon login`; somebody else approves with `cordon approve`; the same command then does it.
///
/// Example: cordon quarantine release s3://notes/plan.md --reason "the key is a made-up example"
#[derive(Args)]
#[group(id = "quarantine-release-arguments")]
pub(crate) struct Arguments {
    /// The object: s3://BUCKET/KEY.
    object: String,
    /// A version of it, if not the one that the name leads to.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (bucket, key) = named(&arguments.object)?;
    release(&Disputed { bucket, key, version: arguments.version.as_deref() }, &arguments.reason)
}

/// A version whose label is disputed.
pub(crate) struct Disputed<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) version: Option<&'a str>,
}

/// Disputes it.
pub(crate) fn release(Disputed { bucket, key, version }: &Disputed<'_>, reason: &str) -> Result<Exit, Failure> {
    let body = json!({"bucket": bucket, "key": key, "version": version, "reason": reason}).to_string();
    let answer = Login::read()?.ask("/quarantine/release", &body)?;
    told(answer, "cordon-released-1", false, |answer| {
        let label = answer.get("released").and_then(Value::as_str).unwrap_or_default();
        format!("s3://{bucket}/{key} is {} again", printable(label))
    })
}
