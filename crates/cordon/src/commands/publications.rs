//! What is public.

mod check;
mod list;
pub(crate) mod observer;
pub(crate) mod withdraw;

use clap::Subcommand;
use cordon_domain::PublicationId;
use cordon_domain::id::parse_hex;

use crate::error::Failure;
use crate::exit::Exit;
use crate::limits::ANSWER_S;
use crate::remote::agent;

/// See all that is public, and take it back.
#[derive(Subcommand)]
pub(crate) enum Command {
    Check(check::Arguments),
    List(list::Arguments),
    Withdraw(withdraw::Arguments),
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Withdraw(arguments) => withdraw::run(&arguments),
    }
}

/// What a stranger gets at a public address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Given,
    Refused,
    /// Why nobody knows.
    Unknown(String),
}

impl Reached {
    const GIVEN: &str = "given";
    const REFUSED: &str = "refused";

    /// What the word for it says.
    fn said(word: &str) -> Option<Self> {
        match word {
            Self::GIVEN => Some(Self::Given),
            Self::REFUSED => Some(Self::Refused),
            _ => None,
        }
    }
}

/// The publication whose number an address carries.
fn numbered(address: &str) -> Option<PublicationId> {
    address.rsplit_once("/p/").and_then(|(_, digits)| parse_hex(digits)).map(PublicationId)
}

/// Asks for a public address as a stranger does, with no credentials of any kind, and takes one byte.
pub(crate) fn reached(address: &str) -> Reached {
    match agent(address, ANSWER_S).get(address).header("range", "bytes=0-0").call() {
        Ok(answer) => said_by(answer.status().as_u16()),
        Err(error) => Reached::Unknown(error.to_string()),
    }
}

/// What an answer says: of what has no bytes none can be given.
fn said_by(status: u16) -> Reached {
    match status {
        200 | 206 | 416 => Reached::Given,
        404 | 410 => Reached::Refused,
        300..=399 => Reached::Unknown(format!("it answers {status}, and leads elsewhere")),
        other => Reached::Unknown(format!("it answers {other}, as something before the node may")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_to_sign_in_is_not_what_was_published() {
        let known = |status| [Reached::Given, Reached::Refused].iter().position(|one| *one == said_by(status));
        assert_eq!([200, 206, 416].map(known), [Some(0); 3]);
        assert_eq!([404, 410].map(known), [Some(1); 2]);
        assert_eq!([301, 302, 307, 401, 403, 429, 500, 502].map(known), [None; 8]);
    }
}
