//! A PostgreSQL server of a test's own, on a socket in a folder, and a wire to it that is cut on command.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The user under whom the server runs when we are root: PostgreSQL refuses to run as root.
const SERVER_USER: &str = "postgres";
const SOCKET: &str = ".s.PGSQL.5432";

/// A server with its data in a folder. It dies when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    as_user: Option<&'static str>,
}

impl Cluster {
    /// Makes a server in a new folder under that of temporary files, where any user may go, and starts it.
    ///
    /// # Errors
    ///
    /// What is missing, or what the server said.
    pub fn start() -> Result<Self, String> {
        let programs = programs().ok_or("no PostgreSQL server is installed")?;
        let root = run(Command::new("id").arg("-u"))?.trim() == "0";
        let as_user = root.then_some(SERVER_USER);
        let name = format!("cordon-postgres-{}-{}", std::process::id(), count());
        let cluster = Self { folder: std::env::temp_dir().join(name), programs, as_user };
        fs::create_dir(&cluster.folder).map_err(|error| error.to_string())?;
        if let Some(user) = as_user {
            run(Command::new("chown").arg(user).arg(&cluster.folder))?;
        }
        let data = cluster.folder.join("data");
        let initdb = cluster.program("initdb");
        let mut initdb = cluster.command(&initdb);
        run(initdb.args(["--auth=trust", "--username=cordon", "--encoding=UTF8", "--no-locale", "-D"]).arg(&data))?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Starts a server that was killed; it recovers first.
    ///
    /// # Errors
    ///
    /// What the server said.
    pub fn start_again(&self) -> Result<(), String> {
        let control = self.program("pg_ctl");
        let options =
            format!("-c listen_addresses= -c unix_socket_directories={} -c max_connections=300", self.folder.display());
        let mut start = self.command(&control);
        start.args(["-w", "-t", "60", "-o", &options, "-l"]).arg(self.folder.join("log"));
        start.arg("-D").arg(self.folder.join("data")).arg("start").stdout(Stdio::null()).stderr(Stdio::null());
        match start.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(fs::read_to_string(self.folder.join("log")).unwrap_or_default()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Kills every process of the server, as it stands.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn kill(&self) -> Result<(), String> {
        let pid_file = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(pid_file).map_err(|error| error.to_string())?;
        let first = text.lines().next().unwrap_or_default().to_owned();
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let mut all = vec![first.as_str()];
        all.extend(children.split_whitespace());
        // A child may have ended by itself.
        let _ = Command::new("kill").arg("-KILL").args(&all).stderr(Stdio::null()).status();
        for _ in 0..500 {
            if all.iter().all(|pid| !is_running(pid)) {
                // Where nobody waits for the dead, the server takes them for living.
                let locks = [self.folder.join("data/postmaster.pid"), self.folder.join(format!("{SOCKET}.lock"))];
                return locks.iter().try_for_each(fs::remove_file).map_err(|error| error.to_string());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the server does not die".to_owned())
    }

    /// Returns the folder of the server's socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match self.as_user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // One that was killed has left nothing to kill.
        let _ = self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes an empty database, and returns its address.
///
/// # Errors
///
/// What the server said.
pub fn new_database(socket: &Path) -> Result<String, String> {
    let programs = programs().ok_or("no PostgreSQL server is installed")?;
    let name = format!("t{}x{}", std::process::id(), count());
    let mut make = Command::new(programs.join("createdb"));
    run(make.arg("-h").arg(socket).args(["-U", "cordon", &name]))?;
    Ok(format!("host={} user=cordon dbname={name}", socket.display()))
}

/// Where Debian, or a path, has the programs of the newest server.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let debian = versions.into_iter().rev().map(|path| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others: Vec<PathBuf> = std::env::split_paths(&path).collect();
    debian.chain(others).find(|folder| folder.join("initdb").exists())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A killed process that nobody has waited for yet is not running.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A wire between a client and a server: after so many bytes, of both directions, every connection over it is cut.
#[derive(Clone, Debug)]
pub struct Wire {
    folder: PathBuf,
    left: Arc<AtomicU64>,
    until_stalled: Arc<AtomicU64>,
    stalled: Arc<AtomicBool>,
}

impl Wire {
    /// Listens in `folder`, and hands on to the server whose socket is in `to`.
    ///
    /// # Errors
    ///
    /// When it cannot listen there.
    pub fn lay(folder: &Path, to: &Path) -> std::io::Result<Self> {
        let listener = UnixListener::bind(folder.join(SOCKET))?;
        let endless = || Arc::new(AtomicU64::new(u64::MAX));
        let (left, until_stalled) = (endless(), endless());
        let wire = Self { folder: folder.to_owned(), left, until_stalled, stalled: Arc::default() };
        let (ends, to) = (wire.clone(), to.join(SOCKET));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = UnixStream::connect(&to) {
                    carry(client, server, &ends);
                }
            }
        });
        Ok(wire)
    }

    /// Returns the folder of the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.folder
    }

    /// Carries so many bytes from now on, and then nothing, until told again.
    pub fn carries(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Carries nothing, and cuts nothing, until told again.
    pub fn stall(&self, stalled: bool) {
        self.until_stalled.store(u64::MAX, Ordering::SeqCst);
        self.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Stalls before the piece that goes beyond so many bytes.
    pub fn stall_after(&self, bytes: u64) {
        self.until_stalled.store(bytes, Ordering::SeqCst);
    }

    /// Tells whether it is stalled.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst)
    }

    /// Waits while it is stalled, and stalls if this is where it was told to.
    fn pass(&self, bytes: u64) {
        let had = take(&self.until_stalled, bytes);
        if had < bytes {
            self.stall(true);
        }
        while self.is_stalled() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns how many bytes it would still carry.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }
}

/// Takes so many from a count that is not endless. Returns what it was.
fn take(count: &AtomicU64, bytes: u64) -> u64 {
    let less = |had: u64| Some(if had == u64::MAX { had } else { had.saturating_sub(bytes) });
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).unwrap_or(u64::MAX)
}

/// Carries both directions, each in a thread.
fn carry(client: UnixStream, server: UnixStream, wire: &Wire) {
    let ends = [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())];
    for (from, to) in ends {
        let (Ok(mut from), Ok(mut to)) = (from, to) else { return };
        let wire = wire.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                wire.pass(read as u64);
                // The part that it still carries arrives.
                let carried = take(&wire.left, read as u64).min(read as u64) as usize;
                let sent = to.write_all(bytes.get(..carried).unwrap_or_default());
                if sent.is_err() || carried < read {
                    break;
                }
            }
            let _ = from.shutdown(std::net::Shutdown::Both);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
    }
}
