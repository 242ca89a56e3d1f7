//! Containers of many files: entries are handed out one by one, as streams.

use std::io::{Cursor, Read, Seek};

use crate::limits::ENTRIES_MAX;
use crate::{ExtractError, Format};

/// A source that a container with a directory at its end can be read from.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// One file of a container.
pub struct Entry<'a> {
    /// The name as stored; not to be used as a path on disk.
    pub name: Vec<u8>,
    /// The content, or why it cannot be read.
    pub content: Result<&'a mut dyn Read, String>,
}

/// Hands each entry of a container to `each`, which returns `false` to stop.
///
/// # Errors
///
/// The container is damaged or encrypted, or a bound was reached. Entries before that were handed out.
pub fn entries(
    format: Format,
    source: &mut dyn ReadSeek,
    each: &mut dyn FnMut(Entry<'_>) -> bool,
) -> Result<(), ExtractError> {
    match format {
        Format::Zip => zip_entries(source, each),
        Format::Tar => tar_entries(source, each),
        Format::SevenZip => seven_entries(source, each),
        other => Err(ExtractError::damaged(other.as_str(), "no container")),
    }
}

fn zip_entries(source: &mut dyn ReadSeek, each: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<(), ExtractError> {
    let mut archive = zip::ZipArchive::new(source).map_err(|error| ExtractError::damaged("zip", error))?;
    if archive.len() as u64 > ENTRIES_MAX {
        return Err(ExtractError::Limit(format!(
            "zip has {} entries, of which at most {ENTRIES_MAX} are read",
            archive.len()
        )));
    }
    for index in 0..archive.len() {
        let name = archive.by_index_raw(index).map(|entry| entry.name_raw().to_vec()).unwrap_or_default();
        let more = match archive.by_index(index) {
            Ok(entry) if entry.is_dir() && entry.size() == 0 => true,
            Ok(mut entry) => each(Entry { name, content: Ok(&mut entry) }),
            Err(error) => each(Entry { name, content: Err(error.to_string()) }),
        };
        if !more {
            break;
        }
    }
    Ok(())
}

/// Hands out the entries of a tar stream.
///
/// # Errors
///
/// The stream is damaged or ends early.
pub fn tar_entries(source: &mut dyn Read, each: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<(), ExtractError> {
    let mut archive = tar::Archive::new(source);
    // Archives that were joined one behind the other are all read.
    archive.set_ignore_zeros(true);
    let entries = archive.entries()?;
    for (count, entry) in entries.enumerate() {
        if count as u64 > ENTRIES_MAX {
            return Err(ExtractError::Limit(format!("tar has more than {ENTRIES_MAX} entries")));
        }
        let mut entry = entry.map_err(|error| ExtractError::damaged("tar", error))?;
        if !entry.header().entry_type().is_file()
            && !entry.header().entry_type().is_contiguous()
            && !entry.header().entry_type().is_gnu_sparse()
        {
            continue;
        }
        let name = entry.path_bytes().into_owned();
        if !each(Entry { name, content: Ok(&mut entry) }) {
            break;
        }
    }
    Ok(())
}

fn seven_entries(source: &mut dyn ReadSeek, each: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<(), ExtractError> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes)?;
    let damaged = |error: sevenz_rust2::Error| match error {
        sevenz_rust2::Error::PasswordRequired | sevenz_rust2::Error::MaybeBadPassword(_) => {
            ExtractError::Encrypted("7z")
        }
        other => ExtractError::damaged("7z", other),
    };
    let mut archive =
        sevenz_rust2::ArchiveReader::new(Cursor::new(bytes), sevenz_rust2::Password::empty()).map_err(damaged)?;
    // The caller owns the threads; a worker may start none.
    archive.set_thread_count(1);
    let mut count = 0;
    archive
        .for_each_entries(|entry, reader| {
            count += 1;
            if entry.is_directory() || count > ENTRIES_MAX {
                return Ok(count <= ENTRIES_MAX);
            }
            let more = each(Entry { name: entry.name().as_bytes().to_vec(), content: Ok(reader) });
            // What the visitor left unread must pass, or the next entry begins inside this one.
            std::io::copy(reader, &mut std::io::sink()).map_err(sevenz_rust2::Error::from)?;
            Ok(more)
        })
        .map_err(damaged)
}
