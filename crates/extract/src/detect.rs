//! Formats, known by content first and by name where content cannot tell.

/// A format that holds other files or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// zip, and with it jar, whl, apk.
    Zip,
    /// tar, and with it image layers.
    Tar,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// 7z.
    SevenZip,
    /// docx, xlsx, pptx.
    Office,
    /// odt, ods, odp.
    OpenDocument,
    /// PDF.
    Pdf,
    /// One message.
    Mail,
    /// Many messages.
    Mbox,
    /// HTML.
    Html,
    /// Jupyter notebook.
    Notebook,
    /// JavaScript source map.
    SourceMap,
    /// SQLite database.
    Sqlite,
    /// Compiled Python.
    Pyc,
    /// safetensors.
    Safetensors,
    /// GGUF.
    Gguf,
    /// Python pickle.
    Pickle,
}

/// Every format with its name in reports.
const NAMES: [(Format, &str); 20] = [
    (Format::Zip, "zip"),
    (Format::Tar, "tar"),
    (Format::Gzip, "gzip"),
    (Format::Bzip2, "bzip2"),
    (Format::Xz, "xz"),
    (Format::Zstd, "zstd"),
    (Format::SevenZip, "7z"),
    (Format::Office, "office document"),
    (Format::OpenDocument, "open document"),
    (Format::Pdf, "pdf"),
    (Format::Mail, "mail"),
    (Format::Mbox, "mbox"),
    (Format::Html, "html"),
    (Format::Notebook, "notebook"),
    (Format::SourceMap, "source map"),
    (Format::Sqlite, "sqlite"),
    (Format::Pyc, "pyc"),
    (Format::Safetensors, "safetensors"),
    (Format::Gguf, "gguf"),
    (Format::Pickle, "pickle"),
];

impl Format {
    /// Returns the name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }

    /// Reads the name back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
    }

    /// Tells whether the parser is not ours and could stall or exhaust: it runs in a worker process.
    #[must_use]
    pub const fn needs_worker(self) -> bool {
        matches!(
            self,
            Self::SevenZip
                | Self::Office
                | Self::OpenDocument
                | Self::Pdf
                | Self::Mail
                | Self::Mbox
                | Self::Sqlite
                | Self::Notebook
                | Self::SourceMap
        )
    }

    /// Tells whether the format is a compressed stream of one file.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Gzip | Self::Bzip2 | Self::Xz | Self::Zstd)
    }

    /// Tells whether the raw bytes are text worth searching beside what is extracted.
    #[must_use]
    pub const fn is_text_itself(self) -> bool {
        matches!(
            self,
            Self::Html
                | Self::Notebook
                | Self::SourceMap
                | Self::Mail
                | Self::Mbox
                | Self::Pyc
                | Self::Pickle
                | Self::Sqlite
        )
    }
}

/// Bytes of a file's beginning that [`detect`] wants to see.
pub const HEAD_BYTES: usize = 4096;

