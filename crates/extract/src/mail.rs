//! Mail: headers, bodies after their transfer encoding, attachments as files.

use mail_parser::{MessageParser, MimeHeaders as _};

use crate::limits::PARTS_MAX;
use crate::{Document, ExtractError, markup};

pub(crate) fn mail(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    message(bytes, "", document)
}

fn message(bytes: &[u8], name: &str, document: &mut Document) -> Result<(), ExtractError> {
    let message = MessageParser::default().parse(bytes).ok_or_else(|| ExtractError::damaged("mail", "no header"))?;
    let headers: String =
        message.headers_raw().map(|(name, value)| format!("{name}: {}\n", value.trim().replace("\r\n", " "))).collect();
    document.text(format!("{name}headers"), headers);
    if let Some(subject) = message.subject() {
        document.text(format!("{name}subject"), subject.to_owned());
    }
    for index in 0..message.text_body_count() {
        document.text(format!("{name}body"), message.body_text(index).unwrap_or_default().into_owned());
    }
    for index in 0..message.html_body_count() {
        document.text(format!("{name}html"), markup::html_text(&message.body_html(index).unwrap_or_default()));
    }
    for part in message.attachments() {
        document.file(part.attachment_name().unwrap_or("attachment").as_bytes().to_vec(), part.contents().to_vec());
    }
    Ok(())
}

/// Messages that each begin with a line `From `.
pub(crate) fn mbox(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    let mut starts: Vec<usize> = if bytes.starts_with(b"From ") { vec![0] } else { Vec::new() };
    starts.extend(memchr::memmem::find_iter(bytes, b"\nFrom ").map(|at| at + 1));
    if starts.is_empty() {
        return mail(bytes, document);
    }
    if starts.len() > PARTS_MAX {
        document.skipped.push(format!("messages beyond {PARTS_MAX}"));
    }
    for (index, start) in starts.iter().enumerate().take(PARTS_MAX) {
        let end = starts.get(index + 1).copied().unwrap_or(bytes.len());
        let body = bytes.get(*start..end).unwrap_or_default();
        let body = memchr::memchr(b'\n', body).and_then(|newline| body.get(newline + 1..)).unwrap_or_default();
        if message(body, &format!("message {} ", index + 1), document).is_err() {
            document.skipped.push(format!("message {}", index + 1));
        }
    }
    Ok(())
}
