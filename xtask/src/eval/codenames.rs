//! Codenames in disguise, and in ordinary text.

use serde_json::Value;

const NAMES: [&str; 5] = ["Glass Heron", "Mirador", "Quiet Lantern", "Ostrava", "Tindalos"];

/// Hides five names in ten ways each, then looks for them in the texts of `folder`, which speak of none of them.
pub(crate) fn run(folder: &str) -> Result<(), String> {
    let place = super::prepare("codenames")?;
    let mut lines = Vec::new();
    for name in NAMES {
        lines.extend(disguises(name).into_iter().map(|written| format!("so we ask {written} to wait")));
    }
    let path = format!("{place}/disguised.txt");
    std::fs::write(&path, lines.join("\n")).map_err(|error| error.to_string())?;
    let names: Vec<&str> = NAMES.iter().flat_map(|name| ["--codename", name]).collect();
    let scan = |target: &str| super::scan(&[&[target], names.as_slice()].concat(), "codename");
    let line = |finding: &Value| {
        let places = finding.get("locations").and_then(Value::as_array).cloned().unwrap_or_default();
        places.iter().filter_map(|place| place.get("line").and_then(Value::as_u64)).collect::<Vec<_>>()
    };
    let mut seen: Vec<u64> = scan(&path)?.iter().flat_map(|(_, finding)| line(finding)).collect();
    seen.sort_unstable();
    seen.dedup();
    println!("{} of {} disguises found", seen.len(), lines.len());
    for (number, text) in (1..).zip(&lines).filter(|(number, _)| !seen.contains(number)) {
        println!("missed {number}: {text}");
    }
    let alarms = scan(folder)?;
    println!("{} mentions in ordinary text", alarms.len());
    for (path, finding) in alarms.iter().take(20) {
        println!("false {path}: {}", finding.get("excerpt").and_then(Value::as_str).unwrap_or_default());
    }
    Ok(())
}

fn disguises(name: &str) -> Vec<String> {
    let map = |pairs: &[(char, &str)]| {
        let change =
            |c: char| pairs.iter().find(|(from, _)| *from == c).map_or_else(|| c.to_string(), |pair| pair.1.to_owned());
        name.chars().map(change).collect::<String>()
    };
    let humps: String = name.split(' ').collect();
    let between = |gap: &str| humps.chars().map(String::from).collect::<Vec<_>>().join(gap);
    vec![
        name.to_uppercase(),
        name.to_lowercase().replace(' ', "_") + "_v2",
        format!("load{humps}Weights()"),
        name.replace(' ', "-"),
        map(&[('a', "4"), ('e', "3"), ('i', "1"), ('o', "0"), ('s', "5")]),
        map(&[('a', "á"), ('e', "ë"), ('o', "ø"), ('i', "ï")]),
        map(&[('a', "а"), ('o', "о"), ('e', "е"), ('r', "r\u{200b}")]),
        between(" "),
        between("-"),
        format!("{}'s", name.replace(' ', "\n").to_lowercase()).replace('\n', " "),
    ]
}
