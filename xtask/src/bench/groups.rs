//! Measures how a bucket of many versions is grouped by what policies can see of them, which `who` begins with.

use std::path::PathBuf;
use std::time::Instant;

use cordon_domain::{Actor, Label, Level};
use cordon_gate::Gate;
use cordon_testkit::Deciding;

use super::rewrap::{BUCKET, write};

const VERSIONS: u64 = 1_000_000;
const GROUPS: u64 = 20;

/// Prints how long it takes.
pub(super) fn measured() -> Result<(), String> {
    super::within("bench-groups", groups)
}

async fn groups(folder: PathBuf) -> Result<(), String> {
    let (installation, _) = super::trust::installation(&folder, None).await.map_err(|error| error.to_string())?;
    let gate = Gate::new(Deciding::yes(), installation.writer().clone(), Actor::service(installation.itself()));
    let mut writes = Vec::new();
    for number in 0..VERSIONS {
        let project = format!("project-{}", number % GROUPS).parse().map_err(|_| "the name is one")?;
        writes.push(write(&installation, &gate, (number, Label::of(Level::Restricted).with(project))));
        if writes.len() == 1000 {
            for outcome in futures_util::future::join_all(writes.drain(..)).await {
                outcome?;
            }
        }
    }
    let begun = Instant::now();
    let groups = installation.reader().label_groups(installation.keys(), BUCKET, None).await;
    let groups = groups.map_err(|error| error.to_string())?.len();
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    println!("| grouping a bucket of {VERSIONS} versions by label ({groups} groups), each row checked | {ms:.0} ms |");
    Ok(())
}
