//! Lowering a label that somebody set too high.

use clap::Args;
use cordon_domain::Label;
use serde::Deserialize;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{Login, another_person, named};

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

#[derive(Deserialize)]
struct Answer {
    label: Option<String>,
    asked: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (bucket, key) = named(&arguments.object)?;
    lower((bucket, key, arguments.version.as_deref()), &arguments.to, &arguments.reason)
}

/// Lowers the label of a version, or asks others to approve that.
pub(crate) fn lower(
    (bucket, key, version): (&str, &str, Option<&str>),
    to: &Label,
    reason: &str,
) -> Result<Exit, Failure> {
    let body = json!({"bucket": bucket, "key": key, "version": version, "label": to.to_string(), "reason": reason});
    let Answer { label, asked } = Login::read()?.ask("/label/lower", &body.to_string())?;
    match (label, asked) {
        (Some(label), _) => println!("s3://{bucket}/{key} is {label} from now on"),
        (None, Some(ask)) => {
            println!("{ask}");
            another_person(&ask);
        }
        (None, None) => return Err(Failure::internal("the node says neither yes nor no")),
    }
    Ok(Exit::Clean)
}
