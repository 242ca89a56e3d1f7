//! Measures `cordon access who` on a bucket of many versions, from the database to the last answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordon_domain::{
    Actor, Clock as _, Grant, Label, Level, Personal, PrincipalId, Record, RequestId, Roster, Scope, Step, Steps,
    Target, VersionId,
};
use cordon_gate::act::{ChangePolicies, Changes, Give, Invite};
use cordon_gate::{Epoch, Facts, Gate, Grounds, Request, Verdict};
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::{Change, Follower, Installation, Writer};
use cordon_testkit::Deciding;
use cordon_testkit::trust::Always;

use super::access::{everyone, ms};
use super::rewrap::{BUCKET, write};

const VERSIONS: u64 = 1_000_000;
const GROUPS: u64 = 20;
/// Changes that wait for one another to be durable.
const AT_ONCE: usize = 1_000;

/// Stores the people, their grants and the policies, and a bucket; prints how long a question about it takes.
pub(super) fn measured(roster: Roster) -> Result<(), String> {
    super::within("bench-groups", |folder| groups(folder, roster))
}

async fn groups(folder: PathBuf, roster: Roster) -> Result<(), String> {
    let (installation, _) = super::trust::installation(&folder, None).await.map_err(|error| error.to_string())?;
    let decide: fn(&Facts) -> Verdict = |_| Verdict::Allow(Grounds { epoch: Epoch::ANY, ..Grounds::default() });
    let gate = Gate::new(Deciding(decide), installation.writer().clone(), Actor::service(installation.itself()));
    fill(&installation, &gate, roster).await?;
    let mut writes = Vec::new();
    for number in 0..VERSIONS {
        let project = format!("project-{}", number % GROUPS).parse().map_err(|_| "the name is one")?;
        writes.push(write(&installation, &gate, (number, Label::of(Level::Restricted).with(project))));
        if writes.len() == AT_ONCE {
            all(&mut writes).await?;
        }
    }
    let begun = Instant::now();
    let keys = Arc::clone(installation.keys());
    let follower =
        Follower::begin(installation.reader().clone(), keys, None).await.map_err(|error| error.to_string())?;
    let snapshot = follower.policies().snapshot()?;
    let loaded = begun.elapsed();
    let groups = installation.reader().label_groups(installation.keys(), BUCKET, None).await;
    let groups = groups.map_err(|error| error.to_string())?;
    let grouped = begun.elapsed();
    let target = |label| Target {
        bucket: Some(BUCKET),
        version: Some(VersionId([9; 16])),
        label: Some(label),
        ..Target::default()
    };
    let targets: Vec<Target> = groups.into_iter().map(|(label, _)| target(label)).collect();
    let found = everyone(&snapshot, &targets)?;
    print("reading the people, grants and policies, each row checked", loaded);
    let what =
        format!("grouping a bucket of {VERSIONS} versions by label ({} groups), each row checked", targets.len());
    print(&what, grouped - loaded);
    print(
        &format!("who may read it, asked of {} ({found} lines)", snapshot.roster().principals.len()),
        begun.elapsed() - grouped,
    );
    print("all of it, as `cordon access who` does it", begun.elapsed());
    Ok(())
}

fn print(what: &str, time: Duration) {
    println!("| {what} | {:.0} ms |", ms(time));
}

async fn all(writes: &mut Vec<impl Future<Output = Result<(), String>>>) -> Result<(), String> {
    futures_util::future::join_all(writes.drain(..)).await.into_iter().collect()
}

async fn fill(installation: &Installation, gate: &Gate<Always, Writer>, roster: Roster) -> Result<(), String> {
    let mut people = Vec::new();
    for principal in roster.principals.into_values() {
        people.push(put::<Invite>(installation, gate, Some(principal.id), Record::Principal(principal)));
        if people.len() == AT_ONCE {
            all(&mut people).await?;
        }
    }
    let mut grants = Vec::new();
    for mut grant in roster.grants.into_values() {
        grant.given_by = installation.itself();
        grants.push(put::<Give>(installation, gate, Some(grant.principal), Record::Grant(grant)));
        if grants.len() == AT_ONCE {
            all(&mut grants).await?;
        }
    }
    all(&mut people).await?;
    all(&mut grants).await?;
    put::<ChangePolicies>(installation, gate, None, Record::Policies(roster.policies)).await
}

async fn put<A: Changes>(
    installation: &Installation,
    gate: &Gate<Always, Writer>,
    about: Option<PrincipalId>,
    record: Record,
) -> Result<(), String> {
    // A grant is decided on what it covers.
    let bucket = match &record {
        Record::Grant(Grant { scope: Scope::Bucket(bucket), .. }) => Some(*bucket),
        _ => None,
    };
    let steps = Steps(vec![Step::Put(record)]);
    let target = Target { principal: about, bucket, record: steps.0.first().map(Step::key), ..Target::default() };
    let actor = Actor::service(installation.itself());
    let request = RequestId::draw(&mut SystemEntropy);
    let (beside, personal) = (steps.encoded(), Personal::default());
    let facts = Facts { target, beside, personal, ..Facts::new(request, SystemClock.now(), A::ACTION, actor) };
    let change = Change::records(A::ACTION, steps);
    gate.change(Request::<A>::new(facts), change).await.map(drop).map_err(|error| error.to_string())
}
