//! The object store of one repository: packs and loose objects.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use gix_hash::{Kind as HashKind, ObjectId, oid};
use gix_object::Kind;
use gix_pack::cache::lru::StaticLinkedList;

use crate::limits::{CONFIG_BYTES_MAX, OBJECT_BYTES_MAX};
use crate::tally::Tally;

/// One pack with its index.
pub struct Pack {
    /// The index.
    pub index: gix_pack::index::File,
    /// The data.
    pub data: gix_pack::data::File,
}

/// The objects of a repository.
pub struct Store {
    /// The git folder.
    pub folder: PathBuf,
    /// Its packs.
    pub packs: Vec<Pack>,
    inflate: gix_zlib::Inflate,
    cache: StaticLinkedList<64>,
    /// Objects that were asked for and are missing or do not decode.
    pub missing: u64,
}

/// Bytes of decoded objects kept for deltas to stand on.
const CACHE_BYTES: usize = 48 << 20;

impl Store {
    /// Opens the store of `folder`. Broken packs and alternates are skipped and counted.
    #[must_use]
    pub fn open(folder: &Path, tally: &Tally) -> Self {
        let objects = folder.join("objects");
        if objects.join("info/alternates").exists() {
            tally.skip(
                objects.join("info/alternates").as_os_str().as_encoded_bytes(),
                "objects borrowed from another repository are not read",
            );
        }
        if is_sha256(folder) {
            tally.skip(
                folder.as_os_str().as_encoded_bytes(),
                "a repository of SHA-256 objects: its history is not read",
            );
        }
        let mut paths: Vec<PathBuf> = fs::read_dir(objects.join("pack"))
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "pack"))
            .collect();
        paths.sort();
        let mut packs = Vec::new();
        for path in paths {
            let index = gix_pack::index::File::at(path.with_extension("idx"), HashKind::Sha1);
            let data = gix_pack::data::File::at(&path, HashKind::Sha1);
            match (index, data) {
                (Ok(index), Ok(data)) => packs.push(Pack { index, data }),
                (Err(error), _) => {
                    tally.skip(path.as_os_str().as_encoded_bytes(), format!("its index does not open: {error}"))
                }
                (_, Err(error)) => tally.skip(path.as_os_str().as_encoded_bytes(), format!("does not open: {error}")),
            }
        }
        Self {
            folder: folder.to_owned(),
            packs,
            inflate: gix_zlib::Inflate::default(),
            cache: StaticLinkedList::new(CACHE_BYTES),
            missing: 0,
        }
    }

    /// Reads an object; one that is missing is counted.
    pub fn find(&mut self, id: &oid) -> Option<(Kind, Vec<u8>)> {
        let found = self.look_up(id);
        self.missing += u64::from(found.is_none());
        found
    }

    fn look_up(&mut self, id: &oid) -> Option<(Kind, Vec<u8>)> {
        for (number, pack) in self.packs.iter().enumerate() {
            let Some(at) = pack.index.lookup(id) else { continue };
            let entry = pack.data.entry(pack.index.pack_offset_at_index(at)).ok()?;
            let mut out = Vec::new();
            let resolve = |id: &oid, _: &mut Vec<u8>| {
                let base =
                    pack.index.lookup(id).map(|at| pack.data.entry(pack.index.pack_offset_at_index(at))).transpose()?;
                Ok(base.map(gix_pack::data::decode::entry::ResolvedBase::InPack))
            };
            let mut cache = Numbered { inner: &mut self.cache, pack: u32::try_from(number).unwrap_or(u32::MAX) };
            let outcome = pack.data.decode_entry(entry, &mut out, &mut self.inflate, &resolve, &mut cache).ok()?;
            return Some((outcome.kind, out));
        }
        self.loose(id)
    }

    fn loose(&self, id: &oid) -> Option<(Kind, Vec<u8>)> {
        let hex = id.to_hex().to_string();
        let (folder, name) = hex.split_at_checked(2)?;
        read_loose(&self.folder.join("objects").join(folder).join(name))
    }

    /// The paths of all loose objects.
    #[must_use]
    pub fn loose_paths(&self, tally: &Tally) -> Vec<(ObjectId, PathBuf)> {
        let mut found = Vec::new();
        let entries = |path: &Path| {
            let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            entries.unwrap_or_else(|error| {
                tally.skip(path.as_os_str().as_encoded_bytes(), format!("its objects are not read: {error}"));
                Vec::new()
            })
        };
        for folder in entries(&self.folder.join("objects")) {
            let prefix = folder.file_name().to_string_lossy().into_owned();
            if prefix.len() != 2 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                continue;
            }
            for file in entries(&folder.path()) {
                let hex = format!("{prefix}{}", file.file_name().to_string_lossy());
                if let Ok(id) = ObjectId::from_hex(hex.as_bytes()) {
                    found.push((id, file.path()));
                }
            }
        }
        found.sort();
        found
    }
}

/// Tells whether the configuration of a repository names SHA-256 as its object format.
fn is_sha256(folder: &Path) -> bool {
    let mut text = String::new();
    let read =
        fs::File::open(folder.join("config")).and_then(|file| file.take(CONFIG_BYTES_MAX).read_to_string(&mut text));
    let mut lines = text.lines().map(|line| line.to_ascii_lowercase().replace([' ', '\t'], ""));
    read.is_ok() && lines.any(|line| line == "objectformat=sha256")
}

/// Reads a loose object: zlib around `kind size\0content`.
pub(crate) fn read_loose(path: &Path) -> Option<(Kind, Vec<u8>)> {
    let file = fs::File::open(path).ok()?;
    let mut raw = Vec::new();
    flate2::read::ZlibDecoder::new(file).take(OBJECT_BYTES_MAX).read_to_end(&mut raw).ok()?;
    let end = memchr::memchr(0, raw.get(..raw.len().min(64))?)?;
    let kind = Kind::from_bytes(raw.get(..end)?.split(|byte| *byte == b' ').next()?).ok()?;
    raw.drain(..=end);
    Some((kind, raw))
}

/// One cache for several packs: offsets are told apart by the pack's number.
struct Numbered<'a> {
    inner: &'a mut StaticLinkedList<64>,
    pack: u32,
}

impl gix_pack::cache::DecodeEntry for Numbered<'_> {
    fn put(&mut self, _pack: u32, offset: u64, data: &[u8], kind: Kind, compressed_size: usize) {
        self.inner.put(self.pack, offset, data, kind, compressed_size);
    }

    fn get(&mut self, _pack: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        self.inner.get(self.pack, offset, out)
    }
}
