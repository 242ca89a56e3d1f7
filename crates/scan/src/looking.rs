//! Looking into what the vault takes in: all of it, containers and documents among it, in a worker process that has no keys,
//! no files and no network.
//!
//! On the wire: first a frame with what is to be recognised. Then for each version a frame with what is asked and the name,
//! frames with the bytes, an empty one at the end; one answer, in CBOR, which may come before the end when what follows is not
//! looked at. Where a source breaks off, its worker is ended.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cordon_domain::inspection::{Found, Looked};
use cordon_domain::{Codeword, Confidence, Finding, IdKey, Kind, Knowledge, Seen, Today};
use cordon_inspect::{Codename, Config, Engine, Index, Known, Printer};
use rustix::event::PollFlags;

use crate::fingerprints::{Maker, Printed, is_own_text};
use crate::limits::{
    ANSWER_LOOKED_BYTES_MAX, LOOK_DEADLINE_S, LOOK_PIECE_BYTES, LOOKER_BYTES_MAX, NAME_BYTES_MAX, TOLD_BYTES_MAX,
};
use crate::reader::{Origin, Reader, Sink};
use crate::tally::Tally;
use crate::worker::{self, Timed, read_frame, ready, write_frame};

/// The argument that makes the binary such a worker.
pub const LOOKER_ARGUMENT: &str = "inspection-worker";

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The bytes could not be read.
    #[error("what is looked into cannot be read: {0}")]
    Source(io::Error),
    /// The worker stalled or died.
    #[error("the inspection worker gave up: {0}")]
    Worker(io::Error),
    /// There is none, and none can be started.
    #[error("no inspection worker can be started: {0}")]
    Start(io::Error),
}

/// Owns one worker process; starts another after one was killed, or had enough.
#[derive(Debug)]
pub struct Looker {
    program: PathBuf,
    child: Option<Child>,
    deadline: Duration,
    /// Bytes that the worker has taken.
    taken: u64,
    /// What the worker recognises.
    told: Option<Arc<Told>>,
}

/// What workers are to recognise, as they are told it.
pub struct Told(Vec<u8>);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told(redacted)")
    }
}

impl Told {
    /// Writes it down, once for all workers.
    #[must_use]
    pub fn new(knowledge: &Knowledge) -> Arc<Self> {
        Arc::new(Self(minicbor::to_vec(knowledge).unwrap_or_default()))
    }
}

/// What is looked into, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Whether it is to be told by what copies of it are recognised.
    pub prints: bool,
    /// What is to be recognised in it.
    pub told: &'a Arc<Told>,
}

impl Looker {
    /// Names the program to start; nothing runs yet.
    #[must_use]
    pub const fn new(program: PathBuf) -> Self {
        Self { program, child: None, deadline: Duration::from_secs(LOOK_DEADLINE_S), taken: 0, told: None }
    }

