//! What scans must recognise: known documents, as keyed fingerprints.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cordon_domain::{IdKey, Level};
use cordon_inspect::Known;
use cordon_scan::fingerprints::{self, FingerprintError};
use serde_json::json;

use crate::error::{Failure, read_named, write_named};
use crate::exit::Exit;
use crate::handed;
use crate::keys;
use crate::remote::{Login, Reached, named, told};

/// Documents that scans must recognise, kept as keyed fingerprints and never as text.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fingerprint documents, so that scans find copies of their text.
    ///
    /// Example: cordon fingerprint add plans/ --level restricted --project heron
    Add(Add),
    /// List known documents.
    List(Common),
    /// Forget a document by its name.
    Remove(Remove),
    /// Write the index to a file. Who holds it and the key can test guesses at the text.
    Export(Transfer),
    /// Take the documents of an index written by `export` under the same key.
    Import(Transfer),
    /// Fetch what the vault knows: documents and codenames of which you may know, so that scans here recognise them for a day.
    /// `cordon login` does it, too. Where AWS_ACCESS_KEY_ID is set it is fetched with that key, of a service, from --public-url.
    ///
    /// Example: cordon fingerprint fetch
    Fetch(Fetch),
    /// Have copies of a document of the vault recognised no more: its owner does, as whoever signed in with `cordon login`. What
    /// got its label because it holds a copy keeps that.
    ///
    /// Example: cordon fingerprint withdraw s3://plans/old.md --reason "it was announced"
    Withdraw(Withdraw),
}

#[derive(Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    reached: Reached,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The object: s3://BUCKET/KEY.
    object: String,
    /// A version of it, if not the one that the name leads to.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Write one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Common {
    /// The key file under which fingerprints are made.
    #[arg(long, value_name = "FILE")]
    id_key: Option<PathBuf>,
    /// The index, if not the one in the configuration folder.
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Add {
    /// Documents, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The level of the documents.
    #[arg(long)]
    level: Level,
    /// The project they belong to.
    #[arg(long)]
    project: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// The name, as `list` prints it.
    name: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Transfer {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// The index of known documents, and where it is.
struct Store {
    path: PathBuf,
    key: IdKey,
    documents: Vec<Known>,
}

impl Store {
    fn open(common: &Common) -> Result<Self, Failure> {
        let key = keys::id_key(common.id_key.as_deref())?;
        let path = index_path(common.index.as_deref())?;
        let documents = if path.exists() { load(&path, &key)? } else { Vec::new() };
        Ok(Self { path, key, documents })
    }

    fn save(&mut self) -> Result<(), Failure> {
        self.documents.sort_by(|left, right| left.name.cmp(&right.name));
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::usage(format!("`{}` cannot be made: {error}", folder.display()), "give --index FILE")
            })?;
        }
        // Written beside and renamed: an index is whole or it is the old one.
        let beside = self.path.with_extension("new");
        write_named(&beside, &fingerprints::write(&self.documents, &self.key.name()))?;
        std::fs::rename(&beside, &self.path)
            .map_err(|error| Failure::internal(format!("`{}` cannot be replaced: {error}", self.path.display())))
    }

    fn put(&mut self, known: Known) {
        self.documents.retain(|document| document.name != known.name);
        self.documents.push(known);
    }
}

/// The path of the index: given, else in the configuration folder.
pub(crate) fn index_path(given: Option<&Path>) -> Result<PathBuf, Failure> {
    given.map_or_else(|| Ok(keys::config_folder()?.join("fingerprints")), |path| Ok(path.to_owned()))
}

/// Reads an index.
pub(crate) fn load(path: &Path, key: &IdKey) -> Result<Vec<Known>, Failure> {
    let bytes = read_named(path)?;
    fingerprints::read(&bytes, &key.name()).map_err(|error| {
        let hint = match error {
            FingerprintError::OtherKey { .. } => "give the key it was made with: --id-key FILE or CORDON_ID_KEY",
            FingerprintError::Malformed(_) | FingerprintError::NoText(_) => {
                "make it again with `cordon fingerprint add`, or take it from `cordon fingerprint export`"
            }
        };
        Failure::usage(format!("`{}` {error}", path.display()), hint)
    })
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(arguments) => add(&arguments),
        Command::List(common) => {
            for known in Store::open(&common)?.documents {
                println!("{}\t{}\t{}\t{} fingerprints", known.name, known.level, known.project, known.prints.len());
            }
            Ok(Exit::Clean)
        }
        Command::Remove(arguments) => {
            let mut store = Store::open(&arguments.common)?;
            let before = store.documents.len();
            store.documents.retain(|known| known.name != arguments.name);
            if store.documents.len() == before {
                return Err(Failure::usage(
                    format!("no document is called `{}`", arguments.name),
                    "see `cordon fingerprint list`",
                ));
            }
            store.save().map(|()| Exit::Clean)
        }
        Command::Export(arguments) => {
            let store = Store::open(&arguments.common)?;
            write_named(&arguments.file, &fingerprints::write(&store.documents, &store.key.name()))?;
            eprintln!(
                "{} documents written; who holds this file and the key can test guesses at their text",
                store.documents.len()
            );
            Ok(Exit::Clean)
        }
        Command::Fetch(Fetch { reached, json }) => {
            let fetched = match std::env::var_os(handed::KEY_VARIABLE) {
                Some(_) => handed::fetch_with_key(&reached.url()?.origin())?,
                None => handed::fetch(&Login::read()?)?,
            };
            println!("{}", if json { fetched.object().to_string() } else { fetched.told() });
            Ok(Exit::Clean)
        }
        Command::Withdraw(Withdraw { object, version, reason, json }) => {
            let (bucket, key) = named(&object)?;
            let body = json!({"bucket": bucket, "key": key, "version": version, "reason": reason});
            let answer = Login::read()?.ask("/prints/forget", &body.to_string())?;
            told(answer, "cordon-withdrawn-document-1", json, |_| format!("copies of {object} are recognised no more"))
        }
        Command::Import(arguments) => {
            let mut store = Store::open(&arguments.common)?;
            let taken = load(&arguments.file, &store.key)?;
            let count = taken.len();
            taken.into_iter().for_each(|known| store.put(known));
            store.save()?;
            eprintln!("{count} documents taken");
            Ok(Exit::Clean)
        }
    }
}

fn add(arguments: &Add) -> Result<Exit, Failure> {
    let mut store = Store::open(&arguments.common)?;
    let maker = fingerprints::Maker::new(&store.key);
    let tally = cordon_scan::Tally::default();
    let mut count = 0;
    let mut poor = 0;
    for path in &arguments.paths {
        let files = if path.is_dir() {
            let (first, rest) = cordon_scan::files::list(path, cordon_scan::files::Which::All, &|_| false, &tally);
            first.into_iter().chain(rest).map(|item| item.path).collect()
        } else {
            vec![path.clone()]
        };
        for file in files {
            let bytes = read_named(&file)?;
            match maker.fingerprint(&file.to_string_lossy(), &bytes, arguments.level, &arguments.project) {
                Ok(known) => {
                    store.put(known);
                    count += 1;
                }
                Err(error) => {
                    eprintln!("warning: {error}; scans cannot recognise it");
                    poor += 1;
                }
            }
        }
    }
    store.save()?;
    eprintln!(
        "{count} documents fingerprinted as {}, project {}; {} known in all",
        arguments.level,
        arguments.project,
        store.documents.len()
    );
    Ok(if poor > 0 { Exit::Partial } else { Exit::Clean })
}
