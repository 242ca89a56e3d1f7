//! UTF-16 streams, read as UTF-8.

use std::io::{self, Read};

use cordon_inspect::decode::Order;

/// Reads UTF-16 and gives UTF-8; what is no character gives U+FFFD.
pub(crate) struct Wide<R> {
    inner: R,
    order: Order,
    /// Bytes read and not decoded yet: half a unit, or the first half of a pair.
    rest: Vec<u8>,
    /// Decoded and not given yet.
    ready: Vec<u8>,
    /// Bytes read.
    pub(crate) bytes: u64,
}

const BLOCK_BYTES: usize = 64 << 10;

impl<R: Read> Wide<R> {
    pub(crate) fn new(inner: R, order: Order) -> Self {
        Self { inner, order, rest: Vec::new(), ready: Vec::new(), bytes: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        let read = (&mut self.inner).take(BLOCK_BYTES as u64).read_to_end(&mut self.rest)?;
        self.bytes += read as u64;
        let mut whole = self.rest.len() / 2 * 2;
        // The first half of a pair waits for the second, unless there is no more.
        let last = self.rest.get(whole.saturating_sub(2)..whole).unwrap_or_default();
        if read > 0 && self.order.units(last).any(|unit| (0xd800..0xdc00).contains(&unit)) {
            whole -= 2;
        }
        let units = self.order.units(self.rest.get(..whole).unwrap_or_default());
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.ready.extend_from_slice(text.trim_start_matches('\u{feff}').as_bytes());
        self.rest.drain(..whole);
        Ok(())
    }
}

impl<R: Read> Read for Wide<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let before = self.bytes;
            self.refill()?;
            if self.bytes == before && self.ready.is_empty() {
                return Ok(0);
            }
        }
        let count = self.ready.len().min(buffer.len());
        buffer.iter_mut().zip(self.ready.drain(..count)).for_each(|(slot, byte)| *slot = byte);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn a_stream_gives_the_text(text in "[a-z東😀\\u{d7}]{0,80}", repeat in 1usize..2000, step in 1usize..9, big: bool) {
            let text = text.repeat(repeat);
            let order = if big { Order::Big } else { Order::Little };
            let bytes: Vec<u8> =
                text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            let mut read = String::new();
            Wide::new(Slow(&bytes, step), order).read_to_string(&mut read).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut read = String::new();
            Wide::new(bytes.as_slice(), Order::Little).read_to_string(&mut read).unwrap();
        }
    }
}
