//! Devices: which are enrolled.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::error::{Failure, print_lines};
use crate::exit::Exit;
use crate::installation::At;

/// See which devices are enrolled. `cordon login` enrols one; `cordon access revoke dv_...` ends it.
#[derive(Subcommand)]
pub(crate) enum Command {
    List(Box<ListArguments>),
}

/// List enrolled devices. What a device says of itself is claimed. The question is itself an event.
///
/// Example: cordon devices list --json
#[derive(Args)]
#[group(id = "devices-list-arguments")]
pub(crate) struct ListArguments {
    #[command(flatten)]
    at: At,
    /// Write one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    let Command::List(arguments) = command;
    let operated = arguments.at.open()?;
    let (snapshot, names) = operated.run(async {
        let snapshot = operated.ask("cordon devices list").await?;
        Ok((snapshot, super::people::names(&operated).await?))
    })?;
    print_lines(snapshot.roster().devices.values().map(|device| {
        let (id, owner) = (device.id, device.owner);
        let name = names.get(&owner).map_or("(no name)", String::as_str);
        match arguments.json {
            true => json!({
                "schema": "cordon-device-1", "device": id.to_string(), "owner": owner.to_string(), "name": name,
                "claimed": device.claimed,
            })
            .to_string(),
            false => format!("{id}  {owner}  {name}  claims to be `{}`", device.claimed),
        }
    }))?;
    Ok(Exit::Clean)
}
