//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to report.
    Clean,
    /// Findings, also when some input could not be read.
    Findings,
    /// The command was called in a way it cannot serve.
    Usage,
    /// Nothing found, but some input could not be read.
    Partial,
    /// Something stored is not what was written or signed.
    Integrity,
    /// A fault of this program.
    Internal,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
            Exit::Integrity => 4,
            Exit::Internal => 70,
        })
    }
}
