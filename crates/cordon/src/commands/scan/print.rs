//! Writes the report; in text, findings in tracked files as soon as those are read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};

use cordon_domain::FindingId;
use cordon_scan::Reported;
use cordon_scan::report::{jsonl, sarif};

use super::{Format, Outcome};
use crate::render::{self, Paint};

/// Writes one report.
pub(super) struct Printer {
    format: Format,
    paint: Paint,
    /// Findings that stand already, as they were told.
    told: RefCell<HashMap<FindingId, Reported>>,
}

impl Printer {
    pub(super) fn new(format: Format) -> Self {
        let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let paint = if colour { Paint::Colour } else { Paint::Plain };
        Self { format, paint, told: RefCell::default() }
    }

    /// Writes findings before the rest is read. Machines get everything at the end, in one order.
    pub(super) fn early(&self, found: &[Reported]) {
        if self.format == Format::Text && self.write_text(found).and_then(|()| io::stdout().flush()).is_ok() {
            let told = found.iter().map(|reported| (reported.finding.id.clone(), reported.clone()));
            self.told.borrow_mut().extend(told);
        }
    }

    /// Writes what was not told yet, and the closing lines.
    pub(super) fn finish(&self, outcome: &Outcome) -> io::Result<()> {
        let result = match self.format {
            Format::Text => self.write_text(&outcome.found).and_then(|()| {
                io::stdout().write_all(render::summary(&outcome.found, &outcome.summary, self.paint).as_bytes())
            }),
            Format::Jsonl => write_jsonl(outcome),
            Format::Sarif => writeln!(io::stdout(), "{:#}", sarif::log(&outcome.found, &outcome.summary)),
        };
        // A reader that closes the pipe has seen enough.
        match result.and_then(|()| io::stdout().flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    fn write_text(&self, found: &[Reported]) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for reported in found {
            let text = match self.told.borrow().get(&reported.finding.id) {
                None => render::finding(reported, self.paint),
                Some(told) if says_more(told, reported) => render::finding(reported, self.paint),
                Some(told) if told.locations_total < reported.locations_total => {
                    render::further(reported, told, self.paint)
                }
                Some(_) => continue,
            };
            out.write_all(text.as_bytes())?;
        }
        out.flush()
    }
}

/// Tells whether places read later made a finding surer or worse.
fn says_more(told: &Reported, now: &Reported) -> bool {
    let weight = |reported: &Reported| (reported.finding.severity, reported.finding.confidence);
    weight(told) != weight(now) || told.finding.detail != now.finding.detail
}

fn write_jsonl(outcome: &Outcome) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for reported in &outcome.found {
        writeln!(out, "{}", jsonl::finding(reported))?;
    }
    writeln!(out, "{}", jsonl::summary(&outcome.summary, outcome.found.len(), &outcome.key.0))?;
    out.flush()
}
