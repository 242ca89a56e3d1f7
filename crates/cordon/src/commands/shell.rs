//! Completions for shells, and manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::error::{Failure, write_named};
use crate::exit::Exit;

/// Print completions for a shell.
///
/// Example: cordon completions bash > /etc/bash_completion.d/cordon
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Write manual pages, one a command, into a folder.
///
/// Example: cordon man /usr/local/share/man/man1
#[derive(Args)]
pub(crate) struct Man {
    /// The folder to write to.
    folder: PathBuf,
}

pub(crate) fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "cordon", &mut std::io::stdout());
    Ok(Exit::Clean)
}

pub(crate) fn man(arguments: &Man) -> Result<Exit, Failure> {
    let root = crate::Arguments::command();
    let mut pages = vec![("cordon".to_owned(), root.clone())];
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push((format!("cordon-{}", command.get_name()), command.clone()));
    }
    for (name, command) in pages {
        let mut page = Vec::new();
        let named: &'static str = Box::leak(name.clone().into_boxed_str());
        clap_mangen::Man::new(command.name(named))
            .render(&mut page)
            .map_err(|error| Failure::internal(error.to_string()))?;
        write_named(&arguments.folder.join(format!("{name}.1")), &page)?;
    }
    Ok(Exit::Clean)
}
