//! Looking at everything that a node needs, and saying what is not as it should be.

mod kept;
mod machine;
mod node;

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};

use crate::error::{Failure, printed};
use crate::exit::Exit;
use crate::installation::At;
use crate::remote::Reached;
use crate::settings;

/// Look at this machine, the installation and the node, and say what is not as it should be, and what to do.
///
/// It opens the installation as every command at the machine does, which finishes what a crash left undone; it changes nothing else.
/// It ends with 1 when something keeps Cordon from working or from being safe; what should be minded alone is said, and ends with 0.
///
/// Example: cordon doctor
#[derive(Args)]
#[group(id = "doctor-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    reached: Reached,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

/// How something that was looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// It works, and should be otherwise.
    Mind,
    /// It does not work, or is not safe.
    Bad,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Mind => "warning",
            Self::Bad => "failed",
        }
    }
}

/// What was found about something.
#[derive(Debug)]
struct Found {
    about: &'static str,
    state: State,
    what: String,
    hint: Option<String>,
}

impl Found {
    fn good(about: &'static str, what: impl Into<String>) -> Self {
        Self { about, state: State::Good, what: what.into(), hint: None }
    }

    fn mind(about: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, state: State::Mind, what: what.into(), hint: Some(hint.into()) }
    }

    fn bad(about: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::mind(about, what, hint) }
    }

    fn failure(about: &'static str, failure: &Failure) -> Self {
        Self::bad(about, failure.what(), failure.hint())
    }

    fn json(&self) -> Value {
        json!({"about": self.about, "state": self.state.as_str(), "what": self.what, "hint": self.hint})
    }

    fn line(&self) -> String {
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("{:22}hint: {hint}\n", ""));
        format!("{:8} {:12} {}\n{hint}", self.state.as_str(), self.about, self.what)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut all = vec![set()];
    all.extend(machine::looked_at());
    all.extend(kept::looked_at(&arguments.at));
    all.extend(node::looked_at(&arguments.reached.url()?));
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let checks: Vec<Value> = all.iter().map(Found::json).collect();
        printed(writeln!(out, "{}", json!({"schema": "cordon-doctor-1", "checks": checks})))?;
    } else {
        printed(all.iter().try_for_each(|found| out.write_all(found.line().as_bytes())))?;
    }
    let count = |state| all.iter().filter(|found| found.state == state).count();
    let (bad, mind) = (count(State::Bad), count(State::Mind));
    eprintln!("{} were looked at: {bad} failed, {mind} to be minded", all.len());
    Ok(if bad == 0 { Exit::Clean } else { Exit::Findings })
}

fn set() -> Found {
    match settings::file() {
        Some(path) => Found::good("settings", format!("taken from `{}`", path.display())),
        None => Found::good("settings", "no cordon.toml: what is given, the environment, and defaults count"),
    }
}
