//! Making something public.

use clap::Args;
use cordon_domain::Moment;
use serde::Deserialize;
use serde_json::json;

use crate::commands::publications::Reached;
use crate::commands::publications::observer::{Observer, Sighting};
use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::moment;
use crate::remote::{Login, another_person, named};

/// Make one version of one object public, until a date: anyone reads it at its address, which is listed at /manifest. It was
/// inspected, and nothing was found in it that was not released. Its owner asks, as whoever signed in with `cordon login`;
/// somebody else approves with `cordon approve`; the same command then does it, prints the address, and asks for it as a
/// stranger would, from this machine and from another host where --observer says how.
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
    #[command(flatten)]
    observer: Observer,
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
            let id = publication.parse().map_err(|_| Failure::internal("the node names no publication"))?;
            let meant = if answer.planned.unwrap_or(false) { Reached::Refused } else { Reached::Given };
            checked(&address, &arguments.observer.ask(id, &address), &meant)
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

/// Says what strangers got, who are to get it now or not yet.
fn checked(address: &str, seen: &[Sighting], meant: &Reached) -> Result<Exit, Failure> {
    for sighting in seen {
        match (&sighting.reached, meant) {
            (Reached::Given, Reached::Given) => eprintln!("{sighting}: a stranger gets it"),
            (Reached::Given, _) => eprintln!("{sighting}: a stranger gets it already"),
            (Reached::Refused, Reached::Refused) => eprintln!("{sighting}: nobody gets it before then"),
            (Reached::Refused, _) => {
                eprintln!("warning: {sighting}: a stranger does not get it: see what stands before the node");
            }
            (Reached::Unknown(why), _) => {
                eprintln!("warning: it could not be {sighting} whether a stranger gets it: {why}");
            }
        }
    }
    let early = *meant == Reached::Refused && seen.iter().any(|sighting| sighting.reached == Reached::Given);
    match seen.iter().all(|sighting| sighting.reached == *meant) {
        _ if early => Err(Failure::denied(
            format!("a stranger gets `{address}` before it begins"),
            "see what stands before the node, and withdraw it",
        )),
        true => Ok(Exit::Clean),
        false => Ok(Exit::Findings),
    }
}
