//! Reads one input, opens what it contains, and inspects every text in it.

use std::cell::Cell;
use std::io::{Cursor, Read, SeekFrom};
use std::rc::Rc;

use cordon_domain::{Confidence, Finding, Location, Severity, Space};
use cordon_extract::detect::HEAD_BYTES;
use cordon_extract::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX, ENTRIES_MAX, OUTPUT_BYTES_MAX};
use cordon_extract::{Document, ExtractError, Format, ReadSeek, archive, detect, encrypted, stream};
use cordon_inspect::decode::{ORDER_BYTES, Order};
use cordon_inspect::limits::{OVERLAP_BYTES, PIECE_BYTES};
use cordon_inspect::{Base, Engine, Hints, Identity, Match, Piece, Scratch, Trace, decode, weights_format};

use crate::kept::{Kept, Key, Record};
use crate::limits::{HELD_FINDINGS_MAX, WHOLE_BYTES_MAX};
use crate::tally::Tally;
use crate::wide::Wide;
use crate::worker::Worker;

/// Where a text comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The outermost path, then entries within.
    pub path: Vec<Vec<u8>>,
    /// The git object, in hex.
    pub blob: Option<String>,
    /// Anyone can fetch it.
    pub exposed: bool,
}

impl Origin {
    /// A file.
    #[must_use]
    pub fn file(path: &[u8]) -> Self {
        Self { path: vec![path.to_vec()], ..Self::default() }
    }

    fn within(&self, name: &[u8]) -> Self {
        let mut inner = self.clone();
        inner.path.push(name.to_vec());
        inner
    }

    /// The path as one text, entries behind `!`.
    #[must_use]
    pub fn display(&self) -> Vec<u8> {
        if self.path.is_empty() {
            return self.blob.clone().unwrap_or_default().into_bytes();
        }
        self.path.join(&b'!')
    }
}

/// Tells whether the head of `text` holds what no text does.
fn is_binary(text: &[u8]) -> bool {
    memchr::memchr(0, text.get(..text.len().min(8 << 10)).unwrap_or_default()).is_some()
}

/// Takes findings as they come.
pub trait Sink: Sync {
    /// Takes one finding.
    fn take(&self, finding: Finding);

    /// Is shown each piece of text that is looked into, in its order.
    fn shown(&self, _origin: &Origin, _text: &[u8]) {}
}

/// What remains of the bounds for one outermost input; all that it contains counts down the same numbers.
#[derive(Clone, Debug)]
struct Budget {
    entries: Rc<Cell<u64>>,
    bytes: Rc<Cell<u64>>,
}

impl Budget {
    fn new() -> Self {
        Self { entries: Rc::new(Cell::new(ENTRIES_MAX)), bytes: Rc::new(Cell::new(OUTPUT_BYTES_MAX)) }
    }

    /// Takes one entry of `bytes`; tells whether there was enough left.
    fn take(&self, bytes: u64) -> bool {
        match (self.entries.get().checked_sub(1), self.bytes.get().checked_sub(bytes)) {
            (Some(entries), Some(left)) if left > 0 => {
                self.entries.set(entries);
                self.bytes.set(left);
                true
            }
            _ => false,
        }
    }
}

/// Reads inputs on one thread.
pub struct Reader<'a> {
    engine: &'a Engine,
    shared: &'a Tally,
    sink: &'a dyn Sink,
    kept: Option<&'a Kept>,
    /// What the input at hand gave so far.
    tally: Tally,
    found: Vec<Finding>,
    is_overfull: bool,
    /// Under what it will be kept.
    key: Option<Key>,
    worker: Option<Worker>,
    scratch: Scratch,
    matches: Vec<Match>,
    buffer: Vec<u8>,
    allow_inline: bool,
}

impl<'a> Reader<'a> {
    /// Makes a reader. `worker` parses documents with parsers that are not ours; without one they are parsed here.
    #[must_use]
    pub fn new(
        engine: &'a Engine,
        tally: &'a Tally,
        sink: &'a dyn Sink,
        worker: Option<Worker>,
        allow_inline: bool,
    ) -> Self {
        Self {
            engine,
            shared: tally,
            sink,
            kept: None,
            tally: Tally::default(),
            found: Vec::new(),
            is_overfull: false,
            key: None,
            worker,
            scratch: Scratch::default(),
            matches: Vec::new(),
            buffer: Vec::new(),
            allow_inline,
        }
    }

