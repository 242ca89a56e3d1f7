//! Worker processes: the same binary, started when the first document needs one, without keys, network or files,
//! bounded in memory and time, killed at the deadline.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cordon_extract::{Document, Format};
use rustix::event::{PollFd, PollFlags, poll};

use crate::limits::{FRAME_BYTES_MAX, WORKER_DEADLINE_S};

/// The argument that makes the binary a worker.
pub const WORKER_ARGUMENT: &str = "extraction-worker";

/// Owns one worker process; starts another after one was killed.
#[derive(Debug)]
pub struct Worker {
    program: PathBuf,
    child: Option<Child>,
    deadline: Duration,
}

impl Worker {
    /// Names the program to start; nothing runs yet.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, child: None, deadline: Duration::from_secs(WORKER_DEADLINE_S) }
    }

    /// Shortens the deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Takes the text and files out of a document in the worker.
    ///
    /// # Errors
    ///
    /// The document does not parse, or the worker stalled or died on it; the text says which.
    pub fn document(&mut self, format: Format, bytes: &[u8]) -> Result<Document, String> {
        match self.exchange(format, bytes) {
            Ok(answer) => answer,
            Err(error) => {
                self.stop();
                Err(match error.kind() {
                    io::ErrorKind::TimedOut => {
                        format!("{} took longer than {} s to parse; given up", format.as_str(), self.deadline.as_secs())
                    }
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                        format!("the parser of {} gave up on it (memory, time or a fault)", format.as_str())
                    }
                    _ => format!("the worker for {} failed: {error}", format.as_str()),
                })
            }
        }
    }

    fn exchange(&mut self, format: Format, bytes: &[u8]) -> io::Result<Result<Document, String>> {
        if self.child.is_none() {
            self.child = Some(self.start()?);
        }
        let child = self.child.as_mut().ok_or_else(|| io::Error::other("no worker"))?;
        let (Some(input), Some(output)) = (child.stdin.as_mut(), child.stdout.as_mut()) else {
            return Err(io::Error::other("no pipes"));
        };
        write_frame(input, format.as_str().as_bytes())?;
        write_frame(input, bytes)?;
        input.flush()?;
        let mut timed = Timed { inner: output, until: Instant::now() + self.deadline };
        read_answer(&mut timed)
    }

    fn start(&self) -> io::Result<Child> {
        start(&self.program, WORKER_ARGUMENT)
    }

    fn stop(&mut self) {
        stop(&mut self.child);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the program as a worker of a kind: with pipes, and nothing of this process.
pub(crate) fn start(program: &Path, argument: &str) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg(argument).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Ends a worker, if there is one.
pub(crate) fn stop(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // It may have ended itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Reads from a pipe, but not beyond a moment.
pub(crate) struct Timed<'a> {
    pub(crate) inner: &'a mut std::process::ChildStdout,
    pub(crate) until: Instant,
}

/// Waits until a pipe can be read from, or written to, but not for longer than `limit`. Tells whether it can.
pub(crate) fn ready(pipe: impl AsFd, flags: PollFlags, limit: Duration) -> io::Result<bool> {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = rustix::time::Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&pipe, flags)], Some(&timeout)) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        match !left.is_zero() && ready(&*self.inner, PollFlags::IN, left)? {
            true => self.inner.read(buffer),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Serves documents from `input` to `output` until the input ends. The caller has locked itself in before.
///
/// # Errors
///
/// The pipes broke.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    loop {
        let name = match read_frame(input, FRAME_BYTES_MAX) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = read_frame(input, FRAME_BYTES_MAX)?;
        let format =
            Format::from_name(&String::from_utf8_lossy(&name)).ok_or_else(|| io::Error::other("unknown format"))?;
        // A parser that is not ours may panic: that is its failure on this document, not ours on the scan.
        let parsed = std::panic::catch_unwind(|| cordon_extract::document(format, &bytes));
        let answer = match parsed {
            Ok(Ok(document)) => Ok(document),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("the parser of {} failed on it", format.as_str())),
        };
        write_answer(output, &answer)?;
        output.flush()?;
    }
}

