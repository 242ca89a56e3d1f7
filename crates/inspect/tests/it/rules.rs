//! Each built-in rule finds what its own pattern describes, through anchors, reach, boundaries and checks.

use cordon_domain::{Confidence, Today};
use cordon_inspect::rule::{Check, Reach, Rule};
use cordon_inspect::{Config, Engine, Hints, Match, Piece, Scratch};

use crate::generate::{Seed, expand};

pub(crate) fn engine(rules: Vec<Rule>) -> Engine {
    Engine::new(Config { rules, ..Config::plain(Today(1_790_000_000)) })
}

pub(crate) fn inspect(engine: &Engine, text: &str) -> Vec<Match> {
    let mut found = Vec::new();
    engine.inspect(&Piece::whole(text.as_bytes(), Hints::default()), &mut Scratch::default(), &mut found);
    found
}

/// Rules whose content is checked beyond what a pattern can describe; they have tests of their own.
fn is_structured(check: Check) -> bool {
    matches!(
        check,
        Check::GrafanaKey
            | Check::UrlCredentials
            | Check::Jwt
            | Check::PrivateKey
            | Check::AzureSas
            | Check::Basic
            | Check::Password
    )
}

#[test]
fn every_rule_finds_what_it_describes() {
    let engine = engine(Vec::new());
    let mut failed = Vec::new();
    for rule in engine.rules().iter().filter(|rule| !is_structured(rule.check)) {
        let mut hits = 0;
        let mut missed = Vec::new();
        for round in 0..5 {
            let mut text = expand(&rule.pattern, &mut Seed(round * 977 + 13));
            // The anchor of a rule that looks around itself may be the company the secret keeps.
            if let (Reach::Around(..), Some(anchor)) = (rule.reach, rule.anchors.first())
                && !text.contains(anchor.as_ref())
            {
                text = format!("{anchor} {text}");
            }
            let lower = text.to_ascii_lowercase();
            if !rule.anchors.iter().any(|anchor| lower.contains(&anchor.to_ascii_lowercase())) {
                failed.push(format!("{}: no anchor in `{text}`", rule.id));
            }
            let found = inspect(&engine, &format!("x = \"{text}\"\n"));
            let bare = inspect(&engine, &format!("\n{text}\n"));
            let hit = found.iter().chain(&bare).any(|found| found.confidence >= Confidence::Low);
            hits += usize::from(hit);
            if !hit {
                missed.push(text);
            }
        }
        if hits < 4 {
            failed.push(format!("{} ({hits}/5): {missed:?}", rule.id));
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn rules_are_many_and_have_names_of_their_own() {
    let engine = engine(Vec::new());
    let mut names: Vec<_> = engine.infos().iter().map(|info| info.id.clone()).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 500, "{count}");
    assert!(engine.infos().iter().all(|info| info.fix.len() > 20 && !info.title.is_empty()));
}

#[test]
fn placeholders_fall_below_what_is_shown() {
    let engine = engine(Vec::new());
    for text in [
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "api_key = \"your-api-key-goes-here\"",
        "postgres://user:${PASSWORD}@db.internal/x",
        "password: changeme",
    ] {
        assert!(inspect(&engine, text).iter().all(|found| found.confidence <= Confidence::Low), "{text}");
    }
}
