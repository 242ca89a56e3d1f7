//! Bulk work that is said beforehand.

use clap::{Args, Subcommand};
use cordon_domain::egress::lasting;
use cordon_domain::{AllowanceId, Moment};
use serde_json::{Value, json};

use crate::amount;
use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::{until, written};
use crate::remote::{ListArguments, Login, bucket_named, named, told};
use crate::render::printable;

/// Let somebody read more of a bucket than limits allow, until a date: for training, evaluation, a migration.
#[derive(Subcommand)]
pub(crate) enum Command {
    Add(AddArguments),
    /// List allowances: one's own, and those of buckets that one may list.
    ///
    /// Example: cordon allowance list
    List(ListArguments),
    Pace(PaceArguments),
    End(EndArguments),
}

/// Tell how long it takes to read an object, as much as limits let leave: whoever signed in with `cordon login` asks for themselves. A
/// file of weights has a budget of its own, far below its size.
///
/// Example: cordon allowance pace s3://models/step-9000.safetensors
#[derive(Args)]
#[group(id = "allowance-pace-arguments")]
pub(crate) struct PaceArguments {
    /// The object: s3://BUCKET/KEY.
    object: String,
    /// A version of it that is not the newest.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Let somebody read so many bytes of a bucket, beyond what may leave. What is read by it counts against it and against no other
/// limit. An owner of the bucket asks, as whoever signed in with `cordon login`; somebody else approves with `cordon approve`;
/// the same command then does it. It lasts thirty days at most; what is of a higher level than the bucket is not read by it.
///
/// Example: cordon allowance add svc/train-17 s3://corpus --bytes 40TB --until friday --reason "training run 17"
#[derive(Args)]
#[group(id = "allowance-add-arguments")]
pub(crate) struct AddArguments {
    /// Who: a principal (pr_...), a person's name, or a service by its purpose (svc/PURPOSE).
    who: String,
    /// The bucket: s3://BUCKET.
    bucket: String,
    /// How many bytes, in all: such as 40TB or 512GiB.
    #[arg(long, value_name = "AMOUNT", value_parser = amount::bytes)]
    bytes: u64,
    /// Until when: a time such as 2026-12-04T18:00:00+01:00, or the beginning of a day in UTC (2026-12-04, or friday: the next).
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Moment,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// End an allowance, at once: an owner of the bucket does, or the security team.
///
/// Example: cordon allowance end al_0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f --reason "the run is over"
#[derive(Args)]
#[group(id = "allowance-end-arguments")]
pub(crate) struct EndArguments {
    /// The allowance: al_...
    allowance: AllowanceId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(arguments) => add(arguments),
        Command::List(arguments) => arguments.ask("/allowances", "allowances", lines),
        Command::Pace(PaceArguments { object, version, json }) => {
            let (bucket, key) = named(object)?;
            let body = json!({"bucket": bucket, "key": key, "version": version});
            let answer = Login::read()?.ask("/allowances/pace", &body.to_string())?;
            told(answer, "cordon-pace-1", *json, pace)
        }
        Command::End(EndArguments { allowance, reason, json }) => {
            let body = json!({"allowance": allowance.to_string(), "reason": reason});
            let answer = Login::read()?.ask("/allowances/end", &body.to_string())?;
            told(answer, "cordon-allowance-ended-1", *json, |_| format!("{allowance} has ended"))
        }
    }
}

fn add(arguments: &AddArguments) -> Result<Exit, Failure> {
    let AddArguments { who, bucket, bytes, until, reason, json } = arguments;
    let bucket = bucket_named(bucket)?;
    let body = json!({"who": who, "bucket": bucket, "bytes": bytes, "ends": until.0, "reason": reason});
    let answer = Login::read()?.ask("/allowances/make", &body.to_string())?;
    told(answer, "cordon-allowed-1", *json, |answer| {
        let made = answer.get("allowance").and_then(Value::as_str).unwrap_or_default();
        format!("{made}: {} of s3://{bucket} until {}", amount::written(*bytes), written(*until))
    })
}

/// One allowance: for whom, of what, until when; by whom, why.
fn lines(one: &Value) -> String {
    // A reason may be any text.
    let text = |name: &str| printable(one.get(name).and_then(Value::as_str).unwrap_or_default());
    let until = one.get("ends").and_then(Value::as_i64).map(|at| written(Moment(at))).unwrap_or_default();
    let bytes = amount::written(one.get("bytes").and_then(Value::as_u64).unwrap_or_default());
    let ended = if one.get("counts").and_then(Value::as_bool) == Some(false) { ", which is past" } else { "" };
    format!(
        "{}  {} reads {bytes} of s3://{} ({}) until {until}{ended}\n  by {}: {}\n",
        text("allowance"),
        text("principal"),
        text("bucket"),
        text("label"),
        text("by"),
        text("reason")
    )
}

/// How long an object takes, and which limits make it so.
fn pace(answer: &Value) -> String {
    let text = |of: &Value, name: &str| printable(of.get(name).and_then(Value::as_str).unwrap_or_default());
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |of: &Value, name: &str| of.get(name).and_then(Value::as_bool) == Some(true);
    let (label, weights) = (text(answer, "label"), is(answer, "weights"));
    let of = if weights { " of weights" } else { "" };
    let bytes = amount::written(number(answer, "bytes"));
    let mut lines = vec![format!("s3://{}/{}  {bytes}{of}, {label}", text(answer, "bucket"), text(answer, "key"))];
    for limit in list(answer, "limits") {
        let amounts = list(&limit, "may_read").into_iter();
        let amount = |one: Value| format!("{} {}", amount::written(number(&one, "bytes")), text(&one, "over"));
        let amounts: Vec<String> = amounts.map(amount).collect();
        let what = if is(&limit, "of_this_file") { "this file" } else { "all that counts with it" };
        if !amounts.is_empty() {
            lines.push(format!("  {} may read of {what}: {}", text(&limit, "who"), amounts.join(", ")));
        }
    }
    let ms = i64::try_from(number(answer, "seconds")).unwrap_or(i64::MAX).saturating_mul(1_000);
    lines.push(match (list(answer, "limits").is_empty(), weights) {
        (true, _) => "  nothing limits how fast it leaves".to_owned(),
        (false, true) => format!("  at this rate this checkpoint takes {}", lasting(ms)),
        (false, false) => format!("  at this rate it takes {}", lasting(ms)),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_told_with_the_limits_that_make_it() {
        let answer = json!({
            "bucket": "models", "key": "m.safetensors", "version": "ov_1", "bytes": 140_000_000_000_u64, "label": "restricted",
            "weights": true, "seconds": 60 * 86_400,
            "limits": [
                {"who": "you", "of_this_file": false, "may_read": [{"over": "a day", "bytes": 100_000_000_000_u64}]},
                {"who": "you", "of_this_file": true, "may_read": [
                    {"over": "a day", "bytes": 14_000_000_000_u64}, {"over": "in thirty days", "bytes": 70_000_000_000_u64},
                ]},
            ],
        });
        let expected = "\
s3://models/m.safetensors  140 GB of weights, restricted
  you may read of all that counts with it: 100 GB a day
  you may read of this file: 14 GB a day, 70 GB in thirty days
  at this rate this checkpoint takes some 60 days";
        assert_eq!(pace(&answer), expected);
        let free = json!({"bucket": "b", "key": "k", "bytes": 5, "label": "public", "weights": false, "limits": [], "seconds": 0});
        assert_eq!(pace(&free), "s3://b/k  5 bytes, public\n  nothing limits how fast it leaves");
    }

    #[test]
    fn an_allowance_is_shown_with_its_reader_its_bytes_and_its_end() {
        let one = json!({
            "allowance": "al_1", "principal": "pr_2", "bucket": "corpus", "label": "confidential/atlas", "bytes": 40_000_000_000_000_u64,
            "since": 0, "ends": 86_400_000, "counts": false, "by": "pr_1", "reason": "run\u{1b} 17",
        });
        let expected = "\
al_1  pr_2 reads 40 TB of s3://corpus (confidential/atlas) until 1970-01-02T00:00:00.000Z, which is past
  by pr_1: run\u{fffd} 17
";
        assert_eq!(lines(&one), expected);
    }
}
