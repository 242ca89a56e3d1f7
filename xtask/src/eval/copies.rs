//! Copies of known documents, made in several ways, among foreign documents.

mod office;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Known documents, and their least length: shorter ones have no 30 %.
const KNOWN: usize = 50;
const KNOWN_BYTES_MIN: usize = 4_000;

/// Fingerprints fifty texts of `known`, hides copies of them, and scans these and the files of `foreign`.
pub(crate) fn run(known: &str, foreign: &str) -> Result<(), String> {
    let folder = super::prepare("copies")?;
    let key = format!("{folder}/key");
    let index = format!("{folder}/index");
    let texts: Vec<String> = files(known)?
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .filter(|text| text.len() >= KNOWN_BYTES_MIN)
        .take(KNOWN)
        .collect();
    let write = |name: String, content: &[u8]| {
        let path = PathBuf::from(format!("{folder}/{name}"));
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut made = BTreeSet::new();
    for (number, text) in texts.iter().enumerate() {
        write(format!("known/{number}.txt"), text.as_bytes())?;
        for (way, copy) in copies(text, texts.get((number + 1) % texts.len()).map_or("", String::as_str), number)? {
            let name = format!("copies/{number}-{way}");
            write(name.clone(), &copy)?;
            made.insert(name);
        }
    }
    let known_folder = format!("{folder}/known");
    let added = ["fingerprint", "add", &known_folder, "--level", "restricted", "--project", "eval", "--index", &index];
    let status = Command::new(super::PROGRAM)
        .args(added)
        .args(["--id-key", &key])
        .status()
        .map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("the documents were not fingerprinted".to_owned());
    }
    let scan = |target: &str| super::scan(&[target, "--fingerprints", &index, "--id-key", &key], "copy");
    let found = |places: Vec<(String, serde_json::Value)>| {
        places.into_iter().map(|(path, _)| outermost(&path)).collect::<BTreeSet<_>>()
    };
    let copies = found(scan(&format!("{folder}/copies"))?);
    let missed: Vec<&String> = made.iter().filter(|name| !copies.contains(&format!("{folder}/{name}"))).collect();
    println!("{} of {} copies found; missed: {missed:?}", made.len() - missed.len(), made.len());
    let alarms = found(scan(foreign)?);
    println!("{} of {} foreign files reported: {alarms:?}", alarms.len(), files(foreign)?.len());
    Ok(())
}

/// The text whole, reformatted, in part, in another text, as HTML, docx and PDF, with words changed.
fn copies(text: &str, host: &str, seed: usize) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let part = |from: usize, percent: usize| {
        let start = words.len() * from / 100;
        words.iter().skip(start).take(words.len() * percent / 100).copied().collect::<Vec<_>>().join(" ")
    };
    let middle = host.char_indices().nth(host.chars().count() / 2).map_or(0, |(at, _)| at);
    let (before, behind) = host.split_at_checked(middle).unwrap_or((host, ""));
    let changed: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| if (at * 7919 + seed).is_multiple_of(10) { format!("{word}ish") } else { (*word).to_owned() })
        .collect();
    let html: String =
        words.chunks(9).map(|line| format!("<p>{}</p>\n", line.join(" <b>").replace('&', "&amp;"))).collect();
    let texts = [
        ("exact.txt", text.to_owned()),
        ("third.txt", part(20, 30)),
        ("inside.txt", format!("{before}\n{}\n{behind}", part(40, 12))),
        ("layout.txt", words.chunks(5).map(|line| format!("  > {}\n", line.join("   ").to_uppercase())).collect()),
        ("page.html", format!("<html><body>{html}</body></html>")),
        ("changed.txt", changed.join(" ")),
    ];
    let mut copies: Vec<_> = texts.into_iter().map(|(way, copy)| (way, copy.into_bytes())).collect();
    copies.push(("office.docx", office::docx(text)?));
    copies.push(("print.pdf", office::pdf(text)));
    Ok(copies)
}

/// The file itself, of a place within it.
fn outermost(path: &str) -> String {
    path.split('!').next().unwrap_or_default().to_owned()
}

fn files(folder: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
