//! Forgetting who somebody was.

use clap::Args;
use cordon_domain::PrincipalId;
use cordon_store::care::Care;
use cordon_store::edge::SystemClock;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, careless};

/// Forget who somebody was: their name, and the names, addresses and devices that the log holds of them, are sealed for ever; what they
/// did stays, under their identifier, and every proof holds. This cannot be undone. The account is revoked first.
///
/// Example: cordon people erase pr_... --reason "asked to be forgotten"
#[derive(Args)]
#[group(id = "people-erase-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Who: pr_ and 32 hexadecimal digits.
    principal: PrincipalId,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let id = arguments.principal;
    if operated.snapshot()?.roster().principals.contains_key(&id) {
        return Err(Failure::usage(
            format!("{id} has an account"),
            format!("end it first: `cordon access revoke {id} --reason ...`"),
        ));
    }
    operated.run(async {
        let (actor, personal) = (operated.actor.clone(), operated.personal.clone());
        let care = Care::new(&operated.gate, &operated.installation, &SystemClock, actor, personal);
        care.erase(id, &arguments.reason).await.map_err(careless)
    })?;
    println!("{id} is erased");
    Ok(Exit::Clean)
}
