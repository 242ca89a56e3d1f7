//! A new installation: folders, keys, the log's first event, the recovery kit.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use cordon_keys::recovery::Share;
use cordon_store::edge::SystemClock;
use cordon_store::providers::make_key_file;
use cordon_store::{Installation, KitShape, New, StoreError};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{At, Operated, failure, harden, runtime, warn_if_near};

const ORIGIN: &str = "cordon.local/log";
pub(crate) const KIT_FILE: &str = "cordon-recovery-kit.txt";

/// Make a new installation and its recovery kit.
///
/// The kit is written once, to a file that only you can read: print it, give each share to another person, delete the
/// file. Without it, a root key that is lost is data that is lost.
///
/// Example: cordon db create --kit 3-of-5 --kit-file kit.txt
#[derive(Args)]
#[group(id = "db-create-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Names the log, as a URL without scheme; it stands in every checkpoint.
    #[arg(long, value_name = "NAME", default_value = ORIGIN)]
    origin: String,
    /// How many shares of the recovery kit are needed, of how many.
    #[arg(long, value_name = "K-of-N", default_value = "3-of-5")]
    kit: Kit,
    /// Where to write the recovery kit, a page a share.
    #[arg(long, value_name = "FILE", default_value = KIT_FILE)]
    kit_file: PathBuf,
}

#[derive(Clone, Copy)]
struct Kit(KitShape);

impl FromStr for Kit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once("-of-").and_then(|(need, of)| Some((need.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((need, of)) if (2..=of).contains(&need) && of <= 64 => Ok(Self(KitShape { need, of })),
            _ => Err("write it as 3-of-5: at least 2 are needed, and at most 64 exist".to_owned()),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { at, origin, kit, kit_file } = arguments;
    println!("{}", make(at, &Made { origin, kit: *kit, kit_file })?);
    Ok(Exit::Clean)
}

/// Makes a first installation, as this command does when nothing is given.
pub(crate) fn first(at: &At) -> Result<(), Failure> {
    let kit_file = PathBuf::from(KIT_FILE);
    let made = Made { origin: ORIGIN, kit: Kit(KitShape { need: 3, of: 5 }), kit_file: &kit_file };
    eprintln!("{}", make(at, &made)?);
    Ok(())
}

/// What is to be made.
struct Made<'a> {
    origin: &'a str,
    kit: Kit,
    kit_file: &'a std::path::Path,
}

/// Makes an installation. Returns its log's public key.
fn make(At { place, holder }: &At, arguments: &Made<'_>) -> Result<String, Failure> {
    let places = place.places()?;
    if arguments.kit_file.exists() {
        let what = format!("`{}` exists", arguments.kit_file.display());
        return Err(Failure::usage(what, "give another --kit-file: a kit is never written over another"));
    }
    if !holder.share.is_empty() {
        return Err(Failure::usage("shares open an installation; they do not make one", "leave --share out"));
    }
    harden();
    // Before anything else: an installation whose kit cannot be written is not made.
    let kit_file = new_kit_file(arguments.kit_file)?;
    std::fs::create_dir_all(&places.data).map_err(|error| {
        Failure::usage(format!("`{}` cannot be made: {error}", places.data.display()), "give another --data")
    })?;
    if holder.is_key_file() && !holder.key_file()?.exists() {
        let path = holder.key_file()?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::usage(format!("`{}` cannot be made: {error}", folder.display()), "give another --root-key")
            })?;
        }
        let apart = make_key_file(&path, &places.data).map_err(failure)?;
        warn_if_near(apart, &path);
        eprintln!("the root key is held by `{}`", path.display());
    }
    let provider = holder.provider(&places)?;
    let runtime = runtime()?;
    let mut keep_kit = |shares: &[Share]| {
        let kept = write_kit(&kit_file, shares, arguments.origin);
        kept.map_err(|error| StoreError::File(arguments.kit_file.display().to_string(), "written", error))
    };
    let new = New { origin: arguments.origin, kit: arguments.kit.0, keep_kit: &mut keep_kit };
    let made = Installation::create(places.clone(), new, &provider, Arc::new(SystemClock));
    let made = runtime.block_on(made).map_err(failure);
    let installation = made.inspect_err(|_| drop(std::fs::remove_file(arguments.kit_file)))?;
    let key = installation.log_key().map_err(failure)?;
    let operated = Operated::of(installation, runtime)?;
    operated.run(async { Ok(()) })?;
    let KitShape { need, of } = arguments.kit.0;
    eprintln!(
        "made an installation in `{}`, with keys in `{}`\n\
         recovery kit: {of} shares in `{}`, {need} of which open the root key. Print it, give each share to another\n\
         person, delete the file. Without it, a root key that is lost is data that is lost.\n\
         the log's public key, for whoever verifies it:",
        places.data.display(),
        places.keys.display(),
        arguments.kit_file.display()
    );
    Ok(key.to_string())
}

fn new_kit_file(path: &std::path::Path) -> Result<std::fs::File, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("`{}` cannot be written: {error}", path.display()), "give another --kit-file")
}

fn write_kit(mut file: &std::fs::File, shares: &[Share], origin: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut text = Zeroizing::new(String::new());
    for (place, share) in shares.iter().enumerate() {
        text.push_str(&format!(
            "Cordon recovery kit {} of the installation `{origin}`\nshare {} of {}; any {} open the root key\n\n",
            share.kit,
            place + 1,
            share.of,
            share.need
        ));
        text.push_str(&share.write());
        text.push_str("\n\nKeep it where no other share is kept. To use it: cordon keys unlock --share FILE\n\x0c\n");
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
