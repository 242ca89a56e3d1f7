//! Emergencies: access that no policy gives, opened by several people for an hour.

use clap::{Args, Subcommand};
use cordon_domain::{AskId, Clock as _, EmergencyId, Moment};
use cordon_store::edge::SystemClock;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::At;
use crate::moment::written;
use crate::remote::Login;
use crate::render::printable;

/// Open access that no policy gives: others agree, everybody is told, it ends within an hour, and somebody else reviews it.
#[derive(Subcommand)]
pub(crate) enum Command {
    Ask(Box<AskArguments>),
    Open(Box<OpenArguments>),
    Review(Box<ReviewArguments>),
    List(Box<ListArguments>),
}

/// Ask others to open an emergency for you, as whoever signed in with `cordon login`. The hour runs from now on.
///
/// Example: cordon emergency ask --reason "the node that serves the model is down"
#[derive(Args)]
#[group(id = "emergency-ask-arguments")]
pub(crate) struct AskArguments {
    /// Why. Everybody is told.
    #[arg(long)]
    reason: String,
    /// Writing, too; without it, reading.
    #[arg(long)]
    writes: bool,
}

/// Open an emergency that others agreed to.
///
/// Example: cordon emergency open as_...
#[derive(Args)]
#[group(id = "emergency-open-arguments")]
pub(crate) struct OpenArguments {
    /// What `cordon emergency ask` printed.
    ask: AskId,
}

/// Close somebody else's emergency, after looking into what they did.
///
/// Example: cordon emergency review em_... --reason "read two objects, both named in the ticket"
#[derive(Args)]
#[group(id = "emergency-review-arguments")]
pub(crate) struct ReviewArguments {
    /// The emergency.
    emergency: EmergencyId,
    /// What you found.
    #[arg(long)]
    reason: String,
}

/// List emergencies that are open, or wait for their review. The question is itself an event.
///
/// Example: cordon emergency list --json
#[derive(Args)]
#[group(id = "emergency-list-arguments")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    at: At,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Ask(arguments) => ask(&arguments),
        Command::Open(arguments) => open(&arguments),
        Command::Review(arguments) => review(&arguments),
        Command::List(arguments) => list(&arguments),
    }
}

#[derive(Deserialize)]
struct WasAsked {
    ask: String,
}

fn ask(arguments: &AskArguments) -> Result<Exit, Failure> {
    let body = json!({"reason": arguments.reason, "writes": arguments.writes}).to_string();
    let WasAsked { ask } = Login::read()?.ask("/emergency/ask", &body)?;
    println!("{ask}");
    eprintln!("others approve it with `cordon approve {ask}`; then open it with `cordon emergency open {ask}`");
    Ok(Exit::Clean)
}

#[derive(Deserialize)]
struct WasOpened {
    emergency: String,
    until: i64,
}

fn open(arguments: &OpenArguments) -> Result<Exit, Failure> {
    let body = json!({"ask": arguments.ask.to_string()}).to_string();
    let WasOpened { emergency, until } = Login::read()?.ask("/emergency/open", &body)?;
    println!("{emergency}");
    eprintln!("open until {}; everybody is told", written(Moment(until)));
    Ok(Exit::Clean)
}

#[derive(Deserialize)]
struct WasReviewed {
    reviewed: String,
}

fn review(arguments: &ReviewArguments) -> Result<Exit, Failure> {
    let body = json!({"emergency": arguments.emergency.to_string(), "reason": arguments.reason}).to_string();
    let WasReviewed { reviewed } = Login::read()?.ask("/emergency/review", &body)?;
    println!("{reviewed} is reviewed");
    Ok(Exit::Clean)
}

fn list(arguments: &ListArguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let (snapshot, names) = operated.run(async {
        let snapshot = operated.ask("cordon emergency list").await?;
        Ok((snapshot, super::people::names(&operated).await?))
    })?;
    let now = SystemClock.now();
    print_lines(snapshot.roster().emergencies.values().map(|emergency| {
        let (id, principal, until) = (emergency.id, emergency.principal, written(emergency.until));
        let name = names.get(&principal).map_or("(no name)", String::as_str);
        let state = if emergency.is_open(now) { "open" } else { "waits for its review" };
        match arguments.json {
            true => json!({
                "schema": "cordon-emergency-1", "emergency": id.to_string(), "principal": principal.to_string(),
                "name": name, "open": emergency.is_open(now), "until": until, "writes": emergency.writes,
                "reason": emergency.reason,
            })
            .to_string(),
            false => format!("{id}  {principal}  {name}  {state}, until {until}: {}", printable(&emergency.reason)),
        }
    }))?;
    Ok(Exit::Clean)
}