    /// Keeps findings for the next run.
    #[must_use]
    pub fn keeping(self, kept: Option<&'a Kept>) -> Self {
        Self { kept, ..self }
    }

    /// Reports what the last run found in the input of `key`, and tells whether it knew it. If not, what the next input
    /// gives is kept under the key.
    pub fn recall(&mut self, key: Option<Key>, origin: &Origin) -> bool {
        self.key = None;
        let (Some(kept), Some(key)) = (self.kept, key) else { return false };
        let record = kept.recall(&key);
        let known = record.and_then(|record| {
            let findings = record.findings(self.engine, &origin.path, origin.blob.as_deref())?;
            Some((record, findings))
        });
        let Some((record, findings)) = known else {
            self.key = Some(key);
            return false;
        };
        Tally::add(&self.shared.bytes, record.bytes);
        Tally::add(&self.shared.containers, record.containers.into());
        Tally::add(&self.shared.below_floor, record.below_floor.into());
        Tally::add(&self.shared.excluded, record.excluded.into());
        findings.into_iter().for_each(|finding| self.sink.take(finding));
        true
    }

    /// Holds a finding until its input is read to its end.
    fn take(&mut self, finding: Finding) {
        self.found.push(finding);
        if self.found.len() >= HELD_FINDINGS_MAX {
            self.is_overfull = true;
            self.found.drain(..).for_each(|finding| self.sink.take(finding));
        }
    }

    /// Passes on what is held of an input that was not read to its end.
    pub fn flush(&mut self) {
        self.found.drain(..).for_each(|finding| self.sink.take(finding));
        self.shared.absorb(&mut self.tally);
    }

    /// Ends an input: what it gave is kept, if it was read whole, and passed on. `outer` names belong to the input.
    fn end(&mut self, outer: usize) {
        let whole = Tally::get(&self.tally.skipped) == 0 && !std::mem::take(&mut self.is_overfull);
        if let (Some(kept), Some(key)) = (self.kept, self.key.take())
            && whole
        {
            let tally = &self.tally;
            let counts = [&tally.containers, &tally.below_floor, &tally.excluded].map(Tally::get);
            kept.remember(key, Record::new(Tally::get(&tally.bytes), counts, &self.found, outer));
        }
        self.flush();
    }

    /// Reads a file that can be rewound.
    pub fn file(&mut self, origin: &Origin, file: &mut dyn ReadSeek) {
        let budget = Budget::new();
        Tally::add(&self.tally.files, 1);
        let mut buffer = std::mem::take(&mut self.buffer);
        match fill(file, &mut buffer, WHOLE_BYTES_MAX + 1) {
            Ok(whole) => {
                let head = buffer.get(..buffer.len().min(HEAD_BYTES)).unwrap_or_default();
                let name = origin.path.last().map_or(&b""[..], Vec::as_slice);
                let format = detect(head, name);
                match format {
                    Some(Format::Zip) if !whole => self.large_archive(origin, file, &budget),
                    _ if whole => self.bytes(origin, &buffer, 0, &budget, true),
                    _ => self.stream(origin, &mut Cursor::new(&buffer).chain(file), 0, &budget, true),
                }
            }
            Err(error) => self.tally.skip(&origin.display(), reason(&error)),
        }
        self.buffer = buffer;
        self.end(origin.path.len());
    }

    /// Reads what comes and cannot be rewound.
    pub fn incoming(&mut self, origin: &Origin, source: &mut dyn Read) {
        Tally::add(&self.tally.files, 1);
        self.stream(origin, source, 0, &Budget::new(), true);
        self.end(origin.path.len());
    }

    /// Inspects bytes that are all there is of an input.
    pub fn blob(&mut self, origin: &Origin, bytes: &[u8]) {
        let budget = Budget::new();
        self.bytes(origin, bytes, 0, &budget, true);
        self.end(origin.path.len());
    }

