//! A made-up organisation, to look at.

mod person;
mod stage;
mod story;

use std::path::PathBuf;

use clap::Args;
use stage::{Stage, unless_it_ends};

use crate::error::Failure;
use crate::exit::Exit;

/// Set up a made-up organisation on this machine and show what happens there: a draft that leaks a key and is caught, two people
/// who publish, a publication that is undone, a stolen key that reads as fast as it may and is stopped, a log that is verified.
///
/// Each step is a command, shown as it is typed. It keeps running, so that you can look around; Ctrl-C ends it, and the same command
/// begins it again. Everything is in one folder and of that folder alone: your own installation, if there is one, is not touched.
///
/// Examples:
///   cordon demo
///   cordon demo --code ada
///   cordon demo --remove
#[derive(Args)]
#[group(id = "demo-arguments")]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The folder of all that it makes.
    #[arg(long, value_name = "FOLDER", default_value = "cordon-demo")]
    folder: PathBuf,
    /// Print how somebody of it signs in now: their password, and a code that counts for half a minute.
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    code: Option<String>,
    /// Tell the story, and end.
    #[arg(long, conflicts_with_all = ["remove", "code"])]
    once: bool,
    /// Remove all that it made.
    #[arg(long)]
    remove: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let folder = std::path::absolute(&arguments.folder)
        .map_err(|error| Failure::usage(format!("`{}`: {error}", arguments.folder.display()), "give --folder"))?;
    if arguments.remove {
        Stage::remove(&folder)?;
        eprintln!("`{}` is removed, with all that the demo made", folder.display());
        return Ok(Exit::Clean);
    }
    if let Some(name) = &arguments.code {
        let person = person::Person::read(&Stage::open(&folder)?, name)?;
        println!("name: {}\npassword: {}\ncode: {}", person.called(), person.password(), person.code_now()?);
        return Ok(Exit::Clean);
    }
    if Stage::is_half_told(&folder) {
        Stage::remove(&folder)?;
    }
    let stage = if Stage::is_at(&folder) { Stage::open(&folder)? } else { Stage::make(&folder)? };
    let node = stage.begin()?;
    if !stage.is_told() {
        unless_it_ends(story::tell(&stage))?;
        stage.told()?;
    }
    if arguments.once {
        node.end()?;
        return Ok(Exit::Clean);
    }
    stage.look_around(&folder)?;
    node.wait()?;
    Ok(Exit::Clean)
}
