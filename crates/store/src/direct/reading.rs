//! A range of a file that is read past the page cache, into memory that begins at a block.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;

use super::{BLOCK_BYTES, aligned, go_direct, go_through_cache};

/// Reads all of a range: from the block that it begins in to the end of its last one. Where that is refused, it is read through the
/// cache.
pub(super) fn read(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let block = BLOCK_BYTES as u64;
    let start = range.start / block * block;
    let (skipped, needed) = ((range.start - start) as usize, (range.end - start) as usize);
    let mut memory = aligned(needed.next_multiple_of(BLOCK_BYTES));
    memory.resize(needed.next_multiple_of(BLOCK_BYTES), 0);
    let mut is_direct = go_direct(file);
    let mut there = 0;
    while there < needed {
        let room = memory.get_mut(there..).ok_or(io::ErrorKind::UnexpectedEof)?;
        match file.read_at(room, start + there as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => there += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && is_direct => {
                is_direct = false;
                go_through_cache(file)?;
            }
            Err(error) => return Err(error),
        }
    }
    memory.truncate(needed);
    Ok(memory.split_off(skipped).freeze())
}
