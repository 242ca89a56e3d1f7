//! The machine: whether keys stay in memory, workers can be locked in, and the clock goes.

use cordon_domain::{Clock as _, Moment};
use cordon_scan::sandbox::{Locked, offered};
use cordon_store::edge::SystemClock;
use rustix::process::{Resource, getrlimit};

use super::Found;
use crate::limits::{FILES_OPEN_MIN, LOCKED_BYTES_MIN};

/// This was written after it: 1 November 2026.
const WRITTEN: Moment = Moment(1_793_491_200_000);

pub(super) fn looked_at() -> Vec<Found> {
    vec![memory(), files(), workers(), clock()]
}

fn memory() -> Found {
    match getrlimit(Resource::Memlock).current {
        Some(bytes) if bytes < LOCKED_BYTES_MIN => Found::mind(
            "memory",
            format!("{bytes} bytes of memory may be kept from being swapped, and keys need {LOCKED_BYTES_MIN}"),
            "raise `ulimit -l`, or LimitMEMLOCK= of the service; or encrypt what is swapped to",
        ),
        _ => Found::good("memory", "keys can be kept from being swapped"),
    }
}

fn files() -> Found {
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FILES_OPEN_MIN => Found::mind(
            "files",
            format!("{files} files and connections may be open at once, and a busy node takes {FILES_OPEN_MIN}"),
            "raise `ulimit -n`, or LimitNOFILE= of the service",
        ),
        _ => Found::good("files", "as many files and connections may be open as a busy node takes"),
    }
}

/// What reads foreign bytes is locked in by the kernel, as far as it can.
fn workers() -> Found {
    match offered() {
        Locked { landlock: true, seccomp: true } => {
            Found::good("workers", "the kernel locks in what reads foreign bytes (Landlock, seccomp)")
        }
        Locked { landlock: false, seccomp: true } => Found::mind(
            "workers",
            "the kernel has no Landlock: what reads foreign bytes is locked in by seccomp, time and memory",
            "use a kernel of 5.13 or later, with landlock among `lsm=`",
        ),
        Locked { seccomp: false, .. } => Found::bad(
            "workers",
            "the kernel says of no seccomp: what reads foreign bytes is not locked in",
            "use a kernel with CONFIG_SECCOMP_FILTER, and mount /proc",
        ),
    }
}

/// Tokens, publications and keys end by the clock.
fn clock() -> Found {
    let now = SystemClock.now();
    if now < WRITTEN {
        return Found::bad("clock", format!("the clock says {now}"), "set it, and keep it set with NTP");
    }
    Found::good("clock", format!("it is {now}"))
}
