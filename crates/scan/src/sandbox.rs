//! Locks a worker in before it reads foreign bytes: bounded memory and time; no files (Landlock) and no new
//! descriptors, sockets or processes (seccomp) where the kernel has them.

use std::collections::BTreeMap;
use std::io;

use landlock::{Access as _, AccessFs, Compatible as _, Ruleset, RulesetAttr as _};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::limits::WORKER_MEMORY_BYTES;

/// What of the lock took hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The kernel refuses files.
    pub landlock: bool,
    /// The kernel refuses other system calls.
    pub seccomp: bool,
}

/// Locks this process in, for good, with at most `cpu_s` seconds of processor time.
///
/// # Errors
///
/// Memory and time could not be bounded: the process must not go on.
pub fn lock(cpu_s: u64) -> io::Result<Locked> {
    let bound = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    bound(Resource::As, WORKER_MEMORY_BYTES)?;
    bound(Resource::Cpu, cpu_s)?;
    bound(Resource::Core, 0)?;
    bound(Resource::Fsize, 0)?;
    Ok(Locked { landlock: no_files(), seccomp: few_calls().is_ok() })
}

/// Tells what of the lock this kernel has, and locks nothing.
#[must_use]
pub fn offered() -> Locked {
    let ruleset = Ruleset::default().set_compatibility(landlock::CompatLevel::HardRequirement);
    let created = ruleset.handle_access(AccessFs::from_all(landlock::ABI::V1)).and_then(Ruleset::create);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    Locked { landlock: created.is_ok(), seccomp: status.lines().any(|line| line.starts_with("Seccomp:")) }
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A lock holds for the life of a process: the test runs itself again and locks that.
    #[test]
    fn a_locked_process_reaches_nothing_that_the_kernel_can_refuse() {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["sandbox::tests::locked", "--exact", "--ignored", "--nocapture"])
            .output()
            .expect("this program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = |what: &str| text.contains(&format!("{what} true"));
        assert!(text.contains("landlock "), "{text}");
        assert_eq!(said("reads a file"), !said("landlock") && !said("seccomp"), "{text}");
        assert_eq!(said("makes a socket"), !said("seccomp"), "{text}");
        assert_eq!(said("starts a process"), !said("landlock") && !said("seccomp"), "{text}");
        assert!(said("computes") && said("holds as offered"), "{text}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn locked() {
        let offers = offered();
        let locked = lock(crate::limits::WORKER_CPU_S).expect("bounds hold");
        println!("\nholds as offered {}", locked == offers);
        println!("\nlandlock {}\nseccomp {}", locked.landlock, locked.seccomp);
        println!("reads a file {}", std::fs::read("/etc/passwd").is_ok());
        println!("makes a socket {}", std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
        println!("starts a process {}", Command::new("/bin/true").status().is_ok());
        println!("computes {}", vec![1u8; 1 << 20].iter().map(|one| usize::from(*one)).sum::<usize>() == 1 << 20);
    }
}
