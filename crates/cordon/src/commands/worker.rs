//! The hidden command of worker processes: locks itself in, then parses what comes on stdin.

use crate::error::Failure;
use crate::exit::Exit;

pub(crate) fn run() -> Result<Exit, Failure> {
    std::panic::set_hook(Box::new(|_| ()));
    cordon_scan::sandbox::lock()
        .map_err(|error| Failure::internal(format!("a worker cannot bound itself: {error}")))?;
    cordon_scan::worker::serve(&mut std::io::stdin().lock(), &mut std::io::stdout().lock())
        .map_err(|error| Failure::internal(format!("a worker lost its owner: {error}")))?;
    Ok(Exit::Clean)
}
