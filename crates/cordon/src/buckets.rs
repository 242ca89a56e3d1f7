//! Buckets that are copied into the vault, or out of it: whose they are, and how a copy is told.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use cordon_bucket::limits::{NAMED_MAX, REQUEST_S};
use cordon_bucket::{
    Bucket, BucketError, Client, Compared, Copy, Course, Journal, Keeps, Key, Place, Plain, Sink, Tally, Told, Whose,
};
use cordon_domain::IdKey;
use cordon_server::s3::REGION;
use cordon_store::edge::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::amount::written;
use crate::error::{Failure, printed};
use crate::exit::Exit;
use crate::keys::user_folder;
use crate::remote::{Login, agent};
use crate::render::printable;

/// A store that is none of Cordon's. Its key is taken from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Elsewhere {
    /// Where the other store answers [default: that of AWS in the region].
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    endpoint: Option<String>,
    /// Its region.
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// Speak plain HTTP with another machine: whoever is on the way reads along, and may change what comes.
    #[arg(long)]
    plain_http: bool,
}

impl Elsewhere {
    /// Names one of its buckets. `login` is the vault that it must not be.
    pub(crate) fn bucket(&self, name: &str, login: Option<&Login>) -> Result<Bucket, Failure> {
        let variable = |name: &str| std::env::var(name).map(Zeroizing::new).ok().filter(|value| !value.is_empty());
        let key = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = variable("AWS_SESSION_TOKEN").unwrap_or_default();
                Key { id: id.to_string(), secret, token }
            }
            _ => {
                return Err(Failure::usage(
                    "no key of the other store is in the environment",
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for example with `eval \"$(aws configure \
                     export-credentials --format env)\"`",
                ));
            }
        };
        if login.is_some_and(|login| login.key.id == key.id || self.endpoint.as_deref() == Some(&login.key.endpoint)) {
            return Err(Failure::usage(
                "the other store is the vault itself: what is in the environment is of `cordon env`",
                "use a shell without it, with the key and the endpoint of the other store",
            ));
        }
        let plain = if self.plain_http { Plain::Anywhere } else { Plain::Here };
        let place = Place::new(self.endpoint.as_deref(), &self.region, Some(key), plain).map_err(|error| {
            Failure::usage(error.to_string(), "give --endpoint https://NAME, and --plain-http where it has no TLS")
        })?;
        bucket(place, name, Whose::Other)
    }
}

/// Names a bucket of the vault, for whoever signed in.
pub(crate) fn of_vault(login: &Login, name: &str) -> Result<Bucket, Failure> {
    let key = Key { id: login.key.id.clone(), secret: login.key.secret.clone(), token: login.key.token.clone() };
    with_key(&login.key.endpoint, key, name)
}

/// The same, for whoever has a key.
pub(crate) fn with_key(endpoint: &str, key: Key, name: &str) -> Result<Bucket, Failure> {
    let place = Place::new(Some(endpoint), REGION, Some(key), Plain::Here).map_err(failed)?;
    bucket(place, name, Whose::Vault)
}

fn bucket(place: Place, name: &str, whose: Whose) -> Result<Bucket, Failure> {
    let agent = agent(place.origin(), REQUEST_S);
    Bucket::new(Client::new(agent, place, Arc::new(SystemClock)), name, whose).map_err(failed)
}

/// Says why a bucket was not read or written.
pub(crate) fn failed(error: BucketError) -> Failure {
    let what = printable(&error.to_string());
    match error {
        BucketError::Named(_) => Failure::usage(what, "a bucket has 3 to 63 small letters, digits, dots and hyphens"),
        BucketError::Unreachable { .. } => Failure::usage(what, "see the endpoint, and run the same command again"),
        BucketError::Refused { status: 301 | 307 | 308, .. } => Failure::usage(what, "give --region, or --endpoint"),
        BucketError::Refused { status: 404, .. } => Failure::denied(what, "see its name, and that you may know of it"),
        BucketError::Refused { .. } => Failure::denied(what, "see whose key is used, and what it may do there"),
        BucketError::Answer { .. } => Failure::usage(what, "see that an S3 endpoint answers there"),
        BucketError::Changed(_) => Failure::denied(what, "run the same command again"),
        BucketError::File { .. } => Failure::usage(what, "see that there is room, and that you may write there"),
        BucketError::Journal { .. } => {
            Failure::usage(what, "give another --record, and a bucket or folder that is empty")
        }
    }
}

/// Where it is written down what a copy has done: beside what programs keep of their state.
pub(crate) fn record(given: Option<&Path>, verb: &str, course: &Course) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let folder = user_folder("XDG_STATE_HOME", ".local/state").ok_or_else(|| {
        Failure::usage("no folder is known for the record of a copy", "set HOME or XDG_STATE_HOME, or give --record")
    })?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::usage(format!("`{}` cannot be made: {error}", folder.display()), "give --record"))?;
    let name = IdKey::derive(b"cordon record of a copy").identify(&[course.from.as_bytes(), course.to.as_bytes()]).0;
    Ok(folder.join(format!("{verb}-{name}.jsonl")))
}

/// A copy, from where to where.
pub(crate) struct Move<'a> {
    pub(crate) from: &'a Bucket,
    pub(crate) prefix: &'a str,
    pub(crate) keeps: Keeps,
    pub(crate) to: &'a Sink,
    /// What is written down, and where.
    pub(crate) course: Course,
    pub(crate) record: PathBuf,
    /// What to do where some of it was not copied.
    pub(crate) hint: String,
}