    /// Inspects a git object; gives what was learnt of it, if it is plain text. With what was learnt of its base, what
    /// they share is not looked at again.
    pub fn version(&mut self, origin: &Origin, bytes: &[u8], base: Option<Base<'_>>) -> Option<Trace> {
        let head = bytes.get(..bytes.len().min(HEAD_BYTES)).unwrap_or_default();
        let name = origin.path.last().map_or(&b""[..], Vec::as_slice);
        let is_plain = bytes.len() <= WHOLE_BYTES_MAX
            && detect(head, name).is_none()
            && weights_format(bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default()).is_none()
            && encrypted(head).is_none()
            && memchr::memchr(0, head).is_none()
            && decode::utf16(head).is_none();
        if !is_plain {
            self.blob(origin, bytes);
            return None;
        }
        Tally::add(&self.tally.bytes, bytes.len() as u64);
        let place = Place { origin, space: Space::Raw, offset: 0, line: 0, column: 0 };
        let piece = Piece { base, ..Piece::whole(bytes, Hints::default()) };
        let trace = self.piece(&place, piece, 0, &Budget::new());
        self.end(origin.path.len());
        Some(trace)
    }

    /// Zip files too large for memory are read in place: their directory stands at the end.
    fn large_archive(&mut self, origin: &Origin, file: &mut dyn ReadSeek, budget: &Budget) {
        if file.seek(SeekFrom::Start(0)).is_ok() && self.entries(origin, Format::Zip, file, 0, budget) {
            return;
        }
        if file.seek(SeekFrom::Start(0)).is_ok() {
            self.raw(origin, file, 0, budget);
        }
    }

    fn bytes(&mut self, origin: &Origin, bytes: &[u8], depth: u8, budget: &Budget, outermost: bool) {
        let head = bytes.get(..bytes.len().min(HEAD_BYTES)).unwrap_or_default();
        let name = origin.path.last().map_or(&b""[..], Vec::as_slice);
        let format = detect(head, name);
        if let Some(kind) = weights_format(bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default()) {
            self.weights(origin, kind);
        }
        self.encrypted(origin, bytes);
        if outermost {
            Tally::add(&self.tally.bytes, bytes.len() as u64);
        }
        let Some(format) = format else {
            return self.text(origin, bytes, Space::Raw, depth, budget);
        };
        if depth >= DEPTH_MAX {
            self.tally.skip(&origin.display(), format!("nested more than {DEPTH_MAX} deep; searched as it is"));
            return self.text(origin, bytes, Space::Raw, depth, budget);
        }
        Tally::add(&self.tally.containers, 1);
        let read = match format {
            Format::Zip | Format::Tar => self.entries(origin, format, &mut Cursor::new(bytes), depth, budget),
            _ if format.is_stream() => self.unpack(origin, format, bytes, depth, budget),
            _ => self.document(origin, format, bytes, depth, budget),
        };
        if !read || format.is_text_itself() {
            self.text(origin, bytes, Space::Raw, depth, budget);
        }
    }

    /// A stream of unknown length: decided by its beginning, read once.
    fn stream(&mut self, origin: &Origin, reader: &mut dyn Read, depth: u8, budget: &Budget, outermost: bool) {
        let mut head = Vec::new();
        let whole = match fill(reader, &mut head, WHOLE_BYTES_MAX + 1) {
            Ok(whole) => whole,
            Err(error) => {
                self.tally.skip(&origin.display(), reason(&error));
                return self.text(origin, &head, Space::Raw, depth, budget);
            }
        };
        if whole {
            return self.bytes(origin, &head, depth, budget, outermost);
        }
        let name = origin.path.last().map_or(&b""[..], Vec::as_slice);
        let format = detect(head.get(..HEAD_BYTES).unwrap_or_default(), name);
        let weights = weights_format(head.get(..64 << 10).unwrap_or_default());
        if let Some(kind) = weights {
            self.weights(origin, kind);
        }
        if format.is_none() {
            self.encrypted(origin, &head);
        }
        match format {
            Some(Format::Tar) if depth < DEPTH_MAX => {
                Tally::add(&self.tally.containers, 1);
                self.tar(origin, &mut Cursor::new(head).chain(reader), depth, budget);
            }
            Some(format) if format.is_stream() && depth < DEPTH_MAX => {
                Tally::add(&self.tally.containers, 1);
                self.unpack(origin, format, &mut Cursor::new(head).chain(reader), depth, budget);
            }
            Some(Format::Safetensors | Format::Gguf) if weights.is_some() => {
                self.header_only(origin, format, head, reader, budget)
            }
            Some(_) => match fill_more(reader, &mut head, DOCUMENT_BYTES_MAX) {
                Ok(true) => self.bytes(origin, &head, depth, budget, outermost),
                _ => {
                    self.tally.skip(
                        &origin.display(),
                        format!("larger than {} MiB: searched as it is, not opened", DOCUMENT_BYTES_MAX >> 20),
                    );
                    self.raw(origin, &mut Cursor::new(head).chain(reader), depth, budget);
                }
            },
            None => self.raw(origin, &mut Cursor::new(head).chain(reader), depth, budget),
        }
    }

