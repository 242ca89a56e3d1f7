//! Signing in on the command line, through the browser of this machine.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use clap::Args;
use cordon_domain::Clock as _;
use cordon_identity::CeremonyId;
use cordon_identity::login::{LoginRequest, redeemed};
use cordon_store::edge::SystemClock;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::handed;
use crate::limits::{LOGIN_HEAD_BYTES_MAX, LOGIN_HEAD_S, LOGIN_S};
use crate::moment::written;
use crate::remote::{Login, Reached, ask, device_key};

/// Sign in through the browser of this machine: gets a session, and an access key for clients of S3, of at most 12 hours.
///
/// The first time it enrols this computer, when you allow that in the browser.
///
/// Example: cordon login
#[derive(Args)]
#[group(id = "login-arguments")]
pub(crate) struct Arguments {
    #[command(flatten)]
    reached: Reached,
    /// Print the address instead of opening a browser.
    #[arg(long)]
    no_browser: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (url, device) = (arguments.reached.url()?, device_key()?);
    let failed =
        |error: std::io::Error| Failure::internal(format!("no port of this machine can be listened at: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let (request, verifier) = LoginRequest::begin(port, claimed());
    let proof = device.show(&request.text(), SystemClock.now()).write();
    let address = format!("{}/login?{}", url.origin(), query(&request, &proof));
    if arguments.no_browser || !opened(&address) {
        eprintln!("open this address in a browser on this machine:");
        println!("{address}");
    } else {
        eprintln!("allow it in the browser that opens; if none does, run it with --no-browser");
    }
    let (code, browser) = code_for(&listener, &request.state)?;
    let code = CeremonyId::given(&code);
    let proof = device.show(&redeemed(&code), SystemClock.now()).write();
    let body = json!({"code": code.as_str(), "verifier": verifier.as_str(), "proof": proof});
    let given = ask::<Login>(&format!("{}/login/redeem", url.origin()), &[], &body.to_string());
    lead(browser, &url.origin(), given.as_ref().ok().and_then(|given| given.bind.as_deref()));
    let login = given?.keep(&url)?;
    eprintln!(
        "signed in as {} ({}) until {}\nhint: for aws, boto3 and rclone write `credential_process = cordon credentials` into ~/.aws/config",
        login.name.as_deref().unwrap_or("no name"),
        login.principal,
        written(login.key.expires())
    );
    match handed::fetch(&login) {
        Ok(fetched) => eprintln!("{}", fetched.told()),
        Err(failure) => eprintln!("warning: scans here do not know what the vault knows: {failure}"),
    }
    Ok(Exit::Clean)
}

/// What this machine says of itself.
fn claimed() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain = |sign: &char| sign.is_ascii_alphanumeric() || "-._".contains(*sign);
    name.chars().filter(plain).take(64).collect()
}

fn query(request: &LoginRequest, proof: &str) -> String {
    let LoginRequest { port, challenge, state, claimed } = request;
    // None of these holds a sign that an address would have to encode.
    format!("port={port}&challenge={challenge}&state={state}&claimed={claimed}&proof={proof}")
}

fn opened(address: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = std::process::Stdio::null;
    let started =
        std::process::Command::new(program).arg(address).stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    started.is_ok_and(|status| status.success())
}

/// Waits for the browser to bring the code. Whatever else knocks is sent away. Returns the browser, too: it waits.
fn code_for(listener: &TcpListener, state: &str) -> Result<(String, TcpStream), Failure> {
    let late = || Failure::denied("nobody allowed it in the browser in time", "run `cordon login` again");
    let until = Instant::now() + Duration::from_secs(LOGIN_S);
    listener.set_nonblocking(true).map_err(|error| Failure::internal(error.to_string()))?;
    while Instant::now() < until {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Some(code) = brought(&stream, state, until) {
                    return Ok((code, stream));
                }
                answer(stream, "404 Not Found", "", "There is nothing here.");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Err(late())
}

fn brought(mut stream: &TcpStream, state: &str, until: Instant) -> Option<String> {
    stream.set_nonblocking(false).ok()?;
    let until = until.min(Instant::now() + Duration::from_secs(LOGIN_HEAD_S));
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < LOGIN_HEAD_BYTES_MAX {
        // Whoever sends byte by byte has no more time than others.
        let left = until.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left).filter(|left| !left.is_zero())).ok()?;
        let mut chunk = [0; 1024];
        let read = if left.is_zero() { 0 } else { stream.read(&mut chunk).ok()? };
        head.extend(chunk.iter().take(read));
        if read == 0 {
            break;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let line = head.lines().next().unwrap_or_default();
    let target = line.strip_prefix("GET /?").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let field = |name: &str| target.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    field("code").filter(|_| field("state") == Some(state)).map(str::to_owned)
}

/// Leads the browser back, where its own session is bound to this device; or says that it is done.
fn lead(browser: TcpStream, origin: &str, bind: Option<&str>) {
    let text = "This is done. Close this page and go back to the command line.";
    match bind {
        Some(code) => answer(browser, "303 See Other", &format!("location: {origin}/login/bind?code={code}\r\n"), text),
        None => answer(browser, "200 OK", "", text),
    }
}

fn answer(mut stream: TcpStream, status: &str, header: &str, text: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{header}content-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    // What was brought is here, whether or not the browser reads on.
    let _ = stream.write_all(answer.as_bytes());
}
