//! Taking back what is public.

use clap::Args;
use cordon_domain::PublicationId;
use serde::Deserialize;
use serde_json::json;

use super::observer::Observer;
use super::{Reached, numbered};
use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::Login;

/// Take a publication back, at once: nobody begins to read by it, and who reads is cut. As whoever signed in with `cordon login`.
/// Then it is asked for as a stranger would, from this machine and from another host where --observer says how; that one still gets it,
/// from a copy that something before the node keeps, is a failure.
///
/// Example: cordon publications withdraw pb_0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f --reason "the launch moved"
#[derive(Args)]
#[group(id = "publications-withdraw-arguments")]
pub(crate) struct Arguments {
    /// The publication: pb_..., or its address.
    #[arg(value_parser = publication)]
    publication: PublicationId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    observer: Observer,
}

/// Reads the name of a publication, or the address that carries it.
fn publication(text: &str) -> Result<PublicationId, String> {
    numbered(text).map_or_else(|| text.parse().map_err(|error: cordon_domain::id::NotAnId| error.to_string()), Ok)
}

#[derive(Deserialize)]
struct Answer {
    withdrawn: String,
    purged: Option<bool>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    withdraw(arguments.publication, &arguments.reason, &arguments.observer, arguments.json)
}

/// Takes it back, and asks for it as a stranger would.
pub(crate) fn withdraw(
    publication: PublicationId,
    reason: &str,
    observer: &Observer,
    as_json: bool,
) -> Result<Exit, Failure> {
    let body = json!({"publication": publication.to_string(), "reason": reason}).to_string();
    let Answer { withdrawn, purged } = Login::read()?.ask("/publications/withdraw", &body)?;
    let object = json!({"schema": "cordon-withdrawn-1", "address": withdrawn, "purged": purged});
    println!("{}", if as_json { object.to_string() } else { format!("{withdrawn} is withdrawn") });
    if purged == Some(false) {
        eprintln!("warning: whoever removes copies did not take it, and is told again: see the log of the node");
    }
    let seen = observer.ask(publication, &withdrawn);
    for sighting in &seen {
        match &sighting.reached {
            Reached::Refused => eprintln!("{sighting}: a stranger gets nothing there"),
            Reached::Given => eprintln!("{sighting}: a stranger still gets it"),
            Reached::Unknown(why) => {
                eprintln!("warning: it could not be {sighting} whether a stranger still gets it: {why}");
            }
        }
    }
    if seen.iter().any(|sighting| sighting.reached == Reached::Given) {
        return Err(Failure::denied(
            format!("a stranger still gets `{withdrawn}`: something before the node keeps a copy"),
            "remove it there; the node gives it to nobody",
        ));
    }
    let is_gone = seen.iter().all(|sighting| sighting.reached == Reached::Refused);
    Ok(if is_gone { Exit::Clean } else { Exit::Findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_named_by_itself_or_by_its_address() {
        let digits = "0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f";
        let named = publication(&format!("pb_{digits}")).expect("a name");
        assert_eq!(publication(&format!("https://cordon.example/p/{digits}")), Ok(named));
        assert!(publication("https://cordon.example/p/0b8e").is_err() && publication("ov_00").is_err());
    }
}
