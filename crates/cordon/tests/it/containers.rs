//! One planted key in each container, document and encoding: every one is found.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lopdf::content::{Content, Operation};
use lopdf::{Object, Stream, dictionary};

use crate::harness::{Place, token};

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

fn tarred(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, *bytes).expect("memory");
    }
    archive.into_inner().expect("memory")
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn office(part: &str, xml: &str) -> Vec<u8> {
    zipped(&[("[Content_Types].xml", b"<Types/>"), (part, xml.as_bytes())])
}

/// The key in the middle of a sentence that is split over runs.
fn split(key: &str, open: &str, close: &str) -> String {
    key.as_bytes().chunks(7).map(|chunk| format!("{open}{}{close}", String::from_utf8_lossy(chunk))).collect()
}

fn pdf(key: &str) -> Vec<u8> {
    let mut document = lopdf::Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let operations = vec![
        Operation::new("BT", vec![]),
        Operation::new("Tf", vec!["F1".into(), 12.into()]),
        Operation::new("Tj", vec![Object::string_literal(format!("the key is {key}"))]),
        Operation::new("ET", vec![]),
        Operation::new("re", vec![0.into(), 0.into(), 600.into(), 800.into()]),
        Operation::new("f", vec![]),
    ];
    let mut stream = Stream::new(dictionary! {}, Content { operations }.encode().expect("operations"));
    stream.compress().expect("compression");
    let content = document.add_object(stream);
    let page = document.add_object(dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content });
    let all = dictionary! {
        "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1,
        "Resources" => resources, "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    };
    document.objects.insert(pages, Object::Dictionary(all));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    document.compress();
    let mut out = Vec::new();
    document.save_to(&mut out).expect("memory");
    out
}

/// A database of two pages: the schema, and a table whose row runs over into no other page.
fn sqlite(key: &str) -> Vec<u8> {
    const SIZE: usize = 1024;
    let cell = |row: u8, values: &[&[u8]]| {
        let mut head: Vec<u8> = values.iter().flat_map(|value| varint(13 + 2 * value.len() as u64)).collect();
        head.insert(0, head.len() as u8 + 1);
        let payload = [head, values.concat()].concat();
        [varint(payload.len() as u64), vec![row], payload].concat()
    };
    let leaf = |page: &mut [u8], at: usize, cell: &[u8]| {
        let start = SIZE - cell.len();
        page[at..at + 8].copy_from_slice(&[0x0d, 0, 0, 0, 1, (start >> 8) as u8, start as u8, 0]);
        page[at + 8..at + 10].copy_from_slice(&[(start >> 8) as u8, start as u8]);
        page[start..].copy_from_slice(cell);
    };
    let mut file = vec![0; 2 * SIZE];
    file[..16].copy_from_slice(b"SQLite format 3\0");
    file[16..24].copy_from_slice(&[4, 0, 1, 1, 0, 64, 32, 32]);
    let (first, second) = file.split_at_mut(SIZE);
    leaf(first, 100, &cell(1, &[b"table", b"t", b"t", b"2", b"CREATE TABLE t(a,b)"]));
    leaf(second, 0, &cell(1, &[b"service key", key.as_bytes()]));
    file
}

fn varint(value: u64) -> Vec<u8> {
    if value < 128 { vec![value as u8] } else { vec![0x80 | (value >> 7) as u8, value as u8 & 0x7f] }
}

