//! `cordon.toml`: options that a machine sets once. A command takes each of them from its command line, else from the
//! environment, else from here, else what its help says. Whoever may write this file may move the installation elsewhere, so it
//! counts only where nobody else may.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::builder::{OsStr, Resettable};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches as _, ValueHint};
use cordon_identity::PublicUrl;
use cordon_store::Address;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::Arguments;
use crate::error::Failure;
use crate::keys::config_folder;
use crate::limits::SETTINGS_BYTES_MAX;

/// Names the file, where it lies elsewhere.
const ELSEWHERE: &str = "CORDON_SETTINGS";

/// What may be set for every command that takes it.
const EVERYWHERE: [&str; 10] = [
    "data",
    "keys",
    "database",
    "root_key",
    "passphrase_file",
    "token",
    "pkcs11_module",
    "pin_file",
    "public_url",
    "observer",
];

/// What may be set for `cordon up`, in its table.
const UP: [&str; 10] =
    ["listen", "s3", "s3_url", "proxy", "oidc", "purge_hook", "metrics", "tls_certificate", "tls_key", "banner"];

/// Who holds the root key: whoever names one on the command line means that one.
const HOLDERS: [&str; 4] = ["root_key", "passphrase_file", "share", "token"];

/// Where an installation lies: whoever says any of it means another one.
const PLACES: [&str; 3] = ["data", "keys", "database"];

/// Takes the arguments, and what is set of those that were not given.
pub(crate) fn arguments() -> Result<Arguments, Failure> {
    let mut command = Arguments::command();
    let mut matches = command.get_matches_mut();
    let chosen = Chosen::of(&command, &matches);
    if chosen.takes_settings()
        && let Some(path) = file()
    {
        let settings = Settings::read(&path)?;
        matches = settings.set(Arguments::command(), &chosen).get_matches();
    }
    Ok(Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

/// Returns where the file lies, if there is one.
pub(crate) fn file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(ELSEWHERE).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    // Where no folder is known, nothing is set in it. One that cannot be looked at is read, and says why.
    let path = config_folder().ok().map(|folder| folder.join("cordon.toml"));
    let is_missing = |path: &PathBuf| {
        std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    path.filter(|path| !is_missing(path))
}

/// The command that was chosen.
struct Chosen<'a> {
    path: Vec<String>,
    command: &'a Command,
    matches: &'a ArgMatches,
}

impl<'a> Chosen<'a> {
    fn of(command: &'a Command, matches: &'a ArgMatches) -> Self {
        let mut chosen = Self { path: Vec::new(), command, matches };
        while let Some((name, matches)) = chosen.matches.subcommand()
            && let Some(command) = chosen.command.find_subcommand(name)
        {
            chosen.path.push(name.to_owned());
            (chosen.command, chosen.matches) = (command, matches);
        }
        chosen
    }

    fn takes(&self, name: &str) -> bool {
        option(self.command, name).is_some()
    }

    fn takes_settings(&self) -> bool {
        EVERYWHERE.iter().any(|name| self.takes(name))
    }

    /// Tells whether something that a setting would say was said.
    fn says(&self, name: &str) -> bool {
        let said = |name: &&str| {
            let source = self.takes(name).then(|| self.matches.value_source(name)).flatten();
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let together = [&HOLDERS[..], &PLACES[..]].into_iter().find(|together| together.contains(&name));
        together.map_or_else(|| said(&name), |together| together.iter().any(said))
    }
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| argument.get_id() == name && argument.get_long().is_some())
}

/// What the file says.
#[derive(Debug)]
struct Settings {
    all: Vec<Setting>,
}

#[derive(Debug)]
struct Setting {
    name: String,
    values: Vec<OsString>,
    /// Whether it is of `cordon up` alone.
    of: Table,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Everywhere,
    Up,
}

impl Table {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Everywhere => &EVERYWHERE,
            Self::Up => &UP,
        }
    }
}

