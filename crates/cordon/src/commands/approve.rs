//! Approving what somebody else asked for.

use clap::Args;
use cordon_domain::AskId;
use serde::Deserialize;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::Login;

/// Approve exactly what somebody else asked for, as whoever signed in with `cordon login`. Look at it first, under /approvals.
///
/// Example: cordon approve as_...
#[derive(Args)]
#[group(id = "approve-arguments")]
pub(crate) struct Arguments {
    /// What was asked: as_ and 32 hexadecimal digits.
    ask: AskId,
}

#[derive(Deserialize)]
struct Approved {
    approved: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let body = json!({"ask": arguments.ask.to_string()}).to_string();
    let Approved { approved } = Login::read()?.ask("/approve", &body)?;
    println!("{approved} is approved");
    Ok(Exit::Clean)
}