/// Recognises a format from the first bytes of a file and its name.
#[must_use]
pub fn detect(head: &[u8], name: &[u8]) -> Option<Format> {
    let by_magic: [(&[u8], Format); 9] = [
        (b"\x1f\x8b\x08", Format::Gzip),
        (b"BZh", Format::Bzip2),
        (b"\xfd7zXZ\0", Format::Xz),
        (b"\x28\xb5\x2f\xfd", Format::Zstd),
        (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
        (b"SQLite format 3\0", Format::Sqlite),
        (b"GGUF", Format::Gguf),
        (b"From ", Format::Mbox),
        (b"PK\x05\x06", Format::Zip),
    ];
    if let Some((_, format)) =
        by_magic.iter().find(|(magic, format)| head.starts_with(magic) && plausible(*format, head))
    {
        return Some(*format);
    }
    if head.starts_with(b"PK\x03\x04") {
        return Some(zip_kind(head, name));
    }
    // Readers take the mark anywhere in the first 1024 bytes; in the middle of a line it is quoted text.
    let mark = memchr::memmem::find(head.get(..head.len().min(1024)).unwrap_or(head), b"%PDF-");
    if mark.is_some_and(|at| at == 0 || matches!(head.get(at - 1), Some(b'\n' | b'\r' | 0 | 0x80..))) {
        return Some(Format::Pdf);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(Format::Tar);
    }
    if is_safetensors(head) {
        return Some(Format::Safetensors);
    }
    if matches!(head, [0x80, 2..=5, ..]) && is_pickle(head) {
        return Some(Format::Pickle);
    }
    by_name(head, &extension(name))
}

fn plausible(format: Format, head: &[u8]) -> bool {
    match format {
        Format::Bzip2 => matches!(head.get(3), Some(b'1'..=b'9')) && matches!(head.get(4), Some(0x31 | 0x17)),
        Format::Mbox => head
            .split(|byte| *byte == b'\n')
            .nth(1)
            .is_some_and(|line| line.iter().position(|byte| *byte == b':').is_some_and(|colon| colon < 40)),
        _ => true,
    }
}

fn extension(name: &[u8]) -> String {
    let name = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    name.iter()
        .rposition(|byte| *byte == b'.')
        .and_then(|at| name.get(at + 1..))
        .map(|text| String::from_utf8_lossy(text).to_ascii_lowercase())
        .unwrap_or_default()
}

/// The names in the local headers of a zip file that lie in its first bytes.
fn entry_names(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memmem::find_iter(head, b"PK\x03\x04").filter_map(|at| {
        let len = head.get(at + 26..at + 28)?;
        let len = usize::from(u16::from_le_bytes([*len.first()?, *len.get(1)?]));
        head.get(at + 30..at + 30 + len)
    })
}

fn zip_kind(head: &[u8], name: &[u8]) -> Format {
    let has = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    let named = |names: &[&str]| names.contains(&extension(name).as_str());
    if has(b"mimetypeapplication/vnd.oasis.opendocument") || named(&["odt", "ods", "odp"]) {
        return Format::OpenDocument;
    }
    let office = entry_names(head).any(|name| {
        name == b"[Content_Types].xml" || [&b"word/"[..], b"xl/", b"ppt/"].iter().any(|folder| name.starts_with(folder))
    });
    if office || named(&["docx", "xlsx", "pptx", "docm", "xlsm", "pptm"]) { Format::Office } else { Format::Zip }
}

fn is_safetensors(head: &[u8]) -> bool {
    let Some(Ok(length)) = head.get(..8).map(<[u8; 8]>::try_from) else { return false };
    (2..=100 << 20).contains(&u64::from_le_bytes(length)) && matches!(head.get(8..10), Some(b"{\"" | b"{ " | b"{}"))
}

/// A protocol number, then an opcode that a pickle begins with.
fn is_pickle(head: &[u8]) -> bool {
    matches!(
        head.get(2),
        Some(0x95 | b'c' | b'}' | b']' | b')' | b'(' | b'X' | 0x8c | b'K' | b'M' | b'J' | b'N' | b'C' | 0x8a)
    )
}

fn by_name(head: &[u8], extension: &str) -> Option<Format> {
    let starts = |needle: &[u8]| head.trim_ascii_start().starts_with(needle);
    let has = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    match extension {
        "html" | "htm" | "xhtml" => Some(Format::Html),
        "ipynb" if starts(b"{") => Some(Format::Notebook),
        "map" if starts(b"{") && has(b"\"version\"") => Some(Format::SourceMap),
        "eml" | "emlx" | "mht" | "mhtml" => Some(Format::Mail),
        "mbox" | "mbx" => Some(Format::Mbox),
        "pyc" | "pyo" if head.get(2..4) == Some(b"\r\n") => Some(Format::Pyc),
        "pkl" | "pickle" | "joblib"
            if !head.is_empty() && !head.is_ascii()
                || matches!(head.first(), Some(b'(' | b'c')) && matches!(extension, "pkl" | "pickle") =>
        {
            Some(Format::Pickle)
        }
        _ if starts(b"<!DOCTYPE html") || starts(b"<!doctype html") || starts(b"<html") => Some(Format::Html),
        "" | "msg" | "txt" if looks_like_mail(head) => Some(Format::Mail),
        _ => None,
    }
}

/// Names of header fields that mail begins with; the later ones stand in nothing else.
const MAIL_FIELDS: [&str; 8] =
    ["from", "to", "subject", "date", "return-path", "received", "message-id", "mime-version"];

/// Three header fields of mail in the first lines, one of them `Received`, `Message-ID` or `MIME-Version`.
fn looks_like_mail(head: &[u8]) -> bool {
    let field = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        MAIL_FIELDS.iter().position(|field| name.eq_ignore_ascii_case(field.as_bytes()))
    };
    let mut lines = head.split(|byte| *byte == b'\n').take(24);
    let Some(first) = lines.next().and_then(field) else { return false };
    let (count, own) =
        lines.filter_map(field).fold((1, first >= 5), |(count, own), field| (count + 1, own || field >= 5));
    count >= 3 && own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_names_help() {
        assert_eq!(detect(b"\x1f\x8b\x08\0", b"x.txt"), Some(Format::Gzip));
        let named = |name: &[u8]| [b"PK\x03\x04", &[0; 22][..], &[name.len() as u8, 0, 0, 0], name].concat();
        assert_eq!(detect(&named(b"word/document.xml"), b"x"), Some(Format::Office));
        assert_eq!(detect(&named(b"password/app.xml"), b"x"), Some(Format::Zip));
        assert_eq!(detect(b"PK\x03\x04............a.class", b"x.jar"), Some(Format::Zip));
        assert_eq!(detect(b"BZhello", b"x"), None);
        assert_eq!(detect(b"From here on, all is prose.\nNo header\n", b"x.md"), None);
        assert_eq!(detect(b"{\"cells\": []}", b"a.ipynb"), Some(Format::Notebook));
        assert_eq!(detect(b"plain", b"a.txt"), None);
        assert_eq!(detect(b"", b""), None);
    }
}
