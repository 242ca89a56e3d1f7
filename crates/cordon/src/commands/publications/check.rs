//! Asking for a public address as a stranger does.

use clap::Args;
use serde_json::json;

use super::{Reached, reached};
use crate::error::Failure;
use crate::exit::Exit;

/// Ask for a public address as a stranger does, from this machine: with no credentials of any kind. Prints `given` or `refused`. It
/// needs no installation and no account: an observer on another host runs it (see `--observer` of `cordon publish`).
///
/// Example: cordon publications check https://cordon.example/p/0b8e5c1e6a3f4c4f9d7e2a1b0c9d8e7f
#[derive(Args)]
#[group(id = "publications-check-arguments")]
pub(crate) struct Arguments {
    /// The address.
    address: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { address, json } = arguments;
    let word = match reached(address) {
        Reached::Given => Reached::GIVEN,
        Reached::Refused => Reached::REFUSED,
        Reached::Unknown(why) => {
            eprintln!("warning: it is not known what a stranger gets at `{address}`: {why}");
            return Ok(Exit::Partial);
        }
    };
    let object = json!({"schema": "cordon-checked-1", "address": address, "stranger": word});
    println!("{}", if *json { object.to_string() } else { word.to_owned() });
    Ok(Exit::Clean)
}
