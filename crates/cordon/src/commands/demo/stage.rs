//! Where the demo happens: a folder, a node that runs from it, and commands that are shown.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::error::{Failure, printed};
use crate::limits::{DEMO_BEGINS_S, DEMO_ENDS_S};
use crate::remote::write_secret;

/// The file that says what a folder is.
const MARK: &str = "THIS-IS-A-DEMO";
const MARKED: &str =
    "cordon-demo-1: a made-up organisation; `cordon demo --remove` removes it, and nothing of it is real\n";
/// What the demo makes in its folder.
const MADE: [&str; 13] = [
    "data",
    "keys",
    "root",
    "home",
    "ada",
    "ben",
    "seed.json",
    "node.log",
    "pid",
    "ports",
    "told",
    "recovery-kit.txt",
    "ada.env",
];
/// Variables that would lead a command elsewhere.
const FOREIGN: [&str; 8] = [
    "CORDON_DATABASE",
    "CORDON_OIDC",
    "CORDON_PURGE_HOOK",
    "CORDON_SETTINGS",
    "CORDON_PKCS11_MODULE",
    "CORDON_ID_KEY",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
];

/// Whether this process was told to end.
static ENDS: AtomicBool = AtomicBool::new(false);

/// How often it is looked whether a node still runs.
const LOOKS: Duration = Duration::from_millis(100);

/// A folder that the demo made.
pub(super) struct Stage {
    folder: PathBuf,
    pages: u16,
    objects: u16,
}

/// A node that runs until this is dropped.
pub(super) struct Running(Child);

/// What a command said, and how it ended.
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: i32,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Ends it as a service manager does.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        let told = pid(self.0.id()).map(|node| rustix::process::kill_process(node, Signal::TERM));
        if !matches!(told, Some(Ok(()))) {
            return Err(Failure::internal("the node cannot be told to end"));
        }
        self.0.wait().map(|_| ()).map_err(|error| Failure::internal(error.to_string()))
    }

    /// Waits until it ends, as it does when this process is told to end.
    pub(super) fn wait(mut self) -> Result<(), Failure> {
        let ended = self.0.wait().map_err(|error| Failure::internal(error.to_string()))?;
        match ended.success() {
            true => Ok(()),
            false => Err(Failure::usage("the node of the demo ended by itself", "`node.log` in its folder says why")),
        }
    }
}

/// Tells the node to end when this process is told so: from the keyboard, by a service manager, or as its terminal goes away.
fn end_with_this(node: Pid) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Failure::internal(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let [mut interrupted, mut terminated, mut hung_up] = runtime.block_on(async {
        let of = |kind| signal(kind).map_err(failed);
        Ok([of(SignalKind::interrupt())?, of(SignalKind::terminate())?, of(SignalKind::hangup())?])
    })?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
                _ = hung_up.recv() => {}
            }
        });
        ENDS.store(true, Ordering::Relaxed);
        end(node);
        // Whoever waited for the node has ended by now, and this process with it.
        std::process::exit(130);
    });
    Ok(())
}

/// Takes what failed because all of it was told to end for what it is: this process ends in a moment.
pub(super) fn unless_it_ends<T>(done: Result<T, Failure>) -> Result<T, Failure> {
    while done.is_err() && ENDS.load(Ordering::Relaxed) {
        std::thread::park();
    }
    done
}

/// Tells a process to end, and waits until it has.
fn end(node: Pid) {
    let until = Instant::now() + Duration::from_secs(DEMO_ENDS_S);
    // One that is gone already is what is wanted.
    let _ = rustix::process::kill_process(node, Signal::TERM);
    while rustix::process::test_kill_process(node).is_ok() && Instant::now() < until {
        std::thread::sleep(LOOKS);
    }
}

fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

