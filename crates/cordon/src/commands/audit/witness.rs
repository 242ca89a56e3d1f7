//! A small witness: it cosigns checkpoints of the logs that it knows, and none that forks or shrinks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cordon_domain::Clock as _;
use cordon_keys::Secret;
use cordon_ledger::limits::REQUEST_BYTES_MAX;
use cordon_ledger::note::{Algorithm, Signer};
use cordon_ledger::witness::Witness;
use cordon_store::edge::{SystemClock, SystemEntropy};
use cordon_store::providers::{read_secret, write_secret};
use cordon_store::witness::{Reply, WitnessFolder};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::log_key;
use crate::error::Failure;
use crate::exit::Exit;
use crate::installation::{failure, harden};
use crate::limits::{CONNECTIONS_MAX, HEAD_S};

/// What the file of a witness's key begins with.
const KEY_HEAD: &str = "cordon-witness-key-1 ";

/// Run a witness (C2SP tlog-witness) on another host: a log that forks or shrinks gets no cosignature from it.
///
/// The witness's key is made on first use and its public half printed; give that to whoever verifies.
///
/// Example: cordon audit witness --name witness.example/w1 --log-key log.vkey --state witness --listen 127.0.0.1:7448
#[derive(Args)]
#[group(id = "audit-witness-arguments")]
pub(crate) struct Arguments {
    /// The name of the witness's key, as a URL without scheme.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A log's public key, or a file that holds it; may be given several times.
    #[arg(long, value_name = "KEY|FILE", required = true)]
    log_key: Vec<String>,
    /// The folder of what the witness remembers, and of its key.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// Where to listen. Put a server with TLS before it where others can reach it.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7448")]
    listen: SocketAddr,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    harden();
    let logs = arguments.log_key.iter().map(|key| log_key(key)).collect::<Result<Vec<_>, _>>()?;
    let named = |error: cordon_ledger::note::NoteError| Failure::usage(error.to_string(), "give another --name");
    let name = arguments.name.parse().map_err(named)?;
    let seed = seed(&arguments.state)?;
    let signer = Signer::new(name, Algorithm::CosignatureEd25519, &seed).map_err(named)?;
    println!("{}", signer.verifier());
    let memory = arguments.state.join("logs");
    let witness = WitnessFolder::open(Witness::new(signer, logs), memory).map_err(failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::internal(error.to_string()))?;
    runtime.block_on(serve(arguments.listen, Arc::new(witness)))
}

/// Reads the key of the witness, or makes it.
fn seed(state: &Path) -> Result<Secret, Failure> {
    let path = state.join("witness.key");
    std::fs::create_dir_all(state).map_err(|error| {
        Failure::usage(format!("`{}` cannot be made: {error}", state.display()), "give a --state that you may write to")
    })?;
    if path.exists() {
        return read_secret(&path, KEY_HEAD).map_err(failure);
    }
    let secret = Secret::draw(&mut SystemEntropy);
    write_secret(&path, KEY_HEAD, &secret).map_err(failure)?;
    Ok(secret)
}

async fn serve(listen: SocketAddr, witness: Arc<WitnessFolder>) -> Result<Exit, Failure> {
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        Failure::usage(format!("`{listen}` cannot be listened on: {error}"), "give another --listen")
    })?;
    let address = listener.local_addr().map_err(|error| Failure::internal(error.to_string()))?;
    eprintln!("listening on http://{address}");
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(Exit::Clean) };
        let Ok((stream, _)) = listener.accept().await else { continue };
        let witness = Arc::clone(&witness);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&witness)));
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(std::time::Duration::from_secs(HEAD_S));
            // A connection that breaks off concerns nobody else.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    witness: Arc<WitnessFolder>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let path = request.uri().path().to_owned();
    let reply = match (request.method(), path.as_str()) {
        (&Method::POST, "/add-checkpoint") => {
            let body = tokio::time::timeout(
                std::time::Duration::from_secs(HEAD_S),
                Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect(),
            );
            let bytes = body.await.ok().and_then(Result::ok).map(|body| body.to_bytes());
            let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()).unwrap_or_default();
            let unix_s = u64::try_from(SystemClock.now().unix_s()).unwrap_or(0);
            witness.add_checkpoint(&text, unix_s)
        }
        (&Method::GET, path) => match path.trim_start_matches('/').split_once('/') {
            Some((origin_hash, "checkpoint")) => witness.checkpoint(origin_hash),
            _ => Ok(Reply { status: 404, content_type: "text/plain; charset=utf-8", body: String::new() }),
        },
        _ => Ok(Reply { status: 405, content_type: "text/plain; charset=utf-8", body: String::new() }),
    };
    let reply = reply.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        Reply { status: 500, content_type: "text/plain; charset=utf-8", body: String::new() }
    });
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response::builder()
        .status(status)
        .header("Content-Type", reply.content_type)
        .body(Full::new(Bytes::from(reply.body)))
}