    /// Says of what is encrypted as a whole that it was not read.
    fn encrypted(&mut self, origin: &Origin, bytes: &[u8]) {
        if let Some(format) = encrypted(bytes) {
            self.tally.skip(&origin.display(), ExtractError::Encrypted(format).to_string());
        }
    }

    /// Of weights, the metadata is inspected; tensors are not text.
    fn header_only(
        &mut self,
        origin: &Origin,
        format: Option<Format>,
        mut head: Vec<u8>,
        reader: &mut dyn Read,
        budget: &Budget,
    ) {
        let _ = fill_more(reader, &mut head, cordon_extract::limits::MODEL_HEADER_BYTES_MAX + 16);
        Tally::add(&self.tally.bytes, head.len() as u64);
        match format.map(|format| cordon_extract::document(format, &head)) {
            Some(Ok(document)) => document.texts.iter().for_each(|(name, text)| {
                self.text(&origin.within(name.as_bytes()), text.as_bytes(), Space::Text, DEPTH_MAX, budget)
            }),
            _ => self.tally.skip(&origin.display(), "header of weights that does not parse"),
        }
    }

    /// Returns whether the container parsed.
    fn entries(
        &mut self,
        origin: &Origin,
        format: Format,
        source: &mut dyn ReadSeek,
        depth: u8,
        budget: &Budget,
    ) -> bool {
        let outcome = archive::entries(format, source, &mut |entry| self.entry(origin, entry, depth, budget));
        self.outcome(origin, outcome)
    }

    fn tar(&mut self, origin: &Origin, source: &mut dyn Read, depth: u8, budget: &Budget) -> bool {
        let outcome = archive::tar_entries(source, &mut |entry| self.entry(origin, entry, depth, budget));
        self.outcome(origin, outcome)
    }

    fn outcome(&mut self, origin: &Origin, outcome: Result<(), ExtractError>) -> bool {
        if let Err(error) = &outcome {
            self.tally.skip(&origin.display(), error.to_string());
        }
        outcome.is_ok()
    }

    fn entry(&mut self, origin: &Origin, entry: cordon_extract::Entry<'_>, depth: u8, budget: &Budget) -> bool {
        let inner = origin.within(&entry.name);
        if !budget.take(0) {
            self.tally.skip(&inner.display(), "the bound on entries or bytes of one file is reached");
            return false;
        }
        match entry.content {
            Ok(content) => {
                let mut metered = Metered { inner: content, left: Rc::clone(&budget.bytes) };
                self.stream(&inner, &mut metered, depth + 1, budget, true);
            }
            Err(reason) => self.tally.skip(&inner.display(), reason),
        }
        true
    }

    fn unpack(&mut self, origin: &Origin, format: Format, packed: impl Read, depth: u8, budget: &Budget) -> bool {
        let inner = origin.within(&unpacked_name(origin.path.last().map_or(&b""[..], Vec::as_slice)));
        match stream::open(format, packed) {
            Ok(mut reader) => {
                let skipped = Tally::get(&self.tally.skipped);
                let mut metered = Metered { inner: &mut reader, left: Rc::clone(&budget.bytes) };
                self.stream(&inner, &mut metered, depth + 1, budget, true);
                Tally::get(&self.tally.skipped) == skipped
            }
            Err(error) => {
                self.tally.skip(&origin.display(), error.to_string());
                false
            }
        }
    }

