//! Programs that run while something is measured: a node of ours, and others.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const STARTS_S: u64 = 60;

/// A program that runs until this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A key of S3, as a node gives it for an hour.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

/// A node with an installation of its own.
pub(crate) struct Node {
    pub(crate) process: Running,
    /// Where it answers S3.
    pub(crate) host: String,
    pub(crate) keys: Vec<Key>,
}

impl Node {
    /// Builds the program and starts it in an empty folder, with keys for each of `principals`, or for one that owns
    /// everything.
    pub(crate) fn begin(folder: &Path, principals: &[&str]) -> Result<Self, String> {
        let principals = principals.iter().flat_map(|principal| ["--bootstrap-for", principal]);
        Self::begin_with(folder, "http", &principals.collect::<Vec<_>>())
    }

    /// The same, where people come by `http` or by `https`, with further arguments.
    pub(crate) fn begin_with(folder: &Path, scheme: &str, more: &[&str]) -> Result<Self, String> {
        crate::run("cargo", &["build", "--release", "--package", "cordon"])?;
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let folder = folder.canonicalize().map_err(|error| error.to_string())?;
        let (pages, host) = (free_port()?, format!("127.0.0.1:{}", free_port()?));
        let program = std::env::current_dir().map_err(|error| error.to_string())?.join("target/release/cordon");
        let mut command = Command::new(&program);
        command.args(["up", "--name", "measured", "--bootstrap", "keys.json", "--s3", &host]);
        let people = format!("{scheme}://localhost:{pages}");
        command.args(["--listen", &format!("127.0.0.1:{pages}"), "--public-url", &people]).args(more);
        command.current_dir(&folder).env("HOME", &folder);
        let process = begun(&mut command, &folder)?;
        let file = folder.join("keys.json");
        wait_until("cordon", || file.exists() && answers(&host))?;
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let given: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let keys = given.get("principals").and_then(Value::as_array).into_iter().flatten().map(key).collect();
        widen(&program, &folder)?;
        Ok(Self { process, host, keys })
    }
}

fn key(given: &Value) -> Key {
    let field = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Key { id: field("access_key_id"), secret: field("secret_access_key"), token: field("session_token") }
}

/// So much is read here that the limits of reading are far above it: it is counted all the same.
fn widen(program: &Path, folder: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["levels", "--reason", "a measurement"]).env("HOME", folder).stdout(Stdio::null());
    for window in ["minute", "hour", "day", "month"] {
        command.arg("--set").arg(format!("confidential.egress_objects_{window}=1000000"));
        command.arg("--set").arg(format!("confidential.egress_bytes_{window}=1000000000000000"));
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the limits of reading cannot be set".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| error.to_string())
}

/// Starts a program that writes what it says into a file of `folder`.
pub(crate) fn begun(command: &mut Command, folder: &Path) -> Result<Running, String> {
    let log = std::fs::File::create(folder.join("log")).map_err(|error| error.to_string())?;
    let beside = log.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(log).stderr(beside).spawn();
    child.map(Running).map_err(|error| format!("{command:?}: {error}"))
}

pub(crate) fn wait_until(what: &str, mut is_there: impl FnMut() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !is_there() {
        if begun.elapsed() > Duration::from_secs(STARTS_S) {
            return Err(format!("{what} does not answer"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

pub(crate) fn answers(host: &str) -> bool {
    TcpStream::connect(host).is_ok()
}
