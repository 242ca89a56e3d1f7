//! The `cordon` binary: argument types, one file a command, rendering, exit codes.

mod amount;
mod buckets;
mod commands;
mod error;
mod exit;
mod handed;
mod installation;
mod kept;
mod keys;
mod limits;
mod moment;
mod remote;
mod render;
mod settings;

use clap::Parser;

/// Keep unreleased work inside: find what would leak, prove what happened.
#[derive(Parser)]
#[command(name = "cordon", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> std::process::ExitCode {
    let exit = match settings::arguments().and_then(|arguments| arguments.command.run()) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("{error}");
            error.exit
        }
    };
    exit.into()
}