    fn document(&mut self, origin: &Origin, format: Format, bytes: &[u8], depth: u8, budget: &Budget) -> bool {
        let parsed = match &mut self.worker {
            Some(worker) if format.needs_worker() => worker.document(format, bytes),
            _ => cordon_extract::document(format, bytes).map_err(|error| error.to_string()),
        };
        match parsed {
            Ok(document) => {
                self.parts(origin, document, depth, budget);
                true
            }
            Err(reason) => {
                self.tally.skip(&origin.display(), reason);
                false
            }
        }
    }

    fn parts(&mut self, origin: &Origin, document: Document, depth: u8, budget: &Budget) {
        for reason in document.skipped {
            self.tally.skip(&origin.display(), reason);
        }
        for (name, text) in document.texts {
            let inner = if name.is_empty() { origin.clone() } else { origin.within(name.as_bytes()) };
            self.text(&inner, text.as_bytes(), Space::Text, depth, budget);
        }
        for (name, bytes) in document.files {
            if !budget.take(bytes.len() as u64) {
                return self.tally.skip(&origin.display(), "the bound on entries or bytes of one file is reached");
            }
            self.bytes(&origin.within(&name), &bytes, depth + 1, budget, false);
        }
    }

    /// Searches a text that is in memory, in pieces when it is long.
    fn text(&mut self, origin: &Origin, bytes: &[u8], space: Space, depth: u8, budget: &Budget) {
        let wide = if space == Space::Raw { decode::utf16(bytes) } else { None };
        match wide {
            Some(text) => {
                self.pieces(origin, &mut text.as_slice(), Space::Decoded, depth, budget);
            }
            None if bytes.len() <= WHOLE_BYTES_MAX => {
                let place = Place { origin, space, offset: 0, line: 0, column: 0 };
                self.scratch.trace = self.piece(&place, Piece::whole(bytes, Hints::default()), depth, budget);
            }
            None => {
                self.pieces(origin, &mut &*bytes, space, depth, budget);
            }
        }
    }

    /// Searches a stream as it is.
    fn raw(&mut self, origin: &Origin, reader: &mut dyn Read, depth: u8, budget: &Budget) {
        let mut head = Vec::new();
        if let Err(error) = fill(reader, &mut head, ORDER_BYTES) {
            self.tally.skip(&origin.display(), reason(&error));
        }
        let order = Order::of(&head);
        let mut whole = Cursor::new(head).chain(reader);
        let bytes = match order {
            None => self.pieces(origin, &mut whole, Space::Raw, depth, budget),
            Some(order) => {
                let mut wide = Wide::new(whole, order);
                self.pieces(origin, &mut wide, Space::Decoded, depth, budget);
                wide.bytes
            }
        };
        Tally::add(&self.tally.bytes, bytes);
    }

    /// Searches a text piece by piece; tells how long it was.
    fn pieces(&mut self, origin: &Origin, reader: &mut dyn Read, space: Space, depth: u8, budget: &Budget) -> u64 {
        let mut window = Vec::with_capacity(PIECE_BYTES + OVERLAP_BYTES);
        let mut place = Place { origin, space, offset: 0, line: 0, column: 0 };
        let mut first = true;
        let mut hints = Hints::default();
        loop {
            let done = match fill_more(reader, &mut window, PIECE_BYTES + OVERLAP_BYTES) {
                Ok(done) => done,
                Err(error) => {
                    self.tally.skip(&origin.display(), reason(&error));
                    true
                }
            };
            let accept = if done { window.len() } else { window.len() - OVERLAP_BYTES };
            // What begins as no text is none further on.
            hints.is_binary |= space == Space::Raw && is_binary(&window);
            let piece = Piece { accept: 0..accept.max(1), first, ..Piece::whole(&window, hints) };
            self.scratch.trace = self.piece(&place, piece, depth, budget);
            if done {
                return place.offset + accept as u64;
            }
            place.advance(window.get(..accept).unwrap_or_default());
            window.drain(..accept);
            first = false;
        }
    }

