//! Bringing a person in.

use clap::Args;
use cordon_domain::{
    Clock as _, Grant, GrantId, Level, Moment, Principal, PrincipalId, PrincipalKind, Project, Record, Role, Scope,
    Step, Target, UserName, VendorId,
};
use cordon_gate::act::Invite;
use cordon_store::edge::{SystemClock, SystemEntropy};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};
use crate::moment::moment;
use crate::remote::Reached;

use super::link::link_for;

/// Bring a person in: who they are, what they may know, which roles they have. The name is kept under a key of their own.
/// Prints who it is, and a link that sets their way to sign in, once.
///
/// Example: cordon people invite ada@example.org --clearance restricted --project atlas --role reader:project:atlas --trained-until 2027-11-25
#[derive(Args)]
#[group(id = "people-invite-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    reached: Reached,
    /// What the person will sign in as: a-z, 0-9, `.`, `_`, `-`, `@`, `+`.
    name: UserName,
    /// The highest level that the person may know.
    #[arg(long, value_name = "LEVEL", default_value = "internal")]
    clearance: Level,
    /// A project that the person belongs to; may be given several times.
    #[arg(long, value_name = "PROJECT")]
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
    /// The vendor whose person it is: vn_ and 32 hexadecimal digits.
    #[arg(long, value_name = "VENDOR", conflicts_with = "me")]
    vendor: Option<VendorId>,
    /// This person is the one at the machine: the two are one human, and never approve for each other.
    #[arg(long)]
    me: bool,
    /// Why; it is recorded, and stands in the grants.
    #[arg(long, default_value = "invited at the machine")]
    reason: String,
}

pub(crate) fn role(text: &str) -> Result<(Role, Scope), String> {
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
    let url = arguments.reached.url()?;
    let operated = arguments.at.open()?;
    let person = Person {
        name: arguments.name.clone(),
        clearance: arguments.clearance,
        projects: arguments.project.clone(),
        roles: arguments.role.clone(),
        trained_until: arguments.trained_until,
        until: arguments.until,
        vendor: arguments.vendor,
        me: arguments.me,
        reason: arguments.reason.clone(),
    };
    let (id, link) = operated.run(async {
        let id = bring_in(&operated, person).await?;
        Ok((id, link_for(&operated, id, &url).await?))
    })?;
    println!("{id}");
    println!("{}", link.as_str());
    eprintln!(
        "hint: the link sets their way to sign in, once, within three days; give it to nobody else\n\
         hint: `cordon access grant` gives more, `cordon explain {id} object.read TARGET` tells what it comes to"
    );
    Ok(Exit::Clean)
}

/// Somebody to be brought in.
pub(crate) struct Person {
    pub(crate) name: UserName,
    pub(crate) clearance: Level,
    pub(crate) projects: Vec<Project>,
    pub(crate) roles: Vec<(Role, Scope)>,
    pub(crate) trained_until: Option<Moment>,
    pub(crate) until: Option<Moment>,
    pub(crate) vendor: Option<VendorId>,
    pub(crate) me: bool,
    pub(crate) reason: String,
}

/// Brings somebody in, with their name sealed. Returns who it is.
pub(crate) async fn bring_in(operated: &Operated, person: Person) -> Result<PrincipalId, Failure> {
    let id = PrincipalId::draw(&mut SystemEntropy);
    let name = operated.installation.keys().seal_name(id, &person.name).map_err(failure)?;
    let target = Target { principal: Some(id), ..Target::default() };
    operated.change::<Invite>(target, steps(&person, id, operated), vec![name], Some(&person.reason)).await?;
    Ok(id)
}

fn steps(person: &Person, id: PrincipalId, operated: &Operated) -> Vec<Step> {
    let principal = Principal {
        id,
        kind: if person.vendor.is_some() { PrincipalKind::Vendor } else { PrincipalKind::Person },
        owner: if person.me { operated.actor.principal } else { id },
        clearance: person.clearance,
        projects: person.projects.iter().cloned().collect(),
        vendor: person.vendor,
        purpose: None,
        until: person.until,
        trained_until: person.trained_until,
    };
    let grants = person.roles.iter().map(|role| grant(operated, id, role, &person.reason)).map(Record::Grant);
    std::iter::once(Record::Principal(principal)).chain(grants).map(Step::Put).collect()
}

/// A role that comes with whoever is brought in.
pub(crate) fn grant(operated: &Operated, to: PrincipalId, (role, scope): &(Role, Scope), reason: &str) -> Grant {
    Grant {
        id: GrantId::draw(&mut SystemEntropy),
        principal: to,
        role: *role,
        scope: scope.clone(),
        starts: SystemClock.now(),
        ends: None,
        reason: reason.to_owned(),
        given_by: operated.actor.principal,
    }
}
