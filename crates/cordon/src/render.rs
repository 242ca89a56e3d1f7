//! Reports for people: worst first, one paragraph a finding, a closing line that accounts for everything.

use std::fmt::Write as _;

use cordon_domain::{Location, Severity};
use cordon_scan::{Reported, Summary};

/// Places shown of one finding.
const PLACES_SHOWN: usize = 3;
/// Skipped inputs shown.
const SKIPS_SHOWN: usize = 10;

/// How text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Colour,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
        };
        self.wrap(code, severity.as_str())
    }
}

/// Writes one finding.
pub(crate) fn finding(reported: &Reported, paint: Paint) -> String {
    let finding = &reported.finding;
    let mut out = String::new();
    let detail = finding.detail.as_ref().map(|detail| format!(": {}", printable(detail))).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} {}{detail}  [{}, {} confidence]",
        paint.severity(finding.severity),
        paint.wrap("1", &finding.title),
        finding.rule,
        finding.confidence
    );
    for location in reported.locations.iter().take(PLACES_SHOWN) {
        let _ = writeln!(out, "  {}", place(location));
    }
    let more = reported.locations_total.saturating_sub(PLACES_SHOWN.min(reported.locations.len()) as u64);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more places");
    }
    if !finding.excerpt.is_empty() {
        let _ = writeln!(out, "    {}", printable(&finding.excerpt));
    }
    let _ = writeln!(out, "  fix: {}\n", finding.fix);
    out
}

/// Writes that a finding told before stands at more places.
pub(crate) fn further(reported: &Reported, told: &Reported, paint: Paint) -> String {
    let finding = &reported.finding;
    let more = reported.locations_total - told.locations_total;
    let places = if more == 1 { "1 place more".to_owned() } else { format!("{more} places more") };
    let first = reported.locations.iter().find(|location| !told.locations.contains(location));
    let first = first.map(place).unwrap_or_default();
    format!(
        "{} {}  [{}]: told above, stands at {places}, among them\n  {first}\n\n",
        paint.severity(finding.severity),
        paint.wrap("1", &finding.title),
        finding.rule
    )
}

fn place(location: &Location) -> String {
    let path = printable(&String::from_utf8_lossy(&location.path.join(&b'!')));
    let blob = location
        .blob
        .as_deref()
        .map(|blob| format!(" (object {})", blob.chars().take(12).collect::<String>()))
        .unwrap_or_default();
    let commit = location
        .commit
        .as_ref()
        .map(|commit| {
            format!(" in commit {} by {}", commit.id.chars().take(12).collect::<String>(), printable(&commit.author))
        })
        .unwrap_or_default();
    if path.is_empty() {
        format!("object {}, line {}", location.blob.as_deref().unwrap_or_default(), location.line)
    } else {
        format!("{path}:{}:{}{commit}{blob}", location.line, location.column)
    }
}

/// Foreign text must not drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Writes the closing lines.
pub(crate) fn summary(found: &[Reported], summary: &Summary, paint: Paint) -> String {
    let mut out = String::new();
    for skip in summary.skips.iter().take(SKIPS_SHOWN) {
        let _ =
            writeln!(out, "{} {}: {}", paint.wrap("33", "not read:"), printable(&skip.path), printable(&skip.reason));
    }
    let more = summary.skipped.saturating_sub(SKIPS_SHOWN.min(summary.skips.len()) as u64);
    if more > 0 {
        let _ = writeln!(out, "{} {more} more", paint.wrap("33", "not read:"));
    }
    for note in &summary.notes {
        let _ = writeln!(out, "note: {}", printable(note));
    }
    let count = |severity: Severity| found.iter().filter(|reported| reported.finding.severity == severity).count();
    let by_severity: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter(|severity| count(**severity) > 0)
        .map(|severity| format!("{} {severity}", count(*severity)))
        .collect();
    let findings = match found.len() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding ({})", by_severity.join(", ")),
        many => format!("{many} findings ({})", by_severity.join(", ")),
    };
    let mut read = Vec::new();
    for (number, one, many) in [
        (summary.files, "file", "files"),
        (summary.blobs, "git object", "git objects"),
        (summary.addresses, "address", "addresses"),
        (summary.containers, "container or document", "containers and documents"),
    ] {
        if number > 0 {
            read.push(format!("{number} {}", if number == 1 { one } else { many }));
        }
    }
    read.push(size(summary.bytes));
    let mut aside = Vec::new();
    for (number, what) in [
        (summary.skipped, "not read"),
        (summary.excluded, "excluded by you"),
        (summary.accepted, "accepted by the baseline"),
        (summary.below_floor, "matches below the confidence asked for"),
    ] {
        if number > 0 {
            aside.push(format!("{number} {what}"));
        }
    }
    let aside = if aside.is_empty() { String::new() } else { format!("; {}", aside.join(", ")) };
    let _ = writeln!(out, "{findings} in {}{aside}", read.join(", "));
    out
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