fn gguf(key: &str) -> Vec<u8> {
    let string = |text: &str| [(text.len() as u64).to_le_bytes().to_vec(), text.as_bytes().to_vec()].concat();
    let head = [b"GGUF\x03\0\0\0".to_vec(), 0u64.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat();
    [head, string("general.url"), 8u32.to_le_bytes().to_vec(), string(key)].concat()
}

fn safetensors(key: &str) -> Vec<u8> {
    let header =
        format!(r#"{{"__metadata__":{{"note":"{key}"}},"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    [(header.len() as u64).to_le_bytes().to_vec(), header.into_bytes(), vec![0; 4]].concat()
}

fn seven(key: &str) -> Vec<u8> {
    let mut writer = sevenz_rust2::ArchiveWriter::new(Cursor::new(Vec::new())).expect("memory");
    let entry = sevenz_rust2::ArchiveEntry::new_file("notes.txt");
    writer.push_archive_entry(entry, Some(Cursor::new(key.as_bytes().to_vec()))).expect("memory");
    writer.finish().expect("memory").into_inner()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).expect("options");
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn mail(key: &str, encoding: &str, body: &str) -> String {
    let _ = key;
    format!(
        "From: a@acme.org\r\nTo: b@acme.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
    )
}

fn samples(key: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = format!("the key is {key}\n");
    let plain = text.as_bytes();
    let wide = |big: bool| {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect::<Vec<u8>>()
    };
    let soft = key
        .as_bytes()
        .chunks(30)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect::<Vec<_>>()
        .join("=\r\n");
    let wrapped = STANDARD
        .encode(plain)
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", String::from_utf8_lossy(line)))
        .collect::<String>();
    let layer = tarred(&[("root/.env", plain)]);
    let docx =
        format!("<w:document><w:body><w:p>{}</w:p></w:body></w:document>", split(key, "<w:r><w:t>", "</w:t></w:r>"));
    let pptx = format!("<p:sld><a:p>{}</a:p></p:sld>", split(key, "<a:r><a:t>", "</a:t></a:r>"));
    let xlsx = format!("<sst><si>{}</si></sst>", split(key, "<r><t>", "</t></r>"));
    let odt = format!(
        "<office:document-content><text:p>{}</text:p></office:document-content>",
        split(key, "<text:span>", "</text:span>")
    );
    let notebook =
        serde_json::json!({"cells": [{"cell_type": "code", "source": [&key[..40], &key[40..]], "outputs": []}]});
    let map = serde_json::json!({"version": 3, "sources": ["a.ts"], "sourcesContent": [format!("const key = '{key}';")], "mappings": ""});
    let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = plain.iter().map(|byte| format!("%{byte:02X}")).collect();
    let escapes: String = plain.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    let pickle =
        [b"\x80\x04X".to_vec(), (key.len() as u32).to_le_bytes().to_vec(), key.as_bytes().to_vec(), b"\x94.".to_vec()]
            .concat();
    let pyc = [b"\xcb\r\r\n".to_vec(), vec![0; 12], vec![b'z', key.len() as u8], key.as_bytes().to_vec()].concat();
    vec![
        ("a.zip", zipped(&[("docs/a.txt", plain)])),
        ("nested.jar", zipped(&[("inner.zip", &zipped(&[("deep.txt", plain)]))])),
        ("a.tar", tarred(&[("a.txt", plain)])),
        ("a.tgz", gzipped(&tarred(&[("a.txt", plain)]))),
        ("a.txt.bz2", bzip2(plain)),
        ("a.txt.xz", xz(plain)),
        ("a.txt.zst", ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)),
        ("a.7z", seven(&text)),
        ("image.tar", tarred(&[("manifest.json", b"[]"), ("blobs/sha256/aa", &gzipped(&layer))])),
        ("a.docx", office("word/document.xml", &docx)),
        ("a.xlsx", office("xl/sharedStrings.xml", &xlsx)),
        ("a.pptx", office("ppt/slides/slide1.xml", &pptx)),
        ("a.odt", zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", odt.as_bytes())])),
        ("a.pdf", pdf(key)),
        ("quoted.eml", mail(key, "quoted-printable", &soft).into_bytes()),
        ("base64.eml", mail(key, "base64", &wrapped).into_bytes()),
        (
            "a.mbox",
            format!("From a@acme.org Mon Jan  1 00:00:00 2026\r\n{}", mail(key, "base64", &wrapped)).into_bytes(),
        ),
        ("a.html", format!("<html><p>{}</p></html>", split(key, "<b>", "</b>")).into_bytes()),
        ("a.ipynb", notebook.to_string().into_bytes()),
        ("a.db", sqlite(key)),
        ("a.js.map", map.to_string().into_bytes()),
        ("a.pyc", pyc),
        ("a.safetensors", safetensors(key)),
        ("a.gguf", gguf(key)),
        ("a.pkl", pickle),
        ("utf16le.txt", wide(false)),
        ("utf16be.txt", wide(true)),
        ("base64.txt", format!("data: {}\n", STANDARD.encode(plain)).into_bytes()),
        ("hex.txt", format!("data: {hex}\n").into_bytes()),
        ("percent.txt", format!("u={percent}\n").into_bytes()),
        ("escapes.json", format!("{{\"a\": \"{escapes}\"}}").into_bytes()),
        ("table.csv", format!("name,key\nbuild,{key}\n").into_bytes()),
    ]
}

#[test]
fn a_planted_key_is_found_in_each() {
    let place = Place::new();
    let key = token(1);
    let samples = samples(&key);
    for (name, bytes) in &samples {
        place.write(name, bytes);
    }
    let report = place.run(&["scan", "in", "--json"]);
    let places = report.places("xai-api-key");
    let missed: Vec<_> = samples
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !places.iter().any(|place| place.starts_with(&format!("in/{name}"))))
        .collect();
    assert!(missed.is_empty(), "missed {missed:?}\n{}\n{}", report.summary(), report.stderr);
    assert_eq!(report.code, 1);
    assert_eq!(report.summary()["skipped"], 0, "{}", report.summary());
    assert!(!report.stdout.contains(&key[..20]) && !report.stderr.contains(&key[..20]));
}

#[test]
fn names_of_entries_stand_behind_the_container() {
    let place = Place::new();
    place.write(
        "a.zip",
        zipped(&[("docs/b.docx", &office("word/document.xml", &format!("<w:p><w:t>{}</w:t></w:p>", token(2))))]),
    );
    let report = place.run(&["scan", "in/a.zip", "--json"]);
    let finding = report.findings().pop().expect("one finding");
    assert_eq!(finding["location"]["path"], "in/a.zip!docs/b.docx!word/document.xml");
    assert_eq!(finding["location"]["within"][1], "docs/b.docx");
    assert_eq!(finding["location"]["space"], "text");
}
