//! Listing what is public.

use clap::Args;
use cordon_domain::Moment;
use serde_json::Value;

use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::written;
use crate::remote::{ListArguments, Login};
use crate::render::printable;

/// List all publications: what anyone reads now, what they will, and what has ended or fallen because it is gone or was labelled
/// otherwise. As whoever signed in with `cordon login`, of what they may know of.
///
/// Example: cordon publications list
#[derive(Args)]
#[group(id = "publications-list-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    list: ListArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let answer: Value = Login::read()?.ask("/publications", "{}")?;
    let all = arguments.list.write(&answer, "publications", lines)?;
    let public = all.iter().filter(|one| one.get("standing").and_then(Value::as_str) == Some("public")).count();
    eprintln!("{public} of {} public now", all.len());
    Ok(Exit::Clean)
}

/// One publication: how it stands and where it is read, then what it is of, and who made it, why.
fn lines(one: &Value) -> String {
    // A name, and a reason, may be any text.
    let text = |name: &str| printable(one.get(name).and_then(Value::as_str).unwrap_or_default());
    let time = |name: &str| one.get(name).and_then(Value::as_i64).map(|at| written(Moment(at)));
    let from = time("starts").map(|at| format!(" from {at}")).unwrap_or_default();
    let until = time("ends").unwrap_or_default();
    let first = format!("{}  {}{from} until {until}  {}\n", text("publication"), text("standing"), text("address"));
    let of = format!("  s3://{}/{}  {}  {}\n", text("bucket"), text("key"), text("version"), text("label"));
    format!("{first}{of}  by {}: {}\n", text("by"), text("reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_shown_with_its_address_and_its_end() {
        let one = serde_json::json!({
            "publication": "pb_1", "address": "https://cordon.example/p/00", "standing": "planned", "bucket": "news",
            "key": "a\u{1b}b.png", "version": "ov_1", "label": "internal", "bytes": 7, "starts": 0, "ends": 86_400_000,
            "by": "pr_1", "reason": "the launch",
        });
        let expected = "\
pb_1  planned from 1970-01-01T00:00:00.000Z until 1970-01-02T00:00:00.000Z  https://cordon.example/p/00
  s3://news/a\u{fffd}b.png  ov_1  internal
  by pr_1: the launch
";
        assert_eq!(lines(&one), expected);
    }
}
