//! Compressed streams of one file.

use std::io::{self, Read};

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
        Format::Zstd => Box::new(
            ruzstd::decoding::StreamingDecoder::new(input).map_err(|error| ExtractError::damaged("zstd", error))?,
        ),
        other => return Err(ExtractError::damaged(other.as_str(), "no stream")),
    };
    Ok(Box::new(Bounded { inner, taken, given: 0 }))
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
