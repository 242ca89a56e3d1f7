//! Raising the label of what is worth more than it says.

use clap::Args;
use cordon_domain::Label;

use crate::commands::declassify::{Relabelled, relabel};
use crate::commands::quarantine::release::Disputed;
use crate::error::Failure;
use crate::exit::Exit;

/// Raise the label of a version, at once. Whoever may write there, with that label, too, asks as whoever signed in with `cordon login`,
/// and needs nobody else. Where copies of it are recognised from then on, it is inspected anew. `cordon declassify` lowers a label.
///
/// Example: cordon classify s3://notes/plan.md --to restricted/atlas --reason "it names the next model"
#[derive(Args)]
#[group(id = "classify-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    relabelled: Relabelled,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.relabelled.with(raise)
}

/// Raises the label of a version.
pub(crate) fn raise(of: &Disputed<'_>, to: &Label, reason: &str) -> Result<Exit, Failure> {
    relabel(("/label/raise", "cordon-classified-1"), of, to, reason)
}
