//! Files whose bytes go to the disk past the page cache.
//!
//! What is written once and long is not read again soon: a copy of it in the page cache costs the kernel more than all else of
//! writing or reading it, for memory that others need. So sealed bytes are written with `O_DIRECT` (open(2) of Linux), in whole
//! blocks from memory that begins at one ([`aligned`]); the rest of a file, shorter than a block, goes through the cache, and so does
//! all of it where memory begins elsewhere, or a file system does not know of this. Long ranges are read so, too: one that is
//! asked for again and again is read from the disk each time. Short ones are read through the cache. Everything else is as
//! `object_store` does it: a file is written under another name, made durable, and only then called by its own.

mod reading;
mod writing;

use std::fmt;
use std::fs::File;
use std::future::ready;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

use self::writing::Writing;
use crate::limits::DIRECT_READ_BYTES_MIN;

/// What a block is, for every disk that there is: memory, places and lengths are multiples of it.
pub const BLOCK_BYTES: usize = 4096;

/// Returns memory for `bytes` that begins at a block: what is written from there is not copied once more.
#[must_use]
pub fn aligned(bytes: usize) -> BytesMut {
    let mut memory = BytesMut::with_capacity(bytes + BLOCK_BYTES);
    let before = memory.as_ptr().align_offset(BLOCK_BYTES);
    memory.resize(before, 0);
    drop(memory.split_to(before));
    memory
}

/// A folder of such files.
#[derive(Debug)]
pub struct DirectFiles {
    files: LocalFileSystem,
}

impl DirectFiles {
    /// Opens a folder, which is there.
    ///
    /// # Errors
    ///
    /// As [`LocalFileSystem::new_with_prefix`].
    pub fn new(folder: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(Self { files: LocalFileSystem::new_with_prefix(folder)?.with_fsync(true) })
    }
}

impl fmt::Display for DirectFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for DirectFiles {
    async fn put_multipart_opts(&self, at: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            // As of files: they are refused there.
            return self.files.put_multipart_opts(at, options).await;
        }
        let place = self.files.path_to_filesystem(at)?;
        let begun = blocking(at.clone(), move || Writing::begin(place)).await?;
        Ok(Box::new(Upload { at: at.clone(), offset: 0, writing: Arc::new(Mutex::new(Some(begun))) }))
    }

    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.files.put_opts(at, payload, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        // Who asks for a range takes it into memory; who asks for all may not.
        let is_range = matches!(options.range, Some(GetRange::Bounded(_)));
        let got = self.files.get_opts(at, options).await?;
        let is_long = got.range.end - got.range.start >= DIRECT_READ_BYTES_MIN;
        match got.payload {
            GetResultPayload::File(file, _) if is_range && is_long => {
                let range = got.range.clone();
                let bytes = blocking(at.clone(), move || reading::read(&file, range)).await?;
                let payload = GetResultPayload::Stream(stream::once(ready(Ok(bytes))).boxed());
                Ok(GetResult { payload, ..got })
            }
            payload => Ok(GetResult { payload, ..got }),
        }
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(at, ranges).await
    }

    fn delete_stream(&self, all: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(all)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

/// Does what waits for the disk.
async fn blocking<T: Send + 'static>(at: Path, act: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(act).await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
    done.map_err(|error| Error::Generic { store: "DirectFiles", source: format!("`{at}`: {error}").into() })
}

/// A file on its way; given up unless it is completed.
#[derive(Debug)]
struct Upload {
    at: Path,
    offset: u64,
    /// Nothing once it has ended.
    writing: Arc<Mutex<Option<Writing>>>,
}