    /// Inspects a piece, and what is encoded in it; gives what was learnt of it.
    fn piece(&mut self, place: &Place<'_>, mut piece: Piece<'_>, depth: u8, budget: &Budget) -> Trace {
        let text = piece.text;
        // Holes of sparse files.
        if text.iter().all(|byte| *byte == 0) {
            return Trace::default();
        }
        let mut hints = Hints::of(&place.origin.display());
        hints.is_binary = piece.hints.is_binary || place.space == Space::Raw && is_binary(text);
        piece.hints = hints;
        if !hints.is_binary {
            self.sink.shown(place.origin, text.get(piece.accept.clone()).unwrap_or(text));
        }
        let mut matches = std::mem::take(&mut self.matches);
        matches.clear();
        self.engine.inspect(&piece, &mut self.scratch, &mut matches);
        let trace = std::mem::take(&mut self.scratch.trace);
        for found in matches.drain(..) {
            if self.allow_inline && is_allowed_inline(self.engine, text, &found) {
                Tally::add(&self.tally.excluded, 1);
                continue;
            }
            let finding = self.finding(place, found);
            self.take(finding);
        }
        self.matches = matches;
        for (span, bytes) in std::mem::take(&mut self.scratch.embedded) {
            let name = format!("encoded at {}", place.offset + span.start as u64);
            if depth >= DEPTH_MAX || !budget.take(bytes.len() as u64) {
                self.tally.skip(
                    &place.origin.within(name.as_bytes()).display(),
                    "nested too deep, or the bound on one file is reached",
                );
                continue;
            }
            self.bytes(&place.origin.within(name.as_bytes()), &bytes, depth + 1, budget, false);
        }
        if hints.is_binary {
            let wide = decode::utf16_runs(text.get(piece.accept.clone()).unwrap_or_default());
            if !wide.is_empty() {
                let decoded =
                    Place { origin: place.origin, space: Space::Decoded, offset: place.offset, line: 0, column: 0 };
                let mut matches = Vec::new();
                self.engine.inspect(&Piece::whole(&wide, hints), &mut self.scratch, &mut matches);
                for found in matches {
                    let finding = self.finding(&decoded, found);
                    self.take(finding);
                }
            }
        }
        Tally::add(&self.tally.below_floor, std::mem::take(&mut self.scratch.below_floor));
        if std::mem::take(&mut self.scratch.over_limit) > 0 {
            self.tally.skip(&place.origin.display(), "more matches than are kept of one text");
        }
        trace
    }

    fn finding(&self, place: &Place<'_>, found: Match) -> Finding {
        let info = self.engine.info(found.rule);
        let id = info.map_or("", |info| &info.id);
        let key = self.engine.id_key();
        let identity = match &found.identity {
            Identity::Secret(id) => id.clone(),
            Identity::Copy(document) => key.identify(&[b"copy", document.as_bytes(), &place.origin.display()]),
            Identity::Path => key.identify(&[b"place", id.as_bytes(), &place.origin.display()]),
        };
        let severity = if place.origin.exposed && found.severity < Severity::Critical {
            raised(found.severity)
        } else {
            found.severity
        };
        let detail = match (found.detail, place.origin.exposed) {
            (Some(detail), true) => Some(format!("{detail}; reachable by anyone")),
            (None, true) => Some("reachable by anyone".to_owned()),
            (detail, false) => detail,
        };
        Finding {
            id: identity,
            rule: info.map(|info| info.id.clone()).unwrap_or_default(),
            kind: info.map_or(cordon_domain::Kind::Secret, |info| info.kind),
            severity,
            confidence: found.confidence,
            title: info.map(|info| info.title.clone()).unwrap_or_default(),
            detail,
            level: found.level,
            excerpt: found.excerpt,
            fix: info.map(|info| info.fix.clone()).unwrap_or_default(),
            location: Location {
                path: place.origin.path.clone(),
                line: place.line + found.line + 1,
                column: found.column + 1 + if found.line == 0 { place.column } else { 0 },
                byte_start: place.offset + found.span.start as u64,
                byte_end: place.offset + found.span.end as u64,
                space: place.space,
                blob: place.origin.blob.clone(),
                commit: None,
            },
        }
    }

    /// Reports that an address answers a stranger and is not meant to.
    pub fn exposure(&mut self, origin: &Origin) {
        let found = Match {
            rule: self.engine.exposure_rule(),
            severity: Severity::High,
            confidence: Confidence::High,
            detail: None,
            level: None,
            span: 0..0,
            line: 0,
            column: 0,
            excerpt: String::new(),
            identity: Identity::Path,
        };
        let finding = self.finding(&Place { origin, space: Space::Raw, offset: 0, line: 0, column: 0 }, found);
        self.take(finding);
    }

