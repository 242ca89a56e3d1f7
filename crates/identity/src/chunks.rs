//! Bodies that come in chunks (`aws-chunked`: "Signature calculations: transferring payload in multiple chunks" in the documentation of
//! S3): where a chunk begins and ends. Whether its signature holds is compared elsewhere.
//!
//! A chunk is a line with its length in hexadecimal digits and, behind a semicolon, its signature; then its content and an end of line.
//! Behind a chunk without content stand headers.

use crate::limits::{CHUNK_LINE_BYTES_MAX, SIGNED_CHUNK_BYTES_MAX};

/// How chunks are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunked {
    /// Each has a signature: whoever compares it keeps all of the chunk until then, so it has a bound.
    Signed,
    /// None has.
    Unsigned,
}

/// What the next bytes of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Lines between contents.
    Framing,
    /// Content.
    Content,
    /// The end of the line of the last chunk, which has no content.
    Last,
    /// What stands behind it.
    Rest,
}

/// Why a body is not one of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// A line is too long, or says no length.
    #[error("a chunk does not begin with its length")]
    Line,
    /// A chunk is longer than may be.
    #[error("a signed chunk has at most {SIGNED_CHUNK_BYTES_MAX} bytes")]
    Long,
    /// Content does not end where its chunk does.
    #[error("a chunk is longer than it says")]
    End,
}

#[derive(Debug)]
enum Place {
    Line,
    /// So many bytes of content are left.
    Content(u64),
    Return,
    Newline,
    Rest,
}

/// Where reading stands. Bytes come in any pieces.
#[derive(Debug)]
pub struct Chunks {
    kind: Chunked,
    place: Place,
    line: Vec<u8>,
}

impl Chunked {
    /// Tells how a body comes, of which `x-amz-content-sha256` says this; `None` when not in chunks.
    #[must_use]
    pub fn of(content_sha256: &str) -> Option<Self> {
        match content_sha256 {
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Some(Self::Unsigned),
            other => other.starts_with("STREAMING-").then_some(Self::Signed),
        }
    }

    const fn digits_max(self) -> usize {
        match self {
            Self::Signed => 8,
            Self::Unsigned => 16,
        }
    }

    const fn bytes_max(self) -> u64 {
        match self {
            Self::Signed => SIGNED_CHUNK_BYTES_MAX,
            Self::Unsigned => u64::MAX,
        }
    }
}

impl Chunks {
    /// Begins a body.
    #[must_use]
    pub const fn new(kind: Chunked) -> Self {
        Self { kind, place: Place::Line, line: Vec::new() }
    }