/// How a copy ended.
pub(crate) struct Moved {
    exit: Exit,
    told: Value,
    words: String,
    /// What to do where some of it was not copied.
    hint: Option<String>,
}

impl Move<'_> {
    /// Copies, compares, and says how it went.
    pub(crate) fn run(&self) -> Result<Moved, Failure> {
        let journal = Journal::open(&self.record, &self.course).map_err(failed)?;
        let (bar, bytes, failures) = (bar(), AtomicU64::new(0), Mutex::new(Vec::new()));
        let tells = |told: Told<'_>| match told {
            Told::Before(_) => bar.inc(1),
            Told::Copied(version) => {
                let all = bytes.fetch_add(version.bytes, Ordering::Relaxed) + version.bytes;
                bar.set_message(written(all));
                bar.inc(1);
            }
            Told::Failed(version, error) => {
                let (name, why) = (printable(&version.shown()), printable(&error.to_string()));
                // Whoever reads along may go away; the copy goes on.
                let line = format!("not copied: {name}: {why}\n");
                bar.suspend(|| drop(std::io::stderr().write_all(line.as_bytes())));
                let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                if failures.len() < NAMED_MAX {
                    failures.push(json!({"object": name, "why": why}));
                }
            }
        };
        let Self { from, prefix, keeps, to, .. } = *self;
        let copy = Copy { from, prefix, keeps, to, journal: &journal, tells: &tells };
        let tally = copy.run().map_err(failed)?;
        bar.finish_and_clear();
        let compared = copy.compare().map_err(failed)?;
        let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        let is_whole = tally.failed == 0 && compared.missing_count == 0;
        Ok(Moved {
            exit: if is_whole { Exit::Clean } else { Exit::Findings },
            hint: self.hint_after(&tally, &compared),
            words: self.words(&tally, &compared),
            told: json!({
                "from": self.course.from, "to": self.course.to, "record": self.record.display().to_string(),
                "copied": tally.copied, "bytes": tally.bytes, "before": tally.before, "bare_marks": tally.bare_marks,
                "failed": tally.failed, "failures": failures, "given_up": tally.is_given_up,
                "compared": {
                    "same": compared.same, "bytes": compared.bytes, "missing": compared.missing,
                    "missing_count": compared.missing_count,
                },
            }),
        })
    }

    fn words(&self, tally: &Tally, compared: &Compared) -> String {
        let (copied, bytes) = (versions(tally.copied), written(tally.bytes));
        let Course { from, to, .. } = &self.course;
        let failed = match (tally.failed, tally.is_given_up) {
            (0, false) => String::new(),
            (failed, false) => format!("; {failed} not"),
            (failed, true) => format!("; {failed} not, and what comes after them was not tried"),
        };
        format!(
            "{from} to {to}: {copied} copied, {bytes}; {} there before{failed}\n{}\nwritten down in `{}`",
            tally.before,
            compared_words(compared),
            self.record.display()
        )
    }

    /// What helps: what failed is tried again; what was brought and is gone since is not brought anew.
    fn hint_after(&self, tally: &Tally, compared: &Compared) -> Option<String> {
        match (tally.failed, compared.missing_count) {
            (0, 0) => None,
            (0, _) => Some(
                "what is not there came meanwhile, which the same command brings; or it was brought, and removed or replaced since: \
                 that is not done twice, and takes an empty place with another --record"
                    .to_owned(),
            ),
            _ => Some(self.hint.clone()),
        }
    }
}

impl Moved {
    /// Writes it.
    pub(crate) fn tell(mut self, schema: &str, json: bool) -> Result<Exit, Failure> {
        if let Some(told) = self.told.as_object_mut() {
            told.insert("schema".to_owned(), schema.into());
        }
        let text = if json { self.told.to_string() } else { self.words };
        printed(writeln!(std::io::stdout().lock(), "{text}"))?;
        if let Some(hint) = self.hint {
            eprintln!("hint: {hint}");
        }
        Ok(self.exit)
    }
}

fn compared_words(compared: &Compared) -> String {
    let Compared { same, bytes, missing, missing_count } = compared;
    if *missing_count == 0 {
        return format!("compared: {}, {}: each is there, and as long as it was", versions(*same), written(*bytes));
    }
    let names: String = missing.iter().map(|name| format!("\n  not there: {}", printable(name))).collect();
    let more = missing_count.saturating_sub(missing.len() as u64);
    let more = if more == 0 { String::new() } else { format!("\n  and {more} more") };
    format!("compared: {} there; {missing_count} not there, or otherwise{names}{more}", versions(*same))
}

/// Counts versions, in words.
pub(crate) fn versions(many: u64) -> String {
    if many == 1 { "1 version".to_owned() } else { format!("{many} versions") }
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} versions, {msg}, {elapsed}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let all = Compared { same: 1, bytes: 7, ..Compared::default() };
        assert_eq!(compared_words(&all), "compared: 1 version, 7 bytes: each is there, and as long as it was");
        let some = Compared { same: 2, bytes: 7, missing: vec!["a\u{1b}[31m".to_owned()], missing_count: 3 };
        let words = compared_words(&some);
        assert!(words.starts_with("compared: 2 versions there; 3 not there, or otherwise\n  not there: a"), "{words}");
        assert!(words.ends_with("and 2 more") && !words.contains('\u{1b}'), "{words}");
    }
}