    /// Shortens the time within which a worker must take what is sent, and answer.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Looks into all of `source`.
    ///
    /// # Errors
    ///
    /// [`LookError`]; the worker is gone then if it was its fault, and the next look starts another.
    pub fn look(&mut self, asked: Asked<'_>, source: &mut dyn Read) -> Result<Seen, LookError> {
        let knows = self.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, asked.told));
        if self.taken > LOOKER_BYTES_MAX || !knows {
            self.stop();
        }
        let outcome = self.exchange(asked, source);
        // One that waits for the rest of what broke off has seen half of something.
        if matches!(outcome, Err(LookError::Worker(_) | LookError::Source(_))) {
            self.stop();
        }
        outcome
    }

    fn exchange(&mut self, asked: Asked<'_>, source: &mut dyn Read) -> Result<Seen, LookError> {
        let begins = self.child.is_none();
        if begins {
            self.child = Some(self.start().map_err(LookError::Start)?);
            (self.taken, self.told) = (0, Some(Arc::clone(asked.told)));
        }
        let pipes = self.child.as_mut().and_then(|child| Some((child.stdin.as_mut()?, child.stdout.as_mut()?)));
        let Some((input, output)) = pipes else { return Err(LookError::Worker(io::Error::other("no pipes"))) };
        let mut input = Patient { input, deadline: self.deadline };
        if begins {
            write_frame(&mut input, &asked.told.0).map_err(LookError::Worker)?;
        }
        let cut = asked.name.floor_char_boundary(NAME_BYTES_MAX);
        let name = asked.name.get(..cut).unwrap_or_default();
        let head = [&[u8::from(asked.prints)], name.as_bytes()].concat();
        write_frame(&mut input, &head).map_err(LookError::Worker)?;
        let mut buffer = vec![0; LOOK_PIECE_BYTES];
        // What is not looked at is not read, either.
        while !ready(&*output, PollFlags::IN, Duration::ZERO).map_err(LookError::Worker)? {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.taken += count as u64;
                    let piece = buffer.get(..count).unwrap_or_default();
                    write_frame(&mut input, piece).map_err(LookError::Worker)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LookError::Source(error)),
            }
        }
        input.write_all(&0u64.to_le_bytes()).map_err(LookError::Worker)?;
        self.answer().map_err(LookError::Worker)
    }

    fn answer(&mut self) -> io::Result<Seen> {
        let output = self.child.as_mut().and_then(|child| child.stdout.as_mut());
        let output = output.ok_or_else(|| io::Error::other("no pipes"))?;
        let mut timed = Timed { inner: output, until: Instant::now() + self.deadline };
        let bytes = read_frame(&mut timed, ANSWER_LOOKED_BYTES_MAX)?;
        Seen::read(&bytes).ok_or_else(|| io::Error::other("an answer that is none"))
    }

    fn start(&self) -> io::Result<Child> {
        let child = worker::start(&self.program, LOOKER_ARGUMENT)?;
        if let Some(input) = &child.stdin {
            rustix::io::ioctl_fionbio(input, true)?;
        }
        Ok(child)
    }

    /// Ends the worker: the next look is by another, which has seen nothing else.
    pub fn stop(&mut self) {
        worker::stop(&mut self.child);
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes into a pipe that does not block, and waits for it no longer than a deadline.
struct Patient<'a> {
    input: &'a mut ChildStdin,
    deadline: Duration,
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.input.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !ready(self.input.as_fd(), PollFlags::OUT, self.deadline)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of one version, as frames bring them.
struct Frames<'a, R> {
    input: &'a mut R,
    /// Bytes left of the frame at hand.
    left: u64,
    ended: bool,
}

impl<R: Read> Read for Frames<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            let mut number = [0; 8];
            self.input.read_exact(&mut number)?;
            match u64::from_le_bytes(number) {
                0 => self.ended = true,
                length => self.left = length,
            }
        }
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// What was found so far.
#[derive(Default)]
struct Finds<'a> {
    seen: Mutex<(Seen, u32)>,
    /// Makes that by which copies are recognised, if that is wanted.
    maker: Option<&'a Maker>,
    /// The version itself is weights.
    is_weights: AtomicBool,
}

impl Sink for Finds<'_> {
    fn take(&self, finding: Finding) {
        let Some(level) = finding.least_level() else { return };
        let Ok(mut all) = self.seen.lock() else { return };
        let Finding { kind, rule, location, excerpt, detail, .. } = finding;
        let depth = u8::try_from(location.path.len().saturating_sub(1)).unwrap_or(u8::MAX);
        self.is_weights.fetch_or(kind == Kind::Weights && depth == 0, Ordering::Relaxed);
        // Known documents are called by their versions here.
        let of = excerpt.split('`').nth(1).filter(|_| kind == Kind::Copy).and_then(|name| name.parse().ok());
        // As are projects of codenames by those.
        let project = detail.as_deref().and_then(|detail| detail.rsplit(' ').next());
        let named = project.filter(|_| kind == Kind::Codename).and_then(|name| name.parse().ok());
        if kind == Kind::Copy && of.is_none() || kind == Kind::Codename && named.is_none() {
            // What it holds decides who may read it.
            all.0.looked.unread += 1;
        }
        all.0.looked.add(Found {
            kind,
            rule: rule.into_owned(),
            level,
            line: location.line,
            column: location.column,
            bytes: location.byte_end.saturating_sub(location.byte_start),
            depth,
            of,
            named,
        });
    }

    fn shown(&self, origin: &Origin, text: &[u8]) {
        let Some(maker) = self.maker else { return };
        let part = origin.path.get(1..).and_then(|inner| inner.last());
        if part.is_some_and(|part| !is_own_text(&String::from_utf8_lossy(part))) {
            return;
        }
        let Ok(mut all) = self.seen.lock() else { return };
        let (Seen { prints, is_common, .. }, begun) = &mut *all;
        // What a container holds beside text is not seen here.
        let (first, is_whole) = (prints.is_none(), origin.path.len() == 1);
        let prints = prints.get_or_insert_default();
        let before = prints.len();
        let Printed { bytes: length, common } =
            maker.prints(text, |hash, at| prints.push(hash, begun.saturating_add(at)));
        // Of nothing but what is common, no passage is its own.
        *is_common = (first || *is_common) && is_whole && common > 0 && prints.len() == before;
        *begun = begun.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
    }
}

