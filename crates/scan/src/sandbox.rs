//! Locks a worker in before it reads foreign bytes: bounded memory and time; no files (Landlock) and no new
//! descriptors, sockets or processes (seccomp) where the kernel has them.

use std::collections::BTreeMap;
use std::io;

use landlock::{Access as _, AccessFs, Ruleset, RulesetAttr as _};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::limits::{WORKER_CPU_S, WORKER_MEMORY_BYTES};

/// What of the lock took hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The kernel refuses files.
    pub landlock: bool,
    /// The kernel refuses other system calls.
    pub seccomp: bool,
}

/// Locks this process in, for good.
///
/// # Errors
///
/// Memory and time could not be bounded: the process must not go on.
pub fn lock() -> io::Result<Locked> {
    let bound = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    bound(Resource::As, WORKER_MEMORY_BYTES)?;
    bound(Resource::Cpu, WORKER_CPU_S)?;
    bound(Resource::Core, 0)?;
    bound(Resource::Fsize, 0)?;
    Ok(Locked { landlock: no_files(), seccomp: few_calls().is_ok() })
}

fn no_files() -> bool {
    Ruleset::default()
        .handle_access(AccessFs::from_all(landlock::ABI::V3))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .is_ok_and(|status| status.ruleset != landlock::RulesetStatus::NotEnforced)
}

/// What a process needs that reads and writes open pipes, computes, allocates, and ends.
const CALLS: [i64; 30] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    libc::SYS_clock_nanosleep,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
];

fn few_calls() -> Result<(), seccompiler::Error> {
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, arch)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}