impl Settings {
    fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| {
            Failure::usage(
                format!("`{shown}` cannot be read: {error}"),
                format!("see that it is there and that you may read it, or set {ELSEWHERE} to another"),
            )
        };
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        let meta = opened.metadata().map_err(unreadable)?;
        is_ours(path, &meta)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        is_ours(folder, &std::fs::metadata(folder).map_err(unreadable)?)?;
        let mut text = String::new();
        opened.take(SETTINGS_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        if !meta.is_file() || text.len() as u64 > SETTINGS_BYTES_MAX {
            return Err(Failure::usage(format!("`{shown}` is no file of settings"), "give a file of at most 64 KiB"));
        }
        let file = File { path, text: &text, is_shown: meta.mode() & 0o044 != 0, up: &up() };
        file.settings().map(|all| Self { all })
    }

    /// Lets a command begin with what is set, where nothing else was said.
    fn set(&self, command: Command, chosen: &Chosen<'_>) -> Command {
        let is_up = matches!(chosen.path.as_slice(), [name] if name == "up");
        let own = self.all.iter().filter(|setting| setting.of == Table::Everywhere || is_up);
        let own: Vec<&Setting> =
            own.filter(|setting| chosen.takes(&setting.name) && !chosen.says(&setting.name)).collect();
        at(command, &chosen.path, &|command| {
            own.iter().fold(command, |command, setting| {
                command.mut_arg(&setting.name, |argument| argument.default_values(setting.values.clone()))
            })
        })
    }
}

/// Tells whether nobody but its user, and whoever may do anything here, writes to a file or a folder.
fn is_ours(path: &Path, meta: &Metadata) -> Result<(), Failure> {
    let (shown, user) = (path.display(), rustix::process::geteuid().as_raw());
    if ![0, user].contains(&meta.uid()) {
        let hint = format!("give one of your own, or of root, or set {ELSEWHERE} to another");
        return Err(Failure::usage(format!("`{shown}` belongs to another user"), hint));
    }
    // Of a folder such as /tmp nobody removes what is another's.
    let is_sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    if meta.mode() & 0o022 != 0 && !is_sticky {
        return Err(Failure::usage(format!("others may write to `{shown}`"), format!("run: chmod go-w {shown}")));
    }
    Ok(())
}

/// Changes the command that a path leads to.
fn at(command: Command, path: &[String], change: &dyn Fn(Command) -> Command) -> Command {
    match path.split_first() {
        None => change(command),
        Some((first, rest)) => command.mut_subcommand(first, |command| at(command, rest, change)),
    }
}

/// `cordon up`, which takes whatever may be set, with what only others take; the environment says nothing here.
fn up() -> Command {
    let arguments = Arguments::command();
    let up = arguments.find_subcommand("up").cloned().unwrap_or_default();
    let observer = arguments.find_subcommand("publish").and_then(|publish| option(publish, "observer"));
    up.args(observer).mut_args(|argument| argument.env(Resettable::<OsStr>::Reset))
}

/// A file that is read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    /// Whether others may read it.
    is_shown: bool,
    up: &'a Command,
}

