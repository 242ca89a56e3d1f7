//! Findings of one kind against labelled files.

use std::collections::BTreeMap;

use serde_json::Value;

/// Prints precision and recall of `kind` over `folder`, whose `labels.jsonl` names each `file` and says whether it is
/// `positive`; then the files on which label and scan differ.
pub(crate) fn run(folder: &str, kind: &str) -> Result<(), String> {
    super::prepare("labelled")?;
    let labels =
        std::fs::read_to_string(format!("{folder}/labels.jsonl")).map_err(|error| format!("{folder}: {error}"))?;
    let mut files = BTreeMap::new();
    for line in labels.lines() {
        let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let file = row.get("file").and_then(Value::as_str).ok_or("a label without a file")?;
        let positive = row.get("positive").and_then(Value::as_bool).ok_or("a label without `positive`")?;
        files.insert(format!("{folder}/{file}"), (positive, Vec::new()));
    }
    for (path, finding) in super::scan(&[folder], kind)? {
        let outer = path.split('!').next().unwrap_or_default();
        if let Some((_, rules)) = files.get_mut(outer) {
            rules.push(finding.get("rule").and_then(Value::as_str).unwrap_or_default().to_owned());
        }
    }
    let count = |positive: bool, found: bool| {
        files.values().filter(|(label, rules)| *label == positive && rules.is_empty() != found).count()
    };
    let (hits, missed, false_alarms) = (count(true, true), count(true, false), count(false, true));
    let share = |part: usize, rest: usize| part as f64 / (part + rest).max(1) as f64;
    println!("{} files, {} positive", files.len(), hits + missed);
    println!("precision {:.3} ({false_alarms} false alarms)", share(hits, false_alarms));
    println!("recall    {:.3} ({missed} missed)", share(hits, missed));
    for (path, (positive, rules)) in files.iter().filter(|(_, (positive, rules))| *positive == rules.is_empty()) {
        println!("{} {path} {}", if *positive { "missed" } else { "false " }, rules.join(" "));
    }
    Ok(())
}
