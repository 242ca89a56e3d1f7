//! A file that is written, past the page cache as far as its pieces are whole blocks.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use object_store::PutPayload;

use super::{BLOCK_BYTES, go_direct, go_through_cache};

/// A file that has another name than its own until it is durable. Dropped before, it is removed.
#[derive(Debug)]
pub(super) struct Writing {
    file: File,
    is_direct: bool,
    /// The other name, as long as it has it.
    staged: Option<PathBuf>,
    place: PathBuf,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged {
            // It is worth nothing; one that stays is called so that nobody takes it for whole.
            let _ = std::fs::remove_file(staged);
        }
    }
}

impl Writing {
    pub(super) fn begin(place: PathBuf) -> io::Result<Self> {
        let mut number = 1_u64;
        loop {
            let mut staged = place.clone().into_os_string();
            staged.push(format!("#{number}"));
            let staged = PathBuf::from(staged);
            match OpenOptions::new().write(true).create_new(true).open(&staged) {
                Ok(file) => {
                    let is_direct = go_direct(&file);
                    return Ok(Self { file, is_direct, staged: Some(staged), place });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&place)?,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn write(&mut self, mut offset: u64, data: &PutPayload) -> io::Result<()> {
        for bytes in data {
            let begins = bytes.as_ptr().align_offset(BLOCK_BYTES) == 0;
            let is_at_block = self.is_direct && begins && offset.is_multiple_of(BLOCK_BYTES as u64);
            let whole = if is_at_block { bytes.len() / BLOCK_BYTES * BLOCK_BYTES } else { 0 };
            let (blocks, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
            self.write_aligned(offset, blocks)?;
            if !rest.is_empty() {
                self.go_through_cache()?;
                self.file.write_all_at(rest, offset + whole as u64)?;
            }
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// A file system may let a file be opened so, and not be written: it is written through the cache from then on.
    fn write_aligned(&mut self, offset: u64, blocks: &[u8]) -> io::Result<()> {
        match self.file.write_all_at(blocks, offset) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.is_direct => {
                self.go_through_cache()?;
                self.file.write_all_at(blocks, offset)
            }
            written => written,
        }
    }

    fn go_through_cache(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_direct, false) { go_through_cache(&self.file) } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(staged) = self.staged.take()
            && let Err(error) = std::fs::rename(&staged, &self.place)
        {
            self.staged = Some(staged);
            return Err(error);
        }
        sync_folder(&self.place)
    }
}

/// Makes the folder of a file durably.
fn make_folder(place: &Path) -> io::Result<()> {
    let folder = place.parent().ok_or(io::ErrorKind::NotFound)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder),
    }
}

/// Makes durable what is called how in the folder where something lies.
fn sync_folder(place: &Path) -> io::Result<()> {
    File::open(place.parent().ok_or(io::ErrorKind::NotFound)?)?.sync_all()
}
