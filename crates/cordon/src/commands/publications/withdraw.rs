//! Taking back what is public.

use clap::Args;
use cordon_domain::PublicationId;
use cordon_domain::id::parse_hex;
use serde::Deserialize;
use serde_json::json;

use super::{Reached, reached};
use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::Login;

/// Take a publication back, at once: nobody begins to read by it, and who reads is cut. As whoever signed in with `cordon login`.
/// Then it is asked for as a stranger would; that one still gets it, from a copy that something before the node keeps, is a
/// failure.
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
}

/// Reads the name of a publication, or the address that carries it.
fn publication(text: &str) -> Result<PublicationId, String> {
    let by_address = text.rsplit_once("/p/").and_then(|(_, digits)| parse_hex(digits)).map(PublicationId);
    by_address.map_or_else(|| text.parse().map_err(|error: cordon_domain::id::NotAnId| error.to_string()), Ok)
}

#[derive(Deserialize)]
struct Answer {
    withdrawn: String,
    purged: Option<bool>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    withdraw(arguments.publication, &arguments.reason, arguments.json)
}

/// Takes it back, and asks for it as a stranger would.
pub(crate) fn withdraw(publication: PublicationId, reason: &str, as_json: bool) -> Result<Exit, Failure> {
    let body = json!({"publication": publication.to_string(), "reason": reason}).to_string();
    let Answer { withdrawn, purged } = Login::read()?.ask("/publications/withdraw", &body)?;
    let object = json!({"schema": "cordon-withdrawn-1", "address": withdrawn, "purged": purged});
    println!("{}", if as_json { object.to_string() } else { format!("{withdrawn} is withdrawn") });
    if purged == Some(false) {
        eprintln!("warning: whoever removes copies did not take it, and is told again: see the log of the node");
    }
    match reached(&withdrawn) {
        Reached::Refused => {
            eprintln!("checked: a stranger gets nothing there");
            Ok(Exit::Clean)
        }
        Reached::Given => Err(Failure::denied(
            format!("a stranger still gets `{withdrawn}`: something before the node keeps a copy"),
            "remove it there; the node gives it to nobody",
        )),
        Reached::Unknown(why) => {
            eprintln!("warning: it could not be checked whether a stranger still gets it: {why}");
            Ok(Exit::Findings)
        }
    }
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