impl File<'_> {
    fn settings(&self) -> Result<Vec<Setting>, Failure> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, error.message().trim(), "write NAME = \"VALUE\", one a line; see docs/settings.md")
        })?;
        let mut all = Vec::new();
        for (name, value) in table.get_ref() {
            match value.get_ref().as_table().filter(|_| name.get_ref() == "up") {
                None => all.push(self.setting(name, value, Table::Everywhere)?),
                Some(up) => {
                    for (name, value) in up {
                        all.push(self.setting(name, value, Table::Up)?);
                    }
                }
            }
        }
        let holders: Vec<&str> =
            all.iter().map(|one: &Setting| one.name.as_str()).filter(|name| HOLDERS.contains(name)).collect();
        if holders.len() > 1 {
            let what = format!("{} are set, and one holds the root key", holders.join(" and "));
            return Err(self.wrong(0, &what, "set one of them"));
        }
        Ok(all)
    }

    fn setting(
        &self,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        of: Table,
    ) -> Result<Setting, Failure> {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let known = of.names().contains(&name).then(|| option(self.up, name)).flatten();
        let Some(argument) = known else { return Err(self.unknown(at, name, of)) };
        if argument.is_hide_env_values_set() && self.is_shown {
            let what = format!("`{name}` may hold a password, and others may read this file");
            return Err(self.wrong(at, &what, &format!("run: chmod 600 {}", self.path.display())));
        }
        let texts = texts(value.get_ref(), argument).map_err(|(what, hint)| self.wrong(at, &what, hint))?;
        let path = |text: &str| self.path.parent().unwrap_or(Path::new("")).join(text).into_os_string();
        let is_path = argument.get_value_hint() == ValueHint::AnyPath;
        for text in &texts {
            self.means(name, argument, text).map_err(|reason| {
                let hint = format!("`cordon up --help` says what {} takes", name.replace('_', "-"));
                self.wrong(at, &format!("`{name}` is no such thing as it takes: {reason}"), &hint)
            })?;
        }
        let values = texts.into_iter().map(|text| if is_path { path(text) } else { text.into() }).collect();
        Ok(Setting { name: name.to_owned(), values, of })
    }

    /// Tells whether an option takes a value.
    fn means(&self, name: &str, argument: &Arg, text: &str) -> Result<(), String> {
        match name {
            "public_url" => return PublicUrl::parse(text).map(drop).map_err(|error| error.to_string()),
            "database" => return Address::parse(text).map(drop).map_err(|error| error.to_string()),
            _ => {}
        }
        let given = format!("--{}={text}", argument.get_long().unwrap_or_default());
        match self.up.clone().try_get_matches_from(["up", &given]) {
            Err(error) if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) => {
                Err(std::error::Error::source(&error).map_or_else(|| "it is empty".to_owned(), ToString::to_string))
            }
            _ => Ok(()),
        }
    }

    fn unknown(&self, at: usize, name: &str, of: Table) -> Failure {
        let dashed = name.replace('-', "_");
        let hint = if of.names().contains(&dashed.as_str()) {
            format!("write it `{dashed}`")
        } else if of == Table::Everywhere && UP.contains(&dashed.as_str()) {
            format!("`{dashed}` is of `cordon up`: write it below a line `[up]`")
        } else if of == Table::Up && EVERYWHERE.contains(&dashed.as_str()) {
            format!("`{dashed}` is for every command: write it above the line `[up]`")
        } else {
            let all = |names: &[&str]| names.join(", ");
            format!("what can be set is {}; and below a line `[up]` {}", all(&EVERYWHERE), all(&UP))
        };
        self.wrong(at, &format!("`{name}` is no setting here"), &hint)
    }

    fn wrong(&self, at: usize, what: &str, hint: &str) -> Failure {
        let line = 1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Failure::usage(format!("`{}`, line {line}: {what}", self.path.display()), hint)
    }
}

