//! Find what would leak.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use cordon_domain::{Confidence, IdKey, KeyName, Severity, Today};
use cordon_inspect::{Engine, Index};
use cordon_scan::baseline::{Baseline, BaselineError};
use cordon_scan::config::Config;
use cordon_scan::files::{self, Item, Which};
use cordon_scan::git::{self, Store, changes, history};
use cordon_scan::kept::{Kept, file_key};
use cordon_scan::report::{jsonl, sarif};
use cordon_scan::web::{Permission, Stranger, shown};
use cordon_scan::{Collector, Origin, Reader, Reported, Summary, Tally, Worker, fingerprints};

use super::{fingerprint, rules};
use crate::error::{Failure, read_named_text};
use crate::exit::Exit;
use crate::render::{self, Paint};
use crate::{kept, keys};

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
    let outcome = gather(arguments)?;
    print(arguments, &outcome).map_err(|error| Failure::internal(format!("the report cannot be written: {error}")))?;
    Ok(match (outcome.found.is_empty(), outcome.summary.is_partial()) {
        (false, _) => Exit::Findings,
        (true, true) => Exit::Partial,
        (true, false) => Exit::Clean,
    })
}

/// Scans, and applies what the user accepts.
pub(crate) fn gather(arguments: &Arguments) -> Result<Outcome, Failure> {
    let id_key = keys::id_key(arguments.id_key.as_deref())?;
    let key = id_key.name();
    let baseline = arguments.baseline.as_deref().map(|path| baseline(path, &key)).transpose()?;
    let today = Today(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64));
    let mut config = configuration(arguments)?;
    let (engine, refused) = engine(arguments, id_key, &mut config, today)?;
    let tally = Tally::default();
    let collector = Collector::default();
    let run =
        Run { arguments, engine: &engine, config: &config, tally: &tally, collector: &collector, now_unix_s: today.0 };
    let mut notes = run.targets()?;
    notes.extend(refused);
    let mut summary = Summary::of(&tally);
    let mut found = collector.finish();
    found.retain(|reported| reported.finding.severity >= arguments.severity);
    notes.extend(config.apply(&mut found, today));
    summary.notes = notes;
    if let Some(baseline) = baseline {
        baseline.apply(&mut found, &mut summary);
    }
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
    codenames.extend(arguments.codename.iter().map(|name| cordon_inspect::Codename {
        name: name.clone(),
        project: name.clone(),
        level: cordon_domain::Level::Restricted,
        near: Vec::new(),
    }));
    let index = fingerprint::index_path(arguments.fingerprints.as_deref())?;
    let copies = if arguments.fingerprints.is_some() || index.exists() {
        let documents = fingerprint::load(&index, &id_key)?;
        let printer = fingerprints::printer(&id_key);
        let boilerplate = fingerprints::boilerplate(&printer);
        Some((Index::new(documents, &boilerplate), printer))
    } else {
        None
    };
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

/// One scan in progress.
struct Run<'a> {
    arguments: &'a Arguments,
    engine: &'a Engine,
    config: &'a Config,
    tally: &'a Tally,
    collector: &'a Collector,
    now_unix_s: i64,
}

