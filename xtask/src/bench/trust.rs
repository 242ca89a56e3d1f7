//! Measures the ledger and the keys: events a second, time to a checkpoint, verification, proofs, encryption, rewrapping.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cordon_domain::{
    Action, BucketId, Clock as _, Entropy as _, Label, Level, Personal, PrincipalId, RequestId, VersionId,
};
use cordon_gate::{Epoch, Journal as _};
use cordon_keys::local::HeldKey;
use cordon_keys::recovery::Share;
use cordon_keys::{RootProvider, Secret};
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::{Address, Installation, KitShape, New, Places};
use cordon_testkit::postgres::{Cluster, new_database};

const EVENTS: usize = 200_000;
const TASKS: usize = 256;
/// Events a second at which latency is measured.
const PACE: u32 = 20_000;

/// Builds in release mode and measures there; then plays the faults with more seeds than the tests do.
pub(crate) fn run() -> Result<(), String> {
    crate::run("cargo", &["run", "--release", "--quiet", "--package", "xtask", "--", "bench", "trust-measured"])?;
    let arguments = ["test", "--quiet", "--package", "cordon-store", "faults::dead_at_any_step"];
    let played = std::process::Command::new("cargo").args(arguments).env("CORDON_FAULT_SEEDS", "1000").status();
    match played {
        Ok(status) if status.success() => {
            println!("| machine dead at a step, 1,000 seeds | every promise kept |");
            Ok(())
        }
        Ok(_) => Err("a promise was broken: see above for the seed".to_owned()),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// Measures in this process.
pub(crate) fn measured() -> Result<(), String> {
    let folder = PathBuf::from("target/bench-trust");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    println!("| what | measured |\n|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (installation, kit) =
        runtime.block_on(events(&folder.join("events"), None)).map_err(|error| error.to_string())?;
    runtime
        .block_on(super::restore::back_up(&installation, &folder.join("events")))
        .map_err(|error| error.to_string())?;
    drop(installation);
    runtime.block_on(super::restore::restore(&folder.join("events"), &folder.join("restored"), &kit))?;
    let server = Cluster::start()?;
    let database = Address::parse(&new_database(server.socket())?).map_err(|error| error.to_string())?;
    runtime.block_on(events(&folder.join("postgres"), Some(database))).map_err(|error| error.to_string())?;
    drop(server);
    runtime.block_on(super::rewrap::rewrap(&folder.join("rewrap")))?;
    super::seal::log(&folder.join("log"))?;
    super::seal::streams()?;
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// Makes an installation in `folder`. Returns the shares of its recovery kit, too.
pub(super) async fn installation(
    folder: &Path,
    server: Option<Address>,
) -> Result<(Installation, Vec<String>), cordon_store::StoreError> {
    let key = Secret::draw(&mut SystemEntropy);
    let provider: Arc<dyn RootProvider> = Arc::new(HeldKey::new("key-file", &key, SystemEntropy));
    let places = Places { data: folder.join("data"), keys: folder.join("keys"), server };
    let kit = KitShape { need: 2, of: 3 };
    let mut written = Vec::new();
    let mut keep_kit = |shares: &[Share]| {
        written.extend(shares.iter().map(|share| share.write().to_string()));
        Ok(())
    };
    let new = New { origin: "bench.example/log", kit, keep_kit: &mut keep_kit };
    let made = Installation::create(places, new, &provider, Arc::new(SystemClock)).await?;
    Ok((made, written))
}

/// Loads an installation with events. Returns it, with the shares of its kit.
async fn events(
    folder: &Path,
    server: Option<Address>,
) -> Result<(Arc<Installation>, Vec<String>), cordon_store::StoreError> {
    let kind = if server.is_some() { "PostgreSQL" } else { "SQLite" };
    let (installation, kit) = installation(folder, server).await?;
    let installation = Arc::new(installation);
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (installation, stop) = (Arc::clone(&installation), Arc::clone(&stop));
        std::thread::spawn(move || publish(&installation, &stop))
    };
    for pace in [Pace::Full, Pace::At(PACE)] {
        load(&installation, kind, pace).await;
    }
    stop.store(true, Ordering::Release);
    let slowest = publishing.join().unwrap_or_default();
    println!(
        "| event to signed checkpoint, slowest under that load ({kind}) | {:.0} ms |",
        slowest.as_secs_f64() * 1e3
    );
    Ok((installation, kit))
}

/// How fast events are asked for.
#[derive(Clone, Copy)]
enum Pace {
    /// Each task asks again once it is answered.
    Full,
    /// So many a second, whether or not earlier ones were answered in time: waits count from when each was due.
    At(u32),
}

async fn load(installation: &Arc<Installation>, kind: &str, pace: Pace) {
    let (begun, cpu) = (Instant::now(), cpu_s());
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let installation = Arc::clone(installation);
        tasks.push(tokio::spawn(async move {
            let mut waits = Vec::with_capacity(EVENTS / TASKS);
            for number in 0..EVENTS / TASKS {
                let mut asked = Instant::now();
                if let Pace::At(rate) = pace {
                    asked = begun + Duration::from_secs_f64((number * TASKS + task) as f64 / f64::from(rate));
                    tokio::time::sleep_until(asked.into()).await;
                }
                let outcome = installation.writer().record(event(&installation, task, number), Epoch::ANY).await;
                if outcome.is_ok() {
                    waits.push(asked.elapsed());
                }
            }
            waits
        }));
    }
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap_or_default());
    }
    let (took, cpu) = (begun.elapsed(), cpu_s() - cpu);
    waits.sort_unstable();
    let quantile = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
    let what = match pace {
        Pace::Full => format!("durable events/s, {TASKS} at a time, acknowledged after fsync ({kind})"),
        Pace::At(rate) => format!("the same, paced at {rate} a second (waits from when each was due)"),
    };
    println!(
        "| {what} | {:.0}/s; p50 {:.1} ms, p99 {:.1} ms; {:.1} us CPU each |",
        waits.len() as f64 / took.as_secs_f64(),
        quantile(0.5).as_secs_f64() * 1e3,
        quantile(0.99).as_secs_f64() * 1e3,
        cpu * 1e6 / waits.len() as f64
    );
}

