//! PDF: page text with fonts applied, every string that is shown or hidden, annotations, metadata, attachments.

use lopdf::content::Content;
use lopdf::{Dictionary, Object};

use crate::limits::TEXT_BYTES_MAX;
use crate::{Document, ExtractError};

/// Operands that move less than this (thousandths of an em) belong to one word.
const WORD_GAP: f32 = -180.0;

pub(crate) fn pdf(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    let file = lopdf::Document::load_mem(bytes).map_err(|error| ExtractError::damaged("pdf", error))?;
    if file.is_encrypted() {
        return Err(ExtractError::Encrypted("pdf"));
    }
    for page in file.get_pages().keys() {
        match file.extract_text(&[*page]) {
            Ok(text) => document.text(format!("page {page}"), text),
            Err(error) => document.skipped.push(format!("page {page}: {error}")),
        }
    }
    let mut strings = String::new();
    for object in file.objects.values() {
        match object {
            Object::Stream(stream) => stream_parts(stream, &mut strings, document),
            other => object_strings(other, 0, &mut strings),
        }
    }
    object_strings(&Object::Dictionary(file.trailer.clone()), 0, &mut strings);
    document.text("strings", strings);
    Ok(())
}

fn stream_parts(stream: &lopdf::Stream, strings: &mut String, document: &mut Document) {
    object_strings(&Object::Dictionary(stream.dict.clone()), 0, strings);
    if is_named(&stream.dict, b"Subtype", b"Image") {
        return;
    }
    let Ok(content) = stream.get_plain_content_with_limit(TEXT_BYTES_MAX) else {
        return document.skipped.push("a stream that does not unpack".to_owned());
    };
    if is_named(&stream.dict, b"Type", b"EmbeddedFile") {
        document.file(b"attachment".to_vec(), content);
    } else if is_named(&stream.dict, b"Type", b"Metadata") || content.starts_with(b"<?xpacket") {
        strings.push_str(&String::from_utf8_lossy(&content));
        strings.push('\n');
    } else if memchr::memmem::find(&content, b"Tj").or(memchr::memmem::find(&content, b"TJ")).is_some() {
        shown_strings(&content, strings);
    }
}

fn is_named(dictionary: &Dictionary, key: &[u8], name: &[u8]) -> bool {
    dictionary.get(key).and_then(Object::as_name).is_ok_and(|found| found == name)
}

/// Strings that a content stream shows, wherever they are painted and whatever lies on top.
fn shown_strings(content: &[u8], out: &mut String) {
    let Ok(content) = Content::decode(content) else { return };
    for operation in &content.operations {
        match operation.operator.as_str() {
            "Tj" | "'" | "\"" => operation.operands.iter().for_each(|operand| push_string(operand, out)),
            "TJ" => {
                for part in operation.operands.first().and_then(|operand| operand.as_array().ok()).into_iter().flatten()
                {
                    match part {
                        Object::Integer(gap) if (*gap as f32) < WORD_GAP => out.push(' '),
                        Object::Real(gap) if *gap < WORD_GAP => out.push(' '),
                        other => push_string(other, out),
                    }
                }
            }
            "Td" | "TD" | "T*" | "Tm" | "ET" => out.push('\n'),
            _ => {}
        }
    }
}

fn push_string(object: &Object, out: &mut String) {
    let Object::String(bytes, _) = object else { return };
    match bytes.as_slice() {
        [0xfe, 0xff, rest @ ..] => out.extend(
            char::decode_utf16(rest.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)))
                .map(|c| c.unwrap_or(' ')),
        ),
        _ => out.extend(bytes.iter().map(|byte| char::from(*byte)).filter(|c| !c.is_control())),
    }
}

/// Strings of dictionaries: annotations, addresses, titles, form values.
fn object_strings(object: &Object, depth: u8, out: &mut String) {
    if depth > 8 {
        return;
    }
    match object {
        Object::String(bytes, _) if bytes.len() >= 4 => {
            push_string(object, out);
            out.push('\n');
        }
        Object::Array(parts) => parts.iter().for_each(|part| object_strings(part, depth + 1, out)),
        Object::Dictionary(dictionary) => {
            dictionary.iter().for_each(|(_, value)| object_strings(value, depth + 1, out))
        }
        _ => {}
    }
}
