//! Taking a bucket out of the vault, for whoever leaves.

mod log;

use std::path::{Path, PathBuf};

use clap::Args;
use cordon_bucket::{Course, Folder, Keeps, Sink, Versioning};

use crate::buckets::{Elsewhere, Move, failed, of_vault, record};
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::At;
use crate::remote::{Login, bucket_named};

/// Take a bucket out of the vault, with labels and log: into a folder, or into a bucket of another S3 store.
///
/// In a folder, `objects` holds what names lead to, each as a file; `objects.jsonl` says of each its name, label, tags, digest
/// and where it is; `log` holds the published log, its key and all events in the open. In a bucket, the label stands in what is
/// said of each object (cordon-label). What is taken is read as ever: it is decided, recorded, and counted, so bulk work is said
/// beforehand with `cordon allowance add`. What broke off goes on when the same command is run again; what changed since it was
/// taken goes beside it, so take a later state into an empty place. Nothing here is changed.
///
/// Examples:
///   cordon eject s3://corpus --to leaving
///   cordon eject s3://corpus --to s3://plain --endpoint https://minio.example.org --log-to leaving
#[derive(Args)]
#[group(id = "eject-arguments")]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The bucket of the vault: s3://BUCKET.
    from: String,
    /// A folder, or a bucket of another store.
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    to: String,
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Only names that begin so.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,
    /// Take earlier versions, too.
    #[arg(long)]
    versions: bool,
    #[command(flatten)]
    at: At,
    /// The folder for the log [default: `log` in the folder that objects go to].
    #[arg(long, value_name = "FOLDER")]
    log_to: Option<PathBuf>,
    /// Take no log: it is written where the installation is.
    #[arg(long, conflicts_with = "log_to")]
    without_log: bool,
    /// Where it is written down what was taken [default: `objects.jsonl` in the folder; for a bucket, in
    /// $XDG_STATE_HOME/cordon, else ~/.local/state/cordon].
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let name = bucket_named(&arguments.from)?;
    let login = Login::read()?;
    let from = of_vault(&login, name)?;
    let (to, destination) = sink(arguments, &login)?;
    let log = log_folder(arguments, &to)?;
    let keeps = if arguments.versions { from.versioning().map_err(failed)?.keeps() } else { Keeps::Latest };
    if let (Sink::Bucket(bucket), Keeps::Versions) = (&to, keeps)
        && bucket.versioning().map_err(failed)? != Versioning::Kept
    {
        return Err(Failure::usage(
            format!("`{}` keeps no earlier versions", arguments.to),
            "let it keep them (PutBucketVersioning), or leave --versions out",
        ));
    }
    let course = Course::new(format!("{}/s3://{name}", from.client().place().origin()), destination, keeps);
    let record = match (&to, &arguments.record) {
        (Sink::Folder(folder), None) => folder.root().join("objects.jsonl"),
        (_, given) => record(given.as_deref(), "eject", &course)?,
    };
    let moved =
        Move { from: &from, prefix: &arguments.prefix, keeps, to: &to, course, record, hint: hint(&login, name) };
    let moved = moved.run()?;
    if let Some(folder) = log {
        log::write(&arguments.at, &folder)?;
    }
    moved.tell("cordon-eject-1", arguments.json)
}

/// Where objects go, and how it is called.
fn sink(arguments: &Arguments, login: &Login) -> Result<(Sink, String), Failure> {
    if !arguments.to.starts_with("s3://") {
        let folder = Folder::open(Path::new(&arguments.to)).map_err(failed)?;
        let whole = folder.root().canonicalize().unwrap_or_else(|_| folder.root().to_owned());
        return Ok((Sink::Folder(folder), whole.display().to_string()));
    }
    let name = bucket_named(&arguments.to)?;
    let bucket = arguments.elsewhere.bucket(name, Some(login))?;
    if !bucket.is_there().map_err(failed)? {
        return Err(Failure::usage(
            format!("`{}` is not there: nothing is made in the other store", arguments.to),
            "make it first, closed to strangers",
        ));
    }
    let called = format!("{}/s3://{name}", bucket.client().place().origin());
    Ok((Sink::Bucket(bucket), called))
}

/// Where the log goes, if it does; whether it is here is known before anything is taken.
fn log_folder(arguments: &Arguments, to: &Sink) -> Result<Option<PathBuf>, Failure> {
    if arguments.without_log {
        return Ok(None);
    }
    let folder = match (&arguments.log_to, to) {
        (Some(folder), _) => folder.clone(),
        (None, Sink::Folder(folder)) => folder.root().join("log"),
        (None, Sink::Bucket(_)) => {
            return Err(Failure::usage(
                "the log goes into a folder, and none is named",
                "give --log-to FOLDER, or --without-log",
            ));
        }
    };
    log::is_here(&arguments.at)?;
    Ok(Some(folder))
}

fn hint(login: &Login, bucket: &str) -> String {
    format!(
        "see what is named above; where there is no room in what may leave: `cordon allowance add {} s3://{bucket} --bytes AMOUNT \
         --until DATE --reason \"leaving\"`, by two people; then run the same command again",
        login.principal
    )
}
