//! What is public.

mod list;
mod withdraw;

use std::time::Duration;

use clap::Subcommand;

use crate::error::Failure;
use crate::exit::Exit;
use crate::limits::ANSWER_S;

/// See all that is public, and take it back.
#[derive(Subcommand)]
pub(crate) enum Command {
    List(list::Arguments),
    Withdraw(withdraw::Arguments),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list::run(&arguments),
        Command::Withdraw(arguments) => withdraw::run(&arguments),
    }
}

/// Reads what names an object: s3://BUCKET/KEY.
pub(crate) fn named(object: &str) -> Result<(&str, &str), Failure> {
    let named = object.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).filter(|(_, key)| !key.is_empty());
    named.ok_or_else(|| Failure::usage(format!("`{object}` names no object"), "give s3://BUCKET/KEY"))
}

/// What a stranger gets at a public address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Given,
    Refused,
    /// Why nobody knows.
    Unknown(String),
}

/// Asks for a public address as a stranger does: with no credentials of any kind, and without taking the bytes.
pub(crate) fn reached(address: &str) -> Reached {
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(ANSWER_S)));
    let agent: ureq::Agent = config.http_status_as_error(false).build().into();
    match agent.get(address).header("if-none-match", "*").call() {
        Ok(answer) => match answer.status().as_u16() {
            200 | 206 | 304 => Reached::Given,
            401 | 403 | 404 | 410 => Reached::Refused,
            other => Reached::Unknown(format!("it answers {other}")),
        },
        Err(error) => Reached::Unknown(error.to_string()),
    }
}
