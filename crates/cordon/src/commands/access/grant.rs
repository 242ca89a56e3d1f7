//! Giving a role on something.

use clap::Args;
use cordon_domain::{Clock as _, Grant, GrantId, Moment, PrincipalId, Record, Role, Scope, Step, Target, VersionId};
use cordon_gate::act::Give;
use cordon_store::edge::{SystemClock, SystemEntropy};

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, failure};
use crate::moment::moment;

/// Give a principal a role on something, until a day, for a reason.
///
/// Example: cordon access grant pr_... reader project:atlas --until 2026-12-04 --reason "review of the launch"
#[derive(Args)]
#[group(id = "access-grant-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Who: pr_ and 32 hexadecimal digits.
    principal: PrincipalId,
    /// What: reader, contributor, owner, approver, security, auditor.
    role: Role,
    /// On what: `everything`, project:NAME, a bucket (bk_...), an object version (ov_...).
    scope: Scope,
    #[command(flatten)]
    ends: Ends,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// Each grant has an end, or it is said that it has none.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Ends {
    /// When it ends.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,
    /// It lasts until it is revoked.
    #[arg(long)]
    without_end: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let operated = arguments.at.open()?;
    let grant = Grant {
        id: GrantId::draw(&mut SystemEntropy),
        principal: arguments.principal,
        role: arguments.role,
        scope: arguments.scope.clone(),
        starts: SystemClock.now(),
        ends: arguments.ends.until,
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
    let covered = match &grant.scope {
        Scope::Bucket(bucket) => Target { bucket: Some(*bucket), ..Target::default() },
        Scope::Version(version) => stored(operated, *version).await?,
        Scope::Installation | Scope::Project(_) => Target::default(),
    };
    let (reason, target) = (grant.reason.clone(), Target { principal: Some(grant.principal), ..covered });
    operated.change::<Give>(target, vec![Step::Put(Record::Grant(grant))], Vec::new(), Some(&reason)).await
}

async fn stored(operated: &Operated, version: VersionId) -> Result<Target, Failure> {
    let row = operated.installation.reader().object(operated.installation.keys(), version).await.map_err(failure)?;
    let row = row.ok_or_else(|| Failure::usage(format!("there is no {version}"), "give a version that is stored"))?;
    Ok(Target { bucket: Some(row.bucket), version: Some(version), label: Some(row.label), ..Target::default() })
}
