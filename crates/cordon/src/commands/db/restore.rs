//! Restoring a backup, once its ledger is verified.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cordon_gate::Request;
use cordon_gate::act::Restore as RestoreAct;
use cordon_ledger::note::Note;
use cordon_store::backup::{Source, restore};
use cordon_store::edge::SystemClock;

use crate::commands::audit::log_key;
use crate::error::{Failure, read_named_text};
use crate::exit::Exit;
use crate::installation::{At, denied, failure, harden, runtime};

/// Restore a backup into folders that hold no installation. The backup's log is verified first.
///
/// When the key store is still here and knows of nothing that the backup lacks, the log goes on. Otherwise entries that
/// were signed may be lost: a new log begins (--new-log), whose first entry is the last checkpoint known of the old one.
/// That takes shares of the recovery kit, and so more than one person.
///
/// Example: cordon db restore /backup/data --keys-from /elsewhere/keys --new-log cordon.local/log-2 --share anna.txt --share ben.txt
#[derive(Args)]
#[group(id = "db-restore-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// The folder of the data backup.
    from: PathBuf,
    /// The folder of the key backup, when the key store is lost.
    #[arg(long, value_name = "FOLDER")]
    keys_from: Option<PathBuf>,
    /// The old log's public key, or a file that holds it [default: log.vkey in the backup].
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// A checkpoint of the old log that is known from elsewhere; may be given several times.
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// The name of the log that follows the old one.
    #[arg(long, value_name = "NAME")]
    new_log: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = arguments.at.place.places()?;
    let key = match &arguments.key {
        Some(key) => log_key(key)?,
        None => log_key(&arguments.from.join("log.vkey").to_string_lossy())?,
    };
    let known = arguments.known.iter().map(|path| {
        read_named_text(path)?.parse::<Note>().map_err(|error| {
            Failure::usage(format!("`{}`: {error}", path.display()), "give a checkpoint of the old log")
        })
    });
    let known = known.collect::<Result<Vec<_>, _>>()?;
    harden();
    std::fs::create_dir_all(&places.data).map_err(|error| {
        Failure::usage(format!("`{}` cannot be made: {error}", places.data.display()), "give another --data")
    })?;
    let provider = arguments.at.holder.provider(&places)?;
    let source = Source {
        data: &arguments.from,
        keys: arguments.keys_from.as_deref(),
        log_key: &key,
        known: &known,
        new_origin: arguments.new_log.as_deref(),
    };
    let restored = runtime()?.block_on(restore(&source, &places, &provider, Arc::new(SystemClock)));
    let restored = restored.map_err(|error| match error {
        cordon_store::StoreError::Conflict(what) => {
            Failure::usage(what, "give --new-log NAME, and --share FILE as often as it takes")
        }
        error => failure(error),
    })?;
    let operated = arguments.at.open()?;
    operated.run(async {
        let request = Request::<RestoreAct>::new(operated.facts(restored.successor.clone()));
        operated.gate.attest(request).await.map_err(denied)
    })?;
    println!("restored {} events; {} entries of the log were verified", restored.events, restored.verified);
    if let Some(origin) = &restored.successor {
        let size = restored.last_known.map_or(0, |checkpoint| checkpoint.size);
        println!(
            "the log `{}` has ended; its last known checkpoint states {size} entries, of which {} are here\n\
             the log `{origin}` follows it; its public key:\n{}",
            key.name,
            restored.events.min(size),
            operated.installation.log_key().map_err(failure)?
        );
    }
    Ok(Exit::Clean)
}
