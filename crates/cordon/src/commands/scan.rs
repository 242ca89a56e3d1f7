//! Find what would leak.

mod print;
mod targets;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use cordon_domain::{Confidence, IdKey, KeyName, Severity, Today};
use cordon_inspect::{Engine, Index};
use cordon_scan::baseline::{Baseline, BaselineError};
use cordon_scan::config::Config;
use cordon_scan::{Collector, Reported, Summary, Tally, fingerprints};

use self::print::Printer;
use self::targets::Run;
use super::{fingerprint, rules};
use crate::error::{Failure, read_named_text};
use crate::exit::Exit;
use crate::handed;
use crate::keys;

/// Find what would leak: secrets, marked and unreleased documents, codenames, copies of known text, weights.
///
/// Reads folders, files, archives, documents, git histories, and addresses as a stranger. Nothing is sent anywhere.
///
/// Example: cordon scan . --history
#[derive(Args)]
#[group(id = "scan-arguments")]
pub(crate) struct Arguments {
    /// Folders, files, `-` for standard input, or addresses. Without any: the folder you are in.
    targets: Vec<String>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// One JSON object a line: the same as --format jsonl.
    #[arg(long)]
    json: bool,
    /// The least confidence to report: minimal, low, medium, high.
    #[arg(long, default_value = "medium")]
    confidence: Confidence,
    /// The least severity to report: low, medium, high, critical.
    #[arg(long, default_value = "low")]
    severity: Severity,
    /// Only files that git tracks.
    #[arg(long)]
    tracked: bool,
    /// The whole git history too: every object, reachable or not.
    #[arg(long)]
    history: bool,
    /// Only what is staged for the next commit.
    #[arg(long, conflicts_with_all = ["history", "tracked", "range"])]
    staged: bool,
    /// Only what came in between two commits (A..B), or all that one commit reaches.
    #[arg(long, value_name = "A..B", conflicts_with_all = ["history", "tracked"])]
    range: Option<String>,
    /// Addresses to ask as a stranger, one a line.
    #[arg(long, value_name = "FILE")]
    urls: Option<PathBuf>,
    /// You may ask the hosts you name, though your configuration does not list them.
    #[arg(long)]
    i_am_authorised: bool,
    /// Addresses that are meant to be public, one a line: everything else that answers is a finding.
    #[arg(long, value_name = "FILE")]
    public_manifest: Option<PathBuf>,
    /// Your configuration. One inside a scanned folder is not used unless you name it here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Your own rules, or gitleaks rules.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// A name to watch for, beside those of the configuration.
    #[arg(long, value_name = "NAME")]
    codename: Vec<String>,
    /// The index of known documents, if not the one in the configuration folder.
    #[arg(long, value_name = "FILE")]
    fingerprints: Option<PathBuf>,
    /// Leave out what was fetched of the vault (`cordon login`, `cordon fingerprint fetch`).
    #[arg(long)]
    without_vault: bool,
    /// Report only what is not accepted in this baseline.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The key of finding identifiers, if not CORDON_ID_KEY or the one in the configuration folder.
    #[arg(long, value_name = "FILE")]
    id_key: Option<PathBuf>,
    /// Let comments `cordon:allow RULE reason` in the scanned text accept a finding on their line.
    #[arg(long)]
    allow_inline: bool,
    /// Keep findings, and do not read again what has not changed since the last run with the same rules.
    #[arg(long)]
    incremental: bool,
    /// Threads; without it as many as there are cores.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Jsonl,
    /// SARIF 2.1.0.
    Sarif,
}

/// What a scan found.
pub(crate) struct Outcome {
    pub(crate) found: Vec<Reported>,
    pub(crate) summary: Summary,
    pub(crate) key: KeyName,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let printer = Printer::new(if arguments.json { Format::Jsonl } else { arguments.format });
    let outcome = gather(arguments, &|found| printer.early(found))?;
    printer.finish(&outcome).map_err(|error| Failure::internal(format!("the report cannot be written: {error}")))?;
    Ok(match (outcome.found.is_empty(), outcome.summary.is_partial()) {
        (false, _) => Exit::Findings,
        (true, true) => Exit::Partial,
        (true, false) => Exit::Clean,
    })
}

