//! What scans look for.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_domain::Today;
use cordon_inspect::custom::{self, Custom};
use cordon_inspect::{Config, Engine, Hints, Piece, Scratch};
use serde_json::json;

use crate::error::{Failure, read_named_text};
use crate::exit::Exit;

/// The rules of scans.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List all rules.
    List(List),
    /// Run the examples of your own rules: each must match, each negative example must not.
    ///
    /// Example: cordon rules test my-rules.toml
    Test(Test),
    /// Explain one rule: what it finds, how it is checked, what to do about a match.
    Explain(Explain),
}

#[derive(Args)]
pub(crate) struct List {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Test {
    /// Files of rules in TOML.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// The name of the rule.
    rule: String,
}

fn engine(rules: Vec<cordon_inspect::rule::Rule>) -> Engine {
    Engine::new(Config { rules, ..Config::plain(Today(0)) })
}

/// Reads rules from a file, in Cordon's form or gitleaks'.
pub(crate) fn read(path: &std::path::Path) -> Result<Custom, Failure> {
    custom::read(&read_named_text(path)?).map_err(|error| {
        Failure::usage(
            format!("`{}` holds no rules: {error}", path.display()),
            "see docs/rules.md for the form; gitleaks files are taken as they are",
        )
    })
}

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => {
            for info in engine(Vec::new()).infos() {
                if arguments.json {
                    println!(
                        "{}",
                        json!({"version": 1, "type": "rule", "id": info.id, "title": info.title, "kind": info.kind.as_str(), "severity": info.severity.as_str(), "fix": info.fix})
                    );
                } else {
                    println!("{:<34} {:<14} {:<9} {}", info.id, info.kind, info.severity, info.title);
                }
            }
            Ok(Exit::Clean)
        }
        Command::Test(arguments) => test(&arguments),
        Command::Explain(arguments) => explain(&arguments.rule),
    }
}

fn test(arguments: &Test) -> Result<Exit, Failure> {
    let mut failed = 0;
    let mut passed = 0;
    for path in &arguments.files {
        let custom = read(path)?;
        for (name, reason) in &custom.refused {
            println!("refused {name}: {reason}");
            failed += 1;
        }
        let engine = engine(custom.rules);
        let finds = |name: &str, text: &str| {
            let mut found = Vec::new();
            engine.inspect(&Piece::whole(text.as_bytes(), Hints::default()), &mut Scratch::default(), &mut found);
            found.iter().any(|found| engine.info(found.rule).is_some_and(|info| info.id == name))
        };
        let wanted = custom
            .examples
            .iter()
            .map(|example| (example, true))
            .chain(custom.negative_examples.iter().map(|example| (example, false)));
        for ((name, text), expect) in wanted {
            if finds(name, text) == expect {
                passed += 1;
            } else {
                failed += 1;
                println!("failed {name}: an example that must {}match", if expect { "" } else { "not " });
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed > 0 { Exit::Findings } else { Exit::Clean })
}

fn explain(name: &str) -> Result<Exit, Failure> {
    let engine = engine(Vec::new());
    let Some(info) = engine.infos().iter().find(|info| info.id == name) else {
        return Err(Failure::usage(format!("no rule is called `{name}`"), "see `cordon rules list`"));
    };
    println!(
        "{}: {}\nkind: {}\nseverity: {}, before the content is judged\nfix: {}",
        info.id, info.title, info.kind, info.severity, info.fix
    );
    if let Some(rule) = engine.rules().iter().find(|rule| rule.id == name) {
        println!("looks near: {}\npattern: {}\nchecked: {:?}", rule.anchors.join(", "), rule.pattern, rule.check);
    }
    Ok(Exit::Clean)
}
