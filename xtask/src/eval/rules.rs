//! Rules against labelled texts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use cordon_domain::{Confidence, Kind, Today};
use cordon_inspect::{Config, Engine, Hints, Piece, Scratch};
use flate2::read::GzDecoder;

/// Prints which share of `pos` texts has a secret, and which share of `neg` texts, at each confidence.
pub(crate) fn run(path: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let mut rows = Vec::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let row: serde_json::Value =
            serde_json::from_str(&line.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        let field = |name: &str| row.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        rows.push((field("rule"), field("kind"), field("text")));
    }
    let engine = Engine::new(Config::plain(Today(1_795_000_000)));
    let mut best = Vec::new();
    for (_, _, text) in &rows {
        let mut found = Vec::new();
        engine.inspect(&Piece::whole(text.as_bytes(), Hints::default()), &mut Scratch::default(), &mut found);
        let secrets = found.iter().filter_map(|found| {
            engine
                .info(found.rule)
                .filter(|info| info.kind == Kind::Secret)
                .map(|info| (found.confidence, info.id.to_string()))
        });
        best.push(secrets.max());
    }
    for floor in [Confidence::Low, Confidence::Medium, Confidence::High] {
        let share = |kind: &str| {
            let all = rows.iter().filter(|row| row.1 == kind).count();
            let hit = rows
                .iter()
                .zip(&best)
                .filter(|(row, best)| row.1 == kind && best.as_ref().is_some_and(|best| best.0 >= floor))
                .count();
            format!("{hit}/{all} = {:.1} %", 100.0 * hit as f64 / all.max(1) as f64)
        };
        println!("--confidence {:<7} pos {}   neg {}", floor.as_str(), share("pos"), share("neg"));
    }
    let mut wrong: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for ((rule, kind, text), best) in rows.iter().zip(&best) {
        let hit = best.as_ref().filter(|best| best.0 >= Confidence::Low);
        if hit.is_some() != (kind == "pos") {
            let fired = hit.map_or(String::new(), |hit| format!(" [{} {}]", hit.1, hit.0));
            wrong
                .entry((kind.as_str(), rule.as_str()))
                .or_default()
                .push(format!("{}{fired}", text.chars().take(200).collect::<String>()));
        }
    }
    for ((kind, rule), texts) in wrong {
        for text in texts {
            println!("{kind} {rule}: {text:?}");
        }
    }
    Ok(())
}
