//! Text inside model files and serialised objects. Nothing is loaded: bytes are walked, strings are copied out.

use crate::ExtractError;
use crate::limits::MODEL_HEADER_BYTES_MAX;

/// A reader over bytes that fails instead of running over.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let found = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(found)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let end = memchr::memchr(b'\n', rest)?;
        self.at += end + 1;
        rest.get(..end)
    }
}

fn push(text: &[u8], out: &mut String) {
    if text.len() >= 4 {
        out.push_str(&String::from_utf8_lossy(text));
        out.push('\n');
    }
}

/// The strings of a pickle, by walking its opcodes (protocols 0 to 5, Python's `pickletools`).
pub(crate) fn pickle_strings(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut walk = Walk { bytes, at: 0 };
    while pickle_step(&mut walk, &mut out).is_some() {}
    out
}

fn pickle_step(walk: &mut Walk<'_>, out: &mut String) -> Option<()> {
    match walk.byte()? {
        b'.' => return None,
        0x8c | b'U' | b'C' => {
            let len = walk.byte()?;
            push(walk.take(len.into())?, out);
        }
        b'X' | b'T' | b'B' => {
            let len = walk.u32()?;
            push(walk.take(len as usize)?, out);
        }
        0x8d | 0x8e | 0x96 => {
            let len = usize::try_from(walk.u64()?).ok()?;
            push(walk.take(len)?, out);
        }
        b'V' | b'S' | b'P' | b'I' | b'L' | b'F' | b'g' | b'p' => push(walk.line()?, out),
        b'c' | b'i' => {
            push(walk.line()?, out);
            push(walk.line()?, out);
        }
        0x80 | b'K' | b'h' | b'q' | 0x82 => {
            walk.take(1)?;
        }
        b'M' | 0x83 => {
            walk.take(2)?;
        }
        b'J' | b'j' | b'r' | 0x84 => {
            walk.take(4)?;
        }
        b'G' | 0x95 => {
            walk.take(8)?;
        }
        0x8a => {
            let len = walk.byte()?;
            walk.take(len.into())?;
        }
        0x8b => {
            let len = walk.u32()?;
            walk.take(len as usize)?;
        }
        b'('
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'R'
        | b'a'
        | b'b'
        | b'd'
        | b'}'
        | b'e'
        | b'l'
        | b']'
        | b'o'
        | b's'
        | b't'
        | b')'
        | b'u'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94
        | 0x97
        | 0x98
        | b'Q' => {}
        _ => return None,
    }
    Some(())
}

/// The strings of Python's marshal format, found by their type bytes; runs that are not text are passed over.
pub(crate) fn marshal_strings(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut at = 16;
    while let Some(kind) = bytes.get(at).map(|byte| byte & 0x7f) {
        let found = match kind {
            b'z' | b'Z' => bytes.get(at + 1).map(|len| (at + 2, usize::from(*len))),
            b's' | b'u' | b'a' | b'A' | b't' => bytes
                .get(at + 1..at + 5)
                .and_then(|len| len.try_into().ok())
                .map(|len| (at + 5, u32::from_le_bytes(len) as usize)),
            _ => None,
        };
        let text = found.and_then(|(start, len)| bytes.get(start..start.checked_add(len)?));
        match text.filter(|text| {
            text.len() >= 4 && text.iter().all(|byte| *byte >= 0x20 || matches!(byte, b'\n' | b'\t' | b'\r'))
        }) {
            Some(text) => {
                push(text, &mut out);
                at = found.map_or(at + 1, |(start, len)| start + len);
            }
            None => at += 1,
        }
    }
    out
}

/// `__metadata__` of a safetensors header, as lines `name: value`.
pub(crate) fn safetensors_metadata(bytes: &[u8]) -> Result<String, ExtractError> {
    let damaged = || ExtractError::damaged("safetensors", "the header ends early");
    let mut walk = Walk { bytes, at: 0 };
    let len = usize::try_from(walk.u64().ok_or_else(damaged)?).unwrap_or(usize::MAX);
    if len > MODEL_HEADER_BYTES_MAX {
        return Err(ExtractError::Limit(format!("safetensors header of {len} bytes")));
    }
    let header: serde_json::Value = serde_json::from_slice(walk.take(len).ok_or_else(damaged)?)
        .map_err(|error| ExtractError::damaged("safetensors", error))?;
    let metadata = header.get("__metadata__").and_then(serde_json::Value::as_object);
    Ok(metadata
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}: {}\n", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect())
}

