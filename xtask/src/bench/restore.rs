//! Measures what a bare machine needs to be an installation again: a kit, a backup of the data, one of the keys.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cordon_keys::RootProvider;
use cordon_keys::local::HeldKey;
use cordon_keys::recovery::{Share, join};
use cordon_ledger::note::Verifier;
use cordon_store::backup::{Source, back_up_data, back_up_keys, restore as restore_backup};
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::{Installation, Places, StoreError};

/// Backs an installation in `folder` up, beside it.
pub(super) async fn back_up(installation: &Installation, folder: &Path) -> Result<(), StoreError> {
    let begun = Instant::now();
    back_up_keys(installation, &folder.join("backup-keys"))?;
    back_up_data(installation, &folder.join("backup")).await?;
    let events = installation.reader().size().await?;
    println!("| backup of {events} events and the keys | {:.1} s |", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Restores that backup to the folder `to` with two shares of the kit, until it is open again.
pub(super) async fn restore(from: &Path, to: &Path, kit: &[String]) -> Result<(), String> {
    let begun = Instant::now();
    let shares: Result<Vec<Share>, _> = kit.iter().take(2).map(|share| Share::read(share)).collect();
    let joined = join(&shares.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let provider: Arc<dyn RootProvider> = Arc::new(HeldKey::new("shares", &joined, SystemEntropy));
    let key = std::fs::read_to_string(from.join("backup/log.vkey")).map_err(|error| error.to_string())?;
    let key: Verifier = key.trim().parse().map_err(|error| format!("{error}"))?;
    let source = Source {
        data: &from.join("backup"),
        keys: Some(&from.join("backup-keys")),
        log_key: &key,
        known: &[],
        new_origin: Some("bench.example/after"),
    };
    let places = Places { data: to.join("data"), keys: to.join("keys"), server: None };
    let clock = Arc::new(SystemClock);
    let restored = restore_backup(&source, &places, &provider, clock.clone()).await;
    let restored = restored.map_err(|error| error.to_string())?;
    Installation::open(places, &provider, clock).await.map_err(|error| error.to_string())?;
    println!(
        "| bare machine: {} events restored from backups and two shares, {} log entries verified, opened | {:.1} s |",
        restored.events,
        restored.verified,
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}