/// Publishes until told to stop. Returns the longest time from an event to the checkpoint that holds it.
fn publish(installation: &Installation, stop: &AtomicBool) -> Duration {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Duration::MAX };
    runtime.block_on(async {
        let Ok(mut sequencer) = installation.sequencer().await else { return Duration::MAX };
        let mut slowest = Duration::ZERO;
        let mut last = Instant::now();
        loop {
            let before = Instant::now();
            match sequencer.publish().await {
                // The oldest event of a step came right after the step before had read the database.
                Ok(Some(_)) => slowest = slowest.max(last.elapsed()),
                Ok(None) => {}
                Err(error) => {
                    eprintln!("{error}");
                    return Duration::MAX;
                }
            }
            last = before;
            if stop.load(Ordering::Acquire) {
                return slowest;
            }
            tokio::time::sleep(Duration::from_millis(200).saturating_sub(before.elapsed())).await;
        }
    })
}

fn event(installation: &Installation, task: usize, number: usize) -> cordon_domain::Event {
    let mut event = installation.own_event(Action::ObjectRead, SystemClock.now());
    let mut id = [0; 16];
    SystemEntropy.fill(&mut id);
    event.request = RequestId(id);
    event.actor.principal = PrincipalId([(task % 100) as u8; 16]);
    event.target.bucket = Some(BucketId([(task % 10) as u8; 16]));
    event.target.version = Some(VersionId(id));
    event.target.label = Some(Label::of(Level::Restricted));
    event.amount = Some(number as u64);
    event.policies = vec!["restricted-readers".to_owned()];
    event.client = Some("aws-cli/2.17.1 python/3.11".to_owned());
    event.personal = Personal {
        name: Some("Ada Example".to_owned()),
        address: Some("ada@example.org".to_owned()),
        device: Some("laptop-7".to_owned()),
        network: Some("192.0.2.7".to_owned()),
    };
    event
}

/// CPU seconds of this process so far, all threads.
fn cpu_s() -> f64 {
    let usage = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = usage.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
