//! Giving a role on something.

use clap::Args;
use cordon_domain::{
    Action, BucketId, Clock as _, Grant, GrantId, Moment, PrincipalId, Record, Role, Scope, Step, Steps, Target,
};
use cordon_gate::act::Give;
use cordon_gate::{Facts, Request};
use cordon_store::Change;
use cordon_store::edge::{SystemClock, SystemEntropy};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{Holder, Operated, Where, denied};
use crate::moment::moment;

/// Give a principal a role on something, until a day, for a reason.
///
/// Example: cordon access grant pr_... reader project:atlas --until 2026-12-04 --reason "review of the launch"
#[derive(Args)]
#[group(id = "access-grant-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    holder: Holder,
    /// Who: pr_ and 32 hexadecimal digits.
    principal: PrincipalId,
    /// What: reader, contributor, owner, approver, security, auditor.
    role: Role,
    /// On what: `everything`, project:NAME, a bucket (bk_...), an object version (ov_...).
    scope: Scope,
    /// When it ends; none: when it is revoked.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = Operated::open(&arguments.place, &arguments.holder)?;
    let grant = Grant {
        id: GrantId::draw(&mut SystemEntropy),
        principal: arguments.principal,
        role: arguments.role,
        scope: arguments.scope.clone(),
        starts: SystemClock.now(),
        ends: arguments.until,
        reason: arguments.reason.clone(),
        given_by: operated.actor.principal,
    };
    let id = grant.id;
    operated.run(give(&operated, grant))?;
    println!("{id}");
    Ok(Exit::Clean)
}

/// A grant is decided on what it covers.
async fn give(operated: &Operated, grant: Grant) -> Result<(), Failure> {
    let bucket = match &grant.scope {
        Scope::Bucket(bucket) => Some(*bucket),
        Scope::Version(version) => bucket_of(operated, *version).await?,
        Scope::Installation | Scope::Project(_) => None,
    };
    let version = if let Scope::Version(version) = grant.scope { Some(version) } else { None };
    let reason = Some(grant.reason.clone());
    let (principal, steps) = (Some(grant.principal), Steps(vec![Step::Put(Record::Grant(grant))]));
    let record = steps.0.first().map(Step::key);
    let change = Change::Records { action: Action::GrantMake, steps, names: Vec::new() };
    let target = Target { bucket, version, principal, record, ..Target::default() };
    let facts = Facts { target, beside: change.beside(), ..operated.facts(reason) };
    operated.gate.change(Request::<Give>::new(facts), change).await.map(drop).map_err(denied)
}

async fn bucket_of(operated: &Operated, version: cordon_domain::VersionId) -> Result<Option<BucketId>, Failure> {
    let row = operated.installation.reader().object(operated.installation.keys(), version).await;
    Ok(row.map_err(crate::installation::failure)?.map(|row| row.bucket))
}