    /// Tells what the first of these bytes are, and how many of them.
    ///
    /// # Errors
    ///
    /// [`ChunkFault`]; what comes then is no body.
    pub fn step(&mut self, bytes: &[u8]) -> Result<(Step, usize), ChunkFault> {
        match self.place {
            Place::Line => self.line(bytes),
            Place::Content(left) => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - taken as u64;
                self.place = if left == 0 { Place::Return } else { Place::Content(left) };
                Ok((Step::Content, taken))
            }
            Place::Return => self.ends(bytes, b'\r', Place::Newline),
            Place::Newline => self.ends(bytes, b'\n', Place::Line),
            Place::Rest => Ok((Step::Rest, bytes.len())),
        }
    }

    fn ends(&mut self, bytes: &[u8], with: u8, next: Place) -> Result<(Step, usize), ChunkFault> {
        match bytes.first() {
            Some(byte) if *byte == with => {
                self.place = next;
                Ok((Step::Framing, 1))
            }
            Some(_) => Err(ChunkFault::End),
            None => Ok((Step::Framing, 0)),
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(Step, usize), ChunkFault> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if self.line.len() + taken > CHUNK_LINE_BYTES_MAX {
            return Err(ChunkFault::Line);
        }
        self.line.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if end.is_none() {
            return Ok((Step::Framing, taken));
        }
        let (place, step) = match self.length()? {
            0 => (Place::Rest, Step::Last),
            length => (Place::Content(length), Step::Framing),
        };
        self.line.clear();
        self.place = place;
        Ok((step, taken))
    }

    /// The length that a line says, which is all here.
    fn length(&self) -> Result<u64, ChunkFault> {
        let line = self.line.strip_suffix(b"\r\n").ok_or(ChunkFault::Line)?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        if !(1..=self.kind.digits_max()).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ChunkFault::Line);
        }
        let text = std::str::from_utf8(digits).map_err(|_| ChunkFault::Line)?;
        let length = u64::from_str_radix(text, 16).map_err(|_| ChunkFault::Line)?;
        if length > self.kind.bytes_max() { Err(ChunkFault::Long) } else { Ok(length) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a body says, when it comes in pieces of so many bytes.
    fn read(kind: Chunked, body: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<u8>), ChunkFault> {
        let (mut chunks, mut content, mut rest) = (Chunks::new(kind), Vec::new(), Vec::new());
        for mut bytes in body.chunks(piece) {
            while !bytes.is_empty() {
                let (step, taken) = chunks.step(bytes)?;
                let (these, others) = bytes.split_at(taken);
                assert!(taken > 0, "it goes on");
                match step {
                    Step::Content => content.extend_from_slice(these),
                    Step::Rest => rest.extend_from_slice(these),
                    Step::Framing | Step::Last => {}
                }
                bytes = others;
            }
        }
        Ok((content, rest))
    }

    fn check(kind: Chunked, body: &str, expect: Result<(&str, &str), ChunkFault>) {
        for piece in [1, 3, body.len().max(1)] {
            let read = read(kind, body.as_bytes(), piece);
            let read = read.as_ref().map(|(content, rest)| {
                (std::str::from_utf8(content).expect("a text"), std::str::from_utf8(rest).expect("a text"))
            });
            assert_eq!(read, expect.as_ref().copied(), "{body:?} in pieces of {piece}");
        }
    }

    #[test]
    fn chunks_are_told_from_their_content() {
        let signed = format!("5;chunk-signature={0}\r\nhello\r\n0;chunk-signature={0}\r\n\r\n", "a".repeat(64));
        check(Chunked::Signed, &signed, Ok(("hello", "\r\n")));
        let trailed = "a\r\n0123456789\r\nE\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        let rest = "x-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        check(Chunked::Unsigned, trailed, Ok(("0123456789\r\n0\r\n\r\n0\r\n\r\n0\r", rest)));
        check(Chunked::Unsigned, "", Ok(("", "")));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (body, fault) in [
            ("400001\r\n", ChunkFault::Long),
            ("fffffffff\r\n", ChunkFault::Line),
            ("000000005\r\nhello\r\n", ChunkFault::Line),
            ("+5\r\nhello\r\n", ChunkFault::Line),
            ("\r\n", ChunkFault::Line),
            ("5\nhello\r\n", ChunkFault::Line),
            ("5x\r\nhello\r\n", ChunkFault::Line),
            ("5\r\nhello!\r\n", ChunkFault::End),
            ("5\r\nhello\r!", ChunkFault::End),
        ] {
            check(Chunked::Signed, body, Err(fault));
        }
        check(Chunked::Signed, &"5".repeat(CHUNK_LINE_BYTES_MAX + 1), Err(ChunkFault::Line));
        check(Chunked::Unsigned, "fffffffff\r\nhello", Ok(("hello", "")));
        check(Chunked::Unsigned, "10000000000000000\r\nhello", Err(ChunkFault::Line));
    }

    #[test]
    fn what_says_how_a_body_comes_is_taken_at_its_word() {
        for (said, kind) in [
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", Some(Chunked::Unsigned)),
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Some(Chunked::Signed)),
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Some(Chunked::Signed)),
            ("UNSIGNED-PAYLOAD", None),
        ] {
            assert_eq!(Chunked::of(said), kind, "{said}");
        }
    }

    proptest! {
        #[test]
        fn all_content_comes_back(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..8),
            piece in 1usize..300,
        ) {
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(format!("{:x};chunk-signature=00\r\n", content.len()).as_bytes());
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\nrest");
            for kind in [Chunked::Signed, Chunked::Unsigned] {
                prop_assert_eq!(read(kind, &body, piece), Ok((contents.concat(), b"rest".to_vec())));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..400), piece in 1usize..50) {
            for kind in [Chunked::Signed, Chunked::Unsigned] {
                let _ = read(kind, &body, piece);
            }
        }
    }
}