/// Key-values of a GGUF header, as lines `name: value`; arrays of strings give their elements.
pub(crate) fn gguf_metadata(bytes: &[u8]) -> Result<String, ExtractError> {
    let mut walk = Walk { bytes, at: 4 };
    let mut out = String::new();
    let version = walk.u32().unwrap_or(0);
    if !(2..=3).contains(&version) {
        return Err(ExtractError::damaged("gguf", format!("version {version}")));
    }
    let header = walk.u64().and_then(|_| walk.u64());
    let count = header.ok_or_else(|| ExtractError::damaged("gguf", "the header ends early"))?;
    for _ in 0..count.min(100_000) {
        let read = gguf_string(&mut walk).and_then(|name| {
            let kind = walk.u32()?;
            out.push_str(&format!("{name}: "));
            gguf_value(&mut walk, kind, 0, &mut out)
        });
        if read.is_none() {
            return if out.is_empty() { Err(ExtractError::damaged("gguf", "the header ends early")) } else { Ok(out) };
        }
        out.push('\n');
    }
    Ok(out)
}

fn gguf_string(walk: &mut Walk<'_>) -> Option<String> {
    let len = usize::try_from(walk.u64()?).ok()?;
    walk.take(len).map(|text| String::from_utf8_lossy(text).into_owned())
}

fn gguf_value(walk: &mut Walk<'_>, kind: u32, depth: u8, out: &mut String) -> Option<()> {
    match kind {
        0 | 1 | 7 => drop(walk.take(1)?),
        2 | 3 => drop(walk.take(2)?),
        4..=6 => drop(walk.take(4)?),
        10..=12 => drop(walk.take(8)?),
        8 => {
            if out.len() < MODEL_HEADER_BYTES_MAX {
                out.push_str(&gguf_string(walk)?);
                out.push(' ');
            } else {
                gguf_string(walk)?;
            }
        }
        9 if depth < 2 => {
            let (inner, count) = (walk.u32()?, walk.u64()?);
            for _ in 0..count {
                gguf_value(walk, inner, depth + 1, out)?;
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_come_out_of_each() {
        assert_eq!(
            pickle_strings(b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x06secret\x94X\x05\0\0\0tokenq\0."),
            "secret\ntoken\n"
        );
        assert_eq!(pickle_strings(b"cos\nsystem\n(S'echo'\ntR."), "system\n'echo'\n");
        let mut pyc = vec![0; 16];
        pyc.extend(b"\xe3\0\0\xda\x08password\xfa\x06s3cret");
        assert_eq!(marshal_strings(&pyc), "password\ns3cret\n");
        let header = br#"{"__metadata__":{"author":"x@y"}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        assert_eq!(safetensors_metadata(&file).expect("a header"), "author: x@y\n");
        let mut gguf = b"GGUF\x03\0\0\0".to_vec();
        gguf.extend(0u64.to_le_bytes());
        gguf.extend(1u64.to_le_bytes());
        for text in ["general.name", "Heron"] {
            gguf.extend((text.len() as u64).to_le_bytes());
            gguf.extend(text.as_bytes());
            if text.starts_with("general") {
                gguf.extend(8u32.to_le_bytes());
            }
        }
        assert_eq!(gguf_metadata(&gguf).expect("a header"), "general.name: Heron \n");
    }

    proptest! {
        #[test]
        fn never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = pickle_strings(&bytes);
            let _ = marshal_strings(&bytes);
            let _ = safetensors_metadata(&bytes);
            let _ = gguf_metadata(&[b"GGUF\x03\0\0\0".as_slice(), &bytes].concat());
        }
    }
}
