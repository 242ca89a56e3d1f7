//! Sealed bytes of versions in an object store, a file a part. What is called how says nothing but which version it is.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cordon_domain::{Moment, VersionId};
use futures_util::{Stream, StreamExt as _};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};

use crate::error::VaultError;
use crate::limits::PIECE_BYTES;

/// Where sealed bytes are.
#[derive(Clone)]
pub(crate) struct Blobs(Arc<dyn ObjectStore>);

/// Bytes on their way there.
pub(crate) struct Upload {
    upload: Box<dyn MultipartUpload>,
    pending: Vec<u8>,
}

fn path(version: VersionId, part: u32) -> Path {
    let name = version.to_string();
    // Identifiers are random: each of 256 folders has as many.
    let folder = name.get(name.len() - 2..).unwrap_or_default();
    Path::from(format!("{folder}/{name}.{part}"))
}

impl Blobs {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// Begins the file of a part.
    pub(crate) async fn begin(&self, version: VersionId, part: u32) -> Result<Upload, VaultError> {
        let upload = self.0.put_multipart(&path(version, part)).await?;
        Ok(Upload { upload, pending: Vec::with_capacity(PIECE_BYTES) })
    }

    /// Reads some bytes of the file of a part, all of them.
    pub(crate) async fn read(&self, version: VersionId, part: u32, range: Range<u64>) -> Result<BytesMut, VaultError> {
        let length = range.end - range.start;
        let bytes: Bytes = self.0.get_range(&path(version, part), range).await?;
        if bytes.len() as u64 != length {
            return Err(VaultError::Integrity(format!("bytes of {version} are missing")));
        }
        // Nobody else holds them: they are opened in place.
        Ok(bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..])))
    }

    /// Returns files that are older than `before`, each with the version that it is of.
    pub(crate) fn older(
        &self,
        before: Moment,
    ) -> impl Stream<Item = Result<(VersionId, Path), VaultError>> + Send + Unpin {
        Box::pin(self.0.list(None).filter_map(move |file| async move {
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
        Ok(self.0.delete(path).await?)
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
        let _ = self.0.delete(&path(version, part)).await;
    }
}

impl Upload {
    /// Takes what `more` holds, and leaves it empty.
    pub(crate) async fn take(&mut self, more: &mut Vec<u8>) -> Result<(), VaultError> {
        self.pending.append(more);
        if self.pending.len() < PIECE_BYTES {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.pending, Vec::with_capacity(PIECE_BYTES));
        Ok(self.upload.put_part(piece.into()).await?)
    }

    /// Makes the file durable.
    pub(crate) async fn finish(mut self) -> Result<(), VaultError> {
        let piece = std::mem::take(&mut self.pending);
        self.upload.put_part(piece.into()).await?;
        self.upload.complete().await?;
        Ok(())
    }

    /// Leaves nothing.
    pub(crate) async fn abort(mut self) {
        // What is left has no name that leads to it.
        let _ = self.upload.abort().await;
    }
}
