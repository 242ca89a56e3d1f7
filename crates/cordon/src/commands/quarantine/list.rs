//! Listing what is held.

use clap::Args;
use serde_json::Value;

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{ListArguments, Login};
use crate::render::printable;

/// List the versions whose level an inspection raised, or that it could not read: what was found, and where, but not what it is.
/// As whoever signed in with `cordon login`, of what they may know of.
///
/// Example: cordon quarantine list
#[derive(Args)]
#[group(id = "quarantine-list-arguments")]
pub(crate) struct Arguments {
    /// What would be held, where buckets observe what is found (`cordon bucket set --inspection observe`).
    #[arg(long)]
    observed: bool,
    #[command(flatten)]
    list: ListArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let body = serde_json::json!({"observed": arguments.observed}).to_string();
    let answer: Value = Login::read()?.ask("/quarantine", &body)?;
    let held = arguments.list.write(&answer, "held", lines)?;
    if answer.get("more").and_then(Value::as_bool) == Some(true) {
        eprintln!("there may be more: release some of these first");
    } else if held.is_empty() {
        eprintln!("nothing is held");
    }
    Ok(Exit::Clean)
}

/// One version: its name and levels, then a line for each thing found.
fn lines(held: &Value) -> String {
    // A name may be any text.
    let text = |name: &str| printable(held.get(name).and_then(Value::as_str).unwrap_or_default());
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    let word = |name: &str| held.get(name).and_then(Value::as_str);
    let raised = word("before").map(|before| format!(", was {before}"));
    let raised = raised.or_else(|| word("would").map(|would| format!(", would be {would}"))).unwrap_or_default();
    let mut all = format!("s3://{}/{}  {}  {}{raised}\n", text("bucket"), text("key"), text("version"), text("label"));
    for one in held.get("found").and_then(Value::as_array).into_iter().flatten() {
        let word = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let inside = if number(one, "depth") > 0 { ", in what it contains" } else { "" };
        let (kind, rule, level) = (word("kind"), word("rule"), word("level"));
        let (line, column, bytes) = (number(one, "line"), number(one, "column"), number(one, "bytes"));
        let of = ["of", "named"].iter().find_map(|name| one.get(name).and_then(Value::as_str));
        let of = of.map(|known| format!(" of {known}")).unwrap_or_default();
        all += &format!("  {kind}{of} [{rule}] at {line}:{column}, {bytes} bytes{inside}: at least {level}\n");
    }
    if number(held, "more") > 0 {
        all += &format!("  and {} more\n", number(held, "more"));
    }
    if number(held, "unread") > 0 {
        all += &format!("  {} parts of it cannot be read: at least confidential\n", number(held, "unread"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_shown_with_its_place_and_not_with_its_text() {
        let held = serde_json::json!({
            "bucket": "notes", "key": "a/\u{1b}b.md", "version": "vr_1", "label": "confidential/atlas", "before": "internal/atlas",
            "found": [
                {"kind": "secret", "rule": "xai-api-key", "level": "confidential", "line": 3, "column": 7, "bytes": 84, "depth": 0},
                {"kind": "marking", "rule": "m", "level": "internal", "line": 1, "column": 1, "bytes": 8, "depth": 1},
                {"kind": "copy", "rule": "c", "level": "internal", "line": 2, "column": 1, "bytes": 9, "depth": 0, "of": "ov_1"},
            ],
            "more": 2, "unread": 1,
        });
        let expected = "\
s3://notes/a/\u{fffd}b.md  vr_1  confidential/atlas, was internal/atlas
  secret [xai-api-key] at 3:7, 84 bytes: at least confidential
  marking [m] at 1:1, 8 bytes, in what it contains: at least internal
  copy of ov_1 [c] at 2:1, 9 bytes: at least internal
  and 2 more
  1 parts of it cannot be read: at least confidential
";
        assert_eq!(lines(&held), expected);
    }
}
