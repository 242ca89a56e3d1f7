//! Buckets, and how they are guarded.

use clap::{Args, Subcommand};
use cordon_domain::{Etags, Label, Level, Mode};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{Login, bucket_named, told};
use crate::render::printable;

/// Make a bucket, see how it is guarded, and change that.
#[derive(Subcommand)]
pub(crate) enum Command {
    Make(MakeArguments),
    Show(ShowArguments),
    Set(SetArguments),
}

/// Make a bucket, which you own. What is written to it has at least its label.
///
/// Example: cordon bucket make s3://news --label internal
#[derive(Args)]
#[group(id = "bucket-make-arguments")]
pub(crate) struct MakeArguments {
    /// The bucket: s3://BUCKET.
    bucket: String,
    /// Its label: a level, and projects behind it: restricted/gemini.
    #[arg(long, default_value = "confidential")]
    label: Label,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show a bucket: its label, whether limits and inspection are enforced or observed, of what copies are recognised.
///
/// Example: cordon bucket show s3://corpus
#[derive(Args)]
#[group(id = "bucket-show-arguments")]
pub(crate) struct ShowArguments {
    /// The bucket: s3://BUCKET.
    bucket: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Guard a bucket otherwise. An owner enforces again by themselves; to observe what was enforced takes another person, as do
/// publications: run the command, have it approved with `cordon approve`, and run it again. What is restricted is enforced
/// wherever it is.
///
/// Example: cordon bucket set s3://corpus --limits observe --reason "we learn what training reads"
#[derive(Args)]
#[group(id = "bucket-set-arguments")]
pub(crate) struct SetArguments {
    /// The bucket: s3://BUCKET.
    bucket: String,
    /// Limits on what may leave: observe (recorded, not refused) or enforce.
    #[arg(long, value_name = "MODE")]
    limits: Option<Mode>,
    /// Labels that inspection raises: observe (recorded, not raised) or enforce.
    #[arg(long, value_name = "MODE")]
    inspection: Option<Mode>,
    /// From which level on copies of what was labelled are recognised elsewhere: confidential or restricted.
    #[arg(long, value_name = "LEVEL")]
    recognise: Option<Level>,
    /// What tells contents apart that are written from now on: opaque (drawn, nothing is learnt from it), or md5, for clients that
    /// compare by it; then whoever may list learns whether they have the same content.
    #[arg(long, value_name = "KIND")]
    etags: Option<Etags>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Make(MakeArguments { bucket, label, json }) => {
            let body = json!({"bucket": bucket_named(bucket)?, "label": label.to_string()});
            let answer = Login::read()?.ask("/bucket/make", &body.to_string())?;
            told(answer, "cordon-bucket-1", *json, lines)
        }
        Command::Show(ShowArguments { bucket, json }) => {
            let body = json!({"bucket": bucket_named(bucket)?});
            let answer = Login::read()?.ask("/bucket", &body.to_string())?;
            told(answer, "cordon-bucket-1", *json, lines)
        }
        Command::Set(arguments) => set(arguments),
    }
}

fn set(arguments: &SetArguments) -> Result<Exit, Failure> {
    let SetArguments { bucket, limits, inspection, recognise, etags, reason, json } = arguments;
    if limits.is_none() && inspection.is_none() && recognise.is_none() && etags.is_none() {
        return Err(Failure::usage("nothing is to be changed", "give --limits, --inspection, --recognise or --etags"));
    }
    if recognise.is_some_and(|level| level < Level::Confidential) {
        return Err(Failure::usage("copies are recognised of what is confidential or restricted", "give one of these"));
    }
    let body = json!({
        "bucket": bucket_named(bucket)?,
        "limits": limits.map(Mode::as_str),
        "inspection": inspection.map(Mode::as_str),
        "registers": recognise.map(Level::as_str),
        "etags": etags.map(Etags::as_str),
        "reason": reason,
    });
    let answer = Login::read()?.ask("/bucket/set", &body.to_string())?;
    told(answer, "cordon-bucket-set-1", *json, lines)
}

fn lines(bucket: &Value) -> String {
    let text = |name: &str| printable(bucket.get(name).and_then(Value::as_str).unwrap_or_default());
    format!(
        "s3://{}  {}  {}, made by {}\n  limits on what may leave: {}\n  labels that inspection raises: {}\n  copies are recognised of what \
         somebody said to be: {}\n  contents are told apart by: {}",
        text("bucket"),
        text("id"),
        text("label"),
        text("made_by"),
        text("limits"),
        text("inspection"),
        match text("registers").as_str() {
            "confidential" => "confidential or restricted",
            _ => "restricted",
        },
        match text("etags").as_str() {
            "md5" => "their MD5",
            _ => "what is drawn",
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_shown_with_how_it_is_guarded() {
        let bucket = json!({
            "bucket": "corpus", "id": "bk_1", "label": "confidential", "made_by": "pr_1", "limits": "observe", "inspection": "enforce",
            "registers": "confidential", "etags": "opaque",
        });
        let expected = "\
s3://corpus  bk_1  confidential, made by pr_1
  limits on what may leave: observe
  labels that inspection raises: enforce
  copies are recognised of what somebody said to be: confidential or restricted
  contents are told apart by: what is drawn";
        assert_eq!(lines(&bucket), expected);
    }
}
