//! JSON lines, version 1: one object a finding, sorted, and a summary at the end. `docs/schema/scan-1.json` is the
//! contract.

use base64::Engine as _;
use cordon_domain::Location;
use serde_json::{Map, Value, json};

use super::{Reported, Summary};

/// Writes one finding as an object.
#[must_use]
pub fn finding(reported: &Reported) -> Value {
    let finding = &reported.finding;
    let mut object = json!({
        "version": 1,
        "type": "finding",
        "id": finding.id.0,
        "rule": finding.rule,
        "kind": finding.kind.as_str(),
        "severity": finding.severity.as_str(),
        "confidence": finding.confidence.as_str(),
        "title": finding.title,
        "target": target(&finding.location),
        "location": location(&finding.location),
        "locations": reported.locations.iter().map(location).collect::<Vec<_>>(),
        "locations_total": reported.locations_total,
        "excerpt": finding.excerpt,
        "fix": finding.fix,
    });
    if let Some(map) = object.as_object_mut() {
        optional(map, "detail", finding.detail.as_deref());
        optional(map, "level", finding.level.map(cordon_domain::Level::as_str));
    }
    object
}

/// Writes the summary as an object.
#[must_use]
pub fn summary(summary: &Summary, findings: usize, key: &str) -> Value {
    json!({
        "version": 1,
        "type": "summary",
        "findings": findings,
        "files": summary.files,
        "bytes": summary.bytes,
        "containers": summary.containers,
        "blobs": summary.blobs,
        "addresses": summary.addresses,
        "below_confidence": summary.below_floor,
        "excluded": summary.excluded,
        "accepted": summary.accepted,
        "skipped": summary.skipped,
        "skips": summary.skips.iter().map(|skip| json!({"path": skip.path, "reason": skip.reason})).collect::<Vec<_>>(),
        "notes": summary.notes,
        "partial": summary.is_partial(),
        "id_key": key,
    })
}

fn optional(map: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}

fn target(location: &Location) -> String {
    location
        .path
        .first()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .or_else(|| location.blob.clone())
        .unwrap_or_default()
}

fn location(location: &Location) -> Value {
    let joined = location.path.join(&b'!');
    let mut object = json!({
        "path": String::from_utf8_lossy(&joined),
        "line": location.line,
        "column": location.column,
        "byte_start": location.byte_start,
        "byte_end": location.byte_end,
        "space": location.space.as_str(),
    });
    if let Some(map) = object.as_object_mut() {
        if location.path.len() > 1 {
            let within: Vec<_> = location.path.iter().map(|part| String::from_utf8_lossy(part)).collect();
            map.insert("within".to_owned(), json!(within));
        }
        if std::str::from_utf8(&joined).is_err() {
            map.insert("path_base64".to_owned(), base64::engine::general_purpose::STANDARD.encode(&joined).into());
        }
        optional(map, "blob", location.blob.as_deref());
        if let Some(commit) = &location.commit {
            map.insert(
                "commit".to_owned(),
                json!({"id": commit.id, "author": commit.author, "time_unix_s": commit.time_unix_s}),
            );
        }
    }
    object
}