/// Scans, and applies what the user accepts. `early` takes what stands in tracked files before the rest is read.
pub(crate) fn gather(arguments: &Arguments, early: &dyn Fn(&[Reported])) -> Result<Outcome, Failure> {
    let id_key = keys::id_key(arguments.id_key.as_deref())?;
    let key = id_key.name();
    let baseline = arguments.baseline.as_deref().map(|path| baseline(path, &key)).transpose()?;
    let today = Today(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64));
    let mut config = configuration(arguments)?;
    let (engine, refused) = engine(arguments, id_key, &mut config, today)?;
    let tally = Tally::default();
    let collector = Collector::default();
    let accept = |summary: &mut Summary| {
        let mut found = collector.snapshot();
        found.retain(|reported| reported.finding.severity >= arguments.severity);
        summary.notes.extend(config.apply(&mut found, today));
        if let Some(baseline) = &baseline {
            baseline.apply(&mut found, summary);
        }
        found
    };
    let run =
        Run { arguments, engine: &engine, config: &config, tally: &tally, collector: &collector, now_unix_s: today.0 };
    let notes = run.targets(&|| early(&accept(&mut Summary::default())))?;
    let mut summary = Summary { notes, ..Summary::of(&tally) };
    summary.notes.extend(refused);
    if collector.lost() > 0 {
        summary.skipped += 1;
        summary.notes.push(format!("{} findings beyond the bound of one run are not reported", collector.lost()));
    }
    let found = accept(&mut summary);
    Ok(Outcome { found, summary, key })
}

fn baseline(path: &Path, key: &KeyName) -> Result<Baseline, Failure> {
    Baseline::read(&read_named_text(path)?, key).map_err(|error| {
        let hint = match error {
            BaselineError::OtherKey { .. } => {
                "give the key it was made with (--id-key FILE or CORDON_ID_KEY), or make a new baseline"
            }
            BaselineError::Newer(_) => "use a newer cordon",
            BaselineError::Malformed(_) => "make one with `cordon baseline`",
        };
        Failure::usage(format!("`{}` {error}", path.display()), hint)
    })
}

fn configuration(arguments: &Arguments) -> Result<Config, Failure> {
    let Some(path) = &arguments.config else { return Ok(Config::default()) };
    Config::read(&read_named_text(path)?).map_err(|error| {
        Failure::usage(format!("`{}` is no configuration: {error}", path.display()), "see docs/scan.md for the fields")
    })
}

fn engine(
    arguments: &Arguments,
    id_key: IdKey,
    config: &mut Config,
    today: Today,
) -> Result<(Engine, Vec<String>), Failure> {
    let mut own = Vec::new();
    let mut notes = Vec::new();
    for path in &arguments.rules {
        let custom = rules::read(path)?;
        if !custom.refused.is_empty() {
            let (name, reason) = custom.refused.first().cloned().unwrap_or_default();
            notes.push(format!(
                "{} of the rules in `{}` are not taken, the first `{name}`: {reason}",
                custom.refused.len(),
                path.display()
            ));
        }
        own.extend(custom.rules);
    }
    let mut codenames = std::mem::take(&mut config.codenames);
    for name in &arguments.codename {
        let (name, project, level) = (name.clone(), name.clone(), cordon_domain::Level::Restricted);
        let codename = cordon_inspect::Codename { name, project, level, near: Vec::new() };
        if !codename.is_long_enough() {
            let what = format!("the codename `{}` has fewer than three letters", codename.name);
            return Err(Failure::usage(what, "watch for a longer form of the name"));
        }
        codenames.push(codename);
    }
    let index = fingerprint::index_path(arguments.fingerprints.as_deref())?;
    let mut copies = Vec::new();
    if arguments.fingerprints.is_some() || index.exists() {
        let documents = fingerprint::load(&index, &id_key)?;
        copies.push((Index::new(documents), fingerprints::printer(&id_key)));
    }
    let (fetched, ended) = if arguments.without_vault { (None, None) } else { handed::recognised()? };
    notes.extend(ended);
    if let Some(fetched) = fetched {
        let (names, documents) = fetched.split();
        codenames.extend(names);
        copies.push(documents);
    }
    Ok((
        Engine::new(cordon_inspect::Config {
            rules: own,
            codenames,
            copies,
            id_key,
            today,
            floor: arguments.confidence,
        }),
        notes,
    ))
}