/// Looks into what comes on `input` and answers on `output`, until the input ends. The caller has locked itself in before.
///
/// # Errors
///
/// The pipes broke.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let told = read_frame(input, TOLD_BYTES_MAX)?;
    let knowledge: Knowledge = minicbor::decode(&told).map_err(io::Error::other)?;
    drop(told);
    let key = knowledge.key;
    let maker = LazyLock::new(|| Maker::of(Printer::new(key)));
    let engine = engine(knowledge);
    loop {
        let head = match read_frame(input, NAME_BYTES_MAX as u64 + 1) {
            Ok(head) => head,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let (wants, name) = head.split_first().ok_or_else(|| io::Error::other("a name that is none"))?;
        let maker = (*wants > 0).then(|| &*maker);
        let mut frames = Frames { input, left: 0, ended: false };
        let seen = looked_into(&engine, maker, name, &mut frames);
        let answer = minicbor::to_vec(&seen).map_err(io::Error::other)?;
        write_frame(output, &answer)?;
        output.flush()?;
        let mut rest = [0; 64 << 10];
        while !frames.ended {
            match frames.read(&mut rest) {
                // Whoever said that the source broke off knows.
                Err(error) if error.kind() != io::ErrorKind::ConnectionAborted => return Err(error),
                _ => {}
            }
        }
    }
}

fn engine(knowledge: Knowledge) -> Engine {
    let today = Today(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64));
    let printer = Printer::new(knowledge.key);
    let known = |known: cordon_domain::Known| Known {
        name: known.version.to_string(),
        level: known.level,
        project: String::new(),
        prints: known.prints.iter().collect(),
    };
    let index = Index::new(knowledge.documents.into_iter().map(known).collect());
    let codename = |word: Codeword| Codename {
        name: word.name,
        project: word.id.to_string(),
        level: word.label.level,
        near: Vec::new(),
    };
    Engine::new(Config {
        rules: Vec::new(),
        codenames: knowledge.names.into_iter().map(codename).collect(),
        copies: vec![(index, printer)],
        // Identifiers of findings go nowhere.
        id_key: IdKey::new([0; 32]),
        today,
        floor: Confidence::Medium,
    })
}

