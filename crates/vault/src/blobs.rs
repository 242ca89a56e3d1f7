//! Sealed bytes of versions in an object store, a file a part. What is called how says nothing but which version it is.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use cordon_domain::{Moment, VersionId};
use cordon_store::direct::aligned;
use futures_util::{Stream, StreamExt as _};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};

use crate::error::VaultError;
use crate::limits::PIECE_BYTES;

/// Where sealed bytes are.
#[derive(Clone)]
pub(crate) struct Blobs {
    store: Arc<dyn ObjectStore>,
    readers: Arc<Mutex<HashMap<VersionId, Readers>>>,
}

/// Whoever reads a version here.
#[derive(Default)]
struct Readers {
    count: usize,
    /// Its parts, once nothing leads to it any more: the last reader removes them.
    gone: Option<u32>,
}

/// The bytes of a version stay as long as this is there, also when another takes its place.
pub(crate) struct Held {
    blobs: Blobs,
    version: VersionId,
}

impl Drop for Held {
    fn drop(&mut self) {
        let gone = self.blobs.left_by_one(self.version);
        // Without a runtime nobody is asked any more: they are swept up later.
        if let (Some(highest), Ok(runtime)) = (gone, tokio::runtime::Handle::try_current()) {
            let (blobs, version) = (self.blobs.clone(), self.version);
            runtime.spawn(async move { blobs.remove_all(version, highest).await });
        }
    }
}

/// Bytes on their way there.
pub(crate) struct Upload {
    upload: Box<dyn MultipartUpload>,
    /// Memory for one piece, which begins as a disk wants it, and is used again for the next.
    pending: BytesMut,
}

fn path(version: VersionId, part: u32) -> Path {
    let name = version.to_string();
    // The end of an identifier is random: each of 256 folders has as many.
    let folder = name.get(name.len() - 2..).unwrap_or_default();
    Path::from(format!("{folder}/{name}.{part}"))
}

impl Blobs {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, readers: Arc::default() }
    }

    /// Keeps the bytes of a version for one who reads it.
    pub(crate) fn hold(&self, version: VersionId) -> Held {
        if let Ok(mut readers) = self.readers.lock() {
            readers.entry(version).or_default().count += 1;
        }
        Held { blobs: self.clone(), version }
    }

    /// Tells whether somebody here reads a version.
    pub(crate) fn is_read(&self, version: VersionId) -> bool {
        self.readers.lock().is_ok_and(|readers| readers.contains_key(&version))
    }

    /// One reader less. Returns the parts that are to be removed, if that was the last one.
    fn left_by_one(&self, version: VersionId) -> Option<u32> {
        let mut readers = self.readers.lock().ok()?;
        let own = readers.get_mut(&version)?;
        own.count -= 1;
        if own.count > 0 {
            return None;
        }
        readers.remove(&version)?.gone
    }

    /// Removes all files of a version that another took the place of, once nobody here reads it any more.
    pub(crate) async fn remove_unread(&self, version: VersionId, highest: u32) {
        let is_read = self.readers.lock().is_ok_and(|mut readers| match readers.get_mut(&version) {
            Some(own) => {
                own.gone = Some(highest);
                true
            }
            None => false,
        });
        if !is_read {
            self.remove_all(version, highest).await;
        }
    }

    /// Begins the file of a part.
    pub(crate) async fn begin(&self, version: VersionId, part: u32) -> Result<Upload, VaultError> {
        let upload = self.store.put_multipart(&path(version, part)).await?;
        Ok(Upload { upload, pending: aligned(PIECE_BYTES) })
    }

    /// Reads some bytes of the file of a part, all of them.
    pub(crate) async fn read(&self, version: VersionId, part: u32, range: Range<u64>) -> Result<BytesMut, VaultError> {
        let missing = || VaultError::Integrity(format!("bytes of {version} are missing"));
        let path = path(version, part);
        let bytes: Bytes = match self.store.get_range(&path, range.clone()).await {
            Ok(bytes) if bytes.len() as u64 == range.end - range.start => bytes,
            Ok(_) => return Err(missing()),
            // A store may say only that there is nothing in a range.
            Err(_) if self.store.head(&path).await.is_ok_and(|file| file.size < range.end) => return Err(missing()),
            Err(error) => return Err(error.into()),
        };
        // Nobody else holds them: they are opened in place.
        Ok(bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..])))
    }

    /// Returns files that are older than `before`, each with the version that it is of.
    pub(crate) fn older(
        &self,
        before: Moment,
    ) -> impl Stream<Item = Result<(VersionId, Path), VaultError>> + Send + Unpin {
        Box::pin(self.store.list(None).filter_map(move |file| async move {
            let file = match file {
                Ok(file) => file,
                Err(error) => return Some(Err(error.into())),
            };
            let version = file.location.filename()?.split('.').next()?.parse().ok()?;
            (file.last_modified.timestamp_millis() < before.0).then_some(Ok((version, file.location)))
        }))
    }

    /// Removes a file.
    pub(crate) async fn remove_file(&self, path: &Path) -> Result<(), VaultError> {
        Ok(self.store.delete(path).await?)
    }

    /// Removes all files of a version, to which nothing leads any more: those of parts 1 to `highest`.
    pub(crate) async fn remove_all(&self, version: VersionId, highest: u32) {
        for part in 1..=highest {
            self.remove(version, part).await;
        }
    }

    /// Removes the file of a part; nothing leads to it any more.
    pub(crate) async fn remove(&self, version: VersionId, part: u32) {
        // One that stays is sealed under a key that is gone.
        let _ = self.store.delete(&path(version, part)).await;
    }
}

impl Upload {
    /// Takes what `more` holds, and leaves it empty.
    pub(crate) async fn take(&mut self, more: &mut Vec<u8>) -> Result<(), VaultError> {
        let mut rest = more.as_slice();
        while let Some((fits, behind)) = rest.split_at_checked(PIECE_BYTES - self.pending.len()) {
            self.pending.extend_from_slice(fits);
            self.put().await?;
            rest = behind;
        }
        self.pending.extend_from_slice(rest);
        more.clear();
        Ok(())
    }

    /// Writes what is pending.
    async fn put(&mut self) -> Result<(), VaultError> {
        let piece = std::mem::take(&mut self.pending).freeze();
        self.upload.put_part(piece.clone().into()).await?;
        self.pending = piece.try_into_mut().unwrap_or_else(|_| aligned(PIECE_BYTES));
        self.pending.clear();
        Ok(())
    }

    /// Makes the file durable.
    pub(crate) async fn finish(mut self) -> Result<(), VaultError> {
        self.put().await?;
        self.upload.complete().await?;
        Ok(())
    }

    /// Leaves nothing.
    pub(crate) async fn abort(mut self) {
        // What is left has no name that leads to it.
        let _ = self.upload.abort().await;
    }
}
