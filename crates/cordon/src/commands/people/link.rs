//! A link that sets a way to sign in.

use clap::Args;
use cordon_domain::{Clock as _, PrincipalId, PrincipalKind, Target};
use cordon_gate::act::Issue;
use cordon_gate::{Facts, Request};
use cordon_identity::authenticator::Way;
use cordon_identity::{PublicUrl, invitation};
use cordon_store::Change;
use cordon_store::edge::SystemClock;
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, denied, failure};
use crate::remote::Reached;

/// Print a link with which a person sets a way to sign in. It works once, within three days; an earlier one ends.
///
/// Give it to the person in a way that shows you who they are: whoever has it becomes them.
///
/// Example: cordon people link pr_...
#[derive(Args)]
#[group(id = "people-link-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    reached: Reached,
    /// Who: pr_ and 32 hexadecimal digits.
    person: PrincipalId,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let url = arguments.reached.url()?;
    let operated = arguments.at.open()?;
    println!("{}", operated.run(link_for(&operated, arguments.person, &url))?.as_str());
    Ok(Exit::Clean)
}

/// Issues an invitation for somebody who is there.
pub(crate) async fn link_for(
    operated: &Operated,
    person: PrincipalId,
    url: &PublicUrl,
) -> Result<Zeroizing<String>, Failure> {
    let snapshot = operated.snapshot()?;
    let known = snapshot.roster().principals.get(&person);
    if known.is_none_or(|known| known.kind == PrincipalKind::Service) {
        return Err(Failure::usage(format!("there is no person {person}"), "see `cordon people list`"));
    }
    let installation = &operated.installation;
    let kept = installation.reader().authenticators(installation.keys(), person).await.map_err(failure)?;
    let known = kept.into_iter().filter_map(|kept| Way::read(&kept).ok().map(|way| (kept, way))).collect::<Vec<_>>();
    let (access, text) = invitation::invite(person, &known, SystemClock.now());
    let target = Target { principal: Some(person), record: access.names(), ..Target::default() };
    let facts = Facts { target, ..operated.facts(Some("a link to set a way to sign in".to_owned())) };
    let issued = operated.gate.change(Request::<Issue>::new(facts), Change::Access(Box::new(access))).await;
    drop(issued.map_err(denied)?.spend());
    Ok(Zeroizing::new(format!("{}/welcome#{}", url.origin(), text.as_str())))
}