fn looked_into(engine: &Engine, maker: Option<&Maker>, name: &[u8], source: &mut dyn Read) -> Seen {
    let (tally, finds) = (Tally::default(), Finds { maker, ..Finds::default() });
    // A parser that is not ours may panic: what it panics over is not read.
    let mut reader = Reader::new(engine, &tally, &finds, None, false);
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reader.incoming(&Origin::file(name), source);
    }));
    // What was found before counts.
    reader.flush();
    let unread = Tally::get(&tally.skipped) + u64::from(read.is_err());
    let (seen, _) = finds.seen.into_inner().unwrap_or_default();
    // Names of tensors stand in many weights.
    let is_weights = finds.is_weights.into_inner();
    let prints = maker.map(|_| seen.prints.filter(|_| !is_weights).unwrap_or_default());
    let is_common = !is_weights && seen.is_common;
    Seen { looked: Looked { unread: unread + seen.looked.unread, ..seen.looked }, prints, is_common }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cordon_domain::{Kind, Level, Prints};

    /// What a worker answers to versions, one after the other.
    fn answers(versions: &[(&str, &[u8])]) -> Vec<Looked> {
        seen(&Knowledge::default(), false, versions).into_iter().map(|seen| seen.looked).collect()
    }

    fn seen(knowledge: &Knowledge, prints: bool, versions: &[(&str, &[u8])]) -> Vec<Seen> {
        let mut wire = Vec::new();
        write_frame(&mut wire, &minicbor::to_vec(knowledge).expect("encodes")).expect("memory");
        for (name, bytes) in versions {
            write_frame(&mut wire, &[&[u8::from(prints)], name.as_bytes()].concat()).expect("memory");
            for piece in bytes.chunks(1000) {
                write_frame(&mut wire, piece).expect("memory");
            }
            wire.extend_from_slice(&0u64.to_le_bytes());
        }
        let mut output = Vec::new();
        serve(&mut wire.as_slice(), &mut output).expect("answers");
        let mut rest = output.as_slice();
        let one = |_| Seen::read(&read_frame(&mut rest, ANSWER_LOOKED_BYTES_MAX).expect("a frame")).expect("an answer");
        versions.iter().map(one).collect()
    }

    #[test]
    fn what_is_found_is_told_by_rule_and_place() {
        let marked = b"# Plan\n\nCompany confidential: do not distribute.\n".repeat(3);
        let plain = b"Nothing to see here, at all.\n".repeat(5000);
        let looked = answers(&[("plan.md", &marked), ("plain.txt", &plain), ("empty", b"")]);
        let found = looked[0].found.first().expect("a marking");
        assert_eq!((found.kind, found.level, found.line, found.depth), (Kind::Marking, Level::Confidential, 3, 0));
        assert!(looked[1].is_clean() && looked[2].is_clean(), "{looked:?}");
    }

    /// Sentences that stand nowhere else, from a seed.
    fn prose(seed: u64, words: usize) -> String {
        let mut state = seed;
        let word = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("w{:06x}", state >> 40)
        };
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_copy_is_recognised_by_what_was_told_of_its_original() {
        let (plan, other) = (prose(1, 400), prose(2, 400));
        let key = [7; 16];
        let learnt =
            seen(&Knowledge { key, ..Knowledge::default() }, true, &[("plan.md", plan.as_bytes()), ("tiny", b"x")]);
        let prints = |seen: &Seen| seen.prints.clone().expect("wanted");
        assert!(prints(&learnt[0]).len() > 30 && prints(&learnt[1]).is_empty(), "{learnt:?}");
        let version = cordon_domain::VersionId([5; 16]);
        let known = cordon_domain::Known { version, level: Level::Restricted, prints: prints(&learnt[0]) };
        let knowledge = Knowledge { key, documents: vec![known], names: Vec::new() };
        let (part, long) = (&plan[800..1600], format!("{}\n{plan}\n{}", prose(3, 300_000), prose(4, 300_000)));
        let mixed = format!("{other}\n\n{}\n", part.to_uppercase());
        let asked = [("a", plan.as_bytes()), ("b", mixed.as_bytes()), ("c", other.as_bytes()), ("d", long.as_bytes())];
        let looked = seen(&knowledge, false, &asked);
        let of = |seen: &Seen| seen.looked.found.first().map(|found| (found.kind, found.level, found.of));
        let copy = Some((Kind::Copy, Level::Restricted, Some(version)));
        assert_eq!(looked.iter().map(of).collect::<Vec<_>>(), [copy, copy, None, copy]);
        assert!(looked.iter().all(|seen| seen.prints.is_none()), "nobody wanted them");
        let other_key = seen(&Knowledge { key: [8; 16], ..knowledge }, false, &asked);
        assert!(other_key.iter().all(|seen| seen.looked.is_clean()));
        let hashes = |seen: &Seen| prints(seen).iter().map(|(hash, _)| hash).collect::<Vec<_>>();
        let again = seen(&Knowledge { key, ..Knowledge::default() }, true, &[("other name.txt", plan.as_bytes())]);
        assert_eq!(hashes(&again[0]), hashes(&learnt[0]));
    }

    #[test]
    fn a_codename_is_found_however_it_is_written_and_told_by_its_identifier() {
        let word = |number: u8, name: &str, level| Codeword {
            id: cordon_domain::CodenameId([number; 16]),
            name: name.to_owned(),
            label: cordon_domain::Label::of(level),
        };
        let names = vec![word(1, "Glass Heron", Level::Restricted), word(2, "Opal", Level::Internal)];
        let knowledge = Knowledge { names, ..Knowledge::default() };
        let asked: [(&str, &[u8]); 4] = [
            ("a.md", b"The glass-heron ships in spring."),
            ("b.py", b"import os\nrun_gl4ss_her0n(os)\n"),
            ("c.txt", b"An opal and a heron made of glass."),
            ("d.txt", b"A heron stands in the water."),
        ];
        let named = |seen: &Seen| seen.looked.named().map(|id| id.0[0]).collect::<Vec<_>>();
        let looked = seen(&knowledge, false, &asked);
        assert_eq!(looked.iter().map(named).collect::<Vec<_>>(), [vec![1], vec![1], vec![2], vec![]]);
        let first = &looked[0].looked.found[0];
        assert_eq!((first.kind, first.level, first.line), (Kind::Codename, Level::Restricted, 1));
        assert!(looked.iter().all(|seen| seen.looked.unread == 0), "{looked:?}");
        let answer = format!("{looked:?}").to_lowercase();
        assert!(!answer.contains("glass") && !answer.contains("opal"), "an answer names nothing: {answer}");
    }

    #[test]
    fn licences_and_weights_are_recognised_by_nothing() {
        let licence = spdx::license_id("BSD-3-Clause").expect("a known licence").text();
        let head = format!(
            "{{\"w\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}},\"__metadata__\":{{\"of\":\"{}\"}}}}",
            prose(9, 99)
        );
        let weights = [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &[0; 4]].concat();
        let mut packed = tar("LICENSE", licence.as_bytes());
        packed.truncate(packed.len() - 1024);
        packed.extend(tar("image", &[0xff; 900]));
        let asked: [(&str, &[u8]); 3] =
            [("LICENSE", licence.as_bytes()), ("model.safetensors", &weights), ("both.tar", &packed)];
        let learnt = seen(&Knowledge::default(), true, &asked);
        assert!(learnt.iter().all(|seen| seen.prints.as_ref().is_some_and(Prints::is_empty)), "{learnt:?}");
        assert_eq!(learnt.iter().map(|seen| seen.is_common).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(learnt[1].looked.found[0].kind, Kind::Weights);
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_what_is_inside_is_found() {
        let torn = [b"PK\x03\x04".as_slice(), &[7; 200]].concat();
        let tar = tar("plan.txt", b"Company confidential: do not distribute.\n");
        let sealed = b"age-encryption.org/v1\n-> X25519 aaaa\n--- mac\n\x01\x02";
        let armoured = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA2==\n-----END PGP MESSAGE-----\n";
        let looked = answers(&[("a.zip", &torn), ("a.tar", &tar), ("a.age", sealed), ("a.asc", armoured)]);
        assert!(looked[0].unread > 0 && looked[2].unread == 1 && looked[3].unread == 1, "{looked:?}");
        assert_eq!(looked[1].found.first().map(|found| (found.kind, found.depth)), Some((Kind::Marking, 1)));
    }

    /// An archive of one file.
    fn tar(name: &str, text: &[u8]) -> Vec<u8> {
        let (mut tar, mut header) = (Vec::new(), [0u8; 512]);
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[263..265].copy_from_slice(b"00");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(text);
        tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
        tar
    }

    /// What a worker is told first, when there is nothing to recognise.
    fn begun() -> Vec<u8> {
        let mut wire = Vec::new();
        write_frame(&mut wire, &minicbor::to_vec(Knowledge::default()).expect("encodes")).expect("memory");
        wire
    }

    #[test]
    fn of_weights_the_tensors_are_not_asked_for() {
        let head = br#"{"w":{"dtype":"F32","shape":[1048576],"data_offsets":[0,4194304]}}"#;
        let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(head);
        bytes.resize(32 << 20, 0x41);
        let mut wire = begun();
        write_frame(&mut wire, b"\0model.safetensors").expect("memory");
        write_frame(&mut wire, &bytes).expect("memory");
        wire.extend_from_slice(&0u64.to_le_bytes());
        let mut output = Vec::new();
        serve(&mut wire.as_slice(), &mut output).expect("answers");
        let answer = read_frame(&mut output.as_slice(), ANSWER_LOOKED_BYTES_MAX).expect("a frame");
        let looked = Seen::read(&answer).expect("an answer").looked;
        assert_eq!(looked.found.first().map(|found| found.kind), Some(Kind::Weights), "{looked:?}");
    }

    /// A worker that takes nothing, one that never answers, one that dies, one that says nonsense.
    #[test]
    fn a_worker_that_does_not_do_its_work_is_given_up() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        for (body, length) in [
            ("exec sleep 60", 64 << 20),
            ("exec sleep 60", 10),
            ("exit 1", 10),
            ("printf '\\003\\000\\000\\000\\000\\000\\000\\000abc'; cat > /dev/null", 10),
        ] {
            let program = folder.path().join("worker");
            std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).expect("a program");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a mode");
            let started = Instant::now();
            let mut looker = Looker::new(program).with_deadline(Duration::from_millis(300));
            let asked = Asked { name: "a", prints: false, told: &Told::new(&Knowledge::default()) };
            let error = looker.look(asked, &mut io::repeat(7).take(length)).expect_err("no answer");
            assert!(matches!(error, LookError::Worker(_)), "{body}: {error}");
            assert!(started.elapsed() < Duration::from_secs(20), "{body}");
        }
        let program = folder.path().join("worker");
        std::fs::write(&program, "#!/bin/sh\ncat > /dev/null\n").expect("a program");
        let mut looker = Looker::new(program);
        let asked = Asked { name: "a", prints: false, told: &Told::new(&Knowledge::default()) };
        let error = looker.look(asked, &mut io::repeat(7).take(9).chain(Breaks)).expect_err("it breaks off");
        assert!(matches!(error, LookError::Source(_)) && looker.child.is_none(), "{error}: nobody waits for the rest");
    }

    struct Breaks;

    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}
