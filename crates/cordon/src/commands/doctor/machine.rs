//! The machine: whether connections find room, workers can be locked in, and the clock goes.

use cordon_domain::{Clock as _, Moment};
use cordon_scan::sandbox::{Locked, offered};
use cordon_server::limits::CONNECTIONS_MAX;
use cordon_store::edge::SystemClock;
use rustix::process::{Resource, getrlimit};

use super::Found;

/// This was written after it: 1 November 2026.
const WRITTEN: Moment = Moment(1_793_491_200_000);

/// As many connections as a node takes at its two doors.
const CONNECTIONS: u64 = 2 * CONNECTIONS_MAX as u64;

pub(super) fn looked_at() -> Vec<Found> {
    vec![files(), workers(), clock()]
}

fn files() -> Found {
    match getrlimit(Resource::Nofile).current {
        Some(files) if files <= CONNECTIONS => Found::mind(
            "files",
            format!("{files} files and connections may be open at once, and a node takes {CONNECTIONS} connections"),
            "raise `ulimit -n`, or LimitNOFILE= of the service",
        ),
        _ => Found::good("files", "as many connections may be open as a node takes"),
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
