//! Bringing a person in.

use clap::Args;
use cordon_domain::{
    Clock as _, Grant, GrantId, Level, Moment, Principal, PrincipalId, PrincipalKind, Project, Record, Role, Scope,
    Step, Target, UserName,
};
use cordon_gate::act::Invite;
use cordon_store::edge::{SystemClock, SystemEntropy};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where, failure};
use crate::moment::moment;

/// Bring a person in: who they are, what they may know, which roles they have. The name is kept under a key of their own.
///
/// Example: cordon people invite ada@example.org --clearance restricted --project atlas --role reader:project:atlas --trained-until 2027-11-25
#[derive(Args)]
#[group(id = "people-invite-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
    /// What the person will sign in as: a-z, 0-9, `.`, `_`, `-`, `@`, `+`.
    #[arg(value_parser = |text: &str| text.parse::<UserName>().map_err(|error| error.to_string()))]
    name: UserName,
    /// The highest level that the person may know.
    #[arg(long, value_name = "LEVEL", default_value = "internal", value_parser = level)]
    clearance: Level,
    /// A project that the person belongs to; may be given several times.
    #[arg(long, value_name = "PROJECT", value_parser = |text: &str| text.parse::<Project>().map_err(|error| error.to_string()))]
    project: Vec<Project>,
    /// A role, and on what: reader:bk_..., approver:everything, reader:project:atlas; may be given several times.
    #[arg(long, value_name = "ROLE:SCOPE", value_parser = role)]
    role: Vec<(Role, Scope)>,
    /// Until when the person's training counts.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    trained_until: Option<Moment>,
    /// When the account ends.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Option<Moment>,
    /// This person is the one at the machine: the two are one human, and never approve for each other.
    #[arg(long)]
    me: bool,
    /// Why; it is recorded, and stands in the grants.
    #[arg(long, default_value = "invited at the machine")]
    reason: String,
}

pub(crate) fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|error: cordon_domain::level::UnknownLevel| error.to_string())
}

fn role(text: &str) -> Result<(Role, Scope), String> {
    let (role, scope) = text.split_once(':').ok_or("write it as ROLE:SCOPE, for example reader:everything")?;
    let role = role.parse().map_err(|error: cordon_domain::grant::UnknownRole| error.to_string())?;
    let scope = scope.parse().map_err(|error: cordon_domain::grant::NotAScope| error.to_string())?;
    match scope {
        // A grant is decided on what it covers; here the decision is about the installation.
        Scope::Bucket(_) | Scope::Version(_) => {
            Err("give roles on buckets and objects with `cordon access grant`".into())
        }
        scope => Ok((role, scope)),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    let id = PrincipalId::draw(&mut SystemEntropy);
    operated.run(async {
        let name = operated.installation.keys().seal_name(id, &arguments.name).map_err(failure)?;
        let (target, steps) = (Target { principal: Some(id), ..Target::default() }, steps(arguments, id, &operated));
        operated.change::<Invite>(target, steps, vec![name], Some(&arguments.reason)).await
    })?;
    println!("{id}");
    eprintln!(
        "hint: `cordon access grant` gives more, `cordon explain {id} object.read TARGET` tells what it comes to"
    );
    Ok(Exit::Clean)
}

fn steps(arguments: &Arguments, id: PrincipalId, operated: &Operated) -> Vec<Step> {
    let principal = Principal {
        id,
        kind: PrincipalKind::Person,
        owner: if arguments.me { operated.actor.principal } else { id },
        clearance: arguments.clearance,
        projects: arguments.project.iter().cloned().collect(),
        vendor: None,
        purpose: None,
        until: arguments.until,
        trained_until: arguments.trained_until,
    };
    let grant = |(role, scope): &(Role, Scope)| Grant {
        id: GrantId::draw(&mut SystemEntropy),
        principal: id,
        role: *role,
        scope: scope.clone(),
        starts: SystemClock.now(),
        ends: None,
        reason: arguments.reason.clone(),
        given_by: operated.actor.principal,
    };
    let grants = arguments.role.iter().map(grant).map(Record::Grant);
    std::iter::once(Record::Principal(principal)).chain(grants).map(Step::Put).collect()
}