/// The texts of a value; several where an option may be given several times.
fn texts<'v>(value: &'v DeValue<'_>, argument: &Arg) -> Result<Vec<&'v str>, (String, &'static str)> {
    let text = |value: &'v DeValue<'_>| {
        let quotes = "write it in quotes";
        value.as_str().ok_or_else(|| (format!("a value is text, and this is of type {}", value.type_str()), quotes))
    };
    match (value.as_array(), argument.get_action()) {
        (Some(all), ArgAction::Append) => all.iter().map(|one| text(one.get_ref())).collect(),
        _ => Ok(vec![text(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Setting>, String> {
        let file = File { path: Path::new("/etc/cordon/cordon.toml"), text, is_shown: false, up: &up() };
        file.settings().map_err(|failure| failure.to_string())
    }

    #[test]
    fn whatever_can_be_set_is_an_option() {
        let up = up();
        for name in EVERYWHERE.iter().chain(&UP) {
            assert!(option(&up, name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_setting_that_is_wrong_is_named_with_its_line_and_a_hint() {
        let cases = [
            ("data = 1\n", "line 1: a value is text, and this is of type integer\nhint: write it in quotes"),
            (
                "\n\nlisten = \"x\"",
                "line 3: `listen` is no setting here\nhint: `listen` is of `cordon up`: write it below",
            ),
            (
                "[up]\n\ndata = \"x\"",
                "line 3: `data` is no setting here\nhint: `data` is for every command: write it above",
            ),
            (
                "public-url = \"https://x.example\"",
                "line 1: `public-url` is no setting here\nhint: write it `public_url`",
            ),
            ("colour = \"red\"", "line 1: `colour` is no setting here\nhint: what can be set is data, keys, "),
            ("[down]\nlisten = \"x\"", "line 1: `down` is no setting here\nhint: what can be set is"),
            (
                "# what\n[up]\nlisten = \"everywhere\"",
                "line 3: `listen` is no such thing as it takes: invalid socket address",
            ),
            ("[up]\nproxy = [\"10.0.0.0/8\", \"ten\"]", "line 2: `proxy` is no such thing as it takes: "),
            ("[up]\nlisten = [\"127.0.0.1:1\"]", "line 2: a value is text, and this is of type array"),
            ("public_url = \"http://example.org\"", "line 1: `public_url` is no such thing as it takes: "),
            ("database = \"mysql:///x\"", "line 1: `database` is no such thing as it takes: "),
            ("data = \"x\"\ndata = \"y\"", "line 2: duplicate key\nhint: write NAME"),
            ("data = ", "line 1: "),
            ("token = \"t\"\nroot_key = \"k\"", "root_key and token are set, and one holds the root key"),
        ];
        for (text, expected) in cases {
            let wrong = read(text).expect_err(text);
            assert!(
                wrong.starts_with("error: `/etc/cordon/cordon.toml`, ") && wrong.contains(expected),
                "{text}: {wrong}"
            );
        }
    }

    #[test]
    fn what_may_hold_a_password_stands_where_nobody_else_reads() {
        let text = "database = \"postgres://cordon:word@localhost/cordon\"";
        assert!(read(text).is_ok());
        let file = File { path: Path::new("cordon.toml"), text, is_shown: true, up: &up() };
        let wrong = file.settings().expect_err("others read it").to_string();
        assert!(wrong.contains("may hold a password") && !wrong.contains("word@"), "{wrong}");
    }

    #[test]
    fn paths_begin_where_the_file_lies_and_other_texts_are_as_they_are() {
        let all = read(
            "data = \"data\"\nkeys = \"/srv/keys\"\n[up]\nproxy = [\"10.0.0.0/8\", \"fd00::/8\"]\nlisten = \"[::1]:1\"",
        );
        let mut all: Vec<_> =
            all.expect("settings").into_iter().map(|setting| (setting.name, setting.values)).collect();
        all.sort();
        let set =
            |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(
            all,
            [
                set("data", &["/etc/cordon/data"]),
                set("keys", &["/srv/keys"]),
                set("listen", &["[::1]:1"]),
                set("proxy", &["10.0.0.0/8", "fd00::/8"]),
            ]
        );
    }

    #[test]
    fn what_is_said_counts_and_not_what_is_set() {
        let settings =
            Settings { all: read("data = \"/set\"\ntoken = \"t\"\n[up]\nlisten = \"127.0.0.1:1\"").expect("settings") };
        let taken = |given: &[&str]| {
            let mut command = Arguments::command();
            let matches = command.try_get_matches_from_mut(given).expect("arguments");
            let set = settings.set(Arguments::command(), &Chosen::of(&command, &matches));
            let matches = set.try_get_matches_from(given).expect("arguments with what is set");
            let mut last = &matches;
            while let Some((_, next)) = last.subcommand() {
                last = next;
            }
            let path = |name: &str| last.get_one::<PathBuf>(name).map(|path| path.display().to_string());
            (path("data"), path("root_key"), last.get_one::<String>("token").cloned())
        };
        let set = Some("/set".to_owned());
        assert_eq!(taken(&["cordon", "up"]), (set.clone(), None, Some("t".to_owned())));
        assert_eq!(taken(&["cordon", "people", "list"]), (set.clone(), None, Some("t".to_owned())));
        assert_eq!(taken(&["cordon", "up", "--data", "/said"]).0, Some("/said".to_owned()));
        assert_eq!(taken(&["cordon", "up", "--keys", "/said"]).0, None, "another installation");
        assert_eq!(taken(&["cordon", "up", "--root-key", "k"]), (set, Some("k".to_owned()), None), "another holder");
    }
}
