//! Reads what is to be scanned: folders, files, standard input, histories, changes, addresses.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, IsTerminal as _, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cordon_inspect::Engine;
use cordon_scan::config::Config;
use cordon_scan::files::{self, Item, Which};
use cordon_scan::git::{self, Store, changes, history};
use cordon_scan::kept::{Kept, file_key};
use cordon_scan::web::{Permission, Stranger, shown};
use cordon_scan::{Collector, Origin, Reader, Tally, Worker};

use super::Arguments;
use crate::error::{Failure, read_named_text};
use crate::kept;

/// One scan in progress.
pub(super) struct Run<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) engine: &'a Engine,
    pub(super) config: &'a Config,
    pub(super) tally: &'a Tally,
    pub(super) collector: &'a Collector,
    pub(super) now_unix_s: i64,
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

    /// Scans all targets; returns what the user should know. `tracked` is called when the tracked files of one are read
    /// and more is to come.
    pub(super) fn targets(&self, tracked: &dyn Fn()) -> Result<Vec<String>, Failure> {
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
                self.path(Path::new(target), &mut notes, tracked)?;
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

    fn path(&self, path: &Path, notes: &mut Vec<String>, tracked: &dyn Fn()) -> Result<(), Failure> {
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
        if !rest.is_empty() || self.arguments.history {
            tracked();
        }
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
