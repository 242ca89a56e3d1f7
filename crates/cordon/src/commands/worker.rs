//! The hidden commands of worker processes: each locks itself in, then does its work on what comes on stdin.

use std::io::{self, StdinLock, StdoutLock};

use cordon_scan::limits::{LOOKER_CPU_S, WORKER_CPU_S};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::harden;

/// Parses documents.
pub(crate) fn run() -> Result<Exit, Failure> {
    locked_in(WORKER_CPU_S, cordon_scan::worker::serve)
}

/// Looks into what the vault takes in.
pub(crate) fn look() -> Result<Exit, Failure> {
    locked_in(LOOKER_CPU_S, cordon_scan::looking::serve)
}

type Serves = fn(&mut StdinLock<'static>, &mut StdoutLock<'static>) -> io::Result<()>;

fn locked_in(cpu_s: u64, serve: Serves) -> Result<Exit, Failure> {
    harden();
    std::panic::set_hook(Box::new(|_| ()));
    cordon_scan::sandbox::lock(cpu_s)
        .map_err(|error| Failure::internal(format!("a worker cannot bound itself: {error}")))?;
    serve(&mut io::stdin().lock(), &mut io::stdout().lock())
        .map_err(|error| Failure::internal(format!("a worker lost its owner: {error}")))?;
    Ok(Exit::Clean)
}
