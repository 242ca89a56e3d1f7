//! Bytes that come are sealed in memory, as they come: short ones for the database, longer ones for the object store.

use bytes::Bytes;
use cordon_domain::{BucketId, VersionId};
use cordon_keys::stream::{Encryptor, StreamContext};
use cordon_keys::{DataKey, Part};
use cordon_store::edge::SystemEntropy;
use futures_util::{Stream, StreamExt as _};

use crate::blobs::{Blobs, Upload};
use crate::digests::{Digests, Hashing};
use crate::error::VaultError;
use crate::limits::OBJECT_BYTES_MAX;

/// The number of the only part of a version that is written at once.
pub(crate) const WHOLE: u32 = 1;

/// What is sealed: a part of a version.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) bucket: BucketId,
    pub(crate) version: VersionId,
    pub(crate) number: u32,
    /// Bytes of plaintext up to which it is handed back instead of put into a file.
    pub(crate) row_max: Option<usize>,
}

/// A part whose bytes are sealed and durable, or short and in hand.
pub(crate) struct Sealed {
    pub(crate) part: Part,
    /// What was hashed of its plaintext.
    pub(crate) digests: Digests,
    /// The sealed bytes, when they are to stand in the database.
    pub(crate) row: Option<Vec<u8>>,
}

struct Sealing<'a> {
    blobs: &'a Blobs,
    piece: Piece,
    encryptor: Encryptor,
    hashing: Hashing,
    out: Vec<u8>,
    upload: Option<Upload>,
    bytes: u64,
}

/// Seals all that comes under `key`. Of what breaks off, nothing is left.
pub(crate) async fn seal<S, E>(
    blobs: &Blobs,
    (key, hashing): (&DataKey, Hashing),
    piece: Piece,
    body: S,
) -> Result<Sealed, VaultError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::fmt::Display,
{
    let mut out = Vec::new();
    let Piece { bucket, version, number, .. } = piece;
    let context = StreamContext { bucket, version, part: number }.associated_data();
    let encryptor = Encryptor::begin(key, &context, &mut SystemEntropy, &mut out);
    let mut sealing = Sealing { blobs, piece, encryptor, hashing, out, upload: None, bytes: 0 };
    match sealing.take_all(body).await {
        Ok(()) => sealing.finish().await,
        Err(error) => {
            if let Some(upload) = sealing.upload {
                upload.abort().await;
            }
            Err(error)
        }
    }
}

impl Sealing<'_> {
    async fn take_all<S, E>(&mut self, body: S) -> Result<(), VaultError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        let mut body = std::pin::pin!(body);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| VaultError::Sent(error.to_string()))?;
            self.bytes += piece.len() as u64;
            if self.bytes > OBJECT_BYTES_MAX {
                return Err(VaultError::Bound("an object has at most 5 TiB"));
            }
            self.hashing.update(&piece);
            self.encryptor.update(&piece, &mut self.out)?;
            self.move_on().await?;
        }
        Ok(())
    }

    /// What is too long for the database goes to the object store.
    async fn move_on(&mut self) -> Result<(), VaultError> {
        let stays = self.piece.row_max.is_some_and(|most| self.bytes <= most as u64);
        if self.upload.is_none() && !stays {
            self.upload = Some(self.blobs.begin(self.piece.version, self.piece.number).await?);
        }
        match &mut self.upload {
            Some(upload) => upload.take(&mut self.out).await,
            None => Ok(()),
        }
    }

    async fn finish(mut self) -> Result<Sealed, VaultError> {
        self.move_on().await?;
        self.encryptor.finish(&mut self.out)?;
        let part = Part { number: self.piece.number, bytes: self.bytes };
        let digests = self.hashing.finish();
        let Some(mut upload) = self.upload else { return Ok(Sealed { part, digests, row: Some(self.out) }) };
        upload.take(&mut self.out).await?;
        upload.finish().await?;
        Ok(Sealed { part, digests, row: None })
    }
}
