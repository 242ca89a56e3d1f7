//! SARIF 2.1.0, for code hosts and editors.

use cordon_domain::{Location, Severity};
use serde_json::{Value, json};

use super::{Reported, Summary};

/// Writes a whole log.
#[must_use]
pub fn log(found: &[Reported], summary: &Summary) -> Value {
    let mut rules: Vec<&Reported> = found.iter().collect();
    rules.sort_by(|left, right| left.finding.rule.cmp(&right.finding.rule));
    rules.dedup_by(|left, right| left.finding.rule == right.finding.rule);
    let index = |rule: &str| rules.iter().position(|known| known.finding.rule == rule);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "cordon",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|reported| rule(reported)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(|reported| result(reported, index(&reported.finding.rule))).collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": summary.skips.iter().map(|skip| json!({
                    "level": "warning",
                    "message": {"text": format!("not read: {}: {}", skip.path, skip.reason)},
                })).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn rule(reported: &Reported) -> Value {
    let finding = &reported.finding;
    json!({
        "id": finding.rule,
        "shortDescription": {"text": finding.title},
        "help": {"text": finding.fix},
        "defaultConfiguration": {"level": level(finding.severity)},
        "properties": {"tags": ["security", finding.kind.as_str()]},
    })
}

fn result(reported: &Reported, rule: Option<usize>) -> Value {
    let finding = &reported.finding;
    let text = match &finding.detail {
        Some(detail) => format!("{}: {detail}", finding.title),
        None => finding.title.to_string(),
    };
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": reported.locations.iter().map(location).collect::<Vec<_>>(),
        "partialFingerprints": {"cordonId/v1": finding.id.0},
        "properties": {"severity": finding.severity.as_str(), "confidence": finding.confidence.as_str(), "excerpt": finding.excerpt},
    })
}

fn location(location: &Location) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&location.path.join(&b'!'))},
            "region": {"startLine": location.line, "startColumn": location.column},
        },
    })
}

/// Percent-encodes all that a URI reference may not hold (RFC 3986, section 2.3), but for the separators.
fn uri(path: &[u8]) -> String {
    path.iter().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'!') {
            out.push(char::from(*byte));
        } else {
            use std::fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