    fn weights(&mut self, origin: &Origin, format: &'static str) {
        let place = Place { origin, space: Space::Raw, offset: 0, line: 0, column: 0 };
        let found = Match {
            rule: self.engine.weights_rule(),
            severity: Severity::High,
            confidence: Confidence::High,
            detail: Some(format.to_owned()),
            level: Some(cordon_domain::Level::Confidential),
            span: 0..0,
            line: 0,
            column: 0,
            excerpt: format!("{format} weights"),
            identity: Identity::Path,
        };
        let finding = self.finding(&place, found);
        self.take(finding);
    }
}

fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// Where the first byte of a piece stands in its text.
struct Place<'a> {
    origin: &'a Origin,
    space: Space,
    offset: u64,
    line: u64,
    column: u64,
}

impl Place<'_> {
    fn advance(&mut self, passed: &[u8]) {
        self.offset += passed.len() as u64;
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        let (tail, base) = match memchr::memrchr(b'\n', passed) {
            Some(newline) => (passed.get(newline + 1..).unwrap_or_default(), 0),
            None => (passed, self.column),
        };
        self.column = base + tail.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
    }
}

/// A comment `cordon:allow RULE reason` on the line of a match, with a reason, lets that rule pass there.
fn is_allowed_inline(engine: &Engine, text: &[u8], found: &Match) -> bool {
    let start =
        text.get(..found.span.start).and_then(|head| memchr::memrchr(b'\n', head)).map_or(0, |newline| newline + 1);
    let end = text
        .get(found.span.start..)
        .and_then(|tail| memchr::memchr(b'\n', tail))
        .map_or(text.len(), |newline| found.span.start + newline);
    let line = text.get(start..end).unwrap_or_default();
    let Some(at) = memchr::memmem::find(line, b"cordon:allow ") else { return false };
    let rest = String::from_utf8_lossy(line.get(at + 13..).unwrap_or_default()).into_owned();
    let mut words = rest.split_whitespace();
    let rule = words.next().unwrap_or_default();
    words.next().is_some() && engine.info(found.rule).is_some_and(|info| info.id == rule)
}

fn unpacked_name(name: &[u8]) -> Vec<u8> {
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    let stem = base.iter().rposition(|byte| *byte == b'.').and_then(|at| Some((base.get(..at)?, base.get(at..)?)));
    match stem {
        Some((stem, b".tgz" | b".tbz2" | b".txz" | b".tzst")) => [stem, b".tar"].concat(),
        Some((stem, _)) if !stem.is_empty() => stem.to_vec(),
        _ => b"content".to_vec(),
    }
}

/// Counts down the bytes that all that one file contains may give.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.get().checked_sub(count as u64);
        self.left.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(count),
            None => Err(std::io::Error::other("the bound on bytes of one file is reached")),
        }
    }
}

/// Reads up to `limit` bytes into an emptied buffer; tells whether that was all.
fn fill(reader: &mut dyn Read, buffer: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
    buffer.clear();
    fill_more(reader, buffer, limit)
}

/// Reads until the buffer holds `limit` bytes; tells whether the input ended before.
fn fill_more(reader: &mut dyn Read, buffer: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
    let want = limit.saturating_sub(buffer.len());
    let before = buffer.len();
    let read = reader.take(want as u64).read_to_end(buffer);
    match read {
        Ok(count) => Ok(count < want),
        Err(error) if buffer.len() > before && error.kind() == std::io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "gone while scanning".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_one_file_contains_counts_down_the_same_bounds() {
        let budget = Budget::new();
        let inner = budget.clone();
        assert!((0..ENTRIES_MAX).all(|entry| if entry % 2 == 0 { budget.take(1) } else { inner.take(1) }));
        assert!(!budget.take(1) && !inner.take(1), "one entry too many");
        let budget = Budget::new();
        assert!(budget.take(OUTPUT_BYTES_MAX - 1));
        assert!(!budget.clone().take(1), "one byte too many");
    }
}