pub(crate) fn write_frame(output: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    output.write_all(&(bytes.len() as u64).to_le_bytes())?;
    output.write_all(bytes)
}

fn read_number(input: &mut impl Read) -> io::Result<u64> {
    let mut number = [0; 8];
    input.read_exact(&mut number)?;
    Ok(u64::from_le_bytes(number))
}

/// Reads a frame of at most `most` bytes.
pub(crate) fn read_frame(input: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let len = read_number(input)?;
    if len > most {
        return Err(io::Error::other("a frame beyond the bound"));
    }
    let mut bytes = Vec::new();
    if input.take(len).read_to_end(&mut bytes)? as u64 == len {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn write_answer(output: &mut impl Write, answer: &Result<Document, String>) -> io::Result<()> {
    match answer {
        Err(reason) => {
            output.write_all(&0u64.to_le_bytes())?;
            write_frame(output, reason.as_bytes())
        }
        Ok(document) => {
            output.write_all(&1u64.to_le_bytes())?;
            let texts = document.texts.iter().map(|(name, text)| (name.as_bytes(), text.as_bytes()));
            let files = document.files.iter().map(|(name, bytes)| (name.as_slice(), bytes.as_slice()));
            let skipped = document.skipped.iter().map(|reason| (reason.as_bytes(), &b""[..]));
            for list in [texts.collect::<Vec<_>>(), files.collect(), skipped.collect()] {
                output.write_all(&(list.len() as u64).to_le_bytes())?;
                for (name, bytes) in list {
                    write_frame(output, name)?;
                    write_frame(output, bytes)?;
                }
            }
            Ok(())
        }
    }
}

fn read_answer(input: &mut impl Read) -> io::Result<Result<Document, String>> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if read_number(input)? == 0 {
        return Ok(Err(text(read_frame(input, FRAME_BYTES_MAX)?)));
    }
    let mut list = || -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let count = read_number(input)?;
        (0..count).map(|_| Ok((read_frame(input, FRAME_BYTES_MAX)?, read_frame(input, FRAME_BYTES_MAX)?))).collect()
    };
    let texts = list()?.into_iter().map(|(name, bytes)| (text(name), text(bytes))).collect();
    let files = list()?;
    let skipped = list()?.into_iter().map(|(reason, _)| text(reason)).collect();
    Ok(Ok(Document { texts, files, skipped }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_survive_the_pipe() {
        let document = Document {
            texts: vec![("a".into(), "b".into())],
            files: vec![(b"f".to_vec(), vec![0, 255])],
            skipped: vec!["why".into()],
        };
        for answer in [Ok(document), Err("no".to_owned())] {
            let mut wire = Vec::new();
            write_answer(&mut wire, &answer).expect("memory");
            assert_eq!(read_answer(&mut wire.as_slice()).expect("an answer"), answer);
        }
    }

    /// A parser that never answers, and one that dies: both are given up, and said to be.
    #[test]
    fn a_worker_that_stalls_or_dies_is_given_up() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        for (body, reason) in [("exec sleep 60", "took longer"), ("exit 1", "gave up")] {
            let program = folder.path().join("worker");
            std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).expect("a program");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a mode");
            let started = Instant::now();
            let mut worker = Worker::new(program).with_deadline(Duration::from_millis(300));
            let error = worker.document(Format::Pdf, b"%PDF-").expect_err("no answer");
            assert!(error.contains(reason), "{error}");
            assert!(started.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn a_worker_parses_and_refuses() {
        let mut input = Vec::new();
        for (format, bytes) in [("html", &b"<p>a</p>"[..]), ("pdf", b"nonsense")] {
            write_frame(&mut input, format.as_bytes()).expect("memory");
            write_frame(&mut input, bytes).expect("memory");
        }
        let mut output = Vec::new();
        serve(&mut input.as_slice(), &mut output).expect("two answers");
        let mut rest = output.as_slice();
        assert_eq!(read_answer(&mut rest).expect("an answer").expect("a document").texts[0].1, "\na\n");
        assert!(read_answer(&mut rest).expect("an answer").is_err());
    }
}
