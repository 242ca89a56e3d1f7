//! Compressed streams of one file.

use std::io::{self, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::ExtractError;
use crate::detect::Format;
use crate::limits::{RATIO_BYTES_MIN, RATIO_MAX};

/// Opens the stream inside `reader`. The result stops with an error when it gives far more than it took.
///
/// # Errors
///
/// The stream does not begin as its format demands, or `format` is no stream.
pub fn open<'a>(format: Format, reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>, ExtractError> {
    let input = Counted { inner: reader, bytes: std::rc::Rc::default() };
    let taken = input.bytes.clone();
    let inner: Box<dyn Read + 'a> = match format {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
        Format::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
        Format::Xz => Box::new(lzma_rust2::XzReader::new(input, true)),
        Format::Zstd => Box::new(ZstdFrames { input, decoder: FrameDecoder::new(), at: At::Border }),
        other => return Err(ExtractError::damaged(other.as_str(), "no stream")),
    };
    Ok(Box::new(Bounded { inner, taken, given: 0 }))
}

/// All frames of a zstd file, one behind the other. What stands between them is a frame, or it is an error: nothing is passed over
/// unsaid but what the format lets one skip (RFC 8878, section 3.1.2).
struct ZstdFrames<R> {
    input: R,
    decoder: FrameDecoder,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Border,
    Frame,
    End,
}

impl<R: Read> ZstdFrames<R> {
    /// Goes to the next frame, if there is one.
    fn next(&mut self) -> io::Result<At> {
        loop {
            let mut first = [0];
            if self.input.read(&mut first)? == 0 {
                return Ok(At::End);
            }
            let skipped = match self.decoder.init(first.as_slice().chain(&mut self.input)) {
                Ok(()) => return Ok(At::Frame),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => length,
                Err(error) => return Err(io::Error::other(error)),
            };
            let mut rest = (&mut self.input).take(skipped.into());
            if io::copy(&mut rest, &mut io::sink())? != u64::from(skipped) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.at == At::Border {
                self.at = self.next()?;
            }
            if self.at == At::End || buffer.is_empty() {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = self.decoder.decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1));
                blocks.map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.at = At::Border;
        }
    }
}

struct Counted<R> {
    inner: R,
    bytes: std::rc::Rc<std::cell::Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

struct Bounded<R> {
    inner: R,
    taken: std::rc::Rc<std::cell::Cell<u64>>,
    given: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.given += count as u64;
        if self.given > RATIO_BYTES_MIN && self.given / self.taken.get().max(1) > RATIO_MAX {
            return Err(io::Error::other(format!("gives more than {RATIO_MAX} times what it holds")));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What stands behind the first member, or frame, is read, too; and what is none is an error, and not the end.
    #[test]
    fn all_of_a_stream_is_read() {
        let gzip = |text: &str| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).expect("memory");
            packer.finish().expect("memory")
        };
        let bzip2 = |text: &str| {
            let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            packer.write_all(text.as_bytes()).expect("memory");
            packer.finish().expect("memory")
        };
        let zstd = |text: &str| {
            ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
        };
        let read = |format, bytes: &[u8]| {
            let mut text = String::new();
            open(format, bytes).and_then(|mut stream| {
                stream.read_to_string(&mut text).map_err(|error| ExtractError::damaged("stream", error))
            })?;
            Ok::<_, ExtractError>(text)
        };
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], &b"xyz"[..]].concat();
        for (format, one, two) in [
            (Format::Gzip, gzip("one, "), gzip("two")),
            (Format::Bzip2, bzip2("one, "), bzip2("two")),
            (Format::Zstd, zstd("one, "), zstd("two")),
            (Format::Zstd, [zstd("one, "), skippable.clone()].concat(), zstd("two")),
            (Format::Zstd, [skippable, zstd("one, ")].concat(), zstd("two")),
        ] {
            let name = format.as_str();
            assert_eq!(read(format, &[one.clone(), two.clone()].concat()).expect("whole"), "one, two", "{name}");
            assert!(read(format, &[one.clone(), b"something else behind it".to_vec()].concat()).is_err(), "{name}");
            assert!(read(format, &[&one[..], &two[..two.len() / 2]].concat()).is_err(), "{name} that is torn");
        }
    }

    #[test]
    fn a_bomb_stops_and_an_honest_stream_does_not() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..80 {
            packer.write_all(&zeros).expect("memory");
        }
        let bomb = packer.finish().expect("memory");
        let mut out = io::sink();
        let error =
            io::copy(&mut open(Format::Gzip, bomb.as_slice()).expect("a header"), &mut out).expect_err("a bomb");
        assert!(error.to_string().contains("times"), "{error}");
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"honest").expect("memory");
        let mut text = String::new();
        open(Format::Gzip, packer.finish().expect("memory").as_slice())
            .expect("a header")
            .read_to_string(&mut text)
            .expect("a stream");
        assert_eq!(text, "honest");
    }
}
