//! Names of what is not announced.

use clap::{Args, Subcommand};
use cordon_domain::{CodenameId, Label};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::{ListArguments, Login, told};
use crate::render::printable;

/// Names of what is not announced: what is written to the vault and mentions one gets its label.
#[derive(Subcommand)]
pub(crate) enum Command {
    Add(AddArguments),
    /// List codenames.
    ///
    /// Example: cordon codename list
    List(ListArguments),
    Remove(RemoveArguments),
}

/// Make a codename known to the vault. It is found however it is written: case, spacing, look-alike letters, inside
/// identifiers. It is kept sealed, and whoever may make codenames known may list them.
///
/// Example: cordon codename add "Glass Heron" --label confidential/heron --reason "the next model"
#[derive(Args)]
#[group(id = "codename-add-arguments")]
pub(crate) struct AddArguments {
    /// The name.
    name: String,
    /// The label that what mentions it has at least: a level above public, and projects behind slashes.
    #[arg(long, value_name = "LABEL", value_parser = label)]
    label: Label,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Forget a codename, once it is announced. What got its label because of it keeps that.
///
/// Example: cordon codename remove cn_0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f --reason "announced"
#[derive(Args)]
#[group(id = "codename-remove-arguments")]
pub(crate) struct RemoveArguments {
    /// The codename: cn_...
    codename: CodenameId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

fn label(text: &str) -> Result<Label, String> {
    text.parse().map_err(|_| format!("`{text}` is no label: a level, and projects behind slashes: confidential/heron"))
}

pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(AddArguments { name, label, reason, json }) => {
            let body = json!({"name": name, "label": label.to_string(), "reason": reason});
            let answer = Login::read()?.ask("/codenames/make", &body.to_string())?;
            told(answer, "cordon-codename-made-1", *json, |answer| {
                answer.get("codename").and_then(Value::as_str).unwrap_or_default().to_owned()
            })
        }
        Command::List(arguments) => arguments.ask("/codenames", "codenames", lines),
        Command::Remove(RemoveArguments { codename, reason, json }) => {
            let body = json!({"codename": codename.to_string(), "reason": reason});
            let answer = Login::read()?.ask("/codenames/end", &body.to_string())?;
            told(answer, "cordon-codename-ended-1", *json, |_| format!("{codename} is looked for no more"))
        }
    }
}

fn lines(one: &Value) -> String {
    let text = |name: &str| printable(one.get(name).and_then(Value::as_str).unwrap_or_default());
    format!("{}  {}  at least {}, by {}\n", text("codename"), text("name"), text("label"), text("by"))
}
