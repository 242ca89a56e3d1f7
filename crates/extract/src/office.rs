//! Office documents: zip files of XML. Text split over runs is one text; comments, notes, headers, properties and
//! linked addresses count as text; embedded files are handed out.

use std::io::{Cursor, Read as _};

use quick_xml::events::Event;

use crate::limits::DOCUMENT_BYTES_MAX;
use crate::{Document, ExtractError};

fn each_part(
    bytes: &[u8],
    format: &'static str,
    document: &mut Document,
    mut each: impl FnMut(&str, Vec<u8>, &mut Document),
) -> Result<(), ExtractError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| ExtractError::damaged(format, error))?;
    let mut left = DOCUMENT_BYTES_MAX * 4;
    if archive.len() > crate::limits::PARTS_MAX {
        document.skipped.push(format!(
            "{} parts beyond {}",
            archive.len() - crate::limits::PARTS_MAX,
            crate::limits::PARTS_MAX
        ));
    }
    for index in 0..archive.len().min(crate::limits::PARTS_MAX) {
        let mut part = match archive.by_index(index) {
            Ok(part) => part,
            Err(error) => {
                document.skipped.push(error.to_string());
                continue;
            }
        };
        let name = String::from_utf8_lossy(part.name_raw()).into_owned();
        let mut content = Vec::new();
        let read = part.by_ref().take(left as u64 + 1).read_to_end(&mut content);
        if read.is_err() || content.len() > left {
            document.skipped.push(format!("part `{name}`"));
            continue;
        }
        left -= content.len();
        each(&name, content, document);
    }
    Ok(())
}

/// docx, xlsx, pptx.
pub(crate) fn office(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    each_part(bytes, "office document", document, |name, content, document| {
        if name.ends_with(".rels") {
            document.text(name, link_targets(&content));
        } else if name.starts_with("docProps/") {
            put(document, name, properties(&content));
        } else if name.ends_with(".xml")
            && !name.starts_with("[")
            && !name.contains("theme")
            && !name.ends_with("styles.xml")
        {
            put(document, name, xml_text(&content, &["p", "si", "row", "cm", "comment", "br"], &["tab", "c", "tc"]));
        } else if !name.ends_with(".xml") && !name.ends_with('/') {
            document.file(name.as_bytes().to_vec(), content);
        }
    })
}

/// odt, ods, odp.
pub(crate) fn open_document(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    each_part(bytes, "open document", document, |name, content, document| match name {
        "content.xml" | "styles.xml" => {
            put(document, name, xml_text(&content, &["p", "h", "table-row", "line-break"], &["tab", "s", "table-cell"]))
        }
        "meta.xml" => put(document, name, properties(&content)),
        _ if name.ends_with(".xml") || name == "mimetype" || name.ends_with('/') => {}
        _ => document.file(name.as_bytes().to_vec(), content),
    })
}

/// The text of a part, and whether it could be read to its end.
struct Text {
    text: String,
    is_whole: bool,
}

impl Text {
    /// Ends a text where its XML breaks off: what follows is taken as it is.
    fn end(mut self, xml: &str, at: u64, outcome: Result<Event<'_>, quick_xml::Error>) -> Self {
        if outcome.is_err() {
            self.is_whole = false;
            self.text.push('\n');
            self.text.push_str(usize::try_from(at).ok().and_then(|at| xml.get(at..)).unwrap_or_default());
        }
        self
    }
}

fn put(document: &mut Document, name: &str, text: Text) {
    if !text.is_whole {
        document.skipped.push(format!("part `{name}`: its XML breaks off; the rest is searched as it is"));
    }
    document.text(name, text.text);
}

/// The text of an XML part: `lines` end a line, `gaps` leave a blank.
fn xml_text(xml: &[u8], lines: &[&str], gaps: &[&str]) -> Text {
    let xml = String::from_utf8_lossy(xml);
    let mut reader = quick_xml::Reader::from_str(&xml);
    reader.config_mut().check_end_names = false;
    let mut out = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Text(text)) => out.push_str(&text),
            Ok(Event::CData(text)) => out.push_str(&text),
            Ok(Event::GeneralRef(entity)) => push_entity(&entity, &mut out),
            Ok(Event::End(tag)) if lines.iter().any(|name| tag.local_name().as_ref() == *name) => out.push('\n'),
            Ok(Event::Empty(tag)) if lines.iter().any(|name| tag.local_name().as_ref() == *name) => out.push('\n'),
            Ok(Event::Empty(tag) | Event::Start(tag)) if gaps.iter().any(|name| tag.local_name().as_ref() == *name) => {
                out.push(' ')
            }
            outcome @ (Ok(Event::Eof) | Err(_)) => {
                return Text { text: out, is_whole: true }.end(&xml, reader.error_position(), outcome);
            }
            Ok(_) => {}
        }
    }
}

fn push_entity(name: &str, out: &mut String) {
    match name {
        "amp" => out.push('&'),
        "lt" => out.push('<'),
        "gt" => out.push('>'),
        "quot" => out.push('"'),
        "apos" => out.push('\''),
        _ => {
            let code = name.strip_prefix("#x").map_or_else(
                || name.strip_prefix('#').and_then(|text| text.parse().ok()),
                |hex| u32::from_str_radix(hex, 16).ok(),
            );
            out.extend(code.and_then(char::from_u32));
        }
    }
}

/// Properties as lines `name: value`; sensitivity labels stand among them.
fn properties(xml: &[u8]) -> Text {
    let xml = String::from_utf8_lossy(xml);
    let mut reader = quick_xml::Reader::from_str(&xml);
    reader.config_mut().check_end_names = false;
    let mut out = String::new();
    let mut name = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let local = tag.local_name().as_ref().to_owned();
                let named = tag
                    .attributes()
                    .flatten()
                    .find(|attribute| attribute.key.local_name().as_ref() == "name")
                    .map(|attribute| attribute.value.into_owned());
                match named {
                    Some(named) => name = named,
                    None if name.is_empty()
                        || !matches!(local.as_str(), "lpwstr" | "lpstr" | "bool" | "i4" | "filetime") =>
                    {
                        name = local
                    }
                    None => {}
                }
            }
            Ok(Event::Text(text)) if !text.trim().is_empty() => {
                out.push_str(&format!("{name}: {}\n", &*text));
            }
            outcome @ (Ok(Event::Eof) | Err(_)) => {
                return Text { text: out, is_whole: true }.end(&xml, reader.error_position(), outcome);
            }
            Ok(_) => {}
        }
    }
}

/// The addresses that a part links to outside the document.
fn link_targets(xml: &[u8]) -> String {
    let text = String::from_utf8_lossy(xml);
    text.split("Target=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|target| target.contains(':'))
        .map(|target| format!("{}\n", target.replace("&amp;", "&")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_broken_xml_is_not_lost() {
        let whole = xml_text(b"<w:p><w:t>a&amp;b</w:t><w:t>c</w:t></w:p>", &["p"], &[]);
        assert_eq!((whole.text.as_str(), whole.is_whole), ("a&bc\n", true));
        for broken in ["<w:p>before</w:p><w:t x=\"behind", "<p>before</p><!-- behind", "<p>before</p><![CDATA[behind"] {
            let text = xml_text(broken.as_bytes(), &["p"], &[]);
            assert!(!text.is_whole, "{broken}");
            assert!(text.text.contains("before") && text.text.contains("behind"), "{}", text.text);
            assert!(!properties(broken.as_bytes()).is_whole);
        }
    }
}