impl Run<'_> {
    fn reader<'a>(&'a self, kept: Option<&'a Kept>) -> Reader<'a> {
        let worker = std::env::current_exe().ok().map(Worker::new);
        Reader::new(self.engine, self.tally, self.collector, worker, self.arguments.allow_inline).keeping(kept)
    }

    fn threads(&self) -> usize {
        self.arguments
            .threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
            .clamp(1, 64)
    }

    /// Scans all targets; returns what the user should know.
    fn targets(&self) -> Result<Vec<String>, Failure> {
        let mut notes = Vec::new();
        let mut addresses = Vec::new();
        if let Some(path) = &self.arguments.urls {
            addresses.extend(lines(&read_named_text(path)?));
        }
        let default = ".".to_owned();
        let targets: Vec<&String> = if self.arguments.targets.is_empty() && self.arguments.urls.is_none() {
            vec![&default]
        } else {
            self.arguments.targets.iter().collect()
        };
        for target in targets {
            if target.starts_with("http://") || target.starts_with("https://") {
                addresses.push(target.clone());
            } else if target == "-" {
                self.standard_input();
            } else {
                self.path(Path::new(target), &mut notes)?;
            }
        }
        if !addresses.is_empty() {
            self.addresses(&addresses)?;
        }
        Ok(notes)
    }

    fn standard_input(&self) {
        let mut bytes = Vec::new();
        let limit = cordon_extract::limits::DOCUMENT_BYTES_MAX as u64;
        match std::io::stdin().lock().take(limit).read_to_end(&mut bytes) {
            Ok(count) if count as u64 == limit => {
                self.tally.skip(b"-", format!("standard input beyond {} MiB", limit >> 20))
            }
            Ok(_) => {}
            Err(error) => self.tally.skip(b"-", error.to_string()),
        }
        self.reader(None).file(&Origin::file(b"-"), &mut Cursor::new(bytes));
    }

    fn path(&self, path: &Path, notes: &mut Vec<String>) -> Result<(), Failure> {
        let meta = std::fs::metadata(path).map_err(|error| {
            Failure::usage(
                format!("`{}` cannot be scanned: {error}", path.display()),
                "name a file, a folder, `-` or an address",
            )
        })?;
        if !meta.is_dir() {
            let item = Item { path: path.to_owned(), name: path.as_os_str().as_encoded_bytes().to_vec() };
            self.items(&[item], None);
            return Ok(());
        }
        if self.arguments.staged || self.arguments.range.is_some() {
            return self.changes(path);
        }
        let bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
        if ["cordon.toml", ".cordon.toml"].iter().any(|name| path.join(name).exists())
            && self.arguments.config.is_none()
        {
            notes.push(format!(
                "a cordon.toml inside `{}` is not used; name it with --config if it is yours",
                path.display()
            ));
        }
        if self.arguments.tracked && git::git_folder(path, &Tally::default()).is_none() {
            let what = format!("`{}` is no git repository, so git tracks nothing there", path.display());
            return Err(Failure::usage(what, "leave out --tracked"));
        }
        let which = if self.arguments.tracked { Which::Tracked } else { Which::All };
        let (first, rest) = files::list(path, which, &|path| self.config.excludes(path), self.tally);
        let file = self.arguments.incremental.then(|| kept::file(path, self.engine.id_key())).transpose()?;
        let options = format!("inline {}", self.arguments.allow_inline);
        let digest = || kept::digest(self.engine, self.engine.id_key(), &options);
        let kept = file.as_deref().map(|file| Kept::open(file, digest(), self.engine, self.now_unix_s));
        self.items(&first, kept.as_ref());
        self.items(&rest, kept.as_ref());
        match git::git_folder(path, &Tally::default()) {
            Some(folder) if self.arguments.history || bare => self.history(&folder, kept.as_ref()),
            Some(_) => notes.push("the git history was not read; --history reads it".to_owned()),
            None => {}
        }
        if let Some((kept, file)) = kept.zip(file) {
            notes.push(format!("{} inputs had not changed and were not read again", kept.recalled()));
            if let Err(error) = kept.write(&file) {
                notes.push(format!("findings are not kept for the next run: `{}`: {error}", file.display()));
            }
        }
        Ok(())
    }

    /// Reads files on all threads.
    fn items(&self, items: &[Item], kept: Option<&Kept>) {
        let bar = progress(items.len() as u64);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut reader = self.reader(kept);
            loop {
                let from = next.fetch_add(16, Ordering::Relaxed);
                let Some(batch) = items.get(from..items.len().min(from + 16)).filter(|batch| !batch.is_empty()) else {
                    return;
                };
                for item in batch {
                    self.item(item, &mut reader, kept);
                }
                bar.inc(batch.len() as u64);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads().min(items.len().div_ceil(16)) {
                scope.spawn(work);
            }
            work();
        });
        bar.finish_and_clear();
    }

    fn item(&self, item: &Item, reader: &mut Reader<'_>, kept: Option<&Kept>) {
        let origin = Origin::file(&item.name);
        let meta = kept.and_then(|_| std::fs::metadata(&item.path).ok());
        if reader.recall(meta.and_then(|meta| file_key(&item.path, &meta, self.now_unix_s)), &origin) {
            return Tally::add(&self.tally.files, 1);
        }
        match File::open(&item.path) {
            Ok(mut file) => reader.file(&origin, &mut file),
            Err(error) => self.tally.skip(&item.name, error.to_string()),
        }
    }

    fn history(&self, folder: &Path, kept: Option<&Kept>) {
        let scan = history::Scan { threads: self.threads(), tally: self.tally, kept };
        let mut met = history::scan(folder, &scan, &|| self.reader(kept));
        let blobs: HashSet<String> = self.collector.blobs();
        if !blobs.is_empty() {
            self.collector.attribute(&met.origins(&blobs, self.threads(), self.tally));
        }
    }

    fn changes(&self, path: &Path) -> Result<(), Failure> {
        let folder = git::git_folder(path, self.tally).ok_or_else(|| {
            Failure::usage(
                format!("`{}` is no git repository", path.display()),
                "name a repository, or scan it as a folder",
            )
        })?;
        let mut store = Store::open(&folder, self.tally);
        let entries = match &self.arguments.range {
            Some(range) => changes::between(&mut store, range)
                .map_err(|error| Failure::usage(error, "name commits by id, branch or tag, as A..B"))?,
            None => changes::staged(&mut store)
                .map_err(|error| Failure::usage(error, "repair it with `git reset`, or scan the folder"))?,
        };
        let mut reader = self.reader(None);
        for (path, id) in entries.into_iter().filter(|(path, _)| !self.config.excludes(path)) {
            match store.find(&id) {
                Some((_, data)) => {
                    Tally::add(&self.tally.blobs, 1);
                    reader.blob(&Origin { path: vec![path], blob: Some(id.to_string()), exposed: false }, &data);
                }
                None => self.tally.skip(&path, "its object is missing"),
            }
        }
        if store.missing > 0 {
            let reason = format!("{} objects are missing or do not decode (a shallow clone?)", store.missing);
            self.tally.skip(folder.as_os_str().as_encoded_bytes(), reason);
        }
        Ok(())
    }

    fn addresses(&self, named: &[String]) -> Result<(), Failure> {
        let permission = Permission {
            hosts: self.config.hosts.iter().cloned().collect(),
            is_authorised: self.arguments.i_am_authorised,
        };
        let public: Option<HashSet<String>> = self
            .arguments
            .public_manifest
            .as_deref()
            .map(|path| read_named_text(path).map(|text| lines(&text).collect()))
            .transpose()?;
        let mut stranger = Stranger::new(permission, named);
        let mut reader = self.reader(None);
        for url in stranger.addresses(named, self.tally) {
            Tally::add(&self.tally.addresses, 1);
            match stranger.ask(&url) {
                Ok(Some(answer)) => {
                    let origin = Origin { path: vec![shown(&url).into_bytes()], blob: None, exposed: true };
                    if public.as_ref().is_some_and(|public| !public.contains(&url) && !public.contains(&answer.url)) {
                        reader.exposure(&origin);
                    }
                    reader.blob(&origin, &answer.body);
                }
                Ok(None) => {}
                Err(reason) => self.tally.skip(shown(&url).as_bytes(), reason),
            }
        }
        Ok(())
    }
}

fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

fn progress(items: u64) -> indicatif::ProgressBar {
    if items < 500 || !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} files, {eta} left")
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
    indicatif::ProgressBar::new(items).with_style(style)
}

fn print(arguments: &Arguments, outcome: &Outcome) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let format = if arguments.json { Format::Jsonl } else { arguments.format };
    let result = match format {
        Format::Text => {
            let colour =
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let paint = if colour { Paint::Colour } else { Paint::Plain };
            outcome
                .found
                .iter()
                .try_for_each(|reported| out.write_all(render::finding(reported, paint).as_bytes()))
                .and_then(|()| out.write_all(render::summary(&outcome.found, &outcome.summary, paint).as_bytes()))
        }
        Format::Jsonl => {
            outcome.found.iter().try_for_each(|reported| writeln!(out, "{}", jsonl::finding(reported))).and_then(|()| {
                writeln!(out, "{}", jsonl::summary(&outcome.summary, outcome.found.len(), &outcome.key.0))
            })
        }
        Format::Sarif => writeln!(out, "{:#}", sarif::log(&outcome.found, &outcome.summary)),
    };
    // A reader that closes the pipe has seen enough.
    match result.and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