impl Upload {
    fn ended() -> io::Error {
        io::Error::other("it has ended")
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (offset, at, writing) = (self.offset, self.at.clone(), Arc::clone(&self.writing));
        self.offset += data.content_length() as u64;
        Box::pin(blocking(at, move || {
            let mut writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.as_mut().ok_or_else(Self::ended)?.write(offset, &data)
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let writing = Arc::clone(&self.writing);
        blocking(self.at.clone(), move || {
            let writing = writing.lock().unwrap_or_else(PoisonError::into_inner).take();
            writing.ok_or_else(Self::ended)?.finish()
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn abort(&mut self) -> Result<()> {
        let writing = Arc::clone(&self.writing);
        blocking(self.at.clone(), move || {
            drop(writing.lock().unwrap_or_else(PoisonError::into_inner).take());
            Ok(())
        })
        .await
    }
}

/// Lets a file be read and written past the cache, where that is known.
fn go_direct(file: &File) -> bool {
    let flags = rustix::fs::fcntl_getfl(file);
    flags.is_ok_and(|flags| rustix::fs::fcntl_setfl(file, flags | rustix::fs::OFlags::DIRECT).is_ok())
}

/// Lets it be read and written through the cache again.
fn go_through_cache(file: &File) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    Ok(rustix::fs::fcntl_setfl(file, flags - rustix::fs::OFlags::DIRECT)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    use object_store::ObjectStoreExt as _;
    use proptest::prelude::*;

    /// Writes pieces of these lengths, from memory that begins so far behind a block; reads what is there.
    async fn written(files: &DirectFiles, pieces: &[(usize, usize)]) -> (Vec<u8>, Vec<u8>) {
        let at = Path::from("ab/one.1");
        let mut upload = files.put_multipart(&at).await.expect("begun");
        let mut expected = Vec::new();
        for (number, (length, behind)) in pieces.iter().enumerate() {
            let mut memory = aligned(length + behind);
            memory.resize(*behind, 0);
            drop(memory.split_to(*behind));
            memory.extend((0..*length).map(|place| (place * 31 + number) as u8));
            expected.extend_from_slice(&memory);
            upload.put_part(memory.freeze().into()).await.expect("written");
        }
        upload.complete().await.expect("durable");
        let read = files.get(&at).await.expect("there").bytes().await.expect("reads");
        let most = read.len() as u64;
        for range in [0..most, 1..most, 4096..most, 5000..most.saturating_sub(1)] {
            if range.start < range.end {
                let (start, end) = (range.start as usize, range.end as usize);
                assert!(files.get_range(&at, range).await.expect("reads") == read.slice(start..end));
            }
        }
        (read.to_vec(), expected)
    }

    #[tokio::test]
    async fn what_is_not_completed_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = DirectFiles::new(folder.path()).expect("opened");
        let at = Path::from("ab/one.1");
        let begun = |bytes: usize| {
            let (files, at) = (&files, &at);
            async move {
                let mut upload = files.put_multipart(at).await.expect("begun");
                upload.put_part(vec![1; bytes].into()).await.expect("written");
                upload
            }
        };
        let in_folder = || std::fs::read_dir(folder.path().join("ab")).expect("reads").count();
        drop(begun(10_000).await);
        assert_eq!(in_folder(), 0);
        begun(10_000).await.abort().await.expect("given up");
        assert_eq!(in_folder(), 0);
        let (mut first, mut second) = (begun(10_000).await, begun(5_000).await);
        assert!(matches!(files.get(&at).await, Err(Error::NotFound { .. })));
        first.complete().await.expect("durable");
        second.complete().await.expect("durable");
        assert_eq!(files.head(&at).await.expect("there").size, 5_000, "the last one has the name");
        assert_eq!(in_folder(), 1);
        assert!(second.put_part(vec![1].into()).await.is_err() && second.complete().await.is_err());
    }

    #[test]
    fn memory_begins_at_a_block_and_is_not_moved_while_it_is_filled() {
        let mut memory = aligned(100_000);
        let begins = memory.as_ptr();
        memory.resize(100_000, 7);
        assert!(memory.as_ptr() == begins && begins.align_offset(BLOCK_BYTES) == 0);
        let again = memory.freeze().try_into_mut().expect("nobody else has it");
        assert_eq!((again.as_ptr(), again.capacity() >= 100_000), (begins, true), "it is used again");
    }

    /// As far as the file system allows it: on another the same bytes come through the cache.
    #[test]
    fn a_range_is_read_past_the_cache() {
        let mut file = tempfile::tempfile_in(".").expect("a file");
        file.write_all(&[7; 20_000]).expect("written");
        let mut block = aligned(BLOCK_BYTES);
        block.resize(BLOCK_BYTES, 0);
        let is_allowed = go_direct(&file) && file.read_at(&mut block, 0).is_ok();
        go_through_cache(&file).expect("as it was");
        assert_eq!(reading::read(&file, 5..15_000).expect("reads"), [7; 14_995].as_slice());
        let flags = rustix::fs::fcntl_getfl(&file).expect("there");
        assert_eq!(flags.contains(rustix::fs::OFlags::DIRECT), is_allowed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_range_is_read_as_it_is(bytes in 1_usize..40_000, start in 0_u64..45_000, length in 0_u64..45_000) {
            let mut file = tempfile::tempfile_in(".").expect("a file");
            let all: Vec<u8> = (0..bytes).map(|place| (place * 31 / 8) as u8).collect();
            file.write_all(&all).expect("written");
            let range = start..start + length;
            let expected = all.get(start as usize..range.end as usize);
            match (reading::read(&file, range), expected) {
                (Ok(read), Some(expected)) => prop_assert!(read == expected),
                (read, None) => prop_assert_eq!(read.expect_err("short").kind(), io::ErrorKind::UnexpectedEof),
                (Err(error), Some(_)) => prop_assert!(false, "{}", error),
            }
        }

        #[test]
        fn whatever_the_pieces_are_all_of_them_are_there(
            pieces in prop::collection::vec((prop_oneof![0_usize..9_000, Just(4096), Just(8192), Just(2 << 20)], prop_oneof![Just(0_usize), 1_usize..64]), 0..6)
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let files = DirectFiles::new(folder.path()).expect("opened");
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let (read, expected) = runtime.block_on(written(&files, &pieces));
            prop_assert!(read == expected);
        }
    }
}
