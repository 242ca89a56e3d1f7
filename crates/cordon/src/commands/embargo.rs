//! What nobody reads before a date.

use clap::{Args, Subcommand};
use cordon_domain::{EmbargoId, Moment, Role};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::{moment, written};
use crate::remote::{ListArguments, Login, bucket_named, named, told};
use crate::render::printable;

/// Keep something from being read before a date, by everybody but the roles that are spared.
#[derive(Subcommand)]
pub(crate) enum Command {
    Add(AddArguments),
    /// List embargoes on what one may know of.
    ///
    /// Example: cordon embargo list
    List(ListArguments),
    Lift(LiftArguments),
}

/// Keep a project, a bucket or one version of an object from being read before a moment, at once: by readers, contributors,
/// services and strangers; owners read it, unless nobody is to be spared. It is on record, and lifted before its date by two
/// people alone. One on a project is made by an owner of the installation, or the security team. Once the moment has come it is
/// read as ever. An embargo on a project goes with each copy; one on a bucket or a version does not.
///
/// Example: cordon embargo add project:heron --until 2026-12-01T09:00:00+01:00 --reason "the launch"
#[derive(Args)]
#[group(id = "embargo-add-arguments")]
pub(crate) struct AddArguments {
    /// project:NAME, s3://BUCKET, or s3://BUCKET/KEY for the version that the name leads to.
    on: String,
    /// A version, if not the one that the name leads to.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Until when: a time with its offset, such as 2026-12-01T09:00:00+01:00, or the beginning of a day in UTC.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Moment,
    /// A role that reads it before (reader, contributor, owner), or `nobody`; may be given several times.
    #[arg(long, value_name = "ROLE", default_value = "owner")]
    spare: Vec<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// Lift an embargo before its date. An owner asks; somebody else approves with `cordon approve`; the same command then does it.
///
/// Example: cordon embargo lift eb_0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f --reason "the launch is today"
#[derive(Args)]
#[group(id = "embargo-lift-arguments")]
pub(crate) struct LiftArguments {
    /// The embargo: eb_...
    embargo: EmbargoId,
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
        Command::List(arguments) => arguments.ask("/embargoes", "embargoes", lines),
        Command::Lift(LiftArguments { embargo, reason, json }) => {
            let body = json!({"embargo": embargo.to_string(), "reason": reason});
            let answer = Login::read()?.ask("/embargoes/lift", &body.to_string())?;
            told(answer, "cordon-embargo-lifted-1", *json, |_| format!("{embargo} is lifted"))
        }
    }
}

fn add(arguments: &AddArguments) -> Result<Exit, Failure> {
    let AddArguments { on, version, until, reason, json, .. } = arguments;
    let spares = spared(&arguments.spare)?;
    let place = match (on.strip_prefix("project:"), named(on)) {
        (Some(project), _) => json!({"project": project}),
        (None, Ok((bucket, key))) => json!({"bucket": bucket, "key": key, "version": version}),
        (None, Err(_)) => json!({"bucket": bucket_named(on)?}),
    };
    if version.is_some() && place.get("key").is_none() {
        return Err(Failure::usage("--version is of an object", "give s3://BUCKET/KEY, or leave --version out"));
    }
    let mut body = json!({"until": until.0, "spares": spares, "reason": reason});
    if let (Some(body), Some(place)) = (body.as_object_mut(), place.as_object()) {
        body.extend(place.clone());
    }
    let answer = Login::read()?.ask("/embargoes/make", &body.to_string())?;
    told(answer, "cordon-embargoed-1", *json, |answer| {
        let made = answer.get("embargo").and_then(Value::as_str).unwrap_or_default();
        format!("{made}: {on} is not read before {}", written(*until))
    })
}

/// Reads the roles that are spared.
fn spared(words: &[String]) -> Result<Vec<&str>, Failure> {
    if words == ["nobody"] {
        return Ok(Vec::new());
    }
    let role = |word: &String| match word.parse() {
        Ok(role @ (Role::Reader | Role::Contributor | Role::Owner)) => Ok(role.as_str()),
        _ => Err(Failure::usage(
            format!("`{word}` is no role that reads"),
            "give --spare reader, contributor, owner or nobody",
        )),
    };
    words.iter().map(role).collect()
}

/// One embargo: on what, until when, who is spared; by whom, why.
fn lines(one: &Value) -> String {
    // A reason may be any text.
    let text = |name: &str| printable(one.get(name).and_then(Value::as_str).unwrap_or_default());
    let until = one.get("until").and_then(Value::as_i64).map(|at| written(Moment(at))).unwrap_or_default();
    let spares: Vec<&str> =
        one.get("spares").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let spares = if spares.is_empty() { "nobody".to_owned() } else { spares.join(", ") };
    let ended = if one.get("counts").and_then(Value::as_bool) == Some(false) { ", which is past" } else { "" };
    let first = format!("{}  {} until {until}{ended}, but for {spares}\n", text("embargo"), text("on"));
    format!("{first}  by {}: {}\n", text("by"), text("reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embargo_is_shown_with_its_end_in_utc_and_whom_it_spares() {
        let one = json!({
            "embargo": "eb_1", "on": "project:heron", "until": 86_400_000, "counts": true, "spares": ["owner"], "by": "pr_1",
            "reason": "the launch",
        });
        let expected = "\
eb_1  project:heron until 1970-01-02T00:00:00.000Z, but for owner
  by pr_1: the launch
";
        assert_eq!(lines(&one), expected);
        let mut none = one;
        none["spares"] = json!([]);
        assert!(lines(&none).contains("but for nobody"), "{}", lines(&none));
    }

    #[test]
    fn roles_that_read_are_spared_and_no_others() {
        let of = |words: &[&str]| {
            spared(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).ok().map(|all| all.len())
        };
        assert_eq!((of(&["owner"]), of(&["owner", "reader"]), of(&["nobody"])), (Some(1), Some(2), Some(0)));
        assert_eq!((of(&["security"]), of(&["everybody"]), of(&["nobody", "reader"])), (None, None, None));
    }
}