impl Stage {
    /// Tells whether a folder is one of the demo's.
    pub(super) fn is_at(folder: &Path) -> bool {
        fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text == MARKED)
    }

    /// Tells whether one was left before its story was told.
    pub(super) fn is_half_told(folder: &Path) -> bool {
        Self::is_at(folder) && !folder.join("told").exists()
    }

    /// Opens one.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let none = || not_one(folder);
        let ports = fs::read_to_string(folder.join("ports")).ok().filter(|_| Self::is_at(folder)).ok_or_else(none)?;
        let (pages, objects) = ports.trim().split_once(' ').ok_or_else(none)?;
        let port = |text: &str| text.parse().map_err(|_| none());
        Ok(Self { folder: folder.to_owned(), pages: port(pages)?, objects: port(objects)? })
    }

    /// Makes one, with an installation in it.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            let what = format!("`{}` is there, and not of the demo", folder.display());
            return Err(Failure::usage(what, "give another --folder"));
        }
        let failed = failed(folder);
        let private = |folder: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        private(folder).and_then(|()| private(&folder.join("home"))).map_err(&failed)?;
        // It was there, and open to others: it holds links that sign somebody in.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(&failed)?;
        fs::write(folder.join(MARK), MARKED).map_err(&failed)?;
        let free = || TcpListener::bind("127.0.0.1:0");
        let (pages, objects) = (free().map_err(&failed)?, free().map_err(&failed)?);
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let (pages, objects) = (port(&pages).map_err(&failed)?, port(&objects).map_err(&failed)?);
        fs::write(folder.join("ports"), format!("{pages} {objects}\n")).map_err(&failed)?;
        let stage = Self { folder: folder.to_owned(), pages, objects };
        let kit = stage.path("recovery-kit.txt");
        let arguments = ["db", "create", "--origin", "demo.example/log", "--kit-file"].map(str::to_owned);
        stage.run_quietly("ada", &[&arguments[..], &[kit.display().to_string()]].concat())?;
        stage.write_env()?;
        Ok(stage)
    }

    /// What a shell takes to act as Ada.
    fn write_env(&self) -> Result<(), Failure> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let lines =
            self.variables("ada").into_iter().map(|(name, value)| format!("export {name}={}\n", quoted(&value)));
        write_secret(&self.path("ada.env"), lines.collect::<String>())
    }

    /// Removes one, once its node has ended.
    pub(super) fn remove(folder: &Path) -> Result<(), Failure> {
        if !Self::is_at(folder) {
            return Err(not_one(folder));
        }
        // One of which the ports are not known began no node.
        if let Ok(stage) = Self::open(folder) {
            stage.end_what_is_left()?;
        }
        let failed = failed(folder);
        for name in MADE {
            let path = folder.join(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        fs::remove_file(folder.join(MARK)).map_err(&failed)?;
        // What somebody else put there stays.
        fs::remove_dir(folder).map_err(failed)
    }

    /// Ends a node that an earlier run left, and that answers still.
    fn end_what_is_left(&self) -> Result<(), Failure> {
        let answers = || TcpListener::bind(("127.0.0.1", self.pages)).is_err();
        let number = fs::read_to_string(self.path("pid")).ok().and_then(|text| text.trim().parse().ok());
        // Another program may have its number by now, but not its port.
        if let (true, Some(left)) = (answers(), number.and_then(pid)) {
            end(left);
        }
        match answers() {
            true => Err(Failure::usage("the demo runs", "end it with Ctrl-C, and run this again")),
            false => Ok(()),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn origin(&self) -> String {
        format!("http://localhost:{}", self.pages)
    }

    pub(super) fn is_told(&self) -> bool {
        self.path("told").exists()
    }

    pub(super) fn told(&self) -> Result<(), Failure> {
        fs::write(self.path("told"), "").map_err(failed(&self.folder))
    }

    /// Begins the node, and waits until it answers.
    pub(super) fn begin(&self) -> Result<Running, Failure> {
        let (pages, objects) = (format!("127.0.0.1:{}", self.pages), format!("127.0.0.1:{}", self.objects));
        let log = self.path("node.log");
        let out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&log);
        let out = out.map_err(failed(&log))?;
        self.end_what_is_left()?;
        let mut command =
            self.command("ada", &["up", "--listen", &pages, "--s3", &objects, "--name", "ada@demo.example"])?;
        command.args(["--banner", "A demo: nothing here is real"]);
        if !self.is_told() {
            let seed = self.path("seed.json");
            command.arg("--bootstrap").arg(seed);
            command.args(["--bootstrap-for", "restricted=owner:everything"]);
            command.args(["--bootstrap-for", "restricted=reader:everything"]);
        }
        // A terminal tells this process to end, which tells the node.
        let child = command.stdout(Stdio::null()).stderr(out).process_group(0).spawn();
        let mut node = Running(child.map_err(|error| Failure::internal(error.to_string()))?);
        fs::write(self.path("pid"), format!("{}\n", node.0.id())).map_err(failed(&self.folder))?;
        end_with_this(pid(node.0.id()).ok_or_else(|| Failure::internal("the node has no number"))?)?;
        let until = Instant::now() + Duration::from_secs(DEMO_BEGINS_S);
        while !self.log()?.contains("answering at") {
            let ended = node.0.try_wait().map_err(|error| Failure::internal(error.to_string()))?;
            if ended.is_some() || Instant::now() > until {
                return Err(Failure::usage(
                    format!("the node does not begin: {}", self.log()?.trim()),
                    "see what it says",
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(node)
    }

    /// What the node said since it began.
    pub(super) fn log(&self) -> Result<String, Failure> {
        let path = self.path("node.log");
        fs::read_to_string(&path).map_err(failed(&path))
    }

    fn variables(&self, who: &str) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.path(name).display().to_string();
        vec![
            ("CORDON_DATA", path("data")),
            ("CORDON_KEYS", path("keys")),
            ("CORDON_ROOT_KEY", path("root/root.key")),
            ("CORDON_PUBLIC_URL", self.origin()),
            ("XDG_CONFIG_HOME", path(who)),
            ("XDG_CACHE_HOME", path("home")),
            ("XDG_STATE_HOME", path("home")),
        ]
    }

    /// A command of this program, by somebody.
    pub(super) fn command(&self, who: &str, arguments: &[impl AsRef<str>]) -> Result<Command, Failure> {
        let own = std::env::current_exe().map_err(|error| Failure::internal(error.to_string()))?;
        let mut command = Command::new(own);
        command.args(arguments.iter().map(AsRef::as_ref)).current_dir(&self.folder).stdin(Stdio::null());
        FOREIGN.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.variables(who));
        Ok(command)
    }

    /// Runs a command that must end well.
    pub(super) fn run_quietly(&self, who: &str, arguments: &[impl AsRef<str>]) -> Result<String, Failure> {
        let said = self.said(who, arguments)?;
        match said.code {
            0 => Ok(said.out),
            _ => Err(Failure::internal(format!("`cordon {}` fails: {}", typed(arguments), said.err.trim()))),
        }
    }

    fn said(&self, who: &str, arguments: &[impl AsRef<str>]) -> Result<Said, Failure> {
        let output = self.command(who, arguments)?.output().map_err(|error| Failure::internal(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap_or(-1) })
    }

    /// Runs a command and shows it, with what it says. It must end with `code`.
    pub(super) fn show(&self, who: &str, code: i32, arguments: &[&str]) -> Result<Said, Failure> {
        let said = self.said(who, arguments)?;
        let mut out = std::io::stdout().lock();
        printed(writeln!(out, "{who}$ cordon {}", typed(arguments)))?;
        printed(write!(out, "{}{}", said.out, said.err))?;
        if said.code == code {
            return Ok(said);
        }
        Err(Failure::internal(format!("this was to end with {code}, and ended with {}", said.code)))
    }

    /// The keys that the node gave for scripts: what puts documents there, and what is stolen.
    pub(super) fn keys(&self) -> Result<Value, Failure> {
        let path = self.path("seed.json");
        let text = fs::read_to_string(&path).map_err(failed(&path))?;
        serde_json::from_str(&text).map_err(|error| Failure::internal(error.to_string()))
    }

    /// Begins `cordon login`. Returns the program, and the address that somebody allows in a browser.
    pub(super) fn login(&self, who: &str) -> Result<(Child, String), Failure> {
        let mut command = self.command(who, &["login", "--no-browser"])?;
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| Failure::internal(error.to_string()))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        match read {
            Some(Ok(1..)) => Ok((child, line.trim().to_owned())),
            _ => Err(Failure::internal("`cordon login` prints no address")),
        }
    }

    /// Says what to look at.
    pub(super) fn look_around(&self, folder: &Path) -> Result<(), Failure> {
        let (origin, folder) = (self.origin(), folder.display());
        let text = format!(
            "\nlook around: {origin}, as ada@demo.example or ben@demo.example; `cordon demo --code ada` prints how to sign in\n\
             in another shell: `. {folder}/ada.env`, then\n  \
             cordon quarantine list\n  cordon publications list\n  cordon audit search --limit 20\n\
             Ctrl-C ends it; `cordon demo --remove` removes all of it"
        );
        printed(writeln!(std::io::stdout().lock(), "{text}"))
    }
}

/// A command as it is typed.
fn typed(arguments: &[impl AsRef<str>]) -> String {
    let quoted = |word: &str| match word.contains(' ') {
        true => format!("\"{word}\""),
        false => word.to_owned(),
    };
    arguments.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn not_one(folder: &Path) -> Failure {
    Failure::usage(
        format!("`{}` is no folder of the demo", folder.display()),
        "run `cordon demo` first, or give --folder",
    )
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::usage(format!("`{path}`: {error}"), "give another --folder, where you may write")
}
