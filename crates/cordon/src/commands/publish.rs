//! Making something public.

use clap::Args;
use cordon_domain::Moment;
use serde::Deserialize;
use serde_json::json;

use crate::commands::publications::{Reached, reached};
use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::moment;
use crate::remote::{Login, another_person, named};

/// Make one version of one object public, until a date: anyone reads it at its address, which is listed at /manifest. It was
/// inspected, and nothing was found in it that was not released. Its owner asks, as whoever signed in with `cordon login`;
/// somebody else approves with `cordon approve`; the same command then does it, prints the address, and asks for it as a
/// stranger would.
///
/// Example: cordon publish s3://news/launch.png --until 2026-12-24T18:00:00+01:00 --reason "the launch"
#[derive(Args)]
#[group(id = "publish-arguments")]
pub(crate) struct Arguments {
    /// The object: s3://BUCKET/KEY.
    object: String,
    /// A version of it, if not the one that the name leads to.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Until when: a time such as 2026-12-24T18:00:00+01:00, or the beginning of a day in UTC; at most 366 days ahead.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Moment,
    /// From when on, if not at once.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Moment>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Answer {
    publication: Option<String>,
    address: Option<String>,
    planned: Option<bool>,
    asked: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (bucket, key) = named(&arguments.object)?;
    let (starts, ends) = (arguments.from.map(|at| at.0), arguments.until.0);
    let Arguments { version, reason, .. } = arguments;
    let body = json!({
        "bucket": bucket, "key": key, "version": version, "starts": starts, "ends": ends, "reason": reason,
    });
    let answer: Answer = Login::read()?.ask("/publications/make", &body.to_string())?;
    match (answer.publication, answer.address, answer.asked) {
        (Some(publication), Some(address), _) => {
            let object = json!({"schema": "cordon-published-1", "publication": publication, "address": address});
            println!("{}", if arguments.json { object.to_string() } else { address.clone() });
            eprintln!("{publication}: `cordon publications withdraw {publication}` takes it back");
            checked(&address, answer.planned.unwrap_or(false))
        }
        (.., Some(ask)) => {
            let object = json!({"schema": "cordon-published-1", "asked": ask});
            println!("{}", if arguments.json { object.to_string() } else { ask.clone() });
            another_person(&ask);
            Ok(Exit::Clean)
        }
        _ => Err(Failure::internal("the node says neither yes nor no")),
    }
}

/// Tells whether a stranger gets what they are meant to.
fn checked(address: &str, planned: bool) -> Result<Exit, Failure> {
    match (reached(address), planned) {
        (Reached::Given, false) => eprintln!("checked: a stranger gets it"),
        (Reached::Refused, true) => eprintln!("checked: nobody gets it before then"),
        (Reached::Given, true) => {
            return Err(Failure::denied(
                format!("a stranger gets `{address}` before it begins"),
                "see what stands before the node, and withdraw it",
            ));
        }
        (Reached::Refused, false) => {
            eprintln!("warning: a stranger does not get it: see what stands before the node");
            return Ok(Exit::Findings);
        }
        (Reached::Unknown(why), _) => {
            eprintln!("warning: it could not be checked whether a stranger gets it: {why}");
            return Ok(Exit::Findings);
        }
    }
    Ok(Exit::Clean)
}
