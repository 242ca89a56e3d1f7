//! What a user reads when a command cannot go on: what, on which thing, why, and what to do.

use std::fmt;

use crate::exit::Exit;

/// An error with its hint.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    hint: String,
    pub(crate) exit: Exit,
}

impl Failure {
    /// The user can mend it.
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), exit: Exit::Usage }
    }

    /// Something stored is not what was written or signed.
    pub(crate) fn integrity(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), exit: Exit::Integrity }
    }

    /// The gate refused.
    pub(crate) fn denied(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), exit: Exit::Findings }
    }

    /// Returns what went wrong, without the hint.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Returns what to do.
    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }

    /// The program or the machine failed.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: "this is a fault of cordon or of the machine; please report it with the command you gave".into(),
            exit: Exit::Internal,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhint: {}", self.what, self.hint)
    }
}

/// Reads a file that the user named.
pub(crate) fn read_named(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
    if size > cordon_scan::limits::USER_FILE_BYTES_MAX {
        return Err(Failure::usage(format!("`{}` has {size} bytes", path.display()), "give a file of at most 256 MiB"));
    }
    std::fs::read(path).map_err(|error| {
        Failure::usage(
            format!("`{}` cannot be read: {error}", path.display()),
            "give the path of a file that exists and that you may read",
        )
    })
}

/// Reads a text file that the user named.
pub(crate) fn read_named_text(path: &std::path::Path) -> Result<String, Failure> {
    String::from_utf8(read_named(path)?)
        .map_err(|_| Failure::usage(format!("`{}` is not UTF-8 text", path.display()), "save it as UTF-8"))
}

/// Takes what writing to standard output said. A reader that closes the pipe has seen enough.
pub(crate) fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::usage(
            format!("standard output cannot be written: {error}"),
            "see that there is room where it goes",
        )),
        _ => Ok(()),
    }
}

/// Prints lines until whoever reads them goes away.
pub(crate) fn print_lines(mut lines: impl Iterator<Item = String>) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    printed(lines.try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()))
}

/// Writes a file that the user named.
pub(crate) fn write_named(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| {
        Failure::usage(
            format!("`{}` cannot be written: {error}", path.display()),
            "give a path in a folder that you may write to",
        )
    })
}
