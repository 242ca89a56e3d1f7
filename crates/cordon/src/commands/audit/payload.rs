//! What stands beside an event.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use cordon_ledger::Hash;

use super::search::{Opened, one};
use crate::error::{Failure, printed, write_named};
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};

/// Write what stands beside an event, such as the certificate of a shredding. Looking is itself an event.
///
/// It is checked against the hash that the event states, and so against the log.
///
/// Example: cordon audit payload 4711 --output certificate.json
#[derive(Args)]
#[group(id = "audit-payload-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The position of the event in the log.
    position: u64,
    /// Where to write it [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let payload = operated.run(read(&operated, arguments.position))?;
    match &arguments.output {
        Some(path) => write_named(path, &payload)?,
        None => {
            let mut out = std::io::stdout().lock();
            printed(out.write_all(&payload).and_then(|()| out.flush()))?;
        }
    }
    Ok(Exit::Clean)
}

async fn read(operated: &Operated, position: u64) -> Result<Vec<u8>, Failure> {
    let installation = &operated.installation;
    let (entry, opened) = one(operated, position, "cordon audit payload").await?;
    let stated = match opened {
        Opened::Event(opened) => opened.event.payload,
        Opened::Succession(_) => None,
    };
    let stated = stated.ok_or_else(|| {
        let what = format!("nothing stands beside event {position}");
        Failure::usage(what, "`cordon audit search --json` shows a `payload` where something does")
    })?;
    installation.reader().payload(installation.keys(), Hash::leaf(&entry).0, &stated).await.map_err(failure)
}
