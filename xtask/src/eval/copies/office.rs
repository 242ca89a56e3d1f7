//! A text as an office document and as a PDF, as far as a scan needs them.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

/// Words of one run, and of one line.
const RUN_WORDS: usize = 5;
const LINE_WORDS: usize = 9;

/// A docx whose words are spread over runs.
pub(super) fn docx(text: &str) -> Result<Vec<u8>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let runs: String = words.chunks(RUN_WORDS).map(|run| format!("<w:r><w:t>{} </w:t></w:r>", escaped(run))).collect();
    let body = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
         <w:body><w:p>{runs}</w:p></w:body></w:document>"
    );
    let types =
        "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("[Content_Types].xml", types), ("word/document.xml", &body)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).map_err(|error| error.to_string())?;
        archive.write_all(content.as_bytes()).map_err(|error| error.to_string())?;
    }
    archive.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}

fn escaped(words: &[&str]) -> String {
    words.join(" ").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A PDF of one page; letters beyond ASCII are left out.
pub(super) fn pdf(text: &str) -> Vec<u8> {
    let ascii: String = text.chars().filter(char::is_ascii).collect();
    let words: Vec<&str> = ascii.split_whitespace().collect();
    let mut content = String::from("BT /F1 9 Tf 40 800 Td 11 TL\n");
    for line in words.chunks(LINE_WORDS) {
        let line = line.join(" ").replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        // Writing to a String cannot fail.
        let _ = writeln!(content, "({line}) Tj T*");
    }
    content.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = writeln!(out, "{} 0 obj\n{object}\nendobj", number + 1);
    }
    let start = out.len();
    let _ = write!(out, "{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    out.into_bytes()
}
