//! A client of S3 that costs little itself: one connection, requests written by hand, answers read to their end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use cordon_domain::Clock as _;
use cordon_identity::signature::{Covers, Signer, Unsigned};
use cordon_store::edge::SystemClock;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

const BUFFER_BYTES: usize = 1 << 20;

/// What proves who asks, and where.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) host: String,
    pub(super) id: String,
    pub(super) secret: String,
    /// Not every server has one.
    pub(super) token: String,
    /// How a connection is encrypted, where it is.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// What bytes go through.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(room),
            Self::Tls(stream) => stream.read(room),
        }
    }
}

/// A connection.
pub(super) struct Client {
    key: Key,
    stream: Stream,
    buffer: Vec<u8>,
    pub(super) covers_body: bool,
    /// The head of the last answer, in lower case.
    head: String,
}

impl Client {
    pub(super) fn connect(key: &Key) -> Result<Self, String> {
        let stream = TcpStream::connect(&key.host).map_err(|error| format!("{}: {error}", key.host))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let stream = match &key.tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
                let session = ClientConnection::new(Arc::clone(config), name).map_err(|error| error.to_string())?;
                Stream::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Self { key: key.clone(), stream, buffer: vec![0; BUFFER_BYTES], covers_body: false, head: String::new() })
    }

    /// Asks for a path, with its query, and returns how many bytes the answer has. It must be a 2xx.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<u64, String> {
        let covers = if self.covers_body { Covers::Body(body) } else { Covers::Nothing };
        let Key { host, id, secret, token, .. } = &self.key;
        let signer = Signer { access_key: id, secret, token, region: "us-east-1", service: "s3" };
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let asked = Unsigned { query, ..Unsigned::plain(method, host, plain) };
        let headers = signer.sign(&asked, covers, SystemClock.now());
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        let failed = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut whole = head.into_bytes();
        // Short bodies go with the head, as they do in any client.
        if body.len() <= BUFFER_BYTES {
            whole.extend_from_slice(body);
        }
        self.stream.write_all(&whole).map_err(failed)?;
        if body.len() > BUFFER_BYTES {
            self.stream.write_all(body).map_err(failed)?;
        }
        self.answer(&format!("{method} {path}"))
    }

    /// Tells whether an object waits to be inspected, where that is done.
    pub(super) fn is_pending(&mut self, path: &str) -> Result<bool, String> {
        self.ask("HEAD", path, b"")?;
        Ok(self.head.contains("x-amz-meta-cordon-inspection: pending"))
    }

    fn answer(&mut self, what: &str) -> Result<u64, String> {
        let mut filled = 0;
        let head = loop {
            let room = self.buffer.get_mut(filled..).ok_or("a head that is too long")?;
            let read = self.stream.read(room).map_err(|error| format!("{what}: {error}"))?;
            if read == 0 {
                return Err(format!("{what}: the connection ended"));
            }
            filled += read;
            let seen = self.buffer.get(..filled).unwrap_or_default();
            if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let is_chunked = text.contains("transfer-encoding: chunked");
        let had = (filled - head) as u64;
        let bytes = match length {
            _ if what.starts_with("HEAD") => had,
            Some(length) => self.rest(had, length)?,
            None if is_chunked => self.chunks(head, filled)?,
            None => had,
        };
        self.head = text;
        match self.head.get(9..10) {
            Some("2") => Ok(bytes),
            _ => Err(format!("{what}: {}", String::from_utf8_lossy(self.buffer.get(..filled).unwrap_or_default()))),
        }
    }

    fn rest(&mut self, mut had: u64, length: u64) -> Result<u64, String> {
        while had < length {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err("the answer broke off".to_owned()),
                Ok(read) => had += read as u64,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(length)
    }

    /// Answers without a length are short here: to the last chunk, which is empty.
    fn chunks(&mut self, head: usize, mut filled: usize) -> Result<u64, String> {
        while !self.buffer.get(head..filled).unwrap_or_default().ends_with(b"0\r\n\r\n") {
            let room = self.buffer.get_mut(filled..).filter(|room| !room.is_empty()).ok_or("a long answer")?;
            match self.stream.read(room) {
                Ok(0) => return Err("the answer broke off".to_owned()),
                Ok(read) => filled += read,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok((filled - head) as u64)
    }
}
