//! Taking access back.

use clap::Args;
use cordon_domain::{Record, RecordKey, Step, Target};
use cordon_gate::act::Revoke;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where};

/// Revoke a principal, vendor, device, grant, or a whole project, for ever, on every node.
///
/// What is revoked never comes back; a project that is closed has no members until it is granted anew.
///
/// Example: cordon access revoke gr_... --reason "left the team"
#[derive(Args)]
#[group(id = "access-revoke-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
    /// What: pr_..., vn_..., dv_..., gr_... or project:NAME.
    what: RecordKey,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    if let RecordKey::Credential(id) = arguments.what {
        return Err(Failure::usage(format!("there is no {id}"), "nobody signs in yet, and there are no credentials"));
    }
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    let (about, step) = match &arguments.what {
        RecordKey::Principal(id) => (Some(*id), Step::End(arguments.what.clone())),
        RecordKey::Closed(project) => (None, Step::Put(Record::Closed(project.clone()))),
        what => (None, Step::End(what.clone())),
    };
    let target = Target { principal: about, ..Target::default() };
    operated.run(operated.change::<Revoke>(target, vec![step], Vec::new(), Some(&arguments.reason)))?;
    println!("{} is revoked", arguments.what);
    Ok(Exit::Clean)
}
