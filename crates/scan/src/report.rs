//! Gathers findings: one for each identity, with all its places; sorted, accounted for.

pub mod jsonl;
pub mod sarif;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use cordon_domain::finding::Commit;
use cordon_domain::{Finding, FindingId, Location};

use crate::limits::{FINDINGS_MAX, LOCATIONS_MAX};
use crate::reader::Sink;
use crate::tally::{Skip, Tally};

/// A finding with every place it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The finding; its location is the first place.
    pub finding: Finding,
    /// The places, in order, within a bound.
    pub locations: Vec<Location>,
    /// How many places there are.
    pub locations_total: u64,
}

/// Numbers that account for a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Containers and documents opened.
    pub containers: u64,
    /// Git objects read.
    pub blobs: u64,
    /// Addresses asked.
    pub addresses: u64,
    /// Matches below the confidence asked for.
    pub below_floor: u64,
    /// Inputs and matches left out by the user's own configuration.
    pub excluded: u64,
    /// Findings accepted by the baseline.
    pub accepted: u64,
    /// Inputs not read, or not wholly.
    pub skipped: u64,
    /// The skipped inputs, within a bound.
    pub skips: Vec<Skip>,
    /// Things a user should know of their own configuration.
    pub notes: Vec<String>,
}

impl Summary {
    /// Reads the counters.
    #[must_use]
    pub fn of(tally: &Tally) -> Self {
        Self {
            files: Tally::get(&tally.files),
            bytes: Tally::get(&tally.bytes),
            containers: Tally::get(&tally.containers),
            blobs: Tally::get(&tally.blobs),
            addresses: Tally::get(&tally.addresses),
            below_floor: Tally::get(&tally.below_floor),
            excluded: Tally::get(&tally.excluded),
            accepted: 0,
            skipped: Tally::get(&tally.skipped),
            skips: tally.skips(),
            notes: Vec::new(),
        }
    }

    /// Tells whether some input was not read.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.skipped > 0
    }
}

/// Collects findings from all threads.
#[derive(Debug, Default)]
pub struct Collector {
    found: Mutex<BTreeMap<FindingId, Reported>>,
    lost: AtomicU64,
}

impl Sink for Collector {
    fn take(&self, finding: Finding) {
        let Ok(mut found) = self.found.lock() else { return };
        if found.len() >= FINDINGS_MAX && !found.contains_key(&finding.id) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let reported = found.entry(finding.id.clone()).or_insert_with(|| Reported {
            finding: finding.clone(),
            locations: Vec::new(),
            locations_total: 0,
        });
        if reported.locations.contains(&finding.location) {
            return;
        }
        reported.locations_total += 1;
        // The surest speaks for all; of equals the first place, whichever thread met it.
        let speaks = |finding: &Finding| (finding.confidence, finding.severity, Reverse(finding.location.clone()));
        let better = speaks(&finding) > speaks(&reported.finding);
        let location = finding.location.clone();
        if better {
            reported.finding = finding;
        }
        // The first places by order stay, whichever thread met them.
        let at = reported.locations.partition_point(|known| *known < location);
        if at < LOCATIONS_MAX {
            reported.locations.insert(at, location);
            reported.locations.truncate(LOCATIONS_MAX);
        }
    }
}

impl Collector {
    /// The git objects that have findings.
    #[must_use]
    pub fn blobs(&self) -> HashSet<String> {
        self.found
            .lock()
            .map(|found| {
                found
                    .values()
                    .flat_map(|reported| &reported.locations)
                    .filter_map(|location| location.blob.clone())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Fills in path and commit of findings in git objects.
    pub fn attribute(&self, origins: &HashMap<String, (Vec<u8>, Commit)>) {
        let Ok(mut found) = self.found.lock() else { return };
        for location in found.values_mut().flat_map(|reported| &mut reported.locations) {
            if let Some((path, commit)) = location.blob.as_ref().and_then(|blob| origins.get(blob)) {
                location.commit = Some(commit.clone());
                // What stands inside a container of the blob keeps the names behind it.
                location.path.insert(0, path.clone());
            }
        }
    }

    /// Returns how many findings were beyond the bound of one run.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Returns what was gathered so far: worst first, then surest, then by place.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Reported> {
        let mut all: Vec<Reported> =
            self.found.lock().map(|found| found.values().cloned().collect()).unwrap_or_default();
        for reported in &mut all {
            reported.locations.sort();
            if let Some(first) = reported.locations.first() {
                reported.finding.location = first.clone();
            }
        }
        all.sort_by(|left, right| {
            let key = |reported: &Reported| {
                (
                    Reverse((reported.finding.severity, reported.finding.confidence)),
                    reported.finding.location.clone(),
                    reported.finding.id.clone(),
                )
            };
            key(left).cmp(&key(right))
        });
        all
    }
}
