//! JSON that carries source: notebooks and source maps.

use serde_json::Value;

use crate::{Document, ExtractError};

/// A Jupyter notebook: each cell's source, then what it printed.
pub(crate) fn notebook(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ExtractError::damaged("notebook", error))?;
    let cells = value.get("cells").or_else(|| value.pointer("/worksheets/0/cells")).and_then(Value::as_array);
    for (index, cell) in cells.into_iter().flatten().enumerate() {
        let source = cell.get("source").or_else(|| cell.get("input")).map(joined).unwrap_or_default();
        document.text(format!("cell {}", index + 1), source);
        for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
            let mut text = output.get("text").map(joined).unwrap_or_default();
            for (kind, data) in output.get("data").and_then(Value::as_object).into_iter().flatten() {
                if kind.starts_with("text/") || kind.contains("json") {
                    text.push_str(&joined(data));
                    text.push('\n');
                }
            }
            text.push_str(&output.get("traceback").map(joined).unwrap_or_default());
            document.text(format!("cell {} output", index + 1), text);
        }
    }
    Ok(())
}

fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A source map: the original sources that it carries.
pub(crate) fn source_map(bytes: &[u8], document: &mut Document) -> Result<(), ExtractError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ExtractError::damaged("source map", error))?;
    let sections = value
        .get("sections")
        .and_then(Value::as_array)
        .map(|sections| sections.iter().filter_map(|section| section.get("map")).collect::<Vec<_>>());
    for map in sections.unwrap_or_else(|| vec![&value]) {
        let names = map.get("sources").and_then(Value::as_array);
        for (index, source) in map.get("sourcesContent").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let name = names.and_then(|names| names.get(index)).and_then(Value::as_str).unwrap_or("source");
            if let Some(source) = source.as_str() {
                document.file(name.as_bytes().to_vec(), source.as_bytes().to_vec());
            }
        }
    }
    Ok(())
}
